"""Boards from synthetic item tables whose answers are known."""

import math
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from sklearn import metrics as sk

from alignscore_metric.errors import ConfigurationError, InputError
from alignscore_metric.leaderboards.board import Board
from alignscore_metric.leaderboards.cards import Membership, Overlap, load_cards
from alignscore_metric.leaderboards.evaluate import MEAN, MEASURES, BoardSettings, build_board
from alignscore_metric.leaderboards.items import ITEM_COLUMNS, ItemTable, RunInfo

FAST = BoardSettings(resamples=200)


@pytest.fixture
def benchmark(monkeypatch):
    """Installs cards of a benchmark `toy`: memberships by dataset, and overlaps."""
    template = load_cards()["frank"]

    def install(overlaps=(), **members):
        cards = {}
        for name, member in members.items():
            fields = {"benchmark": "toy", "task": name, "splits": ("test",)} | member
            found = dict.fromkeys(("val", "test"), template.splits["test"])
            update = {
                "name": name,
                "splits": found,
                "benchmarks": (Membership(**fields),),
                "overlaps": tuple(Overlap(dataset=o, kind="same rows") for o in overlaps),
            }
            cards[name] = template.model_copy(update=update)
        for module in ("cards", "tasks"):
            monkeypatch.setattr(
                f"alignscore_metric.leaderboards.{module}.load_cards", lambda: cards
            )

    return install


def judged(rows=120, *, documents=40, seed=0):
    """Rows without scores: labels of both classes, graded judgments, four systems."""
    rng = np.random.default_rng(seed)
    at = np.arange(rows)
    human = np.round(rng.random(rows), 1)
    frame = pd.DataFrame(
        {
            "id": at.astype(str),
            "text": at.astype(str),
            "document": (at % documents).astype(str),
            "score": np.nan,
            "label": (human > 0.4).astype(float),
            "human_score": human,
            "system": np.array(["a", "b", "c", "d"])[rng.permutation(at % 4)],
            "origin": np.where(at % 3 == 0, "xsum", "cnndm"),
            "errors": None,
            "divided": np.nan,
        }
    )
    return frame[list(ITEM_COLUMNS)]


def a_table(metric, dataset, frame, noise=1.0, *, split="test", info=None, scores=None):
    """An item table: judgments plus noise, or the given scores."""
    rng = np.random.default_rng([len(metric), ord(metric[0]), len(dataset)])
    if scores is None:
        scores = frame["human_score"] + noise * rng.normal(size=len(frame))
    known = RunInfo(metric, f"{metric}|v:1", dataset, split, f"{dataset}-{split}", seconds=1.0)
    return ItemTable(replace(known, **info or {}), frame.assign(score=scores))


def board_of(tables, **options):
    return build_board(tables, benchmark="toy", **{"settings": FAST} | options)


def row_of(board, metric):
    (row,) = (row for row in board.rows if row.metric == metric)
    return row


def test_a_row_says_what_its_metric_costs(benchmark):
    benchmark(one={}, two={})
    known = {"parameters": 10, "licence": "MIT", "hardware": "an abacus", "seconds": 2.0}
    tables = [
        a_table("good", "one", judged(seed=0), info={**known, "scored": 120}),
        a_table("good", "two", judged(seed=1), info={**known, "scored": 40}),
        a_table("mixed", "one", judged(seed=0), info={"parameters": 1}),
        a_table("mixed", "two", judged(seed=1), info={"parameters": 2}),
    ]
    good, mixed = (row_of(board_of(tables), name) for name in ("good", "mixed"))
    assert (good.parameters, good.licence, good.hardware) == (10, "MIT", "an abacus")
    assert good.pairs_per_second == pytest.approx(160 / 4)
    assert (mixed.parameters, mixed.licence, mixed.pairs_per_second) == (None, "", None)


