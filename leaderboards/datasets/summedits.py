"""Reads SummEdits (Laban et al., 2023): summaries with edits, one JSON array for each domain."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import PurePosixPath
from typing import Any

from alignscore_metric.leaderboards.datasets.fields import joined_errors, label_of, text_of
from alignscore_metric.leaderboards.datasets.files import DataFile, json_records

_PREFIX = "summedits_"
_NEEDED = ("id", "doc", "summary", "label", "original_summary", "edit_types")


def read_summedits(files: Sequence[DataFile]) -> list[dict[str, Any]]:
    """Rows of all domains: label 1 for edits that keep the summary consistent.

    Rows whose `split` is `val` are val, all others test. `origin` is the domain, `errors` the types
    of the edit.

    Args:
        files: `summedits_DOMAIN.json`.

    Raises:
        InputError: Not in this format; names the file, the object and the field.
    """
    return [row for file in files for row in _rows(file)]


def _rows(file: DataFile) -> list[dict[str, Any]]:
    domain = PurePosixPath(file.name).stem.removeprefix(_PREFIX)
    return [
        _row(record, domain, f"{file.path}, object {number}")
        for number, record in enumerate(json_records(file, needed=_NEEDED), start=1)
    ]


def _row(record: dict[str, Any], domain: str, where: str) -> dict[str, Any]:
    return {
        "id": f"{domain}-{record['id']}",
        "source": text_of(record, "doc", where),
        "summary": text_of(record, "summary", where),
        "label": label_of(record, "label", where),
        "human_score": None,
        "system": None,
        "origin": domain,
        "split": "val" if record.get("split") == "val" else "test",
        "errors": joined_errors(record, "edit_types", where),
    }
