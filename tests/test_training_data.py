"""Training data: reading, encoding, batching and preparing it, against the tokenizer itself."""

import gzip
import json
import math
import random
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from transformers import AutoTokenizer

from alignscore_metric import ConfigurationError, InputError
from alignscore_metric.checkpoint.profile import Profile
from alignscore_metric.training import catalogue, prepare
from alignscore_metric.training.data import (
    IGNORED,
    AlignmentExample,
    encode_examples,
    length_batches,
    load_encoded,
    read_examples,
    sample,
    save_encoded,
    write_examples,
)
from alignscore_metric.training.recipe import DataSource, Recipe, SyntheticSource


def rng(seed: object) -> random.Random:
    return random.Random(seed)  # noqa: S311  # draws data, not secrets


# --------------------------------------------------------------------------- reading

GOOD = {"text_a": "a", "text_b": "b", "label_type": "bin", "label": 1}


def write_rows(path: Path, rows: list[dict]) -> None:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")


def test_read_examples_plain_and_gzipped(tmp_path):
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
        (GOOD | {"label": 10**400}, "int too large"),
        ("[" * 100_000, "recursion"),
        ({k: v for k, v in GOOD.items() if k != "text_b"}, "text_b"),
    ],
)
def test_broken_example_names_file_and_line(tmp_path, row, message):
    path = tmp_path / "set.jsonl"
    bad = row if isinstance(row, str) else json.dumps(row)
    path.write_text(f"{json.dumps(GOOD)}\n{bad}\n{json.dumps(GOOD)}\n")
    with pytest.raises(InputError, match=rf"set\.jsonl, line 2: .*({message})"):
        read_examples(path, "set")


@pytest.mark.parametrize("blank", ["\n", "  \t\n", "\r\n"])
def test_blank_lines_are_skipped_and_counted(tmp_path, blank):
    path = tmp_path / "set.jsonl"
    good = f"{json.dumps(GOOD)}\n"
    path.write_text(f"\ufeff{blank}{good}{blank}{good}{blank}", encoding="utf-8", newline="")
    assert len(read_examples(path, "set")) == 2
    path.write_text(f"{good}{blank}oops\n", newline="")
    with pytest.raises(InputError, match=r"set\.jsonl, line 3"):
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


def test_written_examples_are_read_again(tmp_path):
    rows = [
        AlignmentExample("set", "caf\u00e9\n\u2028\U0001f600", '"b"', "reg", 0.125),
        AlignmentExample("set", "a", "b", "bin", 1.0, kind="number"),
    ]
    write_examples(rows, tmp_path / "out.jsonl")
    assert read_examples(tmp_path / "out.jsonl", "set") == [
        replace(row, kind="") for row in rows
    ]  # the kind is for people and probes: nothing trains on it
    written = [json.loads(line) for line in (tmp_path / "out.jsonl").open(encoding="utf-8")]
    assert [row["kind"] for row in written] == ["", "number"]
    assert [path.name for path in tmp_path.iterdir()] == ["out.jsonl"]


def test_a_write_that_fails_leaves_the_file_before(tmp_path):
    good = AlignmentExample("set", "a", "b", "bin", 1.0)
    write_examples([good], tmp_path / "out.jsonl")
    before = (tmp_path / "out.jsonl").read_bytes()
    with pytest.raises(TypeError):
        write_examples([good, replace(good, text_a=object())], tmp_path / "out.jsonl")
    assert (tmp_path / "out.jsonl").read_bytes() == before


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


@pytest.fixture(scope="module")
def tokenizers(tokenizer, byte_tokenizer):
    """BERT's layout, with token types, and RoBERTa's, without and with two signs in between."""
    return {"bert": tokenizer, "roberta": AutoTokenizer.from_pretrained(byte_tokenizer)}


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
    assert [encoded.datasets[i] for i in encoded.dataset.tolist()] == ["x", "x", "y", "y"]
    assert encoded.names([3, 2]) == ["y"]
    assert encoded.names([3, 0, 1]) == ["x", "y"]


TEXT = st.text("snow rain. \u00e9\u4e2d", max_size=40)


