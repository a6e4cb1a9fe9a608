"""What lowered a score, in one line, and the verdict, for libraries that show a reason."""

from __future__ import annotations

from collections.abc import Sequence

from alignscore_metric.result import SentenceEvidence

NOTHING_TO_SCORE = "no sentence to score"


def judged(score: float, threshold: float) -> str:
    """`consistent` where a score reaches a threshold; never where it is NaN."""
    return "consistent" if score >= threshold else "inconsistent"


def least_supported(evidence: Sequence[SentenceEvidence]) -> str:
    """The least supported sentence of a summary, the first of equals, with its score.

    Args:
        evidence: The summary's sentences; none of them gives `NOTHING_TO_SCORE`.

    Example:
        >>> low = SentenceEvidence("It snowed.", 0.12, "It rained.", 0, 11, 21, "unmentioned")
        >>> high = SentenceEvidence("It rained.", 0.98, "It rained.", 0, 0, 10, "supported")
        >>> least_supported([high, low])
        'least supported (0.12): It snowed.'
    """
    if not evidence:
        return NOTHING_TO_SCORE
    found = min(evidence, key=lambda sentence: sentence.score)
    return f"least supported ({found.score:.2f}): {found.sentence}"
