"""The metric for Ragas: one object for `@experiment`, batches, and `ragas.evaluate`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from alignscore_metric.errors import MissingResourceError
from alignscore_metric.integrations.feedback import judged, least_supported
from alignscore_metric.metric import AlignScore

try:
    from ragas import SingleTurnSample
    from ragas.metrics.base import MetricType, SingleTurnMetric
    from ragas.metrics.collections.base import BaseMetric
    from ragas.metrics.result import MetricResult
    from ragas.run_config import RunConfig
except ImportError as cause:
    raise MissingResourceError(
        f"Ragas is not here ({cause}); pip install 'alignscore-metric[ragas]'"
    ) from cause


class AlignScoreMetric(BaseMetric, SingleTurnMetric):  # type: ignore[misc]  # ragas is untyped here
    """How far a response is supported by the contexts retrieved for it.

    `BaseMetric` is Ragas' present interface, `SingleTurnMetric` the one that `ragas.evaluate`
    still asks for.

    Args:
        metric: What scores.
        name: The column that `ragas.evaluate` writes.
        threshold: Least score of what a result's reason calls consistent; that of the model's
            verdict, `AlignScore.passing_score`, where None.

    Example:
        >>> metric = AlignScoreMetric(AlignScore(progress=False))
        >>> result = metric.score(
        ...     retrieved_contexts=["The bridge was closed after inspectors found cracks."],
        ...     response="Inspectors found cracks.",
        ... )
        >>> 0 < result.value < 1, result.reason.endswith("Inspectors found cracks.")
        (True, True)
    """

    _required_columns = {MetricType.SINGLE_TURN: {"retrieved_contexts", "response"}}  # noqa: RUF012

    def __init__(
        self, metric: AlignScore, *, name: str = "alignscore", threshold: float | None = None
    ) -> None:
        super().__init__(name=name)
        self.metric = metric
        self.threshold = metric.passing_score if threshold is None else threshold

    async def ascore(self, *, retrieved_contexts: Sequence[str], response: str) -> MetricResult:
        """Score one response; `score` is the same without `await`.

        Returns:
            The score, NaN where the response has no sentence; as its reason whether that is
            consistent, and the least supported sentence.

        Raises:
            InputError: Something is not text.
        """
        given = {"retrieved_contexts": retrieved_contexts, "response": response}
        return (await self.abatch_score([given]))[0]

    async def abatch_score(self, inputs: Sequence[dict[str, Any]]) -> list[MetricResult]:
        """Score responses together, which is faster; `batch_score` is the same without `await`.

        Args:
            inputs: One dict per response, with `retrieved_contexts` and `response`.

        Returns:
            As `ascore`, one per response.

        Raises:
            InputError: Something is missing or not text; names the row, from 0.
        """
        result = self.metric.evaluate(
            [given.get("retrieved_contexts") for given in inputs],  # type: ignore[misc]  # checked
            [given.get("response") for given in inputs],  # type: ignore[misc]
        )
        return [
            MetricResult(
                float(score),
                reason=f"{judged(score, self.threshold)}; {least_supported(result.sentences(row))}",
            )
            for row, score in enumerate(result.scores)
        ]

    def init(self, run_config: RunConfig) -> None:
        """Nothing of a run's configuration (timeouts, retries) concerns this metric."""

    async def _single_turn_ascore(
        self,
        sample: SingleTurnSample,
        callbacks: Any,  # noqa: ANN401  # Ragas' own
    ) -> float:
        return self.metric.score([sample.retrieved_contexts], [sample.response])[0]
