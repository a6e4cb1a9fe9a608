"""What a checkpoint's numbers mean: head, class, splitting, template, aggregation, limits.

A profile is stored in the model's configuration, travels with the weights, and is part of every
signature. Pure data: knows nothing of torch or of files, and imports nothing heavy before a profile
is made, because every command's `--help` reads its fields.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import Field, asdict, dataclass, field, fields, replace
from typing import TYPE_CHECKING, Any, Literal, get_args

from typing_extensions import Self

from alignscore_metric.errors import ConfigurationError
from alignscore_metric.text.chunking import Chunking

if TYPE_CHECKING:
    from alignscore_metric.scores.decisions import Calibration

Head = Literal["bin", "tri", "reg"]
Claims = Literal["sentences", "whole"]
Template = Literal["pair", "minicheck", "minicheck-t5", "hhem", "factcg", "lettucedetect"]
Texts = Literal["raw", "plain"]
SEGMENTED = ("pair", "lettucedetect")
"""Templates that keep a pair's two texts apart, so that a model can be told which is the claim."""

CLASSES: dict[str, int] = {"bin": 2, "tri": 3, "reg": 1}
SUPPORTED_CLASS: dict[str, int] = {"bin": 1, "tri": 0, "reg": 0}
"""ALIGN's class order: `bin` 1 = aligned; `tri` 0 = aligned, 1 = neutral, 2 = contradict."""

MODES: dict[str, tuple[Head, bool]] = {
    "nli_sp": ("tri", True),
    "bin_sp": ("bin", True),
    "reg_sp": ("reg", True),
    "nli": ("tri", False),
    "bin": ("bin", False),
    "reg": ("reg", False),
}
"""The reference's evaluation modes: the head, and whether source and summary are split."""


def _settable(about: str, metavar: str | None = None) -> dict[str, str | None]:
    """Of a field that users may set: what `--help` says of it, besides its default."""
    return {"help": about, "metavar": metavar}


