"""An aligner's answers to NLU tasks, kept so that nothing is asked twice.

A folder of runs holds `nlu/MODEL/TASK.npz`: the logits of every head with labels, contexts and
questions as numbers, no texts. A file of the same signature and rows is taken as it is.
"""

from __future__ import annotations

import json
import time
import zipfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote

import numpy as np
import torch

from alignscore_metric.checkpoint.loading import BUNDLED, Checkpoint, load_checkpoint
from alignscore_metric.checkpoint.signature import Signature
from alignscore_metric.errors import ConfigurationError, InputError, NumericalError
from alignscore_metric.leaderboards.metrics import training_sets
from alignscore_metric.leaderboards.nlu.data import TaskData
from alignscore_metric.leaderboards.nlu.measures import ANSWERING_HEADS, Answers
from alignscore_metric.training.data import encode_examples
from alignscore_metric.training.evaluation import predict
from alignscore_metric.version import __version__

ANSWER_PRECISIONS = ("fp32", "bf16")
BATCH_TOKENS = {"cpu": 4096}
OTHER_BATCH_TOKENS = 32768


@dataclass(frozen=True)
class NluRunInfo:
    """What a file of answers is: stored in it.

    Attributes:
        task: Name of the task.
        signature: What exactly gave the answers.
        data_hash: Of the rows.
        origin: What the rows were read from.
        available: Rows that there are.
        training_sets: What the aligner was trained on; empty where that is not known.
        seconds: Wall time of the scoring.
    """

    task: str
    signature: str
    data_hash: str
    origin: str
    available: int
    training_sets: tuple[str, ...] = field(default=())
    seconds: float = 0.0


@dataclass(frozen=True, eq=False)
class Run:
    """The answers to one task."""

    info: NluRunInfo
    answers: Answers


@dataclass(frozen=True, eq=False)
class Examinee:
    """An aligner that answers tasks.

    Attributes:
        label: The name of its folder and of its board.
        checkpoint: The aligner, on its device.
        precision: `fp32` or `bf16`.
        training_sets: What it was trained on; empty where that is not known.
    """

    label: str
    checkpoint: Checkpoint
    precision: str
    training_sets: tuple[str, ...]

    @classmethod
    def load(
        cls, model: str, *, backbone: str | None, precision: str, device: str | None
    ) -> Examinee:
        """Load an aligner; arguments as `AlignScore` takes them.

        Raises:
            ConfigurationError: It lacks one of the three heads, or the device is not here.
        """
        checkpoint = load_checkpoint(model, backbone=backbone)
        if missing := [
            head for head in ANSWERING_HEADS if head not in checkpoint.aligner.config.heads
        ]:
            raise ConfigurationError(
                f"{model} has no head {missing[0]!r}; the NLU board asks an aligner with all of "
                f"{', '.join(ANSWERING_HEADS)}, as AlignScore's, ALIGN's and those trained here"
            )
        name = device or ("cuda" if torch.cuda.is_available() else "cpu")
        try:
            checkpoint.aligner.to(name)
        except (RuntimeError, AssertionError) as cause:
            reason = str(cause).splitlines()[0]
            raise ConfigurationError(f"device {name!r} cannot be used here: {reason}") from cause
        label = checkpoint.name + (f",precision={precision}" if precision != "fp32" else "")
        return cls(label, checkpoint, precision, training_sets(str(BUNDLED.get(model, model))))

    @property
    def signature(self) -> str:
        """What exactly gives the answers: whole pairs, all heads."""
        found = self.checkpoint
        return str(
            Signature(
                model=found.name,
                weights=found.weights_sha256[:12],
                tokenizer=found.tokenizer_sha256[:8],
                head="+".join(ANSWERING_HEADS),
                splitter="none",
                chunk="whole",
                claims="whole",
                template="pair",
                aggregation="none",
                length=str(found.aligner.profile.max_length),
                precision=self.precision,
                version=__version__,
            )
        )

    def answer(self, data: TaskData, folder: Path) -> Run:
        """Answer a task, or take the answers from their file where they are already there.

        Args:
            data: The rows.
            folder: Of all runs.

        Raises:
            NumericalError: A logit is not finite.
        """
        file = run_file(folder, self.label, data.task.name)
        if file.is_file():
            kept = read_run(file)
            if (kept.info.signature, kept.info.data_hash) == (self.signature, data.hash):
                return kept
        run = self._answer(data)
        write_run(run, file)
        return run

    def _answer(self, data: TaskData) -> Run:
        start, aligner = time.perf_counter(), self.checkpoint.aligner
        encoded = encode_examples(
            data.examples,
            self.checkpoint.tokenizer,
            max_length=aligner.profile.max_length,
            mark_claim=aligner.reads_claim,
        )
        batch_tokens = BATCH_TOKENS.get(aligner.device.type, OTHER_BATCH_TOKENS)
        logits = predict(aligner, encoded, precision=self.precision, batch_tokens=batch_tokens)
        if not all(np.isfinite(values).all() for values in logits.values()):
            raise NumericalError(
                f"{data.task.name}: {self.label} gave a logit that is not finite; use fp32, or "
                "check the checkpoint"
            )
        answers = Answers(
            head=data.examples[0].head,
            labels=np.array([one.label for one in data.examples], dtype=float),
            contexts=data.contexts,
            questions=data.questions,
            logits=logits,
        )
        info = NluRunInfo(
            task=data.task.name,
            signature=self.signature,
            data_hash=data.hash,
            origin=data.origin,
            available=data.available,
            training_sets=self.training_sets,
            seconds=round(time.perf_counter() - start, 1),
        )
        return Run(info, answers)


