"""What a table shows, whatever the format: its cells, their emphasis, the notes they point to.

The legend, the notes and the signatures are made here once, so that all formats say the same.
Knows nothing of formats, and computes no statistic.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from alignscore_metric.leaderboards.board import MEAN, Board, Cell, Column, PairwiseTest, Row

DASH = "\N{EN DASH}"
TIMES_100 = "\N{MULTIPLICATION SIGN} 100"
MISSING = DASH
UNDEFINED = "n/a"
COST = ("parameters", "licence", "pairs/s", "seconds")
"""Columns of what a metric asks for: its size, its terms, and its speed in these runs."""

PUBLISHED = "Published, not measured here"


@dataclass(frozen=True)
class TableEntry:
    """What a cell shows; `best` and `tied` are emphasis, `marks` point to notes."""

    value: str
    interval: str = ""
    best: bool = False
    tied: bool = False
    marks: tuple[str, ...] = ()


@dataclass(frozen=True)
class Line:
    """A row: its name and its cells."""

    name: TableEntry
    entries: tuple[TableEntry, ...]

    @property
    def has_interval(self) -> bool:
        """Whether any of its cells shows an interval."""
        return any(entry.interval for entry in self.entries)


@dataclass(frozen=True)
class Layout:
    """A table without a format.

    `facts` says what the numbers depend on. `legend` has `{best}` and `{tied}` where a format
    names its emphasis. `notes` are pairs of a mark and a text, `signatures` of a metric and what
    produced its numbers.
    """

    title: str
    facts: str
    corner: str
    headings: tuple[TableEntry, ...]
    measured: tuple[Line, ...]
    published: tuple[Line, ...] = ()
    legend: tuple[str, ...] = ()
    notes: tuple[tuple[str, str], ...] = ()
    signatures: tuple[tuple[str, str], ...] = ()

    @property
    def lines(self) -> tuple[Line, ...]:
        """All rows, the published ones last."""
        return (*self.measured, *self.published)

    def explain(self, *, best: str, tied: str) -> str:
        """The legend, with a format's words or signs for its emphasis."""
        return "; ".join(self.legend).replace("{best}", best).replace("{tied}", tied)


class Notes:
    """Footnotes: each text has one mark, a letter, in the order of first use."""

    def __init__(self) -> None:
        self._marks: dict[str, str] = {}

    def mark(self, texts: Iterable[str]) -> tuple[str, ...]:
        """The marks of some texts, new ones for new texts."""
        return tuple(self._marks.setdefault(text, _letters(len(self._marks))) for text in texts)

    def pairs(self) -> tuple[tuple[str, str], ...]:
        """Marks and texts."""
        return tuple((mark, text) for text, mark in self._marks.items())


def _letters(number: int) -> str:
    """0, 1, ... 25, 26, 27 as a, b, ... z, aa, ab."""
    head, last = divmod(number, 26)
    return (_letters(head - 1) if head else "") + chr(ord("a") + last)


# --- a board ------------------------------------------------------------------------------------


def rows_of(board: Board, kind: str) -> list[Row]:
    """The `measured` or the `published` rows of a board."""
    return [row for row in board.rows if row.kind == kind]


def column_keys(board: Board) -> list[str]:
    """Keys of what a row has numbers for: the columns, and their mean."""
    return [*(column.key for column in board.columns), MEAN]


def cell_of(row: Row, key: str) -> Cell | None:
    """A row's cell by column key or `mean`; None where it is missing."""
    return row.mean if key == MEAN else row.cells.get(key)


def clusters_of(board: Board, key: str) -> dict[str, int]:
    """Significance clusters of the measured metrics in a column."""
    cells = {row.metric: cell_of(row, key) for row in rows_of(board, "measured")}
    return {name: cell.cluster for name, cell in cells.items() if cell and cell.cluster is not None}


