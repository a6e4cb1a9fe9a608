"""Reads BUMP (Ma et al., 2023): reference summaries and the same with one error."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from alignscore_metric.leaderboards.datasets.fields import text_of
from alignscore_metric.leaderboards.datasets.files import DataFile, json_records

_NEEDED = ("id", "article", "reference_summary", "edited_summary", "error_type")


def read_bump(files: Sequence[DataFile]) -> list[dict[str, Any]]:
    """A row for each edited summary, label 0, and one for each article's reference, label 1.

    A reference that several edits share is one row, so that each edit makes one pair with it.

    Args:
        files: `task1_dataset.json`.

    Raises:
        InputError: Not in this format; names the object and the field.
    """
    rows: dict[tuple[str, str, int], dict[str, Any]] = {}
    for number, record in enumerate(json_records(files[0], needed=_NEEDED), start=1):
        where = f"{files[0].path}, object {number}"
        article = text_of(record, "article", where)
        for kind, label in (("reference", 1), ("edited", 0)):
            summary = text_of(record, f"{kind}_summary", where)
            row = {
                "id": f"{record['id']}-{kind}",
                "source": article,
                "summary": summary,
                "label": label,
                "human_score": None,
                "system": None,
                "origin": "cnndm",
                "split": "all",
                "errors": None if label else text_of(record, "error_type", where),
            }
            rows.setdefault((article, summary, label if label else -number), row)
    return list(rows.values())
