"""Does a context support an answer to a question? A metric as verifier, and what abstains by it.

Owns when an answer is withheld. Knows nothing of how pairs are scored, nor of right answers (see
`alignscore_metric.scores.squad`).

Source: Zha et al. 2023, "Text Alignment Is An Efficient Unified Model for Massive NLP Tasks",
NeurIPS (ALIGN), and its code.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from alignscore_metric.arrays import Floats
from alignscore_metric.errors import ConfigurationError, InputError
from alignscore_metric.metric import AlignScore, check_inputs
from alignscore_metric.pipeline import sentence_splitter
from alignscore_metric.scores.aggregation import aggregate_sentences
from alignscore_metric.text.claims import claim_of
from alignscore_metric.text.pairs import Source

AnswerQuestions = Callable[[Sequence[Source], Sequence[str]], Sequence[str]]


@dataclass(frozen=True)
class AnswerVerifier:
    """How likely it is that a context supports an answer to a question.

    Question and answer, joined by a blank, are one claim, as in ALIGN.

    Args:
        metric: What scores the claims; one that takes them whole. `AlignScore(mode="bin")` is
            ALIGN's way: the whole context, cut to the model's length. With `claims="whole"` alone
            it is the best chunk of a context of any length.
        split_answers: Score each sentence of a long answer with the question, and aggregate as
            the metric's profile says.

    Raises:
        ConfigurationError: The metric cuts claims into sentences, which would score the question
            by itself, or its head's scores are no probabilities.

    Example:
        >>> from alignscore_metric import AlignScore
        >>> verifier = AnswerVerifier(AlignScore(claims="whole", progress=False))
        >>> context, question = "The bridge was closed on Monday.", "When was the bridge closed?"
        >>> right, wrong, none = verifier.verify(
        ...     [context] * 3, [question] * 3, ["on Monday", "by trams", ""])
        >>> bool(right > wrong > none == 0)
        True
    """

    metric: AlignScore
    split_answers: bool = False

    def __post_init__(self) -> None:
        """Refuse metrics that cannot verify answers."""
        if self.metric.profile.claims != "whole":
            raise ConfigurationError(
                "this metric scores each sentence of a claim, so the question by itself; load it "
                "with claims='whole', or in ALIGN's way with mode='bin'"
            )
        if self.metric.profile.head == "reg":
            raise ConfigurationError("the head 'reg' gives no probability; use 'bin' or 'tri'")

    def verify(
        self, contexts: Sequence[Source], questions: Sequence[str], answers: Sequence[str]
    ) -> Floats:
        """The probability that each answer is supported.

        Args:
            contexts: N contexts; each one text, or a list of passages.
            questions: N questions.
            answers: N answers. An empty or blank one is not supported: 0.

        Returns:
            Shape [N], in [0, 1].

        Raises:
            InputError: Lengths differ, or something is not text; names the row, from 0.
        """
        _check_lengths(contexts, questions, answers)
        check_inputs(contexts, [""] * len(contexts))  # here, where rows have their own numbers
        parts = [
            self._parts(row, *pair) for row, pair in enumerate(zip(questions, answers, strict=True))
        ]
        owners = [row for row, claims in enumerate(parts) for _ in claims]
        scores = self.metric.score(
            [contexts[row] for row in owners], [claim for claims in parts for claim in claims]
        )
        found = aggregate_sentences(
            np.array(scores),
            np.cumsum([0, *map(len, parts)]),
            self.metric.profile.sentence_aggregation,
        )
        return np.where([bool(claims) for claims in parts], found, 0.0)

    def _parts(self, row: int, question: str, answer: str) -> list[str]:
        """The claims that an answer consists of; none where it is blank."""
        for name, text in (("question", question), ("answer", answer)):
            if not isinstance(text, str):
                raise InputError(f"row {row}: the {name} is {type(text).__name__}, not text")
        parts = [answer] if answer.strip() else []
        if self.split_answers:
            parts = sentence_splitter(self.metric.profile)(answer)
        return [claim_of(question, part) for part in parts]


@dataclass(frozen=True)
class AnswerOrAbstain:
    """Anything that answers questions, made to abstain where its answer is not supported.

    Args:
        answer: Called with N contexts and N questions; returns N answers, empty where it abstains
            by itself.
        verifier: What verifies its answers.
        threshold: Of the probability of no answer, 1 - support: an answer with a higher one is
            withheld. Fit it with `best_threshold` of `alignscore_metric.scores.squad`, on questions
            that are not reported on.

    Raises:
        ConfigurationError: The threshold is not in [0, 1].
    """

    answer: AnswerQuestions
    verifier: AnswerVerifier
    threshold: float

    def __post_init__(self) -> None:
        """Refuse a threshold that no probability could be compared with."""
        if not 0 <= self.threshold <= 1:
            raise ConfigurationError(f"threshold is {self.threshold!r}; give a number in [0, 1]")

    def __call__(self, contexts: Sequence[Source], questions: Sequence[str]) -> list[str]:
        """N answers, empty where it abstains; arguments and errors as for `verify`."""
        answers = self.answer(contexts, questions)
        no_answer = 1 - self.verifier.verify(contexts, questions, answers)
        withheld = no_answer > self.threshold
        return ["" if no else text for no, text in zip(withheld, answers, strict=True)]


def _check_lengths(
    contexts: Sequence[Source], questions: Sequence[str], answers: Sequence[str]
) -> None:
    given = {"contexts": contexts, "questions": questions, "answers": answers}
    for name, values in given.items():
        if isinstance(values, str) or not hasattr(values, "__len__"):
            raise InputError(f"{name} is one {type(values).__name__}; give a list")
    if len({len(values) for values in given.values()}) > 1:
        counts = ", ".join(f"{len(values)} {name}" for name, values in given.items())
        raise InputError(f"{counts}; give one of each per row")
