"""Connections of a daemon: few, shared, given back after a burst; a lock that one shard meets stops no other one."""

import asyncio
import time
from collections.abc import Callable
from itertools import pairwise
from uuid import uuid4

import psycopg
import pytest
from fix_daemon import Engine

from pgjobs.engine.connections import ConnectionPool
from pgjobs.engine.control import MOST, Control
from pgjobs.engine.idle import Idle
from pgjobs.metrics import Metrics
from pgjobs.settings import read_settings

OWN = 8
"""Connections of a daemon to PostgreSQL beside the readers of its shards."""
SESSIONS = (
    "select count(*) from pg_stat_activity where datname = current_database() and application_name like 'pgjobs %%'"
)
READERS = f"{SESSIONS} and application_name = 'pgjobs reader'"
GATE = 4711
"""The number of the lock that the selector asks for."""


def gated_type(engine: Engine) -> None:
    """A job type whose records can't be selected while somebody holds the gate."""
    engine.execute(
        "create function public.gated(_job bigint, _shard integer, _after bigint, _end bigint)"
        " returns text language sql as $$"
        " select 'select id as key, msisdn as target, null::text as code, null::text as detail,"
        " case when pg_advisory_lock_shared(4711) is not null then ''{}''::bytea end as body"
        " from public.xmp_retries_expired where id > ' || coalesce(_after, 0) || ' order by id' $$"
    )
    insert = "insert into xmp_job_types (name, selector, routing_key) values ('gated', 'public.gated', %s)"
    engine.execute(insert, engine.queue)


def test_a_burst_needs_few_connections_and_leaves_fewer(engine: Engine) -> None:
    """While 16 shards run their daemon has at most eight connections beside their readers; when they have ended, all
    but a few are closed."""
    engine.add_retries(5)
    gated_type(engine)
    seen: list[int] = []
    with engine.connect() as gate:
        gate.execute("select pg_advisory_lock(%s)", (GATE,))
        engine.start(max_running=16, idle_seconds=1, lease_seconds=30)
        jobs = [engine.add_job("gated") for _ in range(20)]
        engine.wait_for(lambda: 16 == look(engine, seen), "16 shards read")
        gate.execute("select pg_advisory_unlock(%s)", (GATE,))
        done = "select count(*) = 20 from xmp_jobs where status = 'done'"
        engine.wait_for(lambda: look(engine, seen) >= 0 and engine.value(done), "all are done", seconds=60)
    # A connection that its daemon has closed may be seen by one look more.
    assert max(map(min, pairwise(seen))) <= OWN + 16
    engine.wait_until(f"({SESSIONS}) <= {OWN - MOST + 2}")
    engine.wait_status(engine.add_job("gated"), "done")
    assert len(jobs) * 5 + 5 == len(engine.drain())


def look(engine: Engine, seen: list[int]) -> int:
    """How many shards read at this moment; how many connections there are is noted."""
    seen.append(engine.value(SESSIONS))
    return int(engine.value(READERS))


def test_locked_shards_do_not_stop_the_others(engine: Engine) -> None:
    """While the rows of as many shards as there are control connections are locked, another job runs to its end."""
    engine.add_retries(5_000)
    engine.start(window=5, lease_seconds=30, max_running=10)
    jobs = [engine.add_job("expired") for _ in range(MOST)]
    for job in jobs:
        engine.wait_considered(job, 5)
    with engine.connect() as other, other.transaction():
        other.execute("select from pgjobs.shards where job_id = any (%s) for update", (jobs,))
        small = engine.add_job("expired", count=5)
        engine.wait_status(small, "done", seconds=15)
    for job in jobs:
        engine.set_status(job, "canceled")
        engine.wait_until("not exists (select from pgjobs.shards where job_id = %s and owner is not null)", job)


@pytest.fixture
def control(engine: Engine) -> Control:
    """Control connections as a daemon has them."""
    return Control(read_settings(database_url=engine.daemon_url))


def test_at_most_four_statements_are_under_way(engine: Engine, control: Control) -> None:
    """However many ask at once, they share four connections, and the one used last is used first."""

    async def act() -> None:
        # Statements that take a moment, so that they are under way together.
        await asyncio.gather(*(control.row("select pg_sleep(0.05)") for _ in range(20)))
        assert MOST == engine.value(SESSIONS)
        pids = {await control.value("select pg_backend_pid()") for _ in range(5)}
        assert 1 == len(pids)
        await control.shrink(0)
        engine.wait_until(f"({SESSIONS}) = 1")
        assert pids == {await control.value("select pg_backend_pid()")}
        await control.close()

    asyncio.run(act())


def test_statements_that_meet_a_lock_leave_connections_to_the_others(engine: Engine, control: Control) -> None:
    """While as many statements as there are connections meet a lock, hundreds of others come through before the first
    of them gives up."""

    async def act() -> None:
        locked = [asyncio.create_task(control.row("select pg_advisory_xact_lock(4711)")) for _ in range(MOST)]
        for number in range(200):
            assert number == await control.value("select %s::integer", number)
        assert not any(task.done() for task in locked)
        gate.execute("select pg_advisory_unlock(%s)", (GATE,))
        await asyncio.gather(*locked)
        await control.close()

    with engine.connect() as gate:
        gate.execute("select pg_advisory_lock(%s)", (GATE,))
        asyncio.run(act())


def test_a_connection_that_is_gone_costs_no_statement(engine: Engine, control: Control) -> None:
    """One that the server ended while it was idle is not used; the one that ends during a statement fails that one,
    and the others are not trusted either."""

    async def act(monkey: Callable[[], None]) -> None:
        # Statements that take a moment, so that each has a connection of its own.
        await asyncio.gather(*(control.row("select pg_sleep(0.05)") for _ in range(3)))
        monkey()
        assert 1 == await control.value("select 1")
        with pytest.raises(psycopg.OperationalError):
            await control.row("select pg_terminate_backend(pg_backend_pid())")
        assert 1 == await control.value("select 1")
        await control.close()

    def end_all_after_a_while() -> None:
        engine.execute(
            "select pg_terminate_backend(pid, 5000) from pg_stat_activity"
            " where datname = current_database() and application_name = 'pgjobs control'"
        )
        control._idle._kept = [(one, since - 10) for one, since in control._idle._kept]

    asyncio.run(act(end_all_after_a_while))


@pytest.mark.parametrize("finds_work", [False, True])
def test_a_daemon_that_finds_work_opens_no_connections_in_advance(engine: Engine, finds_work: bool) -> None:
    """Without work one connection of each kind waits for the first job; the runs of a daemon that finds work open what
    they need, and one more would only make a restart dearer."""

    async def act() -> None:
        settings = read_settings(database_url=engine.daemon_url, amqp_url=engine.amqp_url)
        pool = ConnectionPool(settings, Metrics(), uuid4())
        if finds_work:
            await pool.take(publishing=True)
        await pool._warm()
        kinds = ("idle", 0) if finds_work else ("connected", 1)
        assert kinds == (pool.broker_state(), engine.value(READERS))
        await pool.close()

    asyncio.run(act())


def test_what_is_idle_for_long_is_given_up() -> None:
    """Connections that nobody needed are told from those that were used, and one may be spared."""
    idle: Idle[str] = Idle()
    for name in "abc":
        idle.put(name)
    idle._kept[0] = ("a", time.monotonic() - 60)
    assert ["a"] == idle.take_unused(30)
    assert ["b"] == idle.take_unused(0, but=1)
    found = idle.take()
    assert found is not None
    assert "c" == found[0]
    assert idle.take() is None
