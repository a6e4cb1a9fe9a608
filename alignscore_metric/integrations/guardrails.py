"""The metric as a validator of Guardrails AI."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

from alignscore_metric.checkpoint.signature import headline
from alignscore_metric.errors import MissingResourceError
from alignscore_metric.integrations.feedback import NOTHING_TO_SCORE, least_supported
from alignscore_metric.metric import AlignScore
from alignscore_metric.result import VERDICTS, SentenceEvidence

try:
    from guardrails.validator_base import (
        ErrorSpan,
        FailResult,
        PassResult,
        ValidationResult,
        Validator,
        register_validator,
    )
except ImportError as cause:
    raise MissingResourceError(
        f"Guardrails is not here ({cause}); pip install 'alignscore-metric[guardrails]'"
    ) from cause


@register_validator(name="alignscore/supported", data_type="string")
class AlignScoreValidator(Validator):  # type: ignore[misc]  # guardrails is untyped here
    """Lets a text pass whose score, given the metadata's `source`, reaches a threshold.

    A text that fails has its unsupported sentences as error spans; `on_fail="fix"` leaves those
    out. One without a sentence fails: nothing of it was found to be supported.

    Args:
        metric: What scores.
        threshold: Least score of a text that passes, and of a sentence that a fix keeps. Where
            None, that of the model's verdict, `AlignScore.passing_score`; one chosen on judged
            texts of your own is better.
        on_fail: What Guardrails does with a text that fails: `exception`, `fix`, `noop` ...

    Example:
        >>> validator = AlignScoreValidator(AlignScore(progress=False), on_fail="noop")
        >>> source = "The bridge was closed after inspectors found cracks."
        >>> found = validator.validate("Inspectors found cracks.", {"source": source})
        >>> found.outcome, 0.5 <= found.metadata["alignscore"] < 1
        (<Outcome.PASS: 'pass'>, True)
    """

    required_metadata_keys = ["source"]  # noqa: RUF012  # as Guardrails has it

    def __init__(
        self,
        metric: AlignScore,
        *,
        threshold: float | None = None,
        on_fail: str | Callable[..., Any] | None = None,
    ) -> None:
        least = metric.passing_score if threshold is None else threshold
        super().__init__(on_fail=on_fail, threshold=least)
        self.metric = metric
        self.threshold = least

    def _validate(self, value: str, metadata: dict[str, Any]) -> ValidationResult:
        """Score one text; its score is the result's metadata `alignscore`, None where undefined.

        Raises:
            InputError: The metadata have no `source`, or something is not text.
        """
        result = self.metric.evaluate([metadata.get("source")], [value])  # type: ignore[list-item]  # checked
        if math.isnan(result.mean):
            empty = {"alignscore": None}
            return FailResult(error_message=NOTHING_TO_SCORE, fix_value="", metadata=empty)
        given = {"alignscore": result.mean}
        if result.mean >= self.threshold:
            return PassResult(metadata=given)
        sentences = result.sentences(0)
        kept = [found.sentence for found in sentences if found.score >= self.threshold]
        return FailResult(
            error_message=f"{headline(result.signature)} {result.mean:.2f} is below "
            f"{self.threshold:g}; {least_supported(sentences)}",
            fix_value=" ".join(kept),
            error_spans=_spans(sentences, self.threshold),
            metadata=given,
        )


def _spans(sentences: Sequence[SentenceEvidence], threshold: float) -> list[ErrorSpan]:
    """Where in a text the sentences below a threshold stand."""
    return [
        ErrorSpan(
            start=found.start,
            end=found.end,
            reason=f"{found.score:.2f} is below {threshold:g}"
            + ("" if found.supported else f": {VERDICTS[found.verdict]}"),
        )
        for found in sentences
        if found.score < threshold
    ]
