"""Comparisons of systems as text, Markdown, LaTeX and JSON, and back. Computes no statistic."""

from __future__ import annotations

import json
import math
import textwrap
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Literal

from alignscore_metric.errors import InputError
from alignscore_metric.leaderboards.board import with_nan, without_nan
from alignscore_metric.leaderboards.comparison import (
    TIE,
    Comparison,
    ComparisonSettings,
    PairOfSystems,
    SystemScores,
)
from alignscore_metric.leaderboards.tables.latex import latex_table
from alignscore_metric.leaderboards.tables.layout import (
    DASH,
    UNDEFINED,
    Layout,
    Line,
    TableEntry,
)
from alignscore_metric.leaderboards.tables.markdown import markdown_table
from alignscore_metric.leaderboards.tables.text import WIDTH, text_table
from alignscore_metric.system.terminal import plain

ComparisonFormat = Literal["text", "markdown", "latex", "json"]

CONTRASTS = "Examples on which two systems differ most"
MAX_LINES = 8
"""Of a summary in the text for a terminal."""


@dataclass(frozen=True)
class Contrast:
    """One example on which two systems differ.

    Attributes:
        example: Its name.
        better: The system that scores higher.
        better_score: Its score.
        better_summary: What it scores.
        worse: The system that scores lower.
        worse_score: Its score.
        worse_summary: What it scores.
    """

    example: str
    better: str
    better_score: float
    better_summary: str
    worse: str
    worse_score: float
    worse_summary: str


def render_comparison(
    comparison: Comparison,
    *,
    format: ComparisonFormat,
    scores_from: str,
    contrasts: Sequence[Contrast] = (),
) -> str:
    """A comparison as a table of systems, one of pairs, and examples.

    Args:
        comparison: The numbers.
        format: Which format. JSON keeps all digits, and `read_comparison` reads it; LaTeX has no
            examples and needs the packages booktabs and graphicx.
        scores_from: What made the scores: a signature, or words.
        contrasts: The examples to show.

    Returns:
        A text that ends with a line break.
    """
    if format == "json":
        content = asdict(comparison) | {
            "scores_from": scores_from,
            "contrasts": [asdict(one) for one in contrasts],
        }
        return json.dumps(without_nan(content), indent=1, ensure_ascii=False) + "\n"
    systems, pairs = _systems_layout(comparison, scores_from), _pairs_layout(comparison)
    if format == "latex":
        return latex_table(systems) + "\n" + latex_table(pairs)
    if format == "markdown":
        layouts = [systems, pairs, *([_contrasts_layout(contrasts)] if contrasts else [])]
        return "\n".join(map(markdown_table, layouts))
    shown = [_contrasts_text(contrasts)] if contrasts else []
    return "\n".join([text_table(systems), text_table(pairs), *shown])


def read_comparison(text: str, *, where: str) -> tuple[Comparison, str, list[Contrast]]:
    """What `render_comparison` wrote as JSON.

    Args:
        text: The JSON.
        where: What errors call it.

    Returns:
        The comparison, what made its scores, and its examples.

    Raises:
        InputError: Not JSON, or not of a comparison.
    """
    try:
        content = json.loads(text)
        comparison = Comparison(
            examples=content["examples"],
            documents=content["documents"],
            systems=tuple(SystemScores(**with_nan(one)) for one in content["systems"]),
            pairs=tuple(PairOfSystems(**with_nan(one)) for one in content["pairs"]),
            settings=ComparisonSettings(**content["settings"]),
        )
        contrasts = [Contrast(**one) for one in content["contrasts"]]
        return comparison, str(content["scores_from"]), contrasts
    except (AttributeError, KeyError, TypeError, ValueError) as cause:
        raise InputError(
            f"{where} is no comparison in JSON ({cause}); `alignscore compare --format json` "
            "writes one, and to compare systems two files or more are needed"
        ) from cause


def _systems_layout(comparison: Comparison, scores_from: str) -> Layout:
    settings = comparison.settings
    best, clusters = comparison.systems[0].name, comparison.systems[-1].cluster
    legend = ["{best}: the highest mean"]
    if any(system.cluster == 1 for system in comparison.systems[1:]):
        legend.append("{tied}: in its cluster")
    if clusters > 1:
        legend.append("every system is significantly better than all systems of later clusters")
    undefined = any(system.undefined for system in comparison.systems)
    headings = ("mean", "median", f"below {settings.threshold:g}", "cluster")
    if undefined:
        legend.append("undefined: examples without a score, left out")
    return Layout(
        title=f"Scores of {len(comparison.systems)} systems",
        facts=f"{comparison.examples} examples from {comparison.documents} sources. a{DASH}b: "
        f"{100 * settings.level:g}% interval from {settings.resamples} resamples of the sources, "
        f"seed {settings.seed}",
        corner="system",
        headings=tuple(map(TableEntry, (*headings, *(["undefined"] * undefined)))),
        measured=tuple(
            _system_line(one, is_best=one.name == best, undefined=undefined)
            for one in comparison.systems
        ),
        legend=tuple(legend),
        signatures=(("Scores", scores_from),),
    )


