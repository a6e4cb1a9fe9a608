"""Steps of an encoder's layer that are limited by memory, in one pass over it where the device can.

CUDA devices can in 16 bits, CPUs in bf16; elsewhere they are the modules' own steps.
"""

from __future__ import annotations

from functools import cache
from typing import Any, cast

import torch
from torch import Tensor, nn


def add_norm(states: Tensor, added: Tensor, norm: nn.LayerNorm) -> Tensor:
    """`norm(states + added)`, both [T, H]; spends `states`."""
    fuses = states.is_cuda and states.dtype != torch.float32
    kernel = _add_norm_rows(states.device) if fuses else None
    if kernel is None:
        return cast("Tensor", norm(states.add_(added)))
    width = states.shape[1]
    block = 1 << (width - 1).bit_length()
    with torch.cuda.device(states.device):  # else Triton takes the current one
        kernel[(len(states),)](
            states, added, norm.weight, norm.bias, width, norm.eps, BLOCK=block, num_warps=2
        )
    return states


def dense(states: Tensor, layer: nn.Module) -> Tensor:
    """`layer(states)`, [T, H] into [T, I]."""
    if isinstance(layer, nn.Linear) and _has_onednn(states.device, states.dtype):
        return _onednn(states, layer, "none", "")
    return cast("Tensor", layer(states))


def activated(states: Tensor, layer: nn.Module, activation: nn.Module) -> Tensor:
    """`activation(layer(states))`, [T, H] into [T, I].

    In bf16 GELU is part of the product. CUDA devices take the hyperbolic tangent for it: off by at
    most 0.0005, and in scores a tenth of what bf16 is off.
    """
    exact = isinstance(activation, nn.GELU) and activation.approximate == "none"
    if exact and isinstance(layer, nn.Linear):
        if _has_onednn(states.device, states.dtype):
            return _onednn(states, layer, "gelu", "none")
        if states.is_cuda and states.dtype == torch.bfloat16:
            return torch._addmm_activation(layer.bias, states, layer.weight.t(), use_gelu=True)
    return cast("Tensor", activation(dense(states, layer)))


def _onednn(states: Tensor, layer: nn.Linear, activation: str, how: str) -> Tensor:
    """The product with bias, which `torch.nn.functional.linear` copies into its result first."""
    product = torch.ops.mkldnn._linear_pointwise
    return cast("Tensor", product(states, layer.weight, layer.bias, activation, [], how))


@cache
def _has_onednn(device: torch.device, dtype: torch.dtype) -> bool:
    return (
        device.type == "cpu"
        and dtype == torch.bfloat16
        and torch.backends.mkldnn.is_available()  # type: ignore[no-untyped-call]
        and torch.ops.mkldnn._is_mkldnn_bf16_supported()  # else emulated, by `layer` itself
        and hasattr(torch.ops.mkldnn, "_linear_pointwise")
    )


@cache
def _add_norm_rows(device: torch.device) -> Any:  # noqa: ANN401  # a kernel of Triton's
    """The kernel; None where Triton is absent, or cannot compile for the device."""
    try:
        from alignscore_metric.engine.kernels import add_norm_rows

        with torch.cuda.device(device):
            probe = torch.ones(1, 8, device=device, dtype=torch.float16)
            add_norm_rows[(1,)](probe, probe, probe, probe, 8, 1e-5, BLOCK=8, num_warps=2)
    except Exception:  # of many kinds: no compiler, no permission to write, an old device
        return None
    return add_norm_rows
