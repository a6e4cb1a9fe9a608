"""Ways to regularise a training step: R3F, R4F, SAM, FreeLB, SMART, and the plain step.

A regulariser owns how often a batch is run and which gradients a step gets. It sees the batch only
through the two callables `forward` and `loss`: it must not know data, optimisers or the loop. All
randomness comes from torch's global generators, and no regulariser keeps anything from one step to
the next, so that a run resumes exactly where those generators and the weights do.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, fields
from typing import Any, TypeAlias

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils import parametrize

from alignscore_metric.checkpoint.aligner import Aligner, AlignerOutput
from alignscore_metric.errors import ConfigurationError
from alignscore_metric.training.objective import mean_where

Forward: TypeAlias = Callable[[], AlignerOutput]
"""Runs the batch through the model, autocast and wrappers included; the same batch every time."""

Loss: TypeAlias = Callable[[AlignerOutput], Tensor]
"""The task loss of an output. It is called right after the forward pass that gave the output."""

Backward: TypeAlias = Callable[[Tensor], None]
"""Adds the gradients of a scalar to the parameters' `.grad`."""

Valid: TypeAlias = Mapping[str, Tensor]
"""Per head, boolean, shape [N]: the examples whose own head it is."""

Change: TypeAlias = Callable[[Tensor, Tensor], Tensor]
"""Word embeddings [N, L, H], and True for what is no padding [N, L], to other embeddings."""

NOISES = ("uniform", "normal")


@dataclass(kw_only=True)
class Regulariser:
    """The interface, and the plain step: one pass forward, one backward.

    `prepare` comes before the optimiser is made, then `backward` for every batch, and `finish`
    before the aligner is saved. `finish` takes the aligner, so that a copy can be finished and
    saved while training goes on.
    """

    _aligner: Aligner | None = field(default=None, init=False, repr=False, compare=False)

    @property
    def aligner(self) -> Aligner:
        """The unwrapped model that `prepare` was given."""
        if self._aligner is None:
            raise ConfigurationError("a regulariser steps after prepare(aligner) alone; call it")
        return self._aligner

    def prepare(self, aligner: Aligner) -> None:
        """Take the model to regularise.

        Args:
            aligner: The model itself; `forward` may run it through wrappers.
        """
        self._aligner = aligner

    def backward(
        self,
        forward: Forward,
        loss: Loss,
        backward: Backward,
        valid: Valid | None = None,
    ) -> Tensor:
        """Add the gradients of one step to the parameters' `.grad`.

        Args:
            forward: Runs the batch.
            loss: The task loss of an output.
            backward: Computes gradients.
            valid: The examples of each head; None takes all examples for every head. Only
                regularisers that compare outputs with each other look at it.

        Returns:
            The task loss without its graph, a scalar.
        """
        value = loss(forward())
        backward(value)
        return value.detach()

    def finish(self, aligner: Aligner) -> None:
        """Make plain weights of whatever `prepare` put in their place.

        Args:
            aligner: The model that was prepared, or a copy of it; changed in place.
        """


@dataclass(kw_only=True)
class Plain(Regulariser):
    """Nothing but the task loss."""