def test_values_means_and_order_are_those_of_scikit_learn(benchmark):
    benchmark(one={}, two={}, outside={"in_mean": False})
    data = {name: judged(seed=at) for at, name in enumerate(("one", "two", "outside"))}
    noises = {"poor": 3.0, "good": 0.2, "fair": 0.8}
    tables = [a_table(m, d, frame, x) for m, x in noises.items() for d, frame in data.items()]
    board = board_of(tables)
    assert [row.metric for row in board.rows] == ["good", "fair", "poor"]
    assert [column.key for column in board.columns] == ["one/test", "two/test", "outside/test"]
    for table in tables:
        cell = row_of(board, table.info.metric).cells[f"{table.info.dataset}/test"]
        wanted = sk.roc_auc_score(table.frame["label"], table.frame["score"])
        assert cell.value == pytest.approx(wanted, abs=1e-12)
        assert cell.low < cell.value < cell.high
    for row in board.rows:
        counted = [row.cells[key].value for key in ("one/test", "two/test")]
        assert row.mean.value == pytest.approx(np.mean(counted))
        widths = [row.cells[key].high - row.cells[key].low for key in ("one/test", "two/test")]
        # Columns are independent: the deviation of their mean is the root of squares, halved.
        assert row.mean.high - row.mean.low == pytest.approx(math.hypot(*widths) / 2, rel=0.25)
        assert row.seconds == 3.0
        assert row.source == f"{row.metric}|v:1"
    column = board.columns[0]
    assert (column.rows, column.documents, column.positives) == (
        120,
        40,
        int(data["one"]["label"].sum()),
    )


@pytest.mark.parametrize("statistic", ["pearson", "spearman", "kendall"])
def test_graded_judgments(benchmark, statistic):
    benchmark(one={"target": "human_score"})
    frame = judged()
    frame.loc[:9, "human_score"] = np.nan
    table = a_table("good", "one", frame, scores=np.arange(120.0) % 7)
    board = board_of([table], statistic=statistic)
    kept = table.frame[10:]
    of_scipy = {"pearson": stats.pearsonr, "spearman": stats.spearmanr, "kendall": stats.kendalltau}
    wanted = of_scipy[statistic](kept["human_score"], kept["score"])[0]
    assert row_of(board, "good").cells["one/test"].value == pytest.approx(wanted)
    assert (board.columns[0].rows, board.columns[0].positives) == (110, None)
    # A statistic of labels takes them where the task's own target is graded.
    labels = board_of([table], statistic="roc_auc")
    auc = sk.roc_auc_score(table.frame["label"], table.frame["score"])
    assert row_of(labels, "good").cells["one/test"].value == pytest.approx(auc)
    assert labels.columns[0].positives == int(frame["label"].sum())


def test_a_missing_run_leaves_a_cell_and_the_mean_out(benchmark):
    benchmark(one={}, two={})
    frame = judged()
    tables = [a_table("partial", "one", frame, 0.1), a_table("whole", "one", frame, 2.0)]
    tables.append(a_table("whole", "two", frame, 2.0))
    board = board_of(tables)
    assert [row.metric for row in board.rows] == ["whole", "partial"]
    partial = row_of(board, "partial")
    assert list(partial.cells) == ["one/test"]
    assert partial.mean is None
    assert {test.column for test in board.tests} == {"one/test"}
    alone = board_of(tables[:1])
    assert alone.settings["missing_tasks"] == ["two/test"]
    assert row_of(alone, "partial").mean is not None


def test_rows_without_a_score_are_left_out_and_counted(benchmark):
    benchmark(one={})
    frame = judged()
    holes = a_table("holes", "one", frame)
    holes.frame.loc[5:14, "score"] = np.nan
    whole = a_table("whole", "one", frame)
    board = board_of([holes, whole])
    cell = row_of(board, "holes").cells["one/test"]
    kept = holes.frame.dropna(subset=["score"])
    assert cell.undefined == 10
    assert cell.value == pytest.approx(sk.roc_auc_score(kept["label"], kept["score"]))
    # The test compares both on the rows that both have: equal scores there are no difference.
    same = ItemTable(whole.info, whole.frame.assign(score=frame["human_score"]))
    copy = a_table("holes", "one", frame, scores=frame["human_score"].where(frame.index > 9))
    assert [test.p for test in board_of([copy, same]).tests] == [1.0, 1.0]
    nothing = a_table("none", "one", frame, scores=np.nan)
    cell = row_of(board_of([nothing]), "none").cells["one/test"]
    assert math.isnan(cell.value)
    assert (cell.reason, cell.undefined) == ("no row has a score", 120)


