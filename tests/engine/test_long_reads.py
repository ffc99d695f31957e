"""What reads for a long time, before the first record or between two: it keeps its lease, is read once, and obeys."""

import pytest
from fix_daemon import Engine

READING = "select from pg_stat_activity where datname = current_database() and wait_event = 'PgSleep'"


def slow_type(engine: Engine, seconds: str, *, bounds: bool = False) -> None:
    """A job type of which a record takes `seconds` to read, an expression of its id; its `bounds` are found at once."""
    # Leases are judged by the real clock, so that reading has to take real time.
    engine.execute(
        "create function public.slowly(_id bigint, _seconds float) returns bigint language plpgsql volatile"
        " as $$ begin perform pg_sleep(_seconds); return _id; end $$"
    )
    rows = (
        f"select public.slowly(id, {seconds}) as key, msisdn as target, null::text as code, null::text as detail,"
        " '{}'::bytea as body"
    )
    engine.execute(
        "create function public.slow_records(_job bigint, _shard integer, _after bigint, _end bigint)"  # noqa: S608
        f" returns text language sql stable as $$ select $text$select * from ({rows} from public.xmp_retries_expired"
        " where id > $text$ || coalesce(_after, 0) || ' order by id offset 0) s' $$"
    )
    if bounds:
        engine.execute(
            "create function public.slow_records_bounds(_job bigint) returns table (start_key bigint, first_key bigint,"
            " end_key bigint, total bigint, send_limit bigint) language sql stable as"
            " $$ select null::bigint, min(id), max(id), count(*), null::bigint from public.xmp_retries_expired $$"
        )
    engine.execute(
        "insert into xmp_job_types (name, selector, routing_key, params) values"
        " ('slow', 'public.slow_records', %s, '{dry_run,offset}')",
        engine.queue,
    )


def test_an_offset_costs_one_scan(engine: Engine) -> None:
    """A scan that takes several times the lease is done once, by one owner, and the job goes on behind the offset."""
    engine.add_retries(100)
    slow_type(engine, "0.08")
    engine.start(lease_seconds=3)
    job = engine.add_job("slow", offset=90)
    engine.wait_status(job, "done")
    assert list(range(91, 101)) == [line.key for line in engine.log_lines(job)]
    assert (1, 0) == tuple(engine.rows("select epoch, failures from pgjobs.shards")[0].values())


@pytest.mark.parametrize("when", ["preparing", "before the first", "in the middle"])
def test_a_stop_does_not_wait_for_the_database(engine: Engine, when: str) -> None:
    """A job is stopped while the database looks for a record, and goes on from its last checkpoint."""
    engine.add_retries(100)
    slow_type(engine, f"case when id > {50 if when == 'in the middle' else 0} then 600 else 0 end", bounds=True)
    if when == "preparing":
        engine.execute("drop function public.slow_records_bounds")
    daemon = engine.start(window=10)
    job = engine.add_job("slow")
    if when == "in the middle":
        engine.wait_considered(job, 50)
    engine.wait_until(f"exists ({READING})")
    engine.set_status(job, "canceled")
    engine.wait_status(job, "canceled")
    engine.wait_until(f"not exists ({READING})")
    considered = engine.counters(job).considered
    assert (50 if when == "in the middle" else 0) == considered
    assert 0 == engine.value("select count(*) from pgjobs.job_uncertain")
    engine.execute(
        "create or replace function public.slowly(_id bigint, _seconds float) returns bigint"
        " language sql as 'select _id'"
    )
    engine.set_status(job, "ready")
    engine.wait_status(job, "done")
    assert list(range(1, 101)) == [line.key for line in engine.log_lines(job)]
    assert list(range(1, 101)) == [message.key for message in engine.drain()]
    assert daemon.running


PAUSES = {
    "a pause": "update xmp_jobs set active = false",
    "the kill switch": "select pgjobs.hold_all('a look')",
}


@pytest.mark.parametrize("pause", PAUSES)
@pytest.mark.parametrize("when", ["preparing", "in the middle"])
def test_a_pause_does_not_wait_for_the_database(engine: Engine, when: str, pause: str) -> None:
    """A job is paused, or everything is held, while the database looks for a record: it is given up at once, long
    before its lease is to be renewed, and goes on from its last checkpoint."""
    engine.add_retries(100)
    slow_type(engine, f"case when id > {50 if when == 'in the middle' else 0} then 600 else 0 end", bounds=True)
    if when == "preparing":
        engine.execute("drop function public.slow_records_bounds")
    engine.start(window=10, lease_seconds=600, poll_seconds=600)
    job = engine.add_job("slow")
    if when == "in the middle":
        engine.wait_considered(job, 50)
    engine.wait_until(f"exists ({READING})")
    engine.execute(PAUSES[pause])
    engine.wait_until("owner is null from pgjobs.shards where job_id = %s", job)
    engine.wait_until(f"not exists ({READING})")
    assert "in progress" == engine.value("select status from xmp_jobs where id = %s", job)
    assert (50 if when == "in the middle" else 0) == engine.counters(job).considered
    assert 0 == engine.value("select count(*) from pgjobs.job_uncertain")
    engine.execute(
        "create or replace function public.slowly(_id bigint, _seconds float) returns bigint"
        " language sql as 'select _id'"
    )
    engine.execute("select pgjobs.release_all()")
    engine.execute("update xmp_jobs set active = true")
    engine.wait_status(job, "done")
    assert list(range(1, 101)) == [message.key for message in engine.drain()]


def test_a_rate_reaches_a_run_that_reads(engine: Engine) -> None:
    """A job gets a rate while it waits for its next records: it holds for these already."""
    engine.add_retries(100)
    slow_type(engine, "case when id > 50 then 1 else 0 end", bounds=True)
    engine.execute(
        "create or replace function public.slowly(_id bigint, _seconds float) returns bigint language plpgsql volatile"
        " as $$ begin if _seconds > 0 then perform pg_advisory_xact_lock_shared(7); end if; return _id; end $$"
    )
    engine.execute("select pg_advisory_lock(7)")
    engine.start(window=10, lease_seconds=600, poll_seconds=600)
    job = engine.add_job("slow")
    engine.wait_considered(job, 50)
    before = engine.value("select lease_until from pgjobs.shards where job_id = %s", job)
    engine.execute("update xmp_jobs set rate = 0.001 where id = %s", job)
    engine.wait_until("lease_until > %s from pgjobs.shards where job_id = %s", before, job)
    engine.execute("select pg_advisory_unlock(7)")
    engine.wait_until("owner is null from pgjobs.shards where job_id = %s", job)
    assert 51 == engine.counters(job).considered


def test_a_stop_does_not_wait_for_a_file(engine: Engine) -> None:
    """A job that reads a huge file is stopped at once, with none of its lines half read."""
    name = engine.add_file("huge.csv", b"".join(b"92300%07d\n" % n for n in range(3_000_000)))
    engine.start()
    job = engine.add_job("injection", name)
    copying = "select from pg_stat_activity where datname = current_database() and query like 'copy pgjobs.injection%%'"
    engine.wait_until(f"exists ({copying})")
    engine.set_status(job, "canceled")
    engine.wait_status(job, "canceled")
    engine.wait_until(f"not exists ({copying} and state = 'active')")
    assert 0 == engine.value("select count(*) from pgjobs.injection_lines")
    assert 0 == engine.counters(job).considered
    assert not engine.value("select prepared_at is not null from pgjobs.shards")
