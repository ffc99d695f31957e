"""The actions of a job, which are its items: the table of them, and the page of one."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import Response

from pgjobs.web.doc import NUMBER, Query, choice, empty_too
from pgjobs.web.doors.page.doc import JOB, shown
from pgjobs.web.doors.page.filters import pretty
from pgjobs.web.doors.page.render import ask, page
from pgjobs.web.endpoint import Endpoint
from pgjobs.web.errors import Problem, clipped
from pgjobs.web.parameters import Parameters, path_number, query

WORDS = ("Waiting", "Started", "Finished", "Error", "Fail", "Stopped")
"""What the page calls the status of an item, see pgjobs.item_words()."""
UNTOLD = "Of which attempt is not told"
FILTERS = ("status", "target", "result", "limit")
CALL = "pgjobs.page_items(%s, %s, %s, %s, %s, %s, %s, %s)"


async def items(request: Request) -> Response:
    """A page of the table."""
    given = query(request, *FILTERS, "after", "before", "last")
    number = path_number(request, "id")
    status, target, result = (given.text(name) for name in ("status", "target", "result"))
    after, before = given.job_number("after"), given.job_number("before")
    last, limit = asks_for_last(given), given.whole("limit")
    found = await ask(request, CALL, number, status, target, result, after, before, last, limit)
    words = {count["word"]: address(number, given, "status", status=count["word"]) for count in found["counts"]}
    return page(
        request,
        "items.html",
        **found,
        asked={"status": status or "", "target": target or "", "result": result or "", "limit": limit},
        words=words,
        everything=address(number, given, "status"),
        is_filtered=bool(status or target or result),
        is_first=(after, before, last) == (None, None, False),
        addresses={
            "first": address(number, given),
            "previous": found["previous"] and address(number, given, before=found["previous"]),
            "next": found["next"] and address(number, given, after=found["next"]),
            "last": address(number, given, last="1"),
        },
    )


def asks_for_last(given: Parameters) -> bool:
    """Whether the last ones are asked for."""
    text = given.text("last")
    if text not in (None, "1"):
        raise Problem(400, "bad_last", f"last: {clipped(text)} is not 1", "give 1, or leave it out", field="last")
    return text is not None


def address(number: int, given: Parameters, *without: str, **place: str) -> str:
    """The address of another page of the table, with the filters of this one."""
    kept = {name: given.text(name) for name in FILTERS if name not in without}
    asked = {name: text for name, text in (kept | place).items() if text}
    return f"/job/{number}/items" + (f"?{urlencode(asked)}" if asked else "")


async def item(request: Request) -> Response:
    """The page of one."""
    query(request)
    number, key = path_number(request, "id"), path_number(request, "key")
    found = await ask(request, "pgjobs.page_item(%s, %s)", number, key)
    own = found["item"]
    own["parameters"], own["body"] = indented(own["parameters"]), indented(own["body"])
    found["steps"] = by_attempt(found["steps"], own)
    log = {"find": own["searched"], "shard": own["shard"]}
    asked = urlencode({name: text for name, text in log.items() if text is not None})
    return page(request, "item.html", **found, log=f"/job/{number}/log?{asked}" if own["searched"] else None)


def by_attempt(steps: Iterable[dict[str, Any]], own: Mapping[str, Any]) -> dict[str, list[dict[str, Any]]]:
    """The steps below the name of their attempt, the earlier ones first; each in the order in which they came."""
    last = own["attempts"]
    earlier = "Attempt 1" if last == 2 else f"Attempts 1 to {last - 1}"
    parts: dict[str, list[dict[str, Any]]] = {earlier: [], f"Attempt {last}": [], UNTOLD: []}
    for step in steps:
        is_last = is_of_last(step["at"], own)
        parts[UNTOLD if is_last is None else f"Attempt {last}" if is_last else earlier].append(step)
    return {name: part for name, part in parts.items() if part}


def is_of_last(at: str | None, own: Mapping[str, Any]) -> bool | None:
    """Whether a step is one of the last attempt, as far as its moment tells; None: nobody knows."""
    if own["attempts"] <= 1:
        return True
    if at is None or own["started_at"] is None:
        return None
    return bool(at >= own["started_at"])


def indented(text: str | None) -> str | None:
    """JSON with line breaks, where nothing else of it changes by that; any other text as it is."""
    try:
        shown = None if text is None else pretty(json.loads(text))
    except (ValueError, RecursionError):
        return text
    return shown if without_blanks(shown) == without_blanks(text) else text


def without_blanks(text: str | None) -> str:
    """A text without its blanks."""
    return "".join((text or "").split())


FILTER = {"type": "string", "maxLength": 1000}
ENDPOINTS = (
    Endpoint(
        "/job/{id:number}/items",
        items,
        "read",
        ("GET",),
        shown(
            "The actions of a job",
            Query("status", empty_too(choice(*WORDS)), "only those with this word"),
            Query("target", FILTER, "only those that have this in their target"),
            Query("result", FILTER, "only those with this result"),
            Query("limit", empty_too({"type": "integer", "minimum": 1, "maximum": 200}), "so many on a page"),
            Query("after", empty_too(NUMBER), "those behind this key; `before` does not count then"),
            Query("before", empty_too(NUMBER), "those before this key"),
            Query("last", empty_too(choice("1")), "the last ones; `after` and `before` do not count then"),
            path=JOB,
        ),
    ),
    Endpoint(
        "/job/{id:number}/items/{key:number}",
        item,
        "read",
        ("GET",),
        shown("One action of a job", path={**JOB, "key": NUMBER}),
    ),
)
