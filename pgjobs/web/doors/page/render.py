"""Pages of HTML: one environment of templates, the headers of every answer, and errors as pages of the same layout.

Every value that a template shows is escaped, and what would hide or turn the text around it is shown as an escape.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from pgjobs import __version__
from pgjobs.web.accept import wants_page
from pgjobs.web.calls import value
from pgjobs.web.doors.page import filters
from pgjobs.web.doors.page.callers import SIGN_IN, may_navigate, signed_in
from pgjobs.web.doors.page.files import address
from pgjobs.web.errors import HEADERS, Problem, Renderer
from pgjobs.web.pictures.shown import FILTERS
from pgjobs.web.visible import visible

TEMPLATES = Path(__file__).with_name("templates")
POLICY = (
    "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; connect-src 'self';"
    " form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
PAGE_HEADERS = HEADERS | {
    "Content-Security-Policy": POLICY,
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "X-Frame-Options": "DENY",
}
"""Headers of every answer of this door, whatever its kind: no other site shows, loads or keeps any of it."""


def environment() -> Environment:
    """The templates, with the filters that they use."""
    made = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=visible,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    made.filters |= {**filters.FILTERS, **FILTERS}
    made.globals |= {"version": __version__, "asset": address}
    return made


TEMPLATE = environment()


async def ask(request: Request, call: str, *args: object) -> Any:
    """What a SQL function that only reads returns as jsonb; a refusal of it is a Problem."""
    text = await value(request, f"select {call}::text", *args, reading=True)
    return None if text is None else json.loads(text)


def html(request: Request, name: str, **context: Any) -> str:
    """A template as text; a part of a page may be made of it as well as a whole one."""
    identity = getattr(request.state, "identity", None)
    viewer = identity.name if identity is not None and identity.authenticated else None
    known = {"path": request.scope["path"], "viewer": viewer, "signed_in": viewer is not None and signed_in(request)}
    return TEMPLATE.get_template(name).render(known | context)


def page(
    request: Request, name: str, status: int = 200, headers: Mapping[str, str] | None = None, **context: Any
) -> Response:
    """The answer that a template makes."""
    return Response(html(request, name, **context), status, PAGE_HEADERS | dict(headers or {}), "text/html")


def redirect(to: str) -> Response:
    """Have the browser ask for another page by GET."""
    return RedirectResponse(to, 303, PAGE_HEADERS)


def render(request: Request, problem: Problem) -> Response:
    """An error as a page; whoever has shown no valid token and can follow is led to the sign-in."""
    if problem.code == SIGN_IN and may_navigate(request):
        return redirect(problem.headers["Location"])
    headers = {name: text for name, text in problem.headers.items() if name != "Location"}
    return page(request, "error.html", problem.status, headers, problem=problem, said=filters.sentence(problem))


def for_people(otherwise: Renderer) -> Renderer:
    """Writes the errors of another door as pages for browsers, and for programs as that door does."""

    def written(request: Request, problem: Problem) -> Response:
        return (render if wants_page(request.headers) else otherwise)(request, problem)

    return written
