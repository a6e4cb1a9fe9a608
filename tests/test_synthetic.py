"""Synthetic consistency pairs: what each edit does, and that labels say what passages say."""

import gzip
import json
import random
import re
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alignscore_metric.edits import reordering
from alignscore_metric.edits.documents import Document, read_document
from alignscore_metric.edits.edits import Edit, apply_edit, apply_everywhere
from alignscore_metric.edits.lexicon import (
    ANTONYMS,
    AUXILIARIES,
    NUMBER_VALUES,
    NUMBER_WORDS,
    ONE_WAY_SYNONYMS,
    PRONOUNS,
    QUANTIFIERS,
    RELATIONS,
    STRENGTHS,
    SYNONYMS,
    TIMES,
    UNITS,
    WEAKENED,
    WEEKDAYS_AND_MONTHS,
)
from alignscore_metric.edits.makers import MAKERS
from alignscore_metric.edits.reordering import REWRITES
from alignscore_metric.edits.rewording import make_claim, reformat, reword, shorten
from alignscore_metric.edits.sentences import Sentence, is_claim, whole_word_places
from alignscore_metric.errors import InputError
from alignscore_metric.training.data import AlignmentExample
from alignscore_metric.training.leakage import claim_only_auc
from alignscore_metric.training.synthetic import kinds, synthesise
from alignscore_metric.training.synthetic.generator import (
    SHARES,
    VISITS,
    Generator,
    cross,
    log_uniform,
)
from alignscore_metric.training.synthetic.passages import Passage, window

DOCUMENTS = [
    "The council closed the Carrow bridge on Monday after engineers found 14 cracks. "
    "Mayor Helen Ortiz said that the repairs would cost $2,400 and take until March. "
    "Drivers were told to use the northern road, which was opened in 1987. "
    "He was not sure whether the old bridge could be saved by then. "
    "In the afternoon, critics of Helen Ortiz met Tom Lindqvist in the town hall.",
    "The museum in Leeds sold three paintings before the auction ended in June. "
    "Its director, Amira Khan, thanked the buyers and welcomed the higher prices. "
    "She told Peter Voss that visitors had always wanted a larger hall. "
    "The building was finished in 1954 and was restored in 2011. "
    "About 650 people visited the museum on Saturday, according to Peter Voss.",
    "The team from Osaka won the first match by 12 points on Friday. "
    "Their coach, Kenji Mori, praised the young players and the many supporters. "
    "The second match was played in Kyoto after heavy rain had stopped. "
    "They lost it because Daniel Reed scored twice in the last five minutes. "
    "Kenji Mori will meet Daniel Reed in Tokyo before the season starts in May.",
]
SUMMARIES = [
    "The Carrow bridge was closed by the council after engineers found 14 cracks.",
    "The museum in Leeds sold three paintings before the auction in June.",
    "Kenji Mori praised the young players and the supporters.",
]
DIALOGUE = (
    "Anna: Did you see the film about the whales? Ben: I watched it with Carla on Sunday. "
    "She cried at the end. Anna: I want to see it too. Ben: We could go again next week."
)


def rng(seed: object) -> random.Random:
    return random.Random(seed)  # noqa: S311  # draws data, not secrets


def split(text: str) -> list[str]:
    return re.split(r"(?<=[.?!]) ", text) if text else []


def document(text: str, summary: str = "") -> Document:
    return read_document(text, split, summary)


def words_of(text: str) -> list[str]:
    return re.findall(r"\w+", text.lower())


EMPTY = document("")


# ------------------------------------------------------------ reading


def test_names_are_no_sentence_starts_no_dates_and_have_classes():
    names = document(DOCUMENTS[0]).names
    assert {"Helen Ortiz": "person", "Tom Lindqvist": "person"}.items() <= names.items()
    assert "Carrow" in names
    assert not {"Monday", "March", "The", "Drivers", "He", "In", "Mayor"} & set(names)
    assert document(DOCUMENTS[1]).names["Leeds"] == "place"


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("Later Theresa May said so. He saw Theresa May.", "Theresa May"),
        ("He joined the Bank of England then.", "Bank of England"),
        ("They met Mr Brown there.", "Brown"),
        ("The BBC said so.", "BBC"),
        ("Priya left. We saw Priya.", "Priya"),
    ],
)
def test_names_of_several_words_and_behind_titles(text, name):
    assert name in document(text).names


@pytest.mark.parametrize(
    "text", ["I'm sure I've seen it.", "He said: It's late.", "We left. They'd gone home."]
)
def test_words_with_apostrophes_are_no_names(text):
    assert document(text).names == {}


def test_turns_of_a_dialogue_are_kept_apart():
    read = document(DIALOGUE)
    assert [s.text for s in read.sentences][:3] == [
        "Anna: Did you see the film about the whales?",
        "Ben: I watched it with Carla on Sunday.",
        "She cried at the end.",
    ]
    assert read.turns == (0, 1, 1, 3, 4)
    assert {"Anna", "Ben", "Carla"} <= set(read.names)
    assert document(DOCUMENTS[0]).turns == ()
    assert document("Note: it rained. It was cold. It was dark.").turns == ()


