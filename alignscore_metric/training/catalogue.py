"""ALIGN's training datasets by name: where each is published, and which cast its rows take.

Data and a loader. What the sets are, their sizes and licences stand on the cards of
`data_cards/training`, under the same names. Knows nothing of models or recipes.

The Hub's repositories and columns are those of its pages, and were not tried on the Hub itself:
where a note says that something is not certain, `folder` is the safe way.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from importlib import import_module
from itertools import islice
from pathlib import Path
from typing import Any, Protocol

from alignscore_metric.errors import ConfigurationError, InputError, MissingResourceError
from alignscore_metric.training.casts import (
    DOCUMENT_FAMILIES,
    CastRow,
    answers_of,
    cast,
    summarised_document,
)
from alignscore_metric.training.data import AlignmentExample

CAP = 500_000
"""Examples that ALIGN takes of each file: the first ones."""
BATCH = 1_000
PARQUET = "refs/convert/parquet"
"""The branch where the Hub keeps parquet files of repositories that hold a script."""
FileLayout = dict[str, str | tuple[str, ...]]
"""A dataset's columns by the names that its cast uses."""


@dataclass(frozen=True)
class Part:
    """One table of a dataset.

    Attributes:
        hub: Repository on the Hub, or `csv` for a single file elsewhere; empty where the table
            has to be in a folder.
        config: Configuration there; also the sub-folder that is looked for in a folder.
        split: Split there.
        revision: Branch there; None for the main one.
        file: Address of the single file.
    """

    hub: str
    config: str | None = None
    split: str = "train"
    revision: str | None = None
    file: str | None = None


@dataclass(frozen=True)
class Entry:
    """A dataset.

    Attributes:
        name: Its name, as on its card.
        family: Which cast its rows take; see `training.casts`.
        parts: Its tables. ALIGN reads each as a file of its own.
        layouts: The columns in each of the forms that it is published in; the first that fits is
            taken. The cast's own names where empty.
        cap: Examples taken of each part, as in ALIGN's code.
        words: For pairs made from documents: words of the passages, shortest and longest.
        note: What is not certain or differs from ALIGN.
    """

    name: str
    family: str
    parts: tuple[Part, ...]
    layouts: tuple[FileLayout, ...] = ({},)
    cap: int = CAP
    words: tuple[int, int] = (40, 350)
    note: str = ""


_PAIR: FileLayout = {"text_a": "premise", "text_b": "hypothesis", "label": "label"}
_SENTENCES: FileLayout = {"text_a": "sentence1", "text_b": "sentence2", "label": "label"}
_SQUAD: FileLayout = {"context": "context", "question": "question", "answers": "answers"}
_HOTPOT: FileLayout = {
    "context": "context",
    "supporting_facts": "supporting_facts",
    "question": "question",
    "answer": "answer",
}

