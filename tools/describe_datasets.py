"""Descriptive statistics of datasets: sizes, labels, lengths, repeats, and what they share.

Owns `NAME.stats.json` beside each data card: counts and distributions, never texts. Reads
alignment training files itself and evaluation sets through `leaderboards.datasets`.

    python tools/describe_datasets.py --data DIR [--data DIR ...]

describes every dataset whose files are in any of the folders.
"""

from __future__ import annotations

import argparse
import gzip
import json
import math
import sys
import zlib
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict
from shared_rows import (
    HashedRows,
    RowHashes,
    RunIndex,
    SharedRows,
    all_shared_rows,
    hash_rows,
    runs_among,
    shared_rows,
)

from alignscore_metric.errors import InputError, MissingResourceError
from alignscore_metric.leaderboards.cards import Card, load_cards
from alignscore_metric.leaderboards.datasets import load
from alignscore_metric.leaderboards.datasets.files import find
from alignscore_metric.text.ngrams import Hashes, distinct, ngram_hashes
from alignscore_metric.text.splitters import get_splitter

if TYPE_CHECKING:
    import pandas as pd

CARDS = Path(__file__).resolve().parents[1] / "data_cards"
COVERED = (1, 2, 3)
_TRAINING_LABELS = {"bin": {0, 1}, "tri": {0, 1, 2}}
_Row = tuple[str, str, str | None, float]  # source, summary, label, graded judgment


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Distribution(_Part):
    """Of one number per row; percentiles are linearly interpolated."""

    mean: float
    median: float
    p5: float
    p95: float
    max: float


class SplitStatistics(_Part):
    """What one split of a dataset holds.

    Attributes:
        rows: Number of rows.
        labels: Rows by label: `0`, `1`, `tri 0`, ...; `none` where there is none.
        graded: The graded judgments; None where there are none.
        documents: Distinct sources, in normal form.
        without_source: Rows whose source is missing.
        source_words: Words (between spaces) of a row's source.
        summary_words: Words of a row's summary.
        source_sentences: Sentences of a row's source.
        summary_sentences: Sentences of a row's summary.
        coverage: By n: the mean share of a summary's distinct n-grams that stand in its source.
        repeated_pairs: Rows whose (source, summary) stood in an earlier row.
        conflicting_pairs: Distinct (source, summary) with more than one label.
        in_other_splits: Rows whose texts stand in other splits of the dataset; None if it has one.
    """

    rows: int
    labels: dict[str, int]
    graded: Distribution | None
    documents: int
    without_source: int
    source_words: Distribution | None
    summary_words: Distribution | None
    source_sentences: Distribution | None
    summary_sentences: Distribution | None
    coverage: dict[int, float]
    repeated_pairs: int
    conflicting_pairs: int
    in_other_splits: SharedRows | None = None


class SetOverlap(_Part):
    """Rows of a dataset whose texts another dataset has, over all splits of both.

    Attributes:
        dataset: The other one.
        source: Rows whose whole source stands in it.
        summary: Rows whose whole summary stands in it.
        pair: Rows whose source and summary stand in it as one row.
        source_runs: Rows whose source shares a run of 13 words with it (of 8 where the text has
            fewer than 13); only evaluation sets are compared with training sets in this way.
        summary_runs: The same of summaries.
    """

    dataset: str
    source: int = 0
    summary: int = 0
    pair: int = 0
    source_runs: int | None = None
    summary_runs: int | None = None


class Statistics(_Part):
    """Statistics of one dataset, by split, and its overlaps, the largest first."""

    dataset: str
    splits: dict[str, SplitStatistics]
    overlaps: tuple[SetOverlap, ...] = ()

    @property
    def rows(self) -> int:
        """Rows of all splits."""
        return sum(split.rows for split in self.splits.values())


@dataclass(frozen=True, eq=False)
class Rows:
    """Texts and judgments of N rows, whatever they were read from.

    Attributes:
        sources: None where a document is missing.
        summaries: The summaries, claims or hypotheses.
        labels: Names of the classes; None where a row has none.
        graded: Graded judgments; NaN where a row has none, shape [N].
    """

    sources: Sequence[str | None]
    summaries: Sequence[str]
    labels: Sequence[str | None]
    graded: npt.NDArray[np.float64]


def train_jsonl(path: Path) -> Rows:
    """Read an alignment training file.

    Args:
        path: JSON-lines, gzipped or not: `text_a`, `text_b`, `label_type` (bin | tri | reg) and
            `label` (0 or 1; 0, 1 or 2; in [0, 1]).

    Raises:
        InputError: The file is damaged, or a line is not of this form; names the line.
    """
    return _read_rows(path, _training_row)


