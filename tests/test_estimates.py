"""Corpus estimates against ppi-python, scipy, enumeration of all samples, and simulation."""

import csv
import itertools
import json
import math

import numpy as np
import pytest
from scipy import stats

from alignscore_metric.commands.main import main
from alignscore_metric.errors import ConfigurationError, InputError
from alignscore_metric.scores.estimates import (
    EstimateSettings,
    estimate_consistency_rate,
    labels_needed,
)


def population(size=2000, rate=0.4, noise=1.0, seed=0):
    """Labels and scores in [0, 1] that tell something of them."""
    rng = np.random.default_rng(seed)
    labels = (rng.random(size) < rate).astype(int)
    return labels, 1 / (1 + np.exp(-(2 * labels - 1 + noise * rng.normal(size=size))))


def estimate(labels, scores, rows, *, strata=None, **settings):
    return estimate_consistency_rate(
        scores, rows, labels[rows], strata=strata, settings=EstimateSettings(**settings)
    )


def draw(size, labels, seed=0):
    return np.random.default_rng(seed).choice(size, size=labels, replace=False)


# ------------------------------------------------------------ against ppi-python


@pytest.fixture(scope="module")
def ppi():
    return pytest.importorskip("ppi_py", reason="the oracle needs: pip install ppi-python")


@pytest.mark.parametrize("lam", [None, 0.0, 0.37, 1.0])
@pytest.mark.parametrize("scale", [1.0, 100.0, 0.01, -1.0])  # the last two clip lam at 1 and 0
@pytest.mark.parametrize(("rate", "labelled", "level"), [(0.4, 200, 0.95), (0.9, 60, 0.8)])
def test_equals_ppi_python(ppi, lam, scale, rate, labelled, level):
    labels, scores = population(rate=rate)
    scores = scale * scores
    rows = draw(len(scores), labelled)
    found = estimate_consistency_rate(
        scores, rows, labels[rows], settings=EstimateSettings("system", lam, "normal", level)
    )
    given = labels[rows].astype(float), scores[rows], np.delete(scores, rows)
    rate_there = float(np.squeeze(ppi.ppi_mean_pointestimate(*given, lam=lam)))
    low, high = (float(np.squeeze(x)) for x in ppi.ppi_mean_ci(*given, alpha=1 - level, lam=lam))
    assert (found.rate, found.low, found.high) == pytest.approx((rate_there, low, high), abs=1e-8)
    classical = ppi.classical_mean_ci(given[0], alpha=1 - level)
    expected = tuple(float(np.squeeze(x)) for x in classical)
    assert (found.classical_low, found.classical_high) == pytest.approx(expected, abs=1e-8)


def test_strata_are_estimated_by_themselves_and_weighted_by_size(ppi):
    labels, scores = population()
    strata = np.array(["news", "mail", "forum"])[np.arange(2000) % 7 % 3]
    rows = draw(2000, 200)
    found = estimate(labels, scores, rows, strata=list(strata), target="system", interval="normal")
    known = np.isin(np.arange(2000), rows)
    expected = 0.0
    for name in set(strata):
        inside = strata == name
        parts = labels[inside & known], scores[inside & known], scores[inside & ~known]
        expected += inside.mean() * float(np.squeeze(ppi.ppi_mean_pointestimate(*parts)))
    assert found.rate == pytest.approx(expected, abs=1e-8)
    assert len(found.lam) == 3


# ------------------------------------------------------------ against scipy


@pytest.mark.parametrize("successes", [0, 1, 17, 50])
def test_labels_alone_have_wilsons_interval(successes):
    labels = (np.arange(5000) < successes).astype(int)
    rows = np.arange(50)
    scores = np.random.default_rng(1).random(5000)
    for lam in (None, 0.0):
        found = estimate(labels, scores, rows, lam=lam, target="system")
        expected = stats.binomtest(successes, 50).proportion_ci(method="wilson")
        bounds = (found.classical_low, found.classical_high)
        assert bounds == pytest.approx((expected.low, expected.high), abs=1e-12)
        assert found.classical_rate == successes / 50
    assert (found.low, found.high) == bounds  # lam 0: the labels alone
    assert found.effective_labels == pytest.approx(50)


