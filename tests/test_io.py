"""Tables in and out, checked with json, csv, pandas and pyarrow themselves."""

import csv
import gzip
import hashlib
import io
import json
import math
import os
import re
import resource
import sys
import time
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
    arrow_schema,
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


def bytes_of(table: Table, ending: str) -> bytes:
    stream = io.BytesIO()
    TableWriter(ending, stream).write(table, {})
    return stream.getvalue()


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
    lines = bytes_of(Table("t", [], rows), ".jsonl").decode("utf-8").split("\n")
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


@pytest.mark.parametrize("cell", ["a\rb", "\r", "a\r", "a\r\nb", "a\nb"])
def test_csv_cells_with_any_line_end_are_quoted(cell):
    # As RFC 4180 asks; a csv writer that ends lines in \n leaves a lone \r bare on some Pythons.
    found = bytes_of(Table("t", [cell], [{cell: cell}]), ".csv")
    assert found == f'"{cell}"\n"{cell}"\n'.encode()


@pytest.mark.alone
def test_csv_header_is_read_in_time_linear_in_its_columns(tmp_path):
    def seconds(columns: int) -> float:
        path = tmp_path / "wide.csv"
        path.write_text(",".join(f"c{i}" for i in range(columns)) + "\n")
        start = time.process_time()
        assert len(read_table(str(path)).columns) == columns
        return time.process_time() - start

    seconds(100)
    assert seconds(32_000) < 8 * max(seconds(8_000), 0.01)  # squared, it would be 16 times


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


NO_UTF8 = pa.Array.from_buffers(
    pa.string(), 2, [None, pa.py_buffer(b"\0\0\0\0\2\0\0\0\3\0\0\0"), pa.py_buffer(b"\xff\xfea")]
)
UNREAD = {
    "timestamp": pa.array([2**62, 0], pa.timestamp("us")),
    "date": pa.array([2**30, None], pa.date32()),
    "time": pa.array([[2**62], []], pa.list_(pa.timestamp("us"))),
    "duration": pa.array([2**62, 1], pa.duration("s")),
    "text": NO_UTF8,
    "structs": pa.StructArray.from_arrays([NO_UTF8], ["a"]),
}


@pytest.mark.parametrize("name", UNREAD)
def test_parquet_columns_that_python_cannot_hold_are_kept(tmp_path, name):
    texts = pa.array(["s", "t"])
    table = pa.table({"source": texts, "n": UNREAD[name]})
    pq.write_table(table, tmp_path / "in.parquet")
    rows = read_table(str(tmp_path / "in.parquet")).rows
    assert [row["source"] for row in rows] == ["s", "t"]
    found = pq.read_table(copied(tmp_path / "in.parquet", tmp_path / "out.parquet"))
    assert found.schema.field("n").type == table.schema.field("n").type
    assert found["n"].combine_chunks().to_string() == UNREAD[name].to_string()
    copied(tmp_path / "in.parquet", tmp_path / "out.jsonl")
    assert [row["source"] for row in jsonl_rows(tmp_path / "out.jsonl")] == ["s", "t"]


def test_values_that_python_holds_stay_beside_one_that_it_does_not(tmp_path):
    days = pa.array([2**30, 1], pa.date32())
    pq.write_table(pa.table({"n": days, "t": NO_UTF8}), tmp_path / "in.parquet")
    first, second = read_table(str(tmp_path / "in.parquet")).rows
    assert str(2**30) in first["n"]
    assert (second["n"].isoformat(), second["t"]) == ("1970-01-02", "a")
    assert first["t"] == b"\xff\xfe"  # no text: what needs one refuses it


def test_parquet_with_two_columns_of_one_name_is_refused(tmp_path):
    columns = [pa.array(["s"]), pa.array(["a"]), pa.array(["b"])]
    pq.write_table(pa.table(columns, names=["source", "n", "n"]), tmp_path / "in.parquet")
    with pytest.raises(InputError, match=r"in\.parquet: two columns are called 'n'"):
        read_table(str(tmp_path / "in.parquet"))


def nested(value: object, levels: int) -> object:
    for _ in range(levels):
        value = [value]
    return value


def structs(value: object, levels: int) -> object:
    for _ in range(levels):
        value = {"a": value}
    return value


@pytest.mark.parametrize(("nest", "levels"), [(nested, 48), (structs, 95)])
def test_the_deepest_cells_that_parquet_can_be_read_of_are_written(tmp_path, nest, levels):
    table = Table("t", ["n"], [{"n": nest(1, levels)}])
    arrow_schema([table])
    with table_writer(str(tmp_path / "deep.parquet")) as writer:
        writer.write(table, {})
    assert pq.read_table(tmp_path / "deep.parquet").to_pylist() == table.rows


