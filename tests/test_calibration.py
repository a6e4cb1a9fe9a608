"""What is reported of an aligner: measures, their intervals, and how probable probabilities are."""

import math
import random

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from sklearn.metrics import accuracy_score, log_loss, roc_auc_score
from torch.nn import functional
from transformers import AutoTokenizer

from alignscore_metric.checkpoint.aligner import Aligner
from alignscore_metric.training.calibration import fit_temperature
from alignscore_metric.training.data import IGNORED, AlignmentExample, encode_examples
from alignscore_metric.training.evaluation import (
    contexts_of,
    evaluate_dev,
    intervals,
    labels_of,
    mean_measure,
    measures,
    predict,
)

# --------------------------------------------------------------------------- measures


@given(st.lists(st.tuples(st.booleans(), st.integers(-3, 3)), min_size=1, max_size=40))
def test_measures_equal_those_of_scikit_learn(rows):
    labels, margins = np.array([int(a) for a, _ in rows]), np.array([b / 7 for _, b in rows])
    nothing = np.full(len(rows), IGNORED)
    outputs = {"bin": np.stack([0 * margins, margins], axis=1), "tri": None, "reg": None}
    found = measures(outputs, {"bin": labels, "tri": nothing, "reg": nothing})
    assert found["bin_accuracy"] == pytest.approx(accuracy_score(labels, margins > 0))
    if len(set(labels.tolist())) == 1:
        assert math.isnan(found["bin_auc"])
    else:
        assert found["bin_auc"] == pytest.approx(roc_auc_score(labels, margins), abs=1e-12)


def test_measures_of_a_model_that_has_diverged():
    nothing = np.full(4, IGNORED)
    outputs = {"bin": np.full((4, 2), np.nan), "tri": None, "reg": np.array([0, np.inf, 1, 2])}
    labels = {"bin": np.array([0, 1, 0, 1]), "tri": nothing, "reg": np.array([0, 0.3, 0.5, 1])}
    found = measures(outputs, labels)
    assert np.isnan([found["bin_auc"], found["reg_pearson"]]).all()
    assert np.isnan([*intervals(outputs, labels, np.arange(4))["bin_auc"]]).all()


def examples_of_all_heads() -> list[AlignmentExample]:
    draw = random.Random(0)  # noqa: S311  # draws data, not secrets
    words = "snow rain fell bridge closed council town monday open north".split()  # noqa: SIM905
    kinds = {"bin": (0, 1), "tri": (0, 1, 2), "reg": (0.0, 0.3, 0.9)}
    return [
        AlignmentExample(
            "d",
            " ".join(draw.choices(words, k=draw.randint(2, 30))),
            " ".join(draw.choices(words, k=4)),
            head,
            draw.choice(labels),
        )
        for head, labels in kinds.items()
        for _ in range(12)
    ]


@pytest.fixture(scope="module")
def model(tiny_aligner):
    return (
        Aligner.from_pretrained(tiny_aligner),
        AutoTokenizer.from_pretrained(tiny_aligner),
    )


def test_evaluate_dev_equals_a_loop_over_single_pairs(model):
    aligner, tokenizer = model
    examples = examples_of_all_heads()
    aligner.train()
    found = evaluate_dev(
        aligner,
        encode_examples(examples, tokenizer, max_length=512),
        precision="fp32",
        batch_tokens=200,
    )
    assert aligner.training
    aligner.eval()
    with torch.inference_mode():
        outputs = [aligner(**tokenizer(e.text_a, e.text_b, return_tensors="pt")) for e in examples]
    truth = [e.label for e in examples]
    margins = [float(o.bin[0, 1] - o.bin[0, 0]) for o in outputs[:12]]
    expected = {
        "rows": 36,
        "bin_accuracy": accuracy_score(truth[:12], [m > 0 for m in margins]),
        "bin_auc": roc_auc_score(truth[:12], margins),
        "tri_accuracy": accuracy_score(truth[12:24], [int(o.tri.argmax()) for o in outputs[12:24]]),
        "reg_pearson": stats.pearsonr(truth[24:], [float(o.reg) for o in outputs[24:]]).statistic,
    }
    assert found == pytest.approx(expected, abs=1e-5)


