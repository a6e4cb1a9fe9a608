"""The ALIGN model: one encoder, linear heads on one pooled vector. Knows nothing of texts.

Source: Zha et al. 2023, "Text Alignment Is An Efficient Unified Model for Massive NLP Tasks".
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any, Literal, NamedTuple, overload

import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from alignscore_metric.checkpoint.bodies import BODIES, WEAKEST_TOKEN, build_body
from alignscore_metric.checkpoint.encoder import Encoder, EncoderConfig, initialise
from alignscore_metric.checkpoint.foreign import context_pooler, foreign_encoder
from alignscore_metric.checkpoint.profile import CLASSES, SUPPORTED_CLASS, Profile
from alignscore_metric.checkpoint.weights import WEIGHTS, read_tensors
from alignscore_metric.errors import CheckpointError, ConfigurationError

POOLINGS = ("pooler", "claim_mean", "claim_attention", "context", *BODIES)
CLAIM_POOLINGS = ("claim_mean", "claim_attention")

CONFIG = "config.json"

SPREAD = 0.02
"""Standard deviation of the first values of what stands on the encoder, as transformers has it."""

LEGACY = {"LayerNorm.gamma": "LayerNorm.weight", "LayerNorm.beta": "LayerNorm.bias"}
"""Names that the first BERTs' tensors have, and today's."""


class AlignerConfig:
    """Configuration of an `Aligner`; it is written as transformers writes its own.

    Args:
        backbone: The encoder's own configuration as a dict with its `model_type`.
        pooling: `pooler` is the backbone's pooler output (first token, dense, tanh: what ALIGN
            uses); `claim_mean` is the mean of the last hidden states over the claim's tokens;
            `claim_attention` is that mean behind one weighted by a learned softmax, so that the
            heads see the tokens that matter and all of them; `context` is DeBERTa's pooler (first
            token, dense, gelu), which its backbone leaves to the model on top. Published
            checkers of other families (see `bodies`) have `classifier`, what transformers'
            sequence classifier hands to its last layer; `first_token`, the state of T5's first
            token; `first_decoded`, that of its first decoded token; `weakest_token`, one number,
            the largest of the span head's logits over the claim's tokens.
        copied_ngrams: Longest run of tokens, N >= 0, that the model is told of: each token's
            embedding says how long a run around it (up to N) stands in the other text too, and
            the heads of a claim pooling read the share of the claim in runs of 1, 2 ... N. 0, as
            in ALIGN, tells it nothing.
        heads: Which of `bin`, `tri` and `reg` the model has. ALIGN has all three; a checker that
            was trained as a plain classifier has one.
        head_dropout: Dropout before `bin` and `tri` in training, in [0, 1).
        span_head: Whether the model has a head on each of the claim's tokens too, which says
            whether the text leaves it unsupported; see `Aligner.forward`.
        span_threshold: What that head's probability of a word must exceed for it to be shown as
            unsupported, in (0, 1); where None, `alignscore_metric.engine.spans.SPAN_THRESHOLD`.
        profile: A `Profile` as a dict.
        folded: What was folded into the head's weights, see `training.folding`; for readers alone.
        dtype: In which numbers the weights are saved; for readers alone.
        architectures: The class that the weights are of; for readers alone.
        **others: Left out: what a configuration file says beside these.
    """

    model_type = "aligner"

    def __init__(
        self,
        backbone: dict[str, Any] | None = None,
        pooling: str = "pooler",
        heads: Sequence[str] = tuple(CLASSES),
        head_dropout: float = 0.1,
        copied_ngrams: int = 0,
        span_head: bool = False,
        span_threshold: float | None = None,
        profile: dict[str, Any] | None = None,
        folded: dict[str, Any] | None = None,
        dtype: str | None = None,
        architectures: Sequence[str] | None = None,
        **others: object,
    ) -> None:
        """Check the pooling, the heads and the profile; see the class for the arguments."""
        if pooling not in POOLINGS:
            raise ConfigurationError(f"pooling is {pooling!r}; known: {', '.join(POOLINGS)}")
        if not heads or not set(heads) <= set(CLASSES):
            raise ConfigurationError(f"heads are {heads!r}; known: {', '.join(CLASSES)}")
        if type(copied_ngrams) is not int or copied_ngrams < 0:
            raise ConfigurationError(f"copied_ngrams is {copied_ngrams!r}; give a number >= 0")
        if type(span_head) is not bool:
            raise ConfigurationError(f"span_head is {span_head!r}; give true or false")
        if span_threshold is not None and not 0 < span_threshold < 1:
            raise ConfigurationError(f"span_threshold is {span_threshold!r}; give one in (0, 1)")
        if pooling == WEAKEST_TOKEN and not span_head:
            raise ConfigurationError(f"the pooling {pooling!r} reads a span head: give span_head")
        # A folder of the machine that trained it says nothing to anybody else.
        self.backbone = dict(backbone or {"model_type": "roberta"}) | {"_name_or_path": ""}
        self.pooling = pooling
        self.heads = list(heads)
        self.head_dropout = head_dropout
        self.copied_ngrams = copied_ngrams
        self.span_head = span_head
        self.span_threshold = span_threshold
        self.profile = Profile.from_dict(profile or {}).to_dict()
        self.folded = folded
        self.dtype = dtype
        self.architectures = architectures

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> AlignerConfig:
        """What `to_dict` gave."""
        return cls(**values)

    @classmethod
    def from_pretrained(cls, folder: str | Path) -> AlignerConfig:
        """Read what `save_pretrained` wrote."""
        return cls.from_dict(json.loads((Path(folder) / CONFIG).read_text(encoding="utf-8")))

    def to_dict(self) -> dict[str, Any]:
        """Everything that is not None, with the model's type."""
        values = {key: value for key, value in vars(self).items() if value is not None}
        return values | {"model_type": self.model_type}

    def save_pretrained(self, folder: str | Path) -> None:
        """Write `config.json`, in transformers' form and for its version."""
        content = self.to_dict() | {"transformers_version": version("transformers")}
        text = json.dumps(content, indent=2, sort_keys=True) + "\n"
        (Path(folder) / CONFIG).write_text(text, encoding="utf-8")


