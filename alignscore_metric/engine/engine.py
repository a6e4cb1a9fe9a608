"""Scores a pair table on a device: batches of about the same length, host and device at once.

Knows nothing of examples, chunking or aggregation: pairs in, one score per pair out.
"""

from __future__ import annotations

import os
import warnings
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import nullcontext
from dataclasses import dataclass
from functools import cache
from itertools import chain, islice
from threading import Lock
from typing import TYPE_CHECKING, NoReturn, TypeVar

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from alignscore_metric.checkpoint.aligner import Aligner, pair_relations, pair_scores
from alignscore_metric.checkpoint.profile import Profile
from alignscore_metric.checkpoint.tokenizer import Tokenizer
from alignscore_metric.engine.encoding import PackedPairs, PairEncoder
from alignscore_metric.engine.packed import can_pack, read_packed
from alignscore_metric.engine.precision import COMPUTED_IN
from alignscore_metric.engine.readings import BatchReading, PairReadings, join_batches
from alignscore_metric.errors import NumericalError
from alignscore_metric.system.allocator import give_back_freed_memory
from alignscore_metric.system.background import ahead

if TYPE_CHECKING:
    from tqdm import tqdm

PAIR_WINDOW = 2048
"""Pairs that are tokenised and sorted together: the device works on one window while the host
prepares the next."""

MADE_AHEAD = 8
"""Batches that the host may have ready."""

IN_FLIGHT = 8
"""Batches handed to the device before the scores of the first are waited for."""

WORKERS = 8
"""Batches that a CPU works on at once, where it has as many cores."""

SHARED_OUT = 4
"""Batches come by so many on a CPU, so that each worker may have as many. Not by the number of
workers: scores would depend on the machine's threads, if by rounding alone."""

Item = TypeVar("Item")
Result = TypeVar("Result")


class TruncationWarning(UserWarning):
    """Some pairs were longer than the model takes and lost text."""


