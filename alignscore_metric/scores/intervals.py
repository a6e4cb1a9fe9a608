"""A statistic with its interval over documents, in one call. Owns no statistic but the mean."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from alignscore_metric.errors import ConfigurationError
from alignscore_metric.scores import statistics as st


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


def mean(values: npt.ArrayLike) -> st.Statistic:
    """The mean of numbers, shape [N], as a statistic of row weights."""
    x = np.asarray(values, dtype=float)

    def statistic(weights: st.Floats, system_weights: st.Floats | None = None) -> st.Floats:
        with np.errstate(invalid="ignore"):
            return np.asarray((weights @ x) / weights.sum(axis=1))

    return statistic


def estimate(
    statistic: st.Statistic,
    documents: npt.ArrayLike,
    resampling: Resampling,
    *,
    lowest: float = 0.0,
) -> Estimate:
    """A statistic of N rows with the interval of `alignscore_metric.scores.statistics.interval`.

    Args:
        statistic: Of the rows.
        documents: What each row belongs to: any labels, shape [N].
        resampling: How often documents are resampled.
        lowest: Least value that the statistic can have; the highest is 1.

    Returns:
        NaN without a row.
    """
    labels = np.asarray(documents)
    if not len(labels):
        return Estimate(float("nan"), float("nan"), float("nan"))
    design = st.Design.of(labels)
    found = st.value(statistic, len(labels))
    draws = st.bootstrap_draws(
        statistic,
        design,
        resamples=resampling.resamples,
        rng=np.random.default_rng(resampling.seed),
    )
    clusters = min(design.sizes)
    bounds = st.interval(found, draws, resampling.level, clusters=clusters, lowest=lowest)
    return Estimate(found, *bounds)
