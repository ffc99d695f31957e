"""Pages of other sites: without tokens they use no browser to change jobs (CSRF) or to read them (DNS rebinding)."""

import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest
from fix_jobs import Db, job_in
from fix_web import Web

from pgjobs.errors import SettingsError
from pgjobs.ops.tokens import make_token
from pgjobs.settings import read_settings
from pgjobs.web.app import ROOT_DOOR

Start = Callable[..., Web]
CHANGING = [endpoint for endpoint in ROOT_DOOR.endpoints if endpoint.scope == "control"]


@pytest.fixture
def start(web_url: str) -> Iterator[Start]:
    """Starts the application with the settings a test asks for."""
    with ExitStack() as running:
        yield lambda **settings: running.enter_context(Web(read_settings(database_url=web_url, **settings)))


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:50303", "127.0.0.1.evil.example", "192.0.2.7", "a@localhost"]
)
def test_a_foreign_host_is_421(web: Web, host: str) -> None:
    """A host name that is not one of the service is refused on every path, known or not."""
    for path in [endpoint.path for endpoint in ROOT_DOOR.endpoints] + ["/nowhere"]:
        answer = web.get(path, headers={"Host": host})
        assert (421, "foreign_host") == (answer.status_code, answer.json()["code"])
        assert "PGJOBS_HTTP_HOSTS" in answer.json()["hint"]


@pytest.mark.parametrize(
    "host", ["localhost", "LOCALHOST:50303", "localhost.", "127.0.0.1:50303", "127.9.9.9", "[::1]:1", "[::1]"]
)
def test_loopback_names_are_answered(web: Web, host: str) -> None:
    """Each name of the loopback is answered, with any port, for the port may be forwarded."""
    assert 200 == web.get("/jobs", headers={"Host": host}).status_code


@pytest.mark.parametrize(
    ("bind", "host", "expected"),
    [
        ("192.0.2.1:50303", "192.0.2.1:50303", 200),
        ("192.0.2.1:50303", "192.0.2.2", 421),
        ("jobs.example:50303", "jobs.example", 200),
        ("0.0.0.0:50303", "192.0.2.2:50303", 200),
        ("[::]:50303", "[2001:db8::1]:50303", 200),
        ("0.0.0.0:50303", "jobs.example", 421),
    ],
)
def test_the_bound_address_is_answered(start: Start, bind: str, host: str, expected: int) -> None:
    """The bound address is answered; if all are bound, any address is, for DNS can redirect names only."""
    web = start(http_bind=bind, http_insecure=True)
    assert expected == web.get("/jobs", headers={"Host": host}).status_code


def test_further_names_are_a_setting(start: Start, db: Db) -> None:
    """PGJOBS_HTTP_HOSTS names what a proxy sends, as Host and as Origin; a star is any name."""
    web, any_name = start(http_hosts="web, jobs.example"), start(http_hosts="*")
    for host, expected in (("web:50303", 200), ("jobs.example", 200), ("evil.example", 421)):
        assert expected == web.get("/jobs", headers={"Host": host}).status_code
        assert 200 == any_name.get("/jobs", headers={"Host": host}).status_code
    job = job_in(db, "ready")
    page = {"Host": "127.0.0.1:50303", "Origin": "https://jobs.example", "Sec-Fetch-Site": "same-origin"}
    assert 200 == web.post(f"/jobs/stop?id={job}", headers=page).status_code


@pytest.mark.parametrize("hosts", ["http://jobs.example", "jobs.example:80", "a b", "jobs.example/x"])
def test_a_host_that_could_never_match_is_a_wrong_setting(hosts: str) -> None:
    """A scheme, a port or a path in PGJOBS_HTTP_HOSTS would never match, so it is a wrong setting."""
    with pytest.raises(SettingsError, match="PGJOBS_HTTP_HOSTS"):
        read_settings(http_hosts=hosts)


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": "something new"},
        {"Origin": "https://evil.example"},
        {"Origin": "http://localhost:8080"},
        {"Origin": "null"},
        {"Origin": "http://[bad"},
        {"Referer": "http://evil.example/page"},
        {"Referer": "http://localhost.evil.example/?http://localhost/"},
        {"Referer": "http://localhost:8080/"},
        {"Referer": "nonsense"},
        {"Origin": "http://localhost", "Referer": "https://evil.example/"},
    ],
)
def test_a_page_of_another_site_changes_nothing(web: Web, db: Db, headers: dict[str, str]) -> None:
    """What a browser sends for a foreign page is a 403 on every path that changes something."""
    job = job_in(db, "ready")
    for endpoint in CHANGING:
        path = re.sub(r"\{.*?\}", str(job), endpoint.path)
        for method in endpoint.methods:
            body = {"json": {"type": "expired"}} if endpoint.has_json else {}
            answer = web.call(method, f"{path}?id={job}", headers=headers, **body)
            assert (403, "foreign_site") == (answer.status_code, answer.json()["code"]), endpoint.path
    assert "ready" == db.value("select status from xmp_jobs where id = %s", job)
    assert 0 == db.value("select count(*) from pgjobs.api_requests")


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Sec-Fetch-Site": "same-origin", "Origin": "http://localhost"},
        {"Sec-Fetch-Site": "none"},
        {"Referer": "http://localhost/docs?a=b"},
        {"Referer": ""},
        {"Sec-Purpose": "something else"},
    ],
)
def test_programs_and_own_pages_are_served(web: Web, db: Db, headers: dict[str, str]) -> None:
    """A program sends none of these headers, a typed address says none, and a page of ours says so."""
    job = job_in(db, "ready")
    assert 200 == web.get(f"/jobs/stop?id={job}", headers=headers).status_code


@pytest.mark.parametrize(
    "headers", [{"Sec-Purpose": "prefetch"}, {"Sec-Purpose": "prefetch;prerender"}, {"Purpose": "Prefetch"}]
)
def test_what_a_browser_loads_ahead_changes_nothing(web: Web, db: Db, headers: dict[str, str]) -> None:
    """A link that a browser loads before anybody follows it starts and stops no job; reading ahead does no harm."""
    job = job_in(db, "ready")
    answer = web.get(f"/jobs/stop?id={job}", headers=headers)
    assert (403, "speculative") == (answer.status_code, answer.json()["code"])
    assert "ready" == db.value("select status from xmp_jobs where id = %s", job)
    assert 200 == web.get(f"/jobs/status?id={job}", headers=headers).status_code


def test_a_page_of_another_site_may_link_to_the_list(web: Web) -> None:
    """A link from another page to the list works; no answer allows that page to read the content."""
    answer = web.get("/jobs", headers={"Sec-Fetch-Site": "cross-site", "Origin": "https://evil.example"})
    assert 200 == answer.status_code
    assert [] == [name for name in answer.headers if name.startswith("access-control-")]


def test_with_tokens_the_token_decides(start: Start, db: Db) -> None:
    """A browser sends no token by itself, so Origin is not checked, and Host only if PGJOBS_HTTP_HOSTS is set."""
    token, digest = make_token()
    db.execute("select pgjobs.add_token('t', %s, '{control}', null)", (digest,))
    foreign = {"Authorization": f"Bearer {token}", "Host": "jobs.example", "Sec-Fetch-Site": "cross-site"}
    assert 200 == start(http_auth=True).get(f"/jobs/stop?id={job_in(db, 'ready')}", headers=foreign).status_code
    assert 421 == start(http_auth=True, http_hosts="web").get("/jobs", headers=foreign).status_code
