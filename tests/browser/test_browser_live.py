"""What moves on the page while a job runs: by server-sent events, and by asking again where those are cut."""

from chromium import PATIENCE, Open
from fix_services import soon
from night import Night
from playwright.sync_api import Page, expect

BADGE = "main h1 .badge, main .head .badge"

# Where a bar and its cell end, asked at once: an event may put another bar in its place between two questions.
BOXES = """() => {
  const cell = document.querySelector("[data-cell=percent]");
  return {bar: cell.querySelector(".bar").getBoundingClientRect().right, cell: cell.getBoundingClientRect().right};
}"""


def held_job(night: Night, name: str, rate: int = 75) -> int:
    """A job of a few seconds that waits for somebody to activate it."""
    return night.add(name, "expired", name=name, params={"count": 300}, rate=rate, active=False)


def watch(page: Page, night: Night, job: int) -> None:
    """See a job begin, move, and end, in one and the same document."""
    page.evaluate("window.same = true")
    badge = page.locator(BADGE).first
    expect(badge).to_have_text("Waiting")
    night.engine.execute("update xmp_jobs set active = true where id = %s", job)
    expect(badge).to_have_text("Started", timeout=PATIENCE)
    numbers = page.locator("main .numbers").first
    seen = set()

    def moved() -> bool:
        seen.add(numbers.inner_text())
        return len(seen) >= 3

    assert soon(moved), seen
    expect(badge).to_have_text("Finished", timeout=PATIENCE)
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
    job = held_job(the_night, "Watched by polling", 30)
    tab = open_tab(site)
    tab.cut("**/live")
    page = tab.go(f"/job/{job}")
    watch(page, the_night, job)


def test_the_list_follows_a_job(open_tab: Open, site: str, the_night: Night) -> None:
    """The row of a job in the list changes with it, without a reload."""
    job = held_job(the_night, "Watched in the list")
    page = open_tab(site).go("/")
    page.evaluate("window.same = true")
    row = page.locator("tr", has_text="Watched in the list").first
    expect(row).to_contain_text("Waiting")
    the_night.engine.execute("update xmp_jobs set active = true where id = %s", job)
    expect(row).to_contain_text("Started", timeout=PATIENCE)
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
