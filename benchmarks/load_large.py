"""Load time and peak memory of a checkpoint of AlignScore-large's shape, with random weights.

Written once as an official `.ckpt`, with the masked-language-model head that the real one has and
an optimiser's state of `--optimiser-gb`, and once as a converted folder of safetensors. Each is
then loaded in fresh processes that score one pair and read every weight: they are mapped from the
file, and take no memory until they are used. Peak memory is the highest resident set (Linux). The
baseline is a process that does the same with a tiny model, so that what is left is what the weights
cost. The load time includes hashing the file.

    python benchmarks/load_large.py --repeats 5
"""

import argparse
import json
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import torch
from tokenizers import Tokenizer, models, pre_tokenizers, processors
from transformers import AutoConfig, PreTrainedTokenizerFast, RobertaModel

from alignscore_metric.checkpoint.backbones import ARCHITECTURES
from alignscore_metric.checkpoint.conversion import convert

CHILD = """
import json, re, sys, time
from pathlib import Path
from alignscore_metric import AlignScore
model, backbone = sys.argv[1], sys.argv[2] or None
started = time.perf_counter()
metric = AlignScore(model, backbone=backbone, mode="nli", device="cpu", progress=False)
loaded = time.perf_counter() - started
metric.score(["a b c d e f"], ["a b"])
scored = time.perf_counter() - started
aligner = metric._pipeline.engine.aligner
for parameter in aligner.parameters():  # embeddings that no text has used yet, too
    parameter.sum()
# Not ru_maxrss: a process inherits that of the one which started it.
peak = 1024 * int(re.search(r"VmHWM:\\s+(\\d+)", Path("/proc/self/status").read_text())[1])
print(json.dumps({"load_s": loaded, "load_and_score_s": scored, "peak_bytes": peak}))
"""
TINY = {
    "hidden_size": 32,
    "num_hidden_layers": 1,
    "num_attention_heads": 2,
    "intermediate_size": 32,
}


def write_backbone(folder: Path, sizes: dict[str, int]) -> None:
    """A RoBERTa configuration and a tokenizer of bytes."""
    special = {"cls_token": "<s>", "pad_token": "<pad>", "sep_token": "</s>", "unk_token": "<unk>"}
    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    vocabulary = {token: index for index, token in enumerate([*special.values(), *letters])}
    tokenizer = Tokenizer(models.BPE(vocabulary, []))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.post_processor = processors.RobertaProcessing(("</s>", 2), ("<s>", 0))
    PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, model_max_length=512, **special
    ).save_pretrained(folder)
    AutoConfig.for_model(**ARCHITECTURES["roberta-large"] | sizes).save_pretrained(folder)


def write_checkpoint(file: Path, backbone: Path, optimiser_gb: float) -> int:
    """An official `.ckpt` with random weights; returns the bytes of the tensors that are used."""
    config = AutoConfig.from_pretrained(backbone)
    torch.manual_seed(0)
    base = RobertaModel(config).state_dict()
    width, words = config.hidden_size, config.vocab_size
    weights = {f"base_model.{name}": tensor for name, tensor in base.items()}
    for head, classes in (("bin", 2), ("tri", 3), ("reg", 1)):
        weights[f"{head}_layer.weight"] = torch.randn(classes, width)
        weights[f"{head}_layer.bias"] = torch.zeros(classes)
    used = sum(int(tensor.nbytes) for tensor in weights.values())
    weights["mlm_head.dense.weight"] = torch.randn(width, width)
    weights["mlm_head.decoder.weight"] = torch.randn(words, width)
    weights["mlm_head.decoder.bias"] = torch.zeros(words)
    state = {"exp_avg": torch.zeros(int(optimiser_gb * 1e9 / 4))}
    content = {
        "state_dict": weights,
        "hyper_parameters": {"model": "roberta-large"},
        "optimizer_states": [{"state": {0: state}}],
    }
    torch.save(content, file)
    return used


def measure(model: Path, backbone: str, repeats: int) -> list[dict[str, float]]:
    """Load and score in fresh processes."""
    command = [sys.executable, "-c", CHILD, str(model), backbone]
    return [
        json.loads(subprocess.run(command, check=True, capture_output=True).stdout)  # noqa: S603
        for _ in range(repeats)
    ]


def line(name: str, runs: list[dict[str, float]], *, baseline: float, used: int) -> str:
    """Median and range of the runs, for people."""
    parts = [f"{name:12}"]
    for key in ("load_s", "load_and_score_s"):
        values = [run[key] for run in runs]
        middle, low, high = statistics.median(values), min(values), max(values)
        parts.append(f"{key} {middle:.2f} ({low:.2f}-{high:.2f})")
    peaks = [run["peak_bytes"] for run in runs]
    parts.append(f"peak {max(peaks) / 1e9:.3f} GB (range {(max(peaks) - min(peaks)) / 1e9:.3f})")
    net = max(peaks) - baseline
    parts.append(f"above baseline {net / 1e9:.3f} GB = {net / used:.3f} x weights")
    return "  ".join(parts)


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the checkpoints, measure, print; returns the exit status."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--optimiser-gb", type=float, default=1.0, metavar="GB")
    options = parser.parse_args(arguments)
    folder = Path(tempfile.mkdtemp(prefix="load-large-"))
    try:
        for name, sizes in (("large", {}), ("tiny", TINY)):
            write_backbone(folder / name, sizes)
            used = write_checkpoint(folder / f"{name}.ckpt", folder / name, options.optimiser_gb)
            if name == "large":
                large = used
        convert(folder / "large.ckpt", folder / "converted", backbone=folder / "large")
        tiny = measure(folder / "tiny.ckpt", str(folder / "tiny"), options.repeats)
        baseline = statistics.median(run["peak_bytes"] for run in tiny)
        size = (folder / "large.ckpt").stat().st_size
        sys.stdout.write(
            f"weights {large / 1e9:.3f} GB; .ckpt file {size / 1e9:.3f} GB; baseline process "
            f"{baseline / 1e9:.3f} GB; {options.repeats} processes each: median (least-most)\n"
        )
        for name, model, backbone in (
            (".ckpt", folder / "large.ckpt", str(folder / "large")),
            ("safetensors", folder / "converted", ""),
        ):
            runs = measure(model, backbone, options.repeats)
            sys.stdout.write(line(name, runs, baseline=baseline, used=large) + "\n")
    finally:
        shutil.rmtree(folder)
    return 0


if __name__ == "__main__":
    sys.exit(main())
