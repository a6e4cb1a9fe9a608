"""Does the verifier know which answers a context supports, and does abstaining by it pay?

Measured with the bundled aligner, in ALIGN's way and by the best chunk: ROC-AUC of right against
wrong answers (SQuAD), and of right answers against answers to questions that have none (QuAIL's,
and SQuAD 2.0's, which the aligner was trained on). Then EM and F1 of a weak extractive baseline
with and without abstaining, on either half of SQuAD's contexts with the threshold of the other; for
this, every second question is asked of another paragraph: that one which shares most words with it
and does not hold the answer.

    OMP_NUM_THREADS=1 python benchmarks/answerability.py --data DIR -o FILE.md

DIR has squad.dev.jsonl.gz, quail.dev.jsonl.gz and squad_v2_unanswerable.jsonl.gz: one object a line
with text_a (context), text_b (question and answer) and label (1 right, 0 not).
"""

from __future__ import annotations

import argparse
import gzip
import json
import random
import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from answering import Answered, answering_layout, halves, percent, report_answering

from alignscore_metric import AlignScore
from alignscore_metric.answerability import AnswerVerifier
from alignscore_metric.arrays import Floats
from alignscore_metric.leaderboards.tables.layout import DASH, TIMES_100, Layout, Line, TableEntry
from alignscore_metric.leaderboards.tables.markdown import markdown_table
from alignscore_metric.scores import statistics as st
from alignscore_metric.scores.intervals import Estimate, Resampling, estimate
from alignscore_metric.scores.squad import normalise_answer, score_answers
from alignscore_metric.text.excerpt import closest_sentence
from alignscore_metric.text.splitters import get_splitter

NO_ANSWER = "not enough information"  # QuAIL's option
RIGHT, QUAIL, SQUAD_2 = (
    "SQuAD, right or wrong answers",
    "QuAIL, answerable or not",
    "SQuAD 2.0, answerable or not",
)
WORD = re.compile(r"\w+(?:[.,'\u2019-]\w+)*")
FUNCTION_WORDS = frozenset(
    "a an the of in on at to for by with from and or is are was were be been do does did has have "  # noqa: SIM905
    "had it its as that which who whom what when where why how this these those".split()
)


@dataclass(frozen=True)
class Row:
    """A question on a context, an answer, and whether it is right."""

    context: str
    question: str
    answer: str
    right: bool


# --- data ---------------------------------------------------------------------------------------


def read_rows(file: Path) -> list[Row]:
    """Rows whose question ends with a question mark, which tells it from the answer."""
    rows = []
    with gzip.open(file, "rt", encoding="utf-8") as lines:
        for row in map(json.loads, lines):
            question, mark, answer = row["text_b"].partition("? ")
            if mark:
                rows.append(Row(row["text_a"], f"{question}?", answer, bool(row["label"])))
    return rows


def quail_rows(rows: Sequence[Row], rng: random.Random) -> list[Row]:
    """All answers to questions without one, and as many right answers to others."""
    without = {(row.context, row.question) for row in rows if row.right and row.answer == NO_ANSWER}
    wrong = [row for row in rows if (row.context, row.question) in without and not row.right]
    right = [row for row in rows if row.right and row.answer != NO_ANSWER]
    return [*wrong, *rng.sample(right, min(len(right), len(wrong)))]


