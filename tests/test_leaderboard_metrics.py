"""Metrics under test, against the libraries that they adapt and cases counted by hand."""

import builtins
import json
import math
import shutil
import subprocess
import sys
from types import SimpleNamespace

import numpy as np
import pytest
import sacrebleu
from rouge_score import rouge_scorer
from safetensors.torch import load_file

import alignscore_metric.leaderboards.cards
from alignscore_metric import AlignScore
from alignscore_metric.checkpoint.loading import BUNDLED
from alignscore_metric.errors import (
    AlignScoreError,
    ConfigurationError,
    InputError,
    MissingResourceError,
)
from alignscore_metric.leaderboards.metrics import (
    FunctionMetric,
    entity_overlap,
    make_metric,
    model_licence,
    training_sets,
    word_overlap,
)

SOURCES = [
    "The bridges were closed on Monday after inspectors found running cracks in the steel.",
    "It rained all day in Leeds; it rained in York, too. Nobody was running.",
    "Caf\u00e9s closed on Tuesday.",
    "",
    "A a a b b.",
    "It rained all day.",
]
SUMMARIES = [
    "The bridge was closed by an inspector on Monday, as cracks run.",
    "It rained in York all day.",
    "",
    "Nothing came of it.",
    "a b b b c c",
    "It rained",  # shorter than BLEU's four words
]


# ------------------------------------------------------------ lexical metrics


@pytest.mark.parametrize("kind", ["rouge1", "rouge2", "rougeL"])
@pytest.mark.parametrize("part", ["", "_precision", "_recall"])
def test_rouge_is_the_librarys_with_its_stemmer(kind, part):
    scorer = rouge_scorer.RougeScorer([kind], use_stemmer=True)
    field = part[1:] or "fmeasure"
    expected = [
        getattr(scorer.score(target=source, prediction=summary)[kind], field)
        for source, summary in zip(SOURCES, SUMMARIES, strict=True)
    ]
    assert make_metric(kind + part).score(SOURCES, SUMMARIES) == expected
    unstemmed = rouge_scorer.RougeScorer([kind], use_stemmer=False)
    assert getattr(unstemmed.score(SOURCES[0], SUMMARIES[0])[kind], field) != expected[0]
    assert expected[2] == 0  # of an empty summary


def test_rouge_precision_is_the_summarys():
    precision, recall = (make_metric(f"rouge1_{part}") for part in ("precision", "recall"))
    assert precision.score(["a b c d"], ["a b"]) == [1.0]
    assert recall.score(["a b c d"], ["a b"]) == [0.5]


def test_sentence_scores_are_sacrebleus():
    pairs = list(zip(SOURCES, SUMMARIES, strict=True))
    scorers = {
        "bleu": lambda h, r: sacrebleu.sentence_bleu(h, [r], use_effective_order=True).score,
        "chrf": lambda h, r: sacrebleu.sentence_chrf(h, [r]).score,
        "ter": lambda h, r: -sacrebleu.sentence_ter(h, [r]).score,
    }
    for name, scorer in scorers.items():
        expected = [scorer(summary, source) / 100 for source, summary in pairs]
        assert make_metric(name).score(SOURCES, SUMMARIES) == pytest.approx(expected, abs=1e-12)
        assert len(set(expected)) > 2
    close, far = make_metric("ter").score(["a b c"] * 2, ["a b d", "x y z"])
    assert far < close < 0  # higher is better


@pytest.mark.parametrize(
    ("source", "summary", "expected"),
    [
        ("The dog barked.", "the DOG barked", 1.0),
        ("The dog barked.", "A dog, a dog, a cat.", 1 / 2),  # distinct words; `a` says nothing
        ("Snow fell in 1999.", "Snow fell in 1998.", 2 / 3),
        ("They don't know.", "They don't.", 1.0),
        ("They know.", "They don't.", 0.0),
        ("Caf\u00e9s closed", "caf\u00e9s opened", 1 / 2),
        ("", "dog", 0.0),
        ("The dog", "of the", math.nan),
        ("The dog", "", math.nan),
    ],
)
def test_word_overlap_by_hand(source, summary, expected):
    np.testing.assert_equal(word_overlap(source, summary), expected)
    np.testing.assert_equal(make_metric("overlap").score([source], [summary]), [expected])


