"""Recipes: YAML files read key by key, and refused where they ask for what cannot be."""

import json
from dataclasses import fields, replace
from pathlib import Path

import pytest
import yaml

from alignscore_metric import ConfigurationError
from alignscore_metric.checkpoint.loading import BUNDLED
from alignscore_metric.checkpoint.profile import Profile
from alignscore_metric.training import recipe as recipe_module
from alignscore_metric.training.catalogue import ALIGN_28
from alignscore_metric.training.prepare import PLAIN
from alignscore_metric.training.recipe import (
    DataSource,
    Recipe,
    SyntheticSource,
    Teacher,
    read_recipe,
)

RECIPES = Path(recipe_module.__file__).parent / "recipes"
MINIMAL = {"encoder": "e", "name": "n", "data": [{"file": "a.jsonl.gz", "licence": "MIT"}]}
DEV = [{"file": "d.jsonl", "licence": "MIT"}]


def recipe_file(tmp_path, values) -> Path:
    path = tmp_path / "recipe.yaml"
    path.write_text(values if isinstance(values, str) else yaml.safe_dump(values))
    return path


def test_recipe_is_read_key_by_key(tmp_path):
    values = {
        "encoder": "e",
        "name": "n",
        "pooling": "claim_attention",
        "copied_ngrams": 3,
        "span_head": True,
        "profile": {"head": "bin", "supported": 1},
        "data": [
            {"file": "a.jsonl.gz", "licence": "MIT", "limit": 5},
            {"dataset": "snli", "licence": "CC BY-SA 4.0", "augment": True},
        ],
        "synthetic": [{"file": "b.jsonl", "licence": "CC0", "pairs": 5, "summaries": True}],
        "synthetic_words": [10, 20],
        "plain_claims": 12,
        "dev": DEV,
        "cap": 500,
        "total": 900,
        "temperature": 2,
        "deduplicate": True,
        "protected": "benchmarks",
        "bin_from_tri": True,
        "reg_from_classes": True,
        "epochs": 3,
        "max_steps": 70,
        "batch_tokens": 99,
        "batch_rows": 8,
        "learning_rate": 0.5,
        "warmup": 0.25,
        "weight_decay": 0.125,
        "max_grad_norm": 2.0,
        "dropout": 0.2,
        "train_words": False,
        "plain_characters": True,
        "mlm": 0.5,
        "regulariser": {"name": "r3f", "weight": 2.0},
        "teacher": {"model": "t", "weight": 0.5, "temperature": 3},
        "average": 0.9,
        "evaluate_every": 10,
        "patience": 2,
        "save_every": 50,
        "precision": "fp32",
        "seed": 1,
    }
    assert set(values) == {field.name for field in fields(Recipe)}
    recipe = read_recipe(recipe_file(tmp_path, values))
    built = {
        "profile": Profile(head="bin", supported=1),
        "data": (
            DataSource(file="a.jsonl.gz", licence="MIT", limit=5),
            DataSource(dataset="snli", licence="CC BY-SA 4.0", augment=True),
        ),
        "synthetic": (SyntheticSource(file="b.jsonl", licence="CC0", pairs=5, summaries=True),),
        "synthetic_words": (10, 20),
        "dev": (DataSource(file="d.jsonl", licence="MIT"),),
        "teacher": Teacher(model="t", weight=0.5, temperature=3),
    }
    assert recipe == Recipe(**values | built)
    assert [s.name for s in (*recipe.data, *recipe.synthetic)] == ["a", "snli", "b+edits"]


