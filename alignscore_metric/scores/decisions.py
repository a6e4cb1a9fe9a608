"""Scores into probabilities and decisions: calibration, thresholds, a guarantee, reliability.

Pure functions of arrays, and what they fit: a `Calibration`, plain numbers that a profile stores.
Knows nothing of models, texts or files. Labels are 1 for consistent and 0 for inconsistent; a
summary is judged consistent where its score is above a threshold. Rows without a score (NaN) are
left out of every fit and measure, and are never judged consistent.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Literal, get_args

import numpy as np
import numpy.typing as npt
from typing_extensions import Self

from alignscore_metric.arrays import Bools, Floats
from alignscore_metric.errors import ConfigurationError, InputError

Method = Literal["logistic", "isotonic"]
Bins = Literal["equal_mass", "equal_width"]

MIN_LABELS = 20
"""Fewer labels tell too little to fit anything."""

MARGIN = 1e-6
"""Scores are this far from 0 and 1 at least where their logit is taken."""

DEFAULT_OBJECTIVE = "balanced_accuracy"
VERDICT = "probability=0.5"
"""What a verdict is unless told: consistent where that is the likelier."""

OBJECTIVES = (DEFAULT_OBJECTIVE, "recall=0.9", "miss_rate=0.1")
_LEVELLED = ("precision", "recall", "miss_rate", "probability")


@dataclass(frozen=True, kw_only=True)
class Calibration:
    """What turns scores into probabilities of being consistent, and these into decisions.

    Args:
        slope: Of the probability's logit over the score's, > 0; unused with knots.
        intercept: Of the same line.
        knots: Of an isotonic calibration: (score, probability), both rising. Between them lie
            straight lines, outside them the outermost probabilities.
        thresholds: What a score must exceed, by objective; see `fit_threshold`.
        rows: How many labelled rows it was fitted on.
        fitted_on: Which, for people.

    Raises:
        ConfigurationError: A value that is no calibration.
    """

    slope: float = 1.0
    intercept: float = 0.0
    knots: tuple[tuple[float, float], ...] = ()
    thresholds: dict[str, float] = field(default_factory=dict)
    rows: int = 0
    fitted_on: str = ""

    def __post_init__(self) -> None:
        """Refuse what could not be applied."""
        numbers = [self.slope, self.intercept, *np.ravel(self.knots), *self.thresholds.values()]
        knots = np.reshape(np.asarray(self.knots, dtype=float), (-1, 2))
        rises = (np.diff(knots[:, 0]) > 0).all() and (np.diff(knots[:, 1]) >= 0).all()
        if not (np.isfinite(numbers).all() and self.slope > 0 and rises):
            raise ConfigurationError("a calibration has finite numbers, a slope > 0, rising knots")
        if not ((knots[:, 1] >= 0) & (knots[:, 1] <= 1)).all():
            raise ConfigurationError("a calibration's knots hold probabilities in [0, 1]")

    @property
    def method(self) -> Method:
        """How it was fitted."""
        return "isotonic" if self.knots else "logistic"

    @property
    def name(self) -> str:
        """What signatures call it: the method, and 8 hexadecimal digits of its numbers' sha256."""
        numbers = json.dumps([self.slope, self.intercept, self.knots])
        return f"{self.method}-{hashlib.sha256(numbers.encode()).hexdigest()[:8]}"

    def probabilities(self, scores: npt.ArrayLike) -> Floats:
        """Probability that each summary is consistent.

        Args:
            scores: Shape [N]; NaN where undefined.

        Returns:
            In [0, 1], shape [N]; NaN where the score is.

        Example:
            >>> Calibration(knots=((0.25, 0.0), (0.75, 1.0))).probabilities([0.1, 0.5]).tolist()
            [0.0, 0.5]
        """
        values = np.asarray(scores, dtype=float)
        if self.knots:
            return np.asarray(np.interp(values, *np.transpose(self.knots)))
        from scipy.special import expit

        return np.asarray(expit(self.slope * _logits(values) + self.intercept))

    def threshold(self, objective: str = DEFAULT_OBJECTIVE) -> float:
        """What a score must exceed; for `probability=P`, for its probability to exceed P.

        Raises:
            ConfigurationError: No threshold was fitted for the objective.
        """
        name, level = parse_objective(objective)
        if name == "probability":
            return self._score_of(level)
        if (key := _key(name, level)) not in self.thresholds:
            raise ConfigurationError(
                f"no threshold was fitted for the objective {key!r}; there are "
                f"{', '.join([*self.thresholds, 'probability=P'])}. Fit it: alignscore calibrate "
                f"labelled.jsonl --objective {key} -o FOLDER"
            )
        return self.thresholds[key]

    def decide(self, scores: npt.ArrayLike, objective: str = DEFAULT_OBJECTIVE) -> Bools:
        """Whether each summary is judged consistent.

        Args:
            scores: Shape [N]; NaN where undefined.
            objective: One that a threshold was fitted for, or `probability=P`.

        Returns:
            Shape [N]; False where the score is NaN: nothing there was found to be supported.
        """
        return np.asarray(np.asarray(scores, dtype=float) > self.threshold(objective))

    def _score_of(self, probability: float) -> float:
        """The highest score whose probability is not above one, to the last bit: by bisection.

        Infinite where no score's probability is above it, or every one's.
        """
        low, high = (self.knots[0][0], self.knots[-1][0]) if self.knots else (0.0, 1.0)
        if self._exceeds(low, probability):
            return -np.inf
        if not self._exceeds(high, probability):
            return np.inf
        while (middle := (low + high) / 2) not in (low, high):
            low, high = (low, middle) if self._exceeds(middle, probability) else (middle, high)
        return low

    def _exceeds(self, score: float, probability: float) -> bool:
        return bool(self.probabilities([score])[0] > probability)

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Self:
        """Read what `to_dict` wrote.

        Raises:
            ConfigurationError: It is no calibration.
        """
        try:
            knots = tuple((float(x), float(y)) for x, y in values.get("knots", ()))
            return cls(**(values | {"knots": knots}))
        except (TypeError, ValueError, AttributeError) as cause:
            raise ConfigurationError(f"not a calibration ({cause}): {str(values)[:80]}") from cause

    def to_dict(self) -> dict[str, Any]:
        """Plain numbers, strings, lists, as JSON has them."""
        return asdict(self) | {"knots": [list(knot) for knot in self.knots]}


