"""A process per device: the same numbers in the same order, and processes that die."""

import os
import signal
import subprocess
import sys
import time
import warnings
from pathlib import Path

import pytest

from alignscore_metric.errors import ConfigurationError, InputError, WorkerError
from alignscore_metric.files import devices
from alignscore_metric.files.devices import AHEAD, DevicePool

ROOT = Path(__file__).resolve().parents[1]


# --- what the processes import from here, hence no torch above


class Stub:
    """Scores a summary by its length."""

    signature = "stub"

    def __init__(self, options, share):
        pass

    def score(self, sources, summaries):
        return [float(len(summary)) for summary in summaries]


class UnequalStub(Stub):
    def __init__(self, options, share):
        self.signature = f"stub {os.getpid()}"


class SlowStub(Stub):
    loaded = False

    def __init__(self, options, share):
        time.sleep(0.2)
        SlowStub.loaded = True


class SlowPool(DevicePool):
    _load = SlowStub


def check_that_it_is_loaded(scorer):
    if not SlowStub.loaded:
        raise ImportError("imported beside the model")
    return scorer


class WhenLoaded:
    """A scorer that must not reach a process before its model is loaded."""

    def __init__(self, scorer):
        self.scorer = scorer

    def __reduce__(self):
        return check_that_it_is_loaded, (self.scorer,)


class StubPool(DevicePool):
    _load = Stub


class UnequalPool(DevicePool):
    _load = UnequalStub


def score(metric, windows):
    for sources, summaries in windows:
        yield metric.score(sources, summaries)


def threads(metric, windows):
    import torch

    for _ in windows:
        yield torch.get_num_threads()


def about_the_process(metric, windows):
    for window in windows:
        time.sleep(0.002)
        yield window, os.getpid()


def divide(metric, windows):
    for window in windows:
        yield 1 / window


def sleep_and_echo(metric, windows):
    for seconds in windows:
        time.sleep(seconds)
        yield seconds


def look_ahead_and_echo(metric, windows):
    """Asks for one window more than it has given results, as one that prepares the next does."""
    held = next(windows, None)
    while held is not None:
        following = next(windows, None)
        yield held
        held = following


def die_once(metric, windows):
    for place, mark in windows:
        if mark is not None and not mark.exists():
            mark.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        yield place, metric.score(["a"], ["b" * place])


def die_of_five(metric, windows):
    for window in windows:
        if window == 5:
            os.kill(os.getpid(), signal.SIGKILL)
        yield window


def warn_of_large_ones(metric, windows):
    for window in windows:
        if window >= 2:
            warnings.warn(f"{window} is large", UserWarning, stacklevel=1)
        yield window


def dies_when_unpickled():
    os.kill(os.getpid(), signal.SIGKILL)


class DiesWhenLoaded:
    def __reduce__(self):
        return dies_when_unpickled, ()


# --- tests


@pytest.fixture(scope="module")
def pool():
    with StubPool(["cpu", "cpu"]) as opened:
        yield opened


def where(window: object) -> str:
    return f"window {window}"


@pytest.mark.slow
def test_scores_are_those_of_one_process_bit_for_bit(tiny_aligner, example_rows, monkeypatch):
    from alignscore_metric import AlignScore

    sources, summaries = ([row[name] for row in example_rows] for name in ("source", "summary"))
    windows = [(sources[i : i + 3], summaries[i : i + 3]) for i in range(0, len(sources), 3)]
    assert len(windows) > 8
    monkeypatch.setenv("OMP_NUM_THREADS", "2")  # for the processes that are started below
    metric = AlignScore(tiny_aligner, device="cpu", progress=False)
    with DevicePool(["cpu", "cpu"], model=tiny_aligner) as pool:
        assert list(pool.map(score, windows, where=where)) == [metric.score(*w) for w in windows]
        together = metric.score(sources, summaries)
        monkeypatch.setattr(devices, "WINDOW_ROWS", 7)
        assert pool.score(sources, summaries) == pytest.approx(together, abs=1e-5, nan_ok=True)
        assert pool.signature == metric.signature
        done = list(pool.map(threads, range(9), where=where))
        assert set(done) == {1}  # of the two, one for each process


def test_both_processes_work_and_order_is_kept(pool):
    done = list(pool.map(about_the_process, range(40), where=where))
    assert [window for window, _ in done] == list(range(40))
    assert len({pid for _, pid in done} - {os.getpid()}) == 2


def test_few_windows_are_read_ahead_of_a_slow_one(pool):
    taken = []

    def windows():
        for place in range(30):
            taken.append(place)
            yield 0.3 if place == 0 else place / 1e6

    results = []
    for result in pool.map(sleep_and_echo, windows(), where=where):
        results.append(result)
        assert len(taken) <= len(results) + 2 * AHEAD
    assert results == [0.3, *(place / 1e6 for place in range(1, 30))]


@pytest.mark.parametrize("count", [0, 1, 2, 3, 25])
def test_a_scorer_may_look_one_window_ahead(pool, count):
    assert list(pool.map(look_ahead_and_echo, range(count), where=where)) == list(range(count))


