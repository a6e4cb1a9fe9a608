"""Where a summary is wrong: places of sentences and chunks, unsupported spans, verdicts."""

import json
import re
import unicodedata
import warnings
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from alignscore_metric import AlignScore
from alignscore_metric.checkpoint.aligner import Aligner, AlignerConfig, pair_relations
from alignscore_metric.checkpoint.loading import load_checkpoint
from alignscore_metric.checkpoint.profile import Profile
from alignscore_metric.commands.main import main
from alignscore_metric.engine.encoding import token_places
from alignscore_metric.engine.packed import can_pack
from alignscore_metric.errors import ConfigurationError
from alignscore_metric.pipeline import NotEnglishWarning, build_pipeline
from alignscore_metric.result import _verdict, join_results
from alignscore_metric.text.encodable import encodable
from alignscore_metric.text.forms import one_form, traced
from alignscore_metric.text.languages import in_another_script
from alignscore_metric.text.occlusion import RISE, occluded_spans, parts
from alignscore_metric.text.places import SEVERAL, chunk_places
from alignscore_metric.text.spans import doubted_spans

SOURCE = [
    "The bridge over the Lune was closed on Monday. A ferry ran instead.",
    "Mayor Ann Holt praised its 12 crews. They worked for 30 hours.\n\nIt reopened on Friday.",
]
SUMMARY = (
    "The bridge was closed on Sunday.  Mayor Ann Holt praised 14 crews. It reopened on Friday."
)

# ---------------------------------------------------------------------------------------- places

PIECES = st.sampled_from(
    [
        *(
            "It rained.",
            "Dr. Ann left at 5 p.m. on Friday.",
            "Nobody knew!",
            "Why?",
            "3.5 % of it.",
        ),
        *("...", "\u2026", "caf\u00e9 e\u0301 \ufb01", "\U0001f600\U0001f600", "\ud83d", "\ude00"),
        *('"Yes," she said.', "\u200b", "(a).", "雨。", "--b", "\x00"),
    ]
)
SPACES = st.sampled_from(["", " ", "  ", "\n", "\n\n", "\t", "\r\n", "\u00a0", "\u3000", "\u2028"])
TEXTS = st.lists(st.tuples(PIECES, SPACES), max_size=8).map(lambda m: "".join(map("".join, m)))


@pytest.fixture(scope="module")
def splitting(tiny_aligner):
    """The tiny aligner with each way to read texts."""
    return {
        texts: AlignScore(tiny_aligner, device="cpu", progress=False, texts=texts, chunk_words=5)
        for texts in ("raw", "plain")
    }


@pytest.mark.parametrize("texts", ["raw", "plain"])
@settings(max_examples=300)
@given(source=TEXTS | st.lists(TEXTS, max_size=3), summary=TEXTS)
def test_slices_of_the_users_texts_are_the_sentences_and_chunks(splitting, texts, source, summary):
    table = splitting[texts].pair_table([source] * 2, [summary] * 2)
    passages = [source] if isinstance(source, str) else source
    for number, (start, end) in zip(table.sentence_ids, table.sentence_places, strict=True):
        assert summary[start:end] == table.sentences[number]
    assert (np.diff(table.sentence_places[:, 0]) > 0).sum() >= len(table.sentence_places) - 2
    if not len(table.sentence_ids):
        return
    first, last = table.sentence_cells[:2]
    chunks = [table.chunks[chunk] for chunk in table.pairs[table.cells[first:last], 0]]
    assert table.example_chunks.tolist() == [0, len(chunks), 2 * len(chunks)]
    for chunk, (passage, start, end) in zip(chunks, table.chunk_places, strict=False):
        if passages:  # white space alone may differ
            assert "".join(passages[passage][start:end].split()) == "".join(chunk.split())


