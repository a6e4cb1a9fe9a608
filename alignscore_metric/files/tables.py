"""Tables in and out: jsonl, csv, parquet, and `-` (jsonl on stdin and stdout); tsv, json, gzip in.

Knows nothing of scoring. A table is read whole or window by window, so that one of any size passes
through little memory. Every column of the input is kept; a table is written beside its place and
moved there when it is whole.
"""

from __future__ import annotations

import codecs
import contextlib
import csv
import gzip
import hashlib
import io
import itertools
import json
import math
import os
import shutil
import sys
import tempfile
import zlib
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, NamedTuple, cast

from alignscore_metric.errors import InputError
from alignscore_metric.system.background import ahead
from alignscore_metric.system.terminal import plain
from alignscore_metric.system.whole_files import whole_file

if TYPE_CHECKING:
    import pyarrow as pa
    import pyarrow.parquet as pq

STANDARD = "-"
ENDINGS = (".jsonl", ".csv", ".parquet")
"""Of files that are written; that are read too are those of `READ_ENDINGS`."""
GZIP = ".gz"
_TEXT_ENDINGS = (".jsonl", ".csv", ".tsv", ".json")
READ_ENDINGS = (*_TEXT_ENDINGS, ".parquet", *(f"{ending}{GZIP}" for ending in _TEXT_ENDINGS))
DEEPEST = 500
"""Levels of lists and objects in a cell: what is read can be written again."""
SOURCE_NAMES = ("source", "document", "article", "context", "evidence", "text", "grounding")
SUMMARY_NAMES = ("summary", "claim", "hypothesis", "prediction", "answer", "generated_text")
SILENCE = 0.2
"""Seconds without a line after which the rows of a live stream are passed on."""
LINES_AHEAD = 1024
"""Lines of a live stream that may wait to be scored."""
BLOCK = 1 << 20
"""Bytes that are read at a time."""


class Bounds(NamedTuple):
    """How much of a table is read at a time: up to either bound, and one row at least.

    Attributes:
        rows: Rows of a window.
        characters: Characters of its cells (bytes of its lines, of jsonl).
    """

    rows: int
    characters: int


WINDOW = Bounds(1024, 4_000_000)
"""Enough rows to fill batches of equal length, few enough that a kill costs little."""
WHOLE = Bounds(sys.maxsize, sys.maxsize)


@dataclass(frozen=True)
class Table:
    """Rows of a file.

    Attributes:
        name: The file, as errors should call it.
        columns: Column names, in order.
        rows: One dict per row.
        lines: Line of each row in a text file, from 1; None for parquet.
        arrow: The parquet table itself, so that its types survive.
        first: Rows of the file that stand before these.
    """

    name: str
    columns: list[str]
    rows: list[dict[str, Any]]
    lines: list[int] | None = None
    arrow: pa.Table | None = None
    first: int = 0

    def where(self, row: int) -> str:
        """How an error should call a row (given from 0)."""
        if self.lines is None:
            return f"{self.name}, row {self.first + row + 1}"
        return f"{self.name}, line {self.lines[row]}"

    def part(self, start: int, end: int) -> Table:
        """The rows from one place to before another, both given from 0."""
        if (start, end) == (0, len(self.rows)):
            return self
        return replace(
            self,
            rows=self.rows[start:end],
            lines=self.lines and self.lines[start:end],
            arrow=None if self.arrow is None else self.arrow.slice(start, end - start),
            first=self.first + start,
        )

    def column(self, name: str | None, known: Sequence[str], *, role: str) -> str:
        """The column to use: the one named, else the first of the known names that is here.

        Upper and lower case and spaces around a name count only where several columns differ in
        nothing else.

        Raises:
            InputError: It is not here; says which columns are.
        """
        wanted = known if name is None else [name]
        found = next(filter(None, (_column_called(one, self.columns) for one in wanted)), None)
        if found is None:
            missing = f"no column {name!r}" if name is not None else f"no {role} column"
            columns = ", ".join(map(plain, self.columns)) or "none"
            raise InputError(
                f"{self.name}: {missing}; its columns: {columns}{_separator_hint(self.columns)}. "
                f"Name one with --{role}-column{_known_hint(known)}"
            )
        return found


