"""The classifier: its numbers, and what scikit-learn's own tools make of it."""

import math

import numpy as np
import pandas as pd
import pytest

from alignscore_metric import AlignScore, ConfigurationError, InputError

pytest.importorskip("sklearn", reason="needs the extra `sklearn`")

from sklearn.base import clone
from sklearn.calibration import _SigmoidCalibration
from sklearn.metrics import balanced_accuracy_score
from sklearn.model_selection import cross_val_predict, cross_val_score
from sklearn.utils.validation import check_is_fitted

from alignscore_metric.integrations.sklearn import AlignScoreClassifier


@pytest.fixture(scope="module")
def metric(tiny_aligner) -> AlignScore:
    return AlignScore(tiny_aligner, progress=False)


@pytest.fixture(scope="module")
def pairs(example_rows) -> list[tuple]:
    return [(row["source"], row["summary"]) for row in example_rows] * 2


@pytest.fixture(scope="module")
def labels(metric, pairs) -> np.ndarray:
    """As the scores have it, but for every fifth."""
    scores = np.array(metric.score(*map(list, zip(*pairs, strict=True))))
    assert len(set(scores.tolist())) > 10
    found = (scores > np.median(scores)).astype(int)
    found[::5] = 1 - found[::5]
    return found


def test_the_numbers_are_the_metrics(metric, pairs):
    sources, summaries = (list(column) for column in zip(*pairs, strict=True))
    expected = metric.score(sources, summaries)
    classifier = AlignScoreClassifier(metric)
    assert classifier.score_pairs(pairs).tolist() == pytest.approx(expected, abs=1e-6)
    frame = pd.DataFrame({"source": sources, "summary": summaries})
    assert classifier.score_pairs(frame).tolist() == pytest.approx(expected, abs=1e-6)


def test_the_threshold_is_the_best_one_there_is(metric, pairs, labels):
    classifier = AlignScoreClassifier(metric).fit(pairs, labels)
    scores = classifier.score_pairs(pairs)
    best = max(balanced_accuracy_score(labels, scores > t) for t in [-1.0, *scores])
    found = balanced_accuracy_score(labels, classifier.predict(pairs))
    assert found == pytest.approx(best)


def test_the_probabilities_are_platts_on_the_logit(metric, pairs, labels):
    classifier = AlignScoreClassifier(metric).fit(pairs, labels)
    scores = classifier.score_pairs(pairs)
    logits = np.log(scores / (1 - scores))
    expected = _SigmoidCalibration().fit(logits, labels).predict(logits)
    np.testing.assert_allclose(classifier.predict_proba(pairs)[:, 1], expected, atol=1e-4)


def test_cross_validation_fits_on_the_other_folds(metric, pairs, labels):
    classifier = AlignScoreClassifier(metric)
    found = cross_val_predict(classifier, pairs, labels, cv=2)
    half = len(pairs) // 2
    assert set(found.tolist()) <= {0, 1}
    assert not hasattr(classifier, "calibration_")
    scored = cross_val_score(classifier, pairs, labels, cv=2, scoring="roc_auc")
    assert (scored > 0.5).all()
    assert len(found) == 2 * half


def test_a_clone_shares_the_metric_and_is_not_fitted(metric, pairs, labels):
    fitted = AlignScoreClassifier(metric, objective="recall=0.9").fit(pairs, labels)
    copied = clone(fitted)
    assert copied.metric is metric
    assert copied.objective == "recall=0.9"
    with pytest.raises(ConfigurationError, match="call fit"):
        copied.predict(pairs)
    check_is_fitted(fitted)


def test_a_summary_without_a_sentence(metric, pairs, labels):
    fitted = AlignScoreClassifier(metric).fit(pairs, labels)
    assert fitted.predict([("It rained.", " ")]).tolist() == [0]
    assert all(map(math.isnan, fitted.predict_proba([("It rained.", " ")])[0]))


@pytest.mark.parametrize("row", ["ab", ("a",), 3, ("a", "b", "c")])
def test_what_is_no_pair_names_its_row(metric, row):
    with pytest.raises(InputError, match="row 1 is no pair"):
        AlignScoreClassifier(metric).score_pairs([("a", "b"), row])
