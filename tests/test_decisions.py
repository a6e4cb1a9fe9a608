"""Calibration, thresholds, the guarantee, reliability: against scikit-learn, scipy, theory.

Then what the metric, its profile and the commands `calibrate` and `predict` make of them.
"""

import csv
import json
import math
import re
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import betabinom, chisquare
from sklearn.calibration import calibration_curve
from sklearn.isotonic import IsotonicRegression
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import (
    balanced_accuracy_score,
    brier_score_loss,
    precision_recall_curve,
    precision_score,
    recall_score,
    roc_curve,
)

from alignscore_metric import AlignScore, ConfigurationError, InputError
from alignscore_metric.checkpoint.profile import Profile
from alignscore_metric.checkpoint.signature import Signature
from alignscore_metric.commands.main import main
from alignscore_metric.files import tables
from alignscore_metric.files.growing import GrowingTable
from alignscore_metric.files.scoring import predict_file, score_file
from alignscore_metric.files.tables import read_table
from alignscore_metric.report.plots import plot_reliability
from alignscore_metric.scores.decisions import (
    Calibration,
    Rates,
    brier_score,
    conformal_threshold,
    equal_weights,
    fit_calibration,
    fit_threshold,
    parse_objective,
    reliability,
)


def sample(seed: int, rows: int = 300, *, ties: bool = False):
    """Scores with labels that are likelier 1 where the score is higher, and row weights."""
    draw = np.random.default_rng(seed)
    scores = draw.beta(1.5, 1.2, rows)
    scores = np.round(scores, 1) if ties else scores
    labels = (draw.random(rows) < 0.1 + 0.8 * scores**2).astype(int)
    labels[:2] = 0, 1
    return scores, labels, draw.integers(1, 4, rows).astype(float)


# ------------------------------------------------------------ probabilities


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("weighted", [False, True])
def test_logistic_calibration_against_scikit_learn(seed, weighted):
    """Platt's targets t are the labels of two copies of each row, weighted t and 1 - t."""
    scores, labels, weights = sample(seed)
    weights = weights / weights.mean() if weighted else np.ones_like(weights)
    found = fit_calibration(scores, labels, weights=weights if weighted else None)
    good, bad = weights[labels == 1].sum(), weights[labels == 0].sum()
    targets = np.where(labels == 1, (good + 1) / (good + 2), 1 / (bad + 2))
    logits = np.log(scores / (1 - scores))[:, None]
    expected = LogisticRegression(C=1e12, tol=1e-12, max_iter=10_000).fit(
        np.tile(logits, (2, 1)),
        np.repeat([1, 0], len(scores)),
        sample_weight=np.concatenate([weights * targets, weights * (1 - targets)]),
    )
    assert found.method == "logistic"
    assert found.slope == pytest.approx(expected.coef_[0, 0], abs=1e-4)
    assert found.intercept == pytest.approx(expected.intercept_[0], abs=1e-4)
    np.testing.assert_allclose(
        found.probabilities(scores), expected.predict_proba(logits)[:, 1], atol=1e-5
    )


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("ties", [False, True])
@pytest.mark.parametrize("weighted", [False, True])
def test_isotonic_calibration_against_scikit_learn(seed, ties, weighted):
    scores, labels, weights = sample(seed, ties=ties)
    given_weights = weights if weighted else None
    found = fit_calibration(scores, labels, method="isotonic", weights=given_weights)
    expected = IsotonicRegression(out_of_bounds="clip").fit(scores, labels, given_weights)
    grid = np.concatenate([np.linspace(-0.2, 1.2, 200), scores])
    np.testing.assert_allclose(found.probabilities(grid), expected.predict(grid), atol=1e-9)
    assert found.method == "isotonic"
    assert len(found.knots) < len(np.unique(scores)) or ties


def test_separated_labels_have_a_finite_line():
    scores = np.linspace(0.01, 0.99, 40)
    found = fit_calibration(scores, scores > 0.5)
    assert 0 < found.slope < 100
    p = found.probabilities([0.0, 0.2, 0.8, 1.0])
    assert np.all(np.diff(p) > 0)
    assert np.isfinite(p).all()


def test_known_probabilities_are_found_again():
    """Labels drawn from a line in the logit: the fit finds it, and the error vanishes."""
    draw = np.random.default_rng(0)
    scores = draw.random(40_000)
    p = 1 / (1 + np.exp(-(0.5 * np.log(scores / (1 - scores)) - 1)))
    labels = draw.random(len(p)) < p
    found = fit_calibration(scores[::2], labels[::2])
    assert found.slope == pytest.approx(0.5, abs=0.03)
    assert found.intercept == pytest.approx(-1, abs=0.05)
    assert reliability(scores[1::2], labels[1::2]).error > 0.1
    for one in (found, fit_calibration(scores[::2], labels[::2], method="isotonic")):
        assert reliability(one.probabilities(scores[1::2]), labels[1::2]).error < 0.02


def test_undefined_scores_are_left_out_of_fits_and_never_judged_consistent():
    scores, labels, weights = sample(1)
    gaps = [0, 7, 300]
    with_gaps = [np.insert(values, gaps, gap) for values, gap in
                 ((scores, np.nan), (labels, 1), (weights, 2))]  # fmt: skip
    for method in ("logistic", "isotonic"):
        found = fit_calibration(*with_gaps[:2], method=method, weights=with_gaps[2])
        expected = fit_calibration(scores, labels, method=method, weights=weights)
        assert found.rows == 300
        assert found.thresholds == expected.thresholds
        np.testing.assert_allclose(found.probabilities(scores), expected.probabilities(scores))
        assert np.isnan(found.probabilities([np.nan, 0.5])).tolist() == [True, False]
        for objective in (*found.thresholds, "probability=0.01"):
            assert found.decide([np.nan, 1.0], objective).tolist() == [False, True]


