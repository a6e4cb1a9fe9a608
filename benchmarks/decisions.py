r"""A metric's calibration on SummaC: fitted on the val splits, reported on the test splits.

Reads the item tables of `alignscore leaderboard run summac`. Writes the tables into a page, between
two marks, and the diagram beside it; with --store, also puts the calibration into the profile of an
aligner's folder.

    python benchmarks/decisions.py --runs leaderboard-runs/mini,precision=bf16 \
        --store alignscore_metric/models/mini
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, astuple
from pathlib import Path
from typing import Any, get_args

import numpy as np
import numpy.typing as npt
import pandas as pd
from matplotlib import pyplot

from alignscore_metric.arrays import Floats
from alignscore_metric.leaderboards.items import read_items
from alignscore_metric.leaderboards.tasks import tasks_of
from alignscore_metric.report.plots import plot_reliability
from alignscore_metric.scores import statistics as st
from alignscore_metric.scores.decisions import (
    DEFAULT_OBJECTIVE,
    OBJECTIVES,
    Calibration,
    Method,
    Rates,
    brier_score,
    equal_weights,
    fit_calibration,
    reliability,
)
from alignscore_metric.scores.intervals import Design, Sampled

RESAMPLES = 1000
PRECISION = "precision=0.7"
"""No threshold has a precision of 0.9 on these sets together."""

BEGIN, END = "<!-- written by benchmarks/decisions.py: from here -->", "<!-- to here -->"
Rule = Callable[[str, Floats], npt.ArrayLike]
"""What makes decisions, or probabilities, of the scores of one set."""


def rows_of(runs: Path, split: str) -> pd.DataFrame:
    """All rows of those of SummaC's sets that are there, with their `set` and `signature`.

    PolyTope is judged by its inaccuracies: a summary that leaves something out is not inconsistent.
    """
    frames = []
    for task in tasks_of("summac_inaccuracy", split=split):
        if task.in_mean and (file := runs / f"{task.dataset}.{split}.parquet").exists():
            table = read_items(file)
            frames.append(table.frame.assign(set=task.dataset, signature=table.info.signature))
    return pd.concat(frames, ignore_index=True)


def fitted(
    rows: pd.DataFrame, method: Method, objectives: Sequence[str] = (DEFAULT_OBJECTIVE,)
) -> Calibration:
    """A calibration in which every set counts the same."""
    return fit_calibration(
        rows["score"],
        rows["label"],
        method=method,
        objectives=objectives,
        weights=equal_weights(rows["set"]),
        fitted_on=f"SummaC val: {', '.join(rows['set'].unique())}",
    )


def cross_validated(val: pd.DataFrame) -> dict[str, float]:
    """Brier score on val of each method, five folds over documents, every set counting the same."""
    documents = np.unique(val["document"], return_inverse=True)[1]
    fold = np.random.default_rng(0).integers(0, 5, documents.max() + 1)[documents]
    found = {}
    for method in get_args(Method):
        p = np.empty(len(val))
        for one in range(5):
            p[fold == one] = fitted(val[fold != one], method).probabilities(
                val["score"][fold == one]
            )
        found[method] = brier_score(p, val["label"], weights=equal_weights(val["set"]))
    return found


def by_set(val: pd.DataFrame, method: Method, *, own: bool) -> dict[str, Calibration]:
    """For each set a calibration that has seen its own val rows alone, or all but them."""
    names = val["set"]
    return {name: fitted(val[(names == name) == own], method) for name in names.unique()}


def apply(test: pd.DataFrame, rule: Rule) -> Floats:
    """A rule's numbers for all rows, set by set."""
    found = np.empty(len(test))
    for name, rows in test.groupby("set"):
        found[rows.index] = rule(str(name), rows["score"].to_numpy())
    return found


def accuracy_with_interval(test: pd.DataFrame, decisions: Floats) -> dict[str, list[float]]:
    """Balanced accuracy of each set, and their mean, with 95% intervals over documents."""
    found: dict[str, Sampled] = {}
    for name, rows in test.groupby("set", sort=False):
        found[str(name)] = Sampled.of(
            st.balanced_accuracy(rows["label"], decisions[rows.index]),
            Design.of(rows["document"]),
            resamples=RESAMPLES,
            rng=np.random.default_rng(len(found)),
        )
    found["mean"] = Sampled.mean_of([*found.values()])
    return {name: [*astuple(one.estimate())] for name, one in found.items()}


