"""Evaluation sets from rows and from the user's own tables, and what is checked in them.

Knows nothing of data cards or of published formats.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from alignscore_metric.errors import ConfigurationError, InputError
from alignscore_metric.files.tables import SOURCE_NAMES, SUMMARY_NAMES, read_table
from alignscore_metric.leaderboards.items import COLUMNS, DETAIL_COLUMNS, EvaluationSet

if TYPE_CHECKING:
    import pandas as pd


class ToPandas(Protocol):
    """What is used of a `datasets.Dataset`."""

    def to_pandas(self) -> pd.DataFrame:
        """All rows."""


_OPTIONAL_TEXT = ("system", "origin", "errors", "spans")
_JUDGMENTS = ("label", "human_score")
_NUMBERS = (*_JUDGMENTS, "divided")


def evaluation_frame(rows: Sequence[Mapping[str, Any]], *, where: str) -> pd.DataFrame:
    """Rows as the frame of an evaluation set.

    Args:
        rows: Each with `id`, `source`, `summary` and `split`; the other `COLUMNS` and
            `DETAIL_COLUMNS` where known. Further keys are left out.
        where: How errors call the rows' place.

    Raises:
        InputError: A text that is none, a label that is not 0 or 1, a score that is not finite, a
            row without a judgment, two rows with one id; names the row.
    """
    import pandas as pd

    checked = [_checked(row, f"{where}, row {number}") for number, row in enumerate(rows, start=1)]
    _check_ids([row["id"] for row in checked], where)
    frame = pd.DataFrame(checked, columns=[*COLUMNS, *DETAIL_COLUMNS], dtype=object)  # keeps None
    return frame.astype(dict.fromkeys(_NUMBERS, "float64"))


def from_frame(
    frame: pd.DataFrame,
    *,
    name: str,
    split: str = "all",
    columns: Mapping[str, str] | None = None,
) -> EvaluationSet:
    """An evaluation set from any table of texts with judgments.

    Args:
        frame: One row per judged text. Its index is not used.
        name: What to call the dataset.
        split: What to call the rows.
        columns: Names in the frame, by the names used here (`COLUMNS`, `DETAIL_COLUMNS`). Where
            `source` and `summary` are not given, columns with the usual names of such are taken;
            `id` is the row's number, from 0, where the frame has none.

    Raises:
        ConfigurationError: `columns` has an unknown key.
        InputError: A column is missing, or a value is not what it should be; names the row.

    Example:
        >>> import pandas as pd
        >>> table = pd.DataFrame({"document": ["It rained."], "claim": ["It rained."], "ok": [1]})
        >>> from_frame(table, name="mine", columns={"label": "ok"}).frame.label.tolist()
        [1.0]
    """
    taken = _columns(list(map(str, frame.columns)), columns or {}, name)
    values = {ours: frame[theirs].tolist() for ours, theirs in taken.items()}
    values.setdefault("id", list(range(len(frame))))
    values["split"] = [split] * len(frame)
    rows = [dict(zip(values, row, strict=True)) for row in zip(*values.values(), strict=True)]
    return EvaluationSet(name, split, evaluation_frame(rows, where=name))


def from_file(
    path: Path | str,
    *,
    name: str | None = None,
    split: str = "all",
    columns: Mapping[str, str] | None = None,
) -> EvaluationSet:
    """An evaluation set from a .jsonl, .csv or .parquet file; see `from_frame`.

    Args:
        path: The file.
        name: What to call the dataset; the file's name without its ending where None.
        split: What to call the rows.
        columns: As in `from_frame`.

    Raises:
        ConfigurationError: As `from_frame`.
        InputError: The file is broken, and as `from_frame`.
    """
    import pandas as pd

    file = Path(path)
    table = read_table(str(file))
    frame = pd.DataFrame(table.rows, columns=table.columns, dtype=object)
    made = from_frame(frame, name=name or file.stem, split=split, columns=columns)
    return EvaluationSet(made.dataset, split, made.frame, files=(file.name,))


def from_datasets(
    dataset: ToPandas,
    *,
    name: str,
    split: str = "all",
    columns: Mapping[str, str] | None = None,
) -> EvaluationSet:
    """An evaluation set from a `datasets.Dataset`; see `from_frame`.

    Raises:
        ConfigurationError: As `from_frame`.
        InputError: As `from_frame`.
    """
    return from_frame(dataset.to_pandas(), name=name, split=split, columns=columns)


def _columns(present: list[str], wanted: Mapping[str, str], name: str) -> dict[str, str]:
    """The frame's column for each of ours that it has."""
    ours = [column for column in (*COLUMNS, *DETAIL_COLUMNS) if column != "split"]
    if unknown := sorted(set(wanted) - set(ours)):
        raise ConfigurationError(
            f"no column {unknown[0]!r} in an evaluation set; name some of {', '.join(ours)}"
        )
    usual = {"source": SOURCE_NAMES, "summary": SUMMARY_NAMES}
    found = {}
    for column in ours:
        names = [wanted[column]] if column in wanted else [*usual.get(column, (column,))]
        match = next((one for one in names if one in present), None)
        if match is not None:
            found[column] = match
        elif column in wanted or column in usual:
            raise InputError(
                f"{name}: no column {names[0]!r}; its columns: {', '.join(present) or 'none'}. "
                f"Say which one holds it: columns={{{column!r}: ...}}"
            )
    if not set(_JUDGMENTS) & set(found):
        raise InputError(f"{name}: no judgments; say where they are: columns={{'label': ...}}")
    return found


def _checked(row: Mapping[str, Any], where: str) -> dict[str, Any]:
    where = f"{where} (id {row['id']!r})"
    for column in ("source", "summary"):
        if not isinstance(row[column], str):
            raise InputError(f"{where}: the {column} is {type(row[column]).__name__}, not text")
    numbers = {column: _number(row.get(column), f"{where}: {column}") for column in _NUMBERS}
    if not (math.isnan(numbers["label"]) or numbers["label"] in (0, 1)):
        raise InputError(
            f"{where}: label {row['label']!r}; give 1 (consistent), 0 (not) or nothing, "
            "and graded judgments as human_score"
        )
    if all(math.isnan(numbers[column]) for column in _JUDGMENTS):
        raise InputError(f"{where}: neither a label nor a human_score; leave the row out")
    texts = {column: _optional_text(row.get(column)) for column in _OPTIONAL_TEXT}
    kept = {column: row[column] for column in ("source", "summary", "split")}
    return {"id": str(row["id"])} | kept | numbers | texts


def _number(value: Any, where: str) -> float:  # noqa: ANN401  # whatever the user's table holds
    if value is None or value == "":
        return math.nan
    try:
        number = float(value)
    except (TypeError, ValueError) as cause:
        raise InputError(f"{where} {value!r} is not a number") from cause
    if math.isinf(number):
        raise InputError(f"{where} is infinite")
    return number


def _optional_text(value: Any) -> str | None:  # noqa: ANN401  # whatever the user's table holds
    missing = value is None or value == "" or (isinstance(value, float) and math.isnan(value))
    return None if missing else str(value)


def _check_ids(ids: Sequence[str], where: str) -> None:
    first: dict[str, int] = {}
    for number, one in enumerate(ids, start=1):
        if one in first:
            raise InputError(
                f"{where}: rows {first[one]} and {number} have the same id {one!r}; "
                "make ids unique, or leave the id column out to number the rows"
            )
        first[one] = number