def documents_jsonl(path: Path) -> Rows:
    """Read documents with their summaries, from which training pairs are made.

    Args:
        path: JSON-lines, gzipped or not: `document` and `summary`. No row has a label.

    Raises:
        InputError: The file is damaged, or a line is not of this form; names the line.
    """
    return _read_rows(path, _document_row)


TRAINING_READERS: dict[str, Callable[[Path], Rows]] = {
    "train_jsonl": train_jsonl,
    "documents_jsonl": documents_jsonl,
}
"""The readers of training files, by the names that data cards give them."""


def _read_rows(path: Path, parse: Callable[[dict[str, Any]], _Row]) -> Rows:
    known: dict[str, str] = {}  # equal texts are kept once
    sources, summaries, labels, graded = [], [], [], []
    try:
        with (gzip.open if path.suffix == ".gz" else open)(path, "rt", encoding="utf-8") as lines:
            for line in lines:
                source, summary, label, grade = parse(json.loads(line))
                sources.append(known.setdefault(source, source))
                summaries.append(known.setdefault(summary, summary))
                labels.append(label)
                graded.append(grade)
    except (EOFError, KeyError, OSError, TypeError, ValueError, zlib.error) as cause:
        raise InputError(f"{path}, line {len(labels) + 1}: {cause!r}; get it again") from cause
    return Rows(sources, summaries, labels, np.array(graded, dtype=np.float64))


def _training_row(row: dict[str, Any]) -> _Row:
    texts, kind, label = _texts(row, "text_a", "text_b"), row["label_type"], float(row["label"])
    if kind == "reg" and 0 <= label <= 1:
        return *texts, None, label
    if label not in _TRAINING_LABELS.get(kind, ()):
        raise ValueError(f"no label {label:g} of label_type {kind!r}")
    return *texts, f"{kind} {label:g}", float("nan")


def _document_row(row: dict[str, Any]) -> _Row:
    return *_texts(row, "document", "summary"), None, float("nan")


def _texts(row: dict[str, Any], source: str, summary: str) -> tuple[str, str]:
    texts = row[source], row[summary]
    if not all(isinstance(text, str) for text in texts):
        raise TypeError(f"{source} and {summary} must be texts")
    return texts


def split_of(card: Card, file: str) -> str:
    """The split that a training file is: its name after the card's.

    >>> from alignscore_metric.leaderboards.cards import get_card
    >>> [split_of(get_card("gap"), f"gap{end}.jsonl") for end in ("", ".dev", "_test_extra")]
    ['train', 'dev', 'test_extra']
    """
    return file.removesuffix(".jsonl").removeprefix(card.name).lstrip("._") or "train"


def evaluation_rows(frame: pd.DataFrame) -> Rows:
    """The rows of an evaluation set's frame."""
    missing = frame["source"].isna()
    return Rows(
        [None if no else text for text, no in zip(frame["source"], missing, strict=True)],
        list(frame["summary"]),
        [None if math.isnan(label) else f"{label:g}" for label in frame["label"].astype(float)],
        frame["human_score"].to_numpy(dtype=np.float64),
    )


def read_splits(card: Card, roots: Sequence[Path]) -> dict[str, Rows]:
    """The splits of a dataset that are under any of the folders; none where it is not at hand.

    Args:
        card: Its data card.
        roots: Data folders; training files lie in them or in their folder `train`.

    Raises:
        InputError: A file is damaged.
    """
    if card.role == "training":
        folders = [folder for root in roots for folder in (root, root / "train")]
        return {
            split_of(card, file): TRAINING_READERS[source.reader](path)
            for source in card.sources
            for file in source.files
            if (path := find(file, folders)) is not None
        }
    splits = {}
    for split in card.splits:
        try:
            splits[split] = evaluation_rows(load(card.name, split, roots=roots).frame)
        except MissingResourceError:
            continue
    return {split: rows for split, rows in splits.items() if len(rows.summaries)}


