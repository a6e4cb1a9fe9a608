"""What an aligner was trained on and what it gives: the record (JSON) and the model card of it.

The record of a run that went on from another aligner holds that aligner's runs too, so that a card
names every set that ever shaped the weights.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

RECORD, CARD = "training.json", "README.md"
MEASURES = ("tri_accuracy", "bin_accuracy", "bin_auc", "reg_pearson")


@dataclass(frozen=True)
class TrainingSet:
    """Training pairs of one name.

    Attributes:
        name: The set.
        pairs: How many of its pairs were trained on.
        licence: As its source states it.
    """

    name: str
    pairs: int
    licence: str


@dataclass(frozen=True)
class TrainingRun:
    """One run of the trainer.

    Attributes:
        name: The recipe's name.
        encoder: What it started from.
        sets: What it was trained on.
        dev: Per dev set what `evaluate_dev` gave.
        epochs: Passes over the data.
        learning_rate: Its peak.
        seed: Of everything drawn.
        precision: `fp32` or `bf16`.
        seconds: Wall time of the optimisation.
    """

    name: str
    encoder: str
    sets: tuple[TrainingSet, ...]
    dev: dict[str, dict[str, float]]
    epochs: int
    learning_rate: float
    seed: int
    precision: str
    seconds: float


def read_record(folder: Path) -> list[TrainingRun]:
    """The runs that made an aligner, first to last; none where its folder has no record."""
    file = folder / RECORD
    if not file.is_file():
        return []
    runs = json.loads(file.read_text(encoding="utf-8"))["runs"]
    return [
        TrainingRun(**(run | {"sets": tuple(TrainingSet(**found) for found in run["sets"])}))
        for run in runs
    ]


def write_record(folder: Path, runs: Sequence[TrainingRun]) -> None:
    """Write the record and the model card into an aligner's folder.

    Args:
        folder: Where the aligner was saved (its `config.json` is read for the card).
        runs: The runs that made it, first to last.
    """
    record = json.dumps({"runs": [asdict(run) for run in runs]}, indent=1, ensure_ascii=False)
    (folder / RECORD).write_text(record + "\n", encoding="utf-8")
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    (folder / CARD).write_text(_card(runs, config), encoding="utf-8")


def _card(runs: Sequence[TrainingRun], config: dict[str, object]) -> str:
    profile = config["profile"]
    assert isinstance(profile, dict)  # noqa: S101  # we wrote it
    settings = ", ".join(f"{key} `{value}`" for key, value in profile.items())
    parts = [
        f"# {runs[-1].name}",
        "An aligner for `alignscore-metric`: an encoder with the heads `bin` (2-way), `tri` "
        "(3-way) and `reg` (scalar) of the ALIGN model. It tells how far a claim is supported by "
        "a text.",
        f"Pooling `{config['pooling']}`. Profile: {settings}.",
        "## Training data",
        _data_table(runs),
        "`+edits` are consistency pairs that `alignscore_metric/training/synthetic.py` made from "
        "a set's documents. The weights may be used as these licences allow; several sets are for "
        "research or non-commercial use only, and some are copyrighted news.",
        "## Training",
        _runs_table(runs),
        "## Held-out results",
        _metrics_table(runs[-1].dev),
        "Rows of these sets were not trained on. Accuracy, AUC and Pearson in percent.",
    ]
    return "\n\n".join(parts) + "\n"


def _data_table(runs: Sequence[TrainingRun]) -> str:
    rows = [
        f"| {found.name} | {found.pairs:,} | {found.licence} | {number} |"
        for number, run in enumerate(runs, start=1)
        for found in run.sets
    ]
    return "\n".join(["| set | pairs | licence | run |", "|---|---|---|---|", *rows])


def _runs_table(runs: Sequence[TrainingRun]) -> str:
    rows = [
        f"| {number} | {run.name} | {run.encoder} | {run.epochs} | {run.learning_rate:g} | "
        f"{run.precision} | {run.seed} | {run.seconds / 60:.0f} |"
        for number, run in enumerate(runs, start=1)
    ]
    head = "| run | name | started from | epochs | learning rate | precision | seed | minutes |"
    return "\n".join([head, "|---" * 8 + "|", *rows])


def _metrics_table(metrics: dict[str, dict[str, float]]) -> str:
    rows = [
        f"| {name} | {found['rows']:.0f} | "
        + " | ".join(f"{100 * found[m]:.1f}" if m in found else "" for m in MEASURES)
        + " |"
        for name, found in metrics.items()
    ]
    head = "| set | rows | " + " | ".join(m.replace("_", " ") for m in MEASURES) + " |"
    return "\n".join([head, "|---" * (2 + len(MEASURES)) + "|", *rows])
