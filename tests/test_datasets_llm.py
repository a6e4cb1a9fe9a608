"""Readers of benchmarks of language models' outputs, on made-up files of the published formats."""

import csv
import io
import json
import re
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from alignscore_metric.commands.main import main
from alignscore_metric.errors import InputError, MissingResourceError
from alignscore_metric.leaderboards.cards import get_card
from alignscore_metric.leaderboards.datasets import load
from alignscore_metric.leaderboards.datasets.files import DataFile
from alignscore_metric.leaderboards.datasets.readers import get_reader
from alignscore_metric.leaderboards.tasks import tasks_of
from alignscore_metric.scores.spans import character_counts, span_measure
from alignscore_metric.scores.statistics import value

DOMAINS = (
    "podcast", "billsum", "samsum", "news", "sales_call", "sales_email", "shakespeare", "scitldr",
    "qmsumm", "ectsum",
)  # fmt: skip


def read(reader, *files):
    made = [DataFile(name, Path(name), content.encode() if isinstance(content, str) else content)
            for name, content in files]  # fmt: skip
    return get_reader(reader)(made)


def lines(rows):
    return "".join(json.dumps(row) + "\n" for row in rows)


def as_csv(rows):
    stream = io.StringIO()
    writer = csv.DictWriter(stream, rows[0], lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return stream.getvalue()


def as_parquet(rows, **columns):
    stream = io.BytesIO()
    names = list(rows[0])
    pq.write_table(
        pa.table({name: [row[name] for row in rows] for name in names} | columns), stream
    )
    return stream.getvalue()


def column(rows, name):
    return [row.get(name) for row in rows]


# --- SummEdits ------------------------------------------------------------------------------------


def an_edit(number, label, types=(), **more):
    return {
        "id": f"doc_{number}", "doc": "It rained in York.", "summary": f"It rained {number} times.",
        "label": label, "original_summary": "It rained.", "edit_types": list(types), **more,
    }  # fmt: skip


def a_summedits_folder(folder, domains=DOMAINS):
    for domain in domains:
        edits = [an_edit(0, 1), an_edit(1, 0, ["negation_insertion", "entity_modification"])]
        edits.append(an_edit(2, 1, split="val"))
        file = folder / "summedits" / f"summedits_{domain}.json"
        file.parent.mkdir(exist_ok=True)
        file.write_text(json.dumps(edits))


def test_summedits_by_domain(tmp_path):
    a_summedits_folder(tmp_path)
    made = load("summedits", "test", roots=[tmp_path])
    assert len(made) == 20
    assert made.frame.label.tolist() == [1, 0] * 10
    assert made.frame.origin.unique().tolist() == list(DOMAINS)
    assert made.frame.errors.tolist() == [None, "entity_modification|negation_insertion"] * 10
    assert made.frame.id[:2].tolist() == ["podcast-doc_0", "podcast-doc_1"]
    assert made.discrepancies == ("test: 20 rows, 10 positive; published: 6348 rows",)
    assert len(load("summedits", "val", roots=[tmp_path])) == 10
    tasks = tasks_of("summedits", split="test")
    assert (
        [task.where["origin"] for task in tasks] == [task.name for task in tasks] == list(DOMAINS)
    )


def test_summedits_with_a_domain_missing_names_its_file(tmp_path):
    a_summedits_folder(tmp_path, DOMAINS[:-1])
    with pytest.raises(MissingResourceError, match=r"summedits/summedits_ectsum\.json") as error:
        load("summedits", "test", roots=[tmp_path])
    assert "summedits_podcast" not in str(error.value).partition("To get it")[0]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"label": 2}, "object 2: 'label' is 2, not 0 or 1"),
        ({"summary": None}, "object 2: 'summary' is NoneType, not text"),
        ({"doc": " "}, "object 2: 'doc' is empty"),
        ({"edit_types": "negation"}, "object 2: 'edit_types' is not a list of words"),
    ],
)
def test_broken_rows_of_summedits_are_named(change, words):
    content = json.dumps([an_edit(0, 1), an_edit(1, 0) | change])
    with pytest.raises(InputError, match=r"summedits_news\.json") as error:
        read("summedits", ("summedits_news.json", content))
    assert words in str(error.value)


