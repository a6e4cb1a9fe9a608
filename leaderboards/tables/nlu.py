"""The NLU board as text, Markdown, LaTeX and JSON. Computes no statistic."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Literal

from alignscore_metric.leaderboards.nlu.board import Figure, NluBoard, TaskResult
from alignscore_metric.leaderboards.nlu.measures import ANSWERING_HEADS
from alignscore_metric.leaderboards.tables.latex import latex_table
from alignscore_metric.leaderboards.tables.layout import (
    DASH,
    MISSING,
    TIMES_100,
    UNDEFINED,
    Layout,
    Line,
    Notes,
    TableEntry,
)
from alignscore_metric.leaderboards.tables.markdown import markdown_table
from alignscore_metric.leaderboards.tables.text import text_table

NluFormat = Literal["text", "markdown", "latex", "json"]

NAMES = {
    "accuracy": "accuracy",
    "choice_accuracy": "accuracy by question",
    "f1": "F1",
    "roc_auc": "ROC-AUC",
    "pearson": "Pearson",
    "spearman": "Spearman",
    "mean": "mean",
}


def render_nlu(board: NluBoard, *, format: NluFormat) -> str:
    """A board as two tables: what the answering heads get; every head as a degree of alignment.

    Args:
        board: The board.
        format: Which format. JSON is the board itself, with all digits and not multiplied by 100.

    Returns:
        A text that ends with a line break. LaTeX needs the packages booktabs and graphicx.
    """
    if format == "json":
        return board.to_json()
    write = {"text": text_table, "markdown": markdown_table, "latex": latex_table}[format]
    return write(_answers_layout(board)) + "\n" + write(_degrees_layout(board))


def _answers_layout(board: NluBoard) -> Layout:
    notes = Notes()
    headings = ("kind", "seen", "rows", "head", "measure", "value", "chance", "majority", "also")
    lines = [_task_line(task, notes) for task in board.tasks]
    lines += [_mean_line(board, group) for group in board.means]
    return Layout(
        title=f"NLU tasks of {board.model} {TIMES_100}",
        facts=_facts(board),
        corner="task",
        headings=tuple(map(TableEntry, headings)),
        measured=tuple(lines),
        legend=_legend(board),
        notes=notes.pairs(),
        signatures=((board.model, board.signature),),
    )


def _facts(board: NluBoard) -> str:
    settings = board.settings
    return (
        f"a{DASH}b: {100 * settings.level:g}% interval from {settings.resamples} resamples of the "
        f"contexts, seed {settings.seed}"
    )


def _legend(board: NluBoard) -> tuple[str, ...]:
    legend = [
        "seen: trained, on the set's own training split; related, on sets that share texts or "
        "questions with it; zero-shot, on neither; unknown, where nobody recorded the training",
        "rows a of b: of contexts drawn at random",
        "head: the one that answers, which the labels are for",
        "chance: each class or option equally often",
        "majority: the commonest class always",
        "means are of the column value, whose measures differ",
    ]
    if board.missing:
        legend.append(f"not answered: {', '.join(board.missing)}")
    return tuple(legend)


def _task_line(task: TaskResult, notes: Notes) -> Line:
    first, *others = task.figures
    about = [f"undefined: {one.reason}" for one in task.figures if one.reason]
    if task.left_out:
        about.append(f"{task.left_out} rows left out, whose question cannot be told")
    some = f" of {task.available}" if task.rows < task.available else ""
    seen = notes.mark([", ".join(task.seen)] if task.exposure == "related" else [])
    return Line(
        TableEntry(task.task, marks=notes.mark(about)),
        (
            TableEntry(task.family),
            TableEntry(task.exposure, marks=seen),
            TableEntry(f"{task.rows}{some}"),
            TableEntry(task.head),
            TableEntry(NAMES[first.measure]),
            _figure(first),
            TableEntry(_percent(first.chance)),
            TableEntry(_percent(first.majority)),
            _named(others),
        ),
    )


def _mean_line(board: NluBoard, group: str) -> Line:
    tasks = [task for task in board.tasks if group in ("all", task.exposure)]
    mean = board.means[group]
    empty = TableEntry("")
    return Line(
        TableEntry(f"mean of {len(tasks)}"),
        (
            empty, TableEntry(group), TableEntry(str(sum(task.rows for task in tasks))),
            empty, empty, _figure(mean), TableEntry(_percent(mean.chance)), empty, empty,
        ),
    )  # fmt: skip


def _degrees_layout(board: NluBoard) -> Layout:
    lines = [_degrees_line(task.task, task.head, task.degrees) for task in board.tasks]
    lines.append(_degrees_line(f"mean of {len(board.tasks)}", "", board.mean_degrees))
    return Layout(
        title=f"Every head of {board.model} as a degree of alignment {TIMES_100}",
        facts=f"P(aligned) of bin and tri, reg as it is. {_facts(board)}",
        corner="task",
        headings=tuple(map(TableEntry, ("answers", "measure", *ANSWERING_HEADS, "chance"))),
        measured=tuple(lines),
        legend=("{best}: the highest of the three",),
        signatures=((board.model, board.signature),),
    )


def _degrees_line(name: str, answering: str, figures: Mapping[str, Figure]) -> Line:
    best = max((one.value for one in figures.values() if not math.isnan(one.value)), default=None)
    one = figures[ANSWERING_HEADS[0]]
    entries = (_figure(figures[head], best=figures[head].value == best) for head in ANSWERING_HEADS)
    measure = TableEntry(NAMES[one.measure])
    return Line(
        TableEntry(name),
        (TableEntry(answering), measure, *entries, TableEntry(_percent(one.chance))),
    )


def _named(figures: Sequence[Figure]) -> TableEntry:
    """A further measure with its name, where there is one."""
    if not figures:
        return TableEntry("")
    shown = _figure(figures[0])
    return replace(shown, value=f"{NAMES[figures[0].measure]} {shown.value}")


def _figure(figure: Figure, *, best: bool = False) -> TableEntry:
    bounded = not math.isnan(figure.low)
    interval = f"{100 * figure.low:.1f}{DASH}{100 * figure.high:.1f}" if bounded else ""
    value = UNDEFINED if math.isnan(figure.value) else f"{100 * figure.value:.1f}"
    return TableEntry(value, interval, best=best)


def _percent(share: float) -> str:
    return MISSING if math.isnan(share) else f"{100 * share:.1f}"
