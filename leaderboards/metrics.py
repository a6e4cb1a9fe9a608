"""Metrics under test: one small interface, and an adapter for each kind.

An adapter turns texts into numbers, higher = better supported, and says exactly what made them.
Knows nothing of datasets, labels or files.
"""

from __future__ import annotations

import hashlib
import inspect
import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from alignscore_metric.errors import ConfigurationError, InputError, MissingResourceError
from alignscore_metric.leaderboards.cards import mixture
from alignscore_metric.system.hardware import processor
from alignscore_metric.version import __version__

if TYPE_CHECKING:
    from alignscore_metric import AlignScore

_WORD = re.compile(r"[^\W_]+(?:['\u2019][^\W_]+)*")
_COMPOUND = re.compile(r"[^\W_]+(?:['\u2019-][^\W_]+)*")
_NAME = re.compile(r"(?<![.!?]\s)(?<!^)\b[A-Z][^\W_]*(?:['\u2019-][^\W_]+)*")
_NUMBER = re.compile(r"\d+(?:[.,]\d+)*")
_FUNCTION_WORDS = frozenset(
    "a an and are as at be been but by for from had has have he her his i in is it its not of on "  # noqa: SIM905
    "or she that the their they this to was we were which who will with would you".split()
)
"""Too frequent to tell anything about what a text says."""

MIXTURES = {
    "mini": "mini",
    "AlignScore-base": "alignscore_15",
    "AlignScore-large": "alignscore_15",
    "Align-base": "align_28",
    "Align-large": "align_28",
}
"""The mixture that each known aligner was trained on, by the cards."""

BUNDLED_LICENCES = {"mini": "see MODEL_LICENSES.md"}
"""Of weights that come with the package."""

_OTHERS = (
    "rouge1, rouge2, rougeL (also with _precision, _recall), bleu, chrf, ter, overlap, "
    "entity_overlap, module:function"
)


@dataclass(frozen=True)
class Resources:
    """What a metric asks for, as a board shows it beside its scores.

    Attributes:
        parameters: Of its model; 0 where it has none, None where nobody said.
        licence: Of its weights, or of its code where there are none; empty where nobody said.
        hardware: What it is computed on, in words.
    """

    parameters: int | None = None
    licence: str = ""
    hardware: str = ""


class Metric(Protocol):
    """What a leaderboard asks of a metric.

    Attributes:
        name: Short name, the row's label.
        signature: What exactly produces the scores; equal signatures, equal scores.
        training_sets: Data cards' names of what it was trained on; empty for none.
        resources: Its size, its licence, what it is computed on.
    """

    name: str
    signature: str
    training_sets: tuple[str, ...]
    resources: Resources

    def score(self, sources: Sequence[str], summaries: Sequence[str]) -> Sequence[float]:
        """One finite number per pair, higher = better supported, or NaN where undefined."""


class FunctionMetric:
    """Any Python callable `(sources, summaries) -> scores` as a metric.

    Args:
        name: The row's label.
        function: Called with two lists of equal length; returns as many numbers.
        signature: What exactly produces the scores.
        training_sets: What it was trained on.
        resources: Its size and its licence; nothing is known of them where None.
    """

    def __init__(
        self,
        name: str,
        function: Callable[[list[str], list[str]], Sequence[float]],
        *,
        signature: str,
        training_sets: Sequence[str] = (),
        resources: Resources | None = None,
    ) -> None:
        self.name, self.signature = name, signature
        self.training_sets = tuple(training_sets)
        self.resources = resources or Resources(hardware=processor())
        self._function = function

    def score(self, sources: Sequence[str], summaries: Sequence[str]) -> list[float]:
        """The function's numbers.

        Raises:
            InputError: It failed, gave another number of scores, or something that is no number.
        """
        try:
            values = self._function(list(sources), list(summaries))
        except Exception as cause:  # whatever somebody else's function raises
            raise InputError(
                f"metric {self.name} failed with {type(cause).__name__}: {cause}"
            ) from cause
        try:
            scores = np.asarray(values, dtype=float)
        except (TypeError, ValueError) as cause:
            raise InputError(f"metric {self.name} gave something that is no number") from cause
        if scores.shape != (len(sources),):
            raise InputError(
                f"metric {self.name} gave scores of shape {scores.shape} for {len(sources)} pairs; "
                "give one number per pair"
            )
        if np.isinf(scores).any():
            row = int(np.flatnonzero(np.isinf(scores))[0])
            raise InputError(f"metric {self.name} gave an infinite score for pair {row}")
        return [float(score) for score in scores]


