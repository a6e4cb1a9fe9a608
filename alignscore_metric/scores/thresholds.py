"""Thresholds as other groups tune them on val: SummaC's way and AlignScore's."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from alignscore_metric.arrays import Floats
from alignscore_metric.scores.statistics import binary, finite


def summac_threshold(labels: npt.ArrayLike, scores: npt.ArrayLike) -> float:
    """The threshold that SummaC tunes: best balanced accuracy of `score > t`, the last best.

    Candidates are the percentiles 0, 0.2, ..., 99.8 of the scores.

    Source: Laban et al. 2022, "SummaC", TACL, and its code.
    """
    candidates = np.percentile(np.asarray(scores, dtype=float), np.arange(0, 100, 0.2))
    accuracy = _accuracy_above(labels, scores, candidates)
    return float(candidates[len(candidates) - 1 - int(np.argmax(accuracy[::-1]))])


def alignscore_threshold(labels: npt.ArrayLike, scores: npt.ArrayLike) -> float:
    """The threshold that AlignScore tunes: 0, 0.001, ..., 1, the lowest best.

    Source: Zha et al. 2023, "AlignScore", ACL, and its code.
    """
    candidates = np.arange(1001) / 1000
    return float(candidates[int(np.argmax(_accuracy_above(labels, scores, candidates)))])


def _accuracy_above(labels: npt.ArrayLike, scores: npt.ArrayLike, thresholds: Floats) -> Floats:
    """Balanced accuracy of `score > t` for each threshold."""
    y, values = binary(labels), finite(scores)
    below = [np.searchsorted(np.sort(values[y == c]), thresholds, side="right") for c in (0, 1)]
    negatives, positives = max(1, int((y == 0).sum())), max(1, int(y.sum()))
    # Rounded, so that equal accuracies are equal in floating point too.
    return np.round((below[0] / negatives + 1 - below[1] / positives) / 2, 12)