def test_a_window_of_a_dialogue_says_who_speaks():
    read = document(DIALOGUE)
    for seed in range(30):
        passage = window(read, 2, 1, 5, rng(seed))
        assert passage.written().startswith(("Ben: ", "Anna: "))


@pytest.mark.parametrize(
    ("sentence", "expected"),
    [
        ("The council closed the bridge on Monday.", True),
        ("Did the council close the bridge on Monday?", False),
        ("Only four words here.", False),
        ("It was what it was and so on.", False),
        ("word " * 60 + "end.", False),
        ("Film earns record sums The new film about whales opened on Friday.", False),
    ],
)
def test_what_makes_a_claim(sentence, expected):
    assert is_claim(Sentence.of(sentence)) == expected


# ------------------------------------------------------------ edits


@pytest.mark.parametrize(
    ("text", "part", "expected"),
    [
        ("He wast was was.", "was", [8, 12]),
        ("In 2020, 20 came, 1,200 or 20.5 not.", "20", [9]),
        ("axb a.b", "a.b", [4]),
        ("It cost $20. Costs: $20", "$20", [8, 20]),
        ("The cats sat well-to-do.", "to", []),
    ],
)
def test_whole_word_places(text, part, expected):
    assert whole_word_places(text, part) == expected


@pytest.mark.parametrize(
    ("source", "claim", "old", "new", "expected"),
    [
        (
            "The dam, which was built in 1950, was closed by the state.",
            "The dam was closed by the state.",
            "was",
            "was not",
            "The dam, which was built in 1950, was not closed by the state.",
        ),
        (
            "At 20.5 feet, the river drove about 20 people from the town.",
            "The river drove about 20 people from the town.",
            "20",
            "35",
            "At 20.5 feet, the river drove about 35 people from the town.",
        ),
        (
            "Ann said that Bob, who was ill, was late and was tired.",
            "Bob was late.",
            "was",
            "is",
            "Ann said that Bob, who was ill, is late and was tired.",
        ),
        ("Prices rose and rose again.", "Prices rose a lot and rose again.", "lot", "bit", None),
        ("He was and was.", "Was was he.", "was", "is", None),
        ("They left early.", "They left early.", "left", "left", None),
    ],
)
def test_an_edit_changes_the_same_place_of_a_claim_and_of_its_source(
    source, claim, old, new, expected
):
    """Else the altered passage is called a support of a claim whose edit it does not hold."""
    tokens = Sentence.of(claim)
    at = tokens.words.index(old)
    applied = apply_edit(Edit("k", ((at, at, new),)), tokens, source)
    assert (applied and applied[1]) == expected


def test_changes_of_one_edit_may_not_overlap():
    claim = Sentence.of("One two three.")
    assert apply_edit(Edit("k", ((0, 1, "x"), (1, 2, "y"))), claim, claim.text) is None


def edits(kind, text, own=EMPTY, other=EMPTY, seeds=60) -> set[str]:
    """All versions of a claim that an edit makes."""
    claim, found = Sentence.of(text), set()
    for seed in range(seeds):
        edit = MAKERS[kind](claim, own, other, rng(seed))
        if edit is not None:
            assert edit.kind == kind
            applied = apply_edit(edit, claim, text)
            assert applied is not None
            found.add(applied[0])
    return found


@pytest.mark.parametrize("kind", sorted(MAKERS))
def test_edit_that_cannot_apply_gives_none(kind):
    assert edits(kind, "Rain again.") == set()


@pytest.mark.parametrize("kind", sorted(MAKERS))
def test_every_edit_applies_somewhere_and_never_leaves_the_claim_as_it_was(kind):
    found = Counter()
    own, other = document(" ".join(DOCUMENTS)), document(" ".join(generated(3)))
    extra = [
        "Some visitors may come by train, and many will stay for two weeks.",
        "The council closed the old bridge and the mayor opened a new road.",
        "The old building was closed in the summer.",
        "Helen Ortiz paid Tom Lindqvist for it.",
    ]
    for text in [*split(" ".join(DOCUMENTS)), *extra]:
        versions = edits(kind, text, own, other, 30)
        assert text not in versions
        found[kind] += len(versions)
    assert found[kind] > 0


def test_names_become_names_of_the_same_class():
    own, other = document(DOCUMENTS[0]), document(DOCUMENTS[1])
    claim = "Critics met Helen Ortiz in the town hall."
    assert edits("entity", claim, own) == {"Critics met Tom Lindqvist in the town hall."}
    assert edits("entity_other", claim, own, other) == {
        f"Critics met {name} in the town hall." for name in ("Amira Khan", "Peter Voss")
    }


@pytest.mark.parametrize(
    ("a", "b"),
    [("US", "America"), ("Helen Ortiz", "Ortiz"), ("BBC", "British Broadcasting Corporation")],
)
def test_a_name_never_becomes_another_name_of_the_same_thing(a, b):
    own = document(f"We saw the {a} there. We saw the {b} there.")
    assert {a, b} <= set(own.names)
    assert edits("entity", f"They told the {a} about it.", own) == set()


