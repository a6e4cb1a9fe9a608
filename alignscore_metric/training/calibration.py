"""Are probabilities probable? Expected calibration error, and the temperature that lessens it.

Pure functions of arrays.

Source: Guo et al. 2017, "On Calibration of Modern Neural Networks", sections 2 and 4.2.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax, softmax

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Calibration:
    """The temperature of one head, fitted on held-out pairs.

    Attributes:
        temperature: Divide the head's logits by it, > 0.
        rows: Pairs that it was fitted on.
        ece_before: Expected calibration error of the raw probabilities on them, in [0, 1].
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


def calibrate(logits: Floats, labels: npt.NDArray[np.int64]) -> Calibration:
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
    return Calibration(
        temperature=temperature,
        rows=len(labels),
        ece_before=expected_calibration_error(softmax(logits, axis=1), labels),
        ece_after=expected_calibration_error(softmax(logits / temperature, axis=1), labels),
        nll_before=nll(0.0),
        nll_after=nll(float(found.x)),
    )


def expected_calibration_error(
    probabilities: Floats, labels: npt.NDArray[np.int64], *, bins: int = 15
) -> float:
    """Mean gap between the confidence in the likeliest class and how often it is right.

    Args:
        probabilities: Shape [N, K].
        labels: Class of each row, shape [N].
        bins: Confidences in (0, 1] are put into so many bins of equal width.

    Returns:
        In [0, 1]: the bins' gaps weighted by their rows.

    Example:
        >>> expected_calibration_error(np.array([[0.25, 0.75]] * 4), np.array([1, 1, 1, 0]))
        0.0
    """
    confidence = probabilities.max(axis=1)
    right = probabilities.argmax(axis=1) == labels
    place = np.minimum(np.ceil(confidence * bins).astype(int) - 1, bins - 1)
    gaps = np.bincount(place, weights=right - confidence, minlength=bins)
    return float(np.abs(gaps).sum() / len(labels))
