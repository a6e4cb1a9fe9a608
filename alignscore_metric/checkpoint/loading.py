"""Where aligners come from: bundled, a saved folder, an official `.ckpt`, a published classifier.

Every source is read into the same `Parts`, and one function builds a checkpoint from those.
Nothing is ever unpickled; nothing is downloaded but what a name of the registry stands for.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

from alignscore_metric.checkpoint.aligner import Aligner, AlignerConfig
from alignscore_metric.checkpoint.backbones import REPOSITORY, tokenizer_sha256
from alignscore_metric.checkpoint.checkers import is_checker, read_checker
from alignscore_metric.checkpoint.checks import check_parts
from alignscore_metric.checkpoint.hub import (
    BACKBONES,
    CHECKERS,
    REGISTRY,
    cached_folder,
    did_you_mean,
    fetch,
    fetch_backbone,
    fetch_folder,
)
from alignscore_metric.checkpoint.official import read_official
from alignscore_metric.checkpoint.parts import Parts
from alignscore_metric.checkpoint.profile import get_profile
from alignscore_metric.checkpoint.tokenizer import TOKENIZER, Tokenizer, load_tokenizer
from alignscore_metric.checkpoint.weights import WEIGHTS, read_tensors
from alignscore_metric.errors import AlignScoreError, CheckpointError, ConfigurationError
from alignscore_metric.system.hashing import sha256

BUNDLED = {"mini": Path(__file__).parents[1] / "models" / "mini"}
"""Names of the aligners that ship with the package."""


@dataclass(frozen=True)
class Checkpoint:
    """A loaded aligner and what identifies it.

    Attributes:
        name: The bundled name, or the folder's or the file's own name (no path: it goes into
            signatures).
        aligner: The model in float32, in evaluation mode, on the CPU.
        tokenizer: Its fast tokenizer.
        weights_sha256: Hash of the weights file, 64 hexadecimal digits.
        tokenizer_sha256: Hash of the tokenizer file.
    """

    name: str
    aligner: Aligner
    tokenizer: Tokenizer
    weights_sha256: str
    tokenizer_sha256: str


def load_checkpoint(
    model: str | Path,
    *,
    backbone: str | Path | None = None,
    profile: str | None = None,
    label: str | None = None,
    local_files_only: bool = False,
) -> Checkpoint:
    """Load an aligner.

    Args:
        model: `mini` (bundled); the name of an official checkpoint, as `AlignScore-large`, which is
            fetched once from the Hub; a folder that `save_pretrained`, `alignscore train` or
            `alignscore convert` wrote; an official `.ckpt` file; or the folder of a published
            checker (see `checkers`), its name, or its repository's in the Hub's cache.
        backbone: For a `.ckpt` file: the folder or the name of its backbone; for HHEM that of its
            tokenizer.
        profile: Name of a published checker's profile, instead of the checkpoint's own.
        label: Of a classifier: the class that means "supported", by name or number.
        local_files_only: Never use the network, whatever the name.

    Raises:
        ConfigurationError: Neither a known name nor a path; an option that does not apply.
        CheckpointError: The weights or the tokenizer are damaged, incomplete or refused.
        MissingResourceError: The checkpoint or its backbone is not on this machine.
    """
    try:
        parts = _read(model, _Given(backbone, profile, label), local_files_only)
        check_parts(parts)
        aligner = Aligner.from_tensors(parts.config, parts.tensors, origin=str(parts.weights))
    except AlignScoreError:
        raise
    except Exception as cause:  # whatever a library makes of a damaged file
        raise CheckpointError(f"cannot load {model}: {cause}") from cause
    return Checkpoint(
        parts.name, aligner, parts.tokenizer, parts.weights_sha256, parts.tokenizer_sha256
    )


class _Given(NamedTuple):
    """What a user says of a checkpoint besides its name; see `load_checkpoint`."""

    backbone: str | Path | None
    profile: str | None
    label: str | None


def _read(model: str | Path, given: _Given, local_files_only: bool) -> Parts:
    """The parts of a checkpoint, by whichever reader knows its kind."""
    path, name = BUNDLED.get(str(model), Path(model)), str(model)
    if path.is_dir():
        return _read_folder(path, given)
    if not path.exists():
        if name in CHECKERS:
            return _read_named_checker(name, given, local_files_only)
        if (folder := cached_folder(name)) is not None:
            return replace(_read_folder(folder, given), name=name.rpartition("/")[2])
    if path.is_file():
        parts = read_official(path, backbone=given.backbone)
    elif name in REGISTRY:
        parts = _read_named(name, given.backbone, local_files_only)
    else:
        raise ConfigurationError(_unknown(name))
    return _with_profile(parts, name, given)


def _read_folder(folder: Path, given: _Given) -> Parts:
    """A saved aligner, or another published checker."""
    content = _folder_config(folder)
    if is_checker(content):
        return read_checker(folder, content, **given._asdict())
    if given.backbone is not None:
        raise ConfigurationError(f"{folder} has its own backbone; leave backbone= out")
    return _with_profile(_read_saved(folder, content), folder.name, given)


def _with_profile(parts: Parts, model: str, given: _Given) -> Parts:
    """An aligner's parts with the profile that the user named, if any."""
    if given.label is not None:
        raise ConfigurationError(f"{model} is no classifier with labels; leave label= out")
    if given.profile is not None:
        parts.config.profile = get_profile(given.profile).to_dict()
    return parts


