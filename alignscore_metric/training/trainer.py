"""The optimisation of an aligner on encoded examples: batches, steps, checkpoints to resume from.

Knows nothing of files of examples, of model cards, or of where the aligner came from.
"""

from __future__ import annotations

import hashlib
import json
import math
import sys
import time
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError
from torch import Tensor
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn
from tqdm.auto import tqdm

from alignscore_metric.checkpoint.aligner import Aligner, AlignerOutput
from alignscore_metric.engine.precision import has_bf16
from alignscore_metric.errors import AlignScoreError, ConfigurationError, MissingResourceError
from alignscore_metric.system.allocator import keep_freed_memory
from alignscore_metric.system.whole_files import whole_path
from alignscore_metric.training.data import IGNORED, EncodedExamples, length_batches
from alignscore_metric.training.evaluation import evaluate_dev, mean_measure
from alignscore_metric.training.objective import (
    MaskedLanguageModel,
    distillation_loss,
    joint_loss,
    span_loss,
)
from alignscore_metric.training.recipe import Recipe
from alignscore_metric.training.regularisers import build_regulariser
from alignscore_metric.training.start import TeachingAligner

LOG_EVERY = 20
SPAN_WEIGHT = 0.5
"""Of the span head's loss beside the other heads'."""

TOLD_EVERY = 30.0
"""Seconds between the lines that say how far a run is, where there is no bar."""

AVERAGED_EVERY = 10
"""Steps between updates of the moving average: of every step they would cost a CPU 5 %."""

ATTENTION = [SDPBackend.FLASH_ATTENTION, SDPBackend.EFFICIENT_ATTENTION, SDPBackend.MATH]
"""All but cuDNN's, which plans anew for every shape: 0.1 s each on an H100, for batches of many."""

LOG, CHECKPOINT = "training_log.jsonl", "checkpoint.pt"


class TrainingError(AlignScoreError, RuntimeError):
    """Training cannot go on; what had been saved before is intact."""


@contextmanager
def writing(folder: Path) -> Iterator[None]:
    """Say what to do where a file cannot be written: torch's and safetensors' errors do not.

    Raises:
        TrainingError: Instead of those.
    """
    try:
        yield
    except (OSError, RuntimeError, SafetensorError) as cause:
        raise TrainingError(
            f"cannot write to {folder}: {cause}; make room and run the same command again: it goes "
            "on from the last checkpoint"
        ) from cause


def settled(recipe: Recipe) -> Recipe:
    """The recipe with the precision that `auto` means here; warns of one that is emulated."""
    fast = torch.accelerator.is_available() or has_bf16()
    if recipe.precision == "auto":
        return replace(recipe, precision="bf16" if fast else "fp32")
    if recipe.precision == "bf16" and not fast:
        warnings.warn(
            "this CPU has no AMX or AVX512-BF16 and emulates bf16, several times slower than fp32; "
            "give `precision: fp32`, or `auto`",
            stacklevel=2,
        )
    return recipe


@dataclass
class Progress:
    """How far a run is: with the weights, all that a killed run goes on from.

    Attributes:
        step: Optimiser steps done.
        tokens: Tokens trained on, without padding.
        padded: The same with padding.
        seconds: Wall time of the steps.
        window: Losses since the last line of the log.
        history: Dev measures by step.
        best: Best mean measure on the dev sets so far.
        worse: Evaluations since then.
    """

    step: int = 0
    tokens: int = 0
    padded: int = 0
    seconds: float = 0.0
    window: list[float] = field(default_factory=list)
    history: list[dict[str, Any]] = field(default_factory=list)
    best: float = -math.inf
    worse: int = 0


@dataclass(frozen=True)
class Extras:
    """Models that a recipe's objective needs beside the aligner.

    Attributes:
        teacher: See `Recipe.teacher`.
        masked: See `Recipe.mlm`. It reads the batch in a pass of its own, so that the heads see
            whole texts; ALIGN's heads see masked ones.
    """

    teacher: TeachingAligner | None = None
    masked: MaskedLanguageModel | None = None


