"""What every door owes: credentials, scopes, methods, strict bodies, hosts; each refusal in the shape of its door."""

import base64
import contextlib
import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import httpx
import pytest
from fix_database import shared_database
from fix_document import ALL_DOORS, scopes_of, seed, token_for
from fix_jobs import Db, connect
from fix_web import Web, WebProcess, rest_of
from jsonschema_rs import Draft202012Validator

from pgjobs.lab.roles import member_url
from pgjobs.lab.services import Services
from pgjobs.settings import read_settings
from pgjobs.web.doc import JSON
from pgjobs.web.door import Door
from pgjobs.web.endpoint import Endpoint
from pgjobs.web.openapi import document
from pgjobs.web.openapi_operation import path_of

DOCUMENT = document(ALL_DOORS, guarded=True)
BY_DOOR = pytest.mark.parametrize("door", ALL_DOORS, ids=lambda door: door.name)
PARTS = {"id": "7", "key": "7", "name": "x"}
OPEN = {
    "/healthz", "/readyz", "/openapi.json", "/docs", "/docs/", "/pig/2.0/ping",
    "/sign-in", "/sign-out", "/static/page.css", "/static/live.js", "/static/patch.js",
}  # fmt: skip
METHODS = {"GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "BREW"}
STREAM = "text/event-stream"
AWAY = "postgresql://nobody@127.0.0.1:1/nothing"


class Call(NamedTuple):
    """A request that an endpoint takes."""

    endpoint: Endpoint
    method: str
    path: str

    def by(self, web: Web, headers: Any, **options: Any) -> httpx.Response:
        """Send it; where an endpoint is only for JSON, with a body of JSON."""
        if self.endpoint.has_json and "content" not in options:
            pairs = list(headers.items()) if isinstance(headers, dict) else list(headers)
            headers, options = [*pairs, ("Content-Type", JSON)], {"content": b"{}"}
        return web.call(self.method, self.path, headers=headers, **options)


class Guarded(NamedTuple):
    """The doors where tokens are asked for, with a token that may do everything, and the database behind them."""

    web: Web
    db: Db
    token: str


def calls(door: Door, *scopes: str) -> list[Call]:
    """Every method of every endpoint of a door."""
    return [
        Call(endpoint, method, re.sub(r"\{(\w+)\}", lambda part: PARTS.get(part[1], "x"), path_of(door, endpoint)))
        for endpoint in door.endpoints
        for method in endpoint.methods
        if not scopes or endpoint.scope in scopes
    ]


def lasts(endpoint: Endpoint) -> bool:
    """Whether its answer is a stream, which does not end by itself."""
    return endpoint.doc is not None and any(answer.media == STREAM for answer in endpoint.doc.answers.values())


def below(door: Door) -> str:
    """Where whatever lies below belongs to a door; one that shares the root has the words of its own paths alone."""
    return "/job" if door.shares_root else door.prefix


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def outcome(door: Door, answer: httpx.Response) -> tuple[int, bool]:
    """The status of a refusal, and whether it has the shape of its door; one door tells it inside of a 200."""
    assert door.doc is not None
    if answer.request.method == "HEAD":
        return answer.status_code, True
    if door.doc.media != JSON:
        assert f"{door.doc.media}; charset=utf-8" == answer.headers["content-type"], answer.text
        return answer.status_code, answer.text.startswith("<!doctype html>")
    assert JSON == answer.headers["content-type"], answer.text
    whole = {"allOf": [door.doc.error], "components": DOCUMENT["components"]}
    fits = Draft202012Validator(whole).is_valid(answer.json())
    inside = door.doc.statuses is not None and answer.status_code == 200
    return answer.json()["response"]["status_code"] if inside else answer.status_code, fits


def counts(db: Db) -> tuple[Any, ...]:
    """How many things there are that a request could have made."""
    tables = ("public.xmp_jobs", "pgjobs.tasks", "pgjobs.entities", "pgjobs.api_requests")
    return db.row("select " + ", ".join(f"(select count(*) from {table})" for table in tables))  # noqa: S608 own names


@pytest.fixture(scope="module")
def guarded(services: Services, template_database: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Guarded]:
    """All doors, with something to find behind each."""
    with shared_database(services, template_database, "protection") as url, connect(url) as db:
        for door in ALL_DOORS:
            seed(door, db)
        injections = str(tmp_path_factory.mktemp("injections"))
        common = {"database_url": member_url(url, "pgjobs_web"), "http_patience": 0.05, "injections_dir": injections}
        with Web(read_settings(http_auth=True, **common)) as web:
            yield Guarded(web, db, token_for(db, "control", name="boss"))


@pytest.fixture(scope="module")
def free(guarded: Guarded) -> Iterator[Web]:
    """All doors where no tokens are asked for."""
    with Web(guarded.web.app.state.settings.model_copy(update={"http_auth": False})) as web:
        yield web


def test_few_endpoints_are_open() -> None:
    """Nobody but load balancers, browsers that look at the document, and a client's ping is let in without a token."""
    assert OPEN == {call.path for door in ALL_DOORS for call in calls(door, "open")}


@BY_DOOR
def test_every_other_endpoint_needs_credentials(guarded: Guarded, door: Door) -> None:
    """Without credentials every endpoint that is not open is a 401 that says how to send some; so are unknown paths."""
    asked = [
        *calls(door, "read", "control"),
        # Of the root the path without a name is the jobs page, a door of its own.
        *(Call(door.endpoints[0], "GET", f"{below(door)}/{path}") for path in ("", "no") if path or below(door)),
    ]
    for _, method, path in asked:
        for sent in {method, "HEAD"}:
            answer = guarded.web.call(sent, path)
            assert (401, True) == outcome(door, answer), f"{sent} {path}"
            assert answer.headers["www-authenticate"].split()[0] in ("Bearer", "Basic")


@BY_DOOR
@pytest.mark.parametrize(
    "headers",
    [
        [("Authorization", "")],
        [("Authorization", "Bearer")],
        [("Authorization", "Bearer nonsense")],
        [("Authorization", "Bearer " + "x" * 10_000)],
        [(b"Authorization", b"Bearer \xff\xfe\xc3")],
        [("Authorization", "Basic !!!")],
        [("Authorization", "Basic " + base64.b64encode(b"boss:nonsense").decode())],
        [("X-ApiKey", "nonsense")],
        [(b"X-ApiKey", b"\xff\x80")],
        [("X-ApiKey", "")],
        [("Bearer", "nonsense")],
        [("Cookie", "token=nonsense")],
    ],
)
def test_wrong_credentials_are_401(guarded: Guarded, door: Door, headers: Any) -> None:
    """Empty, unknown, very long, of another kind, not ASCII: all of them are a 401, none a failure."""
    for call in calls(door, "read", "control"):
        assert (401, True) == outcome(door, call.by(guarded.web, headers)), call


@BY_DOOR
def test_a_token_that_is_not_valid_any_more_or_comes_twice_is_401(guarded: Guarded, door: Door) -> None:
    """An expired or dropped token, and a valid one beside another one, are refused."""
    web, db, token = guarded
    expired, dropped = (token_for(db, "control", name=f"{name}-{door.name}") for name in ("expired", "dropped"))
    past = datetime.now(UTC) - timedelta(seconds=1)
    db.execute("update pgjobs.tokens set expires_at = %s where name = %s", (past, f"expired-{door.name}"))
    db.execute("select pgjobs.drop_token(%s)", (f"dropped-{door.name}",))
    twice = [("Authorization", f"Bearer {token}"), ("Authorization", "Bearer nonsense")]
    for headers in (bearer(expired), bearer(dropped), twice, twice[::-1]):
        for call in calls(door, "read", "control"):
            assert (401, True) == outcome(door, call.by(web, headers)), call


@BY_DOOR
def test_a_token_opens_only_the_door_and_the_verb_of_its_scope(guarded: Guarded, door: Door) -> None:
    """A token for reading changes nothing, and one of all other doors is refused by every endpoint of this one."""
    reader = bearer(token_for(guarded.db, f"{door.name}:read", name=f"reader-{door.name}"))
    others = [scope for other in ALL_DOORS if other is not door for scope in scopes_of(other)]
    stranger = bearer(token_for(guarded.db, *others, name=f"stranger-{door.name}"))
    before = counts(guarded.db)
    for headers, scopes in ((reader, ("control",)), (stranger, ("read", "control"))):
        for call in calls(door, *scopes):
            assert (403, True) == outcome(door, call.by(guarded.web, headers)), call
    assert before == counts(guarded.db)


@BY_DOOR
def test_unknown_paths_have_the_shape_of_the_door(guarded: Guarded, door: Door) -> None:
    """Below the prefix of a door its own errors are written, also for paths with odd letters."""
    for path in (
        "/nowhere",
        "/..%2f..%2fetc%2fpasswd",
        "/%00",
        "/%0a",
        "/x%0d%0ay",
        "/%ff%fe",
        "/" + "x" * 5000,
        "//",
        "/%7B%7D",
    ):
        if path == "//" and not below(door):
            continue  # the jobs page, as a client writes it
        answer = guarded.web.get(below(door) + path, headers=bearer(guarded.token))
        assert (404, True) == outcome(door, answer), path


@BY_DOOR
def test_wrong_methods_are_405_with_those_that_are_right(guarded: Guarded, door: Door) -> None:
    """Whatever method an endpoint does not take is a 405 whose Allow has exactly those of its path."""
    paths: dict[str, set[str]] = {}
    for endpoint, method, path in calls(door):
        paths.setdefault(path, set()).add(method)
        if method == "GET" and endpoint.scope != "control":
            paths[path].add("HEAD")
    for path, taken in paths.items():
        for method in METHODS - taken:
            answer = guarded.web.call(method, path, headers=bearer(guarded.token))
            assert (405, True) == outcome(door, answer), f"{method} {path}"
            assert taken == set(answer.headers["allow"].split(", ")), path


@BY_DOOR
def test_head_is_answered_where_get_changes_nothing(guarded: Guarded, door: Door) -> None:
    """HEAD has the status of GET; where GET changes something it is refused, and nothing is changed."""
    before = counts(guarded.db)
    for endpoint, method, path in calls(door):
        if method != "GET" or lasts(endpoint):
            continue
        head = guarded.web.call("HEAD", path, headers=bearer(guarded.token))
        if endpoint.scope == "control":
            assert (405 if door.doc and door.doc.statuses is None else 200) == head.status_code, path
        else:
            get = guarded.web.get(path, headers=bearer(guarded.token))
            assert get.status_code == head.status_code, path
            assert get.headers.get("content-type") == head.headers.get("content-type"), path
    assert before == counts(guarded.db)


BODIES: dict[str, bytes] = {
    "empty": b"",
    "an array": b"[]",
    "null": b"null",
    "cut off": b'{"a": ',
    "two values": b"{} {}",
    "a comment": b"{} // ",
    "a key twice": b'{"a": 1, "a": 2}',
    "nested": b'{"a": ' + b"[" * 60 + b"]" * 60 + b"}",
    "nested very deep": b'{"a": ' + b"[" * 30_000 + b"]" * 30_000 + b"}",
    "a huge number": b'{"a": ' + b"9" * 5000 + b"}",
    "a huge exponent": b'{"a": 1e999999}',
    "NaN": b'{"a": NaN}',
    "Infinity": b'{"a": -Infinity}',
    "a zero character": b'{"a": "\\u0000"}',
    "a zero character in a key": b'{"\\u0000": 1}',
    "half a surrogate pair": b'{"a": "\\ud800"}',
    "a control character": b'{"a": "\x01"}',
    "no UTF-8": b'{"a": "\xff"}',
    "UTF-16": '{"a": 1}'.encode("utf-16"),
}  # fmt: skip


def takes_json(call: Call) -> bool:
    """Whether an endpoint has a body that is JSON."""
    return call.endpoint.doc is not None and call.endpoint.doc.body is not None and JSON in call.endpoint.doc.body.media


@BY_DOOR
@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES.keys())
def test_what_is_no_json_object_is_refused(guarded: Guarded, door: Door, body: bytes) -> None:
    """Bodies that another reader could read in another way, or not at all, are a 400, and nothing is made."""
    before = counts(guarded.db)
    for call in filter(takes_json, calls(door)):
        assert call.endpoint.doc is not None
        if not body and not (call.endpoint.doc.body and call.endpoint.doc.body.required):
            continue
        if not body and call.endpoint.has_json:
            continue  # another endpoint then
        headers = bearer(guarded.token) | {"Content-Type": JSON}
        status, fits = outcome(door, guarded.web.call(call.method, call.path, headers=headers, content=body))
        assert (True, True) == (status in (400, 404), fits), f"{call.method} {call.path}: {status}"
    assert before == counts(guarded.db)


