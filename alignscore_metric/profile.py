"""What a checkpoint's numbers mean: head, class, splitter, chunk size, aggregation, limits.

A profile is stored in the model's configuration, travels with the weights, and is part of every
signature. Pure data: knows nothing of torch or of files.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from typing import Any, Literal, get_args

from typing_extensions import Self

from alignscore_metric.errors import ConfigurationError

Head = Literal["bin", "tri", "reg"]
CLASSES: dict[str, int] = {"bin": 2, "tri": 3, "reg": 1}
SUPPORTED_CLASS: dict[str, int] = {"bin": 1, "tri": 0, "reg": 0}
"""ALIGN's class order: `bin` 1 = aligned; `tri` 0 = aligned, 1 = neutral, 2 = contradict."""


@dataclass(frozen=True, kw_only=True)
class Profile:
    """How a checkpoint turns a (source, summary) pair into a score. Defaults are AlignScore's.

    Args:
        head: Which head is read: `bin` (2-way), `tri` (3-way) or `reg` (raw scalar).
        supported: Index of the class of that head that means "supported".
        splitter: Name of the sentence splitter (see `alignscore_metric.text.get_splitter`).
        chunk_words: Target size of a source chunk in whitespace words, >= 1.
        template: How a pair is laid out; `pair` is the tokenizer's own two-segment layout.
        chunk_aggregation: Over the chunks of one summary sentence.
        sentence_aggregation: Over the sentences of one summary.
        max_length: Tokens a pair may have, special tokens included; longer pairs are truncated.

    Raises:
        ConfigurationError: A value is outside what is listed here.

    Example:
        >>> Profile(head="bin", supported=1).chunk_words
        350
    """

    head: Head = "tri"
    supported: int = 0
    splitter: str = "nltk_punkt"
    chunk_words: int = 350
    template: Literal["pair"] = "pair"
    chunk_aggregation: Literal["max"] = "max"
    sentence_aggregation: Literal["mean"] = "mean"
    max_length: int = 512

    def __post_init__(self) -> None:
        """Refuse values that no part of the package could honour."""
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
        for name, known in (
            ("template", ("pair",)),
            ("chunk_aggregation", ("max",)),
            ("sentence_aggregation", ("mean",)),
        ):
            if getattr(self, name) not in known:
                raise ConfigurationError(f"{name} is {getattr(self, name)!r}; known: {known}")

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
        return cls(**values)

    def to_dict(self) -> dict[str, Any]:
        """The fields as a plain dict that `from_dict` reads back."""
        return asdict(self)

    def with_head(self, head: str) -> Profile:
        """The same profile read from another head, at ALIGN's class order for that head."""
        if head not in get_args(Head):
            raise ConfigurationError(f"head is {head!r}; known heads: {', '.join(CLASSES)}")
        values = self.to_dict() | {"head": head, "supported": SUPPORTED_CLASS[head]}
        return Profile.from_dict(values)
