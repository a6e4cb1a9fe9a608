"""What an aligner is trained on: ALIGN's joint loss, its masked-language-model term, distillation.

Pure functions of tensors, and the language model's head, which lives in training alone. Knows
nothing of data files, optimisers or the loop.

Source: Zha et al. 2023 (ALIGN), section 3; the 1/ln K scaling and the weight of the language model
are those of its released code.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.nn import functional
from transformers import PreTrainedTokenizerBase

from alignscore_metric.checkpoint.aligner import Aligner, AlignerOutput
from alignscore_metric.checkpoint.profile import CLASSES
from alignscore_metric.errors import ConfigurationError
from alignscore_metric.training.data import IGNORED

MLM_WEIGHT = 0.5
"""Weight of the masked-language-model loss beside the heads' losses (ALIGN's released code)."""


def joint_loss(
    output: AlignerOutput,
    labels: Mapping[str, Tensor],
    *,
    weights: Mapping[str, float] | None = None,
    mlm: Tensor | None = None,
    mlm_weight: float = MLM_WEIGHT,
) -> Tensor:
    """Sum of the heads' losses: CE/ln 2 for `bin`, CE/ln 3 for `tri`, squared error for `reg`.

    Each term is the mean over the examples that have a label for that head, 0 where none has.

    Args:
        output: Logits of N pairs.
        labels: Per head, shape [N]; -100 where an example has none.
        weights: Factor of each head's term; a head that is not named counts once.
        mlm: The masked-language-model loss of the same batch, a scalar; None leaves it out.
        mlm_weight: Factor of `mlm`.

    Returns:
        A scalar.

    Raises:
        ConfigurationError: `weights` names no head, or labels ask for a head that the model lacks.

    Example:
        >>> even = AlignerOutput(torch.zeros(2, 2), torch.zeros(2, 3), torch.zeros(2))
        >>> none = torch.full((2,), IGNORED)
        >>> labels = {"bin": torch.tensor([1, 0]), "tri": none, "reg": none}
        >>> round(joint_loss(even, labels).item(), 6)  # no better than chance
        1.0
        >>> round(joint_loss(even, labels, weights={"bin": 2}, mlm=torch.tensor(4.0)).item(), 6)
        4.0
    """
    factors = dict(weights or {})
    if unknown := sorted(set(factors) - set(CLASSES)):
        raise ConfigurationError(
            f"no head is called {', '.join(unknown)}; weights are for {', '.join(CLASSES)}"
        )
    terms = [factors.get(head, 1.0) * loss for head, loss in head_losses(output, labels).items()]
    if mlm is not None:
        terms.append(mlm_weight * mlm)
    return torch.stack(terms).sum()


def head_losses(output: AlignerOutput, labels: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The terms of `joint_loss`, one for each head that the model has.

    Args:
        output: Logits of N pairs.
        labels: Per head, shape [N]; -100 where an example has none.

    Returns:
        A scalar for each head.

    Raises:
        ConfigurationError: Labels ask for a head that the model lacks.
    """
    terms = {}
    for head, logits in output._asdict().items():
        valid = labels[head] != IGNORED
        if logits.numel():
            terms[head] = mean_where(_losses(logits, labels[head]), valid)
        elif valid.any():
            raise ConfigurationError(
                f"the aligner has no head {head!r}, which {int(valid.sum())} examples of a batch "
                f"have labels for; leave those sets out, or start from an encoder"
            )
    return terms


def _losses(logits: Tensor, labels: Tensor) -> Tensor:
    """Loss of each example, shape [N]; 1 is chance for the classifying heads."""
    if logits.ndim == 1:
        return (logits - labels) ** 2
    return functional.cross_entropy(logits, labels, reduction="none") / math.log(logits.shape[1])


