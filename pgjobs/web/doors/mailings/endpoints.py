"""The endpoints of mailings: each calls one SQL function; every path is the same with a slash at its end."""

from __future__ import annotations

import json
import re
from datetime import date

from starlette.requests import Request
from starlette.responses import Response

from pgjobs.web.body import json_body, once
from pgjobs.web.calls import actor, answer, value
from pgjobs.web.door import Door
from pgjobs.web.doors.mailings import docs
from pgjobs.web.doors.mailings.errors import render
from pgjobs.web.endpoint import Endpoint
from pgjobs.web.errors import HEADERS, Problem, clipped
from pgjobs.web.parameters import Parameters, query

MOST_BYTES = 256 * 1024
NUMBER = re.compile(r"0*[1-9][0-9]{0,18}")
DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
MESSAGE = re.compile(r"[0-9-]{1,60}")


async def create_client(request: Request) -> Response:
    """Add a client."""
    return await _create(request, "select pgjobs.create_client(%s, %s, %s)")


async def list_clients(request: Request) -> Response:
    """A page of the clients, by their ids."""
    given = query(request, "after", "limit")
    call = "select pgjobs.list_clients(%s, %s)"
    return await answer(request, call, given.whole("after"), given.whole("limit"), reading=True)


async def show_client(request: Request) -> Response:
    """One client."""
    query(request)
    return await answer(request, "select pgjobs.show_client(%s)", _number(request), reading=True)


async def change_client(request: Request) -> Response:
    """Change a client: all of it (PUT), or what is given (PATCH)."""
    return await _change(request, "select pgjobs.change_client(%s, %s, %s, %s)")


async def delete_client(request: Request) -> Response:
    """Remove a client, and close its open messages."""
    return await _delete(request, "select pgjobs.delete_client(%s, %s)")


async def create_mailing(request: Request) -> Response:
    """Add a mailing."""
    return await _create(request, "select pgjobs.create_mailing(%s, %s, %s)")


async def all_statistics(request: Request) -> Response:
    """How many mailings there are, and their messages by status."""
    query(request)
    return await answer(request, "select pgjobs.mailing_statistics()", reading=True)


async def statistics(request: Request) -> Response:
    """The messages of one mailing by status."""
    query(request)
    return await answer(request, "select pgjobs.mailing_statistics(%s)", _number(request), reading=True)


async def change_mailing(request: Request) -> Response:
    """Change a mailing that has not started: all of it (PUT), or what is given (PATCH)."""
    return await _change(request, "select pgjobs.change_mailing(%s, %s, %s, %s)")


async def delete_mailing(request: Request) -> Response:
    """Stop a mailing for good, and show it no longer."""
    return await _delete(request, "select pgjobs.delete_mailing(%s, %s)")


async def mailing_log(request: Request) -> Response:
    """All that is known of a mailing: state, events, and a page of its messages."""
    given = query(request, "after", "limit")
    call = "select pgjobs.mailing_log(%s, %s, %s)"
    return await answer(request, call, _number(request), given.whole("after"), given.whole("limit"), reading=True)


async def client_log(request: Request) -> Response:
    """The messages to a client, newest first."""
    given = query(request, "client", "before")
    client = given.whole("client")
    if client is None:
        raise Problem(400, "missing_client", "client: it is missing", "give its id: ?client=7", field="client")
    return await answer(request, "select pgjobs.client_log(%s, %s)", client, given.whole("before"), reading=True)


async def message_log(request: Request) -> Response:
    """What became of a message, by its id."""
    query(request)
    text = request.path_params["id"]
    if not MESSAGE.fullmatch(text):
        raise _unknown(text, "the id of a message is that of its mailing and of its client, as in 12-7")
    return await answer(request, "select pgjobs.message_log(%s)", text, reading=True)


async def report(request: Request) -> Response:
    """The statistics of a day."""
    given = query(request, "day")
    return await answer(request, "select pgjobs.mailing_report(%s)", _day(given), reading=True)


async def _create(request: Request, call: str) -> Response:
    query(request)
    given = await json_body(request, MOST_BYTES)
    return await answer(request, call, json.dumps(given), actor(request), once(request), status=201)


async def _change(request: Request, call: str) -> Response:
    query(request)
    number = _number(request)
    given = await json_body(request, MOST_BYTES)
    return await answer(request, call, number, json.dumps(given), request.method == "PATCH", actor(request))


async def _delete(request: Request, call: str) -> Response:
    query(request)
    await value(request, call, _number(request), actor(request))
    return Response(status_code=204, headers=HEADERS)


def _number(request: Request) -> int:
    """The id in the path; anything else than a number is the id of nothing."""
    text = request.path_params["id"]
    if not NUMBER.fullmatch(text) or int(text) >= 2**63:
        raise _unknown(text, "an id is a whole number")
    return int(text)


def _unknown(text: str, hint: str) -> Problem:
    return Problem(404, "unknown_id", f"there is nothing with the id {clipped(text)}", hint)


def _day(given: Parameters) -> date | None:
    """The day that is asked for; None where there is none."""
    if "day" not in given:
        return None
    text = given.text("day") or ""
    try:
        if DAY.fullmatch(text):
            return date.fromisoformat(text)
    except ValueError:
        pass
    raise Problem(400, "bad_day", f"day: {clipped(text)} is no day", "write it as in 2026-11-25", field="day")


TABLE = (
    Endpoint("/clients", list_clients, "read", ("GET",), docs.LIST_CLIENTS),
    Endpoint("/clients", create_client, "control", ("POST",), docs.CREATE_CLIENT),
    Endpoint("/clients/{id}", show_client, "read", ("GET",), docs.SHOW_CLIENT),
    Endpoint("/clients/{id}", change_client, "control", ("PUT",), docs.PUT_CLIENT),
    Endpoint("/clients/{id}", change_client, "control", ("PATCH",), docs.PATCH_CLIENT),
    Endpoint("/clients/{id}", delete_client, "control", ("DELETE",), docs.DELETE_CLIENT),
    Endpoint("/mailings", all_statistics, "read", ("GET",), docs.ALL_STATISTICS),
    Endpoint("/mailings", create_mailing, "control", ("POST",), docs.CREATE_MAILING),
    Endpoint("/mailings/{id}", statistics, "read", ("GET",), docs.STATISTICS),
    Endpoint("/mailings/{id}", change_mailing, "control", ("PUT",), docs.PUT_MAILING),
    Endpoint("/mailings/{id}", change_mailing, "control", ("PATCH",), docs.PATCH_MAILING),
    Endpoint("/mailings/{id}", delete_mailing, "control", ("DELETE",), docs.DELETE_MAILING),
    Endpoint("/mailings/{id}/log", mailing_log, "read", ("GET",), docs.MAILING_LOG),
    Endpoint("/messages", client_log, "read", ("GET",), docs.CLIENT_LOG),
    Endpoint("/messages/{id}", message_log, "read", ("GET",), docs.MESSAGE_LOG),
    Endpoint("/report", report, "read", ("GET",), docs.REPORT),
)
# The slash at the end is how the service that its users know has its paths.
ENDPOINTS = tuple(row._replace(path=row.path + end) for row in TABLE for end in ("/", ""))
DOOR = Door("mailings", "/api/v1", ENDPOINTS, render=render, doc=docs.DOOR)
