"""Readers of published formats on made-up files, whose labels are worked out by hand here."""

import csv
import gzip
import io
import json
import zipfile
from pathlib import Path

import openpyxl
import pytest

from alignscore_metric.errors import ConfigurationError, InputError, MissingResourceError
from alignscore_metric.leaderboards.cards import get_card, parse_card
from alignscore_metric.leaderboards.datasets import availability, load
from alignscore_metric.leaderboards.datasets.files import DataFile, candidate_files, read
from alignscore_metric.leaderboards.datasets.loading import _choose
from alignscore_metric.leaderboards.datasets.polytope import read_polytope
from alignscore_metric.leaderboards.datasets.readers import get_reader
from alignscore_metric.leaderboards.datasets.uniform import read_uniform
from alignscore_metric.leaderboards.datasets.vitaminc import read_vitaminc
from alignscore_metric.leaderboards.datasets.xsumfaith import read_xsumfaith
from alignscore_metric.leaderboards.items import COLUMNS


def put(root: Path, name: str, content: str | bytes) -> Path:
    file = root / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    return file


def as_csv(rows: list[dict]) -> str:
    stream = io.StringIO()
    writer = csv.DictWriter(stream, list(rows[0]))
    writer.writeheader()
    writer.writerows(rows)
    return stream.getvalue()


def as_lines(rows: list[dict]) -> str:
    return "".join(json.dumps(row) + "\n" for row in rows)


def columns(made, *names: str) -> list[tuple]:
    return list(made.frame[list(names)].itertuples(index=False, name=None))


UNIFORM_ROW = {
    "id": "a", "source": "It rained.", "summary": "Rain.", "label": 1, "human_score": None,
    "system": None, "origin": "wow", "split": "all",
}  # fmt: skip


def data(name: str, content: str | bytes) -> DataFile:
    return DataFile(name, Path(name), content if isinstance(content, bytes) else content.encode())


# The published formats


def test_qags_takes_the_majority_of_each_sentence(tmp_path):
    def judged(*sentences: str) -> dict:
        answers = [
            [{"response": {"y": "yes", "n": "no"}[one]} for one in word] for word in sentences
        ]
        parts = [{"sentence": f"S{n}.", "responses": r} for n, r in enumerate(answers)]
        return {"article": "A.", "summary_sentences": parts}

    rows = [judged("yyn", "yyy"), judged("yyy", "nny"), judged("nnn")]
    put(tmp_path, "qags/mturk_cnndm.jsonl", as_lines(rows))
    made = load("qags_cnndm", "all", roots=[tmp_path])
    assert columns(made, "id", "summary", "label", "human_score", "origin") == [
        ("cnndm-0", "S0. S1.", 1.0, 1.0, "cnndm"),
        ("cnndm-1", "S0. S1.", 0.0, 0.5, "cnndm"),
        ("cnndm-2", "S0.", 0.0, 0.0, "cnndm"),
    ]
    assert made.files == ("qags/mturk_cnndm.jsonl",)


def test_begin_is_positive_where_entailed_and_never_unquotes(tmp_path):
    head = "evidence\tprevious turn\tresponse\tgold label"
    lines = [head, 'a "b\thi\tc\tentailment', "d\thi\te\tgeneric"]
    put(tmp_path, "official/begin/dev_05_24_21.tsv.gz", gzip.compress("\n".join(lines).encode()))
    made = load("begin", "all", roots=[tmp_path])
    assert columns(made, "id", "source", "summary", "label") == [
        ("dev-0", 'a "b', "c", 1.0),
        ("dev-1", "d", "e", 0.0),
    ]


def test_q2_turns_the_label_round_for_both_systems(tmp_path):
    row = {
        "episode_idx": 7, "round": 2, "knowledge": "K.", "dodeca_response": "D.",
        "memnet_response": "M.", "dodeca_label": 1, "memnet_label": 0,
    }  # fmt: skip
    put(tmp_path, "q2/cross_annotation.csv", as_csv([row]))
    made = load("q2", "all", roots=[tmp_path])
    assert columns(made, "id", "summary", "label", "system") == [
        ("7-2-dodeca", "D.", 0.0, "dodeca"),
        ("7-2-memnet", "M.", 1.0, "memnet"),
    ]


def test_samsum_takes_only_factual_as_positive(tmp_path):
    labels = ["factual", "factually incorrect", "too incoherent"]
    rows = [{"article": "A.", "summary": "S.", "label": one} for one in labels]
    put(tmp_path, "samsum/samsum.jsonl", as_lines(rows))
    made = load("samsum_gofigure", "all", roots=[tmp_path])
    assert columns(made, "label", "human_score") == [(1.0, 1.0), (0.0, 0.0), (0.0, 0.0)]


