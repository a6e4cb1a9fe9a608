"""Published classifiers of any family but for their last layer: what an aligner's heads stand on.

The models are transformers' own, which is imported only where one is built. Owns what each kind of
classifier hands to its last layer, and which layer that is. Knows nothing of files and of texts.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from alignscore_metric.checkpoint.encoder import EncoderOutput
from alignscore_metric.checkpoint.foreign import backbone_config, quiet_transformers
from alignscore_metric.errors import ConfigurationError

if TYPE_CHECKING:
    from transformers import PreTrainedModel
    from transformers.configuration_utils import PreTrainedConfig

WEAKEST_TOKEN = "weakest_token"  # noqa: S105  # no password


class Body(nn.Module):
    """A model of transformers under an aligner's heads.

    Args:
        model: Whole; a subclass takes its last layer off.
    """

    def __init__(self, model: PreTrainedModel) -> None:
        """Keep the model and its configuration."""
        super().__init__()
        self.model: Any = model
        self.config: Any = model.config
        self.width = int(model.config.hidden_size)

    def forward(self, input_ids: Tensor, attention_mask: Tensor, **types: Tensor) -> EncoderOutput:
        """What the heads read of N texts of L tokens.

        Args:
            input_ids: Token ids, shape [N, L].
            attention_mask: 1 for tokens, 0 for padding, shape [N, L].
            **types: `token_type_ids`, where the model has them.

        Returns:
            A vector of each text, [N, W], in `pooler_output`, unless there is one of each token.
        """
        raise NotImplementedError

    def outdated(self, name: str) -> bool:
        """Whether a tensor's name is one that transformers leaves in older files unread."""
        patterns = getattr(self.model, "_keys_to_ignore_on_load_unexpected", None) or ()
        return any(re.search(pattern, name.removeprefix("model.")) for pattern in patterns)


class SequenceBody(Body):
    """A sequence classifier; its vectors are what its last layer reads."""

    def __init__(self, model: PreTrainedModel) -> None:
        """Take the last layer off."""
        super().__init__(model)
        self.width = _take_off(model, last_layer(model))

    def forward(self, input_ids: Tensor, attention_mask: Tensor, **types: Tensor) -> EncoderOutput:
        """See `Body`."""
        found: Tensor = self.model(input_ids, attention_mask=attention_mask, **types).logits
        return EncoderOutput(found.unsqueeze(1), found)


class TokenBody(Body):
    """A token classifier; its states are what its last layer reads."""

    def __init__(self, model: PreTrainedModel) -> None:
        """Take the last layer off."""
        super().__init__(model)
        self.width = _take_off(model, last_layer(model))

    def forward(self, input_ids: Tensor, attention_mask: Tensor, **types: Tensor) -> EncoderOutput:
        """See `Body`."""
        return EncoderOutput(
            self.model(input_ids, attention_mask=attention_mask, **types).logits, None
        )


class FirstTokenBody(Body):
    """T5's encoder; its vector is the last state of the first token."""

    def forward(self, input_ids: Tensor, attention_mask: Tensor, **types: Tensor) -> EncoderOutput:
        """See `Body`."""
        states: Tensor = self.model(input_ids, attention_mask=attention_mask).last_hidden_state
        return EncoderOutput(states, states[:, 0])


class FirstDecodedBody(Body):
    """T5's encoder and decoder; its vector is what the first decoded token is chosen by."""

    def forward(self, input_ids: Tensor, attention_mask: Tensor, **types: Tensor) -> EncoderOutput:
        """See `Body`."""
        start = input_ids.new_full((len(input_ids), 1), self.config.decoder_start_token_id or 0)
        found = self.model(
            input_ids, attention_mask=attention_mask, decoder_input_ids=start, use_cache=False
        )
        return EncoderOutput(found.encoder_last_hidden_state, found.last_hidden_state[:, 0])


BODIES: Mapping[str, type[Body]] = {
    "classifier": SequenceBody,
    WEAKEST_TOKEN: TokenBody,
    "first_token": FirstTokenBody,
    "first_decoded": FirstDecodedBody,
}
"""By the pooling of an aligner that stands on them."""


def build_body(
    backbone: Mapping[str, Any], pooling: str, tensors: Mapping[str, Tensor] | None = None
) -> Body:
    """A body with weights.

    Args:
        backbone: Its configuration, with a `model_type`.
        pooling: One of `BODIES`.
        tensors: By the body's own names; where None, the weights are random.

    Raises:
        ConfigurationError: transformers has no such model of this type.
    """
    config = backbone_config(backbone)
    kind = _model_class(config, pooling)
    with quiet_transformers():
        if tensors is None:
            return BODIES[pooling](kind(config))
        model, _ = kind.from_pretrained(
            None,
            config=config,
            state_dict={name.removeprefix("model."): value for name, value in tensors.items()},
            dtype=torch.float32,
            output_loading_info=True,
            ignore_mismatched_sizes=True,  # `Aligner.from_tensors` names them
        )
    return BODIES[pooling](model)


def last_layer(model: nn.Module) -> str:
    """The name of a classifier's last layer, a linear one with an output for each class.

    Raises:
        ConfigurationError: There is none.
    """
    classes = getattr(model.config, "num_labels", None)
    for name, module in reversed(list(model.named_modules())):
        if isinstance(module, nn.Linear) and module.out_features == classes:
            return str(name)
    raise ConfigurationError(
        f"{type(model).__name__} does not end with a linear layer of {classes} classes, so it "
        "cannot be read"
    )


def whole_model(config: PreTrainedConfig, pooling: str) -> nn.Module:
    """The whole model that a body is made of, without weights: its names and its sizes.

    Raises:
        ConfigurationError: transformers has no such model of this type.
    """
    kind = _model_class(config, pooling)
    with quiet_transformers(), torch.device("meta"):
        return kind(config)  # type: ignore[no-any-return]


def _model_class(config: PreTrainedConfig, pooling: str) -> Any:  # noqa: ANN401  # a class
    """Transformers' class of a model."""
    import transformers

    if pooling == "first_token":
        return transformers.T5EncoderModel
    if pooling == "first_decoded":
        return transformers.T5Model
    known = (
        transformers.MODEL_FOR_SEQUENCE_CLASSIFICATION_MAPPING
        if pooling == "classifier"
        else transformers.MODEL_FOR_TOKEN_CLASSIFICATION_MAPPING
    )
    if type(config) not in known:
        kind = "sequence" if pooling == "classifier" else "token"
        raise ConfigurationError(
            f"transformers has no {kind} classifier of the type {config.model_type!r}"
        )
    return known[type(config)]


def _take_off(model: nn.Module, name: str) -> int:
    """Let a layer pass on what it reads; returns how many numbers that are."""
    layer = model.get_submodule(name)
    model.set_submodule(name, nn.Identity())
    return int(layer.in_features)  # type: ignore[arg-type]
