"""Tables in and out, checked with json, csv, pandas and pyarrow themselves."""

import csv
import hashlib
import io
import json
import math
import re
import sys
from datetime import datetime, timezone
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from alignscore_metric.errors import InputError
from alignscore_metric.files.tables import (
    SOURCE_NAMES,
    SUMMARY_NAMES,
    Bounds,
    Table,
    TableWriter,
    open_table,
    read_table,
    table_writer,
)

NESTED = [
    {"source": "Caf\u00e9 \u2028 \U0001f600", "summary": "a", "meta": {"n": 1, "deep": [1, None]}},
    {"source": ["p one", "p two"], "summary": 'b\n"q"', "extra": 2.5},
    {"source": "lone \ud800 surrogate", "summary": "", "flag": True},
]


def write_jsonl(path: Path, rows: list[dict]) -> Path:
    # ensure_ascii keeps lone surrogates as escapes, as any JSON writer must.
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def copied(source: Path, target: Path, added: dict[str, list] | None = None) -> Path:
    table = read_table(str(source))
    with table_writer(str(target)) as writer:
        writer.write(table, added or {})
    return target


def jsonl_rows(path: Path) -> list[dict]:
    return [json.loads(line) for line in path.read_bytes().split(b"\n") if line]


# ------------------------------------------------------------ round trips


def test_jsonl_keeps_every_value(tmp_path):
    source = write_jsonl(tmp_path / "in.jsonl", NESTED)
    target = copied(source, tmp_path / "out.jsonl", {"score": [0.5, None, 1.0]})
    expected = [row | {"score": s} for row, s in zip(NESTED, [0.5, None, 1.0], strict=True)]
    assert jsonl_rows(target) == expected
    assert [list(row) for row in jsonl_rows(target)] == [list(row) for row in expected]
    target.read_bytes().decode("utf-8")  # strictly UTF-8, whatever the input held


def test_jsonl_writes_readable_unicode_not_escapes(tmp_path):
    source = write_jsonl(tmp_path / "in.jsonl", [{"source": "Z\u00fcrich", "summary": "\u6771"}])
    text = copied(source, tmp_path / "out.jsonl").read_text(encoding="utf-8")
    assert "Z\u00fcrich" in text
    assert "\u6771" in text


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=())),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)


def test_jsonl_has_null_where_json_has_no_number():
    stream = io.BytesIO()
    rows = [{"a": math.nan, "b": [1.5, {"c": math.inf}]}]
    TableWriter(".jsonl", stream).write(Table("t", ["a", "b"], rows), {})
    assert stream.getvalue() == b'{"a": null, "b": [1.5, {"c": null}]}\n'


@given(st.lists(st.dictionaries(st.text(), json_values, max_size=4), max_size=5))
def test_jsonl_round_trip_of_anything(rows):
    def written(table: Table) -> bytes:
        stream = io.BytesIO()
        TableWriter(".jsonl", stream).write(table, {})
        return stream.getvalue()

    lines = written(Table("t", [], rows)).decode("utf-8").split("\n")
    assert lines.pop() == ""
    assert [json.loads(line) for line in lines] == rows


AWKWARD_CELLS = [
    ["id", "source", "summary"],
    ["007", 'He said "no", twice', "line one\nline two"],
    ["1.50", "dos\r\nbreak and \r alone", "sep \u2028 \u2029 \x85 end"],
    ["", "  spaces  ", "NaN"],
    ["null", "\u00e9\U0001f600", "=1+1"],
]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
def test_csv_cells_are_unchanged(tmp_path, encoding):
    source, target = tmp_path / "in.csv", tmp_path / "out.csv"
    with source.open("w", encoding=encoding, newline="") as stream:
        csv.writer(stream).writerows(AWKWARD_CELLS)
    copied(source, target, {"score": [0.25, None, 1.0, 0.0]})
    with target.open(encoding="utf-8", newline="") as stream:
        found = list(csv.reader(stream, strict=True))
    scores = ["score", "0.25", "", "1.0", "0.0"]
    assert found == [[*row, s] for row, s in zip(AWKWARD_CELLS, scores, strict=True)]
    frame = pd.read_csv(target, dtype=str, keep_default_na=False)
    assert frame["summary"].tolist() == [row[2] for row in AWKWARD_CELLS[1:]]


