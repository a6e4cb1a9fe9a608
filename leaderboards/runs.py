"""Running a metric over evaluation sets: item tables that survive a kill and are never made twice.

A folder of runs holds `METRIC/DATASET.SPLIT.parquet`. While a table is made, its scores go to
`....scores.jsonl` beside it, a window of rows at a time; a killed run goes on from there. A row
that was already scored in another table of the same signature is taken over, not scored again.
"""

from __future__ import annotations

import json
import math
import os
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal
from urllib.parse import quote

from alignscore_metric.errors import InputError
from alignscore_metric.leaderboards.cards import load_cards
from alignscore_metric.leaderboards.cleanup import clean_up
from alignscore_metric.leaderboards.items import (
    EvaluationSet,
    ItemTable,
    RunInfo,
    item_frame,
    read_items,
    text_key,
    write_items,
)
from alignscore_metric.leaderboards.metrics import Metric

RUN_WINDOW = 256
"""Rows that are scored, then written, at a time."""

_RUN = "alignscore leaderboard run BENCHMARK --metric"


@dataclass
class Runner:
    """Scores evaluation sets with one metric into a folder of runs.

    Attributes:
        metric: The metric under test.
        folder: Of all runs; the metric's own folder is made in it.
        clean_up: `alignscore` cleans the summaries of sets whose cards say so, as its published
            evaluation did; part of the name and of the signature.
        progress: A bar on stderr; where None, only if stderr is a terminal.
    """

    metric: Metric
    folder: Path
    clean_up: Literal["alignscore"] | None = None
    progress: bool | None = None
    _known: dict[str, float] = field(default_factory=dict, init=False)

    def __post_init__(self) -> None:
        """Take over what tables of the same signature already hold."""
        for file in sorted(run_folder(self.folder, self.name).glob("*.parquet")):
            table = read_items(file)
            if table.info.signature == self.signature:
                self._known |= dict(zip(table.frame["text"], table.frame["score"], strict=True))

    @property
    def name(self) -> str:
        """The metric's name, with the clean-up."""
        return self.metric.name + (f"+clean_up={self.clean_up}" if self.clean_up else "")

    @property
    def signature(self) -> str:
        """The metric's signature, with the clean-up."""
        return self.metric.signature + (f"|clean_up:{self.clean_up}" if self.clean_up else "")

    def run(self, data: EvaluationSet) -> ItemTable:
        """Score one evaluation set, or take its scores from its table where it is already there.

        Returns:
            The item table, which is also on disk.

        Raises:
            InputError: Rows without a source.
        """
        _check_sources(data)
        file = table_file(self.folder, metric=self.name, dataset=data.dataset, split=data.split)
        info = replace(
            describe_run(data, metric=self.name, signature=self.signature),
            training_sets=self.metric.training_sets,
            parameters=self.metric.resources.parameters,
            licence=self.metric.resources.licence,
            hardware=self.metric.resources.hardware,
        )
        if file.is_file():
            table = read_items(file)
            if (table.info.signature, table.info.dataset_hash) == (self.signature, data.hash):
                return _brought_up_to_date(table, data, info=info, file=file)
        sources = [str(source) for source in data.frame["source"]]
        summaries = self._summaries(data, sources)
        keys = pair_keys(sources, summaries)
        journal = _Journal(file.with_suffix(".scores.jsonl"), self.signature)
        self._known |= journal.scores
        seconds = journal.seconds + self._score_missing(sources, summaries, keys, journal)
        info = replace(info, seconds=round(seconds, 3), scored=len(journal.scores))
        table = make_table(data, [self._known[key] for key in keys], keys=keys, info=info)
        write_items(table, file)
        journal.file.unlink(missing_ok=True)
        return table

    def _summaries(self, data: EvaluationSet, sources: Sequence[str]) -> list[str]:
        summaries = [str(summary) for summary in data.frame["summary"]]
        card = load_cards().get(data.dataset)
        if self.clean_up is None or card is None or not card.clean_up:
            return summaries
        from alignscore_metric.text.splitters import get_splitter

        split = get_splitter("nltk_punkt").split
        pairs = zip(sources, summaries, strict=True)
        return [clean_up(source, summary, split=split) for source, summary in pairs]

    def _score_missing(
        self,
        sources: Sequence[str],
        summaries: Sequence[str],
        keys: Sequence[str],
        journal: _Journal,
    ) -> float:
        """Score what is not known yet, window by window; returns the seconds it took."""
        missing = {key: row for row, key in enumerate(keys) if key not in self._known}
        rows = sorted(missing.values())
        started = time.monotonic()
        for window in self._windows(rows, journal.file.stem):
            tick = time.monotonic()
            scores = self.metric.score([sources[r] for r in window], [summaries[r] for r in window])
            found = {keys[row]: float(score) for row, score in zip(window, scores, strict=True)}
            journal.write(found, seconds=time.monotonic() - tick)
            journal.scores |= found
            self._known |= found
        return time.monotonic() - started if rows else 0.0

    def _windows(self, rows: Sequence[int], title: str) -> Iterator[Sequence[int]]:
        from tqdm import tqdm

        shown = sys.stderr.isatty() if self.progress is None else self.progress
        with tqdm(total=len(rows), desc=f"{self.name} {title}", disable=not shown) as bar:
            for start in range(0, len(rows), RUN_WINDOW):
                window = rows[start : start + RUN_WINDOW]
                yield window
                bar.update(len(window))


