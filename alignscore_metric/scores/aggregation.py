"""From pair scores to sentence scores to summary scores. Arrays in, arrays out.

Source: Zha et al. 2023 (AlignScore), section 3.2: the mean over the summary's sentences of the
maximum over the source's chunks.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable
from functools import partial

import numpy as np

from alignscore_metric.arrays import Floats, Ints
from alignscore_metric.errors import ConfigurationError

Reduction = Callable[[Floats], float]


def max_over_chunks(cell_scores: Floats, sentence_cells: Ints) -> tuple[Floats, Ints]:
    """Best chunk of each sentence.

    Args:
        cell_scores: Score of each cell, shape [C].
        sentence_cells: First cell of each sentence, and C at the end, shape [S + 1]; every
            sentence has at least one cell.

    Returns:
        The maxima and the cells they stand in (the first of equals), both of shape [S].

    Example:
        >>> best, cell = max_over_chunks(np.array([0.1, 0.7, 0.4]), np.array([0, 2, 3]))
        >>> best.tolist(), cell.tolist()
        ([0.7, 0.4], [1, 2])
    """
    starts, sizes = sentence_cells[:-1], np.diff(sentence_cells)
    if len(starts) == 0:
        return np.empty(0), np.empty(0, dtype=np.int64)
    best = np.maximum.reduceat(cell_scores, starts)
    places = np.where(
        cell_scores == np.repeat(best, sizes), np.arange(len(cell_scores)), len(cell_scores)
    )
    return best, np.minimum.reduceat(places, starts)


def aggregate_sentences(
    sentence_scores: Floats, example_sentences: Ints, aggregation: str
) -> Floats:
    """One score for each example from those of its sentences.

    Args:
        sentence_scores: Score of each sentence, shape [S].
        example_sentences: First sentence of each example, and S at the end, shape [N + 1].
        aggregation: How, by name: see `sentence_reduction`.

    Returns:
        Shape [N]; NaN for an example without a sentence.

    Raises:
        ConfigurationError: No aggregation has this name.

    Example:
        >>> aggregate_sentences(np.array([0.2, 0.9, 0.4]), np.array([0, 3]), "worst-2").round(6)
        array([0.3])
    """
    reduce = sentence_reduction(aggregation)
    # Example by example, so that a score never depends on what stands before it.
    return np.array(
        [
            reduce(sentence_scores[start:stop]) if stop > start else np.nan
            for start, stop in itertools.pairwise(example_sentences)
        ],
        dtype=np.float64,
    )


def sentence_reduction(aggregation: str) -> Reduction:
    """What makes one number of the scores of a summary's sentences.

    None of them falls where a sentence's score rises, and all lie between `min` and `mean`.

    Args:
        aggregation: `mean`; `min`; `worst-K`, the mean of the K lowest (of all where there are
            fewer), K >= 1; `softmin-T`, -T log(mean(exp(-score / T))), T from 0.001 to 1000: near
            `min` for a low temperature T, near `mean` for a high one.

    Raises:
        ConfigurationError: No aggregation has this name.

    Example:
        >>> round(float(sentence_reduction("softmin-0.1")(np.array([0.2, 0.9]))), 4)
        0.2692

    Source of the soft minimum: Asadi and Littman 2017, "An Alternative Softmax Operator for
    Reinforcement Learning", ICML (`mellowmax`, with a negative parameter).
    """
    name = str(aggregation)  # a configuration file may hold anything
    if name in ("mean", "min"):
        return np.mean if name == "mean" else np.min
    if found := re.fullmatch(r"worst-([1-9][0-9]{0,5})", name):
        return partial(_worst, count=int(found[1]))
    found = re.fullmatch(r"softmin-([0-9]*\.?[0-9]+)", name)
    if found and 0.001 <= float(found[1]) <= 1000:
        return partial(_soft_min, temperature=float(found[1]))
    raise ConfigurationError(
        f"sentence_aggregation is {aggregation!r}; known: mean, min, worst-K with K >= 1 "
        "(worst-2), softmin-T with T from 0.001 to 1000 (softmin-0.1)"
    )


def _worst(scores: Floats, *, count: int) -> float:
    return float(np.sort(scores)[:count].mean())


def _soft_min(scores: Floats, *, temperature: float) -> float:
    least = scores.min()  # taken out first: exponents of at most 0 cannot overflow
    return float(least - temperature * np.log(np.exp((least - scores) / temperature).mean()))
