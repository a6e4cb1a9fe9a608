"""What an evaluation gives: scores, sentences, evidence, signature. Computes no score itself."""

from __future__ import annotations

import itertools
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt

from alignscore_metric.arrays import Floats, Ints
from alignscore_metric.checkpoint.signature import Signature, headline
from alignscore_metric.errors import ConfigurationError
from alignscore_metric.system.terminal import plain
from alignscore_metric.text.encodable import encodable
from alignscore_metric.text.pairs import PairTable, join_pair_tables
from alignscore_metric.text.places import SEVERAL
from alignscore_metric.text.prefilter import shared_weights

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

    from alignscore_metric.scores.decisions import Calibration


Verdict = Literal["supported", "contradicted", "unmentioned", "unsupported"]
VERDICTS: dict[Verdict, str] = {
    "supported": "supported",
    "contradicted": "contradicted by the source",
    "unmentioned": "not in the source",
    "unsupported": "not supported",
}
"""What people are told; the last where a model cannot tell the two before it apart."""


@dataclass(frozen=True)
class UnsupportedSpan:
    """Words of a summary that the source does not support.

    Attributes:
        start: First character in the summary.
        end: The one after the last.
        text: `summary[start:end]`.
        score: How unsupported, in [0, 1]: the mean probability of its words, or how much the
            sentence's score rises without them (see `AlignScore.evaluate`).
    """

    start: int
    end: int
    text: str
    score: float


@dataclass(frozen=True)
class Contradiction:
    """The chunk of a source that contradicts a sentence most.

    Attributes:
        contradiction: Probability that it does.
        chunk_index: Its place in its source, from 0.
        passage: Number of its passage, from 0; None where the chunk holds several.
        chunk_start: Its first character in that passage; None where `passage` is.
        chunk_end: The one after its last, likewise.
    """

    contradiction: float
    chunk_index: int
    passage: int | None
    chunk_start: int | None
    chunk_end: int | None


@dataclass(frozen=True)
class SentenceEvidence:
    """One sentence of a summary and the chunk of the source to read beside it.

    Attributes:
        sentence: The sentence.
        score: How far it is supported: the maximum over the chunks.
        chunk: The chunk that gave the maximum; where none supports the sentence, the likeliest: the
            one with which it shares most words, rare ones counting more.
        chunk_index: Place of that chunk in its source, from 0.
        start: First character of the sentence in its summary: `summary[start:end] == sentence`.
        end: The one after its last.
        verdict: `supported` where the score is above the threshold; else what the chunk says of
            it: `contradicted`, or `unmentioned`, not in the source; `unsupported` where the model
            cannot tell these apart, or finds neither likelier than that it is supported after all.
        passage: Number of the chunk's passage, from 0; None where it holds several.
        chunk_start: First character of the chunk in that passage; None where `passage` is.
        chunk_end: The one after its last, likewise.
        neutral: Probability that the chunk says nothing of the sentence; None where the model
            cannot tell.
        contradiction: Probability that the chunk contradicts it, likewise.
        worst: The chunk that contradicts it most, where that is another one.
        unsupported: The words that no chunk supports, as the aligner's head sees it, or the chunk
            does not, by occlusion; None where they were not asked for.
    """

    sentence: str
    score: float
    chunk: str
    chunk_index: int
    start: int
    end: int
    verdict: Verdict
    passage: int | None = None
    chunk_start: int | None = None
    chunk_end: int | None = None
    neutral: float | None = None
    contradiction: float | None = None
    worst: Contradiction | None = None
    unsupported: tuple[UnsupportedSpan, ...] | None = None

    @property
    def supported(self) -> bool:
        """Whether the sentence is."""
        return self.verdict == "supported"


