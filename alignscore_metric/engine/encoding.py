"""Token ids of pairs: tokenise texts once, truncate, lay out. Knows nothing of models.

A pair's ids are put together from its two texts' ids, so that a chunk that meets ten sentences is
tokenised once. The result equals what the tokenizer itself gives for the pair.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol, TypeVar

import numpy as np
import numpy.typing as npt
from tokenizers import Tokenizer as Backend

from alignscore_metric.checkpoint.profile import Profile
from alignscore_metric.errors import CheckpointError
from alignscore_metric.text.cutting import Ranks, break_ranks, cut_evenly
from alignscore_metric.text.encodable import encodable
from alignscore_metric.text.forms import one_form

TOKENIZER_BATCH = 512
"""Texts handed to the tokenizer at a time: enough for its threads, few enough for memory."""

PROMPTS = {
    "minicheck": "{context}{separator}{claim}",
    "minicheck-t5": "predict: {context}{separator}{claim}",
    "hhem": "{padding} Determine if the hypothesis is true given the premise?\n\n"
    "Premise: {context}\n\nHypothesis: {claim}",
    # As FactCG's inference code has it; its training code wrote "-No".
    "factcg": "{context}\n\nChoose your answer: based on the paragraph above can we conclude that "
    '"{claim}"?\n\nOPTIONS:\n- Yes\n- No\nI think the answer is ',
}
"""Templates that write a pair as one text: `separator` is the tokenizer's end-of-text token,
`padding` its padding token, which HHEM reads its answer at.

Source: the released code of MiniCheck (`inference.py`), HHEM-2.1-Open (`modeling_hhem_v2.py`) and
FactCG."""

FRAMES = {
    "pair": "{context}",
    "lettucedetect": "\nSummarize the following text:\npassage 1: {context}\noutput:\n",
}
"""Templates that keep the two texts of a pair apart, and what they write around the context.

Source: the prompt of LettuceDetect's released code (`inference.py`) where there is no question."""

CONTROL = re.compile(r"\{(separator|padding)\}")

Ids = npt.NDArray[np.int32]
Tokens = TypeVar("Tokens", list[int], Ids)


class FastTokenizer(Protocol):
    """What is used of a `checkpoint.tokenizer.Tokenizer`, or of a fast one of transformers."""

    @property
    def backend_tokenizer(self) -> Backend:
        """What turns texts into ids."""

    @property
    def pad_token_id(self) -> int | None:
        """Id of the padding token."""

    @property
    def eos_token(self) -> str | None:
        """The token that ends a text."""

    @property
    def model_input_names(self) -> Sequence[str]:
        """With `token_type_ids` where the model is told of token types."""


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
    def of(cls, tokenizer: FastTokenizer, *, mark_claim: bool = False) -> PairTemplate:
        """Read the template off a tokenizer by encoding a pair with it.

        Args:
            tokenizer: A fast tokenizer.
            mark_claim: Tell the claim's tokens from the context's even where the tokenizer has no
                token types: for an aligner that `reads_claim`.

        Raises:
            CheckpointError: The tokenizer does not lay a pair out as two segments.
        """
        pair = _whole(tokenizer).encode("a", "b")
        ids, special = pair.ids, pair.special_tokens_mask
        first = special.index(0)
        last = len(special) - 1 - special[::-1].index(0)
        inner = [i for i in range(first, last) if special[i]]
        if not inner or tokenizer.pad_token_id is None:
            raise CheckpointError("the tokenizer has no two-segment layout or no padding token")
        types = None
        if "token_type_ids" in tokenizer.model_input_names:
            types = pair.type_ids[first], pair.type_ids[last]
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


