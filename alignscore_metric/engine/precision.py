"""In which numbers an aligner computes, and which of them are the fastest that are good enough."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from alignscore_metric.arrays import Floats
from alignscore_metric.checkpoint.aligner import Aligner
from alignscore_metric.engine.int8 import multiplies_exactly, quantised
from alignscore_metric.engine.packed import can_pack
from alignscore_metric.errors import ConfigurationError, InputError, NumericalError
from alignscore_metric.system.allocator import keep_freed_memory
from alignscore_metric.system.whole_files import write_text

COMPUTED_IN = {
    "fp32": torch.float32,
    "bf16": torch.bfloat16,
    "fp16": torch.float16,
    "int8": torch.float32,  # but for what the linear layers do within themselves
}
"""Numbers that go into the encoder's linear layers and its attention, by a precision's name."""

AUTO = "auto"
PRECISIONS = (*COMPUTED_IN, AUTO)

WITHOUT_BF16 = frozenset(
    ["SSE41", "AVX", "AVX2", "AVX2_VNNI", "AVX2_VNNI_2", "AVX512_CORE", "AVX512_CORE_VNNI"]
)
"""Instructions that oneDNN may be held to and that multiply no bf16 numbers, by its names."""

LARGEST_CHANGE, AUC_CHANGE = 0.005, 0.001
"""What `auto` lets a precision change: any summary's score, and the AUC over all of them."""


def in_precision(aligner: Aligner, precision: str, device: torch.device) -> Aligner:
    """An aligner on a device, with weights in a precision's numbers.

    Embeddings, pooler and heads stay in float32. So do, on CPUs, norms and what is added from layer
    to layer: there the conversions cost nothing beside the rest, on GPUs a fifth of the time. An
    encoder that is not known (see `can_pack`) is left as it is, and computed by autocast.

    Args:
        aligner: In float32, on the CPU; it is changed, or shares its weights with the result.
        precision: One of `COMPUTED_IN`.
        device: Where to.

    Raises:
        ConfigurationError: int8 on another device than a CPU that is made for it.
    """
    if device.type == "cpu":
        keep_freed_memory()
    if precision == "int8":
        if device.type != "cpu":
            raise ConfigurationError(
                f"precision 'int8' is for CPUs, and the device is '{device}'; give "
                "precision='bf16', or device='cpu'"
            )
        return quantised(aligner)
    if precision != "fp32" and can_pack(aligner):
        for module in aligner.encoder.encoder.modules():
            if device.type != "cpu" or isinstance(module, nn.Linear):
                module.to(COMPUTED_IN[precision])
    aligner.to(device)
    return aligner


def faster_precisions(device: torch.device) -> Iterator[str]:
    """Precisions faster than fp32 on a device, the fastest first; of near equals, the finer."""
    if device.type == "cuda":
        yield "fp16"
        if torch.cuda.is_bf16_supported(including_emulation=False):
            yield "bf16"
    elif device.type == "cpu":
        if has_bf16():
            yield "bf16"
        if multiplies_exactly():
            yield "int8"


def has_bf16() -> bool:
    """Whether this CPU multiplies bf16 numbers itself; torch emulates it elsewhere, very slowly.

    Where oneDNN, which does torch's products, is held to older instructions, it does not.
    """
    limit = os.environ.get("ONEDNN_MAX_CPU_ISA") or os.environ.get("DNNL_MAX_CPU_ISA", "")
    if limit.upper() in WITHOUT_BF16:
        return False
    # Older versions cannot say.
    found: dict[str, Any] = getattr(torch.cpu, "get_capabilities", dict)()
    return any(found.get(name) for name in ("avx512_bf16", "amx_bf16", "bf16"))


def examples() -> tuple[list[str | list[str]], list[str], npt.NDArray[np.bool_]]:
    """Sources and summaries that come with the package, and which summaries are faithful."""
    file = Path(__file__).parents[1] / "data" / "examples.jsonl"
    rows = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
    faithful = np.array([row["faithful"] for row in rows])
    return [row["source"] for row in rows], [row["summary"] for row in rows], faithful


def choose(device: torch.device, score: Callable[[str], Floats], faithful: npt.ArrayLike) -> str:
    """The fastest precision that changes little.

    Args:
        device: Where it is to be fast.
        score: Scores of the examples in a precision, shape [N].
        faithful: Which of them are faithful, shape [N].

    Returns:
        A precision whose scores differ from fp32's by at most `LARGEST_CHANGE`, and their AUC by
        at most `AUC_CHANGE`; fp32 where there is none.
    """
    from alignscore_metric.scores.statistics import roc_auc, value

    exact: Floats | None = None
    for precision in faster_precisions(device):
        try:
            found = score(precision)
        except NumericalError:
            continue
        exact = score("fp32") if exact is None else exact
        before, after = (value(roc_auc(faithful, x), len(x)) for x in (exact, found))
        if np.abs(found - exact).max() <= LARGEST_CHANGE and abs(after - before) <= AUC_CHANGE:
            return precision
    return "fp32"


def remembered(key: dict[str, Any], find: Callable[[], str]) -> str:
    """What was found for this key before on this machine, else what is found now.

    Args:
        key: What the answer depends on.
        find: Finds it.
    """
    from huggingface_hub.constants import HF_HOME

    file = Path(HF_HOME) / "alignscore-metric" / "precision.json"
    name = json.dumps(key, sort_keys=True)
    try:
        known = json.loads(file.read_text(encoding="utf-8"))
        if known[name] in COMPUTED_IN:
            return str(known[name])
    except (OSError, ValueError, KeyError, TypeError):
        known = {}
    found = find()
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        write_text(file, json.dumps(known | {name: found}, indent=1))
    except (OSError, InputError, TypeError):
        pass  # it is found again the next time
    return found
