"""Tests of alignscore_metric.metric against a slow re-implementation, one pair at a time."""

import copy
import dataclasses
import inspect
import io
import itertools
import math
import re
import unicodedata
import warnings
from collections import deque
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from transformers import AutoTokenizer

from alignscore_metric import pipeline
from alignscore_metric.checkpoint.loading import Checkpoint
from alignscore_metric.checkpoint.profile import MODES, Profile
from alignscore_metric.checkpoint.signature import Signature
from alignscore_metric.engine.encoding import PairEncoder
from alignscore_metric.engine.engine import TruncationWarning
from alignscore_metric.errors import ConfigurationError, InputError
from alignscore_metric.metric import AlignScore
from alignscore_metric.text.pairs import PairLister, Source
from alignscore_metric.text.splitters import chunk_passages, get_splitter
from alignscore_metric.version import __version__


@pytest.fixture(scope="module")
def metric(tiny_aligner: Path) -> AlignScore:
    return AlignScore(tiny_aligner, device="cpu", progress=False)


@pytest.fixture(scope="module")
def data(example_rows: list[dict[str, Any]]) -> tuple[list[Source], list[str]]:
    rows = example_rows[:12]
    return [row["source"] for row in rows], [row["summary"] for row in rows]


def test_a_metric_prints_as_its_model_device_and_precision(tiny_aligner: Path) -> None:
    metric = AlignScore(tiny_aligner, device="cpu", precision="bf16", progress=False)
    expected = f"AlignScore('{tiny_aligner.name}', device='cpu', precision='bf16')"
    assert str(metric) == repr(metric) == expected


class Naive:
    """What the docs say, in loops, with nothing shared between pairs."""

    def __init__(self, checkpoint: Checkpoint, chunk_words: int = 60) -> None:
        self.checkpoint = checkpoint
        self.tokenizer = AutoTokenizer.from_pretrained(checkpoint.tokenizer.folder)
        self.chunk_words = chunk_words
        self.splitter = get_splitter("bundled_punkt")

    def probability(self, chunk: str, sentence: str) -> float:
        """Class 1 of `bin`; the context is cut, or both texts where none of it would remain."""
        claim = self.tokenizer(sentence, add_special_tokens=False, verbose=False)["input_ids"]
        strategy = "only_first" if len(claim) < 512 - 3 else "longest_first"
        encoded = self.tokenizer(
            chunk, sentence, truncation=strategy, max_length=512, return_tensors="pt"
        )
        with torch.no_grad():
            return torch.softmax(self.checkpoint.aligner(**encoded).bin, dim=-1)[0, 1].item()

    def cells(self, source: Source, summary: str) -> list[list[float]]:
        chunks = chunk_passages(source, splitter=self.splitter, chunk_words=self.chunk_words)
        sentences = self.splitter.split(summary)
        return [[self.probability(chunk, sentence) for chunk in chunks] for sentence in sentences]

    def score(self, source: Source, summary: str) -> float:
        best = [max(scores) for scores in self.cells(source, summary)]
        return sum(best) / len(best)


@pytest.fixture(scope="module")
def naive(tiny_checkpoint: Checkpoint) -> Naive:
    return Naive(tiny_checkpoint)


@pytest.fixture(scope="module")
def expected(naive: Naive, data: tuple[list[Source], list[str]]) -> list[float]:
    scores = [naive.score(*pair) for pair in zip(*data, strict=True)]
    assert np.ptp(scores) > 0.1  # else equal scores would prove little
    return scores


def test_scores_equal_the_naive_ones(
    metric: AlignScore, data: tuple[list[Source], list[str]], expected: list[float]
):
    scores = metric.score(*data)
    assert all(type(score) is float for score in scores)
    assert scores == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize("batch_tokens", [512, 65536])
def test_scores_do_not_depend_on_batch_tokens(
    tiny_aligner: Path,
    data: tuple[list[Source], list[str]],
    expected: list[float],
    batch_tokens: int,
):
    metric = AlignScore(tiny_aligner, device="cpu", batch_tokens=batch_tokens, progress=False)
    assert metric.score(*data) == pytest.approx(expected, abs=1e-5)


