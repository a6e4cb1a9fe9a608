"""From item tables to a leaderboard: which statistic, of which rows, with which uncertainty.

Scores nothing and reads no text; everything here can be computed again from the item tables.
"""

from __future__ import annotations

import math
import zlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from itertools import combinations
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt

from alignscore_metric.arrays import Bools, Floats
from alignscore_metric.errors import ConfigurationError, InputError
from alignscore_metric.leaderboards.board import MEAN, Board, Cell, Column, PairwiseTest, Row
from alignscore_metric.leaderboards.cards import overlapping
from alignscore_metric.leaderboards.items import ERROR_SEPARATOR
from alignscore_metric.leaderboards.tasks import Task, tasks_of
from alignscore_metric.scores import significance, thresholds
from alignscore_metric.scores import statistics as st
from alignscore_metric.scores.intervals import Design, Resampling, Sampled
from alignscore_metric.scores.ties import accuracy_with_ties, pairs_in_order
from alignscore_metric.version import __version__

if TYPE_CHECKING:
    import pandas as pd

    from alignscore_metric.leaderboards.items import ItemTable

Threshold = Literal["fixed", "summac", "alignscore"]
Strings = npt.NDArray[np.str_]


@dataclass(frozen=True)
class Measure:
    """A statistic that a leaderboard can show.

    Attributes:
        title: For people.
        prepare: The statistic; at system level, its kind is in `system`.
        compares: `label` compares with 0/1 labels, `target` with whatever the task names.
        ranks: Whether only the order of scores counts.
        threshold: How scores become decisions; None where they do not.
        system: The kind of agreement at system level; None at input level.
        documents: What makes the statistic from the rows' documents, where it compares rows of
            one document.
    """

    title: str
    prepare: st.Preparation | None = None
    compares: Literal["label", "target"] = "label"
    ranks: bool = True
    threshold: Threshold | None = None
    system: st.SystemKind | None = None
    documents: Callable[[Strings], st.Preparation] | None = None

    @property
    def lowest(self) -> float:
        """Least value there can be: -1 of correlations, 0 of shares."""
        share = self.documents or self.system in ("pairwise_accuracy", "accuracy_with_ties")
        return 0.0 if share or self.compares == "label" else -1.0


MEASURES: Mapping[str, Measure] = {
    "roc_auc": Measure("ROC-AUC", st.roc_auc),
    "average_precision": Measure("average precision", st.average_precision),
    "balanced_accuracy": Measure(
        "balanced accuracy, score > 0.5", st.balanced_accuracy, threshold="fixed"
    ),
    "balanced_accuracy_summac": Measure(
        "balanced accuracy, threshold tuned on val as SummaC does",
        st.balanced_accuracy,
        threshold="summac",
    ),
    "balanced_accuracy_alignscore": Measure(
        "balanced accuracy, threshold tuned on val as AlignScore does",
        st.balanced_accuracy,
        threshold="alignscore",
    ),
    "f1": Measure("F1, score > 0.5", st.f1, threshold="fixed"),
    "f1_inconsistent": Measure(
        "F1 of the inconsistent class, score > 0.5", st.f1_negative, threshold="fixed"
    ),
    "pairs_in_order": Measure(
        "share of pairs of a consistent and an inconsistent text of one document in order",
        documents=pairs_in_order,
    ),
    "pearson": Measure("Pearson correlation", st.pearson, compares="target", ranks=False),
    "spearman": Measure("Spearman correlation", st.spearman, compares="target"),
    "kendall": Measure("Kendall tau-b", st.kendall, compares="target"),
    "system_pearson": Measure(
        "Pearson correlation of systems' means", compares="target", ranks=False, system="pearson"
    ),
    "system_spearman": Measure(
        "Spearman correlation of systems' means", compares="target", ranks=False, system="spearman"
    ),
    "system_kendall": Measure(
        "Kendall tau-b of systems' means", compares="target", ranks=False, system="kendall"
    ),
    "pairwise_accuracy": Measure(
        "pairwise accuracy of systems", compares="target", ranks=False, system="pairwise_accuracy"
    ),
    "accuracy_with_ties": Measure(
        "pairwise accuracy within documents with tie calibration",
        compares="target",
        ranks=False,
        documents=accuracy_with_ties,
    ),
    "system_accuracy_with_ties": Measure(
        "pairwise accuracy of systems with tie calibration",
        compares="target",
        ranks=False,
        system="accuracy_with_ties",
    ),
}


