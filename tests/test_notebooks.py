"""The notebooks of examples/, run from their first cell to their last, and what they wrote."""

import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

pytest.importorskip("nbclient", reason="needs the extra `dev`")
pytest.importorskip("ipykernel", reason="needs the extra `dev`")
pytest.importorskip("matplotlib", reason="needs the extra `plots`")

import nbformat
from nbclient import NotebookClient

FOLDER = Path(__file__).resolve().parents[1] / "examples" / "notebooks"
SECONDS = 600
"""For a cell, on a busy machine."""


def run(name: str, folder: Path) -> list[str]:
    """What a notebook's code cells show, run in a folder of their own; a cell's error is raised."""
    notebook = nbformat.read(FOLDER / f"{name}.ipynb", as_version=4)
    resources = {"metadata": {"path": str(folder)}}
    NotebookClient(notebook, timeout=SECONDS, kernel_name="python3", resources=resources).execute()
    return [shown(cell) for cell in notebook.cells if cell.cell_type == "code"]


def shown(cell: nbformat.NotebookNode) -> str:
    texts = []
    for output in cell.outputs:
        data = output.get("data", {})
        texts += [output.get("text", ""), data.get("text/plain", ""), *sorted(data)]
    return "\n".join(texts)


def test_the_committed_notebooks_have_no_outputs():
    names = sorted(path.stem for path in FOLDER.glob("*.ipynb"))
    assert names == ["compare_three_systems", "score_your_summaries"]
    for name in names:
        cells = nbformat.read(FOLDER / f"{name}.ipynb", as_version=4).cells
        assert not [cell for cell in cells if cell.get("outputs") or cell.get("execution_count")]


@pytest.mark.slow
def test_score_your_summaries(tmp_path):
    outputs = run("score_your_summaries", tmp_path)
    (mean,) = re.findall(r"AlignScore \(mini\) (0\.\d{4}) \(95% interval", outputs[1])
    scores = re.findall(r"-\w+/[\w-]+ +(0\.\d+)|/[\w-]+ +(0\.\d+)", outputs[1])
    values = [float(first or second) for first, second in scores]
    assert len(values) == 9
    assert np.mean(values) == pytest.approx(float(mean), abs=1e-3)
    assert "image/png" in outputs[2]
    assert "</html>" in (tmp_path / "report.html").read_text(encoding="utf-8")
    right, of = map(int, re.findall(r"(\d+) of (\d+) pairs", outputs[-1])[0])
    assert (0 <= right <= of, of) == (True, 6)


@pytest.mark.slow
def test_compare_three_systems(tmp_path):
    outputs = run("compare_three_systems", tmp_path)
    table = (tmp_path / "systems.tex").read_text(encoding="utf-8")
    assert r"\toprule" in table
    for name in ("people", "careless", "lead"):
        rows = pd.read_json(tmp_path / f"{name}.jsonl", lines=True)
        assert len(rows) == 8
        mean = rows["alignscore"].mean()
        row, interval = re.search(rf"^({name} .*)\n(.*)$", table, flags=re.MULTILINE).groups()
        assert float(re.search(r"\d\.\d+", row)[0]) == pytest.approx(mean, abs=1e-3)
        low, high = map(float, re.findall(r"\d\.\d{3}", interval))
        assert low < mean < high
        assert re.search(rf"^{name} +{mean:.3f}", outputs[-1], flags=re.MULTILINE)