def test_scores_do_not_depend_on_order_repetition_or_company(
    metric: AlignScore, data: tuple[list[Source], list[str]], expected: list[float]
):
    order = [*np.random.default_rng(0).permutation(len(expected)), 3, 3, 0]
    scores = metric.score([data[0][i] for i in order], [data[1][i] for i in order])
    assert scores == pytest.approx([expected[i] for i in order], abs=1e-5)
    for source, summary, score in zip(*data, expected, strict=True):
        assert metric.score([source], [summary]) == pytest.approx([score], abs=1e-5)


def test_evidence_equals_the_naive(
    metric: AlignScore, naive: Naive, data: tuple[list[Source], list[str]]
):
    result = metric.evaluate(*data)
    for row in range(3):
        source, summary = data[0][row], data[1][row]
        chunks = chunk_passages(source, splitter=naive.splitter, chunk_words=60)
        assert len(chunks) > 1
        found = result.sentences(row)
        assert [e.sentence for e in found] == naive.splitter.split(summary)
        for evidence, scores in zip(found, naive.cells(source, summary), strict=True):
            assert evidence.score == pytest.approx(max(scores), abs=1e-5)
            assert evidence.chunk == chunks[evidence.chunk_index]
            assert evidence.supported == (evidence.score > 0.5)  # there is no calibration
            if evidence.supported:
                assert scores[evidence.chunk_index] == pytest.approx(max(scores), abs=1e-5)
            else:
                shared = [shared_weight(evidence.sentence, chunk, chunks) for chunk in chunks]
                assert shared[evidence.chunk_index] == pytest.approx(max(shared), abs=1e-5)


def shared_weight(sentence: str, chunk: str, chunks: list[str]) -> float:
    """Sum over words that both have of log(chunks / chunks with the word)."""
    words = [set(re.findall(r"\w+", text.lower())) for text in (sentence, chunk, *chunks)]
    shared = words[0] & words[1]
    return sum(math.log(len(chunks) / sum(word in w for w in words[2:])) for word in shared)


def test_explain_is_the_evidence_of_one_pair(
    metric: AlignScore, data: tuple[list[Source], list[str]]
):
    source, summary = data[0][0], data[1][0]
    found = metric.explain(source, summary)
    assert found == metric.evaluate([source], [summary]).sentences(0)
    assert len(found) >= 1
    assert metric.explain(source, " ") == []


def test_passages_are_chunked_apart(metric: AlignScore, naive: Naive):
    passages = ["The river rose. It rained.", "  ", "The dam held."]
    chunks = ["The river rose. It rained.", "The dam held."]
    expected = [naive.probability(chunk, "The dam broke.") for chunk in chunks]
    (evidence,) = metric.explain(passages, "The dam broke.")
    assert evidence.score == pytest.approx(max(expected), abs=1e-5)
    assert evidence.chunk == chunks[expected.index(max(expected))]
    assert metric.score([passages, tuple(passages)], ["The dam broke."] * 2) == pytest.approx(
        [max(expected)] * 2, abs=1e-5
    )


FRAME = pd.DataFrame({"src": ["a", "b"], "sum": ["x", "y"]})


def column(texts: list[str]) -> Any:
    """Texts as pandas gives a list column of a parquet file."""
    stream = io.BytesIO()
    pq.write_table(pa.table({"passages": [texts]}), stream)
    return pd.read_parquet(stream)["passages"][0]


