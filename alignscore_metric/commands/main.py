"""The command `alignscore`: parse, call, print. All work is done elsewhere.

Exit codes: 0 done; 1 done, but the mean is below `--fail-under`; 2 nothing was done (bad usage or
bad input).
"""

from __future__ import annotations

import argparse
import io
import math
import shutil
import sys
import textwrap
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from alignscore_metric.commands.compare import add_compare
from alignscore_metric.commands.decisions import add_decisions
from alignscore_metric.commands.estimates import add_estimate
from alignscore_metric.commands.leaderboard import add_leaderboard
from alignscore_metric.commands.robustness import add_robustness
from alignscore_metric.commands.serve import add_serve
from alignscore_metric.commands.training import add_training
from alignscore_metric.errors import AlignScoreError, ConfigurationError, InputError
from alignscore_metric.version import __version__

if TYPE_CHECKING:
    from alignscore_metric.files.growing import GrowingTable
    from alignscore_metric.files.tables import Table
    from alignscore_metric.files.windows import CheckedTable, Scored, WindowScorer
    from alignscore_metric.metric import AlignScore
    from alignscore_metric.result import AlignScoreResult, ScoreSummary, SentenceEvidence

OK, BELOW, REFUSED = 0, 1, 2


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command.

    Args:
        argv: Arguments; the process's own where None.

    Returns:
        The exit code.
    """
    args = build_parser().parse_args(argv)
    if isinstance(sys.stdout, io.TextIOWrapper):  # a lone surrogate in a text must not stop us
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        code: int = args.run(args)
    except AlignScoreError as error:
        sys.stderr.write(f"alignscore: {error}\n")
        return REFUSED
    except BrokenPipeError:  # the reader of our output (`head`) went away: not our error
        sys.stderr.close()
        return OK
    return code


def build_parser() -> argparse.ArgumentParser:
    """The command line's grammar."""
    parser = argparse.ArgumentParser(
        prog="alignscore",
        description="How far summaries, answers and claims are supported by their sources.",
        epilog="Exit codes: 0 done; 1 mean below --fail-under; 2 bad usage or input.",
    )
    parser.add_argument("--version", action="version", version=f"alignscore {__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    _add_score(commands)
    _add_explain(commands)
    _add_info(commands)
    _add_convert(commands)
    add_decisions(commands, _add_metric_options, _add_checkpoint_options, _metric)
    add_training(commands)
    add_leaderboard(commands)
    add_compare(commands, _add_metric_options, _metric)
    add_robustness(commands)
    add_estimate(commands)
    add_serve(commands, _add_metric_options, _metric)
    return parser


def _add_score(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    score = commands.add_parser(
        "score",
        help="score a file of (source, summary) rows",
        description="Score every row of a .jsonl, .csv or .parquet file. A source may be a list "
        "of passages (jsonl, parquet). A summary without a sentence gets no score (null, empty). "
        "A file may have any size: until all rows are scored, those that are stand in "
        "OUTPUT.partial, and the same command goes on after them if it was killed.",
        epilog="Examples: alignscore score news.jsonl -o scored.jsonl --evidence   |   "
        "cat rows.jsonl | alignscore score - > scored.jsonl",
    )
    score.add_argument("input", help=".jsonl, .csv or .parquet file, or - for jsonl on stdin")
    score.add_argument(
        "-o", "--output", help="file to write (its ending tells the format), or - for jsonl on "
        "stdout; without it the scores are printed for reading (with input -: jsonl on stdout)",
    )  # fmt: skip
    score.add_argument("--source-column", metavar="NAME", help="default: source, document, ...")
    score.add_argument("--summary-column", metavar="NAME", help="default: summary, claim, ...")
    score.add_argument("--score-column", metavar="NAME", default="alignscore", help="to add")
    score.add_argument(
        "--evidence", action="store_true", help="add each sentence's score and best chunk "
        "(column NAME_evidence)",
    )  # fmt: skip
    score.add_argument(
        "--report", metavar="FILE.html", help="write a web page of scores and evidence too: one "
        "file that needs nothing else; the evidence of all rows is kept in memory for it",
    )  # fmt: skip
    score.add_argument(
        "--restart", action="store_true", help="score all rows, also those that a killed run had"
    )
    score.add_argument(
        "--fail-under", type=float, metavar="X", help="exit with 1 where the mean is below X"
    )
    score.add_argument(
        "--engine", choices=("local", "ray"), default="local", help="ray: on the machines of a Ray "
        "cluster; INPUT may be a pattern ('s3://news/*.parquet'), -o is a folder of parts",
    )  # fmt: skip
    score.add_argument(
        "--workers", type=int, metavar="N", help="of --engine ray; default: one per GPU, else CPU"
    )
    _add_metric_options(score)
    score.set_defaults(run=_score)


def _add_explain(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    explain = commands.add_parser(
        "explain",
        help="show which sentences of one summary are supported, and by what",
        description="Score one summary sentence by sentence, least supported first.",
    )
    for role in ("source", "summary"):
        group = explain.add_mutually_exclusive_group(required=True)
        group.add_argument(f"--{role}", metavar="FILE", help=f"text file of the {role}")
        group.add_argument(f"--{role}-text", metavar="TEXT", help=f"the {role} itself")
    _add_metric_options(explain)
    explain.set_defaults(run=_explain)


def _add_info(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    info = commands.add_parser(
        "info",
        help="models, versions, device, signature, path for evaluate.load",
        description="What this installation has and what signature its scores would carry.",
    )
    _add_metric_options(info)
    info.set_defaults(run=_info)


def _add_convert(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    convert = commands.add_parser(
        "convert",
        help="write a checkpoint as a self-contained folder, or as a plain classifier",
        description="Write a checkpoint as safetensors, configuration, tokenizer and card: a "
        "folder that loads offline and scores the same.",
        epilog="Example: alignscore convert AlignScore-large.ckpt --backbone roberta-large "
        "-o AlignScore-large",
    )
    convert.add_argument("model", help="official .ckpt file, name, or folder")
    convert.add_argument("-o", "--output", type=Path, required=True, help="folder to write")
    convert.add_argument(
        "--to-classifier", action="store_true", help="write a sequence classifier for "
        "transformers, sentence-transformers, text-embeddings-inference",
    )  # fmt: skip
    _add_checkpoint_options(convert)
    convert.set_defaults(run=_convert)


def _add_metric_options(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("metric")
    group.add_argument(
        "--model", default="mini", help="mini (bundled); an official checkpoint's name; a folder; "
        "or a .ckpt file (see: alignscore info)",
    )  # fmt: skip
    _add_checkpoint_options(group)
    group.add_argument(
        "--device", help="cpu, cuda, cuda:1, mps; score: cuda:0,cuda:1 for both; "
        "default: the best one here",
    )  # fmt: skip
    group.add_argument(
        "--precision", default="fp32", help="fp32 (default), bf16, fp16, int8 or auto"
    )
    group.add_argument("--head", help="bin, tri or reg; default: the checkpoint's own")
    group.add_argument("--splitter", help="bundled_punkt or nltk_punkt; default: the checkpoint's")
    group.add_argument("--chunk-words", type=int, metavar="N", help="default: the checkpoint's")
    group.add_argument(
        "--copied-weight", type=float, metavar="W", help="of copied words in the score, 0 for the "
        "model's score alone; default: the checkpoint's",
    )  # fmt: skip
    group.add_argument("--claims", help="sentences or whole; default: the checkpoint's")
    group.add_argument(
        "--sentence-aggregation", metavar="NAME", help="mean, min, worst-K (worst-2) or softmin-T "
        "(softmin-0.1); default: the checkpoint's",
    )  # fmt: skip
    group.add_argument(
        "--prefilter", metavar="NAME", help="score only the K chunks of a source that are "
        "likeliest to matter to a sentence: lexical-K (by shared words) or mini-K (by the bundled "
        "aligner); none: all; default: the checkpoint's",
    )  # fmt: skip
    group.add_argument("--batch-tokens", type=int, metavar="N", help="memory and speed alone")
    group.add_argument("-q", "--quiet", action="store_true", help="no progress bar, no timing")


def _add_checkpoint_options(parser: argparse._ActionsContainer) -> None:
    parser.add_argument("--backbone", help="of a .ckpt file: name or folder; default: as it says")
    parser.add_argument("--profile", help="of a published checker: minicheck, factcg, alignscore")
    parser.add_argument("--mode", help="nli_sp, bin_sp, reg_sp (split); nli, bin, reg (whole pair)")
    parser.add_argument("--local-files-only", action="store_true", help="never use the network")


def _metric(args: argparse.Namespace, *, bars: bool = True) -> AlignScore:
    from alignscore_metric.metric import AlignScore

    bar = None if bars and not args.quiet else False
    return AlignScore(**_metric_options(args), device=args.device, progress=bar)


def _metric_options(args: argparse.Namespace) -> dict[str, Any]:
    """What `AlignScore` is made of, but for its device."""
    names = (
        "model", "backbone", "profile", "local_files_only", "mode", "precision", "head",
        "splitter", "chunk_words", "claims", "copied_weight", "sentence_aggregation",
        "prefilter", "batch_tokens",
    )  # fmt: skip
    return {name: getattr(args, name) for name in names}


def _score(args: argparse.Namespace) -> int:
    from alignscore_metric.files.growing import growing_table
    from alignscore_metric.files.tables import STANDARD, open_table
    from alignscore_metric.files.windows import checked_table
    from alignscore_metric.report.page import page_writer
    from alignscore_metric.result import join_results

    if args.engine == "ray":
        return _score_with_ray(args)
    if args.workers is not None:
        raise ConfigurationError(
            "--workers is for --engine ray; here, name devices: --device cpu,cpu"
        )
    output = STANDARD if args.output is None and args.input == STANDARD else args.output
    reader = open_table(args.input)
    with ExitStack() as places:  # opened before the work whose results they will hold
        growing = None
        if output not in (None, STANDARD):
            growing = places.enter_context(growing_table(output))
            reader = places.enter_context(reader.spooled(growing.file.parent))
        page = places.enter_context(page_writer(args.report)) if args.report else None
        given = checked_table(reader, partial(_columns, args))
        scoring = places.enter_context(_scoring(args, given))
        before = [] if growing is None else _begin(args, growing, given, scoring)
        run = _ScoreRun(args, given, scoring, growing, printing=output is None)
        summary = run.score(before)
        if growing is not None:
            growing.finish()
        if page is not None:
            title = f"AlignScore of {reader.name}"
            page.write(join_results(run.results).to_html(ids=run.names, title=title).encode())
    return _conclude(args, summary, sys.stdout if output is None else sys.stderr)


def _conclude(args: argparse.Namespace, summary: ScoreSummary, stream: TextIO) -> int:
    stream.write(f"{summary}\n")
    below = args.fail_under is not None and not summary.mean >= args.fail_under
    return BELOW if below else OK


def _score_with_ray(args: argparse.Namespace) -> int:
    from alignscore_metric.files.ray import score_files

    if args.output is None or args.report or args.restart:
        raise ConfigurationError(
            "--engine ray writes parts into a folder: give -o FOLDER, and neither --report nor "
            "--restart"
        )
    summary = score_files(
        args.input,
        args.output,
        source_column=args.source_column,
        summary_column=args.summary_column,
        score_column=args.score_column,
        evidence=args.evidence,
        workers=args.workers,
        device=args.device,
        progress=False if args.quiet else None,
        **_metric_options(args),
    )
    return _conclude(args, summary, sys.stdout)


@dataclass(frozen=True)
class _Scoring:
    """What scores windows: its signature, its kind of device, and how it is called."""

    signature: str
    kind: str
    score: WindowScorer


@contextmanager
def _scoring(args: argparse.Namespace, given: CheckedTable) -> Iterator[_Scoring]:
    """One device in this process, or a process for each of several."""
    from alignscore_metric.files.devices import DevicePool
    from alignscore_metric.files.windows import score_windows

    evidence = args.evidence or bool(args.report)
    if args.device is None or "," not in args.device:
        metric = _metric(args, bars=given.windows == 1)
        score = partial(score_windows, metric, evidence=evidence)
        yield _Scoring(metric.signature, metric.device.type, score)
        return
    with DevicePool(args.device.split(","), **_metric_options(args)) as pool:
        score = partial(pool.score_windows, evidence=evidence)
        yield _Scoring(pool.signature, pool.kind, score)


def _columns(args: argparse.Namespace, table: Table) -> tuple[str, str]:
    from alignscore_metric.files.windows import find_columns

    return find_columns(
        table, source=args.source_column, summary=args.summary_column, score=args.score_column
    )


def _begin(
    args: argparse.Namespace, growing: GrowingTable, given: CheckedTable, scoring: _Scoring
) -> list[float]:
    """Start the output's file, or go on with it: the scores that it has already."""
    from alignscore_metric.files.tables import WINDOW
    from alignscore_metric.files.windows import scored_schema

    added = [args.score_column, *([f"{args.score_column}_evidence"] if args.evidence else [])]
    run = {
        "input": given.reader.sha256(),
        "choice of columns": [*given.texts, *added],
        "signature": scoring.signature,
        "kind of device": scoring.kind,
        "window": WINDOW,
    }
    schema = scored_schema(given.reader, *added) if growing.file.suffix == ".parquet" else None
    restart = "--restart was given" if args.restart else None
    if args.report:
        restart = "a report needs the evidence of every row"
    reason = growing.start(run, [*given.columns, *added], schema, restart=restart)
    if reason is not None:
        sys.stderr.write(f"an unfinished {growing.file} is begun anew: {reason}\n")
    if growing.done:
        sys.stderr.write(f"going on after row {growing.done} of {given.rows}\n")
    values = growing.column(args.score_column)
    return [math.nan if value in (None, "") else float(value) for value in values]


@dataclass
class _ScoreRun:
    """One run of `alignscore score`.

    Attributes:
        args: Its options.
        given: What is scored.
        scoring: What scores it.
        growing: Where the rows go; stdout where None.
        printing: Whether stdout is for reading.
        results: Of each window, where a report was asked for.
        names: What it should call the rows.
    """

    args: argparse.Namespace
    given: CheckedTable
    scoring: _Scoring
    growing: GrowingTable | None
    printing: bool
    results: list[AlignScoreResult] = field(default_factory=list)
    names: list[str] = field(default_factory=list)

    def score(self, before: list[float]) -> ScoreSummary:
        """Score the rows that have no score yet; the summary is of these too."""
        import numpy as np
        from tqdm.auto import tqdm

        from alignscore_metric.files.windows import rows_after, score_tables
        from alignscore_metric.result import ScoreSummary

        args, given = self.args, self.given
        scores, pairs, started = [np.array(before)], 0, time.monotonic()
        silent = args.quiet or given.windows == 1 or not sys.stderr.isatty()
        tables = rows_after(given.tables, len(before))
        with tqdm(total=given.rows, initial=len(before), unit="row", disable=silent) as bar:
            for table, scored in score_tables(tables, given.texts, self.scoring.score):
                self._put(table, scored)
                scores.append(scored.scores)
                pairs += scored.pairs
                bar.update(len(table.rows))
        if not args.quiet:
            seconds = time.monotonic() - started
            chosen = f"prefiltered by {args.prefilter} and " if args.prefilter else ""
            sys.stderr.write(f"{pairs} (chunk, sentence) pairs {chosen}scored in {seconds:.1f} s\n")
        return ScoreSummary(np.concatenate(scores), self.scoring.signature)

    def _put(self, table: Table, scored: Scored) -> None:
        """Let a window's rows go: to the file, or to stdout."""
        from alignscore_metric.files.tables import write_rows

        if self.args.report and scored.evidence is not None:
            self.results.append(scored.evidence)
            self.names += _names(table)
        if self.printing:
            _print_scores(self.args, table, scored)
            return
        added = scored.columns(self.args.score_column, evidence=self.args.evidence)
        if self.growing is not None:
            self.growing.write(table, added)
            return
        try:
            write_rows(sys.stdout.buffer, ".jsonl", table, added, [])
            sys.stdout.flush()
        except BrokenPipeError:
            raise
        except OSError as cause:
            raise InputError(f"cannot write to stdout: {cause.strerror or cause}") from cause


def _print_scores(args: argparse.Namespace, table: Table, scored: Scored) -> None:
    for row, (score, name) in enumerate(zip(scored.scores, _names(table), strict=True)):
        sys.stdout.write(f"{score:7.4f}  {name}\n")
        if args.evidence and scored.evidence is not None:
            _print_evidence(scored.evidence.sentences(row))
    sys.stdout.flush()


def _names(table: Table) -> list[str]:
    """What to call each row: its id where it has one."""
    return [str(row.get("id", table.where(place))) for place, row in enumerate(table.rows)]


def _print_evidence(evidence: list[SentenceEvidence]) -> None:
    """Each sentence with its score, and below it the sentence of its best chunk closest to it."""
    from alignscore_metric.text.excerpt import closest_sentence
    from alignscore_metric.text.splitters import get_splitter

    split = get_splitter("bundled_punkt").split
    width = max(60, shutil.get_terminal_size().columns)
    for found in evidence:
        closest = closest_sentence(split(found.chunk), found.sentence)
        for lead, text in (
            (f"    {found.score:.4f}  ", found.sentence),
            (f"            chunk {found.chunk_index + 1}: ", closest),
        ):
            lines = textwrap.wrap(
                text, width, initial_indent=lead, subsequent_indent=" " * 12, max_lines=4
            )
            sys.stdout.write("\n".join(lines or [lead]) + "\n")


def _explain(args: argparse.Namespace) -> int:
    source = _text(args.source, args.source_text)
    summary = _text(args.summary, args.summary_text)
    result = _metric(args).evaluate([source], [summary])
    _print_evidence(sorted(result.sentences(0), key=lambda found: found.score))
    sys.stdout.write(f"{result.scores[0]:.4f}  the summary\n{result.signature}\n")
    return OK


def _text(file: str | None, text: str | None) -> str:
    if text is not None:
        return text
    try:
        return Path(str(file)).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as cause:
        raise InputError(f"cannot read {file}: {cause}") from cause


def _info(args: argparse.Namespace) -> int:
    import platform
    from importlib.metadata import version

    from alignscore_metric.checkpoint.hub import REGISTRY
    from alignscore_metric.checkpoint.loading import BUNDLED
    from alignscore_metric.checkpoint.profile import MODES, PROFILES
    from alignscore_metric.integrations.evaluate_api import MODULE_PATH

    metric = _metric(args)
    libraries = ("torch", "transformers", "tokenizers", "nltk", "numpy", "scipy")
    rows = {
        "alignscore-metric": __version__,
        "python": platform.python_version(),
        **{name: version(name) for name in libraries},
        "device": str(metric.device),
        "bundled models": ", ".join(BUNDLED),
        "models by name": ", ".join(REGISTRY),
        "modes": ", ".join(MODES),
        "profiles": ", ".join(PROFILES),
        "signature": metric.signature,
        "evaluate.load path": str(MODULE_PATH),
    }
    sys.stdout.writelines(f"{name:20}{value}\n" for name, value in rows.items())
    return OK


def _convert(args: argparse.Namespace) -> int:
    from alignscore_metric.checkpoint.conversion import convert

    convert(
        args.model,
        args.output,
        backbone=args.backbone,
        profile=args.profile,
        mode=args.mode,
        local_files_only=args.local_files_only,
        to_classifier=args.to_classifier,
    )
    sys.stdout.write(f"saved to {args.output}\n")
    return OK


if __name__ == "__main__":
    sys.exit(main())
