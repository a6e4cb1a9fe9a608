"""What the C library does with memory that is given back. Knows nothing of models."""

from __future__ import annotations

import ctypes
import os
from functools import cache

# Numbers of malloc.h.
TRIM_THRESHOLD, TOP_PAD, MMAP_THRESHOLD, ARENA_MAX = -1, -2, -3, -8

KEPT = 1 << 29
"""Bytes of freed memory that the process may keep."""


@cache
def keep_freed_memory() -> bool:
    """Let glibc keep up to 512 MB of freed memory for the next batch's tensors, from now on.

    It gives large blocks back to the system at once, and every batch takes them anew, page by page:
    a third of the time of a small model on a CPU. What one thread gives back, others may take: each
    would keep as much otherwise.

    Returns:
        Whether it does: not with another C library, nor where the environment says something of
        malloc's own settings, which stands.
    """
    if any(name.startswith(("MALLOC_", "GLIBC_TUNABLES")) for name in os.environ):
        return False
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError, TypeError):  # musl, macOS, Windows
        return False
    # The larger of the two limits for blocks of their own is refused by older versions.
    large = mallopt(MMAP_THRESHOLD, 1 << 30) or mallopt(MMAP_THRESHOLD, 1 << 25)
    kept = mallopt(TRIM_THRESHOLD, KEPT) and mallopt(TOP_PAD, 1 << 26)
    return bool(large and kept and mallopt(ARENA_MAX, 1))


def give_back_freed_memory() -> None:
    """Give back what `keep_freed_memory` kept: pieces of it that fit no new tensor would add up."""
    if keep_freed_memory.cache_info().currsize and keep_freed_memory():
        ctypes.CDLL(None).malloc_trim(0)