def test_a_part_of_a_longer_name_is_left_alone():
    own = document("He went to Manchester with Leeds.")
    assert edits("entity", "He saw Manchester United there.", own) == set()
    assert edits("entity", "He saw old Manchester there.", own) == {"He saw old Leeds there."}


def test_swapped_names():
    own = document(DOCUMENTS[0])
    assert edits("roles", "Helen Ortiz paid Tom Lindqvist in the hall.", own) == {
        "Tom Lindqvist paid Helen Ortiz in the hall."
    }


@pytest.mark.parametrize(
    "between", [" and ", " or ", ", ", " met ", " and the ", ", a friend, and "]
)
def test_names_that_may_change_places_are_not_swapped(between):
    claim = f"Helen Ortiz{between}Tom Lindqvist left."
    assert edits("roles", claim, document(DOCUMENTS[0])) == set()


def test_names_between_which_something_happens_are_not_swapped():
    claim = "The match between Helen Ortiz and her friend Tom Lindqvist ended."
    assert edits("roles", claim, document(DOCUMENTS[0])) == set()


def test_speakers_are_not_swapped_with_what_they_name():
    assert edits("roles", "Ben: I watched it with Carla on Sunday.", document(DIALOGUE)) == set()


@pytest.mark.parametrize(
    ("claim", "expected"),
    [
        ("The council closed the bridge today.", {"The bridge closed the council today."}),
        (
            "The rusty lorry was near the green tractor.",
            {
                "The green lorry was near the rusty tractor.",
                "The rusty tractor was near the green lorry.",
            },
        ),
        ("An awful man sold a noisy car.", set()),
        ("They sell apples, plums and pears.", set()),
        ("They bought cats and dogs.", set()),
    ],
)
def test_words_change_places(claim, expected):
    found = edits("order", claim)
    assert found == expected
    assert all(sorted(words_of(after)) == sorted(words_of(claim)) for after in found)


def test_numbers_keep_their_shape_and_years_are_dates():
    claim = "Engineers found 14 cracks and spent $2,400 since 1987."
    found = edits("number", claim, document(DOCUMENTS[0]), seeds=200)
    for after in found:
        numbers = re.findall(r"\d[\d,]*", after)
        changed = [(a, b) for a, b in zip(["14", "2,400", "1987"], numbers, strict=True) if a != b]
        [(old, new)] = changed
        assert old != "1987"
        assert (len(old), old.count(",")) == (len(new), new.count(","))
        assert new[0] != "0"
    assert {re.findall(r"\d{4}", a)[0] == "1987" for a in edits("date", claim)} == {False}


@pytest.mark.parametrize("bound", ["more than", "at least", "over", "nearly", "up to", "under"])
def test_a_number_behind_a_bound_is_left_alone(bound):
    """`More than 30` implies `more than 20`: the label would be wrong in one direction."""
    assert edits("number", f"They sold {bound} 20 cars.") == set()
    assert edits("number", f"They sold twelve {bound} 20 cars.") != set()


def test_number_words_become_near_number_words_and_keep_their_capital():
    for after in edits("number", "Three paintings were sold."):
        new = after.removesuffix(" paintings were sold.")
        assert new[0].isupper()
        assert new.lower() in set(NUMBER_WORDS) - {"three", "one"}
    assert edits("number", "One of them came first again.") == set()


@pytest.mark.parametrize(
    ("word", "group"),
    [
        ("Monday", "Monday Tuesday Wednesday Thursday Friday Saturday Sunday"),
        ("May", "January February March April May June July August September October November "
         "December"),
    ],
)  # fmt: skip
def test_a_date_stays_among_days_or_months(word, group):
    found = edits("date", f"It ended in {word}.", seeds=300)
    assert found == {f"It ended in {w}." for w in set(group.split()) - {word}}


@pytest.mark.parametrize("claim", ["Theresa May left early.", "He reads the Sunday Times."])
def test_a_date_in_a_name_is_left_alone(claim):
    assert edits("date", claim) == set()


@pytest.mark.parametrize(
    ("claim", "expected"),
    [
        ("He was not sure of it.", {"He was sure of it."}),
        ("He wasn't sure of it.", {"He was sure of it."}),
        ("He wasn\u2019t sure of it.", {"He was sure of it."}),
        ("They cannot go.", {"They can go."}),
        ("They can't go.", {"They can go."}),
        ("They could go.", {"They could not go."}),
        ("Kohl sold it.", {"Kohl did not sell it."}),
        ("He had left it.", {"He had not left it.", "He hadn't left it."}),
        ("He had a car.", set()),
        ("He was not only rich.", set()),
        ("He was never there.", set()),
        ("The men told to leave sang.", set()),
    ],
)
def test_negation(claim, expected):
    assert edits("negation", claim) == expected


