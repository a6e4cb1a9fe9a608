"""The NLU board: measures against scikit-learn and scipy, rows and answers against plain readers.

What an aligner answers is compared with what `AlignScore` says of the same whole pairs.
"""

import gzip
import json
import math
import re
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from scipy.special import softmax
from sklearn.dummy import DummyClassifier
from sklearn.metrics import accuracy_score, f1_score, roc_auc_score

from alignscore_metric import AlignScore
from alignscore_metric.commands.main import main
from alignscore_metric.errors import ConfigurationError, InputError, MissingResourceError
from alignscore_metric.leaderboards.cards import mixture
from alignscore_metric.leaderboards.nlu import runs as nlu_runs
from alignscore_metric.leaderboards.nlu.board import judge
from alignscore_metric.leaderboards.nlu.data import load_task, questions_of
from alignscore_metric.leaderboards.nlu.measures import Answers, prepare_measure
from alignscore_metric.leaderboards.nlu.runs import read_run, run_file
from alignscore_metric.leaderboards.nlu.tasks import (
    TASK_FAMILIES,
    TASKS,
    NluTask,
    exposure,
    task_of,
)
from alignscore_metric.scores import statistics as st
from alignscore_metric.scores.intervals import Resampling
from alignscore_metric.training.data import AlignmentExample

CARDS = Path(__file__).parents[1] / "data_cards"
HEADS = ("bin", "tri", "reg")


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def answers(head, labels, *, seed=0, contexts=None, questions=None):
    """Answers of no opinion of their own, but somewhat right."""
    rng, labels = np.random.default_rng(seed), np.asarray(labels, dtype=float)
    count = len(labels)
    logits = {"bin": rng.normal(size=(count, 2)), "tri": rng.normal(size=(count, 3))}
    logits["reg"] = rng.normal(size=count) + labels
    if head != "reg":
        logits[head][np.arange(count), labels.astype(int)] += 0.8
    contexts = np.arange(count) if contexts is None else np.asarray(contexts)
    questions = np.full(count, -1) if questions is None else np.asarray(questions)
    return Answers(head, labels, contexts, questions, logits)


def classes(kinds, count):
    return np.random.default_rng(1).integers(0, kinds, count)


# ------------------------------------------------------------ measures


def of_repeated(measure, given, weights, head=None):
    """A measure by sklearn or scipy of rows that are written out as often as they count."""
    rows = np.repeat(np.arange(len(weights)), weights)
    labels, logits = given.labels[rows], {h: v[rows] for h, v in given.logits.items()}
    head = head or given.head
    degree = {
        "bin": softmax(logits["bin"], axis=1)[:, 1],
        "tri": softmax(logits["tri"], axis=1)[:, 0],
        "reg": logits["reg"],
    }[head]
    right = labels == {"bin": 1, "tri": 0, "reg": None}[given.head]
    if measure == "accuracy":
        return accuracy_score(labels, logits[given.head].argmax(1))
    if measure == "f1":
        return f1_score(right, logits["bin"].argmax(1) == 1)
    if measure == "roc_auc":
        return roc_auc_score(right, degree)
    function = {"pearson": stats.pearsonr, "spearman": stats.spearmanr}[measure]
    return function(labels, degree).statistic


@pytest.mark.parametrize("resampled", [False, True])
@pytest.mark.parametrize(
    ("measure", "own", "head"),
    [
        ("accuracy", "bin", None),
        ("accuracy", "tri", None),
        ("f1", "bin", None),
        *(("roc_auc", own, head) for own in ("bin", "tri") for head in HEADS),
        *((measure, "reg", head) for measure in ("pearson", "spearman") for head in HEADS),
    ],
)
def test_measures_are_those_of_sklearn_and_scipy(measure, own, head, resampled):
    rng = np.random.default_rng(3)
    labels = rng.random(200).round(1) if own == "reg" else classes(3 if own == "tri" else 2, 200)
    given = answers(own, labels)
    weights = rng.integers(0, 4, 200) if resampled else np.ones(200, dtype=int)
    found = prepare_measure(measure, given, head=head).statistic(weights[None].astype(float))
    assert found[0] == pytest.approx(of_repeated(measure, given, weights, head), abs=1e-9)