@pytest.mark.parametrize(("nest", "levels"), [(nested, 52), (structs, 101), (nested, 300)])
def test_cells_too_deep_for_parquet_are_refused(nest, levels):
    with pytest.raises(InputError, match="column 'n' does not fit parquet"):
        arrow_schema([Table("t", ["n"], [{"n": nest(1, levels)}])])


@pytest.mark.parametrize("ending", [".jsonl", ".json"])
def test_deep_nesting_is_refused_when_it_is_read(tmp_path, ending):
    for levels, fine in ((499, True), (501, False), (900, False)):
        path = tmp_path / f"deep{ending}"
        text = json.dumps({"source": "s", "n": nested(math.nan, levels - 1)})
        path.write_text(f"[{text}]" if ending == ".json" else f"{text}\n")
        if fine:
            copied(path, tmp_path / "out.jsonl")
            assert jsonl_rows(tmp_path / "out.jsonl")[0]["n"] == nested(None, levels - 1)
            continue
        with pytest.raises(InputError, match="nested more than 500 levels deep"):
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
def test_unknown_ending_of_an_output_lists_the_known_ones(tmp_path, name):
    with pytest.raises(InputError, match=r"give one of: \.jsonl, \.csv, \.parquet, or -"):
        table_writer(str(tmp_path / name)).__enter__()


@pytest.mark.parametrize("name", ["rows", "rows.xlsx", "rows.parquet.gz", "rows.gz"])
def test_unknown_ending_of_an_input_lists_the_known_ones(tmp_path, name):
    (tmp_path / name).write_text("{}")
    with pytest.raises(InputError, match=r"give one of: \.jsonl, .*\.tsv, .*\.csv\.gz, .*or -"):
        read_table(str(tmp_path / name))


# ------------------------------------------------------------ formats that are only read

FRAME = pd.DataFrame({"source": ["It\trained.", "b"], "summary": ['"Dry", he said.', "d\ne"]})


@pytest.mark.parametrize("packed", ["", ".gz"])
@pytest.mark.parametrize("ending", [".tsv", ".csv", ".json", ".jsonl"])
def test_formats_are_read_as_pandas_wrote_them(tmp_path, ending, packed):
    path = tmp_path / f"rows{ending}{packed}"
    if ending in (".csv", ".tsv"):
        FRAME.to_csv(path, sep={".csv": ",", ".tsv": "\t"}[ending], index=False)
    else:
        FRAME.to_json(path, orient="records", lines=ending == ".jsonl")
    assert read_table(str(path)).rows == FRAME.to_dict("records")
    windows = list(open_table(str(path)).windows(Bounds(1, 10**6)))
    assert [table.rows for table in windows] == [[row] for row in FRAME.to_dict("records")]
    assert open_table(str(path)).sha256() == hashlib.sha256(path.read_bytes()).hexdigest()


def test_lines_of_json_in_a_json_file_are_rows(tmp_path):
    rows = write_jsonl(tmp_path / "rows.json", NESTED)
    assert read_table(str(rows)).rows == NESTED


def test_rows_of_an_array_are_named_by_number(tmp_path):
    (tmp_path / "rows.json").write_text(' [{"source": "s"},\n\n{"source": "t"}]')
    assert read_table(str(tmp_path / "rows.json")).where(1).endswith("rows.json, row 2")
    (tmp_path / "rows.json").write_text('[{"source": "s"}, 5]')
    with pytest.raises(InputError, match=r"rows\.json, row 2: not a JSON object"):
        read_table(str(tmp_path / "rows.json"))
    (tmp_path / "rows.json").write_text('[{"source": "s"}')
    with pytest.raises(InputError, match=r"rows\.json: not JSON"):
        read_table(str(tmp_path / "rows.json"))


@pytest.mark.parametrize(
    "content", [gzip.compress(b'{"a": 1}\n', mtime=0)[:-9], b"\x1f\x8b", b'{"a": 1}\n']
)
def test_what_is_no_whole_gzip_file_is_refused(tmp_path, content):
    (tmp_path / "rows.jsonl.gz").write_bytes(content)
    with pytest.raises(InputError, match=r"cannot read .*rows\.jsonl\.gz: .*gzip"):
        read_table(str(tmp_path / "rows.jsonl.gz"))


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


@pytest.mark.parametrize("column", ["Article", "ARTICLE", " article", "article "])
@pytest.mark.parametrize("name", [None, "article"])
def test_case_and_spaces_of_a_column_do_not_count(column, name):
    assert Table("t", ["id", column], []).column(name, SOURCE_NAMES, role="source") == column