def fit(
    aligner: Aligner,
    examples: EncodedExamples,
    recipe: Recipe,
    *,
    output: Path | None = None,
    dev: Mapping[str, EncodedExamples] | None = None,
    extras: Extras | None = None,
) -> Progress:
    """Train an aligner in place.

    Runs on the device that `accelerate` picks, and on several where `accelerate launch` started
    one process for each.

    Args:
        aligner: The model; left on the device, in evaluation mode, with the weights to keep.
        examples: What it is trained on.
        recipe: How; its data are not looked at.
        output: Folder for the log and for `checkpoint.pt`, from which a run of the same recipe on
            the same examples goes on after a kill, to the same weights. None writes nothing.
        dev: Sets to evaluate on along the way.
        extras: The masked-language model and the teacher that the recipe asks for.

    Raises:
        ConfigurationError: `output` holds the checkpoint of another run.
        TrainingError: The loss became NaN or infinite, or the disk is full.
    """
    trainer = _Trainer(aligner, examples, recipe, output, dict(dev or {}), extras or Extras())
    trainer.resume()
    trainer.run()
    return trainer.progress


class _Trainer:
    """One run; see `fit`."""

    def __init__(
        self,
        aligner: Aligner,
        examples: EncodedExamples,
        recipe: Recipe,
        output: Path | None,
        dev: dict[str, EncodedExamples],
        extras: Extras,
    ) -> None:
        self.accelerator = _accelerator()
        device = self.accelerator.device
        recipe = settled(recipe)
        torch.manual_seed(recipe.seed)
        self.recipe, self.output, self.extras = recipe, output, extras
        processes = self.accelerator.num_processes
        self.identity = _identity(recipe, examples, processes) if output else ""
        self.lengths = examples.lengths()
        self.batches = _batches(self.lengths, recipe, processes)
        self.regulariser = build_regulariser(recipe.regulariser)
        self.aligner = aligner.to(device)
        if not recipe.train_words:
            aligner.encoder.get_input_embeddings().weight.requires_grad_(False)
        self.regulariser.prepare(aligner)
        self.modules = torch.nn.ModuleList([aligner, *filter(None, [extras.masked])]).to(device)
        optimiser = _optimiser(self.modules, recipe)
        self.model, self.optimiser = self.accelerator.prepare(aligner, optimiser)
        decay = get_ema_multi_avg_fn(recipe.average**AVERAGED_EVERY)  # type: ignore[no-untyped-call]  # torch
        self.average = AveragedModel(aligner, multi_avg_fn=decay) if recipe.average else None
        self.examples = examples.to(device)
        if extras.teacher is not None:
            extras.teacher.aligner.to(device).eval()
            self.lessons = extras.teacher.reads(self.examples)
        self.dev = {name: rows.to(device) for name, rows in dev.items()}
        self.best: dict[str, Tensor] | None = None
        self.spans: Tensor | None = None
        self.progress = Progress()
        self.writer = _tensorboard(output) if self.accelerator.is_main_process else None

    # ------------------------------------------------------------------------------ the loop

    def run(self) -> None:
        """Train to the end, or until it stops early; then keep the best or the averaged weights."""
        started = time.monotonic() - self.progress.seconds
        self.model.train()
        # Adam's second moments of rare words become denormal numbers, which CPUs handle in
        # microcode: flushing them to zero was measured to make a step 2.5 times faster.
        torch.set_flush_denormal(True)
        if self.aligner.device.type == "cpu":
            keep_freed_memory()
        self.told = time.monotonic()
        try:
            with sdpa_kernel(ATTENTION):
                self._steps(started)
        finally:
            torch.set_flush_denormal(False)  # it holds for all that runs in the thread
        self._keep()

    def _steps(self, started: float) -> None:
        """The steps that are left."""
        last: tuple[Tensor, list[int]] | None = None
        for step in self._bar():
            if self._stopped():
                break
            rows = self.batches[step][self.accelerator.process_index]
            for group in self.optimiser.param_groups:
                group["lr"] = self.recipe.learning_rate * _linear(
                    step, len(self.batches), self.recipe.warmup
                )
            loss = self._step(rows)
            self._count(self.batches[step])
            # The loss of the step before is on its way already: reading it does not stop the GPU.
            self._check(last)
            last = loss, rows
            self.progress.step = step + 1
            self._tell(started)
            due = self._due(step + 1)
            if not any(due):
                continue
            self._check(last)
            last = None
            self.progress.seconds = time.monotonic() - started
            self._after(due)

    def _tell(self, started: float) -> None:
        """A line every half minute where no bar is shown: silence looks like a fault."""
        now = time.monotonic()
        if now - self.told < TOLD_EVERY or sys.stderr.isatty():
            return
        self.told = now
        if self.accelerator.is_main_process:
            step, steps = self.progress.step, len(self.batches)
            speed = self.progress.tokens / max(1e-9, now - started)
            loss = f", loss {self.progress.window[-1]:.3f}" if self.progress.window else ""
            sys.stderr.write(f"training: step {step} of {steps}, {speed:.0f} tokens/s{loss}\n")
            sys.stderr.flush()

    def _bar(self) -> tqdm[int]:
        return tqdm(
            range(self.progress.step, len(self.batches)),
            initial=self.progress.step,
            total=len(self.batches),
            desc="training",
            unit="batch",
            disable=None if self.accelerator.is_main_process else True,
        )

    def _count(self, batches: list[list[int]]) -> None:
        """Count the tokens of one step's batches, those of all processes."""
        for rows in batches:
            lengths = self.lengths[rows]
            self.progress.tokens += int(lengths.sum())
            self.progress.padded += len(rows) * int(lengths.max())

    def _step(self, rows: list[int]) -> Tensor:
        """One optimiser step; returns the task loss."""
        inputs, labels = self.examples.batch(rows)
        valid = {head: values != IGNORED for head, values in labels.items()}
        taught = self._taught(rows)
        self.optimiser.zero_grad()

        def loss(output: AlignerOutput) -> Tensor:
            value = joint_loss(output, labels)
            if self.spans is not None and "span" in labels:
                value = value + SPAN_WEIGHT * span_loss(self.spans, labels["span"])
            if taught is None or self.recipe.teacher is None:
                return value
            temperature = self.recipe.teacher.temperature
            lesson = distillation_loss(output, taught, temperature=temperature)
            return value + self.recipe.teacher.weight * lesson

        value = self.regulariser.backward(
            partial(self._forward, self.model, inputs), loss, self.accelerator.backward, valid
        )
        self._add_masked(inputs)
        if self.recipe.max_grad_norm:
            self.accelerator.clip_grad_norm_(self.modules.parameters(), self.recipe.max_grad_norm)
        self.optimiser.step()
        if self.average is not None and self.progress.step % AVERAGED_EVERY == 0:
            self.average.update_parameters(self.aligner)
        return value

    def _add_masked(self, inputs: dict[str, Tensor]) -> None:
        """Add the gradients of the masked-language-model loss, if the recipe asks for it."""
        if self.extras.masked is None:
            return
        with self._autocast():
            loss = self.recipe.mlm * self.extras.masked(self.aligner, inputs)
        weights = [weight for weight in self.modules.parameters() if weight.requires_grad]
        # The encoder is run outside the wrapper that averages gradients over processes.
        for weight, gradient in zip(
            weights, torch.autograd.grad(loss, weights, allow_unused=True), strict=True
        ):
            if gradient is not None:
                mean = self.accelerator.reduce(gradient, reduction="mean")
                weight.grad = mean if weight.grad is None else weight.grad + mean

    def _forward(self, model: torch.nn.Module, inputs: dict[str, Tensor]) -> AlignerOutput:
        with self._autocast():
            if model is self.model and self.aligner.config.span_head:
                found, self.spans = model(**inputs, spans=True)
            else:
                found = model(**inputs)
        output: AlignerOutput = found
        return output

    def _autocast(self) -> torch.autocast:
        bf16 = self.recipe.precision == "bf16"
        return torch.autocast(self.aligner.device.type, torch.bfloat16, enabled=bf16)

    def _taught(self, rows: list[int]) -> AlignerOutput | None:
        """What the teacher says of the batch, if there is one."""
        if self.extras.teacher is None:
            return None
        inputs, _ = self.lessons.batch(rows)
        with torch.no_grad():
            return self._forward(self.extras.teacher.aligner, inputs)

    def _check(self, last: tuple[Tensor, list[int]] | None) -> None:
        """Note the loss of a step; stop where it is not finite."""
        if last is None:
            return
        loss, rows = last
        value = float(loss)
        if not math.isfinite(value):
            names = ", ".join(self.examples.names(rows))
            raise self._diverged(f"loss is {value} in a batch of {names}")
        self.progress.window.append(value)

    def _diverged(self, what: str) -> TrainingError:
        kept = "a checkpoint saved before is still in the output folder; " if self.output else ""
        return TrainingError(f"{what} near step {self.progress.step}; {kept}lower `learning_rate`")

    def _due(self, step: int) -> tuple[bool, bool, bool]:
        """Whether the log, an evaluation, a checkpoint are due after a step."""
        end = step == len(self.batches)
        every = self.recipe.evaluate_every
        evaluate = bool(self.dev and every) and (step % every == 0 or end)
        return (
            step % LOG_EVERY == 0 or end,
            evaluate,
            self.output is not None and (step % self.recipe.save_every == 0 or end),
        )

    def _stopped(self) -> bool:
        """Whether the dev sets have said to stop early; a resumed run is told again."""
        return self.recipe.patience is not None and self.progress.worse >= self.recipe.patience

    def _after(self, due: tuple[bool, bool, bool]) -> None:
        """Log, evaluate, save as it is due."""
        log, evaluate, save = due
        if log:
            self._log({"loss": round(float(np.mean(self.progress.window)), 6)})
            self.progress.window = []
        if evaluate:
            self._evaluate()
        if save:
            self._save()

    def _evaluate(self) -> None:
        """Measure the weights on the dev sets, and keep them where they are the best so far."""
        model: Any = self.aligner if self.average is None else self.average.module
        measures = {
            name: evaluate_dev(model, rows, precision=self.recipe.precision)
            for name, rows in self.dev.items()
        }
        mean = mean_measure(measures)
        self.progress.history.append({"step": self.progress.step, "mean": mean, "dev": measures})
        self._log({"dev": round(mean, 6)})
        if self.recipe.patience is None:
            return
        if mean > self.progress.best:
            self.progress.best, self.progress.worse = mean, 0
            self.best = {k: v.detach().to("cpu", copy=True) for k, v in model.state_dict().items()}
        else:
            self.progress.worse += 1

    def _keep(self) -> None:
        """Leave the weights to keep in the aligner: the best, else the averaged, else the last."""
        if self.best is not None:
            self.aligner.load_state_dict(self.best)
        elif self.average is not None:
            self.aligner.load_state_dict(self.average.module.state_dict())
        self.regulariser.finish(self.aligner)
        self.aligner.eval().requires_grad_(True)
        if self.writer is not None:
            self.writer.close()

    def _log(self, values: dict[str, float]) -> None:
        if self.output is None or not self.accelerator.is_main_process:
            return
        progress = self.progress
        row = {"step": progress.step, "steps": len(self.batches), **values}
        row |= {"tokens": progress.tokens, "seconds": round(progress.seconds, 1)}
        with writing(self.output):
            with (self.output / LOG).open("a", encoding="utf-8") as log:
                log.write(json.dumps(row) + "\n")
            if self.writer is not None:
                for key, value in values.items():
                    self.writer.add_scalar(key, value, progress.step)

    # --------------------------------------------------------------------------- checkpoints

    def _save(self) -> None:
        """Write all that a killed run goes on from; the file before stays until this is whole."""
        random = self._generators()
        if self.output is None or not self.accelerator.is_main_process:
            return
        # A step with a finite loss may still have made them so; its checkpoint would be no use.
        if not all(bool(weight.isfinite().all()) for weight in self.modules.parameters()):
            raise self._diverged("weights are not finite")
        state = {
            "identity": self.identity,
            "progress": vars(self.progress),
            "modules": self.modules.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "average": None if self.average is None else self.average.state_dict(),
            "best": self.best,
            "random": random,
        }
        # One name for all: what a killed run left, of hundreds of MB, is overwritten by the next.
        unfinished = self.output / f"{CHECKPOINT}.partial"
        with writing(self.output):
            try:
                torch.save(state, unfinished)
                unfinished.replace(self.output / CHECKPOINT)
            except (OSError, RuntimeError):
                unfinished.unlink(missing_ok=True)
                raise

    def _generators(self) -> list[dict[str, Tensor]]:
        """Where the random generators of each process stand."""
        from accelerate.utils import gather_object

        own = {"cpu": torch.get_rng_state()}
        if self.aligner.device.type == "cuda":
            own["cuda"] = torch.cuda.get_rng_state(self.aligner.device)
        found: list[dict[str, Tensor]] = gather_object([own])
        return found

    def resume(self) -> None:
        """Go on from the output folder's checkpoint, where there is one; cut the log back to it."""
        if self.output is None:
            return
        file = self.output / CHECKPOINT
        if file.is_file():
            try:
                state = torch.load(file, map_location="cpu", weights_only=True)
            except Exception as cause:  # the unpickler raises whatever it stumbles over
                raise ConfigurationError(
                    f"{file} is damaged: {cause}; delete it to start anew"
                ) from cause
            self._restore(state)
        if self.accelerator.is_main_process and (self.output / LOG).is_file():
            with writing(self.output):
                _cut_log(self.output / LOG, self.progress.step)

    def _restore(self, state: dict[str, Any]) -> None:
        if state["identity"] != self.identity:
            raise ConfigurationError(
                f"{self.output} holds the checkpoint of another recipe, of other data or of "
                f"another number of processes; give another --output, or delete {CHECKPOINT} to "
                "start anew"
            )
        self.progress = Progress(**state["progress"])
        self.modules.load_state_dict(state["modules"])
        self.optimiser.load_state_dict(state["optimiser"])
        if self.average is not None:
            self.average.load_state_dict(state["average"])
        self.best = state["best"]
        own = state["random"][self.accelerator.process_index]
        torch.set_rng_state(own["cpu"])
        if "cuda" in own:
            torch.cuda.set_rng_state(own["cuda"], self.aligner.device)


