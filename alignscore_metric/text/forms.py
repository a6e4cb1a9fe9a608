"""One form of a text: what looks the same is the same, what cannot be seen is not there.

Pure. Knows nothing of words or tokens; who compares texts or reads them for a model asks for it.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass

_UNSEEN = (
    "\u00ad\u034f\u061c\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufe00-\ufe0f\ufeff"
    "\U000e0000-\U000e0fff"
)
"""Marks that only tell how to break, join or order what stands around them."""

_SPACES = "\u00a0\u1680\u2000-\u200a\u202f\u205f\u3000"
_HYPHENS = "\u2010\u2011"
_DRESSED = (
    "\u0132\u0133\u0149\u017f\u01c4-\u01cc\u01f1-\u01f3\ufb00-\ufb06\ufb13-\ufb17\ufb1d-\ufdff"
    "\ufe70-\ufefc\uff01-\uffee\U0001d400-\U0001d7ff"
)
"""Letters and digits in other clothes: ligatures, presentation forms, full width, mathematical
alphabets. Not superscripts, fractions or circled numbers: "10²" is not "102"."""

_UNUSUAL = re.compile(f"([{_UNSEEN}])|([{_SPACES}])|([{_HYPHENS}])|[{_DRESSED}]")
_REPLACED = {1: "", 2: " ", 3: "-"}


def one_form(text: str) -> str:
    r"""A text in the one form that equals are compared in.

    Characters are composed (Unicode's NFC); ligatures, full-width and other presentation forms are
    written as plain letters; spaces and hyphens of all kinds as the usual ones; soft hyphens,
    zero-width characters and the like are left out.

    Args:
        text: Any string, lone surrogates too.

    Example:
        >>> one_form("e\u0301 \ufb01rst of\u00adfice 10\u00b2")
        'é first office 10²'

    Source: Unicode Standard Annex #15 (NFC; the compatibility forms of single characters).
    """
    if text.isascii():
        return text
    return unicodedata.normalize("NFC", _UNUSUAL.sub(_usual, text))


def _usual(found: re.Match[str]) -> str:
    if found.lastindex is None:
        return unicodedata.normalize("NFKC", found[0])
    return _REPLACED[found.lastindex]


@dataclass(frozen=True)
class TracedForm:
    """A form of a text that knows where each of its characters came from.

    Attributes:
        text: The form.
        starts: Where in the original each of its characters begins; white space and words are
            traced character by character where the form has as many, else as a whole.
        ends: Where each ends.
    """

    text: str
    starts: list[int]
    ends: list[int]

    def origin(self, start: int, end: int) -> tuple[int, int]:
        """Where characters of the form, one at least, came from."""
        if start >= end:
            place = self.starts[start] if start < len(self.starts) else sum(self.ends[-1:])
            return place, place
        return self.starts[start], self.ends[end - 1]


def traced(text: str, form: Callable[[str], str]) -> TracedForm:
    r"""A form of a text, traced.

    Args:
        text: Any string.
        form: What makes it, word by word: as `one_form`, or `encodable`.

    Example:
        >>> found = traced("of\u00adfice 10", one_form)
        >>> found.text, found.origin(0, 6), found.origin(7, 9)
        ('office 10', (0, 7), (8, 10))
    """
    if text.isascii():
        return TracedForm(text, list(range(len(text))), list(range(1, len(text) + 1)))
    pieces, starts, ends = [], list[int](), list[int]()
    for piece in re.finditer(r"\s+|\S+", text):
        found = form(piece[0])
        pieces.append(found)
        if len(found) == len(piece[0]):
            starts += range(piece.start(), piece.end())
            ends += range(piece.start() + 1, piece.end() + 1)
        else:
            starts += [piece.start()] * len(found)
            ends += [piece.end()] * len(found)
    return TracedForm("".join(pieces), starts, ends)
