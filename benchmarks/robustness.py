"""How scores move when consistent summaries of FRANK are edited: the bundled aligner and baselines.

One summary that FRANK's annotators found consistent of each of some documents, with the casing of
its document (AlignScore's clean-up), without which no name could be told. For rows of your own:
`alignscore robustness FILE`.

    OMP_NUM_THREADS=1 python benchmarks/robustness.py --data DIR -o FILE.md

DIR is what `alignscore leaderboard --data` takes.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np
import pandas as pd

from alignscore_metric.leaderboards.cleanup import clean_up
from alignscore_metric.leaderboards.datasets import load
from alignscore_metric.leaderboards.metrics import make_metric
from alignscore_metric.leaderboards.robustness import edit_pairs, probe
from alignscore_metric.leaderboards.tables.robustness import render_robustness
from alignscore_metric.scores.intervals import Resampling
from alignscore_metric.text.splitters import get_splitter

METRICS = ("mini,precision=bf16", "rouge2_precision", "overlap")


def consistent(roots: list[Path], rows: int, seed: int) -> tuple[list[str], list[str]]:
    """Sources and cleaned summaries of consistent rows, each of another document."""
    split = get_splitter("bundled_punkt").split
    frame = pd.concat([load("frank", part, roots=roots).frame for part in ("val", "test")])
    frame = frame[frame["label"] == 1].sample(frac=1, random_state=np.random.default_rng(seed))
    frame = frame.drop_duplicates("source").head(rows)
    pairs = zip(frame["source"], frame["summary"], strict=True)
    return frame["source"].tolist(), [clean_up(*pair, split=split) for pair in pairs]


def main() -> None:
    """Measure, print and write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--data", type=Path, required=True, action="append", metavar="DIR")
    parser.add_argument("--metric", action="append", metavar="SPEC", help=", ".join(METRICS))
    parser.add_argument("--rows", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("-o", "--output", type=Path, metavar="FILE.md")
    args = parser.parse_args()
    pairs = edit_pairs(*consistent(args.data, args.rows, args.seed), seed=args.seed)
    resampling = Resampling(seed=args.seed)
    found = [probe(make_metric(spec), pairs, resampling) for spec in args.metric or METRICS]
    text = render_robustness(found, resampling, seed=args.seed, format="markdown")
    sys.stdout.write(text)
    if args.output:
        args.output.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
