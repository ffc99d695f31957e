"""What moves: the progress of a job, and the jobs of a list, as event streams and as parts of a page for polling."""

from __future__ import annotations

from collections.abc import Sequence

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from pgjobs.web.calls import caller
from pgjobs.web.doc import Answer, Doc, Query, Schema
from pgjobs.web.doors.page.callers import cookie_token
from pgjobs.web.doors.page.doc import HTML, JOB
from pgjobs.web.doors.page.hub import Hub
from pgjobs.web.doors.page.render import PAGE_HEADERS, TEMPLATE, ask
from pgjobs.web.doors.page.stream import EVENT_STREAM, STREAM_HEADERS, EventStream
from pgjobs.web.doors.page.viewer import Key, Shown, State, Update, Viewer, update
from pgjobs.web.endpoint import Endpoint
from pgjobs.web.errors import Problem, clipped
from pgjobs.web.identity import digest
from pgjobs.web.parameters import BIGINT, path_number, query

FIRST_SECONDS = 5.0
"""So long a stream waits for its first event before it begins: by then it is known whether there is such a job."""
MOST_TYPE = 200
MOST_ROWS = 100
"""Jobs of a list that one stream is about."""
PROGRESS = "pgjobs.page_progress(%s::bigint[])"
GONE = update("gone", "This job was deleted.", last=True)


def progress_html(state: State) -> str:
    """The progress of a job, as the part of its page."""
    return TEMPLATE.get_template("job/progress.html").render(progress=state)


def row_html(state: State) -> str:
    """What moves in the row of a job in the list."""
    return TEMPLATE.get_template("jobs/live.html").render(progress=state)


def top_html(state: State) -> str:
    """What moves above the list."""
    return TEMPLATE.get_template("jobs/top.html").render(top=state)


def progress_event(_job: Key, state: State | None) -> Update:
    """What a viewer of one job is told."""
    if state is None:
        return GONE
    return update("ended" if state["final"] else "progress", progress_html(state), last=state["final"])


def row_event(job: Key, state: State | None) -> Update:
    """What a viewer of the list is told of a job, or of what stands above them."""
    if isinstance(job, str) and state is not None:
        return update("top", top_html(state))
    return update("gone", str(job)) if state is None else update("row", row_html(state))


async def follow(request: Request) -> Response:
    """The progress of a job, again and again until it is over."""
    query(request)
    job = path_number(request, "id")
    return await stream(request, [job], progress_event, GONE, job)


async def follow_list(request: Request) -> Response:
    """The jobs of a list."""
    return await stream(request, [*listed(request), *_tops(request)], row_event)


async def stream(
    request: Request, jobs: Sequence[Key], shown: Shown, gone: Update | None = None, job: int | None = None
) -> Response:
    """An event stream about these jobs; a Problem (404) where its first word is that there is no such job."""
    hub: Hub = request.app.state.hub
    viewer = Viewer(jobs, shown, _token(request), request.headers.get("last-event-id", ""))
    hub.join(viewer)
    begun, lasts = False, request.method != "HEAD"
    try:
        begun = gone is None or await viewer.first(FIRST_SECONDS) is not gone
    finally:
        if not begun or not lasts:
            hub.leave(viewer)
    if not begun:
        raise _unknown(job)
    return EventStream(hub, viewer) if lasts else StreamingResponse((), 200, STREAM_HEADERS, EVENT_STREAM)


async def progress(request: Request) -> Response:
    """The progress of a job as it is now, for browsers whose streams are cut."""
    query(request)
    job = path_number(request, "id")
    states = await ask(request, PROGRESS, [job])
    if not states:
        raise _unknown(job)
    return _part(progress_html(states[0]))


async def rows(request: Request) -> Response:
    """The jobs of a list as they are now, for the same."""
    parts = [row_html(state) for state in await ask(request, PROGRESS, listed(request))]
    if tops := _tops(request):
        parts += [top_html(state) for state in await ask(request, "pgjobs.page_top(%s::text[])", tops)]
    return _part("\n".join(parts))


def listed(request: Request) -> list[int]:
    """The jobs that a list shows, which its script names."""
    given = query(request, "ids", "top")
    if "ids" not in request.query_params and given.text("top") is not None:
        return []
    names = (given.text("ids") or "").split(",")
    for name in names:
        if not BIGINT.fullmatch(name) or not -(2**63) <= int(name) < 2**63:
            raise _bad_ids(f"{clipped(name)} is not the number of a job", "give numbers, as in ?ids=7,8")
    if len(names) > MOST_ROWS:
        raise _bad_ids(f"there are more than {MOST_ROWS}", "ask for fewer jobs")
    return list(dict.fromkeys(int(name) for name in names))


def _tops(request: Request) -> list[str]:
    """Of which type what stands above the list is asked for ("*": of all), if it is."""
    top = query(request, "ids", "top").text("top")
    if top is not None and len(top) > MOST_TYPE:
        raise Problem(400, "bad_top", f"top: it has more than {MOST_TYPE} characters", "give a type, or *", field="top")
    return [] if top is None else ["" if top == "*" else top]


def _token(request: Request) -> bytes | None:
    """The digest of the token by which a caller may look, which is checked again while the stream lasts."""
    if not caller(request).authenticated:
        return None
    header = request.headers.get("authorization")
    return digest((header.partition(" ")[2].strip() if header else cookie_token(request)) or "")


def _unknown(job: int | None) -> Problem:
    return Problem(404, "unknown_job", f"there is no job {job}", "look for it in the list of jobs")


def _bad_ids(what: str, hint: str) -> Problem:
    return Problem(400, "bad_ids", f"ids: {what}", hint, field="ids")


def _part(text: str) -> Response:
    return Response(text, headers=PAGE_HEADERS, media_type=HTML)


IDS: Schema = {"type": "string", "pattern": f"^[0-9]{{1,18}}(,[0-9]{{1,18}}){{0,{MOST_ROWS - 1}}}$"}
ROWS = (
    Query("ids", IDS, f"the numbers of at most {MOST_ROWS} jobs, separated by commas; needed without top"),
    Query(
        "top", {"type": "string", "maxLength": MOST_TYPE}, "what stands above the list of this type as well; *: of all"
    ),
)
EVENTS: Schema = {"type": "string"}
ENDPOINTS = (
    Endpoint(
        "/job/{id:number}/live",
        follow,
        "read",
        ("GET",),
        Doc(
            "The progress of a job as an event stream",
            {200: Answer("Events: progress, ended, gone, away, signed-out.", EVENTS, EVENT_STREAM)},
            path=JOB,
        ),
    ),
    Endpoint(
        "/job/{id:number}/progress",
        progress,
        "read",
        ("GET",),
        Doc("The progress of a job as a part of its page", {200: Answer("The part.", EVENTS, HTML)}, path=JOB),
    ),
    Endpoint(
        "/live",
        follow_list,
        "read",
        ("GET",),
        Doc(
            "What moves in a list of jobs, as an event stream",
            {200: Answer("Events: row, top, gone, away, signed-out.", EVENTS, EVENT_STREAM)},
            ROWS,
        ),
    ),
    Endpoint(
        "/live/rows",
        rows,
        "read",
        ("GET",),
        Doc("What moves in a list of jobs, as parts of a page", {200: Answer("The parts.", EVENTS, HTML)}, ROWS),
    ),
)