@pytest.mark.parametrize(
    ("kind", "table", "claim"),
    [
        ("antonym", ANTONYMS, "Prices rose when the long sale opened."),
        ("antonym", ANTONYMS, "Together they won."),
        ("pronoun", PRONOUNS, "He gave them her book."),
        ("relation", RELATIONS, "She bought it from his father before June."),
        ("quantifier", QUANTIFIERS, "Both of them always paid."),
        ("unit", UNITS, "It was two miles and three hours away."),
    ],
)
def test_table_edits_change_one_word_to_a_partner(kind, table, claim):
    found = edits(kind, claim)
    assert len(found) > 1 or kind == "antonym"
    for after in found:
        before, changed = claim.split(), after.split()
        pairs = [(a, b) for a, b in zip(before, changed, strict=True) if a != b]
        [(old, new)] = [(a.strip(".,"), b.strip(".,")) for a, b in pairs]
        assert new.lower() in table[old.lower()]
        assert old[0].isupper() == new[0].isupper()


@pytest.mark.parametrize(
    ("kind", "claim"),
    [
        ("relation", "They want to go there."),
        ("quantifier", "It did not help at all, he noted."),
        ("quantifier", "It was the most famous one."),
        ("quantifier", "No longer did it help."),
        ("antonym", "He saw the Big Ben."),
        ("modality", "Not all of it helped."),
    ],
)
def test_words_in_another_use_are_left_alone(kind, claim):
    assert edits(kind, claim) == set()


@pytest.mark.parametrize(
    ("claim", "after", "direction"),
    [
        ("They may leave.", "They will leave.", "claim"),
        ("He was accused of theft.", "He was convicted of theft.", "claim"),
        ("They will leave.", "They might leave.", "passage"),
        ("They managed to leave.", "They tried to leave.", "passage"),
    ],
)
def test_strength_knows_which_version_implies_the_other(claim, after, direction):
    tokens, directions = Sentence.of(claim), {}
    for seed in range(100):
        edit = MAKERS["modality"](tokens, EMPTY, EMPTY, rng(seed))
        directions[apply_edit(edit, tokens, claim)[0]] = edit.direction
    assert directions[after] == direction


def test_detail_is_added_or_taken_away():
    claim, other = "The old building was closed in the summer.", document(DOCUMENTS[2])
    tokens, found = Sentence.of(claim), {}
    for seed in range(100):
        edit = MAKERS["detail"](tokens, EMPTY, other, rng(seed))
        if edit:
            found.setdefault(edit.direction, set()).add(apply_edit(edit, tokens, claim)[0])
    assert found["passage"] == {"The old building was closed."}
    assert "The old building was closed in the summer on Friday." in found["claim"]


def test_content_keeps_the_kind_of_place():
    own = document("Visitors wanted a hall. They had a garden. They were asked. It was finished.")
    assert edits("content", "Visitors saw a bench.", own) == {
        "Visitors saw a hall.",
        "Visitors saw a garden.",
    }


def test_splice_takes_the_end_of_another_sentence():
    claim = "Engineers found many cracks after the storm had ended."
    own = document(f"{claim} It began after people left the hall.")
    assert edits("splice", claim, own) == {
        "Engineers found many cracks after people left the hall."
    }
    assert edits("graft", claim, EMPTY, own) == edits("splice", claim, own)


def test_subject_becomes_that_of_another_sentence():
    own = document("The old bridge was closed early. The new road was opened late. They were sad.")
    assert edits("subject", "The old bridge was closed early.", own) == {
        "The new road was closed early."
    }


# ------------------------------------------------------------ the pairs


def generate(seeds: int, documents=DOCUMENTS, words=(8, 90)):
    """Kind and pairs of many visits."""
    read = [document(text) for text in documents]
    generator = Generator(words, rng(1), Counter())
    for number in range(seeds):
        own, other = read[number % len(read)], read[number % len(read) - 1]
        kind, pairs = generator.visit(own, other)
        if pairs:
            generator.made[kind] += 1
            yield kind, pairs


@pytest.fixture
def verbatim(monkeypatch):
    monkeypatch.setattr(
        "alignscore_metric.training.synthetic.generator.make_claim",
        lambda unit, document, rng: unit,
    )


@pytest.mark.usefixtures("verbatim")
def test_verbatim_claims_stand_in_their_passage_exactly_where_supported():
    seen, edited_first = Counter(), Counter()
    houses = (
        "The old house was built by two farmers. The large garden was left to their niece. "
        "Visitors may come in the summer. Nobody knows who lives there."
    )
    sentences = set(split(" ".join([*DOCUMENTS, houses])))
    visits = generate(4000, [*DOCUMENTS, houses])
    for kind, [(yes_text, yes_claim, yes, _), (no_text, no_claim, no, _)] in visits:
        assert (yes, no) == (1, 0)
        seen[kind] += 1
        if kind == "conjunction" or ", and " in yes_claim + no_claim:
            continue  # Two sentences: not verbatim.
        assert yes_claim in yes_text, kind
        assert no_claim not in no_text, kind
        if kind in MAKERS:
            edited_first[yes_claim not in sentences] += 1
            edited_first[no_claim not in sentences] += 1
    assert set(seen) == set(SHARES)
    # Both versions are claims about equally often, under both labels.
    assert edited_first[True] == pytest.approx(edited_first[False], rel=0.2)


