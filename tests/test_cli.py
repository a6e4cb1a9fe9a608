"""The command `alignscore`, in process and as a process, against `AlignScore` and plain readers."""

import csv
import errno
import io
import json
import os
import re
import resource
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import alignscore_metric.files.scoring
import alignscore_metric.metric
from alignscore_metric import AlignScore
from alignscore_metric.commands.main import main
from alignscore_metric.errors import InputError
from alignscore_metric.integrations.evaluate_api import MODULE_PATH
from alignscore_metric.result import VERDICTS
from alignscore_metric.system.terminal import coloured

ROWS = [
    {
        "id": "a",
        "source": "The bridge was closed on Monday. Cracks were found in the steel. "
        "The council will pay for repairs.",
        "summary": "The bridge was closed. The council pays nothing.",
        "note": {"n": 1},
    },
    {"id": "b", "source": "It rained all day in Leeds.", "summary": "It was dry in Leeds."},
    {"id": "c", "source": "Nothing was claimed.", "summary": "  "},
    {"id": "d", "source": "Snow fell on Tuesday.", "summary": "Caf\u00e9s closed on Tuesday."},
]


@pytest.fixture(scope="module")
def metric(tiny_aligner) -> AlignScore:
    return AlignScore(tiny_aligner, progress=False)


@pytest.fixture(scope="module")
def expected(metric):
    return metric.evaluate([r["source"] for r in ROWS], [r["summary"] for r in ROWS])


@pytest.fixture
def rows_file(tmp_path) -> Path:
    path = tmp_path / "rows.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in ROWS), encoding="utf-8")
    return path


@pytest.fixture
def no_model(monkeypatch) -> None:
    """Fail where a model is loaded at all."""

    class Loaded:
        def __init__(self, *args, **kwargs):
            raise AssertionError("a model was loaded")

    monkeypatch.setattr(alignscore_metric.metric, "AlignScore", Loaded)
    monkeypatch.setattr(alignscore_metric.files.scoring, "AlignScore", Loaded)


def refusal(argv, capsys) -> str:
    """Run a command that must be refused; its message."""
    assert main([str(arg) for arg in argv]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    message = err.splitlines()[-1] if err else ""
    assert err.startswith("alignscore: "), err
    assert "Traceback" not in err
    return message


def read_scored(path: Path) -> list[dict]:
    """Rows of a written file, by a reader that is not ours; evidence parsed, empty as None."""
    if path.suffix == ".jsonl":
        return [json.loads(line) for line in path.read_text("utf-8").splitlines()]
    if path.suffix == ".parquet":
        return pq.read_table(path).to_pylist()
    with path.open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream, strict=True))
    for row in rows:
        row["alignscore"] = float(row["alignscore"]) if row["alignscore"] else None
        row["alignscore_evidence"] = json.loads(row["alignscore_evidence"])
        row["note"] = json.loads(row["note"]) if row["note"] else None
    return rows


# ------------------------------------------------------------ score


@pytest.mark.parametrize("ending", [".jsonl", ".csv", ".parquet"])
def test_written_scores_and_evidence(tmp_path, rows_file, tiny_aligner, expected, capsys, ending):
    output = tmp_path / f"scored{ending}"
    argv = ["score", str(rows_file), "-o", str(output), "--evidence", "--model", str(tiny_aligner)]
    assert main([*argv, "-q"]) == 0
    out, err = capsys.readouterr()
    assert out == ""
    assert err == f"{expected}\n"
    scored = read_scored(output)
    assert [row["alignscore"] is None for row in scored] == [False, False, True, False]
    found = [float("nan") if r["alignscore"] is None else r["alignscore"] for r in scored]
    np.testing.assert_allclose(found, expected.scores, rtol=0, atol=1e-9)
    assert np.ptp(expected.defined) > 0.01  # the rows' scores differ: an order can be told
    for place, (row, given) in enumerate(zip(scored, ROWS, strict=True)):
        assert {key: row[key] for key in given} == given
        assert set(row) - {"note"} == {*given, "alignscore", "alignscore_evidence"} - {"note"}
        evidence = row["alignscore_evidence"]
        assert [e["sentence"] for e in evidence] == [e.sentence for e in expected.sentences(place)]
        for got, want in zip(evidence, expected.sentences(place), strict=True):
            assert got.keys() == asdict(want).keys()
            assert got["score"] == pytest.approx(want.score, abs=1e-9)
            assert got["chunk"] in given["source"]
    assert [e["sentence"] for e in scored[0]["alignscore_evidence"]] == [
        "The bridge was closed.",
        "The council pays nothing.",
    ]
    assert scored[2]["alignscore_evidence"] == []


