"""What is trained on: limits, repeats, overlaps, against the same counted by hand and in tuples."""

import gzip
import itertools
import json
import math
import random
from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from alignscore_metric.errors import ConfigurationError, InputError
from alignscore_metric.text.ngrams import KnownHashes, normalise
from alignscore_metric.training import mixture
from alignscore_metric.training.data import AlignmentExample, read_examples
from alignscore_metric.training.mixture import (
    ProtectedRuns,
    deduplicate,
    drop_overlaps,
    limits,
    read_protected,
)


def example(text_a: str, text_b: str, *, head="bin", label=1.0, dataset="set") -> AlignmentExample:
    return AlignmentExample(dataset, text_a, text_b, head, label)


# --------------------------------------------------------------------------- limits


def test_align_caps_each_file_and_takes_the_rest_whole():
    # thousands of rows in AlignScore's 15 files, by and large
    sizes = {"snli": 550, "mnli": 393, "anli": 163, "docnli": 942, "nli_fever": 208}
    sizes |= {"vitaminc": 371, "qqp": 364, "paws": 707, "wiki103": 8000, "sick": 4, "stsb": 6}
    sizes |= {"squad_v2": 130, "race": 351, "msmarco": 5000, "wikihow": 157}
    found = limits({name: size * 1000 for name, size in sizes.items()}, cap=500_000)
    assert found["msmarco"] == found["wiki103"] == 500_000
    assert found["mnli"] == 393_000
    assert sum(found.values()) == 4_647_000
    assert list(found) == list(sizes)


def test_total_is_shared_by_size_after_the_cap():
    sizes = {"large": 10_000, "middle": 600, "small": 400}
    assert limits(sizes, cap=1000, total=200) == {"large": 100, "middle": 60, "small": 40}
    assert limits(sizes, total=1100) == {"large": 1000, "middle": 60, "small": 40}


def test_temperature_is_t5s():
    sizes = {"a": 1_000_000, "b": 40_000, "c": 2_500}
    rates = np.array([1000.0, 200.0, 50.0])  # square roots: T = 2
    expected = rates / rates.sum() * 1250
    assert list(limits(sizes, total=1250, temperature=2).values()) == expected.tolist()


def test_infinite_temperature_shares_equally():
    found = limits({"a": 9000, "b": 50, "c": 700}, total=120, temperature=math.inf)
    assert found == {"a": 40, "b": 40, "c": 40}


def test_what_a_small_set_cannot_give_is_shared_in_proportion():
    # T = 2: weights 30, 20, 10 ask c for 200/6 > 9; then a and b share 191 by 30 : 20
    found = limits({"a": 900, "b": 400, "c": 9}, total=200, temperature=2)
    weights = np.sqrt([900, 400])
    a, b = 191 * weights / weights.sum()
    assert found == {"a": round(a), "b": round(b), "c": 9}


def test_what_is_left_over_can_fill_a_second_set():
    # equal shares of 100: c has 10 only; the 45 left for a and b are too many for b, which has 40
    found = limits({"a": 1000, "b": 40, "c": 10}, total=100, temperature=math.inf)
    assert found == {"a": 50, "b": 40, "c": 10}


def test_rounding_serves_the_largest_remainders_first_named_first():
    assert limits({"a": 10, "b": 10, "c": 10}, total=10) == {"a": 4, "b": 3, "c": 3}
    assert limits({"a": 14, "b": 26, "c": 60}, total=10) == {"a": 1, "b": 3, "c": 6}


def test_total_beyond_what_there_is_takes_all():
    sizes = {"a": 5, "b": 0, "c": 7}
    assert limits(sizes, total=12) == limits(sizes, total=99) == limits(sizes) == sizes
    assert limits({}, total=5) == {}


@given(
    st.lists(st.integers(0, 10**6), min_size=1, max_size=8),
    st.integers(1, 10**6),
    st.sampled_from([1e-3, 0.5, 1.0, 2.0, 5.0, 100.0, math.inf]),
)
def test_limits_add_up_and_keep_the_order_of_sizes(counts, total, temperature):
    sizes = {str(i): count for i, count in enumerate(counts)}
    found = limits(sizes, total=total, temperature=temperature)
    assert sum(found.values()) == min(total, sum(counts))
    assert all(0 <= found[name] <= size for name, size in sizes.items())
    ranked = [found[name] for name in sorted(sizes, key=sizes.__getitem__)]
    assert all(large >= small - 1 for small, large in itertools.pairwise(ranked))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"cap": 0}, "cap is 0"),
        ({"total": -3}, "total is -3"),
        ({"total": 3, "temperature": 0}, "temperature is 0"),
        ({"total": 3, "temperature": math.nan}, "temperature is nan"),
        ({"temperature": 2.0}, "give `total` too"),
    ],
)
def test_limits_refuse_what_means_nothing(options, message):
    with pytest.raises(ConfigurationError, match=message):
        limits({"a": 5}, **options)


