"""What computes on this machine, in words, so that a speed can be read together with it.

Knows nothing of what is computed.
"""

from __future__ import annotations

import os
import platform
from pathlib import Path

_CPU_INFO = Path("/proc/cpuinfo")


def processor() -> str:
    """The processor's name and how many of its cores this process may use."""
    cores = usable_cores()
    return f"{_processor_name()}, {cores} core{'s' * (cores != 1)}"


def usable_cores() -> int:
    """Cores that this process may run on."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _processor_name() -> str:
    """As the kernel names it; `platform` knows no more than the architecture on Linux."""
    if _CPU_INFO.is_file():
        for line in _CPU_INFO.read_text(encoding="utf-8", errors="replace").splitlines():
            key, _, value = line.partition(":")
            if key.strip() == "model name":
                return " ".join(value.split())
    return platform.processor() or platform.machine()
