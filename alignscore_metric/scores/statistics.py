"""Agreement of scores with human judgments: statistics of weighted rows.

Pure functions over arrays. Every statistic is prepared once from targets and scores, and is then a
function of row weights: all ones give the statistic itself, the counts of a resample give the
statistic of that resample, and zeros and ones pick rows in a permutation. So a thousand resamples
are a few array operations. Knows nothing of intervals and tests, which `intervals` and
`significance` make of any statistic.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal, Protocol

import numpy as np
import numpy.typing as npt
from scipy import stats

from alignscore_metric.arrays import Bools, Floats, Ints


class Statistic(Protocol):
    """A statistic of weighted rows."""

    def __call__(self, weights: Floats, system_weights: Floats | None = None) -> Floats:
        """The statistic of each of D weightings.

        Args:
            weights: Whole numbers >= 0, shape [D, N]: how often each row counts.
            system_weights: Shape [D, S], for statistics at system level; all ones where None.

        Returns:
            Shape [D]; NaN where undefined.
        """


SystemKind = Literal["pearson", "spearman", "kendall", "pairwise_accuracy", "accuracy_with_ties"]

_EQUAL_GAPS = 1e-9
"""Differences of scores as near as this are one candidate for the epsilon of ties."""

Preparation = Callable[[npt.ArrayLike, npt.ArrayLike], Statistic]


def value(statistic: Statistic, rows: int) -> float:
    """The statistic of all rows, each counted once."""
    return float(statistic(np.ones((1, rows)))[0])


def mean(values: npt.ArrayLike) -> Statistic:
    """The mean of numbers, shape [N]."""
    x = np.asarray(values, dtype=float)

    def statistic(weights: Floats, system_weights: Floats | None = None) -> Floats:
        with np.errstate(invalid="ignore"):
            return np.asarray((weights @ x) / weights.sum(axis=1))

    return statistic


# --- agreement with labels -----------------------------------------------------------------------


def roc_auc(labels: npt.ArrayLike, scores: npt.ArrayLike) -> Statistic:
    """Area under the ROC curve: P(score of a positive > of a negative), ties count half.

    Args:
        labels: 0 or 1, shape [N].
        scores: Any finite numbers, shape [N].

    Example:
        >>> value(roc_auc([0, 0, 1, 1], [0.1, 0.4, 0.35, 0.8]), 4)
        0.75
    """
    y, values = binary(labels), finite(scores)
    order = np.argsort(values, kind="stable")
    positives, negatives = order[y[order] == 1], order[y[order] == 0]
    lower = np.searchsorted(values[negatives], values[positives], side="left")
    not_higher = np.searchsorted(values[negatives], values[positives], side="right")

    def statistic(weights: Floats, system_weights: Floats | None = None) -> Floats:
        positive = weights[:, positives]
        below = np.zeros((len(weights), len(negatives) + 1))
        np.cumsum(weights[:, negatives], axis=1, out=below[:, 1:])
        won = (positive * (below[:, lower] + below[:, not_higher])).sum(axis=1) / 2
        with np.errstate(invalid="ignore"):
            return np.asarray(won / (positive.sum(axis=1) * below[:, -1]))

    return statistic


def average_precision(labels: npt.ArrayLike, scores: npt.ArrayLike) -> Statistic:
    """Average precision: sum over thresholds of precision times the gain in recall.

    Not interpolated, tied scores are one threshold: scikit-learn's definition.
    """
    y, groups = binary(labels), _Groups.of(scores)

    def statistic(weights: Floats, system_weights: Floats | None = None) -> Floats:
        positive = groups.sums(weights, y)[:, ::-1]
        everything = groups.sums(weights, np.ones_like(y))[:, ::-1]
        with np.errstate(invalid="ignore", divide="ignore"):
            precision = np.cumsum(positive, axis=1) / np.cumsum(everything, axis=1)
            gained = positive / positive.sum(axis=1, keepdims=True)
            # Thresholds above every resampled row retrieve nothing: 0 / 0, and gain nothing.
            terms = np.where(positive > 0, precision * gained, 0.0).sum(axis=1)
            return np.where(positive.sum(axis=1) > 0, terms, np.nan)

    return statistic


def balanced_accuracy(labels: npt.ArrayLike, decisions: npt.ArrayLike) -> Statistic:
    """Mean of the recall on positives and on negatives; decisions are 0 or 1."""
    y, decided = binary(labels), binary(decisions)

    def statistic(weights: Floats, system_weights: Floats | None = None) -> Floats:
        with np.errstate(invalid="ignore", divide="ignore"):
            recall = (weights @ (y * decided)) / (weights @ y)
            specificity = (weights @ ((1 - y) * (1 - decided))) / (weights @ (1 - y))
            return np.asarray((recall + specificity) / 2)

    return statistic


def f1(labels: npt.ArrayLike, decisions: npt.ArrayLike) -> Statistic:
    """Harmonic mean of precision and recall on positives.

    0 where no decision is right; undefined without a positive label or decision.
    """
    y, decided = binary(labels), binary(decisions)

    def statistic(weights: Floats, system_weights: Floats | None = None) -> Floats:
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.asarray(2 * (weights @ (y * decided)) / (weights @ (y + decided)))

    return statistic


def f1_negative(labels: npt.ArrayLike, decisions: npt.ArrayLike) -> Statistic:
    """F1 of the negative class, as detectors of hallucinations report it.

    Args:
        labels: 1 for consistent, shape [N].
        decisions: 1 for what is taken as consistent, shape [N].
    """
    return f1(1 - binary(labels), 1 - binary(decisions))


# --- agreement with graded judgments -------------------------------------------------------------


def pearson(targets: npt.ArrayLike, scores: npt.ArrayLike) -> Statistic:
    """Pearson's correlation."""
    x, y = (finite(values) for values in (targets, scores))
    x, y = x - x.mean(), y - y.mean()
    products = np.stack([np.ones_like(x), x, y, x * x, y * y, x * y], axis=1)

    def statistic(weights: Floats, system_weights: Floats | None = None) -> Floats:
        n, x_sum, y_sum, xx, yy, xy = (weights @ products).T
        return _correlation(n, x_sum, y_sum, xx, yy, xy)

    return statistic


