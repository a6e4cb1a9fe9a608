"""Evaluation sets: human judgments with their texts, from files, frames and `datasets`."""

from alignscore_metric.leaderboards.datasets.frames import from_datasets, from_file, from_frame
from alignscore_metric.leaderboards.datasets.loading import (
    Availability,
    MissingDataError,
    availability,
    load,
)

__all__ = [
    "Availability",
    "MissingDataError",
    "availability",
    "from_datasets",
    "from_file",
    "from_frame",
    "load",
]
