"""What the probes found: rows, their JSON file, a table and a figure of them.

Knows nothing of models or of how the probes are run (`probes`).
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from alignscore_metric.errors import ConfigurationError, InputError, MissingResourceError
from alignscore_metric.system.whole_files import whole_path
from alignscore_metric.training.evaluation import MAIN_MEASURES

if TYPE_CHECKING:
    from matplotlib.axes import Axes

PROBES = ("linear", "sequential", "cycles")
BEFORE = "before"
"""Stands for a regulariser in the rows of the encoder that was not fine-tuned."""


@dataclass(frozen=True)
class ProbeRow:
    """One measurement.

    Attributes:
        probe: One of `PROBES`.
        regulariser: Its name in the plan, or `BEFORE`.
        seed: The run's.
        stage: Stages of training that the model had, from 0.
        task: What it is measured on.
        measures: As `evaluate_dev` gives them.
    """

    probe: str
    regulariser: str
    seed: int
    stage: int
    task: str
    measures: dict[str, float]

    @property
    def value(self) -> float:
        """The main measure of the task, by its head."""
        found = [self.measures[name] for name in MAIN_MEASURES if name in self.measures]
        return found[0] if found else math.nan


def write_probe_rows(path: Path, rows: Sequence[ProbeRow], *, plan: str) -> None:
    """Write rows to a JSON file, with the plan that they are of; it appears whole or not at all."""
    content = {"plan": plan, "rows": [_finite(asdict(row)) for row in rows]}
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with whole_path(path) as beside:
            beside.write_text(json.dumps(content, indent=1, allow_nan=False), encoding="utf-8")
    except OSError as cause:
        raise ConfigurationError(f"cannot write {path}: {cause}") from cause


def _finite(row: dict[str, Any]) -> dict[str, Any]:
    """A row without NaN, which JSON does not have."""
    found = row["measures"].items()
    return row | {"measures": {key: v if math.isfinite(v) else None for key, v in found}}


def read_probe_rows(path: Path) -> tuple[list[ProbeRow], str]:
    """Read what `write_probe_rows` wrote: the rows and their plan.

    Raises:
        InputError: The file is missing, damaged or something else.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        rows = [ProbeRow(**row | {"measures": _numbers(row)}) for row in content["rows"]]
        return rows, str(content["plan"])
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as cause:
        raise InputError(f"{path} holds no rows of probes: {cause!r}") from cause


def _numbers(row: dict[str, Any]) -> dict[str, float]:
    return {key: math.nan if v is None else float(v) for key, v in row["measures"].items()}


@dataclass(frozen=True)
class ProbeCell:
    """What a probe found for one regulariser, task and stage, over the seeds.

    Attributes:
        mean: Mean of the main measures.
        deviation: Their standard deviation (n - 1); 0 for one seed.
        seeds: How many.
    """

    mean: float
    deviation: float
    seeds: int


def summarise(rows: Sequence[ProbeRow], probe: str) -> dict[tuple[str, int, str], ProbeCell]:
    """Means over seeds of one probe, by regulariser, stage and task, in order of appearance."""
    values: dict[tuple[str, int, str], list[float]] = {}
    for row in rows:
        if row.probe == probe:
            values.setdefault((row.regulariser, row.stage, row.task), []).append(row.value)
    return {
        key: ProbeCell(
            float(np.mean(found)),
            float(np.std(found, ddof=1)) if len(found) > 1 else 0.0,
            len(found),
        )
        for key, found in values.items()
    }


def table(rows: Sequence[ProbeRow]) -> str:
    """The rows as text: for each probe its regularisers by its tasks or stages.

    Args:
        rows: Of one plan.

    Returns:
        Means over seeds x 100, and the standard deviations where there are seeds to have them.
        Every line ends with a newline.
    """
    return "\n".join(
        f"{_TITLES[probe]}\n{_grid(summarise(rows, probe), probe)}"
        for probe in PROBES
        if any(row.probe == probe for row in rows)
    )


_TITLES = {
    "linear": "linear probe: frozen after the first task",
    "sequential": "sequential: one task after the other",
    "cycles": "cycles: the same tasks again and again",
}


def _grid(cells: Mapping[tuple[str, int, str], ProbeCell], probe: str) -> str:
    """Aligned columns, one for each task (linear) or each stage."""
    columns = list(dict.fromkeys((0 if probe == "linear" else s, task) for _, s, task in cells))
    lines = [["", *(task if not stage else f"{stage} {task}" for stage, task in columns)]]
    for name in dict.fromkeys(name for name, _, _ in cells):
        found = {
            (0 if probe == "linear" else stage, task): cell
            for (other, stage, task), cell in cells.items()
            if other == name
        }
        lines.append([name, *(_text(found.get(column)) for column in columns)])
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "".join(f"{_aligned(line, widths)}\n" for line in lines)


def _aligned(line: Sequence[str], widths: Sequence[int]) -> str:
    """Cells of a line: the first to the left, the others to the right."""
    cells = [text.rjust(width) for text, width in zip(line, widths, strict=True)]
    return "  ".join([line[0].ljust(widths[0]), *cells[1:]]).rstrip()


def _text(cell: ProbeCell | None) -> str:
    if cell is None or math.isnan(cell.mean):
        return "-"
    spread = f" ±{100 * cell.deviation:.1f}" if cell.seeds > 1 else ""
    return f"{100 * cell.mean:.1f}{spread}"


