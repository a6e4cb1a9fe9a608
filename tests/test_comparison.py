"""alignscore_metric.leaderboards.comparison against scipy, enumeration and hand-made arrays."""

import math
import warnings
from itertools import chain, combinations, product

import numpy as np
import pytest
import scipy.special
import scipy.stats

from alignscore_metric.errors import ConfigurationError, InputError
from alignscore_metric.leaderboards.comparison import TIE, ComparisonSettings, compare, widest
from alignscore_metric.result import ScoreSummary
from alignscore_metric.scores.significance import separated_clusters

QUICK = ComparisonSettings(resamples=500)


def alone(count):
    """Documents of one example each."""
    return np.arange(count)


def random_scores(systems="abc", count=40, *, gaps=0, seed=0):
    rng = np.random.default_rng(seed)
    scores = {
        name: np.clip(rng.beta(2, 2, count) + 0.05 * place, 0, 1)
        for place, name in enumerate(systems)
    }
    for values in scores.values():
        values[rng.choice(count, gaps, replace=False)] = np.nan
    return scores


def pair_of(comparison, one, other):
    [pair] = [p for p in comparison.pairs if {p.better, p.worse} == {one, other}]
    return pair


def system_of(comparison, name):
    [system] = [s for s in comparison.systems if s.name == name]
    return system


# ------------------------------------------------------------ systems


@pytest.mark.parametrize("gaps", [0, 7])
def test_statistics_of_systems_against_numpy(gaps):
    scores = random_scores(gaps=gaps)
    found = compare(scores, alone(40), ComparisonSettings(resamples=500, threshold=0.55))
    assert (found.examples, found.documents) == (40, 40)
    means = [np.nanmean(scores[system.name]) for system in found.systems]
    assert means == sorted(means, reverse=True)
    assert len(found.systems) == len(found.pairs) == 3
    for system in found.systems:
        values = scores[system.name]
        assert system.mean == pytest.approx(np.nanmean(values))
        assert system.median == pytest.approx(np.nanmedian(values))
        assert system.below == pytest.approx((values < 0.55).sum() / (40 - gaps))
        assert system.undefined == gaps


def student(value, draws, count, level=0.95, *, lowest=0.0):
    """Student's interval on the logit scale with the draws' error, as that of a new sample."""
    share, shares = ((x - lowest) / (1 - lowest) for x in (value, np.asarray(draws)))
    error = scipy.special.logit(shares).std(ddof=1) * math.sqrt(count / (count - 1))
    middle = scipy.special.logit(share)
    ends = scipy.stats.t.interval(level, count - 1, loc=middle, scale=error)
    return tuple(lowest + (1 - lowest) * scipy.special.expit(ends))


@pytest.mark.parametrize("gaps", [0, 7])
def test_interval_of_a_mean_is_students_with_scipys_draws(gaps):
    """It is what `AlignScoreResult.ci` gives too."""
    scores = random_scores(gaps=gaps)
    found = compare(scores, alone(40), ComparisonSettings(resamples=700, seed=3, level=0.9))
    for name, values in scores.items():
        draws = scipy.stats.bootstrap(
            (values[~np.isnan(values)],),
            np.mean,
            n_resamples=700,
            method="percentile",
            rng=np.random.default_rng(3),
        ).bootstrap_distribution
        system = system_of(found, name)
        expected = student(np.nanmean(values), draws, 40 - gaps, 0.9)
        assert (system.low, system.high) == pytest.approx(expected, abs=1e-9)
        result = ScoreSummary(values, alone(40), "").ci(0.9, resamples=700, seed=3)
        assert (system.low, system.high) == result


