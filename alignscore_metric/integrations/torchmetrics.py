"""The mean score as a `torchmetrics.Metric`: over batches, and over distributed processes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch

from alignscore_metric.errors import MissingResourceError
from alignscore_metric.metric import AlignScore
from alignscore_metric.text.pairs import Source

try:
    from torchmetrics import Metric
except ImportError as cause:
    raise MissingResourceError(
        f"torchmetrics is not here ({cause}); pip install 'alignscore-metric[torchmetrics]'"
    ) from cause


class AlignScoreMetric(Metric):  # type: ignore[misc]  # torchmetrics is untyped here
    """The mean of the defined scores of all batches and all processes.

    Args:
        metric: What scores; it stays on its own device, wherever the sums are moved to.
        **options: Options of `torchmetrics.Metric`.

    Attributes:
        total: Sum of the defined scores, shape [].
        count: How many they are, shape [].
        undefined: How many summaries had no sentence, hence no score, shape [].

    `compute` adds all three up over processes; `with module.sync_context():` shows the sums.

    Example:
        >>> module = AlignScoreMetric(AlignScore(progress=False))
        >>> module.update(["It rained all day in Leeds."] * 2, ["It rained.", ""])
        >>> 0 < module.compute().item() < 1
        True
        >>> module.undefined
        tensor(1)
    """

    is_differentiable = False
    higher_is_better = True
    full_state_update = False
    plot_lower_bound = 0.0
    plot_upper_bound = 1.0
    total: torch.Tensor
    count: torch.Tensor
    undefined: torch.Tensor

    def __init__(self, metric: AlignScore, **options: Any) -> None:  # noqa: ANN401  # theirs
        super().__init__(**options)
        self.metric = metric
        self.add_state("total", default=torch.tensor(0.0), dist_reduce_fx="sum")
        self.add_state("count", default=torch.tensor(0), dist_reduce_fx="sum")
        self.add_state("undefined", default=torch.tensor(0), dist_reduce_fx="sum")

    def update(self, sources: Sequence[Source], summaries: Sequence[str]) -> None:
        """Score a batch; arguments and errors as for `AlignScore.score`."""
        result = self.metric.evaluate(sources, summaries)
        self.total += float(result.defined.sum())
        self.count += len(result.defined)
        self.undefined += result.undefined

    def compute(self) -> torch.Tensor:
        """The mean of the defined scores, shape []; NaN where there is none."""
        return self.total / self.count
