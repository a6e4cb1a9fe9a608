"""`AlignScore`: the one class a user meets. A thin shell over the modules that do the work."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence, Sized
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt
import torch

from alignscore_metric.checkpoint.loading import load_checkpoint
from alignscore_metric.checkpoint.options import adapt_profile
from alignscore_metric.checkpoint.profile import Profile
from alignscore_metric.checkpoint.signature import Signature
from alignscore_metric.elsewhere import CONSTRUCTOR, SCORE, refuses
from alignscore_metric.engine.precision import PRECISIONS
from alignscore_metric.errors import ConfigurationError, InputError
from alignscore_metric.pipeline import (
    HEAD,
    OCCLUSION,
    Asked,
    Pipeline,
    build_pipeline,
    pick_device,
)
from alignscore_metric.result import (
    AlignScoreResult,
    PredictionResult,
    PredictionSummary,
    SentenceEvidence,
    checked,
    judged,
    predict_result,
)
from alignscore_metric.scores.decisions import VERDICT, Calibration
from alignscore_metric.scores.smart import SmartResult
from alignscore_metric.text.pairs import PairTable, Source

Spans = bool | Literal["head", "occlusion"]
"""Whether unsupported words are found, and how; see `AlignScore.evaluate`."""


class AlignScore:
    """How far summaries (answers, claims) are supported by their sources.

    A source is cut into chunks, a summary into sentences; an aligner scores every (chunk,
    sentence) pair; a summary's score is the mean over its sentences of the maximum over chunks.
    Where a mode or a profile does not split one of them, all of it is the one chunk or sentence.

    Args:
        model: `mini`, the bundled aligner; an official checkpoint by name, as `AlignScore-base`,
            fetched once; the folder of a saved one; an official `.ckpt` file of AlignScore or
            ALIGN; or another published checker, by name or its folder (see `profile`).
        backbone: Of a `.ckpt` file: a folder with its configuration and tokenizer, or a name as
            `roberta-large`, found in the Hub's cache; by default the name in the file. Of HHEM,
            likewise, its tokenizer.
        profile: How a checkpoint's scores are made, by a published checker's name (see
            `alignscore_metric.checkpoint.profile.PROFILES`); by default what the checkpoint's own
            configuration says, and for a classifier of entailment `nli`.
        label: Of a classifier: the class that means "supported", by its name or its number, where
            its labels do not say it, or say it twice.
        local_files_only: Never use the network, whatever the name.
        device: As torch names it (`cpu`, `cuda:1`, `mps`); the best one here where None.
        precision: `fp32`, `bf16`, `fp16` or `int8` (CPUs with VNNI), or `auto`: the fastest here
            that moves the scores of the package's examples by at most 0.005 and their AUC by at
            most 0.1 points, tried once and remembered under `HF_HOME`. The signature says which.
        mode: One of the reference's modes: `nli_sp`, `bin_sp` and `reg_sp` score chunks of the
            source against sentences of the summary with the head `tri`, `bin` or `reg`; `nli`,
            `bin` and `reg` the whole source, cut to the model's length, against the whole summary.
        head: `bin`, `tri` or `reg` instead of the head that the checkpoint's profile names.
        splitter: `bundled_punkt` or `nltk_punkt` instead of the profile's.
        chunk_words: Whitespace words of a chunk instead of the profile's.
        claims: `sentences` or `whole`, what of a summary is scored, instead of the profile's.
        copied_weight: Weight of copying instead of the profile's: 0 for the model's score alone.
        sentence_aggregation: `mean`, `min`, `worst-K` or `softmin-T` over a summary's sentences
            instead of the profile's (see `alignscore_metric.scores.aggregation`).
        prefilter: `lexical-K` or `mini-K`: score only the K chunks of a source that are likeliest
            to matter to a sentence, by the words that they share or by the bundled aligner; faster,
            and not the same scores. `none`: all; where None, what the profile says. `smart` always
            scores all.
        texts: `raw` or `plain` instead of the profile's: whether control tokens in a text act and
            long pairs are cut, as in AlignScore, or texts are nothing but text and all of a source
            is read (see `alignscore_metric.checkpoint.profile.Profile`).
        batch_tokens: Tokens of a batch: memory and speed, not scores. None is 65,536 on a GPU, and
            on a CPU what its caches hold: 4,096 of the bundled aligner, 2,048 of a base model.
        progress: Bars on stderr; where None, only if stderr is a terminal.

    Raises:
        ConfigurationError: An unknown model, device, precision, mode, head or splitter; a mode
            and a head that contradict each other.
        CheckpointError: The checkpoint is incomplete, damaged, or refused as unsafe.
        MissingResourceError: The splitter's data or the backbone is not on this machine.

    Example:
        >>> metric = AlignScore(progress=False)
        >>> source = "The bridge was closed on Monday after an inspection found cracks."
        >>> good, bad = metric.score([source] * 2, ["The bridge was closed on Monday.",
        ...                                         "The bridge was opened on Friday."])
        >>> good > bad
        True

    Source: Zha et al. 2023, "AlignScore: Evaluating Factual Consistency with A Unified Alignment
    Function", ACL.
    """

    @refuses(CONSTRUCTOR)
    def __init__(
        self,
        model: str | Path = "mini",
        *,
        backbone: str | Path | None = None,
        profile: str | None = None,
        label: str | None = None,
        local_files_only: bool = False,
        mode: str | None = None,
        device: str | None = None,
        precision: str = "fp32",
        head: str | None = None,
        splitter: str | None = None,
        chunk_words: int | None = None,
        claims: str | None = None,
        copied_weight: float | None = None,
        sentence_aggregation: str | None = None,
        prefilter: str | None = None,
        texts: str | None = None,
        batch_tokens: int | None = None,
        progress: bool | None = None,
    ) -> None:
        """Load the aligner; see the class for the arguments."""
        _check_numbers(precision, batch_tokens)
        checkpoint = load_checkpoint(
            model,
            backbone=backbone,
            profile=profile,
            label=label,
            local_files_only=local_files_only,
        )
        options = {
            "splitter": splitter,
            "chunk_words": chunk_words,
            "claims": claims,
            "copied_weight": copied_weight,
            "sentence_aggregation": sentence_aggregation,
            "prefilter": prefilter,
            "texts": texts,
        }
        self._parameters = sum(one.numel() for one in checkpoint.aligner.parameters())
        adapted = adapt_profile(checkpoint.aligner, mode=mode, head=head, options=options)
        self._pipeline: Pipeline = build_pipeline(
            checkpoint,
            adapted,
            device=pick_device(device),
            precision=precision,
            batch_tokens=batch_tokens,
            progress=sys.stderr.isatty() if progress is None else progress,
        )

    def __repr__(self) -> str:
        """Which model this is, where it computes, and in which precision.

        Example:
            >>> AlignScore(device="cpu", progress=False)
            AlignScore('mini', device='cpu', precision='fp32')
        """
        signed = Signature.parse(self.signature)
        return (
            f"AlignScore({signed.model!r}, device={str(self.device)!r}, "
            f"precision={signed.precision!r})"
        )

    @property
    def profile(self) -> Profile:
        """How scores are made, with this metric's options."""
        return self._pipeline.profile

    @property
    def device(self) -> torch.device:
        """Where they are computed."""
        return self._pipeline.device

    @property
    def parameters(self) -> int:
        """How many parameters the aligner has, as it was loaded."""
        return self._parameters

    @property
    def signature(self) -> str:
        """What produces them, in one line."""
        return self._pipeline.signature

    @property
    def short_signature(self) -> str:
        """What of the signature a paper needs; see `Signature.short`."""
        return Signature.parse(self.signature).short

    @property
    def passing_score(self) -> float:
        """The least score that `predict` judges consistent unless told; 0.5 if it cannot judge."""
        return (
            math.nextafter(self._pipeline.threshold, math.inf) if self.profile.calibration else 0.5
        )

    @refuses(SCORE)
    def score(self, sources: Sequence[Source], summaries: Sequence[str]) -> list[float]:
        """Score each (source, summary) pair.

        Args:
            sources: N sources; each one text, or a list of passages that chunks never cross.
            summaries: N summaries, answers or claims.

        Returns:
            N scores: in [0, 1] for the heads `bin` and `tri`, higher = better supported; NaN for
            a summary without a sentence, or with marks alone.

        Raises:
            InputError: Lengths differ, or something is not text; names the row, from 0.
        """
        return [float(score) for score in self.evaluate(sources, summaries).scores]

    @refuses(SCORE)
    def evaluate(
        self, sources: Sequence[Source], summaries: Sequence[str], *, spans: Spans = False
    ) -> AlignScoreResult:
        """Score each pair and keep the evidence; further errors as for `score`.

        Args:
            sources: As for `score`.
            summaries: As for `score`.
            spans: Also find the words that no chunk supports (`SentenceEvidence.unsupported`). True
                or `head` reads the aligner's head for them, in the same pass. `occlusion` is for
                any other classifier, and for sentences that are not supported alone: it leaves out
                each name, number or phrase in turn and takes those without which the score rises by
                0.1 or more; every such part is one more (chunk, sentence) pair to score, up to 16 a
                sentence.

        Returns:
            Scores, mean with interval, per-sentence scores with their chunks, signature.

        Raises:
            ConfigurationError: The checkpoint has no head for spans, or there is no such way.
        """
        check_inputs(sources, summaries)
        return self._pipeline.evaluate(sources, summaries, Asked(_way(spans)))

    def pair_table(self, sources: Sequence[Source], summaries: Sequence[str]) -> PairTable:
        """The first half of `evaluate`: check and split the texts, without the model.

        Arguments and errors as for `score`. It may run in a thread while another table is scored.
        """
        check_inputs(sources, summaries)
        return self._pipeline.pair_table(sources, summaries)

    def count_tokens(self, table: PairTable) -> int:
        """Tokens that scoring a table takes, those around a pair's texts included: its work."""
        return self._pipeline.count_tokens(table)

    def evaluate_table(
        self, table: PairTable, *, spans: Spans = False, threshold: float | None = None
    ) -> AlignScoreResult:
        """The second half of `evaluate`: score what `pair_table` gave.

        Args:
            table: The table.
            spans: As for `evaluate`.
            threshold: What a sentence's score must exceed to be supported; that of `predict`,
                unless told, where None.

        Raises:
            ConfigurationError: As for `evaluate`.
        """
        return self._pipeline.evaluate_table(table, Asked(_way(spans), threshold))

    @refuses(SCORE)
    def predict(
        self,
        sources: Sequence[Source],
        summaries: Sequence[str],
        *,
        objective: str = VERDICT,
        calibration: Calibration | None = None,
        spans: Spans = False,
    ) -> PredictionResult:
        """Judge each summary, and each of its sentences, consistent or not; errors as for `score`.

        Args:
            sources: As for `score`.
            summaries: As for `score`.
            objective: What the threshold serves: `probability=P` judges consistent what is so with
                a probability above P, and 0.5 is the default; or one that was fitted:
                `balanced_accuracy`, or another of the calibration's, as `precision=0.9`.
            calibration: Instead of the profile's, for these options and summaries as yours; see
                `alignscore_metric.scores.decisions.fit_calibration`.
            spans: As for `evaluate`.

        Raises:
            ConfigurationError: There is no calibration, or no threshold for the objective.
        """
        calibration = calibration or self.profile.calibration
        threshold = checked(calibration).threshold(objective)  # refused before anything is scored
        check_inputs(sources, summaries)
        evidence = self._pipeline.evaluate(sources, summaries, Asked(_way(spans), threshold))
        return predict_result(evidence, calibration, objective)

    def judge(
        self,
        scores: npt.ArrayLike,
        *,
        objective: str = VERDICT,
        calibration: Calibration | None = None,
    ) -> PredictionSummary:
        """Verdicts on scores that this checkpoint gave with these options.

        Args:
            scores: Shape [N]; NaN where a summary has no sentence.
            objective: As for `predict`.
            calibration: Likewise.

        Raises:
            ConfigurationError: There is no calibration, or no threshold for the objective.
        """
        found = np.asarray(scores, dtype=np.float64)
        return judged(found, self.signature, calibration or self.profile.calibration, objective)

    def explain(
        self, source: Source, summary: str, *, spans: Spans = False
    ) -> list[SentenceEvidence]:
        """Each sentence of one summary with its score, its verdict and the chunk to read beside it.

        Args:
            source: One text, or a list of passages.
            summary: The summary; one without a sentence gives an empty list.
            spans: As for `evaluate`.

        Raises:
            InputError: Something is not text.
            ConfigurationError: As for `evaluate`.
        """
        return self.evaluate([source], [summary], spans=spans).sentences(0)

    def smart(self, sources: Sequence[Source], summaries: Sequence[str]) -> SmartResult:
        """SMART-1, SMART-2 and SMART-L of each pair; arguments and input errors as for `score`.

        Every sentence of the source is scored against every sentence of the summary, as context for
        the precision and as claim for the recall, whatever the profile says of chunks, claims and
        prefilter.

        Returns:
            Precision, recall and F1 of each; NaN where the source or the summary has no sentence.

        Raises:
            ConfigurationError: The head is `reg`: SMART needs scores in [0, 1].
        """
        check_inputs(sources, summaries)
        if self.profile.head == "reg":
            raise ConfigurationError("SMART needs scores in [0, 1]; use the head 'tri' or 'bin'")
        return self._pipeline.smart(sources, summaries)