@pytest.mark.usefixtures("verbatim")
def test_conjunctions_have_one_claim_and_the_passage_decides():
    found = [pairs for kind, pairs in generate(4000) if kind == "conjunction"]
    assert len(found) > 50
    for [(yes_text, yes_claim, *_), (no_text, no_claim, *_)] in found:
        assert yes_claim == no_claim
        first, second = yes_claim.split(", and ", 1) if yes_claim.count(", and ") == 1 else ("", "")
        if first:
            assert first in yes_text
            assert first in no_text
            assert second[1:] in yes_text
            assert second[1:] not in no_text


def test_the_claim_is_the_same_where_versions_imply_each_other_or_a_sentence_is_missing():
    for kind, [(_, yes_claim, *_), (_, no_claim, *_)] in generate(3000):
        if kind in ("removed", "foreign", "empty", "conjunction", "modality", "detail"):
            assert yes_claim == no_claim


def test_directions_of_edits():
    original, edited = ("P", "c"), ("Q", "d")
    none, all_of_it = (), ((0, 1),)  # what of a claim its passage does not support
    assert cross(original, edited, "claim", 0) == [("Q", "d", 1, none), ("P", "d", 0, all_of_it)]
    assert cross(original, edited, "passage", 0) == [("P", "c", 1, none), ("Q", "c", 0, all_of_it)]
    pairs = [pair for turn in range(4) for pair in cross(original, edited, "both", turn)]
    assert Counter(pairs) == {
        ("P", "c", 1, none): 2, ("Q", "d", 1, none): 2,
        ("P", "d", 0, all_of_it): 2, ("Q", "c", 0, all_of_it): 2,
    }  # fmt: skip
    assert all([p[2] for p in cross(original, edited, "both", t)] == [1, 0] for t in range(4))


@pytest.mark.usefixtures("verbatim")
def test_a_passage_without_the_sentence_is_no_shorter_than_one_with_it():
    """Else the number of sentences would tell the label."""
    lengths = [
        (len(split(yes_text)), len(split(no_text)))
        for kind, [(yes_text, *_), (no_text, *_)] in generate(3000, words=(40, 60))
        if kind == "removed"
    ]
    assert len(lengths) > 50
    assert sum(yes - no for yes, no in lengths) / len(lengths) < 0.3


def test_a_sentence_that_another_one_repeats_is_not_asked_about():
    text = (
        "The council closed the Carrow bridge on Monday. "
        "On Monday the council closed the Carrow bridge. "
        "On Monday, the Carrow bridge was closed by the council."
    )
    claims = [pairs[0][1] for _, pairs in generate(200, [text, DOCUMENTS[1]], (100, 100))]
    assert claims
    assert not [c for c in claims if c.startswith(("The council closed", "On Monday"))]


def test_rare_kinds_come_first():
    generator = Generator((5, 9), rng(0), Counter({k: 1000 for k in SHARES if k != "date"}))
    firsts = Counter(generator.order(SHARES)[0] for _ in range(300))
    assert firsts["date"] > 280
    fresh = Generator((5, 9), rng(0), Counter())
    drawn = Counter(fresh.order(("removed", "unit"))[0] for _ in range(4000))
    share = SHARES["removed"] / (SHARES["removed"] + SHARES["unit"])
    assert drawn["removed"] / 4000 == pytest.approx(share, abs=0.03)


@given(
    st.lists(st.integers(1, 12), min_size=1, max_size=12),
    st.integers(0, 11),
    st.integers(1, 80),
    st.integers(0, 10**6),
)
def test_window(lengths, at, size, seed):
    sentences = tuple(Sentence.of(" ".join([f"s{i}"] * n)) for i, n in enumerate(lengths))
    at %= len(sentences)
    passage = window(Document(sentences), at, 1, size, rng(seed))
    assert passage.unit == (sentences[at],)
    whole = (*passage.before, *passage.unit, *passage.after)
    first = at - len(passage.before)
    assert whole == sentences[first : first + len(whole)]
    counts = [s.length for s in whole]
    assert sum(counts) >= size or whole == sentences
    # Without the sentences at its ends it was too small, or they are the unit.
    inner = sum(counts) - counts[0] * (at > first) - counts[-1] * (at < first + len(whole) - 1)
    assert inner < size or len(whole) == 1


def test_the_unit_stands_anywhere_in_its_window():
    long = document(" ".join(f"Sentence number {i} stands here." for i in range(41)))
    places = Counter(len(window(long, 20, 1, 50, rng(seed)).before) for seed in range(4000))
    assert set(places) == set(range(10))
    assert min(places.values()) > 0.7 * max(places.values())


# ------------------------------------------------------------ summaries


