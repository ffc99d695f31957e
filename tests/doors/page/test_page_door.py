"""The page as a door: its paths, the headers of every answer, errors as pages, and that it changes nothing."""

from __future__ import annotations

import re
from pathlib import Path

import httpx
import pytest
from fix_document import token_for
from fix_jobs import Db, job_in
from fix_page import owed, shown
from fix_roles import Login
from fix_web import Web
from jinja2 import UndefinedError

from pgjobs.settings import read_settings
from pgjobs.web.app import DOORS, ROOT_DOOR
from pgjobs.web.doors.page import files, render
from pgjobs.web.doors.page.callers import OWN_WORDS
from pgjobs.web.doors.page.door import DOOR
from pgjobs.web.doors.page.stream import EVENT_STREAM
from pgjobs.web.endpoint import Endpoint

BROWSER = {"Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8"}
JAVA = "text/html, image/gif, image/jpeg, *; q=.2, */*; q=.2"
"""What HttpURLConnection of Java asks for when nobody tells it otherwise."""
PATHS = [endpoint for endpoint in DOOR.endpoints if "GET" in endpoint.methods]
POLICY = {
    "default-src": "'none'", "style-src": "'self'", "script-src": "'self'", "img-src": "'self' data:",
    "connect-src": "'self'", "form-action": "'self'", "base-uri": "'none'", "frame-ancestors": "'none'",
}  # fmt: skip


def asked(path: str, job: int) -> str:
    """The path of an endpoint with something that exists in it."""
    return re.sub(r"\{\w+(:\w+)?\}", str(job), path) + (f"?ids={job}" if path.startswith("/live") else "")


def answered(web: Web, endpoint: Endpoint, job: int) -> httpx.Response:
    """The answer of an endpoint; of a stream, which would not end, its head."""
    assert endpoint.doc is not None
    lasts = endpoint.doc.answers[200].media == EVENT_STREAM
    return web.call("HEAD" if lasts else "GET", asked(endpoint.path, job))


@pytest.mark.parametrize("endpoint", PATHS, ids=lambda endpoint: endpoint.path)
def test_every_answer_has_the_headers_of_the_page(web: Web, db: Db, endpoint: Endpoint) -> None:
    """Whatever is asked for, no other site may show, load or keep the answer, and no script but ours runs in it."""
    answer = answered(web, endpoint, job_in(db, "ready"))
    assert answer.status_code < 500
    owed(answer)


def test_the_policy_forbids_everything_but_our_own_files(web: Web) -> None:
    """Scripts and styles come from our files alone, forms go to us alone, and no other page shows ours in a frame."""
    said = web.get("/").headers["content-security-policy"]
    assert dict(part.split(" ", 1) for part in said.split("; ")) == POLICY


@pytest.mark.parametrize("path", ["/jobs", "/files", "/docs", "/metrics", "/healthz", "/nowhere", "/jobs/7", "/jobx"])
def test_the_door_of_the_cms_keeps_its_paths(web: Web, path: str) -> None:
    """What is no path of the page, nor below one, is answered by the door of the CMS."""
    answer = web.get(path)
    assert "'self'" not in answer.headers.get("content-security-policy", "")


@pytest.mark.parametrize(
    "path", ["/job", "/job/", "/job/abc", "/job/7/nothing", "/job/%0a", "/static/x", "/sign-in/x", "/job/7/events/8"]
)
def test_an_unknown_path_below_one_of_the_page_is_a_page(web: Web, path: str) -> None:
    """A mistyped address below the page is a 404 that people can read."""
    answer = web.get(path)
    assert 404 == answer.status_code
    read = shown(answer)
    assert "There is no path" in read.words
    assert "/" in read.links


LOST = ["/nothing", "/index.html", "/jobs/seven", "/jobs/", "/favicon.ico", "/%2e%2e/etc", "/%3Cscript%3E"]


@pytest.mark.parametrize("path", [*LOST, "/job/9999999", "/job/abc"])
def test_whoever_is_lost_reads_a_page(web: Web, path: str) -> None:
    """Whatever there is nowhere is a page for a browser, with the status and the sentence, and a way back."""
    answer = web.get(path, headers=BROWSER)
    read = shown(answer)
    assert (404, 1) == (answer.status_code, read.tags["h1"])
    assert "There is no path" in read.words or "There is no job 9999999." in read.words
    assert "/" in read.links
    head = web.call("HEAD", path, headers=BROWSER)
    assert (404, answer.headers["content-type"]) == (head.status_code, head.headers["content-type"])


@pytest.mark.parametrize("path", LOST)
@pytest.mark.parametrize(
    "accept", ["*/*", "application/json", "application/json, text/html;q=0.9", JAVA, "text/html;q=x"]
)
def test_a_program_that_is_lost_reads_json(web: Web, path: str, accept: str) -> None:
    """A program gets what it has always got, whatever a browser gets."""
    answer, usual = web.get(path, headers={"Accept": accept}), web.get(path)
    assert (404, usual.headers["content-type"]) == (answer.status_code, "application/json")
    assert usual.json() == answer.json()
    assert {"error", "code", "hint"} == answer.json().keys()