def test_metrics_scored_on_different_rows_are_refused(benchmark):
    benchmark(one={})
    tables = [a_table(name, "one", judged()) for name in "ab"]
    other = ItemTable(replace(tables[1].info, dataset_hash="other"), tables[1].frame)
    with pytest.raises(InputError, match="one/test: b and a were scored on different rows"):
        board_of([tables[0], other])


def test_two_runs_of_one_metric_are_refused(benchmark):
    benchmark(one={})
    table = a_table("a", "one", judged())
    with pytest.raises(InputError, match="two runs of a on one/test"):
        board_of([table, ItemTable(replace(table.info, signature="a|v:2"), table.frame)])


def test_a_column_of_one_class_is_undefined_and_so_is_the_mean(benchmark):
    benchmark(one={}, two={})
    frame = judged()
    positive = frame.assign(label=1.0)
    tables = [a_table(m, d, f) for m in "ab" for d, f in (("one", frame), ("two", positive))]
    board = board_of(tables)
    for row in board.rows:
        cell = row.cells["two/test"]
        assert math.isnan(cell.value)
        assert (cell.reason, cell.cluster) == ("all labels are 1", None)
        assert row.mean is None
    assert {test.column for test in board.tests} == {"one/test"}
    unlabelled = board_of([a_table("a", "one", frame.assign(label=np.nan))])
    assert unlabelled.rows[0].cells["one/test"].reason == "no row has a label"


@pytest.mark.parametrize(
    ("statistic", "column", "reason"),
    [
        ("spearman", "score", "all scores are equal"),
        ("spearman", "human_score", "all judgments are equal"),
        ("system_pearson", "score", "all scores are equal"),
        ("system_kendall", "human_score", "all judgments are equal"),
        ("system_pearson", "system", "fewer than 3 systems, or rows that name none"),
    ],
)
def test_constant_columns_have_no_correlation(benchmark, statistic, column, reason):
    benchmark(one={"target": "human_score"})
    table = a_table("flat", "one", judged())
    constant = ItemTable(table.info, table.frame.assign(**{column: 0.1}))
    cell = board_of([constant], statistic=statistic).rows[0].cells["one/test"]
    assert math.isnan(cell.value)
    assert cell.reason == reason
    # Constant scores do have an AUC.
    if (statistic, column) == ("spearman", "score"):
        assert board_of([constant]).rows[0].cells["one/test"].value == 0.5


def test_equal_means_of_systems_give_a_reason(benchmark):
    benchmark(one={"target": "human_score"})
    frame = judged().assign(system=np.repeat(list("abcd"), 30))
    table = a_table("tied", "one", frame, scores=np.tile(np.linspace(0, 0.7, 30), 4))
    cell = board_of([table], statistic="system_spearman").rows[0].cells["one/test"]
    assert math.isnan(cell.value)
    assert cell.reason == "systems' means are equal"


def test_one_document_has_a_value_without_an_interval(benchmark):
    benchmark(one={})
    board = board_of([a_table(name, "one", judged(documents=1)) for name in "ab"])
    for row in board.rows:
        cell = row.cells["one/test"]
        assert cell.value > 0
        assert math.isnan(cell.low)
        assert cell.reason == ""
    assert board.tests[0].p == 1.0


