"""`alignscore score` on files of any size: windows, resumption, against plain loops and readers."""

import csv
import io
import json
import os
import pickle
import resource
import signal
import subprocess
import sys
import threading
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import ClassVar

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import alignscore_metric.files.growing
import alignscore_metric.files.scoring
import alignscore_metric.files.tables
import alignscore_metric.metric
from alignscore_metric.commands.main import main
from alignscore_metric.engine.engine import TruncationWarning
from alignscore_metric.errors import InputError
from alignscore_metric.files.growing import growing_table
from alignscore_metric.files.scoring import score_file
from alignscore_metric.files.tables import Bounds, Table
from alignscore_metric.files.windows import (
    WORK,
    Scored,
    Window,
    by_work,
    score_tables,
    score_windows,
)
from alignscore_metric.metric import check_inputs
from alignscore_metric.result import AlignScoreResult
from alignscore_metric.scores.aggregation import aggregate_sentences, max_over_chunks
from alignscore_metric.system.background import ahead
from alignscore_metric.text.pairs import build_pair_table

ENDINGS = [".jsonl", ".csv", ".parquet"]
ROWS = 11


def texts(row: int) -> tuple[str, str]:
    """A source and a summary, split at bars; sources repeat, row 4 claims nothing."""
    return f"s{row // 3}|t{row % 4}", "" if row == 4 else f"c{row}|d{row % 2}"


def pair_score(chunk: str, sentence: str) -> float:
    """Any number in [0, 1), of the two texts alone."""
    return (sum(map(ord, chunk)) * 31 + sum(map(ord, sentence)) * 17) % 97 / 97


def row_score(row: int) -> float | None:
    """The score by loops."""
    source, summary = texts(row)
    best = [max(pair_score(c, s) for c in source.split("|")) for s in summary.split("|") if summary]
    return sum(best) / len(best) if best else None


class FakeMetric:
    """What the command uses of `AlignScore`, without a model."""

    signature = "alignscore|model:fake"
    device = type("Device", (), {"type": "cpu"})
    tables: ClassVar[list[int]] = []  # examples of each table that was scored

    def __init__(self, *args, **kwargs) -> None:
        """Any options."""

    def pair_table(self, sources, summaries):
        check_inputs(sources, summaries)
        return build_pair_table(
            sources,
            summaries,
            split_source=lambda source: source.split("|"),
            split_summary=lambda summary: [s for s in summary.split("|") if s],
        )

    def evaluate_table(self, table, *, spans=False, threshold=None):
        self.tables.append(len(table))
        scores = np.array([pair_score(table.chunks[c], table.sentences[s]) for c, s in table.pairs])
        best, cells = max_over_chunks(scores[table.cells], table.sentence_cells)
        means = aggregate_sentences(best, table.example_sentences, "mean")
        return AlignScoreResult(means, best, cells, table, self.signature)


@pytest.fixture(autouse=True)
def fake(monkeypatch) -> type[FakeMetric]:
    """The fake metric, and windows of two rows."""
    monkeypatch.setattr(FakeMetric, "tables", [])
    monkeypatch.setattr(FakeMetric, "signature", "alignscore|model:fake")
    monkeypatch.setattr(alignscore_metric.metric, "AlignScore", FakeMetric)
    monkeypatch.setattr(alignscore_metric.files.scoring, "AlignScore", FakeMetric)
    monkeypatch.setattr(alignscore_metric.files.tables, "WINDOW", Bounds(2, 10**6))
    return FakeMetric


def given(folder: Path, ending: str, rows: int = ROWS) -> Path:
    """A file of rows, written by a writer that is not ours."""
    path = folder / f"rows{ending}"
    cells = [
        {"id": f"r{i}", "source": texts(i)[0], "summary": texts(i)[1], "note": str(i)}
        for i in range(rows)
    ]
    if ending == ".jsonl":
        path.write_text("".join(json.dumps(row) + "\n" for row in cells), encoding="utf-8")
    elif ending == ".csv":
        with path.open("w", newline="", encoding="utf-8") as stream:
            writer = csv.DictWriter(stream, ["id", "source", "summary", "note"])
            writer.writeheader()
            writer.writerows(cells)
    else:
        names = ("id", "source", "summary", "note")
        columns = {name: pa.array([row[name] for row in cells], pa.string()) for name in names}
        pq.write_table(pa.table(columns), path, row_group_size=5)
    return path


def scored(path: Path) -> list[tuple[str, float | None, object]]:
    """Id, score and evidence of the rows of a written file, by readers that are not ours."""
    if path.suffix == ".parquet":
        rows = pq.read_table(path).to_pylist()
    elif path.suffix == ".jsonl":
        rows = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
    else:
        with path.open(newline="", encoding="utf-8") as stream:
            rows = list(csv.DictReader(stream, strict=True))
        for row in rows:
            row["alignscore"] = float(row["alignscore"]) if row["alignscore"] else None
            row["alignscore_evidence"] = json.loads(row["alignscore_evidence"])
    return [(row["id"], row["alignscore"], row["alignscore_evidence"]) for row in rows]


def score(*argv: object) -> int:
    return main(["score", *map(str, argv)])


