"""Small jobs cost little: nothing is read, asked or tried in vain, and where it matters it is made up for."""

import asyncio
from pathlib import Path

from fix_broker import Drain
from fix_daemon import Engine

from pgjobs.joblog.writer import JobLog, Segment

GATE = 4712


def test_nothing_is_read_beyond_the_limit(engine: Engine) -> None:
    """A job that may send five records is done while its selector can't go on behind the first few."""
    engine.add_retries(300)
    engine.execute(
        "create function public.gated(_job bigint, _shard integer, _after bigint, _end bigint)"
        " returns text language sql as $$"
        " select 'select id as key, msisdn as target, null::text as code, null::text as detail,"
        " case when id <= 8 or pg_advisory_lock_shared(4712) is not null then ''{}''::bytea end as body"
        " from public.xmp_retries_expired where id > ' || coalesce(_after, 0) || ' order by id' $$"
    )
    insert = "insert into xmp_job_types (name, selector, routing_key, params) values ('gated', 'public.gated', %s, %s)"
    engine.execute(insert, engine.queue, ["count"])
    # First and last key are measured beforehand, or measuring would meet the gate.
    engine.execute(
        "create function public.gated_bounds(_job bigint) returns table"
        " (start_key bigint, first_key bigint, end_key bigint, total bigint, send_limit bigint)"
        " language sql as 'select null::bigint, 1::bigint, 300::bigint, 300::bigint, 5::bigint'"
    )
    with engine.connect() as gate:
        gate.execute("select pg_advisory_lock(%s)", (GATE,))
        engine.start(window=100)
        job = engine.add_job("gated", count=5)
        engine.wait_status(job, "done")
    assert [1, 2, 3, 4, 5] == [message.key for message in engine.drain()]


def test_a_queue_that_is_deleted_between_two_jobs(engine: Engine) -> None:
    """A route that was there a moment ago is not asked for again; where it is gone the job ends with the same error as
    ever, and nothing counts as sent."""
    engine.add_retries(5)
    queue = f"{engine.queue}-short"
    with Drain(engine.amqp_url) as broker:
        broker.channel.queue_declare(queue, durable=True)
        engine.set_route(queue)
        engine.start()
        engine.wait_status(engine.add_job("expired"), "done")
        broker.channel.queue_delete(queue)
        job = engine.add_job("expired")
        engine.wait_status(job, "error")
    assert f"queue '{queue}': 404 NOT_FOUND" in engine.error_of(job)
    assert 0 == engine.counters(job).considered


def test_a_new_log_is_asked_for_once(tmp_path: Path) -> None:
    """Of a file that is made by whoever opens the log nobody else can have written a byte: only one that is there
    already is asked for again with its lock in hand."""
    asked: list[str] = []

    async def ask(host: str, path: Path, *, further: bool) -> Segment:
        asked.append(f"{host} {path.name} {further}")
        return Segment(path, 0, b"chain")

    async def act() -> None:
        log = await JobLog.open(ask, tmp_path / "job.log")
        assert 1 == len(asked)
        assert b"chain" == log.chain
        log.close()
        (await JobLog.open(ask, tmp_path / "job.log")).close()
        assert 3 == len(asked)

    asyncio.run(act())
