"""Item tables and boards on disk, tasks from cards, and AlignScore's clean-up, by hand cases."""

import json
import math
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

import alignscore_metric.leaderboards.tasks
from alignscore_metric.errors import ConfigurationError, InputError
from alignscore_metric.leaderboards.board import Board, Cell, Column, PairwiseTest, Row
from alignscore_metric.leaderboards.cards import Membership, load_cards
from alignscore_metric.leaderboards.cleanup import clean_up
from alignscore_metric.leaderboards.datasets import from_frame
from alignscore_metric.leaderboards.items import (
    ITEM_COLUMNS,
    EvaluationSet,
    ItemTable,
    RunInfo,
    read_items,
    text_key,
    write_items,
)
from alignscore_metric.leaderboards.runs import submitted_table
from alignscore_metric.leaderboards.tasks import Task, benchmarks, tasks_of

TEXTS = pd.DataFrame(
    {
        "id": ["a", "b", "caf\u00e9/\u6f22", "d"],
        "source": ["The quick brown fox.", "The quick brown fox.", "\u00dcber alles", "Zebra"],
        "summary": ["Unmistakable summary", "Another statement", "Dritte Aussage", ""],
        "label": [1, 0, None, 1],
        "human_score": [0.1, None, 2 / 3, None],
        "system": ["pegasus", None, "bart", None],
        "origin": [None] * 4,
    }
)
INFO = RunInfo(
    metric="na\u00efve/\U0001f600 metric",
    signature="model:x|version:1",
    dataset="mine",
    split="val+test",
    dataset_hash="0123456789ab",
    seconds=12.345,
    training_sets=("snli", "xsum_synth"),
    discrepancies=("test: 3 rows; published: 4 rows", 'with "quotes"'),
)


def evaluation_set(**changes) -> EvaluationSet:
    return from_frame(TEXTS.assign(**changes), name="mine")


def table() -> ItemTable:
    scores = dict(zip(TEXTS.id, [0.25, math.nan, 1 / 3, -1e-300], strict=True))
    made = submitted_table(evaluation_set(), scores, metric="m", signature="s")
    return replace(made, info=INFO)


# ------------------------------------------------------------ item tables


def test_an_item_table_comes_back_as_it_was(tmp_path):
    file = tmp_path / "deep" / "down" / "t.parquet"
    made = table()
    write_items(made, file)
    again = read_items(file)
    assert again.info == INFO
    pd.testing.assert_frame_equal(again.frame, made.frame)
    assert list(again.frame.columns) == list(ITEM_COLUMNS)
    np.testing.assert_equal(again.frame.score.tolist(), [0.25, math.nan, 1 / 3, -1e-300])
    np.testing.assert_equal(again.frame.label.tolist(), [1.0, 0.0, math.nan, 1.0])
    np.testing.assert_equal(again.frame.human_score.tolist(), [0.1, math.nan, 2 / 3, math.nan])
    assert again.frame.system.tolist() == ["pegasus", None, "bart", None]
    assert again.frame.origin.tolist() == [None] * 4
    assert again.frame.id.tolist() == TEXTS.id.tolist()
    assert again.frame.document.nunique() == 3
    assert [path.name for path in file.parent.iterdir()] == ["t.parquet"]


def test_an_item_table_has_one_form_however_its_frame_was_made(tmp_path):
    made = table()
    odd = made.frame.astype({"id": "string", "label": "float32", "system": "category"})
    odd = odd.assign(extra=1)[[*reversed(ITEM_COLUMNS), "extra"]].set_index(np.arange(4) * 7)
    write_items(ItemTable(INFO, odd), tmp_path / "odd.parquet")
    pd.testing.assert_frame_equal(read_items(tmp_path / "odd.parquet").frame, made.frame)


def test_other_parquet_readers_find_the_columns(tmp_path):
    write_items(table(), tmp_path / "t.parquet")
    rows = pq.read_table(tmp_path / "t.parquet").to_pylist()
    assert rows[0] == {
        "id": "a",
        "text": text_key("The quick brown fox.\0Unmistakable summary"),
        "document": text_key("The quick brown fox."),
        "score": 0.25,
        "label": 1.0,
        "human_score": 0.1,
        "system": "pegasus",
        "origin": None,
        "errors": None,
        "divided": None,
    }


