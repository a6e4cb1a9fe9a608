"""Ray Data with a local cluster: the local run's numbers, every row once, killed actors or not."""

import contextlib
import json
import os
import pickle
import signal
import threading
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from alignscore_metric import AlignScore, ConfigurationError, InputError, WorkerError
from alignscore_metric.commands.main import main
from alignscore_metric.files.tables import Bounds, open_table, write_rows
from alignscore_metric.files.windows import score_tables, score_windows

ray = pytest.importorskip("ray", reason="needs the extra `ray`")
pa = pytest.importorskip("pyarrow")

from alignscore_metric.files import ray as interface  # noqa: E402

pytestmark = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ResourceWarning"),
    pytest.mark.slow,  # Ray takes seconds to start
]
TEXTS = ("source", "summary")


@pytest.fixture(scope="module")
def cluster():
    ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False, logging_level="error")
    ray.data.DataContext.get_current().enable_progress_bars = False
    yield
    ray.shutdown()


@pytest.fixture(scope="module")
def metric(tiny_aligner):
    return AlignScore(tiny_aligner, device="cpu", progress=False)


@pytest.fixture
def files(tmp_path, example_rows):
    """Three jsonl files, one of them empty; sources are texts and lists, a summary has none."""
    rows = [row | {"place": place} for place, row in enumerate(example_rows * 4)]
    rows[5] = rows[5] | {"summary": " "}
    folder = tmp_path / "news"
    folder.mkdir()
    for name, part in (("a", rows[:30]), ("b", []), ("c", rows[30:])):
        text = "".join(f"{json.dumps(row)}\n" for row in part)
        (folder / f"{name}.jsonl").write_text(text, encoding="utf-8")
    return folder


def parts(folder: Path) -> list[Path]:
    return sorted(folder.glob("part-*"))


# --- datasets


def test_a_dataset_gets_the_metric_s_scores(cluster, metric, tiny_aligner, example_rows):
    rows = [row | {"source": " ".join(row["source"])} for row in example_rows]
    rows[3] = rows[3] | {"summary": ""}
    dataset = interface.score_dataset(
        ray.data.from_items(rows, override_num_blocks=3), model=tiny_aligner, workers=1
    )
    found = {row["id"]: row["alignscore"] for row in dataset.take_all()}
    assert dataset.schema().types[-1] == pa.float64()
    scores = metric.score(*([row[name] for row in rows] for name in TEXTS))
    assert found.pop(rows[3]["id"]) is None
    expected = {row["id"]: s for row, s in zip(rows, scores, strict=True) if row is not rows[3]}
    assert found == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize("kind", ["numpy", "pandas", "pyarrow"])
def test_batches_of_every_format(metric, tiny_aligner, kind):
    sources = [["It rained all day.", "Leeds was wet."], ["Nothing happened."]]
    batch = {"source": sources, "summary": ["It rained.", ""]}
    if kind == "numpy":
        ragged = np.empty(2, dtype=object)
        ragged[:] = [np.array(passages) for passages in sources]
        batch = {"source": ragged, "summary": np.array(batch["summary"], dtype=object)}
    else:
        batch = pd.DataFrame(batch) if kind == "pandas" else pa.table(batch)
    actor = interface.AlignScoreActor(model=tiny_aligner, score_column="s")
    found = actor(batch)
    (first, last) = found["s"].to_pylist() if kind == "pyarrow" else found["s"]
    assert first == metric.score(sources[:1], ["It rained."])[0]
    assert last is None
    assert list(found.column_names if kind == "pyarrow" else found) == ["source", "summary", "s"]


@pytest.mark.parametrize(
    ("batch", "told"),
    [
        ({"source": ["a"]}, "no column 'summary'.*: source"),
        ({"source": ["a"], "summary": ["b"], "alignscore": [1]}, "'alignscore' already"),
        (
            {"source": ["a", "b"], "summary": ["c", None], "path": ["x", "y"], "id": [7, 8]},
            "path y, id 8, row 1 of a batch: the summary is missing",
        ),
    ],
)
def test_batches_that_cannot_be_scored(tiny_aligner, batch, told):
    with pytest.raises(InputError, match=told):
        interface.AlignScoreActor(model=tiny_aligner)(pa.table(batch))


# --- files


