"""The catalogue: names against the cards, every published layout in small, folders and errors."""

import json
import random
import re
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import datasets
import pytest
import yaml

from alignscore_metric import ConfigurationError, InputError, MissingResourceError
from alignscore_metric.training import catalogue
from alignscore_metric.training.casts import DOCUMENT_FAMILIES, FAMILIES
from alignscore_metric.training.catalogue import (
    ALIGN_28,
    ENTRIES,
    entry_of,
    load_examples,
)
from alignscore_metric.training.data import AlignmentExample

CARDS = Path(__file__).resolve().parents[1] / "data_cards" / "training"


def rng(seed: object = 0) -> random.Random:
    return random.Random(seed)  # noqa: S311  # draws data, not secrets


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What `datasets` keeps of the files goes with the test's folder."""
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")


def triples(examples: list[AlignmentExample]) -> list[tuple[str, str, float]]:
    return [(example.text_a, example.text_b, example.label) for example in examples]


# -------------------------------------------------------------------------------------- the data


@pytest.mark.parametrize(
    ("mixture", "names"), [("align_28", ALIGN_28), ("alignscore_15", ALIGN_28[:15])]
)
def test_names_are_those_of_the_cards(mixture: str, names: tuple[str, ...]) -> None:
    cards = [yaml.safe_load(f.read_text(encoding="utf-8")) for f in CARDS.glob("*.yaml")]
    assert set(names) == {card["name"] for card in cards if mixture in card.get("mixtures", ())}
    assert len(names) == len(set(names)) == int(mixture[-2:])


def test_entries_name_families_columns_and_repositories() -> None:
    for entry in ENTRIES:
        assert entry.family in DOCUMENT_FAMILIES | set(FAMILIES)
        assert entry.cap == 500_000
        assert all(entry.layouts)
        for part in entry.parts:
            known = re.fullmatch(r"[\w.-]+/[\w.-]+", part.hub) or part.file or part.config
            assert known, part


# --------------------------------------------------------------------- each set as it is published

