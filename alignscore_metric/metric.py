"""`AlignScore`: the one class a user meets. A thin shell over the modules that do the work."""

from __future__ import annotations

import copy
import math
import sys
import warnings
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import cache, partial
from itertools import islice
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from transformers import PreTrainedTokenizerBase

from alignscore_metric.checkpoint.aligner import Aligner
from alignscore_metric.checkpoint.loading import Checkpoint, load_checkpoint
from alignscore_metric.checkpoint.profile import Profile
from alignscore_metric.checkpoint.signature import Signature
from alignscore_metric.engine.encoding import tokenize
from alignscore_metric.engine.engine import Engine, TruncationWarning
from alignscore_metric.engine.precision import (
    AUTO,
    PRECISIONS,
    candidates,
    choose,
    examples,
    prepare,
    remembered,
)
from alignscore_metric.errors import ConfigurationError, InputError
from alignscore_metric.result import AlignScoreResult, PredictionResult, SentenceEvidence
from alignscore_metric.scores.aggregation import Floats, aggregate_sentences, max_over_chunks
from alignscore_metric.scores.decisions import DEFAULT_OBJECTIVE, Calibration
from alignscore_metric.scores.smart import SmartResult, smart_of_texts
from alignscore_metric.text.chunking import SourceChunker
from alignscore_metric.text.copying import LENGTH, blend, copied_shares
from alignscore_metric.text.pairs import Example, PairLister, PairTable, Source, build_pair_table
from alignscore_metric.text.prefilter import (
    ALIGNER,
    LEXICAL,
    Choose,
    aligner_choice,
    chosen_scores,
    lexical_choice,
    parse_prefilter,
)
from alignscore_metric.text.splitters import get_splitter
from alignscore_metric.version import __version__

PART = 128
"""Most examples that are split while a GPU scores those before."""