def test_equal_weights_give_every_group_the_same_sum():
    groups = np.array(["b"] * 5 + ["a"] * 2 + ["c"])
    weights = equal_weights(groups)
    assert [weights[groups == name].sum() for name in "abc"] == pytest.approx([8 / 3] * 3)
    assert weights.mean() == pytest.approx(1)


# ------------------------------------------------------------ thresholds


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("ties", [False, True])
def test_balanced_accuracy_is_highest_at_its_threshold(seed, ties):
    scores, labels, weights = sample(seed, 80, ties=ties)
    for given_weights in (None, weights):
        found = fit_threshold(scores, labels, "balanced_accuracy", weights=given_weights)
        false_rate, true_rate, _ = roc_curve(
            labels, scores, sample_weight=given_weights, drop_intermediate=False
        )
        best = (true_rate - false_rate).max() / 2 + 0.5

        def accuracy(threshold, given_weights=given_weights):
            return balanced_accuracy_score(labels, scores > threshold, sample_weight=given_weights)

        assert accuracy(found) == pytest.approx(best)
        lower = [t for t in (-1, *np.unique(scores)) if t < found]
        assert max(map(accuracy, lower)) < best - 1e-9


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("ties", [False, True])
@pytest.mark.parametrize("level", [0.5, 0.6, 0.75])
def test_fixed_precision_and_recall(seed, ties, level):
    """scikit-learn's curve: its thresholds are reached, not exceeded."""
    scores, labels, weights = sample(seed, 80, ties=ties)
    for w in (None, weights):
        precision, recall, reached = precision_recall_curve(labels, scores, sample_weight=w)
        found = fit_threshold(scores, labels, f"precision={level}", weights=w)
        lowest = reached[np.flatnonzero(precision[:-1] >= level)[0]]
        assert (scores > found).tolist() == (scores >= lowest).tolist()
        assert precision_score(labels, scores > found, sample_weight=w) >= level
        found = fit_threshold(scores, labels, f"recall={level}", weights=w)
        highest = reached[np.flatnonzero(recall[:-1] >= level)[-1]]
        assert (scores > found).tolist() == (scores >= highest).tolist()
        assert recall_score(labels, scores > found, sample_weight=w) >= level


def test_a_precision_out_of_reach():
    scores = np.linspace(0, 1, 40)
    labels = np.tile([1, 0], 20)  # the highest score's label is 0
    with pytest.raises(InputError, match=r"no threshold has a precision of 0\.9.*highest is 0\.5"):
        fit_threshold(scores, labels, "precision=0.9")


@pytest.mark.parametrize(("n", "rate"), [(19, 0.1), (60, 0.1), (20, 0.3), (9, 0.1), (199, 0.05)])
def test_conformal_coverage_is_that_of_theory(n, rate):
    """Of 50 new summaries, as many pass as the beta-binomial distribution says; on average fewer
    than the rate. Angelopoulos and Bates 2021, section 3.2."""
    draw = np.random.default_rng(n)
    trials, new = 4000, 50
    passed = np.empty(trials, dtype=int)
    for trial in range(trials):
        scores = draw.beta(2, 3, n + new)
        passed[trial] = (scores[n:] > conformal_threshold(scores[:n], rate)).sum()
    k = math.ceil(round((n + 1) * (1 - rate), 9))
    theory = betabinom(new, n + 1 - k, k)
    assert theory.mean() <= new * rate + 1e-9
    assert passed.mean() == pytest.approx(theory.mean(), abs=4 * theory.std() / trials**0.5)
    top = int(theory.ppf(0.97))
    counts = np.bincount(np.minimum(passed, top), minlength=top + 1)
    expected = trials * np.append(theory.pmf(range(top)), theory.sf(top - 1))
    assert chisquare(counts, expected).pvalue > 1e-3


@pytest.mark.parametrize("rate", [0.01, 0.05, 0.07, 0.1, 0.2, 0.3])
def test_a_guarantee_needs_enough_rows(rate):
    least = math.ceil(round(1 / rate, 9)) - 1
    assert conformal_threshold(np.arange(least), rate) == least - 1
    with pytest.raises(InputError, match=rf"needs {least} inconsistent.*there are {least - 1}"):
        conformal_threshold(np.arange(least - 1), rate)


def test_the_guarantee_is_of_inconsistent_rows_and_all_rows_count_the_same():
    scores, labels, weights = sample(2)
    found = fit_threshold(scores, labels, "miss_rate=0.1", weights=weights)
    assert found == conformal_threshold(scores[labels == 0], 0.1)
    passing = (scores[labels == 0] > found).mean()
    assert 0.07 < passing <= 0.1
    assert fit_calibration(scores, labels).thresholds["miss_rate=0.1"] == found


@pytest.mark.parametrize(
    ("objective", "parsed"),
    [
        ("precision=0.9", ("precision", 0.9)),
        ("recall=.25", ("recall", 0.25)),
        ("miss_rate=5e-2", ("miss_rate", 0.05)),
        ("probability=0.5", ("probability", 0.5)),
    ],
)
def test_objectives(objective, parsed):
    assert parse_objective(objective) == parsed


