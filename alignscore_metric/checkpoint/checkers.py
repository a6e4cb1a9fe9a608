"""Published checkers that are no sequence classifiers: T5s, HHEM, token classifiers.

Each is read into an aligner on a body (see `bodies`), whose heads are made of its last layer, so
that the aligner's score is the checker's. No code that lies beside a checkpoint is ever run.

Source: the released code of MiniCheck (`inference.py`), of HHEM-2.1-Open (`modeling_hhem_v2.py`)
and of LettuceDetect (`inference.py`).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from alignscore_metric.checkpoint.aligner import AlignerConfig
from alignscore_metric.checkpoint.backbones import (
    Backbone,
    find_folder,
    read_backbone,
    tokenizer_sha256,
)
from alignscore_metric.checkpoint.bodies import WEAKEST_TOKEN
from alignscore_metric.checkpoint.classifiers import (
    last_layer_of,
    parts_of,
    plain_config,
    read_classifier,
    renamed,
    weights_file,
)
from alignscore_metric.checkpoint.foreign import backbone_config
from alignscore_metric.checkpoint.labels import class_number, supported_labels
from alignscore_metric.checkpoint.parts import Parts
from alignscore_metric.checkpoint.profile import PROFILES, Profile, get_profile
from alignscore_metric.checkpoint.tokenizer import TOKENIZER_FILES, Tokenizer, load_tokenizer
from alignscore_metric.checkpoint.weights import read_tensors
from alignscore_metric.errors import CheckpointError, ConfigurationError

HHEM_TYPES = ("HHEMv2", "HHEMv2Config")
"""The `model_type`s of HHEM-2.1-Open: its code's, and its published configuration's."""

FOUNDATION = "google/flan-t5-base"
"""Whose tokenizer HHEM-2.1-Open reads with, where its configuration names no other."""

KINDS = ("ForSequenceClassification", "ForTokenClassification", "T5ForConditionalGeneration")
"""How the names of the architectures end that are checkers."""

_T5_SIZES = {
    "t5.transformer.shared.weight",
    "t5.transformer.encoder.block.0.layer.0.SelfAttention.q.weight",
    "t5.transformer.encoder.block.0.layer.0.SelfAttention.relative_attention_bias.weight",
    "t5.transformer.encoder.block.0.layer.1.DenseReluDense.wo.weight",
}


def is_checker(config: Mapping[str, Any]) -> bool:
    """Whether a `config.json` is that of a published checker."""
    names = config.get("architectures") or ()
    return config.get("model_type") in HHEM_TYPES or any(
        str(name).endswith(KINDS) for name in names
    )


def read_checker(
    folder: Path,
    content: Mapping[str, Any],
    *,
    backbone: str | Path | None = None,
    profile: str | None = None,
    label: str | None = None,
) -> Parts:
    """Read the folder of a published checker.

    Args:
        folder: With its configuration, weights and tokenizer.
        content: What its `config.json` says.
        backbone: Of HHEM, which is published without a tokenizer: a folder that has it, or a name.
        profile: Name of a published checker's profile.
        label: The class that means "supported", by name or number.

    Raises:
        ConfigurationError: An option is missing, wrong, or does not apply.
        CheckpointError: A file is missing or damaged.
        MissingResourceError: HHEM's tokenizer is not on this machine.
    """
    names = [str(name) for name in content.get("architectures") or ()]
    is_hhem = content["model_type"] in HHEM_TYPES
    is_t5 = "T5ForConditionalGeneration" in names
    if label is not None and (is_hhem or is_t5):
        raise ConfigurationError(f"{folder} has no labels to choose from; leave label= out")
    if is_hhem:
        return read_hhem(folder, content, backbone=backbone, profile=profile)
    if backbone is not None:
        raise ConfigurationError(f"{folder} has its own backbone; leave backbone= out")
    _refuse_code(folder, content)
    if is_t5:
        return read_t5(folder, content, profile=profile)
    if any(name.endswith("ForTokenClassification") for name in names):
        return read_token_classifier(folder, profile=profile, label=label)
    return read_classifier(folder, profile=profile, label=label)


def read_t5(folder: Path, content: Mapping[str, Any], *, profile: str | None) -> Parts:
    """Read a T5 that answers "1" or "0": its score is the probability of "1" of those two.

    Both are looked at as the first token that is decoded, as MiniCheck's code does. The head is
    made of these two tokens' rows of T5's last layer.

    Args:
        folder: With its configuration, weights and tokenizer.
        content: What its `config.json` says.
        profile: Name of its profile.

    Raises:
        ConfigurationError: No profile is given, or one for another kind of model; its vocabulary
            has no "1" or no "0".
        CheckpointError: A file is missing or damaged.
    """
    if profile is None:
        raise ConfigurationError(
            f"{folder} is a T5 that does not say how it is meant to be asked; give profile=, as "
            "minicheck-t5"
        )
    found = _binary(get_profile(profile), profile, folder)
    backbone = read_backbone(folder, str(folder))
    answers = _answers(backbone.tokenizer, folder)
    weights = weights_file(folder)
    tensors = read_tensors(weights)
    last = tensors.pop("lm_head.weight", tensors.get("shared.weight"))
    if last is None:
        raise CheckpointError(f"{weights} is not a complete T5: missing keys: shared.weight")
    rows = last[list(answers)].float()
    if content.get("scale_decoder_outputs", content.get("tie_word_embeddings", True)):
        rows = rows * rows.shape[1] ** -0.5
    return parts_of(
        backbone,
        AlignerConfig(
            backbone=plain_config(backbone.config),
            pooling="first_decoded",
            heads=["bin"],
            profile=found.to_dict(),
        ),
        renamed(tensors, {"": "encoder.model."})
        | {"bin_layer.weight": rows, "bin_layer.bias": torch.zeros(2)},
        folder,
        weights,
    )


def read_hhem(
    folder: Path, content: Mapping[str, Any], *, backbone: str | Path | None, profile: str | None
) -> Parts:
    """Read HHEM-2.1-Open: T5's encoder, and a linear layer on the state of the first token.

    It is published with code, which is not run: its tensors' names and sizes say all that its
    architecture is.

    Args:
        folder: With its configuration and weights.
        content: What its `config.json` says.
        backbone: A folder with its tokenizer, or a name in the Hub's cache; where None, the folder
            itself or what the configuration names as `foundation`.
        profile: Name of a profile instead of `hhem`.

    Raises:
        ConfigurationError: A profile for another kind of model.
        CheckpointError: A file is missing or damaged.
        MissingResourceError: The tokenizer is not on this machine.
    """
    found = _binary(get_profile(profile or "hhem"), profile or "hhem", folder)
    weights = weights_file(folder)
    tensors = read_tensors(weights)
    if missing := sorted(_T5_SIZES - tensors.keys()):
        raise CheckpointError(
            f"{weights} is not a complete HHEM: missing keys: {', '.join(missing)}"
        )
    config = backbone_config(_t5_sizes(tensors))
    own = folder if any((folder / file).is_file() for file in TOKENIZER_FILES) else None
    place = find_folder(backbone or own or str(content.get("foundation") or FOUNDATION))
    tokenizer = load_tokenizer(place)
    return parts_of(
        Backbone(str(place), config, tokenizer, tokenizer_sha256(place, tokenizer)),
        AlignerConfig(
            backbone=plain_config(config),
            pooling="first_token",
            heads=["bin"],
            profile=found.to_dict(),
        ),
        renamed(tensors, {"t5.transformer.": "encoder.model.", "t5.classifier.": "bin_layer."}),
        folder,
        weights,
    )


def read_token_classifier(folder: Path, *, profile: str | None, label: str | None) -> Parts:
    """Read a classifier of a claim's tokens into supported ones and others.

    The difference of its two logits is the aligner's span head. A pair's score is one minus the
    largest probability that any of the claim's tokens is unsupported: a choice of this package,
    since such models are published for spans.

    Args:
        folder: With its configuration, weights and tokenizer.
        profile: Name of its profile, as `lettucedetect`.
        label: The class of supported tokens, by name or number; where None, by its name, else 0.

    Raises:
        ConfigurationError: No profile is given; there are not two classes.
        CheckpointError: A file is missing or damaged.
    """
    if profile is None:
        raise ConfigurationError(
            f"{folder} is a token classifier that does not say how it is meant to be run; give "
            "profile=, as lettucedetect"
        )
    found = _binary(get_profile(profile), profile, folder)
    backbone = read_backbone(folder, str(folder))
    config = backbone.config
    if config.num_labels != 2:
        raise ConfigurationError(
            f"{folder} has {config.num_labels} classes of tokens; one that finds unsupported "
            "tokens has 2"
        )
    supported = _supported_tokens(config.id2label, label, folder)
    weights = weights_file(folder)
    last = last_layer_of(config, WEAKEST_TOKEN, weights)
    tensors = read_tensors(weights)
    if missing := [n for n in (f"{last}.weight", f"{last}.bias") if n not in tensors]:
        raise CheckpointError(f"{weights} is not complete: missing keys: {', '.join(missing)}")
    weight, bias = (tensors.pop(f"{last}.{name}").float() for name in ("weight", "bias"))
    order = [1 - supported, supported]
    return parts_of(
        backbone,
        AlignerConfig(
            backbone=plain_config(config),
            pooling=WEAKEST_TOKEN,
            heads=["bin"],
            span_head=True,
            span_threshold=0.5,  # of two labels, the likelier
            profile=found.to_dict(),
        ),
        renamed(tensors, {"": "encoder.model."})
        | {
            "span_layer.weight": (weight[order[0]] - weight[order[1]]).unsqueeze(0),
            "span_layer.bias": (bias[order[0]] - bias[order[1]]).unsqueeze(0),
            # softmax([x, 0]) is what a token of the logit x is unsupported by, and is not.
            "bin_layer.weight": torch.tensor([[1.0], [0.0]]),
            "bin_layer.bias": torch.zeros(2),
        },
        folder,
        weights,
    )


def _binary(profile: Profile, name: str, folder: Path) -> Profile:
    """The profile, if it reads a binary head as these checkers have it."""
    if (profile.head, profile.supported) != ("bin", 1):
        raise ConfigurationError(
            f"the profile {name!r} reads the head {profile.head!r}, but {folder} says supported or "
            f"not; give profile=, one of: {', '.join(_binary_profiles())}"
        )
    return profile


def _binary_profiles() -> list[str]:
    return [name for name, values in PROFILES.items() if values.get("head") == "bin"]


def _answers(tokenizer: Tokenizer, folder: Path) -> tuple[int, int]:
    """The first token of "0" and of "1"."""
    backend = tokenizer.backend_tokenizer
    ids = [backend.encode(answer, add_special_tokens=False).ids[:1] for answer in ("0", "1")]
    known = [i for i in ids if i and i[0] not in _unknown(tokenizer)]
    if len(known) < 2 or known[0] == known[1]:
        raise ConfigurationError(
            f'the vocabulary of {folder} has no "1" and "0" that differ in their first token, so '
            "this T5 cannot answer with them; it is no checker as MiniCheck is"
        )
    return known[0][0], known[1][0]


def _unknown(tokenizer: Tokenizer) -> set[int]:
    """The ids of what a tokenizer has for a text that its vocabulary lacks."""
    content = json.loads(tokenizer.backend_tokenizer.to_str())["model"]
    token = content.get("unk_token")
    named = set() if token is None else {tokenizer.get_vocab().get(token, -1)}
    return named | {content[key] for key in ("unk_id",) if content.get(key) is not None}


def _supported_tokens(labels: Mapping[int, str], label: str | None, folder: Path) -> int:
    if label is not None:
        return class_number(labels, label, folder)
    named = supported_labels(labels)
    if len(named) > 1:
        raise ConfigurationError(
            f"{folder} has two labels that mean supported: {', '.join(labels.values())}; give "
            "label=, one of them"
        )
    return named[0] if named else 0


def _t5_sizes(tensors: Mapping[str, Tensor]) -> dict[str, Any]:
    """A T5 encoder's configuration as its tensors tell it; the rest is the same in all T5s."""
    block = "t5.transformer.encoder.block."
    attention = f"{block}0.layer.0.SelfAttention."
    buckets, heads = tensors[f"{attention}relative_attention_bias.weight"].shape
    gated = f"{block}0.layer.1.DenseReluDense.wi_0.weight" in tensors
    vocabulary, width = tensors["t5.transformer.shared.weight"].shape
    numbers = {name.split(".")[4] for name in tensors if name.startswith(block)}
    return {
        "model_type": "t5",
        "vocab_size": vocabulary,
        "d_model": width,
        "d_kv": len(tensors[f"{attention}q.weight"]) // heads,
        "d_ff": tensors[f"{block}0.layer.1.DenseReluDense.wo.weight"].shape[1],
        "num_layers": len(numbers),
        "num_heads": heads,
        "relative_attention_num_buckets": buckets,
        "feed_forward_proj": "gated-gelu" if gated else "relu",
    }


def _refuse_code(folder: Path, content: Mapping[str, Any]) -> None:
    """Refuse a checkpoint whose architecture is code that lies beside it."""
    from transformers import CONFIG_MAPPING

    if "auto_map" in content and content["model_type"] not in CONFIG_MAPPING:
        raise ConfigurationError(
            f"{folder} is a {content['model_type']!r} and needs code of its own (its "
            "configuration's auto_map), which is never run; give a checker whose architecture "
            "transformers has"
        )