def test_an_edit_is_made_everywhere_and_names_change_places():
    claim = Sentence.of("Helen Ortiz paid Tom Lindqvist.")
    edit = Edit("entity", ((0, 1, "Tom Lindqvist"),))
    text = "Helen Ortiz paid Tom Lindqvist. Ortiz left. Lindqvist stayed. Ortizes came."
    assert apply_everywhere(edit, claim, text) == (
        "Tom Lindqvist paid Helen Ortiz. Lindqvist left. Ortiz stayed. Ortizes came."
    )
    assert apply_everywhere(edit, claim, "Nobody came.") is None


def test_claims_of_summaries():
    examples = synthesise(
        DOCUMENTS, summaries=SUMMARIES, name="n", pairs=400, words=(20, 80), rng=rng(2)
    )
    mine = [e for e in examples if e.kind.startswith("summary:")]
    assert len(mine) > 100
    assert {1, 0} == {e.label for e in mine}
    plain = [e for e in mine if e.text_b in SUMMARIES]
    assert plain
    for e in plain:
        original = e.text_a in " ".join(DOCUMENTS)
        if e.label == 1:
            assert original or e.kind == "summary:conjunction"
        elif e.kind not in ("summary:foreign", "summary:removed"):
            assert not original


def test_a_summary_that_its_document_does_not_bear_out_makes_no_claim():
    strange = ["The mayor of Rome resigned after 99 lost battles."] * 3
    examples = synthesise(
        DOCUMENTS, summaries=strange, name="n", pairs=100, words=(20, 80), rng=rng(2)
    )
    assert not any(e.kind.startswith("summary:") for e in examples)


def test_as_many_summaries_as_documents():
    with pytest.raises(InputError, match="3 documents but 1 summaries"):
        synthesise(DOCUMENTS, summaries=["x"], name="n", pairs=1, words=(5, 9), rng=rng(0))


# ------------------------------------------------------------ shortening, rewording

SENTENCES = [s for d in DOCUMENTS for s in split(d)] + [
    'However, the mayor (a lawyer) said "the bridge, which is old, will go", he added on Monday.',
    "According to the report, sales were really low in June, and nobody [sic] knew why.",
    "But it was, by and large, quickly repaired in order to reopen before winter",
    "\u201cWe left early,\u201d she told reporters in Leeds after the storm.",
]


@pytest.mark.parametrize("sentence", SENTENCES)
def test_shorten_only_deletes_words(sentence):
    for short in {shorten(sentence, rng(seed)) for seed in range(60)}:
        assert len(short.split()) >= 5
        assert short[0] == short[0].upper()
        assert short[-1] in ".!?\"'"
        rest = iter(words_of(sentence))
        assert all(word in rest for word in words_of(short)), short
        assert len(short) <= len(sentence) + 1


def test_shorten_does_shorten():
    sentences = [
        "The mayor (a lawyer) said the bridge would go.",
        "The bridge, which is old, will be closed.",
        "The bridge was really old and grey.",
        "On Monday, the mayor closed the bridge.",
    ]
    assert [min((shorten(s, rng(i)) for i in range(60)), key=len) for s in sentences] == [
        "The mayor said the bridge would go.",
        "The bridge will be closed.",
        "The bridge was old and grey.",
        "The mayor closed the bridge.",
    ]


@pytest.mark.parametrize(
    "sentence",
    [
        "The bridge stands where it stood.",
        "He is allegedly the man who did it.",
        "It lies between the road and the old river.",
        "They will not come without a letter from him.",
        "If it rains, the match will be stopped.",
        "The club has put the house up for sale.",
    ],
)
def test_shorten_leaves_what_may_not_be_left_out(sentence):
    assert {shorten(sentence, rng(s)) for s in range(60)} == {sentence}


def test_reword_swaps_words_for_synonyms_only():
    claim = "She said the film began, but pupils killed nobody on Wall Street."
    seen = set()
    for seed in range(100):
        found = reword(claim, rng(seed))
        changed = [(a, b) for a, b in zip(claim.split(), found.split(), strict=True) if a != b]
        assert len(changed) <= 2
        for a, b in changed:
            old, new = a.strip(",."), b.strip(",.")
            assert new in SYNONYMS.get(old, []) + ONE_WAY_SYNONYMS.get(old, [])
        seen.add(len(changed))
        assert found.endswith("Wall Street.")
    assert seen == {0, 1, 2}


