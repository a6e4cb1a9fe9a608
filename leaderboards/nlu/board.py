"""From answers to the NLU board: measures with intervals, chance, majority, and means.

Scores nothing and reads no text.
"""

from __future__ import annotations

import json
import math
import zlib
from collections.abc import Sequence
from dataclasses import asdict, dataclass

import numpy as np

from alignscore_metric.leaderboards.board import without_nan
from alignscore_metric.leaderboards.nlu.measures import ANSWERING_HEADS, Answers, prepare_measure
from alignscore_metric.leaderboards.nlu.runs import Run
from alignscore_metric.leaderboards.nlu.tasks import (
    TASK_FAMILIES,
    TASKS,
    Exposure,
    MeasureName,
    NluTask,
    exposure,
)
from alignscore_metric.scores.intervals import Design, Resampling, Sampled

NLU_FORMAT = 1
GROUPS: dict[str, tuple[Exposure, ...]] = {
    "all": ("trained", "related", "zero-shot", "unknown"),
    "trained": ("trained",),
    "related": ("related",),
    "zero-shot": ("zero-shot",),
}
"""The means of the board, and what the aligner has seen of the tasks in them."""


@dataclass(frozen=True)
class Figure:
    """A measure with its interval; not multiplied by 100.

    Attributes:
        measure: Its name; `mean` of several.
        value: NaN where undefined.
        low: Lower bound of the interval.
        high: Upper bound.
        chance: What guessing gets; NaN where nobody can say.
        majority: What the commonest class gets; NaN where there is none.
        reason: Why the value is NaN; empty otherwise.
    """

    measure: str
    value: float
    low: float = math.nan
    high: float = math.nan
    chance: float = math.nan
    majority: float = math.nan
    reason: str = ""


@dataclass(frozen=True)
class TaskResult:
    """One line of the board.

    Attributes:
        task: Its name.
        family: Its kind, for people.
        head: The head that answers: the one that the labels are for.
        exposure: What the aligner has seen of it: `trained`, `related`, `zero-shot`, `unknown`.
        seen: The training sets behind that.
        rows: Answered rows.
        available: Rows that there are.
        contexts: Distinct contexts, the clusters of the bootstrap.
        questions: Questions with options; None where rows are no options.
        left_out: Rows whose question cannot be told.
        figures: The family's measures of the answering head; the first counts in the mean.
        degrees: One measure of every head, read as a degree of alignment.
        origin: What the rows were read from.
        data_hash: Of the rows.
    """

    task: str
    family: str
    head: str
    exposure: Exposure
    seen: tuple[str, ...]
    rows: int
    available: int
    contexts: int
    questions: int | None
    left_out: int
    figures: tuple[Figure, ...]
    degrees: dict[str, Figure]
    origin: str
    data_hash: str


@dataclass(frozen=True)
class NluBoard:
    """The board of one aligner.

    Attributes:
        model: Its label.
        signature: What exactly gave the answers.
        tasks: In the order of `TASKS`.
        means: Over tasks, by what the aligner has seen of them; groups without a task are absent.
        mean_degrees: Mean over all tasks of every head's measure as a degree.
        missing: Tasks without answers.
        settings: Of the intervals.
    """

    model: str
    signature: str
    tasks: tuple[TaskResult, ...]
    means: dict[str, Figure]
    mean_degrees: dict[str, Figure]
    missing: tuple[str, ...]
    settings: Resampling

    def to_json(self) -> str:
        """Strict JSON: undefined numbers are null."""
        content = {"format": NLU_FORMAT, **without_nan(asdict(self))}
        return json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False) + "\n"


@dataclass(frozen=True, eq=False)
class _Judged:
    """A figure, and what a mean of several needs of it; None where it is undefined."""

    figure: Figure
    sampled: Sampled | None


