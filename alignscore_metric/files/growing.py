"""Tables that grow beside their place, window by window, and outlive a kill.

Beside `scored.jsonl` stand, until it is whole: `scored.jsonl.partial`, the rows so far (of parquet,
a folder with a file per window); `.scored.jsonl.journal`, what run they belong to and how many of
them are certain; `.scored.jsonl.lock`, held by the process that writes. Rows without a journal, a
lock with content and what links lead to are not ours: never written, never removed. Knows nothing
of scoring.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import stat
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Protocol, cast

from alignscore_metric.errors import InputError
from alignscore_metric.files.tables import (
    ENDINGS,
    Table,
    TableReader,
    arrow_table,
    unknown_ending,
    write_header,
    write_rows,
)
from alignscore_metric.system.whole_files import led_to, mode_of, naming_place

if TYPE_CHECKING:
    import pyarrow as pa

ROW_GROUP = 64 << 20
"""Bytes of cells that a row group of a written parquet file has at least, but for the last."""


@contextmanager
def growing_table(path: str) -> Iterator[GrowingTable]:
    """Take the place that a table will have; no other process can until the block ends.

    Args:
        path: A .jsonl, .csv or .parquet file.

    Yields:
        The table, not yet started. What it holds when the block ends in an error is kept, to go
        on from.

    Raises:
        InputError: The place cannot be written to, now or later, or another process writes to it.
    """
    file = led_to(Path(path))
    if file.suffix not in ENDINGS:
        raise unknown_ending(path)
    with naming_place(file):
        if file.is_dir():
            raise IsADirectoryError(21, "it is a folder")
        lock = _locked(file)
    kind = _Fragments if file.suffix == ".parquet" else _Lines
    partial = file.with_name(f"{file.name}.partial")
    table = GrowingTable(file, _beside(file, "journal"), kind(partial, file))
    try:
        yield table
    finally:
        table.rows.close()
        if table.fresh:
            table.rows.remove()
            table.journal.unlink(missing_ok=True)
        if lock is not None:
            _beside(file, "lock").unlink(missing_ok=True)
            lock.close()


@dataclass
class GrowingTable:
    """A table of which some rows are written.

    Attributes:
        file: Its place, empty or with another table until this one is whole.
        journal: Where it is noted which rows are certain.
        rows: The rows so far.
        done: How many they are.
        fresh: Whether this process began it and has no certain rows yet.
    """

    file: Path
    journal: Path
    rows: _Rows
    done: int = 0
    fresh: bool = False
    _run: dict[str, Any] = field(default_factory=dict)

    def start(
        self,
        run: dict[str, Any],
        columns: Sequence[str],
        schema: pa.Schema | None = None,
        *,
        restart: str | None = None,
    ) -> str | None:
        """Go on after the certain rows of an earlier run, or anew.

        Args:
            run: What rows depend on, by name: they are kept only where it is the same.
            columns: All that the table will have, in order.
            schema: Their types, for parquet.
            restart: Why to begin anew all the same.

        Returns:
            Why an earlier run is not gone on with; None where it is, or where there is none.

        Raises:
            InputError: The place cannot be written to.
        """
        self.rows.columns, self.rows.schema = columns, schema
        with naming_place(self.file):
            self._run = json.loads(json.dumps(run))
            found = _journal(self.journal)
            found = found if found.get("rows") else {}  # of a run that was killed at once
            reason = _difference(found, self._run) or restart if found else None
            if found and reason is None:
                self.done, length = found["rows"], found["length"]
                if self.rows.resume(length):
                    return None
                self.done, reason = 0, "the rows that it had written are gone"
            if not os.path.lexists(self.journal) and os.path.lexists(self.rows.partial):
                raise InputError(
                    f"{self.rows.partial} is there, and is not of an unfinished run (there is no "
                    f"{self.journal.name}); move it away, or give -o another name"
                )
            # In this order: a journal never speaks of rows that are not there, and rows without one
            # are not ours.
            self._note(0)
            self.fresh = True
            self.rows.begin()
            return reason

    def write(self, table: Table, added: dict[str, list[Any]]) -> None:
        """Add rows; they are certain when this returns.

        Args:
            table: The rows as they were read.
            added: New columns, one value per row; None where undefined.

        Raises:
            InputError: They cannot be written; what was written before is kept.
        """
        with naming_place(self.file, self._kept):
            length = self.rows.append(table, added)
            self.done += len(table.rows)
            self._note(length)
            self.fresh = False

    @property
    def _kept(self) -> str:
        return f"; the same command goes on after row {self.done}" if self.done else ""

    def _note(self, length: int) -> None:
        """Say in the journal how many rows are certain."""
        state = {"run": self._run, "rows": self.done, "length": length}
        beside = self.journal.with_name(f"{self.journal.name}.new")
        with _made(beside) as stream:
            stream.write(json.dumps(state).encode())
            if self.done:
                _sync(stream)
        beside.replace(self.journal)

    def column(self, name: str) -> list[Any]:
        """Values of one column of the rows that an earlier run wrote, as the format holds them.

        Raises:
            InputError: They are not what was written.
        """
        cause = None
        try:
            values = list(self.rows.read(name)) if self.done else []
        except (InputError, KeyError) as error:
            cause, values = error, []
        if len(values) != self.done:
            raise InputError(
                f"{self.rows.partial} was changed since it was written; begin anew with --restart"
            ) from cause
        return values

    def finish(self) -> None:
        """Move the table to its place: it is whole.

        Raises:
            InputError: It cannot be moved; what was written is kept.
        """
        with naming_place(self.file, self._kept):
            self.rows.publish()
            self.journal.unlink(missing_ok=True)
            self.rows.remove()


class _Rows(Protocol):
    """Rows of one format; a length says how many of them are meant, in the format's own unit."""

    partial: Path
    columns: Sequence[str]
    schema: pa.Schema | None

    def begin(self) -> None:
        """Have none."""

    def resume(self, length: int) -> bool:
        """Have those that an earlier process wrote, and no more; False where they are gone."""

    def append(self, table: Table, added: dict[str, list[Any]]) -> int:
        """Have these too, whatever befalls the machine; the length with them."""

    def read(self, column: str) -> Iterator[Any]:
        """One column's values of those that were there when this process resumed."""

    def publish(self) -> None:
        """Put all in the table's place."""

    def close(self) -> None:
        """Hold no file open."""

    def remove(self) -> None:
        """Leave nothing beside the table's place."""


