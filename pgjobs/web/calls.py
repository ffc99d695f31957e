"""How a handler calls the database: one SQL function, on behalf of the caller, whose JSON is sent as it is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from pgjobs.web.errors import json_response
from pgjobs.web.identity import Identity
from pgjobs.web.pool import Database


def caller(request: Request) -> Identity:
    """Who sends this request."""
    identity: Identity = request.state.identity
    return identity


def actor(request: Request) -> str:
    """The caller, as the events of a job name it."""
    return caller(request).name


def database(request: Request) -> Database:
    """The connections of this process."""
    found: Database = request.app.state.database
    return found


async def value(request: Request, call: str, *args: object, reading: bool = False) -> Any:
    """The value that a SQL function returns; a refusal of it is a Problem."""
    return await database(request).value(call, *args, reading=reading)


async def answer(
    request: Request,
    call: str,
    *args: object,
    reading: bool = False,
    status: int = 200,
    headers: Mapping[str, str] | None = None,
) -> Response:
    """The JSON text that a SQL function returns, as the answer to a request."""
    return json_response(await value(request, call, *args, reading=reading), status, headers)
