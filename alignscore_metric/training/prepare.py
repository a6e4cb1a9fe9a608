"""The data of a recipe: read, made, sampled, cleaned, encoded; kept in a folder where asked.

Knows nothing of models: what it gives depends on the recipe, the data folder and the tokenizer.
"""

from __future__ import annotations

import hashlib
import json
import os
import random
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass, replace
from functools import partial
from multiprocessing import get_context
from pathlib import Path

from transformers import PreTrainedTokenizerBase

from alignscore_metric.engine.encoding import PairTemplate
from alignscore_metric.errors import ConfigurationError, InputError
from alignscore_metric.training.card import TrainingSet
from alignscore_metric.training.data import (
    AlignmentExample,
    EncodedExamples,
    encode_examples,
    load_encoded,
    read_examples,
    sample,
    save_encoded,
)
from alignscore_metric.training.mixture import deduplicate, drop_overlaps, limits, read_protected
from alignscore_metric.training.recipe import DataSource, Recipe, SyntheticSource
from alignscore_metric.training.synthetic.changes import changed_words
from alignscore_metric.training.synthetic.plain import plain_pairs
from alignscore_metric.training.written import Passages, data_file

DATA_KEYS = (
    "data",
    "synthetic",
    "synthetic_words",
    "plain_claims",
    "dev",
    "cap",
    "total",
    "temperature",
    "deduplicate",
    "protected",
    "bin_from_tri",
    "reg_from_classes",
    "seed",
)
"""The parts of a recipe that its data depend on, besides the profile's length."""

WORTH_PROCESSES = 20_000
"""Synthetic pairs from which it pays to start a process for each file."""

PLAIN = "plain claims"
"""Name of the set of `Recipe.plain_claims`."""

TRAIN, DEV = "train.safetensors", "dev.safetensors"


@dataclass(frozen=True)
class Prepared:
    """What a recipe trains on and is measured on.

    Attributes:
        train: The training examples.
        dev: Those of each dev set.
        sets: How many of each set, under which licence, and what was left out.
    """

    train: EncodedExamples
    dev: dict[str, EncodedExamples]
    sets: tuple[TrainingSet, ...]


def prepare(
    recipe: Recipe,
    data_dir: Path,
    tokenizer: PreTrainedTokenizerBase,
    *,
    mark_claim: bool = False,
    folder: Path | None = None,
) -> Prepared:
    """Read, make and encode the data of a recipe.

    Args:
        recipe: What to read, and how much.
        data_dir: Folder of the recipe's files.
        tokenizer: Of the model to be trained.
        mark_claim: Whether it `reads_claim`; see `PairTemplate.of`.
        folder: Where to keep the result; where it holds that of the same recipe and tokenizer
            already, nothing is read or made again.

    Raises:
        InputError: A file is missing, empty or broken; nothing is left to train on.
        ConfigurationError: `folder` holds the data of another recipe or tokenizer.
    """
    template = PairTemplate.of(tokenizer, mark_claim=mark_claim)
    key = _key(recipe, tokenizer, template)
    if folder is not None and (folder / TRAIN).is_file():
        return _load(folder, key)
    dev = {source.name: _read(source, data_dir, recipe) for source in recipe.dev}
    examples, sets = gather(recipe, data_dir)
    encode = partial(
        encode_examples,
        tokenizer=tokenizer,
        max_length=recipe.profile.max_length,
        mark_claim=mark_claim,
    )
    prepared = Prepared(
        train=encode(
            examples,
            bin_from_tri=recipe.bin_from_tri,
            reg_from_classes=recipe.reg_from_classes,
        ),
        dev={name: encode(rows) for name, rows in dev.items()},
        sets=sets,
    )
    if folder is not None:
        _save(prepared, folder, key)
    return prepared


