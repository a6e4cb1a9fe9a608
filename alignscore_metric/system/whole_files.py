"""Files and folders that appear whole or not at all, whoever else writes there.

Owns the one way in which this package puts something in its place: written beside it under a name
of its own, then renamed. Tables that grow and outlive a kill are `files.growing`'s.
"""

from __future__ import annotations

import shutil
import sys
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from alignscore_metric.errors import InputError


@contextmanager
def whole_path(place: Path) -> Iterator[Path]:
    """A name for a file or folder that is renamed to its place when the block ends well.

    Args:
        place: Where; a file there is replaced, an empty folder too.

    Yields:
        A path beside the place that no other writer uses. What stands there when the block ends in
        an error is removed.

    Raises:
        OSError: The place cannot be written to.
    """
    beside = place.with_name(f".{place.name}.{uuid.uuid4().hex[:12]}.partial")
    try:
        yield beside
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
        file: Where; a file there is replaced.

    Yields:
        Where to write.

    Raises:
        InputError: The place cannot be written to.
    """
    if file.is_dir():
        raise InputError(f"cannot write {file}: it is a folder")
    with whole_path(file) as beside:
        try:
            stream = beside.open("wb")
        except OSError as cause:
            raise InputError(f"cannot write {file}: {cause.strerror or cause}") from cause
        with stream:
            yield stream


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
