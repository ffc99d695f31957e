"""The list of jobs: what is wrong first, then a page of jobs by filters, in an order that an index serves."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import Response

from pgjobs.web.doc import TEXT, Query, Schema, choice, empty_too
from pgjobs.web.doors.page.doc import shown
from pgjobs.web.doors.page.render import ask, page
from pgjobs.web.endpoint import Endpoint
from pgjobs.web.parameters import query

STATUSES = ("Creating", "Waiting", "Started", "Stopped", "Error", "Finished", "Fail")
SORTS = {
    "newest": "Newest first",
    "oldest": "Oldest first",
    "started": "Started last first",
    "finished": "Ended last first",
    "next": "Next to run first",
    "name": "By name",
}
SIZES = ("25", "50", "100")
FILTERS = {
    "status": "Status",
    "type": "Type",
    "name": "Name begins with",
    "reference": "Reference id, exactly",
    "who": "Submitted by, exactly",
    "user": "User",
    "task": "Task",
    "job": "Job",
    "created_from": "Created from",
    "created_to": "Created before",
}
"""Parameters that leave jobs out, and what people call them."""
PLACES = ("after", "before")
MOST = 200
ROOT = "/"


async def jobs(request: Request) -> Response:
    """A page of jobs."""
    asked = query(request, *FILTERS, "sort", "size", *PLACES, several=("status",))
    given = {name: text for name in (*FILTERS, "sort", "size", *PLACES) if (text := asked.text(name)) is not None}
    found = await ask(request, "pgjobs.page_jobs(%s::jsonb)", json.dumps(given))
    lasting = {name: text for name, text in given.items() if name not in PLACES}
    return page(
        request,
        "jobs.html",
        **found,
        chips=_chips(lasting, found["asked"]),
        sorts={name: (words, _address(lasting, sort=name)) for name, words in SORTS.items()},
        statuses=STATUSES,
        sizes=SIZES,
        links={
            "first": _address(lasting),
            "last": _address(lasting, before="end"),
            "previous": found["previous"] and _address(lasting, before=found["previous"]),
            "next": found["next"] and _address(lasting, after=found["next"]),
            "all": _address({name: text for name, text in lasting.items() if name in ("sort", "size")}),
        },
        counted=_counted(lasting, found["counts"]["statuses"]),
    )


def _address(given: Mapping[str, str], **changed: str) -> str:
    """The address of the list with these parameters."""
    pairs = {name: text for name, text in ({**given, **changed}).items() if text}
    return f"{ROOT}?{urlencode(pairs)}" if pairs else ROOT


def _counted(given: Mapping[str, str], counts: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Each number with the address of the list of exactly these jobs: of the type alone, for so they are counted."""
    kept = {name: text for name, text in given.items() if name in ("type", "sort", "size")}
    return [{**one, "href": _address(kept, status=one["words"])} for one in counts]


def _chips(given: Mapping[str, str], asked: Mapping[str, Any]) -> list[dict[str, str]]:
    """Each filter that is in force, in words, with the address of the list without it."""
    chips = []
    for name, label in FILTERS.items():
        values = asked["words"] if name == "status" else [asked[name]]
        for value in values:
            if value is not None:
                rest = ",".join(word for word in values if word != value)
                chips.append({"name": name, "label": label, "value": value, "href": _address(given, **{name: rest})})
    return chips


WORD = f"({'|'.join(STATUSES)})"
MOMENT: Schema = {"type": "string", "maxLength": MOST}
SHORT: Schema = {"type": "string", "maxLength": MOST}
NUMBER: Schema = {"type": "string", "pattern": "^[0-9]{0,18}$"}
PARAMETERS = (
    Query("status", {"type": "string", "pattern": f"^({WORD}(,{WORD})*)?$"}, "jobs in one of these states"),
    Query("type", SHORT, "jobs of this type"),
    Query("name", SHORT, "jobs whose name begins so, in capitals or not"),
    Query("reference", SHORT, "jobs with this reference id"),
    Query("who", SHORT, "jobs that this caller submitted, as in token cms-1"),
    Query("user", NUMBER, "jobs of this user"),
    Query("task", NUMBER, "jobs of this task"),
    Query("job", TEXT, "the job with this number or GUID"),
    Query("created_from", MOMENT, "jobs created at this moment or later, as in 2026-11-26 or 2026-11-26 19:30, in UTC"),
    Query("created_to", MOMENT, "jobs created before this moment"),
    Query("sort", empty_too(choice(*SORTS)), "the order; next: by priority and due time"),
    Query("size", empty_too(choice(*SIZES)), "jobs of a page"),
    Query("after", TEXT, "the page begins behind this place of the order"),
    Query("before", TEXT, "the page ends before this place of the order, or at its end"),
)
ENDPOINTS = (Endpoint(ROOT, jobs, "read", ("GET",), shown("The list of jobs", *PARAMETERS)),)
