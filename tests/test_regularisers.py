"""Regularisers against plain torch: a BERT written out, torch's own losses, hand-worked steps."""

import copy
import math
from dataclasses import fields

import pytest
import torch
from torch import nn
from torch.nn import functional
from transformers import BertConfig

from alignscore_metric import ConfigurationError
from alignscore_metric.checkpoint.aligner import Aligner, AlignerConfig, AlignerOutput
from alignscore_metric.training.data import IGNORED
from alignscore_metric.training.objective import joint_loss
from alignscore_metric.training.regularisers import (
    R3F,
    R4F,
    REGULARISERS,
    SAM,
    SMART,
    FreeLB,
    Plain,
    Regulariser,
    UnitSpectralNorm,
    build_regulariser,
    climbed,
    consistency,
    symmetric_kl,
    within_ball,
)

DEVICES = ["cpu"] + ["cuda"] * torch.cuda.is_available()
LENGTHS = (9, 6, 4, 9)
PASSES = {"plain": 1, "r3f": 2, "r4f": 2, "sam": 2, "freelb": 2, "smart": 3}


def make_aligner(dropout: float = 0.0, heads: tuple[str, ...] = ("bin", "tri", "reg")) -> Aligner:
    torch.manual_seed(0)
    backbone = BertConfig(
        vocab_size=40,
        hidden_size=16,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=32,
        max_position_embeddings=32,
        initializer_range=0.3,
        hidden_dropout_prob=dropout,
        attention_probs_dropout_prob=0.0,
    )
    aligner = Aligner(AlignerConfig(backbone=backbone.to_dict(), head_dropout=dropout, heads=heads))
    for head in heads:
        nn.init.normal_(getattr(aligner, f"{head}_layer").weight, std=0.7)
    return aligner.train()


def make_inputs() -> dict[str, torch.Tensor]:
    draw = torch.Generator().manual_seed(1)
    ids = torch.randint(5, 40, (4, 9), generator=draw)
    mask = torch.arange(9)[None, :] < torch.tensor(LENGTHS)[:, None]
    ids[~mask] = 0
    types = (torch.arange(9) >= 3).long().expand(4, 9) * mask
    return {"input_ids": ids, "attention_mask": mask.long(), "token_type_ids": types}


INPUTS = make_inputs()
LABELS = {
    "bin": torch.tensor([1, 0, IGNORED, IGNORED]),
    "tri": torch.tensor([IGNORED, 2, 0, IGNORED]),
    "reg": torch.tensor([IGNORED, IGNORED, IGNORED, 0.7]),
}
VALID = {head: labels != IGNORED for head, labels in LABELS.items()}


def task(output: AlignerOutput) -> torch.Tensor:
    return joint_loss(output, LABELS)


def gradients(aligner: nn.Module) -> dict[str, torch.Tensor]:
    return {
        name: weight.grad.clone()
        for name, weight in aligner.named_parameters()
        if weight.grad is not None
    }


class Step:
    """One call of a regulariser: its result, what it ran backward, and how often it ran."""

    def __init__(self, regulariser: Regulariser, aligner: Aligner, *, valid=VALID, loss=task):
        self.passes, self.values = 0, []
        aligner.zero_grad()
        self.task = regulariser.backward(
            lambda: self._run(aligner), loss, self._backward, valid=valid
        )
        self.gradients = gradients(aligner)

    def _run(self, aligner: Aligner) -> AlignerOutput:
        self.passes += 1
        return aligner(**INPUTS)

    def _backward(self, value: torch.Tensor) -> None:
        self.values.append(value.detach())
        value.backward()


def prepared(regulariser: Regulariser, aligner: Aligner) -> Regulariser:
    regulariser.prepare(aligner)
    return regulariser


