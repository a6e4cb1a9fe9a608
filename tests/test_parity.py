"""Parity: the scores of the reference implementation (AlignScore 0.1.3, fp32, CPU), to 1e-5.

The fixture is a small random checkpoint in the official layout; see shared/parity/README.md.
"""

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from alignscore_metric.checkpoint.conversion import convert
from alignscore_metric.checkpoint.profile import MODES
from alignscore_metric.checkpoint.signature import Signature
from alignscore_metric.engine.engine import Engine, TruncationWarning
from alignscore_metric.metric import AlignScore

SPLITTING = ("chunks", "chunk_words", "sentences")
TOLERANCE = 1e-5
Pairs = tuple[list[str], list[str]]


@pytest.fixture(scope="module")
def fixture(shared: Path) -> Path:
    return shared / "parity" / "tiny-roberta"


@pytest.fixture(scope="module")
def official(fixture: Path) -> Path:
    return fixture / "AlignScore-tiny.ckpt"


@pytest.fixture(scope="module")
def converted(official: Path, fixture: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("converted") / "aligner"
    convert(official, folder, backbone=fixture)
    return folder


@pytest.fixture(scope="module")
def classifier(official: Path, fixture: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("converted") / "classifier"
    convert(official, folder, backbone=fixture, to_classifier=True)
    return folder


@pytest.fixture(scope="module")
def pairs(fixture: Path) -> Pairs:
    text = (fixture / "pairs.jsonl").read_text("utf-8")
    rows = [json.loads(line) for line in text.split("\n") if line]
    return [row["source"] for row in rows], [row["summary"] for row in rows]


@pytest.fixture(scope="module")
def expected(fixture: Path) -> dict[str, np.ndarray]:
    modes = json.loads((fixture / "expected.json").read_text("utf-8"))["modes"]
    return {mode: np.array(scores) for mode, scores in modes.items()}


def assert_parity(metric: AlignScore, pairs: Pairs, wanted: np.ndarray) -> None:
    difference = np.abs(np.array(metric.score(*pairs)) - wanted)
    assert difference.shape == (64,)
    assert np.ptp(wanted) > 0.2  # scores that differ: a constant would not pass
    worst = int(difference.argmax())
    assert difference.max() <= TOLERANCE, f"off by {difference.max():.2e}, most in pair {worst}"


pytestmark = [
    pytest.mark.usefixtures("nltk_data"),
    pytest.mark.filterwarnings("ignore::alignscore_metric.engine.engine.TruncationWarning"),
]


@pytest.mark.parametrize(
    ("mode", "batch_tokens"), [*((mode, 16384) for mode in MODES), ("nli_sp", 600), ("nli", 1)]
)
def test_scores_equal_the_references(
    official: Path,
    fixture: Path,
    pairs: Pairs,
    expected: dict[str, np.ndarray],
    mode: str,
    batch_tokens: int,
):
    metric = AlignScore(
        official,
        backbone=fixture,
        mode=mode,
        device="cpu",
        batch_tokens=batch_tokens,
        progress=False,
    )
    assert_parity(metric, pairs, expected[mode])
    signature = Signature.parse(metric.signature)
    split = mode.endswith("_sp")
    assert signature.model == "AlignScore-tiny"
    assert signature.splitter.startswith("nltk_punkt") == split
    assert (signature.chunk, signature.claims) == (("350", "sentences"), ("whole", "whole"))[
        not split
    ]
    assert signature.length == "512"


def test_alignscores_own_mode_is_the_default(official: Path, fixture: Path):
    by_default = AlignScore(official, backbone=fixture, device="cpu", progress=False)
    assert by_default.profile == by_default.profile.with_mode("nli_sp")


@pytest.mark.parametrize("mode", MODES)
def test_a_converted_folder_scores_the_same(
    converted: Path, pairs: Pairs, expected: dict[str, np.ndarray], mode: str
):
    metric = AlignScore(converted, mode=mode, device="cpu", progress=False)
    assert_parity(metric, pairs, expected[mode])


def test_a_converted_classifier_scores_the_same(
    classifier: Path, pairs: Pairs, expected: dict[str, np.ndarray]
):
    """Loaded by this package; by transformers and sentence-transformers in test_convert."""
    for mode in ("nli_sp", "nli"):
        metric = AlignScore(classifier, mode=mode, device="cpu", progress=False)
        assert_parity(metric, pairs, expected[mode])


def test_a_classifier_by_transformers_alone(
    classifier: Path, pairs: Pairs, expected: dict[str, np.ndarray]
):
    """Mode `nli`, in which nothing is split, with nothing of this package."""
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(classifier)
    model = AutoModelForSequenceClassification.from_pretrained(classifier).eval()
    kept, scores = [], []
    for row, (source, summary) in enumerate(zip(*pairs, strict=True)):
        if len(tokenizer(summary, add_special_tokens=False)["input_ids"]) >= 508:
            continue  # the reference cuts such a pair otherwise
        inputs = tokenizer(
            source, summary, truncation="only_first", max_length=512, return_tensors="pt"
        )
        with torch.no_grad():
            scores.append(float(model(**inputs).logits.softmax(dim=-1)[0, 0]))
        kept.append(row)
    assert len(kept) > 55
    assert np.abs(np.array(scores) - expected["nli"][kept]).max() <= TOLERANCE


def test_the_count_of_truncated_pairs(official: Path, fixture: Path, pairs: Pairs):
    """In a mode that does not split, by a count of the tokenizer's own tokens."""
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(fixture)
    distinct = set(zip(*pairs, strict=True))
    long = sum(len(tokenizer(*pair, verbose=False)["input_ids"]) > 512 for pair in distinct)
    assert 0 < long < len(distinct)
    metric = AlignScore(official, backbone=fixture, mode="nli", device="cpu", progress=False)
    with pytest.warns(TruncationWarning, match=rf"^{long} of {len(distinct)} \(source, summary\)"):
        metric.score(*pairs)


def test_splitting_equals_the_references(
    official: Path, fixture: Path, pairs: Pairs, monkeypatch: pytest.MonkeyPatch
):
    """Chunks per source, words per chunk, sentences per summary."""
    monkeypatch.setattr(Engine, "score", lambda _, chunks, sentences, pairs: np.zeros(len(pairs)))
    expected = json.loads((fixture / "expected.json").read_text("utf-8"))["splitting"]
    metric = AlignScore(official, backbone=fixture, device="cpu", progress=False)
    table = metric.evaluate(*pairs).table
    found = []
    for row in range(len(table)):
        first, last = table.example_sentences[row : row + 2]
        cells = table.cells[table.sentence_cells[first] : table.sentence_cells[first + 1]]
        chunks = [table.chunks[table.pairs[cell, 0]] for cell in cells]
        found.append((len(chunks), [len(chunk.split()) for chunk in chunks], int(last - first)))
    assert found == [tuple(row[key] for key in SPLITTING) for row in expected]
