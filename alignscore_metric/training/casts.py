"""Rows of ALIGN's training tasks as alignment examples: one pure function per family of tasks.

A row comes as its publishers lay it out; what is aligned with what, under which label, is as in
ALIGN (Zha et al. 2023, "Text Alignment Is An Efficient Unified Model for Massive NLP Tasks") and
its code. Where that needs neural models, a rule stands in and the docstring says so. Owns these
rules; knows nothing of where datasets come from.
"""

from __future__ import annotations

import ast
import functools
import random
import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NoReturn

from alignscore_metric.checkpoint.profile import Head
from alignscore_metric.errors import InputError
from alignscore_metric.text.claims import claim_of
from alignscore_metric.training.answer_words import MONTH, PASTS, SMALL_WORDS, WEEKDAY
from alignscore_metric.training.data import AlignmentExample

TRI_LABELS: dict[object, int] = {0: 0, 1: 1, 2: 2, -1: 1, "e": 0, "n": 1, "c": 2, "-": 1} | {
    "entailment": 0,
    "neutral": 1,
    "contradiction": 2,
}
"""Labels of inference sets. -1 (SNLI: no agreed label) counts as neutral, as in ALIGN's code."""
FACT_LABELS: dict[object, int] = {0: 0, 1: 1, 2: 2, -1: 1} | {
    "SUPPORTS": 0,
    "NOT ENOUGH INFO": 1,
    "NOT_ENOUGH_INFO": 1,
    "REFUTES": 2,
}
BIN_LABELS: dict[object, int] = {0: 0, 1: 1, "0": 0, "1": 1}
DOCUMENT_LABELS: dict[object, int] = {"entailment": 1, "not_entailment": 0}
TRUTHS: dict[object, int] = {0: 0, 1: 1} | {
    word: value
    for value, words in enumerate((("false", "no", "0"), ("true", "yes", "1")))
    for low in words
    for word in (low, low.capitalize(), low.upper())
}
BAD_QUESTION_SHARE = 0.2
"""NewsQA: questions that more of the annotators than this called bad are left out."""
FEWEST_PARAGRAPHS = 4
"""HotpotQA: a context of fewer gold paragraphs gets one that is not."""
SELF_PAIR_SHARE = SWAP_SHARE = 0.05
PARAPHRASE_SETS = frozenset({"mrpc", "paws", "qqp"})
"""Names of the sets that `augment` takes for paraphrases. The pairs made here of WikiText-103 are
passages with claims: swapped, a claim would support its passage."""


@dataclass(frozen=True)
class CastRow:
    """One row of a dataset.

    Attributes:
        dataset: The dataset's name.
        number: Its place in the file, from 1; for errors.
        values: The row.
        columns: The row's columns by the names that the casts use; several columns of texts are
            joined by a blank. What is not named here has the same name in both.
    """

    dataset: str
    number: int
    values: Mapping[str, Any]
    columns: Mapping[str, str | tuple[str, ...]] = field(default_factory=dict)

    def has(self, name: str) -> bool:
        """Whether the row has a value of this name."""
        return all(column in self.values for column in self._columns(name))

    def value(self, name: str) -> Any:  # noqa: ANN401  # whatever a dataset holds
        """A value as it is.

        Raises:
            InputError: There is none.
        """
        (column,) = self._columns(name)
        return self._read(column)

    def text(self, name: str) -> str:
        """A text without blanks around it, empty where it is missing.

        Raises:
            InputError: It is no text, or there is no such column.
        """
        return " ".join(filter(None, map(self._read_text, self._columns(name))))

    def texts(self, name: str) -> list[str]:
        """The texts of several columns, or of one that holds a list or `{"text": [...]}`.

        Raises:
            InputError: It holds something else.
        """
        if len(self._columns(name)) > 1:
            return list(map(self._read_text, self._columns(name)))
        value = self.value(name)
        if isinstance(value, Mapping):
            value = value.get("text", value.get("spans"))
        value = [value] if isinstance(value, str) else value
        if not isinstance(value, list) or not all(isinstance(text, str) for text in value):
            self.fail(f"{self._columns(name)[0]} must hold texts, not {self.value(name)!r}")
        return [text.strip() for text in value]

    def label(self, known: Mapping[object, int], name: str = "label") -> int:
        """A label by a table of the known ones.

        Raises:
            InputError: It is none of them.
        """
        value = self.value(name)
        number = int(value) if isinstance(value, bool | float) and value == int(value) else value
        if not isinstance(number, str | int) or number not in known:
            choices = ", ".join(repr(label) for label in known)
            self.fail(f"{self._columns(name)[0]} is {value!r}; known: {choices}")
        return known[number]

    def records(self, name: str, keys: Sequence[str]) -> list[Mapping[str, Any]]:
        """A column of records, be it a list of mappings or a mapping of lists.

        Raises:
            InputError: It is neither, or one of the keys is missing.
        """
        value = self.value(name)
        try:
            if isinstance(value, Mapping):
                rows = zip(*value.values(), strict=True)
                value = [dict(zip(value, row, strict=True)) for row in rows]
            if all(key in record for record in value for key in keys):
                return list(value)
        except (TypeError, ValueError):
            pass
        column = self._columns(name)[0]
        self.fail(f"{column} must hold records of {', '.join(keys)}, not {self.value(name)!r}")

    def fail(self, problem: str) -> NoReturn:
        """Raise an error that names the row."""
        raise InputError(f"{self.dataset}, row {self.number}: {problem}")

    def _read(self, column: str) -> Any:  # noqa: ANN401  # as `value`
        if column not in self.values:
            self.fail(f"no column {column!r}; its columns: {', '.join(map(str, self.values))}")
        return self.values[column]

    def _read_text(self, column: str) -> str:
        value = self._read(column)
        if value is not None and not isinstance(value, str):
            self.fail(f"{column} must be a text, not {value!r}")
        return (value or "").strip()

    def _columns(self, name: str) -> tuple[str, ...]:
        found = self.columns.get(name, name)
        return (found,) if isinstance(found, str) else found


