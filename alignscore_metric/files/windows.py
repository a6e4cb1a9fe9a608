"""Tables of any size through a metric: windows of rows in, their scores out, in order.

Owns what a window is, the check of a whole table before anything is scored, and the scoring of
windows on one device. Whatever else scores windows (other devices, other machines) is a
`WindowScorer` too, and needs to know nothing of files.
"""

from __future__ import annotations

import math
import warnings
from array import array
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from alignscore_metric.engine.engine import TruncationWarning
from alignscore_metric.errors import InputError
from alignscore_metric.files.tables import (
    SOURCE_NAMES,
    SUMMARY_NAMES,
    Table,
    TableReader,
    arrow_schema,
)
from alignscore_metric.metric import AlignScore, Spans, check_inputs
from alignscore_metric.result import AlignScoreResult
from alignscore_metric.system.background import ahead
from alignscore_metric.text.pairs import Source, source_number

if TYPE_CHECKING:
    import pyarrow as pa

SENTENCE = 100
"""Characters of a sentence, about."""
WORK = 2_000_000
"""Most work of a window where there is no GPU (see `by_work`): about a minute of the bundled
aligner's on two cores, so that a kill costs no more."""
Columns = tuple[str, str]
"""Names of the columns of sources and summaries."""
FindColumns = Callable[[Table], Columns]


@dataclass(frozen=True)
class Window:
    """Texts of N consecutive rows. Can be pickled.

    Attributes:
        sources: N sources, each one text or a list of passages.
        summaries: N summaries.
        name: How an error should call the rows.
    """

    sources: Sequence[Source]
    summaries: Sequence[str]
    name: str = ""


@dataclass(frozen=True)
class Scored:
    """What became of a window. Can be pickled.

    Attributes:
        scores: One per row, shape [N]; NaN where the summary has no sentence.
        pairs: How many (chunk, sentence) pairs were scored.
        evidence: All of the result, where it was asked for.
        not_english: Numbers of the rows in another script than English.
    """

    scores: npt.NDArray[np.float64]
    pairs: int
    evidence: AlignScoreResult | None = None
    not_english: tuple[int, ...] = ()

    def columns(self, name: str, *, evidence: bool = True) -> dict[str, list[object]]:
        """The columns that it adds to its rows; an undefined score is None.

        Args:
            name: Of the column of scores; that of evidence is NAME_evidence.
            evidence: Whether there is one, where there is evidence.
        """
        added: dict[str, list[object]] = {
            name: [None if math.isnan(score) else score for score in self.scores.tolist()]
        }
        if evidence and self.evidence is not None:
            found = map(self.evidence.sentences, range(len(self.scores)))
            added[f"{name}_evidence"] = [[asdict(sentence) for sentence in row] for row in found]
        return added


WindowScorer = Callable[[Iterable[Window]], Iterator[Scored]]
"""Gives one `Scored` per window, in the windows' order; may read a few windows ahead."""


def score_windows(
    metric: AlignScore,
    windows: Iterable[Window],
    *,
    evidence: bool = False,
    spans: Spans = False,
    threshold: float | None = None,
) -> Iterator[Scored]:
    """Score windows on the metric's device; the next is read and split in the meantime.

    Args:
        metric: The metric.
        windows: Any number of them; taken from a thread, two at most before they are needed.
        evidence: Keep each window's result.
        spans: Find unsupported words too; see `AlignScore.evaluate`.
        threshold: As for `AlignScore.evaluate_table`.

    Raises:
        InputError: Something is not text.
        ConfigurationError: The checkpoint has no head for spans.

    Warns:
        TruncationWarning: Pairs lost text; told of the first window with such pairs alone.
    """
    tables = (metric.pair_table(window.sources, window.summaries) for window in windows)
    told: set[tuple[type[Warning], str]] = set()
    for table in ahead(tables, 1):
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always", TruncationWarning)
            result = metric.evaluate_table(table, spans=spans, threshold=threshold)
        for warning in caught:
            kind, text = warning.category, str(warning.message)
            key = kind, "" if issubclass(kind, TruncationWarning) else text  # its numbers differ
            if key not in told:
                told.add(key)
                warnings.warn_explicit(text, kind, warning.filename, warning.lineno)
        kept = result if evidence else None
        yield Scored(result.scores, len(table.pairs), kept, result.not_english)


