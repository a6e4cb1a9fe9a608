"""Punkt: where sentences end, by abbreviations and by words that begin sentences.

The decisions are those of NLTK, rule by rule, without its imports (a second) and its time limits:
NLTK 3.10 gives every regular expression five seconds of wall clock and counts the walk over a text
as one match, so that a text of some 600,000 words, or fewer on a busy machine, ends in a
`TimeoutError`. Patterns that take linear time may take here what they need. Knows nothing of files.

Source: Kiss and Strunk 2006, "Unsupervised Multilingual Sentence Boundary Detection", Computational
Linguistics 32(4); the sections below are the paper's, the rules NLTK's `PunktSentenceTokenizer`.
"""

from __future__ import annotations

import re
import string
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from itertools import chain, pairwise

RULES = "3.10.4"
"""The version of NLTK whose patterns `PATTERNS` are."""

# How a word occurred in training: at a sentence's beginning, within one, or either.
_BEGINS_UPPER, _WITHIN_UPPER, _BEGINS_LOWER = 1 << 1, 1 << 2, 1 << 4
_UPPER = _BEGINS_UPPER | _WITHIN_UPPER | 1 << 3
_LOWER = _BEGINS_LOWER | 1 << 5 | 1 << 6

_ENDS = (".", "?", "!")
_PUNCTUATION = (*";:,", *_ENDS)
_NUMBER = "##number##"
# Letters are approximated by what is a word's character and no digit.
_ELLIPSIS = re.compile(r"\.\.+$")
_NUMERIC = re.compile(r"^-?[\.,]?\d[\d,\.-]*\.?$")
_INITIAL = re.compile(r"[^\W\d]\.$")

_NON_WORD = r"""(?:[)\";}\]\*:@\'\({\[\u2018\u2019\u201c\u201d\xab\xbb?!])"""
_MULTIPLE = r"(?:\-{2,}|\.{2,}|(?:\.\s){2,}\.)"


@dataclass(frozen=True)
class Patterns:
    """The regular expressions that cut a text into words and find where a sentence may end.

    Attributes:
        context: A mark that may end a sentence; its groups `after_tok` and, after whitespace,
            `next_tok` are what follows.
        word: One word, or punctuation other than its final period, as the one group.
        closing: Quotes and brackets after a mark, which belong to the sentence before.
    """

    context: re.Pattern[str]
    word: re.Pattern[str]
    closing: re.Pattern[str]


PATTERNS = Patterns(
    context=re.compile(rf"[.?!](?=(?P<after_tok>{_NON_WORD}|\s+(?P<next_tok>\S+)))"),
    word=re.compile(
        rf"""({_MULTIPLE}|(?=[^\(\"\`{{\[:;&\#\*@\)}}\]\-,])\S+?"""
        rf"""(?=\s|$|{_NON_WORD}|{_MULTIPLE}|,(?=$|\s|{_NON_WORD}|{_MULTIPLE}))|\S)"""
    ),
    closing=re.compile(
        r'["\')\]}\u2018\u2019\u201c\u201d\xab\xbb]+?(?:\s+|(?=--)|$)', re.MULTILINE
    ),
)


class ContextTable(dict[str, int]):
    """How words occurred, as flags by word in lower case; 0 for a word never seen.

    NLTK keeps them in a `defaultdict`, which grows with every unknown word that it is asked about:
    a leak in a process that scores for weeks.
    """

    def __missing__(self, word: str) -> int:
        """Answer for an unknown word without remembering it."""
        return 0


@dataclass(frozen=True)
class Parameters:
    """What was learnt of a language; words are in lower case.

    Attributes:
        abbrev_types: Abbreviations without their final period.
        sent_starters: Words that often begin sentences.
        collocations: Pairs of words that a period may stand between within a sentence.
        ortho_context: How words occurred.
    """

    abbrev_types: set[str]
    sent_starters: set[str]
    collocations: set[tuple[str, ...]]
    ortho_context: ContextTable