@pytest.mark.parametrize(
    "objective",
    ["", "f1", "precision", "precision=", "precision=x", "precision=0", "recall=1", "recall=nan",
     "miss_rate=-1", "balanced_accuracy=0.5", "=0.5"],
)  # fmt: skip
def test_what_is_no_objective(objective):
    with pytest.raises(ConfigurationError, match="give one of: balanced_accuracy, precision=X"):
        parse_objective(objective)


# ------------------------------------------------------------ how good probabilities are


@given(st.integers(0, 10_000), st.integers(5, 60), st.integers(1, 12), st.booleans())
def test_reliability_against_scikit_learn(seed, rows, bins, equal_width):
    draw = np.random.default_rng(seed)
    p, labels = np.round(draw.random(rows), draw.integers(1, 6)), draw.integers(0, 2, rows)
    labels[:2] = 0, 1
    found = reliability(
        p, labels, bins=bins, strategy="equal_width" if equal_width else "equal_mass"
    )
    observed, predicted = calibration_curve(
        labels, p, n_bins=bins, strategy="uniform" if equal_width else "quantile"
    )
    np.testing.assert_allclose(found.observed, observed)
    np.testing.assert_allclose(found.predicted, predicted)
    # The shares are what gives back the overall means.
    assert found.shares.sum() == pytest.approx(1)
    assert found.shares @ found.predicted == pytest.approx(p.mean())
    assert found.shares @ found.observed == pytest.approx(labels.mean())


def test_calibration_error_by_hand():
    p = [0.1, 0.1, 0.3, 0.6, 0.6, 0.9]
    labels = [0, 1, 0, 1, 0, 1]
    halves = abs(0.5 / 3 - 1 / 3) / 2 + abs(2.1 / 3 - 2 / 3) / 2
    assert reliability(p, labels, bins=2).error == pytest.approx(halves)
    assert reliability(p, labels, bins=2, strategy="equal_width").error == pytest.approx(halves)
    thirds = (abs(0.5 - 1) + abs(1.2 - 1) + abs(0.9 - 1)) / 6
    assert reliability(p, labels, bins=3, strategy="equal_width").error == pytest.approx(thirds)


def test_bins_of_equal_mass_hold_as_many_rows():
    draw = np.random.default_rng(0)
    p = draw.random(1000) ** 4
    found = reliability(p, draw.random(1000) < p, bins=10)
    np.testing.assert_allclose(found.shares, 0.1)
    wide = reliability(p, draw.random(1000) < p, bins=10, strategy="equal_width")
    np.testing.assert_allclose(wide.shares, np.histogram(p, 10, (0, 1))[0] / 1000)


def test_weights_are_repeated_rows():
    """Bins of equal width: those of equal mass are cut by rows, whatever their weights."""
    scores, labels, weights = sample(3, 60)
    repeated = np.repeat(np.stack([scores, labels]), weights.astype(int), axis=1)
    found = reliability(scores, labels, strategy="equal_width", weights=weights)
    expected = reliability(*repeated, strategy="equal_width")
    assert found.error == pytest.approx(expected.error)
    np.testing.assert_allclose(found.shares, expected.shares)
    decided = scores > 0.4
    rates = Rates.of(labels, decided, weights)
    assert rates.recall == pytest.approx(Rates.of(repeated[1], repeated[0] > 0.4).recall)


def test_brier_score_and_rates_against_scikit_learn():
    scores, labels, weights = sample(4)
    for w in (None, weights):
        expected = brier_score_loss(labels, scores, sample_weight=w)
        assert brier_score(scores, labels, weights=w) == pytest.approx(expected)
        decided = scores > 0.5
        found = Rates.of(labels, decided, w)
        assert found.balanced_accuracy == pytest.approx(
            balanced_accuracy_score(labels, decided, sample_weight=w)
        )
        assert found.precision == pytest.approx(precision_score(labels, decided, sample_weight=w))
        assert found.recall == pytest.approx(recall_score(labels, decided, sample_weight=w))
        specificity = recall_score(1 - labels, ~decided, sample_weight=w)
        assert found.miss_rate == pytest.approx(1 - specificity)


def test_rates_of_nothing():
    none = Rates.of([0, 1], [False, False])
    assert math.isnan(none.precision)
    assert (none.recall, none.miss_rate, none.balanced_accuracy) == (0, 0, 0.5)
    assert math.isnan(Rates.of([1, 1], [True, False]).miss_rate)


@pytest.fixture
def pyplot():
    matplotlib = pytest.importorskip("matplotlib")
    matplotlib.use("Agg")
    from matplotlib import pyplot

    yield pyplot
    pyplot.close("all")


def test_the_reliability_diagram(pyplot):
    scores, labels, _ = sample(7)
    found = {
        "raw": reliability(scores, labels, bins=8),
        "calibrated": reliability(scores**2, labels, bins=5, strategy="equal_width"),
    }
    axes = plot_reliability(found)
    for drawn, one in zip(axes.collections, found.values(), strict=True):
        np.testing.assert_allclose(drawn.get_offsets(), np.stack([one.predicted, one.observed], 1))
        sizes = drawn.get_sizes()
        assert (
            np.argsort(sizes, kind="stable").tolist()
            == np.argsort(one.shares, kind="stable").tolist()
        )
    texts = [text.get_text() for text in axes.get_legend().get_texts()]
    assert texts == [f"{name}, ECE {one.error:.3f}" for name, one in found.items()]
    diagonal = axes.lines[0]
    assert (list(diagonal.get_xdata()), list(diagonal.get_ydata())) == ([0, 1], [0, 1])
    axes.figure.canvas.draw()
    place = pyplot.subplots()[1]
    assert plot_reliability(found, place) is place
    with pytest.raises(InputError, match="no probabilities to draw"):
        plot_reliability({})


