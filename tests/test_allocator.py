"""Tests of system.allocator: page faults of a process that makes large blocks anew."""

import subprocess
import sys

import pytest

WORK = """
import resource, sys, torch
if {keep}:
    from alignscore_metric.system.allocator import keep_freed_memory
    assert keep_freed_memory()
blocks = [torch.ones(3_000_000) for _ in range(2)]
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(40):
    blocks = [block + 1 for block in blocks]
    del blocks[0]
    blocks.append(torch.ones(3_000_000))
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


def page_faults(keep: bool, **environment: str) -> int:
    return int(printed(WORK.format(keep=keep), **environment))


def printed(code: str, **environment: str) -> str:
    """What a process of its own prints."""
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        env={"PATH": "", "PYTHONPATH": ":".join(sys.path)} | environment,
    )
    return done.stdout


@pytest.mark.skipif(sys.platform != "linux", reason="settings of glibc")
@pytest.mark.slow
def test_freed_memory_is_not_fetched_anew():
    """120 blocks of 12 MB are made, the first few of memory that is new either way.

    How many pages a fault brings is the kernel's choice, so that only their ratio is known.
    """
    assert page_faults(keep=True) < 0.75 * page_faults(keep=False)


def test_the_environments_settings_stand(monkeypatch: pytest.MonkeyPatch):
    from alignscore_metric.system.allocator import keep_freed_memory

    keep_freed_memory.cache_clear()
    monkeypatch.setenv("MALLOC_ARENA_MAX", "2")
    assert keep_freed_memory() is False
    keep_freed_memory.cache_clear()


THREADS = """
import threading, torch
if {keep}:
    from alignscore_metric.system.allocator import keep_freed_memory
    assert keep_freed_memory()

def resident():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * 4096 / 1e6

def work(turn, following, end):
    turn.wait()
    blocks = [torch.ones(1_000_000) for _ in range(50)]
    del blocks
    following.set()
    end.wait()

before, end = resident(), threading.Event()
turns = [threading.Event() for _ in range(9)]
workers = [threading.Thread(target=work, args=(*pair, end)) for pair in zip(turns, turns[1:])]
for worker in workers:
    worker.start()
turns[0].set()
turns[-1].wait()
print(round(resident() - before))
end.set()
"""


@pytest.mark.skipif(sys.platform != "linux", reason="settings of glibc")
@pytest.mark.slow
def test_threads_share_what_they_free():
    """Eight threads make 200 MB each in turn: what one frees, the next one takes."""
    assert int(printed(THREADS.format(keep=True))) < 700


@pytest.mark.skipif(sys.platform != "linux", reason="settings of glibc")
@pytest.mark.parametrize("keep", [True, False])
@pytest.mark.slow
def test_kept_memory_is_given_back(keep: bool):
    """Every other one of 400 blocks of 1 MB: no end of the heap to be trimmed by itself."""
    work = """
import torch
from alignscore_metric.system.allocator import give_back_freed_memory, keep_freed_memory
if {keep}:
    assert keep_freed_memory()

def resident():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * 4096 / 1e6

before = resident()
blocks = [torch.ones(250_000) for _ in range(400)]
del blocks[::2]
held = resident() - before
give_back_freed_memory()
print(held > 300, resident() - before < 260)
"""
    # Without it the system has each block back at once.
    assert printed(work.format(keep=keep)).split() == [str(keep), "True"]