# --- LLM-AggreFact --------------------------------------------------------------------------------


def claims(*names, **change):
    return [
        {"dataset": name, "doc": "It rained.", "claim": f"Claim {n}.", "label": n % 2} | change
        for n, name in enumerate(names)
    ]


def test_llm_aggrefact_has_a_task_for_each_of_its_eleven_sets(tmp_path):
    tasks = tasks_of("llm_aggrefact", split="test")
    names = [task.where["origin"] for task in tasks]
    folder = tmp_path / "llm_aggrefact" / "data"
    folder.mkdir(parents=True)
    for split in ("dev", "test"):
        content = as_parquet(claims(*names, *names), contamination_identifier=["x"] * 22)
        (folder / f"{split}-00000-of-00001.parquet").write_bytes(content)
    made = load("llm_aggrefact", "test", roots=[tmp_path])
    assert len(made) == 22
    assert made.frame.origin.tolist() == [*names, *names]
    assert made.frame.label.tolist() == [0, 1] * 11
    assert len(names) == len(set(names)) == 11
    assert load("llm_aggrefact", "val", roots=[tmp_path]).frame.id[0] == "val-1"


def test_a_row_of_llm_aggrefact_without_a_claim_is_named():
    rows = claims("Wice", "Wice")
    rows[1]["claim"] = None
    with pytest.raises(InputError, match=r"test-0.parquet, row 2: 'claim' is NoneType, not text"):
        read("llm_aggrefact", ("data/test-0.parquet", as_parquet(rows)))
    with pytest.raises(InputError, match="no 'claim', only 'dataset'"):
        read(
            "llm_aggrefact",
            ("test-0.parquet", as_parquet([{"dataset": "a", "doc": "b", "label": 1}])),
        )
    with pytest.raises(InputError, match="is not a parquet file"):
        read("llm_aggrefact", ("test-0.parquet", b"PAR1 no"))
    with pytest.raises(InputError, match="neither dev- nor test-"):
        read("llm_aggrefact", ("train-0.parquet", as_parquet(rows)))


# --- RAGTruth -------------------------------------------------------------------------------------

SOURCES = [
    {"source_id": "1", "task_type": "QA", "source": "MARCO", "prompt": "p",
     "source_info": {"question": "why?", "passages": "passage 1: so."}},
    {"source_id": "2", "task_type": "Data2txt", "source": "Yelp", "prompt": "p",
     "source_info": {"name": "Caf\u00e9", "stars": 3.0}},
    {"source_id": "3", "task_type": "Summary", "source": "CNN/DM", "prompt": "p",
     "source_info": "It rained."},
]  # fmt: skip


def a_response(number, spans=(), *, split="test", source="3", text="It rained in York today."):
    labels = [{"start": start, "end": end, "text": "t", "label_type": kind, "meta": "m"}
              for start, end, kind in spans]  # fmt: skip
    return {
        "id": str(number), "source_id": source, "model": "gpt-4", "temperature": 0.7,
        "labels": labels, "split": split, "quality": "good", "response": text,
    }  # fmt: skip


def read_ragtruth(responses, sources=SOURCES):
    files = ("response.jsonl", lines(responses)), ("source_info.jsonl", lines(sources))
    return read("ragtruth", *files)


def test_ragtruth_joins_responses_with_sources_and_keeps_their_spans():
    responses = [
        a_response(1, [(13, 17, "Evident Baseless Info"), (0, 2, "Subtle Conflict")], source="1"),
        a_response(2, source="2"),
        a_response(3, split="train"),
    ]
    rows = read_ragtruth(responses)
    assert column(rows, "label") == [0, 1, 1]
    assert column(rows, "split") == ["test", "test", "val"]
    assert column(rows, "origin") == ["QA", "Data2txt", "Summary"]
    sources = ["why?\n\npassage 1: so.", '{"name": "Caf\u00e9", "stars": 3.0}', "It rained."]
    assert column(rows, "source") == sources
    assert column(rows, "spans") == ["[[0, 2], [13, 17]]", "[]", "[]"]
    assert rows[0]["errors"] == "Evident Baseless Info|Subtle Conflict"
    assert rows[0]["system"] == "gpt-4"
    assert [task.where["origin"] for task in tasks_of("ragtruth", split="test")] == [
        "QA", "Data2txt", "Summary",
    ]  # fmt: skip


