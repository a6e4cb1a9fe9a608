"""Runs of metrics over evaluation sets: killed and resumed, reused, kept inside their folder."""

import json
import math
import random
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import alignscore_metric.leaderboards.runs
from alignscore_metric.errors import InputError
from alignscore_metric.leaderboards.cleanup import clean_up
from alignscore_metric.leaderboards.datasets import from_frame
from alignscore_metric.leaderboards.items import EvaluationSet, read_items, text_key, write_items
from alignscore_metric.leaderboards.metrics import Resources
from alignscore_metric.leaderboards.runs import (
    Runner,
    read_runs,
    run_folder,
    submitted_table,
    table_file,
)

ROWS = 23


def frame(rows: int = ROWS, start: int = 0) -> pd.DataFrame:
    numbers = range(start, start + rows)
    return pd.DataFrame(
        {
            "id": [f"r{n}" for n in numbers],
            "source": [f"Document {n // 2} tells of {n // 2} things." for n in numbers],
            "summary": [f"It tells of {n} things." for n in numbers],
            "label": [n % 2 for n in numbers],
        }
    )


def made_up(rows: int = ROWS, *, name: str = "made_up", split: str = "test") -> EvaluationSet:
    return from_frame(frame(rows), name=name, split=split)


def true_score(source: str, summary: str) -> float:
    """Any number of its own for every pair; one in five undefined."""
    number = int(text_key(f"{source}|{summary}"), 16)
    return math.nan if number % 5 == 0 else number / 2**64


class Counting:
    """A metric that notes what it scored, and may be killed after so many calls."""

    training_sets = ("snli",)
    resources = Resources(7, "MIT", "an abacus")

    def __init__(self, name="counting", *, signature="counting|v1", dies_after=None, scorer=None):
        self.name, self.signature, self.dies_after = name, signature, dies_after
        self.scorer = scorer or true_score
        self.calls, self.pairs = 0, []

    def score(self, sources, summaries):
        if self.calls == self.dies_after:
            raise KeyboardInterrupt
        self.calls += 1
        self.pairs += zip(sources, summaries, strict=True)
        return [self.scorer(*pair) for pair in zip(sources, summaries, strict=True)]


@pytest.fixture(autouse=True)
def small_windows(monkeypatch):
    monkeypatch.setattr(alignscore_metric.leaderboards.runs, "RUN_WINDOW", 4)


def run(folder: Path, data: EvaluationSet, metric=None, **options):
    return Runner(metric or Counting(), folder, progress=False, **options).run(data)


def expected_scores(data: EvaluationSet) -> list[float]:
    return [true_score(*pair) for pair in zip(data.frame.source, data.frame.summary, strict=True)]


def files_in(folder: Path) -> list[str]:
    return sorted(str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file())


def without_seconds(file: Path, scratch: Path) -> bytes:
    """A table's bytes as they would be had it taken no time."""
    table = read_items(file)
    write_items(replace(table, info=replace(table.info, seconds=0.0)), scratch)
    return scratch.read_bytes()


# ------------------------------------------------------------ the table


def test_a_run_scores_every_row(tmp_path):
    data = made_up()
    metric = Counting()
    table = run(tmp_path, data, metric)
    np.testing.assert_equal(table.frame.score.tolist(), expected_scores(data))
    assert table.frame.score.isna().any()
    assert table.frame.score.nunique() > 5
    assert list(table.frame.id) == list(data.frame.id)
    assert table.frame.label.tolist() == [float(n % 2) for n in range(ROWS)]
    assert table.frame.document.nunique() == 12
    assert table.frame.text.nunique() == ROWS
    info = table.info
    assert (info.metric, info.signature, info.dataset, info.split, info.training_sets) == (
        "counting", "counting|v1", "made_up", "test", ("snli",),
    )  # fmt: skip
    assert info.dataset_hash == data.hash
    assert files_in(tmp_path) == ["counting/made_up.test.parquet"]  # no journal, no .part
    again = read_runs(tmp_path)
    assert len(again) == 1
    pd.testing.assert_frame_equal(again[0].frame, table.frame)
    assert again[0].info == info