def _example(
    row: CastRow, text_a: str, text_b: str, label: float, *, head: Head = "bin", kind: str = ""
) -> AlignmentExample:
    return AlignmentExample(row.dataset, text_a, text_b, head, label, kind)


# ----------------------------------------------------------------------------------- pairs of texts


def nli(row: CastRow) -> list[AlignmentExample]:
    """Natural language inference: `text_a`, `text_b`, `label` (see `TRI_LABELS`).

    Returns:
        One 3-way example.

    Raises:
        InputError: An unknown label, a missing column or something that is no text.

    Example:
        >>> row = CastRow("snli", 1, {"text_a": "A dog runs.", "text_b": "It moves.", "label": 0})
        >>> [(e.text_a, e.text_b, e.head, e.label) for e in nli(row)]
        [('A dog runs.', 'It moves.', 'tri', 0)]
    """
    return _pair(row, row.label(TRI_LABELS), "tri")


def fact_verification(row: CastRow) -> list[AlignmentExample]:
    """Fact verification: `text_a` (evidence), `text_b` (claim), `label` (see `FACT_LABELS`).

    Returns:
        One 3-way example.

    Raises:
        InputError: As `nli`.
    """
    return _pair(row, row.label(FACT_LABELS), "tri")


def document_nli(row: CastRow) -> list[AlignmentExample]:
    """DocNLI: `text_a`, `text_b`, `label` (`entailment` is 1, `not_entailment` 0).

    Returns:
        One binary example.

    Raises:
        InputError: As `nli`.
    """
    return _pair(row, row.label(DOCUMENT_LABELS), "bin")


def paraphrase(row: CastRow) -> list[AlignmentExample]:
    r"""Paraphrases: `text_a`, `text_b`, `label` (1 the same, 0 not).

    Texts that are written as Python bytes (PAWS-QQP's script writes `b'...'`) are decoded.

    Returns:
        One binary example.

    Raises:
        InputError: As `nli`.

    Example:
        >>> values = {"text_a": "b'Caf\\xc3\\xa9?'", "text_b": "b'Why?'", "label": 0}
        >>> paraphrase(CastRow("paws", 1, values))[0].text_a
        'Café?'
    """
    (example,) = _pair(row, row.label(BIN_LABELS), "bin")
    return [replace(example, text_a=_decoded(example.text_a), text_b=_decoded(example.text_b))]


def _decoded(text: str) -> str:
    if not re.fullmatch(r"b(['\"]).*\1", text, re.DOTALL):
        return text
    try:
        value = ast.literal_eval(text)
    except (SyntaxError, ValueError):
        return text[2:-1]
    return value.decode("utf-8", errors="replace") if isinstance(value, bytes) else text