def score_tables(
    tables: Iterable[Table], columns: Columns, scorer: WindowScorer
) -> Iterator[tuple[Table, Scored]]:
    """Score tables by their columns of sources and summaries.

    Args:
        tables: Windows of a file.
        columns: Which columns.
        scorer: What scores their texts.

    Yields:
        Each table with what became of it, in order.
    """
    waiting: deque[Table] = deque()

    def windows() -> Iterator[Window]:
        for table in tables:
            waiting.append(table)
            yield _texts(table, columns)

    for scored in scorer(windows()):
        yield waiting.popleft(), scored


@dataclass(frozen=True)
class CheckedTable:
    """A table that can be scored.

    Attributes:
        reader: Where it is read from.
        texts: The columns of sources and summaries.
        columns: All of its columns; of a live stream, those that its first rows have.
        rows: How many rows it has; None of a live stream.
        tables: The windows.
        source_numbers: `source_number` of each row, 8 bytes a row: of all rows, and of a live
            stream of those that have come.
    """

    reader: TableReader
    texts: Columns
    columns: list[str]
    rows: int | None
    tables: Iterator[Table]
    source_numbers: array[int]


def find_columns(
    table: Table, *, source: str | None = None, summary: str | None = None, score: str
) -> Columns:
    """The columns of sources and summaries: those named, or of usual names.

    Args:
        table: Whose columns.
        source: The column of sources.
        summary: The column of summaries.
        score: The column that scoring will add.

    Raises:
        InputError: They are not here, or what scoring adds is; names the columns that there are.
    """
    columns = (
        table.column(source, SOURCE_NAMES, role="source"),
        table.column(summary, SUMMARY_NAMES, role="summary"),
    )
    for name in (score, f"{score}_evidence"):
        if name in table.columns:
            raise InputError(f"{table.name} already has a column {name!r}; give --score-column")
    return columns


def checked_table(reader: TableReader, find: FindColumns) -> CheckedTable:
    """A table of which all is known to be text, or a live stream, of which each window will be.

    Args:
        reader: The table; read to its end where it can be read again.
        find: The columns of sources and summaries in a table's columns; an `InputError` without.

    Raises:
        InputError: A row is broken or is not text, or there are no such columns; names the line.
    """
    return _checked_file(reader, find) if reader.repeatable else _live_stream(reader, find)


def _checked_file(
    reader: TableReader, find: FindColumns, guess: Columns | None = None
) -> CheckedTable:
    columns: dict[str, None] = {}
    sources = array("q")
    rows = 0
    failure: InputError | None = None
    for table in reader.windows():
        if guess is None and rows == 0:
            with suppress(InputError):
                guess = find(table)
        columns |= dict.fromkeys(table.columns)
        rows += len(table.rows)
        if guess is not None and failure is None:
            try:
                check_texts(table, guess)
                sources.extend(source_numbers(table, guess))
            except InputError as error:  # raised later: broken lines and columns are told of first
                failure = error
    texts = find(Table(reader.name, list(columns), []))
    if texts != guess:  # the first rows lacked a column
        return _checked_file(reader, find, texts)
    if failure is not None:
        raise failure
    tables = reader.windows(limit=rows)  # not those that are appended meanwhile
    return CheckedTable(reader, texts, list(columns), rows, tables, sources)