def test_no_text_is_in_the_file(tmp_path):
    made = table()
    write_items(made, tmp_path / "t.parquet")
    content = (tmp_path / "t.parquet").read_bytes()
    shown = pq.read_table(tmp_path / "t.parquet")
    everything = content + repr(shown.to_pylist()).encode() + repr(shown.schema).encode()
    assert b"pegasus" in everything
    for text in ("quick", "Unmistakable", "statement", "Zebra", "\u00dcber", "Aussage"):
        assert text.encode() not in everything


def test_a_damaged_item_table_is_refused(tmp_path):
    file = tmp_path / "t.parquet"
    write_items(table(), file)
    whole = file.read_bytes()
    for size in [*range(0, len(whole), 97), len(whole) - 1]:
        file.write_bytes(whole[:size])
        with pytest.raises(InputError, match=r"t\.parquet is not an item table.*delete it"):
            read_items(file)
    file.write_bytes(whole[:4] + bytes(200) + whole[204:])  # its pages, not its footer
    with pytest.raises(InputError, match=r"t\.parquet is not an item table"):
        read_items(file)
    with pytest.raises(InputError, match="is not an item table"):
        read_items(tmp_path / "absent.parquet")


@pytest.mark.parametrize(
    "info",
    [None, b"{", b"[]", b"{}", b'{"metric": "m"}', b'{"training_sets": null}', b"\xff"],
)
def test_another_parquet_file_is_refused(tmp_path, info):
    file = tmp_path / "other.parquet"
    write_items(table(), file)
    content = pq.read_table(file)
    metadata = None if info is None else {"alignscore_run": info}
    pq.write_table(content.replace_schema_metadata(metadata), file)
    with pytest.raises(InputError, match=r"other\.parquet is not an item table"):
        read_items(file)
    pq.write_table(content.drop_columns(["score"]), file)
    with pytest.raises(InputError, match=r"other\.parquet is not an item table"):
        read_items(file)


def test_text_keys():
    assert text_key("abc") == "ba7816bf8f01cfea"  # sha256's first test vector (FIPS 180-4)
    assert text_key("\u00e9") != text_key("e\u0301")
    assert len(text_key("lone \ud800 surrogate")) == 16


# ------------------------------------------------------------ the hash of an evaluation set


def test_the_hash_covers_ids_texts_judgments_and_order():
    changes = [
        {},
        {"id": ["a", "b", "c", "e"]},
        {"source": ["The quick brown fox."] * 4},
        {"summary": ["Unmistakable summary", "Another statement", "Dritte Aussage", " "]},
        {"label": [1, 1, None, 1]},
        {"label": [1, 0, 0, 1]},
        {"human_score": [0.1, None, 0.6666, None]},
        {"human_score": [0.1, 0, 2 / 3, None]},
        {"source": TEXTS.summary, "summary": TEXTS.source},
    ]
    sets = [evaluation_set(**change) for change in changes]
    sets.append(from_frame(TEXTS[::-1], name="mine"))
    sets.append(from_frame(TEXTS[:3], name="mine"))
    hashes = [data.hash for data in sets]
    assert len(set(hashes)) == len(hashes)
    assert all(len(one) == 12 and set(one) <= set("0123456789abcdef") for one in hashes)


def test_the_hash_covers_nothing_else():
    first = evaluation_set()
    assert evaluation_set(system="other", origin="cnndm").hash == first.hash
    other = EvaluationSet("another", "val", first.frame, ("file",), ("odd",))
    assert other.hash == first.hash
    assert from_frame(TEXTS.set_index(np.arange(4) + 9), name="x", split="y").hash == first.hash


def test_the_hash_tells_neighbouring_columns_apart():
    pairs = [("ab", "c"), ("a", "bc"), ('a", "b', "c"), ("a", 'b", "c')]
    hashes = {
        evaluation_set(source=[source] * 4, summary=[summary] * 4).hash for source, summary in pairs
    }
    assert len(hashes) == len(pairs)


