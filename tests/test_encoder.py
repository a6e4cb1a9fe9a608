"""Tests of checkpoint.encoder and checkpoint.tokenizer against transformers' own classes."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from transformers import (
    AutoConfig,
    AutoModel,
    AutoTokenizer,
    BertTokenizerFast,
    PreTrainedModel,
    PreTrainedTokenizerBase,
)

from alignscore_metric.checkpoint.aligner import Aligner, AlignerConfig
from alignscore_metric.checkpoint.encoder import ACTIVATIONS, FAMILY, Encoder, EncoderConfig
from alignscore_metric.checkpoint.loading import BUNDLED
from alignscore_metric.checkpoint.tokenizer import _known, load_tokenizer
from alignscore_metric.engine.encoding import PairTemplate, tokenize

PADDING = 1
SMALL: dict[str, Any] = {
    "vocab_size": 40,
    "hidden_size": 16,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 20,
    "max_position_embeddings": 16,
    "initializer_range": 0.3,
    "pad_token_id": PADDING,
}


def both(kind: str, **options: Any) -> tuple[Encoder, PreTrainedModel]:
    """An encoder and transformers' own with the same random weights, norms' too."""
    config = AutoConfig.for_model(kind, **SMALL | options)
    torch.manual_seed(0)
    theirs = AutoModel.from_config(config)
    for name, weight in theirs.named_parameters():
        if "LayerNorm" in name or name.endswith("bias"):
            torch.nn.init.normal_(weight, mean=float("Norm.weight" in name), std=0.3)
    found = EncoderConfig.of(config.to_dict())
    assert found is not None
    ours = Encoder(found, pooler=True)
    ours.load_state_dict(theirs.state_dict())
    return ours.eval(), theirs.eval()


def texts(*, full: bool = False) -> dict[str, Tensor]:
    """Three texts of 9, 6 and 2 tokens, or all of 9, with a padding token as one's own word."""
    ids = torch.randint(2, 40, (3, 9), generator=torch.Generator().manual_seed(1))
    ids[0, 3] = PADDING
    mask = torch.tensor([[1] * 9, [1] * 6 + [0] * 3, [1] * 2 + [0] * 7])
    mask = torch.ones_like(mask) if full else mask
    return {"input_ids": torch.where(mask == 1, ids, PADDING), "attention_mask": mask}


@pytest.mark.parametrize("full", [False, True], ids=["padded", "full"])
@pytest.mark.parametrize("words", [False, True], ids=["ids", "embeddings"])
@pytest.mark.parametrize("kind", FAMILY)
def test_states_are_those_of_transformers(kind: str, words: bool, full: bool):
    ours, theirs = both(kind)
    inputs = texts(full=full) | {"token_type_ids": torch.arange(9).expand(3, 9) % 2}
    if words:
        ids = inputs.pop("input_ids")
        inputs["inputs_embeds"] = ours.get_input_embeddings()(ids).detach()
    with torch.no_grad():
        found, expected = ours(**inputs), theirs(**inputs)
    real = inputs["attention_mask"].bool()
    torch.testing.assert_close(
        found.last_hidden_state[real], expected.last_hidden_state[real], atol=1e-6, rtol=1e-6
    )
    torch.testing.assert_close(found.pooler_output, expected.pooler_output, atol=1e-6, rtol=1e-6)
    assert expected.last_hidden_state[real].std() > 0.1


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_activations_are_those_of_transformers(activation: str):
    ours, theirs = both("bert", hidden_act=activation)
    with torch.no_grad():
        found, expected = ours(**texts()).pooler_output, theirs(**texts()).pooler_output
    torch.testing.assert_close(found, expected, atol=1e-6, rtol=1e-6)