@dataclass(frozen=True, kw_only=True)
class Profile:
    """How a checkpoint turns a (source, summary) pair into a score. Defaults are AlignScore's.

    Args:
        head: Which head is read: `bin` (2-way), `tri` (3-way) or `reg` (raw scalar).
        supported: Index of the class of that head that means "supported".
        splitter: Name of the sentence splitter (see `alignscore_metric.text.splitters`).
        chunking: How a source becomes chunks: as AlignScore, MiniCheck or FactCG do it, or `whole`,
            not at all (see `alignscore_metric.text.chunking`).
        chunk_words: Size of a chunk, >= 1: a target in whitespace words for `alignscore`; at most
            so many tokens of the model for `minicheck`, whitespace words for `minicheck-words`,
            NLTK words for `factcg`; unused by `whole`.
        claims: What of a summary is scored: each of its `sentences`, or the `whole` of it.
        template: How a pair is laid out: `pair` is the tokenizer's own two-segment layout, in
            `lettucedetect` with an instruction around the context; the others write the pair as
            one text (see `FRAMES` and `PROMPTS` of `alignscore_metric.engine.encoding`).
        chunk_aggregation: Over the chunks of one summary sentence.
        sentence_aggregation: Over the sentences of one summary: `mean`, `min`, `worst-K` or
            `softmin-T` (see `alignscore_metric.scores.aggregation.sentence_reduction`).
        copied_weight: Weight, in [0, 1), of copying in a sentence's score: of the share of its word
            4-grams that stand in the source (see `alignscore_metric.text.copying`); the model's
            score has the rest. 0, as in AlignScore, leaves the model's score alone.
        prefilter: Which chunks are scored for each sentence: all for `none`; for `lexical-K` and
            `mini-K` the K most likely to matter (see `alignscore_metric.text.prefilter`).
        texts: How texts are read: `raw`, as AlignScore and the other published checkers do it:
            control tokens written in a text act as such, a pair that is too long is cut, lines are
            white space, and "..." and "1." are scored like any sentence; `plain`: texts are nothing
            but text, in one form of Unicode (see `alignscore_metric.text.forms`), a chunk that is
            too long is read in parts, of which the best supports, items of lists, rows and turns
            are sentences of their own (see `alignscore_metric.text.layout`), and marks claim
            nothing.
        max_length: Tokens a pair may have, special tokens included; longer pairs are cut.
        calibration: What makes probabilities and decisions of such scores; scores do not depend on
            it. None where it was never fitted.

    Raises:
        ConfigurationError: A value is outside what is listed here.

    Example:
        >>> Profile(head="bin", supported=1).chunk_words
        350
    """

    head: Head = "tri"
    supported: int = 0
    splitter: str = field(default="nltk_punkt", metadata=_settable("bundled_punkt or nltk_punkt"))
    chunking: Chunking = "alignscore"
    chunk_words: int = field(default=350, metadata=_settable("size of a chunk of the source", "N"))
    claims: Claims = field(
        default="sentences", metadata=_settable("sentences or whole: what of a summary is scored")
    )
    template: Template = "pair"
    chunk_aggregation: Literal["max"] = "max"
    sentence_aggregation: str = field(
        default="mean",
        metadata=_settable("mean, min, worst-K (worst-2) or softmin-T (softmin-0.1)", "NAME"),
    )
    copied_weight: float = field(
        default=0.0,
        metadata=_settable("of copied words in the score, 0 for the model's score alone", "W"),
    )
    prefilter: str = field(
        default="none",
        metadata=_settable(
            "score only the K chunks of a source that are likeliest to matter to a sentence: "
            "lexical-K (by shared words) or mini-K (by the bundled aligner); none: all",
            "NAME",
        ),
    )
    texts: Texts = field(
        default="raw",
        metadata=_settable(
            "raw (as AlignScore: control tokens act, long pairs are cut) or plain (nothing but "
            "text, all of the source is read, and lists are read line by line)"
        ),
    )
    max_length: int = 512
    calibration: Calibration | None = None

    def __post_init__(self) -> None:
        """Refuse values that no part of the package could honour."""
        from alignscore_metric.scores.aggregation import sentence_reduction
        from alignscore_metric.text.prefilter import parse_prefilter

        if self.head not in tuple(CLASSES):
            raise ConfigurationError(f"head is {self.head!r}; known heads: {', '.join(CLASSES)}")
        if type(self.supported) is not int or not 0 <= self.supported < CLASSES[self.head]:
            raise ConfigurationError(
                f"supported class {self.supported!r} does not exist: "
                f"head {self.head!r} has {CLASSES[self.head]} class(es)"
            )
        for name, least in (("chunk_words", 1), ("max_length", 8)):
            value = getattr(self, name)
            if type(value) is not int or value < least:
                raise ConfigurationError(f"{name} is {value!r}; give a whole number >= {least}")
        weight = self.copied_weight
        if type(weight) not in (int, float) or not 0 <= weight < 1:
            raise ConfigurationError(f"copied_weight is {weight!r}; give a number in [0, 1)")
        for name, known in (
            ("chunking", get_args(Chunking)),
            ("claims", get_args(Claims)),
            ("template", get_args(Template)),
            ("texts", get_args(Texts)),
            ("chunk_aggregation", ("max",)),
        ):
            if getattr(self, name) not in known:
                raise ConfigurationError(f"{name} is {getattr(self, name)!r}; known: {known}")
        sentence_reduction(self.sentence_aggregation)
        parse_prefilter(self.prefilter)

    @property
    def splits(self) -> bool:
        """Whether anything is cut into sentences: then, and only then, a splitter is needed."""
        return self.chunking != "whole" or self.claims != "whole"

    @property
    def chunk(self) -> str:
        """How a signature names the chunks of a source."""
        named = {"alignscore": f"{self.chunk_words}", "whole": "whole"}
        return named.get(self.chunking, f"{self.chunking}-{self.chunk_words}")

    @property
    def aggregation(self) -> str:
        """How a signature names what is done with the scores of pairs."""
        from alignscore_metric.text.copying import LENGTH

        name = f"{self.chunk_aggregation}-{self.sentence_aggregation}"
        return f"{name}+{self.copied_weight:g}copied{LENGTH}" if self.copied_weight else name

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Self:
        """Build a profile from a plain dict.

        Args:
            values: Field names and values; fields left out take AlignScore's.

        Raises:
            ConfigurationError: A key is not a field of the profile.
        """
        if not isinstance(values, dict):
            raise ConfigurationError(f"a profile must hold keys, not {values!r}")
        known = {field.name for field in fields(cls)}
        if unknown := sorted(set(values) - known):
            raise ConfigurationError(
                f"unknown profile key(s) {', '.join(unknown)}; known: {', '.join(sorted(known))}"
            )
        calibration = values.get("calibration")
        if calibration is not None:
            from alignscore_metric.scores.decisions import Calibration

            values = values | {"calibration": Calibration.from_dict(calibration)}
        return cls(**values)

    def to_dict(self) -> dict[str, Any]:
        """The fields as a plain dict that `from_dict` reads back."""
        values = asdict(self)
        del values["calibration"]
        if self.calibration is not None:
            values["calibration"] = self.calibration.to_dict()
        return values

    def with_head(self, head: str) -> Profile:
        """The same profile read from another head, at ALIGN's class order for that head."""
        if head == self.head:
            return self  # a classifier's own order
        if head not in get_args(Head):
            raise ConfigurationError(f"head is {head!r}; known heads: {', '.join(CLASSES)}")
        values = self.to_dict() | {"head": head, "supported": SUPPORTED_CLASS[head]}
        return Profile.from_dict(values)

    def with_mode(self, mode: str) -> Profile:
        """The same profile in one of the reference's modes, which read texts `raw`.

        Args:
            mode: `nli_sp`, `bin_sp` or `reg_sp` (chunks against sentences); `nli`, `bin` or `reg`
                (the whole source, cut to the model's length, against the whole summary).

        Raises:
            ConfigurationError: No mode has this name.

        Example:
            >>> Profile().with_mode("bin").claims
            'whole'
        """
        if mode not in MODES:
            raise ConfigurationError(f"mode is {mode!r}; known modes: {', '.join(MODES)}")
        head, split = MODES[mode]
        profile = replace(self.with_head(head), texts="raw")
        if not split:
            return replace(profile, chunking="whole", claims="whole")
        chunking = "alignscore" if self.chunking == "whole" else self.chunking
        return replace(profile, chunking=chunking, claims="sentences")


