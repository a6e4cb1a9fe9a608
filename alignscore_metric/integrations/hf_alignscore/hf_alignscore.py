"""AlignScore for HuggingFace's `evaluate`: `evaluate.load("<path of this file>")`.

The library copies this file into its cache and runs it there; all work is done by the package.
"""

import datasets
import evaluate

from alignscore_metric import load

_INPUTS = "predictions: summaries; references: their sources, each one text or a list of passages."


class HFAlignScore(evaluate.Metric):
    """AlignScore as an `evaluate` metric."""

    def _info(self):  # noqa: ANN202  # the library's interface is untyped
        text = datasets.Value("string")
        return evaluate.MetricInfo(
            description="How far each summary is supported by its source.",
            citation="Zha et al. 2023, AlignScore, ACL.",
            inputs_description=_INPUTS,
            features=[
                datasets.Features({"predictions": text, "references": text}),
                datasets.Features({"predictions": text, "references": datasets.List(text)}),
            ],
        )

    def _compute(self, predictions, references, **options):  # noqa: ANN001, ANN003, ANN202
        module = load("alignscore", **options)
        return module.compute(predictions=predictions, references=references)