def written_out(
    weights: dict[str, torch.Tensor], words: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """BERT with ALIGN's heads, without dropout, from its formulas: words [N, L, 16] to logits."""

    def linear(name: str, x: torch.Tensor) -> torch.Tensor:
        return x @ weights[f"{name}.weight"].T + weights[f"{name}.bias"]

    def norm(name: str, x: torch.Tensor) -> torch.Tensor:
        centred = x - x.mean(-1, keepdim=True)
        scaled = centred / ((centred**2).mean(-1, keepdim=True) + 1e-12).sqrt()
        return scaled * weights[f"{name}.weight"] + weights[f"{name}.bias"]

    def split(x: torch.Tensor) -> torch.Tensor:
        return x.unflatten(-1, (2, 8)).transpose(1, 2)

    front = "encoder.embeddings"
    x = words + weights[f"{front}.position_embeddings.weight"][: words.shape[1]]
    x = x + weights[f"{front}.token_type_embeddings.weight"][INPUTS["token_type_ids"]]
    x = norm(f"{front}.LayerNorm", x)
    hidden = torch.where(INPUTS["attention_mask"].bool(), 0.0, -math.inf)[:, None, None, :]
    for i in range(2):
        layer = f"encoder.encoder.layer.{i}"
        q, k, v = (
            split(linear(f"{layer}.attention.self.{w}", x)) for w in ("query", "key", "value")
        )
        seen = ((q @ k.transpose(-1, -2)) / math.sqrt(8) + hidden).softmax(-1) @ v
        seen = seen.transpose(1, 2).flatten(-2)
        attended = linear(f"{layer}.attention.output.dense", seen)
        x = norm(f"{layer}.attention.output.LayerNorm", x + attended)
        inner = functional.gelu(linear(f"{layer}.intermediate.dense", x))
        x = norm(f"{layer}.output.LayerNorm", x + linear(f"{layer}.output.dense", inner))
    pooled = torch.tanh(linear("encoder.pooler.dense", x[:, 0]))
    logits = (linear(f"{head}_layer", pooled) for head in ("bin", "tri", "reg"))
    first, second, third = logits
    return first, second, third.squeeze(-1)


def free_weights(aligner: Aligner, dtype: torch.dtype = torch.float64) -> dict[str, torch.Tensor]:
    """The aligner's weights as leaves of another graph."""
    return {
        name: weight.detach().to(dtype).requires_grad_()
        for name, weight in aligner.named_parameters()
    }


def labelled_loss(bin_: torch.Tensor, tri: torch.Tensor, reg: torch.Tensor) -> torch.Tensor:
    """ALIGN's loss on the rows that `LABELS` labels, from torch's own losses."""
    return (
        functional.cross_entropy(bin_[:2], LABELS["bin"][:2]) / math.log(2)
        + functional.cross_entropy(tri[1:3], LABELS["tri"][1:3]) / math.log(3)
        + functional.mse_loss(reg[3:], LABELS["reg"][3:].to(reg))
    )


def torch_symmetric_kl(left: torch.Tensor, right: torch.Tensor) -> torch.Tensor:
    """Symmetric KL summed over classes and rows, divided by rows: as fairseq's criterion."""
    return sum(
        functional.kl_div(a.log_softmax(-1), b.softmax(-1), reduction="sum") / len(a)
        for a, b in ((left, right), (right, left))
    )


def embedded_words(weights: dict[str, torch.Tensor]) -> torch.Tensor:
    return weights["encoder.embeddings.word_embeddings.weight"][INPUTS["input_ids"]]


def assert_gradients(step: Step, weights: dict[str, torch.Tensor], **tolerances: float) -> None:
    """The step's gradients are those that autograd left on `weights`."""
    for name, weight in weights.items():
        expected = torch.zeros_like(weight) if weight.grad is None else weight.grad
        found = step.gradients.get(name, torch.zeros(weight.shape)).double()
        torch.testing.assert_close(found, expected, **tolerances)


def test_the_bert_written_out_is_the_aligner():
    aligner = make_aligner().double()
    weights = free_weights(aligner)
    output = aligner(**INPUTS)
    for ours, theirs in zip(written_out(weights, embedded_words(weights)), output, strict=True):
        torch.testing.assert_close(ours, theirs.double(), atol=1e-6, rtol=1e-6)


# --------------------------------------------------------------------------- divergences


def test_symmetric_kl_equals_torchs_both_ways():
    draw = torch.Generator().manual_seed(0)
    left, right = (4 * torch.randn(50, 3, generator=draw) for _ in range(2))
    expected = torch_symmetric_kl(left, right)
    torch.testing.assert_close(symmetric_kl(left, right).mean(), expected)
    half = symmetric_kl(left.bfloat16(), right.bfloat16())
    assert half.dtype == torch.float32


def test_consistency_is_a_mean_over_each_heads_own_examples():
    draw = torch.Generator().manual_seed(0)
    ours, theirs = (
        AlignerOutput(*(torch.randn(s, generator=draw) for s in ((4, 2), (4, 3), (4,))))
        for _ in range(2)
    )
    expected = torch_symmetric_kl(ours.bin[:2], theirs.bin[:2])
    expected = expected + torch_symmetric_kl(ours.tri[1:3], theirs.tri[1:3])
    regression = functional.mse_loss(ours.reg[3:], theirs.reg[3:])
    found = consistency(ours, theirs, valid=VALID, reg_weight=0.0)
    torch.testing.assert_close(found, expected)
    found = consistency(ours, theirs, valid=VALID, reg_weight=2.0)
    torch.testing.assert_close(found, expected + 2 * regression)
    lacking = consistency(ours._replace(tri=torch.empty(4, 0)), theirs, reg_weight=0.0)
    torch.testing.assert_close(lacking, torch_symmetric_kl(ours.bin, theirs.bin))


# --------------------------------------------------------------------------- plain, R3F


def test_plain_is_one_pass_of_the_task_loss():
    aligner = make_aligner().double()
    step = Step(prepared(Plain(), aligner), aligner)
    weights = free_weights(aligner)
    expected = labelled_loss(*written_out(weights, embedded_words(weights)))
    expected.backward()
    assert step.passes == 1
    assert not step.task.requires_grad
    torch.testing.assert_close(step.task.double(), expected, atol=1e-6, rtol=1e-6)
    assert_gradients(step, weights, atol=1e-5, rtol=1e-4)


def drawn_noise(noise: str, epsilon: float, dtype: torch.dtype) -> torch.Tensor:
    shape = (*INPUTS["input_ids"].shape, 16)
    if noise == "normal":
        return torch.randn(shape, dtype=dtype) * epsilon
    return torch.empty(shape, dtype=dtype).uniform_(-epsilon, epsilon)


@pytest.mark.parametrize(
    ("noise", "valid", "reg_weight"),
    [("uniform", VALID, 0.0), ("normal", None, 0.0), ("uniform", VALID, 3.0)],
)
def test_r3f_equals_an_independent_computation(noise, valid, reg_weight):
    aligner = make_aligner().double()
    weights = free_weights(aligner)
    regulariser = R3F(weight=0.7, epsilon=0.05, noise=noise, reg_weight=reg_weight)
    torch.manual_seed(11)
    step = Step(prepared(regulariser, aligner), aligner, valid=valid)
    torch.manual_seed(11)
    words = embedded_words(weights)
    clean = written_out(weights, words)
    noised = written_out(weights, words.detach() + drawn_noise(noise, 0.05, torch.float64))
    rows = (slice(4), slice(4)) if valid is None else (slice(2), slice(1, 3))
    extra = 0.7 * sum(torch_symmetric_kl(noised[i][rows[i]], clean[i][rows[i]]) for i in range(2))
    extra = extra + 0.7 * reg_weight * functional.mse_loss(noised[2][3:], clean[2][3:])
    expected = labelled_loss(*clean) + extra
    assert extra > 1e-3
    assert step.values[0].item() == pytest.approx(expected.item(), abs=1e-6)
    assert step.task.item() == pytest.approx((expected - extra).item(), abs=1e-6)
    assert step.passes == 2
    expected.backward()
    assert_gradients(step, weights, atol=1e-5, rtol=1e-4)


def test_r3fs_passes_drop_out_by_their_own_masks():
    aligner = make_aligner(dropout=0.2)
    torch.manual_seed(12)
    step = Step(prepared(R3F(epsilon=0.05), aligner), aligner)
    torch.manual_seed(12)
    clean = aligner(**INPUTS)
    noise = drawn_noise("uniform", 0.05, torch.float32)
    words = aligner.encoder.get_input_embeddings()(INPUTS["input_ids"]).detach()
    rest = {key: values for key, values in INPUTS.items() if key != "input_ids"}
    pooled = aligner.encoder(inputs_embeds=words + noise, **rest).pooler_output
    dropped = aligner.dropout(pooled)
    extra = torch_symmetric_kl(aligner.bin_layer(dropped)[:2], clean.bin[:2])
    extra = extra + torch_symmetric_kl(aligner.tri_layer(dropped)[1:3], clean.tri[1:3])
    assert step.values[0].item() == pytest.approx((task(clean) + extra).item(), abs=1e-6)


@pytest.mark.parametrize("noise", ["uniform", "normal"])
def test_r3f_without_noise_or_dropout_is_plain(noise):
    aligner = make_aligner()
    plain = Step(prepared(Plain(), aligner), aligner)
    step = Step(prepared(R3F(weight=5.0, epsilon=0, noise=noise, reg_weight=1), aligner), aligner)
    assert step.values == plain.values
    for name, gradient in plain.gradients.items():
        torch.testing.assert_close(step.gradients[name], gradient)


def test_r3f_without_noise_but_with_dropout_is_not():
    aligner = make_aligner(dropout=0.2)
    step = Step(prepared(R3F(epsilon=0), aligner), aligner)
    assert step.values[0] > step.task + 1e-3


# --------------------------------------------------------------------------- R4F


def head_norms(aligner: Aligner) -> list[float]:
    layers = (aligner.bin_layer, aligner.tri_layer, aligner.reg_layer)
    return [torch.linalg.svdvals(layer.weight.double())[0].item() for layer in layers]


def test_unit_spectral_norm_equals_torchs_power_iteration():
    draw = torch.Generator().manual_seed(2)
    values = torch.randn(3, 16, generator=draw)
    ours, theirs = nn.Linear(16, 3, bias=False), nn.Linear(16, 3, bias=False)
    for layer in (ours, theirs):
        layer.weight.data.copy_(values)
    nn.utils.parametrize.register_parametrization(ours, "weight", UnitSpectralNorm())
    nn.utils.parametrizations.spectral_norm(theirs, n_power_iterations=500)
    torch.testing.assert_close(ours.weight, theirs.weight)
    x = torch.randn(5, 16, generator=draw)
    for layer in (ours, theirs):
        layer(x).square().sum().backward()
    torch.testing.assert_close(
        ours.parametrizations.weight.original.grad, theirs.parametrizations.weight.original.grad
    )


def test_a_head_of_zeros_stays():
    layer = nn.Linear(4, 2)
    nn.init.zeros_(layer.weight)
    nn.utils.parametrize.register_parametrization(layer, "weight", UnitSpectralNorm())
    assert not layer.weight.any()


def test_r4f_holds_the_spectral_norm_and_finishes_into_plain_weights(tmp_path):
    aligner = make_aligner(dropout=0.1)
    names = set(aligner.state_dict())
    with torch.no_grad():
        aligner.tri_layer.weight.mul_(0.01)  # one norm far below 1, two above
    before = head_norms(aligner)
    assert before[0] > 1 > before[1]
    regulariser = prepared(R4F(epsilon=1e-3), aligner)
    optimiser = torch.optim.AdamW(aligner.parameters(), lr=0.05)
    for _ in range(20):
        Step(regulariser, aligner)
        optimiser.step()
        assert head_norms(aligner) == pytest.approx([1, 1, 1], abs=1e-3)
        free = [
            torch.linalg.svdvals(layer.parametrizations.weight.original)[0].item()
            for layer in (aligner.bin_layer, aligner.tri_layer, aligner.reg_layer)
        ]
    assert free != pytest.approx([1, 1, 1], abs=1e-2)  # the constraint had something to do
    aligner.eval()
    expected = aligner(**INPUTS)
    unfinished = copy.deepcopy(aligner)
    regulariser.finish(aligner)
    assert set(aligner.state_dict()) == names
    assert head_norms(aligner) == pytest.approx([1, 1, 1], abs=1e-3)
    aligner.save_pretrained(tmp_path)
    for model in (aligner, Aligner.from_pretrained(tmp_path)):
        for ours, theirs in zip(model(**INPUTS), expected, strict=True):
            torch.testing.assert_close(ours, theirs)
    regulariser.finish(aligner)  # nothing left to do
    assert set(unfinished.state_dict()) != names
    assert head_norms(unfinished) == pytest.approx([1, 1, 1], abs=1e-3)


def test_finishing_a_copy_leaves_r4fs_training_alone():
    aligner = make_aligner(dropout=0.1)
    regulariser = prepared(R4F(), aligner)
    names, found = set(aligner.state_dict()), []
    for finished in (False, True):
        torch.manual_seed(1)
        other = copy.deepcopy(aligner)
        if finished:
            regulariser.finish(other)
            assert torch.equal(other.tri_layer.weight, aligner.tri_layer.weight)
            assert other.tri_layer.weight.data_ptr() != aligner.tri_layer.weight.data_ptr()
        found.append(Step(regulariser, aligner).gradients)
    assert set(aligner.state_dict()) == names
    assert all(torch.equal(found[1][key], gradient) for key, gradient in found[0].items())


def test_r4f_equals_r3f_on_normalised_heads():
    """The independent computation again, with each head's weight divided by its norm in it."""
    aligner = make_aligner().double()
    weights = free_weights(aligner)
    torch.manual_seed(13)
    step = Step(prepared(R4F(weight=0.5, epsilon=0.05), aligner), aligner)
    torch.manual_seed(13)
    unit = dict(weights)
    for head in ("bin", "tri", "reg"):
        weight = weights[f"{head}_layer.weight"]
        unit[f"{head}_layer.weight"] = weight / torch.linalg.svdvals(weight)[0]
    words = embedded_words(weights)
    clean = written_out(unit, words)
    noised = written_out(unit, words.detach() + drawn_noise("uniform", 0.05, torch.float64))
    extra = torch_symmetric_kl(noised[0][:2], clean[0][:2])
    extra = extra + torch_symmetric_kl(noised[1][1:3], clean[1][1:3])
    expected = labelled_loss(*clean) + 0.5 * extra
    assert step.values[0].item() == pytest.approx(expected.item(), abs=1e-6)
    expected.backward()
    original = step.gradients["tri_layer.parametrizations.weight.original"].double()
    torch.testing.assert_close(original, weights["tri_layer.weight"].grad, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("device", DEVICES)
def test_r4fs_norm_is_exact_under_autocast(device):
    aligner = make_aligner().to(device)
    prepared(R4F(), aligner)
    with torch.autocast(device, torch.bfloat16):
        assert head_norms(aligner) == pytest.approx([1, 1, 1], abs=1e-5)


# --------------------------------------------------------------------------- SAM

MATRIX = torch.tensor([[3.0, 1.0, 0.0], [1.0, 2.0, 0.5], [0.0, 0.5, 1.0]], dtype=torch.float64)


class Bowl(nn.Module):
    """A model of five numbers: `bin` sees x, `tri` sees x and y, `reg` is not there."""

    def __init__(self) -> None:
        super().__init__()
        self.x = nn.Parameter(torch.tensor([1.0, -2.0, 0.5], dtype=torch.float64))
        self.y = nn.Parameter(torch.tensor([0.3, 0.1], dtype=torch.float64))
        self.frozen = nn.Parameter(torch.ones(1, dtype=torch.float64), requires_grad=False)
        self.passes = 0

    def forward(self) -> AlignerOutput:
        self.passes += 1
        both = torch.cat([self.x, self.y])
        return AlignerOutput(self.x[None], both[None], self.x.new_empty(1, 0))


def quadratic(output: AlignerOutput) -> torch.Tensor:
    """0.5 x^T A x + 2 ||y||^2 + x_1 y_1, in two parts that different heads see."""
    x, both = output.bin[0], output.tri[0]
    return 0.5 * x @ MATRIX @ x + 2 * both[3:].square().sum() + both[0] * both[3]


def quadratic_gradient(x: torch.Tensor, y: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """By hand."""
    zero = torch.zeros((), dtype=torch.float64)
    return (
        MATRIX @ x + torch.stack([y[0], zero, zero]),
        4 * y + torch.stack([x[0], zero]),
    )


def sam_step(bowl: Bowl, **options) -> torch.Tensor:
    regulariser = SAM(**options)
    regulariser.prepare(bowl)
    return regulariser.backward(bowl, quadratic, lambda value: value.backward())


def test_sam_equals_the_step_by_hand():
    bowl = Bowl()
    x, y = bowl.x.detach().clone(), bowl.y.detach().clone()
    bowl.x.grad = torch.ones(3, dtype=torch.float64)  # of a batch before, accumulated
    value = sam_step(bowl, rho=0.3)
    gx, gy = quadratic_gradient(x, y)
    norm = torch.cat([gx, gy]).norm()
    ex, ey = quadratic_gradient(x + 0.3 * gx / norm, y + 0.3 * gy / norm)
    torch.testing.assert_close(bowl.x.grad, ex + 1)
    torch.testing.assert_close(bowl.y.grad, ey)
    assert torch.equal(bowl.x, x)
    assert torch.equal(bowl.y, y)
    by_hand = 0.5 * x @ MATRIX @ x + 2 * y @ y + x[0] * y[0]
    torch.testing.assert_close(value, by_hand)
    assert not value.requires_grad
    assert bowl.passes == 2
    assert bowl.frozen.grad is None


def test_sam_per_head_climbs_for_each_head_and_sums():
    bowl = Bowl()
    x, y = bowl.x.detach().clone(), bowl.y.detach().clone()
    sam_step(bowl, rho=0.3, per_head=True)
    # bin: 0.5 x^T A x moves x alone; tri: 2 ||y||^2 + x_1 y_1 moves x_1 and y.
    first = MATRIX @ x
    expected_x = MATRIX @ (x + 0.3 * first / first.norm())
    gx, gy = torch.zeros_like(x), 4 * y
    gx[0], gy[0] = y[0], gy[0] + x[0]
    norm = torch.cat([gx, gy]).norm()
    nx, ny = x + 0.3 * gx / norm, y + 0.3 * gy / norm
    expected_x[0] += ny[0]
    expected_y = 4 * ny
    expected_y[0] += nx[0]
    torch.testing.assert_close(bowl.x.grad, expected_x)
    torch.testing.assert_close(bowl.y.grad, expected_y)
    assert torch.equal(bowl.x, x)
    assert torch.equal(bowl.y, y)
    assert bowl.passes == 3  # heads + 1


def test_sam_per_head_is_sam_where_there_is_one_head():
    aligner = make_aligner(heads=("tri",))
    found = []
    for per_head in (False, True):
        regulariser = prepared(SAM(rho=0.1, per_head=per_head), aligner)
        found.append(
            Step(
                regulariser,
                aligner,
                loss=lambda out: functional.cross_entropy(out.tri, 0 * LABELS["bin"].clamp(0)),
            )
        )
    for name, gradient in found[0].gradients.items():
        torch.testing.assert_close(found[1].gradients[name], gradient)


@pytest.mark.parametrize("per_head", [False, True])
def test_sam_puts_float32_weights_back_bit_by_bit_even_after_an_error(per_head):
    aligner = make_aligner()
    before = copy.deepcopy(aligner.state_dict())
    regulariser = prepared(SAM(rho=0.05, per_head=per_head), aligner)
    Step(regulariser, aligner)
    passes = []

    def failing() -> AlignerOutput:
        passes.append(aligner.encoder.pooler.dense.weight.detach().clone())
        if len(passes) == 2:
            raise RuntimeError("out of memory")
        return aligner(**INPUTS)

    with pytest.raises(RuntimeError, match="out of memory"):
        regulariser.backward(failing, task, lambda value: value.backward(), valid=VALID)
    assert not torch.equal(passes[0], passes[1])  # it had climbed
    after = aligner.state_dict()
    assert all(torch.equal(before[key], after[key]) for key in before)


def test_climbing_without_a_gradient_moves_nothing():
    weight = nn.Parameter(torch.ones(3))
    for gradient in (None, torch.zeros(3)):
        with climbed([weight], [gradient], radius=0.5):
            assert torch.equal(weight, torch.ones(3))


# --------------------------------------------------------------------------- FreeLB


def input_sums(aligner: Aligner, sums: list[torch.Tensor]) -> None:
    """Note what enters the LayerNorm over the sum of embeddings, pass by pass."""
    aligner.encoder.embeddings.LayerNorm.register_forward_pre_hook(
        lambda module, inputs: sums.append(inputs[0].detach().clone())
    )


def shifts_of(regulariser: Regulariser, aligner: Aligner) -> tuple[Step, list[torch.Tensor]]:
    """A step, and what it added to the word embeddings in each of its passes."""
    sums: list[torch.Tensor] = []
    input_sums(aligner, sums)
    step = Step(prepared(regulariser, aligner), aligner)
    aligner(**INPUTS)
    return step, [total - sums[-1] for total in sums[:-1]]


def test_freelb_shifts_stay_in_the_ball_of_each_example():
    regulariser = FreeLB(steps=5, adversarial_rate=0.2, initial_norm=0.15, radius=0.4)
    step, shifts = shifts_of(regulariser, make_aligner())
    norms = torch.stack([shift.flatten(1).norm(dim=1) for shift in shifts])
    assert step.passes == len(shifts) == 5
    assert (norms[0] <= 0.15).all()
    assert (norms[0] > 0.15 / 3).all()  # uniform: about 0.15 / sqrt(3)
    assert (norms <= 0.4 + 1e-5).all()
    assert norms[-1].tolist() == pytest.approx([0.4] * 4, abs=1e-5)
    real = INPUTS["attention_mask"].bool()
    assert not shifts[0][~real].any()


def test_freelb_equals_an_independent_computation():
    aligner = make_aligner().double()
    weights = free_weights(aligner)
    regulariser = FreeLB(steps=3, adversarial_rate=0.1, initial_norm=0.1, radius=0.15)
    step, shifts = shifts_of(regulariser, aligner)
    shift, losses = shifts[0].double(), []
    for expected in shifts:
        torch.testing.assert_close(shift, expected.double(), atol=1e-5, rtol=1e-3)
        shift = shift.detach().requires_grad_()
        loss = labelled_loss(*written_out(weights, embedded_words(weights) + shift))
        (loss / 3).backward()
        losses.append(loss.item())
        shift = shift.detach() + 0.1 * shift.grad / shift.grad.flatten(1).norm(dim=1)[:, None, None]
        lengths = shift.flatten(1).norm(dim=1)
        shift = shift * (0.15 / lengths).clamp(max=1)[:, None, None]
    assert step.task.item() == pytest.approx(sum(losses) / 3, abs=1e-5)
    assert losses[2] > losses[1] > losses[0]
    assert_gradients(step, weights, atol=1e-4, rtol=1e-3)


@pytest.mark.parametrize(
    "regulariser",
    [
        FreeLB(steps=1, initial_norm=0),
        FreeLB(steps=3, adversarial_rate=0, initial_norm=0),
        SMART(weight=3.0, sigma=0.0, epsilon=0.0),
        SMART(weight=3.0, sigma=0.0),
        SMART(weight=0.0),
    ],
    ids=["freelb-one-step", "freelb-no-rate", "smart-no-room", "smart-no-noise", "smart-no-weight"],
)
def test_without_a_shift_the_step_is_plain(regulariser):
    aligner = make_aligner().double()
    plain = Step(prepared(Plain(), aligner), aligner)
    step = Step(prepared(regulariser, aligner), aligner)
    torch.testing.assert_close(step.task, plain.task)
    torch.testing.assert_close(sum(step.values), plain.task)
    for name, gradient in plain.gradients.items():
        torch.testing.assert_close(step.gradients[name], gradient, atol=1e-6, rtol=1e-5)


def test_freelbs_passes_drop_out_by_the_same_masks():
    aligner = make_aligner(dropout=0.3)
    still = prepared(FreeLB(steps=4, adversarial_rate=0, initial_norm=0), aligner)
    torch.manual_seed(1)
    step = Step(still, aligner)
    assert len({value.item() for value in step.values}) == 1
    again = Step(still, aligner)  # yet every batch has its own
    assert again.values[0] != step.values[0]


def test_shifts_are_shortened_to_the_ball():
    shift = torch.zeros(3, 2, 2)
    shift[0, 0], shift[1, 1] = torch.tensor([3.0, 4.0]), torch.tensor([0.3, 0.4])
    inside = within_ball(shift, 1.0)
    torch.testing.assert_close(inside[0, 0], torch.tensor([0.6, 0.8]))
    assert torch.equal(inside[1:], shift[1:])


# --------------------------------------------------------------------------- SMART


def test_smart_equals_an_independent_computation():
    aligner = make_aligner().double()
    weights = free_weights(aligner)
    regulariser = SMART(weight=2.0, epsilon=0.04, sigma=0.01, step_size=0.1, steps=2)
    step, (_, *shifts) = shifts_of(regulariser, aligner)
    clean = written_out(weights, embedded_words(weights))
    target = [logits.detach() for logits in clean]

    def divergence(shift: torch.Tensor, others: list[torch.Tensor]) -> torch.Tensor:
        shifted = written_out(weights, embedded_words(weights) + shift)
        return (
            torch_symmetric_kl(shifted[0][:2], others[0][:2])
            + torch_symmetric_kl(shifted[1][1:3], others[1][1:3])
            + functional.mse_loss(shifted[2][3:], others[2][3:])
        )

    shift, rises = shifts[0].double(), []
    assert 0.005 < shift.std() < 0.02
    for expected in shifts[1:]:
        shift = shift.detach().requires_grad_()
        value = divergence(shift, target)
        rises.append(value.item())
        (slope,) = torch.autograd.grad(value, shift)
        largest = slope.abs().flatten(1).amax(dim=1)[:, None, None]
        shift = (shift.detach() + 0.1 * slope / largest).clamp(-0.04, 0.04)
        torch.testing.assert_close(shift, expected.double(), atol=1e-3, rtol=0.0)
        shift = expected.double()  # rounding does not add up
        assert expected.abs().max() <= 0.04 + 1e-6
    worst = divergence(shift, list(clean))
    assert worst > rises[1] > rises[0] > 0
    expected = labelled_loss(*clean) + 2 * worst
    assert step.values[0].item() == pytest.approx(expected.item(), abs=1e-5)
    assert step.task.item() == pytest.approx(labelled_loss(*clean).item(), abs=1e-6)
    assert step.passes == 4
    expected.backward()
    assert_gradients(step, weights, atol=1e-4, rtol=1e-3)


# --------------------------------------------------------------------------- all of them


@pytest.mark.parametrize("name", REGULARISERS)
def test_hooks_are_gone_and_passes_counted(name):
    aligner = make_aligner(dropout=0.1)
    step = Step(prepared(build_regulariser({"name": name}), aligner), aligner)
    assert step.passes == PASSES[name]
    assert all(not module._forward_hooks for module in aligner.modules())
    assert all(not module._forward_pre_hooks for module in aligner.modules())


@pytest.mark.parametrize("name", REGULARISERS)
def test_hooks_are_gone_after_an_error_in_any_pass(name):
    aligner = make_aligner()
    regulariser = prepared(build_regulariser({"name": name}), aligner)
    for fatal in range(1, PASSES[name] + 1):
        passes = []

        def failing(fatal=fatal, passes=passes) -> AlignerOutput:
            passes.append(1)
            output = aligner(**INPUTS)
            if len(passes) == fatal:
                raise RuntimeError("out of memory")
            return output

        with pytest.raises(RuntimeError, match="out of memory"):
            regulariser.backward(failing, task, lambda value: value.backward(), valid=VALID)
        assert all(not module._forward_hooks for module in aligner.modules())


@pytest.mark.parametrize("name", REGULARISERS)
def test_gradients_accumulate_over_batches(name):
    aligner = make_aligner()
    regulariser = prepared(build_regulariser({"name": name}), aligner)
    found = []
    for repeats in (1, 1, 2):
        aligner.zero_grad()
        torch.manual_seed(4)
        for _ in range(repeats):
            torch.manual_seed(4)
            regulariser.backward(
                lambda: aligner(**INPUTS), task, lambda value: value.backward(), valid=VALID
            )
        found.append(gradients(aligner))
    for key, gradient in found[0].items():
        assert torch.equal(found[1][key], gradient)  # the same generators, the same step
        torch.testing.assert_close(found[2][key], 2 * gradient, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("name", [*REGULARISERS, "sam per head"])
def test_every_regulariser_learns_under_bfloat16_autocast(name, device):
    """Five labels can be learnt by heart, by any of them."""
    aligner = make_aligner(dropout=0.05).to(device)
    options = {"name": "sam", "per_head": True} if name == "sam per head" else {"name": name}
    regulariser = prepared(build_regulariser(options), aligner)
    optimiser = torch.optim.AdamW(aligner.parameters(), lr=1e-2)
    inputs = {key: values.to(device) for key, values in INPUTS.items()}
    labels = {key: values.to(device) for key, values in LABELS.items()}
    valid = {key: values.to(device) for key, values in VALID.items()}

    def forward() -> AlignerOutput:
        with torch.autocast(device, torch.bfloat16):
            return aligner(**inputs)

    losses = []
    for _ in range(25):
        optimiser.zero_grad()
        value = regulariser.backward(
            forward, lambda out: joint_loss(out, labels), lambda v: v.backward(), valid=valid
        )
        assert value.dtype == torch.float32
        assert all(g.isfinite().all() for g in gradients(aligner).values())
        optimiser.step()
        losses.append(value.item())
    assert sum(losses[-5:]) < 0.5 * sum(losses[:5])


@pytest.mark.parametrize("name", REGULARISERS)
def test_a_step_depends_on_weights_and_generators_alone(name):
    """What a run resumes from is enough: nothing is kept between steps."""
    aligner = make_aligner(dropout=0.1)
    regulariser = prepared(build_regulariser({"name": name}), aligner)
    Step(regulariser, aligner)
    weights, generator = copy.deepcopy(aligner.state_dict()), torch.get_rng_state()
    expected = Step(regulariser, aligner)
    other = make_aligner(dropout=0.1)
    resumed = prepared(build_regulariser({"name": name}), other)
    other.load_state_dict(weights)
    torch.set_rng_state(generator)
    found = Step(resumed, other)
    assert torch.equal(found.task, expected.task)
    assert found.gradients.keys() == expected.gradients.keys()
    assert all(torch.equal(found.gradients[k], v) for k, v in expected.gradients.items())


@pytest.fixture
def one_process(tmp_path):
    from torch import distributed

    distributed.init_process_group(
        "gloo", init_method=f"file://{tmp_path / 'store'}", rank=0, world_size=1
    )
    yield
    distributed.destroy_process_group()


@pytest.mark.parametrize("name", [*REGULARISERS, "sam per head"])
def test_regularisers_work_through_data_parallel_wrappers(name, one_process):
    options = {"name": "sam", "per_head": True} if name == "sam per head" else {"name": name}
    found = []
    for wrapped in (False, True):
        aligner = make_aligner()
        regulariser = prepared(build_regulariser(options), aligner)
        model = aligner
        if wrapped:
            model = nn.parallel.DistributedDataParallel(aligner)
        torch.manual_seed(3)
        for _ in range(2):
            aligner.zero_grad()
            regulariser.backward(
                lambda model=model: model(**INPUTS), task, lambda v: v.backward(), valid=VALID
            )
        found.append(gradients(aligner))
    for key, gradient in found[0].items():
        torch.testing.assert_close(found[1][key], gradient)


@pytest.mark.parametrize("name", sorted(set(REGULARISERS) - {"plain"}))
def test_a_step_before_prepare_is_refused(name):
    aligner = make_aligner()
    with pytest.raises(ConfigurationError, match=r"prepare\(aligner\)"):
        build_regulariser({"name": name}).backward(
            lambda: aligner(**INPUTS), task, lambda v: v.backward()
        )


@pytest.mark.parametrize("name", ["r3f", "r4f", "freelb", "smart"])
def test_another_model_than_the_prepared_one_is_refused(name):
    aligner = make_aligner()
    regulariser = prepared(build_regulariser({"name": name}), make_aligner())
    with pytest.raises(ConfigurationError, match="prepared aligner's word embeddings"):
        Step(regulariser, aligner)


# --------------------------------------------------------------------------- options


def test_build_regulariser_knows_every_kind_and_its_published_defaults():
    assert build_regulariser(None) == build_regulariser({"name": "plain"}) == Plain()
    defaults = {
        "r3f": {"weight": 1.0, "epsilon": 1e-5, "noise": "uniform", "reg_weight": 0.0},
        "r4f": {"weight": 1.0, "epsilon": 1e-5, "noise": "uniform", "reg_weight": 0.0},
        "sam": {"rho": 0.05, "per_head": False},
        "freelb": {"steps": 2, "adversarial_rate": 0.1, "initial_norm": 0.1, "radius": 0.3},
        "smart": {"weight": 1.0, "epsilon": 1e-5, "sigma": 1e-5, "step_size": 1e-3, "steps": 1},
    }
    assert defaults.keys() | {"plain"} == REGULARISERS.keys()
    for name, options in defaults.items():
        built = build_regulariser({"name": name})
        assert type(built) is REGULARISERS[name]
        found = {f.name: getattr(built, f.name) for f in fields(built) if f.init}
        assert found == options
        assert build_regulariser({"name": name} | options) == built


def test_numbers_that_yaml_reads_as_text_are_numbers():
    built = build_regulariser({"name": "r3f", "epsilon": "1e-4", "weight": 2})
    assert built == R3F(epsilon=1e-4, weight=2)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"name": "r5f"}, "name is 'r5f'; known: plain, r3f, r4f, sam, freelb, smart"),
        ({"weight": 1.0}, "name is None; known: plain"),
        ({"name": ["r3f"]}, r"name is \['r3f'\]"),
        ("r3f", "regulariser is 'r3f'; give its keys: name"),
        ({"name": "r3f", "lambda": 1}, "r3f: unknown key.* lambda; known: name, weight, epsilon"),
        ({"name": "plain", "weight": 1}, r"plain: unknown key.* weight; known: name$"),
        ({"name": "r3f", "_aligner": 1}, "unknown key.* _aligner"),
        ({"name": "r3f", "noise": "gaussian"}, "r3f: noise is 'gaussian'; known: uniform, normal"),
        ({"name": "r3f", "weight": -1}, "weight is -1; give a number >= 0"),
        ({"name": "r4f", "epsilon": "small"}, "epsilon is 'small'; give a number"),
        ({"name": "r3f", "epsilon": math.inf}, "epsilon is inf"),
        ({"name": "r3f", "reg_weight": None}, "reg_weight is None"),
        ({"name": "sam", "rho": 0}, "rho is 0; give a number > 0"),
        ({"name": "sam", "rho": True}, "rho is True"),
        ({"name": "sam", "per_head": 1}, "per_head is 1; give true or false"),
        ({"name": "freelb", "steps": 0}, "steps is 0; give a whole number >= 1"),
        ({"name": "freelb", "steps": 2.0}, "steps is 2.0"),
        ({"name": "freelb", "radius": 0.0}, "radius is 0.0; give a number > 0"),
        ({"name": "freelb", "adversarial_rate": -0.1}, "adversarial_rate"),
        ({"name": "freelb", "initial_norm": math.nan}, "initial_norm is nan"),
        ({"name": "smart", "steps": "1"}, "steps is '1'"),
        ({"name": "smart", "sigma": -1e-5}, "sigma is -1e-05"),
        ({"name": "smart", "step_size": []}, "step_size"),
        ({"name": "smart", "epsilon": -1}, "epsilon is -1"),
    ],
)
def test_options_that_mean_nothing_are_refused(options, message):
    with pytest.raises(ConfigurationError, match=message):
        build_regulariser(options)