def test_jsonl_has_null_for_nan(tmp_path, rows_file, tiny_aligner):
    output = tmp_path / "out.jsonl"
    main(["score", str(rows_file), "-o", str(output), "--model", str(tiny_aligner), "-q"])
    lines = output.read_text(encoding="utf-8").splitlines()
    assert lines[2].endswith('"alignscore": null}')
    assert "NaN" not in output.read_text(encoding="utf-8")
    assert "alignscore_evidence" not in lines[0]


@pytest.mark.parametrize("output", [[], ["-o", "-"]])
def test_stdin_to_stdout_is_jsonl_alone(
    rows_file, tiny_aligner, expected, monkeypatch, capsysbinary, output
):
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(rows_file.read_bytes())))
    assert main(["score", "-", *output, "--model", str(tiny_aligner), "-q"]) == 0
    out, err = capsysbinary.readouterr()
    rows = [json.loads(line) for line in out.decode("utf-8").splitlines()]
    assert [row["id"] for row in rows] == ["a", "b", "c", "d"]
    assert rows[1]["alignscore"] == pytest.approx(expected.scores[1], abs=1e-9)
    assert err.decode() == f"{expected}\n"


def test_without_output_scores_are_printed(rows_file, tiny_aligner, expected, capsys):
    assert main(["score", str(rows_file), "--model", str(tiny_aligner), "-q"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[:4] == [
        f"{score:7.4f}  {row['id']}" for score, row in zip(expected.scores, ROWS, strict=True)
    ]
    assert "\n".join(lines[4:]) == str(expected)


def test_printed_rows_without_id_are_named_by_line_and_evidence_shows_sentences(
    tmp_path, tiny_aligner, capsys, monkeypatch
):
    monkeypatch.setenv("COLUMNS", "200")
    path = tmp_path / "rows.csv"
    path.write_text(f"source,summary\n{ROWS[0]['source']},{ROWS[0]['summary']}\n")
    assert main(["score", str(path), "--evidence", "--model", str(tiny_aligner), "-q"]) == 0
    out = capsys.readouterr().out
    assert f"{path}, line 2" in out.splitlines()[0]
    assert "The bridge was closed.\n" in out
    assert "chunk 1: The bridge was closed on Monday." in out
    assert "chunk 1: The council will pay for repairs." in out


def test_lone_surrogate_can_be_printed(tmp_path, tiny_aligner, monkeypatch):
    path = tmp_path / "rows.jsonl"
    path.write_text('{"source": "It rained.", "summary": "It rained \\ud800 a lot."}\n')
    printed = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(printed, encoding="utf-8"))
    assert main(["score", str(path), "--evidence", "--model", str(tiny_aligner), "-q"]) == 0
    sys.stdout.flush()
    assert b"It rained" in printed.getvalue()


def test_chosen_columns_list_sources_and_options(tmp_path, tiny_aligner, capsys):
    passages = ["Snow fell on Tuesday.", "The road to the north was closed."]
    table = pa.table({"src": [passages], "hyp": ["The road was closed."], "source": ["decoy"]})
    pq.write_table(table, tmp_path / "in.parquet")
    argv = ["score", tmp_path / "in.parquet", "-o", tmp_path / "out.parquet", "-q"]
    argv += ["--model", tiny_aligner, "--source-column", "src", "--summary-column", "hyp"]
    argv += ["--score-column", "s", "--head", "tri", "--chunk-words", "3", "--batch-tokens", "64"]
    assert main([str(arg) for arg in argv]) == 0
    metric = AlignScore(tiny_aligner, head="tri", chunk_words=3, progress=False)
    [row] = pq.read_table(tmp_path / "out.parquet").to_pylist()
    assert row["src"] == passages
    assert row["s"] == pytest.approx(metric.score([passages], ["The road was closed."])[0])
    assert "head:tri" in capsys.readouterr().err


@pytest.mark.parametrize(("offset", "code"), [(-1e-6, 0), (1e-6, 1)])
def test_fail_under(tmp_path, rows_file, tiny_aligner, expected, offset, code):
    output = tmp_path / "out.jsonl"
    argv = ["score", str(rows_file), "-o", str(output), "--model", str(tiny_aligner), "-q"]
    assert main([*argv, "--fail-under", repr(expected.mean + offset)]) == code
    assert len(output.read_text(encoding="utf-8").splitlines()) == len(ROWS)


def test_table_of_no_rows_has_no_mean(tmp_path, tiny_aligner, capsys):
    (tmp_path / "empty.csv").write_text("source,summary\n")
    argv = ["score", str(tmp_path / "empty.csv"), "--model", str(tiny_aligner), "-q"]
    assert main([*argv, "-o", str(tmp_path / "out.csv")]) == 0
    assert f"AlignScore ({tiny_aligner.name}) nan, 0 pairs" in capsys.readouterr().err
    assert (tmp_path / "out.csv").read_text() == "source,summary,alignscore\n"
    assert main([*argv, "--fail-under", "0"]) == 1  # no mean is no success


# ------------------------------------------------------------ refusals


@pytest.mark.usefixtures("no_model")
@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("r.jsonl", b'{"source": "s", "summary": "c"}\n\n{"source": "s"}\n', "line 3: the summary"),
        ("r.jsonl", b'{"source": "s", "summary": null}\n', "line 1: the summary is missing"),
        ("r.jsonl", b'{"source": 5, "summary": "c"}\n', "line 1: the source is int"),
        ("r.jsonl", b'{"source": ["p", null], "summary": "c"}\n', "line 1: passage 1 is missing"),
        ("r.jsonl", b'{"source": "s", "claims": "c"}\n', "no summary column; its columns: source"),
        ("r.jsonl", b'{"source": "s", "summary": "c"}\n{oops\n', "line 2: not JSON"),
        ("r.jsonl", b"", "no source column; its columns: none"),
        ("r.csv", b"source,summary\ns\n", "line 2: the summary is missing"),
        ("r.csv", b"source,summary\ns,c,d\n", "line 2: more cells"),
        ("r.csv", b"source,summary,alignscore\ns,c,1\n", "already has a column 'alignscore'"),
        ("r.csv", b"source,summary\n\xff,c\n", "not UTF-8"),
        ("r.parquet", b"PAR1", "not a readable parquet file"),
        ("r.json", b"{}", "no source column; its columns: none"),
        ("r.xlsx", b"{}", "unknown kind of file"),
    ],
)
def test_bad_input_is_refused_before_any_model(tmp_path, capsys, name, content, message):
    (tmp_path / name).write_bytes(content)
    found = refusal(["score", tmp_path / name, "-o", tmp_path / "out.jsonl"], capsys)
    assert name in found
    assert message in found
    assert sorted(p.name for p in tmp_path.iterdir()) == [name]


