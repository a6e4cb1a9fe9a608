"""Tests of alignscore_metric.engine.precision: what `auto` chooses, against what it promises."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from sklearn.metrics import roc_auc_score

from alignscore_metric import AlignScore
from alignscore_metric.engine import precision
from alignscore_metric.engine.precision import choose, examples, has_bf16, remembered
from alignscore_metric.errors import ConfigurationError, NumericalError

CPU = torch.device("cpu")
FAITHFUL = [True, False, True, False]
EXACT = np.array([0.9, 0.1, 0.6, 0.4])


@pytest.fixture(autouse=True)
def own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr("huggingface_hub.constants.HF_HOME", str(tmp_path))
    return tmp_path / "alignscore-metric" / "precision.json"


@pytest.mark.parametrize(
    ("moved", "expected"),
    [
        ({"bf16": 0.004, "int8": 0.0}, "bf16"),  # the faster of two that will do
        ({"bf16": 0.006, "int8": 0.001}, "int8"),
        ({"bf16": 0.006, "int8": 0.2}, "fp32"),
        ({}, "fp32"),
    ],
)
def test_the_fastest_within_the_bounds(
    moved: dict[str, float], expected: str, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(precision, "faster_precisions", lambda device: iter(moved))
    found = choose(CPU, lambda name: EXACT + np.array([0, moved.get(name, 0), 0, 0]), FAITHFUL)
    assert found == expected


def test_an_auc_that_moves_is_too_much(monkeypatch: pytest.MonkeyPatch):
    """Two summaries whose scores are nearly equal change places."""
    near = np.array([0.9, 0.1, 0.4001, 0.4])
    monkeypatch.setattr(precision, "faster_precisions", lambda device: iter(["bf16"]))
    swapped = lambda name: near + np.array([0, 0, -0.0002, 0]) * (name == "bf16")  # noqa: E731
    assert choose(CPU, swapped, FAITHFUL) == "fp32"


def test_a_precision_that_overflows_is_passed_over(monkeypatch: pytest.MonkeyPatch):
    def score(name: str) -> np.ndarray:
        if name == "fp16":
            raise NumericalError("no finite score")
        return EXACT

    monkeypatch.setattr(precision, "faster_precisions", lambda device: iter(["fp16", "bf16"]))
    assert choose(CPU, score, FAITHFUL) == "bf16"


@pytest.mark.slow
def test_auto_keeps_its_promise(monkeypatch: pytest.MonkeyPatch, own_home: Path):
    """Few examples, for time; whatever this machine chooses must be within the bounds on them."""
    sources, summaries, faithful = (values[:6] for values in examples())
    some = sources, summaries, faithful
    monkeypatch.setattr("alignscore_metric.pipeline.examples", lambda: some)
    auto = AlignScore(device="cpu", precision="auto", progress=False)
    chosen = auto.signature.split("precision:")[1].split("|")[0]
    assert list(json.loads(own_home.read_text()).values()) == [chosen]
    exact = AlignScore(device="cpu", progress=False).score(sources, summaries)
    found = auto.score(sources, summaries)
    assert np.abs(np.subtract(found, exact)).max() <= 0.005
    assert roc_auc_score(faithful, found) == roc_auc_score(faithful, exact)
    same = AlignScore(device="cpu", precision=chosen, progress=False)
    assert same.signature == auto.signature
    assert same.score(sources, summaries) == found


def test_a_choice_is_made_once(own_home: Path):
    asked = []

    def find() -> str:
        asked.append(1)
        return "bf16"

    assert [remembered({"a": 1}, find) for _ in range(2)] == ["bf16"] * 2
    assert len(asked) == 1
    remembered({"a": 2}, find)
    assert len(asked) == 2
    for damage in ("", "[]", '{"{\\"a\\": 1}": "fp64"}', '{"{\\"a\\": 1}": [1]}'):
        own_home.write_text(damage)
        assert remembered({"a": 1}, find) == "bf16"
    assert len(asked) == 6


def test_a_home_that_cannot_be_written_to(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    (tmp_path / "file").write_text("")
    monkeypatch.setattr("huggingface_hub.constants.HF_HOME", str(tmp_path / "file"))
    assert remembered({}, lambda: "fp32") == "fp32"


def test_the_examples_are_those_of_the_repository():
    sources, summaries, faithful = examples()
    assert (len(sources), len(summaries), faithful.sum()) == (46, 46, 16)


def test_bf16_on_a_cpu_without_it(tiny_aligner: Path):
    """oneDNN is told to be on a CPU with AVX2 alone; torch then emulates what it lacks."""
    script = (
        "import sys; from alignscore_metric import AlignScore\n"
        "from alignscore_metric.engine.fused import _has_onednn; import torch\n"
        "for precision in ('fp32', 'bf16'):\n"
        "    metric = AlignScore(sys.argv[1], precision=precision, device='cpu', progress=False)\n"
        "    print(*metric.score(['The river rose.'] * 2, ['It rose.', 'The dam broke.']))\n"
        "print(_has_onednn(torch.device('cpu'), torch.bfloat16))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, str(tiny_aligner)],
        env=os.environ | {"ONEDNN_MAX_CPU_ISA": "AVX2", "ATEN_CPU_CAPABILITY": "avx2"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    exact, found, fused = done.stdout.splitlines()
    assert fused == "False"
    away = np.array(found.split(), float) - np.array(exact.split(), float)
    assert 0 < np.abs(away).max() <= 0.05


@pytest.mark.parametrize("device", ["meta", "xla", "hpu", "nonsense", ""])
def test_a_device_that_gives_no_numbers(tiny_aligner: Path, device: str):
    with pytest.raises(ConfigurationError, match=f"device '{device}' cannot be used here: ."):
        AlignScore(tiny_aligner, device=device)


@pytest.mark.parametrize("variable", ["ONEDNN_MAX_CPU_ISA", "DNNL_MAX_CPU_ISA"])
@pytest.mark.parametrize(("limit", "may"), [("AVX2", False), ("avx512_core", False), ("ALL", True)])
def test_bf16_is_not_chosen_where_its_instructions_are_held_back(
    monkeypatch: pytest.MonkeyPatch, variable: str, limit: str, *, may: bool
):
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {"avx512_bf16": True}, raising=False)
    for name in ("ONEDNN_MAX_CPU_ISA", "DNNL_MAX_CPU_ISA"):  # the tests themselves may run so
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv(variable, limit)
    assert has_bf16() == may


def test_an_unknown_precision():
    with pytest.raises(ConfigurationError, match="known precisions: fp32, bf16, fp16, int8, auto"):
        AlignScore(precision="fp64")
