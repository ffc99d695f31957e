"""What an agent does when queues are missing or full, or the broker is away: it says so, loses nothing, and goes on."""

import contextlib
import threading
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest
from fix_agents import AgentQueues
from fix_services import soon

from pgjobs.agents import Item, Result, link, session
from pgjobs.lab.proxy import Proxy


def handle(_item: Item) -> Result:
    return Result()


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Answers are sent again soon, a silent broker is waited for only while connecting, and beats mend nothing."""
    monkeypatch.setattr(session, "RESEND_SECONDS", 0.05)
    monkeypatch.setattr(session, "LEAVE_SECONDS", 0.2)
    monkeypatch.setattr(link, "CLOSE_SECONDS", 0.2)
    monkeypatch.setattr(link, "OPEN_SECONDS", 600)
    monkeypatch.setattr(session, "BEAT_SECONDS", 600)


@contextlib.contextmanager
def through_proxy(agent_queues: AgentQueues) -> Iterator[tuple[Proxy, str]]:
    """A proxy in front of the broker, and the address to reach the broker through it."""
    parts = urlsplit(agent_queues.amqp_url)
    user = parts.netloc.rpartition("@")[0]
    with Proxy(parts.hostname or "", parts.port or 5672) as proxy:
        yield proxy, parts._replace(netloc=f"{user}@127.0.0.1:{proxy.port}").geturl()


@pytest.mark.parametrize("begins_again", [False, True])
def test_a_queue_of_replies_that_is_missing(
    agent_queues: AgentQueues, caplog: pytest.LogCaptureFixture, begins_again: bool
) -> None:
    """Without the queue of replies no message is acknowledged: an agent that ends gives it back, and one that stays
    sends its answer once the queue is there, without handling the item again."""
    handled: list[int] = []
    agent_queues.delete(agent_queues.replies)
    agent = agent_queues.start(lambda item: handled.append(item.key))
    agent_queues.send(1)
    assert soon(lambda: f"queue {agent_queues.replies} takes no answer (312 NO_ROUTE)" in caplog.text)
    assert "stay unacknowledged" in caplog.text
    if begins_again:
        agent.stop()
        agent.stop()
        assert soon(lambda: agent_queues.consumers() == 0)
        assert soon(lambda: agent_queues.depth(agent_queues.work) == 1)
    agent_queues.declare(agent_queues.replies)
    if begins_again:
        agent = agent_queues.start(lambda item: handled.append(item.key), "two")
    agent_queues.answered(1)
    assert [1] * (1 + begins_again) == handled
    agent.stop()
    assert soon(agent_queues.is_empty)
    assert begins_again or f"queue {agent_queues.replies} takes answers again" in caplog.text


def test_a_queue_of_replies_that_is_full(agent_queues: AgentQueues, caplog: pytest.LogCaptureFixture) -> None:
    """An answer that the broker refuses is sent again until there is room; then its message is acknowledged."""
    agent_queues.delete(agent_queues.replies)
    agent_queues.declare(agent_queues.replies, max_length=1, overflow="reject-publish")
    agent = agent_queues.start(handle)
    assert soon(lambda: agent_queues.depth(agent_queues.replies) == 1)
    agent_queues.send(1)
    assert soon(lambda: "the broker refused it (nack)" in caplog.text)
    agent_queues.answered(1)
    agent.stop()
    assert soon(agent_queues.is_empty)


def test_a_step_that_was_refused_comes_before_the_answer(
    agent_queues: AgentQueues, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While a step has to be sent again, the answer that closes its item waits."""
    monkeypatch.setattr(session, "RESEND_SECONDS", 1)
    go_on = threading.Event()

    def work(item: Item) -> None:
        item.step("one")
        assert go_on.wait(60)

    agent_queues.delete(agent_queues.replies)
    agent_queues.declare(agent_queues.replies, max_length=1, overflow="reject-publish")
    agent_queues.start(work)
    assert soon(lambda: agent_queues.depth(agent_queues.replies) == 1)
    agent_queues.send(1)
    assert soon(lambda: "the broker refused it (nack)" in caplog.text)
    agent_queues.read()
    go_on.set()
    assert ["partial", "good"] == [answer.body["status"] for answer in agent_queues.answered(2)]


def test_a_queue_of_work_that_is_missing(agent_queues: AgentQueues, caplog: pytest.LogCaptureFixture) -> None:
    """An agent whose queue is missing says so, and takes its messages once it is there."""
    agent_queues.delete(agent_queues.work)
    agent_queues.run(agent_queues.agent(handle))
    assert soon(lambda: "NOT_FOUND - no queue" in caplog.text)
    agent_queues.declare(agent_queues.work)
    agent_queues.send(1)
    agent_queues.answered(1)


