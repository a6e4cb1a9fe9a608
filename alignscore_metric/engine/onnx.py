"""An aligner as one ONNX graph, token ids in, scores out: for those who serve without torch.

Owns the graph, its two precisions and the folder around it. The graph is compared with the aligner
before the folder appears.
"""

from __future__ import annotations

import contextlib
import io
import itertools
import json
import logging
import warnings
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import max_pool1d, pad

from alignscore_metric.arrays import Floats
from alignscore_metric.checkpoint.aligner import Aligner, pair_scores
from alignscore_metric.checkpoint.conversion import check_output
from alignscore_metric.checkpoint.loading import Checkpoint
from alignscore_metric.checkpoint.profile import Profile
from alignscore_metric.engine.encoding import PackedPairs, PairEncoder
from alignscore_metric.engine.precision import examples
from alignscore_metric.errors import MissingResourceError, NumericalError
from alignscore_metric.system.whole_files import whole_path

GRAPH = "model.onnx"
OPSET = 18
TOLERANCE = 1e-4
"""How far an fp32 graph's scores may lie from the aligner's."""

CHECKED_WORDS = (100, 50, 25, 12)
"""Of the examples' sources, in turns: the graph is compared on such pairs."""

GraphPrecision = Literal["fp32", "int8"]


class GraphError(NamedTuple):
    """How far a graph's scores lie from the aligner's, on pairs of the package's examples.

    Attributes:
        pairs: How many.
        largest: Largest absolute difference.
        mean: Mean absolute difference.
    """

    pairs: int
    largest: float
    mean: float


def write_graph(
    checkpoint: Checkpoint, profile: Profile, output: Path, *, precision: GraphPrecision = "fp32"
) -> GraphError:
    """Write a folder with the graph, the tokenizer, the profile and a card.

    Args:
        checkpoint: The aligner and its tokenizer.
        profile: Which head and class the score is.
        output: The folder; it must not exist, or be empty. It appears whole or not at all.
        precision: `int8` has the products with weights in 8-bit integers, embeddings in fp32.

    Returns:
        How far the graph's scores lie from the aligner's.

    Raises:
        ConfigurationError: The output exists.
        MissingResourceError: The extra `onnx` is not installed.
        NumericalError: The graph does not give the aligner's scores.
    """
    check_output(output)
    _require_onnx()
    batch = _checked_pairs(checkpoint, profile)
    with whole_path(output) as folder:
        folder.mkdir(parents=True)
        export(checkpoint.aligner, profile, folder / GRAPH, batch)
        exact = _scores(checkpoint.aligner, profile, batch)
        error = _error(folder / GRAPH, batch, exact)
        if not error.largest <= TOLERANCE:
            raise NumericalError(
                f"the graph's scores differ from the aligner's by up to {error.largest:.2g}: "
                "this encoder cannot be written as ONNX; serve it with `alignscore serve`"
            )
        if precision == "int8":
            _quantise(folder / GRAPH)
            error = _error(folder / GRAPH, batch, exact)
        checkpoint.aligner.config.profile = profile.to_dict()
        checkpoint.aligner.config.save_pretrained(folder)
        checkpoint.tokenizer.save_pretrained(folder)
        text = _card(checkpoint, batch, precision, error)
        (folder / "README.md").write_text(text, encoding="utf-8")
    return error


class ScoreGraph(nn.Module):
    """Token ids to scores, as an aligner and a profile give them.

    No shape in it depends on a number, which a traced graph would take for a constant.
    """

    def __init__(self, aligner: Aligner, profile: Profile) -> None:
        super().__init__()
        self.aligner = aligner
        self.profile = profile

    def forward(
        self, input_ids: Tensor, attention_mask: Tensor, token_type_ids: Tensor | None = None
    ) -> Tensor:
        """Scores, shape [N]; arguments as `Aligner.forward`."""
        aligner = self.aligner
        if not aligner.config.copied_ngrams or token_type_ids is None:
            return pair_scores(aligner(input_ids, attention_mask, token_type_ids), self.profile)
        claim = attention_mask * token_type_ids
        copied = copied_ngrams(
            input_ids, attention_mask, claim, longest=aligner.config.copied_ngrams
        )
        words = aligner.encoder.get_input_embeddings()(input_ids)
        words = words + aligner.copied_embeddings(copied)
        encoded = aligner.encode(attention_mask, token_type_ids, inputs_embeds=words)
        pooled = aligner._pooled(encoded, attention_mask, token_type_ids, copied)
        return pair_scores(aligner.heads(pooled), self.profile)


def copied_ngrams(
    input_ids: Tensor, attention_mask: Tensor, claim: Tensor, *, longest: int
) -> Tensor:
    """What `checkpoint.aligner.copied_ngrams` gives, by sliding maxima, which ONNX has.

    Example:
        >>> ids = torch.tensor([[1, 5, 6, 7, 2, 6, 7, 9, 2]])
        >>> claim = torch.tensor([[0, 0, 0, 0, 0, 1, 1, 1, 1]])
        >>> copied_ngrams(ids, torch.ones_like(ids), claim, longest=3).tolist()
        [[0, 0, 2, 2, 0, 2, 2, 0, 0]]
    """
    last = attention_mask.sum(dim=1, keepdim=True) - 1
    counts = (input_ids != input_ids.gather(1, last)) & (attention_mask > 0)
    contexts, claims = counts & (claim == 0), counts & (claim > 0)
    same = (input_ids[:, :, None] == input_ids[:, None, :]) & contexts[:, :, None]
    same = (same & claims[:, None, :]).float()
    runs, copied = same, torch.zeros_like(input_ids)
    for length in range(1, longest + 1):
        if length > 1:  # a run of n starts where a token agrees and a run of n - 1 follows it
            runs = same * pad(runs[:, 1:, 1:], (0, 1, 0, 1))
        for starts in (runs.amax(dim=2), runs.amax(dim=1)):
            covered = max_pool1d(pad(starts, (length - 1, 0))[:, None], length, stride=1)
            copied = copied + covered[:, 0].long()  # a token in a run of n is in one of n - 1
    return copied


