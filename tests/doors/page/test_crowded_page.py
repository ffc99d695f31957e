"""No view of the page costs more because there have been many jobs: each reads what it shows.

A hundred thousand jobs of two years, some with thousands of events, checkpoints and items. PostgreSQL itself counts the
rows that each statement reads, those of its functions included.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from fix_database import shared_database
from fix_jobs import Db, connect
from fix_page_list import page, shown
from psycopg.rows import dict_row

from pgjobs.bench import views
from pgjobs.bench.statements import statement
from pgjobs.lab.services import Services

JOBS = 100_000
WITH_STATEMENT = {name: view.statement for name, view in views.all_views().items() if view.statement}
USUAL = 2500
"""Rows that a view may read: those of fifty jobs with their shards, and what the top of the list looks at."""
MOST: Mapping[str, int] = {
    # What is looked through before it says so, and four rows for a job whose state is computed.
    "list: a user and Fail": 30_000,
    "list: what is nowhere, among all": 45_000,
    "list: a type before a day": 45_000,
}


@pytest.fixture(scope="module")
def crowded_url(services: Services, template_database: str) -> Iterator[str]:
    """The URL of a database with a long history."""
    with shared_database(services, template_database, "history") as url:
        with connect(url) as db:
            for text in views.fill(JOBS):
                db.execute(text)
            db.execute("vacuum analyze")
        yield url


@pytest.fixture
def crowded(crowded_url: str) -> Iterator[Db]:
    """A session of its own on it."""
    with connect(crowded_url) as db, db.transaction(force_rollback=True):
        yield db


@pytest.fixture
def jobs(crowded: Db) -> dict[str, Any]:
    """Jobs of the history by what is to be seen of them."""
    with crowded.cursor(row_factory=dict_row) as cursor:
        found: dict[str, Any] = cursor.execute(statement("history_jobs")).fetchone() or {}
    return found


@pytest.mark.parametrize("name", WITH_STATEMENT)
def test_a_view_reads_what_it_shows(crowded: Db, jobs: dict[str, Any], name: str) -> None:
    """Each view reads the rows that it shows and a few more, also when its plan is one for all arguments."""
    query = views.filled(WITH_STATEMENT[name], jobs)
    for _ in range(7):
        assert crowded.rows_read(query) <= MOST.get(name, USUAL)


@pytest.mark.parametrize("sort", ["newest", "finished"])
def test_what_is_rare_is_found_by_going_on(crowded: Db, sort: str) -> None:
    """What no index finds is looked for in a part of the jobs; the page says how far it came, and going on finds it."""
    asked = {"name": "campaign", "user": 0, "sort": sort}
    assert 0 == crowded.value("select count(*) from xmp_jobs where name ilike 'campaign%' and id_user = 0")
    crowded.execute("set session_replication_role = replica")
    crowded.execute("update xmp_jobs set name = 'Campaign X', id_user = 0 where id in (7, 40001, 99000)")
    looks, found, place = 0, list[int](), None
    while True:
        answer = page(crowded, **asked, after=place)
        found += shown(answer)
        place = answer["next"]
        if place is None:
            break
        looks += 1
        assert 20_000 <= answer["looked"] <= 20_100
    assert looks in (4, 5)
    assert [99_000, 40_001, 7] == found


def test_the_measure_measures(crowded: Db) -> None:
    """A statement that looks at all jobs is seen to do so."""
    assert crowded.rows_read("select count(*) from xmp_jobs where notes is null") >= JOBS
