"""What people do: find a job, open what failed, follow a log, sign in; by keyboard alone, and without scripts too."""

import hashlib
import re

import pytest
from chromium import PATIENCE, PHONE, Open, Tab
from night import Night
from playwright.sync_api import Page, expect

TOKEN = "of-the-browser"
SEEN = """(() => {
  const on = document.activeElement;
  return on.type === "datetime-local" || getComputedStyle(on).outlineStyle !== "none";
})()"""


def focused(page: Page) -> str:
    """What the keyboard is on."""
    found: str = page.evaluate("document.activeElement.textContent.trim() || document.activeElement.id")
    return found


def tab_to(page: Page, words: str, most: int = 80) -> None:
    """Go on by the tabulator until something like these words has the focus, which has to be seen each time.

    Of an input for a date its parts are focused one by one, and the browser marks those itself.
    """
    for _ in range(most):
        page.keyboard.press("Tab")
        assert page.evaluate(SEEN), f"nobody sees that {focused(page)!r} has the focus"
        if re.fullmatch(words, focused(page)):
            return
    raise AssertionError(f"the tabulator never comes to {words!r}")


def test_the_list_is_paged_and_filtered(open_tab: Open, site: str, the_night: Night) -> None:
    """Older jobs are a page further, each job comes once, and a filter leaves those of its status."""
    for number in range(60):
        the_night.add(f"of a page {number}", "expired", name=f"of a page {number}", active=False)
    page = open_tab(site).go("/?name=of+a+page&size=25")
    seen: list[str] = []
    while True:
        seen += page.locator("main tbody th a").all_inner_texts()
        older = page.get_by_role("link", name="Next")
        if not older.count():
            break
        with page.expect_navigation():
            older.click()
    assert sorted(seen) == sorted(str(job) for name, job in the_night.jobs.items() if name.startswith("of a page"))
    page.goto(site)
    page.get_by_text("Filters and order").click()
    page.get_by_label("Error", exact=True).check()
    page.get_by_role("button", name="Show").click()
    page.wait_for_url("**/?*status=Error*")
    assert {"Error"} == set(page.locator("main tbody .badge").all_inner_texts())


def test_a_failed_item_is_opened_by_keyboard_alone(open_tab: Open, site: str, the_night: Night) -> None:
    """From the list to the steps of a failed item with Tab and Enter; the focus is seen all the way."""
    page = open_tab(site).go("/?status=Finished")
    page.keyboard.press("Tab")
    assert "Skip to content" == focused(page)
    page.keyboard.press("Enter")
    assert "main" == page.evaluate("document.activeElement.id")
    tab_to(page, str(the_night["items"]))
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/job/{the_night['items']}")
    tab_to(page, "Actions")
    page.keyboard.press("Enter")
    page.wait_for_url("**/items")
    tab_to(page, r"Error \d+")
    page.keyboard.press("Enter")
    page.wait_for_url("**/items?status=Error")
    tab_to(page, "Details")
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile(r"/items/\d+"))
    expect(page.locator("main")).to_contain_text("Ask Mediaroom")
    expect(page.locator("main")).to_contain_text("HTTP 502 from mediaroom-3")


def test_a_log_is_followed(open_tab: Open, site: str, the_night: Night) -> None:
    """The tail of a running job grows while it is looked at, and a msisdn is found in it."""
    page = open_tab(site).go(f"/job/{the_night['running']}/log")
    log = page.locator("#log-lines")
    expect(log).to_contain_text("action=sent", timeout=PATIENCE)
    before = log.inner_text()
    expect(log).not_to_have_text(before, timeout=PATIENCE)
    sent = re.findall(r"msg=(\d+) action=sent", before)[-1]
    page.get_by_label("Msisdn or target has").fill(sent)
    page.get_by_role("button", name="Find").click()
    page.wait_for_url(f"**find={sent}*")
    lines = page.locator("#log-lines li").all_inner_texts()
    assert lines
    assert all(sent in line for line in lines)


def sign_in(tab: Tab, token: str) -> Page:
    """Give a token to the form."""
    tab.page.get_by_label("Token").fill(token)
    tab.page.get_by_role("button", name="Sign in").click()
    return tab.page


