"""Do the intervals of corpus estimates hold what they promise, and what do scores save?

Repeatedly: some summaries are drawn at random, their labels shown, and the rate estimated with
intervals of 95%. Counts how many held the true rate, and how wide they were beside the classical
ones. Populations: simulated (scores of labels 0 and 1 are normal, so that the AUC is known), and
the test splits of FRANK and XSumFaith with human labels and a metric's scores, from item tables of
`alignscore leaderboard run`. For the target `system` the corpus itself is drawn anew each time.

Run: python benchmarks/estimate_coverage.py [--runs DIR] [--metric NAME] [--into docs/estimates.md]
"""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from pages import write_between_marks
from scipy import special, stats

from alignscore_metric.arrays import Floats
from alignscore_metric.leaderboards.items import read_items
from alignscore_metric.scores.estimates import (
    ConsistencyRate,
    EstimateSettings,
    estimate_consistency_rate,
)

SIZES = (50, 100, 200)
STRATA = 3
REAL = {"FRANK": "frank", "XSumFaith": "xsumfaith"}
SIMULATED = ((2000, 0.5, 0.9), (2000, 0.9, 0.8), (2000, 0.05, 0.9), (2000, 0.5, 0.5))
"""Corpus size, share of consistent summaries, AUC of the scores."""

METHODS: dict[str, tuple[EstimateSettings, int | None]] = {
    "PPI++": (EstimateSettings(), None),
    "PPI": (EstimateSettings(lam=1), None),
    f"PPI++, {STRATA} strata": (EstimateSettings(), STRATA),
    "PPI++, normal interval": (EstimateSettings(interval="normal"), None),
    "PPI++, target system": (EstimateSettings(target="system"), None),
    "labels alone, target system": (EstimateSettings(lam=0, target="system"), None),
}
"""The first has no strata and all defaults."""


@dataclass(frozen=True)
class Population:
    """Labels and scores of all summaries, shape [N] each."""

    labels: Floats
    scores: Floats

    @classmethod
    def simulated(cls, size: int, rate: float, auc: float) -> Population:
        """Exactly this rate; scores in [0, 1], binormal before the logistic function."""
        rng = np.random.default_rng(0)
        labels = (np.arange(size) < rate * size).astype(float)
        distance = math.sqrt(2) * stats.norm.ppf(auc)
        return cls(labels, special.expit(distance * (labels - 0.5) + rng.normal(size=size)))

    def resampled(self, rng: np.random.Generator) -> Population:
        """Another corpus by the same system."""
        rows = rng.integers(len(self.labels), size=len(self.labels))
        return Population(self.labels[rows], self.scores[rows])


def estimates(
    population: Population,
    labels: int,
    settings: EstimateSettings,
    strata: int | None,
    repetitions: int,
) -> Iterator[ConsistencyRate | None]:
    """One per random sample of a population; None where it is refused."""
    for repetition in range(repetitions):
        rng = np.random.default_rng([repetition, labels])
        corpus = population if settings.target == "corpus" else population.resampled(rng)
        rows = rng.choice(len(corpus.labels), size=labels, replace=False)
        try:
            yield estimate_consistency_rate(
                corpus.scores, rows, corpus.labels[rows], strata=strata, settings=settings
            )
        except ValueError:  # labels of one class for the normal interval; a stratum without labels
            yield None


def cell(bounds: Sequence[tuple[float, float]], truth: float, drawn: int) -> str:
    """Coverage and mean width; a refused sample holds nothing."""
    low, high = np.array(bounds).T
    held = ((low <= truth) & (truth <= high)).sum() / drawn
    refused = f" ({drawn - len(bounds)} refused)" if len(bounds) < drawn else ""
    return f"{held:.1%}, {(high - low).mean():.3f}{refused}"


def row(population: Population, labels: int, repetitions: int) -> list[str]:
    """Cells of the table: labels alone, each method, and what the labels are worth by the first."""
    truth, worth = float(population.labels.mean()), ""
    cells: list[str] = []
    for settings, strata in METHODS.values():
        found = list(estimates(population, labels, settings, strata, repetitions))
        kept = [one for one in found if one is not None]
        if not cells:
            alone = [(one.classical_low, one.classical_high) for one in kept]
            cells.append(cell(alone, truth, len(found)))
            worth = f"{np.mean([one.effective_labels for one in kept]):.0f}"
        cells.append(cell([(one.low, one.high) for one in kept], truth, len(found)))
    return [*cells, worth]


def table(populations: Iterable[tuple[str, Population]], repetitions: int) -> Iterator[str]:
    """Lines of a Markdown table."""
    error = math.sqrt(0.95 * 0.05 / repetitions)
    yield f"Coverage and mean width of 95% intervals; {repetitions} repetitions, so that a coverage"
    yield f"of 95% has a standard error of {error:.1%}.\n"
    yield f"| population | n | labels alone | {' | '.join(METHODS)} | n is worth (PPI++) |"
    yield "|---|---|" + "---|" * (len(METHODS) + 2)
    for name, population in populations:
        r = np.corrcoef(population.labels, population.scores)[0, 1]
        size, rate = len(population.labels), population.labels.mean()
        title = f"{name}: N {size}, rate {rate:.2f}, correlation {r:.2f}"
        for labels in SIZES:
            cells = row(population, labels, repetitions)
            yield f"| {title} | {labels} | {' | '.join(cells)} |"


def populations(runs: Path, metric: str) -> Iterator[tuple[str, Population]]:
    """Simulated and real ones; the real ones are test splits."""
    for sizes in SIMULATED:
        yield f"simulated, AUC {sizes[2]}", Population.simulated(*sizes)
    for name, dataset in REAL.items():
        frame = read_items(runs / metric / f"{dataset}.test.parquet").frame
        yield name, Population(frame["label"].to_numpy(), frame["score"].to_numpy())


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the table; returns the exit status."""
    parser = argparse.ArgumentParser(description="Coverage and width of corpus estimates.")
    parser.add_argument("--runs", type=Path, default=Path("leaderboard-runs"), metavar="DIR")
    parser.add_argument("--metric", default="mini,precision=bf16", metavar="NAME")
    parser.add_argument("--repetitions", type=int, default=1000, metavar="N")
    parser.add_argument(
        "--into", type=Path, metavar="FILE", help="page whose table is to be replaced"
    )
    options = parser.parse_args(arguments)
    lines = []
    for line in table(populations(options.runs, options.metric), options.repetitions):
        print(line, flush=True)
        lines.append(line)
    if options.into is not None:
        write_between_marks(options.into, "coverage", lines)
    return 0


if __name__ == "__main__":
    sys.exit(main())
