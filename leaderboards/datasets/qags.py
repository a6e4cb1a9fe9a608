"""Reads QAGS' judgments of summary sentences (Wang et al., 2020)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from alignscore_metric.errors import InputError
from alignscore_metric.leaderboards.datasets.files import DataFile, json_lines, require


def read_qags(files: Sequence[DataFile], *, origin: str) -> list[dict[str, Any]]:
    """One row per summary: label 1 where most annotators say yes to every sentence.

    `human_score` is the share of sentences to which most say yes.

    Args:
        files: `mturk_cnndm.jsonl` or `mturk_xsum.jsonl`.
        origin: Which of the two: `cnndm` or `xsum`.

    Raises:
        InputError: Not in the format of these files; names the record.
    """
    return [
        _row(record, f"{origin}-{number}", origin, f"{files[0].path}, record {number + 1}")
        for number, record in enumerate(json_lines(files[0]))
    ]


def _row(record: dict[str, Any], row_id: str, origin: str, where: str) -> dict[str, Any]:
    require(record, ("article", "summary_sentences"), where)
    try:
        sentences = [one["sentence"] for one in record["summary_sentences"]]
        fine = [_most_say_yes(one["responses"]) for one in record["summary_sentences"]]
        share = sum(fine) / len(fine)
    except (KeyError, TypeError, ZeroDivisionError) as cause:
        raise InputError(f"{where}: a summary without sentences and responses") from cause
    return {
        "id": row_id,
        "source": record["article"],
        "summary": " ".join(sentences),
        "label": int(all(fine)),
        "human_score": share,
        "system": None,
        "origin": origin,
        "split": "all",
    }


def _most_say_yes(responses: Sequence[dict[str, Any]]) -> bool:
    yes: list[bool] = [one["response"] == "yes" for one in responses]
    return 2 * sum(yes) > len(yes)