def test_people_sign_in_and_out(open_tab: Open, guarded_site: str, the_night: Night) -> None:
    """Where tokens are on, a page leads to the sign-in and from there back; the cookie is out of reach of scripts and
    of other sites, and gone after the sign-out."""
    the_night.engine.execute(
        "select pgjobs.add_token(%s, %s, '{page:read}', null)", TOKEN, hashlib.sha256(TOKEN.encode()).digest()
    )
    path = f"/job/{the_night['past']}"
    tab = open_tab(guarded_site)
    page = tab.page
    page.goto(guarded_site + path)
    assert "/sign-in" in page.url
    tab.faults.clear()
    sign_in(tab, "of-nobody")
    expect(page.locator("[role=alert]")).to_be_visible()
    assert [] == tab.context.cookies()
    tab.faults.clear()
    sign_in(tab, TOKEN)
    page.wait_for_url(f"**{path}")
    (cookie,) = tab.context.cookies()
    assert ("pgjobs_token", True, "Strict", "/") == (
        cookie["name"],
        cookie["httpOnly"],
        cookie["sameSite"],
        cookie["path"],
    )
    assert "" == page.evaluate("document.cookie")
    expect(page.locator("body > footer, header")).to_contain_text([TOKEN])
    page.get_by_role("button", name="Sign out").click()
    page.wait_for_url("**/sign-in*")
    assert [] == tab.context.cookies()
    page.goto(guarded_site + path)
    assert "/sign-in" in page.url


def test_a_dropped_token_is_told_where_people_look(open_tab: Open, guarded_site: str, the_night: Night) -> None:
    """On a phone, the page of a job that is live says that it is not renewed any more, in lines that fit, with the way
    to the sign-in that leads back; and its numbers look old."""
    name = "of-the-phone"
    the_night.engine.execute(
        "select pgjobs.add_token(%s, %s, '{page:read}', null)", name, hashlib.sha256(name.encode()).digest()
    )
    path = f"/job/{the_night['running']}"
    tab = open_tab(guarded_site, size=PHONE)
    tab.page.goto(guarded_site + path)
    page = sign_in(tab, name)
    page.wait_for_url(f"**{path}")
    told = page.locator(".signed-out")
    expect(page.locator(".live").first).to_have_attribute("data-state", "on", timeout=PATIENCE)
    expect(told).to_be_hidden()
    the_night.engine.execute("select pgjobs.drop_token(%s)", name)
    expect(told).to_be_visible(timeout=PATIENCE)
    assert {"wider": 0, "out": []} == tab.overflow()
    assert "0.5" == page.locator(".numbers").first.evaluate("each => getComputedStyle(each).opacity")
    told.get_by_role("link", name="sign in again").click()
    page.wait_for_url(f"**/sign-in?next={path.replace('/', '%2F')}")
    tab.faults.clear()


@pytest.mark.parametrize("width", [1280, 390, 320])
def test_callbacks_are_read_without_scrolling(open_tab: Open, site: str, the_night: Night, width: int) -> None:
    """What others were told, and what they answered last, lies within its panel on every screen."""
    job = the_night.add(
        f"told-{width}", "expired", name="Told", active=False, callback_url="https://cms.example/a/long/way/done"
    )
    with the_night.engine.database.transaction():
        the_night.engine.execute("update xmp_jobs set status = 'canceled' where id = %s", job)
        the_night.engine.execute(
            "insert into pgjobs.callback_attempts select c.id, 1, now(), j.callback_url, null, %s, 7"
            " from pgjobs.callbacks c join xmp_jobs j on j.id = c.job_id where j.id = %s",
            "All connection attempts failed, and this is told at length",
            job,
        )
        # The daemon makes no attempt of its own.
        the_night.engine.execute(
            "update pgjobs.callbacks set attempts = 1, due_at = now() + interval '1 day' where job_id = %s", job
        )
    tab = open_tab(site, size=(width, 900))
    page = tab.go(f"/job/{job}")
    panel = page.locator(".callbacks")
    expect(panel).to_contain_text("1 attempt")
    expect(panel).to_contain_text("All connection attempts failed")
    assert panel.evaluate("each => each.scrollWidth <= each.clientWidth")
    assert {"wider": 0, "out": []} == tab.overflow()
