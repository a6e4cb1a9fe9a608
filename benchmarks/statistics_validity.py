"""Do the intervals cover, and are the tests' p-values uniform? Simulations with known answers.

Scores and judgments are drawn from normal distributions with effects of the document (and the
system), so that the true agreement has a closed form. It is that of summaries of different
documents. Beside each figure stands that of the usual wrong way, which takes each row by itself.

    OMP_NUM_THREADS=1 python benchmarks/statistics_validity.py
"""

import argparse
import math
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy import stats

from alignscore_metric.scores import statistics as st

#: Documents and summaries of each in SummaC's test sets, rounded to whole grids.
SUMMAC = ((100, 4), (475, 3), (189, 3), (168, 3), (100, 8), (350, 4))
#: The row-level bootstrap is far off, which fewer repetitions show as well.
NAIVE_EVERY = 4


@dataclass(frozen=True)
class Population:
    """Where samples come from.

    Attributes:
        documents: In a sample.
        summaries: Of each document.
        effect: Variance of the document's effect on scores and judgments; that of the rest is 1.
        positives: Share of positive labels.
        agreement: True AUC, or Spearman correlation.
    """

    documents: int
    summaries: int
    effect: float = 0.5
    positives: float = 0.7
    agreement: float = 0.8

    @property
    def clusters(self) -> st.Ints:
        """Document of each row."""
        return np.repeat(np.arange(self.documents), self.summaries)

    def errors(self, rng: np.random.Generator) -> st.Floats:
        """Of each row: a document's share and the row's own, variance 1 in all."""
        shared = math.sqrt(self.effect) * rng.normal(size=self.documents)[self.clusters]
        own = rng.normal(size=self.documents * self.summaries)
        return np.asarray((shared + own) / math.sqrt(1 + self.effect))

    def labels(self, rng: np.random.Generator) -> st.Floats:
        """0 and 1, more alike within a document than between documents."""
        cut = stats.norm.ppf(self.positives)
        labels = (self.errors(rng) < cut).astype(float)
        return labels if 0 < labels.mean() < 1 else self.labels(rng)

    def labelled(self, rng: np.random.Generator) -> tuple[st.Floats, st.Floats]:
        """Labels and scores of a sample; binormal, so that the AUC is Phi(distance / sqrt 2)."""
        labels = self.labels(rng)
        distance = math.sqrt(2) * stats.norm.ppf(self.agreement)
        return labels, distance * labels + self.errors(rng)

    def graded(self, rng: np.random.Generator) -> tuple[st.Floats, st.Floats]:
        """Judgments and scores, bivariate normal: Spearman's is 6 / pi asin(Pearson's / 2)."""
        pearson = 2 * math.sin(math.pi * self.agreement / 6)
        judgments = self.errors(rng)
        return judgments, pearson * judgments + math.sqrt(1 - pearson**2) * self.errors(rng)


Sampler = Callable[[Population, np.random.Generator], tuple[st.Floats, st.Floats]]


@dataclass(frozen=True)
class Coverage:
    """How many of the intervals held the true value."""

    interval: float
    percentile: float
    by_row: float


def draws_of(
    sample: tuple[st.Floats, st.Floats],
    prepare: st.Preparation,
    documents: st.Ints,
    resamples: int,
    rng: np.random.Generator,
) -> st.Floats:
    """Bootstrap draws of one sample."""
    design = st.Design.of(documents)
    return st.bootstrap_draws(prepare(*sample), design, resamples=resamples, rng=rng)


def coverage(
    populations: Sequence[Population],
    sampler: Sampler,
    prepare: st.Preparation,
    *,
    repetitions: int,
    resamples: int,
) -> Coverage:
    """Share of 95% intervals that cover the true agreement, or the mean of several."""
    truth = float(np.mean([population.agreement for population in populations]))
    clusters = min(population.documents for population in populations)
    lowest = -1.0 if prepare is st.spearman else 0.0
    hits: dict[str, list[bool]] = {"interval": [], "percentile": [], "by_row": []}
    for repetition in range(repetitions):
        rng = np.random.default_rng([repetition, len(populations), clusters])
        samples = [sampler(population, rng) for population in populations]
        pairs = list(zip(samples, populations, strict=True))
        draws = [draws_of(s, prepare, p.clusters, resamples, rng) for s, p in pairs]
        mean = np.mean(draws, axis=0)
        values = [st.value(prepare(*s), len(s[0])) for s in samples]
        bounds = st.interval(float(np.mean(values)), mean, clusters=clusters, lowest=lowest)
        hits["interval"].append(_holds(bounds, truth))
        hits["percentile"].append(_holds(_percentile(mean), truth))
        if repetition % NAIVE_EVERY == 0:
            rows = [draws_of(s, prepare, np.arange(len(s[0])), resamples, rng) for s in samples]
            hits["by_row"].append(_holds(_percentile(np.mean(rows, axis=0)), truth))
    return Coverage(**{name: float(np.mean(found)) for name, found in hits.items()})