def _brought_up_to_date(
    table: ItemTable, data: EvaluationSet, *, info: RunInfo, file: Path
) -> ItemTable:
    """The same scores with what the data and the cards say now; written where that differs."""
    took = {name: getattr(table.info, name) for name in ("seconds", "scored", "hardware")}
    info = replace(info, **took)
    made = make_table(data, table.frame["score"], keys=table.frame["text"], info=info)
    if made.info != table.info or not made.frame.equals(table.frame):
        write_items(made, file)
    return made


def run_folder(folder: Path, metric: str) -> Path:
    """Where the tables of a metric lie; its name may hold any character."""
    return folder / _file_name(metric)


def table_file(folder: Path, *, metric: str, dataset: str, split: str) -> Path:
    """Where the table of a metric on one split lies; the names may hold any character."""
    return run_folder(folder, metric) / f"{_file_name(dataset)}.{_file_name(split)}.parquet"


def _file_name(name: str) -> str:
    """A name for a file: never outside its folder, hidden, empty or too long; one for each name."""
    quoted = quote(name, safe=" ,=+@", errors="surrogatepass") or "%"
    if quoted.startswith("."):
        quoted = f"%2E{quoted[1:]}"
    # A quoted name never holds "%%".
    return quoted if len(quoted) <= 80 else f"{quoted[:60]}%%{text_key(name)}"


def read_runs(folder: Path, metrics: Sequence[str] = ()) -> list[ItemTable]:
    """The item tables of a folder of runs, in the order of their metrics' and files' names.

    Args:
        folder: As given to `Runner`.
        metrics: Names; all that the folder holds where empty.

    Raises:
        InputError: A metric, or the folder, holds no table.
    """
    folders = [run_folder(folder, name) for name in metrics] or sorted(folder.glob("*"))
    files = [sorted(own.glob("*.parquet")) for own in folders]
    for name, found in zip(metrics, files, strict=False):
        if not found:
            raise InputError(f"{folder} holds no run of {name}; make one with `{_RUN} {name}`")
    if not any(files):
        raise InputError(f"{folder} holds no run; make one with `{_RUN} mini`")
    return [read_items(file) for found in files for file in found]