def _unknown(model: str) -> str:
    names = [*BUNDLED, *REGISTRY, *CHECKERS]
    if model in BACKBONES:
        return (
            f"{model!r} is a backbone, not a model that scores; give one of: {', '.join(names)}, "
            f"or the path of an official .ckpt file, with backbone={model!r}"
        )
    meant = did_you_mean(model, names)
    fetched = ""
    if not meant and REPOSITORY.fullmatch(model) and "/" in model:
        fetched = f"; or fetch it once, if it is a checker on the Hub: hf download {model}"
    return (
        f"unknown model {model!r}{meant}; give one of: {', '.join(names)}, or the path of a folder "
        f"that holds a saved aligner or a checker, or of an official .ckpt file{fetched}"
    )


def _read_named(name: str, backbone: str | Path | None, local_files_only: bool) -> Parts:
    """An official checkpoint from the Hub, and its backbone with it."""
    found = fetch(name, local_files_only=local_files_only)
    folder = backbone or fetch_backbone(REGISTRY[name].backbone, local_files_only=local_files_only)
    return read_official(found.path, backbone=folder, weights_sha256=found.sha256)


def _read_named_checker(name: str, given: _Given, local_files_only: bool) -> Parts:
    """A published checker from the Hub, and the tokenizer that it lacks with it."""
    entry = CHECKERS[name]
    folder = fetch_folder(entry.files, what=name, local=local_files_only)
    backbone = given.backbone
    if entry.tokenizer and backbone is None:
        what = f"the tokenizer of {name}"
        backbone = fetch_folder(entry.tokenizer, what=what, local=local_files_only)
    profile = given.profile or entry.profile
    parts = _read_folder(folder, _Given(backbone, profile, given.label))
    return replace(parts, name=name)


def _read_saved(folder: Path, content: dict[str, Any]) -> Parts:
    """A saved aligner; `content` is its configuration as it stands in the file."""
    for file in (WEIGHTS, TOKENIZER):
        if not (folder / file).is_file():
            raise CheckpointError(f"{folder} is not a saved aligner: it has no {file}")
    if content["model_type"] != AlignerConfig.model_type:
        raise CheckpointError(f"{folder} holds a {content['model_type']!r} model, not an aligner")
    tokenizer = load_tokenizer(folder)
    return Parts(
        name=folder.resolve().name,
        config=AlignerConfig.from_dict(content),
        tensors=read_tensors(folder / WEIGHTS),
        tokenizer=tokenizer,
        weights=folder / WEIGHTS,
        weights_sha256=sha256(folder / WEIGHTS),
        tokenizer_sha256=tokenizer_sha256(folder, tokenizer),
    )


def _folder_config(folder: Path) -> dict[str, Any]:
    """What a folder's `config.json` says, at the least its `model_type`."""
    file = folder / "config.json"
    if not file.is_file():
        raise CheckpointError(f"{folder} is not a saved aligner: it has no {file.name}")
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
        return dict(content) | {"model_type": str(content["model_type"])}
    except (ValueError, KeyError, TypeError) as cause:
        raise CheckpointError(f"{file} is damaged: {cause!r}") from cause
