"""Sentence splitters and the chunker: text in, text out.

Owns how a source becomes chunks and a summary becomes sentences. Knows nothing of models, tokens,
pairs or scores, imports no torch, and imports NLTK (about a second) only for the splitter whose
data NLTK keeps. Where sentences end is `punkt`'s business.
"""

import functools
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from alignscore_metric.errors import ConfigurationError, MissingResourceError
from alignscore_metric.text.ends import mended
from alignscore_metric.text.punkt import ContextTable, Parameters, Patterns, Punkt

FETCH_PUNKT = "python -m nltk.downloader punkt_tab"


class SentenceSplitter(Protocol):
    """Anything with a name (it goes into the signature) that cuts a text into sentences."""

    @property
    def name(self) -> str:
        """The name under which a profile and a signature refer to this splitter."""

    def split(self, text: str) -> list[str]:
        """Cut a text into its sentences, in order; a blank text gives an empty list."""


def get_splitter(name: str) -> SentenceSplitter:
    """Build a sentence splitter, or return the one already built under this name.

    Args:
        name: ``"bundled_punkt"`` (needs nothing beyond this package) or ``"nltk_punkt"`` (NLTK's
            English Punkt, as ``nltk.sent_tokenize`` uses it; published AlignScore numbers were
            computed with it).

    Returns:
        The splitter. It can be pickled: the copy is rebuilt from its name.

    Raises:
        ConfigurationError: No splitter has this name.
        MissingResourceError: The splitter's data is not on this machine. Nothing is downloaded.

    Example:
        >>> get_splitter("bundled_punkt").split("Dr. Smith left at 5 p.m. on Friday. Nobody knew.")
        ['Dr. Smith left at 5 p.m. on Friday.', 'Nobody knew.']
    """
    if name not in _LOADERS:
        known = ", ".join(sorted(_LOADERS))
        message = f"unknown sentence splitter {name!r}; choose one of: {known}"
        raise ConfigurationError(message)
    return _build_splitter(name)