def _live_stream(reader: TableReader, find: FindColumns) -> CheckedTable:
    tables = reader.windows(live=True)
    first = next(tables)
    texts = find(first)
    check_texts(first, texts)
    sources = array("q", source_numbers(first, texts))

    def checked() -> Iterator[Table]:
        columns = dict.fromkeys(first.columns)
        yield first
        for table in tables:
            columns |= dict.fromkeys(table.columns)
            find(Table(reader.name, list(columns), []))  # refuses columns that scoring would add
            check_texts(table, texts)
            sources.extend(source_numbers(table, texts))
            yield table

    return CheckedTable(reader, texts, first.columns, None, checked(), sources)


def check_texts(table: Table, columns: Columns) -> None:
    """Refuse a table whose columns are not texts, naming the line."""
    window = _texts(table, columns)
    check_inputs(window.sources, window.summaries, where=table.where)


def source_numbers(table: Table, columns: Columns) -> list[int]:
    """The `source_number` of each row of a table that was checked."""
    return [source_number(source) for source in _texts(table, columns).sources]


def by_work(tables: Iterable[Table], columns: Columns, most: int | None) -> Iterator[Table]:
    """Windows cut further where they would take long; where, depends on their rows alone.

    Args:
        tables: Windows of a file, whose texts are known to be such.
        columns: The columns of sources and summaries.
        most: Work of a window, in characters that the model reads, about; any where None. A row
            with more has a window of its own.
    """
    for table in tables:
        start, filled = 0, 0.0
        texts = _texts(table, columns)
        for row, (source, summary) in enumerate(zip(texts.sources, texts.summaries, strict=True)):
            work = _work(source, summary)
            if most is not None and row > start and filled + work > most:
                yield table.part(start, row)
                start, filled = row, 0.0
            filled += work
        yield table.part(start, len(table.rows))


def _work(source: Source, summary: str) -> float:
    """Characters of a row's pairs, about: each sentence is read with all of the source."""
    characters = len(source) if isinstance(source, str) else sum(map(len, source))
    return (1 + len(summary) / SENTENCE) * (characters + SENTENCE)


def rows_after(tables: Iterable[Table], done: int) -> Iterator[Table]:
    """The windows after the first `done` rows, which end where a window does."""
    return (table for table in tables if table.first >= done)


def scored_schema(tables: Iterable[Table], score: str, evidence: str | None = None) -> pa.Schema:
    """Types of the columns of tables and of those that scoring adds, for parquet.

    Args:
        tables: Of one file; text is read to its end.
        score: Name of the column of scores.
        evidence: Name of the column of evidence, where there is one.

    Raises:
        InputError: A column does not fit; names it.
    """
    import pyarrow as pa

    schema = arrow_schema(tables).append(pa.field(score, pa.float64()))
    if evidence is None:
        return schema
    return schema.append(pa.field(evidence, pa.list_(_evidence_type())))


def _evidence_type() -> pa.DataType:
    """What a `SentenceEvidence` is in a column."""
    import pyarrow as pa

    text, number, whole = pa.string(), pa.float64(), pa.int64()
    place = {"passage": whole, "chunk_start": whole, "chunk_end": whole}
    span = {"start": whole, "end": whole, "text": text, "score": number}
    return pa.struct(
        {"sentence": text, "score": number, "chunk": text, "chunk_index": whole}
        | {"start": whole, "end": whole, "verdict": text}
        | place
        | {"neutral": number, "contradiction": number}
        | {"worst": pa.struct({"contradiction": number, "chunk_index": whole} | place)}
        | {"unsupported": pa.list_(pa.struct(span))}
    )


def _texts(table: Table, columns: Columns) -> Window:
    source, summary = columns
    # Whether they are texts is what `check_inputs` finds out.
    return Window(
        [row.get(source) for row in table.rows],  # type: ignore[misc]
        [row.get(summary) for row in table.rows],  # type: ignore[misc]
        _name(table),
    )


def _name(table: Table) -> str:
    """How an error calls all rows of a table: its name, and the first to the last of its rows."""
    if not table.rows:
        return table.name
    last = table.where(len(table.rows) - 1).removeprefix(f"{table.name}, ")
    return f"{table.where(0)} to {last}"
