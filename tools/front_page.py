"""The tables of README.md and docs/models.md: what boards measured, what the authors published.

    python tools/front_page.py            # writes them anew, after `make leaderboard`
    python tools/front_page.py --check    # exits with 1 where one is not what the boards say

Owns the tables between the marks alone. Reads leaderboards/results/*.json, published.json and the
bundled weights' hash; computes nothing.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import re
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

ROOT = Path(__file__).resolve().parents[1]
RESULTS = ROOT / "leaderboards" / "results"
PUBLISHED = ROOT / "leaderboards" / "published.json"
WEIGHTS = ROOT / "alignscore_metric" / "models" / "mini" / "model.safetensors"

BOARDS = {
    "summac": ("summac_inaccuracy.test.roc_auc", "summac.test.roc_auc"),
    "true": ("true.all.roc_auc",),
    "other": ("alignscore_other.all.spearman",),
}
"""The published tables' names, and the boards' files: the first that there is.

AlignScore's authors judge PolyTope by its inaccuracy label, SummaC's by the overall one.
"""
TITLES = {"summac": "SummaC", "true": "TRUE", "other": "the other seven"}

MEASURED = {"mini,precision=bf16": "`mini`", "rouge2_precision": "ROUGE-2 precision"}
SIZES = {"AlignScore-large": "355M", "AlignScore-base": "125M", "`mini`": "22.6M"}

MARK = re.compile(r"(?<=<!-- board -->\n).*?(?=<!-- end of board -->)", flags=re.DOTALL)


class Mean(NamedTuple):
    """A mean x 100 with its 95% interval; of published ones the value alone."""

    value: float
    low: float | None = None
    high: float | None = None

    def text(self, *, interval: bool) -> str:
        """As tables have it."""
        if not interval or self.low is None:
            return f"{self.value:.1f}"
        return f"{self.value:.1f} ({self.low:.1f}\N{EN DASH}{self.high:.1f})"


def read_boards() -> dict[str, dict[str, Any]]:
    """The three boards by their published tables' names."""
    files = {
        key: next(file for name in names if (file := RESULTS / f"{name}.json").exists())
        for key, names in BOARDS.items()
    }
    return {key: json.loads(file.read_text(encoding="utf-8")) for key, file in files.items()}


def means(boards: Mapping[str, Mapping[str, Any]]) -> dict[str, list[Mean]]:
    """A row for each model: the mean of each benchmark."""
    tables = {table["id"]: table["rows"] for table in json.loads(PUBLISHED.read_text("utf-8"))}
    rows = {
        f"{name}, published": [Mean(tables[f"alignscore-readme-{key}"][name][-1]) for key in boards]
        for name in ("AlignScore-large", "AlignScore-base")
    }
    for metric, name in MEASURED.items():
        found = [
            next(row["mean"] for row in board["rows"] if row["metric"] == metric)
            for board in boards.values()
        ]
        rows[f"{name}, measured here"] = [
            Mean(*(100 * mean[key] for key in ("value", "low", "high"))) for mean in found
        ]
    return rows


def measured_weights(boards: Mapping[str, Mapping[str, Any]]) -> str:
    """Which weights of the bundled aligner the boards are of, as their signatures say."""
    found = {
        match[1][:8]
        for board in boards.values()
        for row in board["rows"]
        if (match := re.search(r"\|model:mini\|weights:(\w+)\|", row["source"]))
    }
    if len(found) != 1:
        raise SystemExit(f"the boards are of several weights: {', '.join(sorted(found))}")
    return found.pop()


def table(boards: Mapping[str, Mapping[str, Any]], *, intervals: bool) -> str:
    """The table, and what it was measured with."""
    lines = [
        "| model | parameters | SummaC, test | TRUE | other seven |",
        "|---|---|---|---|---|",
    ]
    for name, row in means(boards).items():
        cells = " | ".join(mean.text(interval=intervals) for mean in row)
        lines.append(f"| {name} | {SIZES.get(name.partition(',')[0], '')} | {cells} |")
    measured = measured_weights(boards)
    bundled = hashlib.sha256(WEIGHTS.read_bytes()).hexdigest()[:8]
    note = f"`mini` was measured with the weights `{measured}`"
    note += "." if bundled == measured else f"; the package has newer ones since, `{bundled}`."
    return "\n".join(lines) + f"\n\n{note} {differences(boards)}\n"


def differences(boards: Mapping[str, Mapping[str, Any]]) -> str:
    """In which data the measured means differ from the published ones, in words."""
    absent = [
        f"{TITLES[key]} without {', '.join(task.partition('/')[0] for task in missing)}"
        for key, board in boards.items()
        if (missing := board["settings"]["missing_tasks"])
    ]
    found = f"Measured: {'; '.join(absent)}." if absent else ""
    if boards["summac"]["benchmark"] == "summac":
        found += " PolyTope is judged by SummaC's label, in the published rows by inaccuracy."
    return found.strip()


def pages() -> dict[Path, str]:
    """Both pages as they should be."""
    boards = read_boards()
    found = {}
    for page, intervals in ((ROOT / "README.md", True), (ROOT / "docs" / "models.md", False)):
        content = table(boards, intervals=intervals)
        text, count = MARK.subn(lambda _: content, page.read_text(encoding="utf-8"))  # noqa: B023
        if count != 1:
            raise SystemExit(f"{page.name} needs one <!-- board --> ... <!-- end of board -->")
        found[page] = text
    return found


def main(arguments: list[str] | None = None) -> int:
    """Write or check both pages; the exit code."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--check", action="store_true", help="change nothing")
    check = parser.parse_args(arguments).check
    stale = [page for page, text in pages().items() if page.read_text(encoding="utf-8") != text]
    for page in stale:
        print(f"{page.name}: {'not what the boards say' if check else 'written'}")
        if not check:
            page.write_text(pages()[page], encoding="utf-8")
    return int(check and bool(stale))


if __name__ == "__main__":
    sys.exit(main())
