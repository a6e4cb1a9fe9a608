"""Tests of scores.squad: a hand-made file with hand-computed numbers, and torchmetrics.

The numbers follow the definitions of SQuAD's official script, applied on paper.
"""

import random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from alignscore_metric.errors import InputError
from alignscore_metric.scores.squad import (
    best_threshold,
    exact_match,
    normalise_answer,
    score_answers,
    token_f1,
)

#: Prediction, right answers, probability of no answer, exact match, F1.
FILE = [
    ("the Mill Road bridge", ["Mill Road Bridge"], 0.10, 1, 1),
    # 2 common words of 3 and 4: precision 2/3, recall 1/2
    ("on 5 March", ["March 5, 1912, at noon", "5 of March 1912"], 0.20, 0, 4 / 7),
    ("Leeds", ["York"], 0.70, 0, 0),
    ("", ["York"], 0.95, 0, 0),
    ("", [], 0.90, 1, 1),
    ("Hull", [], 0.80, 0, 0),
    ("Bath", [], 0.30, 0, 0),
    # no right answer is left of "the", so the right one is the empty answer; yet it has one
    ("a", ["The"], 0.60, 1, 1),
]


@pytest.fixture(name="found")
def found_scores():
    return score_answers([row[0] for row in FILE], [row[1] for row in FILE])


def test_scores_of_the_hand_made_file(found):
    assert found.exact.tolist() == [row[3] for row in FILE]
    assert found.f1.tolist() == pytest.approx([row[4] for row in FILE])
    assert found.answerable.tolist() == [True, True, True, True, False, False, False, True]
    assert found.abstained.tolist() == [False] * 3 + [True, True] + [False] * 3


def test_the_best_thresholds_of_the_hand_made_file(found):
    """Nothing answered: 3 right. Then, the surest first: +1, +0 (F1 +4/7), -1, +1, +0, -1, 0, 0."""
    no_answer = [row[2] for row in FILE]
    best, threshold = best_threshold(found.exact, no_answer, found)
    assert (best, threshold) == (4 / 8, 0.10)  # the first of two equal ones
    best, threshold = best_threshold(found.f1, no_answer, found)
    assert best == pytest.approx((3 + 1 + 4 / 7) / 8)
    assert threshold == 0.20


def test_abstaining_at_the_best_threshold_scores_what_it_promises(found):
    no_answer = np.array([row[2] for row in FILE])
    best, threshold = best_threshold(found.f1, no_answer, found)
    kept = found.if_abstaining(no_answer > threshold)
    assert kept.f1.mean() == pytest.approx(best)
    assert kept.exact.tolist() == [1, 0, 0, 0, 1, 1, 1, 0]
    assert kept.abstained.tolist() == [False, False] + [True] * 6


def test_abstaining_scores_as_empty_answers_do(found):
    some = np.array([True, False, True, False, False, True, False, False])
    emptied = ["" if no else row[0] for no, row in zip(some, FILE, strict=True)]
    expected = score_answers(emptied, [row[1] for row in FILE])
    kept = found.if_abstaining(some)
    assert kept.exact.tolist() == expected.exact.tolist()
    assert kept.f1.tolist() == expected.f1.tolist()
    assert kept.abstained.tolist() == expected.abstained.tolist()


@given(
    st.lists(
        st.tuples(st.booleans(), st.sampled_from(["", "x", "x y", "z"]), st.integers(0, 999)),
        min_size=1,
        max_size=12,
        unique_by=lambda row: row[2],
    )
)
def test_the_best_threshold_against_trying_all(rows):
    """Without ties: the best of abstaining above each probability, and of abstaining always."""
    found = score_answers([p for _, p, _ in rows], [["x y"] if a else [] for a, *_ in rows])
    no_answer = np.array([p / 1000 for *_, p in rows])
    every = np.ones(len(rows), dtype=bool)
    tried = [found.if_abstaining(no_answer > t).f1.mean() for t in no_answer]
    best, threshold = best_threshold(found.f1, no_answer, found)
    assert best == pytest.approx(max([*tried, found.if_abstaining(every).f1.mean()]))
    assert threshold == 0 or best == pytest.approx(tried[no_answer.tolist().index(threshold)])


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("The  An a", ""),
        ("a.b-c", "abc"),
        ("Anthem theatre, again", "anthem theatre again"),
        ("\u00c9cole\u2019s", "\u00e9cole\u2019s"),  # the script knows ASCII punctuation alone
        ("the_end", "theend"),
        ("\ta\n", ""),
    ],
)
def test_normalisation(text: str, expected: str):
    assert normalise_answer(text) == expected


def test_repeated_words_count_as_often_as_both_have_them():
    assert token_f1("so so so", "so so good") == pytest.approx(2 / 3)
    assert token_f1("the", "a") == 1  # both are empty
    assert token_f1("the", "bridge") == 0
    assert exact_match("", "An") == 1


def test_against_torchmetrics_where_all_questions_are_answered():
    """Torchmetrics has SQuAD 1.1's script, whose definitions agree there."""
    squad = pytest.importorskip("torchmetrics.functional.text").squad
    rng = random.Random(0)  # noqa: S311
    words = ["the", "a", "Mill", "mill", "road", "Road,", "bridge", "U.S.", "5", "5-6", "an"]

    def text() -> str:
        return " ".join(rng.choices(words, k=rng.randint(1, 5))) + " end"

    for _ in range(40):
        prediction, golds = text(), [text() for _ in range(rng.randint(1, 3))]
        theirs = squad(
            [{"id": "0", "prediction_text": prediction}],
            [{"id": "0", "answers": {"text": golds, "answer_start": [0] * len(golds)}}],
        )
        ours = score_answers([prediction], [golds])
        assert 100 * ours.exact[0] == pytest.approx(float(theirs["exact_match"]))
        assert 100 * ours.f1[0] == pytest.approx(float(theirs["f1"]), rel=1e-5)


def test_only_answerable_or_only_unanswerable_questions():
    for golds in ([["x"], ["y"]], [[], []]):
        found = score_answers(["x", "y"], golds)
        best, threshold = best_threshold(found.exact, [0.1, 0.2], found)
        assert best == 1
        assert threshold == (0.2 if golds[0] else 0)


@pytest.mark.parametrize(
    ("predictions", "golds", "message"),
    [
        (["a"], [], "1 predictions but 0 lists"),
        (["a"], ["b"], "row 0: .*right answers as a list"),
        (["a", None], [["b"], ["c"]], "row 1: give an answer as text"),
        (["a"], [["b", 3]], "row 0"),
    ],
)
def test_answers_that_cannot_be_scored(predictions, golds, message: str):
    with pytest.raises(InputError, match=message):
        score_answers(predictions, golds)


@pytest.mark.parametrize(
    ("scores", "no_answer", "message"),
    [
        ([1.0], [0.5, 0.5], "1 scores, 2 probabilities and 2 questions"),
        ([1.0, 1.0], [0.5, 1.5], "row 1: the probability of no answer is 1.5"),
        ([1.0, 1.0], [np.nan, 0.5], "row 0: the probability of no answer is nan"),
    ],
)
def test_thresholds_that_cannot_be_fitted(scores, no_answer, message: str):
    found = score_answers(["a", "b"], [["a"], []])
    with pytest.raises(InputError, match=message):
        best_threshold(scores, no_answer, found)


def test_no_question_has_no_threshold():
    with pytest.raises(InputError, match="at least one"):
        best_threshold([], [], score_answers([], []))