def similarity(row: CastRow) -> list[AlignmentExample]:
    """Semantic similarity: `text_a`, `text_b`, `label` from 0 to 5.

    Returns:
        One regression example; its label is the given one divided by 5 (SICK's ratings begin at
        1, so theirs at 0.2).

    Raises:
        InputError: The label is no number from 0 to 5, and as `nli`.
    """
    value = row.value("label")
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if not number or not 0 <= value <= 5:
        row.fail(f"the rating is {value!r}; it must be a number from 0 to 5")
    return _pair(row, float(value) / 5, "reg")


def _pair(row: CastRow, label: float, head: Head) -> list[AlignmentExample]:
    return [_example(row, row.text("text_a"), row.text("text_b"), label, head=head)]


# --------------------------------------------------------------------------------- answers in texts


@dataclass(frozen=True)
class Question:
    """A question on a text.

    Attributes:
        context: The text.
        question: The question.
        answers: Its right answers; none where the text does not answer it.
        others: Right answers to other questions on the same text.
    """

    context: str
    question: str
    answers: tuple[str, ...]
    others: tuple[str, ...] = ()


def question_pairs(
    dataset: str,
    asked: Question,
    rng: random.Random,
    *,
    paired: bool = True,
) -> list[AlignmentExample]:
    """The claims that a question makes.

    The first answer makes the supported claim. ALIGN's unsupported ones are answers of a T5 model
    to the text without the right ones; here they are `wrong_answer`: another part of the text, of
    the same kind.

    Args:
        dataset: Name of the dataset.
        asked: The question. One without answers has an unsupported claim alone.
        rng: Draws the wrong answer.
        paired: Make an unsupported claim of every question (ALIGN: all sets but SQuAD v2), not
            only of those without answers.

    Returns:
        Up to two binary examples; a wrong answer's `kind` tells what it is. There is no wrong
        answer where the text has no fit span.
    """
    made = []
    if asked.answers:
        claim = claim_of(asked.question, asked.answers[0])
        made.append(AlignmentExample(dataset, asked.context, claim, "bin", 1))
    wrong = wrong_answer(asked, rng) if paired or not asked.answers else None
    if wrong is not None:
        claim = claim_of(asked.question, wrong.text)
        kind = f"answer:{wrong.kind}"
        made.append(AlignmentExample(dataset, asked.context, claim, "bin", 0, kind))
    return made


def extractive_qa(
    row: CastRow, rng: random.Random, *, paired: bool = True
) -> list[AlignmentExample]:
    """Questions whose answers stand in a text: `context`, `question`, `answers`.

    Args:
        row: The row; its answers are a list, `{"text": [...]}` (SQuAD's form) or
            `{"spans": [...]}` (DROP's). It may have `other_answers`: see `Question`.
        rng: As in `question_pairs`, like the options.
        paired: As there.

    Returns:
        See `question_pairs`.

    Raises:
        InputError: As `nli`.
    """
    others = tuple(row.texts("other_answers")) if row.has("other_answers") else ()
    asked = Question(row.text("context"), row.text("question"), answers_of(row), others)
    return question_pairs(row.dataset, asked, rng, paired=paired)


def answers_of(row: CastRow) -> tuple[str, ...]:
    """The right answers of an extractive question.

    Raises:
        InputError: As `nli`.
    """
    return tuple(answer for answer in row.texts("answers") if answer)


def multi_hop_qa(row: CastRow, rng: random.Random) -> list[AlignmentExample]:
    """HotpotQA: `context` (title, sentences), `supporting_facts` (title), `question`, `answer`.

    The context is made of the gold paragraphs and, where they are fewer than four, of one other,
    in random order. The wrong answer to a question of yes or no is the other of the two.

    Args:
        row: The row.
        rng: Draws the other paragraph, the order, the wrong answer.

    Returns:
        See `question_pairs`.

    Raises:
        InputError: As `nli`.
    """
    gold = {record["title"] for record in row.records("supporting_facts", ["title"])}
    paragraphs: dict[bool, list[str]] = {True: [], False: []}
    for record in row.records("context", ["title", "sentences"]):
        paragraphs[record["title"] in gold].append("".join(record["sentences"]).strip())
    shown = paragraphs[True]
    if paragraphs[False] and len(shown) < FEWEST_PARAGRAPHS:
        shown.append(rng.choice(paragraphs[False]))
    rng.shuffle(shown)
    answer = row.text("answer")
    asked = Question("\n".join(shown), row.text("question"), (answer,) if answer else ())
    return question_pairs(row.dataset, asked, rng)


