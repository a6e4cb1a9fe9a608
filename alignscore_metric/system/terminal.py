"""What a terminal is shown, and standard streams that may be closed, full or gone.

Owns how a text of a user's data is made harmless on a terminal, and what a process does without
stdin, stdout or stderr. Knows nothing of commands.
"""

from __future__ import annotations

import io
import os
import sys
import unicodedata
from contextlib import suppress
from typing import TextIO

_BIDI = "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
"""What turns the text around it on a terminal, by which lines can be forged."""

_STREAMS = (("stdin", os.O_WRONLY), ("stdout", os.O_RDONLY), ("stderr", os.O_WRONLY))
"""Standard streams in the order of their numbers, and what a missing one is opened for: stdin and
stdout for the opposite of their use, so that using them is an error, as of any other file."""


def harmless(text: str) -> str:
    r"""A text that changes nothing but what it shows: control characters are `?`.

    Line breaks stay.

    Example:
        >>> harmless("\x1b[31mred")
        '?[31mred'
    """
    return "".join("?" if _controls(one) and one != "\n" else one for one in text)


def plain(text: str) -> str:
    r"""A text on one line: white space collapsed, control characters shown as `?`.

    Example:
        >>> plain("two\nlines\x07")
        'two lines?'
    """
    return harmless(" ".join(text.split()))


def coloured(stream: TextIO) -> bool:
    """Whether a stream shows colours: a terminal does, unless `NO_COLOR` is set or it is `dumb`."""
    wanted = not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
    return wanted and stream.isatty()


def _controls(character: str) -> bool:
    return unicodedata.category(character) in ("Cc", "Cs") or character in _BIDI


def open_missing_streams() -> None:
    """Give a process that was started without a standard stream (`<&-`, `>&-`) one.

    No other file can then get its number. Reading such a stdin and writing such a stdout is an
    `OSError`; what is written to such a stderr is lost.
    """
    for name, flags in _STREAMS:
        if getattr(sys, name) is None:
            place = os.open(os.devnull, flags)
            setattr(sys, name, os.fdopen(place, "r" if name == "stdin" else "w"))


def say(line: str) -> None:
    """Write a line to stderr; where that is full or closed, nobody is told."""
    with suppress(OSError):
        sys.stderr.write(f"{harmless(line)}\n")


def flushed(stream: TextIO) -> bool:
    """Write what waits for a stream; False where it cannot be, and then it is given up for good.

    Otherwise Python would try again at its end, and end with a traceback or another exit code.
    """
    try:
        stream.flush()
    except OSError:
        with suppress(OSError, io.UnsupportedOperation):
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, stream.fileno())
            os.close(nowhere)
        return False
    return True
