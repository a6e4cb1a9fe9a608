"""Tests of scores.smart: enumeration, the paper's recursion, its authors' own test."""

import itertools
import math
from dataclasses import asdict
from fractions import Fraction
from functools import cache
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from alignscore_metric.checkpoint.signature import Signature
from alignscore_metric.errors import ConfigurationError, InputError
from alignscore_metric.metric import AlignScore
from alignscore_metric.scores.smart import (
    SmartScore,
    SmartScores,
    smart,
    smart_l,
    smart_n,
    smart_of_texts,
)

Matrix = npt.NDArray[np.float64]

shapes = st.tuples(st.integers(1, 5), st.integers(1, 5)) | st.sampled_from(
    [(1, 1), (1, 6), (6, 1), (2, 2)]
)
tied = st.sampled_from([0.0, 0.25, 0.5, 1.0])


@st.composite
def matrices(draw: st.DrawFn) -> tuple[Matrix, Matrix]:
    """Two matrices of one shape, with and without ties."""
    shape = draw(shapes)
    scores = arrays.arrays(np.float64, shape, elements=tied | st.floats(0, 1))
    return draw(scores), draw(scores)


def brute_n(matrix: Matrix, n: int) -> list[Fraction]:
    """For each n-gram of columns, padded, the best mean over any n-gram of rows, one by one."""
    rows, columns = matrix.shape

    def match(row: int, column: int) -> Fraction:
        inside = 0 <= row < rows and 0 <= column < columns
        return Fraction(float(matrix[row, column])) if inside else Fraction(0)

    return [
        max(
            sum((match(r + k, c + k) for k in range(n)), Fraction(0)) / n
            for r in range(1 - n, rows)
        )
        for c in range(1 - n, columns)
    ]


def brute_lcs(matrix: Matrix) -> Fraction:
    """The best of all assignments of a column to each row that never step back."""
    rows, columns = matrix.shape
    exact = [[Fraction(float(score)) for score in row] for row in matrix]
    return max(
        sum((exact[row][column] for row, column in enumerate(path)), Fraction(0))
        for path in itertools.combinations_with_replacement(range(columns), rows)
    )


def paper_lcs(matrix: Matrix) -> float:
    """The paper's recursion, from the end of both texts backwards."""

    @cache
    def length(i: int, j: int) -> float:
        if i == 0 or j == 0:
            return 0.0
        score = float(matrix[i - 1, j - 1])
        return max(length(i - 1, j - 1) + score, length(i - 1, j) + score, length(i, j - 1))

    return length(*matrix.shape)


def check(found: SmartScore, precision: Fraction, recall: Fraction):
    total = precision + recall
    f1 = 2 * precision * recall / total if total else Fraction(0)
    expected = [float(precision), float(recall), float(f1)]
    assert [found.precision, found.recall, found.f1] == pytest.approx(
        expected, rel=1e-12, abs=1e-300
    )


@given(matrices(), st.integers(1, 4))
def test_smart_n_equals_enumeration(scores: tuple[Matrix, Matrix], n: int):
    support, coverage = scores
    precisions, recalls = brute_n(support, n), brute_n(coverage.T, n)
    assert (len(recalls), len(precisions)) == tuple(size + n - 1 for size in support.shape)
    check(
        smart_n(support, coverage, n=n),
        sum(precisions) / len(precisions),
        sum(recalls) / len(recalls),
    )


@given(matrices())
def test_smart_l_equals_enumeration(scores: tuple[Matrix, Matrix]):
    support, coverage = scores
    rows, columns = support.shape
    check(smart_l(support, coverage), brute_lcs(support.T) / columns, brute_lcs(coverage) / rows)


@given(matrices())
def test_smart_l_equals_the_papers_recursion(scores: tuple[Matrix, Matrix]):
    support, coverage = scores
    found = smart_l(support, coverage)
    rows, columns = support.shape
    expected = (paper_lcs(support.T) / columns, paper_lcs(coverage) / rows)
    assert (found.precision, found.recall) == pytest.approx(expected, rel=1e-12)


def test_the_authors_example():
    """The matrix and the expected values of smart_eval/scorer_test.py, `test_smart_score`."""
    scores = np.array(
        [[0.81, 0.06, 0.43, 0.64], [0.00, 0.32, 0.27, 0.57], [0.49, 0.29, 0.24, 0.56]]
    )
    found = smart(scores, scores)
    assert found.smart1.recall == pytest.approx((0.81 + 0.57 + 0.56) / 3)
    assert found.smart1.precision == pytest.approx((0.81 + 0.32 + 0.43 + 0.64) / 4)
    assert found.smart2.recall == pytest.approx((0.405 + 0.565 + 0.415 + 0.280) / 4)
    assert found.smart2.precision == pytest.approx((0.405 + 0.565 + 0.280 + 0.5 + 0.320) / 5)
    assert found.smartl.recall == pytest.approx((0.81 + 0.57 + 0.56) / 3)
    assert found.smartl.precision == pytest.approx((0.81 + 0.32 + 0.27 + 0.57) / 4)


@pytest.mark.parametrize("shape", [(1, 1), (1, 4), (3, 1), (3, 4)])
def test_f1_is_zero_where_precision_and_recall_are(shape: tuple[int, int]):
    found = smart(np.zeros(shape), np.zeros(shape))
    for score in (found.smart1, found.smart2, found.smartl):
        assert score == SmartScore(0.0, 0.0, 0.0)


