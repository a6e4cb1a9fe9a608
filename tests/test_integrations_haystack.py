"""Haystack's component: alone, in a pipeline behind another, and written to YAML."""

import math

import pytest

from alignscore_metric import AlignScore, InputError

pytest.importorskip("haystack", reason="needs the extra `haystack`")

from haystack import Pipeline
from haystack.components.joiners import ListJoiner

from alignscore_metric.integrations.haystack import AlignScoreEvaluator

CONTEXTS = [["The bridge was closed on Monday."], ["Snow fell.", "It melted."], ["It rained."]]
ANSWERS = ["The bridge was closed. It rained.", "Snow fell on Friday.", " "]


@pytest.fixture(scope="module")
def metric(tiny_aligner) -> AlignScore:
    return AlignScore(tiny_aligner, progress=False)


@pytest.fixture(scope="module")
def pipeline(tiny_aligner) -> Pipeline:
    """One component makes the list of answers that the evaluator judges."""
    evaluator = AlignScoreEvaluator({"model": str(tiny_aligner), "progress": False})
    made = Pipeline()
    made.add_component("answers", ListJoiner(list[str]))
    made.add_component("alignscore", evaluator)
    made.connect("answers.values", "alignscore.predicted_answers")
    return made


@pytest.mark.parametrize("reread", [False, True])
def test_a_pipeline_computes_the_same(metric, pipeline, reread):
    expected = metric.score(CONTEXTS, ANSWERS)
    assert expected[0] != expected[1]
    if reread:
        trusted = ["alignscore_metric.integrations.haystack"]
        pipeline = Pipeline.loads(pipeline.dumps(), allowed_modules=trusted)
    given = {"answers": {"values": ANSWERS}, "alignscore": {"contexts": CONTEXTS}}
    found = pipeline.run(given)["alignscore"]
    assert found["individual_scores"] == pytest.approx(expected, abs=1e-6, nan_ok=True)
    assert found["score"] == pytest.approx(sum(expected[:2]) / 2, abs=1e-6)
    lowest = min(metric.explain(CONTEXTS[0], ANSWERS[0]), key=lambda e: e.score).sentence
    assert found["results"][0]["reason"].endswith(lowest)
    assert math.isnan(found["results"][2]["score"])
    assert found["results"][2]["reason"] == "no sentence to score"


def test_the_model_is_loaded_when_it_is_needed(tiny_aligner):
    evaluator = AlignScoreEvaluator({"model": str(tiny_aligner), "progress": False})
    assert "metric" not in vars(evaluator)
    evaluator.warm_up()
    loaded = evaluator.metric
    evaluator.run(contexts=CONTEXTS[:1], predicted_answers=ANSWERS[:1])
    assert evaluator.metric is loaded


def test_lengths_that_differ_are_refused(tiny_aligner):
    evaluator = AlignScoreEvaluator({"model": str(tiny_aligner), "progress": False})
    with pytest.raises(InputError, match="1 sources but 3 summaries"):
        evaluator.run(contexts=CONTEXTS[:1], predicted_answers=ANSWERS)
