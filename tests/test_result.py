"""Tests of alignscore_metric.result and .signature against scipy and loops."""

import itertools
import json
import math
import warnings

import numpy as np
import pytest
import scipy.stats
from hypothesis import given
from hypothesis import strategies as st

from alignscore_metric.checkpoint.signature import Signature
from alignscore_metric.errors import ConfigurationError
from alignscore_metric.result import (
    NORMAL_FROM,
    AlignScoreResult,
    ScoreSummary,
    SentenceEvidence,
    join_results,
)
from alignscore_metric.scores.aggregation import aggregate_sentences, max_over_chunks
from alignscore_metric.text.pairs import build_pair_table

SOURCES = ["a|b|c", ["b", "d|a"], "e", "a|b|c", "c", ["d"]]
SUMMARIES = ["p|q", "p", "", "r|q|r", "", "q"]
SIGNATURE = "alignscore|model:test"


def make_result(sources=SOURCES, summaries=SUMMARIES) -> AlignScoreResult:
    """A result over texts split at bars; a pair's score follows from its two texts."""
    table = build_pair_table(
        sources,
        summaries,
        split_source=lambda s: [
            c for p in ([s] if isinstance(s, str) else s) for c in p.split("|")
        ],
        split_summary=lambda s: [sentence for sentence in s.split("|") if sentence],
    )
    pair_scores = np.array([score(table.chunks[c], table.sentences[s]) for c, s in table.pairs])
    best, cells = max_over_chunks(pair_scores[table.cells], table.sentence_cells)
    return AlignScoreResult(
        scores=aggregate_sentences(best, table.example_sentences, "mean"),
        sentence_scores=best,
        best_cells=cells,
        table=table,
        signature=SIGNATURE,
    )


def score(chunk: str, sentence: str) -> float:
    """Any number in [0, 1) that differs from pair to pair, but for chunks a and b with p."""
    return 0.75 if sentence == "p" and chunk in "ab" else (ord(chunk) * 7 + ord(sentence)) % 13 / 13


def evidence_by_loops(row: int) -> list[SentenceEvidence]:
    source = SOURCES[row]
    chunks = [c for p in ([source] if isinstance(source, str) else source) for c in p.split("|")]
    found = []
    for sentence in filter(None, SUMMARIES[row].split("|")):
        scores = [score(chunk, sentence) for chunk in chunks]
        place = scores.index(max(scores))
        found.append(SentenceEvidence(sentence, max(scores), chunks[place], place))
    return found


@pytest.fixture
def result() -> AlignScoreResult:
    return make_result()


@pytest.mark.parametrize("row", range(len(SOURCES)))
def test_evidence_equals_that_of_loops(result: AlignScoreResult, row: int):
    assert result.sentences(row) == evidence_by_loops(row)


@pytest.mark.parametrize("row", [-1, len(SOURCES), 10**6])
def test_a_row_that_is_not_there(result: AlignScoreResult, row: int):
    with pytest.raises(IndexError, match=f"row {row} of {len(SOURCES)}"):
        result.sentences(row)


def test_scores_without_a_sentence_are_counted_and_left_out(result: AlignScoreResult):
    expected = []
    for row in range(len(SOURCES)):
        scores = [found.score for found in evidence_by_loops(row)]
        expected.append(sum(scores) / len(scores) if scores else math.nan)
    assert len(result) == len(SOURCES)
    assert result.scores.tolist() == pytest.approx(expected, nan_ok=True)
    assert result.undefined == 2
    defined = [value for value in expected if not math.isnan(value)]
    assert result.defined.tolist() == pytest.approx(defined)
    assert result.mean == pytest.approx(sum(defined) / 4)


