"""What the server tells Prometheus of itself. Knows nothing of what is asked and answered."""

from __future__ import annotations

import time
from collections.abc import Callable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from starlette.types import ASGIApp, Message, Receive, Scope, Send

LATENCIES = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)
SIZES = tuple(2**power for power in range(12))
CLIENT_GONE = 499  # as nginx has it: there was nobody to answer


class Monitor:
    """Counters and histograms of one server, in a registry of its own.

    Args:
        depth: Gives the number of requests that wait.
    """

    def __init__(self, depth: Callable[[], float]) -> None:
        self._registry = registry = CollectorRegistry()
        self.requests = Counter(
            "alignscore_requests",
            "Requests by path and status; 499 is a client that left, 4xx and 5xx are errors.",
            ["path", "status"],
            registry=registry,
        )
        self.seconds = Histogram(
            "alignscore_request_seconds",
            "Time from a request's headers to its answer.",
            ["path"],
            buckets=LATENCIES,
            registry=registry,
        )
        self.in_flight = Gauge(
            "alignscore_in_flight", "Requests being read, waiting or scored.", registry=registry
        )
        self.batch_requests = Histogram(
            "alignscore_batch_requests",
            "Requests that were scored in one call.",
            buckets=SIZES,
            registry=registry,
        )
        self.batch_pairs = Histogram(
            "alignscore_batch_pairs",
            "About how many (chunk, sentence) pairs were scored in one call.",
            buckets=SIZES,
            registry=registry,
        )
        waiting = Gauge(
            "alignscore_queue_depth", "Requests that wait for the model.", registry=registry
        )
        waiting.set_function(depth)

    def observe_batch(self, requests: int, pairs: int) -> None:
        """Count one batch."""
        self.batch_requests.observe(requests)
        self.batch_pairs.observe(pairs)

    def outcome(self) -> tuple[int, int]:
        """How many requests were answered, and how many not: the client left, or was cut off."""
        [family] = self.requests.collect()
        totals = [sample for sample in family.samples if sample.name.endswith("_total")]
        gone = sum(s.value for s in totals if s.labels["status"] == str(CLIENT_GONE))
        return int(sum(s.value for s in totals) - gone), int(gone)

    def text(self) -> bytes:
        """Everything, in Prometheus's text format."""
        return generate_latest(self._registry)


class Monitored:
    """An ASGI wrapper that counts and times requests.

    Args:
        app: What answers them.
        monitor: Where they are counted.
        paths: Paths to count by name; any other is `other`, lest clients make up series.
    """

    def __init__(self, app: ASGIApp, *, monitor: Monitor, paths: frozenset[str]) -> None:
        self._app = app
        self._monitor = monitor
        self._paths = paths

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request, as ASGI has it."""
        path = scope["path"] if scope["path"] in self._paths else "other"
        started = time.monotonic()
        status = CLIENT_GONE

        async def watched(message: Message) -> None:
            nonlocal status
            status = message.get("status", status)
            await send(message)

        try:
            with self._monitor.in_flight.track_inprogress():
                await self._app(scope, receive, watched)
        except Exception:
            status = 500  # answered outside of this wrapper
            raise
        finally:
            self._monitor.requests.labels(path, str(status)).inc()
            self._monitor.seconds.labels(path).observe(time.monotonic() - started)