def test_documents_are_resampled_whole():
    """Rows that are drawn and put together one by one."""
    scores = random_scores("ab", 30, gaps=4)
    documents = np.repeat([0, 1, 2, 3, 4], [2, 10, 3, 8, 7])
    found = compare(scores, documents, ComparisonSettings(resamples=400, seed=1))
    assert found.documents == 5
    pair = found.pairs[0]
    arrays = {system.name: scores[system.name] for system in found.systems}
    arrays["difference"] = scores[pair.better] - scores[pair.worse]
    intervals = {system.name: (system.low, system.high) for system in found.systems}
    intervals["difference"] = (pair.low, pair.high)
    draws = np.random.default_rng(1).integers(0, 5, (400, 5))
    for name, values in arrays.items():
        means = [
            np.nanmean(np.concatenate([values[documents == document] for document in draw]))
            for draw in draws
        ]
        sizes = np.bincount(documents[~np.isnan(values)])
        count = sizes.sum() ** 2 / (sizes**2).sum()  # as many equal documents tell as much
        lowest = -1.0 if name == "difference" else 0.0
        expected = student(np.nanmean(values), means, count, lowest=lowest)
        assert intervals[name] == pytest.approx(expected, abs=1e-9)


def test_the_same_resamples_for_all_systems():
    """A system that is another one, turned round in [0, 1], has its interval, turned round."""
    low = random_scores("a")["a"] / 2
    found = compare({"low": low, "high": 1 - low}, alone(40), QUICK)
    high, low = found.systems
    assert (1 - high.high, 1 - high.low) == pytest.approx((low.low, low.high))


def test_a_sure_difference_leaves_room_for_others():
    """No document differs from the others; 8.8% of all may, says the exact interval."""
    low = random_scores("a")["a"] / 2
    pair = compare({"low": low, "high": low + 0.25}, alone(40), QUICK).pairs[0]
    agree = scipy.stats.binomtest(40, 40).proportion_ci(method="exact").low
    assert pair.difference == pytest.approx(0.25)
    assert (pair.low, pair.high) == pytest.approx((-1 + 1.25 * agree, 1 - 0.75 * agree))


def test_scores_without_bounds():
    scores = {name: 10 * values for name, values in random_scores("ab", seed=1).items()}
    found = compare(scores, alone(40), QUICK)
    arrays = [scores[system.name] for system in found.systems]
    arrays.append(arrays[0] - arrays[1])
    for values, one in zip(arrays, [*found.systems, *found.pairs], strict=True):
        plain = scipy.stats.t.interval(0.95, 39, loc=values.mean(), scale=scipy.stats.sem(values))
        assert (one.low, one.high) == pytest.approx(plain, rel=0.1, abs=0.05)


# ------------------------------------------------------------ pairs


def exact_p(differences, documents):
    """Two-sided: the share of all sign flips of documents that are at least as far from 0."""
    sums = [differences[documents == d].sum() for d in np.unique(documents)]
    flips = [abs(np.dot(signs, sums)) for signs in product((1, -1), repeat=len(sums))]
    return np.mean(np.array(flips) >= abs(sum(sums)) - 1e-12)


@pytest.mark.parametrize("documents", [alone(9), np.array([0, 0, 0, 1, 1, 2, 3, 4, 4])])
@pytest.mark.parametrize("seed", range(4))
def test_p_of_few_documents_is_exact(documents, seed):
    scores = random_scores("ab", 9, seed=seed)
    pair = compare(scores, documents, ComparisonSettings(resamples=600)).pairs[0]
    assert pair.p == pytest.approx(exact_p(scores["a"] - scores["b"], documents))
    assert pair.p_holm == pair.p


def test_p_of_many_documents_is_near_scipys_test_of_swapped_scores():
    scores = random_scores("ab", 60, seed=5)
    pair = compare(scores, alone(60), ComparisonSettings(resamples=20_000)).pairs[0]
    expected = scipy.stats.permutation_test(
        (scores["a"], scores["b"]),
        lambda a, b, axis: a.mean(axis) - b.mean(axis),
        permutation_type="samples",
        vectorized=True,
        n_resamples=20_000,
        rng=np.random.default_rng(99),
    ).pvalue
    assert 0.02 < expected < 0.8
    assert pair.p == pytest.approx(expected, abs=0.015)
    t_test = scipy.stats.ttest_rel(scores["a"], scores["b"]).pvalue
    assert pair.p == pytest.approx(t_test, abs=0.02)


