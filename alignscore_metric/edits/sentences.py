"""A sentence as words: cutting it, telling the parts of it by their form, replacing them.

Pure functions of one sentence and the word lists; knows no document and no edit.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Container
from dataclasses import dataclass

from alignscore_metric.edits.lexicon import (
    AUXILIARIES,
    DETERMINERS,
    FUNCTION_WORDS,
    PAST_TENSES,
    PREPOSITIONS,
)

WORD = re.compile(r"\w+(?:[.,-]\w+)*(?:['\u2019](?!s\b)\w+)*|['\u2019]s\b|[^\w\s]")
DIGITS = re.compile(r"\d[\d,]*(?:\.\d+)?")
QUOTE = re.compile(r"[\"\u201c\u201d\u2018]|(?<!\w)'|''|``")
GLUED_HEADLINE = re.compile(
    r"[a-z'] (?:The|A|An|In|It|He|She|They|His|Her|There|This|More|But|We|Two|Some|Many) [a-z]"
)
MIN_WORDS, MAX_WORDS = 5, 60  # of a claim
ADVERBIALS = ("in", "on", "at", "during", "after", "before", "near", "since", "for", "with")
MODALS = frozenset(
    ["will", "would", "can", "could", "may", "might", "must", "should", "did", "does", "do"]
)
NO_CONTENT = FUNCTION_WORDS | {"last", "first", "next", "same", "least", "able", "going", "used"}


@dataclass(frozen=True)
class Sentence:
    """A text and its words.

    Attributes:
        text: The text.
        spans: Where each word or sign begins and ends.
        words: The words and signs.
        lowers: The same in lower case.
    """

    text: str
    spans: tuple[tuple[int, int], ...]
    words: tuple[str, ...]
    lowers: tuple[str, ...]

    @classmethod
    def of(cls, text: str) -> Sentence:
        """Cut a text into words."""
        found = list(WORD.finditer(text))
        words = tuple([m.group() for m in found])
        spans = tuple([m.span() for m in found])
        return cls(text, spans, words, tuple([w.lower() for w in words]))

    @property
    def length(self) -> int:
        """Number of words between blanks."""
        return self.text.count(" ") + 1

    @functools.cached_property
    def stems(self) -> frozenset[str]:
        """Beginnings of the content words."""
        return frozenset(w[:6] for w in self.lowers if w not in FUNCTION_WORDS and (w[0].isalnum()))

    def between(self, first: int, last: int) -> str:
        """The text from word `first` to word `last`, both included."""
        return self.text[self.spans[first][0] : self.spans[last][1]]


def is_claim(sentence: Sentence) -> bool:
    """Whether a sentence states something that can be asked about."""
    text = sentence.text
    return (
        MIN_WORDS <= sentence.length <= MAX_WORDS
        and text[-1] in ".!\"'\u201d\u2019)"
        and "?" not in text
        and len(sentence.stems) >= 3
        and not GLUED_HEADLINE.search(text)
    )


# The parts of a sentence.


def last_word(sentence: Sentence) -> int:
    """Index of the last word that is no punctuation; -1 where there is none."""
    last = len(sentence.words) - 1
    while last >= 0 and not sentence.words[last][0].isalnum():
        last -= 1
    return last


def content_slot(sentence: Sentence, i: int) -> str:
    """The kind of place that a content word stands in; empty for other words.

    Words in places of one kind can mostly change places: nouns behind articles, infinitives,
    adjectives before a noun, participles behind auxiliaries, else words with the same ending.
    """
    word = sentence.words[i]
    if len(word) < 4 or word in NO_CONTENT or i + 1 >= len(sentence.words):
        return ""
    if not (word.islower() and word.isalpha()):
        return ""
    before, after = sentence.lowers[i - 1] if i else "", sentence.lowers[i + 1]
    if after in ("'s", "\u2019s", "-"):
        return ""
    follows = "." if after in FUNCTION_WORDS or not after[0].isalnum() else "+"
    form = _inflection(word)
    if before in DETERMINERS:
        vowel = "n" if before in ("a", "an") and word[0] in "aeiou" else ""
        return f"det{vowel}{follows}{form}"
    described = i > 1 and sentence.lowers[i - 2] in DETERMINERS and before not in FUNCTION_WORDS
    if described and follows == "." and before.isalpha():
        return f"noun{form}"
    if before == "to" or before == "not" or before in MODALS:
        return f"to{form}"
    if before in PREPOSITIONS and before != "as":
        return f"prep{follows}{form}"
    if before in AUXILIARIES:
        return f"aux{follows}{word[-2:]}"
    return f"{follows}{word[-3:]}"


@functools.lru_cache(100_000)
def _inflection(word: str) -> str:
    return next((e for e in ("ing", "ed", "ly", "s") if word.endswith(e)), "")


def subject_end(sentence: Sentence) -> int | None:
    """Number of words of the subject that a sentence begins with, if that is plain to see."""
    first = sentence.lowers[0]
    if first in FUNCTION_WORDS and first not in ("the", "a", "an", "two", "some", "many", "most"):
        return None
    for i, word in enumerate(sentence.lowers[:9]):
        if word in AUXILIARIES or word in PAST_TENSES:
            if i == 0 or (i < 3 and first in FUNCTION_WORDS):
                return None  # `The firm` may stand for a name.
            return i if i < len(sentence.words) - 3 else None
        if not (word[0].isalnum() or word in ("'s", "\u2019s")):
            return None
        if word in PREPOSITIONS and word != "of":
            return None
        if word in ("who", "which", "that", "when", "if", "as", "because", "but", "there"):
            return None
    return None


def detail_start(sentence: Sentence) -> int | None:
    """Where the adverbial begins that a sentence ends with (`... in the north`), if it has one."""
    last = last_word(sentence)
    for i in range(last - 1, max(last - 8, 4), -1):
        if sentence.lowers[i] in ADVERBIALS and sentence.words[i].islower():
            after = sentence.words[i + 1]
            plain = after in DETERMINERS or after[0].isupper() or after[0].isdigit()
            return i if plain and "," not in sentence.words[i:last] else None
    return None


def table_places(sentence: Sentence, table: Container[str]) -> list[tuple[int, int]]:
    """First and last word of each word, and of each two words in a row, that a table knows."""
    places = []
    lowers = sentence.lowers
    for i, word in enumerate(lowers):
        if word in table:
            places.append((i, i))
        if i + 1 < len(lowers) and f"{word} {lowers[i + 1]}" in table:
            places.append((i, i + 1))
    return places


# Texts.


def whole_word_places(text: str, part: str) -> list[int]:
    """Where a part of a text stands, not inside a word or number.

    Example:
        >>> whole_word_places("In 2020, 20 came.", "20")
        [9]
    """
    found, at = [], text.find(part)
    while at >= 0:
        end = at + len(part)
        inside = (part[0].isalnum() and at > 0 and _joins(text, at - 1)) or (
            part[-1].isalnum() and end < len(text) and _joins(text, end, 1)
        )
        if not inside:
            found.append(at)
        at = text.find(part, at + 1)
    return found


def _joins(text: str, at: int, step: int = -1) -> bool:
    """Whether the sign at a place belongs to the word or number beside it."""
    sign = text[at]
    if sign.isalnum() or sign == "-":
        return True
    beyond = at + step
    return sign in ".," and 0 <= beyond < len(text) and text[beyond].isdigit()


def substitute(text: str, places: list[tuple[int, int, str]]) -> str | None:
    """Text with each span replaced; None where spans overlap."""
    parts, end = [], 0
    for first, last, new in sorted(places):
        if first < end:
            return None
        parts += [text[end:first], new]
        end = last
    return "".join(parts) + text[end:]


def capitalised(text: str) -> str:
    """A text with a capital at its beginning."""
    return text[0].upper() + text[1:]


def cased(new: str, old: str) -> str:
    """A word with its first letter as large as another word's."""
    return capitalised(new) if old[0].isupper() else new
