"""The scoring engine against the reference's algorithm and a cross-encoder, on the same weights.

Three ways from the same texts to the same kind of scores, interleaved in one process:

(a) the reference's algorithm, plainly: the pairs of one example at a time, batches of 32 padded to
    512 tokens, transformers' encoder, and a masked language model's head that is computed and
    thrown away; fp32;
(b) sentence-transformers' `CrossEncoder.predict` on all pairs (it sorts them by length);
(c) `AlignScore.score`.

`speed` gives their times, tokens of real text a second, the share of the machine's measured peak of
matrix products, the share of time outside the model, and peak memory. `errors` compares scores of
each precision with those of single pairs in fp32, padded by transformers. `growth` gives seconds
against pairs. Weights of RoBERTa's shapes are random; texts are of FRANK, XSumFaith, SummEval and
CoGenSumm, or documents of 10,000 words made of theirs.

    python benchmarks/engine_speed.py speed --shared ../shared --contest base:fp32 mini:bf16
    python benchmarks/engine_speed.py errors --shared ../shared --contest mini:fp32 mini:bf16
    python benchmarks/engine_speed.py growth --shared ../shared --contest mini:bf16 --many 2000

With `--device cuda` they run on a GPU; with `--into docs/performance.md` the tables go there.
"""

from __future__ import annotations

import argparse
import gzip
import itertools
import json
import statistics
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from pages import machine, write_between_marks
from transformers import RobertaConfig
from transformers.models.roberta.modeling_roberta import RobertaLMHead

from alignscore_metric import AlignScore
from alignscore_metric.checkpoint.aligner import (
    CLAIM_POOLINGS,
    Aligner,
    AlignerConfig,
    pair_scores,
)
from alignscore_metric.checkpoint.conversion import convert
from alignscore_metric.checkpoint.foreign import backbone_config, foreign_encoder, read_tokenizer
from alignscore_metric.checkpoint.loading import BUNDLED
from alignscore_metric.checkpoint.profile import Profile
from alignscore_metric.engine.encoding import EncodedPairs
from alignscore_metric.engine.engine import Engine
from alignscore_metric.engine.precision import COMPUTED_IN
from alignscore_metric.scores.aggregation import max_over_chunks
from alignscore_metric.text.pairs import PairTable
from alignscore_metric.text.splitters import chunk_passages, get_splitter

SETS = ("frank", "xsumfaith", "summeval", "cogensumm")
SHAPES = {
    "base": (12, 768, 12, 3072),
    "large": (24, 1024, 16, 4096),
    "tiny": (2, 128, 2, 512),  # to try the script out
}
"""layers, width, heads, inner width"""

VOCABULARY = 50265  # RoBERTa's: as wide as its language model's head
BATCH, LENGTH, CHUNK_WORDS = 32, 512, 350

Texts = tuple[list[str], list[str]]