def test_a_short_recipe_is_plain_training(tmp_path):
    recipe = read_recipe(recipe_file(tmp_path, MINIMAL))
    assert recipe.data[0].limit is None
    assert not recipe.data[0].augment
    off = ("mlm", "average", "dropout", "copied_ngrams", "evaluate_every", "deduplicate")
    assert not any(getattr(recipe, key) for key in off)
    for key in ("regulariser", "teacher", "patience", "max_steps", "cap", "total", "protected"):
        assert getattr(recipe, key) is None


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"epoch": 2}, r"recipe: unknown key\(s\) epoch; known: encoder, name, .*epochs"),
        (
            {"data": [{"file": "a", "licence": "b", "limits": 3}]},
            r"data\[0\]: unknown key\(s\) limits; known: licence, file, dataset, limit",
        ),
        (
            {"dev": [{"file": "a", "licence": "b"}, {"file": "a", "license": "b"}]},
            r"dev\[1\]: unknown key\(s\) license; known: licence, file",
        ),
        (
            {"synthetic": [{"file": "a", "licence": "b", "pair": 3}]},
            r"synthetic\[0\]: unknown key\(s\) pair; known: file, licence, pairs, summaries",
        ),
        ({"profile": {"heads": "bin"}}, r"unknown profile key\(s\) heads; known: .*head"),
        ({"profile": {"head": "quad"}}, "known heads: bin, tri, reg"),
        ({"profile": {"supported": "one"}}, "supported"),
        ({"profile": 5}, "profile"),
        ({"data": [{"file": "a"}]}, r"data\[0\]: .*'licence'"),
        ({"data": [{"licence": "b"}]}, r"data\[0\]: give either `file` or `dataset`"),
        (
            {"data": [{"file": "a", "dataset": "snli", "licence": "b"}]},
            r"data\[0\]: give either `file` or `dataset`",
        ),
        ({"data": ["a.jsonl"]}, r"data\[0\] must hold keys: licence, file, dataset, limit"),
        ({"data": {"file": "a", "licence": "b"}}, "`data` must be a list"),
        ({"data": []}, "names no data: give `data` or `synthetic`"),
        ({"data": [{"file": "a", "licence": "b", "limit": 0}]}, r"data\[0\]: .*limit is 0"),
        ({"data": [{"file": "a", "licence": "b", "limit": "9"}]}, r"data\[0\]: .*limit is '9'"),
        (
            {"synthetic": [{"file": "a", "licence": "b", "pairs": -1}]},
            r"synthetic\[0\]: .*pairs is -1",
        ),
        ({"precision": "fp16"}, "'fp16'; known: auto, fp32, bf16"),
        ({"epochs": 0}, "epochs is 0; give a whole number >= 1"),
        ({"epochs": "two"}, "epochs is 'two'"),
        ({"epochs": None}, "epochs is None"),
        ({"epochs": True}, "epochs is True"),
        ({"max_steps": 0}, "max_steps is 0"),
        ({"batch_tokens": 0}, "batch_tokens"),
        ({"save_every": 0}, "save_every is 0"),
        ({"cap": 0}, "cap is 0"),
        ({"total": 2.5}, "total is 2.5"),
        ({"temperature": 0.5}, "temperature is 0.5; give a number >= 1"),
        ({"warmup": 1.0}, "warmup is 1.0; it must be below 1"),
        ({"dropout": 1}, "dropout is 1; it must be below 1"),
        ({"average": 1.0}, "average is 1.0"),
        ({"average": -0.1}, "average is -0.1; give a number >= 0"),
        ({"mlm": "half"}, "mlm is 'half'"),
        ({"max_grad_norm": -1}, "max_grad_norm is -1"),
        ({"synthetic_words": 40}, "synthetic_words"),
        ({"synthetic_words": [60, 20]}, "synthetic_words"),
        ({"synthetic_words": [0, 20]}, "synthetic_words"),
        ({"learning_rate": "fast"}, "learning_rate"),
        ({"patience": 2}, "patience needs `dev` sets and `evaluate_every`"),
        ({"patience": 2, "dev": DEV}, "patience needs `dev` sets and `evaluate_every`"),
        ({"patience": 2, "evaluate_every": 5}, "patience needs `dev` sets"),
        ({"patience": 0, "evaluate_every": 5, "dev": DEV}, "patience is 0"),
        ({"teacher": "folder"}, "teacher must hold keys: model, weight, temperature"),
        ({"teacher": {"weight": 1.0}}, "teacher: .*'model'"),
        ({"teacher": {"model": "t", "weight": -1}}, "teacher: weight is -1"),
        ({"teacher": {"model": "t", "weight": "heavy"}}, "teacher: weight is 'heavy'"),
        ({"teacher": {"model": "t", "temperature": 0}}, "teacher: temperature is 0"),
    ],
)
def test_bad_recipe_names_the_file_and_the_key(tmp_path, change, message):
    path = recipe_file(tmp_path, MINIMAL | change)
    with pytest.raises(ConfigurationError, match=rf"recipe\.yaml: .*{message}"):
        read_recipe(path)


@pytest.mark.parametrize("key", ["encoder", "name"])
def test_recipe_without_a_required_key(tmp_path, key):
    values = {k: v for k, v in MINIMAL.items() if k != key}
    with pytest.raises(ConfigurationError, match=f"'{key}'"):
        read_recipe(recipe_file(tmp_path, values))


@pytest.mark.parametrize("key", ["learning_rate", "weight_decay", "mlm", "max_grad_norm"])
def test_small_numbers_as_people_write_them_are_numbers(tmp_path, key):
    """YAML 1.1 takes `1e-4`, without a point, for a string."""
    text = yaml.safe_dump(MINIMAL) + f"{key}: 1e-4\n"
    assert getattr(read_recipe(recipe_file(tmp_path, text)), key) == pytest.approx(0.0001)


