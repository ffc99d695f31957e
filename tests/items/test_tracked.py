"""Tracked jobs: each record is an item that is closed by the answer of a consumer, by time, or by the job's end."""

from typing import Any

import pika
import psycopg
import pytest
from fix_items import Tracked

GOOD = {"result": "SUCCESSFUL"}
NO_ANSWERS: list[object] = [
    b"{",
    b"\xff",
    b"[1]",
    {"error": "Traceback"},
    {"id": "12-1"},
    {"status": "what"},
    b'"\\u0000"',
]


def test_a_job_is_done_when_each_item_is_answered(tracked: Tracked) -> None:
    """Sent once each, answered once each: every item is closed as good, and then the job is done."""
    tracked.targets(50)
    job = tracked.add_job()
    consumer = tracked.consume(lambda _properties, body: GOOD | {"description": f"did {body['n']}"})
    tracked.engine.start()
    tracked.engine.wait_status(job, "done")
    assert {"s": 50} == tracked.statuses(job)
    assert [f"{job}-{n}" for n in range(1, 51)] == sorted(
        (str(seen.correlation_id) for seen in consumer.seen), key=lambda name: int(name.partition("-")[2])
    )
    assert {f"{job}-{n}-1" for n in range(1, 51)} == {seen.message_id for seen in consumer.seen}
    item = tracked.item(job, 7)
    assert (1, "SUCCESSFUL", "did 7") == (item["attempts"], item["result"], item["description"])
    assert {} == tracked.faults()


@pytest.mark.parametrize("shards", [1, 4])
def test_what_fails_is_tried_again_by_the_rules(tracked: Tracked, shards: int) -> None:
    """Every third one fails at first and is good at its second attempt, every fifth one fails for ever."""
    tracked.rules(retry_limit=2)
    tracked.targets(60)
    job = tracked.add_job(shards=shards)
    tries: dict[str, int] = {}

    def answer(properties: pika.BasicProperties, body: Any) -> object:
        name = str(properties.correlation_id)
        tries[name] = tries.get(name, 0) + 1
        bad = body["n"] % 5 == 0 or (body["n"] % 3 == 0 and tries[name] == 1)
        return {"result": "ERROR_PROCESSING"} if bad else GOOD

    tracked.consume(answer)
    tracked.engine.start()
    tracked.engine.wait_status(job, "done")
    assert {"s": 48, "f": 12} == tracked.statuses(job)
    assert 3 == tracked.item(job, 5)["attempts"]
    assert 2 == tracked.item(job, 3)["attempts"]
    assert 1 == tracked.item(job, 1)["attempts"]
    assert 60 + 16 + 2 * 12 == tracked.engine.counters(job).sent == len(tracked.engine.log_lines(job))


def test_what_is_not_answered_is_closed_by_time(tracked: Tracked) -> None:
    """Without an answer the time of each attempt runs out, and the job ends all the same."""
    tracked.rules(execution_limit="2 s", retry_limit=1)
    tracked.targets(20)
    job = tracked.add_job()
    tracked.consume(lambda _properties, body: GOOD if body["n"] % 2 else None)
    tracked.engine.start()
    tracked.engine.wait_status(job, "done")
    assert {"s": 10, "t": 10} == tracked.statuses(job)
    assert (2, "ERROR_TIMEOUT") == (tracked.item(job, 2)["attempts"], tracked.item(job, 2)["result"])
    tracked.report((f"{job}-2", GOOD))
    assert {"s": 10, "t": 10, "G": 1} == tracked.kept(job)


def test_what_is_refused_is_closed_at_once(tracked: Tracked) -> None:
    """A record that its selector refuses, and one that can't be sent, are items that never go out."""
    tracked.targets(10)
    tracked.engine.execute("update public.targets set code = 'not_wanted' where id = 3")
    tracked.engine.execute("update public.targets set body = '' where id = 4")
    job = tracked.add_job()
    tracked.consume(lambda _properties, _body: GOOD)
    tracked.engine.start()
    tracked.engine.wait_status(job, "done")
    assert {"s": 8, "x": 2} == tracked.statuses(job)
    assert ("not_wanted", "empty") == (tracked.item(job, 3)["result"], tracked.item(job, 4)["result"])


