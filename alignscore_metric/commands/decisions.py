"""The commands `calibrate` and `predict`: parse, call, print. All work is done elsewhere.

Imported whenever `alignscore` starts, so nothing heavy is imported before a command runs.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from alignscore_metric.commands.options import (
    OK,
    Commands,
    add_metric_options,
    add_saved_metric_options,
    add_spans,
    add_text_columns,
    checkpoint_options,
    metric_of,
    metric_options,
    saving,
)
from alignscore_metric.errors import ConfigurationError, InputError
from alignscore_metric.system.terminal import say

if TYPE_CHECKING:
    from alignscore_metric.arrays import Floats
    from alignscore_metric.files.tables import Table
    from alignscore_metric.scores.decisions import Calibration


class LabelledRows(NamedTuple):
    """Rows of some files; the weights let each file count the same."""

    scores: Floats
    labels: Floats
    weights: Floats


def add_decisions(commands: Commands) -> None:
    """Add `calibrate` and `predict` to the grammar of `alignscore`."""
    _add_calibrate(commands)
    predict = commands.add_parser(
        "predict",
        help="judge the rows of a file consistent or not",
        description="Add alignscore, probability and consistent to every row of a .jsonl, .csv or "
        ".parquet file. A summary without a sentence is not judged consistent. A column "
        "alignscore, as score writes it, is not made again: some of its rows are, and scores of "
        "another checkpoint or of other options refused. A file may have any size, and the same "
        "command goes on after a kill.",
        epilog="Example: alignscore predict news.jsonl -o judged.jsonl --objective miss_rate=0.1",
    )
    predict.add_argument("input", help=".jsonl, .csv or .parquet file, or - for jsonl on stdin")
    predict.add_argument("-o", "--output", required=True, help="file to write, or - for stdout")
    predict.add_argument(
        "--objective", default="probability=0.5", metavar="NAME", help="probability=P "
        "(default: 0.5), or balanced_accuracy, precision=P, recall=R, miss_rate=A as they were "
        "fitted",
    )  # fmt: skip
    predict.add_argument(
        "--evidence", action="store_true", help="add alignscore_evidence too: each sentence's "
        "score, verdict and chunk",
    )  # fmt: skip
    add_spans(predict)
    predict.add_argument(
        "--restart", action="store_true", help="judge all rows, also those that a killed run had"
    )
    add_text_columns(predict)
    add_metric_options(predict)
    predict.set_defaults(run=_predict)


def _add_calibrate(commands: Commands) -> None:
    calibrate = commands.add_parser(
        "calibrate",
        help="fit probabilities and thresholds on labelled rows",
        description="Write a checkpoint as a folder whose profile holds a calibration and decision "
        "thresholds, fitted on labelled rows (1 consistent, 0 not). Several files count equally.",
        epilog="Example: alignscore calibrate val.jsonl --test test.jsonl -o my-aligner",
    )
    calibrate.add_argument("files", nargs="+", metavar="FILE", help="labelled rows to fit on")
    calibrate.add_argument("-o", "--output", type=Path, required=True, help="folder to write")
    calibrate.add_argument(
        "--test", action="append", default=[], metavar="FILE", help="other labelled rows to report "
        "on; may be repeated",
    )  # fmt: skip
    calibrate.add_argument("--method", choices=("logistic", "isotonic"), default="logistic")
    calibrate.add_argument(
        "--objective", action="append", metavar="NAME", help="to fit a threshold for: "
        "balanced_accuracy, precision=P, recall=R, miss_rate=A; may be repeated; default: "
        "balanced_accuracy, recall=0.9, miss_rate=0.1",
    )  # fmt: skip
    add_text_columns(calibrate)
    calibrate.add_argument("--label-column", metavar="NAME", default="label", help="(label)")
    calibrate.add_argument(
        "--score-column", metavar="NAME", help="of scores that this checkpoint gave, to read "
        "instead of making them",
    )  # fmt: skip
    add_saved_metric_options(calibrate)
    calibrate.set_defaults(run=_calibrate)


def _calibrate(args: argparse.Namespace) -> int:
    from alignscore_metric.checkpoint.conversion import check_output, convert
    from alignscore_metric.files.tables import read_table
    from alignscore_metric.scores.decisions import OBJECTIVES, fit_calibration, parse_objective

    check_output(args.output)
    objectives = args.objective or OBJECTIVES
    for objective in objectives:  # refused before anything is scored
        parse_objective(objective)
    fit, test = ([read_table(file) for file in files] for files in (args.files, args.test))
    score = _reader(args) if args.score_column else _scorer(args)
    rows = _labelled(fit, args.label_column, score)
    calibration = fit_calibration(
        rows.scores,
        rows.labels,
        method=args.method,
        objectives=objectives,
        weights=rows.weights,
        fitted_on=", ".join(Path(file).name for file in args.files),
    )
    report = [
        f"fitted on {calibration.rows} rows of {len(args.files)} file(s): {calibration.method}",
        *(f"{value:8.4f}  threshold for {key}" for key, value in calibration.thresholds.items()),
        "on the rows that it was fitted on, which flatter it:",
        *_decision_report(calibration, calibration.thresholds, rows),
    ]
    if test:
        report += _test_report(calibration, _labelled(test, args.label_column, score))
    with saving(args.output):
        convert(
            args.model,
            args.output,
            **checkpoint_options(args),
            calibration=calibration,
        )
    sys.stdout.write("\n".join([*report, f"saved to {args.output}"]) + "\n")
    return OK


def _reader(args: argparse.Namespace) -> Callable[[Table], Sequence[float]]:
    def read(table: Table) -> Sequence[float]:
        name = table.column(args.score_column, (), role="score")
        return _numbers(table, name, missing=float("nan"))

    return read


def _scorer(args: argparse.Namespace) -> Callable[[Table], Sequence[float]]:
    metric = metric_of(args)
    return lambda table: metric.score(*_texts(table, args))  # type: ignore[arg-type]  # it checks


def _labelled(
    tables: Sequence[Table], label: str, score: Callable[[Table], Sequence[float]]
) -> LabelledRows:
    import numpy as np

    from alignscore_metric.scores.decisions import equal_weights

    labels = [_numbers(table, table.column(label, (), role="label")) for table in tables]
    scores = [score(table) for table in tables]
    groups = np.repeat(range(len(tables)), [len(table.rows) for table in tables])
    return LabelledRows(np.concatenate(scores), np.concatenate(labels), equal_weights(groups))


def _numbers(table: Table, name: str, missing: float | None = None) -> list[float]:
    """A column as numbers; an absent one is an error, or what is said here."""
    found = []
    for row, values in enumerate(table.rows):
        value = values.get(name)
        if value in (None, "") and missing is not None:
            found.append(missing)
            continue
        try:
            found.append(float(value))  # type: ignore[arg-type]  # what is no number is refused
        except (TypeError, ValueError, OverflowError) as cause:
            raise InputError(
                f"{table.where(row)}: {name} is {value!r:.60}, not a number"
            ) from cause
    return found


def _texts(table: Table, args: argparse.Namespace) -> tuple[list[object], list[object]]:
    """Sources and summaries, checked."""
    from alignscore_metric.files.tables import SOURCE_NAMES, SUMMARY_NAMES
    from alignscore_metric.metric import check_inputs

    source = table.column(args.source_column, SOURCE_NAMES, role="source")
    summary = table.column(args.summary_column, SUMMARY_NAMES, role="summary")
    texts = [row.get(source) for row in table.rows], [row.get(summary) for row in table.rows]
    check_inputs(*texts, where=table.where)  # type: ignore[arg-type]  # it checks types
    return texts


def _test_report(calibration: Calibration, rows: LabelledRows) -> list[str]:
    """What the probabilities and decisions are worth on other rows."""
    from alignscore_metric.scores.decisions import brier_score, reliability

    scores, labels, weights = rows
    p = calibration.probabilities(scores)
    lines = [f"on {len(labels)} test rows:"]
    for name, values in (("scores", scores), ("probabilities", p)):
        try:
            mass = reliability(values, labels, weights=weights).error
            width = reliability(values, labels, strategy="equal_width", weights=weights).error
            brier = brier_score(values, labels, weights=weights)
        except InputError as refused:  # scores of the head reg are no probabilities
            lines.append(f"  {name}: {refused}")
            continue
        lines.append(
            f"  {name}: ECE {mass:.4f} (15 bins of equal mass), {width:.4f} (of equal width), "
            f"Brier score {brier:.4f}"
        )
    return lines + _decision_report(calibration, (*calibration.thresholds, "probability=0.5"), rows)


def _decision_report(
    calibration: Calibration, objectives: Iterable[str], rows: LabelledRows
) -> list[str]:
    """What decisions are worth on some rows: a line for each objective."""
    from alignscore_metric.scores.decisions import Rates

    lines = []
    for objective in objectives:
        decisions = calibration.decide(rows.scores, objective)
        rates = Rates.of(rows.labels, decisions, rows.weights)
        lines.append(
            f"  {objective}: balanced accuracy {rates.balanced_accuracy:.3f}, precision "
            f"{rates.precision:.3f}, recall {rates.recall:.3f}, miss rate {rates.miss_rate:.3f}"
        )
    return lines


def _predict(args: argparse.Namespace) -> int:
    from alignscore_metric.files.scoring import predict_file

    if args.spans and not args.evidence:
        raise ConfigurationError("--spans marks words of the evidence: give --evidence")
    result = predict_file(
        args.input,
        args.output,
        source_column=args.source_column,
        summary_column=args.summary_column,
        objective=args.objective,
        evidence=args.evidence,
        spans=args.spans,
        restart=args.restart,
        device=args.device,
        progress=False if args.quiet else None,
        tell=say,
        **metric_options(args),
    )
    say(f"{result}")
    return OK
