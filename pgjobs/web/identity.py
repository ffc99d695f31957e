"""Who calls: an identity with a name and scopes. How a caller proves it is the matter of each door.

With PGJOBS_HTTP_AUTH a bearer token is looked up by its digest; without it every caller may do everything, and the
identity only says where the request came from.
"""

from __future__ import annotations

import hashlib
from typing import NamedTuple, Protocol

from starlette.requests import Request

from pgjobs.web.endpoint import Scope
from pgjobs.web.errors import Problem

CHALLENGE = {"WWW-Authenticate": "Bearer"}
HINT = "send the header Authorization: Bearer TOKEN"


class Identity(NamedTuple):
    """A caller: the name that stands in events and in the log, and what the caller may do."""

    name: str
    scopes: frozenset[str]
    authenticated: bool = True


class Authentication(Protocol):
    """How a door identifies its callers; it raises a Problem (401) where the credentials are missing or wrong."""

    async def __call__(self, request: Request, *, reading: bool) -> Identity:
        """The caller of a request; `reading`: the request changes nothing."""


async def bearer_token(request: Request, *, reading: bool) -> Identity:
    """The holder of the token in the Authorization header."""
    headers = request.headers.getlist("authorization")
    if not headers:
        raise Problem(401, "no_token", "this call needs a token", HINT, CHALLENGE)
    kind, _, token = headers[0].partition(" ")
    # Starlette reads headers as Latin-1, so this gives back the bytes that came.
    digest = hashlib.sha256(token.strip().encode("latin-1")).digest()
    holders = []
    if len(headers) == 1 and kind.lower() == "bearer" and token.strip():
        look_up = "select name, scope from pgjobs.token_holder(%s)"
        holders = await request.app.state.database.rows(look_up, digest, reading=reading)
    if not holders:
        raise Problem(401, "bad_token", "this token is unknown or has expired", HINT, CHALLENGE)
    name, scope = holders[0]
    return Identity(f"token {name}", frozenset({"read", scope}))


async def anonymous(request: Request, *, reading: bool) -> Identity:  # noqa: ARG001 as Authentication has it
    """The caller where no credentials are asked for: known by its address only."""
    address = request.client.host if request.client else "unknown"
    return Identity(f"http from {address}", frozenset({"read", "control"}), authenticated=False)


def require(identity: Identity, needed: Scope) -> None:
    """Refuse a caller who lacks a scope."""
    if needed not in identity.scopes:
        may = ", ".join(sorted(identity.scopes))
        raise Problem(403, "forbidden", f"this token may {may}, not {needed}", f"use a token of scope {needed}")
