"""Whether an answer is one that the OpenAPI document knows."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import httpx
from jsonschema_rs import Draft202012Validator


def operation_of(document: Mapping[str, Any], method: str, path: str) -> Mapping[str, Any] | None:
    """What the document says of this call; None where it knows no such path or method."""
    fitting = [known for known in document["paths"] if re.fullmatch(re.sub(r"\{\w+\}", "[^/]*", known), path)]
    # A path without parameters goes before one that has it as a value.
    best = min(fitting, key=lambda known: known.count("{"), default=None)
    found: Mapping[str, Any] | None = None
    if best is not None:
        found = document["paths"][best].get("get" if method == "HEAD" else method.lower())
    return found


def disagreement(document: Mapping[str, Any], answer: httpx.Response) -> str:
    """Why this answer is none that the document knows; an empty text where it is one, or where it knows no such call.

    That the service failed (500) is never documented: tests that break something on purpose look at it themselves.
    """
    operation = operation_of(document, answer.request.method, answer.request.url.path)
    if operation is None or answer.status_code in (405, 500):
        return ""
    known = operation["responses"].get(str(answer.status_code))
    if known is None:
        return f"{answer.status_code} is not documented"
    if "$ref" in known:
        known = document["components"]["responses"][known["$ref"].rpartition("/")[2]]
    if answer.status_code == 503 and not answer.headers.get("retry-after", "").isdecimal():
        return "503 is documented with Retry-After"
    if answer.request.method == "HEAD":
        return ""
    return _other_body(document, known.get("content", {}), answer)


def _other_body(document: Mapping[str, Any], contents: Mapping[str, Any], answer: httpx.Response) -> str:
    media = answer.headers.get("content-type", "").partition(";")[0]
    if not contents:
        return "" if not answer.content else f"{answer.status_code} is documented without a body"
    if media not in contents:
        return f"{answer.status_code} is documented as {', '.join(contents)}, and not as {media}"
    if media != "application/json":
        return ""
    whole = {"allOf": [contents[media]["schema"]], "components": document["components"]}
    errors = [error.message for error in Draft202012Validator(whole).iter_errors(answer.json())]
    return "; ".join(errors)[:2000]
