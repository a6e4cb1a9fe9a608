"""Scoring on several machines by Ray Data: datasets of a user's own, and files.

Ray Data starts the actors, hands them their batches, and repeats those of one that dies. A file's
windows are those of `alignscore score`, hence its numbers; each few of them become one part of the
output, whose name depends on nothing but its place: repeated work replaces its own part.
"""

from __future__ import annotations

import io
import json
import logging
import math
import os
import pickle
import re
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from alignscore_metric.arrays import Floats, Ints
from alignscore_metric.errors import (
    AlignScoreError,
    ConfigurationError,
    InputError,
    MissingResourceError,
    WorkerError,
)
from alignscore_metric.files.tables import (
    ENDINGS,
    WINDOW,
    Bounds,
    Table,
    TableReader,
    arrow_table,
    write_header,
    write_rows,
)
from alignscore_metric.files.windows import (
    Columns,
    Scored,
    check_texts,
    find_columns,
    score_tables,
    score_windows,
    scored_schema,
    source_numbers,
)
from alignscore_metric.metric import AlignScore, Spans, check_inputs
from alignscore_metric.result import ScoreSummary

try:
    import pyarrow as pa
    import pyarrow.fs
    import ray
    from ray.data import ActorPoolStrategy, Dataset, TaskPoolStrategy
except ImportError as cause:
    raise MissingResourceError(
        f"ray[data] is not here ({cause}); pip install 'alignscore-metric[ray]'"
    ) from cause

if TYPE_CHECKING:
    import pandas as pd

Batch: TypeAlias = "pa.Table | pd.DataFrame | dict[str, Any]"

PART_WINDOWS = 4
"""Windows of a part: while one is on the model, the next is split; a death costs these at most."""
BATCH_ROWS = 1024
"""Rows of a dataset that are scored at a time: enough to fill batches of equal length."""
READ_TASKS = 1000
DONE = "alignscore.json"


class AlignScoreActor:
    """Adds a column of scores to each batch: a callable class for `Dataset.map_batches`.

    Args:
        source_column: The column of sources, texts or lists of texts.
        summary_column: The column of summaries.
        score_column: The column to add; null where a summary has no sentence.
        **options: Options of `AlignScore`, whose model each actor loads once.

    Raises:
        InputError: A row is not text, or there is no such column. Names the row by the columns
            `path` (which Ray's readers add with `include_paths=True`) and `id` where there are any.

    Example:
        >>> actor = AlignScoreActor(source_column="document", summary_column="summary")
        >>> found = actor({"document": ["It rained all day."] * 2, "summary": ["It rained.", ""]})
        >>> found["alignscore"][1] is None
        True
    """

    def __init__(
        self,
        *,
        source_column: str = "source",
        summary_column: str = "summary",
        score_column: str = "alignscore",
        **options: Any,  # noqa: ANN401  # as AlignScore takes them
    ) -> None:
        self.columns = (source_column, summary_column)
        self.score_column = score_column
        self.metric = AlignScore(**{"progress": False} | options)

    def __call__(self, batch: Batch) -> Batch:
        """Score a batch in any of Ray's formats: `pyarrow`, `pandas` or `numpy`."""
        names = batch.column_names if isinstance(batch, pa.Table) else list(batch)
        for name in self.columns:
            if name not in names:
                raise InputError(f"no column {name!r}; the dataset's columns: {', '.join(names)}")
        if self.score_column in names:
            raise InputError(f"there is a column {self.score_column!r} already; name another")
        sources, summaries = (_values(batch[name]) for name in self.columns)
        check_inputs(sources, summaries, where=lambda row: _called(batch, names, row))
        scores = self.metric.score(sources, summaries)
        defined = [None if math.isnan(score) else score for score in scores]
        if isinstance(batch, pa.Table):
            return batch.append_column(self.score_column, pa.array(defined, pa.float64()))
        if isinstance(batch, dict):
            return batch | {self.score_column: np.array(defined, dtype=object)}
        return batch.assign(**{self.score_column: np.array(defined, dtype=object)})


