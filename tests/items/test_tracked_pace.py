"""Tracked jobs under way: many shards and daemons, keys that go down, stops, pauses, a rate, and what why says."""

from typing import Any

import pika
import pytest
from fix_items import Tracked
from fix_rounds import BAD, GOOD, settled


def test_answers_time_outs_and_retries_at_once(tracked: Tracked) -> None:
    """Two daemons, four shards: what answers, fails or is silent ends by the rules, and nothing stays open."""
    tracked.rules(retry_limit=3, execution_limit="1 s", delay_to_retry="30 ms")
    tracked.targets(240)
    job = tracked.add_job(shards=4)

    def answer(properties: pika.BasicProperties, body: Any) -> object:
        attempt = int(str(properties.message_id).rpartition("-")[2])
        n = body["n"]
        if n % 16 == 0:
            return None
        if n % 4 == 0:
            return None if attempt % 2 else GOOD
        if n % 5 == 0 and attempt < 3:
            return [BAD]
        return [GOOD, GOOD] if n % 7 == 0 else GOOD

    for _ in range(2):
        tracked.consume(answer)
    for _ in range(2):
        tracked.engine.start()
    found = settled(tracked, job, 4)
    assert 240 == sum(found.values())
    assert {"s", "t"} == found.keys()
    assert 15 <= found["t"]


@pytest.mark.parametrize("shards", [1, 3])
def test_keys_that_go_down(tracked: Tracked, shards: int) -> None:
    """A job from the greatest key on tries again what failed, in the same order, and each item once."""
    tracked.rules(params=["order"], retry_limit=1)
    tracked.targets(60)
    job = tracked.add_job(shards=shards, params={"order": "desc"})
    tracked.consume(lambda seen, body: [BAD] if body["n"] % 4 == 0 and str(seen.message_id).endswith("-1") else GOOD)
    tracked.engine.start()
    assert {"s": 60} == settled(tracked, job, 2)
    assert 75 == len(tracked.engine.log_lines(job))


@pytest.mark.parametrize(("order", "keys"), [("asc", [5, 6, 8, 9]), ("desc", [16, 15, 14, 13])])
def test_a_part_of_the_selection(tracked: Tracked, order: str, keys: list[int]) -> None:
    """Count and offset choose among what can be sent, in the order of the job; the rest are no items."""
    tracked.rules(params=["order", "count", "offset"])
    tracked.targets(20)
    tracked.engine.execute("update public.targets set code = 'not_wanted' where id = 7")
    job = tracked.add_job(params={"order": order, "count": 4, "offset": 4})
    consumer = tracked.consume(lambda _properties, _body: GOOD)
    tracked.engine.start()
    found = settled(tracked, job, 1)
    assert 4 == found["s"]
    assert [f"{job}-{key}" for key in keys] == [seen.correlation_id for seen in consumer.seen]


def test_a_stop_closes_what_is_open(tracked: Tracked) -> None:
    """When the stop of a job comes, items that wait for an answer are closed by time, and the job is done."""
    tracked.targets(20)
    job = tracked.add_job()
    consumer = tracked.consume(lambda _properties, body: GOOD if body["n"] > 5 else None)
    tracked.engine.start()
    tracked.engine.wait_until("(select sum(n) = 15 from pgjobs.item_counts where job_id = %s and status = 's')", job)
    told = "everything is sent: it waits for the outcome of 5 items"
    tracked.engine.wait_until("strpos(pgjobs.why(%s), %s) > 0", job, told)
    tracked.engine.execute("update xmp_jobs set stop_at = pgjobs.now() + interval '200 ms' where id = %s", job)
    assert {"s": 15, "t": 5} == settled(tracked, job, 1)
    assert 20 == len(consumer.seen)


def test_messages_say_when_their_job_stops(tracked: Tracked) -> None:
    """A consumer sees from which moment on it should do nothing of the job; one without a stop says nothing of it."""
    tracked.targets(1)
    consumer = tracked.consume(lambda _properties, _body: GOOD)
    jobs = [tracked.add_job(), tracked.add_job(stop_at="2100-01-02 03:04:05+01")]
    tracked.engine.start()
    for job in jobs:
        tracked.engine.wait_status(job, "done")
    headers = {seen.headers["x-job-id"]: seen.headers.get("x-stop-at") for seen in consumer.seen}
    assert {jobs[0]: None, jobs[1]: "2100-01-02T02:04:05Z"} == headers


