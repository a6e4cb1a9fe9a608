"""Interfaces to libraries that are not here: what the user is told, and what works without."""

import subprocess
import sys

import pytest

MODULES = {
    "integrations.deepeval": "deepeval",
    "integrations.guardrails": "guardrails",
    "integrations.haystack": "haystack",
    "integrations.llama_index": "llama-index",
    "integrations.ragas": "ragas",
    "files.ray": "ray",
    "integrations.sklearn": "sklearn",
    "integrations.torchmetrics": "torchmetrics",
    "integrations.trulens": "trulens",
}
SCRIPT = """
import sys
from importlib import import_module

from alignscore_metric import MissingResourceError
from alignscore_metric.integrations import langsmith, lm_eval, trl  # need no library

modules = sys.argv[1:]
libraries = [module.split(".")[-1] for module in modules]
assert not set(sys.modules) & {*libraries, "langsmith", "lm_eval", "trl"}
sys.modules.update(dict.fromkeys(libraries))  # as if they were not installed
for module in modules:
    try:
        import_module(f"alignscore_metric.{module}")
    except MissingResourceError as error:
        print(error)
"""


@pytest.mark.slow
def test_an_absent_library_names_its_extra():
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, *MODULES], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    told = done.stdout.splitlines()
    assert [line.rpartition("; ")[2] for line in told] == [
        f"pip install 'alignscore-metric[{extra}]'" for extra in MODULES.values()
    ]