@dataclass(frozen=True)
class _Word:
    """A word, and what its own form says of it (section 3).

    Attributes:
        text: As it stands.
        ends: Whether it ends a sentence: it is a mark, or has a period and is no abbreviation.
        short: Whether it is a known abbreviation or an ellipsis.
    """

    text: str
    ends: bool
    short: bool

    @cached_property
    def kind(self) -> str:
        """In lower case; the same for all numbers."""
        return _NUMERIC.sub(_NUMBER, self.text.lower())

    @property
    def bare(self) -> str:
        """Its kind without a final period."""
        return self.kind[:-1] if len(self.kind) > 1 and self.kind[-1] == "." else self.kind

    @property
    def following(self) -> str:
        """Its kind as that of a word after another: with the period only of an abbreviation."""
        return self.bare if self.ends else self.kind

    @property
    def upper(self) -> bool:
        return self.text[0].isupper()


@dataclass(frozen=True)
class Punkt:
    """Cuts texts into sentences; where they end, not what lies between, is decided.

    Args:
        parameters: Of the language.
        patterns: What a word is.
    """

    parameters: Parameters = field(repr=False)
    patterns: Patterns = field(default=PATTERNS, repr=False)

    def spans(self, text: str) -> Iterator[tuple[int, int]]:
        """Where a text's sentences start and stop, in order; some may be empty."""
        spans = self._spans(text)
        start, stop = next(spans)
        for after, end in spans:
            closing = self.patterns.closing.match(text[after:end])
            yield start, after + len(closing.group().rstrip()) if closing else stop
            start, stop = after + (closing.end() if closing else 0), end
        yield start, stop

    def _spans(self, text: str) -> Iterator[tuple[int, int]]:
        """Spans between the marks that end sentences."""
        last = 0
        for match, context in self._candidates(text):
            if self._has_end(context):
                yield last, match.end()
                last = match.start("next_tok") if match["next_tok"] else match.end()
        yield last, len(text.rstrip())

    def _candidates(self, text: str) -> Iterator[tuple[re.Match[str], str]]:
        """Marks that may end a sentence, each with the word before it and the one after.

        Of marks that follow each other within a word, the last.
        """
        start = stop = 0
        previous: re.Match[str] | None = None
        for match in self.patterns.context.finditer(text):
            before = text[stop : match.start()]
            blank = max(map(before.rfind, string.whitespace))
            begin = stop + blank + 1 if blank > 0 else start
            if previous is not None and stop <= begin:
                yield previous, text[start:stop] + previous.group() + previous["after_tok"]
            start, stop, previous = begin, match.start(), match
        if previous is not None:
            yield previous, text[start:stop] + previous.group() + previous["after_tok"]

    def _has_end(self, context: str) -> bool:
        """Whether a word of these, but for the last, ends a sentence."""
        lines = (self.patterns.word.findall(line) for line in context.split("\n"))
        words = map(self._seen_alone, chain.from_iterable(lines))
        return any(self._ends(word, following) for word, following in pairwise(words))

    def _seen_alone(self, text: str) -> _Word:
        """A word as its own form says (section 3)."""
        if text in _ENDS:
            return _Word(text, ends=True, short=False)
        if _ELLIPSIS.match(text):
            return _Word(text, ends=False, short=True)
        if not text.endswith(".") or text.endswith(".."):
            return _Word(text, ends=False, short=False)
        word = text[:-1].lower()
        known = self.parameters.abbrev_types
        short = word in known or word.split("-")[-1] in known
        return _Word(text, ends=not short, short=short)

    def _ends(self, word: _Word, following: _Word) -> bool:
        """Whether a word ends a sentence, from the next one (section 4)."""
        if not word.text.endswith("."):
            return word.ends
        bare, after = word.bare, following.following
        if (bare, after) in self.parameters.collocations:  # 4.1.2
            return False
        initial = _INITIAL.match(word.text) is not None
        begins = self._begins(following)
        if word.short and not initial:  # 4.2
            often = following.upper and after in self.parameters.sent_starters  # 4.1.3
            if begins or often:
                return True
        if initial or bare == _NUMBER:  # 4.3
            never_lower = not self.parameters.ortho_context[after] & _LOWER
            name = initial and following.upper and never_lower  # as in J. Bach
            if begins is False or (begins is None and name):
                return False
        return word.ends

    def _begins(self, word: _Word) -> bool | None:
        """Whether a word's case says that it begins a sentence; None where unknown (4.1.1)."""
        if word.text in _PUNCTUATION:
            return False
        seen = self.parameters.ortho_context[word.following]
        if word.upper and seen & _LOWER and not seen & _WITHIN_UPPER:
            return True
        if word.text[0].islower() and (seen & _UPPER or not seen & _BEGINS_LOWER):
            return False
        return None