def _column_called(name: str, columns: Sequence[str]) -> str | None:
    """The column of a name, or the only one that differs from it in case or spaces alone."""
    if name in columns:
        return name
    wanted = name.strip().casefold()
    found = [column for column in columns if column.strip().casefold() == wanted]
    return found[0] if len(found) == 1 else None


def _separator_hint(columns: Sequence[str]) -> str:
    """What to say where a header looks as if it were cut at something else than commas."""
    found = [mark for mark in (";", "\t", "|") if len(columns) == 1 and mark in columns[0]]
    if not found:
        return ""
    return f" (one column: cells are cut at commas, of .tsv at tabs, and not at {found[0]!r})"


def _known_hint(known: Sequence[str]) -> str:
    return f"; names that are known: {', '.join(known)}" if known else ""


def read_table(path: str) -> Table:
    """Read a whole table; the file's ending tells the format.

    Args:
        path: A file with one of `READ_ENDINGS`, or `-` for jsonl on stdin.

    Raises:
        InputError: The file is missing, of another kind, or broken; names the line.
    """
    return next(open_table(path).windows(WHOLE))


@dataclass(frozen=True)
class TableReader:
    """A table to be read window by window.

    Attributes:
        name: The file, as errors should call it.
        ending: Which format.
        stream: What is read, where it is not a local file: once, unless `spool`; of parquet, one
            that can seek.
        spool: Whether the stream is a copy of our own, which can be read as often as wanted.
    """

    name: str
    ending: str
    stream: IO[bytes] | None = None
    spool: bool = False

    @property
    def repeatable(self) -> bool:
        """Whether it can be read more than once."""
        return self.stream is None or self.spool

    def windows(
        self, bounds: Bounds | None = None, *, limit: int | None = None, live: bool = False
    ) -> Iterator[Table]:
        """Read the rows, some at a time.

        Where one window ends depends on the rows alone, so that whoever reads the file again, from
        whatever row, gets the same windows; but a live stream's windows also end where it pauses.

        Args:
            bounds: Of a window; `WINDOW` where None.
            limit: Rows to read of a text file; all where None.
            live: Pass the rows of a stream on as soon as it pauses.

        Yields:
            At least one table, of no row where the file has none. The columns of jsonl are those
            of the window's rows.

        Raises:
            InputError: The file is missing or broken; names the line.
        """
        bounds = bounds or WINDOW
        if self.ending == ".parquet":
            yield from _parquet_windows(self.name, self.stream, bounds)
            return
        with _reading(self.name), self._opened() as stream:
            columns: list[str] | None = None
            if self._is_array(stream):
                rows = _array_rows(self.name, stream)
            elif self._format in (".jsonl", ".json"):
                rows = _jsonl_rows(self.name, _paused_lines(stream) if live else stream)
            else:
                delimiter = "\t" if self._format == ".tsv" else ","
                columns, rows = _csv_rows(self.name, stream, delimiter)
            rows = itertools.islice(rows, limit)
            yield from _text_windows(self.name, columns, rows, bounds)

    @property
    def _format(self) -> str:
        return self.ending.removesuffix(GZIP)

    def _is_array(self, stream: IO[bytes]) -> bool:
        """Whether a .json file is one array; others are read as jsonl, which many are."""
        if self._format != ".json":
            return False
        start = cast("io.BufferedReader", stream).peek(64).removeprefix(codecs.BOM_UTF8)
        return start.lstrip()[:1] == b"["

    def sha256(self) -> str:
        """Hash of all bytes, 64 hexadecimal digits.

        Raises:
            InputError: The file cannot be read.
        """
        digest = hashlib.sha256()
        with _reading(self.name), self._opened(packed=True) as stream:
            while block := stream.read(BLOCK):
                digest.update(block)
        return digest.hexdigest()

    @contextmanager
    def spooled(self, folder: Path) -> Iterator[TableReader]:
        """The same table, repeatable: a stream is read to its end, into a file without a name.

        Args:
            folder: Where there is room for it.

        Raises:
            InputError: There is no room.
        """
        if self.stream is None or self.spool:
            yield self
            return
        with ExitStack() as kept:
            try:
                copy = kept.enter_context(tempfile.TemporaryFile(dir=folder))
                shutil.copyfileobj(self.stream, copy, BLOCK)
                copy.flush()
            except OSError as cause:
                reason = cause.strerror or cause
                raise InputError(f"cannot keep {self.name} in {folder}: {reason}") from cause
            yield replace(self, stream=copy, spool=True)

    @contextmanager
    def _opened(self, *, packed: bool = False) -> Iterator[IO[bytes]]:
        """The bytes of the table, or with `packed` of its file."""
        with ExitStack() as kept:
            stream = self.stream
            if stream is None:
                stream = kept.enter_context(Path(self.name).open("rb"))
            elif self.spool:
                stream.seek(0)
                stream = kept.enter_context(os.fdopen(os.dup(stream.fileno()), "rb"))
            if packed or not self.ending.endswith(GZIP):
                yield stream
            else:
                yield cast("IO[bytes]", kept.enter_context(gzip.open(stream)))


