"""Training: objective, data, recipes and small runs, against torch, scikit-learn and scipy."""

import importlib.util
import itertools
import json
import math
import random
import shutil
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml
from hypothesis import given
from hypothesis import strategies as st
from safetensors import safe_open
from scipy.stats import pearsonr
from sklearn.metrics import accuracy_score, roc_auc_score
from torch.nn import functional
from transformers import AutoTokenizer, BertConfig, BertModel

from alignscore_metric import AlignScore, ConfigurationError, InputError, MissingResourceError
from alignscore_metric.aligner import Aligner, AlignerOutput
from alignscore_metric.profile import Profile
from alignscore_metric.training import trainer
from alignscore_metric.training.data import (
    IGNORED,
    AlignmentExample,
    encode_examples,
    length_batches,
    read_examples,
    sample,
)
from alignscore_metric.training.evaluation import evaluate_dev, roc_auc
from alignscore_metric.training.objective import joint_loss
from alignscore_metric.training.recipe import DataSource, Recipe, SyntheticSource, read_recipe
from alignscore_metric.training.trainer import TrainingError, gather, start_from, train

RECIPES = Path(trainer.__file__).parent / "recipes"


def rng(seed: object) -> random.Random:
    return random.Random(seed)  # noqa: S311  # draws data, not secrets


# --------------------------------------------------------------------------- objective


def toy_batch() -> tuple[AlignerOutput, dict[str, torch.Tensor]]:
    draw = torch.Generator().manual_seed(0)
    output = AlignerOutput(
        *(torch.randn(shape, generator=draw).requires_grad_() for shape in ((6, 2), (6, 3), (6,)))
    )
    labels = {
        "bin": torch.tensor([1, 0, 1, IGNORED, IGNORED, IGNORED]),
        "tri": torch.tensor([IGNORED, IGNORED, 0, 2, IGNORED, IGNORED]),
        "reg": torch.tensor([IGNORED] * 4 + [0.2, 0.9]),
    }
    return output, labels


def test_joint_loss_equals_torch_head_by_head():
    output, labels = toy_batch()
    expected = (
        functional.cross_entropy(output.bin[:3], labels["bin"][:3]) / math.log(2)
        + functional.cross_entropy(output.tri[2:4], labels["tri"][2:4]) / math.log(3)
        + functional.mse_loss(output.reg[4:], labels["reg"][4:])
    )
    torch.testing.assert_close(joint_loss(output, labels), expected)


def test_joint_loss_of_uniform_logits_is_one_per_classification_head():
    output = AlignerOutput(torch.zeros(2, 2), torch.zeros(2, 3), torch.zeros(2))
    ignored = torch.full((2,), IGNORED)
    labels = {"bin": torch.tensor([1, 0]), "tri": torch.tensor([2, 0]), "reg": ignored.float()}
    torch.testing.assert_close(joint_loss(output, labels), torch.tensor(2.0))


def test_gradient_reaches_labelled_rows_and_no_others():
    output, labels = toy_batch()
    joint_loss(output, labels).backward()
    for head, logits in output._asdict().items():
        touched = logits.grad.reshape(6, -1).abs().sum(dim=1) > 0
        assert touched.tolist() == (labels[head] != IGNORED).tolist()


@pytest.mark.parametrize("head", ["bin", "tri", "reg"])
def test_head_without_a_label_adds_nothing(head):
    output, labels = toy_batch()
    alone = dict(labels)
    for other in {"bin", "tri", "reg"} - {head}:
        alone[other] = torch.full_like(labels[other], IGNORED)
    none = labels | {head: torch.full_like(labels[head], IGNORED)}
    loss = joint_loss(output, none)
    torch.testing.assert_close(loss + joint_loss(output, alone), joint_loss(output, labels))
    loss.backward()
    grad = getattr(output, head).grad
    assert grad is None or not grad.any()


