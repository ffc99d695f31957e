"""Jobs are started, stopped, resumed and handed over; calls of /api are answered; nothing is sent twice."""

import datetime as dt
from collections import Counter

import psycopg
import pytest
from fix_daemon import DaemonProcess, Engine

ERROR = "select error from pgjobs.api_requests where id = %s"


@pytest.mark.parametrize("order", ["asc", "desc"])
@pytest.mark.usefixtures("daemon")
def test_no_second_row_after_a_resume(engine: Engine, order: str) -> None:
    """After a resume no second row of an msisdn goes out, whatever rows and payments came in between."""
    engine.execute(
        "insert into xmp_retries_expired (id, msisdn) select 2 * i, (923000000000 + i %% 90)::text"
        " from generate_series(1, 300) i"
    )
    job = engine.add_stopping_job(70, order=order, never=1)
    engine.wait_status(job, "canceled")
    before = {message.event["msisdn"] for message in engine.drain()}
    considered = engine.counters(job).considered
    assert 70 <= considered < 300
    # Rows of msisdns that were sent come anywhere, rows of the others only where the job has yet to come.
    engine.execute(
        "insert into xmp_retries_expired (id, msisdn) select 2 * i + 1, m from generate_series(-20, 320) i,"
        " lateral (select (923000000000 + (i + 90) %% 90)::text) x (m), pgjobs.shards p"
        " where p.job_id = %s and (m = any (%s) or sign(2 * i + 1 - p.after_key) = %s)",
        job,
        list(before),
        -1 if order == "desc" else 1,
    )
    engine.execute("insert into xmp_transactions (msisdn, result) values ('923000000080', 'retry_paid')")
    engine.set_status(job, "ready")
    engine.wait_status(job, "done")
    after = [message.event["msisdn"] for message in engine.drain()]
    assert len(after) == len(set(after))
    assert before.isdisjoint(after)
    sent_early = "923000000080" in before
    assert {str(923000000000 + i) for i in range(90) if sent_early or i != 80} == before | set(after)
    lines = engine.log_lines(job)
    keys = [line.key for line in lines]
    assert sorted(set(keys), reverse=order == "desc") == keys
    assert Counter(line.msg.decode() for line in lines if line.action == "sent") == Counter([*before, *after])


@pytest.mark.usefixtures("daemon")
def test_stopped_again_and_again(engine: Engine) -> None:
    """A job stopped in many places ends with the same messages and log as one that was left alone."""
    engine.add_retries(200, msisdns=120)
    job = engine.add_stopping_job(20, count=110, offset=5)
    for number in (20, 50, 80):
        engine.wait_status(job, "canceled")
        assert number <= engine.counters(job).considered <= number + 3 * 7
        if number < 80:
            engine.stop_when_considered(job, number + 30)
        engine.set_status(job, "ready")
    engine.wait_status(job, "done")
    undisturbed = engine.add_job("expired", count=110, offset=5)
    engine.wait_status(undisturbed, "done")
    logs = [[(line.key, line.msg, line.error) for line in engine.log_lines(each)] for each in (job, undisturbed)]
    assert logs[0] == logs[1]
    sent: dict[object, list[int]] = {job: [], undisturbed: []}
    for message in engine.drain():
        sent[(message.properties.headers or {})["x-job-id"]].append(message.key)
    assert list(range(6, 116)) == sent[job] == sent[undisturbed]
    events = engine.rows("select to_status from pgjobs.job_events where job_id = %s order by id", job)
    rounds = ["in progress", "canceled", "ready"]
    assert ["canceled", "ready", *rounds * 3, "in progress", "done"] == [event["to_status"] for event in events]


def test_run_at_by_timer(engine: Engine) -> None:
    """A job whose run_at lies ahead starts at that time, although nobody polls or calls."""
    engine.start(poll_seconds=600)
    engine.add_retries(5)
    job = engine.value(
        "insert into xmp_jobs (type, run_at) values ('expired', clock_timestamp() + interval '1.2 s') returning id"
    )
    engine.wait_status(job, "done")
    late = engine.value(
        "select e.at - j.run_at from xmp_jobs j join pgjobs.job_events e on e.job_id = j.id"
        " where j.id = %s and e.to_status = 'in progress'",
        job,
    )
    assert dt.timedelta(0) <= late < dt.timedelta(seconds=60)  # the next poll is 600 s away
    assert 5 == len(engine.drain())