def test_the_highest_option_is_the_answer():
    questions = np.repeat(np.arange(50), 4)
    labels = (np.arange(200) % 4 == np.repeat(np.arange(50) % 4, 4)).astype(int)
    given = answers("bin", labels, questions=questions, contexts=questions // 2)
    table = pd.DataFrame({"q": questions, "right": labels})
    for head, degree in (
        ("bin", softmax(given.logits["bin"], axis=1)[:, 1]),
        ("tri", softmax(given.logits["tri"], axis=1)[:, 0]),
        ("reg", given.logits["reg"]),
    ):
        chosen = table.assign(degree=degree).groupby("q")["degree"].idxmax()
        found = prepare_measure("choice_accuracy", given, head=head)
        assert st.value(found.statistic, 50) == pytest.approx(table["right"][chosen].mean())
        assert found.contexts.tolist() == (np.arange(50) // 2).tolist()
        assert (found.chance, math.isnan(found.majority)) == (0.25, True)


@pytest.mark.parametrize("place", [0, 3])
def test_ties_are_guesses_wherever_the_right_option_stands(place):
    """Some sets print the right answer first, some last: a tie must not tell."""
    labels = (np.arange(80) % 4 == place).astype(int)
    given = answers("bin", labels, questions=np.repeat(np.arange(20), 4))
    given.logits["bin"][:] = 0.3
    assert st.value(prepare_measure("choice_accuracy", given).statistic, 20) == pytest.approx(0.25)


def test_rows_of_no_question_do_not_count():
    labels = np.array([1, 0, 0, 1, 1, 0])
    given = answers("bin", labels, questions=[0, 0, -1, -1, 1, 1])
    given.logits["bin"][:, 1] = [5, 0, 9, 9, 0, 5]
    given.logits["bin"][:, 0] = 0
    assert st.value(prepare_measure("choice_accuracy", given).statistic, 2) == 0.5


@pytest.mark.parametrize("share", [0.3, 0.8])
@pytest.mark.parametrize("measure", ["accuracy", "f1"])
def test_chance_and_majority_are_those_of_dummy_classifiers(measure, share):
    labels = (np.arange(20_000) < share * 20_000).astype(int)
    found = prepare_measure(measure, answers("bin", labels))
    score = {"accuracy": accuracy_score, "f1": f1_score}[measure]
    for strategy, expected in (("uniform", found.chance), ("most_frequent", found.majority)):
        dummy = DummyClassifier(strategy=strategy, random_state=0)
        guess = dummy.fit(labels[:, None], labels).predict(labels[:, None])
        assert expected == pytest.approx(score(labels, guess), abs=0.02)


def test_rows_of_one_context_are_resampled_together():
    """Each row three times says nothing new: the interval is that of single rows."""
    labels = classes(2, 60)
    once = answers("bin", labels)
    rows = np.repeat(np.arange(60), 3)
    thrice = Answers(
        "bin", labels[rows].astype(float), rows, once.questions[rows],
        {head: values[rows] for head, values in once.logits.items()},
    )  # fmt: skip
    settings = Resampling(resamples=400)
    for measure in ("accuracy", "f1", "roc_auc"):
        a, b = (judge(measure, one, "mrpc", settings).figure for one in (once, thrice))
        assert (a.value, a.low, a.high) == pytest.approx((b.value, b.low, b.high))
        apart = Answers("bin", thrice.labels, np.arange(180), thrice.questions, thrice.logits)
        wide = judge(measure, apart, "mrpc", settings).figure
        assert wide.high - wide.low < 0.75 * (a.high - a.low)


# ------------------------------------------------------------ rows


def write(file, rows):
    opener = gzip.open if file.suffix == ".gz" else open
    with opener(file, "wt", encoding="utf-8") as stream:
        stream.writelines(json.dumps(row) + "\n" for row in rows)


def rows_of(texts, head="bin"):
    names = ("text_a", "text_b", "label")
    return [dict(zip(names, text, strict=True), label_type=head) for text in texts]


def choices(contexts, options, *, right=0):
    """Two questions on each context."""
    return rows_of(
        (f"Text {context}.", f"Question {question}? Option {option}.", int(option == right))
        for context in range(contexts)
        for question in range(2)
        for option in range(options)
    )


def questions(labels, options, contexts):
    pairs = zip(contexts, labels, strict=True)
    rows = [AlignmentExample("d", context, "x", "bin", int(y)) for context, y in pairs]
    return questions_of(rows, options).tolist()


@pytest.mark.parametrize(
    ("labels", "contexts", "expected"),
    [
        ("010001", "aaaaaa", [0, 0, 0, 1, 1, 1]),
        ("010001", "aaabbb", [0, 0, 0, 1, 1, 1]),
        ("01001", "aaaaa", [-1] * 5),  # a row was left out
        ("010100", "aaabba", [0, 0, 0, -1, -1, -1]),
        ("011000", "aaaaaa", [-1] * 6),  # two right answers, then none
        ("000100", "aaabbb", [-1, -1, -1, 0, 0, 0]),
        ("", "", []),
    ],
)
def test_questions_of_rows(labels, contexts, expected):
    assert questions(labels, 3, contexts) == expected
    assert questions(labels, None, contexts) == [-1] * len(labels)


def test_limit_takes_whole_contexts_in_order_and_always_the_same():
    write(Path("dream.dev.jsonl.gz"), choices(40, 3))
    everything = load_task(task_of("dream"), [Path()])
    some = load_task(task_of("dream"), [Path()], limit=50)
    assert (len(everything.examples), some.available) == (240, 240)
    assert len(some.examples) == 54  # nine contexts of six rows
    assert len(set(some.contexts)) == 9
    places = [everything.examples.index(one) for one in some.examples]
    assert places == sorted(places)
    assert places != list(range(54))
    assert some.examples == load_task(task_of("dream"), [Path()], limit=50).examples
    assert some.hash != everything.hash
    assert some.questions.tolist() == np.repeat(np.arange(18), 3).tolist()


def test_a_validation_split_of_datasets_is_cast():
    """A folder that `save_to_disk` wrote; its training split is not what is asked."""
    datasets = pytest.importorskip("datasets")

    def split(article):
        columns = {"article": [article], "question": ["It _ ."], "answer": ["B"]}
        return datasets.Dataset.from_dict(columns | {"options": [["fell", "rained"]]})

    found = datasets.DatasetDict(train=split("No."), validation=split("It rained all day."))
    found.save_to_disk("race")
    data = load_task(NluTask("race", "choice", options=2, splits=("validation",)), [Path()])
    assert [(e.text_a, e.text_b, e.label) for e in data.examples] == [
        ("It rained all day.", "It fell.", 0),
        ("It rained all day.", "It rained.", 1),
    ]
    assert data.questions.tolist() == [0, 0]


def test_an_evaluation_set_is_read_as_its_card_says():
    row = {"dataset": "true_paws", "split": "all", "system": None, "origin": None}
    row |= {"human_score": None}
    pairs = [("It is hot in May.", "May is hot.", 1), ("A beat B.", "B beat A.", 0)]
    write(
        Path("true_paws.jsonl"),
        [
            row | {"id": str(i), "source": a, "summary": b, "label": y}
            for i, (a, b, y) in enumerate(pairs)
        ],
    )
    data = load_task(task_of("true_paws"), [Path()])
    assert [(e.text_a, e.text_b, e.label) for e in data.examples] == pairs
    assert {e.head for e in data.examples} == {"bin"}


def test_bad_rows_are_refused():
    mixed = rows_of([("a", "b", 1)]) + rows_of([("a", "b", 2)], "tri")
    for rows, reason in (
        (mixed, "labels for bin, tri"),
        (rows_of([("a", "b", 1)], "tri"), "bin, not tri"),
        (choices(2, 2), "3 options a question"),
    ):
        write(Path("dream.dev.jsonl"), rows)
        with pytest.raises(InputError, match=reason):
            load_task(task_of("dream"), [Path()])
    with pytest.raises(MissingResourceError, match=r"no mrpc\.dev\.jsonl"):
        load_task(task_of("mrpc"), [Path()])
    with pytest.raises(ConfigurationError, match=r"no NLU task 'mprc'; there are snli"):
        task_of("mprc")


@pytest.mark.parametrize(
    ("task", "trained", "expected"),
    [
        ("mrpc", (), ("unknown", ())),
        ("mrpc", ("mrpc", "qqp"), ("trained", ("mrpc",))),
        ("mrpc", ("qqp",), ("zero-shot", ())),
        ("qnli", ("squad_v2", "snli", "squad"), ("related", ("squad", "squad_v2"))),
        ("true_paws", ("paws",), ("related", ("paws",))),
        ("true_dialfact", ("boolq",), ("zero-shot", ())),  # the same documents, another task
    ],
)
def test_exposure(task, trained, expected):
    assert exposure(task_of(task), trained) == expected


def test_sets_that_share_a_hundredth_of_a_task_s_texts_are_related():
    """By the counts stored beside the cards, of what the bundled aligner is trained on."""
    trained = set(mixture("mini"))
    missing = []
    for task in (one for one in TASKS if one.evaluation is None):
        file = CARDS / "training" / f"{task.name}.stats.json"
        counted = json.loads(file.read_text()) if file.is_file() else {"splits": {}, "overlaps": []}
        rows = sum(split["rows"] for split in counted["splits"].values())
        missing += [
            (task.name, one["dataset"])
            for one in counted["overlaps"]
            if one["dataset"] in trained - set(task.related) - {task.name}
            and max(one["source"], one["summary"]) >= rows / 100
        ]
    assert missing == []


def test_what_sets_were_made_from_is_related_to_them():
    for made, task in {
        "x_disco_filtered": "snli", "x_breaking_nli": "snli", "x_negnli": "mnli",
        "x_wanli_part": "mnli", "mnli_devsplit_optional": "mnli", "x_factcg": "hotpot_qa",
        "x_halueval_qa_part": "hotpot_qa", "x_fever_symmetric": "fever_nli",
        "squad_v2_unanswerable": "qnli",
    }.items():  # fmt: skip
        assert exposure(task_of(task), {made}) == ("related", (made,))


def test_tasks_that_are_read_by_name_are_in_the_catalogue():
    from alignscore_metric.leaderboards.cards import load_cards
    from alignscore_metric.training.catalogue import ALIGN_28

    cards = load_cards()
    for task in TASKS:
        assert task.family in TASK_FAMILIES
        assert not task.splits or task.name in ALIGN_28
        assert task.evaluation is None or task.evaluation in cards[task.name].splits


# ------------------------------------------------------------ the command


MRPC = rows_of(
    [
        ("The bridge was closed on Monday.", "On Monday the bridge was closed.", 1),
        ("The bridge was closed on Monday.", "The bridge was opened.", 0),
        ("It rained all day in Leeds.", "Leeds had rain.", 1),
        ("Snow fell on Tuesday.", "The council met on Tuesday.", 0),
        ("Cracks were found in the steel.", "The steel had cracks.", 1),
        ("The council will pay for repairs.", "Nobody will pay.", 0),
        ("The council will pay for repairs.", "The repairs will be paid for.", 1),
    ]
)
SICK = rows_of(
    [
        (r["text_a"], r["text_b"], (0.9, 0.2, 0.8, 0.1, 0.7, 0.3, 1.0)[i])
        for i, r in enumerate(MRPC)
    ],
    "reg",
)
SNLI = rows_of(
    [(r["text_a"], r["text_b"], (0, 2, 0, 1, 0, 2, 0)[i]) for i, r in enumerate(MRPC)], "tri"
)
TASKS_HERE = {"mrpc": MRPC, "sick": SICK, "snli": SNLI, "dream": choices(4, 3)}


@pytest.fixture
def data(tmp_path):
    folder = tmp_path / "data"
    folder.mkdir()
    for name, rows in TASKS_HERE.items():
        write(folder / f"{name}.dev.jsonl", rows)
    return folder


def nlu(*argv):
    return main(["leaderboard", "nlu", *map(str, argv)])


def refusal(*argv, capsys):
    assert nlu(*argv) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert "Traceback" not in err
    return err.splitlines()[-1]


@pytest.fixture
def answered(data, tiny_aligner, capsys):
    assert nlu("run", "--data", data, "--model", tiny_aligner) == 0
    capsys.readouterr()
    return tiny_aligner.name


def test_the_board_agrees_with_alignscore_and_sklearn(answered, tiny_aligner, capsys):
    assert nlu("show", "--model", answered, "--format", "json") == 0
    found = json.loads(capsys.readouterr().out, parse_constant=pytest.fail)
    by_task = {one["task"]: one for one in found["tasks"]}
    assert list(by_task) == ["snli", "mrpc", "sick", "dream"]
    assert set(found["missing"]) == {task.name for task in TASKS} - set(by_task)
    modes = {"bin": "bin", "tri": "nli", "reg": "reg"}
    metrics = {h: AlignScore(tiny_aligner, mode=modes[h], progress=False) for h in HEADS}
    for name, rows in TASKS_HERE.items():
        labels = np.array([row["label"] for row in rows])
        texts = [row["text_a"] for row in rows], [row["text_b"] for row in rows]
        degrees = {head: np.array(metrics[head].score(*texts)) for head in HEADS}
        for head, degree in degrees.items():
            value = by_task[name]["degrees"][head]["value"]
            assert value == pytest.approx(expected_degree(name, labels, degree), abs=1e-6)
        if name == "mrpc":
            accuracy, f1 = (one["value"] for one in by_task[name]["figures"])
            assert accuracy == pytest.approx(accuracy_score(labels, degrees["bin"] > 0.5))
            assert f1 == pytest.approx(f1_score(labels, degrees["bin"] > 0.5))
        if name == "sick":
            spearman = by_task[name]["figures"][1]["value"]
            assert spearman == pytest.approx(stats.spearmanr(labels, degrees["reg"]).statistic)
    mains = [one["figures"][0]["value"] for one in found["tasks"]]
    assert found["means"]["all"]["value"] == pytest.approx(np.mean(mains))
    assert found["means"]["all"]["chance"] == pytest.approx((1 / 3 + 1 / 2 + 0 + 1 / 3) / 4)
    assert list(found["means"]) == ["all"]  # nobody recorded how the tiny aligner was trained
    assert (by_task["mrpc"]["rows"], by_task["mrpc"]["contexts"]) == (7, 5)
    assert by_task["dream"]["questions"] == 8


def expected_degree(name, labels, degree):
    if name == "sick":
        return stats.pearsonr(labels, degree).statistic
    if name == "dream":
        return float((degree.reshape(-1, 3).argmax(1) == 0).mean())
    return roc_auc_score(labels == (0 if name == "snli" else 1), degree)


def test_nothing_is_answered_twice(data, answered, tiny_aligner, monkeypatch, capsys):
    asked, predict = [], nlu_runs.predict
    monkeypatch.setattr(
        nlu_runs, "predict", lambda *a, **k: asked.append(len(a[1])) or predict(*a, **k)
    )
    argv = ("run", "--data", data, "--model", tiny_aligner)
    assert nlu(*argv) == 0
    assert asked == []
    write(data / "mrpc.dev.jsonl", MRPC[:-1])
    assert nlu(*argv) == 0
    assert asked == [6]
    assert nlu(*argv, "--limit", 2, "--task", "sick") == 0
    assert len(asked) == 2
    assert "sick, 2 of 7 rows" in capsys.readouterr().err
    assert len(read_run(run_file(Path("leaderboard-runs"), answered, "mrpc")).answers.labels) == 6


def test_answers_of_other_weights_are_not_mixed(answered, capsys):
    file = run_file(Path("leaderboard-runs"), answered, "mrpc")
    run = read_run(file)
    object.__setattr__(run.info, "signature", run.info.signature.replace("weights:", "weights:0"))
    nlu_runs.write_run(run, file)
    assert "run all tasks again" in refusal("show", "--model", answered, capsys=capsys)


def test_the_training_record_flags_tasks(data, tiny_aligner, tmp_path, capsys):
    mine = shutil.copytree(tiny_aligner, tmp_path / "mine")
    names = ("mrpc", "sick+edits", "x_cad_nli")
    record = {"runs": [{"sets": [{"name": name} for name in names]}]}
    (mine / "training.json").write_text(json.dumps(record))
    assert nlu("run", "--data", data, "--model", mine) == 0
    assert nlu("show", "--model", "mine", "--format", "json") == 0
    found = json.loads(capsys.readouterr().out)
    assert {one["task"]: one["exposure"] for one in found["tasks"]} == {
        "mrpc": "trained", "sick": "trained", "snli": "related", "dream": "zero-shot"
    }  # fmt: skip
    values = {one["task"]: one["figures"][0]["value"] for one in found["tasks"]}
    trained = np.mean([values["mrpc"], values["sick"]])
    assert found["means"]["trained"]["value"] == pytest.approx(trained)
    assert found["means"]["zero-shot"]["value"] == pytest.approx(values["dream"])


@pytest.mark.parametrize("format", ["text", "markdown", "latex"])
def test_tables_show_the_numbers(answered, format, capsys):
    assert nlu("show", "--model", answered, "--format", "json") == 0
    found = json.loads(capsys.readouterr().out)
    argv = ("show", "--model", answered, "--format", format)
    assert nlu(*argv) == 0
    out = capsys.readouterr().out
    shown = re.findall(r"-?\d+\.\d", out.replace("--", " ").replace("$-$", "-"))
    for task in found["tasks"]:
        assert task["task"] in out
        for one in [*task["figures"], *task["degrees"].values()]:
            for name in ("value", "low", "high"):
                assert one[name] is None or f"{100 * one[name]:.1f}" in shown
    assert out.count(found["signature"].split("|")[2]) == 2 or format == "latex"
    assert nlu(*argv, "-o", "table") == 0
    assert capsys.readouterr().out == ""
    assert Path("table").read_text(encoding="utf-8") == out


def test_one_label_alone_is_undefined_and_said(data, tiny_aligner, capsys):
    write(data / "mrpc.dev.jsonl", [row for row in MRPC if row["label"] == 1])
    assert nlu("run", "--data", data, "--model", tiny_aligner) == 0
    assert nlu("show", "--model", tiny_aligner.name) == 0
    assert "undefined: all labels are 1" in capsys.readouterr().out
    assert nlu("show", "--model", tiny_aligner.name, "--format", "json") == 0
    means = json.loads(capsys.readouterr().out)["means"]
    assert means["all"]["value"] is None


def test_bad_usage_is_refused(data, tiny_aligner, tmp_path, capsys):
    run = ("run", "--data", data, "--model", tiny_aligner)
    assert "rows >= 1" in refusal(*run, "--limit", 0, capsys=capsys)
    assert "no NLU task 'mprc'" in refusal(*run, "--task", "mprc", capsys=capsys)
    assert "qnli: no qnli.dev.jsonl" in refusal(*run, "--task", "qnli", capsys=capsys)
    assert "cannot be used here" in refusal(*run, "--device", "cuda:7", capsys=capsys)
    (tmp_path / "empty").mkdir()
    run = ("run", "--data", tmp_path / "empty", "--model", tiny_aligner)
    assert "no NLU task is in" in refusal(*run, capsys=capsys)
    assert "no answers of mini" in refusal("show", capsys=capsys)


def test_damaged_and_pickled_answers_are_refused(answered, capsys):
    file = run_file(Path("leaderboard-runs"), answered, "mrpc")
    with np.load(file) as kept:
        arrays = dict(kept)
    np.savez(file, **arrays | {"labels": np.array([None, 1], dtype=object)})
    assert "delete it" in refusal("show", "--model", answered, capsys=capsys)
    file.write_bytes(b"PK\x03\x04 no more")
    assert "delete it" in refusal("show", "--model", answered, capsys=capsys)


def test_an_aligner_without_a_head_is_refused(data, tiny_aligner, tmp_path, capsys):
    from safetensors.torch import load_file, save_file

    one = shutil.copytree(tiny_aligner, tmp_path / "one-head")
    config = json.loads((one / "config.json").read_text())
    (one / "config.json").write_text(json.dumps(config | {"heads": ["bin", "tri"]}))
    tensors = load_file(one / "model.safetensors")
    kept = {name: value for name, value in tensors.items() if not name.startswith("reg_layer")}
    save_file(kept, one / "model.safetensors", metadata={"format": "pt"})
    assert "no head 'reg'" in refusal("run", "--data", data, "--model", one, capsys=capsys)


def test_a_board_of_all_dev_files_at_hand(shared):
    """Every dev file that is a task here can be read, and its questions told."""
    for name in ("dream", "mctest", "sciq", "hotpot_qa", "gap", "boolq"):
        data = load_task(task_of(name), [shared / "train"])
        if task_of(name).options:
            assert (data.questions >= 0).all()
    quail = load_task(task_of("quail"), [shared / "train"])
    assert 0 < (quail.questions < 0).mean() < 0.15


@pytest.mark.parametrize("wrong", [{"resamples": 0}, {"seed": -1}, {"level": 1.0}])
def test_settings_without_meaning_are_refused(wrong):
    with pytest.raises(ConfigurationError, match="level lies between 0 and 1"):
        Resampling(**wrong)
