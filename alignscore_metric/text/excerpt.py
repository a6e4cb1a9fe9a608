"""The part of a chunk that a reader should look at first. For display: no score depends on it."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

WORDS = re.compile(r"\w+")


def closest_sentence(sentences: Sequence[str], claim: str) -> str:
    """The sentence that shares most words with a claim, by the F1 of their word counts.

    Args:
        sentences: Sentences of a chunk.
        claim: A sentence of a summary.

    Returns:
        The best of them, the first of equals; an empty string where there is none.

    Example:
        >>> closest_sentence(["It rained.", "The dam broke at noon."], "The dam broke.")
        'The dam broke at noon.'
    """
    wanted = _words(claim)

    def overlap(sentence: str) -> float:
        words = _words(sentence)
        return 2 * (words & wanted).total() / max(1, words.total() + wanted.total())

    return max(sentences, key=overlap, default="")


def _words(text: str) -> Counter[str]:
    return Counter(WORDS.findall(text.lower()))