def run_file(folder: Path, label: str, task: str) -> Path:
    """Where the answers of an aligner to a task are kept."""
    return folder / "nlu" / quote(label, safe=",=") / f"{task}.npz"


def write_run(run: Run, file: Path) -> None:
    """Write answers; the file appears whole or not at all."""
    answers = run.answers
    arrays: dict[str, Any] = {
        "info": np.array(json.dumps(asdict(run.info))),
        "head": np.array(answers.head),
        "labels": answers.labels,
        "contexts": answers.contexts,
        "questions": answers.questions,
        **answers.logits,
    }
    file.parent.mkdir(parents=True, exist_ok=True)
    part = file.with_name(f"{file.name}.part")
    with part.open("wb") as stream:
        np.savez_compressed(stream, **arrays)
    part.replace(file)


def read_run(file: Path) -> Run:
    """Read answers back; nothing is unpickled.

    Raises:
        InputError: The file holds no answers.
    """
    try:
        with np.load(file, allow_pickle=False) as found:
            info = json.loads(str(found["info"]))
            arrays = {name: found[name] for name in ("labels", "contexts", "questions")}
            logits = {name: found[name] for name in ANSWERING_HEADS}
            answers = Answers(head=str(found["head"]), **arrays, logits=logits)
        return Run(NluRunInfo(**info | {"training_sets": tuple(info["training_sets"])}), answers)
    except (OSError, EOFError, KeyError, TypeError, ValueError, zipfile.BadZipFile) as cause:
        raise InputError(
            f"{file} holds no answers of `alignscore leaderboard nlu run`; delete it, run again"
        ) from cause


def labels_of_runs(folder: Path) -> list[str]:
    """The aligners that have answered anything, by their labels."""
    return sorted({unquote(file.parent.name) for file in folder.glob("nlu/*/*.npz")})


def read_nlu_runs(folder: Path, label: str) -> Sequence[Run]:
    """The answers of an aligner.

    Raises:
        ConfigurationError: There are none.
        InputError: A file is damaged, or files are of different weights or settings.
    """
    files = sorted(run_file(folder, label, "*").parent.glob("*.npz"))
    if not files:
        known = ", ".join(labels_of_runs(folder)) or "none"
        raise ConfigurationError(
            f"no answers of {label} in {folder}; there are: {known}. To make them: alignscore "
            "leaderboard nlu run --data DIR"
        )
    runs = [read_run(file) for file in files]
    signatures = sorted({run.info.signature for run in runs})
    if len(signatures) > 1:
        raise InputError(
            f"{files[0].parent} holds answers of {' and '.join(signatures)}; run all tasks again, "
            "or delete the old files"
        )
    return runs