def test_a_chunk_of_several_passages_has_no_place():
    assert chunk_places(["a b c"], ["a b", "c"]) == [(SEVERAL, 0, 0)]
    with pytest.raises(ValueError, match="not in its source"):
        chunk_places(["d"], ["a b", "c"])


@given(TEXTS | st.text())
def test_a_traced_form_is_the_form(text):
    for form in (one_form, encodable, lambda t: encodable(one_form(t))):
        found = traced(text, form)
        assert found.text == form(text)
        assert len(found.starts) == len(found.ends) == len(found.text)
        for place, (start, end) in enumerate(zip(found.starts, found.ends, strict=True)):
            assert found.text[place] in form(text[start:end])


# ----------------------------------------------------------------------------------------- spans


@pytest.mark.parametrize(
    ("claim", "doubts", "wanted"),
    [
        ("It sold 40 cars.", [0, 0, 0.9, 0], ["40"]),
        ("It sold 40, 50 cars.", [0, 0, 0.9, 0.8, 0], ["40, 50"]),  # marks join
        ("It sold 40 cars.", [0.6, 0, 0.9, 0.7], ["It", "40 cars"]),
        ("It sold 40 cars.", [0.5, 0.5, 0.5, 0.5], []),  # must exceed
        ("Rain", [0.9], ["Rain"]),
        ("?!", [], []),
    ],
)
def test_spans_are_runs_of_doubted_words(claim, doubts, wanted):
    words = [match.span() for match in re.finditer(r"\w+", claim)]
    found = doubted_spans(claim, words, doubts, threshold=0.5)
    assert [claim[start:end] for start, end, _ in found] == wanted
    for start, end, doubt in found:
        inside = [d for (a, b), d in zip(words, doubts, strict=True) if start <= a and b <= end]
        assert doubt == pytest.approx(np.mean(inside))


def test_a_word_is_doubted_as_its_most_doubted_piece():
    [found] = doubted_spans("well-known", [(0, 4), (4, 5), (5, 10)], [0.1, 0.2, 0.8], threshold=0.5)
    assert found == (0, 10, 0.8)


@pytest.fixture(scope="module", params=["claim_attention", "claim_mean", "pooler"])
def spanned(tiny_aligner, request):
    """The tiny aligner with each pooling and a random span head, and its checkpoint."""
    checkpoint = load_checkpoint(tiny_aligner)
    torch.manual_seed(1)
    config = AlignerConfig.from_dict(
        checkpoint.aligner.config.to_dict()
        | {"span_head": True, "span_threshold": 0.5, "copied_ngrams": 4}
        | {"pooling": request.param}
    )
    aligner = Aligner(config).eval()
    for module in aligner.modules():
        if isinstance(module, torch.nn.Linear):
            module.weight.data.normal_(std=0.3)
    return replace(checkpoint, aligner=aligner)


def metric_of(checkpoint, **options):
    metric = AlignScore.__new__(AlignScore)
    profile = replace(checkpoint.aligner.profile, **options)
    metric._pipeline = build_pipeline(
        checkpoint, profile, device=torch.device("cpu"), precision="fp32"
    )
    return metric


def by_the_aligner(checkpoint, chunk, claim):
    """Logits of a claim's tokens from `Aligner.forward`, on inputs laid out by the tokenizer."""
    backend = checkpoint.tokenizer.backend_tokenizer
    encoded = backend.encode(chunk, claim)
    types = torch.tensor([encoded.type_ids])
    ids = torch.tensor([encoded.ids])
    with torch.inference_mode():
        _, logits = checkpoint.aligner(ids, torch.ones_like(ids), types, spans=True)
    return logits[types == 1][:-1].numpy()


