"""The log of a job as a download: all of it, some lines from an offset on, or the lines of one msisdn.

Only what the checkpoints have committed is shown. The files lie where the daemon wrote them, so they can be read where
PGJOBS_LOG_HOST names the same volume.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import re
from collections.abc import AsyncIterator, Callable, Generator, Sequence

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from pgjobs.injection.lines import msisdn_of
from pgjobs.joblog.committed import (
    DamagedLog,
    MissingLog,
    Page,
    Part,
    UnreadableLog,
    blocks,
    check,
    length,
    matching,
    page,
)
from pgjobs.joblog.reader import target_of
from pgjobs.unbroken import unbroken
from pgjobs.web.calls import database
from pgjobs.web.doors.cms import doc_files as doc
from pgjobs.web.endpoint import Endpoint
from pgjobs.web.errors import HEADERS, Problem
from pgjobs.web.parameters import Parameters, path_number, query
from pgjobs.web.turns import Turns

logger = logging.getLogger(__name__)

DOWNLOADS = 8
"""So many logs may be sent at once."""
LINES, MOST_LINES = 1000, 10_000
MSISDN = re.compile("[0-9]{5,20}")
NEXT = "X-Next-Offset"
STATUSES: dict[type[UnreadableLog], int] = {MissingLog: 410, DamagedLog: 409}
"""What does not get better by itself; whatever else keeps a log from being read may (503)."""


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
        raise Problem(STATUSES.get(type(error), 503), "log_unreadable", error.sentence, error.hint) from error
    headers = {"Accept-Ranges": "none", NEXT: str(shown.end)}
    if wanted is not None:
        pieces, headers = matching(parts, _pattern(wanted), _is_of(wanted)), {"Accept-Ranges": "none"}
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
    shard, here = given.whole("shard"), request.app.state.settings.log_host
    call = "select shard, host, path, bytes, removed from pgjobs.log_files(%s)"
    files = [file for file in await database(request).rows(call, number, reading=True) if shard in (None, file[0])]
    if not files:
        of = f"shard {shard} of job {number}" if shard is not None else f"job {number}"
        raise Problem(404, "no_log", f"{of} has no log yet", "it is made when the job begins")
    if any(removed for *_, removed in files):
        sentence = f"the log of job {number} was removed after its keep time"
        raise Problem(410, "log_removed", sentence, "pgjobs.retention says how long logs are kept; outcomes stay")
    elsewhere = {host: path for _, host, path, size, _ in files if size and host != here}
    if elsewhere:
        host, path = min(elsewhere.items())
        sentence = f"the log of job {number} lies on host {host[:60]}, and this is {here[:60]}"
        hint = f"ask pgjobs web there, or read {path} there; PGJOBS_LOG_HOST names a volume that hosts share"
        raise Problem(404, "log_elsewhere", sentence, hint)
    return [Part(path, size) for _, _, path, size, _ in files]


def _page(parts: Sequence[Part], offset: int | None, lines: int | None) -> Page:
    """Where to begin and to end."""
    whole = length(parts)
    if (offset, lines) == (None, None):
        return Page(0, whole)
    if (offset or 0) > whole:
        hint = f"begin with 0, and go on with what the header {NEXT} says"
        raise Problem(400, "bad_offset", f"offset: the log ends at byte {whole}", hint, field="offset")
    return page(parts, offset or 0, LINES if lines is None else lines)


def _pattern(msisdn: str) -> re.Pattern[bytes]:
    return re.compile(msisdn.encode() + rb"(?![0-9])")


def _is_of(msisdn: str) -> Callable[[bytes], bool]:
    """Whether a line is about this msisdn: it is found in the first column, as a daemon finds it there."""

    def is_of(line: bytes) -> bool:
        target = target_of(line)
        return target is not None and msisdn_of(target.encode(errors="replace")) == msisdn.encode()

    return is_of


async def _without_pause(pieces: Generator[bytes]) -> AsyncIterator[bytes]:
    """The pieces, each made in a thread while others are served."""
    with contextlib.closing(pieces):
        while (piece := await unbroken(next, pieces, None)) is not None:
            if piece:
                yield piece


ENDPOINTS = (Endpoint("/jobs/{id:number}/log", log, "read", ("GET",), doc.LOG),)
