"""Tests of alignscore_metric.answerability and benchmarks/answering.py.

A metric whose scores follow from its texts stands in for an aligner; the tiny aligner shows that
the real one fits, and that its options reach the scores.
"""

import numpy as np
import pytest
from answering import (
    ALWAYS,
    HELD_OUT,
    NEVER,
    ORACLE,
    Answered,
    answering_layout,
    halves,
    report_answering,
)
from sklearn.metrics import roc_auc_score

from alignscore_metric.answerability import AnswerOrAbstain, AnswerVerifier
from alignscore_metric.checkpoint.profile import Profile
from alignscore_metric.errors import ConfigurationError, InputError
from alignscore_metric.leaderboards.tables.text import text_table
from alignscore_metric.metric import AlignScore
from alignscore_metric.scores.intervals import Resampling
from alignscore_metric.scores.squad import best_threshold, score_answers

CONTEXT = "Jane Austen wrote Emma in 1815. It was printed in London by John Murray."
QUICK = Resampling(resamples=50)


class Words:
    """Scores a claim by the share of its words that its context has; remembers the claims."""

    def __init__(self, **options) -> None:
        self.profile = Profile(
            **{"head": "bin", "supported": 1, "claims": "whole", "splitter": "bundled_punkt"}
            | options
        )
        self.claims: list[str] = []

    def score(self, sources, summaries):
        self.claims += summaries
        return [words(claim, source) for source, claim in zip(sources, summaries, strict=True)]


def words(claim: str, source: str) -> float:
    found = [word.strip("?.") in source for word in claim.split()]
    return sum(found) / len(found)


# ------------------------------------------------------------ the verifier


def test_question_and_answer_are_one_claim_as_in_align():
    metric = Words()
    support = AnswerVerifier(metric).verify(
        [CONTEXT] * 2, ["Who wrote Emma?", "Who printed Emma?"], ["Jane Austen", "John Smith"]
    )
    assert metric.claims == ["Who wrote Emma? Jane Austen", "Who printed Emma? John Smith"]
    assert support.tolist() == [4 / 5, 3 / 5]


@pytest.mark.parametrize("split", [False, True])
@pytest.mark.parametrize("answer", ["", " \n\t"])
def test_an_empty_answer_is_not_supported_and_costs_nothing(answer: str, split: bool):
    metric = Words()
    verifier = AnswerVerifier(metric, split_answers=split)
    assert verifier.verify([CONTEXT], ["Who wrote Emma?"], [answer]).tolist() == [0]
    assert metric.claims == []
    assert verifier.verify([], [], []).shape == (0,)


@pytest.mark.parametrize(("aggregation", "expected"), [("mean", (4 / 5 + 2 / 4) / 2), ("min", 0.5)])
def test_sentences_of_a_long_answer_are_verified_one_by_one(aggregation: str, expected: float):
    metric = Words(sentence_aggregation=aggregation)
    answer = "Jane Austen. Bob."
    support = AnswerVerifier(metric, split_answers=True).verify(
        [CONTEXT] * 2, ["Who wrote Emma?", "Who printed Emma?"], [answer, "Murray"]
    )
    assert metric.claims == [
        "Who wrote Emma? Jane Austen.",
        "Who wrote Emma? Bob.",
        "Who printed Emma? Murray",
    ]
    assert support.tolist() == pytest.approx([expected, 3 / 4])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"claims": "sentences"}, "claims='whole'.*mode='bin'"),
        ({"head": "reg", "supported": 0}, "'reg' gives no probability"),
    ],
)
def test_metrics_that_cannot_verify(options: dict, message: str):
    with pytest.raises(ConfigurationError, match=message):
        AnswerVerifier(Words(**options))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([CONTEXT], ["Who?"], []), "1 contexts, 1 questions, 0 answers"),
        (([CONTEXT], ["Who?", "When?"], ["a"]), "1 contexts, 2 questions, 1 answers"),
        ((CONTEXT, ["Who?"], ["a"]), "contexts is one str; give a list"),
        (([CONTEXT], None, ["a"]), "questions is one NoneType"),
        (([CONTEXT] * 2, ["Who?"] * 2, ["a", None]), "row 1: the answer is NoneType, not text"),
        (([CONTEXT], [3], ["a"]), "row 0: the question is int, not text"),
    ],
)
def test_what_cannot_be_verified(arguments, message: str):
    with pytest.raises(InputError, match=message):
        AnswerVerifier(Words()).verify(*arguments)