def story_qa(row: CastRow, rng: random.Random) -> list[AlignmentExample]:
    """NewsQA as its authors' script writes it, a story a row: `text`, `type`, `questions`.

    Stories of other types than `train` are passed over, and so are questions that annotators
    agreed to call bad or that more than a fifth of them called so (ALIGN's rule). The answer is
    the consensus; a question without one is unanswerable.

    Args:
        row: The row.
        rng: Draws the wrong answers.

    Returns:
        See `question_pairs`, for each question.

    Raises:
        InputError: As `nli`.
    """
    text = row.value("text")
    if row.text("type") != "train" or not isinstance(text, str):
        return []
    records = row.records("questions", ["q", "consensus"])
    questions = [q for q in (_story_question(text, record) for record in records) if q is not None]
    others = tuple(q.answers[0] for q in questions if q.answers)
    return [
        example
        for asked in questions
        for example in question_pairs(row.dataset, replace(asked, others=others), rng)
    ]


def _story_question(text: str, record: Mapping[str, Any]) -> Question | None:
    """A question of a story, or None where it is a bad one."""
    consensus = record["consensus"] or {}
    if consensus.get("badQuestion") or (record.get("isQuestionBad") or 0) > BAD_QUESTION_SHARE:
        return None
    start, end = consensus.get("s"), consensus.get("e")
    answer = "" if start is None or end is None else text[int(start) : int(end)].strip()
    return Question(text.strip(), str(record["q"]).strip(), (answer,) if answer else ())


def yes_no_qa(row: CastRow) -> list[AlignmentExample]:
    """Questions of yes or no: `context` (or `facts`, a list), `question`, `answer`.

    Args:
        row: The row.

    Returns:
        A binary example with the right answer and one with the other.

    Raises:
        InputError: As `nli`.

    Example:
        >>> values = {"context": "Cats purr.", "question": "do cats purr", "answer": True}
        >>> [(e.text_b, e.label) for e in yes_no_qa(CastRow("boolq", 1, values))]
        [('do cats purr? Yes.', 1), ('do cats purr? No.', 0)]
    """
    context = " ".join(row.texts("facts")) if row.has("facts") else row.text("context")
    question = row.text("question")
    asked = question if question.endswith("?") else f"{question}?"
    right = "Yes." if row.label(TRUTHS, "answer") else "No."
    return [
        _example(row, context, claim_of(asked, said), label)
        for said, label in ((right, 1), ({"Yes.": "No.", "No.": "Yes."}[right], 0))
    ]


# ------------------------------------------------------------------------------------ wrong answers


@dataclass(frozen=True)
class Span:
    """A part of a text that could answer a question.

    Attributes:
        text: The part.
        kind: `date`, `number`, `name` or `phrase`.
        sentence: The sentence that it stands in.
        key: The part, `normalised`.
    """

    text: str
    kind: str
    sentence: str
    key: str


_DATE = re.compile(
    rf"\b(?:\d{{1,2}} {MONTH}(?:,? \d{{4}})?|{MONTH} \d{{1,2}}(?:st|nd|rd|th)?\b(?:, \d{{4}})?"
    rf"|{MONTH},? \d{{4}}|{MONTH}(?<!May)(?<!March)\b|{WEEKDAY}\b"
    rf"|\d{{1,2}}(?:st|nd|rd|th) century\b"
    rf"|(?:early |late |mid-)?(?:1\d{{3}}|20\d{{2}})(?:s|\u2013\d{{2,4}})?\b(?![,.]\d))"
)
_NUMBER_WORDS = tuple(
    """
    zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen
    sixteen seventeen eighteen nineteen twenty thirty forty fifty sixty seventy eighty ninety
    """.split()  # noqa: SIM905 - a table of words
)
_NUMBER = re.compile(
    rf"(?<![\w.,-])(?:[$\u00a3\u20ac]\s?)?(?:\d[\d,]*(?:\.\d+)?|\b(?:{'|'.join(_NUMBER_WORDS)}))\b"
    r"(?:\s?%|\s(?:percent|per cent|million|billion|thousand|hundred))*",
    re.IGNORECASE,
)
_CAPITALISED = r"[A-Z](?:\.(?=\s[A-Z])|[\w\u2019'&-]*)"
_NAME = re.compile(rf"\b{_CAPITALISED}(?:(?:\s(?:of|of the|de|van|von|the|&))?\s{_CAPITALISED})*")
_PHRASE = re.compile(
    r"\b(?:the|an?|his|her|its|their|our|some|several|many|these|those)\s"
    r"((?:[a-z][a-z-]+\s){0,2}[a-z][a-z-]+)"
    r"(?=[.,;:)]|\s(?:of|in|on|at|to|for|from|by|with|and|or|that|which|who|is|are|was|were|has)\b)"
)
_SENTENCE_END = re.compile(r"(?<=[.!?])(?<!\b[A-Z]\.)(?<!\b(?:Mr|Dr|St|Jr)\.)\s+")
_ARTICLES = re.compile(r"\b(?:a|an|the)\b")
_KIND_ASKED = (
    (re.compile(r"\bwhen\b|\b(?:what|which) (?:year|date|day|month|century|decade)", re.I), "date"),
    (re.compile(r"\bhow (?:many|much|long|old|large|far|tall)\b|\bpercent", re.I), "number"),
    (re.compile(r"\b(?:who|whom|whose|where)\b", re.I), "name"),
)
_NEXT_KINDS = {
    "date": ("date", "number"),
    "number": ("number", "date"),
    "name": ("name", "phrase"),
    "phrase": ("phrase", "name"),
}