def test_an_inactive_job_waits(engine: Engine, daemon: DaemonProcess) -> None:
    """A job that is not active is held back until it is active again."""
    engine.add_retries(5)
    held = engine.value("insert into xmp_jobs (type, active) values ('expired', false) returning id")
    engine.wait_status(engine.add_job("expired"), "done")
    assert "ready" == engine.value("select status from xmp_jobs where id = %s", held)
    engine.execute("update xmp_jobs set active = true where id = %s", held)
    engine.wait_status(held, "done")
    assert daemon.running


def test_autostart_off(engine: Engine) -> None:
    """Without autostart a job that is due waits until somebody starts or resumes it."""
    engine.start(autostart="false")
    engine.add_retries(50)
    due, asked = engine.add_job("expired"), engine.add_job("expired")
    engine.value("select pgjobs.start_job(%s)", asked)
    engine.wait_status(asked, "done")
    assert "ready" == engine.value("select status from xmp_jobs where id = %s", due)
    engine.stop_when_considered(due, 10)
    engine.value("select pgjobs.start_job(%s)", due)
    engine.wait_status(due, "canceled")
    engine.value("select pgjobs.resume_job(%s)", due)
    engine.wait_status(due, "done")
    assert 50 == engine.counters(due).sent


def test_handed_over_at_sigterm(engine: Engine) -> None:
    """SIGTERM: what is in flight is confirmed and logged, the job handed back, exit code 0; another goes on."""
    first = engine.start(lease_seconds=60)
    engine.add_retries(3000)
    with engine.slowed():
        job = engine.add_job("expired")
        engine.wait_considered(job, 100)
        assert 0 == first.terminate()
    assert "has let go of everything" in first.said
    assert "ready" == engine.value("select status from xmp_jobs where id = %s", job)
    assert 100 <= engine.counters(job).considered < 3000
    assert 0 == engine.value("select count(*) from pgjobs.daemons")
    engine.start(window=500)
    engine.wait_status(job, "done")
    messages = engine.drain()
    assert list(range(1, 3001)) == [message.key for message in messages]
    assert not [message for message in messages if message.marked]
    assert list(range(1, 3001)) == [line.key for line in engine.log_lines(job)]
    assert [] == engine.rows("select * from pgjobs.job_uncertain where job_id = %s", job)


def test_sigterm_of_an_idle_daemon(engine: Engine, daemon: DaemonProcess) -> None:
    """A daemon with nothing to do ends at once and with exit code 0."""
    assert 0 == daemon.terminate()
    assert engine.value("select count(*) from pgjobs.daemons") == 0


def test_two_daemons_side_by_side(engine: Engine) -> None:
    """Two daemons share the jobs; each job runs once, in order."""
    daemons = [engine.start(max_running=1), engine.start(max_running=1)]
    engine.add_retries(300)
    jobs = [engine.add_job("expired") for _ in range(6)]
    for job in jobs:
        engine.wait_status(job, "done")
    messages: dict[object, list[int]] = {job: [] for job in jobs}
    for message in engine.drain():
        messages[(message.properties.headers or {})["x-job-id"]].append(message.key)
        assert not message.marked
    for job in jobs:
        assert list(range(1, 301)) == messages[job] == [line.key for line in engine.log_lines(job)]
        taken = [daemon for daemon in daemons if f"job {job}, shard 0, epoch 1: taken" in daemon.said]
        assert 1 == len(taken)
    assert all("epoch 1: taken" in daemon.said for daemon in daemons)


def test_shards_on_two_daemons(engine: Engine) -> None:
    """A job cut into shards is worked on by two daemons, and all of them together are the job."""
    daemons = [engine.start(), engine.start()]
    engine.wait_until("count(*) = 2 from pgjobs.daemons")
    engine.add_retries(2000, msisdns=1500)
    job = engine.value("insert into xmp_jobs (type, shards) values ('expired', 4) returning id")
    engine.wait_status(job, "done")
    messages = engine.drain()
    assert 1500 == len(messages) == len({message.event["msisdn"] for message in messages})
    assert set(range(1, 1501)) == {message.key for message in messages}
    lines = engine.log_lines(job)
    assert list(range(1, 2001)) == sorted(line.key for line in lines)
    assert (2000, 1500, 500, 0) == tuple(vars(engine.counters(job)).values())
    assert all(f"job {job}, shard" in daemon.said for daemon in daemons)


