"""Results that others published, to be shown beside measured ones and never as measured.

Owns `published.json`: the numbers as printed (times 100), read where each table was published: what
nobody read in its source is not there. Knows nothing of how they are rendered.
"""

from __future__ import annotations

from functools import cache
from importlib import resources
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError, model_validator

from alignscore_metric.errors import ConfigurationError
from alignscore_metric.leaderboards.board import Board, Cell, Row
from alignscore_metric.leaderboards.cards import mixture, overlapping
from alignscore_metric.leaderboards.metrics import MIXTURES

Number = Annotated[float, Field(ge=-100, le=100)]


class PublishedTable(BaseModel):
    """One published table.

    `columns` are task names of the benchmark; a row has one number for each, None where none was
    published, then the published mean where `mean_over` names the tasks it was taken over.
    `split` is None where the numbers are over all rows of each dataset.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    id: str
    benchmark: str
    split: str | None
    statistic: str
    source: str
    url: str = Field(pattern=r"^https://")
    notes: tuple[str, ...] = ()
    columns: tuple[str, ...]
    mean_over: tuple[str, ...] = ()
    rows: dict[str, tuple[Number | None, ...]]

    @model_validator(mode="after")
    def _rows_fit(self) -> PublishedTable:
        length = len(self.columns) + bool(self.mean_over)
        if wrong := [name for name, row in self.rows.items() if len(row) != length]:
            raise ValueError(f"{self.id}: not {length} numbers for {', '.join(wrong)}")
        return self

    def cells(self, metric: str) -> dict[str, float]:
        """A metric's published numbers as printed, by task name."""
        numbers = zip(self.columns, self.rows[metric], strict=False)
        return {task: number for task, number in numbers if number is not None}

    def mean(self, metric: str) -> float | None:
        """A metric's published mean over `mean_over`, as printed."""
        return self.rows[metric][-1] if self.mean_over else None

    def describe(self) -> str:
        """Where the numbers come from, and what to know before comparing them."""
        return "; ".join([f"{self.source}, {self.url}", *self.notes])


@cache
def load_tables() -> tuple[PublishedTable, ...]:
    """All published tables of this installation.

    Raises:
        ConfigurationError: `published.json` is broken.
    """
    file = resources.files("alignscore_metric.leaderboards") / "published.json"
    try:
        return TypeAdapter(tuple[PublishedTable, ...]).validate_json(file.read_bytes())
    except ValidationError as cause:
        raise ConfigurationError(f"published.json is broken: {cause}") from cause


def published_rows(board: Board) -> list[Row]:
    """Published rows that fit a board: its benchmark, split and statistic, its columns.

    Numbers are divided by 100, without intervals. A mean is given where it is over exactly the
    columns that the board's mean counts: as published, or else of the published cells. A mean alone
    makes a row only for a metric that no other row gives a mean of.

    Args:
        board: Only its columns and its head are read.

    Returns:
        Rows in the order of the published tables; several of one metric where sources differ.
    """
    found: dict[tuple[str, str], Row] = {}
    for table in load_tables():
        if (table.benchmark, table.statistic) == (board.benchmark, board.statistic) and (
            table.split in (None, board.split)
        ):
            for metric in table.rows:
                row = _row(table, metric, board)
                known = found.get((metric, table.url), row)
                found[metric, table.url] = Row(
                    metric=metric,
                    kind="published",
                    source=known.source,
                    cells={**known.cells, **row.cells},
                    mean=row.mean or known.mean,
                )
    return [row for row in found.values() if row.cells or _only_mean(row, list(found.values()))]


def _row(table: PublishedTable, metric: str, board: Board) -> Row:
    numbers = table.cells(metric)
    names = {column.key: column.key.rpartition("/")[0] for column in board.columns}
    counted = [names[column.key] for column in board.columns if column.in_mean]
    mean = table.mean(metric) if set(table.mean_over) == set(counted) else None
    if mean is None and counted and set(counted) <= set(numbers):
        mean = sum(numbers[name] for name in counted) / len(counted)
    trained = mixture(MIXTURES[metric]) if metric in MIXTURES else ()
    cells = {
        column.key: Cell(
            numbers[names[column.key]] / 100, overlaps=overlapping(column.dataset, trained)
        )
        for column in board.columns
        if names[column.key] in numbers
    }
    return Row(
        metric=metric,
        kind="published",
        source=table.describe(),
        cells=cells,
        mean=None if mean is None else Cell(mean / 100),
    )


def _only_mean(row: Row, rows: list[Row]) -> bool:
    others = [other for other in rows if other.metric == row.metric and other is not row]
    return row.mean is not None and not any(other.mean for other in others)
