"""The share of consistent summaries, from a few human labels and the scores of all.

Prediction-powered inference over arrays. Knows nothing of texts, models and files.

Sources: Angelopoulos et al. 2023, "Prediction-powered inference", Science 382 (PPI); Angelopoulos,
Duchi and Zrnic 2023, "PPI++", arXiv 2311.01453; Fisch et al. 2024, "Stratified prediction-powered
inference", NeurIPS. Wilson's interval at an effective sample size, with Student's t: Dean and
Pagano 2015, J. Survey Statistics and Methodology 3(4); Franco et al. 2019, the same journal, 7(3).
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Hashable, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
from scipy import stats

from alignscore_metric.arrays import Floats, Ints
from alignscore_metric.errors import ConfigurationError, InputError

FEWEST_LABELS = 20
"""No interval from fewer labels."""

FEWEST_IN_STRATUM = 5
"""Nor from fewer in a stratum."""


@dataclass(frozen=True)
class EstimateSettings:
    """What an estimate depends on besides the data.

    Attributes:
        target: `corpus`, the share among these very summaries; `system`, the share among all that
            the system would write of such documents, hence a wider interval.
        lam: Weight of the scores, in [0, 1]: 1 is PPI, 0 the labels alone; None tunes it (PPI++).
        interval: `wilson`, Wilson's at the effective sample size, which holds for few labels and
            rates near 0 or 1 too; `normal`, the papers' own.
        level: Coverage, in (0, 1).

    Raises:
        ConfigurationError: A value without meaning.
    """

    target: Literal["corpus", "system"] = "corpus"
    lam: float | None = None
    interval: Literal["wilson", "normal"] = "wilson"
    level: float = 0.95

    def __post_init__(self) -> None:
        """Refuse what has no meaning."""
        if self.target not in ("corpus", "system"):
            raise ConfigurationError(f"target {self.target!r}: give corpus or system")
        if self.interval not in ("wilson", "normal"):
            raise ConfigurationError(f"interval {self.interval!r}: give wilson or normal")
        if self.lam is not None and not 0 <= self.lam <= 1:
            raise ConfigurationError(f"lam {self.lam}: give a number from 0 to 1, or None")
        if not 0 < self.level < 1:
            raise ConfigurationError(f"level {self.level}: give a number between 0 and 1")


@dataclass(frozen=True)
class ConsistencyRate:
    """The share of consistent summaries, estimated with scores and without.

    Attributes:
        rate: The estimate, in [0, 1] (by the normal interval's formula it may lie outside).
        low: Lower bound of its interval.
        high: Upper bound.
        standard_error: Of the rate.
        lam: Weight of the scores in each stratum, in [0, 1]; strata by rising score, or as they
            first appear.
        classical_rate: The estimate from the labels alone, in the same strata.
        classical_low: Lower bound of its interval, of the same kind.
        classical_high: Upper bound.
        labelled: Labels that were used, n.
        summaries: Summaries with a score, N.
        undefined: Summaries without a score: left out, with their labels.
        correlation: Of labels and scores; with strata, that of a score which would serve as well
            without. 0 where the scores do not help.
        effective_labels: How many labels of a simple random sample would do as well without scores.
        settings: What else the numbers depend on.
    """

    rate: float
    low: float
    high: float
    standard_error: float
    lam: tuple[float, ...]
    classical_rate: float
    classical_low: float
    classical_high: float
    labelled: int
    summaries: int
    undefined: int
    correlation: float
    effective_labels: float
    settings: EstimateSettings

    @property
    def labels_saved(self) -> float:
        """Labels that the scores stand in for; below 0 where they do harm."""
        return self.effective_labels - self.labelled

    def labels_needed(self, width: float) -> int:
        """How many labels in all would give an interval of a width: this estimate is the pilot.

        Args:
            width: From bound to bound, in (0, 1).

        Raises:
            InputError: See `labels_needed`.
        """
        return labels_needed(
            width,
            summaries=self.summaries,
            rate=self.rate,
            correlation=self.correlation,
            settings=self.settings,
        )

    def to_dict(self) -> dict[str, Any]:
        """Plain numbers, strings and lists, as for JSON."""
        found = asdict(self)
        return {**found, "lam": list(self.lam), "labels_saved": self.labels_saved}

    def __str__(self) -> str:
        """Both estimates, for people."""
        corpus = self.settings.target == "corpus"
        share = "share of these" if corpus else "the system's share, from"
        undefined = f", {self.undefined} without a score left out" if self.undefined else ""
        lams = ", ".join(f"{lam:.2f}" for lam in self.lam)
        strata = f" in {len(self.lam)} strata" if len(self.lam) > 1 else ""
        kind = "Wilson" if self.settings.interval == "wilson" else "normal"
        return (
            f"consistent: {self.rate:.4f} ({100 * self.settings.level:g}% interval {self.low:.4f} "
            f"to {self.high:.4f}), {share} {self.summaries} summaries{undefined}\n"
            f"labels alone{strata}: {self.classical_rate:.4f} ({self.classical_low:.4f} to "
            f"{self.classical_high:.4f})\n"
            f"{self.labelled} labels with scores are worth {self.effective_labels:.0f} without "
            f"(lambda {lams}; {kind} intervals)"
        )


def estimate_consistency_rate(
    scores: npt.ArrayLike,
    labelled_indices: npt.ArrayLike,
    labels: npt.ArrayLike,
    *,
    strata: int | Sequence[Hashable] | None = None,
    settings: EstimateSettings | None = None,
) -> ConsistencyRate:
    """Estimate which share of N summaries is consistent, from n labels and N scores.

    The labelled summaries must be a simple random sample of all, or of each stratum. The interval
    then holds whatever the scores are worth; good scores make it narrow.

    Args:
        scores: One per summary, any real numbers, shape [N]; NaN where undefined. Scores that vary
            much less than labels do are worth more where they are scaled up, as `lam` is at most 1.
        labelled_indices: Which summaries people have judged, from 0, shape [n], n >= 20.
        labels: 1 consistent, 0 not, shape [n]. All equal is allowed with Wilson's interval.
        strata: Number of strata of equal size by score, or the stratum of each summary, shape [N];
            None is one stratum. Each is estimated by itself, with a `lam` of its own.
        settings: The default ones where None.

    Raises:
        InputError: Says which row, or which stratum, cannot be used and why.

    Example:
        >>> rng = np.random.default_rng(0)
        >>> scores = rng.random(2000)
        >>> sample = rng.choice(2000, size=100, replace=False)
        >>> found = estimate_consistency_rate(scores, sample, scores[sample] > rng.random(100))
        >>> print(found)
        consistent: 0.4955 (95% interval 0.4124 to 0.5788), share of these 2000 summaries
        labels alone: 0.4600 (0.3679 to 0.5549)
        100 labels with scores are worth 129 without (lambda 0.80; Wilson intervals)
    """
    settings = settings or EstimateSettings()
    values = _scores(scores)
    marks = _marks(len(values), labelled_indices, labels)
    defined = ~np.isnan(values)
    codes, names = _codes(values, strata)
    parts = _parts(values[defined], marks[defined], codes[defined], names)
    powered = _pool(parts, settings)
    classical = _pool(parts, replace(settings, lam=0.0))
    return ConsistencyRate(
        rate=powered.rate,
        low=powered.low,
        high=powered.high,
        standard_error=powered.standard_error,
        lam=powered.lam,
        classical_rate=classical.rate,
        classical_low=classical.low,
        classical_high=classical.high,
        labelled=sum(len(part.labels) for part in parts),
        summaries=int(defined.sum()),
        undefined=int((~defined).sum()),
        correlation=powered.correlation,
        effective_labels=powered.effective_labels,
        settings=settings,
    )


def labels_needed(
    width: float,
    *,
    summaries: int,
    rate: float,
    correlation: float,
    settings: EstimateSettings | None = None,
) -> int:
    """Plan: how many labels give an interval of a width, with a tuned `lam` and without strata.

    Args:
        width: From bound to bound, in (0, 1).
        summaries: That have scores, N.
        rate: The expected rate, in (0, 1); 0.5 is the safest assumption.
        correlation: Expected of labels and scores, in [0, 1]; 0 is planning without scores.
        settings: The default ones where None.

    Returns:
        A number in [20, N).

    Raises:
        InputError: A number without meaning, or no number of labels is enough.

    Example:
        >>> labels_needed(0.1, summaries=5000, rate=0.8, correlation=0.0)
        233
        >>> labels_needed(0.1, summaries=5000, rate=0.8, correlation=0.6)
        154
    """
    settings = settings or EstimateSettings()
    if not (0 < width < 1 and 0 < rate < 1 and 0 <= correlation <= 1):
        raise InputError(
            f"no plan for width {width:g}, rate {rate:g}, correlation {correlation:g}: give "
            "numbers between 0 and 1; where the labels of a pilot all agree, assume a rate"
        )

    def width_of(labels: int) -> float:
        sampling = (1 - correlation**2) * (1 / labels - 1 / summaries)
        inverse = sampling + (1 / summaries if settings.target == "system" else 0)
        freedom = labels - 2 if correlation else math.inf
        low, high = _bounds(rate, inverse, rate * (1 - rate), freedom, settings)
        return high - low

    sizes = range(FEWEST_LABELS, summaries)
    place = bisect_left(sizes, -width, key=lambda labels: -width_of(labels))
    if place == len(sizes):
        raise InputError(
            f"labels for all of {summaries} summaries would not give an interval of width "
            f"{width:g}; score more summaries, or ask for a wider one"
        )
    return sizes[place]


@dataclass(frozen=True)
class _Stratum:
    """Labels and scores of the labelled summaries, shape [n]; scores of the others, shape [M]."""

    labels: Floats
    scores: Floats
    others: Floats

    @property
    def size(self) -> int:
        """Labelled and others."""
        return len(self.scores) + len(self.others)

    def tuned(self) -> float:
        """The weight of least variance, clipped to [0, 1].

        Source: PPI++, section 6, in the plug-in form of the authors' `ppi-python`.
        """
        variance = np.concatenate([self.scores, self.others]).var(ddof=1)
        if variance == 0:
            return 0.0
        covariance = ((self.labels - self.labels.mean()) * self.scores).mean()
        ratio = len(self.scores) / len(self.others)
        return float(np.clip(covariance / ((1 + ratio) * variance), 0, 1))

    def rate(self, lam: float) -> float:
        """PPI's estimate: mean score of the others, and what the labels say it is wrong by."""
        return float(lam * self.others.mean() + (self.labels - lam * self.scores).mean())

    def variance(self, lam: float, spent: int, settings: EstimateSettings) -> float:
        """Variance of `rate`.

        For the target `system` PPI's. For `corpus` that of sampling without replacement: with
        beta = lam N / M the error of `rate` is M / N times the difference of the means of
        (label - beta score) between the labelled and the others.

        Args:
            lam: Weight of the scores.
            spent: Degrees of freedom that estimating the rectifier's variance has used up.
            settings: Says for which target and interval.
        """
        n, others = len(self.labels), len(self.others)
        if settings.target == "system":
            rectifier = _variance(self.labels - lam * self.scores, spent, settings)
            return float(lam**2 * self.others.var() / others + rectifier / n)
        beta = lam * self.size / others
        rectifier = _variance(self.labels - beta * self.scores, spent, settings)
        return rectifier / n * others / self.size


def _variance(values: Floats, spent: int, settings: EstimateSettings) -> float:
    """Variance by the interval's formula: plain (normal), or unbiased and with a floor (Wilson).

    The floor is the variance of one error among n + 2 labels: that n labels agree, with each other
    or with their scores, does not say that all would.
    """
    n = len(values)
    if settings.interval == "normal":
        return float(values.var())
    return max(float(values.var(ddof=spent)), (n + 1) / (n + 2) ** 2)


@dataclass(frozen=True)
class _Pooled:
    """An estimate over all strata."""

    rate: float
    low: float
    high: float
    standard_error: float
    lam: tuple[float, ...]
    correlation: float
    effective_labels: float


def _pool(parts: Sequence[_Stratum], settings: EstimateSettings) -> _Pooled:
    """Estimate each stratum, and weight it by its share of the summaries."""
    labels, total = sum(len(part.labels) for part in parts), sum(part.size for part in parts)
    lams = [part.tuned() if settings.lam is None else settings.lam for part in parts]
    shares = np.array([part.size / total for part in parts])
    rate = float(shares @ [part.rate(lam) for part, lam in zip(parts, lams, strict=True)])
    spent = 2 if settings.lam is None else 1  # the mean, and lam where it is fitted
    variances = [part.variance(lam, spent, settings) for part, lam in zip(parts, lams, strict=True)]
    variance = float(shares**2 @ variances)
    means = np.array([part.labels.mean() for part in parts])
    mean = float(shares @ means)
    if settings.target == "system":  # the strata's shares are themselves a sample's
        variance += float(shares @ (means - mean) ** 2) / total
    spread = _spread(mean, labels, settings)
    inverse = variance / spread
    if settings.interval == "wilson":
        rate = min(max(rate, 0.0), 1.0)
    simple = settings.lam == 0 and len(parts) == 1  # then the effective sample size is known
    freedom = math.inf if simple else labels - spent * len(parts)
    low, high = _bounds(rate, inverse, spread, freedom, settings)
    inverse += 1 / total if settings.target == "corpus" else 0
    unexplained = (inverse - 1 / total) / (1 / labels - 1 / total)
    return _Pooled(
        rate=rate,
        low=low,
        high=high,
        standard_error=math.sqrt(variance),
        lam=tuple(lams),
        correlation=math.sqrt(min(max(1 - unexplained, 0.0), 1.0)),
        effective_labels=1 / inverse,
    )


def _spread(mean: float, labels: int, settings: EstimateSettings) -> float:
    """Variance of the labels of a simple random sample with this mean."""
    plain = mean * (1 - mean)
    if settings.interval == "wilson":
        return max(plain * labels / (labels - 1), (labels + 1) / (labels + 2) ** 2)
    if plain == 0:
        raise InputError(
            f"all labels are {mean:.0f}: the normal interval would have no width; "
            "take interval 'wilson'"
        )
    return plain


def _bounds(
    rate: float, inverse: float, spread: float, freedom: float, settings: EstimateSettings
) -> tuple[float, float]:
    """An interval of a rate.

    Args:
        rate: The estimate.
        inverse: 1 / effective sample size: the rate's variance over the labels'.
        spread: Variance of the labels.
        freedom: Degrees of freedom of that size; infinite where it is known.
        settings: Which interval.
    """
    tail = (1 + settings.level) / 2
    if settings.interval == "normal":
        half = float(stats.norm.ppf(tail)) * math.sqrt(inverse * spread)
        return rate - half, rate + half
    added = float(stats.t.ppf(tail, freedom)) ** 2 * inverse
    half = math.sqrt(added * rate * (1 - rate) + added**2 / 4)
    return (rate + added / 2 - half) / (1 + added), (rate + added / 2 + half) / (1 + added)


def _scores(scores: npt.ArrayLike) -> Floats:
    try:
        values = np.asarray(scores, dtype=np.float64)
    except (TypeError, ValueError) as cause:
        raise InputError(f"scores are not numbers: {cause}") from cause
    if values.ndim != 1:
        raise InputError(f"scores have shape {values.shape}; give one number per summary")
    if np.isinf(values).any():
        row = int(np.isinf(values).argmax())
        raise InputError(f"scores[{row}] is {values[row]}; give finite scores, NaN where undefined")
    return values


def _marks(rows: int, labelled_indices: npt.ArrayLike, labels: npt.ArrayLike) -> Floats:
    """The labels at their rows, NaN elsewhere."""
    places, given = _indices(rows, labelled_indices), np.asarray(labels)
    if given.shape != places.shape:
        raise InputError(f"{len(places)} labelled_indices, but labels have shape {given.shape}")
    wrong = np.flatnonzero(~np.isin(given, [0, 1]))
    if len(wrong):
        raise InputError(f"labels[{wrong[0]}] is {given.tolist()[wrong[0]]!r}; give 0 or 1")
    marks = np.full(rows, np.nan)
    marks[places] = given
    return marks


def _indices(rows: int, labelled_indices: npt.ArrayLike) -> Ints:
    places = np.asarray(labelled_indices)
    if places.ndim != 1 or (len(places) and places.dtype.kind not in "iu"):
        raise InputError(
            "labelled_indices are not row numbers; of a mask give np.flatnonzero(mask)"
        )
    outside = np.flatnonzero((places < 0) | (places >= rows))
    if len(outside):
        at = outside[0]
        raise InputError(f"labelled_indices[{at}] is {places[at]}; there are rows 0 to {rows - 1}")
    found, counts = np.unique(places, return_counts=True)
    if len(found) < len(places):
        raise InputError(f"row {found[counts.argmax()]} is labelled twice; give one label per row")
    return places.astype(np.int64)


def _codes(values: Floats, strata: int | Sequence[Hashable] | None) -> tuple[Ints, Sequence[str]]:
    """Stratum of each summary, by its number in the list of their names; any where it is NaN."""
    if strata is None:
        return np.zeros(len(values), dtype=np.int64), [""]
    if isinstance(strata, int):
        if strata < 1:
            raise InputError(f"{strata} strata: give 1 or more")
        edges = np.nanquantile(values, np.arange(1, strata) / strata)
        codes = np.searchsorted(edges, values, side="right").astype(np.int64)
        return codes, [f" in stratum {place} of {strata}" for place in range(1, strata + 1)]
    if len(strata) != len(values):
        raise InputError(f"{len(values)} scores, but {len(strata)} strata; give one per summary")
    numbers = {name: number for number, name in enumerate(dict.fromkeys(strata))}
    codes = np.array([numbers[name] for name in strata], dtype=np.int64)
    return codes, [f" in stratum {name!r}" for name in numbers]


def _parts(values: Floats, marks: Floats, codes: Ints, names: Sequence[str]) -> list[_Stratum]:
    labelled = ~np.isnan(marks)
    if labelled.sum() < FEWEST_LABELS:
        raise InputError(
            f"{labelled.sum()} labels of summaries with a score; label at least {FEWEST_LABELS}, "
            "drawn at random"
        )
    parts = []
    for number in np.unique(codes):
        inside = codes == number
        chosen, others = inside & labelled, inside & ~labelled
        if not others.any():
            raise InputError(
                f"all summaries{names[number]} are labelled: the rate is that of the labels, "
                f"{marks[chosen].mean():.4f}; add scores of others"
            )
        if chosen.sum() < FEWEST_IN_STRATUM:
            raise InputError(
                f"only {chosen.sum()} of {inside.sum()} summaries{names[number]} are labelled; "
                f"label {FEWEST_IN_STRATUM} of each stratum, or take fewer strata"
            )
        parts.append(_Stratum(marks[chosen], values[chosen], values[others]))
    return parts
