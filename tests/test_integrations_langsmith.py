"""The evaluator for LangSmith: called directly, and by LangSmith's own runner, offline."""

from types import SimpleNamespace
from uuid import uuid4

import pytest

from alignscore_metric import AlignScore, ConfigurationError, InputError
from alignscore_metric.integrations.langsmith import alignscore_evaluator

SOURCES = ["The bridge was closed on Monday.", "Snow fell. It melted.", "It rained."]
ANSWERS = ["The bridge was closed. It rained.", "Snow fell on Friday.", " "]


@pytest.fixture(scope="module")
def metric(tiny_aligner) -> AlignScore:
    return AlignScore(tiny_aligner, progress=False)


@pytest.fixture
def evaluator(metric):
    return alignscore_evaluator(metric, source="documents", answer="answer")


def test_its_runner_computes_the_same(metric, evaluator):
    langsmith = pytest.importorskip("langsmith", reason="needs the extra `langsmith`")
    answers = dict(zip(SOURCES, ANSWERS, strict=True))
    done = langsmith.evaluate(
        lambda inputs: {"answer": answers[inputs["documents"]]},
        data=[
            langsmith.schemas.Example(id=uuid4(), dataset_id=uuid4(), inputs={"documents": source})
            for source in SOURCES
        ],
        evaluators=[evaluator],
        client=langsmith.Client(api_key="none", auto_batch_tracing=False),
        upload_results=False,
    )
    found = {
        row["example"].inputs["documents"]: row["evaluation_results"]["results"][0] for row in done
    }
    *scores, nothing = metric.score(SOURCES, ANSWERS)
    assert [found[s].score for s in SOURCES[:2]] == pytest.approx(scores, abs=1e-6)
    assert nothing != nothing
    assert found[SOURCES[2]].score is None
    assert {result.key for result in found.values()} == {"alignscore"}


def test_comment_is_the_least_supported_sentence(metric, evaluator):
    low = min(metric.explain(SOURCES[0], ANSWERS[0]), key=lambda e: e.score)
    found = evaluator({"documents": SOURCES[0]}, {"answer": ANSWERS[0]})
    assert found["comment"].endswith(low.sentence)
    assert found["value"] == ("consistent" if found["score"] >= 0.5 else "inconsistent")


def test_retrieved_documents(metric, evaluator):
    """What the target retrieved comes before what the example has; LangChain's documents do."""
    passages = ["Snow fell.", "It melted."]
    documents = [SimpleNamespace(page_content=text) for text in passages]
    found = evaluator({"documents": "It rained."}, {"documents": documents, "answer": ANSWERS[1]})
    assert found["score"] == metric.score([passages], ANSWERS[1:2])[0]


def test_bad_values(evaluator):
    with pytest.raises(ConfigurationError, match="there is no 'documents'; there is: text, answer"):
        evaluator({"text": "It rained."}, {"answer": "It rained."})
    with pytest.raises(InputError, match="passage 1"):
        evaluator({}, {"documents": ["It rained.", 3], "answer": "It rained."})
    with pytest.raises(InputError, match="the source is missing"):
        evaluator({"documents": None}, {"answer": "It rained."})
