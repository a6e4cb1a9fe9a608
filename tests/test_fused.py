"""Tests of engine.fused against the modules' own steps in float64, and of CUDA scoring.

Those of the kernels skip where there is no CUDA device.
"""

from typing import Any

import numpy as np
import pytest
import torch

from alignscore_metric import AlignScore, metric
from alignscore_metric.engine.fused import activated, add_norm

HALVES = [torch.bfloat16, torch.float16]
DEVICES = [
    pytest.param("cpu", id="cpu"),
    pytest.param(
        "cuda",
        id="cuda",
        marks=pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device"),
    ),
]


def near(found: torch.Tensor, expected: torch.Tensor, ulps: float, apart: float = 0.0) -> None:
    """Within so many roundings of the number type, each relative to the largest of the row."""
    largest = expected.abs().amax(-1, keepdim=True)
    allowed = ulps * torch.finfo(found.dtype).eps * largest + apart
    assert ((found.cpu().double() - expected).abs() <= allowed).all()


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("dtype", [torch.float32, *HALVES], ids=str)
@pytest.mark.parametrize(("rows", "width"), [(1, 8), (300, 384), (17, 1000), (5, 1024)])
def test_add_norm(device: str, dtype: torch.dtype, rows: int, width: int):
    torch.manual_seed(0)
    norm = torch.nn.LayerNorm(width, eps=1e-5)
    torch.nn.init.normal_(norm.weight)
    torch.nn.init.normal_(norm.bias)
    norm.to(device, dtype)
    states, added = (3 * torch.randn(rows, width, device=device).to(dtype) for _ in range(2))
    total = states.cpu().double() + added.cpu().double()
    weight, bias = norm.weight.detach().cpu().double(), norm.bias.detach().cpu().double()
    spread = total.var(-1, keepdim=True, correction=0).add(1e-5).sqrt()
    expected = (total - total.mean(-1, keepdim=True)) / spread * weight + bias
    with torch.inference_mode():
        found = add_norm(states, added, norm)
    assert found.dtype == dtype
    near(found, expected, ulps=4)


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("dtype", [torch.float32, *HALVES], ids=str)
def test_activated(device: str, dtype: torch.dtype):
    torch.manual_seed(0)
    dense = torch.nn.Linear(64, 256).to(device, dtype)
    states = 3 * torch.randn(100, 64, device=device).to(dtype)
    weight, bias = dense.weight.detach().cpu().double(), dense.bias.detach().cpu().double()
    expected = torch.nn.functional.gelu(states.cpu().double() @ weight.T + bias)
    with torch.inference_mode():
        found = activated(states, dense, torch.nn.GELU())
    # Only where GELU is approximated may it be off by more than roundings.
    near(found, expected, ulps=8, apart=0.0005 if (device, dtype) == ("cuda", HALVES[0]) else 0)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
@pytest.mark.parametrize(("precision", "most"), [("fp32", 1e-5), ("fp16", 0.005), ("bf16", 0.03)])
def test_scores_on_cuda(
    example_rows: list[dict[str, Any]],
    monkeypatch: pytest.MonkeyPatch,
    precision: str,
    most: float,
):
    """The same evidence as on the CPU; the examples' texts come in several parts."""
    monkeypatch.setattr(metric, "PART", 16)
    texts = [row["source"] for row in example_rows], [row["summary"] for row in example_rows]
    exact = AlignScore(device="cpu", progress=False).evaluate(*texts)
    found = AlignScore(device="cuda", precision=precision, progress=False).evaluate(*texts)
    assert np.abs(found.scores - exact.scores).max() <= most
    assert found.table.chunks == exact.table.chunks
    assert np.array_equal(found.table.cells, exact.table.cells)