PROFILE_OPTIONS: Mapping[str, Field[Any]] = {
    each.name: each for each in fields(Profile) if "help" in each.metadata
}
"""The fields that users may set one by one, besides the head."""

_MINICHECK: dict[str, Any] = {
    "head": "bin",
    "supported": 1,
    "chunking": "minicheck",
    "chunk_words": 400,
    "claims": "whole",
    "template": "minicheck",
}
NLI = "nli"
"""The profile of classifiers whose labels say which class is entailment."""

PROFILES: Mapping[str, Mapping[str, Any]] = {
    "alignscore": {},
    "minicheck": _MINICHECK,
    "minicheck-deberta": _MINICHECK | {"max_length": 2048},
    "minicheck-t5": _MINICHECK
    | {
        "chunking": "minicheck-words",
        "chunk_words": 500,
        "template": "minicheck-t5",
        "max_length": 2048,
    },
    "factcg": {
        "head": "bin",
        "supported": 1,
        "chunking": "factcg",
        "chunk_words": 550,
        "claims": "whole",
        "template": "factcg",
        "max_length": 2048,
    },
    "hhem": {
        "head": "bin",
        "supported": 1,
        "chunking": "whole",
        "claims": "whole",
        "template": "hhem",
        "max_length": 4096,
    },
    "lettucedetect": {
        "head": "bin",
        "supported": 1,
        "chunking": "whole",
        "claims": "whole",
        "template": "lettucedetect",
        "max_length": 4096,
    },
    NLI: {"splitter": "bundled_punkt", "texts": "plain"},
}
"""How published checkers are meant to be run, from their own code: Zha et al. 2023 (AlignScore),
Tang et al. 2024 (MiniCheck-RoBERTa, -DeBERTa and -Flan-T5), Lei et al. 2025 (FactCG-DeBERTa),
Vectara's HHEM-2.1-Open, Kovács and Recski 2025 (LettuceDetect). HHEM's code has no longest pair;
4096 tokens is what attention with its relative positions still finds memory for. `nli`, which
nobody published, is AlignScore's chunks and sentences; head and class are those of the labels."""


def get_profile(name: str) -> Profile:
    """The profile of a published checker.

    Raises:
        ConfigurationError: There is none of this name.
    """
    if name not in PROFILES:
        raise ConfigurationError(f"profile is {name!r}; known profiles: {', '.join(PROFILES)}")
    return Profile(**PROFILES[name])
