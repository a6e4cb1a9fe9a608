"""Which chunks of a source are scored for each sentence: all, or the k most likely to matter.

Owns the names of prefilters, the ranking of chunks and the choice among cells. A choice looks at
one example alone, so that a score never depends on its company. Knows nothing of models: what
scores pairs is given to it.
"""

from __future__ import annotations

import itertools
import math
import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from alignscore_metric.arrays import Bools, Floats, Ints
from alignscore_metric.errors import ConfigurationError
from alignscore_metric.text.ngrams import normalise
from alignscore_metric.text.pairs import PairTable

ScorePairs = Callable[[Sequence[str], Sequence[str], Ints], Floats]
"""Scores of pairs, from distinct chunks, distinct sentences and rows of (chunk, sentence)."""
Choose = Callable[[PairTable], Bools]
"""Which cells of a table are to be scored, shape [C]; at least one of every sentence."""

NONE = "none"
LEXICAL, ALIGNER = "lexical", "mini"


@dataclass(frozen=True)
class Prefilter:
    """A way to choose chunks.

    Attributes:
        ranking: `lexical`, by the words that chunk and sentence share; `mini`, by the bundled
            aligner's score.
        keep: Chunks that are scored for each sentence, >= 1; all where a source has no more.
    """

    ranking: str
    keep: int


def parse_prefilter(name: str) -> Prefilter | None:
    """A prefilter by its name.

    Args:
        name: `lexical-K` or `mini-K` with K >= 1; `none`.

    Returns:
        The prefilter, or None where every chunk is scored.

    Raises:
        ConfigurationError: No prefilter has this name.

    Example:
        >>> parse_prefilter("lexical-4")
        Prefilter(ranking='lexical', keep=4)
    """
    text = str(name)  # a configuration file may hold anything
    if text == NONE:
        return None
    found = re.fullmatch(rf"({LEXICAL}|{ALIGNER})-([1-9][0-9]{{0,5}})", text)
    if not found:
        raise ConfigurationError(
            f"prefilter is {name!r}; known: {NONE}, {LEXICAL}-K and {ALIGNER}-K with K >= 1 "
            f"({LEXICAL}-4)"
        )
    return Prefilter(found[1], int(found[2]))


def most_relevant(relevance: Ints | Floats, sentence_cells: Ints, keep: int) -> Bools:
    """Which cells are among the most relevant of their sentence; of equals, the earlier.

    Args:
        relevance: Of each cell, higher = more, shape [C].
        sentence_cells: First cell of each sentence, and C at the end, shape [S + 1].
        keep: Cells of a sentence, >= 1.

    Returns:
        Shape [C]; `keep` of every sentence, or all where it has no more.

    Example:
        >>> most_relevant(np.array([1, 3, 3, 0]), np.array([0, 3, 4]), 2).tolist()
        [False, True, True, True]
    """
    sizes = np.diff(sentence_cells)
    order = np.lexsort((-relevance, np.repeat(np.arange(len(sizes)), sizes)))  # a stable sort
    place = np.empty(len(order), dtype=np.int64)
    place[order] = np.arange(len(order)) - np.repeat(sentence_cells[:-1], sizes)
    return place < keep


def lexical_choice(table: PairTable, keep: int) -> Bools:
    """The cells whose chunks share most words with their sentence; see `lexical_relevance`.

    Args:
        table: The pairs that an input consists of.
        keep: Cells of a sentence.
    """
    return most_relevant(lexical_relevance(table, keep), table.sentence_cells, keep)


def aligner_choice(table: PairTable, keep: int, score: ScorePairs) -> Bools:
    """The cells that an aligner scores highest.

    Args:
        table: The pairs that an input consists of.
        keep: Cells of a sentence.
        score: The aligner that ranks.
    """
    return most_relevant(aligner_relevance(table, keep, score), table.sentence_cells, keep)