def calibration_errors(test: pd.DataFrame, p: Floats) -> dict[str, float]:
    """ECE and Brier score of all rows, each set counting the same, and ECE within each set."""
    labels, weights = test["label"].to_numpy(), equal_weights(test["set"])
    sets = {
        str(name): reliability(p[rows.index], rows["label"]).error
        for name, rows in test.groupby("set", sort=False)
    }
    return {
        "equal_mass": reliability(p, labels, weights=weights).error,
        "equal_width": reliability(p, labels, strategy="equal_width", weights=weights).error,
        "brier": brier_score(p, labels, weights=weights),
        **sets,
        "mean of sets": float(np.mean(list(sets.values()))),
    }


def rates(test: pd.DataFrame, kept: Calibration, objective: str) -> dict[str, dict[str, float]]:
    """Rates of decisions over all rows, counted as the threshold's fit did, and within each set."""
    decisions = kept.decide(test["score"], objective)
    weights = None if objective.startswith("miss_rate") else equal_weights(test["set"])
    found = {"all rows": Rates.of(test["label"], decisions, weights)}
    for name, rows in test.groupby("set", sort=False):
        found[str(name)] = Rates.of(rows["label"], decisions[rows.index])
    return {name: asdict(one) for name, one in found.items()}


def measure(val: pd.DataFrame, test: pd.DataFrame, kept: Calibration) -> dict[str, Any]:
    """Everything that is reported but the choice of the method; nothing is fitted on test rows."""
    pooled = {method: fitted(val, method) for method in get_args(Method)}
    own = {method: by_set(val, method, own=True) for method in get_args(Method)}
    others = by_set(val, kept.method, own=False)
    half = "probability=0.5"
    probabilities: dict[str, Rule] = {
        "raw score": lambda name, s: s,
        "logistic, all val sets": lambda name, s: pooled["logistic"].probabilities(s),
        "isotonic, all val sets": lambda name, s: pooled["isotonic"].probabilities(s),
        f"{kept.method}, without this set": lambda name, s: others[name].probabilities(s),
        "logistic, this set's val": lambda name, s: own["logistic"][name].probabilities(s),
        "isotonic, this set's val": lambda name, s: own["isotonic"][name].probabilities(s),
    }
    decisions: dict[str, Rule] = {
        "score > 0.5": lambda name, s: s > 0.5,
        "threshold tuned on all val sets": lambda name, s: kept.decide(s),
        "threshold tuned without this set": lambda name, s: others[name].decide(s),
        "threshold tuned on this set's val": lambda name, s: own["logistic"][name].decide(s),
        "logistic p > 0.5, all val sets": lambda name, s: pooled["logistic"].decide(s, half),
        "isotonic p > 0.5, all val sets": lambda name, s: pooled["isotonic"].decide(s, half),
        "logistic p > 0.5, this set's val": lambda name, s: own["logistic"][name].decide(s, half),
    }
    return {
        "signature": str(test["signature"].iloc[0]),
        "rows": {"val": len(val), "test": len(test)},
        "sets": list(test["set"].unique()),
        "calibration": kept.to_dict(),
        "errors": {
            name: calibration_errors(test, apply(test, rule))
            for name, rule in probabilities.items()
        },
        "balanced_accuracy": {
            name: accuracy_with_interval(test, apply(test, rule))
            for name, rule in decisions.items()
        },
        "rates": {objective: rates(test, kept, objective) for objective in kept.thresholds},
    }


