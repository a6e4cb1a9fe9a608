"""Statistics, intervals and tests against scikit-learn, scipy, nlpstats and literal definitions."""

import gzip
import json
import math
import tracemalloc
from importlib import import_module
from itertools import combinations, product
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as hs
from scipy import stats
from sklearn import metrics as sk

from alignscore_metric.leaderboards.published import load_tables
from alignscore_metric.scores import intervals, significance, thresholds
from alignscore_metric.scores import statistics as st

LABELLED = {"roc_auc": st.roc_auc, "average_precision": st.average_precision}
DECIDED = {"balanced_accuracy": st.balanced_accuracy, "f1": st.f1}
GRADED = {"pearson": st.pearson, "spearman": st.spearman, "kendall": st.kendall}
SK = {
    "roc_auc": sk.roc_auc_score,
    "average_precision": sk.average_precision_score,
    "balanced_accuracy": sk.balanced_accuracy_score,
    "f1": sk.f1_score,
}
SCIPY = {"pearson": stats.pearsonr, "spearman": stats.spearmanr, "kendall": stats.kendalltau}


def correlation(kind, x, y):
    """By scipy; NaN where one of them is constant."""
    if len(set(x)) < 2 or len(set(y)) < 2:
        return math.nan
    return float(SCIPY[kind](x, y)[0])


def oracle(kind, targets, scores):
    if kind in SCIPY:
        return correlation(kind, targets, scores)
    if kind == "average_precision" and 1 in targets:
        return float(SK[kind](targets, scores))
    if len(set(targets)) < 2:
        return math.nan
    return float(SK[kind](targets, scores))


def system_oracle(kind, targets, scores, systems):
    """One mean per drawn system; a system that was drawn twice is there twice."""
    names = sorted(set(systems))
    means = {s: (targets[systems == s].mean(), scores[systems == s].mean()) for s in names}
    x, y = np.round(np.array([means[name] for name in names]).T, 12)
    if kind != "pairwise_accuracy":
        return correlation(kind, x, y)
    pairs = list(combinations(range(len(names)), 2))
    return sum(np.sign(x[i] - x[j]) == np.sign(y[i] - y[j]) for i, j in pairs) / len(pairs)


def prepare(kind):
    return (LABELLED | DECIDED | GRADED)[kind]


# --- statistics of rows and of resamples ---------------------------------------------------------


@hs.composite
def rows(draw):
    """Targets and scores with many ties, and two weightings of them."""
    size = draw(hs.integers(2, 14))

    def column(values):
        return np.array(draw(hs.lists(values, min_size=size, max_size=size)), dtype=float)

    grades = hs.sampled_from([1.0, 4 / 3, 2.0, 5.0])
    numbers = hs.one_of(hs.sampled_from([0.1, 0.3, 0.7]), hs.floats(-4, 4).map(lambda x: x + 1e-3))
    counts = [column(hs.integers(0, 3)) for _ in range(2)]
    labels = column(hs.integers(0, 1))
    return labels, column(grades), column(numbers), column(hs.integers(0, 1)), counts


@settings(max_examples=25)
@given(rows())
def test_every_statistic_of_every_weighting_is_that_of_the_repeated_rows(case):
    labels, grades, scores, decisions, counts = case
    weights = np.stack([np.ones(len(labels)), *counts])
    for kind in [*LABELLED, *DECIDED, *GRADED]:
        x = grades if kind in GRADED else labels
        y = decisions if kind in DECIDED else scores
        found = prepare(kind)(x, y)(weights)
        for count, value in zip(weights.astype(int), found, strict=True):
            wanted = oracle(kind, np.repeat(x, count), np.repeat(y, count))
            if kind == "f1" and math.isnan(wanted):
                continue  # scikit-learn's is defined for one class; see below
            assert value == pytest.approx(wanted, abs=1e-9, nan_ok=True), kind


