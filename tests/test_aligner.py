"""Tests of alignscore_metric.checkpoint.aligner, .checkpoints and .profile."""

import dataclasses
import hashlib
import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import load_file, save_file
from torch import Tensor
from transformers import BertConfig, MPNetConfig, RobertaConfig

from alignscore_metric.checkpoint.aligner import (
    Aligner,
    AlignerConfig,
    AlignerOutput,
    copied_ngrams,
    pair_scores,
)
from alignscore_metric.checkpoint.classifiers import classifier_of
from alignscore_metric.checkpoint.loading import load_checkpoint
from alignscore_metric.checkpoint.profile import Profile
from alignscore_metric.errors import CheckpointError, ConfigurationError
from alignscore_metric.system.hashing import sha256

PROFILE = {"head": "tri", "supported": 2, "splitter": "bundled_punkt", "chunk_words": 77}


SMALL: dict[str, Any] = {
    "vocab_size": 40,
    "hidden_size": 16,
    "num_hidden_layers": 1,
    "num_attention_heads": 2,
    "intermediate_size": 20,
    "initializer_range": 0.5,
}
KINDS: dict[str, dict[str, Any]] = {
    "pooler": {},
    "claim_mean": {},
    "claim_attention": {},
    "copied": {"pooling": "claim_mean", "copied_ngrams": 3},
    "everything": {"pooling": "claim_attention", "copied_ngrams": 2},
}
READ_CLAIM = ["claim_mean", "claim_attention", "copied", "everything"]


@pytest.fixture(scope="module", params=list(KINDS))
def aligner(request: pytest.FixtureRequest) -> Aligner:
    """A very small random aligner of each kind, in evaluation mode."""
    backbone = BertConfig(**SMALL, max_position_embeddings=32)
    torch.manual_seed(1)
    options = {"pooling": request.param} | KINDS[request.param]
    model = Aligner(AlignerConfig(backbone=backbone.to_dict(), profile=PROFILE, **options)).eval()
    for name in ("attention", "copied_embeddings"):
        if hasattr(model, name):
            torch.nn.init.normal_(getattr(model, name).weight)
    for layer in (model.bin_layer, model.tri_layer, model.reg_layer):
        torch.nn.init.normal_(layer.weight)
        torch.nn.init.normal_(layer.bias)
    return model


@pytest.fixture(scope="module")
def batch() -> dict[str, Tensor]:
    """Three pairs of lengths 9, 6 and 4 with claims of 4, 2 and 1 tokens, some of them copied."""
    ids = torch.randint(1, 40, (3, 9), generator=torch.Generator().manual_seed(2))
    ids[0, 5:7] = ids[0, 2:4]
    ids[1, 4] = ids[1, 0]
    mask = torch.tensor([[1] * 9, [1] * 6 + [0] * 3, [1] * 4 + [0] * 5])
    types = torch.tensor([[0] * 5 + [1] * 4, [0] * 4 + [1] * 2 + [0] * 3, [0, 0, 0, 1] + [0] * 5])
    return {"input_ids": ids, "attention_mask": mask, "token_type_ids": types}


def run(model: Aligner, batch: dict[str, Tensor]) -> AlignerOutput:
    with torch.no_grad():
        return model(**batch)


def copied_by_hand(ids: list[int], claim: list[int], longest: int) -> list[int]:
    """Length of the longest copied run around each token, from the sets of both texts' n-grams."""
    copied = [0] * len(ids)
    for n in range(1, longest + 1):
        runs = [
            (start, claim[start], tuple(ids[start : start + n]))
            for start in range(len(ids) - n + 1)
            if len(set(claim[start : start + n])) == 1 and ids[-1] not in ids[start : start + n]
        ]
        of_side = {(side, run) for _, side, run in runs}
        for start, side, run in runs:
            if (1 - side, run) in of_side:
                copied[start : start + n] = [n] * n
    return copied


def states_by_hand(model: Aligner, batch: dict[str, Tensor]) -> Tensor:
    """The encoder's last states; word embeddings that say what is copied are added up here."""
    if not model.config.copied_ngrams:
        return model.encoder(**batch).last_hidden_state
    words = model.encoder.embeddings.word_embeddings.weight[batch["input_ids"]].clone()
    for row, (ids, mask, types) in enumerate(
        zip(*(v.tolist() for v in batch.values()), strict=True)
    ):
        real = sum(mask)
        counts = copied_by_hand(ids[:real], types[:real], model.config.copied_ngrams)
        for place, count in enumerate(counts + [0] * (len(ids) - real)):
            words[row, place] += model.copied_embeddings.weight[count]
    others = {name: batch[name] for name in ("attention_mask", "token_type_ids")}
    return model.encoder(inputs_embeds=words, **others).last_hidden_state


