"""SQuAD 2.0's measures: exact match and F1 of answers, and of abstaining.

The definitions are those of the official evaluation script, version 2.0; numbers are shares in
[0, 1] where the script has percent. An empty prediction abstains. Knows nothing of models.

Source: Rajpurkar, Jia and Liang 2018, "Know What You Don't Know: Unanswerable Questions for SQuAD",
ACL, and its evaluation script.
"""

from __future__ import annotations

import re
import string
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from alignscore_metric.arrays import Bools, Floats
from alignscore_metric.errors import InputError

_ARTICLES = re.compile(r"\b(?:a|an|the)\b")
_NO_PUNCTUATION = str.maketrans("", "", string.punctuation)


def normalise_answer(text: str) -> str:
    """An answer in lower case, without ASCII punctuation, articles and superfluous blanks.

    Example:
        >>> normalise_answer("The  U.S. Navy's")
        'us navys'
    """
    return " ".join(_ARTICLES.sub(" ", text.lower().translate(_NO_PUNCTUATION)).split())


def exact_match(prediction: str, gold: str) -> float:
    """1 where two answers are equal once normalised, else 0."""
    return float(normalise_answer(prediction) == normalise_answer(gold))


def token_f1(prediction: str, gold: str) -> float:
    """F1 of the words that two normalised answers share; where one is empty, 1 if both are.

    Example:
        >>> token_f1("in March 1912", "March of 1912")
        0.6666666666666666
    """
    found, wanted = (normalise_answer(text).split() for text in (prediction, gold))
    if not found or not wanted:
        return float(found == wanted)
    return 2 * (Counter(found) & Counter(wanted)).total() / (len(found) + len(wanted))


@dataclass(frozen=True)
class SquadScores:
    """Exact match and F1 of N answers.

    Attributes:
        exact: Of each answer, with the gold answer that it fits best, shape [N].
        f1: Likewise.
        answerable: Whether the question has a gold answer, shape [N].
        abstained: Whether the answer is empty, shape [N].
    """

    exact: Floats
    f1: Floats
    answerable: Bools
    abstained: Bools

    def if_abstaining(self, abstain: Bools) -> SquadScores:
        """The scores had some of the answers, shape [N], been empty.

        An empty answer is right where a question has no answer, and only there.
        """
        right = (~self.answerable).astype(float)
        exact, f1 = (np.where(abstain, right, scores) for scores in (self.exact, self.f1))
        return SquadScores(exact, f1, self.answerable, self.abstained | abstain)


def score_answers(predictions: Sequence[str], golds: Sequence[Sequence[str]]) -> SquadScores:
    """Exact match and F1 of each answer.

    Args:
        predictions: N answers; an empty one abstains.
        golds: The right answers to each of the N questions; none where it is unanswerable.

    Raises:
        InputError: Lengths differ, or something is not text; names the row, from 0.

    Example:
        >>> score_answers(["the dam", ""], [["Dam", "a big dam"], []]).exact.tolist()
        [1.0, 1.0]
    """
    if len(predictions) != len(golds):
        raise InputError(
            f"{len(predictions)} predictions but {len(golds)} lists of right answers; give one "
            "list per prediction"
        )
    for row, (prediction, answers) in enumerate(zip(predictions, golds, strict=True)):
        if isinstance(answers, str) or not all(isinstance(a, str) for a in (prediction, *answers)):
            raise InputError(f"row {row}: give an answer as text, right answers as a list of texts")
    return SquadScores(
        exact=_best(exact_match, predictions, golds),
        f1=_best(token_f1, predictions, golds),
        answerable=np.array([len(answers) > 0 for answers in golds], dtype=bool),
        abstained=np.array([prediction == "" for prediction in predictions], dtype=bool),
    )


def _best(
    measure: Callable[[str, str], float],
    predictions: Sequence[str],
    golds: Sequence[Sequence[str]],
) -> Floats:
    """A measure with the best of the right answers, or with none as the empty answer."""
    wanted = [[a for a in answers if normalise_answer(a)] or [""] for answers in golds]
    pairs = zip(predictions, wanted, strict=True)
    return np.array([max(measure(text, a) for a in answers) for text, answers in pairs])


def best_threshold(
    scores: npt.ArrayLike, no_answer: npt.ArrayLike, found: SquadScores
) -> tuple[float, float]:
    """The threshold of the probability of no answer above which abstaining scores best.

    It is tuned on the questions given, so what it scores there is an upper bound: fit it on
    questions that are not reported on.

    Args:
        scores: Exact match or F1 of each answer, shape [N].
        no_answer: Probability that the question has no answer, shape [N]; ties are taken in the
            order of the rows, as the official script takes them.
        found: The scores that `scores` is one of.

    Returns:
        The mean score with it (the script's `best_exact` or `best_f1`), and the threshold: answers
        with a higher probability become empty. 0 where it is best never to answer.

    Raises:
        InputError: Lengths differ, there is no question, or a probability is not in [0, 1].

    Example:
        >>> found = score_answers(["Rome", "Oslo", "Bonn"], [["Rome"], [], ["Ulm", "Bonn"]])
        >>> best_threshold(found.exact, [0.2, 0.9, 0.3], found)
        (1.0, 0.3)
    """
    values, probabilities = (np.asarray(given, dtype=float) for given in (scores, no_answer))
    if not values.shape == probabilities.shape == found.answerable.shape or not values.size:
        raise InputError(
            f"{values.size} scores, {probabilities.size} probabilities and "
            f"{found.answerable.size} questions; give one of each per question, and at least one"
        )
    if not ((probabilities >= 0) & (probabilities <= 1)).all():
        row = int(np.flatnonzero(~((probabilities >= 0) & (probabilities <= 1)))[0])
        raise InputError(f"row {row}: the probability of no answer is {probabilities[row]}")
    # Beginning with none answered, what answering each question adds, the surest first.
    gains = np.where(found.answerable, values, np.where(found.abstained, 0.0, -1.0))
    order = np.argsort(probabilities, kind="stable")
    totals = np.cumsum([float((~found.answerable).sum()), *gains[order]])
    best = int(np.argmax(totals))
    return float(totals[best]) / len(values), float(probabilities[order[best - 1]]) if best else 0.0
