"""Casts: each family's rows by hand, the shared files' pairs made again, what wrong answers are."""

import gzip
import json
import math
import random
import re
import string
from collections import Counter
from pathlib import Path

import pytest

from alignscore_metric import InputError
from alignscore_metric.training.casts import (
    DOCUMENT_FAMILIES,
    FAMILIES,
    CastRow,
    Question,
    answer_kind,
    augment,
    cast,
    coreference,
    document_nli,
    extractive_qa,
    fact_verification,
    judged_answer,
    multi_hop_qa,
    multiple_choice,
    nli,
    normalised,
    paraphrase,
    question_pairs,
    retrieval,
    similarity,
    spans,
    story_qa,
    summarised_document,
    wrong_answer,
    yes_no_qa,
)
from alignscore_metric.training.data import AlignmentExample


def rng(seed: object = 0) -> random.Random:
    return random.Random(seed)  # noqa: S311  # draws data, not secrets


def row(**values: object) -> CastRow:
    return CastRow("toy", 7, values)


def pair(label: object) -> CastRow:
    return row(text_a="It rained.", text_b="It was wet.", label=label)


def said(examples: list[AlignmentExample]) -> list[tuple[str, float]]:
    return [(example.text_b, example.label) for example in examples]


# ------------------------------------------------------------------------------------------- pairs


@pytest.mark.parametrize(
    ("label", "expected"),
    [(0, 0), (1, 1), (2, 2), (-1, 1), ("entailment", 0), ("contradiction", 2), ("n", 1), (2.0, 2)],
)
def test_inference_labels(label: object, expected: int) -> None:
    """HuggingFace's order; a pair without an agreed label counts as neutral."""
    assert nli(pair(label)) == [
        AlignmentExample("toy", "It rained.", "It was wet.", "tri", expected)
    ]


@pytest.mark.parametrize(
    ("label", "expected"),
    [("SUPPORTS", 0), ("REFUTES", 2), ("NOT ENOUGH INFO", 1), (0, 0), (2, 2), (-1, 1)],
)
def test_fact_labels(label: object, expected: int) -> None:
    (example,) = fact_verification(pair(label))
    assert (example.head, example.label) == ("tri", expected)


def test_binary_labels() -> None:
    assert [e.label for v in (0, 1, True) for e in paraphrase(pair(v))] == [0, 1, 1]
    assert [document_nli(pair(v))[0].label for v in ("entailment", "not_entailment")] == [1, 0]
    assert document_nli(pair("entailment"))[0].head == "bin"


def test_ratings_are_divided_by_five() -> None:
    """SICK's run from 1 to 5, STS-B's from 0 to 5."""
    made = [similarity(pair(value))[0] for value in (0, 1.0, 3.8, 5)]
    assert [example.label for example in made] == pytest.approx([0, 0.2, 0.76, 1])
    assert {example.head for example in made} == {"reg"}


@pytest.mark.parametrize(
    ("family", "label"),
    [
        ("nli", 3),
        ("nli", None),
        ("nli", "maybe"),
        ("nli", 0.5),
        ("fact_verification", "DISPUTED"),
        ("paraphrase", -1),
        ("document_nli", 1),  # whose classes may be in either order
        ("similarity", 5.5),
        ("similarity", -1),
        ("similarity", None),
        ("similarity", math.nan),
        ("similarity", True),
    ],
)
def test_unknown_labels_name_dataset_row_and_label(family: str, label: object) -> None:
    with pytest.raises(InputError, match=rf"toy, row 7: .*{re.escape(repr(label))}"):
        cast(family, pair(label), rng())


def test_missing_columns_and_wrong_types_are_named() -> None:
    with pytest.raises(InputError, match=r"toy, row 7: no column 'text_b'; its columns: text_a"):
        nli(row(text_a="a", label=0))
    with pytest.raises(InputError, match=r"toy, row 7: text_a must be a text, not 3"):
        nli(row(text_a=3, text_b="b", label=0))
    with pytest.raises(InputError, match=r"toy, row 7: no column 'premise'"):
        nli(CastRow("toy", 7, {"label": 0}, {"text_a": "premise"}))


