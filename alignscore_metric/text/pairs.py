"""The pair table: which (chunk, sentence) pairs an input needs, each named once.

Pure bookkeeping over strings and arrays: knows nothing of tokens, models or files.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

import numpy as np

from alignscore_metric.arrays import Ints
from alignscore_metric.text.places import PassagePlace, Place, chunk_places, sentence_places

Source = str | Sequence[str]
Example = tuple[Source, str]
AnyPlace = TypeVar("AnyPlace", Place, PassagePlace)


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
        example_sources: `source_number` of each example's source, shape [N].
        sentence_places: First character of each example's sentence in its summary, and the one
            after its last, shape [S, 2].
        example_chunks: First chunk of each example, and D at the end, shape [N + 1].
        chunk_places: Of each example's chunk the passage, the first character in it and the one
            after the last, shape [D, 3]; see `alignscore_metric.text.places.chunk_places`.
    """

    chunks: list[str]
    sentences: list[str]
    pairs: Ints
    cells: Ints
    sentence_cells: Ints
    example_sentences: Ints
    sentence_ids: Ints
    example_sources: Ints
    sentence_places: Ints
    example_chunks: Ints
    chunk_places: Ints

    def __len__(self) -> int:
        """Number of examples."""
        return len(self.example_sentences) - 1


def source_number(source: Source) -> int:
    """A number of a source, the same for equal passages on every machine and in every run.

    Returns:
        64 bits of BLAKE2b. Two of a million distinct sources have the same number with a
        probability of 3e-8.

    Example:
        >>> source_number("It rained.") == source_number(["It rained."])
        True
        >>> source_number(["It rained."]) == source_number(["It", " rained."])
        False
    """
    digest = hashlib.blake2b(digest_size=8)
    for passage in [source] if isinstance(source, str) else source:
        text = passage.encode("utf-8", "surrogatepass")
        digest.update(len(text).to_bytes(8, "little"))
        digest.update(text)
    return int.from_bytes(digest.digest(), "little", signed=True)


@dataclass(frozen=True)
class _Cut(Generic[AnyPlace]):
    """A text in pieces: the source's number, and of each piece number and place."""

    number: int
    pieces: list[int]
    places: list[AnyPlace]