def export(aligner: Aligner, profile: Profile, file: Path, batch: PackedPairs) -> None:
    """Write the graph: inputs as in `batch.padded()`, shape [pairs, tokens]; the output `score`.

    Args:
        aligner: On the CPU, in float32.
        profile: Which head and class the score is.
        file: Where to.
        batch: The first two pairs are traced; where they are equally long, so must all be.
    """
    traced = batch[:2]
    inputs = {name: torch.from_numpy(values) for name, values in traced.padded().items()}
    axes = {name: {0: "pairs", 1: "tokens"} for name in inputs} | {"score": {0: "pairs"}}
    with torch.no_grad(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of what tracing takes for constant: scores are compared
        torch.onnx.export(
            ScoreGraph(aligner, profile).eval(),
            tuple(inputs.values()),
            str(file),
            input_names=list(inputs),
            output_names=["score"],
            dynamic_axes=axes,
            opset_version=OPSET,
            dynamo=False,  # the newer exporter takes minutes, and a library more
        )


def _checked_pairs(checkpoint: Checkpoint, profile: Profile) -> PackedPairs:
    """Pairs of the package's examples, first the longest and the shortest."""
    sources, summaries, _ = examples()
    texts = [source if isinstance(source, str) else " ".join(source) for source in sources]
    encoder = PairEncoder(
        [
            " ".join(text.split()[:words])
            for text, words in zip(texts, itertools.cycle(CHECKED_WORDS), strict=False)
        ],
        summaries,
        tokenizer=checkpoint.tokenizer,
        profile=profile,
        mark_claim=checkpoint.aligner.reads_claim,
    )
    encoded = encoder.encode(np.stack([np.arange(len(texts))] * 2, axis=1))
    order = np.argsort(encoded.sizes[:, 0], kind="stable")
    return encoded.pack(np.concatenate([order[-1:], order[:-1]]))


@torch.no_grad()
def _scores(aligner: Aligner, profile: Profile, batch: PackedPairs) -> Floats:
    """What the aligner itself gives, pair by pair."""
    rows = [batch[row : row + 1].padded() for row in range(len(batch))]
    found = [
        pair_scores(aligner(**{k: torch.from_numpy(v) for k, v in row.items()}), profile)
        for row in rows
    ]
    return torch.cat(found).double().numpy()


def _error(file: Path, batch: PackedPairs, exact: Floats) -> GraphError:
    """Differences of the graph's scores, in batches of several shapes."""
    import onnxruntime

    session = onnxruntime.InferenceSession(str(file), providers=["CPUExecutionProvider"])
    parts = np.array_split(np.arange(len(batch)), 4)
    inputs = [batch[:1], *(batch[part[0] : part[-1] + 1] for part in parts)]
    first, *found = [session.run(["score"], part.padded())[0] for part in inputs]
    differences = np.abs(np.concatenate([first, *found]) - np.concatenate([exact[:1], exact]))
    return GraphError(len(batch), float(differences.max()), float(differences[1:].mean()))


def _quantise(file: Path) -> None:
    """Put a graph's products with weights into 8-bit integers, each output with its own scale."""
    from onnxruntime.quantization import QuantType, quantize_dynamic

    whole = file.rename(file.with_suffix(".fp32"))
    logging.disable(logging.WARNING)  # it recommends a step of its own
    try:
        with contextlib.redirect_stdout(io.StringIO()):  # it prints shapes
            quantize_dynamic(
                whole,
                file,
                op_types_to_quantize=["MatMul"],
                per_channel=True,
                weight_type=QuantType.QInt8,
            )
    finally:
        logging.disable(logging.NOTSET)
    whole.unlink()


def _require_onnx() -> None:
    try:
        import onnx  # noqa: F401
        import onnxruntime  # noqa: F401
    except ImportError as cause:
        raise MissingResourceError(
            f"ONNX needs a library ({cause}); pip install 'alignscore-metric[onnx]'"
        ) from cause


def _card(
    checkpoint: Checkpoint, batch: PackedPairs, precision: GraphPrecision, error: GraphError
) -> str:
    profile = json.dumps(checkpoint.aligner.config.profile, indent=1)
    inputs = ", ".join(f"`{name}`" for name in batch[:1].padded())
    return (
        f"# {checkpoint.name}, as an ONNX graph\n\n"
        f"Made by `alignscore convert --to-onnx {precision}` of `alignscore-metric` from "
        f"`{checkpoint.name}`, whose weights file has sha256 `{checkpoint.weights_sha256}`.\n\n"
        f"`{GRAPH}` (opset {OPSET}) takes {inputs}, int64, shape [pairs, tokens], of (chunk, "
        "sentence) pairs as `tokenizer.json` lays them out, and gives `score`, float32, shape "
        f"[pairs]. On {error.pairs} pairs it differs from the aligner in fp32 by at most "
        f"{error.largest:.1g}, on average by {error.mean:.1g}.\n\n"
        "A summary's score is made of these by the profile: sentences, chunks, maximum, mean, and "
        "the weight of copied words.\n\n"
        f"The licence is that of the original checkpoint.\n\n```json\n{profile}\n```\n"
    )