@pytest.mark.parametrize(
    ("claim", "expected"),
    [
        ("In 1990, the council built a bridge.", "The council built a bridge in 1990."),
        ("The council built a bridge in 1990.", "In 1990, the council built a bridge."),
        ("Helen Ortiz opened it on Monday.", "On Monday, Helen Ortiz opened it."),
        ("When the rain stopped, the team played.", "The team played when the rain stopped."),
        ("The team played because the rain stopped.", "Because the rain stopped, the team played."),
        ("Helen Ortiz said the bridge was closed.", "The bridge was closed, Helen Ortiz said."),
        ("The bridge was closed, she said.", "She said that the bridge was closed."),
        ("They saw Helen Ortiz and Tom Lindqvist.", "They saw Tom Lindqvist and Helen Ortiz."),
        ("He spoke of cats and dogs.", "He spoke of dogs and cats."),
        ("Helen Ortiz, the mayor, left.", "The mayor, Helen Ortiz, left."),
        ("They knew Carrow's history.", "They knew the history of Carrow."),
        ("They knew the history of Carrow.", "They knew Carrow's history."),
        ("The bridge was closed by Helen Ortiz.", "Helen Ortiz closed the bridge."),
    ],
)
def test_rewrites_say_the_same(claim, expected):
    own = document(f"{' '.join(DOCUMENTS)} The team saw the council and the history.")
    assert expected in {rewrite(claim, own) for rewrite in REWRITES}


@pytest.mark.parametrize(
    "claim",
    [
        "On the other hand, the council built a bridge.",
        "He said the council built a bridge in 1990.",
        "Last year, he said that it was closed.",
        "The sum of cats and dogs is six and four, respectively.",
        "They saw the city of Carrow.",
        "He was followed by Helen Ortiz.",
        'He told "it was closed, she said."',
    ],
)
def test_rewrites_leave_alone_what_would_change(claim):
    assert {rewrite(claim, document(DOCUMENTS[0])) for rewrite in REWRITES} == {None}


def test_speakers_are_quoted_in_dialogues_only():
    claim = "Ben: I watched it with Carla on Sunday."
    found = {rewrite(claim, document(DIALOGUE)) for rewrite in REWRITES}
    assert found == {None, 'Ben says, "I watched it with Carla on Sunday."'}
    assert reordering._quote_speaker("Ben: I saw it again.", document("We saw Ben.")) is None


@pytest.mark.parametrize(
    ("claim", "versions"),
    [
        ("It grew by 20%.", {"It grew by 20 per cent."}),
        ("It grew by 20 per cent.", {"It grew by 20%.", "It grew by 20 percent."}),
        ("They sold 1,000 cars.", {"They sold 1000 cars."}),
        ("They sold 4000 cars.", {"They sold 4,000 cars."}),
        ("They sold twelve cars.", {"They sold 12 cars."}),
        ("They sold 12 cars.", {"They sold twelve cars."}),
        ("It cost \u00a35m.", {"It cost \u00a35 million."}),
        ("He ran the 60m final.", {"He ran the 60m final."}),
        ("It opened in 1987.", {"It opened in 1987."}),
    ],
)
def test_numbers_in_other_forms(claim, versions):
    assert {reformat(claim, rng(seed)) for seed in range(60)} == versions


def test_claims_have_no_half_of_a_pair_of_quotation_marks():
    unit = '"We left it there in the rain," she said. "It was late and cold.'
    for seed in range(60):
        assert make_claim(unit, document(DOCUMENTS[0]), rng(seed)).count('"') % 2 == 0


# ------------------------------------------------------------ whole data sets

PLACES = "Leeds Osaka Lima Cairo Oslo Quito Perth Turin Delhi Accra".split()  # noqa: SIM905
PEOPLE = [f"{a} {b}" for a in ("Anna", "Boris", "Chen", "Dara") for b in ("Kohl", "Meyer", "Novak")]


def generated(count: int) -> list[str]:
    """Documents with names, numbers, dates, negations and words that have opposites."""
    draw = rng(11)
    templates = [
        "The council of {place} opened {number} schools on {day} after {person} agreed.",
        "In {place}, {person} said that prices rose by {number} percent before {month}.",
        "She was not told that {person} had sold the old house in {place}.",
        "About {number} people were injured when the bridge near {place} was closed.",
        "{person} will meet {other} in {place} because they won the first match.",
        "His team lost {number} games in {month} and was criticised by {person}.",
        "Workers from {place} could build a larger hall with money raised by {person}.",
        "Visitors always wanted to see the {number} paintings that {person} bought.",
    ]
    return [
        " ".join(
            template.format(
                place=draw.choice(PLACES),
                number=draw.randint(11, 99),
                day=draw.choice([*WEEKDAYS_AND_MONTHS][:7]),
                month=draw.choice([*WEEKDAYS_AND_MONTHS][7:]),
                person=draw.choice(PEOPLE),
                other=draw.choice(PEOPLE),
            )
            for template in draw.sample(templates, 6)
        )
        for _ in range(count)
    ]


def test_synthesise_is_balanced_deterministic_and_of_the_asked_size():
    def made(seed):
        return synthesise(generated(20), name="set", pairs=300, words=(20, 60), rng=rng(seed))

    examples = made(1)
    assert len(examples) == 300
    assert Counter(e.label for e in examples) == {1: 150, 0: 150}
    assert {(e.dataset, e.head) for e in examples} == {("set", "bin")}
    assert {e.kind for e in examples} <= set(SHARES)
    assert examples == made(1)
    assert examples != made(2)


