"""A daemon dies or falls silent in mid-job: nothing is lost, what may be double is known and marked."""

from collections import Counter

import pytest
from fix_daemon import DaemonProcess, Engine, Message, unmarked_copies


def check_takeover(engine: Engine, job: int, messages: list[Message], keys: list[int]) -> Counter[int]:
    """Queue and log of an expired job without duplicates in its data, after its owner was lost; the copies."""
    descending = keys[0] > keys[-1]
    assert keys == [line.key for line in engine.log_lines(job)]
    assert {line.action for line in engine.log_lines(job)} == {"sent"}
    copies = Counter(message.key for message in messages)
    assert set(keys) == set(copies)
    uncertain = engine.uncertain(job, descending=descending)
    assert [key for key, n in copies.items() if n > 1 and not uncertain(key)] == []
    assert [message.key for message in messages if message.marked and not uncertain(message.key)] == []
    assert len(keys) == engine.counters(job).considered
    assert {f"{job}-{key}" for key in keys} == {message.properties.message_id for message in messages}
    return copies


def wait_given_up(engine: Engine, stale: DaemonProcess) -> None:
    """Wait until a stale owner knows that it lost its shard: fenced out, or its question took longer than its lease."""
    ends = ("has taken", "is interrupted")
    engine.wait_for(lambda: any(end in stale.said for end in ends), "the stale owner gives up its shard")


@pytest.mark.parametrize(("order", "window"), [("asc", 7), ("asc", 100), ("desc", 40)])
def test_kill_and_takeover(engine: Engine, order: str, window: int) -> None:
    """kill -9, three times: nothing is missing in queue or log, every second copy is marked and expected."""
    engine.add_retries(2500)
    job = engine.add_job("expired", order=order)
    with engine.slowed(window / 1000):
        for number in (300, 900, 1500):
            daemon = engine.start(window=window, lease_seconds=2)
            engine.wait_considered(job, number)
            daemon.kill()
    assert "in progress" == engine.value("select status from xmp_jobs where id = %s", job)
    engine.start(window=window)
    engine.wait_status(job, "done")
    messages = engine.drain()
    keys = sorted(range(1, 2501), reverse=order == "desc")
    check_takeover(engine, job, messages, keys)
    assert unmarked_copies(messages) == []


def test_kill_of_an_injection_job(engine: Engine) -> None:
    """A daemon killed while it injects: the file may go, its lines are known; one log line per line."""
    content = b"".join(b"92300%07d\n" % i for i in range(1500))
    job = engine.add_job("injection", engine.add_file("crash.csv", content))
    with engine.slowed(0.05):
        daemon = engine.start(window=50, lease_seconds=2)
        engine.wait_considered(job, 300)
        daemon.kill()
    (engine.injections_dir / "crash.csv").unlink()
    engine.start(window=50)
    engine.wait_status(job, "done")
    check_takeover(engine, job, engine.drain(), list(range(1, 1501)))


def test_stop_of_a_job_whose_daemon_died(engine: Engine) -> None:
    """A job canceled after its daemon died resumes where it was, its uncertain range still marked."""
    engine.add_retries(2000)
    job = engine.add_job("expired")
    with engine.slowed(0.1):
        daemon = engine.start(window=100, lease_seconds=2)
        engine.wait_considered(job, 300)
        daemon.kill()
    engine.set_status(job, "canceled")
    engine.set_status(job, "ready")
    engine.start(window=100)
    engine.wait_status(job, "done")
    check_takeover(engine, job, engine.drain(), list(range(1, 2001)))


@pytest.mark.parametrize("order", ["asc", "desc"])
def test_what_was_in_flight_at_a_stopped_job_is_listed(engine: Engine, order: str) -> None:
    """What a killed daemon had published before its checkpoint is listed as soon as the job is stopped, and once: a job
    that is never resumed hides nothing, and one that is resumed tells nothing twice."""
    engine.add_retries(100)
    job = engine.add_job("expired", order=order)
    daemon = engine.start(window=10, lease_seconds=2, fault="after_confirm:3")
    engine.wait_for(lambda: not daemon.running, "the daemon is dead")
    listed = "select shard, epoch, after_key, to_key from pgjobs.job_uncertain where job_id = %s"
    engine.set_status(job, "canceled")
    engine.wait_until(f"exists ({listed})", job)  # when the lease has run out
    before = engine.rows(listed, job)
    assert [1] == [found["epoch"] for found in before]
    uncertain = engine.uncertain(job, descending=order == "desc")
    logged = {line.key for line in engine.log_lines(job)}
    sent = {message.key for message in engine.drain()}
    assert len(sent) > len(logged)
    assert [key for key in sent - logged if not uncertain(key)] == []
    engine.set_status(job, "ready")
    engine.start(window=10)
    engine.wait_status(job, "done")
    assert before == engine.rows(listed, job)


def test_silent_owner_wakes_up(engine: Engine) -> None:
    """An owner that slept past its lease writes nothing more: it is fenced out, its lines go nowhere."""
    engine.add_retries(3000)
    job = engine.add_job("expired")
    with engine.slowed(0.05):
        stale = engine.start(window=50, lease_seconds=2)
        engine.wait_considered(job, 200)
        stale.pause()
    engine.start(window=50)
    engine.wait_status(job, "done")
    log = engine.raw_log(job)
    counters = engine.counters(job)
    stale.go_on()
    wait_given_up(engine, stale)
    later = engine.add_job("expired", dry_run=True, count=1)
    engine.wait_status(later, "done")
    assert stale.running
    assert log == engine.raw_log(job)
    assert counters == engine.counters(job)
    assert "done" == engine.value("select status from xmp_jobs where id = %s", job)
    messages = engine.drain()
    copies = check_takeover(engine, job, messages, list(range(1, 3001)))
    twice = {key for key, n in copies.items() if n > 1}
    assert len(messages) - 3000 <= 2 * 50
    assert twice <= {message.key for message in messages if message.marked}


def test_silent_owner_wakes_up_in_time_of_the_next(engine: Engine) -> None:
    """The stale owner wakes while the new one is at work: the log stays whole, copies stay within the range."""
    engine.add_retries(6000)
    job = engine.add_job("expired")
    with engine.slowed():
        stale = engine.start(window=20, lease_seconds=2)
        engine.wait_considered(job, 200)
        stale.pause()
        engine.start(window=20)
        engine.wait_until(
            "exists (select from pgjobs.shards p where p.job_id = %s and p.epoch = 2 and p.considered > 400)", job
        )
        stale.go_on()
        wait_given_up(engine, stale)
    engine.wait_status(job, "done")
    messages = engine.drain()
    check_takeover(engine, job, messages, list(range(1, 6001)))
    assert len(messages) - 6000 <= 2 * 20