@pytest.mark.parametrize("kind", FAMILY)
def test_gradients_and_dropout_are_those_of_transformers(kind: str):
    options = {"hidden_dropout_prob": 0.3, "attention_probs_dropout_prob": 0.2}
    models = [model.train() for model in both(kind, **options)]
    for model in models:
        torch.manual_seed(5)
        states = model(**texts()).last_hidden_state[texts()["attention_mask"] == 1]
        states.square().sum().backward()
    ours, theirs = (dict(model.named_parameters()) for model in models)
    assert ours.keys() == theirs.keys()
    for name, weight in theirs.items():
        if weight.grad is not None:
            torch.testing.assert_close(ours[name].grad, weight.grad, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("kind", FAMILY)
def test_defaults_and_tensors_are_those_of_transformers(kind: str):
    config = AutoConfig.for_model(kind)
    found = EncoderConfig.of({"model_type": kind})
    assert found is not None
    assert {name: getattr(config, name) for name in vars(found)} == vars(found)
    ours, theirs = both(kind)
    for own, other in (
        (ours.state_dict(), theirs.state_dict()),
        (dict(ours.named_buffers()), {}),
    ):
        assert {name: own[name].shape for name in own} == {n: other[n].shape for n in other}


@pytest.mark.parametrize(
    "change",
    [
        {"model_type": "albert"},
        {"hidden_act": "mish"},
        {"position_embedding_type": "relative_key"},
        {"is_decoder": True},
        {"num_attention_heads": 5},
    ],
    ids=str,
)
def test_other_encoders_are_left_to_transformers(change: dict[str, Any]):
    backbone = {"model_type": "bert"} | SMALL
    assert EncoderConfig.of(backbone) is not None
    assert EncoderConfig.of(backbone | change) is None


@pytest.mark.parametrize("kind", FAMILY)
def test_a_seed_gives_the_weights_that_it_gives_in_transformers(kind: str):
    config = AutoConfig.for_model(kind, **SMALL)
    torch.manual_seed(7)
    theirs, drawn_then = AutoModel.from_config(config), torch.rand(1)
    torch.manual_seed(7)
    found = EncoderConfig.of(config.to_dict())
    assert found is not None
    ours = Encoder(found, pooler=True)
    ours.initialise()
    assert torch.equal(torch.rand(1), drawn_then)
    expected = dict(theirs.named_parameters())
    assert [name for name, _ in ours.named_parameters()] == list(expected)
    assert all(torch.equal(weight, expected[name]) for name, weight in ours.named_parameters())


def test_first_weights_are_as_spread_as_the_configuration_says():
    torch.manual_seed(0)
    backbone = {"model_type": "roberta"} | SMALL | {"vocab_size": 4000, "hidden_size": 32}
    aligner = Aligner(AlignerConfig(backbone=backbone))
    words = aligner.encoder.get_input_embeddings().weight
    assert words.std().item() == pytest.approx(0.3, rel=0.05)
    assert not words[PADDING].any()
    layer = aligner.encoder.encoder.layer[1]
    assert layer.intermediate.dense.weight.std().item() == pytest.approx(0.3, rel=0.1)
    assert not layer.output.dense.bias.any()
    assert torch.equal(layer.output.LayerNorm.weight, torch.ones(32))
    assert aligner.tri_layer.weight.std().item() == pytest.approx(0.02, rel=0.3)


def test_tensors_under_the_names_of_the_first_berts():
    config = AlignerConfig(backbone={"model_type": "bert"} | SMALL)
    tensors = Aligner(config).state_dict()
    old = {
        name.replace("LayerNorm.weight", "LayerNorm.gamma").replace(
            "LayerNorm.bias", "LayerNorm.beta"
        ): tensor
        for name, tensor in tensors.items()
    }
    assert old.keys() != tensors.keys()
    found = Aligner.from_tensors(config, old, origin="old").state_dict()
    assert all(torch.equal(found[name], tensor) for name, tensor in tensors.items())


# Tokenizers.


@pytest.fixture(scope="module")
def roberta_tokenizer(byte_tokenizer: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The byte tokenizer as the published RoBERTa's folder has it: no class, no tokens."""
    folder = tmp_path_factory.mktemp("roberta")
    shutil.copy(byte_tokenizer / "tokenizer.json", folder)
    (folder / "tokenizer_config.json").write_text('{"model_max_length": 512}')
    (folder / "config.json").write_text('{"model_type": "roberta"}')
    return folder


@pytest.fixture(params=["mini", "tiny_aligner", "byte_tokenizer", "roberta_tokenizer"])
def folder(request: pytest.FixtureRequest) -> Path:
    if request.param == "mini":
        return BUNDLED["mini"]
    found: Path = request.getfixturevalue(request.param)
    return found


def test_a_tokenizer_says_what_transformers_says(folder: Path):
    assert _known(folder) is not None
    found, expected = load_tokenizer(folder), AutoTokenizer.from_pretrained(folder)
    assert len(found) == len(expected)
    assert found.get_vocab() == expected.get_vocab()
    for name in ("pad_token_id", "eos_token", "model_max_length"):
        assert getattr(found, name) == getattr(expected, name)
    assert list(found.model_input_names) == list(expected.model_input_names)
    assert PairTemplate.of(found) == PairTemplate.of(expected)


TEXTS = ["", " ", "It rained.", "Ünïcödé  字\t\n x", "[SEP] </s> <pad>", "a" * 300, "\u0130\x00"]


def test_ids_are_those_of_transformers(folder: Path):
    expected = AutoTokenizer.from_pretrained(folder)(TEXTS, add_special_tokens=False)["input_ids"]
    assert [ids.tolist() for ids in tokenize(TEXTS, load_tokenizer(folder))] == expected


@pytest.fixture(scope="module")
def bundled() -> tuple[Any, PreTrainedTokenizerBase]:
    return load_tokenizer(BUNDLED["mini"]), AutoTokenizer.from_pretrained(BUNDLED["mini"])


@settings(max_examples=300, deadline=None)
@given(text=st.text(st.characters(exclude_categories=["Cs"]), max_size=60))
def test_ids_of_any_text_are_those_of_transformers(bundled: tuple[Any, Any], text: str):
    ours, theirs = bundled
    expected = theirs(text, add_special_tokens=False)["input_ids"]
    assert tokenize([text], ours)[0].tolist() == expected


def test_ids_do_not_depend_on_what_was_asked_before(folder: Path):
    tokenizer = AutoTokenizer.from_pretrained(folder)
    whole = tokenize(["a b c d e f"], tokenizer)[0].tolist()
    tokenizer(["a b", "c"], truncation=True, max_length=3, padding=True)
    assert tokenize(["a b c d e f"], tokenizer)[0].tolist() == whole
    assert len(whole) > 3


def set_options(folder: Path, **options: object) -> None:
    file = folder / "tokenizer_config.json"
    file.write_text(json.dumps(json.loads(file.read_text("utf-8")) | options), "utf-8")


FOREIGN: dict[str, Callable[[Path], object]] = {
    "another class": lambda f: set_options(f, tokenizer_class="MPNetTokenizer"),
    "cased": lambda f: set_options(f, do_lower_case=False),
    "no tokenizer.json": lambda f: (f / "tokenizer.json").unlink(),
}


@pytest.mark.parametrize("change", FOREIGN)
def test_other_tokenizers_are_read_by_transformers(tmp_path: Path, change: str):
    folder = tmp_path / "tokenizer"
    folder.mkdir()
    words = [
        "[PAD]",
        "[UNK]",
        "[CLS]",
        "[SEP]",
        "[MASK]",
        "<s>",
        "</s>",
        "<pad>",
        "<mask>",
        "<unk>",
    ]
    (folder / "vocab.txt").write_text("\n".join([*words, "it", "It", "rained", "."]), "utf-8")
    BertTokenizerFast(vocab=str(folder / "vocab.txt")).save_pretrained(folder)
    FOREIGN[change](folder)
    assert _known(folder) is None
    found, expected = load_tokenizer(folder), AutoTokenizer.from_pretrained(folder)
    assert (
        tokenize(["It rained."], found)[0].tolist()
        == tokenize(["It rained."], expected)[0].tolist()
    )
    assert found.pad_token_id == expected.pad_token_id