def chunk(text: str, *, splitter: SentenceSplitter, chunk_words: int) -> list[str]:
    """Cut a text into chunks of whole sentences, with AlignScore's arithmetic.

    Aims at ``words // chunk_words + 1`` chunks: each gets ``sentences // that`` sentences (at least
    one), joined by a space. So there can be more chunks than aimed at, the last one can be short,
    and one can be longer than `chunk_words`. All of it is what the reference implementation does.

    Args:
        text: Any text.
        splitter: Where sentences end.
        chunk_words: Size aimed at, in whitespace-separated words, at least 1. AlignScore uses 350.

    Returns:
        At least one chunk; ``[""]`` for a text without a sentence.

    Raises:
        ConfigurationError: `chunk_words` is below 1.

    Example:
        >>> punkt = get_splitter("bundled_punkt")
        >>> chunk("One two. Three four. Five six.", splitter=punkt, chunk_words=4)
        ['One two.', 'Three four.', 'Five six.']
    """
    if chunk_words < 1:
        message = f"chunk_words is {chunk_words}, below 1; AlignScore uses chunk_words=350"
        raise ConfigurationError(message)
    sentences = splitter.split(text) or [""]
    target = len(text.strip().split()) // chunk_words + 1
    per_chunk = max(len(sentences) // target, 1)
    return [" ".join(sentences[i : i + per_chunk]) for i in range(0, len(sentences), per_chunk)]


def chunk_passages(
    source: str | Sequence[str], *, splitter: SentenceSplitter, chunk_words: int
) -> list[str]:
    """Cut a source, one text or several retrieved passages, into chunks that never cross passages.

    Blank passages are left out when any other has text: an empty premise can only add noise to the
    maximum over chunks.

    Args:
        source: One text, or any number of texts.
        splitter: Where sentences end.
        chunk_words: Size aimed at, in whitespace-separated words; see `chunk`.

    Returns:
        At least one chunk; ``[""]`` for no passage, or only blank ones.

    Raises:
        ConfigurationError: `chunk_words` is below 1.

    Example:
        >>> punkt = get_splitter("bundled_punkt")
        >>> chunk_passages(["One. Two.", "Three."], splitter=punkt, chunk_words=350)
        ['One. Two.', 'Three.']
    """
    passages = [source] if isinstance(source, str) else source
    kept = [passage for passage in passages if passage.strip()] or [""]
    cut = functools.partial(chunk, splitter=splitter, chunk_words=chunk_words)
    return [piece for passage in kept for piece in cut(passage)]


class _Pattern(Protocol):
    """What is used of a compiled regular expression, whichever engine compiled it."""

    @property
    def pattern(self) -> str: ...
    @property
    def flags(self) -> int: ...


@dataclass(frozen=True)
class _PunktSplitter:
    """A Punkt tokenizer under the name that it is known by.

    Attributes:
        name: In `get_splitter`.
        tokenizer: With NLTK's rules.
        mends: Whether our own rules (`ends`) have the last word.
    """

    name: str
    tokenizer: Punkt = field(repr=False, compare=False)
    mends: bool = field(compare=False)

    def split(self, text: str) -> list[str]:
        """Cut a text into its sentences; whitespace between them is dropped, inside them kept."""
        spans = self.tokenizer.spans(text)
        if self.mends:
            spans = mended(text, spans, self.tokenizer.parameters.ortho_context)
        return [text[start:stop] for start, stop in spans if start < stop]

    def __reduce__(self) -> tuple[Callable[[str], SentenceSplitter], tuple[str]]:
        """Pickle the name alone: compiled patterns do not travel, and the data is installed."""
        return get_splitter, (self.name,)


@functools.cache
def _build_splitter(name: str) -> SentenceSplitter:
    """Load a known splitter. A failure is not cached: the user may fetch the data and retry."""
    return _PunktSplitter(name, _LOADERS[name](), mends=name == "bundled_punkt")


def _nltk_punkt() -> Punkt:
    """The English Punkt that ``nltk.sent_tokenize`` would use: NLTK's parameters and patterns."""
    from nltk.data import find
    from nltk.tokenize.punkt import PunktLanguageVars, load_punkt_params

    try:
        learnt = vars(load_punkt_params(find("tokenizers/punkt_tab/english/")))
    except LookupError as cause:
        message = (
            "the splitter 'nltk_punkt' needs NLTK's English Punkt data (punkt_tab), which is not "
            f"on NLTK's data path here; fetch it with: {FETCH_PUNKT}  (or set NLTK_DATA to a "
            "folder that has tokenizers/punkt_tab/english)"
        )
        raise MissingResourceError(message) from cause
    except OSError as cause:
        # NLTK refuses files that another account could write, and links that leave its data path.
        message = (
            f"NLTK cannot read its English Punkt data ({cause}); fetch a copy of your own with: "
            f"{FETCH_PUNKT}  (or set NLTK_DATA to a folder that only you can write to)"
        )
        raise MissingResourceError(message) from cause
    contexts = ContextTable(learnt["ortho_context"])
    english = PunktLanguageVars()
    patterns = Patterns(
        context=_untimed(english.period_context_re()),
        word=_untimed(english._word_tokenizer_re()),
        closing=_untimed(english.re_boundary_realignment),
    )
    return Punkt(Parameters(**learnt | {"ortho_context": contexts}), patterns)


def _bundled_punkt() -> Punkt:
    return Punkt(_bundled_parameters())


def _bundled_parameters() -> Parameters:
    """Load the Punkt parameters shipped in this package."""
    folder = Path(__file__).parent / "punkt_english"
    try:
        contexts = {word: int(flags) for word, flags in _read_rows(folder / "ortho_context.tab")}
        return Parameters(
            abbrev_types={word for (word,) in _read_rows(folder / "abbrev_types.txt")},
            sent_starters={word for (word,) in _read_rows(folder / "sent_starters.txt")},
            collocations=set(_read_rows(folder / "collocations.tab")),
            ortho_context=ContextTable(contexts),
        )
    except OSError as cause:
        message = (
            f"the package's own Punkt parameters cannot be read from {folder} ({cause}); install "
            "the package again with: pip install --force-reinstall alignscore-metric"
        )
        raise MissingResourceError(message) from cause


def _read_rows(file: Path) -> list[tuple[str, ...]]:
    """Read a file in NLTK's tab format: a row a line, cells between tabs."""
    # NLTK's own reader opens only what lies on its data path and is owned by this account or root;
    # a package folder may be neither.
    return [tuple(line.split("\t")) for line in file.read_text("utf-8").split("\n") if line]


def _untimed(pattern: _Pattern) -> re.Pattern[str]:
    """The same pattern as Python's own engine compiles it, as NLTK did before 3.10."""
    known = re.MULTILINE | re.VERBOSE | re.UNICODE  # the other engine has flags of its own
    return re.compile(pattern.pattern, pattern.flags & known)


_LOADERS: Mapping[str, Callable[[], Punkt]] = {
    "bundled_punkt": _bundled_punkt,
    "nltk_punkt": _nltk_punkt,
}