# ------------------------------------------------------------ bad input

SCORES, LABELS, _ = sample(5, 40)


@pytest.mark.parametrize(
    ("scores", "labels", "message"),
    [
        (SCORES[:19], LABELS[:19], "19 labelled rows with a score; give 20 or more"),
        (np.where(np.arange(40) < 21, np.nan, SCORES), LABELS, "19 labelled rows with a score"),
        (SCORES, np.ones(40), "every label is 1; give rows of both classes"),
        (SCORES, np.zeros(40), "every label is 0"),
        (SCORES, [*LABELS[:-1], 2], "row 39: the label must be 1"),
        (SCORES, [*LABELS[:-1], 0.5], "row 39: the label"),
        (SCORES, [np.nan, *LABELS[1:]], "row 0: the label"),
        (SCORES, ["yes"] * 40, "must be numbers"),
        (SCORES, [None] * 40, "row 0: the label"),
        (SCORES, LABELS[:-1], r"shapes \(40,\), \(39,\)"),
        (SCORES[:, None], LABELS, "shapes"),
        (0.5, 1, "shapes"),
        ([np.inf, *SCORES[1:]], LABELS, "row 0: the score must be a finite number"),
        ([np.nan] * 40, LABELS, "no row has a score"),
        ([], [], "no row has a score"),
    ],
)
def test_rows_that_cannot_be_fitted(scores, labels, message):
    for method in ("logistic", "isotonic"):
        with pytest.raises(InputError, match=message):
            fit_calibration(scores, labels, method=method)


def test_scores_that_a_line_cannot_calibrate():
    with pytest.raises(InputError, match=r"in \[0, 1\]; use the method isotonic"):
        fit_calibration(SCORES * 2 - 1, LABELS)
    assert fit_calibration(SCORES * 2 - 1, LABELS, method="isotonic").rows == 40
    with pytest.raises(InputError, match=r"do not rise with the labels.*1 for consistent"):
        fit_calibration(SCORES, 1 - LABELS)


@pytest.mark.parametrize("weights", [[0.0] * 40, [-1.0] * 40, [np.nan] * 40, [1.0] * 39])
def test_weights_that_mean_nothing(weights):
    with pytest.raises(InputError, match="weight"):
        fit_calibration(SCORES, LABELS, weights=weights)


@pytest.mark.parametrize("p", [[0.5, 1.2], [-0.1, 0.3]])
def test_probabilities_outside_0_to_1(p):
    for measure in (reliability, brier_score):
        with pytest.raises(InputError, match=r"probabilities lie in \[0, 1\]"):
            measure(p, [0, 1])
        with pytest.raises(InputError, match="no row has a score"):
            measure([], [])


@pytest.mark.parametrize("options", [{"bins": 0}, {"strategy": "quantile"}])
def test_bins_that_there_are_not(options):
    with pytest.raises(ConfigurationError, match="give 1 or more, of equal_mass or equal_width"):
        reliability(SCORES, LABELS, **options)


def test_an_unknown_method():
    with pytest.raises(ConfigurationError, match="method is 'beta'; known: logistic, isotonic"):
        fit_calibration(SCORES, LABELS, method="beta")


# ------------------------------------------------------------ kept with the checkpoint


@pytest.mark.parametrize("method", ["logistic", "isotonic"])
def test_a_calibration_travels_in_the_profile(method):
    found = fit_calibration(SCORES, LABELS, method=method, fitted_on="rows.jsonl")
    profile = Profile(head="bin", supported=1, calibration=found)
    back = Profile.from_dict(json.loads(json.dumps(profile.to_dict(), allow_nan=False)))
    assert back == profile
    grid = np.linspace(0, 1, 50)
    assert back.calibration.probabilities(grid).tolist() == found.probabilities(grid).tolist()
    assert back.calibration.name == found.name
    assert "calibration" not in Profile().to_dict()


def test_the_name_tells_calibrations_apart():
    scores, labels, _ = sample(6)
    found = [fit_calibration(scores, labels, method=m) for m in ("logistic", "isotonic")]
    found.append(fit_calibration(scores[:200], labels[:200]))
    assert len({one.name for one in found}) == 3
    assert [one.name.partition("-")[0] for one in found] == ["logistic", "isotonic", "logistic"]
    other = fit_calibration(scores, labels, objectives=["balanced_accuracy"], fitted_on="x")
    assert other.name == found[0].name  # the same probabilities


@pytest.mark.parametrize(
    "values",
    [
        {"slope": 0},
        {"slope": float("nan")},
        {"slope": "1"},
        {"knots": [[0.5, 0.2], [0.4, 0.3]]},
        {"knots": [[0.4, 0.3], [0.5, 0.2]]},
        {"knots": [[0.4, 0.3], [0.5, 1.2]]},
        {"knots": [0.4]},
        {"thresholds": {"recall=0.9": None}},
        {"thresholds": [0.5]},
        {"temperature": 2},
        [1, 2],
        "logistic",
    ],
)
def test_a_damaged_calibration(values):
    with pytest.raises(ConfigurationError, match="calibration"):
        Profile.from_dict({"calibration": values})


