"""What transformers is asked for: configurations, encoders and tokenizers that are not known here.

Importing it takes longer than scoring hundreds of pairs: each function imports what it needs, and
what most aligners need is in `encoder` and `tokenizer`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import torch
from torch import Tensor, nn

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase
    from transformers.configuration_utils import PreTrainedConfig


@contextmanager
def quiet_transformers() -> Iterator[None]:
    """No bar for a file of a second's loading, no advice about model types; errors still rise."""
    from transformers.utils import logging

    verbosity, bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        logging.set_verbosity(verbosity)
        if bars:
            logging.enable_progress_bar()


def backbone_config(values: Mapping[str, Any]) -> PreTrainedConfig:
    """The configuration of a backbone from what differs from the defaults; with a `model_type`."""
    from transformers import AutoConfig

    with quiet_transformers():
        return AutoConfig.for_model(**values)


def read_config(folder: Path) -> PreTrainedConfig:
    """The configuration in a folder."""
    from transformers import AutoConfig

    with quiet_transformers():
        return AutoConfig.from_pretrained(folder, local_files_only=True, trust_remote_code=False)


def read_tokenizer(folder: Path) -> PreTrainedTokenizerBase:
    """The tokenizer in a folder."""
    from transformers import AutoTokenizer

    with quiet_transformers():
        return AutoTokenizer.from_pretrained(folder, local_files_only=True, trust_remote_code=False)


def foreign_encoder(
    backbone: Mapping[str, Any], *, pooler: bool, tensors: Mapping[str, Tensor] | None = None
) -> nn.Module:
    """Transformers' own encoder of a backbone.

    Args:
        backbone: Its configuration.
        pooler: Whether what is built on it reads its pooler.
        tensors: Its weights, which are not copied; where None, they are random.
    """
    from transformers import MODEL_MAPPING, AutoModel

    options = {} if pooler else {"add_pooling_layer": False}
    config = backbone_config(backbone)
    with quiet_transformers():
        if tensors is None:
            return cast("nn.Module", AutoModel.from_config(config, **options))
        encoder, _ = MODEL_MAPPING[type(config)].from_pretrained(
            None,
            config=config,
            state_dict=dict(tensors),
            dtype=torch.float32,
            output_loading_info=True,
            ignore_mismatched_sizes=True,  # `Aligner.from_tensors` names them
            **options,
        )
    return cast("nn.Module", encoder)


def context_pooler(config: PreTrainedConfig) -> nn.Module:
    """DeBERTa's pooler, which its encoder leaves to the model on top."""
    from transformers.models.deberta_v2.modeling_deberta_v2 import ContextPooler

    return cast("nn.Module", ContextPooler(config))
