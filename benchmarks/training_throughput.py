"""Training throughput of the trainer, against a plain loop on the same pairs, in one run.

The plain loop is what a first script does: pairs in random order, 32 a batch, tokenised batch by
batch, padded to 512 tokens. The trainer tokenises once and batches pairs of about the same length.
Model (random weights), precision and optimiser are the same. Both run batches of the same pairs,
with about as many padded tokens; the trainer's time holds its share of the tokenising. The two
alternate, each repeat in another order of pairs; a warm-up is not counted. Prints real tokens a
second (padding is not counted), the share of padding, and the ratio of the repeats.

    python benchmarks/training_throughput.py --data ../shared/train/squad.jsonl.gz

On a GPU: --model-shape 24x1024 --pairs 20000 --steps 100 --batch-tokens 16384.
"""

import argparse
import os
import random
import statistics
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from transformers import AutoTokenizer, BertConfig, PreTrainedTokenizerBase

from alignscore_metric.checkpoint.aligner import Aligner, AlignerConfig
from alignscore_metric.checkpoint.foreign import quiet_transformers
from alignscore_metric.checkpoint.loading import BUNDLED
from alignscore_metric.training.data import (
    IGNORED,
    AlignmentExample,
    EncodedExamples,
    encode_examples,
    read_examples,
    sample,
)
from alignscore_metric.training.objective import joint_loss
from alignscore_metric.training.recipe import DataSource, Recipe
from alignscore_metric.training.trainer import fit

LENGTH = 512


@dataclass(frozen=True)
class Setting:
    """What both loops share.

    Attributes:
        tokenizer: Of the bundled aligner.
        layers: Of the encoder.
        hidden: Size of its states.
        device: Where to run.
        precision: `fp32`, or `bf16` autocast.
        batch_size: Pairs of the plain loop's batches.
        batch_tokens: Padded tokens of the trainer's batches.
    """

    tokenizer: PreTrainedTokenizerBase
    layers: int
    hidden: int
    device: torch.device
    precision: str
    batch_size: int
    batch_tokens: int

    def model(self) -> Aligner:
        """The same random aligner every time."""
        torch.manual_seed(0)
        backbone = BertConfig(
            vocab_size=len(self.tokenizer),
            hidden_size=self.hidden,
            num_hidden_layers=self.layers,
            num_attention_heads=self.hidden // 32,
            intermediate_size=4 * self.hidden,
            max_position_embeddings=LENGTH,
            hidden_dropout_prob=0.1,
            attention_probs_dropout_prob=0.0,
        )
        aligner = Aligner(AlignerConfig(backbone=backbone.to_dict()))
        aligner.to(self.device)
        return aligner


@dataclass(frozen=True)
class Pairs:
    """Alignment pairs as texts, and as tokens with the seconds that those took."""

    texts: Sequence[AlignmentExample]
    encoded: EncodedExamples
    seconds: float

    @classmethod
    def of(cls, texts: Sequence[AlignmentExample], setting: Setting) -> "Pairs":
        """Tokenise pairs as the trainer does."""
        started = time.perf_counter()
        encoded = encode_examples(texts, setting.tokenizer, max_length=LENGTH)
        return cls(texts, encoded, time.perf_counter() - started)


@dataclass(frozen=True)
class Timing:
    """Some steps: real tokens, padded tokens, seconds."""

    tokens: int
    padded: int
    seconds: float

    @property
    def speed(self) -> float:
        """Real tokens a second."""
        return self.tokens / self.seconds


def plain_loop(pairs: Pairs, setting: Setting, *, steps: int, seed: int) -> Timing:
    """Train as a first script would."""
    model, tokens, padded = setting.model().train(), 0, 0
    optimiser = torch.optim.AdamW(model.parameters(), lr=1e-5, weight_decay=0.1)
    order = random.Random(seed).sample(pairs.texts, len(pairs.texts))  # noqa: S311  # no secret
    torch.set_flush_denormal(False)  # the trainer's own
    started = _now(setting.device)
    for step in range(steps):
        batch = order[step * setting.batch_size : (step + 1) * setting.batch_size]
        inputs = setting.tokenizer(
            [example.text_a for example in batch],
            [example.text_b for example in batch],
            truncation=True,
            padding="max_length",
            max_length=LENGTH,
            return_tensors="pt",
        ).to(setting.device)
        tokens += int(inputs["attention_mask"].sum())
        padded += inputs["input_ids"].numel()
        labels = {
            head: torch.tensor([e.label if e.head == head else IGNORED for e in batch])
            for head in ("bin", "tri", "reg")
        }
        labels = {
            head: (values.float() if head == "reg" else values.long()).to(setting.device)
            for head, values in labels.items()
        }
        half = setting.precision == "bf16"
        with torch.autocast(setting.device.type, torch.bfloat16, enabled=half):
            output = model(**inputs)
        loss = joint_loss(output, labels)
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]  # torch
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimiser.step()
    return Timing(tokens, padded, _now(setting.device) - started)


