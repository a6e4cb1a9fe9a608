"""What a client must get past before its request is looked at: time, size, token.

An ASGI wrapper that reads each POST's body whole, and uvicorn's protocol with a deadline for
headers. Knows nothing of what the body says.
"""

from __future__ import annotations

import asyncio
import hmac
import re

from starlette.datastructures import Headers
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

from alignscore_metric.errors import ConfigurationError
from alignscore_metric.server.limits import Limits, RefusalError

OPEN_PATHS = ("/health", "/ready")


def check_token(token: str | None) -> None:
    """Refuse a token that protects nothing, or that no client could send.

    Args:
        token: None where anybody may ask.

    Raises:
        ConfigurationError: It is blank, not ASCII, or has spaces around it, control characters in
            it.
    """
    if token is not None and not re.fullmatch(r"[!-~]([ -~]*[!-~])?", token):
        raise ConfigurationError(
            "the token is empty, or has characters that a header cannot carry (give visible ASCII, "
            "no space or line break around it), so it would protect nothing or match nobody; "
            "give another, or none to serve whoever reaches the port"
        )


class _GoneError(Exception):
    """The client went away while it was sending."""


class Guard:
    """Refuses what is too large, too slow, or without the token; hands on the rest.

    Args:
        app: Given requests whose body is there.
        limits: `body`, `read_seconds`, and `queue`: bodies that may be on their way at once.
        token: Wanted as `Authorization: Bearer TOKEN`, if any, but for health and readiness.
    """

    def __init__(self, app: ASGIApp, *, limits: Limits, token: str | None = None) -> None:
        self._app = app
        self._limits = limits
        self._token = token
        self._reading = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request, as ASGI has it."""
        try:
            self._check_headers(scope)
            if scope["method"] == "POST":  # nothing else has a body that anybody reads
                receive = _replay(await self._read(receive), receive)
        except RefusalError as refusal:
            # The rest of the body is not worth reading.
            answer = refusal_response(refusal, {"Connection": "close"})
            await answer(scope, receive, send)
        except _GoneError:
            pass
        else:
            await self._app(scope, receive, send)

    def _check_headers(self, scope: Scope) -> None:
        headers = Headers(scope=scope)
        given, wanted = headers.get("authorization", ""), f"Bearer {self._token}"
        needed = self._token is not None and scope["path"] not in OPEN_PATHS
        if needed and not hmac.compare_digest(given.encode(), wanted.encode()):
            raise RefusalError(401, "send the header Authorization: Bearer and the token")
        if int(headers.get("content-length", "0")) > self._limits.body:
            raise self._too_large()

    async def _read(self, receive: Receive) -> bytes:
        if self._reading >= self._limits.queue:
            raise RefusalError(503, "too many requests at once; try again in a moment")
        self._reading += 1
        seconds = self._limits.read_seconds
        try:
            return await asyncio.wait_for(self._collect(receive), seconds)
        except asyncio.TimeoutError:
            message = f"the body was not there after {seconds} s; send it faster, or less of it"
            raise RefusalError(408, message) from None
        finally:
            self._reading -= 1

    async def _collect(self, receive: Receive) -> bytes:
        body = bytearray()
        while True:
            message = await receive()
            if message["type"] == "http.disconnect":
                raise _GoneError
            body += message.get("body", b"")
            if len(body) > self._limits.body:
                raise self._too_large()
            if not message.get("more_body", False):
                return bytes(body)

    def _too_large(self) -> RefusalError:
        return RefusalError(
            413, f"the body is larger than {self._limits.body} bytes; send fewer rows at a time"
        )


def refusal_response(refusal: RefusalError, headers: dict[str, str] | None = None) -> JSONResponse:
    """A refusal as the client sees it."""
    return JSONResponse(refusal.body, refusal.status, refusal.headers | (headers or {}))


def _replay(body: bytes, receive: Receive) -> Receive:
    """A `receive` that gives the body, then whatever else comes: that the client is gone."""
    messages: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def replay() -> Message:
        return messages.pop() if messages else await receive()

    return replay


class DeadlineProtocol(H11Protocol):
    """uvicorn's HTTP/1.1 with what it lacks: a deadline for headers, which is the keep-alive time.

    And, when the server stops, a word to clients that their connection ends.
    """

    _deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Start the clock."""
        super().connection_made(transport)
        self._watch()

    def data_received(self, data: bytes) -> None:
        """Take data in; stop the clock where a request's headers are whole."""
        super().data_received(data)
        self._watch()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the clock."""
        super().connection_lost(exc)
        if self._deadline:
            self._deadline.cancel()

    def shutdown(self) -> None:
        """Stop after the answer on its way, and tell the client in it not to come back."""
        super().shutdown()
        if self.cycle is not None and not self.cycle.response_complete:
            self.cycle.default_headers = [*self.cycle.default_headers, (b"connection", b"close")]

    def _watch(self) -> None:
        # Also where the rest of a refused body still comes in.
        waiting = self.cycle is None or self.cycle.response_complete
        if waiting and self._deadline is None:
            self._deadline = self.loop.call_later(
                self.timeout_keep_alive, self.timeout_keep_alive_handler
            )
        elif not waiting and self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None
