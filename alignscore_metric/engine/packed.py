"""Pooled vectors of pairs that lie end to end: no padding, and no state that the heads do not read.

Scoring alone uses it; training pads. The vectors are those of `Aligner.pool`. It knows the encoders
of BERT's family, whose own modules do the work here.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, cast

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn.functional import pad, scaled_dot_product_attention

from alignscore_metric.arrays import Ints
from alignscore_metric.checkpoint.aligner import CLAIM_POOLINGS, Aligner, copied_runs
from alignscore_metric.checkpoint.encoder import Encoder
from alignscore_metric.engine.encoding import PackedPairs
from alignscore_metric.engine.fused import activated, add_norm, dense


def can_pack(aligner: Aligner, *, spans: bool = False) -> bool:
    """Whether `read_packed` knows the aligner's encoder and pooling, and can read its spans."""
    known = isinstance(aligner.encoder, Encoder) and aligner.config.pooling != "context"
    return known and (not spans or aligner.config.pooling in CLAIM_POOLINGS)


def read_packed(
    aligner: Aligner, pairs: PackedPairs, dtype: torch.dtype, *, spans: bool = False
) -> tuple[Tensor, Tensor]:
    """What `Aligner.pool` gives for the same pairs, and the span head's logits.

    Args:
        aligner: One that `can_pack`, whose encoder's linear layers take `dtype`.
        pairs: N pairs, T tokens.
        dtype: In which linear layers and attention compute; what is added from layer to layer is in
            the dtype of the layers' norms.
        spans: Read the span head.

    Returns:
        Shape [N, W], and logits of all claims' tokens with their last special ones, end to end,
        shape [K], or none; float32.
    """
    starts, claims = np.cumsum(pairs.lengths) - pairs.lengths, pairs.lengths - pairs.contexts
    reads_claims = aligner.config.pooling in CLAIM_POOLINGS
    reading = claims if reads_claims else np.ones_like(starts)
    arrays = [pairs.ids, _positions(aligner, pairs), _types(aligner, pairs), starts]
    arrays += [_edges(pairs.lengths), _edges(reading)]
    if aligner.reads_claim:
        arrays += [np.cumsum(claims) - 1]
        arrays += [*_segments(starts, pairs.contexts), *_segments(starts + pairs.contexts, claims)]
    ids, positions, types, firsts, edges, read_edges, *more = _put(arrays, aligner.device)
    copied = None
    if aligner.reads_claim:
        ends, *segments = more
        context, claim = _Segments(*segments[:4]), _Segments(*segments[4:])
        if aligner.config.copied_ngrams:
            copied = _copied(ids, context, claim, ends, longest=aligner.config.copied_ngrams)
    states = _embed(aligner, ids, positions, types, copied)
    *layers, last = aligner.encoder.encoder.layer
    states = _filled(states.to(last.output.LayerNorm.weight.dtype), dtype)
    attention = _attention(pairs.lengths, pairs.lengths, edges, edges)
    for layer in layers:
        states = _layer(layer, states, states, attention, dtype)
    attention = _attention(reading, pairs.lengths, read_edges, edges)
    tokens = claim.tokens if reads_claims else firsts
    states = _layer(last, _filled(states[tokens], dtype), states, attention, dtype)
    states = states[: len(tokens)].float()
    logits = aligner.span_logits(states) if spans else states.new_empty(0)
    if not reads_claims:
        return cast("Tensor", aligner.encoder.pooler(states.unsqueeze(1))), logits
    told = None if copied is None else copied[claim.places]
    return aligner.pool_claim(claim.rectangle(states), claim.inside.float(), told), logits


def _put(arrays: Sequence[npt.NDArray[Any]], device: torch.device) -> list[Tensor]:
    """Arrays of whole numbers on the device, int64, in one copy.

    It is made from pinned memory, so that it does not wait for the batch before.
    """
    flat = torch.from_numpy(np.concatenate([array.ravel() for array in arrays], dtype=np.int64))
    if device.type == "cuda":
        flat = flat.pin_memory()
    parts = torch.split(flat.to(device, non_blocking=True), [array.size for array in arrays])
    return [part.view(array.shape) for part, array in zip(parts, arrays, strict=True)]


