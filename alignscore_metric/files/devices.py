"""Several devices of one machine: a process for each, windows of rows in, results in order.

Owns processes and their pipes. What is done with a window is the caller's function; nothing here
knows of files. The processes load the model; this one imports no torch.

A process that dies (killed, out of memory) is started again and its windows scored again; one whose
parent dies ends at once, because its pipe does.
"""

from __future__ import annotations

import os
import pickle
import queue
import signal
import threading
import traceback
import warnings
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from multiprocessing import get_context
from multiprocessing.connection import Connection, wait
from types import TracebackType
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from alignscore_metric.errors import ConfigurationError, WorkerError

if TYPE_CHECKING:
    from alignscore_metric.files import windows as streams
    from alignscore_metric.metric import AlignScore, Spans
    from alignscore_metric.text.pairs import Source

Window = TypeVar("Window")
Result = TypeVar("Result")
Scorer = Callable[["AlignScore", Iterable[Window]], Iterator[Result]]
Loader = Callable[[dict[str, Any], int], "AlignScore"]

IN_HAND = 2
"""Windows that a process has at a time: one on the device, one that it can prepare meanwhile."""

AHEAD = 4
"""Windows per process that may be under way or wait for an earlier one: bounds memory."""

TRIES = 3
"""Deaths of the process under one window, or before it has loaded, that make an error."""

WINDOW_ROWS = 500
"""Rows of a window of `DevicePool.score`: the same whatever the devices, for the same numbers."""

CLOSE_SECONDS = 10.0


@dataclass
class _Task(Generic[Window]):
    """A window under way, its place in the input, and how many processes died over it."""

    place: int
    window: Window
    deaths: int = 0


@dataclass
class _Worker:
    """A process with a model on a device, the pipe to it, and the tasks that it has not answered.

    Attributes:
        device: Its device.
        load: Makes its metric of the options and the share.
        options: Of its `AlignScore`, the device among them.
        share: How many processes there are.
        tasks: What it was sent and has not answered, oldest first.
        ready: Its model is loaded.
        open: It was told with what to score, and expects windows.
        deaths: How often it died before it was ready.
    """

    device: str
    load: Loader
    options: dict[str, Any]
    share: int
    tasks: deque[_Task[Any]] = field(default_factory=deque)
    ready: bool = False
    open: bool = False
    deaths: int = 0

    def __post_init__(self) -> None:
        """Start the process."""
        self.start()

    def start(self) -> None:
        """Start a process, the first one or the next one."""
        context = get_context("spawn")
        self.pipe, there = context.Pipe()
        self.process = context.Process(
            target=_work,
            args=(there, self.load, self.options, self.share),
            name=f"alignscore-{self.device}",
            daemon=True,  # ended with us, where nobody closed the pool
        )
        self.ready = self.open = False
        self.process.start()
        there.close()  # so that the pipe ends with the process

    def end(self) -> None:
        """End the process, which takes the end of the pipe as its own."""
        self.pipe.close()
        self.process.join(CLOSE_SECONDS)
        self.process.kill()
        self.process.join()

    def send(self, message: object) -> None:
        """Send; where the process is dead, receiving from it will say so."""
        with suppress(OSError):
            self.pipe.send(message)

    def receive(self) -> tuple[str, Any]:
        """What the process says: a kind of message and its content.

        `ready` has the signature, `result` one window's and the warnings of scoring it; `died`,
        whether it had been ready: the process is dead, and another one was started.

        Raises:
            WorkerError: It died too often before it was ready.
            Exception: What was raised there.
        """
        try:
            kind, content = self.pipe.recv()
        except (EOFError, OSError):
            was_ready = self.ready
            self._bury()
            return "died", was_ready
        if kind == "error":
            error, told = content
            raise error from RuntimeError(told)
        if kind == "ready":
            self.ready, self.deaths = True, 0
        return kind, content

    def _bury(self) -> None:
        self.end()
        if not self.ready:
            self.deaths += 1
        if self.deaths == TRIES:
            raise WorkerError(
                f"the process for device {self.device!r} ended {TRIES} times before the model was "
                f"loaded (exit code {self.process.exitcode}; -9: killed, often for memory). Name "
                'fewer devices; in a script, work under `if __name__ == "__main__":`'
            )
        self.start()


