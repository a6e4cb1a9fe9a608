r"""Unsupported spans and verdicts measured: on synthetic edits, the examples, SNLI and MNLI.

    python benchmarks/spans.py --data ../shared/train [--parts edits examples ...] [--rows 600]

Parts: `threshold` (character F1 of held-out edits by threshold), `edits` (by kind of edit, of other
documents), `examples` (the error texts that examples/examples.jsonl names), `occlusion` (against
the head), `offsets` (10,000 texts), `relations` (contradiction against neutral), `cost` (CPU time).
Documents are those of dev files, which no training run saw.
"""

from __future__ import annotations

import argparse
import gzip
import json
import random
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from alignscore_metric import AlignScore
from alignscore_metric.metric import Spans
from alignscore_metric.result import SentenceEvidence, UnsupportedSpan
from alignscore_metric.scores.statistics import roc_auc, value
from alignscore_metric.training.data import AlignmentExample
from alignscore_metric.training.synthetic import synthesise

EXAMPLES = Path(__file__).parents[1] / "examples" / "examples.jsonl"
DOCUMENTS = ("squad", "boolq", "quoref", "hotpot_qa", "multirc")
THRESHOLDS = (0.5, 0.6, 0.7, 0.8, 0.9, 0.95)
Place = tuple[int, int]


def read(file: Path, limit: int | None = None) -> list[dict[str, Any]]:
    """Rows of a gzipped file, drawn from all of it."""
    with gzip.open(file, "rt", encoding="utf-8") as lines:
        rows = [json.loads(line) for line in lines]
    return rows if limit is None else random.Random(0).sample(rows, min(limit, len(rows)))  # noqa: S311


def edits(data: Path, rows: int, *, part: int) -> list[AlignmentExample]:
    """Synthetic pairs whose unsupported words are known; the two parts share no document."""
    made: list[AlignmentExample] = []
    for name in DOCUMENTS:
        texts = sorted({row["text_a"] for row in read(data / f"{name}.dev.jsonl.gz")})
        mine = texts[part::2]
        made += synthesise(
            mine, name=name, pairs=rows // len(DOCUMENTS), words=(40, 220), rng=random.Random(part)  # noqa: S311
        )  # fmt: skip
    return [example for example in made if example.spans is not None]


def spans_of(
    metric: AlignScore, examples: Sequence[AlignmentExample], spans: Spans = True
) -> list[list[UnsupportedSpan]]:
    """What is found in each claim."""
    result = metric.evaluate(
        [one.text_a for one in examples], [one.text_b for one in examples], spans=spans
    )
    return [
        [span for found in result.sentences(row) for span in found.unsupported or ()]
        for row in range(len(result))
    ]


def characters(text: str, places: Iterable[Place]) -> set[int]:
    """The letters and digits at some places."""
    return {i for start, end in places for i in range(start, end) if text[i].isalnum()}


def f1(examples: Sequence[AlignmentExample], found: Sequence[Sequence[UnsupportedSpan]]) -> float:
    """F1 of characters, of all examples together."""
    counts = np.zeros(3)
    for one, spans in zip(examples, found, strict=True):
        gold = characters(one.text_b, one.spans or ())
        said = characters(one.text_b, [(span.start, span.end) for span in spans])
        counts += len(gold & said), len(gold), len(said)
    return float(2 * counts[0] / max(1, counts[1] + counts[2]))


def clean(examples: Sequence[AlignmentExample], found: Sequence[Sequence[Any]]) -> float:
    """Share of the supported claims without a span."""
    return float(np.mean([not f for one, f in zip(examples, found, strict=True) if one.label == 1]))


def top_hits(
    examples: Sequence[AlignmentExample], found: Sequence[Sequence[UnsupportedSpan]]
) -> tuple[float, float]:
    """Shares of wrong claims whose top span is exactly a wrong part, and overlaps one."""
    exact, overlaps = [], []
    for one, spans in zip(examples, found, strict=True):
        if not one.spans:
            continue
        golds = [characters(one.text_b, [place]) for place in one.spans]
        top = max(spans, key=lambda span: span.score, default=None)
        said = characters(one.text_b, [(top.start, top.end)]) if top else set()
        exact.append(said in golds)
        overlaps.append(any(said & gold for gold in golds))
    return float(np.mean(exact)), float(np.mean(overlaps))