@pytest.mark.parametrize(
    ("source", "summary", "expected"),
    [
        ("Ann saw Bob.", "Then Ann saw Bob and Carl.", 2 / 3),
        ("Ann saw Bob.", "Carl saw. Carl ran! Carl? Carl", 1.0),  # a sentence's first word
        ("He paid 1,200.50 pounds.", "He paid 1,200.50 or 1,200 pounds", 1 / 2),
        ("nothing", "He said that it rained.", 1.0),
        ("nothing", "", 1.0),
        ("the mayor of rome", "He is Rome's mayor", 1.0),
        ("Rome\u2019s mayor", "The mayor of Rome", 1.0),
        ("She loves Rome", "She loves 'Rome' and 'Pisa'.", 1 / 2),
        ("Covid-19 came", "We had Covid-19 and O'Hara", 2 / 3),  # Covid-19, 19; not O'Hara
        ("", "In Rome", 0.0),
    ],
)
def test_entity_overlap_by_hand(source, summary, expected):
    assert entity_overlap(source, summary) == pytest.approx(expected)
    assert make_metric("entity_overlap").score([source], [summary]) == pytest.approx([expected])


def test_signatures_tell_metrics_apart_and_never_change():
    names = ["rouge1", "rouge1_recall", "rouge1_precision", "rougeL", "bleu", "chrf", "ter"]
    names += ["overlap", "entity_overlap"]
    signatures = [make_metric(name).signature for name in names]
    assert len(set(signatures)) == len(names)
    for name, signature in zip(names, signatures, strict=True):
        used = make_metric(name)
        used.score(SOURCES, SUMMARIES)
        assert used.signature == signature
    assert sacrebleu.__version__ in signatures[4]


# ------------------------------------------------------------ Python callables


@pytest.fixture
def module(tmp_path, monkeypatch):
    """Writes a module `made_up` that can be imported, with this source."""
    monkeypatch.syspath_prepend(tmp_path)

    def write(source: str) -> None:
        sys.modules.pop("made_up", None)
        (tmp_path / "made_up.py").write_text(source, encoding="utf-8")

    sys.dont_write_bytecode, before = True, sys.dont_write_bytecode
    yield write
    sys.dont_write_bytecode = before
    sys.modules.pop("made_up", None)


def test_a_callable_scores_and_its_signature_sees_an_edit(module):
    module(
        "__version__ = '7.1'\ndef f(sources, summaries):\n    return list(map(len, summaries))\n"
    )
    metric = make_metric("made_up:f")
    assert metric.score(("a", "b"), ("xyz", "")) == [3.0, 0.0]
    assert (metric.name, metric.training_sets) == ("made_up:f", ())
    assert "made_up:f|version:7.1" in metric.signature
    assert make_metric("made_up:f").signature == metric.signature
    module("__version__ = '7.1'\ndef f(sources, summaries):\n    return list(map(len, sources))\n")
    edited = make_metric("made_up:f")
    assert edited.score(("a", "b"), ("xyz", "")) == [1.0, 1.0]
    assert edited.signature != metric.signature


@pytest.mark.parametrize(
    ("values", "problem"),
    [
        ([0.5], r"shape \(1,\) for 2 pairs"),
        ([0.5, 0.5, 0.5], r"shape \(3,\)"),
        ([[0.5], [0.5]], r"shape \(2, 1\)"),
        (0.5, r"shape \(\)"),
        ([0.5, math.inf], "infinite score for pair 1"),
        ([-math.inf, 0.5], "infinite score for pair 0"),
        (["high", "low"], "no number"),
        ([[0.5], [0.5, 0.1]], "no number"),
        ([0.5, {}], "no number"),
        ({0: 0.5, 1: 0.5}, "no number"),
    ],
)
def test_a_callables_wrong_scores_are_refused(values, problem):
    metric = FunctionMetric("odd", lambda sources, summaries: values, signature="odd")
    with pytest.raises(InputError, match=problem) as found:
        metric.score(["a", "b"], ["c", "d"])
    assert "odd" in str(found.value)


