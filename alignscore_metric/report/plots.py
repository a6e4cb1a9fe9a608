"""Pictures of scores, for papers and notebooks, and the bins that scores are counted in.

Knows results and arrays. Matplotlib is an extra, imported when something is drawn; the colours are
of Okabe and Ito's palette, which readers with any colour vision can tell apart.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from alignscore_metric.arrays import Floats
from alignscore_metric.checkpoint.signature import headline
from alignscore_metric.errors import InputError, MissingResourceError

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from alignscore_metric.report.evaluation import Evaluation
    from alignscore_metric.scores.decisions import Reliability


BINS = 20
BLUE, ORANGE, INK = "#0072B2", "#D55E00", "#333333"
RIDGE = 0.8
"""Height of a system's tallest bar, where the next system's floor is 1 away."""


def score_range(scores: Floats) -> tuple[float, float]:
    """[0, 1], or more where a score lies outside, as those of the head `reg` can.

    Args:
        scores: Any shape; NaN is no score.

    Example:
        >>> score_range(np.array([0.2, 1.5]))
        (0.0, 1.5)
    """
    defined = scores[~np.isnan(scores)]
    return float(min(0, defined.min(initial=0))), float(max(1, defined.max(initial=1)))


def score_edges(scores: Floats) -> Floats:
    """Edges of the equal bins that `score_range` is cut into, shape [BINS + 1]."""
    return np.linspace(*score_range(scores), BINS + 1)


def plot_scores(result: Evaluation, ax: Axes | None = None) -> Axes:
    """Distribution of the scores, with their mean and its 95% interval.

    Args:
        result: Of one system.
        ax: Where to draw; a new figure's where None.

    Returns:
        The axes.

    Raises:
        InputError: No score is defined.
        MissingResourceError: Matplotlib is not installed.
    """
    _check({"the result": result})
    axes = ax or _new_axes(height=3)
    edges = score_edges(result.defined)
    axes.stairs(np.histogram(result.defined, edges)[0], edges, fill=True, color=BLUE, alpha=0.6)
    low, high = result.ci()
    if not np.isnan(low):
        axes.axvspan(
            low, high, color=ORANGE, alpha=0.25, linewidth=0, zorder=0, label="95% interval"
        )
    axes.axvline(result.mean, color=ORANGE, label=f"mean {result.mean:.3f}")
    axes.set(xlabel=headline(result.signature), ylabel="examples", xlim=(edges[0], edges[-1]))
    axes.legend(frameon=False)
    return axes


def plot_systems(results: Mapping[str, Evaluation], ax: Axes | None = None) -> Axes:
    """Distribution of the scores of each system, one above the other, the best mean on top.

    Args:
        results: Names of systems and their results, at least one.
        ax: Where to draw; a new figure's where None.

    Returns:
        The axes. A system's bars are shares of its own examples; all are drawn to one scale.

    Raises:
        InputError: There is no system, or one without a defined score.
        MissingResourceError: Matplotlib is not installed.
    """
    ranked = _ranked(results)
    axes = ax or _new_axes(height=1 + 0.6 * len(ranked))
    edges = score_edges(np.concatenate([result.defined for result in ranked.values()]))
    shares = [
        np.histogram(result.defined, edges)[0] / len(result.defined) for result in ranked.values()
    ]
    scale = RIDGE / max(share.max() for share in shares)
    for place, (share, result) in enumerate(zip(shares, ranked.values(), strict=True)):
        top = place + scale * share
        axes.stairs(top, edges, baseline=place, fill=True, color=BLUE, alpha=0.6)
        axes.vlines(result.mean, place, place + RIDGE, color=ORANGE)
    axes.set_yticks(range(len(ranked)), list(ranked), parse_math=False)
    axes.grid(axis="y", alpha=0.4)
    axes.set(xlabel=f"{_called(ranked)} (line: mean)", xlim=(edges[0], edges[-1]))
    axes.set(ylim=(-0.1, len(ranked)))
    return axes


def plot_means(results: Mapping[str, Evaluation], ax: Axes | None = None) -> Axes:
    """Mean of each system with its 95% interval, the best on top.

    Args:
        results: Names of systems and their results, at least one.
        ax: Where to draw; a new figure's where None.

    Returns:
        The axes. Intervals that overlap do not mean that systems do not differ: systems that
        summarise the same sources are compared by a paired test.

    Raises:
        InputError: There is no system, or one without a defined score.
        MissingResourceError: Matplotlib is not installed.
    """
    ranked = _ranked(results)
    axes = ax or _new_axes(height=1 + 0.35 * len(ranked))
    for place, result in enumerate(ranked.values()):
        axes.plot(result.mean, place, marker="o", color=BLUE)
        axes.hlines(place, *result.ci(), color=BLUE)
        axes.annotate(
            f"{result.mean:.3f}", (result.mean, place), (0, 6), textcoords="offset points",
            ha="center", color=INK,
        )  # fmt: skip
    axes.set_yticks(range(len(ranked)), list(ranked), parse_math=False)
    axes.set(xlabel=f"mean {_called(ranked)} with its 95% interval")
    axes.set(ylim=(-0.6, len(ranked) - 0.3))
    axes.grid(axis="x", alpha=0.4)
    return axes


def _called(results: Mapping[str, Evaluation]) -> str:
    """What the scores are called, where all are of one model."""
    names = {headline(result.signature) for result in results.values()}
    return names.pop() if len(names) == 1 else "AlignScore"


def plot_reliability(found: Mapping[str, Reliability], ax: Axes | None = None) -> Axes:
    """How often summaries of each probability are consistent, against the probability.

    Args:
        found: Names, as `raw` and `calibrated`, and their bins; at least one.
        ax: Where to draw; a new figure's where None.

    Returns:
        The axes. Probabilities that mean what they say lie on the dotted diagonal; a point's area
        is its bin's share of the rows.

    Raises:
        InputError: There is nothing to draw.
        MissingResourceError: Matplotlib is not installed.
    """
    if not found:
        raise InputError("no probabilities to draw; give names with their reliability")
    axes = ax or _new_axes(height=5)
    axes.plot([0, 1], [0, 1], color=INK, linestyle=":", zorder=0)
    for place, (name, one) in enumerate(found.items()):
        colour, marker = (ORANGE, BLUE, INK)[place % 3], "os^"[place % 3]
        axes.plot(one.predicted, one.observed, color=colour, alpha=0.5)
        axes.scatter(
            one.predicted, one.observed, s=20 + 400 * one.shares, color=colour, marker=marker,
            label=f"{name}, ECE {one.error:.3f}",
        )  # fmt: skip
    axes.set(xlabel="probability of being consistent", ylabel="share that is consistent")
    axes.set(xlim=(-0.02, 1.02), ylim=(-0.02, 1.02), aspect="equal")
    axes.legend(frameon=False, loc="upper left")
    return axes


def _ranked(results: Mapping[str, Evaluation]) -> dict[str, Evaluation]:
    """By rising mean: matplotlib counts upwards."""
    if not results:
        raise InputError("no system to draw; give names with their results")
    _check(results)
    return dict(sorted(results.items(), key=lambda item: item[1].mean))


def _check(results: Mapping[str, Evaluation]) -> None:
    for name, result in results.items():
        if not len(result.defined):
            raise InputError(f"{name} has no defined score: there is nothing to draw")


def _new_axes(*, height: float) -> Axes:
    try:
        from matplotlib import pyplot
    except ImportError as cause:
        raise MissingResourceError("plots need: pip install 'alignscore-metric[plots]'") from cause
    _, axes = pyplot.subplots(figsize=(6.4, height), layout="constrained")
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    return axes
