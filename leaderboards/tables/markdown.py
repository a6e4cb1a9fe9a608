"""Layouts as Markdown: GitHub's tables, with `<sub>` and `<sup>` for small print and marks."""

from __future__ import annotations

import re

from alignscore_metric.leaderboards.tables.layout import PUBLISHED, Layout, Line, TableEntry
from alignscore_metric.system.terminal import plain

TIED = "\N{DAGGER}"


def markdown_table(layout: Layout) -> str:
    """A layout as Markdown: a bold title, the table, the legend, notes and signatures as a list."""
    rows = [
        [layout.corner, *(_escape(one.value) + _marks(one) for one in layout.headings)],
        ["---", *("---:" for _ in layout.headings)],
        *(_row(line) for line in layout.measured),
    ]
    if layout.published:
        rows += [[f"*{PUBLISHED}*", *("" for _ in layout.headings)]]
        rows += [_row(line) for line in layout.published]
    notes = [f"- <sup>{mark}</sup> {_escape(text)}" for mark, text in layout.notes]
    notes += [f"- {_escape(name)}: {_escape(source)}" for name, source in layout.signatures]
    parts = [
        f"**{_escape(layout.title)}** {_escape(layout.facts)}".rstrip(),
        "\n".join(f"| {' | '.join(row)} |" for row in rows),
        _escape(layout.explain(best="bold", tied=TIED)),
        "\n".join(notes),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _row(line: Line) -> list[str]:
    name = _escape(line.name.value) + _marks(line.name)
    return [name, *(_entry(entry) for entry in line.entries)]


def _entry(entry: TableEntry) -> str:
    value = _escape(entry.value)
    value = f"**{value}**" if entry.best else value + TIED * entry.tied
    interval = f" <sub>{entry.interval}</sub>" if entry.interval else ""
    return value + _marks(entry) + interval


def _marks(entry: TableEntry) -> str:
    return f"<sup>{','.join(entry.marks)}</sup>" if entry.marks else ""


def _escape(text: str) -> str:
    return re.sub(r"([\\`*_{}\[\]<>|~#$&])", r"\\\1", plain(text))