def make_metric(spec: str) -> Metric:
    """A metric by its name.

    Args:
        spec: `rouge1`, `rouge2`, `rougeL` (F1), each also with `_precision` or `_recall`; `bleu`,
            `chrf`, `ter` (negated); `overlap`, `entity_overlap`; `module:function` for a Python
            callable; anything else is what `AlignScore()` takes (`mini`, a folder, a checkpoint),
            with options after commas, as `mini,precision=bf16,head=tri`.

    Raises:
        ConfigurationError: No such metric or option.
        MissingResourceError: What it needs is not installed, or not on this machine.
    """
    if found := re.fullmatch(r"(rouge[12L])(?:_(precision|recall))?", spec):
        return _rouge(spec, found[1], found[2] or "fmeasure")
    if spec in ("bleu", "chrf", "ter"):
        return _sacrebleu(spec)
    if spec in _LEXICAL:
        function, rule = _LEXICAL[spec]
        return FunctionMetric(
            spec,
            lambda sources, summaries: list(map(function, sources, summaries)),
            signature=f"{spec}|{rule}|version:{__version__}",
            resources=_of_library("alignscore-metric"),
        )
    if found := re.fullmatch(r"([A-Za-z_][\w.]*):([A-Za-z_]\w*)", spec):
        return _callable(spec, found[1], found[2])
    return _aligner(spec)


def word_overlap(source: str, summary: str) -> float:
    """Share of the summary's distinct content words that occur in the source.

    Words are compared in lower case; function words do not count. NaN without a content word.

    Example:
        >>> word_overlap("A dog barked at the postman.", "The dog bit the postman.")
        0.6666666666666666
    """
    words = _words(summary) - _FUNCTION_WORDS
    return len(words & _words(source)) / len(words) if words else float("nan")


def entity_overlap(source: str, summary: str) -> float:
    """Share of the summary's names and numbers that occur in the source.

    A name is a capitalised word that does not begin the text or a sentence; a summary that
    has no name and no number claims none: 1.0.

    Example:
        >>> entity_overlap("Ann Lee sold 12 boats in Rome.", "In Rome, Ann Lee sold 13 boats.")
        0.75
    """
    claimed = {_bare(name) for name in _NAME.findall(summary)} | set(_NUMBER.findall(summary))
    if not claimed:
        return 1.0
    words = _words(source) | set(_COMPOUND.findall(source.lower()))
    known = {_bare(word) for word in words} | set(_NUMBER.findall(source))
    return len(claimed & known) / len(claimed)


def _bare(word: str) -> str:
    """In lower case, without the possessive ending."""
    return re.sub("['\u2019]s$", "", word.lower())


@lru_cache(maxsize=4096)
def _words(text: str) -> frozenset[str]:
    return frozenset(_WORD.findall(text.lower()))


_LEXICAL: dict[str, tuple[Callable[[str, str], float], str]] = {
    "overlap": (word_overlap, "distinct content words"),
    "entity_overlap": (entity_overlap, "names and numbers"),
}


def _rouge(name: str, kind: str, part: str) -> Metric:
    rouge_scorer = _extra("rouge_score.rouge_scorer")
    tokenize = _extra("rouge_score.tokenize").tokenize
    stemmer = _extra("nltk.stem.porter").PorterStemmer()

    class CachedTokenizer:
        """The library's tokenizer; a document is often tokenised for many summaries."""

        tokenize = staticmethod(lru_cache(maxsize=4096)(lambda text: tokenize(text, stemmer)))

    scorer = rouge_scorer.RougeScorer([kind], tokenizer=CachedTokenizer())

    def score(sources: list[str], summaries: list[str]) -> list[float]:
        pairs = zip(sources, summaries, strict=True)
        return [float(getattr(scorer.score(*pair)[kind], part)) for pair in pairs]

    return FunctionMetric(
        name,
        score,
        signature=f"{kind}|{part}|stemmer:yes|rouge-score:{_version('rouge-score')}",
        resources=_of_library("rouge-score"),
    )


def _sacrebleu(name: str) -> Metric:
    import sacrebleu.metrics

    options = {"effective_order": True} if name == "bleu" else {}
    metric = getattr(sacrebleu.metrics, name.upper())(**options)
    sign = -1.0 if name == "ter" else 1.0

    def score(sources: list[str], summaries: list[str]) -> list[float]:
        pairs = zip(sources, summaries, strict=True)
        return [
            sign * metric.sentence_score(summary, [source]).score / 100 for source, summary in pairs
        ]

    score([""], [""])  # the signature tells the number of references only after a first score
    return FunctionMetric(
        name,
        score,
        signature=f"{name}|{metric.get_signature()}",
        resources=_of_library("sacrebleu"),
    )


