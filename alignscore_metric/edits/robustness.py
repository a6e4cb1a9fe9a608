"""Edits of a source and its summary, to see how a metric's scores move.

Some preserve what the summary says, so that a score should stay; some change a fact of it, so that
it should fall. All are rules: a few of either sort do what their name denies, as a name may be
swapped for another that is true as well. Owns the kinds and how they are made; knows nothing of
metrics. The changes, and some rewordings, are those that training pairs are synthesised with.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from alignscore_metric.edits.documents import Document, read_document
from alignscore_metric.edits.edits import apply_edit
from alignscore_metric.edits.makers import MAKERS
from alignscore_metric.edits.reordering import reorder
from alignscore_metric.edits.rewording import reformat, reword
from alignscore_metric.edits.sentences import Sentence
from alignscore_metric.errors import ConfigurationError
from alignscore_metric.text.splitters import get_splitter

EditText = Callable[[str, Document, random.Random], str]
"""A text (a summary, or one sentence of it), its source, and draws, into the edited text."""

SPLITTER = "bundled_punkt"
_TRIES = 4  # of an edit that may draw to change nothing

_NEGATED = "do|does|did|is|are|was|were|has|have|had|would|could|should|must|need"
_PRONOUNS = "I|you|we|they|You|We|They"
_EXPAND = (
    (re.compile(r"\b([Ww])on['\u2019]t\b"), r"\1ill not"),
    (re.compile(r"\b([Cc])an['\u2019]t\b"), r"\1annot"),
    (re.compile(rf"(?i)\b({_NEGATED})n['\u2019]t\b"), r"\1 not"),
    (re.compile(rf"\b({_PRONOUNS})['\u2019]re\b"), r"\1 are"),
    (re.compile(rf"\b({_PRONOUNS})['\u2019]ve\b"), r"\1 have"),
    (re.compile(rf"\b({_PRONOUNS}|[Hh]e|[Ss]he|[Ii]t)['\u2019]ll\b"), r"\1 will"),
)
"""Full forms and their contractions, as patterns and what is put in their place."""

_CONTRACT = (
    (re.compile(r"\b([Ww])ill not\b"), r"\1on't"),
    (re.compile(r"\b([Cc])annot\b"), r"\1an't"),
    (re.compile(rf"(?i)\b({_NEGATED}) not\b"), r"\1n't"),
    (re.compile(rf"\b({_PRONOUNS}) are\b"), r"\1're"),
    (re.compile(rf"\b({_PRONOUNS}|[Hh]e|[Ss]he|[Ii]t) will\b"), r"\1'll"),
)
_CURLED = str.maketrans("\u2018\u2019\u201c\u201d", "''\"\"")


@dataclass(frozen=True)
class Kind:
    """A kind of edit.

    Attributes:
        preserves: Whether the summary says the same afterwards, and is as well supported.
        edit: Makes it; gives the text back where there is nothing to edit.
        of: What is edited: the `summary`, one `sentence` of it, or the `source`.
    """

    preserves: bool
    edit: EditText
    of: Literal["summary", "sentence", "source"] = "summary"


def edit_pair(source: str, summary: str, kind: str, *, seed: int = 0) -> tuple[str, str] | None:
    """Edit a source or its summary.

    Args:
        source: The source.
        summary: The summary.
        kind: One of `KINDS`.
        seed: Of the draws, which depend on the kind and both texts too, and on nothing else.

    Returns:
        Source and summary, one of them edited; None where there is nothing to edit so.

    Raises:
        ConfigurationError: No kind has this name.

    Example:
        >>> edit_pair("He was born in 1970.", "He didn't retire.", "contractions")
        ('He was born in 1970.', 'He did not retire.')
        >>> edit_pair("He was born in 1970.", "He didn't retire.", "number") is None
        True
    """
    if kind not in KINDS:
        raise ConfigurationError(f"edit is {kind!r}; known edits: {', '.join(KINDS)}")
    drawn_from = f"{seed} {kind} {summary} {source}".encode("utf-8", "surrogatepass")
    rng = random.Random(drawn_from)  # no secret
    made, document = KINDS[kind], _document(source)
    if made.of == "source":
        edited = made.edit(source, document, rng)
        return (edited, summary) if edited != source else None
    edit = _one_sentence(made.edit) if made.of == "sentence" else made.edit
    edited = edit(summary, document, rng)
    return (source, edited) if edited != summary else None


@lru_cache(maxsize=256)
def _document(source: str) -> Document:
    return read_document(source, get_splitter(SPLITTER).split)


def _one_sentence(edit: EditText) -> EditText:
    """The edit of the first sentence, in a drawn order, that it changes."""

    def edited(text: str, source: Document, rng: random.Random) -> str:
        sentences = get_splitter(SPLITTER).split(text)
        for sentence in rng.sample(sentences, len(sentences)):
            for _ in range(_TRIES):
                changed = edit(sentence, source, rng)
                if changed != sentence:
                    return text.replace(sentence, changed, 1)
        return text

    return edited


# --- what preserves -------------------------------------------------------------------------------


def _lower_case(text: str, source: Document, rng: random.Random) -> str:
    return text.lower()


def _upper_case(text: str, source: Document, rng: random.Random) -> str:
    return text.upper()


def _white_space(text: str, source: Document, rng: random.Random) -> str:
    """Every blank doubled, and a line break at both ends."""
    return f"\n{text.replace(' ', '  ')}\n"


def _punctuation(text: str, source: Document, rng: random.Random) -> str:
    """Without commas, but for those in numbers, and without the last full stop."""
    return re.sub(r" ?,(?!\d)", "", text).rstrip(". ")


def _quotes(text: str, source: Document, rng: random.Random) -> str:
    """Straight quotation marks for typographic ones, else the other way round."""
    straight = text.translate(_CURLED)
    if straight != text:
        return straight
    opened = re.sub(r'(?<!\w)"(?=\S)', "\u201c", re.sub(r"(?<!\w)'(?=\w)", "\u2018", text))
    return opened.replace('"', "\u201d").replace("'", "\u2019")


def _contractions(text: str, source: Document, rng: random.Random) -> str:
    """Contractions written out (`did not`), or made where there are none (`didn't`)."""
    for table in (_EXPAND, _CONTRACT):
        changed = text
        for pattern, new in table:
            changed = pattern.sub(new, changed)
        if changed != text:
            return changed
    return text


def _source_order(text: str, source: Document, rng: random.Random) -> str:
    """Sentences in a drawn order."""
    sentences = [sentence.text for sentence in source.sentences]
    return " ".join(rng.sample(sentences, len(sentences))) if len(sentences) > 1 else text


# --- what changes ---------------------------------------------------------------------------------


def _fact(name: str) -> EditText:
    """A change of one fact, as the synthetic training pairs have it."""
    make = MAKERS[name]

    def edited(text: str, source: Document, rng: random.Random) -> str:
        sentence = Sentence.of(text)
        found = make(sentence, source, source, rng) if sentence.words else None
        changed = apply_edit(found, sentence, text) if found else None
        return changed[0] if changed else text

    return edited


KINDS: dict[str, Kind] = {
    "lower_case": Kind(True, _lower_case),
    "upper_case": Kind(True, _upper_case),
    "white_space": Kind(True, _white_space),
    "punctuation": Kind(True, _punctuation),
    "quotes": Kind(True, _quotes),
    "contractions": Kind(True, _contractions),
    "number_form": Kind(True, lambda text, source, rng: reformat(text, rng), of="sentence"),
    "synonyms": Kind(True, lambda text, source, rng: reword(text, rng), of="sentence"),
    "word_order": Kind(True, reorder, of="sentence"),
    "source_order": Kind(True, _source_order, of="source"),
    "number": Kind(False, _fact("number"), of="sentence"),
    "date": Kind(False, _fact("date"), of="sentence"),
    "entity": Kind(False, _fact("entity"), of="sentence"),
    "roles": Kind(False, _fact("roles"), of="sentence"),
    "negation": Kind(False, _fact("negation"), of="sentence"),
    "antonym": Kind(False, _fact("antonym"), of="sentence"),
}
"""Every kind of edit: first those that preserve what a summary says, then those that change it."""