BAD: dict[str, tuple[Any, Any, str]] = {
    "more sources": (["a", "b", "c"], ["x", "y"], "3 sources but 2 summaries"),
    "more summaries": (["a"], ["x", "y"], "1 sources but 2 summaries"),
    "sources are one text": ("ab", ["x", "y"], "sources is one str"),
    "summaries are one text": (["a", "b"], "xy", "summaries is one str"),
    "sources are bytes": (b"ab", ["x", "y"], "sources is one bytes; give a list"),
    "sources are a frame": (FRAME[["src"]], ["x", "y"], r"a DataFrame; give .* sources\['src'\]"),
    "summaries are a frame": (["a", "b"], FRAME, r"give one column .* summaries\['src'\]"),
    "sources are a table": (pa.table({"src": ["a"]}), ["x"], r"a Table; give .* sources\['src'\]"),
    "sources are a dict": (
        {"a": 1},
        ["x"],
        r"a dict; give .* list\(sources.values\(\)\)",
    ),
    "summaries are a set": (["a"], {"x"}, "summaries is a set, which has no order; give a list"),
    "sources are a frozenset": (frozenset(["a"]), ["x"], "frozenset, which has no order"),
    "sources are 0-d": (np.array("a"), ["x"], "sources is one ndarray; give a list"),
    "sources are 2-d": (np.array([["a"]]), np.array([["x"]]), "sources has 2 dimensions; give one"),
    "sources are arrow's": (pa.array(["a"]), ["x"], r"give sources.to_pylist\(\)"),
    "summary None": (["a", "b"], ["x", None], r"row 1: the summary is missing \(None\)"),
    "summary nan": (["a", "b"], ["x", math.nan], r"row 1: the summary is missing \(nan\)"),
    "summary NA": (["a", "b"], ["x", pd.NA], "row 1: the summary is missing"),
    "summary int": (["a", "b"], ["x", 3], "row 1: the summary is int .'3'"),
    "summary bytes": (["a", "b"], ["x", b"y"], "row 1: the summary is bytes"),
    "summary list": (["a", "b"], ["x", ["y"]], "row 1: the summary is list"),
    "source None": (["a", None], ["x", "y"], r"row 1: the source is missing \(None\)"),
    "source nan": (["a", math.nan], ["x", "y"], r"row 1: the source is missing \(nan\)"),
    "source NA": (["a", pd.NA], ["x", "y"], "row 1: the source is missing"),
    "source int": (["a", 3], ["x", "y"], "row 1: the source is int"),
    "source bytes": (["a", b"b"], ["x", "y"], "row 1: the source is bytes"),
    "source empty bytes": (["a", b""], ["x", "y"], "row 1: the source is bytes"),
    "source dict": (["a", {"b": 1}], ["x", "y"], "row 1: the source is dict"),
    "source set": (["a", {"b"}], ["x", "y"], "row 1: the source is set"),
    "source frame": (["a", pd.DataFrame({"b": ["c"]})], ["x", "y"], "row 1: the source is DataFr"),
    "source numbers": (["a", np.array([1, 2])], ["x", "y"], "row 1: passage 0 is int64"),
    "source table": (["a", np.array([["b"]])], ["x", "y"], "row 1: passage 0 is ndarray"),
    "source 0-d": (["a", np.array("b")], ["x", "y"], "row 1: the source is ndarray"),
    "passage None": ([["a"], ["b", None]], ["x", "y"], "row 1: passage 1 is missing"),
    "passage int": (["a", ["b", "c", 3]], ["x", "y"], "row 1: passage 2 is int"),
    "passage list": (["a", [["b"]]], ["x", "y"], "row 1: passage 0 is list"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_input_is_named(metric: AlignScore, case: str):
    sources, summaries, message = BAD[case]
    with pytest.raises(InputError, match=message):
        metric.score(sources, summaries)


def test_a_dataset_is_no_column(metric: AlignScore):
    datasets = pytest.importorskip("datasets")
    rows = datasets.Dataset.from_dict({"document": ["It rained."], "summary": ["Rain fell."]})
    with pytest.raises(InputError, match=r"a Dataset; give one column of it, as sources\['docu"):
        metric.score(rows, rows)
    expected = metric.score(["It rained."], ["Rain fell."])
    assert metric.score(rows["document"], rows["summary"]) == expected


@pytest.mark.parametrize(
    "kind",
    [tuple, np.array, pd.Series, lambda t: np.array(t, dtype=object), pd.array, deque, column],
)
def test_passages_of_any_kind(metric: AlignScore, kind: Any):
    passages = ["It rained.", " ", "The dam held."]
    found = metric.evaluate([kind(passages)] * 2, ["Rain fell.", "It broke."])
    assert found.scores.tolist() == metric.score([passages] * 2, ["Rain fell.", "It broke."])
    assert found.table.chunks == ["It rained.", "The dam held."]


@pytest.mark.parametrize("kind", [tuple, np.array, pd.Series])
def test_columns_of_any_kind(metric: AlignScore, kind: Any):
    texts, claims = ["It rained.", "The dam held."], ["Rain fell.", "It broke."]
    assert metric.score(kind(texts), kind(claims)) == metric.score(texts, claims)


def test_a_blank_summary_has_no_score(metric: AlignScore):
    sources = ["The river rose."] * 4
    result = metric.evaluate(sources, ["", "It rose.", " \n\t", "It fell."])
    assert np.isnan(result.scores).tolist() == [True, False, True, False]
    assert result.undefined == 2
    assert result.scores[[1, 3]].tolist() == pytest.approx(
        metric.score(sources[:2], ["It rose.", "It fell."]), abs=1e-6
    )
    assert result.mean == pytest.approx(result.scores[[1, 3]].mean())


WITHOUT_CONTENT = [
    "\u200b",
    "\ufeff",
    "\xad",
    "\0",
    ".",
    "...",
    "?! —",
    "\u202e",
    "😀",
    "- - -\n***",
]


@pytest.mark.parametrize("options", [{}, {"claims": "whole"}], ids=["sentences", "whole"])
def test_a_summary_without_a_word_has_no_score(tiny_aligner: Path, options: dict[str, Any]):
    metric = AlignScore(tiny_aligner, texts="plain", device="cpu", progress=False, **options)
    result = metric.evaluate(["It rained."] * len(WITHOUT_CONTENT), WITHOUT_CONTENT)
    assert np.isnan(result.scores).all()
    assert result.undefined == len(WITHOUT_CONTENT)
    assert metric.explain("It rained.", "...") == []


def test_a_summary_without_a_word_is_not_judged_consistent():
    found = AlignScore(device="cpu", progress=False).predict(["It rained."] * 2, ["...", "\u200b"])
    assert np.isnan(found.probabilities).all()
    assert found.decisions.tolist() == [False, False]
    assert found.undefined == 2


def test_marks_between_sentences_are_no_sentences(tiny_aligner: Path):
    metric = AlignScore(tiny_aligner, texts="plain", device="cpu", progress=False)
    marked = "It rained. ... The dam held. \u200b"
    found = metric.explain("It rained on the dam.", marked)
    assert [each.sentence for each in found] == ["It rained.", "The dam held."]
    plain = metric.smart(["It rained. The dam held."], ["It rained. The dam held."])
    assert metric.smart([marked], [marked]).scores == plain.scores


@pytest.mark.parametrize("summary", ["雨。", "שלום", "२०२४", "½", "مرحبا", "ж"])
def test_a_word_of_any_script_is_scored(metric: AlignScore, summary: str):
    assert 0 <= metric.score(["It rained."], [summary])[0] <= 1


@pytest.mark.parametrize("claims", ["sentences", "whole"])
def test_raw_texts_of_marks_are_scored_as_the_reference_does(tiny_aligner: Path, claims: str):
    options = {"texts": "raw", "claims": claims}
    metric = AlignScore(tiny_aligner, device="cpu", progress=False, **options)
    assert not np.isnan(metric.score(["It rained."] * 2, ["...", "\u200b"])).any()


@pytest.mark.parametrize("source", ["", " \n", [], [""], ["", " "]])
def test_a_source_without_text_is_an_empty_context(
    metric: AlignScore, naive: Naive, source: Source
):
    expected = naive.probability("", "It rained.")
    assert metric.score([source], ["It rained."]) == pytest.approx([expected], abs=1e-5)


def test_no_pair_at_all(metric: AlignScore):
    assert metric.score([], []) == []


@pytest.mark.parametrize(
    "text",
    [
        "High \ud800 here. Low \udfff there.",
        "A\0b. \0 Next\0.",
        "\0",
        "שלום עולם. مرحبا بالعالم؟",
        "Fine 👩‍👩‍👧‍👦! Really 🏳️‍🌈?",
        "[CLS] [SEP] [PAD] [MASK]",
        "字" * 2000,
        "\u200b\u202e",
    ],
    ids=["surrogates", "nul", "only nul", "rtl", "emoji", "special", "no space", "invisible"],
)
@pytest.mark.filterwarnings("ignore::alignscore_metric.engine.engine.TruncationWarning")
def test_hostile_text_leaves_its_neighbours_alone(metric: AlignScore, text: str):
    alone = metric.score(["It rained."], ["Rain fell."])
    scores = metric.score(["It rained.", text, "It rained."], ["Rain fell.", "It rained.", text])
    assert scores[:1] == pytest.approx(alone, abs=1e-5)
    assert all(0 <= score <= 1 for score in scores[:2])
    assert 0 <= scores[2] <= 1 or not any(map(str.isalnum, text))


@pytest.mark.parametrize("long", ["source", "summary", "both"])
def test_a_sentence_of_5000_words(metric: AlignScore, naive: Naive, long: str):
    words = [f"{'river' if i % 3 else 'dam'} {i % 10}" for i in range(2500)]
    text, short = " ".join(words), "The river rose."
    assert len(text.split()) == 5000
    source, summary = {"source": (text, short), "summary": (short, text)}.get(long, (text, text))
    assert len(naive.splitter.split(text)) == 1
    with pytest.warns(TruncationWarning, match="^1 of 1 "):
        scores = metric.score([source], [summary])
    assert scores == pytest.approx([naive.probability(source, summary)], abs=1e-5)


@pytest.fixture(scope="module")
def plain(tiny_aligner: Path) -> AlignScore:
    return AlignScore(tiny_aligner, device="cpu", texts="plain", progress=False)


@pytest.mark.parametrize("place", [0, 1, 3, 5])
def test_a_fact_anywhere_in_an_overlong_sentence_moves_the_score(
    plain: AlignScore, naive: Naive, place: int
):
    """The best of the parts; cut by hand, where each word is a token."""
    parts = [["a", "b"] * 250] * 6
    parts[place] = ["x", "y", "z", "x"] * 125
    words, claim = list(itertools.chain(*parts)), "x y z"
    size = 512 - 3 - 3
    edges = [0]
    while (rest := len(words) - edges[-1]) > size:
        edges.append(edges[-1] + math.ceil(rest / math.ceil(rest / size)))
    by_hand = [
        naive.probability(" ".join(words[first:last]), claim)
        for first, last in itertools.pairwise([*edges, len(words)])
    ]
    assert len(by_hand) == 6
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        result = plain.evaluate([" ".join(words)], [claim])
    assert result.scores == pytest.approx([max(by_hand)], abs=1e-5)
    assert result.sentences(0)[0].chunk == " ".join(words)


def test_the_warning_names_what_was_lost_and_what_reads_it(metric: AlignScore, plain: AlignScore):
    long, short = "a " * 700 + ".", "b"  # 701 tokens and one; three control tokens
    with pytest.warns(TruncationWarning, match=rf"not read: {705 - 512} tokens at the end of a ch"):
        metric.score([long], [short])
    most = 509 - 509 // 4
    with pytest.warns(
        TruncationWarning, match=rf"not read: {701 - most} tokens at the end of a se"
    ):
        plain.score([short], [long])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        plain.score([long], [short])  # the remedy that the warning names


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (
            "It rained at the caf\u00e9.",
            unicodedata.normalize("NFD", "It rained at the caf\u00e9."),
        ),
        ("The first office.", "The \ufb01rst o\ufb03ce."),
        ("The river rose.", "The ri\u00adver\u00a0rose\u200b."),
    ],
)
def test_plain_scores_do_not_depend_on_the_form_and_texts_stay_as_they_were(
    plain: AlignScore, one: str, other: str
):
    result = plain.evaluate([one, one, other, other], [one, other, one, other])
    assert result.scores == pytest.approx([result.scores[0]] * 4, abs=1e-6)
    assert result.sentences(1)[0].sentence == other
    assert result.sentences(2)[0].chunk == other