@BY_DOOR
def test_what_is_too_much_of_another_kind_or_packed_is_refused(guarded: Guarded, door: Door) -> None:
    """A body of 17 MB is a 413; one that is packed, in another charset or of another kind a 415; or its thing a 404."""
    before = counts(guarded.db)
    odd = [
        ({"Content-Type": JSON}, b'{"a": "' + b"x" * 17 * 2**20 + b'"}', {413}),
        ({"Content-Type": JSON, "Content-Encoding": "gzip"}, b"\x1f\x8b\x08", {415}),
        ({"Content-Type": "application/json; charset=utf-16"}, b"{}", {415, 400}),
        ({"Content-Type": "application/xml"}, b"<a/>", {415, 400}),
    ]
    for call in filter(takes_json, calls(door)):
        for headers, body, expected in odd:
            answer = guarded.web.call(call.method, call.path, headers=bearer(guarded.token) | headers, content=body)
            status, fits = outcome(door, answer)
            assert (True, True) == (status in expected | {404}, fits), f"{call.method} {call.path}: {status} {headers}"
    assert before == counts(guarded.db)


ODD = [
    "0", "-1", "9" * 400, "9223372036854775808", "1e5", "0x7", " 7", "7.0", "%00", "%0a", "%ff", "%F0%9F%98%80",
    "%E2%80%AE", "..%2f..%2fetc%2fpasswd", "'%20or%201=1--", "7;select%20pg_sleep(9)", "%25s", "{}", "x" * 3000,
    "00000000-0000-0000-0000-000000000000",
]  # fmt: skip