def test_nothing_labelled_gives_zero():
    output, labels = toy_batch()
    labels = {head: torch.full_like(values, IGNORED) for head, values in labels.items()}
    assert joint_loss(output, labels).item() == 0.0


# --------------------------------------------------------------------------- reading

GOOD = {"text_a": "a", "text_b": "b", "label_type": "bin", "label": 1}


def test_read_examples_plain_and_gzipped(tmp_path):
    import gzip

    rows = [
        GOOD | {"dataset": "passed over", "text_a": "caf\u00e9 \u2028"},
        GOOD | {"label_type": "tri", "label": 2},
        GOOD | {"label_type": "reg", "label": 0.25},
    ]
    text = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    (tmp_path / "set.jsonl").write_text(text, encoding="utf-8")
    with gzip.open(tmp_path / "set.jsonl.gz", "wt", encoding="utf-8") as stream:
        stream.write(text)
    expected = [
        AlignmentExample("set", "caf\u00e9 \u2028", "b", "bin", 1.0),
        AlignmentExample("set", "a", "b", "tri", 2.0),
        AlignmentExample("set", "a", "b", "reg", 0.25),
    ]
    assert read_examples(tmp_path / "set.jsonl", "set") == expected
    assert read_examples(tmp_path / "set.jsonl.gz", "set") == expected


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("{oops", "oops|Expecting"),
        ("[1]", ""),
        (GOOD | {"label_type": "quad"}, "quad.*known: bin, tri, reg"),
        (GOOD | {"label": 2}, "label 2 does not exist for label_type 'bin'"),
        (GOOD | {"label": 0.5}, "label 0.5"),
        (GOOD | {"label": -100}, "label -100"),
        (GOOD | {"label_type": "tri", "label": 3}, "label 3"),
        (GOOD | {"label_type": "reg", "label": 1.01}, "label 1.01"),
        (GOOD | {"label_type": "reg", "label": math.nan}, "label nan"),
        (GOOD | {"label": None}, ""),
        (GOOD | {"text_a": None}, "text_a"),
        (GOOD | {"text_b": 7}, "text_b"),
        ({k: v for k, v in GOOD.items() if k != "text_b"}, "text_b"),
    ],
)
def test_broken_example_names_file_and_line(tmp_path, row, message):
    path = tmp_path / "set.jsonl"
    bad = row if isinstance(row, str) else json.dumps(row)
    path.write_text(f"{json.dumps(GOOD)}\n{bad}\n{json.dumps(GOOD)}\n")
    with pytest.raises(InputError, match=rf"set\.jsonl, line 2: .*({message})"):
        read_examples(path, "set")


def test_missing_and_empty_training_files(tmp_path):
    with pytest.raises(InputError, match=r"no training file .*absent\.jsonl"):
        read_examples(tmp_path / "absent.jsonl", "set")
    (tmp_path / "empty.jsonl").write_text("")
    with pytest.raises(InputError, match=r"empty\.jsonl holds no example"):
        read_examples(tmp_path / "empty.jsonl", "set")


@pytest.mark.parametrize(("name", "content"), [("a.jsonl", b"\xff\n"), ("a.jsonl.gz", b"no gzip")])
def test_training_file_that_is_no_text(tmp_path, name, content):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError, match=name):
        read_examples(tmp_path / name, "set")


def test_sample():
    rows = [AlignmentExample("d", str(i), "b", "bin", 1) for i in range(50)]
    drawn = sample(rows, 20, rng(1))
    assert len(set(drawn)) == 20
    assert set(drawn) <= set(rows)
    assert drawn == sample(rows, 20, rng(1)) != sample(rows, 20, rng(2))
    for limit in (None, 50, 99):
        assert sample(rows, limit, rng(1)) == rows


# --------------------------------------------------------------------------- encoding