def test_synthesise_passes_over_short_documents_and_stops_when_used_up():
    short = "One sentence only stands here. And this is a second."
    assert synthesise([short], name="n", pairs=10, words=(5, 20), rng=rng(0)) == []
    few = synthesise([short, *DOCUMENTS[:2]], name="n", pairs=10_000, words=(20, 40), rng=rng(0))
    assert 0 < len(few) <= 2 * 2 * VISITS
    assert not any("One sentence only" in e.text_a + e.text_b for e in few)


def test_no_unsupported_claim_stands_in_its_passage():
    """A foreign passage must come from another document than the claim."""
    examples = synthesise(DOCUMENTS, name="n", pairs=240, words=(20, 200), rng=rng(3))
    assert [e for e in examples if e.label == 0 and e.text_b in e.text_a] == []


def test_passages_have_the_lengths_asked_for():
    long = " ".join(generated(60))
    examples = synthesise([long, long[5000:]], name="n", pairs=400, words=(15, 200), rng=rng(4))
    lengths = [len(e.text_a.split()) for e in examples if e.kind != "empty"]
    assert min(lengths) < 30
    assert 150 < max(lengths) < 260
    drawn = [log_uniform((15, 240), rng(seed)) for seed in range(2000)]
    assert 15 <= min(drawn) < 17
    assert 230 < max(drawn) <= 240
    assert sum(size < 60 for size in drawn) == pytest.approx(1000, abs=90)


def test_kinds_counts_both_labels():
    def example(kind, label):
        return AlignmentExample("n", "a", "b", "bin", label, kind=kind)

    found = kinds([example("x", 1), example("y", 0), example("y", 1), example("y", 1)])
    assert found == {"y": (2, 1), "x": (1, 0)}
    assert list(found) == ["y", "x"]


def test_claims_alone_do_not_tell_the_label():
    examples = synthesise(generated(80), name="n", pairs=2400, words=(20, 60), rng=rng(5))
    assert claim_only_auc(examples) < 0.55


@pytest.mark.slow
def test_claims_of_real_documents_do_not_tell_the_label(shared):
    path = shared / "train" / "dialogsum_synth.dev.jsonl.gz"
    if not path.is_file():
        pytest.skip(f"no file {path}")
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        rows = [json.loads(line) for line in lines]
    pairs = {r["text_a"]: r["text_b"] for r in rows if r["label"] == 1}
    examples = synthesise(
        list(pairs),
        summaries=list(pairs.values()),
        name="n",
        pairs=2400,
        words=(15, 120),
        rng=rng(5),
    )
    assert len(examples) == 2400
    assert claim_only_auc(examples) < 0.55


# ------------------------------------------------------------ the word lists


@pytest.mark.parametrize(
    "table",
    [ANTONYMS, RELATIONS, UNITS, TIMES, SYNONYMS],
    ids=["antonyms", "relations", "units", "times", "synonyms"],
)
def test_table_is_symmetric_and_no_word_is_its_own_partner(table):
    for word, partners in table.items():
        assert len(set(partners)) == len(partners) > 0
        assert word not in partners
        assert all(word in table[partner] for partner in partners)


@pytest.mark.parametrize(
    "table",
    [ANTONYMS, RELATIONS, UNITS, TIMES, QUANTIFIERS, STRENGTHS],
    ids=["antonyms", "relations", "units", "times", "quantifiers", "strengths"],
)
def test_no_partner_is_a_synonym_too(table):
    same = {
        word: set(partners) & {*SYNONYMS.get(word, ()), *ONE_WAY_SYNONYMS.get(word, ())}
        for word, partners in table.items()
    }
    assert not {word: found for word, found in same.items() if found}


def test_strengths_and_weakened_are_each_others_reverse():
    for weak, stronger in STRENGTHS.items():
        assert weak not in stronger
        for strong in stronger:
            assert weak in WEAKENED[strong] or strong == "will"
    assert set(WEAKENED["will"]) <= {w for w, strong in STRENGTHS.items() if "will" in strong}
    # Nothing is both stronger and weaker than another word.
    assert not [
        (w, s) for w, strong in STRENGTHS.items() for s in strong if w in STRENGTHS.get(s, [])
    ]


def test_pronouns_and_dates_never_become_themselves():
    assert all(word not in partners for word, partners in PRONOUNS.items())
    assert all(word in group for word, group in WEEKDAYS_AND_MONTHS.items())
    assert {len(group) for group in WEEKDAYS_AND_MONTHS.values()} == {7, 12}
    assert len(set(NUMBER_WORDS)) == len(NUMBER_WORDS)
    assert list(NUMBER_VALUES.values()) == sorted(NUMBER_VALUES.values())
    assert all(word.islower() for word in AUXILIARIES)


def test_a_passage_knows_what_else_supports_a_claim():
    passage = Passage((Sentence.of("The old bridge closed."),), (Sentence.of("It rained."),), ())
    claim = Sentence.of("The bridge closed early.")
    assert passage.supports_elsewhere(claim.stems, 0.6)
    assert not passage.supports_elsewhere(claim.stems, 0.7)