@dataclass(kw_only=True)
class R3F(Regulariser):
    """Outputs that noise on the word embeddings does not change.

    The loss is L + weight * KL_S(f(x) || f(x + z)), where KL_S is the symmetric divergence of
    `consistency`. As in the authors' code (fairseq, sentence_prediction_r3f): the noise is on the
    token embeddings, before scale, positions and LayerNorm; the noised copy is detached, so that
    the second pass teaches everything but the word embeddings; both passes drop out, each by its
    own masks; and the gradient flows through both outputs. Two passes forward, one backward.

    With the published epsilon much of the divergence comes from dropout (and, in half precision,
    from rounding): compare with `epsilon: 0` before crediting the noise.

    Source: Aghajanyan et al. 2021, "Better Fine-Tuning by Reducing Representational Collapse".

    Attributes:
        weight: Of the divergence, >= 0; the paper's grid is 0.1, 0.5, 1, 5, its code's default 1.
        epsilon: Half the width of the uniform noise, or the normal noise's deviation; >= 0.
        noise: `uniform` or `normal`.
        reg_weight: Of the squared difference of the `reg` outputs beside the divergence, >= 0. Not
            part of R3F, which leaves regression alone; 0 leaves it out.
    """

    weight: float = 1.0
    epsilon: float = 1e-5
    noise: str = "uniform"
    reg_weight: float = 0.0

    def __post_init__(self) -> None:
        """Refuse options that mean nothing."""
        _check(weight=self.weight, epsilon=self.epsilon, reg_weight=self.reg_weight)
        if self.noise not in NOISES:
            raise ConfigurationError(f"noise is {self.noise!r}; known: {', '.join(NOISES)}")

    def backward(
        self,
        forward: Forward,
        loss: Loss,
        backward: Backward,
        valid: Valid | None = None,
    ) -> Tensor:
        """See `Regulariser.backward`."""
        clean = forward()
        value = loss(clean)
        with changed_embeddings(self.aligner, self._noised):
            noised = forward()
        divergence = consistency(noised, clean, valid=valid, reg_weight=self.reg_weight)
        backward(value + self.weight * divergence)
        return value.detach()

    def _noised(self, embedded: Tensor, real: Tensor) -> Tensor:
        noise = torch.empty_like(embedded, requires_grad=False)
        if self.noise == "uniform":
            noise.uniform_(-self.epsilon, self.epsilon)
        else:
            noise.normal_(0.0, self.epsilon)
        return embedded.detach() + noise


@dataclass(kw_only=True)
class R4F(R3F):
    """R3F with heads of Lipschitz constant 1: each head's weight is divided by its spectral norm.

    As in the authors' code only the last linear layers are normalised, weights below a norm of 1
    included, and biases are left alone.

    Source: Aghajanyan et al. 2021, section 3; the norm's place is fairseq's RoBERTa head.
    """

    def prepare(self, aligner: Aligner) -> None:
        """Take the model, and put its heads' weights under `UnitSpectralNorm`."""
        super().prepare(aligner)
        for head in aligner.config.heads:
            layer = getattr(aligner, f"{head}_layer")
            parametrize.register_parametrization(layer, "weight", UnitSpectralNorm())

    def finish(self, aligner: Aligner) -> None:
        """Put linear layers of the normalised weights in the place of those that compute them."""
        for head in aligner.config.heads:
            layer = getattr(aligner, f"{head}_layer")
            if parametrize.is_parametrized(layer, "weight"):
                setattr(aligner, f"{head}_layer", _plain_linear(layer))


def _plain_linear(layer: nn.Linear) -> nn.Linear:
    """A layer of the same outputs whose weight is a plain parameter.

    A new one: torch's own removal would break the copies of a parametrised module, which share its
    class. Nothing random is drawn for it.
    """
    weight = layer.weight.detach()
    plain = nn.Linear(
        layer.in_features, layer.out_features, device="meta", dtype=weight.dtype
    ).to_empty(device=weight.device)
    plain.load_state_dict({"weight": weight, "bias": layer.bias.detach()})
    return plain.train(layer.training)


class UnitSpectralNorm(nn.Module):
    """Parametrisation that divides a matrix by its largest singular value.

    That value is exact, where `torch.nn.utils.parametrizations.spectral_norm` follows it by power
    iteration: a head has at most three rows, so that the exact one costs little, is the same in
    training, in evaluation and on every device of a run, and needs no state. It is computed outside
    autocast: in bfloat16 the norm would be off by up to 0.4%.
    """

    def forward(self, weight: Tensor) -> Tensor:
        """The matrix [K, H] with a spectral norm of 1; a matrix of zeros stays."""
        with torch.autocast(weight.device.type, enabled=False):
            norm = torch.linalg.matrix_norm(_precise(weight), ord=2)
            unit: Tensor = weight / norm.clamp(min=torch.finfo(norm.dtype).tiny)
            return unit


