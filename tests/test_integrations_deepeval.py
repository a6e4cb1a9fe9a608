"""The DeepEval metric: measured directly, and by DeepEval's own runners, offline."""

import asyncio
import math

import pytest

from alignscore_metric import AlignScore, InputError
from alignscore_metric.checkpoint.signature import headline

pytest.importorskip("deepeval", reason="needs the extra `deepeval`")

from deepeval import assert_test, evaluate
from deepeval.errors import MissingTestCaseParamsError
from deepeval.evaluate import AsyncConfig, DisplayConfig, ErrorConfig
from deepeval.test_case import LLMTestCase, RetrievedContextData

from alignscore_metric.integrations.deepeval import AlignScoreMetric

OUTPUTS = ["The bridge was closed. It rained.", "Snow fell on Friday.", "It was dry."]
CONTEXTS = [["The bridge was closed on Monday."], ["Snow fell.", "It melted."], ["It rained."]]
QUIET = DisplayConfig(show_indicator=False, print_results=False, inspect_after_run=False)


@pytest.fixture(scope="module")
def metric(tiny_aligner) -> AlignScore:
    return AlignScore(tiny_aligner, progress=False)


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # DeepEval keeps its runs in the working folder


def case(output: str | None, **context) -> LLMTestCase:
    return LLMTestCase(input="What happened?", actual_output=output, **context)


@pytest.mark.parametrize("run_async", [True, False])
def test_its_runner_computes_the_same(metric, run_async):
    expected = metric.score(CONTEXTS, OUTPUTS)
    threshold = sorted(expected)[1]
    assert len(set(expected)) == 3
    done = evaluate(
        [case(o, retrieval_context=c) for o, c in zip(OUTPUTS, CONTEXTS, strict=True)],
        [AlignScoreMetric(metric, threshold=threshold)],
        async_config=AsyncConfig(run_async=run_async),
        display_config=QUIET,
    )
    found = sorted(done.test_results, key=lambda result: OUTPUTS.index(result.actual_output))
    (data,) = zip(*(result.metrics_data for result in found), strict=True)
    assert [d.score for d in data] == pytest.approx(expected, abs=1e-6)
    assert [d.success for d in data] == [score >= threshold for score in expected]
    assert {d.name for d in data} == {headline(metric.signature)}


def test_assert_test(metric):
    (score,) = metric.score(CONTEXTS[:1], OUTPUTS[:1])
    judged = case(OUTPUTS[0], retrieval_context=CONTEXTS[0])
    assert_test(judged, [AlignScoreMetric(metric, threshold=score - 0.01)])
    with pytest.raises(AssertionError, match="AlignScore"):
        assert_test(judged, [AlignScoreMetric(metric, threshold=score + 0.01)])


def test_reason_is_the_least_supported_sentence(metric):
    found = AlignScoreMetric(metric)
    evidence = metric.explain(CONTEXTS[0], OUTPUTS[0])
    score = asyncio.run(found.a_measure(case(OUTPUTS[0], retrieval_context=CONTEXTS[0])))
    assert score == found.score == pytest.approx(sum(e.score for e in evidence) / 2)
    low, high = sorted(evidence, key=lambda e: e.score)
    assert low.score < high.score
    assert low.sentence in found.reason
    assert high.sentence not in found.reason


def test_what_was_retrieved_comes_before_the_context(metric):
    found = AlignScoreMetric(metric)
    alone, others = (metric.score([c], OUTPUTS[:1])[0] for c in (CONTEXTS[0], CONTEXTS[1]))
    assert alone != others
    assert found.measure(case(OUTPUTS[0], context=CONTEXTS[0])) == alone
    both = case(OUTPUTS[0], context=CONTEXTS[0], retrieval_context=CONTEXTS[1])
    assert found.measure(both) == others
    named = [RetrievedContextData(context=CONTEXTS[0][0], source="a page that it never saw")]
    assert found.measure(case(OUTPUTS[0], retrieval_context=named)) == alone


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (case("It rained."), "'context' cannot be None"),
        (case(None, context=["It rained."]), "'actual_output' cannot be None"),
        (case("", context=["It rained."]), "'actual_output' cannot be empty"),
        (case(" \n", context=["It rained."]), "'actual_output' has no sentence to score"),
    ],
    ids=["no context", "no output", "empty", "blank"],
)
def test_nothing_to_score(metric, given, message):
    module = AlignScoreMetric(metric)
    with pytest.raises(MissingTestCaseParamsError, match=message):
        module.measure(given)
    assert module.score is None
    assert not module.is_successful()
    done = evaluate(
        [given, case(OUTPUTS[0], context=CONTEXTS[0])],
        [module],
        error_config=ErrorConfig(skip_on_missing_params=True),
        display_config=QUIET,
    )
    scores = [d.score for result in done.test_results for d in result.metrics_data or []]
    assert scores == pytest.approx(metric.score(CONTEXTS[:1], OUTPUTS[:1]), abs=1e-6)


def test_every_case_is_judged_anew(metric):
    module = AlignScoreMetric(metric, threshold=0.0)
    module.measure(case(OUTPUTS[0], context=CONTEXTS[0]))
    assert not math.isnan(module.score)
    with pytest.raises(MissingTestCaseParamsError):
        module.measure(case(" ", context=CONTEXTS[0]))
    assert module.score is None
    assert not module.is_successful()
    with pytest.raises(InputError, match="passage 0"):
        module.measure(LLMTestCase.model_construct(actual_output="It rained.", context=[3]))