def test_answers_that_are_of_no_use_are_counted(tracked: Tracked) -> None:
    """No JSON, no outcome, a repeated answer, steps that are none: each is counted, and hurts nobody."""
    tracked.targets(5)
    job = tracked.add_job()

    def answer(_properties: pika.BasicProperties, body: Any) -> object:
        return [*NO_ANSWERS, GOOD | {"steps": "none"}, GOOD, GOOD] if body["n"] == 1 else GOOD

    tracked.consume(answer)
    tracked.engine.start()
    tracked.engine.wait_status(job, "done")
    tracked.engine.wait_until("(select sum(n) from pgjobs.reply_faults) >= 8")
    tracked.engine.wait_until("(select sum(n) from pgjobs.item_counts where status = 'D') >= 2")
    assert {"s": 5, "D": 2} == tracked.kept(job)
    assert {"no_json": 2, "no_object": 2, "no_outcome": 2, "bad_status": 1, "bad_steps": 1} == tracked.faults()


def test_a_batch_and_a_partial_answer(tracked: Tracked) -> None:
    """An array answers several items; a partial answer adds steps and closes nothing."""
    tracked.targets(3)
    job = tracked.add_job()
    tracked.engine.start()
    tracked.engine.wait_until("(select n = 3 from pgjobs.item_counts where job_id = %s and status = 'l')", job)
    step = {"name": "one", "result": "SUCCESSFUL"}
    tracked.report((f"{job}-1", {"status": "partial", "steps": [step]}))
    assert ("l", [step]) == (tracked.item(job, 1)["status"], tracked.item(job, 1)["steps"])
    tracked.report((None, [{"id": f"{job}-{n}", "result": "SUCCESSFUL", "steps": [step]} for n in (1, 2, 3)]))
    tracked.engine.wait_status(job, "done")
    assert [step, step] == tracked.item(job, 1)["steps"]
    assert {"s": 3} == tracked.statuses(job)


def test_what_was_not_launched_waits_for_a_resume(tracked: Tracked) -> None:
    """A stopped job keeps its open items; resumed, it sends those that were not launched, and each one once."""
    tracked.targets(40)
    job = tracked.add_job()
    consumer = tracked.consume(lambda _properties, _body: GOOD)
    tracked.engine.stop_when_considered(job, 14)
    tracked.engine.start()
    tracked.engine.wait_status(job, "canceled")
    launched = tracked.engine.counters(job).sent
    assert 14 <= launched < 40
    tracked.engine.wait_until("(select count(*) = %s from pgjobs.items where status = 's')", launched)
    assert {"s": launched, "w": 40 - launched} == tracked.statuses(job)
    tracked.engine.execute("select pgjobs.resume_job(%s)", job)
    tracked.engine.wait_status(job, "done")
    assert {"s": 40} == tracked.statuses(job)
    assert 40 == len(consumer.seen)


def test_a_cancelled_job_closes_its_open_items(tracked: Tracked) -> None:
    """Cancelling is final: each open item is closed, late answers are counted apart, and nothing resumes the job."""
    tracked.targets(40)
    job = tracked.add_job()
    tracked.engine.stop_when_considered(job, 14)
    tracked.engine.start()
    tracked.engine.wait_status(job, "canceled")
    tracked.engine.execute("select pgjobs.cancel_job(%s)", job)
    tracked.engine.wait_until("(select closed_at is not null from pgjobs.cancellations where job_id = %s)", job)
    assert {"c": 40} == tracked.statuses(job)
    tracked.report((f"{job}-1", GOOD), (f"{job}-2", {"result": "ERROR"}))
    assert {"c": 40, "G": 1, "B": 1} == tracked.kept(job)
    with pytest.raises(psycopg.Error, match="cancelled for good"):
        tracked.engine.execute("select pgjobs.resume_job(%s)", job)
    with pytest.raises(psycopg.Error, match="cancelled already"):
        tracked.engine.execute("select pgjobs.cancel_job(%s)", job)


