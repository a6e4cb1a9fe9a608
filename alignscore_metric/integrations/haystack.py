"""The metric as a component of Haystack's pipelines."""

from __future__ import annotations

from functools import cached_property
from typing import Any

from alignscore_metric.errors import MissingResourceError
from alignscore_metric.integrations.feedback import least_supported
from alignscore_metric.metric import AlignScore

try:
    from haystack import component, default_from_dict, default_to_dict
except ImportError as cause:
    raise MissingResourceError(
        f"Haystack is not here ({cause}); pip install 'alignscore-metric[haystack]'"
    ) from cause


@component
class AlignScoreEvaluator:
    """How far each predicted answer is supported by its contexts.

    Inputs and outputs are called as those of Haystack's `FaithfulnessEvaluator`. A pipeline is
    written to YAML, so this takes the metric's options; the model is loaded when it is needed.

    Args:
        options: Options of `AlignScore`: `{"model": ..., "device": ...}`.

    Example:
        >>> evaluator = AlignScoreEvaluator({"progress": False})
        >>> found = evaluator.run(
        ...     contexts=[["The bridge was closed after inspectors found cracks."]],
        ...     predicted_answers=["Inspectors found cracks."],
        ... )
        >>> found["score"] == found["individual_scores"][0]
        True
        >>> found["results"][0]["reason"].endswith("Inspectors found cracks.")
        True
    """

    def __init__(self, options: dict[str, Any] | None = None) -> None:
        self.options = options or {}

    @cached_property
    def metric(self) -> AlignScore:
        """What scores."""
        return AlignScore(**self.options)

    def warm_up(self) -> None:
        """Load the model."""
        _ = self.metric

    @component.output_types(  # type: ignore[untyped-decorator]  # haystack is untyped here
        score=float, individual_scores=list[float], results=list[dict[str, Any]]
    )
    def run(self, contexts: list[list[str]], predicted_answers: list[str]) -> dict[str, Any]:
        """Score answers.

        Args:
            contexts: The texts that were retrieved for each answer.
            predicted_answers: The answers.

        Returns:
            `score`, the mean of the defined scores; `individual_scores`, NaN where an answer has no
            sentence; `results`, for each answer its `score` and its least supported sentence as
            `reason`.

        Raises:
            InputError: Lengths differ, or something is not text; names the row, from 0.
        """
        found = self.metric.evaluate(contexts, predicted_answers)
        scores = [float(score) for score in found.scores]
        return {
            "score": found.mean,
            "individual_scores": scores,
            "results": [
                {"score": score, "reason": least_supported(found.sentences(row))}
                for row, score in enumerate(scores)
            ],
        }

    def to_dict(self) -> dict[str, Any]:
        """What a pipeline writes of this component."""
        written: dict[str, Any] = default_to_dict(self, options=self.options)
        return written

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> AlignScoreEvaluator:
        """What `to_dict` wrote."""
        made: AlignScoreEvaluator = default_from_dict(cls, data)
        return made