@pytest.mark.parametrize("layout", ["bert", "roberta"])
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(
    pairs=st.lists(st.tuples(TEXT, TEXT), min_size=1, max_size=5),
    max_length=st.integers(12, 60),
    data=st.data(),
)
def test_batch_equals_the_tokenizer_itself(tokenizers, layout, pairs, max_length, data):
    tokenizer = tokenizers[layout]
    pairs = [("a", "b"), *pairs]  # a corpus has one token at least
    rows = data.draw(st.lists(st.integers(0, len(pairs) - 1), min_size=1, max_size=6))
    examples = [AlignmentExample("d", a, b, "reg", i / 10) for i, (a, b) in enumerate(pairs)]
    encoded = encode_examples(examples, tokenizer, max_length=max_length)
    inputs, labels = encoded.batch(rows)
    special = tokenizer.num_special_tokens_to_add(pair=True)
    single = []
    for a, b in (pairs[row] for row in rows):
        fits = len(tokenizer.tokenize(b)) < max_length - special
        strategy = "only_first" if fits else "longest_first"
        # In lists: an empty second text that stands alone is taken for none.
        one = tokenizer([a], [b], max_length=max_length, truncation=strategy)
        single.append({key: values[0] for key, values in one.items()})
    expected = tokenizer.pad(single, return_tensors="pt")
    assert inputs.keys() == expected.keys()
    for key, values in expected.items():
        assert inputs[key].dtype == torch.int64
        assert torch.equal(inputs[key], values), key
    assert encoded.lengths()[rows].tolist() == expected["attention_mask"].sum(dim=1).tolist()
    assert labels["reg"].tolist() == pytest.approx([row / 10 for row in rows])
    assert labels["bin"].tolist() == [IGNORED] * len(rows)


def test_a_distinct_text_is_stored_once(tokenizer):
    encoded = encode_examples(EXAMPLES, tokenizer, max_length=64)
    texts = dict.fromkeys(text for e in EXAMPLES for text in (e.text_a, e.text_b))
    ids = [tokenizer(text, add_special_tokens=False)["input_ids"] for text in texts]
    assert encoded.tokens.tolist() == [token for text in ids for token in text]
    twice = encode_examples([*EXAMPLES, *EXAMPLES], tokenizer, max_length=64)
    assert torch.equal(twice.tokens, encoded.tokens)
    assert len(twice) == 8


def test_many_texts_are_encoded_part_by_part(tokenizer, monkeypatch):
    from alignscore_metric.training import data

    whole = encode_examples(EXAMPLES, tokenizer, max_length=64)
    monkeypatch.setattr(data, "ENCODED_AT_ONCE", 3)
    assert encode_examples(EXAMPLES, tokenizer, max_length=64).digest() == whole.digest()


def test_saved_examples_are_the_same_examples(tokenizers, tmp_path):
    for layout, tokenizer in tokenizers.items():
        encoded = encode_examples(EXAMPLES, tokenizer, max_length=32, bin_from_tri=True)
        save_encoded(encoded, tmp_path / layout, notes='{"any": "text \u00e9"}')
        loaded, notes = load_encoded(tmp_path / layout)
        assert notes == '{"any": "text \u00e9"}'
        assert loaded.digest() == encoded.digest()
        assert (loaded.datasets, loaded.template) == (encoded.datasets, encoded.template)
        for one, two in zip(loaded.batch([3, 1]), encoded.batch([3, 1]), strict=True):
            assert one.keys() == two.keys()
            assert all(torch.equal(one[key], two[key]) for key in one)
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(tokenizers)


@pytest.mark.parametrize("content", [None, b"", b"\0" * 64, b"not safetensors at all"])
def test_a_file_that_holds_no_prepared_data(tmp_path, content):
    if content is not None:
        (tmp_path / "x").write_bytes(content)
    with pytest.raises(InputError, match=r"x holds no prepared data: .*; delete it"):
        load_encoded(tmp_path / "x")


def test_safetensors_of_something_else(tmp_path):
    from safetensors.torch import save_file

    save_file({"a": torch.zeros(2)}, tmp_path / "x")
    with pytest.raises(InputError, match="x holds no prepared data"):
        load_encoded(tmp_path / "x")


