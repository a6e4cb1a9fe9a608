"""CONTRIBUTING.md's worked examples, followed in a copy of what a contributor would change."""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
FOLDER = ROOT / "docs" / "contributing"


def blocks(page: str, language: str) -> list[str]:
    text = (FOLDER / f"{page}.md").read_text(encoding="utf-8")
    return re.findall(rf"```{language}\n(.*?)```", text, flags=re.DOTALL)


def commands(page: str) -> list[list[str]]:
    return [shlex.split(line) for block in blocks(page, "text") for line in block.splitlines()]


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """A working copy without the weights: the package, the cards, the tools."""
    pytest.importorskip("pydantic", reason="needs the extra `leaderboards`")
    pytest.importorskip("pyarrow", reason="needs the extra `leaderboards`")
    without = shutil.ignore_patterns("models", "__pycache__")
    shutil.copytree(ROOT / "alignscore_metric", tmp_path / "alignscore_metric", symlinks=True,
                    ignore=without)  # fmt: skip
    for name in ("data_cards", "tools"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=without)
    (tmp_path / "leaderboards").symlink_to(ROOT / "leaderboards")
    (tmp_path / "docs" / "data_cards").mkdir(parents=True)
    return tmp_path


def run(command: list[str], folder: Path) -> str:
    program = {"alignscore": ["-m", "alignscore_metric"], "python": []}[command[0]]
    done = subprocess.run(
        [sys.executable, *program, *command[1:]],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(folder)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def row_of(metric: str, board: str) -> float:
    return float(re.search(rf"^{metric} +([\d.]+)", board, flags=re.MULTILINE)[1])


@pytest.mark.slow
def test_a_dataset(clone, monkeypatch):
    monkeypatch.chdir(clone)
    (code,), (card,) = blocks("dataset", "python"), blocks("dataset", "yaml")
    exec(code, {})  # noqa: S102 - the page is ours
    (clone / "data_cards" / "evaluation" / "bridges.yaml").write_text(card)
    (here, ran, shown, page) = commands("dataset")
    assert re.search(r"^here +bridges ", run(here, clone), flags=re.MULTILINE)
    run(ran, clone)
    assert (
        row_of("overlap", run(shown, clone)) == 100.0
    )  # each word of the consistent ones is there
    run(page, clone)
    assert "# Bridges" in (clone / "docs" / "data_cards" / "bridges.md").read_text()


@pytest.mark.slow
def test_a_metric(clone, monkeypatch, capsys):
    monkeypatch.chdir(clone)
    function, use = blocks("metric", "python")
    (clone / "numbers_found.py").write_text(function)
    (clone / "DIR").mkdir()
    with (clone / "DIR" / "frank.jsonl").open("w") as file:
        for number in range(8):
            said = f"It took {number if number % 2 else number + 50} days."
            row = {"id": f"{number}", "dataset": "frank", "split": "test", "label": number % 2}
            row |= {"human_score": number % 2, "system": "a", "origin": "xsum"}
            row |= {"source": f"The work of bridge {number} took days.", "summary": said}
            file.write(json.dumps(row) + "\n")
    ran, shown = commands("metric")
    run(ran, clone)
    assert row_of("numbers_found:numbers_found", run(shown, clone)) == 100.0
    session: dict = {}
    exec(function, session)  # noqa: S102
    exec(use, session)  # noqa: S102
    assert capsys.readouterr().out.splitlines()[0].startswith("numbers_found [0.5] ")


def test_a_profile(tmp_path, monkeypatch, capsys):
    from alignscore_metric import AlignScore
    from alignscore_metric.checkpoint.profile import PROFILES
    from alignscore_metric.commands.main import main

    monkeypatch.chdir(tmp_path)
    monkeypatch.delitem(PROFILES, "my-checker", raising=False)
    session: dict = {}
    for block in blocks("profile", "python"):
        exec(block, session)  # noqa: S102 - the page is ours; it asserts what it says
    assert "|model:my-checker|" in capsys.readouterr().out
    ((program, *arguments),) = commands("profile")
    assert (program, main(arguments)) == ("alignscore", 0)
    reread = AlignScore("my-checker-converted", progress=False)
    given = [session["source"]] * 2, session["claims"]
    assert reread.score(*given) == session["metric"].score(*given)


def test_a_regulariser(monkeypatch):
    from alignscore_metric.training.regularisers import REGULARISERS, build_regulariser

    yaml = pytest.importorskip("yaml", reason="needs the extra `train`")
    monkeypatch.delitem(REGULARISERS, "rdrop", raising=False)
    session: dict = {"__name__": __name__}
    for block in blocks("regulariser", "python"):
        exec(block, session)  # noqa: S102 - the page is ours; it asserts what it says
    (recipe,) = blocks("regulariser", "yaml")
    built = build_regulariser(yaml.safe_load(recipe)["regulariser"])
    assert (type(built), built.weight) == (session["RDrop"], 0.5)
    monkeypatch.undo()
    REGULARISERS.pop("rdrop", None)


def test_every_page_is_named_and_followed():
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    pages = {path.stem for path in FOLDER.glob("*.md")}
    assert pages == set(re.findall(r"\]\(docs/contributing/(\w+)\.md\)", text))
    assert pages == {"dataset", "metric", "profile", "regulariser", "scores"}
    for link in re.findall(r"\]\((?!https?:)([^)#]+)\)", text):
        assert (ROOT / link).exists(), link
