"""Backbones by name or by folder: an architecture and a tokenizer. Never touches the network.

Knows nothing of weights: those are the checkpoint's.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from alignscore_metric.checkpoint.foreign import backbone_config, read_config
from alignscore_metric.checkpoint.tokenizer import (
    TOKENIZER,
    TOKENIZER_FILES,
    Tokenizer,
    load_tokenizer,
)
from alignscore_metric.errors import CheckpointError, ConfigurationError, MissingResourceError

if TYPE_CHECKING:
    from transformers.configuration_utils import PreTrainedConfig

_ROBERTA = {
    "model_type": "roberta",
    "vocab_size": 50265,
    "max_position_embeddings": 514,
    "type_vocab_size": 1,
    "layer_norm_eps": 1e-5,
}
_LARGE = {
    "hidden_size": 1024,
    "num_hidden_layers": 24,
    "num_attention_heads": 16,
    "intermediate_size": 4096,
}
ARCHITECTURES: dict[str, dict[str, Any]] = {
    "roberta-base": _ROBERTA,
    "roberta-large": _ROBERTA | _LARGE,
    "bert-base-uncased": {"model_type": "bert"},
    "bert-large-uncased": {"model_type": "bert"} | _LARGE,
}
"""Configurations of the commonest backbones, where the tokenizer alone is on this machine: what
differs from the defaults of transformers."""

ORGANISATIONS = {
    "roberta": "FacebookAI",
    "xlm": "FacebookAI",
    "bert": "google-bert",
    "albert": "albert",
    "deberta": "microsoft",
}
"""Where the Hub keeps what used to be named without an organisation, by the name's first part."""

BACKBONE_TYPES = ("roberta", "xlm-roberta", "bert", "albert", "deberta", "deberta-v2")
"""The `model_type`s that aligners are made of; DeBERTa v3 is a `deberta-v2`."""


REPOSITORY = re.compile(r"\w[\w.-]{0,95}(/\w[\w.-]{0,95})?", flags=re.ASCII)
"""What the Hub calls a repository: nothing that a shell or a terminal would act on."""


@dataclass(frozen=True)
class Backbone:
    """An encoder's architecture and its tokenizer.

    Attributes:
        name: As it was asked for.
        config: The architecture.
        tokenizer: Its fast tokenizer.
        tokenizer_sha256: Hash of `tokenizer.json`, or of what it would hold.
    """

    name: str
    config: PreTrainedConfig
    tokenizer: Tokenizer
    tokenizer_sha256: str


def find_backbone(name: str | Path) -> Backbone:
    """A backbone from a local folder, or from the Hub's cache on this machine.

    Args:
        name: A folder with a configuration and a tokenizer, or a name as `roberta-large`.

    Raises:
        MissingResourceError: The name is not in the cache; says what to type.
        ConfigurationError: Its architecture is none that aligners are made of.
        CheckpointError: The folder's files are damaged or incomplete.
    """
    folder = find_folder(name)
    found = read_backbone(folder, str(name))
    if found.config.model_type not in BACKBONE_TYPES:
        raise ConfigurationError(
            f"backbone {str(name)!r} is a {found.config.model_type!r}; known: "
            f"{', '.join(BACKBONE_TYPES)}"
        )
    return found


def read_backbone(folder: Path, name: str) -> Backbone:
    """An architecture of any type and its tokenizer, from a folder.

    Args:
        folder: With a configuration, unless it is known for the name, and a tokenizer.
        name: What errors call it.

    Raises:
        ConfigurationError: It would need code of its own.
        CheckpointError: The folder's files are damaged or incomplete.
    """
    tokenizer = load_tokenizer(folder)
    config = _config(folder, name)
    if len(tokenizer) > config.vocab_size:
        raise CheckpointError(
            f"the tokenizer in {folder} has {len(tokenizer)} tokens, but the backbone {name!r}"
            f" has embeddings for {config.vocab_size}: they do not belong together"
        )
    return Backbone(name, config, tokenizer, tokenizer_sha256(folder, tokenizer))


def find_folder(name: str | Path) -> Path:
    """A local folder, or the newest snapshot of a Hub repository in the cache of this machine.

    Raises:
        MissingResourceError: There is none of this name; says what to type.
    """
    return Path(name) if Path(name).is_dir() else _cached(str(name))


def tokenizer_sha256(folder: Path, tokenizer: Tokenizer) -> str:
    """Hash of a folder's `tokenizer.json`, or of the tokenizer written as one where it has none."""
    file = folder / TOKENIZER
    content = file.read_bytes() if file.is_file() else tokenizer.backend_tokenizer.to_str().encode()
    return hashlib.sha256(content).hexdigest()


def hub_name(name: str) -> str:
    """A backbone's full name on the Hub."""
    organisation = ORGANISATIONS.get(name.split("-")[0])
    return name if "/" in name or organisation is None else f"{organisation}/{name}"


def _config(folder: Path, name: str) -> PreTrainedConfig:
    if not (folder / "config.json").is_file() and name in ARCHITECTURES:
        return backbone_config(ARCHITECTURES[name])
    try:
        return read_config(folder)
    except Exception as cause:
        raise CheckpointError(
            f"cannot read the backbone's configuration {folder / 'config.json'}: {cause}"
        ) from cause


def _cached(name: str) -> Path:
    """The newest snapshot of a Hub repository in the cache of this machine."""
    from huggingface_hub import try_to_load_from_cache

    for repository in dict.fromkeys((name, hub_name(name))):
        for file in TOKENIZER_FILES:
            try:
                found = try_to_load_from_cache(repository, file)
            except ValueError:  # no possible repository name: somebody's mistyped path
                continue
            if isinstance(found, str):
                return Path(found).parent
    raise MissingResourceError(
        f"the backbone {name!r} is neither a folder nor in the Hub's cache on this machine; "
        f"{_how_to_fetch(name)}give backbone=FOLDER, a folder that holds its configuration and "
        "tokenizer"
    )


def _how_to_fetch(name: str) -> str:
    """What to type, where the name is one of the Hub's; it may come from a file of anybody's."""
    if not REPOSITORY.fullmatch(name):
        return ""
    return (
        f"fetch its configuration and tokenizer (the weights are the checkpoint's) once with: "
        f"hf download {hub_name(name)} --include '*.json' --include '*.txt' --include '*.model'  "
        "or "
    )
