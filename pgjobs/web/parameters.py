"""The parameters of a request: query string and, for POST, a form; each name has to be known and given once."""

from __future__ import annotations

import re
from urllib.parse import parse_qsl

from starlette.requests import Request

from pgjobs.web.body import is_json, read_body
from pgjobs.web.errors import Problem, clipped

BODY_BYTES = 64 * 1024
FIELDS = 50
FORM = "application/x-www-form-urlencoded"
WHOLE = re.compile(r"[0-9]+")
WHOLE_DIGITS = 18
INTEGER = re.compile(r"-?[0-9]+")
BIGINT = re.compile(r"-?[0-9]{1,19}")


class Parameters:
    """The parameters of one request, by name; an empty one counts as not given, unless it is needed."""

    def __init__(self, values: dict[str, str]) -> None:
        self._values = values

    def text(self, name: str) -> str | None:
        """A text, or None where it is not given."""
        return self._values.get(name) or None

    def whole(self, name: str) -> int | None:
        """A whole number of at most 18 digits, or None where it is not given."""
        text = self.text(name)
        if text is None:
            return None
        if not WHOLE.fullmatch(text):
            raise _bad(name, f"{clipped(text)} is not a whole number", "give it in digits, at most 18 of them")
        if len(text) > WHOLE_DIGITS:
            raise _bad(name, f"{clipped(text)} is too large", "give it in digits, at most 18 of them")
        return int(text)

    def job_id(self) -> int:
        """The number of a job, which has to be given."""
        number = self.job_number("id")
        if number is None:
            raise _bad("id", "it is missing", "give the number of a job, as in ?id=7")
        return number

    def job_number(self, name: str) -> int | None:
        """A number that a job may have, which is any bigint, or None where it is not given."""
        text = self.text(name)
        if text is None:
            return None
        if not INTEGER.fullmatch(text):
            raise _bad(name, f"{clipped(text)} is not a whole number", "give it in digits, as in 7")
        if not BIGINT.fullmatch(text) or not -(2**63) <= int(text) < 2**63:
            shown = text if len(text) <= 60 else f"{text[:60]}…"
            raise _bad(name, f"{shown} is beyond the number of any job", "give the number of a job")
        return int(text)

    def __contains__(self, name: str) -> bool:
        return name in self._values


def path_number(request: Request, name: str) -> int:
    """The number of a job in the path."""
    number = Parameters(request.path_params).job_number(name)
    assert number is not None  # noqa: S101 - the path has digits there
    return number


async def read(request: Request, *known: str) -> Parameters:
    """Read the parameters of a request from its query string and its form."""
    return _known([*_pairs(request.scope["query_string"]), *_pairs(await _form(request))], request, known)


def query(request: Request, *known: str, several: tuple[str, ...] = ()) -> Parameters:
    """Read the parameters of a request from its query string alone: its body is something else.

    What is given more than once of `several` is joined with commas, for boxes of a form come so.
    """
    return _known(_pairs(request.scope["query_string"]), request, known, several)


def _known(
    pairs: list[tuple[str, str]], request: Request, known: tuple[str, ...], several: tuple[str, ...] = ()
) -> Parameters:
    """The parameters by name; one that is not among the known ones is refused.

    A misspelt limit would otherwise publish as many records as the default says.
    """
    values: dict[str, str] = {}
    for name, value in pairs:
        if name not in known:
            knows = f"it knows {', '.join(known)}" if known else "it knows none"
            raise Problem(400, "unknown_parameter", f"{clipped(name)}: {request.url.path} has no such parameter", knows)
        if name in values and name not in several:
            raise _bad(name, "it is given twice", "give it once")
        if "\0" in value:
            raise _bad(name, "it holds a NUL", "give it without")
        values[name] = f"{values[name]},{value}" if values.get(name) else value
    request.state.parameters = values
    return Parameters(values)


async def _form(request: Request) -> bytes:
    body = await read_body(request, BODY_BYTES)
    if body and is_json(request.headers.get("content-type", "")):
        hint = "send a form, or the query string, as in ?id=3"
        raise Problem(
            415, "bad_body", f"{request.url.path} takes a form or the query string, and the body is JSON", hint
        )
    if body.lstrip().startswith(b"{"):
        hint = f"send it with the header Content-Type: application/json, if {request.url.path} takes JSON"
        raise Problem(415, "bad_body", "the body is JSON, and its Content-Type does not say so", hint)
    kind = request.headers.get("content-type", FORM).partition(";")[0].strip().lower()
    if body and kind != FORM:
        raise Problem(415, "bad_body", f"the body is {clipped(kind)} and not a form", f"send it as {FORM}")
    return body


def _pairs(encoded: bytes) -> list[tuple[str, str]]:
    try:
        return parse_qsl(encoded.decode("latin-1"), keep_blank_values=True, max_num_fields=FIELDS)
    except ValueError:
        raise Problem(400, "bad_request", f"there are more than {FIELDS} parameters", "give each name once") from None


def _bad(name: str, what: str, hint: str) -> Problem:
    return Problem(400, f"bad_{name}", f"{name}: {what}", hint, field=name)
