"""Pairs of a passage and a claim, half of them supported, of all kinds in balance.

Owns the kinds and their shares, and which passages and claims are paired. What a claim says, how
it is edited and what a passage holds are the business of the modules that it builds on; it knows
nothing of files or of models.
"""

from __future__ import annotations

import math
import random
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from alignscore_metric.edits.documents import Document, read_document
from alignscore_metric.edits.edits import Direction, apply_edit, apply_everywhere
from alignscore_metric.edits.makers import MAKERS
from alignscore_metric.edits.rewording import fuse, make_claim, reword, shorten
from alignscore_metric.edits.sentences import QUOTE, Sentence, is_claim
from alignscore_metric.errors import InputError
from alignscore_metric.text.splitters import get_splitter
from alignscore_metric.training.data import AlignmentExample
from alignscore_metric.training.synthetic.changes import Spans, changed_words, whole
from alignscore_metric.training.synthetic.passages import (
    Passage,
    covers,
    supported_by,
    thinned,
    union_share,
    window,
    without_support,
)

VISITS = 40  # of each document
RECENT = 30  # documents, one of which is the other document of a visit
DATED_SHARE = 0.3  # of the visits ask about a sentence with a number or a date
Pair = tuple[str, str, int, Spans | None]

SHARES: dict[str, float] = {
    "removed": 2.5,
    "verbatim": 1.0,
    "foreign": 0.7,
    "empty": 0.05,
    "conjunction": 1.5,
    "entity": 2.0,
    "entity_other": 0.7,
    "roles": 1.5,
    "order": 1.2,
    "number": 1.2,
    "date": 1.0,
    "unit": 0.6,
    "pronoun": 0.8,
    "negation": 1.0,
    "antonym": 1.2,
    "content": 1.2,
    "content_other": 0.6,
    "relation": 1.2,
    "quantifier": 0.8,
    "modality": 0.8,
    "splice": 1.0,
    "graft": 1.0,
    "subject": 1.0,
    "detail": 1.5,
}
"""Kinds of negative, and the share of each that is aimed at where all of them apply."""
SUMMARY_KINDS = tuple(k for k in SHARES if k not in ("empty", "verbatim"))
"""Kinds of negative about a sentence of a summary."""
EVERYWHERE = ("entity", "entity_other", "roles", "number", "date")
"""Edits that can be made everywhere in a passage."""


def synthesise(
    documents: Sequence[str],
    *,
    summaries: Sequence[str | None] | None = None,
    name: str,
    pairs: int,
    words: tuple[int, int],
    rng: random.Random,
    splitter: str = "bundled_punkt",
) -> list[AlignmentExample]:
    """Make labelled pairs, half of them supported.

    Args:
        documents: Source texts; those of fewer than three sentences are passed over.
        summaries: A true summary of each document, or None where it has none; their sentences
            are claims too.
        name: Dataset name of the result; the kind of edit is not part of it.
        pairs: Pairs to make at most (fewer where the documents are used up: each document is
            visited at most 40 times).
        words: Words of the passages, shortest and longest; lengths are log-uniform.
        rng: Draws everything.
        splitter: Name of the sentence splitter.

    Returns:
        Examples for the `bin` head, with their `kind` and, where it is known, what of the claim
        the passage does not support.

    Raises:
        InputError: There are not as many summaries as documents.
    """
    if summaries is not None and len(summaries) != len(documents):
        raise InputError(f"{len(documents)} documents but {len(summaries)} summaries")
    generator = Generator(words, rng, Counter())
    made: list[AlignmentExample] = []
    for kind, found in _visits(documents, summaries, generator, get_splitter(splitter).split):
        generator.made[kind] += 1
        made += [
            AlignmentExample(name, a, b, "bin", label, kind=kind, spans=spans)
            for a, b, label, spans in found
        ]
        if len(made) >= pairs:
            break
    return made[:pairs]


