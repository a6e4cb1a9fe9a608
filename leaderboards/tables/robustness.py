"""What edits do to scores, as text, Markdown, LaTeX and JSON. Computes no statistic."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import asdict

from alignscore_metric.leaderboards.board import without_nan
from alignscore_metric.leaderboards.comparison import TIE
from alignscore_metric.leaderboards.robustness import Effect, Robustness
from alignscore_metric.leaderboards.tables.latex import latex_table
from alignscore_metric.leaderboards.tables.layout import DASH, UNDEFINED, Layout, Line, TableEntry
from alignscore_metric.leaderboards.tables.markdown import markdown_table
from alignscore_metric.leaderboards.tables.text import text_table
from alignscore_metric.scores.intervals import Estimate, Resampling

WRITERS = {"text": text_table, "markdown": markdown_table, "latex": latex_table}


def render_robustness(
    found: Sequence[Robustness], resampling: Resampling, *, seed: int, format: str
) -> str:
    """What edits do to the scores of some metrics: a table of each sort of edit.

    Args:
        found: One for each metric, all of the same pairs and edits.
        resampling: How the intervals were made.
        seed: Of the edits.
        format: `text`, `markdown`, `latex` (which needs the packages booktabs and graphicx), or
            `json`, which keeps all digits.

    Returns:
        A text that ends with a line break.
    """
    if format == "json":
        content = {
            "seed": seed,
            "resampling": asdict(resampling),
            "metrics": list(map(asdict, found)),
        }
        return json.dumps(without_nan(content), indent=1, ensure_ascii=False) + "\n"
    layouts = [_layout(found, resampling, seed, preserves=sort) for sort in (True, False)]
    return "\n".join(WRITERS[format](layout) for layout in layouts if layout.measured)


def _layout(
    found: Sequence[Robustness], resampling: Resampling, seed: int, *, preserves: bool
) -> Layout:
    sort = "preserve" if preserves else "change"
    parts = ("change", "falls", "AUC")
    chosen = [[one for one in metric.effects if one.preserves == preserves] for metric in found]
    ideal = "no change, AUC 0.5" if preserves else "a fall, AUC 1"
    return Layout(
        title=f"Edits that {sort} the meaning",
        facts=f"Right would be {ideal}. a{DASH}b: {100 * resampling.level:g}% interval from "
        f"{resampling.resamples} resamples of the sources. Seed {seed}",
        corner="edit",
        headings=(
            TableEntry("pairs"),
            *(TableEntry(f"{metric.metric}: {part}") for metric in found for part in parts),
        ),
        measured=tuple(
            Line(
                TableEntry(effects[0].kind.replace("_", " ")),
                (
                    TableEntry(_count(effects)),
                    *(entry for one in effects for entry in _entries(one)),
                ),
            )
            for effects in zip(*chosen, strict=True)
        ),
        legend=(
            "change: mean of edited minus original score",
            f"falls: share of the pairs whose score falls by more than {TIE:g}",
            "AUC: of original against edited pairs",
            "pairs: how many could be edited so, and have scores",
        ),
        signatures=tuple((metric.metric, metric.signature) for metric in found),
    )


def _count(effects: Sequence[Effect]) -> str:
    """How many pairs; several numbers where metrics left different ones undefined."""
    return "/".join(dict.fromkeys(str(effect.rows) for effect in effects))


def _entries(effect: Effect) -> tuple[TableEntry, TableEntry, TableEntry]:
    falls = UNDEFINED if math.isnan(effect.falls) else f"{effect.falls:.0%}"
    return _number(effect.change, "+.3f"), TableEntry(falls), _number(effect.auc, ".2f")


def _number(found: Estimate, digits: str) -> TableEntry:
    if math.isnan(found.value):
        return TableEntry(UNDEFINED)
    bounded = not math.isnan(found.low)
    return TableEntry(
        format(found.value, digits),
        f"{found.low:{digits}}{DASH}{found.high:{digits}}" if bounded else "",
    )