def _key(recipe: Recipe, tokenizer: PreTrainedTokenizerBase, template: PairTemplate) -> str:
    parts = [repr(getattr(recipe, key)) for key in DATA_KEYS]
    parts += [repr(template), str(recipe.profile.max_length), tokenizer.backend_tokenizer.to_str()]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def _save(prepared: Prepared, folder: Path, key: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, rows in prepared.dev.items():
        save_encoded(rows, folder / f"{name}.{DEV}")
    notes = {"key": key, "dev": list(prepared.dev), "sets": [asdict(s) for s in prepared.sets]}
    save_encoded(prepared.train, folder / TRAIN, notes=json.dumps(notes))


def _load(folder: Path, key: str) -> Prepared:
    train, text = load_encoded(folder / TRAIN)
    notes = json.loads(text)
    if notes["key"] != key:
        raise ConfigurationError(
            f"{folder} holds the data of another recipe or tokenizer; give another folder"
        )
    dev = {name: load_encoded(folder / f"{name}.{DEV}")[0] for name in notes["dev"]}
    return Prepared(train, dev, tuple(TrainingSet(**found) for found in notes["sets"]))


def gather(
    recipe: Recipe, data_dir: Path
) -> tuple[list[AlignmentExample], tuple[TrainingSet, ...]]:
    """All training examples of a recipe, and the account of them.

    What repeats, contradicts itself or overlaps the protected texts is left out first; then each
    set gives its share; then synthetic pairs are made from documents that are left.
    """
    protected = _protected(recipe, data_dir)
    read = {source.name: _read_all(source, data_dir, recipe) for source in recipe.data}
    if len(read) < len(recipe.data):
        raise ConfigurationError("the recipe names a set of `data` twice")
    examples = [example for rows in read.values() for example in rows]
    left_out: dict[str, Counter[str]] = {"repeated": Counter(), "overlapping": Counter()}
    if recipe.deduplicate:
        examples, repeats = deduplicate(examples)
        left_out["repeated"] = repeats.repeated + repeats.contradictory
    if protected:
        before = Counter(example.dataset for example in examples)
        examples, _ = drop_overlaps(examples, protected)
        left_out["overlapping"] = before - Counter(example.dataset for example in examples)
    examples = _share(examples, recipe)
    examples += _synthesised(recipe, data_dir, protected)
    examples += plain_pairs(recipe.plain_claims, name=PLAIN, rng=random.Random(recipe.seed))
    if not examples:
        raise InputError("no training example is left; see `protected` and `deduplicate`")
    return examples, _account(examples, recipe, left_out)


def _protected(recipe: Recipe, data_dir: Path) -> list[str]:
    return [] if recipe.protected is None else read_protected(data_dir / recipe.protected)


def _read_all(source: DataSource, data_dir: Path, recipe: Recipe) -> list[AlignmentExample]:
    """All rows of a set, augmented where asked."""
    rng = random.Random(f"{recipe.seed}{source.name}")
    if source.file is not None:
        file = data_file(source.file, data_dir)
        rows = read_examples(file, source.name, Passages(data_dir).text)
    else:
        from alignscore_metric.training.catalogue import load_examples

        local = data_dir / source.name
        rows = load_examples(source.name, folder=local if local.is_dir() else None, rng=rng)
    if source.augment:
        from alignscore_metric.training.casts import augment

        rows = augment(rows, rng)
    return [_with_spans(row) for row in rows] if source.spans else rows


def _with_spans(row: AlignmentExample) -> AlignmentExample:
    """The example with what is unsupported in its claim, where its texts are nearly the same."""
    if row.label == (1 if row.head == "bin" else 0):
        return replace(row, spans=())
    return replace(row, spans=changed_words(row.text_b, row.text_a, least=0.7))


def _read(source: DataSource, data_dir: Path, recipe: Recipe) -> list[AlignmentExample]:
    rng = random.Random(recipe.seed)
    return sample(_read_all(source, data_dir, recipe), source.limit, rng)


def _share(examples: Sequence[AlignmentExample], recipe: Recipe) -> list[AlignmentExample]:
    """Each set's share of the mixture, drawn at random."""
    by_set: dict[str, list[AlignmentExample]] = {source.name: [] for source in recipe.data}
    for example in examples:
        by_set[example.dataset].append(example)
    own = {source.name: source.limit for source in recipe.data}
    sizes = {
        name: len(rows) if own[name] is None else min(len(rows), int(own[name] or 0))
        for name, rows in by_set.items()
    }
    shares = limits(sizes, cap=recipe.cap, total=recipe.total, temperature=recipe.temperature)
    return [
        example
        for name, rows in by_set.items()
        for example in sample(rows, shares[name], random.Random(recipe.seed))
    ]


def _synthesised(
    recipe: Recipe, data_dir: Path, protected: Sequence[str]
) -> list[AlignmentExample]:
    """Pairs made from the documents of files, but for those that overlap the protected texts."""
    rows = [r for s in recipe.synthetic for r in read_examples(data_file(s.file, data_dir), s.name)]
    if protected:
        rows, _ = drop_overlaps(rows, protected)
    by_set: dict[str, list[AlignmentExample]] = {source.name: [] for source in recipe.synthetic}
    for row in rows:
        by_set[row.dataset].append(row)
    calls = [(source, recipe, by_set[source.name]) for source in recipe.synthetic]
    processes = min(len(calls), os.cpu_count() or 1)
    if processes < 2 or sum(source.pairs for source in recipe.synthetic) < WORTH_PROCESSES:
        return [example for call in calls for example in _synthesise(*call)]
    with ProcessPoolExecutor(processes, mp_context=get_context("spawn")) as pool:
        made = [pool.submit(_synthesise, *call) for call in calls]
        return [example for found in made for example in found.result()]


def _synthesise(
    source: SyntheticSource, recipe: Recipe, rows: Sequence[AlignmentExample]
) -> list[AlignmentExample]:
    """Pairs made from the documents of one file."""
    from alignscore_metric.training.synthetic import synthesise

    summaries = dict.fromkeys(row.text_a for row in rows) | {
        row.text_a: row.text_b for row in rows if row.head == "bin" and row.label == 1
    }
    return synthesise(
        list(summaries),
        summaries=list(summaries.values()) if source.summaries else None,
        name=source.name,
        pairs=source.pairs,
        words=recipe.synthetic_words,
        rng=random.Random(f"{recipe.seed}{source.name}"),
    )


def _account(
    examples: Sequence[AlignmentExample], recipe: Recipe, left_out: dict[str, Counter[str]]
) -> tuple[TrainingSet, ...]:
    counts = Counter(example.dataset for example in examples)
    sources: list[DataSource | SyntheticSource] = [*recipe.data, *recipe.synthetic]
    sets = tuple(
        TrainingSet(
            name=source.name,
            pairs=counts[source.name],
            licence=source.licence,
            repeated=left_out["repeated"][source.name],
            overlapping=left_out["overlapping"][source.name],
        )
        for source in sources
    )
    if not recipe.plain_claims:
        return sets
    made = TrainingSet(
        name=PLAIN, pairs=counts[PLAIN], licence="made by rules", repeated=0, overlapping=0
    )
    return (*sets, made)
