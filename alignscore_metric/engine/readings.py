"""What the heads said of pairs, on the host: scores, neutral or contradicted, the claims' tokens.

Knows nothing of texts or models.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from alignscore_metric.arrays import Floats, Ints

SCORE, NEUTRAL, CONTRADICTION = range(3)
"""Columns of values."""


class BatchReading(NamedTuple):
    """What the heads say of a batch of N pairs, on the device.

    Attributes:
        values: Columns `SCORE`, `NEUTRAL` and `CONTRADICTION`, shape [N, 3]; NaN for what the
            aligner has no head for.
        tokens: The span head's logit of each of the claims' tokens with their last special ones,
            end to end, shape [K]; empty where it was not read.
    """

    values: Tensor
    tokens: Tensor


def join_batches(parts: Sequence[BatchReading]) -> BatchReading:
    """One batch of several, one after the other."""
    values, tokens = zip(*parts, strict=True)
    return BatchReading(torch.cat(values), torch.cat(tokens))


@dataclass(frozen=True)
class PairReadings:
    """What the heads say of P pairs; of a pair that was read in parts, of the best of them.

    Attributes:
        values: As in `BatchReading`, shape [P, 3].
        tokens: Logits of the tokens of all parts' claims, end to end.
        token_places: Where each pair's begin and end there, shape [P, 2].
    """

    values: Floats
    tokens: Floats
    token_places: Ints

    @property
    def scores(self) -> Floats:
        """The profile's score of each pair, shape [P]."""
        return self.values[:, SCORE]

    def claim_tokens(self, pair: int) -> Floats:
        """The span head's logits of one pair's claim, as far as it was read."""
        start, end = self.token_places[pair]
        return self.tokens[start:end]

    @classmethod
    def of(
        cls, pairs: int, numbers: Sequence[Ints], claims: Sequence[Ints], read: Sequence[Floats],
        tokens: Sequence[Floats],
    ) -> PairReadings:  # fmt: skip
        """From batches, each of some parts of pairs.

        Args:
            pairs: How many pairs there are.
            numbers: The pair of each batch's parts, shape [N] each; together every pair.
            claims: Tokens of each part's claim that were read, shape [N] each.
            read: Values of each batch, shape [N, 3] each.
            tokens: Logits of each batch's claims, end to end.
        """
        values = np.concatenate([np.zeros((0, 3)), *read])
        rows = np.concatenate([np.zeros(0, dtype=np.int64), *numbers])
        sizes = np.concatenate([np.zeros(0, dtype=np.int64), *claims])
        best = np.zeros(pairs, dtype=np.int64)
        # The last of those that are written into a place stays; NaN comes last, and is refused.
        order = np.argsort(values[:, SCORE], kind="stable")
        best[rows[order]] = order
        ends = np.cumsum(sizes)
        places = np.stack([ends - sizes, ends], axis=1)
        return cls(values[best], np.concatenate([np.zeros(0), *tokens]), places[best])
