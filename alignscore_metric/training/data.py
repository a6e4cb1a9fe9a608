"""Alignment examples: reading them from JSON-lines, encoding them, batching them by length.

Knows nothing of models or losses.
"""

from __future__ import annotations

import gzip
import json
import random
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from transformers import PreTrainedTokenizerBase

from alignscore_metric.encoding import PairTemplate, pad, tokenize, truncate
from alignscore_metric.errors import InputError
from alignscore_metric.profile import CLASSES, Head

IGNORED = -100
"""Label of a head that an example says nothing about (torch's own convention)."""


@dataclass(frozen=True)
class AlignmentExample:
    """One training pair.

    Attributes:
        dataset: Where it comes from; reported with the metrics.
        text_a: The context.
        text_b: The claim.
        head: The head that its label is for.
        label: A class index for `bin` and `tri`, a number in [0, 1] for `reg`.
    """

    dataset: str
    text_a: str
    text_b: str
    head: Head
    label: float


def open_text(path: Path) -> Iterator[str]:
    """Lines of a text file, gzipped or not."""
    opener = gzip.open if path.suffix == ".gz" else open
    with opener(path, "rt", encoding="utf-8") as lines:
        yield from lines


def read_examples(path: Path, name: str) -> list[AlignmentExample]:
    """Read an alignment file.

    Args:
        path: JSON-lines, gzipped or not: `text_a`, `text_b`, `label_type` (bin | tri | reg) and
            `label`; other fields are passed over.
        name: The dataset's name.

    Raises:
        InputError: The file is missing or empty, or a line is broken; names the line.
    """
    if not path.is_file():
        raise InputError(f"no training file {path}; check `data` in the recipe")
    examples = []
    try:
        lines = list(open_text(path))
    except (OSError, EOFError, UnicodeDecodeError, zlib.error) as cause:
        raise InputError(f"cannot read {path}: {cause}") from cause
    for number, line in enumerate(lines, start=1):
        try:
            examples.append(_example(json.loads(line), name))
        except (ValueError, KeyError, TypeError) as cause:
            raise InputError(f"{path}, line {number}: {cause!r}") from cause
    if not examples:
        raise InputError(f"{path} holds no example")
    return examples


def _example(row: dict[str, Any], name: str) -> AlignmentExample:
    """One row, checked."""
    head, label = row["label_type"], float(row["label"])
    if head not in CLASSES:
        raise ValueError(f"label_type is {head!r}; known: {', '.join(CLASSES)}")
    if not (0 <= label <= 1 if head == "reg" else label in range(CLASSES[head])):
        raise ValueError(f"label {label:g} does not exist for label_type {head!r}")
    if not isinstance(row["text_a"], str) or not isinstance(row["text_b"], str):
        raise TypeError("text_a and text_b must be texts")
    return AlignmentExample(name, row["text_a"], row["text_b"], head, label)


def sample(
    examples: Sequence[AlignmentExample], limit: int | None, rng: random.Random
) -> list[AlignmentExample]:
    """At most `limit` of the examples, drawn at random without replacement."""
    if limit is None or limit >= len(examples):
        return list(examples)
    return rng.sample(list(examples), limit)


@dataclass(frozen=True)
class EncodedExamples:
    """Token ids and labels of N examples.

    Attributes:
        pairs: For each example the claim's and the context's ids, already truncated.
        template: How the two are joined.
        labels: Per head, shape [N]; IGNORED where the example has none.
        datasets: Name of each example's dataset.
    """

    pairs: list[tuple[list[int], list[int]]]
    template: PairTemplate
    labels: dict[str, npt.NDArray[Any]]
    datasets: list[str]

    def __len__(self) -> int:
        """Number of examples."""
        return len(self.pairs)

    def lengths(self) -> npt.NDArray[np.int64]:
        """Tokens of each pair, special tokens included, shape [N]."""
        return np.array([len(a) + len(b) + self.template.extra for a, b in self.pairs])

    def batch(self, rows: Sequence[int]) -> tuple[dict[str, torch.Tensor], dict[str, torch.Tensor]]:
        """Model inputs and labels of some rows, padded to the longest of them."""
        joined = [self.template.join(*self.pairs[row]) for row in rows]
        inputs = {k: torch.from_numpy(v) for k, v in pad(joined, self.template).items()}
        labels = {head: torch.from_numpy(values[rows]) for head, values in self.labels.items()}
        return inputs, labels


def encode_examples(
    examples: Sequence[AlignmentExample],
    tokenizer: PreTrainedTokenizerBase,
    *,
    max_length: int,
    bin_from_tri: bool = False,
) -> EncodedExamples:
    """Tokenise every distinct text once and pair the ids.

    Args:
        examples: The pairs.
        tokenizer: A fast tokenizer.
        max_length: Tokens a pair may have; the context is cut first.
        bin_from_tri: Give 3-way examples a `bin` label too (1 = entailed), so that the binary
            head learns from inference data as well.
    """
    texts = list(dict.fromkeys(t for e in examples for t in (e.text_a, e.text_b)))
    ids = dict(zip(texts, tokenize(texts, tokenizer, progress=False), strict=True))
    template = PairTemplate.of(tokenizer)
    budget = max_length - template.extra
    pairs = [truncate(ids[e.text_a], ids[e.text_b], budget) for e in examples]
    labels: dict[str, npt.NDArray[Any]] = {
        "bin": np.array([_bin_label(e, bin_from_tri) for e in examples], dtype=np.int64),
        "tri": np.array([_label(e, "tri") for e in examples], dtype=np.int64),
        "reg": np.array([_label(e, "reg") for e in examples], dtype=np.float32),
    }
    return EncodedExamples(pairs, template, labels, [e.dataset for e in examples])


def _label(example: AlignmentExample, head: str) -> float:
    return example.label if example.head == head else IGNORED


def _bin_label(example: AlignmentExample, bin_from_tri: bool) -> float:
    if bin_from_tri and example.head == "tri":
        return float(example.label == 0)
    return _label(example, "bin")


def length_batches(
    lengths: npt.NDArray[np.int64], *, batch_tokens: int, rng: np.random.Generator, pool: int = 4096
) -> list[list[int]]:
    """Shuffled batches of examples of about the same length.

    Args:
        lengths: Tokens of each example, shape [N].
        batch_tokens: Padded tokens that a batch may have (one example may exceed it alone).
        rng: Draws the order.
        pool: Examples sorted together; larger pads less and mixes less.

    Returns:
        Row numbers of each batch; every row once.
    """
    order = rng.permutation(len(lengths))
    batches: list[list[int]] = []
    for start in range(0, len(order), pool):
        rows = order[start : start + pool]
        batch: list[int] = []
        for row in rows[np.argsort(lengths[rows], kind="stable")]:
            if batch and (len(batch) + 1) * lengths[row] > batch_tokens:
                batches.append(batch)
                batch = []
            batch.append(int(row))
        batches.append(batch)
    return [batches[i] for i in rng.permutation(len(batches))]
