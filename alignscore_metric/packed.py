"""Pooled vectors of pairs that lie end to end: no padding, and no state that the heads do not read.

Scoring alone uses it; training pads, as transformers' encoders do. The vectors are those of
`Aligner.pool`. It knows the encoders of BERT's family, whose own modules do the work here.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, partial
from typing import Any, cast

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn.functional import pad, scaled_dot_product_attention

from alignscore_metric.aligner import CLAIM_POOLINGS, Aligner, copied_runs
from alignscore_metric.encoding import PackedPairs

FAMILY = ("bert", "roberta", "xlm-roberta")
"""Encoders with the same modules under the same names."""

Ints = npt.NDArray[np.int64]


def can_pack(aligner: Aligner) -> bool:
    """Whether `pool_packed` knows the aligner's encoder and pooling."""
    config = aligner.encoder.config
    absolute = getattr(config, "position_embedding_type", None) in (None, "absolute")
    known = config.model_type in FAMILY and absolute and not config.is_decoder
    return known and aligner.config.pooling != "context"


def pool_packed(aligner: Aligner, pairs: PackedPairs, dtype: torch.dtype) -> Tensor:
    """What `Aligner.pool` gives for the same pairs.

    Args:
        aligner: One that `can_pack`, whose encoder's linear layers take `dtype`.
        pairs: N pairs, T tokens.
        dtype: In which linear layers and attention compute; what is added from layer to layer is in
            the dtype of the layers' norms.

    Returns:
        Shape [N, W], float32.
    """
    put = partial(_put, device=aligner.device)
    ids, starts = put(pairs.ids), np.cumsum(pairs.lengths) - pairs.lengths
    copied, reads_claims = None, aligner.config.pooling in CLAIM_POOLINGS
    if aligner.reads_claim:
        context = _Segments.of(starts, pairs.contexts, put)
        claim = _Segments.of(starts + pairs.contexts, pairs.lengths - pairs.contexts, put)
        if aligner.config.copied_ngrams:
            copied = _copied(ids, context, claim, longest=aligner.config.copied_ngrams)
    states = _embed(
        aligner, ids, put(_positions(aligner, pairs)), _types(aligner, pairs, put), copied
    )
    *layers, last = aligner.encoder.encoder.layer
    states = _filled(states.to(last.output.LayerNorm.weight.dtype), dtype)
    attention = _attention(pairs.lengths, pairs.lengths, put)
    for layer in layers:
        states = _layer(layer, states, states, attention, dtype)
    if not reads_claims:
        attention = _attention(np.ones_like(starts), pairs.lengths, put)
        first = _layer(last, _filled(states[put(starts)], dtype), states, attention, dtype)
        return cast("Tensor", aligner.encoder.pooler(first[: len(pairs)].float().unsqueeze(1)))
    attention = _attention(claim.counts, pairs.lengths, put)
    states = _layer(last, _filled(states[claim.tokens], dtype), states, attention, dtype)
    states = states[: len(claim.tokens)].float()
    told = None if copied is None else copied[claim.places]
    return aligner.pool_claim(claim.rectangle(states), claim.inside.float(), told)


Put = Callable[[npt.NDArray[Any]], Tensor]


def _put(array: npt.NDArray[Any], *, device: torch.device) -> Tensor:
    """An array on the device; pinned, so that the copy does not wait for the batch before."""
    tensor = torch.from_numpy(array)
    if device.type == "cuda":
        tensor = tensor.pin_memory()
    return tensor.to(device, non_blocking=True)


@dataclass(frozen=True)
class _Segments:
    """One segment of each of N pairs; L is the longest one's length, K all of their tokens.

    Attributes:
        counts: Tokens of each, on the host, shape [N].
        places: Where in [T] they stand, shape [N, L]; beyond a segment's end, anywhere.
        inside: Which of these are within the segment, shape [N, L].
        tokens: Where in [T] they stand, without gaps, shape [K].
        cells: Where in [N * L] they stand, shape [K].
    """

    counts: Ints
    places: Tensor
    inside: Tensor
    tokens: Tensor
    cells: Tensor

    @classmethod
    def of(cls, starts: Ints, counts: Ints, put: Put) -> _Segments:
        """Segments that begin at `starts` [N]; all places are worked out on the host."""
        inside = np.arange(counts.max()) < counts[:, None]
        places = np.where(inside, starts[:, None] + np.arange(counts.max()), 0)
        tokens, cells = places[inside], np.flatnonzero(inside)
        return cls(counts, put(places), put(inside), put(tokens), put(cells))

    def rectangle(self, states: Tensor) -> Tensor:
        """Vectors [K, H] of the tokens as [N, L, H], with zeros beyond each segment's end."""
        rectangle = states.new_zeros(self.inside.numel(), states.shape[1])
        return rectangle.index_copy_(0, self.cells, states).view(*self.inside.shape, -1)


def _copied(ids: Tensor, context: _Segments, claim: _Segments, *, longest: int) -> Tensor:
    """`copied_ngrams` of packed pairs, shape [T]."""
    contexts, claims = ids[context.places], ids[claim.places]
    ends = ids[claim.tokens[torch.from_numpy(np.cumsum(claim.counts) - 1).to(ids.device)], None]
    found = copied_runs(
        contexts,
        claims,
        context.inside & (contexts != ends),
        claim.inside & (claims != ends),
        longest=longest,
    )
    copied = torch.zeros_like(ids)
    for segments, lengths in zip((context, claim), found, strict=True):
        copied[segments.tokens] = lengths.ravel()[segments.cells]
    return copied


