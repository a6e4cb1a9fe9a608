"""Probes of representational collapse: how well an encoder still learns after fine-tuning.

Three probes, for comparing regularisers over seeds: a linear probe on the frozen encoder, a chain
of tasks, and a cycle of tasks. Owns their plan and their running; their rows are `probe_results`'.
Trains by `trainer.fit`; knows nothing of what a regulariser does.

Source: Aghajanyan et al. 2021, "Better Fine-Tuning by Reducing Representational Collapse",
section 5. Its code was not released; what follows is ours: which measure counts of a task (that of
`evaluation.MAIN_MEASURES`), and what the linear probe is (see `linear_probe`).
"""

from __future__ import annotations

import copy
import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import nn
from transformers import PreTrainedTokenizerBase

from alignscore_metric.checkpoint.aligner import Aligner
from alignscore_metric.checkpoint.profile import CLASSES, Head
from alignscore_metric.engine.engine import batches
from alignscore_metric.errors import ConfigurationError, InputError, MissingResourceError
from alignscore_metric.training.data import (
    IGNORED,
    EncodedExamples,
    encode_examples,
    read_examples,
    sample,
)
from alignscore_metric.training.evaluation import evaluate_dev, labels_of, measures
from alignscore_metric.training.probe_results import (
    BEFORE,
    PROBES,
    ProbeRow,
    read_probe_rows,
    write_probe_rows,
)
from alignscore_metric.training.recipe import Recipe, build_dataclass, build_recipe, read_yaml
from alignscore_metric.training.regularisers import build_regulariser
from alignscore_metric.training.start import start_from
from alignscore_metric.training.trainer import fit as train_in_place
from alignscore_metric.training.trainer import settled

Fit = Callable[[Aligner, EncodedExamples, Recipe], object]
"""Trains an aligner in place, as `trainer.fit` does."""

Vectors = npt.NDArray[np.float32]

RECIPE_KEYS = (
    "encoder",
    "pooling",
    "copied_ngrams",
    "profile",
    "epochs",
    "max_steps",
    "batch_tokens",
    "learning_rate",
    "warmup",
    "weight_decay",
    "max_grad_norm",
    "dropout",
    "average",
    "precision",
)
"""The parts of a recipe that a plan has too; the other keys of a plan are its own."""

_TOO_FEW = "`tasks` needs two tasks or more, each with its own name"
_HEAD_STD = 0.02  # of new heads, as in BERT (Devlin et al. 2019) and RoBERTa


# --------------------------------------------------------------------------------- the plan


@dataclass(frozen=True, kw_only=True)
class ProbeTask:
    """One task: labelled pairs to learn and to be measured on.

    Attributes:
        name: What rows, tables and figures call it.
        train: Name of a JSON-lines file under the data folder.
        dev: The same, never trained on.
        head: The head that is trained and measured; rows for other heads are passed over.
        limit: Training pairs at most, drawn at random.
        dev_limit: Dev pairs at most, drawn at random.
    """

    name: str
    train: str
    dev: str
    head: Head
    limit: int | None = None
    dev_limit: int | None = None

    def __post_init__(self) -> None:
        """Refuse what cannot be trained."""
        if self.head not in CLASSES:
            raise ConfigurationError(f"head is {self.head!r}; known: {', '.join(CLASSES)}")
        for key in ("limit", "dev_limit"):
            value = getattr(self, key)
            if value is not None and (type(value) is not int or value < 1):
                raise ConfigurationError(f"{key} is {value!r}; give a whole number >= 1")