def test_columns_are_renamed_and_joined() -> None:
    values = {"situation": "It rains. ", "background": " Rain is wet.", "q": "What?", "a": ["rain"]}
    columns = {"context": ("situation", "background"), "question": "q", "answers": "a"}
    made = extractive_qa(CastRow("ropes", 1, values, columns), rng(), paired=False)
    assert [(e.text_a, e.text_b) for e in made] == [("It rains. Rain is wet.", "What? rain")]


def test_pairs_without_a_text_are_passed_over() -> None:
    for text in (None, "", "  "):
        assert cast("paraphrase", row(text_a="a", text_b=text, label=1), rng()) == []


def test_bytes_as_texts_are_decoded() -> None:
    values = {"text_a": "b'caf\\xc3\\xa9'", "text_b": 'b"it\'s"', "label": "1"}
    (example,) = paraphrase(row(**values))
    assert (example.text_a, example.text_b) == ("café", "it's")
    (plain,) = paraphrase(row(text_a="b'", text_b="b", label=0))
    assert (plain.text_a, plain.text_b) == ("b'", "b")


# --------------------------------------------------------------------------------------- questions

CONTEXT = (
    "In 1853 the Qing lost Nanjing to the Taiping. In 1864 Zeng Guofan took the city back with "
    "120,000 men. The court in Peking paid 3,000 soldiers from the salt tax."
)


def test_squad_has_positives_for_answerable_and_negatives_for_unanswerable_questions() -> None:
    values = {"context": CONTEXT, "question": " When did it fall? "}
    yes = row(**values, answers={"text": ["1853", "in 1853"], "answer_start": [3, 0]})
    no = row(**values, answers={"text": [], "answer_start": []})
    made = cast("unanswerable_qa", yes, rng())
    assert made == [AlignmentExample("toy", CONTEXT, "When did it fall? 1853", "bin", 1)]
    (wrong,) = cast("unanswerable_qa", no, rng())
    assert (wrong.label, wrong.kind) == (0, "answer:date")
    assert wrong.text_b in ("When did it fall? 1853", "When did it fall? 1864")


@pytest.mark.parametrize(
    "answers",
    [
        {"text": ["1853"], "answer_start": [3]},
        {"spans": ["1853"], "types": ["number"]},
        ["1853"],
        "1853",
    ],
)
def test_other_question_sets_have_one_of_each(answers: object) -> None:
    values = {"context": CONTEXT, "question": "When did Nanjing fall?", "answers": answers}
    made = cast("extractive_qa", row(**values), rng())
    assert said(made) == [("When did Nanjing fall? 1853", 1), ("When did Nanjing fall? 1864", 0)]
    assert [e.kind for e in made] == ["", "answer:date"]


def test_answers_of_another_form_are_an_error() -> None:
    for answers in (3, {"start": [1]}, [1], None):
        with pytest.raises(InputError, match="toy, row 7: answers must hold texts"):
            cast("extractive_qa", row(context="c", question="q", answers=answers), rng())


HOTPOT = {
    "question": "Are both rivers in Asia?",
    "answer": "yes",
    "supporting_facts": {"title": ["Ob", "Lena", "Ob"], "sent_id": [0, 0, 1]},
    "context": {
        "title": ["Ob", "Po", "Lena", "Ems"],
        "sentences": [["Ob is in", " Asia."], ["Po."], ["Lena is too."], ["Ems."]],
    },
}


def test_hotpot_has_its_gold_paragraphs_and_one_other() -> None:
    shown, orders = Counter[str](), set()
    for seed in range(200):
        made = multi_hop_qa(row(**HOTPOT), rng(seed))
        question = "Are both rivers in Asia?"
        assert said(made) == [(f"{question} yes", 1), (f"{question} no", 0)]
        paragraphs = made[0].text_a.split("\n")
        assert len(paragraphs) == 3
        assert {"Ob is in Asia.", "Lena is too."} < set(paragraphs)
        shown.update({"Po.", "Ems."} & set(paragraphs))
        orders.add(tuple(p[0] for p in paragraphs))
    assert min(shown.values()) > 70
    assert len(orders) == 12  # 3! orders with either of the two others


