"""A whole training run: a recipe and a data folder in, a loadable aligner folder out."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save_file
from transformers import PreTrainedTokenizerBase

from alignscore_metric.checkpoint.aligner import Aligner
from alignscore_metric.checkpoint.weights import WEIGHTS
from alignscore_metric.errors import ConfigurationError
from alignscore_metric.system.whole_files import whole_path
from alignscore_metric.training.calibration import fit_temperature
from alignscore_metric.training.card import (
    CALIBRATION,
    RECORD,
    DevResult,
    TrainingRun,
    read_record,
    write_record,
)
from alignscore_metric.training.data import IGNORED, EncodedExamples
from alignscore_metric.training.evaluation import (
    Outputs,
    contexts_of,
    intervals,
    labels_of,
    measures,
    predict,
)
from alignscore_metric.training.objective import MaskedLanguageModel
from alignscore_metric.training.prepare import Prepared, prepare
from alignscore_metric.training.recipe import Recipe
from alignscore_metric.training.regularisers import build_regulariser
from alignscore_metric.training.start import encoder_folder, start_from, start_teacher
from alignscore_metric.training.trainer import (
    CHECKPOINT,
    Extras,
    Progress,
    fit,
    is_main_process,
    settled,
    writing,
)


def train(
    recipe: Recipe, *, data_dir: Path, output: Path, prepared: Path | None = None
) -> dict[str, dict[str, float]]:
    """Train an aligner and save it; called again after a kill, it goes on where it was.

    Args:
        recipe: What to train, on what, how.
        data_dir: Folder of the recipe's files.
        output: Folder for the model, its tokenizer, card, calibration and logs, and on the way
            for the checkpoint to resume from.
        prepared: Folder that keeps the encoded data; see `prepare`.

    Returns:
        The measures of each dev set; of several processes that train together the first alone has
        them, and writes.

    Raises:
        InputError: A data file is missing or broken.
        ConfigurationError: The recipe asks for what is not here; `output` is in use.
        TrainingError: The loss became NaN or infinite, or the disk is full.
    """
    _take(output)
    recipe = settled(recipe)
    torch.manual_seed(recipe.seed)
    aligner, tokenizer = start_from(recipe)
    origins = [*([recipe.teacher.model] if recipe.teacher else []), recipe.encoder]
    earlier = [run for name in origins for run in read_record(Path(encoder_folder(name)))]
    build_regulariser(recipe.regulariser)  # what is wrong is told before hours of reading data
    extras = Extras(
        teacher=start_teacher(recipe, tokenizer),
        masked=MaskedLanguageModel(aligner, tokenizer) if recipe.mlm else None,
    )
    data = prepare(recipe, data_dir, tokenizer, mark_claim=aligner.reads_claim, folder=prepared)
    _check_heads(recipe, data.train)
    progress = fit(aligner, data.train, recipe, output=output, dev=data.dev, extras=extras)
    if not is_main_process():
        return {}
    outputs = {n: predict(aligner, e, precision=recipe.precision) for n, e in data.dev.items()}
    run = _record(recipe, data, progress, outputs)
    with writing(output):
        save(aligner, tokenizer, output)
        _write_calibration(output / CALIBRATION, outputs, data.dev)
        write_record(output, [*earlier, run])
        (output / CHECKPOINT).unlink(missing_ok=True)
    return {name: found.measures for name, found in run.dev.items()}


def _take(output: Path) -> None:
    """Make the output folder, or see that it may be gone on with."""
    try:
        output.mkdir(parents=True, exist_ok=True)
    except OSError as cause:
        raise ConfigurationError(f"cannot make the folder {output}: {cause}") from cause
    unfinished = (output / CHECKPOINT).is_file()
    if (output / RECORD).is_file() or ((output / WEIGHTS).is_file() and not unfinished):
        raise ConfigurationError(f"{output} holds a finished aligner; give another --output")


def _check_heads(recipe: Recipe, examples: EncodedExamples) -> None:
    """The head that scores are read from must have been taught something."""
    head = recipe.profile.head
    if not bool((examples.labels[head] != IGNORED).any()):
        raise ConfigurationError(
            f"no training example has a label for the head {head!r}, which the profile reads; add "
            "such data, set `bin_from_tri`, or name another head in `profile`"
        )


def _write_calibration(
    file: Path, outputs: dict[str, Outputs], dev: dict[str, EncodedExamples]
) -> None:
    """Each classification head's calibration on all dev rows that have a label for it."""
    found = {}
    for head in ("bin", "tri") if dev else ():
        truth = np.concatenate([labels_of(encoded)[head] for encoded in dev.values()])
        logits = np.concatenate([outputs[name][head] for name in dev])
        if (rows := truth != IGNORED).any():
            found[head] = asdict(fit_temperature(logits[rows], truth[rows]))
    file.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


def _record(
    recipe: Recipe, data: Prepared, progress: Progress, outputs: dict[str, Outputs]
) -> TrainingRun:
    return TrainingRun(
        name=recipe.name,
        encoder=Path(recipe.encoder).name,
        sets=data.sets,
        dev={
            name: DevResult(
                measures=measures(outputs[name], labels_of(encoded)),
                intervals=intervals(outputs[name], labels_of(encoded), contexts_of(encoded)),
            )
            for name, encoded in data.dev.items()
        },
        steps=progress.step,
        tokens=progress.tokens,
        learning_rate=recipe.learning_rate,
        seed=recipe.seed,
        precision=recipe.precision,
        seconds=round(progress.seconds, 1),
        teacher=Path(recipe.teacher.model).name if recipe.teacher else "",
    )


def save(aligner: Aligner, tokenizer: PreTrainedTokenizerBase, output: Path) -> None:
    """Write the model, its weights in fp16, and its tokenizer; a kill leaves the last one whole."""
    weights = aligner.state_dict()
    half = {key: value.detach().to("cpu", torch.float16) for key, value in weights.items()}
    with whole_path(output / WEIGHTS) as beside:
        save_file(half, beside, metadata={"format": "pt"})
    aligner.config.save_pretrained(output)
    tokenizer.save_pretrained(output)
