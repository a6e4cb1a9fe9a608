"""The metric as a classifier of scikit-learn: `predict(pairs)`, cross-validation, pipelines."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from alignscore_metric.arrays import Floats, Ints
from alignscore_metric.errors import ConfigurationError, InputError, MissingResourceError
from alignscore_metric.metric import AlignScore
from alignscore_metric.scores.decisions import (
    DEFAULT_OBJECTIVE,
    Calibration,
    Method,
    fit_calibration,
)
from alignscore_metric.text.pairs import Source

try:
    from sklearn.base import BaseEstimator, ClassifierMixin
except ImportError as cause:
    raise MissingResourceError(
        f"scikit-learn is not here ({cause}); pip install 'alignscore-metric[sklearn]'"
    ) from cause

Pairs = Sequence[tuple[Source, str]]


class AlignScoreClassifier(ClassifierMixin, BaseEstimator):  # type: ignore[misc]  # untyped
    """Judges (source, summary) pairs: 1 supported, 0 not.

    The model stays as it is; `fit` fits a threshold and probabilities on judged pairs. Before that,
    those of the model's own calibration hold, where it has one.

    Args:
        metric: What scores. Clones of this classifier, as cross-validation makes them, share it.
        objective: What the threshold is to serve; see `AlignScore.predict`.
        method: `logistic` or `isotonic`; see `alignscore_metric.scores.decisions.fit_calibration`.

    Attributes:
        classes_: 0 and 1.
        calibration_: What `fit` fitted.

    Pairs are a list of (source, summary), or an array or a data frame of two such columns; a source
    may be a list of passages.

    Example:
        >>> classifier = AlignScoreClassifier(AlignScore(progress=False))
        >>> source = "The bridge was closed on Monday after inspectors found cracks."
        >>> pairs = [(source, "The bridge was closed on Monday."), (source, "Bananas are blue.")]
        >>> classifier.predict(pairs).tolist()
        [1, 0]
    """

    def __init__(
        self,
        metric: AlignScore,
        *,
        objective: str = DEFAULT_OBJECTIVE,
        method: Method = "logistic",
    ) -> None:
        self.metric = metric
        self.objective = objective
        self.method = method

    @property
    def classes_(self) -> Ints:
        """The classes, in the order of `predict_proba`'s columns."""
        return np.array([0, 1])

    def fit(
        self, pairs: Pairs, labels: npt.ArrayLike, sample_weight: npt.ArrayLike | None = None
    ) -> AlignScoreClassifier:
        """Fit the threshold and the probabilities.

        Args:
            pairs: N pairs.
            labels: 1 supported, 0 not, shape [N].
            sample_weight: Of the pairs, > 0, shape [N]; all equal where None.

        Raises:
            InputError: Something is not text, or the labels allow no fit; see `fit_calibration`.
        """
        self.calibration_ = fit_calibration(
            self.score_pairs(pairs),
            labels,
            method=self.method,
            objectives=[self.objective],
            weights=sample_weight,
        )
        return self

    def score_pairs(self, pairs: Pairs) -> Floats:
        """`AlignScore.score` of each pair, shape [N]; NaN where a summary has no sentence.

        Raises:
            InputError: Something is not text, or not a pair; names the row, from 0.
        """
        sources, summaries = _columns(pairs)
        return np.array(self.metric.score(sources, summaries))

    def predict(self, pairs: Pairs) -> Ints:
        """1 where a summary is judged supported, shape [N]; 0 where it has no sentence.

        Raises:
            InputError: As for `score_pairs`.
            ConfigurationError: Nothing was fitted and the model has no calibration.
        """
        return self._calibration().decide(self.score_pairs(pairs), self.objective).astype(np.int64)

    def predict_proba(self, pairs: Pairs) -> Floats:
        """Probability of each class, shape [N, 2]; NaN where a summary has no sentence.

        Errors as for `predict`.
        """
        supported = self._calibration().probabilities(self.score_pairs(pairs))
        return np.stack([1 - supported, supported], axis=1)

    def _calibration(self) -> Calibration:
        found: Calibration | None = getattr(self, "calibration_", self.metric.profile.calibration)
        if found is None:
            raise ConfigurationError(
                "this model has no calibration; call fit(pairs, labels) with judged pairs first"
            )
        return found

    def __sklearn_is_fitted__(self) -> bool:
        """Whether `predict` has what it needs."""
        return hasattr(self, "calibration_") or self.metric.profile.calibration is not None

    def __sklearn_clone__(self) -> AlignScoreClassifier:
        """An unfitted classifier with the same metric: models are not copied."""
        return type(self)(**self.get_params(deep=False))


def _columns(pairs: Any) -> tuple[list[Any], list[Any]]:  # noqa: ANN401  # arrays, frames, lists
    """Sources and summaries; what they hold is checked by the metric."""
    rows = list(pairs.to_numpy() if hasattr(pairs, "to_numpy") else pairs)
    for number, row in enumerate(rows):
        if isinstance(row, str) or not hasattr(row, "__len__") or len(row) != 2:
            raise InputError(f"row {number} is no pair; give (source, summary)")
    return [source for source, _ in rows], [summary for _, summary in rows]
