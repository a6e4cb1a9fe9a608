"""Reordering that keeps the meaning: forms of sentences, each with another order.

Owns the forms and one function for each, in `REWRITES`. Knows nothing of edits or passages.
"""

from __future__ import annotations

import random
import re

from alignscore_metric.edits.documents import Document
from alignscore_metric.edits.lexicon import PARTICIPLES, PARTITIVES, STARTERS, TITLES
from alignscore_metric.edits.sentences import WORD, capitalised

FRONTED = re.compile(
    r"^((?:In|On|At|During|After|Before|Since|By|Last|Earlier|Later)\s[^,;:\"]{2,45}), "
    r"([^,;:\"\u201c?]{12,}?)([.!])$"
)
FRONTED_CLAUSE = re.compile(
    r"^(When|While|Although|Though|Because|If) ([^,;:\"\u201c?]{8,70}), "
    r"([^,;:\"\u201c?]{12,})([.!])$"
)
TRAILING_CLAUSE = re.compile(
    r"^([^,;:\"\u201c?]{12,}?),? (when|although|though|because) "
    r"([^,;:\"\u201c?]{8,70})(?<!\.)([.!])$"
)
APPOSITION = re.compile(
    r"^((?:[A-Z][\w-]+ ?){1,3}), ((?:the|a|an) [^,]{5,50}), ((?!and\b|or\b|who\b)[a-z][^\"]+)$"
)
POSSESSIVE = re.compile(
    r"\b([A-Z]\w+(?: [A-Z]\w+)?)['\u2019]s ([a-z]{4,})"
    r"(?= (?:is|was|are|were|has|have|had|will|would|in|on|at|to|for|by|said)\b|[.,])"
)
GENITIVE = re.compile(
    r"\bthe ([a-z]{4,}) of ([A-Z][a-z]+(?: [A-Z][a-z]+)?)(?<!s)"
    r"(?= (?:is|was|are|were|has|have|had|will|would|in|on|at|to|for|by|said)\b|[.,])"
)
TRAILING = re.compile(
    r"^([^,;:\"\u201c?]{12,}?) ((?:in|on|during|last|since) "
    r"(?:(?:Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)day|(?:January|February|March|April|May|June|July|"
    r"August|September|October|November|December)(?: \d{4})?|(?:1[5-9]|20)\d\d|week|month|year))"
    r"([.!])$"
)
SAID_LAST = re.compile(
    r"^([^\"\u201c:;?]{12,}), ((?:[A-Z]\w+ ?){1,3}|he|she|they|it) (said|says|added|warned)([.])$"
)
SAID_FIRST = re.compile(
    r"^((?:[A-Z]\w+ ?){1,3}) (said|says|added|warned) (?:that )?([^\"\u201c,:;?]{12,})([.])$"
)
SPOKEN = re.compile(r"^([^\s:]+(?: [^\s:]+){0,2}): (.{10,})$")
LISTED = re.compile(r"\b([A-Z]\w+(?: [A-Z]\w+)?) and ([A-Z]\w+(?: [A-Z]\w+)?)\b(?!')")
LISTED_NOUNS = re.compile(
    r"(\b(?:of|for|with|by|to|in|from|the|are|were|between|has|have|had)) ([a-z]{3,}s) and "
    r"([a-z]{3,}s)(?= (?:in|on|at|for|of|from|to|who|which|that|were|are|is|was|have|has|had|will)|"
    r"[.,!])"
)
PASSIVE = re.compile(
    r"^((?:[A-Z][\w-]+ ?){1,4}|(?:The|A|An|His|Her|Their|Its) (?:[\w-]+ ){0,2}[\w-]+) (?:was|were) "
    r"(\w+) by ((?:[A-Z][\w-]+ ?){1,4}|(?:the|a|an|his|her|their|its) [\w-]+(?: [\w-]+)?)"
    r"((?: (?:in|on|at|after|before|during|for)\b[^,;]*)?[.!])$"
)
_DISCOURSE = re.compile(
    r"\b(?:hand|fact|addition|short|particular|general|contrast|turn|case|all|least|average|example|"
    r"the end|stage|moment|that|this|which|way|ing|order)\b|ing\b"
)
_EMBEDDING = re.compile(
    r"(?i)\b(?:said|says|say|that|told|asked|asks|know|knows|knew|wonder|think|thought|even|only|not|"
    r"and|but|or|just|who|which|whether|what|how|n't)\b"
)


def reorder(claim: str, document: Document, rng: random.Random) -> str:
    """Say the same in another order, where one of the known forms applies; else unchanged."""
    for rewrite in rng.sample(REWRITES, len(REWRITES)):
        changed = rewrite(claim, document)
        if changed is not None and changed != claim:
            return changed
    return claim


