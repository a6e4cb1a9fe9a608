"""How much of a training set's labels can be told from one text of each pair alone.

A classifier that sees only the claims (or only the contexts) is cross-validated. In a set without
leaks it is as good as chance, an AUC of 0.5: what an aligner learns from the set can then only be
the comparison of the two texts. The test is the hypothesis-only baseline of Poliak et al. (2018,
"Hypothesis Only Baselines in Natural Language Inference") with a linear model over words,
characters and form.

Owns the measure; knows nothing of how pairs are made.
"""

from __future__ import annotations

import math
import random
import re
from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from alignscore_metric.errors import ConfigurationError, InputError, MissingResourceError
from alignscore_metric.training.data import AlignmentExample, sample

Side = Literal["claim", "context"]
SHINGLE = 5
"""Words in a row that two texts of one group share."""
FEWEST = 100
"""Examples below which nothing is fitted."""
ALL = "(all)"
"""The row of a table that stands for all kinds."""
LIMIT = 20_000
"""Examples of a dataset that are looked at, drawn at random."""


@dataclass(frozen=True)
class Leak:
    """What one text of each pair tells of the labels.

    Attributes:
        dataset: The dataset.
        kind: The kind of its pairs; `(all)` for all together.
        examples: How many of them were looked at.
        claim_auc: AUC of the classifier that sees claims alone; NaN where there are too few.
        context_auc: The same for contexts.
        error: Standard error of an AUC of 0.5 with as many examples of each label.
    """

    dataset: str
    kind: str
    examples: int
    claim_auc: float
    context_auc: float
    error: float


def claim_only_auc(examples: Sequence[AlignmentExample], *, seed: int = 0, folds: int = 5) -> float:
    """AUC with which labels are told from claims alone; 0.5 is chance.

    Claims that share five words in a row, or whose contexts begin or end with the same ten words,
    are kept in one fold: else a version of a sentence could be recognised by the other.

    Args:
        examples: Pairs for the `bin` or the `tri` head (there, entailed against the others).
        seed: Draws the folds.
        folds: Parts of the cross-validation, at least 2.

    Returns:
        Mean of the folds' AUCs, weighted by their size; NaN for fewer than 100 examples, or where
        a label is missing.

    Raises:
        InputError: An example has a label of the `reg` head.
        ConfigurationError: `folds` is below 2.
        MissingResourceError: scikit-learn is not installed.
    """
    return _one_sided_auc(examples, "claim", seed, folds)


def context_only_auc(
    examples: Sequence[AlignmentExample], *, seed: int = 0, folds: int = 5
) -> float:
    """AUC with which labels are told from contexts alone; as `claim_only_auc`.

    Contexts that share five words in a row are kept in one fold too, as far as the folds allow.
    """
    return _one_sided_auc(examples, "context", seed, folds)


def leaks(
    examples: Sequence[AlignmentExample],
    *,
    seed: int = 0,
    folds: int = 5,
    by_kind: bool = True,
    contexts: bool = True,
) -> list[Leak]:
    """Measure every dataset among the examples, as a whole and kind by kind.

    A kind's classifier is fitted on that kind alone: what all kinds together hide (capitals that
    mean one thing here and another there) shows.

    Args:
        examples: Pairs for the `bin` or the `tri` head.
        seed: Draws the folds, and the 20,000 examples looked at of a larger dataset.
        folds: Parts of the cross-validation.
        by_kind: Measure each kind too.
        contexts: Measure contexts too (they are longer: it takes most of the time).

    Returns:
        For each dataset its whole, then its kinds, those with the highest claim AUC first.

    Raises:
        InputError: An example has a label of the `reg` head.
        ConfigurationError: `folds` is below 2.
        MissingResourceError: scikit-learn is not installed.
    """
    rows: list[Leak] = []
    for dataset in dict.fromkeys(e.dataset for e in examples):
        mine = [e for e in examples if e.dataset == dataset]
        mine = sample(mine, LIMIT, random.Random(seed))
        names = sorted({e.kind for e in mine}) if by_kind else []
        parts = {name: [e for e in mine if e.kind == name] for name in names if name}
        measured = [
            _leak(dataset, kind, part, seed=seed, folds=folds, contexts=contexts)
            for kind, part in parts.items()
        ]
        measured.sort(key=lambda leak: (math.isnan(leak.claim_auc), -leak.claim_auc))
        rows.append(_leak(dataset, ALL, mine, seed=seed, folds=folds, contexts=contexts))
        rows += measured
    return rows


