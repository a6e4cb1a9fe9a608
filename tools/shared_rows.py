"""Which sets of rows share texts, pairs and runs of words, by their hashes.

Owns the counts made of the hashes of `alignscore_metric.text.ngrams`. Keeps no text. Knows
nothing of files, data cards or metrics.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import cast

import numpy as np
import numpy.typing as npt

from alignscore_metric.text.ngrams import (
    FACTOR,
    LONG,
    SHORT,
    Hashes,
    KnownHashes,
    distinct,
    is_among,
    own_runs,
    runs_of,
    text_hash,
    word_hashes,
)


@dataclass(frozen=True, eq=False)
class HashedRows:
    """Rows of (source, summary) pairs, N of them, with T distinct texts.

    Attributes:
        words: The hashes of each distinct text's words, T arrays.
        text: One hash for each distinct text, shape [T]; 0 for a text without a word.
        source: Which text is each row's source, shape [N]; -1 where it has none.
        summary: Which text is each row's summary, shape [N].
    """

    words: list[Hashes]
    text: Hashes
    source: npt.NDArray[np.int64]
    summary: npt.NDArray[np.int64]

    def row_hashes(self) -> RowHashes:
        """The hashes of whole texts, by row."""
        known = np.append(self.text, np.uint64(0))  # the row number -1 is the last one
        return RowHashes(known[self.source], known[self.summary])


@dataclass(frozen=True, eq=False)
class RowHashes:
    """Hashes of each row's source and summary, shape [N]; 0 where there is no text."""

    source: Hashes
    summary: Hashes

    def pairs(self) -> Hashes:
        """One hash for each row, shape [N]; 0 where either text is missing."""
        both = (self.source != 0) & (self.summary != 0)
        pairs = self.source * np.uint64(FACTOR) + self.summary
        return cast("Hashes", np.where(both, pairs, np.uint64(0)))

    def texts(self) -> Hashes:
        """The distinct hashes, sorted."""
        found = distinct(self.source, self.summary)
        return found[found > 0]


@dataclass(frozen=True)
class SharedRows:
    """Rows of one set that another one knows: by their source, by their summary, by both."""

    source: int
    summary: int
    pair: int


def hash_rows(sources: Sequence[str | None], summaries: Sequence[str | None]) -> HashedRows:
    """Hash the texts of N rows, each distinct text once.

    Args:
        sources: Their sources; None where there is none.
        summaries: Their summaries, as many.
    """
    number: dict[str, int] = {}
    places = [
        np.array(
            [-1 if text is None else number.setdefault(text, len(number)) for text in texts],
            dtype=np.int64,
        )
        for texts in (sources, summaries)
    ]
    words = [word_hashes(text) for text in number]
    return HashedRows(words, np.array([text_hash(w) for w in words], np.uint64), *places)


def shared_rows(rows: RowHashes, other: RowHashes) -> SharedRows:
    """How many rows have a source, a summary or a pair that the other rows have.

    A text counts wherever it stands in the other rows, as source or as summary; a pair counts
    only as the same source with the same summary.
    """
    texts, pairs = other.texts(), rows.pairs()
    return SharedRows(
        source=int(is_among(rows.source, texts).sum()),
        summary=int(is_among(rows.summary, texts).sum()),
        pair=int((is_among(pairs, distinct(other.pairs())) & (pairs != 0)).sum()),
    )


def all_shared_rows(sets: Mapping[str, RowHashes]) -> dict[str, dict[str, SharedRows]]:
    """`shared_rows` of every set with every other one; those that share nothing are left out."""
    texts = np.sort(np.concatenate([np.empty(0, np.uint64), *(s.texts() for s in sets.values())]))
    common = distinct(texts[1:][texts[1:] == texts[:-1]])
    small = {name: _keep(rows, common) for name, rows in sets.items()}
    return {
        name: {
            other: shared
            for other in sets
            if other != name
            and len(small[other].source)
            and (shared := shared_rows(rows, small[other])) != SharedRows(0, 0, 0)
        }
        for name, rows in small.items()
    }


def _keep(rows: RowHashes, texts: Hashes) -> RowHashes:
    """The rows that have one of these texts, with 0 for their other text."""
    source, summary = (
        np.where(is_among(hashes, texts), hashes, np.uint64(0))
        for hashes in (rows.source, rows.summary)
    )
    kept = (source != 0) | (summary != 0)
    return RowHashes(source[kept], summary[kept])


@dataclass(frozen=True, eq=False)
class RunIndex:
    """The runs of words of a set's texts, to be looked up in other sets.

    Attributes:
        run: Hashes of runs, shape [R].
        text: Which distinct text each run is of, shape [R].
        rows: The rows.
    """

    run: Hashes
    text: npt.NDArray[np.int64]
    rows: HashedRows

    @classmethod
    def of(cls, rows: HashedRows) -> RunIndex:
        """Runs of 13 words, or of 8 in texts that have fewer than 13."""
        return cls(*own_runs(rows.words), rows)

    def rows_with(self, runs: Hashes) -> tuple[int, int]:
        """How many rows have a source, and how many a summary, with one of these sorted runs."""
        known = np.zeros(len(self.rows.words) + 1, dtype=bool)  # the last one: no text
        known[self.text[is_among(self.run, runs)]] = True
        return int(known[self.rows.source].sum()), int(known[self.rows.summary].sum())


def runs_among(rows: HashedRows, wanted: Hashes, *, texts_at_once: int = 20_000) -> Hashes:
    """Which of the wanted runs, of 13 or 8 words, occur in any text of the rows.

    Args:
        rows: The rows.
        wanted: Distinct hashes of runs, sorted.
        texts_at_once: Texts whose runs are held in memory together.

    Returns:
        Distinct hashes, sorted.
    """
    known = KnownHashes(wanted)
    found = []
    for start in range(0, len(rows.words), texts_at_once):
        for n in (LONG, SHORT):
            runs, _ = runs_of(rows.words[start : start + texts_at_once], n)
            found.append(runs[known.places(runs)])
    return distinct(*found)