@pytest.mark.parametrize(
    ("level", "resamples", "seed"), [(0.95, 1000, 0), (0.5, 200, 0), (0.95, 1000, 7)]
)
@pytest.mark.parametrize("count", [2, 3, 40])
def test_interval_against_scipy(count: int, level: float, resamples: int, seed: int):
    """Scipy's own call on the defined scores, with the same draws."""
    scores = np.random.default_rng(count).random(count)
    with_gaps = np.insert(scores, [0, 1, count], np.nan)
    base = make_result()
    result = AlignScoreResult(
        with_gaps, base.sentence_scores, base.best_cells, base.table, base.signature
    )
    expected = scipy.stats.bootstrap(
        (scores,),
        np.mean,
        confidence_level=level,
        n_resamples=resamples,
        method="percentile",
        rng=np.random.default_rng(seed),
    ).confidence_interval
    low, high = result.ci(level, resamples=resamples, seed=seed)
    assert (low, high) == pytest.approx((expected.low, expected.high), abs=1e-12)
    assert low < high


@pytest.mark.parametrize("level", [0.5, 0.95])
def test_interval_of_very_many_scores_is_the_bootstraps(level: float):
    """Skewed scores; the bounds of 1,000 resamples are known to a tenth of a standard error."""
    scores = np.random.default_rng(0).beta(0.3, 2, NORMAL_FROM + 1)
    expected = scipy.stats.bootstrap(
        (scores,),
        np.mean,
        confidence_level=level,
        n_resamples=1000,
        batch=100,
        method="percentile",
        rng=np.random.default_rng(1),
    )
    found = ScoreSummary(np.append(scores, np.nan), SIGNATURE).ci(level)
    bounds = (expected.confidence_interval.low, expected.confidence_interval.high)
    assert found == pytest.approx(bounds, abs=0.15 * expected.standard_error)


def test_summary_of_scores_alone_says_what_the_result_says(result: AlignScoreResult):
    assert str(ScoreSummary(result.scores, SIGNATURE)) == str(result)


@pytest.mark.parametrize("cuts", [[0, 6], [0, 1, 2, 3, 4, 5, 6], [0, 3, 3, 6], [0, 2, 5, 6]])
def test_joined_results_equal_the_result_of_all(result: AlignScoreResult, cuts: list[int]):
    """Parts of some rows each; one has none, others have no sentence."""
    parts = [
        make_result(SOURCES[start:stop], SUMMARIES[start:stop])
        for start, stop in itertools.pairwise(cuts)
    ]
    joined = join_results(parts)
    np.testing.assert_array_equal(joined.scores, result.scores)
    assert joined.to_dict() == result.to_dict()
    assert sorted(joined.table.chunks) == sorted(result.table.chunks)
    assert len(joined.table.pairs) == len(result.table.pairs)
    for start, stop in itertools.pairwise(cuts):
        for row in range(start, stop):
            assert joined.sentences(row) == evidence_by_loops(row)


def test_interval_of_many_scores_does_not_depend_on_the_draws_memory():
    """20,000 scores are drawn in two batches; scipy, asked directly, draws in one."""
    scores = np.random.default_rng(0).random(20_000)
    base = make_result()
    result = AlignScoreResult(
        scores, base.sentence_scores, base.best_cells, base.table, base.signature
    )
    expected = scipy.stats.bootstrap(
        (scores,), np.mean, n_resamples=600, method="percentile", rng=np.random.default_rng(3)
    ).confidence_interval
    assert result.ci(resamples=600, seed=3) == pytest.approx(tuple(expected), abs=1e-12)


@pytest.mark.parametrize("summaries", [["", "", ""], ["", "p", ""]])
def test_no_interval_for_fewer_than_two_scores(summaries: list[str]):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        low, high = make_result(["a", "b", "c"], summaries).ci()
    assert math.isnan(low)
    assert math.isnan(high)


def test_a_frame_of_pairs(result: AlignScoreResult):
    frame = result.to_pandas()
    assert frame.columns.tolist() == ["score", "sentences"]
    assert frame["score"].tolist() == pytest.approx(result.scores.tolist(), nan_ok=True)
    assert frame["sentences"].tolist() == [2, 1, 0, 3, 0, 1]