def open_table(path: str) -> TableReader:
    """A table to be read; its ending tells the format. Nothing is read yet.

    Args:
        path: A file with one of `READ_ENDINGS`, or `-` for jsonl on stdin.

    Raises:
        InputError: The file is of another kind, or a pipe that cannot be read.
    """
    if path == STANDARD:
        return TableReader("stdin", ".jsonl", stream=sys.stdin.buffer)
    file = Path(path)
    ending = next((one for one in READ_ENDINGS if file.name.endswith(one)), None)
    if ending is None:
        raise unknown_ending(path, READ_ENDINGS)
    if ending != ".parquet" and file.exists() and not (file.is_file() or file.is_dir()):
        with _reading(path):
            return TableReader(path, ending, stream=file.open("rb"))  # a pipe with a name
    return TableReader(path, ending)


def unknown_ending(path: str, endings: Sequence[str] = ENDINGS) -> InputError:
    """What to say of a file whose format cannot be told."""
    return InputError(f"{path}: unknown kind of file; give one of: {', '.join(endings)}, or -")


@contextmanager
def _reading(name: str) -> Iterator[None]:
    """Errors of the file system as ours."""
    try:
        yield
    except OSError as cause:
        raise InputError(f"cannot read {name}: {cause.strerror or cause}") from cause
    except (EOFError, zlib.error) as cause:
        raise InputError(f"cannot read {name}: not a whole gzip file ({cause})") from cause


def _paused_lines(stream: IO[bytes]) -> Iterator[bytes | None]:
    """Lines as they come, from a thread; None after each silence."""
    with contextlib.suppress(OSError):  # what has no descriptor is no live stream
        # Not by Python's own stdin: it is closed at the end, for which the thread would have to
        # stop waiting for a line.
        stream = os.fdopen(os.dup(stream.fileno()), "rb")
    return ahead(stream, LINES_AHEAD, patience=SILENCE)


class _Row(NamedTuple):
    """A row as it was read: its cells, its line, and how much of a window it takes."""

    cells: dict[str, Any]
    line: int
    size: int


def _jsonl_rows(name: str, lines: Iterable[bytes | None]) -> Iterator[_Row | None]:
    """Rows of lines; None, where the stream pauses, is passed on."""
    number = 0
    for line in lines:
        if line is None:
            yield None
            continue
        number += 1
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except (ValueError, RecursionError) as cause:
            raise InputError(f"{name}, line {number}: not JSON ({cause})") from cause
        if not isinstance(row, dict):
            raise InputError(f"{name}, line {number}: not a JSON object")
        if line.count(b"[") + line.count(b"{") > DEEPEST and _depth(row) > DEEPEST:
            raise InputError(f"{name}, line {number}: nested more than {DEEPEST} levels deep")
        yield _Row(row, number, len(line))


def _array_rows(name: str, stream: IO[bytes]) -> Iterator[_Row | None]:
    """Rows of one JSON array, which is read as a whole."""
    try:
        array = json.loads(stream.read())
    except (ValueError, RecursionError) as cause:
        raise InputError(f"{name}: not JSON ({cause})") from cause
    for number, row in enumerate(array, 1):
        if not isinstance(row, dict):
            raise InputError(f"{name}, row {number}: not a JSON object")
        if _depth(row) > DEEPEST:
            raise InputError(f"{name}, row {number}: nested more than {DEEPEST} levels deep")
        yield _Row(row, 0, _size(row))


