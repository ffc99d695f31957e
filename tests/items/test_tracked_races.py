"""Between two calls of a daemon that sends items: answers that come early, twice, late, or at the same moment."""

import json
from concurrent.futures import ThreadPoolExecutor

import pytest
from fix_items import Tracked
from fix_rounds import BAD, GOOD, Hand
from fix_services import soon


def by_hand(tracked: Tracked, number: int, **columns: object) -> Hand:
    """A job over so many targets."""
    tracked.rules(params=["order"])
    tracked.targets(number)
    return Hand(tracked, tracked.add_job(**columns))


def waits(tracked: Tracked) -> bool:
    """Whether a session waits for a lock; asked on an own connection, for a thread may use the usual one."""
    with tracked.engine.connect() as asking:
        return bool(
            asking.execute(
                "select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'"
            ).rowcount
        )


@pytest.mark.parametrize("descending", [False, True])
def test_an_early_answer_counts_from_the_checkpoint_on(tracked: Tracked, descending: bool) -> None:
    """Answers to what is in flight are kept until its checkpoint; one to what is not in flight is none of them."""
    hand = by_hand(tracked, 9, params={"order": "desc"} if descending else {})
    keys = list(range(9, 0, -1) if descending else range(1, 10))
    for window in (keys[:3], keys[3:6], keys[6:]):
        hand.announce(window[-1])
        tracked.report(*((f"{hand.job}-{key}", GOOD) for key in (window[0], window[2])))
        if window[2] != keys[-1]:
            tracked.report((f"{hand.job}-{keys[-1]}", GOOD))
        hand.checkpoint(*window)
        statuses = {key: tracked.item(hand.job, key)["status"] for key in window}
        assert {window[0]: "s", window[1]: "l", window[2]: "s"} == statuses
        tracked.statuses(hand.job)
    assert {"not_launched": 2} == tracked.faults()
    assert {"s": 6, "l": 3} == tracked.kept(hand.job)


def test_an_early_answer_of_a_lost_daemon_is_kept(tracked: Tracked) -> None:
    """What a lost daemon had published is in flight until its successor has come to it, and not sent again."""
    hand = by_hand(tracked, 9)
    hand.announce(6)
    hand.lose()
    hand.take()
    # The first window of the successor is shorter than what was in flight.
    hand.announce(3)
    tracked.report(*((f"{hand.job}-{key}", GOOD) for key in range(1, 7)))
    assert {} == tracked.faults()
    assert 6 * ["answered"] + 3 * [None] == [record["code"] for record in hand.read()]
    hand.checkpoint(1, 2, 3)
    hand.announce(9)
    hand.checkpoint(4, 5, 6, 7, 8, 9)
    assert {"s": 6, "l": 3} == tracked.statuses(hand.job)


def test_an_answer_at_the_moment_of_a_further_attempt(tracked: Tracked) -> None:
    """A checkpoint that waits for an answer which is just being taken in sees it, also in a further round."""
    tracked.rules(retry_limit=1)
    hand = by_hand(tracked, 3)
    for attempt in (1, 2):
        hand.announce(3)
        with (
            tracked.engine.connect() as answering,
            tracked.engine.connect() as checkpointing,
            ThreadPoolExecutor() as pool,
        ):
            with answering.transaction():
                reported = [f"{hand.job}-{key}" for key in (1, 2, 3)]
                body = '{"result": "ERROR"}' if attempt == 1 else '{"result": "SUCCESSFUL"}'
                answering.execute("select pgjobs.report_items(%s, %s)", (reported, [body] * 3))
                running = pool.submit(hand.checkpoint, 1, 2, 3, on=checkpointing)
                assert soon(lambda: waits(tracked))
            running.result(60)
        if attempt == 1:
            assert {"r": 3} == tracked.statuses(hand.job)
            assert "waiting" == hand.finish()
            hand.take()
            assert [1, 2, 3] == [record["key"] for record in hand.read()]
    assert {"s": 3} == tracked.statuses(hand.job)
    assert 0 == tracked.engine.value("select count(*) from pgjobs.item_retries")
    assert "done" == hand.finish()


def test_what_is_due_later_is_no_part_of_the_round(tracked: Tracked) -> None:
    """A round accounts for what its windows held: neither a key between nor its answer is taken for a part of it."""
    tracked.rules(retry_limit=1)
    hand = by_hand(tracked, 3)
    hand.announce(3)
    hand.checkpoint(1, 2, 3)
    tracked.report((f"{hand.job}-1", BAD), (f"{hand.job}-3", BAD))
    assert "waiting" == hand.finish()
    hand.take()
    assert [1, 3] == [record["key"] for record in hand.read()]
    hand.announce(3)
    # The second one fails while the others are in flight, and its failure is told twice.
    tracked.report((f"{hand.job}-2", BAD))
    tracked.report((f"{hand.job}-2", BAD))
    hand.checkpoint(1, 3)
    assert {"l": 2, "r": 1, "B": 1} == tracked.kept(hand.job)
    assert {"l": 2, "r": 1} == tracked.statuses(hand.job)
    assert 1 == tracked.item(hand.job, 2)["attempts"]
    tracked.report((f"{hand.job}-1", GOOD), (f"{hand.job}-3", BAD))
    assert "waiting" == hand.finish()
    hand.take()
    assert [2] == [record["key"] for record in hand.read()]
    hand.announce(2)
    hand.checkpoint(2)
    tracked.report((f"{hand.job}-2", GOOD))
    assert {"s": 2, "f": 1} == tracked.statuses(hand.job)
    assert "done" == hand.finish()


