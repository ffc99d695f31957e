"""Rules of items: those of a job take the place of its type's, and what is changed acts on what was launched before."""

import json
from datetime import UTC, datetime, timedelta

import psycopg
import pytest
from fix_items import Tracked
from fix_rounds import BAD, GOOD, Hand

START = datetime(2028, 5, 1, 12, tzinfo=UTC)
SECONDS = timedelta(seconds=1)
ACK = {"status": "ack"}


def by_hand(tracked: Tracked, number: int, **columns: object) -> Hand:
    """A job over so many targets, by a clock that stands still."""
    clock(tracked, 0)
    tracked.targets(number)
    return Hand(tracked, tracked.add_job(run_at=START, **columns))


def clock(tracked: Tracked, seconds: int) -> None:
    """So many seconds after the start."""
    tracked.engine.execute("select set_config('pgjobs.now', %s, false)", str(START + seconds * SECONDS))


def rule(tracked: Tracked, hand: Hand, where: str, **rules: object) -> None:
    """Set rules of the job, or of its type."""
    if where == "type":
        tracked.rules(**rules)
    else:
        tracked.engine.execute("update xmp_jobs set rules = %s where id = %s", json.dumps(rules), hand.job)


def due(tracked: Tracked, hand: Hand) -> float:
    """So many seconds after the start its shard is due."""
    at = tracked.engine.value("select due_at from pgjobs.shards where job_id = %s", hand.job)
    return float((at - START) / SECONDS)


def launch(hand: Hand, *keys: int) -> None:
    """Launch these, and end the round."""
    hand.announce(keys[-1])
    hand.checkpoint(*keys)
    assert "waiting" == hand.finish()


def look(hand: Hand) -> str:
    """What a daemon does that looks at a shard which waits."""
    hand.take()
    return hand.finish()


@pytest.mark.parametrize("where", ["type", "job"])
def test_a_limit_that_is_set_later_ends_what_is_overdue(tracked: Tracked, where: str) -> None:
    """Launched without a limit: one that is set later counts from the launch, and acts at once on what is over."""
    hand = by_hand(tracked, 3)
    launch(hand, 1, 2, 3)
    assert 600 == due(tracked, hand)
    clock(tracked, 200)
    rule(tracked, hand, where, execution_limit="300 s")
    assert 200 == due(tracked, hand)
    assert "waiting" == look(hand)
    assert 300 == due(tracked, hand)
    assert {"l": 3} == tracked.statuses(hand.job)
    rule(tracked, hand, where, execution_limit="100 s")
    assert 200 == due(tracked, hand)
    assert "done" == look(hand)
    assert {"t": 3} == tracked.statuses(hand.job)


@pytest.mark.parametrize("where", ["type", "job"])
def test_a_limit_that_is_raised_gives_more_time(tracked: Tracked, where: str) -> None:
    """What was launched under a short limit has the longer one, and without one it waits for ever."""
    tracked.rules(execution_limit="60 s")
    hand = by_hand(tracked, 3)
    launch(hand, 1, 2, 3)
    assert 60 == due(tracked, hand)
    clock(tracked, 30)
    rule(tracked, hand, where, execution_limit="300 s")
    clock(tracked, 61)
    assert "waiting" == look(hand)
    assert 300 == due(tracked, hand)
    assert {"l": 3} == tracked.statuses(hand.job)
    rule(tracked, hand, where, execution_limit=None)
    clock(tracked, 400)
    assert "waiting" == look(hand)
    assert 1000 == due(tracked, hand)
    assert {"l": 3} == tracked.statuses(hand.job)


