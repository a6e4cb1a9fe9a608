"""One line that says exactly what produced a number, and its inverse.

After sacrebleu's signatures; values are escaped, so that any of them can be parsed back.
"""

from __future__ import annotations

from dataclasses import MISSING, astuple, dataclass, fields
from urllib.parse import quote, unquote

from alignscore_metric.checkpoint.profile import Profile
from alignscore_metric.errors import ConfigurationError
from alignscore_metric.text.prefilter import parse_prefilter
from alignscore_metric.text.punkt import RULES
from alignscore_metric.version import __version__

PREFIX = "alignscore"


@dataclass(frozen=True, kw_only=True)
class Signature:
    """What a score depends on. Equal signatures give equal scores on the same kind of device.

    Attributes:
        model: Name of the checkpoint.
        weights: First 12 hexadecimal digits of the weights' sha256.
        tokenizer: First 8 of its `tokenizer.json`'s.
        head: Head and class that are read, as `bin[1]`.
        splitter: Sentence splitter with the version of NLTK whose rules it follows; `none` where
            nothing is split.
        chunk: Words of a source chunk in AlignScore's arithmetic; `whole` for the whole source;
            otherwise the chunker's name and its size, as `minicheck-400`.
        claims: What of a summary is scored: its `sentences`, or the `whole`.
        template: Layout of a pair.
        aggregation: Over chunks, then over sentences, as `max-mean` or `max-worst-2`; with the
            weight of copied words where they count, as `max-mean+0.3copied4`.
        length: Tokens that a pair may have.
        precision: `fp32`, `bf16` or `fp16`.
        version: Version of this package.
        prefilter: Where not every chunk is scored, what chose those that are, as `lexical-4`; with
            the weights of the aligner that chose, as `mini-4+3353baa2`.
        texts: `plain` where texts are read as nothing but text; not there for `raw`.
        calibration: Of a decision alone: the calibration's name.
        decision: Of a decision alone: its objective and threshold, as `precision=0.9>0.71`.

    Example:
        >>> line = str(Signature(model="a|b", weights="0f", tokenizer="e1", head="tri[0]",
        ...     splitter="nltk_punkt", chunk="350", claims="sentences", template="pair",
        ...     aggregation="max-mean", length="512", precision="fp32", version="1"))
        >>> line[:26]
        'alignscore|model:a%7Cb|wei'
        >>> Signature.parse(line).model
        'a|b'
    """

    model: str
    weights: str
    tokenizer: str
    head: str
    splitter: str
    chunk: str
    claims: str
    template: str
    aggregation: str
    length: str
    precision: str
    version: str
    prefilter: str = ""
    texts: str = ""
    calibration: str = ""
    decision: str = ""

    def __str__(self) -> str:
        """The one line."""
        values = [quote(value, safe="[]+=>", errors="surrogateescape") for value in astuple(self)]
        parts = [
            f"{field.name}:{value}"
            for field, value in zip(fields(self), values, strict=True)
            if value or field.default is MISSING
        ]
        return "|".join([PREFIX, *parts])

    @property
    def short(self) -> str:
        """What a paper needs of it: model, weights, head, chunks, precision, version.

        Example:
            >>> line = "alignscore|model:mini|weights:0f1e2d3c4b5a|tokenizer:e1|head:bin[1]|"
            >>> line += "splitter:bundled_punkt|chunk:60|claims:sentences|template:pair|"
            >>> line += "aggregation:max-mean|length:512|precision:fp32|version:0.1.0"
            >>> Signature.parse(line).short
            'AlignScore (mini)|w:0f1e2d3c|h:bin[1]|c:60|p:fp32|v:0.1.0'
        """
        return (
            f"{headline(str(self))}|w:{self.weights[:8]}|h:{self.head}|c:{self.chunk}"
            f"|p:{self.precision}|v:{self.version}"
        )

    @classmethod
    def parse(cls, line: str) -> Signature:
        """Read a signature back.

        Raises:
            ConfigurationError: The line is not a signature of this package's form.
        """
        prefix, *parts = line.strip().split("|")
        pairs = [part.partition(":")[::2] for part in parts]
        values = {key: unquote(value, errors="surrogateescape") for key, value in pairs}
        needed = {field.name for field in fields(cls) if field.default is MISSING}
        known = needed <= values.keys() <= {field.name for field in fields(cls)}
        if prefix != PREFIX or not known or len(values) < len(pairs):
            raise ConfigurationError(f"not an AlignScore signature: {line!r}")
        return cls(**values)


def headline(signature: str) -> str:
    """What numbers of a signature are called: AlignScore's own checkpoints by their names alone.

    Args:
        signature: A line that names a model; without one it is AlignScore.

    Example:
        >>> headline("alignscore|model:mini|..."), headline("alignscore|model:AlignScore-large|...")
        ('AlignScore (mini)', 'AlignScore-large')
    """
    parts = dict(part.partition(":")[::2] for part in signature.split("|"))
    model = unquote(parts.get("model", "AlignScore"), errors="surrogateescape")
    return model if model.startswith("AlignScore") else f"AlignScore ({model})"


def sign(
    profile: Profile, *, model: str, weights: str, tokenizer: str, precision: str, ranker: str = ""
) -> Signature:
    """The signature of a checkpoint's scores.

    Args:
        profile: How they are made.
        model: Name of the checkpoint.
        weights: Hash of its weights file, 64 hexadecimal digits.
        tokenizer: Hash of its tokenizer file.
        precision: Of the numbers that it computes in.
        ranker: Hash of the weights of the aligner that chooses chunks, where one does.
    """
    return Signature(
        model=model,
        weights=weights[:12],
        tokenizer=tokenizer[:8],
        head=f"{profile.head}[{profile.supported}]",
        splitter=splitter_version(profile) if profile.splits else "none",
        chunk=profile.chunk,
        claims=profile.claims,
        template=profile.template,
        aggregation=profile.aggregation,
        length=str(profile.max_length),
        precision=precision,
        version=__version__,
        prefilter=_prefilter(profile, ranker),
        texts="" if profile.texts == "raw" else profile.texts,
    )


def splitter_version(profile: Profile) -> str:
    """A profile's splitter with the version of NLTK whose rules it follows."""
    from importlib.metadata import version

    rules = RULES if profile.splitter == "bundled_punkt" else version("nltk")
    return f"{profile.splitter}+nltk{rules}"


def _prefilter(profile: Profile, ranker: str) -> str:
    """What chose the chunks; nothing where all are scored."""
    if parse_prefilter(profile.prefilter) is None:
        return ""
    return profile.prefilter + (f"+{ranker[:8]}" if ranker else "")
