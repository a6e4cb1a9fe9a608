"""Tests of alignscore_metric.result and .signature against scipy and loops."""

import dataclasses
import itertools
import json
import math
import time
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import scipy.special
import scipy.stats
from hypothesis import given
from hypothesis import strategies as st

from alignscore_metric.checkpoint.signature import Signature
from alignscore_metric.errors import ConfigurationError
from alignscore_metric.result import (
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


def place_of_bars(text: str, number: int) -> tuple[int, int]:
    """Where the number-th of the texts between bars stands; none of them has another length."""
    return 2 * number, 2 * number + 1


def passage_of_bars(source: str | list[str], number: int) -> tuple[int, int, int]:
    """The same of a source's chunks, with the passage before it."""
    for passage, text in enumerate([source] if isinstance(source, str) else source):
        if number <= text.count("|"):
            return passage, *place_of_bars(text, number)
        number -= text.count("|") + 1
    raise AssertionError


def evidence_by_loops(row: int) -> list[SentenceEvidence]:
    source = SOURCES[row]
    chunks = [c for p in ([source] if isinstance(source, str) else source) for c in p.split("|")]
    found = []
    for sentence in filter(None, SUMMARIES[row].split("|")):
        scores = [score(chunk, sentence) for chunk in chunks]
        place = scores.index(max(scores))
        found.append(
            SentenceEvidence(
                *(sentence, max(scores), chunks[place], place),
                *place_of_bars(SUMMARIES[row], len(found)),
                "supported" if max(scores) > 0.5 else "unsupported",
                *passage_of_bars(SOURCES[row], place),
            )
        )
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


def summary_of(scores, sources) -> ScoreSummary:
    return ScoreSummary(np.asarray(scores), np.asarray(sources), SIGNATURE)


def draws_of_scipy(scores, sources, resamples=1000, seed=0):
    """Means of resampled sources; scipy sees the sum and the number of each one's scores."""
    order = list(dict.fromkeys(sources))
    groups = [scores[np.asarray(sources) == source] for source in order]
    return scipy.stats.bootstrap(
        (np.array([g.sum() for g in groups]), np.array([len(g) for g in groups])),
        lambda sums, counts, axis: sums.sum(axis) / counts.sum(axis),
        paired=True,
        n_resamples=resamples,
        batch=100,
        method="percentile",
        rng=np.random.default_rng(seed),
    ).bootstrap_distribution


def student(value, draws, count, level=0.95, *, logits=True):
    """Student's interval with the draws' error, that of a new sample rather than a resample."""
    to, back = (scipy.special.logit, scipy.special.expit) if logits else (np.asarray, np.asarray)
    error = to(draws).std(ddof=1) * math.sqrt(count / (count - 1))
    return tuple(back(scipy.stats.t.interval(level, count - 1, loc=to(value), scale=error)))


@pytest.mark.parametrize(
    ("level", "resamples", "seed"), [(0.95, 1000, 0), (0.5, 200, 0), (0.95, 1000, 7)]
)
@pytest.mark.parametrize(("count", "pairs"), [(2, 1), (3, 1), (40, 1), (5, 4)])
def test_interval_against_scipy(count: int, pairs: int, level: float, resamples: int, seed: int):
    """Scipy's own draws of whole sources, of the defined scores."""
    scores = np.random.default_rng(count).random(count * pairs)
    sources = 17 - 3 * np.arange(count * pairs) % (3 * count)
    draws = draws_of_scipy(scores, sources, resamples, seed)
    with_gaps = np.insert(scores, [0, 1, len(scores)], np.nan)
    all_sources = np.insert(sources, [0, 1, len(scores)], [99, 99, 3])
    found = summary_of(with_gaps, all_sources).ci(level, resamples=resamples, seed=seed)
    assert found == pytest.approx(student(scores.mean(), draws, count, level), abs=1e-9)


def test_sources_are_resampled_and_not_pairs():
    """Fifty sources, some harder than others: the interval of the sources' own means."""
    rng = np.random.default_rng(0)
    scores = np.clip(np.repeat(rng.normal(0.6, 0.15, 50), 10) + rng.normal(0, 0.1, 500), 0, 1)
    sources = np.repeat(np.arange(50), 10)
    means = scores.reshape(50, 10).mean(axis=1)
    wanted = scipy.stats.t.interval(0.95, 49, loc=means.mean(), scale=scipy.stats.sem(means))
    assert summary_of(scores, sources).ci() == pytest.approx(wanted, abs=0.004)
    low, high = summary_of(scores, np.arange(500)).ci()
    assert high - low < 0.5 * (wanted[1] - wanted[0])


def test_equal_sources_are_one_document_whatever_they_are_called():
    """The sources of a result, given as texts; those of a summary, as numbers."""
    names, summaries = ["a|b", "c", ["a|b"], "d|e", "c"], ["p|q", "r", "q|t", "p", "s"]
    result = make_result(names, summaries)
    for sources in ([0, 1, 0, 2, 1], [5, -9, 5, 4, -9]):
        assert summary_of(result.scores, sources).ci() == result.ci()
    assert summary_of(result.scores, range(5)).ci() != result.ci()


def test_few_sources_that_hold_most_pairs_widen_the_interval():
    """As many degrees of freedom as sources of equal size would tell as much."""
    sizes = np.array([30, 10, 5, 3, 2])
    sources = np.repeat(np.arange(5), sizes)
    scores = np.random.default_rng(3).random(50)
    count = sizes.sum() ** 2 / (sizes**2).sum()
    assert 2 < count < 3
    wanted = student(scores.mean(), draws_of_scipy(scores, sources), count)
    assert summary_of(scores, sources).ci() == pytest.approx(wanted, abs=1e-9)


def test_interval_of_scores_without_bounds():
    """The head `reg` gives any number; Student's own interval then, whatever the scale."""
    scores = np.random.default_rng(1).normal(0.5, 1.0, 200)
    draws = draws_of_scipy(scores, range(200))
    found = summary_of(scores, range(200)).ci()
    assert found == pytest.approx(student(scores.mean(), draws, 200, logits=False), abs=1e-9)
    plain = scipy.stats.t.interval(0.95, 199, loc=scores.mean(), scale=scipy.stats.sem(scores))
    assert found == pytest.approx(plain, abs=0.02)


@pytest.mark.parametrize("level", [0.5, 0.95])
def test_interval_of_very_many_sources_is_the_bootstraps(level: float):
    """Skewed scores of 11,000 sources with one to three pairs; 1,000 resamples know their error."""
    rng = np.random.default_rng(0)
    sources = np.repeat(np.arange(11_000), rng.integers(1, 4, 11_000))
    scores = np.repeat(rng.beta(0.3, 2, 11_000), np.bincount(sources))
    counts, sums = np.bincount(sources), np.bincount(sources, scores)
    expected = scipy.stats.bootstrap(
        (sums, counts),
        lambda sums, counts, axis: sums.sum(axis) / counts.sum(axis),
        paired=True,
        confidence_level=level,
        n_resamples=1000,
        batch=100,
        method="percentile",
        rng=np.random.default_rng(1),
    )
    found = summary_of(np.append(scores, np.nan), np.append(sources, 0)).ci(level)
    bounds = (expected.confidence_interval.low, expected.confidence_interval.high)
    assert found == pytest.approx(bounds, abs=0.15 * expected.standard_error)


def test_equal_scores_leave_room_for_others():
    """Of ten sources none differs: up to 31% may, says the exact interval, and be 0 or 1."""
    agree = scipy.stats.binomtest(10, 10).proportion_ci(method="exact").low
    found = summary_of(np.full(10, 0.75), range(10)).ci()
    assert found == pytest.approx((0.75 * agree, 1 - 0.25 * agree))


@pytest.mark.alone
def test_a_million_pairs_are_told_about_in_seconds():
    scores = np.random.default_rng(0).random(1_000_000)
    start = time.process_time()
    assert "95% interval" in str(summary_of(scores, np.arange(1_000_000)))
    assert time.process_time() - start < 2


def test_summary_of_scores_alone_says_what_the_result_says(result: AlignScoreResult):
    assert str(summary_of(result.scores, [3, 1, 2, 3, 4, 0])) == str(result)


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


@pytest.mark.parametrize("summaries", [["", "", ""], ["", "p", ""]])
def test_no_interval_for_fewer_than_two_scores(summaries: list[str]):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        low, high = make_result(["a", "b", "c"], summaries).ci()
    assert math.isnan(low)
    assert math.isnan(high)


def test_no_interval_for_one_source():
    result = make_result(["a|b", ["a|b"]], ["p|q", "r"])
    assert np.isnan(result.ci()).all()
    assert "interval" not in str(result)


@pytest.mark.parametrize("wrong", [{"level": 1.0}, {"resamples": 1}, {"seed": -1}])
def test_intervals_without_meaning(result: AlignScoreResult, wrong):
    with pytest.raises(ConfigurationError, match="level lies between 0 and 1; resamples >= 2"):
        result.ci(**wrong)


def test_a_frame_of_pairs(result: AlignScoreResult):
    frame = result.to_pandas()
    assert frame.columns.tolist() == ["score", "sentences"]
    assert frame["score"].tolist() == pytest.approx(result.scores.tolist(), nan_ok=True)
    assert frame["sentences"].tolist() == [2, 1, 0, 3, 0, 1]


def test_a_frame_of_sentences(result: AlignScoreResult):
    frame = result.to_pandas("sentence")
    expected = [
        {"row": row} | dataclasses.asdict(found)
        for row in range(len(SOURCES))
        for found in evidence_by_loops(row)
    ]
    assert frame.columns.tolist() == list(expected[0])
    assert frame.astype(object).where(frame.notna(), None).to_dict("records") == expected


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("The bridge \ud83d was closed.", "The bridge \ufffd was closed."),
        ("Low \udc00", "Low \ufffd"),
        ("Two halves \ud83d\ude00.", "Two halves \U0001f600."),
        ("\ufeffIt rained.", "\ufeffIt rained."),
    ],
)
def test_a_frame_of_texts_that_are_no_utf8_can_be_written(text: str, shown: str, tmp_path: Path):
    made = make_result(["a"], ["p"])
    made.table.chunks[:], made.table.sentences[:] = [text], [text]
    frame = made.to_pandas("sentence")
    assert frame[["sentence", "chunk"]].to_numpy().tolist() == [[shown, shown]]
    frame.to_csv(tmp_path / "frame.csv", index=False)
    frame.to_parquet(tmp_path / "frame.parquet")
    assert pd.read_parquet(tmp_path / "frame.parquet")["sentence"].tolist() == [shown]
    assert made.sentences(0)[0].sentence == text  # as it came


def test_an_empty_frame_has_its_columns():
    frame = make_result([], []).to_pandas("sentence")
    assert frame.shape == (0, 15)
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
        assert f"AlignScore (test) {result.mean:.4f} (95% interval {low:.4f} to {high:.4f})" in text
        assert "6 pairs, 2 without a sentence left out" in text
        assert text.endswith(SIGNATURE)
    single = str(make_result(["a"], ["p"]))
    assert "AlignScore (test) 0.7500, 1 pair" in single
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
