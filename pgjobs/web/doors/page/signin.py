"""Signing in with a token, which the browser then keeps in a cookie, and signing out.

Where no tokens are asked for, there is nothing to sign in to. Nothing of another site gets here: the guard refuses what
is posted by its pages, and no answer may be framed. The cookie goes with no request of another site (SameSite=Strict),
so whoever follows a link from there seems to be signed out: such a browser is sent once more, from a page of ours.
"""

from __future__ import annotations

import logging
from urllib.parse import parse_qsl, quote

from starlette.requests import Request
from starlette.responses import Response

from pgjobs.settings import Settings
from pgjobs.web.body import read_body
from pgjobs.web.doc import FORM, TEXT, Answer, Body, Doc, Query, record
from pgjobs.web.doors.page.callers import COOKIE, SIGN_IN_PATH, own_path
from pgjobs.web.doors.page.doc import HTML
from pgjobs.web.doors.page.render import page, redirect
from pgjobs.web.endpoint import Endpoint
from pgjobs.web.errors import Problem
from pgjobs.web.identity import CHALLENGE, holder
from pgjobs.web.parameters import query

logger = logging.getLogger(__name__)
MOST_BYTES = 8 * 1024
NAMES = ("token", "next")


async def show_sign_in(request: Request) -> Response:
    """The form."""
    back = own_path(query(request, "next").text("next") or "/")
    if not _tokens_are_on(request):
        return redirect(back)
    elsewhere = request.headers.get("sec-fetch-site") == "cross-site" and COOKIE not in request.cookies
    return _form(request, back, bounce=elsewhere)


async def sign_in(request: Request) -> Response:
    """Keep the token in a cookie, if it is one that may look at the page."""
    given = await _given(request)
    back = own_path(given.get("next", "/"))
    if not _tokens_are_on(request):
        return redirect(back)
    token = given.get("token", "").strip().encode("utf-8", "replace")
    if not token:
        return _form(request, back, 400, "Give a token.")
    found = await holder(request, token.decode("latin-1"), reading=True)
    where = request.client.host if request.client else "unknown"
    if found is None:
        logger.warning("a sign-in from %s shows a token that is unknown or has expired", where)
        return _form(request, back, 401, "This token is unknown or has expired.")
    if not found.may("page", "read"):
        logger.warning("%s may not look at the page, and tries to sign in from %s", found.name, where)
        return _form(request, back, 403, "This token may not look at the page: it needs page:read, or read.")
    logger.info("%s signs in from %s", found.name, where)
    answer = redirect(back)
    answer.set_cookie(COOKIE, quote(token), path="/", httponly=True, samesite="strict", secure=_by_https(request))
    return answer


async def sign_out(request: Request) -> Response:
    """Let the browser forget the token."""
    query(request)
    answer = redirect(SIGN_IN_PATH if _tokens_are_on(request) else "/")
    answer.delete_cookie(COOKIE, path="/", httponly=True, samesite="strict", secure=_by_https(request))
    return answer


def _form(request: Request, back: str, status: int = 200, wrong: str = "", *, bounce: bool = False) -> Response:
    if status >= 400:
        request.state.code = "bad_token"
    headers = CHALLENGE if status == 401 else {}
    return page(request, "sign-in.html", status, headers, next=back, wrong=wrong, bounce=bounce)


async def _given(request: Request) -> dict[str, str]:
    """The fields of the form; kept out of the access log, to which parameters go."""
    query(request)
    body = await read_body(request, MOST_BYTES)
    kind = request.headers.get("content-type", FORM).partition(";")[0].strip().lower()
    if kind != FORM:
        raise Problem(415, "bad_body", "the body is no form", f"send it as {FORM}")
    try:
        pairs = parse_qsl(body.decode("latin-1"), keep_blank_values=True, max_num_fields=len(NAMES))
    except ValueError:
        pairs = []
    given = dict(pairs)
    if body and (len(given) < max(1, len(pairs)) or not given.keys() <= set(NAMES)):
        raise Problem(400, "bad_form", "the form is none of ours", "give token and next, each once")
    return given


def _tokens_are_on(request: Request) -> bool:
    settings: Settings = request.app.state.settings
    return settings.http_auth


def _by_https(request: Request) -> bool:
    """Whether the browser speaks https, be it to a proxy: its Origin says so, or what the proxy adds."""
    origin = request.headers.get("origin", "")
    if origin.startswith(("http:", "https:")):
        return origin.startswith("https:")
    return "https" in (request.url.scheme, request.headers.get("x-forwarded-proto", "").partition(",")[0].strip())


BACK = Query("next", TEXT, "a page of this door, to which the sign-in leads back")
THERE = Answer("On to the page.", headers={"Location": "the page", "Set-Cookie": "keeps the token, or forgets it"})
ENDPOINTS = (
    Endpoint(
        SIGN_IN_PATH,
        show_sign_in,
        "open",
        ("GET",),
        Doc("The form of the sign-in", {200: Answer("The form.", TEXT, HTML), 303: THERE}, (BACK,)),
    ),
    Endpoint(
        SIGN_IN_PATH,
        sign_in,
        "open",
        ("POST",),
        Doc(
            "Sign in",
            {303: THERE, 401: Answer("The token is unknown or has expired.", TEXT, HTML)},
            body=Body(record({"token": {**TEXT, "pattern": r"\S"}, "next": TEXT}, "next"), (FORM,)),
        ),
    ),
    Endpoint("/sign-out", sign_out, "open", ("POST",), Doc("Sign out", {303: THERE})),
)
