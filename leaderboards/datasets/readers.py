"""The readers of published formats by the names that data cards give them.

A reader takes a source's files and options and gives rows of all splits: dicts with `COLUMNS` as
keys. Where the file holds no document or summary, that is None, and `document_id` says which
document it is.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from alignscore_metric.errors import ConfigurationError
from alignscore_metric.leaderboards.datasets.dialogue import read_begin, read_q2
from alignscore_metric.leaderboards.datasets.frank import read_frank
from alignscore_metric.leaderboards.datasets.polytope import read_polytope
from alignscore_metric.leaderboards.datasets.qags import read_qags
from alignscore_metric.leaderboards.datasets.samsum import read_samsum
from alignscore_metric.leaderboards.datasets.true_benchmark import read_true
from alignscore_metric.leaderboards.datasets.uniform import read_uniform
from alignscore_metric.leaderboards.datasets.vitaminc import read_vitaminc
from alignscore_metric.leaderboards.datasets.xsumfaith import read_xsumfaith

Reader = Callable[..., list[dict[str, Any]]]
UNIFORM = "uniform"
READERS: dict[str, Reader] = {
    UNIFORM: read_uniform,
    "begin": read_begin,
    "frank": read_frank,
    "polytope": read_polytope,
    "q2": read_q2,
    "qags": read_qags,
    "samsum": read_samsum,
    "true_csv": read_true,
    "vitaminc": read_vitaminc,
    "xsumfaith": read_xsumfaith,
}


def get_reader(name: str) -> Reader:
    """The reader of a format.

    Raises:
        ConfigurationError: No such reader.
    """
    if name not in READERS:
        raise ConfigurationError(f"no reader {name!r}; there are {', '.join(READERS)}")
    return READERS[name]