def span_loss(logits: Tensor, labels: Tensor) -> Tensor:
    """Binary cross-entropy / ln 2 of the span head, a mean over the tokens that have a label.

    Args:
        logits: Shape [N, L]; above 0 says unsupported.
        labels: 1 for unsupported tokens, 0 for others, IGNORED where nothing is known; [N, L].

    Returns:
        A scalar; 0, with a gradient of 0, where no token has a label.
    """
    valid = labels != IGNORED
    losses = functional.binary_cross_entropy_with_logits(
        logits, (labels == 1).to(logits.dtype), reduction="none"
    )
    return mean_where(losses, valid) / math.log(2)


def mean_where(values: Tensor, valid: Tensor) -> Tensor:
    """Mean of the values that count; 0, with a gradient of 0, where none does.

    Args:
        values: Any shape.
        valid: Boolean, of the same shape.

    Returns:
        A scalar.
    """
    return torch.where(valid, values, 0.0).sum() / valid.sum().clamp(min=1)


def distillation_loss(
    student: AlignerOutput, teacher: AlignerOutput, *, temperature: float = 1.0
) -> Tensor:
    """How far a student is from its teacher, summed over the heads that both have.

    For `bin` and `tri` it is T^2 KL(teacher || student) of the softmax at temperature T, for `reg`
    the squared difference; each is a mean over all pairs, whatever their labels. The factor T^2
    keeps the gradients of the same size for every T. No gradient reaches the teacher.

    Source: Hinton et al. 2015, "Distilling the Knowledge in a Neural Network", section 2.

    Args:
        student: Logits of N pairs.
        teacher: Logits of the same pairs.
        temperature: T, > 0; more softens both distributions.

    Returns:
        A scalar.

    Raises:
        ConfigurationError: The temperature is not above 0, or the two have no head in common.
    """
    if not temperature > 0:
        raise ConfigurationError(f"temperature is {temperature!r}; give a number > 0")
    pairs = zip(student, teacher, strict=True)
    terms = [
        _distance(ours, theirs.detach(), temperature)
        for ours, theirs in pairs
        if ours.numel() and theirs.numel()
    ]
    if not terms:
        raise ConfigurationError(
            "student and teacher have no head in common; distil from an aligner with the same heads"
        )
    return torch.stack(terms).sum()


def _distance(student: Tensor, teacher: Tensor, temperature: float) -> Tensor:
    if student.ndim == 1:
        return functional.mse_loss(student, teacher)
    ours = functional.log_softmax(student / temperature, dim=-1)
    theirs = functional.log_softmax(teacher / temperature, dim=-1)
    divergence = functional.kl_div(ours, theirs, reduction="batchmean", log_target=True)
    return temperature**2 * divergence


def mask_tokens(
    input_ids: Tensor,
    eligible: Tensor,
    *,
    mask_id: int,
    vocab_size: int,
    share: float = 0.15,
    generator: torch.Generator | None = None,
) -> tuple[Tensor, Tensor]:
    """Hide tokens for a language model to guess.

    Of the chosen tokens 80% become the mask, 10% a token drawn from the whole vocabulary, and 10%
    stay as they are.

    Source: Devlin et al. 2019 (BERT), section 3.1.

    Args:
        input_ids: Token ids, shape [N, L].
        eligible: True where a token may be chosen: neither special nor padding; shape [N, L].
        mask_id: The tokenizer's id of its mask.
        vocab_size: Ids run from 0 to `vocab_size` - 1.
        share: Of the eligible tokens that are chosen, in [0, 1].
        generator: On the ids' device; None draws from torch's global one.

    Returns:
        The ids to run, and the labels: the original id of each chosen token, -100 elsewhere; both
        of shape [N, L].

    Raises:
        ConfigurationError: `share` is not in [0, 1].
    """
    if not 0 <= share <= 1:
        raise ConfigurationError(f"share of masked tokens is {share!r}; give a number in [0, 1]")

    def draw() -> Tensor:
        return torch.rand(input_ids.shape, generator=generator, device=input_ids.device)

    chosen = (draw() < share) & eligible.bool()
    fate = draw()
    others = torch.randint(
        vocab_size,
        input_ids.shape,
        generator=generator,
        device=input_ids.device,
        dtype=input_ids.dtype,
    )
    masked = input_ids.masked_fill(chosen & (fate < 0.8), mask_id)
    masked = torch.where(chosen & (fate >= 0.9), others, masked)
    return masked, input_ids.masked_fill(~chosen, IGNORED)


