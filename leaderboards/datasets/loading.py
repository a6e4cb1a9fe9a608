"""Evaluation sets by name: which files a data card asks for, who reads them, what differs.

Knows nothing of metrics. Where the published files differ from the card, it says so in the set.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from alignscore_metric.errors import ConfigurationError, MissingResourceError
from alignscore_metric.leaderboards.cards import Card, CardSource, Count, get_card, load_cards
from alignscore_metric.leaderboards.datasets.documents import read_documents, with_documents
from alignscore_metric.leaderboards.datasets.files import FOLDERS, DataFile, find, read
from alignscore_metric.leaderboards.datasets.frames import evaluation_frame
from alignscore_metric.leaderboards.datasets.readers import UNIFORM, get_reader
from alignscore_metric.leaderboards.items import COLUMNS, EvaluationSet

if TYPE_CHECKING:
    import pandas as pd

Prefer = Literal["uniform", "official"]


class MissingDataError(MissingResourceError):
    """An evaluation set is not on this machine, or not all of it.

    Args:
        brief: What is not there, in a line.
        remedy: What to do, at length.
    """

    def __init__(self, brief: str, remedy: str) -> None:
        """Both make the message; see the class."""
        super().__init__(f"{brief}; {remedy}")
        self.brief = brief


def load(
    name: str,
    split: str,
    *,
    roots: Sequence[Path],
    documents: Path | None = None,
    prefer: Prefer = "uniform",
) -> EvaluationSet:
    """One split of a dataset, or several pooled.

    Args:
        name: Of its data card.
        split: As the card calls it; several are joined by `+`, as `test+val`.
        roots: Data folders. A card's file is looked for in each, in its folders `uniform` and
            `official`, and with `.gz` added.
        documents: JSON-lines with the texts that the published files lack: objects with `id` (of a
            row) or `document_id`, and `source`.
        prefer: Which files to read where both kinds are here.

    Raises:
        ConfigurationError: No such dataset or split, or it is a training set.
        InputError: A file is damaged, or its rows are not what they should be.
        MissingDataError: No files, no documents, or no row of this split; says what to do.
    """
    return load_by_card(get_card(name), split, roots=roots, documents=documents, prefer=prefer)


def load_by_card(
    card: Card,
    split: str,
    *,
    roots: Sequence[Path],
    documents: Path | None = None,
    prefer: Prefer = "uniform",
) -> EvaluationSet:
    """The same by a card, which need not be of this installation.

    Raises:
        ConfigurationError: As `load`.
        InputError: As `load`.
        MissingDataError: As `load`.
    """
    splits = _splits(card, split)
    source, paths = _choose(card, roots, prefer)
    files = [read(path, name=file) for file, path in zip(source.files, paths, strict=True)]
    rows = [
        row for row in get_reader(source.reader)(files, **source.options) if row["split"] in splits
    ]
    rows, left_out = _complete(card, source, rows, documents)
    if not rows:
        raise MissingDataError(
            f"{card.name}: no row of split {split} in {', '.join(map(str, paths))}",
            _get(card, source),
        )
    frame = evaluation_frame(rows, where=f"{paths[0]}, split {split}")
    differences = (*_revised(source, files), *left_out, *_differences(card, splits, frame))
    return EvaluationSet(
        card.name, split, frame, tuple(_short(path, roots) for path in paths), differences
    )


@dataclass(frozen=True)
class Availability:
    """What of a dataset is on this machine.

    Attributes:
        dataset: Name of its data card.
        benchmarks: Those that ask for it.
        ready: Whether `load` needs nothing more.
        found: Its files that are here.
        missing: Its files that are not, as the card names them.
        documents: What texts the user has to give, where the files that are here lack them.
        url: Where it is published.
        how: What to do to get it; empty where it is ready.
    """

    dataset: str
    benchmarks: tuple[str, ...]
    ready: bool
    found: tuple[Path, ...]
    missing: tuple[str, ...]
    documents: str | None
    url: str
    how: str


def availability(roots: Sequence[Path]) -> list[Availability]:
    """What is on this machine of every evaluation set, in the order of the cards."""
    cards = load_cards().values()
    return [_availability(card, roots) for card in cards if card.role == "evaluation"]


def _availability(card: Card, roots: Sequence[Path]) -> Availability:
    names = [file for source in card.sources for file in source.files]
    here = {name: find(name, roots) for name in names}
    complete = [source for source in card.sources if all(here[file] for file in source.files)]
    ready = any(source.documents is None for source in complete)
    source = complete[0] if complete else card.sources[:2][-1]
    return Availability(
        dataset=card.name,
        benchmarks=tuple(dict.fromkeys(member.benchmark for member in card.benchmarks)),
        ready=ready,
        found=tuple(path for path in here.values() if path is not None),
        missing=tuple(name for name, path in here.items() if path is None),
        documents=None if ready else source.documents,
        url=source.url,
        how="" if ready else _get(card, source),
    )


def _splits(card: Card, split: str) -> tuple[str, ...]:
    if card.role != "evaluation":
        raise ConfigurationError(f"{card.name} is a training set; nothing is evaluated on it")
    splits = tuple(split.split("+"))
    if unknown := [one for one in splits if one not in card.splits]:
        raise ConfigurationError(
            f"{card.name} has no split {unknown[0]!r}, only {', '.join(card.splits)}; "
            "pool several as in val+test"
        )
    return splits


def _choose(card: Card, roots: Sequence[Path], prefer: Prefer) -> tuple[CardSource, list[Path]]:
    """The first source whose files are all here, and where they are."""
    sources = sorted(
        card.sources, key=lambda source: (source.reader == UNIFORM) != (prefer == "uniform")
    )
    for source in sources:
        paths = [find(file, roots) for file in source.files]
        here = [path for path in paths if path is not None]
        if len(here) == len(paths):
            return source, here
    raise _not_found(card, sources, roots)


def _not_found(
    card: Card, sources: Sequence[CardSource], roots: Sequence[Path]
) -> MissingDataError:
    files = dict.fromkeys(file for source in sources for file in source.files)
    wanted = [file for file in files if find(file, roots) is None]
    places = ", ".join(str(root) for root in roots) or "no data folder"
    folders = ", ".join(f"{folder}/" for folder in FOLDERS if folder)
    ways = "; or ".join(_get(card, source) for source in sources)
    first = f"{wanted[0]} (and {len(wanted) - 1} more)" if len(wanted) > 2 else " and ".join(wanted)
    return MissingDataError(
        f"{card.name}: no {first} in {places}",
        f"files are looked for in {folders} there too, and with .gz. To get it: {ways}. Name the "
        "data folder with --data or ALIGNSCORE_DATA",
    )


def _get(card: Card, source: CardSource) -> str:
    files = ", ".join(source.files)
    documents = f", with the texts it lacks ({source.documents})" if source.documents else ""
    if source.reader == UNIFORM:
        return f"write {files} yourself from {source.url}, with {', '.join(COLUMNS)} in each line"
    return f"fetch {source.url}, put it into a data folder as {files}{documents}"


def _complete(
    card: Card, source: CardSource, rows: list[dict[str, Any]], documents: Path | None
) -> tuple[list[dict[str, Any]], tuple[str, ...]]:
    """Rows with all their texts, and which were left out for want of one."""
    if source.documents is None:
        return rows, ()
    if documents is None:
        wanted = list(dict.fromkeys(str(row.get("document_id")) for row in rows))
        raise MissingDataError(
            f"{card.name}: {len(wanted)} texts are not in its files: give --documents FILE",
            f"{', '.join(source.files)} has no texts; {len(wanted)} documents are needed "
            f"({', '.join(wanted[:3])}, ...): {source.documents}. Give them as `documents`: "
            'a JSON-lines file of {"document_id": ..., "source": ...}',
        )
    whole, lacking = with_documents(rows, read_documents(documents))
    if not lacking:
        return whole, ()
    if not whole:
        raise MissingDataError(
            f"{card.name}: {documents} has none of the texts that are needed",
            f"such as that of row {lacking[0]}: {source.documents}",
        )
    note = f"{len(lacking)} rows left out: no text for {', '.join(lacking[:3])}"
    return whole, (note + (", ..." if len(lacking) > 3 else ""),)


def _revised(source: CardSource, files: Sequence[DataFile]) -> list[str]:
    """Files that are not those the card was written from."""
    return [
        f"{file.name} is not the version that the card describes (sha256 {file.sha256[:12]}..., "
        f"there {source.sha256[file.name][:12]}...)"
        for file in files
        if source.sha256.get(file.name, file.sha256) != file.sha256
    ]


def _differences(card: Card, splits: Sequence[str], frame: pd.DataFrame) -> list[str]:
    found = []
    for split in splits:
        labels = frame.label[frame.split == split]
        count = Count(rows=len(labels), positives=int((labels == 1).sum()))
        wanted = {
            "published": card.splits[split].published,
            "on the card": card.splits[split].found,
        }
        others = [
            f"{kind}: {_words(other)}"
            for kind, other in wanted.items()
            if other is not None and _differ(count, other)
        ]
        if others:
            found.append(f"{split}: " + "; ".join([_words(count), *others]))
    graded = any(member.target == "human_score" for member in card.benchmarks)
    if graded and (without := int(frame.human_score.isna().sum())):
        found.append(f"{without} rows have no human_score")
    return found


def _differ(count: Count, other: Count) -> bool:
    return count.rows != other.rows or other.positives not in (None, count.positives)


def _words(count: Count) -> str:
    positive = "" if count.positives is None else f", {count.positives} positive"
    return f"{count.rows} rows{positive}"


def _short(path: Path, roots: Sequence[Path]) -> str:
    """A path as its data folder's user knows it."""
    inside = [path.relative_to(root) for root in roots if path.is_relative_to(root)]
    return min(inside, key=lambda one: len(one.parts)).as_posix() if inside else path.name
