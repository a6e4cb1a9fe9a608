"""Passages of a document around what a claim is made from, and what of a claim they support.

Support is told by content words. Knows nothing of edits or kinds of pairs.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from alignscore_metric.edits.documents import Document
from alignscore_metric.edits.lexicon import FUNCTION_WORDS
from alignscore_metric.edits.sentences import Sentence


@dataclass(frozen=True)
class Passage:
    """Consecutive sentences of a document, some of which a claim is made from.

    Attributes:
        before: Sentences before them.
        unit: The sentences that the claim is made from.
        after: Sentences behind them.
    """

    before: tuple[Sentence, ...]
    unit: tuple[Sentence, ...]
    after: tuple[Sentence, ...]

    @property
    def text(self) -> str:
        """The text that the claim is made from."""
        return " ".join(s.text for s in self.unit)

    @property
    def sentences(self) -> tuple[Sentence, ...]:
        """All sentences."""
        return self.before + self.unit + self.after

    @property
    def others(self) -> tuple[Sentence, ...]:
        """The other sentences."""
        return self.before + self.after

    def written(self, unit: str | None = None) -> str:
        """The whole text, with other words in place of the unit where given."""
        middle = self.text if unit is None else unit
        parts = [*(s.text for s in self.before), middle, *(s.text for s in self.after)]
        return " ".join(p for p in parts if p)

    def supports_elsewhere(self, stems: frozenset[str], share: float) -> bool:
        """Whether another sentence has so large a share of a claim's content words."""
        return supported_by(self.others, stems, share)

    def keeping(self, wanted: Callable[[Sentence], bool]) -> Passage:
        """The passage without those of the other sentences that are not wanted."""
        before, after = (tuple(filter(wanted, part)) for part in (self.before, self.after))
        return Passage(before, self.unit, after)


def supported_by(sentences: Iterable[Sentence], stems: frozenset[str], share: float) -> bool:
    """Whether one of some sentences has so large a share of a claim's content words."""
    least = share * len(stems)
    return any(len(stems & s.stems) >= least for s in sentences)


def window(document: Document, at: int, count: int, size: int, rng: random.Random) -> Passage:
    """About `size` words of a document around some sentences, which stand anywhere in them.

    Args:
        document: The document.
        at: First sentence of the unit.
        count: Sentences of the unit.
        size: Words aimed at.
        rng: Draws where the unit stands.
    """
    sentences = document.sentences
    first, last = at, at + count
    left = size - sum(s.length for s in sentences[first:last])
    wanted = rng.random() * size
    while first > 0 and wanted >= sentences[first - 1].length and left > 0:
        first -= 1
        wanted -= sentences[first].length
        left -= sentences[first].length
    while last < len(sentences) and left > 0:
        left -= sentences[last].length
        last += 1
    while first > 0 and left > 0:
        first -= 1
        left -= sentences[first].length
    if document.turns:  # Who says it belongs to it.
        first = document.turns[first]
    return Passage(sentences[first:at], sentences[at : at + count], sentences[at + count : last])


def thinned(
    passage: Passage, candidates: Sequence[Sentence], count: int, rng: random.Random
) -> Passage:
    """The passage without some of its sentences, so that a missing one is no sign by itself."""
    out = rng.sample(candidates, min(count, len(candidates)))
    return passage.keeping(lambda s: s not in out)


def without_support(passage: Passage, claim: Sentence) -> Passage:
    """The passage without other sentences that have many words of a claim."""
    least = max(0.34 * len(claim.stems), 2)
    return passage.keeping(lambda s: len(s.stems & claim.stems) < least)


def covers(passage: Passage, claim: Sentence) -> bool:
    """Whether a passage has the names, the numbers, and most words of a claim."""
    if union_share(passage, claim) < 0.65:
        return False
    text = passage.written()
    for i, word in enumerate(claim.words):
        named = i > 0 and word[0].isupper() and claim.lowers[i] not in FUNCTION_WORDS
        if (named or word[0].isdigit()) and word not in text:
            return False
    return True


def union_share(passage: Passage, claim: Sentence) -> float:
    """Share of a claim's content words that a passage has."""
    stems = frozenset().union(*(s.stems for s in passage.sentences))
    return len(claim.stems & stems) / max(len(claim.stems), 1)