def test_a_separator_in_a_claim_is_text(metric: AlignScore, plain: AlignScore):
    source, claim = "The river rose.", "The dam [SEP] broke."
    assert plain.score([source], [claim]) != pytest.approx(metric.score([source], [claim]))
    spelled = "The dam [ sep ] broke."  # as WordPiece reads it, which splits at marks
    assert plain.score([source], [claim]) == pytest.approx(metric.score([source], [spelled]))


def test_how_texts_are_read_is_signed_and_modes_read_them_raw(tiny_aligner: Path):
    options = {"device": "cpu", "progress": False, "texts": "plain"}
    assert Signature.parse(AlignScore(tiny_aligner, **options).signature).texts == "plain"
    profile = Profile(texts="plain")
    assert all(profile.with_mode(mode).texts == "raw" for mode in MODES)
    assert "texts" not in str(Signature.parse(AlignScore(tiny_aligner, device="cpu").signature))
    with pytest.raises(ConfigurationError, match="texts is 'cooked'; known"):
        AlignScore(tiny_aligner, texts="cooked", device="cpu")


@pytest.mark.filterwarnings("ignore::alignscore_metric.engine.engine.TruncationWarning")
def test_a_source_of_200_000_words(tiny_aligner: Path, naive: Naive):
    """40,000 sentences of 5 words: 200,000 // 5,000 + 1 = 41 chunks aimed at, 975 each, 42 made."""
    metric = AlignScore(tiny_aligner, device="cpu", chunk_words=5000, progress=False)
    sentences = [f"The river rose {i} feet." for i in range(40_000)]
    chunks = [" ".join(sentences[i : i + 975]) for i in range(0, 40_000, 975)]
    result = metric.evaluate([" ".join(sentences)], ["The dam broke."])
    assert result.table.chunks == chunks
    assert len(chunks) == 42
    best = max(naive.probability(chunk, "The dam broke.") for chunk in chunks)
    assert result.scores.tolist() == pytest.approx([best], abs=1e-5)


