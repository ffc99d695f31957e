"""A real browser: where it is, how it is started, and its tabs, which remember everything that went wrong in them."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Error,
    Page,
    Request,
    Response,
    expect,
    sync_playwright,
)

PROGRAMS = ("chromium", "chromium-browser", "google-chrome")
MISSING = "no Chromium was found: run `make test-packages`, or apt-get install chromium"
# It talks to the page alone, and to nobody else.
ARGUMENTS = (
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
PATIENCE = 20_000
"""Milliseconds after which what was waited for will not come any more."""
expect.set_options(timeout=PATIENCE)
DESKTOP, PHONE, NARROWEST = (1280, 900), (390, 844), (320, 640)
VIOLATIONS = """
addEventListener("securitypolicyviolation", e => console.error(`forbidden: ${e.violatedDirective} ${e.blockedURI}`))
"""


def program() -> str:
    """The browser of the distribution; a test without one fails, for a page that nobody has looked at is not tested."""
    found = next(filter(None, map(shutil.which, PROGRAMS)), None)
    if found is None:
        pytest.fail(MISSING, pytrace=False)
    return found


@contextmanager
def running_chromium() -> Iterator[Browser]:
    """A browser without a window, with an empty profile of its own."""
    path = program()
    with sync_playwright() as driver:
        # Root has no sandbox; everybody else keeps it.
        browser = driver.chromium.launch(
            executable_path=path, args=list(ARGUMENTS), chromium_sandbox=os.geteuid() != 0, timeout=60_000
        )
        try:
            yield browser
        finally:
            browser.close()


class Tab:
    """A page of the browser at one address, and what went wrong in it."""

    def __init__(self, context: BrowserContext, url: str) -> None:
        self.context = context
        self.url = url
        self.faults: list[str] = []
        """Errors and warnings of the console, uncaught errors, and requests to somebody else."""
        self.answers: list[Response] = []
        self._cut = False
        self._refused: set[str] = set()
        context.set_default_timeout(PATIENCE)
        context.add_init_script(VIOLATIONS)
        self.page: Page = context.new_page()
        self.page.on("console", self._hear)
        self.page.on("pageerror", self._catch)
        self.page.on("request", self._see)
        self.page.on("response", self._answered)

    def go(self, path: str, status: int = 200) -> Page:
        """Open a path of the page; the answer has to have this status."""
        if status >= 400:
            # That the answer is an error is told by the console as well, perhaps later than the page is loaded.
            self._refused.add(self.url + path)
        answer = self.page.goto(self.url + path, wait_until="load")
        assert answer is not None
        assert status == answer.status, f"{path}: {answer.status}\n{self.page.inner_text('body')[:2000]}"
        return self.page

    def cut(self, pattern: str) -> None:
        """No answer comes any more from addresses like this; the console may say so."""
        self.page.route(pattern, lambda route: route.abort())
        self._cut = True

    def overflow(self) -> dict[str, Any]:
        """What sticks out to the right of the window: by how much the page does, and which elements."""
        found: dict[str, Any] = self.page.evaluate(OVERFLOW)
        return found

    def _hear(self, message: ConsoleMessage) -> None:
        expected = self._cut or message.location["url"] in self._refused
        if message.type in ("error", "warning") and not (expected and "Failed to load resource" in message.text):
            self.faults.append(f"console: {message.text}")

    def _catch(self, error: Error) -> None:
        self.faults.append(f"uncaught: {error}")

    def _answered(self, answer: Response) -> None:
        self.answers.append(answer)

    def _see(self, request: Request) -> None:
        asked = urlsplit(request.url)
        if asked.scheme not in ("data", "blob", "about") and asked.netloc != urlsplit(self.url).netloc:
            self.faults.append(f"request to somebody else: {request.url}")


Open = Callable[..., Tab]
"""Opens a tab at an address: the fixture `open_tab`."""
OVERFLOW = """() => {
  const width = document.documentElement.clientWidth, out = [];
  for (const each of document.querySelectorAll("body *")) {
    const box = each.getBoundingClientRect();
    const shown = box.width > 1 && each.checkVisibility() && !each.closest("pre, .hidden, thead, [tabindex='0']");
    if (shown && box.right > width + 1)
      out.push(`${each.tagName.toLowerCase()}.${each.getAttribute("class")} ${Math.round(box.right)}`);
  }
  return {wider: document.documentElement.scrollWidth - width, out: out.slice(0, 8)};
}"""
