"""Who calls the operations: the holder of a token, in the header X-ApiKey or as a bearer token."""

from __future__ import annotations

from starlette.requests import Request

from pgjobs.web.errors import Problem
from pgjobs.web.identity import CHALLENGE, Identity, bearer_token, holder

HEADER = "X-ApiKey"
HINT = f"send the token in the header {HEADER}, or as Authorization: Bearer TOKEN"


async def api_key(request: Request, *, reading: bool) -> Identity:
    """The holder of the token in X-ApiKey; without this header, of the bearer token."""
    keys = request.headers.getlist(HEADER)
    if not keys:
        if "authorization" not in request.headers:
            raise Problem(401, "no_token", "this call needs a token", HINT, CHALLENGE)
        return await bearer_token(request, reading=reading)
    found = await holder(request, keys[0].strip(), reading=reading) if len(keys) == 1 else None
    if found is None:
        raise Problem(401, "bad_token", "this token is unknown or has expired", HINT, CHALLENGE)
    return found
