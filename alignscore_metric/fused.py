"""Steps of an encoder's layer that are limited by memory, in one pass over it where the device can.

Only CUDA devices in 16 bits can; elsewhere they are the modules' own steps, one after the other.
"""

from __future__ import annotations

from functools import cache
from typing import Any, cast

import torch
from torch import Tensor, nn
from transformers.activations import GELUActivation


def add_norm(states: Tensor, added: Tensor, norm: nn.LayerNorm) -> Tensor:
    """`norm(states + added)`, both [T, H]; spends `states`."""
    fuses = states.is_cuda and states.dtype != torch.float32
    kernel = _add_norm_rows() if fuses else None
    if kernel is None:
        return cast("Tensor", norm(states.add_(added)))
    width = states.shape[1]
    block = 1 << (width - 1).bit_length()
    with torch.cuda.device(states.device):  # else Triton takes the current one
        kernel[(len(states),)](
            states, added, norm.weight, norm.bias, width, norm.eps, BLOCK=block, num_warps=2
        )
    return states


def activated(states: Tensor, dense: nn.Module, activation: nn.Module) -> Tensor:
    """`activation(dense(states))`, [T, H] into [T, I].

    In bf16 on CUDA devices GELU is part of the product, by the hyperbolic tangent: off by at most
    0.0005, and in scores a tenth of what bf16 is off.
    """
    if (
        isinstance(dense, nn.Linear)
        and isinstance(activation, GELUActivation)
        and (states.is_cuda and states.dtype == torch.bfloat16)
    ):
        return torch._addmm_activation(dense.bias, states, dense.weight.t(), use_gelu=True)
    return cast("Tensor", activation(dense(states)))


@cache
def _add_norm_rows() -> Any:  # noqa: ANN401  # a kernel of Triton's
    """The kernel; None where Triton is absent, or cannot compile."""
    try:
        from alignscore_metric.kernels import add_norm_rows

        probe = torch.ones(1, 8, device="cuda", dtype=torch.bfloat16)
        add_norm_rows[(1,)](probe, probe, probe, probe, 8, 1e-5, BLOCK=8, num_warps=2)
    except Exception:  # of many kinds: no compiler, no permission to write, an old device
        return None
    return add_norm_rows
