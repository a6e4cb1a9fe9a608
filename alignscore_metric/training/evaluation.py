"""How well an aligner does on labelled pairs: accuracy, AUC, Pearson per dev set."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from scipy import stats

from alignscore_metric.checkpoint.aligner import Aligner
from alignscore_metric.engine.engine import batches
from alignscore_metric.training.data import IGNORED, EncodedExamples

Outputs = dict[str, npt.NDArray[np.float64]]
"""Logits of N pairs per head: shape [N, 2], [N, 3], [N]."""

MAIN_MEASURES = ("tri_accuracy", "bin_auc", "reg_pearson")
"""What counts of a set when models are compared: one measure for each head."""


def evaluate_dev(
    aligner: Aligner, encoded: EncodedExamples, *, precision: str, batch_tokens: int = 16384
) -> dict[str, float]:
    """Measure an aligner on labelled pairs; see `predict` and `measures`."""
    outputs = predict(aligner, encoded, precision=precision, batch_tokens=batch_tokens)
    return measures(outputs, labels_of(encoded))


def labels_of(encoded: EncodedExamples) -> dict[str, npt.NDArray[Any]]:
    """The labels per head as arrays, shape [N]; IGNORED where there is none."""
    return {head: values.cpu().numpy() for head, values in encoded.labels.items()}


def measures(outputs: Outputs, labels: dict[str, npt.NDArray[Any]]) -> dict[str, float]:
    """How well outputs agree with labels.

    Args:
        outputs: Logits per head.
        labels: Labels per head, shape [N]; IGNORED where there is none.

    Returns:
        `rows`; where there are `tri` labels `tri_accuracy`; `bin` labels `bin_accuracy` and
        `bin_auc`; `reg` labels `reg_pearson`. Accuracies and AUCs in [0, 1].
    """
    found = {"rows": float(len(labels["bin"]))}
    for head in ("tri", "bin"):
        rows = labels[head] != IGNORED
        if rows.any():
            truth = labels[head][rows]
            found[f"{head}_accuracy"] = float((outputs[head][rows].argmax(1) == truth).mean())
            if head == "bin":
                logits = outputs["bin"][rows]
                found["bin_auc"] = roc_auc(truth, logits[:, 1] - logits[:, 0])
    rows = labels["reg"] != IGNORED
    if rows.sum() > 1:
        truth, guess = labels["reg"][rows], outputs["reg"][rows]
        found["reg_pearson"] = float(stats.pearsonr(truth, guess).statistic)
    return found


def intervals(
    outputs: Outputs, labels: dict[str, npt.NDArray[Any]], *, resamples: int = 200
) -> dict[str, tuple[float, float]]:
    """95% percentile intervals of the measures over resampled pairs, with a fixed seed.

    Args:
        outputs: As for `measures`.
        labels: As for `measures`.
        resamples: Bootstrap samples.

    Returns:
        Low and high end of each measure but `rows`.
    """
    names = [name for name in measures(outputs, labels) if name != "rows"]
    rng, count = np.random.default_rng(0), len(labels["bin"])
    with warnings.catch_warnings():  # a resample may lack a class, or say the same of all rows
        warnings.simplefilter("ignore", RuntimeWarning)
        drawn = [
            measures(
                {head: values[chosen] for head, values in outputs.items()},
                {head: values[chosen] for head, values in labels.items()},
            )
            for chosen in (rng.integers(count, size=count) for _ in range(resamples))
        ]
        found = np.array([[one.get(name, np.nan) for name in names] for one in drawn])
        low, high = (np.nanquantile(found, q, axis=0) for q in (0.025, 0.975))
    return {n: (float(a), float(b)) for n, a, b in zip(names, low, high, strict=True)}


def mean_measure(found: dict[str, dict[str, float]]) -> float:
    """Mean over sets of their main measures (`MAIN_MEASURES`); undefined ones do not count."""
    values = [row.get(name, np.nan) for row in found.values() for name in MAIN_MEASURES]
    known = [value for value in values if not np.isnan(value)]
    return float(np.mean(known)) if known else float("nan")


def roc_auc(labels: npt.NDArray[Any], scores: npt.NDArray[Any]) -> float:
    """Area under the ROC curve, by the Mann-Whitney statistic (ties count half).

    Args:
        labels: 1 positive, 0 negative, shape [N].
        scores: Higher = more positive, shape [N].

    Returns:
        In [0, 1]; NaN where one class is absent.

    Example:
        >>> roc_auc(np.array([0, 0, 1, 1]), np.array([0.1, 0.4, 0.35, 0.8]))
        0.75
    """
    positive = np.asarray(labels) == 1
    n, m = int(positive.sum()), int((~positive).sum())
    if n == 0 or m == 0:
        return float("nan")
    ranks = stats.rankdata(scores)
    return float((ranks[positive].sum() - n * (n + 1) / 2) / (n * m))


@torch.inference_mode()
def predict(
    aligner: Aligner, encoded: EncodedExamples, *, precision: str, batch_tokens: int = 16384
) -> Outputs:
    """What the heads say of N pairs.

    Args:
        aligner: The model; left in the mode it was in.
        encoded: The pairs.
        precision: `fp32` or `bf16`.
        batch_tokens: Padded tokens of a batch.
    """
    shapes = {"bin": (len(encoded), 2), "tri": (len(encoded), 3), "reg": (len(encoded),)}
    outputs = {head: np.empty(shape) for head, shape in shapes.items()}
    training, device = aligner.training, aligner.device
    aligner.eval()
    encoded = encoded.to(device)
    for rows in batches(encoded.lengths(), batch_tokens=batch_tokens):
        inputs, _ = encoded.batch(rows.tolist())
        with torch.autocast(device.type, torch.bfloat16, enabled=precision == "bf16"):
            output = aligner(**inputs)
        for head, values in output._asdict().items():
            outputs[head][rows] = values.cpu().numpy()
    aligner.train(training)
    return outputs
