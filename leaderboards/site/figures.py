"""Figures of the site: matplotlib's SVG, made to live inside a page.

Text stays text, colours are the page's own variables (so that light and dark both work), and equal
data give equal bytes. Knows arrays and names; nothing of boards, files or pages.
"""

from __future__ import annotations

import io
import re
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from markupsafe import Markup, escape
from numpy.typing import NDArray

from alignscore_metric.errors import MissingResourceError
from alignscore_metric.leaderboards.tables.layout import DASH, TIMES_100
from alignscore_metric.system.terminal import plain

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Floats = NDArray[np.float64]

SERIES = tuple(f"series-{number}" for number in range(1, 8))
"""Names of colours in style.css. Matplotlib wants numbers: each name gets one that nothing else
uses, and the finished SVG gets the name back."""

_NAMES = ("ink", "muted", "line", "positive", "negative", *SERIES)
COLOURS = {name: f"#0a0b{number:02x}" for number, name in enumerate(_NAMES, start=0x10)}
_DASHES = ("solid", (0, (5, 2)), (0, (1, 1.5)))
SITE_BINS = 24
"""Bins of a distribution."""

LABEL_LENGTH = 28
"""Longer names are cut in figures; the tables have them whole."""

_STYLE: dict[Any, Any] = {
    "svg.fonttype": "none",
    "text.parse_math": False,
    "font.size": 9,
    "path.simplify_threshold": 0.4,
    "savefig.pad_inches": 0.05,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": COLOURS["muted"],
    "axes.labelcolor": COLOURS["muted"],
    "axes.titlecolor": COLOURS["ink"],
    "text.color": COLOURS["ink"],
    "xtick.color": COLOURS["muted"],
    "ytick.color": COLOURS["muted"],
    "grid.color": COLOURS["line"],
    "legend.frameon": False,
}


_PAGE_STYLE = tuple(
    (re.compile(pattern, flags=re.DOTALL), new)
    for pattern, new in (
        (r' xmlns(:xlink)?="[^"]*"', ""),
        (r"<metadata>.*?</metadata>", ""),
        (r"<style[^>]*>.*?</style>", ""),
        (r'<g id="[^"]*"', "<g"),
        (r'(<text style="[^"]*?)font-family: [^;"]*; ', r"\1"),
        (r"xlink:href=", "href="),
        (r"\s*\n\s*", " "),
    )
)
"""What is taken out of matplotlib's SVG: namespaces, metadata, a style for every element, ids that
would repeat in a page, fonts, line ends."""


@dataclass(frozen=True)
class Interval:
    """One line of a forest plot; in percent. `low` and `high` are NaN where there is none."""

    label: str
    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Curve:
    """One ROC curve: rates in [0, 1], shape [N]; `number` chooses its colour and dashes."""

    label: str
    false_positive_rate: Floats
    true_positive_rate: Floats
    auc: float
    number: int


def forest(intervals: Sequence[Interval], *, description: str) -> Markup:
    """Values with their intervals, one line each, the first on top.

    Args:
        intervals: In percent.
        description: Said by screen readers; unique in its page.

    Returns:
        An SVG element.
    """

    def paint(axes: Axes) -> None:
        for place, one in enumerate(intervals):
            _interval(axes, place, one)
        axes.set_yticks(range(len(intervals)), [shortened(one.label) for one in intervals])
        axes.tick_params(axis="y", length=0, labelcolor=COLOURS["ink"])
        axes.set_ylim(len(intervals) - 0.4, -0.6)
        axes.spines["left"].set_visible(False)
        axes.grid(axis="x", linewidth=0.6)
        axes.set_axisbelow(True)
        axes.margins(x=0.08)

    return _draw(paint, size=(6.2, 0.45 + 0.26 * len(intervals)), description=description)


def _interval(axes: Axes, place: int, one: Interval) -> None:
    colour = COLOURS["series-1"]
    axes.plot(one.value, place, marker="o", markersize=5, color=colour)
    text = f"{one.value:.1f}"
    if np.isfinite([one.low, one.high]).all():
        axes.hlines(place, one.low, one.high, color=colour, linewidth=1.6)
        text += f"  {one.low:.1f}{DASH}{one.high:.1f}"
    axes.text(
        1.02, place, text, transform=axes.get_yaxis_transform(), va="center", color=COLOURS["muted"]
    )