def test_csv_with_two_columns_of_one_name_is_refused(tmp_path):
    # A row is a dict: the second cell would overwrite the first, and be written twice.
    (tmp_path / "in.csv").write_text("source,summary,note,note\ns,c,first,second\n")
    with pytest.raises(InputError, match=r"in\.csv.*'note'"):
        read_table(str(tmp_path / "in.csv"))


def test_csv_of_millions_of_characters_in_a_cell(tmp_path):
    long = "word " * 100_000
    with (tmp_path / "in.csv").open("w", newline="") as stream:
        csv.writer(stream).writerows([["source", "summary"], [long, "s"]])
    assert read_table(str(tmp_path / "in.csv")).rows == [{"source": long, "summary": "s"}]


def parquet_table() -> pa.Table:
    moment = datetime(2024, 2, 29, 12, 30, tzinfo=timezone.utc)
    return pa.table(
        {
            "source": pa.array([["a b", "c"], ["d"]], pa.list_(pa.string())),
            "summary": pa.array(["x", "y"], pa.large_string()),
            "n": pa.array([1, None], pa.int32()),
            "when": pa.array([moment, moment], pa.timestamp("us", tz="UTC")),
            "kind": pa.array(["u", "v"]).dictionary_encode(),
            "bytes": pa.array([b"\x00\xff", b""], pa.binary()),
        }
    ).replace_schema_metadata({"made_by": "a test"})


def test_parquet_keeps_every_type(tmp_path):
    before = parquet_table()
    pq.write_table(before, tmp_path / "in.parquet")
    target = copied(tmp_path / "in.parquet", tmp_path / "out.parquet", {"score": [0.5, None]})
    after = pq.read_table(target)
    assert after.drop_columns(["score"]).equals(before)
    assert after.schema.metadata[b"made_by"] == b"a test"
    assert after.schema.field("n").type == pa.int32()
    assert after.schema.field("score").type == pa.float64()
    assert after["score"].to_pylist() == [0.5, None]


@pytest.mark.parametrize(
    "values", [[None, None], [[], []], [[{"sentence": "a", "score": 1.0}], []]]
)
def test_parquet_takes_every_column_that_scoring_adds(tmp_path, values):
    pq.write_table(parquet_table(), tmp_path / "in.parquet")
    target = copied(tmp_path / "in.parquet", tmp_path / "out.parquet", {"added": values})
    assert pq.read_table(target)["added"].to_pylist() == values


# ------------------------------------------------------------ across formats


def test_parquet_to_jsonl(tmp_path):
    pq.write_table(parquet_table().drop_columns(["bytes"]), tmp_path / "in.parquet")
    first, second = jsonl_rows(copied(tmp_path / "in.parquet", tmp_path / "out.jsonl"))
    assert first["source"] == ["a b", "c"]
    assert (first["n"], second["n"]) == (1, None)
    assert datetime.fromisoformat(first["when"]) == datetime(
        2024, 2, 29, 12, 30, tzinfo=timezone.utc
    )


def test_jsonl_to_csv_has_lists_and_objects_as_json(tmp_path):
    source = write_jsonl(tmp_path / "in.jsonl", NESTED[:2])
    added = {"evidence": [[{"sentence": "\u00e9"}], []]}
    target = copied(source, tmp_path / "out.csv", added)
    with target.open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream, strict=True))
    assert list(rows[0]) == ["source", "summary", "meta", "extra", "evidence"]
    assert json.loads(rows[0]["meta"]) == NESTED[0]["meta"]
    assert json.loads(rows[1]["source"]) == ["p one", "p two"]
    assert json.loads(rows[0]["evidence"]) == added["evidence"][0]
    assert (rows[1]["meta"], rows[1]["summary"]) == ("", 'b\n"q"')


def test_lone_surrogate_can_be_written_to_csv(tmp_path):
    source = write_jsonl(tmp_path / "in.jsonl", NESTED[2:])
    assert "lone \\ud800 surrogate" in copied(source, tmp_path / "out.csv").read_text("utf-8")


