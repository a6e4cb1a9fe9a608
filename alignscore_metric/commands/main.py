"""The command `alignscore`: parse, call, print. All work is done elsewhere.

Exit codes: 0 done; 1 done, but the mean is below `--fail-under`; 2 it could not be done (bad usage,
bad input, a full disk); 70 an error of ours; 130 Ctrl-C.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import shutil
import sys
import textwrap
import traceback
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from alignscore_metric.commands.compare import add_compare
from alignscore_metric.commands.decisions import add_decisions
from alignscore_metric.commands.estimates import add_estimate
from alignscore_metric.commands.examples import add_examples
from alignscore_metric.commands.leaderboard import add_leaderboard
from alignscore_metric.commands.options import (
    BELOW,
    CRASHED,
    INTERRUPTED,
    OK,
    REFUSED,
    CommandParser,
    Commands,
    add_checkpoint_options,
    add_metric_options,
    add_spans,
    add_text_columns,
    checkpoint_options,
    metric_of,
    metric_options,
    saving,
)
from alignscore_metric.commands.robustness import add_robustness
from alignscore_metric.commands.serve import add_serve
from alignscore_metric.commands.training import add_training
from alignscore_metric.errors import AlignScoreError, ConfigurationError, InputError
from alignscore_metric.system.terminal import (
    coloured,
    flushed,
    harmless,
    open_missing_streams,
    plain,
    say,
)
from alignscore_metric.version import __version__

if TYPE_CHECKING:
    from alignscore_metric.files.tables import Table
    from alignscore_metric.files.windows import Scored
    from alignscore_metric.result import ScoreSummary, SentenceEvidence


TRACEBACK = "ALIGNSCORE_TRACEBACK"
"""The variable that lets errors of ours show where they came from."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command.

    Args:
        argv: Arguments; the process's own where None.

    Returns:
        The exit code.
    """
    open_missing_streams()
    try:
        return _run(argv)
    except BrokenPipeError:  # the reader of our output (`head`) went away: not our error
        flushed(sys.stdout)
        return OK
    except (Exception, KeyboardInterrupt) as error:
        if os.environ.get(TRACEBACK):
            traceback.print_exc()
        code, message = _told(error, "" if flushed(sys.stdout) else "cannot write to stdout")
        say(f"alignscore: {message}")
        return code
    finally:
        flushed(sys.stderr)


def _told(error: BaseException, place: str) -> tuple[int, str]:
    """The exit code of an error and what to say of it.

    Args:
        error: What was raised.
        place: What the system refused, where it is not the file that the error names.
    """
    if isinstance(error, AlignScoreError):
        return REFUSED, str(error)
    if isinstance(error, KeyboardInterrupt):
        return INTERRUPTED, "interrupted"
    if isinstance(error, OSError):
        place = place or error.filename
        return REFUSED, f"{place}: {error.strerror}" if place else error.strerror or str(error)
    kind = type(error).__name__
    return CRASHED, f"an error of ours: {kind}: {error} (where: {TRACEBACK}=1)"


def _run(argv: Sequence[str] | None) -> int:
    """Parse and call; what is written to stdout is there when this ends."""
    try:
        args = build_parser().parse_args(argv)
    except SystemExit:  # of --help, or bad usage
        _flush()
        raise
    if isinstance(sys.stdout, io.TextIOWrapper):  # a lone surrogate in a text must not stop us
        sys.stdout.reconfigure(errors="backslashreplace")
    code: int = args.run(args)
    _flush()
    return code


def _flush() -> None:
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        raise
    except OSError as cause:
        raise InputError(f"cannot write to stdout: {cause.strerror or cause}") from cause


def build_parser() -> argparse.ArgumentParser:
    """The command line's grammar."""
    parser = argparse.ArgumentParser(
        prog="alignscore",
        description="How far summaries, answers and claims are supported by their sources.",
        epilog="Exit codes: 0 done; 1 mean below --fail-under; 2 bad usage, input or place to "
        f"write; 70 an error of ours ({TRACEBACK}=1 shows where); 130 Ctrl-C.",
    )
    parser.add_argument("--version", action="version", version=f"alignscore {__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND", parser_class=CommandParser)
    _add_score(commands)
    _add_explain(commands)
    _add_info(commands)
    _add_convert(commands)
    add_decisions(commands)
    add_training(commands)
    add_examples(commands)
    add_leaderboard(commands)
    add_compare(commands)
    add_robustness(commands)
    add_estimate(commands)
    add_serve(commands)
    return parser


