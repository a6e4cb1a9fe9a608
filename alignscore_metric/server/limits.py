"""What one request may ask for, and the refusal of more. Knows nothing of sockets or the model.

Asked twice: of the texts as they come, cheaply, and of the table of pairs that they turn out to be.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from alignscore_metric.checkpoint.profile import Profile
from alignscore_metric.errors import AlignScoreError
from alignscore_metric.text.pairs import PairTable, Source

SENTENCE_END = re.compile(r"""(?:[.?!](?=[\s)";}\]*:@'({\[!?])|[\u2026\n\r])\s*""")
"""Where a sentence may end, and nowhere else: at a mark before a space or one of these, at a line's
end."""

LONG_WORD = 8
MOST_TOKENS_OF_A_BYTE = 6
MOST_CONTROL_TOKENS = 64  # of a pair; a prompt has about 40 tokens of its own


class RefusalError(AlignScoreError):
    """A request that is not answered.

    Args:
        status: HTTP status.
        message: What is wrong, where, and what to do.
        field: Field of the body that is wrong, if it is one.
        row: Row of that field, from 0, if it is one.
    """

    def __init__(
        self, status: int, message: str, *, field: str | None = None, row: int | None = None
    ) -> None:
        super().__init__(message)
        self.status, self.message, self.field, self.row = status, message, field, row

    @property
    def body(self) -> dict[str, dict[str, object]]:
        """The JSON of the answer."""
        return {"error": {"message": self.message, "field": self.field, "row": self.row}}

    @property
    def headers(self) -> dict[str, str]:
        """When to come back, where that helps; how to ask, where a token is missing."""
        extra = {503: {"Retry-After": "1"}, 401: {"WWW-Authenticate": "Bearer"}}
        return extra.get(self.status, {})


@dataclass(frozen=True, kw_only=True)
class Limits:
    """What a client may ask for.

    Attributes:
        body: Bytes of a request's body.
        texts: Summaries and passages of a request together.
        characters: Characters of one text.
        pairs: (chunk, sentence) pairs of a request.
        tokens: Tokens of these pairs together: the work that they are for the model.
        queue: Requests that wait for the model, and requests that are being received.
        read_seconds: Time for a request to arrive, and for an idle connection to say something.
        answer_seconds: Time for an accepted request to be answered.
    """

    body: int = 4 * 2**20
    texts: int = 1000
    characters: int = 100_000
    pairs: int = 2000
    tokens: int = 2**17
    queue: int = 256
    read_seconds: int = 10
    answer_seconds: int = 60

    def check(
        self,
        sources: Sequence[Source],
        summaries: Sequence[str],
        *,
        profile: Profile,
        fields: tuple[str, str] = ("sources", "summaries"),
    ) -> int:
        """Refuse more than the limits allow, as far as it can be told without splitting texts.

        Args:
            sources: N sources, each a text or passages.
            summaries: N summaries.
            profile: How the model splits them.
            fields: What the client called the two.

        Returns:
            About how many pairs the request has.

        Raises:
            RefusalError: Lengths differ or a text is not Unicode (422), or something is too much
                (413); names the row.
        """
        if len(sources) != len(summaries):
            raise RefusalError(
                422, f"{len(sources)} sources but {len(summaries)} summaries; give one per summary"
            )
        texts = pairs = 0
        for row, (source, summary) in enumerate(zip(sources, summaries, strict=True)):
            passages = [source] if isinstance(source, str) else source
            self._check_texts(fields[0], row, passages)
            self._check_texts(fields[1], row, [summary])
            texts += len(passages) + 1
            pairs += estimate_pairs(passages, summary, profile)
            for name, count, limit in (
                ("texts", texts, self.texts),
                ("(chunk, sentence) pairs", pairs, self.pairs),
            ):
                if count > limit:
                    raise RefusalError(
                        413,
                        f"row {row} takes the request to about {count} {name}; the limit is "
                        f"{limit}: send fewer rows or shorter texts at a time",
                        row=row,
                    )
        return pairs

    def check_table(self, table: PairTable, count_tokens: Callable[[PairTable], int]) -> None:
        """Refuse more work than the limits allow, before any of it is done.

        Args:
            table: What a request's texts turned out to be.
            count_tokens: Gives the tokens that scoring a table takes.

        Raises:
            RefusalError: Too many pairs, or tokens (413).
        """
        self._check_work("(chunk, sentence) pairs", len(table.pairs), self.pairs)
        if most_tokens(table) > self.tokens:  # else it need not be counted
            self._check_work("tokens in its pairs", count_tokens(table), self.tokens)

    def _check_work(self, what: str, count: int, limit: int) -> None:
        if count > limit:
            raise RefusalError(
                413,
                f"the request has {count} {what}; the limit is {limit}: send fewer rows or shorter "
                "texts at a time",
            )

    def _check_texts(self, field: str, row: int, texts: Sequence[str]) -> None:
        where = f"{field}, row {row}"
        if (longest := max(map(len, texts), default=0)) > self.characters:
            message = f"{where}: a text of {longest} characters; the limit is {self.characters}"
            raise RefusalError(413, message, field=field, row=row)
        try:
            "".join(texts).encode()
        except UnicodeEncodeError as cause:  # no answer could quote it
            message = f"{where}: not Unicode text ({cause.reason}); replace lone surrogates"
            raise RefusalError(422, message, field=field, row=row) from cause


def estimate_pairs(passages: Sequence[str], summary: str, profile: Profile) -> int:
    """About how many (chunk, sentence) pairs a summary and its source's passages make.

    Cheap, for it does without the splitter. Sentences are as many as a text can have at most;
    AlignScore makes up to twice as many chunks as its arithmetic aims at.

    Example:
        >>> estimate_pairs(["word " * 700, "One more."], "It ended. Did it? Yes", Profile())
        12
    """
    # A text without spaces is one word, but neither to the model nor to whom its chunks are sent.
    words = sum(max(len(passage.split()), len(passage) // LONG_WORD) for passage in passages)
    chunks = len(passages) + words // profile.chunk_words
    return (1 if profile.chunking == "whole" else max(1, chunks)) * (
        1 if profile.claims == "whole" else most_sentences(summary)
    )


def most_sentences(text: str) -> int:
    """As many sentences as a splitter can make of a text, or more; none of a blank one.

    Example:
        >>> most_sentences("It rose 3.5 feet. Why?! Ask Dr. Ng.")
        5
    """
    text = text.strip()
    return len(SENTENCE_END.findall(text)) + 1 if text else 0


def most_tokens(table: PairTable) -> int:
    """More tokens than any tokenizer makes of a table's pairs, from the bytes of their texts.

    A token has a character at least, or a byte; a tokenizer that normalises may write 18 characters
    for one of three bytes.
    """
    chunks, sentences = (
        np.array([len(text.encode(errors="replace")) for text in texts], dtype=np.int64)
        for texts in (table.chunks, table.sentences)
    )
    sizes = chunks[table.pairs[:, 0]] + sentences[table.pairs[:, 1]]
    return int((MOST_CONTROL_TOKENS + MOST_TOKENS_OF_A_BYTE * sizes).sum())
