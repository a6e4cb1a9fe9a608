"""The head on the claim's tokens: its labels, its loss, its weights in files."""

import json
import random
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.nn import functional

from alignscore_metric.checkpoint.aligner import Aligner, AlignerConfig
from alignscore_metric.checkpoint.loading import load_checkpoint
from alignscore_metric.checkpoint.profile import Profile
from alignscore_metric.errors import CheckpointError, ConfigurationError
from alignscore_metric.training.data import (
    IGNORED,
    AlignmentExample,
    encode_examples,
    load_encoded,
    read_examples,
    save_encoded,
    write_examples,
)
from alignscore_metric.training.objective import span_loss
from alignscore_metric.training.prepare import gather
from alignscore_metric.training.recipe import DataSource, Recipe, SyntheticSource
from alignscore_metric.training.run import save, train
from alignscore_metric.training.start import start_from
from alignscore_metric.training.synthetic import synthesise
from alignscore_metric.training.synthetic.changes import changed_words

draw = random.Random
BRIDGE = "The bridge was closed in May. A ferry ran instead. The mayor praised its two crews."


# ------------------------------------------------------------------------------ what is labelled


@pytest.mark.parametrize(
    ("claim", "other", "wanted"),
    [
        ("It sold 40 cars in May.", "It sold 14 cars in May.", ["40"]),
        ("It sold 40 cars in May.", "It sold 14 cars in June.", ["40", "May"]),
        ("Ann met Bob.", "Bob met Ann.", ["Ann met", "."]),
        ("It did not rain.", "It did rain.", ["not"]),
        ("It did rain.", "It did not rain.", None),
        ("IT RAINED", "it rained", None),
        ("", "it rained", None),
        ("It rained.", "", ["It rained."]),
        ("It rose by 1,200 to $3.5bn.", "It rose by 1,300 to $3.5bn.", ["1,200"]),
    ],
)
def test_changed_words(claim, other, wanted):
    found = changed_words(claim, other)
    if wanted is None or "." in (wanted or [])[1:]:
        assert (found is None) == (wanted is None)
        return
    assert [claim[start:end] for start, end in found] == wanted


def test_texts_that_share_little_say_nothing_of_words():
    assert changed_words("A dog ran far away.", "It rained all day.", least=0.7) is None
    assert changed_words("It rained all day.", "It rained all night.", least=0.7) == ((14, 17),)


def test_an_edit_marks_what_the_passage_does_not_say():
    texts = [
        f"The bridge at {town} was closed in {year}. The ferry carried {n} people. Its owner, "
        f"{name} Hill, sold the {n + 3} boats in {town}. Nobody was told of it. It rained a lot."
        for town, year, n, name in zip(
            ("Dover", "Leeds", "Boston", "Paris", "Cork", "Bath") * 5,
            range(1950, 1980),
            range(20, 50),
            ("Ann", "Tom", "Eve", "Max", "Ida", "Leo") * 5,
            strict=True,
        )
    ]
    made = synthesise(texts, name="x", pairs=1200, words=(20, 60), rng=draw(0))
    assert {e.spans for e in made if e.label == 1} == {()}
    wrong = [e for e in made if e.label == 0]
    numbers = [e for e in wrong if e.kind == "number" and e.spans]
    assert numbers
    for example in numbers:
        for start, end in example.spans:
            assert any(c.isdigit() for c in example.text_b[start:end])
            assert f" {example.text_b} " not in f" {example.text_a} "
    assert {"foreign", "verbatim", "conjunction"} <= {e.kind for e in wrong}
    for kind in ("foreign", "verbatim"):
        found = [e for e in wrong if e.kind == kind]
        assert all(e.spans == ((0, len(e.text_b)),) for e in found)
    joined = [e for e in wrong if e.kind == "conjunction"]
    assert all(e.text_b[e.spans[0][0] :].startswith(", and ") for e in joined)
    short = [e for e in made if e.kind == "verbatim" and len(e.text_b.split()) < 5]
    assert {e.label for e in short} == {0, 1}


# ------------------------------------------------------------------------- as tokens and tensors


def example(claim: str, spans, label: int = 0) -> AlignmentExample:
    return AlignmentExample("x", BRIDGE, claim, "bin", label, spans=spans)


EXAMPLES = [
    example("The bridge was closed in June.", ((25, 29),)),
    example("A ferry ran.", (), 1),
    example("A train ran.", None),
    example("The mayor praised its three crews.", ((22, 27),)),
    example("The bridge was closed in June.", ((0, 30),)),
]