def inside(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


# ------------------------------------------------------------ windows


@pytest.mark.parametrize("target", ENDINGS)
@pytest.mark.parametrize("source", ENDINGS)
@pytest.mark.parametrize("rows", [1, 3, 1000])
def test_every_row_has_the_score_of_loops_whatever_the_window(
    tmp_path, monkeypatch, fake, source, target, rows
):
    monkeypatch.setattr(alignscore_metric.files.tables, "WINDOW", Bounds(rows, 10**6))
    output = tmp_path / f"out{target}"
    assert score(given(tmp_path, source), "-o", output, "--evidence", "-q") == 0
    assert fake.tables == [min(rows, ROWS - i) for i in range(0, ROWS, rows)]
    found = scored(output)
    assert [row[:2] for row in found] == [
        (f"r{i}", None if row_score(i) is None else pytest.approx(row_score(i), abs=1e-12))
        for i in range(ROWS)
    ]
    for i, (_, _, evidence) in enumerate(found):
        chunks = texts(i)[0].split("|")
        sentences = [s for s in texts(i)[1].split("|") if s]
        assert [e["sentence"] for e in evidence] == sentences
        for e in evidence:
            assert e["score"] == max(pair_score(c, e["sentence"]) for c in chunks)
            assert chunks[e["chunk_index"]] == e["chunk"]
    assert inside(tmp_path) == sorted({f"rows{source}", f"out{target}"})


@pytest.mark.parametrize("ending", [".jsonl", ".csv"])
def test_bytes_do_not_depend_on_the_window(tmp_path, monkeypatch, ending):
    source, written = given(tmp_path, ".jsonl"), []
    for rows in (1, 4, 1000):
        monkeypatch.setattr(alignscore_metric.files.tables, "WINDOW", Bounds(rows, 10**6))
        assert score(source, "-o", tmp_path / f"out{ending}", "--evidence", "-q") == 0
        written.append((tmp_path / f"out{ending}").read_bytes())
    assert written[0] == written[1] == written[2]


@pytest.mark.parametrize("ending", ENDINGS)
def test_input_without_rows(tmp_path, ending, capsys):
    source = given(tmp_path, ending, rows=0)
    if ending == ".jsonl":
        assert score(source, "-o", tmp_path / "out.jsonl") == 2
        assert "no source column; its columns: none" in capsys.readouterr().err
        return
    assert score(source, "-o", tmp_path / f"out{ending}", "--evidence", "-q") == 0
    assert scored(tmp_path / f"out{ending}") == []
    assert "0 pairs" in capsys.readouterr().err


def test_summary_line_is_that_of_all_rows_at_once(tmp_path, monkeypatch, capsys):
    source, lines = given(tmp_path, ".jsonl"), []
    for rows in (2, 1000):
        monkeypatch.setattr(alignscore_metric.files.tables, "WINDOW", Bounds(rows, 10**6))
        score(source, "-o", tmp_path / f"out{rows}.jsonl", "-q")
        lines.append(capsys.readouterr().err)
    assert lines[0] == lines[1]
    defined = [s for s in map(row_score, range(ROWS)) if s is not None]
    assert f"AlignScore (fake) {sum(defined) / len(defined):.4f} (95%" in lines[0]
    assert f"{ROWS} pairs, 1 without a sentence" in lines[0]


def test_report_is_that_of_all_rows_at_once(tmp_path, monkeypatch):
    source, pages = given(tmp_path, ".jsonl"), []
    for rows in (1, 2, 1000):
        monkeypatch.setattr(alignscore_metric.files.tables, "WINDOW", Bounds(rows, 10**6))
        assert score(source, "-o", tmp_path / "o.csv", "--report", tmp_path / "r.html", "-q") == 0
        pages.append((tmp_path / "r.html").read_bytes())
    assert pages[0] == pages[1] == pages[2]


def test_a_scorer_may_read_ahead(tmp_path):
    """As one that sends windows to several devices does: all are taken before one is scored."""

    def eager(windows):
        taken = list(windows)
        return iter([Scored(np.array([float(w.summaries[0][1:2])]), 1) for w in taken])

    tables = [Table("t", [], [{"a": "s", "b": f"c{i}"}]) for i in range(5)]
    found = list(score_tables(iter(tables), ("a", "b"), eager))
    assert [(table.rows[0]["b"], s.scores[0]) for table, s in found] == [
        (f"c{i}", float(i)) for i in range(5)
    ]


def unpickled(value: object):
    return pickle.loads(pickle.dumps(value))  # noqa: S301  # our own


def test_windows_and_results_can_be_pickled(fake):
    window = Window([texts(0)[0]], [texts(0)[1]])
    [result] = score_windows(fake(), [unpickled(window)], evidence=True)
    copied = unpickled(result)
    assert copied.scores[0] == pytest.approx(row_score(0))
    assert copied.evidence.sentences(0) == result.evidence.sentences(0)


def test_truncation_is_told_of_once(tmp_path, monkeypatch, fake):
    original = fake.evaluate_table

    def warning(self, table, **asked):
        warnings.warn(f"{len(fake.tables)} were cut", TruncationWarning, stacklevel=1)
        warnings.warn("something else", UserWarning, stacklevel=1)
        return original(self, table, **asked)

    monkeypatch.setattr(fake, "evaluate_table", warning)
    with pytest.warns() as caught:
        assert score(given(tmp_path, ".jsonl"), "-o", tmp_path / "out.jsonl", "-q") == 0
    assert [str(w.message) for w in caught] == ["0 were cut", "something else"]


# ------------------------------------------------------------ killed and resumed


def killed(action: Callable[[], object]) -> None:
    """Run something in a copy of this process that must end by SIGKILL."""
    child = os.fork()
    if child == 0:
        try:
            action()
        finally:
            os._exit(0)
    _, status = os.waitpid(child, 0)
    assert os.WIFSIGNALED(status)
    assert os.WTERMSIG(status) == signal.SIGKILL


def kill_at(monkeypatch, place: object, name: str, call: int, *, after: bool) -> None:
    """Let this process be killed before or after a call of a function, counted from 1."""
    original, calls = getattr(place, name), []

    def killing(*args, **kwargs):
        calls.append(1)
        if len(calls) == call and not after:
            os.kill(os.getpid(), signal.SIGKILL)
        result = original(*args, **kwargs)
        if len(calls) == call:
            os.kill(os.getpid(), signal.SIGKILL)
        return result

    monkeypatch.setattr(place, name, killing)


# What `_sync` does is, window by window, first the data and then the journal.
MOMENTS = [
    pytest.param("_sync", 1, False, 0, id="first data written, not yet certain"),
    pytest.param("_sync", 1, True, 0, id="between data and journal"),
    pytest.param("_sync", 5, False, 2, id="third data written, not yet certain"),
    pytest.param("_sync", 5, True, 2, id="between third data and journal"),
    pytest.param("_sync", 6, True, 2, id="journal written, not yet in its place"),
    pytest.param("_sync", 12, True, 5, id="between last data and journal"),
]


@pytest.mark.parametrize("ending", ENDINGS)
@pytest.mark.parametrize(("function", "call", "after", "certain"), MOMENTS)
def test_a_killed_run_is_gone_on_with(
    tmp_path, monkeypatch, capsys, fake, ending, function, call, after, certain
):
    source = given(tmp_path, ending)
    score(source, "-o", tmp_path / f"whole{ending}", "--evidence", "-q")
    summary = capsys.readouterr().err
    output, fake.tables = tmp_path / f"out{ending}", []
    argv = (source, "-o", output, "--evidence", "-q")
    with monkeypatch.context() as patch:
        kill_at(patch, alignscore_metric.files.growing, function, call, after=after)
        killed(lambda: score(*argv))
    assert not output.exists()
    assert f"out{ending}.partial" in inside(tmp_path)
    assert score(*argv) == 0
    sizes = [min(2, ROWS - i) for i in range(0, ROWS, 2)]
    assert fake.tables == sizes[certain:]  # no row is scored twice
    expected = f"going on after row {2 * certain} of {ROWS}\n" if certain else ""
    assert capsys.readouterr().err == expected + summary
    assert output.read_bytes() == (tmp_path / f"whole{ending}").read_bytes()
    assert inside(tmp_path) == sorted([f"rows{ending}", f"out{ending}", f"whole{ending}"])


@pytest.mark.parametrize("ending", ENDINGS)
def test_killed_when_all_rows_are_scored(tmp_path, monkeypatch, fake, ending):
    source, output = given(tmp_path, ending), tmp_path / f"out{ending}"
    score(source, "-o", tmp_path / f"whole{ending}", "-q")
    fake.tables = []
    with monkeypatch.context() as patch:
        # One journal before the first rows, one after each window, and then the table itself.
        kill_at(patch, Path, "replace", 1 + (ROWS // 2 + 1) + 1, after=False)
        killed(lambda: score(source, "-o", output, "-q"))
    assert score(source, "-o", output, "-q") == 0
    assert fake.tables == []
    assert output.read_bytes() == (tmp_path / f"whole{ending}").read_bytes()


def killed_after_two_windows(monkeypatch, *argv: object) -> None:
    with monkeypatch.context() as patch:
        kill_at(patch, alignscore_metric.files.growing, "_sync", 5, after=False)
        killed(lambda: score(*argv, "-q"))


def test_killed_twice(tmp_path, monkeypatch, capsys, fake):
    source, output = given(tmp_path, ".jsonl"), tmp_path / "out.jsonl"
    score(source, "-o", tmp_path / "whole.jsonl", "-q")
    killed_after_two_windows(monkeypatch, source, "-o", output)
    killed_after_two_windows(monkeypatch, source, "-o", output)
    capsys.readouterr()
    fake.tables = []
    assert score(source, "-o", output, "-q") == 0
    assert "going on after row 8 of 11" in capsys.readouterr().err
    assert output.read_bytes() == (tmp_path / "whole.jsonl").read_bytes()


def test_rows_can_be_read_while_others_are_scored(tmp_path, monkeypatch):
    source, output = given(tmp_path, ".csv"), tmp_path / "out.csv"
    killed_after_two_windows(monkeypatch, source, "-o", output)
    lines = (tmp_path / "out.csv.partial").read_text("utf-8").splitlines()
    assert lines[0] == "id,source,summary,note,alignscore"
    assert [line.split(",")[0] for line in lines[1:5]] == ["r0", "r1", "r2", "r3"]


def other_input(folder: Path, patch) -> list[object]:
    rows = (folder / "rows.jsonl").read_text("utf-8").replace('"9"', '"nine"')
    (folder / "rows.jsonl").write_text(rows, encoding="utf-8")
    return []


def other_signature(folder: Path, patch) -> list[object]:
    patch.setattr(FakeMetric, "signature", "alignscore|model:other")
    return []


def cut_short(folder: Path, patch) -> list[object]:
    with (folder / "out.jsonl.partial").open("r+b") as stream:
        stream.truncate(10)
    return []


def gone(folder: Path, patch) -> list[object]:
    (folder / "out.jsonl.partial").unlink()
    return []


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (other_input, "it had another input"),
        (other_signature, "it had another signature"),
        (cut_short, "the rows that it had written are gone"),
        (gone, "the rows that it had written are gone"),
        (lambda *_: ["--evidence"], "it had another choice of columns"),
        (lambda *_: ["--source-column", "note"], "it had another choice of columns"),
        (lambda *_: ["--restart"], "--restart was given"),
        (lambda f, _: ["--report", f / "r.html"], "a report needs the evidence of every row"),
    ],
)
def test_what_does_not_fit_is_begun_anew_and_the_reason_told(
    tmp_path, monkeypatch, capsys, fake, change, reason
):
    source, output = given(tmp_path, ".jsonl"), tmp_path / "out.jsonl"
    killed_after_two_windows(monkeypatch, source, "-o", output)
    options = change(tmp_path, monkeypatch)
    capsys.readouterr()
    fake.tables = []
    assert score(source, "-o", output, "-q", *options) == 0
    assert sum(fake.tables) == ROWS
    err = capsys.readouterr().err
    assert err.startswith(f"an unfinished {output} is begun anew: {reason}\n")
    assert "going on" not in err
    assert score(source, "-o", tmp_path / "whole.jsonl", "-q", *options) == 0
    assert output.read_bytes() == (tmp_path / "whole.jsonl").read_bytes()


@pytest.mark.parametrize(
    "damage",
    [
        b"",
        b"{",
        b"[]",
        b'{"rows": 4}',
        b"\xff",
        b'{"run": [], "rows": "x", "length": null}',
        b'{"run": {}, "rows": 4, "length": 1.5}',
        b'{"run": {}, "rows": true, "length": 1}',
        b'{"run": {}, "rows": -4, "length": -1}',
        b"[" * 100_000,
    ],
)
def test_a_damaged_journal_is_none(tmp_path, monkeypatch, fake, damage):
    source, output = given(tmp_path, ".jsonl"), tmp_path / "out.jsonl"
    killed_after_two_windows(monkeypatch, source, "-o", output)
    (tmp_path / ".out.jsonl.journal").write_bytes(damage)
    assert score(source, "-o", output, "-q") == 0
    assert sum(fake.tables) == ROWS
    assert len(scored_lines(output)) == ROWS


def scored_lines(path: Path) -> list[str]:
    return path.read_text("utf-8").splitlines()


def test_a_fragment_that_is_gone(tmp_path, monkeypatch, capsys):
    source, output = given(tmp_path, ".parquet"), tmp_path / "out.parquet"
    killed_after_two_windows(monkeypatch, source, "-o", output)
    (tmp_path / "out.parquet.partial" / "00000000.parquet").unlink()
    assert score(source, "-o", output, "-q") == 0
    assert "the rows that it had written are gone" in capsys.readouterr().err
    assert pq.read_table(output)["id"].to_pylist() == [f"r{i}" for i in range(ROWS)]


@pytest.mark.parametrize("ending", ENDINGS)
def test_written_rows_that_were_changed_are_not_gone_on_with(
    tmp_path, monkeypatch, capsys, fake, ending
):
    source, output = given(tmp_path, ending), tmp_path / f"out{ending}"
    killed_after_two_windows(monkeypatch, source, "-o", output)
    partial = tmp_path / f"out{ending}.partial"
    if ending == ".parquet":
        pq.write_table(pa.table({"other": [1]}), partial / "00000001.parquet")
    else:
        partial.write_bytes(partial.read_bytes().replace(b"\n", b" ", 2))
    assert score(source, "-o", output, "-q") == 2
    assert f"{partial} was changed since it was written" in capsys.readouterr().err
    assert fake.tables == []
    assert score(source, "-o", output, "-q", "--restart") == 0


def test_a_refusal_leaves_an_unfinished_run_as_it_is(tmp_path, monkeypatch, capsys):
    source, output = given(tmp_path, ".jsonl"), tmp_path / "out.jsonl"
    killed_after_two_windows(monkeypatch, source, "-o", output)
    before = {p.name: p.read_bytes() for p in tmp_path.iterdir() if not p.name.endswith(".lock")}
    assert score(source, "-o", output, "--source-column", "sorce") == 2
    assert "no column 'sorce'" in capsys.readouterr().err
    assert {p.name: p.read_bytes() for p in tmp_path.iterdir()} == before


@pytest.mark.parametrize("name", ["rows.jsonl", "./rows.jsonl", "hard.jsonl", "soft.jsonl"])
@pytest.mark.parametrize("command", ["score", "predict", "synthesise", "robustness"])
def test_an_output_that_is_the_input_is_refused(tmp_path, monkeypatch, capsys, command, name):
    source = given(tmp_path, ".jsonl")
    (tmp_path / "hard.jsonl").hardlink_to(source)
    (tmp_path / "soft.jsonl").symlink_to(source)
    before = source.read_bytes()
    monkeypatch.chdir(tmp_path)
    assert main([command, "rows.jsonl", "-o", name]) == 2
    place = Path(name)
    assert f"{place} is to be read and written; give -o another" in capsys.readouterr().err
    assert source.read_bytes() == before
    assert inside(tmp_path) == ["hard.jsonl", "rows.jsonl", "soft.jsonl"]


def test_a_finished_output_is_told_of_before_it_is_made_again(tmp_path, monkeypatch, capsys):
    source, output = given(tmp_path, ".jsonl"), tmp_path / "out.jsonl"
    assert score(source, "-o", output, "-q") == 0
    assert "is there" not in capsys.readouterr().err
    assert score(source, "-o", output, "-q") == 0
    told = f"{output} is there; all rows are scored again, and then it is replaced\n"
    assert capsys.readouterr().err.startswith(told)
    killed_after_two_windows(monkeypatch, source, "-o", output)
    capsys.readouterr()
    assert score(source, "-o", output, "-q") == 0
    assert capsys.readouterr().err.startswith("going on after row 4 of 11\n")


# ------------------------------------------------------------ files of others


@pytest.mark.parametrize("ending", ENDINGS)
@pytest.mark.parametrize("kind", ["file", "folder", "link"])
def test_rows_beside_the_output_without_a_journal_are_not_ours(
    tmp_path, capsys, fake, ending, kind
):
    source, output = given(tmp_path, ending), tmp_path / f"out{ending}"
    partial, mine = tmp_path / f"out{ending}.partial", tmp_path / "mine"
    mine.write_text("precious")
    if kind == "folder":
        partial.mkdir()
        mine = mine.rename(partial / "mine")
    elif kind == "link":
        partial.symlink_to(mine)
    else:
        mine = mine.rename(partial)
    before = inside(tmp_path)
    assert score(source, "-o", output, "-q") == 2
    assert f"{partial} is there, and is not of an unfinished run" in capsys.readouterr().err
    assert fake.tables == []
    assert inside(tmp_path) == before
    assert mine.read_text() == "precious"


@pytest.mark.parametrize("ending", ENDINGS)
def test_a_link_in_the_place_of_our_rows_is_not_followed(tmp_path, monkeypatch, capsys, ending):
    source, output = given(tmp_path, ending), tmp_path / f"out{ending}"
    killed_after_two_windows(monkeypatch, source, "-o", output)
    partial = tmp_path / f"out{ending}.partial"
    theirs = partial.rename(tmp_path / "theirs")
    partial.symlink_to(theirs)
    files = sorted(theirs.iterdir()) if ending == ".parquet" else [theirs]
    before = [file.read_bytes() for file in files]
    assert score(source, "-o", output, "-q") == 0
    assert "the rows that it had written are gone" in capsys.readouterr().err
    assert [file.read_bytes() for file in files] == before
    assert len(read_back(output)) == ROWS


def read_back(path: Path) -> list[object]:
    if path.suffix == ".parquet":
        return pq.read_table(path).to_pylist()
    lines = path.read_text("utf-8").splitlines()
    return lines[path.suffix == ".csv" :]


@pytest.mark.parametrize("kind", ["link", "file"])
def test_a_lock_that_is_not_ours_is_left_alone(tmp_path, capsys, fake, kind):
    source, output = given(tmp_path, ".jsonl"), tmp_path / "out.jsonl"
    mine, lock = tmp_path / "mine", tmp_path / ".out.jsonl.lock"
    mine.write_text("precious")
    if kind == "link":
        lock.symlink_to(mine)
    else:
        mine = mine.rename(lock)
    assert score(source, "-o", output, "-q") == 2
    assert f"{lock} is there, and is no lock of ours" in capsys.readouterr().err
    assert fake.tables == []
    assert mine.read_text() == "precious"
    assert lock.is_symlink() == (kind == "link")


def test_an_empty_lock_that_a_killed_run_left_is_taken(tmp_path):
    source = given(tmp_path, ".jsonl")
    (tmp_path / ".out.jsonl.lock").touch()
    assert score(source, "-o", tmp_path / "out.jsonl", "-q") == 0
    assert inside(tmp_path) == ["out.jsonl", "rows.jsonl"]


@pytest.mark.parametrize("ending", ENDINGS)
def test_a_scored_file_keeps_the_mode_and_the_link_of_the_one_before(tmp_path, monkeypatch, ending):
    source, real = given(tmp_path, ending), tmp_path / f"real{ending}"
    score(source, "-o", tmp_path / f"whole{ending}", "-q")
    real.touch(mode=0o600)
    link = tmp_path / f"link{ending}"
    link.symlink_to(real)
    killed_after_two_windows(monkeypatch, source, "-o", link)
    assert (tmp_path / f"real{ending}.partial").stat().st_mode & 0o077 == 0
    assert score(source, "-o", link, "-q") == 0
    assert link.is_symlink()
    assert real.stat().st_mode & 0o777 == 0o600
    assert real.read_bytes() == (tmp_path / f"whole{ending}").read_bytes()


def test_two_names_of_one_output_are_one_place(tmp_path, capsys):
    source, output = given(tmp_path, ".jsonl"), tmp_path / "out.jsonl"
    (tmp_path / "link.jsonl").symlink_to(output)
    with growing_table(str(output)):
        assert score(source, "-o", tmp_path / "link.jsonl") == 2
    assert "out.jsonl is being written by another process" in capsys.readouterr().err


# ------------------------------------------------------------ windows by work


def work(row: int) -> float:
    source, summary = texts(row)
    return (1 + len(summary) / 100) * (len(source) + 100)


@pytest.mark.parametrize("ending", ENDINGS)
def test_windows_are_bounded_by_work_and_resumed_to_the_same_bytes(
    tmp_path, monkeypatch, capsys, fake, ending
):
    monkeypatch.setattr(alignscore_metric.files.scoring, "WORK", 3.5 * work(0))
    monkeypatch.setattr(alignscore_metric.files.tables, "WINDOW", Bounds(5, 10**6))
    source, output = given(tmp_path, ending), tmp_path / f"out{ending}"
    assert score(source, "-o", tmp_path / f"whole{ending}", "--evidence", "-q") == 0
    assert fake.tables == [3, 2, 3, 2, 1]  # three rows are work enough, and a window ends at five
    killed_after_two_windows(monkeypatch, source, "-o", output, "--evidence")
    capsys.readouterr()
    fake.tables = []
    assert score(source, "-o", output, "--evidence", "-q") == 0
    assert "going on after row 5 of 11" in capsys.readouterr().err
    assert fake.tables == [3, 2, 1]
    assert output.read_bytes() == (tmp_path / f"whole{ending}").read_bytes()


def test_a_row_of_more_work_than_a_window_may_have_is_one(tmp_path, monkeypatch, fake):
    monkeypatch.setattr(alignscore_metric.files.scoring, "WORK", 1)
    source = given(tmp_path, ".jsonl", 3)
    assert score(source, "-o", tmp_path / "out.jsonl", "-q") == 0
    assert fake.tables == [1, 1, 1]


def test_no_window_of_long_texts_takes_much_more_than_a_minute():
    """1,024 articles of 4,000 characters with summaries of 500 took 17 minutes at once."""
    rows = [{"source": "s" * 4000, "summary": "c" * 500}] * 1024
    parts = list(by_work([Table("t", ["source", "summary"], rows)], ("source", "summary"), WORK))
    assert sum(len(part.rows) for part in parts) == 1024
    assert max(len(part.rows) for part in parts) < 1024 / 10
    assert [part.first for part in parts] == list(range(0, 1024, len(parts[0].rows)))


def test_the_bar_of_pairs_is_asked_for_beside_that_of_rows(tmp_path, monkeypatch, capsys, fake):
    asked = []
    monkeypatch.setattr(fake, "__init__", lambda self, **options: asked.append(options["progress"]))
    score_file(given(tmp_path, ".jsonl"), tmp_path / "out.jsonl", progress=True)
    assert "11/11" in capsys.readouterr().err
    score_file(given(tmp_path, ".jsonl"), tmp_path / "other.jsonl", progress=False)
    assert "11/11" not in capsys.readouterr().err
    assert asked == [True, False]


def test_an_error_half_way_keeps_what_is_certain(tmp_path, monkeypatch, capsys, fake):
    source, output = given(tmp_path, ".jsonl"), tmp_path / "out.jsonl"
    original = fake.evaluate_table

    def broken(self, table, **asked):
        if len(fake.tables) == 3:
            raise InputError("the model is ill")
        return original(self, table, **asked)

    with monkeypatch.context() as patch:
        patch.setattr(fake, "evaluate_table", broken)
        assert score(source, "-o", output, "-q") == 2
    assert inside(tmp_path) == [".out.jsonl.journal", "out.jsonl.partial", "rows.jsonl"]
    capsys.readouterr()
    assert score(source, "-o", output, "-q") == 0
    assert "going on after row 6 of 11" in capsys.readouterr().err


def test_a_full_disk_names_the_file_and_keeps_what_is_certain(tmp_path, capsys, fake):
    """A limit on the size of files stands for the disk."""
    source, output = given(tmp_path, ".jsonl"), tmp_path / "out.jsonl"
    score(source, "-o", tmp_path / "whole.jsonl", "-q")
    limit = (tmp_path / "whole.jsonl").stat().st_size * 2 // 3
    capsys.readouterr()
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, hard))
    try:
        assert score(source, "-o", output, "-q") == 2
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    err = capsys.readouterr().err
    assert err.startswith(f"alignscore: cannot write {output}: File too large; the same command")
    rows = int(err.rsplit(maxsplit=1)[1])
    assert 0 < rows < ROWS
    fake.tables = []
    assert score(source, "-o", output, "-q") == 0
    assert sum(fake.tables) == ROWS - rows
    assert output.read_bytes() == (tmp_path / "whole.jsonl").read_bytes()


