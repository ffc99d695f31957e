"""Fixtures: one browser, the real web process with sample data, and tabs in which nothing may go wrong."""

from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from chromium import DESKTOP, Open, Tab, running_chromium
from fix_database import shared_database
from fix_web import WebProcess
from night import Night, night
from playwright.sync_api import Browser

from pgjobs.lab.roles import member_url
from pgjobs.lab.services import Services


# For a module, not for the session: as long as it runs, no other test of this worker could run an event loop.
@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """A browser; the tests of a worker use one at a time."""
    with running_chromium() as browser:
        yield browser


@pytest.fixture
def open_tab(chromium: Browser) -> Iterator[Open]:
    """Opens a tab at an address with a profile of its own; at the end nothing may have gone wrong in any of them."""
    tabs = []
    with ExitStack() as stack:

        def opened(url: str, *, size: tuple[int, int] = DESKTOP, **options: Any) -> Tab:
            width, height = size
            context = chromium.new_context(viewport={"width": width, "height": height}, locale="en-GB", **options)
            stack.callback(context.close)
            tabs.append(Tab(context, url))
            return tabs[-1]

        yield opened
        faults = [fault for tab in tabs for fault in tab.faults]
    assert [] == faults


@pytest.fixture(scope="session")
def the_night(services: Services, template_database: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Night]:
    """A database with jobs in every state, and its daemon; tests may add jobs, and change no other."""
    folder = tmp_path_factory.mktemp("night")
    with shared_database(services, template_database, "night") as url, night(url, services.amqp_url, folder) as made:
        yield made


@pytest.fixture(scope="session")
def site(the_night: Night) -> Iterator[str]:
    """The address of the page over it."""
    url = member_url(the_night.engine.database_url, "pgjobs_web")
    with WebProcess(database_url=url, injections_dir=str(the_night.engine.injections_dir)) as process:
        yield str(process.client.base_url).rstrip("/")


@pytest.fixture(scope="session")
def guarded_site(the_night: Night) -> Iterator[str]:
    """The same, for callers with a token."""
    url = member_url(the_night.engine.database_url, "pgjobs_web")
    with WebProcess(database_url=url, http_auth="true") as process:
        yield str(process.client.base_url).rstrip("/")