@dataclass(frozen=True, kw_only=True)
class BoardSettings(Resampling):
    """What a board's uncertainty depends on, besides level, resamples and seed.

    Of 0 resamples neither intervals nor tests are computed.

    Attributes:
        permutations: Of each paired test. None takes as many as resamples, or more if Holm's
            correction asks for it: four times the pairs over alpha, so that the smallest p-value
            there can be is a quarter of what one pair among all of them needs.
        alpha: Two metrics differ significantly where p after Holm's correction is below it.
        systems: Whether systems are resampled and swapped too, besides documents, wherever rows
            name at least three; always so at system level.
    """

    permutations: int | None = None
    alpha: float = 0.05
    systems: bool = False

    def __post_init__(self) -> None:
        """Refuse what has no meaning."""
        if not (0 < self.level < 1 and 0 < self.alpha < 1 and self.resamples >= 0):
            raise ConfigurationError(
                "level and alpha lie between 0 and 1, resamples is a whole number >= 0"
            )
        if self.permutations is not None and self.permutations < 1:
            raise ConfigurationError(
                "permutations is a whole number > 0; resamples=0 leaves tests out"
            )

    def for_metrics(self, count: int) -> BoardSettings:
        """The same with the number of permutations that so many metrics need."""
        needed = math.ceil(4 * math.comb(count, 2) / self.alpha)
        return replace(self, permutations=self.permutations or max(self.resamples, needed))


@dataclass(frozen=True, eq=False)
class Panel:
    """One column before its statistics: judged rows, and each metric's scores of them.

    Attributes:
        column: What the board says of it.
        targets: Judgments, shape [N].
        documents: Any labels of the rows' documents, shape [N].
        systems: Their systems, or None where fewer than three are named or a row names none.
        scores: By metric, shape [N], NaN where undefined.
        tuning: By metric: labels and scores of the val rows; empty where there are none.
        errors: Types of each text's errors, shape [N]; empty where the data tell none.
        divided: Whether annotators were divided (1) or agreed (0), shape [N]; NaN where unknown.
    """

    column: Column
    targets: Floats
    documents: Strings
    systems: Strings | None
    scores: Mapping[str, Floats]
    tuning: Mapping[str, tuple[Floats, Floats]] = field(default_factory=dict)
    errors: tuple[frozenset[str], ...] = ()
    divided: Floats = field(default_factory=lambda: np.empty(0))


def build_board(
    tables: Iterable[ItemTable],
    *,
    benchmark: str,
    split: str | None = None,
    statistic: str = "roc_auc",
    slices: bool = False,
    settings: BoardSettings | None = None,
) -> Board:
    """The leaderboard of a benchmark from the item tables of its metrics.

    Args:
        tables: Of any metrics and datasets; those that the benchmark does not ask for are unused.
        benchmark: As `summac`.
        split: `val`, `test`, ...; None takes the one split that each of its tasks has.
        statistic: A name in `MEASURES`.
        slices: A column for each type of error (those texts, and the consistent ones) and for texts
            on which annotators agreed or were divided, of the sets that tell it, instead of a
            column for each task; no means.
        settings: Of intervals and tests; the defaults where None.

    Raises:
        ConfigurationError: No such benchmark, split or statistic.
        InputError: No table fits, or tables of one column were made from different data.
    """
    settings = BoardSettings() if settings is None else settings
    measure = _measure(statistic)
    tasks = tasks_of(benchmark, split=split)
    if len({task.name for task in tasks}) < len(tasks):
        splits = sorted({task.split for task in tasks})
        raise ConfigurationError(f"{benchmark} has the splits {', '.join(splits)}; give one")
    found = _by_run(tables)
    panels = [panel for task in tasks if (panel := build_panel(task, found, measure))]
    if slices and panels:
        panels = [part for panel in panels for part in slices_of(panel)]
        if not panels:
            raise InputError(f"no set of {benchmark} that was run tells types of errors")
    if not panels:
        raise InputError(
            f"no run covers {benchmark}; type: alignscore leaderboard run {benchmark} --metric mini"
        )
    settings = settings.for_metrics(len({name for panel in panels for name in panel.scores}))
    judged = {panel.column.key: _judge(panel, measure, settings) for panel in panels}
    differences = {
        panel.column.key: _differences(panel, judged[panel.column.key], measure, settings)
        for panel in panels
    }
    counted = [panel.column.key for panel in panels if panel.column.in_mean]
    judged[MEAN] = _mean_of([judged[key] for key in counted], settings)
    differences[MEAN] = _mean_difference([differences[key] for key in counted], settings)
    tests = {key: _tests(key, judged[key], differences[key]) for key in judged}
    return Board(
        benchmark=benchmark,
        split=split or "all",
        statistic=statistic,
        columns=tuple(panel.column for panel in panels),
        rows=_rows(panels, judged, tests, found, settings),
        tests=tuple(test for key in judged for test in tests[key]),
        settings={
            **asdict(settings),
            "systems": bool(settings.systems or measure.system),
            "slices": slices,
            "missing_tasks": []
            if slices
            else sorted({t.key for t in tasks} - {p.column.key for p in panels}),
            "version": __version__,
        },
    )


