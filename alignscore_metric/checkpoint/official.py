"""The official checkpoints of AlignScore and ALIGN: PyTorch Lightning's `.ckpt` files.

Owns the names that their tensors have and the check of the backbone's size; Lightning itself is not
needed. Reading files safely is `weights`' business, finding the backbone `backbones`'.

Source: Zha et al. 2023; the format is that of its released code (`base_model`, `mlm_head`,
`bin_layer`, `tri_layer`, `reg_layer`, and the backbone's name in `hyper_parameters`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from torch import Tensor

from alignscore_metric.checkpoint.aligner import AlignerConfig
from alignscore_metric.checkpoint.backbones import Backbone, find_backbone
from alignscore_metric.checkpoint.checks import wrong_sizes
from alignscore_metric.checkpoint.parts import Parts
from alignscore_metric.checkpoint.profile import Profile
from alignscore_metric.checkpoint.weights import check_tensors, read_torch
from alignscore_metric.errors import CheckpointError, ConfigurationError
from alignscore_metric.system.hashing import sha256

UNUSED = re.compile(r"mlm_head\.|.*\.position_ids$")
"""The masked-language-model head serves training alone; position ids are numbers 0, 1, 2 ... that
older versions of transformers saved."""


def read_official(
    file: Path, *, backbone: str | Path | None = None, weights_sha256: str | None = None
) -> Parts:
    """Read an official checkpoint, without running anything that it may hold.

    Args:
        file: A `.ckpt` file.
        backbone: Where its architecture and tokenizer come from: a folder, or a name in the Hub's
            cache; where None, the name that the checkpoint gives.
        weights_sha256: The file's hash, where it is known already: large files take seconds.

    Returns:
        Its parts with AlignScore's profile. The training state beside the weights (optimiser,
        masked-language-model head) is left on the disk.

    Raises:
        CheckpointError: The file is damaged, refused, or of another size than the backbone.
        MissingResourceError: The backbone is not on this machine.
        ConfigurationError: No backbone is given, and the checkpoint names none.
    """
    content = read_torch(file)
    if not isinstance(content, dict) or "state_dict" not in content:
        raise CheckpointError(f"{file} is no Lightning checkpoint: it has no 'state_dict'")
    tensors = {
        name.replace("base_model.", "encoder.", 1): tensor
        for name, tensor in check_tensors(content["state_dict"], file).items()
        if not UNUSED.match(name)
    }
    found = find_backbone(backbone or _named_backbone(content, file))
    _check_size(tensors, found, file)
    return Parts(
        name=file.stem,
        config=AlignerConfig(
            backbone=found.config.to_dict(),
            pooling="context" if found.config.model_type.startswith("deberta") else "pooler",
            profile=Profile(max_length=min(512, found.tokenizer.model_max_length)).to_dict(),
        ),
        tensors=tensors,
        tokenizer=found.tokenizer,
        weights=file,
        weights_sha256=weights_sha256 or sha256(file),
        tokenizer_sha256=found.tokenizer_sha256,
    )


def _named_backbone(content: Mapping[str, object], file: Path) -> str:
    values = content.get("hyper_parameters")
    name = values.get("model") if isinstance(values, dict) else None
    if not isinstance(name, str):
        raise ConfigurationError(
            f"{file} does not say which backbone it was made from; give backbone=, as roberta-large"
        )
    return name


def _check_size(tensors: Mapping[str, Tensor], backbone: Backbone, file: Path) -> None:
    """Name a wrong backbone as such, before it becomes a hundred misshapen tensors."""
    wrong = wrong_sizes(tensors, backbone.config, "the backbone's")
    if wrong:
        raise CheckpointError(
            f"{file} was not made from the backbone {backbone.name!r}: it has {', '.join(wrong)}; "
            "give the right one with backbone="
        )