def submitted_table(
    data: EvaluationSet, scores: dict[str, float], *, metric: str, signature: str
) -> ItemTable:
    """An item table of scores that were made elsewhere.

    Args:
        data: The rows that were scored.
        scores: By row id; NaN where undefined. Ids must be exactly those of the set.
        metric: The row's label.
        signature: What produced the scores, in the submitter's words.

    Raises:
        InputError: Ids are missing or unknown; tells how many, and names some. Rows without a
            source.
    """
    _check_sources(data)
    ids = [str(one) for one in data.frame["id"]]
    for problem, odd in (
        ("have no score", set(ids) - set(scores)),
        ("are not in the set", set(scores) - set(ids)),
    ):
        if odd:
            some = ", ".join(sorted(odd)[:3])
            raise InputError(f"{data.dataset}/{data.split}: {len(odd)} ids {problem}: {some}")
    for one, score in scores.items():
        if math.isinf(score):
            raise InputError(f"{data.dataset}/{data.split}: the score of {one} is infinite")
    return make_table(
        data,
        [scores[one] for one in ids],
        keys=pair_keys(data.frame["source"], data.frame["summary"]),
        info=describe_run(data, metric=metric, signature=signature),
    )


def describe_run(data: EvaluationSet, *, metric: str, signature: str) -> RunInfo:
    """What an item table says of itself."""
    return RunInfo(
        metric=metric,
        signature=signature,
        dataset=data.dataset,
        split=data.split,
        dataset_hash=data.hash,
        discrepancies=data.discrepancies,
    )


def make_table(
    data: EvaluationSet, scores: Sequence[float], *, keys: Sequence[str], info: RunInfo
) -> ItemTable:
    """The item table of one score per row; `keys` tell the scored texts."""
    frame = data.frame.assign(
        text=list(keys),
        document=[text_key(str(source)) for source in data.frame["source"]],
        score=[float(score) for score in scores],
    )
    return ItemTable(info, item_frame(frame))


def pair_keys(sources: Sequence[str], summaries: Sequence[str]) -> list[str]:
    """A key per (source, summary) pair: equal texts, equal keys."""
    return [text_key(f"{source}\0{text}") for source, text in zip(sources, summaries, strict=True)]


class _Journal:
    """Scores on their way to a table: appended and flushed, read back after a kill.

    The first line tells what makes the scores; a file of another signature is begun anew. A last
    line that a kill cut short is dropped.
    """

    def __init__(self, file: Path, signature: str) -> None:
        self.file, self.scores, self.seconds = file, dict[str, float](), 0.0
        head = _line({"signature": signature})
        lines = file.read_bytes().splitlines(keepends=True) if file.is_file() else []
        if lines[:1] != [head]:
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(head)
            return
        whole = len(head)
        for line in lines[1:]:
            window = _parsed(line)
            if window is None:
                break
            self.scores |= {k: math.nan if s is None else s for k, s in window["scores"].items()}
            self.seconds += window["seconds"]
            whole += len(line)
        os.truncate(file, whole)

    def write(self, scores: dict[str, float], *, seconds: float) -> None:
        """Append one window's scores."""
        values = {key: None if math.isnan(score) else score for key, score in scores.items()}
        with self.file.open("ab") as stream:
            stream.write(_line({"seconds": round(seconds, 3), "scores": values}))


def _line(content: dict[str, Any]) -> bytes:
    return json.dumps(content).encode() + b"\n"


def _parsed(line: bytes) -> dict[str, Any] | None:
    """A journal's line; None where it was cut short."""
    try:
        window: dict[str, Any] | None = json.loads(line) if line.endswith(b"\n") else None
    except ValueError:
        return None
    return window


def _check_sources(data: EvaluationSet) -> None:
    lacking = data.frame["source"].isna()
    if lacking.any():
        first = data.frame["id"][lacking].iloc[0]
        raise InputError(
            f"{data.dataset}/{data.split}: {int(lacking.sum())} rows have no source document, "
            f"the first is {first}; give them with --documents"
        )
