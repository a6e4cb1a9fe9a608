"""Reads this project's own format: JSON-lines with the columns of an evaluation set."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from alignscore_metric.leaderboards.datasets.files import DataFile, json_lines, require
from alignscore_metric.leaderboards.items import COLUMNS


def read_uniform(
    files: Sequence[DataFile], *, number_repeated_ids: bool = False
) -> list[dict[str, Any]]:
    """Rows of all splits; keys other than the columns of an evaluation set are left out.

    Args:
        files: One JSON-lines file.
        number_repeated_ids: Whether the second row of an id `x` is called `x#2`, the third `x#3`.

    Raises:
        InputError: A row lacks a column; names it.
    """
    rows = json_lines(files[0])
    for number, row in enumerate(rows, start=1):
        require(row, COLUMNS, f"{files[0].path}, row {number}")
    kept = [{column: row[column] for column in COLUMNS} for row in rows]
    return _numbered(kept) if number_repeated_ids else kept


def _numbered(rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    seen: Counter[str] = Counter()
    made = []
    for row in rows:
        seen[row["id"]] += 1
        again = seen[row["id"]]
        made.append(row | {"id": f"{row['id']}#{again}"} if again > 1 else row)
    return made
