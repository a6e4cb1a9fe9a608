"""Trains the sentence splitter that the package ships (``bundled_punkt``).

Owns the corpus, the settings and the pruning behind ``alignscore_metric/text/punkt_english``. It
must not know how a text is chunked or scored, nor read any benchmark: parameters come from training
documents alone, by NLTK's Punkt trainer (Kiss and Strunk 2006, Computational Linguistics 32), and
nothing is taken from NLTK's own parameters.

`KNOWN_ABBREVIATIONS`, written by hand, count as abbreviations from the start: the trainer judges an
abbreviation by how rarely it goes without its period, and so loses those (Mr, Dr, St) that are
written both ways.

    python tools/train_punkt.py --data DIR --output alignscore_metric/text/punkt_english
"""

import argparse
import gzip
import json
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import nltk
from nltk.tokenize.punkt import PunktTrainer

from alignscore_metric.errors import InputError

LICENCES: Mapping[str, str] = {
    "squad": "CC BY-SA 4.0",
    "hotpot_qa": "CC BY-SA 4.0",
    "boolq": "CC BY-SA 3.0",
    "quoref": "CC BY 4.0",
    "gap": "Apache-2.0",
}
"""The default corpus, with the licence of each set: Wikipedia text, all of it openly licensed."""

KNOWN_ABBREVIATIONS = frozenset(
    """
    adm asst atty attys brig capt cmdr col cpl dr esq fr gen gens gov govs hon jr lt maj messrs mr
    mrs ms msgr ph.d pres prof rep reps rev sen sens sgt sr st supt
    assn assoc bros co corp dept est inc ltd univ
    a.k.a a.m al approx cf cit e.g eds encl etc excl i.e ibid incl nos p.m pp resp v viz vol vols vs
    chap chaps eqs figs paras regs sect sects tel
    lb lbs oz sq tbsp tsp yd yds pvt
    a.d b.c d.c e.u l.a u.k u.n u.s u.s.a
    jan feb apr aug sept oct nov dec mon tue tues thu thur thurs fri
    ave blvd ft mt rd
    ala ariz calif colo conn fla mich minn mont neb nev okla penn tenn tex va vt wis wyo
    """.split()  # noqa: SIM905 - a table of words reads better than as many literals
)
"""Without the final period, and without words that often end sentences (no, sun, sat, mass)."""

_LOWER_CASE = 1 << 4 | 1 << 5 | 1 << 6
"""Punkt's flags for a first letter in lower case: at a sentence's start, inside it, unknown."""


@dataclass(frozen=True)
class Pruning:
    """What a trained parameter must reach to be shipped.

    Attributes:
        context_count: Occurrences of a word, for its orthographic context.
        abbreviation_count: Occurrences with a final period, for a learned abbreviation.
        starter_lower_case: Share of its occurrences in lower case, for a sentence starter. Without
            it, names that documents are about (John, Louis) count as starters, and "St. Louis" is
            cut in two.
    """

    context_count: int = 5
    abbreviation_count: int = 3
    starter_lower_case: float = 0.1


@dataclass(frozen=True)
class Parameters:
    """Punkt parameters, in NLTK's terms; words are lower-case."""

    abbreviations: frozenset[str]
    sentence_starters: frozenset[str]
    collocations: frozenset[tuple[str, str]]
    contexts: Mapping[str, int]


class _Trainer(PunktTrainer):  # type: ignore[misc]
    """NLTK's trainer, made to keep the known abbreviations and to count contexts."""

    def __init__(self) -> None:
        super().__init__()
        self.context_counts: Counter[tuple[str, int]] = Counter()
        self._params.abbrev_types |= KNOWN_ABBREVIATIONS
        self._params.add_ortho_context = self._count_context

    def _count_context(self, word: str, flag: int) -> None:
        self.context_counts[word, flag] += 1
        self._params.ortho_context[word] |= flag

    def _reclassify_abbrev_types(self, types: Iterable[str]) -> Iterator[tuple[str, float, bool]]:
        verdicts = super()._reclassify_abbrev_types(types)
        return (verdict for verdict in verdicts if verdict[0] not in KNOWN_ABBREVIATIONS)


def train_parameters(documents: Sequence[str], pruning: Pruning | None = None) -> Parameters:
    """Train Punkt on documents and keep what is frequent enough to trust.

    Args:
        documents: Plain texts, each used once.
        pruning: What to keep; the shipped settings when None.

    Returns:
        The parameters; the known abbreviations are always among them.

    Example:
        >>> documents = ["She met xyz. Brown and then xyz. Green, who had come by train."] * 9
        >>> "xyz" in train_parameters(documents).abbreviations
        True
    """
    trainer = _Trainer()
    trainer.train("\n\n".join(documents))
    return _prune(trainer, pruning or Pruning())


def _prune(trainer: _Trainer, pruning: Pruning) -> Parameters:
    """Drop what a trainer learned from too few occurrences."""
    trained = trainer.get_params()
    seen: Counter[str] = Counter()
    lower: Counter[str] = Counter()
    for (word, flag), count in trainer.context_counts.items():
        seen[word] += count
        lower[word] += count if flag & _LOWER_CASE else 0
    return Parameters(
        abbreviations=KNOWN_ABBREVIATIONS
        | {
            word
            for word in trained.abbrev_types
            if trainer._type_fdist[word + "."] >= pruning.abbreviation_count
        },
        sentence_starters=frozenset(
            word
            for word in trained.sent_starters
            if lower[word] >= pruning.starter_lower_case * seen[word]
        ),
        collocations=frozenset(trained.collocations),
        contexts=_useful_contexts(trained.ortho_context, seen, pruning.context_count),
    )


