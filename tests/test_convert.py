"""Tests of .convert and .classifiers: conversions, loaded by this package and by others."""

import json
import socket
from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import (
    AlbertConfig,
    AutoModelForSequenceClassification,
    AutoTokenizer,
    BertConfig,
    DebertaV2Config,
    PretrainedConfig,
    RobertaConfig,
)

from alignscore_metric.checkpoint.aligner import Aligner, AlignerConfig
from alignscore_metric.checkpoint.conversion import convert
from alignscore_metric.commands.main import main
from alignscore_metric.errors import ConfigurationError
from alignscore_metric.metric import AlignScore
from alignscore_metric.system.hashing import sha256

SIZES = {
    "vocab_size": 270,
    "hidden_size": 16,
    "num_hidden_layers": 1,
    "num_attention_heads": 2,
    "intermediate_size": 24,
    "max_position_embeddings": 514,
    "initializer_range": 0.4,
    "pad_token_id": 1,
}
FAMILIES: dict[str, PretrainedConfig] = {
    "roberta": RobertaConfig(**SIZES, type_vocab_size=1),
    "bert": BertConfig(**SIZES),
    "albert": AlbertConfig(**SIZES, embedding_size=8),
    "deberta-v2": DebertaV2Config(**SIZES, relative_attention=True, pos_att_type=["p2c", "c2p"]),
}
SOURCE = "The old bridge was closed on Monday. Inspectors had found cracks in it. "
PAIRS = [(SOURCE, "The bridge was closed."), (SOURCE, "It is open?"), ("One.", "1 2 3")]


def make_aligner(folder: Path, tokenizer: Path, family: str) -> Path:
    torch.manual_seed(5)
    config = AlignerConfig(
        backbone=FAMILIES[family].to_dict(),
        pooling="context" if family == "deberta-v2" else "pooler",
        profile={"splitter": "bundled_punkt"},
    )
    aligner = Aligner(config)
    for parameter in aligner.parameters():
        torch.nn.init.normal_(parameter, std=0.5)
    aligner.save_pretrained(folder)
    AutoTokenizer.from_pretrained(tokenizer).save_pretrained(folder)
    return folder


@pytest.fixture(params=FAMILIES)
def aligner(request: pytest.FixtureRequest, tmp_path: Path, byte_tokenizer: Path) -> Path:
    return make_aligner(tmp_path / "aligner", byte_tokenizer, request.param)


@pytest.fixture
def roberta(tmp_path: Path, byte_tokenizer: Path) -> Path:
    return make_aligner(tmp_path / "aligner", byte_tokenizer, "roberta")


def probabilities(folder: Path) -> np.ndarray:
    """Of each pair's classes, by transformers alone."""
    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = AutoModelForSequenceClassification.from_pretrained(folder).eval()
    found = []
    for pair in PAIRS:
        with torch.no_grad():
            logits = model(**tokenizer(*pair, return_tensors="pt")).logits
        found.append(logits.softmax(dim=-1)[0].numpy())
    return np.array(found)


@pytest.mark.parametrize(("mode", "supported"), [("nli", 0), ("bin", 1)])
def test_a_classifier_equals_its_aligner(aligner: Path, tmp_path: Path, mode: str, supported: int):
    output = tmp_path / "classifier"
    convert(aligner, output, mode=mode, to_classifier=True)
    sources, claims = zip(*PAIRS, strict=True)
    scores = AlignScore(aligner, mode=mode, device="cpu", progress=False).score(sources, claims)
    assert max(scores) - min(scores) > 1e-3
    theirs = probabilities(output)
    assert np.abs(theirs[:, supported] - scores).max() <= 1e-6
    config = json.loads((output / "config.json").read_text())
    labels = {
        "nli": ["entailment", "neutral", "contradiction"],
        "bin": ["not_entailment", "entailment"],
    }
    assert list(config["id2label"].values()) == labels[mode]
    assert config["architectures"][0].endswith("ForSequenceClassification")
    back = AlignScore(output, device="cpu", progress=False)
    assert np.abs(np.array(back.score(sources, claims)) - scores).max() <= 1e-6
    assert back.profile == back.profile.with_mode(mode)


