"""Doors: each has its own paths, its own way to know a caller and its own shape of errors, at its own prefix."""

import asyncio
from collections.abc import Iterator

import httpx
import pytest
from fix_jobs import Db, job_in
from fix_web import Web
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from pgjobs.settings import read_settings
from pgjobs.web.app import ROOT_DOOR
from pgjobs.web.door import Door
from pgjobs.web.endpoint import Endpoint
from pgjobs.web.errors import Problem
from pgjobs.web.identity import Identity

LOOKER, BOSS = {"X-ApiKey": "looker"}, {"X-ApiKey": "boss"}


async def by_key(request: Request, *, reading: bool) -> Identity:  # noqa: ARG001 as Authentication has it
    """Callers show a key; the one of `boss` may change something, and only `looker` and `boss` are known."""
    key = request.headers.get("x-apikey")
    if key is None:
        raise Problem(401, "no_key", "there is no key", "send X-ApiKey")
    return Identity(f"key {key}", frozenset({"read", "control"} if key == "boss" else {"read"}))


def in_a_list(request: Request, problem: Problem) -> Response:
    """Errors as a list, with the path that they belong to."""
    error = {"code": problem.code, "message": problem.sentence, "path": request.url.path}
    return JSONResponse({"errors": [error]}, problem.status, dict(problem.headers))


async def show(request: Request) -> Response:
    """Repeat what arrived."""
    return JSONResponse({"id": request.path_params["id"], "caller": request.state.identity.name})


async def change(request: Request) -> Response:
    """Repeat the body, or stop a job."""
    if request.method == "PUT":
        return JSONResponse(await request.json(), 201)
    await request.app.state.database.value("select pgjobs.stop_job(%s)", request.path_params["id"])
    return Response(status_code=204)


async def fail(_request: Request) -> Response:
    """Have a defect."""
    raise RuntimeError("a defect")


async def wait(request: Request) -> Response:
    """Answer never."""
    request.app.state.arrived.set()
    await asyncio.Event().wait()
    raise AssertionError


async def ping(_request: Request) -> Response:
    """Answer everybody."""
    return Response("pong")


DOOR = Door(
    "test",
    "/other/v80",
    (
        Endpoint("/jobs/{id:int}", show, "read", ("GET",)),
        Endpoint("/jobs/{id:int}", change, "control", ("PUT", "DELETE")),
        Endpoint("/broken", fail, "read", ("GET",)),
        Endpoint("/wait", wait, "control", ("POST",)),
        Endpoint("/ping", ping, "open", ("GET",)),
    ),
    by_key,
    in_a_list,
)


@pytest.fixture
def web_of_two(web_url: str) -> Iterator[Web]:
    """The application with a second door, where callers have to say who they are."""
    with Web(read_settings(database_url=web_url, http_auth=True), DOOR) as running:
        yield running


def test_handlers_get_path_parameters_bodies_and_the_caller(web_of_two: Web, db: Db) -> None:
    """An endpoint has parameters in its path, takes JSON and methods of its own, and knows who calls."""
    assert {"id": 7, "caller": "key looker"} == web_of_two.get("/other/v80/jobs/7", headers=LOOKER).json()
    created = web_of_two.call("PUT", "/other/v80/jobs/7", headers=BOSS, json={"a": [1]})
    assert (201, {"a": [1]}) == (created.status_code, created.json())
    job = job_in(db, "ready")
    assert 204 == web_of_two.call("DELETE", f"/other/v80/jobs/{job}", headers=BOSS).status_code
    assert "canceled" == db.value("select status from xmp_jobs where id = %s", job)
    assert "pong" == web_of_two.get("/other/v80/ping").text


@pytest.mark.parametrize("path", ["/ping%0A", "/jobs/7%0A", "/%0A", "/%0A/jobs/7"])
def test_a_line_feed_is_a_letter_of_a_path(web_of_two: Web, path: str) -> None:
    """A path with a line feed is another one than without it, and lies at the door whose prefix it has."""
    answer = web_of_two.get(f"/other/v80{path}", headers=BOSS)
    assert (404, "unknown_path") == (answer.status_code, answer.json()["errors"][0]["code"])