def lexical_relevance(table: PairTable, keep: int) -> Ints:
    """How many words a chunk shares with a sentence, rare words of the source counting more.

    A word that stands in d of a source's n chunks weighs log(n / d): the inverse document frequency
    of Spärck Jones 1972, "A Statistical Interpretation of Term Specificity and its Application in
    Retrieval", with the chunks of this one source as the collection. Case and punctuation do not
    count, nor how often a word is repeated.

    Args:
        table: The pairs that an input consists of.
        keep: Cells of a sentence that has no more are left at 0: all of them are scored.

    Returns:
        Of each cell, in millionths of the weights' unit, shape [C]: whole numbers, whose sums do
        not depend on their order, so that equals are equal.
    """
    relevance = np.zeros(len(table.cells), dtype=np.int64)
    sentences_of: dict[tuple[int, ...], list[int]] = {}
    for row, (first, last) in enumerate(pairwise(table.sentence_cells)):
        if last - first > keep:
            source = tuple(table.pairs[table.cells[first:last], 0].tolist())
            sentences_of.setdefault(source, []).append(row)
    for source, rows in sentences_of.items():
        places: dict[str, list[int]] = {}
        for place, chunk in enumerate(source):
            for word in set(normalise(table.chunks[chunk])):
                places.setdefault(word, []).append(place)
        for row in rows:
            found = relevance[table.sentence_cells[row] : table.sentence_cells[row + 1]]
            for word in set(normalise(table.sentences[table.sentence_ids[row]])) & places.keys():
                found[places[word]] += round(1e6 * math.log(len(source) / len(places[word])))
    return relevance


def shared_weights(sentence: str, chunks: Sequence[str]) -> list[int]:
    """What `lexical_relevance` gives the cells of one sentence."""
    words = [set(normalise(chunk)) for chunk in chunks]
    counts = Counter(itertools.chain(*words))
    own = {
        word: round(1e6 * math.log(len(chunks) / counts[word]))
        for word in set(normalise(sentence)) & counts.keys()
    }
    return [sum(own[word] for word in own.keys() & chunk) for chunk in words]


def aligner_relevance(table: PairTable, keep: int, score: ScorePairs) -> Floats:
    """An aligner's score of each cell, example by example.

    Each example has a call of its own: in a common batch, rounding might decide between two chunks
    otherwise than it does for this example alone.

    Args:
        table: The pairs that an input consists of.
        keep: Cells of a sentence that has no more are left at 0: all of them are scored.
        score: The aligner that ranks.

    Returns:
        Shape [C].
    """
    relevance = np.zeros(len(table.cells))
    asked = np.repeat(np.diff(table.sentence_cells) > keep, np.diff(table.sentence_cells))
    for first, last in pairwise(table.sentence_cells[table.example_sentences]):
        cells = first + np.flatnonzero(asked[first:last])
        if len(cells):
            relevance[cells] = score_cells(table, cells, score)
    return relevance


def chosen_scores(table: PairTable, chosen: Bools, score: ScorePairs) -> Floats:
    """The scores of the chosen cells; minus infinity, which is no maximum, in the others.

    Args:
        table: The pairs that an input consists of.
        chosen: Shape [C]; at least one cell of every sentence.
        score: What scores pairs.

    Returns:
        Shape [C].
    """
    scores = np.full(len(table.cells), -np.inf)
    scores[chosen] = score_cells(table, np.flatnonzero(chosen), score)
    return scores


def score_cells(table: PairTable, cells: Ints, score: ScorePairs) -> Floats:
    """Score some cells alone: their pairs once each, without any other chunk or sentence.

    Args:
        table: The pairs that an input consists of.
        cells: Numbers of cells, shape [K].
        score: What scores pairs. Their order is that of the cells, whatever else is in the table.

    Returns:
        Shape [K].
    """
    numbers: dict[int, int] = {}
    places = [numbers.setdefault(pair, len(numbers)) for pair in table.cells[cells].tolist()]
    used = table.pairs[list(numbers)]
    chunks, sentences = (
        {number: place for place, number in enumerate(dict.fromkeys(column))}
        for column in used.T.tolist()
    )
    pairs = [(chunks[chunk], sentences[sentence]) for chunk, sentence in used.tolist()]
    scores = score(
        [table.chunks[chunk] for chunk in chunks],
        [table.sentences[sentence] for sentence in sentences],
        np.array(pairs, dtype=np.int64).reshape(-1, 2),
    )
    return scores[places]
