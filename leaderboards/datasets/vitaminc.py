"""Reads VitaminC's published zip of real revisions (Schuster et al., 2021)."""

from __future__ import annotations

import io
import zipfile
import zlib
from collections.abc import Sequence
from typing import Any

from alignscore_metric.errors import InputError
from alignscore_metric.leaderboards.datasets.files import DataFile, json_lines, require

_MEMBER = "vitaminc_real/test.jsonl"
_LABELS = ("SUPPORTS", "REFUTES", "NOT ENOUGH INFO")


def read_vitaminc(files: Sequence[DataFile]) -> list[dict[str, Any]]:
    """Rows of the test split: label 1 for SUPPORTS.

    Args:
        files: `vitaminc_real.zip`.

    Raises:
        InputError: Not a zip, or not this one; names the record.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(files[0].content)) as archive:
            content = archive.read(_MEMBER)
    except (EOFError, KeyError, zipfile.BadZipFile, zlib.error) as cause:
        raise InputError(
            f"{files[0].path} is not a zip with {_MEMBER} in it ({cause}); fetch it again"
        ) from cause
    member = DataFile(_MEMBER, files[0].path / _MEMBER, content)
    return [
        _row(record, f"{member.path}, record {number}")
        for number, record in enumerate(json_lines(member), start=1)
    ]


def _row(record: dict[str, Any], where: str) -> dict[str, Any]:
    require(record, ("unique_id", "label", "claim", "evidence"), where)
    if record["label"] not in _LABELS:
        raise InputError(f"{where}: label {record['label']!r}, not one of {', '.join(_LABELS)}")
    return {
        "id": record["unique_id"],
        "source": record["evidence"],
        "summary": record["claim"],
        "label": int(record["label"] == "SUPPORTS"),
        "human_score": None,
        "system": None,
        "origin": "real",
        "split": "test",
    }