def test_the_digest_tells_any_change(tokenizer):
    def digest(change=None, *, max_length=64, bin_from_tri=False) -> str:
        rows = list(EXAMPLES)
        if change:
            rows[3] = replace(rows[3], **change)
        return encode_examples(
            rows, tokenizer, max_length=max_length, bin_from_tri=bin_from_tri
        ).digest()

    changed = [
        digest(),
        digest({"text_a": "The bridge was open."}),
        digest({"text_b": "The council met"}),
        digest({"label": 0.5}),
        digest({"head": "bin", "label": 1}),
        digest({"dataset": "x"}),
        digest({"dataset": "z"}),
        digest(max_length=32),
        digest(bin_from_tri=True),
        encode_examples(EXAMPLES[:3], tokenizer, max_length=64).digest(),
        encode_examples(EXAMPLES[::-1], tokenizer, max_length=64).digest(),
    ]
    assert len(set(changed)) == len(changed)
    assert digest() == changed[0]


def test_the_digest_tells_another_layout(tokenizer):
    encoded = encode_examples(EXAMPLES, tokenizer, max_length=64)
    other = replace(encoded, template=replace(encoded.template, pad_id=1))
    assert other.digest() != encoded.digest()


# --------------------------------------------------------------------------- batching


@given(
    st.lists(st.integers(1, 300), min_size=1, max_size=60),
    st.integers(1, 1000),
    st.integers(0, 1000),
    st.integers(1, 70),
    st.one_of(st.none(), st.integers(1, 9)),
)
def test_length_batches(lengths, budget, seed, pool, rows):
    array = np.array(lengths, dtype=np.int64)

    def batched(seed):
        rng = np.random.default_rng(seed)
        return length_batches(array, batch_tokens=budget, rng=rng, batch_rows=rows, pool=pool)

    batches = batched(seed)
    assert sorted(row for batch in batches for row in batch) == list(range(len(lengths)))
    for batch in batches:
        assert len(batch) == 1 or len(batch) * max(lengths[row] for row in batch) <= budget
        assert rows is None or len(batch) <= rows
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


# --------------------------------------------------------------------------- preparing

DOCUMENTS = [
    "The council closed the old bridge on Monday after engineers found 14 cracks. "
    "Mayor Helen Ortiz said that the repairs would cost a lot and take until March. "
    "Drivers were told to use the northern road, which was opened in 1987.",
    "The museum in Leeds sold three paintings before the auction ended in June. "
    "Its director, Amira Khan, thanked the buyers and welcomed the higher prices. "
    "About 650 people visited the museum on Saturday in heavy rain.",
    "Snow fell on the mountain villages in January and blocked 12 roads. "
    "Doctor Paul Weber said that nobody had been hurt in the cold weather. "
    "The trains to Geneva were late for more than five hours.",
]
SUMMARY = "Helen Ortiz said the bridge would be repaired by March."
BURNT = "Amira Khan burnt three paintings in Leeds on Monday."
NEUTRAL = "Paul Weber said that five trains were late in January."
LEAKED = "one two three four five six seven eight nine ten eleven twelve thirteen fourteen"


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("data")
    big = [GOOD | {"text_a": f"Text {i}.", "label": i % 2} for i in range(60)]
    write_rows(folder / "big.jsonl", big)
    write_rows(folder / "small.jsonl", [GOOD | {"text_a": f"Note {i}."} for i in range(8)])
    write_rows(folder / "dev.jsonl", [GOOD | {"text_a": f"Dev {i}."} for i in range(5)])
    write_rows(
        folder / "documents.jsonl",
        [
            GOOD | {"text_a": DOCUMENTS[0], "text_b": SUMMARY},
            GOOD | {"text_a": DOCUMENTS[1], "text_b": BURNT, "label": 0},
            GOOD | {"text_a": DOCUMENTS[2], "text_b": NEUTRAL, "label_type": "tri"},
        ],
    )
    (folder / "benchmarks").mkdir()
    with gzip.open(folder / "benchmarks" / "set.jsonl.gz", "wt") as stream:
        stream.write(json.dumps({"source": f"So: {LEAKED.upper()}!", "summary": "Fine."}) + "\n")
        copied = DOCUMENTS[2].split(". ")[1]
        stream.write(json.dumps({"source": None, "summary": copied}) + "\n")
    return folder


def source(name: str, **options) -> DataSource:
    return DataSource(file=f"{name}.jsonl", licence=f"licence of {name}", **options)


