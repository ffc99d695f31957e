"""The list of jobs as a page: readable without a script, filtered by a plain form, and paged by plain links."""

from __future__ import annotations

import html
import re
from urllib.parse import parse_qs, urlsplit

import pytest
from fix_jobs import Db, insert_job, job_in, past_triggers
from fix_page_list import bounded
from fix_web import Web

LINK = re.compile(r'<a[^>]* href="([^"]*)"[^>]*>([^<]*)<')


def jobs_of(text: str) -> list[int]:
    """The numbers of the jobs that a page lists."""
    return [int(number) for number in re.findall(r'<tr data-job="(\d+)"', text)]


def link(text: str, words: str) -> str:
    """Where the link with these words leads."""
    return next(html.unescape(to) for to, said in LINK.findall(text) if words in said)


def test_pages_are_links(db: Db, web: Web) -> None:
    """Links lead from page to page, back, to the last one and to the first, with all that is asked for."""
    jobs = [insert_job(db, name=f"n {n}") for n in range(60)]
    first = web.get("/?size=25&type=expired").text
    assert jobs[:-26:-1] == jobs_of(first)
    second = web.get(link(first, "Next →")).text
    assert jobs[-26:-51:-1] == jobs_of(second)
    assert {"size": ["25"], "type": ["expired"]}.items() <= parse_qs(urlsplit(link(second, "Next →")).query).items()
    third = web.get(link(second, "Next →")).text
    assert jobs[9::-1] == jobs_of(third)
    assert "Next →" not in third
    assert jobs_of(second) == jobs_of(web.get(link(third, "Previous")).text)
    assert jobs[24::-1] == jobs_of(web.get(link(first, "Last")).text)
    assert jobs_of(first) == jobs_of(web.get(link(third, "First")).text)


def test_a_form_filters_and_a_link_takes_each_filter_away(db: Db, web: Web) -> None:
    """Boxes that are ticked come as one parameter each; each filter in force has a link that removes it alone."""
    error, waiting = job_in(db, "error"), insert_job(db)
    job_in(db, "done")
    text = web.get("/?status=Error&status=Waiting&type=&name=&user=&sort=newest&size=50").text
    assert [waiting, error] == jobs_of(text)
    assert 2 == len(re.findall(r'name="status" value="\w+" checked', text))
    removed = [html.unescape(to) for to in re.findall(r'href="([^"]*)" aria-label="Remove the filter', text)]
    assert [[error], [waiting]] == [jobs_of(web.get(to).text) for to in removed]
    assert 3 == len(jobs_of(web.get(link(text, "Remove all")).text))


def test_what_is_wrong_comes_first(db: Db, web: Web) -> None:
    """What is wrong stands before the list: the kill switch, that no daemon lives, jobs that have broken off."""
    insert_job(db)
    broken = job_in(db, "error", name="<b>broken</b>")
    db.execute("select pgjobs.hold_all('an incident & more')")
    text = web.get("/").text
    trouble, _, rest = text.partition("<table")
    for words in ("an incident &amp; more", "No daemon is alive", "1 job has", f'/job/{broken}"', "&lt;b&gt;broken"):
        assert words in trouble
    assert "<b>" not in text
    assert 'class="bad"' in rest


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("/", "There is no job yet"),
        ("/?name=zebra", "No job meets these filters"),
        ("/?after=1", "There are no more jobs here"),
        ("/?sort=finished", "There is no job yet"),
    ],
)
def test_an_empty_list_says_what_to_do(db: Db, web: Web, path: str, words: str) -> None:
    """A list without jobs says why, and what to do."""
    assert 0 == db.value("select count(*) from xmp_jobs")
    assert words in web.get(path).text


def test_an_order_without_jobs_says_so(db: Db, web: Web) -> None:
    """Where no job has ended, the order of ends has none, and the page says which order has all."""
    insert_job(db)
    assert "No job stands in this order" in web.get("/?sort=finished").text


def test_a_page_that_gave_up_says_how_far_it_looked(db: Db, web: Web) -> None:
    """It says through how many jobs it has looked, and a link goes on from there until all are found."""
    bounded(db, few=0, most=100)
    with past_triggers(db):
        db.execute("insert into xmp_jobs (type, name) select 'expired', 'other' from generate_series(1, 1500)")
        db.execute("update xmp_jobs set name = 'rare' where id % 500 = 0")
    text = web.get("/?user=0&name=rare&sort=newest").text
    assert [1500] == jobs_of(text)
    assert re.search(r"looked\s+through", text)
    found = [1500]
    while "Go on" in text:
        text = web.get(link(text, "Go on")).text
        found += jobs_of(text)
    assert [1500, 1000, 500] == found


@pytest.mark.parametrize(
    ("path", "field"),
    [
        ("/?sort=random", "sort"),
        ("/?status=Broken", "status"),
        ("/?size=7", "size"),
        ("/?user=me", "user"),
        ("/?after=x", "after"),
        ("/?color=red", "color"),
        ("/?size=25&size=50", "size"),
    ],
)
def test_a_bad_value_is_a_page_that_says_so(web: Web, path: str, field: str) -> None:
    """What can't be read is answered with 400, one sentence with the field, and what to do, as a page."""
    answer = web.get(path)
    assert 400 == answer.status_code
    assert answer.headers["content-type"].startswith("text/html")
    found = re.search(r"<h1>([^<]*)</h1>\s*<p>([^<]+)", answer.text)
    assert found
    assert field in found[1].lower()
    assert found[2]


@pytest.mark.parametrize(
    "name",
    ["\u202eevil\u0000"[:-1], "<script>alert(1)</script>", "\u05d0\u05d1", "x" * 10_000, "a\tb\nc", "\U0001f600"],
)
def test_any_name_is_shown_as_text(db: Db, web: Web, name: str) -> None:
    """A name of any letters and length is shown as text, and what would turn the line is shown as an escape."""
    with past_triggers(db):
        db.execute(
            "insert into xmp_jobs (type, name, submitted_by, reference_id) values ('expired', %s, %s, %s)",
            (name, name, name),
        )
    text = web.get("/").text
    assert "<script>alert" not in text
    assert "\u202e" not in text
    assert 1 == len(jobs_of(text))
    assert 1 == len(jobs_of(web.get("/", params={"name": name[:200]}).text)) or not name.isprintable()