def parse_objective(objective: str) -> tuple[str, float]:
    """Name and level of an objective.

    Args:
        objective: `balanced_accuracy`; `precision=P`, `recall=R` or `miss_rate=A` (see
            `fit_threshold`); or `probability=P`: a calibrated probability above P.

    Returns:
        Its name, and its level in (0, 1); NaN of balanced accuracy.

    Raises:
        ConfigurationError: There is no such objective.

    Example:
        >>> parse_objective("precision=0.9")
        ('precision', 0.9)
    """
    name, _, level = objective.partition("=")
    if objective == DEFAULT_OBJECTIVE:
        return name, float("nan")
    try:
        if name in _LEVELLED and 0 < float(level) < 1:
            return name, float(level)
    except ValueError:
        pass
    known = ", ".join([DEFAULT_OBJECTIVE, *(f"{one}=X" for one in _LEVELLED)])
    raise ConfigurationError(f"objective is {objective!r}; give one of: {known}; X between 0 and 1")


def _key(name: str, level: float) -> str:
    return name if np.isnan(level) else f"{name}={level:g}"


# --- fitting -------------------------------------------------------------------------------------


def fit_calibration(
    scores: npt.ArrayLike,
    labels: npt.ArrayLike,
    *,
    method: Method = "logistic",
    objectives: Sequence[str] = OBJECTIVES,
    weights: npt.ArrayLike | None = None,
    fitted_on: str = "",
) -> Calibration:
    """Fit probabilities and thresholds on labelled rows.

    Report what they do on other rows than these.

    Args:
        scores: Of N summaries, shape [N].
        labels: 1 consistent, 0 inconsistent, shape [N].
        method: `logistic` fits a line to the score's logit, two numbers, which keeps the order of
            scores; `isotonic` any rising function, which needs more rows (a thousand, say).
        objectives: Fit a threshold for each.
        weights: Of the rows, > 0, shape [N]; see `equal_weights`. All equal where None.
        fitted_on: Which rows these are, for people.

    Raises:
        InputError: Fewer than 20 rows, labels of one class or other than 0 and 1, scores that fall
            with the labels or lie outside [0, 1] (`logistic`), or an objective out of reach.
        ConfigurationError: No such method or objective.

    Source: Platt 1999, "Probabilistic Outputs for Support Vector Machines"; Zadrozny and Elkan
    2002, "Transforming Classifier Scores into Accurate Multiclass Probability Estimates".
    """
    if method not in get_args(Method):
        raise ConfigurationError(f"method is {method!r}; known: {', '.join(get_args(Method))}")
    values, y, w = _fitting_rows(scores, labels, weights)
    thresholds = {
        _key(*parse_objective(one)): fit_threshold(values, y, one, weights=w)
        for one in objectives
        if parse_objective(one)[0] != "probability"
    }
    shape: dict[str, Any] = (
        {"knots": _isotonic_knots(values, y, w)}
        if method == "isotonic"
        else dict(zip(("slope", "intercept"), _logistic_line(values, y, w), strict=True))
    )
    return Calibration(thresholds=thresholds, rows=len(y), fitted_on=fitted_on, **shape)