def normalised(answer: str) -> str:
    """An answer in small letters without signs and articles, as SQuAD's evaluation has it.

    Numbers up to ninety are written in digits, so that `three` is `3`.

    Example:
        >>> normalised("The  Final, Countdown!"), normalised("three")
        ('final countdown', '3')
    """
    text = re.sub(r"[^\w\s]", "", answer.lower())
    words = _ARTICLES.sub(" ", text).split()
    return " ".join(_DIGITS.get(word, word) for word in words)


_DIGITS = {
    word: str(number if number <= 20 else 10 * (number - 18))
    for number, word in enumerate(_NUMBER_WORDS)
}


def answer_kind(answer: str) -> str:
    """What an answer is: `date`, `number`, `name` or `phrase`.

    Example:
        >>> [answer_kind(a) for a in ("16 May 1903", "40 km", "Zeng Guofan", "gay rights")]
        ['date', 'number', 'name', 'phrase']
    """
    text = answer.strip(" .,\"'")
    if _DATE.fullmatch(re.sub(r"^(?:in|on|the|about|around) ", "", text, flags=re.I)):
        return "date"
    if _NUMBER.match(re.sub(r"^(?:over|about|around|nearly|almost|more than) ", "", text)):
        return "number"
    content = [word for word in re.findall(r"[\w'-]+", text) if word.lower() not in SMALL_WORDS]
    large = sum(word[0].isupper() for word in content)
    return "name" if content and 2 * large > len(content) else "phrase"


@functools.lru_cache(maxsize=64)
def spans(text: str) -> tuple[Span, ...]:
    """The dates, numbers, names and short noun phrases of a text.

    Example:
        >>> [(s.text, s.kind) for s in spans("In 1903 Ada sold 40 ships to the old port.")]
        [('1903', 'date'), ('40', 'number'), ('Ada', 'name'), ('old port', 'phrase')]
    """
    found: dict[str, Span] = {}
    for sentence in _SENTENCE_END.split(text):
        for kind, part in _parts(sentence):
            key = normalised(part)
            if key and key not in found:
                found[key] = Span(part, kind, sentence, key)
    return tuple(found.values())


def _parts(sentence: str) -> Iterator[tuple[str, str]]:
    """Kind and text of what may be an answer in a sentence; a date is nothing else."""
    taken: list[tuple[int, int]] = []
    for kind, pattern in (("date", _DATE), ("number", _NUMBER), ("name", _NAME)):
        for match in pattern.finditer(sentence):
            start, part = _name_in(match) if kind == "name" else (match.start(), match.group())
            if part and not any(a <= start < b for a, b in taken):
                yield kind, part
            if kind == "date":
                taken.append(match.span())
    for match in _PHRASE.finditer(sentence):
        if not set(match[1].split()) & (SMALL_WORDS | PASTS):
            yield "phrase", match[1]