def test_a_paused_job_takes_answers(tracked: Tracked) -> None:
    """Paused while it waits: answers count, a further attempt waits for the resume, a stop closes what is left."""
    tracked.rules(retry_limit=1)
    tracked.targets(6)
    job = tracked.add_job()
    tracked.engine.start()
    tracked.engine.wait_until("exists (select from pgjobs.shards where job_id = %s and round_over)", job)
    tracked.engine.execute("select pgjobs.pause_job(%s)", job)
    tracked.report((f"{job}-1", GOOD), (f"{job}-2", BAD))
    assert {"l": 4, "r": 1, "s": 1} == tracked.statuses(job)
    assert "paused" in tracked.engine.value("select pgjobs.why(%s)", job)
    tracked.engine.execute("select pgjobs.resume_job(%s)", job)
    tracked.engine.wait_until("(select attempts = 2 from pgjobs.items where job_id = %s and key = 2)", job)
    tracked.report(*((f"{job}-{n}", GOOD) for n in (2, 3, 4)))
    tracked.engine.execute("select pgjobs.pause_job(%s)", job)
    tracked.engine.execute("update xmp_jobs set stop_at = pgjobs.now() + interval '200 ms' where id = %s", job)
    assert {"s": 4, "t": 2} == settled(tracked, job, 2)


def test_the_kill_switch_holds_further_attempts(tracked: Tracked) -> None:
    """While everything is held answers count and nothing is sent again; afterwards the job goes on by itself."""
    tracked.rules(retry_limit=1)
    tracked.targets(30)
    job = tracked.add_job(shards=2)
    tracked.engine.start()
    tracked.engine.wait_until(
        "(select bool_and(round_over) and count(*) = 2 from pgjobs.shards where job_id = %s)", job
    )
    tracked.engine.execute("select pgjobs.hold_all('a test')")
    tracked.report(*((f"{job}-{n}", BAD if n % 3 == 0 else GOOD) for n in range(1, 31)))
    assert {"s": 20, "r": 10} == tracked.statuses(job)
    assert "a test" in tracked.engine.value("select pgjobs.why(%s)", job)
    tracked.consume(lambda seen, _body: GOOD if str(seen.message_id).endswith("-2") else None)
    tracked.engine.execute("select pgjobs.release_all()")
    assert {"s": 30} == settled(tracked, job, 2)


def test_a_rate_and_a_backlog(tracked: Tracked) -> None:
    """Further attempts keep to the pace of the job as its first ones do, and are accounted for alike."""
    tracked.rules(retry_limit=1)
    tracked.targets(40)
    job = tracked.add_job(shards=2, rate=200, max_backlog=10)
    tracked.consume(lambda seen, body: [BAD] if body["n"] % 2 and str(seen.message_id).endswith("-1") else GOOD)
    tracked.engine.start()
    assert {"s": 40} == settled(tracked, job, 2)
    assert 60 == tracked.engine.counters(job).sent


def test_why_says_that_it_waits_for_answers(tracked: Tracked) -> None:
    """The number of open items is that of now, and the moment that of the next time-out; cancelled is cancelled."""
    tracked.rules(execution_limit="1 hour")
    tracked.targets(9)
    job = tracked.add_job()
    tracked.engine.start()
    tracked.engine.wait_until("exists (select from pgjobs.shards where job_id = %s and round_over)", job)
    for n in range(1, 9):
        tracked.report((f"{job}-{n}", GOOD))
        told = (
            f"everything is sent: it waits for the outcome of {'1 item' if n == 8 else f'{9 - n} items'};"
            " it goes on with an answer, or at "
        )
        # A daemon may just be looking at what was changed.
        tracked.engine.wait_until("starts_with(pgjobs.why(%s), %s)", job, told)
    tracked.engine.execute("select pgjobs.cancel_job(%s)", job)
    assert "it is cancelled for good" == tracked.engine.value("select pgjobs.why(%s)", job)