def board_layout(board: Board, *, intervals: bool, cost: bool) -> Layout:
    """The layout of a board."""
    notes = Notes()
    headings = [_heading(column, board, notes) for column in board.columns]
    headings.append(_mean_heading(board, notes))
    best = _best(board)
    measured = [_line(row, board, notes, best) for row in rows_of(board, "measured")]
    published = [_line(row, board, notes, {}) for row in rows_of(board, "published")]
    if not intervals:
        measured = [_without_intervals(line) for line in measured]
    if cost:
        headings += [TableEntry(title) for title in COST]
        measured = _with_cost(measured, rows_of(board, "measured"), notes)
        published = _with_cost(published, rows_of(board, "published"), notes)
    return Layout(
        title=f"{board.benchmark} ({board.split}): {_statistic(board)} {TIMES_100}",
        facts=_settings(board),
        corner="metric",
        headings=tuple(headings),
        measured=tuple(measured),
        published=tuple(published),
        legend=_legend([*measured, *published], board),
        notes=notes.pairs(),
        signatures=tuple((row.metric, row.source) for row in rows_of(board, "measured")),
    )


def _heading(column: Column, board: Board, notes: Notes) -> TableEntry:
    name = _short_key(column, board)
    texts = [f"{name}: {text}" for text in column.discrepancies]
    if not column.in_mean and any(one.in_mean for one in board.columns):
        texts.append("not counted in the mean")
    return TableEntry(name, marks=notes.mark(texts))


def _short_key(column: Column, board: Board) -> str:
    """A column's name, without the split where that is the board's."""
    same_split = all(one.key.endswith(f"/{board.split}") for one in board.columns)
    return column.key.removesuffix(f"/{board.split}") if same_split else column.key


def _mean_heading(board: Board, notes: Notes) -> TableEntry:
    """The mean, with a note of what it is over where it leaves columns out."""
    counted = [_short_key(column, board) for column in board.columns if column.in_mean]
    partial = 0 < len(counted) < len(board.columns)
    return TableEntry(MEAN, marks=notes.mark([f"mean of {', '.join(counted)}"] if partial else []))


def _line(row: Row, board: Board, notes: Notes, best: Mapping[str, float]) -> Line:
    source = notes.mark([row.source] if row.kind == "published" else [])
    keys = column_keys(board)
    entries = tuple(_entry(cell_of(row, key), notes, best.get(key)) for key in keys)
    return Line(TableEntry(row.metric, marks=source), entries)


def _entry(cell: Cell | None, notes: Notes, best: float | None) -> TableEntry:
    if cell is None:
        return TableEntry(MISSING)
    marks = notes.mark(_cell_notes(cell))
    if math.isnan(cell.value):
        return TableEntry(UNDEFINED, marks=marks)
    bounded = not (math.isnan(cell.low) or math.isnan(cell.high))
    is_best = cell.value == best
    fixed = "" if math.isnan(cell.fixed) else f" / {_percent(cell.fixed)}"
    return TableEntry(
        value=_percent(cell.value) + fixed,
        interval=f"{_percent(cell.low)}{DASH}{_percent(cell.high)}" if bounded else "",
        best=is_best,
        tied=cell.cluster == 1 and not is_best,
        marks=marks,
    )


def _cell_notes(cell: Cell) -> list[str]:
    notes = []
    if math.isnan(cell.value):
        notes.append(f"undefined: {cell.reason or 'no reason was given'}")
    if cell.undefined:
        rows = "row" if cell.undefined == 1 else "rows"
        notes.append(f"left out: {cell.undefined} {rows} that the metric gave no score")
    if cell.overlaps:
        notes.append(f"the metric's training data overlaps this set: {', '.join(cell.overlaps)}")
    return notes


def _best(board: Board) -> dict[str, float]:
    """The best measured value of each column that has one."""
    best: dict[str, float] = {}
    for row in rows_of(board, "measured"):
        for key in column_keys(board):
            cell = cell_of(row, key)
            if cell is not None and not math.isnan(cell.value):
                best[key] = max(cell.value, best.get(key, -math.inf))
    return best


