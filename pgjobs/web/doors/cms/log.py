"""The log of a job as a download: all of it, some lines from an offset on, or the lines of one msisdn."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Generator, Sequence

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from pgjobs.joblog.committed import Page, Part, UnreadableLog, blocks, check, length, matching, page
from pgjobs.joblog.search import MSISDN, lines_of_msisdn
from pgjobs.unbroken import unbroken
from pgjobs.web.calls import database
from pgjobs.web.doors.cms import doc_files as doc
from pgjobs.web.endpoint import Endpoint
from pgjobs.web.errors import HEADERS, Problem
from pgjobs.web.joblogs import LogFile, located, unreadable
from pgjobs.web.parameters import Parameters, path_number, query
from pgjobs.web.turns import Turns

logger = logging.getLogger(__name__)

DOWNLOADS = 8
"""So many logs may be sent at once."""
LINES, MOST_LINES = 1000, 10_000
NEXT = "X-Next-Offset"


class Download(StreamingResponse):
    """A log on its way; where a file of it goes meanwhile, the connection ends before the answer does."""

    def __init__(self, turns: Turns, pieces: Generator[bytes], headers: dict[str, str]) -> None:
        super().__init__(_without_pause(pieces), headers=HEADERS | headers, media_type="text/plain")
        self._turns = turns

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send it, if there are not too many others."""
        async with self._turns:
            try:
                await super().__call__(scope, receive, send)
            except UnreadableLog as error:
                logger.warning("a download broke off: %s", error.sentence)


async def log(request: Request) -> Response:
    """The committed lines of a log."""
    given = query(request, "offset", "limit", "msisdn", "shard")
    number, wanted = path_number(request, "id"), given.text("msisdn")
    offset, lines = given.whole("offset"), given.whole("limit")
    _check(wanted, offset, lines)
    parts = await _parts(request, number, given)
    try:
        await asyncio.to_thread(check, parts)
        shown = await asyncio.to_thread(_page, parts, offset, lines)
    except UnreadableLog as error:
        raise unreadable(error) from error
    headers = {"Accept-Ranges": "none", NEXT: str(shown.end)}
    if wanted is not None:
        pieces, headers = matching(parts, *lines_of_msisdn(wanted)), {"Accept-Ranges": "none"}
    else:
        pieces = blocks(parts, shown.begin, shown.end)
        headers["Content-Length"] = str(shown.end - shown.begin)
    if (offset, lines, wanted) == (None, None, None):
        headers["Content-Disposition"] = f'attachment; filename="job-{number}.log"'
    if request.method == "HEAD":
        return Response(headers=HEADERS | headers, media_type="text/plain")
    return Download(request.app.state.downloads, pieces, headers)


def _check(wanted: str | None, offset: int | None, lines: int | None) -> None:
    if lines is not None and not 1 <= lines <= MOST_LINES:
        hint = f"give a number from 1 to {MOST_LINES}, or leave offset and limit out for the whole log"
        raise Problem(400, "bad_limit", f"limit: {lines} is out of range", hint, field="limit")
    if wanted is None:
        return
    if not MSISDN.fullmatch(wanted):
        sentence = "msisdn: it is no number of 5 to 20 digits"
        raise Problem(400, "bad_msisdn", sentence, "give all of its digits, as in 923000217540", field="msisdn")
    if offset is not None or lines is not None:
        sentence = "msisdn: the lines of one msisdn come all at once"
        raise Problem(400, "bad_msisdn", sentence, "leave offset and limit out", field="msisdn")


async def _parts(request: Request, number: int, given: Parameters) -> list[Part]:
    """The files of the log, or of one shard; refused where they are not to be had here."""
    call = "select shard, host, path, bytes, removed from pgjobs.log_files(%s)"
    files = [LogFile(*row) for row in await database(request).rows(call, number, reading=True)]
    return located(number, files, request.app.state.settings.log_host, given.whole("shard"))


def _page(parts: Sequence[Part], offset: int | None, lines: int | None) -> Page:
    """Where to begin and to end."""
    whole = length(parts)
    if (offset, lines) == (None, None):
        return Page(0, whole)
    if (offset or 0) > whole:
        hint = f"begin with 0, and go on with what the header {NEXT} says"
        raise Problem(400, "bad_offset", f"offset: the log ends at byte {whole}", hint, field="offset")
    return page(parts, offset or 0, LINES if lines is None else lines)


async def _without_pause(pieces: Generator[bytes]) -> AsyncIterator[bytes]:
    """The pieces, each made in a thread while others are served."""
    with contextlib.closing(pieces):
        while (piece := await unbroken(next, pieces, None)) is not None:
            if piece:
                yield piece


ENDPOINTS = (Endpoint("/jobs/{id:number}/log", log, "read", ("GET",), doc.LOG),)