def reroute_calls(engine: Engine) -> None:
    """Let calls go to the test's own queue."""
    engine.execute(
        "create function public.reroute() returns trigger language plpgsql as"
        f" $$ begin new.routing_key := '{engine.queue}'; return new; end $$"
    )
    engine.execute(
        "create trigger reroute before insert on pgjobs.api_requests for each row execute function public.reroute()"
    )


def add_subscriptions(engine: Engine) -> None:
    """Twelve subscriptions without a result that are old enough, one too young, one with a result."""
    engine.execute(
        "insert into xmp_subscriptions (id, msisdn, tid, pixel, publisher, paid_hours, keep_days, result, created_at)"
        " select i, 923000000000 + i, 't', 'pix', 'pub', 5, 3, case i when 13 then 'paid' else '' end,"
        " now() - case i when 14 then interval '30 min' else interval '2 h' end from generate_series(1, 14) i"
    )


@pytest.mark.usefixtures("daemon")
def test_call_publishes_suspended_subscriptions(engine: Engine) -> None:
    """A call publishes suspended subscriptions, answers with their number and never shows in job history."""
    reroute_calls(engine)
    add_subscriptions(engine)
    call = engine.value("select pgjobs.request_suspended(1000, 1, interval '30 s')")
    engine.wait_until("pgjobs.api_response(%s) is not null", call)
    assert 12 == engine.value("select pgjobs.api_response(%s)", call)
    messages = engine.drain()
    assert [f"api-{call}-{i}" for i in range(1, 13)] == [m.properties.message_id for m in messages]
    event = messages[0].event
    assert {"created_at", "last_pay_attempt_at"} <= event.keys()
    assert {
        "msisdn": "923000000001", "tid": "t", "subscription_id": 1, "retry_days": 3, "pixel": "pix",
        "publisher": "pub", "paid_hours": 5,
    } == {key: value for key, value in event.items() if not key.endswith("_at")}  # fmt: skip
    assert "application/json" == messages[0].properties.content_type
    assert "pgjobs" == messages[0].properties.app_id
    assert 2 == messages[0].properties.delivery_mode
    assert 0 == engine.value("select count(*) from xmp_jobs")
    assert 0 == engine.value("select count(*) from pgjobs.job_events")


@pytest.mark.parametrize(("limit", "hours", "expected"), [(5, 1, 5), (0, 1, 0), (100, 3, 0), (100, 0, 13)])
@pytest.mark.usefixtures("daemon")
def test_limits_of_a_call(engine: Engine, limit: int, hours: int, expected: int) -> None:
    """A call obeys its limit and its hours, and zero is a number too."""
    reroute_calls(engine)
    add_subscriptions(engine)
    call = engine.value("select pgjobs.request_suspended(%s, %s, interval '30 s')", limit, hours)
    engine.wait_until("pgjobs.api_response(%s) is not null", call)
    assert expected == engine.value("select pgjobs.api_response(%s)", call) == len(engine.drain())


@pytest.mark.usefixtures("daemon")
def test_call_without_its_queue(engine: Engine) -> None:
    """A call whose queue does not exist is answered with a sentence that names the queue."""
    engine.queue = "pgjobs-test-nowhere"
    reroute_calls(engine)
    call = engine.value("select pgjobs.request_suspended(1000, 1, interval '30 s')")
    engine.wait_until("exists (select from pgjobs.api_requests where id = %s and closed_at is not null)", call)
    assert "queue 'pgjobs-test-nowhere'" in engine.value(ERROR, call)


