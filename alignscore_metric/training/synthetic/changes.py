"""Which words of a claim are not those of another text: what a span head learns to find.

Pure functions of strings.
"""

from __future__ import annotations

from difflib import SequenceMatcher

from alignscore_metric.text.spans import WORD

Spans = tuple[tuple[int, int], ...]


def changed_words(claim: str, other: str, *, least: float = 0.0) -> Spans | None:
    """Where a claim has other words than a text that says nearly the same.

    Case does not count, nor does punctuation alone.

    Args:
        claim: The claim.
        other: What it is compared with.
        least: Share of the claim's words that must be the other's, in [0, 1].

    Returns:
        (start, end) of characters of the claim, neighbouring words in one; None where the claim
        has no other word (it lacks some, perhaps), or too many.

    Example:
        >>> changed_words("It sold 40 cars in May.", "It sold 14 cars in June.")
        ((8, 10), (19, 22))
        >>> changed_words("It sold cars.", "It sold no cars.") is None
        True
    """
    found = list(WORD.finditer(claim))
    words = [match[0].lower() for match in found]
    matcher = SequenceMatcher(None, [m[0].lower() for m in WORD.finditer(other)], words, False)
    changes = [
        (found[first].start(), found[last - 1].end())
        for kind, _, _, first, last in matcher.get_opcodes()
        if kind != "equal" and any(word[0].isalnum() for word in words[first:last])
    ]
    shared = sum(block.size for block in matcher.get_matching_blocks())
    return tuple(changes) if changes and shared >= least * len(words) else None


def whole(claim: str) -> Spans:
    """All of a claim."""
    return ((0, len(claim)),)
