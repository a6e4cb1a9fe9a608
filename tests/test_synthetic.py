"""Synthetic consistency pairs: what each edit does, and that labels say what passages say."""

import random
import re
from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from alignscore_metric.training import synthetic
from alignscore_metric.training.lexicon import (
    ANTONYMS,
    AUXILIARIES,
    NUMBER_WORDS,
    PRONOUNS,
    SYNONYMS,
    WEEKDAYS_AND_MONTHS,
)
from alignscore_metric.training.synthetic import (
    Context,
    Replacement,
    describe,
    make_pairs,
    pick_edit,
    reword,
    shorten,
    synthesise,
    window,
)

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


def rng(seed: object) -> random.Random:
    return random.Random(seed)  # noqa: S311  # draws data, not secrets


def context_of(document: str, other: str = "") -> Context:
    return describe(re.split(r"(?<=\.) ", document), other)


def words_of(text: str) -> list[str]:
    return re.findall(r"\w+", text.lower())


# ------------------------------------------------------------ replacements


@pytest.mark.parametrize(
    ("old", "new", "text", "expected"),
    [
        ("was", "is", "He wast was was.", "He wast is was."),
        ("20", "30", "In 2020, 20 came.", "In 2020, 30 came."),
        ("a.b", "c", "axb a.b", "axb c"),
        ("cat", "dog", "The cats sat.", None),
        ("cat", "cat", "The cat sat.", None),
        ("x", r"\1", "an x", r"an \1"),
    ],
)
def test_replacement_takes_the_first_whole_word(old, new, text, expected):
    assert Replacement("k", old, new).apply(text) == expected


# ------------------------------------------------------------ edits

CLAIM = {
    "number": "Engineers found 14 cracks and spent $2,400 since 1987.",
    "name": "Critics met Helen Ortiz in the town hall.",
}
NOTHING_TO_EDIT = "Rain came."


def edits(edit, claim: str, context: Context, seeds: int = 40) -> list[tuple[Replacement, str]]:
    found = [edit(claim, context, rng(seed)) for seed in range(seeds)]
    assert all(found)
    applied = [(r, r.apply(claim)) for r in found]
    assert all(after is not None and after != claim for _, after in applied)
    return applied


@pytest.mark.parametrize("edit", list(synthetic.EDITS), ids=lambda edit: edit.__name__)
def test_edit_that_cannot_apply_gives_none(edit):
    nothing = Context(names=(), numbers=(), words=(), sentences=(), other_names=())
    assert all(edit(NOTHING_TO_EDIT, nothing, rng(seed)) is None for seed in range(20))
    assert pick_edit(NOTHING_TO_EDIT, nothing, rng(0)) is None


def test_change_number():
    numbers = re.compile(r"\d[\d,]*")
    before = numbers.findall(CLAIM["number"])
    for replacement, after in edits(
        synthetic.change_number, CLAIM["number"], context_of(DOCUMENTS[0])
    ):
        assert replacement.kind == "number"
        found = numbers.findall(after)
        changed = [(a, b) for a, b in zip(before, found, strict=True) if a != b]
        assert len(changed) == 1
        old, new = changed[0]
        assert (len(old), old.count(",")) == (len(new), new.count(","))
        assert new[0] != "0"
        assert numbers.sub("", after) == numbers.sub("", CLAIM["number"])
        if old == "1987" and new not in context_of(DOCUMENTS[0]).numbers:
            assert new.startswith("19")


def test_change_number_word_keeps_its_capital():
    claim = "Three paintings were sold."
    for replacement, after in edits(synthetic.change_number, claim, context_of(DOCUMENTS[1])):
        new = after.removesuffix(" paintings were sold.")
        assert (replacement.old, replacement.new) == ("Three", new)
        assert new[0].isupper()
        assert new.lower() in set(NUMBER_WORDS) - {"three"}


def test_change_name_takes_another_name_of_the_document_or_now_and_then_of_another():
    context = context_of(DOCUMENTS[0], DOCUMENTS[1])
    news = Counter()
    for seed in range(200):
        replacement = synthetic.change_name(CLAIM["name"], context, rng(seed))
        assert replacement is not None
        assert (replacement.kind, replacement.old) == ("name", "Helen Ortiz")
        assert not {"Helen", "Ortiz"} & set(replacement.new.split())
        news[replacement.new in context.names] += 1
        assert replacement.new in {*context.names, *context.other_names}
    assert news[True] > news[False] > 0