def test_hotpot_with_four_gold_paragraphs_has_no_other() -> None:
    titles = HOTPOT["context"]["title"]
    full = HOTPOT | {"supporting_facts": [{"title": title} for title in titles]}
    assert len(multi_hop_qa(row(**full), rng())[0].text_a.split("\n")) == 4


def story(**question: object) -> CastRow:
    asked = {"q": "Where?", "consensus": {"s": 0, "e": 5}, "isQuestionBad": 0.0} | question
    return row(text="Paris burned in 1871 near Lyon.", type="train", questions=[asked])


def test_stories_of_newsqa() -> None:
    assert said(story_qa(story(), rng()))[0] == ("Where? Paris", 1)
    unanswered = story_qa(story(consensus={"noAnswer": True, "s": None, "e": None}), rng())
    assert [e.label for e in unanswered] == [0]
    assert story_qa(story(isQuestionBad=0.25), rng()) == []
    assert len(story_qa(story(isQuestionBad=0.2), rng())) == 2
    assert story_qa(story(consensus={"badQuestion": True}), rng()) == []
    test = story()
    assert story_qa(CastRow("newsqa", 1, {**test.values, "type": "test"}), rng()) == []


def test_yes_and_no() -> None:
    made = yes_no_qa(row(context="c", question="is it", answer=False))
    assert said(made) == [("is it? No.", 1), ("is it? Yes.", 0)]
    facts = yes_no_qa(row(facts=["One.", "Two."], question="Is it so?", answer=True))
    assert (facts[0].text_a, said(facts)[0]) == ("One. Two.", ("Is it so? Yes.", 1))
    with pytest.raises(InputError, match=r"toy, row 7: answer is 'perhaps'"):
        yes_no_qa(row(context="c", question="q", answer="perhaps"))


def test_choices() -> None:
    options = ["likes shops", "hates queues.", "naps"]
    made = multiple_choice(row(context="c", question="He _ .", options=options, answer="B"))
    assert said(made) == [("He likes shops.", 0), ("He hates queues.", 1), ("He naps.", 0)]
    asked = multiple_choice(row(context="c", question="Why?", options=options, answer=2))
    assert said(asked)[2] == ("Why? naps", 1)
    two = row(context="c", question="_ eat _ .", options=["cats; mice", "dogs"], answer="A")
    assert said(multiple_choice(two)) == [("cats eat mice.", 1), ("_ eat _ . dogs", 0)]
    sciq = row(context="c", question="What?", wrong=["a", "b", "c"], right="d")
    assert said(multiple_choice(sciq))[-1] == ("What? d", 1)
    assert [label for _, label in said(multiple_choice(sciq))] == [0, 0, 0, 1]
    for answer in ("E", 3, -1, None, "1"):
        with pytest.raises(InputError, match=r"toy, row 7: answer is .* 3 options"):
            multiple_choice(row(context="c", question="q", options=options, answer=answer))


def test_judged_answers() -> None:
    eraser = row(context="c", query_and_answer="Who sang ? || Ann", label=1)
    assert said(judged_answer(eraser)) == [("Who sang ? Ann", 1)]
    superglue = row(context="c", question="Who sang?", answer="Bob", label=0)
    assert said(judged_answer(superglue)) == [("Who sang? Bob", 0)]


# ----------------------------------------------------------------------------------- wrong answers


def official_normalisation(text: str) -> str:
    """As in SQuAD's evaluation script: lower, no punctuation, no articles, single blanks."""
    text = "".join(sign for sign in text.lower() if sign not in set(string.punctuation))
    return " ".join(re.sub(r"\b(?:a|an|the)\b", " ", text).split())