ENTRIES: tuple[Entry, ...] = (
    Entry("snli", "nli", (Part("stanfordnlp/snli", "plain_text"),), (_PAIR,)),
    Entry("mnli", "nli", (Part("nyu-mll/glue", "mnli"),), (_PAIR,)),
    Entry(
        "anli",
        "nli",
        tuple(Part("facebook/anli", "plain_text", f"train_r{number}") for number in (1, 2, 3)),
        (_PAIR,),
    ),
    Entry(
        "doc_nli",
        "document_nli",
        (Part("saattrupdan/doc-nli"),),
        (_PAIR,),
        note="a copy of the authors' JSON files",
    ),
    Entry(
        "fever_nli",
        "fact_verification",
        (Part("pietrolesci/nli_fever"),),
        (
            {"text_a": "context", "text_b": "query", "label": "label"},
            # In the Hub's copy the claim is called premise and the evidence hypothesis.
            {"text_a": "hypothesis", "text_b": "premise", "label": "label"},
        ),
    ),
    Entry(
        "vitaminc",
        "fact_verification",
        (Part("tals/vitaminc"),),
        ({"text_a": "evidence", "text_b": "claim", "label": "label"},),
    ),
    Entry(
        "qqp",
        "paraphrase",
        (Part("nyu-mll/glue", "qqp"),),
        ({"text_a": "question1", "text_b": "question2", "label": "label"},),
    ),
    Entry(
        "paws",
        "paraphrase",
        (
            Part("google-research-datasets/paws", "labeled_final"),
            Part("google-research-datasets/paws", "unlabeled_final"),
            Part("", "paws_qqp"),
        ),
        (_SENTENCES,),
        note="PAWS-QQP is not published: its authors' script makes it from QQP's own file; it is "
        "read from the sub-folder paws_qqp where there is one",
    ),
    Entry(
        "wikitext103",
        "rewriting",
        (Part("Salesforce/wikitext", "wikitext-103-raw-v1"),),
        ({"text": "text"},),
        words=(10, 120),
        note="pairs by rules where ALIGN has back-translations and infillings",
    ),
    Entry(
        "sick",
        "similarity",
        (Part("RobZamp/sick", revision=PARQUET),),
        ({"text_a": "sentence_A", "text_b": "sentence_B", "label": "relatedness_score"},),
    ),
    Entry(
        "stsb",
        "similarity",
        (Part("nyu-mll/glue", "stsb"),),
        (_SENTENCES, _SENTENCES | {"label": "score"}),
    ),
    Entry("squad_v2", "unanswerable_qa", (Part("rajpurkar/squad_v2", "squad_v2"),), (_SQUAD,)),
    Entry(
        "race",
        "multiple_choice",
        (Part("ehovy/race", "all"),),
        (
            {
                "context": "article",
                "question": "question",
                "options": "options",
                "answer": "answer",
            },
        ),
    ),
    Entry(
        "msmarco",
        "retrieval",
        (Part("microsoft/ms_marco", "v2.1"),),
        ({"query": "query", "passages": "passages"},),
    ),
    Entry(
        "wikihow",
        "summarization",
        (Part("gursi26/wikihow-cleaned"),),
        ({"text": "text", "summary": "summary"}, {"text": "text", "summary": "headline"}),
        note="pairs by rules where ALIGN has infillings; the Hub's copy is a third party's "
        "cleaned one without the authors' split, so it holds their test articles too",
    ),
    Entry(
        "adversarial_qa",
        "extractive_qa",
        (Part("UCLNLP/adversarial_qa", "adversarialQA"),),
        (_SQUAD,),
    ),
    Entry(
        "boolq",
        "yes_no_qa",
        (Part("google/boolq"),),
        (
            {"context": "passage", "question": "question", "answer": "answer"},
            {"context": "passage", "question": "question", "answer": "label"},
        ),
    ),
    Entry(
        "drop",
        "extractive_qa",
        (Part("ucinlp/drop"),),
        ({"context": "passage", "question": "question", "answers": "answers_spans"},),
    ),
    Entry(
        "multirc",
        "judged_answer",
        (Part("CogComp/eraser_multi_rc", revision=PARQUET),),
        (
            {"context": "passage", "query_and_answer": "query_and_answer", "label": "label"},
            {
                "context": "paragraph",
                "question": "question",
                "answer": "answer",
                "label": "label",
            },
        ),
        note="SuperGLUE's form (aps/super_glue, multirc) is read too",
    ),
    Entry("hotpot_qa", "multi_hop_qa", (Part("hotpotqa/hotpot_qa", "distractor"),), (_HOTPOT,)),
    Entry(
        "hotpot_qa_fullwiki",
        "multi_hop_qa",
        (Part("hotpotqa/hotpot_qa", "fullwiki"),),
        (_HOTPOT,),
        note="its training rows are those of hotpot_qa",
    ),
    Entry(
        "newsqa",
        "news_qa",
        (Part("lucadiliello/newsqa"),),
        (
            {"text": "text", "type": "type", "questions": "questions"},
            _SQUAD,
        ),
        note="the Hub's copy is MRQA's version: answerable questions alone. The authors' file is "
        "not for sharing; save the list `data` of their combined JSON as JSON-lines",
    ),
    Entry(
        "quail",
        "multiple_choice",
        (Part("textmachinelab/quail", "quail"),),
        (
            {
                "context": "context",
                "question": "question",
                "options": "answers",
                "answer": "correct_answer_id",
            },
        ),
    ),
    Entry("quoref", "extractive_qa", (Part("allenai/quoref", revision=PARQUET),), (_SQUAD,)),
    Entry(
        "ropes",
        "extractive_qa",
        (Part("allenai/ropes", "plain_text"),),
        (_SQUAD | {"context": ("situation", "background")},),
    ),
    Entry(
        "sciq",
        "multiple_choice",
        (Part("allenai/sciq"),),
        (
            {
                "context": "support",
                "question": "question",
                "wrong": ("distractor1", "distractor2", "distractor3"),
                "right": "correct_answer",
            },
        ),
        note="questions without a supporting text are left out; ALIGN keeps them",
    ),
    Entry(
        "strategy_qa",
        "yes_no_qa",
        (Part("tasksource/strategy-qa"),),
        ({"facts": "facts", "question": "question", "answer": "answer"},),
    ),
    Entry(
        "gap",
        "coreference",
        (
            Part(
                "csv",
                file="https://raw.githubusercontent.com/google-research-datasets/gap-coreference/"
                "master/gap-development.tsv",
            ),
        ),
        (
            {
                name: name
                for name in ("Text", "Pronoun", "Pronoun-offset", "A", "A-coref", "B", "B-coref")
            },
        ),
        note="the authors' file: in the Hub's copy both names are always right (its script reads "
        "FALSE as true)",
    ),
)