SQUAD_FEATURES = datasets.Features(
    {
        "id": datasets.Value("string"),
        "context": datasets.Value("string"),
        "question": datasets.Value("string"),
        "answers": datasets.Sequence(
            {"text": datasets.Value("string"), "answer_start": datasets.Value("int32")}
        ),
    }
)
CONTEXT = "Ann left Oslo in 1901. Bob came to Rome in 1905."
SQUAD_ROW = {
    "id": "x",
    "context": CONTEXT,
    "question": "When did Ann leave?",
    "answers": {"text": ["1901", "in 1901"], "answer_start": [17, 14]},
}
WHEN = [(CONTEXT, "When did Ann leave? 1901", 1), (CONTEXT, "When did Ann leave? 1905", 0)]
HOTPOT_ROW = {
    "id": "x",
    "question": "Is Ann older?",
    "answer": "no",
    "type": "comparison",
    "supporting_facts": {"title": ["Ann"], "sent_id": [0]},
    "context": {"title": ["Ann"], "sentences": [["Ann is 3.", " Bob is 5."]]},
}
HOTPOT = [
    ("Ann is 3. Bob is 5.", "Is Ann older? no", 1),
    ("Ann is 3. Bob is 5.", "Is Ann older? yes", 0),
]
HOTPOT_FEATURES = datasets.Features(
    {
        "id": datasets.Value("string"),
        "question": datasets.Value("string"),
        "answer": datasets.Value("string"),
        "type": datasets.Value("string"),
        "supporting_facts": datasets.Sequence(
            {"title": datasets.Value("string"), "sent_id": datasets.Value("int32")}
        ),
        "context": datasets.Sequence(
            {
                "title": datasets.Value("string"),
                "sentences": datasets.Sequence(datasets.Value("string")),
            }
        ),
    }
)
STORY = {
    "text": CONTEXT,
    "type": "train",
    "questions": [
        {"q": "When did Ann leave?", "consensus": {"s": 17, "e": 21}, "isQuestionBad": 0.0},
        {"q": "Bad?", "consensus": {"badQuestion": True}, "isQuestionBad": 0.5},
    ],
}
PUBLISHED: dict[str, tuple[list[dict[str, Any]], list[tuple[str, str, float]]]] = {
    "snli": (
        [
            {"premise": "p", "hypothesis": "h", "label": 2},
            {"premise": "q", "hypothesis": "i", "label": -1},
        ],
        [("p", "h", 2), ("q", "i", 1)],
    ),
    "mnli": ([{"premise": "p", "hypothesis": "h", "label": 0, "idx": 0}], [("p", "h", 0)]),
    "anli": (
        [{"uid": "u", "premise": "p", "hypothesis": "h", "label": 1, "reason": ""}],
        [("p", "h", 1)],
    ),
    "doc_nli": (
        [{"premise": "p", "hypothesis": "h", "label": "not_entailment"}],
        [("p", "h", 0)],
    ),
    "fever_nli": (
        [
            {
                "cid": 1,
                "fid": "f",
                "premise": "the claim",
                "hypothesis": "the evidence",
                "verifiable": 2,
                "fever_gold_label": "REFUTES",
                "label": 2,
            }
        ],
        [("the evidence", "the claim", 2)],
    ),
    "vitaminc": (
        [{"case_id": "x", "claim": "c", "evidence": "e", "label": "SUPPORTS", "page": "P"}],
        [("e", "c", 0)],
    ),
    "qqp": ([{"question1": "a?", "question2": "b?", "label": 1, "idx": 0}], [("a?", "b?", 1)]),
    "paws": ([{"id": 1, "sentence1": "a", "sentence2": "b", "label": 0}], [("a", "b", 0)]),
    "sick": (
        [
            {
                "id": "1",
                "sentence_A": "a",
                "sentence_B": "b",
                "label": 1,
                "relatedness_score": 4.5,
                "entailment_AB": "A_neutral_B",
            }
        ],
        [("a", "b", 0.9)],
    ),
    "stsb": ([{"sentence1": "a", "sentence2": "b", "label": 3.8, "idx": 0}], [("a", "b", 0.76)]),
    "squad_v2": (
        [
            SQUAD_ROW,
            SQUAD_ROW | {"answers": {"text": [], "answer_start": []}, "context": "In 1830."},
        ],
        [WHEN[0], ("In 1830.", "When did Ann leave? 1830", 0)],
    ),
    "race": (
        [
            {
                "example_id": "high1.txt",
                "article": "p",
                "answer": "B",
                "question": "We _ .",
                "options": ["ran", "sat"],
            }
        ],
        [("p", "We ran.", 0), ("p", "We sat.", 1)],
    ),
    "msmarco": (
        [
            {
                "answers": ["x"],
                "passages": {"is_selected": [0, 1], "passage_text": ["p", "q"], "url": ["", ""]},
                "query": "what",
                "query_id": 1,
            },
            {
                "answers": [],
                "passages": {"is_selected": [0, 0], "passage_text": ["p", "q"], "url": ["", ""]},
                "query": "which",
                "query_id": 2,
            },
        ],
        [("p", "what", 0), ("q", "what", 1)],
    ),
    "adversarial_qa": ([SQUAD_ROW], WHEN),
    "boolq": (
        [{"question": "is it so", "answer": True, "passage": "p"}],
        [("p", "is it so? Yes.", 1), ("p", "is it so? No.", 0)],
    ),
    "drop": (
        [
            {
                "section_id": "s",
                "query_id": "q",
                "passage": CONTEXT,
                "question": "When did Ann leave?",
                "answers_spans": {"spans": ["1901"], "types": ["span"]},
            }
        ],
        WHEN,
    ),
    "multirc": (
        [{"passage": "p", "query_and_answer": "Who ? || Ann", "label": 1, "evidences": []}],
        [("p", "Who ? Ann", 1)],
    ),
    "hotpot_qa": ([HOTPOT_ROW], HOTPOT),
    "hotpot_qa_fullwiki": ([HOTPOT_ROW], HOTPOT),
    "newsqa": (
        [
            {
                "context": CONTEXT,
                "question": "When did Ann leave?",
                "answers": ["1901"],
                "key": "k",
                "labels": [{"start": [17], "end": [20]}],
            }
        ],
        WHEN,
    ),
    "quail": (
        [
            {
                "context": "p",
                "question": "Who?",
                "answers": ["Ann", "not enough information"],
                "correct_answer_id": 0,
                "domain": "news",
            }
        ],
        [("p", "Who? Ann", 1), ("p", "Who? not enough information", 0)],
    ),
    "quoref": ([SQUAD_ROW | {"title": "t", "url": "u"}], WHEN),
    "ropes": (
        [
            {
                "background": "Bob came to Rome in 1905.",
                "situation": "Ann left Oslo in 1901.",
                "question": "When did Ann leave?",
                "answers": {"text": ["1901"]},
            }
        ],
        WHEN,
    ),
    "sciq": (
        [
            {
                "question": "What?",
                "distractor3": "c",
                "distractor1": "a",
                "distractor2": "b",
                "correct_answer": "d",
                "support": "p",
            },
            {
                "question": "Which?",
                "distractor3": "c",
                "distractor1": "a",
                "distractor2": "b",
                "correct_answer": "d",
                "support": "",
            },
        ],
        [("p", "What? a", 0), ("p", "What? b", 0), ("p", "What? c", 0), ("p", "What? d", 1)],
    ),
    "strategy_qa": (
        [{"qid": "q", "question": "Is it so?", "answer": False, "facts": ["One.", "Two."]}],
        [("One. Two.", "Is it so? No.", 1), ("One. Two.", "Is it so? Yes.", 0)],
    ),
    "gap": (
        [
            {
                "ID": "development-1",
                "Text": "Ann met Eve before she left.",
                "Pronoun": "she",
                "Pronoun-offset": 19,
                "A": "Ann",
                "A-offset": 0,
                "A-coref": False,
                "B": "Eve",
                "B-offset": 8,
                "B-coref": True,
                "URL": "u",
            }
        ],
        [
            ("Ann met Eve before she left.", "Ann met Eve before Ann left.", 0),
            ("Ann met Eve before she left.", "Ann met Eve before Eve left.", 1),
        ],
    ),
}
FEATURES = {"squad_v2": SQUAD_FEATURES, "adversarial_qa": SQUAD_FEATURES} | dict.fromkeys(
    ["hotpot_qa", "hotpot_qa_fullwiki"], HOTPOT_FEATURES
)


