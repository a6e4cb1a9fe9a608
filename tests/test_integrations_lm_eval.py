"""The harness' own evaluator, on the task of docs/integrations.md with a made-up model."""

import json
import math
import re
from pathlib import Path

import pytest

from alignscore_metric import AlignScore, ConfigurationError, InputError
from alignscore_metric.integrations.lm_eval import alignscore_results

ROOT = Path(__file__).resolve().parents[1]
PAGE = (ROOT / "docs" / "integrations.md").read_text(encoding="utf-8")
SECTION = PAGE.split("\n## LM evaluation harness")[1].split("\n## ")[0]
ANSWERS = {
    "The bridge was closed on Monday.": "The bridge was closed. It rained.",
    "Snow fell. It melted.": "Snow fell on Friday.",
    "It rained all day.": " ",
}


@pytest.fixture(scope="module")
def metric(tiny_aligner) -> AlignScore:
    return AlignScore(tiny_aligner, progress=False)


def test_the_harness_computes_the_same(metric, tiny_aligner, tmp_path, monkeypatch):
    lm_eval = pytest.importorskip("lm_eval", reason="needs the extra `lm-eval`")
    from lm_eval.api.model import LM
    from lm_eval.tasks import TaskManager

    class MadeUp(LM):
        def generate_until(self, requests):
            prompts = [request.args[0] for request in requests]
            return [next(a for d, a in ANSWERS.items() if d in prompt) for prompt in prompts]

        def loglikelihood(self, requests):
            raise NotImplementedError

        loglikelihood_rolling = loglikelihood

    (utils,) = re.findall(r"```python\n(.*?)```", SECTION, flags=re.DOTALL)
    (task,) = re.findall(r"```yaml\n(.*?)```", SECTION, flags=re.DOTALL)
    model = f"model={str(tiny_aligner)!r}, progress=False"
    (tmp_path / "utils.py").write_text(utils.replace('"document")', f'"document", {model})'))
    (tmp_path / "task.yaml").write_text(task)
    rows = "".join(json.dumps({"document": document}) + "\n" for document in ANSWERS)
    (tmp_path / "summaries.jsonl").write_text(rows)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HF_DATASETS_CACHE", str(tmp_path / "cache"))
    done = lm_eval.simple_evaluate(
        MadeUp(),
        tasks=["supported_summaries"],
        task_manager=TaskManager(include_path=str(tmp_path), include_defaults=False),
        bootstrap_iters=0,
    )
    expected = metric.score(list(ANSWERS), list(ANSWERS.values()))
    samples = done["samples"]["supported_summaries"]
    assert [s["doc"]["document"] for s in samples] == list(ANSWERS)
    found = [sample["alignscore"] for sample in samples]
    assert found == pytest.approx(expected, abs=1e-6, nan_ok=True)
    assert math.isnan(expected[2])
    results = done["results"]["supported_summaries"]
    assert results["alignscore,none"] == pytest.approx(sum(expected[:2]) / 2, abs=1e-6)


def test_passages_and_bad_documents(metric, tiny_aligner):
    process_results = alignscore_results("document", model=tiny_aligner, progress=False)
    passages = ["Snow fell.", "It melted."]
    found = process_results({"document": passages}, ["It melted."])
    assert found == {"alignscore": metric.score([passages], ["It melted."])[0]}
    with pytest.raises(ConfigurationError, match="no field 'document'; they have: text, id"):
        process_results({"text": "It rained.", "id": 1}, ["It rained."])
    with pytest.raises(InputError, match="the source is int"):
        process_results({"document": 3}, ["It rained."])
