"""Tests of alignscore_metric.engine.packed against the padded model, pair by pair."""

from typing import Any

import numpy as np
import pytest
import torch
from torch.nn import LayerNorm
from transformers import BertConfig, DebertaV2Config, RobertaConfig, XLMRobertaConfig

from alignscore_metric.checkpoint.aligner import Aligner, AlignerConfig
from alignscore_metric.engine import packed
from alignscore_metric.engine.encoding import PackedPairs, PairTemplate, pack
from alignscore_metric.engine.packed import can_pack, read_packed
from alignscore_metric.engine.precision import in_precision

BACKBONES = {"bert": BertConfig, "roberta": RobertaConfig, "xlm-roberta": XLMRobertaConfig}
POOLINGS = [("pooler", 0), ("claim_mean", 0), ("claim_attention", 0), ("claim_attention", 3)]
PADDING, END = 1, 2


def make(kind: str, pooling: str, copied: int, **options: Any) -> Aligner:
    types = 2 if kind == "bert" else 1
    backbone = BACKBONES[kind](
        vocab_size=40,
        hidden_size=16,
        num_hidden_layers=options.pop("layers", 2),
        num_attention_heads=2,
        intermediate_size=24,
        max_position_embeddings=60,
        type_vocab_size=types,
        pad_token_id=PADDING,
        initializer_range=0.3,
        **options,
    )
    torch.manual_seed(0)
    config = AlignerConfig(backbone=backbone.to_dict(), pooling=pooling, copied_ngrams=copied)
    return Aligner(config).eval()


def some_pairs(kind: str, *, mark_claim: bool) -> PackedPairs:
    """Pairs of many lengths and of equal ones, with words in common, padding tokens among them."""
    middle = (END,) if kind == "bert" else (END, END)
    types = (0, 1) if kind == "bert" or mark_claim else None
    template = PairTemplate((0,), middle, (END,), PADDING, types)
    random = np.random.default_rng(0)
    sizes = [(9, 4), (9, 4), (9, 3), (1, 1), (0, 2), (20, 7), (20, 7)]
    texts = [[random.integers(1, 12, n, dtype=np.int32) for n in size] for size in sizes]
    texts[0][0][:3] = PADDING  # as a text that says "<pad>" is read
    return pack([(context, claim) for context, claim in texts], template)


@pytest.fixture(params=[(kind, *how) for kind in BACKBONES for how in POOLINGS], ids=str)
def case(request: pytest.FixtureRequest) -> tuple[Aligner, PackedPairs]:
    kind, pooling, copied = request.param
    aligner = make(kind, pooling, copied)
    return aligner, some_pairs(kind, mark_claim=aligner.reads_claim)


def padded(aligner: Aligner, pairs: PackedPairs) -> torch.Tensor:
    """The model's own pooled vectors, one pair at a time."""
    alone = (pairs[row : row + 1].padded() for row in range(len(pairs)))
    with torch.no_grad():
        return torch.cat(
            [aligner.pool(**{k: torch.from_numpy(v) for k, v in one.items()}) for one in alone]
        )


def test_the_vectors_are_those_of_the_padded_model(case: tuple[Aligner, PackedPairs]):
    aligner, pairs = case
    assert can_pack(aligner)
    expected = padded(aligner, pairs)
    with torch.inference_mode():
        found = read_packed(aligner, pairs, torch.float32)[0]
    assert found.shape == expected.shape == (len(pairs), aligner.width)
    torch.testing.assert_close(found, expected, atol=2e-6, rtol=1e-5)
    assert expected.std(dim=0).max() > 0.1  # else equal vectors would prove little


@pytest.mark.parametrize("whole", [False, True])
@pytest.mark.parametrize(("name", "dtype"), [("bf16", torch.bfloat16), ("fp16", torch.float16)])
def test_half_precision_is_near(
    case: tuple[Aligner, PackedPairs], name: str, dtype: torch.dtype, whole: bool
):
    """Linear layers alone, as on CPUs; and with norms and sums, as on GPUs."""
    aligner, pairs = case
    expected = padded(aligner, pairs)
    aligner = in_precision(aligner, name, torch.device("cpu"))
    norms = {module.weight.dtype for module in aligner.modules() if isinstance(module, LayerNorm)}
    assert norms == {torch.float32}
    if whole:
        aligner.encoder.encoder.to(dtype)
    with torch.inference_mode():
        found = read_packed(aligner, pairs, dtype)[0]
    assert found.dtype == torch.float32
    assert 0 < (found - expected).abs().max() < 0.1


def test_one_layer_is_enough():
    aligner = make("bert", "claim_mean", 2, layers=1)
    pairs = some_pairs("bert", mark_claim=True)
    with torch.inference_mode():
        found = read_packed(aligner, pairs, torch.float32)[0]
    torch.testing.assert_close(found, padded(aligner, pairs), atol=2e-6, rtol=1e-5)


def test_attention_is_told_where_each_pair_ends(
    case: tuple[Aligner, PackedPairs], monkeypatch: pytest.MonkeyPatch
):
    """The kernel of CUDA devices, played by a loop over its arguments."""
    aligner, pairs = case
    calls = []

    def loop(query, key, value, edges, keys_edges, longest, keys_longest):
        assert edges.dtype == keys_edges.dtype == torch.int32
        assert longest == edges.diff().max()
        assert keys_longest == keys_edges.diff().max()
        calls.append(edges.tolist())
        parts = []
        for row in range(len(edges) - 1):
            own, others = slice(*edges[row : row + 2]), slice(*keys_edges[row : row + 2])
            scores = torch.einsum("qhd,khd->hqk", query[own], key[others]) / query.shape[2] ** 0.5
            parts.append(torch.einsum("hqk,khd->qhd", scores.softmax(-1), value[others]))
        return torch.cat(parts)

    expected = padded(aligner, pairs)
    monkeypatch.setattr(packed, "_has_flash", lambda device, dtype: True)
    monkeypatch.setattr(packed, "_flash", loop)
    with torch.inference_mode():
        found = read_packed(aligner, pairs, torch.float32)[0]
    torch.testing.assert_close(found, expected, atol=2e-6, rtol=1e-5)
    assert len(calls) == 2
    assert calls[0] == [0, *np.cumsum(pairs.lengths)]


def test_encoders_and_poolings_that_are_not_known():
    deberta = DebertaV2Config(
        vocab_size=9, hidden_size=8, num_hidden_layers=1, num_attention_heads=1, intermediate_size=8
    )
    assert not can_pack(Aligner(AlignerConfig(backbone=deberta.to_dict())))
    assert not can_pack(Aligner(AlignerConfig(backbone=deberta.to_dict(), pooling="context")))
    decoder = make("bert", "pooler", 0, is_decoder=True)
    assert not can_pack(decoder)
    in_precision(decoder, "bf16", torch.device("cpu"))
    assert {weights.dtype for weights in decoder.parameters()} == {torch.float32}
