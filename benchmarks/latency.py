"""How long a loaded metric takes for one pair.

The bundled aligner: a short source with a one-sentence summary, and a source of about 350 words
with a summary of three sentences (from examples/), each scored alone, over and over; wall time, per
precision and number of threads. Run it where nothing else runs: the load is printed with the
figures. What a process costs before is `cold_start.py`'s business.

    python benchmarks/latency.py [--into docs/performance.md]
"""

from __future__ import annotations

import argparse
import json
import os
import sys
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


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the table; returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--calls", type=int, default=300, metavar="N", help="of each kind (300)")
    parser.add_argument("--precision", nargs="+", default=["fp32", "bf16"], metavar="NAME")
    parser.add_argument("--into", type=Path, metavar="FILE", help="page whose table to replace")
    options = parser.parse_args(arguments)
    written = [f"{machine()}; load average at the start {os.getloadavg()[0]:.1f}.", ""]
    for line in warm_table(options.precision, options.calls):
        print(line, flush=True)
        written.append(line)
    if options.into is not None:
        write_between_marks(options.into, "latency", written)
    return 0


if __name__ == "__main__":
    sys.exit(main())
