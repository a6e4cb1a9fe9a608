"""Statistics and overlaps of datasets, against the same counted with tuples, sets and pandas."""

import gzip
import json
import random
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from describe_datasets import (
    Rows,
    Statistics,
    describe,
    describe_rows,
    distribution,
    documents_jsonl,
    load_statistics,
    main,
    read_splits,
    train_jsonl,
)
from shared_rows import (
    RowHashes,
    RunIndex,
    SharedRows,
    all_shared_rows,
    hash_rows,
    runs_among,
    shared_rows,
)

from alignscore_metric.errors import InputError
from alignscore_metric.leaderboards.cards import get_card, load_cards
from alignscore_metric.text.ngrams import (
    LONG,
    SHORT,
    distinct,
    is_among,
    ngram_hashes,
    normalise,
    runs_of,
    word_hashes,
)

Table = list[tuple[str | None, str]]


def make_table(rng: random.Random, rows: int, *, words: int = 20, letters: str = "ab") -> Table:
    """Rows of texts over a small vocabulary, so that everything repeats; some lack a source."""

    def text() -> str:
        return " ".join(rng.choice(letters) for _ in range(rng.randint(0, words)))

    return [(None if rng.random() < 0.1 else text(), text()) for _ in range(rows)]


def hashed(table: Table):
    return hash_rows([source for source, _ in table], [summary for _, summary in table])


def grams(text: str | None, n: int) -> list[tuple[str, ...]]:
    words = normalise(text or "")
    return [tuple(words[i : i + n]) for i in range(len(words) - n + 1)]


@pytest.fixture
def rng() -> random.Random:
    return random.Random(0)  # noqa: S311  # draws words


def test_normal_form_passes_over_case_spacing_and_punctuation():
    assert normalise("He 's  here!") == normalise("he's HERE")
    assert normalise("Étude n° 3") == ["étude", "n", "3"]
    assert normalise("...") == []


@pytest.mark.parametrize("n", [1, 2, 5])
def test_equal_hashes_are_equal_ngrams(rng, n):
    text = " ".join(rng.choice("abc") for _ in range(200))
    expected, hashes = grams(text, n), ngram_hashes(word_hashes(text), n).tolist()
    assert len(expected) == len(hashes)
    assert len(set(expected)) == len(set(zip(expected, hashes, strict=True))) == len(set(hashes))
    assert ngram_hashes(word_hashes("a b"), 3).shape == (0,)


def test_runs_stay_inside_their_text(rng):
    texts = [" ".join(rng.choice("ab") for _ in range(size)) for size in (0, 3, 1, 7, 2, 3)]
    runs, owner = runs_of([word_hashes(text) for text in texts], 3)
    assert owner.tolist() == [i for i, text in enumerate(texts) for _ in grams(text, 3)]
    alone = [hashes for text in texts for hashes in ngram_hashes(word_hashes(text), 3).tolist()]
    assert runs.tolist() == alone
    assert len(runs_of([], 3)[0]) == len(runs_of([word_hashes("a b")], 3)[0]) == 0


def test_sorted_lookups_are_those_of_numpy():
    random_numbers = np.random.default_rng(0).integers(0, 50, 200).astype(np.uint64)
    some = random_numbers[:40]
    assert distinct(some, random_numbers).tolist() == np.unique(random_numbers).tolist()
    known = distinct(some)
    assert is_among(random_numbers, known).tolist() == np.isin(random_numbers, some).tolist()
    assert not is_among(some, distinct()).any()


def brute_shared(table: Table, other: Table) -> SharedRows:
    def key(text: str | None) -> tuple[str, ...]:
        return tuple(normalise(text or ""))

    texts = {key(text) for row in other for text in row} - {()}
    pairs = {(key(source), key(summary)) for source, summary in other if key(source)}
    return SharedRows(
        source=sum(key(source) in texts for source, _ in table),
        summary=sum(key(summary) in texts for _, summary in table),
        pair=sum(
            bool(key(source) and key(summary)) and (key(source), key(summary)) in pairs
            for source, summary in table
        ),
    )


def test_shared_rows_are_those_counted_with_sets(rng):
    tables = {name: make_table(rng, 60, words=4) for name in ("one", "two", "three")}
    tables["alone"] = [("x y", "z")]
    tables["blank"] = [(None, "..."), ("", "!")]
    hashes = {name: hashed(table).row_hashes() for name, table in tables.items()}
    expected = {
        name: {
            other: found
            for other, theirs in tables.items()
            if other != name and (found := brute_shared(table, theirs)) != SharedRows(0, 0, 0)
        }
        for name, table in tables.items()
    }
    assert expected["one"]["two"].pair
    assert not expected["alone"]
    assert all_shared_rows(hashes) == expected
    for name, others in expected.items():
        for other, found in others.items():
            assert shared_rows(hashes[name], hashes[other]) == found
    assert all_shared_rows({}) == {}


