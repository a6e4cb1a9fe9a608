"""Scores a pair table on a device: tokenise once, sort by length, batch by tokens, keep the order.

Knows nothing of examples, chunking or aggregation: pairs in, one score per pair out.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from tqdm.auto import tqdm
from transformers import PreTrainedTokenizerBase

from alignscore_metric.aligner import Aligner, pair_scores
from alignscore_metric.encoding import Joined, PairTemplate, encode_pairs, pad
from alignscore_metric.errors import NumericalError
from alignscore_metric.profile import Profile

PRECISIONS = {"fp32": None, "bf16": torch.bfloat16, "fp16": torch.float16}


class TruncationWarning(UserWarning):
    """Some pairs were longer than the model takes and lost text."""


@dataclass(frozen=True, kw_only=True)
class Engine:
    """An aligner on a device, ready to score pairs.

    Attributes:
        aligner: The model, on its device, in evaluation mode.
        tokenizer: Its fast tokenizer.
        profile: Which head and class are read, and how long a pair may be.
        precision: `fp32`, or `bf16` / `fp16` by autocast.
        batch_tokens: Padded tokens of a batch; changes speed and memory, not scores.
        progress: Show bars on stderr.
    """

    aligner: Aligner
    tokenizer: PreTrainedTokenizerBase
    profile: Profile
    precision: str
    batch_tokens: int
    progress: bool

    def score(
        self, chunks: Sequence[str], sentences: Sequence[str], pairs: npt.NDArray[np.int64]
    ) -> npt.NDArray[np.float64]:
        """Score pairs.

        Args:
            chunks: Distinct contexts.
            sentences: Distinct claims.
            pairs: Rows of (chunk, sentence) numbers, shape [P, 2].

        Returns:
            The profile's score of each pair, shape [P].

        Warns:
            TruncationWarning: Pairs lost text; says how many.

        Raises:
            NumericalError: The model gave a NaN or an infinity, as fp16 may.
        """
        encoded = encode_pairs(
            chunks,
            sentences,
            pairs,
            tokenizer=self.tokenizer,
            profile=self.profile,
            mark_claim=self.aligner.reads_claim,
            progress=self.progress,
        )
        _warn_of_truncation(encoded.lengths, self.profile)
        lengths = np.minimum(encoded.lengths, self.profile.max_length)
        scores = np.empty(len(pairs), dtype=np.float64)
        with (
            tqdm(total=len(pairs), desc="scoring", unit="pair", disable=not self.progress) as bar,
            torch.inference_mode(),
        ):
            for rows in batches(lengths, batch_tokens=self.batch_tokens):
                joined = [encoded.join(row) for row in rows]
                scores[rows] = self._score_batch(joined, encoded.template)
                bar.update(len(rows))
        if broken := int((~np.isfinite(scores)).sum()):
            raise NumericalError(
                f"the model gave {broken} of {len(scores)} pairs no finite score in "
                f"{self.precision}; use precision='fp32', or check the checkpoint"
            )
        return scores

    def _score_batch(self, joined: list[Joined], template: PairTemplate) -> npt.NDArray[np.float64]:
        """Score one batch; where memory runs out, its two halves, down to single pairs."""
        try:
            return self._forward(joined, template)
        except (torch.OutOfMemoryError, RuntimeError) as error:
            if len(joined) == 1 or not _is_out_of_memory(error):
                raise
        # Outside the handler: the exception holds the failed batch's tensors alive.
        if self.aligner.device.type == "cuda":
            torch.cuda.empty_cache()
        half = len(joined) // 2
        parts = (joined[:half], joined[half:])
        return np.concatenate([self._score_batch(part, template) for part in parts])

    def _forward(self, joined: list[Joined], template: PairTemplate) -> npt.NDArray[np.float64]:
        device = self.aligner.device
        inputs = {k: torch.from_numpy(v).to(device) for k, v in pad(joined, template).items()}
        dtype = PRECISIONS[self.precision]
        with torch.autocast(device.type, dtype, enabled=dtype is not None):
            output = self.aligner(**inputs)
        scores: npt.NDArray[np.float64] = pair_scores(output, self.profile).double().cpu().numpy()
        return scores


def batches(
    lengths: npt.NDArray[np.int64], *, batch_tokens: int
) -> Iterator[npt.NDArray[np.int64]]:
    """Row numbers of batches of pairs of about the same length, longest first.

    Longest first, so that memory runs out at once or not at all, and the progress bar's estimate
    errs on the side of caution.

    Args:
        lengths: Tokens of each pair, shape [P].
        batch_tokens: Padded tokens of a batch; a single longer pair makes its own batch.

    Yields:
        Row numbers; every row in exactly one batch.
    """
    order = np.argsort(-lengths, kind="stable")
    start = 0
    while start < len(order):
        size = max(1, batch_tokens // int(lengths[order[start]]))
        yield order[start : start + size]
        start += size


def _is_out_of_memory(error: Exception) -> bool:
    """CUDA has a class for it; the CPU allocator and MPS only say so."""
    text = str(error).lower()
    return isinstance(error, torch.OutOfMemoryError) or any(
        phrase in text for phrase in ("out of memory", "can't allocate memory", "not enough memory")
    )


def _warn_of_truncation(lengths: npt.NDArray[np.int64], profile: Profile) -> None:
    truncated = int((lengths > profile.max_length).sum())
    if not truncated:
        return
    what, hint = "(chunk, sentence)", "A smaller chunk_words may avoid it."
    if profile.chunking == "whole":
        what, hint = "(source, summary)", "A mode that splits, as nli_sp, reads all of the source."
    cut = "the chunk first" if profile.template == "pair" else "at the end"
    warnings.warn(
        f"{truncated} of {len(lengths)} {what} pairs are longer than the model's "
        f"{profile.max_length} tokens and were cut ({cut}). {hint}",
        TruncationWarning,
        stacklevel=4,
    )
