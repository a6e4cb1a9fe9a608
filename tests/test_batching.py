"""The batcher around fake metrics whose calls the tests see, hold up and make fail."""

import random
import threading
from concurrent.futures import CancelledError, ThreadPoolExecutor

import pytest

from alignscore_metric.server.batching import Batcher, QueueFullError
from alignscore_metric.text.pairs import build_pair_table

SOON = 20  # seconds after which a test gives up; nothing here takes so long unless it hangs


class Echo:
    """A metric whose score of a pair is the pair, which waits for the gate, and fails on `bad`."""

    def __init__(self):
        self.calls: list[list[tuple[str, str]]] = []
        self.gate, self.begun = threading.Event(), threading.Event()
        self.gate.set()
        self.threads = set()

    def pair_table(self, sources, summaries):
        return build_pair_table(
            sources, summaries, split_source=lambda text: [text], split_summary=lambda text: [text]
        )

    def count_tokens(self, table):
        return sum(len(table.chunks[c]) + len(table.sentences[s]) for c, s in table.pairs)

    def evaluate_table(self, table, *, spans, threshold):
        self.threads.add(threading.get_ident())
        self.begun.set()
        assert self.gate.wait(SOON)
        pairs = [(table.chunks[c], table.sentences[s]) for c, s in table.pairs[table.cells]]
        self.calls.append(pairs)
        if "bad" in table.chunks:
            raise ValueError("a bad source")
        return pairs


@pytest.fixture
def metric() -> Echo:
    return Echo()


def rows_of(future) -> list:
    part = future.result(timeout=SOON)
    return [part.result[row] for row in part.rows]


def hold(metric, batcher):
    """A request that occupies the model until the gate is opened."""
    metric.gate.clear()
    metric.begun.clear()
    first = batcher.submit(["first"], ["f"], pairs=1)
    assert metric.begun.wait(SOON)
    return first


def test_requests_that_wait_together_are_scored_in_one_call_and_get_their_own_rows(metric):
    with Batcher(lambda: metric, wait_seconds=0) as batcher:
        first = hold(metric, batcher)
        waiting = [
            batcher.submit(
                [f"s{i}.{j}" for j in range(i)], [f"c{i}.{j}" for j in range(i)], pairs=i
            )
            for i in range(4)  # the first has no row
        ]
        assert batcher.depth == 4
        metric.gate.set()
        assert rows_of(first) == [("first", "f")]
        for i, future in enumerate(waiting):
            assert rows_of(future) == [(f"s{i}.{j}", f"c{i}.{j}") for j in range(i)]
    assert [len(call) for call in metric.calls] == [1, 6]
    assert len(metric.threads) == 1
    assert threading.get_ident() not in metric.threads


def test_batches_keep_to_the_budget_and_to_the_order(metric):
    batches = []
    with Batcher(lambda: metric, batch_pairs=10, wait_seconds=0) as batcher:
        batcher.on_batch = lambda requests, pairs: batches.append((requests, pairs))
        first = hold(metric, batcher)
        sizes = (4, 6, 3, 50, 5, 5, 1)
        futures = [batcher.submit([f"{i}"], [""], pairs=size) for i, size in enumerate(sizes)]
        metric.gate.set()
        for future in (first, *futures):
            rows_of(future)
    assert metric.calls[1:] == [
        [("0", ""), ("1", "")],
        [("2", "")],
        [("3", "")],  # more than a batch: alone
        [("4", ""), ("5", "")],
        [("6", "")],
    ]
    assert batches == [(1, 1), (2, 10), (1, 3), (1, 50), (2, 10), (1, 1)]


def test_a_request_waits_for_company_until_the_batch_is_full(metric):
    with Batcher(lambda: metric, batch_pairs=2, wait_seconds=1000) as batcher:
        futures = [batcher.submit([name], [""], pairs=1) for name in "ab"]
        assert [rows_of(future) for future in futures] == [[("a", "")], [("b", "")]]
    assert len(metric.calls) == 1


def test_one_request_fails_alone(metric):
    with Batcher(lambda: metric, wait_seconds=0) as batcher:
        first = hold(metric, batcher)
        good, bad, other = (batcher.submit([s], [""], pairs=1) for s in ("good", "bad", "other"))
        metric.gate.set()
        rows_of(first)
        with pytest.raises(ValueError, match="a bad source"):
            bad.result(timeout=SOON)
        assert rows_of(good) == [("good", "")]
        assert rows_of(other) == [("other", "")]
        assert rows_of(batcher.submit(["later"], [""], pairs=1)) == [("later", "")]


