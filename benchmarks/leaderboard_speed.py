"""Seconds and memory of a leaderboard: intervals and all paired tests, SummaC's test sets.

Scores and labels are random; rows, positives and documents are those of the six test sets.

    OMP_NUM_THREADS=1 python benchmarks/leaderboard_speed.py
"""

import argparse
import resource
import sys
import time
from collections.abc import Sequence

import numpy as np
import pandas as pd
from sklearn.metrics import roc_auc_score

from alignscore_metric.leaderboards.evaluate import BoardSettings, build_board
from alignscore_metric.leaderboards.items import ITEM_COLUMNS, ItemTable, RunInfo

SETS = {
    "cogensumm": (400, 312, 100),
    "xsumfaith": (1220, 124, 475),
    "polytope": (634, 41, 189),
    "factcc": (503, 441, 168),
    "summeval": (800, 720, 100),
    "frank": (1575, 567, 350),
}
"""Rows, positives and documents of SummaC's test sets, as the data cards count them; FactCC's
documents, whose test cut was not found, in the proportion of its val cut."""


def table(dataset: str, metric: int) -> ItemTable:
    """Random scores of one metric on random labels."""
    rows, positives, documents = SETS[dataset]
    rng = np.random.default_rng(len(dataset))
    labels = rng.permutation(np.repeat([1.0, 0.0], [positives, rows - positives]))
    which = rng.permutation(np.arange(rows) % documents)
    scores = labels + rng.normal(size=rows) + np.random.default_rng(metric).normal(size=rows)
    columns = {
        "id": np.arange(rows).astype(str),
        "text": np.arange(rows).astype(str),
        "document": which.astype(str),
        "score": scores,
        "label": labels,
        "human_score": np.nan,
        "system": None,
        "origin": None,
    }
    info = RunInfo(f"metric-{metric}", "random", dataset, "test", f"rows of {dataset}")
    return ItemTable(info, pd.DataFrame(columns)[list(ITEM_COLUMNS)])


def plain_loop(one: ItemTable, resamples: int) -> float:
    """Seconds of CPU that scikit-learn's AUC takes for resampled documents, one after the other."""
    rows = one.frame.groupby("document").indices
    documents = list(rows)
    labels, scores = (one.frame[name].to_numpy() for name in ("label", "score"))
    rng = np.random.default_rng(0)
    start = time.process_time()
    for _ in range(resamples):
        drawn = rng.integers(0, len(documents), len(documents))
        ids = np.concatenate([rows[documents[at]] for at in drawn])
        roc_auc_score(labels[ids], scores[ids])
    return time.process_time() - start


def main(arguments: Sequence[str] | None = None) -> int:
    """Print one line a run; returns the exit status."""
    parser = argparse.ArgumentParser(description="Speed of a leaderboard.")
    parser.add_argument("--metrics", type=int, default=8)
    parser.add_argument("--resamples", type=int, default=1000)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--statistic", default="roc_auc")
    options = parser.parse_args(arguments)
    tables = [table(dataset, metric) for dataset in SETS for metric in range(options.metrics)]
    pairs = options.metrics * (options.metrics - 1) // 2
    settings = BoardSettings(resamples=options.resamples).for_metrics(options.metrics)
    # A paired test compares two AUCs a permutation.
    per_draw = options.metrics + 2 * pairs * (settings.permutations or 0) / settings.resamples
    for run in range(options.runs):
        wall, processor = time.perf_counter(), time.process_time()
        build_board(
            tables,
            benchmark="summac",
            split="test",
            statistic=options.statistic,
            settings=settings,
        )
        wall, processor = time.perf_counter() - wall, time.process_time() - processor
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**10
        print(
            f"run {run + 1}: {wall:.1f} s ({processor:.1f} s of CPU) for {options.metrics} metrics "
            f"x {len(SETS)} sets, {options.resamples} resamples, {pairs * len(SETS)} tests of "
            f"{settings.permutations} permutations; peak {peak:.0f} MiB"
        )
        # A tenth of the loop tells its speed.
        loop = 10 * sum(plain_loop(table(name, 0), options.resamples // 10) for name in SETS)
        loop *= per_draw
        print(
            f"       a loop over scikit-learn's AUC: {loop:.0f} s of CPU, "
            f"{loop / processor:.0f} times as much"
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