def _by_run(tables: Iterable[ItemTable]) -> dict[tuple[str, str, str], ItemTable]:
    found: dict[tuple[str, str, str], ItemTable] = {}
    for table in tables:
        key = (table.info.metric, table.info.dataset, table.info.split)
        if key in found:
            raise InputError(
                f"two runs of {key[0]} on {key[1]}/{key[2]}: {found[key].info.signature} and "
                f"{table.info.signature}; keep one, or name the metrics differently"
            )
        found[key] = table
    return found


def build_panel(
    task: Task, found: Mapping[tuple[str, str, str], ItemTable], measure: Measure
) -> Panel | None:
    """The rows of one task with every metric's scores; None where no metric has them all.

    Args:
        task: Of a benchmark.
        found: Item tables by (metric, dataset, split).
        measure: Tells what scores are compared with, and whether a threshold is tuned.

    Raises:
        InputError: Metrics were scored on different data.
    """
    names = sorted({metric for metric, dataset, _ in found if dataset == task.dataset})
    complete = [n for n in names if all((n, task.dataset, split) in found for split in task.splits)]
    if not complete:
        return None
    frames = {name: _pooled(task, found, name) for name in complete}
    first = frames[complete[0]]
    hashes = {name: _hashes(task, found, name) for name in complete}
    for name in complete:
        if hashes[name] != hashes[complete[0]]:
            raise InputError(
                f"{task.key}: {name} and {complete[0]} were scored on different rows; "
                "run one of them again"
            )
    compared = "label" if measure.compares == "label" else task.target
    kept = first[compared].notna().to_numpy()
    first = first[kept]
    systems = first["system"]
    enough = systems.notna().all() and systems.nunique() >= 3
    return Panel(
        column=_column(task, first, found, complete[0], labels=compared == "label"),
        targets=first[compared].to_numpy(dtype=float),
        documents=first["document"].to_numpy(dtype=str),
        systems=systems.to_numpy(dtype=str) if enough else None,
        scores={n: frame["score"].to_numpy(dtype=float)[kept] for n, frame in frames.items()},
        tuning={n: _tuning(task, found, n) for n in complete} if measure.threshold else {},
        errors=tuple(map(_error_types, first["errors"])),
        divided=first["divided"].to_numpy(dtype=float),
    )


def _error_types(joined: object) -> frozenset[str]:
    """The types in an item table's column; none where it has nothing."""
    return frozenset(joined.split(ERROR_SEPARATOR)) if isinstance(joined, str) else frozenset()


def slices_of(panel: Panel) -> list[Panel]:
    """One panel for each type of error and for each state of annotators' agreement.

    Args:
        panel: With labels as targets; of graded judgments only agreement is sliced.
    """
    graded = panel.column.positives is None
    wrong = np.zeros(len(panel.targets), dtype=bool) if graded else panel.targets == 0
    types = sorted(set().union(*(panel.errors[row] for row in np.flatnonzero(wrong))))
    rows = {
        name: ~wrong | np.array([name in one for one in panel.errors], dtype=bool) for name in types
    }
    rows |= {
        name: panel.divided == state
        for state, name in enumerate(("annotators agree", "annotators divided"))
        if (panel.divided == state).any()
    }
    return [_part(panel, name, kept) for name, kept in rows.items()]


