"""Tiny random checkers of each family, what transformers alone says of pairs, and the difference.

`python tests/checker_families.py` prints the table of largest differences. The expected scores are
of transformers' whole models, one pair at a time; this package's are of batches.
"""

from __future__ import annotations

import json
import shutil
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import transformers as hf
from safetensors.torch import save_file

from alignscore_metric.metric import AlignScore

SOURCE = "The bridge was closed on Monday after an inspection found cracks in two of its pillars. "
PAIRS = [
    (SOURCE, "The bridge was closed."),
    (SOURCE * 3, "It was closed on Monday, after cracks were found; nobody was hurt."),
    ("x", "y"),
    (SOURCE * 12, "The bridge stays shut."),  # longer than 512 tokens, which are bytes
    ("A. " * 160, "B " * 20),
    (SOURCE * 6, "No cracks, no inspection {at all}."),
]
LABELS = {0: "contradiction", 1: "entailment", 2: "neutral"}
SIZES = {
    "vocab_size": 270,
    "hidden_size": 16,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 24,
    "pad_token_id": 1,
}
T5_SIZES = {
    "vocab_size": 270,
    "d_model": 16,
    "d_kv": 8,
    "d_ff": 24,
    "num_layers": 2,
    "num_heads": 2,
    "feed_forward_proj": "gated-gelu",
    "pad_token_id": 1,
    "eos_token_id": 2,
    "decoder_start_token_id": 1,
}
PROMPT = (
    "<pad> Determine if the hypothesis is true given the premise?\n\n"
    "Premise: {context}\n\nHypothesis: {claim}"
)
SUMMARY = "\nSummarize the following text:\npassage 1: {context}\noutput:\n"


@dataclass(frozen=True)
class Family:
    """A family of checkers.

    Attributes:
        write: Writes one with random weights beside a tokenizer; gives the whole model.
        expected: What a model and a tokenizer say of a context and a claim.
        profile: Its profile, where its labels do not give one.
    """

    write: Callable[[Path], hf.PreTrainedModel]
    expected: Callable[[hf.PreTrainedModel, hf.PreTrainedTokenizerBase, str, str], float]
    profile: str | None = None


def randomise(model: hf.PreTrainedModel) -> hf.PreTrainedModel:
    for parameter in model.parameters():
        noise = torch.randn(parameter.shape)
        parameter.data = 0.5 * noise if parameter.dim() > 1 else parameter.data + 0.2 * noise
    if hasattr(model, "tie_weights"):
        model.tie_weights()
    return model.eval()


def sequence(config: hf.PreTrainedConfig) -> Family:
    """A classifier of entailment, written as its authors do."""

    def write(folder: Path) -> hf.PreTrainedModel:
        model = randomise(hf.AutoModelForSequenceClassification.from_config(config))
        model.save_pretrained(folder)
        return model

    return Family(write, pair_score)


@torch.no_grad()
def pair_score(model, tokenizer, context: str, claim: str) -> float:
    inputs = tokenizer(context, claim, truncation="only_first", max_length=512, return_tensors="pt")
    if getattr(model.config, "type_vocab_size", 0) < 2:
        inputs.pop("token_type_ids", None)
    return float(model(**inputs).logits.softmax(dim=1)[0, 1])


def write_tokens(folder: Path) -> hf.PreTrainedModel:
    config = hf.ModernBertConfig(**MODERNBERT, num_labels=2)
    model = randomise(hf.ModernBertForTokenClassification(config))
    model.save_pretrained(folder)
    return model


@torch.no_grad()
def token_probabilities(model, tokenizer, context: str, claim: str) -> torch.Tensor:
    """Of each of a claim's tokens: how likely it is unsupported, as LettuceDetect's code has it."""
    inputs = tokenizer(
        SUMMARY.format(context=context),
        claim,
        truncation="only_first",
        max_length=4096,
        return_tensors="pt",
    )
    inputs.pop("token_type_ids", None)
    tokens = len(tokenizer(claim, add_special_tokens=False)["input_ids"])
    return model(**inputs).logits[0, -tokens - 1 : -1].softmax(dim=1)[:, 1]


