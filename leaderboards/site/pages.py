"""The site's pages: one index of all boards, one page per dataset.

Each page holds its own style and script and asks for nothing else: it opens from a folder, and its
content security policy forbids whatever a text that slipped through could ask for.
"""

from __future__ import annotations

import hashlib
import re
from base64 import b64encode
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from markupsafe import Markup

from alignscore_metric.errors import InputError, MissingResourceError
from alignscore_metric.leaderboards.board import MEAN, Board, Column, Row
from alignscore_metric.leaderboards.cards import Card, load_cards
from alignscore_metric.leaderboards.items import ItemTable
from alignscore_metric.leaderboards.site.boards import (
    BoardView,
    board_key,
    intervals,
    only_dataset,
    view_board,
)
from alignscore_metric.leaderboards.site.figures import forest
from alignscore_metric.leaderboards.site.scores import (
    ShownEvidence,
    ShownExamples,
    SplitView,
    view_split,
)
from alignscore_metric.leaderboards.tables.layout import PUBLISHED, column_keys

if TYPE_CHECKING:
    from jinja2 import Environment

TEMPLATES = Path(__file__).with_name("templates")


@dataclass(frozen=True)
class BoardPart:
    """A board in a page: its place there, what is read, forest plots of its mean and columns."""

    ident: str
    view: BoardView
    mean: Markup | None = None
    forests: Mapping[str, Markup] = field(default_factory=dict)


@dataclass(frozen=True)
class DatasetPart:
    """All that is known of one dataset.

    Attributes:
        name: Of its card, or the user's own.
        file: Of its page, within `datasets/`.
        card: None for a user's own dataset.
        boards: With its columns alone.
        splits: As metrics scored them.
        discrepancies: How the data differ from the card.
    """

    name: str
    file: str
    card: Card | None
    boards: tuple[BoardPart, ...]
    splits: tuple[SplitView, ...]
    discrepancies: tuple[str, ...]


def write_site(
    boards: Sequence[Board],
    folder: Path,
    *,
    items: Sequence[ItemTable] = (),
    examples: ShownExamples | None = None,
    published: Mapping[str, Sequence[Row]] | None = None,
    evidence: ShownEvidence | None = None,
) -> Path:
    """Write static pages that open from a folder and ask nothing of any network.

    Args:
        boards: Leaderboards, in the order of the page.
        folder: Where to; made if absent. Pages of the same names are replaced.
        items: Item tables: distributions, ROC curves, hardest examples.
        examples: Gives the texts of `(dataset, split)`; texts then become part of the site. Where
            it raises MissingResourceError, or is not given, examples are shown by their ids.
        published: Rows that others published, by `board_key`.
        evidence: Explains `(source, summary)`, such as `AlignScore().explain`; called once for each
            example that is shown.

    Returns:
        The index page.

    Raises:
        InputError: Nothing to show, or two item tables of one metric on one split.
        MissingResourceError: The extra `leaderboards` is not installed.
    """
    if not boards and not items:
        raise InputError("there is nothing to show: give boards or item tables")
    found = published or {}
    full = [replace(one, rows=(*one.rows, *found.get(board_key(one), ()))) for one in boards]
    parts = _board_parts(full)
    explain = None if evidence is None else cache(evidence)
    datasets = _dataset_parts(parts, _splits(items, examples=examples, evidence=explain))
    files = {dataset.name: dataset.file for dataset in datasets}
    environment = _environment()
    for dataset in datasets:
        page = environment.get_template("dataset.html").render(dataset=dataset, files=files)
        _write(folder / "datasets" / dataset.file, page)
    for part in parts:
        _write(folder / "boards" / f"{part.ident}.json", part.view.board.to_json())
    index = environment.get_template("index.html")
    page = index.render(boards=parts, datasets=datasets, files=files)
    return _write(folder / "index.html", page)


