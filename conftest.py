"""Tests: workers that share the cores, tests that run alone, interfaces to other libraries.

No library reports home, and one that is not here has no doctests.
"""

import fcntl
import os
from collections.abc import Generator
from importlib.util import find_spec
from pathlib import Path

import pytest

#: The name that pytest-xdist gives to each of several processes that share the tests.
WORKER = os.environ.get("PYTEST_XDIST_WORKER")
if WORKER:
    # Threads of OpenMP wait by spinning: workers with one for every core hold each other up.
    os.environ["OMP_NUM_THREADS"] = "1"

os.environ |= {
    "DEEPEVAL_TELEMETRY_OPT_OUT": "1",
    "HAYSTACK_TELEMETRY_ENABLED": "False",
    "LANGSMITH_TRACING": "false",
    "RAGAS_DO_NOT_TRACK": "true",
    "RAY_USAGE_STATS_ENABLED": "0",
}

collect_ignore = [
    f"alignscore_metric/{module}.py"
    for module in (
        "files/ray",
        "integrations/deepeval",
        "integrations/guardrails",
        "integrations/haystack",
        "integrations/llama_index",
        "integrations/ragas",
        "integrations/sklearn",
        "integrations/torchmetrics",
        "integrations/trulens",
    )
    if find_spec(module.split("/")[-1]) is None
]
if find_spec("triton") is None:
    collect_ignore.append("alignscore_metric/engine/kernels.py")
if find_spec("guardrails") is not None:
    from guardrails.settings import settings

    settings.rc.enable_metrics = False  # there is no variable for it


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """No worker does anything while a test that is marked `alone` runs."""
    if not WORKER:
        return (yield)
    folder = item.config._tmp_path_factory.getbasetemp().parent  # of all workers
    with (folder / "gate").open("w") as gate, (folder / "lock").open("w") as lock:
        alone = item.get_closest_marker("alone") is not None
        # Who waits for all others to end holds the gate, so that none of them begins anew.
        fcntl.flock(gate, fcntl.LOCK_EX)
        fcntl.flock(lock, fcntl.LOCK_EX if alone else fcntl.LOCK_SH)
        fcntl.flock(gate, fcntl.LOCK_UN)
        try:
            return (yield)
        finally:
            fcntl.flock(lock, fcntl.LOCK_UN)  # closing it is not enough: forked children have it


@pytest.fixture
def few_examples(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder whose examples/examples.jsonl has six of the examples: quick to score.

    They are of two documents, one of them a list of passages, with faithful and other summaries.
    """
    monkeypatch.chdir(tmp_path)
    examples = Path(__file__).parent / "examples" / "examples.jsonl"
    lines = examples.read_text(encoding="utf-8").splitlines(keepends=True)
    few = [line for line in lines if '"flood-news/' in line or '"leave-passages/' in line]
    (tmp_path / "examples").mkdir()
    (tmp_path / "examples" / "examples.jsonl").write_text("".join(few), encoding="utf-8")
    return tmp_path


@pytest.fixture(autouse=True)
def _few_examples_in_docstrings(request: pytest.FixtureRequest) -> None:
    if isinstance(request.node, pytest.DoctestItem):
        request.getfixturevalue("few_examples")
