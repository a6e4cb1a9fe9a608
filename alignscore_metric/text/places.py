"""Where sentences and chunks stand in the texts that they were cut from, in characters.

Pure. It looks the pieces up in order, so that whatever cuts a text needs to give texts alone.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

Place = tuple[int, int]
"""First character and the one after the last."""
PassagePlace = tuple[int, int, int]
"""Number of the passage, first character in it and the one after the last."""

SEVERAL = -1
"""The passage of a chunk that several passages were joined into."""

_WORD = re.compile(r"\S+")


def sentence_places(sentences: Sequence[str], text: str) -> list[Place]:
    """Where sentences stand in their text.

    Args:
        sentences: Slices of the text, in order; what lies between them is white space, or marks
            that claim nothing.
        text: The text.

    Raises:
        ValueError: A sentence does not stand there.

    Example:
        >>> sentence_places(["It rained.", "It rained."], " It rained.  It rained.")
        [(1, 11), (13, 23)]
    """
    places, end = [], 0
    for sentence in sentences:
        start = text.index(sentence, end)
        end = start + len(sentence)
        places.append((start, end))
    return places


def chunk_places(chunks: Sequence[str], source: str | Sequence[str]) -> list[PassagePlace]:
    r"""Where chunks stand in their source; white space may differ.

    Args:
        chunks: Together all characters of the source, in order, white space left aside.
        source: One text, or passages.

    Returns:
        For each chunk the passage, from 0, and its place there; `(SEVERAL, 0, 0)` of a chunk that
        goes on into another passage.

    Raises:
        ValueError: A chunk does not stand there.

    Example:
        >>> chunk_places(["One. Two.", "Three."], [" ", "One.\n\nTwo.", "Three."])
        [(1, 0, 10), (2, 0, 6)]
    """
    passages = [source] if isinstance(source, str) else source
    places: list[PassagePlace] = []
    passage = position = 0
    for chunk in chunks:
        words = chunk.split()
        if not words:
            places.append((passage, position, position))
            continue
        while (start := passages[passage].find(words[0], position)) < 0:
            passage, position = passage + 1, 0
            if passage == len(passages):
                raise ValueError(f"the chunk {chunk[:40]!r} is not in its source")
        first, whole = passage, chunk.strip()
        if passages[passage].startswith(whole, start):  # as most do
            position = start + len(whole)
        else:
            passage, position = _end(passages, passage, start, sum(map(len, words)))
        places.append((passage, start, position) if passage == first else (SEVERAL, 0, 0))
    return places


def _end(passages: Sequence[str], passage: int, start: int, characters: int) -> tuple[int, int]:
    """Where so many characters that are no white space end, from a place on."""
    for number in range(passage, len(passages)):
        for word in _WORD.finditer(passages[number], start):
            if len(word[0]) >= characters:
                return number, word.start() + characters
            characters -= len(word[0])
        start = 0
    raise ValueError("a chunk is longer than its source")
