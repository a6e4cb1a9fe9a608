"""How well questions are answered, as a layout. Computes no statistic."""

from __future__ import annotations

import math

from alignscore_metric.leaderboards.answering import AnsweringReport, Policy
from alignscore_metric.leaderboards.tables.layout import (
    DASH,
    TIMES_100,
    UNDEFINED,
    Entry,
    Layout,
    Line,
)
from alignscore_metric.scores.intervals import Estimate, Resampling


def answering_layout(title: str, report: AnsweringReport, resampling: Resampling) -> Layout:
    """A report as a table: a line for each policy."""
    auc = percent(report.auc)
    return Layout(
        title=title,
        facts=f"{report.questions} questions on {report.contexts} contexts, {report.answerable} of "
        f"them answerable. Numbers {TIMES_100}; a{DASH}b: {100 * resampling.level:g}% interval "
        f"from {resampling.resamples} resamples of the contexts, seed {resampling.seed}. "
        f"ROC-AUC of unanswerability: {auc.value}{f' ({auc.interval})' if auc.interval else ''}",
        corner="abstains",
        headings=tuple(
            map(Entry, ("EM", "F1", "F1 (answerable)", "right (unanswerable)", "abstains",
                        "threshold"))
        ),
        measured=tuple(_line(policy) for policy in report.policies),
    )  # fmt: skip


def _line(policy: Policy) -> Line:
    found = (policy.exact, policy.f1, policy.answerable_f1, policy.unanswerable_right)
    threshold = DASH if math.isnan(policy.threshold) else f"{policy.threshold:.3f}"
    others = (Entry(f"{100 * policy.abstained:.1f}"), Entry(threshold))
    return Line(Entry(policy.name), (*map(percent, found), *others))


def percent(found: Estimate) -> Entry:
    """An estimate times 100, with its interval."""
    if math.isnan(found.value):
        return Entry(UNDEFINED)
    bounded = not math.isnan(found.low)
    interval = f"{100 * found.low:.1f}{DASH}{100 * found.high:.1f}" if bounded else ""
    return Entry(f"{100 * found.value:.1f}", interval)
