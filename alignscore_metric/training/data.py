"""Alignment examples: reading them from JSON-lines, encoding them, batching them by length.

Knows nothing of models or losses.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import random
import zlib
from array import array
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor
from transformers import PreTrainedTokenizerBase

from alignscore_metric.checkpoint.profile import CLASSES, Head
from alignscore_metric.engine.encoding import PairTemplate, kept_lengths, token_places, tokenize
from alignscore_metric.errors import InputError
from alignscore_metric.system.whole_files import whole_path

T = TypeVar("T")

_NO_NUMBER = (OverflowError, RecursionError)
"""What JSON can hold and no float, and no stack."""

IGNORED = -100
"""Label of a head that an example says nothing about (torch's own convention)."""

ENCODED_AT_ONCE = 16384
"""Texts whose ids are held as Python lists at a time."""


@dataclass(frozen=True)
class AlignmentExample:
    """One training pair.

    Attributes:
        dataset: Where it comes from; reported with the metrics.
        text_a: The context.
        text_b: The claim.
        head: The head that its label is for.
        label: A class index for `bin` and `tri`, a number in [0, 1] for `reg`.
        kind: How a synthetic pair was made; empty for others.
        spans: Where the claim says what the context does not: (start, end) of characters; none of
            a supported claim. None where it is not known.
    """

    dataset: str
    text_a: str
    text_b: str
    head: Head
    label: float
    kind: str = ""
    spans: tuple[tuple[int, int], ...] | None = None


def open_text(path: Path) -> Iterator[str]:
    """Lines of a text file, gzipped or not, with or without a byte-order mark."""
    opener = gzip.open if path.suffix == ".gz" else open
    with opener(path, "rt", encoding="utf-8-sig") as lines:
        yield from lines


def read_rows(path: Path, build: Callable[[Any], T]) -> list[T]:
    """What `build` makes of each line of a JSON-lines file, gzipped or not; blank ones are skipped.

    Raises:
        InputError: The file cannot be read, or `build` refuses a line; names the line.
    """
    try:
        lines = list(open_text(path))
    except (OSError, EOFError, UnicodeDecodeError, zlib.error) as cause:
        raise InputError(f"cannot read {path}: {cause}") from cause
    built = []
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            built.append(build(json.loads(line)))
        except (LookupError, ValueError, TypeError, AttributeError, *_NO_NUMBER) as cause:
            raise InputError(f"{path}, line {number}: {cause!r}") from cause
    return built


def read_examples(
    path: Path, name: str, passage: Callable[[Any], str] | None = None
) -> list[AlignmentExample]:
    """Read an alignment file.

    Args:
        path: JSON-lines, gzipped or not: `text_a`, `text_b`, `label_type` (bin | tri | reg) and
            `label`; or `document` and `summary`; other fields are passed over.
        name: The dataset's name.
        passage: What finds the context of a row that has its place, `passage`, in its stead.

    Raises:
        InputError: The file is missing or empty, or a line is broken; names the line.
    """
    if not path.is_file():
        raise InputError(f"no training file {path}; check `data` in the recipe")
    examples = read_rows(path, lambda row: _example(_whole(row, passage), name))
    if not examples:
        raise InputError(f"{path} holds no example")
    return examples


def write_examples(examples: Sequence[AlignmentExample], path: Path) -> None:
    """Write an alignment file that `read_examples` reads; it appears whole or not at all."""
    with whole_path(path) as beside, beside.open("w", encoding="utf-8") as lines:
        for example in examples:
            row: dict[str, object] = {
                "dataset": example.dataset,
                "text_a": example.text_a,
                "text_b": example.text_b,
                "label_type": example.head,
                "label": example.label,
                "kind": example.kind,
            }
            if example.spans is not None:
                row["spans"] = example.spans
            lines.write(json.dumps(row, ensure_ascii=False) + "\n")


def _whole(row: dict[str, Any], passage: Callable[[Any], str] | None) -> dict[str, Any]:
    """A row with its context."""
    if passage is None or "passage" not in row:
        return row
    return row | {"text_a": passage(row["passage"])}


def _example(row: dict[str, Any], name: str) -> AlignmentExample:
    """One row, checked; a document with its summary is a supported claim."""
    if "document" in row:
        row = {"text_a": row["document"], "text_b": row["summary"], "label_type": "bin", "label": 1}
    head, label = row["label_type"], float(row["label"])
    if head not in CLASSES:
        raise ValueError(f"label_type is {head!r}; known: {', '.join(CLASSES)}")
    if not (0 <= label <= 1 if head == "reg" else label in range(CLASSES[head])):
        raise ValueError(f"label {label:g} does not exist for label_type {head!r}")
    if not isinstance(row["text_a"], str) or not isinstance(row["text_b"], str):
        raise TypeError("text_a and text_b must be texts")
    spans = row.get("spans")
    if spans is not None:
        spans = tuple((int(start), int(end)) for start, end in spans)
    return AlignmentExample(name, row["text_a"], row["text_b"], head, label, spans=spans)


def sample(
    examples: Sequence[AlignmentExample], limit: int | None, rng: random.Random
) -> list[AlignmentExample]:
    """At most `limit` of the examples, drawn at random without replacement."""
    if limit is None or limit >= len(examples):
        return list(examples)
    return rng.sample(list(examples), limit)


@dataclass(frozen=True)
class EncodedExamples:
    """Token ids and labels of N examples, as flat tensors on one device.

    Attributes:
        tokens: Ids of all distinct texts, one after the other, int32, shape [T].
        context: Where in `tokens` each example's context starts and how many of its tokens are
            used (cut to the model's length), int64, shape [N, 2].
        claim: The same of the claims.
        labels: Per head, shape [N]; IGNORED where the example has none.
        dataset: Number of each example's dataset, int64, shape [N].
        datasets: Names of the datasets.
        template: How context and claim are joined.
        marks: 1 for each token of a claim that its context does not support, else 0, int8, claim
            after claim, shape [M].
        marked: Where in `marks` each example's claim begins, -1 where nothing is known of its
            tokens, int64, shape [N]; or empty: of no example.
    """

    tokens: Tensor
    context: Tensor
    claim: Tensor
    labels: dict[str, Tensor]
    dataset: Tensor
    datasets: tuple[str, ...]
    template: PairTemplate
    marks: Tensor = field(default_factory=lambda: torch.empty(0, dtype=torch.int8))
    marked: Tensor = field(default_factory=lambda: torch.empty(0, dtype=torch.int64))

    def __len__(self) -> int:
        """Number of examples."""
        return len(self.context)

    def lengths(self) -> npt.NDArray[np.int64]:
        """Tokens of each pair, special tokens included, shape [N]."""
        lengths: npt.NDArray[np.int64] = (self.context[:, 1] + self.claim[:, 1]).cpu().numpy()
        return lengths + self.template.extra

    def names(self, rows: Sequence[int]) -> list[str]:
        """The datasets that some rows come from, sorted."""
        found = set(self.dataset[torch.as_tensor(rows, device=self.dataset.device)].tolist())
        return sorted(self.datasets[index] for index in found)

    def to(self, device: torch.device) -> EncodedExamples:
        """The same on another device."""
        return replace(
            self,
            tokens=self.tokens.to(device),
            context=self.context.to(device),
            claim=self.claim.to(device),
            labels={head: values.to(device) for head, values in self.labels.items()},
            dataset=self.dataset.to(device),
            marks=self.marks.to(device),
            marked=self.marked.to(device),
        )

    def translated(
        self, ids: Tensor, template: PairTemplate, *, max_length: float
    ) -> EncodedExamples:
        """The same texts in the ids of another tokenizer that cuts texts into the same tokens.

        Args:
            ids: The other's id of each of this one's ids, shape [V].
            template: How the other joins a pair.
            max_length: Tokens that a pair may have there; longer contexts are cut.
        """
        extra = self.context[:, 1] + self.claim[:, 1] + template.extra - max_length
        used = (self.context[:, 1] - extra.clamp(min=0)).long()
        return replace(
            self,
            tokens=ids.to(self.tokens)[self.tokens.long()],
            context=torch.stack([self.context[:, 0], used], dim=1),
            template=template,
        )

    def digest(self) -> str:
        """SHA-256 over everything, so that a resumed run can tell that its data are the same."""
        found = hashlib.sha256(repr((self.datasets, self.template)).encode())
        labels = [self.labels[head] for head in sorted(self.labels)]
        marks = [self.marks, self.marked] if len(self.marked) else []
        for part in (self.tokens, self.context, self.claim, self.dataset, *labels, *marks):
            found.update(part.cpu().numpy().tobytes())
        return found.hexdigest()

    def batch(self, rows: Sequence[int]) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        """Model inputs and labels of some rows, padded to the longest, on the tensors' device.

        Where there are marks, labels has `span` too: those of the tokens, shape [N, L], IGNORED
        elsewhere.
        """
        index = torch.as_tensor(rows, device=self.tokens.device)
        context, claim = self.context[index], self.claim[index]
        inputs = _join(self.tokens, context, claim, self.template)
        labels = {head: values[index] for head, values in self.labels.items()}
        if len(self.marked):
            first = context[:, 1:] + len(self.template.prefix) + len(self.template.middle)
            place = torch.arange(inputs["input_ids"].shape[1], device=index.device) - first
            start = self.marked[index, None]
            inside = (place >= 0) & (place < claim[:, 1:]) & (start >= 0)
            found = self.marks[torch.where(inside, start + place, 0)].long()
            labels["span"] = torch.where(inside, found, IGNORED)
        return inputs, labels


def _join(
    tokens: Tensor, context: Tensor, claim: Tensor, template: PairTemplate
) -> dict[str, Tensor]:
    """Padded model inputs, made by one look-up for the whole batch: what `encoding.pad` gives."""
    parts = [template.prefix, None, template.middle, None, template.suffix]
    start = torch.zeros(len(context), 1, dtype=torch.int64, device=tokens.device)
    first = context[:, 1:] + len(template.prefix) + len(template.middle)
    ends = first + claim[:, 1:] + len(template.suffix)
    place = torch.arange(int(ends.max()), device=tokens.device)[None]
    ids = torch.full((len(context), place.shape[1]), template.pad_id, device=tokens.device)
    texts = iter((context, claim))
    for special in parts:
        if special is None:
            text = next(texts)
            inside = (place >= start) & (place < start + text[:, 1:])
            found = tokens[torch.where(inside, text[:, :1] + place - start, 0)]
            ids = torch.where(inside, found.long(), ids)
            start = start + text[:, 1:]
            continue
        for token in special:
            ids = torch.where(place == start, token, ids)
            start = start + 1
    inputs = {"input_ids": ids, "attention_mask": (place < ends).long()}
    if template.type_ids is None:
        return inputs
    one, two = template.type_ids
    types = torch.where(place < first, one, two) * inputs["attention_mask"]
    return inputs | {"token_type_ids": types}


def encode_examples(
    examples: Sequence[AlignmentExample],
    tokenizer: PreTrainedTokenizerBase,
    *,
    max_length: int,
    bin_from_tri: bool = False,
    reg_from_classes: bool = False,
    mark_claim: bool = False,
) -> EncodedExamples:
    """Tokenise every distinct text once.

    Args:
        examples: The pairs.
        tokenizer: A fast tokenizer.
        max_length: Tokens a pair may have; the context is cut first.
        bin_from_tri: Give 3-way examples a `bin` label too (1 = entailed), so that the binary
            head learns from inference data as well.
        reg_from_classes: Give examples with a class a `reg` label too; see `Recipe`.
        mark_claim: See `PairTemplate.of`.
    """
    number = {text: i for i, text in enumerate(dict.fromkeys(_texts(examples)))}
    tokens, bounds = _tokens(list(number), tokenizer)
    template = PairTemplate.of(tokenizer, mark_claim=mark_claim)
    places = np.array([[number[e.text_a], number[e.text_b]] for e in examples]).reshape(-1, 2)
    starts, sizes = bounds[places], np.diff(bounds)[places]
    budget = max_length - template.extra
    for row in np.flatnonzero(sizes.sum(axis=1) > budget):
        sizes[row] = kept_lengths(int(sizes[row, 0]), int(sizes[row, 1]), budget)
    datasets = {name: i for i, name in enumerate(dict.fromkeys(e.dataset for e in examples))}
    return EncodedExamples(
        tokens=torch.from_numpy(tokens),
        context=torch.from_numpy(np.stack([starts[:, 0], sizes[:, 0]], axis=1)),
        claim=torch.from_numpy(np.stack([starts[:, 1], sizes[:, 1]], axis=1)),
        labels={
            "bin": torch.tensor([int(_bin_label(e, bin_from_tri)) for e in examples]),
            "tri": torch.tensor([int(_label(e, "tri")) for e in examples]),
            "reg": torch.tensor(
                [_reg_label(e, reg_from_classes) for e in examples], dtype=torch.float32
            ),
        },
        dataset=torch.tensor([datasets[e.dataset] for e in examples]),
        datasets=tuple(datasets),
        template=template,
        **_marks(examples, tokenizer),
    )


def _marks(
    examples: Sequence[AlignmentExample], tokenizer: PreTrainedTokenizerBase
) -> dict[str, Tensor]:
    """What is known of the claims' tokens: `marks` and `marked`; nothing where of none."""
    known = [e for e in examples if e.spans is not None]
    if not known:
        return {}
    places: dict[tuple[str, tuple[tuple[int, int], ...]], int] = {}
    marks = array("b")
    for start in range(0, len(known), ENCODED_AT_ONCE):
        part = known[start : start + ENCODED_AT_ONCE]
        tokens = token_places([e.text_b for e in part], tokenizer)
        for example, offsets in zip(part, tokens, strict=True):
            spans = example.spans or ()
            if (example.text_b, spans) not in places:
                places[example.text_b, spans] = len(marks)
                marks.extend(any(a < end and start < b for start, end in spans) for a, b in offsets)
    marked = [-1 if e.spans is None else places[e.text_b, e.spans] for e in examples]
    # One more, so that there is a place to look up where no claim has a token.
    return {
        "marks": torch.tensor([*marks, 0], dtype=torch.int8),
        "marked": torch.tensor(marked, dtype=torch.int64),
    }


def _texts(examples: Sequence[AlignmentExample]) -> Iterator[str]:
    for example in examples:
        yield example.text_a
        yield example.text_b


def _tokens(
    texts: list[str], tokenizer: PreTrainedTokenizerBase
) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int64]]:
    """Ids of all texts, one after the other, and where each begins and the last ends."""
    flat, sizes = array("i"), [0]
    for start in range(0, len(texts), ENCODED_AT_ONCE):  # lists of ids take ten times the memory
        for ids in tokenize(texts[start : start + ENCODED_AT_ONCE], tokenizer):
            flat.frombytes(ids.tobytes())
            sizes.append(len(ids))
    return np.frombuffer(flat, dtype=np.int32).copy(), np.cumsum(sizes, dtype=np.int64)


