r"""Draw the learning curve of training runs that followed one another.

Reads `training_log.jsonl` of each run's folder, and a file of measures along the way: JSON-lines of
`tokens` (since the first run's beginning) and any measures by name.

    python benchmarks/training_curves.py mini-inference mini --measures measures.jsonl \
        --output docs/training.png
"""

from __future__ import annotations

import argparse
import json
from collections import defaultdict
from pathlib import Path

import numpy as np
from matplotlib import pyplot

SMOOTHED = 15
"""Lines of the log, of twenty steps each, that a point of the loss is the mean of."""


def losses(folders: list[Path]) -> list[tuple[list[float], list[float]]]:
    """Millions of tokens since the beginning, and loss, of each run."""
    found, before = [], 0.0
    for folder in folders:
        lines = (folder / "training_log.jsonl").read_text(encoding="utf-8").splitlines()
        rows = [row for row in map(json.loads, lines) if "loss" in row]
        tokens = [before + row["tokens"] / 1e6 for row in rows]
        smooth = [
            float(np.mean([row["loss"] for row in rows[max(0, i - SMOOTHED + 1) : i + 1]]))
            for i in range(len(rows))
        ]
        found.append((tokens, smooth))
        before = tokens[-1]
    return found


def measures(file: Path) -> dict[str, list[tuple[float, float]]]:
    """Points (millions of tokens, value) of each measure."""
    found: dict[str, list[tuple[float, float]]] = defaultdict(list)
    for row in map(json.loads, file.read_text(encoding="utf-8").splitlines()):
        for name, value in row.items():
            if name != "tokens":
                found[name].append((row["tokens"] / 1e6, value))
    return found


def main() -> None:
    """Read and draw."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("runs", type=Path, nargs="+", help="folders, in the order of training")
    parser.add_argument("--measures", type=Path, help="JSON-lines of measures along the way")
    parser.add_argument("--output", type=Path, required=True)
    args = parser.parse_args()
    figure, (left, right) = pyplot.subplots(1, 2, figsize=(9, 3.4))
    for folder, (tokens, loss) in zip(args.runs, losses(args.runs), strict=True):
        left.plot(tokens, loss, label=folder.name)
    left.set(xlabel="million tokens", ylabel="loss (of each stage's own mixture)")
    for name, points in measures(args.measures).items() if args.measures else ():
        right.plot(*zip(*points, strict=True), marker="o", markersize=3, label=name)
    right.set(xlabel="million tokens", ylabel="%")
    for axes in (left, right):
        axes.grid(alpha=0.3)
        axes.legend(fontsize=8)
    figure.tight_layout()
    figure.savefig(args.output, dpi=120)


if __name__ == "__main__":
    main()
