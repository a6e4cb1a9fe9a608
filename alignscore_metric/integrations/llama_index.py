"""The metric as an evaluator of LlamaIndex' responses."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from alignscore_metric.errors import MissingResourceError
from alignscore_metric.integrations.feedback import NOTHING_TO_SCORE, least_supported
from alignscore_metric.metric import AlignScore

try:
    from llama_index.core.evaluation import BaseEvaluator, EvaluationResult
except ImportError as cause:
    raise MissingResourceError(
        f"LlamaIndex is not here ({cause}); pip install 'alignscore-metric[llama-index]'"
    ) from cause


class AlignScoreEvaluator(BaseEvaluator):  # type: ignore[misc]  # llama_index is untyped here
    """How far a response is supported by its contexts (the retrieved nodes' texts).

    Args:
        metric: What scores.
        threshold: Least score of a response that passes. Where None, that of the model's
            verdict, `AlignScore.passing_score`; one chosen on judged responses of your own is
            better.

    Example:
        >>> evaluator = AlignScoreEvaluator(AlignScore(progress=False))
        >>> found = evaluator.evaluate(
        ...     response="Inspectors found cracks.",
        ...     contexts=["The bridge was closed after inspectors found cracks."],
        ... )
        >>> found.passing, found.feedback.endswith("Inspectors found cracks.")
        (True, True)
    """

    def __init__(self, metric: AlignScore, *, threshold: float | None = None) -> None:
        self.metric = metric
        self.threshold = metric.passing_score if threshold is None else threshold

    async def aevaluate(
        self,
        query: str | None = None,
        response: str | None = None,
        contexts: Sequence[str] | None = None,
        **_: Any,  # noqa: ANN401  # as the interface has it
    ) -> EvaluationResult:
        """Score one response; `evaluate` is the same without `await`.

        Args:
            query: The question; the score does not depend on it.
            response: What was answered.
            contexts: What was retrieved.

        Returns:
            Score, whether it passes, the least supported sentence as feedback; a response
            without a sentence gives an invalid result.

        Raises:
            InputError: The response or the contexts are missing or not text.
        """
        result = self.metric.evaluate([contexts], [response])  # type: ignore[list-item]  # checked
        given = {"query": query, "contexts": contexts, "response": response}
        if math.isnan(result.mean):
            return EvaluationResult(**given, invalid_result=True, invalid_reason=NOTHING_TO_SCORE)
        return EvaluationResult(
            **given,
            score=result.mean,
            passing=result.mean >= self.threshold,
            feedback=least_supported(result.sentences(0)),
        )

    def _get_prompts(self) -> dict[str, Any]:
        return {}

    def _update_prompts(self, prompts: dict[str, Any]) -> None:
        """There is no prompt."""