def test_undefined_scores_pass():
    for values in ([0.5, math.nan], np.array([0.5, np.nan], dtype="float32"), (0.5, None)):
        metric = FunctionMetric("m", lambda a, b, values=values: values, signature="m")
        scores = metric.score(["a", "b"], ["c", "d"])
        np.testing.assert_equal(scores, [0.5, math.nan])
        assert all(type(score) is float for score in scores)


def test_a_callable_gets_lists():
    seen = []
    metric = FunctionMetric("m", lambda *given: seen.extend(given) or [0.0], signature="m")
    metric.score(("a",), ("b",))
    assert seen == [["a"], ["b"]]


@pytest.mark.parametrize("spec", ["os:system", "made_up:one", "made_up:named", "time:time"])
def test_a_callable_of_other_arguments_is_refused_before_it_is_called(module, spec):
    module("def one(sources): raise SystemExit\ndef named(*, a, b): raise SystemExit\n")
    with pytest.raises((ConfigurationError, InputError), match=spec):
        make_metric(spec).score(["a"], ["b"])


def test_what_a_callable_raises_is_told_with_its_name():
    metric = FunctionMetric("m", lambda sources, summaries: 1 / 0, signature="m")
    with pytest.raises(InputError, match="metric m failed with ZeroDivisionError: division by"):
        metric.score(["a"], ["b"])


@pytest.mark.parametrize(
    ("spec", "problem"),
    [
        ("no_such_module_here:f", "No module named"),
        ("made_up:absent", "no attribute 'absent'"),
        ("made_up:NUMBER", "NUMBER is no function"),
        ("broken:f", "division by zero"),
        ("misspelt:f", "invalid syntax"),
    ],
)
def test_a_callable_that_is_not_there(tmp_path, module, spec, problem):
    module("NUMBER = 3\n")
    (tmp_path / "broken.py").write_text("1 / 0\n")
    (tmp_path / "misspelt.py").write_text("def\n")
    with pytest.raises(ConfigurationError, match=problem) as found:
        make_metric(spec)
    assert spec in str(found.value)
    assert "module:function" in str(found.value)


# ------------------------------------------------------------ aligners


def test_an_aligner_scores_as_alignscore_does(tiny_aligner):
    plain = make_metric(str(tiny_aligner))
    direct = AlignScore(tiny_aligner, progress=False)
    np.testing.assert_equal(plain.score(SOURCES, SUMMARIES), direct.score(SOURCES, SUMMARIES))
    assert plain.signature == direct.signature
    assert math.isnan(plain.score(SOURCES, SUMMARIES)[2])  # no sentence

    options = {"head": "tri", "chunk_words": 5, "splitter": "bundled_punkt", "precision": "fp32"}
    spec = ",".join([str(tiny_aligner), *(f"{key}={value}" for key, value in options.items())])
    changed, expected = make_metric(spec), AlignScore(tiny_aligner, progress=False, **options)
    np.testing.assert_equal(changed.score(SOURCES, SUMMARIES), expected.score(SOURCES, SUMMARIES))
    assert changed.signature == expected.signature != direct.signature
    assert changed.name == spec
    assert changed.score(SOURCES, SUMMARIES)[0] != plain.score(SOURCES, SUMMARIES)[0]

    whole, expected = (
        make_metric(f"{tiny_aligner},mode=bin"),
        AlignScore(tiny_aligner, progress=False, mode="bin"),
    )
    np.testing.assert_equal(whole.score(SOURCES, SUMMARIES), expected.score(SOURCES, SUMMARIES))
    assert whole.signature == expected.signature != direct.signature


@pytest.mark.parametrize(
    ("spec", "problem"),
    [
        ("no-such-model", "no-such-model.*mini.*rouge1.*module:function"),
        ("rouge3", "rouge3.*rougeL"),
        ("", "."),
        ("FOLDER,colour=red", "no option 'colour'.*chunk_words"),
        ("FOLDER,mode=summac", "summac"),
        ("FOLDER,profile=summac", "summac"),
        ("FOLDER,precision", "precision"),
        ("FOLDER,chunk_words=many", "chunk_words is no number: 'many'"),
        ("FOLDER,chunk_words=0", "chunk_words is 0"),
        ("FOLDER,head=four", "head is 'four'"),
        ("FOLDER,", "no option ''"),
    ],
)
def test_an_aligner_that_is_not_there(tiny_aligner, spec, problem):
    with pytest.raises(AlignScoreError, match=problem):
        make_metric(spec.replace("FOLDER", str(tiny_aligner)))