def test_true_files_are_read_with_their_ids_and_origins(tmp_path):
    article = {"generated_text": "S.", "grounding": "A\nB.", "model": "bart"}
    rows = [
        article | {"hash": "1" * 40, "label": 1},
        article | {"hash": "34687720", "label": 0},
    ]
    put(tmp_path, "true/frank.csv", as_csv(rows))
    made = load("true_frank", "all", roots=[tmp_path])
    assert columns(made, "id", "source", "label", "system", "origin") == [
        ("1" * 40 + "-bart", "A\nB.", 1.0, "bart", "cnndm"),
        ("34687720-bart", "A\nB.", 0.0, "bart", "xsum"),
    ]


@pytest.mark.parametrize(
    ("types", "most_common", "votes", "share"),
    [
        # (annotator, type) in the file's order
        ([(0, "NULL"), (1, "NULL"), (2, "extrinsic")], 1, 1, 2 / 3),
        ([(0, "extrinsic"), (1, "NULL"), (2, "intrinsic")], 0, 0, 1 / 3),  # a tie: the first seen
        ([(0, "NULL"), (1, "extrinsic"), (2, "intrinsic")], 1, 0, 1 / 3),  # a tie: the first seen
        ([(0, "extrinsic"), (0, "intrinsic"), (1, "NULL"), (2, "NULL")], 1, 1, 0.5),
        ([(0, "extrinsic")] * 4 + [(1, "NULL"), (2, "NULL")], 0, 1, 1 / 3),  # one marks four spans
        ([(0, "NULL"), (1, "extrinsic")], 1, 1, 0.5),  # the third votes 1 by default
    ],
)
def test_the_two_rules_of_xsumfaith(types, most_common, votes, share):
    rows = [
        {"bbcid": 1, "system": "Gold", "summary": "S.", "worker_id": f"wid_{who}",
         "hallucination_type": kind}
        for who, kind in types
    ]  # fmt: skip
    file = data("x.csv", as_csv(rows))
    (summac,) = read_xsumfaith([file])
    (true,) = read_xsumfaith([file], rule="votes")
    assert (summac["label"], true["label"]) == (most_common, votes)
    assert summac["human_score"] == true["human_score"] == pytest.approx(share)
    assert (summac["split"], true["split"]) == ("val", "all")


def xsumfaith_file(root: Path, articles: int) -> None:
    row = {"system": "Gold", "summary": "S.", "worker_id": "wid_0", "hallucination_type": "NULL"}
    rows = [{"bbcid": number} | row for number in range(articles)]
    name = "xsumfaith/hallucination_annotations_xsum_summaries.csv"
    put(root, name, as_csv(rows))


def test_groups_of_xsumfaith_are_val_and_test_in_turn_and_rows_without_article_are_told(tmp_path):
    xsumfaith_file(tmp_path, 4)
    documents = put(
        tmp_path,
        "bbc.jsonl",
        as_lines([{"document_id": n, "document": f"Article {n}."} for n in (0, 1, 3)]),
    )
    made = load("xsumfaith", "val+test", roots=[tmp_path], documents=documents)
    assert columns(made, "id", "source", "split") == [
        ("0-Gold", "Article 0.", "val"),
        ("1-Gold", "Article 1.", "test"),
        ("3-Gold", "Article 3.", "test"),
    ]
    assert "1 rows left out: no text for 2-Gold" in made.discrepancies
    assert any("val: 1 rows, 1 positive; published: 1250 rows" in one for one in made.discrepancies)


def test_documents_that_are_needed_and_not_given_or_not_the_right_ones(tmp_path):
    xsumfaith_file(tmp_path, 4)
    with pytest.raises(MissingResourceError, match=r"2 documents are needed \(1, 3"):
        load("xsumfaith", "test", roots=[tmp_path])
    wrong = put(tmp_path, "bbc.jsonl", as_lines([{"document_id": "x", "source": "A."}]))
    with pytest.raises(MissingResourceError, match="none of the texts"):
        load("xsumfaith", "test", roots=[tmp_path], documents=wrong)
    put(tmp_path, "bbc.jsonl", as_lines([{"source": "A."}]))
    with pytest.raises(InputError, match=r"bbc.jsonl, object 1: give an `id`"):
        load("xsumfaith", "test", roots=[tmp_path], documents=wrong)