def equal_weights(groups: npt.ArrayLike) -> Floats:
    """Row weights by which every group counts the same; their mean is 1.

    Args:
        groups: Any labels, as the names of data sets, shape [N].

    Example:
        >>> equal_weights(["a", "a", "a", "b"]).round(2).tolist()
        [0.67, 0.67, 0.67, 2.0]
    """
    _, codes, counts = np.unique(np.asarray(groups), return_inverse=True, return_counts=True)
    return np.asarray(len(codes) / (len(counts) * counts[codes]))


def fit_threshold(
    scores: npt.ArrayLike,
    labels: npt.ArrayLike,
    objective: str,
    *,
    weights: npt.ArrayLike | None = None,
) -> float:
    """The threshold that serves an objective best on labelled rows.

    Args:
        scores: Shape [N].
        labels: 1 consistent, 0 inconsistent, shape [N].
        objective: `balanced_accuracy`: its maximum, at the lowest threshold that reaches it;
            `precision=P`: the lowest threshold above which at least P of the rows are consistent;
            `recall=R`: the highest above which at least R of the consistent rows lie;
            `miss_rate=A`: `conformal_threshold` of the inconsistent rows, whatever the weights.
        weights: As for `fit_calibration`.

    Raises:
        InputError: As for `fit_calibration`; no threshold reaches the precision.
        ConfigurationError: No such objective.
    """
    name, level = parse_objective(objective)
    values, y, w = _fitting_rows(scores, labels, weights)
    if name == "miss_rate":
        return conformal_threshold(values[y == 0], level)
    places, (bad, good) = _weights_above(values, y, w)
    if name == "balanced_accuracy":
        # Rounded, so that equal accuracies are equal in floating point too.
        accuracy = np.round(good / good[0] - bad / bad[0], 12)
        return float(places[accuracy.argmax()])
    if name == "recall":
        return float(places[np.flatnonzero(good >= level * good[0] * (1 - 1e-12))[-1]])
    if name == "precision":
        precision = good / (good + bad)
        reached = np.flatnonzero(precision >= level * (1 - 1e-12))
        if not len(reached):
            raise InputError(
                f"no threshold has a precision of {level:g} on these rows; the highest is "
                f"{precision.max():.3f}: ask for less"
            )
        return float(places[reached[0]])
    raise ConfigurationError(f"{objective!r} needs no threshold: it is one of probabilities")


def conformal_threshold(scores: npt.ArrayLike, miss_rate: float) -> float:
    """The threshold that inconsistent summaries exceed at most at a given rate, by guarantee.

    Split conformal prediction. For a new inconsistent summary that is exchangeable with the given
    ones (of the same sources, systems and annotators, in no order), P(score > threshold) is at most
    the rate. It holds on average over draws of the given rows: with n of them, the rate of one
    threshold varies as Beta(n + 1 - k, k), where k = ceil((n + 1)(1 - rate)).

    Args:
        scores: Of inconsistent summaries, shape [n].
        miss_rate: Share of inconsistent summaries that may be judged consistent, in (0, 1).

    Returns:
        The k-th smallest score.

    Raises:
        InputError: Too few scores for the rate: fewer than 1 / rate - 1.

    Source: Angelopoulos and Bates 2021, "A Gentle Introduction to Conformal Prediction", sections 1
    and 3.2.

    Example:
        >>> conformal_threshold([0.1, 0.2, 0.3, 0.4], 0.2)
        0.4
    """
    ordered = np.sort(np.asarray(scores, dtype=float))
    n = len(ordered)
    may_pass = int(np.floor((n + 1) * miss_rate * (1 + 1e-12)))  # 0.1 x 10 is 1
    if may_pass < 1:
        raise InputError(
            f"a miss rate of {miss_rate:g} needs {int(np.ceil(1 / miss_rate)) - 1} inconsistent "
            f"rows; there are {n}: give more, or allow a higher rate"
        )
    return float(ordered[n - may_pass])


