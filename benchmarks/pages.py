"""What the scripts share: where their figures go, and the machine that they were made on."""

from __future__ import annotations

import platform
from collections.abc import Sequence
from pathlib import Path

import torch


def write_between_marks(page: Path, name: str, lines: Sequence[str]) -> None:
    """Replace what stands between `<!-- NAME -->` and `<!-- end of NAME -->` in a page.

    Args:
        page: A Markdown file with both marks, each on a line of its own.
        name: Of the marks.
        lines: Without line ends.
    """
    start, end = f"<!-- {name} -->\n", f"<!-- end of {name} -->\n"
    before, rest = page.read_text(encoding="utf-8").split(start)
    text = "".join(f"{line}\n" for line in lines)
    page.write_text(before + start + text + end + rest.split(end)[1], encoding="utf-8")


def machine() -> str:
    """Processor, logical cores and torch, for people."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text(encoding="utf-8").splitlines() if info.is_file() else []
    names = [line.split(":")[1].strip() for line in lines if line.startswith("model name")]
    flags = next((line.split() for line in lines if line.startswith("flags")), [])
    known = [name for name in ("avx512f", "avx512_bf16", "amx_bf16") if name in flags]
    processor = f"{names[0]}, {len(names)} logical cores" if names else platform.processor()
    return f"{processor} ({', '.join(known)}), torch {torch.__version__}"
