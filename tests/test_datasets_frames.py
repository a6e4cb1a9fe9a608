"""Evaluation sets from the user's own tables."""

import json
import math

import datasets
import pandas as pd
import pytest

from alignscore_metric.errors import ConfigurationError, InputError
from alignscore_metric.leaderboards.datasets import from_datasets, from_file, from_frame
from alignscore_metric.leaderboards.items import COLUMNS, DETAIL_COLUMNS

TABLE = pd.DataFrame(
    {
        "article": ["It rained.", "It snowed."],
        "claim": ["Rain.", "Sun."],
        "ok": [True, False],
        "model": ["a", None],
    },
    index=[7, 7],
)


def test_a_frame_with_its_own_column_names():
    made = from_frame(TABLE, name="mine", columns={"label": "ok", "system": "model"})
    assert (made.dataset, made.split, len(made)) == ("mine", "all", 2)
    assert tuple(made.frame.columns) == (*COLUMNS, *DETAIL_COLUMNS)
    assert list(made.frame.index) == [0, 1]
    first, second = made.frame.to_dict("records")
    assert (first["id"], first["source"], first["label"], first["system"]) == (
        "0", "It rained.", 1.0, "a",
    )  # fmt: skip
    assert second["system"] is None
    assert math.isnan(second["human_score"])


def test_graded_judgments_need_no_label():
    frame = TABLE.assign(human_score=[4.5, 1]).drop(columns="ok")
    assert from_frame(frame, name="mine", split="dev").frame.human_score.tolist() == [4.5, 1.0]


def test_the_hash_depends_on_texts_and_judgments_alone():
    made = from_frame(TABLE, name="a", columns={"label": "ok"})
    same = from_frame(TABLE.rename(columns={"ok": "label"}), name="b")
    other = from_frame(TABLE.assign(label=[0, 0]), name="b")
    assert made.hash == same.hash != other.hash


@pytest.mark.parametrize("ending", ["jsonl", "csv", "parquet"])
def test_files_of_every_kind_and_datasets_give_the_same_set(tmp_path, ending):
    table = TABLE.reset_index(drop=True).assign(ok=[1, 0])
    file = tmp_path / f"judged.{ending}"
    {
        "jsonl": lambda: table.to_json(file, orient="records", lines=True),
        "csv": lambda: table.to_csv(file, index=False),
        "parquet": lambda: table.to_parquet(file),
    }[ending]()
    made = from_file(file, columns={"label": "ok"})
    same = from_datasets(
        datasets.Dataset.from_pandas(table), name="judged", columns={"label": "ok"}
    )
    assert made.dataset == "judged"
    assert made.files == (f"judged.{ending}",)
    pd.testing.assert_frame_equal(made.frame, same.frame)


@pytest.mark.parametrize(
    ("columns", "error", "message"),
    [
        ({"labels": "ok"}, ConfigurationError, "no column 'labels' in an evaluation set"),
        ({"label": "okay"}, InputError, "mine: no column 'okay'; its columns: article, claim"),
        ({}, InputError, "mine: no judgments"),
        ({"label": "model"}, InputError, r"mine, row 1 \(id 0\): label 'a' is not a number"),
        ({"label": "ok", "id": "claim2"}, InputError, "no column 'claim2'"),
    ],
)
def test_wrong_columns_are_named(columns, error, message):
    with pytest.raises(error, match=message):
        from_frame(TABLE, name="mine", columns=columns)


@pytest.mark.parametrize(
    ("column", "values", "message"),
    [
        ("label", [1, 0.5], r"row 2 .*label 0.5; give 1 .consistent., 0 .not. or nothing"),
        ("label", [1, None], "row 2 .*neither"),
        ("id", ["x", "x"], "rows 1 and 2 have the same id 'x'"),
        ("id", [1, "1"], "rows 1 and 2 have the same id '1'"),
        ("claim", ["a", None], "row 2 .*the summary is NoneType, not text"),
        ("article", ["a", ["b"]], "row 2 .*the source is list, not text"),
        ("human_score", [1, math.inf], "row 2 .*infinite"),
    ],
)
def test_wrong_values_are_named(column, values, message):
    frame = TABLE.assign(label=[1, 0]).astype(object)
    frame[column] = pd.Series(values, index=frame.index, dtype=object)
    with pytest.raises(InputError, match=message):
        from_frame(frame, name="mine")


def test_broken_files_are_named(tmp_path):
    file = tmp_path / "judged.jsonl"
    file.write_text(json.dumps({"source": "a"}) + "\n{", encoding="utf-8")
    with pytest.raises(InputError, match=r"judged\.jsonl, line 2"):
        from_file(file)