EXAMPLES = [
    AlignmentExample("x", "The bridge was closed.", "It was closed.", "bin", 1),
    AlignmentExample("x", "Snow fell on the town all day.", "It was dry.", "tri", 2),
    AlignmentExample("y", "Snow fell.", "Snow fell on the town.", "tri", 0),
    AlignmentExample("y", "The bridge was closed. " * 20, "The council met.", "reg", 0.75),
]


@pytest.fixture(scope="module")
def tokenizer(tiny_aligner):
    return AutoTokenizer.from_pretrained(tiny_aligner)


@pytest.mark.parametrize(
    ("bin_from_tri", "bins"),
    [(False, [1, IGNORED, IGNORED, IGNORED]), (True, [1, 0, 1, IGNORED])],
)
def test_encode_examples_labels(tokenizer, bin_from_tri, bins):
    encoded = encode_examples(EXAMPLES, tokenizer, max_length=64, bin_from_tri=bin_from_tri)
    assert len(encoded) == 4
    assert encoded.labels["bin"].tolist() == bins
    assert encoded.labels["tri"].tolist() == [IGNORED, 2, 0, IGNORED]
    assert encoded.labels["reg"].tolist() == [IGNORED, IGNORED, IGNORED, 0.75]
    assert encoded.datasets == ["x", "x", "y", "y"]


def test_batch_equals_the_tokenizer_itself(tokenizer):
    encoded = encode_examples(EXAMPLES, tokenizer, max_length=32)
    rows = [3, 0, 2]
    inputs, labels = encoded.batch(rows)
    expected = tokenizer(
        [EXAMPLES[row].text_a for row in rows],
        [EXAMPLES[row].text_b for row in rows],
        truncation="only_first",
        max_length=32,
        padding=True,
        return_tensors="pt",
    )
    assert inputs.keys() == expected.keys()
    for key, values in expected.items():
        assert torch.equal(inputs[key], values)
    assert encoded.lengths()[rows].tolist() == expected["attention_mask"].sum(dim=1).tolist()
    assert labels["reg"].tolist() == [0.75, IGNORED, IGNORED]
    assert labels["bin"].tolist() == [IGNORED, 1, IGNORED]


@given(
    st.lists(st.integers(1, 300), max_size=60),
    st.integers(1, 1000),
    st.integers(0, 1000),
    st.integers(1, 70),
)
def test_length_batches(lengths, budget, seed, pool):
    array = np.array(lengths, dtype=np.int64)

    def batched(seed):
        return length_batches(
            array, batch_tokens=budget, rng=np.random.default_rng(seed), pool=pool
        )

    batches = batched(seed)
    assert sorted(row for batch in batches for row in batch) == list(range(len(lengths)))
    for batch in batches:
        assert len(batch) == 1 or len(batch) * max(lengths[row] for row in batch) <= budget
    assert batches == batched(seed)


def test_length_batches_group_by_length_in_an_order_that_the_seed_draws():
    lengths = np.array([10, 200] * 50)
    first, second = (
        length_batches(lengths, batch_tokens=1000, rng=np.random.default_rng(seed))
        for seed in (0, 1)
    )
    assert first != second
    # 50 rows of 10 in one batch at most once mixed; 50 rows of 200 in fives.
    assert len(first) == 11
    assert sum(len({int(lengths[row]) for row in batch}) > 1 for batch in first) <= 1


# --------------------------------------------------------------------------- evaluation


@given(st.lists(st.tuples(st.booleans(), st.integers(-3, 3)), min_size=2, max_size=40))
def test_roc_auc_equals_scikit_learn(rows):
    labels, scores = np.array([int(a) for a, _ in rows]), np.array([b / 7 for _, b in rows])
    if len(set(labels.tolist())) == 1:
        assert math.isnan(roc_auc(labels, scores))
    else:
        assert roc_auc(labels, scores) == pytest.approx(roc_auc_score(labels, scores), abs=1e-12)


