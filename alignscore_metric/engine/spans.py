"""The span head's logits as spans of a claim's characters. Knows tokens, and nothing of models."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from alignscore_metric.arrays import Floats
from alignscore_metric.engine.encoding import FastTokenizer, PairTemplate, token_places
from alignscore_metric.text.encodable import encodable
from alignscore_metric.text.forms import one_form, traced
from alignscore_metric.text.places import Place
from alignscore_metric.text.spans import DoubtedSpan, doubted_spans

SPAN_THRESHOLD = 0.8
"""What the probability of a word to be unsupported must exceed, where a model names no other.

Chosen on synthetic edits of held-out documents (`benchmarks/spans.py --parts threshold`), where F1
is best at 0.5: the strictest that costs at most 6 points of it, because true sentences that people
write are marked more often than those edits' true sentences are.
"""


class SpanReader:
    """Reads spans of claims off the logits of their tokens, tokenising each claim once.

    Args:
        claims: The distinct claims.
        tokenizer: What their tokens come from.
        plain: Whether the model reads texts in one form of Unicode (see `Profile.texts`).
        threshold: What the probability of a word must exceed.
    """

    def __init__(
        self, claims: Iterable[str], *, tokenizer: FastTokenizer, plain: bool, threshold: float
    ) -> None:
        """Tokenise the claims; see the class for the arguments."""
        self._threshold = threshold
        self._special = len(PairTemplate.of(tokenizer).suffix)
        distinct = list(dict.fromkeys(claims))
        forms = [traced(claim, _plain_form if plain else encodable) for claim in distinct]
        tokens = token_places([form.text for form in forms], tokenizer)
        self._pieces = {
            claim: [form.origin(start, end) for start, end in found]
            for claim, form, found in zip(distinct, forms, tokens, strict=True)
        }

    def spans(self, claim: str, logits: Sequence[Floats]) -> list[DoubtedSpan]:
        """Unsupported spans of one claim: what every chunk leaves unsupported.

        Args:
            claim: One of those given.
            logits: For each chunk that it was read with, those of its first tokens, as many as the
                model read, and of the special ones behind.
        """
        pieces: Sequence[Place] = self._pieces[claim]
        read = min(map(len, logits)) - self._special
        least = np.min([each[:read] for each in logits], axis=0)
        doubts = 1 / (1 + np.exp(-least))
        return doubted_spans(claim, pieces[:read], doubts.tolist(), threshold=self._threshold)


def _plain_form(text: str) -> str:
    return encodable(one_form(text))
