"""Short plain sentences made by rules, and a tokenizer that reads typographic marks as plain."""

import json
import random
import unicodedata
from collections import Counter
from pathlib import Path

import pytest
from transformers import AutoTokenizer

from alignscore_metric.engine.encoding import PairTemplate
from alignscore_metric.training.data import write_examples
from alignscore_metric.training.prepare import PLAIN, gather
from alignscore_metric.training.recipe import DataSource, Recipe
from alignscore_metric.training.start import plain_characters
from alignscore_metric.training.synthetic.plain import KINDS, plain_pairs

draw = random.Random
CLAIMS = Path(__file__).with_name("plain_claims.json")


@pytest.fixture(scope="module")
def made():
    return plain_pairs(6000, name="plain", rng=draw(3))


def test_half_are_true_and_neither_text_tells_which(made):
    labels = Counter(e.label for e in made)
    assert labels[0] == pytest.approx(labels[2], abs=3)
    assert 0.05 * len(made) < labels[1] < 0.2 * len(made)
    assert set(Counter(e.kind for e in made)) == set(KINDS)
    for part in ("text_a", "text_b"):
        words: dict[str, Counter] = {}
        for example in made:
            for word in set(getattr(example, part).lower().rstrip(".").split()):
                words.setdefault(word, Counter())[example.label] += 1
        frequent = {w: c for w, c in words.items() if c[0] + c[2] >= 200}
        assert {"was", "the", "not", "by"} <= set(frequent)
        for word, count in frequent.items():
            assert 0.38 < count[0] / (count[0] + count[2]) < 0.62, word


def test_a_text_that_is_its_own_claim_is_never_contradicted(made):
    assert all(e.label == 0 for e in made if e.text_b in e.text_a)


def test_the_same_seed_makes_the_same(made):
    assert plain_pairs(50, name="plain", rng=draw(3)) == made[:50]
    assert plain_pairs(0, name="plain", rng=draw(3)) == []


def test_none_of_the_sentences_that_weights_are_tested_with():
    pairs = json.loads(CLAIMS.read_text(encoding="utf-8"))
    tested = {pair[key] for pair in pairs for key in ("source", "right", "wrong")}
    found = plain_pairs(30_000, name="plain", rng=draw(9))
    assert not tested & {text for e in found for text in (e.text_a, e.text_b)}


def test_a_recipe_asks_for_them_and_accounts_for_them(tmp_path, made):
    write_examples(made[:5], tmp_path / "x.jsonl")
    recipe = Recipe(
        encoder="e",
        name="x",
        data=(DataSource(file="x.jsonl", licence="CC0 1.0"),),
        plain_claims=20,
    )
    examples, sets = gather(recipe, tmp_path)
    assert len(examples) == 25
    assert [(s.name, s.pairs, s.licence) for s in sets] == [
        ("x", 5, "CC0 1.0"),
        (PLAIN, 20, "made by rules"),
    ]


# ------------------------------------------------------------------------ what tokenizers read


TYPED = "\u201cHe\u2019s \u2018not\u2019 caf\u00e9 staff\u201d, it said\u2026"
PLAINLY = "\"He's 'not' caf\u00e9 staff\", it said..."


def test_marks_and_forms_are_read_alike_also_from_its_folder(tiny_aligner, tmp_path):
    tokenizer = AutoTokenizer.from_pretrained(tiny_aligner)
    plain_characters(tokenizer).save_pretrained(tmp_path)
    again = AutoTokenizer.from_pretrained(tmp_path)
    for text in (TYPED, unicodedata.normalize("NFD", TYPED), unicodedata.normalize("NFD", PLAINLY)):
        assert again(text)["input_ids"] == again(PLAINLY)["input_ids"]
    assert again("\ufb01ne")["input_ids"] == again("fine")["input_ids"]
    assert (
        again("The bridge was closed.")["input_ids"]
        == (tokenizer("The bridge was closed.")["input_ids"])
    )
    for mark in (False, True):
        assert PairTemplate.of(again, mark_claim=mark) == (
            PairTemplate.of(tokenizer, mark_claim=mark)
        )
    assert again.model_max_length == tokenizer.model_max_length


def test_offsets_are_of_the_text_as_given(tiny_aligner):
    tokenizer = plain_characters(AutoTokenizer.from_pretrained(tiny_aligner))
    offsets = tokenizer(TYPED, add_special_tokens=False, return_offsets_mapping=True)
    spans = offsets["offset_mapping"]
    assert TYPED[slice(*spans[0])] == "\u201c"
    assert all(0 <= a < b <= len(TYPED) for a, b in spans)