def describe_rows(rows: Rows, hashed: HashedRows) -> SplitStatistics:
    """Statistics of one split.

    Args:
        rows: Its rows.
        hashed: The same, hashed.
    """
    hashes = hashed.row_hashes()
    pairs = hashes.pairs()
    graded = rows.graded[~np.isnan(rows.graded)]
    sources = [text for text in rows.sources if text is not None]
    return SplitStatistics(
        rows=len(rows.summaries),
        labels=dict(sorted(Counter(label or "none" for label in rows.labels).items())),
        graded=distribution(graded, digits=3),
        documents=len(distinct(hashes.source[hashes.source != 0])),
        without_source=len(rows.sources) - len(sources),
        source_words=distribution(_by_text(sources, _words)),
        summary_words=distribution(_by_text(rows.summaries, _words)),
        source_sentences=distribution(_by_text(sources, _sentences)),
        summary_sentences=distribution(_by_text(rows.summaries, _sentences)),
        coverage=coverage(hashed),
        repeated_pairs=int((pairs != 0).sum()) - len(distinct(pairs[pairs != 0])),
        conflicting_pairs=conflicting_pairs(pairs, rows),
    )


def distribution(
    values: Sequence[float] | npt.NDArray[np.float64], *, digits: int = 1
) -> Distribution | None:
    """Mean, median, percentiles and maximum, rounded; None of no values."""
    if not len(values):
        return None
    p5, median, p95 = np.percentile(values, [5, 50, 95])
    numbers = {"mean": np.mean(values), "median": median, "p5": p5, "p95": p95, "max": max(values)}
    return Distribution(**{name: round(float(one), digits) for name, one in numbers.items()})


def _by_text(texts: Iterable[str], count: Callable[[str], int]) -> list[int]:
    """A count of every row's text, made once for each distinct text."""
    memo: dict[str, int] = {}
    counts = []
    for text in texts:
        if text not in memo:
            memo[text] = count(text)
        counts.append(memo[text])
    return counts


def _words(text: str) -> int:
    return len(text.split())


def _sentences(text: str) -> int:
    return len(get_splitter("bundled_punkt").split(text))


def coverage(hashed: HashedRows) -> dict[int, float]:
    """Mean share of a summary's distinct n-grams that stand in its source, for n of 1, 2 and 3.

    Of words in normal form; rows without a source, or whose summary has fewer than n words, are
    left out.
    """
    return {n: round(float(np.mean(shares)), 4) for n in COVERED if (shares := _shares(hashed, n))}


def _shares(hashed: HashedRows, n: int) -> list[float]:
    shares, last, known = [], -1, set[int]()
    for row in np.argsort(hashed.source, kind="stable"):
        source, summary = hashed.source[row], hashed.summary[row]
        if source < 0:
            continue
        if source != last:
            last, known = source, set(ngram_hashes(hashed.words[source], n).tolist())
        grams = set(ngram_hashes(hashed.words[summary], n).tolist())
        if grams:
            shares.append(len(grams & known) / len(grams))
    return shares


def conflicting_pairs(pairs: Hashes, rows: Rows) -> int:
    """How many distinct (source, summary) have more than one label.

    Args:
        pairs: The rows' `RowHashes.pairs`, shape [N].
        rows: The rows; where a row has no label, its graded judgment is its label.
    """
    labels: defaultdict[int, set[str]] = defaultdict(set)
    for pair, label, grade in zip(pairs.tolist(), rows.labels, rows.graded, strict=True):
        if pair and (label is not None or not math.isnan(grade)):
            labels[pair].add(f"{grade:g}" if label is None else label)
    return sum(len(found) > 1 for found in labels.values())


def describe(roots: Sequence[Path]) -> dict[str, Statistics]:
    """Statistics of every dataset that is at hand.

    Args:
        roots: Data folders.

    Returns:
        By name, evaluation sets first. Overlaps are those among the sets at hand.

    Raises:
        InputError: A file is damaged.
    """
    described: dict[str, _Described] = {}
    indexes: dict[str, list[RunIndex]] = {}
    runs: dict[str, Hashes] = {}
    cards = load_cards().values()
    for card in (card for card in cards if card.role == "evaluation"):
        described[card.name], hashed = _describe_splits(read_splits(card, roots))
        indexes[card.name] = [RunIndex.of(part) for part in hashed]
    wanted = distinct(*(index.run for parts in indexes.values() for index in parts))
    for card in (card for card in cards if card.role == "training"):
        described[card.name], hashed = _describe_splits(read_splits(card, roots))
        runs[card.name] = distinct(*(runs_among(part, wanted) for part in hashed))
    described = {name: one for name, one in described.items() if one.splits}
    shared = all_shared_rows({name: one.hashes for name, one in described.items()})
    return {
        name: Statistics(
            dataset=name,
            splits=one.splits,
            overlaps=_overlaps(shared[name], indexes.get(name, ()), runs),
        )
        for name, one in described.items()
    }