def test_two_processes_cannot_write_one_file(tmp_path, capsys):
    source, output = given(tmp_path, ".jsonl"), tmp_path / "out.jsonl"
    with growing_table(str(output)):
        assert score(source, "-o", output) == 2
    assert "out.jsonl is being written by another process" in capsys.readouterr().err
    assert score(source, "-o", output, "-q") == 0
    assert inside(tmp_path) == ["out.jsonl", "rows.jsonl"]


# ------------------------------------------------------------ streams


def feed(monkeypatch, content: bytes) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(content)))


@pytest.mark.parametrize("ending", ENDINGS)
def test_stdin_to_a_file_equals_a_file_and_is_resumed(tmp_path, monkeypatch, capsys, fake, ending):
    source, output = given(tmp_path, ".jsonl"), tmp_path / f"out{ending}"
    score(source, "-o", tmp_path / f"whole{ending}", "-q")

    def piped() -> int:
        feed(monkeypatch, source.read_bytes())
        return score("-", "-o", output, "-q")

    with monkeypatch.context() as patch:
        kill_at(patch, alignscore_metric.files.growing, "_sync", 5, after=False)
        killed(piped)
    fake.tables = []
    capsys.readouterr()
    assert piped() == 0
    assert capsys.readouterr().err.startswith("going on after row 4 of 11\n")
    assert fake.tables == [2, 2, 2, 1]
    assert output.read_bytes() == (tmp_path / f"whole{ending}").read_bytes()
    assert inside(tmp_path) == sorted(["rows.jsonl", output.name, f"whole{ending}"])


