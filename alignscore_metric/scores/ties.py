"""Pairwise accuracy that gives credit for ties, with tie calibration, of weighted rows.

Of every two judged outputs a metric says which is better, or that they tie: it says so where its
scores differ by no more than epsilon. Tie calibration chooses the epsilon with the highest
accuracy, on the rows themselves, so that metrics with and without equal scores can be compared.

Source: Deutsch, Foster and Freitag 2023, "Ties Matter: Meta-Evaluating Modern Metrics with Pairwise
Accuracy and Tie Calibration", EMNLP: acc_eq (equation 10) and section 5; averaged over items, as
WMT's "group by item" does.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from alignscore_metric.arrays import Floats, Ints
from alignscore_metric.scores.statistics import Preparation, Statistic, finite, last_of_gap


def accuracy_with_ties(documents: npt.ArrayLike) -> Preparation:
    """Agreement within each document on which of two outputs is better, averaged over documents.

    A document of one output has no pair and does not count. Where rows count more than once, a
    document counts as often as its rows do in the mean.

    Args:
        documents: Whose output each row is of, shape [N].

    Returns:
        What prepares the statistic from targets and scores of these rows, or of several copies of
        them one after the other; copies of one row make no pair.

    Example:
        >>> from alignscore_metric.scores.statistics import value
        >>> prepare = accuracy_with_ties([0, 0, 0])
        >>> value(prepare([1, 1, 0], [0.9, 0.8, 0.1]), 3)  # epsilon 0.1: the first two tie
        1.0
    """
    codes = np.unique(np.asarray(documents), return_inverse=True)[1]

    def prepare(targets: npt.ArrayLike, scores: npt.ArrayLike) -> Statistic:
        return _WithinDocuments.of(codes, finite(targets), finite(scores))

    return prepare


def pairs_in_order(documents: npt.ArrayLike) -> Preparation:
    """Share of pairs of a positive and a negative of one document whose positive scores higher.

    Equal scores are not in order. Of minimal pairs this is what Ma et al. 2023, "BUMP: A Benchmark
    of Unfaithful Minimal Pairs", ACL, call consistency.

    Args:
        documents: Whose output each row is of, shape [N].

    Returns:
        What prepares the statistic from labels and scores, as `accuracy_with_ties` does.

    Example:
        >>> from alignscore_metric.scores.statistics import value
        >>> value(pairs_in_order([0, 0, 0, 1])([1, 0, 0, 1], [0.5, 0.4, 0.6, 0.1]), 4)
        0.5
    """
    codes = np.unique(np.asarray(documents), return_inverse=True)[1]

    def prepare(labels: npt.ArrayLike, scores: npt.ArrayLike) -> Statistic:
        y, values = finite(labels), finite(scores)
        first, second = _pairs_within(np.tile(codes, len(y) // len(codes)), len(codes))
        mixed = y[first] != y[second]
        first, second = first[mixed], second[mixed]
        ordered = (np.sign(values[first] - values[second]) == y[first] - y[second]).astype(float)

        def statistic(weights: Floats, system_weights: Floats | None = None) -> Floats:
            # Of a document that is drawn c times, each pair counts c times, not c squared.
            counts = np.sqrt(weights[:, first] * weights[:, second])
            with np.errstate(invalid="ignore"):
                return np.asarray((counts @ ordered) / counts.sum(axis=1))

        return statistic

    return prepare


@dataclass(frozen=True)
class _WithinDocuments:
    """The statistic of one metric's scores: its pairs in the order of their scores' differences.

    Attributes:
        rows: Document of each row (or copy), shape [M].
        sizes: Rows of each document, without copies.
        first: One row of each pair, shape [P], and `second` the other.
        pairs: Where the pairs of each document stand among them.
        agreed: Whether scores and judgments agree on each pair as long as epsilon is 0.
        gained: What calling the pair a tie adds to that: -1, 0 or 1.
        ends: Places of the last pair of each difference above 0.
    """

    rows: Ints
    sizes: Floats
    first: Ints
    second: Ints
    pairs: Ints
    agreed: Floats
    gained: Floats
    ends: Ints

    @classmethod
    def of(cls, codes: Ints, targets: Floats, scores: Floats) -> _WithinDocuments:
        rows = np.tile(codes, len(targets) // len(codes))
        first, second = _pairs_within(rows, len(codes))
        gaps = np.abs(scores[first] - scores[second])
        order = np.argsort(gaps, kind="stable")
        first, second, gaps = first[order], second[order], gaps[order]
        tied = targets[first] == targets[second]
        ordered = ~tied & (np.sign(targets[first] - targets[second])
                           == np.sign(scores[first] - scores[second]))  # fmt: skip
        agreed = np.where(gaps == 0, tied, ordered).astype(float)
        return cls(
            rows,
            np.bincount(codes).astype(float),
            first,
            second,
            rows[first],
            agreed,
            tied - agreed,
            np.flatnonzero(last_of_gap(gaps[None])[0] & (gaps > 0)),
        )

    def __call__(self, weights: Floats, system_weights: Floats | None = None) -> Floats:
        counts = _by_group(weights, self.rows, len(self.sizes)) / self.sizes
        products = weights[:, self.first] * weights[:, self.second]
        of_document = _by_group(products, self.pairs, len(self.sizes))
        present = of_document > 0
        with np.errstate(invalid="ignore", divide="ignore"):
            shares = np.where(present, counts / of_document, 0.0)[:, self.pairs] * products
            total = np.where(present, counts, 0.0).sum(axis=1)
            gains = np.cumsum(shares * self.gained, axis=1)[:, self.ends]
            best = np.maximum(gains.max(axis=1, initial=0.0), 0.0)
            return np.asarray((shares @ self.agreed + best) / total)


def _pairs_within(groups: Ints, period: int) -> tuple[Ints, Ints]:
    """All pairs of rows of one group, but for copies of one row, which are `period` apart."""
    order = np.argsort(groups, kind="stable")
    starts = np.searchsorted(groups[order], np.arange(int(groups.max()) + 2))
    found = []
    for start, end in pairwise(starts):
        members = order[start:end]
        one, other = np.triu_indices(len(members), 1)
        found.append(np.stack([members[one], members[other]]))
    first, second = np.concatenate(found, axis=1).astype(np.int64)
    distinct = (second - first) % period != 0
    return first[distinct], second[distinct]


def _by_group(values: Floats, groups: Ints, count: int) -> Floats:
    """Sums over the columns of each group, shape [D, count]."""
    cells = groups + count * np.arange(len(values))[:, None]
    sums = np.bincount(cells.ravel(), weights=values.ravel(), minlength=count * len(values))
    return np.asarray(sums.reshape(len(values), count))