@dataclass(frozen=True)
class PackedPairs:
    """Token ids of N pairs laid end to end, T in all, without padding.

    Attributes:
        ids: Token ids, int64, shape [T].
        lengths: Tokens of each pair with its special tokens, shape [N].
        contexts: Tokens of each pair's first segment, shape [N]; the rest is the claim's.
        template: What laid them out.
    """

    ids: npt.NDArray[np.int64]
    lengths: npt.NDArray[np.int64]
    contexts: npt.NDArray[np.int64]
    template: PairTemplate

    def __len__(self) -> int:
        """Number of pairs."""
        return len(self.lengths)

    def __getitem__(self, rows: slice) -> PackedPairs:
        """Consecutive pairs."""
        ends = np.concatenate([[0], np.cumsum(self.lengths)])
        start, stop, _ = rows.indices(len(self))
        ids = self.ids[ends[start] : ends[stop]]
        return PackedPairs(ids, self.lengths[rows], self.contexts[rows], self.template)

    @property
    def types(self) -> npt.NDArray[np.int64] | None:
        """Token types, shape [T], or None where the model is told of none."""
        if self.template.type_ids is None:
            return None
        sizes = np.stack([self.contexts, self.lengths - self.contexts], axis=1)
        return np.repeat(np.tile(self.template.type_ids, len(self)), sizes.ravel())

    def padded(self) -> dict[str, npt.NDArray[np.int64]]:
        """Rectangular model inputs.

        Returns:
            `input_ids`, `attention_mask` and, where the model takes them, `token_type_ids`:
            int64, shape [N, longest].
        """
        mask = np.arange(self.lengths.max()) < self.lengths[:, None]
        ids = np.full(mask.shape, self.template.pad_id, dtype=np.int64)
        ids[mask] = self.ids
        inputs = {"input_ids": ids, "attention_mask": mask.astype(np.int64)}
        if self.types is not None:
            inputs["token_type_ids"] = np.zeros(mask.shape, dtype=np.int64)
            inputs["token_type_ids"][mask] = self.types
        return inputs


def pack(pairs: Sequence[tuple[Ids, Ids | None]], template: PairTemplate) -> PackedPairs:
    """Lay pairs out as a template says.

    Args:
        pairs: Ids of context and claim, N of them; the claim is None where a prompt is all.
        template: Their special tokens.
    """
    prefix, middle, suffix = (
        np.array(ids, dtype=np.int32) for ids in (template.prefix, template.middle, template.suffix)
    )
    pieces: list[Ids] = []
    sizes = []
    for context, claim in pairs:
        if claim is None:
            pieces += (prefix, context, suffix)
            sizes.append((len(prefix) + len(context) + len(suffix), 0))
        else:
            pieces += (prefix, context, middle, claim, suffix)
            sizes.append((len(prefix) + len(context) + len(middle), len(claim) + len(suffix)))
    contexts, claims = np.array(sizes, dtype=np.int64).reshape(-1, 2).T
    ids = np.concatenate([prefix[:0], *pieces]).astype(np.int64)
    return PackedPairs(ids, contexts + claims, contexts, template)


class _Cuttable(NamedTuple):
    """A text in the form that is tokenised, where its tokens are, how well it can be cut there."""

    form: str
    spans: list[tuple[int, int]]
    ranks: Ranks


