"""Tasks: which rows of which datasets a benchmark asks about, and what they are compared with.

Derived from the data cards alone. Knows nothing of files, metrics or scores.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from alignscore_metric.errors import ConfigurationError
from alignscore_metric.leaderboards.cards import load_cards


@dataclass(frozen=True)
class Task:
    """One column of a leaderboard.

    Attributes:
        benchmark: `summac`, `true`, ...
        name: Name of the column within the benchmark.
        dataset: Name of the data card.
        splits: Splits whose rows it takes, pooled.
        target: What scores are compared with: `label` (0 or 1) or `human_score` (graded).
        where: Columns that must have these values.
        in_mean: Whether the benchmark's mean counts it.
    """

    benchmark: str
    name: str
    dataset: str
    splits: tuple[str, ...]
    target: Literal["label", "human_score"] = "label"
    where: dict[str, str] = field(default_factory=dict)
    in_mean: bool = True

    @property
    def split(self) -> str:
        """The splits in one word, as `val` or `test+val`."""
        return "+".join(self.splits)

    @property
    def key(self) -> str:
        """Name and split, unique within a benchmark: `frank/test`."""
        return f"{self.name}/{self.split}"


def tasks_of(benchmark: str, *, split: str | None = None) -> list[Task]:
    """The tasks of a benchmark, in the order of its cards.

    Args:
        benchmark: Its name.
        split: Only tasks of this split; all where None.

    Raises:
        ConfigurationError: No such benchmark, or no task of that split.
    """
    tasks = [
        Task(
            benchmark=benchmark,
            name=member.task,
            dataset=card.name,
            splits=splits,
            target=member.target,
            where=member.where,
            in_mean=member.in_mean,
        )
        for card in load_cards().values()
        for member in card.benchmarks
        if member.benchmark == benchmark
        for splits in ([member.splits] if member.pooled else [(one,) for one in member.splits])
    ]
    if not tasks:
        raise ConfigurationError(f"no benchmark {benchmark!r}; there are {', '.join(benchmarks())}")
    if split is not None and not any(task.split == split for task in tasks):
        known = sorted({task.split for task in tasks})
        raise ConfigurationError(f"{benchmark} has no split {split!r}, only {', '.join(known)}")
    return [task for task in tasks if split in (None, task.split)]


def benchmarks() -> list[str]:
    """Names of all benchmarks that the cards mention, sorted."""
    cards = load_cards().values()
    return sorted({member.benchmark for card in cards for member in card.benchmarks})