class _Scores(ABC):
    """What N scores and their sources tell: mean, interval, counts."""

    scores: Floats
    signature: str

    @abstractmethod
    def _sources(self) -> Ints:
        """Equal numbers for pairs of equal sources, shape [N]."""

    def __len__(self) -> int:
        """Number of pairs."""
        return len(self.scores)

    @property
    def defined(self) -> Floats:
        """The scores that are not NaN."""
        return self.scores[~np.isnan(self.scores)]

    @property
    def undefined(self) -> int:
        """How many summaries have no sentence, hence no score."""
        return int(np.isnan(self.scores).sum())

    @property
    def mean(self) -> float:
        """Mean of the defined scores; NaN where there is none."""
        return float(self.defined.mean()) if len(self.defined) else float("nan")

    def ci(
        self, level: float = 0.95, *, resamples: int = 1000, seed: int = 0
    ) -> tuple[float, float]:
        """Interval of the mean over sources: how far it would move with other sources.

        The pairs of one source are resampled together. See
        `alignscore_metric.scores.intervals.mean_estimate`.

        Args:
            level: Coverage, in (0, 1).
            resamples: Bootstrap samples, >= 2.
            seed: Of the resampling.

        Returns:
            Lower and upper bound; (NaN, NaN) for scores of fewer than two sources.

        Raises:
            ConfigurationError: A value without meaning.
        """
        from alignscore_metric.scores.intervals import Resampling, mean_estimate

        resampling = Resampling(level, resamples, seed)
        found = mean_estimate(self.scores, self._sources(), resampling)
        return found.low, found.high

    def __str__(self) -> str:
        """Mean, interval, counts and signature, for people."""
        low, high = self.ci()
        interval = "" if np.isnan(low) else f" (95% interval {low:.4f} to {high:.4f})"
        undefined = f", {self.undefined} without a sentence left out" if self.undefined else ""
        return (
            f"{headline(self.signature)} {self.mean:.4f}{interval}, {len(self)} pairs{undefined}\n"
            f"{self.signature}"
        )

    __repr__ = __str__


@dataclass(frozen=True, repr=False)
class ScoreSummary(_Scores):
    """Scores of N pairs without their evidence: of a file whose rows were let go.

    Attributes:
        scores: One per pair, shape [N]; NaN where the summary has no sentence.
        source_numbers: Equal numbers for pairs of equal sources, shape [N]; see
            `alignscore_metric.text.pairs.source_number`.
        signature: What produced the scores.
    """

    scores: Floats
    source_numbers: Ints
    signature: str

    def _sources(self) -> Ints:
        return self.source_numbers


