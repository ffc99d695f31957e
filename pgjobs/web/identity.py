"""Who calls: an identity with a name and scopes. How a caller proves it is the matter of each door.

With PGJOBS_HTTP_AUTH a bearer token is looked up by its digest; without it every caller may do everything, and the
identity only says where the request came from.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, NamedTuple, Protocol

from starlette.requests import Request

from pgjobs.web.endpoint import Scope
from pgjobs.web.errors import Problem

CHALLENGE = {"WWW-Authenticate": "Bearer"}
OTHER_KINDS = ("basic", "digest", "negotiate", "token", "apikey")
HINT = "send the header Authorization: Bearer TOKEN"


class Identity(NamedTuple):
    """A caller: the name that stands in events and in the log, what the caller may do, and what else is known of it."""

    name: str
    scopes: frozenset[str]
    authenticated: bool = True
    record: Mapping[str, Any] = MappingProxyType({})

    def may(self, door: str, needed: Scope) -> bool:
        """Whether it may do this at a door; who may change something may look as well."""
        enough = ("control",) if needed == "control" else ("read", "control")
        return any(scope in self.scopes for verb in enough for scope in (verb, f"{door}:{verb}"))

    @property
    def sees_all(self) -> bool:
        """Whether it sees the jobs of everybody at a door that shows a caller only its own."""
        return "all" in self.scopes


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
    found = None
    if len(headers) == 1 and kind.lower() in OTHER_KINDS:
        raise Problem(
            401, "bad_token", f"Authorization: this door wants Bearer, and this is {kind.title()}", HINT, CHALLENGE
        )
    if len(headers) == 1 and kind.lower() == "bearer":
        found = await holder(request, token.strip(), reading=reading)
    if found is None:
        raise Problem(401, "bad_token", "this token is unknown or has expired", HINT, CHALLENGE)
    return found


async def holder(request: Request, token: str, *, reading: bool) -> Identity | None:
    """Whoever holds a token, looked up by its digest; None: there is no such token, or it has expired."""
    if not token:
        return None
    look_up = "select name, scopes, record from pgjobs.token_holder(%s)"
    for name, scopes, record in await request.app.state.database.rows(look_up, digest(token), reading=reading):
        return Identity(f"token {name}", frozenset(scopes), record=record)
    return None


def digest(token: str) -> bytes:
    """What is kept of a token. Starlette reads headers as Latin-1, so encoding gives back the bytes that came."""
    return hashlib.sha256(token.encode("latin-1", "replace")).digest()


async def anonymous(request: Request, *, reading: bool) -> Identity:  # noqa: ARG001 as Authentication has it
    """The caller where no credentials are asked for: known by its address only."""
    address = request.client.host if request.client else "unknown"
    return Identity(f"http from {address}", frozenset({"control", "all"}), authenticated=False)


def require(identity: Identity, door: str, needed: Scope) -> None:
    """Refuse a caller who may not do this at a door."""
    if not identity.may(door, needed):
        has = ", ".join(sorted(identity.scopes))
        hint = f"use a token with {door}:{needed}, or with {needed} for every door"
        raise Problem(403, "forbidden", f"this token has {has}, and this call needs {door}:{needed}", hint)