def _label(example: AlignmentExample, head: str) -> float:
    return example.label if example.head == head else IGNORED


def _bin_label(example: AlignmentExample, bin_from_tri: bool) -> float:
    if bin_from_tri and example.head == "tri":
        return float(example.label == 0)
    return _label(example, "bin")


def _reg_label(example: AlignmentExample, reg_from_classes: bool) -> float:
    if not reg_from_classes or example.head == "reg":
        return _label(example, "reg")
    return example.label if example.head == "bin" else 1 - example.label / 2


def save_encoded(examples: EncodedExamples, path: Path, *, notes: str = "") -> None:
    """Write encoded examples to a safetensors file; it appears whole or not at all.

    Args:
        examples: What to write.
        path: The file.
        notes: Any text, given back by `load_encoded`.
    """
    tensors = {"tokens": examples.tokens, "context": examples.context, "claim": examples.claim}
    tensors |= {"dataset": examples.dataset}
    if len(examples.marked):
        tensors |= {"marks": examples.marks, "marked": examples.marked}
    tensors |= {f"labels.{head}": values for head, values in examples.labels.items()}
    about = {"datasets": examples.datasets, "template": asdict(examples.template)}
    with whole_path(path) as beside:
        save_file(tensors, beside, metadata={"about": json.dumps(about), "notes": notes})


