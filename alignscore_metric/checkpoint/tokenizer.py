"""Fast tokenizers: the file `tokenizer.json` and what its neighbours say. Knows nothing of models.

The tokenizers library does the work; of transformers' tokenizers, which take seconds to import,
scoring needs a few values. A folder of a kind that is not known here is read by them.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tokenizers import Tokenizer as Backend
from tokenizers.normalizers import BertNormalizer

from alignscore_metric.checkpoint.foreign import read_tokenizer
from alignscore_metric.errors import CheckpointError

TOKENIZER = "tokenizer.json"
TOKENIZER_FILES = (TOKENIZER, "vocab.json", "vocab.txt", "spm.model", "spiece.model")

TYPED = ("input_ids", "token_type_ids", "attention_mask")
UNTYPED = ("input_ids", "attention_mask")

_PLAIN: dict[str, Any] = {"model_input_names": UNTYPED}
_BERT: dict[str, Any] = {"pad_token": "[PAD]", "model_input_names": TYPED}
_ROBERTA = {"pad_token": "<pad>", "eos_token": "</s>", "model_input_names": UNTYPED}
TOKENIZER_KINDS: dict[str, dict[str, Any]] = {
    "TokenizersBackend": _PLAIN,
    "PreTrainedTokenizer": _PLAIN,
    "BertTokenizer": _BERT,
    "RobertaTokenizer": _ROBERTA,
}
"""Defaults of transformers' classes that go by `tokenizer.json`, by name without `Fast`."""

TOKENIZER_CLASSES = {"bert": "BertTokenizer", "roberta": "RobertaTokenizer"}
"""The class by `model_type`, where `tokenizer_config.json` names none."""

NO_LIMIT = int(1e30)
"""What transformers has for a tokenizer that names no longest text."""


@dataclass(frozen=True)
class Tokenizer:
    """A fast tokenizer; attributes have the names of transformers' tokenizers.

    Attributes:
        folder: Where it was read from.
        backend_tokenizer: What turns texts into ids; neither truncates nor pads.
        pad_token_id: Id of the padding token, if it has one.
        eos_token: The token that ends a text, if it has one.
        model_input_names: With `token_type_ids` where the model is told of token types.
        model_max_length: Most tokens of a text.
    """

    folder: Path
    backend_tokenizer: Backend
    pad_token_id: int | None
    eos_token: str | None
    model_input_names: tuple[str, ...]
    model_max_length: int

    def __len__(self) -> int:
        """Number of tokens, added ones among them."""
        return int(self.backend_tokenizer.get_vocab_size())

    def get_vocab(self) -> dict[str, int]:
        """Ids by token."""
        return dict(self.backend_tokenizer.get_vocab())

    def save_pretrained(self, folder: Path) -> None:
        """Write it as transformers does."""
        read_tokenizer(self.folder).save_pretrained(folder)


def load_tokenizer(folder: Path) -> Tokenizer:
    """The fast tokenizer in a folder.

    Raises:
        CheckpointError: There is none, or it is damaged.
    """
    if not any((folder / file).is_file() for file in TOKENIZER_FILES):
        raise CheckpointError(f"{folder} has no tokenizer: put its {TOKENIZER} there")
    try:
        return _known(folder) or _foreign(folder)
    except CheckpointError:
        raise
    except Exception as cause:  # whatever a library makes of a damaged file
        raise CheckpointError(f"cannot load the tokenizer in {folder}: {cause}") from cause


def _known(folder: Path) -> Tokenizer | None:
    """The tokenizer of a folder of a known kind."""
    options = _read_json(folder / "tokenizer_config.json")
    model_type = _read_json(folder / "config.json").get("model_type")
    name = options.get("tokenizer_class") or TOKENIZER_CLASSES.get(str(model_type), "")
    kind = TOKENIZER_KINDS.get(name.removesuffix("Fast"))
    file = folder / TOKENIZER
    if kind is None or not file.is_file():
        return None
    backend = Backend.from_file(str(file))
    if kind is _BERT and not _is_normalised(backend, options):
        return None
    values = kind | {key: value for key, value in options.items() if value is not None}
    backend.no_truncation()
    backend.no_padding()
    padding = _text(values.get("pad_token"))
    return Tokenizer(
        folder,
        backend,
        pad_token_id=None if padding is None else backend.token_to_id(padding),
        eos_token=_text(values.get("eos_token")),
        model_input_names=tuple(values["model_input_names"]),
        model_max_length=int(values.get("model_max_length", NO_LIMIT)),
    )


def _is_normalised(backend: Backend, options: dict[str, Any]) -> bool:
    """Whether `tokenizer.json` normalises as the options say, which transformers goes by."""
    found = backend.normalizer
    return isinstance(found, BertNormalizer) and (
        (found.lowercase, found.strip_accents, found.handle_chinese_chars)
        == (
            options.get("do_lower_case", True),
            options.get("strip_accents"),
            options.get("tokenize_chinese_chars", True),
        )
    )


def _foreign(folder: Path) -> Tokenizer:
    """A tokenizer that transformers reads."""
    found = read_tokenizer(folder)
    if not found.is_fast:
        raise CheckpointError(f"the tokenizer in {folder} has no fast version ({TOKENIZER})")
    backend = found.backend_tokenizer
    backend.no_truncation()
    backend.no_padding()
    return Tokenizer(
        folder,
        backend,
        pad_token_id=found.pad_token_id,
        eos_token=found.eos_token,
        model_input_names=tuple(found.model_input_names),
        model_max_length=found.model_max_length,
    )


def _read_json(file: Path) -> dict[str, Any]:
    """What a file holds; nothing where there is none."""
    return dict(json.loads(file.read_text(encoding="utf-8"))) if file.is_file() else {}


def _text(token: str | dict[str, Any] | None) -> str | None:
    """A token as configurations write it: its text, or a description with its text."""
    return str(token["content"]) if isinstance(token, dict) else token
