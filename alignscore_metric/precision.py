"""In which numbers an aligner computes."""

from __future__ import annotations

import torch
from torch import nn

from alignscore_metric.aligner import Aligner
from alignscore_metric.packed import can_pack

COMPUTED_IN = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}
"""Numbers of the encoder's linear layers and its attention, by a precision's name."""


def prepare(aligner: Aligner, precision: str) -> Aligner:
    """Turn the weights of an aligner's encoder into a precision's numbers, in place.

    Those of linear layers alone: embeddings, norms, what is added from layer to layer, pooler and
    heads stay in float32, where rounding costs more than it saves. An encoder that is not known
    (see `can_pack`) is left as it is, and computed by autocast.

    Args:
        aligner: On any device.
        precision: One of `COMPUTED_IN`.
    """
    if can_pack(aligner) and COMPUTED_IN[precision] != torch.float32:
        for module in aligner.encoder.encoder.modules():
            if isinstance(module, nn.Linear):
                module.to(COMPUTED_IN[precision])
    return aligner