@pytest.mark.parametrize("ties", [False, True])
@pytest.mark.parametrize("kind", [*LABELLED, *DECIDED, *GRADED])
def test_large_samples(kind, ties):
    rng = np.random.default_rng(3)
    labels = (rng.random(3000) < 0.9).astype(float)
    scores = rng.normal(size=3000) + labels + 1e6  # an offset that costs careless sums their digits
    x = labels if kind not in GRADED else np.round(rng.normal(size=3000) + scores - 1e6, 1)
    if ties:
        scores = np.round(scores, 1)
    y = (scores > 1e6).astype(float) if kind in DECIDED else scores
    count = rng.poisson(1.0, 3000)
    statistic = prepare(kind)(x, y)
    assert st.value(statistic, 3000) == pytest.approx(oracle(kind, x, y), abs=1e-9)
    repeated = oracle(kind, np.repeat(x, count), np.repeat(y, count))
    assert statistic(count[None].astype(float))[0] == pytest.approx(repeated, abs=1e-9)


@pytest.mark.parametrize("kind", ["pearson", "spearman", "kendall", "pairwise_accuracy"])
def test_systems_and_resamples_of_them(kind):
    rng = np.random.default_rng(8)
    systems = rng.permutation(np.repeat(np.arange(6), 9))
    targets = np.round(3 * rng.random(54) + 0.2 * systems) / 3
    scores = rng.random(54) + 0.05 * systems
    statistic = st.system_level(kind, systems)(targets, scores)
    wanted = system_oracle(kind, targets, scores, systems)
    assert st.value(statistic, 54) == pytest.approx(wanted, abs=1e-9)
    for _ in range(20):
        rows = rng.poisson(1.0, 54)
        drawn = np.bincount(rng.integers(0, 6, 6), minlength=6)
        copies = [np.flatnonzero(systems == s) for s in np.repeat(np.arange(6), drawn)]
        renamed = np.concatenate([np.full(len(ids), at) for at, ids in enumerate(copies)])
        originals = np.repeat(np.arange(6), drawn)
        ids = np.concatenate(copies)
        count = rows[ids]
        x, y, s = (np.repeat(v, count) for v in (targets[ids], scores[ids], renamed))
        if kind == "pairwise_accuracy":
            wanted = accuracy_without_self_pairs(x, y, s, originals)
        else:
            wanted = system_oracle(kind, x, y, s)
        weights = (rows * drawn[systems])[None].astype(float)
        found = statistic(weights, drawn[None].astype(float))[0]
        assert found == pytest.approx(wanted, abs=1e-9, nan_ok=True)


def accuracy_without_self_pairs(targets, scores, systems, originals):
    """A system that was drawn twice makes no pair with its own copy."""
    pairs = [
        (i, j) for i, j in combinations(sorted(set(systems)), 2) if originals[i] != originals[j]
    ]
    agreed = [
        np.sign(np.round(targets[systems == i].mean() - targets[systems == j].mean(), 9))
        == np.sign(np.round(scores[systems == i].mean() - scores[systems == j].mean(), 9))
        for i, j in pairs
    ]
    return sum(agreed) / len(agreed)


def test_equal_means_of_systems_are_ties_however_they_are_summed():
    # Means of 0.1 over 3, 7 and 9 rows differ in their last bits.
    systems = np.repeat([0, 1, 2], [3, 7, 9])
    constant, targets = np.full(19, 0.1), np.repeat([1.0, 2.0, 3.0], [3, 7, 9])
    for kind in ("pearson", "spearman", "kendall"):
        assert math.isnan(st.value(st.system_level(kind, systems)(targets, constant), 19))
    scores = np.array([0.1] * 3 + [0.1, 0.2, 0.0, 0.1, 0.3, -0.1, 0.1] + [0.5] * 9)
    accuracy = st.system_level("pairwise_accuracy", systems)(targets, scores)
    assert st.value(accuracy, 19) == pytest.approx(2 / 3)


def test_undefined_statistics_are_nan():
    weights = np.array([[0.0, 0.0, 1.0, 1.0], [0.0, 0.0, 0.0, 0.0], [1.0, 1.0, 1.0, 1.0]])
    for kind in [*LABELLED, "balanced_accuracy"]:
        found = prepare(kind)([0, 0, 1, 1], [0, 1, 1, 0])(weights)
        assert np.isnan(found).tolist() == [kind != "average_precision", True, False]
    for kind in GRADED:
        assert np.isnan(prepare(kind)([1, 2, 3, 3], [1, 2, 3, 4])(weights[:2])).all()
        assert math.isnan(st.value(prepare(kind)([1, 2, 3], [0.1, 0.1, 0.1]), 3))
    assert math.isnan(st.value(st.roc_auc([1], [0.5]), 1))
    assert st.value(st.f1([0, 1], [1, 0]), 2) == 0
    assert math.isnan(st.value(st.f1([0, 0], [0, 0]), 2))
    assert st.value(st.roc_auc([0, 1, 1], [0.4, 0.4, 0.4]), 3) == 0.5