def test_the_interval_is_that_of_all_rows_at_once(tmp_path, monkeypatch, capsys, fake):
    """Sources repeat across windows; of a file, of one that is resumed, of a stream as it comes."""
    source, output = given(tmp_path, ".jsonl"), tmp_path / "out.jsonl"
    rows = [texts(row) for row in range(ROWS)]
    table = fake().pair_table([one for one, _ in rows], [summary for _, summary in rows])
    expected = f"{fake().evaluate_table(table)}\n"
    assert "95% interval" in expected
    assert score(source, "-o", tmp_path / "whole.jsonl", "-q") == 0
    assert capsys.readouterr().err == expected
    killed_after_two_windows(monkeypatch, source, "-o", output)
    capsys.readouterr()
    assert score(source, "-o", output, "-q") == 0
    assert capsys.readouterr().err == f"going on after row 4 of 11\n{expected}"
    feed(monkeypatch, source.read_bytes())
    assert score("-", "-q") == 0
    assert capsys.readouterr().err == expected


def test_stdin_to_a_file_is_checked_before_anything_is_scored(tmp_path, monkeypatch, capsys, fake):
    lines = given(tmp_path, ".jsonl").read_bytes() + b'{"source": "s", "summary": 5}\n'
    feed(monkeypatch, lines)
    assert score("-", "-o", tmp_path / "out.jsonl") == 2
    assert "stdin, line 12: the summary is int" in capsys.readouterr().err
    assert fake.tables == []
    assert inside(tmp_path) == ["rows.jsonl"]


