"""Tables of boards, read back: numbers, emphasis, what is missing, and whether LaTeX compiles."""

import csv
import io
import json
import math
import re
import shutil
import subprocess
from dataclasses import replace
from itertools import combinations

import numpy as np
import pytest

from alignscore_metric.errors import ConfigurationError
from alignscore_metric.leaderboards.board import Board, Cell, Column, PairwiseTest, Row
from alignscore_metric.leaderboards.published import published_rows
from alignscore_metric.leaderboards.tables import render, render_tests

DAGGER, DASH = "\N{DAGGER}", "\N{EN DASH}"
NAMES = ("cogensumm", "xsumfaith", "polytope", "factcc", "summeval", "frank")
HOSTILE = (
    r"\input{x} 100% & #1 $x_i^2$ ~{}[]<b>|`--`\\",
    "a|b\nc\td ,, '' \" !` ?` <<>> -- ---",
    "*bold* _it_ **x** [l](u) &lt; \x00\x1b",
    "[1pt] of a name",
    "n\u00e4\u00efve \u0141\u00f3d\u017a \u65e5\u672c \U0001f600 \u05d0\u05d1 e\u0301\u0323 \ud800",
    "x" * 200,
)


def a_board(metrics=8, names=NAMES, seed=0):
    """Made-up numbers in the shape of a real board: intervals, clusters, overlaps, tests."""
    rng = np.random.default_rng(seed)
    columns = tuple(
        Column(f"{name}/test", name, f"{i:012x}", 400 + i, 100 + i, 90, i != 2,
               ("30 rows lack a document", "labels differ in 2.5% of rows") if i == 1 else ())
        for i, name in enumerate(names)
    )  # fmt: skip
    keys = [column.key for column in columns]
    values = np.sort(rng.uniform(0.45, 0.95, (metrics, len(names))), axis=0)[::-1]
    rows = [
        a_row(f"metric-{i}" if i else "AlignScore-large", keys, values[i], seconds=12.3 * i)
        for i in range(metrics)
    ]
    cell = replace(rows[1].cells[keys[0]], overlaps=("fever_nli", "vitaminc"))
    rows[1] = replace(rows[1], cells={**rows[1].cells, keys[0]: cell})
    tests = tuple(
        PairwiseTest(key, a.metric, b.metric, at(a, key).value - at(b, key).value, 0.0004, 0.03)
        for key in [*keys, "mean"]
        for a, b in combinations(rows, 2)
    )
    settings = {"level": 0.95, "resamples": 1000, "seed": 0, "alpha": 0.05, "systems": False,
                "missing_tasks": [], "version": "0.1"}  # fmt: skip
    return Board("summac", "test", "roc_auc", columns, tuple(rows), tests, settings)


def a_row(metric, keys, values, *, seconds=None):
    """The first two values of a column are one cluster."""
    signature = f"alignscore|model:{metric}|" + "|".join(f"setting_{i}:{i:04x}" for i in range(11))
    cells = {
        key: Cell(float(v), float(v) - 0.03, float(v) + 0.02, cluster=1)
        for key, v in zip(keys, values, strict=True)
    }
    mean = float(np.mean(values))
    return Row(metric, "measured", signature[:200], cells, Cell(mean, mean - 0.01, mean + 0.01,
               cluster=2), seconds)  # fmt: skip


def at(row, key):
    return row.mean if key == "mean" else row.cells[key]


def with_cell(board, row, key, cell):
    """The board with another cell, or with none."""
    cells = {**board.rows[row].cells, key: cell}
    if cell is None:
        del cells[key]
    rows = list(board.rows)
    rows[row] = replace(rows[row], cells=cells)
    return replace(board, rows=tuple(rows))


def markdown_rows(text):
    """Cells of the table's lines, split at pipes that are not escaped."""
    lines = [line for line in text.splitlines() if line.startswith("|")]
    return [[c.strip() for c in re.split(r"(?<!\\)\|", line)[1:-1]] for line in lines]


def emphasised(text, board):
    """What a Markdown table shows as best and as tied: sets of (metric, column)."""
    head, _, *rows = markdown_rows(text)
    keys = [re.sub("<sup>.*?</sup>", "", name) for name in head]
    best, tied = set(), set()
    for name, *cells in rows:
        for key, cell in zip(keys[1:], cells, strict=True):
            best |= {(name, key)} if cell.startswith("**") else set()
            tied |= {(name, key)} if DAGGER in cell else set()
    return best, tied


