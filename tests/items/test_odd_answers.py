"""Answers of any kind: many at once are as one after another, and one that is odd costs no other one anything."""

import json
from typing import Any

import pika
import psycopg
import pytest
from fix_broker import Drain
from fix_items import Tracked
from fix_rounds import GOOD, Hand
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

KEYS = 9
RESULTS = ("SUCCESSFUL", "ERROR_PROCESSING", "ERROR_TIMEOUT", "OTHER")
ODD = {
    "nothing": "",
    "no JSON": "good",
    "not a number": "NaN",
    "a number beyond numeric": '{"result": 1e400000}',
    "a character 0": '{"result": "\\u0000"}',
    "half a character": '{"result": "\\ud800"}',
    "nested a million deep": "[" * 1_000_000,
    "nested deep": "[" * 5000 + "]" * 5000,
    "steps that are nested deep": '{"status": "partial", "steps": ' + "[" * 4000 + "]" * 4000 + "}",
    "no object": "[1, null, [], true]",
    "no answer": "[]",
    "a hundred thousand answers": json.dumps([{}] * 100_000),
    "a result that is an object": '{"result": {"a": [1]}}',
    "a result that is a number": '{"result": 12e3}',
    "a status that is no word": '{"status": {"good": true}}',
    "a large step": json.dumps({"status": "partial", "steps": ["x" * 200_000]}),
    "a large agent": json.dumps({"status": "partial", "agent": "a" * 200_000}),
    "a large attempt": '{"attempt": 1e300, "status": "partial"}',
    "an attempt that is no number": '{"attempt": [1], "status": "partial"}',
    "an envelope without an answer": '{"operation": {"response": {"steps": 5}}}',
    "an error alone": '{"error": "Traceback"}',
    "an envelope without a response": '{"operation": {}}',
    "no outcome": '{"result": null, "status": null, "steps": []}',
    "a task that is no task": '{"task_id": null, "status": [], "result": {}}',
}
IDS = (
    "", "1", "1-", "-1", "0-1", "01-1", "1-01", "1--1", " 1-1", "1-1 ", "1-1\n", "1-1-0", "1-1-1-1", "1-1-99999999999",
    "\u0661-\u0661", "\uff11-\uff11", "999999999999999999-1", "9999999999999999999-1", "1-9223372036854775807",
    "1-9223372036854775808", "1-" + 30 * "9", "x" * 255,
)  # fmt: skip


def of_two_rounds(tracked: Tracked) -> Hand:
    """A job with items in every state that an answer can meet in a second round."""
    hand = Hand(tracked, tracked.add_job())
    hand.announce(KEYS)
    hand.checkpoint(*range(1, KEYS + 1))
    tracked.report(*((f"{hand.job}-{key}", {"result": "ERROR_PROCESSING"}) for key in (1, 2, 3, 4)))
    tracked.report(
        (f"{hand.job}-7", GOOD), (f"{hand.job}-8", {"result": "OTHER"}), (f"{hand.job}-9", {"result": "ERROR_TIMEOUT"})
    )
    close(tracked, hand.job, 5)
    assert "waiting" == hand.finish()
    hand.take()
    hand.announce(1)
    hand.checkpoint(1)
    hand.announce(3)
    # By key: launched anew, two in flight, to be retried, out of time, launched, good, failed, given up.
    assert {"l": 2, "r": 3, "t": 2, "s": 1, "f": 1} == tracked.statuses(hand.job)
    return hand


def of_one_round(tracked: Tracked) -> Hand:
    """A job in the midst of its first round."""
    hand = Hand(tracked, tracked.add_job())
    hand.announce(6)
    hand.checkpoint(1, 2, 3)
    close(tracked, hand.job, 2)
    return hand


def close(tracked: Tracked, job: int, key: int) -> None:
    """Close a launched item by time."""
    tracked.engine.execute(
        "update pgjobs.items set status = 't', closed_at = pgjobs.now() where job_id = %s and key = %s", job, key
    )
    tracked.engine.execute("select pgjobs.count_items(%s, 'l', -1), pgjobs.count_items(%s, 't', 1)", job, job)