def _part(panel: Panel, name: str, rows: Bools) -> Panel:
    """Some rows of a panel; the part's name stands in its column's key, before the split."""
    task, _, split = panel.column.key.rpartition("/")
    positives = None if panel.column.positives is None else int(panel.targets[rows].sum())
    column = replace(
        panel.column,
        key=f"{task} ({name})/{split}",
        rows=int(rows.sum()),
        positives=positives,
        documents=len(set(panel.documents[rows])),
        in_mean=False,
        discrepancies=(),  # they are of all of the set's rows
    )
    return replace(
        panel,
        column=column,
        targets=panel.targets[rows],
        documents=panel.documents[rows],
        systems=None if panel.systems is None else panel.systems[rows],
        scores={metric: scores[rows] for metric, scores in panel.scores.items()},
        errors=tuple(one for one, kept in zip(panel.errors, rows, strict=True) if kept),
        divided=panel.divided[rows],
    )


def _pooled(
    task: Task, found: Mapping[tuple[str, str, str], ItemTable], metric: str
) -> pd.DataFrame:
    import pandas as pd

    return _where(task, pd.concat([found[metric, task.dataset, one].frame for one in task.splits]))


def _where(task: Task, frame: pd.DataFrame) -> pd.DataFrame:
    for name, wanted in task.where.items():
        frame = frame[frame[name] == wanted]
    return frame


def _hashes(
    task: Task, found: Mapping[tuple[str, str, str], ItemTable], metric: str
) -> tuple[str, ...]:
    return tuple(found[metric, task.dataset, split].info.dataset_hash for split in task.splits)


def _tuning(
    task: Task, found: Mapping[tuple[str, str, str], ItemTable], metric: str
) -> tuple[Floats, Floats]:
    """Labels and scores of the val rows; nothing where val is what is judged, or is not there."""
    table = found.get((metric, task.dataset, "val"))
    if "val" in task.splits or table is None:
        return np.empty(0), np.empty(0)
    rows = _where(task, table.frame).dropna(subset=["label", "score"])
    return rows["label"].to_numpy(dtype=float), rows["score"].to_numpy(dtype=float)


def _column(
    task: Task,
    rows: pd.DataFrame,
    found: Mapping[tuple[str, str, str], ItemTable],
    metric: str,
    *,
    labels: bool,
) -> Column:
    tables = [found[metric, task.dataset, split] for split in task.splits]
    return Column(
        key=task.key,
        dataset=task.dataset,
        dataset_hash="+".join(table.info.dataset_hash for table in tables),
        rows=len(rows),
        positives=int((rows["label"] == 1).sum()) if labels else None,
        documents=int(rows["document"].nunique()),
        in_mean=task.in_mean,
        discrepancies=tuple(one for table in tables for one in table.info.discrepancies),
    )


# --- statistics of a column ----------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class _Judged:
    """A metric on a column: its cell, and what means and paired tests need; None if undefined."""

    cell: Cell
    sampled: Sampled | None
    scores: Floats  # or decisions
    defined: Bools


def _judge(panel: Panel, measure: Measure, settings: BoardSettings) -> dict[str, _Judged]:
    return {name: _judge_one(panel, name, measure, settings) for name in panel.scores}


def _judge_one(panel: Panel, name: str, measure: Measure, settings: BoardSettings) -> _Judged:
    scores, reason = _decide(panel, name, measure)
    defined = ~np.isnan(scores)
    undefined = int((~defined).sum())
    reason = reason or undefined_reason(panel, scores, measure)
    if reason:
        cell = Cell(math.nan, reason=reason, undefined=undefined)
        return _Judged(cell, None, scores, defined)
    sampled = Sampled.of(
        _prepare(panel, measure, defined)(panel.targets[defined], scores[defined]),
        _design(panel, measure, settings, defined),
        resamples=settings.resamples,
        rng=_rng(settings, panel.column.key),
        lowest=measure.lowest,
    )
    reason = "systems' means are equal" if math.isnan(sampled.value) else ""
    cell = replace(
        _cell(sampled, settings),
        reason=reason,
        undefined=undefined,
        fixed=_at_fixed_threshold(panel, name, measure),
    )
    return _Judged(cell, sampled, scores, defined)


def _cell(sampled: Sampled, settings: BoardSettings) -> Cell:
    found = sampled.estimate(settings.level)
    return Cell(found.value, found.low, found.high)


_NO_ROWS = (np.empty(0), np.empty(0, dtype=bool))
"""A mean has no rows of its own."""


