"""Published tables: their arithmetic, their names, and the rows they give to a board."""

import json
import math
from dataclasses import replace
from importlib import resources

import pytest
from pydantic import ValidationError

from alignscore_metric.leaderboards.board import Board, Column
from alignscore_metric.leaderboards.published import PublishedTable, load_tables, published_rows
from alignscore_metric.leaderboards.tasks import tasks_of

TABLES = {table.id: table for table in load_tables()}
SUMMAC = ("cogensumm", "xsumfaith", "polytope", "factcc", "summeval", "frank")
#: Half a unit of the last place of the mean, and as much of its cells.
ROUNDING = 0.1 + 1e-9


def a_board(names, *, benchmark="summac", split="test", statistic="roc_auc", outside=()):
    columns = [
        Column(f"{name}/{split}", name, "0", 10, 5, 10, in_mean=name not in outside)
        for name in names
    ]
    return Board(benchmark, split, statistic, tuple(columns), ())


def mean(numbers):
    return math.fsum(numbers) / len(numbers)


def checked_means():
    """Pairs (cells, published mean) of the tables that have both."""
    for table in TABLES.values():
        for metric in table.rows:
            cells = table.cells(metric)
            if table.mean_over and set(table.mean_over) <= set(cells):
                numbers = [cells[name] for name in table.mean_over]
                yield pytest.param(numbers, table.mean(metric), id=f"{table.id} {metric}")


@pytest.mark.parametrize(("cells", "published"), list(checked_means()))
def test_row_means_are_the_published_means(cells, published):
    assert mean(cells) == pytest.approx(published, abs=ROUNDING)


def test_how_many_means_are_checked():
    assert len(list(checked_means())) == 9 + 6 + 6


def test_what_nobody_read_in_a_source_is_not_there():
    assert {table.url for table in TABLES.values()} == {
        "https://github.com/yuh-zha/AlignScore", "https://github.com/tingofurro/summac"
    }  # fmt: skip
    assert not any("memory" in table.describe() for table in TABLES.values())


def test_readme_leaderboard_ranks_by_the_mean_of_its_three_columns():
    """Its fourth column, read there: AlignScore-large 73.9, AlignScore-base 71.6, FEQA 32.9 ..."""
    parts = [TABLES[f"alignscore-readme-{name}"] for name in ("summac", "true", "other")]
    overall = {name: mean([part.mean(name) for part in parts]) for name in parts[0].rows}
    printed = {
        "AlignScore-large": 73.9, "AlignScore-base": 71.6, "QAFactEval": 68.5, "UniEval": 68.0,
        "SummaC-Conv": 64.6, "BARTScore": 63.0, "CTC": 63.0, "SummaC-ZS": 62.5, "ROUGE-2": 59.5,
        "ROUGE-1": 59.3, "ROUGE-L": 59.1, "QuestEval": 56.3, "BLEU": 56.1, "DAE": 55.8,
        "BLEURT": 55.4, "BERTScore": 54.2, "SimCSE": 53.8, "FactCC": 50.9, "BLANC": 47.8,
        "NER-Overlap": 46.2, "MNLI": 37.2, "FEQA": 32.9,
    }  # fmt: skip
    assert overall == pytest.approx(printed, abs=ROUNDING)


@pytest.mark.parametrize("table", TABLES.values(), ids=TABLES)
def test_columns_are_tasks_of_the_cards(table):
    tasks = {task.name for task in tasks_of(table.benchmark, split=table.split)}
    assert {*table.columns, *table.mean_over} <= tasks


def test_rows_of_a_board():
    rows = {row.metric: row for row in published_rows(a_board(SUMMAC))}
    conv = rows["SummaC-Conv"]
    assert conv.kind == "published"
    assert conv.cells["frank/test"].value == pytest.approx(0.884)
    assert math.isnan(conv.cells["frank/test"].low)
    assert conv.cells["frank/test"].cluster is None
    assert conv.mean.value == pytest.approx(
        mean([67.6, 70.2, 62.4, 92.2, 86.0, 88.4]) / 100, abs=1e-3
    )
    assert "github.com/tingofurro/summac" in conv.source


def test_each_publication_stands_beside_the_polytope_that_it_used():
    columns = [*SUMMAC, "polytope_inaccuracy"]
    summac, inaccuracy = (
        {row.metric: row for row in published_rows(a_board(columns, benchmark=name, outside={out}))}
        for name, out in (("summac", "polytope_inaccuracy"), ("summac_inaccuracy", "polytope"))
    )
    large = inaccuracy["AlignScore-large"]
    assert (large.cells, large.mean.value) == ({}, pytest.approx(0.886))
    assert "github.com/yuh-zha/AlignScore" in large.source
    assert "AlignScore-large" not in summac
    assert summac["SummaC-Conv"].mean.value == pytest.approx(0.778)
    assert inaccuracy["SummaC-Conv"].mean.value == pytest.approx(0.810)
    shown = {key for row in summac.values() for key in row.cells if key.startswith("polytope")}
    assert shown == {"polytope/test"}


def test_a_mean_over_other_columns_is_missing():
    without_factcc = [name for name in SUMMAC if name != "factcc"]
    (conv,) = (r for r in published_rows(a_board(without_factcc)) if r.metric == "SummaC-Conv")
    five = mean([67.6, 70.2, 62.4, 86.0, 88.4]) / 100
    assert conv.mean.value == pytest.approx(five)
    assert "factcc/test" not in conv.cells
    one_more = published_rows(a_board([*SUMMAC, "another"]))
    assert all(row.mean is None for row in one_more)
    shown_only = published_rows(a_board([*SUMMAC, "another"], outside={"another"}))
    assert all(row.mean is not None for row in shown_only)


def test_a_published_mean_goes_with_a_board_of_the_same_sets():
    board = a_board(
        TABLES["alignscore-readme-other"].mean_over,
        benchmark="alignscore_other", split="all", statistic="spearman",
    )  # fmt: skip
    rows = {row.metric: row for row in published_rows(board)}
    assert rows["AlignScore-large"].mean.value == pytest.approx(0.493)
    assert rows["AlignScore-large"].cells["qags_cnndm/all"].value == pytest.approx(0.739)
    assert rows["FEQA"].mean.value == pytest.approx(-0.019)
    assert rows["G-Eval (GPT-4)"].mean is None
    assert len(rows) == len(published_rows(board)) == 22 + 7


def test_nothing_for_another_split_or_statistic():
    assert published_rows(a_board(SUMMAC, split="val")) == []
    assert published_rows(a_board(SUMMAC, statistic="kendall")) == []
    assert published_rows(replace(a_board(SUMMAC), benchmark="mine")) == []


def test_a_row_of_the_wrong_length_is_refused():
    content = json.loads((resources.files("leaderboards") / "published.json").read_text())[-1]
    content["rows"]["SummaC-Conv"].pop()
    with pytest.raises(ValidationError, match="summac-notebook-auc: not 7 numbers for SummaC-Conv"):
        PublishedTable.model_validate(content)
