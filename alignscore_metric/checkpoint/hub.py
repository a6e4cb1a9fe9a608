"""The official checkpoints by name: fetched once from the Hugging Face Hub, their bytes checked.

`huggingface_hub` downloads, caches, and obeys ``HF_HOME``, ``HF_HUB_CACHE``, ``HF_ENDPOINT`` and
``HF_HUB_OFFLINE`` (read when it is first imported). This module adds which file a name means, and
that its bytes stay the same. Knows nothing of what is in the files.
"""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import NamedTuple

from alignscore_metric.errors import CheckpointError, ConfigurationError, MissingResourceError
from alignscore_metric.system.hashing import sha256
from alignscore_metric.system.whole_files import whole_path

CONNECT_SECONDS = 5.0
"""How long the Hub may take to answer before there is said to be no network."""


@dataclass(frozen=True)
class HubFile:
    """A checkpoint on the Hub, or a file of its backbone.

    Attributes:
        repo: Repository, as ``owner/name``.
        file: Its name in the repository.
        revision: Commit, 40 hexadecimal digits; where None, the one that `main` named at the first
            load on this machine.
        sha256: Hash of the file, 64 hexadecimal digits; where None, the one at the first load.
        backbone: Name of the encoder, as in `BACKBONES`; empty where the repository has all.
    """

    repo: str
    file: str
    revision: str | None
    sha256: str | None
    backbone: str = ""


@dataclass(frozen=True)
class HubChecker:
    """A published checker on the Hub.

    Attributes:
        files: Of its repository: configuration, weights, and mostly a tokenizer.
        profile: Name of its profile, where its configuration does not say how it is run.
        tokenizer: Files of the repository that has its tokenizer, where its own has none.
    """

    files: tuple[HubFile, ...]
    profile: str | None = None
    tokenizer: tuple[HubFile, ...] = ()


class VerifiedFile(NamedTuple):
    """A file in the Hub cache, and its hash."""

    path: Path
    sha256: str


# The authors publish no hashes. AlignScore's commit and hashes are those that several unrelated
# public projects pin (of 1,966,965,771 and 4,895,673,790 bytes); of ALIGN's files none is known.
_ALIGNSCORE_COMMIT = "8509e78d25bb914939fc585c626500c9b2944249"

REGISTRY: dict[str, HubFile] = {
    "AlignScore-base": HubFile(
        repo="yzha/AlignScore",
        file="AlignScore-base.ckpt",
        revision=_ALIGNSCORE_COMMIT,
        sha256="6aedb637f0596ab29baef91e94466a57f032e02feea654978518919fe0981607",
        backbone="roberta-base",
    ),
    "AlignScore-large": HubFile(
        repo="yzha/AlignScore",
        file="AlignScore-large.ckpt",
        revision=_ALIGNSCORE_COMMIT,
        sha256="ff4336312b377edcbcdad5694a2d09d73dc4225422c0422d810aa7e78485e32d",
        backbone="roberta-large",
    ),
    "Align-base": HubFile("yzha/Align", "Align-base.ckpt", None, None, "roberta-base"),
    "Align-large": HubFile("yzha/Align", "Align-large.ckpt", None, None, "roberta-large"),
}
"""The names that may be given instead of a path."""

# Both models have the same tokenizer; its hash, too, is the one that others publish.
_ROBERTA_TOKENIZER = "847bbeab6174d66a88898f729d52fa8d355fafe1bea101cf960dd404581df70e"
_ROBERTA_COMMITS = {
    "roberta-base": "e2da8e2f811d1448a5b465c236feacd80ffbac7b",
    "roberta-large": "722cf37b1afa9454edce342e7895e588b6ff1d59",
}

BACKBONES: dict[str, tuple[HubFile, ...]] = {
    name: (
        HubFile(f"FacebookAI/{name}", "tokenizer.json", commit, _ROBERTA_TOKENIZER, name),
        HubFile(f"FacebookAI/{name}", "tokenizer_config.json", commit, None, name),
        HubFile(f"FacebookAI/{name}", "config.json", commit, None, name),
    )
    for name, commit in _ROBERTA_COMMITS.items()
}
"""What a checkpoint needs of its backbone: everything but the weights."""


_TOKENIZER = ("tokenizer.json", "tokenizer_config.json")


def _files(repo: str, revision: str, names: Iterable[str], **hashes: str) -> tuple[HubFile, ...]:
    """Files of one commit; `hashes` by the names of the files up to the dot."""
    return tuple(HubFile(repo, file, revision, hashes.get(file.split(".")[0])) for file in names)


