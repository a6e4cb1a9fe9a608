"""Tests of scores.aggregation against loops, for scores with many ties and of any size."""

import itertools
import math

import numpy as np
import numpy.typing as npt
import pytest
import scipy.special
from hypothesis import given
from hypothesis import strategies as st

from alignscore_metric.errors import ConfigurationError
from alignscore_metric.scores.aggregation import (
    aggregate_sentences,
    max_over_chunks,
    sentence_reduction,
)

tied = st.sampled_from([-1.5, 0.0, 0.25, 0.5, 1.0])
anything = st.floats(-1e6, 1e6)


def offsets(groups: list[list[float]]) -> npt.NDArray[np.int64]:
    return np.array([0, *itertools.accumulate(map(len, groups))], dtype=np.int64)


def flat(groups: list[list[float]]) -> npt.NDArray[np.float64]:
    return np.array([score for group in groups for score in group], dtype=np.float64)


@given(st.lists(st.lists(tied | anything, min_size=1, max_size=6), max_size=8))
def test_maximum_and_its_first_cell(sentences: list[list[float]]):
    best, cells = max_over_chunks(flat(sentences), offsets(sentences))
    expected, start = [], 0
    for scores in sentences:
        place = 0
        for i, score in enumerate(scores):
            if score > scores[place]:
                place = i
        expected.append((scores[place], start + place))
        start += len(scores)
    assert list(zip(best.tolist(), cells.tolist(), strict=True)) == expected


def test_a_tie_with_a_neighbour_does_not_move_the_cell():
    """The maximum 0.5 also stands in cells of other sentences, before and after."""
    scores = np.array([0.5, 0.1, 0.5, 0.5, 0.5, 0.2])
    best, cells = max_over_chunks(scores, np.array([0, 1, 4, 6]))
    assert best.tolist() == [0.5, 0.5, 0.5]
    assert cells.tolist() == [0, 2, 4]


@given(st.lists(st.lists(anything, max_size=6), max_size=8))
def test_mean_of_each_example(examples: list[list[float]]):
    means = aggregate_sentences(flat(examples), offsets(examples), "mean")
    assert means.shape == (len(examples),)
    for mean, scores in zip(means, examples, strict=True):
        if scores:
            exact = math.fsum(scores) / len(scores)
            assert mean == pytest.approx(exact, rel=1e-12, abs=1e-9)
        else:
            assert math.isnan(mean)


@given(
    st.lists(anything, min_size=1, max_size=300),
    st.lists(st.lists(anything, max_size=5), max_size=3),
    st.lists(st.lists(anything, max_size=5), max_size=3),
)
def test_a_mean_is_the_same_to_the_bit_beside_any_neighbours(
    scores: list[float], before: list[list[float]], after: list[list[float]]
):
    alone = aggregate_sentences(flat([scores]), offsets([scores]), "mean")[0]
    examples = [*before, scores, *after]
    assert aggregate_sentences(flat(examples), offsets(examples), "mean")[len(before)] == alone


@given(
    st.lists(anything, min_size=1, max_size=20),
    st.lists(st.lists(anything, min_size=1, max_size=5), max_size=3),
)
def test_a_maximum_is_the_same_beside_any_neighbours(
    scores: list[float], before: list[list[float]]
):
    best, cells = max_over_chunks(flat([*before, scores]), offsets([*before, scores]))
    alone, cell = max_over_chunks(flat([scores]), offsets([scores]))
    assert best[-1] == alone[0]
    assert cells[-1] - sum(map(len, before)) == cell[0]


def test_nothing_to_aggregate():
    best, cells = max_over_chunks(np.empty(0), np.array([0]))
    assert (best.shape, cells.shape) == ((0,), (0,))
    assert cells.dtype == np.int64
    assert aggregate_sentences(np.empty(0), np.array([0]), "mean").shape == (0,)


def test_only_examples_without_a_sentence():
    means = aggregate_sentences(np.empty(0), np.array([0, 0, 0]), "mean")
    assert means.dtype == np.float64
    assert np.isnan(means).tolist() == [True, True]


def aggregate_by_loops(scores: list[float], name: str) -> float:
    """The definitions, one sentence after the other; the soft minimum by scipy's logarithm."""
    kind, _, value = name.partition("-")
    if kind == "softmin":
        temperature = float(value)
        exponents = [-score / temperature for score in scores]
        return -temperature * (float(scipy.special.logsumexp(exponents)) - math.log(len(scores)))
    count = {"mean": len(scores), "min": 1}.get(kind) or int(value)
    lowest = sorted(scores)[:count]
    return math.fsum(lowest) / len(lowest)


NAMES = ["mean", "min", "worst-1", "worst-2", "worst-100", "softmin-0.1", "softmin-.5", "softmin-2"]
probability = st.floats(0, 1)


@pytest.mark.parametrize("name", NAMES)
@given(examples=st.lists(st.lists(probability, max_size=6), max_size=6))
def test_each_aggregation_against_loops(name: str, examples: list[list[float]]):
    found = aggregate_sentences(flat(examples), offsets(examples), name)
    expected = [aggregate_by_loops(scores, name) if scores else math.nan for scores in examples]
    assert found.tolist() == pytest.approx(expected, abs=1e-9, nan_ok=True)


@pytest.mark.parametrize("name", NAMES)
@given(
    scores=st.lists(probability, min_size=1, max_size=6), place=st.integers(0, 5), to=probability
)
def test_aggregations_rise_with_every_sentence_from_min_to_mean(
    name: str, scores: list[float], place: int, to: float
):
    reduce = sentence_reduction(name)
    value = reduce(np.array(scores))
    assert min(scores) - 1e-9 <= value <= sum(scores) / len(scores) + 1e-9
    place %= len(scores)
    raised = [*scores[:place], max(to, scores[place]), *scores[place + 1 :]]
    assert reduce(np.array(raised)) >= value - 1e-9


def test_the_soft_minimum_at_its_ends():
    scores = np.array([0.1, 0.5, 0.9, 0.9])
    coldest, hottest = (sentence_reduction(f"softmin-{t}")(scores) for t in ("0.001", "1000"))
    # ln 4 / 1000 above the minimum; half the variance / 1000 below the mean
    assert coldest == pytest.approx(0.1 + math.log(4) / 1000, abs=1e-9)
    assert hottest == pytest.approx(scores.mean() - scores.var() / 2000, abs=1e-7)


@pytest.mark.parametrize(
    "name",
    ["", "median", "Mean", "worst", "worst-0", "worst-01", "worst--1", "worst-1.5", "softmin",
     "softmin-0", "softmin-0.0001", "softmin-1001", "softmin-inf", "softmin-1e3", "min-1", "mean ",
     "worst-\u0662", None, 2, ["mean"]],
)  # fmt: skip
def test_an_aggregation_that_is_none(name: object):
    with pytest.raises(ConfigurationError, match=r"sentence_aggregation is .*worst-K.*softmin-T"):
        sentence_reduction(name)
