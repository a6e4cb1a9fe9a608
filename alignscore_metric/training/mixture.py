"""Which examples of which datasets are trained on: limits, repeats, overlaps with test data.

Owns decisions about lists of `AlignmentExample`s and their sizes: pure functions, but for
`read_protected`. Knows nothing of recipes, tokens or models.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import compress
from pathlib import Path

import numpy as np
import numpy.typing as npt

from alignscore_metric.errors import ConfigurationError, InputError
from alignscore_metric.text.ngrams import (
    LONG,
    SHORT,
    Hashes,
    KnownHashes,
    distinct,
    own_runs,
    runs_of,
    word_hashes,
)
from alignscore_metric.training.data import AlignmentExample, read_rows

_TEXTS_AT_ONCE = 20_000


def limits(
    sizes: Mapping[str, int],
    *,
    cap: int | None = None,
    total: int | None = None,
    temperature: float = 1.0,
) -> dict[str, int]:
    """How many examples of each dataset to train on.

    Sizes are capped first. With a total, set i's share of it is proportional to n_i^(1/T) for its
    capped size n_i: "examples-proportional mixing" with an artificial size limit, and
    "temperature-scaled mixing", of Raffel et al. (2020, T5), section 3.5.2. T = 1 keeps the
    proportions, a large T makes the shares equal. No set gives more than it has; what it cannot
    give is shared by the others in the same proportions.

    Args:
        sizes: Examples that each dataset has.
        cap: Most examples of one dataset; None sets no cap. ALIGN's code
            (Zha et al. 2023) has 500,000.
        total: Examples of all datasets together; None takes all within the cap.
        temperature: T > 0; has no effect without a total, so anything but 1 needs one.

    Returns:
        Examples by dataset, in the order of `sizes`. They add up to the total, or to all that
        there is where that is less.

    Raises:
        ConfigurationError: An option is out of its range.

    Example:
        >>> limits({"snli": 900, "rte": 100}, total=100)
        {'snli': 90, 'rte': 10}
        >>> limits({"snli": 900, "rte": 100}, total=100, temperature=2)
        {'snli': 75, 'rte': 25}
        >>> limits({"snli": 900, "rte": 10}, total=100, temperature=2)
        {'snli': 90, 'rte': 10}
    """
    _check_limits(sizes, cap=cap, total=total, temperature=temperature)
    capped = {name: size if cap is None else min(size, cap) for name, size in sizes.items()}
    if total is None or total >= sum(capped.values()):
        return capped
    return _rounded(_shares(capped, total, temperature), total)


def _check_limits(
    sizes: Mapping[str, int], *, cap: int | None, total: int | None, temperature: float
) -> None:
    if negative := [name for name, size in sizes.items() if size < 0]:
        raise ConfigurationError(f"the size of {negative[0]} is {sizes[negative[0]]}")
    for name, value in (("cap", cap), ("total", total)):
        if value is not None and value < 1:
            raise ConfigurationError(f"{name} is {value!r}; give a whole number >= 1, or none")
    if not temperature > 0:
        raise ConfigurationError(f"temperature is {temperature!r}; give a number > 0")
    if total is None and temperature != 1:
        raise ConfigurationError(
            f"temperature {temperature:g} shares out a total: give `total` too, or temperature 1"
        )


def _shares(sizes: Mapping[str, int], total: int, temperature: float) -> dict[str, float]:
    """Each set's part of a total that is below the sum of the sizes, not rounded."""
    shares = dict.fromkeys(sizes, 0.0)
    unfilled = {name: size for name, size in sizes.items() if size}
    rest = total
    while True:
        largest = max(unfilled.values())
        weights = {  # by logarithms and of the largest, so that no power is out of range
            name: math.exp(math.log(size / largest) / temperature)
            for name, size in unfilled.items()
        }
        factor = rest / sum(weights.values())
        full = [name for name in unfilled if factor * weights[name] >= unfilled[name]]
        if not full:
            return shares | {name: factor * weight for name, weight in weights.items()}
        for name in full:
            rest -= sizes[name]
            shares[name] = unfilled.pop(name)