def state(tracked: Tracked, job: int) -> dict[str, Any]:
    """All that answers have left behind in a job; the counters are equal to a count."""
    items = tracked.engine.rows(
        "select key, status::text, answer::text, attempts, result, description, steps, agent,"
        " acked_at is not null as acked, closed_at is not null as closed"
        " from pgjobs.items where job_id = %s order by key",
        job,
    )
    retries = tracked.engine.rows("select key, attempt from pgjobs.item_retries where job_id = %s order by key", job)
    tracked.statuses(job)
    return {"items": items, "retries": retries, "kept": tracked.kept(job)}


def answer(status: str | None, **rest: object) -> dict[str, object]:
    """An answer without what is None."""
    return {name: value for name, value in {"status": status, **rest}.items() if value is not None}


BODIES = st.builds(
    answer,
    st.sampled_from((None, None, "good", "failed", "failed", "partial", "ack", "odd")),
    result=st.sampled_from((None, *RESULTS)),
    description=st.sampled_from((None, "a", "b")),
    steps=st.sampled_from((None, [], [{"name": "x"}], [1, 2], "odd")),
    attempt=st.sampled_from((None, None, 1, 2, 3, 0, "x")),
    agent=st.sampled_from((None, "a", "b")),
)
SUFFIXES = st.sampled_from(("", "", "-1", "-2", "-3"))
SAID = st.lists(st.tuples(st.integers(0, KEYS + 1), SUFFIXES, BODIES), min_size=1, max_size=3)
MESSAGES = st.lists(
    st.one_of(SAID, st.sampled_from(sorted(ODD)).filter(lambda name: "deep" not in name and "hundred" not in name)),
    min_size=1,
    max_size=10,
)


def message(job: int, said: Any) -> tuple[str | None, str]:
    """A message with these answers, one or several, as the correlation id and the body."""
    if isinstance(said, str):
        return f"{job}-1", ODD[said]
    if len(said) == 1:
        ((key, suffix, body),) = said
        return f"{job}-{key}{suffix}", json.dumps(body)
    return None, json.dumps([{"id": f"{job}-{key}{suffix}", **body} for key, suffix, body in said])


