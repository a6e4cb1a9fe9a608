"""The model card of an aligner: what it was trained on, under which licences, what it gives."""

from __future__ import annotations

from pathlib import Path

from alignscore_metric.training.recipe import Recipe

MEASURES = ("tri_accuracy", "bin_accuracy", "bin_auc", "reg_pearson")


def write_model_card(
    folder: Path,
    recipe: Recipe,
    *,
    counts: dict[str, int],
    metrics: dict[str, dict[str, float]],
    seconds: float,
) -> None:
    """Write `README.md` into the model's folder.

    Args:
        folder: Where the model was saved.
        recipe: The recipe it was trained by.
        counts: Training pairs per dataset.
        metrics: Per dev set what `evaluate_dev` gave.
        seconds: Wall time of the optimisation.
    """
    parts = [
        f"# {recipe.name}",
        "An aligner for `alignscore-metric`: an encoder with the heads `bin` (2-way), `tri` "
        "(3-way) and `reg` (scalar) of the ALIGN model. It tells how far a claim is supported by "
        "a text.",
        f"Started from `{recipe.encoder}`; pooling `{recipe.pooling}`; scores are read from the "
        f"`{recipe.profile.head}` head, class {recipe.profile.supported}, on chunks of about "
        f"{recipe.profile.chunk_words} words. Trained for {recipe.epochs} epoch(s), "
        f"{seconds / 60:.0f} minutes, at learning rate {recipe.learning_rate:g}, seed "
        f"{recipe.seed}.",
        "## Training data",
        _data_table(recipe, counts),
        "`+edits` are consistency pairs made from a set's documents by the project's own "
        "`training/synthetic.py`.",
        "## Held-out results",
        _metrics_table(metrics),
        "Rows of these sets were not trained on. Accuracy, AUC and Pearson in percent.",
    ]
    (folder / "README.md").write_text("\n\n".join(parts) + "\n", encoding="utf-8")


def _data_table(recipe: Recipe, counts: dict[str, int]) -> str:
    sources = [(source.name, source.licence) for source in recipe.data]
    sources += [(source.name, source.licence) for source in recipe.synthetic]
    rows = [f"| {name} | {counts.get(name, 0):,} | {licence} |" for name, licence in sources]
    return "\n".join(["| set | pairs | licence |", "|---|---|---|", *rows])


def _metrics_table(metrics: dict[str, dict[str, float]]) -> str:
    rows = [
        f"| {name} | {found['rows']:.0f} | "
        + " | ".join(f"{100 * found[m]:.1f}" if m in found else "" for m in MEASURES)
        + " |"
        for name, found in metrics.items()
    ]
    head = "| set | rows | " + " | ".join(m.replace("_", " ") for m in MEASURES) + " |"
    return "\n".join([head, "|---" * (2 + len(MEASURES)) + "|", *rows])