def test_predictions_do_not_depend_on_batches(model):
    aligner, tokenizer = model
    encoded = encode_examples(examples_of_all_heads(), tokenizer, max_length=512)
    one, many = (
        predict(aligner, encoded, precision="fp32", batch_tokens=tokens) for tokens in (1, 10_000)
    )
    for head, shape in {"bin": (36, 2), "tri": (36, 3), "reg": (36,)}.items():
        assert one[head].shape == shape
        np.testing.assert_allclose(one[head], many[head], atol=1e-5)
    rough = predict(aligner, encoded, precision="bf16")
    assert 1e-4 < np.abs(rough["bin"] - one["bin"]).max() < 1


NONE = np.full(200, IGNORED)


def noisy(seed: int = 0):
    """Outputs of 200 pairs for the head `bin` that are right more often than not."""
    draw = np.random.default_rng(seed)
    truth = draw.integers(0, 2, 200)
    logits = np.stack([np.zeros(200), draw.normal(truth - 0.5, 1.0)], axis=1)
    outputs = {"bin": logits, "tri": np.zeros((200, 3)), "reg": np.zeros(200)}
    return outputs, {"bin": truth, "tri": NONE, "reg": NONE}


def test_intervals_hold_the_measure_and_are_as_wide_as_theory_says():
    outputs, labels = noisy()
    found = measures(outputs, labels)
    ends = intervals(outputs, labels, np.arange(200))
    assert ends.keys() == {"bin_accuracy", "bin_auc"}
    right = round(200 * found["bin_accuracy"])
    wilson = stats.binomtest(right, 200).proportion_ci(method="wilson")
    assert ends["bin_accuracy"] == pytest.approx((wilson.low, wilson.high), abs=0.012)
    low, high = ends["bin_auc"]
    assert low < found["bin_auc"] < high
    assert ends == intervals(outputs, labels, np.arange(200))


def test_pairs_of_one_context_count_as_one():
    """Every pair three times over says nothing new."""
    outputs, labels = noisy()
    rows = np.tile(np.arange(200), 3)
    thrice = ({k: v[rows] for k, v in outputs.items()}, {k: v[rows] for k, v in labels.items()})
    once = intervals(outputs, labels, np.arange(200))
    together, apart = intervals(*thrice, rows), intervals(*thrice, np.arange(600))
    for name, ends in once.items():
        assert together[name] == pytest.approx(ends)
        assert np.diff(apart[name]) < 0.7 * np.diff(ends)


def test_contexts_are_told_apart_by_their_text(model):
    texts = ["It rained all day.", "It snowed.", "It rained all day.", "It hailed.", "It snowed."]
    examples = [
        AlignmentExample("d", text, f"Claim {k}.", "bin", 0) for k, text in enumerate(texts)
    ]
    found = contexts_of(encode_examples(examples, model[1], max_length=64)).tolist()
    assert [found.index(one) for one in found] == [texts.index(text) for text in texts]


def test_one_context_has_no_interval():
    outputs, labels = noisy()
    ends = intervals(outputs, labels, np.zeros(200, dtype=int))
    assert np.isnan([ends["bin_accuracy"], ends["bin_auc"]]).all()
    nothing = {"bin": NONE[:1], "tri": NONE[:1], "reg": np.array([0.5])}
    one = {"bin": np.array([[0.0, 1.0]]), "tri": np.zeros((1, 3)), "reg": np.zeros(1)}
    assert intervals(one, nothing, np.arange(1)) == {}


def test_too_many_resamples_of_one_class_leave_no_interval():
    """With four rows every eighth resample has one class alone, and no AUC."""
    outputs, labels = noisy()
    rows = (
        np.flatnonzero(labels["bin"])[:2].tolist() + np.flatnonzero(labels["bin"] == 0)[:2].tolist()
    )
    few = ({k: v[rows] for k, v in outputs.items()}, {k: v[rows] for k, v in labels.items()})
    assert np.isnan(intervals(*few, np.arange(4))["bin_auc"]).all()


def test_the_mean_measure_is_over_each_sets_main_measures():
    found = {
        "a": {"rows": 9.0, "bin_accuracy": 0.1, "bin_auc": 0.8},
        "b": {"rows": 9.0, "tri_accuracy": 0.6, "bin_accuracy": 0.2, "bin_auc": 0.7},
        "c": {"rows": 2.0, "reg_pearson": -0.1},
    }
    assert mean_measure(found) == pytest.approx((0.8 + 0.6 + 0.7 - 0.1) / 4)