@dataclass(kw_only=True)
class SAM(Regulariser):
    """The gradient at the worst place within `rho` of the weights: flat minima are preferred.

    The gradient g at the weights w shows the way up, the step gets the gradient at
    w + rho * g / ||g||, and the weights are put back bit by bit. Two passes forward and backward;
    the second draws its own dropout masks. One copy of the weights is kept meanwhile.

    `per_head` looks for each head's own worst place: g is the gradient of that head's loss alone,
    and the heads' gradients, each at its place, are summed. It takes heads + 1 passes forward,
    twice the heads backward, and a gradient per head in memory. What `loss` holds besides the heads
    would be counted once for each head. The first gradients are each device's own.

    Source: Foret et al. 2021, "Sharpness-Aware Minimization for Efficiently Improving
    Generalization". Per head: Phan et al. 2022, "Improving Multi-task Learning via Seeking
    Task-based Flat Regions", with one radius for all weights and gradients that are summed.

    Attributes:
        rho: Radius, > 0; the paper's default is 0.05.
        per_head: Climb for each head by itself.
    """

    rho: float = 0.05
    per_head: bool = False

    def __post_init__(self) -> None:
        """Refuse options that mean nothing."""
        _check(above=True, rho=self.rho)
        if not isinstance(self.per_head, bool):
            raise ConfigurationError(f"per_head is {self.per_head!r}; give true or false")

    def backward(
        self,
        forward: Forward,
        loss: Loss,
        backward: Backward,
        valid: Valid | None = None,
    ) -> Tensor:
        """See `Regulariser.backward`."""
        weights = [weight for weight in self.aligner.parameters() if weight.requires_grad]
        if self.per_head:
            return self._per_head(weights, forward, loss, backward)
        with _set_aside(weights):  # gradients that batches before this one have left
            value = loss(forward())
            backward(value)
            gradients = [weight.grad for weight in weights]
        with climbed(weights, gradients, radius=self.rho):
            backward(loss(forward()))
        return value.detach()

    def _per_head(
        self, weights: Sequence[Tensor], forward: Forward, loss: Loss, backward: Backward
    ) -> Tensor:
        value, gradients = _head_gradients(weights, forward, loss)
        for head, ascent in gradients.items():
            with climbed(weights, ascent, radius=self.rho):
                backward(loss(_only(forward(), head)))
        return value


@dataclass(kw_only=True)
class FreeLB(Regulariser):
    """Training on adversarial word embeddings whose gradients all count.

    From a random shift of the word embeddings, `steps` passes forward and backward: each adds 1 /
    `steps` of its gradient to the step, and its gradient on the shift moves the shift upwards by
    `adversarial_rate`, within a ball of `radius` around each example. Every pass drops out by the
    same masks. Defaults are those of the authors' script for MNLI on RoBERTa-large.

    With one step, or a rate of 0, and no initial shift it is the plain step. The loss returned is
    the mean over the passes.

    Source: Zhu et al. 2020, "FreeLB: Enhanced Adversarial Training for Natural Language
    Understanding", algorithm 1 and section 3.3 (dropout).

    Attributes:
        steps: Passes, >= 1 (the paper's K).
        adversarial_rate: L2 length of one move of an example's shift, >= 0 (alpha).
        initial_norm: The first shift is uniform, of at most this L2 norm an example; >= 0.
        radius: Largest L2 norm of an example's shift, > 0 (epsilon).
    """

    steps: int = 2
    adversarial_rate: float = 0.1
    initial_norm: float = 0.1
    radius: float = 0.3

    def __post_init__(self) -> None:
        """Refuse options that mean nothing."""
        _check_steps(self.steps)
        _check(adversarial_rate=self.adversarial_rate, initial_norm=self.initial_norm)
        _check(above=True, radius=self.radius)

    def backward(
        self,
        forward: Forward,
        loss: Loss,
        backward: Backward,
        valid: Valid | None = None,
    ) -> Tensor:
        """See `Regulariser.backward`."""
        shift = _Shift(self._initial, same_dropout=True)
        values = []
        for step in range(self.steps):
            with changed_embeddings(self.aligner, shift):
                value = loss(forward())
            backward(value / self.steps)
            values.append(value.detach())
            if step < self.steps - 1:
                shift.move(self._ascend(*shift.with_gradient()))
        return torch.stack(values).mean()

    def _initial(self, embedded: Tensor, real: Tensor) -> Tensor:
        """Uniform on a cube that the ball of `initial_norm` holds; 0 at padding."""
        dimensions = real.sum(dim=1) * embedded.shape[-1]
        half = self.initial_norm / dimensions.clamp(min=1).sqrt()
        uniform = torch.empty_like(embedded).uniform_(-1, 1)
        return within_ball(uniform * (half[:, None] * real)[..., None], self.radius)

    def _ascend(self, shift: Tensor, gradient: Tensor) -> Tensor:
        step = self.adversarial_rate * gradient / _lengths(gradient)
        return within_ball(shift + step, self.radius)