@pytest.mark.usefixtures("no_model")
def test_missing_input(tmp_path, capsys):
    assert "absent.jsonl" in refusal(["score", tmp_path / "absent.jsonl"], capsys)


@pytest.mark.usefixtures("no_model")
@pytest.mark.parametrize(
    "place", ["missing/out.jsonl", "folder.csv", "out.txt", "rows.jsonl/o.csv"]
)
def test_unwritable_output_is_refused_before_any_model(tmp_path, rows_file, capsys, place):
    (tmp_path / "folder.csv").mkdir()
    assert place in refusal(["score", rows_file, "-o", tmp_path / place], capsys)


@pytest.mark.usefixtures("no_model")
def test_summary_that_is_missing_in_parquet_is_named_by_row(tmp_path, capsys):
    pq.write_table(pa.table({"source": ["s", "s"], "summary": ["c", None]}), tmp_path / "r.parquet")
    assert "r.parquet, row 2: the summary is missing" in refusal(
        ["score", tmp_path / "r.parquet"], capsys
    )


@pytest.mark.usefixtures("no_model")
def test_named_column_that_is_missing(rows_file, capsys):
    message = refusal(["score", rows_file, "--source-column", "sorce"], capsys)
    assert "no column 'sorce'; its columns: id, source, summary, note" in message


