"""Boards and tests as CSV, one line per number, with all digits. Knows nothing of layouts."""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Iterable, Sequence
from typing import Any

from alignscore_metric.leaderboards.board import MEAN, Board, Cell, Column
from alignscore_metric.leaderboards.tables.layout import cell_of, clusters_of

CSV_COLUMNS = (
    "benchmark", "split", "statistic", "settings", "kind", "metric", "source", "column", "dataset",
    "dataset_hash", "rows", "positives", "documents", "in_mean", "discrepancies", "status", "value",
    "low", "high", "reason", "undefined", "cluster", "overlaps", "fixed",
    "seconds", "parameters", "licence", "pairs_per_second", "hardware",
)  # fmt: skip
TEST_COLUMNS = (
    "benchmark", "split", "statistic", "settings", "column", "better", "worse", "difference", "p",
    "p_holm", "cluster_better", "cluster_worse",
)  # fmt: skip


_ROW_COLUMNS = ("kind", "metric", "source", "parameters", "licence", "hardware")


def board_csv(board: Board) -> str:
    """One line per metric and column, the mean included; a missing cell has a line too."""
    return _write(CSV_COLUMNS, _lines(board))


def tests_csv(board: Board) -> str:
    """One line per paired test."""
    return _write(TEST_COLUMNS, _test_lines(board))


def _write(columns: Sequence[str], lines: Iterable[dict[str, Any]]) -> str:
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, lineterminator="\n", restval="")
    writer.writeheader()
    writer.writerows(lines)
    return text.getvalue()


def _head(board: Board) -> dict[str, Any]:
    settings = json.dumps(dict(board.settings), ensure_ascii=False, default=str)
    names = ("benchmark", "split", "statistic")
    return {name: getattr(board, name) for name in names} | {"settings": settings}


def _lines(board: Board) -> Iterable[dict[str, Any]]:
    for row in board.rows:
        head = _head(board) | {
            "seconds": _digits(row.seconds),
            "pairs_per_second": _digits(row.pairs_per_second),
            **{name: getattr(row, name) for name in _ROW_COLUMNS},
        }
        for column in board.columns:
            yield head | _column(column) | _cell(cell_of(row, column.key))
        yield head | {"column": MEAN} | _cell(row.mean)


def _column(column: Column) -> dict[str, Any]:
    names = ("dataset", "dataset_hash", "rows", "positives", "documents", "in_mean")
    return {
        "column": column.key,
        "discrepancies": "; ".join(column.discrepancies),
        **{name: getattr(column, name) for name in names},
    }


def _cell(cell: Cell | None) -> dict[str, Any]:
    if cell is None:
        return {"status": "missing"}
    return {
        "status": "undefined" if math.isnan(cell.value) else "defined",
        **{name: _digits(getattr(cell, name)) for name in ("value", "low", "high", "fixed")},
        **{name: getattr(cell, name) for name in ("reason", "undefined", "cluster")},
        "overlaps": "; ".join(cell.overlaps),
    }


def _test_lines(board: Board) -> Iterable[dict[str, Any]]:
    for test in board.tests:
        clusters = clusters_of(board, test.column)
        line: dict[str, Any] = {name: getattr(test, name) for name in ("column", "better", "worse")}
        line |= {name: _digits(getattr(test, name)) for name in ("difference", "p", "p_holm")}
        line["cluster_better"] = clusters.get(test.better)
        line["cluster_worse"] = clusters.get(test.worse)
        yield _head(board) | line


def _digits(number: float | None) -> str:
    """All digits; nothing for NaN or None."""
    return "" if number is None or math.isnan(number) else repr(float(number))