def trainer(pairs: Pairs, setting: Setting, *, steps: int, seed: int) -> Timing:
    """Train by `fit`, on as many padded tokens."""
    model = setting.model()
    padded = steps * setting.batch_size * LENGTH
    recipe = Recipe(
        encoder="",
        name="",
        data=(DataSource(file="x", licence=""),),
        batch_tokens=setting.batch_tokens,
        max_steps=max(1, round(padded / setting.batch_tokens)),
        learning_rate=1e-5,
        precision=setting.precision,
        seed=seed,
    )
    started = _now(setting.device)
    progress = fit(model, pairs.encoded, recipe)
    seconds = _now(setting.device) - started
    tokenising = pairs.seconds * progress.tokens / int(pairs.encoded.lengths().sum())
    return Timing(progress.tokens, progress.padded, seconds + tokenising)


def _now(device: torch.device) -> float:
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return time.perf_counter()


def _drawn(files: Sequence[Path], count: int) -> list[AlignmentExample]:
    """So many pairs of all files together."""
    rng = random.Random(0)  # noqa: S311  # draws data, not secrets
    read = [example for file in files for example in read_examples(file, file.stem)]
    return sample(read, count, rng)


def _shape(text: str) -> tuple[int, int]:
    layers, _, hidden = text.partition("x")
    return int(layers), int(hidden)


def main(arguments: Sequence[str] | None = None) -> int:
    """Time both loops in turn, print the figures; returns the exit status."""
    parser = argparse.ArgumentParser(description="Training throughput against a plain loop.")
    parser.add_argument("--data", type=Path, nargs="+", required=True, metavar="FILE")
    parser.add_argument(
        "--model-shape", type=_shape, default=(6, 384), metavar="LAYERSxHIDDEN", help="6x384"
    )
    parser.add_argument("--pairs", type=int, default=4000, help="drawn from the files (4000)")
    parser.add_argument("--steps", type=int, default=1, help="of the plain loop, each repeat (1)")
    parser.add_argument("--repeats", type=int, default=3, help="(3)")
    parser.add_argument("--batch-size", type=int, default=32, help="of the plain loop (32)")
    parser.add_argument("--batch-tokens", type=int, default=4096, help="of the trainer (4096)")
    parser.add_argument("--device", help="cpu or cuda; by default cuda where it is")
    parser.add_argument("--precision", choices=("fp32", "bf16"), help="bf16 on cuda, else fp32")
    args = parser.parse_args(arguments)
    device = torch.device(args.device or ("cuda" if torch.cuda.is_available() else "cpu"))
    if device.type == "cpu":
        os.environ["ACCELERATE_USE_CPU"] = "true"
    with quiet_transformers():
        tokenizer = AutoTokenizer.from_pretrained(BUNDLED["mini"])
    setting = Setting(
        tokenizer=tokenizer,
        layers=args.model_shape[0],
        hidden=args.model_shape[1],
        device=device,
        precision=args.precision or ("bf16" if device.type == "cuda" else "fp32"),
        batch_size=args.batch_size,
        batch_tokens=args.batch_tokens,
    )
    pairs = Pairs.of(_drawn(args.data, args.pairs), setting)
    if args.steps * args.batch_size > len(pairs.texts):
        parser.error(f"there are {len(pairs.texts)} pairs: give more --pairs or fewer --steps")
    small = replace(setting, batch_size=2, batch_tokens=2 * LENGTH)
    for loop in (plain_loop, trainer):
        loop(pairs, small, steps=1, seed=0)
    timings = [
        [loop(pairs, setting, steps=args.steps, seed=seed) for loop in (plain_loop, trainer)]
        for seed in range(args.repeats)
    ]
    _report(pairs, setting, timings)
    return 0


def _report(pairs: Pairs, setting: Setting, timings: Sequence[Sequence[Timing]]) -> None:
    on_gpu = setting.device.type == "cuda"
    name = torch.cuda.get_device_name() if on_gpu else f"cpu, {torch.get_num_threads()} threads"
    print(
        f"{setting.layers} layers of {setting.hidden}, {setting.precision}, {name}; "
        f"{len(pairs.texts)} pairs of {pairs.encoded.lengths().mean():.0f} tokens, "
        f"{len(timings)} repeats"
    )
    for loop, own in zip(("plain loop", "trainer"), zip(*timings, strict=True), strict=True):
        speeds = [timing.speed for timing in own]
        padding = 1 - sum(t.tokens for t in own) / sum(t.padded for t in own)
        print(
            f"{loop:10}  {statistics.median(speeds):10.0f} tokens/s "
            f"({min(speeds):.0f} to {max(speeds):.0f}), {100 * padding:.1f}% padding"
        )
    ratios = [ours.speed / plain.speed for plain, ours in timings]
    print(f"ratio       {statistics.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})")


if __name__ == "__main__":
    sys.exit(main())
