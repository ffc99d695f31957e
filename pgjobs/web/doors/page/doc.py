"""What the OpenAPI document says of the page, whose answers are HTML."""

from __future__ import annotations

from collections.abc import Mapping

from pgjobs.web.doc import NUMBER, TEXT, Answer, Doc, DoorDoc, Query, Schema
from pgjobs.web.doors.page.callers import COOKIE

HTML = "text/html"
SIGNED_OUT = {
    303: Answer("A browser without a token: to the sign-in, which leads back.", headers={"Location": "the sign-in"})
}
DOOR = DoorDoc(
    "Page",
    "The jobs page for people: HTML, read only. With tokens it knows its callers by a cookie, which the sign-in sets,"
    " or by a bearer token; with the scope `page:read` or `read`.",
    TEXT,
    security={
        "page_cookie": {"type": "apiKey", "in": "cookie", "name": COOKIE},
        "bearer": {"type": "http", "scheme": "bearer"},
    },
    media=HTML,
    unsigned=SIGNED_OUT,
)
JOB: Mapping[str, Schema] = {"id": NUMBER}
"""The number of a job in a path."""


def shown(summary: str, *query: Query, path: Mapping[str, Schema] | None = None) -> Doc:
    """An endpoint that answers with a page."""
    return Doc(summary, {200: Answer("The page.", TEXT, HTML)}, query, path or {})
