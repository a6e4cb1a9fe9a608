"""Reads FaithBench (Bao et al., 2025): summaries by language models that detectors disagree on."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from pathlib import PurePosixPath
from typing import Any

from alignscore_metric.errors import InputError
from alignscore_metric.leaderboards.datasets.fields import (
    checked_spans,
    choice_of,
    spans_text,
    text_of,
)
from alignscore_metric.leaderboards.datasets.files import DataFile, csv_rows, require

_SEVERITY = {"Consistent": 0, "Benign": 1, "Questionable": 2, "Unwanted": 3}
_INCONSISTENT = ("Questionable", "Unwanted")
_COLUMNS = ("source", "summary", "LLM", "worst-label", "best-label")


def read_faithbench(files: Sequence[DataFile]) -> list[dict[str, Any]]:
    """Rows by the worst label of any annotator: 0 for Unwanted and Questionable, else 1.

    Annotators are divided where the worst and the best label fall on different sides.

    Args:
        files: `FaithBench.csv`.

    Raises:
        InputError: Not in this format; names the row and the field.
    """
    rows = []
    for number, record in enumerate(csv_rows(files[0], needed=_COLUMNS), start=1):
        where = f"{files[0].path}, row {number}"
        worst, best = (choice_of(record, f"{k}-label", _SEVERITY, where) for k in ("worst", "best"))
        divided = (worst in _INCONSISTENT) != (best in _INCONSISTENT)
        rows.append(
            _row(f"faithbench-{number}", record, where)
            | {"system": record["LLM"], "divided": float(divided)}
            | _judgment(worst)
        )
    return rows


def read_faithbench_spans(files: Sequence[DataFile]) -> list[dict[str, Any]]:
    """The same by the annotated spans: the worst label of any span; none is consistent.

    `spans` are those labelled Unwanted or Questionable.

    Args:
        files: `batch_1.json` and so on.

    Raises:
        InputError: Not in this format, or a span outside the summary; names file, sample, field.
    """
    return [row for file in files for row in _batch(file)]


def _batch(file: DataFile) -> list[dict[str, Any]]:
    try:
        samples = json.loads(file.text())["samples"]
        numbered = list(enumerate(samples))
    except (KeyError, TypeError, ValueError, RecursionError) as cause:
        raise InputError(f"{file.path} is not a batch with 'samples' ({cause!r})") from cause
    return [_sample(sample, PurePosixPath(file.name).stem, n, file) for n, sample in numbered]


def _sample(sample: Any, batch: str, number: int, file: DataFile) -> dict[str, Any]:  # noqa: ANN401
    where = f"{file.path}, sample {number}"
    needed = ("source", "summary", "annotations", "metadata")
    require(sample if isinstance(sample, dict) else (), needed, where)
    row = _row(f"{batch}-{number}", sample, where)
    marked = []
    for place, one in enumerate(sample["annotations"], start=1):
        here = f"{where}, annotation {place}"
        require(one, ("label", "summary_start", "summary_end"), here)
        marked.append((_worst(one["label"], here), (one["summary_start"], one["summary_end"])))
    counted = [span for label, span in marked if label in _INCONSISTENT]
    worst = max((label for label, _ in marked), key=_SEVERITY.__getitem__, default="Consistent")
    spans = checked_spans(counted, row["summary"], where)
    system = text_of(sample["metadata"], "summarizer", where)
    return row | {"system": system, "spans": spans_text(spans)} | _judgment(worst)


def _worst(labels: Iterable[str], where: str) -> str:
    """Of the labels of one annotation; `Unwanted.Intrinsic` is a kind of Unwanted."""
    kinds = [
        choice_of({"label": str(one).partition(".")[0]}, "label", _SEVERITY, where)
        for one in labels
    ]
    return max(kinds, key=_SEVERITY.__getitem__, default="Consistent")


def _judgment(worst: str) -> dict[str, Any]:
    wrong = worst in _INCONSISTENT
    return {"label": int(not wrong), "errors": worst if wrong else None}


def _row(row_id: str, record: dict[str, Any], where: str) -> dict[str, Any]:
    return {
        "id": row_id,
        "source": text_of(record, "source", where),
        "summary": text_of(record, "summary", where),
        "human_score": None,
        "origin": "faithbench",
        "split": "all",
    }