def test_stdin_to_stdout_writes_the_rows_before_a_broken_one(tmp_path, monkeypatch, capsysbinary):
    feed(monkeypatch, given(tmp_path, ".jsonl").read_bytes() + b"{oops\n")
    assert score("-", "-q") == 2
    out, err = capsysbinary.readouterr()
    ids = [json.loads(line)["id"] for line in out.splitlines()]
    # The row just before it too, where the reader came to it late.
    assert ids in ([f"r{i}" for i in range(10)], [f"r{i}" for i in range(11)])
    assert err.startswith(b"alignscore: stdin, line 12: not JSON")


def test_rows_of_stdin_come_out_while_the_next_are_awaited(tmp_path):
    """A pause of the sender ends a window: nobody waits for rows that may never come."""
    reading, writing = os.pipe()
    lines = given(tmp_path, ".jsonl").read_bytes().splitlines(keepends=True)
    with os.fdopen(reading, "rb") as stream, os.fdopen(writing, "wb", buffering=0) as sender:
        reader = alignscore_metric.files.tables.TableReader("stdin", ".jsonl", stream=stream)
        windows = reader.windows(Bounds(1000, 10**6), live=True)
        for start, stop in ((0, 3), (3, 4)):
            sender.write(b"".join(lines[start:stop]))
            rows = []
            while len(rows) < stop - start:  # more than one window on a busy machine
                window = next(windows)
                assert window.first == start + len(rows)
                rows += window.rows
            assert [row["id"] for row in rows] == [f"r{i}" for i in range(start, stop)]
        sender.close()
        assert list(windows) == []