def test_labels_that_all_agree_fall_back_on_the_labels_alone():
    labels, scores = np.ones(500, dtype=int), np.random.default_rng(1).random(500)
    found = estimate(labels, scores, np.arange(40), target="system")
    expected = stats.binomtest(40, 40).proportion_ci(method="wilson")
    assert found.lam == (0.0,)
    assert found.rate == 1
    assert found.high == 1
    # Student's quantile in place of the normal one: a little wider, no more.
    assert expected.low - 0.01 < found.low < expected.low
    with pytest.raises(InputError, match=r"all labels are 1: .*take interval 'wilson'"):
        estimate(labels, scores, np.arange(40), interval="normal")


@pytest.mark.parametrize("scores", [np.full(900, 0.3), 1 - population(900)[1]])
def test_useless_scores_do_no_harm(scores):
    labels = population(900)[0]
    found = estimate(labels, scores, np.arange(100))
    assert found.lam == (0.0,)
    assert found.rate == labels[:100].mean()
    assert found.correlation == 0
    assert found.classical_low - 0.005 < found.low <= found.classical_low
    assert -2 < found.labels_saved <= 0


def test_perfect_scores_do_not_give_certainty():
    """No error among n labels: an exact 97.5% bound allows an error rate of about 3.7 / n."""
    labels = population(20_000, rate=0.5)[0]
    found = estimate(labels, labels.astype(float), np.arange(60))
    assert found.effective_labels > 400
    exact = stats.binomtest(0, 60).proportion_ci(method="exact").high
    assert exact / 4 < (found.high - found.low) / 2 < 2 * exact


def test_standard_error_is_that_of_a_regression_where_all_else_is_known():
    """The others' scores are the labelled ones many times over: residuals alone are uncertain."""
    labels, scores = population(20, seed=2)
    scores = 2 * scores  # a slope below 1
    found = estimate(np.tile(labels, 3000), np.tile(scores, 3000), np.arange(20))
    line = stats.linregress(scores, labels)
    residuals = labels - line.intercept - line.slope * scores
    assert found.lam[0] == pytest.approx(line.slope, rel=1e-3)
    expected = math.sqrt((residuals**2).sum() / 18 / 20)
    assert found.standard_error == pytest.approx(expected, rel=2e-3)


def test_an_estimate_outside_of_0_to_1_is_moved_there():
    labels = np.array([0] * 29 + [1] + [0] * 300)
    scores = np.where(np.arange(330) < 30, 0.9, 0.1)
    found = estimate(labels, scores, np.arange(30), lam=1.0)  # 0.1 + 1 / 30 - 0.9
    assert found.rate == 0
    assert found.low == pytest.approx(0, abs=1e-12)
    assert found.high > 0
    assert estimate(labels, scores, np.arange(30), lam=1.0, interval="normal").rate < -0.7


# ------------------------------------------------------------ all samples, and many


def test_corpus_estimates_are_unbiased_over_all_samples():
    """Every sample of 20 of 22 rows: mean estimate and mean squared standard error are exact."""
    labels, scores = population(22, seed=3)
    samples = [np.array(rows) for rows in itertools.combinations(range(22), 20)]
    found = [estimate(labels, scores, rows, lam=0.05) for rows in samples]
    rates = np.array([one.rate for one in found])
    assert rates.mean() == pytest.approx(labels.mean(), abs=1e-12)
    assert np.mean([f.standard_error**2 for f in found]) == pytest.approx(rates.var(), rel=1e-9)


def test_strata_drawn_unequally_are_unbiased_over_all_samples():
    """11 of 12 rows and 18 of 20, drawn from strata of different rates."""
    labels = np.array([0, 1, 1, 1, 1, 1, 1, 1, 0, 1, 0, 1] + [0, 0, 0, 1] * 5)
    scores = population(32, seed=5)[1]
    strata = [0] * 12 + [1] * 20
    samples = [
        np.array(first + second)
        for first in itertools.combinations(range(12), 11)
        for second in itertools.combinations(range(12, 32), 18)
    ]
    found = [estimate(labels, scores, rows, strata=strata, lam=0.02) for rows in samples]
    rates = np.array([one.rate for one in found])
    classical = np.array([one.classical_rate for one in found])
    assert rates.mean() == pytest.approx(labels.mean(), abs=1e-12)
    assert classical.mean() == pytest.approx(labels.mean(), abs=1e-12)
    assert np.mean([f.standard_error**2 for f in found]) == pytest.approx(rates.var(), rel=1e-9)


