"""The metric for DeepEval's test cases and runners."""

from __future__ import annotations

import math
from typing import Any

from alignscore_metric.checkpoint.signature import headline
from alignscore_metric.errors import MissingResourceError
from alignscore_metric.integrations.feedback import NOTHING_TO_SCORE, least_supported
from alignscore_metric.metric import AlignScore

try:
    from deepeval.errors import MissingTestCaseParamsError
    from deepeval.metrics import BaseMetric
    from deepeval.metrics.utils import check_llm_test_case_params
    from deepeval.test_case import LLMTestCase, RetrievedContextData, SingleTurnParams
except ImportError as cause:
    raise MissingResourceError(
        f"DeepEval is not here ({cause}); pip install 'alignscore-metric[deepeval]'"
    ) from cause


class AlignScoreMetric(BaseMetric):  # type: ignore[misc]  # deepeval is untyped here
    """How far a test case's output is supported by its retrieval context, or else its context.

    An output without a sentence is to DeepEval what an empty one is: a missing parameter. Its
    runners stop there, or with `skip_on_missing_params` leave the metric out.

    Args:
        metric: What scores.
        threshold: Least score of a test case that passes. Where None, that of the model's
            verdict, `AlignScore.passing_score`; one chosen on judged cases of your own is better.

    Example:
        >>> metric = AlignScoreMetric(AlignScore(progress=False), threshold=0.5)
        >>> case = LLMTestCase(
        ...     input="Why was the bridge closed?",
        ...     actual_output="Inspectors found cracks.",
        ...     retrieval_context=["The bridge was closed after inspectors found cracks."],
        ... )
        >>> metric.measure(case) == metric.score, metric.is_successful()
        (True, True)
        >>> metric.reason.endswith("Inspectors found cracks.")
        True
    """

    @property
    def __name__(self) -> str:
        """How DeepEval's reports call the metric."""
        return headline(self.metric.signature)

    def __init__(self, metric: AlignScore, *, threshold: float | None = None) -> None:
        self.metric = metric  # DeepEval copies a metric by its arguments' names
        self.threshold = metric.passing_score if threshold is None else threshold

    def measure(
        self,
        test_case: LLMTestCase,
        *_: Any,  # noqa: ANN401  # DeepEval's options of display
        **__: Any,  # noqa: ANN401
    ) -> float:
        """Score one test case; sets `score`, `reason` (the least supported sentence), `success`.

        Raises:
            deepeval.errors.MissingTestCaseParamsError: There is no context, no output, or no
                sentence in it.
        """
        self.score = self.reason = self.error = None  # what an earlier case left
        retrieved = test_case.retrieval_context is not None
        context = SingleTurnParams.RETRIEVAL_CONTEXT if retrieved else SingleTurnParams.CONTEXT
        needed = [SingleTurnParams.ACTUAL_OUTPUT, context]
        check_llm_test_case_params(
            test_case, needed, None, None, self, multimodal=test_case.multimodal
        )
        passages = [
            passage.context if isinstance(passage, RetrievedContextData) else passage
            for passage in getattr(test_case, context.value)
        ]
        result = self.metric.evaluate([passages], [test_case.actual_output])
        if math.isnan(result.mean):
            raise MissingTestCaseParamsError(f"'actual_output' has {NOTHING_TO_SCORE}")
        self.score = result.mean
        self.reason = least_supported(result.sentences(0))
        self.success = self.is_successful()
        return result.mean

    async def a_measure(
        self,
        test_case: LLMTestCase,
        *_: Any,  # noqa: ANN401
        **__: Any,  # noqa: ANN401
    ) -> float:
        """As `measure`; there is nothing to wait for."""
        return self.measure(test_case)