def _logistic_line(scores: Floats, labels: Floats, weights: Floats) -> tuple[float, float]:
    """Slope and intercept of the likeliest line, by Platt's targets, which keep it finite."""
    from scipy.optimize import minimize
    from scipy.special import expit

    if scores.min() < 0 or scores.max() > 1:
        raise InputError(
            "a logistic calibration needs scores in [0, 1]; use the method isotonic, or another "
            "head of the model"
        )
    x = np.stack([_logits(scores), np.ones_like(scores)])
    good, bad = weights[labels == 1].sum(), weights[labels == 0].sum()
    targets = np.where(labels == 1, (good + 1) / (good + 2), 1 / (bad + 2))

    def loss(line: Floats) -> tuple[float, Floats]:
        z = line @ x
        nll = weights @ (np.logaddexp(0, z) - targets * z)
        return float(nll / len(z)), x @ (weights * (expit(z) - targets)) / len(z)

    slope, intercept = minimize(loss, [1.0, 0.0], jac=True, method="BFGS", tol=1e-9).x
    if slope <= 0:
        raise InputError(
            "scores do not rise with the labels, so that they tell nothing; labels are 1 for "
            "consistent and 0 for inconsistent"
        )
    return float(slope), float(intercept)


def _isotonic_knots(
    scores: Floats, labels: Floats, weights: Floats
) -> tuple[tuple[float, float], ...]:
    """The rising step function nearest to the labels; of each step its ends alone."""
    from scipy.optimize import isotonic_regression

    found, group = np.unique(scores, return_inverse=True)
    mass = np.bincount(group, weights)
    share = np.bincount(group, weights * labels) / mass
    level = np.clip(isotonic_regression(share, weights=mass).x, 0, 1)
    inner = np.zeros(len(found), dtype=bool)
    inner[1:-1] = (level[1:-1] == level[:-2]) & (level[1:-1] == level[2:])
    return tuple(zip(found[~inner].tolist(), level[~inner].tolist(), strict=True))


def _weights_above(
    scores: Floats, labels: Floats, weights: Floats
) -> tuple[Floats, tuple[Floats, Floats]]:
    """Every threshold that some row exceeds, rising, and the weight of each class above it."""
    found, group = np.unique(scores, return_inverse=True)
    places = np.concatenate([[np.nextafter(found[0], -np.inf)], found[:-1]])
    bad, good = (np.bincount(group, weights * (labels == c)).astype(float) for c in (0, 1))
    return places, (bad[::-1].cumsum()[::-1], good[::-1].cumsum()[::-1])


# --- how good probabilities are ------------------------------------------------------------------


@dataclass(frozen=True)
class Reliability:
    """Rows in bins by their probability, empty bins left out.

    Attributes:
        predicted: Mean probability of each bin, shape [B].
        observed: Share of consistent rows in it, shape [B].
        shares: Its share of all rows, shape [B].
    """

    predicted: Floats
    observed: Floats
    shares: Floats

    @property
    def error(self) -> float:
        """Expected calibration error: mean gap between the two over rows, in [0, 1]."""
        return float(self.shares @ np.abs(self.predicted - self.observed))


def reliability(
    probabilities: npt.ArrayLike,
    labels: npt.ArrayLike,
    *,
    bins: int = 15,
    strategy: Bins = "equal_mass",
    weights: npt.ArrayLike | None = None,
) -> Reliability:
    """How often summaries of each probability are consistent.

    Args:
        probabilities: In [0, 1], shape [N].
        labels: 1 consistent, 0 inconsistent, shape [N].
        bins: How many, >= 1.
        strategy: `equal_mass`: bins of as many rows each, equal probabilities together;
            `equal_width`: bins of one width.
        weights: Of the rows in means and shares, shape [N]; all equal where None.

    Raises:
        InputError: No row, a probability outside [0, 1], a label other than 0 and 1.
        ConfigurationError: No bins, or no such strategy.

    Example:
        >>> reliability([0.25, 0.25, 0.75, 0.75], [0, 0, 1, 1], bins=2).error
        0.25
    """
    if bins < 1 or strategy not in get_args(Bins):
        known = " or ".join(get_args(Bins))
        raise ConfigurationError(f"{bins} bins of {strategy!r}: give 1 or more, of {known}")
    p, y, w = _probable_rows(probabilities, labels, weights)
    edges = np.linspace(0, 1, bins + 1)
    if strategy == "equal_mass":
        edges = np.percentile(p, 100 * edges)
    place = np.searchsorted(edges[1:-1], p)
    mass, predicted, observed = (np.bincount(place, w * x, bins) for x in (np.ones_like(p), p, y))
    full = mass > 0
    return Reliability(
        predicted[full] / mass[full], observed[full] / mass[full], mass[full] / mass.sum()
    )


