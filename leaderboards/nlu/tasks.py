"""The tasks of the NLU board as data: their families, where their rows are, what is related.

Knows nothing of files that are here, of models or of numbers.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Literal

from alignscore_metric.errors import ConfigurationError

MeasureName = Literal["accuracy", "f1", "roc_auc", "pearson", "spearman", "choice_accuracy"]
Exposure = Literal["trained", "related", "zero-shot", "unknown"]


@dataclass(frozen=True)
class Family:
    """Tasks of one kind.

    Attributes:
        title: For people.
        measures: Of the head that the labels are for; the first counts in the mean.
        degree: What any head is measured by, read as a degree of alignment.
    """

    title: str
    measures: tuple[MeasureName, ...]
    degree: MeasureName = "roc_auc"


TASK_FAMILIES = {
    "inference": Family("inference", ("accuracy",)),
    "verification": Family("fact verification", ("accuracy", "roc_auc")),
    "paraphrase": Family("paraphrase", ("accuracy", "f1")),
    "similarity": Family("similarity", ("pearson", "spearman"), "pearson"),
    "choice": Family("multiple choice", ("choice_accuracy",), "choice_accuracy"),
    "yes_no": Family("yes or no", ("choice_accuracy",), "choice_accuracy"),
    "judged": Family("judged answers", ("accuracy", "f1")),
    "answers": Family("right answers", ("roc_auc", "accuracy")),
    "coreference": Family("coreference", ("accuracy", "f1")),
    "retrieval": Family("retrieval", ("accuracy", "roc_auc")),
}


@dataclass(frozen=True)
class NluTask:
    """One line of the board.

    Attributes:
        name: The name of its training set, or of the evaluation set's card.
        family: A key of `TASK_FAMILIES`.
        options: Answers to choose from, where a question has several rows.
        related: Training sets that share texts or questions with it.
        splits: Held-out splits of its first table on the Hub, by the training catalogue's names.
        evaluation: Split of the evaluation set of this name; where given, nothing else is read.
    """

    name: str
    family: str
    options: int | None = None
    related: tuple[str, ...] = ()
    splits: tuple[str, ...] = ()
    evaluation: str | None = None


_VALIDATION = ("validation",)

_FROM_SNLI = ("x_breaking_nli", "x_cad_nli", "x_disco_filtered", "x_negnli", "x_snli_cat")
"""Training sets made from SNLI's pairs."""

_FROM_MNLI = (
    "mnli_devsplit_optional", "x_mnli_lil3000", "x_mnli_pada", "x_negnli", "x_wanli_part",
)  # fmt: skip
"""Training sets that hold pairs of MultiNLI, or were made from them."""

_CAPTIONS = ("snli", "x_disco_filtered")
"""Training sets whose captions of pictures occur in other sets of captions."""