def test_evaluate_dev_equals_a_loop_over_single_pairs(tiny_aligner, tokenizer):
    draw = rng(0)
    words = "snow rain fell bridge closed council town monday open north".split()  # noqa: SIM905
    kinds = {"bin": (0, 1), "tri": (0, 1, 2), "reg": (0.0, 0.3, 0.9)}
    examples = [
        AlignmentExample(
            "d",
            " ".join(draw.choices(words, k=draw.randint(2, 30))),
            " ".join(draw.choices(words, k=4)),
            head,
            draw.choice(labels),
        )
        for head, labels in kinds.items()
        for _ in range(12)
    ]
    aligner = Aligner.from_pretrained(tiny_aligner, dtype=torch.float32)
    aligner.train()
    found = evaluate_dev(
        aligner,
        encode_examples(examples, tokenizer, max_length=512),
        precision="fp32",
        batch_tokens=200,
    )
    assert aligner.training
    aligner.eval()
    with torch.inference_mode():
        outputs = [aligner(**tokenizer(e.text_a, e.text_b, return_tensors="pt")) for e in examples]
    truth = [e.label for e in examples]
    margins = [float(o.bin[0, 1] - o.bin[0, 0]) for o in outputs[:12]]
    expected = {
        "rows": 36,
        "bin_accuracy": accuracy_score(truth[:12], [m > 0 for m in margins]),
        "bin_auc": roc_auc_score(truth[:12], margins),
        "tri_accuracy": accuracy_score(truth[12:24], [int(o.tri.argmax()) for o in outputs[12:24]]),
        "reg_pearson": pearsonr(truth[24:], [float(o.reg) for o in outputs[24:]]).statistic,
    }
    assert found == pytest.approx(expected, abs=1e-5)


# --------------------------------------------------------------------------- recipes

MINIMAL = {"encoder": "e", "name": "n", "data": [{"file": "a.jsonl.gz", "licence": "MIT"}]}


def recipe_file(tmp_path, values) -> Path:
    path = tmp_path / "recipe.yaml"
    path.write_text(values if isinstance(values, str) else yaml.safe_dump(values))
    return path


def test_recipe_is_read_key_by_key(tmp_path):
    values = MINIMAL | {
        "synthetic": [{"file": "b.jsonl", "licence": "CC0", "pairs": 5}],
        "synthetic_words": [10, 20],
        "profile": {"head": "bin", "supported": 1},
        "epochs": 3,
    }
    recipe = read_recipe(recipe_file(tmp_path, values))
    assert recipe == Recipe(
        encoder="e",
        name="n",
        data=(DataSource(file="a.jsonl.gz", licence="MIT"),),
        synthetic=(SyntheticSource(file="b.jsonl", licence="CC0", pairs=5),),
        synthetic_words=(10, 20),
        profile=Profile(head="bin", supported=1),
        epochs=3,
    )
    assert [s.name for s in (*recipe.data, *recipe.synthetic)] == ["a", "b+edits"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"epoch": 2}, r"recipe: unknown key\(s\) epoch; known: encoder, name, .*epochs"),
        (
            {"data": [{"file": "a", "licence": "b", "limits": 3}]},
            r"data\[0\]: unknown key\(s\) limits; known: file, licence, limit",
        ),
        (
            {"dev": [{"file": "a", "licence": "b"}, {"file": "a", "license": "b"}]},
            r"dev\[1\]: unknown key\(s\) license; known: file, licence",
        ),
        (
            {"synthetic": [{"file": "a", "licence": "b", "pair": 3}]},
            r"synthetic\[0\]: unknown key\(s\) pair; known: file, licence, pairs",
        ),
        ({"profile": {"heads": "bin"}}, r"unknown profile key\(s\) heads; known: .*head"),
        ({"profile": {"head": "quad"}}, "known heads: bin, tri, reg"),
        ({"profile": {"supported": "one"}}, "supported"),
        ({"profile": 5}, "profile"),
        ({"data": [{"file": "a"}]}, r"data\[0\]: .*'licence'"),
        ({"data": ["a.jsonl"]}, r"data\[0\] must hold keys: file, licence, limit"),
        ({"data": {"file": "a", "licence": "b"}}, "`data` must be a list"),
        ({"data": []}, "names no data: give `data` or `synthetic`"),
        ({"precision": "fp16"}, "'fp16'; known: fp32, bf16"),
        ({"epochs": 0}, "epochs"),
        ({"epochs": "two"}, "epochs is 'two'"),
        ({"batch_tokens": 0}, "batch_tokens"),
        ({"warmup": 1.0}, "warmup"),
        ({"synthetic_words": 40}, "synthetic_words"),
        ({"synthetic_words": [60, 20]}, "synthetic_words"),
        ({"learning_rate": "fast"}, "learning_rate"),
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