def _system_line(system: SystemScores, *, is_best: bool, undefined: bool) -> Line:
    mean = TableEntry(
        _number(system.mean),
        _interval(system.low, system.high),
        best=is_best,
        tied=system.cluster == 1 and not is_best,
    )
    others = [_number(system.median), _percent(system.below), system.cluster]
    others += [system.undefined] * undefined
    return Line(TableEntry(system.name), (mean, *(TableEntry(str(other)) for other in others)))


def _pairs_layout(comparison: Comparison) -> Layout:
    settings = comparison.settings
    # Columns of zeros are left out.
    ties = any(pair.ties > 0 for pair in comparison.pairs)
    undefined = any(pair.undefined for pair in comparison.pairs)
    headings = ["difference", "p", "p (Holm)", "win", *(["tie"] * ties), "loss"]
    legend = ["win, loss: of the first system, example by example"]
    if any(pair.p_holm < settings.alpha for pair in comparison.pairs):
        legend.insert(0, f"a > b, {{best}}: p after Holm's correction below {settings.alpha:g}")
    if ties:
        legend.append(f"tie: a difference of at most {TIE:g}")
    if undefined:
        headings.append("undefined")
        legend.append("undefined: examples left out because one of the two has no score")
    return Layout(
        title=f"Paired comparisons of {len(comparison.systems)} systems",
        facts=f"p: two-sided sign-flip test of the sources' differences, {settings.resamples} "
        f"flips, seed {settings.seed}. a{DASH}b: {100 * settings.level:g}% interval",
        corner="pair",
        headings=tuple(map(TableEntry, headings)),
        measured=tuple(
            _pair_line(pair, settings.alpha, ties=ties, undefined=undefined)
            for pair in comparison.pairs
        ),
        legend=tuple(legend),
    )


def _pair_line(pair: PairOfSystems, alpha: float, *, ties: bool, undefined: bool) -> Line:
    significant = pair.p_holm < alpha
    shares = (pair.wins, *([pair.ties] * ties), pair.losses)
    entries = (
        TableEntry(_number(pair.difference), _interval(pair.low, pair.high)),
        TableEntry(_p_value(pair.p)),
        TableEntry(_p_value(pair.p_holm), best=significant),
        *(TableEntry(_percent(share)) for share in shares),
        *([TableEntry(str(pair.undefined))] * undefined),
    )
    return Line(TableEntry(f"{pair.better} {'>' if significant else 'vs.'} {pair.worse}"), entries)


def _contrasts_layout(contrasts: Sequence[Contrast]) -> Layout:
    lines = [
        Line(
            TableEntry(summary),
            (TableEntry(name), TableEntry(_number(score)), TableEntry(one.example)),
        )
        for one in contrasts
        for name, score, summary in _sides(one)
    ]
    headings = (TableEntry("system"), TableEntry("score"), TableEntry("example"))
    return Layout(CONTRASTS, "", "summary", headings, tuple(lines))


def _contrasts_text(contrasts: Sequence[Contrast]) -> str:
    lines = [CONTRASTS]
    for one in contrasts:
        lines += ["", f"{one.better_score - one.worse_score:.3f}  {plain(one.example)}"]
        for name, score, summary in _sides(one):
            lines += textwrap.wrap(
                f"{_number(score)}  {plain(name)}: {plain(summary)}", WIDTH, initial_indent=" " * 4,
                subsequent_indent=" " * 11, max_lines=MAX_LINES,
            )  # fmt: skip
    return "\n".join(lines) + "\n"


def _sides(one: Contrast) -> tuple[tuple[str, float, str], ...]:
    return (
        (one.better, one.better_score, one.better_summary),
        (one.worse, one.worse_score, one.worse_summary),
    )


def _number(value: float) -> str:
    return UNDEFINED if math.isnan(value) else f"{value:.3f}"


def _interval(low: float, high: float) -> str:
    return "" if math.isnan(low) else f"{low:.3f}{DASH}{high:.3f}"


def _percent(share: float) -> str:
    return UNDEFINED if math.isnan(share) else f"{share:.1%}"


def _p_value(p: float) -> str:
    if math.isnan(p):
        return UNDEFINED
    return "<0.001" if p < 0.001 else f"{p:.3f}"
