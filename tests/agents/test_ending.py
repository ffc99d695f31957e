"""How an agent ends: it drains when it is asked to, and dies without losing a message."""

import signal

import pytest
from fix_agents import AgentQueues
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


def test_an_agent_that_is_asked_to_end_finishes_what_it_has_begun(agent_queues: AgentQueues) -> None:
    """At SIGTERM what no thread has begun goes to another agent at once, what has begun is finished and answered, and
    the last beat says that the agent leaves."""
    process = agent_queues.process(WAITING.format(drain=60))
    agent_queues.send(1, 2)
    agent_queues.answered(1)
    assert soon(lambda: agent_queues.depth(agent_queues.work) == 0)
    process.send_signal(signal.SIGTERM)
    assert soon(lambda: agent_queues.consumers() == 0)
    assert soon(lambda: agent_queues.depth(agent_queues.work) == 1)
    (agent_queues.folder / "go-on").touch()
    assert ("12-1", ("good", "SUCCESSFUL", "first")) == (agent_queues.answered(2)[1].id, agent_queues.answers[1].said)
    assert 7 == process.wait(60)
    assert agent_queues.has_beaten(lambda beat: beat["leaving"] is True)
    assert [False, True] == [agent_queues.beats[0]["leaving"], agent_queues.beats[-1]["leaving"]]
    agent_queues.start(second, "second")
    assert "12-2" == agent_queues.answered(3)[2].id


@pytest.mark.parametrize(("drain", "signals"), [(0.2, 1), (600, 2)])
def test_a_handler_that_does_not_end(agent_queues: AgentQueues, drain: float, signals: int) -> None:
    """When the time to drain is over, or at a second signal, the agent ends with its handler unfinished, and the
    message goes to another one."""
    process = agent_queues.process(WAITING.format(drain=drain))
    agent_queues.send(1)
    agent_queues.answered(1)
    process.send_signal(signal.SIGTERM)
    assert soon(lambda: agent_queues.consumers() == 0)
    if signals == 2:
        process.send_signal(signal.SIGTERM)
    assert 7 == process.wait(60)
    assert soon(lambda: agent_queues.depth(agent_queues.work) == 1)
    agent_queues.start(second, "second")
    assert ("good", "SUCCESSFUL", "second, maybe duplicate: True") == agent_queues.answered(2)[1].said


def test_an_agent_that_is_killed_loses_its_work_to_another(agent_queues: AgentQueues) -> None:
    """What a killed agent had begun or held comes to another agent, which knows that it may be a duplicate."""
    process = agent_queues.process(WAITING.format(drain=60))
    agent_queues.send(1, 2)
    agent_queues.answered(1)
    assert soon(lambda: agent_queues.depth(agent_queues.work) == 0)
    process.kill()
    assert soon(lambda: agent_queues.consumers() == 0)
    agent_queues.start(second, "second")
    done = {answer.id: answer.said for answer in agent_queues.answered(3)[1:]}
    assert {f"12-{key}": ("good", "SUCCESSFUL", "second, maybe duplicate: True") for key in (1, 2)} == done


def test_an_answer_is_confirmed_before_its_message_is_acknowledged(agent_queues: AgentQueues) -> None:
    """An agent that dies between the two has answered, and its message comes to another agent."""
    process = agent_queues.process(KILLED_BEFORE)
    agent_queues.send(1)
    assert -signal.SIGKILL == process.wait(60)
    assert ["first"] == [answer.body["agent"] for answer in agent_queues.answered(1)]
    assert soon(lambda: agent_queues.consumers() == 0)
    agent_queues.start(second, "second")
    assert ["first", "second"] == [answer.body["agent"] for answer in agent_queues.answered(2)]


def test_an_agent_that_is_stopped_before_it_runs(agent_queues: AgentQueues) -> None:
    """An agent that was asked to end takes nothing."""
    agent_queues.send(1)
    agent = agent_queues.agent(second)
    agent.stop()
    thread = agent_queues.run(agent)
    thread.join(60)
    assert not thread.is_alive()
    assert soon(lambda: agent_queues.depth(agent_queues.work) == 1)
    agent_queues.read()
    assert [] == agent_queues.answers
