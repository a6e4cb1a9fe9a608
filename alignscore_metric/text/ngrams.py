"""Texts as 64-bit hashes: their words, and the runs of words that they may share by copying.

Owns the normal form of a text, its hash, the hashes of its n-grams, and looking them up. Knows
nothing of files, rows or datasets.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from functools import lru_cache
from typing import cast

import numpy as np
import numpy.typing as npt

from alignscore_metric.text.forms import one_form

Hashes = npt.NDArray[np.uint64]

LONG, SHORT = 13, 8
"""Words of a run that two texts are taken to share by copying, as in Brown et al. (2020, app. C);
texts below 13 words are compared by runs of 8, and those below 8 words as a whole alone."""

FACTOR = 0x9E3779B97F4A7C15  # odd, so that a product modulo 2**64 loses nothing
_WORD = re.compile(r"\w+")
_SIEVE_BITS = 26


def normalise(text: str) -> list[str]:
    """Words of a text in lower case: case, spacing and punctuation do not tell texts apart.

    Nor does the way in which Unicode writes a letter; see `alignscore_metric.text.forms`.

    >>> normalise("It 's a well-known fact.")
    ['it', 's', 'a', 'well', 'known', 'fact']
    """
    return _WORD.findall(one_form(text).lower())


@lru_cache(maxsize=1 << 20)
def _word_hash(word: str) -> int:
    return _hash(word.encode(errors="replace"))


def word_hashes(text: str) -> Hashes:
    """The hash of each word of a text, in order."""
    return np.fromiter((_word_hash(word) for word in normalise(text)), dtype=np.uint64)


def text_hash(words: Hashes) -> int:
    """The hash of a whole text from those of its words; 0 for a text without a word."""
    return _hash(words.tobytes()) if len(words) else 0


def _hash(content: bytes) -> int:
    return int.from_bytes(hashlib.blake2b(content, digest_size=8).digest(), "big")


def ngram_hashes(words: Hashes, n: int) -> Hashes:
    """Hashes of a text's runs of n words, in order.

    Args:
        words: Hashes of its words, shape [W].
        n: Words in a run, at least 1.

    Returns:
        Shape [max(W - n + 1, 0)].
    """
    size = max(len(words) - n + 1, 0)
    total = np.zeros(size, dtype=np.uint64)
    for place in range(n):
        factor = np.uint64(pow(FACTOR, place, 1 << 64))
        total += words[place : place + size] * factor
    return total


def runs_of(texts: Sequence[Hashes], n: int) -> tuple[Hashes, npt.NDArray[np.int64]]:
    """Every run of n words of some texts.

    Args:
        texts: Hashes of each text's words.
        n: Words in a run.

    Returns:
        The runs' hashes, shape [R], and the number of the text that each is of, shape [R].
    """
    runs = ngram_hashes(np.concatenate([np.empty(0, np.uint64), *texts]), n)
    owner = np.repeat(np.arange(len(texts)), [len(words) for words in texts])
    first, last = owner[: len(runs)], owner[len(owner) - len(runs) :]
    inside = first == last
    return runs[inside], first[inside]


def own_runs(texts: Sequence[Hashes]) -> tuple[Hashes, npt.NDArray[np.int64]]:
    """The runs that each text is looked for by: of 13 words, or of 8 in texts with fewer than 13.

    Args:
        texts: Hashes of each text's words.

    Returns:
        As `runs_of`; the runs of 8 words come last.
    """
    short = np.array([len(words) < LONG for words in texts], dtype=bool)
    long_run, long_text = runs_of(texts, LONG)
    short_run, short_text = runs_of(texts, SHORT)
    kept = short[short_text]
    return (
        np.concatenate([long_run, short_run[kept]]),
        np.concatenate([long_text, short_text[kept]]),
    )


def distinct(*parts: Hashes) -> Hashes:
    """The distinct hashes of the parts, sorted; `numpy.unique` takes ten times as long."""
    hashes = np.sort(np.concatenate([*parts, np.empty(0, np.uint64)]))
    first = np.append(True, hashes[1:] != hashes[:-1])[: len(hashes)]
    return cast("Hashes", hashes[first])


def is_among(hashes: Hashes, known: Hashes) -> npt.NDArray[np.bool_]:
    """Which of the hashes are known; `numpy.isin` takes ten times as long.

    Args:
        hashes: Shape [N]; sorted ones are looked up faster.
        known: Distinct and sorted.
    """
    if not len(known):
        return np.zeros(len(hashes), dtype=bool)
    place = np.minimum(np.searchsorted(known, hashes), len(known) - 1)
    return cast("npt.NDArray[np.bool_]", known[place] == hashes)


class KnownHashes:
    """Known hashes that many others, most of them unknown, are looked up in.

    Example:
        >>> known = KnownHashes(np.array([3, 5], np.uint64))
        >>> known.places(np.array([5, 1, 3, 5], np.uint64)).tolist()
        [0, 2, 3]
    """

    def __init__(self, known: Hashes) -> None:
        """Keep the hashes, which must be distinct and sorted, and a sieve of their low bits."""
        self._known = known
        self._low = np.uint64((1 << _SIEVE_BITS) - 1)
        self._sieve = np.zeros(1 << _SIEVE_BITS, dtype=bool)  # lets few others pass, and fast
        self._sieve[known & self._low] = True

    def places(self, hashes: Hashes) -> npt.NDArray[np.int64]:
        """Where in an array of hashes the known ones are, in order."""
        passed = np.flatnonzero(self._sieve[hashes & self._low])
        return passed[is_among(hashes[passed], self._known)]