def test_learning_rate_as_people_write_it_is_a_number(tmp_path):
    """YAML 1.1 takes `1e-4`, without a point, for a string."""
    text = yaml.safe_dump(MINIMAL) + "learning_rate: 1e-4\n"
    assert read_recipe(recipe_file(tmp_path, text)).learning_rate == pytest.approx(0.0001)


@pytest.mark.parametrize("text", ["a: [1", "\t- x", "", "- 1", "just text"])
def test_recipe_that_is_no_yaml_of_keys(tmp_path, text):
    with pytest.raises(ConfigurationError, match=r"recipe\.yaml"):
        read_recipe(recipe_file(tmp_path, text))


def test_missing_recipe(tmp_path):
    with pytest.raises(ConfigurationError, match=r"cannot read the recipe .*absent\.yaml"):
        read_recipe(tmp_path / "absent.yaml")


@pytest.mark.parametrize("path", sorted(RECIPES.glob("*.yaml")), ids=lambda path: path.stem)
def test_shipped_recipes(path):
    recipe = read_recipe(path)
    assert recipe.name.startswith("mini")
    assert (recipe.profile.head, recipe.profile.supported) == ("bin", 1)
    assert recipe.profile.splitter == "bundled_punkt"
    trained_on = [source.file for source in (*recipe.data, *recipe.synthetic)]
    assert not {source.file for source in recipe.dev} & set(trained_on)
    assert not [file for file in trained_on if ".dev." in file or "optional" in file]
    assert all(source.licence for source in (*recipe.data, *recipe.synthetic, *recipe.dev))


def test_the_bundled_aligners_recipes_are_shipped():
    assert len(list(RECIPES.glob("mini-*.yaml"))) == 3


# --------------------------------------------------------------------------- whole runs

DOCUMENTS = [
    "The council closed the old bridge on Monday after engineers found 14 cracks. "
    "Mayor Helen Ortiz said that the repairs would cost a lot and take until March. "
    "Drivers were told to use the northern road, which was opened in 1987.",
    "The museum in Leeds sold three paintings before the auction ended in June. "
    "Its director, Amira Khan, thanked the buyers and welcomed the higher prices. "
    "About 650 people visited the museum on Saturday in heavy rain.",
]


def pair_rows() -> list[dict]:
    """60 rows that can be learnt: a claim is right where its thing is that of its text."""
    draw, rows = rng(0), []
    things = ["bridge", "council", "river", "school", "museum"]
    for i in range(60):
        head = ("bin", "tri", "reg")[i % 3]
        thing, other = draw.sample(things, 2)
        right = i % 2 == 0
        label = {"bin": int(right), "tri": 0 if right else 2, "reg": 0.9 if right else 0.1}[head]
        rows.append(
            {
                "text_a": f"The {thing} was closed on Monday.",
                "text_b": f"The {thing if right else other} was closed.",
                "label_type": head,
                "label": label,
            }
        )
    return rows


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("data")
    texts = {
        "pairs.jsonl": pair_rows(),
        "pairs.dev.jsonl": pair_rows()[:30],
        "documents.jsonl": [GOOD | {"text_a": text} for text in DOCUMENTS],
    }
    for name, rows in texts.items():
        (folder / name).write_text("".join(json.dumps(row) + "\n" for row in rows))
    return folder


