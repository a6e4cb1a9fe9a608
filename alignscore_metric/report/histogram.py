"""The distribution of scores as an SVG element. Knows arrays; nothing of results or of the page.

Its colours are classes of the page's style sheet; the colour of a bar is that of its scores.
"""

from __future__ import annotations

from html import escape

import numpy as np

from alignscore_metric.arrays import Floats
from alignscore_metric.report.plots import score_edges

BARS_OF_A_COLOUR = 4
"""Bars that share a colour: the page has five colours for the bars' twenty."""

WIDTH, HEIGHT, SIDE, FLOOR, TOP = 640, 190, 26, 160, 30


def histogram(scores: Floats, mean: float, interval: tuple[float, float]) -> str:
    """Bars with the mean and its interval above them.

    Args:
        scores: Defined scores, at least one, shape [N].
        mean: Their mean.
        interval: Bounds of the mean; (NaN, NaN) where there are none.

    Returns:
        An SVG element.
    """
    edges = score_edges(scores)
    counts = np.histogram(scores, edges)[0]
    low, high = float(edges[0]), float(edges[-1])

    def x(score: float) -> float:
        return round(SIDE + (WIDTH - 2 * SIDE) * (score - low) / (high - low), 2)

    heights = (FLOOR - TOP) * counts / counts.max()
    bars = [
        _bar(x(a), x(b), height, place, f"{a:.2f} to {b:.2f}: {count}")
        for place, (a, b, height, count) in enumerate(
            zip(edges[:-1], edges[1:], heights, counts, strict=True)
        )
    ]
    label = (
        f"Histogram of {len(scores)} scores: lowest {scores.min():.2f}, median "
        f"{np.median(scores):.2f}, mean {mean:.2f}, highest {scores.max():.2f}"
    )
    return "\n".join(
        [
            f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{escape(label)}">',
            f'<path class="grid" d="M{SIDE} {TOP}H{WIDTH - SIDE}"/>',
            f'<text class="count" x="{SIDE}" y="{TOP - 6}">{counts.max()}</text>',
            *([] if np.isnan(interval[0]) else [_interval(x(interval[0]), x(interval[1]))]),
            *bars,
            f'<path class="axis" d="M{SIDE} {FLOOR}H{WIDTH - SIDE}"/>',
            *(_tick(x(score), f"{score:.2f}") for score in np.linspace(low, high, 6)),
            f'<path class="mean" d="M{x(mean)} {TOP - 8}V{FLOOR}"/>',
            f'<text class="mean" x="{x(mean)}" y="{TOP - 11}">mean {mean:.3f}</text>',
            "</svg>",
        ]
    )


def _bar(left: float, right: float, height: float, place: int, title: str) -> str:
    return (
        f'<rect class="bar band-{place // BARS_OF_A_COLOUR}" x="{left + 1:.2f}" '
        f'y="{FLOOR - height:.2f}" width="{right - left - 2:.2f}" height="{height:.2f}">'
        f"<title>{title}</title></rect>"
    )


def _tick(x: float, text: str) -> str:
    return f'<text class="tick" x="{x}" y="{FLOOR + 18}">{text}</text>'


def _interval(left: float, right: float) -> str:
    return (
        f'<rect class="interval" x="{left}" y="{TOP - 8}" width="{max(1, right - left):.2f}" '
        f'height="{FLOOR - TOP + 8}"/>'
    )