def test_an_acknowledgement_counts_under_a_limit_that_is_set_later(tracked: Tracked) -> None:
    """ack_limit ends what nobody has acknowledged; the rest has the time of execution_limit, even a later one."""
    hand = by_hand(tracked, 3)
    launch(hand, 1, 2, 3)
    tracked.report((f"{hand.job}-2", ACK))
    clock(tracked, 50)
    rule(tracked, hand, "job", ack_limit="20 s")
    assert "waiting" == look(hand)
    assert {"t": 2, "l": 1} == tracked.statuses(hand.job)
    assert 650 == due(tracked, hand)
    rule(tracked, hand, "job", ack_limit="20 s", execution_limit="90 s")
    assert "waiting" == look(hand)
    assert 90 == due(tracked, hand)
    clock(tracked, 90)
    assert "done" == look(hand)
    assert {"t": 3} == tracked.statuses(hand.job)


def test_a_limit_that_is_set_later_ends_further_attempts(tracked: Tracked) -> None:
    """It counts from the launch of the attempt that is under way, whatever was launched together before."""
    tracked.rules(retry_limit=1)
    hand = by_hand(tracked, 5)
    launch(hand, 1, 2, 3, 4, 5)
    clock(tracked, 100)
    tracked.report((f"{hand.job}-2", BAD), (f"{hand.job}-4", BAD))
    hand.take()
    launch(hand, 2, 4)
    rule(tracked, hand, "job", execution_limit="50 s", retry_limit=0)
    assert "waiting" == look(hand)
    assert {"t": 3, "l": 2} == tracked.statuses(hand.job)
    assert 150 == due(tracked, hand)
    clock(tracked, 150)
    assert "done" == look(hand)
    assert {"t": 5} == tracked.statuses(hand.job)


def test_rules_of_a_job_take_the_place_of_its_types(tracked: Tracked) -> None:
    """Each key for itself: what the job does not say is as the type says, and null takes a limit of the type away."""
    tracked.rules(execution_limit="10 s", retry_limit=3, delay_to_retry="40 s", retry_results=["ERROR_TIMEOUT"])
    rules: dict[str, object] = {"execution_limit": None, "retry_limit": 1, "retry_results": ["ERROR_PROCESSING"]}
    hand = by_hand(tracked, 3, rules=rules)
    launch(hand, 1, 2, 3)
    clock(tracked, 20)
    tracked.report((f"{hand.job}-1", BAD), (f"{hand.job}-2", {"result": "ERROR"}))
    assert {"l": 1, "r": 1, "f": 1} == tracked.statuses(hand.job)
    assert "waiting" == look(hand)
    assert 60 == due(tracked, hand)
    clock(tracked, 60)
    hand.take()
    launch(hand, 1)
    tracked.report((f"{hand.job}-1", BAD), (f"{hand.job}-3", GOOD))
    assert {"f": 2, "s": 1} == tracked.statuses(hand.job)
    again = tracked.engine.value("select (pgjobs.retry_job(%s) ->> 'id')::bigint", hand.job)
    assert rules == tracked.engine.value("select rules from xmp_jobs where id = %s", again)


def test_waits_grow_with_the_attempts(tracked: Tracked) -> None:
    """With a growth of 2 each wait is twice as long as the one before, whether an answer or time has ended the attempt,
    or the answer came before the launch was accounted for; none is longer than an hour."""
    tracked.rules(delay_to_retry="10 s", retry_growth=2, retry_limit=1000, execution_limit="5 s")
    hand = by_hand(tracked, 1)
    now, waits = 0, []
    for attempt in range(1, 12):
        hand.announce(1)
        if attempt == 2:
            tracked.report((f"{hand.job}-1", BAD))
        hand.checkpoint(1)
        assert "waiting" == hand.finish()
        if attempt == 3:
            now += 5
            clock(tracked, now)
            assert "waiting" == look(hand)
        elif attempt != 2:
            tracked.report((f"{hand.job}-1", BAD))
            tracked.engine.execute("select pgjobs.settle_items(array[%s::bigint])", hand.job)
            assert "waiting" == look(hand)
        at = tracked.engine.value("select due_at from pgjobs.item_retries where job_id = %s", hand.job)
        waits.append((at - START) / SECONDS - now)
        now += int(waits[-1])
        clock(tracked, now)
        hand.take()
    assert [10, 20, 40, 80, 160, 320, 640, 1280, 2560, 3600, 3600] == waits


