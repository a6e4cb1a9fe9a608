"""A file in, the same file with scores or verdicts out: `alignscore score` and `predict`.

Owns the order of the steps: check all rows, load the model, go on where a killed run stopped, score
window by window, write, report. What tables, windows and growing files are is their own modules'.
"""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from tqdm.auto import tqdm

from alignscore_metric.checkpoint.signature import headline
from alignscore_metric.errors import InputError
from alignscore_metric.files import tables
from alignscore_metric.files.devices import DevicePool
from alignscore_metric.files.growing import GrowingTable, growing_table
from alignscore_metric.files.tables import (
    SOURCE_NAMES,
    STANDARD,
    SUMMARY_NAMES,
    Table,
    TableReader,
    arrow_schema,
    open_table,
    score_of,
    write_rows,
)
from alignscore_metric.files.windows import (
    WORK,
    CheckedTable,
    Columns,
    Scored,
    by_work,
    checked_table,
    find_columns,
    rows_after,
    score_tables,
    score_windows,
    scored_schema,
)
from alignscore_metric.metric import AlignScore, Spans
from alignscore_metric.report.page import page_writer
from alignscore_metric.result import (
    AlignScoreResult,
    PredictionSummary,
    ScoreSummary,
    join_results,
)
from alignscore_metric.scores.decisions import VERDICT
from alignscore_metric.system.whole_files import refuse_input_as_output
from alignscore_metric.text.languages import told

if TYPE_CHECKING:
    import pyarrow as pa

Put = Callable[[Table, Scored], None]
"""Takes a window's rows and what became of them."""
Tell = Callable[[str], object]
"""Takes a line about a run."""

SCORE_COLUMN = "alignscore"
TRIED = 4
"""Rows of each window whose stored scores are compared with new ones."""
VERDICTS = ("probability", "consistent")
CHANGED = 2e-3
"""More than a score changes with the batch that it is made in, whatever the precision."""


def score_file(
    input: str | Path,  # what it is
    output: str | Path | None = None,
    *,
    source_column: str | None = None,
    summary_column: str | None = None,
    score_column: str = SCORE_COLUMN,
    evidence: bool = False,
    spans: Spans = False,
    report: str | Path | None = None,
    restart: bool = False,
    device: str | None = None,
    progress: bool | None = None,
    show: Put | None = None,
    tell: Tell = lambda line: None,
    **options: Any,  # noqa: ANN401  # as AlignScore takes them
) -> ScoreSummary:
    """Score a file of any size into another, with all of its columns.

    Until all rows are scored, those that are stand in `OUTPUT.partial`; the same call goes on after
    them if it was killed, to the same bytes. A finished output is replaced when all rows are scored
    again.

    Args:
        input: A file that `tables.open_table` reads, or `-` for jsonl on stdin.
        output: Where to: a .jsonl, .csv or .parquet file other than the input, or `-` for jsonl on
            stdout; nowhere where None.
        source_column: The column of sources; one of the usual names where None.
        summary_column: The column of summaries, likewise.
        score_column: The column to add; null, or an empty cell, where a summary has no sentence.
        evidence: Add each sentence's evidence (`SentenceEvidence`), as the column NAME_evidence.
        spans: Find unsupported words for the evidence or the report; see `AlignScore.evaluate`.
        report: A web page of scores and evidence to write too; keeps the evidence of all rows in
            memory.
        restart: Score all rows, also those that a killed run had.
        device: As for `AlignScore`, or several, as `cuda:0,cuda:1`: a process for each.
        progress: Bars on stderr; where None, only if stderr is a terminal.
        show: Called with each window's rows and scores where there is no output.
        tell: Called with lines about the run: where it goes on, how long it took.
        **options: Options of `AlignScore`.

    Returns:
        Scores, mean with interval, signature; of all rows, also those of an earlier run.

    Raises:
        InputError: A row is broken or is not text (names the line), or a place cannot be written
            to; nothing is scored then.
        ConfigurationError: The output is the input.

    Example:
        >>> from alignscore_metric import score_file
        >>> summary = score_file("examples/examples.jsonl", progress=False)
        >>> with open("examples/examples.jsonl") as rows:
        ...     len(summary) == len(list(rows))
        True
    """
    with ExitStack() as places:
        reader, growing = places.enter_context(_place(input, output))
        page = places.enter_context(page_writer(report)) if report else None
        given = checked_table(
            reader,
            partial(find_columns, source=source_column, summary=summary_column, score=score_column),
        )
        scoring = places.enter_context(
            _scoring(
                options | {"device": device},
                partial(score_windows, evidence=evidence or bool(report), spans=spans),
                progress=progress,
            )
        )
        added = _Scores(score_column, evidence, spans)
        put = show or _nowhere
        run = _Run(given, scoring, put if output is None else _writer(growing, added), bool(report))
        if growing is not None:
            why = "a report needs the evidence of every row" if report else None
            why = why or ("--restart was given" if restart else None)
            run.before = _begin(growing, given, scoring, added, restart=why, tell=tell)
        summary = run.score(progress=_shown(progress))
        if run.not_english:
            tell(told(len(summary), run.not_english))
        if progress is not False:
            tell(run.told(options.get("prefilter")))
        if growing is not None:
            growing.finish()
        if page is not None:
            title = f"{headline(summary.signature)} of {reader.name}"
            page.write(join_results(run.results).to_html(ids=run.names, title=title).encode())
    return summary