def score_dataset(
    dataset: Dataset,
    *,
    source_column: str = "source",
    summary_column: str = "summary",
    score_column: str = "alignscore",
    workers: int | None = None,
    **options: Any,  # noqa: ANN401
) -> Dataset:
    """A dataset with a column of scores added; nothing is computed before it is used.

    Args:
        dataset: With columns of sources and summaries.
        source_column: As for `AlignScoreActor`, and so the next two.
        summary_column: The column of summaries.
        score_column: The column to add.
        workers: Actors, >= 1: one for each GPU of the cluster where None; without a GPU, for each
            CPU but one, which is left to the steps before.
        **options: Options of `AlignScore`.

    For other resources, give `AlignScoreActor` to `dataset.map_batches` yourself.
    """
    columns = {
        "source_column": source_column,
        "summary_column": summary_column,
        "score_column": score_column,
    }
    return dataset.map_batches(
        AlignScoreActor,
        fn_constructor_kwargs=columns | options,
        batch_size=BATCH_ROWS,
        batch_format="pyarrow",
        **_resources(workers, options.get("device"), spare=1),
    )


def score_files(
    pattern: str,
    folder: str,
    *,
    source_column: str | None = None,
    summary_column: str | None = None,
    score_column: str = "alignscore",
    evidence: bool = False,
    spans: Spans = False,
    workers: int | None = None,
    **options: Any,  # noqa: ANN401
) -> ScoreSummary:
    """Score files into a folder of parts, in their format, with all of their columns.

    The parts, in the order of their names, have the rows in the order of the files' names, each row
    once. `alignscore.json` is written when all of them are there.

    Args:
        pattern: A .jsonl, .csv or .parquet file, or files: `*` stands for anything but a slash, a
            folder for what is directly in it. A local path, or what pyarrow reaches by its scheme:
            s3, gs, abfs, hdfs. A local path must be the same files on every machine.
        folder: Where the parts go: empty, or not there yet.
        source_column: The column of sources; one of the usual names where None.
        summary_column: The column of summaries, likewise.
        score_column: The column to add; null, or an empty cell, where a summary has no sentence.
        evidence: Add each sentence's evidence, as the column NAME_evidence.
        spans: Find unsupported words for the evidence; see `AlignScore.evaluate`.
        workers: Actors, >= 1: one for each GPU of the cluster where None, for each CPU without one.
        **options: Options of `AlignScore`.

    Raises:
        InputError: There are no such files, the folder has something in it or cannot be written
            to, or a row is broken or is not text: names its file and line. What was written by
            then stays.
    """
    files = _find_files(pattern, folder)
    texts = find_columns(
        _first_rows(files), source=source_column, summary=summary_column, score=score_column
    )
    _open_folder(files, folder)
    plan = _Plan(files, texts, score_column, evidence, spans, WINDOW, PART_WINDOWS)
    _connect()
    scored: dict[tuple[int, int], _ScoredPart] = {}
    for row in _pipeline(plan, workers, options).iter_rows():
        found = pickle.loads(row["pickled"])  # noqa: S301 - made by our own actors
        if isinstance(found, AlignScoreError):
            raise found
        scored[found.file, found.place] = found
    return _finish(plan, [scored[key] for key in sorted(scored)])


@dataclass(frozen=True)
class _Files:
    """Files to score and the folder of the parts, each with how pyarrow reaches it."""

    system: pa.fs.FileSystem
    paths: list[str]
    target: pa.fs.FileSystem
    folder: str

    @property
    def ending(self) -> str:
        """The format of all of them, and of the parts."""
        return Path(self.paths[0]).suffix


@dataclass(frozen=True)
class _Plan:
    """What every task and actor needs to know."""

    files: _Files
    texts: Columns
    score_column: str
    evidence: bool
    spans: Spans
    bounds: Bounds
    part_windows: int


