"""Agreement of scores with human judgments: statistics, intervals, paired tests.

Pure functions over arrays. Every statistic is prepared once from targets and scores, and is then a
function of row weights: all ones give the statistic itself, the counts of a resample give the
statistic of that resample, and zeros and ones pick rows in a permutation. So a thousand resamples
are a few array operations. Rows that belong together (one source document) are resampled and
swapped together.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import product
from typing import Any, Literal, Protocol

import numpy as np
import numpy.typing as npt
from scipy import special, stats

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

#: Float64 cells of one batch of resamples: 256 KB an array. Larger ones leave the cache, and the
#: allocator gets fresh pages for each.
_BATCH_CELLS = 32_000
_SIDES: tuple[Literal["left"], Literal["right"]] = ("left", "right")
#: More undefined resamples than this share make an interval undefined.
_MAX_UNDEFINED_DRAWS = 0.05
#: As near to 0 or 1 as rounding brings a statistic that is 0 or 1.
_ON_A_BOUND = 1e-9


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


Preparation = Callable[[npt.ArrayLike, npt.ArrayLike], Statistic]


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
    y, values = _binary(labels), _finite(scores)
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
    y, groups = _binary(labels), _Groups.of(scores)

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
    y, decided = _binary(labels), _binary(decisions)

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
    y, decided = _binary(labels), _binary(decisions)

    def statistic(weights: Floats, system_weights: Floats | None = None) -> Floats:
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.asarray(2 * (weights @ (y * decided)) / (weights @ (y + decided)))

    return statistic


# --- agreement with graded judgments -------------------------------------------------------------


def pearson(targets: npt.ArrayLike, scores: npt.ArrayLike) -> Statistic:
    """Pearson's correlation."""
    x, y = (_finite(values) for values in (targets, scores))
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
    levels, level = np.unique(_finite(targets), return_inverse=True)
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


