"""Reads FRANK's published judgments of whole summaries (Pagnoni et al., 2021).

The file of judgments holds no texts. They are in another file of the publisher, or the user's.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from alignscore_metric.leaderboards.datasets.files import DataFile, json_records

_SPLITS = {"valid": "val", "test": "test"}
_CNNDM_HASH = 40  # letters of a CNN/DailyMail hash; ids of BBC articles are shorter


def origin_of(article: str) -> str:
    """Which collection an article's hash or number is of: `cnndm` or `xsum`."""
    return "cnndm" if len(article) >= _CNNDM_HASH else "xsum"


def read_frank(files: Sequence[DataFile]) -> list[dict[str, Any]]:
    """Rows of val and test: label 1 where Factuality, the share of fine sentences, is 1.0.

    Args:
        files: `human_annotations.json`, and `benchmark_data.json` with the texts where it is here.

    Raises:
        InputError: Not in the format of these files; names the record.
    """
    needed = ("hash", "model_name", "Factuality", "split")
    texts = {
        _row_id(record): record
        for file in files[1:]
        for record in json_records(file, needed=("hash", "model_name", "article", "summary"))
    }
    return [
        _row(record, texts.get(_row_id(record), {}))
        for record in json_records(files[0], needed=needed)
    ]


def _row_id(record: dict[str, Any]) -> str:
    return f"{record['hash']}-{record['model_name']}"


def _row(record: dict[str, Any], texts: dict[str, Any]) -> dict[str, Any]:
    return {
        "id": _row_id(record),
        "document_id": str(record["hash"]),
        "source": texts.get("article"),
        "summary": texts.get("summary"),
        "label": int(record["Factuality"] == 1.0),
        "human_score": record["Factuality"],
        "system": record["model_name"],
        "origin": origin_of(str(record["hash"])),
        "split": _SPLITS.get(record["split"], record["split"]),
    }
