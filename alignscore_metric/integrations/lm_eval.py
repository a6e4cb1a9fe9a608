"""The metric in tasks of the LM evaluation harness. Needs nothing of it but its manners."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

from alignscore_metric.errors import ConfigurationError
from alignscore_metric.metric import AlignScore


def alignscore_results(
    source: str,
    **options: Any,  # noqa: ANN401  # as AlignScore takes them
) -> Callable[[dict[str, Any], Sequence[str]], dict[str, float]]:
    """A function for `process_results` of a task that generates text.

    Args:
        source: The field of a document with the source: a text or a list of passages.
        **options: Options of `AlignScore`: `model`, `device`, `precision` ... The harness runs a
            task's Python whenever it reads the task; the model is loaded with the first answer.

    Returns:
        A function of a document and what was generated that gives `alignscore`, NaN where there
        is no sentence; the harness' `nanmean` is the aggregation that leaves it out. It raises
        ConfigurationError where the document has no such field, InputError where it is not text.

    Example:
        >>> process_results = alignscore_results("document", progress=False)
        >>> found = process_results({"document": "It rained all day in Leeds."}, ["It rained."])
        >>> 0 < found["alignscore"] < 1
        True
    """
    metric = cache(lambda: AlignScore(**options))

    def process_results(doc: dict[str, Any], results: Sequence[str]) -> dict[str, float]:
        if source not in doc:
            raise ConfigurationError(
                f"documents have no field {source!r}; they have: {', '.join(doc)}"
            )
        return {"alignscore": metric().score([doc[source]], [results[0]])[0]}

    return process_results
