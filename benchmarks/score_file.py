"""`alignscore score` on the labelled rows of one set, end to end, as a user would run it.

Prints the process's wall time and peak memory, pairs a second, and the ROC-AUC computed from the
written file.

    python benchmarks/score_file.py --shared ../shared --set xsumfaith --split test
"""

import argparse
import gzip
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from alignscore_metric.scores.statistics import roc_auc, value


def main(arguments: Sequence[str] | None = None) -> int:
    """Score, read the written file back, print the figures; returns the exit status."""
    parser = argparse.ArgumentParser(description="alignscore score, end to end.")
    parser.add_argument("--shared", type=Path, default=Path("../shared"), metavar="FOLDER")
    parser.add_argument("--set", default="xsumfaith")
    parser.add_argument("--split", default="test")
    parser.add_argument("options", nargs="*", help="options of `alignscore score`, after --")
    args = parser.parse_args(arguments)
    file = args.shared / "benchmarks" / "uniform" / f"{args.set}.jsonl.gz"
    with gzip.open(file, "rt", encoding="utf-8") as lines:
        rows = [line for line in lines if json.loads(line)["split"] == args.split]
    with tempfile.TemporaryDirectory() as folder:
        given, written = Path(folder, "rows.jsonl"), Path(folder, "scored.jsonl")
        given.write_text("".join(rows), encoding="utf-8")
        command = [sys.executable, "-m", "alignscore_metric", "score", str(given)]
        started = time.monotonic()
        subprocess.run(  # noqa: S603  # our own command
            [*command, "-o", str(written), "--evidence", *args.options], check=True
        )
        seconds = time.monotonic() - started
        scored = [json.loads(line) for line in written.read_text(encoding="utf-8").splitlines()]
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    kept = [row for row in scored if row["label"] is not None and row["alignscore"] is not None]
    labels, scores = ([row[name] for row in kept] for name in ("label", "alignscore"))
    auc = value(roc_auc(labels, scores), len(kept))
    sentences = sum(len(row["alignscore_evidence"]) for row in scored)
    print(f"{len(scored)} rows, {sentences} sentences, {len(kept)} labelled and scored")
    print(f"wall {seconds:.1f} s, {len(scored) / seconds:.1f} rows a second, peak {peak:.0f} MiB")
    print(f"AUC {100 * auc:.2f}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