@dataclass(frozen=True, kw_only=True)
class Engine:
    """An aligner on a device, ready to score pairs.

    Attributes:
        aligner: The model, on its device, in evaluation mode, prepared for the precision.
        tokenizer: Its fast tokenizer.
        profile: Which head and class are read, and how long a pair may be.
        precision: One of `alignscore_metric.engine.precision.COMPUTED_IN`.
        batch_tokens: Tokens of a batch; changes speed and memory, not scores.
        progress: Show a bar on stderr.
        spans: Read the span head too, which the aligner must have.
    """

    def __post_init__(self) -> None:
        """Tell the tokenizer whether control tokens in a text act: once, for all threads."""
        self.tokenizer.backend_tokenizer.encode_special_tokens = self.profile.texts == "plain"

    aligner: Aligner
    tokenizer: Tokenizer
    profile: Profile
    precision: str
    batch_tokens: int
    progress: bool
    spans: bool = False

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
        return self.read(chunks, sentences, pairs).scores

    def read(
        self, chunks: Sequence[str], sentences: Sequence[str], pairs: npt.NDArray[np.int64]
    ) -> PairReadings:
        """All that the heads say of pairs; arguments, warnings and errors as for `score`."""
        return self.read_parts(chunks, sentences, [pairs], lambda: len(pairs))

    def read_parts(
        self,
        chunks: Sequence[str],
        sentences: Sequence[str],
        parts: Iterable[npt.NDArray[np.int64]],
        total: Callable[[], int],
    ) -> PairReadings:
        """Read pairs that are still being listed; they are taken while others are read.

        Warnings and errors as for `score`.

        Args:
            chunks: Contexts; each may be appended with the first part that names it.
            sentences: Claims, likewise.
            parts: Rows of (chunk, sentence) numbers, shape [P, 2] each.
            total: How many pairs there will be, about; for the progress bar.

        Returns:
            Of each pair, in the order of the parts.
        """
        encoder = self.encoder(chunks, sentences)
        lost: list[npt.NDArray[np.int64]] = []
        rows: list[npt.NDArray[np.int64]] = []
        claims: list[npt.NDArray[np.int64]] = []
        values: list[npt.NDArray[np.float64]] = []
        tokens: list[npt.NDArray[np.float64]] = []

        def noted() -> Iterator[PackedPairs]:
            for numbers, batch in self._batches(encoder, parts, lost):
                rows.append(numbers)
                claims.append((batch.lengths - batch.contexts) * self.spans)
                yield batch

        with _bar(total()) if self.progress else nullcontext() as bar:
            for read in self._read(noted()):
                values.append(read.values.cpu().double().numpy())
                tokens.append(read.tokens.cpu().double().numpy())
                if bar is not None:
                    bar.total = max(total(), bar.n + len(values[-1]))  # pairs may be read in parts
                    bar.update(len(values[-1]))
        readings = PairReadings.of(sum(map(len, lost)), rows, claims, values, tokens)
        if len(rows) > MADE_AHEAD:
            give_back_freed_memory()
        _warn_of_truncation(lost, self.profile)
        if broken := int((~np.isfinite(readings.scores)).sum()):
            raise NumericalError(
                f"the model gave {broken} of {len(readings.scores)} pairs no finite score in "
                f"{self.precision}; use precision='fp32', or check the checkpoint"
            )
        return readings

    def encoder(self, chunks: Sequence[str], sentences: Sequence[str]) -> PairEncoder:
        """What turns pairs of such texts into the token ids that are scored."""
        return PairEncoder(
            chunks,
            sentences,
            tokenizer=self.tokenizer,
            profile=self.profile,
            mark_claim=self.aligner.reads_claim,
        )

    def _batches(
        self,
        encoder: PairEncoder,
        parts: Iterable[npt.NDArray[np.int64]],
        lost: list[npt.NDArray[np.int64]],
    ) -> Iterator[tuple[npt.NDArray[np.int64], PackedPairs]]:
        """Pairs' numbers and tokens of each batch's parts; notes what the pairs lost, [P, 2]."""
        before = 0
        for pairs in parts:
            order = np.argsort(-encoder.characters(pairs), kind="stable")
            for start in range(0, len(pairs), PAIR_WINDOW):
                window = order[start : start + PAIR_WINDOW]
                encoded = encoder.encode(pairs[window])
                lost.append(encoded.lost)
                numbers = before + window[encoded.rows]
                lengths, claims = encoded.sizes.T
                multiple = SHARED_OUT if self.aligner.device.type == "cpu" else 1
                for rows in batches(
                    lengths, claims, batch_tokens=self.batch_tokens, multiple=multiple
                ):
                    yield numbers[rows], encoded.pack(rows)
            before += len(pairs)

    def _read(self, batches: Iterator[PackedPairs]) -> Iterator[BatchReading]:
        """Readings of batches, in order, some of which may not have been waited for."""
        first = list(islice(batches, self._workers))
        batches = chain(first, batches)
        alone = sharing_out(os.getpid())
        if len(first) > 1 and alone.acquire(blocking=False):
            try:
                yield from side_by_side(self._read_batch, batches, len(first))
            finally:
                alone.release()
            return
        waiting: deque[BatchReading] = deque()
        for batch in ahead(batches, MADE_AHEAD):
            waiting.append(self._read_batch(batch))
            if len(waiting) == IN_FLIGHT:
                yield waiting.popleft()
        yield from waiting

    @property
    def _workers(self) -> int:
        """How many batches are worked on at once."""
        if self.aligner.device.type != "cpu":
            return 1
        return min(torch.get_num_threads(), WORKERS)

    def _read_batch(self, batch: PackedPairs) -> BatchReading:
        """Read one batch; where memory runs out, its two halves, down to single pairs."""
        try:
            return self._forward(batch)
        except (torch.OutOfMemoryError, RuntimeError) as error:
            if len(batch) == 1 or not _is_out_of_memory(error):
                raise
        # Outside the handler: the exception holds the failed batch's tensors alive.
        if self.aligner.device.type == "cuda":
            torch.cuda.empty_cache()
        half = len(batch) // 2
        return join_batches([self._read_batch(part) for part in (batch[:half], batch[half:])])

    @torch.inference_mode()
    def _forward(self, batch: PackedPairs) -> BatchReading:
        dtype = COMPUTED_IN[self.precision]
        if can_pack(self.aligner, spans=self.spans):
            pooled, tokens = read_packed(self.aligner, batch, dtype, spans=self.spans)
        else:
            pooled, tokens = self._read_padded(batch, dtype)
        output = self.aligner.heads(pooled)
        scores = pair_scores(output, self.profile).unsqueeze(1)
        values = torch.cat([scores, pair_relations(output, self.profile)], dim=1)
        return BatchReading(values, tokens)

    def _read_padded(self, batch: PackedPairs, dtype: torch.dtype) -> tuple[Tensor, Tensor]:
        """What `read_packed` gives, by the aligner itself."""
        device = self.aligner.device
        inputs = {k: torch.from_numpy(v).to(device) for k, v in batch.padded().items()}
        with torch.autocast(device.type, dtype, enabled=dtype != torch.float32):
            if not self.spans:
                return self.aligner.pool(**inputs).float(), torch.empty(0)
            pooled, logits = self.aligner.pool_with_spans(**inputs)
        claim = (inputs["token_type_ids"] * inputs["attention_mask"]).bool()
        return pooled.float(), logits[claim]