def test_normalisation_is_squads_but_for_number_words() -> None:
    for text in ("The  Big-Apple, N.Y.!", "an  Example", "4,000 m", "A.D. 70"):
        assert normalised(text) == official_normalisation(text)
    found = [normalised(word) for word in ("three", "Twenty", "thirty", "ninety")]
    assert found == ["3", "20", "30", "90"]


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        ("1853", "date"),
        ("in 1853", "date"),
        ("May 2, 1905", "date"),
        ("the 14th century", "date"),
        ("3,000 soldiers", "number"),
        ("$5 million", "number"),
        ("over 100", "number"),
        ("Zeng Guofan", "name"),
        ("the Bank of England", "name"),
        ("gay rights", "phrase"),
        ("a large Roman army camp of stone", "phrase"),
    ],
)
def test_kinds_of_answers(answer: str, kind: str) -> None:
    assert answer_kind(answer) == kind


def test_spans_of_a_text() -> None:
    found = {kind: [s.text for s in spans(CONTEXT) if s.kind == kind] for kind in ("date", "name")}
    assert found["date"] == ["1853", "1864"]
    assert found["name"] == ["Qing", "Nanjing", "Taiping", "Zeng Guofan", "Peking"]
    assert [s.text for s in spans(CONTEXT) if s.kind == "number"] == ["120,000", "3,000"]


def test_wrong_answers_are_of_the_answers_kind_and_no_answer() -> None:
    def drawn(question: str, *answers: str) -> set[str]:
        asked = Question(CONTEXT, question, answers)
        return {found.text for s in range(40) if (found := wrong_answer(asked, rng(s)))}

    assert drawn("How many men did he have?", "120,000 men") == {"3,000"}
    assert drawn("Who took it back?", "Zeng Guofan") <= {"Qing", "Nanjing", "Taiping", "Peking"}
    assert "Qing" not in drawn("Who took the city from the Qing?", "Zeng")  # the question has it
    assert not drawn("Who?", "Guofan") & {"Zeng Guofan"}
    assert drawn("Was it the Qing or the Taiping?", "Qing") & {"Taiping"}  # a choice of two
    assert drawn("Did they?", "No.") == {"yes"}


def test_answers_to_other_questions_come_first() -> None:
    others = ("the Taiping", "1864", "Zeng Guofan", "salt tax")
    for seed in range(20):
        asked = Question(CONTEXT, "Who took it back?", ("Zeng Guofan",), others)
        found = wrong_answer(asked, rng(seed))
        assert found is not None
        assert found.text == "the Taiping"
    dates = Question(CONTEXT, "In which year was that?", (), ("the Taiping", "1864"))
    assert {wrong_answer(dates, rng(seed)).text for seed in range(20)} == {"1864"}
    lone = Question(CONTEXT, "When did it fall?", ("1853",), ("Zeng Guofan",))
    assert wrong_answer(lone, rng()).text == "1864"  # a span: no other answer is a date
    values = {"context": CONTEXT, "question": "What paid?", "answers": ["the salt tax"]}
    made = extractive_qa(row(**values, other_answers=["court gold", "salt"]), rng())
    assert said(made)[1] == ("What paid? court gold", 0)


def test_a_story_knows_the_answers_to_its_other_questions() -> None:
    asked = [
        {"q": "What burned?", "consensus": {"s": 0, "e": 5}},
        {"q": "Near what?", "consensus": {"s": 24, "e": 28}},
    ]
    text = "Paris burned in 1871, near Lyon, when Rome and Oslo slept."
    asked[1]["consensus"] = {"s": text.index("Lyon"), "e": text.index("Lyon") + 4}
    made = story_qa(row(text=text, type="train", questions=asked), rng())
    assert said(made) == [
        ("What burned? Paris", 1),
        ("What burned? Lyon", 0),
        ("Near what? Lyon", 1),
        ("Near what? Paris", 0),
    ]


def test_a_context_without_spans_gives_no_wrong_answer() -> None:
    asked = Question("it rained and it rained.", "What did it do?", ("rained",))
    assert wrong_answer(asked, rng()) is None
    assert said(question_pairs("toy", asked, rng())) == [("What did it do? rained", 1)]


