"""Who looks at the page: the holder of a token, which the browser keeps in a cookie or a program sends as a header.

The cookie holds the token itself, so that one that is dropped is out with the next request. No other door reads it.
"""

from __future__ import annotations

import re
from urllib.parse import quote, unquote, urlencode

from starlette.requests import Request

from pgjobs.web.errors import Problem
from pgjobs.web.identity import CHALLENGE, Identity, bearer_token, holder

COOKIE = "pgjobs_token"
SIGN_IN = "sign_in"
"""Code of the problem that the sign-in solves."""
SIGN_IN_PATH = "/sign-in"
NEXT_LENGTH = 2000
OWN_WORDS = ("", "job", "live", "system", "tasks", "alerts")
"""First words of the paths that the sign-in may lead back to."""
PLAIN = re.compile(r"/[!-\[\]-~]*")
"""What browsers take as it stands: no blank, no control character, no backslash."""
DOTS = re.compile(r"(\.|%2e){1,2}", re.IGNORECASE)


async def cookie_or_token(request: Request, *, reading: bool) -> Identity:
    """The holder of the bearer token, or of the token in the cookie."""
    if "authorization" in request.headers:
        return await bearer_token(request, reading=reading)
    shown = cookie_token(request)
    found = None if shown is None else await holder(request, shown, reading=reading)
    if found is None:
        known = "this page needs a token" if shown is None else "your token is unknown by now or has expired"
        query = request.scope["query_string"].decode("latin-1")
        back = quote(request.scope["path"], safe="/") + (f"?{query}" if query else "")
        where = {"Location": f"{SIGN_IN_PATH}?{urlencode({'next': own_path(back)})}"}
        hint = f"sign in at {SIGN_IN_PATH}, or send the header Authorization: Bearer TOKEN"
        raise Problem(401, SIGN_IN, known, hint, CHALLENGE | where)
    return found


def cookie_token(request: Request) -> str | None:
    """The token that the browser keeps; None: there is none."""
    kept = request.cookies.get(COOKIE)
    return unquote(kept, "latin-1") if kept else None


def signed_in(request: Request) -> bool:
    """Whether it is the cookie that says who calls, so that signing out means something."""
    return "authorization" not in request.headers and bool(request.cookies.get(COOKIE))


def may_navigate(request: Request) -> bool:
    """Whether a browser asks for a whole page; a program, a script or a stream is told 401 instead."""
    way = request.headers.get("sec-fetch-mode", "navigate")
    return request.method in ("GET", "HEAD") and way == "navigate" and "text/html" in request.headers.get("accept", "")


def own_path(text: str) -> str:
    """The address where the sign-in leads back to: a page of this door, or else the list."""
    path = text.partition("?")[0].partition("#")[0]
    steps = path.split("/")
    own = len(text) <= NEXT_LENGTH and PLAIN.fullmatch(text) and (path == "/" or steps[1] in OWN_WORDS[1:])
    return text if own and not any(DOTS.fullmatch(step) for step in steps) else "/"