def spearman(targets: npt.ArrayLike, scores: npt.ArrayLike) -> Statistic:
    """Spearman's rank correlation: Pearson's of mid-ranks, ranked anew in each resample."""
    ranks = [_Groups.of(values) for values in (targets, scores)]

    def statistic(weights: Floats, system_weights: Floats | None = None) -> Floats:
        n = weights.sum(axis=1)
        x, y = (ranking.midranks(weights) - (n[:, None] + 1) / 2 for ranking in ranks)
        zero = np.zeros_like(n)  # the mean of the centred ranks
        xx, yy, xy = ((weights * product).sum(axis=1) for product in (x * x, y * y, x * y))
        return _correlation(n, zero, zero, xx, yy, xy)

    return statistic


def kendall(targets: npt.ArrayLike, scores: npt.ArrayLike) -> Statistic:
    """Kendall's tau-b.

    Costs one pass over the rows per distinct target: meant for judgments with few levels.
    """
    levels, level = np.unique(finite(targets), return_inverse=True)
    groups = _Groups.of(scores)

    def statistic(weights: Floats, system_weights: Floats | None = None) -> Floats:
        lower = np.zeros((len(weights), groups.count))
        balance, tied_targets = np.zeros(len(weights)), np.zeros(len(weights))
        for step in range(len(levels)):
            here = groups.sums(weights, (level == step).astype(float))
            # Pairs with a row of a lower level: concordant where that row's score is lower.
            above = np.cumsum(lower, axis=1)
            balance += (here * (2 * above - lower - above[:, -1:])).sum(axis=1)
            tied_targets += _pairs(here.sum(axis=1))
            lower += here
        total = _pairs(lower.sum(axis=1))
        tied_scores = _pairs(lower).sum(axis=1)
        with np.errstate(invalid="ignore", divide="ignore"):
            scale = np.sqrt((total - tied_targets) * (total - tied_scores))
            return np.asarray(balance / scale)

    return statistic


# --- agreement on systems ------------------------------------------------------------------------