def test_runs_of_13_or_8_words_are_those_counted_with_tuples(rng):
    letters = "abcd"
    evaluation, training = (make_table(rng, 80, words=30, letters=letters) for _ in range(2))
    training += [(evaluation[0][0], "d " + evaluation[1][1]), (None, "c " + evaluation[2][1])]
    index = RunIndex.of(hashed(evaluation))
    found = runs_among(hashed(training), distinct(index.run), texts_at_once=7)
    texts = [text for row in training for text in row]
    known = {n: {gram for text in texts for gram in grams(text, n)} for n in (LONG, SHORT)}

    def shares(text: str | None) -> bool:
        n = LONG if len(normalise(text or "")) >= LONG else SHORT
        return any(gram in known[n] for gram in grams(text, n))

    expected = tuple(sum(shares(row[place]) for row in evaluation) for place in (0, 1))
    assert index.rows_with(found) == expected
    assert 0 < expected[0] < 80
    assert 0 < expected[1] < 80


def statistics_of(table: Table, labels: list[str | None]):
    rows = Rows(
        [source for source, _ in table],
        [summary for _, summary in table],
        labels,
        np.full(len(table), np.nan),
    )
    return describe_rows(rows, hashed(table))


def test_statistics_of_a_split_are_those_of_pandas(rng):
    table = make_table(rng, 150, words=3)
    labels = [rng.choice(["bin 0", "bin 1", None]) for _ in table]
    found = statistics_of(table, labels)
    frame = pd.DataFrame(table, columns=["source", "summary"]).assign(label=labels)
    assert found.rows == 150
    assert found.labels == frame.label.fillna("none").value_counts().to_dict()
    assert found.without_source == frame.source.isna().sum()
    words = frame.summary.str.split().str.len()
    assert found.summary_words is not None
    assert found.summary_words.median == words.median()
    assert found.summary_words.p95 == round(words.quantile(0.95), 1)
    assert found.summary_words.mean == round(words.mean(), 1)
    told = frame[(frame.source.fillna("") != "") & (frame.summary != "")]
    assert found.documents == frame.source[frame.source.fillna("") != ""].nunique()
    assert found.repeated_pairs == told.duplicated(["source", "summary"]).sum() > 0
    several = told.groupby(["source", "summary"]).label.nunique()
    assert found.conflicting_pairs == (several > 1).sum() > 0


def test_coverage_is_the_mean_share_of_ngrams_in_the_source(rng):
    table = make_table(rng, 60, words=8, letters="abc")
    for n, share in statistics_of(table, [None] * 60).coverage.items():
        shares = [
            len(set(grams(summary, n)) & set(grams(source, n))) / len(set(grams(summary, n)))
            for source, summary in table
            if source is not None and grams(summary, n)
        ]
        assert share == pytest.approx(np.mean(shares), abs=1e-4)


def test_sentences_are_counted():
    found = statistics_of([("Dr. Smith left. It rained. He came back.", "He left.")], [None])
    assert found.source_sentences is not None
    assert found.summary_sentences is not None
    assert (found.source_sentences.mean, found.summary_sentences.mean) == (3, 1)


def test_graded_judgments_conflict_where_they_differ():
    rows = Rows(["a", "a", "b"], ["c", "c", "d"], [None] * 3, np.array([0.2, 0.4, 1.0]))
    found = describe_rows(rows, hash_rows(rows.sources, rows.summaries))
    assert (found.repeated_pairs, found.conflicting_pairs) == (1, 1)
    assert found.graded == distribution([0.2, 0.4, 1.0], digits=3)
    assert found.labels == {"none": 3}


def test_no_rows_give_no_distribution():
    assert distribution([]) is None


def training_line(source="It rained all day.", summary="It rained.", kind="bin", label=1) -> str:
    row = {"text_a": source, "text_b": summary, "label_type": kind, "label": label}
    return json.dumps(row) + "\n"


def test_training_files_are_read_plain_and_gzipped(tmp_path):
    lines = training_line() + training_line(kind="reg", label=0.5) + training_line(kind="tri")
    plain, packed = tmp_path / "a.jsonl", tmp_path / "a.jsonl.gz"
    plain.write_text(lines)
    packed.write_bytes(gzip.compress(lines.encode()))
    for rows in (train_jsonl(plain), train_jsonl(packed)):
        assert rows.labels == ["bin 1", None, "tri 1"]
        assert rows.graded.tolist()[1] == 0.5
        assert rows.sources[0] is rows.sources[2]


@pytest.mark.parametrize(
    "line",
    [
        "{",
        "{}\n",
        training_line(label=2),
        training_line(kind="tri", label=3),
        training_line(kind="reg", label=1.5),
        training_line(kind="other"),
        training_line(summary=None),
        training_line(label="yes"),
    ],
)
def test_a_broken_line_is_an_error_that_names_it(tmp_path, line):
    file = tmp_path / "a.jsonl"
    file.write_text(training_line() + line)
    with pytest.raises(InputError, match=r"a\.jsonl, line 2"):
        train_jsonl(file)


def document_line(**changed) -> str:
    return json.dumps({"document": "It rained all day.", "summary": "It rained."} | changed) + "\n"


