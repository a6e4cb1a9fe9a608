"""Reads the hallucination annotations of XSum summaries (Maynez et al., 2020).

The file holds summaries and annotations; the articles are the user's to give.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any, Literal

from alignscore_metric.errors import ConfigurationError
from alignscore_metric.leaderboards.datasets.files import DataFile, csv_rows

_COLUMNS = ("bbcid", "system", "summary", "hallucination_type", "worker_id")
_FAITHFUL = "NULL"
_ANNOTATORS = 3

Rows = list[dict[str, str]]


def read_xsumfaith(
    files: Sequence[DataFile], *, rule: Literal["most_common", "votes"] = "most_common"
) -> list[dict[str, Any]]:
    """One row per article and system, in the file's order.

    Args:
        files: `hallucination_annotations_xsum_summaries.csv`.
        rule: `most_common`: SummaC's label and splits (see `most_common_label`). `votes`: TRUE's
            label (see `votes_label`), all rows in split `all`.

    Raises:
        ConfigurationError: No such rule.
        InputError: Not in the format of this file.
    """
    if rule not in ("most_common", "votes"):
        raise ConfigurationError(f"no rule {rule!r} for XSumFaith; there are most_common, votes")
    groups: dict[tuple[str, str], Rows] = {}
    for row in csv_rows(files[0], needed=_COLUMNS):
        groups.setdefault((row["bbcid"], row["system"]), []).append(row)
    summac = rule == "most_common"
    return [
        {
            "id": f"{article}-{system}",
            "document_id": article,
            "source": None,
            "summary": rows[0]["summary"],
            "label": (most_common_label if summac else votes_label)(rows),
            "human_score": sum(map(_faithful, rows)) / len(rows),
            "divided": float(len(set(map(_faithful, rows))) > 1),
            "system": system,
            "origin": "xsum",
            "split": ("val", "test")[number % 2] if summac else "all",
        }
        for number, ((article, system), rows) in enumerate(groups.items())
    ]


def most_common_label(rows: Rows) -> int:
    """SummaC: 1 where the most common type is NULL; of equally common ones, the first counts."""
    types = Counter(row["hallucination_type"] for row in rows)
    return int(types.most_common(1)[0][0] == _FAITHFUL)


def votes_label(rows: Rows) -> int:
    """TRUE: 1 where most of three annotators vote 1.

    An annotator votes 0 by a row of type intrinsic or extrinsic, and by the last of several rows;
    one without a row votes 1.
    """
    votes = {row["worker_id"]: int(_faithful(row)) for row in rows}
    absent = _ANNOTATORS - len(votes)
    return int(2 * (sum(votes.values()) + absent) > _ANNOTATORS)


def _faithful(row: dict[str, str]) -> bool:
    return row["hallucination_type"] not in ("intrinsic", "extrinsic")