@dataclass(frozen=True, eq=False)
class _JudgedTask:
    """A line of the board, and what the means need of it."""

    result: TaskResult
    main: _Judged
    degrees: dict[str, _Judged]


def build_nlu_board(
    runs: Sequence[Run], *, model: str, settings: Resampling | None = None
) -> NluBoard:
    """The board of an aligner from its answers.

    Args:
        runs: Of one signature, one for each task.
        model: The aligner's label.
        settings: Of the intervals; the default ones where None.
    """
    settings = settings or Resampling()
    by_task = {run.info.task: run for run in runs}
    judged = [_judge_task(by_task[t.name], t, settings) for t in TASKS if t.name in by_task]
    groups = {
        group: [one.main for one in judged if one.result.exposure in kinds]
        for group, kinds in GROUPS.items()
    }
    return NluBoard(
        model=model,
        signature=runs[0].info.signature,
        tasks=tuple(one.result for one in judged),
        means={group: _mean(found, settings) for group, found in groups.items() if found},
        mean_degrees={
            h: _mean([one.degrees[h] for one in judged], settings) for h in ANSWERING_HEADS
        },
        missing=tuple(task.name for task in TASKS if task.name not in by_task),
        settings=settings,
    )


def _judge_task(run: Run, task: NluTask, settings: Resampling) -> _JudgedTask:
    answers, family = run.answers, TASK_FAMILIES[task.family]
    own = [judge(measure, answers, task.name, settings) for measure in family.measures]
    degrees = {
        head: judge(family.degree, answers, task.name, settings, head=head)
        for head in ANSWERING_HEADS
    }
    kind, seen = exposure(task, run.info.training_sets)
    result = TaskResult(
        task=task.name,
        family=family.title,
        head=answers.head,
        exposure=kind,
        seen=seen,
        rows=len(answers.labels),
        available=run.info.available,
        contexts=len(np.unique(answers.contexts)),
        questions=int(answers.questions.max()) + 1 if task.options else None,
        left_out=int((answers.questions < 0).sum()) if task.options else 0,
        figures=tuple(one.figure for one in own),
        degrees={head: one.figure for head, one in degrees.items()},
        origin=run.info.origin,
        data_hash=run.info.data_hash,
    )
    return _JudgedTask(result, own[0], degrees)


def judge(
    measure: MeasureName,
    answers: Answers,
    task: str,
    settings: Resampling,
    *,
    head: str | None = None,
) -> _Judged:
    """A measure of answers, with its interval.

    Args:
        measure: Which.
        answers: The answers.
        task: Its name: all measures of a task see the same resamples.
        settings: Of the interval.
        head: Whose degree of alignment; the answering head's where None.
    """
    if len(np.unique(answers.labels)) < 2:
        figure = Figure(measure, math.nan, reason=f"all labels are {answers.labels[0]:g}")
        return _Judged(figure, None)
    found = prepare_measure(measure, answers, head=head)
    sampled = Sampled.of(
        found.statistic,
        Design.of(found.contexts),
        resamples=settings.resamples,
        rng=np.random.default_rng([settings.seed, zlib.crc32(task.encode())]),
        lowest=found.lowest,
    )
    ends = sampled.estimate(settings.level)
    reason = "all answers are equal" if math.isnan(ends.value) else ""
    figure = Figure(measure, ends.value, ends.low, ends.high, found.chance, found.majority, reason)
    return _Judged(figure, sampled)


def _mean(found: Sequence[_Judged], settings: Resampling) -> Figure:
    """Mean over tasks, which are independent."""
    if undefined := [one.figure.reason for one in found if one.figure.reason]:
        return Figure("mean", math.nan, reason=f"a task is undefined: {undefined[0]}")
    mean = Sampled.mean_of([one.sampled for one in found if one.sampled])
    ends = mean.estimate(settings.level)
    chance = float(np.mean([one.figure.chance for one in found]))
    return Figure("mean", ends.value, ends.low, ends.high, chance)
