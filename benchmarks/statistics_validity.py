"""Do the intervals cover, and are the tests' p-values uniform? Simulations with known answers.

Scores and judgments are drawn from normal distributions with effects of the document (and the
system), so that the true agreement has a closed form. It is that of summaries of different
documents. Beside some figures stands that of the usual wrong way, which takes each row by itself.

    OMP_NUM_THREADS=1 python benchmarks/statistics_validity.py --into docs/reading.md
"""

import argparse
import math
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from pages import write_between_marks
from scipy import special, stats

from alignscore_metric.arrays import Floats, Ints
from alignscore_metric.leaderboards.comparison import ComparisonSettings, compare
from alignscore_metric.result import ScoreSummary
from alignscore_metric.scores import statistics as st
from alignscore_metric.scores.intervals import (
    Design,
    Resampling,
    Sampled,
    estimate,
    mean_estimate,
)
from alignscore_metric.scores.significance import p_value, permutation_draws
from alignscore_metric.training.data import IGNORED
from alignscore_metric.training.evaluation import intervals

SUMMAC = ((100, 4), (475, 3), (189, 3), (168, 3), (100, 8), (350, 4))
"""Documents and summaries of each in SummaC's test sets, rounded to whole grids."""


@dataclass(frozen=True)
class Population:
    """Where samples come from.

    Attributes:
        documents: In a sample.
        summaries: Of each document; on average where uneven.
        uneven: Whether documents have geometrically distributed numbers of summaries.
        effect: Variance of the document's effect on scores and judgments; that of the rest is 1.
        positives: Share of positive labels.
        agreement: True AUC, or Spearman correlation.
    """

    documents: int
    summaries: int
    uneven: bool = False
    effect: float = 0.5
    positives: float = 0.7
    agreement: float = 0.8

    @property
    def clusters(self) -> Ints:
        """Document of each row."""
        sizes = np.full(self.documents, self.summaries)
        if self.uneven:
            quantiles = (np.arange(self.documents) + 0.5) / self.documents
            sizes = stats.geom.ppf(quantiles, 1 / self.summaries).astype(int)
        return np.repeat(np.arange(self.documents), sizes)

    def errors(self, rng: np.random.Generator) -> Floats:
        """Of each row: a document's share and the row's own, variance 1 in all."""
        shared = math.sqrt(self.effect) * rng.normal(size=self.documents)[self.clusters]
        own = rng.normal(size=len(self.clusters))
        return np.asarray((shared + own) / math.sqrt(1 + self.effect))

    def labels(self, rng: np.random.Generator) -> Floats:
        """0 and 1, more alike within a document than between documents."""
        cut = stats.norm.ppf(self.positives)
        labels = (self.errors(rng) < cut).astype(float)
        return labels if 0 < labels.mean() < 1 else self.labels(rng)

    def labelled(self, rng: np.random.Generator) -> tuple[Floats, Floats]:
        """Labels and scores of a sample; binormal, so that the AUC is Phi(distance / sqrt 2)."""
        labels = self.labels(rng)
        distance = math.sqrt(2) * stats.norm.ppf(self.agreement)
        return labels, distance * labels + self.errors(rng)

    def graded(self, rng: np.random.Generator) -> tuple[Floats, Floats]:
        """Judgments and scores, bivariate normal: Spearman's is 6 / pi asin(Pearson's / 2)."""
        pearson = 2 * math.sin(math.pi * self.agreement / 6)
        judgments = self.errors(rng)
        return judgments, pearson * judgments + math.sqrt(1 - pearson**2) * self.errors(rng)

    def scores(self, rng: np.random.Generator) -> Floats:
        """Scores in (0, 1), most of them high, of mean `mean_score(HIGH)`."""
        return as_scores(self.errors(rng), HIGH)

    def two_valued(self, rng: np.random.Generator) -> Floats:
        """Scores of a sure judge: 0.98, or 0.02 of a share of `1 - positives`."""
        cut = stats.norm.ppf(self.positives)
        return np.where(self.errors(rng) < cut, 0.98, 0.02)

    def two_systems(self, rng: np.random.Generator) -> tuple[Floats, Floats]:
        """Scores of two systems on the same documents, the second's of mean `mean_score(LOWER)`."""
        first, second = self.errors(rng), self.errors(rng)
        return as_scores(first, HIGH), as_scores(0.8 * first + 0.6 * second, LOWER)