FIELDS = dict.fromkeys(
    ("model", "weights", "tokenizer", "head", "splitter", "chunk", "claims", "template",
     "aggregation", "length", "precision", "version"), "x",
)  # fmt: skip


def test_a_signature_of_a_decision():
    signature = Signature(**FIELDS, calibration="logistic-0f", decision="precision=0.9>0.71")
    assert str(signature).endswith("|calibration:logistic-0f|decision:precision=0.9>0.71")
    assert Signature.parse(str(signature)) == signature
    assert "calibration" not in str(Signature(**FIELDS))


# ------------------------------------------------------------ the bundled aligner


def test_the_bundled_calibration_is_that_of_the_page():
    """Both are written by benchmarks/decisions.py, to be run again where the weights change."""
    bundled = AlignScore(device="cpu", progress=False)
    calibration = bundled.profile.calibration
    page = (Path(__file__).resolve().parents[1] / "docs" / "decisions.md").read_text("utf-8")
    signature = Signature.parse(re.search(r"^Scores: `(.+)`$", page, flags=re.MULTILINE)[1])
    mine = Signature.parse(bundled.signature)
    for name in ("weights", "head", "chunk", "claims", "aggregation"):
        assert getattr(signature, name) == getattr(mine, name), name
    for objective, threshold in calibration.thresholds.items():
        assert f"| {objective} | {threshold:.4f} |" in page
    assert f"{calibration.rows:,} rows" in page
    assert calibration.fitted_on in page


# ------------------------------------------------------------ the metric and the commands


@pytest.fixture(scope="module")
def rows(example_rows):
    """Rows with labels that the tiny aligner knows nothing of, and one without a sentence."""
    sources = [row["source"] if isinstance(row["source"], str) else " ".join(row["source"])
               for row in example_rows]  # fmt: skip
    summaries = [row["summary"] for row in example_rows]
    many = [(source, summary) for source in sources[:6] for summary in summaries[:6]]
    return [{"source": source, "summary": summary} for source, summary in many] + [
        {"source": sources[0], "summary": " "}
    ]


@pytest.fixture(scope="module")
def texts(rows):
    return [row["source"] for row in rows], [row["summary"] for row in rows]


@pytest.fixture(scope="module")
def metric(tiny_aligner):
    return AlignScore(tiny_aligner, device="cpu", progress=False)


@pytest.fixture(scope="module")
def labelled(rows, texts, metric):
    """The same rows, labelled so that scores tell something: noisily, around the median."""
    scores = np.array(metric.score(*texts))
    noise = np.random.default_rng(0).normal(0, np.nanstd(scores) / 2, len(scores))
    labels = np.nan_to_num(scores + noise) > np.nanmedian(scores)
    return [row | {"label": int(label)} for row, label in zip(rows, labels, strict=True)]


def write(path, rows):
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return str(path)


@pytest.fixture(scope="module")
def calibrated(tmp_path_factory, tiny_aligner, labelled):
    """Folder that `alignscore calibrate` wrote from two files, of 12 and 25 rows."""
    folder = tmp_path_factory.mktemp("calibrated")
    files = [write(folder / "a.jsonl", labelled[:12]), write(folder / "b.jsonl", labelled[12:])]
    argv = ["calibrate", *files, "--model", str(tiny_aligner), "-q", "--device", "cpu"]
    objectives = ["--objective", "balanced_accuracy", "--objective", "miss_rate=0.2"]
    assert main([*argv, *objectives, "-o", str(folder / "saved")]) == 0
    return folder / "saved"


def test_calibrate_stores_what_the_functions_fit(calibrated, metric, texts, labelled):
    found = AlignScore(calibrated, device="cpu", progress=False).profile
    expected = fit_calibration(
        metric.score(*texts),
        [row["label"] for row in labelled],
        objectives=["balanced_accuracy", "miss_rate=0.2"],
        weights=equal_weights([0] * 12 + [1] * 25),
        fitted_on="a.jsonl, b.jsonl",
    )
    assert found.calibration.thresholds == pytest.approx(expected.thresholds)
    for name in ("slope", "intercept", "rows", "fitted_on"):
        value = getattr(expected, name)
        wanted = value if isinstance(value, str) else pytest.approx(value, abs=1e-4)
        assert getattr(found.calibration, name) == wanted
    assert found.calibration.rows == 36
    assert Profile.from_dict(found.to_dict() | {"calibration": None}) == metric.profile
    config = json.loads((calibrated / "config.json").read_text(encoding="utf-8"))
    assert config["profile"]["calibration"]["fitted_on"] == "a.jsonl, b.jsonl"


