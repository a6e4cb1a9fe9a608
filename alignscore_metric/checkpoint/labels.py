"""Which class of a classifier means what: by its labels, or as told.

Pure: knows labels and profiles, no files and no models.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace

from alignscore_metric.checkpoint.profile import CLASSES, NLI, PROFILES, Profile, get_profile
from alignscore_metric.errors import ConfigurationError

SUPPORTED = {
    *("entailment", "entail", "entails", "entailed", "support", "supports", "supported"),
    *("consistent", "aligned", "grounded", "faithful"),
}
"""What labels of that class are called, in lower-case letters alone."""

NEUTRAL = {"neutral", "notenoughinfo", "nei", "unrelated", "unknown"}
CONTRADICTION = {"contradiction", "contradicts", "contradictory", "refute", "refutes", "refuted"}
"""What the other classes are called."""

HEADS = {2: "bin", 3: "tri"}
"""The head of a classifier with so many classes."""


def classifier_profile(
    labels: Mapping[int, str], *, profile: str | None, label: str | None, folder: object
) -> Profile:
    """The profile of a classifier that has none of its own.

    Args:
        labels: Names of its classes by number, as `id2label`.
        profile: Name of a published checker's, if the user gave one.
        label: The class that means "supported", by name or number, if the user gave one.
        folder: Where the classifier is, for the error.

    Raises:
        ConfigurationError: Nothing says how it is meant to be run, or which class means
            "supported", or two things say it differently.
    """
    named = supported_labels(labels)
    if profile is None and label is None and not named:
        raise ConfigurationError(
            f"{folder} is a classifier that does not say how it is meant to be run; give "
            f"profile=, one of: {', '.join(PROFILES)}; or label=, the class that means supported, "
            f"one of its labels: {_listed(labels)}"
        )
    found = get_profile(profile or NLI)
    if (profile or NLI) == NLI:
        if len(labels) not in HEADS:
            raise ConfigurationError(
                f"{folder} has {len(labels)} classes ({_listed(labels)}); a classifier of "
                "entailment has 2 or 3"
            )
        found = found.with_head(HEADS[len(labels)])
    if CLASSES[found.head] != len(labels):
        raise ConfigurationError(
            f"{folder} has {len(labels)} classes; a profile with the head {found.head!r} "
            f"needs {CLASSES[found.head]}"
        )
    return replace(found, supported=_supported(labels, found, named, profile, label, folder))


def supported_labels(labels: Mapping[int, str]) -> list[int]:
    """Numbers of the classes whose names mean "supported".

    Example:
        >>> supported_labels({0: "ENTAILMENT", 1: "not_entailment"})
        [0]
    """
    return [index for index, name in labels.items() if _plain(name) in SUPPORTED]


def class_number(labels: Mapping[int, str], label: str, folder: object) -> int:
    """The number of the class that a user names.

    Args:
        labels: Names of the classes by number.
        label: A name, in any case, or a number.
        folder: Where the classifier is, for the error.

    Raises:
        ConfigurationError: No class has this name or number, or several have this name.
    """
    found = [index for index, name in labels.items() if name == label]
    found = found or [i for i, name in labels.items() if name.casefold() == label.casefold()]
    if not found and re.fullmatch("[0-9]{1,4}", label) and int(label) in labels:
        found = [int(label)]
    if len(found) != 1:
        which = "several labels" if found else "no label"
        raise ConfigurationError(
            f"label is {label!r}; {folder} has {which} of this name; it has: {_listed(labels)}; "
            "give a name or a number"
        )
    return found[0]


def aligned_order(labels: Mapping[int, str], profile: Profile) -> list[int]:
    """A classifier's classes as an aligner's head has them.

    Args:
        labels: Names of its classes by number.
        profile: Its `supported` is the number of the class that means "supported".

    Returns:
        Numbers of classes: in ALIGN's order where all are known; else "supported" stands elsewhere
        than in that order, as of a head whose other classes mean nothing in particular.

    Example:
        >>> labels = {0: "contradiction", 1: "entailment", 2: "neutral"}
        >>> aligned_order(labels, Profile(head="tri", supported=1))
        [1, 2, 0]
    """
    supported = profile.supported
    others = [index for index in labels if index != supported]
    if profile.head == "bin":
        return [*others, supported]
    kinds = {_plain(labels[index]): index for index in others}
    known = [[kinds[name] for name in names if name in kinds] for names in (NEUTRAL, CONTRADICTION)]
    if len(others) == 2 and all(len(found) == 1 for found in known):
        return [supported, *known[0], *known[1]]
    return [*others[:1], supported, *others[1:]]


def _supported(
    labels: Mapping[int, str],
    found: Profile,
    named: Sequence[int],
    profile: str | None,
    label: str | None,
    folder: object,
) -> int:
    """The class that means "supported"."""
    if label is not None:
        return class_number(labels, label, folder)
    if len(named) > 1:
        raise ConfigurationError(
            f"{folder} has {len(named)} labels that mean supported: "
            f"{_listed({index: labels[index] for index in named})}; give label=, one of them"
        )
    if profile in (None, NLI):
        if not named:
            raise ConfigurationError(
                f"{folder} has no label that means entailment; it has: {_listed(labels)}; give "
                "label=, the one that means supported"
            )
        return named[0]
    if named and named[0] != found.supported:
        raise ConfigurationError(
            f"the profile {profile!r} reads class {found.supported} as supported, but {folder} "
            f"calls class {named[0]} {labels[named[0]]!r}; give label=, one of: {_listed(labels)}"
        )
    return found.supported


def _plain(name: str) -> str:
    return re.sub("[^a-z]", "", name.casefold())


def _listed(labels: Mapping[int, str]) -> str:
    return ", ".join(f"{name!r} ({index})" for index, name in labels.items())