def test_the_windows_of_a_killed_process_are_scored_again(pool, tmp_path):
    marks = {place: tmp_path / str(place) for place in (3, 11, 12)}
    windows = [(place, marks.get(place)) for place in range(16)]
    found = list(pool.map(die_once, windows, where=where))
    assert found == [(place, [float(place)]) for place in range(16)]
    assert all(mark.exists() for mark in marks.values())


def test_a_process_killed_from_outside(pool):
    (_, pid), *_ = pool.map(about_the_process, range(40), where=where)
    os.kill(pid, signal.SIGKILL)
    again = list(pool.map(about_the_process, range(40), where=where))
    assert [window for window, _ in again] == list(range(40))
    assert pid not in {pid for _, pid in again}


@pytest.mark.parametrize("processes", [1, 2])
def test_a_process_that_is_started_again_is_sent_nothing_before_it_has_loaded(tmp_path, processes):
    windows = [(place, tmp_path / "mark" if place == 3 else None) for place in range(9)]
    with SlowPool(["cpu"] * processes) as pool:
        found = list(pool.map(WhenLoaded(die_once), windows, where=where))
        assert found == [(place, [float(place)]) for place in range(9)]
        for worker in pool._workers:
            os.kill(worker.process.pid, signal.SIGKILL)
        found = list(pool.map(WhenLoaded(die_once), windows, where=where))
        assert [place for place, _ in found] == list(range(9))


def test_warnings_come_back(pool):
    with pytest.warns(UserWarning, match=r"[23] is large") as given:
        assert list(pool.map(warn_of_large_ones, range(4), where=where)) == [0, 1, 2, 3]
    assert len(given) == 1


def test_input_is_checked_before_it_is_sent(pool):
    with pytest.raises(InputError, match="row 1: the summary is missing"):
        pool.score(["a", "b"], ["c", None])


def test_rows_that_kill_every_process_are_named_and_those_before_were_given():
    with StubPool(["cpu", "cpu"]) as pool:
        given = []
        with pytest.raises(WorkerError, match=r"window 5: .*died 3 times.*'cpu'"):
            given.extend(pool.map(die_of_five, range(8), where=where))
        assert given == [0, 1, 2, 3, 4]
        with pytest.raises(ConfigurationError, match="closed"):
            pool.score(["a"], ["b"])


def test_an_error_of_scoring_is_raised_here_with_its_own_traceback():
    with StubPool(["cpu"]) as pool, pytest.raises(ZeroDivisionError) as raised:
        list(pool.map(divide, [2, 1, 0], where=where))
    assert "in divide" in str(raised.value.__cause__)


def test_a_process_that_dies_while_it_loads():
    with pytest.raises(WorkerError, match=r"'cpu' ended 3 times.*exit code -9"):
        StubPool(["cpu"], model=DiesWhenLoaded())


def test_devices_that_score_differently_are_refused():
    with pytest.raises(ConfigurationError, match=r"cpu:1: stub \d+\); name devices that are alike"):
        UnequalPool(["cpu:0", "cpu:1"])
    with pytest.raises(ConfigurationError, match=r"several kinds \(cpu, cuda\)"):
        DevicePool(["cuda:0", "cpu"])


def test_a_process_that_is_started_again_must_find_the_same_model(tmp_path):
    windows = [(place, tmp_path / "mark" if place == 1 else None) for place in range(4)]
    with UnequalPool(["cpu"]) as pool, pytest.raises(ConfigurationError, match="another model"):
        list(pool.map(die_once, windows, where=where))


@pytest.mark.parametrize("devices", ["cpu", []])
def test_devices_are_a_list(devices):
    with pytest.raises(ConfigurationError, match="give a list"):
        DevicePool(devices)


def test_an_absent_device_is_refused_as_by_the_metric():
    with pytest.raises(ConfigurationError, match="'nowhere' cannot be used here"):
        DevicePool(["nowhere"])


SCRIPT = """
import os, signal, sys, time
from test_devices import StubPool, about_the_process, sleep_and_echo

if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background jobs have none
    with StubPool(["cpu", "cpu"]) as pool:
        seen = pool.map(about_the_process, range(40), where=str)
        print(*{pid for _, pid in seen}, flush=True)
        list(pool.map(sleep_and_echo, [600, 600, 600], where=str))
"""


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])
@pytest.mark.slow
def test_no_process_outlives_its_parent(number, tmp_path):
    script = tmp_path / "script.py"
    script.write_text(SCRIPT)
    environment = os.environ | {"PYTHONPATH": f"{ROOT}:{ROOT / 'tests'}"}
    parent = subprocess.Popen(
        [sys.executable, script],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    pids = [int(pid) for pid in parent.stdout.readline().split()]
    assert len(pids) == 2
    time.sleep(0.5)  # an interrupt between two calls may fall into a destructor, which drops it
    if number == signal.SIGINT:  # as a terminal does it: to all of them
        os.killpg(parent.pid, number)
    else:
        parent.kill()
    told = parent.communicate(timeout=30)[1]
    assert told.count("KeyboardInterrupt") == (number == signal.SIGINT)
    give_up = time.monotonic() + 10
    while any(is_alive(pid) for pid in pids):
        assert time.monotonic() < give_up
        time.sleep(0.02)


def is_alive(pid: int) -> bool:
    """Whether there is such a process that is not a zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False