@pytest.mark.parametrize("objective", ["balanced_accuracy", "miss_rate=0.2", "probability=0.4"])
def test_predict(calibrated, metric, texts, objective):
    judge = AlignScore(calibrated, device="cpu", progress=False)
    scores, calibration = np.array(metric.score(*texts)), judge.profile.calibration
    found = judge.predict(*texts, objective=objective)
    np.testing.assert_allclose(found.scores, scores, atol=1e-9)
    logits = np.log(scores / (1 - scores))
    p = 1 / (1 + np.exp(-(calibration.slope * logits + calibration.intercept)))
    np.testing.assert_allclose(found.probabilities, p, atol=1e-6)
    assert found.decisions.tolist() == (found.scores > found.threshold).tolist()
    if objective == "probability=0.4":
        assert found.decisions.tolist() == (p > 0.4).tolist()
    else:
        assert found.threshold == calibration.thresholds[objective]
    for row in range(len(found)):
        for sentence in found.sentences(row):
            assert sentence.supported == (sentence.score > found.threshold)
    assert 0 < found.decisions.sum() < len(found)
    assert found.decisions.dtype == bool
    assert math.isnan(scores[-1])
    assert found.undefined == 1
    assert not found.decisions[-1]
    signature = Signature.parse(found.signature)
    assert signature.calibration == calibration.name
    assert signature.decision == f"{objective}>{found.threshold:.6g}"
    first, *lines, last = str(found).split("\n")
    assert f"{found.decisions.sum()} of 37 judged consistent, 1 without" in first
    assert [line for line in lines if line.startswith("  row")] == [
        f"  row {row}: {'' if found.decisions[row] else 'in'}consistent, "
        f"probability {p[row]:.2f}, score {scores[row]:.4f}"
        for row in range(10)
    ]
    assert (lines[-1], last) == ("  ... and 27 more", found.signature)
    frame = found.to_pandas()
    assert frame.columns.tolist() == ["score", "probability", "consistent"]
    assert frame["consistent"].tolist() == found.decisions.tolist()


def test_scores_and_their_signature_do_not_depend_on_a_calibration(calibrated, metric, texts):
    judge = AlignScore(calibrated, device="cpu", progress=False)
    plain = judge.evaluate(*texts)
    np.testing.assert_allclose(plain.scores, metric.evaluate(*texts).scores, atol=1e-9)
    assert Signature.parse(plain.signature).calibration == ""


@pytest.mark.parametrize(
    "options",
    [{"head": "tri"}, {"chunk_words": 30}, {"copied_weight": 0.5}, {"mode": "bin"},
     {"splitter": "bundled_punkt", "sentence_aggregation": "min"}],
)  # fmt: skip
def test_a_calibration_is_of_the_options_that_it_was_fitted_with(calibrated, texts, options):
    judge = AlignScore(calibrated, device="cpu", progress=False, **options)
    with pytest.raises(ConfigurationError, match=r"no calibration for these options.*calibrate"):
        judge.predict(*texts)


def test_options_that_change_nothing_keep_it(calibrated):
    judge = AlignScore(calibrated, device="cpu", progress=False, head="bin", chunk_words=60)
    assert judge.profile.calibration is not None


def test_predict_without_a_calibration_and_with_ones_own(metric, texts, labelled):
    with pytest.raises(ConfigurationError, match=r"alignscore calibrate labelled\.jsonl"):
        metric.predict(*texts)
    own = fit_calibration(
        metric.score(*texts), [row["label"] for row in labelled], method="isotonic"
    )
    found = metric.predict(*texts, calibration=own)
    assert found.objective == "probability=0.5"
    assert found.decisions.tolist() == (found.probabilities > 0.5).tolist()
    assert 0 < found.decisions.sum() < len(found)
    assert Signature.parse(found.signature).calibration == own.name


@pytest.mark.parametrize("probability", [0.1, 0.3, 0.5, 0.7, 0.95])
@pytest.mark.parametrize(
    "calibration",
    [
        Calibration(slope=0.7, intercept=-1.3),
        Calibration(slope=3.0, intercept=2.0),
        Calibration(knots=((0.1, 0.0), (0.3, 0.3), (0.6, 0.3), (0.7, 0.5), (0.8, 0.5), (0.9, 0.8))),
        Calibration(knots=((0.2, 0.75),)),
    ],
)
def test_decisions_and_probabilities_never_disagree(calibration, probability):
    """Whatever the score, on a dense grid and around the threshold itself."""
    objective = f"probability={probability}"
    threshold = calibration.threshold(objective)
    near = [threshold] if math.isfinite(threshold) else []
    for _ in range(3):
        near = [one for x in near for one in (np.nextafter(x, -9), x, np.nextafter(x, 9))]
    scores = np.array([*np.linspace(-0.1, 1.1, 2001), *near])
    decided = calibration.decide(scores, objective)
    assert decided.tolist() == (calibration.probabilities(scores) > probability).tolist()
    assert decided.tolist() == (scores > threshold).tolist()


def test_a_printed_prediction_shows_what_is_wrong():
    metric = AlignScore(device="cpu", progress=False)
    source = "The bridge was closed on Monday after an inspection found cracks."
    found = metric.predict([source] * 2, [source, "The mayor won a prize in Rome."], spans=True)
    assert found.decisions.tolist() == [True, False]
    assert ((found.probabilities > 0.5) == found.decisions).all()
    lines = str(found).split("\n")
    assert lines[0].startswith(
        "AlignScore (mini): 1 of 2 judged consistent (probability=0.5: a score"
    )
    assert lines[3].endswith(": The mayor won a prize in Rome.")
    assert lines[3].startswith("    not in the source (") or lines[3].startswith("    contradicted")
    rows = json.loads(json.dumps(found.to_dict(), allow_nan=False))["rows"]
    assert [row["consistent"] for row in rows] == [True, False]
    assert rows[1]["sentences"][0]["unsupported"]
    assert found.to_pandas("sentence")["verdict"].tolist()[0] == "supported"
    assert metric.predict([], []).to_dict()["rows"] == []
    assert metric.passing_score > found.threshold
    assert metric.passing_score == pytest.approx(found.threshold)