def test_scores_come_in_windows_of_distinct_pairs(tmp_path):
    sizes = []

    class Sized(Counting):
        def score(self, sources, summaries):
            sizes.append(len(sources))
            return super().score(sources, summaries)

    run(tmp_path, made_up(10), Sized())
    assert sizes == [4, 4, 2]
    doubled = pd.concat([frame(5), frame(5).assign(id=[f"s{n}" for n in range(5)])])
    sizes.clear()
    table = run(tmp_path, from_frame(doubled, name="doubled"), Sized("other"))
    assert sizes == [4, 1]
    np.testing.assert_equal(table.frame.score[:5].to_numpy(), table.frame.score[5:].to_numpy())


def test_a_finished_run_is_read_not_made(tmp_path):
    first = run(tmp_path, made_up())
    metric = Counting()
    second = run(tmp_path, made_up(), metric)
    assert metric.calls == 0
    pd.testing.assert_frame_equal(first.frame, second.frame)
    assert first.info == second.info


@pytest.mark.parametrize("corrected", ["systems", "discrepancies", "training sets"])
def test_a_finished_run_follows_what_its_scores_do_not_depend_on(tmp_path, corrected):
    """Systems, discrepancies and training sets come from data and cards, which get corrected."""
    first = run(tmp_path, made_up())
    metric, data, info, frame_now = Counting(), made_up(), first.info, first.frame
    if corrected == "systems":
        data.frame["system"] = "bart"
        frame_now = first.frame.assign(system="bart")
    elif corrected == "discrepancies":
        data = replace(data, discrepancies=("one row more",))
        info = replace(info, discrepancies=("one row more",))
    else:
        metric.training_sets = ("snli", "anli")
        info = replace(info, training_sets=("snli", "anli"))
    made = run(tmp_path, data, metric)
    assert metric.calls == 0
    for table in (made, *read_runs(tmp_path)):
        assert table.info == info
        assert table.frame.system.tolist() == frame_now.system.tolist()
        np.testing.assert_equal(table.frame.score.to_numpy(), first.frame.score.to_numpy())


# ------------------------------------------------------------ resuming


@pytest.mark.parametrize("windows", range(7))
def test_a_stopped_run_goes_on_and_scores_nothing_twice(tmp_path, windows):
    data = made_up()
    whole = run(tmp_path / "whole", data)
    dying = Counting(dies_after=windows)
    if windows < 6:
        with pytest.raises(KeyboardInterrupt):
            run(tmp_path / "cut", data, dying)
        assert not list((tmp_path / "cut").rglob("*.parquet*"))
    else:
        run(tmp_path / "cut", data, dying)
    going_on = Counting()
    table = run(tmp_path / "cut", data, going_on)
    assert len(dying.pairs) == min(4 * windows, ROWS)
    assert sorted(dying.pairs + going_on.pairs) == sorted(
        zip(data.frame.source, data.frame.summary, strict=True)
    )
    pd.testing.assert_frame_equal(table.frame, whole.frame)
    assert files_in(tmp_path / "cut") == ["counting/made_up.test.parquet"]
    one, other = (
        without_seconds(tmp_path / name / "counting/made_up.test.parquet", tmp_path / "scratch")
        for name in ("whole", "cut")
    )
    assert one == other


def test_a_table_says_how_many_pairs_its_seconds_scored_and_on_what(tmp_path):
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path, made_up(16), Counting(dies_after=2))
    first = run(tmp_path, made_up(16)).info
    texts = made_up(16).frame[["source", "summary"]]
    assert first.scored == len(texts.drop_duplicates())
    assert (first.parameters, first.licence, first.hardware) == (7, "MIT", "an abacus")
    taken_over = run(tmp_path, made_up(16, name="same_texts")).info
    assert (taken_over.scored, taken_over.seconds) == (0, 0.0)

    other = Counting()
    other.resources = Resources(8, "BSD", "a slide rule")
    again = run(tmp_path, made_up(16), other).info  # nothing is scored: its speed is the abacus'
    assert (again.parameters, again.licence, again.hardware) == (8, "BSD", "an abacus")
    assert again.scored == first.scored


