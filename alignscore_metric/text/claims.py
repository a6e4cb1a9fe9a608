"""What is said, as a claim to be verified: a question with its answer. Pure; imports no torch."""

from __future__ import annotations


def claim_of(question: str, answer: str) -> str:
    """Question and answer as one claim: joined by a blank, as ALIGN's code does.

    Args:
        question: The question.
        answer: Its answer.

    Returns:
        The claim.

    Source: Zha et al. 2023, "Text Alignment Is An Efficient Unified Model for Massive NLP Tasks",
    NeurIPS (ALIGN), and its code.

    Example:
        >>> claim_of("Who wrote Emma?", "Jane Austen")
        'Who wrote Emma? Jane Austen'
    """
    return f"{question} {answer}"
