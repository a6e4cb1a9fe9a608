"""A document as sentences, and what it holds that an edit of one of them may draw on.

Owns the reading of documents and dialogues, and the telling of names. Knows nothing of edits,
claims or passages.
"""

from __future__ import annotations

import functools
import itertools
import re
from collections.abc import Callable
from dataclasses import dataclass

from alignscore_metric.edits.lexicon import (
    CONNECTIVES,
    COUNTRIES,
    DEMONYMS,
    FIRST_NAMES,
    FUNCTION_WORDS,
    NUMBER_WORDS,
    ORGANISATION_WORDS,
    STARTERS,
    TITLES,
    WEEKDAYS_AND_MONTHS,
)
from alignscore_metric.edits.sentences import (
    DIGITS,
    GLUED_HEADLINE,
    QUOTE,
    Sentence,
    content_slot,
    detail_start,
    last_word,
    subject_end,
)

SPEAKER = re.compile(r"(?:(?<=\s)|^)(?=([A-Z#][\w.'-]{0,20}(?: [A-Z][\w.'-]{0,20}){0,2}) ?: )")
_APOSTROPHE = re.compile("['\u2019]")
CAPITAL_WORDS = ("May", "Will", "US", "IT")
DATED = re.compile(rf"\d|\b(?:{'|'.join((*WEEKDAYS_AND_MONTHS, *NUMBER_WORDS[1:]))})\b")


@dataclass(frozen=True)
class Document:
    """Sentences of a document, and what edits may draw on.

    Attributes:
        sentences: Its sentences.
        summary: Sentences of its summary; none where it has none.
        turns: For each sentence the first sentence of its turn; nothing where nobody talks.
    """

    sentences: tuple[Sentence, ...]
    summary: tuple[Sentence, ...] = ()
    turns: tuple[int, ...] = ()

    @functools.cached_property
    def lower_words(self) -> frozenset[str]:
        """Words that begin with a small letter."""
        return frozenset(w for s in self.sentences for w in s.words if w[0].islower())

    @functools.cached_property
    def names(self) -> dict[str, str]:
        """Each name with its class (`person`, `place` ...)."""
        return _names(self)

    def begins_with_name(self, text: str) -> bool:
        """Whether a text begins with one of the names."""
        return any(text.startswith(name) for name in self.names)

    @functools.cached_property
    def by_class(self) -> dict[str, list[str]]:
        """Names of each class."""
        table: dict[str, list[str]] = {}
        for name, kind in self.names.items():
            table.setdefault(kind, []).append(name)
        return table

    @functools.cached_property
    def numbers(self) -> list[str]:
        """Numbers in digits."""
        return sorted({w for s in self.sentences for w in s.words if DIGITS.fullmatch(w)})

    @functools.cached_property
    def by_slot(self) -> dict[str, list[str]]:
        """Content words by the kind of place that they stand in."""
        table: dict[str, dict[str, None]] = {}
        for sentence in self.sentences:
            for i, word in enumerate(sentence.words):
                if slot := content_slot(sentence, i):
                    table.setdefault(slot, {})[word] = None
        return {slot: list(words) for slot, words in table.items()}

    @functools.cached_property
    def tails(self) -> dict[str, list[str]]:
        """Ends of sentences by the connective that they begin with."""
        table: dict[str, list[str]] = {}
        for sentence in self.sentences:
            last = last_word(sentence)
            for i in range(2, last - 1):
                if sentence.lowers[i] in CONNECTIVES and last - i < 16:
                    tail = sentence.between(i, last)
                    if tail[0].islower() and not QUOTE.search(tail):
                        table.setdefault(sentence.words[i], []).append(tail)
        return table

    @functools.cached_property
    def details(self) -> list[str]:
        """Adverbials that sentences end with."""
        starts = [(s, detail_start(s)) for s in self.sentences]
        found = [s.between(i, last_word(s)) for s, i in starts if i]
        return [detail for detail in found if not QUOTE.search(detail)]

    @functools.cached_property
    def subjects(self) -> dict[str, list[str]]:
        """Subjects of sentences by the verb behind them."""
        table: dict[str, list[str]] = {}
        for sentence in self.sentences:
            if end := subject_end(sentence):
                subject = sentence.between(0, end - 1)
                table.setdefault(sentence.words[end], []).append(subject)
        return table

    @functools.cached_property
    def dated(self) -> list[int]:
        """Numbers of the sentences that have a number or a date."""
        return [i for i, s in enumerate(self.sentences) if DATED.search(s.text)]

    @functools.cached_property
    def clauses(self) -> list[int]:
        """Numbers of the sentences that can be joined to another by `and`."""
        return [i for i, s in enumerate(self.sentences) if _joinable(s, self)]


