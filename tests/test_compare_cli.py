"""The command `alignscore compare`: files in, tables out, against plain readers and pdflatex."""

import csv
import json
import math
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import alignscore_metric.metric
from alignscore_metric import AlignScore
from alignscore_metric.commands.main import main
from alignscore_metric.leaderboards.comparison import ComparisonSettings, compare

DASH = "\N{EN DASH}"
COUNT = 24
SOURCES = [f"The council met on day {n}. It closed {n} bridges in Leeds." for n in range(COUNT)]
HOSTILE = (
    r"\input{x} 100% & #1 $x_i^2$ ~{}[]<b>|`--`\\",
    "<script>alert(1)</script> | *bold* _it_ [l](u)",
    "[1pt] of a name",
    "n\u00e4\u00efve \u65e5\u672c \U0001f600 \ud800 \x00",
)


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    """Files are named as they are given: short."""
    monkeypatch.chdir(tmp_path)


def rows_of(level, *, seed=0, count=COUNT, **more):
    """Rows of one system; its scores lie around a level."""
    scores = np.random.default_rng(seed).normal(level, 0.08, count).clip(0, 1)
    return [
        {"id": f"doc-{n}", "source": SOURCES[n], "summary": f"Summary {seed} of {n}.",
         "alignscore": float(score), **more}
        for n, score in enumerate(scores)
    ]  # fmt: skip


def write(name, rows):
    Path(name).write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return name


def without(rows, *columns):
    return [{key: value for key, value in row.items() if key not in columns} for row in rows]


@pytest.fixture
def three():
    """Files of three scored systems; `good` and `same` differ by noise alone."""
    levels = {"bad": 0.4, "good": 0.7, "same": 0.7}
    systems = {name: rows_of(level, seed=i) for i, (name, level) in enumerate(levels.items())}
    systems["good"][3]["alignscore"] = None
    for name, rows in systems.items():
        write(f"{name}.jsonl", rows)
    return systems


FILES = ("bad.jsonl", "good.jsonl", "same.jsonl")


def scores_of(systems):
    return {
        name: np.array([math.nan if r["alignscore"] is None else r["alignscore"] for r in rows])
        for name, rows in systems.items()
    }


def run(*argv, capsys):
    """What a command prints on stdout and stderr."""
    assert main(["compare", *map(str, argv)]) == 0
    return capsys.readouterr()


def as_json(*argv, capsys):
    out, _ = run(*argv, "--format", "json", capsys=capsys)
    return json.loads(out, parse_constant=pytest.fail)