def test_a_process_can_end_while_its_stdin_is_open():
    """Python aborts where a thread waits in its own stdin at the end."""
    program = (
        "import sys; from alignscore_metric.files.tables import open_table; "
        "next(open_table('-').windows(live=True)); sys.exit(3)"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", program], stdin=subprocess.PIPE, stderr=subprocess.PIPE
    )
    with process:
        process.stdin.write(b'{"source": "s"}\n')
        process.stdin.flush()
        assert process.wait(timeout=60) == 3
        assert process.stderr.read() == b""


def test_a_column_of_ours_in_a_later_row_of_stdin(tmp_path, monkeypatch, capsys):
    row = b'{"source": "s", "summary": "c", "alignscore": 1}\n'
    feed(monkeypatch, given(tmp_path, ".jsonl").read_bytes() + row)
    assert score("-", "-q") == 2
    assert "stdin already has a column 'alignscore'" in capsys.readouterr().err


def test_a_named_pipe_is_a_stream(tmp_path):
    source, pipe = given(tmp_path, ".csv"), tmp_path / "pipe.csv"
    score(source, "-o", tmp_path / "whole.csv", "-q")
    os.mkfifo(pipe)
    sender = threading.Thread(target=lambda: pipe.write_bytes(source.read_bytes()))
    sender.start()
    assert score(pipe, "-o", tmp_path / "out.csv", "-q") == 0
    sender.join()
    assert (tmp_path / "out.csv").read_bytes() == (tmp_path / "whole.csv").read_bytes()


