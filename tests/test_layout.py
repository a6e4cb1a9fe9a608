"""Tests of text.layout: what a reader makes of lines."""

import textwrap

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alignscore_metric import AlignScore
from alignscore_metric.text.layout import LineSplitter, blocks
from alignscore_metric.text.splitters import get_splitter

LINES = LineSplitter(get_splitter("bundled_punkt"))
FACTS = ["The bridge was closed on Monday.", "Inspectors found cracks.", "Repairs take six weeks."]
PROSE = (
    "The council closed the Mill Road bridge on Monday after inspectors found cracks in two of its "
    "beams. The mayor, Ann Reed, said on Tuesday that Dr. Hale of the University of Leeds would "
    "look at them. Repairs would take six weeks and cost $4.2 million, she said."
)


@pytest.mark.parametrize(
    "markers",
    [
        ("1. ", "2. ", "3. "),
        ("1) ", "2) ", "3) "),
        ("(1) ", "(2) ", "(3) "),
        ("(a) ", "(b) ", "(c) "),
        ("a. ", "b. ", "c. "),
        ("i. ", "ii. ", "iii. "),
        ("- ",) * 3,
        ("* ",) * 3,
        ("\u2022 ",) * 3,
        ("  - ",) * 3,
        ("- [x] ",) * 3,
        ("\u2022\t",) * 3,
        ("",) * 3,
    ],
)
@pytest.mark.parametrize("end", [".", ""])
@pytest.mark.parametrize("newline", ["\n", "\r\n", "\n\n", "\r"])
def test_an_item_is_a_claim_without_its_marker(markers, end, newline):
    facts = [fact.rstrip(".") + end for fact in FACTS]
    text = newline.join(map("".join, zip(markers, facts, strict=True)))
    assert LINES.claims(text) == facts
    assert LINES.split(text) == [
        f"{marker.lstrip()}{fact}" for marker, fact in zip(markers, facts, strict=True)
    ]


@pytest.mark.parametrize(
    ("text", "claims"),
    [
        (" ".join(f"{n}. {fact}" for n, fact in enumerate(FACTS, 1)), FACTS),
        ("- It was\n  wrapped.\n- It was\n  not.", ["It was\n  wrapped.", "It was\n  not."]),
        ("It closed on May\n5. It cost much.", ["It closed on May\n5.", "It cost much."]),
        ("How many came? 7. That was few.", ["How many came?", "7.", "That was few."]),
        ("A. Milne wrote it.", ["A. Milne wrote it."]),
        ("-5 degrees it was.", ["-5 degrees it was."]),
        ("**Key points:**\n- It closed\n- It cost", ["It closed", "It cost"]),
        ("## Summary\nIt closed.", ["It closed."]),
        ("## Bridge closed after cracks\nIt cost.", ["Bridge closed after cracks", "It cost."]),
        ("The bridge closed for:\n- cracks", ["The bridge closed for:", "cracks"]),
        ("A title\n\nIt closed.", ["A title", "It closed."]),
        ("| a | b |\n|---|---|\n| 1 | 2 |\n| 3 | 4 |", ["| a | b |", "| 1 | 2 |", "| 3 | 4 |"]),
        ("town\tstate\nMill\tclosed", ["town\tstate", "Mill\tclosed"]),
        (
            "Ann: I am here\nBob: see you\nat five\nAnn: bye",
            ["Ann: I am here", "Bob: see you\nat five", "Ann: bye"],
        ),
        ("#Person1#: hi\n#Person2#: hello", ["#Person1#: hi", "#Person2#: hello"]),
        ("He met Dr.\nHale.", ["He met Dr.\nHale."]),
        ("It closed at 5 p.m.\nInspectors came", ["It closed at 5 p.m.", "Inspectors came"]),
        ("bridge closed\ncracks found", ["bridge closed", "cracks found"]),
        ("---\nYes\n***", ["Yes"]),
        (" \n\t", []),
    ],
)
def test_lines_as_a_reader_takes_them(text, claims):
    assert LINES.claims(text) == claims


@pytest.mark.parametrize("width", [40, 55, 72, 100])
@pytest.mark.parametrize("indent", ["", "    "])
def test_wrapped_prose_is_put_together(width, indent):
    wrapped = textwrap.fill(PROSE, width, initial_indent=indent, subsequent_indent=indent)
    assert [" ".join(claim.split()) for claim in LINES.claims(wrapped)] == LINES.claims(PROSE)
    assert len(LINES.claims(PROSE)) == 3


def test_a_text_of_one_line_is_split_as_ever():
    assert LINES.claims(PROSE) == LINES.split(PROSE) == LINES.splitter.split(PROSE)


PIECES = [
    "- ",
    "1. ",
    "(a) ",
    "a. ",
    "\n",
    "\r\n",
    "\n\n",
    "  ",
    "\t",
    "|",
    "Ann: ",
    "It closed",
    ".",
    "and",
    "x",
]


@given(st.lists(st.sampled_from(PIECES), max_size=30).map("".join))
def test_sources_keep_every_character_and_claims_are_slices(text):
    assert "".join("".join(LINES.split(text)).split()) == "".join(text.split())
    place = 0
    for claim in LINES.claims(text):
        place = text.index(claim, place) + len(claim)


@given(st.text(alphabet="aA1.-|:( )\n\r\t", max_size=60))
def test_blocks_are_in_order_and_leave_out_white_space_alone(text):
    last = 0
    for block in blocks(text):
        assert text[last : block.start].strip() == ""
        assert last <= block.start <= block.body < block.stop
        last = block.stop
    assert text[last:].strip() == ""


@pytest.fixture(scope="module")
def metric() -> AlignScore:
    return AlignScore(device="cpu", precision="fp32", progress=False)


SOURCE = (
    "The council closed the Mill Road bridge on Monday after inspectors found cracks in two beams. "
    "The mayor, Ann Reed, said on Tuesday that repairs would take six weeks and cost $4.2 million."
)


def test_a_list_scores_as_its_facts_do(metric: AlignScore):
    listed = "\n".join(f"{n}. {fact}" for n, fact in enumerate(FACTS, 1))
    assert metric.score([SOURCE], [listed]) == metric.score([SOURCE], [" ".join(FACTS)])
    facts = [fact.rstrip(".") for fact in FACTS]
    forty = metric.evaluate([SOURCE], ["".join(f"- {fact}\n" for fact in facts * 14)])
    assert len(forty.sentence_scores) == 42
    apart = metric.score([SOURCE] * 3, facts)
    assert forty.scores[0] == pytest.approx(sum(apart) / 3, abs=1e-5)


def test_a_number_after_no_does_not_hide_an_error(metric: AlignScore):
    source = "The train to Leeds left from platform No. 5 at noon, said Lopez et al. in a report."
    wrong, right = (f"The train left from platform No. {n} at noon." for n in (9, 5))
    found = metric.evaluate([source] * 2, [wrong, right])
    assert len(found.sentence_scores) == 2
    assert found.scores[0] < 0.25 < found.scores[1]


def test_raw_texts_are_read_as_published(metric: AlignScore):
    raw = AlignScore(device="cpu", precision="fp32", progress=False, texts="raw")
    text = "1. It closed.\n2. ..."
    assert raw.pair_table([text], [text]).sentences == get_splitter("bundled_punkt").split(text)
    assert metric.pair_table([text], [text]).sentences == ["It closed."]
