"""Tests of text.ends: sentences cut by hand, and rules that neither lose nor change a character."""

import importlib
from pathlib import Path

import pytest
import sentence_ends as benchmark
from hypothesis import given
from hypothesis import strategies as st

from alignscore_metric.text.splitters import get_splitter

GOLD = benchmark.read_gold()
KNOWN = [gold for gold in GOLD if gold.kind != benchmark.HELD_OUT]


def split(text: str) -> list[str]:
    return get_splitter("bundled_punkt").split(text)


@pytest.mark.parametrize("gold", KNOWN, ids=lambda gold: gold.text[:40])
def test_texts_are_cut_as_by_hand(gold: benchmark.Gold):
    assert split(gold.text) == list(gold.sentences)


def test_nineteen_in_twenty_texts_that_no_rule_was_made_for():
    held_out = [gold for gold in GOLD if gold.kind == benchmark.HELD_OUT]
    assert len(held_out) == 20
    assert sum(split(gold.text) == list(gold.sentences) for gold in held_out) >= 19


def right(cut: benchmark.Split) -> int:
    ends = benchmark.ends
    return sum(ends(cut(gold.text)) == ends(gold.sentences) for gold in GOLD)


@pytest.mark.usefixtures("nltk_data")
def test_more_texts_are_right_than_with_nltks_punkt():
    assert right(get_splitter("nltk_punkt").split) < 120 < right(split)


@pytest.mark.parametrize("name", ["pysbd", "spacy", "syntok", "segtok", "blingfire"])
def test_as_many_texts_are_right_as_with_any_other_splitter(name: str):
    if importlib.util.find_spec(name) is None:
        pytest.skip(f"{name} is not installed")
    cut = next(cut for other, cut in benchmark.installed().items() if name in other.lower())
    assert right(cut) <= right(split)


@pytest.mark.parametrize(
    "sentences",
    [
        ["It closed.[1]", "The mayor left.[2][3]", "Nobody came."],
        ["He has a B.Sc. in maths.", "She has an M.A. in law."],
        ["Was it No. IV or No. V?", "V it was."],
        ["K. He and X. Zhang wrote it.", "They left."],
        ["He bought Skype.", "eBay sold it."],
        ["how are you?", "i am fine.", "it rained."],  # no capitals, so their lack says nothing
        ["I went home.", "then I slept."],
        ["Dr. No is a film.", "Dr. Who is a series."],
        ["The U.S.'s role grew."],
        ["What?! !", "Yes."],
        ["They were rated poor.", "'Own goals' were the reason."],
        ["The No.\n5 bus came."],
    ],
)
def test_siblings_of_what_users_reported(sentences: list[str]):
    assert split(" ".join(sentences)) == sentences


PIECES = ["No", "5", "al", "U.S.", "J.", "He", "the", "was", "\u2026", "...", ". .", "'s", "[1]"]


@given(st.lists(st.sampled_from([*PIECES, *".?!\"')\n "]), max_size=30).map("".join))
def test_every_character_stays_in_its_place(text: str):
    assert "".join("".join(split(text)).split()) == "".join(text.split())


def test_the_texts_are_as_many_as_the_benchmark_says():
    assert len(KNOWN) == 150
    assert Path(benchmark.TEXTS).name == "sentences.txt"
