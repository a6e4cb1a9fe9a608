"""Where to cut a text that is longer than a model reads at once: at lines, clauses or words.

Pure. Knows of tokens only where they stand in a text.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import numpy.typing as npt

_MARKS = frozenset(".!?;:,)]\"'\u2013\u2014\u2019\u201d\u2026")
"""After these a clause ends: Western marks before a space, CJK marks anywhere."""

_CJK_MARKS = frozenset("\u3001\u3002\uff01\uff0c\uff1a\uff1b\uff1f")
Ranks = npt.NDArray[np.int8]


def break_ranks(text: str, spans: Sequence[tuple[int, int]]) -> Ranks:
    """How well a text can be cut before each of its tokens.

    Args:
        text: Any text.
        spans: Where each token starts and ends in it, shape [T].

    Returns:
        4 where a line ends, 3 a clause, 2 a word, 1 a piece of a word, 0 not even a character: [T].
    """
    ranks = np.zeros(len(spans), dtype=np.int8)
    for place, ((before, end), (start, _)) in enumerate(pairwise(spans), start=1):
        ranks[place] = 0 if start < end else _rank(text, before, start)
    return ranks


def _rank(text: str, before: int, start: int) -> int:
    # A token may begin with the space before its word.
    piece = text[before : start + text[start : start + 1].isspace()]
    word = piece.rstrip()
    if "\n" in piece[len(word) :]:
        return 4
    if word[-1:] in _CJK_MARKS:
        return 3
    if len(word) == len(piece):
        return 1
    return 3 if word[-1:] in _MARKS else 2


def cut_evenly(ranks: Ranks, size: int) -> list[int]:
    """Where to cut a text that is too long, so that every token stands in one of the parts.

    Parts are about equally long, and end where a text can be cut best nearby.

    Args:
        ranks: How well it can be cut before each token, shape [T]; see `break_ranks`.
        size: Tokens of a part, >= 1.

    Returns:
        Offsets of the parts: 0, rising, T at the end.

    Example:
        >>> ranks = break_ranks("a b, c d e", [(0, 1), (2, 3), (3, 4), (5, 6), (7, 8), (9, 10)])
        >>> ranks.tolist(), cut_evenly(ranks, 4)
        ([0, 2, 1, 3, 2, 2], [0, 3, 6])
    """
    offsets = [0]
    while (rest := len(ranks) - offsets[-1]) > size:
        aim = -(-rest // -(-rest // size))
        first = offsets[-1] + max(1, aim // 2)
        nearby = ranks[first : offsets[-1] + size + 1]
        best = first + np.flatnonzero(nearby == nearby.max())
        offsets.append(int(best[np.abs(best - offsets[-1] - aim).argmin()]))
    return [*offsets, len(ranks)]
