"""The objective: joint loss, masked language model and distillation, against torch itself."""

import math

import pytest
import torch
from torch.nn import functional
from transformers import AutoTokenizer

from alignscore_metric import ConfigurationError
from alignscore_metric.checkpoint.aligner import Aligner, AlignerOutput
from alignscore_metric.training.data import IGNORED
from alignscore_metric.training.objective import (
    MLM_WEIGHT,
    MaskedLanguageModel,
    distillation_loss,
    head_losses,
    joint_loss,
    mask_tokens,
)


def random_output(seed: int = 0, rows: int = 6, scale: float = 1.0) -> AlignerOutput:
    draw = torch.Generator().manual_seed(seed)
    shapes = ((rows, 2), (rows, 3), (rows,))
    return AlignerOutput(
        *((scale * torch.randn(shape, generator=draw)).requires_grad_() for shape in shapes)
    )


LABELS = {
    "bin": torch.tensor([1, 0, 1, IGNORED, IGNORED, IGNORED]),
    "tri": torch.tensor([IGNORED, IGNORED, 0, 2, IGNORED, IGNORED]),
    "reg": torch.tensor([IGNORED] * 4 + [0.2, 0.9]),
}


def torch_losses(output: AlignerOutput) -> dict[str, torch.Tensor]:
    """The three terms from torch's own losses, on the rows that have a label."""
    return {
        "bin": functional.cross_entropy(output.bin[:3], LABELS["bin"][:3]) / math.log(2),
        "tri": functional.cross_entropy(output.tri[2:4], LABELS["tri"][2:4]) / math.log(3),
        "reg": functional.mse_loss(output.reg[4:], LABELS["reg"][4:]),
    }


# --------------------------------------------------------------------------- joint loss


def test_each_heads_loss_equals_torchs():
    output = random_output()
    torch.testing.assert_close(head_losses(output, LABELS), torch_losses(output))


def test_joint_loss_weighs_heads_and_the_language_model():
    output, mlm = random_output(), torch.tensor(3.0, requires_grad=True)
    terms = torch_losses(output)
    expected = 2 * terms["bin"] + terms["tri"] + 0.25 * terms["reg"] + 0.5 * mlm
    loss = joint_loss(output, LABELS, weights={"bin": 2, "reg": 0.25}, mlm=mlm)
    torch.testing.assert_close(loss, expected)
    loss.backward()
    assert mlm.grad.item() == MLM_WEIGHT == 0.5
    heavier = joint_loss(output, LABELS, mlm=mlm, mlm_weight=2.0)
    torch.testing.assert_close(heavier, sum(terms.values()) + 2 * mlm)


def test_a_weight_of_zero_teaches_a_head_nothing():
    output = random_output()
    joint_loss(output, LABELS, weights={"tri": 0}).backward()
    assert not output.tri.grad.any()
    assert output.bin.grad.any()


def test_weights_of_no_head_are_refused():
    with pytest.raises(ConfigurationError, match=r"no head is called bni; .*bin, tri, reg"):
        joint_loss(random_output(), LABELS, weights={"bni": 2.0})


def test_a_lacking_head_adds_nothing_unless_labels_ask_for_it():
    whole = random_output()
    lacking = whole._replace(tri=torch.empty(6, 0))
    labels = LABELS | {"tri": torch.full((6,), IGNORED)}
    terms = torch_losses(whole)
    torch.testing.assert_close(joint_loss(lacking, labels), terms["bin"] + terms["reg"])
    with pytest.raises(ConfigurationError, match="no head 'tri', which 2 examples"):
        joint_loss(lacking, LABELS)


# --------------------------------------------------------------------------- distillation


@pytest.mark.parametrize("temperature", [1.0, 2.5])
def test_distillation_equals_torchs_kl_and_mse(temperature):
    student, teacher = random_output(1), random_output(2, scale=3)
    expected = functional.mse_loss(student.reg, teacher.reg)
    for ours, theirs in ((student.bin, teacher.bin), (student.tri, teacher.tri)):
        expected = expected + temperature**2 * functional.kl_div(
            (ours / temperature).log_softmax(-1),
            (theirs / temperature).softmax(-1),
            reduction="batchmean",
        )
    loss = distillation_loss(student, teacher, temperature=temperature)
    torch.testing.assert_close(loss, expected)
    loss.backward()
    assert all(logits.grad is None for logits in teacher)
    # Hinton et al. 2015: the gradient at temperature T is T (q - p) for T^2 KL.
    softened = [(x.bin / temperature).softmax(-1) for x in (student, teacher)]
    torch.testing.assert_close(student.bin.grad, temperature * (softened[0] - softened[1]) / 6)