def _way(spans: Spans) -> str | None:
    """How spans are to be found; None where they are not."""
    way = HEAD if spans is True else spans or None
    if way not in (None, HEAD, OCCLUSION):
        raise ConfigurationError(f"spans is {spans!r}; give True, {HEAD!r} or {OCCLUSION!r}")
    return way


def _check_numbers(precision: str, batch_tokens: int | None) -> None:
    if precision not in PRECISIONS:
        raise ConfigurationError(
            f"precision is {precision!r}; known precisions: {', '.join(PRECISIONS)}"
        )
    if batch_tokens is not None and (type(batch_tokens) is not int or batch_tokens < 1):
        raise ConfigurationError(f"batch_tokens is {batch_tokens!r}; give a whole number >= 1")


def check_inputs(
    sources: Sequence[Source],
    summaries: Sequence[str],
    *,
    where: Callable[[int], str] = "row {}".format,
) -> None:
    """Refuse what cannot be scored, naming the row.

    Args:
        sources: Texts or lists of texts.
        summaries: Texts.
        where: How to name a row, given from 0.

    Raises:
        InputError: See `AlignScore.score`.
    """
    _check_column("sources", sources)
    _check_column("summaries", summaries)
    if len(sources) != len(summaries):
        raise InputError(
            f"{len(sources)} sources but {len(summaries)} summaries; give one source per summary"
        )
    for row, (source, summary) in enumerate(zip(sources, summaries, strict=True)):
        if not isinstance(summary, str):
            raise InputError(f"{where(row)}: the summary is {_kind(summary)}, not text")
        if isinstance(source, str):
            continue
        if not _is_list(source):
            raise InputError(
                f"{where(row)}: the source is {_kind(source)}, not text or a list of texts"
            )
        for place, passage in enumerate(source):
            if not isinstance(passage, str):
                raise InputError(f"{where(row)}: passage {place} is {_kind(passage)}, not text")


