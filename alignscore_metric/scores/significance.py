"""Paired tests of differences, Holm's correction, clusters of what the tests do not tell apart.

Pure functions over arrays. Rows that belong together (one source document) are swapped together.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import product
from typing import Literal

import numpy as np
import numpy.typing as npt
from scipy import stats

from alignscore_metric.arrays import Floats
from alignscore_metric.scores.intervals import Design, resample_batches
from alignscore_metric.scores.statistics import Preparation, roc_auc

_SIDES: tuple[Literal["left"], Literal["right"]] = ("left", "right")
_SIGNS_AT_ONCE = 1_000_000
"""Signs that are drawn at a time, so that memory does not grow with the documents."""


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
    swaps = _swaps(units, resample_batches(resamples, 2 * len(design.documents)), rng)
    return float(observed[0]), np.concatenate([swapped_difference(some) for some in swaps])


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


def sign_flip_p_value(sums: Floats, *, resamples: int, rng: np.random.Generator) -> float:
    """Two-sided p-value of a mean difference: each document's may turn its sign.

    Systems are exchangeable under the null hypothesis, so that each document's difference may turn
    its sign. Scipy enumerates all flips where there are no more than resamples; otherwise it adds
    1 to the count of draws and of extreme ones, so that p is never 0.

    Args:
        sums: Of each document's differences, shape [C].
        resamples: Flips.
        rng: Of the flips.

    Returns:
        NaN for fewer than two documents.
    """
    if len(sums) < 2:
        return float("nan")
    found = stats.permutation_test(
        (sums,),
        lambda sums, axis: sums.sum(axis),
        permutation_type="samples",
        vectorized=True,
        n_resamples=resamples,
        batch=max(1, _SIGNS_AT_ONCE // len(sums)),
        rng=rng,
    )
    return float(found.pvalue)


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


def separated_clusters(order: Sequence[str], better: Callable[[str, str], bool]) -> dict[str, int]:
    """Clusters of systems: each system of one is significantly better than all of later ones.

    Stricter than `significance_clusters`, which compares with the best of a cluster alone.

    Args:
        order: Names, best first.
        better: Whether the first system is significantly better than the second.

    Returns:
        Cluster of each system, from 1.

    Source: Barrault et al. 2020, "Findings of the 2020 Conference on Machine Translation", WMT.

    Example:
        >>> separated_clusters("abc", lambda a, b: (a, b) != ("b", "c"))
        {'a': 1, 'b': 2, 'c': 2}
    """
    found, number = {}, 1
    for place, name in enumerate(order):
        if place and all(better(a, b) for a in order[:place] for b in order[place:]):
            number += 1
        found[name] = number
    return found