@dataclass(kw_only=True)
class SMART(Regulariser):
    """Outputs that the worst small shift of the word embeddings does not change.

    The loss is L + weight * max over shifts of `consistency`. The shift starts from normal noise,
    climbs `steps` times by `step_size` along the divergence's gradient (divided by the largest
    entry that it has in the example), and no entry leaves [-epsilon, epsilon]. The gradient flows
    through both outputs. Each pass drops out by its own masks. `steps` + 2 passes forward.

    This is the smoothness-inducing adversarial regulariser alone, without the paper's Bregman
    proximal term, which would need a second copy of the model. Climbing follows the paper's
    algorithm 1; the authors' code divides shift and gradient together instead.

    Source: Jiang et al. 2020, "SMART: Robust and Efficient Fine-Tuning for Pre-trained Natural
    Language Models through Principled Regularized Optimization", section 3.1. Regression heads are
    compared by squared differences there, and here.

    Attributes:
        weight: Of the divergence, >= 0; the paper chooses from 1, 3, 5 (lambda_s).
        epsilon: Largest entry of a shift, >= 0.
        sigma: Deviation of the initial noise, >= 0.
        step_size: Of one climb, >= 0 (eta).
        steps: Climbs, >= 1 (T_x).
    """

    weight: float = 1.0
    epsilon: float = 1e-5
    sigma: float = 1e-5
    step_size: float = 1e-3
    steps: int = 1

    def __post_init__(self) -> None:
        """Refuse options that mean nothing."""
        _check_steps(self.steps)
        _check(weight=self.weight, epsilon=self.epsilon)
        _check(sigma=self.sigma, step_size=self.step_size)

    def backward(
        self,
        forward: Forward,
        loss: Loss,
        backward: Backward,
        valid: Valid | None = None,
    ) -> Tensor:
        """See `Regulariser.backward`."""
        clean = forward()
        value = loss(clean)
        target = AlignerOutput(*(logits.detach() for logits in clean))
        shift = _Shift(lambda embedded, real: torch.randn_like(embedded) * self.sigma)
        for _ in range(self.steps):
            with changed_embeddings(self.aligner, shift):
                divergence = consistency(forward(), target, valid=valid)
            shift.move(self._ascend(*shift.with_gradient(divergence)))
        with changed_embeddings(self.aligner, shift):
            worst = consistency(forward(), clean, valid=valid)
        backward(value + self.weight * worst)
        return value.detach()

    def _ascend(self, shift: Tensor, gradient: Tensor) -> Tensor:
        step = self.step_size * gradient / _lengths(gradient, order=math.inf)
        return (shift + step).clamp(-self.epsilon, self.epsilon)


REGULARISERS: dict[str, type[Regulariser]] = {
    "plain": Plain,
    "r3f": R3F,
    "r4f": R4F,
    "sam": SAM,
    "freelb": FreeLB,
    "smart": SMART,
}
"""Regularisers by the name that a recipe gives."""


def build_regulariser(options: Mapping[str, object] | None) -> Regulariser:
    """A regulariser as a recipe describes it.

    Args:
        options: `name`, one of `REGULARISERS`, and attributes of that class; None is the plain
            step.

    Returns:
        The regulariser, not prepared yet.

    Raises:
        ConfigurationError: The name, an option or its value is not known.

    Example:
        >>> build_regulariser({"name": "r3f", "weight": 0.5})
        R3F(weight=0.5, epsilon=1e-05, noise='uniform', reg_weight=0.0)
    """
    if options is None:
        return Plain()
    if not isinstance(options, Mapping):
        raise ConfigurationError(f"regulariser is {options!r}; give its keys: name, ...")
    name = options.get("name")
    if not isinstance(name, str) or name not in REGULARISERS:
        raise ConfigurationError(
            f"regulariser's name is {name!r}; known: {', '.join(REGULARISERS)}"
        )
    known = {option.name: option.default for option in fields(REGULARISERS[name]) if option.init}
    given = {key: value for key, value in options.items() if key != "name"}
    if unknown := sorted(map(str, set(given) - set(known))):
        raise ConfigurationError(
            f"regulariser {name}: unknown key(s) {', '.join(unknown)}; "
            f"known: {', '.join(['name', *known])}"
        )
    try:
        return REGULARISERS[name](
            **{key: _value(value, known[key]) for key, value in given.items()}
        )
    except ConfigurationError as cause:
        raise ConfigurationError(f"regulariser {name}: {cause}") from cause