@BY_DOOR
@pytest.mark.parametrize("value", ODD, ids=range(len(ODD)))
def test_odd_values_of_parameters_break_nothing(guarded: Guarded, door: Door, value: str) -> None:
    """Numbers of any size, odd letters, SQL and paths are data: no parameter makes the service fail."""
    for endpoint in door.endpoints:
        if endpoint.path == "/api" or lasts(endpoint):
            continue  # the one waits for a daemon, the other would last
        path = re.sub(r"\{\w+\}", value, path_of(door, endpoint))
        names = [given.name for given in endpoint.doc.query] if endpoint.doc else []
        queries = [f"{name}={value}" for name in names] + [
            "",
            f"{value}={value}",
            "a=1&a=1",
            "&".join("a=1" for _ in range(60)),
        ]
        for method in endpoint.methods:
            for query in queries:
                answer = guarded.web.call(method, f"{path}?{query}", headers=bearer(guarded.token))
                assert answer.status_code < 500, f"{method} {path}?{query}: {answer.text}"
                assert "the service failed" not in answer.text, f"{method} {path}?{query}"


@BY_DOOR
def test_without_tokens_foreign_hosts_and_pages_are_refused(guarded: Guarded, free: Web, door: Door) -> None:
    """A name that is not ours is a 421 at every endpoint, a page of another site a 403 where something is changed."""
    before = counts(guarded.db)
    for _, method, path in calls(door):
        answer = free.call(method, path, headers={"Host": "evil.example"})
        assert (421, True) == outcome(door, answer), f"{method} {path}"
    pages = (
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
    )
    for call in calls(door, "control"):
        for headers in pages:
            assert (403, True) == outcome(door, call.by(free, headers)), (call, headers)
    assert before == counts(guarded.db)


