"""What moves on the page while a job runs: by server-sent events, and by asking again where those are cut."""

import contextlib
from collections.abc import Callable

import pytest
from chromium import PATIENCE, Open
from fix_services import soon
from night import Night
from playwright.sync_api import Page, expect
from playwright.sync_api import TimeoutError as TooLate

BADGE = "main h1 .badge, main .head .badge"

# Where a bar and its cell end, asked at once: an event may put another bar in its place between two questions.
BOXES = """() => {
  const cell = document.querySelector("[data-cell=percent]");
  return {bar: cell.querySelector(".bar").getBoundingClientRect().right, cell: cell.getBoundingClientRect().right};
}"""


LONG = 60
"""Seconds after which a page that is looked at again and again will not become what it should, however slow it is."""


def held_job(night: Night, name: str, rate: int = 10) -> int:
    """A job that waits for somebody to activate it, and then runs until somebody lets it end."""
    return night.add(name, "expired", name=name, params={"count": 300}, rate=rate, active=False)


def let_end(night: Night, job: int) -> None:
    """Let it be through at once: what is to be seen of its course was seen."""
    night.engine.execute("update xmp_jobs set rate = 1000 where id = %s", job)


def watch(page: Page, night: Night, job: int, hurry: Callable[[], None] = lambda: None) -> None:
    """See a job begin, move, and end, in one and the same document; `hurry` lets its clock go on."""
    page.evaluate("window.same = true")
    badge = page.locator(BADGE).first
    expect(badge).to_have_text("Waiting")
    night.engine.execute("update xmp_jobs set active = true where id = %s", job)
    numbers = page.locator("main .numbers").first
    words, seen = [], set()

    def become(state: str) -> bool:
        hurry()
        words.append(badge.inner_text())
        seen.add(numbers.inner_text())
        return words[-1] == state

    assert soon(lambda: become("Started") and len(seen) >= 3, LONG), (words, seen)
    let_end(night, job)
    assert soon(lambda: become("Finished"), LONG), words
    expect(numbers).to_contain_text("300")
    assert page.evaluate("window.same") is True


def test_a_job_is_watched_to_its_end(open_tab: Open, site: str, the_night: Night) -> None:
    """Status and numbers follow the job without a reload."""
    job = held_job(the_night, "Watched by events")
    tab = open_tab(site)
    page = tab.go(f"/job/{job}")
    watch(page, the_night, job)
    assert any("text/event-stream" in answer.headers.get("content-type", "") for answer in tab.answers)


def test_a_job_is_watched_where_events_are_cut(open_tab: Open, site: str, the_night: Night) -> None:
    """Where a proxy lets no event through, the page asks again and again, and shows the same."""
    job = held_job(the_night, "Watched by polling")
    tab = open_tab(site)
    tab.cut("**/live")
    tab.page.clock.install()
    page = tab.go(f"/job/{job}")

    def hurry() -> None:
        # Of a job that has ended nothing more is asked, though it may be shown a moment later.
        with contextlib.suppress(TooLate), page.expect_response("**/progress", timeout=3000):
            page.clock.fast_forward(5000)

    watch(page, the_night, job, hurry)


def test_the_list_follows_a_job(open_tab: Open, site: str, the_night: Night) -> None:
    """The row of a job in the list changes with it, without a reload."""
    job = held_job(the_night, "Watched in the list")
    page = open_tab(site).go("/")
    page.evaluate("window.same = true")
    row = page.locator("tr", has_text="Watched in the list").first
    expect(row).to_contain_text("Waiting")
    the_night.engine.execute("update xmp_jobs set active = true where id = %s", job)
    expect(row).to_contain_text("Started", timeout=PATIENCE)
    let_end(the_night, job)
    expect(row).to_contain_text("Finished", timeout=PATIENCE)
    assert page.evaluate("window.same") is True


def test_the_list_shows_what_is_new_and_wrong(open_tab: Open, site: str, the_night: Night) -> None:
    """A new job, its number and a trouble come to a list that is open, without a reload; a link shows the new ones."""
    page = open_tab(site).go("/")
    page.evaluate("window.same = true")
    link = page.locator("[data-new]")
    expect(link).to_be_hidden()
    held_job(the_night, "Came while somebody looked")
    expect(link).to_have_text("1 new job", timeout=PATIENCE)
    the_night.engine.execute("select pgjobs.hold_all('an incident of the list')")
    try:
        expect(page.locator("section.wrong")).to_contain_text("an incident of the list", timeout=PATIENCE)
    finally:
        the_night.engine.execute("select pgjobs.release_all()")
    expect(page.locator("main")).not_to_contain_text("an incident of the list", timeout=PATIENCE)
    assert page.evaluate("window.same") is True
    link.click()
    expect(page.locator("table.rows")).to_contain_text("Came while somebody looked")