class PairEncoder:
    """Encodes pairs as a profile's template lays them out, tokenising each text once, when asked.

    Args:
        chunks: Distinct contexts; more may be appended at any time.
        sentences: Distinct claims, likewise.
        tokenizer: A fast tokenizer.
        profile: Its template and its length.
        mark_claim: See `PairTemplate.of`.
    """

    def __init__(
        self,
        chunks: Sequence[str],
        sentences: Sequence[str],
        *,
        tokenizer: FastTokenizer,
        profile: Profile,
        mark_claim: bool,
    ) -> None:
        """Encode nothing yet; see the class for the arguments."""
        self.template = PairTemplate.of(tokenizer, mark_claim=mark_claim)
        self._chunks, self._sentences = chunks, sentences
        self._tokenizer, self._profile = tokenizer, profile
        self._ids: dict[str, Ids] = {}
        self._long: dict[str, _Cuttable] = {}

    def characters(self, pairs: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """Characters of each pair's texts, shape [P]: about in proportion to its tokens.

        Args:
            pairs: Rows of (chunk, sentence) numbers, shape [P, 2].
        """
        sizes = [len(self._chunks[c]) + len(self._sentences[s]) for c, s in pairs.tolist()]
        return np.array(sizes, dtype=np.int64)

    def encode(self, pairs: npt.NDArray[np.int64]) -> EncodedPairs:
        """Token ids of pairs; rows of (chunk, sentence) numbers, shape [P, 2]."""
        texts = [(self._chunks[c], self._sentences[s]) for c, s in pairs.tolist()]
        frame = FRAMES.get(self._profile.template)
        if frame is None:
            return self._encode_prompts(texts)
        return self._encode_pairs([(frame.format(context=a), b) for a, b in texts])

    @property
    def _plain(self) -> bool:
        return self._profile.texts == "plain"

    def _encode_pairs(self, texts: list[tuple[str, str]]) -> EncodedPairs:
        self._learn(itertools.chain(*texts))
        budget = self._profile.max_length - self.template.extra
        whole = [(self._ids[context], self._ids[claim]) for context, claim in texts]
        lengths = [len(context) + len(claim) + self.template.extra for context, claim in whole]
        kept: list[tuple[Ids, Ids | None]] = []
        rows: list[int] = []
        lost = np.zeros((len(whole), 2), dtype=np.int64)
        for row, (context, claim) in enumerate(whole):
            if self._plain and len(context) + len(claim) > budget:
                short = claim[: budget - budget // 4]
                parts = self._parts(texts[row][0], budget - len(short))
                kept += [(context[first:last], short) for first, last in parts]
                rows += [row] * len(parts)
                lost[row] = 0, len(claim) - len(short)
            else:
                short_context, short = truncate(context, claim, budget)
                kept.append((short_context, short))
                rows.append(row)
                lost[row] = len(context) - len(short_context), len(claim) - len(short)
        return EncodedPairs(np.array(lengths, dtype=np.int64), kept, self.template, rows, lost)

    def _learn(self, texts: Iterable[str]) -> None:
        """Tokenise texts that were not asked for before."""
        new = [text for text in dict.fromkeys(texts) if text not in self._ids]
        forms = list(map(one_form, new)) if self._plain else new
        self._ids.update(zip(new, tokenize(forms, self._tokenizer), strict=True))

    def _parts(self, text: str, size: int) -> list[tuple[int, int]]:
        """Where to cut a text's tokens, so that every one is in a part of at most `size`."""
        return list(itertools.pairwise(cut_evenly(self._cuttable(text).ranks, size)))

    def _cuttable(self, text: str) -> _Cuttable:
        """A text that is too long, tokenised again, to know where its tokens stand in it."""
        if text not in self._long:
            form = encodable(one_form(text))
            spans = _whole(self._tokenizer).encode(form, add_special_tokens=False).offsets
            self._long[text] = _Cuttable(form, spans, break_ranks(form, spans))
        return self._long[text]

    def _encode_prompts(self, texts: list[tuple[str, str]]) -> EncodedPairs:
        """Each pair written as one text: a single segment, of whose context the end is cut."""
        special = len(self.template.prefix) + len(self.template.suffix)
        budget = self._profile.max_length - special
        encoded = self._prompts(texts)
        lengths = np.array([len(ids) + special for ids in encoded], dtype=np.int64)
        kept: list[tuple[Ids, Ids | None]] = []
        rows: list[int] = []
        lost = np.zeros((len(texts), 2), dtype=np.int64)
        for row, ids in enumerate(encoded):
            found = [(ids, 0, 0)]
            if len(ids) > budget:
                found = self._shortened(texts[row], ids, budget)
            kept += [(part, None) for part, _, _ in found]
            rows += [row] * len(found)
            lost[row] = np.sum([losses for _, *losses in found], axis=0)
        return EncodedPairs(lengths, kept, self.template, rows, lost)

    def _shortened(
        self, pair: tuple[str, str], ids: Ids, budget: int
    ) -> list[tuple[Ids, int, int]]:
        """A prompt that is too long, as prompts that are not, with what context and claim lost.

        One that lost the end of its context; where texts are plain, as many as read all of it.
        """
        context, claim = pair
        beginning = len(self._beginnings([context])[0])
        size = min(beginning, len(ids))
        if not self._plain:
            return [_cut_prompt(ids, size, budget)]
        long = self._cuttable(context)
        room = max(budget - (len(ids) - len(long.spans)), budget // 4)
        parts = [
            long.form[long.spans[first][0] : long.spans[last - 1][1]]
            for first, last in self._parts(context, room)
        ]
        prompts = self._prompts([(part, claim) for part in parts])
        beginnings = map(len, self._beginnings(parts))
        return [
            _cut_prompt(prompt, min(beginning, len(prompt)), budget)
            for beginning, prompt in zip(beginnings, prompts, strict=True)
        ]

    def _beginnings(self, contexts: Sequence[str]) -> list[Ids]:
        """Token ids of prompts up to the end of their contexts."""
        before, context, _ = PROMPTS[self._profile.template].partition("{context}")
        return self._written(before + context, [(text, "") for text in contexts])

    def _prompts(self, texts: Sequence[tuple[str, str]]) -> list[Ids]:
        """Token ids of pairs written as a template has it, without those around a prompt."""
        return self._written(PROMPTS[self._profile.template], texts)

    def _written(self, template: str, texts: Sequence[tuple[str, str]]) -> list[Ids]:
        """Token ids of pairs in a template; its control tokens act, a plain text's do not."""
        backend = self._tokenizer.backend_tokenizer
        padding = backend.id_to_token(self.template.pad_id)
        controls = {"separator": self._tokenizer.eos_token, "padding": padding}
        if not self._plain:
            whole = [template.format(context=a, claim=b, **controls) for a, b in texts]
            return tokenize(whole, self._tokenizer)
        pieces = CONTROL.split(template)  # texts and the names of control tokens by turns
        between = [backend.token_to_id(controls[name] or "") for name in pieces[1::2]]
        written = [
            piece.format(context=one_form(a), claim=one_form(b))
            for a, b in texts
            for piece in pieces[::2]
        ]
        ids = iter(tokenize(written, self._tokenizer))
        joined = []
        for _ in texts:
            prompt = next(ids)
            for control in between:
                prompt = np.concatenate([prompt, np.array([control], np.int32), next(ids)])
            joined.append(prompt)
        return joined


def _cut_prompt(ids: Ids, context: int, budget: int) -> tuple[Ids, int, int]:
    """A prompt within a budget, and how much of its context and of what follows it was cut."""
    first, rest = truncate(ids[:context], ids[context:], budget)
    lost = context - len(first), len(ids) - context - len(rest)
    return np.concatenate([first, rest]), *lost


@dataclass(frozen=True)
class EncodedPairs:
    """P pairs as token ids: a pair that is too long is read in parts, or cut.

    Attributes:
        lengths: Tokens of each pair with its special tokens, all of them, shape [P].
        kept: Ids of context and claim of each of Q parts, Q >= P, each within the model's length;
            no claim in a prompt.
        template: The special tokens around them.
        rows: The pair that each part is of, rising, shape [Q].
        lost: Tokens of each pair's context and claim that stand in none of its parts, [P, 2].
    """

    lengths: npt.NDArray[np.int64]
    kept: Sequence[tuple[Ids, Ids | None]]
    template: PairTemplate
    rows: Sequence[int]
    lost: npt.NDArray[np.int64]

    @property
    def sizes(self) -> npt.NDArray[np.int64]:
        """Tokens of each part with its special tokens, and of its claim: shape [Q, 2]."""
        texts = [(len(context), 0 if claim is None else len(claim)) for context, claim in self.kept]
        contexts, claims = np.array(texts, dtype=np.int64).reshape(-1, 2).T
        return np.stack([contexts + claims + self.template.extra, claims], axis=1)

    def pack(self, rows: npt.NDArray[np.int64]) -> PackedPairs:
        """Lay out some of the parts, by their numbers here."""
        return pack([self.kept[row] for row in rows], self.template)


def tokenize(texts: Sequence[str], tokenizer: FastTokenizer) -> list[Ids]:
    """Token ids of each text, without special tokens and without truncation.

    Args:
        texts: Any strings; lone surrogates, which no tokenizer takes, become U+FFFD.
        tokenizer: A fast tokenizer. Control tokens that are written in a text act as such unless
            its `encode_special_tokens` is set.
    """
    ids: list[Ids] = []
    backend = _whole(tokenizer)
    for start in range(0, len(texts), TOKENIZER_BATCH):
        batch = [encodable(text) for text in texts[start : start + TOKENIZER_BATCH]]
        encoded = backend.encode_batch_fast(batch, add_special_tokens=False)
        ids.extend(np.array(row.ids, dtype=np.int32) for row in encoded)
    return ids


def token_places(texts: Sequence[str], tokenizer: FastTokenizer) -> list[list[tuple[int, int]]]:
    """First character of each token and the one after its last, of each text; see `tokenize`."""
    whole = [encodable(text) for text in texts]
    encoded = _whole(tokenizer).encode_batch(whole, add_special_tokens=False)
    return [row.offsets for row in encoded]


def count_tokens(tokenizer: FastTokenizer, text: str) -> int:
    """How many tokens a text has, special tokens left out."""
    return len(tokenize([text], tokenizer)[0])


def _whole(tokenizer: FastTokenizer) -> Backend:
    """What neither truncates nor pads, whatever one of transformers was last asked for."""
    backend = tokenizer.backend_tokenizer
    if backend.truncation is not None:
        backend.no_truncation()
    if backend.padding is not None:
        backend.no_padding()
    return backend


def truncate(context: Tokens, claim: Tokens, budget: int) -> tuple[Tokens, Tokens]:
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