def test_printed_rows_come_out_window_by_window(tmp_path, monkeypatch, capsys, fake):
    source, seen = given(tmp_path, ".jsonl"), []
    original = fake.evaluate_table

    def watching(self, table, **asked):
        seen.append(capsys.readouterr().out.count("\n"))
        return original(self, table, **asked)

    monkeypatch.setattr(fake, "evaluate_table", watching)
    assert score(source, "-q") == 0
    assert seen == [0, 2, 2, 2, 2, 2]


# ------------------------------------------------------------ the check of a file


def test_a_bad_row_far_down_is_refused_before_anything_is_scored(tmp_path, capsys, fake):
    source = given(tmp_path, ".jsonl")
    with source.open("a") as stream:
        stream.write('\n{"source": "s", "summary": ["c"]}\n')
    assert score(source, "-o", tmp_path / "out.jsonl") == 2
    assert f"{source}, line 13: the summary is list" in capsys.readouterr().err
    assert fake.tables == []


def test_rows_of_parquet_are_counted_through_the_windows(tmp_path, capsys):
    pq.write_table(
        pa.table({"source": ["s"] * 7, "summary": [*"abcdef", None]}), tmp_path / "r.parquet"
    )
    assert score(tmp_path / "r.parquet") == 2
    assert "r.parquet, row 7: the summary is missing" in capsys.readouterr().err