def table(name: str) -> datasets.Dataset:
    return datasets.Dataset.from_list(PUBLISHED[name][0], features=FEATURES.get(name))


def save_disk(name: str, folder: Path) -> None:
    table(name).save_to_disk(str(folder))


def save_splits(name: str, folder: Path) -> None:
    split = entry_of(name).parts[0].split
    other = table(name).select([0])
    datasets.DatasetDict({"validation": other, split: table(name)}).save_to_disk(str(folder))


def save_parquet(name: str, folder: Path) -> None:
    folder.mkdir()
    table(name).to_parquet(str(folder / "train-00000-of-00001.parquet"))


def save_jsonl(name: str, folder: Path) -> None:
    folder.mkdir()
    lines = [json.dumps(row) for row in PUBLISHED[name][0]]
    (folder / "train.jsonl").write_text("\n".join(lines), encoding="utf-8")


SAVED = [(name, save_disk) for name in PUBLISHED] + [
    (name, save)
    for name in ("snli", "squad_v2", "hotpot_qa", "msmarco", "sciq")
    for save in (save_splits, save_parquet, save_jsonl)
]


@pytest.mark.parametrize(("name", "save"), SAVED)
def test_published_layouts(name: str, save: Callable[[str, Path], None], tmp_path: Path) -> None:
    """Rows as the Hub's repositories have them, in each kind of folder."""
    save(name, tmp_path / name)
    made = load_examples(name, folder=tmp_path / name, rng=rng())
    expected = PUBLISHED[name][1]
    assert [t[:2] for t in triples(made)] == [t[:2] for t in expected]
    assert [e.label for e in made] == pytest.approx([label for *_, label in expected])
    assert {e.dataset for e in made} == {name}
    tri = {"snli", "mnli", "anli", "fever_nli", "vitaminc"}
    head = "tri" if name in tri else "reg" if name in ("sick", "stsb") else "bin"
    assert {e.head for e in made} == {head}