def system_level(kind: SystemKind, systems: npt.ArrayLike) -> Preparation:
    """Agreement of systems' mean scores with their mean judgments.

    Args:
        kind: A correlation, or `pairwise_accuracy`: the share of pairs of systems that scores and
            judgments put in the same order (Kocmi et al. 2021, "To Ship or Not to Ship"), or
            `accuracy_with_ties`: the same where systems whose mean scores differ by no more than
            an epsilon tie, of the epsilon that gives the highest share (see `ties`).
        systems: Whose output each row is, shape [N].

    Returns:
        What prepares the statistic from targets and scores of these rows, or of several copies of
        them one after the other.
    """
    codes = np.unique(np.asarray(systems), return_inverse=True)[1]
    member = np.eye(int(codes.max()) + 1)[codes]

    def prepare(targets: npt.ArrayLike, scores: npt.ArrayLike) -> Statistic:
        # On one scale, so that means which differ by rounding alone can be told.
        x, y = (common_scale(values, ranks=False)[:, None] for values in (targets, scores))
        of = np.tile(member, (len(x) // len(member), 1))
        return partial(_system_statistic, _SYSTEM_KINDS[kind], of, (x * of, y * of))

    return prepare


def _system_statistic(
    kind: Callable[[Floats, Floats, Floats], Floats],
    member: Floats,
    sums: Sequence[Floats],
    weights: Floats,
    system_weights: Floats | None = None,
) -> Floats:
    rows = weights @ member
    counts = np.ones_like(rows) if system_weights is None else system_weights
    counts = np.where(rows > 0, counts, 0.0)  # a system without a row is not there
    means = [np.round(weights @ total / np.maximum(rows, 1), 12) for total in sums]
    return kind(counts, *means)


def _signs(means: Floats) -> Floats:
    """Of the differences between every two systems, shape [D, S, S]."""
    return np.sign(means[:, :, None] - means[:, None, :])


def _system_pearson(counts: Floats, targets: Floats, scores: Floats) -> Floats:
    n = counts.sum(axis=1)
    x, y = targets, scores
    sums = ((counts * product).sum(axis=1) for product in (x, y, x * x, y * y, x * y))
    return _correlation(n, *sums)


def _system_spearman(counts: Floats, targets: Floats, scores: Floats) -> Floats:
    # A system's mid-rank less the mean rank is half of (systems below it - systems above it).
    ranks = ((_signs(means) * counts[:, None, :]).sum(axis=2) for means in (targets, scores))
    return _system_pearson(counts, *ranks)


def _system_kendall(counts: Floats, targets: Floats, scores: Floats) -> Floats:
    pairs = counts[:, :, None] * counts[:, None, :]
    x, y = _signs(targets), _signs(scores)
    balance, xx, yy = ((pairs * product).sum(axis=(1, 2)) for product in (x * y, x * x, y * y))
    with np.errstate(invalid="ignore"):
        return np.asarray(balance / np.sqrt(xx * yy))


def _pairwise_accuracy(counts: Floats, targets: Floats, scores: Floats) -> Floats:
    pairs = counts[:, :, None] * counts[:, None, :]
    pairs *= 1 - np.eye(counts.shape[1])  # a system that is drawn twice makes no pair with itself
    agreed = (pairs * (_signs(targets) == _signs(scores))).sum(axis=(1, 2))
    with np.errstate(invalid="ignore"):
        return np.asarray(agreed / pairs.sum(axis=(1, 2)))


def _accuracy_with_ties(counts: Floats, targets: Floats, scores: Floats) -> Floats:
    first, second = np.triu_indices(counts.shape[1], 1)
    weights = counts[:, first] * counts[:, second]
    apart, scored = (means[:, first] - means[:, second] for means in (targets, scores))
    tied, gaps = np.abs(apart) <= _EQUAL_GAPS, np.abs(scored)
    ordered = ~tied & (np.sign(apart) == np.sign(scored))
    agreed = weights * np.where(gaps <= _EQUAL_GAPS, tied, ordered)
    order = np.argsort(gaps, axis=1, kind="stable")
    # What it adds to call ever more pairs ties, those with the nearest scores first.
    gained = np.cumsum(np.take_along_axis(weights * tied - agreed, order, axis=1), axis=1)
    gained = np.where(last_of_gap(np.take_along_axis(gaps, order, axis=1)), gained, 0.0)
    with np.errstate(invalid="ignore"):
        best = gained.max(axis=1, initial=0.0)
        return np.asarray((agreed.sum(axis=1) + best) / weights.sum(axis=1))


def last_of_gap(gaps: Floats) -> Bools:
    """Whether each of sorted differences is the last of those equal to it, shape [D, P]."""
    last = np.ones(gaps.shape, dtype=bool)
    last[:, :-1] = np.diff(gaps, axis=1) > _EQUAL_GAPS
    return last


_SYSTEM_KINDS: Mapping[str, Callable[[Floats, Floats, Floats], Floats]] = {
    "pearson": _system_pearson,
    "spearman": _system_spearman,
    "kendall": _system_kendall,
    "pairwise_accuracy": _pairwise_accuracy,
    "accuracy_with_ties": _accuracy_with_ties,
}


def common_scale(scores: npt.ArrayLike, *, ranks: bool) -> Floats:
    """Scores on a scale that metrics share: mid-ranks in (0, 1), or mean 0 and deviation 1."""
    values = np.asarray(scores, dtype=float)
    if ranks:
        return np.asarray((stats.rankdata(values) - 0.5) / len(values))
    if values.min() == values.max():
        return np.zeros_like(values)  # the mean of equal numbers may differ from them in a last bit
    return np.asarray((values - values.mean()) / values.std())


# --- helpers -------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Groups:
    """Rows in the order of their values, in groups of equal values."""

    order: Ints
    starts: Ints
    group: Ints

    @classmethod
    def of(cls, numbers: npt.ArrayLike) -> _Groups:
        values = finite(numbers)
        order = np.argsort(values, kind="stable")
        found, group = np.unique(values, return_inverse=True)
        starts = np.searchsorted(values[order], found)
        return cls(order, starts, group)

    @property
    def count(self) -> int:
        return len(self.starts)

    def sums(self, weights: Floats, factor: Floats) -> Floats:
        """Sum of weights times factor in each group, lowest value first, shape [D, groups]."""
        ordered = weights[:, self.order] * factor[self.order]
        if self.count == len(self.order):
            return ordered
        return np.asarray(np.add.reduceat(ordered, self.starts, axis=1))

    def midranks(self, weights: Floats) -> Floats:
        """Mid-rank of each row among the rows as often as they count, shape [D, N]."""
        sizes = self.sums(weights, np.ones(len(self.order)))
        ranks = np.cumsum(sizes, axis=1) - (sizes - 1) / 2
        return np.asarray(ranks[:, self.group])


def finite(numbers: npt.ArrayLike) -> Floats:
    """Numbers as an array.

    Raises:
        ValueError: One is NaN or infinite.
    """
    values = np.asarray(numbers, dtype=float)
    if not np.isfinite(values).all():
        raise ValueError("scores and judgments must be finite; leave undefined rows out")
    return values


def binary(labels: npt.ArrayLike) -> Floats:
    """Labels as an array.

    Raises:
        ValueError: One is neither 0 nor 1.
    """
    y = np.asarray(labels, dtype=float)
    if not np.isin(y, (0.0, 1.0)).all():
        raise ValueError("labels and decisions are 0 or 1")
    return y


def _pairs(counts: Any) -> Any:  # noqa: ANN401  # numbers or arrays of them
    return counts * (counts - 1) / 2


def _correlation(n: Floats, x: Floats, y: Floats, xx: Floats, yy: Floats, xy: Floats) -> Floats:
    """Correlation from weighted sums; NaN where a variance is 0 but for rounding."""
    with np.errstate(invalid="ignore", divide="ignore"):
        covariance = n * xy - x * y
        variances = n * xx - x**2, n * yy - y**2
        flat = (variances[0] <= 1e-12 * n * xx) | (variances[1] <= 1e-12 * n * yy)
        found = covariance / np.sqrt(np.where(flat, np.nan, variances[0] * variances[1]))
        return np.asarray(np.clip(found, -1.0, 1.0))
