"""Boards as tables: text, Markdown, CSV, JSON and LaTeX.

`layout` decides once what a table shows; one small module per format writes it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Literal, get_args

from alignscore_metric.errors import ConfigurationError
from alignscore_metric.leaderboards.board import Board, Row
from alignscore_metric.leaderboards.tables.latex import latex_document, latex_table
from alignscore_metric.leaderboards.tables.layout import (
    Layout,
    board_layout,
    column_keys,
    rows_of,
    tests_layout,
)
from alignscore_metric.leaderboards.tables.long_csv import board_csv, tests_csv
from alignscore_metric.leaderboards.tables.markdown import markdown_table
from alignscore_metric.leaderboards.tables.text import text_table

Format = Literal["text", "markdown", "csv", "json", "latex"]
TestsFormat = Literal["text", "markdown", "csv", "latex"]

_WRITERS: dict[str, Callable[[Layout], str]] = {
    "text": text_table,
    "markdown": markdown_table,
    "latex": latex_table,
}


def render(
    board: Board,
    *,
    format: Format,
    published: Sequence[Row] = (),
    intervals: bool = True,
    cost: bool = False,
    standalone: bool = False,
) -> str:
    r"""A board as a table.

    Text, Markdown and LaTeX show values times 100 with one decimal, the best measured one and
    those that the tests do not tell apart from it, and notes on everything that limits a
    comparison. CSV has one line per metric and column, JSON is the board itself; both keep all
    digits and are not multiplied.

    Args:
        board: The board; its rows keep their order.
        format: Which format.
        published: Rows to add under a rule of their own, as `published_rows(board)` gives them.
        intervals: Whether to show the 95% intervals; CSV and JSON always hold them.
        cost: Whether to show parameters, licence, pairs a second and wall time; CSV and JSON
            always hold them.
        standalone: LaTeX alone: a document of its own, not a table to `\input`.

    Returns:
        The table, which ends with a line break. LaTeX needs the packages booktabs and graphicx.

    Raises:
        ConfigurationError: No such format.

    Example:
        >>> from alignscore_metric.leaderboards.board import Cell, Column
        >>> column = Column("frank/test", "frank", "0f", rows=10, positives=5, documents=4)
        >>> cell = Cell(0.8431, 0.81, 0.87)
        >>> row = Row("mini", "measured", "signature", {"frank/test": cell}, mean=cell)
        >>> board = Board("summac", "test", "roc_auc", (column,), (row,))
        >>> print(render(board, format="markdown", intervals=False).splitlines()[4])
        | mini | **84.3** | **84.3** |
    """
    _check(format, get_args(Format))
    rows = (*rows_of(board, "measured"), *rows_of(board, "published"), *published)
    whole = replace(board, rows=rows)
    if format == "csv":
        return board_csv(whole)
    if format == "json":
        return whole.to_json()
    return _write([board_layout(whole, intervals=intervals, cost=cost)], format, standalone)


def render_tests(board: Board, *, format: TestsFormat, standalone: bool = False) -> str:
    r"""The paired tests between metrics, a table per column: difference, p, p after Holm, clusters.

    Args:
        board: The board.
        format: Which format; CSV has one line per test, with all digits.
        standalone: LaTeX alone: a document of its own, not tables to `\input`.

    Raises:
        ConfigurationError: No such format, or a board without tests.
    """
    _check(format, get_args(TestsFormat))
    if not board.tests:
        raise ConfigurationError(
            "this board has no paired tests; they need two metrics that are measured on the same "
            "rows: alignscore leaderboard run BENCHMARK --metric A --metric B"
        )
    if format == "csv":
        return tests_csv(board)
    keys = [key for key in column_keys(board) if any(test.column == key for test in board.tests)]
    return _write([tests_layout(board, key) for key in keys], format, standalone)


def _check(format: str, known: Sequence[str]) -> None:
    if format not in known:
        raise ConfigurationError(f"no table format {format!r}; choose one of {', '.join(known)}")


def _write(layouts: Sequence[Layout], format: str, standalone: bool) -> str:
    if standalone and format == "latex":
        return latex_document(layouts)
    return "\n".join(_WRITERS[format](layout) for layout in layouts)