def distribution(groups: Mapping[str, Floats], *, description: str) -> Markup:
    """Histograms of two groups of scores in one frame, each in shares of its own rows.

    Args:
        groups: Name of a colour, `positive` (filled) or `negative` (outlined), and its scores.
        description: Said by screen readers; unique in its page.

    Returns:
        An SVG element; its scores' axis is [0, 1] where all scores lie there.
    """
    together = np.concatenate(list(groups.values()))
    low, high = float(together.min()), float(together.max())
    if low >= 0 and high <= 1:
        low, high = 0.0, 1.0
    edges = np.linspace(low, high if high > low else low + 1, SITE_BINS + 1)

    def paint(axes: Axes) -> None:
        for name, scores in groups.items():
            shares = np.histogram(scores, edges)[0] / max(1, len(scores))
            filled = name == "positive"
            look: dict[str, Any] = {"alpha": 0.45} if filled else {"linewidth": 1.6}
            axes.stairs(shares, edges, color=COLOURS[name], fill=filled, **look)
        axes.set_yticks([])
        axes.spines["left"].set_visible(False)
        axes.margins(x=0.02)
        axes.set_ylim(bottom=0)

    return _draw(paint, size=(3.2, 1.5), description=description)


def roc(curves: Sequence[Curve], *, description: str) -> Markup:
    """ROC curves, named below the plot in the order of their AUC.

    Args:
        curves: At least one.
        description: Said by screen readers; unique in its page.

    Returns:
        An SVG element.
    """

    def paint(axes: Axes) -> None:
        axes.plot([0, 1], [0, 1], color=COLOURS["line"], linewidth=1)
        for curve in sorted(curves, key=lambda one: -one.auc):
            axes.plot(
                curve.false_positive_rate,
                curve.true_positive_rate,
                color=COLOURS[SERIES[curve.number % len(SERIES)]],
                linestyle=_DASHES[curve.number // len(SERIES) % len(_DASHES)],
                linewidth=1.5,
                label=f"{100 * curve.auc:.1f}  {shortened(curve.label)}",
            )
        axes.set(aspect="equal", xlim=(-0.01, 1.01), ylim=(-0.01, 1.01))
        axes.set(xlabel="false positive rate", ylabel="true positive rate")
        axes.legend(
            loc="upper left", bbox_to_anchor=(0, -0.19), borderpad=0, title=f"AUC {TIMES_100}"
        ).set_alignment("left")

    height = 4.0 + 0.18 * len(curves)
    return _draw(paint, size=(4.0, height), description=description)


def shortened(label: str) -> str:
    """A label that fits in a figure: one line of a limited length."""
    line = plain(label)
    if len(line) <= LABEL_LENGTH:
        return line
    # Variants of one metric differ at the end of their names.
    return f"{line[: LABEL_LENGTH - 13]}…{line[-12:]}"


def _draw(paint: Callable[[Axes], None], *, size: tuple[float, float], description: str) -> Markup:
    try:
        import matplotlib as mpl
        from matplotlib.figure import Figure
    except ImportError as cause:
        raise MissingResourceError(
            "the site's figures need: pip install 'alignscore-metric[leaderboards]'"
        ) from cause
    written = io.StringIO()
    with mpl.rc_context(), warnings.catch_warnings():
        # Only the browser's fonts matter; matplotlib's measure the text.
        warnings.filterwarnings("ignore", message="Glyph .* missing")
        mpl.rcdefaults()
        mpl.rcParams.update(_STYLE | {"svg.hashsalt": description})
        figure = Figure(figsize=size, layout="constrained")
        paint(figure.subplots())
        metadata = dict.fromkeys(("Creator", "Date", "Format", "Type"))
        figure.savefig(
            written, format="svg", transparent=True, metadata=metadata, bbox_inches="tight"
        )
    return _inline(written.getvalue(), description)


def _inline(document: str, description: str) -> Markup:
    """The SVG element of a document, free of what belongs to a file of its own or to its page."""
    drawing = document[document.index("<svg") :]
    for pattern, new in _PAGE_STYLE:
        drawing = pattern.sub(new, drawing)
    for name, colour in COLOURS.items():
        drawing = drawing.replace(colour, f"var(--{name})")
    label = f'<svg role="img" aria-label="{escape(description)}" '
    return Markup(drawing.replace("<svg ", label, 1).strip())  # noqa: S704 - texts are escaped