@dataclass(frozen=True, kw_only=True)
class ProbePlan:
    """Which probes to run, on what, for which regularisers.

    Attributes:
        recipe: How each stage is trained; its seed and regulariser are the plan's.
        tasks: The first is fine-tuned on first. The linear probe is fitted to the others; the
            chain trains on the others in turn.
        regularisers: Their names in the results, and for each what `Recipe.regulariser` takes.
        seeds: Each gives every regulariser its own heads and order of examples. The first also
            draws the examples, which are the same in all runs.
        probes: Some of `PROBES`.
        cycle: Names of the tasks that are gone round; by default the first three.
        rounds: How often.
    """

    recipe: Recipe
    tasks: tuple[ProbeTask, ...]
    regularisers: Mapping[str, Mapping[str, object] | None]
    seeds: tuple[int, ...] = (0, 1, 2)
    probes: tuple[str, ...] = PROBES
    cycle: tuple[str, ...] = ()
    rounds: int = 3

    def __post_init__(self) -> None:
        """Refuse what cannot be run."""
        names = [task.name for task in self.tasks]
        if len(names) < 2 or len(set(names)) < len(names):
            raise ConfigurationError(_TOO_FEW)
        if not self.regularisers or BEFORE in self.regularisers:
            raise ConfigurationError(
                f"`regularisers` needs names with options, e.g. plain: null; not {BEFORE!r}"
            )
        if not self.seeds or any(type(seed) is not int or seed < 0 for seed in self.seeds):
            raise ConfigurationError(f"seeds are {self.seeds!r}; give whole numbers >= 0")
        for key, known in (("probes", PROBES), ("cycle", names)):
            if unknown := [name for name in getattr(self, key) if name not in known]:
                raise ConfigurationError(f"{key}: no {unknown[0]!r}; known: {', '.join(known)}")
        if not self.probes:
            raise ConfigurationError(f"`probes` is empty; give some of {', '.join(PROBES)}")
        if type(self.rounds) is not int or self.rounds < 1:
            raise ConfigurationError(f"rounds is {self.rounds!r}; give a whole number >= 1")

    def for_run(self, regulariser: str, seed: int) -> Recipe:
        """The recipe of one regulariser and one seed."""
        options = self.regularisers[regulariser]
        return replace(self.recipe, regulariser=options, seed=seed)


def read_plan(path: Path) -> ProbePlan:
    """Read a plan.

    Args:
        path: A YAML file with the fields of `ProbePlan`, but in the place of `recipe` the keys of
            a recipe that `RECIPE_KEYS` names.

    Raises:
        ConfigurationError: The file is missing or broken, or a key is unknown or absent.
        MissingResourceError: PyYAML is not installed.
    """
    return read_yaml(path, _plan, what="plan")


def _plan(values: dict[str, Any]) -> ProbePlan:
    own = [f.name for f in fields(ProbePlan) if f.name != "recipe"]
    if unknown := [key for key in values if key not in (*own, *RECIPE_KEYS)]:
        raise ConfigurationError(
            f"unknown key(s) {', '.join(map(str, unknown))}; known: "
            f"{', '.join([*own, *RECIPE_KEYS])}"
        )
    plan = {key: values[key] for key in own if key in values}
    for key in ("tasks", "seeds", "probes", "cycle"):
        if not isinstance(plan.get(key, []), list):
            raise ConfigurationError(f"`{key}` must be a list")
        if key in plan:
            plan[key] = tuple(plan[key])
    if not isinstance(plan.get("regularisers"), dict):
        raise ConfigurationError("`regularisers` must hold names with options, e.g. plain: null")
    tasks = tuple(
        build_dataclass(ProbeTask, row, f"tasks[{i}]")
        for i, row in enumerate(plan.get("tasks", ()))
    )
    if not tasks:
        raise ConfigurationError(_TOO_FEW)
    recipe = {key: values[key] for key in RECIPE_KEYS if key in values}
    data = [{"file": task.train, "licence": "not released"} for task in tasks]
    plan |= {"tasks": tasks, "recipe": build_recipe(recipe | {"name": "probe", "data": data})}
    return build_dataclass(ProbePlan, plan, "plan")


# ------------------------------------------------------------------------------- the probes


@dataclass(frozen=True)
class EncodedTask:
    """A task's pairs, encoded.

    Attributes:
        name: Its name.
        train: What is learned.
        dev: What it is measured on.
    """

    name: str
    train: EncodedExamples
    dev: EncodedExamples


@dataclass(frozen=True)
class Stage:
    """What a model is worth after a stage of training.

    Attributes:
        number: From 1.
        task: The task that it was trained on in this stage, and is measured on.
        measures: As `evaluate_dev` gives them.
    """

    number: int
    task: str
    measures: dict[str, float]


def pooled(
    aligner: Aligner, encoded: EncodedExamples, *, precision: str, batch_tokens: int = 16384
) -> Vectors:
    """The vector of each pair that the heads read.

    Args:
        aligner: The model; left in the mode it was in, its weights untouched.
        encoded: N pairs.
        precision: `fp32` or `bf16`.
        batch_tokens: Padded tokens of a batch.

    Returns:
        Shape [N, W], W the model's `width`.
    """
    vectors = np.empty((len(encoded), aligner.width), dtype=np.float32)
    training, device = aligner.training, aligner.device
    aligner.eval()
    encoded = encoded.to(device)
    with torch.inference_mode():
        for rows in batches(encoded.lengths(), batch_tokens=batch_tokens):
            inputs, _ = encoded.batch(rows.tolist())
            with torch.autocast(device.type, torch.bfloat16, enabled=precision == "bf16"):
                vectors[rows] = aligner.pool(**inputs).float().cpu().numpy()
    aligner.train(training)
    return vectors


