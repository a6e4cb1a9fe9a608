"""Leaks: planted ones are found, absent ones are not, and versions of one text stay together."""

import itertools
import math
import random
import sys

import numpy as np
import pytest
from scipy.stats import mannwhitneyu, norm

from alignscore_metric.errors import ConfigurationError, InputError, MissingResourceError
from alignscore_metric.training import leakage
from alignscore_metric.training.data import AlignmentExample
from alignscore_metric.training.leakage import (
    ALL,
    Leak,
    chance_error,
    claim_only_auc,
    context_only_auc,
    grouped,
    leak_table,
    leaks,
)

WORDS = [
    "".join(letters) for letters in itertools.product("bdfgklmnprst", "aeiou", "lmnrst", "aeo")
]


def rng(seed: object) -> random.Random:
    return random.Random(seed)  # noqa: S311  # draws data, not secrets


def text(draw: random.Random, words: int = 9) -> str:
    return " ".join(draw.sample(WORDS, words)).capitalize() + "."


def example(context: str, claim: str, label: float, *, head="bin", kind="", dataset="n"):
    return AlignmentExample(dataset, context, claim, head, label, kind=kind)


def examples(count: int, change=lambda context, claim, label: (context, claim), **fields):
    """Random texts and labels, half of them changed by their label."""
    draw = rng(3)
    return [
        example(*change(text(draw, 20), text(draw), row % 2), row % 2, **fields)
        for row in range(count)
    ]


@pytest.mark.parametrize(
    "leak",
    [
        lambda context, claim, label: (context, claim + " indeed" * label),
        lambda context, claim, label: (context, claim.lower() if label else claim),
        lambda context, claim, label: (context, claim.rstrip(".") if label else claim),
        lambda context, claim, label: (context, claim if label else " ".join(claim.split()[:6])),
        lambda context, claim, label: (context, claim.replace("a", "ab", 2) if label else claim),
    ],
    ids=["word", "case", "punctuation", "length", "letters"],
)
def test_what_gives_the_label_of_a_claim_away_is_found(leak):
    leaking = examples(400, leak)
    assert claim_only_auc(leaking) > 0.9
    assert abs(context_only_auc(leaking) - 0.5) < 4 * chance_error(200, 200)


def test_a_leak_of_the_contexts_is_none_of_the_claims():
    leaking = examples(400, lambda context, claim, label: (context + " indeed" * label, claim))
    assert context_only_auc(leaking) > 0.9
    assert abs(claim_only_auc(leaking) - 0.5) < 4 * chance_error(200, 200)


@pytest.mark.slow
def test_labels_that_only_the_comparison_tells_do_not_leak():
    draw = rng(5)
    made = []
    for _ in range(300):
        first, second = text(draw), text(draw)
        rest = text(draw, 20)
        pairs = [(first, first, 1), (second, second, 1), (first, second, 0), (second, first, 0)]
        made += [example(f"{rest} {a}", b, label) for a, b, label in pairs]
    assert claim_only_auc(made) == pytest.approx(0.5, abs=0.03)
    assert context_only_auc(made) == pytest.approx(0.5, abs=0.03)


def test_versions_of_one_claim_cannot_be_recognised_across_folds(monkeypatch):
    """Without groups, a claim's copy in another fold would tell its label."""
    draw = rng(6)
    made = []
    for row in range(300):
        claim = text(draw)
        made += [example(text(draw, 20), claim, row % 2) for _ in range(3)]
    assert abs(claim_only_auc(made) - 0.5) < 0.1
    monkeypatch.setattr(leakage, "grouped", lambda passes, largest: list(range(len(passes[0]))))
    assert claim_only_auc(made) > 0.9


def test_groups_share_keys_directly_or_through_others():
    assert grouped([[{1, 2}, {3}, {2, 4}, {4}, {5}, set()]], 9) == [0, 1, 0, 0, 4, 5]


def test_groups_do_not_outgrow_their_limit():
    found = grouped([[{row, row + 1} for row in range(100)]], 7)
    sizes = np.unique(found, return_counts=True)[1]
    assert sizes.max() <= 7
    assert len(sizes) < 40


