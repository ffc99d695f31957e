"""What nobody may do to a job, or to its type, while items of it are open; and the end of a job that broke off."""

from typing import Any

import psycopg
import pytest
from fix_items import Tracked
from fix_rounds import Hand


def refused(tracked: Tracked, call: str, *values: object) -> psycopg.Error:
    """What a statement is refused with."""
    with pytest.raises(psycopg.Error) as caught:
        tracked.engine.execute(call, *values)
    return caught.value


def under_way(tracked: Tracked) -> Hand:
    """A job of four items, two of which are launched."""
    tracked.targets(4)
    hand = Hand(tracked, tracked.add_job())
    hand.announce(2)
    hand.checkpoint(1, 2)
    return hand


def broken_off(tracked: Tracked) -> int:
    """The same, broken off."""
    hand = under_way(tracked)
    tracked.engine.execute("select pgjobs.fail_job(%s, 0, %s, true, 'selection', 'no')", hand.job, hand.epoch)
    assert "error" == tracked.engine.value("select status from xmp_jobs where id = %s", hand.job)
    return hand.job


def source(tracked: Tracked, job: int, which: str) -> str:
    """The state of a job that takes its records from another one."""
    again: dict[str, Any] = tracked.engine.value("select pgjobs.retry_job(%s, %s)", job, which)
    return str(again["params"]["source"])


def test_a_job_that_broke_off_can_be_cancelled(tracked: Tracked) -> None:
    """Each open item of it is closed, the event says it, and nothing resumes it; by hand it can't become canceled."""
    job = broken_off(tracked)
    by_hand = refused(tracked, "update xmp_jobs set status = 'canceled' where id = %s", job)
    assert "can't become canceled, legal next: ready" in str(by_hand)
    tracked.engine.execute("select pgjobs.cancel_job(%s)", job)
    assert {"c": 4} == tracked.statuses(job)
    row = "select status, finish_at is not null as ended from xmp_jobs where id = %s"
    assert [{"status": "canceled", "ended": True}] == tracked.engine.rows(row, job)
    event = (
        "select count(*) from pgjobs.events where job_id = %s and reason like 'cancelled for good: its open items%%'"
    )
    assert 1 == tracked.engine.value(event, job)
    for verb, done in (("start", "started"), ("stop", "stopped"), ("pause", "paused")):
        said = refused(tracked, f"select pgjobs.{verb}_job(%s)", job).diag
        assert f"job {job} is cancelled for good and can't be {done}" == said.message_primary
        assert "insert a new job" == said.message_hint
    assert "cancelled for good" in str(refused(tracked, "select pgjobs.resume_job(%s)", job))
    assert f"job:{job}.unprocessed" == source(tracked, job, "unprocessed")


def test_the_way_of_answers_stays_while_items_are_open(tracked: Tracked) -> None:
    """Another reply queue would strand what is answered on the old one: refused with the job and the remedy, until the
    job has ended for good. So is a change between a queue and agents in SQL."""
    job = under_way(tracked).job
    change = "update xmp_job_types set reply_queue = 'elsewhere' where name = 'tracked'"
    for statement, column in (
        (change, "reply_queue"),
        (change.replace("'elsewhere'", "null"), "reply_queue"),
        ("update xmp_job_types set routing_key = null where name = 'tracked'", "routing_key"),
    ):
        said = refused(tracked, statement).diag
        assert ("PJ409", column) == (said.sqlstate, said.column_name)
        assert f"{column}: job {job} of type tracked has open items" in str(said.message_primary)
        assert f"pgjobs cancel {job}" in str(said.message_hint)
    tracked.engine.execute("update xmp_job_types set routing_key = 'other', retry_limit = 3 where name = 'tracked'")
    tracked.engine.execute("update xmp_jobs set status = 'canceled' where id = %s", job)
    assert f"job {job} of type" in str(refused(tracked, change))
    tracked.engine.execute("update pgjobs.shards set owner = null, lease_until = null where job_id = %s", job)
    tracked.engine.execute("select pgjobs.cancel_job(%s)", job)
    tracked.engine.execute(change)
    # What has ended for good holds nothing else of its type either.
    tracked.engine.execute("update xmp_job_types set tracked = false where name = 'tracked'")


def test_a_first_reply_queue_is_taken_at_any_time(tracked: Tracked) -> None:
    """Where there was none, no answer is under way that it could strand."""
    tracked.rules(reply_queue=None)
    under_way(tracked)
    tracked.rules(reply_queue=tracked.replies)


@pytest.mark.parametrize("state", ["in progress", "canceled", "error"])
def test_what_a_job_can_still_send_is_no_source(tracked: Tracked, state: str) -> None:
    """Both would send its waiting items: refused until it is done or cancelled, also as params of a job."""
    job = broken_off(tracked) if state == "error" else under_way(tracked).job
    if state == "canceled":
        tracked.engine.execute("update xmp_jobs set status = 'canceled' where id = %s", job)
        tracked.engine.execute("update pgjobs.shards set owner = null, lease_until = null where job_id = %s", job)
    insert = "insert into xmp_jobs (type, params) values ('tracked', jsonb_build_object('source', %s::text))"
    remedy = "let it end, or cancel it first" if state == "in progress" else "resume it, or cancel it first"
    for call, value in (("select pgjobs.retry_job(%s, 'unprocessed')", job), (insert, f"job:{job}.unprocessed")):
        said = refused(tracked, call, value).diag
        what = "in error" if state == "error" else state
        words = f"params.source: job {job} is {what} and can still send what it has not processed"
        assert (words, remedy) == (said.message_primary, said.message_hint)
    assert f"job:{job}.sent" == source(tracked, job, "sent")
    tracked.engine.execute("select pgjobs.cancel_job(%s)", job)
    if state == "in progress":
        said = refused(tracked, "select pgjobs.retry_job(%s, 'unprocessed')", job).diag
        assert "its items are just being closed: try again in a moment" == said.message_hint
        tracked.engine.execute("update pgjobs.shards set owner = null, lease_until = null where job_id = %s", job)
        tracked.engine.execute("select pgjobs.close_cancelled(%s)", job)
    assert f"job:{job}.unprocessed" == source(tracked, job, "unprocessed")


def test_the_hint_says_why_a_job_has_no_items(tracked: Tracked) -> None:
    """Not started yet is another thing than cancelled before it started."""
    tracked.targets(2)
    job = tracked.add_job(active=False)
    assert "it has not started yet" == refused(tracked, "select pgjobs.retry_job(%s)", job).diag.message_hint
    tracked.engine.execute("select pgjobs.cancel_job(%s)", job)
    hint = refused(tracked, "select pgjobs.retry_job(%s)", job).diag.message_hint
    assert "it was cancelled before it started: insert a new job" == hint