def test_a_cross_encoder_of_sentence_transformers(roberta: Path, tmp_path: Path):
    sentence_transformers = pytest.importorskip("sentence_transformers")
    convert(roberta, tmp_path / "classifier", to_classifier=True)
    encoder = sentence_transformers.CrossEncoder(str(tmp_path / "classifier"), device="cpu")
    found = encoder.predict(PAIRS, apply_softmax=True)
    assert np.abs(found - probabilities(tmp_path / "classifier")).max() <= 1e-6


def test_a_converted_folder_says_what_it_was_made_from(roberta: Path, tmp_path: Path):
    output = tmp_path / "converted"
    convert(roberta, output, mode="bin")
    card = (output / "README.md").read_text()
    assert sha256(roberta / "model.safetensors") in card
    assert json.loads(card.split("```json")[1].split("```")[0])["claims"] == "whole"
    files = {file.name for file in output.iterdir()}
    assert {"README.md", "config.json", "model.safetensors", "tokenizer.json"} <= files
    assert not [file for file in files if file.endswith((".bin", ".ckpt", ".partial"))]
    assert {file.stat().st_mode & 0o777 for file in output.iterdir()} == {
        (output / "config.json").stat().st_mode & 0o777
    }


def test_a_converted_folder_loads_without_a_network(
    roberta: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    convert(roberta, tmp_path / "converted")

    def refuse(*_: object) -> None:
        raise OSError("no network here")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    sources, claims = zip(*PAIRS, strict=True)
    one, two = (
        AlignScore(folder, device="cpu", progress=False)
        for folder in (roberta, tmp_path / "converted")
    )
    assert one.score(sources, claims) == two.score(sources, claims)
    assert one.profile == two.profile


def test_an_output_that_exists_is_left_alone(roberta: Path, tmp_path: Path):
    output = tmp_path / "mine"
    output.mkdir()
    convert(roberta, output)  # an empty one is as good as none
    before = (output / "README.md").read_bytes()
    with pytest.raises(ConfigurationError, match="exists already; remove it"):
        convert(roberta, output, mode="bin")
    assert (output / "README.md").read_bytes() == before


def test_a_failure_leaves_nothing(roberta: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    def fail(*_: object) -> None:
        raise OSError("disk full")

    monkeypatch.setattr("alignscore_metric.checkpoint.conversion._card", fail)
    with pytest.raises(OSError, match="disk full"):
        convert(roberta, tmp_path / "converted")
    assert sorted(file.name for file in tmp_path.iterdir()) == ["aligner"]


@pytest.mark.parametrize("mode", [None, "reg"])
def test_an_aligner_that_no_classifier_equals(
    tiny_aligner: Path, roberta: Path, tmp_path: Path, mode: str | None
):
    """The mean over the claim's tokens, and the regression head."""
    model = tiny_aligner if mode is None else roberta
    reason = "its pooling is 'claim_mean'" if mode is None else "its head is 'reg'"
    with pytest.raises(ConfigurationError, match=f"equals this aligner: {reason}"):
        convert(model, tmp_path / "classifier", mode=mode, to_classifier=True)
    assert not (tmp_path / "classifier").exists()


def test_the_command(roberta: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    output = tmp_path / "converted"
    assert main(["convert", str(roberta), "-o", str(output), "--mode", "bin"]) == 0
    assert f"saved to {output}" in capsys.readouterr().out
    command = ["explain", "--source-text", SOURCE, "--summary-text", "It is. Not.", "-q"]
    assert main([*command, "--model", str(output)]) == 0
    assert "|chunk:whole|claims:whole|" in capsys.readouterr().out
    assert main([*command, "--model", str(roberta), "--mode", "bin_sp", "--head", "tri"]) == 2
    assert "reads the head 'bin'" in capsys.readouterr().err
    assert main(["convert", str(roberta), "-o", str(output)]) == 2
