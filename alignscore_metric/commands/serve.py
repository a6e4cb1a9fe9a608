"""The command `serve`: parse, start, stop. Imports nothing heavy before it is run."""

from __future__ import annotations

import argparse
import logging
import os
import signal
import socket
import sys
import warnings
from collections.abc import Callable
from concurrent.futures import Future
from functools import partial
from typing import TYPE_CHECKING

from alignscore_metric.commands.options import OK, Commands, add_metric_options, metric_of
from alignscore_metric.errors import ConfigurationError, MissingResourceError

if TYPE_CHECKING:
    import uvicorn
    from fastapi import FastAPI

    from alignscore_metric.metric import AlignScore
    from alignscore_metric.server.batching import ServedMetric
    from alignscore_metric.server.limits import Limits

TOKEN = "ALIGNSCORE_TOKEN"  # noqa: S105  # the variable's name


def add_serve(commands: Commands) -> None:
    """Add `serve` to the grammar of `alignscore`."""
    serve = commands.add_parser(
        "serve",
        help="answer over HTTP: scores, explanations, NeMo Guardrails",
        description="Serve the metric as JSON over HTTP: POST /score, /explain, /alignscore_base, "
        "/alignscore_large; GET /health, /ready, /metrics, /openapi.json. Concurrent requests are "
        "scored together. Stops at SIGTERM or Ctrl-C once every accepted request is answered.",
        epilog=f"Where the variable {TOKEN} is set, clients must send it: 'Authorization: Bearer "
        "TOKEN'. Without it, whoever reaches the port may use it. Example: alignscore serve --port "
        "8000, then: curl -H 'Content-Type: application/json' http://127.0.0.1:8000/score -d "
        '\'{"sources": ["It rained all day."], "summaries": ["It was dry."]}\'',
    )
    _add_numbers(serve)
    add_metric_options(serve)
    serve.set_defaults(run=_serve)


def _add_numbers(serve: argparse.ArgumentParser) -> None:
    def add(
        group: argparse._ActionsContainer, name: str, default: int, text: str, least: int = 1
    ) -> None:
        group.add_argument(
            name, type=partial(_whole, least=least), default=default, metavar="N",
            help=f"{text} ({default})",
        )  # fmt: skip

    serve.add_argument("--host", default="127.0.0.1", help="address to listen on (127.0.0.1)")
    add(serve, "--port", 8000, "port to listen on, 0 for a free one", 0)
    serve.add_argument("--access-log", action="store_true", help="log each request to stdout")
    batches = serve.add_argument_group("batches")
    add(batches, "--batch-pairs", 128, "(chunk, sentence) pairs scored at once; 1: no batching")
    add(batches, "--batch-wait", 5, "milliseconds that a lone request waits for company", 0)
    limits = serve.add_argument_group("limits of one request, and of those at once")
    add(limits, "--max-body", 4 * 2**20, "bytes of a body")
    add(limits, "--max-texts", 1000, "summaries and passages")
    add(limits, "--max-characters", 100_000, "characters of one text")
    add(limits, "--max-pairs", 2000, "(chunk, sentence) pairs")
    add(limits, "--max-tokens", 2**17, "tokens of these pairs together: the work")
    add(limits, "--max-queue", 256, "requests that wait; more are answered 503")
    add(limits, "--read-timeout", 10, "seconds for a request to arrive, else 408")
    add(limits, "--timeout", 60, "seconds for its answer, else 504")


def _whole(text: str, *, least: int) -> int:
    number = int(text)
    if number < least:
        raise argparse.ArgumentTypeError(f"{number} is below {least}")
    return number


