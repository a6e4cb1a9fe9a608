"""What every kind of checkpoint is read into, before a model is built of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from torch import Tensor

from alignscore_metric.checkpoint.aligner import AlignerConfig
from alignscore_metric.checkpoint.tokenizer import Tokenizer


@dataclass(frozen=True)
class Parts:
    """What every kind of checkpoint is read into.

    Attributes:
        name: For people and signatures: no path.
        config: The architecture, with its profile.
        tensors: Weights by `Aligner`'s names.
        tokenizer: A fast tokenizer.
        weights: The file that holds the weights.
        weights_sha256: Its hash, 64 hexadecimal digits.
        tokenizer_sha256: Hash of the tokenizer file.
    """

    name: str
    config: AlignerConfig
    tensors: Mapping[str, Tensor]
    tokenizer: Tokenizer
    weights: Path
    weights_sha256: str
    tokenizer_sha256: str
