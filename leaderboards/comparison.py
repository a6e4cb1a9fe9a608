"""Systems compared by the scores of their summaries: intervals, paired tests, clusters.

Pure functions over arrays, on scipy's bootstrap and permutation test. Knows nothing of files, texts
and tables.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np
import numpy.typing as npt
from scipy import stats

from alignscore_metric.errors import ConfigurationError, InputError
from alignscore_metric.scores.statistics import holm

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

#: Scores that differ no more are a tie: ten times what rounding in batches does to a score.
TIE = 1e-4
#: Numbers that are drawn at a time, so that memory does not grow with the examples.
_BATCH_CELLS = 1_000_000


@dataclass(frozen=True)
class Settings:
    """What a comparison depends on besides the scores.

    Attributes:
        threshold: Scores below it are counted.
        alpha: Two systems differ significantly where p after Holm's correction is below it.
        level: Coverage of the intervals.
        resamples: Of the bootstrap, and sign flips of each test.
        seed: Of both.

    Raises:
        ConfigurationError: A value without meaning.
    """

    threshold: float = 0.5
    alpha: float = 0.05
    level: float = 0.95
    resamples: int = 10_000
    seed: int = 0

    def __post_init__(self) -> None:
        """Refuse what has no meaning."""
        if not (0 < self.alpha < 1 and 0 < self.level < 1):
            raise ConfigurationError("alpha and level are shares: give numbers between 0 and 1")
        if self.resamples < 1 or self.seed < 0:
            raise ConfigurationError("give at least 1 resample, and a seed of 0 or more")

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

    @property
    def rng(self) -> np.random.Generator:
        """A fresh generator: equal draws for every system and pair."""
        return np.random.default_rng(self.seed)


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
        cluster: 1 = best; see `clusters`.
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
    settings: Settings


def compare(
    scores: Mapping[str, Floats], documents: Ints, settings: Settings | None = None
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
    settings = settings or Settings()
    settings.check_resamples(len(scores))
    for name, values in scores.items():
        if np.isnan(values).all():
            raise InputError(f"{name}: no example has a score; leave this system out")
    ranked = sorted(scores, key=lambda name: -np.nanmean(scores[name]))
    pairs = [_pair(a, b, scores, documents, settings) for a, b in combinations(ranked, 2)]
    corrected = holm([pair.p for pair in pairs]).tolist()
    pairs = [replace(pair, p_holm=p) for pair, p in zip(pairs, corrected, strict=True)]
    better = {(pair.better, pair.worse) for pair in pairs if pair.p_holm < settings.alpha}
    found = clusters(ranked, lambda a, b: (a, b) in better)
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


def clusters(order: Sequence[str], better: Callable[[str, str], bool]) -> dict[str, int]:
    """Clusters of systems: each system of one is significantly better than all of later ones.

    Stricter than what boards of metrics mark, which compare with the best of a cluster alone.

    Args:
        order: Names, best first.
        better: Whether the first system is significantly better than the second.

    Returns:
        Cluster of each system, from 1.

    Source: Barrault et al. 2020, "Findings of the 2020 Conference on Machine Translation", WMT.

    Example:
        >>> clusters("abc", lambda a, b: (a, b) != ("b", "c"))
        {'a': 1, 'b': 2, 'c': 2}
    """
    found, number = {}, 1
    for place, name in enumerate(order):
        if place and all(better(a, b) for a in order[:place] for b in order[place:]):
            number += 1
        found[name] = number
    return found


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


def _system(name: str, values: Floats, documents: Ints, settings: Settings) -> SystemScores:
    defined = values[~np.isnan(values)]
    low, high = _interval(*_document_sums(values, documents), settings)
    return SystemScores(
        name,
        mean=float(defined.mean()),
        low=low,
        high=high,
        median=float(np.median(defined)),
        below=float(np.mean(defined < settings.threshold)),
        undefined=len(values) - len(defined),
    )


def _pair(
    first: str, second: str, scores: Mapping[str, Floats], documents: Ints, settings: Settings
) -> PairOfSystems:
    differences = scores[first] - scores[second]
    if np.nansum(differences) < 0:  # on the examples that both have, the order may be another
        first, second, differences = second, first, -differences
    defined = differences[~np.isnan(differences)]
    sums, counts = _document_sums(differences, documents)
    low, high = _interval(sums, counts, settings)
    return PairOfSystems(
        first,
        second,
        difference=_mean(defined),
        low=low,
        high=high,
        p=_p_value(sums, settings),
        p_holm=float("nan"),
        wins=_mean(defined > TIE),
        ties=_mean(np.abs(defined) <= TIE),
        losses=_mean(defined < -TIE),
        undefined=len(differences) - len(defined),
    )


def _document_sums(values: Floats, documents: Ints) -> tuple[Floats, Floats]:
    """Sum and number of each document's defined values; documents without one are left out."""
    defined = ~np.isnan(values)
    counts = np.bincount(documents[defined]).astype(float)
    sums = np.bincount(documents[defined], weights=values[defined]).astype(float)
    return sums[counts > 0], counts[counts > 0]


def _interval(sums: Floats, counts: Floats, settings: Settings) -> tuple[float, float]:
    """Percentile interval of a mean, by resampling documents."""
    if len(counts) < 2:
        return float("nan"), float("nan")
    found = stats.bootstrap(
        (sums, counts),
        lambda sums, counts, axis: sums.sum(axis) / counts.sum(axis),
        paired=True,
        vectorized=True,
        n_resamples=settings.resamples,
        batch=max(1, _BATCH_CELLS // len(counts)),
        confidence_level=settings.level,
        method="percentile",
        rng=settings.rng,
    ).confidence_interval
    return float(found.low), float(found.high)


def _p_value(sums: Floats, settings: Settings) -> float:
    """Sign-flip test of differences summed by document, approximate randomisation's p-value.

    Systems are exchangeable under the null hypothesis, so that each document's difference may turn
    its sign. Scipy enumerates all flips where there are no more than resamples; otherwise it adds
    1 to the count of draws and of extreme ones, so that p is never 0.
    """
    if len(sums) < 2:
        return float("nan")
    found = stats.permutation_test(
        (sums,),
        lambda sums, axis: sums.sum(axis),
        permutation_type="samples",
        vectorized=True,
        n_resamples=settings.resamples,
        batch=max(1, _BATCH_CELLS // len(sums)),
        rng=settings.rng,
    )
    return float(found.pvalue)


def _mean(values: npt.NDArray[np.float64] | npt.NDArray[np.bool_]) -> float:
    return float(values.mean()) if len(values) else float("nan")
