"""Reads judgments of dialogue responses: BEGIN (Dziri et al., 2022), Q2 (Honovich et al., 2021)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from alignscore_metric.errors import InputError
from alignscore_metric.leaderboards.datasets.files import DataFile, csv_rows

_Q2_SYSTEMS = ("dodeca", "memnet")


def read_begin(files: Sequence[DataFile]) -> list[dict[str, Any]]:
    """Rows of BEGIN's first release: label 1 where the gold label is entailment.

    Args:
        files: `dev_05_24_21.tsv`.

    Raises:
        InputError: Not in the format of this file.
    """
    rows = csv_rows(files[0], needed=("evidence", "response", "gold label"), tabs=True)
    return [
        _row(f"dev-{number}", row["evidence"], row["response"], row["gold label"] == "entailment")
        for number, row in enumerate(rows)
    ]


def read_q2(files: Sequence[DataFile]) -> list[dict[str, Any]]:
    """Two rows per line, one for each system: label 1 minus the published one.

    Args:
        files: `cross_annotation.csv`.

    Raises:
        InputError: Not in the format of this file; names the line's row.
    """
    columns = [f"{system}_{kind}" for system in _Q2_SYSTEMS for kind in ("response", "label")]
    made = []
    for row in csv_rows(files[0], needed=("episode_idx", "round", "knowledge", *columns)):
        for system in _Q2_SYSTEMS:
            row_id = f"{row['episode_idx']}-{row['round']}-{system}"
            published = row[f"{system}_label"]
            if published not in ("0", "1"):
                raise InputError(f"{files[0].path}: {row_id} has label {published!r}, not 0 or 1")
            response = row[f"{system}_response"]
            made.append(_row(row_id, row["knowledge"], response, published == "0", system=system))
    return made


def _row(
    row_id: str, source: str, summary: str, positive: bool, *, system: str | None = None
) -> dict[str, Any]:
    return {
        "id": row_id,
        "source": source,
        "summary": summary,
        "label": int(positive),
        "human_score": None,
        "system": system,
        "origin": "wow",
        "split": "all",
    }