def _depth(value: object) -> int:
    """Levels of lists and objects."""
    level, levels = [value], 0
    while level := [inner for one in level if isinstance(one, dict | list) for inner in _in(one)]:
        levels += 1
    return levels


def _in(value: dict[str, object] | list[object]) -> Iterable[object]:
    return value.values() if isinstance(value, dict) else value


def _csv_rows(
    name: str, stream: IO[bytes], delimiter: str
) -> tuple[list[str], Iterator[_Row | None]]:
    """The header's columns, and the rows below it."""
    csv.field_size_limit(2**31 - 1)  # the largest that every platform takes
    text = io.TextIOWrapper(stream, encoding="utf-8-sig", newline="")
    reader = csv.DictReader(text, delimiter=delimiter, strict=True)

    @contextmanager
    def refusing() -> Iterator[None]:
        try:
            yield
        except csv.Error as cause:
            raise InputError(f"{name}, line {reader.line_num}: broken CSV ({cause})") from cause
        except UnicodeDecodeError as cause:
            raise InputError(f"{name} is not UTF-8 text ({cause})") from cause

    def rows() -> Iterator[_Row | None]:
        with refusing():
            for row in reader:
                if None in row:
                    raise InputError(
                        f"{name}, line {reader.line_num}: more cells than the header has"
                    )
                yield _Row(row, reader.line_num, sum(len(cell or "") for cell in row.values()))

    with refusing():
        columns = list(reader.fieldnames or [])
    _refuse_twins(name, columns)
    return columns, rows()


def _refuse_twins(name: str, columns: Sequence[str]) -> None:
    twice = [column for column, count in Counter(columns).items() if count > 1]
    if twice:
        raise InputError(f"{name}: two columns are called {twice[0]!r}; rename one")


def _text_windows(
    name: str, columns: list[str] | None, rows: Iterable[_Row | None], bounds: Bounds
) -> Iterator[Table]:
    first = 0
    for group in _groups(rows, bounds):
        cells, lines = [row.cells for row in group], [row.line for row in group]
        here = list(dict.fromkeys(key for row in cells for key in row))
        numbered = lines if lines[0] else None  # rows of an array have no lines
        yield Table(name, here if columns is None else columns, cells, numbered, first=first)
        first += len(group)
    if not first:
        yield Table(name, columns or [], [], [])


def _groups(rows: Iterable[_Row | None], bounds: Bounds) -> Iterator[list[_Row]]:
    """Consecutive rows up to either bound, or up to a pause; never none."""
    group: list[_Row] = []
    filled = 0
    for row in rows:
        if group and (row is None or filled + row.size > bounds.characters):
            yield group
            group, filled = [], 0
        if row is None:
            continue
        group.append(row)
        filled += row.size
        if len(group) == bounds.rows:  # at once: a live stream may not send another row for long
            yield group
            group, filled = [], 0
    if group:
        yield group


def _parquet_windows(name: str, stream: IO[bytes] | None, bounds: Bounds) -> Iterator[Table]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    if stream is None and not Path(name).is_file():
        raise InputError(f"cannot read {name}: no such file")
    try:
        # Unbuffered, a whole column of a row group would be read at once.
        with pq.ParquetFile(stream or name, pre_buffer=False, buffer_size=BLOCK) as parquet:
            schema = parquet.schema_arrow
            _refuse_twins(name, schema.names)
            waiting: list[pa.RecordBatch] = []  # what was decoded and is in no window yet

            def rows() -> Iterator[_Row]:
                for batch in parquet.iter_batches(_batch_rows(parquet, bounds)):
                    waiting.append(batch)
                    for row in _python_rows(batch):
                        yield _Row(row, 0, _size(row))

            first = 0
            for group in _groups(rows(), bounds):
                decoded = pa.Table.from_batches(waiting, schema)
                waiting[:] = decoded.slice(len(group)).to_batches()
                arrow = decoded.slice(0, len(group))
                cells = [row.cells for row in group]
                yield Table(name, schema.names, cells, arrow=arrow, first=first)
                first += len(group)
            if not first:
                yield Table(name, schema.names, [], arrow=schema.empty_table())
    except (pa.ArrowException, OSError) as cause:
        raise InputError(f"{name} is not a readable parquet file: {cause}") from cause