def _decide(panel: Panel, name: str, measure: Measure) -> tuple[Floats, str]:
    """Scores, or decisions where the measure asks for them; and why there are none."""
    scores = panel.scores[name]
    if measure.threshold is None:
        return scores, ""
    threshold = 0.5
    if measure.threshold != "fixed":
        labels, tuned = panel.tuning[name]
        if len(set(labels)) < 2:
            return scores, "no val split with both labels to tune the threshold on"
        tune = (
            thresholds.summac_threshold
            if measure.threshold == "summac"
            else thresholds.alignscore_threshold
        )
        threshold = tune(labels, tuned)
    return np.where(np.isnan(scores), np.nan, scores > threshold), ""


def _at_fixed_threshold(panel: Panel, name: str, measure: Measure) -> float:
    """What a statistic of decisions at a tuned threshold is at 0.5; NaN for any other statistic."""
    if measure.threshold in (None, "fixed") or measure.prepare is None:
        return math.nan
    decided, _ = _decide(panel, name, replace(measure, threshold="fixed"))
    rows = ~np.isnan(decided)
    return st.value(measure.prepare(panel.targets[rows], decided[rows]), int(rows.sum()))


def undefined_reason(panel: Panel, scores: Floats, measure: Measure) -> str:
    """Why a statistic is undefined on these rows; empty where it is defined."""
    defined = ~np.isnan(scores)
    targets = panel.targets[defined]
    if not len(panel.targets):
        return "no row has a label" if measure.compares == "label" else "no row has a judgment"
    if not defined.any():
        return "no row has a score"
    if measure.compares == "label":
        return f"all labels are {int(targets[0])}" if len(set(targets)) < 2 else ""
    if measure.system and (panel.systems is None or len(set(panel.systems[defined])) < 3):
        return "fewer than 3 systems, or rows that name none"
    if measure.documents and len(set(panel.documents[defined])) == int(defined.sum()):
        return "no document has two judged texts"
    if len(set(targets)) < 2:
        return "all judgments are equal"
    return "all scores are equal" if len(set(scores[defined])) < 2 else ""


def _prepare(panel: Panel, measure: Measure, rows: Bools) -> st.Preparation:
    if measure.prepare is not None:
        return measure.prepare
    if measure.documents is not None:
        return measure.documents(panel.documents[rows])
    assert measure.system is not None  # noqa: S101  # a measure has one of the three
    assert panel.systems is not None  # noqa: S101  # else it is undefined
    return st.system_level(measure.system, panel.systems[rows])


def _design(panel: Panel, measure: Measure, settings: BoardSettings, rows: Bools) -> Design:
    with_systems = panel.systems is not None and (settings.systems or measure.system)
    systems = panel.systems[rows] if with_systems and panel.systems is not None else None
    return Design.of(panel.documents[rows], systems)


def _rng(settings: BoardSettings, key: str) -> np.random.Generator:
    """Columns are resampled independently; all metrics of a column see the same resamples."""
    return np.random.default_rng([settings.seed, zlib.crc32(key.encode())])


# --- tests, means, rows --------------------------------------------------------------------------


_Differences = Mapping[tuple[str, str], tuple[float, Floats]]
"""Differences of two metrics' agreement: observed, and under the null hypothesis."""


def _differences(
    panel: Panel, judged: Mapping[str, _Judged], measure: Measure, settings: BoardSettings
) -> _Differences:
    """Of every two metrics, on the rows that both have scored."""
    defined = [name for name, found in judged.items() if not found.cell.reason]
    found = {}
    for pair in combinations(defined, 2) if settings.resamples else ():
        rows = judged[pair[0]].defined & judged[pair[1]].defined
        first, second = (judged[name].scores[rows] for name in pair)
        if measure.threshold is None:
            first, second = (st.common_scale(s, ranks=measure.ranks) for s in (first, second))
        found[pair] = significance.permutation_draws(
            _prepare(panel, measure, rows),
            panel.targets[rows],
            (first, second),
            _design(panel, measure, settings, rows),
            resamples=settings.permutations or settings.resamples,
            rng=_rng(settings, panel.column.key),
        )
    return found


def _mean_of(
    columns: Sequence[Mapping[str, _Judged]], settings: BoardSettings
) -> dict[str, _Judged]:
    """Means over columns, which are independent, of the metrics that are defined in all."""
    names = set.intersection(*(set(column) for column in columns)) if columns else set()
    means = {}
    for name in sorted(names):
        found = [column[name] for column in columns]
        samples = [one.sampled for one in found if one.sampled and not one.cell.reason]
        if len(samples) == len(found):
            sampled = Sampled.mean_of(samples)
            fixed = float(np.mean([one.cell.fixed for one in found]))
            cell = replace(_cell(sampled, settings), fixed=fixed)
            means[name] = _Judged(cell, sampled, *_NO_ROWS)
    return means


