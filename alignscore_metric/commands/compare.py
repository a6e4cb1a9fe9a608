"""The command `alignscore compare`: parse, call, print. All work is done elsewhere.

Imported whenever `alignscore` starts, so nothing heavy is imported before the command runs.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from alignscore_metric.commands.options import (
    OK,
    TABLE_FORMATS,
    Commands,
    add_metric_options,
    add_text_columns,
    metric_of,
)
from alignscore_metric.errors import ConfigurationError, InputError
from alignscore_metric.system.terminal import say
from alignscore_metric.system.whole_files import refuse_input_as_output, write_text

if TYPE_CHECKING:
    from alignscore_metric.arrays import Floats
    from alignscore_metric.leaderboards.comparison import Comparison
    from alignscore_metric.leaderboards.systems import Examples
    from alignscore_metric.leaderboards.tables.comparison import Contrast

SETTINGS = {"threshold": 0.5, "alpha": 0.05, "resamples": 10_000, "seed": 0}
"""Options of the statistics, with their defaults."""


def add_compare(commands: Commands) -> None:
    """Add `compare` to the grammar of `alignscore`."""
    compare = commands.add_parser(
        "compare",
        help="compare systems that summarised the same sources",
        description="Means with 95% intervals, paired permutation tests with Holm's correction, "
        "win rates, clusters of systems that the tests do not tell apart, and the examples that "
        "differ most. Scores that all files hold are read, not made again.",
        epilog="Examples: alignscore compare bart.jsonl pegasus.jsonl t5.jsonl --format json -o "
        "found.json; alignscore compare found.json --format latex -o table.tex",
    )
    compare.add_argument("files", nargs="+", metavar="FILE", help=".jsonl, .csv or .parquet file "
                         "of one system's summaries, two or more; or one that --format json "
                         "wrote, to show it in another format")  # fmt: skip
    compare.add_argument("-o", "--output", type=Path, metavar="FILE", help="default: stdout")
    compare.add_argument("--format", choices=TABLE_FORMATS, default="text")
    compare.add_argument(
        "--examples", type=int, default=5, metavar="N", help="that differ most, to show (5); none "
        "in LaTeX",
    )  # fmt: skip
    _add_columns(compare)
    _add_settings(compare)
    add_metric_options(compare)
    compare.set_defaults(run=_compare)


def _add_columns(compare: argparse.ArgumentParser) -> None:
    group = compare.add_argument_group("columns")
    add_text_columns(group)
    group.add_argument(
        "--match-column", metavar="NAME", help="equal values tell which rows belong together; "
        "default: id where every file has it, else the source",
    )  # fmt: skip
    scores = group.add_mutually_exclusive_group()
    scores.add_argument("--score-column", metavar="NAME", help="of scores to read; default: "
                        "alignscore where every file has it")  # fmt: skip
    scores.add_argument("--rescore", action="store_true", help="score whatever the files hold")


def _add_settings(compare: argparse.ArgumentParser) -> None:
    group = compare.add_argument_group("statistics")
    group.add_argument("--threshold", type=float, metavar="X", help="show the share of scores "
                       "below X (0.5)")  # fmt: skip
    group.add_argument("--alpha", type=float, metavar="X", help="tests' level (0.05)")
    group.add_argument("--resamples", type=int, metavar="N", help="(10000)")
    group.add_argument("--seed", type=int, metavar="N", help="(0)")
    group.set_defaults(**SETTINGS)


def _compare(args: argparse.Namespace) -> int:
    from alignscore_metric.leaderboards.tables.comparison import render_comparison

    if args.examples < 0:
        raise ConfigurationError(f"--examples {args.examples}: give 0 or more")
    _check_output(args.output, args.files)
    if len(args.files) == 1 and Path(args.files[0]).suffix == ".json":
        _refuse_settings(args)
        comparison, scores_from, contrasts = _comparison_in(args.files[0])
    else:
        comparison, scores_from, contrasts = _compared(args)
    text = render_comparison(
        comparison,
        format=args.format,
        scores_from=scores_from,
        contrasts=contrasts[: args.examples],
    )
    write_text(args.output, text)
    return OK


def _comparison_in(file: str) -> tuple[Comparison, str, list[Contrast]]:
    from alignscore_metric.leaderboards.tables.comparison import read_comparison

    try:
        text = Path(file).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as cause:
        raise InputError(f"cannot read {file}: {cause}") from cause
    return read_comparison(text, where=file)


def _refuse_settings(args: argparse.Namespace) -> None:
    """Refuse options that a comparison made before would not follow."""
    for name, default in SETTINGS.items():
        if getattr(args, name) != default:
            raise ConfigurationError(
                f"--{name} has no effect on {args.files[0]}, a comparison made before; give the "
                "systems' files"
            )


def _compared(args: argparse.Namespace) -> tuple[Comparison, str, list[Contrast]]:
    """Systems' files compared: the numbers, what made the scores, and examples."""
    from alignscore_metric.leaderboards.comparison import ComparisonSettings, compare
    from alignscore_metric.leaderboards.systems import match_examples, read_systems

    settings = ComparisonSettings(**{name: getattr(args, name) for name in SETTINGS})
    settings.check_resamples(len(args.files))
    systems = read_systems(
        args.files, source_column=args.source_column, summary_column=args.summary_column
    )
    examples = match_examples(systems, args.match_column)
    for message in examples.left_out():
        say(f"{message}")
    scores, scores_from = _scores(args, examples)
    contrasts = _contrasts(examples, scores, args.examples)
    return compare(scores, examples.documents, settings), scores_from, contrasts


def _scores(args: argparse.Namespace, examples: Examples) -> tuple[dict[str, Floats], str]:
    """Scores by system, and what made them: read where all files hold them, else made."""
    from alignscore_metric.leaderboards.systems import SCORE_COLUMN, stored_scores

    stored = None if args.rescore else stored_scores(examples, args.score_column)
    if stored is not None:
        return stored, f"read from the column {args.score_column or SCORE_COLUMN!r} of the files"
    if held := [s.table.name for s in examples.systems if SCORE_COLUMN in s.table.columns]:
        say(f"scores in {', '.join(held)} are not used: one model scores all systems")
    names = [system.name for system in examples.systems]
    result = metric_of(args).evaluate(*examples.texts())
    scores = dict(zip(names, result.scores.reshape(len(names), -1), strict=True))
    if args.format != "json":
        say(
            "for other formats without scoring again: --format json -o found.json, then "
            "alignscore compare found.json"
        )
    return scores, result.signature


def _contrasts(examples: Examples, scores: dict[str, Floats], count: int) -> list[Contrast]:
    from alignscore_metric.leaderboards.comparison import widest
    from alignscore_metric.leaderboards.systems import name_of, summaries_of
    from alignscore_metric.leaderboards.tables.comparison import Contrast

    return [
        Contrast(
            name_of(examples, row),
            better,
            float(scores[better][row]),
            summaries_of(examples, row)[better],
            worse,
            float(scores[worse][row]),
            summaries_of(examples, row)[worse],
        )
        for row, better, worse in widest(scores, count)
    ]


def _check_output(output: Path | None, files: Sequence[str]) -> None:
    """Refuse before the scoring what would fail after it, or cost the user a file."""
    if output and not output.parent.is_dir():
        raise InputError(f"cannot write {output}: no such folder")
    refuse_input_as_output(output, files)