def _check_column(name: str, values: object) -> None:
    """Refuse what is no list of rows, and say what to give in its place."""
    kind = type(values).__name__
    if (column := _first_column(values)) is not None:
        raise InputError(f"{name} is a {kind}; give one column of it, as {name}[{column!r}]")
    if isinstance(values, Mapping):
        raise InputError(f"{name} is a {kind}; give a list of its texts, as list({name}.values())")
    if isinstance(values, set | frozenset):
        raise InputError(f"{name} is a {kind}, which has no order; give a list")
    if not _is_list(values):
        raise InputError(f"{name} is one {kind}; give a list with one entry per summary")
    if (dimensions := getattr(values, "ndim", 1)) > 1:
        raise InputError(f"{name} has {dimensions} dimensions; give one column of it")
    if hasattr(values, "to_pylist"):
        raise InputError(f"{name} is a {kind} of pyarrow; give {name}.to_pylist()")


def _first_column(values: object) -> object | None:
    """What a table of pandas, polars, pyarrow or datasets calls its first column."""
    names = getattr(values, "column_names", getattr(values, "columns", None))
    if isinstance(names, str) or not isinstance(names, Iterable):  # a Series has its labels too
        return None
    return next(iter(names), "NAME")


def _is_list(values: object) -> bool:
    """Whether values stand in an order, as in lists, arrays and columns; a text is one value."""
    single = isinstance(values, str | bytes | bytearray | Mapping | set | frozenset)
    listed = isinstance(values, Sized) and isinstance(values, Iterable) and not single
    return listed and getattr(values, "ndim", 1) > 0 and _first_column(values) is None


def _kind(value: object) -> str:
    is_nan = isinstance(value, float) and math.isnan(value)
    if value is None or is_nan or type(value).__name__ == "NAType":  # pandas' own
        return f"missing ({value})"
    return f"{type(value).__name__} ({str(value)[:40]!r})"
