"""An edit of a claim, and how it is made in other texts too.

Owns where in a text the words of a claim stand. Knows nothing of documents, nor which edits there
are: those are `makers`'.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from alignscore_metric.edits.sentences import Sentence, substitute, whole_word_places

Direction = Literal["both", "claim", "passage"]


@dataclass(frozen=True)
class Edit:
    """Changes that make a claim say something else.

    Attributes:
        kind: Name of the edit.
        changes: For each change the first and the last word of the claim that it replaces (last
            = first - 1 inserts before `first`), and the new text.
        direction: `both` where neither version implies the other; `claim` where only the edited
            claim is not implied by the original sentence; `passage` where only the original claim
            is not implied by the edited sentence.
    """

    kind: str
    changes: tuple[tuple[int, int, str], ...]
    direction: Direction = "both"


def apply_edit(edit: Edit, claim: Sentence, source: str) -> tuple[str, str] | None:
    """Make the changes of an edit in a claim, and in the text that the claim was made from.

    Args:
        edit: An edit of the claim.
        claim: The claim.
        source: The text.

    Returns:
        The edited claim and the edited text; None where a changed place of the claim cannot be
        told in the text, or nothing would change.
    """
    places = [(claim.spans[a][0], claim.spans[b][1], new) for a, b, new in edit.changes]
    edited = substitute(claim.text, places)
    offset = source.find(claim.text)
    if offset >= 0:
        moved = [(a + offset, b + offset, new) for a, b, new in places]
    else:
        found = [_locate(claim, a, b, source) for a, b, _ in edit.changes]
        moved = [(p[0], p[1], c[2]) for p, c in zip(found, edit.changes, strict=True) if p]
        if len(moved) < len(places):
            return None
    edited_source = substitute(source, moved)
    if edited is None or edited_source is None or edited == claim.text:
        return None
    return edited, edited_source


def _locate(claim: Sentence, first: int, last: int, source: str) -> tuple[int, int] | None:
    """Where words of a claim stand in the text that it was made from, if that is certain.

    They are looked up with as little context as makes the place unique in both.
    """
    for left, right in ((0, 0), (0, 1), (1, 0), (1, 1), (2, 1), (1, 2)):
        a, b = max(first - left, 0), min(last + right, len(claim.words) - 1)
        wanted = claim.between(a, b)
        there = whole_word_places(source, wanted)
        if not there:
            if left == right == 0:
                return None
            continue
        if len(there) == 1 and len(whole_word_places(claim.text, wanted)) == 1:
            shift = there[0] - claim.spans[a][0]
            return claim.spans[first][0] + shift, claim.spans[last][1] + shift
    return None


def apply_everywhere(edit: Edit, claim: Sentence, text: str) -> str | None:
    """Make the changes of an edit everywhere in a text: old and new change places.

    Args:
        edit: An edit of the claim, of names, numbers or dates.
        claim: The claim.
        text: The text.

    Returns:
        The edited text; None where an old part is not in it.
    """
    table: dict[str, str] = {}
    for first, last, new in edit.changes:
        old = claim.between(first, last)
        if not whole_word_places(text, old):
            return None
        table |= {old: new, new: old}
        old_last, new_last = old.split()[-1], new.split()[-1]
        if " " in old and " " in new and old_last != new_last:
            table |= {old_last: new_last, new_last: old_last}
    found = re.compile("|".join(re.escape(k) for k in sorted(table, key=len, reverse=True)))
    places = {(m.start(), m.end()) for m in found.finditer(text)}
    whole = {(a, a + len(k)) for k in table for a in whole_word_places(text, k)}
    return substitute(text, [(a, b, table[text[a:b]]) for a, b in places & whole])