def test_all_sets_are_tested() -> None:
    assert set(PUBLISHED) | {"wikitext103", "wikihow"} == set(ALIGN_28)


OTHER_FORMS = {
    "the authors' FEVER-NLI": (
        "fever_nli",
        {"cid": 1, "context": "e", "query": "c", "label": "NOT ENOUGH INFO"},
        [("e", "c", 1)],
    ),
    "MTEB's STS-B": ("stsb", {"sentence1": "a", "sentence2": "b", "score": 5.0}, [("a", "b", 1)]),
    "SuperGLUE's MultiRC": (
        "multirc",
        {"paragraph": "p", "question": "Who?", "answer": "Ann", "label": 0, "idx": {"answer": 0}},
        [("p", "Who? Ann", 0)],
    ),
    "SuperGLUE's BoolQ": (
        "boolq",
        {"passage": "p", "question": "is it", "idx": 0, "label": 0},
        [("p", "is it? No.", 1), ("p", "is it? Yes.", 0)],
    ),
    "the authors' NewsQA": ("newsqa", STORY, WHEN),
}


@pytest.mark.parametrize("form", OTHER_FORMS)
def test_other_forms_of_the_same_sets(form: str, tmp_path: Path) -> None:
    name, row, expected = OTHER_FORMS[form]
    (tmp_path / "rows.jsonl").write_text(json.dumps(row), encoding="utf-8")
    assert triples(load_examples(name, folder=tmp_path, rng=rng())) == expected


def test_the_authors_gap_file(tmp_path: Path) -> None:
    """A tab-separated file beside the other splits, with TRUE and FALSE, and quotes inside."""
    (row,) = PUBLISHED["gap"][0]
    values = [
        str(value).replace("True", "TRUE").replace("False", "FALSE") for value in row.values()
    ]
    values[1] = values[1].replace("Ann", "``A'' \"n\"", 1)
    values[3] = str(values[1].index("she"))
    head = "\t".join(row)
    (tmp_path / "gap-development.tsv").write_text(f"{head}\n" + "\t".join(values), encoding="utf-8")
    (tmp_path / "gap-test.tsv").write_text(f"{head}\n", encoding="utf-8")
    (tmp_path / "gap-validation.tsv").write_text(f"{head}\n", encoding="utf-8")
    made = load_examples("gap", folder=tmp_path, rng=rng())
    assert [(e.text_b, e.label) for e in made] == [
        ("``A'' \"n\" met Eve before Ann left.", 0),
        ("``A'' \"n\" met Eve before Eve left.", 1),
    ]


def test_the_rounds_of_anli(tmp_path: Path) -> None:
    rounds = {
        f"train_r{n}": datasets.Dataset.from_list(
            [{"premise": f"{n}", "hypothesis": "h", "label": 0}]
        )
        for n in (1, 2, 3)
    }
    rounds["dev_r1"] = rounds["train_r1"]
    datasets.DatasetDict(rounds).save_to_disk(str(tmp_path / "anli"))
    made = load_examples("anli", folder=tmp_path / "anli", rng=rng())
    assert [e.text_a for e in made] == ["1", "2", "3"]


