"""The texts that a published file lacks, given by the user in a JSON-lines file.

Knows nothing of data cards.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from alignscore_metric.errors import InputError
from alignscore_metric.leaderboards.datasets.files import json_lines, read

_TEXTS = ("source", "summary")


def read_documents(path: Path) -> dict[str, dict[str, str]]:
    """Texts by id.

    Args:
        path: JSON-lines, each with `id` (of a row) or `document_id`, and `source` (or `document`)
            or `summary` or both. May be compressed (.gz).

    Raises:
        InputError: Broken, or a line without an id or a text; names it.
    """
    texts: dict[str, dict[str, str]] = {}
    for number, record in enumerate(json_lines(read(path)), start=1):
        key = record.get("id", record.get("document_id"))
        given = record if "source" in record else record | {"source": record.get("document")}
        kept = {name: given[name] for name in _TEXTS if isinstance(given.get(name), str)}
        if not isinstance(key, str | int) or not kept:
            raise InputError(
                f"{path}, object {number}: give an `id` or `document_id` and a `source` text"
            )
        texts.setdefault(str(key), {}).update(kept)
    return texts


def with_documents(
    rows: Sequence[Mapping[str, Any]], texts: Mapping[str, Mapping[str, str]]
) -> tuple[list[dict[str, Any]], list[str]]:
    """Rows with the texts that they lack.

    Args:
        rows: With `source` or `summary` None where one is lacking.
        texts: By row id, or by the rows' `document_id`.

    Returns:
        The rows that are whole now, and the ids of the others.
    """
    whole, lacking = [], []
    for row in rows:
        given = {**texts.get(str(row.get("document_id")), {}), **texts.get(row["id"], {})}
        filled = dict(row) | {name: given.get(name) for name in _TEXTS if row[name] is None}
        if any(filled[name] is None for name in _TEXTS):
            lacking.append(row["id"])
        else:
            whole.append(filled)
    return whole, lacking
