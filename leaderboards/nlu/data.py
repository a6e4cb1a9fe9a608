"""The rows of NLU tasks: from alignment files, from evaluation sets, from `datasets` by name.

Gives texts with labels, and tells which rows belong to one question. Knows nothing of models.
"""

from __future__ import annotations

import hashlib
import json
import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from pathlib import Path

import numpy as np

from alignscore_metric.arrays import Ints
from alignscore_metric.errors import InputError, MissingResourceError
from alignscore_metric.leaderboards.nlu.tasks import NluTask
from alignscore_metric.training.data import AlignmentExample, read_examples

DATA_ENDINGS = (".dev.jsonl", ".dev.jsonl.gz")


@dataclass(frozen=True, eq=False)
class TaskData:
    """The rows of one task.

    Attributes:
        task: Which.
        examples: Contexts, claims, labels of one head.
        questions: Which question each answers, from 0 without gaps; -1 for none. Shape [N].
        available: Rows that there are; more than `examples` where contexts were drawn.
        origin: What was read: a file's name, or words.
    """

    task: NluTask
    examples: Sequence[AlignmentExample]
    questions: Ints
    available: int
    origin: str

    @property
    def contexts(self) -> Ints:
        """Number of each row's context, shape [N]."""
        texts = [one.text_a for one in self.examples]
        number = {text: place for place, text in enumerate(dict.fromkeys(texts))}
        return np.array([number[text] for text in texts])

    @property
    def hash(self) -> str:
        """First 12 hexadecimal digits of a sha256 over texts and labels, in order."""
        found = hashlib.sha256()
        for one in self.examples:
            row = [one.text_a, one.text_b, one.head, float(one.label)]
            found.update(json.dumps(row).encode())
        return found.hexdigest()[:12]


def load_task(
    task: NluTask, roots: Sequence[Path], *, limit: int | None = None, by_name: bool = False
) -> TaskData:
    """Read the rows of a task.

    Args:
        task: The task.
        roots: Data folders. An evaluation set is looked for as its card says; another task as
            `NAME.dev.jsonl` or `NAME.dev.jsonl.gz`, then as a folder NAME of its validation split
            as `save_to_disk` of `datasets` writes it.
        limit: Contexts are drawn at random, with all their rows, until there are so many rows; all
            where None.
        by_name: Read what no folder has from the Hub or its cache.

    Raises:
        MissingResourceError: The rows are not here, or cannot be had.
        InputError: A file is damaged, or has labels of several heads.
    """
    examples, origin = _read(task, roots, by_name)
    if not examples:
        raise InputError(f"{task.name}: {origin} has no labelled row")
    heads = sorted({one.head for one in examples})
    if len(heads) > 1:
        raise InputError(f"{task.name}: {origin} has labels for {', '.join(heads)}; give one kind")
    if task.options and heads != ["bin"]:
        raise InputError(f"{task.name}: options are right or not: label_type bin, not {heads[0]}")
    rng = np.random.default_rng(list(task.name.encode()))
    chosen = _drawn(examples, limit, rng)
    questions = questions_of(chosen, task.options)
    if task.options and questions.max() < 0:
        raise InputError(
            f"{task.name}: no context of {origin} has {task.options} options a question, one of "
            "them right, in order"
        )
    return TaskData(task, chosen, questions, len(examples), origin)


def _read(
    task: NluTask, roots: Sequence[Path], by_name: bool
) -> tuple[list[AlignmentExample], str]:
    """All labelled rows of a task, and where they come from."""
    if task.evaluation is not None:
        return _evaluation_rows(task, task.evaluation, roots)
    for root in roots:
        for file in (root / f"{task.name}{ending}" for ending in DATA_ENDINGS):
            if file.is_file():
                return read_examples(file, task.name), file.name
    folders = [root / task.name for root in roots if (root / task.name).is_dir()]
    if not task.splits or not (folders or by_name):
        hub = f", or name it to read it from the Hub: --task {task.name}" if task.splits else ""
        raise MissingResourceError(
            f"{task.name}: no {task.name}{DATA_ENDINGS[0]} in {', '.join(map(str, roots))}{hub}"
        )
    from alignscore_metric.training.catalogue import entry_of, load_examples

    first = entry_of(task.name).parts[0]
    parts = tuple(replace(first, split=split) for split in task.splits)
    folder = folders[0] if folders else None
    rng = random.Random(0)  # noqa: S311  # draws wrong answers
    rows = load_examples(task.name, folder=folder, parts=parts, rng=rng)
    return rows, f"{first.hub} ({', '.join(task.splits)})"


def _evaluation_rows(
    task: NluTask, split: str, roots: Sequence[Path]
) -> tuple[list[AlignmentExample], str]:
    from alignscore_metric.leaderboards.datasets import load

    found = load(task.name, split, roots=roots)
    frame = found.frame.dropna(subset=["source", "summary", "label"])
    rows = [
        AlignmentExample(task.name, source, summary, "bin", label)
        for source, summary, label in zip(
            frame["source"], frame["summary"], frame["label"], strict=True
        )
    ]
    return rows, f"{', '.join(found.files)} ({split})"


def _drawn(
    examples: list[AlignmentExample], limit: int | None, rng: np.random.Generator
) -> list[AlignmentExample]:
    """The rows of contexts drawn at random until there are `limit`, in their old order."""
    if limit is None or limit >= len(examples):
        return examples
    sizes = Counter(one.text_a for one in examples)
    contexts = list(sizes)
    order = rng.permutation(len(contexts)).tolist()
    before = np.cumsum([0, *(sizes[contexts[place]] for place in order)])
    chosen = {contexts[place] for place, rows in zip(order, before, strict=False) if rows < limit}
    return [one for one in examples if one.text_a in chosen]


def questions_of(examples: Sequence[AlignmentExample], options: int | None) -> Ints:
    """Which question each row answers.

    The alignment format does not say: rows of one question follow each other. The rows of a
    context are taken by as many as a question has options; where that does not give one right
    answer to each (a row was left out, or occurs twice), none of the context's rows is used.

    Args:
        examples: N binary rows, in the order of their dataset.
        options: Of each question; None where rows are no options.

    Returns:
        Numbers from 0 without gaps, -1 for rows of no question; shape [N].

    Example:
        >>> labels = [0, 1, 1, 0, 1, 0, 0]
        >>> rows = [AlignmentExample("d", "ab"[i > 3], "x", "bin", y) for i, y in enumerate(labels)]
        >>> questions_of(rows, 2).tolist()
        [0, 0, 1, 1, -1, -1, -1]
    """
    found, number = np.full(len(examples), -1), 0
    if options is None:
        return found
    start = 0
    for _, same in groupby(examples, key=lambda one: one.text_a):
        right = np.array([one.label for one in same]) == 1
        if len(right) % options == 0 and (right.reshape(-1, options).sum(axis=1) == 1).all():
            count = len(right) // options
            found[start : start + len(right)] = number + np.repeat(np.arange(count), options)
            number += count
        start += len(right)
    return found