def test_documents_with_summaries_have_no_labels(tmp_path):
    file = tmp_path / "a.jsonl"
    file.write_text(document_line() + document_line(summary="It was wet."))
    rows = documents_jsonl(file)
    assert rows.sources == ["It rained all day."] * 2
    assert rows.summaries == ["It rained.", "It was wet."]
    assert rows.labels == [None, None]
    assert np.isnan(rows.graded).all()


@pytest.mark.parametrize("line", [training_line(), document_line(summary=None)])
def test_a_document_without_its_summary_is_an_error_that_names_the_line(tmp_path, line):
    file = tmp_path / "a.jsonl"
    file.write_text(document_line() + line)
    with pytest.raises(InputError, match=r"a\.jsonl, line 2"):
        documents_jsonl(file)


def test_a_damaged_file_is_an_error_that_names_it(tmp_path):
    file = tmp_path / "a.jsonl.gz"
    file.write_bytes(gzip.compress(training_line().encode() * 500)[:60])
    with pytest.raises(InputError, match=r"a\.jsonl\.gz"):
        train_jsonl(file)


@pytest.fixture
def folder(tmp_path) -> Path:
    """A data folder with one training set (two splits) and one evaluation set, made up."""
    copied = "the quick brown fox jumps over the lazy dog near the old river bank"
    (tmp_path / "train").mkdir()
    (tmp_path / "train" / "gap.jsonl").write_text(
        training_line() + training_line(f"Once {copied}.", "A fox jumps.")
    )
    (tmp_path / "train" / "gap.dev.jsonl").write_text(training_line() + training_line("x", "y"))
    rows = [(f"{copied} today", "It rained.", 1), ("Something else.", "It is dry.", 0)]
    judged = [
        {"dataset": "rank19", "split": "test", "id": str(i), "source": source, "summary": summary}
        | {"label": label, "human_score": None, "system": None, "origin": None}
        for i, (source, summary, label) in enumerate(rows)
    ]
    split = next(iter(get_card("rank19").splits))
    lines = (json.dumps(row | {"split": split}) + "\n" for row in judged)
    (tmp_path / "rank19.jsonl").write_text("".join(lines))
    return tmp_path


def test_describe_counts_what_sets_and_splits_share(folder):
    found = describe([folder])
    assert list(found) == ["rank19", "gap"]
    (shared,) = found["rank19"].overlaps
    assert (shared.dataset, shared.source, shared.summary, shared.pair) == ("gap", 0, 1, 0)
    assert (shared.source_runs, shared.summary_runs) == (1, 0)
    assert found["gap"].overlaps[0].summary == 2
    assert found["gap"].overlaps[0].source_runs is None
    assert found["gap"].splits["dev"].in_other_splits == SharedRows(1, 1, 1)
    assert next(iter(found["rank19"].splits.values())).labels == {"0": 1, "1": 1}


def test_the_script_writes_files_without_texts(folder, tmp_path):
    assert main(["--data", str(folder), "--output", str(tmp_path / "cards")]) == 0
    files = sorted((tmp_path / "cards").glob("*/*"))
    assert [file.relative_to(tmp_path / "cards").as_posix() for file in files] == [
        "evaluation/rank19.stats.json",
        "training/gap.stats.json",
    ]
    for file, expected in zip(files, describe([folder]).values(), strict=True):
        assert Statistics.model_validate_json(file.read_text()) == expected
        assert "fox" not in file.read_text()


@pytest.mark.parametrize("named", ["nowhere", "damaged"])
def test_the_script_refuses_in_a_line(tmp_path, capsys, named):
    (tmp_path / "damaged").mkdir()
    (tmp_path / "damaged" / "gap.jsonl").write_text("{")
    with pytest.raises(SystemExit):
        main(["--data", str(tmp_path / named), "--output", str(tmp_path / "cards")])
    reason = {"nowhere": "no such folder", "damaged": "gap.jsonl, line 1"}[named]
    assert reason in capsys.readouterr().err.splitlines()[-1]
    assert not (tmp_path / "cards").exists()


def test_no_data_gives_no_statistics(tmp_path):
    assert describe([tmp_path]) == {}


def test_a_broken_statistics_file_is_an_error(tmp_path):
    card = get_card("gap")
    (tmp_path / "training").mkdir()
    (tmp_path / "training" / "gap.stats.json").write_text("{}")
    with pytest.raises(InputError, match=r"gap\.stats\.json"):
        load_statistics(card, tmp_path)


@pytest.mark.parametrize(
    "name", ["sick", "x_commitmentbank", "docs_pubmedqa_conclusions", "qags_cnndm"]
)
def test_stored_statistics_are_those_of_the_files(shared, name):
    card = load_cards()[name]
    stored = load_statistics(card)
    splits = read_splits(card, [shared, shared / "benchmarks"])
    assert stored is not None
    assert set(stored.splits) == set(splits)
    for split, rows in splits.items():
        found = describe_rows(rows, hash_rows(rows.sources, rows.summaries))
        assert stored.splits[split].model_copy(update={"in_other_splits": None}) == found


def test_rows_without_texts_share_nothing():
    none = np.zeros(3, dtype=np.uint64)
    rows = RowHashes(none, none)
    assert shared_rows(rows, rows) == SharedRows(0, 0, 0)
