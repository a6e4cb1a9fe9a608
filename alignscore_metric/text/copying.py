"""How much of a summary's sentences is copied: word n-grams that stand in the source too.

Pure functions of a pair table: knows nothing of models. An aligner's profile may blend this lexical
evidence into its scores, because small models miss some of it.
"""

from __future__ import annotations

import numpy as np

from alignscore_metric.arrays import Floats
from alignscore_metric.text.ngrams import normalise
from alignscore_metric.text.pairs import PairTable

LENGTH = 4
"""Words of an n-gram; of a sentence with fewer words, all of them."""


def copied_shares(table: PairTable) -> Floats:
    """Share of each sentence's word 4-grams that stand in a chunk of its source.

    Case and punctuation do not count. A sentence without a word has none of it copied.

    Args:
        table: The chunks and the sentences of N summaries.

    Returns:
        One per sentence of every summary, in order, in [0, 1], shape [S].
    """
    grams: dict[tuple[int, int], frozenset[tuple[str, ...]]] = {}
    words = [normalise(sentence) for sentence in table.sentences]
    shares = np.zeros(len(table.sentence_ids))
    for row, sentence in enumerate(table.sentence_ids):
        length = min(LENGTH, len(words[sentence]))
        own = _ngrams(words[sentence], length)
        if not own:
            continue
        first, last = table.sentence_cells[row : row + 2]
        chunks = table.pairs[table.cells[first:last], 0].tolist()
        for chunk in chunks:
            if (chunk, length) not in grams:
                found = _ngrams(normalise(table.chunks[chunk]), length)
                grams[chunk, length] = frozenset(found)
        sources = [grams[chunk, length] for chunk in chunks]
        shares[row] = np.mean([any(gram in source for source in sources) for gram in own])
    return shares


def blend(sentence_scores: Floats, shares: Floats, weight: float) -> Floats:
    """Weighted mean of the model's scores and the copied shares.

    Args:
        sentence_scores: Shape [S].
        shares: Shape [S].
        weight: Of the shares, in [0, 1).

    Example:
        >>> blend(np.array([0.5, 1.0]), np.array([1.0, 0.0]), 0.25).tolist()
        [0.625, 0.75]
    """
    return (1 - weight) * sentence_scores + weight * shares


def _ngrams(words: list[str], length: int) -> list[tuple[str, ...]]:
    """All runs of `length` words, in order."""
    if not length:
        return []
    return list(zip(*(words[start:] for start in range(length)), strict=False))