@dataclass(frozen=True, repr=False)
class AlignScoreResult(_Scores):
    """Scores of N (source, summary) pairs, with their evidence.

    Attributes:
        scores: One per pair, shape [N]; in [0, 1] for the heads `bin` and `tri`; NaN where the
            summary has no sentence.
        sentence_scores: One per sentence of every summary, in order, shape [S].
        best_cells: The cell of `table` that each sentence's score stands in, shape [S].
        table: Which chunks and sentences the pairs consist of.
        signature: What produced the scores.
        threshold: What a sentence's score must exceed to be supported.
        relations: Of each cell the probabilities that the chunk says nothing of the sentence and
            that it contradicts it, shape [C, 2]; NaN where they are not known.
        spans: The unsupported spans of each sentence, S of them; None where not asked for.
        not_english: Numbers of the pairs in another script than the model's language has.
    """

    scores: Floats
    sentence_scores: Floats
    best_cells: npt.NDArray[np.int64]
    table: PairTable
    signature: str
    threshold: float = 0.5
    relations: Floats | None = None
    spans: tuple[tuple[UnsupportedSpan, ...], ...] | None = None
    not_english: tuple[int, ...] = ()

    def _sources(self) -> Ints:
        return self.table.example_sources

    def sentences(self, row: int) -> list[SentenceEvidence]:
        """Sentences of one pair's summary, each with its score and its best chunk.

        Args:
            row: Number of the pair, from 0.

        Raises:
            IndexError: There is no such pair.
        """
        if not 0 <= row < len(self):
            raise IndexError(f"row {row} of {len(self)}")
        first, last = self.table.example_sentences[row : row + 2]
        return [self._sentence(row, sentence) for sentence in range(first, last)]

    def shown_cell(self, sentence: int) -> int:
        """The cell whose chunk is shown beside a sentence: see `SentenceEvidence.chunk`.

        Args:
            sentence: Its number among all, from 0.
        """
        table, best = self.table, int(self.best_cells[sentence])
        cells = np.arange(*table.sentence_cells[sentence : sentence + 2])
        if len(cells) > 1 and self.relations is not None:
            known = ~np.isnan(self.relations[cells]).any(axis=1)  # a prefilter left the others out
            cells = cells[known | (cells == best)]
        if len(cells) == 1 or self.sentence_scores[sentence] > self.threshold:
            return best
        weights = shared_weights(
            table.sentences[table.sentence_ids[sentence]],
            [table.chunks[chunk] for chunk in table.pairs[table.cells[cells], 0]],
        )
        likeliest = [cell for cell, w in zip(cells, weights, strict=True) if w == max(weights)]
        return best if best in likeliest else int(likeliest[0])

    def _sentence(self, row: int, sentence: int) -> SentenceEvidence:
        table, cell = self.table, self.shown_cell(sentence)
        score = float(self.sentence_scores[sentence])
        start, end = table.sentence_places[sentence].tolist()
        neutral, contradiction = self._relation(cell)
        passage, chunk_start, chunk_end = self._chunk_place(row, sentence, cell)
        return SentenceEvidence(
            sentence=table.sentences[table.sentence_ids[sentence]],
            score=score,
            chunk=table.chunks[table.pairs[table.cells[cell], 0]],
            chunk_index=int(cell - table.sentence_cells[sentence]),
            start=start,
            end=end,
            verdict=_verdict(score > self.threshold, neutral, contradiction),
            passage=passage,
            chunk_start=chunk_start,
            chunk_end=chunk_end,
            neutral=neutral,
            contradiction=contradiction,
            worst=self._worst(row, sentence, cell),
            unsupported=None if self.spans is None else self.spans[sentence],
        )

    def _relation(self, cell: int) -> tuple[float, float] | tuple[None, None]:
        """Probabilities of neutral and contradiction of a cell, where they are known."""
        if self.relations is None or np.isnan(self.relations[cell]).any():
            return None, None
        neutral, contradiction = self.relations[cell].tolist()
        return neutral, contradiction

    def _chunk_place(
        self, row: int, sentence: int, cell: int
    ) -> tuple[int, int, int] | tuple[None, None, None]:
        """Passage, start and end of a cell's chunk."""
        first = self.table.example_chunks[row] - self.table.sentence_cells[sentence]
        passage, start, end = self.table.chunk_places[first + cell].tolist()
        return (None, None, None) if passage == SEVERAL else (passage, start, end)

    def _worst(self, row: int, sentence: int, shown: int) -> Contradiction | None:
        first, last = self.table.sentence_cells[sentence : sentence + 2]
        if self.relations is None or np.isnan(self.relations[first:last, 1]).all():
            return None
        cell = int(first + np.nanargmax(self.relations[first:last, 1]))
        if cell == shown:
            return None
        place = self._chunk_place(row, sentence, cell)
        return Contradiction(float(self.relations[cell, 1]), int(cell - first), *place)

    def to_pandas(self, by: Literal["pair", "sentence"] = "pair") -> pd.DataFrame:
        """A data frame of the scores.

        Args:
            by: `pair` gives `score` and `sentences` (their number); `sentence` gives `row` and
                the fields of `SentenceEvidence`, as plain values; lone surrogates, which no file in
                UTF-8 can hold, are U+FFFD there.
        """
        import pandas as pd

        if by == "pair":
            counts = np.diff(self.table.example_sentences)
            return pd.DataFrame({"score": self.scores, "sentences": counts})
        rows = [{"row": row} | evidence_row(found) for row, found in self._evidence()]
        names = [field.name for field in fields(SentenceEvidence)]
        return pd.DataFrame(rows, columns=["row", *names])

    def to_dict(self) -> dict[str, Any]:
        """Plain numbers, strings and lists; undefined scores are None, as in JSON."""
        low, high = self.ci()
        return {
            "mean": _none_if_nan(self.mean),
            "ci95": [_none_if_nan(low), _none_if_nan(high)],
            "count": len(self),
            "undefined": self.undefined,
            "scores": [_none_if_nan(float(score)) for score in self.scores],
            "sentences": [
                [asdict(found) for found in self.sentences(row)] for row in range(len(self))
            ],
            "signature": self.signature,
        }

    def to_html(
        self,
        path: str | Path | None = None,
        *,
        ids: Sequence[object] | None = None,
        title: str | None = None,
    ) -> str:
        """A report for people: one web page that needs nothing else, with the evidence.

        Args:
            path: Where to write it too, a name that ends in .html; a file there is replaced.
            ids: What to call the pairs, N values; their row numbers, from 0, where None.
            title: Heading of the page; what the signature's model is called where None.

        Returns:
            The page.

        Raises:
            InputError: Not N ids, or the place cannot be written to.
        """
        from alignscore_metric.report.page import page_writer, render_page

        page = render_page(self, ids=ids, title=title or headline(self.signature))
        if path is not None:
            with page_writer(path) as stream:
                stream.write(page.encode())
        return page

    def plot(self, ax: Axes | None = None) -> Axes:
        """Distribution of the scores, with their mean and its 95% interval.

        Args:
            ax: Where to draw; a new figure's where None.

        Raises:
            InputError: No score is defined.
            MissingResourceError: Matplotlib is not installed.
        """
        from alignscore_metric.report.plots import plot_scores

        return plot_scores(self, ax)

    def _repr_html_(self) -> str:
        """What a notebook shows: mean, interval, signature, and the worst examples."""
        from alignscore_metric.report.notebook import render_table

        return render_table(self)

    def _evidence(self) -> Iterator[tuple[int, SentenceEvidence]]:
        for row in range(len(self)):
            for found in self.sentences(row):
                yield row, found


