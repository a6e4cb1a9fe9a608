"""Tests of engine.encoding: joined ids equal what the tokenizers give for whole pairs.

Two layouts: a WordPiece tokenizer (`[CLS] a [SEP] b [SEP]`, with token types) and RoBERTa's
(`<s> a </s></s> b </s>`, without).
"""

import copy
import unicodedata
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from tokenizers import Tokenizer, models, processors
from transformers import AutoTokenizer, PreTrainedTokenizerFast

from alignscore_metric.checkpoint.profile import Profile
from alignscore_metric.engine.encoding import (
    PackedPairs,
    PairEncoder,
    PairTemplate,
    pack,
    tokenize,
    truncate,
)
from alignscore_metric.errors import CheckpointError


@pytest.fixture(scope="session", params=["wordpiece", "roberta"])
def tokenizer(request: pytest.FixtureRequest) -> PreTrainedTokenizerFast:
    """Each tokenizer in turn; RoBERTa's needs the shared folder."""
    if request.param == "wordpiece":
        folder: Path = request.getfixturevalue("tiny_aligner")
    else:
        folder = request.getfixturevalue("shared") / "parity" / "tiny-roberta"
    return AutoTokenizer.from_pretrained(folder)


def encode(
    tokenizer: PreTrainedTokenizerFast, context: str, claim: str, max_length: int = 10**6
) -> dict[str, list[int]]:
    """One pair by the package's path: tokenize, truncate, lay out."""
    template = PairTemplate.of(tokenizer)
    cut = truncate(*tokenize([context, claim], tokenizer), max_length - template.extra)
    return {name: row[0].tolist() for name, row in pack([cut], template).padded().items()}


# Any text, with special tokens written out in it; "x" so that the claim is not empty.
texts = st.lists(
    st.text(max_size=8)
    | st.sampled_from(["[SEP]", "</s>", "<mask>", " <mask> ", "[UNK]", "\0", "river", " "]),
    max_size=6,
).map("".join)


@given(context=texts, claim=texts.map("x".__add__) | st.just(" ") | st.just("\0"))
@example(context="", claim="x")
@example(context="The river rose.", claim=" It rose.\n")
def test_a_pair_that_fits_equals_the_tokenizers_own(
    tokenizer: PreTrainedTokenizerFast, context: str, claim: str
):
    expected = dict(tokenizer(context, claim))
    assert encode(tokenizer, context, claim) == expected
    assert ("token_type_ids" in expected) == ("[CLS]" in tokenizer.vocab)


def letters(count: int) -> str:
    """A text of `count` tokens, in either tokenizer: neighbours differ."""
    return " ".join("abcdefg"[i % 7] for i in range(count))


@given(context=st.integers(0, 40), claim=st.integers(1, 40), spare=st.integers(-40, 30))
@example(context=1, claim=5, spare=0)  # exactly the context's one token too many
@example(context=2, claim=5, spare=1)  # one token of the context remains
@example(context=9, claim=9, spare=-2)  # odd budget, both cut, of equal length
@example(context=3, claim=30, spare=-21)  # short context, kept whole
@example(context=30, claim=12, spare=-1)  # long context, claim equal to more than half
def test_truncation_equals_the_librarys(
    tokenizer: PreTrainedTokenizerFast, context: int, claim: int, spare: int
):
    """`only_first` where it leaves a token of the context, else `longest_first`."""
    budget = max(2, claim + spare)
    max_length = budget + PairTemplate.of(tokenizer).extra
    pair = (letters(context), letters(claim))
    assert [len(ids) for ids in tokenize(pair, tokenizer)] == [context, claim]
    if context + claim <= budget or budget - claim >= 1:
        expected = tokenizer(*pair, truncation="only_first", max_length=max_length)
    else:
        with pytest.raises(Exception, match="too short to respect"):  # as the reference finds out
            tokenizer(*pair, truncation="only_first", max_length=max_length)
        expected = tokenizer(*pair, truncation="longest_first", max_length=max_length)
    assert encode(tokenizer, *pair, max_length=max_length) == dict(expected)


@given(
    context=st.lists(st.integers(0, 9), max_size=30),
    claim=st.lists(st.integers(10, 19), max_size=30),
    budget=st.integers(2, 60),
)
def test_truncation_keeps_beginnings_and_fills_the_budget(
    context: list[int], claim: list[int], budget: int
):
    first, second = truncate(context, claim, budget)
    assert first == context[: len(first)]
    assert second == claim[: len(second)]
    assert len(first) + len(second) == min(budget, len(context) + len(claim))


