"""Aligners as ONNX graphs: run by onnxruntime on ids of the tokenizers library alone."""

import contextlib
import io
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from tokenizers import Tokenizer

from alignscore_metric import AlignScore, NumericalError
from alignscore_metric.checkpoint import aligner as aligner_module
from alignscore_metric.checkpoint.aligner import Aligner, AlignerConfig
from alignscore_metric.checkpoint.loading import load_checkpoint
from alignscore_metric.commands.main import main
from alignscore_metric.engine import onnx as onnx_module

onnxruntime = pytest.importorskip("onnxruntime", reason="needs the extra `onnx`")
pytest.importorskip("onnx", reason="needs the extra `onnx`")

PAGE = Path(__file__).resolve().parents[1] / "docs" / "deploying.md"
SOURCES = ["The bridge was closed on Monday after inspectors found cracks.", "It rained."] * 2
CLAIMS = ["The bridge was closed.", "It snowed all day.", "Inspectors found cracks.", "It rained."]


def graph_scores(folder: Path, *, typed: bool = True) -> np.ndarray:
    """Scores of the pairs, without anything of this package."""
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    pad = tokenizer.token_to_id("[PAD]") or tokenizer.token_to_id("<pad>") or 0
    tokenizer.enable_padding(pad_id=pad)
    rows = tokenizer.encode_batch(list(zip(SOURCES, CLAIMS, strict=True)))
    inputs = {
        "input_ids": np.array([row.ids for row in rows]),
        "attention_mask": np.array([row.attention_mask for row in rows]),
    }
    if typed:
        inputs["token_type_ids"] = np.array([row.type_ids for row in rows])
    session = onnxruntime.InferenceSession(str(folder / "model.onnx"))
    assert [i.name for i in session.get_inputs()] == list(inputs)
    return session.run(["score"], inputs)[0]


@pytest.fixture(scope="module")
def roberta(tmp_path_factory, byte_tokenizer) -> Path:
    """An aligner as AlignScore's: RoBERTa's encoder with its pooler, the head `tri`."""
    from transformers import AutoTokenizer

    sizes = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4}
    backbone = {"model_type": "roberta", "vocab_size": 300, "intermediate_size": 64, **sizes}
    backbone |= {"max_position_embeddings": 514, "type_vocab_size": 1, "initializer_range": 0.3}
    torch.manual_seed(0)
    profile = {"splitter": "bundled_punkt"}
    folder = tmp_path_factory.mktemp("roberta")
    made = Aligner(AlignerConfig(backbone=backbone, profile=profile)).eval()
    torch.nn.init.normal_(made.tri_layer.weight, std=2.0)
    made.save_pretrained(folder)
    AutoTokenizer.from_pretrained(byte_tokenizer).save_pretrained(folder)
    return folder


def converted(model: str, folder: Path, *options: str) -> str:
    """Write a graph; what the command says."""
    with contextlib.redirect_stdout(io.StringIO()) as said:
        assert main(["convert", model, "--to-onnx", *options, "-o", str(folder)]) == 0
    return said.getvalue()


@pytest.fixture(scope="module")
def bundled(tmp_path_factory) -> tuple[Path, str]:
    """A folder with the bundled aligner's graph, and what the command said."""
    folder = tmp_path_factory.mktemp("bundled")
    return folder / "mini-onnx", converted("mini", folder / "mini-onnx")


@pytest.mark.parametrize("kind", ["bundled", "tiny_aligner", "roberta"])
@pytest.mark.slow
def test_fp32_gives_the_metrics_scores(kind, request, tmp_path):
    model, folder = request.getfixturevalue(kind), tmp_path / "graph"
    if kind == "bundled":
        folder, said = model
        model = "mini"
    else:
        said = converted(str(model), folder)
    assert float(re.findall(r"at most (\S+),", said)[0]) <= 1e-4
    metric = AlignScore(model, copied_weight=0, progress=False)
    expected = metric.score(SOURCES, CLAIMS)  # each source one chunk, each claim one sentence
    assert len(set(np.round(expected, 3))) > 2
    found = graph_scores(folder, typed=kind != "roberta")
    np.testing.assert_allclose(found, expected, atol=1e-4)


@pytest.mark.slow
def test_int8_says_its_error_and_is_near(tmp_path):
    said = converted("mini", tmp_path / "graph", "int8")
    largest, mean = map(float, re.findall(r"by(?: at most)? (\d\S*\d)", said))
    assert 1e-4 < mean < largest < 0.15
    assert f"at most {largest:.1g}" in (tmp_path / "graph" / "README.md").read_text()
    fp32 = Path(aligner_module.__file__).parents[1] / "models" / "mini" / "model.safetensors"
    assert (tmp_path / "graph" / "model.onnx").stat().st_size < 2 * fp32.stat().st_size
    expected = AlignScore(copied_weight=0, progress=False).score(SOURCES, CLAIMS)
    np.testing.assert_allclose(graph_scores(tmp_path / "graph"), expected, atol=0.15)


@pytest.mark.parametrize("longest", [1, 3, 8])
def test_copied_runs_are_the_aligners(longest):
    generator = torch.Generator().manual_seed(longest)
    ids = torch.randint(3, 5, (20, 30), generator=generator)  # two tokens: long runs
    mask, claim = torch.zeros_like(ids), torch.zeros_like(ids)
    for row, length in enumerate(range(11, 31)):
        start = length // 2
        mask[row, :length] = 1
        claim[row, start:length] = 1
        ids[row, start : 2 * start] = ids[row, :start].clone()
        ids[row, length - 1 - row % 3] = 2  # somewhere in it stands what is special, or it is short
        ids[row, length - 1] = 2
    expected = aligner_module.copied_ngrams(ids, mask, claim, longest=longest)
    assert expected.max() == longest
    found = onnx_module.copied_ngrams(ids, mask, claim, longest=longest)
    assert torch.equal(found, expected)


@pytest.mark.slow
def test_a_graph_with_other_scores_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(onnx_module, "copied_ngrams", lambda ids, *_, **__: torch.zeros_like(ids))
    checkpoint = load_checkpoint("mini")
    with pytest.raises(NumericalError, match="scores differ"):
        onnx_module.write_graph(checkpoint, checkpoint.aligner.profile, tmp_path / "graph")
    assert not (tmp_path / "graph").exists()


def test_a_folder_that_exists_and_two_forms_at_once_are_refused(tmp_path, capsys):
    (tmp_path / "mine").touch()
    assert main(["convert", "mini", "--to-onnx", "-o", str(tmp_path)]) == 2
    assert "exists already" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        main(["convert", "mini", "--to-onnx", "--to-classifier", "-o", str(tmp_path / "x")])


def test_the_pages_example_needs_no_torch(bundled):
    (block,) = re.findall(r"```py\n(.*?onnxruntime.*?)```", PAGE.read_text(), flags=re.DOTALL)
    script = block + "\nimport sys\nassert not {'torch', 'alignscore_metric'} & set(sys.modules)\n"
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=bundled[0].parent, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    scores = [float(number) for number in re.findall(r"\d\.\d+", done.stdout)]
    assert len(scores) == 2
    assert scores[0] > scores[1]