def read_texts(shared: Path, count: int, words: int | None = None) -> Texts:
    """Sources and summaries, `count` in all, evenly from the sets; sources of `words` words."""
    sources, summaries = [], []
    for name in SETS:
        with gzip.open(shared / "benchmarks" / "uniform" / f"{name}.jsonl.gz", "rt") as stream:
            rows = [json.loads(line) for line in stream]
        # Neighbours, as they come: a document with the summaries of several systems.
        share = -(-count // len(SETS))
        start = len(rows) // 3
        for place, row in enumerate(rows[start : start + share]):
            sources.append(row["source"] if words is None else join(rows, 37 * place, words))
            summaries.append(row["summary"])
    return sources, summaries


def join(rows: Sequence[dict[str, Any]], start: int, words: int) -> str:
    """Sources one after the other, from the `start`-th, until there are `words` words."""
    found: list[str] = []
    for row in itertools.islice(itertools.cycle(rows), start, None):
        found += row["source"].split()
        if len(found) >= words:
            break
    return " ".join(found[:words])


def random_aligner(shape: str) -> Aligner:
    """An aligner of one of RoBERTa's shapes, AlignScore's profile, random weights."""
    layers, width, heads, inner = SHAPES[shape]
    backbone = RobertaConfig(
        vocab_size=VOCABULARY,
        num_hidden_layers=layers,
        hidden_size=width,
        num_attention_heads=heads,
        intermediate_size=inner,
        max_position_embeddings=LENGTH + 2,
        type_vocab_size=1,
        pad_token_id=0,  # as the tokenizer that is at hand has it
    )
    torch.manual_seed(0)
    profile = Profile(splitter="bundled_punkt", chunk_words=CHUNK_WORDS).to_dict()
    aligner: Aligner = Aligner(AlignerConfig(backbone=backbone.to_dict(), profile=profile)).eval()
    return aligner


def with_transformers(aligner: Aligner) -> Aligner:
    """The same weights on transformers' own encoder, which is what (a) and `errors` are about."""
    encoder = foreign_encoder(
        aligner.config.backbone, pooler=aligner.config.pooling not in CLAIM_POOLINGS
    )
    theirs = Aligner(aligner.config, encoder=encoder)
    theirs.load_state_dict(aligner.state_dict())
    return theirs.to(aligner.device).eval()


@dataclass
class Contest:
    """Three ways to score the same texts; the scores of (a) and (c) must agree.

    Attributes:
        aligner: (a)'s, on transformers' encoder, in fp32.
        tokenizer: Of all three.
        metric: (c).
        cross_encoder: (b); None where (c) is another model than (a).
        language_head: What (a) computes besides.
    """

    aligner: Aligner
    tokenizer: Any
    metric: AlignScore
    cross_encoder: Any
    language_head: RobertaLMHead

    @classmethod
    def of(cls, contest: str, args: argparse.Namespace) -> Contest:
        """Make or load the weights, and put them on the device."""
        model, precision = contest.split(":")
        tokenizer = read_tokenizer(BUNDLED["mini"])  # cuts words about as RoBERTa's does
        aligner = random_aligner("base" if model == "mini" else model)
        options = {
            "device": args.device,
            "precision": precision,
            "batch_tokens": args.batch_tokens,
            "progress": False,
        }
        cross_encoder = None
        with tempfile.TemporaryDirectory() as folder:
            if model == "mini":
                metric = AlignScore("mini", **options)
            else:
                own, theirs = Path(folder) / "aligner", Path(folder) / "classifier"
                aligner.save_pretrained(own)
                tokenizer.save_pretrained(own)
                convert(own, theirs, to_classifier=True)
                metric = AlignScore(own, **options)
                cross_encoder = load_cross_encoder(theirs, args.device, COMPUTED_IN[precision])
                torch.manual_seed(0)
        language_head = (
            RobertaLMHead(backbone_config(aligner.config.backbone)).eval().to(args.device)
        )
        return cls(
            with_transformers(aligner.to(args.device)),
            tokenizer,
            metric,
            cross_encoder,
            language_head,
        )

    @torch.inference_mode()
    def reference(self, texts: Texts) -> np.ndarray:
        """(a): scores of the summaries, shape [N]."""
        split = get_splitter("bundled_punkt")
        scores = []
        for source, summary in zip(*texts, strict=True):
            chunks = chunk_passages(source, splitter=split, chunk_words=CHUNK_WORDS)
            sentences = split.split(summary)
            pairs = [(chunk, sentence) for sentence in sentences for chunk in chunks]
            starts = range(0, len(pairs), BATCH)
            found = [self._reference_batch(pairs[i : i + BATCH]) for i in starts]
            grid = np.concatenate(found).reshape(len(sentences), len(chunks))
            scores.append(grid.max(axis=1).mean())
        return np.array(scores)

    def _reference_batch(self, pairs: Sequence[tuple[str, str]]) -> np.ndarray:
        encoded = self.tokenizer(
            *map(list, zip(*pairs, strict=True)),
            padding="max_length",
            truncation="only_first",
            max_length=LENGTH,
            return_token_type_ids=False,
            return_tensors="pt",
        ).to(self.aligner.device)
        states = self.aligner.encoder(**encoded)
        self.language_head(states.last_hidden_state)
        output = self.aligner.heads(states.pooler_output)
        return pair_scores(output, self.aligner.profile).cpu().numpy()

    def cross_encoded(self, texts: Texts) -> np.ndarray:
        """(b): scores of the summaries, from the same splitter and chunks, shape [N]."""
        table = self.table(texts)
        pairs = [(table.chunks[c], table.sentences[s]) for c, s in table.pairs]
        scores = self.cross_encoder.predict(
            pairs, batch_size=BATCH, apply_softmax=True, show_progress_bar=False
        )
        best, _ = max_over_chunks(scores[table.cells, 0].astype(float), table.sentence_cells)
        return np.add.reduceat(best, table.example_sentences[:-1]) / np.diff(
            table.example_sentences
        )

    def ours(self, texts: Texts) -> np.ndarray:
        """(c): scores of the summaries, shape [N]."""
        return np.array(self.metric.score(*texts))

    def table(self, texts: Texts) -> PairTable:
        """The pairs that (c) scores."""
        return self.metric.pair_table(*texts)


def load_cross_encoder(folder: Path, device: str, dtype: torch.dtype) -> Any:  # noqa: ANN401
    """sentence-transformers' own, in the precision of (c)."""
    from sentence_transformers import CrossEncoder

    loaded = CrossEncoder(
        str(folder),
        device=device,
        max_length=LENGTH,
        model_kwargs={"dtype": dtype},
    )
    loaded.tokenizer.model_input_names = ["input_ids", "attention_mask"]  # RoBERTa has no types
    return loaded


def encode(engine: Engine, table: PairTable) -> EncodedPairs:
    """All pairs of a table as the engine would encode them."""
    return engine.encoder(table.chunks, table.sentences).encode(table.pairs)


def operations(aligner: Aligner, sizes: np.ndarray) -> float:
    """Floating-point operations of the matrix products that (c) computes for pairs [P, 2].

    Real tokens alone; of the last layer, what is computed of it.
    """
    config = aligner.encoder.config
    width, inner, layers = config.hidden_size, config.intermediate_size, config.num_hidden_layers
    lengths = sizes[:, 0].astype(float)
    read = sizes[:, 1] + 1.0 if aligner.reads_claim else np.ones(len(sizes))
    keys = 2 * lengths * 2 * width * width  # keys and values
    reading = 2 * (2 * width * width + 2 * width * inner)  # a token's query, output, inner layers
    looking = 4 * width * lengths  # a token's attention
    whole = keys + lengths * (reading + looking)
    last = keys + read * (reading + looking)
    return float(((layers - 1) * whole + last).sum())


def peak(device: str, dtype: torch.dtype) -> float:
    """Largest measured rate of matrix products, operations a second."""
    best = 0.0
    for size in (1024, 2048, 4096) if device == "cpu" else (4096, 8192):
        left, right = (torch.randn(size, size, device=device).to(dtype) for _ in range(2))
        for _ in range(10):
            start = time.perf_counter()
            for _ in range(1 if device == "cpu" else 10):
                left @ right
            wait(device)
            rounds = 1 if device == "cpu" else 10
            best = max(best, rounds * 2 * size**3 / (time.perf_counter() - start))
    return best


def wait(device: str) -> None:
    """Until the device has done what it was given."""
    if device.startswith("cuda"):
        torch.cuda.synchronize()


def timed(run: Callable[[], Any], device: str) -> float:
    """Seconds of a call."""
    start = time.perf_counter()
    run()
    wait(device)
    return time.perf_counter() - start


@contextmanager
def peak_memory(device: str) -> Iterator[list[float]]:
    """Fills a list with the memory that the block took at most beyond what it began with, MB."""
    found: list[float] = []
    if device.startswith("cuda"):
        torch.cuda.reset_peak_memory_stats()
        before = torch.cuda.memory_allocated()
        yield found
        found.append((torch.cuda.max_memory_allocated() - before) / 1e6)
        return
    done, seen = threading.Event(), [resident()]

    def watch() -> None:
        while not done.wait(0.02):
            seen.append(resident())

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        yield found
    finally:
        done.set()
        watcher.join()
    found.append((max(seen) - seen[0]) / 1e6)


def resident() -> int:
    """Bytes of memory that this process holds (Linux)."""
    pages = Path("/proc/self/statm").read_text(encoding="utf-8").split()[1]
    return int(pages) * 4096


def model_alone(metric: AlignScore, table: PairTable, device: str) -> float:
    """Seconds of the forward passes alone, over batches that are ready."""
    engine = metric._pipeline.engine
    encoder = engine.encoder(table.chunks, table.sentences)
    ready = [batch for _, batch in engine._batches(encoder, [table.pairs], [])]
    return timed(lambda: [engine._read_batch(batch) for batch in ready], device)


def spread(values: Sequence[float]) -> str:
    """Median, with the least and the most."""
    return f"{statistics.median(values):.2f} ({min(values):.2f} to {max(values):.2f})"


def speed(args: argparse.Namespace) -> list[str]:
    """Two tables: the three ways on a few examples, and (c) and (b) on many."""
    few = read_texts(args.shared, args.examples, args.words)
    many = read_texts(args.shared, args.many, args.words)
    first, second = [], []
    for contest in args.contest:
        rivals = Contest.of(contest, args)
        first.append(f"| {contest.replace(':', ', ')} | {compared(rivals, few, args)} |")
        second.append(f"| {contest.replace(':', ', ')} | {throughput(rivals, many, args)} |")
    return [
        f"{len(few[0])} examples, {args.rounds} rounds; seconds and MB are of (a), (b) and (c):",
        "",
        "| (c) | seconds | (a) / (c) | (b) / (c) | MB | largest difference to (a) |",
        "|---|---|---|---|---|---|",
        *first,
        "",
        f"{len(many[0])} examples, {args.rounds} rounds:",
        "",
        "| (c) | pairs | tokens | tokens a second | TFLOP/s | of the peak | outside the model "
        "| (b) / (c) |",
        "|---|---:|---:|---:|---:|---:|---:|---|",
        *second,
    ]


def compared(contest: Contest, texts: Texts, args: argparse.Namespace) -> str:
    """Cells of the first table: all ways on the same texts, in turn."""
    ways = {"a": contest.reference, "b": contest.cross_encoded, "c": contest.ours}
    if contest.cross_encoder is None:
        del ways["b"]
    times: dict[str, list[float]] = {way: [] for way in ways}
    memory, scores = {}, {}
    for way, run in ways.items():  # the first time warms up
        with peak_memory(args.device) as found:
            scores[way] = run(texts)
        memory[way] = found[0]
    for _ in range(args.rounds):
        for way, run in ways.items():
            times[way].append(timed(partial(run, texts), args.device))
    ratios = {
        way: [slow / fast for slow, fast in zip(times[way], times["c"], strict=True)]
        for way in ways
    }
    differ = np.abs(scores["c"] - scores["a"]).max() if "b" in ways else None
    return " | ".join(
        [
            ", ".join(f"{statistics.median(times[way]):.2f}" for way in ways),
            spread(ratios["a"]),
            spread(ratios["b"]) if "b" in ways else "",
            ", ".join(f"{memory[way]:.0f}" for way in ways),
            "" if differ is None else f"{differ:.1g}",
        ]
    )


def throughput(contest: Contest, texts: Texts, args: argparse.Namespace) -> str:
    """Cells of the second table: how near (c) is to what the machine can do."""
    engine, table = contest.metric._pipeline.engine, contest.table(texts)
    sizes = encode(engine, table).sizes
    tokens, work = int(sizes[:, 0].sum()), operations(engine.aligner, sizes)
    limit = peak(args.device, COMPUTED_IN[engine.precision])
    times: dict[str, list[float]] = {"c": [], "alone": [], "b": []}
    for _ in range(args.rounds):
        times["c"].append(timed(partial(contest.ours, texts), args.device))
        times["alone"].append(model_alone(contest.metric, table, args.device))
        if contest.cross_encoder is not None:
            times["b"].append(timed(partial(contest.cross_encoded, texts), args.device))
    seconds, alone = statistics.median(times["c"]), statistics.median(times["alone"])
    return " | ".join(
        [
            f"{len(table.pairs):,}",
            f"{tokens:,}",
            f"{tokens / seconds:,.0f}",
            f"{work / seconds / 1e12:.2f} of {limit / 1e12:.2f}",
            f"{work / seconds / limit:.0%}",
            f"{max(0.0, 1 - alone / seconds):.1%}",
            spread([b / c for b, c in zip(times["b"], times["c"], strict=True)])
            if times["b"]
            else "",
        ]
    )


def some_pairs(metric: AlignScore, texts: Texts, count: int) -> PairTable:
    """Of the pairs that texts need, `count` drawn at random."""
    table = metric.pair_table(*texts)
    if len(table.pairs) < count:
        raise SystemExit(f"only {len(table.pairs)} pairs; give more --many")
    rows = np.random.default_rng(0).permutation(len(table.pairs))[:count]
    return replace(table, pairs=table.pairs[np.sort(rows)])


def errors(args: argparse.Namespace) -> list[str]:
    """Scores of each precision against single pairs in fp32, padded by transformers' encoder."""
    model = args.contest[0].split(":")[0]
    exact = AlignScore(model, device=args.device, progress=False)
    table = some_pairs(exact, read_texts(args.shared, args.many), args.pairs)
    expected = one_by_one(exact._pipeline.engine, encode(exact._pipeline.engine, table))
    lines = [
        f"{args.pairs:,} pairs:",
        "",
        "| model | precision | largest difference | 99.9% below | mean |",
        "|---|---|---:|---:|---:|",
    ]
    for contest in args.contest:
        precision = contest.split(":")[1]
        metric = AlignScore(model, device=args.device, precision=precision, progress=False)
        found = metric._pipeline.engine.score(table.chunks, table.sentences, table.pairs)
        off = np.abs(found - expected)
        lines.append(
            f"| {model} | {precision} | {off.max():.2g} | {np.quantile(off, 0.999):.2g} "
            f"| {off.mean():.2g} |"
        )
    return lines


@torch.inference_mode()
def one_by_one(engine: Engine, encoded: EncodedPairs) -> np.ndarray:
    """Scores of pairs, shape [P], each alone, by transformers' encoder in fp32."""
    scores, aligner = [], with_transformers(engine.aligner)
    for row in range(len(encoded.kept)):
        inputs = encoded.pack(np.array([row])).padded()
        output = aligner(**{k: torch.from_numpy(v).to(aligner.device) for k, v in inputs.items()})
        scores.append(pair_scores(output, engine.profile).cpu().double().numpy())
    return np.concatenate(scores)


def growth(args: argparse.Namespace) -> list[str]:
    """Seconds, from texts of pairs to their scores, against the number of pairs."""
    model, precision = args.contest[0].split(":")
    metric = AlignScore(model, device=args.device, precision=precision, progress=False)
    texts = read_texts(args.shared, args.many)
    tables = {size: some_pairs(metric, texts, size) for size in args.sizes}
    times: dict[int, list[float]] = {size: [] for size in args.sizes}
    least = tables[min(args.sizes)]
    metric._pipeline.engine.score(least.chunks, least.sentences, least.pairs)  # warms up
    for _ in range(args.rounds):
        for size, table in tables.items():
            run = partial(metric._pipeline.engine.score, table.chunks, table.sentences, table.pairs)
            times[size].append(timed(run, args.device) / size * 1e3)
    first = statistics.median(times[args.sizes[0]])
    return [
        f"{model}, {precision}; {args.rounds} rounds:",
        "",
        "| pairs | ms a pair | against the first |",
        "|---:|---|---:|",
        *(
            f"| {size:,} | {spread(times[size])} | {statistics.median(times[size]) / first:.3f} |"
            for size in args.sizes
        ),
    ]


def main() -> None:
    """Measure; print, or write into a page."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("what", choices=("speed", "errors", "growth"))
    parser.add_argument("--shared", type=Path, required=True)
    parser.add_argument(
        "--contest", nargs="+", default=["base:fp32"], metavar="MODEL:PRECISION",
        help=f"mini, {', '.join(SHAPES)}, each with a precision",
    )  # fmt: skip
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--batch-tokens", type=int)
    parser.add_argument("--examples", type=int, default=16, help="that (a) scores too")
    parser.add_argument("--many", type=int, default=64, help="examples, where (a) is too slow")
    parser.add_argument("--words", type=int, help="sources of this many words")
    parser.add_argument("--pairs", type=int, default=5000, help="of errors")
    parser.add_argument("--sizes", type=int, nargs="+", default=[2000, 10000, 50000])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--into", type=Path, help="page to write to")
    parser.add_argument("--mark", help="which place in it; default: engine-WHAT")
    args = parser.parse_args()
    lines = [f"{machine()}, {args.device}.", ""]
    lines += {"speed": speed, "errors": errors, "growth": growth}[args.what](args)
    print(*lines, sep="\n")
    if args.into is not None:
        write_between_marks(args.into, args.mark or f"engine-{args.what}", lines)


if __name__ == "__main__":
    main()
