r"""Put a temperature, and a bias fitted on SummaC's val splits, into an aligner's weights.

Reads the benchmarks' uniform files. Writes the folder anew: weights, configuration, card; then the
threshold for balanced accuracy is 0.5 of the score. With --rows, that many of each set alone.

    python benchmarks/folding.py --data DIR --model FOLDER
"""

from __future__ import annotations

import argparse
import gzip
import json
import random
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from scipy.special import logsumexp

from alignscore_metric import AlignScore
from alignscore_metric.checkpoint.loading import load_checkpoint
from alignscore_metric.pipeline import sentence_splitter
from alignscore_metric.scores.decisions import equal_weights
from alignscore_metric.text.copying import copied_shares
from alignscore_metric.text.pairs import PairTable
from alignscore_metric.training.card import read_record, write_record
from alignscore_metric.training.data import AlignmentExample, encode_examples
from alignscore_metric.training.evaluation import Outputs, predict
from alignscore_metric.training.folding import Floats, fit, fold
from alignscore_metric.training.run import save

SETS = ("cogensumm", "xsumfaith", "polytope", "factcc", "summeval", "frank")


def rows_of(folder: Path, name: str, limit: int | None) -> list[dict[str, Any]]:
    """Val rows of a set that have a source and a label; some of them where there is a limit."""
    with gzip.open(folder / f"{name}.jsonl.gz", "rt", encoding="utf-8") as lines:
        rows = [row for row in map(json.loads, lines) if row["split"] == "val" and row["source"]]
    rows = [row for row in rows if row["label"] is not None]
    return rows if limit is None else random.Random(0).sample(rows, min(limit, len(rows)))  # noqa: S311


def support(outputs: Outputs, head: str, supported: int) -> Floats:
    """Logit of the probability of support of each pair."""
    logits = outputs[head]
    others = np.delete(logits, supported, axis=1)
    return np.asarray(logits[:, supported] - logsumexp(others, axis=1))


def sentence_logits(loaded: Any, table: PairTable) -> Floats:  # noqa: ANN401  # a checkpoint
    """Logit of each sentence's best chunk, shape [S]."""
    aligner, profile = loaded.aligner, loaded.aligner.profile
    pairs = [
        AlignmentExample("pairs", table.chunks[chunk], table.sentences[sentence], "bin", 0)
        for chunk, sentence in table.pairs.tolist()
    ]
    encoded = encode_examples(
        pairs, loaded.tokenizer, max_length=profile.max_length, mark_claim=aligner.reads_claim
    )
    outputs = predict(aligner, encoded, precision="bf16", batch_tokens=4096)
    logits = support(outputs, profile.head, profile.supported)[table.cells]
    return np.asarray(np.maximum.reduceat(logits, table.sentence_cells[:-1]))


def main() -> None:
    """Score, fit, write."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--data", type=Path, required=True, help="folder of the uniform files")
    parser.add_argument("--model", type=Path, required=True, help="folder that is written anew")
    parser.add_argument("--rows", type=int, help="of each set at most")
    parser.add_argument("--temperature", type=float, default=0.6)
    args = parser.parse_args()
    loaded = load_checkpoint(args.model)
    profile, split = loaded.aligner.profile, sentence_splitter(loaded.aligner.profile)
    rows = [row | {"set": name} for name in SETS for row in rows_of(args.data, name, args.rows)]
    rows = [row for row in rows if split(row["summary"])]
    table = AlignScore(args.model, progress=False).pair_table(
        [row["source"] for row in rows], [row["summary"] for row in rows]
    )
    found = fit(
        sentence_logits(loaded, table),
        copied_shares(table),
        table.example_sentences,
        np.array([int(row["label"]) for row in rows]),
        copied_weight=profile.copied_weight,
        weights=equal_weights([row["set"] for row in rows]),
        temperature=args.temperature,
    )
    print(found)
    fold(loaded.aligner, temperature=found.temperature, bias=found.bias)
    loaded.aligner.config.folded = asdict(found) | {
        "head": profile.head,
        "fitted_on": f"SummaC val ({len(rows):,} rows)",
    }
    runs = read_record(args.model)
    save(loaded.aligner, loaded.tokenizer, args.model)
    write_record(args.model, runs)


if __name__ == "__main__":
    main()