def leak_table(rows: Iterable[Leak]) -> str:
    """Measured leaks as text, one line each.

    Example:
        >>> print(leak_table([Leak("news", "(all)", 2000, 0.512, float("nan"), 0.013)]))
        dataset  kind   examples  claim AUC  context AUC  s.e. of chance
        news     (all)      2000      0.512            -           0.013
    """
    header = ("dataset", "kind", "examples", "claim AUC", "context AUC", "s.e. of chance")
    cells = [header] + [
        (r.dataset, r.kind, str(r.examples), *map(_shown, (r.claim_auc, r.context_auc, r.error)))
        for r in rows
    ]
    widths = [max(len(row[column]) for row in cells) for column in range(len(header))]
    lines = [
        "  ".join(
            cell.ljust(width) if column < 2 else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        for row in cells
    ]
    return "\n".join(lines)


def _shown(value: float) -> str:
    return "-" if math.isnan(value) else f"{value:.3f}"


def _leak(
    dataset: str,
    kind: str,
    examples: Sequence[AlignmentExample],
    *,
    seed: int,
    folds: int,
    contexts: bool,
) -> Leak:
    labels = _labels(examples)
    return Leak(
        dataset,
        kind,
        len(examples),
        claim_only_auc(examples, seed=seed, folds=folds),
        context_only_auc(examples, seed=seed, folds=folds) if contexts else math.nan,
        chance_error(int(labels.sum()), int((1 - labels).sum())),
    )


def chance_error(positives: int, negatives: int) -> float:
    """Standard deviation of the AUC of scores that say nothing (Mann and Whitney, 1947).

    Example:
        >>> round(chance_error(50, 50), 4)
        0.058
    """
    if not positives or not negatives:
        return math.nan
    return math.sqrt((positives + negatives + 1) / (12 * positives * negatives))


def _labels(examples: Sequence[AlignmentExample]) -> npt.NDArray[np.int64]:
    """1 where the context supports the claim."""
    if any(e.head == "reg" for e in examples):
        name = next(e.dataset for e in examples if e.head == "reg")
        raise InputError(f"{name} has labels of the `reg` head; leaks need `bin` or `tri` labels")
    supported = [e.label == (0 if e.head == "tri" else 1) for e in examples]
    return np.array(supported, dtype=np.int64)


def _one_sided_auc(
    examples: Sequence[AlignmentExample], side: Side, seed: int, folds: int
) -> float:
    if folds < 2:
        raise ConfigurationError(f"folds is {folds}, below 2; give folds=5")
    labels = _labels(examples)
    if len(examples) < FEWEST or len(set(labels.tolist())) < 2:
        return math.nan
    texts = [e.text_b if side == "claim" else e.text_a for e in examples]
    passes = [[_ends(e.text_a) for e in examples], [_shingles(e.text_b) for e in examples]]
    if side == "context":
        passes.append([_shingles(text) for text in texts])
    groups = grouped(passes, len(texts) // (2 * folds))
    fold_of = _folds(groups, folds, random.Random(seed))
    aucs, sizes = [], []
    for fold in range(folds):
        held_out = fold_of == fold
        auc = _fold_auc(texts, labels, held_out)
        if not math.isnan(auc):
            aucs.append(auc)
            sizes.append(int(held_out.sum()))
    return float(np.average(aucs, weights=sizes)) if aucs else math.nan


def _folds(groups: Sequence[Hashable], folds: int, rng: random.Random) -> npt.NDArray[np.int64]:
    """A fold for each example: whole groups, each to the fold that has least so far."""
    members: dict[Hashable, list[int]] = {}
    for row, group in enumerate(groups):
        members.setdefault(group, []).append(row)
    shuffled = list(members.values())
    rng.shuffle(shuffled)
    fold_of = np.zeros(len(groups), dtype=np.int64)
    sizes = [0] * folds
    for rows in sorted(shuffled, key=len, reverse=True):
        fold = sizes.index(min(sizes))
        fold_of[rows] = fold
        sizes[fold] += len(rows)
    return fold_of


def grouped(passes: Sequence[Sequence[Iterable[Hashable]]], largest: int) -> list[int]:
    """Group rows that share a key, directly or through others.

    Args:
        passes: Keys of each row, those that matter most in the first pass.
        largest: Members a group may have (at least 2). Groups that would make a larger one stay
            apart: a set phrase, or a sentence grafted into many others, would join everything.

    Returns:
        A group's number for each row.

    Example:
        >>> grouped([["ab", "c", "bd"]], 3)
        [0, 1, 0]
    """
    rows = range(len(passes[0]))
    parent = list(rows)
    size = [1] * len(rows)

    def root(row: int) -> int:
        while parent[row] != row:
            parent[row] = parent[parent[row]]
            row = parent[row]
        return row

    owner: dict[Hashable, int] = {}
    for keys in passes:
        for row in rows:
            for key in keys[row]:
                a, b = sorted((root(owner.setdefault(key, row)), root(row)))
                if a != b and size[a] + size[b] <= max(largest, 2):
                    parent[b] = a
                    size[a] += size[b]
    return [root(row) for row in rows]


def _shingles(text: str) -> set[Hashable]:
    """Every five words in a row, without case and punctuation; all words where it has fewer."""
    words = re.findall(r"\w+", text.lower())
    starts = range(max(len(words) - SHINGLE + 1, 1))
    return {tuple(words[i : i + SHINGLE]) for i in starts}


def _ends(text: str) -> set[Hashable]:
    """The first and the last words of a text."""
    words = text.split()
    ends = ("first", *words[: 2 * SHINGLE]), ("last", *words[-2 * SHINGLE :])
    return set(ends) if words else set()


def _fold_auc(
    texts: Sequence[str], labels: npt.NDArray[np.int64], held_out: npt.NDArray[np.bool_]
) -> float:
    """AUC on the texts held out of a classifier fitted on the others."""
    if len(set(labels[held_out].tolist())) < 2 or len(set(labels[~held_out].tolist())) < 2:
        return math.nan
    auc, make_model = _sklearn()
    train = [t for t, out in zip(texts, held_out, strict=True) if not out]
    test = [t for t, out in zip(texts, held_out, strict=True) if out]
    model = make_model()
    model.fit(train, labels[~held_out])
    return float(auc(labels[held_out], model.decision_function(test)))


def _sklearn() -> tuple[Callable[..., float], Callable[[], Any]]:
    """scikit-learn's AUC, and a maker of the classifier."""
    try:
        from sklearn.feature_extraction.text import TfidfVectorizer
        from sklearn.linear_model import LogisticRegression
        from sklearn.metrics import roc_auc_score
        from sklearn.pipeline import make_pipeline, make_union
        from sklearn.preprocessing import FunctionTransformer, StandardScaler
    except ImportError as cause:
        raise MissingResourceError(
            "measuring leaks needs scikit-learn; type: pip install 'alignscore-metric[train]'"
        ) from cause

    def make_model() -> Any:  # noqa: ANN401 - scikit-learn has no types
        words = TfidfVectorizer(
            ngram_range=(1, 2),
            token_pattern=r"\w+|[^\w\s]",  # noqa: S106 - no password
            lowercase=False,
            sublinear_tf=True,
            min_df=2,
            max_features=50_000,
        )
        characters = TfidfVectorizer(
            analyzer="char_wb", ngram_range=(3, 3), lowercase=False, min_df=2, max_features=20_000
        )
        form = make_pipeline(FunctionTransformer(_form), StandardScaler())
        features = make_union(words, characters, form)
        return make_pipeline(features, LogisticRegression(C=1.0, solver="liblinear"))

    return roc_auc_score, make_model


def _form(texts: Sequence[str]) -> npt.NDArray[np.float64]:
    """Length, casing and punctuation of texts, shape [N, 12]."""
    return np.array([_form_of(t) for t in texts], dtype=np.float64)


def _form_of(text: str) -> list[float]:
    words = text.split()
    count = max(len(words), 1)
    return [
        math.log1p(len(words)),
        len(text) / count,
        sum(w[0].isupper() for w in words) / count,
        sum(w.isupper() for w in words) / count,
        sum(c.isdigit() for c in text) / count,
        text.count(",") / count,
        sum(text.count(q) for q in "\"\u201c\u201d'") / count,
        float(text[:1].isupper()),
        float(text[-1:] in ".!?"),
        len(re.findall(r"\s[.,;]|\s\s|[.,]{2}", text)) / count,
        len(set(words)) / count,
        text.count(". ") / count,
    ]
