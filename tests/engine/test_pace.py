"""Pace: how fast a job may go is decided in SQL, and obeyed by every daemon and shard of it together."""

import asyncio
from collections import Counter

import pytest
from fix_daemon import Engine
from fix_jobs import Db, claim, prepare

from pgjobs.broker.publisher import Publisher
from pgjobs.engine.claim import Claim
from pgjobs.engine.control import Control
from pgjobs.engine.lease import boot_seconds
from pgjobs.engine.pace import Pace
from pgjobs.engine.shard import Shard
from pgjobs.engine.window import Window
from pgjobs.metrics import Metrics
from pgjobs.settings import read_settings

ABOVE = """
select count(*) from (
  select sum(c.sent) over (order by c.at) as sent, extract(epoch from c.at - j.at) as seconds
  from pgjobs.checkpoints c
  join pgjobs.events j on j.job_id = c.job_id and j.to_status = 'in progress'
  where c.job_id = any (%s)) s
where s.sent > %s * (s.seconds + 1)
"""
"""How many checkpoints of these jobs have more sent behind them than the rate and a second's worth allow."""
SENT = "select sum(sent)::bigint from pgjobs.shards where job_id = %s"


def set_on(engine: Engine, job: int, **columns: object) -> None:
    """Change columns of a job."""
    for column, value in columns.items():
        statement = "update xmp_jobs set {} = %s where id = %s"
        engine.execute(statement.format(column), value, job)


def add_paced(engine: Engine, job_type: str = "expired", **columns: object) -> int:
    """A job with these columns from the beginning."""
    names, values = ["type", *columns], [job_type, *columns.values()]
    statement = "insert into xmp_jobs ({}) values ({}) returning id"
    return int(engine.value(statement.format(", ".join(names), ", ".join(["%s"] * len(names))), *values))


def keys_sent(engine: Engine) -> list[int]:
    """The keys of all messages that lie in the queue."""
    return [message.key for message in engine.drain()]


@pytest.mark.parametrize("shards", [1, 4])
def test_a_rate_is_one_budget(engine: Engine, shards: int) -> None:
    """However many daemons and shards work on a job, together they send no more per second than its rate."""
    engine.add_retries(240)
    job = add_paced(engine, shards=shards, rate=100)
    for _ in range(2):
        engine.start()
    engine.wait_status(job, "done")
    assert engine.value(ABOVE, [job], 100) == 0
    assert Counter(range(1, 241)) == Counter(message.key for message in engine.drain())


def test_a_slow_job_holds_nothing_between_its_records(engine: Engine) -> None:
    """A job whose next record is due in more than a second is parked: it has no owner, and why has the reason."""
    engine.add_retries(3)
    job = add_paced(engine, rate=0.01)
    engine.start()
    engine.wait_until("exists (select from pgjobs.shards where sent = 1 and owner is null and due_at is not null)")
    assert "its rate allows the next record" in engine.value("select pgjobs.why(%s)", job)
    set_on(engine, job, rate=None)
    engine.wait_status(job, "done")
    assert [1, 2, 3] == [message.key for message in engine.drain()]


@pytest.mark.parametrize("shards", [1, 3])
def test_no_more_than_the_backlog_lies_in_the_queue(engine: Engine, shards: int) -> None:
    """While nobody consumes, a job publishes up to its max_backlog and is parked then, whatever its window and shards;
    it goes on when the queue is emptied, and nothing is lost."""
    engine.add_retries(300)
    job = add_paced(engine, shards=shards, max_backlog=100)
    engine.start(window=64)
    engine.start(window=64)
    engine.wait_until("exists (select from pgjobs.shards where note like '%%max_backlog is 100%%' and owner is null)")
    engine.wait_until("(select sum(sent) from pgjobs.shards where job_id = %s) between 76 and 100", job)
    engine.wait_until("pgjobs.why(%s) like '%%messages lie ready in its queue%%'", job)
    keys: list[int] = []
    while len(keys) < 300:
        assert engine.value(SENT, job) - len(keys) <= 100
        keys += [message.key for message in engine.drain()]
        engine.wait_until(f"({SENT}) >= %s", job, min(300, len(keys) + 25))
    engine.wait_status(job, "done")
    assert sorted(keys) == list(range(1, 301))