def _python_rows(batch: pa.RecordBatch) -> list[dict[str, Any]]:
    names = batch.schema.names
    if not names:
        return [{} for _ in range(len(batch))]
    columns = [_python_values(column) for column in batch.columns]
    return [dict(zip(names, row, strict=True)) for row in zip(*columns, strict=True)]


def _python_values(column: pa.Array) -> list[Any]:
    """The values of a column; one that Python cannot hold is shown, as it may never be needed."""
    import pyarrow as pa

    try:
        values: list[Any] = column.to_pylist()
    except (ValueError, OverflowError, pa.ArrowException):
        if len(column) > 1:
            return [_python_values(column.slice(row, 1))[0] for row in range(len(column))]
        if pa.types.is_string(column.type) or pa.types.is_large_string(column.type):
            return _python_values(column.cast(pa.large_binary()))  # no UTF-8: no text
        return [" ".join(column.to_string().split()).removeprefix("[ ").removesuffix(" ]")]
    return values


def _batch_rows(parquet: pq.ParquetFile, bounds: Bounds) -> int:
    """Rows to decode at a time: about a window's, by the size of the file's average row."""
    groups = [parquet.metadata.row_group(i) for i in range(parquet.num_row_groups)]
    size = sum(group.total_byte_size for group in groups) / max(1, parquet.metadata.num_rows)
    return max(1, min(bounds.rows, WINDOW.rows, int(bounds.characters / max(1, size))))


def _size(value: object) -> int:
    """Characters of a cell, about; not by recursion, as cells may be deep."""
    waiting, size = [value], 0
    while waiting:
        one = waiting.pop()
        if isinstance(one, dict):
            waiting.extend(one.values())
        elif isinstance(one, list):
            waiting.extend(one)
        else:
            size += len(one) if isinstance(one, str | bytes) else 8
    return size


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
        raise unknown_ending(path)
    with whole_file(file) as stream:
        yield TableWriter(file.suffix, stream)


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
            import pyarrow.parquet as pq

            pq.write_table(arrow_table(table, added), self.stream)
            return
        columns = [*table.columns, *added]
        write_header(self.stream, self.ending, columns)
        write_rows(self.stream, self.ending, table, added, columns)


def write_header(stream: IO[bytes], ending: str, columns: Sequence[str]) -> None:
    """Write what stands before the rows: the header of csv, nothing of jsonl."""
    if ending == ".csv":
        with _text(stream) as text:
            csv.writer(_CsvLines(text)).writerow(columns)


def write_rows(
    stream: IO[bytes],
    ending: str,
    table: Table,
    added: dict[str, list[Any]],
    columns: Sequence[str],
) -> None:
    """Write rows of a text format with columns added, without a header.

    Args:
        stream: Where to.
        ending: .jsonl or .csv.
        table: The rows as they were read.
        added: New columns, one value per row; None where undefined.
        columns: All columns of the file, in order: a row may lack some.
    """
    names = list(added)
    rows = (
        row | dict(zip(names, values, strict=True))
        for row, *values in zip(table.rows, *added.values(), strict=True)
    )
    if ending == ".jsonl":
        for row in rows:
            stream.write(_json(row).encode() + b"\n")
        return
    with _text(stream) as text:
        writer = csv.DictWriter(_CsvLines(text), columns)
        writer.writerows({name: _cell(value) for name, value in row.items()} for row in rows)


class _CsvLines:
    r"""Takes csv's lines that end in \r\n, and ends them in \n.

    A csv writer quotes the characters of its line ends, on every Python; told to end lines in \n,
    some leave a lone \r in a cell unquoted, at which readers cut the row.
    """

    def __init__(self, text: IO[str]) -> None:
        self.text = text

    def write(self, line: str) -> int:
        return self.text.write(line.removesuffix("\r\n") + "\n")


