"""What an agent does when queues are missing or full, or the broker is away: it says so, loses nothing, and goes on."""

import contextlib
import threading
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest
from fix_agents import Office
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
def through_proxy(office: Office) -> Iterator[tuple[Proxy, str]]:
    """A proxy in front of the broker, and the address to reach the broker through it."""
    parts = urlsplit(office.amqp_url)
    user = parts.netloc.rpartition("@")[0]
    with Proxy(parts.hostname or "", parts.port or 5672) as proxy:
        yield proxy, parts._replace(netloc=f"{user}@127.0.0.1:{proxy.port}").geturl()


@pytest.mark.parametrize("begins_again", [False, True])
def test_a_queue_of_replies_that_is_missing(
    office: Office, caplog: pytest.LogCaptureFixture, begins_again: bool
) -> None:
    """Without the queue of replies no message is acknowledged: an agent that ends gives it back, and one that stays
    sends its answer once the queue is there, without handling the item again."""
    handled: list[int] = []
    office.delete(office.replies)
    agent = office.start(lambda item: handled.append(item.key))
    office.send(1)
    assert soon(lambda: f"queue {office.replies} takes no answer (312 NO_ROUTE)" in caplog.text)
    assert "stay unacknowledged" in caplog.text
    if begins_again:
        agent.stop()
        agent.stop()
        assert soon(lambda: office.consumers() == 0)
        assert soon(lambda: office.depth(office.work) == 1)
    office.declare(office.replies)
    if begins_again:
        agent = office.start(lambda item: handled.append(item.key), "two")
    office.answered(1)
    assert [1] * (1 + begins_again) == handled
    agent.stop()
    assert soon(office.is_empty)
    assert begins_again or f"queue {office.replies} takes answers again" in caplog.text


def test_a_queue_of_replies_that_is_full(office: Office, caplog: pytest.LogCaptureFixture) -> None:
    """An answer that the broker refuses is sent again until there is room; then its message is acknowledged."""
    office.delete(office.replies)
    office.declare(office.replies, max_length=1, overflow="reject-publish")
    agent = office.start(handle)
    assert soon(lambda: office.depth(office.replies) == 1)
    office.send(1)
    assert soon(lambda: "the broker refused it (nack)" in caplog.text)
    office.answered(1)
    agent.stop()
    assert soon(office.is_empty)


