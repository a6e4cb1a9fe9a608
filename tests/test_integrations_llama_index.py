"""LlamaIndex' evaluator: called directly, and by LlamaIndex' own batch runner."""

import asyncio

import pytest

from alignscore_metric import AlignScore, InputError

pytest.importorskip("llama_index", reason="needs the extra `llama-index`")

from llama_index.core import Response
from llama_index.core.evaluation import BatchEvalRunner
from llama_index.core.schema import NodeWithScore, TextNode

from alignscore_metric.integrations.llama_index import AlignScoreEvaluator

RESPONSES = ["The bridge was closed. It rained.", "Snow fell on Friday.", "It was dry."]
CONTEXTS = [["The bridge was closed on Monday."], ["Snow fell.", "It melted."], ["It rained."]]


@pytest.fixture(scope="module")
def metric(tiny_aligner) -> AlignScore:
    return AlignScore(tiny_aligner, progress=False)


def test_its_runner_computes_the_same(metric):
    expected = metric.score(CONTEXTS, RESPONSES)
    threshold = sorted(expected)[1]
    assert len(set(expected)) == 3
    runner = BatchEvalRunner({"alignscore": AlignScoreEvaluator(metric, threshold=threshold)})
    done = asyncio.run(
        runner.aevaluate_response_strs(
            queries=["What happened?"] * 3, response_strs=RESPONSES, contexts_list=CONTEXTS
        )
    )
    found = done["alignscore"]
    assert [f.response for f in found] == RESPONSES
    assert [f.score for f in found] == pytest.approx(expected, abs=1e-6)
    assert [f.passing for f in found] == [score >= threshold for score in expected]


def test_a_response_with_its_nodes(metric):
    nodes = [NodeWithScore(node=TextNode(text=text)) for text in CONTEXTS[1]]
    found = AlignScoreEvaluator(metric).evaluate_response(
        query="What fell?", response=Response(RESPONSES[1], source_nodes=nodes)
    )
    assert found.score == metric.score(CONTEXTS[1:2], RESPONSES[1:2])[0]
    assert (found.query, found.contexts) == ("What fell?", CONTEXTS[1])
    assert found.feedback.endswith(RESPONSES[1])


def test_a_response_without_a_sentence_is_invalid(metric):
    found = AlignScoreEvaluator(metric).evaluate(response=" ", contexts=["It rained."])
    assert (found.score, found.passing, found.invalid_result) == (None, None, True)
    assert found.invalid_reason == "no sentence to score"


@pytest.mark.parametrize(
    ("given", "message"),
    [({"response": "a"}, "the source is missing"), ({"contexts": ["a"]}, "summary is missing")],
)
def test_half_of_the_input(metric, given, message):
    with pytest.raises(InputError, match=message):
        AlignScoreEvaluator(metric).evaluate(**given)
