"""Rows with human judgments, and the item tables that keep a metric's scores of them.

Owns the two tables that everything else exchanges. An evaluation set holds texts; an item table
holds none, so that it can be kept and passed on where the texts cannot.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from alignscore_metric.errors import InputError

if TYPE_CHECKING:
    import pandas as pd

COLUMNS = ("id", "source", "summary", "label", "human_score", "system", "origin", "split")
"""Columns of an evaluation set; `label` and `human_score` are NaN, `system` and `origin` None,
where the data has none. `source` may be None in a set whose documents were not published."""

ERROR_SEPARATOR = "|"
"""Between the error types of one text."""

DETAIL_COLUMNS = ("errors", "divided", "spans")
"""What some sets tell of a judgment, missing elsewhere: the types of a text's errors, joined by
`ERROR_SEPARATOR`; whether its annotators were divided (1) or agreed (0); where its unsupported
characters are, as JSON `[[start, end], ...]`."""

ITEM_COLUMNS = (
    "id", "text", "document", "score", "label", "human_score", "system", "origin", "errors",
    "divided",
)  # fmt: skip
"""Columns of an item table."""

_NUMBERS = ("score", "label", "human_score", "divided")
_LATER_COLUMNS = ("errors", "divided")
"""Columns that older tables lack."""


@dataclass(frozen=True, eq=False)
class EvaluationSet:
    """One split, or several pooled, of one dataset.

    Attributes:
        dataset: Name of its data card, or the user's own name.
        split: `val`, `test`, `all`, or several joined by `+`.
        frame: One row per judged text, with `COLUMNS` and `DETAIL_COLUMNS` in this order and an
            index from 0.
        files: Names of the files it was read from.
        discrepancies: Where it differs from its card, in words; rows that were left out, and why.
    """

    dataset: str
    split: str
    frame: pd.DataFrame
    files: tuple[str, ...] = ()
    discrepancies: tuple[str, ...] = ()

    def __len__(self) -> int:
        """Number of rows."""
        return len(self.frame)

    @property
    def hash(self) -> str:
        """First 12 hexadecimal digits of a sha256 over ids, texts and judgments, in order."""
        digest = hashlib.sha256()
        columns = [self.frame[name] for name in ("id", "source", "summary", "label", "human_score")]
        for row in zip(*columns, strict=True):
            digest.update(json.dumps([str(value) for value in row]).encode())
        return digest.hexdigest()[:12]


@dataclass(frozen=True)
class RunInfo:
    """What an item table's scores are: stored in the table's own metadata.

    Attributes:
        metric: Short name of the metric, as `mini` or `rouge2_precision`.
        signature: What exactly produced the scores.
        dataset: Name of the data card.
        split: Which split.
        dataset_hash: `EvaluationSet.hash` of the rows that were scored.
        seconds: Wall time of the scoring itself; rows taken over from another table cost none.
        scored: How many distinct pairs were scored in these seconds.
        hardware: What they were scored on, in words; empty where nobody said.
        parameters: Of the metric's model; 0 where it has none, None where nobody said.
        licence: Of the metric: its weights, or its code where there are none.
        training_sets: Names of the sets that the metric was trained on.
        discrepancies: Those of the evaluation set.
    """

    metric: str
    signature: str
    dataset: str
    split: str
    dataset_hash: str
    seconds: float = 0.0
    scored: int = 0
    hardware: str = ""
    parameters: int | None = None
    licence: str = ""
    training_sets: tuple[str, ...] = ()
    discrepancies: tuple[str, ...] = field(default=())


@dataclass(frozen=True, eq=False)
class ItemTable:
    """Scores of one metric on one split: `frame` is as `item_frame` makes it."""

    info: RunInfo
    frame: pd.DataFrame


def text_key(text: str) -> str:
    """First 16 hexadecimal digits of a text's sha256: tells texts apart without keeping them."""
    return hashlib.sha256(text.encode("utf-8", errors="surrogatepass")).hexdigest()[:16]


def item_frame(frame: pd.DataFrame) -> pd.DataFrame:
    """The columns of an item table in one form, however the frame was made.

    Args:
        frame: With `ITEM_COLUMNS`, and others that are left out; tables of earlier versions lack
            the last two.

    Returns:
        Numbers as float64, NaN where undefined; the others as objects, None where missing.
    """
    whole = frame.assign(**{name: None for name in _LATER_COLUMNS if name not in frame})
    kept = whole[list(ITEM_COLUMNS)].astype(dict.fromkeys(_NUMBERS, "float64"))
    texts = [name for name in ITEM_COLUMNS if name not in _NUMBERS]
    known = kept[texts].notna()
    return kept.assign(**kept[texts].astype(object).where(known, None))


def write_items(table: ItemTable, file: Path) -> None:
    """Write an item table as parquet; it appears whole or not at all."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    file.parent.mkdir(parents=True, exist_ok=True)
    content = pa.Table.from_pandas(item_frame(table.frame), preserve_index=False)
    info = json.dumps(asdict(table.info))
    part = file.with_name(f"{file.name}.part")
    pq.write_table(content.replace_schema_metadata({"alignscore_run": info}), part)
    part.replace(file)


def read_items(file: Path) -> ItemTable:
    """Read an item table.

    Raises:
        InputError: The file is no item table.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        content = pq.read_table(file)
        info = json.loads((content.schema.metadata or {})[b"alignscore_run"])
        frame = item_frame(content.to_pandas())
        info |= {name: tuple(info[name]) for name in ("training_sets", "discrepancies")}
        return ItemTable(RunInfo(**info), frame)
    except (pa.ArrowException, OSError, KeyError, TypeError, ValueError) as cause:
        raise InputError(
            f"{file} is not an item table of `alignscore leaderboard run`; delete it and run again"
        ) from cause
