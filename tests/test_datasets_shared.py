"""Loaders on the real files beside the project: against each other, and against labels of others.

Every published file is read by its own reader and compared with the uniform file row by row; the
labels of TRUE are compared with those that another group kept with its scores.
"""

import gzip
import json
from collections import Counter
from pathlib import Path

import pandas as pd
import pytest

from alignscore_metric.errors import MissingResourceError
from alignscore_metric.leaderboards.cards import get_card, load_cards
from alignscore_metric.leaderboards.datasets import availability, load
from alignscore_metric.leaderboards.datasets.files import find, read
from alignscore_metric.leaderboards.datasets.readers import get_reader

EVALUATION = [card for card in load_cards().values() if card.role == "evaluation"]
#: Sets of which no file at all is at hand.
NOT_AT_HAND = {
    "aggrefact_sota", "bump", "faithbench", "llm_aggrefact", "ragtruth", "summedits",
    "true_vitaminc", "wice",
}  # fmt: skip
#: Splits of which no file is at hand.
ABSENT = {("factcc", "test")} | {
    (card.name, split) for card in EVALUATION if card.name in NOT_AT_HAND for split in card.splits
}
COUNTED = [
    (card.name, split)
    for card in EVALUATION
    for split in card.splits
    if (card.name, split) not in ABSENT
]
#: Sets whose published file lacks the texts; the uniform file gives them.
WITHOUT_TEXTS = {"frank", "xsumfaith", "true_mnbm"}
OFFICIAL = [
    (card.name, number)
    for card in EVALUATION
    for number, source in enumerate(card.sources)
    if source.reader != "uniform"
    and card.name not in {"true_fever", *NOT_AT_HAND}
    and "frank/benchmark_data.json" not in source.files
]
#: TRUE's names of its sets in the file of other people's scores.
TRUE = {
    "begin": "begin_dev",
    "q2": "q2",
    "qags_cnndm": "qags_cnndm",
    "qags_xsum": "qags_xsum",
    "true_dialfact": "dialfact_valid",
    "true_frank": "frank_valid",
    "true_paws": "paws",
    "true_summeval": "summeval",
}


@pytest.fixture(scope="module")
def root(shared: Path) -> Path:
    return shared / "benchmarks"


@pytest.fixture(scope="module")
def others_labels(root: Path) -> dict[str, list[int]]:
    with gzip.open(root / "true_reference_scores.json.gz", "rt") as stream:
        return {name: content["label"] for name, content in json.load(stream).items()}


def uniform(root: Path, name: str) -> pd.DataFrame:
    """The uniform file as it is, read without the package; its label is the card's."""
    source = next(one for one in get_card(name).sources if one.reader == "uniform")
    with gzip.open(root / "uniform" / f"{source.files[0]}.gz", "rt", encoding="utf-8") as stream:
        frame = pd.DataFrame([json.loads(line) for line in stream])
    return frame.assign(label=frame[source.options.get("label", "label")])


@pytest.mark.parametrize(("name", "split"), COUNTED)
def test_found_counts_are_what_the_loader_finds(root, name, split):
    made = load(name, split, roots=[root])
    found = get_card(name).splits[split].found
    assert found is not None
    assert (len(made), int((made.frame.label == 1).sum())) == (found.rows, found.positives)
    assert not any("on the card" in one for one in made.discrepancies)
    assert made.frame.id.is_unique


@pytest.mark.parametrize(
    ("name", "split", "differences"),
    [
        (
            "xsumfaith",
            "test",
            ["test: 1220 rows, 124 positive; published: 1250 rows, 130 positive"],
        ),
        ("frank", "test", ["test: 1575 rows, 567 positive; published: 1575 rows, 529 positive"]),
        ("true_mnbm", "all", ["all: 2470 rows, 249 positive; published: 2500 rows, 255 positive"]),
        ("polytope", "test", []),
        ("cogensumm", "test", []),
        (
            "summeval",
            "val+test",
            [
                "test: 800 rows, 720 positive; published: 850 rows, 770 positive",
                "50 rows have no human_score",
            ],
        ),
    ],
)
def test_differences_from_the_published_counts_are_told(root, name, split, differences):
    assert list(load(name, split, roots=[root]).discrepancies) == differences


@pytest.mark.parametrize(("name", "split"), sorted(ABSENT))
def test_what_is_not_at_hand_is_missing(root, name, split):
    with pytest.raises(MissingResourceError, match="https://"):
        load(name, split, roots=[root])