def test_limits_refuse_a_negative_size():
    with pytest.raises(ConfigurationError, match="size of b is -1"):
        limits({"a": 5, "b": -1})


# --------------------------------------------------------------------------- repeats


def test_repeats_whatever_case_and_spacing():
    rows = [
        example("It  rained.", "Rain.", dataset="first"),
        example("it rained. ", "RAIN.", dataset="second"),
        example("It rained.", "Rain"),  # punctuation tells texts apart
        example("It rained.", "Rain.", head="tri", label=2),  # another head: another question
        example("Rain.", "It rained."),  # the other way round
    ]
    kept, left_out = deduplicate(rows)
    assert kept == [rows[0], *rows[2:]]
    assert left_out.repeated == Counter(second=1)
    assert not left_out.contradictory


def test_contradictions_leave_nothing_even_where_one_label_repeats():
    rows = [
        example("a", "b", label=1, dataset="x"),
        example("a", "b", label=1, dataset="y"),
        example("A", "b", label=0, dataset="y"),
        example("a", "b", head="reg", label=0.5, dataset="x"),
        example("c", "d", head="tri", label=0, dataset="x"),
        example("c", "d", head="tri", label=0, dataset="x"),
    ]
    kept, left_out = deduplicate(rows)
    assert kept == [rows[3], rows[4]]
    assert left_out.contradictory == Counter(x=1, y=2)
    assert left_out.repeated == Counter(x=1)


# --------------------------------------------------------------------------- overlaps


def test_known_hashes_are_found_where_their_low_bits_agree_with_others():
    some = np.array([7, 7 + (1 << 26), 9, 7, 9 + (1 << 40)], np.uint64)
    assert KnownHashes(np.array([7, 9], np.uint64)).places(some).tolist() == [0, 2, 3]
    assert KnownHashes(np.empty(0, np.uint64)).places(some).tolist() == []


def words(start: int, stop: int) -> str:
    """Some of the numbered words w0, w1, ..."""
    return " ".join(f"w{i}" for i in range(start, stop))


@pytest.mark.parametrize(
    ("text", "overlaps"),
    [
        ("x " + words(5, 18) + " y", True),  # 13 of the protected text's words
        ("x " + words(5, 17) + " y", False),  # 12
        (words(5, 13), True),  # a text of 8 words, all of them protected
        (words(5, 12), False),  # 7 words are too short to tell
        ("x " + words(5, 13), True),  # 8 of 9
        ("x " + words(5, 12) + " y", False),  # 7 of 9
        ("W5,  w6! w7 (w8) w9 w10 w11 w12.", True),  # case, spacing and punctuation
        (words(5, 13) + " " + words(40, 60), False),  # 8 of more than 12
    ],
)
def test_runs_of_13_words_or_8_in_short_texts(text, overlaps):
    protected = [words(0, 30)]
    as_context, report = drop_overlaps([example(text, "z")], protected)
    assert report == {"set": ProtectedRuns(1, overlaps, 0, overlaps)}
    as_claim, report = drop_overlaps([example("z", text)], protected)
    assert report == {"set": ProtectedRuns(1, 0, overlaps, overlaps)}
    assert bool(as_context) is bool(as_claim) is not overlaps


def test_a_run_across_two_texts_is_none():
    rows = [example(words(0, 7), words(7, 30))]
    kept, _ = drop_overlaps(rows, [words(0, 15), words(20, 27)])
    assert kept == rows


def shares(text: str, protected: list[str]) -> bool:
    """The rule once more, in tuples."""
    mine = normalise(text)
    n = 13 if len(mine) >= 13 else 8
    runs = {tuple(mine[i : i + n]) for i in range(len(mine) - n + 1)}
    theirs = [normalise(other) for other in protected]
    return any(tuple(t[i : i + n]) in runs for t in theirs for i in range(len(t) - n + 1))