def test_seconds_add_up_over_resumption(tmp_path):
    def slow(source, summary):
        time.sleep(0.02)
        return 0.5

    with pytest.raises(KeyboardInterrupt):
        run(tmp_path, made_up(16), Counting(dies_after=3, scorer=slow))
    table = run(tmp_path, made_up(16), Counting())  # the last window takes no time
    assert table.info.seconds >= 12 * 0.02


def _killed_journal(folder: Path, data: EvaluationSet) -> tuple[Path, bytes]:
    """A journal of three whole windows, and its bytes."""
    with pytest.raises(KeyboardInterrupt):
        run(folder, data, Counting(dies_after=3))
    (journal,) = folder.rglob("*.jsonl")
    return journal, journal.read_bytes()


def test_a_journal_cut_at_any_byte(tmp_path, monkeypatch):
    monkeypatch.setattr(alignscore_metric.leaderboards.runs, "RUN_WINDOW", 1)
    data = made_up(5)
    pairs = list(zip(data.frame.source, data.frame.summary, strict=True))
    expected = [None if math.isnan(score) else score for score in expected_scores(data)]
    journal, content = _killed_journal(tmp_path, data)
    ends = [place + 1 for place, byte in enumerate(content) if byte == ord("\n")]
    assert len(ends) == 4
    for size in range(len(content) + 1):
        journal.write_bytes(content[:size])
        whole = max(0, sum(end <= size for end in ends) - 1)  # the first line is the signature
        dying = Counting(dies_after=1)
        with pytest.raises(KeyboardInterrupt):
            run(tmp_path, data, dying)
        assert dying.pairs == [pairs[whole]]
        # What is appended after the cut makes a whole journal.
        lines = [json.loads(line) for line in journal.read_bytes().splitlines()]
        found = [score for line in lines[1:] for score in line["scores"].values()]
        assert found == expected[: whole + 1]
    going_on = Counting()
    table = run(tmp_path, data, going_on)
    assert going_on.pairs == [pairs[4]]
    np.testing.assert_equal(table.frame.score.tolist(), expected_scores(data))


@pytest.mark.parametrize("damage", [b"\xff\xfe\n", b"\0" * 30, b"{}x\n", b"[1, \n"])
def test_a_damaged_journal_keeps_what_is_whole(tmp_path, damage):
    data = made_up(16)
    journal, content = _killed_journal(tmp_path, data)
    journal.write_bytes(content + damage)
    metric = Counting()
    table = run(tmp_path, data, metric)
    assert len(metric.pairs) == 4
    np.testing.assert_equal(table.frame.score.tolist(), expected_scores(data))


def test_undefined_scores_survive_the_journal(tmp_path):
    data = made_up(8)
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path, data, Counting(dies_after=1, scorer=lambda *pair: math.nan))
    (journal,) = tmp_path.rglob("*.jsonl")
    assert "NaN" not in journal.read_text()  # strict JSON
    table = run(tmp_path, data, Counting(scorer=lambda *pair: 1 / 3))
    np.testing.assert_equal(table.frame.score.tolist(), [math.nan] * 4 + [1 / 3] * 4)


def test_a_journal_of_another_signature_is_begun_anew(tmp_path):
    _killed_journal(tmp_path, made_up())
    changed = Counting(signature="counting|v2", scorer=lambda *pair: 0.25)
    assert run(tmp_path, made_up(), changed).frame.score.tolist() == [0.25] * ROWS
    assert len(changed.pairs) == ROWS


def test_a_journal_of_changed_data_serves_the_texts_that_stayed(tmp_path):
    _killed_journal(tmp_path, made_up())  # twelve rows
    edited = frame()
    edited.loc[:4, "source"] = "One document for all."
    data = from_frame(edited, name="made_up", split="test")
    metric = Counting()
    table = run(tmp_path, data, metric)
    assert len(metric.pairs) == 5 + ROWS - 12
    np.testing.assert_equal(table.frame.score.tolist(), expected_scores(data))


_PROCESS = """
import sys, time
from pathlib import Path
sys.path.insert(0, {tests!r})
import alignscore_metric.leaderboards.runs
from test_leaderboard_runs import Counting, made_up, true_score
from alignscore_metric.leaderboards.runs import Runner

alignscore_metric.leaderboards.runs.RUN_WINDOW = 4

def slow(source, summary):
    time.sleep(0.003)
    return true_score(source, summary)

Runner(Counting(scorer=slow), Path({folder!r}), progress=False).run(made_up(200))
"""


