"""A leaderboard as data: metrics by tasks, one statistic, with intervals and significance.

What `evaluate` computes, `tables` and `site` render, and JSON keeps. Computes nothing itself.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from alignscore_metric.errors import InputError

FORMAT = 1
MEAN = "mean"
"""Key of the mean over columns among the columns' keys."""


@dataclass(frozen=True)
class Column:
    """One task of a board.

    Attributes:
        key: `task/split`, unique in the board: `frank/test`.
        dataset: Name of the data card.
        dataset_hash: Of the rows that every metric of the board was scored on.
        rows: Rows with a judgment.
        positives: Rows with label 1; None for graded judgments.
        documents: Distinct source documents, the clusters of the bootstrap.
        in_mean: Whether the mean counts this column.
        discrepancies: How the data differs from its card, in words.
    """

    key: str
    dataset: str
    dataset_hash: str
    rows: int
    positives: int | None
    documents: int
    in_mean: bool = True
    discrepancies: tuple[str, ...] = ()


@dataclass(frozen=True)
class Cell:
    """A statistic with its interval.

    Attributes:
        value: The statistic, not multiplied by 100; NaN where it is undefined.
        low: Lower bound of the 95% interval; NaN for a published number.
        high: Upper bound.
        reason: Why the value is NaN; empty otherwise.
        undefined: Rows without a score, which were left out.
        cluster: Significance cluster in its column, 1 = best; metrics of one cluster are not
            told apart by the paired tests; None for a published or undefined number.
        overlaps: Training sets of the metric that overlap this column's dataset.
        fixed: The statistic at the fixed threshold 0.5, where the value's threshold was tuned; NaN
            elsewhere.
    """

    value: float
    low: float = math.nan
    high: float = math.nan
    reason: str = ""
    undefined: int = 0
    cluster: int | None = None
    overlaps: tuple[str, ...] = ()
    fixed: float = math.nan


@dataclass(frozen=True)
class Row:
    """One metric of a board.

    Attributes:
        metric: Short name.
        kind: `measured` here, or `published` by others.
        source: The signature of a measured row; where a published one was read.
        cells: By column key; a column that is absent is missing.
        mean: Over the columns that count; None where one of them is missing or undefined.
        seconds: Wall time of the scoring, all columns; None for published rows.
        parameters: Of its model, 0 where it has none; None where nobody said.
        licence: Of its weights, or of its code; empty where nobody said.
        pairs_per_second: Distinct pairs that were scored, by the seconds that it took; None where
            that was not measured.
        hardware: What they were scored on, in words.
    """

    metric: str
    kind: Literal["measured", "published"]
    source: str
    cells: Mapping[str, Cell]
    mean: Cell | None = None
    seconds: float | None = None
    parameters: int | None = None
    licence: str = ""
    pairs_per_second: float | None = None
    hardware: str = ""


@dataclass(frozen=True)
class PairwiseTest:
    """A paired permutation test between two metrics on one column (or `mean`).

    Attributes:
        column: Column key, or `mean`.
        better: The metric with the higher value.
        worse: The other one.
        difference: Of their values, >= 0.
        p: Two-sided p-value.
        p_holm: The same after Holm's correction over all pairs of the column.
    """

    column: str
    better: str
    worse: str
    difference: float
    p: float
    p_holm: float


@dataclass(frozen=True)
class Board:
    """A leaderboard.

    Attributes:
        benchmark: `summac`, `true`, ...
        split: `val`, `test`, `all`.
        statistic: Name of the statistic in every cell, as `roc_auc`.
        columns: In order.
        rows: Measured rows by mean (then name), best first; published ones after them.
        tests: All paired tests.
        settings: What the numbers depend on besides the data: `level`, `resamples`,
            `permutations`, `seed`, `alpha`, `systems`, `missing_tasks`, `version`.
    """

    benchmark: str
    split: str
    statistic: str
    columns: tuple[Column, ...]
    rows: tuple[Row, ...]
    tests: tuple[PairwiseTest, ...] = ()
    settings: Mapping[str, Any] = field(default_factory=dict)

    def to_json(self) -> str:
        """Strict JSON: undefined numbers are null."""
        content = {"format": FORMAT, **without_nan(asdict(self))}
        return json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False) + "\n"

    @classmethod
    def from_json(cls, text: str, *, where: str = "the board") -> Board:
        """Read a board back.

        Raises:
            InputError: Not JSON, or not a board of this format.
        """
        try:
            content = json.loads(text)
            if content.pop("format") != FORMAT:
                raise ValueError("another format")
            return cls(
                columns=tuple(_column(column) for column in content.pop("columns")),
                rows=tuple(_row(row) for row in content.pop("rows")),
                tests=tuple(PairwiseTest(**with_nan(test)) for test in content.pop("tests")),
                **content,
            )
        except (AttributeError, KeyError, TypeError, ValueError) as cause:
            raise InputError(f"{where} is not a leaderboard in JSON: {cause}") from cause


def _column(content: dict[str, Any]) -> Column:
    return Column(**content | {"discrepancies": tuple(content["discrepancies"])})


def _cell(content: dict[str, Any]) -> Cell:
    names = ("value", "low", "high", "fixed")
    numbers = with_nan({name: content[name] for name in names if name in content})
    numbers = {name: float(number) for name, number in numbers.items()}
    return Cell(**content | numbers | {"overlaps": tuple(content["overlaps"])})


def _row(content: dict[str, Any]) -> Row:
    mean = content["mean"]
    return Row(
        **content
        | {
            "cells": {key: _cell(cell) for key, cell in content["cells"].items()},
            "mean": None if mean is None else _cell(mean),
        }
    )


def with_nan(content: dict[str, Any]) -> dict[str, Any]:
    """The fields of what `without_nan` wrote: None becomes NaN."""
    return {key: math.nan if value is None else value for key, value in content.items()}


def without_nan(value: Any) -> Any:  # noqa: ANN401  # any JSON value
    """A value as strict JSON has it: NaN and infinity become None, tuples lists."""
    if isinstance(value, dict):
        return {key: without_nan(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [without_nan(one) for one in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