def test_a_measure_that_is_undefined_does_not_count():
    """A set of positives alone has no AUC; the others still tell models apart."""
    found = {"a": {"bin_auc": math.nan}, "b": {"bin_auc": 0.75}}
    assert mean_measure(found) == 0.75
    assert math.isnan(mean_measure({"a": {"rows": 3.0}}))


# --------------------------------------------------------------------------- calibration


@pytest.mark.parametrize("classes", [2, 3])
@pytest.mark.parametrize("temperature", [0.4, 1.0, 3.0])
def test_the_fitted_temperature_is_the_one_that_made_the_labels(classes, temperature):
    draw = np.random.default_rng(1)
    logits = draw.normal(0, 3, (20_000, classes))
    p = torch.softmax(torch.tensor(logits / temperature), dim=1).numpy()
    labels = (p.cumsum(axis=1) < draw.random((20_000, 1))).sum(axis=1)
    found = fit_temperature(logits, labels)
    assert found.temperature == pytest.approx(temperature, rel=0.04)
    assert found.rows == 20_000
    assert found.ece_after < 0.015
    if temperature != 1:
        assert found.ece_before > 5 * found.ece_after


def test_calibration_against_torch_and_scikit_learn():
    """The likelihood's minimum, by Newton-like descent on the temperature itself."""
    draw = np.random.default_rng(2)
    logits = draw.normal(0, 2, (300, 3))
    labels = np.where(draw.random(300) < 0.6, logits.argmax(axis=1), draw.integers(0, 3, 300))
    found = fit_temperature(logits, labels)
    inverse = torch.tensor(1.0, dtype=torch.float64, requires_grad=True)
    optimiser = torch.optim.LBFGS([inverse], max_iter=200, tolerance_change=1e-12)

    def loss():
        optimiser.zero_grad()
        value = functional.cross_entropy(torch.tensor(logits) * inverse, torch.tensor(labels))
        value.backward()
        return value

    optimiser.step(loss)
    assert found.temperature == pytest.approx(1 / inverse.item(), rel=1e-3)
    for scale, nll in ((1.0, found.nll_before), (found.temperature, found.nll_after)):
        p = torch.softmax(torch.tensor(logits / scale), dim=1).numpy()
        assert nll == pytest.approx(log_loss(labels, p, labels=[0, 1, 2]), abs=1e-9)
    assert found.nll_after < found.nll_before


def ece_by_hand(probabilities, labels, bins) -> float:
    total = 0.0
    for b in range(bins):
        rows = [
            (max(p), max(p) == p[label])
            for p, label in zip(probabilities, labels, strict=True)
            if b / bins < max(p) <= (b + 1) / bins
        ]
        if rows:
            confidence = sum(c for c, _ in rows) / len(rows)
            accuracy = sum(right for _, right in rows) / len(rows)
            total += len(rows) * abs(accuracy - confidence)
    return total / len(labels)


@given(st.integers(0, 10_000), st.integers(2, 80), st.integers(2, 3))
def test_calibration_error_by_hand(seed, rows, classes):
    """Guo et al. 2017: 15 bins ((m - 1) / 15, m / 15] of the likeliest class's probability."""
    draw = np.random.default_rng(seed)
    logits = draw.normal(0, 2, (rows, classes))
    labels = draw.integers(0, classes, rows)
    found = fit_temperature(logits, labels)
    for scale, error in ((1.0, found.ece_before), (found.temperature, found.ece_after)):
        p = torch.softmax(torch.tensor(logits / scale), dim=1).tolist()
        assert error == pytest.approx(ece_by_hand(p, labels.tolist(), 15), abs=1e-9)


def test_calibration_error_of_certainty():
    sure = 1000 * np.array([[1.0, 0.0], [0.0, 1.0], [0.0, 1.0], [1.0, 0.0]])
    for labels, expected in (([0, 1, 1, 0], 0.0), ([0, 1, 1, 1], 0.25), ([1, 0, 0, 1], 1.0)):
        assert fit_temperature(sure, np.array(labels)).ece_before == expected


def test_labels_of_gives_arrays(model):
    encoded = encode_examples(examples_of_all_heads(), model[1], max_length=64)
    labels = labels_of(encoded)
    assert [(labels[head] != IGNORED).sum() for head in ("bin", "tri", "reg")] == [12, 12, 12]