@torch.no_grad()
def pool_by_hand(model: Aligner, batch: dict[str, Tensor]) -> list[Tensor]:
    """One vector per pair, by loops over the encoder's last states."""
    states = states_by_hand(model, batch)
    if model.config.pooling == "pooler":
        dense = model.encoder.pooler.dense
        return [torch.tanh(dense.weight @ row[0] + dense.bias) for row in states]
    return [
        _claim_by_hand(model, state, row) for state, row in zip(states, rows(batch), strict=True)
    ]


def rows(batch: dict[str, Tensor]) -> list[tuple[list[int], list[int], list[int]]]:
    """Ids, mask and types of each pair."""
    return list(zip(*(values.tolist() for values in batch.values()), strict=True))


def _claim_by_hand(
    model: Aligner, states: Tensor, row: tuple[list[int], list[int], list[int]]
) -> Tensor:
    """The attention's mean, the mean, the shares of copied runs: whichever the model has."""
    ids, mask, types = row
    own = [place for place in range(len(ids)) if mask[place] and types[place]]
    parts = [sum(states[place] for place in own) / len(own)]
    if model.config.pooling == "claim_attention":
        layer = model.attention
        weights = [float((layer.weight[0] @ states[place] + layer.bias).exp()) for place in own]
        weighted = sum(w * states[place] for w, place in zip(weights, own, strict=True))
        parts.insert(0, weighted / sum(weights))
    real, longest = sum(mask), model.config.copied_ngrams
    copied = copied_by_hand(ids[:real], types[:real], longest)
    for length in range(1, longest + 1):
        parts.append(torch.tensor([sum(copied[place] >= length for place in own) / len(own)]))
    return torch.cat(parts)


def test_forward_against_a_recomputation(aligner: Aligner, batch: dict[str, Tensor]):
    output = run(aligner, batch)
    assert (output.bin.shape, output.tri.shape, output.reg.shape) == ((3, 2), (3, 3), (3,))
    for row, pooled in enumerate(pool_by_hand(aligner, batch)):
        for logits, layer in (
            (output.bin[row], aligner.bin_layer),
            (output.tri[row], aligner.tri_layer),
            (output.reg[row], aligner.reg_layer),
        ):
            expected = (layer.weight @ pooled + layer.bias).reshape(logits.shape)
            torch.testing.assert_close(logits, expected, atol=1e-5, rtol=1e-5)


