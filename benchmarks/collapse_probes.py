"""R3F, R4F, SAM and plain training on the same budget: dev results and the collapse probes.

Runs `alignscore probe` on all-MiniLM-L6-v2: minutes on a GPU. On a CPU core, three seeds of four
regularisers take about an hour with `--layers 2 --steps 4`, which tells nothing apart.

    python benchmarks/collapse_probes.py --data DIR --output probes
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import yaml
from transformers import AutoModel, AutoTokenizer

from alignscore_metric.commands.main import main as alignscore
from alignscore_metric.training.start import encoder_folder

LIMITS = {"mnli": 10_000, "rte": 2500, "mrpc": 3000, "qqp": 4000, "x_parade": 4000}
REGULARISERS = {
    "plain": None,
    "r3f": {"name": "r3f"},
    "r4f": {"name": "r4f"},
    "sam": {"name": "sam"},
}


def plan(encoder: str, steps: int | None) -> dict[str, object]:
    """The plan's keys; dropout, because R3F's noise alone is below what its term can resolve."""
    files = {"train": "{}.jsonl.gz", "dev": "{}.dev.jsonl.gz"}
    return {
        "encoder": encoder,
        "pooling": "claim_mean",
        "profile": {"head": "bin", "supported": 1, "max_length": 192},
        "max_steps": steps,
        "epochs": 3,
        "batch_tokens": 6144,
        "learning_rate": 2e-4,
        "dropout": 0.1,
        "precision": "fp32",
        "tasks": [
            {key: file.format(name) for key, file in files.items()}
            | {"name": name, "head": "tri" if name == "mnli" else "bin"}
            | {"limit": limit, "dev_limit": 2000}
            for name, limit in LIMITS.items()
        ],
        "cycle": ["mrpc", "x_parade"],
        "rounds": 2,
        "seeds": [0, 1, 2],
        "regularisers": REGULARISERS,
    }


def shortened(layers: int, folder: Path) -> None:
    """Write an encoder of the first layers of MiniLM."""
    source = encoder_folder("all-MiniLM-L6-v2")
    model = AutoModel.from_pretrained(source)
    model.encoder.layer = model.encoder.layer[:layers]
    model.config.num_hidden_layers = layers
    model.save_pretrained(folder)
    AutoTokenizer.from_pretrained(source).save_pretrained(folder)


def main() -> None:
    """Make the encoder and the plan, and run the probes."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--data", type=Path, required=True, help="folder of NAME.jsonl.gz files")
    parser.add_argument("--output", type=Path, required=True, help="folder for the results")
    parser.add_argument("--layers", type=int, default=6, help="of the encoder, 1 to 6 (6)")
    parser.add_argument("--steps", type=int, help="of each stage at most (3 epochs)")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        shortened(args.layers, Path(folder))
        file = args.output / "plan.yaml"
        args.output.mkdir(parents=True, exist_ok=True)
        file.write_text(yaml.safe_dump(plan(folder, args.steps)), encoding="utf-8")
        alignscore(["probe", str(file), "--data", str(args.data), "--output", str(args.output)])


if __name__ == "__main__":
    main()
