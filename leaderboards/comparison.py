"""Systems compared by the scores of their summaries: intervals, paired tests, clusters.

Pure functions over arrays. Knows nothing of files, texts and tables.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np
import numpy.typing as npt

from alignscore_metric.arrays import Floats, Ints
from alignscore_metric.errors import ConfigurationError, InputError
from alignscore_metric.scores.intervals import Resampling, document_sums, mean_estimate
from alignscore_metric.scores.significance import holm, separated_clusters, sign_flip_p_value

TIE = 1e-4
"""Scores that differ no more are a tie: ten times what rounding in batches does to a score."""


@dataclass(frozen=True, kw_only=True)
class ComparisonSettings(Resampling):
    """What a comparison depends on besides the scores.

    Attributes:
        resamples: Of the documents, and sign flips of each test.
        threshold: Scores below it are counted.
        alpha: Two systems differ significantly where p after Holm's correction is below it.

    Raises:
        ConfigurationError: A value without meaning.
    """

    resamples: int = 10_000
    threshold: float = 0.5
    alpha: float = 0.05

    def __post_init__(self) -> None:
        """Refuse what has no meaning."""
        super().__post_init__()
        if not 0 < self.alpha < 1:
            raise ConfigurationError("alpha is a share: give a number between 0 and 1")

    def check_resamples(self, systems: int) -> None:
        """Refuse so few resamples that no difference between so many systems is significant.

        Raises:
            ConfigurationError: Says how many to take.
        """
        pairs = systems * (systems - 1) // 2
        needed = int(2 * pairs / self.alpha)  # the smallest two-sided p is 2 / (resamples + 1)
        if self.resamples < needed:
            raise ConfigurationError(
                f"with {self.resamples} resamples no difference among {pairs} pairs of systems "
                f"can be significant; give --resamples {4 * needed}"
            )


@dataclass(frozen=True)
class SystemScores:
    """One system.

    Attributes:
        name: Of the system.
        mean: Of its defined scores.
        low: Lower bound of the mean's interval; NaN for fewer than two documents.
        high: Upper bound.
        median: Of its defined scores.
        below: Share of the defined scores below the threshold, in [0, 1].
        undefined: Examples without a score.
        cluster: 1 = best; see `alignscore_metric.scores.significance.separated_clusters`.
    """

    name: str
    mean: float
    low: float
    high: float
    median: float
    below: float
    undefined: int
    cluster: int = 1


@dataclass(frozen=True)
class PairOfSystems:
    """Two systems on the examples where both have a score; all NaN where there is none.

    Attributes:
        better: The one with the higher mean on these examples.
        worse: The other one.
        difference: Of these means, >= 0.
        low: Lower bound of its interval; NaN for fewer than two documents.
        high: Upper bound.
        p: Two-sided p-value of the paired permutation test; NaN for fewer than two documents.
        p_holm: The same after Holm's correction over all pairs.
        wins: Share of the examples on which the better system scores higher, in [0, 1].
        ties: Share on which they differ by at most `TIE`.
        losses: Share on which the worse system scores higher.
        undefined: Examples that were left out.
    """

    better: str
    worse: str
    difference: float
    low: float
    high: float
    p: float
    p_holm: float
    wins: float
    ties: float
    losses: float
    undefined: int


@dataclass(frozen=True)
class Comparison:
    """Systems and pairs of them.

    Attributes:
        examples: How many were compared.
        documents: How many distinct sources they have.
        systems: Best mean first.
        pairs: Every two systems, in the order of the systems.
        settings: What else the numbers depend on.
    """

    examples: int
    documents: int
    systems: tuple[SystemScores, ...]
    pairs: tuple[PairOfSystems, ...]
    settings: ComparisonSettings


def compare(
    scores: Mapping[str, Floats], documents: Ints, settings: ComparisonSettings | None = None
) -> Comparison:
    """Compare systems that have summarised the same sources.

    Args:
        scores: Of at least two systems, each of shape [N]; NaN where undefined.
        documents: Source of each example, numbered from 0, shape [N]. Examples of one source are
            resampled and flipped together.
        settings: The default ones where None.

    Raises:
        InputError: A system has no defined score.
        ConfigurationError: See `Settings.check_resamples`.

    Example:
        >>> a = np.array([0.9, 0.8, 0.9, 0.7, 0.8, 0.9])
        >>> found = compare({"a": a, "b": a - [0.2, 0.1, 0.3, 0.2, 0.1, 0.2]}, np.arange(6))
        >>> [pair] = found.pairs
        >>> f"{pair.better} > {pair.worse} by {pair.difference:.3f}, p = {pair.p:g}"
        'a > b by 0.183, p = 0.03125'
    """
    settings = settings or ComparisonSettings()
    settings.check_resamples(len(scores))
    for name, values in scores.items():
        if np.isnan(values).all():
            raise InputError(f"{name}: no example has a score; leave this system out")
    ranked = sorted(scores, key=lambda name: -np.nanmean(scores[name]))
    pairs = [_pair(a, b, scores, documents, settings) for a, b in combinations(ranked, 2)]
    corrected = holm([pair.p for pair in pairs]).tolist()
    pairs = [replace(pair, p_holm=p) for pair, p in zip(pairs, corrected, strict=True)]
    better = {(pair.better, pair.worse) for pair in pairs if pair.p_holm < settings.alpha}
    found = separated_clusters(ranked, lambda a, b: (a, b) in better)
    return Comparison(
        examples=len(documents),
        documents=len(np.unique(documents)),
        systems=tuple(
            replace(_system(name, scores[name], documents, settings), cluster=found[name])
            for name in ranked
        ),
        pairs=tuple(pairs),
        settings=settings,
    )


def widest(scores: Mapping[str, Floats], count: int) -> list[tuple[int, str, str]]:
    """The examples on which two systems differ most.

    Args:
        scores: Of every system, each of shape [N]; NaN where undefined.
        count: How many to give at most; ties are not given.

    Returns:
        Example, the system with its highest and the one with its lowest score; widest first.
    """
    names, table = list(scores), np.stack(list(scores.values()))
    high, low = (np.where(np.isnan(table), bound, table) for bound in (-np.inf, np.inf))
    spread = high.max(axis=0) - low.min(axis=0)
    rows = [int(row) for row in np.argsort(-spread, kind="stable")[:count] if spread[row] > TIE]
    return [(row, names[high[:, row].argmax()], names[low[:, row].argmin()]) for row in rows]


def _system(
    name: str, values: Floats, documents: Ints, settings: ComparisonSettings
) -> SystemScores:
    defined = values[~np.isnan(values)]
    found = mean_estimate(values, documents, settings)
    return SystemScores(
        name,
        mean=found.value,
        low=found.low,
        high=found.high,
        median=float(np.median(defined)),
        below=float(np.mean(defined < settings.threshold)),
        undefined=len(values) - len(defined),
    )


def _pair(
    first: str,
    second: str,
    scores: Mapping[str, Floats],
    documents: Ints,
    settings: ComparisonSettings,
) -> PairOfSystems:
    differences = scores[first] - scores[second]
    if np.nansum(differences) < 0:  # on the examples that both have, the order may be another
        first, second, differences = second, first, -differences
    kept = ~np.isnan(differences)
    defined = differences[kept]
    found = mean_estimate(differences, documents, settings, lowest=-1.0)
    sums, _ = document_sums(defined, documents[kept])
    p = sign_flip_p_value(sums, resamples=settings.resamples, rng=settings.rng)
    # Of five documents no test of 5% can reject; Student's interval, which assumes more, might.
    # It then reaches to 0, so that what is not significant is not excluded.
    low = min(found.low, 0.0) if p >= 1 - settings.level else found.low
    return PairOfSystems(
        first,
        second,
        difference=found.value,
        low=low,
        high=found.high,
        p=p,
        p_holm=float("nan"),
        wins=_mean(defined > TIE),
        ties=_mean(np.abs(defined) <= TIE),
        losses=_mean(defined < -TIE),
        undefined=len(differences) - len(defined),
    )


def _mean(values: npt.NDArray[np.bool_]) -> float:
    return float(values.mean()) if len(values) else float("nan")