def predict_file(
    input: str | Path,  # what it is
    output: str | Path,
    *,
    source_column: str | None = None,
    summary_column: str | None = None,
    objective: str = VERDICT,
    evidence: bool = False,
    spans: Spans = False,
    restart: bool = False,
    device: str | None = None,
    progress: bool | None = None,
    tell: Tell = lambda line: None,
    **options: Any,  # noqa: ANN401  # as AlignScore takes them
) -> PredictionSummary:
    """Judge the rows of a file of any size consistent or not, into another with all of its columns.

    Adds `alignscore`, `probability` and `consistent`. Goes on after a kill as `score_file` does.
    Where there is a column `alignscore`, as `score_file` writes it, its scores are judged: of every
    window some rows are scored anew, and others than these checkpoint and options give refused.

    Args:
        input: As for `score_file`.
        output: Where to, likewise.
        source_column: Likewise.
        summary_column: Likewise.
        objective: As for `AlignScore.predict`.
        evidence: Add each sentence's score, verdict and best chunk too; every row is scored then.
        spans: As for `AlignScore.evaluate`; for the evidence.
        restart: Judge all rows, also those that a killed run had.
        device: As for `AlignScore`.
        progress: Bars on stderr; where None, only if stderr is a terminal.
        tell: Called with lines about the run.
        **options: Options of `AlignScore`.

    Returns:
        The verdicts on all rows, also those of an earlier run.

    Raises:
        InputError: As for `score_file`; a stored score is none, or another checkpoint's.
        ConfigurationError: The output is the input; there is no calibration for these options, or
            no threshold for the objective.
    """
    with _place(input, output) as (reader, growing):
        names = [SCORE_COLUMN, f"{SCORE_COLUMN}_evidence"] if evidence else []
        given = checked_table(
            reader,
            partial(
                _columns_to_judge,
                source=source_column,
                summary=summary_column,
                added=[*names, *VERDICTS],
            ),
        )
        metric = AlignScore(**options, device=device, progress=progress)
        nothing = metric.judge([], objective=objective)  # refused before anything is scored
        added = _Verdicts(metric, objective, SCORE_COLUMN in given.columns, evidence, spans)
        asked = partial(
            score_windows, metric, evidence=evidence, spans=spans, threshold=nothing.threshold
        )
        tables = partial(score_tables, scorer=asked)
        scoring = _Scoring(
            nothing.signature,
            metric.device.type,
            partial(_stored_scores, metric) if added.stored else tables,
        )
        run = _Run(given, scoring, _writer(growing, added), keep=False)
        if growing is not None:
            why = "--restart was given" if restart else None
            run.before = _begin(growing, given, scoring, added, restart=why, tell=tell)
        summary = run.score(progress=_shown(progress))
        if run.not_english:
            tell(told(len(summary), run.not_english))
        if growing is not None:
            growing.finish()
    return metric.judge(summary.scores, objective=objective)


@contextmanager
def _place(
    input: str | Path, output: str | Path | None
) -> Iterator[tuple[TableReader, GrowingTable | None]]:
    """What is read, and the file that will hold the rows: opened before the work for it."""
    refuse_input_as_output(output, [input])
    reader = open_table(str(input))
    if output is None or str(output) == STANDARD:
        yield reader, None
        return
    with growing_table(str(output)) as growing, reader.spooled(growing.file.parent) as spooled:
        yield spooled, growing


def _shown(progress: bool | None) -> bool:
    return sys.stderr.isatty() if progress is None else progress