def test_the_engine_reads_what_the_aligner_says(spanned):
    """Packed or padded, in one batch or several, the logits are the model's own for each pair."""
    metric = metric_of(spanned, texts="raw", splitter="bundled_punkt", chunk_words=8)
    engine = replace(metric._pipeline.engine, spans=True, batch_tokens=60)
    table = metric.pair_table([SOURCE] * 2, [SUMMARY, "Rain."])
    readings = engine.read(table.chunks, table.sentences, table.pairs)
    assert can_pack(spanned.aligner, spans=True) == (spanned.aligner.config.pooling != "pooler")
    for place, (chunk, claim) in enumerate(table.pairs):
        wanted = by_the_aligner(spanned, table.chunks[chunk], table.sentences[claim])
        assert readings.claim_tokens(place)[:-1] == pytest.approx(wanted, abs=1e-4)


def test_spans_leave_scores_as_they_are(spanned):
    metric = metric_of(spanned, splitter="bundled_punkt", chunk_words=8, texts="plain")
    plain = metric.evaluate([SOURCE], [SUMMARY])
    found = metric.evaluate([SOURCE], [SUMMARY], spans=True)
    assert found.sentence_scores == pytest.approx(plain.sentence_scores, abs=1e-6)
    assert plain.sentences(0)[0].unsupported is None
    for sentence in found.sentences(0):
        for span in sentence.unsupported:
            assert SUMMARY[span.start : span.end] == span.text
            assert sentence.start <= span.start < span.end <= sentence.end


def test_a_word_that_any_chunk_supports_is_not_marked(spanned):
    """The doubt of a token is the least of its chunks'."""
    metric = metric_of(spanned, splitter="bundled_punkt", chunk_words=8, texts="raw")
    for found in metric.explain(SOURCE, SUMMARY, spans=True):
        table = metric.pair_table([SOURCE], [SUMMARY])
        logits = [by_the_aligner(spanned, chunk, found.sentence) for chunk in table.chunks]
        [places] = token_places([found.sentence], spanned.tokenizer)
        doubted = [
            place for place, one in zip(places, np.min(logits, axis=0), strict=True) if one > 0
        ]
        for match in re.finditer(r"\w+", found.sentence):
            start, end = match.span()
            wanted = any(a < end and start < b for a, b in doubted)
            inside = [s for s in found.unsupported if s.start - found.start <= start]
            assert wanted == any(end <= s.end - found.start for s in inside)


def test_spans_are_the_words_that_the_head_doubts(spanned):
    """Against word probabilities put together by hand from the model's own logits."""
    metric = metric_of(spanned, splitter="bundled_punkt", chunking="whole", texts="raw")
    [found] = metric.explain(SOURCE[0], "A ferry sank on Sunday instead.", spans="head")
    logits = by_the_aligner(spanned, SOURCE[0], found.sentence)
    [places] = token_places([found.sentence], spanned.tokenizer)
    words = [m.span() for m in re.finditer(r"\w+", found.sentence)]
    doubted = [
        any(
            a < end and start < b and logit > 0
            for (a, b), logit in zip(places, logits, strict=True)
        )
        for start, end in words
    ]
    covered = [any(s.start <= a and b <= s.end for s in found.unsupported) for a, b in words]
    assert covered == doubted


def test_the_models_own_threshold_is_read(spanned):
    strict = replace(
        spanned,
        aligner=Aligner.from_tensors(
            AlignerConfig.from_dict(
                spanned.aligner.config.to_dict() | {"span_threshold": 1 - 1e-9}
            ),
            spanned.aligner.state_dict(),
            origin="test",
        ),
    )
    metric = metric_of(strict, splitter="bundled_punkt")
    assert all(e.unsupported == () for e in metric.explain(SOURCE, SUMMARY, spans=True))
    with pytest.raises(ConfigurationError, match="span_threshold"):
        AlignerConfig(span_threshold=1.0)


def test_spans_of_a_checkpoint_without_the_head(tiny_aligner):
    metric = AlignScore(tiny_aligner, device="cpu", progress=False)
    with pytest.raises(ConfigurationError, match="spans='occlusion'"):
        metric.evaluate(["It rained."], ["It rained."], spans=True)
    with pytest.raises(ConfigurationError, match="spans is 'heads'"):
        metric.explain("It rained.", "It rained.", spans="heads")
    assert metric.evaluate([], [], spans="occlusion").spans == ()


