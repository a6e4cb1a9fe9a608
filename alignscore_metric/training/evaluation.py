"""How well an aligner does on labelled pairs: accuracy, AUC, Pearson per dev set."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from alignscore_metric.checkpoint.aligner import Aligner
from alignscore_metric.engine.engine import batches
from alignscore_metric.scores import statistics as st
from alignscore_metric.scores.intervals import Resampling, estimate
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


def contexts_of(encoded: EncodedExamples) -> npt.NDArray[np.int64]:
    """A number of each row's context, equal for equal texts, shape [N]."""
    starts: npt.NDArray[np.int64] = encoded.context[:, 0].cpu().numpy()
    return starts  # distinct texts are stored once


def measures(outputs: Outputs, labels: Mapping[str, npt.NDArray[Any]]) -> dict[str, float]:
    """How well outputs agree with labels.

    Args:
        outputs: Logits per head.
        labels: Labels per head, shape [N]; IGNORED where there is none.

    Returns:
        `rows`; where there are `tri` labels `tri_accuracy`; `bin` labels `bin_accuracy` and
        `bin_auc`; `reg` labels `reg_pearson`. Accuracies and AUCs in [0, 1]; NaN where undefined.
    """
    prepared = _statistics(outputs, labels)
    found = {name: st.value(statistic, len(rows)) for name, (statistic, rows) in prepared.items()}
    return {"rows": float(len(labels["bin"])), **found}


def intervals(
    outputs: Outputs, labels: Mapping[str, npt.NDArray[Any]], contexts: npt.NDArray[np.int64]
) -> dict[str, tuple[float, float]]:
    """95% intervals of the measures but `rows`, over contexts, with a fixed seed.

    Args:
        outputs: As for `measures`.
        labels: As for `measures`.
        contexts: See `contexts_of`, shape [N]: rows of one context are resampled together.

    Returns:
        Low and high end of each; NaN of one context.
    """
    found = {}
    for name, (statistic, rows) in _statistics(outputs, labels).items():
        lowest = -1.0 if name == "reg_pearson" else 0.0
        ends = estimate(statistic, contexts[rows], Resampling(), lowest=lowest)
        found[name] = ends.low, ends.high
    return found


def _statistics(
    outputs: Outputs, labels: Mapping[str, npt.NDArray[Any]]
) -> dict[str, tuple[st.Statistic, npt.NDArray[np.int64]]]:
    """Each measure that there are labels for, as a statistic, and its rows."""
    found: dict[str, tuple[st.Statistic, npt.NDArray[np.int64]]] = {}
    rows = {head: np.flatnonzero(labels[head] != IGNORED) for head in ("tri", "bin", "reg")}
    for head in ("tri", "bin"):
        if len(here := rows[head]):
            right = outputs[head][here].argmax(axis=1) == labels[head][here]
            found[f"{head}_accuracy"] = st.mean(right), here
    if len(here := rows["bin"]):
        logits = outputs["bin"][here]
        margins = logits[:, 1] - logits[:, 0]
        found["bin_auc"] = _agreement(st.roc_auc, labels["bin"][here], margins), here
    if len(here := rows["reg"]) > 1:
        truth, guess = labels["reg"][here], outputs["reg"][here]
        found["reg_pearson"] = _agreement(st.pearson, truth, guess), here
    return found


def _agreement(
    prepare: st.Preparation, truth: npt.NDArray[Any], guess: npt.NDArray[np.float64]
) -> st.Statistic:
    """A statistic; NaN of a model that has diverged."""
    return prepare(truth, guess) if np.isfinite(guess).all() else st.mean(guess * np.nan)


def mean_measure(found: dict[str, dict[str, float]]) -> float:
    """Mean over sets of their main measures (`MAIN_MEASURES`); undefined ones do not count."""
    values = [row.get(name, np.nan) for row in found.values() for name in MAIN_MEASURES]
    known = [value for value in values if not np.isnan(value)]
    return float(np.mean(known)) if known else float("nan")


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