RECIPE = Recipe(
    encoder="e",
    name="n",
    data=(source("big"), source("small")),
    dev=(source("dev"),),
    profile=Profile(max_length=64),
)


def count(recipe: Recipe, data_dir: Path) -> dict[str, int]:
    examples, sets = prepare.gather(recipe, data_dir)
    found = Counter(example.dataset for example in examples)
    assert {one.name: one.pairs for one in sets} == {one.name: found[one.name] for one in sets}
    return dict(found)


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({}, {"big": 60, "small": 8}),
        ({"cap": 20}, {"big": 20, "small": 8}),
        # In proportion to 60 and 8.
        ({"total": 17}, {"big": 15, "small": 2}),
        # In proportion to their square roots, 7.75 and 2.83: 10.99 and 4.01.
        ({"total": 15, "temperature": 2.0}, {"big": 11, "small": 4}),
        # Capped at 16 first: roots of 16 and 8.
        ({"cap": 16, "total": 12, "temperature": 2.0}, {"big": 7, "small": 5}),
        ({"data": (source("big", limit=5), source("small"))}, {"big": 5, "small": 8}),
        ({"data": (source("big", limit=50), source("small")), "cap": 9}, {"big": 9, "small": 8}),
    ],
)
def test_each_set_gives_its_share(data_dir, change, expected):
    recipe = replace(RECIPE, **change)
    assert count(recipe, data_dir) == expected
    drawn = prepare.gather(recipe, data_dir)
    assert drawn == prepare.gather(recipe, data_dir)
    if sum(expected.values()) < 68:
        assert drawn[0] != prepare.gather(replace(recipe, seed=1), data_dir)[0]
    assert len(set(drawn[0])) == sum(expected.values())


def test_the_dev_sets_are_whole_but_for_their_own_limit(data_dir, tokenizer):
    recipe = replace(RECIPE, cap=3, total=4, dev=(source("dev"), source("small", limit=2)))
    prepared = prepare.prepare(recipe, data_dir, tokenizer)
    assert {name: len(rows) for name, rows in prepared.dev.items()} == {"dev": 5, "small": 2}
    assert len(prepared.train) == 4


def test_repeats_and_contradictions_are_left_out_and_counted(data_dir, tmp_path, tokenizer):
    rows = [
        GOOD,
        GOOD | {"text_a": " A "},  # the same but for case and spacing
        GOOD | {"text_a": "c", "label": 1},
        GOOD | {"text_a": "c", "label": 0},
        GOOD | {"text_a": "d"},
    ]
    write_rows(tmp_path / "big.jsonl", rows)
    write_rows(tmp_path / "small.jsonl", [GOOD | {"text_a": "d"}, GOOD | {"text_a": "f"}])
    recipe = replace(RECIPE, dev=())
    kept = prepare.prepare(replace(recipe, deduplicate=True), tmp_path, tokenizer)
    found = {one.name: (one.pairs, one.repeated, one.overlapping) for one in kept.sets}
    assert found == {"big": (2, 3, 0), "small": (1, 1, 0)}
    assert len(kept.train) == 3
    plain = prepare.prepare(recipe, tmp_path, tokenizer)
    assert [(one.pairs, one.repeated) for one in plain.sets] == [(5, 0), (2, 0)]


def test_rows_that_share_words_with_the_benchmarks_are_left_out(data_dir, tmp_path):
    short = " ".join(LEAKED.split()[:12])  # below 13 words a text is compared by runs of 8
    rows = [
        GOOD | {"text_a": f"And then: {LEAKED}, they said"},
        GOOD | {"text_b": f"{LEAKED} more"},
        GOOD | {"text_b": short},
        GOOD | {"text_a": " ".join(LEAKED.split()[:7])},
        GOOD,
    ]
    write_rows(tmp_path / "big.jsonl", rows)
    write_rows(tmp_path / "small.jsonl", [GOOD])
    (tmp_path / "benchmarks").symlink_to(data_dir / "benchmarks")
    recipe = replace(RECIPE, protected="benchmarks")
    examples, sets = prepare.gather(recipe, tmp_path)
    found = {one.name: (one.pairs, one.overlapping, one.repeated) for one in sets}
    assert found == {"big": (2, 3, 0), "small": (1, 0, 0)}
    assert all(LEAKED not in example.text_a + example.text_b for example in examples)


