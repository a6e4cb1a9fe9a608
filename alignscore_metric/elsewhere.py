"""What users of other consistency checkers type, and what to type here. Knows no model.

An argument of the authors' AlignScore, of SummaC, MiniCheck or `evaluate` is refused with the call
to make in its place.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import wraps
from typing import ParamSpec, TypeVar

from alignscore_metric.errors import ConfigurationError

GUIDE = "docs/coming_from.md"

CONSTRUCTOR: Mapping[str, str | None] = {
    "ckpt_path": "model",
    "evaluation_mode": "mode",
    "model_name": None,
    "models": None,
    "granularity": None,
    "nli_labels": None,
    "bins": None,
    "batch_size": None,
    "max_model_len": None,
    "cache_dir": None,
    "verbose": None,
}
"""Arguments of others' constructors, and which of `AlignScore` says that; None where none does."""

SCORE: Mapping[str, str | None] = {
    "contexts": "sources",
    "source": "sources",
    "summary": "summaries",
    "claims": "summaries",
    "context": "sources",
    "claim": "summaries",
    "docs": "sources",
    "doc": "sources",
    "documents": "sources",
    "originals": "sources",
    "references": "sources",
    "generateds": "summaries",
    "predictions": "summaries",
    "batch_size": None,
    "chunk_size": None,
}
"""Arguments of others' methods, and which of `score` says that."""

Given = ParamSpec("Given")
Result = TypeVar("Result")


def refuses(
    others: Mapping[str, str | None],
) -> Callable[[Callable[Given, Result]], Callable[Given, Result]]:
    """A decorator: arguments of other checkers raise an error that says what to type here.

    Args:
        others: Their names, and the function's own, as `CONSTRUCTOR`.
    """

    def decorate(function: Callable[Given, Result]) -> Callable[Given, Result]:
        @wraps(function)
        def checked(*args: Given.args, **given: Given.kwargs) -> Result:
            if found := others.keys() & given:
                name = function.__qualname__.removesuffix(".__init__")
                raise ConfigurationError(_advice(name, sorted(found), others, given))
            return function(*args, **given)

        return checked

    return decorate


def _advice(
    name: str, found: list[str], others: Mapping[str, str | None], given: Mapping[str, object]
) -> str:
    values = dict(given)
    if "ckpt_path" in values and "model" in values:  # there the backbone's name
        values["backbone"] = values.pop("model")
    here = {key: others[key] if key in found else key for key in values}
    says = str if "." in name else (lambda key: repr(values[key]))  # of texts their names will do
    call = ", ".join(f"{own}={says(key)}" for key, own in sorted(here.items()) if own is not None)
    verb = "is no argument" if len(found) == 1 else "are no arguments"
    return f"{', '.join(found)} {verb} of {name}; type: {name}({call}), and see {GUIDE}"