@pytest.mark.parametrize("strata", [None, 3])
@pytest.mark.parametrize(("target", "rate"), [("corpus", 0.4), ("system", 0.4), ("system", 0.08)])
def test_coverage_standard_error_and_worth_over_many_samples(strata, target, rate):
    """Four standard errors of a coverage of 95% are 3.6 points; strata may be cautious."""
    size, labelled, rng = 400, 100, np.random.default_rng(11)
    fixed = population(size, rate)
    truth = fixed[0].mean() if target == "corpus" else rate
    found = []
    for seed in range(600):
        labels, scores = fixed if target == "corpus" else population(size, rate, seed=seed + 1)
        rows = rng.choice(size, labelled, replace=False)
        found.append(estimate(labels, scores, rows, strata=strata, target=target))
    rates = np.array([one.rate for one in found])
    held = np.mean([one.low <= truth <= one.high for one in found])
    assert 0.914 <= held <= (0.986 if strata is None else 1)
    error = math.sqrt(np.mean([one.standard_error**2 for one in found]))
    assert rates.std() * 0.93 < error < rates.std() * (1.08 if strata is None else 1.3)
    if target == "system" and strata is None:  # worth m labels: the variance of m labels alone
        worth = np.mean([one.effective_labels for one in found])
        assert rate * (1 - rate) / worth == pytest.approx(rates.var(), rel=0.2)
        assert worth > 1.2 * labelled


# ------------------------------------------------------------ invariances


def test_the_order_of_rows_and_labels_does_not_matter():
    labels, scores = population(300)
    rows, order = draw(300, 60), np.random.default_rng(4).permutation(300)
    moved = np.argsort(order)[rows[::-1]]
    first = estimate(labels, scores, rows, strata=2).to_dict()
    second = estimate(labels[order], scores[order], moved, strata=2).to_dict()
    assert first.pop("settings") == second.pop("settings")
    assert np.hstack(list(first.values())) == pytest.approx(np.hstack(list(second.values())))


def test_rows_without_a_score_are_as_if_not_there_and_counted():
    labels, scores = population(300)
    rows = np.arange(0, 300, 4)
    gaps = scores.copy()
    gaps[[0, 1, 8]] = np.nan
    kept = np.delete(np.arange(300), [0, 1, 8])
    found = estimate(labels, gaps, rows, strata=2)
    there = np.flatnonzero(np.isin(kept, rows))
    expected = estimate(labels[kept], scores[kept], there, strata=2)
    assert (found.low, found.high, found.lam) == (expected.low, expected.high, expected.lam)
    assert (found.undefined, found.summaries, found.labelled) == (3, 297, 73)
    assert "3 without a score left out" in str(found)


def test_a_few_tied_scores_give_fewer_strata():
    labels, scores = population(300)
    assert len(estimate(labels, np.round(scores), draw(300, 90), strata=5).lam) == 2


def test_labels_may_be_booleans_and_scores_none():
    labels, scores = population(100)
    rows = np.arange(40)
    found = estimate_consistency_rate(
        [None, *scores[1:].tolist()], rows.tolist(), [bool(x) for x in labels[rows]]
    )
    assert (found.labelled, found.undefined) == (39, 1)


# ------------------------------------------------------------ planning


@pytest.mark.parametrize(("rate", "width"), [(0.5, 0.1), (0.1, 0.07), (0.97, 0.2)])
def test_a_plan_without_scores_is_the_smallest_sample_with_that_wilson_interval(rate, width):
    def wilson_width(n: int) -> float:
        z = stats.norm.ppf(0.975)
        half = z * math.sqrt(rate * (1 - rate) / n + z**2 / (4 * n**2)) / (1 + z**2 / n)
        return 2 * half

    expected = next(n for n in itertools.count(20) if wilson_width(n) <= width)
    settings = EstimateSettings(target="system")
    planned = labels_needed(width, summaries=10**9, rate=rate, correlation=0.0, settings=settings)
    assert planned == expected