def show_threshold(metric: AlignScore, args: argparse.Namespace) -> None:
    """F1 and clean claims by threshold, on one half of the documents."""
    examples = edits(args.data, args.rows, part=0)
    config = metric._pipeline.engine.aligner.config
    stored = config.span_threshold
    print(f"{len(examples)} synthetic claims; threshold: character F1, supported claims clean")
    for threshold in THRESHOLDS:
        config.span_threshold = threshold
        found = spans_of(metric, examples)
        print(f"  {threshold}: {f1(examples, found):.3f}, {clean(examples, found):.3f}")
    config.span_threshold = stored


def show_edits(metric: AlignScore, args: argparse.Namespace) -> None:
    """By kind of edit, on the other half of the documents."""
    examples = edits(args.data, args.rows, part=1)
    found = spans_of(metric, examples)
    exact, overlaps = top_hits(examples, found)
    wrong = sum(bool(one.spans) for one in examples)
    print(
        f"{len(examples)} synthetic claims, {wrong} wrong: character F1 {f1(examples, found):.3f}, "
        f"supported claims clean {clean(examples, found):.3f}; top span exactly a wrong part "
        f"{exact:.3f}, overlapping one {overlaps:.3f}"
    )
    kinds: dict[str, list[int]] = defaultdict(list)
    for row, one in enumerate(examples):
        if one.spans:
            kinds[str(one.kind)].append(row)
    for kind, rows in sorted(kinds.items()):
        some = [examples[row] for row in rows], [found[row] for row in rows]
        exact, overlaps = top_hits(*some)
        print(f"  {kind:24}{len(rows):4}  F1 {f1(*some):.3f}  exact {exact:.2f}  in {overlaps:.2f}")


def judged_examples(
    metric: AlignScore, spans: Spans
) -> list[tuple[dict[str, Any], list[SentenceEvidence]]]:
    """The rows of the examples with their sentences' evidence."""
    rows = [json.loads(line) for line in EXAMPLES.read_text(encoding="utf-8").splitlines()]
    result = metric.evaluate(
        [row["source"] for row in rows], [row["summary"] for row in rows], spans=spans
    )
    return [(row, result.sentences(place)) for place, row in enumerate(rows)]


def show_examples(metric: AlignScore, args: argparse.Namespace) -> None:
    """The error texts that the examples name, and the sentences without one."""
    hits: dict[str, bool] = {}
    texts = Counter[bool]()
    true = Counter[bool]()
    verdicts: dict[str, Counter[str]] = defaultdict(Counter)
    for row, sentences in judged_examples(metric, spans=True):
        wrong = {error["sentence"] for error in row["errors"]}
        for error in row["errors"]:
            found = sentences[error["sentence"]]
            start = row["summary"].index(error["text"], found.start)
            end = start + len(error["text"])
            hit = any(s.start < end and start < s.end for s in found.unsupported or ())
            texts[hit] += 1
            hits[row["id"]] = hits.get(row["id"], False) or hit
            verdicts[error["type"]][found.verdict] += 1
        true.update(not found.unsupported for n, found in enumerate(sentences) if n not in wrong)
    print(
        f"examples: an error text found in {sum(hits.values())} of {len(hits)} wrong summaries "
        f"({texts[True]} of {texts.total()} texts); no span on {true[True]} of {true.total()} "
        f"sentences without an error"
    )
    for kind, counts in sorted(verdicts.items()):
        print(f"  {kind:20}", ", ".join(f"{name} {n}" for name, n in counts.most_common()))


