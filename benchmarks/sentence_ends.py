"""How splitters cut the texts of `tests/sentences.txt`, which were cut by hand.

Owns the comparison of the bundled splitter with NLTK's English Punkt and with what else is
installed: pysbd, spaCy's rules, syntok, segtok, BlingFire, the Moses splitter. A text counts where
all of its sentences are right; ends are those inside texts.

    pip install pysbd spacy syntok segtok blingfire sentence-splitter
    python benchmarks/sentence_ends.py --shared ../shared
"""

import argparse
import importlib.util
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from splitter_agreement import nltk_data

from alignscore_metric.text.splitters import get_splitter

TEXTS = Path(__file__).parents[1] / "tests" / "sentences.txt"
END = "¦"
HELD_OUT = "held out"

Split = Callable[[str], Sequence[str]]


@dataclass(frozen=True)
class Gold:
    """A text cut by hand.

    Attributes:
        kind: What makes it hard.
        sentences: As they are.
    """

    kind: str
    sentences: tuple[str, ...]

    @property
    def text(self) -> str:
        """All of it."""
        return " ".join(self.sentences)


def read_gold(file: Path = TEXTS) -> list[Gold]:
    """The texts, in order; a line `# --- kind` begins each kind."""
    found, kind = [], ""
    for line in file.read_text(encoding="utf-8").splitlines():
        if line.startswith("# --- "):
            kind = line[6:].split(":")[0]
        elif line and not line.startswith("#"):
            found.append(Gold(kind, tuple(line.split(END))))
    return found


def ends(sentences: Sequence[str]) -> set[int]:
    """Where sentences end inside their text, counted in characters that are no white space."""
    found, total = set(), 0
    for sentence in sentences:
        total += len("".join(sentence.split()))
        found.add(total)
    return found - {total}


def installed() -> dict[str, Split]:
    """Splitters by the name that a table has for them, without those that are not here."""
    makers: Mapping[str, tuple[str, Callable[[], Split]]] = {
        "pysbd": ("pysbd", _pysbd),
        "spaCy's sentencizer": ("spacy", _spacy),
        "syntok": ("syntok", _syntok),
        "segtok": ("segtok", _segtok),
        "BlingFire": ("blingfire", _blingfire),
        "Moses": ("sentence_splitter", _moses),
    }
    return {
        name: make()
        for name, (module, make) in makers.items()
        if importlib.util.find_spec(module) is not None
    }


def _pysbd() -> Split:
    import pysbd

    split: Split = pysbd.Segmenter(language="en", clean=False).segment
    return split


def _spacy() -> Split:
    import spacy

    pipeline = spacy.blank("en")
    pipeline.add_pipe("sentencizer")
    return lambda text: [sentence.text for sentence in pipeline(text).sents]


def _syntok() -> Split:
    from syntok import segmenter

    return lambda text: [
        "".join(token.spacing + token.value for token in sentence)
        for paragraph in segmenter.process(text)
        for sentence in paragraph
    ]


def _segtok() -> Split:
    from segtok.segmenter import split_single

    return lambda text: list(split_single(text))


def _blingfire() -> Split:
    from blingfire import text_to_sentences

    return lambda text: str(text_to_sentences(text)).split("\n")


def _moses() -> Split:
    from sentence_splitter import SentenceSplitter

    split: Split = SentenceSplitter(language="en").split
    return split


def row(name: str, split: Split, gold: Sequence[Gold]) -> str:
    """A line of the table: texts that are right, precision, recall and F1 of ends."""
    found = [ends(split(each.text)) for each in gold]
    right = [ends(each.sentences) for each in gold]
    both = sum(len(a & b) for a, b in zip(found, right, strict=True))
    cut, due = (sum(map(len, each)) for each in (found, right))
    exact = sum(a == b for a, b in zip(found, right, strict=True))
    return (
        f"{name:<22}{exact:>7}{both / max(cut, 1):>11.3f}{both / max(due, 1):>9.3f}"
        f"{2 * both / max(cut + due, 1):>9.3f}"
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Print a table of the texts, and one of those held out.

    Args:
        arguments: The command line; the process's own when None.

    Returns:
        The exit status.
    """
    parser = argparse.ArgumentParser(description="Splitters against texts cut by hand.")
    parser.add_argument("--shared", type=Path, default=Path("../shared"), metavar="FOLDER")
    parser.add_argument(
        "--errors", action="store_true", help="list what the bundled one cuts wrong"
    )
    options = parser.parse_args(arguments)
    gold = read_gold()
    known = [each for each in gold if each.kind != HELD_OUT]
    with nltk_data(options.shared):
        bundled = get_splitter("bundled_punkt").split
        splitters: dict[str, Split] = {
            "bundled_punkt": bundled,
            "nltk_punkt": get_splitter("nltk_punkt").split,
        }
    splitters |= installed()
    for texts in (known, [each for each in gold if each.kind == HELD_OUT]):
        sys.stdout.write(f"{f'{len(texts)} texts':<22}  right  precision   recall       F1\n")
        sys.stdout.writelines(f"{row(name, split, texts)}\n" for name, split in splitters.items())
    for each in known if options.errors else []:
        if ends(bundled(each.text)) != ends(each.sentences):
            sys.stdout.write(f"{each.kind}: {END.join(bundled(each.text))}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