def test_clusters_and_tests_tell_good_from_poor(benchmark):
    benchmark(one={}, two={})
    frames = {"one": judged(600, documents=200), "two": judged(600, documents=200, seed=3)}
    noises = {"best": 0.05, "bust": 0.05, "poor": 2.0, "chance": 60.0}
    tables = [a_table(m, d, f, x) for m, x in noises.items() for d, f in frames.items()]
    board = board_of(tables)
    for key in ("one/test", "two/test", MEAN):
        found = {
            row.metric: (row.mean if key == MEAN else row.cells[key]).cluster for row in board.rows
        }
        assert found["best"] == found["bust"] == 1
        assert found["poor"] == 2
        assert found["chance"] >= 2
        assert len([test for test in board.tests if test.column == key]) == 6
    # As many swaps as six pairs need: 4 * 6 / 0.05.
    assert board.settings["permutations"] == 480
    by_pair = {(t.column, frozenset((t.better, t.worse))): t for t in board.tests}
    assert by_pair[MEAN, frozenset(("best", "poor"))].p == pytest.approx(1 / 481)
    assert by_pair["one/test", frozenset(("best", "bust"))].p_holm > 0.05
    for test in board.tests:
        better, worse = (row_of(board, name) for name in (test.better, test.worse))
        pair = [r.mean if test.column == MEAN else r.cells[test.column] for r in (better, worse)]
        assert test.difference == pytest.approx(pair[0].value - pair[1].value)
        assert test.difference >= 0
        assert test.p <= test.p_holm <= 1


def test_rows_of_a_document_are_not_independent(benchmark):
    benchmark(one={})
    frame = judged(200, documents=200)
    tenfold = pd.concat([frame] * 10, ignore_index=True)
    spread = tenfold.assign(document=np.arange(2000).astype(str))
    scores = np.tile(frame["human_score"] + np.random.default_rng(0).normal(size=200), 10)
    widths = [
        cell.high - cell.low
        for data, size in ((frame, 200), (tenfold, 2000), (spread, 2000))
        for cell in [
            board_of([a_table("a", "one", data, scores=scores[:size])]).rows[0].cells["one/test"]
        ]
    ]
    # Copies of a document's rows tell nothing new, unless they are taken for other documents.
    assert widths[1] == pytest.approx(widths[0], rel=1e-9)
    assert widths[2] == pytest.approx(widths[0] / math.sqrt(10), rel=0.2)


def test_training_sets_that_overlap_are_flagged(benchmark):
    benchmark(overlaps=("doc_nli", "newsqa"), one={})
    info = {"training_sets": ("doc_nli", "snli")}
    tables = [a_table("seen", "one", judged(), info=info), a_table("new", "one", judged())]
    board = board_of(tables)
    assert row_of(board, "seen").cells["one/test"].overlaps == ("doc_nli",)
    assert row_of(board, "new").cells["one/test"].overlaps == ()


@pytest.mark.parametrize("rule", ["summac", "alignscore"])
def test_thresholds_are_tuned_on_val_and_never_on_what_is_judged(benchmark, rule):
    benchmark(one={"splits": ("val", "test")})
    statistic = f"balanced_accuracy_{rule}"
    frames = {"val": judged(seed=1), "test": judged()}
    tables = {
        split: a_table("a", "one", frame, scores=0.8 * frame["human_score"] ** 2, split=split)
        for split, frame in frames.items()
    }
    # Labels change between human scores 0.4 and 0.5: scores 0.128 and 0.2 are to be told apart.
    cell = board_of(tables.values(), split="test", statistic=statistic).rows[0].cells["one/test"]
    assert cell.value == 1.0
    plain = board_of(tables.values(), split="test", statistic="balanced_accuracy").rows[0]
    decided = tables["test"].frame["score"] > 0.5
    wanted = sk.balanced_accuracy_score(frames["test"]["label"], decided)
    assert plain.cells["one/test"].value == pytest.approx(wanted)
    for given, split in (([tables["test"]], "test"), (tables.values(), "val")):
        cell = board_of(given, split=split, statistic=statistic).rows[0].cells[f"one/{split}"]
        assert math.isnan(cell.value)
        assert cell.reason == "no val split with both labels to tune the threshold on"


def test_thresholds_are_tuned_on_the_rows_of_the_task(benchmark):
    benchmark(one={"splits": ("val", "test"), "where": {"origin": "xsum"}})
    frame = judged()
    other = frame["origin"] == "cnndm"
    # The other origin's scores are of another scale, on which the best threshold is another one.
    scores = frame["human_score"].where(~other, frame["human_score"] + 0.3)
    tables = [a_table("a", "one", frame, scores=scores, split=s) for s in ("val", "test")]
    board = board_of(tables, split="test", statistic="balanced_accuracy_alignscore")
    assert board.rows[0].cells["one/test"].value == 1.0


