"""Summaries of several systems: files read, examples matched, scores read or made.

Knows nothing of statistics and tables.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from alignscore_metric.arrays import Floats, Ints
from alignscore_metric.errors import ConfigurationError, InputError
from alignscore_metric.files.tables import SOURCE_NAMES, SUMMARY_NAMES, Table, read_table, score_of

ID_COLUMN, SCORE_COLUMN = "id", "alignscore"


@dataclass(frozen=True)
class System:
    """One system's file.

    Attributes:
        name: Of the system, unlike that of any other.
        table: Its rows.
        source_column: Where the sources stand.
        summary_column: Where the summaries stand.
    """

    name: str
    table: Table
    source_column: str
    summary_column: str

    @property
    def sources(self) -> list[str | list[str]]:
        """Source of each row."""
        return [row.get(self.source_column) for row in self.table.rows]  # type: ignore[misc]

    @property
    def summaries(self) -> list[str]:
        """Summary of each row."""
        return [row.get(self.summary_column) for row in self.table.rows]  # type: ignore[misc]


@dataclass(frozen=True)
class Examples:
    """The rows of several systems that belong together.

    Attributes:
        systems: At least two.
        rows: Row of each example in each system's table, shape [N, systems].
    """

    systems: tuple[System, ...]
    rows: Ints

    @property
    def documents(self) -> Ints:
        """Source of each example, numbered from 0 in the order of their first use, shape [N]."""
        numbers: dict[str, int] = {}
        sources = self.systems[0].sources
        found = [numbers.setdefault(_key(sources[row]), len(numbers)) for row in self.rows[:, 0]]
        return np.array(found, dtype=np.int64)

    def texts(self) -> tuple[list[str | list[str]], list[str]]:
        """Sources and summaries of every example, one system after the other."""
        sources: list[str | list[str]] = []
        summaries: list[str] = []
        for system, rows in zip(self.systems, self.rows.T, strict=True):
            own_sources, own_summaries = system.sources, system.summaries
            sources += [own_sources[row] for row in rows]
            summaries += [own_summaries[row] for row in rows]
        return sources, summaries

    def left_out(self) -> list[str]:
        """What could not be matched, a sentence per system that has such rows."""
        found = []
        for system, rows in zip(self.systems, self.rows.T, strict=True):
            if missing := sorted({*range(len(system.table.rows))} - {*rows.tolist()}):
                found.append(
                    f"{system.table.name}: {len(missing)} of {len(system.table.rows)} rows are not "
                    f"in every file and are left out; the first: {system.table.where(missing[0])}"
                )
        return found


def read_systems(
    files: Sequence[str], *, source_column: str | None = None, summary_column: str | None = None
) -> tuple[System, ...]:
    """Read a file for each system, named after its file.

    Args:
        files: As `read_table` takes them.
        source_column: The usual names where None; so below.
        summary_column: Likewise.

    Raises:
        ConfigurationError: Fewer than two files, or one given twice.
        InputError: A file cannot be read, lacks a column, or has rows without text.
    """
    from alignscore_metric.metric import check_inputs

    if len(files) < 2:
        raise ConfigurationError("one system alone cannot be compared; give two files or more")
    systems = []
    for name, file in zip(system_names(files), files, strict=True):
        table = read_table(file)
        source = table.column(source_column, SOURCE_NAMES, role="source")
        summary = table.column(summary_column, SUMMARY_NAMES, role="summary")
        systems.append(System(name, table, source, summary))
        check_inputs(systems[-1].sources, systems[-1].summaries, where=table.where)
    return tuple(systems)


def system_names(files: Sequence[str]) -> list[str]:
    """The shortest names that tell files apart: without ending and folders, or with them.

    Raises:
        ConfigurationError: A file is given twice.

    Example:
        >>> system_names(["runs/bart.jsonl", "runs/pegasus.jsonl"])
        ['bart', 'pegasus']
        >>> system_names(["bart/test.jsonl", "pegasus/test.jsonl"])
        ['bart/test', 'pegasus/test']
    """
    paths = [Path(file) for file in files]
    short = [path.stem for path in paths]
    medium = [path.with_suffix("").as_posix() for path in paths]
    whole = [path.as_posix() for path in paths]
    for names in (short, medium, whole):
        if len(set(names)) == len(names):
            return names
    twice = next(name for name in whole if whole.count(name) > 1)
    raise ConfigurationError(f"{twice} is given twice; give each system's file once")


def match_examples(systems: tuple[System, ...], column: str | None = None) -> Examples:
    """Match the rows of all systems.

    Args:
        systems: At least two.
        column: Its values tell which rows belong together; where None, `id` if every file has it,
            else the source. Files with the same sources in the same order match row by row.

    Raises:
        InputError: No rows belong together, a file has two rows of one value, or rows of one value
            have different sources.
    """
    if column is None and all(ID_COLUMN in system.table.columns for system in systems):
        column = ID_COLUMN
    first = systems[0].sources
    if column is None and first and all(system.sources == first for system in systems):
        rows = [(row,) * len(systems) for row in range(len(first))]
    else:
        places = [_places(system, column) for system in systems]
        common = [key for key in places[0] if all(key in place for place in places)]
        if not common:
            what = "source" if column is None else repr(column)
            raise InputError(
                f"no {what} is in all of {', '.join(system.table.name for system in systems)}; "
                "name a column whose values are equal in all of them with --match-column, for "
                f"example {systems[0].source_column}"
            )
        rows = [tuple(place[key] for place in places) for key in common]
    examples = Examples(systems, np.array(rows, dtype=np.int64))
    _check_sources(examples)
    return examples


def stored_scores(examples: Examples, column: str | None = None) -> dict[str, Floats] | None:
    """Scores that the files hold, by system.

    Args:
        examples: N of them.
        column: Where the scores stand; `alignscore` where None.

    Returns:
        Arrays of shape [N], NaN where a score is null or empty. None where no column was named and
        a file has none: scores of several models must not be mixed.

    Raises:
        InputError: The named column is not there, or a value is no number; names the line.
    """
    tables = [system.table for system in examples.systems]
    if column is None and not all(SCORE_COLUMN in table.columns for table in tables):
        return None
    name = column or SCORE_COLUMN
    for table in tables:
        table.column(name, (), role="score")
    return {
        system.name: np.array([_score(system.table, int(row), name) for row in rows])
        for system, rows in zip(examples.systems, examples.rows.T, strict=True)
    }


def name_of(examples: Examples, example: int) -> str:
    """What to call an example: its id, or the line of the first file."""
    table, row = examples.systems[0].table, int(examples.rows[example, 0])
    return str(table.rows[row].get(ID_COLUMN, table.where(row)))


def summaries_of(examples: Examples, example: int) -> Mapping[str, str]:
    """Every system's summary of an example."""
    return {
        system.name: str(system.table.rows[row][system.summary_column])
        for system, row in zip(examples.systems, examples.rows[example].tolist(), strict=True)
    }


