"""What meets in an item at the same moment: nothing that is said of it is left behind, and nothing is forgotten.

An answer that waits for somebody else closes its item, and does not see what that one has just written for it.
"""

from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest
from fix_items import Tracked
from fix_rounds import BAD, GOOD, Hand
from fix_services import soon

LEFT = "select (select count(*) from pgjobs.item_retries) + (select count(*) from pgjobs.item_offers)"
REPORT = "select pgjobs.report_items(array[%s], array[%s])"


def overtaken(tracked: Tracked, hand: Hand, first: str, *values: object) -> None:
    """A good answer to item 1, which waits for a session that has done something to it and not committed yet."""
    with (
        tracked.engine.connect() as writing,
        tracked.engine.connect() as answering,
        tracked.engine.connect() as asking,
        ThreadPoolExecutor() as pool,
    ):
        with writing.transaction():
            writing.execute(first.encode(), values)
            answer = pool.submit(answering.execute, REPORT, (f"{hand.job}-1", '{"result": "SUCCESSFUL"}'))
            waits = "select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'"
            assert soon(lambda: bool(asking.execute(waits).rowcount))
        answer.result(60)
    assert "s" == tracked.item(hand.job, 1)["status"]
    assert 1 == tracked.engine.value(LEFT)


def test_a_further_attempt_that_nobody_needs_begins_one_round_at_most(tracked: Tracked) -> None:
    """What is left of it when its round is over goes: otherwise the shard would be due again and again."""
    tracked.rules(retry_limit=1)
    tracked.targets(2)
    hand = Hand(tracked, tracked.add_job())
    hand.announce(2)
    hand.checkpoint(1, 2)
    overtaken(tracked, hand, REPORT, f"{hand.job}-1", '{"result": "ERROR"}')
    assert "waiting" == hand.finish()
    hand.take()
    assert [] == hand.read()
    assert "waiting" == hand.finish()
    assert 0 == tracked.engine.value(LEFT)
    assert tracked.engine.value("select due_at > pgjobs.now() + interval '1 minute' from pgjobs.shards")
    assert {"s": 1, "l": 1} == tracked.statuses(hand.job)


def test_an_offer_that_nobody_needs_ends_with_the_job(tracked: Tracked) -> None:
    """A late answer that comes at the moment of the next launch leaves an offer behind, which goes with the job."""
    tracked.rules(retry_limit=1, routing_key=None)
    tracked.targets(1)
    hand = Hand(tracked, tracked.add_job())
    hand.announce(1)
    hand.checkpoint(1)
    tracked.report((f"{hand.job}-1", BAD))
    assert "waiting" == hand.finish()
    hand.take()
    hand.announce(1)
    lease = "interval '1 hour'"
    overtaken(
        tracked, hand,
        f"select pgjobs.checkpoint_items(%s, 0, %s, {lease}, 1, 1, 1, 0, 0, '[[\"sent\", \"\", 1]]', 0, '', '', '{{}}',"
        " array[1]::bigint[])",
        hand.job, hand.epoch,
    )  # fmt: skip
    assert "done" == hand.finish()
    assert 0 == tracked.engine.value(LEFT)


def test_what_is_closed_in_flight_has_gone_out(tracked: Tracked) -> None:
    """An item that is closed after its window was read was sent all the same: that attempt is counted."""
    tracked.rules(retry_limit=1)
    tracked.targets(5)
    hand = Hand(tracked, tracked.add_job())
    hand.announce(3)
    hand.checkpoint(1, 2, 3)
    tracked.report((f"{hand.job}-1", BAD), (f"{hand.job}-2", BAD), (f"{hand.job}-3", BAD))
    hand.announce(4)
    hand.checkpoint(4)
    hand.announce(5)
    hand.checkpoint(5)
    assert "waiting" == hand.finish()
    hand.take()
    assert [1, 2, 3] == [record["key"] for record in hand.read()]
    # Before the window is announced a good answer to the first attempt closes the item.
    tracked.report((f"{hand.job}-1", GOOD))
    hand.announce(3)
    tracked.engine.execute("select pgjobs.cancel_job(%s)", hand.job)
    tracked.engine.execute("select pgjobs.close_cancelled()")
    hand.checkpoint(1, 2, 3)
    assert {"s": 1, "c": 4} == tracked.statuses(hand.job)
    assert [2, 2, 2, 1, 1] == [tracked.item(hand.job, key)["attempts"] for key in range(1, 6)]


def test_what_is_cancelled_in_its_first_window_has_gone_out(tracked: Tracked) -> None:
    """The same with a first attempt: what was sent is no part of what was never sent."""
    tracked.targets(4)
    hand = Hand(tracked, tracked.add_job())
    hand.announce(2)
    tracked.engine.execute("select pgjobs.cancel_job(%s)", hand.job)
    tracked.engine.execute("select pgjobs.close_cancelled()")
    hand.checkpoint(1, 2)
    assert {"c": 4} == tracked.statuses(hand.job)
    assert [1, 1, 0, 0] == [tracked.item(hand.job, key)["attempts"] for key in range(1, 5)]


def test_items_of_a_job_that_broke_off_go(tracked: Tracked) -> None:
    """After their keep time, with what waits for them; what was open counts as cancelled, and a resume is refused.
    A job that was stopped keeps them."""
    tracked.rules(routing_key=None, retry_limit=1, delay_to_retry="1 day")
    tracked.targets(9)
    jobs = [tracked.add_job(), tracked.add_job()]
    tracked.engine.start()
    for job in jobs:
        tracked.engine.wait_until("(select round_over from pgjobs.shards where job_id = %s)", job)
        tracked.report((f"{job}-1", {"result": "SUCCESSFUL"}), (f"{job}-2", {"result": "ERROR"}))
    broken, stopped = jobs
    tracked.engine.execute("update xmp_jobs set status = 'error' where id = %s", broken)
    tracked.engine.execute("select pgjobs.stop_job(%s)", stopped)
    tracked.engine.wait_until("not exists (select from pgjobs.shards where owner is not null)")
    for job in jobs:
        clear = "select pgjobs.clear_of_job('items', id, finish_at::timestamptz, 1000) from xmp_jobs where id = %s"
        tracked.engine.execute(clear, job)
    assert {"s": 1, "c": 8} == tracked.kept(broken)
    assert {"s": 1, "l": 7, "r": 1} == tracked.statuses(stopped)
    for table in ("items", "item_bodies", "item_offers", "item_retries", "item_launches"):
        rows = tracked.engine.rows(f"select distinct job_id from pgjobs.{table}")  # noqa: S608 names of the test's
        assert [stopped] == [row["job_id"] for row in rows], table
    with pytest.raises(psycopg.Error, match=f"job {broken} can't be resumed: its lines, its items or its log were"):
        tracked.engine.execute("select pgjobs.resume_job(%s)", broken)
    tracked.engine.execute("select pgjobs.cancel_job(%s)", stopped)
    assert {"s": 1, "c": 8} == tracked.statuses(stopped)
