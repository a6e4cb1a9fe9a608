"""int8 on the CPU: against a plain loop over integers, against fp32 scores, and in company."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from alignscore_metric import AlignScore
from alignscore_metric.checkpoint.aligner import Aligner
from alignscore_metric.engine import int8
from alignscore_metric.engine.precision import in_precision
from alignscore_metric.errors import ConfigurationError

needs_vnni = pytest.mark.skipif(not int8.multiplies_exactly(), reason="the CPU has no VNNI")

SOURCE = "The bridge was closed on Monday after an inspection found cracks in two of its pillars."
CLAIMS = [
    "The bridge was closed on Monday.",
    "The bridge was opened on Friday.",
    "Cracks were found.",
    "An inspection on Monday found cracks in two pillars, and the mayor resigned the same evening.",
]


@pytest.fixture(scope="module")
def metric() -> AlignScore:
    return AlignScore(device="cpu", progress=False)


def _integers(row: np.ndarray) -> tuple[np.ndarray, float]:
    """Nearest of 255 evenly spaced numbers, whose outermost is the row's largest."""
    step = float(np.abs(row).max()) / 127
    return np.rint(row / step), step


@needs_vnni
def test_layer_is_product_of_integers() -> None:
    torch.manual_seed(0)
    layer = nn.Linear(48, 32)
    inputs = torch.randn(300, 48) * torch.logspace(-3, 3, 300).unsqueeze(1)  # several blocks' worth
    with torch.inference_mode():
        found = int8.Int8Linear(layer)(inputs.view(3, 100, 48)).view(300, 32).numpy()
    weights = [_integers(row) for row in layer.weight.detach().double().numpy()]
    rows = [_integers(row) for row in inputs.double().numpy()]
    expected = [[a @ b * s * t for b, t in weights] for a, s in rows] + layer.bias.detach().numpy()
    # A number half-way between two integers may go either way: no row has many.
    step = np.array([s * 127 for _, s in rows])[:, None] * max(t for _, t in weights)
    assert (np.abs(found - expected) <= step * 2 + 1e-6).all()
    assert np.median(np.abs(found - expected) / np.abs(expected)) < 1e-6


@needs_vnni
def test_row_does_not_depend_on_company() -> None:
    torch.manual_seed(0)
    layer = int8.Int8Linear(nn.Linear(384, 384))
    rows = torch.randn(1500, 384)
    rows[1] *= 1e4
    with torch.inference_mode():
        together = layer(rows)
        alone = torch.cat([layer(rows[place : place + 1]) for place in range(20)])
    assert torch.equal(together[:20], alone)
    assert torch.equal(layer(torch.zeros(1, 384)), layer.bias.unsqueeze(0))


@needs_vnni
def test_scores_are_near_fp32(metric: AlignScore) -> None:
    pairs = np.array([[0, claim] for claim in range(len(CLAIMS))])
    engine = replace(
        metric._pipeline.engine, aligner=int8.quantised(metric._pipeline.engine.aligner)
    )
    exact = metric._pipeline.engine.score([SOURCE], CLAIMS, pairs)
    scores = engine.score([SOURCE], CLAIMS, pairs)
    assert np.abs(scores - exact).max() <= 0.1  # the largest of 1,917 pairs of QAGS-XSum was 0.03
    assert np.abs(scores - exact).max() > 0  # int8 did run
    alone = np.concatenate([engine.score([SOURCE], CLAIMS, pair[None]) for pair in pairs])
    np.testing.assert_allclose(scores, alone, atol=0.01)


@needs_vnni
def test_original_is_left_alone_and_embeddings_are_shared(metric: AlignScore) -> None:
    aligner = metric._pipeline.engine.aligner
    changed = int8.quantised(aligner)
    kinds = {type(module) for module in aligner.encoder.modules()}
    assert int8.Int8Linear not in kinds
    assert nn.Linear not in {type(module) for module in changed.encoder.modules()}
    assert type(changed.bin_layer) is nn.Linear
    words = aligner.encoder.get_input_embeddings().weight
    assert changed.encoder.get_input_embeddings().weight.data_ptr() == words.data_ptr()


def test_refused_where_it_cannot_run(metric: AlignScore, monkeypatch: pytest.MonkeyPatch) -> None:
    aligner: Aligner = metric._pipeline.engine.aligner
    monkeypatch.setattr(int8, "multiplies_exactly", lambda: False)
    with pytest.raises(ConfigurationError, match=re.escape("use precision='fp32'")):
        int8.quantised(aligner)
    with pytest.raises(ConfigurationError, match="the device is 'cuda:0'"):
        in_precision(aligner, "int8", torch.device("cuda:0"))
