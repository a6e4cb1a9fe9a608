"""What is said, as claims to be verified: sentences, a whole text, a question with its answer.

Pure; imports no torch.
"""

from __future__ import annotations


def says_something(text: str) -> bool:
    r"""Whether a text has a letter, a digit or another word character of any script.

    Example:
        >>> [says_something(text) for text in ("It rained.", "雨", "7", "...", "\u200b", "")]
        [True, True, True, False, False, False]
    """
    return any(map(str.isalnum, text))


def claims_among(sentences: list[str]) -> list[str]:
    """The sentences that say something: marks between two of them claim nothing."""
    return [sentence for sentence in sentences if says_something(sentence)]


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