def test_a_student_that_agrees_loses_nothing():
    output = random_output()
    assert distillation_loss(output, output, temperature=2.0).item() == pytest.approx(0, abs=1e-6)


def test_distillation_is_over_the_heads_that_both_have():
    student, teacher = random_output(1), random_output(2)
    alone = distillation_loss(
        student._replace(reg=torch.empty(6, 0)), teacher._replace(bin=torch.empty(6, 0))
    )
    expected = functional.kl_div(
        student.tri.log_softmax(-1), teacher.tri.softmax(-1), reduction="batchmean"
    )
    torch.testing.assert_close(alone, expected)
    nothing = AlignerOutput(*(torch.empty(6, 0) for _ in range(3)))
    with pytest.raises(ConfigurationError, match="no head in common"):
        distillation_loss(student, nothing)


@pytest.mark.parametrize("temperature", [0.0, -1.0, math.nan])
def test_temperature_must_be_above_zero(temperature):
    with pytest.raises(ConfigurationError, match="temperature"):
        distillation_loss(random_output(), random_output(), temperature=temperature)


# --------------------------------------------------------------------------- masked language model

MASK_ID, VOCABULARY = 4, 1000


def masked_batch(share: float = 0.15):
    draw = torch.Generator().manual_seed(3)
    ids = torch.randint(5, VOCABULARY, (200, 500), generator=draw)
    eligible = torch.ones_like(ids).bool()
    eligible[:, 0] = False
    eligible[:, 400:] = False
    masked, labels = mask_tokens(
        ids, eligible, mask_id=MASK_ID, vocab_size=VOCABULARY, share=share, generator=draw
    )
    return ids, eligible, masked, labels


@pytest.mark.parametrize("share", [0.15, 0.4])
def test_masking_follows_berts_shares(share):
    ids, eligible, masked, labels = masked_batch(share)
    chosen = labels != IGNORED
    total, count = int(eligible.sum()), int(chosen.sum())
    # Four standard deviations of each binomial count.
    assert count / total == pytest.approx(share, abs=4 * math.sqrt(share * (1 - share) / total))
    as_mask = (masked[chosen] == MASK_ID).float().mean().item()
    assert as_mask == pytest.approx(0.8, abs=4 * math.sqrt(0.16 / count))
    # A random token equals the original, or is the mask, once in a thousand.
    kept = (masked[chosen] == ids[chosen]).float().mean().item()
    assert kept == pytest.approx(0.1, abs=4 * math.sqrt(0.09 / count) + 2e-4)
    others = masked[chosen & (masked != MASK_ID) & (masked != ids)]
    assert len(others) / count == pytest.approx(0.1, abs=4 * math.sqrt(0.09 / count) + 2e-4)
    assert others.float().mean().item() == pytest.approx(
        (VOCABULARY - 1) / 2, abs=4 * VOCABULARY / math.sqrt(12 * len(others))
    )
    assert others.max() < VOCABULARY


def test_masking_touches_eligible_tokens_alone():
    ids, eligible, masked, labels = masked_batch()
    chosen = labels != IGNORED
    assert not (chosen & ~eligible).any()
    assert torch.equal(masked[~chosen], ids[~chosen])
    assert torch.equal(labels[chosen], ids[chosen])


def test_masking_everything_or_nothing():
    *_, eligible, masked, labels = masked_batch(1.0)
    assert torch.equal(labels != IGNORED, eligible)
    ids, _, masked, labels = masked_batch(0.0)
    assert torch.equal(masked, ids)
    assert (labels == IGNORED).all()
    with pytest.raises(ConfigurationError, match="share of masked tokens is 15"):
        masked_batch(15)


def test_masking_is_drawn_from_the_global_generator_by_default():
    ids = torch.arange(400).reshape(4, 100)
    drawn = []
    for seed in (1, 1, 2):
        torch.manual_seed(seed)
        drawn.append(mask_tokens(ids, ids > -1, mask_id=0, vocab_size=400)[0])
    assert torch.equal(drawn[0], drawn[1])
    assert not torch.equal(drawn[0], drawn[2])