def _value(value: object, default: object) -> Any:  # noqa: ANN401  # each class checks its own
    """The value itself, or its number: YAML reads 1e-5 as a text, 1.0e-5 as a number."""
    if isinstance(value, str) and isinstance(default, float):
        try:
            return float(value)
        except ValueError:
            return value
    return value


def consistency(
    ours: AlignerOutput,
    theirs: AlignerOutput,
    *,
    valid: Valid | None = None,
    reg_weight: float = 1.0,
) -> Tensor:
    """How much two outputs of the same examples differ.

    The symmetric divergence of `bin` and of `tri`, and the squared difference of `reg`; each is the
    mean over the examples whose own head it is, as the joint loss' terms are.

    Args:
        ours: Logits of N pairs.
        theirs: Logits of the same pairs.
        valid: The examples of each head; None takes all for every head.
        reg_weight: Factor of the squared difference.

    Returns:
        A scalar, at least in float32.
    """
    total = ours.bin.new_zeros((), dtype=torch.promote_types(ours.bin.dtype, torch.float32))
    for head, left, right in zip(ours._fields, ours, theirs, strict=True):
        if not left.numel():
            continue
        values = symmetric_kl(left, right) if left.ndim == 2 else reg_weight * (left - right) ** 2
        total = total + (values.mean() if valid is None else mean_where(values, valid[head]))
    return total


def symmetric_kl(left: Tensor, right: Tensor) -> Tensor:
    """KL(p || q) + KL(q || p) of two softmax distributions, at least in float32.

    Args:
        left: Logits of p, shape [N, K].
        right: Logits of q, shape [N, K].

    Returns:
        Shape [N], in nats.
    """
    p = functional.log_softmax(_precise(left), dim=-1)
    q = functional.log_softmax(_precise(right), dim=-1)
    divergence: Tensor = ((p.exp() - q.exp()) * (p - q)).sum(dim=-1)
    return divergence


@contextmanager
def changed_embeddings(aligner: Aligner, change: Change) -> Iterator[None]:
    """Change the word embeddings of every forward pass made meanwhile.

    A hook on the backbone's word embeddings: before positions, LayerNorm and dropout. It is removed
    in the end, whatever happens.

    Args:
        aligner: The unwrapped model.
        change: From embeddings to embeddings.

    Yields:
        Nothing.

    Raises:
        ConfigurationError: No pass went through those embeddings.
    """
    passes = 0

    def hook(module: nn.Embedding, inputs: tuple[Tensor, ...], embedded: Tensor) -> Tensor:
        nonlocal passes
        passes += 1
        padding = -1 if module.padding_idx is None else module.padding_idx
        return change(embedded, inputs[0] != padding)

    handle = aligner.encoder.get_input_embeddings().register_forward_hook(hook)
    try:
        yield
    finally:
        handle.remove()
    if not passes:
        raise ConfigurationError(
            "the forward pass did not read the prepared aligner's word embeddings; "
            "call prepare() with the model that `forward` runs"
        )