def markdown(found: dict[str, Any]) -> str:
    """The tables for readers."""
    kept, sizes = found["calibration"], found["rows"]
    chosen = ", ".join(f"{name} {x:.4f}" for name, x in found["cross_validated_brier"].items())
    sets = found["sets"]
    errors = [["", "equal mass", "equal width", "Brier", *sets, "mean of sets"]]
    errors += [[name, *(f"{x:.3f}" for x in row.values())] for name, row in found["errors"].items()]
    accuracy = [["consistent where", *sets, "mean"]]
    for name, row in found["balanced_accuracy"].items():
        cells = [f"{100 * v:.1f} ({100 * a:.1f} to {100 * b:.1f})" for v, a, b in row.values()]
        accuracy.append([name, *cells])
    rates = [["objective", "threshold", "rate", "all rows", *sets]]
    for objective, row in found["rates"].items():
        rate = objective.partition("=")[0]
        cells = [f"{one[rate]:.3f}" for one in row.values()]
        rates.append([objective, f"{kept['thresholds'][objective]:.4f}", rate, *cells])
    return f"""
Fitted on {kept["fitted_on"]}
({sizes["val"]:,} rows). The figures below are of the test splits of {", ".join(sets)}
({sizes["test"]:,} rows). The method was chosen by its Brier score in five folds over the documents
of val: {chosen}.

Scores: `{found["signature"]}`

### Calibration error

Expected calibration error in 15 bins of equal mass and of equal width, and the Brier score, of all
rows with every set counting the same; then the error within each set (equal mass).

{_table(errors)}

![Reliability diagram of SummaC's test rows](decisions.png)

### Balanced accuracy

In percent, with 95% bootstrap intervals over documents.

{_table(accuracy)}

### The stored thresholds

What each was fitted for, on the test rows: all of them, with every set counting the same (every
row, for the miss rate), and each set.

{_table(rates)}

"""


def _table(rows: list[list[str]]) -> str:
    lines = [f"| {' | '.join(row)} |" for row in rows]
    return "\n".join([lines[0], "|---" * len(rows[0]) + "|", *lines[1:]])


def draw(test: pd.DataFrame, kept: Calibration, file: Path) -> None:
    """Reliability of raw scores and of probabilities, every set counting the same."""
    weights = equal_weights(test["set"])
    found = {
        name: reliability(p, test["label"], weights=weights)
        for name, p in (
            ("raw score", test["score"]),
            (f"{kept.method}, fitted on val", kept.probabilities(test["score"])),
        )
    }
    figure, axes = pyplot.subplots(figsize=(6, 6), layout="constrained")
    plot_reliability(found, axes).set_title("SummaC test, 15 bins of equal mass")
    figure.savefig(file, dpi=120)


def write(tables: str, page: Path) -> None:
    """Put the tables between the page's marks."""
    before, _, rest = page.read_text(encoding="utf-8").partition(BEGIN)
    _, end, after = rest.partition(END)
    if not end:
        raise SystemExit(f"{page} has no line {BEGIN} with {END} after it")
    page.write_text(before + BEGIN + "\n" + tables + END + after, encoding="utf-8")


def store(kept: Calibration, folder: Path) -> None:
    """Put a calibration into the profile in an aligner's configuration."""
    file = folder / "config.json"
    config = json.loads(file.read_text(encoding="utf-8"))
    config["profile"]["calibration"] = kept.to_dict()
    part = file.with_name("config.json.part")
    part.write_text(json.dumps(config, indent=2, sort_keys=True) + "\n", encoding="utf-8")
    part.replace(file)


def main() -> None:
    """Fit, measure, write."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--runs", type=Path, required=True, help="folder of one metric's tables")
    parser.add_argument("--page", type=Path, default=Path("docs/decisions.md"))
    parser.add_argument("--store", type=Path, metavar="FOLDER", help="aligner to put it into")
    args = parser.parse_args()
    val, test = (rows_of(args.runs, split) for split in ("val", "test"))
    chosen = cross_validated(val)
    method = min(get_args(Method), key=lambda name: chosen[name])
    kept = fitted(val, method, (*OBJECTIVES, PRECISION))
    found = {"cross_validated_brier": chosen} | measure(val, test, kept)
    write(markdown(found), args.page)
    draw(test, kept, args.page.with_suffix(".png"))
    if args.store:
        store(kept, args.store)
    print(markdown(found))


if __name__ == "__main__":
    main()
