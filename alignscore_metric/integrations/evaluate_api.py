"""The metric with the manners of HuggingFace's `evaluate`, without needing that library."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from alignscore_metric.errors import ConfigurationError
from alignscore_metric.metric import AlignScore, check_inputs
from alignscore_metric.text.pairs import Source

MODULE_PATH = Path(__file__).parent / "hf_alignscore" / "hf_alignscore.py"
"""The script for the real library: `evaluate.load(str(MODULE_PATH))`."""


def load(name: str, **options: Any) -> EvaluationModule:  # noqa: ANN401  # as AlignScore takes
    """Load the metric by name, as `evaluate.load` would.

    Args:
        name: `alignscore`.
        **options: Options of `AlignScore`: `model`, `device`, `precision` ...

    Raises:
        ConfigurationError: Another name.

    Example:
        >>> module = load("alignscore", progress=False)
        >>> module.add(prediction="It rained.", reference="It rained all day in Leeds.")
        >>> sorted(module.compute())
        ['alignscore', 'scores', 'signature', 'undefined']
    """
    if name != "alignscore":
        raise ConfigurationError(f"unknown metric {name!r}; known metrics: alignscore")
    return EvaluationModule(AlignScore(**options))


class EvaluationModule:
    """Collects predictions (summaries) and references (their sources) and scores them.

    Args:
        metric: The metric that scores.
    """

    name = "alignscore"

    def __init__(self, metric: AlignScore) -> None:
        """Start with nothing collected."""
        self.metric = metric
        self._predictions: list[str] = []
        self._references: list[Source] = []

    def add(self, *, prediction: str, reference: Source) -> None:
        """Collect one summary and its source.

        Raises:
            InputError: One of them is not text.
        """
        self.add_batch(predictions=[prediction], references=[reference])

    def add_batch(self, *, predictions: Sequence[str], references: Sequence[Source]) -> None:
        """Collect summaries and their sources.

        Raises:
            InputError: Lengths differ or something is not text; nothing is collected then.
        """
        check_inputs(references, predictions)
        self._predictions.extend(predictions)
        self._references.extend(references)

    def compute(
        self,
        *,
        predictions: Sequence[str] | None = None,
        references: Sequence[Source] | None = None,
    ) -> dict[str, Any]:
        """Score what was collected, and what is given here, and start anew.

        Returns:
            `alignscore` (mean of the defined scores), `scores` (one per prediction, NaN where it
            has no sentence), `undefined` (how many) and `signature`.

        Raises:
            InputError: As `add_batch`.
        """
        if predictions is not None or references is not None:
            self.add_batch(
                predictions=[] if predictions is None else predictions,
                references=[] if references is None else references,
            )
        collected = self._references, self._predictions
        self._references, self._predictions = [], []
        result = self.metric.evaluate(*collected)
        return {
            "alignscore": result.mean,
            "scores": result.scores.tolist(),
            "undefined": result.undefined,
            "signature": result.signature,
        }
