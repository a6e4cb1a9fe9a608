"""A file in, the same file with scores out: the way of `alignscore score` and of Python users.

Owns the order of the steps: check all rows, load the model, go on where a killed run stopped, score
window by window, write, report. What tables, windows and growing files are is their own modules'.
"""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from tqdm.auto import tqdm

from alignscore_metric.checkpoint.signature import headline
from alignscore_metric.errors import InputError
from alignscore_metric.files import tables
from alignscore_metric.files.devices import DevicePool
from alignscore_metric.files.growing import GrowingTable, growing_table
from alignscore_metric.files.tables import STANDARD, Table, open_table, write_rows
from alignscore_metric.files.windows import (
    WORK,
    CheckedTable,
    Scored,
    WindowScorer,
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
from alignscore_metric.result import AlignScoreResult, ScoreSummary, join_results
from alignscore_metric.system.whole_files import refuse_input_as_output

Put = Callable[[Table, Scored], None]
"""Takes a window's rows and what became of them."""


def score_file(
    input: str | Path,  # what it is
    output: str | Path | None = None,
    *,
    source_column: str | None = None,
    summary_column: str | None = None,
    score_column: str = "alignscore",
    evidence: bool = False,
    spans: Spans = False,
    report: str | Path | None = None,
    restart: bool = False,
    device: str | None = None,
    progress: bool | None = None,
    show: Put | None = None,
    tell: Callable[[str], object] = lambda line: None,
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
    refuse_input_as_output(output, [input])
    reader = open_table(str(input))
    silent = progress is False
    with ExitStack() as places:  # opened before the work whose results they will hold
        growing = None
        if output is not None and str(output) != STANDARD:
            growing = places.enter_context(growing_table(str(output)))
            reader = places.enter_context(reader.spooled(growing.file.parent))
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
        added = _Added(score_column, evidence, spans)
        put = show or _nowhere
        if output is not None:
            put = partial(_to_file, growing, added) if growing else partial(_to_stdout, added)
        run = _Run(given, scoring, put, keep=report is not None)
        if growing is not None:
            why = "a report needs the evidence of every row" if report else None
            why = why or ("--restart was given" if restart else None)
            run.before = _begin(growing, given, scoring, added, restart=why, tell=tell)
        shown = sys.stderr.isatty() if progress is None else progress
        summary = run.score(progress=shown)
        if not silent:
            chosen = (
                f"prefiltered by {options['prefilter']} and " if options.get("prefilter") else ""
            )
            tell(f"{run.pairs} (chunk, sentence) pairs {chosen}scored in {run.seconds:.1f} s")
        if growing is not None:
            growing.finish()
        if page is not None:
            title = f"{headline(summary.signature)} of {reader.name}"
            page.write(join_results(run.results).to_html(ids=run.names, title=title).encode())
    return summary


def row_names(table: Table) -> list[str]:
    """What to call each row: its id where it has one, else its line or number."""
    return [str(row.get("id", table.where(place))) for place, row in enumerate(table.rows)]


@dataclass(frozen=True)
class _Scoring:
    """What scores windows: its signature, its kind of device, and how it is called."""

    signature: str
    kind: str
    score: WindowScorer

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
        yield _Scoring(metric.signature, metric.device.type, partial(score, metric))
        return
    with DevicePool(device.split(","), **options) as pool:
        asked = partial(pool.score_windows, **score.keywords)
        yield _Scoring(pool.signature, pool.kind, asked)


@dataclass(frozen=True)
class _Added:
    """The columns that scoring adds, and how the evidence's spans are found."""

    score: str
    evidence: bool
    spans: Spans

    @property
    def names(self) -> list[str]:
        return [self.score, *([f"{self.score}_evidence"] if self.evidence else [])]

    def of(self, scored: Scored) -> dict[str, list[object]]:
        """The columns of a window."""
        return scored.columns(self.score, evidence=self.evidence)


@dataclass
class _Run:
    """One run of `score_file`.

    Attributes:
        given: What is scored.
        scoring: What scores it.
        put: Where a window's rows go.
        keep: Whether results are kept, for a report.
        before: Scores of the rows that an earlier run had.
        results: Of each window, where they are kept.
        names: What a report should call the rows.
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
    pairs: int = 0
    seconds: float = 0.0

    def score(self, *, progress: bool) -> ScoreSummary:
        """Score the rows that have no score yet; the summary is of all."""
        scores, started = [np.array(self.before)], time.monotonic()
        done, given = len(self.before), self.given
        tables = rows_after(by_work(given.tables, given.texts, self.scoring.work), done)
        with tqdm(total=given.rows, initial=done, unit="row", disable=not progress) as bar:
            for table, scored in score_tables(tables, given.texts, self.scoring.score):
                if self.keep and scored.evidence is not None:
                    self.results.append(scored.evidence)
                    self.names += row_names(table)
                self.put(table, scored)
                scores.append(scored.scores)
                self.pairs += scored.pairs
                bar.update(len(table.rows))
        self.seconds = time.monotonic() - started
        sources = np.array(given.source_numbers, dtype=np.int64)
        return ScoreSummary(np.concatenate(scores), sources, self.scoring.signature)


def _begin(
    growing: GrowingTable,
    given: CheckedTable,
    scoring: _Scoring,
    added: _Added,
    *,
    restart: str | None,
    tell: Callable[[str], object],
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
    schema = scored_schema(given.reader, *added.names) if parquet else None
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
