"""What a page shows of a board: the layout that all tables share, with what sorting needs.

Knows nothing of HTML, files or item tables.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from alignscore_metric.leaderboards.board import MEAN, Board, Column, Row
from alignscore_metric.leaderboards.site.figures import Interval
from alignscore_metric.leaderboards.tables.layout import (
    COST,
    Layout,
    Line,
    TableEntry,
    board_layout,
    cell_of,
    column_keys,
    rows_of,
    tests_layout,
)


@dataclass(frozen=True)
class CellView:
    """A cell as it is read.

    Attributes:
        entry: Its text and emphasis.
        value: What it is sorted by; None where there is no number.
        leading: Whether it is in the first significance cluster of its column.
        contaminated: Whether the metric was trained on data that overlap the column's.
    """

    entry: TableEntry
    value: float | None
    leading: bool = False
    contaminated: bool = False


@dataclass(frozen=True)
class RowView:
    """One metric: its name with its marks, and its cells in the order of the heads."""

    metric: str
    name: TableEntry
    cells: tuple[CellView, ...]


@dataclass(frozen=True)
class Heading:
    """The head of a column; `column` is None for the mean and for what a metric costs."""

    entry: TableEntry
    column: Column | None


@dataclass(frozen=True)
class BoardView:
    """A board as a page shows it: the mean first, if there is one, then columns, then costs.

    Attributes:
        board: The board itself.
        layout: Its title, legend, notes and signatures.
        heads: Of the columns.
        measured: Rows of metrics that were run here.
        published: Rows of numbers that others published.
        tests: Paired tests of the mean, or of each column where there is no mean.
    """

    board: Board
    layout: Layout
    heads: tuple[Heading, ...]
    measured: tuple[RowView, ...]
    published: tuple[RowView, ...]
    tests: tuple[Layout, ...]

    @property
    def contaminated(self) -> bool:
        """Whether any cell is."""
        return any(cell.contaminated for row in self.measured for cell in row.cells)


def board_key(board: Board) -> str:
    """What published rows are given by: `summac/test/roc_auc`."""
    return f"{board.benchmark}/{board.split}/{board.statistic}"


def view_board(board: Board) -> BoardView:
    """A board, ready to be written: measured rows, published rows, each best first."""
    cost = any(row.seconds is not None for row in board.rows)
    layout = board_layout(board, intervals=True, cost=cost)
    has_mean = any(row.mean is not None for row in board.rows)
    keys = [*column_keys(board), *(COST if cost else ())]
    # The mean is what most readers want first, and a narrow screen shows the first columns.
    shown = sorted(
        (place for place, key in enumerate(keys) if has_mean or key != MEAN),
        key=lambda place: keys[place] != MEAN,
    )
    tested = {test.column for test in board.tests}
    decisive = [MEAN] if MEAN in tested else [key for key in keys if key in tested]
    columns = {column.key: column for column in board.columns}
    return BoardView(
        board=board,
        layout=layout,
        heads=tuple(Heading(layout.headings[place], columns.get(keys[place])) for place in shown),
        measured=_rows(rows_of(board, "measured"), layout.measured, keys, shown),
        published=_rows(rows_of(board, "published"), layout.published, keys, shown),
        tests=tuple(tests_layout(board, key) for key in decisive),
    )


def only_dataset(board: Board, dataset: str) -> Board:
    """The columns of one dataset, without means."""
    columns = tuple(column for column in board.columns if column.dataset == dataset)
    keys = {column.key for column in columns}
    rows = tuple(
        replace(row, mean=None, seconds=None) for row in board.rows if keys & set(row.cells)
    )
    tests = tuple(test for test in board.tests if test.column in keys)
    return replace(board, columns=columns, rows=rows, tests=tests)


def intervals(board: Board, key: str) -> list[Interval]:
    """Lines of a forest plot, best on top: of the measured rows that have a number.

    Args:
        board: The board.
        key: A column's, or `mean`.
    """
    lines = [
        Interval(row.metric, 100 * cell.value, 100 * cell.low, 100 * cell.high)
        for row in rows_of(board, "measured")
        if (cell := cell_of(row, key)) is not None and math.isfinite(cell.value)
    ]
    return sorted(lines, key=lambda line: (-line.value, line.label))


def _rows(
    rows: Sequence[Row], lines: Sequence[Line], keys: Sequence[str], shown: Sequence[int]
) -> tuple[RowView, ...]:
    """By the first shown column, then as they were; rows without a number there come last."""
    views = [_row(row, line, keys, shown) for row, line in zip(rows, lines, strict=True)]
    return tuple(sorted(views, key=_first_value, reverse=True))


def _first_value(view: RowView) -> float:
    value = view.cells[0].value
    return -math.inf if value is None else value


def _row(row: Row, line: Line, keys: Sequence[str], shown: Sequence[int]) -> RowView:
    cells = tuple(_cell(row, keys[place], line.entries[place]) for place in shown)
    return RowView(row.metric, line.name, cells)


def _cell(row: Row, key: str, entry: TableEntry) -> CellView:
    if key in COST:
        numbers = {
            "parameters": row.parameters, "pairs/s": row.pairs_per_second, "seconds": row.seconds,
        }  # fmt: skip
        return CellView(entry, numbers.get(key))
    cell = cell_of(row, key)
    if cell is None:
        return CellView(entry, None)
    value = cell.value if math.isfinite(cell.value) else None
    return CellView(entry, value, leading=cell.cluster == 1, contaminated=bool(cell.overlaps))
