"""A checkpoint of any kind, written as a folder that needs nothing else: the command `convert`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from safetensors.torch import save_file
from torch import Tensor

from alignscore_metric.checkpoint.aligner import AlignerConfig, own_tensors
from alignscore_metric.checkpoint.classifiers import classifier_of
from alignscore_metric.checkpoint.loading import Checkpoint, load_checkpoint
from alignscore_metric.checkpoint.options import adapt_profile
from alignscore_metric.checkpoint.weights import WEIGHTS
from alignscore_metric.errors import ConfigurationError
from alignscore_metric.scores.decisions import Calibration
from alignscore_metric.system.whole_files import whole_path

if TYPE_CHECKING:
    from transformers.configuration_utils import PreTrainedConfig

CARD = "README.md"


def convert(
    model: str | Path,
    output: Path,
    *,
    backbone: str | Path | None = None,
    profile: str | None = None,
    label: str | None = None,
    mode: str | None = None,
    local_files_only: bool = False,
    to_classifier: bool = False,
    calibration: Calibration | None = None,
) -> None:
    """Write a checkpoint as safetensors, configuration, tokenizer and card. Weights stay fp32.

    Args:
        model: Any that `AlignScore` takes.
        output: The folder to write; it must not exist, or be empty. It appears whole or not at all.
        backbone: Of a `.ckpt` file; see `AlignScore`.
        profile: See `AlignScore`; it is stored in the folder.
        label: See `AlignScore`; it is stored in the folder.
        mode: See `AlignScore`; it is stored in the folder.
        local_files_only: Never use the network, whatever the name.
        to_classifier: Write a sequence classifier of transformers (head `tri` or `bin`) instead of
            an aligner. Class names are those of NLI models; `entailment` is "aligned".
        calibration: Stored in the folder's profile, instead of the checkpoint's own.

    Raises:
        ConfigurationError: The output exists, or the aligner is not equal to any classifier.
        CheckpointError: As for `AlignScore`.
        MissingResourceError: As for `AlignScore`.
    """
    check_output(output)
    checkpoint = load_checkpoint(
        model,
        backbone=backbone,
        profile=profile,
        label=label,
        local_files_only=local_files_only,
    )
    aligner = checkpoint.aligner
    adapted = adapt_profile(aligner, mode=mode)
    if calibration is not None:
        adapted = replace(adapted, calibration=calibration)
    aligner.config.profile = adapted.to_dict()
    config: AlignerConfig | PreTrainedConfig = aligner.config
    tensors: Mapping[str, Tensor] = own_tensors(aligner)
    if to_classifier:
        config, tensors = classifier_of(aligner)
    else:
        config.architectures = [type(aligner).__name__]
    with whole_path(output) as folder:
        folder.mkdir(parents=True)
        _write(folder, config, tensors, checkpoint)


def check_output(folder: Path) -> None:
    """Refuse a folder that holds something.

    Raises:
        ConfigurationError: It exists and is not empty.
    """
    if folder.exists() and not (folder.is_dir() and not any(folder.iterdir())):
        raise ConfigurationError(f"{folder} exists already; remove it, or give another folder")


def _write(
    folder: Path,
    config: AlignerConfig | PreTrainedConfig,
    tensors: Mapping[str, Tensor],
    checkpoint: Checkpoint,
) -> None:
    contiguous = {name: tensor.contiguous() for name, tensor in tensors.items()}
    save_file(contiguous, folder / WEIGHTS, metadata={"format": "pt"})
    config.dtype = "float32"
    config.save_pretrained(folder)
    # safetensors makes its file readable by its owner alone.
    (folder / WEIGHTS).chmod((folder / "config.json").stat().st_mode)
    checkpoint.tokenizer.save_pretrained(folder)
    (folder / CARD).write_text(_card(config, checkpoint), encoding="utf-8")


def _card(config: AlignerConfig | PreTrainedConfig, checkpoint: Checkpoint) -> str:
    aligner = checkpoint.aligner
    kind, use = "an aligner", "`AlignScore(FOLDER)` and `alignscore score --model FOLDER` load it."
    if not isinstance(config, AlignerConfig):
        labels = ", ".join(f"{index} = {label}" for index, label in config.id2label.items())
        kind = f"a sequence classifier (classes: {labels})"
        use = (
            "It is loaded by `AutoModelForSequenceClassification.from_pretrained(FOLDER)`, by "
            "`CrossEncoder(FOLDER)` of sentence-transformers, and by `AlignScore(FOLDER)`; a pair "
            "is (text, claim)."
        )
    profile = json.dumps(aligner.config.profile, indent=1)
    return (
        f"# {checkpoint.name}\n\n"
        f"Made by `alignscore convert` of `alignscore-metric` from `{checkpoint.name}`, whose "
        f"weights file has sha256 `{checkpoint.weights_sha256}`. The weights are the same numbers "
        f"(fp32) as {kind} for a backbone of type `{aligner.config.backbone['model_type']}`. {use}"
        f"\n\nThe licence is that of the original checkpoint.\n\n"
        f"Profile, how its scores are made:\n\n```json\n{profile}\n```\n"
    )