def _holds(bounds: tuple[float, float], truth: float) -> bool:
    return bounds[0] <= truth <= bounds[1]


def _percentile(draws: st.Floats) -> tuple[float, float]:
    low, high = np.nanquantile(draws, [0.025, 0.975])
    return float(low), float(high)


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
    def systems(self) -> st.Ints:
        """System of each row."""
        return np.tile(np.arange(self.population.summaries), self.population.documents)

    def sample(self, rng: np.random.Generator) -> tuple[st.Floats, list[st.Floats]]:
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


def p_values(null: Null, design: st.Design, *, repetitions: int, resamples: int) -> Iterator[float]:
    """Of the paired test, each on a sample of its own."""
    prepare = null.prepare or st.system_level("pearson", null.systems)
    for repetition in range(repetitions):
        rng = np.random.default_rng([repetition, 1])
        labels, scores = null.sample(rng)
        first, second = (st.common_scale(s, ranks=null.prepare is not None) for s in scores)
        yield st.p_value(
            *st.permutation_draws(
                prepare, labels, (first, second), design, resamples=resamples, rng=rng
            )
        )


def designs(null: Null) -> dict[str, st.Design]:
    """Ways to swap: documents, rows by themselves; systems, and both, where systems matter."""
    documents = null.population.clusters
    ways = {"documents": st.Design.of(documents), "rows": st.Design.of(np.arange(len(documents)))}
    if null.system_effect or null.prepare is None:
        ways["documents and systems"] = st.Design.of(documents, null.systems)
        ways["systems"] = st.Design.of(null.systems)
    return ways


def interval_cases() -> dict[str, tuple[list[Population], Sampler, st.Preparation]]:
    """What is sampled, and the statistic."""
    one, many, few = Population(400, 1, effect=0.0), Population(100, 16), Population(40, 16)
    rare = Population(100, 4, positives=0.9, agreement=0.9)
    rarer = Population(189, 3, positives=0.065, agreement=0.95)
    auc: tuple[Sampler, st.Preparation] = (Population.labelled, st.roc_auc)
    rho: tuple[Sampler, st.Preparation] = (Population.graded, st.spearman)
    graded = [replace(population, agreement=0.5) for population in (one, many, few)]
    sets = [Population(*size, agreement=0.6 + 0.05 * at) for at, size in enumerate(SUMMAC)]
    return {
        "AUC .8, 400 documents x 1": ([one], *auc),
        "AUC .8, 100 x 16": ([many], *auc),
        "AUC .8, 40 x 16": ([few], *auc),
        "AUC .9, 100 x 4, 90% positive": ([rare], *auc),
        "Spearman .5, 400 x 1": ([graded[0]], *rho),
        "Spearman .5, 100 x 16": ([graded[1]], *rho),
        "Spearman .5, 40 x 16": ([graded[2]], *rho),
        "AUC .95, 189 x 3, 6.5% positive": ([rarer], *auc),
        "mean AUC of 6 sets, SummaC's sizes": (sets, *auc),
    }


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
    options = parser.parse_args(arguments)
    sizes = {"repetitions": options.repetitions, "resamples": options.resamples}
    error = math.sqrt(0.95 * 0.05 / options.repetitions)
    print(f"Share of 95% intervals that cover; standard error {error:.3f}\n")
    print("| case | logit and Student's t | percentile | rows resampled | CPU s |")
    print("|---|---|---|---|---|")
    for name, (populations, sampler, prepare) in interval_cases().items():
        start = time.process_time()
        found = coverage(populations, sampler, prepare, **sizes)
        numbers = f"{found.interval:.3f} | {found.percentile:.3f} | {found.by_row:.3f}"
        print(f"| {name} | {numbers} | {time.process_time() - start:.0f} |", flush=True)
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
