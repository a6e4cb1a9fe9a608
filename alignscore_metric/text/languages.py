"""Texts that are not English, as far as their script tells: for warnings, no score depends on it.

Pure. A text in Latin letters is taken for English, whatever its language.
"""

from __future__ import annotations

import re

import numpy as np

from alignscore_metric.text.pairs import PairTable

_LETTERS = re.compile(r"[^\W\d_]")
_OTHER_LETTERS = re.compile(
    r"(?![A-Za-z\u00aa-\u02af\u1e00-\u1eff\u2c60-\u2c7f\ua720-\ua7ff])[^\W\d_]"
)
"""Letters of other scripts than Latin, its phonetic and extended letters included."""


def in_another_script(text: str) -> bool:
    """Whether most letters of a text are not Latin.

    Example:
        >>> [in_another_script(text) for text in ("Žižek naïvely", "Это мост.", "橋 in Leeds", "7")]
        [False, True, False, False]
    """
    if text.isascii():
        return False
    return 2 * len(_OTHER_LETTERS.findall(text)) > len(_LETTERS.findall(text))


def rows_in_another_script(table: PairTable) -> tuple[int, ...]:
    """Examples with a sentence or a chunk in another script, by number, rising."""
    chunks, sentences = (
        np.array([in_another_script(text) for text in texts], dtype=bool)
        for texts in (table.chunks, table.sentences)
    )
    if not chunks.any() and not sentences.any():
        return ()
    other = chunks[table.pairs[:, 0]] | sentences[table.pairs[:, 1]]
    cells = np.flatnonzero(other[table.cells])
    firsts = table.sentence_cells[table.example_sentences]
    rows = np.unique(np.searchsorted(firsts, cells, side="right") - 1)
    return tuple(rows.tolist())


def told(rows: int, names: list[str]) -> str:
    """What a user is told of rows in another script.

    Args:
        rows: How many rows there are.
        names: What those are called; the first five are named.
    """
    first = ", ".join(names[:5]) + (" ..." if len(names) > 5 else "")
    return (
        f"{len(names)} of {rows} rows are not in English, by their script ({first}): this model "
        "reads English, and scores of other languages mean little"
    )
