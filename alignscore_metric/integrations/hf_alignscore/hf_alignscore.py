"""AlignScore for HuggingFace's `evaluate`: `evaluate.load("<path of this file>", "mini")`.

The configuration's name is the model's. The library copies this file into its cache and runs it
there; all work is done by the package.
"""

import datasets
import evaluate

from alignscore_metric.integrations.evaluate_api import Modules, as_passages

_INPUTS = "predictions: summaries; references: their sources, each one text or a list of passages."


class HFAlignScore(evaluate.Metric):
    """AlignScore as an `evaluate` metric."""

    def _info(self):  # noqa: ANN202  # the library's interface is untyped
        self._modules = Modules(self.config_name)
        text = datasets.Value("string")
        return evaluate.MetricInfo(
            description="How far each summary is supported by its source.",
            citation="Zha et al. 2023, AlignScore, ACL.",
            inputs_description=_INPUTS,
            features=datasets.Features({"predictions": text, "references": datasets.List(text)}),
        )

    def add(self, *, prediction=None, reference=None):  # noqa: ANN001, ANN201
        """Collect one summary and its source."""
        self.add_batch(predictions=[prediction], references=[reference])

    def add_batch(self, *, predictions=None, references=None):  # noqa: ANN001, ANN201
        """Collect summaries and their sources, checked before `datasets` makes strings of them."""
        passages = as_passages(references, predictions)
        super().add_batch(predictions=list(predictions), references=passages)

    def _compute(self, predictions, references, **options):  # noqa: ANN001, ANN003, ANN202
        module = self._modules.get(**options)
        return module.compute(predictions=predictions, references=references)
