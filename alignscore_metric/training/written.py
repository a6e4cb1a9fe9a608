"""Claims that a language model wrote for this package: files that come with it, and their passages.

The claims of some have a passage beside them that was written too; those of others stand beside a
part of a document of another set, of which the file says the place and not the text.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from alignscore_metric.errors import InputError
from alignscore_metric.training.data import read_rows

CLAIMS = Path(__file__).parent / "claims"
"""Where the files are; claims/README.md says what they are."""


def data_file(name: str, data_dir: Path) -> Path:
    """A recipe's file: of the data folder, or else of those that come with the package."""
    own = CLAIMS / name
    return own if own.is_file() and not (data_dir / name).is_file() else data_dir / name


class Passages:
    """Parts of documents of a data folder, whose files are read when they are first asked for."""

    def __init__(self, data_dir: Path) -> None:
        """Passages of the documents of a folder's files."""
        self.data_dir = data_dir
        self._documents: dict[str, dict[str, str]] = {}

    def text(self, place: dict[str, Any]) -> str:
        """The words of a document, one space between them.

        Args:
            place: `file`, `document` (`key_of` its text) and `words` (the first, and the one after
                the last).

        Raises:
            InputError: The file is not in the data folder or does not hold the document.
        """
        name = place["file"]
        if name not in self._documents:
            self._documents[name] = {key_of(text): text for text in _texts(self.data_dir / name)}
        if place["document"] not in self._documents[name]:
            raise InputError(f"{self.data_dir / name} does not hold document {place['document']}")
        start, end = place["words"]
        return " ".join(self._documents[name][place["document"]].split()[start:end])


def key_of(text: str) -> str:
    """What a document is found by: 16 digits of its SHA-256."""
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _texts(path: Path) -> Iterable[str]:
    """The distinct contexts, or documents, of a file of pairs."""
    if not path.is_file():
        raise InputError(f"no file {path}, of which there are written claims")
    return dict.fromkeys(read_rows(path, lambda row: row.get("text_a", row.get("document"))))