def test_span_f1_of_ragtruth_rows_is_that_of_a_count_over_characters():
    text = "It rained in York today."
    responses = [a_response(1, [(13, 17, "a"), (15, 20, "b")]), a_response(2, [(0, 2, "a")])]
    guesses = [[(10, 18)], [(1, 5)]]
    rows = read_ragtruth(responses)
    counts = [
        character_counts(map(tuple, json.loads(row["spans"])), guess)
        for row, guess in zip(rows, guesses, strict=True)
    ]
    both = marked = predicted = 0
    for response, guess in zip(responses, guesses, strict=True):
        for place in range(len(text)):
            truth = any(one["start"] <= place < one["end"] for one in response["labels"])
            taken = any(start <= place < end for start, end in guess)
            both, marked, predicted = both + (truth and taken), marked + truth, predicted + taken
    assert value(span_measure(counts), 2) == pytest.approx(2 * both / (marked + predicted))


@pytest.mark.parametrize(
    ("responses", "sources", "words"),
    [
        ([a_response(1, [(20, 25, "a")])], SOURCES,
         "response.jsonl, object 1, span 1: 'start' 20 and 'end' 25 are not inside the text of 24"),
        ([a_response(1, [(4, 4, "a")])], SOURCES, "'start' 4 and 'end' 4"),
        ([a_response(1, [("0", 4, "a")])], SOURCES, "'start' '0'"),
        ([a_response(1, source="9")], SOURCES, "no source with 'source_id' '9'"),
        ([a_response(1) | {"labels": [{"start": 1}]}], SOURCES, "label 1: no 'end', 'label_type'"),
        ([a_response(1, split="dev")], SOURCES, "'split' is 'dev', not one of train, test"),
        ([a_response(1)], [SOURCES[2] | {"task_type": "Chat"}],
         "source_info.jsonl, object 1: 'task_type' is 'Chat', not one of QA, Data2txt, Summary"),
        ([a_response(1)], [SOURCES[0] | {"source_info": "text"}], "is not an object"),
    ],
)  # fmt: skip
def test_broken_rows_of_ragtruth_are_named(responses, sources, words):
    with pytest.raises(InputError) as error:
        read_ragtruth(responses, sources)
    assert words in str(error.value)


# --- FaithBench -----------------------------------------------------------------------------------


def test_faithbench_by_the_worst_label():
    pairs = [
        ("Unwanted", "Unwanted"), ("Unwanted", "Consistent"), ("Questionable", "Benign"),
        ("Benign", "Consistent"), ("Consistent", "Consistent"),
    ]  # fmt: skip
    rows = [
        {"source": "s", "summary": f"Line 1\n{n}", "LLM": "openai/gpt-4o", "worst-label": worst,
         "best-label": best}
        for n, (worst, best) in enumerate(pairs)
    ]  # fmt: skip
    made = read("faithbench", ("FaithBench.csv", as_csv(rows)))
    assert column(made, "label") == [0, 0, 0, 1, 1]
    assert column(made, "divided") == [0.0, 1.0, 1.0, 0.0, 0.0]
    assert column(made, "errors") == ["Unwanted", "Unwanted", "Questionable", None, None]
    broken = as_csv([rows[0] | {"best-label": "Fine"}])
    with pytest.raises(
        InputError, match="row 1: 'best-label' is 'Fine', not one of Consistent, Ben"
    ):
        read("faithbench", ("FaithBench.csv", broken))


def a_sample(*annotations, summary="It rained in York."):
    return {
        "sample_id": 0, "source": "It rained.", "summary": summary,
        "annotations": [{"label": labels, "summary_start": start, "summary_end": end}
                        for labels, start, end in annotations],
        "metadata": {"summarizer": "openai/gpt-4o"},
    }  # fmt: skip


