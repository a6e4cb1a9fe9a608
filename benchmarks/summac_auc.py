"""ROC-AUC of an aligner on the six SummaC sets, against their human judgments.

Choose between models on `--split val` alone; `test` is for reporting.

    python benchmarks/summac_auc.py --shared ../shared --model mini --split val
"""

import argparse
import gzip
import json
import random
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from alignscore_metric import AlignScore
from alignscore_metric.training.evaluation import roc_auc

SUMMAC = ("cogensumm", "xsumfaith", "polytope", "factcc", "summeval", "frank")


def read_rows(file: Path, split: str, limit: int | None) -> list[dict[str, Any]]:
    """Labelled rows with a document; at most `limit` of them, drawn with a fixed seed."""
    with gzip.open(file, "rt", encoding="utf-8") as lines:
        rows = [row for row in map(json.loads, lines) if row["split"] == split]
    rows = [row for row in rows if row["source"] and row["label"] is not None]
    if limit is None or limit >= len(rows):
        return rows
    return random.Random(0).sample(rows, limit)  # noqa: S311  # draws rows, not secrets


def main(arguments: Sequence[str] | None = None) -> int:
    """Score, print a line per set and the mean; returns the exit status."""
    parser = argparse.ArgumentParser(description="AUC on SummaC.")
    parser.add_argument("--shared", type=Path, default=Path("../shared"), metavar="FOLDER")
    parser.add_argument("--split", choices=("val", "test"), default="val")
    parser.add_argument("--limit", type=int, metavar="ROWS", help="per set; default all")
    parser.add_argument("--model", default="mini")
    parser.add_argument("--head")
    parser.add_argument("--chunk-words", type=int, metavar="N")
    parser.add_argument("--precision", default="fp32")
    options = parser.parse_args(arguments)
    metric = AlignScore(
        options.model,
        head=options.head,
        chunk_words=options.chunk_words,
        precision=options.precision,
    )
    folder = options.shared / "benchmarks" / "uniform"
    sets = {
        name: rows
        for name in SUMMAC
        if (rows := read_rows(folder / f"{name}.jsonl.gz", options.split, options.limit))
    }
    rows = [row for found in sets.values() for row in found]
    started = time.monotonic()
    result = metric.evaluate([row["source"] for row in rows], [row["summary"] for row in rows])
    seconds = time.monotonic() - started
    scores = np.nan_to_num(result.scores, nan=0.0)
    sys.stdout.write(f"{metric.signature}\n")
    aucs, start = [], 0
    for name, found in sets.items():
        labels = np.array([row["label"] for row in found])
        aucs.append(100 * roc_auc(labels, scores[start : start + len(found)]))
        start += len(found)
        sys.stdout.write(f"{name:12}{len(found):6} rows  AUC {aucs[-1]:.2f}\n")
    sys.stdout.write(f"{'mean':12}{len(rows):6} rows  AUC {np.mean(aucs):.2f}\n")
    pairs = len(result.table.pairs)
    sys.stdout.write(f"{pairs} pairs in {seconds:.0f} s, {pairs / seconds:.0f} a second\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