def linear_probe(
    aligner: Aligner,
    train: EncodedExamples,
    dev: EncodedExamples,
    *,
    precision: str,
    strength: float = 1.0,
) -> dict[str, float]:
    """How much a linear model can read from a frozen aligner's vectors.

    Every pair is run through the encoder once. On its vector, each of whose values is brought to
    mean 0 and variance 1 over the training pairs, scikit-learn fits a logistic regression for
    `bin` and `tri` labels and a ridge regression for `reg`, both with an L2 penalty.

    Args:
        aligner: The model; not trained.
        train: Labelled pairs to fit.
        dev: Labelled pairs to measure on; labels of a head that `train` has none for do not count.
        precision: `fp32` or `bf16`, of the encoder.
        strength: Of the penalty, > 0: scikit-learn's `alpha`, and the inverse of its `C`.

    Returns:
        As `evaluate_dev`: `rows`, and the measures of each head.

    Raises:
        InputError: The training pairs have one class alone.
    """
    vectors, of_dev = (pooled(aligner, rows, precision=precision) for rows in (train, dev))
    labels, truth = labels_of(train), labels_of(dev)
    outputs = {
        head: np.zeros((len(dev), classes) if head != "reg" else len(dev))
        for head, classes in CLASSES.items()
    }
    for head, values in labels.items():
        rows = values != IGNORED
        if rows.any():
            outputs[head] = _fit_linear(head, vectors[rows], values[rows], of_dev, strength)
        else:
            truth[head] = np.full_like(truth[head], IGNORED)
    return measures(outputs, truth)


def _fit_linear(
    head: str, vectors: Vectors, labels: npt.NDArray[Any], of_dev: Vectors, strength: float
) -> npt.NDArray[np.float64]:
    """What a linear model that was fitted to some vectors says of others: a head's logits."""
    try:
        from sklearn.linear_model import LogisticRegression, Ridge
        from sklearn.pipeline import make_pipeline
        from sklearn.preprocessing import StandardScaler
    except ImportError as cause:
        raise MissingResourceError(
            "the linear probe needs: pip install 'alignscore-metric[train]'"
        ) from cause
    if head == "reg":
        model = make_pipeline(StandardScaler(), Ridge(alpha=strength)).fit(vectors, labels)
        return np.asarray(model.predict(of_dev), np.float64)
    classes = np.unique(labels)
    if len(classes) < 2:
        raise InputError(f"all pairs to fit the linear probe to have the {head} label {classes[0]}")
    regression = LogisticRegression(C=1 / strength, max_iter=2000)
    model = make_pipeline(StandardScaler(), regression).fit(vectors, labels)
    scores = np.asarray(model.decision_function(of_dev), np.float64)
    logits = np.full((len(of_dev), CLASSES[head]), -np.inf)
    # For two classes scikit-learn gives the second one's logit alone.
    logits[:, classes] = scores if scores.ndim > 1 else np.stack([0 * scores, scores], axis=1)
    return logits


def new_heads(aligner: Aligner, seed: int) -> None:
    """Give an aligner new random heads; all else stays.

    Args:
        aligner: The model, changed in place.
        seed: The same seed gives the same heads, whatever the device.
    """
    draw = torch.Generator().manual_seed(seed)
    for head in aligner.config.heads:
        layer: nn.Linear = getattr(aligner, f"{head}_layer")
        weight = torch.randn(layer.weight.shape, generator=draw) * _HEAD_STD
        with torch.no_grad():
            layer.weight.copy_(weight)
            layer.bias.zero_()


def sequential(
    aligner: Aligner, tasks: Sequence[EncodedTask], recipe: Recipe, *, fit: Fit = train_in_place
) -> Iterator[Stage]:
    """Train on one task after the other, each with new heads on the encoder as it has become.

    Args:
        aligner: The model, trained in place: what a stage left is there until the next is asked
            for.
        tasks: In order; a task may come again.
        recipe: How each stage is trained. Its seed and the stage's number give the stage's heads
            and order of examples.
        fit: What trains.

    Yields:
        One stage after each task.
    """
    for number, task in enumerate(tasks, start=1):
        seed = int(np.random.SeedSequence([recipe.seed, number]).generate_state(1)[0])
        new_heads(aligner, seed)
        fit(aligner, task.train, replace(recipe, seed=seed))
        found = evaluate_dev(aligner, task.dev, precision=settled(recipe).precision)
        yield Stage(number, task.name, found)


def cycles(
    aligner: Aligner,
    tasks: Sequence[EncodedTask],
    recipe: Recipe,
    *,
    rounds: int = 3,
    fit: Fit = train_in_place,
) -> Iterator[Stage]:
    """Go round some tasks again and again; see `sequential`."""
    yield from sequential(aligner, [*tasks] * rounds, recipe, fit=fit)