def load_metric(options: dict[str, Any], share: int) -> AlignScore:
    """An `AlignScore` with its share of the CPU's threads, one of `share` parts."""
    import torch
    from tqdm import tqdm

    tqdm.set_lock(threading.RLock())  # its own is one of the machine, left behind at our sudden end
    threads = max(1, torch.get_num_threads() // share)
    torch.set_num_threads(threads)
    os.environ.setdefault("RAYON_NUM_THREADS", str(threads))  # the tokenizer's
    from alignscore_metric.metric import AlignScore

    return AlignScore(**options)


class DevicePool:
    """One process for each device, every one with an `AlignScore` made from the same options.

    Args:
        devices: As torch names them, as `["cuda:0", "cuda:1"]`; one that is named twice has two
            processes. The CPU's threads are divided among them.
        **options: Options of `AlignScore` other than `device` and `progress`.

    Attributes:
        signature: What produces the scores, as `AlignScore.signature`.
        kind: The kind of the devices, as `cpu` or `cuda`.

    Use it in a `with` block; at its end, and when an error or Ctrl-C leaves it, the processes end.
    They are started by `spawn`: a script needs `if __name__ == "__main__":` around what it does.

    Raises:
        ConfigurationError: No device, or devices of several kinds, whose scores would depend on
            which was free; and the errors of `AlignScore`.
        WorkerError: A process died three times while it loaded the model.

    Example:
        >>> with DevicePool(["cpu", "cpu"]) as pool:  # doctest: +SKIP
        ...     scores = pool.score(sources, summaries)
    """

    _load: Loader = staticmethod(load_metric)

    def __init__(self, devices: Sequence[str], **options: Any) -> None:  # noqa: ANN401  # theirs
        if isinstance(devices, str) or not devices:
            raise ConfigurationError(
                f"devices is {devices!r}; give a list, as ['cuda:0', 'cuda:1']"
            )
        kinds = {device.partition(":")[0] for device in devices}
        if len(kinds) > 1:
            raise ConfigurationError(
                f"devices of several kinds ({', '.join(sorted(kinds))}) do not give the same "
                "scores to the last digit; name devices of one kind"
            )
        (self.kind,) = kinds
        self._workers: list[_Worker] = []
        try:
            for device in devices:
                given = options | {"device": device, "progress": False}
                self._workers.append(_Worker(device, self._load, given, len(devices)))
            self.signature: str = self._loaded()
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> DevicePool:
        """The pool."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End the processes."""
        self.close()

    def close(self) -> None:
        """End the processes; the pool cannot be used any more."""
        for worker in self._workers:
            worker.pipe.close()  # all at once, before the first is waited for
        for worker in self._workers:
            worker.end()
        self._workers = []

    def score(self, sources: Sequence[Source], summaries: Sequence[str]) -> list[float]:
        """Score each (source, summary) pair; arguments, result and errors as `AlignScore.score`.

        A text or a pair that is repeated is scored once in a window of 500 rows, not once in all.

        Raises:
            WorkerError: Three processes in a row died over the same rows; names them.
        """
        from alignscore_metric.files.windows import Window
        from alignscore_metric.metric import check_inputs

        check_inputs(sources, summaries)
        windows = (
            Window(sources[first:end], summaries[first:end], f"rows {first} to {end - 1}")
            for first in range(0, len(summaries), WINDOW_ROWS)
            for end in (min(first + WINDOW_ROWS, len(summaries)),)
        )
        return [float(score) for found in self.score_windows(windows) for score in found.scores]

    def score_windows(
        self, windows: Iterable[streams.Window], *, evidence: bool = False, spans: Spans = False
    ) -> Iterator[streams.Scored]:
        """Score windows on all devices, as `alignscore_metric.files.windows.score_windows` on one.

        Raises:
            WorkerError: Three processes in a row died over the same window; names its rows.
        """
        from alignscore_metric.files.windows import score_windows

        scorer = partial(score_windows, evidence=evidence, spans=spans)
        return self.map(scorer, windows, where=lambda window: window.name)

    def map(
        self,
        scorer: Scorer[Window, Result],
        windows: Iterable[Window],
        *,
        where: Callable[[Window], str],
    ) -> Iterator[Result]:
        """Score windows on all devices; a bounded number of them is under way at a time.

        Args:
            scorer: Given an `AlignScore` and an iterator of windows, gives each one's result, in
                order. It may ask for one window more than it has given results, not for two. Sent
                to the processes, as windows and results are: it must be importable.
            windows: Read as they are needed.
            where: How an error should call the rows of a window.

        Yields:
            The result of each window, in order. Warnings of scoring are given here, the first of
            each kind.

        Raises:
            WorkerError: Three processes in a row died over the same window; names it.
            ConfigurationError: The pool is closed, or the model's files were replaced meanwhile.
        """
        if not self._workers:
            raise ConfigurationError("this DevicePool is closed; make a new one")
        finished = False
        try:
            yield from _Run(self._workers, self.signature, scorer, where, iter(windows)).results()
            finished = True
        finally:
            if not finished:  # late answers would be taken for those of the next call
                self.close()

    def _loaded(self) -> str:
        """Wait until every process has loaded its model; their common signature."""
        signatures: dict[str, str] = {}
        while not all(worker.ready for worker in self._workers):
            for worker, (kind, content) in _messages(self._workers):
                if kind == "ready":
                    signatures[worker.device] = content
        if len(set(signatures.values())) > 1:
            found = "; ".join(f"{device}: {line}" for device, line in sorted(signatures.items()))
            raise ConfigurationError(
                f"these devices do not give the same scores ({found}); name devices that are "
                "alike, or the precision"
            )
        return next(iter(signatures.values()))


@dataclass
class _Run(Generic[Window, Result]):
    """One call of `DevicePool.map`: which windows are where.

    Attributes:
        workers: The pool's.
        signature: Its signature, which a process that is started again must have too.
        scorer: As for `map`, and so `where`.
        where: How an error should call the rows of a window.
        fresh: Windows that no process had yet.
        again: Windows of processes that died.
        done: Results by their place that wait for an earlier one.
        taken: How many windows were read.
        exhausted: There are no others.
        given: How many results were given.
        warned: Kinds of warnings that were given.
    """

    workers: list[_Worker]
    signature: str
    scorer: Scorer[Window, Result]
    where: Callable[[Window], str]
    fresh: Iterator[Window]
    again: deque[_Task[Window]] = field(default_factory=deque)
    done: dict[int, Result] = field(default_factory=dict)
    taken: int = 0
    exhausted: bool = False
    given: int = 0
    warned: set[type[Warning]] = field(default_factory=set)

    def results(self) -> Iterator[Result]:
        """The result of each window, in order."""
        self._feed()
        while self.again or not self.exhausted or any(worker.tasks for worker in self.workers):
            for worker, (kind, content) in _messages(self.workers):
                if kind == "result":
                    result, warned = content
                    self.done[worker.tasks.popleft().place] = result
                    self._warn(warned)
                elif kind == "died":
                    self._take_back(worker, suspect=content)
                elif content != self.signature:
                    raise ConfigurationError(
                        f"the process for device {worker.device!r} was started again and found "
                        f"another model ({content}, before {self.signature}); start again"
                    )
            self._feed()
            while self.given in self.done:
                result = self.done.pop(self.given)
                self.given += 1
                self._feed()  # before the caller takes its time with the result
                yield result

    def _warn(self, warned: list[tuple[type[Warning], str]]) -> None:
        """Give the first warning of each kind: others differ in their numbers."""
        for category, text in warned:
            if category not in self.warned:
                self.warned.add(category)
                warnings.warn(text, category, stacklevel=5)

    def _feed(self) -> None:
        """Give every process its first window, then its second; end the turn of one with fewer.

        One that loads gets nothing: what it is sent is imported in another thread than the model.
        """
        ready = [worker for worker in self.workers if worker.ready]
        for hand in range(IN_HAND):
            for worker in ready:
                suspect = any(task.deaths for task in worker.tasks)
                if len(worker.tasks) == hand and not suspect and (task := self._next(hand == 0)):
                    if not worker.open:
                        worker.send(self.scorer)
                    worker.open = True
                    worker.tasks.append(task)
                    worker.send((task.window,))
        for worker in ready:
            if worker.open and len(worker.tasks) < IN_HAND:
                worker.send(None)
                worker.open = False

    def _next(self, alone: bool) -> _Task[Window] | None:
        """The next task, if any; one over which a process died only where it would be alone."""
        if self.again and (alone or not self.again[0].deaths):
            return self.again.popleft()
        if self.taken - self.given >= AHEAD * len(self.workers):
            return None
        for window in self.fresh:
            self.taken += 1
            return _Task(self.taken - 1, window)
        self.exhausted = True
        return None

    def _take_back(self, worker: _Worker, *, suspect: bool) -> None:
        """The tasks of a process that died; the one that it was working on may be why."""
        if not worker.tasks:
            return
        worker.tasks[0].deaths += suspect
        if worker.tasks[0].deaths == TRIES:
            raise WorkerError(
                f"{self.where(worker.tasks[0].window)}: the process that scored them died "
                f"{TRIES} times, the last time on device {worker.device!r}; look for memory that "
                "runs out (fewer devices, smaller batch_tokens) or for a text that is too long"
            )
        self.again = deque(sorted([*worker.tasks, *self.again], key=lambda task: task.place))
        worker.tasks.clear()


def _messages(workers: Sequence[_Worker]) -> Iterator[tuple[_Worker, tuple[str, Any]]]:
    """Wait until processes say something; what each of them says."""
    by_pipe: dict[object, _Worker] = {worker.pipe: worker for worker in workers}
    for pipe in wait([worker.pipe for worker in workers]):
        worker = by_pipe[pipe]
        yield worker, worker.receive()


# --- in the process of a device


def _work(pipe: Connection, load: Loader, options: dict[str, Any], share: int) -> None:
    """What a process does: load the model, then score the windows of one turn after another."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the parent, whose end is ours
    inbox: queue.SimpleQueue[Any] = queue.SimpleQueue()
    threading.Thread(target=_listen, args=(pipe, inbox), daemon=True).start()
    try:
        with warnings.catch_warnings(record=True) as warned:
            metric = load(options, share)
            pipe.send(("ready", metric.signature))
            while True:
                for result in _take(inbox)(metric, _turn(inbox)):
                    given = [(found.category, str(found.message)) for found in warned]
                    warned.clear()
                    pipe.send(("result", (result, given)))
    except Exception as error:
        told = traceback.format_exc()
        try:
            pickle.loads(pickle.dumps(error))  # noqa: S301 - our own
        except Exception:
            error = RuntimeError(f"{type(error).__name__}: {error}")
        pipe.send(("error", (error, told)))


def _listen(pipe: Connection, inbox: queue.SimpleQueue[Any]) -> None:
    """Empty the pipe at all times, so that its end is noticed and no sender waits for a forward."""
    while True:
        try:
            inbox.put(pipe.recv())
        except (EOFError, OSError):
            os._exit(0)
        except Exception as error:  # what was sent cannot be imported here
            inbox.put(error)


def _take(inbox: queue.SimpleQueue[Any]) -> Any:  # noqa: ANN401  # a scorer, a window or an end
    message = inbox.get()
    if isinstance(message, Exception):
        raise message
    return message


def _turn(inbox: queue.SimpleQueue[Any]) -> Iterator[Any]:
    while (message := _take(inbox)) is not None:
        yield message[0]