# ------------------------------------------------------------------------------------- occlusion


def test_occlusion_blames_what_raises_the_score():
    """A scorer that counts the claim's words that the chunk has."""

    def score(chunks, sentences, pairs):
        shares = []
        for chunk, claim in pairs:
            words = re.findall(r"\w+", sentences[claim].lower())
            shares.append(np.mean([word in chunks[chunk].lower() for word in words]))
        return np.array(shares) ** 4

    claims = ["Ann Holt sold 14 cars in Leeds.", "It rained.", "Ann sold 12 cars."]
    chunks = ["Ann Holt sold 12 cars in York."] * 3
    scores = np.array([0.2, 0.0, 0.9])
    first, second, third = occluded_spans(claims, chunks, scores, score=score)
    assert [claims[0][start:end] for start, end, _ in first] == ["14", "Leeds"]
    without = score(chunks, ["Ann Holt sold cars in Leeds."], [[0, 0]])[0]
    assert first[0].doubt == pytest.approx(without - 0.2)
    assert first[0].doubt >= RISE
    assert second == []  # nothing would be left without its one phrase
    assert third == []  # supported


def test_occlusion_of_any_classifier(tiny_aligner):
    metric = AlignScore(tiny_aligner, device="cpu", progress=False)
    for found in metric.explain(SOURCE, SUMMARY, spans="occlusion"):
        wanted = []
        pair = metric._pipeline.engine.score([found.chunk], [found.sentence], np.array([[0, 0]]))[0]
        for start, end in parts(found.sentence):
            rest = " ".join((found.sentence[:start] + found.sentence[end:]).split())
            [score] = metric._pipeline.engine.score([found.chunk], [rest], np.array([[0, 0]]))
            if pair <= 0.5 and score - pair >= RISE:
                wanted.append(found.sentence[start:end])
        assert [span.text for span in found.unsupported] == wanted


# -------------------------------------------------------------------------------------- verdicts


def test_relations_are_those_of_the_head_tri(spanned):
    metric = metric_of(spanned, splitter="bundled_punkt", chunk_words=8, head="bin", supported=1)
    result = metric.evaluate([SOURCE], [SUMMARY])
    for sentence in result.sentences(0):
        backend = spanned.tokenizer.backend_tokenizer
        backend.encode_special_tokens = False
        encoded = backend.encode(sentence.chunk, sentence.sentence)
        ids, types = torch.tensor([encoded.ids]), torch.tensor([encoded.type_ids])
        with torch.inference_mode():
            tri = spanned.aligner(ids, torch.ones_like(ids), types).tri.softmax(-1)[0]
        wanted = pytest.approx(tri[1:].tolist(), abs=1e-4)
        assert [sentence.neutral, sentence.contradiction] == wanted
        if not sentence.supported:
            said = ("unsupported", "unmentioned", "contradicted")[int(tri.argmax())]
            assert sentence.verdict == said
        if sentence.worst is not None:
            assert sentence.worst.contradiction >= sentence.contradiction


def test_the_verdict_is_the_likeliest_class_of_three():
    assert _verdict(True, 0.1, 0.8) == "supported"
    assert _verdict(False, 0.2, 0.5) == "contradicted"
    assert _verdict(False, 0.5, 0.2) == "unmentioned"
    assert _verdict(False, 0.1, 0.4) == "unsupported"  # by the score it is not, by the head it is
    assert _verdict(False, None, None) == "unsupported"


def test_a_classifier_of_two_classes_cannot_tell(spanned):
    logits = spanned.aligner.heads(torch.zeros(2, spanned.aligner.width))
    alone = logits._replace(tri=torch.empty(2, 0))
    assert pair_relations(alone, Profile()).isnan().all()
    assert pair_relations(logits, Profile(head="tri", supported=2)).isnan().all()
    wanted = torch.softmax(logits.tri, -1)[:, 1:]
    assert torch.equal(pair_relations(logits, Profile(head="bin", supported=1)), wanted)


