"""The interface in the manner of `evaluate`, ours and the library's own, against `AlignScore`."""

import json
import math
import os
import subprocess
import sys
from importlib.util import find_spec

import pandas as pd
import pytest

import alignscore_metric
from alignscore_metric import AlignScore, ConfigurationError, InputError
from alignscore_metric.integrations.evaluate_api import MODULE_PATH

PREDICTIONS = ["The bridge was closed. It rained.", "", "Snow fell on Friday."]
REFERENCES = ["The bridge was closed on Monday.", "Anything.", "Snow fell on Tuesday. It melted."]
PASSAGES = [["The bridge was closed.", "It rained."], ["Anything."], ["Snow fell.", "It melted."]]


@pytest.fixture(scope="module")
def metric(tiny_aligner) -> AlignScore:
    return AlignScore(tiny_aligner, progress=False)


@pytest.fixture
def module(tiny_aligner):
    return alignscore_metric.load("alignscore", model=tiny_aligner, progress=False)


@pytest.mark.parametrize("references", [REFERENCES, PASSAGES], ids=["texts", "passages"])
def test_compute_equals_the_metric(module, metric, references):
    found = module.compute(predictions=PREDICTIONS, references=references)
    assert found["scores"] == pytest.approx(metric.score(references, PREDICTIONS), nan_ok=True)
    defined = [s for s in found["scores"] if not math.isnan(s)]
    assert len(defined) == 2
    assert found["alignscore"] == pytest.approx(sum(defined) / 2)
    assert found["undefined"] == 1
    assert found["signature"] == metric.signature
    json.dumps(found)  # plain numbers


def test_collected_pairs_come_in_order_before_those_given_and_are_forgotten(module, metric):
    module.add(prediction=PREDICTIONS[0], reference=REFERENCES[0])
    module.add_batch(predictions=PREDICTIONS[1:2], references=REFERENCES[1:2])
    found = module.compute(predictions=PREDICTIONS[2:], references=REFERENCES[2:])
    expected = metric.score(REFERENCES, PREDICTIONS)
    assert expected[0] != expected[2]
    assert found["scores"] == pytest.approx(expected, nan_ok=True)
    again = module.compute()
    assert again["scores"] == []
    assert math.isnan(again["alignscore"])
    assert again["undefined"] == 0


@pytest.mark.parametrize(
    ("predictions", "references", "message"),
    [
        (["a", "b"], ["s"], "1 sources but 2 summaries"),
        (["a", None], ["s", "s"], "row 1: the summary is missing"),
        (["a"], [3], "row 0: the source is int"),
        ("ab", ["s", "s"], "summaries is one str"),
    ],
)
def test_bad_batch_collects_nothing(module, predictions, references, message):
    module.add(prediction="It rained.", reference="It rained.")
    with pytest.raises(InputError, match=message):
        module.add_batch(predictions=predictions, references=references)
    with pytest.raises(InputError, match=message):
        module.compute(predictions=predictions, references=references)
    assert len(module.compute()["scores"]) == 1


@pytest.mark.parametrize("given", [{"predictions": ["a"]}, {"references": ["s"]}])
def test_half_of_the_input_is_refused(module, given):
    with pytest.raises(InputError, match="give one source per summary"):
        module.compute(**given)


def test_columns_of_a_data_frame(module, metric):
    frame = pd.DataFrame({"p": PREDICTIONS, "r": REFERENCES})
    found = module.compute(predictions=frame["p"], references=frame["r"])
    assert found["scores"] == pytest.approx(metric.score(REFERENCES, PREDICTIONS), nan_ok=True)


def test_unknown_name():
    with pytest.raises(ConfigurationError, match="unknown metric 'rouge'; known metrics: align"):
        alignscore_metric.load("rouge")


# ------------------------------------------------------------ the library itself

WITH_THE_LIBRARY = """
import json, sys
import evaluate

path, model = sys.argv[1:]
found = []
for case in json.load(sys.stdin):
    module = evaluate.load(path)
    if case["by_batch"]:
        for prediction, reference in zip(case["predictions"], case["references"]):
            module.add_batch(predictions=[prediction], references=[reference])
        found.append(module.compute(model=model, progress=False))
    else:
        given = {key: case[key] for key in ("predictions", "references")}
        found.append(module.compute(**given, model=model, progress=False))
print(json.dumps(found))
"""