def _places(system: System, column: str | None) -> dict[str, int]:
    """Row of each value of a column."""
    table = system.table
    name = system.source_column if column is None else table.column(column, (), role="match")
    places: dict[str, int] = {}
    for row, cells in enumerate(table.rows):
        if cells.get(name) in (None, ""):
            raise InputError(f"{table.where(row)}: no {name!r} to match it by")
        key = _key(cells[name])
        if key in places:
            raise InputError(
                f"{table.where(row)} and {table.where(places[key])} have the same {name!r}; give "
                "every row an id, or name a column that tells them apart with --match-column"
            )
        places[key] = row
    return places


def _check_sources(examples: Examples) -> None:
    first, *others = examples.systems
    sources = first.sources
    for place, system in enumerate(others, start=1):
        own = system.sources
        for row, other in examples.rows[:, [0, place]].tolist():
            if sources[row] != own[other]:
                raise InputError(
                    f"{system.table.where(other)}: its source is not that of "
                    f"{first.table.where(row)}, which it is matched with; systems are compared on "
                    "the same sources. To match by source give --match-column "
                    f"{first.source_column}"
                )


def _key(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, default=str)


def _score(table: Table, row: int, column: str) -> float:
    """A row's score; None or an empty cell is NaN, as `alignscore score` writes undefined ones."""
    if column not in table.rows[row]:
        raise InputError(f"{table.where(row)}: no {column!r}; an undefined score is null")
    return score_of(table.rows[row][column], f"{table.where(row)}: {column!r}")