@dataclass(frozen=True)
class _Part:
    """Consecutive windows of a file; `last` where no other part follows."""

    file: int
    place: int
    last: bool
    tables: list[Table]


@dataclass(frozen=True)
class _ScoredPart:
    """What became of a part whose rows are written; scores and numbers have shape [rows]."""

    file: int
    place: int
    last: bool
    scores: Floats
    source_numbers: Ints
    signature: str


def _pipeline(plan: _Plan, workers: int | None, options: dict[str, Any]) -> Dataset:
    """Files in, one row for each part that was written, or that cannot be."""
    resources = _resources(workers, options.get("device"))
    progress = options.get("progress")
    paths = plan.files.paths
    numbers = ray.data.from_items(
        [{"file": number} for number in range(len(paths))],
        override_num_blocks=min(len(paths), READ_TASKS),
    )
    numbers.context.target_max_block_size = 1  # a part is a block: handed out alone, and repeated
    numbers.context.enable_progress_bars = sys.stderr.isatty() if progress is None else progress
    parts = numbers.map_batches(
        _read_parts,
        fn_args=(plan,),
        batch_size=1,
        batch_format="pyarrow",
        compute=TaskPoolStrategy(size=resources["compute"].max_size),
        num_cpus=0,  # the actors may have all CPUs
    )
    return parts.map_batches(
        _PartScorer,
        fn_constructor_args=(plan, options),
        batch_size=1,
        batch_format="pyarrow",
        **resources,
    )


def _read_parts(numbers: pa.Table, plan: _Plan) -> Iterator[pa.Table]:
    """Each file's parts, one by one: its reader waits while nobody needs the next."""
    for number in numbers["file"].to_pylist():
        try:
            with _reader(plan.files, plan.files.paths[number]) as reader:
                tables = _checked(reader, plan)
                group = list(islice(tables, plan.part_windows))
                place = 0
                while group:
                    following = list(islice(tables, plan.part_windows))
                    yield _pickled(_Part(number, place, not following, group))
                    group, place = following, place + 1
        except AlignScoreError as error:
            yield _pickled(error)


def _checked(reader: TableReader, plan: _Plan) -> Iterator[Table]:
    source, summary = plan.texts
    for table in reader.windows(plan.bounds):
        if table.rows:
            find_columns(table, source=source, summary=summary, score=plan.score_column)
        check_texts(table, plan.texts)
        yield table


class _PartScorer:
    """An actor: holds the model, scores parts, writes them."""

    def __init__(self, plan: _Plan, options: dict[str, Any]) -> None:
        self.plan = plan
        self.failure: AlignScoreError | None = None
        try:
            self.metric = AlignScore(**options | {"progress": False})
        except AlignScoreError as error:  # for the driver: raised here, it would be tried again
            self.failure = error

    def __call__(self, batch: pa.Table) -> pa.Table:
        """Score the one part of a batch; what cannot be scored is passed on as its error."""
        part = pickle.loads(batch["pickled"][0].as_py())  # noqa: S301 - our own
        try:
            if error := self.failure or (part if isinstance(part, AlignScoreError) else None):
                raise error
            return _pickled(self._score(part))
        except AlignScoreError as error:
            return _pickled(error)

    def _score(self, part: _Part) -> _ScoredPart:
        plan = self.plan
        scorer = partial(score_windows, self.metric, evidence=plan.evidence, spans=plan.spans)
        scored = list(score_tables(part.tables, plan.texts, scorer))
        _write_part(plan, part, [found for _, found in scored])
        scores = np.concatenate([found.scores for _, found in scored])
        sources = np.concatenate([source_numbers(table, plan.texts) for table in part.tables])
        return _ScoredPart(part.file, part.place, part.last, scores, sources, self.metric.signature)


def _pickled(value: object) -> pa.Table:
    return pa.table({"pickled": pa.array([pickle.dumps(value)], pa.large_binary())})