class AlignerOutput(NamedTuple):
    """What the heads say of a batch of N pairs.

    Attributes:
        bin: Logits, shape [N, 2]; class 1 = aligned.
        tri: Logits, shape [N, 3]; 0 = aligned, 1 = neutral, 2 = contradict.
        reg: Raw degree of alignment, shape [N]; trained towards [0, 1] but unbounded.

    A head that the model does not have gives shape [N, 0].
    """

    bin: Tensor
    tri: Tensor
    reg: Tensor


class Aligner(nn.Module):
    """Encoder with some of the heads `bin`, `tri` and `reg`; `width` is of what these read.

    Loading is strict: a tensor that is missing, left over (but for `*.position_ids`, which older
    transformers saved) or of another shape is an error, and pickled weights are refused.
    """

    def __init__(self, config: AlignerConfig, encoder: nn.Module | None = None) -> None:
        """Build the model with random weights.

        Args:
            config: The architecture and the profile.
            encoder: The backbone, whose weights stay; a random one where None.
        """
        super().__init__()
        self.config = config
        body: Any = _random_encoder(config) if encoder is None else encoder
        self.encoder = body
        backbone: Any = body.config
        state: int = body.width if config.pooling in BODIES else backbone.hidden_size
        width = state
        if config.pooling == "claim_attention":
            self.attention = nn.Linear(backbone.hidden_size, 1)
            width *= 2
        if config.pooling in CLAIM_POOLINGS:
            width += config.copied_ngrams
        if config.pooling == WEAKEST_TOKEN:
            width = 1
        if config.copied_ngrams:
            self.copied_embeddings = nn.Embedding(config.copied_ngrams + 1, backbone.hidden_size)
        if config.pooling == "context":
            self.pooler = context_pooler(backbone)
        self.width = width
        self.dropout = nn.Dropout(config.head_dropout)
        for head in config.heads:
            self.add_module(f"{head}_layer", nn.Linear(width, CLASSES[head]))
        if config.span_head:
            self.span_layer = nn.Linear(state, 1)
        for name, part in self.named_children():
            if name != "encoder":
                part.apply(lambda module: initialise(module, SPREAD))

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        return next(self.parameters()).device

    @property
    def profile(self) -> Profile:
        """How this checkpoint's scores are made."""
        return Profile.from_dict(self.config.profile)

    @property
    def reads_claim(self) -> bool:
        """Whether the model must be told which tokens are the claim's."""
        config = self.config
        return config.pooling in CLAIM_POOLINGS or config.copied_ngrams > 0 or config.span_head

    @property
    def positions(self) -> float:
        """Most tokens that a pair may have; infinite where positions are relative alone."""
        backbone = self.encoder.config
        if not getattr(backbone, "position_biased_input", True):
            return math.inf
        most = getattr(backbone, "max_position_embeddings", None)
        if most is None:  # T5
            return math.inf
        # RoBERTa's and MPNet's embeddings number the positions from the padding token's id on.
        family = any(name in backbone.model_type for name in ("roberta", "mpnet"))
        offset = backbone.pad_token_id + 1 if family else 0
        return float(most - offset)

    @overload
    def forward(
        self,
        input_ids: Tensor,
        attention_mask: Tensor,
        token_type_ids: Tensor | None = None,
        *,
        spans: Literal[False] = False,
    ) -> AlignerOutput: ...

    @overload
    def forward(
        self,
        input_ids: Tensor,
        attention_mask: Tensor,
        token_type_ids: Tensor | None = None,
        *,
        spans: Literal[True],
    ) -> tuple[AlignerOutput, Tensor]: ...

    def forward(
        self,
        input_ids: Tensor,
        attention_mask: Tensor,
        token_type_ids: Tensor | None = None,
        *,
        spans: bool = False,
    ) -> AlignerOutput | tuple[AlignerOutput, Tensor]:
        """Run a batch of pairs through the encoder and the heads.

        Args:
            input_ids: Token ids, shape [N, L].
            attention_mask: 1 for tokens, 0 for padding, shape [N, L].
            token_type_ids: 1 for the claim's tokens, shape [N, L]; for backbones that have token
                types, and for an aligner that `reads_claim`.
            spans: Read the span head too.

        Returns:
            The logits of each head, in float32; with `spans` beside them a logit for each token,
            float32, shape [N, L]: above 0 where the text does not support it. Only those of the
            claim's tokens mean anything.

        Raises:
            ConfigurationError: `spans` of an aligner without that head.
        """
        if not spans:
            return self.heads(self.pool(input_ids, attention_mask, token_type_ids))
        pooled, logits = self.pool_with_spans(input_ids, attention_mask, token_type_ids)
        return self.heads(pooled), logits

    def span_logits(self, states: Tensor) -> Tensor:
        """A logit for each of states [..., H], above 0 where the text leaves a token unsupported.

        Raises:
            ConfigurationError: The aligner has no span head.
        """
        if not self.config.span_head:
            raise ConfigurationError(
                "this aligner has no span head: train one with `span_head: true` in the recipe"
            )
        logits: Tensor = self.span_layer(states).squeeze(-1).float()
        return logits

    def heads(self, pooled: Tensor) -> AlignerOutput:
        """What the heads say of pooled vectors, shape [N, W], as `pool` gives them."""
        dropped = self.dropout(pooled)
        return AlignerOutput(
            bin=self._logits("bin", dropped),
            tri=self._logits("tri", dropped),
            reg=self._logits("reg", pooled).squeeze(-1),
        )

    def pool(
        self, input_ids: Tensor, attention_mask: Tensor, token_type_ids: Tensor | None = None
    ) -> Tensor:
        """The vector of each pair that the heads read, shape [N, W]; arguments as `forward`.

        W is the backbone's hidden size H but for claim poolings; see `AlignerConfig`.
        """
        encoded, copied = self._encoded(input_ids, attention_mask, token_type_ids)
        return self._pooled(encoded, attention_mask, token_type_ids, copied)

    def pool_with_spans(
        self, input_ids: Tensor, attention_mask: Tensor, token_type_ids: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """What `pool` gives, and the span head's logits as `forward` gives them."""
        encoded, copied = self._encoded(input_ids, attention_mask, token_type_ids)
        pooled = self._pooled(encoded, attention_mask, token_type_ids, copied)
        return pooled, self.span_logits(encoded.last_hidden_state)

    def _encoded(
        self, input_ids: Tensor, attention_mask: Tensor, token_type_ids: Tensor | None
    ) -> tuple[Any, Tensor | None]:
        """The encoder's output, and how much of each token is copied where the model is told."""
        texts, copied = {"input_ids": input_ids}, None
        if self.config.copied_ngrams:
            claim = _claim(attention_mask, token_type_ids)
            longest = self.config.copied_ngrams
            copied = copied_ngrams(input_ids, attention_mask, claim, longest=longest)
            words = self.encoder.get_input_embeddings()(input_ids)
            texts = {"inputs_embeds": words + self.copied_embeddings(copied)}
        return self.encode(attention_mask, token_type_ids, **texts), copied

    def _pooled(
        self,
        encoded: Any,  # noqa: ANN401  # the encoder's own output
        attention_mask: Tensor,
        token_type_ids: Tensor | None,
        copied: Tensor | None,
    ) -> Tensor:
        """What `pool` gives, of the encoder's output."""
        if self.config.pooling == "context":
            return self.pooler(encoded.last_hidden_state)  # type: ignore[no-any-return]
        if self.config.pooling not in (*CLAIM_POOLINGS, WEAKEST_TOKEN):
            return encoded.pooler_output  # type: ignore[no-any-return]
        claim = _claim(attention_mask, token_type_ids)
        if self.config.pooling == WEAKEST_TOKEN:
            logits = self.span_logits(encoded.last_hidden_state)
            ends = attention_mask.sum(dim=1, keepdim=True) - 1
            inside = claim.scatter(1, ends, 0)  # without the special token at its end
            return logits.masked_fill(inside == 0, -1e4).amax(dim=1, keepdim=True)
        return self.pool_claim(encoded.last_hidden_state, claim.float(), copied)

    def encode(self, attention_mask: Tensor, token_type_ids: Tensor | None, **texts: Tensor) -> Any:  # noqa: ANN401  # the encoder's own output
        """Run the encoder, which is told of token types only where it has them.

        Args:
            attention_mask: As `forward`.
            token_type_ids: As `forward`.
            **texts: `input_ids`, or `inputs_embeds` of shape [N, L, H].
        """
        typed = (
            token_type_ids is not None and getattr(self.encoder.config, "type_vocab_size", 0) > 1
        )
        types = {"token_type_ids": token_type_ids} if typed else {}
        return self.encoder(**texts, attention_mask=attention_mask, **types)

    def pool_claim(self, states: Tensor, claim: Tensor, copied: Tensor | None) -> Tensor:
        """What of states [N, L, H] a claim pooling passes on, shape [N, W].

        Args:
            states: Last hidden states of the claim's tokens, with or without the context's.
            claim: 1.0 for the claim's tokens, with its last special token, shape [N, L].
            copied: What `copied_ngrams` gave for these tokens, if the model is told, shape [N, L].
        """
        even = claim / claim.sum(dim=1, keepdim=True).clamp(min=1)
        parts = [_weighted(states, even)]
        if self.config.pooling == "claim_attention":
            scores = self.attention(states).squeeze(-1).float()
            weights = torch.softmax(scores.masked_fill(claim == 0, -1e4), dim=1)
            parts.insert(0, _weighted(states, weights))
        if copied is not None:
            lengths = torch.arange(1, self.config.copied_ngrams + 1, device=copied.device)
            runs = (copied.unsqueeze(-1) >= lengths).to(even.dtype)
            parts.append(_weighted(runs, even))
        return torch.cat([part.to(parts[0].dtype) for part in parts], dim=1)

    def _logits(self, head: str, pooled: Tensor) -> Tensor:
        """Logits of one head in float32, shape [N, classes]; [N, 0] where the model has none."""
        if head not in self.config.heads:
            return pooled.new_empty(len(pooled), 0)
        logits: Tensor = getattr(self, f"{head}_layer")(pooled).float()
        return logits

    @classmethod
    def from_tensors(
        cls, config: AlignerConfig, tensors: Mapping[str, Tensor], *, origin: str
    ) -> Aligner:
        """Build an aligner around tensors, strictly; those in float32 already are not copied.

        Args:
            config: The architecture and the profile.
            tensors: Weights by this class's own names.
            origin: The file or folder they came from, for the error.

        Returns:
            The model in float32, in evaluation mode, on the CPU.

        Raises:
            CheckpointError: A tensor is missing, unexpected, or has the wrong shape.
        """
        found = {
            _today(name): tensor.float()
            for name, tensor in tensors.items()
            if not name.endswith(".position_ids")
        }
        if config.pooling in BODIES:
            found = _untied(_check_body(config, found, origin), found)
        model = cls(config, _empty_encoder(config) or _foreign_encoder(config, found))
        _check_complete(model, found, origin)
        parameters = dict(model.named_parameters())
        own = {k: nn.Parameter(v) if k in parameters else v for k, v in found.items()}
        again = {name: own[first] for name, first in tied_names(model).items()}
        model.load_state_dict(own | again, assign=True)
        return model.eval()

    @classmethod
    def from_pretrained(cls, folder: str | Path) -> Aligner:
        """Load a saved aligner strictly, from safetensors only.

        Args:
            folder: What `save_pretrained` wrote.

        Returns:
            The model in float32, in evaluation mode, on the CPU.

        Raises:
            CheckpointError: A tensor is missing, unexpected, or has the wrong shape.
        """
        config = AlignerConfig.from_pretrained(folder)
        return cls.from_tensors(config, read_tensors(Path(folder) / WEIGHTS), origin=str(folder))

    def save_pretrained(self, folder: str | Path) -> None:
        """Write weights and configuration into a folder, which is made where it is absent."""
        Path(folder).mkdir(parents=True, exist_ok=True)
        tensors = {name: tensor.contiguous() for name, tensor in own_tensors(self).items()}
        save_file(tensors, Path(folder) / WEIGHTS, metadata={"format": "pt"})
        self.config.dtype = str(next(self.parameters()).dtype).removeprefix("torch.")
        self.config.architectures = [type(self).__name__]
        self.config.save_pretrained(folder)


def tied_names(model: nn.Module) -> dict[str, str]:
    """The tensors of a model that are another one of its tensors too, and that one's name."""
    first: dict[int, str] = {}
    names = {name: id(tensor) for name, tensor in model.state_dict(keep_vars=True).items()}
    for name, number in names.items():
        first.setdefault(number, name)
    return {name: first[number] for name, number in names.items() if first[number] != name}


def own_tensors(model: nn.Module) -> dict[str, Tensor]:
    """The tensors of a model, each once."""
    tied = tied_names(model)
    return {name: tensor for name, tensor in model.state_dict().items() if name not in tied}


def _check_body(config: AlignerConfig, tensors: Mapping[str, Tensor], origin: str) -> Aligner:
    """Refuse tensors that are not those of an aligner on a body, before one is built.

    Returns:
        The aligner without weights.

    Raises:
        CheckpointError: A tensor is missing, unexpected, or has the wrong shape.
    """
    with torch.device("meta"):
        model = Aligner(config)
    _check_complete(model, _untied(model, tensors), origin)
    return model


def _untied(model: Aligner, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Tensors of which files keep any number of the names that a model has for one: each once.

    Without those that older versions of the model had, and that nothing reads.
    """
    tied = tied_names(model)
    own = {
        name: tensor
        for name, tensor in tensors.items()
        if name not in tied and not model.encoder.outdated(name.removeprefix("encoder."))
    }
    for name, first in tied.items():
        if name in tensors:
            own.setdefault(first, tensors[name])
    return own


def _check_complete(model: nn.Module, tensors: Mapping[str, Tensor], origin: str) -> None:
    if problems := _differences(own_tensors(model), tensors):
        raise CheckpointError(f"{origin} is not a complete aligner: {problems}")


def _empty_encoder(config: AlignerConfig) -> Encoder | None:
    """The encoder of a backbone of BERT's family, with weights of any value; None for others."""
    backbone = None if config.pooling in BODIES else EncoderConfig.of(config.backbone)
    if backbone is None:
        return None
    return Encoder(backbone, pooler=config.pooling not in CLAIM_POOLINGS)


def _foreign_encoder(config: AlignerConfig, tensors: Mapping[str, Tensor] | None) -> nn.Module:
    """Any other encoder, with weights among an aligner's tensors, or random ones."""
    own = tensors and {
        name.removeprefix("encoder."): tensor
        for name, tensor in tensors.items()
        if name.startswith("encoder.")
    }
    if config.pooling in BODIES:
        return build_body(config.backbone, config.pooling, own)
    pooler = config.pooling not in CLAIM_POOLINGS
    return foreign_encoder(config.backbone, pooler=pooler, tensors=own)


def _random_encoder(config: AlignerConfig) -> nn.Module:
    """An encoder with random weights."""
    encoder = _empty_encoder(config)
    if encoder is None:
        return _foreign_encoder(config, None)
    encoder.initialise()
    return encoder


def _today(name: str) -> str:
    """A tensor's name as it is today."""
    for old, new in LEGACY.items():
        name = name.replace(old, new)
    return name


def _differences(wanted: Mapping[str, Tensor], found: Mapping[str, Tensor]) -> str:
    """Which tensors are missing, left over or misshapen; nothing where all are as they should."""
    both = wanted.keys() & found.keys()
    sizes = {name: (tuple(found[name].shape), tuple(wanted[name].shape)) for name in both}
    problems = {
        "missing keys": wanted.keys() - both,
        "unexpected keys": found.keys() - both,
        "mismatched keys": {str((name, *two)) for name, two in sizes.items() if two[0] != two[1]},
    }
    return "; ".join(f"{kind}: {', '.join(sorted(n))}" for kind, n in problems.items() if n)


def _claim(attention_mask: Tensor, token_type_ids: Tensor | None) -> Tensor:
    """1 for the claim's tokens, with its last special token, shape [N, L]."""
    if token_type_ids is None:
        raise ConfigurationError("this aligner reads the claim's tokens: give token_type_ids")
    return attention_mask * token_type_ids


def _weighted(states: Tensor, weights: Tensor) -> Tensor:
    """Sum of [N, L, H] by weights [N, L]: shape [N, H]."""
    return (states * weights.unsqueeze(-1).to(states.dtype)).sum(dim=1)


def copied_ngrams(
    input_ids: Tensor, attention_mask: Tensor, claim: Tensor, *, longest: int
) -> Tensor:
    """How long a run of tokens around each token stands in the pair's other text too.

    Args:
        input_ids: Token ids, shape [N, L]; the last token of a pair is special, and it and its
            likes are never counted as copied.
        attention_mask: 1 for tokens, 0 for padding, shape [N, L].
        claim: 1 for the claim's tokens, shape [N, L].
        longest: Longest run that is looked for, >= 1.

    Returns:
        0 to `longest`, shape [N, L], int64.

    Example:
        >>> ids = torch.tensor([[1, 5, 6, 7, 2, 6, 7, 9, 2]])
        >>> claim = torch.tensor([[0, 0, 0, 0, 0, 1, 1, 1, 1]])
        >>> copied_ngrams(ids, torch.ones_like(ids), claim, longest=3).tolist()
        [[0, 0, 2, 2, 0, 2, 2, 0, 0]]
    """
    lengths, claims = attention_mask.sum(dim=1, keepdim=True), claim.sum(dim=1, keepdim=True)
    places = torch.arange(input_ids.shape[1], device=input_ids.device)
    ends = input_ids.gather(1, lengths - 1)
    counts = (input_ids != ends) & (places < lengths)
    in_claim = (lengths - claims + places[: int(claims.max())]).clamp(max=input_ids.shape[1] - 1)
    context, copied_claim = copied_runs(
        input_ids,
        input_ids.gather(1, in_claim),
        counts & (places < lengths - claims),
        counts.gather(1, in_claim) & (places[: in_claim.shape[1]] < claims),
        longest=longest,
    )
    return context.scatter_add(1, in_claim, copied_claim)


def copied_runs(
    contexts: Tensor,
    claims: Tensor,
    counted_contexts: Tensor,
    counted_claims: Tensor,
    *,
    longest: int,
) -> tuple[Tensor, Tensor]:
    """`copied_ngrams` for contexts [N, C] and claims [N, S] that lie apart.

    Args:
        contexts: Token ids.
        claims: Token ids.
        counted_contexts: Which of them may count as copied, bool: no padding, no separator.
        counted_claims: Likewise.
        longest: As there.

    Returns:
        0 to `longest` for each token of both, int64.
    """
    same = (contexts[:, :, None] == claims[:, None, :]) & counted_contexts[:, :, None]
    same &= counted_claims[:, None, :]
    runs, copied = same, (torch.zeros_like(contexts), torch.zeros_like(claims))
    for length in range(1, longest + 1):
        if length > 1:  # a run of n starts where a token agrees and a run of n - 1 follows it
            runs = same[:, : 1 - length, : 1 - length] & runs[:, 1:, 1:]
        for side, starts in zip(copied, (runs.any(dim=2), runs.any(dim=1)), strict=True):
            for offset in range(length):
                side[:, offset : offset + starts.shape[1]].masked_fill_(starts, length)
    return copied


def pair_scores(output: AlignerOutput, profile: Profile) -> Tensor:
    """The score of each pair, as a profile reads it.

    Args:
        output: The heads' logits for N pairs.
        profile: Which head and class mean "supported".

    Returns:
        Shape [N], float32: a probability in [0, 1] for `bin` and `tri`; for `reg` the raw scalar.
    """
    if profile.head == "reg":
        return output.reg
    logits = output.bin if profile.head == "bin" else output.tri
    return torch.softmax(logits, dim=-1)[:, profile.supported]


def pair_relations(output: AlignerOutput, profile: Profile) -> Tensor:
    """How likely the source says nothing of each claim, and how likely it contradicts it.

    Args:
        output: The heads' logits for N pairs.
        profile: Its `supported` tells whether `tri` has ALIGN's class order.

    Returns:
        Columns neutral and contradiction, shape [N, 2], float32; NaN where there is no head `tri`,
        or one whose classes are in an order of its own.
    """
    others = profile.head == "tri" and profile.supported != SUPPORTED_CLASS["tri"]
    if others or not output.tri.shape[1]:
        return output.tri.new_full((len(output.tri), 2), torch.nan)
    return torch.softmax(output.tri, dim=-1)[:, 1:]