HIGH, LOWER, SPREAD = 1.5, 1.2, 1.2
"""Logits of scores are their errors times `SPREAD`, moved so far."""


def as_scores(errors: Floats, level: float) -> Floats:
    """Scores in (0, 1) from errors of variance 1."""
    return np.asarray(special.expit(level + SPREAD * errors))


def mean_score(level: float) -> float:
    """Mean of `as_scores` over all errors."""
    quantiles = (np.arange(100_000) + 0.5) / 100_000
    return float(as_scores(stats.norm.ppf(quantiles), level).mean())


# --- where intervals are printed -----------------------------------------------------------------

Interval = tuple[float, float]
Trial = tuple[Interval, Interval | None, float]
"""The interval of a sample, the usual one over rows one by one (None where nobody asks), the
truth."""

Place = Callable[[Sequence[Population], int, np.random.Generator], Trial]


def board(kind: str) -> Place:
    """A statistic of a board: `auc`, `balanced_accuracy` or `spearman`; of several, their mean."""

    def trial(populations: Sequence[Population], resamples: int, rng: np.random.Generator) -> Trial:
        judged = [_judged(one, kind, rng) for one in populations]
        clusters = [one.clusters for one in populations]
        rows = [np.arange(len(one)) for one in clusters]
        lowest = -1.0 if kind == "spearman" else 0.0
        by_document, by_row = (
            Sampled.mean_of(
                [
                    Sampled.of(s, Design.of(of), resamples=resamples, rng=rng, lowest=lowest)
                    for (s, _), of in zip(judged, design, strict=True)
                ]
            )
            for design in (clusters, rows)
        )
        found, (low, high) = by_document.estimate(), np.nanquantile(by_row.draws, [0.025, 0.975])
        truth = float(np.mean([one for _, one in judged]))
        return (found.low, found.high), (float(low), float(high)), truth

    return trial


def _judged(
    population: Population, kind: str, rng: np.random.Generator
) -> tuple[st.Statistic, float]:
    """A statistic of a sample, and the true agreement."""
    if kind == "spearman":
        return st.spearman(*population.graded(rng)), population.agreement
    labels, scores = population.labelled(rng)
    if kind == "auc":
        return st.roc_auc(labels, scores), population.agreement
    half = stats.norm.ppf(population.agreement) / math.sqrt(2)
    return st.balanced_accuracy(labels, scores > half), float(stats.norm.cdf(half))


def result_ci(populations: Sequence[Population], resamples: int, rng: np.random.Generator) -> Trial:
    """`AlignScoreResult.ci`, of scores most of which are high."""
    (population,) = populations
    return _result_ci(population, population.scores(rng), mean_score(HIGH), resamples)


def result_ci_of_two_values(
    populations: Sequence[Population], resamples: int, rng: np.random.Generator
) -> Trial:
    """The same of scores near 0 or 1."""
    (population,) = populations
    truth = 0.02 + 0.96 * population.positives
    return _result_ci(population, population.two_valued(rng), truth, resamples)


def _result_ci(population: Population, scores: Floats, truth: float, resamples: int) -> Trial:
    by_document, by_row = (
        ScoreSummary(scores, sources, "").ci(resamples=resamples)
        for sources in (population.clusters, np.arange(len(scores)))
    )
    return by_document, by_row, truth


def compared(what: str) -> Place:
    """Of `alignscore compare`: the `mean` of a system, or the `difference` of two."""

    def trial(populations: Sequence[Population], resamples: int, rng: np.random.Generator) -> Trial:
        (population,) = populations
        first, second = population.two_systems(rng)
        settings = ComparisonSettings(resamples=resamples)
        found = compare({"a": first, "b": second}, population.clusters, settings)
        if what == "mean":
            (system,) = (one for one in found.systems if one.name == "a")
            return (system.low, system.high), None, mean_score(HIGH)
        (pair,) = found.pairs
        truth = mean_score(HIGH) - mean_score(LOWER)
        return (pair.low, pair.high), None, truth if pair.better == "a" else -truth

    return trial


