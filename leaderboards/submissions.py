"""What others add: cards of datasets and scores of metrics, as files, and what is checked in them.

A submission is a folder: `submission.yaml`, which says what made the scores, and one file of scores
for each split, `DATASET.SPLIT.csv` (or .jsonl, .parquet) with `id` and `score`. Computes no
statistic.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from alignscore_metric.errors import AlignScoreError, InputError, MissingResourceError
from alignscore_metric.files.tables import read_table
from alignscore_metric.leaderboards.cards import Card, load_cards, parse_card
from alignscore_metric.leaderboards.datasets import load
from alignscore_metric.leaderboards.datasets.loading import load_by_card
from alignscore_metric.leaderboards.datasets.readers import get_reader
from alignscore_metric.leaderboards.items import ItemTable
from alignscore_metric.leaderboards.runs import submitted_table

DESCRIPTION = "submission.yaml"
_SCORE_FILES = (".csv", ".jsonl", ".parquet")
_Text = Annotated[str, Field(min_length=1)]


class Submission(BaseModel):
    """What made the scores of a submission.

    `metric` is the row's label, `signature` says what exactly made the scores: versions, options,
    prompts. `training_sets` are names of data cards, by which contamination is flagged.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, str_strip_whitespace=True)

    metric: _Text
    signature: _Text
    url: str = Field(pattern=r"^https?://")
    licence: _Text = Field(description="of the weights; `none stated` where there is none")
    parameters: int | None = Field(default=None, ge=0, description="None: not known")
    training_sets: tuple[str, ...] = ()


@dataclass(frozen=True)
class Finding:
    """One thing that a check found.

    Attributes:
        path: The file that it is about.
        text: What, in words.
        wrong: Whether it has to be mended; else it is worth knowing.
    """

    path: Path
    text: str
    wrong: bool = True


def check(path: Path, roots: Sequence[Path]) -> list[Finding]:
    """Check a data card (`.yaml`) or a submission (a folder).

    Args:
        path: What to check.
        roots: Data folders; what is in none of them is not compared, and said.

    Raises:
        InputError: It is neither.
    """
    if path.is_dir():
        return list(_check_submission(path, roots))
    if path.suffix == ".yaml" and path.is_file():
        return list(_check_card(path, roots))
    raise InputError(f"{path} is neither a data card (.yaml) nor the folder of a submission")


def read_submission(folder: Path) -> Submission:
    """What a submission's folder says of its metric.

    Raises:
        InputError: `submission.yaml` is absent, is not YAML, or lacks a field; names each.
    """
    import yaml

    file = folder / DESCRIPTION
    try:
        content = yaml.safe_load(file.read_text(encoding="utf-8"))
        return Submission.model_validate(content)
    except OSError as cause:
        raise InputError(f"cannot read {file}: {cause.strerror or cause}") from cause
    except (UnicodeDecodeError, yaml.YAMLError) as cause:
        raise InputError(f"{file} is not YAML: {' '.join(str(cause).split())}") from cause
    except ValidationError as cause:
        problems = "; ".join(
            f"{'.'.join(map(str, one['loc'])) or 'the file'}: {one['msg']}"
            for one in cause.errors()
        )
        raise InputError(f"{file}: {problems}") from cause


def submission_tables(
    folder: Path, roots: Sequence[Path], *, documents: Path | None = None
) -> list[ItemTable]:
    """The item tables of a submission.

    Args:
        folder: Of the submission.
        roots: Data folders.
        documents: As for `load`.

    Raises:
        ConfigurationError: A file's name is no dataset and split.
        InputError: The description or a file of scores is wrong; names it.
        MissingResourceError: A dataset is not here.
    """
    about = read_submission(folder)
    return [
        _table(about, *_dataset_and_split(file), file, roots, documents)
        for file in score_files(folder)
    ]


def score_files(folder: Path) -> list[Path]:
    """The files of scores of a submission.

    Raises:
        InputError: There is none.
    """
    files = sorted(file for file in folder.iterdir() if file.suffix in _SCORE_FILES)
    if not files:
        raise InputError(
            f"{folder} holds no scores; name files DATASET.SPLIT.csv, as frank.test.csv"
        )
    return files