@pytest.mark.parametrize("objective", ["precision=0.9", "miss_rate=0.1"])
def test_an_objective_that_was_not_fitted_is_refused_before_scoring(
    calibrated, objective, monkeypatch
):
    judge = AlignScore(calibrated, device="cpu", progress=False)
    monkeypatch.setattr(judge, "evaluate", None)
    message = r"there are balanced_accuracy, miss_rate=0\.2, probability=P.*alignscore calibrate"
    with pytest.raises(ConfigurationError, match=message):
        judge.predict(["a"], ["b"], objective=objective)


@pytest.mark.parametrize("ending", [".jsonl", ".csv"])
def test_the_command_predict(calibrated, rows, texts, tmp_path, capsys, ending):
    judge = AlignScore(calibrated, device="cpu", progress=False)
    expected = judge.predict(*texts, objective="miss_rate=0.2")
    output = tmp_path / f"judged{ending}"
    argv = ["predict", write(tmp_path / "rows.jsonl", rows), "-o", str(output), "-q"]
    argv += ["--model", str(calibrated), "--objective", "miss_rate=0.2", "--device", "cpu"]
    assert main(argv) == 0
    assert capsys.readouterr().err == f"{expected.headline}\n{expected.signature}\n"
    if ending == ".csv":
        with output.open(encoding="utf-8", newline="") as stream:
            found = [row | {"consistent": row["consistent"] == "True"}
                     for row in csv.DictReader(stream)]  # fmt: skip
    else:
        found = [json.loads(line) for line in output.read_text(encoding="utf-8").splitlines()]
    assert [row["consistent"] for row in found] == expected.decisions.tolist()
    assert [row["summary"] for row in found] == texts[1]
    assert found[-1]["probability"] in (None, "")
    assert [float(row["probability"]) for row in found[:-1]] == pytest.approx(
        expected.probabilities[:-1].tolist(), abs=1e-9
    )


def judge_file(calibrated, given, output, **options):
    return predict_file(
        given, output, model=str(calibrated), device="cpu", progress=False,
        objective="miss_rate=0.2", **options,
    )  # fmt: skip


@pytest.mark.parametrize("ending", [".jsonl", ".csv", ".parquet"])
def test_predict_judges_the_scores_that_score_wrote(
    calibrated, rows, texts, tmp_path, monkeypatch, ending
):
    given, scored = write(tmp_path / "rows.jsonl", rows), tmp_path / f"scored{ending}"
    expected = judge_file(calibrated, given, tmp_path / "anew.jsonl")
    score_file(given, scored, model=str(calibrated), device="cpu", progress=False)
    asked = []
    score = AlignScore.score
    monkeypatch.setattr(
        AlignScore, "score", lambda self, *texts: asked.extend(texts[1]) or score(self, *texts)
    )
    monkeypatch.setattr(AlignScore, "pair_table", None)  # what scoring windows begins with
    found = judge_file(calibrated, scored, tmp_path / f"judged{ending}")
    assert found.decisions.tolist() == expected.decisions.tolist()
    np.testing.assert_allclose(found.probabilities, expected.probabilities, atol=1e-9)
    assert found.signature == expected.signature
    assert len(asked) == 4  # tried, of one window
    judged = read_table(str(tmp_path / f"judged{ending}"))
    assert judged.columns[-3:] == ["alignscore", "probability", "consistent"]
    assert [str(row["consistent"]) for row in judged.rows] == list(map(str, expected.decisions))


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (0.123456, r"line 2: alignscore is 0\.1235, but this checkpoint with these options gives"),
        (None, r"line 2: alignscore is nan, but this checkpoint with these options gives"),
        ("high", "line 2: alignscore is 'high', which is no score"),
        (True, "line 2: alignscore is True, which is no score"),
    ],
)
def test_scores_of_another_checkpoint_are_not_judged(calibrated, rows, tmp_path, value, message):
    scored = tmp_path / "scored.jsonl"
    score_file(
        write(tmp_path / "rows.jsonl", rows), scored, model=str(calibrated), device="cpu",
        progress=False,
    )  # fmt: skip
    found = [json.loads(line) for line in scored.read_text(encoding="utf-8").splitlines()]
    found[1]["alignscore"] = value
    with pytest.raises(InputError, match=message):
        judge_file(calibrated, write(scored, found), tmp_path / "judged.jsonl")
    assert not (tmp_path / "judged.jsonl").exists()


