"""ALIGN's joint loss over three heads. Pure functions of tensors.

Source: Zha et al. 2023 (ALIGN), section 3; the 1/ln K scaling is that of its released code.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional

from alignscore_metric.aligner import AlignerOutput
from alignscore_metric.training.data import IGNORED


def joint_loss(output: AlignerOutput, labels: dict[str, Tensor]) -> Tensor:
    """Sum of the heads' losses: CE/ln 2 for `bin`, CE/ln 3 for `tri`, squared error for `reg`.

    Each term is the mean over the examples that have a label for that head, 0 where none has.

    Args:
        output: Logits of N pairs.
        labels: Per head, shape [N]; -100 where an example has none.

    Returns:
        A scalar.
    """
    terms = [
        _mean(functional.cross_entropy(output.bin, labels["bin"], reduction="none"), labels["bin"])
        / math.log(2),
        _mean(functional.cross_entropy(output.tri, labels["tri"], reduction="none"), labels["tri"])
        / math.log(3),
        _mean((output.reg - labels["reg"]) ** 2, labels["reg"]),
    ]
    return torch.stack(terms).sum()


def _mean(losses: Tensor, labels: Tensor) -> Tensor:
    """Mean of the losses whose label counts; 0 where none does."""
    valid = labels != IGNORED
    return torch.where(valid, losses, 0.0).sum() / valid.sum().clamp(min=1)
