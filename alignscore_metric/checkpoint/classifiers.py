"""Aligners as plain classifiers of transformers, and such classifiers as aligners.

A sequence classifier of the BERT family is an encoder, a pooler and one linear head: an aligner of
one head, under other names. Owns those names; both directions are exact. One of another family is
read as an aligner on a body (see `bodies`), and not written.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from torch import Tensor

from alignscore_metric.checkpoint.aligner import Aligner, AlignerConfig
from alignscore_metric.checkpoint.backbones import Backbone, read_backbone
from alignscore_metric.checkpoint.bodies import last_layer, whole_model
from alignscore_metric.checkpoint.checks import check_bounds
from alignscore_metric.checkpoint.foreign import backbone_config
from alignscore_metric.checkpoint.labels import aligned_order, class_number, classifier_profile
from alignscore_metric.checkpoint.parts import Parts
from alignscore_metric.checkpoint.profile import CLASSES, SUPPORTED_CLASS, Profile
from alignscore_metric.checkpoint.weights import read_tensors
from alignscore_metric.errors import CheckpointError, ConfigurationError
from alignscore_metric.system.hashing import sha256

if TYPE_CHECKING:
    from transformers.configuration_utils import PreTrainedConfig

LABELS: dict[str, list[str]] = {
    "bin": ["not_entailment", "entailment"],
    "tri": ["entailment", "neutral", "contradiction"],
}
"""Names of a head's classes, as NLI models call them: "aligned" is the entailment."""

PROFILE_KEY = "alignscore_profile"
"""Where the configuration of a converted classifier keeps its profile."""

_ROBERTA = {
    "roberta.": "encoder.",
    "classifier.dense.": "encoder.pooler.dense.",
    "classifier.out_proj.": "head.",
}
_DEBERTA = {"deberta.": "encoder.", "pooler.": "pooler.", "classifier.": "head."}
LAYOUTS: dict[str, dict[str, str]] = {
    "roberta": _ROBERTA,
    "xlm-roberta": _ROBERTA,
    "bert": {"bert.": "encoder.", "classifier.": "head."},
    "albert": {"albert.": "encoder.", "classifier.": "head."},
    "deberta": _DEBERTA,
    "deberta-v2": _DEBERTA,
}
"""By `model_type`, how a classifier's tensors begin, and an aligner's; `head.` is its one head."""


def read_classifier(folder: Path, *, profile: str | None = None, label: str | None = None) -> Parts:
    """Read the folder of a sequence classifier: configuration, weights, tokenizer.

    Args:
        folder: With `model.safetensors` or `pytorch_model.bin` (read without unpickling objects).
        profile: Name of the profile of a published checker; where None, the profile that a
            converted aligner's configuration holds, or that of a classifier of entailment.
        label: The class that means "supported", by name or number; where None, its labels say it.

    Raises:
        ConfigurationError: Nothing says how it is meant to be run, or which class means
            "supported"; an architecture that cannot be an aligner.
        CheckpointError: A file is missing or damaged.
    """
    backbone = read_backbone(folder, str(folder))
    config = backbone.config
    found = _profile(config, folder, profile, label)
    if CLASSES[found.head] != config.num_labels:
        raise ConfigurationError(
            f"{folder} has {config.num_labels} classes; a profile with the head {found.head!r} "
            f"needs {CLASSES[found.head]}"
        )
    weights = weights_file(folder)
    pooling, names = _names(config, found.head, weights)
    tensors = {
        name: tensor
        for name, tensor in read_tensors(weights).items()
        if not name.endswith(".position_ids")
    }
    order = aligned_order(config.id2label, found)
    if profile is None and label is None and hasattr(config, PROFILE_KEY):
        order = list(range(config.num_labels))  # an aligner's own
    return parts_of(
        backbone,
        AlignerConfig(
            backbone=plain_config(config),
            pooling=pooling,
            heads=[found.head],
            profile=replace(found, supported=order.index(found.supported)).to_dict(),
        ),
        _ordered(renamed(tensors, names), found.head, order),
        folder,
        weights,
    )


def _ordered(tensors: dict[str, Tensor], head: str, order: Sequence[int]) -> dict[str, Tensor]:
    """Tensors with a head's classes in another order."""
    rows = {
        name: tensors[name][list(order)]
        for name in (f"{head}_layer.weight", f"{head}_layer.bias")
        if name in tensors and list(order) != sorted(order)
    }
    return tensors | rows


def parts_of(
    backbone: Backbone,
    config: AlignerConfig,
    tensors: Mapping[str, Tensor],
    folder: Path,
    weights: Path,
) -> Parts:
    """A published checker's parts, named by its folder."""
    return Parts(
        name=folder.resolve().name,
        config=config,
        tensors=tensors,
        tokenizer=backbone.tokenizer,
        weights=weights,
        weights_sha256=sha256(weights),
        tokenizer_sha256=backbone.tokenizer_sha256,
    )


