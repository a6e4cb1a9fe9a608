"""Reads PolyTope's workbooks of error logs (Huang et al., 2020), by one of two rules of the label.

One workbook per summarizer: the sheet of segments holds ids, documents and summaries, the error log
one line per error.
"""

from __future__ import annotations

import io
import warnings
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from pathlib import PurePosixPath
from typing import Any, Literal
from xml.etree.ElementTree import ParseError

from alignscore_metric.errors import ConfigurationError, InputError, MissingResourceError
from alignscore_metric.leaderboards.datasets.files import DataFile, require

_SEGMENTS, _ERRORS = "Scores per segment", "Error Log"
_PREFIX = "Human_Annotation_Summarization_"
_COUNTED = {"any_error": "", "inaccuracy": "Inaccuracy"}
"""How the subtypes begin that each rule counts as errors."""

_DAMAGE = (EOFError, KeyError, OSError, ParseError, zipfile.BadZipFile, zlib.error)


def read_polytope(
    files: Sequence[DataFile], *, rule: Literal["any_error", "inaccuracy"] = "any_error"
) -> list[dict[str, Any]]:
    """Rows of val and test: label 1 where the log has none of the errors that the rule counts.

    Segments with an even number in their workbook, from 0, are val, the others test.

    Args:
        files: The .xlsm workbooks.
        rule: `any_error`: SummaC's, errors of every subtype, omissions too. `inaccuracy`: what
            the source contradicts or does not say (`Inaccuracy_internal`, `Inaccuracy_external`).

    Raises:
        ConfigurationError: No such rule.
        InputError: Not a workbook with these sheets and columns.
        MissingResourceError: openpyxl is not installed.
    """
    if rule not in _COUNTED:
        raise ConfigurationError(f"no rule {rule!r} for PolyTope; there are {', '.join(_COUNTED)}")
    return [row for file in files for row in _read_workbook(file, _COUNTED[rule])]


def _read_workbook(file: DataFile, counted: str) -> list[dict[str, Any]]:
    segments, errors = _sheets(file)
    wrong = {row["ID"] for row in errors if _counts(row["Subtypes"], counted)}
    system = PurePosixPath(file.name).stem.removeprefix(_PREFIX)
    numbered = {row["ID"]: (number, row) for number, row in enumerate(segments) if row["ID"]}
    return [
        {
            "id": f"{system}-{segment}",
            "source": row["Source"],
            "summary": row["Target"],
            "label": int(segment not in wrong),
            "human_score": None,
            "system": system,
            "origin": "cnndm",
            "split": ("val", "test")[number % 2],
        }
        for segment, (number, row) in numbered.items()
    ]


def _counts(subtype: Any, counted: str) -> bool:  # noqa: ANN401  # whatever the cell holds
    return subtype is not None and str(subtype).startswith(counted)


def _sheets(file: DataFile) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    try:
        import openpyxl
    except ImportError as cause:
        raise MissingResourceError(
            "PolyTope's workbooks need openpyxl: pip install 'alignscore-metric[leaderboards]'"
        ) from cause
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of what openpyxl drops: drop-down lists, formats
            book = openpyxl.load_workbook(io.BytesIO(file.content), read_only=True, data_only=True)
            require(book.sheetnames, (_SEGMENTS, _ERRORS), str(file.path))
            segments = list(_records(book[_SEGMENTS], ("ID", "Source", "Target"), file))
            return segments, list(_records(book[_ERRORS], ("ID", "Subtypes"), file))
    except _DAMAGE as cause:
        raise InputError(f"{file.path} is a damaged workbook ({cause}); fetch it again") from cause


def _records(
    sheet: Any,  # noqa: ANN401  # openpyxl has no types
    needed: Sequence[str],
    file: DataFile,
) -> Iterator[dict[str, Any]]:
    rows = sheet.iter_rows(values_only=True)
    header = list(next(rows, ()))
    require(map(str, header), needed, f"{file.path}, sheet {sheet.title!r}")
    places = {name: header.index(name) for name in needed}
    for row in rows:
        yield {name: row[place] if place < len(row) else None for name, place in places.items()}