def test_names_of_a_document_are_no_sentence_starts_and_no_dates():
    names = context_of(DOCUMENTS[0]).names
    assert {"Helen Ortiz", "Tom Lindqvist"} <= {n.removeprefix("Mayor ") for n in names}
    assert not {"Monday", "March", "The", "Drivers", "He", "In"} & set(names)


def test_swap_names():
    claim = "Helen Ortiz met Tom Lindqvist in the hall."
    for replacement, after in edits(synthetic.swap_names, claim, context_of(DOCUMENTS[0])):
        assert replacement.kind == "roles"
        assert after == "Tom Lindqvist met Helen Ortiz in the hall."


@pytest.mark.parametrize("between", [" and ", " or ", ", "])
def test_swap_names_leaves_a_list_of_names_alone(between):
    claim = f"Helen Ortiz{between}Tom Lindqvist left."
    context = context_of(DOCUMENTS[0])
    assert all(synthetic.swap_names(claim, context, rng(seed)) is None for seed in range(20))


@pytest.mark.parametrize(
    ("word", "kind"),
    [
        ("Monday", "Monday Tuesday Wednesday Thursday Friday Saturday Sunday"),
        ("May", "January February March April May June July August September October November "
         "December"),
    ],
)  # fmt: skip
def test_change_date_stays_among_days_or_months(word, kind):
    news = {
        after.split()[-1].rstrip(".")
        for _, after in edits(synthetic.change_date, f"It ended in {word}.", context_of(""), 300)
    }
    assert news == set(kind.split()) - {word}


@pytest.mark.parametrize(
    ("claim", "expected"),
    [
        ("He was not sure.", "He was sure."),
        ("He wasn't sure.", "He was sure."),
        ("He wasn\u2019t sure.", "He was sure."),
        ("They cannot go.", "They can go."),
        ("They can't go.", "They can go."),
        ("The hall was full.", "The hall was not full."),
        ("Did they go?", "Did not they go?"),
    ],
)
def test_negate(claim, expected):
    [(replacement, after), *_] = edits(synthetic.negate, claim, context_of(""))
    assert replacement.kind == "negation"
    assert after == expected


def test_negate_inserts_behind_any_auxiliary():
    claim = "She was there and could see."
    found = {after for _, after in edits(synthetic.negate, claim, context_of(""))}
    assert found == {"She was not there and could see.", "She was there and could not see."}


@pytest.mark.parametrize(
    ("edit", "kind", "table", "claim"),
    [
        (synthetic.change_word, "antonym", ANTONYMS, "Prices rose before the sale opened."),
        (synthetic.change_word, "antonym", ANTONYMS, "Before then, many won."),
        (synthetic.change_pronoun, "pronoun", PRONOUNS, "He gave them her book."),
    ],
)
def test_table_edits_change_one_word_to_a_partner(edit, kind, table, claim):
    news = set()
    for replacement, after in edits(edit, claim, context_of("")):
        assert replacement.kind == kind
        before, found = claim.split(), after.split()
        changed = [(a, b) for a, b in zip(before, found, strict=True) if a != b]
        [(old, new)] = [(a.strip(".,"), b.strip(".,")) for a, b in changed]
        assert new.lower() in table[old.lower()]
        assert old[0].isupper() == new[0].isupper()
        news.add(old)
    assert len(news) > 1


def test_change_content_keeps_the_ending():
    claim = "Visitors wanted a hall."
    context = context_of(DOCUMENTS[1])
    for replacement, after in edits(synthetic.change_content, claim, context):
        assert replacement.old == "wanted"
        assert replacement.new.endswith("ed")
        assert replacement.new in DOCUMENTS[1]
        assert after == f"Visitors {replacement.new} a hall."


def test_splice_takes_the_end_of_another_sentence():
    claim = "Engineers found many cracks after the storm had ended."
    context = Context((), (), (), (claim, "It began after people left the hall."), ())
    for replacement, after in edits(synthetic.splice, claim, context):
        assert replacement.kind == "splice"
        assert after == "Engineers found many cracks after people left the hall."


# ------------------------------------------------------------ the pairs


def passages(seeds: int):
    """A passage, the place asked about, and its pairs, for many seeds."""
    for seed in range(seeds):
        number = seed % len(DOCUMENTS)
        sentences = re.split(r"(?<=\.) ", DOCUMENTS[number])
        context = describe(sentences, DOCUMENTS[number - 1])
        passage, at = window(sentences, rng(seed).randint(10, 80), rng(seed))
        foreign = re.split(r"(?<=\.) ", DOCUMENTS[number - 1])
        yield passage, at, make_pairs(passage, at, context, foreign, rng(seed))