def test_a_teachers_weight_as_people_write_it(tmp_path):
    text = yaml.safe_dump(MINIMAL) + "teacher: {model: t, weight: 5e-1, temperature: 2e0}\n"
    teacher = read_recipe(recipe_file(tmp_path, text)).teacher
    assert teacher == Teacher(model="t", weight=0.5, temperature=2.0)


@pytest.mark.parametrize("text", ["a: [1", "\t- x", "", "- 1", "just text"])
def test_recipe_that_is_no_yaml_of_keys(tmp_path, text):
    with pytest.raises(ConfigurationError, match=r"recipe\.yaml"):
        read_recipe(recipe_file(tmp_path, text))


def test_a_recipe_like_another(tmp_path):
    base = recipe_file(tmp_path, MINIMAL | {"seed": 7, "max_steps": 5})
    base.rename(tmp_path / "base.yaml")
    recipe = read_recipe(
        recipe_file(tmp_path, {"like": "base.yaml", "max_steps": None, "epochs": 2})
    )
    assert recipe == replace(read_recipe(tmp_path / "base.yaml"), max_steps=None, epochs=2)


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"like": "absent.yaml"}, r"cannot read the recipe .*absent\.yaml"),
        ({"like": "base.yaml", "sede": 3}, r"recipe\.yaml: .*sede"),
        ({"like": "recipe.yaml"}, "recipe.yaml is itself like another recipe"),
    ],
)
def test_a_recipe_like_a_bad_one(tmp_path, keys, message):
    recipe_file(tmp_path, MINIMAL).rename(tmp_path / "base.yaml")
    with pytest.raises(ConfigurationError, match=message):
        read_recipe(recipe_file(tmp_path, keys))


def test_missing_recipe(tmp_path):
    with pytest.raises(ConfigurationError, match=r"cannot read the recipe .*absent\.yaml"):
        read_recipe(tmp_path / "absent.yaml")


def test_a_changed_recipe_is_checked_too(tmp_path):
    recipe = read_recipe(recipe_file(tmp_path, MINIMAL))
    with pytest.raises(ConfigurationError, match="seed is -1"):
        replace(recipe, seed=-1)


# --------------------------------------------------------------------------- the shipped ones


@pytest.mark.parametrize("path", sorted(RECIPES.glob("*.yaml")), ids=lambda path: path.stem)
def test_shipped_recipes(path):
    recipe = read_recipe(path)
    sources = (*recipe.data, *recipe.synthetic)
    trained_on = {source.name.removesuffix("+edits") for source in sources}
    assert not {source.name for source in recipe.dev} & trained_on
    spoilt = {"mnli_devsplit_optional"}  # what is not in it is measured: docs/training.md
    assert not [name for name in trained_on - spoilt if name.endswith(".dev") or "optional" in name]
    assert all(source.licence for source in (*sources, *recipe.dev))
    if path.stem.startswith("mini"):
        assert recipe.name.startswith("mini")
        assert (recipe.profile.head, recipe.profile.supported) == ("bin", 1)
        assert recipe.profile.splitter == "bundled_punkt"


def test_the_recipes_of_the_papers_name_their_datasets():
    for size in ("base", "large"):
        names = [source.dataset for source in read_recipe(RECIPES / f"alignscore-{size}.yaml").data]
        assert names == list(ALIGN_28[:15])
        names = [source.dataset for source in read_recipe(RECIPES / f"align-{size}.yaml").data]
        assert sorted(map(str, names)) == sorted(ALIGN_28)


def test_the_bundled_aligner_is_what_its_recipe_makes():
    recipe = read_recipe(RECIPES / "mini.yaml")
    folder = BUNDLED["mini"]
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    config["profile"].pop("calibration")  # fitted afterwards: benchmarks/decisions.py
    assert Profile.from_dict(config["profile"]) == recipe.profile
    assert (config["pooling"], config["copied_ngrams"]) == (recipe.pooling, recipe.copied_ngrams)
    assert config["span_head"] == recipe.span_head
    runs = json.loads((folder / "training.json").read_text(encoding="utf-8"))["runs"]
    recipes = [read_recipe(RECIPES / "mini-inference.yaml"), recipe]
    assert recipe.encoder == recipes[0].name
    for run, one in zip(runs, recipes, strict=True):
        assert (run["name"], run["steps"], run["seed"]) == (one.name, one.max_steps, one.seed)
        assert run["encoder"] == Path(one.encoder).name
        assert run["learning_rate"] == one.learning_rate
        assert run["teacher"] == ""
        sets = [source.name for source in (*one.data, *one.synthetic)]
        made = [PLAIN] if one.plain_claims else []
        assert [found["name"] for found in run["sets"]] == sets + made
    assert list(runs[-1]["dev"]) == [source.name for source in recipe.dev]