def _add_score(commands: Commands) -> None:
    score = commands.add_parser(
        "score",
        help="score a file of (source, summary) rows",
        description="Score every row of a .jsonl, .json, .csv, .tsv (gzipped or not) or .parquet "
        "file. A source may be a list of passages (json, parquet). A summary without a "
        "sentence gets no score (null, empty). A file may have any size: until all rows are "
        "scored, those that are stand in OUTPUT.partial, and the same command goes on after "
        "them if it was killed.",
        epilog="Examples: alignscore score news.jsonl -o scored.jsonl --evidence   |   "
        "cat rows.jsonl | alignscore score - > scored.jsonl",
    )
    score.add_argument("input", help="file to read, or - for jsonl on stdin")
    score.add_argument(
        "-o", "--output", help=".jsonl, .csv or .parquet file to write, or - for jsonl on stdout; "
        "without it the scores are printed for reading (with input -: jsonl on stdout)",
    )  # fmt: skip
    score.add_argument(
        "--evidence", action="store_true", help="add each sentence's score, verdict and chunk "
        "(column NAME_evidence)",
    )  # fmt: skip
    add_spans(score)
    score.add_argument(
        "--report", metavar="FILE.html", help="write a web page of scores and evidence too: one "
        "file that needs nothing else; the evidence of all rows is kept in memory for it",
    )  # fmt: skip
    score.add_argument(
        "--fail-under", type=float, metavar="X", help="exit with 1 where the mean is below X"
    )
    columns = score.add_argument_group("columns")
    add_text_columns(columns)
    columns.add_argument("--score-column", metavar="NAME", default="alignscore", help="to add")
    add_metric_options(score)
    long = score.add_argument_group("long runs and many machines")
    long.add_argument(
        "--restart", action="store_true", help="score all rows, also those that a killed run had"
    )
    long.add_argument(
        "--engine", choices=("local", "ray"), default="local", help="ray: on the machines of a Ray "
        "cluster; INPUT may be a pattern ('s3://news/*.parquet'), -o is a folder of parts",
    )  # fmt: skip
    long.add_argument(
        "--workers", type=int, metavar="N", help="of --engine ray; default: one per GPU, else CPU"
    )
    score.set_defaults(run=_score)


def _add_explain(commands: Commands) -> None:
    explain = commands.add_parser(
        "explain",
        help="show which sentences of one summary are supported, and by what",
        description="Score one summary sentence by sentence, least supported first. Of a sentence "
        "that no chunk supports, the likeliest chunk is shown, and whether it contradicts the "
        "sentence or says nothing of it. Unsupported words (--spans) are in colour on a terminal, "
        "[-so-] elsewhere.",
    )
    for role in ("source", "summary"):
        group = explain.add_mutually_exclusive_group(required=True)
        group.add_argument(f"--{role}", metavar="FILE", help=f"text file of the {role}")
        group.add_argument(f"--{role}-text", metavar="TEXT", help=f"the {role} itself")
    add_spans(explain)
    explain.add_argument("--json", action="store_true", help="print all of it as JSON")
    add_metric_options(explain)
    explain.set_defaults(run=_explain)


def _add_info(commands: Commands) -> None:
    info = commands.add_parser(
        "info",
        help="models, versions, device, signature, path for evaluate.load",
        description="What this installation has and what signature its scores would carry.",
    )
    add_metric_options(info)
    info.set_defaults(run=_info)