def brier_score(
    probabilities: npt.ArrayLike, labels: npt.ArrayLike, *, weights: npt.ArrayLike | None = None
) -> float:
    """Mean squared difference of probabilities and labels; arguments and errors as `reliability`.

    Source: Brier 1950, "Verification of Forecasts Expressed in Terms of Probability".
    """
    p, y, w = _probable_rows(probabilities, labels, weights)
    return float(np.average((p - y) ** 2, weights=w))


@dataclass(frozen=True)
class Rates:
    """How decisions agree with labels; NaN where there is nothing to divide by.

    Attributes:
        balanced_accuracy: Mean of the recall and of one less the miss rate.
        precision: Share of consistent rows among those judged consistent.
        recall: Share of consistent rows that are judged so.
        miss_rate: Share of inconsistent rows that are judged consistent.
    """

    balanced_accuracy: float
    precision: float
    recall: float
    miss_rate: float

    @classmethod
    def of(
        cls, labels: npt.ArrayLike, decisions: npt.ArrayLike, weights: npt.ArrayLike | None = None
    ) -> Self:
        """The rates of N decisions.

        Args:
            labels: 1 consistent, 0 inconsistent, shape [N].
            decisions: 1 judged consistent, 0 not, shape [N]; of rows without a score too.
            weights: Of the rows, shape [N]; all equal where None.

        Raises:
            InputError: A label other than 0 and 1.
        """
        decided, y, w = _rows(decisions, labels, weights)
        good, bad, passed_good, passed_bad = (
            w @ (y == 1), w @ (y == 0), w @ (decided * y), w @ (decided * (1 - y))
        )  # fmt: skip
        with np.errstate(invalid="ignore"):
            recall, miss_rate = passed_good / good, passed_bad / bad
            precision = passed_good / (passed_good + passed_bad)
        return cls(*map(float, ((recall + 1 - miss_rate) / 2, precision, recall, miss_rate)))


# --- what is accepted ----------------------------------------------------------------------------


def _rows(
    values: npt.ArrayLike, labels: npt.ArrayLike, weights: npt.ArrayLike | None
) -> tuple[Floats, Floats, Floats]:
    """Numbers, labels and weights of the rows that have a number; weights of mean 1."""
    try:
        numbers, y = (np.asarray(one, dtype=float) for one in (values, labels))
        w = np.ones_like(numbers) if weights is None else np.asarray(weights, dtype=float)
    except (TypeError, ValueError) as cause:
        raise InputError(f"scores, labels and weights must be numbers ({cause})") from cause
    if not (numbers.ndim == 1 and numbers.shape == y.shape == w.shape):
        raise InputError(
            f"scores, labels and weights have the shapes {numbers.shape}, {y.shape}, {w.shape}; "
            "give one of each per row"
        )
    for name, wrong, wanted in (
        ("label", ~np.isin(y, (0, 1)), "1 (consistent) or 0 (inconsistent)"),
        ("score", np.isinf(numbers), "a finite number"),
        ("weight", ~((w > 0) & np.isfinite(w)), "a number > 0"),
    ):
        if wrong.any():
            raise InputError(f"row {int(wrong.argmax())}: the {name} must be {wanted}")
    defined = ~np.isnan(numbers)
    if not defined.any():
        raise InputError("no row has a score")
    return numbers[defined], y[defined], w[defined] / w[defined].mean()


def _fitting_rows(
    scores: npt.ArrayLike, labels: npt.ArrayLike, weights: npt.ArrayLike | None
) -> tuple[Floats, Floats, Floats]:
    numbers, y, w = _rows(scores, labels, weights)
    if len(y) < MIN_LABELS:
        raise InputError(f"{len(y)} labelled rows with a score; give {MIN_LABELS} or more")
    if len(np.unique(y)) == 1:
        raise InputError(f"every label is {y[0]:g}; give rows of both classes")
    return numbers, y, w


def _probable_rows(
    probabilities: npt.ArrayLike, labels: npt.ArrayLike, weights: npt.ArrayLike | None
) -> tuple[Floats, Floats, Floats]:
    p, y, w = _rows(probabilities, labels, weights)
    if p.min() < 0 or p.max() > 1:
        raise InputError(f"probabilities lie in [0, 1]; these go from {p.min():g} to {p.max():g}")
    return p, y, w


def _logits(scores: Floats) -> Floats:
    from scipy.special import logit

    return np.asarray(logit(np.clip(scores, MARGIN, 1 - MARGIN)))