def misplaced(rows: Sequence[Row], rng: random.Random) -> list[tuple[str, str, list[str]]]:
    """Contexts, questions and right answers; half of the questions have lost theirs."""
    contexts = sorted({row.context for row in rows})
    moved = set(rng.sample(range(len(rows)), len(rows) // 2))
    return [
        (_other_context(row, contexts), row.question, [])
        if place in moved
        else (row.context, row.question, [row.answer])
        for place, row in enumerate(rows)
    ]


def _other_context(row: Row, contexts: Sequence[str]) -> str:
    wanted, answer = content_words(row.question), normalise_answer(row.answer)
    others = [c for c in contexts if c != row.context and answer not in normalise_answer(c)]
    return max(others, key=lambda context: len(wanted & content_words(context)))


def content_words(text: str) -> set[str]:
    """Words that tell something, in lower case."""
    return set(WORD.findall(text.lower())) - FUNCTION_WORDS


# --- a weak answerer ----------------------------------------------------------------------------


def answer_weakly(context: str, question: str) -> str:
    """A span of the sentence that shares most words with the question; it always answers.

    A number where the question asks for one, else the longest run of capitalised words, else the
    last words: none of which the question has.
    """
    sentence = closest_sentence(get_splitter("bundled_punkt").split(context), question)
    asked = content_words(question)
    if re.search(r"(?i)\bwhen\b|\byear\b|how (?:many|much|long|old)", question) and (
        found := re.search(r"\d[\d,.]*\d|\d", sentence)
    ):
        return found[0]
    names = [
        run
        for run in re.findall(r"[A-Z][\w'\u2019-]*(?: (?:of |the )?[A-Z][\w'\u2019-]*)*", sentence)
        if not content_words(run) & asked and content_words(run)
    ]
    rest = [word for word in WORD.findall(sentence) if word.lower() not in asked]
    return max(names, key=len, default=" ".join(rest[-3:]))


# --- measuring ----------------------------------------------------------------------------------


def verifiers() -> dict[str, AnswerVerifier]:
    """ALIGN's way, and chunks of the context in place of all of it at once."""
    whole = AlignScore(mode="bin", copied_weight=0, precision="bf16")
    return {
        "whole context, question + answer": AnswerVerifier(whole),
        "best chunk, question + answer": AnswerVerifier(
            AlignScore(claims="whole", copied_weight=0, precision="bf16")
        ),
    }


def auc_layout(sets: dict[str, list[Row]], resampling: Resampling) -> Layout:
    """How well each way of verifying tells the answers of each set apart."""
    rows = [row for found in sets.values() for row in found]
    owners = np.repeat(list(sets), [len(found) for found in sets.values()])
    right = np.array([row.right for row in rows], dtype=float)
    contexts = np.array([row.context for row in rows], dtype=object)

    def line(name: str, verifier: AnswerVerifier) -> Line:
        support = verify(verifier, [(row.context, row.question, row.answer) for row in rows])

        def of(owner: str) -> Estimate:
            here = owners == owner
            return estimate(st.roc_auc(right[here], support[here]), contexts[here], resampling)

        return Line(TableEntry(name), tuple(percent(of(owner)) for owner in sets))

    made = verifiers()
    return Layout(
        title="ROC-AUC of the verifier.",
        facts=f"Right answers against others, {TIMES_100}; a{DASH}b: 95% interval from "
        f"{resampling.resamples} resamples of the contexts",
        corner="support by",
        headings=tuple(TableEntry(name, marks=("a",) * (name == SQUAD_2)) for name in sets),
        measured=tuple(line(name, verifier) for name, verifier in made.items()),
        legend=(
            "rows: "
            + ", ".join(
                f"{sum(row.right for row in found)} and {sum(not row.right for row in found)}"
                for found in sets.values()
            ),
        ),
        notes=(("a", "the unanswerable questions are training data of the aligner"),),
        signatures=tuple((name, verifier.metric.signature) for name, verifier in made.items()),
    )


def verify(verifier: AnswerVerifier, triples: Sequence[tuple[str, str, str]]) -> Floats:
    """Support of (context, question, answer) triples."""
    contexts, questions, answers = zip(*triples, strict=True)
    return verifier.verify(contexts, questions, answers)


def abstaining_layouts(rows: Sequence[Row], seed: int, resampling: Resampling) -> list[Layout]:
    """The weak answerer with and without abstaining in ALIGN's way, on both halves."""
    questions = misplaced(rows, random.Random(seed))  # noqa: S311
    answers = [answer_weakly(context, question) for context, question, _ in questions]
    triples = [(c, q, a) for (c, q, _), a in zip(questions, answers, strict=True)]
    no_answer = 1 - verify(next(iter(verifiers().values())), triples)
    contexts = np.array([context for context, *_ in questions], dtype=object)
    first = halves(contexts.tolist(), seed)

    def part(here: npt.NDArray[np.bool_]) -> Answered:
        places = np.flatnonzero(here)
        found = score_answers([answers[p] for p in places], [questions[p][2] for p in places])
        return Answered(found, no_answer[here], contexts[here])

    return [
        answering_layout(
            f"A weak answerer, {name} half.",
            report_answering(part(here), part(~here), resampling),
            resampling,
        )
        for name, here in (("first", first), ("second", ~first))
    ]


def main() -> None:
    """Measure, print and write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--data", type=Path, required=True, metavar="DIR")
    parser.add_argument("-o", "--output", type=Path, metavar="FILE.md")
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    names = ("squad.dev", "quail.dev", "squad_v2_unanswerable")
    squad, quail, unanswerable = (read_rows(args.data / f"{name}.jsonl.gz") for name in names)
    right = [row for row in squad if row.right]
    sets = {
        RIGHT: squad,
        QUAIL: quail_rows(quail, random.Random(args.seed)),  # noqa: S311
        SQUAD_2: [*right, *unanswerable],
    }
    resampling = Resampling(seed=args.seed)
    layouts = [auc_layout(sets, resampling), *abstaining_layouts(right, args.seed, resampling)]
    text = "\n".join(map(markdown_table, layouts))
    sys.stdout.write(text)
    if args.output:
        args.output.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