def load_encoded(path: Path) -> tuple[EncodedExamples, str]:
    """Read what `save_encoded` wrote: the examples and the notes.

    Raises:
        InputError: The file is missing, damaged or something else.
    """
    try:
        with safe_open(path, framework="pt") as file:
            about = json.loads(file.metadata()["about"])
            notes = file.metadata()["notes"]
            tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
    except (OSError, SafetensorError, KeyError, TypeError, ValueError) as cause:
        raise InputError(f"{path} holds no prepared data: {cause!r}; delete it") from cause
    template: dict[str, Any] = {
        key: tuple(value) if isinstance(value, list) else value
        for key, value in about["template"].items()
    }
    labels = {k.removeprefix("labels."): tensors.pop(k) for k in list(tensors) if "." in k}
    examples = EncodedExamples(
        **tensors,
        labels=labels,
        datasets=tuple(about["datasets"]),
        template=PairTemplate(**template),
    )
    return examples, notes


def length_batches(
    lengths: npt.NDArray[np.int64],
    *,
    batch_tokens: int,
    rng: np.random.Generator,
    batch_rows: int | None = None,
    pool: int = 32,
) -> list[list[int]]:
    """Shuffled batches of examples of about the same length.

    Args:
        lengths: Tokens of each example, shape [N].
        batch_tokens: Padded tokens that a batch may have (one example may exceed it alone).
        rng: Draws the order.
        batch_rows: Examples that a batch may have; None sets no limit.
        pool: So many batches' worth of examples are sorted together; larger pads less and mixes
            less.

    Returns:
        Row numbers of each batch; every row once.
    """
    order = rng.permutation(len(lengths))
    size = max(1, int(pool * batch_tokens / max(1.0, float(np.mean(lengths)))))
    batches: list[list[int]] = []
    for start in range(0, len(order), size):
        rows = order[start : start + size]
        batch: list[int] = []
        for row in rows[np.argsort(lengths[rows], kind="stable")].tolist():
            full = (len(batch) + 1) * lengths[row] > batch_tokens or len(batch) == batch_rows
            if batch and full:
                batches.append(batch)
                batch = []
            batch.append(row)
        batches.append(batch)
    return [batches[i] for i in rng.permutation(len(batches))]