FRANK = [
    {"hash": "1" * 40, "model_name": "bart", "Factuality": 1.0, "split": "test"},
    {"hash": "34687720", "model_name": "PtGen", "Factuality": 0.5, "split": "valid"},
]


def test_frank_takes_texts_from_the_publisher_or_the_user(tmp_path):
    put(tmp_path, "frank/human_annotations.json", json.dumps(FRANK))
    texts = [row | {"article": "A.", "summary": f"S{n}."} for n, row in enumerate(FRANK)]
    given = [
        {"id": f"{row['hash']}-{row['model_name']}", "source": "A.", "summary": row["summary"]}
        for row in texts
    ]
    documents = put(tmp_path, "texts.jsonl", as_lines(given))
    theirs = load("frank", "val+test", roots=[tmp_path], documents=documents)
    put(tmp_path, "frank/benchmark_data.json", json.dumps(texts))
    published = load("frank", "val+test", roots=[tmp_path])
    assert published.hash == theirs.hash
    assert columns(published, "summary", "label", "human_score", "origin", "split") == [
        ("S0.", 1.0, 1.0, "cnndm", "test"),
        ("S1.", 0.0, 0.5, "xsum", "val"),
    ]


def workbook(errors: list[tuple], segments: list[tuple]) -> bytes:
    book = openpyxl.Workbook()
    log, sheet = book.active, book.create_sheet("Scores per segment")
    log.title = "Error Log"
    for row in [("ID", "Source", "Target", "Issue Types", "Subtypes"), *errors]:
        log.append(row)
    for row in [("ID", "Source", "Target"), *segments]:
        sheet.append(row)
    stream = io.BytesIO()
    book.save(stream)
    return stream.getvalue()


def test_polytope_is_positive_only_without_any_error_and_split_by_row(tmp_path):
    errors = [
        ("1", "d", "s", "Accuracy", "Omission"),
        ("2", "d", "s", None, None),
        ("4", "d", "s", "Fluency", "Duplication"),
    ]
    segments = [("1", "d1", "s1"), ("2", "d2", "s2"), (None, None, None), ("4", "d4", "s4")]
    name = "polytope/Human_Annotation_Summarization_PG_Coverage.xlsm"
    rows = read_polytope([data(name, workbook(errors, segments))])
    assert [(row["id"], row["label"], row["split"], row["source"]) for row in rows] == [
        ("PG_Coverage-1", 0, "val", "d1"),
        ("PG_Coverage-2", 1, "test", "d2"),
        ("PG_Coverage-4", 0, "test", "d4"),
    ]


def test_polytope_by_inaccuracies_counts_no_omission_and_no_addition():
    errors = [
        ("1", "d", "s", "Accuracy", "Omission"),
        ("2", "d", "s", "Accuracy", "Addition"),
        ("2", "d", "s", "Accuracy", "Inaccuracy_internal"),
        ("3", "d", "s", "Accuracy", "Inaccuracy_external"),
        ("4", "d", "s", "Fluency", "Word_Form"),
    ]
    segments = [(str(n), f"d{n}", f"s{n}") for n in range(1, 5)]
    book = data("Human_Annotation_Summarization_PG.xlsm", workbook(errors, segments))
    assert [row["label"] for row in read_polytope([book], rule="inaccuracy")] == [1, 0, 0, 1]
    with pytest.raises(ConfigurationError, match="any_error, inaccuracy"):
        read_polytope([book], rule="omission")


def test_a_uniform_file_may_hold_labels_by_several_rules():
    row = dict.fromkeys(COLUMNS) | {"id": "a", "label": 0, "strict_label": 1}
    file = data("x.jsonl", as_lines([row]))
    assert [one["label"] for one in read_uniform([file])] == [0]
    assert [one["label"] for one in read_uniform([file], label="strict_label")] == [1]
    with pytest.raises(InputError, match="'lenient_label'"):
        read_uniform([file], label="lenient_label")


def vitaminc_zip(rows: list[dict], member: str = "vitaminc_real/test.jsonl") -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(member, as_lines(rows))
    return stream.getvalue()


def test_vitaminc_is_read_inside_its_zip(tmp_path):
    labels = ["SUPPORTS", "REFUTES", "NOT ENOUGH INFO"]
    rows = [
        {"unique_id": f"u{n}", "label": one, "claim": "C.", "evidence": "E."}
        for n, one in enumerate(labels)
    ]
    put(tmp_path, "vitaminc/vitaminc_real.zip", vitaminc_zip(rows))
    made = load("vitaminc_test", "test", roots=[tmp_path])
    assert columns(made, "id", "source", "summary", "label") == [
        ("u0", "E.", "C.", 1.0),
        ("u1", "E.", "C.", 0.0),
        ("u2", "E.", "C.", 0.0),
    ]


