"""The recipe of a training run: one YAML file, checked key by key. Knows nothing of torch."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, TypeVar

from alignscore_metric.checkpoint.profile import Profile
from alignscore_metric.errors import ConfigurationError, MissingResourceError

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class DataSource:
    """One set of alignment examples: a file, or one of ALIGN's datasets by name.

    Attributes:
        file: Name under the data folder, or of a file that comes with the package
            (`training/claims`); or
        dataset: Name of a dataset of `training.catalogue`, read from the folder of that name under
            the data folder where there is one, else from the Hub.
        licence: Its licence, for the model card.
        limit: Examples drawn from it at most; None takes all.
        augment: Add ALIGN's self-pairs and swaps.
        spans: Where a claim that is not supported has nearly the words of its context, take the
            others for what is unsupported in it, for the span head.
    """

    licence: str
    file: str | None = None
    dataset: str | None = None
    limit: int | None = None
    augment: bool = False
    spans: bool = False

    def __post_init__(self) -> None:
        """Refuse what names nothing, or two things."""
        if (self.file is None) == (self.dataset is None):
            raise ConfigurationError("give either `file` or `dataset`")
        if self.limit is not None:
            _check_whole("limit", self.limit, 1)

    @property
    def name(self) -> str:
        """The dataset's name, or the file's without its endings."""
        return self.dataset or _stem(str(self.file))


@dataclass(frozen=True, kw_only=True)
class SyntheticSource:
    """Consistency pairs made from the documents (`text_a`, or `document`) of one file.

    Attributes:
        file: Name under the data folder.
        licence: The documents' licence, for the model card.
        pairs: Pairs to make.
        summaries: Make claims of its supported claims (`text_b` with label 1, `summary`) too.
    """

    file: str
    licence: str
    pairs: int
    summaries: bool = False

    def __post_init__(self) -> None:
        """Refuse what makes nothing."""
        _check_whole("pairs", self.pairs, 1)

    @property
    def name(self) -> str:
        """Name of the pairs made from it."""
        return f"{_stem(self.file)}+edits"


def _stem(file: str) -> str:
    return Path(file).name.removesuffix(".gz").removesuffix(".jsonl")


def _check_whole(key: str, value: object, least: int) -> None:
    if type(value) is not int or value < least:
        raise ConfigurationError(f"{key} is {value!r}; give a whole number >= {least}")


def _check_number(key: str, value: object) -> None:
    if not isinstance(value, (int, float)) or isinstance(value, bool) or value < 0:
        raise ConfigurationError(f"{key} is {value!r}; give a number >= 0")


@dataclass(frozen=True, kw_only=True)
class Teacher:
    """A trained aligner whose scores the model learns along with the labels.

    Attributes:
        model: Folder of the teacher, whose tokenizer has the same tokens.
        weight: Of the distillation loss beside the labels' loss, >= 0.
        temperature: Softens both distributions, > 0.
    """

    model: str
    weight: float = 1.0
    temperature: float = 1.0

    def __post_init__(self) -> None:
        """Refuse numbers that are out of range."""
        _check_number("weight", self.weight)
        _check_number("temperature", self.temperature)
        if self.temperature == 0:
            raise ConfigurationError("temperature is 0; give a number > 0")


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """Everything that a training run depends on besides its data folder.

    Attributes:
        encoder: `all-MiniLM-L6-v2` (the extra `train`), a bundled aligner's name or a saved one's
            folder to go on from, or a transformers encoder by folder or name.
        name: Title of the model card.
        pooling: See `AlignerConfig`; ignored where `encoder` is an aligner.
        copied_ngrams: See `AlignerConfig`; ignored where `encoder` is an aligner.
        span_head: See `AlignerConfig`; an aligner that training starts from gets one where it has
            none. It learns from sets that say which of a claim's words are not supported, as
            synthetic pairs do.
        profile: How the result's scores are made.
        data: Sets of examples.
        synthetic: Files whose documents consistency pairs are made from.
        synthetic_words: Words of the made contexts, shortest and longest.
        plain_claims: Pairs of short plain sentences that are made by rules; see
            `training.synthetic.plain`.
        dev: Sets that the result is measured on; never trained on.
        cap: Examples of each set of `data` at most (ALIGN: 500,000).
        total: Examples of all sets of `data` together at most, shared out by `temperature`.
        temperature: 1 shares `total` out in proportion to the sets' sizes; more favours small sets.
        deduplicate: Leave out repeated pairs, and pairs that occur with two labels.
        protected: Folder under the data folder with benchmarks (uniform JSON-lines): examples that
            share a run of words with them are left out.
        bin_from_tri: Let 3-way examples teach the binary head too.
        reg_from_classes: Let examples with a class teach the regression head too: supported or
            entailed is 1, neutral 0.5, unsupported or contradicted 0.
        epochs: Passes over the data.
        max_steps: Steps at most; None runs all epochs.
        batch_tokens: Padded tokens of a batch (on each device).
        batch_rows: Examples of a batch at most; None sets no limit. Without one, a batch of short
            pairs holds many of them, and sets of short pairs get few steps.
        learning_rate: Peak of the linear warm-up and decay.
        warmup: Share of the steps that warm up, in [0, 1).
        weight_decay: On weights, not on biases or LayerNorm.
        max_grad_norm: Gradient clipping; 0 clips nothing.
        dropout: Of hidden states and heads. Attention dropout is 0: it rules out fused attention.
        train_words: Train the table of word embeddings too. It is half of a small model's weights,
            and short training hardly needs it.
        mlm: Weight of the masked-language-model loss (ALIGN: 0.5); 0 leaves it out.
        regulariser: `name` and options of `training.regularisers`; None is plain training. R3F's
            noise is tiny: without `dropout` its two passes hardly differ.
        teacher: Distillation from a trained aligner; None trains on labels alone.
        plain_characters: Let the tokenizer read typographic quotation marks as straight ones, and
            ligatures, full-width letters and their like as plain ones (NFKC).
        average: Decay of a moving average of the weights, in [0, 1); 0 keeps the last weights.
        evaluate_every: Steps between evaluations on `dev`; 0 evaluates at the end alone.
        patience: Evaluations without a better mean before training stops; None never stops early.
            With it, the best weights are kept, else the last.
        save_every: Steps between checkpoints to resume from.
        precision: `fp32`, `bf16` autocast, or `auto`: bf16 where the device multiplies such numbers
            itself (GPUs, CPUs with AMX or AVX512-BF16), else fp32.
        seed: Of sampling, synthesis, order and initial heads.
    """

    encoder: str
    name: str
    pooling: str = "pooler"
    copied_ngrams: int = 0
    span_head: bool = False
    profile: Profile = field(default_factory=Profile)
    data: tuple[DataSource, ...] = ()
    synthetic: tuple[SyntheticSource, ...] = ()
    synthetic_words: tuple[int, int] = (40, 350)
    plain_claims: int = 0
    dev: tuple[DataSource, ...] = ()
    cap: int | None = None
    total: int | None = None
    temperature: float = 1.0
    deduplicate: bool = False
    protected: str | None = None
    bin_from_tri: bool = False
    reg_from_classes: bool = False
    epochs: int = 1
    max_steps: int | None = None
    batch_tokens: int = 8192
    batch_rows: int | None = None
    learning_rate: float = 1e-4
    warmup: float = 0.06
    weight_decay: float = 0.1
    max_grad_norm: float = 1.0
    dropout: float = 0.0
    train_words: bool = True
    mlm: float = 0.0
    regulariser: Mapping[str, object] | None = None
    teacher: Teacher | None = None
    plain_characters: bool = False
    average: float = 0.0
    evaluate_every: int = 0
    patience: int | None = None
    save_every: int = 500
    precision: str = "auto"
    seed: int = 2022

    def __post_init__(self) -> None:
        """Refuse what cannot be trained."""
        if not self.data and not self.synthetic:
            raise ConfigurationError("the recipe names no data: give `data` or `synthetic`")
        if self.precision not in ("auto", "fp32", "bf16"):
            raise ConfigurationError(f"precision is {self.precision!r}; known: auto, fp32, bf16")
        for key, least in WHOLE_NUMBERS.items():
            value = getattr(self, key)
            if not (value is None and key in OPTIONAL):
                _check_whole(key, value, least)
        for key in NUMBERS:
            _check_number(key, getattr(self, key))
        for key in ("warmup", "dropout", "average"):
            if getattr(self, key) >= 1:
                raise ConfigurationError(f"{key} is {getattr(self, key)!r}; it must be below 1")
        if self.temperature < 1:
            raise ConfigurationError(f"temperature is {self.temperature!r}; give a number >= 1")
        if self.patience is not None and not (self.evaluate_every and self.dev):
            raise ConfigurationError("patience needs `dev` sets and `evaluate_every`")
        words = self.synthetic_words
        if not (
            isinstance(words, tuple)
            and [type(word) for word in words] == [int, int]
            and 1 <= words[0] <= words[1]
        ):
            raise ConfigurationError(f"synthetic_words is {words!r}; give [shortest, longest]")


WHOLE_NUMBERS = {
    "epochs": 1,
    "max_steps": 1,
    "batch_tokens": 1,
    "batch_rows": 1,
    "seed": 0,
    "cap": 1,
    "total": 1,
    "plain_claims": 0,
    "evaluate_every": 0,
    "patience": 1,
    "save_every": 1,
}
OPTIONAL = ("max_steps", "batch_rows", "cap", "total", "patience")
NUMBERS = (
    "learning_rate",
    "warmup",
    "weight_decay",
    "max_grad_norm",
    "dropout",
    "mlm",
    "average",
    "temperature",
)


def shipped_recipes() -> dict[str, Path]:
    """The recipes that come with the package, by name."""
    return {file.stem: file for file in sorted((Path(__file__).parent / "recipes").glob("*.yaml"))}


def recipe_file(name: str | Path) -> Path:
    """The file of a recipe.

    Args:
        name: A file, or what a recipe that comes with the package is called; a file goes first.

    Raises:
        ConfigurationError: Neither; names those that come with the package.

    Example:
        >>> recipe_file("own-data").name
        'own-data.yaml'
    """
    shipped = shipped_recipes()
    if Path(name).is_file():
        return Path(name)
    if str(name) not in shipped:
        raise ConfigurationError(
            f"cannot read the recipe {name}: there is no such file, and of the recipes that come "
            f"with the package none has this name: {', '.join(shipped)}"
        )
    return shipped[str(name)]


def read_recipe(path: Path) -> Recipe:
    """Read a recipe.

    Args:
        path: A YAML file with the fields of `Recipe`; with `like`, another file beside it, what it
            does not say is as there.

    Raises:
        ConfigurationError: The file is missing or broken, or a key is unknown or absent.
        MissingResourceError: PyYAML is not installed.
    """
    return read_yaml(path, lambda keys: build_recipe(_all_keys(keys, path.parent)), what="recipe")


def _all_keys(keys: dict[str, Any], folder: Path) -> dict[str, Any]:
    """The keys of a recipe, with those of the one that it is like."""
    like = keys.pop("like", None)
    if like is None:
        return keys
    if "like" in (others := read_yaml(folder / str(like), dict, what="recipe")):
        raise ConfigurationError(f"{like} is itself like another recipe: name that one")
    return others | keys


def read_yaml(path: Path, build: Callable[[dict[str, Any]], T], *, what: str) -> T:
    """Read a YAML file of keys, and build what they describe.

    Args:
        path: The file.
        build: Takes the keys with their values.
        what: What the file is, for error messages.

    Raises:
        ConfigurationError: The file is missing or broken, or `build` refuses it; names the file.
        MissingResourceError: PyYAML is not installed.
    """
    try:
        import yaml
    except ImportError as cause:
        raise MissingResourceError(
            f"a {what} needs: pip install 'alignscore-metric[train]'"
        ) from cause
    try:
        values = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as cause:
        raise ConfigurationError(f"cannot read the {what} {path}: {cause}") from cause
    if not isinstance(values, dict):
        raise ConfigurationError(f"{path} is not a {what}: it holds no keys")
    try:
        return build(values)
    except ConfigurationError as cause:
        raise ConfigurationError(f"{path}: {cause}") from cause


def build_recipe(values: Mapping[str, Any]) -> Recipe:
    """The recipe that the keys of a file describe.

    Args:
        values: The fields of `Recipe`, nested ones as lists and dictionaries.

    Raises:
        ConfigurationError: A key is unknown or absent, or a value cannot be.
    """
    values = dict(values)
    for key, kind in (("data", DataSource), ("dev", DataSource), ("synthetic", SyntheticSource)):
        rows = values.get(key) or []
        if not isinstance(rows, list):
            raise ConfigurationError(f"`{key}` must be a list of files")
        values[key] = tuple(build_dataclass(kind, row, f"{key}[{i}]") for i, row in enumerate(rows))
    if isinstance(values.get("synthetic_words"), list):
        values["synthetic_words"] = tuple(values["synthetic_words"])
    values |= {key: _number(values[key]) for key in NUMBERS if key in values}
    if isinstance(teacher := values.get("teacher"), dict):
        teacher = {
            key: value if key == "model" else _number(value) for key, value in teacher.items()
        }
    if teacher is not None:
        values["teacher"] = build_dataclass(Teacher, teacher, "teacher")
    values["profile"] = Profile.from_dict(values.get("profile", {}))
    return build_dataclass(Recipe, values, "recipe")


def _number(value: object) -> object:
    """The number that a text is, else the value: YAML reads 1e-4 as a text, 1.0e-4 as a number."""
    if isinstance(value, str):
        try:
            return float(value)
        except ValueError:
            return value
    return value


def build_dataclass(kind: type[T], values: object, where: str) -> T:
    """An instance of a dataclass from its fields by name.

    Args:
        kind: The dataclass.
        values: A dictionary of its fields.
        where: Where the values stand in their file, for error messages.

    Raises:
        ConfigurationError: The values are no dictionary, a key is unknown or absent, or the class
            refuses a value.
    """
    known = [f.name for f in fields(kind)]  # type: ignore[arg-type]  # always a dataclass
    if not isinstance(values, dict):
        raise ConfigurationError(f"{where} must hold keys: {', '.join(known)}")
    if unknown := sorted(set(values) - set(known)):
        raise ConfigurationError(
            f"{where}: unknown key(s) {', '.join(map(str, unknown))}; known: {', '.join(known)}"
        )
    try:
        return kind(**values)
    except (TypeError, ConfigurationError) as cause:
        raise ConfigurationError(f"{where}: {cause}") from cause
