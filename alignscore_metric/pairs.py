"""The pair table: which (chunk, sentence) pairs an input needs, each named once.

Pure bookkeeping over strings and arrays: knows nothing of tokens, models or files.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Source = str | Sequence[str]
IntArray = npt.NDArray[np.int64]


@dataclass(frozen=True)
class PairTable:
    """Unique chunks, sentences and pairs of an input, and where each example uses them.

    A *cell* is one (sentence, chunk) combination of one example. Cells are laid out example by
    example, within it sentence by sentence, within that chunk by chunk.

    Attributes:
        chunks: Distinct chunks of source text.
        sentences: Distinct sentences of the summaries.
        pairs: Rows of (chunk, sentence) numbers, each combination once, shape [P, 2].
        cells: The pair of each cell, shape [C].
        sentence_cells: First cell of each example's sentence, and C at the end, shape [S + 1].
        example_sentences: First sentence of each example, and S at the end, shape [N + 1].
        sentence_ids: Which of `sentences` each example's sentence is, shape [S].
    """

    chunks: list[str]
    sentences: list[str]
    pairs: IntArray
    cells: IntArray
    sentence_cells: IntArray
    example_sentences: IntArray
    sentence_ids: IntArray

    def __len__(self) -> int:
        """Number of examples."""
        return len(self.example_sentences) - 1


def build_pair_table(
    sources: Iterable[Source],
    summaries: Iterable[str],
    *,
    split_source: Callable[[Source], list[str]],
    split_summary: Callable[[str], list[str]],
) -> PairTable:
    """Split an input and list the pairs that it needs.

    Args:
        sources: N sources, each one text or several passages.
        summaries: N summaries.
        split_source: Source to chunks, at least one.
        split_summary: Summary to sentences, possibly none.

    Returns:
        The table; every text was split once however often it is repeated.

    Raises:
        ValueError: The two differ in length.
    """
    chunk_ids: dict[str, int] = {}
    sentence_ids: dict[str, int] = {}
    pair_ids: dict[tuple[int, int], int] = {}
    chunks_of: dict[str | tuple[str, ...], list[int]] = {}
    sentences_of: dict[str, list[int]] = {}
    cells: list[int] = []
    sentence_cells, example_sentences, used = [0], [0], []
    for source, summary in zip(sources, summaries, strict=True):
        key = source if isinstance(source, str) else tuple(source)
        if key not in chunks_of:
            chunks_of[key] = [chunk_ids.setdefault(c, len(chunk_ids)) for c in split_source(source)]
        if summary not in sentences_of:
            sentences_of[summary] = [
                sentence_ids.setdefault(s, len(sentence_ids)) for s in split_summary(summary)
            ]
        for sentence in sentences_of[summary]:
            for chunk in chunks_of[key]:
                cells.append(pair_ids.setdefault((chunk, sentence), len(pair_ids)))
            sentence_cells.append(len(cells))
            used.append(sentence)
        example_sentences.append(len(used))
    return PairTable(
        chunks=list(chunk_ids),
        sentences=list(sentence_ids),
        pairs=np.array(list(pair_ids), dtype=np.int64).reshape(-1, 2),
        cells=np.array(cells, dtype=np.int64),
        sentence_cells=np.array(sentence_cells, dtype=np.int64),
        example_sentences=np.array(example_sentences, dtype=np.int64),
        sentence_ids=np.array(used, dtype=np.int64),
    )


def join_pair_tables(tables: Sequence[PairTable]) -> PairTable:
    """One table of the examples of several, one after the other.

    Args:
        tables: At least one.

    Returns:
        The table, in which a text or a pair that several had stands once.
    """
    chunk_ids: dict[str, int] = {}
    sentence_ids: dict[str, int] = {}
    pairs: list[IntArray] = []
    cells, used = [], []
    for table in tables:
        chunks = _numbers(chunk_ids, table.chunks)
        sentences = _numbers(sentence_ids, table.sentences)
        cells.append(table.cells + sum(len(each) for each in pairs))
        pairs.append(np.stack([chunks[table.pairs[:, 0]], sentences[table.pairs[:, 1]]], axis=1))
        used.append(sentences[table.sentence_ids])
    distinct, places = np.unique(np.concatenate(pairs), axis=0, return_inverse=True)
    return PairTable(
        chunks=list(chunk_ids),
        sentences=list(sentence_ids),
        pairs=distinct,
        cells=places.reshape(-1)[np.concatenate(cells)],
        sentence_cells=_joined_offsets([table.sentence_cells for table in tables]),
        example_sentences=_joined_offsets([table.example_sentences for table in tables]),
        sentence_ids=np.concatenate(used),
    )


def _numbers(ids: dict[str, int], texts: Sequence[str]) -> IntArray:
    """The number of each text; a new one's is the next."""
    return np.array([ids.setdefault(text, len(ids)) for text in texts], dtype=np.int64)


def _joined_offsets(offsets: Sequence[IntArray]) -> IntArray:
    """Offsets, each from 0 to its end, as one array of offsets from 0 to the sum of the ends."""
    sizes = np.concatenate([np.diff(each) for each in offsets])
    return np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