def test_a_queue_of_work_that_is_deleted(agent_queues: AgentQueues, caplog: pytest.LogCaptureFixture) -> None:
    """An agent whose queue is deleted while it waits for messages does not wait for ever."""
    agent_queues.start(handle)
    agent_queues.delete(agent_queues.work)
    assert soon(lambda: "a queue was deleted" in caplog.text)
    agent_queues.declare(agent_queues.work)
    agent_queues.send(1)
    agent_queues.answered(1)


def test_a_connection_that_breaks(agent_queues: AgentQueues) -> None:
    """What an agent held when its connection broke comes again, and is answered on the new connection; the answer of
    the handler that ran meanwhile is dropped."""
    begun, go_on = threading.Semaphore(0), threading.Event()

    def wait(item: Item) -> Result:
        begun.release()
        assert go_on.wait(60)
        return Result(description=str(item.maybe_duplicate))

    with through_proxy(agent_queues) as (proxy, url):
        agent_queues.start(wait, url=url)
        agent_queues.send(1)
        assert begun.acquire(timeout=60)
        proxy.cut()
        assert begun.acquire(timeout=60)
        go_on.set()
        assert ["True"] == [answer.body["description"] for answer in agent_queues.answered(1)]
        agent_queues.send(2)
        assert ["12-1", "12-2"] == [answer.id for answer in agent_queues.answered(2)]


@pytest.mark.parametrize("when", ["before", "idle", "at work"])
def test_an_agent_that_is_asked_to_end_while_the_broker_is_silent(agent_queues: AgentQueues, when: str) -> None:
    """A broker that accepts and says nothing does not keep an agent from ending, neither at first nor later on."""
    begun, go_on = threading.Event(), threading.Event()

    def wait(_item: Item) -> None:
        begun.set()
        go_on.wait(60)

    with through_proxy(agent_queues) as (proxy, url):
        agent = agent_queues.agent(wait, url=f"{url}?stack_timeout=600&socket_timeout=600", drain_seconds=0.1)
        if when == "before":
            proxy.stall()
        thread = agent_queues.run(agent)
        if when == "before":
            assert soon(lambda: len(proxy.arrivals) > 0)
        else:
            assert soon(lambda: agent_queues.consumers() == 1)
            if when == "at work":
                agent_queues.send(1)
                assert begun.wait(60)
            proxy.lose()
        agent.stop()
        thread.join(60)
        assert not thread.is_alive()
        go_on.set()


def test_a_connection_that_breaks_while_the_agent_ends(agent_queues: AgentQueues) -> None:
    """Without its connection an agent has nothing left to finish: it ends at once."""
    begun, go_on = threading.Event(), threading.Event()

    def wait(_item: Item) -> None:
        begun.set()
        go_on.wait(60)

    with through_proxy(agent_queues) as (proxy, url):
        agent = agent_queues.agent(wait, url=url, drain_seconds=600)
        thread = agent_queues.run(agent)
        agent_queues.send(1)
        assert begun.wait(60)
        agent.stop()
        assert soon(lambda: agent_queues.consumers() == 0)
        proxy.cut()
        thread.join(60)
        assert not thread.is_alive()
        assert soon(lambda: agent_queues.depth(agent_queues.work) == 1)
        go_on.set()


def test_a_beat_tells_the_trouble_of_the_agent(agent_queues: AgentQueues, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever keeps it from working stands in its beats, until it works again."""
    monkeypatch.setattr(session, "BEAT_SECONDS", 0.05)
    troubles = ["no gateway"]
    agent_queues.start(lambda _item: None, trouble=lambda: troubles[0])
    assert agent_queues.has_beaten(lambda beat: beat.get("trouble") == "no gateway")
    troubles[0] = ""
    assert agent_queues.has_beaten(lambda beat: "trouble" not in beat)


def test_an_agent_beats_while_its_handlers_are_at_work(
    agent_queues: AgentQueues, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A handler that takes its time holds up neither the beats nor the connection; a beat tells what is held."""
    monkeypatch.setattr(session, "BEAT_SECONDS", 0.05)
    go_on = threading.Event()

    def wait(_item: Item) -> None:
        assert go_on.wait(60)

    agent_queues.start(wait, threads=1, prefetch=2, url=f"{agent_queues.amqp_url}?heartbeat=1")
    assert agent_queues.has_beaten(lambda beat: beat["holds"] == 0 and beat["leaving"] is False)
    agent_queues.send(1, 2)
    assert agent_queues.has_beaten(lambda beat: beat["holds"] == 2)
    number = len(agent_queues.beats)

    def many_more() -> bool:
        agent_queues.read()
        return len(agent_queues.beats) >= number + 50  # at least 2.5 s

    assert soon(many_more)
    go_on.set()
    assert {"12-1", "12-2"} == {answer.id for answer in agent_queues.answered(2)}
    assert {("one", ("Unit",))} == {(beat["agent"], tuple(beat["types"])) for beat in agent_queues.beats}
