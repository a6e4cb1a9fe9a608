"""What a report needs of a result, so that it knows nothing of how results are made."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from alignscore_metric.arrays import Floats
from alignscore_metric.text.pairs import PairTable


class Span(Protocol):
    """Words that are not supported; see `UnsupportedSpan`."""

    @property
    def start(self) -> int: ...  # noqa: D102  # as there

    @property
    def end(self) -> int: ...  # noqa: D102


class Contradicting(Protocol):
    """The chunk that contradicts most; see `Contradiction`."""

    @property
    def chunk_index(self) -> int: ...  # noqa: D102  # as there

    @property
    def contradiction(self) -> float: ...  # noqa: D102


class Evidence(Protocol):
    """A sentence of a summary and its best chunk; see `SentenceEvidence`."""

    @property
    def sentence(self) -> str: ...  # noqa: D102  # as there

    @property
    def score(self) -> float: ...  # noqa: D102

    @property
    def chunk(self) -> str: ...  # noqa: D102

    @property
    def chunk_index(self) -> int: ...  # noqa: D102

    @property
    def start(self) -> int: ...  # noqa: D102

    @property
    def verdict(self) -> str: ...  # noqa: D102

    @property
    def supported(self) -> bool: ...  # noqa: D102

    @property
    def unsupported(self) -> Sequence[Span] | None: ...  # noqa: D102

    @property
    def worst(self) -> Contradicting | None: ...  # noqa: D102


class Evaluation(Protocol):
    """Scores of N examples with their evidence; `AlignScoreResult` is one and says more."""

    @property
    def scores(self) -> Floats: ...  # noqa: D102

    @property
    def sentence_scores(self) -> Floats: ...  # noqa: D102

    @property
    def table(self) -> PairTable: ...  # noqa: D102

    @property
    def signature(self) -> str: ...  # noqa: D102

    @property
    def defined(self) -> Floats: ...  # noqa: D102

    @property
    def undefined(self) -> int: ...  # noqa: D102

    @property
    def mean(self) -> float: ...  # noqa: D102

    def ci(self) -> tuple[float, float]: ...  # noqa: D102

    def sentences(self, row: int) -> Sequence[Evidence]: ...  # noqa: D102

    def __len__(self) -> int: ...