def test_the_signature_says_what_was_used(tiny_aligner: Path, tiny_checkpoint: Checkpoint):
    metric = AlignScore(tiny_aligner, device="cpu", progress=False)
    found = Signature.parse(metric.signature)
    assert found.model == tiny_aligner.name
    assert found.weights == tiny_checkpoint.weights_sha256[:12]
    assert (found.head, found.chunk, found.length) == ("bin[1]", "60", "512")
    assert found.splitter.startswith("bundled_punkt+nltk3.")
    assert (found.aggregation, found.template) == ("max-mean", "pair")
    assert (found.precision, found.version) == ("fp32", __version__)
    assert metric.evaluate(["a"], ["b"]).signature == metric.signature


@pytest.mark.parametrize(("head", "written"), [("tri", "tri[0]"), ("reg", "reg[0]")])
def test_another_head(tiny_aligner: Path, tiny_checkpoint: Checkpoint, head: str, written: str):
    metric = AlignScore(tiny_aligner, head=head, device="cpu", progress=False)
    assert metric.profile.head == head
    assert Signature.parse(metric.signature).head == written
    tokenizer = AutoTokenizer.from_pretrained(tiny_aligner)
    encoded = tokenizer("It rained.", "Rain fell.", return_tensors="pt")
    with torch.no_grad():
        output = tiny_checkpoint.aligner(**encoded)
    value = output.reg if head == "reg" else torch.softmax(output.tri, dim=-1)[:, 0]
    assert metric.score(["It rained."], ["Rain fell."]) == pytest.approx(value.tolist(), abs=1e-5)


