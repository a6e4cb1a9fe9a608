"""Probes of representational collapse, against scikit-learn, scipy and counts by hand."""

import json
import math
import random
from dataclasses import replace

import numpy as np
import pytest
import torch
import yaml
from scipy.stats import pearsonr
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.metrics import accuracy_score, roc_auc_score

from alignscore_metric.errors import ConfigurationError, InputError
from alignscore_metric.training.data import AlignmentExample, encode_examples
from alignscore_metric.training.probe_results import (
    BEFORE,
    ProbeRow,
    plot_probes,
    read_probe_rows,
    summarise,
    table,
    write_probe_rows,
)
from alignscore_metric.training.probes import (
    EncodedTask,
    cycles,
    linear_probe,
    new_heads,
    pooled,
    read_plan,
    run_probes,
    sequential,
)
from alignscore_metric.training.recipe import DataSource, Recipe
from alignscore_metric.training.start import start_from

WORDS = ["the", "a", "council", "report", "was", "new", "old", "said"]


def examples(head: str, count: int, *, seed: int = 0) -> list[AlignmentExample]:
    """Pairs whose label can be read from the claim, more or less."""
    rng = random.Random(seed)  # noqa: S311  # draws data, not secrets
    made = []
    for _ in range(count):
        label = {"bin": rng.randrange(2), "tri": rng.randrange(3), "reg": rng.random()}[head]
        share = label / 2 if head == "tri" else label
        claim = ["bridge" if rng.random() < share else "river" for _ in range(8)]
        context = rng.choices(WORDS, k=rng.randint(3, 20))
        made.append(AlignmentExample(head, " ".join(context), " ".join(claim), head, label))
    return made


@pytest.fixture
def recipe(tiny_aligner) -> Recipe:
    source = DataSource(file="x.jsonl", licence="none")
    return Recipe(encoder=str(tiny_aligner), name="probe", data=(source,), precision="fp32")


@pytest.fixture
def model(recipe):
    return start_from(recipe)


def encode(rows, tokenizer):
    return encode_examples(rows, tokenizer, max_length=64)


def vectors(aligner, encoded) -> np.ndarray:
    """Each pair alone through the encoder."""
    with torch.no_grad():
        found = [aligner.eval().pool(**encoded.batch([row])[0]) for row in range(len(encoded))]
    return torch.cat(found).numpy()


# --------------------------------------------------------------------------- linear probe


