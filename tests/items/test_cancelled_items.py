"""Items of a running job that are closed one by one: counted, sent no more, and what is under way counts as sent."""

import pytest
from fix_items import Tracked
from fix_rounds import BAD, GOOD, Hand

CANCEL = "select pgjobs.cancel_items(%s, %s::bigint[])"


@pytest.fixture
def hand(tracked: Tracked) -> Hand:
    """A job over five targets, claimed."""
    tracked.targets(5)
    return Hand(tracked, tracked.add_job())


def test_what_waits_is_not_sent(tracked: Tracked, hand: Hand) -> None:
    """An item that was not published yet is closed, and the cursor does not give it; unknown keys are passed over."""
    assert 2 == tracked.engine.value(CANCEL, hand.job, [2, 4, 99])
    assert 0 == tracked.engine.value(CANCEL, hand.job, [2, 4])
    assert [1, 3, 5] == [row["key"] for row in hand.read()]
    assert {"w": 3, "c": 2} == tracked.statuses(hand.job)
    item = tracked.item(hand.job, 2)
    assert ("CANCELLED", 0, None) == (item["result"], item["attempts"], item["launched_at"])


def test_what_is_being_sent_counts_as_sent(tracked: Tracked, hand: Hand) -> None:
    """An item that is closed while its window is in flight has had its attempt; a late answer changes nothing."""
    hand.announce(3)
    assert 2 == tracked.engine.value(CANCEL, hand.job, [2, 4])
    hand.checkpoint(1, 2, 3)
    assert {"l": 2, "w": 1, "c": 2} == tracked.statuses(hand.job)
    assert [1, 0] == [tracked.item(hand.job, key)["attempts"] for key in (2, 4)]
    assert tracked.item(hand.job, 2)["launched_at"] is not None
    tracked.report((f"{hand.job}-2", GOOD))
    assert {"l": 2, "w": 1, "c": 2, "G": 1} == tracked.kept(hand.job) | {"G": tracked.kept(hand.job).get("G", 0)}


def test_what_would_be_tried_again_is_not(tracked: Tracked, hand: Hand) -> None:
    """The next attempt of a closed item does not come, and a job whose last open items are closed so ends."""
    tracked.rules(retry_limit=3)
    hand.announce(5)
    hand.checkpoint(1, 2, 3, 4, 5)
    tracked.report((f"{hand.job}-1", BAD), *((f"{hand.job}-{key}", GOOD) for key in (2, 3, 4)))
    assert "waiting" == hand.finish()
    assert 2 == tracked.engine.value(CANCEL, hand.job, [1, 5])
    assert 0 == tracked.engine.value("select count(*) from pgjobs.item_retries")
    tracked.engine.execute("select pgjobs.settle_items()")
    hand.take()
    assert "done" == hand.finish()
    assert {"s": 3, "c": 2} == tracked.statuses(hand.job)
