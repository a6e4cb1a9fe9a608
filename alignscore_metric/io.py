"""Tables in and out: jsonl, csv, parquet, and `-` (jsonl on stdin and stdout).

Knows nothing of scoring. Every column of the input is kept; a table is written beside its place
and moved there when it is whole.
"""

from __future__ import annotations

import csv
import io
import json
import math
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from alignscore_metric.errors import InputError

if TYPE_CHECKING:
    import pyarrow as pa

STANDARD = "-"
ENDINGS = (".jsonl", ".csv", ".parquet")
SOURCE_NAMES = ("source", "document", "article", "context", "evidence", "text", "grounding")
SUMMARY_NAMES = ("summary", "claim", "hypothesis", "prediction", "answer", "generated_text")


@dataclass(frozen=True)
class Table:
    """Rows of a file.

    Attributes:
        name: The file, as errors should call it.
        columns: Column names, in order.
        rows: One dict per row.
        lines: Line of each row in a text file, from 1; None for parquet.
        arrow: The parquet table itself, so that its types survive.
    """

    name: str
    columns: list[str]
    rows: list[dict[str, Any]]
    lines: list[int] | None = None
    arrow: pa.Table | None = None

    def where(self, row: int) -> str:
        """How an error should call a row (given from 0)."""
        if self.lines is None:
            return f"{self.name}, row {row + 1}"
        return f"{self.name}, line {self.lines[row]}"

    def column(self, name: str | None, known: Sequence[str], *, role: str) -> str:
        """The column to use: the one named, else the first of the known names that is here.

        Raises:
            InputError: It is not here; says which columns are.
        """
        if name is not None and name in self.columns:
            return name
        found = None if name is not None else next((k for k in known if k in self.columns), None)
        if found is None:
            wanted = f"no column {name!r}" if name is not None else f"no {role} column"
            raise InputError(
                f"{self.name}: {wanted}; its columns: {', '.join(self.columns) or 'none'}. "
                f"Name one with --{role}-column"
            )
        return found


def read_table(path: str) -> Table:
    """Read a table; the file's ending tells the format.

    Args:
        path: A .jsonl, .csv or .parquet file, or `-` for jsonl on stdin.

    Raises:
        InputError: The file is missing, of another kind, or broken; names the line.
    """
    if path == STANDARD:
        return _read_jsonl("stdin", sys.stdin.buffer)
    file = Path(path)
    if file.suffix not in ENDINGS:
        raise InputError(f"{path}: unknown kind of file; give one of: {', '.join(ENDINGS)}, or -")
    try:
        if file.suffix == ".parquet":
            return _read_parquet(file)
        with file.open("rb") as stream:
            return (_read_jsonl if file.suffix == ".jsonl" else _read_csv)(path, stream)
    except OSError as cause:
        raise InputError(f"cannot read {path}: {cause.strerror or cause}") from cause