def scaled(train: np.ndarray, dev: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    mean, deviation = train.mean(axis=0), train.std(axis=0)
    return (train - mean) / deviation, (dev - mean) / deviation


def test_pooled_vectors_are_those_of_each_pair_alone(model):
    aligner, tokenizer = model
    encoded = encode(examples("bin", 20), tokenizer)
    found = pooled(aligner, encoded, precision="fp32", batch_tokens=100)
    np.testing.assert_allclose(found, vectors(aligner, encoded), atol=1e-5)


@pytest.mark.parametrize("head", ["bin", "tri"])
@pytest.mark.parametrize("strength", [1.0, 20.0])
def test_linear_probe_is_scikit_learns_logistic_regression(model, head, strength):
    aligner, tokenizer = model
    train, dev = examples(head, 80), examples(head, 60, seed=1)
    encoded = encode(train, tokenizer), encode(dev, tokenizer)
    found = linear_probe(aligner, *encoded, precision="fp32", strength=strength)
    x, x_dev = scaled(*(vectors(aligner, rows) for rows in encoded))
    oracle = LogisticRegression(C=1 / strength, max_iter=5000, tol=1e-6)
    oracle.fit(x, [e.label for e in train])
    truth = [e.label for e in dev]
    expected = {"rows": 60, f"{head}_accuracy": accuracy_score(truth, oracle.predict(x_dev))}
    if head == "bin":
        expected["bin_auc"] = roc_auc_score(truth, oracle.predict_proba(x_dev)[:, 1])
    assert found == pytest.approx(expected, abs=0.02)
    assert found[f"{head}_accuracy"] > {"bin": 0.6, "tri": 0.4}[head]


def test_linear_probe_is_scikit_learns_ridge_regression(model):
    aligner, tokenizer = model
    train, dev = examples("reg", 80), examples("reg", 60, seed=1)
    encoded = encode(train, tokenizer), encode(dev, tokenizer)
    found = linear_probe(aligner, *encoded, precision="fp32", strength=5.0)
    x, x_dev = scaled(*(vectors(aligner, rows) for rows in encoded))
    guess = Ridge(alpha=5.0).fit(x, [e.label for e in train]).predict(x_dev)
    expected = pearsonr(guess, [e.label for e in dev]).statistic
    assert found == pytest.approx({"rows": 60, "reg_pearson": expected}, abs=1e-3)
    assert expected > 0.3


def test_linear_probe_leaves_the_aligner_as_it_was(model):
    aligner, tokenizer = model
    before = {key: value.clone() for key, value in aligner.state_dict().items()}
    encoded = encode(examples("bin", 30), tokenizer)
    for training in (True, False):
        aligner.train(training)
        linear_probe(aligner, encoded, encoded, precision="fp32")
        assert aligner.training is training
    assert all(torch.equal(value, before[key]) for key, value in aligner.state_dict().items())
    assert all(parameter.grad is None for parameter in aligner.parameters())


def test_linear_probe_measures_the_heads_that_it_could_fit(model):
    aligner, tokenizer = model
    train = encode(examples("bin", 30) + examples("reg", 30), tokenizer)
    dev = encode(examples("bin", 20, seed=1) + examples("tri", 20, seed=1), tokenizer)
    found = linear_probe(aligner, train, dev, precision="fp32")
    assert set(found) == {"rows", "bin_accuracy", "bin_auc"}


def test_a_class_that_was_not_seen_is_never_predicted(model):
    aligner, tokenizer = model
    train = [e for e in examples("tri", 80) if e.label != 1]
    dev = [replace(e, label=1) for e in examples("tri", 30, seed=1)]
    encoded = encode(train, tokenizer), encode(dev, tokenizer)
    assert linear_probe(aligner, *encoded, precision="fp32")["tri_accuracy"] == 0.0
    seen = [e for e in examples("tri", 30, seed=1) if e.label != 1]
    found = linear_probe(aligner, encoded[0], encode(seen, tokenizer), precision="fp32")
    assert found["tri_accuracy"] > 0.6


def test_one_class_alone_is_an_error(model):
    aligner, tokenizer = model
    encoded = encode([replace(e, label=1) for e in examples("bin", 10)], tokenizer)
    with pytest.raises(InputError, match="bin label 1"):
        linear_probe(aligner, encoded, encoded, precision="fp32")


# ------------------------------------------------------------------------------- stages


def heads(aligner) -> dict[str, torch.Tensor]:
    return {k: v.clone() for k, v in aligner.state_dict().items() if k.split("_layer")[0] in k[:3]}


def test_new_heads_come_from_the_seed_and_nothing_else_changes(model):
    aligner, _ = model
    encoder = {key: value.clone() for key, value in aligner.encoder.state_dict().items()}
    new_heads(aligner, 1)
    first = heads(aligner)
    assert len(first) == 6
    torch.manual_seed(7)
    new_heads(aligner, 2)
    other = heads(aligner)
    new_heads(aligner, 1)
    again = heads(aligner)
    assert all(torch.equal(again[key], value) for key, value in first.items())
    assert not any(
        torch.equal(other[f"{h}_layer.weight"], first[f"{h}_layer.weight"])
        for h in ("bin", "tri", "reg")
    )
    assert not any(first[f"{h}_layer.bias"].any() for h in ("bin", "tri", "reg"))
    assert all(torch.equal(aligner.encoder.state_dict()[k], v) for k, v in encoder.items())


class Recorder:
    """Trains nothing; notes what it is given, and leaves a mark on the encoder and a head."""

    def __init__(self):
        self.calls = []

    def __call__(self, aligner, encoded, recipe):
        mark = next(aligner.encoder.parameters())
        self.calls.append(
            {
                "data": encoded.datasets[0],
                "head": aligner.bin_layer.weight.detach().clone(),
                "mark": mark.detach().flatten()[0].item(),
                "recipe": recipe,
            }
        )
        with torch.no_grad():
            mark.flatten()[0].add_(1.0)
            aligner.bin_layer.weight.fill_(9.0)


def tasks(tokenizer, names) -> list[EncodedTask]:
    made = []
    for name in names:
        rows = [replace(e, dataset=name) for e in examples("bin", 12)]
        made.append(EncodedTask(name, encode(rows, tokenizer), encode(rows, tokenizer)))
    return made


def test_stages_come_in_order_on_one_encoder_with_new_heads(model, recipe):
    aligner, tokenizer = model
    fit = Recorder()
    stages = list(sequential(aligner, tasks(tokenizer, "abc"), recipe, fit=fit))
    assert [(stage.number, stage.task) for stage in stages] == [(1, "a"), (2, "b"), (3, "c")]
    assert [call["data"] for call in fit.calls] == ["a", "b", "c"]
    start = fit.calls[0]["mark"]
    assert [call["mark"] - start for call in fit.calls] == pytest.approx([0, 1, 2], abs=1e-5)
    given = [call["head"] for call in fit.calls]
    assert not any(torch.equal(given[0], head) for head in given[1:])
    assert all(0.015 < head.std().item() < 0.025 for head in given)
    seeds = [call["recipe"].seed for call in fit.calls]
    assert len({recipe.seed, *seeds}) == 4
    assert [replace(call["recipe"], seed=recipe.seed) for call in fit.calls] == [recipe] * 3
    assert all(set(stage.measures) == {"rows", "bin_accuracy", "bin_auc"} for stage in stages)


def test_another_regulariser_gets_the_same_heads_and_order(recipe):
    given = []
    for options in (None, {"name": "r3f"}):
        aligner, tokenizer = start_from(recipe)
        fit = Recorder()
        list(
            sequential(
                aligner, tasks(tokenizer, "ab"), replace(recipe, regulariser=options), fit=fit
            )
        )
        given.append([(call["head"].tolist(), call["recipe"].seed) for call in fit.calls])
        assert all(call["recipe"].regulariser == options for call in fit.calls)
    assert given[0] == given[1]


def test_a_stage_can_be_looked_at_before_the_next_one(model, recipe):
    aligner, tokenizer = model
    mark = next(aligner.encoder.parameters())
    start = mark.flatten()[0].item()
    for stage in sequential(aligner, tasks(tokenizer, "ab"), recipe, fit=Recorder()):
        assert mark.flatten()[0].item() == pytest.approx(start + stage.number, abs=1e-5)


def test_cycles_go_round_and_round(model, recipe):
    aligner, tokenizer = model
    fit = Recorder()
    stages = list(cycles(aligner, tasks(tokenizer, "abc"), recipe, rounds=3, fit=fit))
    assert "".join(stage.task for stage in stages) == "abcabcabc"
    assert [stage.number for stage in stages] == list(range(1, 10))
    assert len({call["recipe"].seed for call in fit.calls}) == 9


# --------------------------------------------------------------------------------- plans

PLAN = {
    "encoder": "tiny",
    "profile": {"max_length": 64},
    "precision": "fp32",
    "learning_rate": "1e-3",
    "max_steps": 3,
    "tasks": [
        {"name": name, "train": f"{head}.jsonl", "dev": f"{head}.dev.jsonl", "head": head}
        for name, head in (("one", "bin"), ("two", "tri"), ("three", "reg"))
    ],
    "regularisers": {"plain": None, "r4f": {"name": "r4f"}},
    "seeds": [3, 5],
    "rounds": 2,
}


@pytest.fixture
def folder(tmp_path):
    for head in ("bin", "tri", "reg"):
        for ending, count, seed in (("", 40, 0), (".dev", 20, 1)):
            rows = [
                {"text_a": e.text_a, "text_b": e.text_b, "label_type": head, "label": e.label}
                for e in examples(head, count, seed=seed)
            ]
            lines = "".join(json.dumps(row) + "\n" for row in rows)
            (tmp_path / f"{head}{ending}.jsonl").write_text(lines, encoding="utf-8")
    return tmp_path


@pytest.fixture
def plan(tmp_path, tiny_aligner):
    return read(tmp_path, PLAN | {"encoder": str(tiny_aligner)})


def read(tmp_path, values):
    path = tmp_path / "plan.yaml"
    path.write_text(yaml.safe_dump(values), encoding="utf-8")
    return read_plan(path)


def test_a_plan_is_read_with_its_recipe(plan):
    assert [task.name for task in plan.tasks] == ["one", "two", "three"]
    assert plan.recipe.learning_rate == 1e-3
    assert plan.recipe.profile.max_length == 64
    assert plan.probes == ("linear", "sequential", "cycles")
    run = plan.for_run("r4f", 5)
    assert (run.seed, run.regulariser) == (5, {"name": "r4f"})
    assert replace(run, seed=plan.recipe.seed, regulariser=None) == plan.recipe


TASK = PLAN["tasks"][0]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"sedes": [1]}, "unknown key.s. sedes; known: tasks, "),
        ({"seed": 1}, "unknown key.s. seed"),
        ({"tasks": [TASK]}, "two tasks or more"),
        ({"tasks": [TASK, TASK]}, "its own name"),
        ({"tasks": "one"}, "`tasks` must be a list"),
        ({"tasks": [TASK, TASK | {"head": "qa"}]}, r"tasks\[1\]: head is 'qa'"),
        ({"tasks": [TASK | {"limit": 0}]}, r"tasks\[0\]: limit is 0"),
        ({"tasks": [TASK | {"licence": "x"}]}, r"tasks\[0\]: unknown key"),
        ({"regularisers": ["plain"]}, "`regularisers` must hold names"),
        ({"regularisers": {}}, "`regularisers` needs names"),
        ({"regularisers": {"before": None}}, "not 'before'"),
        ({"seeds": []}, "seeds are"),
        ({"seeds": [-1]}, "seeds are"),
        ({"probes": ["linear", "cycle"]}, "probes: no 'cycle'; known: linear, sequential, cycles"),
        ({"probes": []}, "`probes` is empty"),
        ({"cycle": ["one", "four"]}, "cycle: no 'four'; known: one, two, three"),
        ({"rounds": 0}, "rounds is 0"),
        ({"learning_rate": "fast"}, "learning_rate is 'fast'"),
    ],
)
def test_a_wrong_plan_is_refused(tmp_path, change, message):
    with pytest.raises(ConfigurationError, match=message) as error:
        read(tmp_path, PLAN | change)
    assert "plan.yaml" in str(error.value)


