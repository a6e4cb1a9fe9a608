"""Reads GO FIGURE's judgments of SAMSum summaries (Gabriel et al., 2021) as JSON-lines."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from alignscore_metric.errors import InputError
from alignscore_metric.leaderboards.datasets.files import DataFile, json_lines, require

_LABELS = {"factual": 1, "factually incorrect": 0, "too incoherent": 0}


def read_samsum(files: Sequence[DataFile]) -> list[dict[str, Any]]:
    """One row per summary: label 1 for factual, 0 for factually incorrect and too incoherent.

    Args:
        files: JSON-lines with `article`, `summary` and `label`.

    Raises:
        InputError: Not in this format; names the record.
    """
    return [
        _row(record, number, f"{files[0].path}, record {number + 1}")
        for number, record in enumerate(json_lines(files[0]))
    ]


def _row(record: dict[str, Any], number: int, where: str) -> dict[str, Any]:
    require(record, ("article", "summary", "label"), where)
    if record["label"] not in _LABELS:
        raise InputError(f"{where}: label {record['label']!r}, not one of {', '.join(_LABELS)}")
    label = _LABELS[record["label"]]
    return {
        "id": f"samsum-{number}",
        "source": record["article"],
        "summary": record["summary"],
        "label": label,
        "human_score": float(label),
        "system": None,
        "origin": "samsum",
        "split": "all",
    }