@pytest.mark.parametrize("target", ["corpus", "system"])
def test_planned_labels_give_the_wanted_width(target):
    labels, scores = population(1000)
    r = np.corrcoef(labels, scores)[0, 1]
    settings = EstimateSettings(target=target)
    needed = labels_needed(
        0.12, summaries=1000, rate=labels.mean(), correlation=r, settings=settings
    )
    found = [estimate(labels, scores, draw(1000, needed, s), target=target) for s in range(100)]
    assert np.mean([one.high - one.low for one in found]) == pytest.approx(0.12, rel=0.05)
    pilot = estimate(labels, scores, draw(1000, 300), target=target)
    assert pilot.labels_needed(0.12) == pytest.approx(needed, rel=0.3)
    assert pilot.correlation == pytest.approx(r, abs=0.1)


@pytest.mark.parametrize("target", ["corpus", "system"])
def test_a_pilots_own_width_takes_as_many_labels_as_it_has(target):
    labels, scores = population(700)
    pilot = estimate(labels, scores, draw(700, 33), target=target)
    assert pilot.labels_needed(pilot.high - pilot.low + 1e-9) == 33


def test_plans_that_cannot_be():
    settings = EstimateSettings(target="system")
    with pytest.raises(InputError, match="score more summaries"):
        labels_needed(0.02, summaries=500, rate=0.5, correlation=0.9, settings=settings)
    for width, rate, correlation in [(0, 0.5, 0), (0.1, 1, 0), (0.1, 0.5, -0.1), (0.1, 0.5, 1.1)]:
        with pytest.raises(InputError, match="give numbers between 0 and 1"):
            labels_needed(width, summaries=500, rate=rate, correlation=correlation)


# ------------------------------------------------------------ bad input

ROWS, LABELS, SCORES = list(range(30)), [0, 1] * 15, np.linspace(0, 1, 100)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"labelled_indices": ROWS[:19], "labels": LABELS[:19]}, "19 labels.*at least 20"),
        ({"labelled_indices": [], "labels": []}, "0 labels.*at least 20"),
        ({"scores": [np.nan] * 11 + [0.5] * 89}, "19 labels of summaries with a score"),
        ({"labels": [*LABELS[:29], 2]}, r"labels\[29\] is 2; give 0 or 1"),
        ({"labels": [*LABELS[:29], 0.5]}, r"labels\[29\] is 0.5"),
        ({"labels": [*LABELS[:29], float("nan")]}, r"labels\[29\] is nan"),
        ({"labels": [*map(str, LABELS)]}, r"labels\[0\] is '0'"),
        ({"labels": LABELS[:29]}, r"30 labelled_indices, but labels have shape \(29,\)"),
        ({"labelled_indices": [*ROWS[:29], 3]}, "row 3 is labelled twice"),
        ({"labelled_indices": [*ROWS[:29], 100]}, r"labelled_indices\[29\] is 100.*rows 0 to 99"),
        ({"labelled_indices": [-1, *ROWS[1:]]}, r"labelled_indices\[0\] is -1"),
        ({"labelled_indices": [True] * 30}, "flatnonzero"),
        ({"labelled_indices": np.arange(30.0)}, "not row numbers"),
        ({"scores": ["high"] * 100}, "scores are not numbers"),
        ({"scores": np.ones((100, 2))}, r"scores have shape \(100, 2\)"),
        ({"scores": [0.5] * 7 + [np.inf] + [0.5] * 92}, r"scores\[7\] is inf"),
        (
            {"scores": SCORES[:30]},
            "all summaries are labelled: the rate is that of the labels, 0.5000",
        ),
        ({"strata": 0}, "0 strata: give 1 or more"),
        ({"strata": ["a"] * 99}, "100 scores, but 99 strata"),
        ({"strata": 4}, "all summaries in stratum 1 of 4 are labelled"),
        ({"strata": 3}, "only 0 of 33 summaries in stratum 2 of 3 are labelled; .* fewer strata"),
        ({"strata": ["x"] * 96 + ["y"] * 4}, "only 0 of 4 summaries in stratum 'y'"),
    ],
)
def test_refused(arguments, message):
    given = {"scores": SCORES, "labelled_indices": ROWS, "labels": LABELS} | arguments
    with pytest.raises(InputError, match=message):
        estimate_consistency_rate(**given)


