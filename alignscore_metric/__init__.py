"""Factual consistency of summaries, answers and claims with their sources.

    >>> from alignscore_metric import AlignScore
    >>> scores = AlignScore(progress=False).score(["It rained all day."], ["It rained."])
    >>> len(scores)
    1

Names are imported when they are used: importing the package costs nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from alignscore_metric.version import __version__

if TYPE_CHECKING:
    from alignscore_metric.errors import (
        AlignScoreError,
        CheckpointError,
        ConfigurationError,
        InputError,
        MissingResourceError,
        NumericalError,
        WorkerError,
    )
    from alignscore_metric.files.scoring import score_file
    from alignscore_metric.integrations.evaluate_api import load
    from alignscore_metric.metric import AlignScore
    from alignscore_metric.result import AlignScoreResult, PredictionResult, SentenceEvidence
    from alignscore_metric.scores.smart import SmartResult

_HOMES = {
    "AlignScore": "metric",
    "AlignScoreResult": "result",
    "PredictionResult": "result",
    "SentenceEvidence": "result",
    "SmartResult": "scores.smart",
    "load": "integrations.evaluate_api",
    "score_file": "files.scoring",
    "AlignScoreError": "errors",
    "CheckpointError": "errors",
    "ConfigurationError": "errors",
    "InputError": "errors",
    "MissingResourceError": "errors",
    "NumericalError": "errors",
    "WorkerError": "errors",
}

__all__ = [
    "AlignScore",
    "AlignScoreError",
    "AlignScoreResult",
    "CheckpointError",
    "ConfigurationError",
    "InputError",
    "MissingResourceError",
    "NumericalError",
    "PredictionResult",
    "SentenceEvidence",
    "SmartResult",
    "WorkerError",
    "__version__",
    "load",
    "score_file",
]


def __getattr__(name: str) -> Any:  # noqa: ANN401  # a module's attributes have any type
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