# ------------------------------------------------------------ boards

BOARD = Board(
    benchmark="summac",
    split="test",
    statistic="roc_auc",
    columns=(
        Column("frank/test", "frank", "ab12", rows=10, positives=4, documents=5),
        Column("caf\u00e9/test", "c", "cd34", 9, None, 9, in_mean=False, discrepancies=("one",)),
    ),
    rows=(
        Row(
            "mini",
            "measured",
            "model:mini|version:1",
            {
                "frank/test": Cell(0.1 + 0.2, 0.25, 0.35, cluster=1, overlaps=("xsum_synth",)),
                "caf\u00e9/test": Cell(math.nan, reason="all labels are 1", undefined=3),
            },
            mean=Cell(1 / 3, 0.2, 0.4, cluster=2),
            seconds=1.5,
        ),
        Row("theirs", "published", "a paper", {"frank/test": Cell(0.9)}),
    ),
    tests=(PairwiseTest("mean", "mini", "other", 0.1, 0.001, math.nan),),
    settings={"resamples": 1000, "seed": 0, "systems": False, "missing_tasks": ["xsumfaith/test"]},
)


def test_a_board_comes_back_as_it_was():
    text = BOARD.to_json()
    json.loads(text, parse_constant=lambda name: pytest.fail(f"{name} is no JSON"))
    again = Board.from_json(text)
    assert repr(again) == repr(BOARD)  # NaN is not equal to itself
    assert again.to_json() == text
    assert again.rows[0].cells["frank/test"] == BOARD.rows[0].cells["frank/test"]
    assert json.loads(text)["rows"][0]["cells"]["caf\u00e9/test"]["value"] is None


def _changed(path: tuple, value) -> str:
    content = json.loads(BOARD.to_json())
    place = content
    for step in path[:-1]:
        place = place[step]
    if value is KeyError:
        del place[path[-1]]
    else:
        place[path[-1]] = value
    return json.dumps(content)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        "3",
        "{}",
        _changed(("format",), 2),
        _changed(("format",), KeyError),
        _changed(("rows",), KeyError),
        _changed(("rows",), None),
        _changed(("rows",), ["mini"]),
        _changed(("columns", 0, "key"), KeyError),
        _changed(("columns", 0, "colour"), "red"),
        _changed(("rows", 0, "cells"), []),
        _changed(("rows", 0, "cells", "frank/test", "value"), "high"),
        _changed(("rows", 0, "cells", "frank/test", "value"), KeyError),
        _changed(("rows", 0, "mean"), KeyError),
        _changed(("tests", 0, "q"), 1),
        _changed(("split",), KeyError),
        _changed(("more",), 1),
    ],
)
def test_what_is_no_board_is_refused(text):
    with pytest.raises(InputError, match=r"mine\.json is not a leaderboard in JSON"):
        Board.from_json(text, where="mine.json")


# ------------------------------------------------------------ tasks


@pytest.fixture
def cards(monkeypatch):
    """Three cards with places in benchmarks, and no file."""

    def card(name, *members):
        return SimpleNamespace(name=name, benchmarks=members)

    made = [
        card(
            "one",
            Membership(benchmark="b", task="first", splits=("val", "test")),
            Membership(
                benchmark="pool",
                task="x",
                splits=("val", "test"),
                pooled=True,
                target="human_score",
                where={"origin": "xsum"},
                in_mean=False,
            ),
        ),
        card("two", Membership(benchmark="b", task="second", splits=("test",))),
        card("three"),
    ]
    monkeypatch.setattr(
        alignscore_metric.leaderboards.tasks, "load_cards", lambda: {c.name: c for c in made}
    )