# Which files are read


def test_a_file_is_looked_for_in_every_folder_plain_and_compressed(tmp_path):
    line = as_lines([UNIFORM_ROW])
    places = [
        path.relative_to(tmp_path).as_posix() for path in candidate_files("q2.jsonl", [tmp_path])
    ]
    assert places == [
        "q2.jsonl", "q2.jsonl.gz", "uniform/q2.jsonl", "uniform/q2.jsonl.gz", "official/q2.jsonl",
        "official/q2.jsonl.gz",
    ]  # fmt: skip
    for number, place in enumerate(places):
        folder = tmp_path / str(number)
        put(folder, place, gzip.compress(line.encode()) if place.endswith(".gz") else line)
        assert load("q2", "all", roots=[tmp_path / "none", folder]).files == (place,)


def test_prefer_chooses_between_uniform_and_official(tmp_path):
    put(tmp_path, "uniform/qags_xsum.jsonl", as_lines([UNIFORM_ROW]))
    record = {"article": "A.", "summary_sentences": [{"sentence": "S.", "responses": []}]}
    put(tmp_path, "official/qags/mturk_xsum.jsonl", as_lines([record]))
    read_by = {
        prefer: _choose(get_card("qags_xsum"), [tmp_path], prefer)[0].reader
        for prefer in ("uniform", "official")
    }
    assert read_by == {"uniform": "uniform", "official": "qags"}


def test_a_revised_file_and_other_counts_are_discrepancies(tmp_path):
    row = {"label": "factual", "article": "A.", "summary": "S."}
    put(tmp_path, "samsum/samsum.jsonl", as_lines([row]))
    revised, counts = load("samsum_gofigure", "all", roots=[tmp_path]).discrepancies
    assert revised.startswith("samsum/samsum.jsonl is not the version that the card describes")
    assert counts == (
        "all: 1 rows, 1 positive; published: 250 rows; on the card: 250 rows, 46 positive"
    )


def test_missing_files_say_where_they_were_looked_for_and_where_they_are(tmp_path):
    with pytest.raises(MissingResourceError) as error:
        load("begin", "all", roots=[tmp_path])
    for part in ("begin.jsonl", "begin/dev_05_24_21.tsv", str(tmp_path), "--data", "https://git"):
        assert part in str(error.value)


def test_a_split_without_rows_is_missing(tmp_path):
    put(tmp_path, "frank.jsonl", as_lines([UNIFORM_ROW | {"split": "val"}]))
    with pytest.raises(MissingResourceError, match="no row of split test"):
        load("frank", "test", roots=[tmp_path])


@pytest.mark.parametrize(
    ("name", "split", "message"),
    [
        ("franc", "val", "did you mean .*frank"),
        ("frank", "dev", "no split 'dev', only val, test"),
        ("frank", "val+all", "no split 'all'"),
    ],
)
def test_unknown_names(tmp_path, name, split, message):
    with pytest.raises(ConfigurationError, match=message):
        load(name, split, roots=[tmp_path])


def test_unknown_readers():
    with pytest.raises(ConfigurationError, match="no reader 'fank'; there are uniform"):
        get_reader("fank")


def test_availability_without_any_file_says_what_to_do(tmp_path):
    all_of_them = availability([tmp_path])
    assert [one.dataset for one in all_of_them] == sorted(one.dataset for one in all_of_them)
    assert not any(one.ready or one.found for one in all_of_them)
    assert all(one.how and one.url.startswith("https://") and one.missing for one in all_of_them)


def test_availability_tells_of_documents_that_have_to_be_given(tmp_path):
    xsumfaith_file(tmp_path, 1)
    one = next(one for one in availability([tmp_path]) if one.dataset == "xsumfaith")
    assert not one.ready
    assert "500 BBC articles" in one.documents
    assert [path.name for path in one.found] == ["hallucination_annotations_xsum_summaries.csv"]


# Damaged and wrong files


