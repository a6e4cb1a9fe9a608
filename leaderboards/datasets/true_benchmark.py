"""Reads the CSV files that TRUE's download script writes (Honovich et al., 2022).

Columns `grounding`, `generated_text` and `label`, and others that differ from set to set.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from alignscore_metric.errors import InputError
from alignscore_metric.leaderboards.datasets.files import DataFile, csv_rows
from alignscore_metric.leaderboards.datasets.frank import origin_of


def read_true(
    files: Sequence[DataFile], *, row_id: str = "{row}", origin: str | None = None
) -> list[dict[str, Any]]:
    """Rows of one set, all of split `all`.

    Args:
        files: One CSV file.
        row_id: How ids are made: a format of the file's columns and `row`, the row's number
            from 0.
        origin: Where the texts come from; told by the article's hash where the file has one.

    Raises:
        InputError: A label that is not 0 or 1, or a missing column; names the row.
    """
    rows = csv_rows(files[0], needed=("grounding", "generated_text", "label"))
    return [
        {
            "id": row_id.format_map({**row, "row": number}),
            "source": row["grounding"],
            "summary": row["generated_text"],
            "label": _label(row["label"], f"{files[0].path}, row {number + 1}"),
            "human_score": None,
            "system": row.get("model"),
            "origin": origin_of(row["hash"]) if "hash" in row else origin,
            "split": "all",
        }
        for number, row in enumerate(rows)
    ]


def _label(value: str, where: str) -> int:
    if value not in ("0", "1"):
        raise InputError(f"{where}: label {value!r}, not 0 or 1")
    return int(value)
