"""The page docs/integrations.md, run: its Python, section by section."""

import re
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest

PAGE = Path(__file__).resolve().parents[1] / "docs" / "integrations.md"
START, *SECTIONS = PAGE.read_text(encoding="utf-8").split("\n## ")
INTERFACES = PAGE.parents[1] / "alignscore_metric" / "integrations"


def blocks(text: str, language: str = "python") -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", text, flags=re.DOTALL)


@pytest.fixture(scope="module")
def session() -> Iterator[dict[str, object]]:
    found: dict[str, object] = {}
    for block in blocks(START):
        exec(block, found)  # noqa: S102 - the page is ours
    yield found
    if "ray" in found:
        found["ray"].shutdown()


@pytest.mark.parametrize("section", SECTIONS, ids=[s.splitlines()[0] for s in SECTIONS])
def test_the_python_runs(section, session, capsys, tmp_path, monkeypatch):
    (module,) = re.findall(r"from alignscore_metric\.(?:integrations|files)\.(\w+) import", section)
    if find_spec(module) is None:
        (extra,) = re.findall(r"^Extra `([\w-]+)`", section, flags=re.MULTILINE)
        pytest.skip(f"needs the extra `{extra}`")
    monkeypatch.chdir(tmp_path)  # DeepEval writes into the working folder
    (block,) = blocks(section)
    exec(block, session)  # noqa: S102 - the page is ours
    assert ("print(" in block) == bool(capsys.readouterr().out)


def test_every_interface_has_a_section():
    files = {path.stem for path in INTERFACES.glob("*.py")}
    found = set(re.findall(r"alignscore_metric\.integrations\.(\w+) import", "".join(SECTIONS)))
    assert found == files - {"__init__", "evaluate_api", "feedback"}
