"""Answers whose items somebody has locked in an open transaction: they wait, in their order, and nobody else does."""

import json
from collections.abc import Iterator
from typing import Any, LiteralString

import pika
import psycopg
import pytest
from fix_broker import Drain
from fix_daemon import DaemonProcess
from fix_items import Tracked
from fix_rounds import BAD, GOOD

ITEM = "select from pgjobs.items where job_id = %(job)s and key = 1 for update"
ANSWER = "select pgjobs.report_items(array[%(job)s || '-1'], array['{\"status\": \"good\"}'])"
ALL_COUNTERS = (
    "insert into pgjobs.item_counts (job_id, slot, status, n)"
    " select %(job)s, slot, status::\"char\", 0 from generate_series(0, 7) slot, unnest('{w,l,r,s,f,D}'::text[]) status"
    " on conflict (job_id, slot, status) do update set n = item_counts.n"
)


@pytest.fixture
def somebody(tracked: Tracked) -> Iterator[psycopg.Connection[Any]]:
    """A session that is in the midst of a transaction."""
    with tracked.engine.connect() as session:
        session.autocommit = False
        yield session
        session.rollback()


def launched(tracked: Tracked, number: int) -> int:
    """A job whose items are all launched, and not answered yet."""
    job = tracked.add_job()
    tracked.engine.wait_until(
        "(select sum(n) from pgjobs.item_counts where job_id = %s and status = 'l') = %s", job, number
    )
    return job


def told(daemon: DaemonProcess, job: int) -> int:
    """How often it was said that answers of a job are set aside."""
    return daemon.said.count(f"answers of job {job} are set aside")


@pytest.mark.parametrize("statement", [ITEM, ANSWER, ALL_COUNTERS], ids=["item", "answer", "counters"])
def test_a_lock_of_one_job_stops_no_other_one(
    tracked: Tracked, somebody: psycopg.Connection[Any], statement: LiteralString
) -> None:
    """The answers of another job are taken in meanwhile, and what waits is told once and taken in after the commit."""
    tracked.targets(20)
    daemon = tracked.engine.start()
    locked, other = launched(tracked, 20), launched(tracked, 20)
    somebody.execute(statement, {"job": locked})
    tracked.consume(lambda *_: GOOD)
    tracked.engine.wait_status(other, "done")
    daemon.wait_said(f"answers of job {locked} are set aside")
    if statement == ITEM:
        tracked.engine.wait_until(
            "(select sum(n) from pgjobs.item_counts where job_id = %s and status = 's') = 19", locked
        )
    another = tracked.add_job()
    tracked.engine.wait_status(another, "done")
    assert tracked.item(locked, 1)["status"] == "l"
    somebody.commit()
    daemon.wait_said(f"answers of job {locked} are taken in again")
    tracked.engine.wait_status(locked, "done")
    for job in (locked, other, another):
        assert {"s": 20} == tracked.statuses(job)
    tracked.engine.wait_for(lambda: not tracked.queued(), "an empty reply queue")
    assert (1, 0) == (told(daemon, locked), told(daemon, other))
    assert 0 == daemon.terminate()
    # What nobody has acknowledged would be there again.
    assert not tracked.queued()


def test_answers_of_one_item_stay_in_their_order(tracked: Tracked, somebody: psycopg.Connection[Any]) -> None:
    """Behind an answer that waits, so does each that names one of its items, and no other one."""
    tracked.targets(3)
    daemon = tracked.engine.start()
    job = launched(tracked, 3)
    somebody.execute(ITEM, {"job": job})
    messages: list[tuple[str | None, object]] = [
        (None, [{"id": f"{job}-1", **BAD}, {"id": f"{job}-2", **GOOD}]),
        (f"{job}-2", BAD),
        (f"{job}-1", GOOD),
        (f"{job}-3", GOOD),
    ]
    with Drain(tracked.engine.amqp_url) as broker:
        for name, body in messages:
            own = pika.BasicProperties(correlation_id=name)
            broker.channel.basic_publish("", tracked.replies, json.dumps(body).encode(), own)
    daemon.wait_said(f"answers of job {job} are set aside")
    tracked.engine.wait_until("(select status = 's' from pgjobs.items where job_id = %s and key = 3)", job)
    assert ["l", "l", "s"] == [tracked.item(job, key)["status"] for key in (1, 2, 3)]
    somebody.rollback()
    tracked.engine.wait_status(job, "done")
    assert ["f", "s", "s"] == [tracked.item(job, key)["status"] for key in (1, 2, 3)]
    tracked.engine.wait_until("(select sum(n) from pgjobs.item_counts where job_id = %s and status = 'D') = 2", job)


def test_a_message_that_is_to_be_answered_is_no_answer(tracked: Tracked) -> None:
    """What has a reply_to, or the header of a job, is counted and acknowledged, and closes nothing."""
    tracked.targets(2)
    tracked.engine.start()
    job = launched(tracked, 2)
    sent: list[tuple[int, Any]] = [(1, {"reply_to": tracked.replies}), (1, {"headers": {"x-job-id": job}}), (2, {})]
    with Drain(tracked.engine.amqp_url) as broker:
        for key, more in sent:
            own = pika.BasicProperties(correlation_id=f"{job}-{key}", **more)
            broker.channel.basic_publish("", tracked.replies, json.dumps(GOOD).encode(), own)
    tracked.engine.wait_until("(select status = 's' from pgjobs.items where job_id = %s and key = 2)", job)
    tracked.engine.wait_until("(select sum(n) >= 2 from pgjobs.reply_faults)")
    assert ({"s": 1, "l": 1}, {"no_answer": 2}) == (tracked.statuses(job), tracked.faults())
    tracked.engine.wait_for(lambda: not tracked.queued(), "an empty reply queue")