def test_jsonl_to_parquet(tmp_path):
    rows = [{"source": ["a"], "n": 1, "m": {"k": "v"}}, {"source": ["b", "c"], "n": 2.5}]
    source = write_jsonl(tmp_path / "in.jsonl", rows)
    target = copied(source, tmp_path / "out.parquet", {"score": [None, 0.5]})
    assert pq.read_table(target).to_pylist() == [
        {"source": ["a"], "n": 1.0, "m": {"k": "v"}, "score": None},
        {"source": ["b", "c"], "n": 2.5, "m": None, "score": 0.5},
    ]


@pytest.mark.parametrize(
    "values",
    [[1, "one"], ["text", ["list"]], ["\ud800", "b"], [2**70, 1], [{}, {}]],
    ids=["number-text", "text-list", "surrogate", "huge-int", "empty-object"],
)
def test_column_that_does_not_fit_parquet_is_named(tmp_path, values):
    source = write_jsonl(tmp_path / "in.jsonl", [{"source": "s", "odd": v} for v in values])
    with pytest.raises(InputError, match=r"'odd'.*\.jsonl"):
        copied(source, tmp_path / "out.parquet")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["in.jsonl"]


# ------------------------------------------------------------ windows


def written(folder: Path, ending: str, rows: list[dict]) -> Path:
    path = folder / f"in{ending}"
    if ending == ".csv":
        pd.DataFrame(rows).to_csv(path, index=False)
    elif ending == ".parquet":
        pq.write_table(pa.Table.from_pylist(rows), path, row_group_size=3)
    else:
        write_jsonl(path, rows)
    return path


SIZES = [5, 30, 5, 200, 5, 5, 5, 40, 40, 5]


@pytest.mark.parametrize("ending", [".jsonl", ".csv", ".parquet"])
@pytest.mark.parametrize("bounds", [(1, 10**6), (4, 10**6), (10, 120), (3, 90), (10**6, 10**6)])
def test_windows_keep_to_both_bounds_and_lose_no_row(tmp_path, ending, bounds):
    rows = [{"n": f"{i}", "text": "x" * size} for i, size in enumerate(SIZES)]
    path = written(tmp_path, ending, rows)
    windows = list(open_table(str(path)).windows(Bounds(*bounds)))
    assert [row for window in windows for row in window.rows] == rows
    sizes = [1 + len(row["text"]) for row in rows]
    if ending == ".jsonl":
        sizes = [len(line) + 1 for line in path.read_text().splitlines()]
    first = 0
    for window in windows:
        assert window.first == first
        here = sizes[first : first + len(window.rows)]
        assert len(here) <= bounds[0]
        assert sum(here) <= bounds[1] or len(here) == 1
        after = sizes[first + len(here) :][:1]  # full: one more row would break a bound
        assert not after or len(here) == bounds[0] or sum(here) + after[0] > bounds[1]
        first += len(here)
        place = (first, "row") if ending == ".parquet" else (first + (ending == ".csv"), "line")
        assert window.where(len(here) - 1) == f"{path}, {place[1]} {place[0]}"
        if ending == ".parquet":
            assert window.arrow.to_pylist() == window.rows


def test_windows_of_the_same_file_are_the_same(tmp_path):
    reader = open_table(str(write_jsonl(tmp_path / "in.jsonl", NESTED * 50)))
    bounds = Bounds(7, 300)
    first, second = ([w.lines for w in reader.windows(bounds)] for _ in range(2))
    assert first == second
    assert len(first) > 2


def test_hash_is_that_of_the_bytes(tmp_path):
    path = write_jsonl(tmp_path / "in.jsonl", NESTED)
    assert open_table(str(path)).sha256() == hashlib.sha256(path.read_bytes()).hexdigest()


# ------------------------------------------------------------ broken input


@pytest.mark.parametrize("bad", ["{not json}", '{"a": 1', "[" * 100_000, '{"a": 1} {"b": 2}'])
def test_broken_json_names_file_and_line_past_blank_lines(tmp_path, bad):
    path = tmp_path / "rows.jsonl"
    path.write_text(f'{{"a": 1}}\n\n   \r\n{bad}\n{{"a": 2}}\n')
    with pytest.raises(InputError, match=rf"^{re.escape(str(path))}, line 4: not JSON"):
        read_table(str(path))