def test_the_parts_of_paws_lie_in_sub_folders(tmp_path: Path) -> None:
    save_parquet("paws", tmp_path / "labeled_final")
    (tmp_path / "paws_qqp").mkdir()
    text = "id\tsentence1\tsentence2\tlabel\n1\tb'What\\xe2\\x80\\x99s up?'\tb'Up?'\t1\n"
    (tmp_path / "paws_qqp" / "train.tsv").write_text(text, encoding="utf-8")
    made = load_examples("paws", folder=tmp_path, rng=rng())
    assert triples(made) == [("a", "b", 0), ("What\N{RIGHT SINGLE QUOTATION MARK}s up?", "Up?", 1)]


# ------------------------------------------------------------------------------- sets of documents

ARTICLE = (
    "The council closed the Carrow bridge on Monday after engineers found 14 cracks. "
    "Mayor Helen Ortiz said that the repairs would cost $2,400 and take until March. "
    "Drivers were told to use the northern road, which was opened in 1987. "
    "In the afternoon critics of Helen Ortiz met Tom Lindqvist in the town hall. "
    "About 650 people visited the museum on Saturday, according to Peter Voss. "
)


@pytest.mark.parametrize("column", ["summary", "headline"])
def test_wikihow_makes_a_pair_of_each_article(tmp_path: Path, column: str) -> None:
    rows = [
        {
            "title": f"{i}",
            "text": ARTICLE.replace("14", str(14 + i)),
            column: "Close the old bridge.",
        }
        for i in range(40)
    ]
    datasets.Dataset.from_list(rows).save_to_disk(str(tmp_path / "wikihow"))
    made = load_examples("wikihow", folder=tmp_path / "wikihow", rng=rng())
    assert len(made) == 40
    assert {e.head for e in made} == {"bin"}
    assert sum(e.label for e in made) == 20
    assert len(load_examples("wikihow", folder=tmp_path / "wikihow", limit=6, rng=rng())) == 6


def test_wikitext_makes_two_pairs_of_each_paragraph(tmp_path: Path) -> None:
    lines = [{"text": ""}, {"text": " = Carrow = \n"}]
    lines += [
        {"text": f" {ARTICLE.replace('14', str(14 + i)).replace(',', ' @,@ ')}\n"}
        for i in range(20)
    ]
    datasets.Dataset.from_list(lines).save_to_disk(str(tmp_path / "wiki"))
    made = load_examples("wikitext103", folder=tmp_path / "wiki", rng=rng())
    assert len(made) == 40
    assert sum(e.label for e in made) == 20
    assert not any("@" in e.text_a + e.text_b or "= Carrow" in e.text_a for e in made)


# ------------------------------------------------------------------------------- how much, and how


@pytest.fixture
def numbered(tmp_path: Path) -> Path:
    """A folder of 2,500 numbered pairs."""
    rows = [{"sentence1": f"{i}", "sentence2": "b", "label": i % 2} for i in range(2500)]
    datasets.Dataset.from_list(rows).save_to_disk(str(tmp_path / "paws"))
    return tmp_path / "paws"