PAIRS = [("The dam broke.", "It broke."), ("", "Rain"), ("a b c d e f g", "h"), ("a", "b c d e")]


@pytest.mark.parametrize("rows", [PAIRS, PAIRS[:1], PAIRS[1:3], PAIRS[::-1]])
def test_padding_equals_the_tokenizers_own(
    tokenizer: PreTrainedTokenizerFast, rows: list[tuple[str, str]]
):
    template = PairTemplate.of(tokenizer)
    packed = pack([tuple(tokenize(pair, tokenizer)) for pair in rows], template)
    ours = packed.padded()
    contexts, claims = zip(*rows, strict=True)
    theirs = tokenizer(list(contexts), list(claims), padding=True, return_tensors="np")
    assert set(ours) == set(theirs)
    for name, array in ours.items():
        assert array.dtype == np.int64
        assert array.shape == (len(rows), packed.lengths.max())
        assert array.tolist() == theirs[name].tolist()


def test_the_template_of_each_layout(tokenizer: PreTrainedTokenizerFast):
    ids = tokenizer.convert_tokens_to_ids
    if "[CLS]" in tokenizer.vocab:
        cls, sep = ids("[CLS]"), ids("[SEP]")
        expected = PairTemplate((cls,), (sep,), (sep,), ids("[PAD]"), (0, 1))
    else:
        start, end = ids("<s>"), ids("</s>")
        expected = PairTemplate((start,), (end, end), (end,), ids("<pad>"), None)
    assert PairTemplate.of(tokenizer) == expected
    assert PairTemplate.of(tokenizer).extra == tokenizer.num_special_tokens_to_add(pair=True)


def numbers(*ids: int) -> npt.NDArray[np.int32]:
    return np.array(ids, dtype=np.int32)


def test_pairs_and_prompts_end_to_end():
    template = PairTemplate((1,), (2, 3), (4,), 0, (0, 5))
    packed = pack(
        [(numbers(7, 8), numbers(9)), (numbers(6), None), (numbers(), numbers(9))], template
    )
    assert packed.ids.tolist() == [1, 7, 8, 2, 3, 9, 4, 1, 6, 4, 1, 2, 3, 9, 4]
    assert packed.types.tolist() == [0, 0, 0, 0, 0, 5, 5, 0, 0, 0, 0, 0, 0, 5, 5]
    assert (packed.lengths.tolist(), packed.contexts.tolist()) == ([7, 3, 5], [5, 3, 3])
    later = packed[1:]
    assert isinstance(later, PackedPairs)
    assert (later.ids.tolist(), later.lengths.tolist()) == (packed.ids[7:].tolist(), [3, 5])
    assert len(pack([], template).ids) == len(packed[3:]) == 0


def bare_tokenizer(pair: str | None, padding: str | None = "[PAD]") -> PreTrainedTokenizerFast:
    """A word tokenizer whose pairs are laid out as said, in the syntax of `tokenizers`."""
    unknown = "a"
    vocabulary = {unknown: 0, "b": 1, "[SEP]": 2, "[PAD]": 3}
    core = Tokenizer(models.WordLevel(vocabulary, unk_token=unknown))
    if pair is not None:
        core.post_processor = processors.TemplateProcessing(
            single="$A [SEP]", pair=pair, special_tokens=[("[SEP]", 2)]
        )
    return PreTrainedTokenizerFast(tokenizer_object=core, pad_token=padding)


@pytest.mark.parametrize(
    "tokenizer_without",
    [
        bare_tokenizer(None),
        bare_tokenizer("$A $B:1 [SEP]:1"),
        bare_tokenizer("$A [SEP] $B:1 [SEP]:1", padding=None),
    ],
    ids=["no template", "nothing between", "no padding token"],
)
def test_a_tokenizer_that_cannot_lay_out_pairs(tokenizer_without: PreTrainedTokenizerFast):
    with pytest.raises(CheckpointError, match="no two-segment layout or no padding token"):
        PairTemplate.of(tokenizer_without)


def test_a_template_without_prefix():
    template = PairTemplate.of(bare_tokenizer("$A [SEP] $B:1 [SEP]:1"))
    assert (template.prefix, template.middle, template.suffix) == ((), (2,), (2,))


@pytest.mark.parametrize("text", ["\ud800", "a\udfffb", "\udcff\ud800", "x\0y", "\0", ""])
def test_strings_that_no_tokenizer_takes(tokenizer: PreTrainedTokenizerFast, text: str):
    """A lone surrogate reads as replacement characters and leaves its neighbours alone."""
    found, plain = tokenize([text, "plain"], tokenizer)
    readable = "".join("\ufffd" if "\ud800" <= c <= "\udfff" else c for c in text)
    allowed = [readable.replace("\ufffd", "\ufffd" * n) for n in (1, 2, 3)]
    assert found.tolist() in tokenizer(allowed, add_special_tokens=False)["input_ids"]
    assert plain.tolist() == tokenizer("plain", add_special_tokens=False)["input_ids"]


