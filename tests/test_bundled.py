"""The aligner that ships: its size, that it is trained, that it needs nothing from outside."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from safetensors import safe_open
from sklearn.metrics import roc_auc_score

from alignscore_metric import AlignScore
from alignscore_metric.checkpoint.loading import BUNDLED

ROOT = Path(__file__).resolve().parents[1]
EXAMPLES = [
    json.loads(line)
    for line in (ROOT / "examples" / "examples.jsonl").read_text(encoding="utf-8").splitlines()
]

WITHOUT_NETWORK = """
import socket, sys
def refuse(*args, **kwargs):
    raise OSError("this test has no network")
socket.socket.connect = socket.socket.connect_ex = socket.getaddrinfo = refuse
from alignscore_metric.commands.main import main
sys.exit(main(["score", *sys.argv[1:], "-o", "-", "--quiet"]))
"""


@pytest.fixture(scope="module")
def metric() -> AlignScore:
    return AlignScore(progress=False)


def test_weights_are_half_precision_and_small() -> None:
    weights = BUNDLED["mini"] / "model.safetensors"
    assert weights.stat().st_size <= 46_000_000
    with safe_open(weights, "pt") as tensors:
        names = list(tensors.keys())
        shapes = [tensors.get_slice(name).get_shape() for name in names]
        assert {tensors.get_slice(name).get_dtype() for name in names} == {"F16"}
    assert sum(int(np.prod(shape)) for shape in shapes) <= 23_000_000


def test_the_card_names_every_set_and_its_licence() -> None:
    card = (BUNDLED["mini"] / "README.md").read_text(encoding="utf-8")
    table = card.split("## Training data")[1].split("##")[0]
    rows = [line.split("|")[1:6] for line in table.splitlines() if line.startswith("| ")][1:]
    assert len(rows) >= 10
    for name, pairs, _, _, licence in rows:
        assert int(pairs.replace(",", "")) > 0, name
        assert licence.strip(), name
        assert "ND" not in licence.split("-"), name


@pytest.mark.slow
def test_a_summary_scores_higher_with_its_own_source(metric: AlignScore) -> None:
    faithful = [example for example in EXAMPLES if example["faithful"]]
    sources = [example["source"] for example in faithful]
    summaries = [example["summary"] for example in faithful]
    own = metric.score(sources, summaries)
    other = metric.score(sources[1:] + sources[:1], summaries)
    assert roc_auc_score([1] * len(own) + [0] * len(other), own + other) > 0.9


@pytest.mark.parametrize("head", ["bin", "tri", "reg"])
def test_every_head_is_trained(metric: AlignScore, head: str) -> None:
    read = AlignScore(head=head, progress=False)
    source = "A man in a red shirt is playing the guitar on a stage."
    supported, contradicted = read.score(
        [source] * 2, ["A man is playing the guitar.", "A woman is asleep in her bed."]
    )
    assert supported > 0.5
    assert contradicted < 0.5
    assert supported - contradicted > 0.2


def test_an_empty_source_supports_nothing(metric: AlignScore) -> None:
    summaries = [example["summary"] for example in EXAMPLES if example["faithful"]]
    empty = metric.score([""] * len(summaries), summaries)
    assert max(empty) < 0.2


@pytest.mark.slow
def test_scores_without_network_equal_scores_with_it(
    metric: AlignScore, few_examples: Path
) -> None:
    rows = few_examples / "examples" / "examples.jsonl"
    run = subprocess.run(
        [sys.executable, "-c", WITHOUT_NETWORK, rows],
        capture_output=True,
        text=True,
        check=True,
        env=os.environ | {"HF_HUB_OFFLINE": "0"},
    )
    offline = [json.loads(line)["alignscore"] for line in run.stdout.splitlines()]
    examples = [json.loads(line) for line in rows.read_text(encoding="utf-8").splitlines()]
    online = metric.score([e["source"] for e in examples], [e["summary"] for e in examples])
    assert len(offline) == 6
    assert offline == online


HEAVY = "transformers nltk scipy sklearn pandas datasets pyarrow huggingface_hub".split()  # noqa: SIM905
ONE_PAIR = """
import sys
from alignscore_metric import AlignScore
AlignScore().score(["It rained. Nobody left."], ["It rained."])
print(*sorted(sys.modules))
from alignscore_metric.commands.main import main
main(["explain", "--source-text", "It rained. Nobody left.", "--summary-text", "It rained."])
print(*sorted(sys.modules))
"""


def test_scoring_a_pair_imports_torch_and_little_else() -> None:
    command = [sys.executable, "-c", ONE_PAIR]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    lines = done.stdout.splitlines()
    for modules in (lines[0], lines[-1]):
        assert {"torch", "tokenizers", "alignscore_metric.engine.engine"} <= set(modules.split())
        assert not set(HEAVY) & set(modules.split())


def test_the_examples_are_what_their_page_says() -> None:
    lengths = {}
    for example in EXAMPLES:
        source = example["source"]
        text = source if isinstance(source, str) else " ".join(source)
        lengths[example["id"].split("/")[0]] = len(text.split())
        assert example["faithful"] == (not example["errors"])
        assert all(error["text"] in example["summary"] for error in example["errors"])
    assert len(lengths) >= 12
    assert all(100 <= words <= 1500 for words in lengths.values())
    assert max(lengths.values()) > 1000