@pytest.mark.parametrize(("name", "number"), OFFICIAL)
def test_every_published_file_agrees_with_the_uniform_one_row_by_row(root, name, number):
    source = get_card(name).sources[number]
    files = [read(find(file, [root]), name=file) for file in source.files]
    assert {file.name: file.sha256 for file in files} == dict(source.sha256)
    rows = pd.DataFrame(get_reader(source.reader)(files, **source.options))
    expected = uniform(root, name)
    if name in WITHOUT_TEXTS:  # 6 of 500 BBC articles were not found, 30 rows
        assert rows.source.isna().all()
        rows = rows[rows.id.isin(set(expected.id))]
        assert len(rows) == len(expected)
    if name == "vitaminc_test":  # the zip holds the real revisions alone
        expected = expected[expected.origin == "real"].sort_values("id")
        rows = rows.sort_values("id")
    compared = ["label", "split", "origin"]
    compared += [] if name in WITHOUT_TEXTS else ["source", "summary"]
    compared += [] if source.reader == "true_csv" else ["id", "human_score", "system"]
    for column in compared:
        wrong = int((rows[column].to_numpy() != expected[column].to_numpy()).sum())
        if column in ("human_score", "system") and rows[column].isna().all():
            assert expected[column].isna().all()
        elif (name, column) == ("frank", "label"):  # val's labels are by SummaC's own rule
            assert wrong == 24
            in_test = (rows.split == "test").to_numpy()
            assert (rows.label.to_numpy() == expected.label.to_numpy())[in_test].all()
        else:
            assert wrong == 0, column


@pytest.mark.parametrize(("name", "theirs"), TRUE.items())
@pytest.mark.parametrize("prefer", ["uniform", "official"])
def test_labels_of_true_are_those_that_others_kept(root, others_labels, name, theirs, prefer):
    made = load(name, "all", roots=[root], prefer=prefer)
    assert made.frame.label.tolist() == others_labels[theirs]
    assert made.discrepancies == ()


def test_the_rule_of_votes_gives_the_labels_that_others_kept_for_mnbm(root, others_labels):
    source = get_card("true_mnbm").sources[1]
    file = read(find(source.files[0], [root]), name=source.files[0])
    rows = get_reader(source.reader)([file], **source.options)
    assert [row["label"] for row in rows] == others_labels["mnbm"]


@pytest.mark.parametrize(("name", "split"), [("xsumfaith", "val"), ("xsumfaith", "test")])
def test_the_rule_of_the_most_common_type_gives_the_published_counts(root, name, split):
    source = get_card(name).sources[1]
    file = read(find(source.files[0], [root]), name=source.files[0])
    labels = [row["label"] for row in get_reader(source.reader)([file]) if row["split"] == split]
    published = get_card(name).splits[split].published
    assert len(labels) == published.rows
    assert published.positives in (None, sum(labels))


@pytest.mark.parametrize(("name", "count"), [("fever_dev", 18209), ("vitc_dev", 63054)])
def test_published_sizes_of_sets_that_are_not_at_hand(others_labels, name, count):
    card = get_card({"fever_dev": "true_fever", "vitc_dev": "true_vitaminc"}[name])
    published = card.splits["all"].published
    assert published.rows == count == len(others_labels[name])
    assert published.positives == sum(others_labels[name])


def test_official_files_with_documents_give_the_uniform_set_and_name_what_they_leave_out(root):
    documents = root / "uniform" / "xsumfaith.jsonl.gz"
    made = load("xsumfaith", "val+test", roots=[root], prefer="official", documents=documents)
    same = load("xsumfaith", "val+test", roots=[root])
    assert made.hash == same.hash
    assert made.files == ("official/xsumfaith/hallucination_annotations_xsum_summaries.csv.gz",)
    assert "30 rows left out" in made.discrepancies[0]
    assert made.discrepancies[1:] == same.discrepancies


def test_official_files_without_documents_say_how_many_are_needed(root):
    with pytest.raises(MissingResourceError, match="500 documents are needed") as error:
        load("xsumfaith", "val+test", roots=[root], prefer="official")
    assert "`documents`" in str(error.value)


def test_repeated_ids_of_factcc_are_numbered_and_nothing_else_changes(root):
    made = load("factcc", "val", roots=[root]).frame
    expected = uniform(root, "factcc")
    assert made.id.str.replace(r"#\d+$", "", regex=True).tolist() == expected.id.tolist()
    assert sum("#" in one for one in made.id) == 47 == int(expected.id.duplicated().sum())
    assert made.summary.tolist() == expected.summary.tolist()


def test_known_duplicates_are_counted_right(root):
    """The numbers in the cards' known_defects."""
    said = {
        "cogensumm": 176, "true_dialfact": 76, "vitaminc_test": 529, "fever_gold_evidence": 154,
        "polytope": 23, "summeval": 52, "rank19": 169,
    }  # fmt: skip
    for name, number in said.items():
        frame = uniform(root, name)
        assert int(frame.duplicated(["source", "summary"]).sum()) == number
        assert any(f"{number} pairs" in defect for defect in get_card(name).known_defects), name


def test_availability_of_the_shared_folder(root):
    here = {one.dataset: one for one in availability([root])}
    assert {one.dataset for one in here.values() if not one.ready} == NOT_AT_HAND
    assert here["frank"].missing == ("frank/benchmark_data.json",)
    assert here["q2"].benchmarks == ("true",)
    assert Counter(len(one.found) for one in here.values())[0] == len(NOT_AT_HAND)
    assert "google-research/true" in here["true_vitaminc"].how
