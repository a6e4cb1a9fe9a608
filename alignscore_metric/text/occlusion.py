"""Unsupported spans by leaving parts of a claim out: for classifiers that have no head for them.

Owns which parts are left out, and what a rise of the score means. What scores pairs is given to it.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

import numpy as np

from alignscore_metric.arrays import Floats, Ints
from alignscore_metric.text.places import Place
from alignscore_metric.text.prefilter import ScorePairs
from alignscore_metric.text.spans import WORD, DoubtedSpan

RISE = 0.1
"""A part without which the score rises by less is not blamed."""

SUPPORTED = 0.5
"""Nothing is left out of a claim whose score is above."""

MOST_PARTS = 16
"""Parts of one claim; the first of more."""

FUNCTION_WORDS = frozenset(
    """
    a about above after again all also although am an and another any are as at be because been
    before being below between both but by can could did do does doing down during each either few
    for from had has have having he her hers him his how i if in into is it its itself just may me
    might more most must my of off on once one only or other our out over own s same shall she
    should so some such than that the their them then there these they this those through to too
    under until up upon us very was we were what when where which while who whom whose why will
    with within without would you your
    """.split()  # noqa: SIM905 - a table of words
)
"""Words that join phrases. Negations are not among them: they may be what is wrong."""


def parts(claim: str) -> list[Place]:
    """Numbers, names and phrases of a claim: runs of words between function words and marks.

    A number is a part of its own, and so is a run of capitalised words.

    Args:
        claim: Any text.

    Example:
        >>> claim = "The dam at Port Ann broke on 4 May, officials said."
        >>> [claim[start:end] for start, end in parts(claim)]
        ['dam', 'Port Ann', 'broke', '4', 'May', 'officials said']
    """
    kinds = [(match.span(), _kind(match[0])) for match in WORD.finditer(claim)]
    runs = [(kind, [place for place, _ in group]) for kind, group in groupby(kinds, _second)]
    return [(run[0][0], run[-1][1]) for kind, run in runs if kind]


def occluded_spans(
    claims: Sequence[str], chunks: Sequence[str], scores: Floats, *, score: ScorePairs
) -> list[list[DoubtedSpan]]:
    """The parts of claims without which their chunks support them better.

    Args:
        claims: S claims.
        chunks: The chunk that is read beside each, S of them.
        scores: Of these pairs, shape [S].
        score: What scores pairs.

    Returns:
        Of each claim, the parts whose absence raises its score by `RISE` or more, with the rise as
        doubt; none of a claim whose score is above `SUPPORTED`.
    """
    tried = [
        (number, place)
        for number, claim in enumerate(claims)
        if scores[number] <= SUPPORTED
        for place in parts(claim)[:MOST_PARTS]
        if _without(claims[number], place)
    ]
    found: list[list[DoubtedSpan]] = [[] for _ in claims]
    if not tried:
        return found
    pairs: Ints = np.array([(number, row) for row, (number, _) in enumerate(tried)])
    rest = [_without(claims[number], place) for number, place in tried]
    rises = score(chunks, rest, pairs) - scores[pairs[:, 0]]
    for (number, place), rise in zip(tried, rises.tolist(), strict=True):
        if rise >= RISE:
            found[number].append(DoubtedSpan(*place, rise))
    return found


def _without(claim: str, place: Place) -> str:
    """A claim without a part; empty where nothing would be left to score."""
    rest = " ".join((claim[: place[0]] + claim[place[1] :]).split())
    return rest if any(map(str.isalnum, rest)) else ""


def _kind(word: str) -> str:
    """`number`, `name` or `phrase`; nothing for what stands between parts."""
    joins = word.lower() in FUNCTION_WORDS and word != "May"  # the month
    if joins or not word[0].isalnum():
        return ""
    if any(map(str.isdigit, word)):
        return "number"
    return "name" if word[0].isupper() else "phrase"


def _second(pair: tuple[Place, str]) -> str:
    return pair[1]
