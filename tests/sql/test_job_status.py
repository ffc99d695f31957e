"""What the views compute never fails for anybody, and costs what the rows cost that are asked for."""

import json
from decimal import Decimal
from typing import Any

import pytest
from fix_jobs import Db, claim, insert_job, job_in, prepare
from fix_web import Web
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

BULK = 20_000
MOMENTS = ["-infinity", "infinity", "4713-01-01 BC", "294276-12-31", "2026-01-01", "now"]
FAR = st.sampled_from([-(2**63), -(2**63) + 1, -1, 0, 1, 2, 1_500_000_000_000_000_000, 2**63 - 2, 2**63 - 1])
keys = st.one_of(st.none(), FAR, st.integers(-(2**63), 2**63 - 1))
counts = st.one_of(FAR, st.integers(0, 1000))
moments = st.one_of(st.none(), st.sampled_from(MOMENTS))
SHARD = st.fixed_dictionaries(
    dict.fromkeys(("start_key", "first_key", "end_key", "after_key", "in_flight_to", "uncertain_to"), keys)
    | dict.fromkeys(("estimate", "send_limit"), keys)
    | dict.fromkeys(("sent", "claimed_with", "log_bytes"), counts)
    | dict.fromkeys(("due_at", "prepared_at", "started_at", "claimed_at", "updated_at", "finished_at"), moments)
    | {
        "lease_until": st.sampled_from(MOMENTS),
        "owner": st.sampled_from([None, "11111111-2222-3333-4444-555555555555"]),
    }
)
CHANGE = """
  update pgjobs.shards p set
    (start_key, first_key, end_key, after_key, in_flight_to, uncertain_to, estimate, send_limit, considered, sent, claimed_with,
     log_bytes, due_at, prepared_at, started_at, claimed_at, updated_at, finished_at, lease_until, owner) =
    (select x.start_key, x.first_key, x.end_key, x.after_key, x.in_flight_to, x.uncertain_to, x.estimate, x.send_limit, x.sent,
            x.sent, x.claimed_with, x.log_bytes, x.due_at, x.prepared_at, x.started_at, x.claimed_at, x.updated_at,
            x.finished_at, x.lease_until, x.owner
     from jsonb_populate_record(null::pgjobs.shards, %s::jsonb) x)
  where p.job_id = %s and p.shard = %s
"""  # noqa: E501 - the columns in their order
READERS = [
    "select count(*) from (select * from pgjobs.job_status offset 0) s",
    "select jsonb_array_length(pgjobs.list_jobs(null, null, 100, null))",
    "select jsonb_array_length(pgjobs.running_jobs())",
    "select count(*) from pgjobs.metrics()",
    "select count(*) from pgjobs.stuck_jobs(100)",
]


@pytest.fixture
def running(db: Db) -> int:
    """A job of two shards in progress."""
    insert_job(db, active=False)
    job = job_in(db, "in progress", shards=2)
    db.execute("insert into pgjobs.shards (job_id, shard) values (%s, 1)", (job,))
    return job