@pytest.mark.parametrize("seed", range(20))
def test_what_is_not_significant_is_not_excluded(seed):
    """Five documents: no test of 5% can reject. Differences of one sign, and hardly any spread."""
    rng = np.random.default_rng(seed)
    a = rng.uniform(0.5, 0.9, 5)
    pair = compare({"a": a, "b": a - rng.uniform(0.09, 0.11, 5)}, alone(5), QUICK).pairs[0]
    assert pair.p == 2 / 2**5
    assert pair.low == 0.0
    assert pair.high > pair.difference
    many = compare({"a": np.tile(a, 4), "b": np.tile(a, 4) - 0.1}, alone(20), QUICK).pairs[0]
    assert many.p < 0.01


def test_p_is_never_zero():
    found = compare({"a": np.full(50, 0.9), "b": np.full(50, 0.1)}, alone(50), QUICK)
    assert found.pairs[0].p == pytest.approx(2 / 501)


def test_equal_systems():
    values = random_scores("a")["a"]
    found = compare({"a": values, "b": values.copy()}, alone(40), QUICK)
    pair = found.pairs[0]
    assert (pair.difference, pair.p, pair.p_holm) == (0, 1, 1)
    assert -0.1 < pair.low < 0 < pair.high < 0.1
    assert (pair.wins, pair.ties, pair.losses) == (0, 1, 0)
    assert [system.cluster for system in found.systems] == [1, 1]


def closed_testing(p_values):
    """Holm's corrected p: the largest Bonferroni p of all sets of hypotheses with this one."""
    places = range(len(p_values))
    sets = list(chain.from_iterable(combinations(places, n + 1) for n in places))
    return [
        max(min(1, len(s) * min(p_values[k] for k in s)) for s in sets if place in s)
        for place in places
    ]


def test_holm_over_all_pairs_against_closed_testing():
    found = compare(
        random_scores("abcd", 60, seed=2), alone(60), ComparisonSettings(resamples=2000)
    )
    p_values = [pair.p for pair in found.pairs]
    assert len(set(p_values)) > 4
    corrected = [pair.p_holm for pair in found.pairs]
    assert corrected == pytest.approx(closed_testing(p_values))
    assert corrected != p_values


def test_wins_ties_losses_and_what_is_left_out():
    a = np.array([0.9, 0.5, 0.5, 0.2, np.nan, 0.7, np.nan])
    b = np.array([0.1, 0.5, 0.5 + TIE / 2, 0.3, 0.4, np.nan, np.nan])
    pair = compare({"b": b, "a": a}, alone(7), QUICK).pairs[0]
    assert (pair.better, pair.worse, pair.undefined) == ("a", "b", 3)
    assert (pair.wins, pair.ties, pair.losses) == (0.25, 0.5, 0.25)
    assert pair.difference == pytest.approx((0.8 - TIE / 2 - 0.1) / 4)


def test_a_pair_is_ordered_by_the_examples_that_both_have():
    """`a` has the higher mean, but only because of an example that `b` has no score for."""
    scores = {"a": np.array([0.2, 0.3, 1.0]), "b": np.array([0.3, 0.4, np.nan])}
    found = compare(scores, alone(3), QUICK)
    assert [system.name for system in found.systems] == ["a", "b"]
    assert (found.pairs[0].better, found.pairs[0].worse) == ("b", "a")
    assert found.pairs[0].difference == pytest.approx(0.1)


def test_a_pair_without_a_common_example_is_undefined():
    scores = {
        "a": np.array([0.9, np.nan, 0.8, np.nan]),
        "b": np.array([np.nan, 0.5, np.nan, 0.4]),
        "c": np.array([0.1, 0.1, 0.2, 0.2]),
    }
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = compare(scores, alone(4), QUICK)
    pair = pair_of(found, "a", "b")
    numbers = (pair.difference, pair.low, pair.high, pair.p, pair.p_holm, pair.wins, pair.ties)
    assert all(math.isnan(number) for number in numbers)
    assert pair.undefined == 4
    # Undefined tests count as none in Holm's correction: 2 of 3 pairs are tested.
    assert pair_of(found, "a", "c").p_holm == pytest.approx(min(1, 2 * 0.5))


def test_one_document_has_neither_intervals_nor_tests():
    scores = {"a": np.array([0.9, 0.8]), "b": np.array([0.1, 0.2])}
    found = compare(scores, np.zeros(2, dtype=int), QUICK)
    pair, system = found.pairs[0], found.systems[0]
    assert all(math.isnan(n) for n in (system.low, system.high, pair.low, pair.p, pair.p_holm))
    assert (system.mean, pair.difference) == pytest.approx((0.85, 0.7))
    assert [one.cluster for one in found.systems] == [1, 1]