def test_csv_holds_every_number_of_the_board():
    board = with_cell(a_board(), 3, "frank/test", None)
    board = with_cell(board, 4, "frank/test", Cell(math.nan, reason='no row, "none"', undefined=9))
    lines = list(csv.DictReader(io.StringIO(render(board, format="csv"))))
    assert len(lines) == 8 * 7
    found = {(line["metric"], line["column"]): line for line in lines}
    for row in board.rows:
        for key in [*row.cells, "mean"]:
            line, cell = found[row.metric, key], at(row, key)
            numbers = [float(line[n]) if line[n] else math.nan for n in ("value", "low", "high")]
            assert numbers == pytest.approx([cell.value, cell.low, cell.high], abs=0, nan_ok=True)
            assert line["source"] == row.source
    assert [line["status"] for line in lines].count("missing") == 1
    undefined = found["metric-4", "frank/test"]
    assert (undefined["status"], undefined["undefined"]) == ("undefined", "9")
    assert undefined["reason"] == 'no row, "none"'
    assert found["metric-1", "cogensumm/test"]["overlaps"] == "fever_nli; vitaminc"
    assert json.loads(found["metric-1", "mean"]["settings"])["resamples"] == 1000


def test_json_is_the_board_with_its_published_rows():
    board = a_board()
    extra = published_rows(board)
    again = Board.from_json(render(board, format="json", published=extra))
    assert [row.metric for row in again.rows] == [row.metric for row in (*board.rows, *extra)]
    assert again.columns == board.columns
    assert again.rows[0] == board.rows[0]


def test_markdown_marks_the_best_and_its_cluster():
    board = a_board(3)
    for row in (1, 2):
        cell = replace(board.rows[row].cells["frank/test"], cluster=row)
        board = with_cell(board, row, "frank/test", cell)
    best, tied = emphasised(render(board, format="markdown"), board)
    assert best == {("AlignScore-large", name) for name in (*NAMES, "mean")}
    others = {(name, key) for name in ("metric-1", "metric-2") for key in NAMES}
    assert tied == others - {("metric-2", "frank")}


def test_equal_best_values_are_both_best():
    board = a_board(2)
    board = with_cell(board, 1, "frank/test", board.rows[0].cells["frank/test"])
    best, _ = emphasised(render(board, format="markdown"), board)
    assert {name for name, key in best if key == "frank"} == {"AlignScore-large", "metric-1"}


def test_a_published_value_is_never_the_best():
    board = a_board(2)
    perfect = Row("oracle", "published", "a paper", {"frank/test": Cell(1.0)}, mean=Cell(1.0))
    text = render(board, format="markdown", published=[perfect])
    best, _ = emphasised(text, board)
    assert {name for name, _ in best} == {"AlignScore-large"}
    rows = markdown_rows(text)
    names = [row[0] for row in rows]
    assert names[-2:] == ["*Published, not measured here*", "oracle<sup>f</sup>"]
    assert "<sup>f</sup> a paper" in text
    assert {len(row) for row in rows} == {8}
    assert rows[-1][1:] == [DASH] * 5 + ["100.0", "100.0"]


@pytest.mark.parametrize("format", ["text", "markdown", "latex"])
def test_missing_is_not_undefined(format):
    board = with_cell(a_board(2), 1, "frank/test", None)
    missing = render(board, format=format)
    board = with_cell(board, 1, "frank/test", Cell(math.nan, reason="all labels are 1"))
    undefined = render(board, format=format)
    assert "n/a" not in missing
    assert "n/a" in undefined
    assert re.search(r"undefined: all labels are 1", undefined)
    sign = "--: missing" if format == "latex" else f"{DASH}: missing"
    assert sign in missing
    assert sign not in undefined


@pytest.mark.parametrize("format", ["text", "markdown", "latex"])
def test_everything_that_limits_a_comparison_is_noted(format):
    board = with_cell(a_board(2), 0, "frank/test", Cell(0.5, 0.4, 0.6, undefined=7))
    text = " ".join(render(board, format=format, published=published_rows(board)).split())
    for command in ("\\allowbreak{}", "\\"):
        text = text.replace(command, "")
    text = text.replace("textbar{}", "|")
    for needed in (
        "xsumfaith: 30 rows lack a document", "not counted in the mean", "Published, not measured",
        "the metric's training data overlaps this set: fever_nli, vitaminc",
        "left out: 7 rows that the metric gave no score", "Settings: level 0.95; resamples 1000;",
        "https://github.com/tingofurro/summac", "summac (test): ROC-AUC",
    ):  # fmt: skip
        assert needed in text, needed
    for row in board.rows:
        assert row.source.replace(" ", "") in text.replace(" ", "")


def test_settings_that_are_empty_are_left_out():
    assert "missing tasks" not in render(a_board(), format="text")
    board = a_board()
    board = replace(board, settings={**board.settings, "missing_tasks": ["factcc/test", "x/test"]})
    text = " ".join(render(board, format="text").split())
    assert "missing tasks factcc/test, x/test" in text


