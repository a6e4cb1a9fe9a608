"""From pair scores to sentence scores to summary scores. Arrays in, arrays out.

Source: Zha et al. 2023 (AlignScore), section 3.2: the mean over the summary's sentences of the
maximum over the source's chunks.
"""

from __future__ import annotations

import itertools

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


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


def mean_over_sentences(sentence_scores: Floats, example_sentences: Ints) -> Floats:
    """Unweighted mean of each example's sentences.

    Args:
        sentence_scores: Score of each sentence, shape [S].
        example_sentences: First sentence of each example, and S at the end, shape [N + 1].

    Returns:
        Shape [N]; NaN for an example without a sentence.

    Example:
        >>> mean_over_sentences(np.array([0.2, 0.4, 0.9]), np.array([0, 2, 2, 3])).round(6).tolist()
        [0.3, nan, 0.9]
    """
    # Summed example by example, so that a score never depends on what stands before it.
    return np.array(
        [
            sentence_scores[start:stop].mean() if stop > start else np.nan
            for start, stop in itertools.pairwise(example_sentences)
        ],
        dtype=np.float64,
    )