# Commits and hashes are those that several unrelated public projects pin.
CHECKERS: dict[str, HubChecker] = {
    "HHEM-2.1-Open": HubChecker(
        _files(
            "vectara/hallucination_evaluation_model",
            "8e4a2e6e96c708cc76c2344f7e4757df2515292c",
            ("config.json", "model.safetensors"),
            model="634de18a38cf1e991c1acd0f7a9e0d30f7ea187fba42bb4798f862d3edd31e72",
        ),
        tokenizer=_files(
            "google/flan-t5-base",
            "7bcac572ce56db69c1ea7c8af255c5d7c9672fc2",
            ("config.json", *_TOKENIZER),
        ),
    ),
    "MiniCheck-Flan-T5-Large": HubChecker(
        _files(
            "lytang/MiniCheck-Flan-T5-Large",
            "96eafd01cee2d16cf81aaa2fb226b14f422a37b3",
            ("config.json", *_TOKENIZER, "pytorch_model.bin"),
            pytorch_model="41291881e13c6235ed47149cec903bee9493e45d9d7325587a9fa2e266c526c0",
        ),
        profile="minicheck-t5",
    ),
    "DeBERTa-v3-base-mnli-fever-anli": HubChecker(
        _files(
            "MoritzLaurer/DeBERTa-v3-base-mnli-fever-anli",
            "6f5cf0a2b59cabb106aca4c287eed12e357e90eb",
            ("config.json", *_TOKENIZER, "model.safetensors"),
        )
    ),
}
"""Published checkers that may be named instead of a folder; see `docs/models.md`."""


@dataclass(frozen=True)
class _Record:
    """What a file was when it was last hashed.

    Attributes:
        revision: Its commit.
        sha256: Its hash.
        stamp: Size, modification time in ns, inode. While they stay, the file is taken for the one
            that was hashed: 5 GB are not read at each load. That detects damage and replacement,
            not somebody who sets the time back.
    """

    revision: str
    sha256: str
    stamp: tuple[int, int, int]


def fetch(entry: HubFile | str, *, local_files_only: bool = False) -> VerifiedFile:
    """The verified local copy of a file, downloaded if it is not in the Hub cache.

    The revision and hash of the first load are recorded in ``HF_HOME/alignscore-metric``; where the
    entry itself has none, they are required from then on.

    Args:
        entry: A name in `REGISTRY`, or a file on the Hub.
        local_files_only: Never use the network; ``HF_HUB_OFFLINE=1`` does the same.

    Returns:
        Its path in the Hub cache and its hash.

    Raises:
        ConfigurationError: No such name.
        MissingResourceError: Not in the cache and not to be had; names the command to type.
        CheckpointError: Its bytes are not the expected ones, or the record of them is damaged.
    """
    if isinstance(entry, str):
        if entry not in REGISTRY:
            raise ConfigurationError(
                f"unknown name {entry!r}{did_you_mean(entry, REGISTRY)}; known: "
                f"{', '.join(REGISTRY)}"
            )
        entry = REGISTRY[entry]
    record_file = _record_file(entry)
    record = _read_record(record_file)
    if record is not None:
        entry = replace(entry, revision=entry.revision or record.revision)
    path = _download(entry, local_files_only=local_files_only)
    known = entry.sha256 or (record.sha256 if record else None)
    stat = path.stat()
    stamp = (stat.st_size, stat.st_mtime_ns, stat.st_ino)
    if record is not None and (record.sha256, record.stamp) == (known, stamp):
        return VerifiedFile(path, record.sha256)
    found = sha256(path)
    _check(entry, path, found, known, record_file)
    # A snapshot lies at .../snapshots/COMMIT/FILE.
    _write_record(record_file, _Record(path.parent.name, found, stamp), entry)
    return VerifiedFile(path, found)


def fetch_backbone(name: str, *, local_files_only: bool = False) -> Path:
    """The folder with the configuration and tokenizer of a backbone; otherwise as `fetch`.

    Args:
        name: A name in `BACKBONES`.
        local_files_only: Never use the network.
    """
    return fetch_folder(BACKBONES[name], what=f"the backbone {name}", local=local_files_only)


def fetch_folder(files: Sequence[HubFile], *, what: str, local: bool = False) -> Path:
    """The folder that holds files of one commit; otherwise as `fetch`.

    Args:
        files: At least one.
        what: They are, for the error.
        local: Never use the network.
    """
    try:
        found = [fetch(file, local_files_only=local) for file in files]
    except MissingResourceError as cause:
        raise MissingResourceError(f"{cause}; {what} needs all of: {_command(*files)}") from cause
    return found[0].path.parent


