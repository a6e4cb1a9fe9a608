"""The recipe of a training run: one YAML file, checked key by key. Knows nothing of torch."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, TypeVar

from alignscore_metric.errors import ConfigurationError, MissingResourceError
from alignscore_metric.profile import Profile

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class DataSource:
    """One file of alignment examples.

    Attributes:
        file: Name under the data folder.
        licence: Its licence, for the model card.
        limit: Examples drawn from it at most; None takes all.
    """

    file: str
    licence: str
    limit: int | None = None

    @property
    def name(self) -> str:
        """The file's name without its endings."""
        return _stem(self.file)


@dataclass(frozen=True, kw_only=True)
class SyntheticSource:
    """Consistency pairs made from the documents (`text_a`) of one file.

    Attributes:
        file: Name under the data folder.
        licence: The documents' licence, for the model card.
        pairs: Pairs to make.
    """

    file: str
    licence: str
    pairs: int

    @property
    def name(self) -> str:
        """Name of the pairs made from it."""
        return f"{_stem(self.file)}+edits"


def _stem(file: str) -> str:
    return Path(file).name.removesuffix(".gz").removesuffix(".jsonl")


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """Everything that a training run depends on besides its data folder.

    Attributes:
        encoder: `all-MiniLM-L6-v2` (the extra `train`), a saved aligner's folder to go on from,
            or a transformers encoder by folder or name.
        name: Title of the model card.
        pooling: See `AlignerConfig`; ignored where `encoder` is an aligner.
        profile: How the result's scores are made.
        data: Files of examples.
        synthetic: Files whose documents consistency pairs are made from.
        synthetic_words: Words of the made contexts, shortest and longest.
        dev: Files that the result is measured on; never trained on.
        bin_from_tri: Let 3-way examples teach the binary head too.
        epochs: Passes over the data.
        batch_tokens: Padded tokens of a batch.
        learning_rate: Peak of the linear warm-up and decay.
        warmup: Share of the steps that warm up, in [0, 1).
        weight_decay: On weights, not on biases or LayerNorm.
        max_grad_norm: Gradient clipping.
        dropout: Of hidden states and heads. Attention dropout is 0: it rules out fused attention.
        precision: `fp32`, or `bf16` autocast.
        seed: Of sampling, synthesis, order and initial heads.
    """

    encoder: str
    name: str
    pooling: str = "pooler"
    profile: Profile = field(default_factory=Profile)
    data: tuple[DataSource, ...] = ()
    synthetic: tuple[SyntheticSource, ...] = ()
    synthetic_words: tuple[int, int] = (40, 350)
    dev: tuple[DataSource, ...] = ()
    bin_from_tri: bool = False
    epochs: int = 1
    batch_tokens: int = 8192
    learning_rate: float = 1e-4
    warmup: float = 0.06
    weight_decay: float = 0.1
    max_grad_norm: float = 1.0
    dropout: float = 0.0
    precision: str = "bf16"
    seed: int = 2022

    def __post_init__(self) -> None:
        """Refuse what cannot be trained."""
        if not self.data and not self.synthetic:
            raise ConfigurationError("the recipe names no data: give `data` or `synthetic`")
        if self.precision not in ("fp32", "bf16"):
            raise ConfigurationError(f"precision is {self.precision!r}; known: fp32, bf16")
        for key in ("epochs", "batch_tokens", "seed"):
            if type(getattr(self, key)) is not int or getattr(self, key) < (key != "seed"):
                raise ConfigurationError(f"{key} is {getattr(self, key)!r}; give a whole number")
        for key in ("learning_rate", "warmup", "weight_decay", "max_grad_norm", "dropout"):
            value = getattr(self, key)
            if not isinstance(value, int | float) or value < 0:
                raise ConfigurationError(f"{key} is {value!r}; give a number >= 0")
        if self.warmup >= 1 or self.dropout >= 1:
            raise ConfigurationError("warmup and dropout must be below 1")
        words = self.synthetic_words
        if not (
            isinstance(words, tuple)
            and [type(word) for word in words] == [int, int]
            and 1 <= words[0] <= words[1]
        ):
            raise ConfigurationError(f"synthetic_words is {words!r}; give [shortest, longest]")


def read_recipe(path: Path) -> Recipe:
    """Read a recipe.

    Args:
        path: A YAML file with the fields of `Recipe`.

    Raises:
        ConfigurationError: The file is missing or broken, or a key is unknown or absent.
        MissingResourceError: PyYAML is not installed.
    """
    try:
        import yaml
    except ImportError as cause:
        raise MissingResourceError(
            "training needs: pip install 'alignscore-metric[train]'"
        ) from cause
    try:
        values = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as cause:
        raise ConfigurationError(f"cannot read the recipe {path}: {cause}") from cause
    if not isinstance(values, dict):
        raise ConfigurationError(f"{path} is not a recipe: it holds no keys")
    try:
        return _recipe(values)
    except ConfigurationError as cause:
        raise ConfigurationError(f"{path}: {cause}") from cause


def _recipe(values: dict[str, Any]) -> Recipe:
    values = dict(values)
    for key, kind in (("data", DataSource), ("dev", DataSource), ("synthetic", SyntheticSource)):
        rows = values.get(key) or []
        if not isinstance(rows, list):
            raise ConfigurationError(f"`{key}` must be a list of files")
        values[key] = tuple(_build(kind, row, f"{key}[{i}]") for i, row in enumerate(rows))
    if isinstance(values.get("synthetic_words"), list):
        values["synthetic_words"] = tuple(values["synthetic_words"])
    for key in ("learning_rate", "warmup", "weight_decay", "max_grad_norm", "dropout"):
        if isinstance(values.get(key), str):  # YAML reads 1e-4 as a text, 1.0e-4 as a number
            try:
                values[key] = float(values[key])
            except ValueError:
                raise ConfigurationError(f"{key} is {values[key]!r}, not a number") from None
    values["profile"] = Profile.from_dict(values.get("profile", {}))
    return _build(Recipe, values, "recipe")


def _build(kind: type[T], values: object, where: str) -> T:
    known = [f.name for f in fields(kind)]  # type: ignore[arg-type]  # always a dataclass
    if not isinstance(values, dict):
        raise ConfigurationError(f"{where} must hold keys: {', '.join(known)}")
    if unknown := sorted(set(values) - set(known)):
        raise ConfigurationError(
            f"{where}: unknown key(s) {', '.join(map(str, unknown))}; known: {', '.join(known)}"
        )
    try:
        return kind(**values)
    except TypeError as cause:
        raise ConfigurationError(f"{where}: {cause}") from cause