def test_what_overlaps_is_left_out_before_shares_are_drawn(data_dir, tmp_path):
    rows = [GOOD | {"text_a": f"{LEAKED} {i}"} for i in range(50)]
    write_rows(tmp_path / "big.jsonl", rows + [GOOD | {"text_a": f"Own {i}"} for i in range(10)])
    write_rows(tmp_path / "small.jsonl", [GOOD])
    (tmp_path / "benchmarks").symlink_to(data_dir / "benchmarks")
    recipe = replace(RECIPE, protected="benchmarks", cap=10)
    assert count(recipe, tmp_path) == {"big": 10, "small": 1}


def test_an_absent_folder_of_benchmarks(data_dir):
    with pytest.raises(InputError, match=r"no \.jsonl or \.jsonl\.gz file in .*absent"):
        prepare.gather(replace(RECIPE, protected="absent"), data_dir)


def test_nothing_left_to_train_on(data_dir, tmp_path):
    write_rows(tmp_path / "big.jsonl", [GOOD, GOOD | {"label": 0}])
    recipe = replace(RECIPE, data=(source("big"),), dev=(), deduplicate=True)
    with pytest.raises(InputError, match="no training example is left; see `protected`"):
        prepare.gather(recipe, tmp_path)


def test_a_set_named_twice(data_dir):
    recipe = replace(RECIPE, data=(source("big"), source("small"), source("big", limit=3)))
    with pytest.raises(ConfigurationError, match="names a set of `data` twice"):
        prepare.gather(recipe, data_dir)


# --------------------------------------------------------------------------- synthetic pairs


def synthetic(**options) -> Recipe:
    made = SyntheticSource(file="documents.jsonl", licence="CC0", pairs=40, **options)
    return replace(RECIPE, data=(), dev=(), synthetic=(made,), synthetic_words=(10, 30))


def test_synthetic_pairs_are_made_and_counted(data_dir):
    recipe = replace(synthetic(), data=(source("big", limit=10),))
    examples, sets = prepare.gather(recipe, data_dir)
    assert Counter(e.dataset for e in examples) == {"big": 10, "documents+edits": 40}
    assert [(one.name, one.pairs) for one in sets] == [("big", 10), ("documents+edits", 40)]
    assert sets[1].licence == "CC0"
    made = [e for e in examples if e.dataset == "documents+edits"]
    assert all(e.kind and e.head == "bin" for e in made)
    assert not any(e.kind.startswith("summary:") for e in made)
    assert examples == prepare.gather(recipe, data_dir)[0]
    assert examples != prepare.gather(replace(recipe, seed=8), data_dir)[0]


def test_synthetic_claims_are_made_of_supported_summaries_alone(data_dir):
    examples, _ = prepare.gather(synthetic(summaries=True), data_dir)
    claims = [e.text_b for e in examples if e.kind.startswith("summary:")]
    assert any("Ortiz" in claim for claim in claims)
    # One claim of the file is not supported, and one is no `bin` claim.
    assert not any(name in claim for claim in claims for name in ("Khan", "Weber", "burnt"))


def test_protected_documents_are_not_made_pairs_of(data_dir):
    examples, _ = prepare.gather(replace(synthetic(), protected="benchmarks"), data_dir)
    texts = " ".join(e.text_a + e.text_b for e in examples)
    assert "Geneva" not in texts
    assert "museum" in texts
    unprotected, _ = prepare.gather(synthetic(), data_dir)
    assert "Geneva" in " ".join(e.text_a for e in unprotected)


# --------------------------------------------------------------------------- datasets by name


def test_a_dataset_is_read_by_name_from_the_data_folder_or_the_hub(data_dir, monkeypatch):
    asked = []

    def load_examples(name, *, folder, rng):
        asked.append((name, folder))
        return [AlignmentExample(name, f"Text {i}.", "b", "tri", 0) for i in range(4)]

    monkeypatch.setattr(catalogue, "load_examples", load_examples)
    named = tuple(
        DataSource(dataset=name, licence="of its own", limit=3) for name in ("benchmarks", "snli")
    )
    assert count(replace(RECIPE, data=named), data_dir) == {"benchmarks": 3, "snli": 3}
    assert asked == [("benchmarks", data_dir / "benchmarks"), ("snli", None)]


