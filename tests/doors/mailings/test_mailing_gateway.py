"""Mailings through the agent for an HTTP gateway that fails for some recipients, or for all of them."""

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from fix_gateway import OK, Call, SimulatedGateway, says
from fix_mailings import Mailings, in_seconds
from fix_services import soon

from pgjobs.agents import Agent, gateway
from pgjobs.agents.gateway import PATIENCE, Gateway


@contextmanager
def sending(mailings: Mailings, url: str) -> Iterator[None]:
    """An agent that sends the messages, as `pgjobs gateway` starts it."""
    called = Gateway(url, "e30.e30.abc", seconds=5.0)
    agent = Agent(mailings.engine.amqp_url, "gateway 1", reply_queue=mailings.replies, threads=16, drain_seconds=5.0)
    agent.handles("mailing", queue=mailings.engine.queue)(called.send)
    thread = threading.Thread(target=agent.run)
    thread.start()
    try:
        yield
    finally:
        agent.stop()
        thread.join(30)
        called.close()


def add_clients(mailings: Mailings, tag: str, many: int, phones: int) -> None:
    """So many clients with this tag."""
    mailings.engine.execute(
        "insert into pgjobs.entities (id, type, tags, attributes) select 'client-' || %s || n, 'client', array[%s],"
        " jsonb_build_object('phone', (%s + n)::text, 'operator_code', '900', 'timezone', 'UTC')"
        " from generate_series(1, %s) n", tag, tag, phones, many,
    )  # fmt: skip


def test_recipients_who_always_fail_keep_nobody_from_a_message(
    mailings: Mailings, simulated: SimulatedGateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    """More recipients than an agent holds, for whom the gateway always fails, are in front of a mailing that it can
    send: all of that is sent, and nobody is tried more often than the rules of the type say."""
    monkeypatch.setattr(gateway, "PAUSE", 0.1)
    tries: Counter[int] = Counter()

    def answer(call: Call) -> None:
        # The last one of all calls may be another one: they come at once.
        phone = call.said["phone"]
        tries[phone] += 1
        (says(500, b"") if phone < 79000001000 else says(200, OK))(call)

    simulated.answer = answer
    add_clients(mailings, "bad", 40, 79000000000)
    add_clients(mailings, "good", 60, 79000001000)
    bad = mailings.mailing(client_tag_filter="bad")
    mailings.engine.start()
    mailings.engine.wait_until("sum(sent) = 40 from pgjobs.shards where job_id = %s", bad)
    good = mailings.mailing(client_tag_filter="good", end_time=in_seconds(120))
    with sending(mailings, simulated.url):
        mailings.becomes(good, {"SENT": 60})
    assert {"Pending": 40} == mailings.counts(bad)
    assert 60 == sum(tries[phone] for phone in tries if phone > 79000001000)


def test_a_gateway_that_is_down_is_asked_now_and_then(
    mailings: Mailings, simulated: SimulatedGateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While it fails for everybody, messages are tried one after another, each once until the engine gives it out
    again; when it works again, what is left goes out at once."""
    monkeypatch.setattr(gateway, "PAUSE", 0.2)
    simulated.answer = says(503, b"")
    add_clients(mailings, "all", 60, 79000000000)
    mailing = mailings.mailing()
    mailings.engine.start()
    with sending(mailings, simulated.url):
        assert soon(lambda: len(simulated.calls) > PATIENCE + 16 + 5)
        failed = [body["phone"] for _path, _headers, body in list(simulated.calls)]
        assert [1] * len(failed) == list(Counter(failed).values())
        assert len(failed) < 60
        simulated.answer = says(200, OK)
        untried = 60 - len(failed) - 5
        mailings.engine.wait_until(
            "count(*) filter (where status = 's') >= %s from pgjobs.items where job_id = %s", untried, mailing
        )