def test_a_bar_stays_in_its_column(open_tab: Open, site: str, the_night: Night) -> None:
    """From 1000 to 1600 pixels the bar of a job lies over no other column."""
    job = held_job(the_night, "Has a bar", 5)
    the_night.engine.execute("update xmp_jobs set active = true where id = %s", job)
    page = open_tab(site).go("/?name=Has+a+bar")
    bar = page.locator("[data-cell=percent] .bar").first
    expect(bar).to_be_visible(timeout=PATIENCE)
    for width in (1000, 1200, 1400, 1600):
        page.set_viewport_size({"width": width, "height": 900})
        box = page.evaluate(BOXES)
        assert 0 < box["bar"] <= box["cell"], (width, box)
    the_night.engine.execute("select pgjobs.stop_job(%s)", job)


RENEW = "document.dispatchEvent(new Event('visibilitychange'))"
"""Has a page loaded anew at once, as when somebody comes back to it."""


@pytest.mark.parametrize(("path", "part"), [("/system", "#daemons"), ("/alerts", "#alerts")])
def test_what_is_loaded_anew_leaves_the_keyboard_where_it_is(open_tab: Open, site: str, path: str, part: str) -> None:
    """Under somebody who has gone to a link by keyboard and has scrolled, the figures around it become those of now,
    and the same link has the focus at the same place."""
    page = open_tab(site, size=(1000, 400)).go(path)
    panel, as_of = page.locator(part), page.locator(".head time")
    before, figures = as_of.inner_text(), panel.inner_text()
    link = panel.get_by_role("link").last
    link.focus()
    page.evaluate("window.on = document.activeElement; scrollBy(0, 40)")
    place = page.evaluate("on.getBoundingClientRect().top")

    def renewed() -> bool:
        page.evaluate(RENEW)
        return as_of.inner_text() != before and panel.inner_text() != figures

    assert soon(renewed, LONG)
    assert page.evaluate("on === document.activeElement && on.isConnected") is True
    assert abs(place - page.evaluate("on.getBoundingClientRect().top")) < 1
    expect(link).to_be_focused()
    expect(page.locator(".head .live")).to_have_text("Updated every 15 s")


def test_the_keyboard_stays_in_the_panel_of_what_is_gone(open_tab: Open, site: str, the_night: Night) -> None:
    """Where the link that has the focus goes, its panel has the focus, and Tab goes on from there."""
    job = held_job(the_night, "Runs while somebody looks", 5)
    the_night.engine.execute("update xmp_jobs set active = true where id = %s", job)
    page = open_tab(site).go("/system")
    link = page.locator(f"#daemons a[href='/job/{job}']")

    def shown(times: int) -> bool:
        page.evaluate(RENEW)
        return link.count() == times

    assert soon(lambda: shown(1), LONG)
    link.focus()
    the_night.engine.execute("select pgjobs.stop_job(%s)", job)
    assert soon(lambda: shown(0), LONG)
    assert "daemons" == page.evaluate("document.activeElement.id")
    page.keyboard.press("Shift+Tab")
    assert "A" == page.evaluate("document.activeElement.tagName")


def test_a_part_of_a_job_is_renewed_around_what_is_open(open_tab: Open, site: str, the_night: Night) -> None:
    """The page of a job that is renewed leaves a table that somebody has opened open, and the focus on it."""
    job = held_job(the_night, "Opened while it runs")
    the_night.engine.execute("update xmp_jobs set active = true where id = %s", job)
    tab = open_tab(site)
    page = tab.go(f"/job/{job}")
    badge = page.locator(BADGE).first
    expect(badge).to_have_text("Started", timeout=PATIENCE)
    page.reload()
    opened = page.get_by_text("The values as a table")
    while not opened.count():
        page.reload()
    opened.focus()
    page.keyboard.press("Enter")
    page.evaluate("window.on = document.activeElement")
    words = page.locator(".plot-part > .hint")
    before = words.inner_text()
    let_end(the_night, job)
    expect(badge).to_have_text("Finished", timeout=PATIENCE)
    # A change of the status brings the rest of the page with it.
    expect(words).not_to_have_text(before, timeout=PATIENCE)
    assert page.evaluate("on === document.activeElement && on.parentElement.open") is True