def test_a_column_of_the_very_name_wins_and_two_others_are_no_choice():
    table = Table("t", ["Source", "SOURCE", "source"], [])
    assert table.column(None, SOURCE_NAMES, role="source") == "source"
    with pytest.raises(InputError, match="no source column; its columns: Source, SOURCE"):
        Table("t", ["Source", "SOURCE"], []).column(None, SOURCE_NAMES, role="source")


def test_missing_column_lists_the_names_that_are_known():
    with pytest.raises(InputError, match="names that are known: " + ", ".join(SUMMARY_NAMES)):
        Table("t", ["foo"], []).column(None, SUMMARY_NAMES, role="summary")


@pytest.mark.parametrize("mark", [";", "|", "\t"])
def test_cells_cut_at_something_else_are_pointed_out(tmp_path, mark):
    (tmp_path / "rows.csv").write_text(f"source{mark}summary\ns{mark}c\n")
    with pytest.raises(InputError, match=re.escape(f"not at {mark!r}")):
        read_table(str(tmp_path / "rows.csv")).column(None, SOURCE_NAMES, role="source")


def test_column_names_in_errors_are_harmless_to_a_terminal():
    with pytest.raises(InputError) as caught:
        Table("t", ["a\x1b[2J\x07\nb"], []).column(None, SOURCE_NAMES, role="source")
    assert "its columns: a?[2J? b." in str(caught.value)


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


@pytest.mark.parametrize("mode", [0o600, 0o640, 0o755])
def test_a_file_that_is_replaced_keeps_its_mode(tmp_path, mode):
    place = tmp_path / "out.jsonl"
    place.touch()
    place.chmod(mode)
    with table_writer(str(place)) as writer:
        [beside] = [path for path in tmp_path.iterdir() if path != place]
        assert beside.stat().st_mode & 0o077 & ~mode == 0  # nobody may read it meanwhile either
        writer.write(Table("t", ["a"], [{"a": 1}]), {})
    assert place.stat().st_mode & 0o777 == mode
    assert jsonl_rows(place) == [{"a": 1}]


@pytest.mark.parametrize("there", [True, False])
def test_a_link_is_written_through(tmp_path, there):
    (tmp_path / "elsewhere").mkdir()
    real, link = tmp_path / "elsewhere" / "real.txt", tmp_path / "link.jsonl"
    if there:
        real.write_text("old")
    link.symlink_to(real)
    with table_writer(str(link)) as writer:
        writer.write(Table("t", ["a"], [{"a": 1}]), {})
    assert link.is_symlink()
    assert jsonl_rows(real) == [{"a": 1}]
    assert [path.name for path in real.parent.iterdir()] == ["real.txt"]


def test_a_pipe_is_written_and_stays(tmp_path):
    os.mkfifo(tmp_path / "pipe.jsonl")
    reading = os.open(tmp_path / "pipe.jsonl", os.O_RDONLY | os.O_NONBLOCK)
    with table_writer(str(tmp_path / "pipe.jsonl")) as writer:
        writer.write(Table("t", ["a"], [{"a": 1}]), {})
    assert os.read(reading, 100) == b'{"a": 1}\n'
    os.close(reading)
    assert (tmp_path / "pipe.jsonl").is_fifo()


def test_of_two_writers_of_one_place_the_last_to_end_wins_whole(tmp_path):
    place = tmp_path / "out.jsonl"
    with table_writer(str(place)) as first:
        with table_writer(str(place)) as second:
            for writer, letter in ((first, "f"), (second, "s"), (first, "f")):
                writer.write(Table("t", ["a"], [{"a": letter * 9999}]), {})
        assert jsonl_rows(place) == [{"a": "s" * 9999}]
    assert jsonl_rows(place) == [{"a": "f" * 9999}] * 2
    assert [path.name for path in tmp_path.iterdir()] == ["out.jsonl"]


@pytest.mark.parametrize("ending", [".jsonl", ".csv", ".parquet"])
def test_a_full_disk_names_the_place(tmp_path, ending):
    """A limit on the size of files stands for the disk."""
    place = tmp_path / f"out{ending}"
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    table = Table("t", ["a"], [{"a": str(number) * 50} for number in range(5000)])
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, limits[1]))
    try:
        with pytest.raises(InputError) as caught, table_writer(str(place)) as writer:
            writer.write(table, {})
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert str(caught.value) == f"cannot write {place}: File too large"
    assert list(tmp_path.iterdir()) == []


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