@pytest.fixture(scope="module")
def encoder(tmp_path_factory, tiny_aligner) -> Path:
    folder = tmp_path_factory.mktemp("encoder")
    torch.manual_seed(3)
    config = BertConfig(
        vocab_size=600,
        hidden_size=32,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=64,
    )
    BertModel(config).save_pretrained(folder)
    AutoTokenizer.from_pretrained(tiny_aligner).save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def recipe(encoder) -> Recipe:
    return Recipe(
        encoder=str(encoder),
        name="A tiny aligner",
        pooling="claim_mean",
        profile=Profile(head="bin", supported=1, splitter="bundled_punkt", max_length=128),
        data=(DataSource(file="pairs.jsonl", licence="CC BY 4.0"),),
        synthetic=(SyntheticSource(file="documents.jsonl", licence="CC0 1.0", pairs=40),),
        synthetic_words=(10, 30),
        dev=(DataSource(file="pairs.dev.jsonl", licence="CC BY 4.0"),),
        bin_from_tri=True,
        epochs=6,
        batch_tokens=400,
        learning_rate=3e-3,
        precision="fp32",
        seed=7,
    )


@pytest.fixture(scope="module")
def trained(recipe, data_dir, tmp_path_factory) -> tuple[Path, dict]:
    folder = tmp_path_factory.mktemp("trained") / "model"
    return folder, train(recipe, data_dir=data_dir, output=folder)


def weights(folder: Path) -> dict[str, torch.Tensor]:
    with safe_open(folder / "model.safetensors", framework="pt") as stored:
        return {key: stored.get_tensor(key) for key in stored.keys()}  # noqa: SIM118  # no dict


def test_trained_folder_is_whole_and_scores(trained, recipe):
    folder, metrics = trained
    names = {path.name for path in folder.iterdir()}
    assert names >= {"config.json", "model.safetensors", "tokenizer.json", "README.md"}
    assert not [name for name in names if "partial" in name]
    assert {tensor.dtype for tensor in weights(folder).values()} == {torch.float16}
    metric = AlignScore(folder, progress=False)
    assert metric.profile == recipe.profile
    scores = metric.score(["The bridge was closed on Monday."], ["The bridge was closed."])
    assert 0 <= scores[0] <= 1
    assert metrics.keys() == {"pairs.dev"}
    assert metrics["pairs.dev"]["rows"] == 30
    assert metrics["pairs.dev"].keys() == {
        "rows",
        "bin_accuracy",
        "bin_auc",
        "tri_accuracy",
        "reg_pearson",
    }


def test_saved_model_gives_the_reported_metrics(trained, data_dir):
    folder, metrics = trained
    rows = [json.loads(line) for line in (data_dir / "pairs.dev.jsonl").read_text().splitlines()]
    bins = [row for row in rows if row["label_type"] == "bin"]
    scores = AlignScore(folder, progress=False).score(
        [row["text_a"] for row in bins], [row["text_b"] for row in bins]
    )
    auc = roc_auc_score([row["label"] for row in bins], scores)
    assert auc == pytest.approx(
        metrics["pairs.dev"]["bin_auc"], abs=0.02
    )  # saved in half precision


