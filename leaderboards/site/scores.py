"""What a dataset's page shows of item tables: distributions, ROC curves, hardest examples.

Texts come from the caller, who may have none. Knows nothing of HTML, files or boards.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from markupsafe import Markup

from alignscore_metric.arrays import Floats
from alignscore_metric.errors import InputError, MissingResourceError
from alignscore_metric.leaderboards.items import EvaluationSet, ItemTable
from alignscore_metric.leaderboards.site.figures import Curve, distribution, roc

if TYPE_CHECKING:
    import pandas as pd

    from alignscore_metric import SentenceEvidence

ShownExamples = Callable[[str, str], EvaluationSet]
ShownEvidence = Callable[[str, str], "Sequence[SentenceEvidence]"]

HARDEST = 5
"""Hardest examples of each label that are shown for each metric."""


@dataclass(frozen=True)
class ShownExample:
    """One row that a metric gets wrong, or nearly.

    Attributes:
        id: The row's.
        score: The metric's.
        percentile: Share of the split's scored rows with a lower score, in percent; equal ones
            count half.
        human_score, system, origin: As in the item table; None where it has none.
        summary, source: None where no text is at hand.
        evidence: Sentences of the summary; empty where no evidence was asked for.
    """

    id: str
    score: float
    percentile: float
    human_score: float | None
    system: str | None
    origin: str | None
    summary: str | None = None
    source: str | None = None
    evidence: tuple[SentenceEvidence, ...] = ()


@dataclass(frozen=True)
class MetricView:
    """One metric on one split: its distribution, and its hardest rows by label."""

    table: ItemTable
    undefined: int
    figure: Markup | None
    negatives: tuple[ShownExample, ...]
    positives: tuple[ShownExample, ...]


@dataclass(frozen=True)
class SplitView:
    """One split of a dataset, as metrics scored it.

    Attributes:
        split: Its name.
        discrepancies: How the data differ from the card.
        rows: Number of rows.
        positives: Rows with label 1; None without labels.
        groups: What is compared, in words: the filled group, the outlined one.
        metrics: In the order of their tables.
        roc: None where labels are not of both kinds.
        texts: What is to be said about the texts of examples; empty where all is well.
    """

    split: str
    discrepancies: tuple[str, ...]
    rows: int
    positives: int | None
    groups: tuple[str, str]
    metrics: tuple[MetricView, ...]
    roc: Markup | None
    texts: str


def view_split(
    tables: Sequence[ItemTable],
    *,
    numbers: Mapping[str, int],
    examples: ShownExamples | None = None,
    evidence: ShownEvidence | None = None,
) -> SplitView:
    """The item tables of one split of one dataset, ready to be written.

    Args:
        tables: One per metric, at least one.
        numbers: Which colour a metric has, by its name.
        examples: Gives the texts of a dataset's split; it may raise MissingResourceError.
        evidence: Explains a (source, summary) pair.

    Raises:
        InputError: Two tables of one metric.
    """
    info, frame = tables[0].info, tables[0].frame
    names = [table.info.metric for table in tables]
    if twice := {name for name in names if names.count(name) > 1}:
        where = f"{info.dataset}/{info.split}"
        raise InputError(f"two item tables of {', '.join(sorted(twice))} on {where}; give one")
    texts, said = _texts(tables, examples)
    labelled = bool(frame["label"].notna().any())
    views = [_metric(table, texts, evidence) for table in tables]
    return SplitView(
        split=info.split,
        discrepancies=tuple(dict.fromkeys(d for t in tables for d in t.info.discrepancies)),
        rows=len(frame),
        positives=int((frame["label"] == 1).sum()) if labelled else None,
        groups=("consistent", "inconsistent")
        if labelled
        else ("upper third of the human scores", "lower third"),
        metrics=tuple(views),
        roc=_roc(tables, numbers),
        texts=said,
    )


def hardest(frame: pd.DataFrame, *, label: int, count: int = HARDEST) -> pd.DataFrame:
    """Rows of one label whose scores speak most against it, the worst first.

    Args:
        frame: Of an item table.
        label: 0: highest scores first; 1: lowest first; equal scores by id.
        count: How many at most.
    """
    chosen = frame[(frame["label"] == label) & frame["score"].notna()]
    ordered = chosen.sort_values(["score", "id"], ascending=[label == 1, True], kind="stable")
    return ordered.head(count)


def score_groups(frame: pd.DataFrame) -> dict[str, Floats]:
    """Scores of positive and of negative rows.

    Without labels, those of the upper and the lower third of the human scores (ties at a border
    belong to the third). Groups without rows are absent, undefined scores left out.
    """
    scored = frame[frame["score"].notna()]
    if frame["label"].notna().any():
        masks = {"positive": scored["label"] == 1, "negative": scored["label"] == 0}
    else:
        human = scored["human_score"].astype(float)
        low, high = (human.quantile(share) for share in (1 / 3, 2 / 3))
        masks = {"positive": human >= high, "negative": human <= low}
    groups = {name: scored["score"][mask].to_numpy(float) for name, mask in masks.items()}
    return {name: scores for name, scores in groups.items() if len(scores)}


def _metric(
    table: ItemTable, texts: Mapping[str, _Text], evidence: ShownEvidence | None
) -> MetricView:
    info, frame = table.info, table.frame
    groups = score_groups(frame)
    where = f"{info.metric} on {info.dataset}/{info.split}"
    negatives, positives = (
        tuple(
            _example(row, frame["score"], texts, evidence)
            for row in hardest(frame, label=label).to_dict("records")
        )
        for label in (0, 1)
    )
    return MetricView(
        table=table,
        undefined=int(frame["score"].isna().sum()),
        figure=distribution(groups, description=f"Scores of {where}") if groups else None,
        negatives=negatives,
        positives=positives,
    )


def _example(
    row: dict[str, Any],
    scores: pd.Series[float],
    texts: Mapping[str, _Text],
    evidence: ShownEvidence | None,
) -> ShownExample:
    score = float(row["score"])
    source, summary = texts.get(str(row["id"]), (None, None))
    found: Sequence[SentenceEvidence] = ()
    if evidence is not None and source is not None and summary is not None:
        found = evidence(source, summary)
    return ShownExample(
        id=str(row["id"]),
        score=score,
        percentile=50 * float(((scores < score).sum() + (scores <= score).sum()) / scores.count()),
        human_score=_known(row["human_score"]),
        system=_known(row["system"]),
        origin=_known(row["origin"]),
        summary=summary,
        source=source,
        evidence=tuple(found),
    )


def _known(value: Any) -> Any:  # noqa: ANN401  # text or number
    return None if value is None or value != value else value


_Text = tuple[str | None, str | None]


def _texts(
    tables: Sequence[ItemTable], examples: ShownExamples | None
) -> tuple[dict[str, _Text], str]:
    """Source and summary by row id, and what is to be said about them."""
    info = tables[0].info
    if examples is None:
        return {}, "This site was made without the texts: rows are shown by their ids."
    try:
        data = examples(info.dataset, info.split)
    except MissingResourceError:
        return {}, "The texts were not at hand: rows are shown by their ids."
    columns = (data.frame[name] for name in ("id", "source", "summary"))
    texts = {
        str(i): (_known(source), _known(summary))
        for i, source, summary in zip(*columns, strict=True)
    }
    if any(table.info.dataset_hash != data.hash for table in tables):
        return texts, "The texts at hand differ from those that were scored: some may not belong."
    return texts, ""


def _roc(tables: Sequence[ItemTable], numbers: Mapping[str, int]) -> Markup | None:
    curves = [
        curve
        for table in tables
        if (curve := _curve(table, numbers[table.info.metric])) is not None
    ]
    info = tables[0].info
    return roc(curves, description=f"ROC curves on {info.dataset}/{info.split}") if curves else None


def _curve(table: ItemTable, number: int) -> Curve | None:
    """None where the labels of the scored rows are not of both kinds."""
    from sklearn.metrics import roc_auc_score, roc_curve

    rows = table.frame[table.frame["label"].notna() & table.frame["score"].notna()]
    labels, scores = rows["label"].to_numpy(int), rows["score"].to_numpy(float)
    if len(np.unique(labels)) < 2:
        return None
    false_positives, true_positives, _ = roc_curve(labels, scores)
    auc = float(roc_auc_score(labels, scores))
    return Curve(table.info.metric, false_positives, true_positives, auc, number)
