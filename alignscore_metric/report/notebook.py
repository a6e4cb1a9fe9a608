"""A result as a notebook shows it: a few lines of static HTML, the worst examples first."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from textwrap import shorten
from typing import TYPE_CHECKING

import numpy as np

from alignscore_metric.text.excerpt import closest_sentence
from alignscore_metric.text.splitters import get_splitter

if TYPE_CHECKING:
    from alignscore_metric.report.evaluation import Evaluation

ROWS = 5
CHARACTERS = 200
HEADINGS = (
    *("row", "score", "least supported sentence", "its score", "its verdict"),
    "closest to it in the source",
)


def render_table(result: Evaluation) -> str:
    """Mean, interval, counts, signature, and the examples with the lowest scores.

    Args:
        result: Any number of examples; undefined ones are counted, not shown.

    Returns:
        HTML without script or style; texts of the data are escaped, and cut where they are long.
    """
    head, signature = str(result).split("\n")
    worst = np.argsort(result.scores, kind="stable")[: min(ROWS, len(result.defined))]  # NaN last
    rows = [_cells("td", _worst_of(result, int(row))) for row in worst]
    table = f"<table><thead>{_cells('th', HEADINGS)}</thead><tbody>{''.join(rows)}</tbody></table>"
    return f"<p>{escape(head)}</p>{table if rows else ''}<p><code>{escape(signature)}</code></p>"


def _worst_of(result: Evaluation, row: int) -> list[str]:
    found = min(result.sentences(row), key=lambda sentence: sentence.score)
    pieces = get_splitter("bundled_punkt").split(found.chunk)
    return [
        str(row),
        f"{result.scores[row]:.4f}",
        shorten(found.sentence, CHARACTERS, placeholder=" ..."),
        f"{found.score:.4f}",
        found.verdict,
        shorten(closest_sentence(pieces, found.sentence), CHARACTERS, placeholder=" ..."),
    ]


def _cells(tag: str, texts: Sequence[str]) -> str:
    return f"<tr>{''.join(f'<{tag}>{escape(text)}</{tag}>' for text in texts)}</tr>"