@pytest.mark.parametrize("kind", [*LABELLED, *GRADED])
@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_scores_that_are_no_numbers_are_refused(kind, bad):
    with pytest.raises(ValueError, match="finite"):
        prepare(kind)([0, 1, 1], [0.1, bad, 0.3])


@pytest.mark.parametrize("kind", [*LABELLED, *DECIDED])
def test_labels_that_are_neither_0_nor_1_are_refused(kind):
    with pytest.raises(ValueError, match="0 or 1"):
        prepare(kind)([0, 2], [0, 1])


# --- thresholds ----------------------------------------------------------------------------------


def accuracy_above(labels, scores, threshold):
    decided = scores > threshold
    return (decided[labels == 1].mean() + (~decided[labels == 0]).mean()) / 2


def literal_summac(labels, scores):
    best, found = -1.0, None
    for percentile in np.arange(0, 100, 0.2):
        threshold = np.percentile(scores, percentile)
        accuracy = accuracy_above(labels, scores, threshold)
        if accuracy >= best - 1e-12:
            best, found = accuracy, threshold
    return found


def literal_alignscore(labels, scores):
    best, found = -1.0, None
    for step in range(1001):
        accuracy = accuracy_above(labels, scores, step / 1000)
        if accuracy > best + 1e-12:
            best, found = accuracy, step / 1000
    return found


@pytest.mark.parametrize("digits", [1, 2, 12])
@pytest.mark.parametrize("shift", [-0.5, 0.5])
def test_thresholds_are_those_of_the_literal_loops(digits, shift):
    rng = np.random.default_rng([digits, int(shift > 0)])
    labels = (rng.random(90) < 0.7).astype(float)
    scores = np.round(np.clip(rng.normal(0.4, 0.2, 90) + 0.1 * labels, 0, 1), digits)
    assert thresholds.alignscore_threshold(labels, scores) == literal_alignscore(labels, scores)
    assert thresholds.summac_threshold(labels, scores + shift) == literal_summac(
        labels, scores + shift
    )


# --- Holm, clusters ------------------------------------------------------------------------------


def literal_holm(p_values):
    """Holm's adjusted p: the largest (m - rank) * p over the tests that come before or are it."""
    given = [p for p in p_values if not math.isnan(p)]
    m = len(given)
    corrected = []
    for p in p_values:
        if math.isnan(p):
            corrected.append(math.nan)
            continue
        upto = [q for q in given if q <= p]
        steps = [min(1.0, (m - sum(r < q for r in given)) * q) for q in upto]
        corrected.append(max(steps))
    return corrected


@given(hs.lists(hs.one_of(hs.sampled_from([0.01, 0.04, math.nan]), hs.floats(0, 1)), max_size=9))
def test_holm_is_its_definition(p_values):
    found = significance.holm(p_values)
    assert found.tolist() == pytest.approx(literal_holm(p_values), abs=1e-12, nan_ok=True)


def test_holm_rejects_what_the_step_down_procedure_rejects():
    rng = np.random.default_rng(0)
    for _ in range(50):
        p_values = rng.random(6) ** 3
        rejected = set()
        for step, index in enumerate(np.argsort(p_values)):
            if p_values[index] > 0.05 / (6 - step):
                break
            rejected.add(int(index))
        assert set(np.flatnonzero(significance.holm(p_values) <= 0.05).tolist()) == rejected


def test_clusters_begin_where_the_best_of_the_last_is_significantly_better():
    worse = {("a", "c"), ("a", "d"), ("a", "e"), ("c", "e"), ("b", "c")}
    found = significance.significance_clusters(
        "abcde", lambda first, second: (first, second) in worse
    )
    assert found == {"a": 1, "b": 1, "c": 2, "d": 2, "e": 3}
    assert significance.significance_clusters("", lambda first, second: True) == {}
    assert significance.significance_clusters("abc", lambda first, second: False) == dict.fromkeys(
        "abc", 1
    )


# --- bootstrap -----------------------------------------------------------------------------------