def test_faithbench_by_its_spans():
    samples = [
        a_sample((["Unwanted", "Unwanted.Intrinsic"], 10, 17), (["Benign"], 0, 2)),
        a_sample((["Benign"], 0, 2)),
        a_sample(),
    ]
    made = read("faithbench_spans", ("batch_1.json", json.dumps({"samples": samples})))
    assert column(made, "label") == [0, 1, 1]
    assert column(made, "spans") == ["[[10, 17]]", "[]", "[]"]
    assert column(made, "id") == ["batch_1-0", "batch_1-1", "batch_1-2"]
    for sample, words in (
        (a_sample((["Unwanted"], 0, 99)), "sample 0, span 1"),
        (a_sample((["Odd"], 0, 1)), "annotation 1: 'label' is 'Odd'"),
        ({"source": "s"}, "sample 0: no 'summary'"),
    ):
        with pytest.raises(InputError, match="batch_2") as error:
            read("faithbench_spans", ("batch_2.json", json.dumps({"samples": [sample]})))
        assert words in str(error.value)
    with pytest.raises(InputError, match="not a batch"):
        read("faithbench_spans", ("batch_2.json", "[]"))


# --- WiCE, AggreFact, BUMP ------------------------------------------------------------------------


def test_wice_is_positive_only_where_all_of_the_claim_is_supported():
    labels = ["supported", "partially_supported", "not_supported"]
    rows = [
        {"label": label, "supporting_sentences": [[0]], "claim": f"Claim {label}.",
         "evidence": ["Title", "It rained."], "meta": {"id": "dev1"}}
        for label in labels
    ]  # fmt: skip
    made = read("wice", ("claim/dev.jsonl", lines(rows)), ("claim/test.jsonl", lines(rows[:1])))
    assert column(made, "label") == [1, 0, 0, 1]
    assert column(made, "human_score") == [1.0, 0.5, 0.0, 1.0]
    assert column(made, "split") == ["val", "val", "val", "test"]
    assert made[0]["source"] == "Title\nIt rained."
    for change, words in (
        ({"label": "refuted"}, "'label' is 'refuted', not one of supported"),
        ({"evidence": "text"}, "'evidence' is not a list of sentences"),
        ({"claim": ""}, "'claim' is empty"),
    ):
        with pytest.raises(InputError, match=r"dev.jsonl, object 1") as error:
            read("wice", ("claim/dev.jsonl", lines([rows[0] | change])))
        assert words in str(error.value)


def test_aggrefact_keeps_its_cuts_and_leaves_other_scores_out():
    row = {
        "dataset": "Polytope", "origin": "cnndm", "id": "a1", "doc": "It rained.",
        "summary": "Rain.", "model_name": "BART", "label": "1", "cut": "val", "DAE_score": "0.5",
        "DAE_label": "",
    }  # fmt: skip
    rows = [row, row | {"origin": "xsum", "label": "0.0", "cut": "test"}]
    made = read("aggrefact", ("aggre_fact_sota.csv", as_csv(rows)))
    assert column(made, "label") == [1, 0]
    assert column(made, "split") == ["val", "test"]
    assert len({one["id"] for one in made}) == 2
    for change, words in (
        ({"summary": ""}, "row 1: 'summary' is empty"),
        ({"label": "yes"}, "row 1: 'label' is 'yes', not 0 or 1"),
        ({"cut": "dev"}, "row 1: 'cut' is 'dev', not one of val, test"),
    ):
        with pytest.raises(InputError, match=r"sota\.csv") as error:
            read("aggrefact", ("aggre_fact_sota.csv", as_csv([row | change])))
        assert words in str(error.value)


def test_bump_has_one_row_for_a_reference_that_edits_share():
    pair = {
        "id": 0, "article_id": 7, "article": "It rained.", "reference_summary": "It rained.",
        "edited_summary": "It snowed.", "error_type": "Intrinsic Predicate Error",
        "corrected_error_type": "x", "scores": {},
    }  # fmt: skip
    pairs = [
        pair,
        pair | {"id": 1, "edited_summary": "It hailed."},
        pair | {"id": 2, "article": "b"},
    ]
    made = read("bump", ("task1_dataset.json", json.dumps(pairs)))
    assert column(made, "label") == [1, 0, 0, 1, 0]
    assert column(made, "id") == ["0-reference", "0-edited", "1-edited", "2-reference", "2-edited"]
    assert column(made, "errors")[1] == "Intrinsic Predicate Error"
    with pytest.raises(InputError, match="object 1: no 'edited_summary'"):
        read("bump", ("task1_dataset.json", json.dumps([{k: v for k, v in pair.items()
                                                         if k != "edited_summary"}])))  # fmt: skip


