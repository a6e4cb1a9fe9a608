"""The trainer and whole runs: against plain loops, killed, resumed, on two processes."""

import errno
import importlib.util
import itertools
import json
import math
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file
from sklearn.metrics import roc_auc_score
from torch.nn import functional
from transformers import AutoTokenizer, BertConfig, BertModel, MPNetConfig, MPNetTokenizer

from alignscore_metric import AlignScore, ConfigurationError, InputError, MissingResourceError
from alignscore_metric.checkpoint.aligner import Aligner, AlignerConfig
from alignscore_metric.checkpoint.loading import load_checkpoint
from alignscore_metric.checkpoint.profile import Profile
from alignscore_metric.commands.main import main
from alignscore_metric.training import run as run_module
from alignscore_metric.training import trainer
from alignscore_metric.training.card import read_record
from alignscore_metric.training.data import (
    AlignmentExample,
    EncodedExamples,
    encode_examples,
    length_batches,
    save_encoded,
)
from alignscore_metric.training.evaluation import evaluate_dev, mean_measure
from alignscore_metric.training.objective import (
    MaskedLanguageModel,
    distillation_loss,
    joint_loss,
)
from alignscore_metric.training.recipe import (
    DataSource,
    Recipe,
    SyntheticSource,
    Teacher,
    read_recipe,
)
from alignscore_metric.training.run import train
from alignscore_metric.training.start import start_from, start_teacher
from alignscore_metric.training.trainer import Extras, Progress, TrainingError, fit, settled

DOCUMENTS = [
    "The council closed the old bridge on Monday after engineers found 14 cracks. "
    "Mayor Helen Ortiz said that the repairs would cost a lot and take until March. "
    "Drivers were told to use the northern road, which was opened in 1987.",
    "The museum in Leeds sold three paintings before the auction ended in June. "
    "Its director, Amira Khan, thanked the buyers and welcomed the higher prices. "
    "About 650 people visited the museum on Saturday in heavy rain.",
]
THINGS = ["bridge", "council", "river", "school", "museum"]


