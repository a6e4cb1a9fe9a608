"""How a metric's scores move when a summary or its source is edited.

Owns the probe: which numbers of which edits. The edits are `alignscore_metric.edits.robustness`'s.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from alignscore_metric.arrays import Floats, Ints
from alignscore_metric.edits.robustness import KINDS, edit_pair
from alignscore_metric.errors import ConfigurationError, InputError
from alignscore_metric.leaderboards.comparison import TIE
from alignscore_metric.leaderboards.metrics import Metric
from alignscore_metric.scores import statistics as st
from alignscore_metric.scores.intervals import Estimate, Resampling, estimate, mean_estimate


@dataclass(frozen=True)
class Effect:
    """What one kind of edit does to the scores of one metric.

    Attributes:
        kind: The edit.
        preserves: Whether it preserves what the summary says.
        rows: How many pairs could be edited so, and have both scores.
        before: Mean score of these pairs.
        change: Mean of edited minus original score.
        falls: Share of the pairs whose score falls by more than `TIE`.
        rises: Share of those whose score rises by more.
        auc: ROC-AUC of original against edited pairs: 0.5 where they cannot be told, 1 where every
            original is above every edited one.
    """

    kind: str
    preserves: bool
    rows: int
    before: float
    change: Estimate
    falls: float
    rises: float
    auc: Estimate


@dataclass(frozen=True)
class Robustness:
    """What edits do to one metric's scores.

    Attributes:
        metric: Its name.
        signature: What exactly produced the scores.
        effects: One for each kind of edit.
    """

    metric: str
    signature: str
    effects: tuple[Effect, ...]


@dataclass(frozen=True)
class EditedPairs:
    """Pairs and what was made of them.

    Attributes:
        originals: Pairs of a source and a summary.
        edits: By kind, the rows of `originals` that could be edited, and the edited pairs.
    """

    originals: list[tuple[str, str]]
    edits: dict[str, tuple[list[int], list[tuple[str, str]]]]


def edit_pairs(
    sources: Sequence[str],
    summaries: Sequence[str],
    kinds: Sequence[str] = tuple(KINDS),
    *,
    seed: int = 0,
) -> EditedPairs:
    """Edit every pair in every way.

    Args:
        sources: N sources.
        summaries: N summaries; meant to be consistent with their sources.
        kinds: Kinds of edits.
        seed: Of what edits draw.

    Raises:
        InputError: Lengths differ, or there is no pair.
        ConfigurationError: No kind has such a name, or one is given twice.
    """
    if len(sources) != len(summaries) or not len(sources):
        raise InputError(
            f"{len(sources)} sources and {len(summaries)} summaries; give one source per summary, "
            "and at least one"
        )
    if len(set(kinds)) < len(kinds):
        raise ConfigurationError(f"edits are given twice: {', '.join(kinds)}")
    originals = list(zip(sources, summaries, strict=True))
    edits: dict[str, tuple[list[int], list[tuple[str, str]]]] = {}
    for kind in kinds:
        made = [edit_pair(*pair, kind, seed=seed) for pair in originals]
        rows = [row for row, pair in enumerate(made) if pair is not None]
        edits[kind] = rows, [pair for pair in made if pair is not None]
    return EditedPairs(originals, edits)


def probe(metric: Metric, pairs: EditedPairs, resampling: Resampling) -> Robustness:
    """Score originals and edits with one metric, and measure how the scores move.

    Args:
        metric: The metric.
        pairs: What to score.
        resampling: How intervals are made; sources are resampled.
    """
    texts = [*pairs.originals, *(pair for _, made in pairs.edits.values() for pair in made)]
    sources, summaries = map(list, zip(*texts, strict=True))
    scores = np.asarray(metric.score(sources, summaries), dtype=float)
    documents = np.unique([source for source, _ in pairs.originals], return_inverse=True)[1]
    effects, start = [], len(pairs.originals)
    for kind, (rows, made) in pairs.edits.items():
        after = scores[start : start + len(made)]
        effects.append(_effect(kind, scores[rows], after, documents[rows], resampling))
        start += len(made)
    return Robustness(metric.name, metric.signature, tuple(effects))


def _effect(
    kind: str, before: Floats, after: Floats, documents: Ints, resampling: Resampling
) -> Effect:
    defined = ~(np.isnan(before) | np.isnan(after))
    before, after, documents = before[defined], after[defined], documents[defined]
    change = after - before
    original = np.repeat([1.0, 0.0], len(before))
    auc = st.roc_auc(original, np.concatenate([before, after]))
    some = len(before) > 0
    return Effect(
        kind=kind,
        preserves=KINDS[kind].preserves,
        rows=len(before),
        before=float(before.mean()) if some else float("nan"),
        change=mean_estimate(change, documents, resampling, lowest=-1.0),
        falls=float((change < -TIE).mean()) if some else float("nan"),
        rises=float((change > TIE).mean()) if some else float("nan"),
        auc=estimate(auc, np.tile(documents, 2), resampling),
    )