def test_training_sets(tmp_path, monkeypatch):
    assert training_sets(str(tmp_path)) == ()
    assert training_sets("rouge2") == ()
    record = tmp_path / "training.json"
    runs = [
        {"sets": [{"name": "xsum_synth"}, {"name": "snli"}]},
        {"sets": [{"name": "xsum_synth+edits"}, {"name": "squad+edits"}]},
    ]
    record.write_text(json.dumps({"runs": runs}), encoding="utf-8")
    # A set's edited texts are the set's: a card that names xsum_synth must find it.
    assert training_sets(str(tmp_path)) == ("snli", "squad", "xsum_synth")
    for broken in ("{", "[]", '{"runs": 3}', '{"runs": [{}]}'):
        record.write_text(broken, encoding="utf-8")
        with pytest.raises(InputError, match=r"training\.json"):
            training_sets(str(tmp_path))

    cards = {
        "snli": SimpleNamespace(name="snli", mixtures=("mini", "alignscore_15")),
        "anli": SimpleNamespace(name="anli", mixtures=("mini",)),
        "drop": SimpleNamespace(name="drop", mixtures=("align_28",)),
    }
    monkeypatch.setattr(alignscore_metric.leaderboards.cards, "load_cards", lambda: cards)
    assert training_sets("mini") == ("anli", "snli")
    assert training_sets("AlignScore-large") == training_sets("AlignScore-base") == ("snli",)
    assert training_sets("Align-base") == ("drop",)


def test_the_training_sets_of_a_folder_are_the_metrics(tiny_aligner, tmp_path):
    folder = shutil.copytree(tiny_aligner, tmp_path / "trained")
    assert make_metric(str(folder)).training_sets == ()
    runs = [{"sets": [{"name": "snli"}]}]
    (folder / "training.json").write_text(json.dumps({"runs": runs}), encoding="utf-8")
    assert make_metric(f"{folder},chunk_words=9").training_sets == ("snli",)


# ------------------------------------------------------------ what is not installed


def test_a_missing_extra_is_named(monkeypatch):
    for name in [name for name in sys.modules if name.split(".")[0] == "rouge_score"]:
        monkeypatch.delitem(sys.modules, name)
    true_import = builtins.__import__

    def refuse(name, *args, **kwargs):
        if name.split(".")[0] == "rouge_score":
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
        return true_import(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", refuse)
    monkeypatch.setattr(
        "alignscore_metric.leaderboards.metrics.import_module",
        lambda name: refuse(name, fromlist=["x"]),
    )
    with pytest.raises(
        MissingResourceError, match=r"rouge_score.*alignscore-metric\[leaderboards\]"
    ):
        make_metric("rouge1")


def test_lexical_metrics_need_no_torch():
    code = (
        "import sys; from alignscore_metric.leaderboards.metrics import make_metric;"
        "print(make_metric('overlap').score(['a dog'], ['dog']), 'torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["[1.0]", "False"]


def test_resources_of_each_kind_of_metric(module):
    module("def f(a, b): return [0] * len(a)")
    lexical = make_metric("rouge2").resources
    assert (lexical.parameters, lexical.licence) == (0, "Apache Software License")
    assert make_metric("chrf").resources.licence == "Apache-2.0"
    assert make_metric("overlap").resources.licence == "Apache-2.0"
    assert make_metric("made_up:f").resources.parameters is None
    aligner = make_metric("mini").resources
    weights = load_file(next(iter(BUNDLED.values())) / "model.safetensors")
    assert aligner.parameters == sum(one.numel() for one in weights.values())
    assert "core" in aligner.hardware


@pytest.mark.parametrize(
    ("readme", "licence"),
    [
        ("---\nlanguage: en\nlicense: mit\n---\n# A model\n", "mit"),
        ("# A model\nlicense: mit\n", ""),
        ("---\nlanguage: en\n---\nlicense: mit\n", ""),
    ],
)
def test_the_licence_is_what_the_model_card_states(tmp_path, readme, licence):
    (tmp_path / "README.md").write_text(readme)
    assert model_licence(str(tmp_path)) == licence
    assert model_licence(str(tmp_path / "absent")) == ""