def _write_part(plan: _Plan, part: _Part, scored: Sequence[Scored]) -> None:
    """Write a part; it appears whole, and replaces what an earlier try wrote."""
    stream = io.BytesIO()
    added = [found.columns(plan.score_column) for found in scored]
    if plan.files.ending == ".parquet":
        import pyarrow.parquet as pq

        evidence = next((name for name in added[0] if name != plan.score_column), None)
        schema = scored_schema(part.tables, plan.score_column, evidence)
        rows = (arrow_table(*table, schema) for table in zip(part.tables, added, strict=True))
        pq.write_table(pa.concat_tables(rows), stream)
    else:
        columns = [*part.tables[0].columns, *added[0]]
        write_header(stream, plan.files.ending, columns)
        for table, found in zip(part.tables, added, strict=True):
            write_rows(stream, plan.files.ending, table, found, columns)
    _write(plan.files, f"part-{part.file:05}-{part.place:05}{plan.files.ending}", stream.getvalue())


def _write(files: _Files, name: str, content: bytes) -> None:
    place = f"{files.folder}/{name}"
    local = isinstance(files.target, pa.fs.LocalFileSystem)
    # An object store shows a file when it is closed; a local one is moved to its place.
    beside = f"{files.folder}/.{name}.{os.getpid()}.partial" if local else place
    try:
        with files.target.open_output_stream(beside) as stream:
            stream.write(content)
        if local:
            files.target.move(beside, place)
    except OSError as cause:
        raise InputError(f"cannot write {place}: {cause}") from cause


def _finish(plan: _Plan, parts: Sequence[_ScoredPart]) -> ScoreSummary:
    """Check that every part of every file is there, and say so beside them."""
    files = plan.files
    ends = [(part.file, part.place) for part in parts if part.last]
    expected = [(file, place) for file, last in ends for place in range(last + 1)]
    signatures = {part.signature for part in parts}
    if [file for file, _ in ends] != list(range(len(files.paths))) or expected != [
        (part.file, part.place) for part in parts
    ]:
        raise WorkerError(f"Ray gave {len(parts)} parts, and not all of {len(files.paths)} files")
    if len(signatures) > 1:
        raise ConfigurationError(
            f"the machines do not give the same scores ({'; '.join(sorted(signatures))}); install "
            "one version on all of them and name the precision"
        )
    summary = ScoreSummary(
        np.concatenate([part.scores for part in parts]),
        np.concatenate([part.source_numbers for part in parts]),
        signatures.pop(),
    )
    told = {
        "signature": summary.signature,
        "mean": None if math.isnan(summary.mean) else summary.mean,
        "rows": len(summary),
        "undefined": summary.undefined,
        "files": files.paths,
        "parts": len(parts),
    }
    _write(files, DONE, f"{json.dumps(told, indent=1)}\n".encode())
    return summary


def _first_rows(files: _Files) -> Table:
    """The first rows that there are in any of the files."""
    for path in files.paths:
        with _reader(files, path) as reader:
            table = next(reader.windows())
        if table.rows:
            break
    return table


def _find_files(pattern: str, folder: str) -> _Files:
    """The files of a pattern, and where the folder is."""
    try:
        system, path = _system(pattern)
        paths = _matching(system, path)
        target, place = _system(folder)
    except (pa.ArrowException, OSError, ValueError) as cause:
        raise InputError(f"cannot use {pattern} and {folder}: {cause}") from cause
    endings = {Path(path).suffix for path in paths}
    if not paths:
        raise InputError(f"no files {pattern}; name a file, a folder, or files as 'news/*.jsonl'")
    if len(endings) > 1 or not endings <= set(ENDINGS):
        raise InputError(
            f"{pattern}: files of the kinds {', '.join(sorted(endings))}; give files of one of: "
            f"{', '.join(ENDINGS)}"
        )
    return _Files(system, paths, target, place)