def test_another_chunk_size(tiny_aligner: Path, data: tuple[list[Source], list[str]]):
    metric = AlignScore(tiny_aligner, chunk_words=25, device="cpu", progress=False)
    assert metric.profile.chunk_words == 25
    assert Signature.parse(metric.signature).chunk == "25"
    splitter = get_splitter("bundled_punkt")
    wanted = chunk_passages(data[0][0], splitter=splitter, chunk_words=25)
    assert wanted != chunk_passages(data[0][0], splitter=splitter, chunk_words=60)
    table = metric.evaluate(data[0][:1], data[1][:1]).table
    assert table.chunks == list(dict.fromkeys(wanted))


@pytest.mark.usefixtures("nltk_data")
def test_another_splitter(tiny_aligner: Path):
    metric = AlignScore(tiny_aligner, splitter="nltk_punkt", device="cpu", progress=False)
    assert metric.profile.splitter == "nltk_punkt"
    assert Signature.parse(metric.signature).splitter.startswith("nltk_punkt+nltk3.")
    assert metric._pipeline.split_source.splitter is get_splitter("nltk_punkt")


@pytest.mark.parametrize(
    ("typed", "here"),
    [
        (  # as the authors' README has it
            {
                "model": "roberta-base",
                "batch_size": 32,
                "device": "cuda:0",
                "ckpt_path": "A.ckpt",
                "evaluation_mode": "nli_sp",
            },
            "AlignScore(backbone='roberta-base', model='A.ckpt', device='cuda:0', mode='nli_sp')",
        ),
        (
            {"models": ["vitc"], "granularity": "sentence", "device": "cpu"},
            "AlignScore(device='cpu')",
        ),
        ({"model_name": "roberta-large", "cache_dir": "./ckpts"}, "AlignScore()"),
    ],
    ids=["AlignScore", "SummaC", "MiniCheck"],
)
def test_arguments_of_other_checkers(typed: dict[str, Any], here: str):
    with pytest.raises(ConfigurationError) as raised:
        AlignScore(**typed)
    assert f"of AlignScore; type: {here}, and see docs/coming_from.md" in str(raised.value)
    foreign = typed.keys() - {"model", "device"}
    assert str(raised.value).startswith(", ".join(sorted(foreign)))


