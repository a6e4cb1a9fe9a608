"""Parity: the scores of the reference implementation (AlignScore 0.1.3, fp32, CPU), to 1e-5.

The fixture is a small random checkpoint in the official layout; see shared/parity/README.md.
"""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import AutoTokenizer

from alignscore_metric.aligner import Aligner, AlignerConfig
from alignscore_metric.engine import Engine
from alignscore_metric.metric import AlignScore
from alignscore_metric.signature import Signature

SPLITTING = ("chunks", "chunk_words", "sentences")
MODES = {"tri": "nli_sp", "bin": "bin_sp", "reg": "reg_sp"}
TOLERANCE = 1e-5


@pytest.fixture(scope="module")
def fixture(shared: Path) -> Path:
    return shared / "parity" / "tiny-roberta"


@pytest.fixture(scope="module")
def official(fixture: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The official checkpoint as a saved aligner with the default profile, AlignScore's."""
    weights = torch.load(fixture / "AlignScore-tiny.ckpt", weights_only=True)["state_dict"]
    kept = {
        name.replace("base_model.", "encoder.", 1): tensor
        for name, tensor in weights.items()
        if not name.startswith("mlm_head.") and not name.endswith("position_ids")
    }
    backbone = json.loads((fixture / "config.json").read_text("utf-8"))
    aligner = Aligner(AlignerConfig(backbone=backbone, pooling="pooler", head_dropout=0.1))
    aligner.load_state_dict(kept, strict=True)
    folder = tmp_path_factory.mktemp("official")
    aligner.save_pretrained(folder)
    AutoTokenizer.from_pretrained(fixture).save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def pairs(fixture: Path) -> tuple[list[str], list[str]]:
    text = (fixture / "pairs.jsonl").read_text("utf-8")
    rows = [json.loads(line) for line in text.split("\n") if line]
    return [row["source"] for row in rows], [row["summary"] for row in rows]


@pytest.mark.usefixtures("nltk_data")
@pytest.mark.filterwarnings("ignore::alignscore_metric.engine.TruncationWarning")
@pytest.mark.parametrize(
    ("head", "batch_tokens"), [("tri", 16384), ("bin", 16384), ("reg", 16384), ("tri", 512)]
)
def test_scores_equal_the_references(
    official: Path,
    fixture: Path,
    pairs: tuple[list[str], list[str]],
    head: str,
    batch_tokens: int,
):
    expected = json.loads((fixture / "expected.json").read_text("utf-8"))["modes"][MODES[head]]
    metric = AlignScore(
        official, head=head, device="cpu", batch_tokens=batch_tokens, progress=False
    )
    signature = Signature.parse(metric.signature)
    assert signature.splitter.startswith("nltk_punkt")
    assert (signature.chunk, signature.length) == ("350", "512")
    difference = np.abs(np.array(metric.score(*pairs)) - np.array(expected))
    assert difference.shape == (64,)
    assert np.ptp(expected) > 0.2  # scores that differ: a constant would not pass
    worst = int(difference.argmax())
    assert difference.max() <= TOLERANCE, f"off by {difference.max():.2e}, most in pair {worst}"


@pytest.mark.usefixtures("nltk_data")
def test_splitting_equals_the_references(
    official: Path,
    fixture: Path,
    pairs: tuple[list[str], list[str]],
    monkeypatch: pytest.MonkeyPatch,
):
    """Chunks per source, words per chunk, sentences per summary."""
    monkeypatch.setattr(Engine, "score", lambda _, chunks, sentences, pairs: np.zeros(len(pairs)))
    expected = json.loads((fixture / "expected.json").read_text("utf-8"))["splitting"]
    table = AlignScore(official, device="cpu", progress=False).evaluate(*pairs).table
    found = []
    for row in range(len(table)):
        first, last = table.example_sentences[row : row + 2]
        cells = table.cells[table.sentence_cells[first] : table.sentence_cells[first + 1]]
        chunks = [table.chunks[table.pairs[cell, 0]] for cell in cells]
        found.append((len(chunks), [len(chunk.split()) for chunk in chunks], int(last - first)))
    assert found == [tuple(row[key] for key in SPLITTING) for row in expected]
