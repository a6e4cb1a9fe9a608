"""The validator of Guardrails AI: by a guard that refuses, fixes, or lets pass."""

import pytest

from alignscore_metric import AlignScore, InputError

pytest.importorskip("guardrails", reason="needs the extra `guardrails`")

from guardrails import Guard
from guardrails.errors import ValidationError

from alignscore_metric.integrations.guardrails import AlignScoreValidator

SOURCE = ["The bridge was closed on Monday.", "Inspectors found cracks."]
TEXT = "The bridge was closed. It rained. The mayor resigned."


@pytest.fixture(scope="module")
def metric(tiny_aligner) -> AlignScore:
    return AlignScore(tiny_aligner, progress=False)


@pytest.fixture(scope="module")
def score(metric) -> float:
    return metric.score([SOURCE], [TEXT])[0]


def guard(metric: AlignScore, threshold: float, on_fail: str) -> Guard:
    return Guard().use(AlignScoreValidator(metric, threshold=threshold, on_fail=on_fail))


@pytest.mark.parametrize("above", [False, True])
def test_a_guard_decides_by_the_metrics_score(metric, score, above):
    threshold = score + (1e-4 if above else -1e-4)
    done = guard(metric, threshold, "noop")
    assert done.validate(TEXT, metadata={"source": SOURCE}).validation_passed is not above
    (result,) = (log.validation_result for log in done.history.last.iterations.last.validator_logs)
    assert result.metadata["alignscore"] == pytest.approx(score, abs=1e-6)


def test_a_text_that_fails_is_an_exception_with_the_reason(metric, score):
    lowest = min(metric.explain(SOURCE, TEXT), key=lambda e: e.score).sentence
    with pytest.raises(ValidationError, match=lowest):
        guard(metric, score + 0.01, "exception").validate(TEXT, metadata={"source": SOURCE})


def test_a_fix_keeps_the_supported_sentences_and_spans_name_the_others(metric):
    sentences = metric.explain(SOURCE, TEXT)
    by_score = sorted(sentences, key=lambda found: found.score)
    mean = sum(found.score for found in sentences) / 3
    threshold = (max(mean, by_score[1].score) + by_score[2].score) / 2
    assert mean < threshold
    done = guard(metric, threshold, "fix").validate(TEXT, metadata={"source": SOURCE})
    assert done.validated_output == by_score[2].sentence
    result = AlignScoreValidator(metric, threshold=threshold).validate(TEXT, {"source": SOURCE})
    unsupported = [found.sentence for found in sentences if found is not by_score[2]]
    assert [TEXT[span.start : span.end] for span in result.error_spans] == unsupported


def test_a_text_without_a_sentence_fails(metric):
    result = AlignScoreValidator(metric).validate(" ", {"source": SOURCE})
    assert (result.outcome, result.error_message) == ("fail", "no sentence to score")
    assert result.metadata == {"alignscore": None}


def test_no_source_is_an_error(metric):
    with pytest.raises(InputError, match="the source is missing"):
        AlignScoreValidator(metric).validate(TEXT, {})
