"""Spans of a claim that nothing supports: from how doubtful its pieces are to runs of words.

Pure. Knows nothing of models: what doubts a piece is given to it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

from alignscore_metric.text.places import Place

WORD = re.compile(r"\w+(?:['\u2019.,:/-]\w+)*|[^\w\s]")
"""A word with what joins its parts (3.5, well-known, don't), or a mark."""


class DoubtedSpan(NamedTuple):
    """A run of words: its first character, the one after its last, the mean doubt of its words."""

    start: int
    end: int
    doubt: float


def doubted_spans(
    text: str, pieces: Sequence[Place], doubts: Sequence[float], *, threshold: float
) -> list[DoubtedSpan]:
    """Runs of words that are doubted.

    A word is doubted as its most doubted piece is. Marks join words, and are never doubted alone.

    Args:
        text: The claim.
        pieces: Where its tokens stand in it, T of them; it may go on after the last.
        doubts: Of each piece, in [0, 1], shape [T].
        threshold: What a word's doubt must exceed.

    Example:
        >>> pieces = [(0, 2), (3, 7), (8, 10), (11, 15)]
        >>> doubted_spans("It sold 40 cars.", pieces, [0.1, 0.2, 0.9, 0.1], threshold=0.5)
        [DoubtedSpan(start=8, end=10, doubt=0.9)]
    """
    runs: list[list[tuple[int, int, float]]] = []
    joins = False
    place = 0
    for word in WORD.finditer(text):
        if not word[0][0].isalnum():
            continue
        while place < len(pieces) and pieces[place][1] <= word.start():
            place += 1
        doubt, following = 0.0, place
        while following < len(pieces) and pieces[following][0] < word.end():
            doubt = max(doubt, doubts[following])
            following += 1
        if doubt > threshold:
            if not joins:
                runs.append([])
            runs[-1].append((*word.span(), doubt))
        joins = doubt > threshold
    return [
        DoubtedSpan(run[0][0], run[-1][1], sum(doubt for *_, doubt in run) / len(run))
        for run in runs
    ]
