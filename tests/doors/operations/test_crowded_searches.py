"""A search reads what it shows, however many jobs there are and however many operations a job has.

A million jobs have ended, a fifth of them operations, and one more has a million operations. PostgreSQL itself counts
the rows that each statement reads, those of its functions included.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from fix_database import shared_database
from fix_jobs import Db, connect, past_triggers
from fix_searches import TYPES, search, summary
from psycopg import sql

from pgjobs.lab.services import Services

JOBS = OPERATIONS = 1_000_000
GIANT = JOBS + 1
CROWD = (
    """
insert into pgjobs.entities (id, type) select 'dev-' || n, 'entity.device' from generate_series(1, 1000) n;
insert into xmp_jobs (id, type, status, params, finish_at, active)
select n,
  case n % 20 when 0 then 'diagnosis' when 1 then 'reboot' when 2 then 'reboot' when 3 then 'reboot'
              when 4 then 'letter' else 'expired' end,
  case n % 1000 when 0 then 'ready' when 1 then 'canceled' else 'done' end, '{}', now(), n % 1000 > 0
from generate_series(1, :jobs:) n;
insert into pgjobs.job_counts (type, status, jobs) select type, status, count(*) from xmp_jobs group by type, status;
insert into pgjobs.items (job_id, key, target, status, closed_at)
select n, n % 500 + 1, convert_to('dev-' || n % 500 + 1, 'UTF8'), 's', now()
from generate_series(1, :jobs:) n where n % 20 < 4;
insert into pgjobs.item_counts (job_id, slot, status, n) select i.job_id, 0, 's', 1 from pgjobs.items i;
insert into xmp_jobs (id, type, status, params) values (:giant:, 'reboot', 'in progress', '{}');
insert into pgjobs.shards (job_id, prepared_at, started_at) values (:giant:, now(), now());
insert into pgjobs.items (job_id, key, target, status, result, closed_at)
select :giant:, n, convert_to('dev-' || n, 'UTF8'),
  (case when n % 100000 = 77 then 'f' when n % 2 = 0 then 's' else 'l' end)::"char",
  case when n % 100000 = 77 then 'ERROR_PROCESSING' end, case when n % 2 = 0 then now() end
