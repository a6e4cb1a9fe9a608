"""What the project says of itself in several places: steps, targets, versions, licences agree."""

import re
import shlex
import subprocess
from configparser import ConfigParser
from pathlib import Path

import pytest
import yaml

from alignscore_metric import __version__

ROOT = Path(__file__).resolve().parents[1]
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
SETUP = ConfigParser()
SETUP.read(ROOT / "setup.cfg", encoding="utf-8")


def test_the_version_stands_in_one_place():
    assert SETUP["metadata"]["version"] == "attr: alignscore_metric.version.__version__"
    assert "version" not in yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    code = (ROOT / "alignscore_metric" / "version.py").read_text(encoding="utf-8")
    found: dict[str, str] = {}
    exec(code, found)  # noqa: S102 - as the release workflow reads it
    assert found["__version__"] == __version__


def commands_of(workflow: Path) -> list[list[str]]:
    """The lines that a workflow runs, as words."""
    jobs = yaml.safe_load(workflow.read_text(encoding="utf-8"))["jobs"].values()
    runs = [step["run"] for job in jobs for step in job["steps"] if "run" in step]
    return [shlex.split(line) for run in runs for line in run.splitlines()]


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda path: path.stem)
def test_workflows_call_steps_that_there_are(workflow):
    script = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    steps = set(re.findall(r"^ +(\w+)\) ?", script, flags=re.MULTILINE))
    called = [words[1:] for words in commands_of(workflow) if words[0] == ".ci/run"]
    assert called
    assert {step for words in called for step in words} <= steps


def test_ci_runs_all_steps_on_all_pythons_of_the_metadata():
    (ci,) = [path for path in WORKFLOWS if path.stem == "ci"]
    called = {step for words in commands_of(ci) if words[0] == ".ci/run" for step in words[1:]}
    default = re.search(r"\$\{\*:-([\w ]+)\}", (ROOT / ".ci" / "run").read_text(encoding="utf-8"))
    assert called == set(default[1].split())
    job = yaml.safe_load(ci.read_text(encoding="utf-8"))["jobs"]["tests"]
    classifiers = re.findall(r"Python :: (3\.\d+)", SETUP["metadata"]["classifiers"])
    assert job["strategy"]["matrix"]["python"] == classifiers
    assert SETUP["options"]["python_requires"] == f">={classifiers[0]}"


def test_an_unknown_step_is_refused_and_no_environment_is_removed(tmp_path):
    (tmp_path / ".ci").mkdir()
    (tmp_path / ".ci" / "run").write_bytes((ROOT / ".ci" / "run").read_bytes())
    (tmp_path / ".venv").mkdir()
    done = subprocess.run(
        ["bash", tmp_path / ".ci" / "run", "chek"],  # noqa: S607
        capture_output=True,
        text=True,
    )
    assert (done.returncode, "no step 'chek'" in done.stderr) == (2, True)
    assert (tmp_path / ".venv").is_dir()


def test_pre_commit_runs_what_the_environments_have():
    hooks = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8"))
    programs = {shlex.split(h["entry"])[0] for repo in hooks["repos"] for h in repo["hooks"]}
    assert {"ruff", "mypy", "end-of-file-fixer"} <= {Path(program).name for program in programs}
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    development = SETUP["options.extras_require"]["dev"]
    packages = {
        "end-of-file-fixer": "pre-commit-hooks",
        "trailing-whitespace-fixer": "pre-commit-hooks",
    }
    for program in programs:
        package = packages.get(Path(program).name, Path(program).name)
        if program.startswith(".venv/"):
            assert re.search(rf"^{package}>=", development, flags=re.MULTILINE)
        else:
            assert program.startswith(".venv-release/bin/")
            assert re.search(rf"\b{package}\b", makefile)


def test_what_the_package_reads_is_in_the_wheel():
    """All files but modules, which setuptools finds, and results, which nothing reads."""
    package = ROOT / "alignscore_metric"
    results = package / "leaderboards" / "results"
    folders = [package, *(path for path in package.rglob("*") if path.is_dir())]
    folders += [path for link in folders if link.is_symlink() for path in link.rglob("*/")]
    files = {
        path
        for folder in folders
        if folder.name != "__pycache__" and not folder.is_relative_to(results)
        for path in folder.iterdir()
        if path.is_file()
        and not path.name.endswith(".stats.json")
        and not (path.suffix == ".py" and (folder / "__init__.py").exists())
    }
    patterns = SETUP["options.package_data"]["alignscore_metric"].split()
    packed = {path for pattern in patterns for path in package.glob(pattern)}
    assert files - packed == set()
    assert {path.suffix for path in files} >= {".json", ".jsonl", ".safetensors", ".yaml", ".py"}


def test_the_licences_of_the_weights_are_in_the_wheel():
    files = SETUP["metadata"]["license_files"].split()
    assert {"LICENSE", "MODEL_LICENSES.md"} == set(files)
    assert all((ROOT / file).is_file() for file in files)