@given(messages=MESSAGES, second=st.booleans())
@settings(
    max_examples=40,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
def test_many_answers_are_the_same_as_one_after_another(tracked: Tracked, messages: list[Any], second: bool) -> None:
    """Whatever comes in one batch: items, counters and faults are those of its answers taken in one by one."""
    if not tracked.engine.value("select count(*) from public.targets"):
        tracked.rules(retry_limit=2, retry_results=["ERROR_PROCESSING", "ERROR"])
        tracked.targets(KEYS)
    found = []
    for apart in (False, True):
        tracked.engine.execute("delete from pgjobs.reply_faults")
        hand = of_two_rounds(tracked) if second else of_one_round(tracked)
        come = [message(hand.job, said) for said in messages]
        for batch in [[one] for one in come] if apart else [come]:
            tracked.report(*batch)
        found.append(state(tracked, hand.job) | {"faults": tracked.faults()})
    assert found[0] == found[1]


@pytest.mark.parametrize("name", ODD)
def test_an_odd_answer_costs_the_others_nothing(tracked: Tracked, name: str) -> None:
    """Answers before and behind it are taken in, what is wrong with it is counted, and nothing fails."""
    tracked.targets(3)
    hand = Hand(tracked, tracked.add_job())
    hand.announce(3)
    hand.checkpoint(1, 2, 3)
    tracked.report((f"{hand.job}-1", GOOD), (f"{hand.job}-2", ODD[name]), (f"{hand.job}-3", GOOD))
    items = {key: tracked.item(hand.job, key) for key in (1, 2, 3)}
    assert ("s", "s") == (items[1]["status"], items[3]["status"])
    taken = items[2]["status"] == "f" or items[2]["acked_at"] is not None
    assert taken or tracked.faults() or name == "no answer"
    assert len(items[2]["agent"] or "") <= 200
    assert len(json.dumps(items[2]["steps"])) <= 65536
    tracked.statuses(hand.job)


def test_ids_that_name_no_item(tracked: Tracked) -> None:
    """Each is counted as unknown, with one of them as a sample; the item next to them is not closed."""
    tracked.targets(2)
    hand = Hand(tracked, tracked.add_job())
    hand.announce(2)
    hand.checkpoint(1, 2)
    other = tracked.add_job()
    untracked = tracked.engine.add_job("expired")
    ids = [
        each for each in (*IDS, f"{hand.job}-3", f"{other}-1", f"{untracked}-1", f"{untracked + 1}-1") if each != "1-1"
    ]
    tracked.report(*((each, GOOD) for each in ids), (f"{hand.job}-2", GOOD))
    assert {"unknown": len(ids)} == tracked.faults()
    assert {"l": 1, "s": 1} == tracked.kept(hand.job)


def test_steps_are_bounded_and_what_is_left_out_is_counted(tracked: Tracked) -> None:
    """However well they can be compressed: those of one answer by their length, and those of many answers together."""
    tracked.targets(2)
    hand = Hand(tracked, tracked.add_job())
    hand.announce(2)
    hand.checkpoint(1, 2)

    def partly(key: int, size: int, **rest: object) -> tuple[str, object]:
        return f"{hand.job}-{key}", {"status": "partial", "steps": ["x" * size], **rest}

    tracked.report(partly(1, 70_000, description="half"), *[partly(2, 40_000)] * 3)
    for number in range(3):
        assert {"too_many_steps": 2 + 2 * number} == tracked.faults()
        assert (None, "half") == (tracked.item(hand.job, 1)["steps"], tracked.item(hand.job, 1)["description"])
        assert ["x" * 40_000] * 2 == tracked.item(hand.job, 2)["steps"]
        tracked.report(partly(2, 10), partly(2, 10))
    tracked.report((f"{hand.job}-2", GOOD | {"steps": ["last"]}))
    assert {"too_many_steps": 9} == tracked.faults()
    assert {"l": 1, "s": 1} == tracked.statuses(hand.job)


def test_as_many_bodies_as_ids(tracked: Tracked) -> None:
    """Answers whose bodies were forgotten are refused as a whole, with a sentence."""
    with pytest.raises(psycopg.Error, match="there are 1 of them, and 2 ids") as caught:
        tracked.engine.execute("select pgjobs.report_items(array['1-1', '1-2'], array['{}'])")
    assert ("PJ400", "bad_bodies") == (caught.value.sqlstate, caught.value.diag.constraint_name)
    assert {} == tracked.faults()


def test_a_thousand_copies_count_once(tracked: Tracked) -> None:
    """Of a good answer and of a late one, in a batch and again: the first counts, the others are repeated."""
    tracked.targets(2)
    hand = Hand(tracked, tracked.add_job())
    hand.announce(2)
    hand.checkpoint(1, 2)
    close(tracked, hand.job, 2)
    for _ in range(2):
        tracked.report(*[(f"{hand.job}-1", GOOD)] * 1000, *[(f"{hand.job}-2", GOOD)] * 500)
    assert {"s": 1, "t": 1, "G": 1, "D": 2998} == tracked.kept(hand.job)


def test_odd_messages_on_the_reply_queue_are_acknowledged(tracked: Tracked) -> None:
    """A daemon takes in what is good among them, and nothing of them is left in the queue."""
    tracked.targets(20)
    job = tracked.add_job()
    with Drain(tracked.engine.amqp_url) as broker:
        ids: list[object] = [*IDS, b"\xff\xfe", "a\0b", f"{job}-1\0", None]
        for each in ids:
            own = pika.BasicProperties(correlation_id=each)
            broker.channel.basic_publish("", tracked.replies, b'{"status": "good"}', own)
        for body in [*(one.encode() for one in ODD.values()), b"\xff", b"\0", b"x" * 1_000_000]:
            own = pika.BasicProperties(correlation_id=f"{job}-21")
            broker.channel.basic_publish("", tracked.replies, body, own)
            for kind in ("agent", b"\xff"):
                own = pika.BasicProperties(type=kind)
                broker.channel.basic_publish("", tracked.replies, body, own)
    tracked.consume(lambda _properties, _body: GOOD)
    daemon = tracked.engine.start()
    tracked.engine.wait_status(job, "done")
    assert {"s": 20} == tracked.statuses(job)
    tracked.engine.wait_for(lambda: not tracked.queued(), "an empty reply queue")
    assert "Traceback" not in daemon.said
    assert 0 == daemon.terminate()
    # What nobody has acknowledged would be there again.
    assert not tracked.queued()