def uncapitalised(text: str, document: Document) -> str | None:
    """A sentence that begins with a small letter; None where that may be wrong.

    A name keeps its capital, and so does `I`.
    """
    word = WORD.match(text)
    if not word or word[0] == "I" or word[0] in TITLES or document.begins_with_name(text):
        return text if word else None
    lower = word[0].lower()
    if (lower in STARTERS or lower in document.lower_words) and word[0][1:] == lower[1:]:
        return text[0].lower() + text[1:]
    return None


def _front_to_back(claim: str, document: Document) -> str | None:
    found = FRONTED.match(claim)
    if not found or _DISCOURSE.search(found[1]) or _EMBEDDING.search(found[2]):
        return None
    small = uncapitalised(found[1], document)
    return f"{capitalised(found[2])} {small}{found[3]}" if small else None


def _back_to_front(claim: str, document: Document) -> str | None:
    found = TRAILING.match(claim)
    if not found or re.search(r"\b(?:since|from|said|says|that|before|after)\b", found[1]):
        return None
    small = uncapitalised(found[1], document)
    return f"{capitalised(found[2])}, {small}{found[3]}" if small else None


def _clause_to_back(claim: str, document: Document) -> str | None:
    found = FRONTED_CLAUSE.match(claim)
    if not found:
        return None
    return f"{capitalised(found[3])} {found[1].lower()} {found[2]}{found[4]}"


def _clause_to_front(claim: str, document: Document) -> str | None:
    found = TRAILING_CLAUSE.match(claim)
    if not found or _EMBEDDING.search(found[1]):
        return None
    small = uncapitalised(found[1], document)
    return f"{capitalised(found[2])} {found[3]}, {small}{found[4]}" if small else None


def _appose(claim: str, document: Document) -> str | None:
    found = APPOSITION.match(claim)
    if not found or found[1] not in document.names:
        return None
    return f"{capitalised(found[2])}, {found[1]}, {found[3]}"


def _possessive_to_genitive(claim: str, document: Document) -> str | None:
    found = POSSESSIVE.search(claim)
    if not found or found[1] not in document.names:
        return None
    the = "The" if found.start() == 0 else "the"
    return f"{claim[: found.start()]}{the} {found[2]} of {found[1]}{claim[found.end() :]}"


def _genitive_to_possessive(claim: str, document: Document) -> str | None:
    found = GENITIVE.search(claim)
    if not found or found[2] not in document.names or found[1] in PARTITIVES:
        return None
    return f"{claim[: found.start()]}{found[2]}'s {found[1]}{claim[found.end() :]}"


def _said_to_front(claim: str, document: Document) -> str | None:
    found = SAID_LAST.match(claim)
    if not found or found[1].startswith(("And ", "But ", "So ", "Or ")):
        return None
    small = uncapitalised(found[1], document)
    return f"{capitalised(found[2].strip())} {found[3]} that {small}{found[4]}" if small else None


def _said_to_back(claim: str, document: Document) -> str | None:
    found = SAID_FIRST.match(claim)
    if not found or found[1].strip().lower() in STARTERS:
        return None
    speaker = uncapitalised(found[1].strip(), document)
    return f"{capitalised(found[3])}, {speaker} {found[2]}{found[4]}" if speaker else None


def _quote_speaker(claim: str, document: Document) -> str | None:
    found = SPOKEN.match(claim)
    if not found or not document.turns or found[1] not in document.names or '"' in claim:
        return None
    return f'{found[1]} says, "{found[2]}"'


def _swap_listed(claim: str, document: Document) -> str | None:
    if "respectively" in claim:
        return None
    found = LISTED.search(claim)
    named = found and found[1] in document.names and found[2] in document.names
    before = claim[: found.start()].split()[-1:] if found else []
    if found and named and not any(w[0].isupper() for w in before):
        return claim[: found.start(1)] + f"{found[2]} and {found[1]}" + claim[found.end(2) :]
    if nouns := LISTED_NOUNS.search(claim):
        swapped = f"{nouns[1]} {nouns[3]} and {nouns[2]}"
        return claim[: nouns.start()] + swapped + claim[nouns.end() :]
    return None


def _passive_to_active(claim: str, document: Document) -> str | None:
    found = PASSIVE.match(claim)
    if not found or found[1].split()[0].lower() in ("he", "she", "they", "it", "we", "i", "there"):
        return None
    verb = found[2]
    if not (verb.endswith("ed") or verb in PARTICIPLES) or verb in ("followed", "used"):
        return None
    agent, patient = found[3].strip(), uncapitalised(found[1].strip(), document)
    return f"{capitalised(agent)} {verb} {patient}{found[4]}" if patient else None


REWRITES = (
    _front_to_back,
    _back_to_front,
    _clause_to_back,
    _clause_to_front,
    _appose,
    _possessive_to_genitive,
    _genitive_to_possessive,
    _said_to_front,
    _said_to_back,
    _quote_speaker,
    _swap_listed,
    _passive_to_active,
)