def test_splits(benchmark):
    benchmark(one={"splits": ("val", "test")}, two={"splits": ("test",)})
    tables = [a_table("a", d, judged(), split=s) for d in ("one", "two") for s in ("val", "test")]
    with pytest.raises(ConfigurationError, match="toy has the splits test, val; give one"):
        board_of(tables)
    board = board_of(tables, split="test")
    assert [column.key for column in board.columns] == ["one/test", "two/test"]
    assert board.split == "test"
    assert [c.key for c in board_of(tables, split="val").columns] == ["one/val"]
    with pytest.raises(ConfigurationError, match="no split 'all', only test, val"):
        board_of(tables, split="all")
    with pytest.raises(ConfigurationError, match="no statistic 'auc'"):
        board_of(tables, split="test", statistic="auc")
    with pytest.raises(InputError, match="no run covers toy"):
        board_of([], split="test")


def test_where_keeps_rows_and_pooled_splits_are_one_column(benchmark):
    benchmark(one={"splits": ("val", "test"), "pooled": True, "where": {"origin": "xsum"}})
    frames = {"val": judged(seed=1), "test": judged(seed=2)}
    tables = [a_table("a", "one", frame, split=split) for split, frame in frames.items()]
    board = board_of(tables)
    (column,) = board.columns
    both = pd.concat([table.frame for table in tables])
    both = both[both["origin"] == "xsum"]
    assert (column.key, column.rows) == ("one/val+test", len(both))
    assert column.dataset_hash == "one-val+one-test"
    wanted = sk.roc_auc_score(both["label"], both["score"])
    assert board.rows[0].cells["one/val+test"].value == pytest.approx(wanted)
    with pytest.raises(InputError, match="no run covers"):
        board_of(tables[:1])  # half of the column


def test_no_resamples_no_uncertainty(benchmark):
    benchmark(one={})
    board = board_of(
        [a_table(m, "one", judged()) for m in "ab"], settings=BoardSettings(resamples=0)
    )
    assert board.tests == ()
    for row in board.rows:
        for cell in (row.mean, row.cells["one/test"]):
            assert cell.value > 0
            assert math.isnan(cell.low)
            assert math.isnan(cell.high)


@pytest.mark.parametrize(
    "wrong", [{"level": 1.0}, {"level": 0.0}, {"alpha": 5}, {"alpha": 0.0}, {"resamples": -1}]
)
def test_settings_without_meaning_are_refused(wrong):
    with pytest.raises(ConfigurationError, match="between 0 and 1"):
        BoardSettings(**wrong)
    with pytest.raises(ConfigurationError, match="permutations is a whole number > 0"):
        BoardSettings(permutations=0)


def test_many_metrics_get_the_permutations_that_holms_correction_needs(benchmark):
    benchmark(one={})
    frame = judged()
    tables = [a_table(f"m{at}", "one", frame, 0.001) for at in range(8)]
    tables.append(a_table("inverse", "one", frame, scores=-frame["human_score"]))
    board = board_of(tables)
    assert board.settings["permutations"] == 4 * 36 / 0.05
    # 200 draws give no p below 1/201, and 36 times that is more than 0.05.
    assert row_of(board, "inverse").cells["one/test"].cluster == 2
    asked = board_of(tables, settings=replace(FAST, permutations=200))
    assert row_of(asked, "inverse").cells["one/test"].cluster == 1


def test_a_seed_gives_a_board_and_json_gives_it_back(benchmark):
    benchmark(one={}, two={}, empty={})
    frame = judged()
    tables = [a_table(m, d, frame) for m in "abc" for d in ("one", "two")]
    tables += [a_table(m, "empty", frame.assign(label=0.0)) for m in "abc"]
    boards = [board_of(order) for order in (tables, tables[::-1])]
    assert boards[0].to_json() == boards[1].to_json()
    assert Board.from_json(boards[0].to_json()).to_json() == boards[0].to_json()
    assert Board.from_json(boards[0].to_json()).rows[0].cells["empty/test"].reason
    other = board_of(tables, settings=replace(FAST, seed=1))
    cells = [board.rows[0].cells["one/test"] for board in (boards[0], other)]
    assert cells[0].value == cells[1].value
    assert cells[0].low != cells[1].low
    wide = board_of(tables, settings=replace(FAST, level=0.99)).rows[0].cells["one/test"]
    assert wide.low < cells[0].low < cells[0].high < wide.high