def arrow_table(
    table: Table, added: dict[str, list[Any]], schema: pa.Schema | None = None
) -> pa.Table:
    """Rows with columns added, as parquet holds them.

    Args:
        table: The rows; what was parquet keeps its types.
        added: New columns, one value per row; None where undefined.
        schema: Types of the columns; what the values look like where it has none.

    Raises:
        InputError: A column does not fit; names it.
    """
    import pyarrow as pa

    types = {} if schema is None else dict(zip(schema.names, schema.types, strict=True))

    def column(name: str, values: list[Any]) -> pa.Array:
        return _arrow_column(name, values, types.get(name))

    arrow = table.arrow
    if arrow is None:
        # A schema's columns are all of the file's, a window's only those of its own rows.
        names = table.columns if schema is None else [n for n in schema.names if n not in added]
        cells = {name: [row.get(name) for row in table.rows] for name in names}
        arrow = pa.table({name: column(name, values) for name, values in cells.items()})
    for name, values in added.items():
        arrow = arrow.append_column(name, column(name, values))
    return arrow


def arrow_schema(tables: Iterable[Table]) -> pa.Schema:
    """Types of the columns that fit every row of some tables of one file.

    Raises:
        InputError: A column does not fit; names it.
    """
    import pyarrow as pa

    types: dict[str, pa.DataType] = {}
    for table in tables:
        if table.arrow is not None:
            return table.arrow.schema
        for name in table.columns:
            with _naming_column(name):
                here = pa.array([row.get(name) for row in table.rows]).type
                both = [pa.schema([(name, kind)]) for kind in (types.get(name, pa.null()), here)]
                types[name] = pa.unify_schemas(both, promote_options="permissive").field(name).type
    for name, kind in types.items():
        _arrow_column(name, [], kind)
        _refuse_deep(name, kind)
    return pa.schema(list(types.items()))


def _refuse_deep(name: str, kind: pa.DataType) -> None:
    """Refuse a column that pyarrow would write and could not read again."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    if not pa.types.is_nested(kind):
        return
    with _naming_column(name):
        stream = io.BytesIO()
        pq.write_table(pa.schema([(name, kind)]).empty_table(), stream)
        pq.read_table(stream)


def _arrow_column(name: str, values: list[Any], kind: pa.DataType | None = None) -> pa.Array:
    import pyarrow as pa

    with _naming_column(name):
        column = pa.array(values, kind)
        if pa.types.is_struct(column.type) and column.type.num_fields == 0:
            raise pa.ArrowInvalid("objects without a key")
        return column


@contextmanager
def _naming_column(name: str) -> Iterator[None]:
    import pyarrow as pa

    try:
        yield
    except (pa.ArrowException, OSError, UnicodeEncodeError, OverflowError) as cause:
        raise InputError(
            f"column {name!r} does not fit parquet ({cause}); write to a .jsonl file instead"
        ) from cause


@contextmanager
def _text(stream: IO[bytes]) -> Iterator[IO[str]]:
    """A binary stream as one for text, which leaves it open."""
    text = io.TextIOWrapper(stream, encoding="utf-8", newline="", errors="backslashreplace")
    yield text
    text.detach()


_ENCODER = json.JSONEncoder(ensure_ascii=False, default=str, allow_nan=False)


def _json(value: object) -> str:
    try:
        text = _ENCODER.encode(value)
    except ValueError:  # JSON has no NaN
        text = json.dumps(value, ensure_ascii=False, default=str)
        return _json(json.loads(text, parse_constant=lambda _: None))
    try:
        text.encode()
    except UnicodeEncodeError:  # a lone surrogate is no UTF-8, but it can be escaped
        return json.dumps(value, default=str)
    return text


def score_of(value: Any, what: str) -> float:  # noqa: ANN401  # whatever a file holds
    """A score as a file holds it; what is null or an empty cell is NaN: an undefined one.

    Args:
        value: The cell.
        what: Row and column, for the error.

    Raises:
        InputError: It is no finite number.
    """
    try:
        score = math.nan if value in (None, "") else float(value)
    except (TypeError, ValueError, OverflowError):
        score = math.inf
    if math.isinf(score) or isinstance(value, bool):
        raise InputError(f"{what} is {value!r:.60}, which is no score")
    return score


def _cell(value: object) -> object:
    return _json(value) if isinstance(value, list | dict) else value