def show_occlusion(metric: AlignScore, args: argparse.Namespace) -> None:
    """Both ways on the same wrong claims: where they agree, and what they cost."""
    examples = [one for one in edits(args.data, args.rows, part=1) if one.spans][: args.rows // 3]
    found, seconds = {}, {}
    ways: tuple[Spans, ...] = ("head", "occlusion")
    for way in ways:
        started = time.process_time()
        found[way] = spans_of(metric, examples, way)
        seconds[way] = time.process_time() - started
    agree = both = 0
    for one, head, occlusion in zip(examples, found["head"], found["occlusion"], strict=True):
        if head and occlusion:
            both += 1
            first, second = (
                characters(one.text_b, [(top.start, top.end)])
                for top in (max(spans, key=lambda s: s.score) for spans in (head, occlusion))
            )
            agree += bool(first & second)
    for way, spans in found.items():
        exact, overlaps = top_hits(examples, spans)
        print(
            f"{way} on {len(examples)} wrong claims: F1 {f1(examples, spans):.3f}, top span exact "
            f"{exact:.3f}, overlapping {overlaps:.3f}, {seconds[way]:.1f} s of CPU"
        )
    print(f"  where both mark something ({both}), their top spans overlap in {agree}")


def show_offsets(metric: AlignScore, args: argparse.Namespace) -> None:
    """10,000 texts of odd pieces and white space: slices are sentences."""
    pieces = (
        *(
            "It rained.",
            "Dr. Ann left at 5 p.m.",
            "Why?",
            '"Yes," she said.',
            "...",
            "3.5 % of it.",
        ),
        *("caf\u00e9 e\u0301 \ufb01", "\U0001f600\U0001f600", "\ud83d", "\ude00", "\u200b"),
        *("--b", "\x00"),
    )
    spaces = ("", " ", "  ", "\n", "\n\n", "\t", "\r\n", "\u00a0", "\u3000", "\u2028", " \x0b ")
    draw = random.Random(0)  # noqa: S311
    sentences = wrong = 0
    for _ in range(10_000):
        text = "".join(
            draw.choice(pieces) + draw.choice(spaces) for _ in range(draw.randint(0, 12))
        )
        table = metric.pair_table([text], [text])
        for number, (start, end) in zip(table.sentence_ids, table.sentence_places, strict=True):
            sentences += 1
            wrong += text[start:end] != table.sentences[number]
    print(f"offsets: 10,000 texts, {sentences} sentences, {wrong} that are not their slice")


def show_relations(metric: AlignScore, args: argparse.Namespace) -> None:
    """Contradiction against neutral on NLI's dev sets."""
    for name in ("snli", "mnli"):
        rows = [r for r in read(args.data / f"{name}.dev.jsonl.gz") if r["label"] in (1, 2)]
        rows = random.Random(0).sample(rows, min(args.rows, len(rows)))  # noqa: S311
        result = metric.evaluate([[r["text_a"]] for r in rows], [r["text_b"] for r in rows])
        labels, scores = [], []
        for place, row in enumerate(rows):
            [*found] = result.sentences(place)
            if found and found[0].contradiction is not None and found[0].neutral is not None:
                labels.append(row["label"] == 2)
                scores.append(found[0].contradiction - found[0].neutral)
        auc = value(roc_auc(np.array(labels), np.array(scores)), len(labels))
        print(f"{name} dev, {len(labels)} pairs: contradiction against neutral, AUC {auc:.3f}")


def show_cost(metric: AlignScore, args: argparse.Namespace) -> None:
    """CPU time of scores alone, of evidence, and of spans."""
    rows = [json.loads(line) for line in EXAMPLES.read_text(encoding="utf-8").splitlines()]
    texts = [row["source"] for row in rows], [row["summary"] for row in rows]
    ways: dict[str, Callable[[], object]] = {
        "score": lambda: metric.score(*texts),
        "evaluate": lambda: metric.evaluate(*texts),
        "evaluate, spans=True": lambda: metric.evaluate(*texts, spans=True),
    }
    least = dict.fromkeys(ways, float("inf"))
    for _ in range(3):
        for name, run in ways.items():
            started = time.process_time()
            run()
            least[name] = min(least[name], time.process_time() - started)
    for name, seconds in least.items():
        print(f"{name}: {seconds:.2f} s of CPU, {seconds / least['score'] - 1:+.1%}")


PARTS: dict[str, Callable[[AlignScore, argparse.Namespace], None]] = {
    "threshold": show_threshold,
    "edits": show_edits,
    "examples": show_examples,
    "occlusion": show_occlusion,
    "offsets": show_offsets,
    "relations": show_relations,
    "cost": show_cost,
}


def main() -> None:
    """Measure the parts that were asked for."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--data", type=Path, default=Path("../shared/train"))
    parser.add_argument("--model", default="mini")
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=list(PARTS))
    parser.add_argument("--rows", type=int, default=600, help="of each synthetic or NLI set")
    args = parser.parse_args()
    metric = AlignScore(args.model, device="cpu", progress=False)
    print(metric.short_signature)
    for part in args.parts:
        PARTS[part](metric, args)


if __name__ == "__main__":
    main()