def token_score(model, tokenizer, context: str, claim: str) -> float:
    return 1 - float(token_probabilities(model, tokenizer, context, claim).max())


def write_hhem(folder: Path) -> hf.PreTrainedModel:
    """HHEM-2.1-Open's layout: its tensors' names, its configuration, its code beside it."""
    model = randomise(hf.T5ForTokenClassification(hf.T5Config(**T5_SIZES, num_labels=2)))
    tensors = {
        f"t5.{name}": tensor.contiguous()
        for name, tensor in model.state_dict().items()
        if not name.endswith("embed_tokens.weight")
    }
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
    config = {
        "architectures": ["HHEMv2ForSequenceClassification"],
        "auto_map": {
            "AutoConfig": "code_beside.HHEMv2Config",
            "AutoModelForSequenceClassification": "code_beside.HHEMv2ForSequenceClassification",
        },
        "model_type": "HHEMv2Config",
    }
    (folder / "config.json").write_text(json.dumps(config), encoding="utf-8")
    return model


@torch.no_grad()
def hhem_score(model, tokenizer, context: str, claim: str) -> float:
    text = PROMPT.format(context=context, claim=claim)
    return float(model(**inputs_of(tokenizer, text)).logits[0, 0].softmax(dim=0)[1])


def seq2seq(*, tied: bool) -> Family:
    def write(folder: Path) -> hf.PreTrainedModel:
        config = hf.T5Config(**T5_SIZES, tie_word_embeddings=tied)
        model = randomise(hf.T5ForConditionalGeneration(config))
        tensors = dict(model.state_dict())
        if not tied:
            model.lm_head.weight = torch.nn.Parameter(torch.randn(270, 16))
            tensors["lm_head.weight"] = model.lm_head.weight.detach()
        torch.save(tensors, folder / "pytorch_model.bin")  # as MiniCheck's is, every name in it
        values = config.to_dict() | {
            "architectures": ["T5ForConditionalGeneration"],
            "tie_word_embeddings": tied,
        }
        del values["scale_decoder_outputs"]  # which older configurations do not have
        (folder / "config.json").write_text(json.dumps(values), encoding="utf-8")
        return model

    return Family(write, minicheck_score, "minicheck-t5")


@torch.no_grad()
def minicheck_score(model, tokenizer, context: str, claim: str) -> float:
    inputs = inputs_of(tokenizer, f"predict: {context}</s>{claim}")
    start = torch.tensor([[model.config.decoder_start_token_id]])
    logits = model(**inputs, decoder_input_ids=start).logits[0, 0]
    answers = [tokenizer(answer, add_special_tokens=False)["input_ids"][0] for answer in "01"]
    return float(logits[answers].softmax(dim=0)[1])


def inputs_of(tokenizer, text: str) -> dict[str, torch.Tensor]:
    inputs = tokenizer(text, return_tensors="pt")
    return {key: inputs[key] for key in ("input_ids", "attention_mask")}


NLI = {"id2label": LABELS, "label2id": {name: index for index, name in LABELS.items()}}
DEBERTA = {
    "relative_attention": True,
    "position_buckets": 16,
    "pos_att_type": ["p2c", "c2p"],
    "position_biased_input": False,
    "max_position_embeddings": 512,
}
MODERNBERT = SIZES | {
    "num_hidden_layers": 4,
    "global_attn_every_n_layers": 2,
    "local_attention": 16,
    "max_position_embeddings": 8192,
    "cls_token_id": 0,
    "sep_token_id": 2,
    "bos_token_id": 0,
    "eos_token_id": 2,
}
POSITIONS = {"max_position_embeddings": 514, "type_vocab_size": 1}