TASKS: tuple[NluTask, ...] = (
    NluTask("snli", "inference", related=_FROM_SNLI, splits=_VALIDATION),
    NluTask("mnli", "inference", related=_FROM_MNLI, splits=("validation_matched",)),
    NluTask("anli", "inference", splits=("dev_r1", "dev_r2", "dev_r3")),
    NluTask("rte", "inference", related=("x_help_andor",)),
    NluTask("x_cad_nli", "inference", related=("snli", *_FROM_SNLI)),
    NluTask("x_conjnli", "inference"),
    NluTask("x_infotabs", "inference"),
    NluTask("x_mpe", "inference", related=_CAPTIONS),
    NluTask("x_sick_nli", "inference", related=("sick", *_CAPTIONS)),
    NluTask("fever_nli", "verification", related=("x_fever_symmetric",), splits=("dev",)),
    NluTask("vitaminc", "verification", related=("x_fever_symmetric",), splits=_VALIDATION),
    NluTask("fever_gold_evidence", "verification", evaluation="test"),
    NluTask("vitaminc_test", "verification", evaluation="test"),
    NluTask("true_dialfact", "verification", evaluation="all"),
    NluTask("qqp", "paraphrase", related=("paws", "qqp_positives"), splits=_VALIDATION),
    NluTask("mrpc", "paraphrase"),
    NluTask("x_parade", "paraphrase"),
    NluTask("paws", "paraphrase", splits=_VALIDATION),
    NluTask("true_paws", "paraphrase", evaluation="all"),
    NluTask("stsb", "similarity", related=("x_semeval_sts", *_CAPTIONS), splits=_VALIDATION),
    NluTask("sick", "similarity", related=("x_sick_nli", *_CAPTIONS), splits=_VALIDATION),
    NluTask("race", "choice", options=4, splits=_VALIDATION),
    NluTask("dream", "choice", options=3),
    NluTask("cosmosqa", "choice", options=4, related=("cosmosqa_ni",)),
    NluTask("mctest", "choice", options=4),
    NluTask("quail", "choice", options=4, splits=_VALIDATION),
    NluTask("sciq", "choice", options=4, splits=_VALIDATION),
    NluTask("boolq", "yes_no", options=2, splits=_VALIDATION),
    NluTask("strategy_qa", "yes_no", options=2),
    NluTask("multirc", "judged", splits=_VALIDATION),
    NluTask("squad", "answers", related=("squad_v2", "squad_v2_unanswerable", "x_factcg")),
    NluTask(
        "squad_v2",
        "answers",
        related=("squad", "squad_v2_unanswerable", "x_factcg"),
        splits=_VALIDATION,
    ),
    NluTask(
        "hotpot_qa",
        "answers",
        related=("hotpot_qa_fullwiki", "x_factcg", "x_halueval_qa_part"),
        splits=_VALIDATION,
    ),
    NluTask("quoref", "answers", splits=_VALIDATION),
    NluTask("adversarial_qa", "answers", related=("squad", "squad_v2"), splits=_VALIDATION),
    NluTask("drop", "answers", splits=_VALIDATION),
    NluTask("ropes", "answers", splits=_VALIDATION),
    NluTask("newsqa", "answers", splits=_VALIDATION),
    NluTask("gap", "coreference"),
    NluTask("qnli", "retrieval", related=("squad", "squad_v2", "squad_v2_unanswerable")),
    NluTask("msmarco", "retrieval", splits=_VALIDATION),
)
_BY_NAME = {task.name: task for task in TASKS}


def task_of(name: str) -> NluTask:
    """The task of a name.

    Raises:
        ConfigurationError: There is none.

    Example:
        >>> task_of("dream").options
        3
    """
    if name not in _BY_NAME:
        raise ConfigurationError(f"no NLU task {name!r}; there are {', '.join(_BY_NAME)}")
    return _BY_NAME[name]


def exposure(task: NluTask, trained: Collection[str]) -> tuple[Exposure, tuple[str, ...]]:
    """What an aligner has seen of a task.

    Args:
        task: The task.
        trained: Sets that it was trained on; none where that is not known.

    Returns:
        `trained` on the task's own set; else on sets `related` to it; else `zero-shot`; or
        `unknown`. And these sets, sorted.

    Example:
        >>> exposure(task_of("qnli"), {"squad", "snli"})
        ('related', ('squad',))
    """
    if not trained:
        return "unknown", ()
    if task.name in trained:
        return "trained", (task.name,)
    found = {*task.related, *_overlaps(task)} & set(trained)
    return ("related" if found else "zero-shot"), tuple(sorted(found))


def _overlaps(task: NluTask) -> set[str]:
    """Training sets that share rows or the task with an evaluation set, by its card.

    Sets of the same documents alone do not count: they teach another task.
    """
    if task.evaluation is None:
        return set()
    from alignscore_metric.leaderboards.cards import get_card

    near = ("same rows", "same task and texts")
    return {one.dataset for one in get_card(task.name).overlaps if one.kind in near}