def _legend(lines: Sequence[Line], board: Board) -> tuple[str, ...]:
    """What the emphasis and the signs of these lines mean: only of those that they have."""
    entries = [entry for line in lines for entry in line.entries]
    level = board.settings.get("level", 0.95)
    cells = [cell for row in board.rows for cell in (*row.cells.values(), row.mean) if cell]
    uses = {
        "{best}: the best measured value of its column": any(one.best for one in entries),
        "{tied}: not told apart from the best by the paired tests": any(e.tied for e in entries),
        f"a{DASH}b: {100 * level:g}% interval": any(one.interval for one in entries),
        "a / b: at the tuned threshold / at 0.5": not all(math.isnan(c.fixed) for c in cells),
        f"{MISSING}: missing": any(one.value == MISSING for one in entries),
        f"{UNDEFINED}: undefined": any(one.value == UNDEFINED for one in entries),
    }
    return tuple(text for text, used in uses.items() if used)


def _without_intervals(line: Line) -> Line:
    return replace(line, entries=tuple(replace(entry, interval="") for entry in line.entries))


def _with_cost(lines: Sequence[Line], rows: Sequence[Row], notes: Notes) -> list[Line]:
    pairs = zip(lines, rows, strict=True)
    return [
        replace(line, entries=(*line.entries, *_cost_entries(row, notes))) for line, row in pairs
    ]


def _cost_entries(row: Row, notes: Notes) -> list[TableEntry]:
    """What `COST` names; the speed with a note of what it was measured on."""
    speed = row.pairs_per_second
    on = notes.mark([f"pairs/s on {row.hardware}"] if speed is not None and row.hardware else [])
    return [
        TableEntry(MISSING if row.parameters is None else f"{row.parameters:,}"),
        TableEntry(row.licence or MISSING),
        TableEntry(MISSING if speed is None else f"{speed:,.1f}", marks=on),
        TableEntry(MISSING if row.seconds is None else f"{row.seconds:.1f}"),
    ]


def _percent(value: float) -> str:
    text = f"{100 * value:.1f}"
    return "0.0" if text == "-0.0" else text


def _statistic(board: Board) -> str:
    from alignscore_metric.leaderboards.evaluate import (
        MEASURES,  # needs the extra; layouts of comparisons do not
    )

    known = MEASURES.get(board.statistic)
    return known.title if known else board.statistic.replace("_", " ")


def _settings(board: Board) -> str:
    """All settings in words, as `Settings: resamples 10000; seed 0`; empty ones are left out."""
    shown = {key.replace("_", " "): _setting(value) for key, value in board.settings.items()}
    text = "; ".join(f"{name} {value}" for name, value in shown.items() if value)
    return f"Settings: {text}" if text else ""


def _setting(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)


# --- paired tests -------------------------------------------------------------------------------


def tests_layout(board: Board, key: str) -> Layout:
    """The layout of the paired tests of one column, or of the mean."""
    alpha = board.settings.get("alpha")
    lines = tuple(_test_line(test, alpha) for test in board.tests if test.column == key)
    significant = any(line.entries[-1].best for line in lines)
    return Layout(
        title=f"{board.benchmark} ({board.split}), {key}: paired tests of {_statistic(board)}, "
        f"differences {TIMES_100}",
        facts=". ".join(text for text in (_clusters(board, key), _settings(board)) if text),
        corner="pair",
        headings=(TableEntry("difference"), TableEntry("p"), TableEntry("p (Holm)")),
        measured=lines,
        legend=(f"{{best}}: p after Holm's correction below {alpha}",) if significant else (),
    )


def _test_line(test: PairwiseTest, alpha: float | None) -> Line:
    entries = (
        TableEntry(_percent(test.difference)),
        TableEntry(_p_value(test.p)),
        TableEntry(_p_value(test.p_holm), best=alpha is not None and test.p_holm < alpha),
    )
    return Line(TableEntry(f"{test.better} > {test.worse}"), entries)


def _p_value(p: float) -> str:
    if math.isnan(p):
        return UNDEFINED
    return "<0.001" if p < 0.001 else f"{p:.3f}"


def _clusters(board: Board, key: str) -> str:
    """Clusters with their members, as `Clusters 1: A, B; 2: C`, best first."""
    members: dict[int, list[str]] = {}
    for metric, cluster in clusters_of(board, key).items():
        members.setdefault(cluster, []).append(metric)
    shown = [f"{number}: {', '.join(members[number])}" for number in sorted(members)]
    return f"Clusters {'; '.join(shown)}" if shown else ""
