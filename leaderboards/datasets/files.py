"""Where the files of datasets are on this machine, and their bytes.

Knows nothing of what the files hold.
"""

from __future__ import annotations

import csv
import gzip
import hashlib
import io
import json
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from alignscore_metric.errors import InputError

FOLDERS = ("", "uniform", "official")
"""Folders inside a data folder in which a card's file may lie."""


@dataclass(frozen=True)
class DataFile:
    """A file of a dataset.

    Attributes:
        name: Its path in the card, as `frank/human_annotations.json`.
        path: Where it is.
        content: Its bytes, uncompressed where it was found as `.gz`.
    """

    name: str
    path: Path
    content: bytes

    @property
    def sha256(self) -> str:
        """Of the uncompressed bytes, in hexadecimal digits."""
        return hashlib.sha256(self.content).hexdigest()

    def text(self) -> str:
        """The content as UTF-8 text.

        Raises:
            InputError: It is something else.
        """
        try:
            return self.content.decode("utf-8-sig")
        except UnicodeDecodeError as cause:
            raise InputError(f"{self.path} is not UTF-8 text ({cause}); fetch it again") from cause


def candidate_files(name: str, roots: Sequence[Path]) -> list[Path]:
    """Every place in which a card's file may lie, in the order of search."""
    return [
        root / folder / f"{name}{ending}"
        for root in roots
        for folder in FOLDERS
        for ending in ("", ".gz")
    ]


def find(name: str, roots: Sequence[Path]) -> Path | None:
    """The first place that holds a card's file; None where no place does."""
    return next((path for path in candidate_files(name, roots) if path.is_file()), None)


def read(path: Path, *, name: str | None = None) -> DataFile:
    """Read a file whole; one that ends in `.gz` is uncompressed.

    Raises:
        InputError: It cannot be read, or is damaged.
    """
    try:
        content = path.read_bytes()
        if path.suffix == ".gz":
            content = gzip.decompress(content)
    except (EOFError, zlib.error, gzip.BadGzipFile) as cause:
        raise InputError(f"{path} is a damaged gzip file ({cause}); fetch it again") from cause
    except OSError as cause:
        raise InputError(f"cannot read {path}: {cause.strerror or cause}") from cause
    return DataFile(name or path.name, path, content)


def json_lines(file: DataFile) -> list[dict[str, Any]]:
    """The objects of a JSON-lines file; blank lines are passed over.

    Raises:
        InputError: A line is no JSON object; names it.
    """
    rows = []
    for number, line in enumerate(file.text().split("\n"), start=1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except (ValueError, RecursionError) as cause:
            raise InputError(f"{file.path}, line {number}: not JSON ({cause})") from cause
        if not isinstance(row, dict):
            raise InputError(f"{file.path}, line {number}: not a JSON object")
        rows.append(row)
    return rows


def csv_rows(file: DataFile, *, needed: Sequence[str], tabs: bool = False) -> list[dict[str, str]]:
    """The rows of a CSV file with a header.

    Args:
        file: The file.
        needed: Columns that it must have.
        tabs: Whether cells are separated by tabs and never quoted.

    Raises:
        InputError: It is broken, or lacks a column; names it.
    """
    csv.field_size_limit(2**31 - 1)  # the largest that every platform takes
    stream = io.StringIO(file.text(), newline="")
    reader = (
        csv.DictReader(stream, delimiter="\t", quoting=csv.QUOTE_NONE)
        if tabs
        else csv.DictReader(stream, strict=True)
    )
    try:
        require(reader.fieldnames or (), needed, str(file.path))
        rows = []
        for row in reader:
            if None in row or None in row.values():
                raise InputError(
                    f"{file.path}, line {reader.line_num}: not as many cells as columns"
                )
            rows.append(row)
    except csv.Error as cause:
        raise InputError(f"{file.path}, line {reader.line_num}: broken CSV ({cause})") from cause
    return rows


def require(present: Iterable[str], needed: Sequence[str], where: str) -> None:
    """Check that the keys or columns that a reader uses are there.

    Raises:
        InputError: One is not; says which there are.
    """
    present = list(present)
    if missing := [key for key in needed if key not in present]:
        raise InputError(
            f"{where}: no {', '.join(map(repr, missing))}, only {', '.join(map(repr, present))}; "
            "is it another file, or another version of it?"
        )


def json_records(file: DataFile, *, needed: Sequence[str]) -> list[dict[str, Any]]:
    """The objects of a JSON file that is one list of them.

    Raises:
        InputError: It is not, or an object lacks a key; names it.
    """
    try:
        records = json.loads(file.text())
    except (ValueError, RecursionError) as cause:
        raise InputError(f"{file.path} is not JSON ({cause}); fetch it again") from cause
    if not isinstance(records, list):
        raise InputError(f"{file.path}: not a list of objects; is it another file?")
    for number, record in enumerate(records, start=1):
        require(record if isinstance(record, dict) else (), needed, f"{file.path}, object {number}")
    return records