def test_no_numbers_and_moments_take_a_view_away(db: Db, running: int) -> None:
    """Whatever keys, counts and moments the shards of a job have, every reader answers, with figures within bounds."""

    @settings(max_examples=150, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
    @given(st.tuples(SHARD, SHARD))
    def holds(shards: tuple[dict[str, Any], dict[str, Any]]) -> None:
        for number, shard in enumerate(shards):
            db.execute(CHANGE, (json.dumps(shard), running, number))
        for reader in READERS:
            db.execute(reader.encode())
        percent, rate, eta = db.row(
            "select percent, records_per_second, eta is null or eta < now() + interval '101 years'"
            " from pgjobs.job_status where id = %s",
            running,
        )
        assert 0 <= percent <= 100
        assert rate is None or rate == rate  # noqa: PLR0124 - it is a number
        assert eta is True
        shown = db.value("select pgjobs.list_jobs(null, null, 100, null)")
        assert [] == [job for job in shown if "cannot be computed" in (job["why"] or "")]

    holds()


def test_ids_far_apart_hide_nothing_and_stop_nothing(db: Db, web: Web, running: int) -> None:
    """A few records at the beginning and some at the far end of the numbers: the end can't be foretold, everything else
    is told, and the job can be stopped at both doors."""
    other = insert_job(db)
    db.execute(
        "update pgjobs.shards set prepared_at = now(), start_key = 0, end_key = 1500000000000002000,"
        " after_key = 30000, considered = 30000, sent = 30000, owner = gen_random_uuid(),"
        " lease_until = now() + interval '1 hour', claimed_at = now() - interval '10 s', updated_at = now()"
        " where job_id = %s",
        (running,),
    )
    assert [None] * 3 == db.column("select eta from pgjobs.job_status")
    for path in ("/jobs", "/jobs/status", "/metrics", f"/jobs/status?id={running}"):
        assert 200 == web.get(path).status_code
    assert "canceled" == web.get(f"/jobs/stop?id={running}").json()["status"].replace("cancelled", "canceled")
    assert "canceled" == db.value("select pgjobs.stop_job(%s)", other)["status"]


def test_a_job_can_be_stopped_when_its_figures_cannot_be_computed(db: Db, running: int) -> None:
    """Even where the view itself is broken, stop, list and show answer with what is known."""
    db.execute("alter view pgjobs.job_status rename to job_status_gone")
    assert "in progress" == db.value("select pgjobs.show_job(%s)", running)["status"]
    stopped = db.value("select pgjobs.stop_job(%s)", running)
    assert "canceled" == stopped["status"]
    assert "cannot be computed" in stopped["why"]


def test_progress_of_a_job_in_ranges(db: Db) -> None:
    """A job whose ranges are run one after the other is as far as they are together, as fast as those that run now."""
    db.execute("insert into xmp_retries_expired (msisdn) select n::text from generate_series(1, 80) n")
    db.execute("analyze xmp_retries_expired")
    job = insert_job(db, shards=4)
    prepare(db, claim(db, job))
    total = "select total, percent, records_per_second from pgjobs.job_status where id = %s"
    assert (80, 0, None) == db.row(total, job)
    db.execute(
        "update pgjobs.shards set after_key = end_key, considered = 20, sent = 20, owner = null, lease_until = null,"
        " finished_at = now(), claimed_at = now() - interval '1 s', updated_at = now() where shard = 0"
    )
    claim(db, job, shard=1)
    db.execute(
        "update pgjobs.shards set after_key = after_key + 10, considered = 10, sent = 10,"
        " claimed_at = now() - interval '2 s', updated_at = now() where shard = 1"
    )
    assert (80, Decimal("37.5"), 5) == db.row(total, job)
    assert None is db.value("select eta from pgjobs.job_status where id = %s", job), "no daemon is alive"
    db.execute("select pgjobs.beat(gen_random_uuid(), 'd', 'h', 1, '0', 'connected')")
    left = db.value("select extract(epoch from eta - now()) from pgjobs.job_status where id = %s", job)
    assert 9 < left < 11


TOTAL = "select total, percent from pgjobs.job_status where id = %s"


def shares(db: Db, job: int) -> tuple[Any, Any]:
    """What the jobs page tells of a job: how many records there are, and which share of them is done."""
    [told] = db.value("select pgjobs.page_progress(array[%s]::bigint[])", job)
    return told["total"], told["percent"]


@pytest.fixture
def hundred(db: Db) -> Db:
    """A selection of a hundred records."""
    db.execute("insert into xmp_retries_expired (msisdn) select n::text from generate_series(1, 100) n")
    db.execute("analyze xmp_retries_expired")
    return db


def gone(db: Db, job: int, considered: int, sent: int, returned: int = 0) -> None:
    """So many records of a hundred were considered, and so many of these sent or given back by the broker."""
    db.execute(
        "update pgjobs.shards set considered = %s, sent = %s, returned = %s, skipped = %s, after_key = start + %s"
        " from (select min(id) - 1 as start from xmp_retries_expired) r where job_id = %s",
        (considered, sent, returned, considered - sent - returned, considered, job),
    )


@pytest.mark.parametrize("params", [{}, {"dry_run": True}], ids=["real", "dry"])
def test_total_of_a_job_without_a_limit(hundred: Db, params: dict[str, Any]) -> None:
    """It is unknown before the first start, then what the selection has; a dry run considers the same, and what a
    canary holds or somebody stops has it still: it would consider them if it went on."""
    job = insert_job(hundred, params=params, budget=json.dumps({"canary": {"first": 10}}))
    assert (None, None) == (hundred.row(TOTAL, job)[0], shares(hundred, job)[0])
    prepare(hundred, claim(hundred, job))
    assert (100, 0) == hundred.row(TOTAL, job)
    gone(hundred, job, 10, 6)
    assert (100, 10) == hundred.row(TOTAL, job) == shares(hundred, job)
    hundred.execute("insert into pgjobs.holds (job_id, kind, reason, at) values (%s, 'canary', 'look', now())", (job,))
    assert (100, 10) == hundred.row(TOTAL, job) == shares(hundred, job)
    hundred.execute("select pgjobs.stop_job(%s)", (job,))
    assert (100, 10) == hundred.row(TOTAL, job) == shares(hundred, job)


@pytest.mark.parametrize("params", [{"count": 20}, {"count": 20, "dry_run": True}], ids=["real", "dry"])
def test_total_of_a_job_that_sends_so_many(hundred: Db, params: dict[str, Any]) -> None:
    """Of a limit nothing is known but itself at first; then total says how many records have to be considered for it,
    skipped ones included, and never more than there are. What the broker gives back uses up the limit, too."""
    job = insert_job(hundred, params=params)
    prepare(hundred, claim(hundred, job))
    assert (20, 0) == hundred.row(TOTAL, job)
    gone(hundred, job, 20, 10)
    assert (40, 50) == hundred.row(TOTAL, job) == shares(hundred, job)
    gone(hundred, job, 20, 8, 2)
    assert (40, 50) == hundred.row(TOTAL, job) == shares(hundred, job)
    gone(hundred, job, 50, 1)
    assert (100, 50) == hundred.row(TOTAL, job) == shares(hundred, job)
    gone(hundred, job, 64, 20)
    assert 64 == hundred.row(TOTAL, job)[0]


@pytest.fixture
def crowd(db: Db) -> Db:
    """Many jobs that have ended, a few that run, a few that are due."""
    with db.transaction():
        db.execute("set local session_replication_role = replica")
        db.execute(
            "insert into xmp_jobs (type, status, run_at, finish_at)"
            " select 'expired', 'done', now() - interval '1 day', now() from generate_series(1, %s)",
            (BULK,),
        )
        db.execute(
            "insert into pgjobs.shards (job_id, considered, sent, finished_at, started_at, updated_at, prepared_at)"
            " select id, 1, 1, now(), now(), now(), now() from xmp_jobs"
        )
        db.execute(
            "insert into xmp_jobs (type, status, run_at) select 'expired', s, now() - interval '1 hour'"
            " from unnest(array['in progress', 'ready']) s, generate_series(1, 3)"
        )
    db.execute("analyze xmp_jobs, pgjobs.shards")
    return db


def nodes(plan: dict[str, Any]) -> list[dict[str, Any]]:
    """Every node of a plan."""
    return [plan, *(node for child in plan.get("Plans", []) for node in nodes(child))]


def rows_read(db: Db, query: str) -> int:
    """How many rows of tables a statement reads, by its plan in action."""
    plan = db.value(f"explain (analyze, timing off, costs off, format json) {query}")[0]["Plan"]
    scans = [node for node in nodes(plan) if "Relation Name" in node]
    read = [(node["Actual Rows"] + node.get("Rows Removed by Filter", 0)) * node["Actual Loops"] for node in scans]
    return int(sum(read))


def calls_of_why(db: Db, query: str) -> int:
    """How often a statement asks why a job does not move."""
    db.execute("set track_functions = 'all'")
    count = "select coalesce(sum(calls), 0)::int from pg_stat_xact_user_functions where funcname = 'why'"
    with db.transaction():
        before = db.value(count)
        db.execute(query.encode()).fetchall()
        return int(db.value(count)) - int(before)


@pytest.mark.parametrize(
    ("query", "shown"),
    [
        ("select * from pgjobs.job_status order by id desc limit 20", 20),
        ("select * from pgjobs.job_status where id = 77", 1),
        ("select * from pgjobs.job_status where status = 'in progress'", 3),
        ("select id, percent from pgjobs.job_status order by id desc limit 20", 0),
    ],
)
def test_the_view_costs_what_the_rows_cost_that_are_asked_for(crowd: Db, query: str, shown: int) -> None:
    """Twenty of many jobs, one of them, those that run: as many rows are read, and why is asked as often."""
    assert rows_read(crowd, query) <= 100
    assert shown == calls_of_why(crowd, query)


@pytest.mark.parametrize(
    "call",
    [
        "select * from pgjobs.stuck_jobs(10)",
        "select pgjobs.running_jobs()",
        "select pgjobs.list_jobs(null, null, 6, null)",
        "select pgjobs.list_jobs('ready', 'expired', 6, null)",
        "select pgjobs.next_wakeup(true)",
        "select * from pgjobs.claim_shards(gen_random_uuid(), '{}', true, interval '1 min')",
        "select pgjobs.sweep()",
    ],
)
def test_calls_touch_open_jobs_only(crowd: Db, call: str) -> None:
    """However many jobs have ended, what daemons and watchers ask for reads a few rows by an index."""
    counters = (
        "select coalesce(sum(seq_tup_read + idx_tup_fetch), 0)::int from pg_stat_xact_user_tables"
        " where relname in ('xmp_jobs', 'shards')"
    )
    with crowd.transaction():
        before = crowd.value(counters)
        crowd.execute(call.encode()).fetchall()
        assert crowd.value(counters) - before <= 300


def test_stuck_jobs_are_those_that_should_move(db: Db) -> None:
    """A job in progress that nobody holds and one that has been due for a while are listed with their reason; one that
    ended, one that is held back or paused, one that waits for its pace and one that is not due yet are not."""
    stuck = [job_in(db, "in progress"), insert_job(db, run_at="2020-01-01")]
    for columns in ({"active": False, "run_at": "2020-01-01"}, {"run_at": "2100-01-01"}):
        insert_job(db, **columns)
    db.execute("update xmp_jobs set active = false where id = %s", (job_in(db, "in progress"),))
    waits = (
        "update pgjobs.shards set due_at = now() + interval '1 hour', note = 'its window is closed' where job_id = %s"
    )
    db.execute(waits.encode(), (job_in(db, "in progress"),))
    job_in(db, "done")
    found = db.execute("select id, why from pgjobs.stuck_jobs(10) order by id").fetchall()
    assert [(job, 'no daemon is alive: start one with "pgjobs daemon"') for job in stuck] == found
    assert 1 == len(db.column("select id from pgjobs.stuck_jobs(1)"))