def _cut_log(log: Path, step: int) -> None:
    """Drop the lines after a step, and one that a kill cut short."""
    kept = []
    for line in log.read_text(encoding="utf-8").splitlines(keepends=True):
        try:
            after = json.loads(line)["step"] > step
        except ValueError:
            break
        if not after:
            kept.append(line)
    with whole_path(log) as beside:
        beside.write_text("".join(kept), encoding="utf-8")


def _accelerator() -> Any:  # noqa: ANN401  # a library that may be absent
    try:
        from accelerate import Accelerator
    except ImportError as cause:
        raise MissingResourceError(
            "training needs: pip install 'alignscore-metric[train]'"
        ) from cause
    # Autocast is ours: accelerate fixes a precision for the whole process. Without `cpu`, several
    # processes on a machine without a GPU would each train a model of its own.
    return Accelerator(mixed_precision="no", cpu=not torch.accelerator.is_available())


def is_main_process() -> bool:
    """Whether this process is the one, of those that train together, that writes."""
    from accelerate import PartialState

    return bool(PartialState().is_main_process)


def _tensorboard(output: Path | None) -> Any:  # noqa: ANN401  # a library that may be absent
    """A writer of TensorBoard logs, or None where nothing is written or the library is absent."""
    if output is None:
        return None
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError:
        return None
    return SummaryWriter(output / "tensorboard")


