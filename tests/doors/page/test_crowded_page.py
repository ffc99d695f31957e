"""No view of the page costs more because there have been many jobs: each reads what it shows.

Sixty thousand jobs of two years, some with thousands of events, checkpoints and items. PostgreSQL itself counts the
rows that each statement reads, those of its functions included.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from fix_database import shared_database
from fix_jobs import Db, connect, past_triggers
from fix_page_list import page, shown
from psycopg.rows import dict_row

from pgjobs.bench import views
from pgjobs.bench.statements import statement
from pgjobs.lab.services import Services
from pgjobs.web.doors.page.door import DOOR

JOBS = 60_000
WITH_STATEMENT = {name: view.statement for name, view in views.all_views().items() if view.statement}
LISTS = [name for name in WITH_STATEMENT if name.startswith(("list:", "top"))]
USUAL = 6000
"""Rows that a view may read: of fifty jobs that run with twenty shards each, and what the top of the list looks at."""
MOST_CALLS = 350
"""Functions that a list may call: some for each of a hundred jobs, and for what stands above them."""
MOST: Mapping[str, int] = {
    "list: 100 of a page": 12_000,
    # Of a job that runs its shards are looked at, to show it at the first of those that are due.
    "list: by priority and due time": 15_000,
    # Five thousand checkpoints of its own, for the plot.
    "job that runs": 12_000,
    "job that has ended": 15_000,
    "items that failed": 8000,
    "metrics": 10_000,
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


@pytest.mark.parametrize("name", LISTS)
def test_a_list_computes_states_within_its_statements(crowded: Db, jobs: dict[str, Any], name: str) -> None:
    """Of 900 open jobs, and of those that a filter looks at, none has a function called for its state alone."""
    assert 900 == crowded.value("select count(*) from xmp_jobs where status in ('ready', 'in progress')")
    query = views.filled(WITH_STATEMENT[name], jobs)
    crowded.execute(query.encode())
    # A few for each job that is shown, and for what stands above them.
    assert crowded.calls_made(query) <= MOST_CALLS


@pytest.mark.parametrize("word", ["Creating", "Stopped"])
def test_what_waits_is_not_looked_at_for_another_status(crowded: Db, word: str) -> None:
    """Eight thousand newer jobs that wait cost the filters nothing which show none of them, and keep nothing away."""
    with past_triggers(crowded):
        crowded.execute(
            "update pgjobs.shards set expand = true"
            " where job_id in (select id from xmp_jobs where status = 'ready' order by id limit 7)"
        )
    query = f'select pgjobs.page_jobs(\'{{"status": "{word}"}}\')'
    usual = crowded.rows_read(query)
    found = shown(page(crowded, status=word))
    assert len(found) == (7 if word == "Creating" else 50)
    with past_triggers(crowded):
        crowded.execute(
            "with made as (insert into xmp_jobs (type, status, params, active, run_at)"
            " select 'expired', 'ready', '{}', true, now() + interval '1 day' from generate_series(1, 8000)"
            " returning id, run_at)"
            " insert into pgjobs.shards (job_id, due_at) select id, run_at from made"
        )
    crowded.execute("analyze xmp_jobs, pgjobs.shards")
    answer = page(crowded, status=word)
    assert (found, None) == (shown(answer), answer["looked"])
    assert crowded.rows_read(query) <= usual + 100


@pytest.mark.parametrize("sort", ["newest", "finished"])
def test_what_is_rare_is_found_by_going_on(crowded: Db, sort: str) -> None:
    """What no index finds is looked for in a part of the jobs; the page says how far it came, and going on finds it."""
    asked = {"name": "campaign", "user": 0, "sort": sort}
    assert 0 == crowded.value("select count(*) from xmp_jobs where name ilike 'campaign%' and id_user = 0")
    crowded.execute("set session_replication_role = replica")
    crowded.execute("update xmp_jobs set name = 'Campaign X', id_user = 0 where id in (7, 30001, 55001)")
    looks, found, place = 0, list[int](), None
    while True:
        answer = page(crowded, **asked, after=place)
        found += shown(answer)
        place = answer["next"]
        if place is None:
            break
        looks += 1
        assert 20_000 <= answer["looked"] <= 20_100
    assert looks in (2, 3)
    assert [55_001, 30_001, 7] == found


def test_every_endpoint_has_a_view() -> None:
    """Whatever the page shows is measured: each path of its door is one of the views of the benchmark."""
    paths = {re.sub(r"\{\w+\}", "7", view.path).partition("?")[0] for view in views.all_views().values()}
    shown = [endpoint for endpoint in DOOR.endpoints if "GET" in endpoint.methods]
    assert shown
    missing = [
        endpoint.path for endpoint in shown if not any(endpoint.route().path_regex.match(path) for path in paths)
    ]
    assert [] == missing


def test_the_measure_measures(crowded: Db) -> None:
    """A statement that looks at all jobs is seen to do so."""
    assert crowded.rows_read("select count(*) from xmp_jobs where notes is null") >= JOBS
