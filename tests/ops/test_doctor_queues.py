"""`pgjobs doctor` about the queues of tracked types: answers, consumers, and what Celery would declare."""

from typing import Any

import pytest
from fix_broker import Drain
from fix_doctor import Examine, about
from fix_items import Tracked


def test_a_missing_reply_queue_is_named(tracked: Tracked, examine: Examine) -> None:
    """With its type and what to do; while it is there the finding is a good one."""
    assert ("ok", f"tracked is answered on queue {tracked.replies}") == about(examine(), "replies")[0::2]
    tracked.rules(reply_queue="nowhere")
    found = about(examine(), "replies")
    assert "problem" == found.level
    assert "tracked: no answers are taken from queue 'nowhere': 404 NOT_FOUND" in found.sentence
    assert found.sentence.endswith(", and nothing is sent meanwhile")
    assert "declare the queue, or mend reply_queue" in found.remedy
    tracked.rules(needs_replies=False)
    assert "meanwhile" not in about(examine(), "replies").sentence


def test_work_that_nobody_consumes_is_told(tracked: Tracked, examine: Examine) -> None:
    """A queue of a tracked type without a consumer; with one there is nothing to say."""
    assert f"tracked: nobody consumes queue '{tracked.engine.queue}'" in about(examine(), "agents").sentence
    with Drain(tracked.engine.amqp_url) as broker:
        broker.channel.basic_consume(tracked.engine.queue, lambda *_: None)
        assert [] == [one for one in examine() if one.about == "agents"]


def test_a_type_whose_items_are_taken_by_sql_has_no_route(tracked: Tracked, examine: Examine) -> None:
    """It publishes nothing, so no queue is missing; without a route an untracked type could not even be written."""
    tracked.rules(routing_key=None)
    assert ("ok", "tracked has no route: its items are taken by SQL") in [
        (one.level, one.sentence) for one in examine() if one.about == "routes"
    ]


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ({}, None),
        ({"x-queue-type": "quorum"}, "x-queue-type"),
        ({"x-max-priority": 5}, "x-max-priority"),
        ({"x-dead-letter-exchange": ""}, "x-dead-letter-exchange"),
    ],
    ids=str,
)
def test_a_queue_that_celery_would_refuse(
    tracked: Tracked, examine: Examine, arguments: dict[str, Any], told: str | None
) -> None:
    """The argument that differs is named; other formats may have any queue, and one that is gone is not made."""
    queue = f"{tracked.engine.queue}-celery"
    with Drain(tracked.engine.amqp_url) as broker:
        broker.channel.queue_declare(queue, durable=True, arguments=arguments)
        tracked.rules(routing_key=queue)
        assert [] == [one for one in examine() if one.about == "celery"]
        tracked.rules(format="celery", execution_limit="1 hour")
        found = [one for one in examine() if one.about == "celery"]
        broker.channel.queue_delete(queue)
    assert ([] if told is None else ["warning"]) == [one.level for one in found]
    assert told is None or f"inequivalent arg '{told}'" in found[0].sentence
    assert "404" in about(examine(), "routes").sentence
    assert "404" in about(examine(), "routes").sentence


def test_celery_tasks_that_nobody_would_miss(tracked: Tracked, examine: Examine) -> None:
    """A worker that is killed answers nothing: items without a time-out would stay open for ever."""
    assert [] == [one for one in examine() if one.about == "celery"]
    tracked.rules(format="celery")
    found = about(examine(), "celery")
    assert ("warning", "set execution_limit in xmp_job_types") == (found.level, found.remedy)
    assert "tracked: execution_limit is null" in found.sentence
    tracked.rules(tracked=False)
    assert [] == [one for one in examine() if one.about == "celery"]
