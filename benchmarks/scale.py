"""`alignscore score` on files of any size: what all but the model costs, memory, kills.

The rows are those of the uniform sets, over and over; each time around, two neighbouring words of
each text are swapped, so that it is a new text. By default the model is a stub that takes
the same time for each batch: what is measured is everything else, in CPU time of the thread that
does it, and the memory of the process at a tenth, a half and the end of the run.

    python benchmarks/scale.py --shared ../shared --rows 1000000
    python benchmarks/scale.py --shared ../shared --rows 20000 --real
    python benchmarks/scale.py --shared ../shared --rows 5000 --kill 3 --endings .csv .parquet

With `--kill N`, the command runs undisturbed, and again with `kill -9` at N random moments, resumed
each time; the files are compared byte for byte, for each format.
"""

import argparse
import contextlib
import gzip
import itertools
import json
import resource
import subprocess
import sys
import tempfile
import threading
import time
import zlib
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np

SETS = (
    "cogensumm", "factcc", "fever_gold_evidence", "frank", "polytope", "q2", "qags_cnndm",
    "summeval", "true_dialfact", "true_mnbm", "true_paws", "vitaminc_test", "xsumfaith",
)  # fmt: skip
BLOCK = 100
"""Consecutive rows of a set that stay together: they share sources, as in real files."""
MARKS = (0.1, 0.5, 1.0)


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the rows, run the command on them, print the figures; returns the exit status."""
    parser = argparse.ArgumentParser(description="alignscore score on large files.")
    parser.add_argument("--shared", type=Path, default=Path("../shared"), metavar="FOLDER")
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--batch-ms", type=float, default=1.0, help="that the stub takes (1)")
    parser.add_argument("--real", action="store_true", help="the bundled aligner, not a stub")
    parser.add_argument("--kill", type=int, default=0, metavar="N", help="kills of each run")
    parser.add_argument("--endings", nargs="+", default=[".jsonl"], metavar=".csv", help="formats")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--folder", type=Path, help="for the files; default: a temporary one")
    parser.add_argument("options", nargs="*", help="options of `alignscore score`, after --")
    args = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(dir=args.folder) as folder:
        given = Path(folder, "rows.jsonl")
        write_rows(given, args.shared, args.rows)
        size = given.stat().st_size
        print(f"{args.rows} rows, {size / 1e6:.0f} MB of jsonl", flush=True)
        if args.kill:
            return killed_runs(given, args, np.random.default_rng(args.seed))
        return measured_run(given, size, args)


def write_rows(file: Path, shared: Path, count: int) -> None:
    """Rows of the sets in turn, until there are enough."""
    pools = []
    for name in SETS:
        with gzip.open(shared / "benchmarks" / "uniform" / f"{name}.jsonl.gz", "rt") as lines:
            pools.append([json.loads(line) for line in lines])
    blocks = [pool[i : i + BLOCK] for pool in pools for i in range(0, len(pool), BLOCK)]
    # Shuffled, so that any part of the file has something of every set.
    blocks.sort(key=lambda block: zlib.crc32(json.dumps(block[0]).encode()))
    rows = [row for block in blocks for row in block]
    with file.open("w", encoding="utf-8") as stream:
        for number, row in zip(range(count), itertools.cycle(rows)):
            turn = number // len(rows)
            edited = {
                "id": number,
                "source": swapped(row["source"], turn),
                "summary": swapped(row["summary"], turn),
            }
            stream.write(json.dumps(edited, ensure_ascii=False) + "\n")


def swapped(text: str | list[str], turn: int) -> str | list[str]:
    """A text with two neighbouring words swapped, at a place that the turn and the text choose."""
    if not isinstance(text, str):
        return [str(swapped(passage, turn)) for passage in text]
    words = text.split(" ")
    if turn == 0 or len(words) < 2:
        return text
    place = zlib.crc32(f"{turn} {text}".encode()) % (len(words) - 1)
    words[place : place + 2] = reversed(words[place : place + 2])
    return " ".join(words)


def measured_run(given: Path, size: int, args: argparse.Namespace) -> int:
    """The command in this process, its parts timed, its memory noted as rows are written."""
    from alignscore_metric.commands.main import main as command
    from alignscore_metric.files import growing, tables

    clock = Clock()
    memory: dict[float, int] = {}
    instrument(clock, stub_seconds=None if args.real else args.batch_ms / 1000)
    write = growing.GrowingTable.write

    def noting(
        self: growing.GrowingTable, table: tables.Table, added: dict[str, list[object]]
    ) -> None:
        write(self, table, added)
        for mark in MARKS:
            if mark not in memory and self.done >= mark * args.rows:
                memory[mark] = resident()

    growing.GrowingTable.write = noting  # type: ignore[method-assign]
    output = given.with_name(f"scored{args.endings[0]}")
    started, cpu = time.monotonic(), time.process_time()
    status = command(["score", str(given), "-o", str(output), *args.options])
    seconds, cpu = time.monotonic() - started, time.process_time() - cpu
    rate = f"{args.rows / seconds:.0f} rows and {size / seconds / 1e6:.2f} MB a second"
    print(f"{seconds:.0f} s: {rate}")
    for mark, used in memory.items():
        print(f"memory after {mark:4.0%} of the rows: {used / 2**20:.0f} MiB")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**10
    print(f"largest memory: {peak:.0f} MiB")
    print(f"CPU time of the process {cpu:.0f} s, of which by part (the model's is its wall time):")
    for label, spent in sorted(clock.spent.items(), key=lambda item: -item[1]):
        print(f"{spent:9.1f} s {1e6 * spent / args.rows:9.1f} us a row  {label}")
    return status


def resident() -> int:
    """Bytes of memory that this process has now."""
    pages = int(Path("/proc/self/statm").read_text(encoding="utf-8").split()[1])
    return pages * resource.getpagesize()


class Clock:
    """Time spent in parts of a program, each without the parts inside it."""

    def __init__(self) -> None:
        """Nothing spent yet."""
        self.spent: defaultdict[str, float] = defaultdict(float)
        self._local = threading.local()

    @contextlib.contextmanager
    def part(self, label: str, now: Callable[[], float] = time.thread_time) -> Iterator[None]:
        """Count what happens in the block."""
        inner = self._local.__dict__.setdefault("inner", [0.0])
        inner.append(0.0)
        start, own = time.thread_time(), now()
        try:
            yield
        finally:
            self.spent[label] += now() - own - inner.pop()
            inner[-1] += time.thread_time() - start

    def wrap(self, owner: object, name: str, label: str) -> None:
        """Count all calls of a function; of a generator, the making of its items."""
        original = getattr(owner, name)

        def timed(*given: object, **named: object) -> object:
            with self.part(label):
                return original(*given, **named)

        setattr(owner, name, timed)

    def wrap_items(self, owner: object, name: str, label: str) -> None:
        """Count the making of a generator's items."""
        original = getattr(owner, name)

        def timed(*given: object, **named: object) -> Iterator[object]:
            items = original(*given, **named)
            while True:
                with self.part(label):
                    item = next(items, None)
                if item is None:
                    return
                yield item

        setattr(owner, name, timed)