NEEDED = {"jobs/status": "?id=7", "messages": "?client=7", "live/rows": "?ids=7"}
"""What is asked of a path that does nothing without it, or something else."""


@BY_DOOR
def test_while_the_database_is_away_every_door_says_503_in_its_shape(door: Door) -> None:
    """With tokens every endpoint that is not open is a 503 in the door's shape; without, each one that only reads."""
    with Web(read_settings(database_url=AWAY, http_auth=True)) as web:
        for _, method, path in calls(door, "read", "control"):
            answer = web.call(method, path, headers=bearer("any"))
            assert (503, 503, True) == (answer.status_code, *outcome(door, answer)), f"{method} {path}"
    guid = "00000000-0000-4000-8000-000000000000"
    with Web(read_settings(database_url=AWAY)) as web:
        for endpoint, method, path in calls(door, "read"):
            if method == "GET" and not lasts(endpoint):
                asked = path.replace("/exec/7/", f"/exec/{guid}/")
                answer = web.get(asked + NEEDED.get(endpoint.path.strip("/"), ""))
                expected = 200 if asked.endswith("/exec/status") else 503
                assert (expected, True) == (answer.status_code, outcome(door, answer)[1]), path


GARBAGE = [
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    b"GET {} HTTP/9.9\r\n\r\n",
    b"GET {}\r\n\r\n",
    b"get {} HTTP/1.1\r\nHost: localhost\r\n\r\n",
    b"GET {} HTTP/1.1\r\nHost: localhost\r\nX: \x00\r\n\r\n",
    b"GET {} HTTP/1.1\r\nHost: localhost\r\n folded: x\r\n\r\n",
    b"GET {} HTTP/1.1\r\nHost : localhost\r\n\r\n",
    b"GET {} HTTP/1.1\r\nHost: localhost\r\nHost: other\r\n\r\n",
    b"POST {} HTTP/1.1\r\nHost: localhost\r\nContent-Length: -1\r\n\r\n",
    b"POST {} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello!",
    b"POST {} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    b"POST {} HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nhello\r\n0\r\n\r\n",
    b"POST {} HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: gzip\r\n\r\n",
    b"GET {} HTTP/1.1\r\nHost: localhost\r\nX: " + b"x" * 100_000 + b"\r\n\r\n",
    b"GET http://evil.example{} HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n",
    b"CONNECT evil.example:443 HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n",
    b"OPTIONS * HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
    b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
]


def test_what_is_no_http_is_refused_and_breaks_nothing() -> None:
    """Bytes that are no request of HTTP/1.1 get a 4xx or a closed connection, and the next request is served."""
    with WebProcess(database_url=AWAY, http_auth="true") as web:
        for door in ALL_DOORS:
            for sent in GARBAGE:
                path = f"{door.prefix}/x".encode()
                with web.connect() as line:
                    # It may be closed before all of it is sent.
                    with contextlib.suppress(OSError):
                        line.sendall(sent.replace(b"{}", path))
                        line.shutdown(1)
                    received = rest_of(line)
                assert re.match(rb"HTTP/1.1 (4\d\d|503) |$", received), (sent, received)
        assert 200 == web.client.get("/healthz").status_code
        with web.connect() as line:
            line.sendall(b"HEAD /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
            head, _, body = rest_of(line).partition(b"\r\n\r\n")
        assert (b"HTTP/1.1 200 OK", b"") == (head.splitlines()[0], body)
        assert json.loads(web.client.get("/healthz").text) == {"ok": True}
