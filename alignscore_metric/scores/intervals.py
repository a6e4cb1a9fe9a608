"""Intervals: the one meaning of "95% interval" in results, comparisons, boards and training.

Rows that belong together (one source document) are resampled together. The interval of any
statistic is Student's with the bootstrap's standard error, on the logit scale where the statistic
has bounds (`interval`). Owns the settings, the designs, the bootstrap; knows nothing of tests.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import special, stats

from alignscore_metric.arrays import Floats, Ints
from alignscore_metric.errors import ConfigurationError
from alignscore_metric.scores import statistics as st
from alignscore_metric.scores.statistics import Statistic

LINEAR_FROM = 10_000
"""Documents above which a mean's interval is the linearised one: a bootstrap would take seconds."""

_BATCH_CELLS = 32_000
"""Float64 cells of one batch of resamples: 256 KB an array. Larger ones leave the cache, and the
allocator gets fresh pages for each."""

_MAX_UNDEFINED_DRAWS = 0.05
"""More undefined resamples than this share make an interval undefined."""

_ON_A_BOUND = 1e-9
"""As near to each other, or to 0 or 1, as rounding brings what is equal."""

# --- settings and designs ------------------------------------------------------------------------


@dataclass(frozen=True)
class Estimate:
    """A number and its interval; NaN where undefined."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Resampling:
    """How intervals are made.

    Attributes:
        level: Coverage.
        resamples: Of the documents.
        seed: Equal seeds give equal draws to all statistics of the same documents.

    Raises:
        ConfigurationError: A value without meaning.
    """

    level: float = 0.95
    resamples: int = 1000
    seed: int = 0

    def __post_init__(self) -> None:
        """Refuse what has no meaning."""
        if not (0 < self.level < 1 and self.resamples >= 2 and self.seed >= 0):
            raise ConfigurationError("level lies between 0 and 1; resamples >= 2, and seed >= 0")

    @property
    def rng(self) -> np.random.Generator:
        """A fresh generator."""
        return np.random.default_rng(self.seed)


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
        return tuple(int(codes.max()) + 1 for codes in self._factors)

    @property
    def clusters(self) -> float:
        """Documents (or systems, if fewer) by `effective_clusters`; 1 where there is one alone."""
        return min(effective_clusters(np.bincount(codes)) for codes in self._factors)

    @property
    def _factors(self) -> list[Ints]:
        return [self.documents] if self.systems is None else [self.documents, self.systems]


def effective_clusters(rows: npt.ArrayLike) -> float:
    """How many clusters of equal size tell as much as these, of different sizes.

    Where a few documents hold most rows, a statistic hangs on these few: its bootstrap varies too
    little, and its standard error is known as badly as theirs.

    Args:
        rows: Of each cluster, shape [C].

    Returns:
        At least 2, at most C; 1 of one cluster.

    Source: Carter, Schnepel and Steigerwald 2017, "Asymptotic Behavior of a t-Test Robust to
    Cluster Heterogeneity", The Review of Economics and Statistics 99(4), of perfectly correlated
    rows.

    Example:
        >>> effective_clusters([4, 4, 4]), effective_clusters([7, 1, 1, 1])
        (3.0, 2.0)
    """
    sizes = np.asarray(rows, dtype=float)
    return min(float(len(sizes)), max(2.0, float(sizes.sum() ** 2 / (sizes**2).sum())))


# --- any statistic -------------------------------------------------------------------------------


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
    for size in resample_batches(resamples, len(design.documents)):
        counts = [_counts(rng.integers(0, units, (size, units)), units) for units in design.sizes]
        weights = counts[0][:, design.documents]
        if design.systems is None:
            draws.append(statistic(weights))
        else:
            draws.append(statistic(weights * counts[1][:, design.systems], counts[1]))
    return np.concatenate(draws) if draws else np.empty(0)


def resample_batches(resamples: int, rows: int) -> list[int]:
    """Sizes of batches of resamples of so many rows."""
    size = max(1, _BATCH_CELLS // rows)
    return [min(size, resamples - at) for at in range(0, resamples, size)]


def interval(
    value: float,
    draws: Floats,
    level: float = 0.95,
    *,
    clusters: float,
    lowest: float | None = 0.0,
) -> tuple[float, float]:
    """Student's interval of a statistic on the logit scale, with the bootstrap's standard error.

    The statistic is first put between 0 and 1. A resample of n documents varies less than a new
    sample does, by n - 1 to n in variance; the error itself is estimated, hence Student's t with
    n - 1 degrees of freedom. Where a draw lies on a bound, as a system-level correlation does in
    small resamples, it has no logit, and quantiles of the draws are taken, as much further out.
    Where no draw differs, as where all of few answers are right, nothing is known of the spread but
    that n documents agree: Clopper and Pearson's bound is how many do not, and these may be
    anywhere.

    Args:
        value: The statistic of the sample.
        draws: Of `bootstrap_draws`.
        level: Coverage that is aimed at.
        clusters: n: documents (or systems, if fewer) that were resampled, see `Design.clusters`.
        lowest: Least value there can be: 0, or -1 of a correlation. The highest is 1. None where
            there are no bounds: then no logit is taken.

    Returns:
        Lower and upper bound; (NaN, NaN) where the value or over 5% of the draws are undefined.

    Source: Efron and Tibshirani 1993, "An Introduction to the Bootstrap", section 12 (transformed
    scale); Hesterberg 2015, "What Teachers Should Know About the Bootstrap" (small samples);
    Clopper and Pearson 1934, "The Use of Confidence or Fiducial Limits", Biometrika 26(4).
    """
    defined = draws[~np.isnan(draws)]
    enough = len(defined) >= max(2, (1 - _MAX_UNDEFINED_DRAWS) * len(draws)) and clusters >= 2
    if np.isnan(value) or not enough:
        return float("nan"), float("nan")
    width = -stats.t.ppf((1 - level) / 2, clusters - 1) * np.sqrt(clusters / (clusters - 1))
    if lowest is None:
        low, high = value + np.array([-width, width]) * defined.std(ddof=1)
        return float(low), float(high)
    if np.ptp(np.append(defined, value)) < _ON_A_BOUND:
        others = 1 - ((1 - level) / 2) ** (1 / clusters)
        return value - (value - lowest) * others, value + (1 - value) * others
    shares = (np.append(defined, value) - lowest) / (1 - lowest)
    if min(shares.min(), 1 - shares.max()) < _ON_A_BOUND:
        low, high = np.quantile(defined, stats.norm.cdf([-width, width]))
    else:
        logits = special.logit(shares)
        ends = logits[-1] + np.array([-width, width]) * logits[:-1].std(ddof=1)
        low, high = lowest + (1 - lowest) * special.expit(ends)
    return float(low), float(high)


@dataclass(frozen=True, eq=False)
class Sampled:
    """A statistic and its draws: what an interval is made of, and that of a mean of several.

    Attributes:
        value: Of the sample; NaN where undefined.
        draws: Of `bootstrap_draws`, shape [R].
        clusters: As for `interval`.
        lowest: As for `interval`.
    """

    value: float
    draws: Floats
    clusters: float
    lowest: float | None = 0.0

    @classmethod
    def of(
        cls,
        statistic: Statistic,
        design: Design,
        *,
        resamples: int,
        rng: np.random.Generator,
        lowest: float | None = 0.0,
    ) -> Sampled:
        """Sample a statistic; arguments as for `bootstrap_draws` and `interval`."""
        return cls(
            st.value(statistic, len(design.documents)),
            bootstrap_draws(statistic, design, resamples=resamples, rng=rng),
            design.clusters,
            lowest,
        )

    @classmethod
    def mean_of(cls, found: Sequence[Sampled]) -> Sampled:
        """The mean of several of independent documents: their draws are averaged as they come."""
        lowest = [one.lowest for one in found if one.lowest is not None]
        return cls(
            float(np.mean([one.value for one in found])),
            np.mean([one.draws for one in found], axis=0),
            min(one.clusters for one in found),  # rather too few than too many
            min(lowest) if len(lowest) == len(found) else None,
        )

    def estimate(self, level: float = 0.95) -> Estimate:
        """The statistic with its interval."""
        bounds = interval(self.value, self.draws, level, clusters=self.clusters, lowest=self.lowest)
        return Estimate(self.value, *bounds)


def estimate(
    statistic: Statistic,
    documents: npt.ArrayLike,
    resampling: Resampling,
    *,
    lowest: float | None = 0.0,
) -> Estimate:
    """A statistic of N rows with its `interval` over documents.

    Args:
        statistic: Of the rows.
        documents: What each row belongs to: any labels, shape [N].
        resampling: How often documents are resampled.
        lowest: As for `interval`.

    Returns:
        NaN without a row.
    """
    labels = np.asarray(documents)
    if not len(labels):
        return Estimate(float("nan"), float("nan"), float("nan"))
    sampled = Sampled.of(
        statistic,
        Design.of(labels),
        resamples=resampling.resamples,
        rng=resampling.rng,
        lowest=lowest,
    )
    return sampled.estimate(resampling.level)


# --- means ---------------------------------------------------------------------------------------


def mean_estimate(
    values: npt.ArrayLike,
    documents: npt.ArrayLike,
    resampling: Resampling,
    *,
    lowest: float = 0.0,
) -> Estimate:
    """The mean of the defined values with its `interval` over documents.

    A mean needs the sum and the number of each document's values alone. Of more than 10,000
    documents the standard error is that of the linearised ratio of the two, from which the
    bootstrap's then differs by its own randomness alone.

    Args:
        values: Shape [N]; NaN where undefined.
        documents: Any labels, shape [N].
        resampling: How often documents are resampled.
        lowest: Least value there can be, the highest is 1; where a value is outside, as scores of
            the head `reg` may be, there are taken to be no bounds.

    Returns:
        NaN without a value; no interval for fewer than two documents.

    Source: Cochran 1977, "Sampling Techniques", section 6.3 (variance of a ratio).
    """
    x = np.asarray(values, dtype=float)
    kept = ~np.isnan(x)
    if not kept.any():
        return Estimate(float("nan"), float("nan"), float("nan"))
    sums, counts = document_sums(x[kept], np.asarray(documents)[kept])
    if len(sums) > LINEAR_FROM:
        return _linearised(sums, counts, resampling.level)
    bounded = lowest <= x[kept].min() and x[kept].max() <= 1
    draws = bootstrap_draws(
        _ratio(sums, counts),
        Design(np.arange(len(sums))),
        resamples=resampling.resamples,
        rng=resampling.rng,
    )
    mean = float(sums.sum() / counts.sum())
    sampled = Sampled(mean, draws, effective_clusters(counts), lowest if bounded else None)
    return sampled.estimate(resampling.level)


def document_sums(values: Floats, documents: npt.ArrayLike) -> tuple[Floats, Floats]:
    """Sum and number of the values of each document, documents in the order of their first value.

    Args:
        values: Shape [N].
        documents: Any labels, shape [N]. What they are called does not change the order.
    """
    _, first, codes = np.unique(np.asarray(documents), return_index=True, return_inverse=True)
    order = np.argsort(first)
    sums, counts = np.bincount(codes, values), np.bincount(codes)
    return sums[order].astype(float), counts[order].astype(float)


def _ratio(sums: Floats, counts: Floats) -> Statistic:
    """The mean of all values as a statistic of documents."""

    def statistic(weights: Floats, system_weights: Floats | None = None) -> Floats:
        return np.asarray((weights @ sums) / (weights @ counts))

    return statistic


def _linearised(sums: Floats, counts: Floats, level: float) -> Estimate:
    mean, documents = float(sums.sum() / counts.sum()), len(sums)
    residuals = sums - mean * counts
    error = np.sqrt(documents / (documents - 1) * (residuals**2).sum()) / counts.sum()
    reach = float(stats.t.ppf((1 + level) / 2, effective_clusters(counts) - 1) * error)
    return Estimate(mean, mean - reach, mean + reach)


def _counts(ids: Ints, size: int) -> Floats:
    """How often each of `size` ids occurs in each row of `ids`, shape [D, size]."""
    ids = np.atleast_2d(ids)
    shifted = ids + size * np.arange(len(ids))[:, None]
    return np.bincount(shifted.ravel(), minlength=size * len(ids)).reshape(-1, size).astype(float)