def test_verbatim_claims_stand_in_their_passage_exactly_where_supported(monkeypatch):
    monkeypatch.setattr(synthetic, "PLAIN_CLAIM_SHARE", 1.0)
    monkeypatch.setattr(synthetic, "reword", lambda claim, rng: claim)
    kinds = Counter()
    for passage, at, pairs in passages(1500):
        if not pairs:
            continue
        (yes_text, yes_claim, yes), (no_text, no_claim, no) = pairs
        assert (yes, no) == (1, 0)
        assert yes_claim in yes_text
        assert no_claim not in no_text
        original = " ".join(passage)
        if no_text == original:
            kinds["edited claim"] += 1
            assert no_claim != passage[at]
        elif no_claim == passage[at] and no_text == " ".join(passage[:at] + passage[at + 1 :]):
            kinds["removed"] += 1
            assert (yes_text, yes_claim) == (original, passage[at])
        elif no_text == "":
            kinds["empty"] += 1
        elif not set(passage) - {passage[at]} & set(re.split(r"(?<=\.) ", no_text)):
            kinds["foreign"] += 1
        else:
            kinds["altered passage"] += 1
            assert no_claim == passage[at]
            assert passage[at] not in no_text
    assert set(kinds) >= {"edited claim", "removed", "empty", "altered passage"}
    assert abs(kinds["edited claim"] - kinds["altered passage"]) < 0.2 * kinds["edited claim"]


@pytest.mark.parametrize(
    ("sentence", "claim", "edit", "edited"),
    [
        (
            "The dam, which was built in 1950, was closed by the state.",
            "The dam was closed by the state.",
            Replacement("negation", "was", "was not"),
            "was not closed",
        ),
        (
            "At 20.5 feet, the river drove about 20 people from the town.",
            "The river drove about 20 people from the town.",
            Replacement("number", "20", "35"),
            "35 people",
        ),
    ],
)
def test_an_edit_changes_the_same_place_of_a_shortened_claim_and_of_its_sentence(
    monkeypatch, sentence, claim, edit, edited
):
    """Else the altered passage is called a support of a claim whose edit it does not hold."""
    monkeypatch.setattr(synthetic, "shorten", lambda text, rng: claim)
    monkeypatch.setattr(synthetic, "reword", lambda text, rng: text)
    monkeypatch.setattr(synthetic, "PLAIN_CLAIM_SHARE", 0.0)
    monkeypatch.setattr(synthetic, "REMOVED_SHARE", 0.0)
    monkeypatch.setattr(synthetic, "pick_edit", lambda text, context, rng: edit)
    nothing = Context((), (), (), (), ())
    for seed in range(40):
        passage = ["It rained all day.", sentence]
        for text, found, label in make_pairs(passage, 1, nothing, ["Other."], rng(seed)):
            if text == " ".join(passage):
                assert label == (edited not in found)
            elif sentence not in text and len(text) > len(sentence):
                assert label == ((edited in text) == (edited in found)), (text, found)


def test_too_short_and_too_long_sentences_make_no_claim():
    nothing = Context((), (), (), (), ())
    for sentence in ("Only four words here.", "word " * 60 + "end."):
        assert make_pairs([sentence], 0, nothing, ["F."], rng(0)) == []


def test_sentence_alone_in_its_passage_cannot_be_removed(monkeypatch):
    monkeypatch.setattr(synthetic, "REMOVED_SHARE", 1.0)
    nothing = Context((), (), (), (), ())
    pairs = [
        make_pairs(["Five words are enough here."], 0, nothing, ["F."], rng(s)) for s in range(50)
    ]
    assert all(found == [] or found[1][0] in ("", "F.") for found in pairs)


@given(
    st.lists(st.integers(1, 12), min_size=1, max_size=12), st.integers(1, 80), st.integers(0, 10**6)
)
def test_window(lengths, size, seed):
    sentences = [" ".join([f"s{i}"] * n) for i, n in enumerate(lengths)]
    passage, at = window(sentences, size, rng(seed))
    first = sentences.index(passage[0])
    assert passage == sentences[first : first + len(passage)]
    assert 0 <= at < len(passage)
    counts = [len(sentence.split()) for sentence in passage]
    assert sum(counts) >= size or passage == sentences
    # Without the sentence added last, which is at one of the ends, it was too small.
    ends = [counts[0]] * (at > 0) + [counts[-1]] * (at < len(passage) - 1)
    assert not ends or sum(counts) - max(ends) < size


# ------------------------------------------------------------ shortening, rewording