@pytest.mark.parametrize(
    "wrong", [{"lam": 1.5}, {"lam": math.nan}, {"level": 95}, {"target": "x"}, {"interval": "t"}]
)
def test_settings_refused(wrong):
    with pytest.raises(ConfigurationError, match=f"^{next(iter(wrong))} "):
        EstimateSettings(**wrong)


# ------------------------------------------------------------ the command

LABELS_2000, SCORES_2000 = population()
CHOSEN = np.sort(draw(2000, 150))


@pytest.fixture
def scored(tmp_path):
    path = tmp_path / "scored.csv"
    with path.open("w", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(["alignscore", "label", "kind"])
        for row, score in enumerate(SCORES_2000):
            label = LABELS_2000[row] if row in CHOSEN else ""
            writer.writerow([repr(float(score)), label, "ab"[row % 2]])
    return path


def test_command_prints_the_estimate(scored, capsys):
    assert main(["estimate", str(scored)]) == 0
    assert capsys.readouterr().out == f"{estimate(LABELS_2000, SCORES_2000, CHOSEN)}\n"


@pytest.mark.parametrize(
    ("options", "strata", "settings"),
    [
        (["--target", "system", "--level", "0.9"], None, {"target": "system", "level": 0.9}),
        (["--lambda", "1", "--interval", "normal"], None, {"lam": 1.0, "interval": "normal"}),
        (["--strata", "3"], 3, {}),
        (["--strata-column", "kind"], ["ab"[row % 2] for row in range(2000)], {}),
    ],
)
def test_command_options_and_json(scored, capsys, options, strata, settings):
    assert main(["estimate", str(scored), "--format", "json", "--width", "0.1", *options]) == 0
    expected = estimate(LABELS_2000, SCORES_2000, CHOSEN, strata=strata, **settings)
    printed = json.loads(capsys.readouterr().out)
    assert printed.pop("labels_needed") == expected.labels_needed(0.1)
    assert printed.pop("labels_needed_without_scores") > expected.labels_needed(0.1)
    assert printed == expected.to_dict()


def test_command_plans_without_labels(tmp_path, capsys):
    path = tmp_path / "scored.jsonl"
    path.write_text('{"alignscore": 0.5}\n' * 900 + '{"alignscore": null}\n')
    argv = ["estimate", str(path), "--width", "0.1", "--rate", "0.7", "--correlation", "0.5"]
    assert main(argv) == 0
    needed = [labels_needed(0.1, summaries=900, rate=0.7, correlation=r) for r in (0.5, 0.0)]
    assert capsys.readouterr().out == (
        f"an interval of width 0.1 takes {needed[0]} labels, without scores {needed[1]}\n"
    )


@pytest.mark.parametrize(
    ("rows", "options", "message"),
    [
        ([{"alignscore": 1, "label": 2}], [], "line 1: column 'label' holds 2; give 1, 0"),
        ([{"alignscore": "x", "label": 1}], [], "line 1: column 'alignscore' holds 'x'"),
        ([{"alignscore": [1], "label": 1}], [], "line 1: column 'alignscore' holds"),
        ([{"alignscore": 1}, {"alignscore": 1, "label": "yes"}], [], "line 2: column 'label'"),
        ([{"alignscore": 1e999, "label": 1}], [], "line 1: column 'alignscore' holds inf"),
        ([{"alignscore": 1}], [], "no label column"),
        ([{"label": 1}], [], "no score column"),
        ([{"alignscore": 1, "label": 1}], ["--strata-column", "k"], "no column 'k'"),
        ([{"alignscore": 1, "label": 1}], [], "1 labels"),
        ([{"alignscore": 1}], ["--rate", "0.5"], "takes --width, --rate and --correlation"),
    ],
)
def test_command_refuses(tmp_path, capsys, rows, options, message):
    path = tmp_path / "rows.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    assert main(["estimate", str(path), *options]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert message in err
    assert "Traceback" not in err