DAMAGED = {
    "q2.jsonl.gz": ("q2", gzip.compress(as_lines([UNIFORM_ROW]).encode())[:-9]),
    "q2.jsonl": ("q2", b"{broken\n"),
    "begin.jsonl": ("begin", b"\xff\xfe\n"),
    "vitaminc/vitaminc_real.zip": ("vitaminc_test", vitaminc_zip([])[:-9]),
    "q2/cross_annotation.csv": ("q2", b"episode_idx,round\n1,2\n"),
    "true/paws.csv": ("true_paws", b'id,grounding,generated_text,label\n1,"a,b,0\n'),
    "true/begin.csv": ("begin", b"grounding,generated_text,label\na,b,2\n"),
    "samsum/samsum.jsonl": ("samsum_gofigure", b'{"article": "A.", "summary": "S.", "label": "x"}'),
    "qags/mturk_xsum.jsonl": ("qags_xsum", b'{"article": "A.", "summary_sentences": []}'),
    "frank/human_annotations.json": ("frank", b'[{"hash": "x"}]'),
}


@pytest.mark.parametrize("file", DAMAGED)
def test_damaged_files_are_named(tmp_path, file):
    name, content = DAMAGED[file]
    put(tmp_path, file, content)
    with pytest.raises(InputError, match=Path(file).name):
        load(name, next(iter(get_card(name).splits)), roots=[tmp_path])


def test_damaged_json_and_workbooks_are_named():
    whole = workbook([], [("1", "d", "s")])
    middle = len(whole) // 2
    for content in (b"no workbook", whole[:-9], whole[:40] + b"\0" * 200 + whole[240:]):
        with pytest.raises(InputError, match=r"book\.xlsm"):
            read_polytope([data("book.xlsm", content)])
    assert middle > 240
    for content in ("[", "{}", "[1]"):
        with pytest.raises(InputError, match=r"human_annotations\.json"):
            get_reader("frank")([data("human_annotations.json", content)])
    with pytest.raises(InputError, match=r"no vitaminc|not a zip"):
        read_vitaminc([data("v.zip", vitaminc_zip([], member="other.jsonl"))])


def test_unreadable_files_are_named(tmp_path):
    with pytest.raises(InputError, match="cannot read"):
        read(tmp_path)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"label": 2}, r"row 2 \(id 'b'\): label 2"),
        ({"label": "yes"}, r"row 2 .*label 'yes' is not a number"),
        ({"label": None}, r"row 2 .*neither a label nor a human_score"),
        ({"id": "a"}, "rows 1 and 2 have the same id 'a'"),
        ({"source": None}, r"row 2 .*the source is NoneType, not text"),
        ({"summary": 3}, r"row 2 .*the summary is int, not text"),
        ({"human_score": "inf"}, r"row 2 .*human_score is infinite"),
    ],
)
def test_wrong_rows_are_named(tmp_path, change, message):
    put(tmp_path, "q2.jsonl", as_lines([UNIFORM_ROW, UNIFORM_ROW | {"id": "b"} | change]))
    with pytest.raises(InputError, match=message) as error:
        load("q2", "all", roots=[tmp_path])
    assert "q2.jsonl" in str(error.value)


def test_uniform_rows_need_all_columns_and_their_extras_are_left_out():
    row = UNIFORM_ROW | {"gold": "entailment"}
    absent = dict.fromkeys(["errors", "divided", "spans"])
    assert read_uniform([data("u.jsonl", as_lines([row]))]) == [UNIFORM_ROW | absent]
    del row["origin"]
    with pytest.raises(InputError, match=r"u\.jsonl, row 1: no 'origin'"):
        read_uniform([data("u.jsonl", as_lines([row]))])


def test_repeated_ids_are_numbered_only_where_the_card_says_so():
    rows = [UNIFORM_ROW | {"id": one} for one in "abaa"]
    made = read_uniform([data("u.jsonl", as_lines(rows))], number_repeated_ids=True)
    assert [row["id"] for row in made] == ["a", "b", "a#2", "a#3"]


# Cards


CARD = (Path(__file__).resolve().parents[1] / "data_cards/evaluation/q2.yaml").read_text("utf-8")


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("label_rule:", "labelrule:", "labelrule"),
        ("rows: 1088", "rows: -1", r"rows.*greater than or equal to 0"),
        ("positives: 628", "positives: 2000", "2000 positives in 1088 rows"),
        ("      - all", "      - dev", r"no split \['dev'\]"),
        ("role: evaluation", "role: both", "role"),
        ("name: q2", "name: [q2", "not YAML"),
    ],
)
def test_a_broken_card_is_an_error_that_names_it(old, new, message):
    assert old in CARD
    with pytest.raises(ConfigurationError, match=message) as error:
        parse_card(CARD.replace(old, new), where="evaluation/q2.yaml")
    assert "evaluation/q2.yaml" in str(error.value)