@dataclass(frozen=True, eq=False)
class _Described:
    """Statistics of a dataset's splits, and the hashes of all of its rows."""

    splits: dict[str, SplitStatistics]
    hashes: RowHashes


def _describe_splits(splits: Mapping[str, Rows]) -> tuple[_Described, list[HashedRows]]:
    hashed = {name: hash_rows(rows.sources, rows.summaries) for name, rows in splits.items()}
    hashes = {name: part.row_hashes() for name, part in hashed.items()}
    found = {name: describe_rows(rows, hashed[name]) for name, rows in splits.items()}
    if len(found) > 1:
        for name in found:
            others = _pool(one for other, one in hashes.items() if other != name)
            inside = shared_rows(hashes[name], others)
            found[name] = found[name].model_copy(update={"in_other_splits": inside})
    return _Described(found, _pool(hashes.values())), list(hashed.values())


def _pool(parts: Iterable[RowHashes]) -> RowHashes:
    parts, none = list(parts), np.empty(0, np.uint64)
    return RowHashes(
        np.concatenate([none, *(part.source for part in parts)]),
        np.concatenate([none, *(part.summary for part in parts)]),
    )


def _overlaps(
    shared: Mapping[str, SharedRows], index: Sequence[RunIndex], runs: Mapping[str, Hashes]
) -> tuple[SetOverlap, ...]:
    """The overlaps of one dataset, the largest first; `index` is empty for a training set."""
    found = {name: asdict(one) for name, one in shared.items()}
    for name, known in runs.items() if index else ():
        counts = [part.rows_with(known) for part in index]
        source, summary = (sum(numbers) for numbers in zip(*counts, strict=True))
        if source or summary or name in found:
            more = {"source_runs": source, "summary_runs": summary}
            found[name] = found.get(name, {}) | more
    overlaps = [SetOverlap(dataset=name, **counts) for name, counts in found.items()]
    return tuple(sorted(overlaps, key=_weight))


def _weight(overlap: SetOverlap) -> tuple[int, int, str]:
    runs = max(overlap.source_runs or 0, overlap.summary_runs or 0)
    return -max(overlap.source, overlap.summary), -runs, overlap.dataset


def describe_all(roots: Sequence[Path], *, write_to: Path) -> list[Path]:
    """Write `ROLE/NAME.stats.json` for every dataset that is at hand.

    Args:
        roots: Data folders; with only some of the datasets, overlaps are those among them.
        write_to: The folder of the cards, `data_cards`, or another one.

    Returns:
        The files, in order.

    Raises:
        InputError: A data file is damaged.
    """
    files = []
    cards = load_cards()
    for name, statistics in describe(roots).items():
        file = write_to / cards[name].role / f"{name}.stats.json"
        content = statistics.model_dump(mode="json")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
        files.append(file)
    return files


def load_statistics(card: Card, folder: Path = CARDS) -> Statistics | None:
    """The statistics stored beside a data card; None where its data was never at hand.

    Args:
        card: The card.
        folder: The folder of the cards.

    Raises:
        InputError: The file is not what `describe_all` writes.
    """
    file = folder / card.role / f"{card.name}.stats.json"
    if not file.is_file():
        return None
    try:
        return Statistics.model_validate_json(file.read_text(encoding="utf-8"))
    except ValueError as cause:
        raise InputError(f"{file} holds no statistics: {cause}; describe the data again") from cause


def main(arguments: Sequence[str] | None = None) -> int:
    """Describe the datasets at hand, and write what was found.

    Args:
        arguments: The command line; the process's own when None.

    Returns:
        The exit status.
    """
    parser = argparse.ArgumentParser(description="Statistics of the datasets at hand, by card.")
    parser.add_argument(
        "--data", type=Path, action="append", required=True, metavar="DIR", help="folder with the "
        "datasets' files; may be given many times",
    )  # fmt: skip
    parser.add_argument("--output", type=Path, default=CARDS, metavar="DIR", help="write "
                        "ROLE/NAME.stats.json here; default: data_cards")  # fmt: skip
    options = parser.parse_args(arguments)
    if missing := [folder for folder in options.data if not folder.is_dir()]:
        parser.error(f"--data {missing[0]}: no such folder")
    try:
        files = describe_all(options.data, write_to=options.output)
    except InputError as error:
        parser.error(str(error))
    print(f"{len(files)} datasets described in {options.output}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