def evidence_row(found: SentenceEvidence) -> dict[str, Any]:
    """Plain values of a sentence's evidence, in texts that UTF-8 can hold."""
    row = asdict(found)
    row |= {"sentence": encodable(found.sentence), "chunk": encodable(found.chunk)}
    if found.unsupported is not None:
        spans = [asdict(span) | {"text": encodable(span.text)} for span in found.unsupported]
        row["unsupported"] = spans
    return row


def _verdict(supported: bool, neutral: float | None, contradiction: float | None) -> Verdict:
    if supported:
        return "supported"
    if neutral is None or contradiction is None:
        return "unsupported"
    if max(neutral, contradiction) < 1 - neutral - contradiction:
        return "unsupported"  # the head that tells them apart rather thinks that it is supported
    return "contradicted" if contradiction > neutral else "unmentioned"


def join_results(results: Sequence[AlignScoreResult]) -> AlignScoreResult:
    """One result of the pairs of several, one after the other.

    Args:
        results: At least one, all with one signature and asked for the same.
    """
    ends = np.cumsum([0, *(len(result.table.cells) for result in results)])
    return AlignScoreResult(
        scores=np.concatenate([result.scores for result in results]),
        sentence_scores=np.concatenate([result.sentence_scores for result in results]),
        best_cells=np.concatenate(
            [result.best_cells + end for result, end in zip(results, ends[:-1], strict=True)]
        ),
        table=join_pair_tables([result.table for result in results]),
        signature=results[0].signature,
        threshold=results[0].threshold,
        relations=_joined_relations([result.relations for result in results]),
        spans=_joined_spans([result.spans for result in results]),
        not_english=tuple(
            first + row
            for first, result in zip(_firsts(results), results, strict=True)
            for row in result.not_english
        ),
    )


def _firsts(results: Sequence[AlignScoreResult]) -> list[int]:
    """The number that the first pair of each result has in the joined one."""
    return [0, *itertools.accumulate(map(len, results))][:-1]


def _joined_relations(parts: Sequence[Floats | None]) -> Floats | None:
    known = [part for part in parts if part is not None]
    return np.concatenate(known) if len(known) == len(parts) else None


def _joined_spans(
    parts: Sequence[tuple[tuple[UnsupportedSpan, ...], ...] | None],
) -> tuple[tuple[UnsupportedSpan, ...], ...] | None:
    known = [part for part in parts if part is not None]
    return tuple(itertools.chain(*known)) if len(known) == len(parts) else None


PRINTED = 10
"""Rows that a printed prediction shows."""


@dataclass(frozen=True, repr=False)
class PredictionSummary:
    """Decisions on N (source, summary) pairs without their sentences: of a file, of stored scores.

    One rule decides: consistent, or supported, is what scores above the threshold. Probabilities
    rise with scores, so that for `probability=P` those judged consistent are those above P.

    Attributes:
        scores: As in `AlignScoreResult`, shape [N].
        probabilities: Calibrated, of being consistent, in [0, 1], shape [N]; NaN where the score
            is.
        decisions: Whether each summary is judged consistent, bool, shape [N]; False where the score
            is NaN.
        threshold: What the score must exceed.
        objective: What the threshold serves, as `precision=0.9`.
        signature: What produced the scores, the probabilities and the decisions.
    """

    scores: Floats
    probabilities: Floats
    decisions: npt.NDArray[np.bool_]
    threshold: float
    objective: str
    signature: str

    def __len__(self) -> int:
        """Number of pairs."""
        return len(self.scores)

    @property
    def undefined(self) -> int:
        """How many summaries have no sentence, hence no score."""
        return int(np.isnan(self.scores).sum())

    @property
    def headline(self) -> str:
        """Counts, objective and threshold, for people."""
        undefined = f", {self.undefined} without a sentence" if self.undefined else ""
        return (
            f"{headline(self.signature)}: {int(self.decisions.sum())} of {len(self)} judged "
            f"consistent{undefined} ({self.objective}: a score above {self.threshold:.4f})"
        )

    def __str__(self) -> str:
        """The headline and the signature."""
        return f"{self.headline}\n{self.signature}"

    __repr__ = __str__