def _identity(recipe: Recipe, examples: EncodedExamples, processes: int) -> str:
    parts = f"{recipe!r} {examples.digest()} {processes}"
    return hashlib.sha256(parts.encode()).hexdigest()


def _batches(lengths: Any, recipe: Recipe, processes: int) -> list[list[list[int]]]:  # noqa: ANN401
    """The rows of each step, for each process."""
    rng = np.random.default_rng(recipe.seed)
    found: list[list[int]] = []
    for _ in range(recipe.epochs):
        found += length_batches(
            lengths, batch_tokens=recipe.batch_tokens, batch_rows=recipe.batch_rows, rng=rng
        )
    whole = len(found) - len(found) % processes or len(found)
    steps = [found[i : i + processes] for i in range(0, whole, processes)]
    steps[-1] += [steps[-1][-1]] * (processes - len(steps[-1]))  # fewer batches than processes
    return steps[: recipe.max_steps]


def _optimiser(modules: torch.nn.Module, recipe: Recipe) -> torch.optim.Optimizer:
    parameters = [p for p in modules.parameters() if p.requires_grad]
    groups = [
        {"params": [p for p in parameters if p.ndim > 1], "weight_decay": recipe.weight_decay},
        {"params": [p for p in parameters if p.ndim <= 1], "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(groups, lr=recipe.learning_rate, eps=1e-6, fused=True)


def _linear(step: int, steps: int, warmup: float) -> float:
    """Factor of the learning rate: up from 0 over the warm-up, then down to 0 at the end."""
    warm = max(1, round(warmup * steps))
    return (step + 1) / warm if step < warm else max(0.0, (steps - step) / max(1, steps - warm))