def test_pool_gives_the_vector_that_the_heads_read(aligner: Aligner, batch: dict[str, Tensor]):
    with torch.no_grad():
        pooled = aligner.pool(**batch)
    assert pooled.shape == (3, aligner.width)
    expected = torch.stack(pool_by_hand(aligner, batch))
    torch.testing.assert_close(pooled, expected, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("aligner", READ_CLAIM, indirect=True)
def test_padding_of_type_one_is_no_part_of_the_claim(aligner: Aligner, batch: dict[str, Tensor]):
    """Some tokenizers pad token types with 1: the attention mask decides."""
    typed = batch["token_type_ids"] | (1 - batch["attention_mask"])
    assert not torch.equal(typed, batch["token_type_ids"])
    for one, two in zip(
        run(aligner, batch), run(aligner, batch | {"token_type_ids": typed}), strict=True
    ):
        torch.testing.assert_close(one, two)


def test_a_pair_alone_gives_what_it_gives_in_company(aligner: Aligner, batch: dict[str, Tensor]):
    together = run(aligner, batch)
    for row, real in enumerate(batch["attention_mask"].sum(dim=1).tolist()):
        alone = run(aligner, {name: values[row : row + 1, :real] for name, values in batch.items()})
        for one, many in zip(alone, together, strict=True):
            torch.testing.assert_close(one[0], many[row], atol=1e-5, rtol=1e-5)


def test_without_token_types(aligner: Aligner, batch: dict[str, Tensor]):
    untyped = {name: batch[name] for name in ("input_ids", "attention_mask")}
    assert aligner.reads_claim == (aligner.config.pooling != "pooler")
    if aligner.config.pooling == "pooler":
        assert run(aligner, untyped).bin.shape == (3, 2)
    else:
        with pytest.raises(ConfigurationError, match="give token_type_ids"):
            run(aligner, untyped)


@pytest.mark.parametrize(
    "backbone",
    [
        RobertaConfig(**SMALL, type_vocab_size=1, max_position_embeddings=20),
        MPNetConfig(**SMALL, max_position_embeddings=20),
    ],
    ids=lambda backbone: backbone.model_type,
)
def test_the_claim_of_a_backbone_without_token_types(backbone, batch: dict[str, Tensor]):
    """The types say which tokens are the claim's; the encoder is not told of them."""
    config = AlignerConfig(backbone=backbone.to_dict(), pooling="claim_mean", profile=PROFILE)
    model = Aligner(config).eval()
    assert model.positions == 18
    texts = {name: batch[name] for name in ("input_ids", "attention_mask")}
    with torch.no_grad():
        states = model.encoder(**texts).last_hidden_state
        pooled = model.pool(**batch)
    claims = [states[0, 5:9], states[1, 4:6], states[2, 3:4]]
    torch.testing.assert_close(pooled, torch.stack([claim.mean(dim=0) for claim in claims]))


TOKENS = st.lists(st.integers(0, 4), max_size=9)


@given(st.lists(st.tuples(TOKENS, TOKENS), min_size=1, max_size=4), st.integers(1, 6))
def test_copied_ngrams_against_sets_of_ngrams(pairs: list[tuple[list[int], ...]], longest: int):
    """Few tokens, so that much is copied; 0 is the separator too, and the padding is a word."""
    rows = [([9, *a, 0, *b, 0], [0] * (len(a) + 2) + [1] * (len(b) + 1)) for a, b in pairs]
    width = max(len(ids) for ids, _ in rows)

    def padded(values: list[list[int]], fill: int) -> Tensor:
        return torch.tensor([row + [fill] * (width - len(row)) for row in values])

    ids, claim = padded([ids for ids, _ in rows], 1), padded([claim for _, claim in rows], 0)
    mask = padded([[1] * len(ids) for ids, _ in rows], 0)
    found = copied_ngrams(ids, mask, claim, longest=longest)
    assert found.dtype == torch.int64
    for row, (one, side) in enumerate(rows):
        expected = copied_by_hand(one, side, longest)
        assert found[row].tolist() == expected + [0] * (width - len(one))


def smallest(**options: Any) -> Aligner:
    backbone = BertConfig(
        vocab_size=9,
        hidden_size=8,
        num_hidden_layers=1,
        num_attention_heads=1,
        intermediate_size=8,
    )
    return Aligner(AlignerConfig(backbone=backbone.to_dict(), **options))


def test_an_aligner_that_is_told_nothing_has_no_such_embeddings():
    shapes = {}
    for longest in (0, 5):
        model = smallest(copied_ngrams=longest)
        shapes[longest] = {key: value.shape for key, value in model.state_dict().items()}
    assert shapes[5] == shapes[0] | {"copied_embeddings.weight": (6, 8)}
    assert AlignerConfig.from_dict({"model_type": "aligner"}).copied_ngrams == 0


@pytest.mark.parametrize("value", [-1, 1.5, True, "3", None])
def test_copied_ngrams_that_are_no_number_of_tokens(value: object):
    with pytest.raises(ConfigurationError, match="copied_ngrams is"):
        AlignerConfig(copied_ngrams=value)  # type: ignore[arg-type]


@pytest.mark.parametrize("aligner", READ_CLAIM, indirect=True)
def test_no_plain_classifier_reads_the_claim(aligner: Aligner):
    with pytest.raises(ConfigurationError, match=f"its pooling is '{aligner.config.pooling}'"):
        classifier_of(aligner)


def test_no_plain_classifier_is_told_of_copied_ngrams():
    classifier_of(smallest())
    with pytest.raises(ConfigurationError, match="its copied_ngrams is 2; possible: 0"):
        classifier_of(smallest(copied_ngrams=2))


def test_dropout_stands_before_bin_and_tri_only(aligner: Aligner, batch: dict[str, Tensor]):
    """With everything dropped, two heads answer their bias; `reg` does not notice."""
    before = run(aligner, batch)
    aligner.dropout.p = 1.0
    aligner.dropout.train()
    try:
        dropped = run(aligner, batch)
    finally:
        aligner.dropout.eval()
        aligner.dropout.p = 0.1
    assert torch.equal(dropped.bin, aligner.bin_layer.bias.expand(3, 2))
    assert torch.equal(dropped.tri, aligner.tri_layer.bias.expand(3, 3))
    assert torch.equal(dropped.reg, before.reg)


@pytest.mark.parametrize("head", ["bin", "tri", "reg"])
def test_pair_scores(head: str):
    output = AlignerOutput(
        bin=torch.tensor([[0.0, 1.0], [3.0, -2.0]]),
        tri=torch.tensor([[0.5, 1.0, -1.0], [3.0, -2.0, 0.0]]),
        reg=torch.tensor([1.7, -0.2]),
    )
    profile = Profile().with_head(head)
    if head == "reg":
        assert pair_scores(output, profile).tolist() == output.reg.tolist()
        return
    logits = getattr(output, head).double()
    for supported in range(logits.shape[1]):
        chosen = dataclasses.replace(profile, supported=supported)
        expected = logits.exp()[:, supported] / logits.exp().sum(dim=1)
        assert pair_scores(output, chosen).tolist() == pytest.approx(expected.tolist(), abs=1e-6)


def test_a_saved_aligner_is_the_same_aligner(
    aligner: Aligner, batch: dict[str, Tensor], tmp_path: Path
):
    aligner.save_pretrained(tmp_path)
    loaded = Aligner.from_pretrained(tmp_path)
    assert not loaded.training
    assert loaded.config.pooling == aligner.config.pooling
    assert loaded.profile == Profile(**PROFILE)
    saved, found = aligner.state_dict(), loaded.state_dict()
    assert saved.keys() == found.keys()
    assert all(torch.equal(tensor, found[name]) for name, tensor in saved.items())
    for one, two in zip(run(aligner, batch), run(loaded, batch), strict=True):
        # Not to the bit: BLAS may sum in another order where a tensor lies at another address.
        torch.testing.assert_close(one, two, atol=1e-6, rtol=1e-6)


@pytest.fixture
def folder(tiny_aligner: Path, tmp_path: Path) -> Path:
    """A copy of the tiny aligner's folder, to be damaged."""
    return Path(shutil.copytree(tiny_aligner, tmp_path / "copy"))


def change_weights(folder: Path, change: Callable[[dict[str, Tensor]], Any]) -> None:
    weights = load_file(folder / "model.safetensors")
    change(weights)
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})


