"""Tests of engine.engine against one forward pass per pair, by transformers' tokenizer."""

import dataclasses
import functools
import os
import re
import subprocess
import sys
import threading
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from transformers import AutoTokenizer, PreTrainedTokenizerBase

from alignscore_metric.arrays import Floats
from alignscore_metric.checkpoint.loading import Checkpoint
from alignscore_metric.engine.engine import (
    Engine,
    TruncationWarning,
    batches,
    sharing_out,
    side_by_side,
)

Inputs = tuple[list[str], list[str], npt.NDArray[np.int64]]


@functools.cache
def _tokenizer(folder: Path) -> PreTrainedTokenizerBase:
    return AutoTokenizer.from_pretrained(folder)


def theirs(engine: Engine) -> PreTrainedTokenizerBase:
    """transformers' own tokenizer of the same folder."""
    return _tokenizer(engine.tokenizer.folder)


@given(
    lengths=st.lists(st.integers(1, 600), max_size=60),
    claims=st.integers(1, 9),
    batch_tokens=st.integers(1, 3000),
    multiple=st.integers(1, 4),
)
def test_batches(lengths: list[int], claims: int, batch_tokens: int, multiple: int):
    """Every row once, longest first; batches as large as asked for, and alike."""
    sizes = np.array([(n, n % claims) for n in lengths], dtype=np.int64).reshape(-1, 2)
    found = batches(sizes[:, 0], sizes[:, 1], batch_tokens=batch_tokens, multiple=multiple)
    rows = [int(row) for batch in found for row in batch]
    assert sorted(rows) == list(range(len(lengths)))
    assert [tuple(sizes[row]) for row in rows] == sorted(map(tuple, sizes), reverse=True)
    total = sum(lengths)
    assert (len(found) > 1) <= (total > batch_tokens)
    for batch in found:
        longest = max(lengths[row] for row in batch)
        assert sum(lengths[row] for row in batch) <= batch_tokens + longest


