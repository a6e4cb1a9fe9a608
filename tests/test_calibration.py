"""What is reported of an aligner: measures, their intervals, and how probable probabilities are."""

import math
import random

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import pearsonr
from sklearn.metrics import accuracy_score, log_loss, roc_auc_score
from torch.nn import functional
from transformers import AutoTokenizer

from alignscore_metric.checkpoint.aligner import Aligner
from alignscore_metric.training.calibration import calibrate, expected_calibration_error
from alignscore_metric.training.data import IGNORED, AlignmentExample, encode_examples
from alignscore_metric.training.evaluation import (
    evaluate_dev,
    intervals,
    labels_of,
    mean_measure,
    measures,
    predict,
    roc_auc,
)

# --------------------------------------------------------------------------- measures


@given(st.lists(st.tuples(st.booleans(), st.integers(-3, 3)), min_size=2, max_size=40))
def test_roc_auc_equals_scikit_learn(rows):
    labels, scores = np.array([int(a) for a, _ in rows]), np.array([b / 7 for _, b in rows])
    if len(set(labels.tolist())) == 1:
        assert math.isnan(roc_auc(labels, scores))
    else:
        assert roc_auc(labels, scores) == pytest.approx(roc_auc_score(labels, scores), abs=1e-12)


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
        Aligner.from_pretrained(tiny_aligner, dtype=torch.float32),
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
        "reg_pearson": pearsonr(truth[24:], [float(o.reg) for o in outputs[24:]]).statistic,
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
    ends = intervals(outputs, labels, resamples=2000)
    assert ends.keys() == {"bin_accuracy", "bin_auc"}
    p = found["bin_accuracy"]
    half = 1.96 * math.sqrt(p * (1 - p) / 200)  # binomial
    assert ends["bin_accuracy"] == pytest.approx((p - half, p + half), abs=0.012)
    low, high = ends["bin_auc"]
    assert low < found["bin_auc"] < high
    assert ends == intervals(outputs, labels, resamples=2000)


def test_intervals_of_one_row():
    """No resample of it differs: nothing is known of the spread."""
    outputs = {"bin": np.array([[0.0, 1.0]]), "tri": np.zeros((1, 3)), "reg": np.zeros(1)}
    labels = {"bin": np.array([1]), "tri": NONE[:1], "reg": NONE[:1]}
    ends = intervals(outputs, labels)
    assert ends["bin_accuracy"] == (1.0, 1.0)
    assert np.isnan(ends["bin_auc"]).all()
    assert intervals(outputs, {"bin": NONE[:1], "tri": NONE[:1], "reg": np.array([0.5])}) == {}


def test_intervals_pass_over_resamples_of_one_class():
    """With four rows every eighth resample has one class alone, and no AUC."""
    outputs, labels = noisy()
    rows = (
        np.flatnonzero(labels["bin"])[:2].tolist() + np.flatnonzero(labels["bin"] == 0)[:2].tolist()
    )
    few = ({k: v[rows] for k, v in outputs.items()}, {k: v[rows] for k, v in labels.items()})
    low, high = intervals(*few)["bin_auc"]
    assert 0 <= low <= measures(*few)["bin_auc"] <= high <= 1


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
    found = calibrate(logits, labels)
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
    found = calibrate(logits, labels)
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


@given(st.integers(0, 10_000), st.integers(1, 80), st.integers(2, 4), st.integers(1, 20))
def test_calibration_error_by_hand(seed, rows, classes, bins):
    draw = np.random.default_rng(seed)
    probabilities = draw.dirichlet([0.5] * classes, rows)
    labels = draw.integers(0, classes, rows)
    found = expected_calibration_error(probabilities, labels, bins=bins)
    expected = ece_by_hand(probabilities.tolist(), labels.tolist(), bins)
    assert found == pytest.approx(expected, abs=1e-9)


def test_bins_hold_their_upper_ends():
    """Guo et al. 2017: ((m - 1) / M, m / M]. One bin of 0.75 (right) and 0.6 (wrong), not two."""
    probabilities = np.array([[0.75, 0.25], [0.4, 0.6]])
    found = expected_calibration_error(probabilities, np.array([0, 0]), bins=4)
    assert found == pytest.approx(abs(1 - 1.35) / 2)


def test_calibration_error_of_certainty():
    sure = np.array([[1.0, 0.0], [0.0, 1.0], [0.0, 1.0], [1.0, 0.0]])
    assert expected_calibration_error(sure, np.array([0, 1, 1, 0])) == 0.0
    assert expected_calibration_error(sure, np.array([0, 1, 1, 1])) == 0.25
    assert expected_calibration_error(sure, np.array([1, 0, 0, 1])) == 1.0


def test_labels_of_gives_arrays(model):
    encoded = encode_examples(examples_of_all_heads(), model[1], max_length=64)
    labels = labels_of(encoded)
    assert [(labels[head] != IGNORED).sum() for head in ("bin", "tri", "reg")] == [12, 12, 12]