def _columns_to_judge(
    table: Table, *, source: str | None, summary: str | None, added: Iterable[str]
) -> Columns:
    """The columns of sources and summaries of a table that has no verdicts yet."""
    columns = (
        table.column(source, SOURCE_NAMES, role="source"),
        table.column(summary, SUMMARY_NAMES, role="summary"),
    )
    for name in added:
        if name in table.columns:
            raise InputError(f"{table.name} already has a column {name!r}; rename it")
    return columns


def _stored_scores(
    metric: AlignScore, tables: Iterable[Table], columns: Columns
) -> Iterator[tuple[Table, Scored]]:
    """Windows with the scores that they hold, some of which are tried."""
    for table in tables:
        scores = np.array([_stored(table, row) for row in range(len(table.rows))])
        tried = table.part(0, min(TRIED, len(table.rows)))
        anew = metric.score(*([row[name] for row in tried.rows] for name in columns))
        for row, (old, new) in enumerate(zip(scores, anew, strict=False)):
            if math.isnan(old) != math.isnan(new) or abs(old - new) > CHANGED:
                raise InputError(
                    f"{table.where(row)}: {SCORE_COLUMN} is {old:.4f}, but this checkpoint with "
                    f"these options gives {new:.4f}; give those that made the column, or rename it"
                )
        yield table, Scored(scores, 0)


def _stored(table: Table, row: int) -> float:
    """A row's score."""
    return score_of(table.rows[row].get(SCORE_COLUMN), f"{table.where(row)}: {SCORE_COLUMN}")


def row_names(table: Table) -> list[str]:
    """What to call each row: its id where it has one, else its line or number."""
    return [str(row.get("id", table.where(place))) for place, row in enumerate(table.rows)]


@dataclass(frozen=True)
class _Scoring:
    """What scores windows: its signature, its kind of device, and how it is called."""

    signature: str
    kind: str
    score: Callable[[Iterable[Table], Columns], Iterator[tuple[Table, Scored]]]

    @property
    def work(self) -> int | None:
        """Most work of a window: a GPU is faster, and better at work of which there is much."""
        return None if self.kind == "cuda" else WORK


@contextmanager
def _scoring(
    options: dict[str, Any], score: partial[Iterator[Scored]], *, progress: bool | None
) -> Iterator[_Scoring]:
    """One device in this process, or a process for each of several; `score` has what is asked."""
    device = options.pop("device")
    if device is None or "," not in device:
        metric = AlignScore(**options, device=device, progress=progress)
        tables = partial(score_tables, scorer=partial(score, metric))
        yield _Scoring(metric.signature, metric.device.type, tables)
        return
    with DevicePool(device.split(","), **options) as pool:
        asked = partial(pool.score_windows, **score.keywords)
        yield _Scoring(pool.signature, pool.kind, partial(score_tables, scorer=asked))


class _Added(Protocol):
    """The columns that a run adds, and how the evidence's spans are found."""

    @property
    def score(self) -> str:
        """The column of scores."""

    @property
    def spans(self) -> Spans:
        """How unsupported spans are found."""

    @property
    def names(self) -> list[str]:
        """Of the columns."""

    def of(self, scored: Scored) -> dict[str, list[object]]:
        """The columns of a window."""

    def schema(self, reader: TableReader) -> pa.Schema:
        """Types of all columns, of those that are read too."""


@dataclass(frozen=True)
class _Scores:
    """The columns that scoring adds."""

    score: str
    evidence: bool
    spans: Spans

    @property
    def names(self) -> list[str]:
        return [self.score, *([f"{self.score}_evidence"] if self.evidence else [])]

    def of(self, scored: Scored) -> dict[str, list[object]]:
        """The columns of a window."""
        return scored.columns(self.score, evidence=self.evidence)

    def schema(self, reader: TableReader) -> pa.Schema:
        """Types of all columns."""
        return scored_schema(reader.windows(), *self.names)


@dataclass(frozen=True)
class _Verdicts:
    """The columns that judging adds: the score too, where it is not stored."""

    metric: AlignScore
    objective: str
    stored: bool
    evidence: bool
    spans: Spans
    score: str = SCORE_COLUMN

    @property
    def names(self) -> list[str]:
        score = [] if self.stored else [self.score]
        return [*score, *VERDICTS, *([f"{self.score}_evidence"] if self.evidence else [])]

    def of(self, scored: Scored) -> dict[str, list[object]]:
        """The columns of a window."""
        found = self.metric.judge(scored.scores, objective=self.objective)
        chances = found.probabilities.tolist()
        columns = scored.columns(self.score, evidence=self.evidence) | {
            "probability": [None if math.isnan(chance) else chance for chance in chances],
            "consistent": found.decisions.tolist(),
        }
        return {name: columns[name] for name in self.names}

    def schema(self, reader: TableReader) -> pa.Schema:
        """Types of all columns."""
        import pyarrow as pa

        given = arrow_schema(reader.windows())
        known = {field.name: field for field in scored_schema(reader.windows(), *self._scored)}
        known |= {"probability": pa.field("probability", pa.float64())}
        known |= {"consistent": pa.field("consistent", pa.bool_())}
        return pa.schema([*given, *(known[name] for name in self.names)])

    @property
    def _scored(self) -> list[str]:
        return [self.score, *([f"{self.score}_evidence"] if self.evidence else [])]