def _callable(spec: str, module: str, name: str) -> Metric:
    try:
        home = import_module(module)
        function = getattr(home, name)
    except Exception as cause:  # whatever somebody else's module raises
        raise ConfigurationError(
            f"metric {spec}: {cause}; give module:function, importable from here"
        ) from cause
    if not callable(function):
        raise ConfigurationError(f"metric {spec}: {name} is no function; give module:function")
    _check_call(spec, function)
    version = getattr(home, "__version__", "unknown")
    return FunctionMetric(
        spec, function, signature=f"{spec}|version:{version}|source:{_source_hash(home)}"
    )


def _check_call(spec: str, function: Callable[..., object]) -> None:
    """Refuse a function that cannot be called with sources and summaries."""
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):  # compiled, and without one
        return
    try:
        signature.bind([], [])
    except TypeError as cause:
        raise ConfigurationError(
            f"metric {spec} cannot be called with sources and summaries ({cause})"
        ) from cause


def _source_hash(module: ModuleType) -> str:
    """First 12 hexadecimal digits of the sha256 of a module's source, so that an edit is seen."""
    try:
        source = inspect.getsource(module)
    except (OSError, TypeError):  # compiled, or typed at a prompt
        return "unknown"
    return hashlib.sha256(source.encode()).hexdigest()[:12]


def _aligner(spec: str) -> Metric:
    from alignscore_metric import AlignScore
    from alignscore_metric.checkpoint.options import OPTIONS

    known: dict[str, Callable[[str], Any]] = {
        option.name: option.type for option in OPTIONS if option.type is not bool
    }
    known["device"] = str
    model, *parts = spec.split(",")
    options: dict[str, Any] = {}
    for part in parts:
        key, _, value = part.partition("=")
        if key not in known:
            raise ConfigurationError(
                f"metric {spec}: no option {key!r}; there are {', '.join(known)}"
            )
        try:
            options[key] = known[key](value)
        except ValueError as cause:
            raise ConfigurationError(f"metric {spec}: {key} is no number: {value!r}") from cause
    try:
        metric = AlignScore(model, progress=False, **options)
    except ConfigurationError as cause:
        raise ConfigurationError(f"metric {spec}: {cause}. Other metrics: {_OTHERS}") from cause
    return FunctionMetric(
        spec,
        metric.score,
        signature=metric.signature,
        training_sets=training_sets(model),
        resources=_of_aligner(model, metric),
    )


def _of_aligner(model: str, metric: AlignScore) -> Resources:
    import torch

    device = metric.device
    hardware = torch.cuda.get_device_name(device) if device.type == "cuda" else processor()
    return Resources(metric.parameters, model_licence(model), hardware)


def model_licence(model: str) -> str:
    """The licence of an aligner's weights, as its own card states it.

    Args:
        model: A name that `AlignScore()` knows, or a folder; its README.md may begin with the
            fields of a model card, `license` among them.

    Returns:
        The licence; for the bundled aligner the file that has it; empty where none is stated.
    """
    if model in BUNDLED_LICENCES:
        return BUNDLED_LICENCES[model]
    card = Path(model) / "README.md"
    if not card.is_file():
        return ""
    head = re.match(r"---\n(.*?)\n---", card.read_text(encoding="utf-8", errors="replace"), re.S)
    found = re.search(r"^license:\s*(\S+)\s*$", head[1], re.M) if head else None
    return found[1] if found else ""


def _of_library(distribution: str) -> Resources:
    """No parameters, and the licence that the installed library states."""
    from importlib.metadata import metadata

    stated = metadata(distribution)
    classes = [one for one in stated.get_all("Classifier") or [] if one.startswith("License")]
    licence = stated["License-Expression"] or stated["License"] or "".join(classes[:1])
    return Resources(0, licence.rpartition(":: ")[2], processor())


def training_sets(model: str) -> tuple[str, ...]:
    """Names of the sets that an aligner was trained on, as far as it is known.

    Args:
        model: A name that `AlignScore()` knows, or the folder of an aligner trained here, whose
            `training.json` tells; empty for others. Edited texts of a set are the set's.

    Raises:
        InputError: `training.json` is no record of training.
    """
    if model in MIXTURES:
        return mixture(MIXTURES[model])
    record = Path(model) / "training.json"
    if not record.is_file():
        return ()
    try:
        runs = json.loads(record.read_text(encoding="utf-8"))["runs"]
        names = {found["name"] for run in runs for found in run["sets"]}
    except (KeyError, TypeError, ValueError) as cause:
        raise InputError(
            f"{record} is not a record of training as `alignscore train` writes"
        ) from cause
    return tuple(sorted({name.removesuffix("+edits") for name in names}))


def _extra(module: str) -> Any:  # noqa: ANN401  # a module
    try:
        return import_module(module)
    except ImportError as cause:
        raise MissingResourceError(
            f"{module} is not installed; pip install 'alignscore-metric[leaderboards]'"
        ) from cause


def _version(distribution: str) -> str:
    from importlib.metadata import version

    return version(distribution)
