"""Signing in to the page: where it leads, whom it lets in, and that no other site gets anything by a browser."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from http.cookies import SimpleCookie
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from fix_document import token_for
from fix_jobs import Db, job_in
from fix_page import owed, shown
from fix_web import Web

from pgjobs.settings import read_settings
from pgjobs.web.doors.page.callers import COOKIE, own_path
from pgjobs.web.doors.page.door import DOOR

BROWSER = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
OURS = {"Origin": "http://localhost", "Sec-Fetch-Site": "same-origin"}
PLACES = [
    ("/", "/"),
    ("/job/7", "/job/7"),
    ("/job/7/events?before=3", "/job/7/events?before=3"),
    ("/?status=error&type=a%20b", "/?status=error&type=a%20b"),
    ("", "/"),
    ("job/7", "/"),
    ("//evil.example", "/"),
    ("//evil.example/job/7", "/"),
    ("///evil.example", "/"),
    ("/\\evil.example", "/"),
    ("\\\\evil.example", "/"),
    ("/job/7\\..", "/"),
    ("/\t/evil.example", "/"),
    ("/job/7\r\nSet-Cookie: a=b", "/"),
    (" /job/7", "/"),
    ("https://evil.example/job/7", "/"),
    ("javascript:alert(1)", "/"),
    ("/jobs/stop?id=7", "/"),
    ("/job/../jobs/stop?id=7", "/"),
    ("/job/%2e%2e/jobs/stop?id=7", "/"),
    ("/job/.%2E/jobs/stop", "/"),
    ("/sign-out", "/"),
    ("/sign-in?next=/", "/"),
    ("/job/\u202e7", "/"),
    ("/job/" + "7" * 3000, "/"),
]


def cookie_of(answer: httpx.Response) -> SimpleCookie:
    """What an answer lets the browser keep."""
    return SimpleCookie(answer.headers.get("set-cookie", ""))


def with_cookie(token: str) -> dict[str, str]:
    return {"Cookie": f"{COOKIE}={token}"} | BROWSER


@pytest.fixture
def token(db: Db) -> str:
    """A token for the page alone."""
    return token_for(db, "page:read", name="night")


def test_a_browser_without_a_token_is_led_to_the_sign_in_and_back(guarded_web: Web, db: Db, token: str) -> None:
    """Every page leads to the form; a right token leads back to that page, which is then shown."""
    path = f"/job/{job_in(db, 'ready')}/events?before=99999"
    asked = guarded_web.get(path, headers=BROWSER)
    owed(asked)
    place = urlsplit(asked.headers["location"])
    assert (303, "/sign-in", {"next": [path]}) == (asked.status_code, place.path, parse_qs(place.query))
    form = shown(guarded_web.get(asked.headers["location"], headers=BROWSER))
    assert [("post", "/sign-in")] == form.forms
    done = guarded_web.post("/sign-in", data={"token": f" {token}\n", "next": path}, headers=OURS)
    owed(done)
    assert (303, path) == (done.status_code, done.headers["location"])
    kept = cookie_of(done)[COOKIE]
    assert (token, "/", "strict", True) == (kept.value, kept["path"], kept["samesite"].lower(), kept["httponly"])
    assert ("", "", "") == (kept["secure"], kept["max-age"], kept["domain"])
    page = guarded_web.get(path, headers=with_cookie(kept.value))
    assert 200 == page.status_code
    assert "Signed in as token night" in shown(page).words
    assert ("post", "/sign-out") in shown(page).forms


@pytest.mark.parametrize(
    "headers",
    [
        {"Accept": "*/*"},
        {"Accept": "text/event-stream"},
        BROWSER | {"Sec-Fetch-Mode": "cors"},
        {"Accept": "application/json"},
    ],
)
def test_programs_scripts_and_streams_are_told_401(guarded_web: Web, headers: dict[str, str]) -> None:
    """Who would take the form for what it has asked for gets 401, and the way to send a token."""
    answer = guarded_web.get("/", headers=headers)
    assert (401, "Bearer") == (answer.status_code, answer.headers["www-authenticate"])
    assert "location" not in answer.headers
    assert "Authorization: Bearer TOKEN" in shown(answer).words


def test_a_program_sends_a_bearer_token(guarded_web: Web, token: str) -> None:
    """The page is for programs as well; a wrong bearer token is 401 in whatever they ask, cookie or not."""
    assert 200 == guarded_web.get("/", headers={"Authorization": f"Bearer {token}"}).status_code
    both = with_cookie(token) | {"Authorization": "Bearer nonsense"}
    assert 401 == guarded_web.get("/", headers=both).status_code


@pytest.mark.parametrize(
    ("given", "status"), [("nonsense", 401), ("x" * 4000, 401), ("", 400), ("  ", 400), ("\u20ac\x00\x07", 401)]
)
def test_a_wrong_token_is_the_form_again(guarded_web: Web, given: str, status: int) -> None:
    """One sentence says what is wrong; the token is not repeated, and nothing is kept."""
    answer = guarded_web.post("/sign-in", data={"token": given, "next": "/job/7"}, headers=OURS)
    read = shown(answer)
    assert status == answer.status_code
    assert "set-cookie" not in answer.headers
    assert 1 == read.classes["alert"]
    assert 'value="/job/7"' in answer.text
    assert not given.strip() or given not in answer.text


def test_a_token_without_the_scope_is_told_so(guarded_web: Web, db: Db) -> None:
    """A token of another door does not sign in, so that nobody is led in circles."""
    other = token_for(db, "cms:control", name="cms")
    answer = guarded_web.post("/sign-in", data={"token": other}, headers=OURS)
    assert 403 == answer.status_code
    assert "set-cookie" not in answer.headers
    assert "it needs page:read" in shown(answer).words


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"token=a&token=b", 400),
        (b"token=a&evil=b", 400),
        (b"nonsense", 400),
        (b"&".join(b"token=a" for _ in range(60)), 400),
        (b"token=" + b"x" * 9000, 413),
        (b"token=%ff%fe", 401),
        (b"token=\xff\xfe", 401),
    ],
)
def test_an_odd_form_is_refused(guarded_web: Web, body: bytes, status: int) -> None:
    """What our form would not send lets nobody in."""
    headers = OURS | {"Content-Type": "application/x-www-form-urlencoded"}
    assert status == guarded_web.post("/sign-in", content=body, headers=headers).status_code


def test_a_form_of_another_kind_is_refused(guarded_web: Web, token: str) -> None:
    """The token comes in a form, never in the address, where logs would keep it."""
    assert 415 == guarded_web.post("/sign-in", json={"token": token}, headers=OURS).status_code
    assert 400 == guarded_web.post(f"/sign-in?token={token}", headers=OURS).status_code
    assert 400 == guarded_web.get(f"/sign-in?token={token}").status_code


@pytest.mark.parametrize(("given", "led"), PLACES)
def test_the_sign_in_leads_to_pages_of_its_own_alone(guarded_web: Web, token: str, given: str, led: str) -> None:
    """No other host, no other door and nothing that a browser would read as one of them."""
    assert led == own_path(given)
    answer = guarded_web.post("/sign-in", data={"token": token, "next": given}, headers=OURS)
    assert (303, led) == (answer.status_code, answer.headers["location"])


def test_the_cookie_is_secure_where_the_browser_speaks_https(guarded_web: Web, token: str) -> None:
    """Behind a proxy that speaks https the cookie goes by https alone; where the browser speaks http it is kept too."""
    secure = {
        "https": {"Host": "jobs.example", "Origin": "https://jobs.example"},
        "http": {"Host": "jobs.example", "Origin": "http://jobs.example", "X-Forwarded-Proto": "https"},
        "told": {"X-Forwarded-Proto": "https, http"},
        "": {},
    }
    found = {
        name: bool(cookie_of(guarded_web.post("/sign-in", data={"token": token}, headers=headers))[COOKIE]["secure"])
        for name, headers in secure.items()
    }
    assert {"https": True, "http": False, "told": True, "": False} == found


def test_a_token_that_is_dropped_or_expires_is_out_at_once(guarded_web: Web, db: Db, token: str) -> None:
    """The next request of whoever is signed in with it leads to the sign-in."""
    assert 200 == guarded_web.get("/", headers=with_cookie(token)).status_code
    db.execute("update pgjobs.tokens set expires_at = %s", (datetime.now(UTC) - timedelta(seconds=1),))
    assert 303 == guarded_web.get("/", headers=with_cookie(token)).status_code
    db.execute("update pgjobs.tokens set expires_at = null")
    assert 200 == guarded_web.get("/", headers=with_cookie(token)).status_code
    db.execute("select pgjobs.drop_token('night')")
    assert 303 == guarded_web.get("/", headers=with_cookie(token)).status_code


def test_signing_out_lets_the_browser_forget(guarded_web: Web, token: str) -> None:
    """Signing out takes the cookie away and leads to the sign-in."""
    answer = guarded_web.post("/sign-out", headers=with_cookie(token) | OURS)
    owed(answer)
    assert (303, "/sign-in") == (answer.status_code, answer.headers["location"])
    kept = cookie_of(answer)[COOKIE]
    assert ("", "0") == (kept.value, kept["max-age"])


def test_the_cookie_is_for_the_page_alone(guarded_web: Web, db: Db) -> None:
    """No other door takes it, so that no link of another site does anything by it."""
    boss = token_for(db, "control", name="boss")
    job = job_in(db, "ready")
    assert 200 == guarded_web.get(f"/job/{job}", headers=with_cookie(boss)).status_code
    for path in ("/jobs", f"/jobs/stop?id={job}", "/north/v80/operation/jobs", "/api/v1/clients", "/metrics"):
        assert 401 == guarded_web.get(path, headers=with_cookie(boss)).status_code, path
    assert "ready" == db.value("select status from xmp_jobs where id = %s", job)


FOREIGN = [
    {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "same-site"},
    {"Origin": "https://evil.example"},
    {"Origin": "http://localhost:3000"},
    {"Origin": "null"},
    {"Referer": "https://evil.example/"},
]


@pytest.mark.parametrize("headers", FOREIGN)
def test_no_other_site_signs_anybody_in_or_out(guarded_web: Web, token: str, headers: dict[str, str]) -> None:
    """A form of another site is refused, so that nobody looks at the page as somebody else without knowing."""
    for path, data in (("/sign-in", {"token": token}), ("/sign-out", {})):
        answer = guarded_web.post(path, data=data, headers=headers)
        assert 403 == answer.status_code, path
        assert "set-cookie" not in answer.headers
        shown(answer)


@pytest.mark.parametrize("auth", [True, False])
@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors", "Sec-Fetch-Dest": "script"},
        {"Sec-Fetch-Site": "same-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "iframe"},
        {"Sec-Fetch-Site": "same-site", "Sec-Fetch-Mode": "no-cors", "Sec-Fetch-Dest": "image"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Origin": "http://localhost:3000"},
        {"Origin": "null", "Accept": "text/event-stream"},
    ],
)
def test_no_other_site_loads_a_page_into_its_own(
    web_url: str, db: Db, token: str, headers: dict[str, str], auth: bool
) -> None:
    """Frames, scripts, images and streams of other sites get nothing, with the cookie or without tokens at all."""
    job = job_in(db, "ready")
    with Web(read_settings(database_url=web_url, http_auth=auth)) as web:
        for endpoint in DOOR.endpoints:
            if "GET" in endpoint.methods:
                path = re.sub(r"\{\w+(:\w+)?\}", str(job), endpoint.path)
                assert 403 == web.get(path, headers=with_cookie(token) | headers).status_code, path


def test_a_link_of_another_site_is_followed(guarded_web: Web, db: Db, token: str) -> None:
    """Whoever is signed in and follows a link from elsewhere sees the page, although the cookie does not come along:
    the form sends the browser once more, from a page of ours."""
    job = job_in(db, "ready")
    link = BROWSER | {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}
    first = guarded_web.get(f"/job/{job}", headers=link)
    assert 303 == first.status_code
    second = guarded_web.get(first.headers["location"], headers=link)
    assert f'content="0; url=/job/{job}"' in second.text
    assert f"/job/{job}" in shown(second).links
    third = guarded_web.get(f"/job/{job}", headers=with_cookie(token) | {"Sec-Fetch-Site": "same-origin"})
    assert 200 == third.status_code
    unsigned = guarded_web.get(first.headers["location"], headers=BROWSER | {"Sec-Fetch-Site": "same-origin"})
    assert "http-equiv" not in unsigned.text
    assert [("post", "/sign-in")] == shown(unsigned).forms


def test_the_token_is_in_no_log(guarded_web: Web, token: str, caplog: pytest.LogCaptureFixture) -> None:
    """Neither the access log nor anything else repeats the token; who signs in is logged, and who is refused."""
    caplog.set_level("DEBUG")
    guarded_web.post("/sign-in", data={"token": token}, headers=OURS)
    guarded_web.post("/sign-in", data={"token": "nonsense"}, headers=OURS)
    guarded_web.get("/", headers=with_cookie(token))
    assert token not in caplog.text
    assert "nonsense" not in caplog.text
    assert "token night signs in from 127.0.0.1" in caplog.text
    assert "a sign-in from 127.0.0.1 shows a token that is unknown or has expired" in caplog.text


def test_without_tokens_there_is_nothing_to_sign_in_to(web: Web) -> None:
    """Where no tokens are asked for, the sign-in leads on, and nothing is kept."""
    for answer in (
        web.get("/sign-in?next=/job/7"),
        web.post("/sign-in", data={"token": "x", "next": "/job/7"}),
    ):
        assert (303, "/job/7") == (answer.status_code, answer.headers["location"])
        assert "set-cookie" not in answer.headers
    assert "/" == web.post("/sign-out").headers["location"]
    assert "Sign out" not in web.get("/").text


@pytest.mark.parametrize("path", ["/", "/job/7", "/sign-in", "/static/page.css"])
def test_without_tokens_a_foreign_name_is_refused(web: Web, path: str) -> None:
    """A name that somebody else's DNS gives to our address is no name of the page (DNS rebinding)."""
    answer = web.get(path, headers={"Host": "evil.example"})
    assert 421 == answer.status_code
    assert "PGJOBS_HTTP_HOSTS" in shown(answer).words
