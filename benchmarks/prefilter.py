"""What a prefilter saves and what it costs: changes of scores and of AUC, time, for each k.

Scores every (chunk, sentence) pair of the val splits of four of SummaC's sets once, and looks up
what would remain of them. Rankings: `lexical`; and for comparison, BM25 over character 5-grams (of
some twenty lexical rankings the one with the smallest mean change) and the first k chunks. The
bundled aligner's own ranking is measured in front of another checkpoint, --other.
Time is the process's CPU time on one thread, texts to scores, of a part of the rows.

    python benchmarks/prefilter.py --shared ../shared [--other FOLDER] [--into docs/performance.md]
"""

from __future__ import annotations

import argparse
import gzip
import json
import math
import sys
import tempfile
import time
import zlib
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
import torch
from pages import machine, write_between_marks

from alignscore_metric import AlignScore
from alignscore_metric.arrays import Bools, Floats
from alignscore_metric.scores.aggregation import aggregate_sentences, max_over_chunks
from alignscore_metric.scores.statistics import roc_auc, value
from alignscore_metric.text.copying import blend, copied_shares
from alignscore_metric.text.ngrams import normalise
from alignscore_metric.text.pairs import PairTable
from alignscore_metric.text.prefilter import lexical_choice, most_relevant

SETS = ("frank", "summeval", "cogensumm", "xsumfaith")
KEEP = (1, 2, 4, 8)
FRONT_SETS = ("xsumfaith",)  # where the ranking matters most
TIMED_ROWS, LONG_ROWS = 40, 12
Choose = Callable[[PairTable, int], Bools]


@dataclass(frozen=True)
class Texts:
    """Sources, summaries and labels (NaN where nobody judged), N each."""

    name: str
    sources: list[str]
    summaries: list[str]
    labels: Floats

    def head(self, rows: int) -> tuple[list[str], list[str]]:
        """Sources and summaries of the first rows."""
        return self.sources[:rows], self.summaries[:rows]


def cell_scores(metric: AlignScore, table: PairTable, file: Path) -> Floats:
    """Of all cells; what a signature's scores were is kept between runs, under a file's name."""
    kept = file.with_stem(f"{file.stem}-{zlib.crc32(metric.signature.encode()):08x}")
    if not kept.is_file():
        np.savez(
            kept, scores=metric._pipeline.engine.score(table.chunks, table.sentences, table.pairs)
        )
    scores: Floats = np.load(kept)["scores"][table.cells]
    return scores


class Scored:
    """Every cell of some texts, scored once; what would remain of their scores."""

    def __init__(self, metric: AlignScore, texts: Texts, cache: Path) -> None:
        """Score all pairs, or read their scores."""
        self.table = table = metric.pair_table(texts.sources, texts.summaries)
        self.cells = cell_scores(metric, table, cache / f"{texts.name}.npz")
        self.profile, self.labels = metric.profile, texts.labels
        self.shares = copied_shares(table)
        self.scores = self.scores_of(np.ones(len(self.cells), dtype=bool))

    def scores_of(self, chosen: Bools) -> Floats:
        """Scores of the summaries where only some cells are scored, shape [N]."""
        cells = np.where(chosen, self.cells, -np.inf)
        sentences, _ = max_over_chunks(cells, self.table.sentence_cells)
        if weight := self.profile.copied_weight:
            sentences = blend(sentences, self.shares, weight)
        return aggregate_sentences(
            sentences, self.table.example_sentences, self.profile.sentence_aggregation
        )

    def spared(self, chosen: Bools) -> float:
        """Share of the pairs that need not be scored."""
        return 1 - len(np.unique(self.table.cells[chosen])) / len(self.table.pairs)

    def changes(self, chosen: Bools) -> Floats:
        """By how much each defined score changes."""
        changes = np.abs(self.scores_of(chosen) - self.scores)
        return changes[~np.isnan(changes)]

    def auc(self, chosen: Bools | None = None) -> float:
        """Of the labelled rows, times 100; NaN where there are none."""
        scores = self.scores if chosen is None else self.scores_of(chosen)
        kept = ~np.isnan(scores) & ~np.isnan(self.labels)
        return 100 * value(roc_auc(self.labels[kept], scores[kept]), int(kept.sum()))


