"""What an agent hands to its handler, and what it answers."""

import json
import sys
import threading
from typing import Any

import pytest
from fix_agents import AgentQueues
from fix_services import soon

from pgjobs.agents import Agent, Item, Result


def test_an_answer_names_its_item(agent_queues: AgentQueues) -> None:
    """The handler gets the item of the message; the answer goes to reply_to with the correlation id, persistent, and
    the message is acknowledged."""
    seen: list[Item] = []
    agent = agent_queues.start(seen.append)
    agent_queues.send(5, body=b'{"target": "a"}', attempt=3)
    (answer,) = agent_queues.answered(1)
    assert ("12-5", 2) == (answer.id, answer.properties.delivery_mode)
    assert {"result": "SUCCESSFUL", "status": "good", "agent": "one", "attempt": 3} == answer.body
    (item,) = seen
    assert ("12-5", 12, 5, 3, "Unit") == (item.id, item.job, item.key, item.attempt, item.type)
    assert ({"target": "a"}, b'{"target": "a"}', False) == (item.body, item.raw, item.maybe_duplicate)
    agent.stop()
    assert soon(agent_queues.is_empty)


@pytest.mark.parametrize(
    ("properties", "expected"),
    [
        ({"message_id": "12--5-2", "correlation_id": "12--5"}, (12, -5, 2)),
        ({"message_id": "12-5", "correlation_id": None, "reply_to": None}, (12, 5, 1)),
        ({"message_id": None}, (12, 7, 1)),
        ({"message_id": b"\xff", "type": None}, (12, 7, 1)),
        ({"correlation_id": b"\xff"}, (12, 7, 1)),
    ],
)
def test_ids_in_all_their_forms(
    agent_queues: AgentQueues, properties: dict[str, Any], expected: tuple[int, int, int]
) -> None:
    """A key may be negative; a message of an untracked type has one id, and is answered on the agent's own queue."""
    seen: list[tuple[int, int, int]] = []
    agent_queues.start(lambda item: seen.append((item.job, item.key, item.attempt)))
    agent_queues.send(7, **properties)
    (answer,) = agent_queues.answered(1)
    assert [expected] == seen
    assert "{}-{}".format(*expected[:2]) == answer.id


def test_a_message_that_is_about_no_item(agent_queues: AgentQueues) -> None:
    """A message whose ids name no item goes to the dead letters of its queue, and the next one is handled."""
    agent_queues.start(lambda _item: None)
    agent_queues.send(1, message_id="order 7", correlation_id="12-x")
    # No UTF-8.
    agent_queues.send(1, message_id=b"\xff", correlation_id=b"\xff", type=b"\xff")
    agent_queues.send(2)
    (answer,) = agent_queues.answered(1)
    assert "12-2" == answer.id
    assert soon(lambda: agent_queues.depth(agent_queues.dead) == 2)


def test_steps_go_out_before_the_answer(agent_queues: AgentQueues) -> None:
    """A step and an acceptance are answers of their own, which arrive while the handler is still at work."""
    go_on = threading.Event()

    def handle(item: Item) -> Result:
        item.accept()
        item.step("looked up")
        item.step("charged", result="ERROR", description="no money")
        assert go_on.wait(60)
        return Result("NOT_CHARGED", "no money")

    agent_queues.start(handle)
    agent_queues.send(1)
    accepted, first, second = (answer.body for answer in agent_queues.answered(3))
    go_on.set()
    last = agent_queues.answered(4)[3]
    assert {"status": "ack", "agent": "one", "attempt": 1} == accepted
    assert ["partial", "partial"] == [first["status"], second["status"]]
    steps = [
        {name: step[name] for name in ("name", "result", "description")} for step in first["steps"] + second["steps"]
    ]
    assert [
        {"name": "looked up", "result": "SUCCESSFUL", "description": ""},
        {"name": "charged", "result": "ERROR", "description": "no money"},
    ] == steps
    assert ("failed", "NOT_CHARGED", "no money") == last.said


def explode(_item: Item) -> Result:
    raise KeyError("no such user")


def leave(_item: Item) -> Result:
    sys.exit("bye")


HUGE = "x" * 300_000


@pytest.mark.parametrize(
    ("handler", "said"),
    [
        (lambda _item: None, ("good", "SUCCESSFUL", "")),
        (lambda _item: Result(description="done"), ("good", "SUCCESSFUL", "done")),
        (lambda _item: Result("NOT_FOUND", "nobody"), ("failed", "NOT_FOUND", "nobody")),
        (lambda _item: Result("PARTLY", status="good"), ("good", "PARTLY", "")),
        (lambda _item: Result("SUCCESSFUL", status="failed"), ("failed", "SUCCESSFUL", "")),
        (
            lambda _item: Result(description="a\0b\ud800c \U0001f600"),
            ("good", "SUCCESSFUL", "a�b�c \U0001f600"),
        ),
        (explode, ("failed", "ERROR_PROCESSING", "KeyError: 'no such user'")),
        (leave, ("failed", "ERROR_PROCESSING", "SystemExit: bye")),
        (lambda item: Result(item.body["target"]), ("failed", "ERROR_PROCESSING", "KeyError: 'target'")),
        (lambda _item: Result(description=HUGE), ("failed", "ERROR_PROCESSING", "ValueError: the answer has ")),
        (lambda item: item.step(HUGE[:60_001]), ("failed", "ERROR_PROCESSING", "ValueError: the step has 60102 ")),
        (lambda item: item.step('"' * 30_001), ("failed", "ERROR_PROCESSING", "ValueError: the step has 60")),
        (
            lambda _item: Result(status="partial"),  # type: ignore[arg-type]
            ("failed", "ERROR_PROCESSING", "ValueError: status: 'partial' is no end of the work"),
        ),
        (
            lambda _item: False,
            ("failed", "ERROR_PROCESSING", "TypeError: the handler returned False, which is neither"),
        ),
    ],
)
def test_whatever_a_handler_does_is_answered(
    agent_queues: AgentQueues, handler: Any, said: tuple[str, str, str]
) -> None:
    """What a handler returns or raises becomes one answer, in characters that PostgreSQL stores; the agent works on."""
    agent = agent_queues.start(handler, threads=1)
    agent_queues.send(1, 2)
    answers = agent_queues.answered(2)
    for answer in answers:
        status, result, description = answer.said
        assert said[:2] == (status, result)
        assert description.startswith(said[2])
        assert len(description) < 2100
    agent.stop()
    assert soon(agent_queues.is_empty)


