"""How far the bundled sentence splitter agrees with NLTK's English Punkt, on SummaC's documents.

Owns the comparison: sentence ends inside a text (its own end is trivial and left out), precision,
recall and F1 of the bundled splitter's with NLTK's as the reference, pooled over texts. It uses the
splitters through their public interface alone.

    python benchmarks/splitter_agreement.py --shared ../shared
"""

import argparse
import gzip
import json
import shutil
import sys
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import nltk

from alignscore_metric.text.splitters import SentenceSplitter, get_splitter

SUMMAC = ("cogensumm", "xsumfaith", "polytope", "factcc", "summeval", "frank")


@dataclass(frozen=True)
class Agreement:
    """Sentence ends that two splitters found, counted.

    Attributes:
        texts: How many texts were split.
        shared: Ends found by both.
        found: Ends found by the splitter under test.
        expected: Ends found by the reference.
    """

    texts: int = 0
    shared: int = 0
    found: int = 0
    expected: int = 0

    @property
    def precision(self) -> float:
        """Share of the found ends that the reference has too; NaN when none was found."""
        return self.shared / self.found if self.found else float("nan")

    @property
    def recall(self) -> float:
        """Share of the reference's ends that were found; NaN when it has none."""
        return self.shared / self.expected if self.expected else float("nan")

    @property
    def f1(self) -> float:
        """Harmonic mean of precision and recall; NaN when neither splitter found any end."""
        total = self.found + self.expected
        return 2 * self.shared / total if total else float("nan")


def inner_ends(text: str, splitter: SentenceSplitter) -> set[int]:
    """Find the character offsets at which sentences end, without the last sentence's.

    Args:
        text: Any text.
        splitter: A splitter whose sentences are verbatim pieces of the text, in order.

    Returns:
        The offsets, each the index just behind a sentence.
    """
    ends: list[int] = []
    for sentence in splitter.split(text):
        ends.append(text.index(sentence, ends[-1] if ends else 0) + len(sentence))
    return set(ends[:-1])


def compare(
    texts: Iterable[str], splitter: SentenceSplitter, reference: SentenceSplitter
) -> Agreement:
    """Count sentence ends of two splitters over distinct texts.

    Args:
        texts: The texts; repeated ones count once.
        splitter: The splitter under test.
        reference: The splitter that counts as right.

    Returns:
        The pooled counts.
    """
    unique = list(dict.fromkeys(texts))
    pairs = [(inner_ends(text, splitter), inner_ends(text, reference)) for text in unique]
    return Agreement(
        texts=len(unique),
        shared=sum(len(found & expected) for found, expected in pairs),
        found=sum(len(found) for found, _ in pairs),
        expected=sum(len(expected) for _, expected in pairs),
    )


def read_texts(file: Path, split: str) -> list[str]:
    """Read the sources and summaries of one split of a set of human judgments.

    Args:
        file: A file of ``benchmarks/uniform``.
        split: ``val`` or ``test``.

    Returns:
        The texts, source and summary in turn; missing documents are left out.
    """
    with gzip.open(file, "rt", encoding="utf-8") as lines:
        rows = [row for row in map(json.loads, lines) if row["split"] == split]
    return [row[key] for row in rows for key in ("source", "summary") if row[key]]


@contextmanager
def nltk_data(shared: Path) -> Iterator[None]:
    """Let NLTK find the shared English Punkt data, for as long as the context lasts.

    Args:
        shared: The shared folder, which has ``punkt_tab/english``.
    """
    with tempfile.TemporaryDirectory() as folder:
        # A copy, because NLTK refuses links that leave its data path.
        shutil.copytree(
            shared / "punkt_tab" / "english", Path(folder, "tokenizers", "punkt_tab", "english")
        )
        nltk.data.path.insert(0, folder)
        try:
            yield
        finally:
            nltk.data.path.remove(folder)


def format_table(rows: Sequence[tuple[str, Agreement]]) -> str:
    """Lay the results out as text.

    Args:
        rows: A name and its counts, per set.

    Returns:
        The table, a line per set.
    """
    head = f"{'set':<12}{'texts':>7}{'ends':>8}{'precision':>11}{'recall':>9}{'F1':>9}"
    lines = [
        f"{name:<12}{row.texts:>7}{row.expected:>8}"
        f"{row.precision:>11.4f}{row.recall:>9.4f}{row.f1:>9.4f}"
        for name, row in rows
    ]
    return "\n".join([head, *lines]) + "\n"


def main(arguments: Sequence[str] | None = None) -> int:
    """Compare the splitters and print the table.

    Args:
        arguments: The command line; the process's own when None.

    Returns:
        The exit status.
    """
    parser = argparse.ArgumentParser(description="Bundled splitter against NLTK's Punkt.")
    parser.add_argument("--shared", type=Path, default=Path("../shared"), metavar="FOLDER")
    parser.add_argument("--split", choices=("val", "test"), default="val")
    options = parser.parse_args(arguments)
    folder = options.shared / "benchmarks" / "uniform"
    texts = {name: read_texts(folder / f"{name}.jsonl.gz", options.split) for name in SUMMAC}
    texts["all"] = [text for name in SUMMAC for text in texts[name]]
    with nltk_data(options.shared):
        splitter, reference = get_splitter("bundled_punkt"), get_splitter("nltk_punkt")
    rows = [(name, compare(items, splitter, reference)) for name, items in texts.items()]
    sys.stdout.write(format_table([(name, row) for name, row in rows if row.texts]))
    return 0


if __name__ == "__main__":
    sys.exit(main())