def test_augmented_sets_have_aligns_self_pairs(data_dir, tmp_path):
    row = GOOD | {"label_type": "tri"}
    rows = [row | {"text_a": f"Text {i}.", "text_b": f"Claim {i}."} for i in range(400)]
    for name in ("big", "small"):
        write_rows(tmp_path / f"{name}.jsonl", rows)
    recipe = replace(RECIPE, data=(source("big", augment=True), source("small")))
    examples, _ = prepare.gather(recipe, tmp_path)
    same = Counter(e.dataset for e in examples if e.text_a == e.text_b)
    # A twentieth of 400, within four standard deviations.
    assert same == {"big": pytest.approx(20, abs=17.5)}
    assert all(e.label == 0 for e in examples if e.text_a == e.text_b)
    assert count(recipe, tmp_path) == {"big": 400, "small": 400}
    assert examples == prepare.gather(recipe, tmp_path)[0]


# --------------------------------------------------------------------------- a folder of its own


def test_prepared_data_are_kept_and_read_again(data_dir, tmp_path, tokenizer, monkeypatch):
    recipe = replace(RECIPE, bin_from_tri=True, deduplicate=True)
    fresh = prepare.prepare(recipe, data_dir, tokenizer)
    kept = prepare.prepare(recipe, data_dir, tokenizer, folder=tmp_path / "kept")
    monkeypatch.setattr(prepare, "read_examples", lambda *args: pytest.fail("it read again"))
    again = prepare.prepare(recipe, data_dir, tokenizer, folder=tmp_path / "kept")
    for found in (kept, again):
        assert found.train.digest() == fresh.train.digest()
        assert found.sets == fresh.sets
        assert {n: r.digest() for n, r in found.dev.items()} == {
            n: r.digest() for n, r in fresh.dev.items()
        }
    # What has nothing to do with the data may change.
    other = replace(recipe, learning_rate=1.0, epochs=9, name="Other", mlm=0.5, pooling="context")
    prepare.prepare(other, data_dir, tokenizer, folder=tmp_path / "kept")


@pytest.mark.parametrize(
    "change",
    [
        {"seed": 1},
        {"cap": 5},
        {"bin_from_tri": True},
        {"deduplicate": True},
        {"protected": "benchmarks"},
        {"dev": ()},
        {"data": (source("big"),)},
        {"data": (source("big"), source("small", limit=3))},
        {"total": 5},
        {"profile": Profile(max_length=32)},
    ],
    ids=lambda change: "-".join(change),
)
def test_prepared_data_of_another_recipe_are_refused(data_dir, tmp_path, tokenizer, change):
    prepare.prepare(RECIPE, data_dir, tokenizer, folder=tmp_path)
    with pytest.raises(ConfigurationError, match="data of another recipe or tokenizer"):
        prepare.prepare(replace(RECIPE, **change), data_dir, tokenizer, folder=tmp_path)


def test_prepared_data_of_another_tokenizer_are_refused(data_dir, tmp_path, tokenizers):
    prepare.prepare(RECIPE, data_dir, tokenizers["bert"], folder=tmp_path)
    with pytest.raises(ConfigurationError, match="another recipe or tokenizer"):
        prepare.prepare(RECIPE, data_dir, tokenizers["roberta"], folder=tmp_path)


def test_preparing_that_was_cut_short_starts_again(data_dir, tmp_path, tokenizer, monkeypatch):
    def save(examples, path, **options):
        if path.name == prepare.TRAIN:
            raise KeyboardInterrupt
        save_encoded(examples, path, **options)

    monkeypatch.setattr(prepare, "save_encoded", save)
    with pytest.raises(KeyboardInterrupt):
        prepare.prepare(RECIPE, data_dir, tokenizer, folder=tmp_path)
    monkeypatch.undo()
    recipe = replace(RECIPE, seed=5)  # nothing was finished: another recipe may have the folder
    found = prepare.prepare(recipe, data_dir, tokenizer, folder=tmp_path)
    assert len(found.train) == 68
    assert prepare.prepare(recipe, data_dir, tokenizer, folder=tmp_path).sets == found.sets