def read_scores(file: str) -> dict[str, float]:
    """Scores by id from a table with the columns `id` and `score`; NaN where undefined.

    Raises:
        InputError: A column, an id or a number is missing or wrong; names the row.
    """
    table = read_table(file)
    for name in ("id", "score"):
        if name not in table.columns:
            columns = ", ".join(table.columns) or "none"
            raise InputError(f"{table.name}: no column {name!r}; its columns: {columns}")
    scores: dict[str, float] = {}
    for number, row in enumerate(table.rows):
        if row.get("id") is None or "score" not in row:
            raise InputError(f"{table.where(number)}: no id or no score; a score may be null")
        one, score = row["id"], row["score"]
        if str(one) in scores:
            raise InputError(f"{table.where(number)}: a second score for id {one}")
        try:
            scores[str(one)] = float("nan") if score in (None, "") else float(score)
        except (TypeError, ValueError) as cause:
            raise InputError(f"{table.where(number)}: the score {score!r} is no number") from cause
    return scores


def _table(
    about: Submission,
    dataset: str,
    split: str,
    file: Path,
    roots: Sequence[Path],
    documents: Path | None,
) -> ItemTable:
    data = load(dataset, split, roots=roots, documents=documents)
    table = submitted_table(
        data, read_scores(str(file)), metric=about.metric, signature=about.signature
    )
    info = replace(
        table.info,
        parameters=about.parameters,
        licence=about.licence,
        training_sets=about.training_sets,
    )
    return ItemTable(info, table.frame)


def _dataset_and_split(file: Path) -> tuple[str, str]:
    dataset, _, split = file.stem.rpartition(".")
    if not dataset:
        raise InputError(f"{file}: name it DATASET.SPLIT{file.suffix}, as frank.test{file.suffix}")
    return dataset, split


def _check_submission(folder: Path, roots: Sequence[Path]) -> Iterator[Finding]:
    try:
        about = read_submission(folder)
        files = score_files(folder)
    except AlignScoreError as error:
        yield Finding(folder, str(error))
        return
    unknown = sorted(set(about.training_sets) - _names("training"))
    for name in unknown:
        text = f"training set {name!r} has no data card; add one, or leave it out and say so"
        yield Finding(folder / DESCRIPTION, text)
    for file in files:
        try:
            _table(about, *_dataset_and_split(file), file, roots, None)
        except MissingResourceError as error:
            yield Finding(file, f"not compared with its dataset: {error}", wrong=False)
        except AlignScoreError as error:
            yield Finding(file, str(error))


def _check_card(path: Path, roots: Sequence[Path]) -> Iterator[Finding]:
    try:
        card = parse_card(path.read_text(encoding="utf-8"), where=path.name)
    except (AlignScoreError, UnicodeDecodeError) as error:
        yield Finding(path, str(error))
        return
    if path.stem != card.name:
        yield Finding(path, f"holds the card {card.name!r}; name the file {card.name}.yaml")
    if path.parent.name in ("evaluation", "training") and path.parent.name != card.role:
        yield Finding(path, f"is the card of an {card.role} set: put it into {card.role}/")
    yield from _check_names(path, card)
    if card.role == "evaluation":
        yield from _check_rows(path, card, roots)


def _check_names(path: Path, card: Card) -> Iterator[Finding]:
    for source in card.sources if card.role == "evaluation" else ():
        try:
            get_reader(source.reader)
        except AlignScoreError as error:
            yield Finding(path, str(error))
    known = _names("training") | _names("evaluation") | {card.name}
    for overlap in card.overlaps:
        if overlap.dataset not in known:
            yield Finding(path, f"overlaps: {overlap.dataset!r} has no data card")


def _check_rows(path: Path, card: Card, roots: Sequence[Path]) -> Iterator[Finding]:
    """Where its data are here: whether they are what the card says."""
    for split, told in card.splits.items():
        try:
            data = load_by_card(card, split, roots=roots)
        except MissingResourceError as error:
            yield Finding(path, f"split {split} not compared with its data: {error}", wrong=False)
            continue
        except AlignScoreError as error:
            yield Finding(path, str(error))
            continue
        for text in data.discrepancies:
            yield Finding(path, text, wrong="on the card" in text or "sha256" in text)
        if told.found is None:
            positives = int((data.frame["label"] == 1).sum())
            text = f"split {split}: found is missing; it has {len(data)} rows, {positives} positive"
            yield Finding(path, text)


def _names(role: str) -> set[str]:
    cards: Mapping[str, Card] = load_cards()
    return {name for name, card in cards.items() if card.role == role}