def a_sample(rows=40, seed=0):
    rng = np.random.default_rng(seed)
    labels = np.arange(rows) % 3 > 0
    return labels.astype(float), np.round(rng.normal(size=rows) + labels, 1)


def test_rows_of_their_own_documents_are_resampled_as_scipy_does():
    labels, scores = a_sample()
    design = intervals.Design.of(np.arange(40))
    rng = np.random.default_rng(5)
    found = intervals.bootstrap_draws(st.roc_auc(labels, scores), design, resamples=60, rng=rng)
    direct = stats.bootstrap(
        (labels, scores),
        sk.roc_auc_score,
        paired=True,
        vectorized=False,
        n_resamples=60,
        method="percentile",
        rng=np.random.default_rng(5),
    )
    assert found == pytest.approx(direct.bootstrap_distribution, abs=1e-12)


@pytest.mark.parametrize("with_systems", [False, True])
def test_documents_and_systems_are_resampled_as_an_explicit_loop_does(with_systems):
    labels, scores = a_sample()
    documents, systems = np.arange(40) // 4, np.arange(40) % 4
    design = intervals.Design.of(documents, systems if with_systems else None)
    found = intervals.bootstrap_draws(
        st.spearman(labels, scores), design, resamples=30, rng=np.random.default_rng(2)
    )
    rng = np.random.default_rng(2)
    drawn = [rng.integers(0, size, (30, size)) for size in design.sizes]
    for draw in range(30):
        ids = [
            row
            for document in drawn[0][draw]
            for system in (drawn[1][draw] if with_systems else [None])
            for row in np.flatnonzero(
                (documents == document) & ((systems == system) | (system is None))
            )
        ]
        wanted = correlation("spearman", labels[ids], scores[ids])
        assert found[draw] == pytest.approx(wanted, abs=1e-9, nan_ok=True)


def test_a_system_that_is_drawn_twice_counts_twice():
    labels, scores = a_sample()
    documents, systems = np.arange(40) // 4, np.arange(40) % 4
    design = intervals.Design.of(documents, systems)
    statistic = st.system_level("pearson", systems)(labels, scores)
    found = intervals.bootstrap_draws(statistic, design, resamples=30, rng=np.random.default_rng(2))
    rng = np.random.default_rng(2)
    drawn = [rng.integers(0, size, (30, size)) for size in design.sizes]
    for draw in range(30):
        copies = [
            (copy, np.flatnonzero((documents == document) & (systems == system)))
            for copy, system in enumerate(drawn[1][draw])
            for document in drawn[0][draw]
        ]
        ids = np.concatenate([rows for _, rows in copies])
        names = np.concatenate([np.full(len(rows), copy) for copy, rows in copies])
        wanted = system_oracle("pearson", labels[ids], scores[ids], names)
        assert found[draw] == pytest.approx(wanted, abs=1e-9, nan_ok=True)


def test_resamples_that_lose_a_class_are_nan_and_too_many_leave_no_interval():
    labels, scores = np.repeat([0.0, 1.0], [1, 9]), np.arange(10.0)
    draws = intervals.bootstrap_draws(
        st.roc_auc(labels, scores),
        intervals.Design.of(np.arange(10)),
        resamples=400,
        rng=np.random.default_rng(0),
    )
    # The one negative is left out with probability 0.9^10.
    assert np.isnan(draws).mean() == pytest.approx(0.9**10, abs=0.08)
    assert np.isnan(intervals.interval(0.1, draws, clusters=10)).all()
    few = np.where(np.arange(400) < 20, np.nan, 0.5)
    assert np.isfinite(intervals.interval(0.5, few, clusters=10)).all()
    more = np.where(np.arange(400) < 21, np.nan, 0.5)
    assert np.isnan(intervals.interval(0.5, more, clusters=10)).all()
    assert np.isnan(intervals.interval(0.5, np.empty(0), clusters=10)).all()
    assert np.isnan(intervals.interval(math.nan, few, clusters=10)).all()


def test_one_document_has_a_value_and_no_interval():
    labels, scores = a_sample()
    design = intervals.Design.of(np.zeros(40))
    rng = np.random.default_rng(0)
    draws = intervals.bootstrap_draws(st.roc_auc(labels, scores), design, resamples=9, rng=rng)
    assert np.isnan(draws).all()
    assert len(draws) == 9
    assert np.isnan(intervals.interval(1.0, np.ones(9), clusters=1)).all()
    observed, null = significance.permutation_draws(
        st.roc_auc, labels, (scores, -scores), design, resamples=9, rng=rng
    )
    assert null.tolist() == pytest.approx([observed, -observed])
    assert significance.p_value(observed, null) == 1.0