def _bar(total: int) -> tqdm[NoReturn]:
    """A bar on stderr, or in a notebook."""
    from tqdm.auto import tqdm

    # Below another bar, as of a file's rows, it goes away when it is full.
    return tqdm(total=total or None, desc="scoring", unit="pair", leave=None)


def side_by_side(
    work: Callable[[Item], Result], items: Iterable[Item], workers: int
) -> Iterator[Result]:
    """`map(work, items)` in several threads, which share torch's threads.

    Small products keep one core busy better than many: of the bundled aligner on two cores, two
    batches at once take three quarters of the time of one after the other.

    Args:
        work: What to do with an item; an error is raised in its place.
        items: Taken in this thread, a few ahead.
        workers: Threads, at most as many as torch has.
    """
    threads = torch.get_num_threads()
    pool = _pool(workers, threads // workers, os.getpid())
    waiting: deque[Future[Result]] = deque()
    try:
        for item in items:
            waiting.append(pool.submit(work, item))
            if len(waiting) > 2 * workers:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        for future in waiting:
            future.cancel()
        wait(waiting)
        torch.set_num_threads(threads)  # the workers' is what new threads would have too


@cache
def sharing_out(process: int) -> Lock:
    """Held while a process's threads of torch are shared out; others score a batch at a time.

    A child that is forked meanwhile has one of its own: nobody would release the copy of its
    parent's.
    """
    return Lock()


def _work_alone() -> None:
    """In a forked child: do without threads of libraries that believe to have started theirs.

    It would wait for them for ever. torch's own DataLoader does the same with torch's; tokenizers
    goes by the variable, which a user may have set to `true`.
    """
    torch.set_num_threads(1)
    os.environ["TOKENIZERS_PARALLELISM"] = "false"


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_work_alone)


@cache
def _pool(workers: int, threads: int, process: int) -> ThreadPoolExecutor:
    """Threads of this process that stay: of each new one MKL would keep the buffers forever."""
    return ThreadPoolExecutor(workers, initializer=torch.set_num_threads, initargs=(threads,))


def batches(
    lengths: npt.NDArray[np.int64],
    claims: npt.NDArray[np.int64] | None = None,
    *,
    batch_tokens: int,
    multiple: int = 1,
) -> list[npt.NDArray[np.int64]]:
    """Row numbers of batches of about as many tokens each, of pairs of about the same length.

    Longest first, so that memory runs out at once or not at all, and the progress bar's estimate
    errs on the side of caution.

    Args:
        lengths: Tokens of each pair, shape [P].
        claims: Tokens of each pair's claim, shape [P]: of equally long pairs, those whose claims
            are equally long too stand together, as they can be read at once.
        batch_tokens: Tokens of a batch, which half a pair may exceed at either end.
        multiple: Of more batches than one, there are so many, twice as many, and so on.

    Returns:
        Row numbers; every row in exactly one batch.
    """
    order = np.lexsort((-lengths,) if claims is None else (-claims, -lengths))
    if not len(order):
        return []
    total = int(lengths.sum())
    count = -(-total // batch_tokens)
    if count > 1:
        count = -(-count // multiple) * multiple
    middles = np.cumsum(lengths[order]) - lengths[order] / 2
    return np.split(order, np.flatnonzero(np.diff(middles * count // total)) + 1)


def _is_out_of_memory(error: Exception) -> bool:
    """CUDA has a class for it; the CPU allocator and MPS only say so."""
    text = str(error).lower()
    return isinstance(error, torch.OutOfMemoryError) or any(
        phrase in text for phrase in ("out of memory", "can't allocate memory", "not enough memory")
    )


def _warn_of_truncation(lost: Sequence[npt.NDArray[np.int64]], profile: Profile) -> None:
    """Say what was not read, and what reads it; `lost` as `EncodedPairs` has it, [P, 2] each."""
    losses = np.concatenate([np.zeros((0, 2), dtype=np.int64), *lost])
    cut = int(losses.any(axis=1).sum())
    if not cut:
        return
    whole = profile.chunking == "whole"
    what = "(source, summary)" if whole else "(chunk, sentence)"
    read, claimed = losses.sum(axis=0).tolist()
    ends = []
    if read:
        part = "source" if whole else "chunk"
        ends.append(f"{read} tokens at the end of a {part} (texts='plain' reads all of it)")
    if claimed:
        part = "sentence" if profile.claims == "sentences" else "summary"
        ends.append(f"{claimed} tokens at the end of a {part} (write it in shorter sentences)")
    warnings.warn(
        f"{cut} of {len(losses)} {what} pairs are longer than the model's {profile.max_length} "
        f"tokens and were cut; not read: {', '.join(ends)}",
        TruncationWarning,
        stacklevel=5,
    )
