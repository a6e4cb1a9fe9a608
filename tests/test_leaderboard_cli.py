"""The command `alignscore leaderboard` on made-up rows of real cards, and what it refuses."""

import csv
import io
import json
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from rouge_score import rouge_scorer
from scipy.stats import spearmanr
from sklearn.metrics import roc_auc_score

import alignscore_metric.leaderboards.cards
from alignscore_metric.commands.main import main
from alignscore_metric.leaderboards.board import Board
from alignscore_metric.leaderboards.items import read_items

QUICK = ["--resamples", "20"]
WORDS = ["snow", "rain", "wind", "storm", "bridge", "river", "road", "town", "council", "mayor"]


def made_up_row(dataset: str, split: str, number: int) -> dict:
    """A row whose summary repeats its source where its label is 1, more or less."""
    chance = np.random.default_rng([number, len(dataset), len(split)])
    source = chance.choice(WORDS, size=8)
    kept = 3 + number % 2 + int(chance.integers(2))
    summary = [*source[:kept], *chance.choice(WORDS, size=8 - kept)]
    return {
        "dataset": dataset,
        "split": split,
        "id": f"{dataset}-{split}-{number}",
        "source": f"The {' '.join(source)} of {number // 4}.",
        "summary": f"A {' '.join(summary)}.",
        "label": number % 2,
        "human_score": kept / 10,
        "system": f"system{number % 4}",
        "origin": "xsum" if number % 8 < 4 else "cnndm",
    }


def rows_of(dataset: str, *splits: str, rows: int = 24) -> list[dict]:
    return [made_up_row(dataset, split, number) for split in splits for number in range(rows)]