def test_a_plan_that_is_none(tmp_path):
    with pytest.raises(ConfigurationError, match="cannot read the plan"):
        read_plan(tmp_path / "absent.yaml")
    with pytest.raises(ConfigurationError, match="holds no keys"):
        read(tmp_path, ["encoder"])
    with pytest.raises(ConfigurationError, match="`tasks` needs two"):
        read(tmp_path, {k: v for k, v in PLAN.items() if k != "tasks"})


# ------------------------------------------------------------------------------- running


def test_all_probes_of_a_plan(plan, folder):
    fit = Recorder()
    rows = run_probes(plan, folder, fit=fit)
    found = [(row.probe, row.regulariser, row.seed, row.stage, row.task) for row in rows]
    expected = [("linear", BEFORE, 3, 0, "two"), ("linear", BEFORE, 3, 0, "three")]
    for name in ("plain", "r4f"):
        for seed in (3, 5):
            expected += [
                ("sequential", name, seed, 1, "one"),
                ("linear", name, seed, 1, "two"),
                ("linear", name, seed, 1, "three"),
                ("sequential", name, seed, 2, "two"),
                ("sequential", name, seed, 3, "three"),
            ]
            expected += [
                ("cycles", name, seed, i + 1, task)
                for i, task in enumerate(("one", "two", "three") * 2)
            ]
    assert found == expected
    # each chain and each cycle starts from the encoder as it was
    marks = [round(call["mark"] - fit.calls[0]["mark"]) for call in fit.calls]
    assert marks == [0, 1, 2, 0, 1, 2, 3, 4, 5] * 4
    options = [call["recipe"].regulariser for call in fit.calls]
    assert options == [None] * 18 + [{"name": "r4f"}] * 18
    measure = {"one": "bin_auc", "two": "tri_accuracy", "three": "reg_pearson"}
    assert all(row.value == row.measures[measure[row.task]] for row in rows)


