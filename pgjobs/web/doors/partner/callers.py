"""Who calls the partner door: HTTP Basic, a bearer token, or the gateway's own header named Bearer.

A password is a token as well, and the user name that of the token. Whatever is wrong with the credentials, the answer
is the same: it tells nobody which tokens there are.
"""

from __future__ import annotations

import base64
import binascii

from starlette.requests import Request

from pgjobs.web.errors import Problem
from pgjobs.web.identity import Identity, holder

CHALLENGE = {"WWW-Authenticate": 'Basic realm="partner", charset="UTF-8"'}


async def credentials(request: Request, *, reading: bool) -> Identity:
    """The holder of the token that a request shows; where it shows several, they have to be of one holder."""
    shown = list(_shown(request))
    found = [await _of(request, user, token, reading=reading) for user, token in shown]
    names = {one.name for one in found if one is not None}
    if not found or found[0] is None or None in found or len(names) > 1:
        hint = "send the name of a token and the token as HTTP Basic, or the token as Authorization: Bearer TOKEN"
        raise Problem(401, "bad_credentials", "this call needs credentials that are right", hint, CHALLENGE)
    return found[0]


async def _of(request: Request, user: str | None, token: str, *, reading: bool) -> Identity | None:
    found = await holder(request, token, reading=reading)
    return found if found is None or user is None or found.name == f"token {user}" else None


def _shown(request: Request) -> list[tuple[str | None, str]]:
    """User, where one is named, and token of each header that has some."""
    shown: list[tuple[str | None, str]] = [(None, value.strip()) for value in request.headers.getlist("bearer")]
    for value in request.headers.getlist("authorization"):
        kind, _, rest = value.strip().partition(" ")
        if kind.lower() == "basic":
            shown.append(_basic(rest.strip()))
        else:
            shown.append((None, rest.strip() if kind.lower() == "bearer" else ""))
    return shown


def _basic(encoded: str) -> tuple[str, str]:
    try:
        user, _, password = base64.b64decode(encoded, validate=True).decode("utf-8").partition(":")
    except (binascii.Error, ValueError):
        return "", ""
    return user, password