def test_all_rows_in_order_up_to_the_cap(numbered: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    everything = load_examples("paws", folder=numbered, rng=rng())
    assert [int(e.text_a) for e in everything] == list(range(2500))
    monkeypatch.setitem(catalogue._BY_NAME, "paws", replace(entry_of("paws"), cap=1200))
    first = load_examples("paws", folder=numbered, rng=rng())
    assert [int(e.text_a) for e in first] == list(range(1200))


def test_a_limit_draws_rows_from_everywhere(numbered: Path) -> None:
    drawn = load_examples("paws", folder=numbered, limit=500, rng=rng(1))
    places = [int(e.text_a) for e in drawn]
    assert len(set(places)) == 500
    assert 1100 < sum(places) / 500 < 1400
    assert drawn == load_examples("paws", folder=numbered, limit=500, rng=rng(1))
    assert drawn != load_examples("paws", folder=numbered, limit=500, rng=rng(2))
    assert len(load_examples("paws", folder=numbered, limit=9999, rng=rng())) == 2500
    assert load_examples("paws", folder=numbered, limit=0, rng=rng()) == []
    with pytest.raises(ConfigurationError, match="limit is -1"):
        load_examples("paws", folder=numbered, limit=-1, rng=rng())


def test_wrong_answers_are_those_of_other_questions_on_the_text(tmp_path: Path) -> None:
    """Wherever they stand in the file; those on other texts are never taken."""
    text = "Ann left Oslo in 1901. Bob came to Rome in 1905, Eve in 1910."
    rows = [
        SQUAD_ROW | {"context": text, "answers": {"text": ["1901"], "answer_start": [0]}},
        SQUAD_ROW | {"answers": {"text": ["1905"], "answer_start": [0]}},
        SQUAD_ROW
        | {
            "context": text,
            "question": "When did Eve come?",
            "answers": {"text": ["1910"], "answer_start": [0]},
        },
    ]
    datasets.Dataset.from_list(rows, features=SQUAD_FEATURES).save_to_disk(str(tmp_path / "q"))
    for seed in range(10):
        made = load_examples("quoref", folder=tmp_path / "q", rng=rng(seed))
        first, last = (e.text_b for e in made[1::4])
        assert first == "When did Ann leave? 1910"
        assert last == "When did Eve come? 1901"


# ------------------------------------------------------------------------------------------- errors


def test_unknown_names_get_a_suggestion() -> None:
    with pytest.raises(
        ConfigurationError, match="no training dataset 'squad2'; do you mean 'squad_v2'"
    ):
        load_examples("squad2", rng=rng())
    with pytest.raises(ConfigurationError, match="known: snli, mnli"):
        load_examples("xyz", rng=rng())


def write(folder: Path, *rows: dict[str, Any], name: str = "train.jsonl") -> Path:
    folder.mkdir(exist_ok=True)
    (folder / name).write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    return folder


def test_missing_columns_are_named(tmp_path: Path) -> None:
    folder = write(tmp_path / "snli", {"premise": "p", "claim": "c", "label": 0})
    with pytest.raises(
        InputError,
        match=r"snli: .*snli \(train\) lacks the column\(s\) hypothesis; "
        r"its columns: premise, claim, label",
    ):
        load_examples("snli", folder=folder, rng=rng())
    folder = write(tmp_path / "stsb", {"sentence1": "p", "sentence2": "c"})
    with pytest.raises(InputError, match=r"lacks the column\(s\) label or score"):
        load_examples("stsb", folder=folder, rng=rng())


def test_unknown_labels_name_the_row(tmp_path: Path) -> None:
    good = {"premise": "p", "hypothesis": "h", "label": 0}
    folder = write(tmp_path / "snli", good, good | {"label": 7})
    with pytest.raises(InputError, match=r"snli, row 2: label is 7; known: 0, 1, 2, -1"):
        load_examples("snli", folder=folder, rng=rng())


def test_empty_datasets_are_errors(tmp_path: Path) -> None:
    features = datasets.Features(
        {"premise": datasets.Value("string"), "hypothesis": datasets.Value("string")}
    )
    empty = datasets.Dataset.from_dict({"premise": [], "hypothesis": []}, features=features)
    (tmp_path / "snli").mkdir()
    empty.to_parquet(str(tmp_path / "snli" / "train.parquet"))
    with pytest.raises(InputError, match=r"snli: cannot read a dataset from .*no data"):
        load_examples("snli", folder=tmp_path / "snli", rng=rng())
    folder = write(tmp_path / "qqp", {"question1": "", "question2": "b", "label": 0})
    with pytest.raises(InputError, match="qqp: none of its rows makes an example"):
        load_examples("qqp", folder=folder, rng=rng())


def test_folders_that_hold_no_dataset_are_errors(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"snli: no folder .*nowhere; give"):
        load_examples("snli", folder=tmp_path / "nowhere", rng=rng())
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match=r"snli: cannot read a dataset from .*empty"):
        load_examples("snli", folder=tmp_path / "empty", rng=rng())
    broken = tmp_path / "broken"
    broken.mkdir()
    (broken / "train.parquet").write_text("not parquet", encoding="utf-8")
    with pytest.raises(InputError, match=r"snli: cannot read a dataset from .*broken"):
        load_examples("snli", folder=broken, rng=rng())