@pytest.mark.parametrize("ending", [".jsonl", ".csv", ".parquet"])
@pytest.mark.parametrize("stored", [False, True])
def test_predict_goes_on_after_a_kill_to_the_same_bytes(
    calibrated, rows, tmp_path, monkeypatch, ending, stored
):
    monkeypatch.setattr(tables, "WINDOW", tables.WINDOW._replace(rows=10))
    given = write(tmp_path / "rows.jsonl", rows)
    if stored:
        scored = tmp_path / "scored.jsonl"
        score_file(given, scored, model=str(calibrated), device="cpu", progress=False)
        given = scored
    whole, output = tmp_path / f"whole{ending}", tmp_path / f"judged{ending}"
    expected = judge_file(calibrated, given, whole)
    write_table = GrowingTable.write
    written = []

    def killed(self, table, added):
        if len(written) == 2:
            raise KeyboardInterrupt
        written.append(table)
        write_table(self, table, added)

    with monkeypatch.context() as patch:
        patch.setattr(GrowingTable, "write", killed)
        with pytest.raises(KeyboardInterrupt):
            judge_file(calibrated, given, output)
    assert not output.exists()
    told = []
    found = judge_file(calibrated, given, output, tell=told.append)
    assert told == [f"going on after row 20 of {len(rows)}"]
    assert output.read_bytes() == whole.read_bytes()
    assert found.decisions.tolist() == expected.decisions.tolist()
    np.testing.assert_array_equal(found.scores, expected.scores)
    with monkeypatch.context() as patch:
        written.clear()
        patch.setattr(GrowingTable, "write", killed)
        with pytest.raises(KeyboardInterrupt):
            judge_file(calibrated, given, output)
    told.clear()  # another objective is another run
    predict_file(
        given, output, model=str(calibrated), device="cpu", progress=False, tell=told.append
    )
    assert told[0].startswith(f"an unfinished {output} is begun anew: it had another signature")


def refusal(argv, capsys) -> str:
    assert main([str(arg) for arg in argv]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    return err


def test_calibrate_from_stored_scores_reports_on_test_rows(
    tmp_path, tiny_aligner, labelled, metric, texts, capsys
):
    scored = [
        row | {"s": None if math.isnan(score) else score, "label": str(row["label"])}
        for row, score in zip(labelled, metric.score(*texts), strict=True)
    ]
    files = write(tmp_path / "val.jsonl", scored), write(tmp_path / "test.jsonl", scored[:30])
    argv = ["calibrate", files[0], "--test", files[1], "--score-column", "s", "--method"]
    argv += ["isotonic", "--model", tiny_aligner, "-o", tmp_path / "saved"]
    assert main([str(arg) for arg in argv]) == 0
    out = capsys.readouterr().out
    kept = AlignScore(tmp_path / "saved", device="cpu", progress=False).profile.calibration
    scores = np.array([row["s"] for row in scored[:30]], dtype=float)
    labels = [int(row["label"]) for row in scored[:30]]
    assert "fitted on 36 rows of 1 file(s): isotonic" in out
    assert f"Brier score {brier_score_loss(labels, kept.probabilities(scores)):.4f}" in out
    accuracy = balanced_accuracy_score(labels, kept.probabilities(scores) > 0.5)
    assert f"probability=0.5: balanced accuracy {accuracy:.3f}" in out
    assert out.endswith(f"saved to {tmp_path / 'saved'}\n")
    fitted = out[: out.index("on 30 test rows:")]
    scores, labels = (np.array([row[k] for row in scored], dtype=float) for k in ("s", "label"))
    for objective, threshold in kept.thresholds.items():
        judged = np.nan_to_num(scores, nan=-1) > threshold
        recall, missed = recall_score(labels, judged), 1 - recall_score(1 - labels, ~judged)
        rates = [balanced_accuracy_score(labels, judged), precision_score(labels, judged)]
        found = re.search(rf"^  {objective}: (.*)$", fitted, flags=re.MULTILINE)[1]
        assert [float(n) for n in re.findall(r"[01]\.\d+", found)] == pytest.approx(
            [*rates, recall, missed], abs=5e-4
        )


@pytest.mark.parametrize(
    ("change", "options", "message"),
    [
        ({"label": 2}, [], "the label must be 1"),
        ({"label": "maybe"}, [], "rows.jsonl, line 2: label is 'maybe', not a number"),
        ({"label": None}, [], "rows.jsonl, line 2: label is None, not a number"),
        ({}, ["--label-column", "verdict"], "no column 'verdict'"),
        ({}, ["--score-column", "summary"], "summary is .*, not a number"),
        ({}, ["--objective", "f2"], "objective is 'f2'"),
        ({"summary": 3}, [], "rows.jsonl, line 2: the summary is int"),
    ],
)
def test_what_calibrate_refuses(tmp_path, tiny_aligner, labelled, capsys, change, options, message):
    file = write(tmp_path / "rows.jsonl", [labelled[0], labelled[1] | change, *labelled[2:]])
    argv = ["calibrate", file, "--model", tiny_aligner, "-o", tmp_path / "new", "-q", *options]
    assert re.search(message, refusal(argv, capsys))
    assert not (tmp_path / "new").exists()


def test_a_folder_that_holds_something_is_refused_first(tmp_path, capsys):
    (tmp_path / "kept.txt").touch()
    assert "exists already" in refusal(["calibrate", "absent.jsonl", "-o", tmp_path], capsys)
    assert "cannot read" in refusal(["calibrate", "a.jsonl", "-o", tmp_path / "b"], capsys)


def test_predict_keeps_a_column_of_its_own_name(tmp_path, rows, capsys, tiny_aligner):
    file = write(tmp_path / "rows.jsonl", [row | {"consistent": 1} for row in rows])
    argv = ["predict", file, "-o", tmp_path / "out.jsonl", "--model", tiny_aligner, "-q"]
    assert "already has a column 'consistent'" in refusal(argv, capsys)
    file = write(tmp_path / "plain.jsonl", rows)
    argv = ["predict", file, "-o", tmp_path / "out.jsonl", "--model", tiny_aligner, "-q"]
    assert "no calibration for these options" in refusal(argv, capsys)
    assert not (tmp_path / "out.jsonl").exists()