@pytest.mark.slow
def test_kill_9_at_random_moments(tmp_path):
    """A process killed again and again; the table is that of an uninterrupted run."""
    code = _PROCESS.format(tests=str(Path(__file__).parent), folder=str(tmp_path / "killed"))
    chance = random.Random(2)  # noqa: S311  # moments, not secrets
    journal = tmp_path / "killed" / "counting" / "made_up.test.scores.jsonl"
    kept = b""
    for _ in range(2):
        process = subprocess.Popen([sys.executable, "-c", code])
        while process.poll() is None and not (
            journal.is_file() and journal.stat().st_size > len(kept) + 200
        ):
            time.sleep(0.001)
        time.sleep(chance.uniform(0, 0.05))
        process.send_signal(signal.SIGKILL)
        assert process.wait() == -signal.SIGKILL
        assert journal.read_bytes().startswith(kept)  # what was scored before stays
        kept = journal.read_bytes()
    finishing = Counting()
    run(tmp_path / "killed", made_up(200), finishing)
    assert len(finishing.pairs) < 200
    assert len(finishing.pairs) % 4 == 0
    run(tmp_path / "whole", made_up(200))
    assert files_in(tmp_path / "killed") == files_in(tmp_path / "whole")
    one, other = (
        without_seconds(tmp_path / name / "counting/made_up.test.parquet", tmp_path / "scratch")
        for name in ("whole", "killed")
    )
    assert one == other


def test_the_table_appears_whole(tmp_path, monkeypatch):
    import pyarrow.parquet

    def half(table, where, **options):
        Path(where).write_bytes(b"PAR1 and no more")
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(pyarrow.parquet, "write_table", half)
        with pytest.raises(KeyboardInterrupt):
            run(tmp_path, made_up())
    assert not list(tmp_path.rglob("*.parquet"))
    with pytest.raises(InputError, match="no run"):
        read_runs(tmp_path)
    metric = Counting()
    run(tmp_path, made_up(), metric)
    assert metric.calls == 0  # all scores were in the journal
    assert files_in(tmp_path) == ["counting/made_up.test.parquet"]


# ------------------------------------------------------------ reuse


def test_rows_that_datasets_share_are_scored_once(tmp_path):
    first, second = made_up(10), from_frame(frame(10, start=6), name="shares_four")
    metric = Counting()
    runner = Runner(metric, tmp_path, progress=False)
    runner.run(first)
    table = runner.run(second)
    assert len(metric.pairs) == len(set(metric.pairs)) == 16
    np.testing.assert_equal(table.frame.score.tolist(), expected_scores(second))
    # The same from disk, with another Runner.
    metric = Counting()
    run(tmp_path, from_frame(frame(17), name="third"), metric)
    assert [pair[1] for pair in metric.pairs] == ["It tells of 16 things."]


def test_a_changed_dataset_is_scored_again_where_it_changed(tmp_path):
    run(tmp_path, made_up())
    changed = frame()
    changed.loc[3, "summary"] = "It tells of nothing."
    changed.loc[5, "label"] = 1 - changed.loc[5, "label"]
    data = from_frame(changed, name="made_up", split="test")
    metric = Counting()
    table = run(tmp_path, data, metric)
    assert [pair[1] for pair in metric.pairs] == ["It tells of nothing."]
    np.testing.assert_equal(table.frame.score.tolist(), expected_scores(data))
    assert table.frame.label.tolist() == changed.label.tolist()
    assert table.info.dataset_hash == data.hash
    assert read_runs(tmp_path)[0].info.dataset_hash == data.hash


def test_a_changed_signature_scores_everything_again(tmp_path):
    run(tmp_path, made_up())
    metric = Counting(signature="counting|v2", scorer=lambda *pair: 0.75)
    table = run(tmp_path, made_up(), metric)
    assert len(metric.pairs) == ROWS
    assert table.frame.score.tolist() == [0.75] * ROWS
    assert read_runs(tmp_path)[0].info.signature == "counting|v2"