@pytest.mark.parametrize("method", ["score", "evaluate", "predict"])
@pytest.mark.parametrize(
    ("typed", "here"),
    [
        (("claims", "contexts"), "(summaries=claims, sources=contexts)"),
        (("docs", "claims"), "(summaries=claims, sources=docs)"),
        (("predictions", "references"), "(summaries=predictions, sources=references)"),
        (("generateds", "sources"), "(summaries=generateds, sources=sources)"),
    ],
    ids=["AlignScore", "MiniCheck", "evaluate", "SummaC"],
)
def test_arguments_of_other_checkers_methods(
    metric: AlignScore, method: str, typed: tuple[str, str], here: str
):
    with pytest.raises(ConfigurationError) as raised:
        getattr(metric, method)(**{name: ["It rained."] for name in typed})
    assert f"of AlignScore.{method}; type: AlignScore.{method}{here}, " in str(raised.value)


def test_a_word_of_nobodys_is_an_unexpected_argument(metric: AlignScore):
    with pytest.raises(TypeError, match="unexpected keyword argument 'colour'"):
        AlignScore(colour="blue")  # type: ignore[call-arg]
    assert list(inspect.signature(metric.score).parameters) == ["sources", "summaries"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"precision": "fp64"}, "precision is 'fp64'; known precisions: fp32, bf16, fp16"),
        ({"device": "abacus"}, "device 'abacus' cannot be used here"),
        ({"device": "cuda:99"}, "device 'cuda:99' cannot be used here"),
        ({"batch_tokens": 0}, "batch_tokens is 0; give a whole number >= 1"),
        ({"batch_tokens": 512.0}, "batch_tokens is 512.0"),
        ({"batch_tokens": "512"}, "batch_tokens is '512'"),
        ({"batch_tokens": True}, "batch_tokens is True"),
        ({"head": "nli"}, "head is 'nli'; known heads: bin, tri, reg"),
        ({"splitter": "spacy"}, "unknown sentence splitter 'spacy'"),
        ({"chunk_words": 0}, "chunk_words is 0; give a whole number >= 1"),
        ({"chunk_words": 1.5}, "chunk_words is 1.5"),
    ],
)
def test_a_bad_option(tiny_aligner: Path, options: dict[str, Any], message: str):
    with pytest.raises(ConfigurationError, match=message):
        AlignScore(tiny_aligner, **({"device": "cpu", "progress": False} | options))


