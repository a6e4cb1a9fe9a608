"""How long one pair takes: by a loaded metric, and by a whole process of `alignscore score`.

A loaded bundled aligner: a short source with a one-sentence summary, and a source of about 350
words with a summary of three sentences (from examples/), each scored alone, over and over; wall
time, per precision and number of threads. Cold start: `alignscore score` on a file of the short
pair, process by process, with a warm disk cache; wall and CPU time. Of several checkouts (--tree),
the runs alternate. Run it where nothing else runs: the load is printed with the figures.

    python benchmarks/latency.py [--tree NAME=FOLDER ...] [--into docs/performance.md]
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import torch
from pages import machine, write_between_marks

from alignscore_metric import AlignScore
from alignscore_metric.text.splitters import get_splitter

ROOT = Path(__file__).resolve().parents[1]
WARM_UP = 20
Pair = tuple[str, str]


def examples() -> dict[str, Pair]:
    """The short and the long pair."""
    lines = (ROOT / "examples" / "examples.jsonl").read_text(encoding="utf-8").splitlines()
    rows = {row["id"]: row for row in map(json.loads, lines)}
    split = get_splitter("bundled_punkt").split
    news, report = rows["flood-news/faithful"], rows["ferry-report/faithful"]
    short = " ".join(split(news["source"])[:3]), split(news["summary"])[0]
    return {"short": short, "long": (report["source"], report["summary"])}


def milliseconds(metric: AlignScore, pair: Pair, calls: int) -> list[float]:
    """Wall time of each call, after the first ones."""
    times = []
    for _ in range(WARM_UP + calls):
        started = time.perf_counter()
        metric.score([pair[0]], [pair[1]])
        times.append(1000 * (time.perf_counter() - started))
    return times[WARM_UP:]


def warm_table(precisions: Sequence[str], calls: int) -> Iterator[str]:
    """Lines of the table of a loaded metric."""
    yield "| texts | words | pairs | precision | threads | p50, ms | p99, ms |"
    yield "|---|---:|---:|---|---:|---:|---:|"
    for precision in precisions:
        metric = AlignScore(precision=precision, device="cpu", progress=False)
        for name, pair in examples().items():
            pairs = len(metric.evaluate([pair[0]], [pair[1]]).table.pairs)
            words = f"{len(pair[0].split())} + {len(pair[1].split())}"
            for threads in (1, 2):
                torch.set_num_threads(threads)
                p50, p99 = np.percentile(milliseconds(metric, pair, calls), [50, 99])
                yield (
                    f"| {name} | {words} | {pairs} | {precision} | {threads} | {p50:.1f} | "
                    f"{p99:.1f} |"
                )


def cold_start(tree: Path, file: Path) -> tuple[float, float]:
    """Wall and CPU seconds of one process that scores a file of one row."""
    command = [
        sys.executable,
        "-m",
        "alignscore_metric",
        "score",
        str(file),
        "--quiet",
    ]
    environment = os.environ | {"PYTHONPATH": str(tree), "OMP_NUM_THREADS": "1"}
    before, started = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    subprocess.run(  # noqa: S603  # our own command
        command, check=True, cwd=file.parent, env=environment, stdout=subprocess.DEVNULL
    )
    wall, after = time.perf_counter() - started, resource.getrusage(resource.RUSAGE_CHILDREN)
    return wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def cold_table(trees: dict[str, Path], runs: int) -> Iterator[str]:
    """Lines of the table of whole processes; the first run of each tree is left out."""
    yield "| checkout | wall, s: least | median | most | CPU, s: least | median | most |"
    yield "|---|---:|---:|---:|---:|---:|---:|"
    source, summary = examples()["short"]
    found: dict[str, list[tuple[float, float]]] = {name: [] for name in trees}
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "one.jsonl")
        file.write_text(json.dumps({"source": source, "summary": summary}), encoding="utf-8")
        for _ in range(runs + 1):
            for name, tree in trees.items():
                found[name].append(cold_start(tree, file))
    for name, times in found.items():
        least, median, most = np.quantile(times[1:], [0, 0.5, 1], axis=0)
        cells = [f"{value:.2f}" for value in np.stack([least, median, most]).T.ravel()]
        yield f"| {name} | {' | '.join(cells)} |"


def named_folder(text: str) -> tuple[str, Path]:
    """`NAME=FOLDER` as its parts."""
    name, _, folder = text.partition("=")
    return name, Path(folder).resolve()


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the tables; returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--calls", type=int, default=300, metavar="N", help="of each kind (300)")
    parser.add_argument("--runs", type=int, default=10, metavar="N", help="cold starts (10)")
    parser.add_argument("--precision", nargs="+", default=["fp32", "bf16"], metavar="NAME")
    parser.add_argument(
        "--tree", action="append", type=named_folder, metavar="NAME=FOLDER", help="checkouts to "
        "start cold; default: this one; may be repeated",
    )  # fmt: skip
    parser.add_argument("--into", type=Path, metavar="FILE", help="page whose table to replace")
    options = parser.parse_args(arguments)
    trees = dict(options.tree or [("this", ROOT)])
    written = [f"{machine()}; load average at the start {os.getloadavg()[0]:.1f}.", ""]
    for lines in (cold_table(trees, options.runs), warm_table(options.precision, options.calls)):
        for line in lines:
            print(line, flush=True)
            written.append(line)
        written.append("")
    if options.into is not None:
        write_between_marks(options.into, "latency", written[:-1])
    return 0


if __name__ == "__main__":
    sys.exit(main())