def read_document(text: str, split: Callable[[str], list[str]], summary: str = "") -> Document:
    """Cut a document, and its summary, into sentences; turns of a dialogue are kept apart."""
    turns = [split(turn) for turn in _turns(" ".join(text.split()))]
    starts = [0, *itertools.accumulate(map(len, turns))]
    return Document(
        tuple(Sentence.of(s) for turn in turns for s in turn),
        tuple(map(Sentence.of, split(" ".join(summary.split())))),
        tuple(starts[i] for i, turn in enumerate(turns) for _ in turn) if len(turns) > 1 else (),
    )


def _turns(text: str) -> list[str]:
    """A dialogue as its turns; any other text as one."""
    if ": " not in text:
        return [text]
    found = list(SPEAKER.finditer(text))
    speakers = {m.group(1) for m in found}
    if len(found) < 3 or len(speakers) * 1.5 > len(found) or found[0].start() > 0:
        return [text]
    starts = [m.start() for m in found] + [len(text)]
    return [text[a:b].strip() for a, b in itertools.pairwise(starts)]


def _names(document: Document) -> dict[str, str]:
    """Capitalised spans that are no mere starts of sentences."""
    inner = {
        w
        for s in document.sentences
        for i, w in enumerate(s.words)
        if i and w[0].isupper() and s.words[i - 1][0].isalnum()
    }
    names: dict[str, str] = {}
    for sentence in document.sentences:
        for first, last in _name_spans(sentence, inner, document.lower_words):
            name = sentence.between(first, last)
            before = sentence.words[first - 1] if first else ""
            kind = _class_of(name, before)
            if names.get(name, "other") == "other":
                names[name] = kind
    return names


def _name_spans(
    sentence: Sentence, inner: set[str], lower_words: frozenset[str]
) -> list[tuple[int, int]]:
    """First and last word of each name in a sentence.

    Args:
        sentence: The sentence.
        inner: Words that have a capital inside sentences of the document.
        lower_words: Words that begin with a small letter in the document.
    """
    words, found, i = sentence.words, [], 0
    while i < len(words):
        if not _is_name_word(sentence, i, inner, lower_words):
            i += 1
            continue
        last = i
        while last + 1 < len(words):
            step = 1
            if words[last + 1] in ("of", "de", "van", "von", "al") and last + 2 < len(words):
                step = 2
            word = words[last + step]
            adjacent = sentence.spans[last + 1][0] == sentence.spans[last][1] + 1
            month = word in WEEKDAYS_AND_MONTHS and words[last] not in FIRST_NAMES
            if not (adjacent and word[0].isupper()) or month:
                break
            last += step
        if last > i or len(words[i]) > 1:
            found.append((i, last))
        i = last + 1
    return found


def _is_name_word(sentence: Sentence, i: int, inner: set[str], lower_words: frozenset[str]) -> bool:
    word = sentence.words[i]
    if not word[0].isupper() or word in WEEKDAYS_AND_MONTHS or word in TITLES:
        return False
    lower = sentence.lowers[i]
    if re.split(_APOSTROPHE, lower)[0] in FUNCTION_WORDS and word not in CAPITAL_WORDS:
        return False
    if i and sentence.words[i - 1][0].isalnum():
        return True
    if word in inner or word in FIRST_NAMES or word in COUNTRIES or word in DEMONYMS:
        return True
    if lower in STARTERS or lower in lower_words:
        return False
    following = sentence.words[i + 1] if i + 1 < len(sentence.words) else ""
    if following == ":":
        return True
    named = following[:1].isupper() and re.split(_APOSTROPHE, following.lower())[0] not in STARTERS
    return named and not lower.endswith(("ly", "ing", "ed"))


def _class_of(name: str, before: str) -> str:
    """What sort of thing a name is, as far as its form and the word before it tell."""
    first, *rest = name.split()
    last = rest[-1] if rest else first
    if first in DEMONYMS:
        return "demonym" if not rest else "other"
    if name in COUNTRIES:
        return "place"
    if last in ORGANISATION_WORDS or (name.isupper() and name.isalpha()):
        return "organisation"
    if first in FIRST_NAMES or before in TITLES or re.fullmatch(r"(?i)(?:person|speaker)\d+", name):
        return "person"
    if before in ("in", "at", "near", "from", "In", "At"):
        return "place"
    return "other"


def _joinable(sentence: Sentence, document: Document) -> bool:
    """Whether the sentence can follow `and` in a claim, and is understood by itself."""
    words = sentence.words
    if not 6 <= len(words) <= 22 or words[-1] != "." or QUOTE.search(sentence.text):
        return False
    if not words[0][0].isupper() or GLUED_HEADLINE.search(sentence.text) or ":" in words:
        return False
    if document.begins_with_name(sentence.text) or sentence.lowers[0] in ("the", "a", "an"):
        return True
    return sentence.lowers[0] in document.lower_words and sentence.lowers[0] not in STARTERS
