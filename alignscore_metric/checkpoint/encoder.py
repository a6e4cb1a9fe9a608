"""The encoders of BERT's family, under the names that their tensors have in transformers.

They compute what transformers' `BertModel`, `RobertaModel` and `XLMRobertaModel` do, for training
and as modules that `engine.packed` drives; to import those takes longer than to score hundreds of
pairs.

Source: Devlin et al. 2019, "BERT: Pre-training of Deep Bidirectional Transformers for Language
Understanding", NAACL; Liu et al. 2019, "RoBERTa".
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from functools import partial
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.functional import scaled_dot_product_attention

FAMILY = ("bert", "roberta", "xlm-roberta")
"""The `model_type`s; the last two number positions from the padding token's id on."""

ACTIVATIONS: dict[str, Callable[[], nn.Module]] = {
    "gelu": nn.GELU,
    "gelu_new": partial(nn.GELU, approximate="tanh"),
    "gelu_pytorch_tanh": partial(nn.GELU, approximate="tanh"),
    "relu": nn.ReLU,
    "silu": nn.SiLU,
}


@dataclass(frozen=True, kw_only=True)
class EncoderConfig:
    """Sizes of an encoder; names and defaults are those of transformers' configurations."""

    model_type: str
    vocab_size: int = 30522
    hidden_size: int = 768
    num_hidden_layers: int = 12
    num_attention_heads: int = 12
    intermediate_size: int = 3072
    hidden_act: str = "gelu"
    hidden_dropout_prob: float = 0.1
    attention_probs_dropout_prob: float = 0.1
    max_position_embeddings: int = 512
    type_vocab_size: int = 2
    initializer_range: float = 0.02
    layer_norm_eps: float = 1e-12
    pad_token_id: int

    @classmethod
    def of(cls, backbone: Mapping[str, Any]) -> EncoderConfig | None:
        """Read a backbone's configuration; None where it is of another kind.

        Args:
            backbone: As transformers writes it; what is absent has transformers' default.
        """
        kind = backbone.get("model_type")
        if kind not in FAMILY:
            return None
        defaults = {
            "vocab_size": 50265 if kind == "roberta" else 30522,
            "pad_token_id": int(kind != "bert"),
        }
        names = {field.name for field in fields(cls)}
        found = cls(**defaults | {key: backbone[key] for key in backbone.keys() & names})
        plain = backbone.get("position_embedding_type") in (None, "absolute")
        plain &= not (backbone.get("is_decoder") or backbone.get("add_cross_attention"))
        fits = found.hidden_act in ACTIVATIONS and found.pad_token_id is not None
        fits &= found.hidden_size % found.num_attention_heads == 0
        return found if plain and fits else None


class EncoderOutput(NamedTuple):
    """What an encoder says of N texts of L tokens.

    Attributes:
        last_hidden_state: Shape [N, L, H].
        pooler_output: Of the first token, shape [N, H]; None where there is no pooler.
    """

    last_hidden_state: Tensor
    pooler_output: Tensor | None


class Encoder(nn.Module):
    """An encoder of BERT's family.

    Args:
        config: Its sizes.
        pooler: Whether it has BERT's pooler (first token, dense, tanh).
    """

    def __init__(self, config: EncoderConfig, *, pooler: bool) -> None:
        """Build it with weights of any value; `initialise` makes them random."""
        super().__init__()
        self.config = config
        self.embeddings = _Embeddings(config)
        self.encoder = _Layers(config)
        self.pooler = _Pooler(config) if pooler else None

    def initialise(self) -> None:
        """Give random weights, as transformers does."""
        # First torch's own, as plain layers draw them: a seed gives the weights that it does there.
        for module in self.modules():
            if isinstance(module, _Linear):
                nn.Linear.reset_parameters(module)
            if isinstance(module, _Embedding):
                nn.Embedding.reset_parameters(module)
        for module in self.modules():
            initialise(module, self.config.initializer_range)

    def get_input_embeddings(self) -> nn.Embedding:
        """The embeddings of words."""
        return self.embeddings.word_embeddings

    def forward(
        self,
        input_ids: Tensor | None = None,
        attention_mask: Tensor | None = None,
        token_type_ids: Tensor | None = None,
        inputs_embeds: Tensor | None = None,
    ) -> EncoderOutput:
        """Run N texts, padded to L tokens.

        Args:
            input_ids: Token ids, shape [N, L]; or `inputs_embeds`.
            attention_mask: 1 for tokens, 0 for padding, shape [N, L]; all are tokens where None.
            token_type_ids: Token types, shape [N, L]; all 0 where None.
            inputs_embeds: Embeddings of words, shape [N, L, H].
        """
        states = self.embeddings(input_ids, token_type_ids, inputs_embeds)
        # Attention is faster without a mask.
        padded = attention_mask is not None and not bool(attention_mask.all())
        mask = attention_mask.bool()[:, None, None, :] if padded else None  # type: ignore[union-attr]
        for layer in self.encoder.layer:
            states = layer(states, mask)
        return EncoderOutput(states, None if self.pooler is None else self.pooler(states))


def initialise(module: nn.Module, spread: float) -> None:
    """Give a module's own weights their first values: normal ones, of such a standard deviation."""
    if isinstance(module, nn.Linear | nn.Embedding):
        nn.init.normal_(module.weight, std=spread)
    if isinstance(module, nn.Linear) and module.bias is not None:
        nn.init.zeros_(module.bias)
    if isinstance(module, nn.Embedding) and module.padding_idx is not None:
        nn.init.zeros_(module.weight[module.padding_idx])
    if isinstance(module, nn.LayerNorm):
        module.reset_parameters()


class _Linear(nn.Linear):
    """Without first values: those of a loaded encoder are read."""

    def reset_parameters(self) -> None:
        pass


