"""From texts to a result: splitters, engine and aggregation, built once and never changed.

Owns the order of the steps and what each needs from a checkpoint and a profile. Knows nothing of
model names, files or decisions.
"""

from __future__ import annotations

import copy
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import cache, cached_property, partial
from itertools import islice, pairwise

import numpy as np
import torch

from alignscore_metric.arrays import Bools, Floats, Ints
from alignscore_metric.checkpoint.loading import Checkpoint, load_checkpoint
from alignscore_metric.checkpoint.profile import SEGMENTED, Profile
from alignscore_metric.checkpoint.signature import Signature, sign, splitter_version
from alignscore_metric.engine.encoding import count_tokens
from alignscore_metric.engine.engine import Engine, TruncationWarning
from alignscore_metric.engine.precision import (
    AUTO,
    choose,
    examples,
    faster_precisions,
    in_precision,
    remembered,
)
from alignscore_metric.engine.readings import CONTRADICTION, NEUTRAL, SCORE, PairReadings
from alignscore_metric.engine.spans import SPAN_THRESHOLD, SpanReader
from alignscore_metric.errors import ConfigurationError
from alignscore_metric.result import AlignScoreResult, UnsupportedSpan
from alignscore_metric.scores.aggregation import aggregate_sentences, max_over_chunks
from alignscore_metric.scores.decisions import VERDICT
from alignscore_metric.scores.smart import SmartResult, smart_of_texts
from alignscore_metric.text.chunking import SourceChunker
from alignscore_metric.text.claims import claims_among
from alignscore_metric.text.copying import blend, copied_shares
from alignscore_metric.text.languages import rows_in_another_script, told
from alignscore_metric.text.layout import LineSplitter
from alignscore_metric.text.occlusion import occluded_spans
from alignscore_metric.text.pairs import Example, PairLister, PairTable, Source
from alignscore_metric.text.prefilter import (
    ALIGNER,
    LEXICAL,
    Choose,
    aligner_choice,
    chosen_scores,
    lexical_choice,
    parse_prefilter,
)
from alignscore_metric.text.spans import DoubtedSpan
from alignscore_metric.text.splitters import SentenceSplitter, get_splitter

COUNTED_AT_ONCE = 2048
"""Pairs whose tokens are counted at a time."""

UNCALIBRATED = 0.5
"""What a score must exceed to be supported where no calibration says more."""

MULTILINGUAL = 200_000
"""Least words of a vocabulary of many languages: XLM-R's and mDeBERTa's have 250,000, DeBERTa's
128,000."""

PART = 128
"""Most examples that are split while a GPU scores those before."""


class NotEnglishWarning(UserWarning):
    """Some pairs are in another language than the model's."""


HEAD, OCCLUSION = "head", "occlusion"
"""Ways to find unsupported spans."""


@dataclass(frozen=True)
class Asked:
    """What of a result is wanted besides scores.

    Attributes:
        spans: How unsupported spans are found: `HEAD` or `OCCLUSION`; not at all where None.
        threshold: What a sentence's score must exceed to be supported; the profile's where None.
    """

    spans: str | None = None
    threshold: float | None = None


SCORES_ALONE = Asked()