@pytest.mark.parametrize("bad", ["[1]", '"text"', "3", "null"])
def test_json_that_is_no_object(tmp_path, bad):
    path = tmp_path / "rows.jsonl"
    path.write_text(f'\n{{"a": 1}}\n{bad}\n')
    with pytest.raises(InputError, match=r"rows\.jsonl, line 3: not a JSON object"):
        read_table(str(path))


def test_blank_lines_are_skipped_and_rows_keep_their_line_numbers(tmp_path):
    path = tmp_path / "rows.jsonl"
    path.write_bytes(b'\xef\xbb\xbf{"a": 1}\r\n\r\n\n{"b": 2}')
    table = read_table(str(path))
    assert table.rows == [{"a": 1}, {"b": 2}]
    assert table.columns == ["a", "b"]
    assert [table.where(row) for row in (0, 1)] == [f"{path}, line 1", f"{path}, line 4"]


def test_csv_row_with_too_many_cells_names_the_line(tmp_path):
    path = tmp_path / "rows.csv"
    path.write_text('source,summary\n"two\nlines",b\nc,d,e\n')
    with pytest.raises(InputError, match=r"rows\.csv, line 4: more cells than the header"):
        read_table(str(path))


def test_csv_row_with_too_few_cells_has_none(tmp_path):
    (tmp_path / "rows.csv").write_text("source,summary\na\n\nc,d\n")
    table = read_table(str(tmp_path / "rows.csv"))
    assert table.rows == [{"source": "a", "summary": None}, {"source": "c", "summary": "d"}]
    assert table.where(1).endswith("line 4")


def test_csv_with_an_open_quote(tmp_path):
    (tmp_path / "rows.csv").write_text('source,summary\n"never closed,b\n')
    with pytest.raises(InputError, match=r"rows\.csv, line \d+: broken CSV"):
        read_table(str(tmp_path / "rows.csv"))


@pytest.mark.parametrize("ending", [".csv", ".jsonl"])
def test_text_that_is_not_utf8(tmp_path, ending):
    path = tmp_path / f"rows{ending}"
    path.write_bytes(b'{"source": "caf\xe9"}\n' if ending == ".jsonl" else b"source\ncaf\xe9\n")
    with pytest.raises(InputError, match=rf"rows\{ending}.*utf-8"):
        read_table(str(path))


@pytest.mark.parametrize("content", [b"", b"PAR1 but not really PAR1", b"plain text" * 100])
def test_unreadable_parquet(tmp_path, content):
    (tmp_path / "rows.parquet").write_bytes(content)
    with pytest.raises(InputError, match=r"rows\.parquet is not a readable parquet file"):
        read_table(str(tmp_path / "rows.parquet"))


@pytest.mark.parametrize("ending", [".jsonl", ".csv", ".parquet"])
def test_missing_file_and_folder(tmp_path, ending):
    with pytest.raises(InputError, match=rf"cannot read .*absent\{ending}: (?i:no such file)"):
        read_table(str(tmp_path / f"absent{ending}"))
    (tmp_path / f"folder{ending}").mkdir()
    with pytest.raises(InputError, match=rf"cannot read .*folder\{ending}"):
        read_table(str(tmp_path / f"folder{ending}"))


@pytest.mark.parametrize("name", ["rows.json", "rows.tsv", "rows", "rows.jsonl.gz"])
def test_unknown_ending_lists_the_known_ones(tmp_path, name):
    (tmp_path / name).write_text("{}")
    for attempt in (read_table, lambda path: table_writer(path).__enter__()):
        with pytest.raises(InputError, match=r"give one of: \.jsonl, \.csv, \.parquet, or -"):
            attempt(str(tmp_path / name))


# ------------------------------------------------------------ columns


@pytest.mark.parametrize(("known", "role"), [(SOURCE_NAMES, "source"), (SUMMARY_NAMES, "summary")])
def test_known_column_names_are_recognised_in_their_order(known, role):
    for place, name in enumerate(known):
        # Every later name is there too, and stands first in the file.
        table = Table("t", [*reversed(known[place:]), "other"], [])
        assert table.column(None, known, role=role) == name