ALIGN_28: tuple[str, ...] = tuple(entry.name for entry in ENTRIES)
"""The sets that ALIGN trains on; AlignScore (Zha et al. 2023) trains on the first 15."""
_BY_NAME = {entry.name: entry for entry in ENTRIES}


def entry_of(name: str) -> Entry:
    """The entry of a dataset.

    Raises:
        ConfigurationError: There is none of this name.

    Example:
        >>> entry_of("anli").parts[2].split
        'train_r3'
    """
    if name not in _BY_NAME:
        near = get_close_matches(name, _BY_NAME, n=1)
        hint = f"do you mean {near[0]!r}?" if near else f"known: {', '.join(_BY_NAME)}"
        raise ConfigurationError(f"no training dataset {name!r}; {hint}")
    return _BY_NAME[name]


def load_examples(
    name: str,
    *,
    folder: Path | None = None,
    parts: tuple[Part, ...] | None = None,
    limit: int | None = None,
    rng: random.Random,
) -> list[AlignmentExample]:
    """Read a training dataset and cast it into alignment examples.

    Args:
        name: A name of `ALIGN_28`.
        folder: Where the dataset is: a folder that `save_to_disk` of `datasets` wrote, or one of
            parquet, JSON, JSON-lines, CSV or TSV files (one split alone, or splits told by file
            names; a set of several configurations in sub-folders of their names). None reads it
            from the Hub or its cache.
        parts: Tables to read instead of those to train on, as its validation split.
        limit: Examples to give at most, of rows drawn at random from the whole set; None gives
            the first 500,000 of each part in the order of the files, as ALIGN's code does.
        rng: Draws the rows, and what casts draw.

    Returns:
        The examples.

    Raises:
        ConfigurationError: No dataset of this name, or a limit below 0.
        InputError: The folder holds no such dataset, or a row is not as it should be.
        MissingResourceError: The dataset cannot be had from the Hub; says what to type where it
            can.
    """
    entry = entry_of(name)
    entry = replace(entry, parts=parts or entry.parts)
    if limit is not None and limit < 0:
        raise ConfigurationError(f"limit is {limit}; give a number of examples, or None for all")
    tables = _folder_tables(entry, folder) if folder is not None else _hub_tables(entry)
    if entry.family in DOCUMENT_FAMILIES:
        made = _from_documents(entry, tables, limit, rng)
    elif limit is None:
        made = [
            example
            for table in tables
            for example in islice(_cast(entry, table.rows(), rng), entry.cap)
        ]
    else:
        made = list(islice(_cast(entry, _drawn(tables, rng), rng), limit))
    if not made and limit != 0:
        raise InputError(f"{name}: none of its rows makes an example")
    return made


def _cast(entry: Entry, rows: Iterable[CastRow], rng: random.Random) -> Iterator[AlignmentExample]:
    for row in rows:
        yield from cast(entry.family, row, rng)