@pytest.mark.skipif(find_spec("evaluate") is None, reason="needs the extra `evaluate`")
@pytest.mark.slow
def test_evaluate_library_offline(tmp_path, tiny_aligner, metric):
    cases = [
        {"predictions": PREDICTIONS, "references": references, "by_batch": by_batch}
        for references in (REFERENCES, PASSAGES)
        for by_batch in (False, True)
    ]
    environment = os.environ | {
        "HF_HUB_OFFLINE": "1",
        "HF_HOME": str(tmp_path / "home"),
        "HF_MODULES_CACHE": str(tmp_path / "modules"),
        "HF_EVALUATE_OFFLINE": "1",
        "OMP_NUM_THREADS": "1",
    }
    done = subprocess.run(
        [sys.executable, "-c", WITH_THE_LIBRARY, str(MODULE_PATH), str(tiny_aligner)],
        input=json.dumps(cases),
        capture_output=True,
        text=True,
        env=environment,
        cwd=tmp_path,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    for case, found in zip(cases, json.loads(done.stdout), strict=True):
        expected = metric.evaluate(case["references"], case["predictions"])
        assert found["scores"] == pytest.approx(list(expected.scores), nan_ok=True)
        assert found["alignscore"] == pytest.approx(expected.mean)
        assert found["undefined"] == 1
        assert found["signature"] == metric.signature


WITH_NAMES = """
import json, sys
import evaluate
import alignscore_metric.checkpoint.loading as loading
import alignscore_metric.metric as metric
import alignscore_metric.integrations.evaluate_api as ours

path, tiny = sys.argv[1:]
loaded = []
load_checkpoint = metric.load_checkpoint
metric.load_checkpoint = lambda model, **options: (
    loaded.append(model) or load_checkpoint(model, **options)
)
loading.BUNDLED["tiny"] = loading.Path(tiny)

references = ["It rained.", ["Rain.", "Snow."], "Hail."]
texts = {"predictions": ["It rained."] * 3, "references": references}
named = evaluate.load(path, "tiny")
scores = [named.compute(**texts, progress=False)["scores"] for _ in range(3)]
found = {"loaded": loaded, "scores": scores}

def error(call):
    try:
        return repr(call())
    except Exception as raised:
        return f"{type(raised).__name__}: {raised}"

nan = float("nan")
found["errors"] = [
    error(lambda: named.compute(predictions=["a"], references=[nan])),
    error(lambda: named.compute(predictions=[5], references=["a"])),
    error(lambda: named.add(prediction=None, reference="a")),
    error(lambda: named.add_batch(predictions=["a", "b"], references=["a", ["b", 3]])),
    error(lambda: named.compute(predictions=["a"])),
    error(lambda: named.compute(predictions=["a"], references=["a"], model="mini")),
    error(lambda: evaluate.load(path, tiny)),
    error(lambda: evaluate.load(path, "AlignScore_lareg").compute(**texts)),
]
print(json.dumps(found))
"""


@pytest.mark.skipif(find_spec("evaluate") is None, reason="needs the extra `evaluate`")
@pytest.mark.slow
def test_evaluate_library_takes_the_models_name_once_and_checks_values(
    tmp_path, tiny_aligner, metric
):
    done = subprocess.run(
        [sys.executable, "-c", WITH_NAMES, str(MODULE_PATH), str(tiny_aligner)],
        capture_output=True,
        text=True,
        env=os.environ
        | {
            "HF_HUB_OFFLINE": "1",
            "HF_HOME": str(tmp_path / "home"),
            "HF_MODULES_CACHE": str(tmp_path / "modules"),
            "HF_EVALUATE_OFFLINE": "1",
        },
        cwd=tmp_path,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["loaded"] == ["tiny", "AlignScore_lareg"]
    sources = ["It rained.", ["Rain.", "Snow."], "Hail."]
    expected = metric.score(sources, ["It rained."] * 3)
    for scores in found["scores"]:
        assert scores == pytest.approx(expected)
    messages = [
        "InputError: row 0: the source is missing (nan)",
        "InputError: row 0: the summary is int ('5')",
        "InputError: row 0: the summary is missing (None)",
        "InputError: row 1: passage 1 is int ('3')",
        "InputError: give both: predictions",
        "ConfigurationError: the configuration's model is 'tiny', but compute was given 'mini'",
        f"ConfigurationError: the configuration {str(tiny_aligner)!r} is a path",
        "ConfigurationError: unknown model 'AlignScore_lareg' (did you mean AlignScore-large?)",
    ]
    for error, message in zip(found["errors"], messages, strict=True):
        assert error.startswith(message)
