"""Where English sentences end, as far as Punkt's statistics cannot know: rules over its cuts.

Punkt judges an abbreviation by what it saw in training, and a mark alone by the mark. What a reader
sees at once needs neither: "No. 5" is one thing, so are '"Stop!" he shouted' and " . . . ". Owns
these rules and their lists of words. Pure; knows nothing of models, and of Punkt only its spans.
"""

from __future__ import annotations

import re
from collections.abc import Container, Iterable, Iterator

Span = tuple[int, int]

_NUMBERED = frozenset(
    """
    app art arts cap ch chap chaps cl col cols ed eds eq eqs ex ext fig figs lat line long max min
    no nos nr op par para paras pt pts ref refs reg regs rm rms sec secs sect sects tab tel vers
    """.split()  # noqa: SIM905 - a table of words reads better than as many literals
)
"""Before a number these are abbreviations; elsewhere most of them are words."""

_BEFORE_LOWER = frozenset(
    """
    art chap dist ed ext fig max mi min naut sat sec sect sun wed
    """.split()  # noqa: SIM905 - as above
)
"""Before a word in lower case these are abbreviations, though sentences may end with them."""

_STARTERS = (
    r"(?:He|She|It|They|We|You|His|Her|Its|Their|Our|Your|This|These|Those|There|The|Nobody"
    r"|Everybody|Somebody|Anybody|Nothing|Everything|No one|Everyone|Someone|But|When|Where|Why|How"
    r"|What|If|Then|After|Before)"
)
"""Words that are no part of a name: after an abbreviation they begin a sentence."""

_MAY_END = (
    r"(?:[ap]\.m|Ph\.D|(?:[^\W\d_]\.)+[^\W\d_]|etc|[Ii]nc|[Cc]orp|[Cc]o|[Ll]td|[JS]r|St|Ave|Rd|Blvd"
    r"|lbs?|oz|ft|mi|min|yds?)"
)
"""Abbreviations, without their period, that sentences end with; titles are not among them."""

_CLOSED = r"[\"')\]\u2019\u201d]*"
_BEGINS = re.compile(
    rf"(?:\b{_MAY_END}\.|\u2026){_CLOSED}\s+(?={_STARTERS}\b)"
    # Names too end in one letter ("K. He and X. Zhang"): only before what looks like a verb.
    rf"|\b[A-Z]\.{_CLOSED}\s+(?={_STARTERS}\s(?!and\b|et\b|or\b|in\b|of\b|from\b)[a-z])"
)
_WORD = re.compile(r"(?:^|[\s(\[\"'\u2018\u201c/-])([^\W\d_]+)\.$")
_LETTERS = re.compile(r"(?:^|\W)(?:[^\W\d_]\.){2,}$")
_INITIAL = re.compile(r"(?:^|[\s(\"'\u2018\u201c])[A-Z]\.$")
_INITIALS = re.compile(r"(?:^|[\s(\"'\u2018\u201c])[A-Z]\.\s+[A-Z]\.$")
_DOTTED = re.compile(r"(?:^|[\s(])(?:[^\W\d_]{1,3}\.){2,}$")
_NUMBER = re.compile(r"[#(\[]?\d|(?:[IVXLC]{2,}|[VX])\b")
_STARTS = re.compile(rf"{_STARTERS}\b")
_MARK = re.compile(r"(?:\.|[?!]+)" + _CLOSED)
_POSSESSIVE = re.compile(r"['\u2019]s\b")
_NOTES = re.compile(r"(?:\[\d{1,3}\])+")
_ELLIPSIS = re.compile(r"(?:\.\s\.|\.\.|\u2026)$")
_QUOTED = re.compile(r"[?!]" + _CLOSED + r"$|\.[\"')\]\u2019\u201d]+$")
_CAPITAL_INSIDE = re.compile(r"[^\W\d_]+[A-Z]")
_CONTEXT = 40
"""Characters before and after a cut that are looked at."""


def mended(text: str, spans: Iterable[Span], words: Container[str]) -> Iterator[Span]:
    """Spans of a text's sentences from Punkt's: some joined, some cut again.

    Args:
        text: An English text.
        spans: Punkt's, in order.
        words: Frequent words in lower case, none of which is an abbreviation.

    Yields:
        Spans in order; all that stands in one of `spans` stands in one of them.
    """
    for start, stop in _joined(text, spans, words):
        begin = start
        # Most have no such mark before their end.
        if any(text.find(mark, start, stop - 1) >= 0 for mark in ".\u2026"):
            for found in _BEGINS.finditer(text, start, stop):
                yield begin, found.start() + len(found.group().rstrip())
                begin = found.end()
        yield begin, stop


def _joined(text: str, spans: Iterable[Span], words: Container[str]) -> Iterator[Span]:
    before: Span | None = None
    for span in spans:
        if before is None:
            before = span
            continue
        before, rest = _with_notes(text, before, span)
        if rest[0] >= rest[1]:
            continue
        if _belongs(text, before, rest, words):
            before = before[0], rest[1]
        else:
            yield before
            before = rest
    if before is not None:
        yield before


def _with_notes(text: str, one: Span, other: Span) -> tuple[Span, Span]:
    """Two spans, of which the first has the numbers of notes that stand right behind it."""
    found = _NOTES.match(text, *other) if one[1] == other[0] else None
    if found is None:
        return one, other
    rest = text[found.end() : other[1]]
    return (one[0], found.end()), (other[1] - len(rest.lstrip()), other[1])


def _belongs(text: str, one: Span, other: Span, words: Container[str]) -> bool:
    """Whether a span goes on with the sentence of the one before it."""
    if _MARK.fullmatch(text, *other):
        return "\n" not in text[one[1] : other[0]]  # as the second of ". . ."
    before = text[max(one[0], one[1] - _CONTEXT) : one[1]]
    after = text[other[0] : other[0] + _CONTEXT]
    if one[1] == other[0] and _POSSESSIVE.match(after):
        return True
    if after[0].islower() and not _CAPITAL_INSIDE.match(after):
        first = text[one[0] : min(one[1], one[0] + _CONTEXT)]
        return _goes_on(next(filter(str.isalpha, first), ""), before, words)
    found = _WORD.search(before)
    if found and found[1].lower() in _NUMBERED and _NUMBER.match(after):
        return True
    if _INITIAL.search(before) and re.match(r"[A-Z]\.", after):
        return True
    named = _LETTERS.search(before) or _INITIALS.search(before)
    return bool(named) and after[0].isalpha() and not _STARTS.match(after)


def _goes_on(first: str, before: str, words: Container[str]) -> bool:
    """Whether a sentence does not end before a word in lower case.

    It does where its writer uses no capitals.

    Args:
        first: The sentence's first letter.
        before: Its end.
        words: As for `mended`.
    """
    if _ELLIPSIS.search(before):
        return True
    if first.islower():
        return False
    found = _WORD.search(before)
    if found is None:
        return bool(_QUOTED.search(before) or _DOTTED.search(before))
    word = found[1]
    short = len(word) <= 5 and word.islower() and word not in words
    return short or word.lower() in _BEFORE_LOWER