def test_a_text_is_told_by_source_and_summary(tmp_path):
    texts = pd.DataFrame(
        {
            "source": ["a", "ab", "a b", "a"],
            "summary": ["bc", "c", "", "b"],
            "label": [0, 1, 0, 1],
        }
    )
    metric = Counting()
    run(tmp_path, from_frame(texts, name="close"), metric)
    assert len(metric.pairs) == 4


# ------------------------------------------------------------ names and folders

NAMES = [
    "runs/3,precision=bf16",
    "/absolute/path",
    "module:function",
    "..",
    ".",
    "../../outside",
    ".hidden",
    "with space",
    " ",
    "",
    "%",
    "%2E.",
    "%2F",
    "na\u00efve \u6f22\u5b57 \U0001f600",
    "lone \ud800 surrogate",
    "C:\\models\\mine",
    "a\nb\tc",
    "*?[x]",
    "x" * 300,
    "x" * 299 + "y",
    "\u6f22" * 200,
]


def test_any_name_stays_inside_the_folder(tmp_path):
    home = tmp_path / "home" / "runs"
    home.mkdir(parents=True)
    for place, name in enumerate(NAMES):
        data = made_up(3, name=NAMES[-1 - place], split=NAMES[(place + 5) % len(NAMES)])
        table = run(home, data, Counting(name))
        assert table.info.metric == name
    inside = list(home.iterdir())
    assert len(inside) == len(NAMES)  # a folder for each name
    assert not any(path.name.startswith(".") for path in inside)
    assert all(path.is_dir() and len(list(path.iterdir())) == 1 for path in inside)
    assert list(tmp_path.iterdir()) == [tmp_path / "home"]
    assert list((tmp_path / "home").iterdir()) == [home]
    assert {table.info.metric for table in read_runs(home)} == set(NAMES)
    for name in NAMES:
        assert [table.info.metric for table in read_runs(home, [name])] == [name]


def test_names_of_datasets_make_files_of_their_own(tmp_path):
    files = {table_file(tmp_path, metric="m", dataset=n, split=s) for n in NAMES for s in NAMES}
    assert len(files) == len(NAMES) ** 2
    assert {file.parent for file in files} == {run_folder(tmp_path, "m")}
    assert max(len(file.with_suffix(".scores.jsonl").name.encode()) for file in files) < 255


def test_read_runs(tmp_path):
    for missing in (tmp_path, tmp_path / "not there"):
        with pytest.raises(InputError, match=r"holds no run.*alignscore leaderboard run"):
            read_runs(missing)
    for metric in ("b", "a/1"):
        for name in ("two", "one"):
            run(tmp_path, made_up(3, name=name), Counting(metric))
    (tmp_path / "notes.txt").write_text("mine")
    (tmp_path / "empty").mkdir()
    found = [(table.info.metric, table.info.dataset) for table in read_runs(tmp_path)]
    assert found == [("a/1", "one"), ("a/1", "two"), ("b", "one"), ("b", "two")]
    only = [table.info.metric for table in read_runs(tmp_path, ["b"])]
    assert only == ["b", "b"]
    with pytest.raises(InputError, match=r"no run of c/2;.*--metric c/2"):
        read_runs(tmp_path, ["b", "c/2"])


def test_a_damaged_table_is_named(tmp_path):
    run(tmp_path, made_up())
    file = tmp_path / "counting" / "made_up.test.parquet"
    file.write_bytes(file.read_bytes()[:-20])
    with pytest.raises(InputError, match=r"made_up\.test\.parquet.*delete it"):
        run(tmp_path, made_up())
    with pytest.raises(InputError, match=r"made_up\.test\.parquet"):
        read_runs(tmp_path)


# ------------------------------------------------------------ what is scored


def test_rows_without_a_source_are_refused(tmp_path):
    data = made_up(6)
    data.frame.loc[[2, 4], "source"] = None
    metric = Counting()
    with pytest.raises(InputError, match=r"made_up/test: 2 rows.*first is r2.*--documents"):
        run(tmp_path, data, metric)
    assert metric.calls == 0
    assert files_in(tmp_path) == []
    with pytest.raises(InputError, match="2 rows have no source"):
        submitted_table(data, {}, metric="m", signature="s")