def cached_folder(name: str) -> Path | None:
    """The newest snapshot of a repository in the Hub's cache on this machine, if it is there.

    Args:
        name: As ``owner/name``; nothing is fetched.
    """
    from huggingface_hub import try_to_load_from_cache

    if name.count("/") != 1:
        return None
    try:
        found = try_to_load_from_cache(name, "config.json")
    except ValueError:  # no possible repository name: somebody's mistyped path
        return None
    return Path(found).parent if isinstance(found, str) else None


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """The name that was meant, as a question to put into an error; empty where none is near.

    Example:
        >>> did_you_mean("alignscore_LARGE", REGISTRY)
        ' (did you mean AlignScore-large?)'
    """
    spelt = {_plain(each): each for each in known}
    near = difflib.get_close_matches(_plain(name), spelt, n=1, cutoff=0.75)
    return f" (did you mean {spelt[near[0]]}?)" if near else ""


def _plain(name: str) -> str:
    """A name without what is easily mistaken: its owner, case and joints."""
    return re.sub("[^a-z0-9]", "", name.lower().rpartition("/")[2].removesuffix(".ckpt"))


def _download(entry: HubFile, *, local_files_only: bool) -> Path:
    """The file in the Hub cache. What arrives incomplete never gets there."""
    from huggingface_hub import (
        get_hf_file_metadata,
        hf_hub_download,
        hf_hub_url,
        try_to_load_from_cache,
    )
    from huggingface_hub.errors import HfHubHTTPError

    # First: hf_hub_download may send a request, for its headers, even for a file that is here.
    cached = try_to_load_from_cache(entry.repo, entry.file, revision=entry.revision)
    if isinstance(cached, str):
        return Path(cached)
    try:
        if local_files_only:
            raise FileNotFoundError("local_files_only forbids the network")
        with suppress(HfHubHTTPError):  # of a server that answers, hf_hub_download says more
            # First: where there is no network, hf_hub_download tries for up to a minute.
            url = hf_hub_url(entry.repo, entry.file, revision=entry.revision)
            get_hf_file_metadata(url, timeout=CONNECT_SECONDS)
        return Path(hf_hub_download(entry.repo, entry.file, revision=entry.revision))
    except Exception as cause:  # OSError, or the errors of whichever HTTP client the Hub's uses
        reason = str(cause.__cause__ or cause).strip().split("\n")[0]
        raise MissingResourceError(
            f"{entry.file} of {entry.repo} is not in the Hub cache and cannot be fetched "
            f"({reason}); where there is a network, type: {_command(entry)}"
        ) from cause


def _check(entry: HubFile, path: Path, found: str, known: str | None, record_file: Path) -> None:
    """Refuse a file whose hash `found` is not the one announced by the Hub, or the known one."""
    blob = path.readlink().name if path.is_symlink() else ""
    again = f"fetch it again with: {_command(entry)} --force-download"
    if re.fullmatch("[0-9a-f]{64}", blob) and blob != found:  # named so by the Hub cache
        raise CheckpointError(
            f"{path} is damaged: its sha256 is {found}, the Hub announced {blob}; {again}"
        )
    if known in (None, found):
        return
    if entry.sha256 is not None:
        raise CheckpointError(
            f"{path} has sha256 {found}, but the official file is known to have {known}; {again}, "
            "or give its path instead of its name to load it all the same"
        )
    raise CheckpointError(
        f"{path} has sha256 {found}, but had {known} when it was first loaded here; {again}, or "
        f"delete {record_file} to accept the change"
    )


def _command(*entries: HubFile) -> str:
    """What to type to put files of one repository into the Hub cache."""
    repo, revision = entries[0].repo, entries[0].revision
    pin = f" --revision {revision}" if revision else ""
    return f"hf download {repo} {' '.join(entry.file for entry in entries)}{pin}"


def _record_file(entry: HubFile) -> Path:
    from huggingface_hub.constants import HF_HOME

    name = f"{entry.repo}/{entry.file}".replace("/", "--")
    return Path(HF_HOME) / "alignscore-metric" / f"{name}.json"


def _read_record(file: Path) -> _Record | None:
    if not file.exists():
        return None
    try:
        values = json.loads(file.read_text(encoding="utf-8"))
        size, mtime_ns, inode = values["stamp"]
        return _Record(values["revision"], values["sha256"], (size, mtime_ns, inode))
    except (OSError, ValueError, KeyError, TypeError) as cause:
        raise CheckpointError(
            f"{file}, the record of a checkpoint's hash, cannot be read ({cause!r}); delete it to "
            "accept the checkpoint as it is now"
        ) from cause


def _write_record(file: Path, record: _Record, entry: HubFile) -> None:
    """Write a record whole or not at all: other processes may read and write it meanwhile."""
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        with whole_path(file) as beside:
            beside.write_text(json.dumps(asdict(record)), encoding="utf-8")
    except OSError as cause:
        if entry.sha256 is not None:
            return  # checked all the same, by hashing the file at each load
        raise MissingResourceError(
            f"cannot record the hash of {entry.file} in {file} ({cause}); set HF_HOME to a folder "
            "that you can write to"
        ) from cause
