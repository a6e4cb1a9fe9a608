"""`alignscore serve` under concurrent clients on one machine: speed, and whether answers are right.

Starts servers on loopback ports and asks them short claims about passages, each pair a different
one. Every answer is compared with the score that `AlignScore` gives offline, and its evidence must
be of the passage that was sent. Four parts: all clients for so many seconds, with batching and with
one request at a time, in turns; more clients than the queue holds, and a lone one afterwards; and
SIGTERM in the middle of everything.

    python benchmarks/server_load.py --seconds 60 --clients 64
"""

from __future__ import annotations

import argparse
import http.client
import json
import re
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from alignscore_metric import AlignScore
from alignscore_metric.text.splitters import get_splitter

EXAMPLES = Path(__file__).resolve().parents[1] / "examples" / "examples.jsonl"
TOLERANCE = 1e-4
JSON = {"Content-Type": "application/json"}
TURNS = 3


@dataclass(frozen=True)
class Question:
    """A request, and what tells whether its answer is right."""

    body: bytes
    mark: str
    score: float

    def is_answered_by(self, reply: bytes) -> bool:
        """Is it the offline score, with evidence from this question's own source?"""
        answer = json.loads(reply)
        chunks = [found["chunk"] for found in answer["sentences"][0]]
        [score] = answer["scores"]
        return abs(score - self.score) < TOLERANCE and all(self.mark in chunk for chunk in chunks)


@dataclass
class Tally:
    """What the clients of one part saw."""

    statuses: Counter[str] = field(default_factory=Counter)
    seconds: list[float] = field(default_factory=list)
    wrong: int = 0
    without_retry_after: int = 0

    def line(self, wall: float) -> str:
        """The figures of a timed part."""
        p50, p95, p99 = (1000 * np.quantile(self.seconds, q) for q in (0.5, 0.95, 0.99))
        return (
            f"{len(self.seconds) / wall:.1f} requests a second; p50 {p50:.0f}, p95 {p95:.0f}, p99 "
            f"{p99:.0f} ms; {dict(self.statuses)}; {self.wrong} wrong of {len(self.seconds)}"
        )


def make_questions(model: str, number: int) -> list[Question]:
    """Distinct claims about distinct passages, made from the examples, with their offline scores.

    Each sentence of a passage carries the question's number, so that no two questions share a chunk
    and batches gain nothing from repeated texts.
    """
    split = get_splitter("bundled_punkt").split
    rows = [json.loads(line) for line in EXAMPLES.read_text(encoding="utf-8").splitlines()]
    pairs = []
    for place in range(number):
        row = rows[place % len(rows)]
        text = row["source"] if isinstance(row["source"], str) else " ".join(row["source"])
        passage = " ".join(f"[{place}] {sentence}" for sentence in split(text)[:3])
        pairs.append((passage, split(row["summary"])[0]))
    metric = AlignScore(model, progress=False)
    started = time.monotonic()
    result = metric.evaluate(*map(list, zip(*pairs, strict=True)))
    rate, pairs_each = number / (time.monotonic() - started), len(result.table.pairs) / number
    print(f"offline, in one call: {rate:.1f} requests a second, each of {pairs_each:.1f} pairs")
    return [
        Question(
            json.dumps({"sources": [passage], "summaries": [claim], "sentences": True}).encode(),
            f"[{place}]",
            float(score),
        )
        for place, ((passage, claim), score) in enumerate(zip(pairs, result.scores, strict=True))
    ]


class Server:
    """`alignscore serve` as a process on a free port."""

    def __init__(self, model: str, *options: str) -> None:
        command = [sys.executable, "-m", "alignscore_metric", "serve", "--port", "0"]
        command += ["--model", model, *options]
        self._process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)  # noqa: S603
        lines = [self._line(), self._line()]
        found = re.search(r"http://127\.0\.0\.1:(\d+)", lines[0])
        if not found or "ready" not in lines[1]:
            self._process.kill()
            raise SystemExit(f"the server did not start: {lines}")
        self.port = int(found[1])

    def _line(self) -> str:
        assert self._process.stderr  # noqa: S101  # for mypy: it is a pipe
        return self._process.stderr.readline()

    def stop(self) -> tuple[int, str]:
        """SIGTERM; the exit code and what the server said."""
        self._process.send_signal(signal.SIGTERM)
        _, said = self._process.communicate(timeout=120)
        return self._process.returncode, said.strip()


