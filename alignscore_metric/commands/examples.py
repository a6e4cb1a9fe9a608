"""The command `alignscore examples`: the documents to try everything on, wherever one installed it.

Imports nothing heavy.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from alignscore_metric.commands.options import OK, Commands
from alignscore_metric.system.whole_files import write_text

EXAMPLES = Path(__file__).parents[1] / "data" / "examples.jsonl"


def add_examples(commands: Commands) -> None:
    """Add `examples` to the grammar of `alignscore`."""
    examples = commands.add_parser(
        "examples",
        help="documents with faithful and unfaithful summaries, to try things on",
        description="Write the examples that come with the package: short documents with "
        "summaries, faithful and not, a JSON object a line with id, source, summary, faithful and "
        "errors.",
        epilog="Example: alignscore examples -o examples.jsonl",
    )
    examples.add_argument("-o", "--output", type=Path, metavar="FILE", help="default: stdout")
    examples.set_defaults(run=_examples)


def _examples(args: argparse.Namespace) -> int:
    write_text(args.output, EXAMPLES.read_text(encoding="utf-8"))
    return OK
