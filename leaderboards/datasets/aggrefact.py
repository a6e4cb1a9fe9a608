"""Reads AggreFact (Tang et al., 2023): nine annotated sets of summaries in one table."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from alignscore_metric.leaderboards.datasets.fields import choice_of, label_of, text_of
from alignscore_metric.leaderboards.datasets.files import DataFile, csv_rows

_COLUMNS = ("dataset", "origin", "id", "doc", "summary", "model_name", "label", "cut")
_ORIGINS, _CUTS = ("cnndm", "xsum"), ("val", "test")


def read_aggrefact(files: Sequence[DataFile]) -> list[dict[str, Any]]:
    """Rows of val and test, in the file's order; the columns of other people's scores are left out.

    Args:
        files: `aggre_fact_sota.csv` or `aggre_fact_final.csv`.

    Raises:
        InputError: Not in this format; names the row and the field.
    """
    return [
        _row(record, number, f"{files[0].path}, row {number}")
        for number, record in enumerate(csv_rows(files[0], needed=_COLUMNS), start=1)
    ]


def _row(record: dict[str, str], number: int, where: str) -> dict[str, Any]:
    return {
        "id": f"{record['dataset']}-{record['id']}-{record['model_name']}-{number}",
        "source": text_of(record, "doc", where),
        "summary": text_of(record, "summary", where),
        "label": label_of(record, "label", where),
        "human_score": None,
        "system": record["model_name"] or None,
        "origin": choice_of(record, "origin", _ORIGINS, where),
        "split": choice_of(record, "cut", _CUTS, where),
    }