def ask(port: int, questions: Sequence[Question], stop: threading.Event, tally: Tally) -> None:
    """One client: a question after the other over one connection until told to stop."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
    for turn in range(10**9):
        if stop.is_set():
            break
        question = questions[turn % len(questions)]
        started = time.monotonic()
        try:
            connection.request("POST", "/score", question.body, JSON)
            answer = connection.getresponse()
            reply = answer.read()
        except ConnectionRefusedError:
            tally.statuses["connection refused"] += 1
            break
        except (OSError, http.client.HTTPException):
            tally.statuses["connection closed without an answer"] += 1
            connection.close()
            continue
        tally.statuses[str(answer.status)] += 1
        if answer.status == 200:
            tally.seconds.append(time.monotonic() - started)
            tally.wrong += not question.is_answered_by(reply)
        elif answer.status == 503:
            tally.without_retry_after += answer.getheader("Retry-After") is None
            stop.wait(0.05)
    connection.close()


def load(port: int, questions: Sequence[Question], clients: int, seconds: float) -> Tally:
    """All clients at once for so many seconds, each beginning at another question."""
    tally, stop = Tally(), threading.Event()
    shifts = [client * len(questions) // clients for client in range(clients)]
    with ThreadPoolExecutor(clients) as threads:
        clients_at_work = [
            threads.submit(ask, port, [*questions[shift:], *questions[:shift]], stop, tally)
            for shift in shifts
        ]
        time.sleep(seconds)
        stop.set()
        for client in clients_at_work:
            client.result()  # raises what went wrong there
    return tally


def compare_speed(model: str, questions: Sequence[Question], clients: int, seconds: float) -> int:
    """With batching and without, in turns, so that what else runs here disturbs both alike."""
    kinds = {"batched": Server(model), "one at a time": Server(model, "--batch-pairs", "1")}
    tallies = {name: Tally() for name in kinds}
    walls = dict.fromkeys(kinds, 0.0)
    for _ in range(TURNS):
        for name, server in kinds.items():
            started = time.monotonic()
            turn = load(server.port, questions, clients, seconds / TURNS)
            walls[name] += time.monotonic() - started
            tallies[name].statuses += turn.statuses
            tallies[name].seconds += turn.seconds
            tallies[name].wrong += turn.wrong
    for name, server in kinds.items():
        print(f"{clients} clients, {name}: {tallies[name].line(walls[name])}")
        server.stop()
    return sum(tally.wrong for tally in tallies.values())


def overload(model: str, questions: Sequence[Question], clients: int) -> int:
    """More clients than the queue holds, then a lone one."""
    server = Server(model, "--max-queue", "8", "--batch-pairs", "4")
    crowd = load(server.port, questions, clients, 10)
    lone = load(server.port, questions, 1, 3)
    server.stop()
    print(
        f"queue of 8, {clients} clients: {dict(crowd.statuses)}, {crowd.without_retry_after} "
        f"without Retry-After, {crowd.wrong} wrong; one client afterwards: {dict(lone.statuses)}"
    )
    return crowd.wrong + lone.wrong + crowd.without_retry_after + (set(lone.statuses) != {"200"})


def terminate(model: str, questions: Sequence[Question], clients: int) -> int:
    """SIGTERM while every client waits for an answer."""
    server, tally, stop = Server(model), Tally(), threading.Event()
    with ThreadPoolExecutor(clients) as threads:
        clients_at_work = [
            threads.submit(ask, server.port, questions[client:], stop, tally)
            for client in range(clients)
        ]
        time.sleep(5)
        code, said = server.stop()
        stop.set()
        for client in clients_at_work:
            client.result()
    print(
        f"SIGTERM under {clients} clients: exit code {code}; the clients saw "
        f"{dict(tally.statuses)}, {tally.wrong} wrong; the server says: {said}"
    )
    found = re.search(r"stopped; (\d+) requests answered, (\d+) not", said)
    lost = not found or (int(found[1]), int(found[2])) != (tally.statuses["200"], 0)
    return tally.wrong + lost + code


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the parts; 0 if every answer was right and nothing that was accepted was lost."""
    parser = argparse.ArgumentParser(description="alignscore serve under load.")
    parser.add_argument("--seconds", type=float, default=60, help="of each kind of serving")
    parser.add_argument("--clients", type=int, default=64)
    parser.add_argument("--model", default="mini")
    parser.add_argument("--questions", type=int, default=920, help="distinct requests")
    args = parser.parse_args(arguments)
    questions = make_questions(args.model, args.questions)
    wrong = compare_speed(args.model, questions, args.clients, args.seconds)
    wrong += overload(args.model, questions, args.clients)
    wrong += terminate(args.model, questions, args.clients)
    print("all is right" if not wrong else "NOT all is right")
    return min(wrong, 1)


if __name__ == "__main__":
    sys.exit(main())
