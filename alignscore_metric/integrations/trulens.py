"""The metric as a feedback function for TruLens' `Metric`."""

from __future__ import annotations

import math
from collections.abc import Callable

from alignscore_metric.errors import MissingResourceError
from alignscore_metric.integrations.feedback import NOTHING_TO_SCORE, least_supported
from alignscore_metric.metric import AlignScore
from alignscore_metric.text.pairs import Source

try:
    from trulens.core.metric.metric import SkipEval
except ImportError as cause:
    raise MissingResourceError(
        f"TruLens is not here ({cause}); pip install 'alignscore-metric[trulens]'"
    ) from cause

Feedback = tuple[float, dict[str, str]]


def alignscore_feedback(metric: AlignScore) -> Callable[[Source, str], Feedback]:
    """A function for `trulens.core.Metric`, with the arguments of TruLens' groundedness.

    Args:
        metric: What scores.

    Returns:
        A function of `source` (a text, or a list of passages) and `statement` that gives the score
        and, as `reason`, the least supported sentence. It raises TruLens' SkipEval, which leaves
        the record out of means, for a statement without a sentence; InputError where something is
        not text.

    Example:
        >>> feedback = alignscore_feedback(AlignScore(progress=False))
        >>> score, found = feedback("The bridge was closed.", "The bridge was closed.")
        >>> 0 < score < 1, found["reason"].endswith("The bridge was closed.")
        (True, True)
    """

    def alignscore(source: Source, statement: str) -> Feedback:
        result = metric.evaluate([source], [statement])
        if math.isnan(result.mean):
            raise SkipEval(NOTHING_TO_SCORE)
        return result.mean, {"reason": least_supported(result.sentences(0))}

    return alignscore
