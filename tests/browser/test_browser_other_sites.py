"""Other sites in a real browser: they read, show and change nothing of the page; a link from them is followed."""

from __future__ import annotations

from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from fix_document import token_for
from fix_jobs import connect
from night import Night
from playwright.sync_api import Browser, Page
from served import served

THEIRS = """<!doctype html><title>theirs</title>
<a id="link" href="{ours}/job/{job}">look</a>
<form id="form" method="post" action="{ours}/sign-in"><input name="token" value="{token}"></form>
<iframe src="{ours}/job/{job}"></iframe>
<script src="{ours}/job/{job}"></script>
<img src="{ours}/job/{job}">
"""
READ = """async address => {
  const found = {};
  for (const options of [{credentials: "include"}, {mode: "no-cors", credentials: "include"}]) {
    const mode = options.mode || "cors";
    try { found[mode] = (await fetch(address, options)).status } catch (error) { found[mode] = "refused" }
  }
  found.stream = await new Promise(told => {
    const stream = new EventSource(address, {withCredentials: true});
    stream.onopen = () => told("open");
    stream.onerror = () => told("refused");
  });
  return found;
}"""


class Site:
    """A site of somebody else, at another port of this machine."""

    def __init__(self) -> None:
        self.text = ""
        site = self

        class Answer(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                body = site.text.encode()
                self.send_response(200)
                self.send_header("Content-Type", "text/html; charset=utf-8")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Answer)
        self.port = self.server.server_address[1]


@pytest.fixture
def theirs() -> Iterator[Site]:
    """Another site; it is cross-site as 127.0.0.1, and same-site, at another port, as localhost."""
    site = Site()
    with served(site.server):
        yield site


@pytest.fixture
def ours(guarded_site: str) -> str:
    """The page, where tokens are asked for, as localhost."""
    return guarded_site.replace("127.0.0.1", "localhost")


@pytest.fixture
def tab(chromium: Browser) -> Iterator[Page]:
    """A tab in a profile of its own."""
    context = chromium.new_context()
    context.set_default_timeout(20_000)
    yield context.new_page()
    context.close()


def sign_in(tab: Page, ours: str, token: str) -> None:
    """Sign in by the form, as people do."""
    tab.goto(f"{ours}/")
    tab.get_by_label("Token").fill(token)
    tab.get_by_role("button", name="Sign in").click()
    tab.wait_for_url(f"{ours}/")


@pytest.mark.parametrize("name", ["localhost", "127.0.0.1"])
def test_another_site_gets_nothing_of_the_page(the_night: Night, tab: Page, ours: str, theirs: Site, name: str) -> None:
    """A site at another port or another name, open beside the page of somebody who is signed in, neither reads it nor
    shows it in a frame, and its form does not sign anybody in; whoever follows its link sees the job."""
    job = the_night.add("secret", "expired", name="the secret job", active=False)
    with connect(the_night.engine.database_url) as db:
        token, other = (token_for(db, "page:read", name=f"{each}-{name}") for each in ("friend", "mallory"))
    sign_in(tab, ours, token)
    theirs.text = THEIRS.format(ours=ours, job=job, token=other)
    seen: dict[str, Any] = {}
    tab.on("response", lambda answer: seen.setdefault(f"{answer.request.resource_type} {answer.url}", answer.status))
    tab.goto(f"http://{name}:{theirs.port}/", wait_until="load")
    read = tab.evaluate(READ, f"{ours}/job/{job}")
    assert {"cors": "refused", "no-cors": "refused", "stream": "refused"} == read
    assert [] == [frame for frame in tab.frames[1:] if "the secret job" in frame.content()]
    assert {403} == {status for asked, status in seen.items() if asked.endswith(f"/job/{job}")}
    tab.evaluate("document.getElementById('form').submit()")
    tab.get_by_text("a page of another site", exact=False).first.wait_for()
    tab.goto(f"http://{name}:{theirs.port}/")
    tab.click("#link")
    tab.get_by_role("heading", name="the secret job").wait_for()
    assert f"{ours}/job/{job}" == tab.url
    assert f"token friend-{name}" in tab.inner_text("footer")
