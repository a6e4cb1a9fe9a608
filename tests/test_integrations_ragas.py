"""The Ragas metric: by batches, and by both of Ragas' own runners, offline."""

import asyncio
import math

import pytest

from alignscore_metric import AlignScore, InputError

pytest.importorskip("ragas", reason="needs the extra `ragas`")

from ragas import Dataset, EvaluationDataset, evaluate, experiment
from ragas.metrics.result import MetricResult

from alignscore_metric.integrations.ragas import AlignScoreMetric

ROWS = [
    {"retrieved_contexts": contexts, "response": response}
    for contexts, response in [
        (["The bridge was closed on Monday."], "The bridge was closed. It rained."),
        (["Snow fell.", "It melted."], "Snow fell on Friday."),
        (["It rained all day."], " "),
    ]
]


@pytest.fixture(scope="module")
def metric(tiny_aligner) -> AlignScore:
    return AlignScore(tiny_aligner, progress=False)


@pytest.fixture(scope="module")
def expected(metric) -> list[float]:
    scores = metric.score(
        [row["retrieved_contexts"] for row in ROWS], [row["response"] for row in ROWS]
    )
    assert scores[0] != scores[1]
    assert math.isnan(scores[2])
    return scores


@pytest.mark.filterwarnings("ignore:evaluate:DeprecationWarning")
@pytest.mark.filterwarnings("ignore:aevaluate:DeprecationWarning")
def test_evaluate_computes_the_same(metric, expected):
    done = evaluate(
        EvaluationDataset.from_list([{"user_input": "What happened?"} | row for row in ROWS]),
        [AlignScoreMetric(metric)],
        show_progress=False,
        raise_exceptions=True,
    )
    assert done["alignscore"] == pytest.approx(expected, abs=1e-6, nan_ok=True)
    assert done._repr_dict["alignscore"] == pytest.approx(sum(expected[:2]) / 2)  # what it prints


def test_an_experiment_computes_the_same(metric, expected):
    module = AlignScoreMetric(metric)
    dataset = Dataset(name="rows", backend="inmemory")
    for number, row in enumerate(ROWS):
        dataset.append({"number": number} | row)

    @experiment()
    async def judge(row):
        given = {key: row[key] for key in ("retrieved_contexts", "response")}
        found = await module.ascore(**given)
        return {"number": row["number"], "score": found.value}

    done = asyncio.run(judge.arun(dataset))
    scores = {row["number"]: row["score"] for row in done}
    assert [scores[n] for n in range(3)] == pytest.approx(expected, abs=1e-6, nan_ok=True)


def test_batches_and_reasons(metric, expected):
    found = AlignScoreMetric(metric).batch_score(ROWS)
    assert all(isinstance(result, MetricResult) for result in found)
    assert [result.value for result in found] == pytest.approx(expected, abs=1e-6, nan_ok=True)
    lowest = min(metric.explain(*ROWS[0].values()), key=lambda e: e.score).sentence
    assert found[0].reason.endswith(lowest)
    assert found[2].reason == "inconsistent; no sentence to score"


def test_a_missing_column_names_the_row(metric):
    with pytest.raises(InputError, match="row 1: the source is missing"):
        AlignScoreMetric(metric).batch_score([ROWS[0], {"response": "It rained."}])


def test_the_reason_has_the_verdict_by_the_models_threshold_unless_told(metric, expected):
    inputs = ROWS[:2]
    for threshold in (None, min(expected[:2]) + 1e-6, 2.0):
        module = AlignScoreMetric(metric, threshold=threshold)
        least = metric.passing_score if threshold is None else threshold
        found = asyncio.run(module.abatch_score(inputs))
        wanted = ["consistent" if score >= least else "inconsistent" for score in expected[:2]]
        assert [result.reason.partition(";")[0] for result in found] == wanted


def test_the_bundled_aligners_threshold_is_its_verdicts():
    bundled = AlignScore(device="cpu", progress=False)
    found = bundled.predict([ROWS[0]["retrieved_contexts"]], ["The bridge was closed on Monday."])
    assert AlignScoreMetric(bundled).threshold == pytest.approx(found.threshold, abs=1e-12)
    assert found.threshold != 0.5
