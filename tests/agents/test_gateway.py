"""The agent for an HTTP gateway, against gateways that answer as they should, badly, slowly, or not at all."""

import http.server
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from fix_agents import AgentQueues
from fix_gateway import OK, SimulatedGateway, says
from fix_services import soon

import pgjobs
from pgjobs.agents import Item, Result
from pgjobs.agents.gateway import PATIENCE, PAUSE, Breaker, Gateway
from pgjobs.errors import SettingsError
from pgjobs.settings import read_settings

TOKEN = "eyJhbGciOiJIUzI1NiJ9.e30.abc"
MESSAGE = {"id": "12-7", "phone": 79001234567, "text": "привет"}


def writes(raw: bytes) -> Callable[[http.server.BaseHTTPRequestHandler], None]:
    """These bytes instead of an answer, and the end."""

    def answer(call: http.server.BaseHTTPRequestHandler) -> None:
        call.wfile.write(raw)
        call.close_connection = True

    return answer


def drips(call: http.server.BaseHTTPRequestHandler) -> None:
    """An answer that never ends, a letter at a time."""
    call.wfile.write(b"HTTP/1.1 200 OK\r\nX-Long: ")
    try:
        while True:
            call.wfile.write(b"x")
            # Each letter comes in time, so that only a limit of the whole answer ends it.
            time.sleep(0.05)
    except OSError:
        call.close_connection = True


def floods(call: http.server.BaseHTTPRequestHandler) -> None:
    """An answer without an end, as fast as possible."""
    call.wfile.write(b"HTTP/1.1 200 OK\r\n\r\n")
    try:
        while True:
            call.wfile.write(b"[" * 65536)
    except OSError:
        call.close_connection = True


def item(*, stop_at: str | None = None, raw: bytes | None = None, job: int = 12, key: int = 7) -> Item:
    """A message of a mailing."""
    body = json.dumps(MESSAGE, ensure_ascii=False).encode() if raw is None else raw
    headers = {"x-stop-at": stop_at} if stop_at else {}
    return Item(f"{job}-{key}", job, key, 1, "mailing", body, headers, False, lambda _answer: None)


def sent(url: str, message: Item | None = None, **options: Any) -> Result:
    """What becomes of a message that is sent once."""
    gateway = Gateway(url, TOKEN, **{"seconds": 5.0} | options)
    try:
        return gateway.send(message or item())
    finally:
        gateway.close()


def test_a_message_is_one_post_with_the_token(simulated: SimulatedGateway) -> None:
    """The path names the message, the body is the message as it came, and the JWT is the bearer token."""
    result = sent(simulated.url)
    assert ("SUCCESSFUL", "OK", "good") == (result.result, result.description, result.answer()["status"])
    ((path, headers, body),) = simulated.calls
    assert "/v1/send/12-7" == path
    assert f"Bearer {TOKEN}" == headers["Authorization"]
    assert "application/json" == headers["Content-Type"]
    assert MESSAGE == body


def test_a_gateway_that_wants_numbers(simulated: SimulatedGateway) -> None:
    """Job and key become one number, in path and body alike, and the same one for each attempt; what does not fit is
    refused."""
    assert "SUCCESSFUL" == sent(simulated.url + "/", numbers=True).result
    ((path, _headers, body),) = simulated.calls
    number = 12 * 2**32 + 7
    assert (f"/v1/send/{number}", MESSAGE | {"id": number}) == (path, body)
    assert "SUCCESSFUL" == sent(simulated.url, item(key=1180 * 2**40 + 7), numbers=True).result
    assert f"/v1/send/{number}" == simulated.calls.pop()[0]
    assert "GATEWAY_REFUSED" == sent(simulated.url, item(key=-1), numbers=True).result
    assert "GATEWAY_REFUSED" == sent(simulated.url, item(raw=b"[1]"), numbers=True).result


