"""Data cards as Markdown pages, one for each dataset and an index.

Owns their layout and the escaping of text. Reads cards and their stored statistics; computes none.

    python tools/card_pages.py

writes the pages of docs/data_cards, after a change of a card or of its statistics.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from describe_datasets import (
    Distribution,
    SetOverlap,
    SplitStatistics,
    Statistics,
    load_statistics,
)

from alignscore_metric.errors import AlignScoreError
from alignscore_metric.leaderboards.cards import Card, Count, load_cards
from alignscore_metric.text.ngrams import LONG, SHORT

PAGES = Path(__file__).resolve().parents[1] / "docs" / "data_cards"
INDEX = "README.md"
SHOWN_SHARE = 0.001
"""A measured overlap of a smaller share of rows is left out of a page, and counted."""

MISSING = "\N{EN DASH}"
_MARKS = re.compile(r"[\\`*\[\]<>|~&]|(?<![^\W_])_|_(?![^\W_])|^[#+-](?=\s)|(?<=^\d)[.)](?=\s)")
"""Punctuation that Markdown may take for markup; `_` inside words it does not."""


def escape(text: str) -> str:
    r"""Text that Markdown shows as it is, on one line, in a table or outside.

    >>> print(escape("a|b <i> *c* d_e"))
    a\|b \<i\> \*c\* d_e
    """
    return _MARKS.sub(r"\\\g<0>", " ".join(text.split()))


def code(text: str) -> str:
    """Text as a code span, which a table may hold; runs of spaces become one."""
    text = " ".join(text.split()).replace("|", "\\|")
    fence = "`" * (max((len(run) for run in re.findall("`+", text)), default=0) + 1)
    space = " " if text.startswith("`") or text.endswith("`") else ""
    return f"{fence}{space}{text}{space}{fence}"


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table; the cells are Markdown already."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join(f"| {' | '.join(cell or MISSING for cell in line)} |" for line in lines)


def render_card(card: Card, statistics: Statistics | None) -> str:
    """One dataset as a Markdown page.

    Args:
        card: Its data card.
        statistics: What `describe_datasets.py` measured of it; None where its data was not at hand.
    """
    paper = card.paper
    parts = [
        f"# {escape(card.title)}",
        escape(card.description),
        _facts(card),
        _section("Sizes", _counts(card)),
        _section("Known defects", _bullets(escape(defect) for defect in card.known_defects)),
        _section("Places in benchmarks", _memberships(card)),
        _section("Related training sets", _relations(card)),
        _section("Statistics", _statistics(statistics) if statistics else ""),
        _section("Texts shared with other datasets", _shared(statistics) if statistics else ""),
        _section("Files", _files(card)),
        f"## Paper\n\n[{escape(paper.title)}]({paper.url}), {escape(paper.venue)} {paper.year}.\n\n"
        f"```bibtex\n{paper.bibtex}\n```",
        f"[All datasets]({INDEX})",
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _section(title: str, content: str) -> str:
    return f"## {title}\n\n{content}" if content else ""


def _bullets(items: Iterable[str]) -> str:
    return "\n".join(f"- {item}" for item in items)


def _facts(card: Card) -> str:
    commercial = {True: "yes", False: "no", None: "not clear"}[card.licence.commercial_use]
    facts = {
        "Name": code(card.name),
        "Use": f"{card.role} only",
        "Task": escape(card.task),
        "Language": escape(card.language),
        "Sources": escape(card.origin.sources),
        "Summaries, claims": escape(card.origin.summaries),
        "Annotation": escape(card.annotation),
        "Label": escape(card.label_rule),
        "Licence": f"{escape(card.licence.name)} ({escape(card.licence.source)})",
        "Commercial use": commercial,
        "AlignScore's clean-up": "yes" if card.clean_up else "no",
        "Training mixtures": ", ".join(map(code, card.mixtures)),
    }
    if card.role == "training":
        del facts["AlignScore's clean-up"]
    return table(["field", "content"], ([name, fact] for name, fact in facts.items() if fact))


def _counts(card: Card) -> str:
    rows = [
        [
            code(name),
            _rows(split.published),
            _rows(split.found),
            _difference(split.published, split.found),
            _positives(split.published),
            _positives(split.found),
            escape(split.note or ""),
        ]
        for name, split in card.splits.items()
    ]
    positive = ["positive, published", "positive, found"]
    return table(["split", "published", "found", "difference", *positive, "note"], rows)


def _difference(published: Count | None, found: Count | None) -> str:
    if published is None or found is None:
        return ""
    rows = found.rows - published.rows
    return f"**{rows:+,}**" if rows else "0"


def _rows(count: Count | None) -> str:
    return "" if count is None else _number(count.rows)


def _positives(count: Count | None) -> str:
    if count is None or count.positives is None:
        return ""
    return _of(count.positives, count.rows)


def _memberships(card: Card) -> str:
    rows = [
        [
            code(member.benchmark),
            code(member.task),
            (" + " if member.pooled else ", ").join(map(code, member.splits)),
            code(member.target),
            ", ".join(code(f"{key} = {value}") for key, value in member.where.items()),
            "yes" if member.in_mean else "no",
            escape(member.note or ""),
        ]
        for member in card.benchmarks
    ]
    header = ["benchmark", "task", "splits", "target", "rows where", "in the mean", "note"]
    return table(header, rows) if rows else ""


def _relations(card: Card) -> str:
    rows = [[_link(one.dataset), escape(one.kind), escape(one.note or "")] for one in card.overlaps]
    return table(["training set", "relation", "note"], rows) if rows else ""


def _files(card: Card) -> str:
    rows = []
    for source in card.sources:
        options = code(json.dumps(source.options, ensure_ascii=False)) if source.options else ""
        for file in source.files:
            digest = code(source.sha256[file]) if file in source.sha256 else ""
            rows.append([code(file), code(source.reader), options, digest, f"<{source.url}>"])
    notes = [escape(source.documents) for source in card.sources if source.documents]
    header = ["file", "reader", "options", "sha256, uncompressed", "published at"]
    return "\n\n".join([table(header, rows), *dict.fromkeys(notes)]) if rows else ""


def _statistics(statistics: Statistics) -> str:
    lines: dict[str, Callable[[SplitStatistics], str]] = {
        "rows": lambda one: _number(one.rows),
        "labels": _labels,
        "graded judgments": lambda one: _spread(one.graded),
        "distinct sources": lambda one: _number(one.documents),
        "rows without a source": lambda one: _number(one.without_source),
        "words of a source": lambda one: _spread(one.source_words),
        "words of a summary": lambda one: _spread(one.summary_words),
        "sentences of a source": lambda one: _spread(one.source_sentences),
        "sentences of a summary": lambda one: _spread(one.summary_sentences),
        "summary's 1-, 2-, 3-grams in the source": _coverage,
        "repeated (source, summary)": lambda one: _of(one.repeated_pairs, one.rows),
        "(source, summary) with several labels": lambda one: _number(one.conflicting_pairs),
        "texts in other splits": _elsewhere,
    }
    splits = statistics.splits
    rows = ([name, *(show(split) for split in splits.values())] for name, show in lines.items())
    return table(["measure", *map(code, splits)], rows)


def _labels(split: SplitStatistics) -> str:
    shares = (f"{code(name)} {_of(rows, split.rows)}" for name, rows in split.labels.items())
    return ", ".join(shares)


def _spread(one: Distribution | None) -> str:
    if one is None:
        return ""
    middle = f"mean {one.mean:g}, median {one.median:g}"
    return f"{middle}, 5% to 95%: {one.p5:g} to {one.p95:g}, maximum {one.max:g}"


def _coverage(split: SplitStatistics) -> str:
    return ", ".join(f"{100 * share:.1f}%" for share in split.coverage.values())


def _elsewhere(split: SplitStatistics) -> str:
    shared = split.in_other_splits
    if shared is None:
        return ""
    counts = {"source": shared.source, "summary": shared.summary, "both": shared.pair}
    return ", ".join(f"{name} {_of(rows, split.rows)}" for name, rows in counts.items())


def _shared(statistics: Statistics) -> str:
    least = SHOWN_SHARE * statistics.rows
    shown = [one for one in statistics.overlaps if _largest(one) >= least]
    if not statistics.overlaps:
        return "None of the datasets at hand."
    rows = (
        [_link(one.dataset), *(_of(count, statistics.rows) for count in _columns(one))]
        for one in shown
    )
    header = ["dataset", "source", "summary", "both", "run in source", "run in summary"]
    legend = (
        "Rows of this dataset, all splits, whose source, summary, or both in one row stand in "
        f"the other one; and whose source or summary shares a run of {LONG} words with it ({SHORT} "
        f"where it has fewer than {LONG}), counted for evaluation sets against training sets. "
        "Case, spacing and punctuation are passed over."
    )
    left = len(statistics.overlaps) - len(shown)
    more = f" Left out: {left} datasets that share fewer than {SHOWN_SHARE:.1%} of the rows."
    return "\n\n".join([legend + (more if left else ""), table(header, rows) if shown else ""])


def _columns(one: SetOverlap) -> tuple[int | None, ...]:
    return one.source, one.summary, one.pair, one.source_runs, one.summary_runs


def _largest(one: SetOverlap) -> int:
    return max(count or 0 for count in _columns(one))


def _link(name: str) -> str:
    return f"[{code(name)}]({name}.md)" if name in load_cards() else code(name)


def _number(count: int | None) -> str:
    return "" if count is None else f"{count:,}"


def _of(count: int | None, rows: int) -> str:
    """A count with its share of the rows."""
    if not count or not rows:
        return _number(count)
    return f"{count:,} ({100 * count / rows:.1f}%)"


def render_index(cards: Iterable[Card]) -> str:
    """The page that lists all datasets, by benchmark and by training mixture."""
    groups: dict[str, list[Card]] = {}
    for card in cards:
        places = [f"Benchmark `{name}`" for name in _distinct(m.benchmark for m in card.benchmarks)]
        places += [f"Training mixture `{name}`" for name in card.mixtures]
        for place in places or [f"Other {card.role} sets"]:
            groups.setdefault(place, []).append(card)
    parts = [
        "# Datasets",
        "Made from `data_cards/` by `python tools/card_pages.py`: change the cards, not "
        "these pages. *Found* counts the files that were at hand, all splits.",
        *(f"## {place}\n\n{_index_table(group)}" for place, group in sorted(groups.items())),
    ]
    return "\n\n".join(parts) + "\n"


def _distinct(names: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(names))


def _index_table(cards: Iterable[Card]) -> str:
    rows = []
    for card in cards:
        found = [split.found.rows for split in card.splits.values() if split.found is not None]
        rows.append(
            [
                _link(card.name),
                escape(card.title),
                escape(card.task),
                _number(sum(found)) if found else "",
                escape(card.licence.name),
            ]
        )
    return table(["dataset", "title", "task", "found", "licence"], rows)


def render_pages() -> dict[str, str]:
    """All pages by file name: one for each card, and the index."""
    cards = load_cards()
    pages = {f"{name}.md": render_card(one, load_statistics(one)) for name, one in cards.items()}
    return {INDEX: render_index(cards.values()), **pages}


def write_pages(folder: Path) -> list[Path]:
    """Write all pages into a folder; returns the files, the index first."""
    folder.mkdir(parents=True, exist_ok=True)
    files = []
    for name, page in render_pages().items():
        (folder / name).write_text(page, encoding="utf-8")
        files.append(folder / name)
    return files


def main(arguments: Sequence[str] | None = None) -> int:
    """Check all cards, and write their pages.

    Args:
        arguments: The command line; the process's own when None.

    Returns:
        The exit status.
    """
    parser = argparse.ArgumentParser(description="Check all data cards, and write their pages.")
    parser.add_argument("--output", type=Path, default=PAGES, metavar="DIR", help="write the pages "
                        "here; default: docs/data_cards")  # fmt: skip
    options = parser.parse_args(arguments)
    try:
        files = write_pages(options.output)
    except AlignScoreError as error:
        parser.error(str(error))
    print(f"{len(files)} pages in {options.output}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