@pytest.mark.parametrize("lowest", [0.0, -1.0])
def test_interval_is_students_on_the_logit_scale(lowest):
    draws = lowest + (1 - lowest) * np.random.default_rng(0).beta(8, 2, 500)
    value = lowest + (1 - lowest) * 0.83
    x, at = ((v - lowest) / (1 - lowest) for v in (draws, value))
    error = np.std(np.log(x / (1 - x)), ddof=1) * math.sqrt(12 / 11)
    ends = stats.t.interval(0.9, 11, loc=math.log(at / (1 - at)), scale=error)
    wanted = [lowest + (1 - lowest) / (1 + math.exp(-end)) for end in ends]
    assert intervals.interval(value, draws, 0.9, clusters=12, lowest=lowest) == pytest.approx(
        wanted
    )


def test_interval_of_draws_on_a_bound_is_one_of_quantiles():
    normal = stats.norm.ppf((np.arange(200_000) + 0.5) / 200_000)
    draws = 0.5 + 0.05 * normal * math.sqrt(11 / 12)
    draws[-1] = 1.0
    # The standard deviation of n numbers about their own mean is too small by (n - 1) to n.
    wanted = stats.t.interval(0.9, 11, loc=0.5, scale=0.05)
    assert intervals.interval(0.5, draws, 0.9, clusters=12) == pytest.approx(wanted, abs=1e-3)
    low, high = intervals.interval(1.0, np.append(np.ones(50), [0.2, 0.7]), clusters=3)
    assert low < 0.3
    assert high == 1.0


@pytest.mark.parametrize("level", [0.9, 0.95])
@pytest.mark.parametrize("documents", [2, 5, 40])
def test_draws_that_do_not_differ_tell_what_clopper_and_pearson_tell(documents, level):
    """Of a share: all agree, and the exact interval says how many others there may be."""
    exact = stats.binomtest(documents, documents).proportion_ci(level, method="exact").low
    # Of a two-sided interval; scipy's own, of n in n, has this lower end.
    for value, lowest in ((1.0, 0.0), (0.0, 0.0), (0.25, -1.0)):
        low, high = intervals.interval(
            value, np.full(50, value), level, clusters=documents, lowest=lowest
        )
        assert low == pytest.approx(lowest + (value - lowest) * exact)
        assert high == pytest.approx(1 - (1 - value) * exact)
    flat = intervals.interval(7.0, np.full(50, 7.0), level, clusters=documents, lowest=None)
    assert flat == (7.0, 7.0)


def test_without_bounds_it_is_students_plain_interval():
    draws = np.random.default_rng(0).normal(3, 0.5, 500)
    error = np.std(draws, ddof=1) * math.sqrt(12 / 11)
    wanted = stats.t.interval(0.9, 11, loc=3.1, scale=error)
    assert intervals.interval(3.1, draws, 0.9, clusters=12, lowest=None) == pytest.approx(wanted)


def test_uneven_documents_count_as_fewer_equal_ones():
    """Kish's design effect: sums of independent equal documents vary as much."""
    rng = np.random.default_rng(0)
    sizes = np.array([30, 9, 5, 3, 1, 1, 1])
    clusters = intervals.effective_clusters(sizes)
    means = rng.normal(size=(200_000, len(sizes))) @ sizes / sizes.sum()
    assert 1 / clusters == pytest.approx(means.var(), rel=0.02)
    assert intervals.effective_clusters(np.full(9, 4)) == 9
    assert intervals.effective_clusters([1000, 1, 1]) == 2
    assert intervals.effective_clusters([8]) == 1
    documents = np.repeat(np.arange(7), sizes)
    design = intervals.Design.of(documents, np.arange(50) % 4)
    assert design.clusters == pytest.approx(min(clusters, 50**2 / (2 * 13**2 + 2 * 12**2)))