def _useful_contexts(
    contexts: Mapping[str, int], seen: Mapping[str, int], at_least: int
) -> dict[str, int]:
    """Keep the contexts of frequent words that were ever seen in lower case.

    Punkt's orthographic heuristic treats a word never seen in lower case exactly like a word never
    seen at all.
    """
    return {
        word: flags
        for word, flags in contexts.items()
        if flags & _LOWER_CASE and seen[word] >= at_least
    }


def read_documents(data: Path, datasets: Sequence[str]) -> list[str]:
    """Read the unique source documents of alignment training data.

    Args:
        data: Folder of ``NAME.jsonl`` or ``NAME.jsonl.gz`` files.
        datasets: Which names, in order.

    Returns:
        Every distinct ``text_a``, in order of first appearance.

    Raises:
        InputError: A dataset has no file, or a line is not an object with a text in ``text_a``.
    """
    documents: dict[str, None] = {}
    for name in datasets:
        documents.update(dict.fromkeys(_read_sources(_find_file(data, name))))
    return list(documents)


def _find_file(data: Path, name: str) -> Path:
    """Find a dataset's file, compressed or not."""
    for file in (data / f"{name}.jsonl.gz", data / f"{name}.jsonl"):
        if file.is_file():
            return file
    message = f"no {name}.jsonl.gz or {name}.jsonl in {data}; name its folder with: --data FOLDER"
    raise InputError(message)


def _read_sources(file: Path) -> Iterator[str]:
    """Yield the field ``text_a`` of every line."""
    content = file.read_bytes()
    lines = (gzip.decompress(content) if file.suffix == ".gz" else content).splitlines()
    for number, line in enumerate(lines, start=1):
        try:
            text = json.loads(line)["text_a"]
        except (ValueError, KeyError, TypeError) as cause:
            message = (
                f"{file}, line {number}: no JSON object with text_a; repair or remove the line"
            )
            raise InputError(message) from cause
        if not isinstance(text, str):
            message = f"{file}, line {number}: text_a is not text; repair or remove the line"
            raise InputError(message)
        yield text


def write_parameters(folder: Path, parameters: Parameters) -> None:
    """Write parameters in NLTK's tab format, sorted: equal parameters give equal bytes.

    Args:
        folder: Where to; made if it does not exist, files in it are replaced.
        parameters: What to write.
    """
    contexts = ((word, str(flags)) for word, flags in parameters.contexts.items())
    rows: dict[str, Iterable[tuple[str, ...]]] = {
        "abbrev_types.txt": ((word,) for word in parameters.abbreviations),
        "sent_starters.txt": ((word,) for word in parameters.sentence_starters),
        "collocations.tab": parameters.collocations,
        "ortho_context.tab": contexts,
    }
    folder.mkdir(parents=True, exist_ok=True)
    for name, cells in rows.items():
        content = "\n".join("\t".join(row) for row in sorted(cells))
        (folder / name).write_text(content, encoding="utf-8", newline="\n")


def write_provenance(
    folder: Path, datasets: Sequence[str], documents: Sequence[str], pruning: Pruning
) -> None:
    """Write down, beside the parameters, what they were made from.

    Args:
        folder: Where the parameters are.
        datasets: The names trained on.
        documents: The documents trained on.
        pruning: The settings used.
    """
    record = {
        "algorithm": f"Punkt (Kiss and Strunk 2006), nltk {nltk.__version__}",
        "datasets": {name: LICENCES.get(name, "not recorded") for name in datasets},
        "documents": len(documents),
        "characters": sum(map(len, documents)),
        "pruning": asdict(pruning),
    }
    content = json.dumps(record, indent=2, ensure_ascii=False) + "\n"
    (folder / "provenance.json").write_text(content, encoding="utf-8", newline="\n")


def main(arguments: Sequence[str] | None = None) -> int:
    """Train the bundled parameters and write them.

    Args:
        arguments: The command line; the process's own when None.

    Returns:
        The exit status.
    """
    parser = argparse.ArgumentParser(description="Train the sentence splitter that is shipped.")
    parser.add_argument("--data", type=Path, required=True, help="folder of .jsonl(.gz) files")
    parser.add_argument("--output", type=Path, required=True, help="folder for the parameters")
    parser.add_argument("--datasets", nargs="+", default=list(LICENCES), metavar="NAME")
    options = parser.parse_args(arguments)
    try:
        documents = read_documents(options.data, options.datasets)
    except InputError as error:
        parser.error(str(error))
    pruning = Pruning()
    parameters = train_parameters(documents, pruning)
    write_parameters(options.output, parameters)
    write_provenance(options.output, options.datasets, documents, pruning)
    counts = ", ".join(f"{len(value)} {name}" for name, value in vars(parameters).items())
    print(f"{len(documents)} documents -> {counts} in {options.output}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