def test_only_the_probes_that_were_asked_for(plan, folder):
    fit = Recorder()
    only = replace(plan, probes=("linear",), seeds=(3,), regularisers={"plain": None})
    rows = run_probes(only, folder, fit=fit)
    assert [(row.probe, row.stage) for row in rows] == [("linear", 0)] * 2 + [("linear", 1)] * 2
    assert len(fit.calls) == 1
    fit = Recorder()
    rows = run_probes(replace(only, probes=("cycles",), cycle=("three", "one")), folder, fit=fit)
    assert [row.task for row in rows] == ["three", "one"] * 2
    assert [call["data"] for call in fit.calls] == ["three", "one"] * 2


def test_a_killed_run_goes_on(plan, folder, tmp_path):
    results = tmp_path / "out" / "probes.json"
    plan = replace(plan, probes=("sequential", "linear"))
    whole = run_probes(plan, folder, results=tmp_path / "whole.json", fit=Recorder())

    class Killed(Recorder):
        def __call__(self, *args):
            if len(self.calls) == 7:
                raise KeyboardInterrupt
            super().__call__(*args)

    with pytest.raises(KeyboardInterrupt):
        run_probes(plan, folder, results=results, fit=Killed())
    fit = Recorder()
    assert run_probes(plan, folder, results=results, fit=fit) == whole
    assert len(fit.calls) == 6  # two of the four runs, of three stages each
    assert read_probe_rows(results)[0] == whole
    with pytest.raises(ConfigurationError, match="rows of another plan"):
        run_probes(replace(plan, rounds=5), folder, results=results, fit=fit)


