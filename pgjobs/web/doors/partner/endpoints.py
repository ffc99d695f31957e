"""The partner door's paths: ping, templates, submissions, and the status of a job by its GUID."""

from __future__ import annotations

import json
import re
from collections.abc import Awaitable, Callable

from starlette.requests import Request
from starlette.responses import Response

from pgjobs.web.body import is_json, json_body, once
from pgjobs.web.calls import actor, caller, value
from pgjobs.web.door import Door
from pgjobs.web.doors.partner import arguments, doc, envelope, templates, waiting
from pgjobs.web.doors.partner.callers import credentials
from pgjobs.web.endpoint import Endpoint
from pgjobs.web.errors import Problem, clipped
from pgjobs.web.schema import check, validator

GUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
PONG = {"status": 200, "message": "pgjobs Ping Response: Ok"}
HINT = "ask for the template of the app: it says what a payload has to have"
LONGEST_NAME = 200
OURS = "pgjobs"
"""The partner of jobs that no partner has submitted."""
STATUS_VERSION, VERSION = "1.0", "2.0"


async def ping(request: Request) -> Response:
    """Say that the door is open, to everybody."""
    arguments.read(request)
    return envelope.rows(request, json.dumps(PONG))


async def status(request: Request) -> Response:
    """The job of a GUID: processed, not yet, or failed."""
    arguments.read(request)
    asked = request.path_params.get("id", "")
    row = None
    if GUID.fullmatch(asked):
        row = await value(request, waiting.STATUS, asked, actor(request), caller(request).sees_all, reading=True)
    if row is None:
        raise waiting.unknown(asked)
    return envelope.rows(request, row)


async def template(request: Request) -> Response:
    """What a payload of an app has to have."""
    arguments.read(request)
    name = _printable(request, "name", 404)
    app = await value(request, "select pgjobs.partner_template(%s)", name, reading=True)
    if app["schema"] is not None:
        validator(json.dumps(app["schema"]))
    return envelope.rows(request, json.dumps(templates.template(app), ensure_ascii=False))


async def submit(request: Request) -> Response:
    """Make a job out of a payload; answer with its GUID, or wait for its end."""
    given = arguments.read(request)
    synchronous = arguments.flag(given, "synchronous")
    arguments.flag(given, "auto_submit")
    _need_json(request, given)
    app = _printable(request, "app", 404)
    partner, subscription = (_printable(request, name, 400) for name in ("partner", "subscription"))
    if partner.casefold() == OURS:
        hint = "take the name that your partners know you by"
        raise Problem(400, "bad_partner", f"partner: {clipped(partner)} is this service itself", hint, field="partner")
    most = request.app.state.settings.partner_max_bytes
    payload = await json_body(request, most, any_type=True)
    text: bytes = request.state.body
    known = await value(request, "select pgjobs.partner_app(%s)", app, reading=True)
    schema = templates.for_method(known["schema"], request.method)
    if schema is not None:
        await check(json.dumps(schema), payload, "payload", HINT, len(text))
    args = arguments.of_submission(given, caller(request), VERSION, subscription)
    made = await value(
        request,
        "select pgjobs.submit_partner_job(%s, %s, %s, %s, %s, %s, %s)",
        actor(request), partner, app, request.method, json.dumps(args), text.decode("utf-8-sig"),
        once(request, arguments.of_the_job(given)),
    )  # fmt: skip
    if not synchronous:
        return envelope.rows(request, json.dumps(made))
    return envelope.rows(request, await waiting.ended(request, made["job_id"]))


def _printable(request: Request, name: str, status: int) -> str:
    """A part of the path that is given to the database."""
    given: str = request.path_params[name]
    if not given.isprintable() or len(given) > LONGEST_NAME:
        hint = f"give printable letters, {LONGEST_NAME} at most"
        raise Problem(status, f"bad_{name}", f"{name}: {clipped(given)} is no name", hint, field=name)
    return given


def _need_json(request: Request, given: arguments.Arguments) -> None:
    """Refuse a body that nobody calls JSON; body=json counts for more than what a browser says of a text."""
    said = given.get("body", [])
    if said and set(said) != {"json"}:
        raise arguments.bad("body", f"{clipped(','.join(said))} is no form of a payload", "send JSON, and body=json")
    if not said and not is_json(request.headers.get("content-type", "")):
        raise Problem(415, "bad_body", "nothing says that the payload is JSON", "send it as JSON, with body=json")


def _with_prefix(version: str, path: str, handler: Callable[[Request], Awaitable[Response]]) -> tuple[Endpoint, ...]:
    """The path as it is, and behind the token of a subscription."""
    paths = (f"/{version}{path}", f"/{version}/sub/{{subscription}}{path}")
    return tuple(Endpoint(path, handler, "read", ("GET",), doc.STATUS) for path in paths)


ENDPOINTS = (
    Endpoint(f"/{VERSION}/ping", ping, "open", ("GET",), doc.PING),
    *_with_prefix(STATUS_VERSION, "/partner/exec/{id:path}/status", status),
    # What becomes of a missing id where a proxy joins the two slashes.
    *_with_prefix(STATUS_VERSION, "/partner/exec/status", status),
    Endpoint(f"/{VERSION}/sub/{{subscription}}/template/{{name}}", template, "read", ("GET",), doc.TEMPLATE),
    Endpoint(
        f"/{VERSION}/sub/{{subscription}}/partner/exec/{{partner}}/{{app}}",
        submit,
        "control",
        ("POST", "PUT"),
        doc.SUBMIT,
    ),
)
DOOR = Door(
    "partner",
    "/pig",
    ENDPOINTS,
    credentials,
    envelope.refusal,
    doc.DOOR,
    prefix_setting="partner_prefix",
    origins_setting="partner_origins",
)
