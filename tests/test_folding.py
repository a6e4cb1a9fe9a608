"""A temperature and a bias in a head's weights, and how the card tells of them."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.special import expit

from alignscore_metric.checkpoint.loading import load_checkpoint
from alignscore_metric.errors import ConfigurationError
from alignscore_metric.training.card import CARD, TrainingRun, TrainingSet, write_record
from alignscore_metric.training.folding import best_accuracy, fit, fold, scores_of
from alignscore_metric.training.run import save


def outputs_of(aligner) -> tuple[torch.Tensor, torch.Tensor]:
    torch.manual_seed(0)
    pooled = torch.randn(50, aligner.width)
    with torch.inference_mode():
        output = aligner.heads(pooled)
    return output.bin, output.tri


@pytest.mark.parametrize(("temperature", "bias"), [(1.0, 0.0), (2.5, 0.7), (0.5, -1.5)])
def test_a_fold_scales_and_shifts_the_logit_of_support(tiny_aligner, temperature, bias):
    aligner = load_checkpoint(tiny_aligner).aligner
    aligner.config.profile = replace(aligner.profile, head="bin", supported=1).to_dict()
    before, tri = outputs_of(aligner)
    fold(aligner, temperature=temperature, bias=bias)
    after, same = outputs_of(aligner)
    wanted = (before[:, 1] - before[:, 0]) / temperature + bias
    torch.testing.assert_close(after[:, 1] - after[:, 0], wanted, atol=1e-4, rtol=1e-4)
    assert torch.equal(tri, same)


def test_a_fold_of_three_classes(tiny_aligner):
    aligner = load_checkpoint(tiny_aligner).aligner
    aligner.config.profile = replace(aligner.profile, head="tri", supported=0).to_dict()
    _, before = outputs_of(aligner)
    fold(aligner, temperature=2.0, bias=0.5)
    _, after = outputs_of(aligner)
    torch.testing.assert_close(after, before / 2 + torch.tensor([0.5, 0.0, 0.0]))


@pytest.mark.parametrize(("head", "temperature"), [("reg", 1.0), ("bin", 0.0), ("bin", -1.0)])
def test_what_cannot_be_folded(tiny_aligner, head, temperature):
    aligner = load_checkpoint(tiny_aligner).aligner
    aligner.config.profile = aligner.profile.with_head(head).to_dict()
    with pytest.raises(ConfigurationError, match="a fold is of `bin` or `tri`, by a temperature"):
        fold(aligner, temperature=temperature, bias=0.0)


@pytest.mark.parametrize("seed", range(5))
def test_the_best_accuracy_is_that_of_the_best_of_all_thresholds(seed):
    rng = np.random.default_rng(seed)
    scores = rng.integers(0, 8, 40) / 8
    labels, weights = rng.integers(0, 2, 40), rng.random(40)
    weights /= weights.sum()
    wanted = max(
        weights[(scores > threshold) == (labels == 1)].sum()
        for threshold in (-1, *(np.arange(9) / 8 - 0.01), 2)
    )
    assert best_accuracy(scores, labels, weights) == pytest.approx(wanted)


@pytest.mark.parametrize("copied_weight", [0.0, 0.3])
def test_with_the_fold_that_is_found_one_half_is_the_best_threshold(copied_weight):
    rng = np.random.default_rng(1)
    labels = rng.integers(0, 2, 600)
    starts = np.concatenate([[0], np.cumsum(rng.integers(1, 4, 600))])
    of = np.repeat(np.arange(600), np.diff(starts))
    logits = 3.0 * labels[of] - 5.0 + 1.5 * rng.standard_normal(starts[-1])
    shares = np.clip(0.3 * labels[of] + 0.4 * rng.random(starts[-1]), 0, 1)
    found = fit(
        logits,
        shares,
        starts,
        labels,
        copied_weight=copied_weight,
        weights=np.ones(600),
        temperature=0.8,
    )
    scores = scores_of(logits / found.temperature + found.bias, shares, starts, copied_weight)
    right = [np.mean((scores > 0.5)[labels == one] == one) for one in (0, 1)]
    assert found.accuracy == pytest.approx(np.mean(right))
    assert found.best - found.accuracy <= 0.01
    assert found.temperature == 0.8
    raw = scores_of(logits, shares, starts, copied_weight)
    assert np.mean(raw[labels == 1] > 0.5) < 0.5 < np.mean(scores[labels == 1] > 0.5)


def test_scores_are_means_over_sentences():
    scores = scores_of(
        np.array([0.0, 2.0, -1.0]), np.array([1.0, 0.0, 0.5]), np.array([0, 2, 3]), 0.25
    )
    first = (0.75 * 0.5 + 0.25 + 0.75 * expit(2.0)) / 2
    assert scores.tolist() == pytest.approx([first, 0.75 * expit(-1.0) + 0.125])


def card_of(folder, loaded, licences) -> str:
    save(loaded.aligner, loaded.tokenizer, folder)
    sets = tuple(TrainingSet(f"set{i}", 5, one) for i, one in enumerate(licences))
    run = TrainingRun(
        name="x",
        encoder="e",
        sets=sets,
        dev={},
        steps=1,
        tokens=1,
        learning_rate=1.0,
        seed=1,
        precision="fp32",
        seconds=1.0,
    )
    write_record(folder, [run])
    return (folder / CARD).read_text(encoding="utf-8")


def test_the_card_tells_of_the_fold(tiny_aligner, tmp_path):
    loaded = load_checkpoint(tiny_aligner)
    assert "## 0.5" not in card_of(tmp_path, loaded, ["MIT"])
    values = {"temperature": 2.0, "bias": -0.5, "accuracy": 0.71, "best": 0.715}
    loaded.aligner.config.folded = values | {"head": "bin", "fitted_on": "SummaC val"}
    card = card_of(tmp_path, loaded, ["MIT"])
    assert "`bin` were divided by 2.000, and -0.500 was added" in card
    assert "balanced accuracy at 0.5 71.0 %, at the best threshold 71.5 %" in card
    assert json.loads((tmp_path / "config.json").read_text())["folded"]["bias"] == -0.5
    assert load_checkpoint(tmp_path).aligner.config.folded["temperature"] == 2.0


@pytest.mark.parametrize(
    ("licence", "limited"),
    [
        ("MIT", False),
        ("CC BY-SA 4.0", False),
        ("OANC; fiction under CC BY 3.0, CC BY-SA 3.0 or in the public domain", False),
        ("Apache-2.0", False),
        ("CC BY-NC 4.0", True),
        ("non-commercial research only", True),
        ("BBC copyright", True),
        ("not stated", True),
        ("none stated", True),
        ("Quora terms of service", True),
        ("mixed, not verified", True),
        ("Wikipedia, CC BY-SA 3.0; annotations not separately stated", True),
    ],
)
def test_the_card_names_licences_that_limit_what_may_be_done(
    tiny_aligner, tmp_path, licence, limited
):
    card = card_of(tmp_path, load_checkpoint(tiny_aligner), ["MIT", licence])
    assert (f"leave it open: {licence}." in card) == limited
    assert "as these licences allow." in card
