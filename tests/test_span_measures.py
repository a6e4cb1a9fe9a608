"""Span measures, against a count over every character and against scikit-learn."""

import numpy as np
import pytest
from sklearn import metrics as sk

from alignscore_metric.scores.spans import character_counts, span_measure, token_counts
from alignscore_metric.scores.statistics import value


def some_spans(rng, length):
    starts = rng.integers(0, length - 1, rng.integers(0, 4))
    return [(int(start), int(rng.integers(start + 1, length + 1))) for start in starts]


def mask(spans, length):
    """Of every character, one by one: is it in any span?"""
    return [any(start <= place < end for start, end in spans) for place in range(length)]


def some_rows(seed):
    rng = np.random.default_rng(seed)
    lengths = rng.integers(2, 40, 12)
    return [(int(n), some_spans(rng, n), some_spans(rng, n)) for n in lengths]


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize(
    ("measure", "oracle"),
    [("precision", sk.precision_score), ("recall", sk.recall_score), ("f1", sk.f1_score)],
)
def test_character_measures_are_those_of_every_character(seed, measure, oracle):
    rows = some_rows(seed)
    counts = [character_counts(marked, predicted) for _, marked, predicted in rows]
    truth = [one for length, marked, _ in rows for one in mask(marked, length)]
    guess = [one for length, _, predicted in rows for one in mask(predicted, length)]
    assert value(span_measure(counts, measure), len(rows)) == pytest.approx(oracle(truth, guess))
    assert [sum(column) for column in zip(*counts, strict=True)] == [
        sum(truth), sum(guess), sum(a and b for a, b in zip(truth, guess, strict=True)),
    ]  # fmt: skip


def test_a_row_that_counts_twice_is_there_twice():
    rows = [character_counts(marked, predicted) for _, marked, predicted in some_rows(3)]
    weights = np.random.default_rng(0).integers(0, 3, (5, len(rows))).astype(float)
    for weighted, drawn in zip(weights, span_measure(rows)(weights), strict=True):
        repeated = [
            row for row, times in zip(rows, weighted, strict=True) for _ in range(int(times))
        ]
        assert drawn == pytest.approx(value(span_measure(repeated), len(repeated)))


def test_a_token_is_in_a_span_that_touches_it():
    tokens = [(0, 3), (4, 9), (10, 12)]  # "One token is"
    assert token_counts(tokens, [(2, 5)], [(9, 11)]) == (2, 1, 0)
    assert token_counts(tokens, [(3, 4)], [(0, 12)]) == (0, 3, 0)
    assert token_counts(tokens, [(8, 10)], [(5, 6)]) == (1, 1, 1)


def test_nothing_marked_and_nothing_predicted_has_no_value():
    assert np.isnan(value(span_measure([character_counts([], [])]), 1))
    assert value(span_measure([character_counts([(0, 2)], [])]), 1) == 0.0