def test_very_many_rows_are_resampled_in_bounded_memory():
    rng = np.random.default_rng(0)
    rows = 100_000
    labels, scores = rng.integers(0, 2, rows).astype(float), rng.normal(size=rows)
    statistic, design = st.roc_auc(labels, scores), intervals.Design.of(np.arange(rows) // 10)
    tracemalloc.start()
    draws = intervals.bootstrap_draws(statistic, design, resamples=20, rng=rng)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert draws.std() < 0.01
    # All 20 resamples at once take 16 MB an array, and the statistic half a dozen of them.
    assert peak < 30e6


# --- permutation tests ---------------------------------------------------------------------------


def explicit_null(kind, targets, first, second, documents, systems=None):
    """Differences of the statistic over all ways to swap documents (and systems)."""
    names = sorted(set(documents)), sorted(set(systems)) if systems is not None else []
    differences = []
    for swaps in product([False, True], repeat=len(names[0]) + len(names[1])):
        of_document = dict(zip(names[0], swaps, strict=False))
        of_system = dict(zip(names[1], swaps[len(names[0]) :], strict=True))
        swapped = np.array([of_document[document] for document in documents])
        if systems is not None:
            swapped ^= np.array([of_system[system] for system in systems])
        x, y = np.where(swapped, second, first), np.where(swapped, first, second)
        differences.append(kind(targets, x) - kind(targets, y))
    return np.array(differences)


KINDS = {
    "roc_auc": (st.roc_auc, sk.roc_auc_score),
    "average_precision": (st.average_precision, sk.average_precision_score),
    "pearson": (st.pearson, lambda x, y: correlation("pearson", x, y)),
    "spearman": (st.spearman, lambda x, y: correlation("spearman", x, y)),
    "kendall": (st.kendall, lambda x, y: correlation("kendall", x, y)),
}


@pytest.mark.parametrize("kind", list(KINDS))
@pytest.mark.parametrize(("documents", "systems"), [(2, None), (4, None), (2, 3)])
def test_few_documents_and_systems_have_all_their_swaps_enumerated(kind, documents, systems):
    labels, first = a_sample(24)
    second = a_sample(24, seed=1)[1]
    which = np.arange(24) % documents
    whose = None if systems is None else np.arange(24) // 2 % systems
    observed, null = significance.permutation_draws(
        KINDS[kind][0],
        labels,
        (first, second),
        intervals.Design.of(which, whose),
        resamples=2 ** (documents + (systems or 0)),
        rng=np.random.default_rng(0),
    )
    wanted = explicit_null(KINDS[kind][1], labels, first, second, which, whose)
    assert observed == pytest.approx(wanted[0])
    assert np.sort(null) == pytest.approx(np.sort(wanted))


def test_enumerated_swaps_are_those_of_scipy():
    labels, first = a_sample(7)
    second = a_sample(7, seed=4)[1]

    def difference(x, y):
        return sk.roc_auc_score(labels, x) - sk.roc_auc_score(labels, y)

    direct = stats.permutation_test(
        (first, second), difference, permutation_type="samples", n_resamples=128
    )
    observed, null = significance.permutation_draws(
        st.roc_auc,
        labels,
        (first, second),
        intervals.Design.of(np.arange(7)),
        resamples=128,
        rng=np.random.default_rng(0),
    )
    assert observed == pytest.approx(direct.statistic)
    assert np.sort(null) == pytest.approx(np.sort(direct.null_distribution))
    # scipy adds no 1 where all swaps were enumerated.
    assert significance.p_value(observed, null) == pytest.approx((direct.pvalue * 128 + 1) / 129)


@pytest.mark.parametrize("with_systems", [False, True])
def test_the_sum_over_rows_is_the_difference_of_two_aucs(with_systems):
    labels, first = a_sample(60)
    second = a_sample(60, seed=2)[1]
    systems = np.arange(60) % 5 if with_systems else None
    found, wanted = (
        significance.permutation_draws(
            prepared,
            labels,
            (first, second),
            intervals.Design.of(np.arange(60) // 3, systems),
            resamples=100,
            rng=np.random.default_rng(0),
        )
        # Not the function itself: the difference of the statistic of the chosen rows is taken.
        for prepared in (st.roc_auc, lambda x, y: st.roc_auc(x, y))
    )
    assert found[0] == pytest.approx(wanted[0], abs=1e-12)
    assert found[1] == pytest.approx(wanted[1], abs=1e-12)


def test_drawn_swaps_follow_the_enumerated_distribution():
    labels, first = a_sample(30)
    second = a_sample(30, seed=1)[1]
    documents = np.arange(30) % 5
    wanted = explicit_null(sk.roc_auc_score, labels, first, second, documents)
    # Five documents have 32 swaps: 31 draws are drawn, so many calls are pooled.
    rng = np.random.default_rng(0)
    null = np.concatenate(
        [
            significance.permutation_draws(
                st.roc_auc,
                labels,
                (first, second),
                intervals.Design.of(documents),
                resamples=31,
                rng=rng,
            )[1]
            for _ in range(200)
        ]
    )
    for level in np.unique(np.round(wanted, 9)):
        share = (wanted <= level + 1e-8).mean()
        assert (null <= level + 1e-8).mean() == pytest.approx(share, abs=0.03)


@pytest.mark.parametrize("kind", ["pearson", "spearman", "kendall"])
def test_systems_and_documents_are_swapped_as_nlpstats_does(kind):
    """PERM-BOTH of Deutsch et al. by its author's own code, on the same matrices."""
    nlpstats = pytest.importorskip("nlpstats.correlations")
    rng = np.random.default_rng(7)
    judged = rng.normal(size=(7, 12)) + rng.normal(size=(7, 1))
    good, poor = judged + rng.normal(size=(7, 12)), rng.normal(size=(7, 12)) + 0.4 * judged
    systems, documents = np.indices((7, 12)).reshape(2, -1)
    targets, first, second = (matrix.ravel() for matrix in (judged, good, poor))
    prepared = st.system_level(kind, systems)
    for scores, matrix in ((first, good), (second, poor)):
        own = st.value(prepared(targets, scores), 84)
        assert own == pytest.approx(nlpstats.correlate(matrix, judged, "system", kind))
    scaled = tuple(st.common_scale(scores, ranks=False) for scores in (first, second))
    observed, null = significance.permutation_draws(
        prepared, targets, scaled, intervals.Design.of(documents, systems), resamples=500, rng=rng
    )
    difference = nlpstats.correlate(good, judged, "system", kind) - nlpstats.correlate(
        poor, judged, "system", kind
    )
    assert observed == pytest.approx(difference)
    state = np.random.get_state()  # nlpstats draws from numpy's global generator
    np.random.seed(0)
    theirs = nlpstats.permutation_test(good, poor, judged, "system", kind, "both", n_resamples=500)
    np.random.set_state(state)
    rounded = np.round(null, 9), np.round(theirs.samples, 9)
    assert stats.ks_2samp(*rounded).pvalue > 1e-3
    error = 4 * math.sqrt(2 * 0.25 / 500)
    assert significance.p_value(observed, null) == pytest.approx(theirs.pvalue, abs=error)


def test_p_values_are_never_zero_count_ties_and_are_undefined_with_nan():
    null = np.array([-0.3, -0.1, 0.0, 0.1, 0.3])
    assert significance.p_value(0.5, null) == pytest.approx(1 / 6)
    assert significance.p_value(0.3 + 1e-13, null) == pytest.approx(3 / 6)
    assert significance.p_value(-0.5, null) == significance.p_value(0.5, null)
    assert significance.p_value(0.0, null) == 1.0
    assert math.isnan(significance.p_value(math.nan, null))
    assert math.isnan(significance.p_value(0.1, np.array([0.1, math.nan])))


def test_equal_generators_give_equal_draws():
    labels, scores = a_sample()
    design = intervals.Design.of(np.arange(40) // 2)
    draws = [
        intervals.bootstrap_draws(
            st.roc_auc(labels, s), design, resamples=50, rng=np.random.default_rng(1)
        )
        for s in (scores, scores, 2 * scores + 1)
    ]
    assert draws[0].tolist() == draws[1].tolist() == draws[2].tolist()


def test_common_scales():
    scores = np.array([3.0, 1.0, 1.0, 8.0])
    assert st.common_scale(scores, ranks=True).tolist() == [0.625, 0.25, 0.25, 0.875]
    assert st.common_scale(scores, ranks=False) == pytest.approx(stats.zscore(scores))
    assert st.common_scale(np.full(10, 0.1), ranks=False).tolist() == [0.0] * 10


# --- simulations: benchmarks/statistics_validity.py in short --------------------------------------


@pytest.fixture(scope="module")
def validity():
    folder = Path(__file__).resolve().parents[1] / "benchmarks"
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(folder)
        yield import_module("statistics_validity")


def binomial(share, n):
    """Bounds that a share of n cases leaves once in ten thousand times, a side."""
    low, high = stats.binom.ppf([1e-4, 1 - 1e-4], n, share) / n
    return low, high


@pytest.mark.parametrize("kind", ["auc", "spearman"])
def test_intervals_of_clustered_rows_cover(validity, kind):
    population = validity.Population(60, 16, effect=2.0, agreement=0.8 if kind == "auc" else 0.5)
    found = validity.coverage([population], validity.board(kind), repetitions=120, resamples=200)
    assert binomial(0.93, 120)[0] <= found.interval <= binomial(0.96, 120)[1]
    # Rows taken one by one promise far too much.
    assert found.by_row < binomial(0.95, 120)[0]


@pytest.mark.parametrize("documents", [6, 60])
def test_intervals_of_means_of_clustered_rows_cover(validity, documents):
    population = validity.Population(documents, 8, effect=2.0)
    for place in (validity.result_ci, validity.compared("difference")):
        found = validity.coverage([population], place, repetitions=80, resamples=200)
        assert binomial(0.93, 80)[0] <= found.interval <= binomial(0.97, 80)[1]
        if place is validity.result_ci:
            assert found.by_row < binomial(0.95, 80)[0]


def test_p_values_are_uniform_where_two_metrics_are_equally_good(validity):
    null = validity.Null(validity.Population(40, 10, effect=2.0), st.roc_auc)
    p = {
        name: np.array(list(validity.p_values(null, design, repetitions=200, resamples=199)))
        for name, design in validity.designs(null).items()
    }
    low, high = binomial(0.05, 200)
    assert low <= (p["documents"] < 0.05).mean() <= high
    assert stats.kstest(p["documents"], "uniform").pvalue > 1e-4
    assert (p["rows"] < 0.05).mean() > high


# --- other groups' scores ------------------------------------------------------------------------

TRUE = {
    "begin_dev": "begin",
    "dialfact_valid": "dialfact",
    "fever_dev": "fever",
    "frank_valid": "frank",
    "mnbm": "mnbm",
    "paws": "paws",
    "q2": "q2",
    "qags_cnndm": "qags_cnndm",
    "qags_xsum": "qags_xsum",
    "summeval": "summeval",
    "vitc_dev": "vitaminc",
}


def test_auc_of_other_groups_scores_on_true(shared):
    with gzip.open(shared / "benchmarks" / "true_reference_scores.json.gz") as file:
        sets = json.load(file)
    (table,) = (table for table in load_tables() if table.id == "alignscore-readme-true")
    assert len(sets) == 11
    of_summac_zs = {}
    for name, columns in sets.items():
        labels = columns.pop("label")
        for metric, scores in columns.items():
            auc = st.value(st.roc_auc(labels, scores), len(labels))
            assert auc == pytest.approx(sk.roc_auc_score(labels, scores), abs=1e-9)
            if metric == "summac_zs":
                of_summac_zs[TRUE[name]] = 100 * auc
    counted = [of_summac_zs[name.removeprefix("true_")] for name in table.mean_over]
    assert np.mean(counted) == pytest.approx(table.mean("SummaC-ZS"), abs=0.3)


def test_correlations_of_the_metrics_in_the_frank_paper(shared):
    folder = shared / "benchmarks" / "official" / "frank"
    read = {}
    for name in ("human_annotations", "baseline_factuality_metrics_outputs"):
        with gzip.open(folder / f"{name}.json.gz") as file:
            read[name] = {(row["hash"], row["model_name"]): row for row in json.load(file)}
    human, outputs = read["human_annotations"], read["baseline_factuality_metrics_outputs"]
    assert set(human) == set(outputs)
    metrics = sorted({n for row in outputs.values() for n, v in row.items() if type(v) is float})
    assert len(metrics) == 15
    for metric in metrics:
        keys = [key for key, row in outputs.items() if row.get(metric) is not None]
        x = np.array([human[key]["Factuality"] for key in keys], dtype=float)
        y = np.array([outputs[key][metric] for key in keys], dtype=float)
        assert len(x) > 1000
        for kind, statistic in GRADED.items():
            found = st.value(statistic(x, y), len(x))
            assert found == pytest.approx(SCIPY[kind](x, y)[0], abs=1e-9)