@pytest.mark.usefixtures("cards")
def test_tasks_of_a_benchmark():
    assert tasks_of("b") == [
        Task("b", "first", "one", ("val",)),
        Task("b", "first", "one", ("test",)),
        Task("b", "second", "two", ("test",)),
    ]
    assert [task.key for task in tasks_of("b", split="test")] == ["first/test", "second/test"]
    assert [task.key for task in tasks_of("b", split="val")] == ["first/val"]
    (pooled,) = tasks_of("pool")
    assert pooled == Task(
        "pool", "x", "one", ("val", "test"), "human_score", {"origin": "xsum"}, False
    )
    assert (pooled.key, pooled.split) == ("x/val+test", "val+test")
    assert tasks_of("pool", split="val+test") == [pooled]
    assert benchmarks() == ["b", "pool"]


@pytest.mark.usefixtures("cards")
def test_tasks_that_are_not_there():
    with pytest.raises(ConfigurationError, match="no benchmark 'c'; there are b, pool"):
        tasks_of("c")
    with pytest.raises(ConfigurationError, match="b has no split 'all', only test, val"):
        tasks_of("b", split="all")
    with pytest.raises(ConfigurationError, match=r"pool has no split 'val', only val\+test"):
        tasks_of("pool", split="val")


def test_the_tasks_of_the_real_cards_have_their_own_keys():
    assert {"summac", "true", "alignscore_other"} <= set(benchmarks())
    for benchmark in benchmarks():
        keys = [task.key for task in tasks_of(benchmark)]
        assert len(set(keys)) == len(keys)
        for task in tasks_of(benchmark):
            assert set(task.splits) <= set(load_cards()[task.dataset].splits)


# ------------------------------------------------------------ clean-up


def by_full_stops(text: str) -> list[str]:
    return [f"{part}." for part in text.split(".") if part]


@pytest.mark.parametrize(
    ("source", "summary", "expected"),
    [
        # Casing of the same token in the source; of several the last one.
        ("Ann met ANN.", "ann met bob", "Ann met bob."),
        ("ANN Ann ann", "x ANN Ann", "X ann ann."),
        ("ann Ann ANN", "x ann Ann", "X ANN ANN."),
        # Whole white-space tokens: punctuation belongs to them.
        ("in Rome, Ann", "it is rome , or rome, or rome", "It is rome , or Rome, or rome."),
        ("McDonald's iPhone", "an iphone of mcdonald's", "An iPhone of McDonald's."),
        # Plain quotes and brackets, after the casing.
        ("", "\u201ca\u201d \u2018b\u2019 `c` -lrb-d-rrb-", "\"a\" 'b' 'c' (d)."),
        ("", "``a''", "''a''."),
        ("", "x -LRB- y -RRB-", "X -LRB- y -RRB-."),  # upper case is left alone
        ("-LRB- it", "x -lrb- it", "X -LRB- it."),
        ("\u2018Tis", "\u2018tis", "'Tis."),
        # First letters of sentences; white space.
        ("", "it rained. it was\tdry.\n  snow fell", "It rained. It was dry. Snow fell."),
        ("", "\u00e9t\u00e9. 3 dogs. \"so\"", "\u00c9t\u00e9. 3 dogs. \"so\"."),
        ("iPhone", "iphone works", "IPhone works."),
        # Nothing.
        ("Ann", "", ""),
        ("Ann", " \n\t ", ""),
        ("", "a", "A."),
    ],
)  # fmt: skip
def test_clean_up_by_hand(source, summary, expected):
    assert clean_up(source, summary, split=by_full_stops) == expected


def test_clean_up_skips_blank_sentences():
    assert clean_up("", "a b", split=lambda text: ["", " ", " a ", "b"]) == "A B"


def test_tables_of_earlier_versions_lack_what_later_ones_tell(tmp_path):
    write_items(table(), tmp_path / "new.parquet")
    content = pq.read_table(tmp_path / "new.parquet")
    pq.write_table(content.drop_columns(["errors", "divided"]), tmp_path / "old.parquet")
    old, new = (read_items(tmp_path / f"{name}.parquet") for name in ("old", "new"))
    assert old.info == new.info
    assert list(old.frame.columns) == list(ITEM_COLUMNS)
    assert old.frame["errors"].isna().all()
    assert old.frame["divided"].isna().all()
    assert old.frame["score"].equals(new.frame["score"])
