"""ETag and If-Match: whoever changes a job can say which revision of it was read.

The revision of a job is that of its row: it changes with the job, and not with its progress.
"""

from __future__ import annotations

import re

from starlette.requests import Request

from pgjobs.web.errors import Problem

ETAG = re.compile(r'(?:W/)?"[\x21\x23-\x7e]*"')


def etag(revision: object) -> dict[str, str]:
    """The header that tells a revision."""
    return {"ETag": f'"{revision}"'}


def if_match(request: Request) -> list[str] | None:
    """The revisions that If-Match names, as `_revisions` of a SQL function; None: any will do.

    A weak one matches nothing here (RFC 9110, 13.1.1), so it stays as it is.
    """
    said = ", ".join(request.headers.getlist("if-match")).strip()
    if said in ("", "*"):
        return None
    if not re.fullmatch(rf"{ETAG.pattern}(?:\s*,\s*{ETAG.pattern})*", said):
        hint = "send the ETag as it came, in quotes"
        raise Problem(400, "bad_if_match", "If-Match: it is no list of ETags", hint, field="If-Match")
    return [tag if tag.startswith("W/") else tag.strip('"') for tag in ETAG.findall(said)]
