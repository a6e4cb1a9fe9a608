"""What a user may set of a metric: each option once, and a profile with the options applied.

`AlignScore`, the command line and the leaderboards take their lists from here. An option of the
profile is a field of `Profile` that has a help text.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from alignscore_metric.checkpoint.profile import PROFILE_OPTIONS, PROFILES, SEGMENTED, Profile
from alignscore_metric.errors import ConfigurationError

if TYPE_CHECKING:
    from alignscore_metric.checkpoint.aligner import Aligner


@dataclass(frozen=True)
class Option:
    """An option of `AlignScore`, as a command line takes it.

    Attributes:
        name: Its keyword.
        about: One line of help.
        type: What reads its value; a `bool` is a switch.
        default: Where it is not given; None leaves the choice to the checkpoint or the device.
        metavar: What help calls the value.
    """

    name: str
    about: str
    type: Callable[[str], Any] = str
    default: str | None = None
    metavar: str | None = None


CHECKPOINT_OPTIONS = (
    Option("backbone", "of a .ckpt file: name or folder; default: as it says"),
    Option("profile", f"of a published checker: {', '.join(PROFILES)}"),
    Option("label", "of a classifier: the class that means supported, by name or number"),
    Option("mode", "nli_sp, bin_sp, reg_sp (split); nli, bin, reg (whole pair)"),
    Option("local_files_only", "never use the network", bool),
)
"""Which checkpoint is loaded, and what of it a saved one keeps."""

SCORING_OPTIONS = (
    Option("head", "bin, tri or reg; default: the checkpoint's own"),
    *(
        Option(
            name,
            f"{each.metadata['help']}; default: the checkpoint's",
            type(each.default),
            metavar=each.metadata["metavar"],
        )
        for name, each in PROFILE_OPTIONS.items()
    ),
)
"""What scores are, beside the checkpoint's profile."""

DEVICE_OPTIONS = (
    Option("precision", "fp32 (default), bf16, fp16, int8 or auto", default="fp32"),
    Option("batch_tokens", "memory and speed alone", int, metavar="N"),
)
"""How they are computed; the device itself is named in another way by each interface."""

OPTIONS = (*CHECKPOINT_OPTIONS, *SCORING_OPTIONS, *DEVICE_OPTIONS)


def adapt_profile(
    aligner: Aligner,
    *,
    mode: str | None = None,
    head: str | None = None,
    options: Mapping[str, object] | None = None,
) -> Profile:
    """An aligner's profile with a user's options.

    A calibration is of the profile's own scores: other options leave it out.

    Args:
        aligner: Whose profile it is.
        mode: One of the reference's modes; see `AlignScore`.
        head: Instead of the profile's.
        options: Of `PROFILE_OPTIONS`; None, as a value too, leaves the profile's.

    Raises:
        ConfigurationError: An unknown value, a head or a length that the aligner lacks, or a mode
            and a head that contradict each other.
    """
    profile = _with_head(aligner.profile, mode, head)
    _check_fits(profile, aligner)
    given = {key: value for key, value in (options or {}).items() if value is not None}
    adapted = Profile.from_dict(profile.to_dict() | given)
    return adapted if adapted == aligner.profile else replace(adapted, calibration=None)


def _with_head(profile: Profile, mode: str | None, head: str | None) -> Profile:
    if mode is not None:
        profile = profile.with_mode(mode)
    if head is None:
        return profile
    if mode is not None and head != profile.head:
        raise ConfigurationError(
            f"mode {mode!r} reads the head {profile.head!r}, not {head!r}; give one of the two"
        )
    return profile.with_head(head)


def _check_fits(profile: Profile, aligner: Aligner) -> None:
    if profile.head not in aligner.config.heads:
        raise ConfigurationError(
            f"this checkpoint has no head {profile.head!r}; it has: "
            f"{', '.join(aligner.config.heads)}"
        )
    if profile.max_length > aligner.positions:
        raise ConfigurationError(
            f"the profile's pairs have up to {profile.max_length} tokens, but the backbone "
            f"{aligner.positions:.0f} positions; it is not the profile of this checkpoint"
        )
    if aligner.reads_claim and profile.template not in SEGMENTED:
        raise ConfigurationError(
            f"the template {profile.template!r} writes a pair as one text, but this aligner reads "
            "the claim's own tokens; it is not the profile of this checkpoint"
        )
