"""What lines mean: items of lists, rows of tables, turns of dialogue, or prose that was wrapped.

A sentence splitter reads running text. Here a text is cut into blocks of it first, so that what
stands on lines of its own is a claim of its own, and what marks an item ("1.", "-", "(a)") is none.
Pure; knows nothing of models.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

from alignscore_metric.text.claims import claims_among, says_something
from alignscore_metric.text.splitters import SentenceSplitter

WRAPPED_AT = range(30, 200)
"""Widths, in characters, at which people and programs wrap prose."""

LABEL_WORDS = 3
"""A line of at most so many words and a colon, or so short a heading, claims nothing."""

_MARKER = re.compile(
    r"[ \t]*(?:[-*+\u2022\u2023\u2043\u25aa\u25cf\u25e6\u2013\u2014\u00b7](?:[ \t]+\[[ xX]\])?"
    r"|#{1,6}|\(?(?:\d{1,3}|[a-zA-Z]|[ivx]{1,5})\)"
    r"|(?P<number>\d{1,3})\.|(?P<letter>[a-zA-Z]|[ivx]{2,5}|[IVX]{2,5})\.)[ \t]+(?=\S)"
)
_TURN = re.compile(r"[ \t]*[#\[(*]*[^\W\d_][\w.'\u2019# -]{0,30}[\])*]*:\**[ \t]+\S")
_UNFINISHED = re.compile(
    r"(?:[,;(\u2013\u2014-]|\b(?:a|an|and|as|at|but|by|for|from|in|is|its|his|her|of|on|or|that|the"
    r"|their|to|was|were|who|which|with|(?:Dr|Mr|Mrs|Ms|Prof|St|Gov|Sen|Rep|Gen|No|Fig|vs|al)\.))$"
)
_FINISHED = re.compile(r"[.!?:;\u2026][\"')\]\u2019\u201d*_]*$")
_COUNTED = re.compile(r"\(?(\d{1,3})[.)](?:\s+|$)")
_EMPHASIS = "*_# \t"

Kind = Literal["item", "row", "turn", "prose"]


class Block(NamedTuple):
    """Running text within a text.

    Attributes:
        start: Where it begins, with what marks it as an item.
        body: Where its words begin.
        stop: Where it ends.
    """

    start: int
    body: int
    stop: int


@dataclass(frozen=True)
class _Line:
    """A line that is not blank.

    Attributes:
        words: It, without white space around it.
        start: Where they begin in the text.
        indent: Characters before them.
        after_blank: Whether no line, or a blank one, stands before it.
        marker: What may mark it as an item.
    """

    words: str
    start: int
    indent: int
    after_blank: bool
    marker: re.Match[str] | None

    @property
    def stop(self) -> int:
        return self.start + len(self.words)

    @property
    def lower(self) -> bool:
        """Whether its first letter is in lower case, and no digit stands before it."""
        return next(filter(str.isalnum, self.words), "").islower()

    @property
    def like_row(self) -> bool:
        words = self.words[self.marker.end() - self.start :] if self.marker else self.words
        return "\t" in words or " | " in words or words.count("|") > 1

    @property
    def like_turn(self) -> bool:
        return _TURN.match(self.words) is not None


@dataclass(frozen=True)
class LineSplitter:
    r"""A sentence splitter that reads lines as a reader does, and knows what claims nothing.

    Args:
        splitter: Where sentences of running text end.

    Example:
        >>> from alignscore_metric.text.splitters import get_splitter
        >>> lines = LineSplitter(get_splitter("bundled_punkt"))
        >>> text = "Findings:\n1. The bridge was\n   closed.\n2. Beams cracked. It will cost."
        >>> lines.claims(text)
        ['The bridge was\n   closed.', 'Beams cracked.', 'It will cost.']
        >>> lines.split(text)[:2]
        ['Findings:', '1. The bridge was\n   closed.']
    """

    splitter: SentenceSplitter

    @property
    def name(self) -> str:
        """That of the splitter."""
        return self.splitter.name

    def split(self, text: str) -> list[str]:
        """A text's sentences, items with their markers: all of it but white space between them."""
        found = []
        for block in blocks(text):
            sentences = self.splitter.split(text[block.body : block.stop])
            found += [text[block.start : block.body] + each for each in sentences[:1]]
            found += sentences[1:]
        return found

    def claims(self, text: str) -> list[str]:
        """What a text claims: its sentences without markers, labels and marks alone."""
        found = []
        for block in blocks(text):
            marker = text[block.start : block.body].strip("(). \t")
            if not _is_label(text[block.body : block.stop], heading=marker.startswith("#")):
                sentences = self.splitter.split(text[block.body : block.stop])
                found += _uncounted(sentences, int(marker) if marker.isdecimal() else 0)
        return claims_among(found)