def _segments(starts: Ints, counts: Ints) -> tuple[Ints, Ints, Ints, Ints]:
    """What `_Segments` holds, of segments that begin at `starts` [N]: worked out on the host."""
    inside = np.arange(counts.max()) < counts[:, None]
    places = np.where(inside, starts[:, None] + np.arange(counts.max()), 0)
    return places, inside.astype(np.int64), places[inside], np.flatnonzero(inside)


@dataclass(frozen=True)
class _Segments:
    """One segment of each of N pairs; L is the longest one's length, K all of their tokens.

    Attributes:
        places: Where in [T] they stand, shape [N, L]; beyond a segment's end, anywhere.
        inside: 1 for those within the segment, else 0, shape [N, L].
        tokens: Where in [T] they stand, without gaps, shape [K].
        cells: Where in [N * L] they stand, shape [K].
    """

    places: Tensor
    inside: Tensor
    tokens: Tensor
    cells: Tensor

    def rectangle(self, states: Tensor) -> Tensor:
        """Vectors [K, H] of the tokens as [N, L, H], with zeros beyond each segment's end."""
        rectangle = states.new_zeros(self.inside.numel(), states.shape[1])
        return rectangle.index_copy_(0, self.cells, states).view(*self.inside.shape, -1)


def _copied(
    ids: Tensor, context: _Segments, claim: _Segments, ends: Tensor, *, longest: int
) -> Tensor:
    """`copied_ngrams` of packed pairs, shape [T]; the claims' tokens end before `ends` [N]."""
    contexts, claims = ids[context.places], ids[claim.places]
    separators = ids[claim.tokens[ends], None]
    found = copied_runs(
        contexts,
        claims,
        context.inside.bool() & (contexts != separators),
        claim.inside.bool() & (claims != separators),
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


def _types(aligner: Aligner, pairs: PackedPairs) -> Ints:
    """Token types for the encoder, shape [T], or [1] where it has one alone."""
    types = pairs.types
    if types is None or aligner.encoder.config.type_vocab_size < 2:
        return np.zeros(1, dtype=np.int64)
    return types


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
        dense(inputs, linear).view(len(inputs), own.num_attention_heads, -1)
        for linear, inputs in ((own.query, queries), (own.key, keys), (own.value, keys))
    )
    # Sums go into the tensors that they begin with: what is read here is not needed again.
    middle = add_norm(reading, dense(attention(*heads).flatten(1), out.dense), out.LayerNorm)
    widening = layer.intermediate
    inner = activated(middle.to(dtype), widening.dense, widening.intermediate_act_fn)
    return add_norm(middle, dense(inner, layer.output.dense), layer.output.LayerNorm)


def _edges(lengths: Ints) -> Ints:
    """Where neighbours of lengths [N] begin and end, shape [N + 1]."""
    edges: Ints = np.concatenate([[0], np.cumsum(lengths)])
    return edges


def _attention(reading: Ints, lengths: Ints, read_edges: Tensor, edges: Tensor) -> Attention:
    """Attention within each pair: of `reading` [N] tokens at all `lengths` [N] of its tokens.

    Args:
        reading: On the host.
        lengths: On the host.
        read_edges: Of `reading`, on the device.
        edges: Of `lengths`, on the device.
    """
    varying = read_edges.int(), edges.int(), int(reading.max()), int(lengths.max())
    runs = _runs(reading, lengths)

    def attend(queries: Tensor, keys: Tensor, values: Tensor) -> Tensor:
        if _has_flash(queries.device, queries.dtype):
            return _flash(queries, keys, values, *varying)
        return _attend_in_runs(queries, keys, values, runs)

    return attend


@cache
def _has_flash(device: torch.device, dtype: torch.dtype) -> bool:
    """Whether there is a kernel for attention over sequences of varying lengths."""
    return (
        device.type == "cuda"
        and dtype != torch.float32
        and torch.backends.cuda.is_flash_attention_available()
        and torch.cuda.get_device_capability(device) >= (8, 0)
        and hasattr(torch.ops.aten, "_flash_attention_forward")
    )


def _flash(
    queries: Tensor,
    keys: Tensor,
    values: Tensor,
    read_edges: Tensor,
    edges: Tensor,
    most_reading: int,
    longest: int,
) -> Tensor:
    """What `torch.nn.attention.varlen` wraps, at half of the host's time."""
    flash = torch.ops.aten._flash_attention_forward
    varying = read_edges, edges, most_reading, longest
    return cast("Tensor", flash(queries, keys, values, *varying, 0.0, False, False)[0])


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