def test_the_likeliest_chunk_is_shown_where_none_supports(bundled):
    source = "The plant was bought in 2011. " * 12 + "Of its 212 jobs, 185 will be lost in June."
    [found] = bundled.explain(source, "The mayor says that 60 of the 212 jobs will be lost in May.")
    assert not found.supported
    assert "212 jobs" in found.chunk


@pytest.fixture(scope="module")
def bundled():
    return AlignScore(device="cpu", progress=False)


def test_the_bundled_aligner_marks_a_wrong_number(bundled):
    source = "The Sable River rose on Tuesday and forced about 340 people from their homes."
    [found] = bundled.explain(
        source, "The river forced about 960 people from their homes.", spans=True
    )
    assert "960" in " ".join(span.text for span in found.unsupported)
    [same] = bundled.explain(
        source, "The river forced about 340 people from their homes.", spans=True
    )
    assert "340" not in " ".join(span.text for span in same.unsupported)


def test_evidence_as_json_has_all_of_it(bundled):
    result = bundled.evaluate([SOURCE], [SUMMARY], spans=True)
    row = json.loads(json.dumps(result.to_dict()))["sentences"][0][0]
    assert SUMMARY[row["start"] : row["end"]] == row["sentence"]
    passage = SOURCE[row["passage"]]
    assert passage[row["chunk_start"] : row["chunk_end"]].split() == row["chunk"].split()
    assert row["verdict"] in ("supported", "contradicted", "unmentioned")
    assert all(span.keys() == {"start", "end", "text", "score"} for span in row["unsupported"])


# ---------------------------------------------------------------------------------- not English

RUSSIAN, JAPANESE = "Мост был закрыт в понедельник.", "橋は月曜日に閉鎖された。"


@pytest.mark.parametrize(
    ("text", "other"),
    [
        (RUSSIAN, True),
        (JAPANESE, True),
        ("\u0397 γέφυρα έκλεισε.", True),
        ("أغلق الجسر يوم الاثنين.", True),
        ("Le pont a été fermé à Orléans, où il gèle.", False),  # Latin letters
        ("Nguyễn Văn Linh mở đường.", False),
        ("The Москва club won in Leeds.", False),
        ("\U0001f600 12 %", False),
        ("", False),
    ],
)
def test_scripts(text, other):
    assert in_another_script(text) is other
    letters = [c for c in text if c.isalpha()]  # against Unicode's names
    latin = sum(unicodedata.name(c).startswith("LATIN") for c in letters)
    assert other == (2 * (len(letters) - latin) > len(letters))


def test_rows_that_are_not_english_are_counted_and_named(bundled, tmp_path, capsys):
    sources = [SOURCE[0], RUSSIAN, SOURCE[0], [SOURCE[0], JAPANESE]]
    summaries = ["It was closed.", "The bridge was closed.", JAPANESE, "It was closed."]
    with pytest.warns(NotEnglishWarning, match=r"^3 of 4 rows .*\(row 1, row 2, row 3\)"):
        found = bundled.evaluate(sources, summaries)
    assert found.not_english == (1, 2, 3)
    assert join_results([found, found]).not_english == (1, 2, 3, 5, 6, 7)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        bundled.evaluate(sources[:1], summaries[:1])
    rows = [{"source": a, "summary": b} for a, b in zip(sources, summaries, strict=True)]
    file = tmp_path / "rows.jsonl"
    file.write_text("\n".join(map(json.dumps, rows)) + "\n", encoding="utf-8")
    assert main(["score", str(file), "-o", str(tmp_path / "out.jsonl"), "--device", "cpu"]) == 0
    assert "3 of 4 rows are not in English, by their script" in capsys.readouterr().err