@pytest.mark.usefixtures("no_model")
def test_evidence_column_that_is_there_already(tmp_path, capsys):
    path = tmp_path / "r.csv"
    path.write_text("source,summary,s_evidence\na,b,c\n")
    message = refusal(["score", path, "--score-column", "s", "--evidence"], capsys)
    assert "'s_evidence'; give --score-column" in message


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--model", "maxi"], "unknown model 'maxi'; give one of: mini"),
        (["--head", "quad"], "known heads: bin, tri, reg"),
        (["--splitter", "spacy"], "unknown sentence splitter 'spacy'"),
        (["--precision", "fp64"], "known precisions: fp32, bf16, fp16"),
        (["--device", "abacus"], "device 'abacus' cannot be used here"),
        (["--chunk-words", "0"], "chunk_words is 0"),
        (["--batch-tokens", "0"], "batch_tokens is 0"),
    ],
)
def test_unknown_option_values(tmp_path, rows_file, tiny_aligner, capsys, options, message):
    argv = ["score", rows_file, "-o", tmp_path / "out.csv", "--model", tiny_aligner, *options]
    assert message in refusal(argv, capsys)
    assert not (tmp_path / "out.csv").exists()


def test_folder_that_holds_no_aligner(tmp_path, rows_file, capsys):
    assert "has no config.json" in refusal(["score", rows_file, "--model", tmp_path], capsys)


@pytest.mark.parametrize(
    "argv",
    [
        [],
        ["scoer"],
        ["score"],
        ["score", "a.csv", "--fail-under", "x"],
        ["explain"],
        ["explain", "--source-text", "a"],
        ["explain", "--source", "a", "--source-text", "b", "--summary-text", "c"],
        ["train", "recipe.yaml"],
    ],
)
def test_bad_usage_exits_with_2(argv, capsys):
    with pytest.raises(SystemExit) as caught:
        main(argv)
    assert caught.value.code == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("usage: alignscore")


@pytest.mark.parametrize(
    ("argv", "usage", "told"),
    [
        (
            ["score", "a.csv", "--sumary-column", "x"],
            "score",
            "--sumary-column x (did you mean --summary-column?)",
        ),
        (["score", "a.csv", "--evidnce=1"], "score", "--evidnce=1 (did you mean --evidence?)"),
        (["explain", "--sorce-text", "a", "--source", "x", "--summary", "y"], "explain", "-text?)"),
        (["info", "--zzzz"], "info", "unrecognized arguments: --zzzz\n"),
        (["info", "what"], "info", "unrecognized arguments: what\n"),
        (["leaderboard", "show", "summac", "--splt", "val"], "leaderboard show", "--split?)"),
    ],
)
def test_an_unknown_option_shows_its_commands_usage(argv, usage, told, capsys):
    with pytest.raises(SystemExit) as caught:
        main(argv)
    assert caught.value.code == 2
    err = capsys.readouterr().err
    assert err.startswith(f"usage: alignscore {usage} [-h]")
    assert told in err