class AlignScore:
    """How far summaries (answers, claims) are supported by their sources.

    A source is cut into chunks, a summary into sentences; an aligner scores every (chunk,
    sentence) pair; a summary's score is the mean over its sentences of the maximum over chunks.
    Where a mode or a profile does not split one of them, all of it is the one chunk or sentence.

    Args:
        model: `mini`, the bundled aligner; an official checkpoint by name, as `AlignScore-base`,
            fetched once; the folder of a saved one; an official `.ckpt` file of AlignScore or
            ALIGN; or the folder of another published checker (see `profile`).
        backbone: Of a `.ckpt` file: a folder with its configuration and tokenizer, or a name as
            `roberta-large`, found in the Hub's cache; by default the name in the file.
        profile: How a checkpoint's scores are made, by a published checker's name: `alignscore`,
            `minicheck` or `factcg`; by default what the checkpoint's own configuration says.
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

    def __init__(
        self,
        model: str | Path = "mini",
        *,
        backbone: str | Path | None = None,
        profile: str | None = None,
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
        batch_tokens: int | None = None,
        progress: bool | None = None,
    ) -> None:
        """Load the aligner; see the class for the arguments."""
        if precision not in PRECISIONS:
            raise ConfigurationError(
                f"precision is {precision!r}; known precisions: {', '.join(PRECISIONS)}"
            )
        if batch_tokens is not None and (type(batch_tokens) is not int or batch_tokens < 1):
            raise ConfigurationError(f"batch_tokens is {batch_tokens!r}; give a whole number >= 1")
        checkpoint = load_checkpoint(
            model, backbone=backbone, profile=profile, local_files_only=local_files_only
        )
        self.profile: Profile = adapt_profile(
            checkpoint.aligner,
            mode=mode,
            head=head,
            splitter=splitter,
            chunk_words=chunk_words,
            claims=claims,
            copied_weight=copied_weight,
            sentence_aggregation=sentence_aggregation,
            prefilter=prefilter,
        )
        ranker = _load_ranker(self.profile, checkpoint)
        self.device: torch.device = _device(device)
        found = get_splitter(self.profile.splitter) if self.profile.splits else None
        self._split_source = SourceChunker(
            self.profile, found, count_tokens=partial(_count_tokens, checkpoint.tokenizer)
        )
        self._split_summary: Callable[[str], list[str]] = (
            found.split if found and self.profile.claims == "sentences" else _whole_claim
        )
        self._engine = Engine(
            aligner=checkpoint.aligner,
            tokenizer=checkpoint.tokenizer,
            profile=self.profile,
            precision="fp32",
            batch_tokens=batch_tokens or _batch_tokens(checkpoint.aligner, self.device),
            progress=sys.stderr.isatty() if progress is None else progress,
        )
        self._choose: Choose | None = None
        self.signature: str = _signature(checkpoint, self.profile, precision, ranker)
        if precision == AUTO:
            precision = self._fastest_precision()
            self.signature = _signature(checkpoint, self.profile, precision, ranker)
        self._engine = self._engine_in(precision)
        self._choose = _chooser(self._engine, ranker)

    def _engine_in(self, precision: str) -> Engine:
        """The engine in a precision, from the one in fp32 on the CPU, which is spent."""
        aligner = prepare(self._engine.aligner, precision, self.device)
        return replace(self._engine, aligner=aligner, precision=precision)

    def _fastest_precision(self) -> str:
        """What `precision="auto"` stands for here."""
        sources, summaries, faithful = examples()
        plain = self._engine

        def score(precision: str) -> Floats:
            self._engine = replace(plain, aligner=copy.deepcopy(plain.aligner))
            self._engine = self._engine_in(precision)
            try:
                return self.evaluate(sources, summaries).scores
            finally:
                self._engine = plain

        on_gpu = self.device.type == "cuda"
        key = {
            "scores": self.signature,
            "torch": torch.__version__,
            "candidates": list(candidates(self.device)),  # a home may be shared by several machines
            "device": torch.cuda.get_device_name(self.device) if on_gpu else str(self.device),
        }
        return remembered(key, lambda: choose(self.device, score, faithful))

    def score(self, sources: Sequence[Source], summaries: Sequence[str]) -> list[float]:
        """Score each (source, summary) pair.

        Args:
            sources: N sources; each one text, or a list of passages that chunks never cross.
            summaries: N summaries, answers or claims.

        Returns:
            N scores: in [0, 1] for the heads `bin` and `tri`, higher = better supported; NaN for
            a summary without a sentence.

        Raises:
            InputError: Lengths differ, or something is not text; names the row, from 0.
        """
        return [float(score) for score in self.evaluate(sources, summaries).scores]

    def evaluate(self, sources: Sequence[Source], summaries: Sequence[str]) -> AlignScoreResult:
        """Score each pair and keep the evidence; arguments and errors as for `score`.

        Returns:
            Scores, mean with interval, per-sentence scores with their best chunks, signature.
        """
        if self.device.type == "cpu" or self._choose is not None:
            return self.evaluate_table(self.pair_table(sources, summaries))
        check_inputs(sources, summaries)
        lister = PairLister(split_source=self._split_source, split_summary=self._split_summary)
        parts = map(lister.add, _in_parts(zip(sources, summaries, strict=True)))
        scores = self._engine.score_parts(
            lister.chunks, lister.sentences, parts, total=lambda: lister.expected(len(sources))
        )
        table = lister.table()
        weight = self.profile.copied_weight
        return self._result(table, scores[table.cells], copied_shares(table) if weight else None)

    def pair_table(self, sources: Sequence[Source], summaries: Sequence[str]) -> PairTable:
        """The first half of `evaluate`: check and split the texts, without the model.

        Arguments and errors as for `score`. It may run in a thread while another table is scored.
        """
        check_inputs(sources, summaries)
        return build_pair_table(
            sources,
            summaries,
            split_source=self._split_source,
            split_summary=self._split_summary,
        )

    def evaluate_table(self, table: PairTable) -> AlignScoreResult:
        """The second half of `evaluate`: score what `pair_table` gave."""
        weight = self.profile.copied_weight
        with ThreadPoolExecutor(1) as beside:  # which costs nothing where the device is another one
            copied = beside.submit(copied_shares, table) if weight else None
            if self._choose is None:
                pair_scores = self._engine.score(table.chunks, table.sentences, table.pairs)
                cell_scores = pair_scores[table.cells]
            else:
                cell_scores = chosen_scores(table, self._choose(table), self._engine.score)
        return self._result(table, cell_scores, None if copied is None else copied.result())

    def _result(
        self, table: PairTable, cell_scores: Floats, copied: Floats | None
    ) -> AlignScoreResult:
        """From scores of cells [C] and copied shares of sentences [S] to scores of examples."""
        sentence_scores, best_cells = max_over_chunks(cell_scores, table.sentence_cells)
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
        )

    def predict(
        self,
        sources: Sequence[Source],
        summaries: Sequence[str],
        *,
        objective: str = DEFAULT_OBJECTIVE,
        calibration: Calibration | None = None,
    ) -> PredictionResult:
        """Judge each summary consistent or not; further arguments and errors as for `score`.

        Args:
            sources: As for `score`.
            summaries: As for `score`.
            objective: What the threshold was fitted for: `balanced_accuracy`, or one of those that
                the calibration has, as `precision=0.9`; or `probability=P`.
            calibration: Instead of the profile's, for these options and summaries as yours; see
                `alignscore_metric.scores.decisions.fit_calibration`.

        Raises:
            ConfigurationError: There is no calibration, or no threshold for the objective.
        """
        calibration = calibration or self.profile.calibration
        if calibration is None:
            raise ConfigurationError(
                "this checkpoint has no calibration for these options; fit one on labelled rows: "
                "alignscore calibrate labelled.jsonl --model MODEL -o FOLDER, and load FOLDER"
            )
        threshold = calibration.threshold(objective)  # refused before anything is scored
        scores = self.evaluate(sources, summaries).scores
        signature = replace(
            Signature.parse(self.signature),
            calibration=calibration.name,
            decision=f"{objective}>{threshold:.6g}",
        )
        return PredictionResult(
            scores=scores,
            probabilities=calibration.probabilities(scores),
            decisions=calibration.decide(scores, objective),
            threshold=threshold,
            objective=objective,
            signature=str(signature),
        )

    def explain(self, source: Source, summary: str) -> list[SentenceEvidence]:
        """Each sentence of one summary with its score and the chunk that supports it best.

        Args:
            source: One text, or a list of passages.
            summary: The summary; one without a sentence gives an empty list.

        Raises:
            InputError: Something is not text.
        """
        return self.evaluate([source], [summary]).sentences(0)

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
        split = cache(get_splitter(self.profile.splitter).split)
        passages = [[source] if isinstance(source, str) else source for source in sources]
        scores = smart_of_texts(
            [[sentence for text in texts for sentence in split(text)] for texts in passages],
            [split(summary) for summary in summaries],
            score=lambda sentences, pairs: self._engine.score(sentences, sentences, pairs),
        )
        signature = replace(
            Signature.parse(self.signature),
            splitter=_splitter_version(self.profile),
            chunk="sentence",
            claims="sentences",
            aggregation="smart",
            prefilter="",
        )
        return SmartResult(scores, str(signature))


def _in_parts(examples: Iterator[Example]) -> Iterator[list[Example]]:
    """Examples in parts; the first are small, so that a GPU has something to do soon."""
    size = max(1, PART // 16)
    while part := list(islice(examples, size)):
        yield part
        size = min(2 * size, PART)


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
    for name, values in (("sources", sources), ("summaries", summaries)):
        if isinstance(values, str) or not hasattr(values, "__len__"):
            kind = type(values).__name__
            raise InputError(f"{name} is one {kind}; give a list with one entry per summary")
    if len(sources) != len(summaries):
        raise InputError(
            f"{len(sources)} sources but {len(summaries)} summaries; give one source per summary"
        )
    for row, (source, summary) in enumerate(zip(sources, summaries, strict=True)):
        if not isinstance(summary, str):
            raise InputError(f"{where(row)}: the summary is {_kind(summary)}, not text")
        if isinstance(source, str):
            continue
        if isinstance(source, bytes | bytearray) or not isinstance(source, Sequence):
            raise InputError(
                f"{where(row)}: the source is {_kind(source)}, not text or a list of texts"
            )
        for place, passage in enumerate(source):
            if not isinstance(passage, str):
                raise InputError(f"{where(row)}: passage {place} is {_kind(passage)}, not text")


def adapt_profile(
    aligner: Aligner,
    *,
    mode: str | None = None,
    head: str | None = None,
    splitter: str | None = None,
    chunk_words: int | None = None,
    claims: str | None = None,
    copied_weight: float | None = None,
    sentence_aggregation: str | None = None,
    prefilter: str | None = None,
) -> Profile:
    """An aligner's profile with a user's options; see `AlignScore` for these.

    A calibration is of the profile's own scores: other options leave it out.

    Raises:
        ConfigurationError: An unknown value, a head or a length that the aligner lacks, or a mode
            and a head that contradict each other.
    """
    profile = aligner.profile
    if mode is not None:
        profile = profile.with_mode(mode)
    if head is not None:
        if mode is not None and head != profile.head:
            raise ConfigurationError(
                f"mode {mode!r} reads the head {profile.head!r}, not {head!r}; give one of the two"
            )
        profile = profile.with_head(head)
    if profile.head not in aligner.config.heads:
        raise ConfigurationError(
            f"this checkpoint has no head {profile.head!r}; it has: "
            f"{', '.join(aligner.config.heads)}"
        )
    if profile.max_length > aligner.positions:
        raise ConfigurationError(
            f"the profile's pairs have up to {profile.max_length} tokens, but the backbone "
            f"{aligner.positions:.0f} positions; it is not the profile of this checkpoint"
        )
    if aligner.reads_claim and profile.template != "pair":
        raise ConfigurationError(
            f"the template {profile.template!r} writes a pair as one text, but this aligner reads "
            "the claim's own tokens; it is not the profile of this checkpoint"
        )
    given = {
        "splitter": splitter,
        "chunk_words": chunk_words,
        "claims": claims,
        "copied_weight": copied_weight,
        "sentence_aggregation": sentence_aggregation,
        "prefilter": prefilter,
    }
    adapted = Profile.from_dict(
        profile.to_dict() | {key: value for key, value in given.items() if value is not None}
    )
    return adapted if adapted == aligner.profile else replace(adapted, calibration=None)


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
        aligner=prepare(ranker.aligner, engine.precision, engine.aligner.device),
        tokenizer=ranker.tokenizer,
        profile=ranker.aligner.profile,
        progress=False,
    )

    def score(
        chunks: Sequence[str], sentences: Sequence[str], pairs: npt.NDArray[np.int64]
    ) -> npt.NDArray[np.float64]:
        with warnings.catch_warnings():  # of a text that is cut here, no score loses anything
            warnings.simplefilter("ignore", TruncationWarning)
            return ranking.score(chunks, sentences, pairs)

    return partial(aligner_choice, keep=prefilter.keep, score=score)


def _whole_claim(summary: str) -> list[str]:
    """All of a summary as one claim; a blank one claims nothing."""
    return [summary] if summary.strip() else []


def _count_tokens(tokenizer: PreTrainedTokenizerBase, text: str) -> int:
    return len(tokenize([text], tokenizer)[0])


def _signature(
    checkpoint: Checkpoint, profile: Profile, precision: str, ranker: Checkpoint | None
) -> str:
    chunk = {"alignscore": f"{profile.chunk_words}", "whole": "whole"}
    return str(
        Signature(
            model=checkpoint.name,
            weights=checkpoint.weights_sha256[:12],
            tokenizer=checkpoint.tokenizer_sha256[:8],
            head=f"{profile.head}[{profile.supported}]",
            splitter=_splitter_version(profile) if profile.splits else "none",
            chunk=chunk.get(profile.chunking, f"{profile.chunking}-{profile.chunk_words}"),
            claims=profile.claims,
            template=profile.template,
            aggregation=_aggregation(profile),
            length=str(profile.max_length),
            precision=precision,
            version=__version__,
            prefilter=_prefilter_name(profile, ranker),
        )
    )


def _kind(value: object) -> str:
    is_nan = isinstance(value, float) and math.isnan(value)
    if value is None or is_nan or type(value).__name__ == "NAType":  # pandas' own
        return f"missing ({value})"
    return f"{type(value).__name__} ({str(value)[:40]!r})"


def _device(name: str | None) -> torch.device:
    """The named device, or the best one here; an unknown or absent one is an error."""
    if name is None:
        name = "cuda" if torch.cuda.is_available() else "cpu"
        name = "mps" if name == "cpu" and torch.backends.mps.is_available() else name
    try:
        device = torch.device(name)
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError, NotImplementedError) as cause:
        reason = str(cause).splitlines()[0]
        raise ConfigurationError(f"device {name!r} cannot be used here: {reason}") from cause
    return device


def _batch_tokens(aligner: Aligner, device: torch.device) -> int:
    """Tokens of a batch that keep a device busy; on a CPU, whose states fit its caches."""
    if device.type != "cpu":
        return 65536
    return max(1, min(4096, 4096 * 384 // int(aligner.encoder.config.hidden_size)))


def _aggregation(profile: Profile) -> str:
    """How a signature names what is done with the scores of pairs."""
    name = f"{profile.chunk_aggregation}-{profile.sentence_aggregation}"
    if not profile.copied_weight:
        return name
    return f"{name}+{profile.copied_weight:g}copied{LENGTH}"


def _prefilter_name(profile: Profile, ranker: Checkpoint | None) -> str:
    """How a signature names what chose the chunks; nothing where all are scored."""
    if parse_prefilter(profile.prefilter) is None:
        return ""
    return profile.prefilter + (f"+{ranker.weights_sha256[:8]}" if ranker else "")


def _splitter_version(profile: Profile) -> str:
    import nltk

    return f"{profile.splitter}+nltk{nltk.__version__}"
