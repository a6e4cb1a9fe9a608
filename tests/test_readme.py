"""The README's claims, run: its Python, its commands, its links."""

import json
import re
import shlex
import subprocess
from pathlib import Path

import front_page
import pytest

from alignscore_metric.commands.main import main

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
PAGES = sorted(page.stem for page in (ROOT / "docs").glob("*.md"))


def blocks(language: str, text: str = README) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", text, flags=re.DOTALL)


def test_the_python_runs_as_one_session(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    session: dict[str, object] = {}
    for block in blocks("python"):
        exec(block, session)  # noqa: S102 - the README is ours
    printed = capsys.readouterr().out
    good, bad = session["scores"]
    assert good > bad
    assert "alignscore|model:mini|" in printed
    assert re.search(
        r"^AlignScore \(mini\) 0\.\d+, 2 pairs$", printed, re.MULTILINE
    )  # of one source


def commands(text: str = README, *, leaderboard: bool = False) -> list[str]:
    lines = "\n".join(blocks("sh", text)).splitlines()
    found = [line for line in lines if line.startswith("alignscore ")]
    return [line for line in found if line.startswith("alignscore leaderboard") == leaderboard]


@pytest.mark.parametrize("command", commands())
def test_the_commands_run(
    command: str, few_examples: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(shlex.split(command)[1:]) == 0
    assert "alignscore|model:mini|" in "".join(capsys.readouterr())
    for written in few_examples.glob("*.jsonl"):
        rows = [json.loads(line) for line in written.read_text().splitlines()]
        assert len(rows) == 6
        assert all(0 <= row["alignscore"] <= 1 for row in rows)
        if "--evidence" in command:
            assert all(row["alignscore_evidence"][0]["chunk"] for row in rows)


def test_there_are_commands_to_run() -> None:
    assert len(commands()) >= 3


def test_the_table_is_what_the_boards_say(capsys: pytest.CaptureFixture[str]) -> None:
    assert front_page.main(["--check"]) == 0, "python tools/front_page.py writes it anew"
    for name, key in (("`mini`", "mini,precision=bf16"), ("ROUGE-2 precision", "rouge2_precision")):
        (row,) = re.findall(rf"^\| {name}, measured here \|.*$", README, flags=re.MULTILINE)
        shown = [float(number) for number in re.findall(r"\d\d\.\d(?!M)", row)]
        boards = front_page.read_boards().values()
        found = [next(r["mean"] for r in b["rows"] if r["metric"] == key) for b in boards]
        measured = [100 * mean[part] for mean in found for part in ("value", "low", "high")]
        assert shown == pytest.approx(measured, abs=0.0501)


def test_the_speeds_are_those_of_the_page() -> None:
    page = (ROOT / "docs" / "performance.md").read_text(encoding="utf-8")
    mini, fp32, bf16 = (
        float(re.search(rf"^\| {name} \| [\d., ]+ \| ([\d.]+) ", page, re.MULTILINE)[1])
        for name in ("mini, bf16", "base, fp32", "base, bf16")
    )
    growth = page.partition("<!-- engine-growth -->")[2].partition("<!-- end")[0]
    pair = [float(ms) for ms in re.findall(r"^\| [\d,]+ \| ([\d.]+) ", growth, re.MULTILINE)]
    text = " ".join(README.split())
    assert f"about {sum(pair) / len(pair):.0f} ms a (chunk, sentence) pair in bf16" in text
    assert f"{round(mini, -1):.0f} times less time than the reference's algorithm" in text
    assert f"{fp32:.0f} times faster in fp32 and {bf16:.0f} times in bf16" in text


@pytest.mark.parametrize("page", ["README.md", "docs/leaderboards.md"])
@pytest.mark.slow
def test_the_leaderboard_commands_run(
    page: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    write_judgments(tmp_path / "DIR")
    (tmp_path / "my_module.py").write_text(
        "def my_function(a, b):\n    return [-len(x) for x in b]\n"
    )
    (tmp_path / "scores.csv").write_text(
        "id,score\n" + "".join(f"test-{n},{n}\n" for n in range(8))
    )
    text = (ROOT / page).read_text(encoding="utf-8")
    for command in commands(text, leaderboard=True):
        data = " --data DIR" if " submit " in command else ""
        assert main(shlex.split(command + data, comments=True)[1:]) == 0, command
        if command.startswith("alignscore leaderboard show"):
            printed = capsys.readouterr().out
            assert re.search(r"^rouge2 +[\d.]+", printed, flags=re.MULTILINE), printed
    for block in blocks("python", text) if page != "README.md" else []:
        exec(block, {})  # noqa: S102 - the page is ours
        assert re.search(r"^length +[\d.]+", capsys.readouterr().out, flags=re.MULTILINE)


def write_judgments(folder: Path) -> None:
    """Eight judged rows a split of two datasets, in the uniform format."""
    folder.mkdir()
    lines = (ROOT / "examples/examples.jsonl").read_text(encoding="utf-8").splitlines()
    for dataset in ("frank", "factcc"):
        with (folder / f"{dataset}.jsonl").open("w", encoding="utf-8") as file:
            for split in ("val", "test"):
                for number, line in enumerate(lines[:8]):
                    row = json.loads(line)
                    judged = {"id": f"{split}-{number}", "split": split, "label": number % 2}
                    texts = {"source": row["source"], "summary": row["summary"]}
                    judged |= dict.fromkeys(("human_score", "system", "origin"))
                    file.write(json.dumps({"dataset": dataset} | judged | texts) + "\n")


@pytest.mark.parametrize("target", ["demo", "test"])
def test_the_two_commands_are_make_targets(target: str) -> None:
    assert f"make {target}" in README
    planned = subprocess.run(
        ["make", "--dry-run", "--always-make", target],  # noqa: S607 - the user's make
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    expected = {"demo": "alignscore score examples/examples.jsonl --evidence", "test": "pytest"}
    assert expected[target] in planned


@pytest.mark.parametrize(
    "page",
    ["README.md", *(f"docs/{name}.md" for name in PAGES), "examples/README.md"],
)
def test_links_and_named_files_exist(page: str) -> None:
    text = (ROOT / page).read_text(encoding="utf-8")
    pictures = re.findall(r'src(?:set)?="(?!https?:)([^"]+)"', text)
    for link in [*pictures, *re.findall(r"\]\((?!https?:)([^)#]+)\)", text)]:
        assert (ROOT / page).parent.joinpath(link).exists(), link
    if page == "docs/architecture.md":
        for name in re.findall(r"`([\w/]+\.py)`", text):
            package = ROOT / "alignscore_metric"
            parts = ("", "training", "server", "report", "integrations")
            homes = [
                *(package / part for part in parts),
                ROOT / "leaderboards",
                ROOT,
                ROOT / "docs",
            ]
            assert any((home / name).exists() for home in homes), name


@pytest.mark.slow
def test_training_on_own_pairs_by_the_pages_words(
    few_examples: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A few pairs train, save, load and score."""
    page = (ROOT / "docs" / "training.md").read_text(encoding="utf-8")
    lines = "\n".join(blocks("text", page)).splitlines()
    train = next(line for line in lines if line.startswith("alignscore train own-data "))
    score = next(line for line in lines if line.endswith("--model my-aligner"))
    (few_examples / "DIR").mkdir()
    documents = str(ROOT / "examples" / "examples.jsonl")
    for name, pairs in (("mine", "24"), ("mine.dev", "12")):
        made = ["synthesise", documents, "-o", f"DIR/{name}.jsonl", "--pairs", pairs]
        assert main(made) == 0
    assert main(shlex.split(train)[1:]) == 0
    assert "mine.dev: rows 12" in capsys.readouterr().out
    assert main(shlex.split(score)[1:]) == 0
    assert "alignscore|model:my-aligner|" in capsys.readouterr().out