@dataclass
class _Lines:
    """Rows of jsonl or csv: a file that grows; a length is in bytes."""

    partial: Path
    file: Path
    columns: Sequence[str] = ()
    schema: pa.Schema | None = None
    stream: IO[bytes] | None = None

    def begin(self) -> None:
        self.stream = _made(self.partial, mode_of(self.file))
        write_header(self.stream, self.file.suffix, self.columns)
        self.stream.flush()

    def resume(self, length: int) -> bool:
        if not _is_own(self.partial, stat.S_ISREG) or self.partial.stat().st_size < length:
            return False
        self.stream = self.partial.open("r+b")
        self.stream.truncate(length)
        self.stream.seek(length)
        return True

    def append(self, table: Table, added: dict[str, list[Any]]) -> int:
        stream = cast("IO[bytes]", self.stream)  # begun or resumed
        write_rows(stream, self.file.suffix, table, added, self.columns)
        _sync(stream)
        return stream.tell()

    def read(self, column: str) -> Iterator[Any]:
        for table in TableReader(str(self.partial), self.file.suffix).windows():
            yield from (row[column] for row in table.rows)

    def publish(self) -> None:
        self.close()
        _publish(self.partial, self.file)

    def close(self) -> None:
        if self.stream is not None:
            with contextlib.suppress(OSError):  # a full disk was reported where it was met
                self.stream.close()

    def remove(self) -> None:
        self.partial.unlink(missing_ok=True)