class PairLister:
    """Lists the pairs of examples as they come; every text is split once however often it comes.

    Args:
        split_source: Source to chunks, at least one.
        split_summary: Summary to sentences, possibly none.

    Attributes:
        chunks: The table's so far; later ones are appended.
        sentences: Likewise.
    """

    def __init__(
        self,
        *,
        split_source: Callable[[Source], list[str]],
        split_summary: Callable[[str], list[str]],
    ) -> None:
        """List nothing yet; see the class for the arguments."""
        self.chunks: list[str] = []
        self.sentences: list[str] = []
        self._split_source, self._split_summary = split_source, split_summary
        self._chunk_ids: dict[str, int] = {}
        self._sentence_ids: dict[str, int] = {}
        self._known_sources: dict[str | tuple[str, ...], _Cut[PassagePlace]] = {}
        self._known_summaries: dict[str, _Cut[Place]] = {}
        self._pair_ids: dict[tuple[int, int], int] = {}
        self._pairs: list[tuple[int, int]] = []
        self._cells: list[int] = []
        self._sentence_cells, self._example_sentences = [0], [0]
        self._used: list[int] = []
        self._example_sources: list[int] = []
        self._sentence_places: list[Place] = []
        self._example_chunks = [0]
        self._chunk_places: list[PassagePlace] = []

    def add(self, examples: Iterable[Example]) -> Ints:
        """List examples, each a source and a summary.

        Returns:
            The pairs that none of those before needed, in the table's order, shape [K, 2].
        """
        known = len(self._pairs)
        for source, summary in examples:
            chunks, claims = self._source(source), self._summary(summary)
            self._example_sources.append(chunks.number)
            self._chunk_places += chunks.places
            self._example_chunks.append(len(self._chunk_places))
            self._sentence_places += claims.places
            for sentence in claims.pieces:
                for chunk in chunks.pieces:
                    pair = chunk, sentence
                    number = self._pair_ids.setdefault(pair, len(self._pairs))
                    if number == len(self._pairs):
                        self._pairs.append(pair)
                    self._cells.append(number)
                self._sentence_cells.append(len(self._cells))
                self._used.append(sentence)
            self._example_sentences.append(len(self._used))
        return _two_columns(self._pairs[known:])

    def _source(self, source: Source) -> _Cut[PassagePlace]:
        """A source's number, and the numbers and places of its chunks."""
        key = source if isinstance(source, str) else tuple(source)
        if key not in self._known_sources:
            chunks = self._split_source(source)
            self._known_sources[key] = _Cut(
                source_number(source),
                _numbered(chunks, self.chunks, self._chunk_ids),
                chunk_places(chunks, source if isinstance(source, str) else list(source)),
            )
        return self._known_sources[key]

    def _summary(self, summary: str) -> _Cut[Place]:
        """The numbers and places of a summary's sentences."""
        if summary not in self._known_summaries:
            found = self._split_summary(summary)
            self._known_summaries[summary] = _Cut(
                0,
                _numbered(found, self.sentences, self._sentence_ids),
                sentence_places(found, summary),
            )
        return self._known_summaries[summary]

    def expected(self, examples: int) -> int:
        """How many pairs so many examples will need, as far as one can tell from those so far."""
        return round(len(self._pairs) * examples / max(1, len(self._example_sentences) - 1))

    def table(self) -> PairTable:
        """The table of all examples so far."""
        return PairTable(
            chunks=self.chunks,
            sentences=self.sentences,
            pairs=_two_columns(self._pairs),
            cells=np.array(self._cells, dtype=np.int64),
            sentence_cells=np.array(self._sentence_cells, dtype=np.int64),
            example_sentences=np.array(self._example_sentences, dtype=np.int64),
            sentence_ids=np.array(self._used, dtype=np.int64),
            example_sources=np.array(self._example_sources, dtype=np.int64),
            sentence_places=np.array(self._sentence_places, dtype=np.int64).reshape(-1, 2),
            example_chunks=np.array(self._example_chunks, dtype=np.int64),
            chunk_places=np.array(self._chunk_places, dtype=np.int64).reshape(-1, 3),
        )


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
        split_source: As for `PairLister`.
        split_summary: As for `PairLister`.

    Raises:
        ValueError: The two differ in length.
    """
    lister = PairLister(split_source=split_source, split_summary=split_summary)
    lister.add(zip(sources, summaries, strict=True))
    return lister.table()


def _numbered(texts: Sequence[str], known: list[str], ids: dict[str, int]) -> list[int]:
    """The number of each text among those that are known; a new one is appended to them."""
    numbers = []
    for text in texts:
        numbers.append(ids.setdefault(text, len(known)))
        if numbers[-1] == len(known):
            known.append(text)
    return numbers


def _two_columns(pairs: Sequence[tuple[int, int]]) -> Ints:
    return np.array(pairs, dtype=np.int64).reshape(-1, 2)


def join_pair_tables(tables: Sequence[PairTable]) -> PairTable:
    """One table of the examples of several, one after the other.

    Args:
        tables: At least one.

    Returns:
        The table, in which a text or a pair that several had stands once.
    """
    chunk_ids: dict[str, int] = {}
    sentence_ids: dict[str, int] = {}
    pairs: list[Ints] = []
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
        example_sources=np.concatenate([table.example_sources for table in tables]),
        sentence_places=np.concatenate([table.sentence_places for table in tables]),
        example_chunks=_joined_offsets([table.example_chunks for table in tables]),
        chunk_places=np.concatenate([table.chunk_places for table in tables]),
    )


def _numbers(ids: dict[str, int], texts: Sequence[str]) -> Ints:
    """The number of each text; a new one's is the next."""
    return np.array([ids.setdefault(text, len(ids)) for text in texts], dtype=np.int64)


def _joined_offsets(offsets: Sequence[Ints]) -> Ints:
    """Offsets, each from 0 to its end, as one array of offsets from 0 to the sum of the ends."""
    sizes = np.concatenate([np.diff(each) for each in offsets])
    return np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