def write_rows(folder: Path, dataset: str, rows: list[dict]) -> None:
    file = folder / "uniform" / f"{dataset}.jsonl"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch) -> Path:
    """An empty folder as the current one, and no data folder from outside."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("ALIGNSCORE_DATA", raising=False)
    monkeypatch.setattr(sys, "path", [*sys.path])
    return tmp_path


@pytest.fixture
def data(here) -> Path:
    """A data folder with three sets; `data` of the current folder is the default one."""
    for dataset in ("frank", "summeval"):
        write_rows(here / "data", dataset, rows_of(dataset, "val", "test"))
    write_rows(here / "data", "qags_xsum", rows_of("qags_xsum", "all"))
    return here / "data"


def board(*argv) -> str:
    """Run a command of `leaderboard` that must succeed."""
    assert main(["leaderboard", *map(str, argv)]) == 0
    return ""


def output(capsys, *argv) -> str:
    """What a command prints."""
    capsys.readouterr()
    board(*argv)
    return capsys.readouterr().out


def refusal(capsys, *argv) -> str:
    """A command that must be refused: one line on stderr, nothing on stdout; the line."""
    capsys.readouterr()
    assert main(["leaderboard", *map(str, argv)]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    notices = re.compile(
        r"left out: |how to get |\w+/\w+: "
    )  # of what is not scored, or differs from its card
    lines = [line for line in err.splitlines() if not notices.match(line)]
    assert len(lines) == 1, err
    assert lines[0].startswith("alignscore: ")
    return lines[0]


def run_two(*more) -> None:
    board("run", "summac", "--metric", "rouge1_precision", "--metric", "overlap", "-q", *more)


def table_of(text: str) -> dict[tuple[str, str], dict]:
    """Lines of a CSV board by metric and column."""
    return {(row["metric"], row["column"]): row for row in csv.DictReader(io.StringIO(text))}


# ------------------------------------------------------------ help and imports

COMMANDS = ("data", "run", "submit", "check", "spans", "show", "compare", "site")


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help(command, capsys):
    with pytest.raises(SystemExit) as stopped:
        main(["leaderboard", command, "--help"])
    assert stopped.value.code == 0
    out = capsys.readouterr().out
    assert f"usage: alignscore leaderboard {command}" in out
    assert "%%" not in out
    undescribed = re.findall(r"^  (--[a-z-]+)(?: [A-Z]+)?\n(?=  -|\n|$)", out, re.MULTILINE)
    assert set(undescribed) <= {"--format"}


def test_help_leads_to_the_leaderboard(capsys):
    for argv, expected in (["--help"], ["leaderboard"]), (["leaderboard", "--help"], COMMANDS):
        with pytest.raises(SystemExit) as stopped:
            main(argv)
        assert stopped.value.code == 0
        out = capsys.readouterr().out
        for word in expected:
            assert re.search(rf"^ +{word}\b", out, re.MULTILINE), word


def test_the_grammar_imports_nothing_heavy():
    code = (
        "import sys; from alignscore_metric.commands.main import build_parser; build_parser();"
        "print([m for m in ('torch', 'pandas', 'pydantic', 'numpy', 'yaml', 'pyarrow', 'scipy',"
        " 'transformers') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_a_missing_extra_is_one_line(capsys, monkeypatch):
    monkeypatch.setitem(
        sys.modules, "alignscore_metric.leaderboards.tasks", None
    )  # as if it could not be imported
    assert main(["leaderboard", "run", "summac", "--metric", "overlap"]) == 70  # no extra's: a bug
    assert "an error of ours: ModuleNotFoundError" in capsys.readouterr().err
    monkeypatch.delitem(sys.modules, "alignscore_metric.leaderboards.tasks")
    for name in [
        n
        for n in sys.modules
        if n.startswith(("alignscore_metric.leaderboards.cards", "leaderboards.ta"))
    ]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "pydantic", None)
    line = refusal(capsys, "run", "summac", "--metric", "overlap")
    assert "pydantic is not installed" in line
    assert "alignscore-metric[leaderboards]" in line


# ------------------------------------------------------------ run, show, compare


@pytest.mark.usefixtures("data")
def test_run_scores_what_is_here(here, capsys):
    run_two()
    out, err = capsys.readouterr()
    assert out == ""
    done = re.findall(
        r"^(\S+): (\w+/\w+), 24 rows, 0 without a score, [\d.]+ s$", err, re.MULTILINE
    )
    splits = [f"{name}/{split}" for name in ("frank", "summeval") for split in ("val", "test")]
    assert done == [(m, s) for m in ("rouge1_precision", "overlap") for s in splits]
    left_out = re.findall(r"^left out: (\w+): no .*", err, re.MULTILINE)
    assert {"cogensumm", "factcc", "polytope", "xsumfaith"} <= set(left_out)
    assert len(set(left_out)) == len(left_out)
    assert "how to get what was left out: alignscore leaderboard data\n" in err
    assert "frank/test: 24 rows, 12 positive; published: 1575 rows" in err
    assert max(map(len, err.replace(str(here), "").splitlines())) < 160  # a line, no paragraph

    table = read_items(here / "leaderboard-runs" / "rouge1_precision" / "frank.test.parquet")
    scorer = rouge_scorer.RougeScorer(["rouge1"], use_stemmer=True)
    expected = [
        scorer.score(row["source"], row["summary"])["rouge1"].precision
        for row in rows_of("frank", "test")
    ]
    assert table.frame.score.tolist() == expected
    assert table.frame.id.tolist() == [row["id"] for row in rows_of("frank", "test")]


@pytest.mark.usefixtures("data")
def test_a_second_run_scores_nothing(here, capsys, monkeypatch):
    run_two()
    before = {file: file.stat().st_mtime_ns for file in here.rglob("*.parquet")}
    assert len(before) == 8
    monkeypatch.setattr("alignscore_metric.leaderboards.metrics.FunctionMetric.score", None)
    run_two()
    assert {file: file.stat().st_mtime_ns for file in here.rglob("*.parquet")} == before


@pytest.mark.usefixtures("data")
def test_run_one_split_with_the_users_own_function(here, capsys):
    (here / "my_metric.py").write_text(
        "def lengths(sources, summaries):\n    return [len(s) for s in summaries]\n"
    )
    try:
        board("run", "summac", "--split", "val", "--metric", "my_metric:lengths", "-q")
    finally:
        sys.modules.pop("my_metric", None)
    files = sorted(file.name for file in here.rglob("*.parquet"))
    assert files == ["frank.val.parquet", "summeval.val.parquet"]
    out = output(capsys, "show", "summac", "--split", "val", "--format", "csv", *QUICK)
    assert ("my_metric:lengths", "frank/val") in table_of(out)


@pytest.mark.usefixtures("data")
def test_show_is_right(here, capsys):
    run_two()
    shown = table_of(output(capsys, "show", "summac", "--format", "csv", *QUICK))
    scorer = rouge_scorer.RougeScorer(["rouge1"], use_stemmer=True)
    aucs = []
    for dataset in ("frank", "summeval"):
        rows = rows_of(dataset, "test")
        scores = [scorer.score(r["source"], r["summary"])["rouge1"].precision for r in rows]
        aucs.append(roc_auc_score([row["label"] for row in rows], scores))
        line = shown["rouge1_precision", f"{dataset}/test"]
        assert float(line["value"]) == pytest.approx(aucs[-1], abs=1e-12)
        assert float(line["low"]) <= aucs[-1] <= float(line["high"])
        assert (line["rows"], line["positives"], line["documents"]) == ("24", "12", "24")
    assert float(shown["rouge1_precision", "mean"]["value"]) == pytest.approx(np.mean(aucs))
    assert 0.5 < aucs[0] != aucs[1] < 1
    assert {metric for metric, _ in shown} == {"rouge1_precision", "overlap"}
    only = table_of(output(capsys, "show", "summac", "--metric", "overlap", "--format", "csv"))
    assert {metric for metric, _ in only} == {"overlap"}


@pytest.mark.usefixtures("data")
def test_formats_and_output_files(here, capsys):
    run_two()
    for command, formats in (
        ("show", ("text", "markdown", "csv", "json", "latex")),
        ("compare", ("text", "markdown", "csv", "latex")),
    ):
        printed = set()
        for form in formats:
            out = output(capsys, command, "summac", "--format", form, *QUICK)
            assert "rouge1" in out
            file = here / f"table.{form}"
            argv = (command, "summac", "--format", form, *QUICK)
            assert output(capsys, *argv, "-o", file) == ""
            assert file.read_text(encoding="utf-8") == out
            printed.add(out)
        assert len(printed) == len(formats)
    assert r"\begin{tabular" in (here / "table.latex").read_text(encoding="utf-8")
    text = output(capsys, "show", "summac", *QUICK)
    assert "frank" in text
    assert "summeval" in text


@pytest.mark.usefixtures("data")
def test_a_saved_board_gives_the_same_tables(here, capsys):
    run_two()
    board("show", "summac", "--format", "json", "-o", "board.json", *QUICK)
    loaded = Board.from_json((here / "board.json").read_text(encoding="utf-8"))
    assert (loaded.benchmark, loaded.split, loaded.statistic) == ("summac", "test", "roc_auc")
    assert loaded.settings["resamples"] == 20
    for command, form in [("show", "text"), ("show", "csv"), ("show", "latex"), ("show", "json"),
                          ("compare", "text"), ("compare", "csv")]:  # fmt: skip
        from_runs = output(capsys, command, "summac", "--format", form, *QUICK)
        assert output(capsys, command, "board.json", "--format", form) == from_runs
    options = [["--split", "val"], ["--statistic", "f1"], ["--metric", "overlap"], ["--systems"]]
    for option in [*options, ["--resamples", "9"], ["--seed", "1"], ["--alpha", "0.1"]]:
        line = refusal(capsys, "show", "board.json", *option)
        assert option[0] in line


@pytest.mark.usefixtures("data")
def test_numbers_depend_on_the_seed_and_nothing_else(here, capsys):
    run_two()
    first, same, other = (
        output(capsys, "show", "summac", "--format", "csv", *QUICK, "--seed", seed)
        for seed in (1, 1, 2)
    )
    assert first == same
    low = {table_of(text)["overlap", "mean"]["low"] for text in (first, other)}
    assert len(low) == 2


@pytest.mark.usefixtures("data")
def test_published_rows_are_added_and_marked(here, capsys):
    run_two()
    plain = table_of(output(capsys, "show", "summac", "--format", "csv", *QUICK))
    both = table_of(
        output(capsys, "show", "summac", "--format", "csv", "--published", "all", *QUICK)
    )
    added = {key: row for key, row in both.items() if key not in plain}
    assert {row["kind"] for row in added.values()} == {"published"}
    assert {row["kind"] for row in plain.values()} == {"measured"}
    assert float(added["SummaC-Conv", "frank/test"]["value"]) == pytest.approx(0.884)
    names = ["--published", "SummaC-Conv", "--published", "DAE"]
    some = table_of(output(capsys, "show", "summac", "--format", "csv", *names, *QUICK))
    assert {m for m, _ in some} - {m for m, _ in plain} == {"SummaC-Conv", "DAE"}
    text = output(capsys, "show", "summac", "--published", "SummaC-Conv", *QUICK)
    assert "SummaC-Conv" in text
    assert "SummaC-Conv" not in output(capsys, "show", "summac", *QUICK)
    line = refusal(capsys, "show", "summac", "--published", "AlignScore", *QUICK)
    assert re.search("no published row of 'AlignScore' fits.*SummaC-Conv", line)


@pytest.mark.usefixtures("data")
def test_options_of_the_table_alone(here, capsys):
    run_two()
    plain = output(capsys, "show", "summac", *QUICK)
    for option in ("--no-intervals", "--cost"):
        assert output(capsys, "show", "summac", option, *QUICK) != plain
    latex = output(capsys, "show", "summac", "--format", "latex", "--standalone", *QUICK)
    assert latex.startswith("\\documentclass")
    board("show", "summac", "--format", "json", "-o", "board.json", *QUICK)
    without = output(capsys, "show", "summac", "--no-intervals", *QUICK)
    assert output(capsys, "show", "board.json", "--no-intervals") == without


@pytest.mark.usefixtures("data")
def test_pooled_and_graded_tasks(here, capsys):
    board("run", "alignscore_other", "--metric", "overlap", "-q")
    shown = table_of(
        output(capsys, "show", "alignscore_other", "--statistic", "spearman", "--format", "csv")
    )
    xsum = [row for row in rows_of("frank", "val", "test") if row["origin"] == "xsum"]
    line = shown["overlap", "frank_xsum/val+test"]
    assert int(line["rows"]) == len(xsum) == 24
    tables = [
        read_items(here / "leaderboard-runs" / "overlap" / f"frank.{split}.parquet")
        for split in ("val", "test")
    ]
    scores = {
        one: score
        for table in tables
        for one, score in zip(table.frame.id, table.frame.score, strict=True)
    }
    expected = spearmanr([scores[r["id"]] for r in xsum], [r["human_score"] for r in xsum])[0]
    assert float(line["value"]) == pytest.approx(expected, abs=1e-12)


def test_a_benchmark_of_sets_without_splits_is_one_board(here, capsys):
    """`true` has sets whose split is `all`, and stand-ins with a `test`: one table of all."""
    write_rows(here / "data", "begin", rows_of("begin", "all"))
    write_rows(here / "data", "vitaminc_test", rows_of("vitaminc_test", "test"))
    board("run", "true", "--metric", "overlap", "-q")
    shown = table_of(output(capsys, "show", "true", "--format", "csv", *QUICK))
    assert {("overlap", "begin/all"), ("overlap", "vitaminc_test/test")} < set(shown)
    assert shown["overlap", "vitaminc_test/test"]["in_mean"] == "False"
    assert shown["overlap", "mean"]["value"] == shown["overlap", "begin/all"]["value"]


def test_data_folders_are_found(here, data, capsys, monkeypatch):
    out = output(capsys, "data")
    found = {line.split()[1]: line.split()[0] for line in out.splitlines()}
    assert {name for name, mark in found.items() if mark == "here"} == {
        "frank", "summeval", "qags_xsum",
    }  # fmt: skip
    assert found["factcc"] == "missing"
    assert re.search(r"^missing factcc .*http", out, re.MULTILINE)
    assert re.search(
        r"^missing xsumfaith +summac, summac_inaccuracy, alignscore_other \S", out, re.MULTILINE
    )
    data.rename(here / "elsewhere")
    assert not re.search("^here", output(capsys, "data"), re.MULTILINE)
    assert re.search("^here +frank", output(capsys, "data", "--data", "elsewhere"), re.MULTILINE)
    monkeypatch.setenv("ALIGNSCORE_DATA", f"nowhere:{here / 'elsewhere'}")
    assert re.search("^here +frank", output(capsys, "data"), re.MULTILINE)


@pytest.mark.usefixtures("data")
def test_a_site_is_of_all_boards_that_the_runs_cover(here, capsys, monkeypatch):
    made = {}

    def write_site(boards, folder, **given):
        made.update(given, boards=list(boards), folder=folder)
        return folder / "index.html"

    monkeypatch.setattr("alignscore_metric.leaderboards.site.write_site", write_site)
    monkeypatch.setitem(sys.modules, "alignscore_metric.metric", None)  # no model is needed
    run_two()
    board("run", "alignscore_other", "--metric", "overlap", "-q")
    capsys.readouterr()
    board("site", "pages", *QUICK)
    assert capsys.readouterr() == ("", f"open {Path('pages') / 'index.html'}\n")
    assert {(b.benchmark, b.split, b.statistic): len(b.columns) for b in made["boards"]} == {
        ("summac", "test", "roc_auc"): 2,
        ("summac", "val", "roc_auc"): 2,
        ("summac_inaccuracy", "test", "roc_auc"): 2,
        ("summac_inaccuracy", "val", "roc_auc"): 2,
        ("true", "all", "roc_auc"): 1,  # qags_xsum is of both
        ("alignscore_other", "all", "roc_auc"): 4,
        ("alignscore_other", "all", "spearman"): 4,
    }
    assert len(made["items"]) == 9
    assert (
        made["examples"]("frank", "val").frame.summary[0] == rows_of("frank", "val")[0]["summary"]
    )
    published = [row.metric for rows in made["published"].values() for row in rows]
    assert "AlignScore-large" in published
    assert made["evidence"] is None
    board("site", "pages", "--statistic", "f1", *QUICK)
    assert {b.statistic for b in made["boards"]} == {"f1"}


def test_a_site_leaves_out_pooled_splits_that_no_metric_has_whole(here, data, monkeypatch):
    made = []
    monkeypatch.setattr(
        "alignscore_metric.leaderboards.site.write_site",
        lambda boards, folder, **_: made.extend(boards) or folder,
    )
    for metric, split in (("overlap", "val"), ("bleu", "test")):
        board("run", "summac", "--split", split, "--metric", metric, "-q")
    board("site", "pages", *QUICK)
    assert {(b.benchmark, b.split) for b in made} == {
        (benchmark, split)
        for benchmark in ("summac", "summac_inaccuracy")
        for split in ("test", "val")
    }


# ------------------------------------------------------------ submit

SUBMIT = ["--metric", "mine", "--dataset", "frank", "--split", "test", "--signature", "mine v1"]


def submit_file(here: Path, name: str, scores: dict) -> Path:
    file = here / name
    if name.endswith(".csv"):
        lines = ["id,score", *(f"{one},{'' if s is None else s}" for one, s in scores.items())]
    else:
        lines = [json.dumps({"id": one, "score": s}) for one, s in scores.items()]
    file.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return file


def perfect() -> dict[str, float]:
    return {row["id"]: row["label"] + number / 100 for number, row in
            enumerate(rows_of("frank", "test"))}  # fmt: skip


@pytest.mark.parametrize("ending", ["csv", "jsonl"])
@pytest.mark.usefixtures("data")
def test_submitted_scores_are_shown(here, capsys, ending):
    shuffled = dict(sorted(perfect().items(), key=lambda item: item[0][::-1]))
    board("submit", submit_file(here, f"mine.{ending}", shuffled), *SUBMIT)
    assert "24 scores kept in" in capsys.readouterr().err
    shown = table_of(output(capsys, "show", "summac", "--format", "csv", *QUICK))
    assert float(shown["mine", "frank/test"]["value"]) == 1
    assert shown["mine", "frank/test"]["source"] == "mine v1"
    inverse = {one: -score for one, score in perfect().items()}
    board("submit", submit_file(here, f"mine.{ending}", inverse), *SUBMIT)
    shown = table_of(output(capsys, "show", "summac", "--format", "csv", *QUICK))
    assert float(shown["mine", "frank/test"]["value"]) == 0


@pytest.mark.usefixtures("data")
def test_a_parquet_submission(here, capsys):
    import pandas as pd

    scores = pd.DataFrame({"id": list(perfect()), "score": list(perfect().values())})
    scores.to_parquet("mine.parquet")
    board("submit", "mine.parquet", *SUBMIT)
    shown = table_of(output(capsys, "show", "summac", "--format", "csv", *QUICK))
    assert float(shown["mine", "frank/test"]["value"]) == 1


@pytest.mark.usefixtures("data")
def test_undefined_submitted_scores_are_counted(here, capsys):
    for name in ("mine.csv", "mine.jsonl"):
        scores = perfect() | {"frank-test-0": None, "frank-test-7": None}
        board("submit", submit_file(here, name, scores), *SUBMIT)
        shown = table_of(output(capsys, "show", "summac", "--format", "csv", *QUICK))
        assert shown["mine", "frank/test"]["undefined"] == "2"
        assert float(shown["mine", "frank/test"]["value"]) == 1


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ("", "no column 'id'"),
        ('{"id": "frank-test-0", "scores": 0.5}', "no column 'score'; its columns: id, scores"),
        ('{"name": "frank-test-0", "score": 0.5}', "no column 'id'"),
        ('{"id": "frank-test-0", "score": 0.5}', "23 ids have no score"),
        (
            '{"id": "frank-test-0", "score": 0.5}\n{"id": "frank-test-1"}',
            "line 2: no id or no score",
        ),
        ('{"id": "frank-test-0", "score": 0.5}\n{"score": 1}', "line 2: no id or no score"),
        (
            '{"id": "frank-test-0", "score": 0.5}\n' * 2,
            "line 2: a second score for id frank-test-0",
        ),
        ('{"id": "frank-test-0", "score": "high"}', "line 1: the score 'high' is no number"),
        ('{"id": "frank-test-0", "score": [1]}', "line 1: the score .* is no number"),
        ("{", "line 1: not JSON"),
        ("[1]", "line 1: not a JSON object"),
    ],
)
@pytest.mark.usefixtures("data")
def test_broken_score_files(here, capsys, content, problem):
    (here / "mine.jsonl").write_text(content, encoding="utf-8")
    assert re.search(problem, refusal(capsys, "submit", "mine.jsonl", *SUBMIT))
    assert not list(here.rglob("*.parquet"))


@pytest.mark.usefixtures("data")
def test_scores_that_do_not_fit_the_set(here, capsys):
    more = perfect() | {"frank-test-99": 0.5}
    line = refusal(capsys, "submit", submit_file(here, "a.csv", more), *SUBMIT)
    assert "frank/test: 1 ids are not in the set: frank-test-99" in line
    for odd in ("inf", "-inf", "1e999"):
        file = submit_file(here, "b.csv", perfect() | {"frank-test-3": odd})
        assert "frank-test-3 is infinite" in refusal(capsys, "submit", file, *SUBMIT)
    assert "cannot read absent.csv" in refusal(capsys, "submit", "absent.csv", *SUBMIT)
    assert "unknown kind" in refusal(capsys, "submit", "scores.txt", *SUBMIT)
    file = submit_file(here, "c.csv", perfect())
    pooled = [*SUBMIT[:5], "val+test", *SUBMIT[6:]]
    assert "each split by itself" in refusal(capsys, "submit", file, *pooled)
    unknown = [*SUBMIT[:3], "franc", *SUBMIT[4:]]
    assert "no dataset 'franc'; did you mean frank" in refusal(capsys, "submit", file, *unknown)


# ------------------------------------------------------------ refusals


@pytest.mark.parametrize(
    ("argv", "problem"),
    [
        (["run", "sumac", "--metric", "overlap"], "no benchmark 'sumac'; there are .*summac"),
        (["run", "summac", "--metric", "rouge3"], "rouge3.*rouge1"),
        (["run", "summac", "--metric", "overlap", "--metric", "no:thing"], "no:thing"),
        (
            ["run", "summac", "--metric", "overlap", "--split", "dev"],
            "no split 'dev', only test, val",
        ),
        (
            ["run", "summac", "--metric", "overlap", "--data", "nowhere"],
            "--data nowhere: no such folder",
        ),
        (
            ["run", "true", "--metric", "overlap", "--data", "empty"],
            "no dataset of true is here.*data",
        ),
        (["run", "summac", "--metric", "overlap", "--runs", "file.txt"], "file.txt"),
        (["show", "summac"], "leaderboard-runs holds no run.*alignscore leaderboard run"),
        (["compare", "summac"], "holds no run"),
        (["site", "site"], "holds no run"),
        (["show", "absent.json"], "absent.json: No such file"),
        (["show", "odd.json"], "odd.json is not a leaderboard in JSON"),
        (["show", "binary.json"], "binary.json is not UTF-8"),
        (["show", "folder.json"], "folder.json: Is a directory"),
    ],
)
@pytest.mark.usefixtures("data")
def test_refusals_before_any_run(here, capsys, argv, problem):
    (here / "file.txt").write_text("mine")
    (here / "odd.json").write_text('{"format": 7}')
    (here / "binary.json").write_bytes(b"\xff\xfe\x00")
    (here / "folder.json").mkdir()
    (here / "empty").mkdir()
    assert re.search(problem, refusal(capsys, *argv))
    assert not list(here.rglob("*.parquet"))  # nothing was scored before the mistake was seen


@pytest.mark.parametrize(
    ("argv", "problem"),
    [
        (["show", "sumac"], "no benchmark 'sumac'"),
        (["show", "true"], "no run covers true"),
        (["show", "summac", "--metric", "bleu"], "no run of bleu.*--metric bleu"),
        (["show", "summac", "--statistic", "auc"], "no statistic 'auc'; there are roc_auc"),
        (["show", "summac", "--split", "all"], "no split 'all'"),
        (["show", "summac", "--resamples", "-1"], "resamples"),
        (["show", "summac", "--alpha", "1.5"], "alpha"),
        (["show", "summac", "--alpha", "nan"], "alpha"),
        (["show", "summac", "--seed", "-1"], "--seed -1"),
        (["show", "summac", "-o", "absent/table.tex", *QUICK], "absent/table.tex: No such file"),
        (["show", "summac", "-o", ".", *QUICK], "it is a folder"),
        (["compare", "summac", "--metric", "overlap", *QUICK], "no paired tests.*two metrics"),
        (["compare", "summac", "--resamples", "0"], "no paired tests"),
        (["site", "file.txt", *QUICK], "file.txt"),
    ],
)
def test_refusals_after_a_run(here, data, capsys, argv, problem):
    (here / "file.txt").write_text("mine")
    write_rows(data, "frank", rows_of("frank", "test", rows=6))
    write_rows(data, "summeval", rows_of("summeval", "test", rows=6))
    run_two("--split", "test")
    assert re.search(problem, refusal(capsys, *argv))


@pytest.mark.parametrize(
    "argv",
    [
        ["show", "summac", "--format", "html"],
        ["compare", "summac", "--format", "json"],
        ["show"],
        ["run", "summac"],
        ["nothing"],
        [],
        ["show", "summac", "--resamples", "many"],
        ["run", "summac", "--metric", "overlap", "--clean-up", "mine"],
        ["check"],
    ],
)
def test_bad_usage(capsys, argv):
    with pytest.raises(SystemExit) as stopped:
        main(["leaderboard", *argv])
    assert stopped.value.code == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("usage: alignscore leaderboard")


def test_a_damaged_run_or_data_file_is_named(here, data, capsys):
    run_two()
    table = here / "leaderboard-runs" / "overlap" / "frank.test.parquet"
    table.write_bytes(table.read_bytes()[:-9])
    assert "frank.test.parquet is not an item table" in refusal(capsys, "show", "summac")
    file = data / "uniform" / "frank.jsonl"
    file.write_text(file.read_text() + "{\n")
    line = refusal(capsys, "run", "summac", "--metric", "bleu")
    assert re.search(r"frank\.jsonl, line 49: not JSON", line)


def test_a_broken_card_is_named(tmp_path, capsys, monkeypatch):
    folder = tmp_path / "cards" / "evaluation"
    folder.mkdir(parents=True)
    (tmp_path / "cards" / "training").mkdir()
    alignscore_metric.leaderboards.cards.load_cards.cache_clear()
    monkeypatch.setattr(
        alignscore_metric.leaderboards.cards.resources, "files", lambda package: tmp_path / "cards"
    )
    try:
        for text in ("name: [", "name: frank\nrole: evaluation\ncolour: red\n", "- a list\n"):
            (folder / "frank.yaml").write_text(text, encoding="utf-8")
            for argv in (["run", "summac", "--metric", "overlap"], ["data"], ["show", "summac"]):
                assert "evaluation/frank.yaml" in refusal(capsys, *argv)
    finally:
        alignscore_metric.leaderboards.cards.load_cards.cache_clear()


# ------------------------------------------------------------ odd data: a value or a reason


def shown_cell(capsys, statistic: str, *, column: str = "frank/test", metric: str = "mine") -> dict:
    text = output(
        capsys, "show", "summac", "--statistic", statistic, "--format", "csv", *QUICK
    )  # fmt: skip
    return table_of(text)[metric, column]


def submit_frank(here: Path, capsys, scores, *, metric: str = "mine", **changes) -> None:
    """Replace the rows of frank/test, and submit these scores of them."""
    rows = [row | {name: values[n] for name, values in changes.items()} for n, row in
            enumerate(rows_of("frank", "test", rows=len(scores)))]  # fmt: skip
    write_rows(here / "data", "frank", rows)
    file = submit_file(
        here, f"{metric}.csv", {r["id"]: s for r, s in zip(rows, scores, strict=True)}
    )
    board("submit", file, "--metric", metric, *SUBMIT[2:])


def test_labels_of_one_class(here, capsys):
    submit_frank(here, capsys, [0.1, 0.2, 0.3, 0.4], label=[1, 1, 1, 1])
    for statistic in ("roc_auc", "average_precision", "balanced_accuracy", "f1"):
        cell = shown_cell(capsys, statistic)
        assert (cell["status"], cell["value"], cell["reason"]) == (
            "undefined", "", "all labels are 1",
        )  # fmt: skip
    assert "all labels are 1" in output(capsys, "show", "summac", *QUICK)


def test_constant_scores(here, capsys):
    submit_frank(here, capsys, [0.5] * 8)
    assert float(shown_cell(capsys, "roc_auc")["value"]) == 0.5  # every pair is a tie
    for statistic in ("pearson", "spearman", "kendall"):
        assert shown_cell(capsys, statistic)["reason"] == "all scores are equal"
    submit_frank(here, capsys, [0.5] * 8, metric="other")
    tests = output(capsys, "compare", "summac", "--format", "csv", *QUICK)
    (line, *_) = csv.DictReader(io.StringIO(tests))
    assert (float(line["difference"]), float(line["p"])) == (0, 1)


def test_ties_count_half(here, capsys):
    labels, scores = [1, 1, 0, 0, 1, 0, 1, 0], [2, 1, 1, 1, 2, 2, 0, 0]
    submit_frank(here, capsys, scores, label=labels)
    expected = roc_auc_score(labels, scores)
    assert float(shown_cell(capsys, "roc_auc")["value"]) == pytest.approx(expected)


def test_undefined_scores_are_left_out_and_counted(here, capsys):
    scores = [0.9, 0.1, None, 0.2, None, 0.8, 0.3, 0.7]
    submit_frank(here, capsys, scores)
    cell = shown_cell(capsys, "roc_auc")
    kept = [(n % 2, score) for n, score in enumerate(scores) if score is not None]
    assert float(cell["value"]) == pytest.approx(roc_auc_score(*zip(*kept, strict=True)))
    assert cell["undefined"] == "2"
    submit_frank(here, capsys, [None] * 8)
    cell = shown_cell(capsys, "roc_auc")
    assert (cell["status"], cell["reason"], cell["undefined"]) == (
        "undefined", "no row has a score", "8",
    )  # fmt: skip


def test_fewer_than_three_systems(here, capsys):
    submit_frank(here, capsys, list(range(8)), system=["a", "b"] * 4)
    for statistic in ("system_pearson", "pairwise_accuracy"):
        assert "fewer than 3 systems" in shown_cell(capsys, statistic)["reason"]
    submit_frank(here, capsys, list(range(8)), system=["a", "b", "c", "d"] * 2)
    assert shown_cell(capsys, "system_pearson")["status"] == "defined"
    submit_frank(here, capsys, list(range(8)), system=["a", "b", "c", None] * 2)
    assert shown_cell(capsys, "system_pearson")["status"] == "undefined"


def test_a_threshold_without_val(here, capsys):
    submit_frank(here, capsys, list(range(8)))
    for statistic in ("balanced_accuracy_summac", "balanced_accuracy_alignscore"):
        assert "no val split" in shown_cell(capsys, statistic)["reason"]


def test_metrics_of_different_rows_are_not_compared(here, capsys):
    submit_frank(here, capsys, list(range(8)))
    submit_frank(here, capsys, list(range(9)), metric="other")
    line = refusal(capsys, "show", "summac", *QUICK)
    assert "frank/test" in line
    assert "mine" in line
    assert "other" in line
    assert "different rows" in line


def test_odd_rows_of_data_are_refused(here, capsys):
    for change, problem in (
        ({"label": 2}, "label 2"),
        ({"label": None, "human_score": None}, "neither a label nor a human_score"),
        ({"source": 3}, "the source is int"),
        ({"id": "frank-test-1"}, "same id 'frank-test-1'"),
    ):
        rows = rows_of("frank", "test", rows=4)
        rows[2] |= change
        write_rows(here / "data", "frank", rows)
        line = refusal(capsys, "run", "summac", "--metric", "overlap", "--split", "test")
        assert problem in line
        assert "frank.jsonl" in line


# ------------------------------------------------------------ check, and submissions as folders

ABOUT = """metric: mine
signature: mine v2, seed 1
url: https://example.org/mine
licence: MIT
parameters: 1000
training_sets: [snli]
"""


def a_submission(here: Path, *, about: str = ABOUT, **scores) -> Path:
    folder = here / "submission"
    folder.mkdir(exist_ok=True)
    (folder / "submission.yaml").write_text(about, encoding="utf-8")
    for name, found in (scores or {"frank_test": perfect()}).items():
        submit_file(folder, f"{name.replace('_', '.')}.csv", found)
    return folder


def checked(capsys, *argv) -> tuple[int, str]:
    capsys.readouterr()
    code = main(["leaderboard", "check", *map(str, argv)])
    return code, capsys.readouterr().out


@pytest.mark.usefixtures("data")
def test_a_submission_that_is_fit_is_added_with_what_it_says_of_itself(here, capsys):
    folder = a_submission(here)
    assert checked(capsys, folder) == (0, "")
    board("submit", folder)
    table = read_items(here / "leaderboard-runs" / "mine" / "frank.test.parquet")
    assert (table.info.parameters, table.info.licence) == (1000, "MIT")
    assert table.info.training_sets == ("snli",)
    assert table.info.signature == "mine v2, seed 1"
    assert dict(zip(table.frame["id"], table.frame["score"], strict=True)) == perfect()
    assert "--metric: " in refusal(capsys, "submit", folder, "--metric", "other")
    file = submit_file(here, "alone.csv", perfect())
    assert "give --dataset" in refusal(capsys, "submit", file, "--metric", "m")


@pytest.mark.parametrize(
    ("about", "words"),
    [
        (ABOUT.replace("licence: MIT\n", ""), "licence: Field required"),
        (ABOUT.replace("https://", ""), "url: String should match"),
        (ABOUT + "colour: red\n", "colour: Extra inputs"),
        (ABOUT.replace("snli", "my_set"), "training set 'my_set' has no data card"),
        (ABOUT.replace("1000", "-1"), "parameters: Input should be greater"),
        ("metric: [", "is not YAML"),
    ],
)
@pytest.mark.usefixtures("data")
def test_a_submission_that_says_too_little_is_wrong(here, capsys, about, words):
    code, out = checked(capsys, a_submission(here, about=about))
    assert code == 2
    assert out.startswith("wrong  ")
    assert words in out


@pytest.mark.usefixtures("data")
def test_scores_of_a_submission_are_compared_with_the_rows(here, capsys):
    few = dict(list(perfect().items())[:-2])
    folder = a_submission(here, frank_test=few, factcc_val={"x": 1.0})
    code, out = checked(capsys, folder)
    assert code == 2
    assert "2 ids have no score" in out
    assert "note  " in out
    assert "factcc.val.csv: not compared with its dataset" in out
    (folder / "scores.csv").write_text("id,score\n")
    assert "name it DATASET.SPLIT.csv" in checked(capsys, folder)[1]
    empty = here / "empty"
    empty.mkdir()
    assert "cannot read" in checked(capsys, empty)[1]
    assert "neither a data card" in refusal(capsys, "check", here / "absent")


def test_the_cards_of_this_installation_are_fit(capsys):
    cards = Path(alignscore_metric.__file__).parent / "data_cards" / "evaluation"
    code, out = checked(capsys, *sorted(cards.glob("*.yaml")))
    assert code == 0
    assert "wrong" not in out


def test_a_card_is_compared_with_names_and_data(here, data, capsys):
    cards = Path(alignscore_metric.__file__).parent / "data_cards" / "evaluation"
    text = (cards / "frank.yaml").read_text(encoding="utf-8")
    card = here / "evaluation" / "frank.yaml"
    card.parent.mkdir()
    for change, words in (
        (("name: frank", "name: franck"), "name the file franck.yaml"),
        (("reader: frank", "reader: franc"), "no reader 'franc'"),
        (("dataset: doc_nli", "dataset: my_nli"), "'my_nli' has no data card"),
        (("license", "licence") if "license" in text else ("licence:", "lizenz:"), "lizenz"),
    ):
        assert change[0] in text
        card.write_text(text.replace(*change), encoding="utf-8")
        code, out = checked(capsys, card)
        assert code == 2
        assert words in out
    card.write_text(text, encoding="utf-8")
    code, out = checked(capsys, card, "--data", data)  # 24 made-up rows are not what it counts
    assert code == 2
    assert "test: 24 rows, 12 positive; " in out
    assert "on the card: 1575 rows, 567 positive" in out
