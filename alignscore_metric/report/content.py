"""What the report's page is told: a result as plain lists and numbers. Knows nothing of HTML."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from alignscore_metric.report.plots import score_range
from alignscore_metric.text.excerpt import closest_sentence
from alignscore_metric.text.splitters import get_splitter

if TYPE_CHECKING:
    from alignscore_metric.report.evaluation import Evaluation, Evidence

DECIMALS = 4
"""Decimals of a score in the page's data."""


def page_content(result: Evaluation, names: Sequence[str]) -> dict[str, Any]:
    """Examples, sentences and evidence as the page's script reads them.

    Args:
        result: N examples.
        names: What to call them, N texts.

    Returns:
        `range`: the lowest and the highest score that a colour stands for. `chunks`: each chunk
        that is shown beside a sentence, once, as the list of its sentences. `examples`: N lists of
        name, score (None if undefined) and sentences; of a sentence: its text, its score, the
        place of its chunk in `chunks`, the number of that chunk in its source, from 1, how many
        chunks the source has, which sentence of the chunk to show first, from 0, its verdict, its
        unsupported words (first UTF-16 unit and the one after the last; None if not asked for),
        and number and probability of the chunk that contradicts it most, if that is another one.
    """
    evidence = [result.sentences(row) for row in range(len(result))]
    split = get_splitter("bundled_punkt").split
    used = dict.fromkeys(found.chunk for sentences in evidence for found in sentences)
    chunks = {chunk: (place, cut(chunk, split)) for place, chunk in enumerate(used)}
    counts = iter(np.diff(result.table.sentence_cells).tolist())
    examples = []
    for name, score, sentences in zip(names, result.scores.tolist(), evidence, strict=True):
        entries = []
        for found in sentences:
            place, pieces = chunks[found.chunk]
            closest = pieces.index(closest_sentence(pieces, found.sentence))
            where = [place, found.chunk_index + 1, next(counts), closest]
            said = [found.verdict, _unsupported(found), _worst(found)]
            entries.append([found.sentence, round(found.score, DECIMALS), *where, *said])
        examples.append([name, None if np.isnan(score) else round(score, DECIMALS), entries])
    return {
        "range": score_range(result.sentence_scores),
        "chunks": [pieces for _, pieces in chunks.values()],
        "examples": examples,
    }


def _unsupported(found: Evidence) -> list[tuple[int, int]] | None:
    """Where in the sentence its unsupported words stand, as scripts count."""
    if found.unsupported is None:
        return None
    return [
        (
            _units(found.sentence[: span.start - found.start]),
            _units(found.sentence[: span.end - found.start]),
        )
        for span in found.unsupported
    ]


def _units(text: str) -> int:
    """UTF-16 units of a text."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def _worst(found: Evidence) -> list[float] | None:
    if found.worst is None:
        return None
    return [found.worst.chunk_index + 1, round(found.worst.contradiction, 2)]


def cut(chunk: str, split: Callable[[str], list[str]]) -> list[str]:
    """A chunk's sentences, each with what follows it: joined, they are the chunk.

    Args:
        chunk: Any text.
        split: A text to its sentences.

    Example:
        >>> cut(" One. Two. ", lambda text: ["One.", "Two."])
        [' One. ', 'Two. ']
    """
    starts, end = [], 0
    for sentence in split(chunk):
        starts.append(chunk.index(sentence, end))
        end = starts[-1] + len(sentence)
    return [chunk[a:b] for a, b in pairwise([0, *starts[1:], len(chunk)])]