class _Embedding(nn.Embedding):
    """Without first values; see `_Linear`."""

    def reset_parameters(self) -> None:
        pass


class _Embeddings(nn.Module):
    def __init__(self, config: EncoderConfig) -> None:
        super().__init__()
        width, padding = config.hidden_size, config.pad_token_id
        self.numbered_from_padding = config.model_type != "bert"
        self.word_embeddings = _Embedding(config.vocab_size, width, padding_idx=padding)
        if not self.numbered_from_padding:
            self.position_embeddings = _Embedding(config.max_position_embeddings, width)
        self.token_type_embeddings = _Embedding(config.type_vocab_size, width)
        self.LayerNorm = nn.LayerNorm(width, eps=config.layer_norm_eps)
        self.dropout = nn.Dropout(config.hidden_dropout_prob)
        if self.numbered_from_padding:  # last, where optimisers and seeds expect them
            self.position_embeddings = _Embedding(
                config.max_position_embeddings, width, padding_idx=padding
            )

    def forward(self, ids: Tensor | None, types: Tensor | None, words: Tensor | None) -> Tensor:
        """Shape [N, L, H], of ids or embeddings of words."""
        if words is None:
            words = self.word_embeddings(ids)
        if types is None:
            types = torch.zeros(1, dtype=torch.int64, device=words.device)
        positions = self.position_embeddings(self._positions(ids, words))
        states = words + self.token_type_embeddings(types) + positions
        return self.dropout(self.LayerNorm(states))  # type: ignore[no-any-return]

    def _positions(self, ids: Tensor | None, words: Tensor) -> Tensor:
        """Numbers of the positions, shape [N, L] or [L]."""
        places = torch.arange(words.shape[1], device=words.device)
        if not self.numbered_from_padding:
            return places
        padding = self.word_embeddings.padding_idx or 0
        if ids is None:
            return places + padding + 1
        real = (ids != padding).long()
        return real.cumsum(dim=1) * real + padding


class _Layers(nn.Module):
    def __init__(self, config: EncoderConfig) -> None:
        super().__init__()
        self.layer = nn.ModuleList(_Layer(config) for _ in range(config.num_hidden_layers))


class _Layer(nn.Module):
    def __init__(self, config: EncoderConfig) -> None:
        super().__init__()
        self.attention = _Attention(config)
        self.intermediate = _Intermediate(config)
        self.output = _Output(config.intermediate_size, config)

    def forward(self, states: Tensor, mask: Tensor | None) -> Tensor:
        """States [N, L, H] after the layer; `mask` as `scaled_dot_product_attention` takes it."""
        attended = self.attention(states, mask)
        return self.output(self.intermediate(attended), attended)  # type: ignore[no-any-return]


class _Attention(nn.Module):
    def __init__(self, config: EncoderConfig) -> None:
        super().__init__()
        self.self = _SelfAttention(config)
        self.output = _Output(config.hidden_size, config)

    def forward(self, states: Tensor, mask: Tensor | None) -> Tensor:
        return self.output(self.self(states, mask), states)  # type: ignore[no-any-return]


class _SelfAttention(nn.Module):
    def __init__(self, config: EncoderConfig) -> None:
        super().__init__()
        self.num_attention_heads = config.num_attention_heads
        self.query, self.key, self.value = (
            _Linear(config.hidden_size, config.hidden_size) for _ in range(3)
        )
        self.dropout = nn.Dropout(config.attention_probs_dropout_prob)

    def forward(self, states: Tensor, mask: Tensor | None) -> Tensor:
        queries, keys, values = (
            linear(states).unflatten(-1, (self.num_attention_heads, -1)).transpose(1, 2)
            for linear in (self.query, self.key, self.value)
        )
        if states.device.type == "cpu" and torch.is_grad_enabled():
            # The backward pass of torch's fused attention takes longer there than all the rest of
            # a step: with it, a step of 64 pairs of 40 tokens took 2.3 times as long.
            scores = queries @ keys.transpose(2, 3) / queries.shape[-1] ** 0.5
            if mask is not None:
                scores = scores.masked_fill(~mask, float("-inf"))
            found: Tensor = self.dropout(scores.softmax(dim=-1)) @ values
        else:
            dropped = self.dropout.p if self.training else 0.0
            found = scaled_dot_product_attention(queries, keys, values, mask, dropped)
        return found.transpose(1, 2).flatten(2)


class _Intermediate(nn.Module):
    def __init__(self, config: EncoderConfig) -> None:
        super().__init__()
        self.dense = _Linear(config.hidden_size, config.intermediate_size)
        self.intermediate_act_fn = ACTIVATIONS[config.hidden_act]()

    def forward(self, states: Tensor) -> Tensor:
        return self.intermediate_act_fn(self.dense(states))  # type: ignore[no-any-return]


class _Output(nn.Module):
    def __init__(self, width: int, config: EncoderConfig) -> None:
        super().__init__()
        self.dense = _Linear(width, config.hidden_size)
        self.LayerNorm = nn.LayerNorm(config.hidden_size, eps=config.layer_norm_eps)
        self.dropout = nn.Dropout(config.hidden_dropout_prob)

    def forward(self, states: Tensor, before: Tensor) -> Tensor:
        added = self.dropout(self.dense(states)) + before
        return self.LayerNorm(added)  # type: ignore[no-any-return]


class _Pooler(nn.Module):
    def __init__(self, config: EncoderConfig) -> None:
        super().__init__()
        self.dense = _Linear(config.hidden_size, config.hidden_size)

    def forward(self, states: Tensor) -> Tensor:
        """Of states [N, L, H], shape [N, H]."""
        return torch.tanh(self.dense(states[:, 0]))
