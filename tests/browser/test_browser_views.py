"""Every view in a real browser: it can be read by everybody, on every screen, and loads nothing from elsewhere."""

from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from chromium import DESKTOP, NARROWEST, PHONE, Open, Tab
from fix_services import soon
from night import HOSTILE, LONG, VIEWS, Night, address
from playwright.sync_api import Page

STATUSES = {"unknown": 404, "lost": 404}
GRAVE = ("serious", "critical")
AXE, FIND = Axe().axe_script, "async options => (await axe.run(document, options)).violations"
PLAIN = ("jobs", "running", "finished", "tracked", "items", "item", "log", "report", "tasks", "system", "alerts")
"""Views that are compared with what they are without scripts."""


def found_by_axe(tab: Tab, **options: object) -> list[str]:
    """What axe calls serious or critical, with the places."""
    if not tab.page.evaluate("'axe' in window"):
        tab.page.evaluate(AXE)
    said: list[dict[str, Any]] = tab.page.evaluate(FIND, {"resultTypes": ["violations"]} | options)
    return [
        f"{each['impact']}: {each['help']}: {node['html'][:160]} {node.get('failureSummary', '')[:300]}"
        for each in said
        if each["impact"] in GRAVE
        for node in each["nodes"][:4]
    ]


@pytest.mark.parametrize("view", VIEWS)
def test_a_view_is_readable_for_everybody(
    open_tab: Open, site: str, guarded_site: str, the_night: Night, view: str
) -> None:
    """Nothing serious is found by axe in light and dark, nothing sticks out of a screen of 320 pixels, nothing is
    loaded from elsewhere, the console is silent, and without JavaScript there are the same headings, columns and
    fields."""
    tab = open_tab(guarded_site if view == "sign-in" else site, size=DESKTOP)
    path = address(the_night, view)
    page = tab.go(path, STATUSES.get(view, 200))
    assert page.title().strip()
    if view in PLAIN:
        plain = open_tab(site, java_script_enabled=False)
        assert parts(page)
        # A job goes on between two looks, and what is known of it: where they differ both are looked at again.
        assert soon(lambda: parts(plain.go(path)) == parts(tab.go(path)))
    assert [] == found_by_axe(tab)
    page.emulate_media(color_scheme="dark")
    assert [] == found_by_axe(tab, runOnly=["color-contrast"])
    page.set_viewport_size({"width": NARROWEST[0], "height": NARROWEST[1]})
    assert {"wider": 0, "out": []} == tab.overflow()


def parts(page: Page) -> list[str]:
    """What a page consists of."""
    return page.locator("main :is(h1, h2, thead th, legend, label, .fields dt)").all_text_contents()


@pytest.mark.parametrize("view", ["jobs", "hostile", "tasks"])
def test_a_hostile_name_is_shown_as_text(open_tab: Open, site: str, the_night: Night, view: str) -> None:
    """A name that is markup and script stands on the page letter by letter, and does nothing."""
    # Other tests add jobs to the list.
    path = f"/?job={the_night['hostile']}" if view == "jobs" else address(the_night, view)
    page = open_tab(site).go(path)
    shown = page.get_by_text(HOSTILE[:40]).first
    shown.wait_for()
    assert 0 == page.locator("img[src=x], script:not([src])").count()
    assert page.title() not in ("1", "2")


@pytest.mark.parametrize("size", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_a_long_name_leaves_the_page_usable(open_tab: Open, site: str, the_night: Night, size: tuple[int, int]) -> None:
    """A name of 10 kB takes a few lines of the head and of the list, and is there as a whole."""
    page = open_tab(site, size=size).go(f"/job/{the_night['long']}")
    head = page.locator("h1").bounding_box()
    assert head is not None
    assert head["height"] < 200
    assert LONG.strip() in page.locator("main").inner_text().replace("\n", " ")
    page.goto(f"{site}/?job={the_night['long']}")
    row = page.locator("tr", has_text=LONG[:40]).bounding_box()
    assert row is not None
    assert row["height"] < 200