def test_systems_are_resampled_and_swapped_where_asked(benchmark):
    benchmark(one={"target": "human_score"}, nameless={"target": "human_score"})
    frame = judged(400, documents=100)
    # Scores that depend on the system: another sample of systems gives another agreement.
    bias = frame["system"].map({"a": 0.0, "b": 1.0, "c": 2.0, "d": -2.0})
    tables = [
        a_table(name, "one", frame, scores=frame["human_score"] + at * bias)
        for at, name in enumerate(["fair", "biased"])
    ]
    plain, asked = (
        board_of(tables, settings=replace(FAST, systems=systems)) for systems in (False, True)
    )
    cells = [row_of(board, "biased").cells["one/test"] for board in (plain, asked)]
    assert cells[0].value == cells[1].value
    assert cells[1].high - cells[1].low > 1.5 * (cells[0].high - cells[0].low)
    assert [board.settings["systems"] for board in (plain, asked)] == [False, True]
    unnamed = a_table("fair", "nameless", frame.assign(system=None))
    board_of([unnamed], settings=replace(FAST, systems=True))


@pytest.mark.parametrize("statistic", [name for name, one in MEASURES.items() if one.system])
def test_system_level(benchmark, statistic):
    benchmark(one={"target": "human_score"})
    frame = judged(400, documents=100)
    frame["human_score"] += frame["system"].map({"a": 0.0, "b": 0.1, "c": 0.2, "d": 0.3})
    tables = [a_table(m, "one", frame, x) for m, x in {"good": 0.1, "poor": 5.0}.items()]
    board = board_of(tables, statistic=statistic)
    assert board.settings["systems"]
    for table in tables:
        means = table.frame.groupby("system")[["human_score", "score"]].mean().to_numpy().T
        kind = statistic.removeprefix("system_")
        of_scipy = {
            "pearson": stats.pearsonr,
            "spearman": stats.spearmanr,
            "kendall": stats.kendalltau,
        }
        if kind in of_scipy:
            wanted = of_scipy[kind](*means)[0]
        else:
            ranks = [stats.rankdata(x) for x in means]
            wanted = (stats.kendalltau(*ranks)[0] + 1) / 2  # without ties
        cell = row_of(board, table.info.metric).cells["one/test"]
        assert cell.value == pytest.approx(wanted)
        assert cell.low <= cell.value <= cell.high
    assert len(board.tests) == 1 + 1  # the column and the mean
    assert 0 < board.tests[0].p <= 1


# ------------------------------------------------------------ slices, pairs, fixed beside tuned


def with_details(frame):
    """Two types of errors, both in some texts, and annotators that agree on every other row."""
    at = np.arange(len(frame))
    types = np.array([None, "entity", "number", "entity|number"], dtype=object)[at % 4]
    return frame.assign(errors=types, divided=(at % 2).astype(float))


def test_a_slice_is_the_rows_of_a_type_of_error_and_all_consistent_ones(benchmark):
    benchmark(one={}, two={})
    frames = {"one": with_details(judged(seed=0)), "two": judged(seed=1)}
    tables = [a_table("good", name, frame) for name, frame in frames.items()]
    board = board_of(tables, slices=True)
    frame = tables[0].frame
    consistent = frame["label"] == 1
    expected = {
        "one (entity)/test": consistent | frame["errors"].isin(["entity", "entity|number"]),
        "one (number)/test": consistent | frame["errors"].isin(["number", "entity|number"]),
        "one (annotators agree)/test": frame["divided"] == 0,
        "one (annotators divided)/test": frame["divided"] == 1,
    }
    assert [column.key for column in board.columns] == list(expected)
    (row,) = board.rows
    for column in board.columns:
        kept = frame[expected[column.key]]
        assert (column.rows, column.positives) == (len(kept), int(kept["label"].sum()))
        assert column.documents == kept["document"].nunique()
        wanted = sk.roc_auc_score(kept["label"], kept["score"])
        assert row.cells[column.key].value == pytest.approx(wanted, abs=1e-12)
    assert row.mean is None
    assert board.settings["slices"] is True
    assert board.settings["missing_tasks"] == []
    with pytest.raises(InputError, match="no set of toy that was run tells types of errors"):
        board_of(tables[1:], slices=True)