def refusal(*argv, capsys):
    assert main(["compare", *map(str, argv)]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert "Traceback" not in err
    return err.splitlines()[-1].removeprefix("alignscore: ")


# ------------------------------------------------------------ numbers


def test_json_has_the_numbers_of_the_arrays(three, capsys):
    options = ("--resamples", 800, "--seed", 4, "--threshold", 0.6, "--alpha", 0.1)
    found = as_json(*FILES, *options, capsys=capsys)
    settings = ComparisonSettings(resamples=800, seed=4, threshold=0.6, alpha=0.1)
    expected = compare(scores_of(three), np.arange(COUNT), settings)
    assert found["settings"] == {
        "threshold": 0.6, "alpha": 0.1, "level": 0.95, "resamples": 800, "seed": 4
    }  # fmt: skip
    assert (found["examples"], found["documents"]) == (COUNT, COUNT)
    for kind in ("systems", "pairs"):
        assert found[kind] == [vars(one) for one in getattr(expected, kind)]
    assert [system["undefined"] for system in found["systems"] if system["name"] == "good"] == [1]
    assert [system["cluster"] for system in found["systems"]] == [1, 1, 2]
    assert found["scores_from"] == "read from the column 'alignscore' of the files"


def numbers_in(text):
    """Numbers and names of the lines of a table, whatever its format."""
    text = text.replace("$-$", "-").replace("--", DASH).replace(r"\%", "%").replace("\\_", "_")
    return re.findall(r"[a-z]+ (?:>|vs\.|\\textgreater\{\}) [a-z]+|-?\d+\.\d+%?|<0.001", text)


@pytest.mark.parametrize("format", ["text", "markdown", "latex"])
def test_tables_show_the_numbers(three, capsys, format):
    found = as_json(*FILES, capsys=capsys)
    out, err = run(*FILES, "--format", format, "--examples", 0, capsys=capsys)
    assert err == ""
    shown = numbers_in(out.replace(r"\textless{}", "<"))
    for system in found["systems"]:
        assert system["name"] in out
        for name in ("mean", "median", "low", "high"):
            assert f"{system[name]:.3f}" in shown
        assert f"{100 * system['below']:.1f}%" in shown
    for pair in found["pairs"]:
        for name in ("difference", "low", "high"):
            assert f"{pair[name]:.3f}" in shown
        for name in ("wins", "losses"):
            assert f"{100 * pair[name]:.1f}%" in shown
        assert {f"{pair['p']:.3f}", "<0.001"} & set(shown)
    assert "24 examples from 24 sources" in out
    assert "read from the column" in out


def test_text_marks_best_cluster_and_significance(three, capsys):
    out, _ = run(*FILES, "--examples", 0, capsys=capsys)
    lines = {line.split("  ")[0].strip(): line for line in out.splitlines()}
    first, second = (name for name in lines if name in ("good", "same"))
    assert re.search(r"\d\*", lines[first])
    assert "\N{DAGGER}" in lines[second]
    assert not re.search("[*\N{DAGGER}]", lines["bad"])
    assert "<0.001*" in lines[f"{first} > bad"]
    assert "*" not in lines[f"{first} vs. {second}"]


def test_what_is_zero_for_all_has_no_column(three, capsys):
    out, _ = run(*FILES, "--examples", 0, capsys=capsys)
    assert "undefined" in out  # one example of `good` has no score
    assert re.search(r"win +loss", out)
    for file in FILES:
        rows = [json.loads(line) for line in Path(file).read_text().splitlines()]
        write(Path(file), [row | {"alignscore": row["alignscore"] or 0.0} for row in rows])
    Path("tied.jsonl").write_text(Path(FILES[0]).read_text())
    out, _ = run(*FILES, "tied.jsonl", "--examples", 0, capsys=capsys)
    assert "undefined" not in out
    assert re.search(r"win +tie +loss", out)


@pytest.mark.parametrize("format", ["text", "markdown", "latex", "json"])
def test_a_comparison_in_json_is_shown_in_any_format_without_scoring(
    three, monkeypatch, format, capsys
):
    expected, _ = run(*FILES, "--format", format, "--examples", 3, capsys=capsys)
    run(*FILES, "--format", "json", "-o", "found.json", capsys=capsys)
    for file in FILES:
        Path(file).unlink()
    found, err = run("found.json", "--format", format, "--examples", 3, capsys=capsys)
    assert (found, err) == (expected, "")


@pytest.mark.parametrize("text", ["[]", "{", '{"systems": []}', "null", "3"])
def test_a_single_json_that_is_no_comparison_is_refused(text, tmp_path, capsys):
    file = tmp_path / "x.json"
    file.write_text(text)
    assert "is no comparison in JSON" in refusal(file, capsys=capsys)


def test_statistics_of_a_comparison_made_before_stay(three, capsys):
    run(*FILES, "--format", "json", "-o", "found.json", capsys=capsys)
    message = refusal("found.json", "--alpha", "0.01", capsys=capsys)
    assert message.startswith("--alpha has no effect on found.json")


def test_latex_says_which_packages_it_needs(three, capsys):
    out, _ = run(*FILES, "--format", "latex", capsys=capsys)
    assert out.startswith("% needs \\usepackage{booktabs,graphicx}\n")


def test_the_file_that_is_written_is_what_is_printed(three, capsys):
    printed, _ = run(*FILES, "--format", "markdown", capsys=capsys)
    out, _ = run(*FILES, "--format", "markdown", "-o", "table.md", capsys=capsys)
    assert out == ""
    assert Path("table.md").read_text(encoding="utf-8") == printed


def test_another_score_column_and_csv(three, capsys):
    for name, rows in three.items():
        with Path(f"{name}.csv").open("w", encoding="utf-8", newline="") as stream:
            writer = csv.writer(stream)
            writer.writerow(["id", "source", "summary", "mine"])
            writer.writerows(row.values() for row in rows)
    expected = as_json(*FILES, capsys=capsys)
    names = [f"{name}.csv" for name in three]
    found = as_json(*names, "--score-column", "mine", capsys=capsys)
    assert found["systems"] == expected["systems"]
    assert found["pairs"] == expected["pairs"]
    assert "'mine'" in found["scores_from"]


# ------------------------------------------------------------ scoring


@pytest.fixture
def calls(monkeypatch):
    """How many pairs each call of `evaluate` had."""
    made = []
    evaluate = AlignScore.evaluate

    def spy(self, sources, summaries):
        made.append(len(summaries))
        return evaluate(self, sources, summaries)

    monkeypatch.setattr(AlignScore, "evaluate", spy)
    return made


@pytest.mark.parametrize("scored", [(), ("good",), ("bad", "good", "same")])
def test_systems_are_scored_at_once_unless_all_are(three, tiny_aligner, calls, scored, capsys):
    """One model scores all, also where some have scores, or all have and others are wanted."""
    three["same"][5]["summary"] = " "
    for name, rows in three.items():
        write(f"{name}.jsonl", rows if name in scored else without(rows, "alignscore"))
    argv = [*FILES, "--model", tiny_aligner, "-q", "--format", "json"]
    out, err = run(*argv, *(["--rescore"] if len(scored) == 3 else []), capsys=capsys)
    assert calls == [3 * COUNT]
    assert ("good.jsonl" in err and "one model scores all" in err) == bool(scored)
    metric = AlignScore(tiny_aligner, progress=False)
    found = json.loads(out)
    assert found["scores_from"] == metric.signature
    for system in found["systems"]:
        rows = three[system["name"]]
        scores = metric.score(SOURCES, [row["summary"] for row in rows])
        assert system["mean"] == pytest.approx(np.nanmean(scores), abs=1e-6)
        assert system["undefined"] == (system["name"] == "same")


@pytest.mark.usefixtures("three")
def test_scores_that_are_read_need_no_model(monkeypatch, capsys):
    monkeypatch.setattr(alignscore_metric.metric, "AlignScore", None)
    run(*FILES, capsys=capsys)


@pytest.mark.usefixtures("three")
@pytest.mark.slow
def test_no_extra_is_needed():
    """Where modules that the core's dependencies do not install cannot be imported."""
    absent = ["matplotlib", "openpyxl", "pydantic", "rouge_score", "sklearn"]
    code = (
        f"import sys; sys.modules.update(dict.fromkeys({absent}))\n"
        f"from alignscore_metric.commands.main import main\n"
        f"for format in ('text', 'markdown', 'latex', 'json'):\n"
        f"    assert main(['compare', *{FILES}, '--format', format]) == 0"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("Scores of 3 systems") == 3


# ------------------------------------------------------------ matching


def test_rows_are_matched_by_id_and_the_rest_is_left_out_and_named(three, capsys):
    shuffled = list(reversed(three["good"]))[:-2]
    write("good.jsonl", [*shuffled, three["good"][0] | {"id": "other"}])
    out, err = run(*FILES, "--format", "json", capsys=capsys)
    kept = {name: scores[2:] for name, scores in scores_of(three).items()}
    expected = compare(kept, np.arange(COUNT - 2))
    assert json.loads(out)["systems"] == [vars(system) for system in expected.systems]
    assert err.splitlines() == [
        "bad.jsonl: 2 of 24 rows are not in every file and are left out; the first: "
        "bad.jsonl, line 1",
        "good.jsonl: 1 of 23 rows are not in every file and are left out; the first: "
        "good.jsonl, line 23",
        "same.jsonl: 2 of 24 rows are not in every file and are left out; the first: "
        "same.jsonl, line 1",
    ]


@pytest.mark.parametrize("options", [(), ("--match-column", "source")])
def test_rows_are_matched_by_source_without_ids(three, capsys, options):
    """Ids of systems are of no use; a file of another order and one without ids."""
    expected = as_json(*FILES, capsys=capsys)["pairs"]
    if options:
        for name, rows in three.items():
            write(f"{name}.jsonl", [row | {"id": f"{name}-{row['id']}"} for row in rows])
    else:
        write("bad.jsonl", without(three["bad"], "id"))
    write("same.jsonl", list(reversed(three["same"])))
    found = as_json(*FILES, *options, capsys=capsys)["pairs"]
    for one, other in zip(found, expected, strict=True):
        numbers = ("difference", "wins", "undefined")
        assert [one[name] for name in numbers] == pytest.approx([other[name] for name in numbers])


def test_equal_sources_in_equal_order_match_row_by_row_and_are_one_document(three, capsys):
    for name, rows in three.items():
        for place, row in enumerate(rows):
            row["source"] = ["a passage", SOURCES[place // 4]]
        write(f"{name}.jsonl", without(rows, "id"))
    found = as_json(*FILES, capsys=capsys)
    expected = compare(scores_of(three), np.arange(COUNT) // 4)
    assert (found["examples"], found["documents"]) == (COUNT, COUNT // 4)
    assert found["pairs"] == [vars(pair) for pair in expected.pairs]


def test_files_of_one_name_get_distinct_names(three, tmp_path, capsys):
    for name in three:
        (tmp_path / name).mkdir()
        shutil.move(f"{name}.jsonl", tmp_path / name / "test.jsonl")
    found = as_json(*(f"{name}/test.jsonl" for name in three), capsys=capsys)
    assert {s["name"] for s in found["systems"]} == {"bad/test", "good/test", "same/test"}


# ------------------------------------------------------------ examples


def test_examples_that_differ_most(three, capsys):
    three["bad"][7] |= {"alignscore": 0.01, "summary": "It closed <none>. " * 20}
    three["same"][7]["alignscore"] = 0.99
    three["bad"][9]["alignscore"] = 0.0
    three["good"][9]["alignscore"] = 0.95
    for name, rows in three.items():
        write(f"{name}.jsonl", rows)
    first, second = as_json(*FILES, "--examples", 2, capsys=capsys)["contrasts"]
    assert first == {
        "example": "doc-7",
        "better": "same", "better_score": 0.99, "better_summary": three["same"][7]["summary"],
        "worse": "bad", "worse_score": 0.01, "worse_summary": three["bad"][7]["summary"],
    }  # fmt: skip
    assert (second["example"], second["better"], second["worse"]) == ("doc-9", "good", "bad")
    text, _ = run(*FILES, "--examples", 2, capsys=capsys)
    shown = text[text.index("Examples on which") :]
    assert shown.index("0.980  doc-7") < shown.index("0.950  doc-9")
    assert "0.990  same: Summary 2 of 7." in shown
    assert " ".join(shown.split()).count("It closed <none>.") == 20
    markdown, _ = run(*FILES, "--examples", 2, "--format", "markdown", capsys=capsys)
    assert "| Summary 2 of 7. | same | 0.990 | doc-7 |" in markdown
    assert r"It closed \<none\>." in markdown
    none, _ = run(*FILES, "--examples", 0, capsys=capsys)
    assert "Examples on which" not in none


# ------------------------------------------------------------ any text in any format


def hostile_files():
    """Files whose names, as far as a file system takes them, ids and summaries are hostile."""
    for place, name in enumerate(HOSTILE):
        rows = rows_of(0.4 + 0.1 * place, seed=place, summary=name)
        safe = re.sub(r"[/\x00\ud800]", "", name)
        yield write(
            f"{place} {safe}.jsonl", [row | {"id": f"{HOSTILE[1]} {row['id']}"} for row in rows]
        )


def test_any_text_can_be_written_in_any_format(capsys):
    files = list(hostile_files())
    for format in ("text", "markdown", "json", "latex"):
        run(*files, "--format", format, "-o", "out", capsys=capsys)
        text = Path("out").read_text(encoding="utf-8")
        assert "alert" in text
        if format == "markdown":
            assert "<script>" not in text
            rows = [line for line in text.splitlines() if line.startswith("|")]
            columns = {len(re.findall(r"(?<!\\)\|", row)) for row in rows}
            assert columns == {6, 7, 5}  # systems, pairs, examples


def test_latex_compiles(tmp_path, capsys):
    if not shutil.which("pdflatex"):
        pytest.skip("no pdflatex on this machine (Debian: texlive-latex-recommended)")
    text, _ = run(*hostile_files(), "--format", "latex", capsys=capsys)
    assert text.isascii()
    document = "\\documentclass{article}\\usepackage[T1]{fontenc}\\usepackage{booktabs,graphicx}"
    document += f"\\begin{{document}}\n{text}\\end{{document}}\n"
    (tmp_path / "table.tex").write_text(document, encoding="ascii")
    command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "-no-shell-escape"]
    done = subprocess.run([*command, "table.tex"], capture_output=True, text=True, errors="replace")
    assert done.returncode == 0, done.stdout[-2000:]
    assert "Overfull" not in done.stdout
    assert text.count(r"\caption{") == text.count(r"\toprule") == 2
    assert len(set(re.findall(r"\\label\{.*?\}", text))) == 2


# ------------------------------------------------------------ refusals


def broken(**changes):
    """Rows of which the third has other values, or lacks one."""
    rows = rows_of(0.5)
    rows[2] = {key: value for key, value in (rows[2] | changes).items() if value != "gone"}
    return rows


@pytest.mark.usefixtures("three")
@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (broken(id="doc-1"), "b.jsonl, line 3 and b.jsonl, line 2 have the same 'id'"),
        (broken(id=None), "b.jsonl, line 3: no 'id' to match it by"),
        (broken(source="Another source."), "b.jsonl, line 3: its source is not that of bad.jsonl"),
        (broken(source=5), "b.jsonl, line 3: the source is int"),
        (broken(summary="gone"), "b.jsonl, line 3: the summary is missing"),
        (broken(alignscore="high"), "b.jsonl, line 3: 'alignscore' is 'high', which is no score"),
        (broken(alignscore=[1]), "b.jsonl, line 3: 'alignscore' is [1], which is no score"),
        (broken(alignscore=True), "b.jsonl, line 3: 'alignscore' is True, which is no score"),
        (broken(alignscore=math.inf), "b.jsonl, line 3: 'alignscore' is inf, which is no score"),
        (broken(alignscore="gone"), "b.jsonl, line 3: no 'alignscore'; an undefined score is null"),
        ([row | {"alignscore": None} for row in broken()], "b: no example has a score"),
        ([row | {"id": f"b-{row['id']}"} for row in broken()], "no 'id' is in all of bad.jsonl, "
         "b.jsonl; name a column"),
        (without(rows_of(0.5)[:9] * 2, "id"), "line 10 and b.jsonl, line 1 have the same 'source'"),
        (without([row | {"source": "S."} for row in broken()][:1], "id"), "no source is in all of"),
        (without(broken(), "summary"), "b.jsonl: no summary column; its columns: id, source"),
        ([], "b.jsonl: no source column; its columns: none"),
    ],
)  # fmt: skip
def test_bad_input_is_refused(rows, message, capsys):
    write("b.jsonl", rows)
    assert message in refusal("bad.jsonl", "b.jsonl", capsys=capsys)


def test_tables_of_no_rows(capsys):
    for name in ("a.csv", "b.csv"):
        Path(name).write_text("source,summary\n")
    assert "no source is in all of a.csv, b.csv" in refusal("a.csv", "b.csv", capsys=capsys)


@pytest.mark.usefixtures("three")
@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (["bad.jsonl"], "one system alone cannot be compared; give two files or more"),
        (["bad.jsonl", "absent.jsonl"], "cannot read absent.jsonl"),
        (["bad.jsonl", "./bad.jsonl"], "bad.jsonl is given twice"),
        ([*FILES, "--score-column", "rouge"], "bad.jsonl: no column 'rouge'; its columns: id, "),
        ([*FILES, "--match-column", "doc"], "no column 'doc'; its columns: id, source, summary, "
         "alignscore. Name one with --match-column"),
        ([*FILES, "--examples", "-1"], "--examples -1: give 0 or more"),
        ([*FILES, "--alpha", "2"], "alpha is a share"),
        ([*FILES, "--resamples", "100"], "give --resamples 480"),
        ([*FILES, "--seed", "-1"], "seed >= 0"),
        ([*FILES, "-o", "nowhere/table.tex"], "cannot write nowhere/table.tex: no such folder"),
        ([*FILES[:2], "-o", "./bad.jsonl"], "bad.jsonl is to be read and written"),
        ([*FILES, "-o", "."], "cannot write ."),
    ],
)  # fmt: skip
def test_bad_usage_is_refused(argv, message, capsys):
    assert message in refusal(*argv, capsys=capsys)


def test_help(capsys):
    with pytest.raises(SystemExit) as caught:
        main(["compare", "--help"])
    assert caught.value.code == 0
    out = capsys.readouterr().out
    assert "usage: alignscore compare" in out
    assert "95% intervals" in out
    assert "--model" in out


def test_what_would_fail_after_the_scoring_is_refused_before_any_model(three, monkeypatch, capsys):
    monkeypatch.setattr(alignscore_metric.metric, "AlignScore", None)
    for name, rows in three.items():
        write(f"{name}.jsonl", without(rows, "alignscore"))
    assert "no such folder" in refusal(*FILES, "-o", "nowhere/t.md", capsys=capsys)
    assert "give --resamples 480" in refusal(*FILES, "--resamples", 119, capsys=capsys)