def test_help_of_score_groups_its_options_by_need(capsys):
    with pytest.raises(SystemExit):
        main(["score", "--help"])
    groups = re.split(r"^(\w[\w ]+):\n", capsys.readouterr().out, flags=re.MULTILINE)
    names = dict(zip(groups[1::2], groups[2::2], strict=True))
    found = {
        name: set(re.findall(r"^ +(?:-\w(?: [A-Z]+)?, )?--([\w-]+)", text, flags=re.MULTILINE))
        for name, text in names.items()
    }
    assert list(found)[1:] == [
        "options",
        "columns",
        "model and machine",
        "what a score is",
        "checkpoints from elsewhere",
        "long runs and many machines",
    ]
    assert found["options"] == {"help", "output", "evidence", "spans", "report", "fail-under"}
    assert found["columns"] == {"source-column", "summary-column", "score-column"}
    assert found["model and machine"] == {"model", "device", "precision", "batch-tokens", "quiet"}
    assert {"head", "chunk-words", "texts"} <= found["what a score is"]
    assert {"backbone", "mode"} <= found["checkpoints from elsewhere"]
    assert found["long runs and many machines"] == {"restart", "engine", "workers"}


@pytest.mark.parametrize("command", ["score", "explain", "info", "train"])
def test_help_of_each_command(command, capsys):
    with pytest.raises(SystemExit) as caught:
        main([command, "--help"])
    assert caught.value.code == 0
    out = capsys.readouterr().out
    assert f"usage: alignscore {command}" in out
    assert ("--data" if command == "train" else "--model") in out


def test_version(capsys):
    with pytest.raises(SystemExit) as caught:
        main(["--version"])
    assert caught.value.code == 0
    assert capsys.readouterr().out == f"alignscore {alignscore_metric.__version__}\n"


def test_the_examples_come_with_the_package(tmp_path, metric, capsys):
    assert main(["examples"]) == 0
    out = capsys.readouterr().out
    assert main(["examples", "-o", str(tmp_path / "x.jsonl")]) == 0
    assert (tmp_path / "x.jsonl").read_text(encoding="utf-8") == out
    rows = list(map(json.loads, out.splitlines()))
    assert (len(rows), sum(row["faithful"] for row in rows)) == (46, 16)


# ------------------------------------------------------------ explain, info


def test_explain_shows_the_least_supported_sentence_first(
    tmp_path, tiny_aligner, metric, capsys, monkeypatch
):
    monkeypatch.setenv("COLUMNS", "200")
    source = ROWS[0]["source"]
    summary = "The bridge was closed. The council pays nothing. Snow fell. Cracks were found."
    (tmp_path / "source.txt").write_text(source, encoding="utf-8")
    (tmp_path / "summary.txt").write_text(summary, encoding="utf-8")
    files = ["--source", tmp_path / "source.txt", "--summary", tmp_path / "summary.txt"]
    texts = ["--source-text", source, "--summary-text", summary]
    printed = []
    for given in (files, texts):
        argv = ["explain", *given, "--model", tiny_aligner, "-q"]
        assert main([str(arg) for arg in argv]) == 0
        printed.append(capsys.readouterr().out)
    assert printed[0] == printed[1]
    evidence = sorted(metric.explain(source, summary), key=lambda e: e.score)
    assert [e.sentence for e in evidence] != [e.sentence for e in metric.explain(source, summary)]
    lines = printed[0].splitlines()
    assert lines[:-2:2] == [f"    {e.score:.4f}  {e.sentence}" for e in evidence]
    for line, found in zip(lines[1:-2:2], evidence, strict=True):
        verdict = "" if found.supported else f"{VERDICTS[found.verdict]}; "
        assert line.strip().startswith(f"{verdict}chunk {found.chunk_index + 1}: ")
    score = metric.score([source], [summary])[0]
    assert lines[-2:] == [f"{score:.4f}  the summary", metric.signature]


def test_explain_of_a_file_that_cannot_be_read(tmp_path, tiny_aligner, capsys):
    (tmp_path / "latin1.txt").write_bytes(b"caf\xe9")
    for name in ("absent.txt", "latin1.txt"):
        argv = ["explain", "--source", tmp_path / name, "--summary-text", "x"]
        assert f"cannot read {tmp_path / name}" in refusal([*argv, "--model", tiny_aligner], capsys)