def test_a_column_that_only_later_rows_have(tmp_path, capsys):
    """The file's columns are those of all of its rows, and `source` goes before `document`."""
    path = tmp_path / "rows.jsonl"
    path.write_text('{"document": "d", "summary": "c"}\n' * 5 + '{"source": "s", "summary": "c"}\n')
    assert score(path) == 2
    assert f"{path}, line 1: the source is missing" in capsys.readouterr().err
    path.write_text('{"document": "d", "summary": "c"}\n' * 5 + '{"alignscore": 1}\n')
    assert score(path) == 2
    assert "already has a column 'alignscore'" in capsys.readouterr().err


def test_csv_has_the_columns_of_all_rows(tmp_path):
    path = tmp_path / "rows.jsonl"
    lines = [{"source": "s", "summary": "c"}] * 5 + [{"source": "s", "summary": "c", "late": 1}]
    path.write_text("".join(json.dumps(row) + "\n" for row in lines))
    assert score(path, "-o", tmp_path / "out.csv", "-q") == 0
    found = list(csv.reader((tmp_path / "out.csv").read_text().splitlines()))
    assert found[0] == ["source", "summary", "late", "alignscore"]
    assert [row[2] for row in found[1:]] == ["", "", "", "", "", "1"]


def test_rows_that_are_appended_meanwhile_are_not_scored(tmp_path, monkeypatch, fake):
    source = given(tmp_path, ".jsonl")

    def append(self, *args, **kwargs):
        with source.open("a") as stream:
            stream.write('{"source": "s", "summary": null}\n')

    monkeypatch.setattr(fake, "__init__", append)
    assert score(source, "-o", tmp_path / "out.jsonl", "-q") == 0
    assert sum(fake.tables) == ROWS


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        ([1, 2, 3, 0.5], pa.float64()),
        ([None, None, None, "a"], pa.string()),
        (["a", "b", None, None], pa.string()),
        ([[], [], ["x"], []], pa.list_(pa.string())),
        ([{}, {}, {"a": 1}, {"b": "x"}], pa.struct({"a": pa.int64(), "b": pa.string()})),
    ],
    ids=["int-float", "null-text", "text-null", "lists", "objects"],
)
def test_types_of_parquet_are_those_that_fit_all_windows(tmp_path, values, kind):
    rows = [{"source": "s", "summary": "c", "odd": value} for value in values]
    (tmp_path / "r.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    assert score(tmp_path / "r.jsonl", "-o", tmp_path / "o.parquet", "-q") == 0
    table = pq.read_table(tmp_path / "o.parquet")
    assert table.schema.field("odd").type == kind
    plain = pa.array(values, kind)  # pyarrow's own, of all values at once
    assert table["odd"].combine_chunks().equals(plain)
    assert table.schema.field("alignscore").type == pa.float64()


@pytest.mark.parametrize("values", [[1, 2, 3, "one"], [{}, {}, {}, None], ["a", "b", "c", ["d"]]])
def test_a_column_that_fits_no_type_is_refused_before_anything_is_scored(
    tmp_path, capsys, fake, values
):
    rows = [{"source": "s", "summary": "c", "odd": value} for value in values]
    (tmp_path / "r.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    assert score(tmp_path / "r.jsonl", "-o", tmp_path / "o.parquet", "-q") == 2
    assert "column 'odd' does not fit parquet" in capsys.readouterr().err
    assert fake.tables == []
    assert inside(tmp_path) == ["r.jsonl"]


def test_parquet_keeps_types_and_metadata_through_windows(tmp_path, monkeypatch):
    monkeypatch.setattr(alignscore_metric.files.growing, "ROW_GROUP", 1)
    before = pa.table(
        {
            "source": pa.array([["a", "b"], ["c"], ["d"], ["e"], ["f"]], pa.list_(pa.string())),
            "summary": pa.array([*"uvwxy"], pa.large_string()),
            "n": pa.array([1, None, 3, 4, 5], pa.int16()),
            "kind": pa.array([*"pqpqr"]).dictionary_encode(),
        }
    ).replace_schema_metadata({"made_by": "a test"})
    pq.write_table(before, tmp_path / "in.parquet", row_group_size=3)
    monkeypatch.setattr(
        FakeMetric,
        "pair_table",
        lambda self, sources, summaries: build_pair_table(
            sources, summaries, split_source=list, split_summary=lambda s: [s]
        ),
    )
    assert score(tmp_path / "in.parquet", "-o", tmp_path / "out.parquet", "-q") == 0
    after = pq.read_table(tmp_path / "out.parquet")
    assert after.drop_columns(["alignscore"]).equals(before)
    assert after.schema.metadata[b"made_by"] == b"a test"
    assert pq.ParquetFile(tmp_path / "out.parquet").num_row_groups == 3


def test_small_windows_are_joined_to_one_row_group(tmp_path):
    assert score(given(tmp_path, ".csv"), "-o", tmp_path / "out.parquet", "-q") == 0
    assert pq.ParquetFile(tmp_path / "out.parquet").num_row_groups == 1


# ------------------------------------------------------------ ahead


def test_ahead_gives_an_error_its_place():
    def items():
        yield 1
        raise InputError("no two")

    found = ahead(items(), 3)
    assert next(found) == 1
    with pytest.raises(InputError, match="no two"):
        next(found)


def test_ahead_makes_no_more_than_may_wait_and_ends_when_it_is_left():
    made, ended = [], threading.Event()

    def items():
        try:
            for item in range(100):
                made.append(item)
                yield item
        finally:
            ended.set()

    found = ahead(items(), 2)
    assert [next(found), next(found)] == [0, 1]
    found.close()
    assert ended.wait(timeout=10)
    assert len(made) <= 6