def _name_in(match: re.Match[str]) -> tuple[int, str]:
    """A capitalised run, and its place, without the small word that it begins with.

    A single word that begins a sentence may be any word: it is no name.
    """
    text, start = re.sub(r"['\u2019]s$", "", match.group()), match.start()
    while text and text.split()[0].lower() in SMALL_WORDS:
        first, _, text = text.partition(" ")
        start += len(first) + 1
    lone = " " not in text and (start == 0 or len(text) < 2)
    return start, "" if lone else text.strip("'\u2019-&. ")


def wrong_answer(asked: Question, rng: random.Random) -> Span | None:
    """A part of the context that is no answer, of the kind that the answer has.

    ALIGN lets a T5 model answer. This rule takes a right answer to another question on the text,
    so that a claim alone does not tell its label, or else a span of it: a date for a date, a
    number for a number, a name for a name, a phrase for a phrase (where there is none, a number
    for a date and so on); a question without an answer is asked for its kind. Nothing is taken
    that equals a right answer, contains one or is a part of one once both are `normalised`, nor a
    name that shares a word with one, nor what the question says itself unless the answer is said
    there too. Years come before other dates for a year, percentages for a percentage and so on;
    then spans in the sentences most like the question: of the first three one is drawn. Nobody
    checked that it is wrong: a text may name one thing in two ways. `yes` makes `no`, and `no`
    `yes`.

    Args:
        asked: The question.
        rng: Draws.

    Returns:
        The span, or None where the context has none.
    """
    golds = [normalised(answer) for answer in asked.answers]
    if golds and golds[0] in ("yes", "no"):
        other = "no" if golds[0] == "yes" else "yes"
        return Span(other, "yes_no", "", other)
    answers = {key: other for other in asked.others if (key := normalised(other))}
    pool = [Span(text, answer_kind(text), "", key) for key, text in answers.items()]
    fit = _fitting(pool, asked, golds), _fitting(spans(asked.context), asked, golds)
    for kind in _kinds(asked):
        for found in fit:
            near = [span for span in found if span.kind == kind]
            rng.shuffle(near)
            if near:
                return rng.choice(sorted(near, key=lambda span: _distance(span, asked))[:3])
    return None


def _fitting(found: Iterable[Span], asked: Question, golds: Sequence[str]) -> list[Span]:
    """The spans that are no right answers, and that the question does not say."""
    said = f" {normalised(asked.question)} "
    choice = any(f" {gold} " in said for gold in golds)
    return [
        span for span in found if (choice or f" {span.key} " not in said) and _is_other(span, golds)
    ]


def _stems(text: str) -> set[str]:
    """Words without the plural's s."""
    return {word.rstrip("s") or word for word in text.split()}


def _distance(span: Span, asked: Question) -> tuple[bool, int]:
    """How unlike an answer a span is: first by its shape, then by its sentence."""
    shaped = span.kind in ("date", "number") and asked.answers
    unlike = bool(shaped) and _shape(span.text) != _shape(asked.answers[0])
    content = set(re.findall(r"\w+", span.sentence.lower())) - SMALL_WORDS
    return unlike, -len(content & set(re.findall(r"\w+", asked.question.lower())))


def _shape(text: str) -> str:
    """Digits as `0`, words as `a`: `16 May 1903` -> `0 a 0`."""
    return re.sub(r"[^\W\d]+", "a", re.sub(r"\d[\d.,]*", "0", text))


def _kinds(asked: Question) -> tuple[str, ...]:
    if asked.answers:
        return _NEXT_KINDS[answer_kind(asked.answers[0])]
    found = next((kind for pattern, kind in _KIND_ASKED if pattern.search(asked.question)), "name")
    return _NEXT_KINDS[found]


def _is_other(span: Span, golds: Iterable[str]) -> bool:
    words = _stems(span.key)
    for gold in golds:
        others = _stems(gold)
        if words <= others or others <= words:
            return False
        if span.kind in ("name", "phrase") and (words & others) - SMALL_WORDS:
            return False
    return True


# ------------------------------------------------------------------------------------------ choices