def test_info_prints_signature_and_evaluate_path(tiny_aligner, metric, capsys):
    assert main(["info", "--model", str(tiny_aligner)]) == 0
    out = capsys.readouterr().out
    rows = dict(line.split(maxsplit=1) for line in out.splitlines() if not line.startswith("eval"))
    assert rows["signature"] == metric.signature
    assert rows["device"] == str(metric.device)
    [path_line] = [line for line in out.splitlines() if line.startswith("evaluate.load path")]
    assert path_line.endswith(f" {MODULE_PATH}")
    assert MODULE_PATH.is_file()


# ------------------------------------------------------------ exit codes, terminals, closed streams


def failing(error: BaseException):
    def fail(*args, **kwargs):
        raise error

    return fail


@pytest.mark.parametrize(
    ("error", "code", "message"),
    [
        (KeyboardInterrupt(), 130, "interrupted"),
        (TypeError("no\x1b[2J"), 70, "an error of ours: TypeError: no?[2J (where: ALIGNSCORE_"),
        (RecursionError("deep"), 70, "an error of ours: RecursionError: deep"),
        (MemoryError(), 70, "an error of ours: MemoryError"),
        (InputError("row 1\x07"), 2, "row 1?"),
        (OSError(errno.ENOSPC, "No space left on device"), 2, "No space left on device"),
        (OSError(errno.EIO, "Input/output error", "a.bin"), 2, "a.bin: Input/output error"),
    ],
)
def test_each_kind_of_error_has_its_code_and_one_line(
    rows_file, monkeypatch, capsys, error, code, message
):
    monkeypatch.setattr(alignscore_metric.files.scoring, "score_file", failing(error))
    assert main(["score", str(rows_file)]) == code
    out, err = capsys.readouterr()
    assert out == ""
    assert len(err.splitlines()) == 1
    assert err.startswith("alignscore: ")
    assert message in err
    monkeypatch.setenv("ALIGNSCORE_TRACEBACK", "1")
    assert main(["score", str(rows_file)]) == code
    assert capsys.readouterr().err.startswith("Traceback (most recent call last)")


FULL = Path("/dev/full")


@pytest.mark.skipif(not FULL.exists(), reason="no /dev/full here")
@pytest.mark.parametrize("output", [[], ["-o", "-"]])
def test_a_full_stdout_is_one_line(rows_file, tiny_aligner, monkeypatch, capsys, output):
    with FULL.open("w") as full:
        monkeypatch.setattr(sys, "stdout", full)
        argv = ["score", str(rows_file), *output, "-q", "--model", str(tiny_aligner)]
        assert main(argv) == 2
        full.flush()  # as at Python's end: given up, so that it does not fail again
    err = capsys.readouterr().err.splitlines()
    assert err[-1] == "alignscore: cannot write to stdout: No space left on device"
    assert not any("Traceback" in line for line in err)


@pytest.mark.skipif(not FULL.exists(), reason="no /dev/full here")
def test_help_to_a_full_stdout_is_one_line(monkeypatch, capsys):
    with FULL.open("w") as full:
        monkeypatch.setattr(sys, "stdout", full)
        assert main(["--help"]) == 2
        full.flush()
    expected = "alignscore: cannot write to stdout: No space left on device\n"
    assert capsys.readouterr().err == expected


def test_without_stdout_a_file_is_scored_all_the_same(
    tmp_path, rows_file, tiny_aligner, monkeypatch, capsys
):
    argv = ["score", str(rows_file), "-q", "--model", str(tiny_aligner)]
    monkeypatch.setattr(sys, "stdout", None)
    assert main([*argv, "-o", str(tmp_path / "out.jsonl")]) == 0
    assert len(read_scored(tmp_path / "out.jsonl")) == len(ROWS)
    monkeypatch.setattr(sys, "stdout", None)
    capsys.readouterr()
    assert main(argv) == 2
    expected = "alignscore: cannot write to stdout: Bad file descriptor\n"
    assert capsys.readouterr().err == expected


@pytest.mark.usefixtures("no_model")
def test_without_stdin_there_is_nothing_to_read(monkeypatch, capsys):
    monkeypatch.setattr(sys, "stdin", None)
    assert refusal(["score", "-"], capsys) == "alignscore: cannot read stdin: Bad file descriptor"