def _positions(aligner: Aligner, pairs: PackedPairs) -> Ints:
    """The position of each token, as the encoder numbers them, shape [T]."""
    config = aligner.encoder.config
    starts = np.cumsum(pairs.lengths) - pairs.lengths
    positions = np.arange(len(pairs.ids)) - np.repeat(starts, pairs.lengths)
    if config.model_type == "bert":
        return positions
    padding = config.pad_token_id
    # RoBERTa leaves the padding token out where it is written in a text; it cannot where the
    # embeddings were made for it.
    real = (pairs.ids != padding) | bool(aligner.config.copied_ngrams)
    left_out = np.cumsum(~real)
    before = left_out[starts] - ~real[starts]
    numbers: Ints = (positions + 1 - left_out + np.repeat(before, pairs.lengths)) * real + padding
    return numbers


def _types(aligner: Aligner, pairs: PackedPairs, put: Put) -> Tensor:
    """Token types for the encoder, shape [T], or [1] where it has one alone."""
    types = pairs.types
    if types is None or aligner.encoder.config.type_vocab_size < 2:
        types = np.zeros(1, dtype=np.int64)
    return put(types)


def _embed(
    aligner: Aligner, ids: Tensor, positions: Tensor, types: Tensor, copied: Tensor | None
) -> Tensor:
    """Embeddings of all tokens, float32, shape [T, H]."""
    embeddings = aligner.encoder.embeddings
    states = embeddings.word_embeddings(ids)
    if copied is not None:
        states = states + aligner.copied_embeddings(copied)
    states = states + embeddings.token_type_embeddings(types)
    return cast("Tensor", embeddings.LayerNorm(states + embeddings.position_embeddings(positions)))


def _filled(states: Tensor, dtype: torch.dtype) -> Tensor:
    """States with rows of zeros at the end, up to a number that other batches have too.

    On CPUs 16-bit products are compiled for each number of rows anew, which takes as long as the
    products of a small model; elsewhere nothing is added. At most a sixteenth is.
    """
    if states.is_cuda or dtype == torch.float32:
        return states
    step = max(16, (1 << len(states).bit_length()) // 32)
    return pad(states, (0, 0, 0, -len(states) % step))


Attention = Callable[[Tensor, Tensor, Tensor], Tensor]
"""Queries [R, heads, D], keys and values [T, heads, D] into [R, heads, D]."""


def _layer(
    layer: Any,  # noqa: ANN401  # a layer of BERT's family
    reading: Tensor,
    states: Tensor,
    attention: Attention,
    dtype: torch.dtype,
) -> Tensor:
    """One layer for the tokens in `reading` [R, H], which look at `states` [T, H]; spends both."""
    own, out = layer.attention.self, layer.attention.output
    keys = states.to(dtype)
    queries = keys if reading is states else reading.to(dtype)
    heads = (
        linear(inputs).view(len(inputs), own.num_attention_heads, -1)
        for linear, inputs in ((own.query, queries), (own.key, keys), (own.value, keys))
    )
    # Sums go into the tensors that they begin with: what is read here is not needed again.
    middle = out.LayerNorm(reading.add_(out.dense(attention(*heads).flatten(1))))
    inner = layer.intermediate.intermediate_act_fn(layer.intermediate.dense(middle.to(dtype)))
    return cast("Tensor", layer.output.LayerNorm(middle.add_(layer.output.dense(inner))))


def _attention(reading: Ints, lengths: Ints, put: Put) -> Attention:
    """Attention within each pair: of `reading` [N] tokens at all `lengths` [N] of its tokens."""
    runs = _runs(reading, lengths)
    edges = [put(np.cumsum(np.concatenate([[0], counts]))).int() for counts in (reading, lengths)]
    longest = int(reading.max()), int(lengths.max())

    def attend(queries: Tensor, keys: Tensor, values: Tensor) -> Tensor:
        varying = _varying_attention()
        if varying is not None and _knows_varying_lengths(queries):
            return cast("Tensor", varying(queries, keys, values, *edges, *longest))
        return _attend_in_runs(queries, keys, values, runs)

    return attend


def _knows_varying_lengths(queries: Tensor) -> bool:
    """Whether the kernel for varying lengths takes such a tensor."""
    return queries.is_cuda and queries.dtype != torch.float32


@cache
def _varying_attention() -> Callable[..., Any] | None:
    """The library's attention over sequences of varying lengths; None before torch 2.10."""
    try:
        from torch.nn.attention.varlen import varlen_attn
    except ImportError:
        return None
    return varlen_attn


def _runs(reading: Ints, lengths: Ints) -> list[tuple[int, int, int]]:
    """Neighbours of the same sizes: how many pairs, tokens that read, tokens."""
    sizes = zip(reading.tolist(), lengths.tolist(), strict=True)
    return [(len(list(group)), *size) for size, group in itertools.groupby(sizes)]


def _attend_in_runs(
    queries: Tensor, keys: Tensor, values: Tensor, runs: list[tuple[int, int, int]]
) -> Tensor:
    """Attention of one run of pairs after the other: no padding, hence no mask."""
    attended = []
    for count, reading, length in runs:
        query, queries = queries[: count * reading], queries[count * reading :]
        key, keys = keys[: count * length], keys[count * length :]
        value, values = values[: count * length], values[count * length :]
        query, key, value = (
            part.view(count, -1, *part.shape[1:]).transpose(1, 2) for part in (query, key, value)
        )
        found = scaled_dot_product_attention(query, key, value)
        attended.append(found.transpose(1, 2).flatten(0, 1))
    return torch.cat([*attended, queries.new_zeros(queries.shape)])  # of rows that only fill