def bm25_choice(table: PairTable, keep: int) -> Bools:
    """By BM25 (k1 1.2, b 0.75) of character 5-grams, the source's chunks being the collection."""
    relevance = np.zeros(len(table.cells))
    grams = {text: Counter(character_grams(text)) for text in (*table.chunks, *table.sentences)}
    for row, (first, last) in enumerate(pairwise(table.sentence_cells)):
        chunks = [grams[table.chunks[c]] for c in table.pairs[table.cells[first:last], 0]]
        lengths = np.array([chunk.total() for chunk in chunks])
        norm = 1.2 * (0.25 + 0.75 * lengths / max(lengths.mean(), 1))
        for gram in grams[table.sentences[table.sentence_ids[row]]]:
            counts = np.array([chunk[gram] for chunk in chunks])
            found = int((counts > 0).sum())
            weight = math.log(1 + (len(chunks) - found + 0.5) / (found + 0.5))
            relevance[first:last] += weight * counts * 2.2 / (counts + norm)
    return most_relevant(relevance, table.sentence_cells, keep)


def character_grams(text: str) -> list[str]:
    """Runs of five characters of a text's words."""
    plain = f" {' '.join(normalise(text))} "
    return [plain[start : start + 5] for start in range(len(plain) - 4)]


def first_choice(table: PairTable, keep: int) -> Bools:
    """The first chunks of a source."""
    return most_relevant(np.zeros(len(table.cells)), table.sentence_cells, keep)


def read(shared: Path, name: str) -> Texts:
    """The val split of a set."""
    file = shared / "benchmarks" / "uniform" / f"{name}.jsonl.gz"
    with gzip.open(file, "rt", encoding="utf-8") as lines:
        rows = [row for row in map(json.loads, lines) if row["split"] == "val"]
    labels = [math.nan if row["label"] is None else row["label"] for row in rows]
    texts = [row["source"] for row in rows], [row["summary"] for row in rows]
    return Texts(name, *texts, np.array(labels, dtype=float))


