"""Every view in a real browser: it can be read by everybody, on every screen, and loads nothing from elsewhere."""

from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from chromium import DESKTOP, NARROWEST, PHONE, Open, Tab
from night import HOSTILE, LONG, VIEWS, Night, address

STATUSES = {"unknown": 404}
GRAVE = ("serious", "critical")


def found_by_axe(tab: Tab, **options: object) -> list[str]:
    """What axe calls serious or critical, with the places."""
    said: list[dict[str, Any]] = (
        Axe().run(tab.page, options={"resultTypes": ["violations"]} | options).response["violations"]
    )
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
    loaded from elsewhere, and the console is silent."""
    tab = open_tab(guarded_site if view == "sign-in" else site, size=DESKTOP)
    page = tab.go(address(the_night, view), STATUSES.get(view, 200))
    assert page.title().strip()
    assert [] == found_by_axe(tab)
    page.emulate_media(color_scheme="dark")
    assert [] == found_by_axe(tab, runOnly=["color-contrast"])
    page.set_viewport_size({"width": NARROWEST[0], "height": NARROWEST[1]})
    assert {"wider": 0, "out": []} == tab.overflow()


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
