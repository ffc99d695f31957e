"""A page about items reads what it shows, however many items a job has.

One job has a million items, ten of which have failed; PostgreSQL itself counts the rows that each statement reads.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from fix_database import shared_database
from fix_jobs import Db, connect, past_triggers
from fix_kept import TYPE

from pgjobs.lab.services import Services

GIANT, ITEMS = 12, 1_000_000
LOOKED_AT = 500_000
"""So many items one page looks at here."""
FEWER = """
create or replace function pgjobs.most_looked_at() returns bigint language sql immutable as 'select 500000::bigint'
"""
CROWD = (
    """
insert into xmp_jobs (id, type, status, params) values (12, 'kept', 'in progress', '{}'), (13, 'kept', 'done', '{}');
insert into pgjobs.shards (job_id, attempt, prepared_at, started_at) values (12, 1, now(), now());
insert into pgjobs.entities (id, type) select 'dev-' || n, 'entity.device' from generate_series(1, 1000) n;
insert into pgjobs.items (job_id, key, target, status, result, closed_at)
select 12, n, convert_to('dev-' || n, 'UTF8'),
  (case when n % 100000 = 77 then 'f' when n % 2 = 0 then 's' else 'l' end)::"char",
  case when n % 100000 = 77 then 'ERROR' end, case when n % 2 = 0 then now() end
from generate_series(1, :items:) n;
insert into pgjobs.items (job_id, key, target) select 13, n, 'x' from generate_series(1, 50) n;
insert into pgjobs.item_counts (job_id, slot, status, n)
select 12, 0, i.status, count(*) from pgjobs.items i where i.job_id = 12 group by 3;
insert into pgjobs.item_bodies (job_id, from_key, to_key, keys, bodies)
select 12, n, n + 99, array(select generate_series(n, n + 99)), array_fill('{}'::bytea, '{100}')
from generate_series(1, :items:, 100) n;
insert into pgjobs.item_launches
select 12, 0, false, now() - n * interval '1 s', n * 2000 + 1, n * 2000 + 2000, null from generate_series(0, 499) n;
insert into pgjobs.outcomes
select 12, s, 'skip', 'code_' || c, 5 from generate_series(0, 63) s, generate_series(1, 100) c;
"""
).replace(":items:", str(ITEMS))


@pytest.fixture(scope="module")
def crowded_url(services: Services, template_database: str) -> Iterator[str]:
    """The URL of a database with a crowded job; nobody has told the planner of it."""
    with shared_database(services, template_database, "page_items") as url:
        with connect(url) as db, past_triggers(db):
            db.execute(TYPE)
            for statement in CROWD.split(";\n"):
                db.execute(statement.encode())
            db.execute("vacuum analyze pgjobs.items")
        yield url


@pytest.fixture
def crowded(crowded_url: str) -> Iterator[Db]:
    """A session of its own on it."""
    with connect(crowded_url) as db, db.transaction(force_rollback=True):
        yield db


def call(**given: object) -> str:
    """A page of the crowded job as a statement."""
    names = ", ".join(f"_{name} => {value!r}" for name, value in given.items())
    return f"select pgjobs.page_items(12, {names})" if names else "select pgjobs.page_items(12)"


def answer(db: Db, **given: object) -> dict[str, Any]:
    """A page of the crowded job."""
    found: dict[str, Any] = db.value(call(**given))
    return found


PAGES = {
    "the first": (call(), 450),
    "the last": (call(last=True), 450),
    "one in the middle": (call(after=500_000), 450),
    "the one before": (call(before=500_000), 450),
    "of two hundred": (call(limit=200), 1200),
    "a common status": (call(status="Finished"), 1300),
    "a common status behind": (call(status="Finished", after=900_000), 1300),
    "one that none has": (call(status="Stopped"), 450),
    "an entity": (call(target="dev-777"), 100_000),
    "a part of many": (call(target="dev-99"), 60_000),
}
"""A page, and how many rows it may read: those that it shows, and where it has a filter those that it looks at."""


@pytest.mark.parametrize("what", PAGES)
def test_a_page_reads_what_it_shows(crowded: Db, what: str) -> None:
    """A page reads its rows and what belongs to them; where a filter leaves some out, a block besides."""
    statement, most = PAGES[what]
    for _ in range(2):
        assert crowded.rows_read(statement) <= most, what


@pytest.mark.parametrize("place", [{}, {"last": True}, {"after": 500_000}, {"before": 500_000}], ids=str)
def test_without_a_filter_nothing_else_is_looked_at(crowded: Db, place: dict[str, object]) -> None:
    """Not even the index has more read than the page, and one item that says whether there is another page."""
    assert 51 == answer(crowded, **place)["looked"]


def test_an_item_is_read_by_its_key(crowded: Db) -> None:
    """The page of an item reads that item, whatever else there is."""
    for key in (1, 77, 500_000, ITEMS):
        assert crowded.rows_read(f"select pgjobs.page_item(12, {key})") <= 60


def test_a_search_ends_and_goes_on(crowded: Db) -> None:
    """What is rare is found in bounded parts: each leads on from where it has stopped, in either direction."""
    crowded.execute(FEWER)
    for backwards in (False, True):
        found: list[int] = []
        given: dict[str, object] = {"last": True} if backwards else {}
        parts = 0
        while True:
            before = crowded.value(READ)
            page = answer(crowded, status="Error", **given)
            assert crowded.value(READ) - before <= LOOKED_AT + 30_000
            parts += 1
            keys = [int(item["key"]) for item in page["items"]]
            found = [*keys, *found] if backwards else [*found, *keys]
            further = page["previous" if backwards else "next"]
            if further is None:
                break
            assert page["broke_off"]
            given = {"before" if backwards else "after": int(further)}
        assert list(range(77, ITEMS, 100_000)) == found
        assert parts >= 2


READ = "select sum(idx_tup_fetch + seq_tup_read)::bigint from pg_stat_xact_user_tables where relname = 'items'"


def test_a_million_items_are_looked_at_at_once(crowded: Db) -> None:
    """Where a job has fewer items than a page may look at, what is rare is found on one page."""
    page = answer(crowded, status="Error")
    assert page["broke_off"] or list(range(77, ITEMS, 100_000)) == [int(item["key"]) for item in page["items"]]


def test_a_search_ends_with_the_last_one_that_there_is(crowded: Db) -> None:
    """Where the counters say that no further one has the status, nothing more is looked at."""
    crowded.execute("update pgjobs.item_counts set n = 1 where job_id = 12 and status = 'f'")
    page = answer(crowded, status="Error")
    assert ["77"] == [item["key"] for item in page["items"]]
    assert (False, None) == (page["broke_off"], page["next"])
    assert page["looked"] < 1000


def test_outcomes_are_read_from_counters(crowded: Db) -> None:
    """Bars of a job with a million items and 64 shards are made of its counters alone."""
    assert crowded.rows_read("select pgjobs.page_outcomes(12)") <= 6400 + 50
    assert "32000" == crowded.value("select pgjobs.page_outcomes(12) ->> 'records'")
    assert 100 == len(json.loads(crowded.value("select pgjobs.page_outcomes(12) ->> 'outcomes'")))


def test_the_measure_measures(crowded: Db) -> None:
    """A search that looks at many items is seen to do so."""
    assert crowded.rows_read(call(result="nothing has this")) > 100_000
