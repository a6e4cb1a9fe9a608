"""Whether the parts of a checkpoint belong together, seen before a model is built around them.

What does not is refused by name here, in milliseconds; transformers would build what the
configuration asks for, however large, and notice then.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

import torch
from torch import Tensor

from alignscore_metric.checkpoint.bodies import BODIES
from alignscore_metric.checkpoint.encoder import EncoderConfig
from alignscore_metric.checkpoint.foreign import backbone_config
from alignscore_metric.checkpoint.parts import Parts
from alignscore_metric.checkpoint.tokenizer import Tokenizer
from alignscore_metric.errors import CheckpointError

if TYPE_CHECKING:
    from transformers.configuration_utils import PreTrainedConfig

Sizes: TypeAlias = "EncoderConfig | PreTrainedConfig"

LAYER = re.compile(r"encoder\.encoder\.layer\.(\d+)\.")
MOST_LAYERS = 200  # the largest of the families have 48; ALBERT's weights do not tell theirs
LARGEST_SIZE = 2**20  # of any size in a configuration; the largest vocabulary has 250,112 tokens

_ENCODER, _EMBEDDINGS = "encoder.encoder.", "encoder.embeddings."
_ALBERT = f"{_ENCODER}albert_layer_groups.0.albert_layers.0."
_PLACES: dict[str, tuple[tuple[str, int], ...]] = {
    "vocab_size": ((f"{_EMBEDDINGS}word_embeddings.weight", 0),),
    "max_position_embeddings": ((f"{_EMBEDDINGS}position_embeddings.weight", 0),),
    "type_vocab_size": ((f"{_EMBEDDINGS}token_type_embeddings.weight", 0),),
    "embedding_size": ((f"{_EMBEDDINGS}word_embeddings.weight", 1),),
    "hidden_size": (
        (f"{_ENCODER}layer.0.output.dense.weight", 0),
        (f"{_ENCODER}embedding_hidden_mapping_in.weight", 0),
    ),
    "intermediate_size": (
        (f"{_ENCODER}layer.0.intermediate.dense.weight", 0),
        (f"{_ALBERT}ffn.weight", 0),
    ),
}
"""By their names in transformers' configurations, where an aligner's tensors show its sizes."""

_NEEDED = ("vocab_size", "hidden_size", "intermediate_size")
"""Without these nothing tells how large a model would become."""


def check_parts(parts: Parts) -> None:
    """Refuse parts that do not belong together, or that no model should be built of.

    Raises:
        CheckpointError: A tensor is not of real numbers or is larger than what is stored of it;
            the configuration is of other sizes than the weights; the tokenizer has ids beyond the
            embeddings.
    """
    check_numbers(parts.tensors, parts.weights)
    values = parts.config.backbone
    backbone: Sizes
    if parts.config.pooling in BODIES:
        backbone = backbone_config(values)
        check_bounds(backbone, parts.weights)
    else:
        backbone = EncoderConfig.of(values) or backbone_config(values)
        check_sizes(parts.tensors, backbone, parts.weights)
    copied = parts.config.copied_ngrams
    found = parts.tensors.get("copied_embeddings.weight")
    if copied and (found is None or len(found) != copied + 1):
        raise CheckpointError(
            f"{parts.weights} has no embeddings for the configuration's copied_ngrams {copied}"
        )
    check_tokenizer(parts.tokenizer, backbone, parts.weights.parent)


def check_numbers(tensors: Mapping[str, Tensor], file: Path) -> None:
    """Refuse tensors that are no weights.

    Args:
        tensors: Named; `*.position_ids`, which are whole numbers, are not looked at.
        file: Where they come from, for the error.

    Raises:
        CheckpointError: One is of whole or complex numbers, sparse, quantised, without content, or
            repeats what is stored of it so as to be larger.
    """
    for name, tensor in tensors.items():
        if name.endswith("position_ids"):
            continue
        if not tensor.is_floating_point() or tensor.layout != torch.strided or tensor.is_meta:
            kind = f"{tensor.dtype}, {tensor.layout}, on {tensor.device}"
            raise CheckpointError(
                f"{file}: {name!r} is no weight: it holds {kind}; weights are dense real numbers"
            )
        if tensor.numel() * tensor.element_size() > tensor.untyped_storage().nbytes():
            raise CheckpointError(
                f"{file}: {name!r} has {tensor.numel()} numbers, more than are stored in the file"
            )


def tensor_sizes(tensors: Mapping[str, Tensor]) -> dict[str, int]:
    """Sizes of an encoder as its tensors tell them, by the names of transformers' configurations.

    Args:
        tensors: An aligner's tensors; ALBERT's say nothing of the number of layers.
    """
    layers = {int(found.group(1)) for name in tensors if (found := LAYER.match(name))}
    sizes = {
        key: tensors[name].shape[axis]
        for key, places in _PLACES.items()
        for name, axis in places
        if name in tensors and tensors[name].dim() == 2
    }
    return sizes | ({"num_hidden_layers": len(layers)} if layers else {})


def wrong_sizes(tensors: Mapping[str, Tensor], config: Sizes, whose: str) -> list[str]:
    """What an encoder's configuration and its tensors say differently, for people.

    Args:
        tensors: An aligner's tensors.
        config: The encoder's configuration.
        whose: Who says what the configuration does.
    """
    return [
        f"{key} {size} ({whose}: {getattr(config, key)})"
        for key, size in tensor_sizes(tensors).items()
        if size != getattr(config, key, size)
    ]


def check_sizes(tensors: Mapping[str, Tensor], config: Sizes, file: Path) -> None:
    """Refuse a configuration that asks for a larger model, or another one, than the weights are.

    Raises:
        CheckpointError: See there.
    """
    if wrong := wrong_sizes(tensors, config, "the configuration's"):
        raise CheckpointError(
            f"{file} and its configuration do not belong together: it has {', '.join(wrong)}"
        )
    told = tensor_sizes(tensors)
    if missing := [_PLACES[key][0][0] for key in _NEEDED if key not in told]:
        raise CheckpointError(
            f"{file} is not a complete aligner: missing keys: {', '.join(missing)}"
        )
    check_bounds(config, file)


def check_bounds(config: Sizes, file: Path) -> None:
    """Refuse a configuration that asks for more than any model of the families has.

    Raises:
        CheckpointError: See there.
    """
    sizes = {key: value for key, value in vars(config).items() if type(value) is int}
    layers = max(config.num_hidden_layers, *(n for key, n in sizes.items() if "layers" in key), 0)
    if layers > MOST_LAYERS:
        raise CheckpointError(
            f"the configuration of {file} asks for {layers} layers; no encoder "
            f"that aligners are made of has more than {MOST_LAYERS}"
        )
    if large := [f"{key} {value}" for key, value in sizes.items() if value > LARGEST_SIZE]:
        raise CheckpointError(f"the configuration of {file} asks for too much: {', '.join(large)}")


def check_tokenizer(tokenizer: Tokenizer, config: Sizes, folder: Path) -> None:
    """Refuse a tokenizer that gives ids for which an encoder has no embeddings.

    Raises:
        CheckpointError: It does.
    """
    backend = tokenizer.backend_tokenizer
    pair = backend.encode("a", "b").ids  # with what its template puts around them
    # Not the number of tokens: a vocabulary may leave ids out.
    most = max(*backend.get_vocab().values(), *backend.get_added_tokens_decoder(), *pair)
    if most >= config.vocab_size:
        raise CheckpointError(
            f"the tokenizer in {folder} has {len(tokenizer)} tokens with ids up to {most}, "
            f"but the encoder has embeddings for {config.vocab_size}: they do not belong together"
        )