def _serve(args: argparse.Namespace) -> int:
    try:
        from alignscore_metric.server.app import build_app
        from alignscore_metric.server.batching import Batcher
    except ImportError as cause:
        raise MissingResourceError(
            f"the server needs a library ({cause}); pip install 'alignscore-metric[server]'"
        ) from cause
    limits, token = _limits(args), _token()
    say: Callable[[str], object] = (lambda _: None) if args.quiet else sys.stderr.write
    batcher = Batcher(
        partial(_load, args),
        queue=limits.queue,
        batch_pairs=args.batch_pairs,
        wait_seconds=args.batch_wait / 1000,
    )
    app = build_app(batcher, limits=limits, token=token)
    server = _server(app, limits, access_log=args.access_log)
    batcher.loaded.add_done_callback(partial(_when_loaded, server=server, say=say))
    with _listen(args.host, args.port) as listening, batcher:
        say(f"alignscore: listening on {_url(listening)}, loading the model\n")
        server.run(sockets=[listening])
    if batcher.loaded.done():
        batcher.loaded.result()  # raises why it could not be loaded
    answered, not_answered = app.state.monitor.outcome()
    say(f"alignscore: stopped; {answered} requests answered, {not_answered} not\n")
    return OK


def _load(args: argparse.Namespace) -> AlignScore:
    """The metric, without progress bars; run in the model's thread, for torch takes its time."""
    from alignscore_metric.engine.engine import TruncationWarning

    # Each has a text of its own; Python would remember all of them.
    warnings.simplefilter("ignore", TruncationWarning)
    return metric_of(argparse.Namespace(**vars(args) | {"quiet": True}))


def _token() -> str | None:
    """The token that clients must send; None where the variable is not set."""
    from alignscore_metric.server.guard import check_token

    token = os.environ.get(TOKEN)
    try:
        check_token(token)
    except ConfigurationError as cause:
        raise ConfigurationError(f"{TOKEN}: {cause}") from cause
    return token


def _limits(args: argparse.Namespace) -> Limits:
    from alignscore_metric.server.limits import Limits

    return Limits(
        body=args.max_body,
        texts=args.max_texts,
        characters=args.max_characters,
        pairs=args.max_pairs,
        tokens=args.max_tokens,
        queue=args.max_queue,
        read_seconds=args.read_timeout,
        answer_seconds=args.timeout,
    )


def _server(app: FastAPI, limits: Limits, *, access_log: bool) -> uvicorn.Server:
    """uvicorn, set up so that it ends well: with exit code 0 once all is answered."""
    import uvicorn

    from alignscore_metric.server.guard import DeadlineProtocol

    server = uvicorn.Server(
        uvicorn.Config(
            app,
            http=DeadlineProtocol,
            ws="none",
            lifespan="off",
            log_config=None,  # uvicorn's own closes the handlers of every library in the process
            log_level="info" if access_log else "warning",
            access_log=access_log,
            server_header=False,
            timeout_keep_alive=limits.read_seconds,
            # Longer than any request may take, so that it ends only what does not read its answer.
            timeout_graceful_shutdown=limits.read_seconds + limits.answer_seconds + 5,
        )
    )
    if access_log:
        _log_to_stdout(logging.getLogger("uvicorn.access"))
    for number in (signal.SIGINT, signal.SIGTERM):
        # uvicorn takes both over and raises them again at its end, which would kill the process.
        signal.signal(number, server.handle_exit)
    return server


def _log_to_stdout(logger: logging.Logger) -> None:
    from uvicorn.logging import AccessFormatter

    handler = logging.StreamHandler(sys.stdout)
    line = '%(asctime)s %(client_addr)s "%(request_line)s" %(status_code)s'
    handler.setFormatter(AccessFormatter(line, use_colors=False))
    logger.addHandler(handler)
    logger.propagate = False


def _when_loaded(
    loaded: Future[ServedMetric], *, server: uvicorn.Server, say: Callable[[str], object]
) -> None:
    if loaded.exception():
        server.should_exit = True
    else:
        say(f"alignscore: ready, {loaded.result().signature}\n")


def _listen(host: str, port: int) -> socket.socket:
    if not host.strip():  # the system takes it for every address of the machine
        raise ConfigurationError(
            "--host is empty; give the address to listen on: 127.0.0.1 for this machine alone, "
            "0.0.0.0 for every network that it is on"
        )
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=2048)
    except (OSError, OverflowError) as cause:
        raise ConfigurationError(
            f"cannot listen on {host} port {port} ({cause}); give another --port or --host"
        ) from cause


def _url(listening: socket.socket) -> str:
    host, port = listening.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
