"""Token ids of pairs: tokenise texts once, truncate, join, pad. Knows nothing of models.

A pair's ids are joined from its two texts' ids, so that a chunk that meets ten sentences is
tokenised once. The result equals what the tokenizer itself gives for the pair.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from tqdm.auto import tqdm
from transformers import PreTrainedTokenizerBase

from alignscore_metric.errors import CheckpointError
from alignscore_metric.profile import Profile

TOKENIZER_BATCH = 512
"""Texts handed to the tokenizer at a time: enough for its threads, few enough to show progress."""

PROMPTS = {
    "minicheck": "{context}{separator}{claim}",
    # As FactCG's inference code has it; its training code wrote "-No".
    "factcg": "{context}\n\nChoose your answer: based on the paragraph above can we conclude that "
    '"{claim}"?\n\nOPTIONS:\n- Yes\n- No\nI think the answer is ',
}
"""Templates that write a pair as one text: `separator` is the tokenizer's end-of-text token."""

Joined = tuple[list[int], int]
"""Ids of a whole pair, and how many of them belong to the first segment."""


@dataclass(frozen=True)
class PairTemplate:
    """The special tokens around and between the two texts of a pair.

    Attributes:
        prefix: Ids before the context.
        middle: Ids between context and claim.
        suffix: Ids after the claim.
        pad_id: Id of the padding token.
        type_ids: Token types of context (with prefix and middle) and claim (with suffix), or None
            where the model is told of none.
    """

    prefix: tuple[int, ...]
    middle: tuple[int, ...]
    suffix: tuple[int, ...]
    pad_id: int
    type_ids: tuple[int, int] | None

    @classmethod
    def of(cls, tokenizer: PreTrainedTokenizerBase, *, mark_claim: bool = False) -> PairTemplate:
        """Read the template off a tokenizer by encoding a pair with it.

        Args:
            tokenizer: A fast tokenizer.
            mark_claim: Tell the claim's tokens from the context's even where the tokenizer has no
                token types: for an aligner that `reads_claim`.

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
        types = None
        if "token_type_ids" in tokenizer.model_input_names:
            types = pair["token_type_ids"][first], pair["token_type_ids"][last]
        return cls(
            prefix=tuple(ids[:first]),
            middle=tuple(ids[inner[0] : inner[-1] + 1]),
            suffix=tuple(ids[last + 1 :]),
            pad_id=int(tokenizer.pad_token_id),
            type_ids=(0, 1) if mark_claim else types,
        )

    @property
    def extra(self) -> int:
        """Special tokens of a pair."""
        return len(self.prefix) + len(self.middle) + len(self.suffix)

    def join(self, context: Sequence[int], claim: Sequence[int]) -> Joined:
        """Ids of the whole pair, and how many of them belong to the first segment."""
        first = [*self.prefix, *context, *self.middle]
        return [*first, *claim, *self.suffix], len(first)


@dataclass(frozen=True)
class EncodedPairs:
    """Pairs as token ids.

    Attributes:
        lengths: Tokens of each pair with its special tokens, before truncation, shape [P].
        join: The ids of one pair, by its number; cut to the model's length.
        template: For padding.
    """

    lengths: npt.NDArray[np.int64]
    join: Callable[[int], Joined]
    template: PairTemplate


def encode_pairs(
    chunks: Sequence[str],
    sentences: Sequence[str],
    pairs: npt.NDArray[np.int64],
    *,
    tokenizer: PreTrainedTokenizerBase,
    profile: Profile,
    mark_claim: bool,
    progress: bool,
) -> EncodedPairs:
    """Encode pairs as a profile's template lays them out.

    Args:
        chunks: Distinct contexts.
        sentences: Distinct claims.
        pairs: Rows of (chunk, sentence) numbers, shape [P, 2].
        tokenizer: A fast tokenizer.
        profile: Its template and its length.
        mark_claim: See `PairTemplate.of`.
        progress: Show a bar on stderr.
    """
    template = PairTemplate.of(tokenizer, mark_claim=mark_claim)
    if profile.template != "pair":
        prompts = [
            PROMPTS[profile.template].format(
                context=chunks[c], claim=sentences[s], separator=tokenizer.eos_token
            )
            for c, s in pairs
        ]
        return _encode_prompts(prompts, template, tokenizer, profile.max_length, progress)
    texts = list(dict.fromkeys([*chunks, *sentences]))
    ids = dict(zip(texts, tokenize(texts, tokenizer, progress=progress), strict=True))
    budget = profile.max_length - template.extra

    def join(pair: int) -> Joined:
        chunk, sentence = pairs[pair]
        return template.join(*truncate(ids[chunks[chunk]], ids[sentences[sentence]], budget))

    lengths = [len(ids[chunks[c]]) + len(ids[sentences[s]]) + template.extra for c, s in pairs]
    return EncodedPairs(np.array(lengths, dtype=np.int64), join, template)


def _encode_prompts(
    prompts: list[str],
    template: PairTemplate,
    tokenizer: PreTrainedTokenizerBase,
    max_length: int,
    progress: bool,
) -> EncodedPairs:
    """Each pair written as one text: a single segment, cut at its end."""
    # As int32: a prompt is as long as a chunk, and there is one per pair.
    encoded = [
        np.array(ids, dtype=np.int32) for ids in tokenize(prompts, tokenizer, progress=progress)
    ]
    special = len(template.prefix) + len(template.suffix)

    def join(pair: int) -> Joined:
        kept = encoded[pair][: max_length - special].tolist()
        ids = [*template.prefix, *kept, *template.suffix]
        return ids, len(ids)

    lengths = np.array([len(ids) + special for ids in encoded], dtype=np.int64)
    return EncodedPairs(lengths, join, template)


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
    kept_context, kept_claim = kept_lengths(len(context), len(claim), budget)
    return context[:kept_context], claim[:kept_claim]


def kept_lengths(context: int, claim: int, budget: int) -> tuple[int, int]:
    """How many tokens of a context and of a claim `truncate` keeps, from their lengths."""
    if context + claim <= budget:
        return context, claim
    if claim < budget:
        return budget - claim, claim
    short = min(context, claim)
    long = max(short, budget - short) if short <= budget else short
    if short + long > budget:
        short, long = budget // 2, budget - budget // 2
    return (short, long) if context <= claim else (long, short)


def pad(joined: Sequence[Joined], template: PairTemplate) -> dict[str, np.ndarray]:
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