def test_training_log_counts_steps_and_tokens(trained):
    folder, _ = trained
    log = [json.loads(line) for line in (folder / "training_log.jsonl").read_text().splitlines()]
    steps = log[-1]["steps"]
    assert [row["step"] for row in log] == sorted({*range(20, steps + 1, 20), steps})
    assert all(a["tokens"] < b["tokens"] for a, b in itertools.pairwise(log))


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_training_learns_what_can_be_learnt(recipe, tmp_path, precision):
    rows = [
        GOOD | {"text_a": "Rain.", "text_b": f"It was {word}.", "label": int(word == "closed")}
        for word in ["closed", "opened"] * 40
    ]
    (tmp_path / "easy.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    easy = DataSource(file="easy.jsonl", licence="CC0 1.0")
    learnable = replace(
        recipe,
        data=(easy,),
        synthetic=(),
        dev=(easy,),
        precision=precision,
        batch_tokens=120,
        epochs=16,
        learning_rate=5e-3,
    )
    metrics = train(learnable, data_dir=tmp_path, output=tmp_path / "out")
    assert metrics["easy"] == {"rows": 80, "bin_accuracy": 1.0, "bin_auc": 1.0}
    log = (tmp_path / "out" / "training_log.jsonl").read_text().splitlines()
    assert json.loads(log[-1])["loss"] < 0.5  # chance is 1


def test_same_seed_gives_identical_weights_and_another_seed_does_not(
    trained, recipe, data_dir, tmp_path
):
    torch.manual_seed(99)  # what ran before must not matter
    train(recipe, data_dir=data_dir, output=tmp_path / "again")
    first, second = weights(trained[0]), weights(tmp_path / "again")
    assert first.keys() == second.keys()
    assert all(torch.equal(first[key], second[key]) for key in first)
    train(replace(recipe, seed=8, epochs=1), data_dir=data_dir, output=tmp_path / "other")
    other = weights(tmp_path / "other")
    assert not torch.equal(first["bin_layer.weight"], other["bin_layer.weight"])


def test_model_card_names_every_set_with_its_pairs_and_licence(trained):
    card = (trained[0] / "README.md").read_text(encoding="utf-8")
    assert card.startswith("# A tiny aligner\n")
    assert "| pairs | 60 | CC BY 4.0 | 1 |" in card
    assert "| documents+edits | 40 | CC0 1.0 | 1 |" in card
    assert "| pairs.dev | 30 |" in card
    assert "Pooling `claim_mean`" in card


def test_model_card_counts_rows_that_name_another_dataset(encoder, recipe, tmp_path):
    rows = [row | {"dataset": "their own name"} for row in pair_rows()[:9]]
    (tmp_path / "pairs.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    short = replace(recipe, synthetic=(), dev=(), epochs=1)
    train(short, data_dir=tmp_path, output=tmp_path / "out")
    assert "| pairs | 9 | CC BY 4.0 |" in (tmp_path / "out" / "README.md").read_text(
        encoding="utf-8"
    )


def test_gather_draws_limits_and_makes_synthetic_pairs(recipe, data_dir):
    limited = replace(recipe, data=(replace(recipe.data[0], limit=10),))
    examples = gather(limited, data_dir)
    assert Counter(e.dataset for e in examples) == {"pairs": 10, "documents+edits": 40}
    assert examples == gather(limited, data_dir)
    assert examples != gather(replace(limited, seed=8), data_dir)


def test_start_from_an_encoder_keeps_its_weights_and_draws_new_heads(recipe, encoder):
    aligner, _ = start_from(replace(recipe, dropout=0.25))
    expected = BertModel.from_pretrained(encoder).state_dict()
    for key, values in aligner.encoder.state_dict().items():
        assert torch.equal(values, expected[key])
    dropouts = {m.p for m in aligner.modules() if isinstance(m, torch.nn.Dropout)}
    assert 0.25 in dropouts
    assert aligner.encoder.config.attention_probs_dropout_prob == 0.0
    assert aligner.profile == recipe.profile


def test_going_on_from_an_aligner_keeps_its_pooling(recipe, data_dir, tiny_aligner, tmp_path):
    going_on = replace(
        recipe, encoder=str(tiny_aligner), pooling="pooler", epochs=1, learning_rate=1e-8, dev=()
    )
    train(going_on, data_dir=data_dir, output=tmp_path / "out")
    config = json.loads((tmp_path / "out" / "config.json").read_text())
    assert config["pooling"] == "claim_mean"
    assert config["profile"]["max_length"] == 128
    before, after = weights(tiny_aligner), weights(tmp_path / "out")
    assert before.keys() == after.keys()
    for key, values in before.items():  # a step of 1e-8 changes nothing: it did start there
        torch.testing.assert_close(after[key].float(), values.float(), atol=2e-3, rtol=2e-3)
    card = (tmp_path / "out" / "README.md").read_text(encoding="utf-8")
    assert "Pooling `claim_mean`" in card


def test_going_on_from_a_trained_aligner_records_both_runs(trained, recipe, data_dir, tmp_path):
    documents = DataSource(file="documents.jsonl", licence="CC0 1.0", limit=1)
    going_on = replace(
        recipe, encoder=str(trained[0]), name="Second", data=(documents,), synthetic=(), epochs=1
    )
    train(going_on, data_dir=data_dir, output=tmp_path / "out")
    card = (tmp_path / "out" / "README.md").read_text(encoding="utf-8")
    assert card.startswith("# Second\n")
    for row in ("| pairs | 60 | CC BY 4.0 | 1 |", "| documents | 1 | CC0 1.0 | 2 |"):
        assert row in card
    runs = json.loads((tmp_path / "out" / "training.json").read_text(encoding="utf-8"))["runs"]
    assert [run["name"] for run in runs] == ["A tiny aligner", "Second"]


def test_loss_that_is_not_a_number_stops_and_leaves_the_saved_model(
    trained, recipe, data_dir, tmp_path, monkeypatch
):
    output = tmp_path / "model"
    shutil.copytree(trained[0], output)
    before = weights(output)
    monkeypatch.setattr(trainer, "joint_loss", lambda out, labels: out.bin.sum() * math.nan)
    alone = replace(recipe, synthetic=())
    with pytest.raises(TrainingError, match=r"loss is nan at step 1 \(batch of pairs\).*learning"):
        train(alone, data_dir=data_dir, output=output)
    after = weights(output)
    assert all(torch.equal(before[key], after[key]) for key in before)
    AlignScore(output, progress=False).score(["a"], ["b."])


def test_missing_dev_file_is_told_before_training_not_after(
    recipe, data_dir, tmp_path, monkeypatch
):
    monkeypatch.setattr(trainer, "_fit", lambda *args: pytest.fail("it trained first"))
    absent = replace(recipe, dev=(DataSource(file="absent.jsonl", licence="MIT"),))
    with pytest.raises(InputError, match=r"absent\.jsonl"):
        train(absent, data_dir=data_dir, output=tmp_path / "out")


def test_missing_package_of_the_encoder(recipe, data_dir, tmp_path, monkeypatch):
    found = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: None if name.startswith("gt_") else found(name)
    )
    with pytest.raises(MissingResourceError, match=r"all-MiniLM-L6-v2.*pip install 'alignscore-"):
        train(
            replace(recipe, encoder="all-MiniLM-L6-v2"), data_dir=data_dir, output=tmp_path / "out"
        )


def test_encoder_that_is_nowhere_is_our_error(recipe, data_dir, tmp_path):
    absent = replace(recipe, encoder=str(tmp_path / "absent"))
    with pytest.raises((ConfigurationError, MissingResourceError), match="absent"):
        train(absent, data_dir=data_dir, output=tmp_path / "out")


def test_output_that_is_a_file_is_our_error(recipe, data_dir, tmp_path):
    (tmp_path / "out").write_text("precious")
    with pytest.raises((ConfigurationError, InputError), match="out"):
        train(recipe, data_dir=data_dir, output=tmp_path / "out")
    assert (tmp_path / "out").read_text() == "precious"
