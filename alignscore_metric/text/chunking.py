"""How a source becomes chunks: as AlignScore, MiniCheck or FactCG do it, or not at all.

Pure text: knows nothing of models and scores. Chunk sizes are whatever the counter given to it
counts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from alignscore_metric.text.splitters import SentenceSplitter, chunk_passages

Chunking = Literal["alignscore", "minicheck", "minicheck-words", "factcg", "whole"]
Counter = Callable[[str], int]


@dataclass(frozen=True)
class SourceChunker:
    """Cuts a source, one text or several passages, into chunks.

    Chunks never cross passages; `whole` joins the passages with a space. Blank passages and blank
    chunks are left out when any other has text: an empty premise can only add noise to the maximum.

    Attributes:
        chunking: Which way: `alignscore`, `minicheck`, `minicheck-words`, `factcg` or `whole`.
        size: Of a chunk; see `Profile.chunk_words`.
        splitter: Where sentences end; None will do for `whole`.
        count_tokens: Tokens of the model in a text; `minicheck` measures by them.

    Example:
        >>> whole = SourceChunker("whole", 350, splitter=None, count_tokens=len)
        >>> whole(["One. Two.", " ", "Three."])
        ['One. Two. Three.']
    """

    chunking: Chunking
    size: int
    splitter: SentenceSplitter | None
    count_tokens: Counter

    def __call__(self, source: str | Sequence[str]) -> list[str]:
        """The chunks of a source, at least one; `[""]` for a source without text."""
        chunking, size = self.chunking, self.size
        if chunking == "whole" or self.splitter is None:
            return [source if isinstance(source, str) else " ".join(_kept(source))]
        if chunking == "alignscore":
            return chunk_passages(source, splitter=self.splitter, chunk_words=size)
        chunks: list[str] = []
        for passage in [source] if isinstance(source, str) else source:
            if chunking == "factcg":
                chunks += factcg_chunks(passage, self.splitter, size)
            else:
                count = self.count_tokens if chunking == "minicheck" else _count_words
                chunks += minicheck_chunks(passage, self.splitter, size, count)
        return _kept(chunks)


def _count_words(text: str) -> int:
    return len(text.split())


def minicheck_chunks(text: str, splitter: SentenceSplitter, size: int, count: Counter) -> list[str]:
    """MiniCheck's chunks: whole sentences up to a size, line breaks kept.

    Its released code counts tokens of the model, but words between spaces for Flan-T5.

    Args:
        text: Any text; each line is split by itself.
        splitter: Where sentences end.
        size: Tokens, or words, of a chunk; a longer sentence makes its own.
        count: How many a text has. A line break is counted as a piece of its own.

    Source: Tang et al. 2024, "MiniCheck: Efficient Fact-Checking of LLMs on Grounding Documents",
    EMNLP; the chunker of its released code.
    """
    pieces = [piece for line in text.split("\n") for piece in [*splitter.split(line), "\n"]][:-1]
    packed = (" ".join(part) for part in _pack(pieces, size, count))
    return _kept([piece.replace(" \n ", "\n").strip() for piece in packed])


def factcg_chunks(text: str, splitter: SentenceSplitter, size: int) -> list[str]:
    """FactCG's chunks: whole sentences up to `size` NLTK words, a line each.

    Args:
        text: Any text.
        splitter: Where sentences end.
        size: Words of a chunk as `nltk.word_tokenize` counts them; a longer sentence makes its own.

    Source: Lei et al. 2025, "FactCG: Enhancing Fact Checkers with Graph-Based Multi-Hop Data",
    NAACL; the chunker of its released code.
    """
    from nltk.tokenize.destructive import NLTKWordTokenizer

    words = NLTKWordTokenizer()

    def count(sentence: str) -> int:
        return sum(len(words.tokenize(part)) for part in splitter.split(sentence))

    packed = ["\n".join(part).strip("\n") for part in _pack(splitter.split(text), size, count)]
    # The released code treats the last chunk so, and no other.
    last = [piece.replace(" \n ", "\n").strip() for piece in packed[-1:]]
    return _kept(packed[:-1] + last)


def _pack(pieces: Sequence[str], size: int, count: Counter) -> Iterator[list[str]]:
    """Consecutive pieces in groups of at most `size`; a larger piece makes its own group."""
    group: list[str] = []
    filled = 0
    for piece in pieces:
        length = count(piece)
        if group and filled + length > size:
            yield group
            group, filled = [], 0
        group.append(piece)
        filled += length
    if group:
        yield group


def _kept(texts: Sequence[str]) -> list[str]:
    """The texts that are not blank; one empty text where all are."""
    return [text for text in texts if text.strip()] or [""]