@dataclass
class _Run:
    """One run over a file.

    Attributes:
        given: What is scored.
        scoring: What scores it.
        put: Where a window's rows go.
        keep: Whether results are kept, for a report.
        before: Scores of the rows that an earlier run had.
        results: Of each window, where they are kept.
        names: What a report should call the rows.
        not_english: What to call the rows in another script than English.
        pairs: How many (chunk, sentence) pairs were scored.
        seconds: How long it took.
    """

    given: CheckedTable
    scoring: _Scoring
    put: Put
    keep: bool
    before: list[float] = field(default_factory=list)
    results: list[AlignScoreResult] = field(default_factory=list)
    names: list[str] = field(default_factory=list)
    not_english: list[str] = field(default_factory=list)
    pairs: int = 0
    seconds: float = 0.0

    def score(self, *, progress: bool) -> ScoreSummary:
        """Score the rows that have no score yet; the summary is of all."""
        scores, started = [np.array(self.before)], time.monotonic()
        done, given = len(self.before), self.given
        tables = rows_after(by_work(given.tables, given.texts, self.scoring.work), done)
        with tqdm(total=given.rows, initial=done, unit="row", disable=not progress) as bar:
            for table, scored in self.scoring.score(tables, given.texts):
                if self.keep and scored.evidence is not None:
                    self.results.append(scored.evidence)
                    self.names += row_names(table)
                self.not_english += [table.where(row) for row in scored.not_english]
                self.put(table, scored)
                scores.append(scored.scores)
                self.pairs += scored.pairs
                bar.update(len(table.rows))
        self.seconds = time.monotonic() - started
        sources = np.array(given.source_numbers, dtype=np.int64)
        return ScoreSummary(np.concatenate(scores), sources, self.scoring.signature)

    def told(self, prefilter: str | None) -> str:
        """What was done and how long it took."""
        chosen = f"prefiltered by {prefilter} and " if prefilter else ""
        return f"{self.pairs} (chunk, sentence) pairs {chosen}scored in {self.seconds:.1f} s"


def _begin(
    growing: GrowingTable,
    given: CheckedTable,
    scoring: _Scoring,
    added: _Added,
    *,
    restart: str | None,
    tell: Tell,
) -> list[float]:
    """Start the output's file, or go on with it: the scores that it has already."""
    run = {
        "input": given.reader.sha256(),
        "choice of columns": [*given.texts, *added.names],
        "signature": scoring.signature,
        "kind of device": scoring.kind,
        "window": [*tables.WINDOW, scoring.work],
    } | ({"spans": str(added.spans)} if added.spans else {})
    parquet = growing.file.suffix == ".parquet"
    schema = added.schema(given.reader) if parquet else None
    reason = growing.start(run, [*given.columns, *added.names], schema, restart=restart)
    if reason is not None:
        tell(f"an unfinished {growing.file} is begun anew: {reason}")
    if growing.done:
        tell(f"going on after row {growing.done} of {given.rows}")
    elif growing.file.is_file():
        tell(f"{growing.file} is there; all rows are scored again, and then it is replaced")
    values = growing.column(added.score)
    return [math.nan if value in (None, "") else float(value) for value in values]


def _nowhere(table: Table, scored: Scored) -> None:
    """Let rows go: their scores are in the summary."""


def _writer(growing: GrowingTable | None, added: _Added) -> Put:
    """What puts rows into the growing table, or on stdout where there is none."""
    return partial(_to_stdout, added) if growing is None else partial(_to_file, growing, added)


def _to_file(growing: GrowingTable, added: _Added, table: Table, scored: Scored) -> None:
    growing.write(table, added.of(scored))


def _to_stdout(added: _Added, table: Table, scored: Scored) -> None:
    try:
        write_rows(sys.stdout.buffer, ".jsonl", table, added.of(scored), [])
        sys.stdout.flush()
    except BrokenPipeError:
        raise
    except OSError as cause:
        raise InputError(f"cannot write to stdout: {cause.strerror or cause}") from cause