@pytest.mark.parametrize("seed", range(3))
def test_overlaps_are_those_counted_with_tuples(seed, monkeypatch):
    monkeypatch.setattr(mixture, "_TEXTS_AT_ONCE", 7)
    rng = random.Random(seed)  # noqa: S311  # draws data, not secrets

    def text() -> str:
        return " ".join(rng.choices("ab", k=rng.randint(0, 25)))

    contexts = [text() for _ in range(30)]
    rows = [
        example(rng.choice(contexts), text(), dataset=rng.choice(["x", "y"])) for _ in range(120)
    ]
    protected = [text() for _ in range(12)]
    kept, report = drop_overlaps(rows, protected)
    hits = [(r, shares(r.text_a, protected), shares(r.text_b, protected)) for r in rows]
    assert kept == [row for row, a, b in hits if not a and not b]
    assert 0 < len(kept) < len(rows)
    assert report == {
        name: ProtectedRuns(
            rows=sum(r.dataset == name for r in rows),
            context=sum(a for r, a, _ in hits if r.dataset == name),
            claim=sum(b for r, _, b in hits if r.dataset == name),
            dropped=sum(a or b for r, a, b in hits if r.dataset == name),
        )
        for name in ("x", "y")
    }


def test_boilerplate_is_a_run_that_many_distinct_texts_have():
    footer = "follow us on twitter or if you have a story email our desk today"
    rows = [example(f"story number {i} is this {footer}", f"claim {i}") for i in range(4)]
    rows += [rows[0]] * 20  # one text, however often
    protected = [f"another story {footer}"]
    assert drop_overlaps(rows, protected)[0] == []
    assert drop_overlaps(rows, protected, common=4)[0] == []
    assert drop_overlaps(rows, protected, common=3)[0] == rows


def test_a_run_that_one_text_repeats_is_not_common():
    run = words(0, 13)
    rows = [example(f"{run} x {run} y {run}", "z")]
    assert drop_overlaps(rows, [run], common=1)[0] == []


def test_boilerplate_does_not_hide_another_run():
    footer = words(100, 115)
    rows = [example(f"story {i} {footer}", "z") for i in range(4)]
    rows.append(example(f"{words(0, 13)} {footer}", "z"))
    kept, _ = drop_overlaps(rows, [footer, words(0, 20)], common=3)
    assert kept == rows[:4]


def test_nothing_protected_or_nothing_to_train_on():
    rows = [example(words(0, 20), "z")]
    assert drop_overlaps(rows, []) == (rows, {"set": ProtectedRuns(1, 0, 0, 0)})
    assert drop_overlaps([], [words(0, 20)]) == ([], {})


# --------------------------------------------------------------------------- reading


def test_read_protected_reads_plain_and_gzipped_files(tmp_path):
    (tmp_path / "b.jsonl").write_text(
        json.dumps({"source": None, "summary": "s2"}) + "\n" + json.dumps({"summary": "s1"}) + "\n",
        encoding="utf-8",
    )
    with gzip.open(tmp_path / "a.jsonl.gz", "wt", encoding="utf-8") as lines:
        lines.write(json.dumps({"source": "caf\u00e9", "summary": "s1", "label": 1}) + "\n")
    (tmp_path / "notes.txt").write_text("no JSON", encoding="utf-8")
    assert sorted(read_protected(tmp_path)) == ["caf\u00e9", "s1", "s2"]


@pytest.mark.parametrize("line", ["{", "[]", '{"source": "a"}', '{"source": 1, "summary": "b"}'])
def test_read_protected_names_the_broken_line(tmp_path, line):
    (tmp_path / "a.jsonl").write_text('{"summary": "fine"}\n' + line + "\n", encoding="utf-8")
    with pytest.raises(InputError, match=r"a\.jsonl, line 2"):
        read_protected(tmp_path)


def test_read_protected_needs_files(tmp_path):
    with pytest.raises(InputError, match="give the benchmarks' folder"):
        read_protected(tmp_path / "absent")
    (tmp_path / "a.jsonl.gz").write_bytes(b"not gzip")
    with pytest.raises(InputError, match="cannot read"):
        read_protected(tmp_path)


@pytest.mark.slow
def test_shared_training_sets_hardly_overlap_the_shared_benchmarks(shared):
    # the shared folder's training files had their overlapping rows removed, by another rule
    protected = read_protected(shared / "benchmarks" / "uniform")
    rows = read_examples(shared / "train" / "x_conjnli.jsonl.gz", "x_conjnli")
    planted = example(protected[0], "z", dataset="planted")
    kept, report = drop_overlaps([*rows, planted], protected)
    assert report["x_conjnli"] == ProtectedRuns(rows=14959, context=49, claim=47, dropped=67)
    assert report["planted"] == ProtectedRuns(rows=1, context=1, claim=0, dropped=1)
    assert len(kept) == len(rows) - 67