@dataclass
class _Fragments:
    """Rows of parquet: a folder of files, one per window; a length is their number."""

    partial: Path
    file: Path
    columns: Sequence[str] = ()
    schema: pa.Schema | None = None
    count: int = 0

    def begin(self) -> None:
        self.remove()
        self.partial.mkdir(0o700 if mode_of(self.file) == 0o600 else 0o777)

    def resume(self, length: int) -> bool:
        if not _is_own(self.partial, stat.S_ISDIR):
            return False
        if not all(self._fragment(number).is_file() for number in range(length)):
            return False
        self.count = length  # what is beyond is written over
        return True

    def append(self, table: Table, added: dict[str, list[Any]]) -> int:
        import pyarrow.parquet as pq

        with self._fragment(self.count).open("wb") as stream:
            pq.write_table(arrow_table(table, added, self.schema), stream)
            _sync(stream)
        self.count += 1
        return self.count

    def read(self, column: str) -> Iterator[Any]:
        import pyarrow as pa
        import pyarrow.parquet as pq

        for fragment in self._fragments():
            try:
                yield from pq.read_table(fragment, columns=[column])[column].to_pylist()
            except pa.ArrowException as cause:
                raise InputError(f"{fragment} is not a parquet file of ours: {cause}") from cause

    def publish(self) -> None:
        import pyarrow as pa
        import pyarrow.parquet as pq

        joined = _beside(self.file, "joined")
        with _made(joined, mode_of(self.file)) as stream:
            writer: pq.ParquetWriter | None = None
            for group in self._row_groups():
                rows = pa.concat_tables(group)
                writer = writer or pq.ParquetWriter(stream, rows.schema)
                writer.write_table(rows, row_group_size=max(1, len(rows)))
            if writer is not None:
                writer.close()
            _sync(stream)
        _publish(joined, self.file)

    def close(self) -> None:
        """Nothing is held open between two windows."""

    def remove(self) -> None:
        if _is_own(self.partial, stat.S_ISDIR):
            shutil.rmtree(self.partial)
        else:
            self.partial.unlink(missing_ok=True)
        _beside(self.file, "joined").unlink(missing_ok=True)

    def _row_groups(self) -> Iterator[list[pa.Table]]:
        """The fragments' tables, in groups that make a row group each."""
        import pyarrow.parquet as pq

        group: list[pa.Table] = []
        for fragment in self._fragments():
            group.append(pq.read_table(fragment))
            if sum(table.nbytes for table in group) >= ROW_GROUP:
                yield group
                group = []
        if group:
            yield group

    def _fragments(self) -> list[Path]:
        return [self._fragment(number) for number in range(self.count)]

    def _fragment(self, number: int) -> Path:
        return self.partial / f"{number:08}.parquet"


def _beside(file: Path, what: str) -> Path:
    return file.with_name(f".{file.name}.{what}")


def _made(file: Path, mode: int = 0o666) -> IO[bytes]:
    """A new file of ours in the place of an old one of ours; what a link there leads to stays."""
    file.unlink(missing_ok=True)
    return os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb")


def _is_own(place: Path, kind: Callable[[int], bool]) -> bool:
    """Whether a place holds what we put there: something of a kind, and no link to it."""
    return os.path.lexists(place) and kind(place.lstat().st_mode)


def _publish(whole: Path, file: Path) -> None:
    """Move a file to its place; one that was there hands its mode on."""
    if file.is_file():
        shutil.copymode(file, whole)
    whole.replace(file)


def _sync(stream: IO[Any]) -> None:
    stream.flush()
    os.fsync(stream.fileno())


def _journal(file: Path) -> dict[str, Any]:
    """What a journal says; nothing where there is none, or none of ours."""
    try:
        found = json.loads(file.read_bytes())
    except (FileNotFoundError, ValueError, RecursionError):
        return {}
    kinds = {"run": dict, "rows": int, "length": int}
    known = isinstance(found, dict) and found.keys() == kinds.keys()
    known = known and all(type(found[name]) is kind for name, kind in kinds.items())
    return found if known and min(found["rows"], found["length"]) >= 0 else {}


def _difference(journal: dict[str, Any], run: dict[str, Any]) -> str | None:
    """What differs between the run of a journal and this one."""
    if not journal or journal["run"] == run:
        return None
    before = journal["run"]
    names = [name for name in before | run if before.get(name) != run.get(name)]
    return f"it had another {', another '.join(names)}"


def _locked(file: Path) -> IO[bytes] | None:
    """A file beside the table's place, locked until it is closed or the process is killed."""
    try:
        import fcntl
    except ImportError:  # not POSIX: nothing keeps two processes apart
        return None
    place = _beside(file, "lock")
    while True:
        if place.is_symlink() or (place.exists() and place.stat().st_size):
            raise InputError(f"{place} is there, and is no lock of ours; move it away")
        # Not through a link, should one appear now.
        stream = os.fdopen(os.open(place, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o666), "r+b")
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as cause:
            stream.close()
            raise InputError(
                f"{file} is being written by another process; wait for it, or give -o another name"
            ) from cause
        except OSError:  # a file system without locks
            return stream
        # Whoever held it may have removed the file between our opening and our locking of it.
        with contextlib.suppress(FileNotFoundError):
            if os.path.samestat(os.fstat(stream.fileno()), place.stat()):
                return stream
        stream.close()