def _rounded(shares: Mapping[str, float], total: int) -> dict[str, int]:
    """Whole numbers with the same sum, by largest remainders; of equal ones the first is served."""
    floors = {name: math.floor(share) for name, share in shares.items()}
    by_remainder = sorted(shares, key=lambda name: floors[name] - shares[name])
    one_more = set(by_remainder[: total - sum(floors.values())])
    return {name: floor + (name in one_more) for name, floor in floors.items()}


@dataclass(frozen=True)
class Repeats:
    """Examples that `deduplicate` left out, by dataset.

    Attributes:
        repeated: Those that an earlier example says already.
        contradictory: Those whose pair has different labels.
    """

    repeated: Counter[str]
    contradictory: Counter[str]


def deduplicate(
    examples: Sequence[AlignmentExample],
) -> tuple[list[AlignmentExample], Repeats]:
    """Leave out repeated and contradictory examples.

    Two examples are of one pair where they have the same head and the same two texts, whatever
    the case and the spacing. Of a pair with one label the first example stays; a pair that occurs
    with different labels (for `reg`, numbers that differ at all) teaches nothing certain: none of
    its examples stays.

    Args:
        examples: In order of preference.

    Returns:
        What stays, in order, and what does not.

    Example:
        >>> same = AlignmentExample("a", "It rained.", "Rain.", "bin", 1)
        >>> kept, left_out = deduplicate([same, same])
        >>> len(kept), left_out.repeated["a"]
        (1, 1)
    """
    pairs = _pair_keys(examples)
    labels: dict[tuple[int, int, str], set[float]] = defaultdict(set)
    for pair, example in zip(pairs, examples, strict=True):
        labels[pair].add(example.label)
    kept = []
    left_out = Repeats(Counter(), Counter())
    seen: set[tuple[int, int, str]] = set()
    for pair, example in zip(pairs, examples, strict=True):
        if len(labels[pair]) > 1:
            left_out.contradictory[example.dataset] += 1
        elif pair in seen:
            left_out.repeated[example.dataset] += 1
        else:
            kept.append(example)
            seen.add(pair)
    return kept, left_out


def _pair_keys(examples: Sequence[AlignmentExample]) -> list[tuple[int, int, str]]:
    """A key for each example's pair; each distinct text is normalised once."""
    texts = dict.fromkeys(text for e in examples for text in (e.text_a, e.text_b))
    forms: dict[str, int] = {}
    number = {
        text: forms.setdefault(" ".join(text.casefold().split()), len(forms)) for text in texts
    }
    return [(number[e.text_a], number[e.text_b], e.head) for e in examples]


@dataclass(frozen=True)
class ProtectedRuns:
    """What of a dataset overlaps protected texts.

    Attributes:
        rows: Its examples.
        context: Those whose context overlaps.
        claim: Those whose claim overlaps.
        dropped: Those of which either does.
    """

    rows: int
    context: int
    claim: int
    dropped: int