# ------------------------------------------------------------ clusters


def differing(*pairs):
    return lambda a, b: a + b in pairs


@pytest.mark.parametrize(
    ("better", "expected"),
    [
        ((), [1, 1, 1, 1]),
        (("ab", "ac", "ad", "bc", "bd", "cd"), [1, 2, 3, 4]),
        (("ac", "ad", "bc", "bd"), [1, 1, 2, 2]),
        # d is worse than the best, but not than b: no border between them.
        (("ad", "ac"), [1, 1, 1, 1]),
        # A border needs every pair across it: b and d are not told apart.
        (("ac", "ad", "bc", "cd"), [1, 1, 1, 1]),
        (("ab", "ac", "ad", "bd"), [1, 2, 2, 2]),
        (("ad", "bd", "cd"), [1, 1, 1, 2]),
    ],
)
def test_clusters_of_known_structure(better, expected):
    assert list(separated_clusters("abcd", differing(*better)).values()) == expected


def test_clusters_of_scores():
    """Two good systems that differ by noise alone, and two bad ones."""
    rng = np.random.default_rng(0)
    base = rng.uniform(0.3, 0.6, 80)
    levels = {"w": 0.0, "x": 0.3, "y": 0.0, "z": 0.3}
    scores = {name: base + level + rng.normal(0, 0.05, 80) for name, level in levels.items()}
    found = compare(scores, alone(80), ComparisonSettings(resamples=2000))
    assert {s.name: s.cluster for s in found.systems} == {"x": 1, "z": 1, "w": 2, "y": 2}
    strict = compare(scores, alone(80), ComparisonSettings(resamples=20_000, alpha=0.001))
    assert [s.cluster for s in strict.systems] == [1, 1, 2, 2]


# ------------------------------------------------------------ examples


def test_widest_examples():
    nan = np.nan
    scores = {
        "a": np.array([0.5, 0.9, nan, nan, 0.30, 0.2]),
        "b": np.array([0.5, 0.1, 0.7, nan, 0.35, 0.6]),
        "c": np.array([0.5, 0.4, nan, nan, 0.90, 0.4]),
    }
    expected = [(1, "a", "b"), (4, "c", "a"), (5, "b", "a")]
    assert widest(scores, 10) == expected  # the others have no difference
    assert widest(scores, 2) == expected[:2]
    assert widest(scores, 0) == []


# ------------------------------------------------------------ refusals


def test_a_system_without_any_score():
    scores = {"a": np.array([0.5, 0.6]), "empty": np.array([np.nan, np.nan])}
    with pytest.raises(InputError, match="empty: no example has a score; leave this system out"):
        compare(scores, alone(2), QUICK)


def test_too_few_resamples_for_any_significance():
    """The number that is asked for is enough for equal p-values of all pairs."""
    scores = {str(n): np.full(30, 0.9 - 0.1 * n) for n in range(6)}
    with pytest.raises(ConfigurationError, match=r"15 pairs of systems .* give --resamples 2400"):
        compare(scores, alone(30), ComparisonSettings(resamples=599))
    found = compare(scores, alone(30), ComparisonSettings(resamples=600))
    assert [system.cluster for system in found.systems] == [1, 2, 3, 4, 5, 6]


@pytest.mark.parametrize(
    "values",
    [{"alpha": 0}, {"alpha": 1}, {"level": 1.5}, {"resamples": 0}, {"seed": -1}],
)
def test_settings_without_meaning(values):
    with pytest.raises(ConfigurationError):
        ComparisonSettings(**values)


@pytest.mark.parametrize("alpha", [0.05, 0.2])
def test_alpha_decides_the_clusters(alpha):
    a = np.array([0.6, 0.7, 0.8, 0.9, 0.5])
    found = compare(
        {"a": a, "b": a - [0.2, 0.1, 0.3, 0.2, 0.1]}, alone(5), ComparisonSettings(alpha=alpha)
    )
    assert found.pairs[0].p == 2 / 2**5
    assert found.systems[1].cluster == (1 if alpha == 0.05 else 2)