def give_selector(engine: Engine, hours: int, records: str) -> None:
    """Let calls with this number of hours have these records: (key, target, code, detail, body) of a query."""
    engine.execute(
        f"create function public.records_{hours}(_call bigint) returns text language sql stable as"
        f" $f$ select $q$ {records} $q$ $f$"
    )
    engine.execute(
        f"create function public.choose_{hours}() returns trigger language plpgsql as $$ begin"
        f" new.selector := 'public.records_{hours}'; return new; end $$"
    )
    engine.execute(
        f"create trigger choose_{hours} before insert on pgjobs.api_requests for each row"
        f" when ((new.params ->> 'hours')::int = {hours}) execute function public.choose_{hours}()"
    )


# It takes longer than its test, whose daemon breaks it off at the end.
SLOW = "select 1::bigint, ''::bytea, null::text, null::text, '{}'::bytea from pg_sleep(600)"


@pytest.mark.usefixtures("daemon")
def test_a_small_call_is_served_beside_big_ones(engine: Engine) -> None:
    """While three calls take their time a fourth is answered; a fifth beside four is told that the daemon is busy."""
    reroute_calls(engine)
    add_subscriptions(engine)
    give_selector(engine, 77, SLOW)
    ask = "select pgjobs.request_suspended(10, %s, %s::interval)"
    for _ in range(3):
        engine.value(ask, 77, "1 minute")
    engine.wait_until("(select count(*) = 3 from pgjobs.api_requests where owner is not null)")
    small = engine.value(ask, 1, "1 minute")
    engine.wait_until("pgjobs.api_response(%s) is not null", small)
    assert 10 == engine.value("select pgjobs.api_response(%s)", small)
    engine.value(ask, 77, "1 minute")
    engine.wait_until("(select count(*) = 5 from pgjobs.api_requests where owner is not null)")
    late = engine.value(ask, 1, "10 milliseconds")
    engine.wait_until("expires_at < clock_timestamp() from pgjobs.api_requests where id = %s", late)
    with pytest.raises(psycopg.Error, match="the daemons were busy with other calls"):
        engine.value("select pgjobs.api_response(%s)", late)


@pytest.mark.usefixtures("daemon")
def test_a_call_skips_what_is_not_to_be_sent(engine: Engine) -> None:
    """A record with a code, without a body or with one that is too large is neither published nor counted."""
    reroute_calls(engine)
    give_selector(
        engine,
        77,
        "select * from (values (1::bigint, '', null, null, '{\"n\": 1}'), (2, '', 'no_msisdn', null, '{}'),"
        " (3, '', null, null, ''), (4, '', null, null, null), (5, '', null, null, repeat('x', 1048577))) v",
    )
    call = engine.value("select pgjobs.request_suspended(10, 77, interval '30 s')")
    engine.wait_until("pgjobs.api_response(%s) is not null", call)
    assert 1 == engine.value("select pgjobs.api_response(%s)", call)
    assert [b'{"n": 1}'] == [message.body for message in engine.drain()]


def test_an_unknown_failure_ends_one_call_only(engine: Engine, daemon: DaemonProcess) -> None:
    """A call that makes the daemon stumble is closed with a sentence, and the next one is answered."""
    reroute_calls(engine)
    add_subscriptions(engine)
    give_selector(engine, 77, "select 1::bigint, ''::bytea")
    broken = engine.value("select pgjobs.request_suspended(10, 77, interval '30 s')")
    engine.wait_until("closed_at is not null from pgjobs.api_requests where id = %s", broken)
    assert "the daemon failed with this call" in engine.value(
        "select error from pgjobs.api_requests where id = %s", broken
    )
    sound = engine.value("select pgjobs.request_suspended(10, 1, interval '30 s')")
    engine.wait_until("pgjobs.api_response(%s) is not null", sound)
    assert daemon.running


def test_a_daemon_that_ends_tells_its_askers(engine: Engine, daemon: DaemonProcess) -> None:
    """At SIGTERM a call that is under way is closed with a sentence, not left to run out."""
    reroute_calls(engine)
    give_selector(engine, 77, SLOW)
    call = engine.value("select pgjobs.request_suspended(10, 77, interval '1 minute')")
    engine.wait_until("owner is not null from pgjobs.api_requests where id = %s", call)
    assert 0 == daemon.terminate()
    assert "the daemon ended while it published" in engine.value(
        "select error from pgjobs.api_requests where id = %s", call
    )