def classifier_of(aligner: Aligner) -> tuple[PreTrainedConfig, dict[str, Tensor]]:
    """An aligner with the head that its profile reads, as a sequence classifier.

    Args:
        aligner: With the backbone's own pooler.

    Returns:
        The classifier's configuration, which holds the profile too, and its tensors.

    Raises:
        ConfigurationError: No sequence classifier computes the same as this aligner.
    """
    config, profile = aligner.config, aligner.profile
    model_type = config.backbone["model_type"]
    for name, value, possible in (
        ("head", profile.head, tuple(LABELS)),
        ("template", profile.template, ("pair",)),
        ("pooling", config.pooling, ("pooler", "context")),
        ("copied_ngrams", config.copied_ngrams, (0,)),
        ("backbone", model_type, tuple(LAYOUTS)),
        ("supported", profile.supported, (SUPPORTED_CLASS.get(profile.head),)),
    ):
        if value not in possible:
            raise ConfigurationError(
                f"no classifier of (text, claim) pairs equals this aligner: its {name} is "
                f"{value!r}; possible: {', '.join(map(str, possible))}"
            )
    labels = LABELS[profile.head]
    names = {ours: theirs for theirs, ours in _layout(model_type, profile.head).items()}
    other = tuple(f"{head}_layer." for head in CLASSES if head != profile.head)
    tensors = {k: v for k, v in aligner.state_dict().items() if not k.startswith(other)}
    classifier = backbone_config(
        config.backbone
        | {
            "architectures": [_class_name(model_type)],
            "id2label": dict(enumerate(labels)),
            "label2id": {label: index for index, label in enumerate(labels)},
            "problem_type": "single_label_classification",
            PROFILE_KEY: profile.to_dict(),
        }
    )
    return classifier, renamed(tensors, names)


def _profile(
    config: PreTrainedConfig, folder: Path, name: str | None, label: str | None
) -> Profile:
    own = getattr(config, PROFILE_KEY, None)
    if name is not None or own is None:
        return classifier_profile(config.id2label, profile=name, label=label, folder=folder)
    found = Profile.from_dict(own)
    if label is None:
        return found
    return replace(found, supported=class_number(config.id2label, label, folder))


def last_layer_of(config: PreTrainedConfig, pooling: str, weights: Path) -> str:
    """The name of the last layer of a classifier of any family.

    Raises:
        ConfigurationError: transformers has no such classifier, or it ends in another way.
        CheckpointError: Its configuration asks for too large a model.
    """
    check_bounds(config, weights)
    return last_layer(whole_model(config, pooling))


def _names(config: PreTrainedConfig, head: str, weights: Path) -> tuple[str, dict[str, str]]:
    """An aligner's pooling, and how a classifier's tensors begin, and the aligner's."""
    if config.model_type in LAYOUTS:
        pooling = "context" if config.model_type.startswith("deberta") else "pooler"
        return pooling, _layout(config.model_type, head)
    last = last_layer_of(config, "classifier", weights)
    return "classifier", {"": "encoder.model.", f"{last}.": f"{head}_layer."}


def _layout(model_type: str, head: str) -> dict[str, str]:
    layout = LAYOUTS[model_type]
    return {theirs: ours.replace("head.", f"{head}_layer.") for theirs, ours in layout.items()}


def renamed(tensors: Mapping[str, Tensor], names: Mapping[str, str]) -> dict[str, Tensor]:
    """Tensors under other names, by the longest beginning that is known; others as they are."""
    beginnings = sorted(names, key=len, reverse=True)
    renamed: dict[str, Tensor] = {}
    for name, tensor in tensors.items():
        start = next((b for b in beginnings if name.startswith(b)), None)
        new = name if start is None else names[start] + name[len(start) :]
        if new in renamed:
            raise CheckpointError(f"two tensors claim to be {new!r}; one of them is {name!r}")
        renamed[new] = tensor
    return renamed


def plain_config(config: PreTrainedConfig) -> dict[str, object]:
    """A classifier's configuration as its backbone's: without labels and profile."""
    dropped = {"architectures", "auto_map", "id2label", "label2id", "problem_type", PROFILE_KEY}
    return {key: value for key, value in config.to_dict().items() if key not in dropped}


def weights_file(folder: Path) -> Path:
    """The file in a folder that holds its weights.

    Raises:
        CheckpointError: There is none.
    """
    for name in ("model.safetensors", "pytorch_model.bin"):
        if (folder / name).is_file():
            return folder / name
    raise CheckpointError(f"{folder} has no model.safetensors and no pytorch_model.bin")


def _class_name(model_type: str) -> str:
    from transformers.models.auto.modeling_auto import (
        MODEL_FOR_SEQUENCE_CLASSIFICATION_MAPPING_NAMES as NAMES,
    )

    return str(NAMES[model_type])