def pair_rows(count: int = 60, *, upside_down: bool = False) -> list[dict]:
    """Rows that can be learnt: a claim is right where its thing is that of its text."""
    rows = []
    for i in range(count):
        head = ("bin", "tri", "reg")[i % 3]
        thing, other = THINGS[i % 5], THINGS[(i + 1 + i % 4) % 5]
        right = (i // 3) % 2 == 0
        labels = {"bin": (1, 0), "tri": (0, 2), "reg": (0.9, 0.1)}[head]
        rows.append(
            {
                "text_a": f"The {thing} was closed on Monday{' and Tuesday' * (i % 7)}.",
                "text_b": f"The {thing if right else other} was closed.",
                "label_type": head,
                "label": labels[right == upside_down],
            }
        )
    return rows


def write_rows(path: Path, rows: list[dict]) -> None:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("data")
    document = {"text_b": "It rained.", "label_type": "bin", "label": 1}
    write_rows(folder / "pairs.jsonl", pair_rows())
    write_rows(folder / "pairs.dev.jsonl", pair_rows(30))
    write_rows(folder / "wrong.dev.jsonl", pair_rows(30, upside_down=True))
    write_rows(folder / "documents.jsonl", [document | {"text_a": text} for text in DOCUMENTS])
    return folder


@pytest.fixture(scope="module")
def encoder(tmp_path_factory, tiny_aligner) -> Path:
    folder = tmp_path_factory.mktemp("encoder")
    torch.manual_seed(3)
    config = BertConfig(
        vocab_size=600,
        hidden_size=32,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=64,
    )
    BertModel(config).save_pretrained(folder)
    AutoTokenizer.from_pretrained(tiny_aligner).save_pretrained(folder)
    return folder


def source(name: str) -> DataSource:
    return DataSource(file=f"{name}.jsonl", licence="CC BY 4.0")


@pytest.fixture(scope="module")
def recipe(encoder) -> Recipe:
    return Recipe(
        encoder=str(encoder),
        name="A tiny aligner",
        pooling="claim_mean",
        profile=Profile(head="bin", supported=1, splitter="bundled_punkt", max_length=128),
        data=(source("pairs"),),
        synthetic=(SyntheticSource(file="documents.jsonl", licence="CC0 1.0", pairs=40),),
        synthetic_words=(10, 30),
        dev=(source("pairs.dev"),),
        bin_from_tri=True,
        epochs=6,
        batch_tokens=400,
        learning_rate=3e-3,
        precision="fp32",
        seed=7,
    )


# ------------------------------------------------------- the loop, against one over torch alone


@pytest.fixture(scope="module")
def examples(encoder) -> EncodedExamples:
    rows = [
        AlignmentExample("pairs", r["text_a"], r["text_b"], r["label_type"], r["label"])
        for r in pair_rows()
    ]
    return encode_examples(rows, AutoTokenizer.from_pretrained(encoder), max_length=128)


@pytest.fixture(scope="module")
def short(recipe) -> Recipe:
    """Eleven steps, without a regulariser."""
    return replace(recipe, epochs=3, batch_tokens=300, max_steps=11, warmup=0.3)


def begin(recipe: Recipe) -> Aligner:
    torch.manual_seed(recipe.seed)
    return start_from(recipe)[0]


def weights_of(model: torch.nn.Module) -> dict[str, torch.Tensor]:
    return {key: value.detach().clone() for key, value in model.state_dict().items()}


def assert_same(one, two, *, tolerance: float = 0.0) -> None:
    assert one.keys() == two.keys()
    for key, values in one.items():
        torch.testing.assert_close(values, two[key], atol=tolerance, rtol=0, msg=key)


def all_batches(examples: EncodedExamples, recipe: Recipe) -> list[list[int]]:
    draw = np.random.default_rng(recipe.seed)
    return [
        rows
        for _ in range(recipe.epochs)
        for rows in length_batches(examples.lengths(), batch_tokens=recipe.batch_tokens, rng=draw)
    ]


def by_hand(examples, recipe, *, teacher=None, processes=1) -> list[dict[str, torch.Tensor]]:
    """The weights after each step of a plain loop; with P processes a step is of P batches."""
    aligner = begin(recipe).train()
    matrices = [p for p in aligner.parameters() if p.ndim > 1]
    vectors = [p for p in aligner.parameters() if p.ndim == 1]
    optimiser = torch.optim.AdamW(
        [{"params": matrices}, {"params": vectors, "weight_decay": 0.0}],
        eps=1e-6,
        weight_decay=recipe.weight_decay,
    )
    batches = all_batches(examples, recipe)
    steps = [batches[i : i + processes] for i in range(0, len(batches), processes)]
    steps = steps[: min(len(batches) // processes, recipe.max_steps)]
    warm = max(1, round(recipe.warmup * len(steps)))
    found = []
    for step, together in enumerate(steps):
        share = (step + 1) / warm if step < warm else (len(steps) - step) / (len(steps) - warm)
        for group in optimiser.param_groups:
            group["lr"] = share * recipe.learning_rate
        optimiser.zero_grad()
        for rows in together:
            inputs, labels = examples.batch(rows)
            output = aligner(**inputs)
            loss = joint_loss(output, labels)
            if teacher is not None:
                with torch.no_grad():
                    taught = teacher(**inputs)
                settings = recipe.teacher
                loss = loss + settings.weight * distillation_loss(
                    output, taught, temperature=settings.temperature
                )
            (loss / len(together)).backward()
        if recipe.max_grad_norm:
            torch.nn.utils.clip_grad_norm_(aligner.parameters(), recipe.max_grad_norm)
        optimiser.step()
        found.append(weights_of(aligner))
    return found


@pytest.mark.parametrize(
    "change",
    [
        {},
        {"max_grad_norm": 0.0},
        {"max_grad_norm": 0.01},
        {"weight_decay": 2.0, "warmup": 0.5},
        {"pooling": "claim_attention", "copied_ngrams": 2},
        {"regulariser": {"name": "plain"}},
    ],
    ids=lambda change: "-".join(change) or "plain",
)
def test_fit_equals_a_plain_loop(short, examples, change):
    recipe = replace(short, **change)
    aligner = begin(recipe)
    progress = fit(aligner, examples, recipe)
    assert not aligner.training
    assert progress.step == 11
    expected = by_hand(examples, recipe)
    assert_same(weights_of(aligner), expected[-1], tolerance=2e-5)
    assert not torch.allclose(expected[-1]["bin_layer.weight"], expected[-2]["bin_layer.weight"])


def test_clipping_changes_the_weights(short, examples):
    """So that the test above would fail without it."""
    free, clipped = (
        by_hand(examples, replace(short, max_grad_norm=norm))[-1] for norm in (0.0, 0.01)
    )
    assert (free["bin_layer.weight"] - clipped["bin_layer.weight"]).abs().max() > 1e-4


def test_the_average_is_the_moving_average_of_the_weights(short, examples, monkeypatch):
    monkeypatch.setattr(trainer, "AVERAGED_EVERY", 1)
    recipe = replace(short, average=0.7)
    aligner = begin(recipe)
    fit(aligner, examples, recipe)
    steps = by_hand(examples, short)
    mean = steps[0]
    for weights in steps[1:]:
        mean = {key: 0.7 * mean[key] + 0.3 * weights[key] for key in mean}
    floats = {key: value for key, value in mean.items() if value.is_floating_point()}
    found = {key: value for key, value in weights_of(aligner).items() if key in floats}
    assert_same(found, floats, tolerance=2e-5)
    assert (mean["bin_layer.weight"] - steps[-1]["bin_layer.weight"]).abs().max() > 1e-3


def test_the_average_of_every_other_step(short, examples, monkeypatch):
    monkeypatch.setattr(trainer, "AVERAGED_EVERY", 2)
    recipe = replace(short, average=0.7)
    aligner = begin(recipe)
    fit(aligner, examples, recipe)
    steps = by_hand(examples, short)[::2]
    mean = steps[0]
    for weights in steps[1:]:
        mean = {key: 0.49 * mean[key] + 0.51 * weights[key] for key in mean}
    floats = {key: value for key, value in mean.items() if value.is_floating_point()}
    found = {key: value for key, value in weights_of(aligner).items() if key in floats}
    assert_same(found, floats, tolerance=2e-5)


def test_word_embeddings_stay_as_they_are_where_asked(short, examples):
    recipe = replace(short, train_words=False)
    aligner = begin(recipe)
    before = weights_of(aligner)
    fit(aligner, examples, recipe)
    after = weights_of(aligner)
    words = "encoder.embeddings.word_embeddings.weight"
    assert torch.equal(before[words], after[words])
    assert not torch.equal(before["bin_layer.weight"], after["bin_layer.weight"])
    assert all(weight.requires_grad for weight in aligner.parameters())


def test_auto_precision_is_what_the_device_computes_fast(short, monkeypatch):
    monkeypatch.setattr(torch.accelerator, "is_available", lambda: False)
    for fast, wanted in ((True, "bf16"), (False, "fp32")):
        monkeypatch.setattr(trainer, "has_bf16", lambda fast=fast: fast)
        assert settled(replace(short, precision="auto")).precision == wanted
    with pytest.warns(UserWarning, match="emulates bf16, several times slower.*fp32"):
        assert settled(replace(short, precision="bf16")).precision == "bf16"


def test_lines_say_how_far_a_run_is_where_there_is_no_terminal(
    short, examples, monkeypatch, capsys
):
    monkeypatch.setattr(trainer, "TOLD_EVERY", 0.0)
    fit(begin(short), examples, short)
    lines = capsys.readouterr().err.splitlines()
    told = [line for line in lines if re.match(r"training: step \d+ of 11, \d+ tokens/s", line)]
    assert len(told) == 11
    assert "loss" in told[-1]


def test_what_was_trained_on_is_counted(short, examples):
    progress = fit(begin(short), examples, short)
    batches = all_batches(examples, short)[:11]
    lengths = examples.lengths()
    assert progress.tokens == sum(int(lengths[rows].sum()) for rows in batches)
    assert progress.padded == sum(len(rows) * int(lengths[rows].max()) for rows in batches)
    assert progress.padded > progress.tokens


@pytest.mark.parametrize("steps", [1, 4, 1000])
def test_max_steps(short, examples, steps):
    recipe = replace(short, max_steps=steps, epochs=1)
    assert fit(begin(recipe), examples, recipe).step == min(
        steps, len(all_batches(examples, recipe))
    )


def test_dropout_and_bf16_train_too(short, examples):
    exact, dropped, rough = (
        weights_of_fit(replace(short, **change), examples)
        for change in ({}, {"dropout": 0.3}, {"precision": "bf16"})
    )
    for other in (dropped, rough):
        assert 1e-5 < (other["bin_layer.weight"] - exact["bin_layer.weight"]).abs().max() < 0.1


def weights_of_fit(recipe, examples, **options) -> dict[str, torch.Tensor]:
    aligner = begin(recipe)
    fit(aligner, examples, recipe, **options)
    return weights_of(aligner)


# --------------------------------------------------------------------------- distillation, MLM


@pytest.mark.parametrize(("weight", "temperature"), [(0.5, 1.0), (3.0, 2.0)])
def test_distillation_equals_a_plain_loop(short, examples, tiny_aligner, weight, temperature):
    teaching = Teacher(model=str(tiny_aligner), weight=weight, temperature=temperature)
    recipe = replace(short, teacher=teaching)
    teacher = start_teacher(recipe, AutoTokenizer.from_pretrained(tiny_aligner))
    found = weights_of_fit(recipe, examples, extras=Extras(teacher=teacher))
    expected = by_hand(examples, recipe, teacher=teacher.aligner)[-1]
    assert_same(found, expected, tolerance=5e-5)


@pytest.fixture(scope="module")
def foreign_teacher(tiny_aligner, tmp_path_factory) -> Path:
    """An MPNet that has the tiny aligner's tokens under other ids, and no token types."""
    folder = tmp_path_factory.mktemp("foreign-teacher")
    tokens = list(AutoTokenizer.from_pretrained(tiny_aligner).get_vocab())
    tokens = ["<s>", "<pad>", "</s>", "<unk>", *sorted(tokens), "<mask>"]
    (folder / "vocab.txt").write_text("\n".join(tokens), encoding="utf-8")
    MPNetTokenizer(vocab=str(folder / "vocab.txt")).save_pretrained(folder)
    backbone = MPNetConfig(
        vocab_size=len(tokens),
        hidden_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=16,
        max_position_embeddings=66,
    )
    config = AlignerConfig(backbone=backbone.to_dict(), pooling="claim_attention", copied_ngrams=2)
    Aligner(config).save_pretrained(folder)
    return folder


def test_a_teacher_reads_the_texts_as_its_own_tokenizer_does(short, tiny_aligner, foreign_teacher):
    """Long pairs too: the teacher has 64 positions."""
    student = AutoTokenizer.from_pretrained(tiny_aligner)
    rows = [AlignmentExample("d", r["text_a"], r["text_b"], "bin", 1) for r in pair_rows()]
    rows.append(AlignmentExample("d", "the old bridge fell. " * 9, "the bridge.", "bin", 1))
    teacher = start_teacher(replace(short, teacher=Teacher(model=str(foreign_teacher))), student)
    read = teacher.reads(encode_examples(rows, student, max_length=512))
    own = encode_examples(
        rows, AutoTokenizer.from_pretrained(foreign_teacher), max_length=64, mark_claim=True
    )
    everything = range(len(rows))
    for one, two in zip(read.batch(everything), own.batch(everything), strict=True):
        assert one.keys() == two.keys()
        assert all(torch.equal(one[key], two[key]) for key in one)


def test_distillation_from_another_kind_of_encoder(recipe, data_dir, tmp_path, foreign_teacher):
    taught = replace(recipe, teacher=Teacher(model=str(foreign_teacher)))
    losses = {}
    for name, one in (("taught", taught), ("alone", replace(taught, teacher=None))):
        train(one, data_dir=data_dir, output=tmp_path / name)
        losses[name] = load_file(tmp_path / name / "model.safetensors")
    assert any(not torch.equal(losses["taught"][k], v) for k, v in losses["alone"].items())


@pytest.mark.slow
def test_distillation_pulls_the_student_to_its_teacher(recipe, data_dir, tmp_path, tiny_aligner):
    """A random teacher: what it says can be learnt from it alone."""
    divergence = {}
    teacher = load_checkpoint(tiny_aligner).aligner
    for weight in (0.0, 10.0):
        taught = replace(
            recipe,
            synthetic=(),
            epochs=40,
            learning_rate=1e-2,
            teacher=Teacher(model=str(tiny_aligner), weight=weight),
        )
        folder = tmp_path / f"{weight}"
        train(taught, data_dir=data_dir, output=folder)
        student = load_checkpoint(folder).aligner
        tokenizer = AutoTokenizer.from_pretrained(folder)
        rows = pair_rows()
        inputs = tokenizer(
            [row["text_a"] for row in rows],
            [row["text_b"] for row in rows],
            padding=True,
            return_tensors="pt",
        )
        with torch.no_grad():
            ours, theirs = student(**inputs).bin, teacher(**inputs).bin
        divergence[weight] = functional.kl_div(
            ours.log_softmax(-1), theirs.log_softmax(-1), log_target=True, reduction="batchmean"
        ).item()
    assert divergence[10.0] < 0.2 * divergence[0.0]


def test_the_record_of_a_taught_aligner_names_its_teachers_data(recipe, data_dir, tmp_path):
    first, second = tmp_path / "first", tmp_path / "second"
    train(replace(recipe, name="A", synthetic=()), data_dir=data_dir, output=first)
    train(replace(recipe, teacher=Teacher(model=str(first))), data_dir=data_dir, output=second)
    runs = read_record(second)
    assert [(run.name, run.teacher) for run in runs] == [("A", ""), (recipe.name, "first")]
    card = (second / "README.md").read_text(encoding="utf-8")
    shared_sets = [found.name for found in runs[0].sets if found in runs[1].sets]
    assert shared_sets
    for name in shared_sets:
        assert re.search(rf"^\| {re.escape(name)} \|.*\| 1, 2 \|$", card, re.MULTILINE)


def test_a_teacher_must_read_the_same_tokens(recipe, data_dir, tmp_path):
    taught = replace(recipe, teacher=Teacher(model="mini"))
    with pytest.raises(ConfigurationError, match="'mini' has another tokenizer than"):
        train(taught, data_dir=data_dir, output=tmp_path / "out")


def test_the_language_model_trains_the_encoder_and_is_not_saved(recipe, data_dir, tmp_path):
    found = {}
    for weight in (0.0, 0.5):
        masked = replace(recipe, mlm=weight, synthetic=(), epochs=2)
        folder = tmp_path / f"{weight}"
        train(masked, data_dir=data_dir, output=folder)
        found[weight] = weights(folder)
        AlignScore(folder, progress=False).score(["The bridge was closed."], ["It was closed."])
    assert found[0.5].keys() == found[0.0].keys()
    words = "encoder.embeddings.word_embeddings.weight"
    assert not torch.equal(found[0.5][words], found[0.0][words])


def test_the_language_model_learns(short, examples, encoder):
    aligner = begin(short)
    tokenizer = AutoTokenizer.from_pretrained(encoder)
    inputs, _ = examples.batch(range(40))

    def loss(masked) -> float:
        torch.manual_seed(0)
        with torch.no_grad():
            return masked(aligner.eval(), inputs).item()

    masked = MaskedLanguageModel(aligner, tokenizer)
    before, head = loss(masked), weights_of(masked)
    recipe = replace(short, mlm=1.0, max_steps=40, epochs=10)
    fit(aligner, examples, recipe, extras=Extras(masked=masked))
    assert loss(masked) < 0.7 * before
    assert not torch.equal(head["dense.weight"], masked.dense.weight)


# --------------------------------------------------------------------------- early stopping


@pytest.fixture(scope="module")
def dev_sets(encoder) -> dict[str, EncodedExamples]:
    """Sets that training makes better and worse."""
    tokenizer = AutoTokenizer.from_pretrained(encoder)
    found = {}
    for name, upside_down in (("right", False), ("wrong", True)):
        rows = [
            AlignmentExample(name, r["text_a"], r["text_b"], r["label_type"], r["label"])
            for r in pair_rows(30, upside_down=upside_down)
        ]
        found[name] = encode_examples(rows, tokenizer, max_length=128)
    return found


@pytest.fixture(scope="module")
def patient(recipe) -> Recipe:
    return replace(
        recipe, epochs=20, batch_tokens=300, learning_rate=1e-2, evaluate_every=3, patience=4
    )


@pytest.mark.parametrize("average", [0.0, 0.6])
def test_early_stopping_keeps_the_best_weights(patient, examples, dev_sets, average):
    recipe = replace(patient, average=average)
    dev = {"wrong": dev_sets["wrong"]}
    aligner = begin(recipe)
    progress = fit(aligner, examples, recipe, dev=dev)
    means = [row["mean"] for row in progress.history]
    assert [row["step"] for row in progress.history] == [3 * i for i in range(1, len(means) + 1)]
    best = int(np.argmax(means))
    assert len(means) == best + 1 + 4
    assert progress.step == 3 * len(means) < len(all_batches(examples, recipe))
    assert progress.best == max(means) >= max(means[best + 1 :])
    found = evaluate_dev(aligner, dev["wrong"], precision="fp32")
    assert found == progress.history[best]["dev"]["wrong"]
    assert mean_measure({"wrong": found}) == progress.best
    # Those that a run of so many steps has in the end, but for the schedule of its rate.
    plain = replace(recipe, patience=None)
    last = begin(plain)
    history = fit(last, examples, plain, dev=dev).history
    assert [row["mean"] for row in history[: len(means)]] == means
    assert len(history) > len(means)
    assert mean_measure({"": evaluate_dev(last, dev["wrong"], precision="fp32")}) < progress.best


def test_patience_counts_from_the_last_better_evaluation(patient, examples, dev_sets, monkeypatch):
    means = iter([0.5, 0.4, 0.3, 0.6, 0.6, 0.5, 0.1, 0.9])  # as good is not better
    monkeypatch.setattr(trainer, "evaluate_dev", lambda *args, **kwargs: {"bin_auc": next(means)})
    recipe = replace(patient, patience=3)
    progress = fit(begin(recipe), examples, recipe, dev={"right": dev_sets["right"]})
    assert [row["mean"] for row in progress.history] == [0.5, 0.4, 0.3, 0.6, 0.6, 0.5, 0.1]
    assert (progress.best, progress.step) == (0.6, 21)


def test_the_average_is_what_is_evaluated(patient, examples, dev_sets):
    recipe = replace(patient, average=0.9, patience=None, max_steps=12)
    aligner = begin(recipe)
    last = fit(aligner, examples, recipe, dev=dev_sets).history[-1]
    assert last["step"] == 12
    for name, rows in dev_sets.items():
        assert last["dev"][name] == evaluate_dev(aligner, rows, precision="fp32")


def test_no_early_stop_while_it_gets_better(patient, examples, dev_sets):
    recipe = replace(patient, epochs=4, patience=8)
    progress = fit(begin(recipe), examples, recipe, dev={"right": dev_sets["right"]})
    assert progress.step == len(all_batches(examples, recipe))
    assert progress.history[-1]["step"] == progress.step
    assert progress.best > progress.history[0]["mean"]


def test_evaluation_changes_nothing(short, examples, dev_sets):
    """Neither the weights nor what is drawn for dropout."""
    recipe = replace(short, dropout=0.2)
    plain = weights_of_fit(recipe, examples)
    assert_same(weights_of_fit(replace(recipe, evaluate_every=2), examples, dev=dev_sets), plain)


# --------------------------------------------------------------------------- killed and resumed


class KilledError(BaseException):
    """Stands for a kill: nothing may catch it."""


def killed_in(monkeypatch, place, name: str, *, after: int) -> None:
    """Let the process die in the call of a function that comes after so many."""
    real, calls = getattr(place, name), itertools.count()

    def dying(*args, **kwargs):
        if next(calls) == after:
            raise KilledError
        return real(*args, **kwargs)

    monkeypatch.setattr(place, name, dying)


def log_of(folder: Path) -> list[dict]:
    rows = [json.loads(line) for line in (folder / "training_log.jsonl").read_text().splitlines()]
    return [{k: v for k, v in row.items() if k != "seconds"} for row in rows]


def without_time(progress: Progress) -> dict:
    return {key: value for key, value in vars(progress).items() if key != "seconds"}


VARIANTS: dict[str, dict] = {
    "plain": {},
    "dropout": {"dropout": 0.2},
    "r3f": {"regulariser": {"name": "r3f"}, "dropout": 0.1},
    "r4f": {"regulariser": {"name": "r4f"}},
    "freelb": {"regulariser": {"name": "freelb"}},
    "average": {"average": 0.8},
    "mlm": {"mlm": 0.5},
    "all": {
        "regulariser": {"name": "r4f", "noise": "normal", "epsilon": 0.01},
        "dropout": 0.1,
        "average": 0.8,
        "mlm": 0.5,
        "evaluate_every": 9,
        "patience": 6,
        "pooling": "claim_attention",
        "copied_ngrams": 2,
    },
}


@pytest.mark.parametrize("variant", VARIANTS)
def test_a_killed_run_goes_on_to_the_same_weights(
    short, examples, dev_sets, encoder, tmp_path, monkeypatch, variant
):
    """Killed twice: after 31 steps, and 9 steps after it went on from the checkpoint at 28."""
    recipe = replace(
        short, epochs=9, max_steps=60, save_every=7, learning_rate=1e-3, **VARIANTS[variant]
    )
    tokenizer = AutoTokenizer.from_pretrained(encoder)

    def run(folder: Path):
        folder.mkdir(exist_ok=True)
        aligner = begin(recipe)
        masked = MaskedLanguageModel(aligner, tokenizer) if recipe.mlm else None
        progress = fit(
            aligner,
            examples,
            recipe,
            output=folder,
            dev=dev_sets,
            extras=Extras(masked=masked),
        )
        return weights_of(aligner), without_time(progress)

    whole, progress = run(tmp_path / "whole")
    for after in (31, 9):
        killed_in(monkeypatch, torch.optim.AdamW, "step", after=after)
        with pytest.raises(KilledError):
            run(tmp_path / "killed")
        monkeypatch.undo()
        torch.manual_seed(99)
    found, resumed = run(tmp_path / "killed")
    assert_same(found, whole)
    assert resumed == progress
    assert log_of(tmp_path / "killed") == log_of(tmp_path / "whole")
    assert not list((tmp_path / "killed").glob("*.partial"))


@pytest.fixture
def saving(short) -> Recipe:
    return replace(short, save_every=2)


def test_a_kill_while_the_checkpoint_is_written(saving, examples, tmp_path, monkeypatch):
    real, calls = torch.save, itertools.count()

    def dying(state, file):
        if next(calls) == 3:
            Path(file).write_bytes(b"half of it")
            raise KilledError
        real(state, file)

    monkeypatch.setattr(torch, "save", dying)
    with pytest.raises(KilledError):
        fit(begin(saving), examples, saving, output=tmp_path)
    monkeypatch.undo()
    assert list(tmp_path.glob("*.partial"))
    state = torch.load(tmp_path / "checkpoint.pt", weights_only=True)
    assert state["progress"]["step"] == 6
    aligner = begin(saving)
    fit(aligner, examples, saving, output=tmp_path)
    assert_same(weights_of(aligner), weights_of_fit(saving, examples))
    assert not list(tmp_path.glob("*.partial"))


def test_a_log_that_was_cut_in_the_middle_of_a_line(saving, examples, tmp_path, monkeypatch):
    killed_in(monkeypatch, torch.optim.AdamW, "step", after=7)
    with pytest.raises(KilledError):
        fit(begin(saving), examples, saving, output=tmp_path)
    monkeypatch.undo()
    (tmp_path / "training_log.jsonl").write_text('{"step": 4, "loss": 1.0}\n{"step": 6, "lo')
    fit(begin(saving), examples, saving, output=tmp_path)
    assert [row["step"] for row in log_of(tmp_path)] == [4, 11]


def test_a_run_that_stopped_early_stays_stopped(patient, data_dir, tmp_path, monkeypatch, examples):
    """Killed after the checkpoint of its last step, before the model was saved."""
    recipe = replace(patient, dev=(source("wrong.dev"),), synthetic=(), save_every=3)
    train(recipe, data_dir=data_dir, output=tmp_path / "whole")
    killed_in(monkeypatch, run_module, "save_file", after=0)
    with pytest.raises(KilledError):
        train(recipe, data_dir=data_dir, output=tmp_path / "killed")
    monkeypatch.undo()
    train(recipe, data_dir=data_dir, output=tmp_path / "killed")
    assert_same(weights(tmp_path / "killed"), weights(tmp_path / "whole"))
    assert log_of(tmp_path / "killed") == log_of(tmp_path / "whole")
    assert log_of(tmp_path / "whole")[-1]["step"] < log_of(tmp_path / "whole")[-1]["steps"]


@pytest.mark.parametrize("change", [{"learning_rate": 1.0}, {"seed": 3}, {"name": "other"}])
def test_the_checkpoint_of_another_recipe_is_refused(saving, examples, tmp_path, change):
    fit(begin(saving), examples, saving, output=tmp_path)
    before = (tmp_path / "checkpoint.pt").read_bytes()
    other = replace(saving, **change)
    with pytest.raises(ConfigurationError, match="checkpoint of another recipe, of other data"):
        fit(begin(other), examples, other, output=tmp_path)
    assert (tmp_path / "checkpoint.pt").read_bytes() == before


def test_the_checkpoint_of_other_data_is_refused(saving, examples, tmp_path):
    fit(begin(saving), examples, saving, output=tmp_path)
    labels = examples.labels | {"bin": examples.labels["bin"].roll(3)}
    other = replace(examples, labels=labels)
    with pytest.raises(ConfigurationError, match="give another --output, or delete checkpoint"):
        fit(begin(saving), other, saving, output=tmp_path)


def cli_command(recipe: Recipe, data_dir: Path, folder: Path) -> list[str]:
    """The command that trains what a recipe says; writes the recipe's file."""
    values = {
        "encoder": recipe.encoder,
        "name": recipe.name,
        "pooling": recipe.pooling,
        "profile": {"head": "bin", "supported": 1, "splitter": "bundled_punkt", "max_length": 128},
        "data": [{"file": "pairs.jsonl", "licence": "CC BY 4.0"}],
        "dev": [{"file": "pairs.dev.jsonl", "licence": "CC BY 4.0"}],
        "epochs": recipe.epochs,
        "batch_tokens": recipe.batch_tokens,
        "learning_rate": recipe.learning_rate,
        "dropout": 0.1,
        "regulariser": {"name": "r3f"},
        "average": 0.9,
        "mlm": 0.5,
        "evaluate_every": 50,
        "patience": 50,
        "save_every": 30,
        "precision": "fp32",
    }
    folder.mkdir(exist_ok=True)
    (folder / "recipe.yaml").write_text(yaml.safe_dump(values))
    command = [
        sys.executable,
        "-m",
        "alignscore_metric",
        "train",
        str(folder / "recipe.yaml"),
    ]
    return [*command, "--data", str(data_dir), "--output", str(folder / "model")]


def environment(**variables: str) -> dict[str, str]:
    return os.environ | {"HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1"} | variables


def last_logged_step(file: Path) -> int:
    whole = file.read_text().rpartition("\n")[0].splitlines() if file.is_file() else []
    return json.loads(whole[-1])["step"] if whole else 0


@pytest.mark.slow
def test_kill_9_and_the_same_command_again(recipe, data_dir, tmp_path, capsys):
    recipe = replace(recipe, epochs=16, learning_rate=1e-3)
    whole = subprocess.Popen(
        cli_command(recipe, data_dir, tmp_path / "whole"), env=environment(), stderr=subprocess.PIPE
    )
    command = cli_command(recipe, data_dir, tmp_path / "killed")
    folder = tmp_path / "killed" / "model"
    process = subprocess.Popen(command, env=environment(), stderr=subprocess.PIPE)
    deadline = time.monotonic() + 300
    while (
        not (folder / "checkpoint.pt").is_file()
        or last_logged_step(folder / "training_log.jsonl") < 80
    ):
        assert process.poll() is None, process.communicate()[1].decode()
        assert time.monotonic() < deadline
        time.sleep(0.005)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert process.returncode == -signal.SIGKILL
    assert not (folder / "model.safetensors").exists()
    reached = torch.load(folder / "checkpoint.pt", weights_only=True)["progress"]["step"]
    before = (folder / "training_log.jsonl").read_text().splitlines()
    assert reached >= 30
    again = subprocess.run(command, env=environment(), capture_output=True, check=False)
    assert again.returncode == 0, again.stderr.decode()
    assert whole.wait() == 0, whole.stderr.read().decode()
    whole.stderr.close()
    # It went on: what was logged before the checkpoint, with its times, still stands.
    kept = [line for line in before if json.loads(line)["step"] <= reached]
    assert kept
    assert (folder / "training_log.jsonl").read_text().splitlines()[: len(kept)] == kept
    assert log_of(folder) == log_of(tmp_path / "whole" / "model")
    assert_same(weights(folder), weights(tmp_path / "whole" / "model"))
    assert not (folder / "checkpoint.pt").exists()
    assert main(command[3:]) == 2
    assert "holds a finished aligner; give another --output" in capsys.readouterr().err


# --------------------------------------------------------------------------- what goes wrong


def test_loss_that_is_not_a_number_names_the_sets_and_leaves_the_checkpoint(
    saving, examples, tmp_path, monkeypatch
):
    calls = itertools.count()

    def poisoned(output, labels):
        return joint_loss(output, labels) * (math.nan if next(calls) == 4 else 1.0)

    monkeypatch.setattr(trainer, "joint_loss", poisoned)
    with pytest.raises(
        TrainingError, match=r"loss is nan in a batch of pairs near step \d; a checkpoint .*lower"
    ):
        fit(begin(saving), examples, saving, output=tmp_path)
    monkeypatch.undo()
    state = torch.load(tmp_path / "checkpoint.pt", weights_only=True)
    assert state["progress"]["step"] == 4
    assert all(value.isfinite().all() for value in state["modules"].values())
    aligner = begin(saving)
    fit(aligner, examples, saving, output=tmp_path)
    assert_same(weights_of(aligner), weights_of_fit(saving, examples))


def test_weights_that_are_not_numbers_are_not_saved(
    saving, examples, encoder, tmp_path, monkeypatch
):
    """The language model's loss is not the one that is logged; its step ends with a checkpoint."""
    recipe, calls = replace(saving, mlm=0.5), itertools.count()
    aligner = begin(recipe)
    masked = MaskedLanguageModel(aligner, AutoTokenizer.from_pretrained(encoder))
    real = masked.loss
    monkeypatch.setattr(
        masked, "loss", lambda *args: real(*args) * (math.nan if next(calls) == 3 else 1.0)
    )
    with pytest.raises(TrainingError, match="weights are not finite near step 4; a checkpoint"):
        fit(aligner, examples, recipe, output=tmp_path, extras=Extras(masked=masked))
    state = torch.load(tmp_path / "checkpoint.pt", weights_only=True)
    assert state["progress"]["step"] == 2


def test_a_damaged_checkpoint(saving, examples, tmp_path):
    fit(begin(saving), examples, saving, output=tmp_path)
    whole = (tmp_path / "checkpoint.pt").read_bytes()
    for content in (whole[: len(whole) // 2], b"", b"something else"):
        (tmp_path / "checkpoint.pt").write_bytes(content)
        with pytest.raises(ConfigurationError, match=r"checkpoint\.pt is damaged.*delete it"):
            fit(begin(saving), examples, saving, output=tmp_path)


def test_loss_that_is_not_a_number_in_the_last_step(short, examples, monkeypatch):
    monkeypatch.setattr(trainer, "joint_loss", lambda out, labels: out.bin.sum() * math.inf)
    with pytest.raises(
        TrainingError, match=r"loss is .*inf in a batch of pairs near step 1; lower"
    ):
        fit(begin(short), examples, replace(short, max_steps=1))


FULL = OSError(errno.ENOSPC, "No space left on device")


@pytest.mark.parametrize(
    "error", [FULL, RuntimeError("PytorchStreamWriter failed writing file data/0")]
)
def test_a_full_disk_leaves_the_checkpoint_before(saving, examples, tmp_path, monkeypatch, error):
    real, calls = torch.save, itertools.count()

    def full(state, file):
        if next(calls) == 2:
            Path(file).write_bytes(b"half of it")
            raise error
        real(state, file)

    monkeypatch.setattr(torch, "save", full)
    with pytest.raises(TrainingError, match=r"cannot write .*; make room and run the same command"):
        fit(begin(saving), examples, saving, output=tmp_path)
    monkeypatch.undo()
    assert not list(tmp_path.glob("*.partial"))  # it would take the room
    state = torch.load(tmp_path / "checkpoint.pt", weights_only=True)
    assert state["progress"]["step"] == 4
    aligner = begin(saving)
    fit(aligner, examples, saving, output=tmp_path)
    assert_same(weights_of(aligner), weights_of_fit(saving, examples))


def test_a_disk_that_is_full_for_the_log(saving, examples, tmp_path):
    (tmp_path / "training_log.jsonl").symlink_to("/dev/full")
    with pytest.raises(TrainingError, match=r"No space left.*make room and run the same command"):
        fit(begin(saving), examples, replace(saving, max_steps=20), output=tmp_path)


@pytest.mark.parametrize("error", [FULL, SafetensorError("I/O error: No space left on device")])
def test_a_disk_that_is_full_for_the_model(recipe, data_dir, tmp_path, monkeypatch, error):
    def full(*args, **kwargs):
        raise error

    monkeypatch.setattr(run_module, "save_file", full)
    brief = replace(recipe, max_steps=5, synthetic=())
    with pytest.raises(TrainingError, match=r"No space left.*make room and run the same command"):
        train(brief, data_dir=data_dir, output=tmp_path / "out")
    monkeypatch.undo()
    killed_in(monkeypatch, torch.optim.AdamW, "step", after=0)  # nothing is trained again
    train(brief, data_dir=data_dir, output=tmp_path / "out")
    AlignScore(tmp_path / "out", progress=False).score(["a"], ["b."])


def test_a_finished_folder_is_refused_and_left_alone(trained, recipe, data_dir):
    folder, _ = trained
    before = {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}
    with pytest.raises(ConfigurationError, match="holds a finished aligner; give another --output"):
        train(recipe, data_dir=data_dir, output=folder)
    assert {p.name: p.read_bytes() for p in folder.iterdir() if p.is_file()} == before


def test_an_aligner_from_elsewhere_is_not_overwritten(recipe, data_dir, tmp_path, tiny_aligner):
    shutil.copytree(tiny_aligner, tmp_path / "theirs")  # it has no record of training
    before = (tmp_path / "theirs" / "model.safetensors").read_bytes()
    with pytest.raises(ConfigurationError, match="holds a finished aligner"):
        train(recipe, data_dir=data_dir, output=tmp_path / "theirs")
    assert (tmp_path / "theirs" / "model.safetensors").read_bytes() == before


def test_a_head_that_nothing_teaches(recipe, data_dir, tmp_path):
    write_rows(tmp_path / "tri.jsonl", [row for row in pair_rows() if row["label_type"] == "tri"])
    untaught = replace(
        recipe, data=(source("tri"),), synthetic=(), dev=(), bin_from_tri=False, epochs=1
    )
    with pytest.raises(ConfigurationError, match="'bin', which the profile reads; add"):
        train(untaught, data_dir=tmp_path, output=tmp_path / "out")
    train(replace(untaught, bin_from_tri=True), data_dir=tmp_path, output=tmp_path / "out")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"regulariser": {"name": "r5f"}}, "regulariser's name is 'r5f'"),
        ({"teacher": Teacher(model="absent")}, "absent"),
        ({"pooling": "max"}, "'max'; known: pooler"),
        ({"pooling": "first_token"}, "with one of: pooler, claim_mean, claim_attention, context"),
        ({"dev": (source("absent"),)}, r"absent\.jsonl"),
    ],
)
def test_what_cannot_be_is_told_before_the_data_are_encoded(
    recipe, data_dir, tmp_path, monkeypatch, change, message
):
    def encode(*args, **kwargs):
        pytest.fail("it encoded first")

    monkeypatch.setattr("alignscore_metric.training.prepare.encode_examples", encode)
    with pytest.raises((ConfigurationError, InputError), match=message):
        train(replace(recipe, **change), data_dir=data_dir, output=tmp_path / "out")


def test_missing_package_of_the_encoder(recipe, data_dir, tmp_path, monkeypatch):
    found = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: None if name.startswith("gt_") else found(name)
    )
    with pytest.raises(MissingResourceError, match=r"all-MiniLM-L6-v2.*pip install 'alignscore-"):
        train(
            replace(recipe, encoder="all-MiniLM-L6-v2"), data_dir=data_dir, output=tmp_path / "out"
        )