def test_splits_without_the_one_to_train_on_are_an_error(tmp_path: Path) -> None:
    row = {"premise": "p", "hypothesis": "h", "label": 0}
    folder = write(tmp_path / "snli", row, name="validation.jsonl")
    assert len(load_examples("snli", folder=folder, rng=rng())) == 1  # a split alone is taken
    write(folder, row, name="test.jsonl")
    with pytest.raises(InputError, match=r"has the splits validation, test, not train; leave"):
        load_examples("snli", folder=folder, rng=rng())


# ---------------------------------------------------------------------------------------- the Hub


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[tuple[tuple, dict]]:
    """What `load_dataset` was asked for; it cannot reach the Hub."""
    calls: list[tuple[tuple, dict]] = []

    def unreachable(*names: str, **options: str) -> None:
        calls.append((names, options))
        raise ConnectionError("Couldn't reach the Hub")

    monkeypatch.setattr(datasets, "load_dataset", unreachable)
    return calls


@pytest.mark.parametrize("name", ALIGN_28)
def test_what_to_type_where_the_hub_cannot_be_reached(
    name: str, asked: list[tuple[tuple, dict]]
) -> None:
    """The command is Python, and asks for what was asked for."""
    with pytest.raises(MissingResourceError, match=f"{name}: cannot get") as error:
        load_examples(name, rng=rng())
    (names, options), part = asked[0], entry_of(name).parts[0]
    assert names == ((part.hub,) if part.config is None else (part.hub, part.config))
    assert options["split"] == part.split
    assert options.get("revision") == part.revision
    (code,) = re.findall(r'python -c "(.*?)"; then give the folder', str(error.value))
    typed: list[tuple[tuple, dict]] = []

    class Saved:
        def save_to_disk(self, folder: str) -> None:
            assert folder.split("/")[0] == name

    def load_dataset(*given: str, **named: str) -> Saved:
        typed.append((given, named))
        return Saved()

    exec(code.replace("from datasets import load_dataset; ", ""), {"load_dataset": load_dataset})  # noqa: S102
    (given, named) = typed[0]
    assert given == names
    assert named == {k: v for k, v in options.items() if k != "split" or name != "anli"}


def test_the_library_is_asked_for_where_it_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "datasets", None)
    with pytest.raises(MissingResourceError, match=r"pip install 'alignscore-metric\[train\]'"):
        load_examples("snli", rng=rng())


def test_parts_come_from_the_hub_one_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    def load_dataset(hub: str, config: str, *, split: str) -> datasets.Dataset:
        assert hub == "google-research-datasets/paws"
        return datasets.Dataset.from_list([{"sentence1": config, "sentence2": split, "label": 1}])

    monkeypatch.setattr(datasets, "load_dataset", load_dataset)
    made = load_examples("paws", rng=rng())
    assert triples(made) == [("labeled_final", "train", 1), ("unlabeled_final", "train", 1)]


def test_an_environment_that_says_offline(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    import huggingface_hub.constants

    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(datasets.config, "HF_HUB_OFFLINE", True)
    with pytest.raises(MissingResourceError, match=r"snli: cannot get stanfordnlp/snli: .*type: "):
        load_examples("snli", rng=rng())