class Crowded(Publisher):
    """The queue of a broker: while its length is asked for, another shard publishes thirty messages."""

    def __init__(self, engine: Engine) -> None:
        super().__init__(Metrics(), 1.0)
        self._engine = engine

    async def messages_ready(self, queue: str) -> int:
        assert queue == self._engine.queue
        self._engine.execute("update pgjobs.shards set sent = sent + 30, considered = considered + 30 where shard = 1")
        return 10


def test_what_is_published_while_the_queue_is_measured_counts(engine: Engine, db: Db) -> None:
    """What another shard publishes while the length of the queue is asked for takes its place in the backlog."""
    engine.add_retries(200)
    job = add_paced(engine, shards=2, max_backlog=100)
    claimed = claim(db, job)
    prepare(db, claimed)

    async def act() -> None:
        control = Control(read_settings(database_url=engine.daemon_url))
        shard = Shard(Claim(**claimed), control, 30.0, boot_seconds())
        pace = Pace(shard, Crowded(engine), lambda: asyncio.sleep(0))  # nothing is read ahead
        records = [(key, b"", None, None, b"x") for key in range(1, 101)]
        admitted = await pace.admit(Window.of(list(records), [None] * 100, 1))
        assert admitted is not None
        assert 100 - 10 - 30 == len(admitted[0].sendable)
        await control.close()

    asyncio.run(act())


def test_a_grant_is_not_used_after_the_stop(engine: Engine) -> None:
    """A record whose turn would come after the stop of its job is not published, though it was granted before."""
    engine.add_retries(9)
    job = add_paced(engine, rate=0.01)
    engine.start()
    engine.wait_until("exists (select from pgjobs.shards where sent = 1 and owner is null and due_at is not null)")
    with engine.database.transaction():
        engine.execute("update pgjobs.paces set next_at = clock_timestamp() + interval '0.9 s'")
        set_on(engine, job, stop_at=engine.value("select clock_timestamp() + interval '0.4 s'"))
    engine.wait_status(job, "done")
    assert [1] == keys_sent(engine)


def test_a_paused_job_goes_on_where_it_was(engine: Engine) -> None:
    """active = false parks a running job without a due time, its status stays, and why says how it goes on; true sends
    the rest, each record once."""
    engine.add_retries(400)
    job = add_paced(engine, shards=2, rate=20)
    engine.start()
    engine.wait_considered(job, 7)
    set_on(engine, job, active=False)
    engine.wait_until("not exists (select from pgjobs.shards where owner is not null or due_at is not null)")
    assert engine.value("select status from xmp_jobs where id = %s", job) == "in progress"
    words = f'it is paused: run "pgjobs resume {job}", or set active = true in SQL'
    assert engine.value("select pgjobs.why(%s)", job) == words
    assert engine.value(SENT, job) < 400
    set_on(engine, job, active=True, rate=None)
    engine.wait_status(job, "done")
    assert sorted(keys_sent(engine)) == list(range(1, 401))


def test_what_is_left_at_the_stop_is_closed(engine: Engine) -> None:
    """From its stop_at on nothing is published: the rest is logged and counted as timed out, and the job is done."""
    engine.add_retries(300)
    job = add_paced(engine, rate=20)
    engine.start()
    engine.wait_considered(job, 7)
    set_on(engine, job, stop_at=engine.value("select clock_timestamp()"))
    engine.wait_status(job, "done")
    sent = keys_sent(engine)
    assert sent == list(range(1, len(sent) + 1))
    assert 7 <= len(sent) < 200
    outcomes = "select sum(records)::bigint from pgjobs.job_outcomes where job_id = %s and code = 'timed_out'"
    assert engine.value(outcomes, job) == 300 - len(sent)
    late = [line for line in engine.log_lines(job) if line.action == "skip"]
    assert [line.error for line in late] == ["Timed out"] * (300 - len(sent))


