"""Spans that a metric marks as unsupported, against those that people marked.

Reads predicted spans and makes one table: precision, recall and F1 over characters, F1 over tokens,
by the rows' origin and over all. The measures are `scores.spans`; intervals are over documents.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from alignscore_metric.errors import InputError
from alignscore_metric.leaderboards.datasets.fields import checked_spans
from alignscore_metric.leaderboards.datasets.files import json_lines, read
from alignscore_metric.leaderboards.tables.layout import DASH, TIMES_100, Layout, Line, TableEntry
from alignscore_metric.scores.intervals import Design, Resampling, Sampled
from alignscore_metric.scores.spans import (
    Span,
    SpanCounts,
    SpanMeasure,
    character_counts,
    span_measure,
    token_counts,
)

if TYPE_CHECKING:
    import pandas as pd

    from alignscore_metric.leaderboards.items import EvaluationSet

_TOKEN = re.compile(r"\S+")
_COLUMNS: tuple[tuple[str, SpanMeasure], ...] = (
    ("characters", "precision"), ("characters", "recall"), ("characters", "f1"), ("tokens", "f1"),
)  # fmt: skip


def read_spans(path: Path) -> dict[str, list[Span]]:
    """Predicted spans by row id.

    Args:
        path: JSON-lines of `id` and `spans`: lists `[start, end]`, or objects with `start` and
            `end`, the end not included.

    Raises:
        InputError: An object lacks one of them, or a second one has its id; names it.
    """
    found: dict[str, list[Span]] = {}
    for number, record in enumerate(json_lines(read(path)), start=1):
        where = f"{path}, object {number}"
        row, spans = record.get("id"), record.get("spans")
        if not isinstance(row, str | int) or not isinstance(spans, list):
            raise InputError(f"{where}: give an 'id', and 'spans' as a list of [start, end]")
        if str(row) in found:
            raise InputError(f"{where}: a second object with the id {row!r}")
        found[str(row)] = [_span(span, where) for span in spans]
    return found


def span_table(
    data: EvaluationSet, predicted: Mapping[str, Sequence[Span]], settings: Resampling
) -> Layout:
    """The table of one metric's spans on one set.

    Args:
        data: With `spans` in its rows; rows without are left out.
        predicted: By row id, one entry for each row that has spans.
        settings: Of the intervals.

    Raises:
        InputError: No row has marked spans, a row has no prediction, or a span is outside its text.
    """
    frame = data.frame[data.frame["spans"].notna()]
    if frame.empty:
        raise InputError(f"{data.dataset}/{data.split}: nobody marked spans in these rows")
    if missing := [one for one in frame["id"] if one not in predicted]:
        raise InputError(
            f"{data.dataset}/{data.split}: {len(missing)} rows have no predicted spans, the first "
            f"is {missing[0]}; give an empty list where there is none"
        )
    counted = _counts(frame, predicted)
    groups = {name: (frame["origin"] == name).to_numpy() for name in sorted(set(frame["origin"]))}
    groups["all"] = frame["source"].notna().to_numpy()
    lines = []
    for name, rows in groups.items():
        design = Design.of(frame["source"][rows].to_numpy(dtype=str))
        picked = {unit: [c for c, kept in zip(all_, rows, strict=True) if kept]
                  for unit, all_ in counted.items()}  # fmt: skip
        lines.append(_line(name, picked, design, settings))
    return Layout(
        title=f"{data.dataset} ({data.split}): unsupported spans {TIMES_100}",
        facts=f"Settings: resamples {settings.resamples}; seed {settings.seed}; tokens are what "
        "white space separates",
        corner="rows of",
        headings=(TableEntry("rows"), *(TableEntry(" ".join(column)) for column in _COLUMNS)),
        measured=tuple(lines),
        legend=(f"a{DASH}b: {100 * settings.level:g}% interval over documents",),
    )


def _span(span: Any, where: str) -> Span:  # noqa: ANN401  # whatever the file holds
    if isinstance(span, dict):
        span = [span.get("start"), span.get("end")]
    if not isinstance(span, list) or len(span) != 2:
        raise InputError(f"{where}: a span is [start, end], not {span!r}")
    return span[0], span[1]


def _counts(
    frame: pd.DataFrame, predicted: Mapping[str, Sequence[Span]]
) -> dict[str, list[SpanCounts]]:
    characters, tokens = [], []
    for row, text, marked in zip(frame["id"], frame["summary"], frame["spans"], strict=True):
        truth = [(start, end) for start, end in json.loads(marked)]
        guess = checked_spans(predicted[row], text, f"predicted spans of {row}")
        characters.append(character_counts(truth, guess))
        words = [match.span() for match in _TOKEN.finditer(text)]
        tokens.append(token_counts(words, truth, guess))
    return {"characters": characters, "tokens": tokens}


def _line(
    name: str, counts: Mapping[str, list[SpanCounts]], design: Design, settings: Resampling
) -> Line:
    entries = [TableEntry(f"{len(counts['characters']):,}")]
    for unit, measure in _COLUMNS:
        sampled = Sampled.of(
            span_measure(counts[unit], measure),
            design,
            resamples=settings.resamples,
            rng=settings.rng,
            lowest=0.0,
        )
        found = sampled.estimate(settings.level)
        bounded = not math.isnan(found.low)
        entries.append(
            TableEntry(
                "n/a" if math.isnan(found.value) else f"{100 * found.value:.1f}",
                f"{100 * found.low:.1f}{DASH}{100 * found.high:.1f}" if bounded else "",
            )
        )
    return Line(TableEntry(name), tuple(entries))