@pytest.mark.parametrize("name", ["squad", "quoref", "hotpot_qa"])
def test_wrong_answers_of_real_questions(shared: Path, name: str) -> None:
    """A part of the context that, once normalised, neither is nor holds a right answer."""
    rows = read_shared(shared, name)
    asked = [(r["text_a"], *r["text_b"].split("? ", 1)) for r in rows if "? " in r["text_b"]]
    right = [found for found, r in zip(asked, rows, strict=False) if r["label"] == 1][:500]
    draw, made = rng(), 0
    for context, question, answer in right:
        found = wrong_answer(Question(context, f"{question}?", (answer,)), draw)
        if found is None or found.kind == "yes_no":
            continue
        made += 1
        wrong, gold = official_normalisation(found.text), official_normalisation(answer)
        assert found.text in context
        assert gold
        assert wrong != gold
        assert f" {gold} " not in f" {wrong} "
        assert f" {wrong} " not in f" {gold} "
    assert made > 0.9 * len(right)


# ------------------------------------------------------------------------- the other families

GAP = {
    "Text": "Ann met Eve before she left.",
    "Pronoun": "she",
    "Pronoun-offset": 19,
    "A": "Ann",
    "A-coref": "FALSE",
    "B": "Eve",
    "B-coref": "TRUE",
}


def test_gap_replaces_the_pronoun_by_each_name() -> None:
    made = coreference(row(**GAP))
    assert {e.text_a for e in made} == {GAP["Text"]}
    assert said(made) == [
        ("Ann met Eve before Ann left.", 0),
        ("Ann met Eve before Eve left.", 1),
    ]
    assert [e.label for e in coreference(row(**GAP | {"B-coref": False}))] == [0, 0]


def test_gap_rows_that_cannot_be_right_are_errors() -> None:
    with pytest.raises(InputError, match=r"toy, row 7: Pronoun-offset is 18"):
        coreference(row(**GAP | {"Pronoun-offset": 18}))
    with pytest.raises(InputError, match=r"row 7: A-coref and B-coref are both true"):
        coreference(row(**GAP | {"A-coref": True}))
    with pytest.raises(InputError, match=r"row 7: A-coref is 'maybe'"):
        coreference(row(**GAP | {"A-coref": "maybe"}))


@pytest.mark.parametrize(
    "passages",
    [
        {"is_selected": [0, 1], "passage_text": ["One.", "Two."], "url": ["u", "v"]},
        [
            {"is_selected": 0, "passage_text": "One.", "url": "u"},
            {"is_selected": 1, "passage_text": "Two.", "url": "v"},
        ],
    ],
)
def test_retrieval(passages: object) -> None:
    made = retrieval(row(query="what is two", passages=passages))
    assert [(e.text_a, e.text_b, e.label) for e in made] == [
        ("One.", "what is two", 0),
        ("Two.", "what is two", 1),
    ]


def test_queries_without_a_selected_passage_are_left_out() -> None:
    passages = {"is_selected": [0, 0], "passage_text": ["One.", "Two."]}
    assert retrieval(row(query="q", passages=passages)) == []
    for broken in ({"is_selected": [0]}, [{"is_selected": 0}], 3, None):
        with pytest.raises(InputError, match="row 7: passages must hold records of is_selected"):
            retrieval(row(query="q", passages=broken))


def test_documents_lose_their_marks() -> None:
    text = " The 24 @-@ year old ran 1 @,@ 500 m ( flat ) , didn 't stop ; Ann 's best . \n"
    assert summarised_document(row(text=text)) == (
        "The 24-year old ran 1,500 m (flat), didn 't stop; Ann's best.",
        "",
    )
    assert summarised_document(row(text=" = = History = = \n")) == ("", "")
    assert summarised_document(row(text=None)) == ("", "")
    summary = "Wash it.,\nDry it.,\n"
    assert summarised_document(row(text="t", summary=summary)) == ("t", "Wash it. Dry it.,")


def test_every_family_has_a_cast() -> None:
    assert len(FAMILIES) == 14
    assert not DOCUMENT_FAMILIES & set(FAMILIES)


# ------------------------------------------------------------------ the pairs of the shared files