def _from_documents(
    entry: Entry, tables: Sequence[TableFiles], limit: int | None, rng: random.Random
) -> list[AlignmentExample]:
    """Pairs that `training.synthetic` makes: two of a document, one where there is a summary.

    ALIGN has two pairs of each sentence of WikiText, of which it reads the first 500,000, and one
    pair of each article of WikiHow.
    """
    from alignscore_metric.training.synthetic import synthesise

    most = entry.cap if limit is None else limit
    rows = _drawn(tables, rng) if limit is not None else (r for t in tables for r in t.rows())
    documents = list(islice((pair for pair in map(summarised_document, rows) if pair[0]), most))
    each = 1 if any(summary for _, summary in documents) else 2
    return synthesise(
        [text for text, _ in documents],
        summaries=[summary or None for _, summary in documents],
        name=entry.name,
        pairs=min(most, each * len(documents)),
        words=entry.words,
        rng=rng,
    )


# ------------------------------------------------------------------------------------------- tables


class Data(Protocol):
    """What is used of a `datasets.Dataset`."""

    column_names: list[str]

    def __len__(self) -> int:
        """Number of rows."""

    def __getitem__(self, places: Sequence[int]) -> dict[str, list[Any]]:
        """Some rows, by column."""

    def select_columns(self, column_names: list[str]) -> Data:
        """The same rows with these columns alone."""


@dataclass(frozen=True)
class TableFiles:
    """Rows of one part of a dataset.

    Attributes:
        dataset: The dataset's name.
        data: The rows.
        layout: What its columns are.
        answers: Of extractive questions: the right answers to all questions on a text.
    """

    dataset: str
    data: Data
    layout: FileLayout
    answers: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def rows(self, order: Sequence[int] | None = None) -> Iterator[CastRow]:
        """The rows, all of them in order or those of some places (from 0)."""
        places = range(len(self.data)) if order is None else order
        for start in range(0, len(places), BATCH):
            batch = places[start : start + BATCH]
            columns: dict[str, list[Any]] = self.data[batch]
            for i, place in enumerate(batch):
                values = {column: found[i] for column, found in columns.items()}
                row = CastRow(self.dataset, place + 1, values, self.layout)
                if self.answers:
                    values["other_answers"] = list(self.answers[row.text("context")])
                yield row


def _drawn(tables: Sequence[TableFiles], rng: random.Random) -> Iterator[CastRow]:
    """All rows of some tables in random order."""
    places = [(t, place) for t, table in enumerate(tables) for place in range(len(table.data))]
    rng.shuffle(places)
    for start in range(0, len(places), BATCH):
        batch = places[start : start + BATCH]
        for t, table in enumerate(tables):
            yield from table.rows([place for owner, place in batch if owner == t])


def _table(entry: Entry, data: Data, where: str) -> TableFiles:
    """A table that has the columns of one of the layouts."""
    present = set(data.column_names)
    wanted = [_columns(layout) for layout in entry.layouts]
    for layout, columns in zip(entry.layouts, wanted, strict=True):
        if present >= set(columns):
            table = TableFiles(entry.name, data.select_columns(columns), layout)
            return replace(table, answers=_answers(table)) if "answers" in layout else table
    missing = " or ".join(", ".join(sorted(set(columns) - present)) for columns in wanted)
    raise InputError(
        f"{entry.name}: {where} lacks the column(s) {missing}; its columns: "
        f"{', '.join(data.column_names)}"
    )


def _answers(table: TableFiles) -> dict[str, tuple[str, ...]]:
    """The first answers to the questions on each text."""
    found: dict[str, dict[str, None]] = {}
    for row in table.rows():
        answers = found.setdefault(row.text("context"), {})
        answers.update(dict.fromkeys(answers_of(row)[:1]))
    return {context: tuple(answers) for context, answers in found.items()}


def _columns(layout: FileLayout) -> list[str]:
    found = [(value,) if isinstance(value, str) else value for value in layout.values()]
    return list(dict.fromkeys(column for columns in found for column in columns))


