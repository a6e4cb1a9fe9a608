"""The command `alignscore leaderboard`: parse, call, print. All work is done elsewhere.

Imported whenever `alignscore` starts, so nothing heavy is imported before a command runs.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any

from alignscore_metric.commands.nlu import add_nlu
from alignscore_metric.commands.options import OK, REFUSED, Command, Commands
from alignscore_metric.errors import ConfigurationError, InputError, MissingResourceError
from alignscore_metric.system.terminal import say
from alignscore_metric.system.whole_files import write_text

if TYPE_CHECKING:
    from alignscore_metric import SentenceEvidence
    from alignscore_metric.leaderboards.board import Board, Row
    from alignscore_metric.leaderboards.evaluate import BoardSettings
    from alignscore_metric.leaderboards.items import EvaluationSet, ItemTable
    from alignscore_metric.leaderboards.tasks import Task

DATA_VARIABLE = "ALIGNSCORE_DATA"
"""Folders to look for data in, separated as in PATH."""

TEST_FORMATS = ("text", "markdown", "csv", "latex")
BOARD_FORMATS = (*TEST_FORMATS, "json")
SETTINGS: Mapping[str, Any] = {"resamples": 1000, "seed": 0, "alpha": 0.05, "systems": False}
BOARD_OPTIONS = {
    "split": None, "statistic": "roc_auc", "metric": None, "slices": False, **SETTINGS,
}  # fmt: skip
"""What decides a board, with its defaults; a saved board was decided when it was made."""

_SINGLE_FILE = {
    "metric": "the row's label",
    "dataset": "a data card's name",
    "split": "val, test or all",
    "signature": "what exactly made the scores, in words",
}
"""What is said of a file of scores on the command line."""

_EXTRA = frozenset(("jinja2", "markupsafe", "matplotlib", "pyarrow", "pydantic", "sklearn", "yaml"))
"""Modules that the extra `leaderboards` installs."""


def add_leaderboard(commands: Commands) -> None:
    """Add `leaderboard` and its own commands to the grammar of `alignscore`."""
    leaderboard = commands.add_parser(
        "leaderboard",
        help="does a metric agree with people? SummaC, TRUE and others",
        description="Score the human judgments of a benchmark with any metrics, and compare them: "
        "intervals, paired tests, tables for papers, a site.",
        epilog="Begin with `alignscore leaderboard data`: what is on this machine and what is not.",
    )
    own = leaderboard.add_subparsers(required=True, metavar="COMMAND")
    for add in (
        _add_data,
        _add_run,
        _add_submit,
        _add_check,
        _add_spans,
        _add_show,
        _add_compare,
        _add_site,
    ):
        add(own)
    add_nlu(
        own,
        guard=_command,
        add_runs_option=_add_runs_option,
        add_data_options=_add_data_options,
        roots=_roots,
    )


def _add_data(commands: Commands) -> None:
    data = commands.add_parser(
        "data",
        help="which datasets are on this machine, which are missing, how to get them",
        description="Looks for the files that the data cards name.",
    )
    _add_data_options(data)
    data.set_defaults(run=_data)


def _add_run(commands: Commands) -> None:
    run = commands.add_parser(
        "run",
        help="score a benchmark with metrics",
        description="Score every dataset of a benchmark that is on this machine. A run that was "
        "stopped goes on where it was; what is scored is never scored again.",
        epilog="Example: alignscore leaderboard run summac --metric mini --metric rouge2",
    )
    run.add_argument("benchmark", help="summac, true, alignscore_other, ...")
    run.add_argument("--split", help="val or test; default: all of them (thresholds need val)")
    run.add_argument(
        "--metric", action="append", required=True, metavar="NAME", help="rouge1, rouge2, rougeL "
        "(also with _precision, _recall), bleu, chrf, ter, overlap, entity_overlap, "
        "module:function, or an aligner: mini, a folder, with options as mini,precision=bf16; "
        "may be given many times",
    )  # fmt: skip
    run.add_argument(
        "--clean-up", choices=["alignscore"], help="clean the summaries of some sets as "
        "AlignScore's published evaluation did; part of name and signature",
    )  # fmt: skip
    _add_runs_option(run)
    _add_data_options(run)
    run.add_argument("-q", "--quiet", action="store_true", help="no progress bar")
    run.set_defaults(run=_run)


def _add_submit(commands: Commands) -> None:
    submit = commands.add_parser(
        "submit",
        help="add scores that were made elsewhere",
        description="Read a .jsonl, .csv or .parquet file with the columns id and score, one line "
        "per row of a dataset's split, in any order. Empty or null is an undefined score.",
        epilog="Example: alignscore leaderboard submit mine.csv --metric mine --dataset frank "
        "--split test --signature 'mine v2, threshold-free'",
    )
    submit.add_argument("scores", help="file, or the folder of a submission, which says the rest")
    for name, words in _SINGLE_FILE.items():
        submit.add_argument(f"--{name}", metavar="TEXT", help=words)
    _add_runs_option(submit)
    _add_data_options(submit)
    submit.set_defaults(run=_submit)


def _add_check(commands: Commands) -> None:
    check = commands.add_parser(
        "check",
        help="is a data card or a submission fit to be added?",
        description="Check data cards (.yaml) and folders of submissions: fields, names, counts, "
        "ids. Where the data are not here, they are not compared, which is said. Exits with 2 "
        "where something is wrong.",
        epilog="Example: alignscore leaderboard check data_cards/evaluation/mine.yaml --data DIR",
    )
    check.add_argument("paths", nargs="+", type=Path, metavar="PATH")
    _add_data_options(check)
    check.set_defaults(run=_check)


def _add_spans(commands: Commands) -> None:
    spans = commands.add_parser(
        "spans",
        help="unsupported spans against those that people marked: precision, recall, F1",
        description="Read .jsonl with id and spans ([start, end], the end not included), one "
        "object for each row of a set whose spans people marked (ragtruth, faithbench).",
        epilog="Example: alignscore leaderboard spans mine.jsonl --dataset ragtruth --split test",
    )
    spans.add_argument("file", type=Path)
    spans.add_argument("--dataset", required=True, metavar="NAME", help="a data card's name")
    spans.add_argument("--split", required=True, help="val, test or all")
    spans.add_argument("--format", choices=("text", "markdown"), default="text")
    spans.add_argument("--resamples", type=int, default=1000, metavar="N", help="(1000)")
    spans.add_argument("--seed", type=int, default=0, metavar="N", help="(0)")
    spans.add_argument("-o", "--output", type=Path, metavar="FILE", help="default: stdout")
    _add_data_options(spans)
    spans.set_defaults(run=_spans)


def _add_show(commands: Commands) -> None:
    show = commands.add_parser(
        "show",
        help="a benchmark's table from its runs",
        description="Metrics by datasets, with 95% intervals and significance; computed from the "
        "saved runs, nothing is scored.",
        epilog="Example: alignscore leaderboard show summac --split test --format latex -o t.tex",
    )
    _add_board_options(show)
    show.add_argument("--format", choices=BOARD_FORMATS, default="text")
    show.add_argument(
        "--published", action="append", metavar="NAME", help="add the published rows of a metric, "
        "marked so, or of all; may be given many times",
    )  # fmt: skip
    show.add_argument("--no-intervals", action="store_true", help="values alone")
    show.add_argument(
        "--cost", action="store_true", help="add parameters, licence, pairs a second, wall time"
    )
    show.add_argument("--standalone", action="store_true", help="LaTeX: a document of its own")
    show.set_defaults(run=_show)


def _add_compare(commands: Commands) -> None:
    compare = commands.add_parser(
        "compare",
        help="paired tests between metrics",
        description="Every two metrics on every dataset and on the mean: difference, p-value of a "
        "paired permutation test, the same after Holm's correction.",
    )
    _add_board_options(compare)
    compare.add_argument("--format", choices=TEST_FORMATS, default="text")
    compare.set_defaults(run=_compare)


def _add_site(commands: Commands) -> None:
    site = commands.add_parser(
        "site",
        help="static pages: sortable tables, intervals, ROC curves, hardest examples",
        description="Write self-contained pages of all benchmarks that the runs cover.",
    )
    site.add_argument("folder", type=Path, help="to write; index.html is the page to open")
    site.add_argument("--statistic", action="append", metavar="NAME", help="default: roc_auc, and "
                      "spearman for graded judgments")  # fmt: skip
    site.add_argument(
        "--evidence", metavar="MODEL", help="explain the hardest examples with this aligner"
    )
    _add_settings(site)
    _add_runs_option(site)
    _add_data_options(site)
    site.set_defaults(run=_site)


def _add_data_options(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("data")
    group.add_argument(
        "--data", type=Path, action="append", metavar="DIR", help="folder with the datasets' "
        f"files; may be given many times; default: ${DATA_VARIABLE}, or ./data",
    )  # fmt: skip
    group.add_argument(
        "--documents", type=Path, metavar="FILE", help="jsonl with id and source, for datasets "
        "that are published without their documents",
    )  # fmt: skip


def _add_runs_option(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--runs", type=Path, default=Path("leaderboard-runs"), metavar="DIR", help="folder of the "
        "item tables; default: leaderboard-runs",
    )  # fmt: skip


def _add_board_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("benchmark", help="summac, true, ..., or a board saved as .json")
    parser.add_argument("--split", help="default: test where there is one")
    parser.add_argument("--statistic", help="roc_auc (default), "
                        "average_precision, balanced_accuracy[_summac|_alignscore], f1, "
                        "f1_inconsistent, pairs_in_order, pearson, "
                        "spearman, kendall, system_{pearson,spearman,kendall}, "
                        "pairwise_accuracy, [system_]accuracy_with_ties")  # fmt: skip
    parser.add_argument("--metric", action="append", metavar="NAME", help="default: all")
    parser.add_argument(
        "--slices", action="store_true", help="a column for each type of error, and for texts that "
        "annotators agreed on or not, of the sets that tell it",
    )  # fmt: skip
    parser.add_argument("-o", "--output", type=Path, metavar="FILE", help="default: stdout")
    _add_settings(parser)
    parser.set_defaults(**BOARD_OPTIONS)
    _add_runs_option(parser)


def _add_settings(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("uncertainty")
    group.add_argument("--resamples", type=int, metavar="N", help="default: 1000")
    group.add_argument("--seed", type=int, metavar="N", help="default: 0")
    group.add_argument("--alpha", type=float, metavar="X", help="default: 0.05")
    group.add_argument(
        "--systems", action="store_true", help="resample and swap systems too, not documents alone"
    )
    parser.set_defaults(**SETTINGS)


# --- commands ------------------------------------------------------------------------------------


def _command(run: Command) -> Command:
    """A command whose errors of files and of missing modules are ours."""

    @wraps(run)
    def guarded(args: argparse.Namespace) -> int:
        try:
            return run(args)
        except BrokenPipeError:
            raise
        except OSError as cause:
            raise InputError(f"{cause.filename or 'a file'}: {cause.strerror or cause}") from cause
        except ModuleNotFoundError as cause:
            if cause.name not in _EXTRA:
                raise
            raise MissingResourceError(
                f"{cause.name} is not installed; pip install 'alignscore-metric[leaderboards]'"
            ) from cause

    return guarded


@_command
def _data(args: argparse.Namespace) -> int:
    from alignscore_metric.leaderboards.datasets import availability

    for found in availability(_roots(args)):
        mark = "here" if found.ready else "missing"
        line = f"{mark:7} {found.dataset:20} {', '.join(found.benchmarks):24} {found.how}"
        sys.stdout.write(f"{line.rstrip()}\n")
    return OK


@_command
def _run(args: argparse.Namespace) -> int:
    from alignscore_metric.leaderboards.metrics import make_metric
    from alignscore_metric.leaderboards.runs import Runner
    from alignscore_metric.leaderboards.tasks import tasks_of

    tasks = tasks_of(args.benchmark, split=args.split)
    sys.path.append(str(Path.cwd()))  # where the user's module:function is
    metrics = [make_metric(name) for name in dict.fromkeys(args.metric)]
    sets = list(_load_sets(tasks, args))
    if not sets:
        raise MissingResourceError(
            f"no dataset of {args.benchmark} is here; see: alignscore leaderboard data"
        )
    progress = False if args.quiet else None
    for metric in metrics:
        runner = Runner(metric, args.runs, clean_up=args.clean_up, progress=progress)
        for data in sets:
            table = runner.run(data)
            undefined = int(table.frame["score"].isna().sum())
            sys.stderr.write(
                f"{runner.name}: {data.dataset}/{data.split}, {len(data)} rows, "
                f"{undefined} without a score, {table.info.seconds:.1f} s\n"
            )
    return OK


@_command
def _submit(args: argparse.Namespace) -> int:
    from alignscore_metric.leaderboards.items import write_items
    from alignscore_metric.leaderboards.runs import table_file
    from alignscore_metric.leaderboards.submissions import submission_tables

    single = _SINGLE_FILE.keys() - {name for name in _SINGLE_FILE if getattr(args, name) is None}
    if Path(args.scores).is_dir():
        if single:
            raise ConfigurationError(
                f"--{min(single)}: {args.scores} is a folder, whose submission.yaml says that"
            )
        tables = submission_tables(Path(args.scores), _roots(args), documents=args.documents)
    elif missing := sorted(_SINGLE_FILE.keys() - single):
        raise ConfigurationError(f"give --{missing[0]} {_SINGLE_FILE[missing[0]]}")
    else:
        tables = [_submitted(args)]
    for table in tables:
        info = table.info
        file = table_file(args.runs, metric=info.metric, dataset=info.dataset, split=info.split)
        write_items(table, file)
        say(f"{len(table.frame)} scores kept in {file}")
    return OK


def _submitted(args: argparse.Namespace) -> ItemTable:
    """The item table of one file of scores."""
    from alignscore_metric.leaderboards.datasets import load
    from alignscore_metric.leaderboards.runs import submitted_table
    from alignscore_metric.leaderboards.submissions import read_scores

    if "+" in args.split:
        raise ConfigurationError(f"--split {args.split}: submit the scores of each split by itself")
    data = load(args.dataset, args.split, roots=_roots(args), documents=args.documents)
    scores = read_scores(args.scores)
    return submitted_table(data, scores, metric=args.metric, signature=args.signature)


@_command
def _check(args: argparse.Namespace) -> int:
    from alignscore_metric.leaderboards.submissions import check

    found = [one for path in args.paths for one in check(path, _roots(args))]
    for one in found:
        sys.stdout.write(f"{'wrong' if one.wrong else 'note'}  {one.path}: {one.text}\n")
    wrong = sum(one.wrong for one in found)
    say(f"{len(args.paths)} checked, {wrong} thing{'s' * (wrong != 1)} to mend")
    return REFUSED if wrong else OK


@_command
def _spans(args: argparse.Namespace) -> int:
    from alignscore_metric.leaderboards.datasets import load
    from alignscore_metric.leaderboards.spans import read_spans, span_table
    from alignscore_metric.leaderboards.tables.markdown import markdown_table
    from alignscore_metric.leaderboards.tables.text import text_table
    from alignscore_metric.scores.intervals import Resampling

    settings = Resampling(resamples=args.resamples, seed=args.seed)
    data = load(args.dataset, args.split, roots=_roots(args), documents=args.documents)
    layout = span_table(data, read_spans(args.file), settings)
    write_text(args.output, (text_table if args.format == "text" else markdown_table)(layout))
    return OK


@_command
def _show(args: argparse.Namespace) -> int:
    from alignscore_metric.leaderboards.tables import render

    board = _board(args)
    text = render(
        board,
        format=args.format,
        published=_published(board, args.published or ()),
        intervals=not args.no_intervals,
        cost=args.cost,
        standalone=args.standalone,
    )
    write_text(args.output, text)
    return OK


@_command
def _compare(args: argparse.Namespace) -> int:
    from alignscore_metric.leaderboards.tables import render_tests

    write_text(args.output, render_tests(_board(args), format=args.format))
    return OK


@_command
def _site(args: argparse.Namespace) -> int:
    from alignscore_metric.leaderboards.datasets import load
    from alignscore_metric.leaderboards.published import published_rows
    from alignscore_metric.leaderboards.runs import read_runs
    from alignscore_metric.leaderboards.site import board_key, write_site

    items = read_runs(args.runs)
    boards = list(_all_boards(items, args.statistic, _settings(args)))
    page = write_site(
        boards,
        args.folder,
        items=items,
        examples=lambda dataset, split: load(
            dataset, split, roots=_roots(args), documents=args.documents
        ),
        published={board_key(board): published_rows(board) for board in boards},
        evidence=_explain(args.evidence) if args.evidence else None,
    )
    say(f"open {page}")
    return OK


# --- helpers -------------------------------------------------------------------------------------


def _roots(args: argparse.Namespace) -> list[Path]:
    named = os.environ.get(DATA_VARIABLE, "")
    roots = args.data or [Path(one) for one in named.split(os.pathsep) if one] or [Path("data")]
    for root in args.data or ():
        if not root.is_dir():
            raise ConfigurationError(f"--data {root}: no such folder")
    return list(roots)


def _load_sets(tasks: Sequence[Task], args: argparse.Namespace) -> Iterator[EvaluationSet]:
    """Each split that the tasks need, once; what is not here is left out: a line for each."""
    from alignscore_metric.leaderboards.datasets import MissingDataError, load

    said: set[str] = set()
    for dataset, split in dict.fromkeys((t.dataset, s) for t in tasks for s in t.splits):
        try:
            data = load(dataset, split, roots=_roots(args), documents=args.documents)
        except MissingDataError as error:
            if error.brief not in said:  # once for all splits
                say(f"left out: {error.brief}")
            said.add(error.brief)
            continue
        for discrepancy in data.discrepancies:
            say(f"{dataset}/{split}: {discrepancy.removeprefix(f'{split}: ')}")
        if len(data):
            yield data
    if said:
        say("how to get what was left out: alignscore leaderboard data")


def _board(args: argparse.Namespace) -> Board:
    """The board that the arguments ask for, from a file or from the runs."""
    from alignscore_metric.leaderboards.evaluate import build_board
    from alignscore_metric.leaderboards.runs import read_runs
    from alignscore_metric.leaderboards.tasks import tasks_of

    if args.benchmark.endswith(".json"):
        return _saved_board(args)
    default = "test" if _in_splits(tasks_of(args.benchmark)) else None
    return build_board(
        read_runs(args.runs, args.metric or ()),
        benchmark=args.benchmark,
        split=args.split or default,
        statistic=args.statistic,
        slices=args.slices,
        settings=_settings(args),
    )


def _in_splits(tasks: Sequence[Task]) -> bool:
    """Whether a benchmark has a board for each split, not one over all its tasks."""
    return len({task.name for task in tasks}) < len(tasks)


def _saved_board(args: argparse.Namespace) -> Board:
    from alignscore_metric.leaderboards.board import Board

    for name, default in BOARD_OPTIONS.items():
        if getattr(args, name) != default:
            raise ConfigurationError(
                f"--{name}: {args.benchmark} is a board as it was computed; to compute another one "
                "from the runs, give the benchmark's name"
            )
    try:
        text = Path(args.benchmark).read_text(encoding="utf-8")
    except UnicodeDecodeError as cause:
        raise InputError(f"{args.benchmark} is not UTF-8 text ({cause})") from cause
    return Board.from_json(text, where=args.benchmark)


def _all_boards(
    items: Sequence[ItemTable], statistics: Sequence[str] | None, settings: BoardSettings
) -> Iterator[Board]:
    """A board for every benchmark, split and statistic that the runs cover."""
    from alignscore_metric.leaderboards.evaluate import build_board
    from alignscore_metric.leaderboards.tasks import benchmarks, tasks_of

    scored = {(table.info.metric, table.info.dataset, table.info.split) for table in items}
    metrics = {metric for metric, _, _ in scored}
    for benchmark in benchmarks():
        tasks = tasks_of(benchmark)
        covered = [
            task
            for task in tasks
            if any(scored >= {(m, task.dataset, one) for one in task.splits} for m in metrics)
        ]
        graded = any(task.target == "human_score" for task in tasks)
        for split in sorted(
            {task.split if _in_splits(tasks) else None for task in covered}, key=str
        ):
            for statistic in statistics or (["spearman", "roc_auc"] if graded else ["roc_auc"]):
                yield build_board(
                    items, benchmark=benchmark, split=split, statistic=statistic, settings=settings
                )


def _explain(model: str) -> Callable[[str, str], list[SentenceEvidence]]:
    from alignscore_metric import AlignScore

    return AlignScore(model, progress=False).explain


def _settings(args: argparse.Namespace) -> BoardSettings:
    from alignscore_metric.leaderboards.evaluate import BoardSettings

    if args.seed < 0:
        raise ConfigurationError(f"--seed {args.seed}: give a whole number >= 0")
    return BoardSettings(
        resamples=args.resamples, seed=args.seed, alpha=args.alpha, systems=args.systems
    )


def _published(board: Board, names: Sequence[str]) -> list[Row]:
    """The published rows that fit a board, of the metrics that are named, or of `all`."""
    from alignscore_metric.leaderboards.published import published_rows

    rows = published_rows(board) if names else []
    known = {row.metric for row in rows}
    if unknown := [name for name in names if name not in {*known, "all"}]:
        raise ConfigurationError(
            f"no published row of {unknown[0]!r} fits this board; there are "
            f"{', '.join(sorted(known)) or 'none'}"
        )
    return [row for row in rows if "all" in names or row.metric in names]