def test_text_fits_a_terminal_and_lines_numbers_up():
    text = render(a_board(), format="text")
    assert max(len(line) for line in text.splitlines() if "|" not in line) <= 100
    assert text.count("Published") == 0
    assert len([line for line in text.splitlines() if line.startswith("metric ")]) == 1
    lines = [line for line in text.splitlines() if line.startswith(("AlignScore-large", "metric-"))]
    first = [line for line in lines if re.search(r"\d\.\d", line) and "|" not in line][:8]
    assert len({re.search(r"\d+\.\d", line).end() for line in first}) == 1
    assert len({line.rindex(".") for line in first}) == 1


def test_text_breaks_wide_boards_into_panels_with_every_column_once():
    names = [f"a_dataset_with_a_long_name_{i}" for i in range(11)]
    text = render(a_board(names=names), format="text")
    heads = [line.split() for line in text.splitlines() if line.startswith("metric ")]
    assert [re.sub(r"\[.*", "", n) for head in heads for n in head[1:]] == [*names, "mean"]
    assert len(heads) > 3


def test_without_intervals_and_with_the_cost():
    board = a_board(2)
    known = {"parameters": 22_713_216, "licence": "MIT", "pairs_per_second": 1234.56}
    rows = (replace(board.rows[0], **known, hardware="an abacus"), board.rows[1])
    plain = render(replace(board, rows=rows), format="markdown", intervals=False, cost=True)
    assert "<sub>" not in plain
    assert "interval" not in plain
    assert markdown_rows(plain)[0][-4:] == ["parameters", "licence", "pairs/s", "seconds"]
    first, second = (row[-4:] for row in markdown_rows(plain)[2:])
    assert [re.sub("<sup>.*", "", one) for one in first] == ["22,713,216", "MIT", "1,234.6", "0.0"]
    assert second == [DASH, DASH, DASH, "12.3"]
    assert "pairs/s on an abacus" in plain


def test_a_tuned_threshold_stands_beside_the_fixed_one_and_json_keeps_both():
    cell = Cell(0.721, 0.70, 0.74, cluster=1, fixed=0.654)
    board = with_cell(a_board(2), 0, "factcc/test", cell)
    text = render(board, format="markdown", intervals=False)
    assert "72.1 / 65.4" in text
    assert "a / b: at the tuned threshold / at 0.5" in text
    again = Board.from_json(board.to_json())
    assert again.rows[0].cells["factcc/test"] == cell
    assert math.isnan(again.rows[1].cells["factcc/test"].fixed)
    assert "tuned threshold" not in render(a_board(2), format="markdown")


def test_a_mean_that_leaves_columns_out_says_what_it_is_over():
    text = render(a_board(2), format="text")
    assert "mean of cogensumm, xsumfaith, factcc, summeval, frank" in " ".join(text.split())
    columns = [replace(column, in_mean=True) for column in a_board(2).columns]
    assert "mean of" not in render(replace(a_board(2), columns=tuple(columns)), format="text")


def test_values_are_shown_times_100_and_never_as_minus_zero():
    board = a_board(2, names=("a", "b", "c"))
    for key, value in {"a/test": -0.0001, "b/test": -0.019, "c/test": 1.0}.items():
        board = with_cell(board, 0, key, Cell(value))
    row = markdown_rows(render(board, format="markdown"))[2]
    assert row[1:4] == ["0.0", "-1.9", "**100.0**"]
    assert " & 0.0 & $-$1.9 & " in render(board, format="latex")


def test_splits_are_shown_where_they_differ():
    columns = tuple(Column(key, "x", "0", 1, 1, 1) for key in ("a/all", "b/val+test"))
    board = Board("other", "all", "spearman", columns, ())
    assert markdown_rows(render(board, format="markdown"))[0][1:] == ["a/all", "b/val+test", "mean"]


@pytest.mark.parametrize("name", HOSTILE)
def test_markdown_of_any_name_keeps_its_columns(name):
    board = hostile(name)
    text = render(board, format="markdown", published=[replace(board.rows[0], kind="published")])
    assert {len(row) for row in markdown_rows(text)} == {1 + len(board.columns) + 1}
    unescaped = re.sub(r"\\([\\`*_{}\[\]<>|~#$&])", "", text)
    assert "<b>" not in unescaped
    assert "](u)" not in unescaped


def hostile(name):
    """A board whose every free text is `name`."""
    board = a_board(3)
    columns = [replace(column, discrepancies=(name,)) for column in board.columns]
    columns[0] = replace(columns[0], key=f"{name}/test")
    cell = Cell(math.nan, reason=name, overlaps=(name,))
    rows = [replace(row, metric=f"{name} {i}", source=name) for i, row in enumerate(board.rows)]
    rows[0] = replace(rows[0], cells={"frank/test": cell})
    tests = tuple(replace(t, better=name, worse=name) for t in board.tests if t.column == "mean")
    return Board(
        name, "test", name, tuple(columns), tuple(rows), tests, {"alpha": 0.05, name: name}
    )