@pytest.mark.skipif(not FULL.exists(), reason="no /dev/full here")
@pytest.mark.parametrize("full", [True, False])
def test_stderr_that_takes_nothing_stops_nothing(
    tmp_path, rows_file, tiny_aligner, monkeypatch, full
):
    with FULL.open("w", buffering=1) as nowhere:
        monkeypatch.setattr(sys, "stderr", nowhere if full else None)
        argv = ["score", str(rows_file), "-o", str(tmp_path / "out.jsonl")]
        assert main([*argv, "--model", str(tiny_aligner)]) == 0
        nowhere.flush()  # as at Python's end
    assert len(read_scored(tmp_path / "out.jsonl")) == len(ROWS)


HOSTILE = "\x1b[2J\x07\r\u202e"


def test_nothing_of_a_row_moves_the_terminal(tmp_path, tiny_aligner, capsys):
    path = tmp_path / "rows.jsonl"
    row = {
        "id": f"a{HOSTILE}\nb",
        "source": f"It rained{HOSTILE} in Leeds.",
        "summary": f"It{HOSTILE} rained.\x9b",
    }
    path.write_text(json.dumps(row) + "\n")
    assert main(["score", str(path), "--evidence", "--model", str(tiny_aligner)]) == 0
    texts = ["--source-text", row["source"], "--summary-text", row["summary"]]
    assert main(["explain", *texts, "--model", str(tiny_aligner)]) == 0
    assert main(["score", str(path), "--source-column", HOSTILE]) == 2
    out, err = capsys.readouterr()
    assert "  a?[2J? ? b\n" in out
    for shown in (out, err):
        assert "rained" in shown or "column" in shown
        assert not set(shown) & set("\x1b\x07\r\x9b\u202e")


@pytest.mark.parametrize("command", ["score", "predict", "convert"])
def test_a_full_disk_is_one_line_and_leaves_nothing(
    tmp_path, rows_file, tiny_aligner, capsys, command
):
    """A limit on the size of files stands for the disk."""
    place = tmp_path / "out"
    argv = {
        "score": ["score", str(rows_file), "--report", f"{place}.html"],
        "predict": ["predict", str(rows_file), "-o", f"{place}.parquet"],
        "convert": ["convert", str(tiny_aligner), "-o", str(place)],
    }[command]
    argv += ["--model", str(tiny_aligner), "-q"] if command == "score" else []
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, limits[1]))
    try:
        assert main(argv) == 2
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    err = capsys.readouterr().err.splitlines()
    assert err[-1].startswith(f"alignscore: cannot write {place}")
    assert "File too large" in err[-1]
    assert [path.name for path in tmp_path.iterdir()] == ["rows.jsonl"]


# ------------------------------------------------------------ as a process


