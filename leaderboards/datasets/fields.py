"""Fields of published records: what they must hold, and errors that name the place.

Knows nothing of any one format.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from alignscore_metric.errors import InputError
from alignscore_metric.leaderboards.items import ERROR_SEPARATOR


def text_of(record: Mapping[str, Any], key: str, where: str) -> str:
    """A field that must hold text, more than white space.

    Raises:
        InputError: It does not; names the place and the field.
    """
    value = record.get(key)
    if not isinstance(value, str):
        raise InputError(f"{where}: {key!r} is {type(value).__name__}, not text")
    if not value.strip():
        raise InputError(f"{where}: {key!r} is empty; leave the row out, or fetch the file again")
    return value


def label_of(record: Mapping[str, Any], key: str, where: str) -> int:
    """A field that must hold 0 or 1, as a number or as text.

    Raises:
        InputError: It does not; names the place and the field.
    """
    value = record.get(key)
    try:
        number = float(value)  # type: ignore[arg-type]  # whatever the file holds
    except (TypeError, ValueError):
        number = -1.0
    if number not in (0.0, 1.0):
        raise InputError(f"{where}: {key!r} is {value!r}, not 0 or 1")
    return int(number)


def choice_of(record: Mapping[str, Any], key: str, known: Iterable[str], where: str) -> str:
    """A field that must hold one of some words.

    Raises:
        InputError: It does not; names the place, the field and the words.
    """
    value, known = record.get(key), list(known)
    if value not in known:
        raise InputError(f"{where}: {key!r} is {value!r}, not one of {', '.join(known)}")
    return str(value)


def joined_errors(record: Mapping[str, Any], key: str, where: str) -> str | None:
    """A field that holds a list of error types, as the column `errors` has them.

    Raises:
        InputError: It holds something else.
    """
    value = record.get(key)
    if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
        raise InputError(f"{where}: {key!r} is not a list of words")
    return join_errors(value)


def join_errors(types: Iterable[str]) -> str | None:
    """Error types as the column `errors` has them: sorted, each once; None where there are none."""
    return ERROR_SEPARATOR.join(sorted(set(types))) or None


def checked_spans(spans: Iterable[tuple[Any, Any]], text: str, where: str) -> list[tuple[int, int]]:
    """Spans of characters, sorted.

    Args:
        spans: Beginnings and ends, the end not included.
        text: What they are in.
        where: The place, for errors.

    Raises:
        InputError: One is not inside the text, or holds no character; names it.
    """
    found = list(spans)
    for number, (start, end) in enumerate(found, start=1):
        whole = type(start) is int and type(end) is int
        if not whole or not 0 <= start < end <= len(text):
            raise InputError(
                f"{where}, span {number}: 'start' {start!r} and 'end' {end!r} are not inside the "
                f"text of {len(text)} characters"
            )
    return sorted(found)


def spans_text(spans: Iterable[tuple[int, int]]) -> str:
    """Spans as the column `spans` has them: JSON, `[[start, end], ...]`."""
    return json.dumps([list(span) for span in spans])