def _add_convert(commands: Commands) -> None:
    convert = commands.add_parser(
        "convert",
        help="write a checkpoint as a self-contained folder, a plain classifier, or ONNX",
        description="Write a checkpoint as safetensors, configuration, tokenizer and card: a "
        "folder that loads offline and scores the same.",
        epilog="Example: alignscore convert AlignScore-large.ckpt --backbone roberta-large "
        "-o AlignScore-large",
    )
    convert.add_argument("model", help="official .ckpt file, name, or folder")
    convert.add_argument("-o", "--output", type=Path, required=True, help="folder to write")
    forms = convert.add_mutually_exclusive_group()
    forms.add_argument(
        "--to-classifier", action="store_true", help="write a sequence classifier for "
        "transformers, sentence-transformers, text-embeddings-inference",
    )  # fmt: skip
    forms.add_argument(
        "--to-onnx", nargs="?", choices=("fp32", "int8"), const="fp32", metavar="PRECISION",
        help="write encoder and head as one ONNX graph, fp32 or int8, and say how far its scores "
        "lie from the aligner's (extra onnx)",
    )  # fmt: skip
    add_checkpoint_options(convert)
    convert.set_defaults(run=_convert)


def _score(args: argparse.Namespace) -> int:
    from alignscore_metric.files.scoring import score_file
    from alignscore_metric.files.tables import STANDARD

    if args.engine == "ray":
        return _score_with_ray(args)
    if args.workers is not None:
        raise ConfigurationError(
            "--workers is for --engine ray; here, name devices: --device cpu,cpu"
        )
    if args.spans and not (args.evidence or args.report):
        raise ConfigurationError("--spans marks words of the evidence: give --evidence or --report")
    output = STANDARD if args.output is None and args.input == STANDARD else args.output
    summary = score_file(
        args.input,
        output,
        **_file_options(args),
        report=args.report,
        restart=args.restart,
        show=partial(_print_scores, args.evidence),
        tell=say,
    )
    return _conclude(args, summary, _show if output is None else say)


def _file_options(args: argparse.Namespace) -> dict[str, Any]:
    """The options of scoring files that one machine and a cluster share."""
    return metric_options(args) | {
        "source_column": args.source_column,
        "summary_column": args.summary_column,
        "score_column": args.score_column,
        "evidence": args.evidence,
        "spans": args.spans,
        "device": args.device,
        "progress": False if args.quiet else None,
    }


def _show(text: str) -> None:
    sys.stdout.write(f"{harmless(text)}\n")


def _conclude(
    args: argparse.Namespace, summary: ScoreSummary, tell: Callable[[str], object]
) -> int:
    tell(str(summary))
    below = args.fail_under is not None and not summary.mean >= args.fail_under
    return BELOW if below else OK


def _score_with_ray(args: argparse.Namespace) -> int:
    from alignscore_metric.files.ray import score_files

    if args.output is None or args.report or args.restart:
        raise ConfigurationError(
            "--engine ray writes parts into a folder: give -o FOLDER, and neither --report nor "
            "--restart"
        )
    summary = score_files(args.input, args.output, **_file_options(args), workers=args.workers)
    return _conclude(args, summary, _show)


def _print_scores(evidence: bool, table: Table, scored: Scored) -> None:
    from alignscore_metric.files.scoring import row_names

    for row, (score, name) in enumerate(zip(scored.scores, row_names(table), strict=True)):
        sys.stdout.write(f"{score:7.4f}  {plain(name)}\n")
        if evidence and scored.evidence is not None:
            _print_evidence(scored.evidence.sentences(row))
    sys.stdout.flush()