def _visits(
    documents: Sequence[str],
    summaries: Sequence[str | None] | None,
    generator: Generator,
    split: Callable[[str], list[str]],
) -> Iterator[tuple[str, list[Pair]]]:
    """Pairs of each visit of a document, in turn; documents are read when first visited."""
    read: dict[int, Document] = {}
    recent: list[Document] = []
    usable = list(range(len(documents)))
    for _ in range(VISITS):
        for index in list(usable):
            if index not in read:
                summary = (summaries[index] if summaries else None) or ""
                read[index] = read_document(documents[index], split, summary)
            own = read[index]
            if len(own.sentences) < 3:
                usable.remove(index)
                continue
            if recent:
                kind, found = generator.visit(own, generator.rng.choice(recent))
                if found:
                    yield kind, found
            recent = [own, *recent[: RECENT - 1]] if own not in recent[:1] else recent


def kinds(examples: Iterable[AlignmentExample]) -> dict[str, tuple[int, int]]:
    """Supported and unsupported pairs of each kind, the most frequent kind first.

    Args:
        examples: Examples of the `bin` head.
    """
    counts = Counter((e.kind, int(e.label)) for e in examples)
    names = {kind for kind, _ in counts}
    table = {kind: (counts[kind, 1], counts[kind, 0]) for kind in names}
    return dict(sorted(table.items(), key=lambda item: (-sum(item[1]), item[0])))


