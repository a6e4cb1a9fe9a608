"""An aligner whose encoder multiplies in 8-bit integers, on CPUs without fast 16-bit arithmetic.

oneDNN does the products, through the operators that torch itself compiles quantised models to.
Knows nothing of texts.
"""

from __future__ import annotations

import copy
import itertools
from functools import cache

import torch
from torch import Tensor, nn

from alignscore_metric.checkpoint.aligner import Aligner
from alignscore_metric.errors import ConfigurationError

LARGEST = 127
"""Of the integers, either way: scales are symmetric."""

BLOCK_BYTES = 1 << 20
"""Numbers that are quantised and multiplied together, per thread: what a core's cache holds."""


def quantised(aligner: Aligner) -> Aligner:
    """An aligner like this one, with the encoder's linear layers in int8.

    Embeddings (which it shares with this one), norms, attention, pooler and heads stay as they are.

    Args:
        aligner: On the CPU, in float32.

    Raises:
        ConfigurationError: The CPU has no fast products of 8-bit integers.
    """
    if not multiplies_exactly():
        raise ConfigurationError(
            "precision 'int8' needs a CPU with VNNI (AVX-512 VNNI, AVX-VNNI or AMX) and torch's "
            "oneDNN; use precision='fp32'"
        )
    own = itertools.chain(aligner.parameters(), aligner.buffers())
    changed = copy.deepcopy(aligner, {id(tensor): tensor for tensor in own})
    for name, module in list(changed.encoder.named_modules()):
        if isinstance(module, nn.Linear) and not name.startswith("pooler"):
            changed.encoder.set_submodule(name, Int8Linear(module))
    return changed


class Int8Linear(nn.Module):
    """A linear layer whose weights have one scale per output, and its inputs one per row.

    A row's scale is its own largest number, so that what a row gives does not depend on the rows
    beside it.

    Args:
        linear: The layer to replace.
    """

    def __init__(self, linear: nn.Linear) -> None:
        """Quantise and pack the weights; see the class."""
        super().__init__()
        weight = linear.weight.detach().float()
        self.scales = _scales(weight)
        integers = weight.div(self.scales.unsqueeze(1)).round_().to(torch.int8)
        self.packed = torch.ops.onednn.qlinear_prepack(integers, None)
        self.zeros = torch.zeros(len(weight), dtype=torch.int64)
        self.bias = torch.zeros(len(weight))
        if linear.bias is not None:
            self.bias = linear.bias.detach().float()
        self.weight = None  # T5 asks for its type before it hands inputs on
        self.block = max(64, BLOCK_BYTES // (4 * max(weight.shape)))

    def forward(self, inputs: Tensor) -> Tensor:
        """Outputs [..., out], float32, of inputs [..., in]."""
        rows = inputs.reshape(-1, inputs.shape[-1])
        outputs = torch.empty(len(rows), len(self.bias))
        # In blocks, because on all rows the passes below would wait for memory.
        block = self.block * torch.get_num_threads()
        for start in range(0, len(rows), block):
            part, out = rows[start : start + block], outputs[start : start + block]
            scales = _scales(part).unsqueeze(1)
            scaled = part * scales.reciprocal()
            torch.addcmul(self.bias, self._multiply(scaled), scales, out=out)
        return outputs.view(*inputs.shape[:-1], -1)

    def _multiply(self, scaled: Tensor) -> Tensor:
        """Products of rows of numbers in [-127, 127], float32; spends them."""
        # Unsigned around 128: what CPUs multiply with signed weights.
        integers = scaled.round_().to(torch.int8).view(torch.uint8).bitwise_xor_(128)
        products: Tensor = torch.ops.onednn.qlinear_pointwise(
            integers, 1.0, 128, self.packed, self.scales, self.zeros,
            None, 1.0, 0, torch.float32, "none", [], "",
        )  # fmt: skip
        return products


def _scales(rows: Tensor) -> Tensor:
    """Of each row, what one step of its integers is worth, > 0."""
    # Two reductions, because they write nothing as large as what they read.
    largest = torch.maximum(rows.amax(dim=1), rows.amin(dim=1).neg_())
    return largest.clamp_(min=1e-30).div_(LARGEST)


@cache
def multiplies_exactly() -> bool:
    """Whether oneDNN multiplies 8-bit integers here without saturating, as it does with VNNI.

    Without it sums of two products are cut at 16 bits, and no faster than in float32.
    """
    if not (
        torch.backends.mkldnn.is_available()  # type: ignore[no-untyped-call]
        and torch.backends.cpu.get_cpu_capability().startswith("AVX")
    ):
        return False
    layer = nn.Linear(64, 64, bias=False)
    nn.init.ones_(layer.weight)
    with torch.inference_mode():
        product = Int8Linear(layer)(torch.ones(1, 64))
    return torch.allclose(product, torch.tensor(64.0))
