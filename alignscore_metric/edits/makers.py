"""The kinds of edit: each finds something in a claim to change, so that it says something else.

Owns one function for each kind, in `MAKERS`. Knows nothing of passages or labels, nor how an edit
is made in the text that the claim comes from (`edits`).
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Mapping

from alignscore_metric.edits.documents import Document
from alignscore_metric.edits.edits import Edit
from alignscore_metric.edits.lexicon import (
    ALIASES,
    ANTONYMS,
    AUXILIARIES,
    BOUNDS,
    CONNECTIVES,
    DETERMINERS,
    FIRST_NAMES,
    FUNCTION_WORDS,
    NUMBER_VALUES,
    NUMBER_WORDS,
    ORDINALS,
    PARTICIPLES,
    PAST_TENSES,
    PREPOSITIONS,
    PRONOUNS,
    QUANTIFIERS,
    RELATIONS,
    REWORDINGS,
    STRENGTHS,
    SYMMETRIC_WORDS,
    TIMES,
    TITLES,
    UNITS,
    WEAKENED,
    WEEKDAYS_AND_MONTHS,
)
from alignscore_metric.edits.sentences import (
    DIGITS,
    QUOTE,
    Sentence,
    cased,
    content_slot,
    detail_start,
    last_word,
    subject_end,
    table_places,
    whole_word_places,
)

YEAR = re.compile(r"(?:1[5-9]|20)\d\d(?:s)?")
NEGATABLE = ("all", "every", "always", "necessarily")

Maker = Callable[[Sentence, Document, Document, random.Random], Edit | None]


# Words that a table has partners for.


def _partners(
    claim: Sentence, table: Mapping[str, list[str]], rng: random.Random
) -> tuple[int, int, str] | None:
    """A word or two words of a claim that a table knows, and a partner of theirs."""
    places = table_places(claim, table)
    rng.shuffle(places)
    for first, last in places:
        old = claim.between(first, last)
        if (first and old[0].isupper()) or _misleading(claim, first, last):
            continue  # Part of a name, or of something that is said otherwise.
        new = rng.choice(table[old.lower()])
        if new not in claim.lowers:
            return first, last, cased(new, old)
    return None


def _misleading(claim: Sentence, first: int, last: int) -> bool:
    """Whether a word is not used as the tables mean it (`to go`, `the most`, `at all`)."""
    word = claim.lowers[first]
    before = claim.lowers[first - 1] if first else ""
    after = claim.words[last + 1] if last + 1 < len(claim.words) else ""
    if word == "to" and first == last:
        return not (after[:1].isupper() or after[:1].isdigit() or after in DETERMINERS)
    if word in ("most", "least"):
        counts = after == "of" or after in ("people", "children") or after.endswith("s")
        return before == "at" or before in DETERMINERS or not counts
    if word in ("days", "years") and before == "these":
        return True
    if word == "all":
        return before in ("at", "after", "above", "not", "first", "in", "over", "of")
    if word == "no":
        return after in ("longer", "doubt", "matter", "one", "more")
    if word == "few":
        return before in ("a", "last", "next", "past", "first")
    if word in ("up", "down", "over", "like", "right", "left", "back", "hard", "long", "well"):
        return before not in PREPOSITIONS and before not in DETERMINERS and after in PREPOSITIONS
    return before == "no" or (before == "not" and word in NEGATABLE)


def _one_of_table(kind: str, table: Mapping[str, list[str]]) -> Maker:
    """A word, or two, become a partner of theirs."""

    def make(claim: Sentence, own: Document, other: Document, rng: random.Random) -> Edit | None:
        change = _partners(claim, table, rng)
        return Edit(kind, (change,)) if change else None

    return make


def change_strength(
    claim: Sentence, own: Document, other: Document, rng: random.Random
) -> Edit | None:
    """What may be becomes what is sure (the edited claim goes too far), or the other way round."""
    stronger, weaker = _partners(claim, STRENGTHS, rng), _partners(claim, WEAKENED, rng)
    if stronger and (not weaker or rng.random() < 0.7):
        return Edit("modality", (stronger,), "claim")
    if weaker:
        return Edit("modality", (weaker,), "passage")
    return None


# Names.


def _names_in(claim: Sentence, own: Document) -> list[tuple[int, int]]:
    """First and last word of the names of the document that stand in a claim."""
    starts = {a: i for i, (a, _) in enumerate(claim.spans)}
    ends = {b: i for i, (_, b) in enumerate(claim.spans)}
    found: list[tuple[int, int]] = []
    for name in sorted(own.names, key=len, reverse=True):
        for at in whole_word_places(claim.text, name):
            if at in starts and at + len(name) in ends:
                first, last = starts[at], ends[at + len(name)]
                if all(last < a or first > b for a, b in found) and _whole_name(claim, first, last):
                    found.append((first, last))
    return sorted(found)


def _whole_name(claim: Sentence, first: int, last: int) -> bool:
    """Whether a name is no part of a longer one that the document does not know."""
    if last + 1 < len(claim.words):
        gap = claim.spans[last + 1][0] - claim.spans[last][1]
        if claim.words[last + 1][0].isupper() and gap == 1:
            return False
    before = claim.words[first - 1] if first > 1 else ""
    return not before[:1].isupper() or before in TITLES


def _may_be_same(a: str, b: str) -> bool:
    """Whether two names may stand for the same thing."""
    words_a, words_b = set(a.lower().split()), set(b.lower().split())
    if words_a & words_b or a.lower() in b.lower() or b.lower() in a.lower():
        return True
    initials = ["".join(w[0] for w in n.split() if w[0].isupper()) for n in (a, b)]
    if initials[0] == b.replace(".", "") or initials[1] == a.replace(".", ""):
        return True
    return any(a in group and b in group for group in ALIASES)


def _other_name(
    old: str, claim: Sentence, own: Document, pool: Document, rng: random.Random
) -> str | None:
    """A name of the same class that stands for something else."""
    kind = own.names[old]
    candidates = list(pool.by_class.get(kind, []))
    if kind == "person":
        candidates += [n for n in pool.by_class.get("other", []) if n.count(" ") == 1]
    if not candidates and kind in ("person", "other"):
        candidates = pool.by_class.get("other", []) + pool.by_class.get("person", [])
    candidates = [n for n in candidates if n not in claim.text]
    rng.shuffle(candidates)
    for name in candidates[:6]:
        if not _may_be_same(name, old):
            return name
    return None


def _entity(kind: str, foreign: bool) -> Maker:
    """A name becomes another of the same class, of this document or of another."""

    def make(claim: Sentence, own: Document, other: Document, rng: random.Random) -> Edit | None:
        present = _names_in(claim, own)
        rng.shuffle(present)
        for first, last in present:
            old = claim.between(first, last)
            new = _other_name(old, claim, own, other if foreign else own, rng)
            if new and claim.text.count(old) == 1 and not (foreign and new in own.names):
                return Edit(kind, ((first, last, new),))
        return None

    return make


def swap_names(claim: Sentence, own: Document, other: Document, rng: random.Random) -> Edit | None:
    """Two names of the claim change places, unless they are free to do so."""
    present = _names_in(claim, own)
    pairs = [
        (a, b)
        for i, a in enumerate(present)
        for b in present[i + 1 :]
        if not _interchangeable(claim, a, b)
        and _is_speaker(claim, a) == _is_speaker(claim, b)
        and _classes_fit(own.names[claim.between(*a)], own.names[claim.between(*b)])
        and not _may_be_same(claim.between(*a), claim.between(*b))
    ]
    if not pairs:
        return None
    a, b = rng.choice(pairs)
    return Edit("roles", ((*a, claim.between(*b)), (*b, claim.between(*a))))


def _is_speaker(claim: Sentence, name: tuple[int, int]) -> bool:
    return claim.words[name[1] + 1 : name[1] + 2] == (":",)


def _classes_fit(a: str, b: str) -> bool:
    return a == b or {a, b} <= {"person", "other", "organisation"} or {a, b} <= {"place", "other"}


# Words in places of the same kind.


def change_order(
    claim: Sentence, own: Document, other: Document, rng: random.Random
) -> Edit | None:
    """Two words of the same form change places (two adjectives, two nouns with articles ...)."""
    groups: dict[str, list[int]] = {}
    lowers, words = claim.lowers, claim.words
    for i in range(1, len(words) - 1):
        if slot := content_slot(claim, i):
            groups.setdefault(slot, []).append(i)
    pairs = [
        (i, j)
        for members in groups.values()
        for n, i in enumerate(members)
        for j in members[n + 1 :]
        if lowers[i][:4] != lowers[j][:4]
        and lowers[j] not in REWORDINGS.get(lowers[i], ())
        and not _interchangeable(claim, (i, i), (j, j))
        and not (j - i <= 3 and "," in lowers[i:j])
        and not (j - i <= 3 and ("and" in lowers[i:j] or "or" in lowers[i:j]))
    ]
    if not pairs:
        return None
    i, j = rng.choice(pairs)
    return Edit("order", ((i, i, words[j]), (j, j, words[i])))


def _interchangeable(claim: Sentence, a: tuple[int, int], b: tuple[int, int]) -> bool:
    """Whether two spans of a claim may change places without a change of meaning."""
    between = claim.lowers[a[1] + 1 : b[0]]
    before = claim.lowers[max(a[0] - 3, 0) : a[0]]
    if "between" in before or "both" in before:
        return True
    if {",", "and", "or", "&"} & set(between) and not any(map(_is_verbal, between)):
        return True  # A list.
    told = [
        w
        for i, w in enumerate(between, a[1] + 1)
        if w not in SYMMETRIC_WORDS
        and w not in DETERMINERS
        and w not in AUXILIARIES
        and not claim.words[i][0].isupper()
    ]
    return not told or set(told) <= {"of", "for", "at", "on", "'s", "\u2019s"}


def _is_verbal(word: str) -> bool:
    """Whether a word is a verb, or one that parts clauses and their members, by its form."""
    if word in PREPOSITIONS:
        return word != "of"
    return word in AUXILIARIES or word in PAST_TENSES or word.endswith(("ed", "ing"))


def _content(kind: str, foreign: bool) -> Maker:
    """A content word becomes another that stood in a place of the same kind."""

    def make(claim: Sentence, own: Document, other: Document, rng: random.Random) -> Edit | None:
        slots = {i: slot for i in range(len(claim.words)) if (slot := content_slot(claim, i))}
        pool = (other if foreign else own).by_slot
        for at in rng.sample(list(slots), min(4, len(slots))):
            old, same = claim.words[at], pool.get(slots[at], [])
            for new in rng.sample(same, min(4, len(same))):
                if new[:4] == old[:4] or new in claim.text or new in REWORDINGS.get(old, ()):
                    continue
                return Edit(kind, ((at, at, new),))
        return None

    return make


# Numbers, dates and units.


def change_number(
    claim: Sentence, own: Document, other: Document, rng: random.Random
) -> Edit | None:
    """A number becomes another of the document, or one near it; number words likewise."""
    places = [i for i in range(len(claim.words)) if _is_number(claim, i)]
    if not places:
        return None
    at = rng.choice(places)
    old = claim.words[at]
    if old[0].isdigit():
        pool = [n for n in own.numbers if len(n) == len(old) and n not in claim.words]
        pool = [n for n in pool if not YEAR.fullmatch(n) and _shape(n) == _shape(old)]
        new = rng.choice(pool) if pool and rng.random() < 0.4 else near_number(old, rng)
    else:
        words = ORDINALS if old.lower() in ORDINALS else NUMBER_WORDS[1:]
        near = words.index(old.lower())
        near_words = words[max(near - 4, 0) : near + 5]
        new = rng.choice([w for w in near_words if w not in claim.lowers])
    return Edit("number", ((at, at, cased(new, old)),)) if new != old else None


def _shape(number: str) -> str:
    """A number with every digit as 0."""
    return re.sub(r"\d", "0", number)


def _is_number(claim: Sentence, i: int) -> bool:
    """Whether the word can become another number: no year, no bound (`more than 20`)."""
    word = claim.lowers[i]
    before = claim.lowers[i - 1] if i else ""
    if before in ("$", "\u00a3", "\u20ac") and i > 1:
        before = claim.lowers[i - 2]
    if before in BOUNDS or before == "one" or claim.lowers[max(i - 2, 0) : i] == ("up", "to"):
        return False
    after = claim.lowers[i + 1] if i + 1 < len(claim.words) else ""
    if word[0].isdigit():
        return bool(DIGITS.fullmatch(word)) and not YEAR.fullmatch(word) and word.strip("0,.") != ""
    if word == "second" and before not in DETERMINERS:
        return False
    return (word in NUMBER_VALUES and word != "one") or (word in ORDINALS and after != "-")


def near_number(old: str, rng: random.Random) -> str:
    """Another number of the same shape: one or two digits change, the first never to 0."""
    places = [i for i, c in enumerate(old) if c.isdigit()]
    chars = list(old)
    for place in rng.sample(places, min(len(places), rng.choice((1, 1, 2)))):
        choices = [d for d in "0123456789" if d != old[place] and (d != "0" or place > 0)]
        chars[place] = rng.choice(choices)
    return "".join(chars)


def change_date(claim: Sentence, own: Document, other: Document, rng: random.Random) -> Edit | None:
    """A weekday, month, year, season or time of day becomes another."""
    options: list[tuple[int, int, str]] = []
    for i, word in enumerate(claim.words):
        if word in WEEKDAYS_AND_MONTHS and not _in_name(claim, i):
            others = [w for w in WEEKDAYS_AND_MONTHS[word] if w not in claim.words]
            options.append((i, i, rng.choice(others)))
        elif YEAR.fullmatch(word):
            options.append((i, i, _other_year(word, own, rng)))
    timed = _partners(claim, TIMES, rng)
    if timed and (not options or rng.random() < 0.25):
        options = [timed]
    return Edit("date", (rng.choice(options),)) if options else None


def _in_name(claim: Sentence, i: int) -> bool:
    """Whether a weekday or month is part of a name (`Theresa May`, `Sunday Times`)."""
    around = [claim.words[j] for j in (i - 1, i + 1) if 0 <= j < len(claim.words)]
    if i == 1 and claim.words[0] not in FIRST_NAMES:
        around = around[1:]
    return any(w[0].isupper() and w not in WEEKDAYS_AND_MONTHS for w in around)


def _other_year(old: str, own: Document, rng: random.Random) -> str:
    """Another year of the document, or one at most twelve years away."""
    if old.endswith("s"):
        return f"{int(old[:-1]) + rng.choice((-20, -10, 10, 20))}s"
    pool = [n for n in own.numbers if YEAR.fullmatch(n) and n != old]
    if pool and rng.random() < 0.5:
        return rng.choice(pool)
    return str(int(old) + rng.choice((-1, 1)) * rng.choice((1, 1, 2, 3, 5, 7, 12)))


def change_unit(claim: Sentence, own: Document, other: Document, rng: random.Random) -> Edit | None:
    """A unit becomes another (`km` -> `miles`, `5m` -> `5bn`), where a number stands before it."""
    short = [
        i
        for i, w in enumerate(claim.words)
        if re.fullmatch(r"\d[\d.,]*(?:m|bn)", w) and i and claim.words[i - 1] in "$\u00a3\u20ac"
    ]
    if short:
        at = rng.choice(short)
        old = claim.words[at]
        new = old[:-2] + "m" if old.endswith("bn") else old[:-1] + "bn"
        return Edit("unit", ((at, at, new),))
    change = _partners(claim, UNITS, rng)
    return Edit("unit", (change,)) if change else None


# Clauses: their verb, their subject and their end.


def negate(claim: Sentence, own: Document, other: Document, rng: random.Random) -> Edit | None:
    """A negation is taken out where there is one, else put in behind a verb."""
    lowers = claim.lowers
    for i, word in enumerate(lowers):
        after = lowers[i + 1] if i + 1 < len(lowers) else ""
        if word == "not" and i and lowers[i - 1] in AUXILIARIES:
            if after in ("only", "just", "until", "necessarily", "because", "to"):
                return None
            return Edit("negation", ((i - 1, i, claim.words[i - 1]),))
        if word in ("cannot", "can't", "can\u2019t"):
            return Edit("negation", ((i, i, cased("can", claim.words[i])),))
        if word.endswith(("n't", "n\u2019t")) and word[:-3] in AUXILIARIES and i:
            return Edit("negation", ((i, i, claim.words[i][:-3]),))
    if {"no", "never", "nor", "neither", "nobody", "nothing", "hardly", "not"} & set(lowers):
        return None
    places = [i for i in range(1, len(lowers) - 1) if _can_negate(claim, i)]
    if not places:
        return None
    at = rng.choice(places)
    word = lowers[at]
    if word not in AUXILIARIES:
        new = f"did not {PAST_TENSES[word][0]}"
    elif rng.random() < 0.4 and word in ("is", "was", "were", "has", "have", "had", "would"):
        new = f"{word}n't"
    else:
        new = f"{word} not"
    return Edit("negation", ((at, at, new),))


def _can_negate(claim: Sentence, i: int) -> bool:
    """Whether the word is a finite verb that takes a negation."""
    word, before, after = claim.lowers[i], claim.lowers[i - 1], claim.lowers[i + 1]
    if claim.words[i] != word:
        return False
    if word in PAST_TENSES:
        named = claim.words[i - 1][0].isupper() and before not in FUNCTION_WORDS
        return named or before in ("he", "she", "they", "it", "we", "i")
    if word in ("have", "has", "had"):
        return after == "been" or after.endswith("ed") or after in PARTICIPLES
    if word in ("do", "does", "did"):
        return False
    return word in AUXILIARIES and (after[0].isalnum() and after not in ("only", "just"))


def change_subject(
    claim: Sentence, own: Document, other: Document, rng: random.Random
) -> Edit | None:
    """The subject of the claim becomes that of another sentence with the same verb form."""
    end = subject_end(claim)
    if not end:
        return None
    old = claim.between(0, end - 1)
    subjects = [s for s in own.subjects.get(claim.words[end], []) if s not in claim.text]
    stems = Sentence.of(old).stems
    rng.shuffle(subjects)
    for new in subjects[:3]:
        if not stems & Sentence.of(new).stems:
            return Edit("subject", ((0, end - 1, new),))
    return None


def _tail(kind: str, foreign: bool) -> Maker:
    """The end of the claim becomes the end of another sentence, from a connective they share."""

    def make(claim: Sentence, own: Document, other: Document, rng: random.Random) -> Edit | None:
        last = last_word(claim)
        places = [i for i in range(2, last - 1) if claim.lowers[i] in CONNECTIVES]
        rng.shuffle(places)
        table = (other if foreign else own).tails
        for at in places[:4]:
            tails = table.get(claim.words[at], [])
            old = claim.between(at, last)
            stems = claim.stems
            for tail in rng.sample(tails, min(3, len(tails))):
                new = Sentence.of(tail).stems
                if len(new - stems) >= 2 and not QUOTE.search(old):
                    return Edit(kind, ((at, last, tail),))
        return None

    return make


def change_detail(
    claim: Sentence, own: Document, other: Document, rng: random.Random
) -> Edit | None:
    """A detail of time, place or manner, of another document, is added; or one is taken away.

    Who says less does not contradict who says more: only the version with the detail is a claim.
    """
    last = last_word(claim)
    start = detail_start(claim)
    if start and rng.random() < 0.5:
        return Edit("detail", ((start - 1, last, claim.words[start - 1]),), "passage")
    if not other.details or last < 4 or last != len(claim.words) - 2 or claim.words[-1] != ".":
        return None
    detail = rng.choice(other.details)
    if start and claim.lowers[start] == detail.split()[0]:
        return None
    return Edit("detail", ((last, last, f"{claim.words[last]} {detail}"),), "claim")


MAKERS: dict[str, Maker] = {
    "entity": _entity("entity", foreign=False),
    "entity_other": _entity("entity_other", foreign=True),
    "roles": swap_names,
    "order": change_order,
    "number": change_number,
    "date": change_date,
    "unit": change_unit,
    "pronoun": _one_of_table("pronoun", PRONOUNS),
    "negation": negate,
    "antonym": _one_of_table("antonym", ANTONYMS),
    "content": _content("content", foreign=False),
    "content_other": _content("content_other", foreign=True),
    "relation": _one_of_table("relation", RELATIONS),
    "quantifier": _one_of_table("quantifier", QUANTIFIERS),
    "modality": change_strength,
    "splice": _tail("splice", foreign=False),
    "graft": _tail("graft", foreign=True),
    "subject": change_subject,
    "detail": change_detail,
}
"""Edits of a sentence, by kind."""
