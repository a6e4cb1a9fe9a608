"""Consistency pairs made from documents: a passage, and a claim that it supports or does not.

A sentence of a document becomes a claim, as it is or shortened and lightly reworded. An *edit*
changes one of its facts (a number, a name, a negation ...). Both versions of the sentence are
written into the passage in turn, and both versions of the claim meet both passages: a claim is
supported exactly where its own version stands. Neither the claim alone nor the passage alone
tells the label, so that nothing but their comparison can be learned.

Where no edit applies, or by lot, the claim's own sentence is taken out of the passage instead
(`removed`), or the passage of another document is shown (`foreign`), or none at all.

Pure functions of strings and a random generator; knows nothing of models.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from alignscore_metric.text import get_splitter
from alignscore_metric.training.data import AlignmentExample
from alignscore_metric.training.lexicon import (
    ANTONYMS,
    AUXILIARIES,
    CONNECTIVES,
    NUMBER_WORDS,
    PRONOUNS,
    SYNONYMS,
    WEEKDAYS_AND_MONTHS,
)

WORD = re.compile(r"\w+(?:[.,'\u2019-]\w+)*|[^\w\s]")
NAME = re.compile(r"\b[A-Z][\w-]*(?:\s+(?:of\s+|the\s+|de\s+|van\s+)?[A-Z][\w-]*)*")
NUMBER = re.compile(r"\d[\d,]*(?:\.\d+)?")
REMOVED_SHARE = 0.22
FOREIGN_SHARE = 0.04
EMPTY_SHARE = 0.01
PLAIN_CLAIM_SHARE = 0.35
MIN_WORDS, MAX_WORDS = 5, 60


@dataclass(frozen=True)
class Replacement:
    """One edit of a sentence: `old`, where it first stands as a whole word, becomes `new`.

    Attributes:
        kind: Name of the edit.
        old: Words of the sentence.
        new: What replaces them.
    """

    kind: str
    old: str
    new: str

    def apply(self, text: str) -> str | None:
        """The edited text, or None where `old` does not stand in it or nothing would change."""
        found = self.find(text)
        if not found or self.old == self.new:
            return None
        return text[: found[0].start()] + self.new + text[found[0].end() :]

    def find(self, text: str) -> list[re.Match[str]]:
        """Where `old` stands in a text, as a whole word or number."""
        pattern = rf"(?<!\w)(?<!\d[.,]){re.escape(self.old)}(?!\w|[.,]\d)"
        return list(re.finditer(pattern, text))


@dataclass(frozen=True)
class Context:
    """What an edit may draw on: the sentence's document and its neighbours in the corpus.

    Attributes:
        names: Names in the document.
        numbers: Numbers in the document.
        words: Lower-case content words of the document.
        sentences: Sentences of the document.
        other_names: Names of another document.
    """

    names: tuple[str, ...]
    numbers: tuple[str, ...]
    words: tuple[str, ...]
    sentences: tuple[str, ...]
    other_names: tuple[str, ...]


Edit = Callable[[str, Context, random.Random], Replacement | None]


def synthesise(
    documents: Sequence[str],
    *,
    name: str,
    pairs: int,
    words: tuple[int, int],
    rng: random.Random,
    splitter: str = "bundled_punkt",
) -> list[AlignmentExample]:
    """Make labelled pairs, half of them supported.

    Args:
        documents: Source texts; those of fewer than three sentences are passed over.
        name: Dataset name of the result; the kind of edit is not part of it.
        pairs: Pairs to make at most (fewer where the documents are used up: each document is
            visited at most 40 times).
        words: Words of the passages, shortest and longest.
        rng: Draws everything.
        splitter: Name of the sentence splitter.

    Returns:
        Examples for the `bin` head.
    """
    split = get_splitter(splitter).split
    texts = [s for d in documents if len(s := split(_flatten(d))) >= 3]
    made: list[AlignmentExample] = []
    contexts: dict[int, Context] = {}
    for visit in range(40 * len(texts)):
        if len(made) >= pairs:
            break
        index = visit % len(texts)
        if index not in contexts:
            other = " ".join(texts[rng.randrange(len(texts))])
            contexts[index] = describe(texts[index], other)
        passage, at = window(texts[index], rng.randint(*words), rng)
        step = rng.randrange(1, max(2, len(texts)))
        foreign = texts[(index + step) % len(texts)] if len(texts) > 1 else []
        for text_a, text_b, label in make_pairs(passage, at, contexts[index], foreign, rng):
            made.append(AlignmentExample(name, text_a, text_b, "bin", label))
    return made[:pairs]


def _flatten(text: str) -> str:
    return " ".join(text.split())


def describe(sentences: Sequence[str], other: str) -> Context:
    """Gather what edits of these sentences may draw on."""
    text = " ".join(sentences)
    content = set(re.findall(r"(?<![\w-])[a-z]{5,}(?![\w-])", text))
    return Context(
        names=_names(text),
        numbers=tuple(sorted(set(NUMBER.findall(text)))),
        words=tuple(sorted(content)),
        sentences=tuple(sentences),
        other_names=_names(other),
    )


def _names(text: str) -> tuple[str, ...]:
    """Capitalised spans that do not merely start a sentence."""
    inner = {m.group() for m in re.finditer(rf"(?<=[\w,;] ){NAME.pattern}", text)}
    return tuple(sorted(n for n in inner if len(n) > 2 and n not in WEEKDAYS_AND_MONTHS))


def window(sentences: Sequence[str], size: int, rng: random.Random) -> tuple[list[str], int]:
    """A run of consecutive sentences of about `size` words, and the place of one to ask about."""
    chosen = rng.randrange(len(sentences))
    first = last = chosen
    count = len(sentences[chosen].split())
    while count < size and (first > 0 or last < len(sentences) - 1):
        forward = first == 0 or (last < len(sentences) - 1 and rng.random() < 0.5)
        first, last = (first, last + 1) if forward else (first - 1, last)
        count += len(sentences[last if forward else first].split())
    return list(sentences[first : last + 1]), chosen - first


def make_pairs(
    passage: list[str], at: int, context: Context, foreign: list[str], rng: random.Random
) -> list[tuple[str, str, int]]:
    """A supported and an unsupported pair about the sentence `at` of a passage, or none.

    Returns:
        (passage, claim, label) twice, or an empty list where the sentence makes no claim.
    """
    sentence = passage[at]
    if not MIN_WORDS <= len(sentence.split()) <= MAX_WORDS:
        return []
    claim = shorten(sentence, rng) if rng.random() > PLAIN_CLAIM_SHARE else sentence
    reworded = reword(claim, rng)
    draw = rng.random()
    if draw < FOREIGN_SHARE + EMPTY_SHARE:
        shown = foreign[: len(passage)] if draw < FOREIGN_SHARE else []
        return [(" ".join(passage), reworded, 1), (" ".join(shown), reworded, 0)]
    removed = draw < FOREIGN_SHARE + EMPTY_SHARE + REMOVED_SHARE
    edit = None if removed else pick_edit(claim, context, rng)
    if edit is None:
        return _removed_pairs(passage, at, reworded)
    edited_claim, edited_sentence = edit.apply(reworded), edit.apply(sentence)
    # A word that stands more often in the sentence than in the claim may be changed in a place
    # that the claim left out.
    misplaced = len(edit.find(sentence)) != len(edit.find(reworded))
    if edited_claim is None or edited_sentence is None or misplaced:
        return _removed_pairs(passage, at, reworded)
    original = " ".join(passage)
    altered = " ".join([*passage[:at], edited_sentence, *passage[at + 1 :]])
    # Original and altered are shown equally often under both labels: see the module.
    return [
        (original, reworded, 1) if rng.random() < 0.5 else (altered, edited_claim, 1),
        (original, edited_claim, 0) if rng.random() < 0.5 else (altered, reworded, 0),
    ]


def _removed_pairs(passage: list[str], at: int, claim: str) -> list[tuple[str, str, int]]:
    rest = passage[:at] + passage[at + 1 :]
    if not rest:
        return []
    return [(" ".join(passage), claim, 1), (" ".join(rest), claim, 0)]


# ---------------------------------------------------------------------------------------- edits


def pick_edit(claim: str, context: Context, rng: random.Random) -> Replacement | None:
    """One edit that applies to the claim, each applicable kind as likely as its weight."""
    kinds = list(EDITS)
    while kinds:
        edit = rng.choices(kinds, [EDITS[k] for k in kinds])[0]
        replacement = edit(claim, context, rng)
        if replacement is not None and replacement.apply(claim) is not None:
            return replacement
        kinds.remove(edit)
    return None


def change_number(claim: str, context: Context, rng: random.Random) -> Replacement | None:
    """A number becomes another of the document, or one near it; number words likewise."""
    digits = NUMBER.findall(claim)
    spelt = [w for w in WORD.findall(claim) if w.lower() in NUMBER_WORDS]
    if not digits + spelt:
        return None
    old = rng.choice(digits + spelt)
    if old in spelt:
        new = rng.choice([w for w in NUMBER_WORDS if w != old.lower()])
        return Replacement("number", old, new.capitalize() if old[0].isupper() else new)
    same_shape = [n for n in context.numbers if n != old and len(n) == len(old) and n not in claim]
    if same_shape and rng.random() < 0.5:
        return Replacement("number", old, rng.choice(same_shape))
    return Replacement("number", old, _near_number(old, rng))


def _near_number(old: str, rng: random.Random) -> str:
    """Another number of the same shape: one or two digits change, the first never to 0."""
    places = [i for i, c in enumerate(old) if c.isdigit()]
    is_year = len(old) == 4 and old[:2] in ("18", "19", "20")
    changeable = places[2:] if is_year else places
    chars = list(old)
    for place in rng.sample(changeable, min(len(changeable), rng.choice((1, 1, 2)))):
        choices = [d for d in "0123456789" if d != old[place] and (d != "0" or place > 0)]
        chars[place] = rng.choice(choices)
    return "".join(chars)


def change_name(claim: str, context: Context, rng: random.Random) -> Replacement | None:
    """A name becomes another name of the document, or now and then of another document."""
    present = [n for n in context.names if re.search(rf"(?<!\w){re.escape(n)}(?!\w)", claim)]
    if not present:
        return None
    old = rng.choice(present)
    pool = context.other_names if rng.random() < 0.25 else context.names
    parts = set(old.split())
    others = [n for n in pool if n not in claim and not parts & set(n.split())]
    return Replacement("name", old, rng.choice(others)) if others else None


def swap_names(claim: str, context: Context, rng: random.Random) -> Replacement | None:
    """Two names of the claim change places, unless they are only listed side by side."""
    found = [m for n in context.names for m in re.finditer(rf"(?<!\w){re.escape(n)}(?!\w)", claim)]
    found.sort(key=lambda m: m.start())
    pairs = [
        (a, b)
        for a in found
        for b in found
        if a.end() < b.start() and claim[a.end() : b.start()].strip() not in ("and", "or", ",", "&")
    ]
    if not pairs:
        return None
    a, b = rng.choice(pairs)
    between = claim[a.end() : b.start()]
    return Replacement("roles", claim[a.start() : b.end()], b.group() + between + a.group())


def change_date(claim: str, context: Context, rng: random.Random) -> Replacement | None:
    """A weekday becomes another weekday, a month another month."""
    present = [w for w in WORD.findall(claim) if w in WEEKDAYS_AND_MONTHS]
    if not present:
        return None
    old = rng.choice(present)
    return Replacement("date", old, rng.choice([w for w in WEEKDAYS_AND_MONTHS[old] if w != old]))


def negate(claim: str, context: Context, rng: random.Random) -> Replacement | None:
    """A negation is taken out where there is one, else put in behind an auxiliary verb."""
    for pattern, positive in ((r"\b(\w+) not\b", r"\1"), (r"\b(\w+)n['\u2019]t\b", r"\1")):
        found = re.search(pattern, claim)
        if found and found.group(1).lower() in AUXILIARIES:
            return Replacement("negation", found.group(), re.sub(pattern, positive, found.group()))
    if found := re.search(r"\b(?:cannot|can['\u2019]t)\b", claim):
        return Replacement("negation", found.group(), "can")
    present = [w for w in WORD.findall(claim) if w.lower() in AUXILIARIES]
    if not present:
        return None
    old = rng.choice(present)
    return Replacement("negation", old, f"{old} not")


def change_word(claim: str, context: Context, rng: random.Random) -> Replacement | None:
    """A word becomes its opposite (`rose` -> `fell`, `before` -> `after`)."""
    present = [w for w in WORD.findall(claim) if w.lower() in ANTONYMS]
    if not present:
        return None
    old = rng.choice(present)
    new = rng.choice(ANTONYMS[old.lower()])
    return Replacement("antonym", old, new.capitalize() if old[0].isupper() else new)


def change_pronoun(claim: str, context: Context, rng: random.Random) -> Replacement | None:
    """A personal pronoun changes gender or number."""
    present = [w for w in WORD.findall(claim) if w.lower() in PRONOUNS]
    if not present:
        return None
    old = rng.choice(present)
    new = rng.choice(PRONOUNS[old.lower()])
    return Replacement("pronoun", old, new.capitalize() if old[0].isupper() else new)


def change_content(claim: str, context: Context, rng: random.Random) -> Replacement | None:
    """A content word becomes another of the document with the same ending (`-ed`, `-ing`, `-s`)."""
    present = re.findall(r"(?<![\w-])[a-z]{5,}(?![\w-])", claim)
    if not present:
        return None
    old = rng.choice(present)
    ending = old[-2:]
    same = [w for w in context.words if w[-2:] == ending and w[:4] != old[:4] and w not in claim]
    return Replacement("content", old, rng.choice(same)) if same else None


def splice(claim: str, context: Context, rng: random.Random) -> Replacement | None:
    """The end of the claim becomes the end of another sentence, from a connective they share."""
    words = claim.rstrip(".!?\"' ").split()
    places = [i for i in range(2, len(words) - 2) if words[i] in CONNECTIVES]
    rng.shuffle(places)
    for place in places:
        tails = []
        for sentence in context.sentences:
            others = sentence.rstrip(".!?\"' ").split()
            starts = [j for j in range(1, len(others) - 2) if others[j] == words[place]]
            tails += [" ".join(others[j:]) for j in starts if len(others) - j <= 18]
        old = " ".join(words[place:])
        tails = [t for t in tails if t not in claim and old not in t]
        if tails:
            return Replacement("splice", old, rng.choice(tails))
    return None


EDITS: dict[Edit, float] = {
    change_number: 3.0,
    change_name: 4.0,
    swap_names: 1.5,
    change_date: 1.0,
    negate: 1.5,
    change_word: 2.0,
    change_pronoun: 1.0,
    change_content: 3.0,
    splice: 3.0,
}
"""Kinds of edit and how likely each is among those that apply."""

# ----------------------------------------------------------------------- shortening, rewording

CUTS = (
    re.compile(r"\s*\([^()]*\)"),
    re.compile(r"\s*\[[^\[\]]*\]"),
    re.compile(
        r",\s+(?:which|who|where|whose|while|although|though|despite|including)\b[^.]*(?=[.!?])"
    ),
    re.compile(r",\s+(?:[^,]{3,60}),(?=\s)"),
    re.compile(r",?\s+(?:according to|as well as|because of|in order to)\b[^,.]*"),
    re.compile(
        r",\"?\s+(?:he|she|they|it|\w+ \w+|\w+)\s+(?:said|told|added|says|reported)\b[^.]*(?=[.!?])"
    ),
    re.compile(r"^(?:However|But|And|Also|Meanwhile|Moreover|Then|So|In addition),?\s+"),
    re.compile(
        r"^(?:In|On|At|After|Before|During|Since|When|While|For|By|With|As)\b[^,]{2,50},\s+"
    ),
    re.compile(
        r"\s+(?:also|just|really|very|already|still|simply|quite|[a-z]+(?:al|ous|ive|ent|ed|ic)ly)(?=\s)"
    ),
    re.compile(
        r"\s+(?:on|in|at|for|by|after|before|during|with|from|since)\s[^,.]{3,45}(?=[.!?]$)"
    ),
    re.compile(r"(?<=\w),?\s+(?:and|but)\s[^,.]{8,80}(?=[.!?]$)"),
    re.compile(r"[\"\u201c\u201d]"),
)
"""Parts of a sentence that may be left out while the rest stays true (in most cases)."""


def shorten(sentence: str, rng: random.Random) -> str:
    """Leave out one to three parts of a sentence; unchanged where nothing can be left out."""
    text = sentence
    for pattern in rng.sample(CUTS, len(CUTS))[: rng.choice((4, 6, len(CUTS)))]:
        cut = pattern.sub("", text, count=1).strip()
        if len(cut.split()) >= MIN_WORDS and len(cut) < len(text):
            text = cut
        if len(text) < 0.5 * len(sentence):
            break
    text = text[0].upper() + text[1:]
    return text if text[-1] in ".!?\"'" else text + "."


def reword(claim: str, rng: random.Random) -> str:
    """Swap up to two words for synonyms (`said` -> `stated`, `20%` -> `20 per cent`)."""
    words = [w for w in WORD.findall(claim) if w.lower() in SYNONYMS]
    for old in rng.sample(words, min(len(words), rng.choice((0, 1, 2)))):
        new = rng.choice(SYNONYMS[old.lower()])
        new = new.capitalize() if old[0].isupper() else new
        claim = Replacement("synonym", old, new).apply(claim) or claim
    return claim