def test_batches_by_so_many():
    """Of about as many tokens each; one where one will do."""
    lengths = np.full(1000, 10)
    for multiple, tokens, count in [(2, 4096, 4), (1, 4096, 3), (8, 4096, 8), (2, 10_000, 1)]:
        found = batches(lengths, lengths, batch_tokens=tokens, multiple=multiple)
        assert [len(batch) for batch in found] == [1000 // count] * count or count == 3
        assert len(found) == count


@pytest.fixture(scope="module")
def engine(tiny_checkpoint: Checkpoint) -> Engine:
    return Engine(
        aligner=tiny_checkpoint.aligner,
        tokenizer=tiny_checkpoint.tokenizer,
        profile=tiny_checkpoint.aligner.profile,
        precision="fp32",
        batch_tokens=16384,
        progress=False,
    )


@pytest.fixture(scope="module")
def inputs(example_rows: list[dict[str, Any]]) -> Inputs:
    """Contexts of 5 to 80 words, claims of 2 to 18; every other combination, in mixed order."""
    sources = [row["source"].split() for row in example_rows if isinstance(row["source"], str)]
    summaries = [row["summary"].split() for row in example_rows]
    chunks = [" ".join(sources[2 * i][: 5 + 15 * i]) for i in range(6)]
    sentences = [" ".join(summaries[2 * i][: 2 + 4 * i]) for i in range(5)]
    pairs = [(c, s) for c in range(6) for s in range(5) if (c + s) % 2]
    return chunks, sentences, np.random.default_rng(0).permutation(np.array(pairs))


def one_by_one(engine: Engine, inputs: Inputs, max_length: int = 512) -> Floats:
    """The probability of class 1 of `bin`, pair by pair, tokenised whole."""
    chunks, sentences, pairs = inputs
    scores = []
    for chunk, sentence in pairs:
        encoded = theirs(engine)(
            chunks[chunk],
            sentences[sentence],
            truncation="only_first",
            max_length=max_length,
            return_tensors="pt",
        )
        with torch.no_grad():
            logits = engine.aligner(**encoded).bin[0].tolist()
        scores.append(1 / (1 + np.exp(logits[0] - logits[1])))
    return np.array(scores)


@pytest.fixture(scope="module")
def expected(engine: Engine, inputs: Inputs) -> Floats:
    scores = one_by_one(engine, inputs)
    assert np.ptp(scores) > 0.2  # else equal scores would prove little
    return scores


@pytest.mark.parametrize("batch_tokens", [1, 64, 512, 65536])
def test_scores_do_not_depend_on_batch_tokens(
    engine: Engine, inputs: Inputs, expected: Floats, batch_tokens: int
):
    scores = dataclasses.replace(engine, batch_tokens=batch_tokens).score(*inputs)
    assert scores.dtype == np.float64
    assert scores == pytest.approx(expected, abs=1e-5)


def test_scores_do_not_depend_on_order_repetition_or_company(
    engine: Engine, inputs: Inputs, expected: Floats
):
    chunks, sentences, pairs = inputs
    order = np.random.default_rng(1).permutation(len(pairs))
    shuffled = engine.score(chunks, sentences, pairs[order])
    assert shuffled == pytest.approx(expected[order], abs=1e-5)
    twice = engine.score(chunks, sentences, np.repeat(pairs, 2, axis=0))
    assert twice == pytest.approx(np.repeat(expected, 2), abs=1e-5)
    for row in range(len(pairs)):
        alone = engine.score(chunks, sentences, pairs[row : row + 1])
        assert alone == pytest.approx(expected[row : row + 1], abs=1e-5)


def test_a_text_that_is_both_chunk_and_sentence(engine: Engine, inputs: Inputs):
    text = inputs[1][3]
    own = ([text, "Rain."], ["Rain.", text], np.array([(0, 0), (0, 1), (1, 1), (1, 0)]))
    assert engine.score(*own) == pytest.approx(one_by_one(engine, own), abs=1e-5)


def test_no_pair(engine: Engine):
    assert engine.score(["unused"], [], np.empty((0, 2), dtype=np.int64)).shape == (0,)


@pytest.mark.parametrize(("head", "index"), [("bin", 0), ("bin", 1), ("tri", 0), ("tri", 2)])
def test_the_profile_says_which_class_is_read(
    engine: Engine, inputs: Inputs, head: str, index: int
):
    chunks, sentences, pairs = inputs
    profile = dataclasses.replace(engine.profile, head=head, supported=index)
    scores = dataclasses.replace(engine, profile=profile).score(chunks, sentences, pairs[:1])
    first, second = chunks[pairs[0, 0]], sentences[pairs[0, 1]]
    encoded = theirs(engine)(first, second, return_tensors="pt")
    with torch.no_grad():
        logits = getattr(engine.aligner(**encoded), head)[0].double().numpy()
    assert scores[0] == pytest.approx(np.exp(logits[index]) / np.exp(logits).sum(), abs=1e-6)


def test_the_regression_head_is_read_raw(engine: Engine, inputs: Inputs):
    chunks, sentences, pairs = inputs
    raw = dataclasses.replace(engine, profile=engine.profile.with_head("reg"))
    scores = raw.score(chunks, sentences, pairs)
    for score, (chunk, sentence) in zip(scores, pairs, strict=True):
        encoded = theirs(engine)(chunks[chunk], sentences[sentence], return_tensors="pt")
        with torch.no_grad():
            assert score == pytest.approx(engine.aligner(**encoded).reg.item(), abs=1e-5)
    assert scores.max() > 1 or scores.min() < 0  # not a probability


OUT_OF_MEMORY: list[Callable[[], Exception]] = [
    lambda: torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB."),
    lambda: RuntimeError(
        "[enforce fail at alloc_cpu.cpp:124] err == 0. DefaultCPUAllocator: can't allocate memory: "
        "you tried to allocate 1099511627776 bytes. Error code 12 (Cannot allocate memory)"
    ),
    lambda: RuntimeError("MPS backend out of memory (MPS allocated: 17.95 GB)"),
    lambda: RuntimeError("DefaultCPUAllocator: not enough memory: you tried to allocate 9 bytes."),
]


def fail_above(
    monkeypatch: pytest.MonkeyPatch, pairs: int, error: Callable[[], Exception]
) -> list[int]:
    """Let batches of more than `pairs` pairs fail; returns the sizes of those that did not."""
    forward, sizes = Engine._forward, []

    def limited(self, batch):
        if len(batch) > pairs:
            raise error()
        sizes.append(len(batch))
        return forward(self, batch)

    monkeypatch.setattr(Engine, "_forward", limited)
    return sizes


@pytest.mark.parametrize("most", [1, 4])
@pytest.mark.parametrize("error", OUT_OF_MEMORY, ids=["cuda", "cpu", "mps", "windows"])
def test_batches_that_do_not_fit_are_halved(
    engine: Engine,
    inputs: Inputs,
    expected: Floats,
    monkeypatch: pytest.MonkeyPatch,
    most: int,
    error: Callable[[], Exception],
):
    sizes = fail_above(monkeypatch, most, error)
    assert engine.score(*inputs) == pytest.approx(expected, abs=1e-5)
    assert sum(sizes) == len(inputs[2])
    assert max(sizes) <= most


@pytest.mark.parametrize("error", OUT_OF_MEMORY, ids=["cuda", "cpu", "mps", "windows"])
def test_a_single_pair_that_does_not_fit_is_an_error(
    engine: Engine,
    inputs: Inputs,
    monkeypatch: pytest.MonkeyPatch,
    error: Callable[[], Exception],
):
    fail_above(monkeypatch, 0, error)
    with pytest.raises(RuntimeError, match="memory"):
        engine.score(*inputs)


@pytest.mark.parametrize("error", [RuntimeError("CUDA error: device-side assert"), ValueError("x")])
def test_another_error_is_raised_at_once(
    engine: Engine, inputs: Inputs, monkeypatch: pytest.MonkeyPatch, error: Exception
):
    tried = []

    def broken(self, batch):
        tried.append(len(batch))
        raise error

    monkeypatch.setattr(Engine, "_forward", broken)
    with pytest.raises(type(error), match=re.escape(str(error))):
        engine.score(*inputs)
    assert tried == [len(inputs[2])]


def test_truncated_pairs_are_counted(engine: Engine, inputs: Inputs):
    chunks, sentences, pairs = inputs
    lengths = [len(theirs(engine)(chunks[c], sentences[s])["input_ids"]) for c, s in pairs]
    limit = sorted(lengths)[len(lengths) // 2]  # some are longer, one is exactly as long
    count = sum(length > limit for length in lengths)
    assert 0 < count < len(pairs)
    short = dataclasses.replace(
        engine, profile=dataclasses.replace(engine.profile, max_length=limit)
    )
    with pytest.warns(TruncationWarning, match=rf"^{count} of {len(pairs)} .* {limit} tokens"):
        scores = short.score(*inputs)
    assert scores == pytest.approx(one_by_one(engine, inputs, max_length=limit), abs=1e-5)


def test_no_warning_where_every_pair_fits(engine: Engine, inputs: Inputs):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        engine.score(*inputs)


@pytest.fixture
def two_threads():
    """As many threads of torch as two workers need, whatever this machine has."""
    before = torch.get_num_threads()
    torch.set_num_threads(4)
    yield
    torch.set_num_threads(before)


@pytest.mark.usefixtures("two_threads")
def test_batches_side_by_side(engine: Engine, inputs: Inputs, expected: Floats):
    """Several at once, each with its share of the threads; as one after the other, if need be."""
    seen: set[tuple[str, int]] = set()
    forward = Engine._forward

    def noted(self, batch):
        seen.add((threading.current_thread().name, torch.get_num_threads()))
        return forward(self, batch)

    small = dataclasses.replace(engine, batch_tokens=64)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Engine, "_forward", noted)
        assert small.score(*inputs) == pytest.approx(expected, abs=1e-5)
        assert len(seen) > 1
        assert {threads for _, threads in seen} == {1}
        seen.clear()
        with sharing_out(os.getpid()):  # another thread is at it
            assert small.score(*inputs) == pytest.approx(expected, abs=1e-5)
        assert seen == {(threading.current_thread().name, 4)}
        seen.clear()
        chunks, sentences, pairs = inputs
        small.score(chunks, sentences, pairs[:1])
        assert seen == {(threading.current_thread().name, 4)}  # nothing to share out
    assert not sharing_out(os.getpid()).locked()


@pytest.mark.parametrize("threads", [1, 2, 3, 8])
def test_scores_do_not_depend_on_the_number_of_threads(
    engine: Engine, inputs: Inputs, threads: int
):
    small = dataclasses.replace(engine, batch_tokens=100)
    expected = small.score(*inputs)
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        assert np.array_equal(small.score(*inputs), expected)
    finally:
        torch.set_num_threads(before)


@pytest.mark.usefixtures("two_threads")
def test_work_side_by_side_keeps_its_order_and_its_errors():
    def work(number: int) -> int:
        time.sleep(0.02 * (number % 3 == 0))  # some are overtaken
        if number == 7:
            raise ValueError("seven")
        return -number

    assert list(side_by_side(work, range(7), 2)) == [0, -1, -2, -3, -4, -5, -6]
    taken: list[int] = []
    results = side_by_side(work, (taken.append(n) or n for n in range(100)), 2)
    found = [next(results) for _ in range(7)]
    with pytest.raises(ValueError, match="seven"):
        next(results)
    assert found == [-number for number in range(7)]
    assert len(taken) < 15  # not all of what would have come
    assert torch.get_num_threads() == 4


# ------------------------------------------------------------ processes

SCORED_ELSEWHERE = """
import multiprocessing, sys, threading, time
import torch
from alignscore_metric import AlignScore

HOW, MODEL = sys.argv[1:]
SOURCES = [f"The river rose on day {i}. " * 30 for i in range(12)]
CLAIMS = [f"The dam held on day {i}. It rained." for i in range(12)]


class Rows(torch.utils.data.Dataset):
    def __init__(self, metric):
        self.metric = metric

    def __len__(self):
        return 4

    def __getitem__(self, row):
        start = 3 * row
        return self.metric.score(SOURCES[start : start + 3], CLAIMS[start : start + 3])


def work(metric, queue):
    queue.put(metric.score(SOURCES, CLAIMS))


def in_a_process(metric, method):
    context = multiprocessing.get_context(method)
    queue = context.Queue()
    child = context.Process(target=work, args=(metric, queue), daemon=True)
    child.start()
    return queue.get(timeout=100)


def while_scoring(metric):
    # The child is forked while the threads are shared out.
    waiting, going_on = threading.Event(), threading.Event()
    forward = type(metric._pipeline.engine)._forward

    def wait(engine, batch):
        waiting.set()
        going_on.wait(100)
        return forward(engine, batch)

    type(metric._pipeline.engine)._forward = wait
    thread = threading.Thread(target=metric.score, args=(SOURCES, CLAIMS), daemon=True)
    thread.start()
    waiting.wait(100)
    type(metric._pipeline.engine)._forward = forward
    try:
        return in_a_process(metric, "fork")
    finally:
        going_on.set()
        thread.join()


def mapped(metric):
    from datasets import Dataset

    rows = Dataset.from_dict({"source": SOURCES, "claim": CLAIMS})
    scored = rows.map(
        lambda batch: {"score": metric.score(batch["source"], batch["claim"])},
        batched=True, batch_size=3, num_proc=2, load_from_cache_file=False,
    )
    return list(scored["score"])


if __name__ == "__main__":
    torch.set_num_threads(2)
    metric = AlignScore(MODEL, progress=False, device="cpu", batch_tokens=512)
    expected = metric.score(SOURCES, CLAIMS)
    if HOW == "DataLoader":
        loader = torch.utils.data.DataLoader(Rows(metric), num_workers=2, batch_size=None)
        found = [score for rows in loader for score in rows]
    else:
        ways = {"while scoring": while_scoring, "datasets": mapped}
        found = ways[HOW](metric) if HOW in ways else in_a_process(metric, HOW)
    # Other batches than all at once differ by rounding alone.
    away = max(abs(one - other) for one, other in zip(found, expected, strict=True))
    assert away <= (1e-5 if HOW in ("DataLoader", "datasets") else 0), (found, expected)
    assert torch.get_num_threads() == 2
    print("same", len(set(found)))
"""


@pytest.mark.parametrize(
    "how", ["fork", "spawn", "forkserver", "while scoring", "DataLoader", "datasets"]
)
@pytest.mark.slow
def test_other_processes_score_as_this_one(how: str, tiny_aligner: Path, tmp_path: Path):
    if how == "datasets":
        pytest.importorskip("datasets")
    if how not in ("spawn", "DataLoader", "datasets") and not hasattr(os, "fork"):
        pytest.skip("this system cannot fork")
    script = tmp_path / "script.py"
    script.write_text(SCORED_ELSEWHERE, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, str(script), how, str(tiny_aligner)],
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
        env=os.environ
        | {"OMP_NUM_THREADS": "2", "HF_HOME": str(tmp_path), "TOKENIZERS_PARALLELISM": "true"},
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["same", "12"]