@pytest.mark.parametrize(
    ("method", "path", "status", "sentence"),
    [
        ("GET", "/jobs/4711", 404, "There is no job 4711."),
        ("GET", "/jobs?limit=x", 400, "Limit:"),
        ("GET", "/jobs/stop?id=4711", 404, "There is no job 4711."),
        ("POST", "/metrics", 405, "does not take"),
        ("DELETE", "/jobs", 405, "does not take"),
        ("POST", "/nothing", 404, "There is no path"),
    ],
)
def test_an_error_of_the_cms_is_a_page_for_a_browser(
    web: Web, method: str, path: str, status: int, sentence: str
) -> None:
    """Where a person follows a link of the other door by hand, its error can be read, and leads back; its status and
    Allow are those that a program gets."""
    answer, usual = web.call(method, path, headers=BROWSER), web.call(method, path)
    read = shown(answer)
    assert (status, status) == (answer.status_code, usual.status_code)
    assert usual.headers.get("allow") == answer.headers.get("allow")
    assert sentence in read.words
    assert "/" in read.links
    assert usual.json()["code"] in read.words


def test_whoever_has_not_signed_in_is_lost_behind_the_sign_in(guarded_web: Web, db: Db) -> None:
    """Where tokens are asked for, a browser learns nothing about paths before the sign-in, which it is led to; the
    other doors ask for a token in a page; a program is told in JSON."""
    for path in ("/nothing", "/index.html", "/%2e%2e/etc"):
        answer = guarded_web.get(path, headers=BROWSER)
        assert (303, "/sign-in?next=%2F") == (answer.status_code, answer.headers["location"])
        assert (401, "application/json") == (
            (told := guarded_web.get(path)).status_code,
            told.headers["content-type"],
        )
    refused = guarded_web.get("/jobs", headers=BROWSER)
    assert (401, "Bearer") == (refused.status_code, refused.headers["www-authenticate"])
    read = shown(refused)
    assert "This call needs a token." in read.words
    assert "/sign-in" not in read.links
    token = token_for(db, "page:read", name="night")
    signed_in = guarded_web.get("/nothing", headers=BROWSER | {"Cookie": f"pgjobs_token={token}"})
    assert 404 == signed_in.status_code
    assert "Signed in as token night" in shown(signed_in).words
    other = {"Authorization": f"Bearer {token_for(db, 'page:read', name='other')}"}
    assert 403 == guarded_web.get("/jobs", headers=BROWSER | other).status_code


def test_a_database_that_is_away_is_a_page_for_a_browser() -> None:
    """Whatever a person asks for, where the database is away the answer is a page with 503, and JSON for a program."""
    with Web(read_settings(database_url="postgresql://nobody@127.0.0.1:1/nothing")) as web:
        for path in ("/", "/system", "/jobs", "/readyz", "/metrics"):
            answer = web.get(path, headers=BROWSER)
            assert 503 == answer.status_code
            assert "/" in shown(answer).links
        assert "application/json" == web.get("/readyz").headers["content-type"]


def test_no_path_of_the_page_is_one_of_another_door() -> None:
    """No path of the page begins as one of another door does, wherever that is mounted."""
    words = {endpoint.path.split("/")[1] for endpoint in DOOR.endpoints}
    for door in (ROOT_DOOR, *DOORS):
        if door is not DOOR:
            assert not words & {(door.prefix + endpoint.path).split("/")[1] for endpoint in door.endpoints}
    assert words - {"sign-in", "sign-out", "static"} <= set(OWN_WORDS)


def test_errors_are_pages_that_say_what_to_do(web: Web) -> None:
    """An unknown job, a wrong method, a wrong parameter and a number that none has: one sentence, and a hint."""
    for method, path, status, sentence in (
        ("GET", "/job/4711", 404, "There is no job 4711."),
        ("GET", "/job/-4711/events", 404, "There is no job -4711."),
        ("GET", f"/job/{2**63}", 400, f"Id: {2**63} is beyond the number of any job."),
        ("GET", "/job/" + "9" * 3000, 400, f"Id: {'9' * 60}… is beyond the number of any job."),
        ("GET", "/job/7/log?offset=" + "9" * 19, 400, "is too large"),
        ("POST", "/job/4711", 405, "does not take"),
        ("GET", "/job/4711?x=1", 400, "has no such parameter"),
        ("GET", "/?before=x", 400, "Before: 'x' is no place in the order of this list."),
    ):
        answer = web.call(method, path)
        read = shown(answer)
        assert status == answer.status_code, path
        assert sentence in read.words, read.words
        assert 1 == read.tags["h1"]


