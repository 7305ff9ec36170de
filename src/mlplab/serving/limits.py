"""Limits on what a request may cost, kept before anything is parsed."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any

from mlplab.errors import ParameterError
from mlplab.serving.problems import Problem, problems_json

__all__ = ["Limits", "LimitsMiddleware", "respond"]


@dataclass(frozen=True, slots=True)
class Limits:
    """What one request may cost.

    Attributes
    ----------
    body : int
        Bytes of the body.
    rows : int
        Rows of one request.
    seconds : float
        From the last line of the header to the answer.
    connections : int
        Requests and connections at once; more are told to come again (503).

    Raises
    ------
    ParameterError
        A limit is not positive.
    """

    body: int = 4_000_000
    rows: int = 10_000
    seconds: float = 30.0
    connections: int = 4_000

    def __post_init__(self) -> None:
        for name in ("body", "rows", "seconds", "connections"):
            value = getattr(self, name)
            if not value > 0:
                raise ParameterError(
                    f"`{name}` must be a positive limit; got {value!r}. Leave it out for "
                    f"{Limits.__dataclass_fields__[name].default:,}."
                )


class LimitsMiddleware:
    """Read the body within its limits, then let the application answer within its time.

    Parameters
    ----------
    app : ASGI application
    limits : Limits
    """

    def __init__(self, app: Any, limits: Limits) -> None:
        self._app, self._limits = app, limits

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        begun = False

        async def sending(message: Any) -> None:
            nonlocal begun
            begun = True
            await send(message)

        try:
            async with asyncio.timeout(self._limits.seconds):
                body = await self._body(scope, receive)
                if body is None:
                    await respond(sending, 413, [self._too_large()])
                    return
                await self._app(scope, _replaying(body, receive), sending)
        except TimeoutError:
            if begun:
                raise
            await respond(sending, 504, [self._too_long()])

    async def _body(self, scope: Any, receive: Any) -> bytes | None:
        """Return the body, or None where it is larger than allowed."""
        declared = dict(scope["headers"]).get(b"content-length", b"0")
        if declared.isdigit() and int(declared) > self._limits.body:
            return None
        chunks, size, more = [], 0, True
        while more:
            message = await receive()
            if message["type"] == "http.disconnect":
                break
            chunks.append(message.get("body", b""))
            size += len(chunks[-1])
            if size > self._limits.body:
                return None
            more = message.get("more_body", False)
        return b"".join(chunks)

    def _too_large(self) -> Problem:
        return Problem(
            "body",
            f"A body must have at most {self._limits.body:,} bytes.",
            "more",
            "Send the rows in several requests.",
        )

    def _too_long(self) -> Problem:
        return Problem(
            "body",
            f"A request must be received and answered within {self._limits.seconds:g} seconds.",
            "no answer in this time",
            "Send fewer rows in one request, or try again when the server has less to do.",
        )


def _replaying(body: bytes, receive: Any) -> Any:
    """Return a `receive` that gives the body at once, and then what the client does."""
    given = False

    async def again() -> Any:
        nonlocal given
        if not given:
            given = True
            return {"type": "http.request", "body": body, "more_body": False}
        return await receive()

    return again


async def respond(send: Any, status: int, problems: list[Problem]) -> None:
    """Send an answer that refuses a request."""
    content = problems_json(problems)
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(content)).encode()),
        # What is left of a body that was not read must not be taken for another request.
        (b"connection", b"close"),
    ]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": content})