# ---------------------------------------------------------------------------------- running


def run_probes(
    plan: ProbePlan,
    data_dir: Path,
    *,
    results: Path | None = None,
    fit: Fit = train_in_place,
) -> list[ProbeRow]:
    """Run all probes of a plan for all regularisers and seeds.

    Args:
        plan: What to run.
        data_dir: Folder of the tasks' files.
        results: JSON file for the rows, written after every regulariser and seed. Where it holds
            rows of the same plan already, those runs are not repeated.
        fit: What trains.

    Returns:
        The rows, in the order of the plan.

    Raises:
        InputError: A data file is missing, broken, or has no pair for the task's head.
        ConfigurationError: An encoder or a regulariser does not exist; `results` is of another
            plan.
    """
    for options in plan.regularisers.values():
        build_regulariser(options)  # so that a misspelt one does not wait for the others
    rows = _rows_so_far(results, plan)
    base, tokenizer = start_from(plan.recipe)
    reads = base.reads_claim
    tasks = [_encode(task, data_dir, tokenizer, plan, mark_claim=reads) for task in plan.tasks]
    done = {(row.regulariser, row.seed) for row in rows}
    if "linear" in plan.probes and not rows:
        recipe = plan.recipe
        rows += _linear_rows(base, tasks, BEFORE, replace(recipe, seed=plan.seeds[0]), stage=0)
    for name in plan.regularisers:
        for seed in plan.seeds:
            if (name, seed) not in done:
                rows += _run(plan, base, tasks, name, plan.for_run(name, seed), fit)
                if results is not None:
                    write_probe_rows(results, rows, plan=repr(plan))
    return rows


def _encode(
    task: ProbeTask,
    data_dir: Path,
    tokenizer: PreTrainedTokenizerBase,
    plan: ProbePlan,
    *,
    mark_claim: bool,
) -> EncodedTask:
    def read(file: str, limit: int | None) -> EncodedExamples:
        examples = [e for e in read_examples(data_dir / file, task.name) if e.head == task.head]
        if not examples:
            raise InputError(f"{data_dir / file} has no pair for the head {task.head!r}")
        drawn = sample(examples, limit, random.Random(plan.seeds[0]))
        length = plan.recipe.profile.max_length
        return encode_examples(drawn, tokenizer, max_length=length, mark_claim=mark_claim)

    return EncodedTask(task.name, read(task.train, task.limit), read(task.dev, task.dev_limit))


def _run(
    plan: ProbePlan,
    base: Aligner,
    tasks: list[EncodedTask],
    name: str,
    recipe: Recipe,
    fit: Fit,
) -> Iterator[ProbeRow]:
    """The rows of one regulariser and one seed."""
    if {"linear", "sequential"} & set(plan.probes):
        chain = tasks if "sequential" in plan.probes else tasks[:1]
        aligner = copy.deepcopy(base)
        for stage in sequential(aligner, chain, recipe, fit=fit):
            if "sequential" in plan.probes:
                yield _row("sequential", name, recipe, stage)
            if "linear" in plan.probes and stage.number == 1:
                yield from _linear_rows(aligner, tasks, name, recipe, stage=1)
    if "cycles" in plan.probes:
        names = plan.cycle or [task.name for task in plan.tasks[:3]]
        by_name = {task.name: task for task in tasks}
        ring = [by_name[each] for each in names]
        for stage in cycles(copy.deepcopy(base), ring, recipe, rounds=plan.rounds, fit=fit):
            yield _row("cycles", name, recipe, stage)


def _row(probe: str, name: str, recipe: Recipe, stage: Stage) -> ProbeRow:
    return ProbeRow(probe, name, recipe.seed, stage.number, stage.task, stage.measures)


def _linear_rows(
    aligner: Aligner, tasks: Sequence[EncodedTask], name: str, recipe: Recipe, *, stage: int
) -> list[ProbeRow]:
    """Linear probes of all tasks but the first."""
    return [
        ProbeRow(
            "linear",
            name,
            recipe.seed,
            stage,
            task.name,
            linear_probe(aligner, task.train, task.dev, precision=settled(recipe).precision),
        )
        for task in tasks[1:]
    ]


def _rows_so_far(results: Path | None, plan: ProbePlan) -> list[ProbeRow]:
    if results is None or not results.is_file():
        return []
    rows, of_plan = read_probe_rows(results)
    if of_plan != repr(plan):
        raise ConfigurationError(f"{results} holds rows of another plan; give another output")
    return rows
