"""How an agent ends: it drains when it is asked to, and dies without losing a message."""

import signal

import pytest
from fix_agents import Office
from fix_services import soon

from pgjobs.agents import Item, Result

WAITING = """
import pathlib, sys, threading
from pgjobs.agents import Agent, Result
agent = Agent(amqp_url, "first", reply_queue=replies, threads=1, prefetch=2, drain_seconds={drain})
@agent.handles("Unit", queue=work)
def unit(item):
    item.step("begun")
    while not pathlib.Path("go-on").exists():
        threading.Event().wait(0.01)
    return Result(description="first")
agent.run()
sys.exit(7)
"""
KILLED_BEFORE = """
import os
from pgjobs.agents import Agent, link
link.Link.acknowledge = lambda *_: os.kill(os.getpid(), 9)
agent = Agent(amqp_url, "first", reply_queue=replies)
agent.handles("Unit", queue=work)(lambda item: None)
agent.run()
"""


def second(item: Item) -> Result:
    """What another agent does, which takes over."""
    return Result(description=f"second, maybe duplicate: {item.maybe_duplicate}")


def test_an_agent_that_is_asked_to_end_finishes_what_it_has_begun(office: Office) -> None:
    """At SIGTERM what no thread has begun goes to another agent at once, what has begun is finished and answered, and
    the last beat says that the agent leaves."""
    process = office.process(WAITING.format(drain=60))
    office.send(1, 2)
    office.answered(1)
    assert soon(lambda: office.depth(office.work) == 0)
    process.send_signal(signal.SIGTERM)
    assert soon(lambda: office.consumers() == 0)
    assert soon(lambda: office.depth(office.work) == 1)
    (office.folder / "go-on").touch()
    assert ("12-1", ("good", "SUCCESSFUL", "first")) == (office.answered(2)[1].id, office.answers[1].said)
    assert 7 == process.wait(20)
    assert office.has_beaten(lambda beat: beat["leaving"] is True)
    assert [False, True] == [office.beats[0]["leaving"], office.beats[-1]["leaving"]]
    office.start(second, "second")
    assert "12-2" == office.answered(3)[2].id


@pytest.mark.parametrize(("drain", "signals"), [(0.2, 1), (600, 2)])
def test_a_handler_that_does_not_end(office: Office, drain: float, signals: int) -> None:
    """When the time to drain is over, or at a second signal, the agent ends with its handler unfinished, and the
    message goes to another one."""
    process = office.process(WAITING.format(drain=drain))
    office.send(1)
    office.answered(1)
    process.send_signal(signal.SIGTERM)
    assert soon(lambda: office.consumers() == 0)
    if signals == 2:
        process.send_signal(signal.SIGTERM)
    assert 7 == process.wait(20)
    assert soon(lambda: office.depth(office.work) == 1)
    office.start(second, "second")
    assert ("good", "SUCCESSFUL", "second, maybe duplicate: True") == office.answered(2)[1].said


def test_an_agent_that_is_killed_loses_its_work_to_another(office: Office) -> None:
    """What a killed agent had begun or held comes to another agent, which knows that it may be a duplicate."""
    process = office.process(WAITING.format(drain=60))
    office.send(1, 2)
    office.answered(1)
    assert soon(lambda: office.depth(office.work) == 0)
    process.kill()
    assert soon(lambda: office.consumers() == 0)
    office.start(second, "second")
    done = {answer.id: answer.said for answer in office.answered(3)[1:]}
    assert {f"12-{key}": ("good", "SUCCESSFUL", "second, maybe duplicate: True") for key in (1, 2)} == done


def test_an_answer_is_confirmed_before_its_message_is_acknowledged(office: Office) -> None:
    """An agent that dies between the two has answered, and its message comes to another agent."""
    process = office.process(KILLED_BEFORE)
    office.send(1)
    assert -signal.SIGKILL == process.wait(20)
    assert ["first"] == [answer.body["agent"] for answer in office.answered(1)]
    assert soon(lambda: office.consumers() == 0)
    office.start(second, "second")
    assert ["first", "second"] == [answer.body["agent"] for answer in office.answered(2)]


def test_an_agent_that_is_stopped_before_it_runs(office: Office) -> None:
    """An agent that was asked to end takes nothing."""
    office.send(1)
    agent = office.agent(second)
    agent.stop()
    thread = office.run(agent)
    thread.join(20)
    assert not thread.is_alive()
    assert 1 == office.depth(office.work)