@dataclass
class Generator:
    """Makes pairs and keeps the kinds of negative in balance.

    Attributes:
        words: Words of the passages, shortest and longest.
        rng: Draws everything.
        made: Pairs of each kind so far.
    """

    words: tuple[int, int]
    rng: random.Random
    made: Counter[str]

    def order(self, kinds: Iterable[str], prefix: str = "") -> list[str]:
        """Kinds in a random order in which rare ones come first more often."""
        rng, made = self.rng, self.made
        keys = {k: math.log(1.0 - rng.random()) * (1 + made[prefix + k]) / SHARES[k] for k in kinds}
        return sorted(keys, key=keys.__getitem__, reverse=True)

    def visit(self, document: Document, other: Document) -> tuple[str, list[Pair]]:
        """Pairs about a sentence of a document or, as often, of its summary."""
        if document.summary and self.rng.random() < 0.5:
            return self.from_summary(document, other)
        return self.from_sentence(document, other)

    def from_sentence(self, document: Document, other: Document) -> tuple[str, list[Pair]]:
        """The kind of a supported and an unsupported pair about a sentence, and the pairs.

        Returns:
            Kind and pairs; no pair where the sentence that was drawn makes no claim.
        """
        rng = self.rng
        at = rng.randrange(len(document.sentences))
        if document.dated and rng.random() < DATED_SHARE:
            at = rng.choice(document.dated)
        sentence = document.sentences[at]
        if not is_claim(sentence):
            passage = window(document, at, 1, log_uniform(self.words, rng), rng)
            return "verbatim", self._verbatim(passage)
        count = 1
        if rng.random() < 0.1 and at + 1 in document.clauses and sentence.words[-1] == ".":
            count = 2
        passage = window(document, at, count, log_uniform(self.words, rng), rng)
        claim = self._claim(passage, document)
        if passage.supports_elsewhere(claim.stems, 0.7):
            return "", []
        for kind in self.order(SHARES):
            pairs = self._pairs(kind, claim, passage, document, other)
            if pairs:
                return kind, pairs
        return "", []

    def _claim(self, passage: Passage, document: Document) -> Sentence:
        claims = [make_claim(s.text, document, self.rng) for s in passage.unit]
        text = claims[0] if len(claims) == 1 else fuse(claims[0], claims[1], document)
        return Sentence.of(text)

    def _pairs(
        self, kind: str, claim: Sentence, passage: Passage, own: Document, other: Document
    ) -> list[Pair]:
        """A supported and an unsupported pair of a kind; none where it does not apply."""
        if kind == "removed":
            return self._removed(claim, passage, other)
        if kind == "verbatim":
            return self._verbatim(passage)
        if kind == "conjunction":
            return self._conjunction(claim, passage, own, other)
        if kind == "foreign":
            return self._foreign(claim, passage, other)
        if kind == "empty":
            return [
                (passage.written(), claim.text, 1, ()),
                ("", claim.text, 0, whole(claim.text)),
            ]
        edit = MAKERS[kind](claim, own, other, self.rng)
        applied = edit and apply_edit(edit, claim, passage.text)
        if not edit or not applied:
            return []
        edited_claim, edited_unit = applied
        new = Sentence.of(edited_claim).stems
        if new != claim.stems and passage.supports_elsewhere(new, 0.8):
            return []
        altered, original = passage.written(edited_unit), passage.written()
        if claim.text.rstrip(".!") in altered or edited_claim.rstrip(".!") in original:
            return []  # Only more was said, or less.
        versions = (original, claim.text), (altered, edited_claim)
        return cross(*versions, edit.direction, self.made[kind])

    def from_summary(self, document: Document, other: Document) -> tuple[str, list[Pair]]:
        """The same about a sentence of the document's summary.

        Its support is found by the words that it shares with sentences of the document. An edit
        is made in the document too: names, numbers and dates everywhere in the passage; other
        edits by writing the edited sentence in place of the sentences that support it.
        """
        rng = self.rng
        sentence = rng.choice(document.summary)
        if not is_claim(sentence):
            return "", []
        quoted = QUOTE.search(sentence.text)
        text = shorten(sentence.text, rng) if rng.random() < 0.3 and not quoted else sentence.text
        claim = Sentence.of(reword(text, rng) if rng.random() < 0.3 else text)
        passage = self._supporting(claim, document)
        if passage is None:
            return "", []
        for kind in self.order(SUMMARY_KINDS, "summary:"):
            pairs = self._summary_pairs(kind, claim, passage, document, other)
            if pairs:
                return f"summary:{kind}", pairs
        return "", []

    def _supporting(self, claim: Sentence, document: Document) -> Passage | None:
        """The passage around the sentence that has most of a claim's words, if it has enough."""
        overlaps = [len(claim.stems & s.stems) for s in document.sentences]
        at = overlaps.index(max(overlaps))
        if overlaps[at] < 2:
            return None
        size = log_uniform(self.words, self.rng)
        for words in (size, 2 * size, self.words[1]):
            passage = window(document, at, 1, min(words, self.words[1]), self.rng)
            if covers(passage, claim):
                return passage
        return None

    def _summary_pairs(
        self, kind: str, claim: Sentence, passage: Passage, own: Document, other: Document
    ) -> list[Pair]:
        if kind == "foreign":
            return self._foreign(claim, passage, other)
        if kind == "conjunction":
            return self._conjunction(claim, passage, own, other)
        bare = without_support(passage, claim)
        if kind == "removed":
            if not bare.others or union_share(bare, claim) > 0.6:
                return []
            lost = len(passage.others) - len(bare.others) + 1
            full = thinned(passage, bare.others, lost, self.rng)
            full = full if covers(full, claim) else passage
            return [
                (full.written(), claim.text, 1, ()),
                (bare.written(""), claim.text, 0, None),
            ]
        edit = MAKERS[kind](claim, own, other, self.rng)
        applied = edit and apply_edit(edit, claim, claim.text)
        if not edit or not applied or bare.supports_elsewhere(Sentence.of(applied[0]).stems, 0.6):
            return []
        original = passage.written()
        altered = apply_everywhere(edit, claim, original) if kind in EVERYWHERE else None
        if altered is None:
            altered = bare.written(applied[0])
            if edit.direction == "claim" and self.rng.random() < 0.5:
                original = bare.written(claim.text)
        versions = (original, claim.text), (altered, applied[0])
        return cross(*versions, edit.direction, self.made[f"summary:{kind}"])

    def _foreign(self, claim: Sentence, passage: Passage, other: Document) -> list[Pair]:
        """The passage, and one of another document that has little to do with the claim."""
        at = self.rng.randrange(len(other.sentences))
        shown = window(other, at, 1, log_uniform(self.words, self.rng), self.rng)
        if supported_by(shown.sentences, claim.stems, 0.5):
            return []
        return [
            (passage.written(), claim.text, 1, ()),
            (shown.written(), claim.text, 0, whole(claim.text)),
        ]

    def _verbatim(self, passage: Passage) -> list[Pair]:
        """A sentence as it stands, however short, with its passage and with the rest of it."""
        text, stems = passage.text, Sentence.of(passage.text).stems
        rest = passage.written("")
        if not rest or text in rest or (stems and passage.supports_elsewhere(stems, 0.5)):
            return []
        full = thinned(passage, passage.others, 1, self.rng) if len(passage.others) > 1 else passage
        return [(full.written(), text, 1, ()), (rest, text, 0, whole(text))]

    def _removed(self, claim: Sentence, passage: Passage, other: Document) -> list[Pair]:
        """The passage with the claim's sentence, and without it or with another in its place."""
        if passage.supports_elsewhere(claim.stems, 0.5):
            return []
        instead = ""
        if len(passage.unit) == 2:
            instead = self.rng.choice(passage.unit).text
        elif not passage.others or self.rng.random() < 0.3:
            stranger = self.rng.choice(other.sentences)
            if len(stranger.stems & claim.stems) > 0.4 * len(claim.stems):
                return []
            instead = stranger.text
        full = passage
        if len(passage.others) > 1 and (not instead or len(passage.unit) == 2):
            full = thinned(passage, passage.others, 1, self.rng)
        spans = whole(claim.text) if len(passage.unit) == 1 else None
        return [
            (full.written(), claim.text, 1, ()),
            (passage.written(instead), claim.text, 0, spans),
        ]

    def _conjunction(
        self, claim: Sentence, passage: Passage, own: Document, other: Document
    ) -> list[Pair]:
        """The claim and another clause, which the passage has or has not."""
        rng = self.rng
        if claim.words[-1] != "." or len(passage.unit) > 1 or len(claim.words) > 30:
            return []
        source = own if rng.random() < 0.4 else other
        clauses = [i for i in source.clauses if source.sentences[i] not in passage.unit]
        if not clauses:
            return []
        added = source.sentences[rng.choice(clauses)]
        bare = passage.keeping(lambda s: s is not added)
        if bare.supports_elsewhere(added.stems, 0.5):
            return []
        texts = [s.text for s in bare.sentences]
        at = rng.randint(0, len(texts))
        with_it = " ".join([*texts[:at], added.text, *texts[at:]])
        strangers = [s for s in source.sentences if s is not added and s.text not in texts]
        if strangers and rng.random() < 0.9:
            stranger = rng.choice(strangers)
            if len(stranger.stems & added.stems) < 0.4 * len(added.stems):
                texts.insert(rng.randint(0, len(texts)), stranger.text)
        joined = fuse(claim.text, added.text, source)
        added_part = ((len(claim.text.rstrip(".")), len(joined.rstrip("."))),)
        return [(with_it, joined, 1, ()), (" ".join(texts), joined, 0, added_part)]


def cross(
    original: tuple[str, str], edited: tuple[str, str], direction: Direction, turn: int
) -> list[Pair]:
    """Two of the four combinations of passages and claims, one of each label.

    Args:
        original: A passage and a claim that it supports.
        edited: The same after an edit.
        direction: Which version implies the other: see `Edit`.
        turn: In four turns each passage and each claim has each label as often as the other.
    """
    added = (original[0], edited[1], 0, changed_words(edited[1], original[1]))
    lost = (edited[0], original[1], 0, changed_words(original[1], edited[1]))
    if direction == "claim":
        return [(*edited, 1, ()), added]
    if direction == "passage":
        return [(*original, 1, ()), lost]
    supported = (*edited, 1, ()) if turn % 2 else (*original, 1, ())
    return [supported, lost if turn // 2 % 2 else added]


def log_uniform(bounds: tuple[int, int], rng: random.Random) -> int:
    """A whole number between two bounds, which falls below their geometric mean half the time."""
    low, high = bounds
    return round(math.exp(rng.uniform(math.log(max(low, 1)), math.log(max(high, 1)))))