TENSORS = [
    "bin_layer.weight",
    "tri_layer.bias",
    "reg_layer.weight",
    "encoder.embeddings.word_embeddings.weight",
    "encoder.encoder.layer.1.output.LayerNorm.bias",
]
LOADERS = [load_checkpoint, Aligner.from_pretrained]


@pytest.mark.parametrize("load", LOADERS, ids=["load_checkpoint", "from_pretrained"])
@pytest.mark.parametrize("name", TENSORS)
def test_a_missing_tensor(folder: Path, name: str, load: Callable[[Path], Any]):
    change_weights(folder, lambda weights: weights.pop(name))
    with pytest.raises(CheckpointError, match=f"missing.*{name}"):
        load(folder)


@pytest.mark.parametrize("load", LOADERS, ids=["load_checkpoint", "from_pretrained"])
@pytest.mark.parametrize(
    "name", ["mlm_head.weight", "encoder.pooler.dense.weight", "bin_layer.scale"]
)
def test_a_tensor_too_many(folder: Path, name: str, load: Callable[[Path], Any]):
    change_weights(folder, lambda weights: weights.update({name: torch.zeros(2)}))
    with pytest.raises(CheckpointError, match=f"unexpected.*{name}"):
        load(folder)


@pytest.mark.parametrize("load", LOADERS, ids=["load_checkpoint", "from_pretrained"])
@pytest.mark.parametrize("name", TENSORS)
def test_a_tensor_of_another_shape(folder: Path, name: str, load: Callable[[Path], Any]):
    change_weights(
        folder, lambda weights: weights.update({name: torch.zeros(7, *weights[name].shape)})
    )
    with pytest.raises(CheckpointError, match=name):
        load(folder)


