"""Interfaces to libraries that are not here: what the user is told, and what works without."""

import subprocess
import sys

SUBCLASSES = {
    "deepeval": "deepeval",
    "llama_index": "llama-index",
    "ragas": "ragas",
    "ray": "ray",
    "torchmetrics": "torchmetrics",
}
SCRIPT = """
import sys
from importlib import import_module

from alignscore_metric import MissingResourceError
from alignscore_metric.integrations import langsmith, lm_eval, trl  # need no library

libraries = sys.argv[1:]
assert not set(sys.modules) & {*libraries, "langsmith", "lm_eval", "trl"}
sys.modules.update(dict.fromkeys(libraries))  # as if they were not installed
for library in libraries:
    try:
        import_module(f"alignscore_metric.integrations.{library}")
    except MissingResourceError as error:
        print(error)
"""


def test_an_absent_library_names_its_extra():
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, *SUBCLASSES], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    told = done.stdout.splitlines()
    assert [line.rpartition("; ")[2] for line in told] == [
        f"pip install 'alignscore-metric[{extra}]'" for extra in SUBCLASSES.values()
    ]
