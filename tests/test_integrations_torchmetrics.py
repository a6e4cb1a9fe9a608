"""The `torchmetrics.Metric`, in one process and in two, against `AlignScore`."""

import math
from pathlib import Path

import pytest
import torch

from alignscore_metric import AlignScore, InputError

torchmetrics = pytest.importorskip("torchmetrics", reason="needs the extra `torchmetrics`")

BATCHES = [
    (["The bridge was closed on Monday."] * 2, ["The bridge was closed. It rained.", ""]),
    ([["Snow fell.", "It melted."]], ["Snow fell on Friday."]),
    (["It rained all day."] * 3, ["It rained.", "It was dry.", " "]),
]


@pytest.fixture(scope="module")
def metric(tiny_aligner: Path) -> AlignScore:
    return AlignScore(tiny_aligner, progress=False)


@pytest.fixture(scope="module")
def expected(metric: AlignScore) -> float:
    """The mean of all batches' defined scores, in plain Python."""
    scores = [score for batch in BATCHES for score in metric.score(*batch)]
    defined = [score for score in scores if not math.isnan(score)]
    assert (len(scores), len(defined)) == (6, 4)
    return sum(defined) / len(defined)


def module_of(metric: AlignScore):
    from alignscore_metric.integrations.torchmetrics import AlignScoreMetric

    return AlignScoreMetric(metric)


def test_batches_add_up(metric, expected):
    module = module_of(metric)
    for batch in BATCHES:
        module.update(*batch)
    assert module.compute().item() == pytest.approx(expected, abs=1e-6)
    assert (module.count.item(), module.undefined.item()) == (4, 2)
    module.reset()
    module.update(*BATCHES[1])
    assert module.compute().item() == pytest.approx(metric.score(*BATCHES[1])[0], abs=1e-6)


def test_forward_gives_the_batch_and_keeps_the_sum(metric, expected):
    module = module_of(metric)
    for sources, summaries in BATCHES:
        defined = [s for s in metric.score(sources, summaries) if not math.isnan(s)]
        batch_mean = sum(defined) / len(defined)
        assert module(sources, summaries).item() == pytest.approx(batch_mean, abs=1e-6)
    assert module.compute().item() == pytest.approx(expected, abs=1e-6)


def test_undefined_alone_is_nan(metric):
    module = module_of(metric)
    module.update(["It rained."], [""])
    assert math.isnan(module.compute())
    assert module.undefined == 1


def test_bad_batch_changes_nothing(metric):
    module = module_of(metric)
    module.update(*BATCHES[1])
    with pytest.raises(InputError, match="row 1: the summary is missing"):
        module.update(["a", "b"], ["a", None])
    assert module.count == 1


def test_in_a_collection_and_cloned(metric, expected):
    """Lightning clones metrics for each of its loops: clones have sums of their own."""
    train = torchmetrics.MetricCollection({"alignscore": module_of(metric)})
    dev = train.clone(prefix="dev_")
    for batch in BATCHES:
        dev.update(*batch)
    train.update(*BATCHES[1])
    assert dev.compute()["dev_alignscore"].item() == pytest.approx(expected, abs=1e-6)
    assert train["alignscore"].count == 1


SHARES = {
    "uneven": [BATCHES[:1], BATCHES[1:]],
    "one process without a batch": [BATCHES, []],
}


def in_process(rank: int, folder: Path, aligner: Path) -> None:
    """Score the shares of one of two processes and write down what it computes."""
    torch.distributed.init_process_group(
        "gloo", init_method=f"file://{folder}/meeting", rank=rank, world_size=2
    )
    metric = AlignScore(aligner, device="cpu", progress=False)
    found = {}
    for name, shares in SHARES.items():
        module = module_of(metric)
        for batch in shares[rank]:
            module.update(*batch)
        found[name] = {"mean": module.compute(), "own": module.count.clone()}
        with module.sync_context():
            found[name] |= {"count": module.count.clone(), "undefined": module.undefined.clone()}
    torch.save(found, folder / f"{rank}.pt")
    torch.distributed.destroy_process_group()


@pytest.mark.slow
def test_two_processes_compute_what_one_does(expected, tiny_aligner, tmp_path):
    torch.multiprocessing.spawn(in_process, (tmp_path, tiny_aligner), nprocs=2)
    both = [torch.load(tmp_path / f"{rank}.pt") for rank in range(2)]
    for name, own in (("uneven", (1, 3)), ("one process without a batch", (4, 0))):
        found = [process[name] for process in both]
        assert tuple(f["own"].item() for f in found) == own  # each has scored its share alone
        assert [f["mean"].item() for f in found] == pytest.approx([expected] * 2, abs=1e-6)
        assert [(f["count"].item(), f["undefined"].item()) for f in found] == [(4, 2)] * 2
