"""The metric with the manners of HuggingFace's `evaluate`, without needing that library."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from alignscore_metric.errors import ConfigurationError, InputError
from alignscore_metric.metric import AlignScore, check_inputs
from alignscore_metric.text.pairs import Source

MODULE_PATH = Path(__file__).parent / "hf_alignscore" / "hf_alignscore.py"
"""The script for the real library: `evaluate.load(str(MODULE_PATH), "mini")`."""

NO_NAME = "default"
"""What `evaluate` calls a configuration that was not named."""


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


class Modules:
    """What `evaluate`'s own module scores with: a model that is loaded once for its options.

    Args:
        configuration: Name of the model, as for `AlignScore`; `NO_NAME` leaves it to the options.

    Raises:
        ConfigurationError: It is a path, in which `evaluate` would keep its files.
    """

    def __init__(self, configuration: str) -> None:
        """Load nothing yet."""
        if Path(configuration).name != configuration:
            raise ConfigurationError(
                f"the configuration {configuration!r} is a path; give evaluate.load the name of a "
                f"model alone, or type: module.compute(..., model={configuration!r})"
            )
        self._named = {} if configuration == NO_NAME else {"model": configuration}
        self._loaded: tuple[dict[str, Any], EvaluationModule] | None = None

    def get(self, **options: Any) -> EvaluationModule:  # noqa: ANN401  # as AlignScore takes
        """The module for options of `AlignScore`; that of the call before where they are the same.

        Raises:
            ConfigurationError: They name another model than the configuration does.
        """
        named = self._named.get("model")
        if named is not None and str(options.get("model", named)) != named:
            raise ConfigurationError(
                f"the configuration's model is {named!r}, but compute was given "
                f"{str(options['model'])!r}; give one of the two"
            )
        wanted = {**options, **self._named}
        if self._loaded is None or self._loaded[0] != wanted:
            self._loaded = wanted, load("alignscore", **wanted)
        return self._loaded[1]


def as_passages(sources: object, summaries: object) -> list[list[str]]:
    """Sources as lists of passages, as a column of one type must have them.

    Args:
        sources: N sources, as for `AlignScore.score`.
        summaries: N summaries.

    Raises:
        InputError: As there, and where one of the two is None.
    """
    if sources is None or summaries is None:
        raise InputError("give both: predictions (the summaries) and references (their sources)")
    check_inputs(sources, summaries)  # type: ignore[arg-type]  # it checks types
    return [[one] if isinstance(one, str) else list(one) for one in sources]  # type: ignore[attr-defined]