@pytest.mark.parametrize("shape", [(0, 0), (0, 3), (3, 0)])
def test_no_sentence_is_nan(shape: tuple[int, int]):
    found = smart(np.zeros(shape), np.zeros(shape))
    for score in (found.smart1, found.smart2, found.smartl):
        assert all(map(math.isnan, (score.precision, score.recall, score.f1)))


@pytest.mark.parametrize(
    ("support", "coverage"),
    [
        (np.zeros((2, 3)), np.zeros((3, 2))),
        (np.zeros(3), np.zeros(3)),
        (np.full((1, 1), -0.1), np.zeros((1, 1))),
        (np.zeros((1, 1)), np.full((1, 1), 1.1)),
        (np.zeros((1, 1)), np.full((1, 1), np.nan)),
    ],
)
def test_what_is_no_pair_of_matrices_of_scores_is_refused(support: Matrix, coverage: Matrix):
    with pytest.raises(InputError):
        smart_n(support, coverage, n=1)
    with pytest.raises(InputError):
        smart_l(support, coverage)


@pytest.fixture(scope="module")
def metric(tiny_aligner: Path) -> AlignScore:
    return AlignScore(tiny_aligner, device="cpu", progress=False)


SOURCE = ["The bridge was closed on Monday.", "Inspectors found cracks.", "Trains still run."]
SUMMARY = ["The bridge is closed.", "Trains run."]


def values(scores: SmartScores) -> list[float]:
    return [value for score in asdict(scores).values() for value in score.values()]


def test_the_metric_scores_each_sentence_against_each_in_both_directions(metric: AlignScore):
    """Beside texts of one sentence each, whose score is the score of the pair."""
    pairs = list(itertools.product(SOURCE, SUMMARY))
    contexts, claims = ([pair[side] for pair in pairs] for side in (0, 1))
    support = np.reshape(metric.score(contexts, claims), (3, 2))
    coverage = np.reshape(metric.score(claims, contexts), (3, 2))
    assert np.abs(support - coverage).max() > 0.1  # which direction is which can be seen
    expected = values(smart(support, coverage))
    result = metric.smart([" ".join(SOURCE), SOURCE], [" ".join(SUMMARY)] * 2)
    for scores in result.scores:
        assert values(scores) == pytest.approx(expected, abs=1e-5)
    frame = result.to_pandas()
    assert frame.shape == (2, 9)
    assert frame.loc[1, "smart2_recall"] == result.scores[1].smart2.recall
    assert frame.loc[0, "smartl_f1"] == result.scores[0].smartl.f1


def test_the_metric_gives_nan_where_there_is_no_sentence(metric: AlignScore):
    result = metric.smart(
        ["", "It rained.", [], "It rained."], ["It rained.", " ", "", "It rained."]
    )
    undefined = [all(map(math.isnan, values(scores))) for scores in result.scores]
    assert undefined == [True, True, True, False]
    assert metric.smart([], []).to_pandas().shape == (0, 9)


def test_the_signature_of_smart(metric: AlignScore, tiny_aligner: Path):
    whole = AlignScore(tiny_aligner, mode="bin", device="cpu", progress=False)
    for one in (metric, whole):
        found = Signature.parse(one.smart(["It rained."], ["It rained."]).signature)
        own = Signature.parse(one.signature)
        assert (found.chunk, found.claims, found.aggregation) == ("sentence", "sentences", "smart")
        assert found.splitter.startswith("bundled_punkt+nltk")
        assert (found.head, found.weights, found.precision) == (own.head, own.weights, "fp32")


def test_unbounded_scores_are_refused(tiny_aligner: Path):
    metric = AlignScore(tiny_aligner, head="reg", device="cpu", progress=False)
    with pytest.raises(ConfigurationError, match="tri"):
        metric.smart(["It rained."], ["It rained."])


words = st.sampled_from(["a", "b", "c", "d"])
texts = st.lists(words, max_size=4)


@given(st.lists(st.tuples(texts, texts), max_size=4))
def test_texts_are_scored_in_both_directions_and_each_pair_once(
    examples: list[tuple[list[str], list[str]]],
):
    opinions = {pair: place / 16 for place, pair in enumerate(itertools.product("abcd", repeat=2))}
    asked: list[tuple[str, str]] = []

    def score(sentences: list[str], pairs: npt.NDArray[np.int64]) -> Matrix:
        assert len(set(sentences)) == len(sentences)
        asked.extend((sentences[context], sentences[claim]) for context, claim in pairs)
        return np.array([opinions[pair] for pair in asked])

    found = smart_of_texts([s for s, _ in examples], [t for _, t in examples], score=score)
    assert len(set(asked)) == len(asked)
    assert len(found) == len(examples)
    for scores, (source, summary) in zip(found, examples, strict=True):
        shape = (len(source), len(summary))
        support = [opinions[context, claim] for context in source for claim in summary]
        coverage = [opinions[claim, context] for context in source for claim in summary]
        expected = smart(np.reshape(support, shape), np.reshape(coverage, shape))
        assert repr(scores) == repr(expected)  # NaN equals NaN