SENTENCES = [s for d in DOCUMENTS for s in re.split(r"(?<=\.) ", d)] + [
    'However, the mayor (a lawyer) said "the bridge, which is old, will go", he added on Monday.',
    "According to the report, sales were really low in June, and nobody [sic] knew why.",
    "But it was, by and large, quickly repaired in order to reopen before winter",
    "\u201cWe left early,\u201d she told reporters in Leeds after the storm.",
]


@pytest.mark.parametrize("sentence", SENTENCES)
def test_shorten_only_deletes_words(sentence):
    results = {shorten(sentence, rng(seed)) for seed in range(60)}
    for short in results:
        assert len(short.split()) >= 5
        assert short[0] == short[0].upper()
        assert short[-1] in ".!?\"'"
        rest = iter(words_of(sentence))
        assert all(word in rest for word in words_of(short)), short
        assert len(short) <= len(sentence) + 1


def test_shorten_does_shorten():
    results = {s: min(len(shorten(s, rng(i))) for i in range(60)) for s in SENTENCES[-4:]}
    assert all(least < len(sentence) for sentence, least in results.items())


def test_shorten_leaves_what_has_nothing_to_leave_out():
    assert {shorten("The bridge stands where it stood.", rng(s)) for s in range(30)} == {
        "The bridge stands where it stood."
    }


def test_reword_swaps_words_for_synonyms_only():
    claim = "She said the film began, but police killed nobody."
    seen = set()
    for seed in range(100):
        found = reword(claim, rng(seed))
        before, after = claim.split(), found.split()
        changed = [(a, b) for a, b in zip(before, after, strict=True) if a != b]
        assert len(changed) <= 2
        for a, b in changed:
            assert b.strip(",.") in SYNONYMS[a.strip(",.")]
        seen.add(len(changed))
    assert seen == {0, 1, 2}


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
    assert examples == made(1)
    assert examples != made(2)


def test_synthesise_passes_over_short_documents_and_stops_when_used_up():
    short = "One sentence only stands here. And this is a second."
    assert synthesise([short], name="n", pairs=10, words=(5, 20), rng=rng(0)) == []
    few = synthesise([short, DOCUMENTS[0]], name="n", pairs=10_000, words=(20, 40), rng=rng(0))
    assert 0 < len(few) <= 2 * 2 * 40
    assert not any("One sentence only" in e.text_a + e.text_b for e in few)


def test_no_unsupported_claim_stands_in_its_passage():
    """A foreign passage must come from another document than the claim."""
    examples = synthesise(DOCUMENTS, name="n", pairs=240, words=(20, 200), rng=rng(3))
    examples += synthesise(DOCUMENTS[:1], name="n", pairs=80, words=(20, 200), rng=rng(4))
    assert [e for e in examples if e.label == 0 and e.text_b in e.text_a] == []


def test_claims_alone_do_not_tell_the_label():
    from sklearn.feature_extraction.text import CountVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.metrics import roc_auc_score

    train, test = (
        synthesise(documents, name="n", pairs=3000, words=(20, 60), rng=rng(5))
        for documents in (generated(160)[:80], generated(160)[80:])
    )
    labels = [np.array([e.label for e in part]) for part in (train, test)]
    claims = [[e.text_b for e in part] for part in (train, test)]
    assert len(test) >= 2000
    words = CountVectorizer(ngram_range=(1, 2), min_df=2)
    model = LogisticRegression(C=0.1, max_iter=300)
    model.fit(words.fit_transform(claims[0]), labels[0])
    auc = roc_auc_score(labels[1], model.predict_proba(words.transform(claims[1]))[:, 1])
    assert abs(auc - 0.5) < 0.06


# ------------------------------------------------------------ the word lists


@pytest.mark.parametrize("table", [ANTONYMS, SYNONYMS], ids=["antonyms", "synonyms"])
def test_table_is_symmetric_and_no_word_is_its_own_partner(table):
    for word, partners in table.items():
        assert word not in partners
        assert len(partners) > 0
        assert all(word in table[partner] for partner in partners)


def test_no_partner_is_both_synonym_and_antonym():
    both = {w: set(ANTONYMS[w]) & set(SYNONYMS[w]) for w in ANTONYMS.keys() & SYNONYMS.keys()}
    assert not {word: found for word, found in both.items() if found}


def test_pronouns_and_dates_never_become_themselves():
    assert all(word not in partners for word, partners in PRONOUNS.items())
    assert all(word in group for word, group in WEEKDAYS_AND_MONTHS.items())
    assert {len(group) for group in WEEKDAYS_AND_MONTHS.values()} == {7, 12}
    assert len(set(NUMBER_WORDS)) == len(NUMBER_WORDS)
    assert all(word.islower() for word in AUXILIARIES)
