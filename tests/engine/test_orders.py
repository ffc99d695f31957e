"""Orders and leases: what the database wants of a run is obeyed, and no locked row costs another shard its lease."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import pytest
from fix_daemon import Engine
from fix_jobs import WORKER, Db, claim, connect, insert_job

from pgjobs.engine.claim import Claim
from pgjobs.engine.control import Control
from pgjobs.engine.lease import Lease, Orders, Parking, boot_seconds
from pgjobs.engine.leases import Leases
from pgjobs.engine.shard import Shard
from pgjobs.errors import Fenced
from pgjobs.pg import connection as db_of_the_engine
from pgjobs.settings import read_settings

RENEW = "select job_id, renewed, verdict from pgjobs.renew_leases(%s, %s, interval '1 hour') order by job_id"
DUE = "update pgjobs.shards set due_at = clock_timestamp()"
LEFT = "select lease_until > clock_timestamp() + interval '10 minutes' from pgjobs.shards where job_id = %s"


def unanswered() -> Awaitable[object]:
    """Nobody asks for a lease here."""
    raise AssertionError


def test_a_shard_that_has_to_wait_is_parked(engine: Engine) -> None:
    """A run that is told to wait ends at its window: nothing is in flight, no owner, no cursor and no lease are left,
    why has the reason, and the job goes on when the time has come."""
    engine.add_retries(700)
    engine.execute(
        "create or replace function pgjobs.orders(_job_id bigint)"
        " returns table (verdict text, pause interval, reason text, paced boolean) language sql stable as $$"
        " select case when p.considered >= 21 and p.epoch = 1 then 'wait' else 'go' end, interval '1 hour',"
        " 'its recipients sleep', false from pgjobs.shards p where p.job_id = _job_id $$"
    )
    job = engine.add_job("expired")
    daemon = engine.start()
    engine.wait_until("exists (select from pgjobs.shards where note = 'its recipients sleep' and owner is null)")
    assert 21 <= engine.counters(job).considered <= 21 + 2 * 7
    assert engine.value("select in_flight_to = after_key and lease_until is null and failures = 0 from pgjobs.shards")
    assert "its recipients sleep" in engine.value("select pgjobs.why(%s)", job)
    reading = "select from pg_stat_activity where datname = current_database() and state = 'idle in transaction'"
    engine.wait_until(f"not exists ({reading} and application_name = 'pgjobs reader')")
    engine.execute(DUE)
    engine.wait_status(job, "done")
    assert list(range(1, 701)) == [message.key for message in engine.drain()]
    assert "is interrupted" not in daemon.said


def test_a_row_that_is_locked_is_not_waited_for(database: str, db: Db) -> None:
    """While somebody holds the row of a shard, the leases of the others are renewed, and it is not told as lost."""
    jobs = [insert_job(db) for _ in range(3)]
    names = [f"{claim(db, job)['job_id']}/0" for job in jobs]
    db.execute("set lock_timeout = '1ms'")
    with connect(database) as other, other.transaction():
        other.execute("select from pgjobs.shards where job_id = %s for update", (jobs[1],))
        answer = db.execute(RENEW, (WORKER, names)).fetchall()
    assert [(jobs[0], True, "go"), (jobs[1], False, "go"), (jobs[2], True, "go")] == answer
    assert [True, False, True] == [db.value(LEFT, job) for job in jobs]


def test_only_shards_that_run_and_are_held_are_renewed(db: Db) -> None:
    """Neither a shard of which the daemon runs nothing any more is renewed, nor one that has another owner, nor one
    whose lease has run out; a stopped job is told so."""
    idle, lost, late, stopped = (insert_job(db) for _ in range(4))
    names = [f"{claim(db, job)['job_id']}/0" for job in (idle, lost, late, stopped)]
    db.execute("update pgjobs.shards set owner = gen_random_uuid() where job_id = %s", (lost,))
    db.execute(
        "update pgjobs.shards set lease_until = clock_timestamp(), lease_check_at = '-infinity' where job_id = %s",
        (late,),
    )
    db.execute("update xmp_jobs set status = 'canceled' where id = %s", (stopped,))
    assert [(stopped, True, "stop")] == db.execute(RENEW, (WORKER, names[1:])).fetchall()
    assert [False, False, False, True] == [db.value(LEFT, job) for job in (idle, lost, late, stopped)]


@pytest.fixture
def shards(db: Db) -> Callable[[], list[Shard]]:
    """Makes the two shards that a daemon runs, claimed long ago."""
    taken = [claim(db, insert_job(db)) for _ in range(2)]

    def make() -> list[Shard]:
        return [Shard(Claim(**each), Control(read_settings()), 30, boot_seconds() - 29) for each in taken]

    return make


def test_a_daemon_renews_all_its_leases_at_once(database: str, db: Db, shards: Callable[[], list[Shard]]) -> None:
    """One statement makes every shard that is held certain for a whole lease, and says of the others that they are
    lost; the orders of each reach its run."""

    async def act() -> None:
        first, second = mine = shards()
        leases = Leases(read_settings(lease_seconds=30), WORKER, lambda: mine)
        async with await db_of_the_engine.connect(database, "test") as control:
            await leases._renew(control)
            await first.lease.ensure()
            await second.lease.ensure()
            db.execute("update xmp_jobs set status = 'canceled' where id = %s", (first.claim.job_id,))
            db.execute("update pgjobs.shards set epoch = epoch + 1 where job_id = %s", (second.claim.job_id,))
            await leases._renew(control)
            assert first.lease.stopping
            with pytest.raises(Fenced):
                await second.lease.ensure()

    asyncio.run(act())


def test_a_lease_that_could_not_be_renewed_is_not_trusted(database: str, shards: Callable[[], list[Shard]]) -> None:
    """A shard whose row was locked is asked for by its own run before it acts on it."""
    asked: list[int] = []

    async def act() -> None:
        first, second = mine = shards()

        async def renew() -> None:
            asked.append(first.claim.job_id)

        first.lease._renew = renew
        leases = Leases(read_settings(lease_seconds=30), WORKER, lambda: mine)
        with connect(database) as other, other.transaction():
            other.execute("select from pgjobs.shards where job_id = %s for update", (first.claim.job_id,))
            async with await db_of_the_engine.connect(database, "test") as control:
                await leases._renew(control)
        await second.lease.ensure()
        assert [] == asked
        await first.lease.ensure()
        assert [first.claim.job_id] == asked

    asyncio.run(act())


def test_runs_keep_their_leases_when_nobody_renews_them_together(engine: Engine) -> None:
    """Where the common renewal fails for long, every run asks for its own lease in time, and the job is done once."""
    engine.execute(
        "create or replace function pgjobs.renew_leases(_daemon uuid, _running text[], _lease interval) returns table"
        " (job_id bigint, shard integer, epoch bigint, renewed boolean, verdict text, pause interval, reason text,"
        " paced boolean) language plpgsql as $$ begin raise exception 'not today'; end $$"
    )
    engine.add_retries(40)
    engine.execute("create table gate ()")
    own_selector(engine)
    daemon = engine.start(lease_seconds=3)
    job = engine.add_job("slow")
    engine.wait_status(job, "done")
    assert 1 == engine.value("select epoch from pgjobs.shards where job_id = %s", job)
    daemon.wait_said("not today")


def own_selector(engine: Engine) -> None:
    """A job type whose first record takes longer than two leases to be selected: a statement that is slow."""
    # Leases are judged by the real clock, so that the statement has to take real time.
    rows = (
        "select id as key, msisdn as target, null::text as code, null::text as detail,"
        " case when id = 1 and pg_sleep(6.5) is null then null else ''{}''::bytea end as body"
        " from public.xmp_retries_expired where id > "
    )
    engine.execute(
        "create function public.slow(_job bigint, _shard integer, _after bigint, _end bigint)"
        f" returns text language sql as $$ select '{rows}' || coalesce(_after, 0) || ' order by id' $$"
    )
    insert = "insert into xmp_job_types (name, selector, routing_key) values ('slow', 'public.slow', %s)"
    engine.execute(insert, engine.queue)


def test_whoever_yields_ends_at_its_next_window() -> None:
    """A run that gives its place to another one gets a window done first and reads nothing further then; it breaks no
    preparation off, and a stop wins."""

    async def act() -> None:
        lease = Lease(30, boot_seconds(), unanswered)
        lease.yield_place("another job comes first")
        assert not lease.stopping
        assert await lease.outlasts(asyncio.ensure_future(asyncio.sleep(0)))
        lease.progressed()
        assert bool(lease.stopping)
        assert [Parking(timedelta(0), "another job comes first")] == [lease.parking]
        assert not await lease.outlasts(asyncio.ensure_future(asyncio.Event().wait()))
        lease.stop()
        lease.obey(Orders("wait"), None)
        assert (None, True) == (lease.parking, lease.stopping)

    asyncio.run(act())


def test_an_owner_finds_out_during_long_work_that_nobody_answers() -> None:
    """Work that takes long is broken off when the lease can't be trusted any more and nobody renews it."""

    async def act() -> None:
        async def away() -> None:
            raise ConnectionError("away")

        lease = Lease(0.1, boot_seconds(), away)
        work: asyncio.Future[Any] = asyncio.ensure_future(asyncio.Event().wait())
        with pytest.raises(ConnectionError, match="away"):
            await lease.outlasts(work)
        assert work.cancelled()

    asyncio.run(act())