def test_limits_draw_the_same_examples_for_every_seed(plan, folder):
    limited = tuple(replace(task, limit=10, dev_limit=5) for task in plan.tasks)
    sizes = []

    def fit(aligner, encoded, recipe):
        sizes.append((len(encoded), encoded.digest()))

    rows = run_probes(replace(plan, tasks=limited, probes=("sequential",)), folder, fit=fit)
    assert {size for size, _ in sizes} == {10}
    assert len({digest for _, digest in sizes}) == 3
    assert {row.measures["rows"] for row in rows} == {5.0}


def test_mistakes_are_found_before_anything_is_trained(plan, folder):
    fit = Recorder()
    with pytest.raises(ConfigurationError, match="r9f"):
        run_probes(replace(plan, regularisers={"x": {"name": "r9f"}}), folder, fit=fit)
    wrong = replace(plan.tasks[2], head="tri")
    with pytest.raises(InputError, match=r"reg\.jsonl has no pair for the head 'tri'"):
        run_probes(replace(plan, tasks=(*plan.tasks[:2], wrong)), folder, fit=fit)
    assert not fit.calls


def test_probes_with_the_real_trainer(plan, folder):
    rows = run_probes(replace(plan, seeds=(3,), rounds=1), folder)
    assert len(rows) == 2 + 2 * (3 + 2 + 3)
    by_name = [[row for row in rows if row.regulariser == name] for name in ("plain", "r4f")]
    assert [row.measures for row in by_name[0]] != [row.measures for row in by_name[1]]
    again = run_probes(replace(plan, seeds=(3,), rounds=1), folder)
    assert again == rows


