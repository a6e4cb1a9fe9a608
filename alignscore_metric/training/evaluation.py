"""How well an aligner does on labelled pairs: accuracy, AUC, Pearson per dev set."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from scipy import stats

from alignscore_metric.aligner import Aligner
from alignscore_metric.engine import batches
from alignscore_metric.training.data import IGNORED, EncodedExamples


def evaluate_dev(
    aligner: Aligner, encoded: EncodedExamples, *, precision: str, batch_tokens: int = 16384
) -> dict[str, float]:
    """Measure an aligner on labelled pairs.

    Args:
        aligner: The model; left in the mode it was in.
        encoded: N labelled pairs.
        precision: `fp32` or `bf16`.
        batch_tokens: Padded tokens of a batch.

    Returns:
        `rows`; where there are `tri` labels `tri_accuracy`; `bin` labels `bin_accuracy` and
        `bin_auc`; `reg` labels `reg_pearson`. Accuracies and AUCs in [0, 1].
    """
    outputs = _predict(aligner, encoded, precision, batch_tokens)
    metrics = {"rows": float(len(encoded))}
    for head in ("tri", "bin"):
        rows = encoded.labels[head] != IGNORED
        if rows.any():
            truth = encoded.labels[head][rows]
            metrics[f"{head}_accuracy"] = float((outputs[head][rows].argmax(1) == truth).mean())
            if head == "bin":
                logits = outputs["bin"][rows]
                metrics["bin_auc"] = roc_auc(truth, logits[:, 1] - logits[:, 0])
    rows = encoded.labels["reg"] != IGNORED
    if rows.sum() > 1:
        truth, guess = encoded.labels["reg"][rows], outputs["reg"][rows]
        metrics["reg_pearson"] = float(stats.pearsonr(truth, guess).statistic)
    return metrics


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
def _predict(
    aligner: Aligner, encoded: EncodedExamples, precision: str, batch_tokens: int
) -> dict[str, npt.NDArray[np.float64]]:
    shapes = {"bin": (len(encoded), 2), "tri": (len(encoded), 3), "reg": (len(encoded),)}
    outputs = {head: np.empty(shape) for head, shape in shapes.items()}
    training = aligner.training
    aligner.eval()
    device = aligner.device
    for rows in batches(encoded.lengths(), batch_tokens=batch_tokens):
        inputs, _ = encoded.batch(list(rows))
        with torch.autocast(device.type, torch.bfloat16, enabled=precision == "bf16"):
            output = aligner(**{key: value.to(device) for key, value in inputs.items()})
        for head, values in output._asdict().items():
            outputs[head][rows] = values.cpu().numpy()
    aligner.train(training)
    return outputs