def test_a_paused_job_is_closed_at_its_stop(engine: Engine) -> None:
    """A job that is paused when its stop_at comes is closed then: nobody has to resume it."""
    engine.add_retries(50)
    job = add_paced(engine, rate=5)
    engine.start()
    engine.wait_considered(job, 1)
    set_on(engine, job, active=False)
    engine.wait_until("not exists (select from pgjobs.shards where owner is not null)")
    sent = engine.value(SENT, job)
    set_on(engine, job, stop_at=engine.value("select clock_timestamp() + interval '1 s'"))
    engine.wait_status(job, "done")
    assert len(keys_sent(engine)) == sent


@pytest.mark.parametrize("shards", [1, 3])
def test_a_canary_is_looked_at(engine: Engine, shards: int) -> None:
    """A job with a canary of 20 sends exactly 20 records and is held with that reason, whatever its shards; a daemon
    that is started anew does not forget it; once it is active again it sends the rest."""
    engine.add_retries(90)
    job = add_paced(engine, shards=shards, budget='{"canary": {"first": 20}}')
    daemon = engine.start()
    engine.wait_until("exists (select from xmp_jobs where not active)")
    daemon.kill()
    engine.start()
    engine.wait_until("not exists (select from pgjobs.shards where owner is not null)")
    assert engine.value(SENT, job) == 20
    assert "its first 20 records are sent" in engine.value("select pgjobs.why(%s)", job)
    set_on(engine, job, active=True)
    engine.wait_status(job, "done")
    assert sorted(keys_sent(engine)) == list(range(1, 91))


def test_too_many_errors_hold_a_job(engine: Engine) -> None:
    """A job whose messages can't be sent is held at the window in which its budget is exceeded, with the numbers; when
    it is resumed its errors are counted anew."""
    engine.execute(
        "create function public.spoilt_records(_job bigint, _shard integer, _after bigint, _end bigint)"
        " returns text language sql stable as $$ select replace($text$select i::bigint as key, i::text as target,"
        " null::text as code, null::text as detail, case when mod(i, 2) = 0 then '' else 'x' end as body"
        " from generate_series(behind + 1, 70) i order by i$text$, 'behind', coalesce(_after, 0)::text) $$"
    )
    engine.execute(
        "insert into xmp_job_types (name, selector, routing_key) values ('spoilt', 'public.spoilt_records', %s)",
        engine.queue,
    )
    job = add_paced(engine, "spoilt", budget='{"errors": 5}')
    engine.start()
    engine.wait_until("exists (select from xmp_jobs where not active)")
    engine.wait_until("not exists (select from pgjobs.shards where owner is not null)")
    held_at = engine.counters(job)
    assert 6 <= held_at.skipped <= 5 + 7
    said = engine.value("select pgjobs.why(%s)", job)
    assert f"{held_at.skipped} records were refused, returned or failed, and its budget.errors allows 5" in said
    set_on(engine, job, active=True)
    engine.wait_until("exists (select from xmp_jobs where not active)")
    assert engine.counters(job).skipped > held_at.skipped
    set_on(engine, job, budget="{}", active=True)
    engine.wait_status(job, "done")


def test_everything_is_held_at_once(engine: Engine) -> None:
    """The kill switch parks what runs and keeps what is due from beginning, with its reason; released, all goes on."""
    engine.add_retries(200)
    running = add_paced(engine, rate=20)
    engine.start()
    engine.wait_considered(running, 7)
    engine.execute("select pgjobs.hold_all('the operator asks')")
    waiting = add_paced(engine)
    engine.wait_until("not exists (select from pgjobs.shards where owner is not null)")
    for job in (running, waiting):
        assert "everything is held" in engine.value("select pgjobs.why(%s)", job)
        assert "the operator asks" in engine.value("select pgjobs.why(%s)", job)
    engine.execute("select pgjobs.release_all()")
    set_on(engine, running, rate=None)
    for job in (running, waiting):
        engine.wait_status(job, "done")
    assert Counter(keys_sent(engine)) == Counter(2 * list(range(1, 201)))
