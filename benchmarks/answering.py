"""How well questions are answered where some have no answer, and what abstaining gives.

SQuAD 2.0's measures with intervals over contexts, without abstaining and with it: at a threshold
fitted on other questions, and at the one that is best on the very questions reported, which is how
ALIGN's code reports (Zha et al. 2023, "Text Alignment Is An Efficient Unified Model for Massive NLP
Tasks", NeurIPS). Knows nothing of models. `answering_layout` lays the report out as a table.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from alignscore_metric.arrays import Floats
from alignscore_metric.errors import InputError
from alignscore_metric.leaderboards.tables.layout import (
    DASH,
    TIMES_100,
    UNDEFINED,
    Layout,
    Line,
    TableEntry,
)
from alignscore_metric.scores import statistics as st
from alignscore_metric.scores.intervals import Estimate, Resampling, estimate
from alignscore_metric.scores.squad import SquadScores, best_threshold

ALWAYS = "answers as they are"
NEVER = "no answer to any question"
HELD_OUT = "threshold fitted on other questions"
ORACLE = "threshold fitted on these questions (an upper bound)"


@dataclass(frozen=True, eq=False)
class Answered:
    """N questions, answered and verified.

    Attributes:
        found: Scores of the answers.
        no_answer: Probability that the question has no answer, shape [N]: 1 - support.
        contexts: What each question is about: equal labels are resampled together, shape [N].

    Raises:
        InputError: Lengths differ, or there is no question.
    """

    found: SquadScores
    no_answer: Floats
    contexts: npt.NDArray[np.object_]

    def __post_init__(self) -> None:
        """Refuse parts that do not belong together."""
        sizes = {len(self.found.exact), len(self.no_answer), len(self.contexts)}
        if len(sizes) > 1 or 0 in sizes:
            raise InputError("give one answer, probability and context per question, at least one")


@dataclass(frozen=True)
class Policy:
    """How well questions are answered at one threshold.

    Attributes:
        name: Where the threshold comes from.
        threshold: Of the probability of no answer; NaN without one.
        abstained: Share of the questions without an answer from the system.
        exact: Exact match.
        f1: F1.
        answerable_f1: F1 of the answerable questions; NaN where there are none.
        unanswerable_right: Share of the unanswerable ones that got no answer; NaN without one.
    """

    name: str
    threshold: float
    abstained: float
    exact: Estimate
    f1: Estimate
    answerable_f1: Estimate
    unanswerable_right: Estimate


@dataclass(frozen=True)
class AnsweringReport:
    """How well questions are answered, by policy.

    Attributes:
        questions: Their number.
        answerable: Number of those that have an answer.
        contexts: Number of contexts.
        auc: ROC-AUC of the probability of no answer against having none; NaN where all questions
            or none have an answer.
        policies: Answers as they are; no answers; threshold fitted elsewhere; fitted here.
    """

    questions: int
    answerable: int
    contexts: int
    auc: Estimate
    policies: tuple[Policy, ...]


def report_answering(
    reported: Answered, fitted_on: Answered, resampling: Resampling
) -> AnsweringReport:
    """Measure answers, with and without abstaining.

    Args:
        reported: The questions to report on.
        fitted_on: Others, which share no context with them: the threshold with the best F1 on
            these is the held-out one.
        resampling: How intervals are made.

    Raises:
        InputError: The two share a context.
    """
    if shared := set(reported.contexts.tolist()) & set(fitted_on.contexts.tolist()):
        raise InputError(
            f"{len(shared)} context(s) are both fitted and reported on; split by context"
        )
    found = reported.found
    thresholds = {
        HELD_OUT: best_threshold(fitted_on.found.f1, fitted_on.no_answer, fitted_on.found)[1],
        ORACLE: best_threshold(found.f1, reported.no_answer, found)[1],
    }
    unanswerable = (~found.answerable).astype(float)
    auc = st.roc_auc(unanswerable, reported.no_answer)
    withheld = {
        ALWAYS: (float("nan"), np.zeros(len(found.f1), dtype=bool)),
        NEVER: (float("nan"), np.ones(len(found.f1), dtype=bool)),
    } | {name: (value, reported.no_answer > value) for name, value in thresholds.items()}
    return AnsweringReport(
        questions=len(found.exact),
        answerable=int(found.answerable.sum()),
        contexts=len(set(reported.contexts.tolist())),
        auc=estimate(auc, reported.contexts, resampling),
        policies=tuple(
            _policy(name, threshold, found.if_abstaining(rows), reported.contexts, resampling)
            for name, (threshold, rows) in withheld.items()
        ),
    )


def halves(contexts: Sequence[str], seed: int) -> npt.NDArray[np.bool_]:
    """Which rows belong to the first of two random halves of the contexts, shape [N]."""
    distinct = sorted(set(contexts))
    drawn = np.random.default_rng(seed).permutation(len(distinct))
    first = {distinct[place] for place in drawn[: len(distinct) // 2]}
    return np.array([context in first for context in contexts], dtype=bool)


def _policy(
    name: str,
    threshold: float,
    found: SquadScores,
    contexts: npt.NDArray[np.object_],
    resampling: Resampling,
) -> Policy:
    def of(values: npt.ArrayLike, rows: npt.NDArray[np.bool_]) -> Estimate:
        return estimate(st.mean(np.asarray(values)[rows]), contexts[rows], resampling)

    every = np.ones(len(contexts), dtype=bool)
    return Policy(
        name,
        threshold,
        abstained=float(found.abstained.mean()),
        exact=of(found.exact, every),
        f1=of(found.f1, every),
        answerable_f1=of(found.f1, found.answerable),
        unanswerable_right=of(found.f1, ~found.answerable),
    )


def answering_layout(title: str, report: AnsweringReport, resampling: Resampling) -> Layout:
    """A report as a table: a line for each policy."""
    auc = percent(report.auc)
    return Layout(
        title=title,
        facts=f"{report.questions} questions on {report.contexts} contexts, {report.answerable} of "
        f"them answerable. Numbers {TIMES_100}; a{DASH}b: {100 * resampling.level:g}% interval "
        f"from {resampling.resamples} resamples of the contexts, seed {resampling.seed}. "
        f"ROC-AUC of unanswerability: {auc.value}{f' ({auc.interval})' if auc.interval else ''}",
        corner="abstains",
        headings=tuple(
            map(TableEntry, ("EM", "F1", "F1 (answerable)", "right (unanswerable)", "abstains",
                        "threshold"))
        ),
        measured=tuple(_line(policy) for policy in report.policies),
    )  # fmt: skip


def _line(policy: Policy) -> Line:
    found = (policy.exact, policy.f1, policy.answerable_f1, policy.unanswerable_right)
    threshold = DASH if math.isnan(policy.threshold) else f"{policy.threshold:.3f}"
    others = (TableEntry(f"{100 * policy.abstained:.1f}"), TableEntry(threshold))
    return Line(TableEntry(policy.name), (*map(percent, found), *others))


def percent(found: Estimate) -> TableEntry:
    """An estimate times 100, with its interval."""
    if math.isnan(found.value):
        return TableEntry(UNDEFINED)
    bounded = not math.isnan(found.low)
    interval = f"{100 * found.low:.1f}{DASH}{100 * found.high:.1f}" if bounded else ""
    return TableEntry(f"{100 * found.value:.1f}", interval)
