"""The body of a request: bounded in size, and as JSON read strictly, so that nobody reads two things in one text."""

from __future__ import annotations

import asyncio
import hashlib
import json
import math
import re
from typing import Any, NoReturn

from starlette.requests import Request

from pgjobs.web.errors import Problem, clipped

DEEPEST = 50
"""So many arrays and objects may lie in each other; PostgreSQL and other readers have their own limits."""
DIGITS = 19
LONGEST_NUMBER = 1000
LARGE = 64 * 1024
JSON_TYPES = ("application/json", "text/json")
KEY_LENGTH = 200


async def read_body(request: Request, most: int) -> bytes:
    """The body, of `most` bytes at most (413)."""
    encoding = request.headers.get("content-encoding", "identity").strip().lower()
    if encoding not in ("identity", ""):
        hint = "send it as it is, without the header Content-Encoding"
        raise Problem(415, "encoded", f"the body is encoded with {clipped(encoding)}", hint)
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > most:
            raise Problem(413, "too_large", f"the body is larger than {_size(most)}", "send less at once")
    return bytes(body)


async def json_body(request: Request, most: int, *, any_type: bool = False) -> dict[str, Any]:
    """The JSON object in the body of a request, of `most` bytes at most.

    `any_type`: whatever Content-Type says. Refused (400) besides what is no JSON: a key that comes twice, NaN and
    Infinity, integers of more than 19 digits, zero characters, halves of surrogate pairs, more than 50 levels.
    """
    if not any_type:
        _need_json(request)
    body = await read_body(request, most)
    request.state.body = body
    # A large one is read beside the event loop, so that other requests do not wait for it.
    read = parse_json(body) if len(body) < LARGE else await asyncio.to_thread(parse_json, body)
    if not isinstance(read, dict):
        raise _bad("the body is no JSON object", "send an object: {…}")
    return read


def parse_json(body: bytes) -> Any:
    """What a JSON text says; refuses (400) what `json_body` refuses."""
    try:
        read = json.loads(
            body.decode("utf-8-sig"),
            object_pairs_hook=_object,
            parse_int=_integer,
            parse_float=_number,
            parse_constant=_constant,
        )
    except UnicodeDecodeError:
        raise _bad("the body is not UTF-8", "encode it as UTF-8") from None
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}"
        raise _bad(f"the body is no JSON: {error.msg} at {where}", "send a JSON object") from None
    except RecursionError:
        raise _too_deep() from None
    _check(read, 0)
    return read


def once(request: Request, query: str | None = None) -> str | None:
    """What the header Idempotency-Key says, as the argument `_once` of a SQL function that creates something.

    {"key", "digest"}: the digest is of the whole request, whose body `json_body` has read. None without the header.
    `query`: what counts of the query string, where that is not all of it.
    """
    keys = request.headers.getlist("idempotency-key")
    if not keys:
        return None
    if len(keys) > 1 or not 0 < len(keys[0]) <= KEY_LENGTH or not keys[0].isascii() or not keys[0].isprintable():
        sentence = f"Idempotency-Key: it is no text of 1 to {KEY_LENGTH} ASCII characters, given once"
        hint = "send a new UUID with each new request"
        raise Problem(400, "bad_idempotency_key", sentence, hint, field="Idempotency-Key")
    query = request.url.query if query is None else query
    said = f"{request.method} {request.url.path}?{query}\n".encode() + getattr(request.state, "body", b"")
    return json.dumps({"key": keys[0], "digest": hashlib.sha256(said).hexdigest()})


def is_json(content_type: str) -> bool:
    """Whether a Content-Type says that it is JSON."""
    name = content_type.partition(";")[0].strip().lower()
    return name in JSON_TYPES or (name.startswith("application/") and name.endswith("+json"))


def _need_json(request: Request) -> None:
    kind, _, rest = request.headers.get("content-type", "").partition(";")
    if not is_json(kind):
        is_it = f"is {clipped(kind)}" if kind else "has no Content-Type"
        raise Problem(415, "bad_body", f"the body {is_it}, and has to be JSON", "send it as application/json")
    charset = rest.strip().lower().removeprefix("charset=").strip('"')
    if rest.strip().lower().startswith("charset=") and charset not in ("utf-8", "utf8"):
        raise Problem(415, "bad_charset", f"the body is in {clipped(charset)}", "send it in UTF-8")


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        seen: set[str] = set()
        twice = next(key for key, _ in pairs if key in seen or seen.add(key))  # type: ignore[func-returns-value] # says None
        raise _bad(f"{clipped(twice)}: this key comes twice in one object", "give it once", twice)
    return found


def _integer(text: str) -> int:
    if len(text.lstrip("-")) > DIGITS:
        raise _bad(f"the number {clipped(text)} has more than {DIGITS} digits", "give a smaller one")
    return int(text)


def _number(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise _bad(f"the number {clipped(text)} is too large", "give a smaller one")
    # PostgreSQL keeps each digit, and has limits for them.
    if len(text) > LONGEST_NUMBER or re.search("[eE][+-]?0*[1-9][0-9]{3}", text):
        raise _bad(f"the number {clipped(text)} has too many digits", "round it")
    return number


def _constant(text: str) -> NoReturn:
    raise _bad(f"{text} is no JSON", "write null, or a number")


def _check(read: Any, depth: int) -> None:
    """Refuse texts that the database can't keep, and what is nested too deep."""
    if depth > DEEPEST:
        raise _too_deep()
    if isinstance(read, str):
        _check_text(read)
    elif isinstance(read, list):
        for inner in read:
            _check(inner, depth + 1)
    elif isinstance(read, dict):
        for key, inner in read.items():
            _check_text(key)
            _check(inner, depth + 1)


def _check_text(text: str) -> None:
    if "\0" in text:
        raise _bad(f"{clipped(text)} holds a zero character", "give it without")
    if not text.isascii() and any("\ud800" <= letter <= "\udfff" for letter in text):
        raise _bad("a text holds half of a surrogate pair", "write both halves, or the character itself")


def _too_deep() -> Problem:
    return _bad(f"it is nested more than {DEEPEST} deep", "flatten it")


def _bad(sentence: str, hint: str, field: str | None = None) -> Problem:
    return Problem(400, "bad_json", sentence, hint, field=field)


def _size(most: int) -> str:
    return f"{most // 1024} KB" if most % 1024 == 0 else f"{most} bytes"
