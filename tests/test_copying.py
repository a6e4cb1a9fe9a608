"""Copied n-grams against NLTK's n-grams, and their weight in scores and signatures."""

import re
import unicodedata

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from nltk.util import ngrams

from alignscore_metric import AlignScore, ConfigurationError
from alignscore_metric.checkpoint.profile import Profile
from alignscore_metric.checkpoint.signature import Signature
from alignscore_metric.text.copying import LENGTH, blend, copied_shares
from alignscore_metric.text.pairs import PairTable, build_pair_table


def table(sources: list[list[str]], summaries: list[list[str]]) -> PairTable:
    """Sources as chunks and summaries as sentences, joined by what the splitters undo."""
    return build_pair_table(
        ["|".join(chunks) for chunks in sources],
        ["|".join(sentences) for sentences in summaries],
        split_source=lambda text: text.split("|"),
        split_summary=lambda text: text.split("|") if text else [],
    )


words = st.lists(st.sampled_from(["a", "b", "C", "d,"]), max_size=7).map(" ".join)


@given(st.lists(st.tuples(st.lists(words, min_size=1, max_size=3), st.lists(words, max_size=3))))
def test_shares_equal_nltks_ngrams(examples):
    found = copied_shares(
        table([s for s, _ in examples], [list(filter(None, c)) for _, c in examples])
    )
    expected = []
    for chunks, sentences in examples:
        for sentence in filter(None, sentences):
            own = re.findall(r"\w+", sentence.lower())
            length = min(4, len(own))
            source = {g for c in chunks for g in ngrams(re.findall(r"\w+", c.lower()), length)}
            expected.append(np.mean([g in source for g in ngrams(own, length)]))
    assert found == pytest.approx(expected)


def test_a_run_across_two_chunks_and_a_sentence_without_words():
    chunks = ["the old bridge", "was closed today"]
    shares = copied_shares(table([chunks, ["x"]], [["The old bridge was closed."], ["?!"]]))
    assert shares.tolist() == [0.0, 0.0]
    whole = copied_shares(table([[" ".join(chunks)]], [["The old bridge was closed!"]]))
    assert whole.tolist() == [1.0]


@pytest.mark.parametrize(
    "copy",
    [
        unicodedata.normalize("NFD", "The caf\u00e9's first office was shut."),
        "The caf\u00e9's \ufb01rst o\ufb03ce was shut.",
        "The ca\u00adf\u00e9's first of\u200bfice\u00a0was shut.",
    ],
)
def test_a_copy_in_another_form_of_unicode_is_a_copy(copy):
    source = "The caf\u00e9's first office was shut."
    assert copy != source
    assert copied_shares(table([[source]], [[copy]])).tolist() == [1.0]
    assert copied_shares(table([[copy]], [[source]])).tolist() == [1.0]


def test_scores_are_the_blend_and_the_signature_says_so(tiny_aligner):
    sources = ["The council closed the old bridge on Monday. Rain fell all day."] * 2
    summaries = ["The council closed the old bridge. It was dry.", "Snow."]
    plain = AlignScore(tiny_aligner, progress=False).evaluate(sources, summaries)
    mixed = AlignScore(tiny_aligner, progress=False, copied_weight=0.3).evaluate(sources, summaries)
    expected = 0.7 * plain.sentence_scores + 0.3 * np.array([1.0, 0.0, 0.0])
    assert mixed.sentence_scores == pytest.approx(expected)
    assert mixed.scores == pytest.approx([expected[:2].mean(), expected[2]])
    assert mixed.best_cells.tolist() == plain.best_cells.tolist()
    assert Signature.parse(plain.signature).aggregation == "max-mean"
    assert Signature.parse(mixed.signature).aggregation == f"max-mean+0.3copied{LENGTH}"


def test_weight_of_nothing_is_the_models_score():
    scores = np.array([0.2, 0.9])
    assert blend(scores, np.array([1.0, 0.0]), 0.0).tolist() == scores.tolist()


@pytest.mark.parametrize("weight", [-0.1, 1.0, True, "half", float("nan")])
def test_weights_that_are_none(weight):
    with pytest.raises(ConfigurationError, match="copied_weight"):
        Profile(copied_weight=weight)