def test_what_the_check_refuses_is_not_scored_and_its_company_is(metric):
    def check(table, count_tokens):
        if count_tokens(table) > 9:
            raise OverflowError(f"{len(table.pairs)} pairs")

    with Batcher(lambda: metric, wait_seconds=0) as batcher:
        batcher.check = check
        first = hold(metric, batcher)
        texts = (["a"], ["largest", "largest"], ["b", "c"])
        one, large, two = (batcher.submit(t, ["cla"] * len(t), pairs=1) for t in texts)
        metric.gate.set()
        rows_of(first)
        with pytest.raises(OverflowError, match="1 pairs"):
            large.result(timeout=SOON)
        assert rows_of(one) == [("a", "cla")]
        assert rows_of(two) == [("b", "cla"), ("c", "cla")]
    assert metric.calls[1:] == [[("a", "cla"), ("b", "cla"), ("c", "cla")]]


def test_a_cancelled_request_is_not_scored_and_gives_its_place_back(metric):
    with Batcher(lambda: metric, queue=2, wait_seconds=0) as batcher:
        first = hold(metric, batcher)
        dropped, kept = (batcher.submit([name], [""], pairs=1) for name in ("dropped", "kept"))
        with pytest.raises(QueueFullError, match="2 requests wait"):
            batcher.submit(["too many"], [""], pairs=1)
        assert not first.cancel()  # begun
        assert dropped.cancel()
        assert batcher.depth == 1
        late = batcher.submit(["late"], [""], pairs=1)
        metric.gate.set()
        assert [rows_of(f) for f in (kept, late)] == [[("kept", "")], [("late", "")]]
        with pytest.raises(CancelledError):
            dropped.result()
    assert ("dropped", "") not in [pair for call in metric.calls for pair in call]


def test_a_request_cancelled_while_it_waits_for_company_does_not_stop_the_thread(metric):
    with Batcher(lambda: metric, batch_pairs=2, wait_seconds=0.05) as batcher:
        assert batcher.submit(["dropped"], [""], pairs=1).cancel()
        assert rows_of(batcher.submit(["next"], [""], pairs=2)) == [("next", "")]
    assert metric.calls == [[("next", "")]]


def test_leaving_answers_what_waits(metric):
    with Batcher(lambda: metric, batch_pairs=2, wait_seconds=1000) as batcher:
        first = batcher.submit(["a"], [""], pairs=2)
        futures = [first] + [batcher.submit([f"{i}"], [""], pairs=1) for i in range(5)]
    assert all(future.done() for future in futures)
    assert [rows_of(future)[0][0] for future in futures] == ["a", "0", "1", "2", "3", "4"]


def test_a_model_that_cannot_be_loaded():
    def load():
        raise ValueError("no such model")

    with Batcher(load) as batcher, pytest.raises(ValueError, match="no such model"):
        batcher.loaded.result(timeout=SOON)


def test_leaving_while_the_model_is_loaded_waits_for_nothing(metric):
    never = threading.Event()
    with Batcher(lambda: never.wait() and metric) as batcher:
        assert not batcher.loaded.done()
    never.set()


def test_many_threads_get_their_own_answers():
    """Requests of random sizes, some cancelled, some bad, from eight threads at once."""
    metric = Echo()

    def client(number: int) -> int:
        draw = random.Random(number)  # noqa: S311
        wrong = 0
        for turn in range(60):
            names = [f"{number}.{turn}.{i}" for i in range(draw.randrange(4))]
            kind = draw.choice(["good", "good", "bad", "cancelled"])
            sources = [*names, "bad"] if kind == "bad" else names
            future = batcher.submit(sources, ["c"] * len(sources), pairs=draw.randrange(1, 9))
            if kind == "cancelled" and future.cancel():
                continue
            if kind == "bad":
                wrong += not isinstance(future.exception(timeout=SOON), ValueError)
            else:
                wrong += rows_of(future) != [(name, "c") for name in names]
        return wrong

    batcher = Batcher(lambda: metric, batch_pairs=16, wait_seconds=0.001)
    with batcher, ThreadPoolExecutor(8) as threads:
        assert sum(threads.map(client, range(8))) == 0
    assert max(map(len, metric.calls)) > 4
    assert len(metric.threads) == 1