def test_a_failure_is_a_page_that_tells_nothing(web: Web, monkeypatch: pytest.MonkeyPatch) -> None:
    """A defect is a page in the same layout; what happened is for the log."""

    def broken(*_: object) -> str:
        raise UndefinedError("secret of the house")

    monkeypatch.setitem(render.TEMPLATE.filters, "badge", broken)
    answer = web.get("/job/4711", headers={"X": "<script>"})
    assert 404 == answer.status_code
    monkeypatch.setattr("pgjobs.web.doors.page.listing.page", broken)
    answer = web.get("/")
    assert 500 == answer.status_code
    assert "secret" not in answer.text
    assert "Look into the log of pgjobs web." in shown(answer).words


def test_a_name_that_a_template_lacks_is_a_defect() -> None:
    """A template never shows an empty place for a value that nobody has given."""
    with pytest.raises(UndefinedError):
        render.TEMPLATE.from_string("{{ nobody }}").render()


def test_files_are_kept_by_their_content(web: Web) -> None:
    """A file that is asked for with its digest is kept for good; without, the browser asks each time, and gets 304."""
    for name, kind in files.KINDS.items():
        whole = web.get(files.address(name))
        assert (200, f"{kind}; charset=utf-8") == (whole.status_code, whole.headers["content-type"])
        assert "immutable" in whole.headers["cache-control"]
        other = web.get(f"/static/{name}?v=0")
        assert (whole.content, "no-cache") == (other.content, other.headers["cache-control"])
        again = web.get(f"/static/{name}", headers={"If-None-Match": other.headers["etag"]})
        assert (304, b"") == (again.status_code, again.content)
        assert files.address(name) in web.get("/").text.replace("&amp;", "&")


def test_a_package_has_templates_and_files() -> None:
    """All that the page is made of lies in the package, of which the wheel takes everything that git knows."""
    page = Path(render.__file__).parent
    known = {path.name for path in page.rglob("*") if path.is_file()}
    assert {"layout.html", "job.html", *files.KINDS} <= known
    for template in render.TEMPLATE.list_templates():
        render.TEMPLATE.get_template(template)
        source = (render.TEMPLATES / template).read_text()
        named = re.findall(r'{%-? *(?:include|extends|from|import) "([^"]+)"', source)
        assert [] == [name for name in named if not (render.TEMPLATES / name).is_file()], template


def test_the_page_reads_alone(db: Db) -> None:
    """No endpoint calls a function that may write, and none needs a scope that changes something."""
    assert {"open", "read"} >= {endpoint.scope for endpoint in DOOR.endpoints}
    assert {"/sign-in", "/sign-out"} == {endpoint.path for endpoint in DOOR.endpoints if "POST" in endpoint.methods}
    code = "\n".join(path.read_text() for path in sorted(Path(render.__file__).parent.glob("*.py")))
    called = set(re.findall(r"pgjobs\.(\w+)\(", code)) - {"web"}
    assert "page_job" in called
    volatile = db.column(
        "select proname::text from pg_proc where pronamespace = 'pgjobs'::regnamespace and provolatile = 'v'"
        " and (proname = any (%s) or proname like 'page\\_%%')",
        sorted(called),
    )
    assert [] == volatile


def test_the_page_is_served_by_a_database_that_only_reads(web_url: str, db: Db) -> None:
    """Every page is shown where nothing can be written: in a session that is read only."""
    job = job_in(db, "in progress")
    url = httpx.URL(web_url).copy_merge_params({"options": "-c default_transaction_read_only=on"})
    with Web(read_settings(database_url=str(url).replace("+", "%20"))) as web:
        for endpoint in PATHS:
            assert answered(web, endpoint, job).status_code in (200, 303, 400, 404), endpoint.path


def test_what_the_page_calls_is_for_those_who_may_look(db: Db, login: Login) -> None:
    """The functions of the page are for the web process, operators and viewers, and for nobody else."""
    stranger = login().info.user
    names = db.column("select oid::regprocedure::text from pg_proc where proname in ('page_job', 'page_events')")
    assert 2 == len(names)
    for role, may in (("pgjobs_web", True), ("pgjobs_operator", True), ("pgjobs_viewer", True), (stranger, False)):
        for name in names:
            assert may == db.value("select has_function_privilege(%s, %s, 'execute')", role, name), (role, name)


def test_a_scope_of_its_own_opens_the_page(guarded_web: Web, db: Db) -> None:
    """The scope page:read opens the page and no other door; tokens of other doors do not open it."""
    job = job_in(db, "ready")
    own, other = token_for(db, "page:read", name="own"), token_for(db, "cms:control", "operations:read", name="other")
    for path in ("/", f"/job/{job}", f"/job/{job}/events"):
        assert 200 == guarded_web.get(path, headers={"Authorization": f"Bearer {own}"}).status_code
        refused = guarded_web.get(path, headers={"Authorization": f"Bearer {other}"})
        assert 403 == refused.status_code
        assert "page:read" in shown(refused).words
    assert 403 == guarded_web.get("/jobs", headers={"Authorization": f"Bearer {own}"}).status_code
    assert 404 == guarded_web.get("/job/abc", headers={"Authorization": f"Bearer {own}"}).status_code
