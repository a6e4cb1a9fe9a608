"""Claims that say what a sentence says: shortened, reworded, reordered, numbers in other forms.

Owns what may be left out or said otherwise. Knows nothing of edits or passages.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable

from alignscore_metric.edits.documents import Document
from alignscore_metric.edits.lexicon import NUMBER_VALUES, NUMBER_WORDS, REWORDINGS
from alignscore_metric.edits.reordering import reorder, uncapitalised
from alignscore_metric.edits.sentences import (
    MIN_WORDS,
    Sentence,
    capitalised,
    cased,
    substitute,
    table_places,
)

SPOILING_ADVERBS = (
    "allegedly|reportedly|supposedly|potentially|originally|initially|previously|formerly|"
    "eventually|finally|nearly|partially|hypothetically|conditionally|provisionally"
)
CUTS = (
    re.compile(r"\s*\([^()]*\)"),
    re.compile(r"\s*\[[^\[\]]*\]"),
    re.compile(
        r",\s+(?:which|who|where|whose|while|although|though|despite|including)\b[^.]*(?=[.!?])"
    ),
    re.compile(
        r"(?<=^)([^,]+),\s+(?:(?!and\b|or\b|but\b)[^,]{3,60}),(?=\s[^,]+$)(?!\s+(?:and|or)\b)"
    ),
    re.compile(r",?\s+(?:according to|as well as|because of|in order to)\b[^,.]*"),
    re.compile(
        r",\"?\s+(?:he|she|they|it|\w+ \w+|\w+)\s+(?:said|told|added|says|reported)\b[^.]*(?=[.!?])"
    ),
    re.compile(r"^(?:However|But|And|Also|Meanwhile|Moreover|Then|So|In addition),?\s+"),
    re.compile(r"^(?:In|On|At|After|Before|During|Since|While|For|With|As)\b[^,]{2,50},\s+"),
    re.compile(
        r"\s+(?:also|just|really|very|already|still|simply|quite|"
        rf"(?!(?:{SPOILING_ADVERBS})\b)[a-z]+(?:al|ous|ive|ent|ed|ic)ly)(?=\s)"
    ),
    re.compile(
        r"\s+(?:on|in|at|for|by|after|before|during|with|from|since)\s(?:the|a|an|his|her|their|its|"
        r"this|that|last|next|more|two|three|[A-Z]|\d)[^,.]{3,45}(?=[.!?]$)"
    ),
    re.compile(r"(?<=\w),?\s+(?:and|but)\s[^,.]{8,80}(?=[.!?]$)"),
    re.compile(r"[\"\u201c\u201d]"),
)
"""Parts of a sentence that may be left out while the rest stays true (in most cases)."""
KEEP_WHOLE = re.compile(
    r"(?i)\b(?:between|both|either|neither|if|unless|not|never|no|than|without|only|except|"
    r"until|nobody|denie[ds]|deny)\b|n['\u2019]t\b"
)

_DIGIT_OF = {word: str(value) for word, value in NUMBER_VALUES.items()}
_WORD_OF = {str(value): word for word, value in NUMBER_VALUES.items() if value <= 12}
DATE_FORMATS: tuple[tuple[re.Pattern[str], Callable[[re.Match[str]], str]], ...] = (
    (re.compile(r"(?<=\d)%"), lambda m: " per cent"),
    (re.compile(r"(?<=\d) ?(?:per cent|percent)\b"), lambda m: "%"),
    (re.compile(r"(?<=\d) per cent\b"), lambda m: " percent"),
    (re.compile(r"(?<=\d) percent\b"), lambda m: " per cent"),
    (re.compile(r"(?<=\d)bn\b"), lambda m: " billion"),
    (re.compile(r"([$\u00a3\u20ac]\d[\d.,]*)m\b"), lambda m: f"{m[1]} million"),
    (re.compile(r"(?<=\d) billion\b"), lambda m: "bn"),
    (re.compile(r"([$\u00a3\u20ac]\d[\d.,]*) million\b"), lambda m: f"{m[1]}m"),
    (re.compile(r"(?<![\d.,])(\d{1,3}),(\d{3})(?![\d,.])"), lambda m: m[1] + m[2]),
    (re.compile(r"(?<![\d.,])([3-9]\d?)(\d{3})(?![\d,.]|\w)"), lambda m: f"{m[1]},{m[2]}"),
    (re.compile(r"\bmore than (?=[\d\u00a3$])"), lambda m: "over "),
    (re.compile(r"\bover (?=[\d\u00a3$][\d,]+ )"), lambda m: "more than "),
    (re.compile(r"\babout (?=\d)"), lambda m: "around "),
    (re.compile(r"\baround (?=\d)"), lambda m: "about "),
    (
        re.compile(rf"(?<= )(?:{'|'.join(NUMBER_WORDS[1:12])})(?= [a-z]+s\b)"),
        lambda m: _DIGIT_OF[m[0]],
    ),
    (
        re.compile(r"(?<=[a-z] )(?:[2-9]|1[0-2])(?= [a-z]+s\b)"),
        lambda m: _WORD_OF[m[0]],
    ),
)
"""Ways to write the same number."""


def make_claim(unit: str, document: Document, rng: random.Random) -> str:
    """Say what a text says, as it is or in another way.

    Args:
        unit: A sentence.
        document: The document that it stands in.
        rng: Draws how it is said.

    Returns:
        A claim that the text supports.
    """
    unit = _balance_quotes(unit)
    if rng.random() < 0.25:
        return unit
    claim = shorten(unit, rng) if rng.random() < 0.6 else unit
    if rng.random() < 0.4:
        claim = reorder(claim, document, rng)
    if rng.random() < 0.35 and any(c.isdigit() for c in claim):
        claim = reformat(claim, rng)
    return _balance_quotes(reword(claim, rng))


def shorten(sentence: str, rng: random.Random) -> str:
    """Leave out one to three parts of a sentence; unchanged where nothing can be left out."""
    text = sentence
    cuts = CUTS[:2] + CUTS[6:7] + CUTS[11:] if KEEP_WHOLE.search(sentence) else CUTS
    for pattern in rng.sample(cuts, min(len(cuts), rng.choice((4, 6, len(CUTS))))):
        kept = r"\1" if pattern.groups else ""
        cut = pattern.sub(kept, text, count=1).strip()
        if len(cut.split()) >= MIN_WORDS and len(cut) < len(text):
            text = cut
        if len(text) < 0.5 * len(sentence):
            break
    text = capitalised(text)
    return text if text[-1] in ".!?\"'" else text + "."


def reword(claim: str, rng: random.Random) -> str:
    """Swap up to two words for synonyms (`said` -> `stated`)."""
    wanted = rng.choice((0, 1, 2))
    if not wanted:
        return claim
    tokens = Sentence.of(claim)
    places = [
        (first, last)
        for first, last in table_places(tokens, REWORDINGS)
        if first == 0 or tokens.words[first] == tokens.lowers[first]
    ]
    changes = []
    for first, last in rng.sample(places, min(len(places), wanted)):
        old = tokens.between(first, last)
        new = cased(rng.choice(REWORDINGS[old.lower()]), old)
        changes.append((tokens.spans[first][0], tokens.spans[last][1], new))
    return substitute(claim, changes) or claim


def reformat(claim: str, rng: random.Random) -> str:
    """Write a number in another form, where there is one."""
    for pattern, new in rng.sample(DATE_FORMATS, len(DATE_FORMATS)):
        changed = pattern.sub(new, claim, count=1)
        if changed != claim:
            return changed
    return claim


def _balance_quotes(text: str) -> str:
    """A text without a quotation mark that its other half was cut off from."""
    if text.count('"') % 2 == 0 and text.count("\u201c") == text.count("\u201d"):
        return text
    return capitalised(re.sub(r"[\"\u201c\u201d]", "", text).strip())


def fuse(first: str, second: str, document: Document) -> str:
    """One claim of two sentences, the second of which is one of the document's `clauses`."""
    return f"{first.rstrip('.')}, and {uncapitalised(second, document) or second}"