@pytest.fixture
def language_model(tiny_aligner):
    torch.manual_seed(5)
    aligner = Aligner.from_pretrained(tiny_aligner)
    tokenizer = AutoTokenizer.from_pretrained(tiny_aligner)
    inputs = tokenizer(
        ["the council closed the bridge", "it said"],
        ["the bridge", "a council said it closed"],
        padding=True,
        return_tensors="pt",
    )
    return aligner, tokenizer, MaskedLanguageModel(aligner, tokenizer), dict(inputs)


def test_language_model_equals_torchs_cross_entropy_with_a_tied_decoder(language_model):
    aligner, _, model, _ = language_model
    draw = torch.Generator().manual_seed(1)
    states = torch.randn(3, 7, 32, generator=draw)
    labels = torch.full((3, 7), IGNORED)
    labels[0, 2], labels[1, 5], labels[2, 0] = 17, 230, 599
    words = aligner.encoder.get_input_embeddings().weight
    torch.nn.init.normal_(model.bias, generator=draw)
    loss = model.loss(states, labels, words)
    hidden = functional.gelu(states @ model.dense.weight.T + model.dense.bias)
    spread = hidden.var(dim=-1, unbiased=False, keepdim=True)
    hidden = (hidden - hidden.mean(dim=-1, keepdim=True)) / (spread + model.norm.eps).sqrt()
    logits = hidden @ words.T + model.bias
    expected = functional.cross_entropy(logits.flatten(0, 1), labels.flatten())
    torch.testing.assert_close(loss, expected)
    loss.backward()
    assert words.grad.abs().sum() > 0


def test_nothing_masked_is_a_loss_of_zero_with_a_gradient(language_model):
    aligner, _, model, _ = language_model
    words = aligner.encoder.get_input_embeddings().weight
    loss = model.loss(torch.randn(1, 4, 32), torch.full((1, 4), IGNORED), words)
    assert loss.item() == 0.0
    loss.backward()
    assert not model.dense.weight.grad.any()


def test_language_model_masks_words_alone_and_learns_through_the_encoder(
    language_model, monkeypatch
):
    aligner, tokenizer, model, inputs = language_model
    seen = []

    def run(states, labels, embedding):
        seen.append((states, labels, embedding))
        return MaskedLanguageModel.loss(model, states, labels, embedding)

    monkeypatch.setattr(model, "loss", run)
    torch.manual_seed(8)
    model(aligner, inputs).backward()
    (states, labels, embedding), ids = seen[0], inputs["input_ids"]
    chosen = labels != IGNORED
    assert chosen.any()
    assert torch.equal(labels[chosen], ids[chosen])
    special = torch.tensor(tokenizer.get_special_tokens_mask(ids.flatten().tolist(), None, True))
    assert not special.reshape(ids.shape)[chosen].any()
    assert embedding is aligner.encoder.get_input_embeddings().weight
    assert states.shape == (*ids.shape, 32)
    touched = aligner.encoder.encoder.layer[0].attention.self.query.weight.grad
    assert touched.abs().sum() > 0
    assert aligner.tri_layer.weight.grad is None


def test_language_model_is_no_part_of_the_aligner_nor_owns_its_words(language_model, tmp_path):
    aligner, _, model, _ = language_model
    shapes = {key: tuple(values.shape) for key, values in model.state_dict().items()}
    assert shapes == {
        "bias": (600,),
        "dense.weight": (32, 32),
        "dense.bias": (32,),
        "norm.weight": (32,),
        "norm.bias": (32,),
    }
    ours, theirs = set(map(id, model.parameters())), set(map(id, aligner.parameters()))
    assert not ours & theirs
    aligner.save_pretrained(tmp_path)
    Aligner.from_pretrained(tmp_path)  # strict: nothing of the language model came along


def test_language_model_needs_a_mask(language_model):
    aligner, tokenizer, *_ = language_model
    tokenizer.mask_token = None
    with pytest.raises(ConfigurationError, match=r"no mask token.*`mlm: 0`"):
        MaskedLanguageModel(aligner, tokenizer)
