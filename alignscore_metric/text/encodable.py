"""Texts that UTF-8, hence every tokenizer and file, can hold. Pure; imports no torch."""

from __future__ import annotations


def encodable(text: str) -> str:
    r"""The text with U+FFFD for lone surrogates; two that make a character become it.

    Example:
        >>> encodable("a \ud83d b \ud83d\ude00") == "a \ufffd b \U0001f600"
        True
    """
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