_COLOURS = ("#000000", "#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
"""Okabe and Ito's palette: told apart by colour-blind readers; and in grey, by the markers."""

_MARKERS = ("o", "s", "^", "D", "v", "P", "X")


def plot_probes(rows: Sequence[ProbeRow], path: Path) -> None:
    """Draw the rows: a panel for the linear probe, one for the chain, one for each cycled task.

    Points are means over seeds, bars their standard deviations, a dashed line the encoder before
    fine-tuning.

    Args:
        rows: Of one plan.
        path: An image; its ending (.png, .svg, .pdf) gives the format.

    Raises:
        InputError: There is no row.
        ConfigurationError: The path cannot be written to, or its ending is unknown.
        MissingResourceError: matplotlib is not installed.
    """
    try:
        from matplotlib.figure import Figure
    except ImportError as cause:
        raise MissingResourceError(
            "a figure of the probes needs: pip install 'alignscore-metric[train]'"
        ) from cause
    panels = _panels(rows)
    if not panels:
        raise InputError("there is no row to draw; run the probes first")
    columns = min(len(panels), 3)
    lines = math.ceil(len(panels) / columns)
    figure = Figure(figsize=(1 + 3.6 * columns, 0.8 + 3.2 * lines), layout="constrained")
    axes = figure.subplots(lines, columns, squeeze=False).ravel()
    for ax, (title, cells, linked) in zip(axes, panels, strict=False):
        _draw(ax, title, cells, linked, _looks(rows))
    for ax in axes[len(panels) :]:
        ax.set_visible(False)
    handles = {
        label: handle
        for ax in axes
        for handle, label in zip(*ax.get_legend_handles_labels(), strict=True)
    }
    figure.legend(
        [*handles.values()],
        [*handles],
        loc="outside lower center",
        ncols=len(handles),
        frameon=False,
    )
    try:
        figure.savefig(path, dpi=150)
    except (OSError, ValueError) as cause:  # matplotlib's error for an unknown ending
        raise ConfigurationError(f"cannot draw to {path}: {cause}") from cause


ProbePanel = tuple[str, dict[str, dict[str, ProbeCell]], bool]
"""A title; by regulariser, a cell for each mark on the x axis; whether the marks are in a line."""


def _panels(rows: Sequence[ProbeRow]) -> list[ProbePanel]:
    panels: list[ProbePanel] = []
    for probe in ("linear", "sequential"):
        if cells := summarise(rows, probe):
            marks: dict[str, dict[str, ProbeCell]] = {}
            for (name, stage, task), cell in cells.items():
                mark = task if probe == "linear" else f"{stage}. {task}"
                marks.setdefault(name, {})[mark] = cell
            panels.append((_TITLES[probe].replace(": ", "\n"), marks, False))
    cells = summarise(rows, "cycles")
    for each in dict.fromkeys(task for _, _, task in cells):
        rounds: dict[str, dict[str, ProbeCell]] = {}
        for (name, _, task), cell in cells.items():
            if task == each:
                of_name = rounds.setdefault(name, {})
                of_name[f"round {len(of_name) + 1}"] = cell
        panels.append((f"cycles\n{each}", rounds, True))
    return panels


def _looks(rows: Sequence[ProbeRow]) -> dict[str, tuple[str, str]]:
    """A colour and a marker for each regulariser."""
    names = dict.fromkeys(row.regulariser for row in rows if row.regulariser != BEFORE)
    return {
        name: (_COLOURS[i % len(_COLOURS)], _MARKERS[i % len(_MARKERS)])
        for i, name in enumerate(names)
    }


def _draw(
    ax: Axes,
    title: str,
    cells: Mapping[str, Mapping[str, ProbeCell]],
    linked: bool,
    looks: Mapping[str, tuple[str, str]],
) -> None:
    """One panel; points of one mark stand side by side."""
    marks = list(dict.fromkeys(mark for found in cells.values() for mark in found))
    shown = [name for name in looks if name in cells]
    step = 0.6 / max(len(shown), 1)
    for i, name in enumerate(shown):
        colour, marker = looks[name]
        found = cells[name]
        ax.errorbar(
            [marks.index(mark) + (i - (len(shown) - 1) / 2) * step for mark in found],
            [100 * cell.mean for cell in found.values()],
            [100 * cell.deviation for cell in found.values()],
            color=colour,
            marker=marker,
            linestyle="-" if linked else "none",
            linewidth=1,
            markersize=5,
            capsize=2,
            label=name,
        )
    for mark, cell in cells.get(BEFORE, {}).items():
        x = marks.index(mark)
        ax.hlines(
            100 * cell.mean, x - 0.4, x + 0.4, "grey", "dashed", label=f"{BEFORE} fine-tuning"
        )
    ax.set_title(title, fontsize=10)
    ax.set_xticks(range(len(marks)), marks, rotation=0 if len(marks) < 5 else 30, fontsize=9)
    ax.set_xlim(-0.5, len(marks) - 0.5)
    ax.set_ylabel("main measure \N{MULTIPLICATION SIGN} 100", fontsize=9)
    ax.grid(axis="y", alpha=0.3)
    ax.spines[["top", "right"]].set_visible(False)