def change(populations: Sequence[Population], resamples: int, rng: np.random.Generator) -> Trial:
    """Change of scores under an edit, as `alignscore robustness` gives it."""
    (population,) = populations
    before, after = population.two_systems(rng)
    found = mean_estimate(
        after - before, population.clusters, Resampling(resamples=resamples), lowest=-1.0
    )
    return (found.low, found.high), None, mean_score(LOWER) - mean_score(HIGH)


def share(populations: Sequence[Population], resamples: int, rng: np.random.Generator) -> Trial:
    """Share of right answers: exact match of answers, accuracy of the NLU board."""
    (population,) = populations
    right = population.errors(rng) < stats.norm.ppf(population.positives)
    found = estimate(st.mean(right), population.clusters, Resampling(resamples=resamples))
    return (found.low, found.high), None, population.positives


def dev_measure(name: str) -> Place:
    """Of a training run's card: `bin_accuracy`, `bin_auc` or `reg_pearson`."""

    def trial(populations: Sequence[Population], _: int, rng: np.random.Generator) -> Trial:
        (population,) = populations
        labels, scores = population.labelled(rng)
        judgments, degrees = population.graded(rng)
        half = stats.norm.ppf(population.agreement) / math.sqrt(2)
        rows = len(labels)
        outputs = {
            "bin": np.stack([np.zeros(rows), scores - half], axis=1),
            "tri": np.zeros((rows, 3)),
            "reg": degrees,
        }
        nothing = np.full(rows, IGNORED)
        truth = {"bin": nothing, "tri": nothing, "reg": nothing}
        truth |= {"reg": judgments} if name == "reg_pearson" else {"bin": labels}
        found = intervals(outputs, truth, population.clusters)[name]
        pearson = 2 * math.sin(math.pi * population.agreement / 6)
        accuracy = float(stats.norm.cdf(half))
        truths = {
            "bin_accuracy": accuracy, "bin_auc": population.agreement, "reg_pearson": pearson
        }  # fmt: skip
        return found, None, truths[name]

    return trial


@dataclass(frozen=True)
class Coverage:
    """How many of the intervals held the true value.

    Attributes:
        interval: Share of them.
        by_row: Of those over rows one by one; NaN where there are none.
        width: Mean width.
    """

    interval: float
    by_row: float
    width: float


def coverage(
    populations: Sequence[Population], place: Place, *, repetitions: int, resamples: int
) -> Coverage:
    """Share of 95% intervals that cover the truth, each of a sample of its own."""
    held, by_row, widths = [], [], []
    for repetition in range(repetitions):
        rng = np.random.default_rng([repetition, len(populations), populations[0].documents])
        bounds, rows, truth = place(populations, resamples, rng)
        held.append(bounds[0] <= truth <= bounds[1])
        widths.append(bounds[1] - bounds[0])
        by_row += [] if rows is None else [rows[0] <= truth <= rows[1]]
    alone = float(np.mean(by_row)) if by_row else math.nan
    return Coverage(float(np.mean(held)), alone, float(np.nanmean(widths)))