def read_shared(shared: Path, name: str) -> list[dict]:
    with gzip.open(shared / "train" / f"{name}.jsonl.gz", "rt", encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def test_gap_as_it_was_converted_elsewhere(shared: Path) -> None:
    """Rows as published are made from the pairs at hand, and cast into the same pairs."""
    pronoun = re.compile(r"\b(?:he|she|his|her|him|hers)\b", re.IGNORECASE)
    rows, tested = read_shared(shared, "gap"), 0
    for first, second in zip(rows[::2], rows[1::2], strict=True):
        text = first["text_a"]
        for found in pronoun.finditer(text):
            head, tail = text[: found.start()], text[found.end() :]
            claims = [first["text_b"], second["text_b"]]
            if all(c.startswith(head) and c.endswith(tail) for c in claims):
                names = [c[len(head) : len(c) - len(tail)] for c in claims]
                values = {"Text": text, "Pronoun": found.group(), "Pronoun-offset": found.start()}
                for letter, name, source in zip("AB", names, (first, second), strict=True):
                    values |= {letter: name, f"{letter}-coref": bool(source["label"])}
                made = coreference(row(**values))
                assert said(made) == [(r["text_b"], r["label"]) for r in (first, second)]
                tested += 1
                break
    assert tested > 1900


def test_boolq_as_it_was_converted_elsewhere(shared: Path) -> None:
    rows = read_shared(shared, "boolq")
    for first, second in zip(rows[::2], rows[1::2], strict=True):
        question = first["text_b"].removesuffix(" Yes.").removesuffix(" No.")
        answer = (first["label"] == 1) == first["text_b"].endswith("Yes.")
        made = yes_no_qa(row(context=first["text_a"], question=question[:-1], answer=answer))
        expected = {(r["text_a"].strip(), r["text_b"], r["label"]) for r in (first, second)}
        assert {(e.text_a, e.text_b, e.label) for e in made} == expected


# ------------------------------------------------------------------------------------ augmentation


def many(head: str, label: float, dataset: str = "toy", count: int = 20_000) -> list:
    return [AlignmentExample(dataset, f"a{i}", f"b{i}", head, label) for i in range(count)]


def shares(before: list, after: list) -> tuple[float, float]:
    """Shares of self-pairs and of swapped pairs; all others must be as they were."""
    assert len(after) == len(before)
    own = swapped = 0
    for old, new in zip(before, after, strict=True):
        if new.text_a == new.text_b == old.text_a:
            own += 1
            assert (new.kind, new.label) == ("self_pair", 0 if new.head == "tri" else 1)
        elif (new.text_a, new.text_b) == (old.text_b, old.text_a):
            swapped += 1
            assert (new.kind, new.label) == ("swapped", old.label)
        else:
            assert new == old
    return own / len(before), swapped / len(before)


@pytest.mark.parametrize(
    ("head", "label", "dataset", "expected"),
    [
        ("tri", 0, "mnli", (0.05, 0)),
        ("tri", 1, "vitaminc", (0.05, 0)),
        ("tri", 2, "snli", (0.05, 0.0475)),
        ("bin", 0, "qqp", (0.05, 0.0475)),
        ("bin", 1, "paws", (0.05, 0.0475)),
        ("bin", 1, "squad_v2", (0, 0)),
        ("bin", 0, "wikitext103", (0, 0)),
        ("reg", 0.4, "stsb", (0, 0)),
    ],
)
def test_augmented_shares(
    head: str, label: float, dataset: str, expected: tuple[float, float]
) -> None:
    """5% become self-pairs, 5% of the rest are swapped: contradictions, and any paraphrase."""
    before = many(head, label, dataset)
    for found, share in zip(shares(before, augment(before, rng(1))), expected, strict=True):
        error = math.sqrt(share * (1 - share) / len(before))
        assert abs(found - share) <= 4 * error


def test_augmentation_draws_anew_and_takes_other_names() -> None:
    before = many("bin", 1, "mine", 2000)
    assert augment(before, rng()) == before
    draw = rng(2)
    first = augment(before, draw, paraphrases=["mine"])
    assert first != before
    assert augment(before, draw, paraphrases=["mine"]) != first
    assert augment(before, rng(2), paraphrases=["mine"]) == first