def kill_an_actor(folder: Path, over: threading.Event, killed: list[int]) -> None:
    """Kill an actor of our own cluster as soon as there are two parts; how many there were then."""
    while len(parts(folder)) < 2 and not over.is_set():
        time.sleep(0.01)
    raylet = ray._private.worker._global_node.all_processes["raylet"][0].process.pid
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(FileNotFoundError):  # others come and go
            command = (process / "cmdline").read_bytes()
            parent = int((process / "stat").read_text().rpartition(")")[2].split()[1])
            if parent == raylet and b"_PartScorer" in command:
                os.kill(int(process.name), signal.SIGKILL)
                killed.append(len(parts(folder)))
                return


def test_a_killed_actor_loses_and_doubles_no_row(
    cluster, metric, tiny_aligner, files, tmp_path, monkeypatch
):
    bounds = Bounds(2, 10**9)
    monkeypatch.setattr(interface, "WINDOW", bounds)
    monkeypatch.setattr(interface, "PART_WINDOWS", 2)
    folder, over, killed = tmp_path / "scored", threading.Event(), []
    killer = threading.Thread(target=kill_an_actor, args=(folder, over, killed))
    killer.start()
    summary = interface.score_files(f"{files}/*.jsonl", str(folder), model=tiny_aligner, workers=2)
    over.set()
    killer.join()
    assert killed[0] < len(parts(folder)) == 48

    expected = tmp_path / "expected.jsonl"
    with expected.open("wb") as stream:
        for name in "ac":
            tables = open_table(str(files / f"{name}.jsonl")).windows(bounds)
            scorer = lambda windows: score_windows(metric, windows)  # noqa: E731
            for table, scored in score_tables(tables, TEXTS, scorer):
                write_rows(stream, ".jsonl", table, scored.columns("alignscore"), [])
    assert b"".join(part.read_bytes() for part in parts(folder)) == expected.read_bytes()
    rows = [json.loads(line) for line in expected.read_text(encoding="utf-8").splitlines()]
    assert [row["place"] for row in rows] == list(range(len(rows)))
    together = metric.evaluate(*([row[name] for row in rows] for name in TEXTS))
    assert summary.scores == pytest.approx(together.scores, abs=1e-5, nan_ok=True)
    told = json.loads((folder / interface.DONE).read_text())
    assert (told["rows"], told["undefined"]) == (len(rows), 1)
    assert told["signature"] == summary.signature == metric.signature
    assert told["parts"] == len(parts(folder)) == len(list(folder.glob("*"))) - 1


def test_parquet_keeps_its_types(cluster, tiny_aligner, example_rows, tmp_path):
    import pyarrow.parquet as pq

    names = pa.array([row["kind"] for row in example_rows]).dictionary_encode()
    sources = [row["source"] for row in example_rows]
    table = pa.table(
        {
            "source": [[text] if isinstance(text, str) else text for text in sources],
            "summary": pa.array([row["summary"] for row in example_rows], pa.large_string()),
            "small": pa.array(range(len(example_rows)), pa.int8()),
            "kind": names,
        }
    )
    pq.write_table(table, tmp_path / "x.parquet", row_group_size=5)
    options = ["--model", str(tiny_aligner), "--evidence", "-q"]
    here, there = tmp_path / "here.parquet", tmp_path / "there"
    assert main(["score", str(tmp_path / "x.parquet"), "-o", str(here), *options]) == 0
    interface.score_files(
        f"file://{tmp_path}/x.parquet", str(there), evidence=True, workers=1, model=tiny_aligner
    )
    (part,) = parts(there)
    assert pq.read_table(part).equals(pq.read_table(here))


def test_the_command_writes_what_the_local_one_does(
    cluster, tiny_aligner, example_rows, tmp_path, capsys
):
    for name, rows in (("a", example_rows[:4]), ("b", example_rows[4:9])):
        cells = [[row["id"], "007", str(row["source"]), row["summary"] + "\n"] for row in rows]
        frame = pd.DataFrame(cells, columns=["id", "number", "article", "claim"])
        frame.to_csv(tmp_path / f"{name}.csv", index=False)
    options = ["--model", str(tiny_aligner), "-q", "--score-column", "s"]
    there = tmp_path / "there"
    pattern = str(tmp_path / "*.csv")
    code = main(["score", pattern, "--engine", "ray", "-o", str(there), *options, "--workers", "1"])
    assert code == 0
    told = capsys.readouterr().out
    assert "9 pairs" in told
    for name, part in zip("ab", parts(there), strict=True):
        here = tmp_path / f"{name}.here.csv"
        assert main(["score", str(tmp_path / f"{name}.csv"), "-o", str(here), *options]) == 0
        assert part.read_bytes() == here.read_bytes()
        capsys.readouterr()
    assert main(["score", pattern, "--engine", "ray", "-o", str(there), *options]) == 2
    assert "has something in it" in capsys.readouterr().err