def _mean_difference(columns: Sequence[_Differences], settings: BoardSettings) -> _Differences:
    """Differences of means, for the pairs that every column has.

    A column of few documents has all its swaps enumerated, in order: those are drawn from.
    """
    pairs = set.intersection(*(set(column) for column in columns)) if columns else set()
    rng, size = _rng(settings, MEAN), settings.permutations
    found = {}
    for pair in sorted(pairs):
        nulls = [column[pair][1] for column in columns]
        drawn = [null if len(null) == size else rng.choice(null, size) for null in nulls]
        observed = float(np.mean([column[pair][0] for column in columns]))
        found[pair] = observed, np.mean(drawn, axis=0)
    return found


def _tests(
    key: str, judged: Mapping[str, _Judged], differences: _Differences
) -> list[PairwiseTest]:
    """Paired tests of one column (or the mean), the metric with the higher value first."""
    p_values = [significance.p_value(*difference) for difference in differences.values()]
    tests = []
    for pair, p, corrected in zip(differences, p_values, significance.holm(p_values), strict=True):
        better, worse = sorted(pair, key=lambda name: -judged[name].cell.value)
        gap = judged[better].cell.value - judged[worse].cell.value
        tests.append(PairwiseTest(key, better, worse, gap, p, float(corrected)))
    return tests


def _clusters(
    judged: Mapping[str, _Judged], tests: Sequence[PairwiseTest], alpha: float
) -> dict[str, int]:
    order = sorted(
        (name for name, found in judged.items() if not found.cell.reason),
        key=lambda name: -judged[name].cell.value,
    )
    differing = {(test.better, test.worse) for test in tests if test.p_holm < alpha}
    return significance.significance_clusters(order, lambda best, other: (best, other) in differing)


def _rows(
    panels: Sequence[Panel],
    judged: Mapping[str, Mapping[str, _Judged]],
    tests: Mapping[str, Sequence[PairwiseTest]],
    found: Mapping[tuple[str, str, str], ItemTable],
    settings: BoardSettings,
) -> tuple[Row, ...]:
    """One row per metric: by mean, those without one after them, then by name."""
    clusters = {key: _clusters(judged[key], tests[key], settings.alpha) for key in judged}
    rows = []
    datasets = {panel.column.dataset for panel in panels}
    for name in sorted({name for panel in panels for name in panel.scores}):
        tables = [
            table
            for (metric, dataset, _), table in found.items()
            if metric == name and dataset in datasets
        ]
        trained = {one for table in tables for one in table.info.training_sets}
        cells = {
            panel.column.key: replace(
                judged[panel.column.key][name].cell,
                cluster=clusters[panel.column.key].get(name),
                overlaps=overlapping(panel.column.dataset, trained),
            )
            for panel in panels
            if name in panel.scores
        }
        mean = judged[MEAN].get(name)
        rows.append(
            Row(
                metric=name,
                kind="measured",
                source=" ".join(sorted({table.info.signature for table in tables})),
                cells=cells,
                mean=None if mean is None else replace(mean.cell, cluster=clusters[MEAN][name]),
                seconds=round(sum(table.info.seconds for table in tables), 1),
                **_cost(tables),
            )
        )
    return tuple(
        sorted(rows, key=lambda row: (row.mean is None, -row.mean.value if row.mean else 0))
    )


def _cost(tables: Sequence[ItemTable]) -> dict[str, Any]:
    """Size, licence and speed of one metric, as far as its tables say them alike."""
    seconds = sum(table.info.seconds for table in tables)
    scored = sum(table.info.scored for table in tables)
    measured = [table.info.hardware for table in tables if table.info.scored]
    known = {table.info.parameters for table in tables}
    return {
        "parameters": known.pop() if len(known) == 1 else None,
        "licence": ", ".join(sorted({table.info.licence for table in tables} - {""})),
        "pairs_per_second": round(scored / seconds, 2) if scored and seconds else None,
        "hardware": ", ".join(sorted(set(measured) - {""})),
    }


def _measure(name: str) -> Measure:
    if name not in MEASURES:
        raise ConfigurationError(f"no statistic {name!r}; there are {', '.join(MEASURES)}")
    return MEASURES[name]
