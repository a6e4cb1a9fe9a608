"""The command `alignscore robustness`: parse, call, print. All work is done elsewhere.

Imported whenever `alignscore` starts, so nothing heavy is imported before the command runs.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from alignscore_metric.commands.options import OK, TABLE_FORMATS, Commands, add_text_columns
from alignscore_metric.errors import ConfigurationError, InputError
from alignscore_metric.system.whole_files import refuse_input_as_output, write_text

if TYPE_CHECKING:
    from alignscore_metric.files.tables import Table


def add_robustness(commands: Commands) -> None:
    """Add `robustness` to the grammar of `alignscore`."""
    robustness = commands.add_parser(
        "robustness",
        help="how scores move when summaries are edited",
        description="Edits every summary (or its source) so that it says the same, and so that it "
        "says something else, and measures how the scores of metrics move. Meant for consistent "
        "summaries.",
        epilog="Example: alignscore robustness consistent.jsonl --metric mini --metric rouge2 "
        "--format markdown -o robustness.md",
    )
    robustness.add_argument("file", help=".jsonl, .csv or .parquet file, or - for jsonl on stdin")
    robustness.add_argument(
        "--metric", action="append", metavar="SPEC", help="as `alignscore leaderboard run` takes "
        "it: mini, rouge2_precision, overlap ...; repeatable (mini)",
    )  # fmt: skip
    robustness.add_argument(
        "--edit", action="append", metavar="KIND", help="lower_case, number ...; repeatable (all; "
        "an unknown one lists them)",
    )  # fmt: skip
    add_text_columns(robustness)
    robustness.add_argument("--limit", type=int, metavar="N", help="of rows: the first N (all)")
    robustness.add_argument("--resamples", type=int, default=1000, metavar="N", help="(1000)")
    robustness.add_argument("--seed", type=int, default=0, metavar="N", help="(0)")
    robustness.add_argument("--format", choices=TABLE_FORMATS, default="text")
    robustness.add_argument("-o", "--output", type=Path, metavar="FILE", help="default: stdout")
    robustness.set_defaults(run=_robustness)


def _robustness(args: argparse.Namespace) -> int:
    from alignscore_metric.edits.robustness import KINDS
    from alignscore_metric.files.tables import read_table
    from alignscore_metric.leaderboards.metrics import make_metric
    from alignscore_metric.leaderboards.robustness import edit_pairs, probe
    from alignscore_metric.leaderboards.tables.robustness import render_robustness
    from alignscore_metric.scores.intervals import Resampling

    if args.resamples < 1 or args.seed < 0 or (args.limit is not None and args.limit < 1):
        raise ConfigurationError("give at least 1 resample and 1 row, and a seed of 0 or more")
    if args.output and not args.output.parent.is_dir():
        raise InputError(f"cannot write {args.output}: no such folder")
    refuse_input_as_output(args.output, [args.file])
    texts = _texts(args, read_table(args.file))
    pairs = edit_pairs(*texts, args.edit or tuple(KINDS), seed=args.seed)
    resampling = Resampling(resamples=args.resamples, seed=args.seed)
    metrics = [make_metric(spec) for spec in args.metric or ["mini"]]
    found = [probe(metric, pairs, resampling) for metric in metrics]
    text = render_robustness(found, resampling, seed=args.seed, format=args.format)
    write_text(args.output, text)
    return OK


def _texts(args: argparse.Namespace, table: Table) -> tuple[list[str], list[str]]:
    """Sources and summaries; passages of one source are joined."""
    from alignscore_metric.files.tables import SOURCE_NAMES, SUMMARY_NAMES
    from alignscore_metric.metric import check_inputs

    columns = (
        table.column(args.source_column, SOURCE_NAMES, role="source"),
        table.column(args.summary_column, SUMMARY_NAMES, role="summary"),
    )
    sources, summaries = ([row.get(name) for row in table.rows][: args.limit] for name in columns)
    check_inputs(sources, summaries, where=table.where)  # type: ignore[arg-type]  # it checks types
    return [_joined(source) for source in sources], summaries  # type: ignore[return-value, arg-type]


def _joined(source: str | Sequence[str]) -> str:
    return source if isinstance(source, str) else "\n".join(source)