def long_documents(texts: Texts, count: int, words: int = 10_000) -> Texts:
    """Distinct sources joined to documents of so many words, each with its middle one's summary."""
    summary_of = dict(zip(texts.sources, texts.summaries, strict=True))
    sources, summaries = [], []
    parts: list[str] = []
    for source in summary_of:
        parts.append(source)
        if sum(len(part.split()) for part in parts) >= words:
            sources.append(" ".join(" ".join(parts).split()[:words]))
            summaries.append(summary_of[parts[len(parts) // 2]])
            parts = []
    del sources[count:], summaries[count:]
    name = f"{len(sources)} documents of {words} words"
    return Texts(name, sources, summaries, np.full(len(sources), math.nan))


def cpu_seconds(metric: AlignScore, sources: Sequence[str], summaries: Sequence[str]) -> float:
    """From texts to scores."""
    started = time.process_time()
    metric.score(sources, summaries)
    return time.process_time() - started


def rows_of(
    scored: Scored, texts: Texts, metric: AlignScore, prefiltered: dict[int, AlignScore], timed: int
) -> Iterator[str]:
    """A set's lines of the first table."""
    part = texts.head(timed)
    whole = cpu_seconds(metric, *part)
    for keep in KEEP:
        ratio = whole / cpu_seconds(prefiltered[keep], *part)
        started = time.process_time()
        lexical = lexical_choice(scored.table, keep)
        cost = 1e6 * (time.process_time() - started) / len(scored.cells)
        others = [choose(scored.table, keep) for choose in (bm25_choice, first_choice)]
        changes = scored.changes(lexical)
        aucs = [scored.auc(), *map(scored.auc, (lexical, *others))]
        yield (
            f"| {texts.name} | {keep} | {scored.spared(lexical):.0%} | {ratio:.1f} | {cost:.1f} | "
            f"{changes.max():.3f} | {changes.mean():.4f} | "
            + " | ".join(f"{scored.changes(other).mean():.4f}" for other in others)
            + " | "
            + " | ".join("-" if math.isnan(auc) else f"{auc:.2f}" for auc in aucs)
            + " |"
        )


def table(shared: Path, metric: AlignScore, cache: Path) -> Iterator[str]:
    """The bundled aligner behind lexical prefilters."""
    yield (
        "| set | k | pairs spared | times faster | ms per 1,000 cells | largest change "
        "| mean change | of BM25 | of first k | AUC of all | lexical-k | BM25 | first k |"
    )
    yield "|---|" + "---:|" * 12
    prefiltered = {
        keep: AlignScore(
            precision="bf16", progress=False, device="cpu", prefilter=f"lexical-{keep}"
        )
        for keep in KEEP
    }
    sets = [read(shared, name) for name in SETS]
    for texts, timed in (
        *((texts, TIMED_ROWS) for texts in sets),
        (long_documents(sets[2], LONG_ROWS), 2),
    ):
        yield from rows_of(Scored(metric, texts, cache), texts, metric, prefiltered, timed)


def front_table(shared: Path, metric: AlignScore, other: AlignScore, cache: Path) -> Iterator[str]:
    """The bundled aligner in front of another checkpoint."""
    yield (
        "| set | k | pairs spared | largest change, mini-k | lexical-k | mean change, mini-k "
        "| lexical-k | AUC of all | mini-k | lexical-k |"
    )
    yield "|---|" + "---:|" * 9
    for name in FRONT_SETS:
        texts = read(shared, name)
        scored = Scored(other, texts, cache)
        pairs = scored.table
        ranks = cell_scores(metric, pairs, cache / f"{name}.npz")
        for keep in KEEP:
            mini = most_relevant(ranks, pairs.sentence_cells, keep)
            lexical = lexical_choice(pairs, keep)
            changes = [scored.changes(chosen) for chosen in (mini, lexical)]
            cells = [
                name,
                f"{keep}",
                f"{scored.spared(mini):.0%}",
                *(f"{change.max():.3f}" for change in changes),
                *(f"{change.mean():.4f}" for change in changes),
                *(f"{auc:.2f}" for auc in (scored.auc(), scored.auc(mini), scored.auc(lexical))),
            ]
            yield f"| {' | '.join(cells)} |"


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the tables; returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--shared", type=Path, default=Path("../shared"), metavar="FOLDER")
    parser.add_argument("--other", metavar="FOLDER", help="checkpoint that `mini` ranks for")
    parser.add_argument("--into", type=Path, metavar="FILE", help="page whose tables to replace")
    parser.add_argument("--cache", type=Path, metavar="FOLDER", help="to keep scores of pairs in")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as folder:
        run(options, options.cache or Path(folder))
    return 0


def run(options: argparse.Namespace, cache: Path) -> None:
    """Print the tables, and write them where they belong."""
    torch.set_num_threads(1)
    metric = AlignScore(precision="bf16", progress=False, device="cpu")
    tables = {"prefilter": table(options.shared, metric, cache)}
    if options.other:
        other = AlignScore(options.other, precision="bf16", progress=False, device="cpu")
        tables["prefilter-mini"] = front_table(options.shared, metric, other, cache)
    for name, lines in tables.items():
        written = [f"bf16, one thread of: {machine()}.", ""]
        for line in lines:
            print(line, flush=True)
            written.append(line)
        if options.into is not None:
            write_between_marks(options.into, name, written)


if __name__ == "__main__":
    sys.exit(main())