from generate_series(1, :operations:) n;
insert into pgjobs.item_counts (job_id, slot, status, n)
select :giant:, 0, i.status, count(*) from pgjobs.items i where i.job_id = :giant: group by i.status;
insert into pgjobs.item_bodies (job_id, from_key, to_key, keys, bodies)
select :giant:, n, n + 99, array(select generate_series(n, n + 99)), array_fill('{}'::bytea, '{100}')
from generate_series(1, :operations:, 100) n;
""".replace(":jobs:", str(JOBS))
    .replace(":operations:", str(OPERATIONS))
    .replace(":giant:", str(GIANT))
)
TEN = {"limit": {"size": 10}}
COLUMNS = {"select": ["operationId", "entityId", "operationStatus"]}


def where(**fields: object) -> dict[str, Any]:
    """A filter that these fields have these values."""
    return {"filter": {"and": [{"eq": {name: value}} for name, value in fields.items()]}}


@pytest.fixture(scope="module")
def crowded_url(services: Services, template_database: str) -> Iterator[str]:
    """The URL of a crowded database."""
    with shared_database(services, template_database, "searched") as url:
        with connect(url) as db, past_triggers(db):
            db.execute(TYPES)
            db.execute(sql.SQL(CROWD))
            db.execute("vacuum analyze")
        yield url


@pytest.fixture
def crowded(crowded_url: str) -> Iterator[Db]:
    """A session of its own on it."""
    with connect(crowded_url) as db, db.transaction(force_rollback=True):
        yield db


def call(what: str, body: dict[str, Any], resource: str | None = None, after: dict[str, int] | None = None) -> str:
    """A search as a statement."""
    values = what, resource, json.dumps(body), "{}", False, after and json.dumps(after)
    arguments = sql.SQL(", ").join(map(sql.Literal, values))
    return sql.SQL("select * from pgjobs.search({})").format(arguments).as_string(None)


PAGES = {
    "jobs": (call("jobs", TEN), 400),
    "jobs of a state": (call("jobs", TEN | where(jobStatus="PAUSED")), 4000),
    "jobs of a rare state": (call("jobs", TEN | where(jobStatus="IDLE")), 4000),
    "jobs of a name": (call("jobs", TEN | where(jobOperationName="DIAGNOSIS")), 1500),
    "one job": (call("jobs", TEN | where(jobId=20)), 60),
    "the next jobs": (call("jobs", TEN | {"limit": {"size": 10, "start": 9000}}, after={"job": 500_000}), 400),
    "operations": (call("operations", TEN), 300),
    "operations of a job": (call("operations", TEN | where(jobId=GIANT)), 200),
    "a hundred of them": (call("operations", {"limit": {"size": 100}} | where(jobId=GIANT)), 1000),
    "columns of a thousand": (call("operations", COLUMNS | where(jobId=GIANT)), 6000),
    "the next operations": (call("operations", TEN | where(jobId=GIANT), after={"job": GIANT, "key": 900_000}), 200),
    "those behind the job": (call("operations", TEN, after={"job": GIANT, "key": OPERATIONS}), 600),
    "operations of a state": (call("operations", TEN | where(jobId=GIANT, operationStatus="FINISHED")), 22_000),
    "an operation": (call("operations", TEN | where(operationId=f"{GIANT}-777777")), 100),
    "an entity in a job": (call("operations", TEN | where(jobId=GIANT, entityId="dev-77")), 100),
    "an entity": (call("operations", TEN | where(entityId="dev-4")), 10_000),
    "devices": (call("operations", TEN, "entity.device"), 45_000),
}
"""A search, and how many rows it may read: those of the page, and of the blocks in which it looks for them."""


@pytest.mark.parametrize("what", PAGES)
def test_a_page_reads_what_it_shows(crowded: Db, what: str) -> None:
    """A page reads its rows and what belongs to them; where a filter leaves some out, a block besides."""
    statement, most = PAGES[what]
    for _ in range(2):
        assert crowded.rows_read(statement) <= most


def test_a_page_far_behind_is_read_once_from_there(crowded: Db) -> None:
    """Page 90,000 without a position passes over the pages before by the key alone; with one it does not at all."""
    body = {"limit": {"size": 10, "start": 90_001}} | where(jobId=GIANT) | {"select": ["operationId"]}
    answer, behind = search(crowded, "operations", body)
    assert ({"number": 90_001, "of": 100_000}, {"job": GIANT, "key": 900_010}) == (answer["page"], behind)
    again, _ = search(crowded, "operations", body, after={"job": GIANT, "key": 900_000})
    assert answer == again


def test_whole_jobs_are_passed_over_by_their_counters(crowded: Db) -> None:
    """A page behind the job with a million operations reads none of these."""
    statement = call("operations", {"limit": {"size": 10, "start": OPERATIONS // 10 + 1}} | COLUMNS)
    assert crowded.rows_read(statement) <= 600


def test_what_is_rare_is_found(crowded: Db) -> None:
    """Ten of a million operations have failed: a filter finds all of them."""
    body = where(jobId=GIANT, operationResult="ERROR_PROCESSING") | {"select": ["operationId"]}
    answer, behind = search(crowded, "operations", body)
    assert ([f"{GIANT}-{n}" for n in range(77, OPERATIONS, 100_000)], None) == (
        [row["operationId"] for row in answer["operations"]],
        behind,
    )


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (where(entityId="dev-999"), "too_wide"),
        ({"filter": {"eq": {"operationDetails": "none"}}}, "too_wide"),
        ({"sort": {"parameters": [{"name": "operationDate"}]}} | where(jobId=GIANT), "too_many"),
    ],
)
def test_what_would_take_too_long_is_refused(crowded: Db, body: dict[str, Any], code: str) -> None:
    """A search that would look at too many rows, or sort too many, says so and what to do."""
    refused = crowded.refusal(call("operations", body))
    assert (code, "filter") == (refused.constraint_name, refused.column_name)
    assert "narrow it" in (refused.message_hint or "")


def test_summaries_come_from_counters(crowded: Db) -> None:
    """Of a million operations nothing is counted, and of the jobs only those that are not done."""
    states = {"FINISHED": 500_000 + 10, "IN_PROGRESS": 500_000 - 10}
    assert {"count": OPERATIONS, "operationName": {"REBOOT": OPERATIONS}, "operationStatus": states} == summary(
        crowded, "operations", where(jobId=GIANT)
    )
    assert (
        crowded.rows_read(
            f"select pgjobs.search_summary('operations', null, '{json.dumps(where(jobId=GIANT))}', '{{}}')"
        )
        <= 100
    )
    states = {"FINISHED": 198_000, "PAUSED": 1000, "IDLE": 1000, "IN_PROGRESS": 1}
    names = {"REBOOT": 150_001, "DIAGNOSIS": 50_000}
    assert {"count": 200_001, "jobStatus": states, "jobOperationName": names} == summary(crowded, "jobs")
    assert crowded.rows_read("select pgjobs.search_summary('jobs', null, '{}', '{}')") <= 60_000


def test_the_measure_measures(crowded: Db) -> None:
    """A search that looks at all operations of a job is seen to do so."""
    assert crowded.rows_read(call("operations", where(jobId=GIANT, operationResult="ERROR_PROCESSING"))) > OPERATIONS