def test_the_first_pass_comes_first():
    pairs, everything = [{i // 2} for i in range(20)], [{"all"}] * 20
    found = grouped([pairs, everything], 3)
    assert [found[i] == found[i + 1] for i in range(0, 20, 2)] == [True] * 10
    assert max(np.unique(found, return_counts=True)[1]) == 2


def test_groups_are_never_cut_by_folds():
    groups = [row // 4 for row in range(400)]
    folds = leakage._folds(groups, 5, rng(0))
    assert {len(set(folds[i : i + 4].tolist())) for i in range(0, 400, 4)} == {1}
    assert np.bincount(folds).tolist() == [80] * 5


def test_claims_are_grouped_with_those_of_the_same_passage():
    draw = rng(7)
    made = []
    for _ in range(200):
        rest = text(draw, 30)
        word, other = draw.sample(WORDS, 2)
        made += [example(rest, f"It was {word}.", 1), example(rest, f"It was {other}.", 0)]
    groups = grouped([[leakage._ends(e.text_a) for e in made]], 10)
    assert all(groups[i] == groups[i + 1] for i in range(0, 400, 2))


@pytest.mark.parametrize(("positives", "negatives"), [(30, 50), (200, 200), (7, 90)])
def test_chance_error_is_that_of_random_scores(positives, negatives):
    scores = np.random.default_rng(1).normal(size=(4000, positives + negatives))
    tested = mannwhitneyu(
        scores[:, :positives],
        scores[:, positives:],
        axis=1,
        method="asymptotic",
        use_continuity=False,
    )
    aucs = tested.statistic / (positives * negatives)
    error = chance_error(positives, negatives)
    assert error == pytest.approx(np.std(aucs), rel=0.06)
    # The normal approximation of Mann and Whitney's test uses the same error.
    z = np.abs(aucs - 0.5) / error
    assert tested.pvalue == pytest.approx(2 * norm.sf(z), rel=1e-9)


def test_entailment_is_told_from_the_other_two_classes():
    draw = rng(8)
    made = []
    for row in range(300):
        label = row % 3
        made.append(example(text(draw, 20), text(draw) + " yes" * (label == 0), label, head="tri"))
    assert claim_only_auc(made) > 0.9


def test_too_few_examples_and_one_label_are_undefined():
    assert math.isnan(claim_only_auc(examples(40)))
    assert math.isnan(claim_only_auc([example("a b", f"c {i}", 1) for i in range(200)]))
    assert math.isnan(chance_error(0, 5))


def test_what_cannot_be_measured_is_an_error():
    with pytest.raises(InputError, match="n has labels of the `reg` head"):
        claim_only_auc([example("a", "b", 0.5, head="reg")] * 200)
    with pytest.raises(ConfigurationError, match="folds is 1, below 2; give folds=5"):
        claim_only_auc(examples(200), folds=1)


def test_a_missing_library_says_what_to_type(monkeypatch):
    monkeypatch.setitem(sys.modules, "sklearn.linear_model", None)
    with pytest.raises(MissingResourceError, match=r"pip install 'alignscore-metric\[train\]'"):
        claim_only_auc(examples(200))


@pytest.mark.slow
def test_leaks_by_dataset_and_kind():
    def planted(context, claim, label):
        return context, claim + " indeed" * label

    made = [
        *examples(300, planted, kind="bad"),
        *examples(300, kind="good"),
        *examples(60, kind="rare"),
        *examples(120, planted, dataset="m"),
    ]
    rows = leaks(made, contexts=False)
    assert [(r.dataset, r.kind, r.examples) for r in rows] == [
        ("n", ALL, 660),
        ("n", "bad", 300),
        ("n", "good", 300),
        ("n", "rare", 60),
        ("m", ALL, 120),
    ]
    by_kind = {(r.dataset, r.kind): r for r in rows}
    assert by_kind["n", "bad"].claim_auc > 0.9
    assert abs(by_kind["n", "good"].claim_auc - 0.5) < 4 * by_kind["n", "good"].error
    assert math.isnan(by_kind["n", "rare"].claim_auc)
    assert all(math.isnan(r.context_auc) for r in rows)
    assert by_kind["m", ALL].error == chance_error(60, 60)
    again = leaks(made, contexts=False)
    assert [r.claim_auc for r in again[:3]] == [r.claim_auc for r in rows[:3]]
    assert [r.kind for r in leaks(made, contexts=False, by_kind=False)] == [ALL, ALL]


def test_only_so_many_examples_of_a_dataset_are_looked_at(monkeypatch):
    monkeypatch.setattr(leakage, "LIMIT", 150)
    [row] = leaks(examples(400), contexts=False)
    assert row.examples == 150


def test_table_lines_up():
    rows = [
        Leak("news", ALL, 20_000, 0.512, 0.5, 0.004),
        Leak("news", "entity_other", 50, math.nan, math.nan, 0.082),
    ]
    lines = leak_table(rows).splitlines()
    assert len({len(line) for line in lines}) == 1
    assert lines[1].split() == ["news", "(all)", "20000", "0.512", "0.500", "0.004"]
    assert lines[2].split() == ["news", "entity_other", "50", "-", "-", "0.082"]