class Payload:
    """A pickle of this makes a folder as soon as it is read."""

    def __init__(self, victim: Path) -> None:
        self.victim = victim

    def __reduce__(self) -> tuple[Callable[..., None], tuple[str]]:
        return os.mkdir, (str(self.victim),)


@pytest.mark.parametrize("load", LOADERS, ids=["load_checkpoint", "from_pretrained"])
def test_pickled_weights_are_refused_unread(
    folder: Path, tmp_path: Path, load: Callable[[Path], Any]
):
    victim = tmp_path / "victim"
    (folder / "model.safetensors").unlink()
    torch.save({"bin_layer.weight": Payload(victim)}, folder / "pytorch_model.bin")
    with pytest.raises((CheckpointError, OSError), match=r"model\.safetensors"):
        load(folder)
    assert not victim.exists()
    torch.load(folder / "pytorch_model.bin", weights_only=False)
    assert victim.exists()  # the payload works: it was not read above


def truncate_file(file: Path) -> None:
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])


def set_config(folder: Path, **values: object) -> None:
    config = json.loads((folder / "config.json").read_text("utf-8")) | values
    (folder / "config.json").write_text(json.dumps(config), "utf-8")


DAMAGES: dict[str, tuple[Callable[[Path], object], str]] = {
    "no config": (lambda f: (f / "config.json").unlink(), r"has no config\.json"),
    "no weights": (lambda f: (f / "model.safetensors").unlink(), r"has no model\.safetensors"),
    "config is not json": (lambda f: truncate_file(f / "config.json"), r"config\.json is damaged"),
    "config is not text": (
        lambda f: (f / "config.json").write_bytes(b"\xff\xfe{}"),
        r"config\.json is damaged",
    ),
    "config is a list": (lambda f: (f / "config.json").write_text("[]"), "is damaged"),
    "config has no type": (lambda f: (f / "config.json").write_text("{}"), "is damaged"),
    "another model": (lambda f: set_config(f, model_type="bert"), "holds a 'bert' model"),
    "truncated weights": (lambda f: truncate_file(f / "model.safetensors"), "cut short"),
    "empty weights": (lambda f: (f / "model.safetensors").write_bytes(b""), "cut short"),
    "unknown backbone": (lambda f: set_config(f, backbone={"model_type": "no"}), "cannot load"),
    "broken tokenizer": (lambda f: (f / "tokenizer.json").write_text("{"), "cannot load"),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_folder(folder: Path, damage: str):
    harm, message = DAMAGES[damage]
    harm(folder)
    with pytest.raises(CheckpointError, match=message) as caught:
        load_checkpoint(folder)
    assert str(folder) in str(caught.value)


@pytest.mark.parametrize(
    "profile",
    [{"head": "no"}, {"heads": "bin"}, {"head": "bin", "supported": 2}, {"supported": "1"}],
)
def test_a_damaged_profile(folder: Path, profile: dict[str, Any]):
    set_config(folder, profile=profile)
    with pytest.raises((CheckpointError, ConfigurationError), match=r"head|profile key|supported"):
        load_checkpoint(folder)


def test_an_unknown_model(tmp_path: Path):
    with pytest.raises(ConfigurationError, match=r"'gigantic'.*one of: mini"):
        load_checkpoint("gigantic")
    with pytest.raises(ConfigurationError, match="unknown model"):
        load_checkpoint(tmp_path / "absent")


def test_a_loaded_checkpoint(tiny_aligner: Path, monkeypatch: pytest.MonkeyPatch):
    """Named by its folder, however the path is written; identified by its weights."""
    monkeypatch.chdir(tiny_aligner)
    found = load_checkpoint(".")
    assert found.name == tiny_aligner.name
    content = (tiny_aligner / "model.safetensors").read_bytes()
    assert found.weights_sha256 == hashlib.sha256(content).hexdigest()
    assert not found.aligner.training
    assert {p.dtype for p in found.aligner.parameters()} == {torch.float32}
    assert found.tokenizer.folder == Path()


def test_weights_saved_in_half_precision_are_loaded_in_full(folder: Path):
    change_weights(folder, lambda w: w.update({k: v.half() for k, v in w.items()}))
    set_config(folder, dtype="float16")
    found = load_checkpoint(folder).aligner
    assert {p.dtype for p in found.parameters()} == {torch.float32}


@pytest.mark.parametrize("size", [0, 1, 1 << 20, (1 << 21) + 1])
def test_sha256_of_a_file(tmp_path: Path, size: int):
    content = bytes(i % 251 for i in range(1000)) * (size // 1000 + 1)
    file = tmp_path / "file"
    file.write_bytes(content[:size])
    assert sha256(file) == hashlib.sha256(content[:size]).hexdigest()


def test_an_unknown_pooling():
    with pytest.raises(ConfigurationError, match=r"'max'.*pooler, claim_mean"):
        AlignerConfig(pooling="max")


def test_a_profile_travels_in_the_configuration(tmp_path: Path):
    profile = Profile(
        head="reg", supported=0, splitter="bundled_punkt", chunk_words=9, max_length=64
    )
    AlignerConfig(profile=profile.to_dict()).save_pretrained(tmp_path)
    loaded = AlignerConfig.from_pretrained(tmp_path)
    assert Profile.from_dict(loaded.profile) == profile
    assert json.loads((tmp_path / "config.json").read_text("utf-8"))["profile"] == {
        "head": "reg",
        "supported": 0,
        "splitter": "bundled_punkt",
        "chunking": "alignscore",
        "chunk_words": 9,
        "claims": "sentences",
        "template": "pair",
        "chunk_aggregation": "max",
        "sentence_aggregation": "mean",
        "max_length": 64,
        "copied_weight": 0.0,
        "prefilter": "none",
        "texts": "raw",
    }


def test_the_default_profile_is_alignscores():
    """Zha et al. 2023: class "aligned" of the 3-way head, 350 words, maximum, mean."""
    assert Profile.from_dict({}) == Profile(
        head="tri",
        supported=0,
        splitter="nltk_punkt",
        chunking="alignscore",
        chunk_words=350,
        claims="sentences",
        template="pair",
        chunk_aggregation="max",
        sentence_aggregation="mean",
        max_length=512,
    )


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"head": "nli"}, "head is 'nli'; known heads: bin, tri, reg"),
        ({"head": ["bin"]}, "head is"),
        ({"head": "bin", "supported": 2}, "supported class 2 .*'bin' has 2"),
        ({"head": "tri", "supported": 3}, "supported class 3 .*'tri' has 3"),
        ({"head": "reg", "supported": 1}, "supported class 1 .*'reg' has 1"),
        ({"supported": -1}, "supported class -1"),
        ({"supported": 0.5}, "supported class 0.5"),
        ({"supported": "0"}, "supported class '0'"),
        ({"supported": True}, "supported class True"),
        ({"chunk_words": 0}, "chunk_words is 0; give a whole number >= 1"),
        ({"chunk_words": "350"}, "chunk_words is '350'"),
        ({"chunk_words": 350.0}, "chunk_words is 350.0"),
        ({"chunk_words": True}, "chunk_words is True"),
        ({"max_length": 7}, "max_length is 7; give a whole number >= 8"),
        ({"max_length": None}, "max_length is None"),
        ({"template": "cross"}, "template is 'cross'"),
        ({"chunk_aggregation": "mean"}, "chunk_aggregation is 'mean'"),
        ({"sentence_aggregation": "median"}, "sentence_aggregation is 'median'"),
        ({"chunks": 1, "words": 2}, "unknown profile key.*chunks, words; known: .*chunk_words"),
    ],
)
def test_a_profile_that_cannot_be_honoured(values: dict[str, Any], message: str):
    with pytest.raises(ConfigurationError, match=message):
        Profile.from_dict(values)


@pytest.mark.parametrize(("head", "supported"), [("bin", 1), ("tri", 0), ("reg", 0)])
def test_with_another_head_takes_aligns_class_order(head: str, supported: int):
    """ALIGN: class 1 of `bin` and class 0 of `tri` mean aligned."""
    before = "bin" if head == "tri" else "tri"
    profile = Profile(head=before, supported=1, chunk_words=9, splitter="bundled_punkt")
    assert profile.with_head(head) == dataclasses.replace(profile, head=head, supported=supported)
    own = Profile(head="tri", supported=2)
    assert own.with_head("tri") == own  # a classifier's order


def test_with_an_unknown_head():
    with pytest.raises(ConfigurationError, match="head is 'nli'; known heads: bin, tri, reg"):
        Profile().with_head("nli")