def test_a_frame_of_sentences(result: AlignScoreResult):
    frame = result.to_pandas("sentence")
    expected = [
        (row, found.sentence, found.score, found.chunk, found.chunk_index)
        for row in range(len(SOURCES))
        for found in evidence_by_loops(row)
    ]
    assert frame.columns.tolist() == ["row", "sentence", "score", "chunk", "chunk_index"]
    assert list(frame.itertuples(index=False, name=None)) == expected


def test_an_empty_frame_has_its_columns():
    frame = make_result([], []).to_pandas("sentence")
    assert frame.shape == (0, 5)
    assert make_result([], []).to_pandas().shape == (0, 2)


def test_as_a_dict_for_json(result: AlignScoreResult):
    found = json.loads(json.dumps(result.to_dict(), allow_nan=False))
    assert found["mean"] == pytest.approx(result.mean)
    assert found["ci95"] == pytest.approx(list(result.ci(0.95)))
    assert (found["count"], found["undefined"]) == (6, 2)
    assert found["scores"] == [None if math.isnan(s) else s for s in result.scores.tolist()]
    assert [len(sentences) for sentences in found["sentences"]] == [2, 1, 0, 3, 0, 1]
    assert [SentenceEvidence(**s) for s in found["sentences"][3]] == evidence_by_loops(3)
    assert found["signature"] == SIGNATURE


def test_as_a_dict_without_any_score():
    found = json.loads(json.dumps(make_result(["a"], [""]).to_dict(), allow_nan=False))
    assert (found["mean"], found["ci95"], found["scores"]) == (None, [None, None], [None])
    empty = json.loads(json.dumps(make_result([], []).to_dict(), allow_nan=False))
    assert (empty["mean"], empty["count"], empty["scores"]) == (None, 0, [])


def test_as_text(result: AlignScoreResult):
    low, high = result.ci()
    for text in (str(result), repr(result)):
        assert f"AlignScore {result.mean:.4f} (95% interval {low:.4f} to {high:.4f})" in text
        assert "6 pairs, 2 without a sentence left out" in text
        assert text.endswith(SIGNATURE)
    single = str(make_result(["a"], ["p"]))
    assert "AlignScore 0.7500, 1 pair" in single
    assert "interval" not in single
    assert "left out" not in single


FIELDS = (
    "model",
    "weights",
    "tokenizer",
    "head",
    "splitter",
    "chunk",
    "claims",
    "template",
    "aggregation",
    "length",
    "precision",
    "version",
)
values = st.lists(
    st.text(max_size=5) | st.sampled_from(["|", ":", "%", "%7C", " ", "é", "+", "\n"])
)


@given(st.fixed_dictionaries(dict.fromkeys(FIELDS, values.map("".join))))
def test_a_signature_can_be_read_back(fields: dict[str, str]):
    signature = Signature(**fields)
    line = str(signature)
    assert Signature.parse(line) == signature
    assert len(line.splitlines()) == 1
    assert [part.partition(":")[0] for part in line.split("|")] == ["alignscore", *FIELDS]


LINE = str(Signature(**dict.fromkeys(FIELDS, "x")))


def test_a_signature_of_plain_values_is_readable():
    signature = Signature.parse(LINE.replace("head:x", "head:bin[1]"))
    assert signature.head == "bin[1]"
    assert "|head:bin[1]|" in str(signature)
    assert Signature.parse(f"  {LINE}\n") == Signature(**dict.fromkeys(FIELDS, "x"))


@pytest.mark.parametrize(
    "line",
    [
        "",
        "alignscore",
        "nrefs:1|case:mixed|eff:no|tok:13a|smooth:exp|version:2.0.0",
        LINE.replace("alignscore", "bleu"),
        LINE.replace("|version:x", ""),
        LINE + "|seed:1",
        LINE.replace("|model:x", "|models:x"),
        LINE + "|model:y",
    ],
    ids=["empty", "prefix only", "bleu", "prefix", "missing", "unknown", "misspelt", "twice"],
)
def test_what_is_not_a_signature(line: str):
    with pytest.raises(ConfigurationError, match="not an AlignScore signature"):
        Signature.parse(line)
