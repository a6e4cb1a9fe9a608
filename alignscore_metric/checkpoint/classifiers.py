"""Aligners as plain classifiers of transformers, and such classifiers as aligners.

A sequence classifier of the BERT family is an encoder, a pooler and one linear head: an aligner of
one head, under other names. Owns those names; both directions are exact.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from torch import Tensor

from alignscore_metric.checkpoint.aligner import Aligner, AlignerConfig
from alignscore_metric.checkpoint.backbones import find_backbone
from alignscore_metric.checkpoint.foreign import backbone_config
from alignscore_metric.checkpoint.parts import Parts
from alignscore_metric.checkpoint.profile import CLASSES, PROFILES, Profile, get_profile
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


def read_classifier(folder: Path, *, profile: str | None = None) -> Parts:
    """Read the folder of a sequence classifier: configuration, weights, tokenizer.

    Args:
        folder: With `model.safetensors` or `pytorch_model.bin` (read without unpickling objects).
        profile: Name of the profile of a published checker; where None, the profile that a
            converted aligner's configuration holds.

    Raises:
        ConfigurationError: No profile is given or known, or it does not fit the classes; an
            architecture that cannot be an aligner.
        CheckpointError: A file is missing or damaged.
    """
    backbone = find_backbone(folder)
    config = backbone.config
    found = _profile(config, folder, profile)
    if CLASSES[found.head] != config.num_labels:
        raise ConfigurationError(
            f"{folder} has {config.num_labels} classes; a profile with the head {found.head!r} "
            f"needs {CLASSES[found.head]}"
        )
    names = _layout(config.model_type, found.head)
    weights = _weights_file(folder)
    tensors = {
        name: tensor
        for name, tensor in read_tensors(weights).items()
        if not name.endswith(".position_ids")
    }
    return Parts(
        name=folder.resolve().name,
        config=AlignerConfig(
            backbone=_plain(config),
            pooling="context" if config.model_type.startswith("deberta") else "pooler",
            heads=[found.head],
            profile=found.to_dict(),
        ),
        tensors=_renamed(tensors, names),
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
    return classifier, _renamed(tensors, names)


def is_classifier(config: Mapping[str, Any]) -> bool:
    """Whether a `config.json` is that of a sequence classifier."""
    names = config.get("architectures") or ()
    return any(str(name).endswith("ForSequenceClassification") for name in names)


def _profile(config: PreTrainedConfig, folder: Path, name: str | None) -> Profile:
    if name is not None:
        return get_profile(name)
    own = getattr(config, PROFILE_KEY, None)
    if own is None:
        raise ConfigurationError(
            f"{folder} is a classifier that does not say how it is meant to be run; give "
            f"profile=, one of: {', '.join(PROFILES)}"
        )
    return Profile.from_dict(own)


def _layout(model_type: str, head: str) -> dict[str, str]:
    if model_type not in LAYOUTS:
        raise ConfigurationError(
            f"a {model_type!r} classifier cannot be read as an aligner; known: {', '.join(LAYOUTS)}"
        )
    layout = LAYOUTS[model_type]
    return {theirs: ours.replace("head.", f"{head}_layer.") for theirs, ours in layout.items()}


def _renamed(tensors: Mapping[str, Tensor], names: Mapping[str, str]) -> dict[str, Tensor]:
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


def _plain(config: PreTrainedConfig) -> dict[str, object]:
    """A classifier's configuration as its backbone's: without labels and profile."""
    dropped = {"architectures", "id2label", "label2id", "problem_type", PROFILE_KEY}
    return {key: value for key, value in config.to_dict().items() if key not in dropped}


def _weights_file(folder: Path) -> Path:
    for name in ("model.safetensors", "pytorch_model.bin"):
        if (folder / name).is_file():
            return folder / name
    raise CheckpointError(f"{folder} has no model.safetensors and no pytorch_model.bin")


def _class_name(model_type: str) -> str:
    from transformers.models.auto.modeling_auto import (
        MODEL_FOR_SEQUENCE_CLASSIFICATION_MAPPING_NAMES as NAMES,
    )

    return str(NAMES[model_type])
