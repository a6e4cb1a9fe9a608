"""Token ids of pairs: tokenise texts once, truncate, join, pad. Knows nothing of models.

A pair's ids are joined from its two texts' ids, so that a chunk that meets ten sentences is
tokenised once. The result equals what the tokenizer itself gives for the pair.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from tqdm.auto import tqdm
from transformers import PreTrainedTokenizerBase

from alignscore_metric.errors import CheckpointError

TOKENIZER_BATCH = 512
"""Texts handed to the tokenizer at a time: enough for its threads, few enough to show progress."""


@dataclass(frozen=True)
class PairTemplate:
    """The special tokens around and between the two texts of a pair.

    Attributes:
        prefix: Ids before the context.
        middle: Ids between context and claim.
        suffix: Ids after the claim.
        pad_id: Id of the padding token.
        type_ids: Token types of context (with prefix and middle) and claim (with suffix), or None
            where the model takes none.
    """

    prefix: tuple[int, ...]
    middle: tuple[int, ...]
    suffix: tuple[int, ...]
    pad_id: int
    type_ids: tuple[int, int] | None

    @classmethod
    def of(cls, tokenizer: PreTrainedTokenizerBase) -> PairTemplate:
        """Read the template off a tokenizer by encoding a pair with it.

        Raises:
            CheckpointError: The tokenizer does not lay a pair out as two segments.
        """
        pair = tokenizer("a", "b", return_special_tokens_mask=True, return_token_type_ids=True)
        ids, special = pair["input_ids"], pair["special_tokens_mask"]
        first = special.index(0)
        last = len(special) - 1 - special[::-1].index(0)
        inner = [i for i in range(first, last) if special[i]]
        if not inner or tokenizer.pad_token_id is None:
            raise CheckpointError("the tokenizer has no two-segment layout or no padding token")
        types = pair["token_type_ids"] if "token_type_ids" in tokenizer.model_input_names else None
        return cls(
            prefix=tuple(ids[:first]),
            middle=tuple(ids[inner[0] : inner[-1] + 1]),
            suffix=tuple(ids[last + 1 :]),
            pad_id=int(tokenizer.pad_token_id),
            type_ids=None if types is None else (types[first], types[last]),
        )

    @property
    def extra(self) -> int:
        """Special tokens of a pair."""
        return len(self.prefix) + len(self.middle) + len(self.suffix)

    def join(self, context: Sequence[int], claim: Sequence[int]) -> tuple[list[int], int]:
        """Ids of the whole pair, and how many of them belong to the first segment."""
        first = [*self.prefix, *context, *self.middle]
        return [*first, *claim, *self.suffix], len(first)


def tokenize(
    texts: Sequence[str], tokenizer: PreTrainedTokenizerBase, *, progress: bool
) -> list[list[int]]:
    """Token ids of each text, without special tokens and without truncation.

    Args:
        texts: Any strings; lone surrogates, which no tokenizer takes, become U+FFFD.
        tokenizer: A fast tokenizer.
        progress: Show a bar on stderr.
    """
    ids: list[list[int]] = []
    with tqdm(total=len(texts), desc="tokenising", unit="text", disable=not progress) as bar:
        for start in range(0, len(texts), TOKENIZER_BATCH):
            batch = [_encodable(text) for text in texts[start : start + TOKENIZER_BATCH]]
            encoded = tokenizer(
                batch,
                add_special_tokens=False,
                return_attention_mask=False,
                return_token_type_ids=False,
                verbose=False,
            )
            ids.extend(encoded["input_ids"])
            bar.update(len(batch))
    return ids


def _encodable(text: str) -> str:
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def truncate(context: list[int], claim: list[int], budget: int) -> tuple[list[int], list[int]]:
    """Cut a pair to a budget as the reference does, looking at this pair alone.

    The context is cut. Only where not one of its tokens would remain are both cut, the longer
    first (`truncation="longest_first"` of the tokenizers library).

    Args:
        context: Ids of the context.
        claim: Ids of the claim.
        budget: Tokens that both together may have, >= 2.

    Example:
        >>> truncate([1, 2, 3, 4], [5, 6], 4)
        ([1, 2], [5, 6])
        >>> truncate([1, 2, 3, 4], [5, 6, 7, 8], 4)
        ([1, 2], [5, 6])
    """
    if len(context) + len(claim) <= budget:
        return context, claim
    if len(claim) < budget:
        return context[: budget - len(claim)], claim
    short = min(len(context), len(claim))
    long = max(short, budget - short) if short <= budget else short
    if short + long > budget:
        short, long = budget // 2, budget - budget // 2
    if len(context) <= len(claim):
        return context[:short], claim[:long]
    return context[:long], claim[:short]


def pad(joined: Sequence[tuple[list[int], int]], template: PairTemplate) -> dict[str, np.ndarray]:
    """Rectangular model inputs for N joined pairs.

    Args:
        joined: What `PairTemplate.join` gave for each pair.
        template: The template that joined them.

    Returns:
        `input_ids`, `attention_mask` and, where the model takes them, `token_type_ids`:
        int64, shape [N, longest].
    """
    shape = (len(joined), max(len(ids) for ids, _ in joined))
    ids = np.full(shape, template.pad_id, dtype=np.int64)
    mask = np.zeros(shape, dtype=np.int64)
    types = np.zeros(shape, dtype=np.int64)
    for row, (tokens, first) in enumerate(joined):
        ids[row, : len(tokens)] = tokens
        mask[row, : len(tokens)] = 1
        if template.type_ids is not None:
            types[row, :first], types[row, first : len(tokens)] = template.type_ids
    inputs = {"input_ids": ids, "attention_mask": mask}
    return inputs if template.type_ids is None else inputs | {"token_type_ids": types}