@dataclass(frozen=True)
class Null:
    """Two metrics of equal quality, on a grid of documents and systems.

    Attributes:
        population: Of documents with one summary by each system.
        prepare: The statistic; None for Pearson's correlation of systems' means.
        system_effect: Variance of the system's effect on a metric's errors.
        scale: Standard deviation of the second metric's errors on positives and negatives, for
            metrics of equal AUC whose scores have other shapes: no longer exchangeable.
    """

    population: Population
    prepare: st.Preparation | None
    system_effect: float = 0.0
    scale: tuple[float, float] = (1.0, 1.0)

    @property
    def systems(self) -> Ints:
        """System of each row."""
        return np.tile(np.arange(self.population.summaries), self.population.documents)

    def sample(self, rng: np.random.Generator) -> tuple[Floats, list[Floats]]:
        """Labels, and the scores of both metrics, whose errors are correlated."""
        labels, common = self.population.labels(rng), self.population.errors(rng)
        distance = stats.norm.ppf(self.population.agreement)
        scores = []
        for positive, negative in ((1.0, 1.0), self.scale):
            of_system = rng.normal(size=self.population.summaries)[self.systems]
            errors = common + self.population.errors(rng)
            errors += math.sqrt(2 * self.system_effect) * of_system
            errors /= math.sqrt(2 + 2 * self.system_effect)
            spread = np.where(labels == 1, positive, negative)
            scores.append(distance * math.hypot(positive, negative) * labels + spread * errors)
        return labels, scores


def p_values(null: Null, design: Design, *, repetitions: int, resamples: int) -> Iterator[float]:
    """Of the paired test, each on a sample of its own."""
    prepare = null.prepare or st.system_level("pearson", null.systems)
    for repetition in range(repetitions):
        rng = np.random.default_rng([repetition, 1])
        labels, scores = null.sample(rng)
        first, second = (st.common_scale(s, ranks=null.prepare is not None) for s in scores)
        yield p_value(
            *permutation_draws(
                prepare, labels, (first, second), design, resamples=resamples, rng=rng
            )
        )


def designs(null: Null) -> dict[str, Design]:
    """Ways to swap: documents, rows by themselves; systems, and both, where systems matter."""
    documents = null.population.clusters
    ways = {"documents": Design.of(documents), "rows": Design.of(np.arange(len(documents)))}
    if null.system_effect or null.prepare is None:
        ways["documents and systems"] = Design.of(documents, null.systems)
        ways["systems"] = Design.of(null.systems)
    return ways


@dataclass(frozen=True)
class Case:
    """A line of the table.

    Attributes:
        place: Where the interval is printed.
        design: What is sampled, for people.
        populations: From where; several where the interval is that of a mean.
        trial: How.
        dear: Whether fewer samples must do.
    """

    place: str
    design: str
    populations: Sequence[Population]
    trial: Place
    dear: bool = False

    @property
    def size(self) -> str:
        """Documents and rows of each, for people."""
        first = self.populations[0]
        if len(self.populations) > 1:
            return "100 to 475 x 3 to 8"
        uneven = " on average, uneven" if first.uneven else ""
        return f"{first.documents} x {first.summaries}{uneven}"


def interval_cases() -> Iterator[Case]:
    """Every place that prints an interval."""
    few, ten, fifty = Population(5, 1, effect=0), Population(10, 10), Population(50, 10)
    uneven, alone = Population(20, 5, uneven=True), Population(400, 1, effect=0)
    for one in (few, Population(5, 10), ten, uneven, fifty, alone):
        yield Case("`result.ci()`", "most scores high", [one], result_ci)
    for one in (few, uneven, fifty):
        yield Case("`result.ci()`", "scores of 0.02 and 0.98", [one], result_ci_of_two_values)
    for what in ("mean", "difference"):
        for one in (few, ten, uneven, fifty):
            yield Case(f"`compare`, {what}", "most scores high", [one], compared(what))
    many, forty = Population(100, 16), Population(40, 16)
    rare = Population(100, 4, positives=0.9, agreement=0.9)
    rarer = Population(189, 3, positives=0.065, agreement=0.95)
    for one in (alone, many, forty, Population(40, 5, uneven=True), rare, rarer):
        design = f"AUC {one.agreement:g}, {100 * one.positives:g}% positive"
        yield Case("board, AUC", design, [one], board("auc"))
    sets = [Population(*size, agreement=0.6 + 0.05 * at) for at, size in enumerate(SUMMAC)]
    yield Case("board, mean AUC", "6 sets of SummaC's sizes", sets, board("auc"), dear=True)
    for one in (alone, forty):
        place, trial = "board, balanced accuracy", board("balanced_accuracy")
        yield Case(place, "0.72", [one], trial, dear=True)
    for one in (alone, many, forty):
        graded = [replace(one, agreement=0.5)]
        yield Case("board, Spearman", "0.5", graded, board("spearman"), dear=True)
    for one in (Population(20, 5), fifty, alone, replace(alone, positives=0.95)):
        yield Case("NLU accuracy, exact match", f"{one.positives:.0%} right", [one], share)
    for one in (ten, fifty):
        yield Case("`robustness`, change", "most scores high", [one], change)
    for name, truth in (("bin_accuracy", "0.72"), ("bin_auc", "0.8"), ("reg_pearson", "0.81")):
        place, trial = f"dev set of a training, {name.split('_')[1]}", dev_measure(name)
        yield Case(place, truth, [Population(200, 3)], trial, dear=True)


