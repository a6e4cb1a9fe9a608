"""Reads RAGTruth (Niu et al., 2024): responses of language models with hallucinated spans."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from alignscore_metric.errors import InputError
from alignscore_metric.leaderboards.datasets.fields import (
    checked_spans,
    choice_of,
    join_errors,
    spans_text,
    text_of,
)
from alignscore_metric.leaderboards.datasets.files import DataFile, json_lines, require

_SPLITS = {"train": "val", "test": "test"}
_TASKS = ("QA", "Data2txt", "Summary")
_RESPONSE = ("id", "source_id", "model", "labels", "split", "response")
_SOURCE = ("source_id", "task_type", "source_info")


def read_ragtruth(files: Sequence[DataFile]) -> list[dict[str, Any]]:
    """One row per response: label 1 where no span of it is marked.

    The published train split is val here: thresholds are tuned on it. `origin` is the task.

    Args:
        files: `response.jsonl` and `source_info.jsonl`.

    Raises:
        InputError: Not in this format, a span outside its response, a response without a source;
            names the file, the line's object and the field.
    """
    responses, sources = files
    known = dict(_source(*one) for one in _records(sources, _SOURCE))
    return [_row(record, known, where) for record, where in _records(responses, _RESPONSE)]


def _records(file: DataFile, needed: Sequence[str]) -> list[tuple[dict[str, Any], str]]:
    found = []
    for number, record in enumerate(json_lines(file), start=1):
        where = f"{file.path}, object {number}"
        require(record, needed, where)
        found.append((record, where))
    return found


def _source(record: dict[str, Any], where: str) -> tuple[str, tuple[str, str]]:
    """Its id, and its task with its text: of data the JSON, of a question it and the passages."""
    task, info = choice_of(record, "task_type", _TASKS, where), record["source_info"]
    if task == "QA":
        if not isinstance(info, dict):
            raise InputError(f"{where}: 'source_info' of a question is not an object")
        text = f"{text_of(info, 'question', where)}\n\n{text_of(info, 'passages', where)}"
    elif task == "Data2txt":
        text = json.dumps(info, ensure_ascii=False)
    else:
        text = text_of(record, "source_info", where)
    return str(record["source_id"]), (task, text)


def _row(
    record: dict[str, Any], sources: Mapping[str, tuple[str, str]], where: str
) -> dict[str, Any]:
    if str(record["source_id"]) not in sources:
        raise InputError(f"{where}: no source with 'source_id' {record['source_id']!r}")
    task, source = sources[str(record["source_id"])]
    response = text_of(record, "response", where)
    labels = _labels(record["labels"], where)
    spans = checked_spans(((one["start"], one["end"]) for one in labels), response, where)
    return {
        "id": str(record["id"]),
        "source": source,
        "summary": response,
        "label": int(not labels),
        "human_score": None,
        "system": str(record["model"]),
        "origin": task,
        "split": _SPLITS[choice_of(record, "split", _SPLITS, where)],
        "errors": join_errors(str(one["label_type"]) for one in labels),
        "spans": spans_text(spans),
    }


def _labels(labels: Any, where: str) -> list[dict[str, Any]]:  # noqa: ANN401  # as the file has it
    if not isinstance(labels, list):
        raise InputError(f"{where}: 'labels' is not a list")
    for number, one in enumerate(labels, start=1):
        needed = ("start", "end", "label_type")
        require(one if isinstance(one, dict) else (), needed, f"{where}, label {number}")
    return labels
