"""SMART: sentences as the units of matching, from scores of sentence pairs. Scores no pair itself.

Precision asks of each sentence of the summary whether the source supports it; recall asks of each
sentence of the source whether the summary says it. An aligner is not symmetric, so each has its own
matrix of matching scores.

Source: Amplayo et al. 2023, "SMART: Sentences as Basic Units for Text Evaluation", ICLR, and the
authors' code (google-research/smart_eval), which pads the bigrams of SMART-2.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, fields
from itertools import product
from typing import TYPE_CHECKING

import numpy as np

from alignscore_metric.arrays import Floats, Ints
from alignscore_metric.errors import InputError

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class SmartScore:
    """One of SMART's scores of one (source, summary) pair.

    Attributes:
        precision: How far the summary's sentences are supported by the source, in [0, 1].
        recall: How far the source's sentences are said by the summary, in [0, 1].
        f1: Their harmonic mean; 0 where both are 0. All three are NaN where the source or the
            summary has no sentence.
    """

    precision: float
    recall: float
    f1: float


@dataclass(frozen=True)
class SmartScores:
    """SMART-1, SMART-2 and SMART-L of one (source, summary) pair."""

    smart1: SmartScore
    smart2: SmartScore
    smartl: SmartScore


@dataclass(frozen=True)
class SmartResult:
    """SMART of N (source, summary) pairs.

    Attributes:
        scores: One per pair.
        signature: What produced them.
    """

    scores: list[SmartScores]
    signature: str

    def to_pandas(self) -> pd.DataFrame:
        """One row per pair; columns `smart1_precision`, `smart1_recall`, ... `smartl_f1`."""
        import pandas as pd

        rows = [asdict(scores) for scores in self.scores]
        values = [field.name for field in fields(SmartScore)]
        columns = [f"{kind.name}_{value}" for kind in fields(SmartScores) for value in values]
        return pd.json_normalize(rows, sep="_").reindex(columns=columns)


def smart(support: Floats, coverage: Floats) -> SmartScores:
    """SMART-1, SMART-2 and SMART-L; arguments as for `smart_n`."""
    return SmartScores(
        smart_n(support, coverage, n=1), smart_n(support, coverage, n=2), smart_l(support, coverage)
    )


def smart_n(support: Floats, coverage: Floats, *, n: int) -> SmartScore:
    """SMART-N: the mean over n-grams of sentences of their best match.

    Two n-grams match as well as their sentences do on average, pairwise in order. For n > 1 both
    texts are padded with n - 1 sentences at either end that match nothing, so that a text of one
    sentence has n-grams too; a text compared with itself then stays below 1.

    Args:
        support: How well a source sentence supports a summary sentence, shape [source sentences,
            summary sentences], in [0, 1]; gives the precision.
        coverage: How well a summary sentence supports a source sentence, same shape (source
            sentences in rows), in [0, 1]; gives the recall.
        n: Sentences in an n-gram, >= 1.

    Raises:
        InputError: The matrices differ in shape, or have scores outside [0, 1].

    Example:
        >>> scores = np.array([[0.9, 0.0], [0.0, 0.5], [0.2, 0.0]])
        >>> score = smart_n(scores, scores, n=1)
        >>> round(score.precision, 3), round(score.recall, 3), round(score.f1, 3)
        (0.7, 0.533, 0.605)
    """
    if not _have_sentences(support, coverage):
        return SmartScore(math.nan, math.nan, math.nan)
    precision = _n_gram_matches(support, n).max(axis=0).mean()
    recall = _n_gram_matches(coverage, n).max(axis=1).mean()
    return _with_f1(float(precision), float(recall))


def smart_l(support: Floats, coverage: Floats) -> SmartScore:
    """SMART-L: the soft longest common subsequence, per sentence of the summary and of the source.

    For the precision each sentence of the summary is matched with one of the source, never stepping
    back in it; several may be matched with the same one. For the recall the other way round.
    Arguments and errors as for `smart_n`.

    Example:
        >>> scores = np.array([[0.0, 0.9], [0.8, 0.0]])  # the summary tells it the other way round
        >>> smart_l(scores, scores).precision
        0.45
    """
    if not _have_sentences(support, coverage):
        return SmartScore(math.nan, math.nan, math.nan)
    sources, summaries = support.shape
    return _with_f1(_soft_lcs(support.T) / summaries, _soft_lcs(coverage) / sources)


def smart_of_texts(
    sources: Sequence[Sequence[str]],
    summaries: Sequence[Sequence[str]],
    *,
    score: Callable[[list[str], Ints], Floats],
) -> list[SmartScores]:
    """SMART of N pairs of texts; an ordered pair of sentences is scored once for all of them.

    Args:
        sources: Sentences of each source.
        summaries: Sentences of each summary.
        score: Takes the distinct sentences and rows of (context, claim) numbers, shape [P, 2];
            gives how well each context supports its claim, shape [P], in [0, 1].

    Raises:
        InputError: Scores outside [0, 1].
    """
    sentence_ids: dict[str, int] = {}
    pair_ids: dict[tuple[int, int], int] = {}

    def cells(contexts: Sequence[str], claims: Sequence[str]) -> Ints:
        """Number of the pair of each context and claim, shape [contexts, claims]."""
        rows, columns = (
            [sentence_ids.setdefault(sentence, len(sentence_ids)) for sentence in sentences]
            for sentences in (contexts, claims)
        )
        numbers = [pair_ids.setdefault(pair, len(pair_ids)) for pair in product(rows, columns)]
        return np.array(numbers, dtype=np.int64).reshape(len(rows), len(columns))

    both_ways = [
        (cells(source, summary), cells(summary, source).T)
        for source, summary in zip(sources, summaries, strict=True)
    ]
    pairs = np.array(list(pair_ids), dtype=np.int64).reshape(-1, 2)
    scores = score(list(sentence_ids), pairs)
    return [smart(scores[support], scores[coverage]) for support, coverage in both_ways]


def _have_sentences(support: Floats, coverage: Floats) -> bool:
    """Check two matrices; whether they have any cell."""
    if support.ndim != 2 or support.shape != coverage.shape:
        raise InputError(
            f"support and coverage have the shapes {support.shape} and {coverage.shape}; give two "
            "matrices [source sentences, summary sentences]"
        )
    for scores in (support, coverage):
        # Some devices' softmax may round to a little above 1; a NaN fails every comparison.
        if not ((scores >= 0) & (scores <= 1 + 1e-6)).all():
            raise InputError("a matching score is outside [0, 1]; use the head 'tri' or 'bin'")
    return support.size > 0


def _n_gram_matches(scores: Floats, n: int) -> Floats:
    """Matching scores of n-grams, shape [rows + n - 1, columns + n - 1]: means along diagonals."""
    padded = np.pad(scores, n - 1)
    rows, columns = (size + n - 1 for size in scores.shape)
    diagonals = [padded[k : k + rows, k : k + columns] for k in range(n)]
    means: Floats = np.mean(diagonals, axis=0)
    return means


def _soft_lcs(scores: Floats) -> float:
    """The largest sum of scores when each row is matched with one column, never a step back.

    As the recursion of the paper, ``L[i, j] = max(L[i-1, j-1] + s, L[i-1, j] + s, L[i, j-1])``: for
    scores >= 0 its first two cases together take the best of all columns up to j, row by row.
    """
    best = np.zeros(scores.shape[1])
    for row in scores:
        best = np.maximum.accumulate(best) + row
    return float(best.max())


def _with_f1(precision: float, recall: float) -> SmartScore:
    total = precision + recall
    return SmartScore(precision, recall, 2 * precision * (recall / total) if total else 0.0)