def test_a_row_that_is_no_text_is_named(cluster, tiny_aligner, tmp_path, capsys):
    (tmp_path / "a.jsonl").write_text('{"source": "It rained.", "summary": "It did."}\n')
    (tmp_path / "b.jsonl").write_text(
        '{"source": "a", "summary": "b"}\n\n{"source": ["a", 5], "summary": "b"}\n'
    )
    arguments = ["score", str(tmp_path), "--engine", "ray", "-o", str(tmp_path / "out")]
    assert main([*arguments, "--model", str(tiny_aligner), "--workers", "1", "-q"]) == 2
    told = capsys.readouterr().err
    assert told == f"alignscore: {tmp_path}/b.jsonl, line 3: passage 1 is int ('5'), not text\n"


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["a.jsonl", "--engine", "ray"], "give -o FOLDER"),
        (["a.jsonl", "--engine", "ray", "-o", "x", "--report", "y.html"], "neither --report"),
        (["nothing/*.jsonl", "--engine", "ray", "-o", "x"], "cannot use nothing"),
        (["b*.jsonl", "--engine", "ray", "-o", "x"], "no files b*.jsonl"),
        (["*", "--engine", "ray", "-o", "x"], "files of the kinds .csv, .jsonl"),
        (["a.jsonl", "--engine", "ray", "-o", "x", "--summary-column", "z"], "no column 'z'"),
        (["a.jsonl", "--workers", "2"], "--workers is for --engine ray"),
    ],
)
def test_what_the_command_refuses(tmp_path, monkeypatch, capsys, arguments, told):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.jsonl").write_text('{"source": "It rained.", "summary": "It did."}\n')
    (tmp_path / "c.csv").touch()
    assert main(["score", *arguments]) == 2
    assert told in capsys.readouterr().err


def test_a_model_that_is_not_there_is_told_of_and_not_tried_again():
    plan = interface._Plan(
        interface._Files(None, [], None, ""), TEXTS, "s", False, False, Bounds(1, 1), 1
    )
    actor = interface._PartScorer(plan, {"model": "nowhere"})
    (row,) = actor(interface._pickled(None)).to_pylist()
    with pytest.raises(ConfigurationError, match="nowhere"):
        raise pickle.loads(row["pickled"])  # noqa: S301 - our own


def test_missing_parts_are_noticed(tmp_path):
    files = interface._Files(None, ["a", "b"], pa.fs.LocalFileSystem(), str(tmp_path))
    plan = interface._Plan(files, TEXTS, "s", False, False, Bounds(1, 1), 1)

    def part(file: int, place: int, last: bool, signature: str = "x") -> interface._ScoredPart:
        return interface._ScoredPart(file, place, last, np.ones(2), np.arange(2), signature)

    whole = [part(0, 0, False), part(0, 1, True), part(1, 0, True)]
    assert len(interface._finish(plan, whole)) == 6
    for missing in range(3):
        with pytest.raises(WorkerError, match="2 parts, and not all of 2 files"):
            interface._finish(plan, whole[:missing] + whole[missing + 1 :])
    with pytest.raises(ConfigurationError, match="one version on all of them"):
        interface._finish(plan, [*whole[:2], part(1, 0, True, "y")])


def test_which_files_a_pattern_means(tmp_path):
    for name in (
        "a.jsonl",
        "b.jsonl",
        "_c.jsonl",
        ".d.jsonl",
        "e/f.jsonl",
        "e/g.csv",
        "h (1)/i.jsonl",
    ):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()

    def found(pattern: str) -> list[str]:
        files = interface._find_files(pattern, str(tmp_path / "out"))
        return [path.removeprefix(f"{tmp_path}/") for path in files.paths]

    assert found(f"{tmp_path}/a.jsonl") == ["a.jsonl"]
    assert (
        found(f"{tmp_path}/*.jsonl")
        == found(f"file://{tmp_path}/*.jsonl")
        == ["a.jsonl", "b.jsonl"]
    )
    assert found(str(tmp_path)) == found(f"file://{tmp_path}/") == ["a.jsonl", "b.jsonl"]
    assert found(f"{tmp_path}/*/*.jsonl") == ["e/f.jsonl", "h (1)/i.jsonl"]
