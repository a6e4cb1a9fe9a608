"""Measures of marked spans: which characters or tokens of a text are unsupported.

Counts of each row first, then a statistic of weighted rows, as `statistics` has them: precision,
recall and F1 over all characters (or tokens) of all rows. Knows nothing of texts: tokens are spans
too.

Source: RAGTruth (Niu et al. 2024, ACL): span-level measures count the characters that marked and
predicted spans share.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Literal, NamedTuple

import numpy as np

from alignscore_metric.arrays import Floats
from alignscore_metric.scores.statistics import Statistic

Span = tuple[int, int]
SpanMeasure = Literal["precision", "recall", "f1"]


class SpanCounts(NamedTuple):
    """Of one row: marked units, predicted ones, and those that are both."""

    marked: int
    predicted: int
    shared: int


def character_counts(marked: Iterable[Span], predicted: Iterable[Span]) -> SpanCounts:
    """Counts of characters; one that lies in several spans counts once.

    Args:
        marked: Beginnings and ends, the end not included.
        predicted: The same of a metric.

    Example:
        >>> character_counts([(0, 4)], [(2, 6), (3, 5)])
        SpanCounts(marked=4, predicted=4, shared=2)
    """
    return _counts(_characters(marked), _characters(predicted))


def token_counts(
    tokens: Sequence[Span], marked: Iterable[Span], predicted: Iterable[Span]
) -> SpanCounts:
    """Counts of tokens; a token is in a span where any of its characters is.

    Args:
        tokens: Of the text, by their characters.
        marked: Beginnings and ends, the end not included.
        predicted: The same of a metric.
    """
    kinds = [_characters(spans) for spans in (marked, predicted)]
    found = [
        {place for place, token in enumerate(tokens) if not kind.isdisjoint(range(*token))}
        for kind in kinds
    ]
    return _counts(*found)


def span_measure(counts: Sequence[SpanCounts], measure: SpanMeasure = "f1") -> Statistic:
    """Precision, recall or F1 over the units of all rows; undefined where nothing is counted.

    Args:
        counts: Of N rows.
        measure: Which.
    """
    marked, predicted, shared = np.array(counts, dtype=float).reshape(-1, 3).T
    below = {"precision": predicted, "recall": marked, "f1": (marked + predicted) / 2}[measure]

    def statistic(weights: Floats, system_weights: Floats | None = None) -> Floats:
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.asarray((weights @ shared) / (weights @ below))

    return statistic


def _characters(spans: Iterable[Span]) -> set[int]:
    return {place for span in spans for place in range(*span)}


def _counts(marked: set[int], predicted: set[int]) -> SpanCounts:
    return SpanCounts(len(marked), len(predicted), len(marked & predicted))
