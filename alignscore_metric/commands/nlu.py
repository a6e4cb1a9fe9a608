"""The command `alignscore leaderboard nlu`: parse, call, print. All work is done elsewhere.

Imported whenever `alignscore` starts, so nothing heavy is imported before a command runs.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from alignscore_metric.commands.options import OK, TABLE_FORMATS, Command, Commands
from alignscore_metric.errors import ConfigurationError, MissingResourceError
from alignscore_metric.system.terminal import say
from alignscore_metric.system.whole_files import write_text

if TYPE_CHECKING:
    from alignscore_metric.leaderboards.nlu.tasks import NluTask


def add_nlu(
    commands: Commands,
    *,
    guard: Callable[[Command], Command],
    add_runs_option: Callable[[argparse.ArgumentParser], None],
    add_data_options: Callable[[argparse.ArgumentParser], None],
    roots: Callable[[argparse.Namespace], list[Path]],
) -> None:
    """Add `nlu` to the grammar of `alignscore leaderboard`.

    Args:
        commands: Where to.
        guard: Turns a command's errors into ours.
        add_runs_option: Adds `--runs`.
        add_data_options: Adds `--data` and `--documents`.
        roots: The data folders that the options name.
    """
    nlu = commands.add_parser(
        "nlu",
        help="one aligner for many tasks: inference, paraphrase, questions, similarity ...",
        description="What each head of an aligner answers on ALIGN's families of tasks, with 95% "
        "intervals, chance, and what it was trained on. docs/leaderboards.md says more.",
    )
    own = nlu.add_subparsers(required=True, metavar="COMMAND")
    run = own.add_parser(
        "run",
        help="have an aligner answer the tasks that are on this machine",
        description="What an aligner has answered is not asked again. A task is looked for as "
        "NAME.dev.jsonl, as a folder NAME that save_to_disk of `datasets` wrote, or as its data "
        "card says.",
        epilog="Example: alignscore leaderboard nlu run --data DIR --limit 2000",
    )
    run.add_argument("--model", default="mini", help="mini (default), a name, a folder or a .ckpt "
                     "file of an aligner with three heads")  # fmt: skip
    run.add_argument("--backbone", metavar="NAME", help="of a .ckpt file: a folder or a name")
    run.add_argument("--precision", choices=("fp32", "bf16"), default="fp32")
    run.add_argument("--device", help="as torch names it; default: a GPU where there is one")
    run.add_argument(
        "--task", action="append", metavar="NAME", help="may be given many times, and is read from "
        "the Hub where no folder has it; default: all that are here",
    )  # fmt: skip
    run.add_argument("--limit", type=int, metavar="N", help="of longer tasks take random contexts "
                     "until there are N rows; default: all rows")  # fmt: skip
    add_runs_option(run)
    add_data_options(run)
    run.set_defaults(run=guard(lambda args: _run(args, roots(args))))
    show = own.add_parser(
        "show",
        help="the board from these answers",
        description="Computed from the saved answers; nothing is scored.",
        epilog="Example: alignscore leaderboard nlu show --format latex -o nlu.tex",
    )
    show.add_argument("--model", default="mini", metavar="LABEL", help="as `run` named it (mini)")
    show.add_argument("--format", choices=TABLE_FORMATS, default="text")
    show.add_argument("-o", "--output", type=Path, metavar="FILE", help="default: stdout")
    show.add_argument("--resamples", type=int, default=1000, metavar="N", help="(1000)")
    show.add_argument("--seed", type=int, default=0, metavar="N", help="(0)")
    add_runs_option(show)
    show.set_defaults(run=guard(_show))


def _run(args: argparse.Namespace, roots: Sequence[Path]) -> int:
    from alignscore_metric.leaderboards.nlu.data import load_task
    from alignscore_metric.leaderboards.nlu.runs import Examinee

    if args.limit is not None and args.limit < 1:
        raise ConfigurationError(f"--limit {args.limit}: give a number of rows >= 1")
    tasks = _tasks(args.task)
    examinee = Examinee.load(
        args.model, backbone=args.backbone, precision=args.precision, device=args.device
    )
    answered = 0
    for task in tasks:
        try:
            data = load_task(task, roots, limit=args.limit, by_name=bool(args.task))
        except MissingResourceError as error:
            if args.task:
                raise
            say(f"left out: {error}")
            continue
        info = examinee.answer(data, args.runs).info
        answered += 1
        sys.stderr.write(
            f"{examinee.label}: {task.name}, {len(data.examples)} of {data.available} rows, "
            f"{info.seconds:.1f} s\n"
        )
    if not answered:
        folders = ", ".join(map(str, roots))
        raise MissingResourceError(f"no NLU task is in {folders}; give the folder: --data DIR")
    return OK


def _tasks(names: Sequence[str] | None) -> Sequence[NluTask]:
    from alignscore_metric.leaderboards.nlu.tasks import TASKS, task_of

    return [task_of(name) for name in dict.fromkeys(names)] if names else TASKS


def _show(args: argparse.Namespace) -> int:
    from alignscore_metric.leaderboards.nlu.board import build_nlu_board
    from alignscore_metric.leaderboards.nlu.runs import read_nlu_runs
    from alignscore_metric.leaderboards.tables.nlu import render_nlu
    from alignscore_metric.scores.intervals import Resampling

    settings = Resampling(resamples=args.resamples, seed=args.seed)
    board = build_nlu_board(
        read_nlu_runs(args.runs, args.model), model=args.model, settings=settings
    )
    write_text(args.output, render_nlu(board, format=args.format))
    return OK