@pytest.fixture
def encoded(tiny_checkpoint):
    return encode_examples(EXAMPLES, tiny_checkpoint.tokenizer, max_length=64, mark_claim=True)


def test_tokens_have_the_labels_of_their_characters(encoded, tiny_checkpoint):
    inputs, labels = encoded.batch(range(len(EXAMPLES)))
    tokenizer = tiny_checkpoint.tokenizer
    for row, wanted in enumerate(EXAMPLES):
        span = labels["span"][row]
        claim = inputs["token_type_ids"][row].bool() & inputs["attention_mask"][row].bool()
        assert (span[~claim] == IGNORED).all()
        assert span[claim][-1] == IGNORED  # the last special token
        if wanted.spans is None:
            assert (span == IGNORED).all()
            continue
        tokens = tokenizer.backend_tokenizer.encode(wanted.text_b, add_special_tokens=False)
        hits = [
            int(any(a < end and start < b for start, end in wanted.spans))
            for a, b in tokens.offsets
        ]
        assert span[claim][:-1].tolist() == hits


def test_marks_survive_the_file(encoded, tmp_path):
    save_encoded(encoded, tmp_path / "x.safetensors")
    again, _ = load_encoded(tmp_path / "x.safetensors")
    assert again.digest() == encoded.digest()
    assert torch.equal(again.batch([0, 1])[1]["span"], encoded.batch([0, 1])[1]["span"])
    without = replace(encoded, marks=encoded.marks[:0], marked=encoded.marked[:0])
    assert without.digest() != encoded.digest()
    assert "span" not in without.batch([0])[1]


def test_examples_survive_the_file(tmp_path):
    write_examples(EXAMPLES, tmp_path / "x.jsonl")
    assert [e.spans for e in read_examples(tmp_path / "x.jsonl", "x")] == [
        e.spans for e in EXAMPLES
    ]


def test_a_claim_that_is_cut_keeps_the_labels_of_what_is_left(tiny_checkpoint):
    long = example("rain " * 200, ((0, 4),))
    rows = encode_examples([long], tiny_checkpoint.tokenizer, max_length=40, mark_claim=True)
    span = rows.batch([0])[1]["span"][0]
    known = span[span != IGNORED]
    assert len(known) == int(rows.claim[0, 1]) < 60
    assert known.sum() < 10
    assert known[0] == 1


def test_the_loss_is_the_cross_entropy_of_the_tokens_that_have_a_label():
    torch.manual_seed(0)
    logits = torch.randn(3, 5)
    labels = torch.tensor([[IGNORED, 1, 0, 0, IGNORED], [IGNORED] * 5, [1, 1, IGNORED, 0, 0]])
    known = labels != IGNORED
    wanted = functional.binary_cross_entropy_with_logits(logits[known], labels[known].float())
    assert span_loss(logits, labels).item() == pytest.approx(wanted.item() / np.log(2))
    assert span_loss(logits, torch.full((3, 5), IGNORED)).item() == 0


# ------------------------------------------------------------------------------------- the model


def with_head(folder: Path) -> Aligner:
    aligner = load_checkpoint(folder).aligner
    config = AlignerConfig.from_dict(aligner.config.to_dict() | {"span_head": True})
    torch.manual_seed(1)
    extended = Aligner(config).eval()
    extended.load_state_dict(aligner.state_dict(), strict=False)
    return extended


def test_the_other_heads_say_the_same_with_and_without_it(tiny_aligner, tiny_checkpoint, encoded):
    inputs, _ = encoded.batch(range(len(EXAMPLES)))
    extended = with_head(tiny_aligner)
    plain = tiny_checkpoint.aligner(**inputs)
    output, spans = extended(**inputs, spans=True)
    for one, two, three in zip(plain, output, extended(**inputs), strict=True):
        assert torch.equal(one, two)
        assert torch.equal(one, three)
    assert spans.shape == inputs["input_ids"].shape
    assert spans.dtype == torch.float32


def test_an_aligner_without_the_head_says_so(tiny_checkpoint, encoded):
    inputs, _ = encoded.batch([0])
    with pytest.raises(ConfigurationError, match="no span head: train one with `span_head: true`"):
        tiny_checkpoint.aligner(**inputs, spans=True)