@pytest.mark.parametrize(
    ("method", "path", "headers", "status", "code"),
    [
        ("GET", "/jobs/7", {}, 401, "no_key"),
        ("GET", "/nowhere", {}, 401, "no_key"),
        ("DELETE", "/jobs/7", LOOKER, 403, "forbidden"),
        ("GET", "/nowhere", LOOKER, 403, "forbidden"),
        ("GET", "/nowhere", BOSS, 404, "unknown_path"),
        ("GET", "/jobs/seven", BOSS, 404, "unknown_path"),
        ("GET", "/jobs", BOSS, 404, "unknown_path"),
        ("DELETE", "/jobs/4711", BOSS, 404, "unknown_job"),
        ("POST", "/jobs/7", BOSS, 405, "wrong_method"),
        ("GET", "/broken", BOSS, 500, "internal"),
    ],
)
def test_every_error_has_the_shape_of_its_door(
    web_of_two: Web, method: str, path: str, headers: dict[str, str], status: int, code: str
) -> None:
    """Whether the guard, SQL or a defect ends a request, the error is written as its door writes errors."""
    answer = web_of_two.call(method, f"/other/v80{path}", headers=headers)
    [error] = answer.json()["errors"]
    assert (status, code, f"/other/v80{path}") == (answer.status_code, error["code"], error["path"])


def test_a_foreign_host_is_refused_in_the_shape_of_the_door(web_url: str) -> None:
    """Without credentials the check of Host comes first, and is written as the door writes errors as well."""
    with Web(read_settings(database_url=web_url), DOOR) as web:
        answer = web.get("/other/v80/jobs/7", headers={"Host": "evil.example"})
        assert (421, "foreign_host") == (answer.status_code, answer.json()["errors"][0]["code"])
        assert "http from 127.0.0.1" == web.get("/other/v80/jobs/7").json()["caller"]


def test_a_request_that_the_end_of_the_process_cuts_short_is_answered_by_its_door(web_of_two: Web) -> None:
    """The answer to a request that is cancelled before it has one is written as its door writes errors, too."""

    async def cut_short(client: httpx.AsyncClient) -> httpx.Response:
        web_of_two.app.state.arrived = asyncio.Event()
        request = asyncio.create_task(client.post("/other/v80/wait", headers=BOSS))
        await web_of_two.app.state.arrived.wait()
        request.cancel()
        return await request

    answer = web_of_two.within(cut_short)
    assert (503, "shutting_down") == (answer.status_code, answer.json()["errors"][0]["code"])


def test_allow_names_the_methods_of_all_endpoints_of_a_path(web_of_two: Web) -> None:
    """Where several endpoints share a path, the methods of all of them are allowed."""
    answer = web_of_two.post("/other/v80/jobs/7", headers=BOSS)
    assert "DELETE, GET, HEAD, PUT" == answer.headers["allow"]


@pytest.mark.parametrize("path", ["/other/v80x/jobs/7", "/other", "/jobs/seven", "/broken", "/ping"])
def test_the_door_at_the_root_is_unaffected(web_url: str, path: str) -> None:
    """A second door changes nothing about the one at the root: not its paths, its errors, or what its hint lists."""
    with Web(read_settings(database_url=web_url), DOOR) as web:
        answer = web.get(path)
    assert (404, "unknown_path") == (answer.status_code, answer.json()["code"])
    paths = ", ".join(sorted({endpoint.shown for endpoint in ROOT_DOOR.endpoints}))
    assert f"the paths are {paths}" == answer.json()["hint"]


def test_the_log_names_the_caller_and_quotes_odd_paths(
    web_of_two: Web, db: Db, caplog: pytest.LogCaptureFixture
) -> None:
    """A change is logged with the caller as its door knows it; a path that is not plain text is quoted."""
    caplog.set_level("DEBUG", "pgjobs.web.access")
    job = job_in(db, "ready")
    web_of_two.call("DELETE", f"/other/v80/jobs/{job}", headers=BOSS)
    web_of_two.call("DELETE", f"/other/v80/jobs/{job} by key", headers=BOSS)
    web_of_two.call("DELETE", "/other/v80/jobs/7%0a", headers=LOOKER)
    assert [
        f"DELETE /other/v80/jobs/{job} by key boss from 127.0.0.1: 204",
        f'DELETE "/other/v80/jobs/{job} by key" by key boss from 127.0.0.1: 404 unknown_path',
        'DELETE "/other/v80/jobs/7\\n" by key looker from 127.0.0.1: 403 forbidden',
    ] == [record.getMessage() for record in caplog.records if record.name == "pgjobs.web.access"]
