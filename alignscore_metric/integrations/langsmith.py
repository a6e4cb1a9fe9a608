"""An evaluator for LangSmith, LangChain's evaluation. Needs nothing of it but its manners."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from alignscore_metric.errors import ConfigurationError
from alignscore_metric.integrations.feedback import judged, least_supported
from alignscore_metric.metric import AlignScore

Values = dict[str, Any]


def alignscore_evaluator(
    metric: AlignScore, *, source: str, answer: str, threshold: float | None = None
) -> Callable[[Values, Values], Values]:
    """A function that LangSmith's `evaluate` takes among its `evaluators`.

    Args:
        metric: What scores.
        source: Where the source is: a key of the outputs (what the target retrieved) or else of
            the example's inputs. A text, or a list of texts or of LangChain's documents.
        answer: The key of the outputs with what is to be supported.
        threshold: Least score of what is judged consistent; that of the model's verdict,
            `AlignScore.passing_score`, where None.

    Returns:
        A function of an example's inputs and a target's outputs that gives `score` (None where
        the answer has no sentence), as `value` whether that is `consistent` or `inconsistent`, and
        as `comment` the least supported sentence. It raises ConfigurationError where there is no
        such key, InputError where something is not text.

    Example:
        >>> evaluator = alignscore_evaluator(
        ...     AlignScore(progress=False), source="document", answer="summary"
        ... )
        >>> found = evaluator({"document": "It rained all day."}, {"summary": "It rained."})
        >>> found["key"], 0 < found["score"] < 1
        ('alignscore', True)
    """
    least = metric.passing_score if threshold is None else threshold

    def alignscore(inputs: Values, outputs: Values) -> Values:
        given = _texts(_value(source, inputs | outputs))
        result = metric.evaluate([given], [_value(answer, outputs)])
        score = None if math.isnan(result.mean) else result.mean
        comment = least_supported(result.sentences(0))
        value = judged(result.mean, least)
        return {"key": "alignscore", "score": score, "value": value, "comment": comment}

    return alignscore


def _value(key: str, values: Values) -> Any:  # noqa: ANN401  # the metric checks what it is
    if key not in values:
        raise ConfigurationError(f"there is no {key!r}; there is: {', '.join(values)}")
    return values[key]


def _texts(found: Any) -> Any:  # noqa: ANN401
    """Of LangChain's documents in a list the texts; anything else as it is."""
    if not isinstance(found, list):
        return found
    return [getattr(passage, "page_content", passage) for passage in found]