@pytest.mark.parametrize(
    ("answer", "result", "words"),
    [
        (says(400, b'{"code": 1, "message": "bad phone"}'), "GATEWAY_REFUSED", "the gateway answers 400: "),
        (says(422, b""), "GATEWAY_REFUSED", "the gateway answers 422: nothing"),
        (says(401, b"no"), "GATEWAY_ERROR", "the gateway answers 401: no"),
        (says(404, b"\xff\x00"), "GATEWAY_ERROR", "the gateway answers 404: "),
        (says(429, b"slowly"), "GATEWAY_ERROR", "the gateway answers 429: slowly"),
        (says(500, b"<html>" + b"x" * 5000), "GATEWAY_ERROR", "the gateway answers 500: <html>xxx"),
        (says(302, b"", Location="/elsewhere"), "GATEWAY_ERROR", "the gateway answers 302: nothing"),
        (says(200, b""), "GATEWAY_ERROR", "the gateway answers 200 with no JSON: nothing"),
        (says(200, b"OK"), "GATEWAY_ERROR", "the gateway answers 200 with no JSON: OK"),
        (says(200, b"[" * 60_000), "GATEWAY_ERROR", "the gateway answers 200 with no JSON: [["),
        (says(200, b"9" * 60_000), "GATEWAY_ERROR", "the gateway answers 200 with no JSON: 99"),
        (says(200, b"null"), "GATEWAY_ERROR", "the gateway answers 200 without code 0: null"),
        (says(200, b'{"code": 7}'), "GATEWAY_ERROR", 'the gateway answers 200 without code 0: {"code": 7}'),
        (says(200, b'{"code": false}'), "GATEWAY_ERROR", "the gateway answers 200 without code 0: "),
        (says(200, b'{"code": "0"}'), "GATEWAY_ERROR", "the gateway answers 200 without code 0: "),
        (writes(b"\x00garbage\r\n\r\n"), "GATEWAY_ERROR", "RemoteProtocolError: "),
        (writes(b""), "GATEWAY_ERROR", "RemoteProtocolError: "),
        (writes(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{"), "GATEWAY_ERROR", "RemoteProtocolError: "),
        (writes(b"HTTP/1.1 200 OK\r\nSet-Cookie: s=J\xf6rg\r\nContent-Length: 2\r\n\r\n{}"), "GATEWAY_ERROR", "the ga"),
        (floods, "GATEWAY_ERROR", "the gateway's answer is larger than 64 kB"),
        (drips, "GATEWAY_ERROR", "no whole answer within 0.5 s"),
    ],
)
def test_an_answer_that_is_none(simulated: SimulatedGateway, answer: Any, result: str, words: str) -> None:
    """Whatever comes back is one of three things: taken, refused for good, or to be tried again; nothing is followed,
    waited for or read without an end."""
    simulated.answer = answer
    given = sent(simulated.url, seconds=0.5 if answer is drips else 5.0)
    assert (result, "failed") == (given.result, given.status)
    assert given.description.startswith(words), given.description
    assert len(given.description) <= 200
    assert 1 == len(simulated.calls)


def test_a_gateway_that_is_not_there() -> None:
    """Nobody listens, or somebody who accepts and never answers: to be tried again."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        assert ("GATEWAY_ERROR", "no whole answer within 0.2 s") == (
            (given := sent(url, seconds=0.2)).result,
            given.description,
        )
    assert "GATEWAY_ERROR" == sent(url).result


def test_nothing_is_sent_after_the_stop_of_the_job(simulated: SimulatedGateway) -> None:
    """A message that waited in the queue beyond the end of its mailing is not sent; one in time is."""
    now = datetime.now(UTC)
    given = sent(simulated.url, item(stop_at=f"{now - timedelta(seconds=1):%Y-%m-%dT%H:%M:%SZ}"))
    assert ("ERROR_TIMEOUT", "failed") == (given.result, given.status)
    assert [] == simulated.calls
    assert "SUCCESSFUL" == sent(simulated.url, item(stop_at=f"{now + timedelta(hours=1):%Y-%m-%dT%H:%M:%SZ}")).result
    assert "SUCCESSFUL" == sent(simulated.url, item(stop_at="soon")).result


def test_a_gateway_that_fails_is_tried_now_and_then() -> None:
    """After some failures in a row one call is made after each pause, which stays short however many fail: so what
    lies behind messages that always fail is reached. A success lets all through."""
    now, waited = 0.0, 0.0

    def wait(seconds: float) -> None:
        nonlocal now, waited
        now += seconds
        waited += seconds

    breaker = Breaker(lambda: now, wait)
    for _ in range(PATIENCE - 1):
        breaker.enter()
        assert not breaker.note(works=False)
    breaker.enter()
    assert breaker.note(works=False)
    assert 0 == waited
    pauses = []
    for _ in range(40):
        before = now
        breaker.enter()
        pauses.append(now - before)
        assert not breaker.note(works=False)
    assert [PAUSE] * 40 == pauses
    breaker.enter()
    assert breaker.note(works=True)
    before = now
    breaker.enter()
    assert before == now


def test_one_call_at_a_time_while_the_gateway_fails(simulated: SimulatedGateway) -> None:
    """Many threads and a gateway that is down: it is not called by all of them at once."""
    simulated.answer = says(503, b"later")
    gateway = Gateway(simulated.url, TOKEN)
    results: list[Result] = []
    threads = [threading.Thread(target=lambda: results.append(gateway.send(item()))) for _ in range(PATIENCE)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert "the gateway fails, one message is tried each second: the gateway answers 503: later" == gateway.trouble
    simulated.answer = says(200, OK)
    more = [threading.Thread(target=lambda: results.append(gateway.send(item()))) for _ in range(8)]
    for thread in more:
        thread.start()
    for thread in more:
        thread.join(60)
    gateway.close()
    assert "" == gateway.trouble
    assert ["GATEWAY_ERROR"] * PATIENCE + ["SUCCESSFUL"] * 8 == [one.result for one in results]


def test_a_refused_message_says_nothing_of_the_gateway(simulated: SimulatedGateway) -> None:
    """Messages that the gateway does not want, or answers with a code, hold no others back."""
    gateway = Gateway(simulated.url, TOKEN)
    for answer in (says(400, b""), says(200, b'{"code": 3}')):
        simulated.answer = answer
        for _ in range(PATIENCE + 1):
            gateway.send(item())
    assert 0 == gateway._breaker._failures
    gateway.close()


def test_the_command_answers_and_drains(agent_queues: AgentQueues, simulated: SimulatedGateway) -> None:
    """`pgjobs gateway` sends what is in its queue and answers; at SIGTERM a call that has begun ends well, and what
    has not begun goes back to the queue. Queues that are missing are made."""
    go_on = threading.Event()

    def slow(call: http.server.BaseHTTPRequestHandler) -> None:
        if len(simulated.calls) > 1:
            go_on.wait(60)
        says(200, OK)(call)

    simulated.answer = slow
    agent_queues.delete(agent_queues.replies)
    env = {name: value for name, value in os.environ.items() if not name.startswith("PGJOBS_")} | {
        "PGJOBS_AMQP_URL": agent_queues.amqp_url,
        "PGJOBS_GATEWAY_URL": simulated.url,
        "PGJOBS_GATEWAY_TOKEN": TOKEN,
    }
    options = ["--type", "Unit", "--queue", agent_queues.work, "--replies", agent_queues.replies, "--threads", "1"]
    process = subprocess.Popen(
        [sys.executable, "-m", "pgjobs", "gateway", *options],
        env=env, cwd=Path(pgjobs.__file__).parents[1], stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        assert soon(lambda: agent_queues.consumers() == 1)
        agent_queues.send(7, body=json.dumps(MESSAGE).encode())
        assert ("good", "SUCCESSFUL", "OK") == agent_queues.answered(1)[0].said
        agent_queues.send(8, 9, body=json.dumps(MESSAGE).encode())
        assert soon(lambda: len(simulated.calls) == 2)
        assert soon(lambda: agent_queues.depth(agent_queues.work) == 0)
        process.send_signal(signal.SIGTERM)
        assert soon(lambda: agent_queues.depth(agent_queues.work) == 1)
        go_on.set()
        assert "12-8" == agent_queues.answered(2)[1].id
        _, said = process.communicate(timeout=60)
        assert 0 == process.returncode
        assert TOKEN not in said
    finally:
        go_on.set()
        process.kill()
        process.wait()


@pytest.mark.parametrize("end", ["?key=1", "#there"])
def test_an_address_has_nothing_behind_its_path(end: str) -> None:
    """A query or a fragment would swallow the path of the message: it is refused with a sentence."""
    with pytest.raises(SettingsError, match=r"PGJOBS_GATEWAY_URL: .*write it without [?] and #"):
        read_settings(gateway_url=f"https://gateway.example.com{end}")


@pytest.mark.parametrize("token", ["Bearer abc", "Jörg"])
def test_a_token_that_is_none_is_not_shown(token: str) -> None:
    """A wrong token is one sentence that does not hold it."""
    done = subprocess.run(
        [sys.executable, "-m", "pgjobs", "gateway"],
        env={"PATH": os.environ["PATH"], "PGJOBS_GATEWAY_TOKEN": token, "PYTHONIOENCODING": "utf-8"},
        cwd=Path(pgjobs.__file__).parents[1], capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    assert 2 == done.returncode
    assert done.stderr.startswith("pgjobs: PGJOBS_GATEWAY_TOKEN: it has to be a token in ASCII")
    assert "Jörg" not in done.stderr
    assert "abc" not in done.stderr
