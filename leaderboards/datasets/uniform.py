"""Reads this project's own format: JSON-lines with the columns of an evaluation set."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from alignscore_metric.leaderboards.datasets.fields import joined_errors
from alignscore_metric.leaderboards.datasets.files import DataFile, json_lines, require
from alignscore_metric.leaderboards.items import COLUMNS, DETAIL_COLUMNS


def read_uniform(
    files: Sequence[DataFile],
    *,
    number_repeated_ids: bool = False,
    label: str = "label",
    annotations: str | None = None,
) -> list[dict[str, Any]]:
    """Rows of all splits; keys other than the columns of an evaluation set are left out.

    Args:
        files: One JSON-lines file.
        number_repeated_ids: Whether the second row of an id `x` is called `x#2`, the third `x#3`.
        label: Key of the label, where a file holds labels by several rules.
        annotations: Key of what tells whether annotators were divided: the list of their
            judgments, or the share of them that found no error.

    Raises:
        InputError: A row lacks a column; names it.
    """
    rows = json_lines(files[0])
    for number, row in enumerate(rows, start=1):
        require(row, (*COLUMNS, label), f"{files[0].path}, row {number}")
    kept = [_kept(row, label, annotations, files[0].path, n) for n, row in enumerate(rows, 1)]
    return _numbered(kept) if number_repeated_ids else kept


def _kept(
    row: dict[str, Any], label: str, annotations: str | None, path: Path, number: int
) -> dict[str, Any]:
    kept = {name: row.get(name) for name in (*COLUMNS, *DETAIL_COLUMNS)} | {"label": row[label]}
    if isinstance(row.get("errors"), list):
        kept["errors"] = joined_errors(row, "errors", f"{path}, row {number}")
    return kept if annotations is None else kept | {"divided": _divided(row.get(annotations))}


def _divided(judgments: Any) -> float | None:  # noqa: ANN401  # a list, a share, or nothing
    """Whether annotators were divided; None where a row does not tell."""
    if isinstance(judgments, list):
        return float(len(set(judgments)) > 1) if judgments else None
    return None if judgments is None else float(0 < judgments < 1)


def _numbered(rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    seen: Counter[str] = Counter()
    made = []
    for row in rows:
        seen[row["id"]] += 1
        again = seen[row["id"]]
        made.append(row | {"id": f"{row['id']}#{again}"} if again > 1 else row)
    return made
