"""The options that say how to score, as every command takes them, and the metric made of them.

Their list is `checkpoint.options`'. Imported whenever `alignscore` starts: nothing heavy here.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from alignscore_metric.checkpoint.options import (
    CHECKPOINT_OPTIONS,
    DEVICE_OPTIONS,
    OPTIONS,
    SCORING_OPTIONS,
    Option,
)
from alignscore_metric.errors import InputError

if TYPE_CHECKING:
    from alignscore_metric.metric import AlignScore

OK, BELOW, REFUSED, CRASHED, INTERRUPTED = 0, 1, 2, 70, 130
"""Exit codes: done; done, but the mean is below `--fail-under`; it could not be done; an error of
ours (`EX_SOFTWARE` of sysexits.h); Ctrl-C (128 and the signal's number, as a shell has it)."""

Commands: TypeAlias = "argparse._SubParsersAction[CommandParser]"
"""The commands of a command line, to which each adds its own grammar."""


Command = Callable[[argparse.Namespace], int]
"""What a command does with its arguments; gives the exit code."""

TABLE_FORMATS = ("text", "markdown", "latex", "json")
"""How tables are written."""


class CommandParser(argparse.ArgumentParser):
    """A command's grammar: an argument that it does not know is an error with its own usage.

    argparse itself shows the usage of the program, which names no option.
    """

    def parse_known_args(  # type: ignore[override]  # overloads that say the same
        self, args: Sequence[str] | None = None, namespace: argparse.Namespace | None = None
    ) -> tuple[argparse.Namespace, list[str]]:
        """Parse; exit with 2 where there is something unknown, with the option that is alike."""
        found, unknown = super().parse_known_args(args, namespace)
        if not unknown:
            return found, unknown
        from difflib import get_close_matches

        options = [name for action in self._actions for name in action.option_strings]
        alike = get_close_matches(unknown[0].partition("=")[0], options, n=1)
        meant = f" (did you mean {alike[0]}?)" if alike else ""
        self.error(f"unrecognized arguments: {' '.join(unknown)}{meant}")


def add_metric_options(parser: argparse.ArgumentParser) -> None:
    """Add all options of a metric, in groups: what most users need comes first."""
    group = parser.add_argument_group("model and machine")
    group.add_argument(
        "--model", default="mini", help="mini (bundled); an official checkpoint's name; a folder; "
        "or a .ckpt file (see: alignscore info)",
    )  # fmt: skip
    group.add_argument(
        "--device", help="cpu, cuda, cuda:1, mps; score: cuda:0,cuda:1 for both; "
        "default: the best one here",
    )  # fmt: skip
    add_options(group, DEVICE_OPTIONS)
    group.add_argument("-q", "--quiet", action="store_true", help="no progress bar, no timing")
    add_options(parser.add_argument_group("what a score is"), SCORING_OPTIONS)
    add_options(parser.add_argument_group("checkpoints from elsewhere"), CHECKPOINT_OPTIONS)


def add_checkpoint_options(parser: argparse._ActionsContainer) -> None:
    """Add those that say which checkpoint is loaded, and what of it is kept."""
    add_options(parser, CHECKPOINT_OPTIONS)


def add_saved_metric_options(parser: argparse.ArgumentParser) -> None:
    """Add those of a command that saves a checkpoint, whose own way to score it keeps."""
    group = parser.add_argument_group("metric")
    group.add_argument("--model", default="mini", help="see: alignscore score --help")
    group.add_argument("--device", help="default: the best one here")
    add_options(group, (*CHECKPOINT_OPTIONS, *DEVICE_OPTIONS))
    group.add_argument("-q", "--quiet", action="store_true", help="no progress bar")
    parser.set_defaults(**{option.name: None for option in SCORING_OPTIONS})


def add_options(parser: argparse._ActionsContainer, options: Iterable[Option]) -> None:
    """Add options, each as `--its-name`."""
    for option in options:
        flag = f"--{option.name.replace('_', '-')}"
        if option.type is bool:
            parser.add_argument(flag, action="store_true", help=option.about)
            continue
        parser.add_argument(
            flag,
            type=option.type,
            default=option.default,
            metavar=option.metavar,
            help=option.about,
        )


def add_spans(parser: argparse._ActionsContainer) -> None:
    """Add the option that asks for unsupported words."""
    parser.add_argument(
        "--spans", nargs="?", const="head", choices=("head", "occlusion"), default=False,
        help="mark the words that the source does not support: by the model's head for them, or "
        "for a model without one by occlusion (up to 16 more pairs a sentence that is not "
        "supported)",
    )  # fmt: skip


def add_text_columns(parser: argparse._ActionsContainer) -> None:
    """Add the options that name the columns of sources and summaries."""
    parser.add_argument("--source-column", metavar="NAME", help="default: source, document, ...")
    parser.add_argument("--summary-column", metavar="NAME", help="default: summary, claim, ...")


def metric_options(args: argparse.Namespace) -> dict[str, Any]:
    """What `AlignScore` is made of, but for its device and its bars."""
    return {"model": args.model} | {option.name: getattr(args, option.name) for option in OPTIONS}


def checkpoint_options(args: argparse.Namespace) -> dict[str, Any]:
    """Which checkpoint is loaded, but for its name, and what of it is kept."""
    return {option.name: getattr(args, option.name) for option in CHECKPOINT_OPTIONS}


@contextmanager
def saving(place: Path) -> Iterator[None]:
    """Errors of writing weights (a full disk) as ours, which name the place they will have."""
    from safetensors import SafetensorError

    try:
        yield
    except SafetensorError as cause:
        raise InputError(f"cannot write {place}: {cause}") from cause


def metric_of(args: argparse.Namespace) -> AlignScore:
    """The metric that a command's options ask for."""
    from alignscore_metric.metric import AlignScore

    bar = False if args.quiet else None
    return AlignScore(**metric_options(args), device=args.device, progress=bar)