@pytest.fixture(scope="module")
def tiny(tiny_aligner):
    return lambda **options: AlignScore(tiny_aligner, progress=False, **options)


def test_a_verifier_of_an_aligner_gives_its_scores(tiny):
    metric = tiny(mode="bin")
    contexts = [CONTEXT, ["A bridge was closed.", CONTEXT], CONTEXT]
    questions, answers = ["Who wrote Emma?"] * 3, ["Jane Austen", "Ann", ""]
    support = AnswerVerifier(metric).verify(contexts, questions, answers)
    expected = metric.score(contexts[:2], ["Who wrote Emma? Jane Austen", "Who wrote Emma? Ann"])
    assert support.tolist() == pytest.approx([*expected, 0], abs=1e-6)
    with pytest.raises(InputError, match="row 1: the source is missing"):
        AnswerVerifier(metric).verify([CONTEXT, None], ["Who?"] * 2, ["", "b"])


def test_options_of_claims_and_sentences_reach_scores_and_signature(tiny):
    summary = "Jane Austen wrote Emma. It was printed in Leeds. It sold well."
    sentences = [found.score for found in tiny().explain(CONTEXT, summary)]
    for name, expected in (("min", min(sentences)), ("worst-2", sum(sorted(sentences)[:2]) / 2)):
        metric = tiny(sentence_aggregation=name)
        assert metric.score([CONTEXT], [summary]) == pytest.approx([expected], abs=1e-6)
        assert f"|aggregation:max-{name}|" in metric.signature
    whole = tiny(claims="whole")
    assert [found.sentence for found in whole.explain(CONTEXT, summary)] == [summary]
    assert "|claims:whole|" in whole.signature
    assert len(whole.evaluate([" ".join([CONTEXT] * 9)], [summary]).table.cells) > 1


# ------------------------------------------------------------ abstaining


def test_an_answer_is_withheld_above_the_threshold():
    asked = []

    def answer(contexts, questions):
        asked.append((contexts, questions))
        return ["Jane Austen", "John Smith", ""]

    contexts, questions = [CONTEXT] * 3, ["Who wrote Emma?", "Who printed Emma?", "Why?"]
    verifier = AnswerVerifier(Words())
    no_answer = 1 - verifier.verify(contexts, questions, answer(contexts, questions))
    for threshold, expected in (
        (no_answer[0], ["Jane Austen", "", ""]),  # at the threshold it answers
        (0.0, ["", "", ""]),
        (1.0, ["Jane Austen", "John Smith", ""]),
    ):
        abstaining = AnswerOrAbstain(answer, verifier, threshold)
        assert abstaining(contexts, questions) == expected
    assert asked == [(contexts, questions)] * 4


@pytest.mark.parametrize("threshold", [-0.1, 1.1, float("nan")])
def test_a_threshold_that_is_none(threshold: float):
    with pytest.raises(ConfigurationError, match="threshold is"):
        AnswerOrAbstain(lambda contexts, questions: [], AnswerVerifier(Words()), threshold)


def test_a_callable_that_loses_answers():
    abstaining = AnswerOrAbstain(lambda contexts, questions: ["a"], AnswerVerifier(Words()), 0.5)
    with pytest.raises(InputError, match="2 contexts, 2 questions, 1 answers"):
        abstaining([CONTEXT] * 2, ["Who?"] * 2)


# ------------------------------------------------------------ the report


def answered(seed: int, *, share: float = 0.5, questions: int = 60) -> Answered:
    """Answers half of which are right; the probability of no answer tells something of it."""
    rng = np.random.default_rng([seed, 7])
    answerable = rng.random(questions) < share
    right = answerable & (rng.random(questions) < 0.5)
    no_answer = np.clip(rng.random(questions) * 0.6 + 0.4 * ~right, 0, 1)
    found = score_answers(
        ["x" if yes else "x y z" for yes in right], [["x"] if yes else [] for yes in answerable]
    )
    contexts = np.array([f"{seed} {place // 3}" for place in range(questions)], dtype=object)
    return Answered(found, no_answer, contexts)