def run(argv, *, stdin=b"") -> subprocess.CompletedProcess:
    environment = os.environ | {"HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "alignscore_metric", *map(str, argv)]
    return subprocess.run(command, input=stdin, capture_output=True, env=environment, check=False)


@pytest.mark.slow
def test_pipe_through_the_process(rows_file, tiny_aligner, expected):
    argv = ["score", "-", "--model", tiny_aligner, "--fail-under", "1.1"]
    done = run(argv, stdin=rows_file.read_bytes())
    assert done.returncode == 1
    rows = [json.loads(line) for line in done.stdout.decode("utf-8").splitlines()]
    assert [row["alignscore"] for row in rows[:2]] == pytest.approx(list(expected.scores[:2]))
    assert rows[2]["alignscore"] is None
    # Nothing but the timing and the summary on stderr: no bar (not a terminal), no chatter.
    timing, summary = done.stderr.decode("utf-8").split("\n", 1)
    assert re.fullmatch(r"\d+ \(chunk, sentence\) pairs scored in [\d.]+ s", timing)
    assert summary == f"{expected}\n"


@pytest.mark.slow
def test_refusal_of_the_process_has_no_traceback():
    done = run(["score", "-"], stdin=b"{oops\n")
    assert (done.returncode, done.stdout) == (2, b"")
    assert done.stderr.startswith(b"alignscore: stdin, line 1: not JSON")
    assert b"Traceback" not in done.stderr


# ------------------------------------------------------------ spans

WRONG = "The river forced about 960 people from their homes."
RIVER = "The Sable River rose on Tuesday and forced about 340 people from their homes."


@pytest.mark.parametrize(
    ("terminal", "marks"), [(True, ("\x1b[1;31m", "\x1b[0m")), (False, ("[-", "-]"))]
)
def test_explain_marks_unsupported_words(capsys, monkeypatch, terminal, marks):
    """In colour on a terminal alone; marks that a text brings are none."""
    monkeypatch.setattr("alignscore_metric.commands.main.coloured", lambda stream: terminal)
    monkeypatch.setenv("COLUMNS", "300")
    argv = [
        "explain",
        "--source-text",
        RIVER,
        "--summary-text",
        f"The \ue000 came. {WRONG}",
        "--spans",
        "-q",
    ]
    assert main(argv) == 0
    out = capsys.readouterr().out
    assert f"{marks[0]}960" in out
    assert out.count(marks[0]) == out.count(marks[1]) >= 1
    assert "\ue000" not in out


def test_colour_is_for_terminals_that_want_it(monkeypatch):
    terminal = type("Terminal", (io.StringIO,), {"isatty": lambda self: True})()
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    assert coloured(terminal)
    assert not coloured(io.StringIO())
    monkeypatch.setenv("NO_COLOR", "1")
    assert not coloured(terminal)


def test_explain_as_json_is_the_result(capsys):
    argv = ["explain", "--source-text", RIVER, "--summary-text", WRONG, "--spans", "--json", "-q"]
    assert main([*argv, "--device", "cpu"]) == 0
    found = json.loads(capsys.readouterr().out)
    expected = AlignScore(device="cpu", progress=False).evaluate([RIVER], [WRONG], spans=True)
    assert found["sentences"][0][0]["verdict"] == expected.sentences(0)[0].verdict
    assert found["sentences"][0][0]["unsupported"][0]["text"].startswith("960")


@pytest.mark.parametrize("ending", [".jsonl", ".csv", ".parquet"])
def test_written_spans_and_judgments(tmp_path, capsys, ending):
    rows = tmp_path / "rows.jsonl"
    rows.write_text(json.dumps({"source": RIVER, "summary": WRONG}) + "\n")
    metric = AlignScore(device="cpu", progress=False)
    expected = asdict(metric.predict([RIVER], [WRONG], spans=True).sentences(0)[0])
    for command in ("score", "predict"):
        output = tmp_path / f"{command}{ending}"
        argv = [command, str(rows), "-o", str(output), "--evidence", "--spans", "-q"]
        assert main([*argv, "--device", "cpu"]) == 0
        if ending == ".parquet":
            [row] = pq.read_table(output).to_pylist()
        elif ending == ".jsonl":
            row = json.loads(output.read_text())
        else:
            [row] = csv.DictReader(io.StringIO(output.read_text()))
            row["alignscore_evidence"] = json.loads(row["alignscore_evidence"])
        [found] = row["alignscore_evidence"]
        [span], [wanted] = found["unsupported"], expected["unsupported"]
        assert span == wanted | {"score": pytest.approx(wanted["score"], abs=1e-5)}
        assert found == {**found, "verdict": expected["verdict"], "start": 0, "end": len(WRONG)}


def test_spans_without_evidence_and_without_a_head_are_refused(tmp_path, tiny_aligner, capsys):
    rows = tmp_path / "rows.jsonl"
    rows.write_text(json.dumps({"source": RIVER, "summary": WRONG}) + "\n")
    assert "give --evidence" in refusal(["score", rows, "--spans"], capsys)
    argv = ["predict", rows, "-o", tmp_path / "out.jsonl", "--spans"]
    assert "give --evidence" in refusal(argv, capsys)
    argv = ["score", rows, "--evidence", "--spans", "--model", tiny_aligner]
    assert "--spans occlusion" in refusal(argv, capsys)