def test_clean_up_is_another_metric_and_for_cards_that_ask(tmp_path, nltk_data):
    from nltk.tokenize import sent_tokenize

    from alignscore_metric.leaderboards.cards import load_cards

    rows = pd.DataFrame(
        {
            "source": ["Ann Lee went to Rome.", "Bob stayed."],
            "summary": ["ann lee went -lrb- to rome. -rrb- she \u2019s there .", "bob left ."],
            "label": [1, 0],
        }
    )
    assert load_cards()["frank"].clean_up
    assert not load_cards()["qags_xsum"].clean_up
    others = [rows.assign(source=[f"{one} {name}" for one in rows.source]) for name in "xy"]
    cleaned, plain, named = (
        from_frame(given, name=name, split="test")
        for name, given in zip(("frank", "qags_xsum", "my own"), (rows, *others), strict=True)
    )
    metric = Counting()
    raw = Runner(metric, tmp_path, progress=False)
    raw.run(cleaned)
    assert [pair[1] for pair in metric.pairs] == list(rows.summary)
    metric = Counting()
    runner = Runner(metric, tmp_path, clean_up="alignscore", progress=False)
    for data in (cleaned, plain, named):
        runner.run(data)
    expected = [
        clean_up(source, summary, split=sent_tokenize)
        for source, summary in zip(rows.source, rows.summary, strict=True)
    ]
    assert [pair[1] for pair in metric.pairs] == [*expected, *rows.summary, *rows.summary]
    assert expected[0] == "Ann Lee went ( to Rome. ) She 's there ."
    assert (runner.name, runner.signature) == (
        "counting+clean_up=alignscore", "counting|v1|clean_up:alignscore",
    )  # fmt: skip
    assert sorted(path.name for path in tmp_path.iterdir() if path.name.startswith("count")) == [
        "counting", "counting+clean_up=alignscore",
    ]  # fmt: skip
    infos = [table.info for table in read_runs(tmp_path, ["counting+clean_up=alignscore"])]
    assert {info.signature for info in infos} == {runner.signature}
    assert {info.dataset_hash for info in infos} == {data.hash for data in (cleaned, plain, named)}


# ------------------------------------------------------------ submitted scores


def test_submitted_scores_in_any_order():
    data = made_up(6)
    scores = {f"r{n}": n / 10 for n in (5, 0, 3, 1, 4, 2)}
    scores["r3"] = math.nan
    table = submitted_table(data, scores, metric="mine", signature="mine v1")
    np.testing.assert_equal(table.frame.score.tolist(), [0.0, 0.1, 0.2, math.nan, 0.4, 0.5])
    assert (table.info.metric, table.info.signature) == ("mine", "mine v1")
    assert table.info.dataset_hash == data.hash
    assert table.info.seconds == 0


def test_a_submission_is_what_a_run_would_be(tmp_path):
    data = made_up()
    ran = run(tmp_path, data)
    submitted = submitted_table(
        data, dict(zip(ran.frame.id, ran.frame.score, strict=True)), metric="m", signature="s"
    )
    pd.testing.assert_frame_equal(ran.frame, submitted.frame)


def test_equal_texts_keep_their_own_submitted_scores():
    twice = pd.concat([frame(2), frame(2).assign(id=["again0", "again1"])])
    data = from_frame(twice, name="twice")
    scores = {"r0": 0.1, "r1": 0.2, "again0": 0.3, "again1": 0.4}
    table = submitted_table(data, scores, metric="m", signature="s")
    assert table.frame.score.tolist() == [0.1, 0.2, 0.3, 0.4]
    assert table.frame.text.nunique() == 2


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"r1": None}, "1 ids have no score: r1"),
        ({f"r{n}": None for n in range(5)}, "5 ids have no score: r0, r1, r2"),
        ({"r9": 0.5}, "1 ids are not in the set: r9"),
        ({"r4": math.inf}, "score of r4 is infinite"),
        ({"r4": -math.inf}, "score of r4 is infinite"),
    ],
)
def test_submitted_scores_that_do_not_fit(change, problem):
    scores = {f"r{n}": n / 10 for n in range(6)} | change
    scores = {one: score for one, score in scores.items() if score is not None}
    with pytest.raises(InputError, match=f"made_up/test.*{problem}"):
        submitted_table(made_up(6), scores, metric="m", signature="s")
