"""Files and folders that appear whole or not at all, whoever else writes there.

Owns the one way in which this package puts something in its place: written beside it under a name
of its own, then renamed. Tables that grow and outlive a kill are `files.growing`'s.
"""

from __future__ import annotations

import io
import os
import shutil
import sys
import uuid
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING

from alignscore_metric.errors import ConfigurationError, InputError

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer


@contextmanager
def whole_path(place: Path) -> Iterator[Path]:
    """A name for a file or folder that is renamed to its place when the block ends well.

    Of several that write to one place at once, the last to end wins, whole.

    Args:
        place: Where; a file there is replaced and keeps its mode, an empty folder is replaced too;
            of a link, what it leads to.

    Yields:
        A path beside the place that no other writer uses. What stands there when the block ends in
        an error is removed.

    Raises:
        OSError: The place cannot be written to.
    """
    place = led_to(place)
    beside = place.with_name(f".{place.name}.{uuid.uuid4().hex[:12]}.partial")
    try:
        yield beside
        if place.is_file() and beside.is_file():
            shutil.copymode(place, beside)
        beside.replace(place)
    finally:
        if beside.is_dir():
            shutil.rmtree(beside, ignore_errors=True)
        else:
            beside.unlink(missing_ok=True)


@contextmanager
def whole_file(file: Path) -> Iterator[IO[bytes]]:
    """A file that appears whole when the block ends well, and not at all otherwise.

    Args:
        file: Where; a file there is replaced and keeps its mode; what is no file, as a device or a
            pipe, is written as it comes.

    Yields:
        Where to write.

    Raises:
        InputError: The place cannot be written to, now or later, as where a disk is full.
    """
    if file.is_dir():
        raise InputError(f"cannot write {file}: it is a folder")
    if file.exists() and not file.is_file():
        with _NamedFile(file, "w", name=file) as stream:
            yield stream
        return
    with whole_path(file) as beside, io.BufferedWriter(_NamedFile(beside, "x", name=file)) as whole:
        yield whole


def led_to(place: Path) -> Path:
    """Where a link leads; any other place itself."""
    return Path(os.path.realpath(place)) if place.is_symlink() else place


def mode_of(place: Path) -> int:
    """The mode of the file at a place, or the one that a new file gets, before the umask."""
    return place.stat().st_mode & 0o777 if place.is_file() else 0o666


def refuse_input_as_output(output: str | Path | None, inputs: Iterable[str | Path]) -> None:
    """Refuse an output that is one of the inputs, by whatever name.

    Raises:
        ConfigurationError: It is.
    """
    if output is None or not Path(output).is_file():
        return
    for file in map(Path, inputs):
        if file.exists() and file.samefile(output):
            raise ConfigurationError(f"{output} is to be read and written; give -o another file")


class _NamedFile(io.FileIO):
    """A file whose errors name the place that it will have."""

    def __init__(self, path: Path, mode: str, *, name: Path) -> None:
        self._place = name
        with naming_place(name):
            super().__init__(path, mode, opener=lambda at, flags: os.open(at, flags, mode_of(name)))

    def write(self, data: ReadableBuffer, /) -> int:
        with naming_place(self._place):
            return super().write(data) or 0


@contextmanager
def naming_place(file: Path, kept: str = "") -> Iterator[None]:
    """Errors of the file system as ours, which name the place that something will have.

    Args:
        file: The place.
        kept: What to add, of what is not lost.
    """
    try:
        yield
    except OSError as cause:
        raise InputError(f"cannot write {file}: {cause.strerror or cause}{kept}") from cause


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
