"""The commands `train`, `synthesise` and `probe`, in process, on tiny data."""

import csv
import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml

from alignscore_metric import AlignScore, training
from alignscore_metric.commands.main import main
from alignscore_metric.training.data import read_examples
from alignscore_metric.training.recipe import read_recipe, recipe_file

RECIPES = Path(training.__file__).parent / "recipes"
THINGS = ["bridge", "council", "river", "school", "museum", "road", "town", "market"]


def run(capsys, *argv: object) -> str:
    """What a command that succeeds prints."""
    code = main([str(arg) for arg in argv])
    out, err = capsys.readouterr()
    assert code == 0, err
    return out


def refusal(capsys, *argv: object) -> str:
    """The message of a command that must be refused."""
    assert main([str(arg) for arg in argv]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("alignscore: "), err
    return err


def write_rows(path: Path, rows: list[dict]) -> None:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")


# --------------------------------------------------------------------------- train


def own_rows(count: int) -> list[dict]:
    """Pairs of a user's own: a claim is right where it says "closed"."""
    return [
        {
            "text_a": f"The {THINGS[i % 8]} was closed on Monday.",
            "text_b": f"The {THINGS[i % 8]} was {'closed' if i % 2 else 'sold'}.",
            "label_type": "bin",
            "label": i % 2,
        }
        for i in range(count)
    ]


@pytest.fixture
def own(tmp_path) -> Path:
    """A folder with a user's own 200 pairs, no two the same, and 40 to see what it gives."""
    rows = [row | {"text_a": f"{row['text_a']} {i}"} for i, row in enumerate(own_rows(240))]
    write_rows(tmp_path / "mine.jsonl", rows[:200])
    write_rows(tmp_path / "mine.dev.jsonl", rows[200:])
    return tmp_path


def test_the_recipe_for_own_data_trains_an_aligner_that_scores(own, tiny_aligner, capsys):
    argv = ["train", "own-data", "--data", own, "--encoder", tiny_aligner]
    out = run(capsys, *argv, "--output", own / "model", "--seed", 5)
    measures, saved = out.splitlines()
    assert measures.startswith("mine.dev: rows 40, bin_accuracy ")
    assert saved == f"saved to {own / 'model'}"
    [record] = json.loads((own / "model" / "training.json").read_text())["runs"]
    assert record["seed"] == 5
    assert record["encoder"] == tiny_aligner.name
    assert record["sets"][0]["pairs"] == 200
    assert f"bin_auc {record['dev']['mine.dev']['measures']['bin_auc']:.4g}" in measures
    metric = AlignScore(own / "model", progress=False)
    sources = ["The bridge was closed on Monday."] * 2
    right, wrong = metric.score(sources, ["The bridge was closed.", "The bridge was sold."])
    assert 0 <= wrong < right <= 1
    assert "holds a finished aligner" in refusal(capsys, *argv, "--output", own / "model")


def test_prepared_data_are_used_again(own, tiny_aligner, capsys):
    argv = ["train", RECIPES / "own-data.yaml", "--data", own, "--encoder", tiny_aligner]
    argv += ["--prepared", own / "prepared"]
    first = run(capsys, *argv, "--output", own / "one")
    (own / "mine.jsonl").unlink()
    second = run(capsys, *argv, "--output", own / "two")
    assert first.splitlines()[0] == second.splitlines()[0]
    other = refusal(capsys, *argv, "--output", own / "three", "--seed", 9)
    assert "data of another recipe or tokenizer" in other


def test_an_encoder_that_is_not_here(own, capsys):
    argv = ["train", RECIPES / "own-data.yaml", "--data", own, "--output", own / "model"]
    assert "--encoder" in refusal(capsys, *argv, "--encoder", own / "absent")


def test_a_data_file_that_is_not_here(tmp_path, tiny_aligner, capsys):
    argv = ["train", RECIPES / "own-data.yaml", "--data", tmp_path, "--output", tmp_path / "model"]
    message = refusal(capsys, *argv, "--encoder", tiny_aligner)
    assert "mine.dev.jsonl; check `data` in the recipe" in message


@pytest.mark.parametrize(
    ("recipe", "message"),
    [
        (None, "cannot read the recipe"),
        ("- a list\n", "is not a recipe"),
        ("encoder: e\nname: n\n", "names no data"),
        ("encoder: e\nname: n\nepoch: 3\n", "unknown key(s) epoch; known: encoder, name"),
    ],
)
def test_train_with_a_bad_recipe(tmp_path, capsys, recipe, message):
    path = tmp_path / "recipe.yaml"
    if recipe is not None:
        path.write_text(recipe)
    argv = ["train", path, "--data", tmp_path, "--output", tmp_path / "out"]
    found = refusal(capsys, *argv)
    assert str(path) in found
    assert message in found
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("name", ["own_data", "own-data.yml", "", "recipes/mini"])
def test_a_recipe_of_no_such_name_lists_those_of_the_package(tmp_path, capsys, name):
    found = refusal(capsys, "train", name, "--data", tmp_path, "--output", tmp_path / "out")
    assert found.startswith(f"alignscore: cannot read the recipe {name}: ")
    assert "align-base, align-large, alignscore-base, " in found


def test_recipes_of_the_package_are_found_by_name_but_for_a_file(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for file in RECIPES.glob("*.yaml"):
        assert read_recipe(recipe_file(file.stem)) == read_recipe(file)
    Path("mini").mkdir()  # as --output of a run may be called
    assert recipe_file("mini") == RECIPES / "mini.yaml"
    Path("own-data").write_text("encoder: e\n")
    assert recipe_file("own-data") == Path("own-data")


# --------------------------------------------------------------------------- synthesise

NAMES = ["Helen Ortiz", "Amira Khan", "Paul Weber", "Laura Chen", "David Novak"]
CITIES = ["Leeds", "Geneva", "Oslo", "Madrid", "Boston"]


def documents(count: int) -> list[dict]:
    return [
        {
            "text": f"The council of {CITIES[i % 5]} closed the old bridge on Monday after "
            f"engineers found {14 + i} cracks. Mayor {NAMES[i % 5]} said that the repairs would "
            f"cost a lot and take until March. Drivers were told to use the northern road, which "
            f"was opened in {1950 + i}. About {650 + i} people crossed it on Saturday.",
            "gist": f"{NAMES[i % 5]} said the repairs would take until March.",
        }
        for i in range(count)
    ]


def test_synthesise_writes_pairs_that_can_be_trained_on(tmp_path, capsys):
    write_rows(tmp_path / "news.jsonl", documents(20))
    argv = ["synthesise", tmp_path / "news.jsonl", "--pairs", 300, "--words", 20, 60]
    out = run(capsys, *argv, "-o", tmp_path / "pairs.jsonl", "--leaks")
    first, *table = out.splitlines()
    assert first == f"300 pairs written to {tmp_path / 'pairs.jsonl'}"
    assert table[0].split()[:4] == ["dataset", "kind", "examples", "claim"]
    assert table[1].split()[:3] == ["news", "(all)", "300"]
    pairs = read_examples(tmp_path / "pairs.jsonl", "pairs")
    assert len(pairs) == 300
    assert 0.35 < sum(pair.label for pair in pairs) / 300 < 0.65
    rows = [json.loads(line) for line in (tmp_path / "pairs.jsonl").open()]
    assert {row["dataset"] for row in rows} == {"news"}
    assert not any(row["kind"].startswith("summary:") for row in rows)
    assert max(len(pair.text_a.split()) for pair in pairs) <= 75  # whole sentences
    run(capsys, *argv, "-o", tmp_path / "again.jsonl")
    assert (tmp_path / "again.jsonl").read_bytes() == (tmp_path / "pairs.jsonl").read_bytes()
    run(capsys, *argv, "-o", tmp_path / "other.jsonl", "--seed", 1)
    assert (tmp_path / "other.jsonl").read_bytes() != (tmp_path / "pairs.jsonl").read_bytes()


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_synthesise_reads_every_kind_of_table(tmp_path, capsys, kind):
    rows = documents(6)
    write_rows(tmp_path / "d.jsonl", rows)
    if kind == "csv":
        with (tmp_path / "d.csv").open("w", newline="", encoding="utf-8") as stream:
            writer = csv.DictWriter(stream, list(rows[0]))
            writer.writeheader()
            writer.writerows(rows)
    else:
        pq.write_table(pa.Table.from_pylist(rows), tmp_path / "d.parquet")
    for name in ("d.jsonl", f"d.{kind}"):
        run(capsys, "synthesise", tmp_path / name, "-o", tmp_path / f"{name}.out", "--pairs", 50)
    expected = (tmp_path / "d.jsonl.out").read_bytes()
    assert (tmp_path / f"d.{kind}.out").read_bytes() == expected


def test_synthesise_makes_claims_of_summaries(tmp_path, capsys):
    write_rows(tmp_path / "news.jsonl", [*documents(12), {"text": documents(13)[12]["text"]}])
    argv = ["synthesise", tmp_path / "news.jsonl", "-o", tmp_path / "pairs.jsonl", "--pairs", 400]
    run(capsys, *argv, "--source-column", "text", "--summary-column", "gist")
    kinds = {json.loads(line)["kind"] for line in (tmp_path / "pairs.jsonl").open()}
    assert any(kind.startswith("summary:") for kind in kinds)


def test_synthesise_takes_a_list_of_passages_for_one_text(tmp_path, capsys):
    parts = [row["text"].partition(" Drivers") for row in documents(6)]
    rows = [(before, drivers.strip() + after) for before, drivers, after in parts]
    write_rows(tmp_path / "a.jsonl", [{"source": "\n\n".join(passages)} for passages in rows])
    write_rows(tmp_path / "b.jsonl", [{"source": passages} for passages in rows])
    for name in ("a", "b"):
        argv = ["synthesise", tmp_path / f"{name}.jsonl", "-o", tmp_path / f"{name}.out"]
        run(capsys, *argv, "--pairs", 60)
    one, two = (read_examples(tmp_path / f"{name}.out", "x") for name in ("a", "b"))
    assert one == two


@pytest.mark.parametrize(
    ("rows", "options", "message"),
    [
        ([{"body": "a"}], [], "no source column; its columns: body"),
        ([{"text": "a"}], ["--summary-column", "gist"], "no column 'gist'"),
        ([{"text": 7}], [], "line 1: 'text' is no text: 7"),
        ([{"text": "One sentence."}, {"text": None}], [], "no document has three sentences"),
        ([{"text": "a"}], ["--pairs", 0], "--pairs >= 1"),
        ([{"text": "a"}], ["--words", 50, 20], "1 <= LEAST <= MOST"),
    ],
)
def test_synthesise_of_what_cannot_be(tmp_path, capsys, rows, options, message):
    write_rows(tmp_path / "news.jsonl", rows)
    argv = ["synthesise", tmp_path / "news.jsonl", "-o", tmp_path / "pairs.jsonl", *options]
    assert message in refusal(capsys, *argv)
    assert [path.name for path in tmp_path.iterdir()] == ["news.jsonl"]


def test_synthesise_into_a_folder_that_is_not_there(tmp_path, capsys):
    write_rows(tmp_path / "news.jsonl", documents(3))
    output = tmp_path / "absent" / "pairs.jsonl"
    message = refusal(capsys, "synthesise", tmp_path / "news.jsonl", "-o", output, "--pairs", 9)
    assert f"cannot write {output}: No such file" in message


# --------------------------------------------------------------------------- probe


@pytest.fixture
def plan(tmp_path, tiny_aligner) -> Path:
    for name, thing in (("one", "closed"), ("two", "sold")):
        for ending, count in (("", 40), (".dev", 20)):
            rows = [row | {"label": int(thing in row["text_b"])} for row in own_rows(count)]
            write_rows(tmp_path / f"{name}{ending}.jsonl", rows)
    values = {
        "encoder": str(tiny_aligner),
        "precision": "fp32",
        "profile": {"head": "bin", "supported": 1, "max_length": 64},
        "max_steps": 2,
        "tasks": [
            {"name": name, "train": f"{name}.jsonl", "dev": f"{name}.dev.jsonl", "head": "bin"}
            for name in ("one", "two")
        ],
        "regularisers": {"plain": None, "r3f": {"name": "r3f"}},
        "seeds": [0, 1],
        "rounds": 1,
    }
    (tmp_path / "plan.yaml").write_text(yaml.safe_dump(values))
    return tmp_path / "plan.yaml"


def test_probe_writes_table_figures_and_rows(plan, tmp_path, capsys):
    argv = ["probe", plan, "--data", tmp_path, "--output", tmp_path / "new" / "probes"]
    out = run(capsys, *argv)
    folder = tmp_path / "new" / "probes"
    assert {path.name for path in folder.iterdir()} == {"probes.json", "probes.txt", "probes.png"}
    assert (folder / "probes.txt").read_text(encoding="utf-8") == out
    assert "plain" in out
    assert "r3f" in out
    assert (folder / "probes.png").read_bytes().startswith(b"\x89PNG")
    before = (folder / "probes.json").read_bytes()
    for name in ("probes.txt", "probes.png"):
        (folder / name).unlink()
    assert run(capsys, *argv) == out  # goes on where it was: all has been measured
    assert (folder / "probes.json").read_bytes() == before


def test_probe_with_a_bad_plan(tmp_path, capsys):
    argv = ["probe", tmp_path / "absent.yaml", "--data", tmp_path, "--output", tmp_path / "out"]
    assert "absent.yaml" in refusal(capsys, *argv)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("command", ["train", "synthesise", "probe"])
def test_help_shows_an_example(command, capsys):
    with pytest.raises(SystemExit) as caught:
        main([command, "--help"])
    assert caught.value.code == 0
    out = " ".join(capsys.readouterr().out.split())
    assert f"usage: alignscore {command}" in out
    assert f"Example: alignscore {command} " in out
