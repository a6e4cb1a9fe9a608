"""What torch has no operator for, as kernels of Triton. Imported beside CUDA devices alone."""

from __future__ import annotations

import triton
import triton.language as tl


@triton.jit
def add_norm_rows(states, added, weight, bias, width, epsilon, BLOCK: tl.constexpr):  # noqa: ANN001, ANN201, N803
    """`LayerNorm(states + added)` of a row of [T, width] into `states`; computes in fp32."""
    row = tl.program_id(0).to(tl.int64) * width
    columns = tl.arange(0, BLOCK)
    inside = columns < width
    total = tl.load(states + row + columns, inside, other=0.0).to(tl.float32)
    total += tl.load(added + row + columns, inside, other=0.0).to(tl.float32)
    mean = tl.sum(total) / width
    centred = tl.where(inside, total - mean, 0.0)
    scale = 1 / tl.sqrt(tl.sum(centred * centred) / width + epsilon)
    gain = tl.load(weight + columns, inside, other=0.0).to(tl.float32)
    shift = tl.load(bias + columns, inside, other=0.0).to(tl.float32)
    normed = centred * scale * gain + shift
    tl.store(states + row + columns, normed.to(states.dtype.element_ty), inside)
