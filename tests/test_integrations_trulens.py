"""TruLens' feedback function: called by TruLens' `Metric`, and by its batch evaluator."""

import math

import pytest

from alignscore_metric import AlignScore, InputError

pytest.importorskip("trulens", reason="needs the extra `trulens`")

from trulens.core import BatchEvaluator, Metric, Selector
from trulens.core.metric.metric import SkipEval

from alignscore_metric.integrations.trulens import alignscore_feedback

ROWS = [
    {"found": ["The bridge was closed on Monday."], "said": "The bridge was closed. It rained."},
    {"found": ["Snow fell.", "It melted."], "said": "Snow fell on Friday."},
    {"found": "It rained all day.", "said": " "},
]


@pytest.fixture(scope="module")
def metric(tiny_aligner) -> AlignScore:
    return AlignScore(tiny_aligner, progress=False)


@pytest.fixture(scope="module")
def feedback(metric) -> Metric:
    columns = {"source": Selector.from_column("found"), "statement": Selector.from_column("said")}
    return Metric(name="AlignScore", implementation=alignscore_feedback(metric), selectors=columns)


def test_its_batch_evaluator_computes_the_same(metric, feedback):
    expected = metric.score([row["found"] for row in ROWS], [row["said"] for row in ROWS])
    assert expected[0] != expected[1]
    done = BatchEvaluator(metrics=[feedback], max_workers=1).evaluate(ROWS)
    assert list(done["AlignScore"]) == pytest.approx(expected, abs=1e-6, nan_ok=True)
    assert math.isnan(done["AlignScore"][2])
    lowest = min(metric.explain(ROWS[0]["found"], ROWS[0]["said"]), key=lambda e: e.score)
    assert done["AlignScore_explanation"][0]["reason"].endswith(lowest.sentence)


def test_it_can_be_called(metric, feedback):
    found, meta = feedback(ROWS[1]["found"], ROWS[1]["said"])
    assert found == pytest.approx(metric.score([ROWS[1]["found"]], [ROWS[1]["said"]])[0], abs=1e-6)
    assert meta["reason"].endswith(ROWS[1]["said"])


def test_nothing_to_score_is_skipped_and_what_is_not_text_refused(metric):
    with pytest.raises(SkipEval, match="no sentence to score"):
        alignscore_feedback(metric)("It rained.", " ")
    with pytest.raises(InputError, match="the source is missing"):
        alignscore_feedback(metric)(None, "It rained.")