def test_files_with_and_without_it_are_loaded_strictly(tiny_aligner, tiny_checkpoint, tmp_path):
    extended = with_head(tiny_aligner)
    save(extended, tiny_checkpoint.tokenizer, tmp_path)
    again = load_checkpoint(tmp_path).aligner
    assert again.config.span_head
    torch.testing.assert_close(
        again.span_layer.weight, extended.span_layer.weight, atol=1e-3, rtol=0
    )
    config = json.loads((tmp_path / "config.json").read_text())
    (tmp_path / "config.json").write_text(json.dumps(config | {"span_head": False}))
    with pytest.raises(CheckpointError, match="span_layer"):
        load_checkpoint(tmp_path)
    save(tiny_checkpoint.aligner, tiny_checkpoint.tokenizer, tmp_path)
    config = json.loads((tmp_path / "config.json").read_text())
    (tmp_path / "config.json").write_text(json.dumps(config | {"span_head": True}))
    with pytest.raises(CheckpointError, match="span_layer"):
        load_checkpoint(tmp_path)


@pytest.mark.parametrize("value", [1, "yes", None])
def test_what_is_no_yes_or_no_is_refused(value):
    with pytest.raises(ConfigurationError, match=r"span_head is .*; give true or false"):
        AlignerConfig(span_head=value)


def test_training_teaches_it(tiny_aligner, tmp_path):
    rng = draw(0)
    words = ["bridge", "ferry", "mayor", "crews", "rain", "river", "town", "boats"]
    rows = []
    for _ in range(80):
        own, stranger = rng.sample(words, 2)
        text = f"The {own} was closed in May."
        rows.append(AlignmentExample("x", text, text, "bin", 1, spans=()))
        claim = f"The {stranger} was closed in May."
        rows.append(AlignmentExample("x", text, claim, "bin", 0, spans=((4, 4 + len(stranger)),)))
    write_examples(rows, tmp_path / "rows.jsonl")
    recipe = Recipe(
        encoder=str(tiny_aligner),
        name="x",
        span_head=True,
        profile=Profile(head="bin", supported=1, splitter="bundled_punkt", max_length=64),
        data=(DataSource(file="rows.jsonl", licence="CC0 1.0"),),
        epochs=6,
        batch_rows=16,
        learning_rate=3e-3,
        precision="fp32",
    )

    def loss_of(aligner: Aligner) -> float:
        inputs, labels = encoded.batch(range(len(rows)))
        with torch.inference_mode():
            _, spans = aligner(**inputs, spans=True)
        return span_loss(spans, labels["span"]).item()

    before, tokenizer = start_from(recipe)
    encoded = encode_examples(rows, tokenizer, max_length=64, mark_claim=True)
    train(recipe, data_dir=tmp_path, output=tmp_path / "model")
    after = load_checkpoint(tmp_path / "model").aligner
    assert loss_of(after) < 0.8 * loss_of(before)


def test_going_on_from_an_aligner_without_it(tiny_aligner):
    recipe = Recipe(
        encoder=str(tiny_aligner),
        name="x",
        data=(DataSource(file="rows.jsonl", licence="CC0 1.0"),),
    )
    assert not start_from(recipe)[0].config.span_head
    before, _ = start_from(recipe)
    after, _ = start_from(replace(recipe, span_head=True))
    assert after.config.span_head
    for key, value in before.state_dict().items():
        assert torch.equal(value, after.state_dict()[key]), key


# ------------------------------------------------------------------------------------- its data


def test_sets_of_near_copies_tell_which_words_are_wrong(tmp_path):
    rows = [
        AlignmentExample("x", "It rained all day.", "It rained all night.", "bin", 0),
        AlignmentExample("x", "It rained all day.", "It rained all day long.", "tri", 0),
        AlignmentExample("x", "It rained all day.", "Bob sold his car to Ann.", "tri", 2),
    ]
    write_examples(rows, tmp_path / "x.jsonl")
    source = DataSource(file="x.jsonl", licence="CC0 1.0", spans=True)
    found, _ = gather(Recipe(encoder="e", name="x", data=(source,)), tmp_path)
    assert [e.spans for e in found] == [((14, 19),), (), None]


def test_documents_with_summaries_are_read(tmp_path):
    lines = [json.dumps({"document": BRIDGE, "summary": "A ferry ran."}) for _ in range(3)]
    (tmp_path / "docs.jsonl").write_text("\n".join(lines))
    (found,) = set(read_examples(tmp_path / "docs.jsonl", "docs"))
    assert found == AlignmentExample("docs", BRIDGE, "A ferry ran.", "bin", 1.0)
    (tmp_path / "docs.jsonl").write_text(json.dumps({"document": BRIDGE, "summary": None}))
    with pytest.raises(Exception, match="line 1: TypeError"):
        read_examples(tmp_path / "docs.jsonl", "docs")
    source = SyntheticSource(file="docs.jsonl", licence="CC0 1.0", pairs=4)
    assert source.name == "docs+edits"