def _open_folder(files: _Files, folder: str) -> None:
    """Make the folder of parts, where it is not there; refuse one that has something in it."""
    try:
        if isinstance(files.target, pa.fs.LocalFileSystem):  # object stores have no folders
            files.target.create_dir(files.folder, recursive=True)
        there = files.target.get_file_info(pa.fs.FileSelector(files.folder, allow_not_found=True))
    except (pa.ArrowException, OSError) as cause:
        raise InputError(f"cannot use {folder}: {cause}") from cause
    if there:
        raise InputError(f"{folder} has something in it; name a folder that is empty or not there")


def _system(path: str) -> tuple[pa.fs.FileSystem, str]:
    """How pyarrow reaches a path, and what it is called there."""
    if "://" not in path:
        return pa.fs.LocalFileSystem(), str(Path(path).absolute())
    path, mark, options = path.partition("?")  # as ?region=eu-west-1
    # Of a pattern, what stands before its first star is a URI.
    base, star, rest = path.partition("*")
    system, found = pa.fs.FileSystem.from_uri(base + mark + options)
    return system, found + "/" * (base.endswith("/") and bool(star)) + star + rest


def _matching(system: pa.fs.FileSystem, path: str) -> list[str]:
    """The files of a path or a pattern, sorted; hidden ones in a folder are left out."""
    if "*" not in path and system.get_file_info(path).type == pa.fs.FileType.File:
        return [path]
    if "*" not in path:
        path = f"{path.rstrip('/')}/*"
    base = path.partition("*")[0].rpartition("/")[0]
    below = system.get_file_info(pa.fs.FileSelector(base, recursive="*" in path.rpartition("/")[0]))
    names = [info.path for info in below if info.type == pa.fs.FileType.File]
    shape = re.compile("[^/]*".join(map(re.escape, path.split("*"))))
    return sorted(
        name for name in names if shape.fullmatch(name) and Path(name).name[0] not in "._"
    )


@contextmanager
def _reader(files: _Files, path: str) -> Iterator[TableReader]:
    try:
        with files.system.open_input_file(path) as stream:
            text = stream if files.ending == ".parquet" else io.BufferedReader(stream)
            yield TableReader(path, files.ending, stream=text)
    except (pa.ArrowException, OSError) as cause:
        raise InputError(f"cannot read {path}: {cause}") from cause


def _connect() -> None:
    """Connect to the cluster that Ray finds, or start one of this machine."""
    if not ray.is_initialized():
        os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # nothing is sent unless asked for
        ray.init(logging_level="warning")
        logging.getLogger("ray.data").setLevel(logging.WARNING)  # it tells of every step


def _resources(workers: int | None, device: str | None, *, spare: int = 0) -> dict[str, Any]:
    """How many actors with what each, as `map_batches` takes it."""
    _connect()
    if workers is not None and workers < 1:
        raise ConfigurationError(f"workers is {workers}; give a whole number >= 1")
    cluster = ray.cluster_resources()
    gpus, cpus = int(cluster.get("GPU", 0)), int(cluster.get("CPU", 1))
    if gpus and device != "cpu":
        workers = workers or gpus
        return {"compute": ActorPoolStrategy(size=workers), "num_gpus": min(1, gpus / workers)}
    return {"compute": ActorPoolStrategy(size=workers or max(1, cpus - spare)), "num_cpus": 1}


def _values(column: Any) -> list[Any]:  # noqa: ANN401  # an array of pyarrow, pandas or numpy
    """A batch's column as Python's own values: lists, where there are arrays in it."""
    if isinstance(column, pa.ChunkedArray):
        column = column.to_pylist()
    return [value.tolist() if isinstance(value, np.ndarray) else value for value in column]


def _called(batch: Batch, names: Sequence[str], row: int) -> str:
    """What an error calls a row of a batch."""
    known = [f"{name} {_values(batch[name])[row]}" for name in ("path", "id") if name in names]
    return ", ".join([*known, f"row {row} of a batch"])