def compile_latex(document, folder):
    if not shutil.which("pdflatex"):
        pytest.skip("no pdflatex on this machine (Debian: texlive-latex-recommended)")
    assert document.isascii()
    (folder / "table.tex").write_text(document, encoding="ascii")
    command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "-no-shell-escape"]
    done = subprocess.run(
        [*command, "table.tex"], cwd=folder, capture_output=True, text=True, errors="replace"
    )
    assert done.returncode == 0, done.stdout[-2000:]
    return done.stdout


@pytest.mark.parametrize("columns", [6, 12])
def test_latex_compiles_and_nothing_overflows(columns, tmp_path):
    board = a_board(names=(*NAMES, *(f"another_dataset_{i}" for i in range(columns - 6))))
    published = published_rows(board) if columns == 6 else []
    document = render(board, format="latex", published=published, standalone=True, cost=True)
    log = compile_latex(document, tmp_path)
    assert "Overfull" not in log
    assert "too large" not in log


def test_latex_of_any_name_compiles(tmp_path):
    """All hostile names in one document: a run of pdflatex is most of the time."""
    documents = [render(hostile(name), format="latex") for name in HOSTILE]
    documents += [render_tests(hostile(name), format="latex") for name in HOSTILE]
    one = render(hostile("x"), format="latex", standalone=True)
    # \\ would take a star or a bracket of the next row as its own argument.
    rows = re.findall(r"\\\\(?:\[-?[\d.]+ex\])?\s*(.)", "".join(documents))
    assert len(rows) > 50
    assert not {"*", "["} & set(rows)
    head, tail = one.split("\\begin{document}")[0], "\\end{document}\n"
    log = compile_latex(f"{head}\\begin{{document}}\n{''.join(documents)}{tail}", tmp_path)
    assert "Output written" in log


def test_latex_sets_best_and_cluster_and_a_rule():
    board = a_board(2)
    text = render(board, format="latex", published=published_rows(board))
    large = next(line for line in text.splitlines() if line.startswith("AlignScore-large &"))
    assert large.count("\\textbf") == 7
    assert "underline" not in large
    second = next(line for line in text.splitlines() if line.startswith("metric-1 &"))
    assert second.count("\\underline") == 6
    measured, published = text.split("\\textit{Published, not measured here}")
    assert measured.rstrip().endswith("\\multicolumn{8}{l}{")
    assert "\\midrule" in measured.splitlines()[-2]
    assert "\\textbf" not in published


def test_tests_are_rendered_by_column():
    board = a_board(3)
    board = replace(board, tests=(replace(board.tests[0], p=0.2, p_holm=0.6), *board.tests[1:]))
    lines = list(csv.DictReader(io.StringIO(render_tests(board, format="csv"))))
    read = [
        PairwiseTest(n["column"], n["better"], n["worse"], float(n["difference"]), float(n["p"]),
                     float(n["p_holm"])) for n in lines
    ]  # fmt: skip
    assert read == list(board.tests)
    assert {line["cluster_better"] for line in lines if line["column"] == "mean"} == {"2"}
    text = render_tests(board, format="markdown")
    titles = [line for line in text.splitlines() if line.startswith("**summac (test), ")]
    assert len(titles) == 7
    assert "Clusters 1: AlignScore-large, metric-1, metric-2. Settings" in titles[0]
    rows = [row for row in markdown_rows(text) if "-1" in row[0]][:2]
    assert rows[0][0] == "AlignScore-large \\> metric-1"
    assert rows[0][2:] == ["0.200", "0.600"]
    assert rows[1][2:] == ["\\<0.001", "**0.030**"]
    assert "0.600*" not in render_tests(board, format="text")
    assert "0.030*" in render_tests(board, format="text")


def test_wrong_requests():
    with pytest.raises(
        ConfigurationError, match="no table format 'html'; choose one of text, mark"
    ):
        render(a_board(), format="html")
    with pytest.raises(
        ConfigurationError, match="no table format 'json'; choose one of text, mark"
    ):
        render_tests(a_board(), format="json")
    with pytest.raises(ConfigurationError, match="no paired tests"):
        render_tests(replace(a_board(), tests=()), format="text")


@pytest.mark.parametrize("format", ["text", "markdown", "latex", "csv"])
def test_a_board_without_measured_rows_shows_the_published_ones(format):
    board = replace(a_board(), rows=(), tests=())
    assert "SummaC-Conv" in render(board, format=format, published=published_rows(board))
