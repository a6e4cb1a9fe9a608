"""Reads LLM-AggreFact (Tang et al., 2024): claims with their documents, from eleven datasets."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import PurePosixPath
from typing import Any

from alignscore_metric.errors import InputError
from alignscore_metric.leaderboards.datasets.fields import label_of, text_of
from alignscore_metric.leaderboards.datasets.files import DataFile, require

_NEEDED = ("dataset", "doc", "claim", "label")
_SPLITS = {"dev": "val", "test": "test"}


def read_llm_aggrefact(files: Sequence[DataFile]) -> list[dict[str, Any]]:
    """Rows of val (published as dev) and test; `origin` is the dataset that a row is from.

    Args:
        files: The parquet files of the Hub's repository, `dev-....parquet` and `test-....parquet`.

    Raises:
        InputError: Not parquet, another file, or a row without a claim; names file, row, field.
    """
    return [row for file in files for row in _rows(file)]


def _rows(file: DataFile) -> list[dict[str, Any]]:
    split = _SPLITS.get(PurePosixPath(file.name).name.partition("-")[0])
    if split is None:
        raise InputError(f"{file.path}: the file's name begins with neither dev- nor test-")
    return [
        _row(record, f"{split}-{number}", split, f"{file.path}, row {number}")
        for number, record in enumerate(parquet_records(file, needed=_NEEDED), start=1)
    ]


def _row(record: dict[str, Any], row_id: str, split: str, where: str) -> dict[str, Any]:
    return {
        "id": row_id,
        "source": text_of(record, "doc", where),
        "summary": text_of(record, "claim", where),
        "label": label_of(record, "label", where),
        "human_score": None,
        "system": None,
        "origin": text_of(record, "dataset", where),
        "split": split,
    }


def parquet_records(file: DataFile, *, needed: Sequence[str]) -> list[dict[str, Any]]:
    """The rows of a parquet file, with the needed columns alone.

    Raises:
        InputError: It is no parquet file, or lacks a column; names it.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        content = pq.ParquetFile(io.BytesIO(file.content))
        require(content.schema_arrow.names, needed, str(file.path))
        records: list[dict[str, Any]] = content.read(columns=list(needed)).to_pylist()
    except (pa.ArrowException, OSError) as cause:
        raise InputError(f"{file.path} is not a parquet file ({cause}); fetch it again") from cause
    return records