def test_missing_accelerate(short, examples, monkeypatch):
    monkeypatch.setitem(sys.modules, "accelerate", None)
    with pytest.raises(MissingResourceError, match=r"pip install 'alignscore-metric\[train\]'"):
        fit(begin(short), examples, short)


def test_without_tensorboard_there_is_the_log(saving, examples, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    fit(begin(saving), examples, saving, output=tmp_path)
    assert log_of(tmp_path)[-1]["step"] == 11
    assert not (tmp_path / "tensorboard").exists()


def test_encoder_that_is_nowhere_is_our_error(recipe, data_dir, tmp_path):
    absent = replace(recipe, encoder=str(tmp_path / "absent"))
    with pytest.raises((ConfigurationError, MissingResourceError), match="absent"):
        train(absent, data_dir=data_dir, output=tmp_path / "out")


def test_encoder_folder_of_something_else_is_our_error(recipe, data_dir, tmp_path):
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(ConfigurationError, match="cannot start from"):
        train(replace(recipe, encoder=str(tmp_path)), data_dir=data_dir, output=tmp_path / "out")


def test_output_that_is_a_file_is_our_error(recipe, data_dir, tmp_path):
    (tmp_path / "out").write_text("precious")
    with pytest.raises(ConfigurationError, match=r"cannot make the folder .*out"):
        train(recipe, data_dir=data_dir, output=tmp_path / "out")
    assert (tmp_path / "out").read_text() == "precious"


# --------------------------------------------------------------------------- several processes

SCRIPT = """
import os, sys, torch
from dataclasses import replace
from pathlib import Path
from alignscore_metric.commands.main import main
from alignscore_metric.training.data import load_encoded
from alignscore_metric.training.objective import MaskedLanguageModel
from alignscore_metric.training.recipe import read_recipe
from alignscore_metric.training.start import start_from
from alignscore_metric.training.trainer import Extras, fit

folder, rank = Path(sys.argv[1]), os.environ["RANK"]
examples, _ = load_encoded(folder / "examples")
recipe = replace(read_recipe(folder / "recipe.yaml"), max_steps=5, save_every=2)
plain = replace(recipe, mlm=0.0, regulariser=None, dropout=0.0, average=0.0)
step, calls = torch.optim.AdamW.step, []

def run(name, one, output=None):
    torch.manual_seed(one.seed)
    aligner, tokenizer = start_from(one)
    masked = MaskedLanguageModel(aligner, tokenizer) if one.mlm else None
    progress = fit(aligner, examples, one, output=output, extras=Extras(masked=masked))
    extra = {} if masked is None else masked.state_dict()
    state = {"weights": aligner.state_dict(), "masked": extra, "tokens": progress.tokens}
    torch.save(state, folder / f"{name}.{rank}.pt")

def dying(self, *args, **kwargs):
    calls.append(1)
    if len(calls) == 4:
        raise KeyboardInterrupt
    return step(self, *args, **kwargs)

run("plain", plain)
run("all", recipe)
torch.optim.AdamW.step = dying
(folder / "killed").mkdir(exist_ok=True)
try:
    run("resumed", recipe, folder / "killed")
except KeyboardInterrupt:
    torch.optim.AdamW.step = step
run("resumed", recipe, folder / "killed")
sys.exit(main(sys.argv[2:]))
"""


@pytest.mark.slow
def test_two_processes_train_one_model(recipe, data_dir, examples, tmp_path):
    """Each takes batches of its own; the gradients' mean moves the weights of both."""
    recipe = replace(recipe, epochs=12, learning_rate=1e-3)
    command = cli_command(recipe, data_dir, tmp_path)
    save_encoded(examples, tmp_path / "examples")
    (tmp_path / "script.py").write_text(SCRIPT)
    launch = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2"]
    done = subprocess.run(
        [*launch, str(tmp_path / "script.py"), str(tmp_path), *command[3:]],
        env=environment(),
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr.decode()
    read = read_recipe(tmp_path / "recipe.yaml")
    plain = replace(read, mlm=0.0, regulariser=None, dropout=0.0, average=0.0, max_steps=5)
    states = {
        (name, rank): torch.load(tmp_path / f"{name}.{rank}.pt", weights_only=True)
        for name in ("plain", "all", "resumed")
        for rank in (0, 1)
    }
    for name in ("plain", "all", "resumed"):
        assert_same(states[name, 0]["weights"], states[name, 1]["weights"])
        assert_same(states[name, 0]["masked"], states[name, 1]["masked"])
    expected = by_hand(examples, plain, processes=2)[-1]
    assert_same(states["plain", 0]["weights"], expected, tolerance=2e-5)
    # Each process has dropout and noise of its own, and goes on with them.
    assert_same(states["resumed", 0]["weights"], states["all", 0]["weights"])
    # Ten batches in five steps: all of them are counted.
    lengths = examples.lengths()
    tokens = sum(int(lengths[rows].sum()) for rows in all_batches(examples, plain)[:10])
    assert states["plain", 0]["tokens"] == tokens
    # The whole run: one folder, one log, one answer.
    folder = tmp_path / "model"
    log = log_of(folder)
    assert [row["step"] for row in log] == sorted(row["step"] for row in log)
    assert len({(row["step"], "dev" in row) for row in log}) == len(log)
    assert all(math.isfinite(row["loss"]) for row in log if "loss" in row)
    assert log[-1]["steps"] == len(all_batches(examples, read)) // 2
    assert done.stdout.decode().count("saved to") == 1
    assert not [path.name for path in folder.iterdir() if "partial" in path.name]
    AlignScore(folder, progress=False).score(["The bridge was closed."], ["It was closed."])


def test_every_process_has_a_batch_in_every_step(examples, short):
    lengths, one = examples.lengths(), all_batches(examples, short)
    for processes in (1, 2, 3, 7):
        steps = trainer._batches(lengths, replace(short, max_steps=None), processes)
        assert {len(step) for step in steps} == {processes}
        flat = [rows for step in steps for rows in step]
        assert flat == one[: len(flat)]
        assert len(one) - len(flat) < processes
    few = trainer._batches(lengths, replace(short, epochs=1, batch_tokens=10**6), 3)
    assert [len(step) for step in few] == [3]
    assert sorted(few[0][0]) == list(range(len(examples)))


# --------------------------------------------------------------------------- whole runs


@pytest.fixture(scope="module")
def trained(recipe, data_dir, tmp_path_factory) -> tuple[Path, dict]:
    folder = tmp_path_factory.mktemp("trained") / "model"
    return folder, train(recipe, data_dir=data_dir, output=folder)


def weights(folder: Path) -> dict[str, torch.Tensor]:
    with safe_open(folder / "model.safetensors", framework="pt") as stored:
        return {key: stored.get_tensor(key) for key in stored.keys()}  # noqa: SIM118  # no dict


def test_trained_folder_is_whole_and_scores(trained, recipe):
    folder, metrics = trained
    names = {path.name for path in folder.iterdir()}
    assert names >= {"config.json", "model.safetensors", "tokenizer.json", "README.md"}
    assert names >= {"training.json", "calibration.json", "training_log.jsonl"}
    assert not [name for name in names if "partial" in name or "checkpoint" in name]
    assert {tensor.dtype for tensor in weights(folder).values()} == {torch.float16}
    metric = AlignScore(folder, progress=False)
    assert metric.profile == recipe.profile
    scores = metric.score(["The bridge was closed on Monday."], ["The bridge was closed."])
    assert 0 <= scores[0] <= 1
    assert metrics.keys() == {"pairs.dev"}
    assert metrics["pairs.dev"]["rows"] == 30
    assert metrics["pairs.dev"].keys() == {
        "rows",
        "bin_accuracy",
        "bin_auc",
        "tri_accuracy",
        "reg_pearson",
    }


def test_saved_model_gives_the_reported_metrics(trained, data_dir):
    folder, metrics = trained
    rows = [json.loads(line) for line in (data_dir / "pairs.dev.jsonl").read_text().splitlines()]
    bins = [row for row in rows if row["label_type"] == "bin"]
    scores = AlignScore(folder, progress=False).score(
        [row["text_a"] for row in bins], [row["text_b"] for row in bins]
    )
    auc = roc_auc_score([row["label"] for row in bins], scores)
    assert auc == pytest.approx(
        metrics["pairs.dev"]["bin_auc"], abs=0.02
    )  # saved in half precision


def test_calibration_is_that_of_the_dev_rows(trained, data_dir):
    folder, _ = trained
    found = json.loads((folder / "calibration.json").read_text())
    assert {head: values["rows"] for head, values in found.items()} == {"bin": 10, "tri": 10}
    rows = [json.loads(line) for line in (data_dir / "pairs.dev.jsonl").read_text().splitlines()]
    checkpoint = load_checkpoint(folder)
    for head, values in found.items():
        own = [row for row in rows if row["label_type"] == head]
        inputs = AutoTokenizer.from_pretrained(folder)(
            [row["text_a"] for row in own],
            [row["text_b"] for row in own],
            padding=True,
            return_tensors="pt",
        )
        with torch.no_grad():
            logits = getattr(checkpoint.aligner(**inputs), head)
        labels = torch.tensor([row["label"] for row in own])
        for scale, key in ((1.0, "nll_before"), (values["temperature"], "nll_after")):
            nll = functional.cross_entropy(logits / scale, labels).item()
            assert values[key] == pytest.approx(nll, abs=0.02)  # saved in half precision


def test_training_log_counts_steps_and_tokens(trained):
    folder, _ = trained
    log = log_of(folder)
    steps = log[-1]["steps"]
    assert [row["step"] for row in log] == sorted({*range(20, steps + 1, 20), steps})
    assert all(a["tokens"] < b["tokens"] for a, b in itertools.pairwise(log))


def test_tensorboard_has_the_log(trained):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    folder, _ = trained
    events = EventAccumulator(str(folder / "tensorboard")).Reload()
    logged = [(row["step"], row["loss"]) for row in log_of(folder)]
    shown = [(event.step, event.value) for event in events.Scalars("loss")]
    assert shown == [(step, pytest.approx(loss, rel=1e-6)) for step, loss in logged]


def test_the_record_says_what_was_done(trained, recipe):
    folder, metrics = trained
    [run] = json.loads((folder / "training.json").read_text())["runs"]
    last = log_of(folder)[-1]
    assert (run["steps"], run["tokens"]) == (last["step"], last["tokens"])
    assert (run["seed"], run["precision"], run["learning_rate"]) == (7, "fp32", 3e-3)
    assert run["encoder"] == Path(recipe.encoder).name
    assert run["dev"]["pairs.dev"]["measures"] == metrics["pairs.dev"]
    assert [(s["name"], s["pairs"]) for s in run["sets"]] == [
        ("pairs", 60),
        ("documents+edits", 40),
    ]


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_training_learns_what_can_be_learnt(recipe, tmp_path, precision):
    rows = [
        {"text_a": "Rain.", "text_b": f"It was {word}.", "label_type": "bin", "label": label}
        for word, label in [("closed", 1), ("opened", 0)] * 40
    ]
    write_rows(tmp_path / "easy.jsonl", rows)
    learnable = replace(
        recipe,
        data=(source("easy"),),
        synthetic=(),
        dev=(source("easy"),),
        precision=precision,
        batch_tokens=120,
        epochs=16,
        learning_rate=5e-3,
    )
    metrics = train(learnable, data_dir=tmp_path, output=tmp_path / "out")
    assert metrics["easy"] == {"rows": 80, "bin_accuracy": 1.0, "bin_auc": 1.0}
    assert log_of(tmp_path / "out")[-1]["loss"] < 0.5  # chance is 1


def test_same_seed_gives_identical_weights_and_another_seed_does_not(
    trained, recipe, data_dir, tmp_path
):
    torch.manual_seed(99)  # what ran before must not matter
    train(recipe, data_dir=data_dir, output=tmp_path / "again")
    first, second = weights(trained[0]), weights(tmp_path / "again")
    assert_same(second, first)
    train(replace(recipe, seed=8, epochs=1), data_dir=data_dir, output=tmp_path / "other")
    other = weights(tmp_path / "other")
    assert not torch.equal(first["bin_layer.weight"], other["bin_layer.weight"])


@pytest.mark.slow
def test_prepared_data_train_the_same_model(trained, recipe, data_dir, tmp_path):
    for name in ("first", "second"):
        train(recipe, data_dir=data_dir, output=tmp_path / name, prepared=tmp_path / "prepared")
        assert_same(weights(tmp_path / name), weights(trained[0]))
        data_dir = tmp_path / "absent"  # not looked at again


@pytest.mark.parametrize(
    "change",
    [
        {"pooling": "claim_attention"},
        {"pooling": "pooler", "copied_ngrams": 3},
        {"pooling": "claim_mean", "regulariser": {"name": "r4f"}},
    ],
    ids=lambda change: "-".join(map(str, change)),
)
def test_the_recipes_architecture_is_saved_and_scores(recipe, data_dir, tmp_path, change):
    built = replace(recipe, epochs=1, synthetic=(), **change)
    train(built, data_dir=data_dir, output=tmp_path / "out")
    config = json.loads((tmp_path / "out" / "config.json").read_text())
    assert config["pooling"] == built.pooling
    assert config["copied_ngrams"] == built.copied_ngrams
    metric = AlignScore(tmp_path / "out", progress=False)
    [score] = metric.score(["The bridge was closed."], ["The bridge was closed."])
    checkpoint = load_checkpoint(tmp_path / "out")
    tokenizer = AutoTokenizer.from_pretrained(tmp_path / "out")
    inputs = tokenizer("The bridge was closed.", "The bridge was closed.")
    with torch.no_grad():
        logits = checkpoint.aligner(**{k: torch.tensor([v]) for k, v in inputs.items()}).bin
    assert score == pytest.approx(logits.softmax(-1)[0, 1].item(), abs=1e-5)
    assert checkpoint.weights_sha256[:8] in metric.signature
    card = (tmp_path / "out" / "README.md").read_text(encoding="utf-8")
    assert f"Pooling `{built.pooling}`, copied n-grams `{built.copied_ngrams}`" in card


def test_model_card_names_every_set_with_its_pairs_and_licence(trained):
    card = (trained[0] / "README.md").read_text(encoding="utf-8")
    assert card.startswith("# A tiny aligner\n")
    assert "| pairs | 60 | 0 | 0 | CC BY 4.0 | 1 |" in card
    assert "| documents+edits | 40 | 0 | 0 | CC0 1.0 | 1 |" in card
    assert "| pairs.dev | 30 |" in card
    assert "Pooling `claim_mean`" in card
    assert load_checkpoint(trained[0]).weights_sha256 in card
    assert "## Calibration" in card


def test_model_card_counts_what_was_left_out(recipe, data_dir, tmp_path):
    leaked = "one two three four five six seven eight nine ten eleven twelve thirteen"
    rows = [*pair_rows(9), pair_rows(1)[0], {**pair_rows(1)[0], "text_a": leaked}]
    write_rows(tmp_path / "pairs.jsonl", [row | {"dataset": "their own name"} for row in rows])
    (tmp_path / "benchmarks").mkdir()
    write_rows(tmp_path / "benchmarks" / "x.jsonl", [{"source": leaked, "summary": "x"}])
    cleaned = replace(
        recipe, synthetic=(), dev=(), epochs=1, deduplicate=True, protected="benchmarks"
    )
    train(cleaned, data_dir=tmp_path, output=tmp_path / "out")
    card = (tmp_path / "out" / "README.md").read_text(encoding="utf-8")
    assert "| pairs | 9 | 1 | 1 | CC BY 4.0 |" in card
    assert "## Calibration" not in card  # there was nothing to calibrate on


def test_start_from_an_encoder_keeps_its_weights_and_draws_new_heads(recipe, encoder):
    aligner, _ = start_from(replace(recipe, dropout=0.25))
    expected = BertModel.from_pretrained(encoder).state_dict()
    for key, values in aligner.encoder.state_dict().items():
        assert torch.equal(values, expected[key])
    dropouts = {m.p for m in aligner.modules() if isinstance(m, torch.nn.Dropout)}
    assert 0.25 in dropouts
    assert aligner.encoder.config.attention_probs_dropout_prob == 0.0
    assert aligner.profile == recipe.profile


def test_going_on_from_an_aligner_keeps_its_pooling(recipe, data_dir, tiny_aligner, tmp_path):
    going_on = replace(
        recipe, encoder=str(tiny_aligner), pooling="pooler", epochs=1, learning_rate=1e-8, dev=()
    )
    train(going_on, data_dir=data_dir, output=tmp_path / "out")
    config = json.loads((tmp_path / "out" / "config.json").read_text())
    assert config["pooling"] == "claim_mean"
    assert config["profile"]["max_length"] == 128
    before, after = weights(tiny_aligner), weights(tmp_path / "out")
    assert before.keys() == after.keys()
    for key, values in before.items():  # a step of 1e-8 changes nothing: it did start there
        torch.testing.assert_close(after[key].float(), values.float(), atol=2e-3, rtol=2e-3)
    card = (tmp_path / "out" / "README.md").read_text(encoding="utf-8")
    assert "Pooling `claim_mean`" in card


def test_going_on_from_a_trained_aligner_records_both_runs(trained, recipe, data_dir, tmp_path):
    documents = DataSource(file="documents.jsonl", licence="CC0 1.0", limit=1)
    going_on = replace(
        recipe, encoder=str(trained[0]), name="Second", data=(documents,), synthetic=(), epochs=1
    )
    train(going_on, data_dir=data_dir, output=tmp_path / "out")
    card = (tmp_path / "out" / "README.md").read_text(encoding="utf-8")
    assert card.startswith("# Second\n")
    for row in (
        "| pairs | 60 | 0 | 0 | CC BY 4.0 | 1 |",
        "| documents | 1 | 0 | 0 | CC0 1.0 | 2 |",
    ):
        assert row in card
    runs = json.loads((tmp_path / "out" / "training.json").read_text(encoding="utf-8"))["runs"]
    assert [run["name"] for run in runs] == ["A tiny aligner", "Second"]


def test_damaged_record_of_the_start_is_told_before_training(recipe, trained, data_dir, tmp_path):
    start = tmp_path / "start"
    shutil.copytree(trained[0], start)
    (start / "training.json").write_text('{"runs": [{"name": "old", "sets": [], "dev": {}}]}')
    going_on = replace(recipe, encoder=str(start))
    with pytest.raises(ConfigurationError, match=r"training\.json is no record of this version"):
        train(going_on, data_dir=data_dir, output=tmp_path / "out")
    assert not (tmp_path / "out" / "training_log.jsonl").exists()