@pytest.mark.parametrize(
    "name",
    ["summedits", "llm_aggrefact", "ragtruth", "faithbench", "wice", "aggrefact_sota", "bump"],
)
def test_a_uniform_file_gives_the_same_board_as_the_published_ones(name, tmp_path):
    """The columns that their tasks ask for are those of the uniform format."""
    tasks = tasks_of(name)
    row = {
        "id": "a",
        "source": "s",
        "summary": "t",
        "label": 1,
        "human_score": None,
        "system": None,
    }
    rows = [
        row | {"id": str(n), "origin": task.where.get("origin"), "split": task.split}
        for n, task in enumerate(tasks)
    ]
    (tmp_path / f"{name}.jsonl").write_text(lines(rows))
    for split in {task.split for task in tasks}:
        made = load(name, split, roots=[tmp_path])
        assert len(made) == len([task for task in tasks if task.split == split])
    assert get_card(name).sources[0].reader == "uniform"


# --- predicted spans ----------------------------------------------------------------------------


def a_ragtruth_folder(folder):
    responses = [
        a_response(1, [(13, 17, "a"), (15, 20, "b")], source="1"),
        a_response(2, [(0, 2, "a")]),
        a_response(3),
    ]
    (folder / "ragtruth").mkdir()
    (folder / "ragtruth" / "response.jsonl").write_text(lines(responses))
    (folder / "ragtruth" / "source_info.jsonl").write_text(lines(SOURCES))


def spans_of(capsys, folder, predictions, *more):
    (folder / "mine.jsonl").write_text(lines(predictions))
    argv = ["--dataset", "ragtruth", "--split", "test", "--data", str(folder), "--resamples", "20"]
    code = main(["leaderboard", "spans", str(folder / "mine.jsonl"), *argv, *more])
    return code, capsys.readouterr()


def test_spans_by_task_on_the_command_line(tmp_path, capsys):
    a_ragtruth_folder(tmp_path)
    predictions = [
        {"id": "1", "spans": [[10, 18]]},
        {"id": 2, "spans": [{"start": 1, "end": 5, "score": 0.9}]},
        {"id": "3", "spans": []},
    ]
    code, printed = spans_of(capsys, tmp_path, predictions, "--format", "markdown")
    assert code == 0
    cells = {
        row[0]: [re.sub(" <sub>.*", "", cell) for cell in row[1:]]
        for row in ([c.strip() for c in line.split("|")[1:-1]] for line in printed.out.splitlines())
        if row
    }
    # Row 1: 7 characters marked, 8 predicted, 5 shared; row 2: 2, 4, 1. Row 1: the tokens York and
    # today are marked, in and York predicted; row 2: It marked, It and rained predicted.
    assert cells["QA"] == ["1", "62.5", "71.4", "66.7", "50.0"]
    assert cells["Summary"] == ["2", "25.0", "50.0", "33.3", "66.7"]
    assert cells["all"] == ["3", "50.0", "66.7", "57.1", "57.1"]


@pytest.mark.parametrize(
    ("predictions", "words"),
    [
        ([{"id": "1", "spans": []}], "2 rows have no predicted spans, the first is 2"),
        ([{"id": n, "spans": [[0, 99]]} for n in "123"], "predicted spans of 1, span 1: 'start' 0"),
        ([{"id": "1", "spans": [[1]]}], "object 1: a span is [start, end], not [1]"),
        ([{"id": "1"}], "object 1: give an 'id', and 'spans'"),
        ([{"id": "1", "spans": []}, {"id": 1, "spans": []}], "object 2: a second object"),
    ],
)
def test_broken_predictions_are_named(tmp_path, capsys, predictions, words):
    a_ragtruth_folder(tmp_path)
    code, printed = spans_of(capsys, tmp_path, predictions)
    assert (code, printed.out) == (2, "")
    assert words in printed.err
