"""The list of jobs shows what a reader of all rows would show, page after page, onwards and backwards."""

from __future__ import annotations

from itertools import combinations
from typing import Any

import pytest
from fix_jobs import Db, past_triggers
from fix_page_list import BEGAN, STATUS_WORDS, Crowd, bounded, page, pages, shown

JOBS = 300


@pytest.fixture
def crowd(db: Db) -> Crowd:
    """Jobs in every state, of several types, users and names."""
    return Crowd(db, JOBS)


def test_pages_hold_exactly_what_is_asked_for(crowd: Crowd) -> None:
    """Whatever filters, order and size are asked for, the pages have exactly these jobs in this order, both ways."""
    found = 0
    for _ in range(60):
        asked = crowd.wishes()
        expected = crowd.expected(asked)
        assert expected == pages(crowd.db, **asked), asked
        assert expected == pages(crowd.db, "previous", **asked), asked
        found += len(expected)
    assert found > 1500


def test_pages_found_in_the_order_of_an_index_hold_the_same(crowd: Crowd) -> None:
    """Where no filter finds few jobs, the list looks for them in the order of an index, and shows the same."""
    bounded(crowd.db, few=0)
    for _ in range(60):
        asked = crowd.wishes()
        expected = crowd.expected(asked)
        assert expected == pages(crowd.db, **asked), asked
        assert expected == pages(crowd.db, "previous", **asked), asked


def test_a_page_that_has_looked_far_enough_says_so(crowd: Crowd) -> None:
    """What finds little looks through so many jobs and no more; whoever goes on finds all of them once, both ways."""
    bounded(crowd.db, few=0, most=100)
    stops = 0
    for _ in range(60):
        asked = crowd.wishes()
        expected = crowd.expected(asked)
        first = page(crowd.db, **asked)
        if first["looked"] is not None:
            assert 25 <= first["looked"] <= 220
            assert first["next"] is not None
            stops += 1
        assert expected == pages(crowd.db, **asked), asked
        assert expected == pages(crowd.db, "previous", **asked), asked
    assert stops > 10


@pytest.mark.parametrize("held", [False, True])
def test_each_status_is_found_where_it_is_looked_for(crowd: Crowd, *, held: bool) -> None:
    """Each status, and each two of them, has exactly its jobs, in order, both ways, also while everything is held."""
    bounded(crowd.db, few=0)
    if held:
        crowd.db.execute("select pgjobs.hold_all('an incident')")
        crowd.look()
    for words in [*combinations(STATUS_WORDS, 1), *combinations(STATUS_WORDS, 2)]:
        asked: dict[str, Any] = {"status": ",".join(words), "size": 25}
        expected = crowd.expected({**asked, "sort": "newest"})
        assert (expected == []) == (held and words == ("Started",)), words
        assert expected == pages(crowd.db, **asked), words
        assert expected == pages(crowd.db, "previous", **asked), words
        assert expected[::-1] == pages(crowd.db, sort="oldest", **asked), words


@pytest.mark.parametrize(
    "asked", [{}, {"sort": "oldest"}, {"created_from": "2026-01-01"}, {"type": "expired"}, {"user": 7}]
)
def test_what_is_there_comes_once_while_jobs_are_inserted_and_change(crowd: Crowd, asked: dict[str, Any]) -> None:
    """While somebody pages, jobs come, end and go; each that stays comes exactly once."""
    there = crowd.expected(asked)
    gone: set[int] = set()
    seen: list[int] = []
    place = None
    while True:
        answer = page(crowd.db, **asked, size=25, after=place)
        seen += shown(answer)
        place = answer["next"]
        if place is None:
            break
        crowd.add()
        with past_triggers(crowd.db):
            crowd.db.execute(
                "update xmp_jobs set status = 'done', finish_at = now() where id in"
                " (select id from xmp_jobs where status in ('ready', 'in progress') order by random() limit 9)"
            )
            for (job,) in crowd.db.execute(
                "delete from xmp_jobs where id in (select id from xmp_jobs order by random() limit 3) returning id"
            ).fetchall():
                gone.add(job)
    assert len(seen) == len(set(seen))
    assert [job for job in seen if job in there and job not in gone] == [job for job in there if job not in gone]
    assert set(there) - gone <= set(seen)


@pytest.mark.parametrize(("sort", "column"), [("finished", "finish_at"), ("started", "started_at")])
def test_what_has_ended_comes_once_while_others_end(crowd: Crowd, sort: str, column: str) -> None:
    """In the order of their ends, and of their starts, jobs that end or start meanwhile move nobody."""
    there = crowd.expected({"sort": sort})
    assert len(there) > 100
    seen: list[int] = []
    place = None
    while True:
        answer = page(crowd.db, sort=sort, size=25, after=place)
        seen += shown(answer)
        place = answer["next"]
        if place is None:
            break
        crowd.add(status="done", finish_at=BEGAN.replace(year=2027), started_at=BEGAN.replace(year=2027))
    assert there == seen, column


def test_the_way_back_leads_to_what_was_shown(crowd: Crowd) -> None:
    """The page before the second one is the first one again, while newer jobs stand before it."""
    first = page(crowd.db, size=25)
    second = page(crowd.db, size=25, after=first["next"])
    for _ in range(5):
        crowd.add()
    back = page(crowd.db, size=25, before=second["previous"])
    assert shown(first) == shown(back)
    assert shown(second) == shown(page(crowd.db, size=25, after=back["next"]))
    newest = page(crowd.db, size=25, before=back["previous"])
    assert shown(newest) == [row["id"] for row in reversed(crowd.rows[-5:])]
    assert newest["previous"] is None