def interval_table(repetitions: int, resamples: int) -> Iterator[str]:
    """Lines of a Markdown table."""
    few = repetitions // 5
    errors = [math.sqrt(0.95 * 0.05 / samples) for samples in (repetitions, few)]
    yield "Coverage and mean width of 95% intervals. A coverage of 95% has a standard error of"
    yield f"{errors[0]:.1%} where it is of {repetitions} samples, of {errors[1]:.1%} of {few}.\n"
    columns = ("place", "design", "documents x rows", "samples", "coverage", "mean width")
    yield f"| {' | '.join(columns)} | rows one by one |"
    yield "|---" * 7 + "|"
    for case in interval_cases():
        samples = few if case.dear else repetitions
        sizes = {"repetitions": samples, "resamples": resamples}
        found = coverage(case.populations, case.trial, **sizes)
        rows = "" if math.isnan(found.by_row) else f"{found.by_row:.1%}"
        cells = (case.place, case.design, case.size, str(samples))
        yield f"| {' | '.join(cells)} | {found.interval:.1%} | {found.width:.3f} | {rows} |"


def test_cases() -> dict[str, Null]:
    """Pairs of metrics that agree with the labels equally well."""
    flat, grid = Population(400, 1, effect=0.0), Population(60, 8)
    return {
        "AUC, 400 documents x 1": Null(flat, st.roc_auc),
        "AUC, 60 x 8": Null(grid, st.roc_auc),
        "AUC, 60 x 8, systems differ": Null(grid, st.roc_auc, system_effect=0.5),
        "system-level Pearson, 60 x 8": Null(grid, None),
        "system-level Pearson, 60 x 8, systems differ": Null(grid, None, system_effect=0.5),
        "AUC, 60 x 8, other shape": Null(grid, st.roc_auc, scale=(2.0, 0.5)),
    }


def main(arguments: Sequence[str] | None = None) -> int:
    """Print both tables; returns the exit status."""
    parser = argparse.ArgumentParser(description="Coverage of intervals, uniformity of p-values.")
    parser.add_argument("--repetitions", type=int, default=1000, metavar="N")
    parser.add_argument("--resamples", type=int, default=400, metavar="R")
    parser.add_argument("--into", type=Path, metavar="FILE", help="page whose table to replace")
    parser.add_argument("--intervals-alone", action="store_true", help="no table of p-values")
    options = parser.parse_args(arguments)
    sizes = {"repetitions": options.repetitions, "resamples": options.resamples}
    lines = []
    for line in interval_table(**sizes):
        print(line, flush=True)
        lines.append(line)
    if options.into is not None:
        write_between_marks(options.into, "interval-coverage", lines)
    if options.intervals_alone:
        return 0
    print("\n| null case | swapped | p < .05 | p < .01 | Kolmogorov-Smirnov p | CPU s |")
    print("|---|---|---|---|---|---|")
    for name, null in test_cases().items():
        for swapped, design in designs(null).items():
            start = time.process_time()
            p = np.array(list(p_values(null, design, **sizes)))
            uniform = stats.kstest(p, "uniform").pvalue
            shares = f"{(p < 0.05).mean():.3f} | {(p < 0.01).mean():.3f} | {uniform:.2g}"
            seconds = time.process_time() - start
            print(f"| {name} | {swapped} | {shares} | {seconds:.0f} |", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
