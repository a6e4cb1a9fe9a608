"""The commands `train`, `synthesise` and `probe`: parse, call, print. Imports nothing heavy."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from alignscore_metric.commands.options import Commands
from alignscore_metric.system.whole_files import refuse_input_as_output

if TYPE_CHECKING:
    from alignscore_metric.files.tables import Table

RECIPES = Path(__file__).parents[1] / "training" / "recipes"


def add_training(commands: Commands) -> None:
    """Add the commands to the command line's grammar."""
    _add_train(commands)
    _add_synthesise(commands)
    _add_probe(commands)


def _add_train(commands: Commands) -> None:
    train = commands.add_parser(
        "train",
        help="train an aligner from a recipe",
        description="Train an aligner as a YAML recipe says, and write a folder that AlignScore "
        f"loads. The recipes that come with the package are files in {RECIPES}, to copy and to "
        "change; docs/training.md says what each key does. After a kill, the same command goes on "
        "where it was. For several GPUs: accelerate launch -m alignscore_metric train ...",
        epilog="Example: alignscore train own-data --data DIR --output my-aligner",
    )
    shipped = ", ".join(sorted(file.stem for file in RECIPES.glob("*.yaml")))
    train.add_argument(
        "recipe", help=f"YAML file, or the name of a recipe of the package: {shipped}"
    )
    train.add_argument("--data", type=Path, required=True, help="folder of the recipe's files")
    train.add_argument("--output", type=Path, required=True, help="folder for the aligner")
    train.add_argument("--encoder", help="start from this instead of the recipe's encoder")
    train.add_argument("--seed", type=int, help="instead of the recipe's seed")
    train.add_argument(
        "--prepared", type=Path, metavar="DIR", help="folder that keeps the encoded data: made "
        "where it is not there yet, else read instead of the recipe's files",
    )  # fmt: skip
    train.set_defaults(run=_train)


def _add_synthesise(commands: Commands) -> None:
    synthesise = commands.add_parser(
        "synthesise",
        help="make training pairs from documents",
        description="Make pairs of a passage and a claim that it supports or not: sentences as "
        "they are, shortened and reworded, and sentences with one fact changed, each labelled "
        "with the kind of change.",
        epilog="Example: alignscore synthesise articles.jsonl -o pairs.jsonl --pairs 10000 --leaks",
    )
    synthesise.add_argument("input", help=".jsonl, .csv or .parquet file of documents")
    synthesise.add_argument("-o", "--output", type=Path, required=True, help="jsonl file to write")
    synthesise.add_argument("--pairs", type=int, default=10_000, help="to make (10000)")
    synthesise.add_argument(
        "--words", type=int, nargs=2, default=(40, 350), metavar=("LEAST", "MOST"),
        help="words of a passage (40 350)",
    )  # fmt: skip
    synthesise.add_argument("--source-column", metavar="NAME", help="default: source, document ...")
    synthesise.add_argument(
        "--summary-column", metavar="NAME", help="column of true summaries, to make claims of too"
    )
    synthesise.add_argument("--seed", type=int, default=0)
    synthesise.add_argument(
        "--leaks", action="store_true", help="then show how much of the labels a classifier tells "
        "from claims alone (0.5 is nothing)",
    )  # fmt: skip
    synthesise.set_defaults(run=_synthesise)


def _add_probe(commands: Commands) -> None:
    probe = commands.add_parser(
        "probe",
        help="compare regularisers: does fine-tuning collapse the encoder?",
        description="Run the probes of representational collapse (Aghajanyan et al. 2021): a "
        "linear probe on the frozen encoder, tasks one after the other, tasks in cycles. Writes "
        "probes.json, probes.txt and probes.png; goes on where it was after a kill.",
        epilog="Example: alignscore probe plan.yaml --data DIR --output probes",
    )
    probe.add_argument("plan", type=Path, help="YAML file: recipe keys, tasks, regularisers, seeds")
    probe.add_argument("--data", type=Path, required=True, help="folder of the tasks' files")
    probe.add_argument("--output", type=Path, required=True, help="folder for the results")
    probe.set_defaults(run=_probe)


def _train(args: argparse.Namespace) -> int:
    from dataclasses import replace

    from alignscore_metric.training.recipe import read_recipe, recipe_file
    from alignscore_metric.training.run import train
    from alignscore_metric.training.trainer import is_main_process

    recipe = read_recipe(recipe_file(args.recipe))
    given = {"encoder": args.encoder, "seed": args.seed}
    recipe = replace(recipe, **{key: value for key, value in given.items() if value is not None})
    found = train(recipe, data_dir=args.data, output=args.output, prepared=args.prepared)
    if not is_main_process():
        return 0
    for name, values in found.items():
        figures = ", ".join(f"{key} {value:.4g}" for key, value in values.items())
        sys.stdout.write(f"{name}: {figures}\n")
    sys.stdout.write(f"saved to {args.output}\n")
    return 0


def _synthesise(args: argparse.Namespace) -> int:
    import random

    from alignscore_metric.errors import ConfigurationError, InputError
    from alignscore_metric.files.tables import SOURCE_NAMES, SUMMARY_NAMES, read_table
    from alignscore_metric.training.data import write_examples
    from alignscore_metric.training.leakage import leak_table, leaks
    from alignscore_metric.training.synthetic import synthesise

    least, most = args.words
    if args.pairs < 1 or not 1 <= least <= most:
        raise ConfigurationError("give --pairs >= 1, and --words with 1 <= LEAST <= MOST")
    refuse_input_as_output(args.output, [args.input])
    table = read_table(args.input)
    summaries = None
    if args.summary_column is not None:
        summaries = _texts(table, table.column(args.summary_column, SUMMARY_NAMES, role="summary"))
    examples = synthesise(
        _texts(table, table.column(args.source_column, SOURCE_NAMES, role="source")),
        summaries=summaries,
        name=Path(args.input).stem,
        pairs=args.pairs,
        words=(least, most),
        rng=random.Random(args.seed),
    )
    if not examples:
        raise InputError(f"{args.input}: no document has three sentences and a fact to change")
    try:
        write_examples(examples, args.output)
    except OSError as cause:
        raise InputError(f"cannot write {args.output}: {cause.strerror or cause}") from cause
    sys.stdout.write(f"{len(examples)} pairs written to {args.output}\n")
    if args.leaks:
        sys.stdout.write(leak_table(leaks(examples)))
    return 0


def _texts(table: Table, column: str) -> list[str]:
    """The texts of a column; a list of passages is one text, and no value an empty one."""
    from alignscore_metric.errors import InputError

    texts = []
    for number, row in enumerate(table.rows):
        value = row.get(column) or ""
        passages = value if isinstance(value, list) else [value]
        if not all(isinstance(passage, str) for passage in passages):
            raise InputError(f"{table.where(number)}: {column!r} is no text: {value!r}")
        texts.append("\n\n".join(passages))
    return texts


def _probe(args: argparse.Namespace) -> int:
    from alignscore_metric.training.probe_results import plot_probes, table
    from alignscore_metric.training.probes import read_plan, run_probes

    plan = read_plan(args.plan)
    args.output.mkdir(parents=True, exist_ok=True)
    rows = run_probes(plan, args.data, results=args.output / "probes.json")
    text = table(rows)
    (args.output / "probes.txt").write_text(text, encoding="utf-8")
    plot_probes(rows, args.output / "probes.png")
    sys.stdout.write(text)
    return 0
