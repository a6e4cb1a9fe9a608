"""The temperature that makes a head's probabilities probable.

Pure functions of arrays.

Source: Guo et al. 2017, "On Calibration of Modern Neural Networks", sections 2 and 4.2.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax, softmax

from alignscore_metric.arrays import Floats
from alignscore_metric.scores.decisions import reliability


@dataclass(frozen=True)
class Temperature:
    """The temperature of one head, fitted on held-out pairs.

    Attributes:
        temperature: Divide the head's logits by it, > 0.
        rows: Pairs that it was fitted on.
        ece_before: Expected calibration error of the raw probabilities on them, in [0, 1]: of the
            likeliest class, in 15 bins of equal width.
        ece_after: The same with the temperature.
        nll_before: Mean negative log-likelihood of the raw probabilities, in nats.
        nll_after: The same with the temperature.
    """

    temperature: float
    rows: int
    ece_before: float
    ece_after: float
    nll_before: float
    nll_after: float


def fit_temperature(logits: Floats, labels: npt.NDArray[np.int64]) -> Temperature:
    """Fit the temperature that makes the labels likeliest.

    Args:
        logits: Shape [N, K].
        labels: Class of each row, shape [N].
    """

    def nll(log_temperature: float) -> float:
        scaled = log_softmax(logits / np.exp(log_temperature), axis=1)
        return float(-scaled[np.arange(len(labels)), labels].mean())

    found = minimize_scalar(nll, bounds=(-3, 3), method="bounded")
    temperature = float(np.exp(found.x))
    return Temperature(
        temperature=temperature,
        rows=len(labels),
        ece_before=_confidence_error(logits, labels),
        ece_after=_confidence_error(logits / temperature, labels),
        nll_before=nll(0.0),
        nll_after=nll(float(found.x)),
    )


def _confidence_error(logits: Floats, labels: npt.NDArray[np.int64]) -> float:
    """Expected calibration error of the likeliest class, in 15 bins of equal width."""
    probabilities = softmax(logits, axis=1)
    confidence = np.minimum(probabilities.max(axis=1), 1.0)  # rounding may lift it above 1
    right = probabilities.argmax(axis=1) == labels
    return reliability(confidence, right, strategy="equal_width").error
