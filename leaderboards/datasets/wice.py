"""Reads WiCE (Kamoi et al., 2023): claims of Wikipedia with the pages that they cite."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import PurePosixPath
from typing import Any

from alignscore_metric.errors import InputError
from alignscore_metric.leaderboards.datasets.fields import choice_of, text_of
from alignscore_metric.leaderboards.datasets.files import DataFile, json_lines, require

_GRADES = {"supported": 1.0, "partially_supported": 0.5, "not_supported": 0.0}
_SPLITS = {"dev": "val", "test": "test"}


def read_wice(files: Sequence[DataFile]) -> list[dict[str, Any]]:
    """Rows of val (published as dev) and test: label 1 where the whole claim is supported.

    `human_score` is 0.5 for a claim that is supported in part.

    Args:
        files: `dev.jsonl` and `test.jsonl` of one granularity.

    Raises:
        InputError: Not in this format; names the file, the object and the field.
    """
    return [
        _row(record, number, file)
        for file in files
        for number, record in enumerate(json_lines(file), start=1)
    ]


def _row(record: dict[str, Any], number: int, file: DataFile) -> dict[str, Any]:
    where = f"{file.path}, object {number}"
    require(record, ("claim", "evidence", "label"), where)
    split = choice_of({"file": PurePosixPath(file.name).stem}, "file", _SPLITS, where)
    evidence = record["evidence"]
    if not isinstance(evidence, list) or not all(isinstance(one, str) for one in evidence):
        raise InputError(f"{where}: 'evidence' is not a list of sentences")
    label = choice_of(record, "label", _GRADES, where)
    return {
        "id": f"{split}-{number}",
        "source": "\n".join(evidence),
        "summary": text_of(record, "claim", where),
        "label": int(label == "supported"),
        "human_score": _GRADES[label],
        "system": None,
        "origin": "wikipedia",
        "split": _SPLITS[split],
        "errors": None if label == "supported" else label,
    }
