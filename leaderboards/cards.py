"""Data cards: the schema of `data_cards/*/*.yaml`, and how they are read and checked.

A card is documentation and loader configuration at once: the only place where a dataset's counts,
files and rules are written. Knows nothing of metrics, of scores, or of how files are parsed.
"""

from __future__ import annotations

from collections.abc import Collection
from functools import cache
from importlib import resources
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from alignscore_metric.errors import ConfigurationError

Name = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_.-]*$")]
Text = Annotated[str, Field(min_length=1)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, str_strip_whitespace=True)


class Paper(_Part):
    """Where a dataset was published."""

    title: Text
    year: int = Field(ge=1990, le=2100)
    venue: Text
    url: str = Field(pattern=r"^https?://")
    bibtex: str = Field(pattern=r"^@\w+\{[^,\s]+,")


class Licence(_Part):
    """Terms of use, as their source states them; `none stated` where it states none."""

    name: Text
    source: Text = Field(description="where the licence is stated: an address, or words")
    commercial_use: bool | None = Field(default=None, description="None: not clear")


class Origin(_Part):
    """Where the texts come from."""

    sources: Text = Field(description="the documents, contexts or premises")
    summaries: Text = Field(description="the summaries, claims, answers or hypotheses")


class Count(_Part):
    """Size of a split, and how many of its rows are positive (consistent, aligned)."""

    rows: int = Field(ge=0)
    positives: int | None = Field(default=None, ge=0)

    @model_validator(mode="after")
    def _positives_are_rows(self) -> Count:
        if self.positives is not None and self.positives > self.rows:
            raise ValueError(f"{self.positives} positives in {self.rows} rows")
        return self

    @property
    def positive_share(self) -> float | None:
        """Share of positive rows, in [0, 1]."""
        return None if self.positives is None or not self.rows else self.positives / self.rows


class Split(_Part):
    """One split: what its authors state, and what the files that we know hold.

    `published` is None where no publication states the count; `found` is None where no file was
    at hand to count.
    """

    published: Count | None = None
    found: Count | None = None
    note: Text | None = None


class CardSource(_Part):
    """One way to get a dataset: the files, where they are published, and who reads them.

    `options` go to the reader as keyword arguments. `documents` tells what the published files
    lack and the user has to give.
    """

    reader: Name
    files: tuple[Text, ...] = Field(min_length=1, description="paths inside a data folder")
    url: str = Field(pattern=r"^https?://")
    sha256: dict[str, Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]] = Field(
        default_factory=dict, description="of the files as published, uncompressed, by path"
    )
    options: dict[str, Any] = Field(default_factory=dict)
    documents: Text | None = None


class Membership(_Part):
    """A place that a dataset has in a benchmark.

    Each of `splits` is a task of its own; with `pooled` they make one. `where` keeps the rows
    whose columns have these values. A stand-in is shown and left out of the benchmark's means.
    """

    benchmark: Name
    task: Name
    splits: tuple[Name, ...] = Field(min_length=1)
    pooled: bool = False
    target: Literal["label", "human_score"] = "label"
    where: dict[Name, str] = Field(default_factory=dict)
    in_mean: bool = True
    note: Text | None = None


class Overlap(_Part):
    """A training set that shares texts, documents or annotation with this dataset."""

    dataset: Name
    kind: Literal["same rows", "same task and texts", "same documents", "same document collection"]
    note: Text | None = None


class Card(_Part):
    """One dataset.

    `role` tells what it may be used for here: models are chosen and reported on `evaluation`
    sets, and trained on `training` sets alone.
    """

    name: Name
    title: Text
    role: Literal["evaluation", "training"]
    description: Text
    paper: Paper
    licence: Licence
    task: Text
    language: Text
    origin: Origin
    annotation: Text
    label_rule: Text = Field(description="when a row is positive, in words")
    splits: dict[Name, Split] = Field(min_length=1)
    sources: tuple[CardSource, ...] = ()
    clean_up: bool = Field(default=False, description="AlignScore's evaluation cleans its texts")
    known_defects: tuple[Text, ...] = ()
    benchmarks: tuple[Membership, ...] = ()
    mixtures: tuple[Name, ...] = Field(default=(), description="training mixtures that hold it")
    overlaps: tuple[Overlap, ...] = ()

    @model_validator(mode="after")
    def _splits_exist(self) -> Card:
        for member in self.benchmarks:
            if unknown := set(member.splits) - set(self.splits):
                raise ValueError(f"benchmark {member.benchmark}: no split {sorted(unknown)}")
        if self.role == "training" and self.benchmarks:
            raise ValueError("a training set has no place in a benchmark")
        return self


def parse_card(text: str, *, where: str) -> Card:
    """Read one card.

    Args:
        text: YAML.
        where: How to name it in errors.

    Raises:
        ConfigurationError: Not YAML, or not the schema; names each wrong field.
    """
    import yaml

    try:
        content = yaml.safe_load(text)
    except yaml.YAMLError as cause:
        problem = " ".join(str(cause).split())
        raise ConfigurationError(f"{where} is not YAML: {problem}") from cause
    if not isinstance(content, dict):
        raise ConfigurationError(f"{where}: a card is a mapping of fields")
    try:
        return Card.model_validate(content)
    except ValidationError as cause:
        problems = "; ".join(
            f"{'.'.join(map(str, error['loc'])) or 'card'}: {error['msg']}"
            for error in cause.errors()
        )
        raise ConfigurationError(f"{where}: {problems}") from cause


@cache
def load_cards() -> dict[str, Card]:
    """All cards of this installation by name, in the order of their files' names.

    Raises:
        ConfigurationError: A card is broken, or two have one name.
    """
    cards: dict[str, Card] = {}
    for role in ("evaluation", "training"):
        folder = resources.files("alignscore_metric.data_cards") / role
        files = (file for file in folder.iterdir() if file.name.endswith(".yaml"))
        for file in sorted(files, key=lambda file: file.name):
            card = parse_card(file.read_text(encoding="utf-8"), where=f"{role}/{file.name}")
            if file.name != f"{card.name}.yaml" or card.role != role:
                raise ConfigurationError(
                    f"{role}/{file.name}: holds the {card.role} card {card.name!r}; "
                    "a card's folder is its role and its file is its name"
                )
            if card.name in cards:
                raise ConfigurationError(f"{role}/{file.name}: a second card {card.name!r}")
            cards[card.name] = card
    return cards


def get_card(name: str) -> Card:
    """The card of one dataset.

    Raises:
        ConfigurationError: No such card; lists those like it.
    """
    from difflib import get_close_matches

    cards = load_cards()
    if name not in cards:
        near = get_close_matches(name, cards, n=3) or sorted(cards)[:10]
        raise ConfigurationError(f"no dataset {name!r}; did you mean {', '.join(near)}?")
    return cards[name]


def mixture(name: str) -> tuple[str, ...]:
    """Names of the training sets of a mixture, sorted.

    Raises:
        ConfigurationError: No card names that mixture.
    """
    cards = load_cards().values()
    found = tuple(sorted(card.name for card in cards if name in card.mixtures))
    if not found:
        known = sorted({one for card in cards for one in card.mixtures})
        raise ConfigurationError(f"no training mixture {name!r}; there are {', '.join(known)}")
    return found


def overlapping(dataset: str, trained: Collection[str]) -> tuple[str, ...]:
    """Which of a metric's training sets overlap a dataset, by its card; sorted.

    Args:
        dataset: Name of an evaluation set.
        trained: Names of training sets.
    """
    return tuple(sorted({one.dataset for one in get_card(dataset).overlaps} & set(trained)))