class MaskedLanguageModel(nn.Module):
    """BERT's language-model head on an aligner's encoder: dense, gelu, LayerNorm, tied decoder.

    The decoder's weight is the encoder's word embedding, which stays the aligner's alone: it is
    neither a parameter of this module nor in its state. The module belongs to training, to its
    optimiser and to what a run resumes from; a saved aligner knows nothing of it.

    Args:
        aligner: Whose encoder it is for.
        tokenizer: The aligner's; says which id is the mask and which are special.

    Raises:
        ConfigurationError: The tokenizer has no mask.
    """

    special: Tensor

    def __init__(self, aligner: Aligner, tokenizer: PreTrainedTokenizerBase) -> None:
        super().__init__()
        if tokenizer.mask_token_id is None:
            raise ConfigurationError(
                "the tokenizer has no mask token, which a masked-language-model loss needs; "
                "set `mlm: 0`, or start from another encoder"
            )
        config = aligner.encoder.config
        embedding: nn.Embedding = aligner.encoder.get_input_embeddings()
        self.mask_id = int(tokenizer.mask_token_id)
        self.vocab_size = min(len(tokenizer), embedding.num_embeddings)
        special = torch.tensor(tokenizer.all_special_ids, dtype=torch.long)
        self.register_buffer("special", special, persistent=False)
        self.dense = nn.Linear(config.hidden_size, embedding.embedding_dim)
        self.norm = nn.LayerNorm(
            embedding.embedding_dim, eps=getattr(config, "layer_norm_eps", 1e-5)
        )
        self.bias = nn.Parameter(torch.zeros(embedding.num_embeddings))
        nn.init.normal_(self.dense.weight, std=getattr(config, "initializer_range", 0.02))
        nn.init.zeros_(self.dense.bias)

    def forward(self, aligner: Aligner, inputs: Mapping[str, Tensor]) -> Tensor:
        """Mask a batch anew, by torch's global generator, and run it through the encoder.

        The encoder is run directly: an aligner's own output leaves the hidden states out.

        Args:
            aligner: The model that this one was made for, on the same device.
            inputs: `input_ids`, `attention_mask`, perhaps `token_type_ids`; shape [N, L].

        Returns:
            A scalar, see `loss`.
        """
        ids = inputs["input_ids"]
        eligible = inputs["attention_mask"].bool() & ~torch.isin(ids, self.special)
        masked, labels = mask_tokens(
            ids, eligible, mask_id=self.mask_id, vocab_size=self.vocab_size
        )
        encoded = aligner.encode(
            inputs["attention_mask"], inputs.get("token_type_ids"), input_ids=masked
        )
        return self.loss(
            encoded.last_hidden_state, labels, aligner.encoder.get_input_embeddings().weight
        )

    def loss(self, states: Tensor, labels: Tensor, embedding: Tensor) -> Tensor:
        """Cross-entropy of the hidden tokens.

        Args:
            states: The encoder's last hidden states of the masked ids, shape [N, L, H].
            labels: From `mask_tokens`, shape [N, L].
            embedding: The word embeddings, shape [V, E].

        Returns:
            A scalar: the mean over the chosen tokens, 0 where none is.
        """
        chosen = labels != IGNORED
        # The vocabulary is large and most tokens are not chosen: only those that are get logits.
        guesses = self.norm(functional.gelu(self.dense(states[chosen])))
        logits = functional.linear(guesses, embedding, self.bias).float()
        losses = functional.cross_entropy(logits, labels[chosen], reduction="sum")
        return losses / chosen.sum().clamp(min=1)