def drop_overlaps(
    examples: Sequence[AlignmentExample],
    protected: Iterable[str],
    *,
    common: int | None = None,
) -> tuple[list[AlignmentExample], dict[str, ProtectedRuns]]:
    """Leave out the examples with a text that shares a run of words with a protected text.

    The runs have 13 words, as in Brown et al. (2020), appendix C, and 8 in training texts that
    have fewer than 13; a training text below 8 words is too short to tell copying from chance.
    Case, spacing and punctuation do not count. Each distinct text is looked at once.

    Args:
        examples: Training examples.
        protected: Texts of test data, sources and summaries alike.
        common: Runs that more than this number of distinct training texts have are taken for
            boilerplate ("follow us on ...") and passed over; Brown et al. use 10. But a training
            set that shows one document in many versions hides its copy so, hence None: no run
            is passed over.

    Returns:
        What stays, in order, and a report by dataset, in order of appearance.

    Example:
        >>> text = "the old bridge over the river was closed to all traffic after the storm"
        >>> examples = [AlignmentExample("a", text, "The bridge is old.", "bin", 1)]
        >>> kept, report = drop_overlaps(examples, [f"Mayor: {text.title()}!"])
        >>> kept, report["a"]
        ([], ProtectedRuns(rows=1, context=1, claim=0, dropped=1))
    """
    number: dict[str, int] = {}
    contexts = [number.setdefault(example.text_a, len(number)) for example in examples]
    claims = [number.setdefault(example.text_b, len(number)) for example in examples]
    overlaps = _overlapping(list(number), _all_runs(protected), common)
    by_context, by_claim = (overlaps[np.array(texts, np.int64)] for texts in (contexts, claims))
    dropped = by_context | by_claim
    names = [example.dataset for example in examples]
    counts = [Counter(compress(names, rows)) for rows in (by_context, by_claim, dropped)]
    report = {
        name: ProtectedRuns(rows, *(count[name] for count in counts))
        for name, rows in Counter(names).items()
    }
    return list(compress(examples, ~dropped)), report


def _all_runs(texts: Iterable[str]) -> KnownHashes:
    """Every run of 13 and of 8 words of the texts."""
    words = [word_hashes(text) for text in dict.fromkeys(texts)]
    return KnownHashes(distinct(*(runs_of(words, n)[0] for n in (LONG, SHORT))))


def _overlapping(
    texts: Sequence[str], known: KnownHashes, common: int | None
) -> npt.NDArray[np.bool_]:
    """Which texts have a known run that at most `common` of them have, shape [T]."""
    runs, owners = [np.empty(0, np.uint64)], [np.empty(0, np.int64)]
    for start in range(0, len(texts), _TEXTS_AT_ONCE):
        run, owner = _known_runs(texts[start : start + _TEXTS_AT_ONCE], known)
        runs.append(run)
        owners.append(owner + start)
    found, owner = np.concatenate(runs), np.concatenate(owners)
    if common is not None:
        _, which, times = np.unique(found, return_inverse=True, return_counts=True)
        owner = owner[times[which] <= common]
    overlaps = np.zeros(len(texts), dtype=bool)
    overlaps[owner] = True
    return overlaps


def _known_runs(texts: Sequence[str], known: KnownHashes) -> tuple[Hashes, npt.NDArray[np.int64]]:
    """The known runs of some texts and whose they are; each run of a text once."""
    runs, owner = own_runs([word_hashes(text) for text in texts])
    places = known.places(runs)
    pairs = np.stack([owner[places].astype(np.uint64), runs[places]], axis=1)
    once = np.unique(pairs, axis=0)
    return once[:, 1], once[:, 0].astype(np.int64)


def read_protected(folder: Path) -> list[str]:
    """The texts of test data: every `source` and `summary` of a folder's JSON-lines files.

    Args:
        folder: Of `*.jsonl` and `*.jsonl.gz` files; rows may lack a source or have null for it.

    Returns:
        The distinct texts, in order of appearance.

    Raises:
        InputError: There is no such folder or no such file in it, or a line is broken; names it.
    """
    files = sorted([*folder.glob("*.jsonl"), *folder.glob("*.jsonl.gz")])
    if not files:
        raise InputError(f"no .jsonl or .jsonl.gz file in {folder}; give the benchmarks' folder")
    rows = (row for file in files for row in read_rows(file, _row_texts))
    return list(dict.fromkeys(text for row in rows for text in row))


def _row_texts(row: Mapping[str, object]) -> list[str]:
    texts = [row["summary"]] if row.get("source") is None else [row["source"], row["summary"]]
    checked = [text for text in texts if isinstance(text, str)]
    if len(checked) < len(texts):
        raise TypeError("source and summary must be texts")
    return checked