def multiple_choice(row: CastRow) -> list[AlignmentExample]:
    """Choices: `context`, `question`, `options`, `answer`; or `wrong` options and the `right` one.

    The answer is a letter (`A` is the first option) or a number from 0. Gaps (`_`) of a question
    are filled by the option, as many gaps as the option has parts between semicolons.

    Args:
        row: The row.

    Returns:
        A binary example for each option, 1 for the right one.

    Raises:
        InputError: The answer is no option, and as `nli`.

    Example:
        >>> values = {"context": "It rained.", "question": "We stayed _ .", "answer": "B"}
        >>> row = CastRow("race", 1, values | {"options": ["outside", "at home."]})
        >>> [(e.text_b, e.label) for e in multiple_choice(row)]
        [('We stayed outside.', 0), ('We stayed at home.', 1)]
    """
    if row.has("wrong"):
        options = [*row.texts("wrong"), row.text("right")]
        right = len(options) - 1
    else:
        options = row.texts("options")
        right = _option(row, len(options))
    context, question = row.text("context"), row.text("question")
    return [
        _example(row, context, _filled(question, option), int(i == right))
        for i, option in enumerate(options)
        if option
    ]


def _option(row: CastRow, count: int) -> int:
    answer = row.value("answer")
    if isinstance(answer, str) and re.fullmatch(r"[A-Z]", answer):
        answer = ord(answer) - ord("A")
    if not isinstance(answer, int) or not 0 <= answer < count:
        row.fail(f"answer is {row.value('answer')!r}, but there are {count} options")
    return answer


def _filled(question: str, option: str) -> str:
    """A question with an option: in its gaps, behind it where it has none."""
    gaps = len(re.findall("_+", question))
    if not gaps:
        return claim_of(question, option)
    parts = [part.strip() for part in option.split(";")] if gaps > 1 else [option]
    if len(parts) != gaps:
        return f"{question} {option}"
    for part in parts:
        question = re.sub("_+", lambda _, part=part: part, question, count=1)  # type: ignore[misc]
    text = re.sub(r"\s+([.,;?!])", r"\1", " ".join(question.split()))
    return re.sub(r"([.,;?!])[.,;?!]+$", r"\1", text)


def judged_answer(row: CastRow) -> list[AlignmentExample]:
    """MultiRC: `context`, `question`, `answer`, `label`; or `query_and_answer` for the two.

    Args:
        row: The row; ERASER joins question and answer by `||`.

    Returns:
        One binary example.

    Raises:
        InputError: As `nli`.
    """
    if row.has("query_and_answer"):
        question, _, answer = row.text("query_and_answer").partition("|")
        question, answer = question.strip(), answer.strip("| ")
    else:
        question, answer = row.text("question"), row.text("answer")
    claim = claim_of(question, answer) if answer else ""
    return [_example(row, row.text("context"), claim, row.label(TRUTHS))]


# ----------------------------------------------------------------------------------------- the rest


def coreference(row: CastRow) -> list[AlignmentExample]:
    """GAP, with its own column names: the claim is the text with the pronoun replaced by a name.

    Returns:
        A binary example for each of the two names, 1 where the pronoun means it.

    Raises:
        InputError: The pronoun does not stand where it should, or means both names: what the
            Hub's first version of GAP says, whose script read every `FALSE` as true.
    """
    text, pronoun, start = row.value("Text"), row.text("Pronoun"), row.value("Pronoun-offset")
    if not isinstance(text, str) or not isinstance(start, int):
        row.fail(f"Text is {text!r} and Pronoun-offset {start!r}; they must be a text and a number")
    end = start + len(pronoun)
    if text[start:end] != pronoun:
        row.fail(f"Pronoun-offset is {start}, where the text has {text[start:end]!r}")
    labels = [row.label(TRUTHS, f"{name}-coref") for name in "AB"]
    if all(labels):
        row.fail("A-coref and B-coref are both true; take the files of GAP's authors")
    return [
        _example(row, text, text[:start] + row.text(name) + text[end:], label)
        for name, label in zip("AB", labels, strict=True)
    ]


def retrieval(row: CastRow) -> list[AlignmentExample]:
    """MS MARCO: `query`, `passages` (is_selected, passage_text).

    Returns:
        A binary example for each passage with the query as its claim, 1 where it was selected;
        none where no passage was.

    Raises:
        InputError: As `nli`.
    """
    query = row.text("query")
    passages = row.records("passages", ["is_selected", "passage_text"])
    if not any(passage["is_selected"] for passage in passages):
        return []
    return [
        _example(row, str(passage["passage_text"]).strip(), query, int(passage["is_selected"]))
        for passage in passages
    ]