@dataclass(frozen=True, kw_only=True)
class Pipeline:
    """Everything between texts and their result.

    Attributes:
        profile: How scores are made.
        split_source: A source to its chunks, at least one.
        split_summary: A summary to its claims, possibly none.
        engine: Scores pairs on a device.
        choose: Which cells of a table are scored; all where None.
        first_part: Of how many examples the pairs are listed before the first are scored, and then
            of ever more; all where None.
        signature: What produces the scores.
    """

    profile: Profile
    split_source: Callable[[Source], list[str]]
    split_summary: Callable[[str], list[str]]
    engine: Engine
    choose: Choose | None
    first_part: int | None
    signature: str

    @cached_property
    def threshold(self) -> float:
        """What a score must exceed to be supported, unless told."""
        calibration = self.profile.calibration
        return calibration.threshold(VERDICT) if calibration else UNCALIBRATED

    @property
    def _reads_english(self) -> bool:
        """Whether English is what the aligner reads: by its vocabulary."""
        size = getattr(self.engine.aligner.encoder.config, "vocab_size", 0)
        return bool(size < MULTILINGUAL)

    @property
    def device(self) -> torch.device:
        """Where pairs are scored."""
        return torch.device(self.engine.aligner.device)

    def pair_table(self, sources: Iterable[Source], summaries: Iterable[str]) -> PairTable:
        """Split N sources and N summaries, without the model."""
        lister = self._lister()
        lister.add(zip(sources, summaries, strict=True))
        return lister.table()

    def evaluate(
        self, sources: Sequence[Source], summaries: Sequence[str], asked: Asked = SCORES_ALONE
    ) -> AlignScoreResult:
        """Score N sources and N summaries, the first of them while later ones are split.

        Raises:
            ConfigurationError: Spans are asked of an aligner that has no head for them.
        """
        lister = self._lister()
        first = self.first_part or len(sources)
        parts = _in_parts(zip(sources, summaries, strict=True), first)
        result = self._evaluate(
            lister.chunks,
            lister.sentences,
            map(lister.add, parts),
            lister.table,
            total=lambda: lister.expected(len(sources)),
            asked=asked,
        )
        if result.not_english:
            names = [f"row {row}" for row in result.not_english]
            warnings.warn(told(len(result), names), NotEnglishWarning, stacklevel=4)
        return result

    def evaluate_table(self, table: PairTable, asked: Asked = SCORES_ALONE) -> AlignScoreResult:
        """Score what `pair_table` gave; errors as for `evaluate`."""
        return self._evaluate(
            table.chunks,
            table.sentences,
            iter([table.pairs]),
            lambda: table,
            total=lambda: len(table.pairs),
            asked=asked,
        )

    def count_tokens(self, table: PairTable) -> int:
        """Tokens of all of a table's pairs, as the engine reads them."""
        encoder = self.engine.encoder(table.chunks, table.sentences)
        parts = np.array_split(table.pairs, len(table.pairs) // COUNTED_AT_ONCE + 1)
        return sum(int(encoder.encode(part).sizes[:, 0].sum()) for part in parts)

    def smart(self, sources: Sequence[Source], summaries: Sequence[str]) -> SmartResult:
        """SMART of N sources and N summaries, from the scores of pairs of their sentences."""
        split = cache(sentence_splitter(self.profile))
        passages = [[source] if isinstance(source, str) else source for source in sources]
        scores = smart_of_texts(
            [[sentence for text in texts for sentence in split(text)] for texts in passages],
            [split(summary) for summary in summaries],
            score=lambda sentences, pairs: self.engine.score(sentences, sentences, pairs),
        )
        signature = replace(
            Signature.parse(self.signature),
            splitter=splitter_version(self.profile),
            chunk="sentence",
            claims="sentences",
            aggregation="smart",
            prefilter="",
        )
        return SmartResult(scores, str(signature))

    def _lister(self) -> PairLister:
        return PairLister(split_source=self.split_source, split_summary=self.split_summary)

    def _evaluate(
        self,
        chunks: Sequence[str],
        sentences: Sequence[str],
        parts: Iterator[Ints],
        table: Callable[[], PairTable],
        *,
        total: Callable[[], int],
        asked: Asked,
    ) -> AlignScoreResult:
        """Score pairs as they are listed; `table` is asked for when all of them are."""
        engine = self._engine(asked)
        copied: list[Future[Floats]] = []
        with ThreadPoolExecutor(1) as beside:  # which costs nothing where the device is another one

            def listed() -> Iterator[Ints]:
                part = next(parts, None)
                while part is not None:
                    following = next(parts, None)
                    if following is None and self.profile.copied_weight:
                        copied.append(beside.submit(copied_shares, table()))
                    yield part
                    part = following

            if self.choose is None:
                readings = engine.read_parts(chunks, sentences, listed(), total)
                read = table().cells
            else:
                for _ in listed():
                    pass  # a choice looks at whole examples
                readings, read = _read_chosen(engine, table(), self.choose(table()))
        result = self._result(table(), readings, read, copied[0].result() if copied else None)
        if asked.threshold is not None:
            result = replace(result, threshold=asked.threshold)
        return self._with_spans(result, readings, read, asked.spans)

    def _engine(self, asked: Asked) -> Engine:
        """The engine, reading the span head where it is asked for."""
        if asked.spans != HEAD:
            return self.engine
        if not self.engine.aligner.config.span_head or self.profile.template not in SEGMENTED:
            raise ConfigurationError(
                "this checkpoint has no span head, which spans='head' (or True) reads; give "
                "spans='occlusion' (--spans occlusion), which scores some more pairs a sentence"
            )
        return replace(self.engine, spans=True)

    def _result(
        self, table: PairTable, readings: PairReadings, read: Ints, copied: Floats | None
    ) -> AlignScoreResult:
        """From readings to scores of examples.

        Args:
            table: The table.
            readings: Of pairs.
            read: Which of them is each cell's, -1 where it has none, shape [C].
            copied: Copied shares of sentences, shape [S].
        """
        values = np.where(read[:, None] < 0, [-np.inf, np.nan, np.nan], readings.values[read])
        sentence_scores, best_cells = max_over_chunks(values[:, SCORE], table.sentence_cells)
        if copied is not None:
            sentence_scores = blend(sentence_scores, copied, self.profile.copied_weight)
        return AlignScoreResult(
            scores=aggregate_sentences(
                sentence_scores, table.example_sentences, self.profile.sentence_aggregation
            ),
            sentence_scores=sentence_scores,
            best_cells=best_cells,
            table=table,
            signature=self.signature,
            threshold=self.threshold,
            relations=values[:, [NEUTRAL, CONTRADICTION]],
            not_english=rows_in_another_script(table) if self._reads_english else (),
        )

    def _with_spans(
        self, result: AlignScoreResult, readings: PairReadings, read: Ints, spans: str | None
    ) -> AlignScoreResult:
        """The result with the unsupported spans of its sentences, if they are asked for."""
        if spans is None:
            return result
        table = result.table
        claims = [table.sentences[number] for number in table.sentence_ids]
        if spans == HEAD:
            found = self._doubted(claims, table, readings, read)
        else:
            cells = [result.shown_cell(sentence) for sentence in range(len(claims))]
            chunks = [table.chunks[chunk] for chunk in table.pairs[table.cells[cells], 0]]
            found = occluded_spans(
                claims, chunks, readings.scores[read[cells]], score=self.engine.score
            )
        starts = table.sentence_places[:, 0].tolist()
        return replace(
            result,
            spans=tuple(
                tuple(_in_summary(claim, start, span) for span in each)
                for claim, start, each in zip(claims, starts, found, strict=True)
            ),
        )

    def _doubted(
        self, claims: Sequence[str], table: PairTable, readings: PairReadings, read: Ints
    ) -> list[list[DoubtedSpan]]:
        """What the head doubts of each sentence, beside all of its chunks that were read."""
        reader = SpanReader(
            claims,
            tokenizer=self.engine.tokenizer,
            plain=self.profile.texts == "plain",
            threshold=self.engine.aligner.config.span_threshold or SPAN_THRESHOLD,
        )
        return [
            reader.spans(claim, [readings.claim_tokens(row) for row in read[a:b] if row >= 0])
            for claim, (a, b) in zip(claims, pairwise(table.sentence_cells), strict=True)
        ]


def _in_summary(claim: str, start: int, span: DoubtedSpan) -> UnsupportedSpan:
    text = claim[span.start : span.end]
    return UnsupportedSpan(start + span.start, start + span.end, text, span.doubt)


def _read_chosen(engine: Engine, table: PairTable, chosen: Bools) -> tuple[PairReadings, Ints]:
    """Readings of some cells' pairs, and which of them is each cell's: -1 of the others."""
    found: list[PairReadings] = []

    def numbered(chunks: Sequence[str], sentences: Sequence[str], pairs: Ints) -> Floats:
        found.append(engine.read(chunks, sentences, pairs))
        return np.arange(len(pairs), dtype=float)

    numbers = chosen_scores(table, chosen, numbered)
    return found[0], np.where(np.isfinite(numbers), numbers, -1).astype(np.int64)


def build_pipeline(
    checkpoint: Checkpoint,
    profile: Profile,
    *,
    device: torch.device,
    precision: str,
    batch_tokens: int | None = None,
    progress: bool = False,
) -> Pipeline:
    """A checkpoint on a device, ready to evaluate.

    Args:
        checkpoint: In float32, on the CPU; its aligner is spent: changed, or moved.
        profile: How scores are made.
        device: Where.
        precision: Of the numbers; `auto` finds the fastest that changes little.
        batch_tokens: Tokens of a batch; what suits aligner and device where None.
        progress: Show bars on stderr.

    Raises:
        ConfigurationError: A precision that the device lacks, or a prefilter that saves nothing.
        MissingResourceError: The splitter's data is not on this machine.
    """
    if precision == AUTO:
        precision = fastest_precision(checkpoint, profile, device)
    ranker = _load_ranker(profile, checkpoint)
    size = batch_tokens or _batch_tokens(checkpoint, device)
    engine = Engine(
        aligner=in_precision(checkpoint.aligner, precision, device),
        tokenizer=checkpoint.tokenizer,
        profile=profile,
        precision=precision,
        batch_tokens=size,
        progress=progress,
    )
    return Pipeline(
        profile=profile,
        split_source=SourceChunker(
            profile.chunking,
            profile.chunk_words,
            _source_splitter(profile),
            count_tokens=partial(count_tokens, checkpoint.tokenizer),
        ),
        split_summary=(
            sentence_splitter(profile) if profile.claims == "sentences" else _whole_claim(profile)
        ),
        engine=engine,
        choose=_chooser(engine, ranker),
        first_part=None if device.type == "cpu" else PART // 16,
        signature=_signature(checkpoint, profile, precision, ranker),
    )


def fastest_precision(checkpoint: Checkpoint, profile: Profile, device: torch.device) -> str:
    """What `precision="auto"` stands for here; tried once and remembered.

    Args:
        checkpoint: Stays as it is.
        profile: How scores are made.
        device: Where they are to be made fast.
    """
    sources, summaries, faithful = examples()

    def score(precision: str) -> Floats:
        own = replace(checkpoint, aligner=copy.deepcopy(checkpoint.aligner))
        pipeline = build_pipeline(own, profile, device=device, precision=precision)
        return pipeline.evaluate(sources, summaries).scores

    on_gpu = device.type == "cuda"
    key = {
        "scores": _signature(checkpoint, profile, AUTO, _load_ranker(profile, checkpoint)),
        "torch": torch.__version__,
        "candidates": list(faster_precisions(device)),  # a home may be shared by several machines
        "device": torch.cuda.get_device_name(device) if on_gpu else str(device),
    }
    return remembered(key, lambda: choose(device, score, faithful))


def pick_device(name: str | None) -> torch.device:
    """The named device, or the best one here.

    Raises:
        ConfigurationError: It is unknown or absent.
    """
    if name is None:
        name = "cuda" if torch.cuda.is_available() else "cpu"
        name = "mps" if name == "cpu" and torch.backends.mps.is_available() else name
    try:
        device = torch.device(name)
        torch.zeros(1, device=device).item()  # `meta` makes tensors, but has no numbers
    except (RuntimeError, AssertionError, NotImplementedError, ImportError) as cause:
        reason = (str(cause) or type(cause).__name__).splitlines()[0]
        raise ConfigurationError(f"device {name!r} cannot be used here: {reason}") from cause
    return device


def _in_parts(examples: Iterator[Example], first: int) -> Iterator[list[Example]]:
    """Examples in parts, each twice as large as the one before, up to `PART`."""
    size = max(1, first)
    while part := list(islice(examples, size)):
        yield part
        size = max(first, min(2 * size, PART))


def _load_ranker(profile: Profile, checkpoint: Checkpoint) -> Checkpoint | None:
    """The aligner that chooses chunks for another; None where the profile asks for none.

    Raises:
        ConfigurationError: It would choose for itself, which saves nothing.
    """
    prefilter = parse_prefilter(profile.prefilter)
    if prefilter is None or prefilter.ranking != ALIGNER:
        return None
    ranker = load_checkpoint(ALIGNER)
    if ranker.weights_sha256 == checkpoint.weights_sha256:
        raise ConfigurationError(
            f"prefilter {profile.prefilter!r}: the bundled aligner would score every chunk to "
            f"spare itself some; use prefilter='{LEXICAL}-{prefilter.keep}'"
        )
    return ranker


def _chooser(engine: Engine, ranker: Checkpoint | None) -> Choose | None:
    """What chooses the cells that an engine is to score; None for all of them."""
    prefilter = parse_prefilter(engine.profile.prefilter)
    if prefilter is None:
        return None
    if ranker is None:
        return partial(lexical_choice, keep=prefilter.keep)
    ranking = replace(
        engine,
        aligner=in_precision(ranker.aligner, engine.precision, engine.aligner.device),
        tokenizer=ranker.tokenizer,
        profile=ranker.aligner.profile,
        progress=False,
    )

    def score(chunks: Sequence[str], sentences: Sequence[str], pairs: Ints) -> Floats:
        with warnings.catch_warnings():  # of a text that is cut here, no score loses anything
            warnings.simplefilter("ignore", TruncationWarning)
            return ranking.score(chunks, sentences, pairs)

    return partial(aligner_choice, keep=prefilter.keep, score=score)


def _signature(
    checkpoint: Checkpoint, profile: Profile, precision: str, ranker: Checkpoint | None
) -> str:
    return str(
        sign(
            profile,
            model=checkpoint.name,
            weights=checkpoint.weights_sha256,
            tokenizer=checkpoint.tokenizer_sha256,
            precision=precision,
            ranker=ranker.weights_sha256 if ranker else "",
        )
    )


def _batch_tokens(checkpoint: Checkpoint, device: torch.device) -> int:
    """Tokens of a batch that keep a device busy; on a CPU, whose states fit its caches."""
    if device.type != "cpu":
        return 65536
    return max(1, min(4096, 4096 * 384 // int(checkpoint.aligner.encoder.config.hidden_size)))


def sentence_splitter(profile: Profile) -> Callable[[str], list[str]]:
    """What cuts a summary into the sentences that are scored.

    Args:
        profile: Published code, whose texts are `raw`, scores "..." and "1." like any sentence.

    Raises:
        MissingResourceError: The splitter's data is not on this machine.
    """
    splitter = get_splitter(profile.splitter)
    return splitter.split if profile.texts == "raw" else LineSplitter(splitter).claims


def _source_splitter(profile: Profile) -> SentenceSplitter | None:
    """What cuts a source into sentences; None where nothing is cut."""
    if not profile.splits:
        return None
    splitter = get_splitter(profile.splitter)
    return splitter if profile.texts == "raw" else LineSplitter(splitter)


def _whole_claim(profile: Profile) -> Callable[[str], list[str]]:
    """What makes one claim of all of a summary; none of a blank one."""
    return _unless_blank if profile.texts == "raw" else _unless_empty


def _unless_blank(summary: str) -> list[str]:
    return [summary] if summary.strip() else []


def _unless_empty(summary: str) -> list[str]:
    return claims_among([summary])
