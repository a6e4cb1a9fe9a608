"""The prefilter against plain loops, scikit-learn's document frequencies and unfiltered scores."""

import itertools
import json
import math
import re
import warnings

import numpy as np
import pytest

from alignscore_metric import pipeline
from alignscore_metric.checkpoint.profile import Profile
from alignscore_metric.checkpoint.signature import Signature
from alignscore_metric.commands.main import main
from alignscore_metric.engine.readings import PairReadings
from alignscore_metric.errors import ConfigurationError
from alignscore_metric.metric import AlignScore
from alignscore_metric.text.copying import copied_shares
from alignscore_metric.text.pairs import build_pair_table
from alignscore_metric.text.prefilter import (
    aligner_choice,
    chosen_scores,
    lexical_choice,
    lexical_relevance,
    parse_prefilter,
)

WORDS = [f"w{n}" for n in range(12)]


def made_table(seed, examples=12):
    """Examples of 1 to 9 chunks that share words; some sources and sentences are shared too."""
    rng = np.random.default_rng(seed)

    def text():
        return " ".join(rng.choice(WORDS, size=rng.integers(1, 7)))

    sources = [[text() for _ in range(rng.integers(1, 10))] for _ in range(examples // 2)]
    pool = [text() for _ in range(examples)] + ["?!"]
    rows = [
        (sources[rng.integers(len(sources))], list(rng.choice(pool, size=rng.integers(0, 4))))
        for _ in range(examples)
    ]
    return rows, table_of(rows)


def table_of(rows):
    return build_pair_table(
        [source for source, _ in rows],
        ["|".join(sentences) for _, sentences in rows],
        split_source=list,
        split_summary=lambda text: text.split("|") if text else [],
    )


def naive_relevance(chunks, sentence):
    """Sum over shared words of log(n / d), by scikit-learn's count of documents."""
    text = pytest.importorskip("sklearn.feature_extraction.text")
    counts = text.CountVectorizer(analyzer=re.compile(r"\w+").findall, binary=True).fit(chunks)
    shared = counts.transform(chunks).toarray() * counts.transform([sentence]).toarray()
    frequency = counts.transform(chunks).toarray().sum(axis=0)
    return (shared * np.log(len(chunks) / frequency)).sum(axis=1)


@pytest.mark.parametrize("seed", range(3))
def test_relevance_is_the_sum_of_inverse_document_frequencies(seed):
    rows, table = made_table(seed)
    found = lexical_relevance(table, 1)
    expected = [
        naive_relevance(chunks, sentence) if len(chunks) > 1 else [0.0]
        for chunks, sentences in rows
        for sentence in sentences
    ]
    assert found / 1e6 == pytest.approx(np.concatenate(expected), abs=1e-4)
    assert len(set(found.tolist())) > 5


@pytest.mark.parametrize("keep", [1, 2, 4, 7])
def test_the_choice_is_the_first_of_a_stable_sort(keep):
    rows, table = made_table(3)
    relevance, chosen = lexical_relevance(table, keep), lexical_choice(table, keep)
    for first, last in itertools.pairwise(table.sentence_cells):
        best = sorted(range(first, last), key=lambda cell: (-relevance[cell], cell))[:keep]
        assert np.flatnonzero(chosen[first:last]).tolist() == sorted(c - first for c in best)
    sizes = [len(chunks) for chunks, sentences in rows for _ in sentences]
    assert chosen.sum() == sum(min(size, keep) for size in sizes) < sum(sizes)


@pytest.mark.parametrize("seed", range(3))
def test_a_choice_does_not_depend_on_company(seed):
    rows, table = made_table(seed)
    calls = []

    def score(chunks, sentences, pairs):
        texts = [(chunks[chunk], sentences[sentence]) for chunk, sentence in pairs]
        calls.append(texts)
        return np.array([len(c) % 5 - len(s) % 3 for c, s in texts], dtype=float)

    for choose in (
        lambda table: lexical_choice(table, 2),
        lambda table: aligner_choice(table, 2, score),
    ):
        together = choose(table)
        starts = table.sentence_cells[table.example_sentences]
        together_calls = calls.copy()
        calls.clear()
        for row, (first, last) in zip(rows, itertools.pairwise(starts), strict=True):
            assert choose(table_of([row])).tolist() == together[first:last].tolist()
        assert calls == together_calls  # the same batches too, so that rounding is the same
        calls.clear()


def test_equals_are_chosen_from_the_start_and_words_of_all_chunks_weigh_nothing():
    chunks = ["The mayor spoke.", "the MAYOR, spoke", "the", "the dam broke", "the rain"]
    assert lexical_choice(table_of([(chunks, ["The mayor?"])]), 1).tolist() == [True] + [False] * 4
    assert lexical_choice(table_of([(chunks, ["the"])]), 2).tolist() == [True] * 2 + [False] * 3
    assert lexical_choice(table_of([(chunks, ["!"])]), 5).all()


def test_only_the_pairs_of_chosen_cells_are_scored():
    """A pair that one example needs is scored once, and not for an example that does not."""
    table = table_of([(["a b", "c d"], ["a"]), (["c d", "a b", "e f"], ["a", "c"])])
    chosen = np.array([True, False, False, True, False, True, False, False])
    asked = []

    def score(chunks, sentences, pairs):
        asked.extend((chunks[chunk], sentences[sentence]) for chunk, sentence in pairs)
        assert sorted(chunks) == ["a b", "c d"]
        return np.arange(len(pairs)) / 10

    scores = chosen_scores(table, chosen, score)
    assert asked == [("a b", "a"), ("c d", "c")]
    assert scores.tolist() == [0.0, -math.inf, -math.inf, 0.0, -math.inf, 0.1, -math.inf, -math.inf]


# --- in the metric


@pytest.fixture(scope="module")
def texts(example_rows):
    rows = example_rows[:12]
    return [row["source"] for row in rows], [row["summary"] for row in rows]


@pytest.fixture(scope="module")
def full(tiny_aligner, texts):
    return AlignScore(tiny_aligner, device="cpu", progress=False, chunk_words=15).evaluate(*texts)


def naive_scores(full, table, keep, relevance, weight=0.0):
    """Of each summary: the mean over sentences of the best of the kept pairs' full scores."""
    shares, sentence_scores = copied_shares(table), []
    for row, (first, last) in enumerate(itertools.pairwise(table.sentence_cells)):
        order = sorted(range(first, last), key=lambda cell: (-relevance[cell], cell))[:keep]
        best = max(full[cell] for cell in order)
        sentence_scores.append((1 - weight) * best + weight * shares[row])
    return [
        np.mean(sentence_scores[first:last])
        for first, last in itertools.pairwise(table.example_sentences)
    ]


@pytest.mark.parametrize(
    ("prefilter", "weight", "rows"),
    [("lexical-1", 0.0, 12), ("lexical-3", 0.0, 12), ("lexical-1", 0.3, 12), ("mini-2", 0.3, 2)],
)
def test_scores_are_those_of_the_kept_pairs(tiny_aligner, texts, prefilter, weight, rows):
    texts = texts[0][:rows], texts[1][:rows]
    options = {"device": "cpu", "progress": False, "chunk_words": 15, "copied_weight": weight}
    metric = AlignScore(tiny_aligner, prefilter=prefilter, **options)
    found = metric.evaluate(*texts)
    table = found.table
    plain = AlignScore(tiny_aligner, **options)
    cells = plain._pipeline.engine.score(table.chunks, table.sentences, table.pairs)[table.cells]
    keep = int(prefilter[-1])
    relevance = lexical_relevance(table, keep)
    if prefilter.startswith("mini"):
        mini = AlignScore(device="cpu", progress=False)._pipeline.engine
        relevance = mini.score(table.chunks, table.sentences, table.pairs)[table.cells]
    expected = naive_scores(cells, table, keep, relevance, weight)
    assert found.scores == pytest.approx(expected, abs=1e-5)
    assert found.scores != pytest.approx(plain.evaluate(*texts).scores, abs=1e-3)
    assert np.isfinite(found.sentence_scores).all()
    alone = [metric.score([source], [summary])[0] for source, summary in zip(*texts, strict=True)]
    assert found.scores == pytest.approx(alone, abs=1e-5)


def test_evidence_keeps_its_place_in_the_whole_source(tiny_aligner, texts, full):
    found = AlignScore(
        tiny_aligner, device="cpu", progress=False, chunk_words=15, prefilter="lexical-2"
    ).evaluate(*texts)
    assert found.table.chunks == full.table.chunks
    assert found.table.pairs.tolist() == full.table.pairs.tolist()
    chosen = lexical_choice(found.table, 2)
    assert chosen[found.best_cells].all()
    kept = chosen[full.best_cells]
    assert 0 < kept.sum() < len(kept)
    assert found.best_cells[kept].tolist() == full.best_cells[kept].tolist()
    assert (found.sentence_scores <= full.sentence_scores + 1e-5).all()


def test_sources_with_no_more_chunks_are_untouched(tiny_aligner, texts, full):
    most = int(np.diff(full.table.sentence_cells).max())
    found = AlignScore(
        tiny_aligner, device="cpu", progress=False, chunk_words=15, prefilter=f"lexical-{most}"
    ).evaluate(*texts)
    assert found.scores.tolist() == pytest.approx(full.scores.tolist(), abs=1e-6)


def test_no_pair_and_no_sentence(tiny_aligner):
    metric = AlignScore(tiny_aligner, device="cpu", progress=False, prefilter="lexical-1")
    assert metric.score([], []) == []
    assert math.isnan(metric.score(["It rained."], [" "])[0])


def test_the_signature_says_what_chose(tiny_aligner, tiny_checkpoint, full):
    mini = Signature.parse(AlignScore(progress=False).signature)
    for prefilter, written in (
        ("lexical-4", "lexical-4"),
        ("mini-4", f"mini-4+{mini.weights[:8]}"),
    ):
        metric = AlignScore(tiny_aligner, device="cpu", progress=False, prefilter=prefilter)
        assert metric.signature.endswith(f"|prefilter:{written}")
        assert Signature.parse(metric.signature).prefilter == written
    assert "prefilter" not in full.signature
    assert Signature.parse(full.signature).prefilter == ""
    off = AlignScore(tiny_aligner, device="cpu", progress=False, prefilter="none")
    assert "prefilter" not in off.signature


def test_smart_scores_every_sentence_and_says_so(tiny_aligner):
    source, summary = "The dam broke. It rained. Ann left.", "Ann left. It rained."
    plain = AlignScore(tiny_aligner, device="cpu", progress=False).smart([source], [summary])
    found = AlignScore(
        tiny_aligner, device="cpu", progress=False, prefilter="lexical-1", chunk_words=1
    ).smart([source], [summary])
    assert found == plain


def test_a_profile_keeps_it_and_a_calibration_is_not_of_its_scores(tiny_aligner):
    profile = Profile(prefilter="lexical-4")
    assert Profile.from_dict(profile.to_dict()) == profile
    bundled = AlignScore(progress=False)
    assert bundled.profile.calibration is not None
    found = AlignScore(progress=False, prefilter="lexical-4")
    assert found.profile.calibration is None
    with pytest.raises(ConfigurationError, match="no calibration for these options"):
        found.predict(["It rained."], ["It rained."])


@pytest.mark.parametrize("name", ["lexical", "lexical-0", "lexical-", "mini-1.5", "bm25-4", "", 4])
def test_names_that_are_none(tiny_aligner, name):
    with pytest.raises(
        ConfigurationError, match=r"prefilter is .*known: none, lexical-K and mini-K"
    ):
        parse_prefilter(name)
    with pytest.raises(ConfigurationError, match="prefilter"):
        AlignScore(tiny_aligner, device="cpu", prefilter=name)


def test_the_bundled_aligner_does_not_rank_for_itself(tmp_path):
    with pytest.raises(ConfigurationError, match="use prefilter='lexical-4'"):
        AlignScore(prefilter="mini-4", progress=False)


def test_what_the_ranking_aligner_cuts_is_no_warning(tiny_aligner, monkeypatch):
    """mini reads 512 tokens; the chunk here is longer, and the scoring aligner is stubbed."""
    metric = AlignScore(
        tiny_aligner, device="cpu", progress=False, prefilter="mini-1", chunk_words=2000
    )
    monkeypatch.setattr(
        pipeline.Engine,
        "read",
        warned(pipeline.Engine.read, but=metric._pipeline.engine),
    )
    long = " ".join(["river dam"] * 900) + "."
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert metric.score([[long, "The dam held."]], ["The dam held."]) == [0.5]


def warned(read, *, but):
    """The engines' own method, except for one engine, which gives 0.5."""

    def replaced(self, chunks, sentences, pairs):
        if self is but:
            nowhere = np.zeros((len(pairs), 2), dtype=np.int64)
            return PairReadings(np.full((len(pairs), 3), 0.5), np.zeros(0), nowhere)
        return read(self, chunks, sentences, pairs)

    return replaced


def test_on_the_command_line(tiny_aligner, texts, tmp_path, capsys):
    rows = [{"source": s, "summary": c} for s, c in zip(*texts, strict=True)]
    file = tmp_path / "rows.jsonl"
    file.write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    options = ["--model", str(tiny_aligner), "--device", "cpu", "--chunk-words", "15"]
    assert main(["score", str(file), "-o", "-", *options, "--prefilter", "lexical-2"]) == 0
    out, err = capsys.readouterr()
    expected = AlignScore(
        tiny_aligner, device="cpu", progress=False, chunk_words=15, prefilter="lexical-2"
    ).score(*texts)
    assert [json.loads(line)["alignscore"] for line in out.splitlines()] == pytest.approx(
        expected, abs=1e-6
    )
    assert "|prefilter:lexical-2" in err
    assert re.search(r"pairs prefiltered by lexical-2 and scored in", err)
    assert main(["score", str(file), *options, "--prefilter", "best-2"]) == 2