def summarised_document(row: CastRow) -> tuple[str, str]:
    """WikiHow and WikiText-103: `text` and, where there is one, its `summary`.

    ALIGN makes pairs of these with neural models: claims are a summary, a TextRank extract or a
    back-translated sentence, and a masked language model's infillings of them. Here the rules of
    `training.synthetic` make them, from sentences of the document and of its summary. They make
    both labels equally often; ALIGN's infillings are in lower case, which tells their label.

    Returns:
        The text and its summary, with WikiText's marks taken out; empty texts where the row has
        none, or only a heading.

    Raises:
        InputError: As `nli`.

    Example:
        >>> values = {"text": " A 24 @-@ hour day , 1 @,@ 000 m ."}
        >>> summarised_document(CastRow("wikitext103", 1, values))
        ('A 24-hour day, 1,000 m.', '')
    """
    text = row.text("text")
    if re.fullmatch(r"(= )+.*( =)+", text):
        return "", ""
    summary = row.text("summary") if row.has("summary") else ""
    return _plain(text), _plain(summary)


def _plain(text: str) -> str:
    text = re.sub(r" @([-,.])@ ", r"\1", text)
    text = re.sub(r"(?<=\w)\.,(?=\s)", ".", text)  # WikiHow's headlines are joined by commas.
    text = re.sub(r"\s+([.,;:?!)\]]|'s\b|n't\b)", r"\1", " ".join(text.split()))
    return re.sub(r"([(\[]) ", r"\1", text)


# ----------------------------------------------------------------------------- families and options


Cast = Callable[[CastRow, random.Random], list[AlignmentExample]]


def _undrawn(make: Callable[[CastRow], list[AlignmentExample]]) -> Cast:
    """A cast of what draws nothing."""
    return lambda row, _rng: make(row)


FAMILIES: dict[str, Cast] = {
    "nli": _undrawn(nli),
    "fact_verification": _undrawn(fact_verification),
    "document_nli": _undrawn(document_nli),
    "paraphrase": _undrawn(paraphrase),
    "similarity": _undrawn(similarity),
    "extractive_qa": extractive_qa,
    "unanswerable_qa": functools.partial(extractive_qa, paired=False),
    "multi_hop_qa": multi_hop_qa,
    "news_qa": lambda row, rng: (story_qa if row.has("questions") else extractive_qa)(row, rng),
    "yes_no_qa": _undrawn(yes_no_qa),
    "multiple_choice": _undrawn(multiple_choice),
    "judged_answer": _undrawn(judged_answer),
    "coreference": _undrawn(coreference),
    "retrieval": _undrawn(retrieval),
}
"""The families that are cast row by row."""
DOCUMENT_FAMILIES = frozenset({"summarization", "rewriting"})
"""The families whose pairs are made from documents (`summarised_document`)."""


def cast(family: str, row: CastRow, rng: random.Random) -> list[AlignmentExample]:
    """The examples of a row.

    Args:
        family: A key of `FAMILIES`.
        row: The row.
        rng: Draws what the family's cast draws.

    Returns:
        Its examples, but for those with an empty text: a pair of nothing teaches nothing.

    Raises:
        InputError: As the family's function.
    """
    made = FAMILIES[family](row, rng)
    return [example for example in made if example.text_a.strip() and example.text_b.strip()]


def augment(
    examples: Iterable[AlignmentExample],
    rng: random.Random,
    *,
    paraphrases: Collection[str] = PARAPHRASE_SETS,
) -> list[AlignmentExample]:
    """ALIGN's changes of pairs, as its data loader draws them anew for each use.

    A twentieth of the 3-way pairs and of the paraphrases become pairs of a text with itself,
    entailed or the same. Of the rest a twentieth is swapped: among 3-way pairs contradictions
    alone, among paraphrases whatever their label. Other pairs stay as they are.

    Args:
        examples: The pairs.
        rng: Draws.
        paraphrases: Names of the datasets whose binary pairs are paraphrases.

    Returns:
        As many pairs, in the same order; `kind` tells which were changed.
    """
    return [_augmented(example, rng, paraphrases) for example in examples]


def _augmented(
    example: AlignmentExample, rng: random.Random, paraphrases: Collection[str]
) -> AlignmentExample:
    same = example.head == "bin" and example.dataset in paraphrases
    if example.head != "tri" and not same:
        return example
    a, b = example.text_a, example.text_b
    if rng.random() < SELF_PAIR_SHARE:
        return replace(example, text_b=a, label=1 if same else 0, kind="self_pair")
    if (same or example.label == 2) and rng.random() < SWAP_SHARE:
        return replace(example, text_a=b, text_b=a, kind="swapped")
    return example
