"""The command `alignscore estimate`: parse, call, print. All work is done elsewhere.

Imported whenever `alignscore` starts, so nothing heavy is imported before the command runs.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
from typing import TYPE_CHECKING

from alignscore_metric.commands.options import OK, Commands
from alignscore_metric.errors import ConfigurationError, InputError

if TYPE_CHECKING:
    from alignscore_metric.files.tables import Table
    from alignscore_metric.scores.estimates import ConsistencyRate, EstimateSettings


def add_estimate(commands: Commands) -> None:
    """Add `estimate` to the grammar of `alignscore`.

    Args:
        commands: Where to.
    """
    estimate = commands.add_parser(
        "estimate",
        help="share of consistent summaries, from a few human labels and all scores",
        description="A valid interval for the share of consistent summaries in a scored file: "
        "prediction-powered inference (PPI++) from a column of labels, 1 consistent, 0 not, empty "
        "where nobody has judged. The judged rows must have been drawn at random.",
        epilog="Examples: alignscore estimate scored.jsonl   |   alignscore estimate scored.jsonl "
        "--width 0.1 --rate 0.7 --correlation 0.5  (plans before anything is labelled)",
    )
    estimate.add_argument("input", help="scored .jsonl, .csv or .parquet file, or - for jsonl on "
                          "stdin")  # fmt: skip
    estimate.add_argument("--score-column", metavar="NAME", help="default: alignscore")
    estimate.add_argument("--label-column", metavar="NAME", help="default: label")
    strata = estimate.add_mutually_exclusive_group()
    strata.add_argument("--strata", type=int, metavar="K", help="cut the scores into K strata")
    strata.add_argument("--strata-column", metavar="NAME", help="strata within which the judged "
                        "rows were drawn")  # fmt: skip
    estimate.add_argument(
        "--target", choices=("corpus", "system"), default="corpus", help="the share among these "
        "summaries (default), or among all that the system would write",
    )  # fmt: skip
    estimate.add_argument(
        "--lambda", dest="lam", type=float, metavar="X", help="weight of the scores: 1 is PPI, 0 "
        "the labels alone; default: tuned, PPI++",
    )  # fmt: skip
    estimate.add_argument("--interval", choices=("wilson", "normal"), default="wilson")
    estimate.add_argument("--level", type=float, default=0.95, metavar="X", help="(0.95)")
    estimate.add_argument("--format", choices=("text", "json"), default="text")
    plan = estimate.add_argument_group("plan")
    plan.add_argument("--width", type=float, metavar="W", help="say how many labels would give an "
                      "interval this wide, with these labels as a pilot")  # fmt: skip
    plan.add_argument("--rate", type=float, metavar="P", help="plan without labels: expected rate")
    plan.add_argument("--correlation", type=float, metavar="R", help="and the expected correlation "
                      "of labels and scores")  # fmt: skip
    estimate.set_defaults(run=_estimate)


def _estimate(args: argparse.Namespace) -> int:
    from alignscore_metric.files.tables import read_table
    from alignscore_metric.scores.estimates import EstimateSettings

    settings = EstimateSettings(args.target, args.lam, args.interval, args.level)
    assumed = (args.rate, args.correlation)
    if assumed != (None, None) and None in (*assumed, args.width):
        raise ConfigurationError("a plan without labels takes --width, --rate and --correlation")
    table = read_table(args.input)
    scores = _numbers(table, table.column(args.score_column, ("alignscore",), role="score"))
    lines, found = [], {}
    rate, correlation, summaries = *assumed, sum(not math.isnan(score) for score in scores)
    if assumed == (None, None):
        pilot = _from_labels(args, table, scores, settings)
        rate, correlation, summaries = pilot.rate, pilot.correlation, pilot.summaries
        lines, found = [str(pilot)], pilot.to_dict()
    if args.width is not None:
        plan = _plan(args.width, summaries, rate, correlation, settings)
        lines.append(
            f"an interval of width {args.width:g} takes {plan['labels_needed']} labels, without "
            f"scores {plan['labels_needed_without_scores']}"
        )
        found |= plan
    text = "\n".join(lines) if args.format == "text" else json.dumps(found, indent=2)
    sys.stdout.write(f"{text}\n")
    return OK


def _from_labels(
    args: argparse.Namespace, table: Table, scores: list[float], settings: EstimateSettings
) -> ConsistencyRate:
    from alignscore_metric.scores.estimates import estimate_consistency_rate

    name = table.column(args.label_column, ("label",), role="label")
    labels = _numbers(table, name)
    labelled = [row for row, label in enumerate(labels) if not math.isnan(label)]
    for row in labelled:
        if labels[row] not in (0, 1):
            raise InputError(f"{table.where(row)}: column {name!r} holds {labels[row]:g}; give 1, "
                             "0, or nothing")  # fmt: skip
    strata = args.strata
    if args.strata_column is not None:
        column = table.column(args.strata_column, (), role="strata")
        strata = [str(row.get(column)) for row in table.rows]
    return estimate_consistency_rate(
        scores, labelled, [labels[row] for row in labelled], strata=strata, settings=settings
    )


def _plan(
    width: float, summaries: int, rate: float, correlation: float, settings: EstimateSettings
) -> dict[str, int]:
    from alignscore_metric.scores.estimates import labels_needed

    with_scores, without = (
        labels_needed(width, summaries=summaries, rate=rate, correlation=r, settings=settings)
        for r in (correlation, 0.0)
    )
    return {"labels_needed": with_scores, "labels_needed_without_scores": without}


def _numbers(table: Table, name: str) -> list[float]:
    """A column's numbers, NaN where it is empty."""
    found = []
    for row, cells in enumerate(table.rows):
        cell = cells.get(name)
        try:
            number = math.nan if cell is None or not str(cell).strip() else float(cell)
        except (TypeError, ValueError, OverflowError):
            number = math.inf
        if math.isinf(number):
            raise InputError(f"{table.where(row)}: column {name!r} holds {cell!r:.60}; give a "
                             "finite number, or nothing")  # fmt: skip
        found.append(number)
    return found