def test_an_agent_in_sql_alone(tracked: Tracked) -> None:
    """Items of a type without a route are taken and answered by SQL; who does not answer in time loses them."""
    tracked.rules(routing_key=None)
    tracked.targets(30)
    job = tracked.add_job()
    tracked.engine.start()
    tracked.engine.wait_until("(select count(*) = 30 from pgjobs.item_offers)")
    take = "select * from pgjobs.take_items(%s, 'tracked', %s, %s)"
    lost = tracked.engine.rows(take, "slow", 10, "1 microsecond")
    assert [f"{job}-{n}-1" for n in range(1, 11)] == [row["id"] for row in lost]
    assert ('{"n" : 1}', "dev-1", 1) == (lost[0]["parameters"], lost[0]["target"], lost[0]["attempt"])
    taken = tracked.engine.rows(take, "quick", 100, "1 hour")
    assert {f"{job}-{n}-1" for n in range(1, 31)} == {row["id"] for row in taken}
    assert [] == tracked.engine.rows(take, "late", 100, "1 hour")
    tracked.report(*((row["id"], GOOD) for row in taken))
    tracked.engine.wait_status(job, "done")
    assert {"s": 30} == tracked.statuses(job)
    assert "quick" == tracked.item(job, 1)["agent"]
    assert 0 == tracked.engine.value("select count(*) from pgjobs.item_offers")
    with pytest.raises(psycopg.Error, match="no type whose items are taken by SQL"):
        tracked.engine.rows("select * from pgjobs.take_items('a', 'expired', 1, '1 s')")


def test_only_what_failed_is_tried_again_by_another_job(tracked: Tracked) -> None:
    """A job over what failed in another one: together they have sent everything, and the good ones once."""
    tracked.targets(20)
    job = tracked.add_job()
    mended: list[bool] = []
    tracked.consume(lambda _properties, body: GOOD if mended or body["n"] % 4 else {"result": "ERROR"})
    tracked.engine.start()
    tracked.engine.wait_status(job, "done")
    assert {"s": 15, "f": 5} == tracked.statuses(job)
    mended.append(True)
    again = tracked.engine.value("select (pgjobs.retry_job(%s) ->> 'id')::bigint", job)
    tracked.engine.wait_status(again, "done")
    assert {"s": 5} == tracked.statuses(again)
    keys = tracked.engine.rows("select key from pgjobs.items where job_id = %s order by key", again)
    assert [4, 8, 12, 16, 20] == [row["key"] for row in keys]
    for source, sentence in (
        ("job:0.failed", "there is no job 0"),
        (f"job:{job}.all", "names no records of a job"),
        ("everything", "names no records of a job"),
    ):
        with pytest.raises(psycopg.Error, match=sentence):
            tracked.add_job(params={"source": source})


def test_a_type_without_a_list_of_results_takes_any(tracked: Tracked) -> None:
    """Where a type does not say which results it knows, a result that nobody has heard of closes the item."""
    tracked.targets(1)
    job = tracked.add_job()
    tracked.engine.start()
    tracked.engine.wait_until("(select n = 1 from pgjobs.item_counts where job_id = %s and status = 'l')", job)
    tracked.report((f"{job}-1", {"result": "WHO_KNOWS"}))
    assert {"f": 1} == tracked.statuses(job)
    assert {} == tracked.faults()


def test_an_answer_says_who_gave_it_and_its_result_is_one_of_the_type(tracked: Tracked) -> None:
    """A result that neither the type nor any work has is counted and closes nothing; keys may have nineteen digits."""
    tracked.rules(results=["NO_SIGNAL"])
    most = 9_223_372_036_854_775_807
    tracked.engine.execute(
        "insert into public.targets (id, target, body) values (1, 'a', '{}'), (2, 'b', '{}'), (%s, 'c', '{}')", most
    )
    job = tracked.add_job()
    tracked.engine.start()
    tracked.engine.wait_until("(select n = 3 from pgjobs.item_counts where job_id = %s and status = 'l')", job)
    tracked.report((f"{job}-1", {"result": "WHO_KNOWS"}), (f"{job}-99999999999999999999", GOOD))
    assert {"bad_result": 1, "unknown": 1} == tracked.faults()
    assert {"l": 3} == tracked.statuses(job)
    answers = ((1, "NO_SIGNAL"), (2, "NOT_SUPPORTED"), (most, "SUCCESSFUL"))
    tracked.report(*((f"{job}-{key}", {"result": result, "agent": "unit-1"}) for key, result in answers))
    tracked.engine.wait_status(job, "done")
    assert {"f": 2, "s": 1} == tracked.statuses(job)
    assert "unit-1" == tracked.item(job, most)["agent"]