def _print_evidence(evidence: list[SentenceEvidence]) -> None:
    """Each sentence with its score, and below it the sentence of its chunk closest to it."""
    from alignscore_metric.result import VERDICTS
    from alignscore_metric.text.excerpt import closest_sentence
    from alignscore_metric.text.splitters import get_splitter

    split = get_splitter("bundled_punkt").split
    width = max(60, shutil.get_terminal_size().columns)
    marks = ("\x1b[1;31m", "\x1b[0m") if coloured(sys.stdout) else ("[-", "-]")
    for found in evidence:
        closest = closest_sentence(split(found.chunk), found.sentence)
        verdict = "" if found.supported else f"{VERDICTS[found.verdict]}; "
        for lead, text in (
            (f"    {found.score:.4f}  ", plain(_marked(found))),
            (f"            {verdict}chunk {found.chunk_index + 1}: ", plain(closest)),
        ):
            lines = textwrap.wrap(
                text, width, initial_indent=lead, subsequent_indent=" " * 12, max_lines=4
            )
            shown = "\n".join(lines or [lead])
            for mark, instead in zip(_MARKS, marks, strict=True):
                shown = shown.replace(mark, instead)
            sys.stdout.write(f"{shown}\n")


_MARKS = "\ue000\ue001"
"""Stand for the beginning and the end of unsupported words until lines are broken."""


def _marked(found: SentenceEvidence) -> str:
    """A sentence, its unsupported words between marks; the marks' likes in it become `?`."""
    pieces, end = [], 0
    for span in found.unsupported or ():
        start, stop = span.start - found.start, span.end - found.start
        pieces += [found.sentence[end:start], _MARKS[0], found.sentence[start:stop], _MARKS[1]]
        end = stop
    pieces.append(found.sentence[end:])
    return "".join(
        piece if piece in (*_MARKS,) else piece.translate(dict.fromkeys(map(ord, _MARKS), "?"))
        for piece in pieces
    )


def _explain(args: argparse.Namespace) -> int:
    source = _text(args.source, args.source_text)
    summary = _text(args.summary, args.summary_text)
    result = metric_of(args).evaluate([source], [summary], spans=args.spans)
    if args.json:
        sys.stdout.write(json.dumps(result.to_dict(), indent=1) + "\n")
        return OK
    _print_evidence(sorted(result.sentences(0), key=lambda found: found.score))
    _show(f"{result.scores[0]:.4f}  the summary\n{result.signature}")
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

    from alignscore_metric.checkpoint.hub import CHECKERS, REGISTRY
    from alignscore_metric.checkpoint.loading import BUNDLED
    from alignscore_metric.checkpoint.profile import MODES, PROFILES
    from alignscore_metric.integrations.evaluate_api import MODULE_PATH

    metric = metric_of(args)
    libraries = ("torch", "transformers", "tokenizers", "nltk", "numpy", "scipy")
    rows = {
        "alignscore-metric": __version__,
        "python": platform.python_version(),
        **{name: version(name) for name in libraries},
        "device": str(metric.device),
        "bundled models": ", ".join(BUNDLED),
        "models by name": ", ".join([*REGISTRY, *CHECKERS]),
        "modes": ", ".join(MODES),
        "profiles": ", ".join(PROFILES),
        "signature": metric.signature,
        "short signature": metric.short_signature,
        "evaluate.load path": str(MODULE_PATH),
    }
    sys.stdout.writelines(f"{name:20}{plain(value)}\n" for name, value in rows.items())
    return OK


def _convert(args: argparse.Namespace) -> int:
    from alignscore_metric.checkpoint.conversion import convert

    with saving(args.output):
        if args.to_onnx:
            _write_graph(args)
        else:
            convert(
                args.model,
                args.output,
                **checkpoint_options(args),
                to_classifier=args.to_classifier,
            )
    sys.stdout.write(f"saved to {args.output}\n")
    return OK


def _write_graph(args: argparse.Namespace) -> None:
    from alignscore_metric.checkpoint.loading import load_checkpoint
    from alignscore_metric.checkpoint.options import adapt_profile
    from alignscore_metric.engine.onnx import write_graph

    options = checkpoint_options(args)
    mode = options.pop("mode")
    checkpoint = load_checkpoint(args.model, **options)
    profile = adapt_profile(checkpoint.aligner, mode=mode)
    found = write_graph(checkpoint, profile, args.output, precision=args.to_onnx)
    sys.stdout.write(
        f"{args.to_onnx}: scores of {found.pairs} pairs differ from the aligner's by at most "
        f"{found.largest:.1g}, on average by {found.mean:.1g}\n"
    )
