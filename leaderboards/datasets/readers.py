"""The readers of published formats by the names that data cards give them.

A reader takes a source's files and options and gives rows of all splits: dicts with `COLUMNS` as
keys, and `DETAIL_COLUMNS` where it knows them. Where the file holds no document or summary, that is
None, and `document_id` says which document it is.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from alignscore_metric.errors import ConfigurationError
from alignscore_metric.leaderboards.datasets.aggrefact import read_aggrefact
from alignscore_metric.leaderboards.datasets.bump import read_bump
from alignscore_metric.leaderboards.datasets.dialogue import read_begin, read_q2
from alignscore_metric.leaderboards.datasets.faithbench import (
    read_faithbench,
    read_faithbench_spans,
)
from alignscore_metric.leaderboards.datasets.frank import read_frank
from alignscore_metric.leaderboards.datasets.llm_aggrefact import read_llm_aggrefact
from alignscore_metric.leaderboards.datasets.polytope import read_polytope
from alignscore_metric.leaderboards.datasets.qags import read_qags
from alignscore_metric.leaderboards.datasets.ragtruth import read_ragtruth
from alignscore_metric.leaderboards.datasets.samsum import read_samsum
from alignscore_metric.leaderboards.datasets.summedits import read_summedits
from alignscore_metric.leaderboards.datasets.true_benchmark import read_true
from alignscore_metric.leaderboards.datasets.uniform import read_uniform
from alignscore_metric.leaderboards.datasets.vitaminc import read_vitaminc
from alignscore_metric.leaderboards.datasets.wice import read_wice
from alignscore_metric.leaderboards.datasets.xsumfaith import read_xsumfaith

Reader = Callable[..., list[dict[str, Any]]]
UNIFORM = "uniform"
READERS: dict[str, Reader] = {
    UNIFORM: read_uniform,
    "aggrefact": read_aggrefact,
    "begin": read_begin,
    "bump": read_bump,
    "faithbench": read_faithbench,
    "faithbench_spans": read_faithbench_spans,
    "frank": read_frank,
    "llm_aggrefact": read_llm_aggrefact,
    "polytope": read_polytope,
    "q2": read_q2,
    "qags": read_qags,
    "ragtruth": read_ragtruth,
    "samsum": read_samsum,
    "summedits": read_summedits,
    "true_csv": read_true,
    "vitaminc": read_vitaminc,
    "wice": read_wice,
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