@pytest.mark.parametrize("precision", ["bf16", "fp16"])
def test_lower_precision(
    tiny_aligner: Path,
    data: tuple[list[Source], list[str]],
    expected: list[float],
    precision: str,
):
    metric = AlignScore(tiny_aligner, precision=precision, device="cpu", progress=False)
    assert Signature.parse(metric.signature).precision == precision
    scores = metric.score(*data)
    assert scores == pytest.approx(expected, abs=0.05)
    assert scores != pytest.approx(expected, abs=1e-7)  # it was used


@pytest.mark.parametrize("terminal", [True, False])
@pytest.mark.parametrize("progress", [True, False, None])
def test_bars_only_where_wanted(
    tiny_aligner: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    progress: bool | None,
    terminal: bool,
):
    monkeypatch.setattr("sys.stderr.isatty", lambda: terminal)
    AlignScore(tiny_aligner, device="cpu", progress=progress).score(["It rained."], ["Rain."])
    shown = capsys.readouterr()
    assert shown.out == ""
    assert ("scoring" in shown.err) == (terminal if progress is None else progress)


def test_repeated_texts_are_scored_once(metric: AlignScore, monkeypatch: pytest.MonkeyPatch):
    encode, calls = PairEncoder.encode, []

    def counted(self: PairEncoder, pairs: Any) -> Any:
        calls.append(len(pairs))
        return encode(self, pairs)

    monkeypatch.setattr(PairEncoder, "encode", counted)
    metric.score(["It rained."] * 50, ["Rain fell. It poured."] * 50)
    assert calls == [2]


def test_texts_may_be_split_while_others_are_scored(
    metric: AlignScore,
    data: tuple[list[Source], list[str]],
    expected: list[float],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
):
    """As for GPUs, whose part the CPU plays: the same result, in parts of 1, 2, 4, ... examples."""
    whole = metric.evaluate(*data)
    other = copy.copy(metric)
    engine = dataclasses.replace(metric._pipeline.engine, progress=True)
    other._pipeline = dataclasses.replace(metric._pipeline, engine=engine, first_part=1)
    monkeypatch.setattr(pipeline, "PART", 16)
    sizes = []
    add = PairLister.add

    def noted(self, examples):
        sizes.append(len(examples))
        return add(self, examples)

    monkeypatch.setattr(PairLister, "add", noted)
    found = other.evaluate(*data)
    assert sizes[:3] == [1, 2, 4]
    assert sum(sizes) == len(data[0])
    assert found.scores == pytest.approx(expected, abs=1e-5, nan_ok=True)
    assert found.sentence_scores == pytest.approx(whole.sentence_scores, abs=1e-5)
    for name, values in vars(whole.table).items():
        assert np.array_equal(getattr(found.table, name), values)
    pairs = len(whole.table.pairs)
    assert f"{pairs}/{pairs}" in capsys.readouterr().err
    with pytest.raises(InputError, match="row 1"):
        other.evaluate(["A b."] * 2, ["A b.", None])


def test_scoring_warns_of_nothing_when_all_is_well(metric: AlignScore):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        metric.score(["It rained."], ["Rain fell."])