def _read_jsonl(name: str, stream: IO[bytes]) -> Table:
    rows, lines = [], []
    columns: dict[str, None] = {}
    for number, line in enumerate(stream, start=1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except (ValueError, RecursionError) as cause:
            raise InputError(f"{name}, line {number}: not JSON ({cause})") from cause
        if not isinstance(row, dict):
            raise InputError(f"{name}, line {number}: not a JSON object")
        rows.append(row)
        lines.append(number)
        columns |= dict.fromkeys(row)
    return Table(name, list(columns), rows, lines)


def _read_csv(name: str, stream: IO[bytes]) -> Table:
    csv.field_size_limit(2**31 - 1)  # the largest that every platform takes
    try:
        text = stream.read().decode("utf-8-sig")
    except UnicodeDecodeError as cause:
        raise InputError(f"{name} is not UTF-8 text ({cause})") from cause
    reader = csv.DictReader(io.StringIO(text, newline=""), strict=True)
    rows, lines = [], []
    try:
        columns = list(reader.fieldnames or [])
        if twice := [column for column in columns if columns.count(column) > 1]:
            raise InputError(f"{name}: two columns are called {twice[0]!r}; rename one")
        for row in reader:
            if None in row:
                raise InputError(f"{name}, line {reader.line_num}: more cells than the header has")
            rows.append(row)
            lines.append(reader.line_num)
    except csv.Error as cause:
        raise InputError(f"{name}, line {reader.line_num}: broken CSV ({cause})") from cause
    return Table(name, columns, rows, lines)


def _read_parquet(file: Path) -> Table:
    import pyarrow as pa
    import pyarrow.parquet as pq

    if not file.is_file():
        raise InputError(f"cannot read {file}: no such file")
    try:
        table = pq.read_table(file)
    except (pa.ArrowException, OSError) as cause:
        raise InputError(f"{file} is not a readable parquet file: {cause}") from cause
    return Table(str(file), table.column_names, table.to_pylist(), arrow=table)


@contextmanager
def table_writer(path: str) -> Iterator[TableWriter]:
    """Open a place to write a table to, before the work whose result it will hold.

    Args:
        path: A .jsonl, .csv or .parquet file, or `-` for jsonl on stdout.

    Yields:
        The writer. The file appears whole when the block ends well, and not at all otherwise.

    Raises:
        InputError: The place cannot be written to.
    """
    if path == STANDARD:
        yield TableWriter(".jsonl", sys.stdout.buffer)
        return
    file = Path(path)
    if file.suffix not in ENDINGS:
        raise InputError(f"{path}: unknown kind of file; give one of: {', '.join(ENDINGS)}, or -")
    with whole_file(file) as stream:
        yield TableWriter(file.suffix, stream)


def write_text(path: Path | None, text: str) -> None:
    """Write a text to a file, which appears whole, or to stdout where there is no path.

    Raises:
        InputError: The place cannot be written to.
    """
    if path is None:
        sys.stdout.write(text)
        return
    with whole_file(path) as stream:
        stream.write(text.encode("utf-8", "backslashreplace"))


@contextmanager
def whole_file(file: Path) -> Iterator[IO[bytes]]:
    """A file that appears whole when the block ends well, and not at all otherwise.

    Args:
        file: Where; a file there is replaced.

    Yields:
        Where to write.

    Raises:
        InputError: The place cannot be written to.
    """
    try:
        if file.is_dir():
            raise IsADirectoryError(21, "it is a folder")
        partial = file.with_name(f".{file.name}.partial")
        stream = partial.open("wb")
    except OSError as cause:
        raise InputError(f"cannot write {file}: {cause.strerror or cause}") from cause
    try:
        with stream:
            yield stream
        partial.replace(file)
    finally:
        partial.unlink(missing_ok=True)


@dataclass(frozen=True)
class TableWriter:
    """Writes one table.

    Attributes:
        ending: Which format.
        stream: Where to.
    """

    ending: str
    stream: IO[bytes]

    def write(self, table: Table, added: dict[str, list[Any]]) -> None:
        """Write a table with columns added.

        Args:
            table: The rows as they were read.
            added: New columns, one value per row; None where undefined.
        """
        if self.ending == ".parquet":
            self._write_parquet(table, added)
            return
        rows = (
            row | {name: values[i] for name, values in added.items()}
            for i, row in enumerate(table.rows)
        )
        if self.ending == ".jsonl":
            for row in rows:
                self.stream.write(_json(row).encode() + b"\n")
            return
        text = io.TextIOWrapper(
            self.stream, encoding="utf-8", newline="", errors="backslashreplace"
        )
        writer = csv.DictWriter(text, [*table.columns, *added], lineterminator="\n")
        writer.writeheader()
        writer.writerows({name: _cell(value) for name, value in row.items()} for row in rows)
        text.flush()
        text.detach()

    def _write_parquet(self, table: Table, added: dict[str, list[Any]]) -> None:
        import pyarrow as pa
        import pyarrow.parquet as pq

        arrow = table.arrow
        if arrow is None:
            cells = {name: [row.get(name) for row in table.rows] for name in table.columns}
            arrow = pa.table({name: _arrow_column(name, values) for name, values in cells.items()})
        for name, values in added.items():
            arrow = arrow.append_column(name, _arrow_column(name, values))
        pq.write_table(arrow, self.stream)


def _arrow_column(name: str, values: list[Any]) -> pa.Array:
    import pyarrow as pa

    try:
        column = pa.array(values)
        if pa.types.is_struct(column.type) and column.type.num_fields == 0:
            raise pa.ArrowInvalid("objects without a key")
        return column
    except (pa.ArrowException, UnicodeEncodeError, OverflowError) as cause:
        raise InputError(
            f"column {name!r} does not fit parquet ({cause}); write to a .jsonl file instead"
        ) from cause


def _json(value: object) -> str:
    try:
        text = json.dumps(value, ensure_ascii=False, default=str, allow_nan=False)
    except ValueError:  # JSON has no NaN
        return _json(_nan_as_null(value))
    try:
        text.encode()
    except UnicodeEncodeError:  # a lone surrogate is no UTF-8, but it can be escaped
        return json.dumps(value, default=str)
    return text


def _nan_as_null(value: object) -> object:
    if isinstance(value, dict):
        return {key: _nan_as_null(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_nan_as_null(inner) for inner in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _cell(value: object) -> object:
    return _json(value) if isinstance(value, list | dict) else value