def _folder_tables(entry: Entry, folder: Path) -> list[TableFiles]:
    """The tables of a folder: one for each part that it tells apart."""
    if not folder.is_dir():
        raise InputError(f"{entry.name}: no folder {folder}; give the one that holds the dataset")
    inner = [part for part in entry.parts if part.config and (folder / part.config).is_dir()]
    if inner:
        return [_folder_table(entry, folder / str(part.config), (part,))[0] for part in inner]
    return _folder_table(entry, folder, entry.parts)


def _folder_table(entry: Entry, folder: Path, parts: Sequence[Part]) -> list[TableFiles]:
    named = [folder / Path(part.file).name for part in parts if part.file]
    files = [file for file in named if file.is_file()]
    splits = _open_file(entry, files[0]) if files else _open_folder(entry, folder)
    chosen = [part.split for part in parts if part.split in splits]
    if not chosen and len(splits) > 1:
        raise InputError(
            f"{entry.name}: {folder} has the splits {', '.join(splits)}, not "
            f"{', '.join(part.split for part in parts)}; leave the one to train on there alone"
        )
    names = list(dict.fromkeys(chosen)) or list(splits)
    return [_table(entry, splits[name], f"{folder} ({name})") for name in names]


def _open_folder(entry: Entry, folder: Path) -> Mapping[str, Data]:
    """The splits of a folder, by name."""
    library = _library()
    saved = any((folder / name).is_file() for name in ("state.json", "dataset_dict.json"))
    try:
        found = library.load_from_disk(str(folder)) if saved else library.load_dataset(str(folder))
    except Exception as cause:  # the library's own errors, pyarrow's, pandas' and the system's
        raise InputError(f"{entry.name}: cannot read a dataset from {folder}: {cause}") from cause
    return {"all": found} if isinstance(found, library.Dataset) else found


def _open_file(entry: Entry, file: Path) -> Mapping[str, Data]:
    try:
        found = _library().load_dataset("csv", data_files=str(file), sep=_separator(file.name))
    except Exception as cause:  # as in _open_folder
        raise InputError(f"{entry.name}: cannot read {file}: {cause}") from cause
    splits: Mapping[str, Data] = found
    return splits


def _separator(file: str) -> str:
    return "\t" if file.endswith(".tsv") else ","


def _hub_tables(entry: Entry) -> list[TableFiles]:
    return [
        _table(entry, _from_hub(entry, part), f"{part.hub} ({part.split})")
        for part in entry.parts
        if part.hub
    ]


def _from_hub(entry: Entry, part: Part) -> Data:
    options: dict[str, Any] = {"split": part.split}
    if part.file is not None:
        options |= {"data_files": part.file, "sep": _separator(part.file)}
    if part.revision is not None:
        options["revision"] = part.revision
    names = [part.hub] if part.config is None else [part.hub, part.config]
    try:
        found: Data = _library().load_dataset(*names, **options)
    except Exception as cause:  # the library's own errors, the Hub's client's and the network's
        note = f" Note: {entry.note}." if entry.note else ""
        raise MissingResourceError(
            f"{entry.name}: cannot get {part.file or part.hub}: {cause}. Where the network reaches "
            f"it, type: {_command(entry, part, names, options)}; then give the folder "
            f"{entry.name}.{note}"
        ) from cause
    return found


def _command(entry: Entry, part: Part, names: Sequence[str], options: Mapping[str, Any]) -> str:
    """What to type to get a part into a folder of the dataset's name."""
    beside = [other for other in entry.parts if other.hub == part.hub and other != part]
    splits = any(other.config == part.config for other in beside)
    given = {key: value for key, value in options.items() if key != "split" or not splits}
    call = ", ".join([*map(repr, names), *(f"{key}={value!r}" for key, value in given.items())])
    folder = f"{entry.name}/{part.config}" if beside and not splits else entry.name
    return (
        f'python -c "from datasets import load_dataset; load_dataset({call})'
        f".save_to_disk('{folder}')\""
    )


def _library() -> Any:  # noqa: ANN401  # a module
    try:
        return import_module("datasets")
    except ImportError as cause:
        raise MissingResourceError(
            "reading datasets needs: pip install 'alignscore-metric[train]'"
        ) from cause