def blocks(text: str) -> Iterator[Block]:
    r"""A text's blocks of running text, in order: all of it but white space between them.

    Items, rows and turns are blocks; so is a line of its own. A line goes on with the one before it
    where that ends within a phrase, where it begins in lower case, or where it belongs to prose and
    its first word had no room before it.

    Args:
        text: Any text.

    Example:
        >>> text = "- Cracks were\n  found.\n- It closed."
        >>> [text[block.body : block.stop] for block in blocks(text)]
        ['Cracks were\n  found.', 'It closed.']
    """
    paragraphs = _paragraphs(text)
    lines = [line for paragraph in paragraphs for line in paragraph]
    kinds = iter(_kinds(lines))
    block: Block | None = None
    before: tuple[_Line, Kind] | None = None
    for paragraph in paragraphs:
        prose = _Prose.of(paragraph)
        for line in paragraph:
            kind = next(kinds)
            if block and before and kind == "prose" and prose.continues(line, *before):
                block = block._replace(stop=line.stop)
            else:
                if block:
                    yield block
                marked = line.marker.end() if kind == "item" and line.marker else line.start
                block = Block(line.start, marked, line.stop)
            before = line, kind
    if block:
        yield block


def _paragraphs(text: str) -> list[list[_Line]]:
    """The lines of a text that are not blank, in runs between blank ones."""
    found: list[list[_Line]] = []
    last = 0
    for match in re.finditer(r"[^\n\r]+", text):
        words = match[0].strip()
        if not words:
            continue
        indent = len(match[0]) - len(match[0].lstrip())
        start = match.start() + indent
        breaks = text[last:start].replace("\r\n", "\n")
        after_blank = not found or breaks.count("\n") + breaks.count("\r") > 1
        marker = _MARKER.match(text, start, start + len(words))
        if after_blank:
            found.append([])
        found[-1].append(_Line(words, start, indent, after_blank, marker))
        last = start + len(words)
    return found


def _kinds(lines: Sequence[_Line]) -> list[Kind]:
    """What each line is, from how it begins and what stands around it."""
    turns = sum(line.like_turn for line in lines) > 1
    letters = [line.marker["letter"] for line in lines if line.marker and line.marker["letter"]]
    lettered = len(letters) > 1 and letters[0] in "aAiI"
    rows = [line.like_row for line in lines]
    in_table = [
        row and (before or after)
        for before, row, after in zip([False, *rows], rows, [*rows[1:], False], strict=False)
    ]
    kinds: list[Kind] = []
    for place, line in enumerate(lines):
        before = lines[place - 1] if place else None
        if in_table[place]:
            kinds.append("row")
        elif (
            line.marker
            and (lettered or not line.marker["letter"])
            and _is_item(line, before, kinds[-1] if kinds else "prose")
        ):
            kinds.append("item")
        else:
            kinds.append("turn" if turns and line.like_turn else "prose")
    return kinds


def _is_item(line: _Line, before: _Line | None, kind: Kind) -> bool:
    """Whether a marker is one: a wrapped line too may begin with a number and a full stop."""
    if before is None or line.after_blank or kind != "prose":
        return True
    return not (line.marker and line.marker["number"]) or bool(_FINISHED.search(before.words))


@dataclass(frozen=True)
class _Prose:
    """How a paragraph was written.

    Attributes:
        width: Of its longest line, in characters.
        wrapped: Whether a line within it begins in lower case where its first does not.
        lower: Whether its first line begins in lower case.
    """

    width: int
    wrapped: bool
    lower: bool

    @classmethod
    def of(cls, lines: Sequence[_Line]) -> _Prose:
        lower = lines[0].lower
        return cls(
            width=max(line.indent + len(line.words) for line in lines),
            wrapped=not lower and any(line.lower for line in lines[1:]),
            lower=lower,
        )

    def continues(self, line: _Line, before: _Line, kind: Kind) -> bool:
        """Whether a line of prose goes on with the one before it, of some kind."""
        if kind == "row" or not says_something(before.words):
            return False
        unfinished = _UNFINISHED.search(before.words) is not None
        if line.after_blank:
            return unfinished and line.lower
        if unfinished or (kind == "item" and line.indent > before.indent):
            return True
        if line.marker and line.marker["number"]:  # "on May\n5. It"
            return True
        room = self.width - before.indent - len(before.words)
        full = self.width in WRAPPED_AT and room <= len(line.words.split(None, 1)[0])
        if line.lower:
            return full or not self.lower
        return full and self.wrapped


def _is_label(text: str, *, heading: bool) -> bool:
    """Whether a block's body names what follows, as "Key points:" or a short heading do."""
    words = text.strip(_EMPHASIS)
    if len(words.split(None, LABEL_WORDS)) > LABEL_WORDS:
        return False
    return words.endswith(":") or (heading and not _FINISHED.search(words))


def _uncounted(sentences: list[str], count: int) -> list[str]:
    """Sentences of one line without the numbers that count them ("1. It closed. 2. It cost.").

    Args:
        sentences: Of the line.
        count: The number that was its marker; 0 for none.
    """
    found, last = [], count
    for sentence in sentences:
        counted = _COUNTED.match(sentence)
        if counted and int(counted[1]) == last + 1:
            last += 1
            found.append(sentence[counted.end() :])
        else:
            found.append(sentence)
    return found if last > 1 else sentences