def test_a_body_that_is_no_json(agent_queues: AgentQueues) -> None:
    """The body is read where the handler asks for it: then what is no JSON makes the item fail."""
    agent_queues.start(lambda item: Result(description=str(item.body)))
    agent_queues.send(1, body=b"\xff{")
    (answer,) = agent_queues.answered(1)
    assert ("failed", "ERROR_PROCESSING") == answer.said[:2]


def test_several_types_share_a_queue(agent_queues: AgentQueues) -> None:
    """The type of a message says which handler it is for; one without a handler is answered, not kept."""
    agent = agent_queues.agent(lambda item: Result(description=f"unit {item.type}"))
    agent.handles("Other", queue=agent_queues.work)(lambda item: Result(description=f"other {item.type}"))
    agent_queues.run(agent)
    for key, name in enumerate(("Unit", "Other", "Third", None)):
        agent_queues.send(key, type=name)
    answers = {answer.id: answer.said for answer in agent_queues.answered(4)}
    assert ("good", "SUCCESSFUL", "unit Unit") == answers["12-0"]
    assert ("good", "SUCCESSFUL", "other Other") == answers["12-1"]
    assert ("failed", "NOT_SUPPORTED", "agent one has no handler for type 'Third'") == answers["12-2"]
    assert ("failed", "NOT_SUPPORTED", "agent one has no handler for type ''") == answers["12-3"]


def test_a_queue_of_one_type_needs_no_word_about_it(agent_queues: AgentQueues) -> None:
    """A message without a type is for the only handler of its queue."""
    agent_queues.start(lambda item: Result(description=item.type))
    agent_queues.send(1, type=None)
    assert ("good", "SUCCESSFUL", "Unit") == agent_queues.answered(1)[0].said


def test_a_marked_message_may_be_a_duplicate(agent_queues: AgentQueues) -> None:
    """The header with which the engine marks what it may have sent twice reaches the handler."""
    agent_queues.start(lambda item: Result(description=json.dumps(item.maybe_duplicate)))
    agent_queues.send(1, headers={"x-maybe-duplicate": True})
    assert "true" == agent_queues.answered(1)[0].body["description"]


def test_so_many_handlers_run_at_a_time(agent_queues: AgentQueues) -> None:
    """As many handlers run side by side as there are threads, and no more messages are held than the prefetch says."""
    together = threading.Barrier(3)
    go_on = threading.Event()

    def handle(_item: Item) -> None:
        together.wait(60)
        go_on.wait(60)

    agent_queues.start(handle, threads=2, prefetch=3)
    agent_queues.send(*range(6))
    together.wait(60)
    assert soon(lambda: agent_queues.depth(agent_queues.work) == 3)
    go_on.set()
    # The barrier lets pairs go on with this thread as the third.
    for _ in range(2):
        together.wait(60)
    assert 6 == len(agent_queues.answered(6))


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"name": " "}, "name: it has to have 1 to 200 characters"),
        ({"name": "x" * 201}, "name: it has to have 1 to 200 characters"),
        ({"threads": 0}, "threads: 0 is less than 1"),
        ({"prefetch": 65536}, "prefetch: 65536 is not between 1 and 65535"),
        ({"url": "amqp://agent:secret@host:port"}, "pika can't use this address"),
    ],
)
def test_options_that_can_not_be(options: dict[str, Any], sentence: str) -> None:
    """An agent that could not work is refused with a sentence, which holds no password."""
    given = {"url": "amqp://localhost", "name": "one"} | options
    with pytest.raises(ValueError, match=sentence) as caught:
        Agent(given.pop("url"), given.pop("name"), reply_queue="replies", **given)
    assert "secret" not in str(caught.value)


def test_an_agent_without_a_handler() -> None:
    """An agent that has nothing to do says so, and a second handler for a type of a queue is refused."""
    agent = Agent("amqp://localhost", "one", reply_queue="replies")
    with pytest.raises(ValueError, match="no type has a handler"):
        agent.run()
    agent.handles("Unit", queue="work")(explode)
    with pytest.raises(ValueError, match="type 'Unit' of queue 'work' has a handler already"):
        agent.handles("Unit", queue="work")(leave)