def test_more_texts_than_one_tokenizer_batch(
    tokenizer: PreTrainedTokenizerFast, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("alignscore_metric.engine.encoding.TOKENIZER_BATCH", 3)
    texts = [letters(n) for n in range(8)]
    expected = [tokenizer(text, add_special_tokens=False)["input_ids"] for text in texts]
    assert [ids.tolist() for ids in tokenize(texts, tokenizer)] == expected
    assert tokenize([], tokenizer) == []


def encoder(tokenizer: PreTrainedTokenizerFast, *pair: str, **values: object) -> PairEncoder:
    """Of one pair, with the tokenizer set up as an engine does."""
    profile = Profile(**values)
    tokenizer.backend_tokenizer.encode_special_tokens = profile.texts == "plain"
    return PairEncoder(pair[:1], pair[1:], tokenizer=tokenizer, profile=profile, mark_claim=False)


@pytest.fixture
def own_tokenizer(tokenizer: PreTrainedTokenizerFast) -> PreTrainedTokenizerFast:
    return copy.deepcopy(tokenizer)


@given(text=texts)
def test_no_control_token_comes_from_a_plain_text(tokenizer: PreTrainedTokenizerFast, text: str):
    own = copy.deepcopy(tokenizer)
    encoded = encoder(own, text, text, texts="plain").encode(np.array([[0, 0]]))
    control = set(own.all_special_ids) - {own.unk_token_id}
    for part in encoded.kept:
        assert control.isdisjoint(np.concatenate(part).tolist())
    assert encoded.template == PairTemplate.of(tokenizer)


def test_control_tokens_of_raw_texts_act_as_in_the_tokenizer(
    own_tokenizer: PreTrainedTokenizerFast,
):
    separator = own_tokenizer.sep_token
    [(context, _)] = encoder(own_tokenizer, f"a {separator} b", "c").encode(np.array([[0, 0]])).kept
    assert own_tokenizer.sep_token_id in context.tolist()


@pytest.mark.parametrize("form", ["NFC", "NFD"])
def test_plain_texts_have_the_tokens_of_one_form(own_tokenizer: PreTrainedTokenizerFast, form: str):
    written = unicodedata.normalize(form, "caf\u00e9 \ufb01rst of\u00adfice")
    found = encoder(own_tokenizer, written, "x", texts="plain").encode(np.array([[0, 0]]))
    expected = tokenize(["caf\u00e9 first office"], own_tokenizer)
    assert found.kept[0][0].tolist() == expected[0].tolist()


@given(context=st.integers(0, 200), claim=st.integers(1, 60), room=st.integers(8, 60))
@example(context=57, claim=3, room=60)  # exactly as much as fits
@example(context=58, claim=3, room=60)
def test_every_token_of_a_plain_context_is_read_beside_the_claim(
    tokenizer: PreTrainedTokenizerFast, context: int, claim: int, room: int
):
    pair = (letters(context), letters(claim))
    max_length = room + PairTemplate.of(tokenizer).extra
    found = encoder(copy.deepcopy(tokenizer), *pair, texts="plain", max_length=max_length).encode(
        np.array([[0, 0]])
    )
    ids = tokenize(pair, tokenizer)
    assert np.concatenate([part for part, _ in found.kept]).tolist() == ids[0].tolist()
    kept = min(claim, room - room // 4) if context + claim > room else claim
    assert all(part.tolist() == ids[1][:kept].tolist() for _, part in found.kept)
    assert found.lost.tolist() == [[0, claim - kept]]
    assert max(found.sizes[:, 0]) <= max_length
    assert (len(found.kept) > 1) == (context + kept > room)
    assert list(found.rows) == [0] * len(found.kept)


def test_what_a_raw_pair_loses_is_counted(own_tokenizer: PreTrainedTokenizerFast):
    room = 20
    max_length = room + PairTemplate.of(own_tokenizer).extra
    for context, claim, lost in [(15, 5, [0, 0]), (18, 5, [3, 0]), (30, 40, [20, 30])]:
        pair = (letters(context), letters(claim))
        found = encoder(own_tokenizer, *pair, max_length=max_length).encode(np.array([[0, 0]]))
        assert found.lost.tolist() == [lost]
        assert found.lengths.tolist() == [context + claim + max_length - room]
