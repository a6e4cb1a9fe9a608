"""A temperature and a bias for the head that scores are read from, put into its weights.

So that 0.5 is about where summaries are told apart best: people compare scores with 0.5. The order
of pairs does not change. Pure functions of arrays, and of an aligner's weights.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from scipy.special import expit

from alignscore_metric.checkpoint.aligner import Aligner
from alignscore_metric.errors import ConfigurationError

Floats = npt.NDArray[np.float64]
BIASES = np.linspace(-5, 5, 101)
CLOSE = 0.01
"""A balanced accuracy at 0.5 this near that of the best threshold is as good."""


@dataclass(frozen=True)
class Fold:
    """What a head's logits are divided by, and what is then added to that of support.

    Attributes:
        temperature: > 0.
        bias: Any number.
        accuracy: Balanced accuracy at 0.5 on the rows that it was fitted on.
        best: That of the best threshold, with the same temperature and bias.
    """

    temperature: float
    bias: float
    accuracy: float
    best: float


def fold(aligner: Aligner, *, temperature: float, bias: float) -> None:
    """Divide the logits of the profile's head, and add to that of its supported class; in place.

    Args:
        aligner: Its profile must read `bin` or `tri`.
        temperature: > 0.
        bias: Any number.

    Raises:
        ConfigurationError: The profile reads `reg`, or the temperature is not above 0.
    """
    profile = aligner.profile
    if profile.head == "reg" or not temperature > 0:
        raise ConfigurationError("a fold is of `bin` or `tri`, by a temperature > 0")
    layer: torch.nn.Linear = getattr(aligner, f"{profile.head}_layer")
    with torch.no_grad():
        layer.weight.div_(temperature)
        layer.bias.div_(temperature)
        layer.bias[profile.supported] += bias


def scores_of(
    logits: Floats, shares: Floats, starts: npt.NDArray[np.int64], copied_weight: float
) -> Floats:
    """Scores of summaries from their sentences.

    Args:
        logits: Of each sentence being supported by its best chunk, shape [S].
        shares: Of each sentence that is copied, shape [S].
        starts: First sentence of each summary, and S at the end, shape [N + 1]; none is empty.
        copied_weight: See `Profile`.
    """
    values = (1 - copied_weight) * expit(logits) + copied_weight * shares
    return np.asarray(np.add.reduceat(values, starts[:-1]) / np.diff(starts))


def fit(
    logits: Floats,
    shares: Floats,
    starts: npt.NDArray[np.int64],
    labels: npt.NDArray[np.int64],
    *,
    copied_weight: float,
    weights: Floats,
    temperature: float = 1.0,
) -> Fold:
    """Find the bias with which 0.5 is about the best threshold for balanced accuracy.

    Args:
        logits: As `scores_of`.
        shares: As `scores_of`.
        starts: As `scores_of`.
        labels: 1 consistent, 0 not, shape [N].
        copied_weight: As `scores_of`.
        weights: Of each summary, shape [N].
        temperature: Of the fold. Accuracy hardly depends on it; below 1 scores are further from
            0.5, so that what stands in the source word for word keeps a score near 1.

    Returns:
        The fold with the smallest bias whose balanced accuracy at 0.5 is within `CLOSE` of that of
        the best threshold; where there is none, the one that is nearest to it.
    """
    balanced = np.empty(len(labels))
    for label in (0, 1):
        balanced[labels == label] = weights[labels == label] / weights[labels == label].sum() / 2
    found = []
    for bias in sorted(BIASES, key=abs):
        scores = scores_of(logits / temperature + bias, shares, starts, copied_weight)
        accuracy = float(balanced[(scores > 0.5) == (labels == 1)].sum())
        best = best_accuracy(scores, labels, balanced)
        found.append(Fold(temperature, float(bias), accuracy, best))
        if best - accuracy <= CLOSE:
            return found[-1]
    return min(found, key=lambda one: one.best - one.accuracy)


def best_accuracy(scores: Floats, labels: npt.NDArray[np.int64], weights: Floats) -> float:
    """Weighted accuracy of the best threshold.

    Args:
        scores: Shape [N].
        labels: 1 or 0, shape [N].
        weights: Shape [N], with sum 1.

    Example:
        >>> best_accuracy(np.array([0.1, 0.2, 0.9]), np.array([0, 1, 1]), np.ones(3) / 3)
        1.0
    """
    order = np.argsort(-scores, kind="stable")
    gained = np.cumsum(np.where(labels[order] == 1, weights[order], -weights[order]))
    last = np.append(np.diff(scores[order]) != 0, True)
    return float(weights[labels == 0].sum() + max(0.0, gained[last].max()))