# ------------------------------------------------------------------------------- results


def row(probe, regulariser, seed, stage, task, value) -> ProbeRow:
    return ProbeRow(probe, regulariser, seed, stage, task, {"rows": 9.0, "tri_accuracy": value})


ROWS = [
    row("linear", BEFORE, 0, 0, "rte", 0.5),
    row("linear", "plain", 0, 1, "rte", 0.60),
    row("linear", "plain", 1, 1, "rte", 0.64),
    row("linear", "r3f", 0, 1, "rte", 0.7),
    row("linear", "r3f", 0, 1, "qqp", 0.8),
    row("sequential", "plain", 0, 1, "snli", 0.9),
    row("sequential", "plain", 0, 2, "rte", math.nan),
]


def test_a_table_has_means_and_deviations_over_seeds():
    # by hand: the mean of 60 and 64 is 62, their deviation is 4 / sqrt(2) = 2.83
    assert table(ROWS).split("\n") == [
        "linear probe: frozen after the first task",
        "              rte   qqp",
        "before       50.0     -",
        "plain   62.0 ±2.8     -",
        "r3f          70.0  80.0",
        "",
        "sequential: one task after the other",
        "       1 snli  2 rte",
        "plain    90.0      -",
        "",
    ]


def test_the_value_of_a_row_is_the_main_measure_of_its_head():
    assert ProbeRow("x", "y", 0, 1, "t", {"bin_accuracy": 0.5, "bin_auc": 0.75}).value == 0.75
    assert math.isnan(ProbeRow("x", "y", 0, 1, "t", {"rows": 1.0}).value)
    cell = summarise(ROWS, "linear")["plain", 1, "rte"]
    assert (cell.mean, cell.seeds) == (pytest.approx(0.62), 2)
    assert cell.deviation == pytest.approx(np.std([0.6, 0.64], ddof=1))


def test_rows_survive_their_file(tmp_path):
    path = tmp_path / "probes.json"
    write_probe_rows(path, ROWS, plan="a plan")
    assert "NaN" not in path.read_text(encoding="utf-8")
    rows, plan = read_probe_rows(path)
    assert plan == "a plan"
    assert rows[:-1] == ROWS[:-1]
    assert math.isnan(rows[-1].measures["tri_accuracy"])


@pytest.mark.parametrize("text", ["", "[]", '{"plan": "p"}', '{"plan": "p", "rows": [{}]}'])
def test_a_file_of_something_else_is_no_rows(tmp_path, text):
    path = tmp_path / "probes.json"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match=r"probes\.json holds no rows"):
        read_probe_rows(path)


@pytest.mark.parametrize("ending", ["png", "svg"])
def test_a_figure_is_drawn(tmp_path, ending):
    rows = ROWS + [
        row("cycles", name, seed, 1 + 2 * r + i, task, 0.5 + 0.1 * r)
        for name in ("plain", "r3f")
        for seed in (0, 1)
        for r in range(3)
        for i, task in enumerate(("snli", "rte"))
    ]
    path = tmp_path / f"probes.{ending}"
    plot_probes(rows, path)
    content = path.read_bytes()
    if ending == "png":
        assert content.startswith(b"\x89PNG")
    else:
        # text becomes paths, and matplotlib writes the text itself beside them as comments
        svg = content.decode()
        for text in ("linear probe", "sequential", "cycles", "round 3", "r3f", "before"):
            assert text in svg, text


def test_nothing_to_draw(tmp_path):
    with pytest.raises(InputError, match="no row to draw"):
        plot_probes([], tmp_path / "x.png")


def test_a_figure_needs_a_place_and_a_known_ending(tmp_path):
    for name in ("absent/x.png", "x.doc"):
        with pytest.raises(ConfigurationError, match="cannot draw to"):
            plot_probes(ROWS, tmp_path / name)
