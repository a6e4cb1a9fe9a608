"""Batches the work of concurrent requests for one model. Knows nothing of HTTP.

One thread loads the model and is the only one that uses it. Requests wait in order of arrival;
those that wait together are scored in one call, up to a budget of pairs. What a request asks for is
known when its texts are split: then, before anything is scored, it may still be refused.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from typing_extensions import Self

from alignscore_metric.errors import AlignScoreError
from alignscore_metric.text.pairs import PairTable, Source, join_pair_tables

if TYPE_CHECKING:
    from alignscore_metric.checkpoint.profile import Profile
    from alignscore_metric.result import AlignScoreResult


class ServedMetric(Protocol):
    """What is used of `AlignScore`."""

    @property
    def profile(self) -> Profile:
        """How it splits texts."""

    @property
    def signature(self) -> str:
        """What its scores depend on."""

    def pair_table(self, sources: Sequence[Source], summaries: Sequence[str]) -> PairTable:
        """Split N sources and N summaries."""

    def count_tokens(self, table: PairTable) -> int:
        """Tokens that scoring a table takes."""

    def evaluate_table(
        self, table: PairTable, *, spans: bool, threshold: float | None
    ) -> AlignScoreResult:
        """Score a table."""


class QueueFullError(AlignScoreError):
    """As many requests wait as may; try again in a moment."""


@dataclass(frozen=True)
class BatchPart:
    """The rows of one request in the result of its batch."""

    result: AlignScoreResult
    rows: range


@dataclass(frozen=True)
class Wanted:
    """What a request wants besides scores; requests that want the same are scored in one call.

    Attributes:
        spans: Unsupported words.
        threshold: What a sentence's score must exceed to be supported; the metric's where None.
    """

    spans: bool = False
    threshold: float | None = None


SCORES_ALONE = Wanted()


@dataclass(frozen=True, eq=False)
class _Job:
    sources: Sequence[Source]
    summaries: Sequence[str]
    pairs: int
    wanted: Wanted
    future: Future[BatchPart] = field(default_factory=Future)


class Batcher:
    """A queue in front of a model, and the thread that owns the model.

    Args:
        load: Gives the metric; called once, in that thread.
        queue: How many requests may wait, >= 1.
        batch_pairs: Pairs of a batch, >= 1; a single request that has more makes its own.
        wait_seconds: How long a request waits for company when the model is free, >= 0.

    Attributes:
        loaded: The metric once it is loaded, or why it cannot be.
        on_batch: Told of each batch: its requests and its pairs.
        check: Given each request's table and what counts a table's tokens, before it is scored;
            raises what the request is to get instead of scores.

    Example:
        >>> from alignscore_metric import AlignScore
        >>> with Batcher(lambda: AlignScore(progress=False)) as batcher:
        ...     part = batcher.submit(["It rained."], ["It rained."], pairs=1).result()
        >>> len(part.result), part.rows
        (1, range(0, 1))
    """

    def __init__(
        self,
        load: Callable[[], ServedMetric],
        *,
        queue: int = 256,
        batch_pairs: int = 128,
        wait_seconds: float = 0.005,
    ) -> None:
        self.loaded: Future[ServedMetric] = Future()
        self.on_batch: Callable[[int, int], None] = lambda _requests, _pairs: None
        self.check: Callable[[PairTable, Callable[[PairTable], int]], None] = lambda _, __: None
        self._load = load
        self._queue = queue
        self._batch_pairs = batch_pairs
        self._wait_seconds = wait_seconds
        self._waiting: dict[Future[BatchPart], _Job] = {}
        self._stopped = False
        self._changed = threading.Condition()
        # A daemon: a load that hangs on the network must not keep the process.
        self._thread = threading.Thread(target=self._run, name="model", daemon=True)

    def __enter__(self) -> Self:
        """Start to load the model."""
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Answer what waits, then end the thread."""
        with self._changed:
            self._stopped = True
            self._changed.notify_all()
        if self.loaded.done():
            self._thread.join()

    @property
    def depth(self) -> int:
        """How many requests wait."""
        return len(self._waiting)

    def submit(
        self,
        sources: Sequence[Source],
        summaries: Sequence[str],
        *,
        pairs: int,
        wanted: Wanted = SCORES_ALONE,
    ) -> Future[BatchPart]:
        """Queue one request.

        Args:
            sources: N sources.
            summaries: N summaries.
            pairs: About how many (chunk, sentence) pairs they make.
            wanted: What is asked for besides scores.

        Returns:
            The scores to come, or the exception that these texts cause. Cancelling it before the
            model has begun drops the work and gives the place in the queue back.

        Raises:
            QueueFullError: No place in the queue.
        """
        job = _Job(sources, summaries, pairs, wanted)
        with self._changed:
            if len(self._waiting) >= self._queue:
                raise QueueFullError(f"{self._queue} requests wait already; try again in a moment")
            self._waiting[job.future] = job
            self._changed.notify_all()
        job.future.add_done_callback(self._forget)
        return job.future

    def _forget(self, future: Future[BatchPart]) -> None:
        with self._changed:
            self._waiting.pop(future, None)

    def _run(self) -> None:
        try:
            metric = self._load()
        except BaseException as cause:  # whoever waits for `loaded` raises it
            self.loaded.set_exception(cause)
            return
        self.loaded.set_result(metric)
        for jobs in self._batches():
            self.on_batch(len(jobs), sum(job.pairs for job in jobs))
            self._score(metric, jobs)

    def _score(self, metric: ServedMetric, jobs: Sequence[_Job]) -> None:
        """Split and check each request, and score those that pass."""
        tables: dict[_Job, PairTable] = {}
        for job in jobs:
            try:
                table = metric.pair_table(job.sources, job.summaries)
                self.check(table, metric.count_tokens)
            except Exception as cause:
                job.future.set_exception(cause)
            else:
                tables[job] = table
        for wanted in dict.fromkeys(job.wanted for job in tables):
            alike = {job: table for job, table in tables.items() if job.wanted == wanted}
            _score(metric, alike, wanted)

    def _batches(self) -> Iterator[list[_Job]]:
        """Batches as they fill or their time is up; ends when stopped and nothing waits."""
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._waiting or self._stopped)
                if not self._waiting:
                    return
                self._changed.wait_for(self._enough, timeout=self._wait_seconds)
                jobs = self._take()
            if jobs:
                yield jobs

    def _enough(self) -> bool:
        return self._stopped or self._batch_pairs <= sum(j.pairs for j in self._waiting.values())

    def _take(self) -> list[_Job]:
        """The first requests, as many as a batch holds, at least one; cancelled ones left out."""
        jobs: list[_Job] = []
        room = self._batch_pairs
        for future, job in list(self._waiting.items()):
            if jobs and job.pairs > room:
                break
            del self._waiting[future]
            if future.set_running_or_notify_cancel():
                jobs.append(job)
                room -= job.pairs
        return jobs


def _score(metric: ServedMetric, tables: Mapping[_Job, PairTable], wanted: Wanted) -> None:
    """Score requests in one call and give each its part; one by one where that fails."""
    try:
        result = metric.evaluate_table(
            join_pair_tables(list(tables.values())), spans=wanted.spans, threshold=wanted.threshold
        )
    except Exception as cause:
        if len(tables) == 1:
            [job] = tables
            job.future.set_exception(cause)
        else:  # one request's texts must not fail the others
            for job, table in tables.items():
                _score(metric, {job: table}, wanted)
        return
    first = 0
    for job, table in tables.items():
        job.future.set_result(BatchPart(result, range(first, first + len(table))))
        first += len(table)
