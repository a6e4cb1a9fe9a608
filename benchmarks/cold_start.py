"""What a process costs before and while it scores its first pair, beside `import torch`.

CPU time (user and system) of whole processes with one thread and a warm disk cache: `import torch`
with the reading and hashing of the bundled weights, to which ratios are taken; then
`AlignScore()`, and the commands `explain` and `score` on one short pair. Every round runs each of
them once, one after the other, so that ratios are of neighbours. Then the parts of `explain`, by a
process that looks at its clock on the way. Of several checkouts (--tree), the rounds alternate.

    python benchmarks/cold_start.py [--tree NAME=FOLDER ...] [--into docs/performance.md]
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
from pages import machine, write_between_marks

ROOT = Path(__file__).resolve().parents[1]
SOURCE = "The bridge was closed on Monday after an inspection found cracks. Nobody was hurt."
SUMMARY = "The bridge was closed on Monday."

READ = """
import hashlib, pathlib, sys, torch
from safetensors.torch import load_file
load_file(sys.argv[1])
hashlib.sha256(pathlib.Path(sys.argv[1]).read_bytes())
"""
LEAST = "import torch, weights read"

PARTS = """
import json, sys, time
times = [("python", time.process_time())]
def note(name):
    times.append((name, time.process_time()))
import torch
note("import torch")
from alignscore_metric import AlignScore
note("other imports")
metric = AlignScore(progress=False)
note("AlignScore()")
metric.evaluate([sys.argv[1]], [sys.argv[2]])
note("one pair")
names = [name for name, _ in times]
seconds = [b - a for (_, a), (_, b) in zip([("", 0.0), *times], times)]
json.dump(dict(zip(names, seconds)), sys.stdout)
"""


def processes(file: Path) -> dict[str, list[str]]:
    """Arguments of Python for each process, by its name; `file` has the pair as a row."""
    weights = str(ROOT / "alignscore_metric" / "models" / "mini" / "model.safetensors")
    module = ["-m", "alignscore_metric"]
    return {
        "import torch": ["-c", "import torch"],
        LEAST: ["-c", READ, weights],
        "AlignScore()": ["-c", "from alignscore_metric import AlignScore; AlignScore()"],
        "alignscore explain": [
            *module,
            "explain",
            "--source-text",
            SOURCE,
            "--summary-text",
            SUMMARY,
        ],
        "alignscore score": [*module, "score", str(file), "--quiet"],
    }


def run(tree: Path, arguments: Sequence[str]) -> tuple[float, str]:
    """CPU seconds of one process of Python, and what it printed."""
    environment = os.environ | {"PYTHONPATH": str(tree), "OMP_NUM_THREADS": "1"}
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(  # noqa: S603  # our own command
        [sys.executable, *arguments],
        check=True,
        cwd=tempfile.gettempdir(),
        env=environment,
        stdout=subprocess.PIPE,
        text=True,
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, done.stdout


def process_table(trees: dict[str, Path], rounds: int) -> Iterator[str]:
    """Lines of the table of whole processes; the first round is left out."""
    yield "| checkout | process | CPU, s: median | least to most | ratio: median | least to most |"
    yield "|---|---|---:|---:|---:|---:|"
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "one.jsonl")
        file.write_text(json.dumps({"source": SOURCE, "summary": SUMMARY}), encoding="utf-8")
        kinds = processes(file)
        seconds = np.array(
            [
                [[run(tree, kind)[0] for kind in kinds.values()] for tree in trees.values()]
                for _ in range(rounds + 1)
            ]
        )[1:]
    for place, tree in enumerate(trees):
        for kind, name in enumerate(kinds):
            own = seconds[:, place, kind]
            ratios = own / seconds[:, place, list(kinds).index(LEAST)]
            yield f"| {tree} | {name} | {_spread(own)} | {_spread(ratios)} |"


def part_table(trees: dict[str, Path], rounds: int) -> Iterator[str]:
    """Lines of the table of parts; the first round is left out."""
    yield "| checkout | part | CPU, s: median | least to most |"
    yield "|---|---|---:|---:|"
    found: dict[str, list[dict[str, float]]] = {name: [] for name in trees}
    for _ in range(rounds + 1):
        for name, tree in trees.items():
            found[name].append(json.loads(run(tree, ["-c", PARTS, SOURCE, SUMMARY])[1]))
    for name, parts in found.items():
        for part in parts[0]:
            yield f"| {name} | {part} | {_spread(np.array([one[part] for one in parts[1:]]))} |"


def _spread(values: npt.NDArray[np.float64]) -> str:
    """Median, and least to most, as two cells."""
    return f"{np.median(values):.2f} | {values.min():.2f} to {values.max():.2f}"


def named_folder(text: str) -> tuple[str, Path]:
    """`NAME=FOLDER` as its parts."""
    name, _, folder = text.partition("=")
    return name, Path(folder).resolve()


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the tables; returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--rounds", type=int, default=10, metavar="N", help="after a first (10)")
    parser.add_argument(
        "--tree", action="append", type=named_folder, metavar="NAME=FOLDER", help="checkouts to "
        "start; default: this one; may be repeated",
    )  # fmt: skip
    parser.add_argument("--into", type=Path, metavar="FILE", help="page whose tables to replace")
    options = parser.parse_args(arguments)
    trees = dict(options.tree or [("this", ROOT)])
    written = [f"{machine()}; load average at the start {os.getloadavg()[0]:.1f}.", ""]
    for lines in (process_table(trees, options.rounds), part_table(trees, options.rounds)):
        for line in lines:
            print(line, flush=True)
            written.append(line)
        written.append("")
    if options.into is not None:
        write_between_marks(options.into, "cold start", written[:-1])
    return 0


if __name__ == "__main__":
    sys.exit(main())