def unique_slugs(names: Iterable[str]) -> list[str]:
    """Names made fit for files and fragments, in order, no two the same.

    Example:
        >>> unique_slugs(["frank", "My set/1", "my-set 1", "שלום"])
        ['frank', 'my-set-1', 'my-set-1-2', 'unnamed']
    """
    slugs: list[str] = []
    for name in names:
        slug = re.sub(r"[^a-z0-9_]+", "-", name.lower()).strip("-")[:60] or "unnamed"
        number, unique = 1, slug
        while unique in slugs:
            number += 1
            unique = f"{slug}-{number}"
        slugs.append(unique)
    return slugs


def _board_parts(boards: Sequence[Board]) -> list[BoardPart]:
    slugs = unique_slugs(map(board_key, boards))
    return [_board_part(board, slug) for board, slug in zip(boards, slugs, strict=True)]


def _board_part(board: Board, ident: str) -> BoardPart:
    view = view_board(board)
    forests = {
        key: forest(lines, description=f"{view.layout.title}: {key}, with intervals")
        for key in column_keys(board)
        if (lines := intervals(board, key))
    }
    return BoardPart(ident, view, forests.pop(MEAN, None), forests)


def _splits(
    items: Sequence[ItemTable], *, examples: ShownExamples | None, evidence: ShownEvidence | None
) -> dict[str, list[SplitView]]:
    """What item tables show, by dataset. A metric has one colour on all pages."""
    numbers = {name: n for n, name in enumerate(dict.fromkeys(t.info.metric for t in items))}
    groups: dict[tuple[str, str], list[ItemTable]] = {}
    for table in items:
        groups.setdefault((table.info.dataset, table.info.split), []).append(table)
    found: dict[str, list[SplitView]] = {}
    for (dataset, _), tables in groups.items():
        view = view_split(tables, numbers=numbers, examples=examples, evidence=evidence)
        found.setdefault(dataset, []).append(view)
    return found


def _dataset_parts(
    parts: Sequence[BoardPart], splits: Mapping[str, Sequence[SplitView]]
) -> list[DatasetPart]:
    """One part per dataset of a board or an item table, in their order."""
    columns = [column for part in parts for column in part.view.board.columns]
    names = dict.fromkeys([*(column.dataset for column in columns), *splits])
    return [
        DatasetPart(
            name=name,
            file=f"{slug}.html",
            card=load_cards().get(name),
            boards=tuple(_only_dataset(parts, name)),
            splits=tuple(splits.get(name, ())),
            discrepancies=_discrepancies(columns, splits.get(name, ()), name),
        )
        for name, slug in zip(names, unique_slugs(names), strict=True)
    ]


def _discrepancies(
    columns: Sequence[Column], splits: Sequence[SplitView], dataset: str
) -> tuple[str, ...]:
    """How a dataset differs from its card, each difference once."""
    said = [
        text for column in columns if column.dataset == dataset for text in column.discrepancies
    ]
    said += [text for split in splits for text in split.discrepancies]
    return tuple(dict.fromkeys(said))


def _only_dataset(parts: Sequence[BoardPart], dataset: str) -> Iterator[BoardPart]:
    for part in parts:
        board = only_dataset(part.view.board, dataset)
        if board.columns:
            yield BoardPart(part.ident, view_board(board))


def _environment() -> Environment:
    try:
        import jinja2
    except ImportError as cause:
        raise MissingResourceError(
            "the site needs: pip install 'alignscore-metric[leaderboards]'"
        ) from cause
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.tests["address"] = lambda text: bool(re.fullmatch(r"https?://\S+", text))
    script = (TEMPLATES / "script.js").read_text(encoding="utf-8")
    environment.globals |= {
        "published": PUBLISHED,
        "style": Markup((TEMPLATES / "style.css").read_text(encoding="utf-8")),  # noqa: S704
        "script": Markup(script),  # noqa: S704 - ours
        "script_hash": b64encode(hashlib.sha256(script.encode()).digest()).decode(),
    }
    return environment


def _write(file: Path, content: str) -> Path:
    """Write a file; it appears whole or not at all. Half a surrogate pair becomes `?`."""
    file.parent.mkdir(parents=True, exist_ok=True)
    part = file.with_name(f"{file.name}.part")
    part.write_bytes(content.encode("utf-8", errors="replace"))
    part.replace(file)
    return file