FAMILIES: dict[str, Family] = {
    "BERT": sequence(hf.BertConfig(**SIZES, **NLI)),
    "RoBERTa": sequence(hf.RobertaConfig(**SIZES, **POSITIONS, **NLI)),
    "ALBERT": sequence(hf.AlbertConfig(**SIZES, embedding_size=8, **NLI)),
    "ELECTRA": sequence(hf.ElectraConfig(**SIZES, embedding_size=8, **NLI)),
    "DistilBERT": sequence(
        hf.DistilBertConfig(
            vocab_size=270, dim=16, n_layers=2, n_heads=2, hidden_dim=24, pad_token_id=1, **NLI
        )
    ),
    "DeBERTa-v1": sequence(hf.DebertaConfig(**SIZES, **DEBERTA, max_relative_positions=512, **NLI)),
    "DeBERTa-v2/v3": sequence(hf.DebertaV2Config(**SIZES, **DEBERTA, **NLI)),
    "ModernBERT, Ettin (first token)": sequence(
        hf.ModernBertConfig(**MODERNBERT, classifier_pooling="cls", **NLI)
    ),
    "ModernBERT (mean)": sequence(
        hf.ModernBertConfig(**MODERNBERT, classifier_pooling="mean", **NLI)
    ),
    "MPNet": sequence(hf.MPNetConfig(**SIZES, max_position_embeddings=514, **NLI)),
    "BART": sequence(
        hf.BartConfig(
            vocab_size=270,
            d_model=16,
            encoder_layers=2,
            decoder_layers=2,
            encoder_attention_heads=2,
            decoder_attention_heads=2,
            encoder_ffn_dim=24,
            decoder_ffn_dim=24,
            max_position_embeddings=512,
            pad_token_id=1,
            eos_token_id=2,
            bos_token_id=0,
            **NLI,
        )
    ),
    "ModernBERT tokens (LettuceDetect)": Family(write_tokens, token_score, "lettucedetect"),
    "T5 encoder (HHEM-2.1-Open)": Family(write_hhem, hhem_score),
    "T5, own last layer (MiniCheck-Flan-T5)": seq2seq(tied=False),
    "T5, tied last layer": seq2seq(tied=True),
}


def write_family(name: str, folder: Path, tokenizer: Path) -> hf.PreTrainedModel:
    """Write a family's checker into a folder that is made; gives transformers' whole model."""
    torch.manual_seed(sum(map(ord, name)))
    shutil.copytree(tokenizer, folder)
    return FAMILIES[name].write(folder)


def differences(name: str, folder: Path, tokenizer: Path) -> np.ndarray:
    """Of each pair: what this package's score is off transformers'; several pairs in a batch."""
    family = FAMILIES[name]
    model = write_family(name, folder, tokenizer)
    loaded = hf.AutoTokenizer.from_pretrained(tokenizer)
    expected = [family.expected(model, loaded, *pair) for pair in PAIRS]
    assert max(expected) - min(expected) > 1e-3, expected  # else any model would do
    found = scores(folder, family.profile)
    return np.abs(np.array(found) - expected)


def scores(folder: Path, profile: str | None) -> list[float]:
    metric = AlignScore(
        folder,
        profile=profile,
        splitter="bundled_punkt",
        texts="raw",
        device="cpu",
        progress=False,
    )
    contexts, claims = map(list, zip(*PAIRS, strict=True))
    numbers = np.repeat(np.arange(len(PAIRS)), 2).reshape(-1, 2)
    return metric._pipeline.engine.score(contexts, claims, numbers).tolist()


def main(tokenizer: Path) -> None:
    """Print the table."""
    sys.stdout.write("| architecture | largest difference to transformers |\n|---|---|\n")
    with tempfile.TemporaryDirectory() as folder:
        for number, name in enumerate(FAMILIES):
            found = differences(name, Path(folder) / str(number), tokenizer).max()
            sys.stdout.write(f"| {name} | {found:.1e} |\n")


if __name__ == "__main__":
    import warnings

    from conftest import write_byte_tokenizer

    warnings.simplefilter("ignore")
    hf.utils.logging.disable_progress_bar()
    with tempfile.TemporaryDirectory() as place:
        main(write_byte_tokenizer(Path(place)))