@dataclass(frozen=True, repr=False)
class PredictionResult(PredictionSummary):
    """Decisions on N (source, summary) pairs, and on each of their sentences.

    Attributes:
        evidence: The sentences, with verdicts by the same threshold.
    """

    evidence: AlignScoreResult

    def sentences(self, row: int) -> list[SentenceEvidence]:
        """Sentences of one pair's summary with their verdicts; see `AlignScoreResult.sentences`."""
        return self.evidence.sentences(row)

    def to_pandas(self, by: Literal["pair", "sentence"] = "pair") -> pd.DataFrame:
        """A data frame.

        Args:
            by: `pair` gives `score`, `probability` and `consistent`; `sentence` is as in
                `AlignScoreResult.to_pandas`.
        """
        import pandas as pd

        if by == "sentence":
            return self.evidence.to_pandas(by)
        return pd.DataFrame(
            {
                "score": self.scores,
                "probability": self.probabilities,
                "consistent": self.decisions,
            }
        )

    def to_dict(self) -> dict[str, Any]:
        """Plain numbers, strings and lists; undefined and infinite ones are None, as in JSON."""
        rows = zip(self.scores.tolist(), self.probabilities.tolist(), strict=True)
        return {
            "objective": self.objective,
            "threshold": self.threshold if np.isfinite(self.threshold) else None,
            "rows": [
                {
                    "score": _none_if_nan(score),
                    "probability": _none_if_nan(probability),
                    "consistent": bool(self.decisions[row]),
                    "sentences": [asdict(found) for found in self.sentences(row)],
                }
                for row, (score, probability) in enumerate(rows)
            ],
            "signature": self.signature,
        }

    def __str__(self) -> str:
        """The headline, the first rows, and the signature."""
        lines = [
            self.headline,
            *(line for row in range(min(len(self), PRINTED)) for line in self._lines(row)),
        ]
        if len(self) > PRINTED:
            lines.append(f"  ... and {len(self) - PRINTED} more")
        return "\n".join([*lines, self.signature])

    __repr__ = __str__

    def _lines(self, row: int) -> list[str]:
        """A row's decision, and below it the sentences that are not supported."""
        decision = "consistent" if self.decisions[row] else "inconsistent"
        numbers = f"probability {self.probabilities[row]:.2f}, score {self.scores[row]:.4f}"
        return [
            f"  row {row}: {decision}, {numbers}",
            *(
                f"    {VERDICTS[found.verdict]} ({found.score:.4f}): {plain(found.sentence):.100}"
                for found in self.sentences(row)
                if not found.supported
            ),
        ]


def checked(calibration: Calibration | None) -> Calibration:
    """The calibration that decisions need.

    Raises:
        ConfigurationError: There is none.
    """
    if calibration is None:
        raise ConfigurationError(
            "this checkpoint has no calibration for these options; fit one on labelled rows: "
            "alignscore calibrate labelled.jsonl --model MODEL -o FOLDER, and load FOLDER"
        )
    return calibration


def predict_result(
    evidence: AlignScoreResult, calibration: Calibration | None, objective: str
) -> PredictionResult:
    """Decisions on what was scored with the objective's threshold.

    Args:
        evidence: The result; its threshold decides.
        calibration: What gave that threshold.
        objective: What the threshold serves.

    Raises:
        ConfigurationError: There is no calibration, or no threshold for the objective.
    """
    found = judged(evidence.scores, evidence.signature, calibration, objective)
    return PredictionResult(**vars(found), evidence=evidence)


def judged(
    scores: Floats, signature: str, calibration: Calibration | None, objective: str
) -> PredictionSummary:
    """Decisions on scores.

    Args:
        scores: Shape [N].
        signature: What produced them.
        calibration: What gives probabilities and thresholds.
        objective: What the threshold serves.

    Raises:
        ConfigurationError: There is no calibration, or no threshold for the objective.
    """
    calibration = checked(calibration)
    threshold = calibration.threshold(objective)
    decided = replace(
        Signature.parse(signature),
        calibration=calibration.name,
        decision=f"{objective}>{threshold:.6g}",
    )
    return PredictionSummary(
        scores=scores,
        probabilities=calibration.probabilities(scores),
        decisions=calibration.decide(scores, objective),
        threshold=threshold,
        objective=objective,
        signature=str(decided),
    )


def _none_if_nan(value: float) -> float | None:
    return None if np.isnan(value) else value