def test_named_column_wins_over_known_ones():
    table = Table("t", ["source", "mine"], [])
    assert table.column("mine", SOURCE_NAMES, role="source") == "mine"


@pytest.mark.parametrize("name", [None, "sorce"])
@pytest.mark.parametrize("role", ["source", "summary"])
def test_missing_column_lists_the_columns_and_the_option(name, role):
    known = {"source": SOURCE_NAMES, "summary": SUMMARY_NAMES}[role]
    table = Table("rows.csv", ["src", "smry"], [])
    with pytest.raises(InputError, match=rf"^rows\.csv: .*src, smry.*--{role}-column") as caught:
        table.column(name, known, role=role)
    assert name is None or repr(name) in str(caught.value)


def test_missing_column_of_a_table_without_columns():
    with pytest.raises(InputError, match="its columns: none"):
        Table("t", [], []).column(None, SOURCE_NAMES, role="source")


def test_a_misspelt_name_does_not_fall_back_to_a_known_column():
    with pytest.raises(InputError, match="no column 'sorce'"):
        Table("t", ["source"], []).column("sorce", SOURCE_NAMES, role="source")


def test_where_of_parquet_counts_rows_from_one():
    assert Table("t.parquet", ["a"], [{"a": 1}]).where(0) == "t.parquet, row 1"


# ------------------------------------------------------------ table_writer


@pytest.mark.parametrize("ending", [".jsonl", ".csv", ".parquet"])
@pytest.mark.parametrize("place", ["missing/out", "folder"])
def test_unwritable_place_is_refused_before_the_block_runs(tmp_path, ending, place):
    (tmp_path / f"folder{ending}").mkdir()
    ran = []
    with (
        pytest.raises(InputError, match=rf"cannot write .*{place}\{ending}"),
        table_writer(str(tmp_path / f"{place}{ending}")),
    ):
        ran.append(True)
    assert not ran
    assert [p.name for p in tmp_path.iterdir()] == [f"folder{ending}"]


@pytest.mark.parametrize("existing", [None, b"precious"])
def test_nothing_is_left_behind_when_the_block_raises(tmp_path, existing):
    target = tmp_path / "out.jsonl"
    if existing is not None:
        target.write_bytes(existing)
    with pytest.raises(KeyError), table_writer(str(target)) as writer:
        _write_then_fail(writer)
    left = {p.name: p.read_bytes() for p in tmp_path.iterdir()}
    assert left == ({} if existing is None else {"out.jsonl": existing})


def _write_then_fail(writer: TableWriter) -> None:
    writer.write(Table("t", ["a"], [{"a": 1}]), {})
    raise KeyError("half-way")


def test_existing_file_is_replaced_as_a_whole_and_may_be_the_input(tmp_path):
    path = write_jsonl(tmp_path / "rows.jsonl", [{"source": "s" * 500}])
    copied(path, path, {"score": [1]})
    assert jsonl_rows(path) == [{"source": "s" * 500, "score": 1}]
    assert [p.name for p in tmp_path.iterdir()] == ["rows.jsonl"]


def test_file_appears_only_when_the_block_has_ended(tmp_path):
    target = tmp_path / "out.csv"
    with table_writer(str(target)) as writer:
        writer.write(Table("t", ["a"], [{"a": 1}]), {})
        assert not target.exists()
    assert target.read_text() == "a\n1\n"


def test_dash_reads_stdin_and_writes_stdout(monkeypatch, capsysbinary):
    stdin = io.TextIOWrapper(io.BytesIO(b'{"source": "s"}\n\nnot json\n'))
    monkeypatch.setattr(sys, "stdin", stdin)
    with pytest.raises(InputError, match=r"^stdin, line 3: not JSON"):
        read_table("-")
    with table_writer("-") as writer:
        writer.write(Table("t", ["a"], [{"a": "\u00e9"}]), {"b": [None]})
    assert capsysbinary.readouterr().out == '{"a": "\u00e9", "b": null}\n'.encode()
