"""Pairwise accuracy with tie calibration, against its definition by brute force."""

import numpy as np
import pytest

from alignscore_metric.scores.intervals import Design
from alignscore_metric.scores.significance import permutation_draws
from alignscore_metric.scores.statistics import common_scale, system_level, value
from alignscore_metric.scores.ties import accuracy_with_ties


def by_definition(items):
    """mt-metrics-eval's: (concordant + both tied) / pairs, its mean over items at the best epsilon.

    Args:
        items: Lists of (judgment, score); those of fewer than two are left out.
    """
    pairs = [
        [(a, b) for place, a in enumerate(item) for b in item[place + 1 :]]
        for item in items
        if len(item) > 1
    ]
    epsilons = {0.0, *(abs(a[1] - b[1]) for of_item in pairs for a, b in of_item)}

    def right(a, b, epsilon):
        tied = abs(a[1] - b[1]) <= epsilon + 1e-9  # equal differences, but for rounding
        if a[0] == b[0] or tied:
            return a[0] == b[0] and tied
        return (a[0] > b[0]) == (a[1] > b[1])

    return max(
        np.mean([np.mean([right(a, b, epsilon) for a, b in of_item]) for of_item in pairs])
        for epsilon in epsilons
    )


def a_case(seed):
    """Few levels of judgments and of scores, so that both tie; items of one to five outputs."""
    rng = np.random.default_rng(seed)
    documents = np.repeat(np.arange(6), rng.integers(1, 6, 6))
    documents = np.append(documents, [0, 0])
    targets = rng.integers(0, rng.integers(2, 5), len(documents)) / 4
    scores = rng.choice([rng.integers(0, 5, len(documents)) / 8, rng.normal(size=len(documents))])
    return documents, targets, scores


def items_of(documents, targets, scores, counts=None):
    counts = np.ones(documents.max() + 1, dtype=int) if counts is None else counts
    return [
        list(zip(targets[documents == one], scores[documents == one], strict=True))
        for one, count in enumerate(counts)
        for _ in range(count)
    ]


@pytest.mark.parametrize("seed", range(200))
def test_the_statistic_is_the_definition_and_so_is_that_of_every_resample(seed):
    documents, targets, scores = a_case(seed)
    statistic = accuracy_with_ties(documents)(targets, scores)
    expected = by_definition(items_of(documents, targets, scores))
    assert value(statistic, len(documents)) == pytest.approx(expected, abs=1e-12)

    rng = np.random.default_rng(seed)
    counts = rng.multinomial(6, np.full(6, 1 / 6), size=5)
    counts[:, 0] += 1  # the first document always has a pair
    resampled = statistic(counts[:, documents].astype(float))
    drawn = [by_definition(items_of(documents, targets, scores, one)) for one in counts]
    assert resampled == pytest.approx(drawn, abs=1e-12)


@pytest.mark.parametrize("seed", range(200))
def test_at_system_level_it_is_the_definition_on_the_means(seed):
    rng = np.random.default_rng(seed)
    systems = np.repeat(np.arange(5), 4)
    targets = rng.integers(0, 2, 20).astype(float)
    scores = rng.integers(0, 3, 20).astype(float) if seed % 2 else rng.normal(size=20)
    means = [
        # Rounded, as equal means may differ in a last bit.
        [np.round(np.mean(values[systems == one]), 9) for one in range(5)]
        for values in (targets, scores)
    ]
    statistic = system_level("accuracy_with_ties", systems)(targets, scores)
    expected = by_definition([list(zip(*means, strict=True))])
    assert value(statistic, 20) == pytest.approx(expected, abs=1e-12)


def test_a_metric_without_ties_gets_credit_for_tied_judgments_by_calibration():
    documents, targets = np.zeros(4, dtype=int), [1.0, 1.0, 1.0, 0.0]
    scores = [0.91, 0.92, 0.93, 0.1]
    assert value(accuracy_with_ties(documents)(targets, scores), 4) == 1.0
    # At epsilon 0.4 two of the three ties are seen, and 0.1 no longer tells the last one apart.
    statistic = accuracy_with_ties(documents)(targets, [0.1, 0.5, 0.9, 0.0])
    assert value(statistic, 4) == pytest.approx(4 / 6)


def test_swapping_whole_documents_compares_the_definitions_of_both():
    documents, targets, first = a_case(1)
    second = np.random.default_rng(2).normal(size=len(targets))
    scaled = tuple(common_scale(one, ranks=False) for one in (first, second))
    observed, null = permutation_draws(
        accuracy_with_ties(documents),
        targets,
        scaled,
        Design.of(documents),
        resamples=1000,
        rng=np.random.default_rng(0),
    )
    both = [by_definition(items_of(documents, targets, one)) for one in scaled]
    assert observed == pytest.approx(both[0] - both[1], abs=1e-12)
    swaps = [[(code >> bit) & 1 for bit in range(5, -1, -1)] for code in range(64)]
    expected = []
    for swap in swaps:
        chosen = np.array(swap)[documents].astype(bool)
        pair = (np.where(chosen, *scaled[::-1]), np.where(chosen, *scaled))
        values = [by_definition(items_of(documents, targets, one)) for one in pair]
        expected.append(values[0] - values[1])
    assert sorted(null) == pytest.approx(sorted(expected), abs=1e-12)


def test_documents_of_one_output_have_no_value():
    statistic = accuracy_with_ties([0, 1, 2])([0, 1, 1], [0.1, 0.2, 0.3])
    assert np.isnan(value(statistic, 3))