def test_a_report_holds_what_the_definitions_say():
    here, other = answered(0), answered(1)
    report = report_answering(here, other, QUICK)
    always, never, held_out, oracle = report.policies
    assert [one.name for one in report.policies] == [ALWAYS, NEVER, HELD_OUT, ORACLE]
    assert (report.questions, report.contexts) == (60, 20)
    assert report.answerable == here.found.answerable.sum()
    expected = roc_auc_score(~here.found.answerable, here.no_answer)
    assert report.auc.value == pytest.approx(expected)
    assert report.auc.low < expected < report.auc.high
    assert always.exact.value == pytest.approx(here.found.exact.mean())
    assert never.exact.value == pytest.approx(1 - report.answerable / 60)
    assert (always.abstained, never.abstained) == (0, 1)
    # fitted on the others, and on them alone
    threshold = best_threshold(other.found.f1, other.no_answer, other.found)[1]
    assert held_out.threshold == threshold
    kept = here.found.if_abstaining(here.no_answer > threshold)
    assert held_out.f1.value == pytest.approx(kept.f1.mean())
    assert held_out.answerable_f1.value == pytest.approx(kept.f1[kept.answerable].mean())
    assert held_out.unanswerable_right.value == pytest.approx(kept.f1[~kept.answerable].mean())
    best = best_threshold(here.found.f1, here.no_answer, here.found)[0]
    assert oracle.f1.value == pytest.approx(best)
    assert held_out.f1.value <= oracle.f1.value
    changed = Answered(other.found, 1 - other.no_answer, other.contexts)
    assert report_answering(here, changed, QUICK).policies[3] == oracle


def test_intervals_are_of_contexts_not_of_rows():
    """Three equal rows for each context are no more evidence than one."""
    here = answered(0, questions=20)
    once = np.arange(20)
    tripled = np.repeat(once, 3)
    golds = [["x"] if yes else [] for yes in here.found.answerable]
    texts = ["x" if right else "y" for right in here.found.exact]
    reports = []
    for rows in (once, tripled):
        found = score_answers([texts[row] for row in rows], [golds[row] for row in rows])
        part = Answered(found, here.no_answer[rows], np.array([f"c{r}" for r in rows], object))
        reports.append(report_answering(part, answered(1), QUICK))
    for one, three in zip(reports[0].policies, reports[1].policies, strict=True):
        assert one.exact.low == pytest.approx(three.exact.low, nan_ok=True)
        assert one.exact.high == pytest.approx(three.exact.high, nan_ok=True)


@pytest.mark.parametrize("share", [0.0, 1.0])
def test_only_answerable_or_only_unanswerable_questions(share: float):
    report = report_answering(answered(0, share=share), answered(1), QUICK)
    assert np.isnan(report.auc.value)
    missing = "answerable_f1" if share == 0 else "unanswerable_right"
    assert all(np.isnan(getattr(one, missing).value) for one in report.policies)
    assert not np.isnan(report.policies[2].exact.value)
    assert "ROC-AUC of unanswerability: n/a" in " ".join(
        text_table(answering_layout("T.", report, QUICK)).split()
    )


def test_a_threshold_is_never_fitted_on_a_context_that_is_reported():
    here = answered(0)
    with pytest.raises(InputError, match=r"20 context\(s\) are both fitted and reported on"):
        report_answering(here, here, QUICK)


def test_parts_that_do_not_belong_together():
    here = answered(0)
    with pytest.raises(InputError, match="one answer, probability and context per question"):
        Answered(here.found, here.no_answer[1:], here.contexts)
    with pytest.raises(InputError, match="at least one"):
        Answered(score_answers([], []), np.empty(0), np.empty(0, dtype=object))


def test_halves_share_no_context_and_follow_the_seed():
    contexts = [f"c{place % 11}" for place in range(50)]
    first = halves(contexts, 3)
    groups = [{c for c, one in zip(contexts, first, strict=True) if one == side} for side in (0, 1)]
    assert not groups[0] & groups[1]
    assert sorted(map(len, groups)) == [5, 6]
    assert halves(contexts, 3).tolist() == first.tolist()
    assert any(halves(contexts, seed).tolist() != first.tolist() for seed in range(5))


def test_the_table_shows_each_policy():
    report = report_answering(answered(0), answered(1), QUICK)
    text = text_table(answering_layout("A test.", report, QUICK))
    rows = [line for line in text.splitlines() if line.startswith(HELD_OUT)]
    shown = " ".join(rows)
    assert f"{100 * report.policies[2].exact.value:.1f}" in shown
    assert f"{report.policies[2].threshold:.3f}" in shown
    assert all(name in text for name in (ALWAYS, NEVER, ORACLE))
