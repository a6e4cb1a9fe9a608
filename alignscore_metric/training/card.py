"""What an aligner was trained on and what it gives: the record (JSON) and the model card of it.

The record of a run that went on from another aligner, or was taught by one, holds that aligner's
runs too, so that a card names every set that ever shaped the weights.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from alignscore_metric.checkpoint.weights import WEIGHTS
from alignscore_metric.errors import ConfigurationError
from alignscore_metric.system.hashing import sha256

RECORD, CARD, CALIBRATION = "training.json", "README.md", "calibration.json"
LIMITED = re.compile(
    r"(?i)\bNC\b|non-commercial|research|copyright|terms of|(?:not|none)\b.*\b(?:stated|verified)"
)
"""Licences that do not allow everything, or that nobody has settled."""

MEASURES = ("tri_accuracy", "bin_accuracy", "bin_auc", "reg_pearson")


@dataclass(frozen=True)
class TrainingSet:
    """Training pairs of one name.

    Attributes:
        name: The set.
        pairs: How many of its pairs were trained on.
        licence: As its source states it.
        repeated: Pairs left out because another said the same, or because labels disagreed.
        overlapping: Pairs left out because they share a run of words with the benchmarks.
    """

    name: str
    pairs: int
    licence: str
    repeated: int = 0
    overlapping: int = 0


@dataclass(frozen=True)
class DevResult:
    """How an aligner does on one dev set.

    Attributes:
        measures: What `evaluation.measures` gave.
        intervals: 95% intervals of the measures.
    """

    measures: dict[str, float]
    intervals: dict[str, tuple[float, float]]


@dataclass(frozen=True)
class TrainingRun:
    """One run of the trainer.

    Attributes:
        name: The recipe's name.
        encoder: What it started from.
        sets: What it was trained on.
        dev: How it does on each dev set.
        steps: Optimiser steps.
        tokens: Tokens trained on.
        learning_rate: Its peak.
        seed: Of everything drawn.
        precision: `fp32` or `bf16`.
        seconds: Wall time of the optimisation.
        teacher: The aligner whose scores it learnt along with the labels; empty for none.
    """

    name: str
    encoder: str
    sets: tuple[TrainingSet, ...]
    dev: dict[str, DevResult]
    steps: int
    tokens: int
    learning_rate: float
    seed: int
    precision: str
    seconds: float
    teacher: str = ""


def read_record(folder: Path) -> list[TrainingRun]:
    """The runs that made an aligner, first to last; none where its folder has no record.

    Raises:
        ConfigurationError: The record is damaged or of another version.
    """
    file = folder / RECORD
    if not file.is_file():
        return []
    try:
        runs = json.loads(file.read_text(encoding="utf-8"))["runs"]
        return [_run(values) for values in runs]
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as cause:
        raise ConfigurationError(
            f"{file} is no record of this version ({cause!r}); move it away to train without it"
        ) from cause


def _run(values: dict[str, Any]) -> TrainingRun:
    sets = tuple(TrainingSet(**found) for found in values["sets"])
    dev = {name: DevResult(**found) for name, found in values["dev"].items()}
    return TrainingRun(**values | {"sets": sets, "dev": dev})


def write_record(folder: Path, runs: Sequence[TrainingRun]) -> None:
    """Write the record and the model card into an aligner's folder.

    Args:
        folder: Where the aligner was saved: its `config.json` and calibration are read, and its
            weights hashed for the signature, for the card.
        runs: The runs that made it, first to last.
    """
    record = json.dumps({"runs": [asdict(run) for run in runs]}, indent=1, ensure_ascii=False)
    (folder / CARD).write_text(_card(folder, runs), encoding="utf-8")
    (folder / RECORD).write_text(record + "\n", encoding="utf-8")  # last: it says all is done


def _card(folder: Path, runs: Sequence[TrainingRun]) -> str:
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    settings = ", ".join(f"{key} `{value}`" for key, value in config["profile"].items())
    parts = [
        f"# {runs[-1].name}",
        "An aligner for `alignscore-metric`: an encoder with the heads `bin` (2-way), `tri` "
        "(3-way) and `reg` (scalar) of the ALIGN model. It tells how far a claim is supported by "
        "a text.",
        f"Pooling `{config['pooling']}`, copied n-grams `{config.get('copied_ngrams', 0)}`. "
        f"Profile: {settings}.",
        f"Weights: sha256 `{sha256(folder / WEIGHTS)}`.",
        "## Training data",
        _data_table(runs),
        "`+edits` are consistency pairs that `alignscore_metric/training/synthetic/` made from "
        "a set's documents. Repeated: left out because another pair said the same, or because "
        "labels disagreed. Overlapping: left out because of a run of words that the benchmarks of "
        "the leaderboards have too. The weights may be used as these licences allow"
        f"{_limits(runs)}.",
        "## Training",
        _runs_table(runs),
        "## Held-out results",
        _metrics_table(runs[-1].dev),
        "Rows of these sets were not trained on. Accuracy, AUC and Pearson in percent, with 95% "
        "bootstrap intervals over contexts.",
        *_calibration(folder / CALIBRATION),
        *_folded(config.get("folded")),
    ]
    return "\n\n".join(parts) + "\n"


def _limits(runs: Sequence[TrainingRun]) -> str:
    """What the licences of the sets rule out, or leave open."""
    found = {one.licence for run in runs for one in run.sets if LIMITED.search(one.licence)}
    if not found:
        return ""
    return f". These allow less than any use, or leave it open: {'; '.join(sorted(found))}"


def _folded(values: Mapping[str, Any] | None) -> list[str]:
    """What was put into the weights of the head that scores are read from."""
    if not values:
        return []
    return [
        "## 0.5",
        f"The logits of the head `{values['head']}` were divided by {values['temperature']:.3f}, "
        f"and {values['bias']:+.3f} was added to that of support, so that 0.5 is about "
        f"the best threshold: fitted on {values['fitted_on']}, balanced accuracy at 0.5 "
        f"{100 * values['accuracy']:.1f} %, at the best threshold {100 * values['best']:.1f} %. "
        "The results and temperatures above are those before that.",
    ]


def _data_table(runs: Sequence[TrainingRun]) -> str:
    numbers: dict[TrainingSet, list[str]] = {}
    for number, run in enumerate(runs, start=1):
        for found in run.sets:
            numbers.setdefault(found, []).append(str(number))
    rows = [
        f"| {found.name} | {found.pairs:,} | {found.repeated:,} | {found.overlapping:,} | "
        f"{found.licence} | {', '.join(of)} |"
        for found, of in numbers.items()
    ]
    head = "| set | pairs | repeated | overlapping | licence | run |"
    return "\n".join([head, "|---|---|---|---|---|---|", *rows])


def _runs_table(runs: Sequence[TrainingRun]) -> str:
    rows = [
        f"| {number} | {run.name} | {run.encoder} | {run.teacher or 'nobody'} | {run.steps:,} | "
        f"{run.tokens / 1e6:.1f}M | "
        f"{run.learning_rate:g} | {run.precision} | {run.seed} | {run.seconds / 60:.0f} |"
        for number, run in enumerate(runs, start=1)
    ]
    columns = ("run", "name", "started from", "taught by", "steps", "tokens", "learning rate")
    head = f"| {' | '.join(columns)} | precision | seed | minutes |"
    return "\n".join([head, "|---" * 10 + "|", *rows])


def _metrics_table(dev: dict[str, DevResult]) -> str:
    rows = [
        f"| {name} | {found.measures['rows']:.0f} | "
        + " | ".join(_cell(found, measure) for measure in MEASURES)
        + " |"
        for name, found in dev.items()
    ]
    head = "| set | rows | " + " | ".join(m.replace("_", " ") for m in MEASURES) + " |"
    return "\n".join([head, "|---" * (2 + len(MEASURES)) + "|", *rows])


def _cell(found: DevResult, measure: str) -> str:
    if measure not in found.measures:
        return ""
    low, high = found.intervals[measure]
    return f"{100 * found.measures[measure]:.1f} ({100 * low:.1f} to {100 * high:.1f})"


def _calibration(file: Path) -> list[str]:
    """What the temperatures fitted on the dev rows do, or nothing where none was fitted."""
    heads = json.loads(file.read_text(encoding="utf-8")) if file.is_file() else {}
    if not heads:
        return []
    rows = [
        f"| {head} | {found['rows']:,} | {found['temperature']:.3f} | "
        f"{100 * found['ece_before']:.1f} | {100 * found['ece_after']:.1f} |"
        for head, found in heads.items()
    ]
    head = "| head | rows | temperature | error of the raw scores | error with it |"
    return [
        "## Calibration",
        "\n".join([head, "|---|---|---|---|---|", *rows]),
        f"Temperatures fitted on the rows above (`{CALIBRATION}`), and the expected calibration "
        "error on the same rows, in percent. Scores are reported raw: no temperature is applied.",
    ]