class _Shift:
    """What is added to the word embeddings of one batch; drawn by the first pass through it.

    With `same_dropout` all passes drop out by the same masks: the generators are put back to where
    they stood after the draw, and dropout comes after the word embeddings.
    """

    _shift: Tensor
    _generators: dict[str, Tensor]

    def __init__(self, draw: Change, *, same_dropout: bool = False) -> None:
        self._draw, self._same_dropout, self._drawn = draw, same_dropout, False

    def __call__(self, embedded: Tensor, real: Tensor) -> Tensor:
        if not self._drawn:
            self.move(self._draw(embedded.detach(), real))
            self._drawn = True
            if self._same_dropout:
                self._generators = _generators(embedded.device)
        elif self._same_dropout:
            _restore_generators(self._generators, embedded.device)
        return embedded + self._shift

    def move(self, shift: Tensor) -> None:
        """Put another shift in the old one's place."""
        self._shift = shift.detach().requires_grad_()

    def with_gradient(self, value: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """The shift, and the gradient of `value`, or that which a backward pass has left on it."""
        gradient = self._shift.grad
        if value is not None:
            (gradient,) = torch.autograd.grad(value, self._shift)
        shift = self._shift.detach()
        return shift, torch.zeros_like(shift) if gradient is None else gradient


def _generators(device: torch.device) -> dict[str, Tensor]:
    states = {"cpu": torch.get_rng_state()}
    if device.type == "cuda":
        states["cuda"] = torch.cuda.get_rng_state(device)
    return states


def _restore_generators(states: Mapping[str, Tensor], device: torch.device) -> None:
    torch.set_rng_state(states["cpu"])
    if device.type == "cuda":
        torch.cuda.set_rng_state(states["cuda"], device)


def within_ball(shift: Tensor, radius: float) -> Tensor:
    """Each example's shift, shortened to an L2 norm of `radius` where it is longer.

    Args:
        shift: Shape [N, L, H].
        radius: > 0.

    Returns:
        Shape [N, L, H].
    """
    factor: Tensor = (radius / _lengths(shift)).clamp(max=1)
    return shift * factor


def _lengths(values: Tensor, order: float = 2) -> Tensor:
    """Norm of each example, shape [N, 1, 1]; never 0, so that it divides."""
    precise = _precise(values)
    norms: Tensor = torch.linalg.vector_norm(precise, ord=order, dim=(1, 2), keepdim=True)
    return norms.clamp(min=torch.finfo(precise.dtype).tiny)


@contextmanager
def climbed(
    weights: Sequence[Tensor], gradients: Sequence[Tensor | None], *, radius: float
) -> Iterator[None]:
    """Move weights by `radius` along a gradient; put them back bit by bit in the end.

    Args:
        weights: The model's parameters.
        gradients: Of each parameter; None where it has none.
        radius: L2 length of the move over all parameters together. Gradients of 0 move nothing.

    Yields:
        Nothing.
    """
    moved = [(w, g) for w, g in zip(weights, gradients, strict=True) if g is not None]
    before = [weight.detach().clone() for weight, _ in moved]
    if moved:
        norms = [torch.linalg.vector_norm(_precise(gradient)) for _, gradient in moved]
        norm = torch.linalg.vector_norm(torch.stack([n.to(norms[0].device) for n in norms]))
        scale = radius / norm.clamp(min=torch.finfo(norm.dtype).tiny)
        with torch.no_grad():
            for weight, gradient in moved:
                weight.add_((gradient * scale).to(weight.dtype))
    try:
        yield
    finally:
        with torch.no_grad():
            for (weight, _), values in zip(moved, before, strict=True):
                weight.copy_(values)


@contextmanager
def _set_aside(weights: Sequence[Tensor]) -> Iterator[None]:
    """Have no gradients meanwhile; bring back those that were there."""
    before = [weight.grad for weight in weights]
    for weight in weights:
        weight.grad = None
    try:
        yield
    finally:
        for weight, gradient in zip(weights, before, strict=True):
            weight.grad = gradient


def _head_gradients(
    weights: Sequence[Tensor], forward: Forward, loss: Loss
) -> tuple[Tensor, dict[str, Sequence[Tensor | None]]]:
    """The task loss, and the gradient of each head's part of it, from one forward pass."""
    output = forward()
    gradients: dict[str, Sequence[Tensor | None]] = {
        head: torch.autograd.grad(
            loss(_only(output, head)), weights, retain_graph=True, allow_unused=True
        )
        for head, logits in output._asdict().items()
        if logits.numel()
    }
    return loss(output).detach(), gradients


def _only(output: AlignerOutput, head: str) -> AlignerOutput:
    """The same numbers, with a gradient for one head and a gradient of 0 for the others.

    Of 0, not none: wrappers for several devices wait for a gradient of every parameter.
    """
    return AlignerOutput(
        **{
            name: logits if name == head else logits.detach() + 0.0 * logits
            for name, logits in output._asdict().items()
        }
    )


def _precise(values: Tensor) -> Tensor:
    """At least float32, for norms and divergences."""
    return values.to(torch.promote_types(values.dtype, torch.float32))


def _check(*, above: bool = False, **options: float) -> None:
    """Refuse what is no finite number >= 0; > 0 with `above`."""
    for key, value in options.items():
        number = type(value) in (int, float) and math.isfinite(value)
        if not number or value < 0 or (above and value == 0):
            raise ConfigurationError(
                f"{key} is {value!r}; give a number {'> 0' if above else '>= 0'}"
            )


def _check_steps(steps: int) -> None:
    if type(steps) is not int or steps < 1:
        raise ConfigurationError(f"steps is {steps!r}; give a whole number >= 1")