def system_level(
    kind: Literal["pearson", "spearman", "kendall", "pairwise_accuracy"], systems: npt.ArrayLike
) -> Preparation:
    """Agreement of systems' mean scores with their mean judgments.

    Args:
        kind: A correlation, or `pairwise_accuracy`: the share of pairs of systems that scores and
            judgments put in the same order (Kocmi et al. 2021, "To Ship or Not to Ship").
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


_SYSTEM_KINDS: Mapping[str, Callable[[Floats, Floats, Floats], Floats]] = {
    "pearson": _system_pearson,
    "spearman": _system_spearman,
    "kendall": _system_kendall,
    "pairwise_accuracy": _pairwise_accuracy,
}


# --- thresholds ----------------------------------------------------------------------------------


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
    y, values = _binary(labels), _finite(scores)
    below = [np.searchsorted(np.sort(values[y == c]), thresholds, side="right") for c in (0, 1)]
    negatives, positives = max(1, int((y == 0).sum())), max(1, int(y.sum()))
    # Rounded, so that equal accuracies are equal in floating point too.
    return np.round((below[0] / negatives + 1 - below[1] / positives) / 2, 12)


# --- intervals and tests -------------------------------------------------------------------------


@dataclass(frozen=True)
class Design:
    """Which rows belong together.

    Attributes:
        documents: Cluster of each row, from 0 without gaps, shape [N].
        systems: System of each row, from 0 without gaps, or None; where given, resampling and
            swapping take systems too.
    """

    documents: Ints
    systems: Ints | None = None

    @classmethod
    def of(cls, documents: npt.ArrayLike, systems: npt.ArrayLike | None = None) -> Design:
        """A design from any labels of documents and systems."""
        codes = [
            None if names is None else np.unique(np.asarray(names), return_inverse=True)[1]
            for names in (documents, systems)
        ]
        return cls(*codes)  # type: ignore[arg-type]  # documents are not None

    @property
    def sizes(self) -> tuple[int, ...]:
        """Number of documents, and of systems where they count."""
        factors = [self.documents] if self.systems is None else [self.documents, self.systems]
        return tuple(int(codes.max()) + 1 for codes in factors)


def value(statistic: Statistic, rows: int) -> float:
    """The statistic of all rows, each counted once."""
    return float(statistic(np.ones((1, rows)))[0])


def bootstrap_draws(
    statistic: Statistic, design: Design, *, resamples: int, rng: np.random.Generator
) -> Floats:
    """The statistic of bootstrap resamples of the documents (and systems).

    The draws are those of `scipy.stats.bootstrap`, whose interval would warn of NaN among them.

    Args:
        statistic: Of N rows.
        design: Of the same rows.
        resamples: Number of draws R.
        rng: Equal generators give equal draws, whatever the statistic.

    Returns:
        Shape [R]; NaN where a resample leaves the statistic undefined, and everywhere if there
        is one document (or system) alone.
    """
    if min(design.sizes) < 2:
        return np.full(resamples, np.nan)

    draws = []
    for size in _batches(resamples, len(design.documents)):
        counts = [_counts(rng.integers(0, units, (size, units)), units) for units in design.sizes]
        weights = counts[0][:, design.documents]
        if design.systems is None:
            draws.append(statistic(weights))
        else:
            draws.append(statistic(weights * counts[1][:, design.systems], counts[1]))
    return np.concatenate(draws)


def interval(
    value: float,
    draws: Floats,
    level: float = 0.95,
    *,
    clusters: int,
    lowest: float = 0.0,
) -> tuple[float, float]:
    """Student's interval of a statistic on the logit scale, with the bootstrap's standard error.

    The statistic is first put between 0 and 1. A resample of n documents varies less than a new
    sample does, by n - 1 to n in variance; the error itself is estimated, hence Student's t with
    n - 1 degrees of freedom. Where a draw lies on a bound, as a system-level correlation does in
    small resamples, it has no logit, and quantiles of the draws are taken, as much further out.

    Args:
        value: The statistic of the sample.
        draws: Of `bootstrap_draws`.
        level: Coverage that is aimed at.
        clusters: Documents (or systems, if fewer) that were resampled.
        lowest: Least value there can be: 0, or -1 of a correlation. The highest is 1.

    Returns:
        Lower and upper bound; (NaN, NaN) where the value or over 5% of the draws are undefined.

    Source: Efron and Tibshirani 1993, "An Introduction to the Bootstrap", section 12 (transformed
    scale); Hesterberg 2015, "What Teachers Should Know About the Bootstrap" (small samples).
    """
    defined = draws[~np.isnan(draws)]
    enough = len(defined) >= max(2, (1 - _MAX_UNDEFINED_DRAWS) * len(draws)) and clusters >= 2
    if np.isnan(value) or not enough:
        return float("nan"), float("nan")
    width = -stats.t.ppf((1 - level) / 2, clusters - 1) * np.sqrt(clusters / (clusters - 1))
    shares = (np.append(defined, value) - lowest) / (1 - lowest)
    if min(shares.min(), 1 - shares.max()) < _ON_A_BOUND:
        low, high = np.quantile(defined, stats.norm.cdf([-width, width]))
    else:
        logits = special.logit(shares)
        ends = logits[-1] + np.array([-width, width]) * logits[:-1].std(ddof=1)
        low, high = lowest + (1 - lowest) * special.expit(ends)
    return float(low), float(high)


def permutation_draws(
    prepare: Preparation,
    targets: npt.ArrayLike,
    scores: tuple[npt.ArrayLike, npt.ArrayLike],
    design: Design,
    *,
    resamples: int,
    rng: np.random.Generator,
) -> tuple[float, Floats]:
    """Difference of two metrics' agreement, and its values when their scores are swapped.

    Under the null hypothesis the metrics are exchangeable, so that any document's (and system's)
    scores may be swapped between them. Scores must be on one scale: `common_scale`.
    With systems, documents and systems are swapped independently and a row is swapped where just
    one of its two is: PERM-BOTH of Deutsch et al. 2021, "A Statistical Analysis of Summarization
    Evaluation Metrics Using Resampling Methods", TACL. Its null hypothesis is about these systems:
    where a metric is biased towards some of them, it is rejected though two metrics agree equally
    well with people over all systems (measured by `benchmarks/statistics_validity.py`).

    Args:
        prepare: The statistic, as `roc_auc`.
        targets: Judgments, shape [N].
        scores: Of the two metrics, each of shape [N].
        design: Of the same rows.
        resamples: Number of draws; all swaps are enumerated where there are fewer.
        rng: Of the swaps.

    Returns:
        Observed difference (first less second), and the draws of the null distribution.
    """
    units, documents = sum(design.sizes), design.sizes[0]
    arrays = [np.asarray(values, dtype=float) for values in (targets, *scores)]
    compare = _additive_difference if prepare is roc_auc else _difference
    difference = compare(prepare, *arrays)

    def swapped_difference(swaps: Floats) -> Floats:
        swapped = swaps[:, :documents][:, design.documents]
        if design.systems is not None:
            swapped = np.abs(swapped - swaps[:, documents:][:, design.systems])
        return difference(swapped)

    observed = swapped_difference(np.zeros((1, units)))
    batches = _swaps(units, _batches(resamples, 2 * len(design.documents)), rng)
    return float(observed[0]), np.concatenate([swapped_difference(swaps) for swaps in batches])


def _difference(
    prepare: Preparation, targets: Floats, first: Floats, second: Floats
) -> Callable[[Floats], Floats]:
    """Difference of agreement as a function of which rows are swapped, shape [D, N]."""
    doubled = prepare(np.tile(targets, 2), np.concatenate([first, second]))

    def difference(swapped: Floats) -> Floats:
        chosen = np.concatenate([1 - swapped, swapped], axis=1)
        return doubled(chosen) - doubled(1 - chosen)

    return difference


def _additive_difference(
    _: Preparation, labels: Floats, first: Floats, second: Floats
) -> Callable[[Floats], Floats]:
    """The same for the AUC, where it is a sum over rows: a swap turns the sign of its term.

    An AUC is a mean over pairs of a positive and a negative. What depends on whether both rows of
    a pair are swapped is the same in both AUCs and cancels; each row is left with its difference
    of wins against both scores of all rows of the other class.
    """
    terms = np.zeros(len(labels))
    for own, sign in ((labels == 1, 1), (labels == 0, -1)):
        others = np.sort(np.concatenate([first[~own], second[~own]]))
        sides = [np.searchsorted(others, (first[own], second[own]), side=s) for s in _SIDES]
        wins = (sides[0] + sides[1]) / 2
        terms[own] = sign * (wins[0] - wins[1]) / 2
    with np.errstate(invalid="ignore"):
        terms /= np.float64((labels == 1).sum() * (labels == 0).sum())
    return lambda swapped: np.asarray((1 - 2 * swapped) @ terms)


def _swaps(units: int, sizes: Sequence[int], rng: np.random.Generator) -> Iterator[Floats]:
    """Which units are swapped, shape [B, units]: all ways if they are no more than asked for."""
    if units < 60 and 2**units <= sum(sizes):
        yield np.array(list(product((0.0, 1.0), repeat=units)))
    else:
        yield from (rng.integers(0, 2, (size, units)).astype(float) for size in sizes)


def _batches(resamples: int, rows: int) -> list[int]:
    """Sizes of batches of resamples of so many rows."""
    size = max(1, _BATCH_CELLS // rows)
    return [min(size, resamples - at) for at in range(0, resamples, size)]


def p_value(observed: float, null: Floats) -> float:
    """Two-sided p-value, (1 + draws at least as far from 0) / (1 + draws); never 0.

    The null distribution is symmetric: swapping everything turns the sign of a difference. Where
    all swaps were enumerated, the observed one is among them; the added 1 errs on the safe side.
    """
    if np.isnan(observed) or np.isnan(null).any():
        return float("nan")
    slack = 1e-10  # the same difference, summed in another order
    extreme = int((np.abs(null) >= abs(observed) - slack).sum())
    return (1 + extreme) / (1 + len(null))


def holm(p_values: npt.ArrayLike) -> Floats:
    """Holm's step-down correction; NaN stays NaN and counts as no test.

    Source: Holm 1979, "A Simple Sequentially Rejective Multiple Test Procedure".

    Example:
        >>> holm([0.01, 0.04, 0.03]).tolist()
        [0.03, 0.06, 0.06]
    """
    p = np.asarray(p_values, dtype=float)
    order = np.argsort(p)[: int((~np.isnan(p)).sum())]
    steps = p[order] * np.arange(len(order), 0, -1)
    corrected = np.full(len(p), np.nan)
    corrected[order] = np.minimum(1.0, np.maximum.accumulate(steps))
    return corrected


def significance_clusters(
    order: Sequence[str], differs: Callable[[str, str], bool]
) -> dict[str, int]:
    """Clusters of metrics: 1 holds the best and those not significantly worse, and so on.

    Args:
        order: Names, best first.
        differs: Whether the first is significantly better than the second.

    Returns:
        Cluster of each name. A new one begins at the first metric that is significantly worse than
        the best of the cluster before.
    """
    clusters: dict[str, int] = {}
    best, number = order[0] if order else "", 1
    for name in order:
        if name != best and differs(best, name):
            best, number = name, number + 1
        clusters[name] = number
    return clusters


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
        values = _finite(numbers)
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


def _finite(numbers: npt.ArrayLike) -> Floats:
    values = np.asarray(numbers, dtype=float)
    if not np.isfinite(values).all():
        raise ValueError("scores and judgments must be finite; leave undefined rows out")
    return values


def _binary(labels: npt.ArrayLike) -> Floats:
    y = np.asarray(labels, dtype=float)
    if not np.isin(y, (0.0, 1.0)).all():
        raise ValueError("labels and decisions are 0 or 1")
    return y


def _pairs(counts: Any) -> Any:  # noqa: ANN401  # numbers or arrays of them
    return counts * (counts - 1) / 2


def _counts(ids: Ints, size: int) -> Floats:
    """How often each of `size` ids occurs in each row of `ids`, shape [D, size]."""
    ids = np.atleast_2d(ids)
    shifted = ids + size * np.arange(len(ids))[:, None]
    return np.bincount(shifted.ravel(), minlength=size * len(ids)).reshape(-1, size).astype(float)


def _correlation(n: Floats, x: Floats, y: Floats, xx: Floats, yy: Floats, xy: Floats) -> Floats:
    """Correlation from weighted sums; NaN where a variance is 0 but for rounding."""
    with np.errstate(invalid="ignore", divide="ignore"):
        covariance = n * xy - x * y
        variances = n * xx - x**2, n * yy - y**2
        flat = (variances[0] <= 1e-12 * n * xx) | (variances[1] <= 1e-12 * n * yy)
        found = covariance / np.sqrt(np.where(flat, np.nan, variances[0] * variances[1]))
        return np.asarray(np.clip(found, -1.0, 1.0))
