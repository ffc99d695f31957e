"""The log of a job in a browser: its newest lines, those before or behind a place, and those with a text.

Each page reads a bounded part of the log. What keeps it from being read is a sentence on the page, with the status that
it has at the door of the CMS.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import Response

from pgjobs.joblog.committed import Part, UnreadableLog, check, length
from pgjobs.joblog.excerpt import Excerpt, Line, before_place, from_place, search
from pgjobs.joblog.reader import read_line
from pgjobs.joblog.search import lines_with_target
from pgjobs.web.doc import TEXT, Answer, Doc, Query, empty_too
from pgjobs.web.doors.page.doc import HTML, JOB
from pgjobs.web.doors.page.render import ask, page
from pgjobs.web.endpoint import Endpoint
from pgjobs.web.errors import Problem
from pgjobs.web.joblogs import LogFile, located, unreadable
from pgjobs.web.parameters import Parameters, path_number, query
from pgjobs.web.turns import Turns

LINES = 200
FOUND = 100
LONGEST_SEARCH = 500
SEARCHES = 4
"""So many logs may be searched at once."""
NEXT = "X-Next-Offset"
ENDED = ("Finished", "Fail", "Error")
"""Words of jobs whose log gets no more lines unless somebody resumes them."""
PLACES = ("offset", "before")


class Place(NamedTuple):
    """What is to be seen of a log: lines from a place on, or before one, or those with a text; else the newest."""

    offset: int | None
    before: int | None
    find: str | None

    @classmethod
    def of(cls, given: Parameters) -> Place:
        """As a request says."""
        find = given.text("find")
        if find is not None and len(find) > LONGEST_SEARCH:
            hint = "give a part of it, an msisdn for instance"
            raise Problem(400, "bad_find", f"find: it has more than {LONGEST_SEARCH} characters", hint, field="find")
        return cls(given.whole("offset"), given.whole("before"), find)

    def read(self, parts: Sequence[Part]) -> Excerpt:
        """Its lines."""
        whole = length(parts)
        for name, value in zip(PLACES, self, strict=False):
            if isinstance(value, int) and value > whole:
                sentence = f"{name}: the log ends at byte {whole}"
                raise Problem(400, f"bad_{name}", sentence, "leave it out for the newest lines", field=name)
        if self.find is not None:
            return search(parts, self.offset or 0, *lines_with_target(self.find), FOUND)
        if self.offset is not None:
            return from_place(parts, self.offset, LINES)
        return before_place(parts, whole if self.before is None else self.before, LINES)


async def log(request: Request) -> Response:
    """A page of it."""
    given = query(request, *PLACES, "find", "shard")
    number, place, shard = path_number(request, "id"), Place.of(given), given.whole("shard")
    found = await ask(request, "pgjobs.page_log(%s)", number)
    shard = newest_shard(found) if shard is None else shard
    known: dict[str, Any] = {"job": found["job"], "shards": found["shards"], "shard": shard, "find": place.find or ""}
    try:
        parts = parts_of(request, number, found, shard)
        excerpt = await searched(request, parts, place) if place.find is not None else await read(parts, place)
    except Problem as problem:
        if problem.status == 400:
            raise
        return page(request, "log.html", problem.status, problem.headers, **known, problem=problem)
    whole = length(parts)
    searching = place.find is not None
    return page(
        request,
        "log.html",
        **known,
        problem=None,
        lines=[shown_line(line) for line in excerpt.lines],
        begin=excerpt.begin,
        end=excerpt.end,
        whole=whole,
        oldest=address(number, shard, place.find, offset=0) if excerpt.begin and not searching else None,
        older=address(number, shard, before=excerpt.begin) if excerpt.begin and not searching else None,
        newer=address(number, shard, place.find, offset=excerpt.end) if excerpt.end < whole else None,
        newest=f"{address(number, shard)}#end",
        follow=address(number, shard, offset=excerpt.end) if excerpt.end == whole and not searching else None,
        polled=polled(number, shard, excerpt.end) if found["job"]["word"] not in ENDED else None,
        searching=searching,
    )


async def newer_lines(request: Request) -> Response:
    """The lines from a place on, as a part of a page: for a script that appends them."""
    given = query(request, "offset", "shard")
    number, shard = path_number(request, "id"), given.whole("shard")
    place = Place(given.whole("offset") or 0, None, None)
    found = await ask(request, "pgjobs.page_log(%s)", number)
    shard = newest_shard(found) if shard is None else shard
    excerpt = await read(parts_of(request, number, found, shard), place)
    lines = [shown_line(line) for line in excerpt.lines]
    headers = {NEXT: str(excerpt.end)}
    return page(request, "job/lines.html", 200, headers, job=found["job"], lines=lines, anchored=False)


def newest_shard(found: Mapping[str, Any]) -> int | None:
    """The shard that was written last; None: there is no log yet."""
    newest = max(found["shards"], key=lambda one: (one["updated_at"] or "", -one["shard"]), default=None)
    return None if newest is None else int(newest["shard"])


def parts_of(request: Request, number: int, found: Mapping[str, Any], shard: int | None) -> list[Part]:
    """The files of the log of a shard; refused where they are not to be had here."""
    files = [LogFile(shard=one["shard"], **file) for one in found["shards"] for file in one["files"]]
    return located(number, files, request.app.state.settings.log_host, shard, ended=found["job"]["word"] in ENDED)


async def searched(request: Request, parts: Sequence[Part], place: Place) -> Excerpt:
    """The lines that are looked for, if not too many others look for theirs."""
    turns: Turns = request.app.state.searches
    async with turns:
        return await read(parts, place)


async def read(parts: Sequence[Part], place: Place) -> Excerpt:
    """Some of its lines, read in a thread; what keeps it from being read is a Problem."""
    try:
        await asyncio.to_thread(check, parts)
        return await asyncio.to_thread(place.read, parts)
    except UnreadableLog as error:
        raise unreadable(error) from error


def shown_line(line: Line) -> dict[str, Any]:
    """A line as a template shows it."""
    said = read_line(line.shown + b"\n") if line.is_whole else None
    text = line.shown.decode("utf-8", "replace")
    return {
        "begin": line.begin,
        "text": text if line.is_whole else text.rstrip("\ufffd"),
        "bytes": None if line.is_whole else line.bytes,
        "key": None if said is None else str(said.key),
        "kind": "odd" if said is None else "sent" if said.error is None else "skip",
    }


def address(number: int, shard: int | None, find: str | None = None, **place: int) -> str:
    """The address of another page of the log."""
    asked = {"shard": shard, "find": find, **place}
    given = urlencode({name: value for name, value in asked.items() if value is not None})
    return f"/job/{number}/log" + (f"?{given}" if given else "")


def polled(number: int, shard: int | None, offset: int) -> str:
    """Where a script asks for the lines that were written since."""
    return f"/job/{number}/log/lines?{urlencode({'shard': shard or 0, 'offset': offset})}"


OFFSET = empty_too({"type": "integer", "minimum": 0, "maximum": 10**18 - 1})
ANSWERS = {
    200: Answer("The page.", TEXT, HTML),
    409: Answer("A file of the log is shorter than what was committed, or is no file.", TEXT, HTML),
    410: Answer("The log was removed, after its keep time or by somebody.", TEXT, HTML),
}
ENDPOINTS = (
    Endpoint(
        "/job/{id:number}/log",
        log,
        "read",
        ("GET",),
        Doc(
            "The log of a job",
            ANSWERS,
            (
                Query("offset", OFFSET, "the lines from this byte on"),
                Query(
                    "before", OFFSET, "the lines before this byte; where `offset` or `find` is given it does not count"
                ),
                Query(
                    "find",
                    {"type": "string", "maxLength": LONGEST_SEARCH},
                    "the lines that have this in their target, an msisdn for instance",
                ),
                Query("shard", OFFSET, "of this shard; else of the one that was written last"),
            ),
            JOB,
        ),
    ),
    Endpoint(
        "/job/{id:number}/log/lines",
        newer_lines,
        "read",
        ("GET",),
        Doc(
            "Newer lines of a log, as a part of its page",
            {
                **ANSWERS,
                200: Answer("The lines.", TEXT, HTML, {NEXT: "Where the next lines begin."}),
            },
            (
                Query("offset", OFFSET, "the lines from this byte on"),
                Query("shard", OFFSET, "of this shard; else of the one that was written last"),
            ),
            JOB,
        ),
    ),
)