def test_no_result_that_is_listed_is_tried_again(tracked: Tracked) -> None:
    """An empty list of results means that none is tried again, and null that each is."""
    tracked.rules(retry_limit=5)
    hand = by_hand(tracked, 2, rules={"retry_results": []})
    launch(hand, 1, 2)
    tracked.report((f"{hand.job}-1", BAD))
    assert {"l": 1, "f": 1} == tracked.statuses(hand.job)
    tracked.rules(retry_results=[])
    rule(tracked, hand, "job", retry_results=None)
    tracked.report((f"{hand.job}-2", BAD))
    assert {"r": 1, "f": 1} == tracked.statuses(hand.job)


def test_a_change_of_rules_stands_in_the_events(tracked: Tracked) -> None:
    """Who changed them, and to what."""
    hand = by_hand(tracked, 1)
    rule(tracked, hand, "job", retry_limit=2)
    last = "select reason from pgjobs.job_events where job_id = %s order by id desc limit 1"
    assert 'rules = {"retry_limit": 2}' == tracked.engine.value(last, hand.job)


def test_no_launch_is_kept_that_nobody_asks_for(tracked: Tracked) -> None:
    """Launches of further attempts that were answered go with the rounds, all of them with the end of the job."""
    tracked.rules(retry_limit=1000)
    hand = by_hand(tracked, 2)
    launch(hand, 1, 2)
    kept = "select count(*) from pgjobs.item_launches where job_id = %s"
    for _attempt in range(12):
        tracked.report((f"{hand.job}-1", BAD))
        hand.take()
        launch(hand, 1)
    # The first launch of both, and the last one of the one that is open; no one goes in the round in which it came.
    assert tracked.engine.value(kept, hand.job) <= 3
    tracked.report((f"{hand.job}-1", GOOD), (f"{hand.job}-2", GOOD))
    assert "done" == look(hand)
    assert 0 == tracked.engine.value(kept, hand.job)


def test_a_type_says_with_which_items_a_job_has_failed(tracked: Tracked) -> None:
    """Done is done; whether it counts as failed depends on any item that is not good, on all, or on none of them."""
    asked = "select pgjobs.has_failed(%s)"
    shown = "select pgjobs.show_job(%s) #> '{items,has_failed}'"
    tracked.targets(2)
    clock(tracked, 0)
    jobs = []
    for answers in ((GOOD, GOOD), (GOOD, BAD), (BAD, BAD)):
        hand = Hand(tracked, tracked.add_job(run_at=START))
        launch(hand, 1, 2)
        tracked.rules(fails_with="any")
        assert not tracked.engine.value(asked, hand.job)
        tracked.report(*((f"{hand.job}-{key}", answer) for key, answer in enumerate(answers, 1)))
        assert "done" == look(hand)
        jobs.append(hand.job)
    for setting, failed in (("any", [False, True, True]), ("all", [False, False, True]), (None, [False, False, False])):
        tracked.rules(fails_with=setting)
        assert failed == [tracked.engine.value(asked, job) for job in jobs]
        assert [True if each else None for each in failed] == [tracked.engine.value(shown, job) for job in jobs]


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ("fails_with = 'most'", "fails_with: 'most' is unknown"),
        (
            "fails_with = 'any', tracked = false",
            "fails_with: a type that is not tracked has no items that could fail",
        ),
    ],
)
def test_a_wrong_fails_with_is_refused(tracked: Tracked, change: str, sentence: str) -> None:
    """One sentence that names the column."""
    with pytest.raises(psycopg.Error) as caught:
        tracked.engine.execute(f"update xmp_job_types set {change} where name = 'tracked'")  # noqa: S608 - of the test
    said = caught.value.diag
    assert ("PJ400", "fails_with", sentence) == (caught.value.sqlstate, said.column_name, said.message_primary)
