"""Where aligners come from: the bundled one by name, a saved one by folder.

Weights are read from safetensors only; nothing is ever unpickled or downloaded here.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import torch
from transformers import AutoTokenizer, PreTrainedTokenizerBase
from transformers.utils import logging

from alignscore_metric.aligner import Aligner
from alignscore_metric.errors import CheckpointError, ConfigurationError

BUNDLED = {"mini": Path(__file__).parent / "models" / "mini"}
"""Names of the aligners that ship with the package."""

WEIGHTS, TOKENIZER = "model.safetensors", "tokenizer.json"


@dataclass(frozen=True)
class Checkpoint:
    """A loaded aligner and what identifies it.

    Attributes:
        name: The bundled name, or the folder's own name (no path: it goes into signatures).
        aligner: The model in float32, in evaluation mode, on the CPU.
        tokenizer: Its fast tokenizer.
        weights_sha256: Hash of the weights file, 64 hexadecimal digits.
        tokenizer_sha256: Hash of the tokenizer file.
    """

    name: str
    aligner: Aligner
    tokenizer: PreTrainedTokenizerBase
    weights_sha256: str
    tokenizer_sha256: str


def load_checkpoint(model: str | Path) -> Checkpoint:
    """Load an aligner.

    Args:
        model: `mini` (bundled), or a folder that `save_pretrained` or `alignscore train` wrote.

    Raises:
        ConfigurationError: Neither a known name nor a folder.
        CheckpointError: The folder does not hold a complete aligner.
    """
    name, folder = _locate(model)
    _check_folder(folder)
    try:
        with quiet_transformers():
            aligner = Aligner.from_pretrained(folder, dtype=torch.float32, local_files_only=True)
            tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
    except (CheckpointError, ConfigurationError):
        raise
    except Exception as cause:  # whatever transformers and safetensors make of a damaged file
        raise CheckpointError(f"cannot load the aligner in {folder}: {cause}") from cause
    return Checkpoint(
        name, aligner.eval(), tokenizer, sha256(folder / WEIGHTS), sha256(folder / TOKENIZER)
    )


def sha256(file: Path) -> str:
    """Hash of a file's bytes, 64 hexadecimal digits."""
    digest = hashlib.sha256()
    with file.open("rb") as stream:
        while block := stream.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


@contextmanager
def quiet_transformers() -> Iterator[None]:
    """No bar for a file of a second's loading, no advice about model types; errors still rise."""
    verbosity, bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        logging.set_verbosity(verbosity)
        if bars:
            logging.enable_progress_bar()


def _locate(model: str | Path) -> tuple[str, Path]:
    if str(model) in BUNDLED:
        return str(model), BUNDLED[str(model)]
    folder = Path(model)
    if not folder.is_dir():
        raise ConfigurationError(
            f"unknown model {str(model)!r}; give one of: {', '.join(BUNDLED)}, "
            "or the path of a folder that holds a saved aligner"
        )
    return folder.resolve().name, folder


def _check_folder(folder: Path) -> None:
    for file in ("config.json", WEIGHTS, TOKENIZER):
        if not (folder / file).is_file():
            raise CheckpointError(f"{folder} is not a saved aligner: it has no {file}")
    try:
        model_type = json.loads((folder / "config.json").read_text(encoding="utf-8"))["model_type"]
    except (ValueError, KeyError, TypeError) as cause:
        raise CheckpointError(f"{folder / 'config.json'} is damaged: {cause!r}") from cause
    if model_type != "aligner":
        raise CheckpointError(f"{folder} holds a {model_type!r} model, not an aligner")