def test_a_step_that_was_refused_comes_before_the_answer(
    office: Office, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While a step has to be sent again, the answer that closes its item waits."""
    monkeypatch.setattr(session, "RESEND_SECONDS", 1)
    go_on = threading.Event()

    def work(item: Item) -> None:
        item.step("one")
        assert go_on.wait(20)

    office.delete(office.replies)
    office.declare(office.replies, max_length=1, overflow="reject-publish")
    office.start(work)
    assert soon(lambda: office.depth(office.replies) == 1)
    office.send(1)
    assert soon(lambda: "the broker refused it (nack)" in caplog.text)
    office.read()
    go_on.set()
    assert ["partial", "good"] == [answer.body["status"] for answer in office.answered(2)]


def test_a_queue_of_work_that_is_missing(office: Office, caplog: pytest.LogCaptureFixture) -> None:
    """An agent whose queue is missing says so, and takes its messages once it is there."""
    office.delete(office.work)
    office.run(office.agent(handle))
    assert soon(lambda: "NOT_FOUND - no queue" in caplog.text)
    office.declare(office.work)
    office.send(1)
    office.answered(1)


def test_a_queue_of_work_that_is_deleted(office: Office, caplog: pytest.LogCaptureFixture) -> None:
    """An agent whose queue is deleted while it waits for messages does not wait for ever."""
    office.start(handle)
    office.delete(office.work)
    assert soon(lambda: "a queue was deleted" in caplog.text)
    office.declare(office.work)
    office.send(1)
    office.answered(1)


def test_a_connection_that_breaks(office: Office) -> None:
    """What an agent held when its connection broke comes again, and is answered on the new connection; the answer of
    the handler that ran meanwhile is dropped."""
    begun, go_on = threading.Semaphore(0), threading.Event()

    def wait(item: Item) -> Result:
        begun.release()
        assert go_on.wait(20)
        return Result(description=str(item.maybe_duplicate))

    with through_proxy(office) as (proxy, url):
        office.start(wait, url=url)
        office.send(1)
        assert begun.acquire(timeout=20)
        proxy.cut()
        assert begun.acquire(timeout=20)
        go_on.set()
        assert ["True"] == [answer.body["description"] for answer in office.answered(1)]
        office.send(2)
        assert ["12-1", "12-2"] == [answer.id for answer in office.answered(2)]


@pytest.mark.parametrize("when", ["before", "idle", "at work"])
def test_an_agent_that_is_asked_to_end_while_the_broker_is_silent(office: Office, when: str) -> None:
    """A broker that accepts and says nothing does not keep an agent from ending, neither at first nor later on."""
    begun, go_on = threading.Event(), threading.Event()

    def wait(_item: Item) -> None:
        begun.set()
        go_on.wait(20)

    with through_proxy(office) as (proxy, url):
        agent = office.agent(wait, url=f"{url}?stack_timeout=600&socket_timeout=600", drain_seconds=0.1)
        if when == "before":
            proxy.stall()
        thread = office.run(agent)
        if when == "before":
            assert soon(lambda: len(proxy.arrivals) > 0)
        else:
            assert soon(lambda: office.consumers() == 1)
            if when == "at work":
                office.send(1)
                assert begun.wait(20)
            proxy.lose()
        agent.stop()
        thread.join(20)
        assert not thread.is_alive()
        go_on.set()


def test_a_connection_that_breaks_while_the_agent_ends(office: Office) -> None:
    """Without its connection an agent has nothing left to finish: it ends at once."""
    begun, go_on = threading.Event(), threading.Event()

    def wait(_item: Item) -> None:
        begun.set()
        go_on.wait(60)

    with through_proxy(office) as (proxy, url):
        agent = office.agent(wait, url=url, drain_seconds=600)
        thread = office.run(agent)
        office.send(1)
        assert begun.wait(20)
        agent.stop()
        assert soon(lambda: office.consumers() == 0)
        proxy.cut()
        thread.join(20)
        assert not thread.is_alive()
        assert soon(lambda: office.depth(office.work) == 1)
        go_on.set()


def test_a_beat_tells_the_trouble_of_the_agent(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever keeps it from working stands in its beats, until it works again."""
    monkeypatch.setattr(session, "BEAT_SECONDS", 0.05)
    troubles = ["no gateway"]
    office.start(lambda _item: None, trouble=lambda: troubles[0])
    assert office.has_beaten(lambda beat: beat.get("trouble") == "no gateway")
    troubles[0] = ""
    assert office.has_beaten(lambda beat: "trouble" not in beat)


def test_an_agent_beats_while_its_handlers_are_at_work(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    """A handler that takes its time holds up neither the beats nor the connection; a beat tells what is held."""
    monkeypatch.setattr(session, "BEAT_SECONDS", 0.05)
    go_on = threading.Event()

    def wait(_item: Item) -> None:
        assert go_on.wait(20)

    office.start(wait, threads=1, prefetch=2, url=f"{office.amqp_url}?heartbeat=1")
    assert office.has_beaten(lambda beat: beat["holds"] == 0 and beat["leaving"] is False)
    office.send(1, 2)
    assert office.has_beaten(lambda beat: beat["holds"] == 2)
    number = len(office.beats)

    def many_more() -> bool:
        office.read()
        return len(office.beats) >= number + 50  # at least 2.5 s

    assert soon(many_more)
    go_on.set()
    assert {"12-1", "12-2"} == {answer.id for answer in office.answered(2)}
    assert {("one", ("Unit",))} == {(beat["agent"], tuple(beat["types"])) for beat in office.beats}
