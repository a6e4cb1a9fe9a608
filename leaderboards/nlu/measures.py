"""Measures of answers: pure functions over labels and logits, prepared for resampling.

Each prepares a statistic of row weights (see `alignscore_metric.scores.statistics`), so that one
bootstrap serves all. What guessing and the commonest class would get stands beside it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from scipy.special import softmax

from alignscore_metric.arrays import Floats, Ints
from alignscore_metric.leaderboards.nlu.tasks import MeasureName
from alignscore_metric.scores import statistics as st

ANSWERING_HEADS = ("bin", "tri", "reg")
SUPPORTED = {"bin": 1, "tri": 0}
"""The class of each head that means "aligned"."""

Logits = Mapping[str, Floats]
"""Of N pairs by head: shape [N, 2], [N, 3], [N]."""


@dataclass(frozen=True, eq=False)
class Answers:
    """What an aligner says of the N rows of a task.

    Attributes:
        head: The head that the labels are for.
        labels: Classes of `bin` and `tri`, degrees in [0, 1] of `reg`; shape [N].
        contexts: Which context each row has; any labels, shape [N].
        questions: Which question each row answers, from 0 without gaps; -1 for none. Shape [N].
        logits: Of all heads.
    """

    head: str
    labels: Floats
    contexts: Ints
    questions: Ints
    logits: Logits

    def only(self, kept: npt.NDArray[np.bool_]) -> Answers:
        """Some of the rows."""
        return replace(
            self,
            labels=self.labels[kept],
            contexts=self.contexts[kept],
            questions=self.questions[kept],
            logits={head: values[kept] for head, values in self.logits.items()},
        )

    @property
    def right(self) -> npt.NDArray[np.bool_]:
        """Whether each row's claim is aligned, shape [N]; for classes alone."""
        return np.asarray(self.labels == SUPPORTED[self.head])


@dataclass(frozen=True, eq=False)
class PreparedMeasure:
    """A measure of M rows or questions.

    Attributes:
        statistic: The measure, of their weights.
        contexts: Their contexts, shape [M]: rows of one context are resampled together.
        chance: What guessing gets, each class or option equally often; NaN where nobody can say.
        majority: What the commonest class gets; NaN where there is none.
        lowest: Least value there can be.
    """

    statistic: st.Statistic
    contexts: Ints
    chance: float
    majority: float = math.nan
    lowest: float = 0.0


def degrees(logits: Logits) -> dict[str, Floats]:
    """How far each head holds each pair for aligned: P(aligned) of `bin` and `tri`, `reg` as is.

    Example:
        >>> logits = {"bin": np.zeros((1, 2)), "tri": np.zeros((1, 3)), "reg": np.array([0.7])}
        >>> {head: float(found[0].round(2)) for head, found in degrees(logits).items()}
        {'bin': 0.5, 'tri': 0.33, 'reg': 0.7}
    """
    return {
        head: softmax(values, axis=1)[:, SUPPORTED[head]] if head in SUPPORTED else values
        for head, values in logits.items()
    }


def prepare_measure(
    measure: MeasureName, answers: Answers, *, head: str | None = None
) -> PreparedMeasure:
    """Prepare a measure.

    Args:
        measure: Which one. `accuracy` and `f1` read the answering head's likeliest class, the
            others a head as a degree of alignment.
        answers: The rows; both labels are there, or not all degrees are equal.
        head: Whose degree; the answering head's where None.
    """
    degree = degrees(answers.logits)[head or answers.head]
    return _MEASURES[measure](answers, degree)


def _accuracy(answers: Answers, _: Floats) -> PreparedMeasure:
    logits = answers.logits[answers.head]
    return PreparedMeasure(
        st.mean(logits.argmax(axis=1) == answers.labels),
        answers.contexts,
        chance=1 / logits.shape[1],
        majority=float(np.bincount(answers.labels.astype(int)).max() / len(answers.labels)),
    )


def _f1(answers: Answers, _: Floats) -> PreparedMeasure:
    """Of the aligned pairs. A coin finds half of them, as precise as they are frequent."""
    decided = answers.logits[answers.head].argmax(axis=1) == SUPPORTED[answers.head]
    share = float(answers.right.mean())
    return PreparedMeasure(
        st.f1(answers.right, decided),
        answers.contexts,
        chance=share / (share + 0.5),
        majority=2 * share / (1 + share) if share > 0.5 else 0.0,
    )


def _roc_auc(answers: Answers, degree: Floats) -> PreparedMeasure:
    return PreparedMeasure(st.roc_auc(answers.right, degree), answers.contexts, 0.5, 0.5)


def _choice(answers: Answers, degree: Floats) -> PreparedMeasure:
    """The highest option is the answer; where m are equally high, a right one counts 1 / m."""
    known = answers.only(answers.questions >= 0)
    degree, questions = degree[answers.questions >= 0], known.questions
    highest = np.full(questions.max(initial=-1) + 1, -np.inf)
    np.maximum.at(highest, questions, degree)
    top = degree == highest[questions]
    credit = np.bincount(questions, top & known.right) / np.bincount(questions, top)
    contexts = known.contexts[np.unique(questions, return_index=True)[1]]
    chance = np.bincount(questions, known.right) / np.bincount(questions)
    return PreparedMeasure(st.mean(credit), contexts, float(chance.mean()))


def _pearson(answers: Answers, degree: Floats) -> PreparedMeasure:
    statistic = st.pearson(answers.labels, degree)
    return PreparedMeasure(statistic, answers.contexts, chance=0.0, lowest=-1.0)


def _spearman(answers: Answers, degree: Floats) -> PreparedMeasure:
    statistic = st.spearman(answers.labels, degree)
    return PreparedMeasure(statistic, answers.contexts, chance=0.0, lowest=-1.0)


_MEASURES: Mapping[MeasureName, Callable[[Answers, Floats], PreparedMeasure]] = {
    "accuracy": _accuracy,
    "f1": _f1,
    "roc_auc": _roc_auc,
    "choice_accuracy": _choice,
    "pearson": _pearson,
    "spearman": _spearman,
}