@pytest.mark.parametrize("early", [False, True])
def test_an_acknowledgement_is_that_of_one_attempt(tracked: Tracked, early: bool) -> None:
    """Each attempt has to be acknowledged anew, however the one before has ended."""
    tracked.rules(retry_limit=1, ack_limit="1 microsecond", execution_limit="1 hour")
    hand = by_hand(tracked, 1)
    hand.announce(1)
    if early:
        tracked.report((f"{hand.job}-1", {"status": "ack"}), (f"{hand.job}-1", BAD))
        hand.checkpoint(1)
    else:
        hand.checkpoint(1)
        tracked.report((f"{hand.job}-1", {"status": "ack"}))
        tracked.report((f"{hand.job}-1", BAD))
    assert ("r", None) == (tracked.item(hand.job, 1)["status"], tracked.item(hand.job, 1)["acked_at"])
    assert "waiting" == hand.finish()
    hand.take()
    hand.announce(1)
    hand.checkpoint(1)
    assert "waiting" == hand.finish()
    hand.take()
    assert {"t": 1} == tracked.statuses(hand.job)
    assert "done" == hand.finish()


def test_the_last_answer_at_the_moment_of_the_end(tracked: Tracked) -> None:
    """The last answer comes while the shard is ending its round: it is made due, and the job ends."""
    hand = by_hand(tracked, 2)
    hand.announce(2)
    hand.checkpoint(1, 2)
    with (
        tracked.engine.connect() as ending,
        tracked.engine.connect() as settling,
        ThreadPoolExecutor() as pool,
    ):
        with ending.transaction():
            ending.execute("select pgjobs.finish_shard(%s, 0, %s)", (hand.job, hand.epoch))
            ids = [f"{hand.job}-{key}" for key in (1, 2)]
            settling.execute("select pgjobs.report_items(%s, %s)", (ids, [json.dumps(GOOD)] * 2))
            running = pool.submit(settling.execute, "select pgjobs.settle_items(%s)", ([hand.job],))
            assert soon(lambda: waits(tracked))
        running.result(60)
    assert tracked.engine.value("select due_at <= pgjobs.now() from pgjobs.shards where job_id = %s", hand.job)
    hand.take()
    assert "done" == hand.finish()


@pytest.mark.parametrize("answer", [GOOD, BAD])
def test_an_answer_at_the_moment_of_its_time_out(tracked: Tracked, answer: object) -> None:
    """An attempt whose time is over while its answer is being taken in is ended once, and counted once."""
    tracked.rules(retry_limit=1, execution_limit="1 microsecond")
    hand = by_hand(tracked, 2)
    hand.announce(2)
    hand.checkpoint(1, 2)
    assert "waiting" == hand.finish()
    with tracked.engine.connect() as answering, ThreadPoolExecutor() as pool:
        with answering.transaction():
            answering.execute("select pgjobs.report_items(%s, %s)", ([f"{hand.job}-1"], [json.dumps(answer)]))
            running = pool.submit(hand.take)
            assert soon(lambda: waits(tracked))
        running.result(60)
    good = answer == GOOD
    assert ({"s": 1, "r": 1} if good else {"r": 2}) == tracked.statuses(hand.job)
    due = tracked.engine.rows("select key, attempt from pgjobs.item_retries order by key")
    assert [{"key": key, "attempt": 2} for key in ([2] if good else [1, 2])] == due


@pytest.mark.parametrize("launched", [False, True])
@pytest.mark.parametrize("named", ["body", "id"])
def test_an_answer_to_an_earlier_attempt_is_late(tracked: Tracked, named: str, launched: bool) -> None:
    """A failed one counts as late and ends no attempt, a good one closes the item; one without it is of the last."""
    tracked.rules(retry_limit=1)
    hand = by_hand(tracked, 4)
    hand.announce(4)
    hand.checkpoint(1, 2, 3, 4)
    tracked.report(*((f"{hand.job}-{key}", BAD) for key in (1, 2, 3, 4)))
    assert "waiting" == hand.finish()
    hand.take()
    hand.announce(4)
    if launched:
        hand.checkpoint(1, 2, 3, 4)

    def said(key: int, attempt: int, answer: dict[str, str]) -> tuple[str, dict[str, object]]:
        if named == "id":
            return f"{hand.job}-{key}-{attempt}", {**answer}
        return f"{hand.job}-{key}", {**answer, "attempt": attempt}

    # What an earlier attempt has to say on the way says nothing of this one.
    tracked.report(said(1, 1, {"status": "ack", "description": "old"}), said(1, 1, BAD), said(1, 1, BAD))
    tracked.report(said(2, 1, GOOD), said(3, 2, BAD), (f"{hand.job}-4", BAD))
    assert (None, None) == (tracked.item(hand.job, 1)["acked_at"], tracked.item(hand.job, 1)["description"])
    if not launched:
        hand.checkpoint(1, 2, 3, 4)
    assert {"l": 1, "s": 1, "f": 2} == tracked.statuses(hand.job)
    assert 2 == tracked.kept(hand.job)["B"]
    tracked.report(said(1, 2, GOOD))
    assert {"s": 2, "f": 2, "B": 2} == tracked.kept(hand.job)
    assert "done" == hand.finish()