def instrument(clock: Clock, stub_seconds: float | None) -> None:
    """Count the parts of `alignscore score`, and put a stub in the model's place."""
    import torch

    from alignscore_metric import metric, pipeline
    from alignscore_metric.engine import encoding, engine
    from alignscore_metric.engine.readings import BatchReading
    from alignscore_metric.files import growing, tables, windows
    from alignscore_metric.text import chunking, splitters

    clock.wrap_items(tables.TableReader, "windows", "reading rows (twice: checked, then scored)")
    clock.wrap(tables.TableReader, "sha256", "hash of the input")
    clock.wrap(windows, "checked_table", "check of the rows")
    clock.wrap(chunking.SourceChunker, "__call__", "sources into chunks, but for sentences")
    clock.wrap(splitters._PunktSplitter, "split", "sentence splitting")
    clock.wrap(metric.AlignScore, "pair_table", "pair table")
    clock.wrap(metric.AlignScore, "evaluate_table", "aggregation")
    clock.wrap(pipeline, "copied_shares", "copied words")
    clock.wrap(engine.Engine, "read_parts", "handing batches to the model")
    clock.wrap(encoding.PairEncoder, "encode", "token ids")
    clock.wrap_items(engine.Engine, "_batches", "batches of token ids")
    clock.wrap(growing.GrowingTable, "write", "writing, but for waiting for the disk")
    clock.wrap(growing, "_sync", "flushing to the disk")

    forward: Callable[..., object] = engine.Engine._forward

    def stub(self: engine.Engine, batch: encoding.PackedPairs) -> object:
        with clock.part("the model", time.monotonic):
            if stub_seconds is None:
                return forward(self, batch)
            time.sleep(stub_seconds)
            return BatchReading(torch.full((len(batch), 3), 0.5), torch.empty(0))

    engine.Engine._forward = stub  # type: ignore[method-assign, assignment]


def killed_runs(given: Path, args: argparse.Namespace, rng: np.random.Generator) -> int:
    """The command undisturbed and killed, in each format; 0 where all files are equal."""
    failed, kills = 0, args.kill
    for ending in args.endings:
        whole, output = given.with_name(f"whole{ending}"), given.with_name(f"killed{ending}")
        command = [
            sys.executable,
            "-m",
            "alignscore_metric",
            "score",
            str(given),
            *args.options,
        ]
        started = time.monotonic()
        subprocess.run([*command, "-q", "-o", str(whole)], check=True)  # noqa: S603  # our own
        seconds, journal = time.monotonic() - started, output.with_name(f".{output.name}.journal")
        for _ in range(kills):
            before = journal.read_bytes() if journal.exists() else b""
            process = subprocess.Popen([*command, "-o", str(output)])  # noqa: S603
            while process.poll() is None and (
                not journal.exists() or journal.read_bytes() == before
            ):
                time.sleep(0.01)
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(rng.uniform(0, seconds / (kills + 2)))
            process.kill()
            process.wait()
            rows = json.loads(journal.read_bytes())["rows"] if journal.exists() else "all"
            print(f"{ending}: killed after row {rows}", flush=True)
        subprocess.run([*command, "-o", str(output)], check=True)  # noqa: S603
        equal = whole.read_bytes() == output.read_bytes()
        failed += not equal
        verdict = "equal, byte for byte" if equal else "NOT EQUAL"
        print(f"{ending}: {whole.stat().st_size} bytes, {verdict}", flush=True)
    return int(failed > 0)


if __name__ == "__main__":
    sys.exit(main())
