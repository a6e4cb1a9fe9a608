"""Layouts as text for a terminal, in panels where they are wider than it."""

from __future__ import annotations

import textwrap
import unicodedata

from alignscore_metric.leaderboards.tables.layout import PUBLISHED, Layout, TableEntry
from alignscore_metric.system.terminal import plain

WIDTH = 100
BEST, TIED = "*", "\N{DAGGER}"


def text_table(layout: Layout) -> str:
    """A layout as text; numbers stand under numbers, intervals under their values."""
    notes = [_fill(f"[{mark}] {text}", "    ") for mark, text in layout.notes]
    # Not broken into lines: a signature is there to be copied.
    signatures = [plain(f"{name}: {source}") for name, source in layout.signatures]
    parts = [
        _fill(layout.title),
        _fill(layout.facts),
        *_panels(layout),
        _fill(layout.explain(best=BEST, tied=TIED)),
        "\n".join(notes),
        "\n".join(["Signatures", *signatures]) if signatures else "",
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _fill(text: str, indent: str = "") -> str:
    return textwrap.fill(plain(text), WIDTH, subsequent_indent=indent)


def _panels(layout: Layout) -> list[str]:
    """The table, its columns in as many panels as the width needs."""
    names = _names(layout)
    panels: list[list[list[str]]] = [[]]
    for number in range(len(layout.headings)):
        column = _column(layout, number)
        width = _width(names[0]) + sum(2 + _width(one[0]) for one in [*panels[-1], column])
        if panels[-1] and width > WIDTH:
            panels.append([])
        panels[-1].append(column)
    return [_panel(layout, names, columns) for columns in panels]


def _panel(layout: Layout, names: list[str], columns: list[list[str]]) -> str:
    lines = ["  ".join(parts).rstrip() for parts in zip(names, *columns, strict=True)]
    rule = "-" * max(map(_width, lines))
    lines.insert(1 + _has_marks(layout), rule)
    if layout.published:
        first = len(lines) - len(layout.published)
        lines[first:first] = [rule, PUBLISHED]
    return "\n".join(lines)


def _names(layout: Layout) -> list[str]:
    """The first column: its heading, then a line per row and one per row of intervals."""
    names = [layout.corner] + [""] * _has_marks(layout)
    for line in layout.lines:
        names += [plain(line.name.value) + _marks(line.name)] + [""] * line.has_interval
    width = max(map(_width, names))
    return [_pad(name, width) for name in names]


def _column(layout: Layout, number: int) -> list[str]:
    """A column's lines, as many as `_names` has, all of one width."""
    heading = layout.headings[number]
    after = max((_width(_suffix(line.entries[number])) for line in layout.lines), default=0)
    cells = [plain(heading.value)] + [_marks(heading)] * _has_marks(layout)
    for line in layout.lines:
        entry = line.entries[number]
        cells += [entry.value + _pad(_suffix(entry), after)] + [entry.interval] * line.has_interval
    width = max(map(_width, cells))
    return [" " * (width - _width(cell)) + cell for cell in cells]


def _has_marks(layout: Layout) -> bool:
    """Whether the headings have a second line."""
    return any(heading.marks for heading in layout.headings)


def _suffix(entry: TableEntry) -> str:
    return BEST * entry.best + TIED * entry.tied + _marks(entry)


def _marks(entry: TableEntry) -> str:
    return f"[{','.join(entry.marks)}]" if entry.marks else ""


def _width(text: str) -> int:
    """Columns that a text takes in a terminal."""
    wide = sum(unicodedata.east_asian_width(one) in "WF" for one in text)
    return len(text) + wide - sum(unicodedata.combining(one) > 0 for one in text)


def _pad(text: str, width: int) -> str:
    return text + " " * (width - _width(text))
