"""Tensors from files, without running anything that a file may hold. Knows nothing of models.

safetensors files hold tensors alone. PyTorch's own files are pickles: they are read with torch's
restricted unpickler, which makes tensors and plain values and refuses every other class. Nothing is
added to what it allows: the checkpoints that AlignScore's code writes with Lightning need no more.
"""

from __future__ import annotations

import pickle
import re
import zipfile
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from alignscore_metric.errors import CheckpointError

WEIGHTS = "model.safetensors"


def read_tensors(file: Path) -> dict[str, Tensor]:
    """Named tensors of a `.safetensors` file or of a PyTorch file that is a plain state dict.

    They are mapped from the file, not copied: they take memory when they are first used, and the
    file must not be overwritten in place (replacing it is harmless) while they are in use.

    Raises:
        CheckpointError: The file is damaged, or holds anything else.
    """
    if file.suffix != ".safetensors":
        return check_tensors(read_torch(file), file)
    try:
        return load_file(file)
    except (SafetensorError, OSError, ValueError) as cause:
        raise CheckpointError(
            f"{file} is damaged or cut short ({cause}); fetch or write it again"
        ) from cause


def read_torch(file: Path) -> Any:  # noqa: ANN401  # whatever was saved
    """What a file of `torch.save` holds: tensors (mapped, not copied) and plain values.

    Raises:
        CheckpointError: The file is damaged, or holds objects that only a pickle can make.
    """
    # The older format without a zip directory is refused: nobody's checkpoint here has it, and a
    # truncated file looks the same.
    if not zipfile.is_zipfile(file):
        raise CheckpointError(
            f"{file} is no PyTorch file, or is cut short (it has no zip directory at its end); "
            "fetch it again and compare its size and sha256 with its source's"
        )
    _check_stored(file)
    try:
        return torch.load(file, map_location="cpu", weights_only=True, mmap=True)
    except pickle.UnpicklingError as cause:
        raise CheckpointError(
            f"{file} is refused: it holds {_refused(cause)} beside tensors and plain values, and "
            "making that could run code; ask for a file with tensors alone (safetensors)"
        ) from cause
    except Exception as cause:  # whatever torch makes of a damaged file
        reason = str(cause).splitlines()[0] if str(cause) else repr(cause)
        raise CheckpointError(f"{file} is damaged ({reason}); fetch it again") from cause


def _check_stored(file: Path) -> None:
    """Refuse what cannot be mapped from a file as it lies there: compressed or overlapping entries.

    torch writes neither. Mapped, compressed bytes would be taken for numbers; unpacked, a small
    file may fill any memory.

    Raises:
        CheckpointError: The file holds such an entry, or no readable directory.
    """
    try:
        with zipfile.ZipFile(file) as archive:
            entries = archive.infolist()
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as cause:
        raise CheckpointError(f"{file} is damaged ({cause}); fetch it again") from cause
    packed = [e.filename for e in entries if e.compress_type != zipfile.ZIP_STORED]
    if packed or sum(entry.file_size for entry in entries) > file.stat().st_size:
        what = f"{packed[0]!r} is compressed" if packed else "its entries overlap"
        raise CheckpointError(
            f"{file} was packed again by another program than torch: {what}; fetch the original, "
            "or unpack it and zip it without compression"
        )


def check_tensors(content: object, file: Path) -> dict[str, Tensor]:
    """The content, if it is a dict of named tensors.

    Raises:
        CheckpointError: It is not; names the first wrong entry.
    """
    if not isinstance(content, dict):
        raise CheckpointError(f"{file} holds a {type(content).__name__}, not named tensors")
    for name, value in content.items():
        if not isinstance(name, str) or not isinstance(value, Tensor):
            raise CheckpointError(f"{file}: {name!r} is a {type(value).__name__}, not a tensor")
    return dict(content)


def _refused(cause: pickle.UnpicklingError) -> str:
    """The class or function that the restricted unpickler met, in its own words."""
    found = re.search(r"GLOBAL ([\w.]+)", str(cause))
    return f"the object {found.group(1)!r}" if found else "an object"