def test_of_graded_judgments_only_agreement_makes_slices(benchmark):
    benchmark(one={"target": "human_score"})
    board = board_of(
        [a_table("good", "one", with_details(judged()))], slices=True, statistic="spearman"
    )
    assert [column.key for column in board.columns] == [
        "one (annotators agree)/test", "one (annotators divided)/test",
    ]  # fmt: skip


def test_the_statistic_at_the_fixed_threshold_stands_beside_the_tuned_one(benchmark):
    benchmark(one={}, two={})
    tables = []
    for seed, name in enumerate(("one", "two")):
        for split in ("val", "test"):
            frame = judged(seed=seed + 10 * (split == "val"))
            scores = np.clip(frame["human_score"] / 2 + 0.3 * frame["label"], 0, 1)
            tables.append(a_table("m", name, frame, split=split, scores=scores))
    tuned = board_of(tables, statistic="balanced_accuracy_summac")
    fixed = board_of(tables, statistic="balanced_accuracy")
    for cells in zip(tuned.rows[0].cells.items(), fixed.rows[0].cells.values(), strict=True):
        (key, cell), wanted = cells
        frame = next(t.frame for t in tables if t.info.split == "test" and t.info.dataset in key)
        oracle = sk.balanced_accuracy_score(frame["label"], frame["score"] > 0.5)
        assert cell.fixed == pytest.approx(oracle) == wanted.value
        assert math.isnan(wanted.fixed)
    assert tuned.rows[0].mean.fixed == pytest.approx(fixed.rows[0].mean.value)


def test_pairs_in_order_are_counted_within_documents(benchmark):
    benchmark(one={})
    table = a_table("good", "one", judged(rows=40, documents=10), noise=0.3)
    frame = table.frame.assign(score=np.round(table.frame["score"], 1))
    table = replace(table, frame=frame)
    ordered = total = 0
    for _, rows in frame.groupby("document"):
        for high in rows["score"][rows["label"] == 1]:
            for low in rows["score"][rows["label"] == 0]:
                ordered, total = ordered + (high > low), total + 1
    (row,) = board_of([table], statistic="pairs_in_order").rows
    assert row.cells["one/test"].value == pytest.approx(ordered / total)


def test_f1_of_the_inconsistent_class_is_scikit_learns(benchmark):
    benchmark(one={})
    table = a_table("good", "one", judged())
    (row,) = board_of([table], statistic="f1_inconsistent").rows
    frame = table.frame
    wanted = sk.f1_score(frame["label"], frame["score"] > 0.5, pos_label=0)
    assert row.cells["one/test"].value == pytest.approx(wanted)


@pytest.mark.parametrize("statistic", ["accuracy_with_ties", "system_accuracy_with_ties"])
def test_accuracy_with_ties_on_a_board(benchmark, statistic):
    benchmark(one={"target": "human_score"}, alone={"target": "human_score"})
    grid = judged(rows=40, documents=10).assign(system=np.repeat(list("abcd"), 10))
    alone = judged(rows=30, documents=30)
    tables = [a_table(m, "one", grid, x) for m, x in (("good", 0.1), ("poor", 3.0))]
    tables += [a_table("good", "alone", alone, 0.1), a_table("poor", "alone", alone, 3.0)]
    board = board_of(tables, statistic=statistic)
    cells = {row.metric: row.cells["one/test"] for row in board.rows}
    assert 0 <= cells["poor"].value < cells["good"].value <= 1
    if statistic == "accuracy_with_ties":
        assert row_of(board, "good").cells["alone/test"].reason == (
            "no document has two judged texts"
        )
