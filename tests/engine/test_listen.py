"""Notifications only say "look now": lost, garbled or never sent, the work is found all the same."""

import contextlib
import json
import selectors
import socket
import threading
from collections.abc import Iterator
from typing import Self
from urllib.parse import urlsplit

import psycopg
import pytest
from fix_daemon import DaemonProcess, Engine
from hypothesis import given
from hypothesis import strategies as st

from pgjobs.engine.listen import Hint, read_hint

EAR = "select pid from pg_stat_activity where datname = current_database() and application_name = 'pgjobs listen'"


def listeners(engine: Engine) -> set[int]:
    """The server processes that listen for daemons of this database."""
    return {row["pid"] for row in engine.rows(EAR)}


def test_a_lost_listener_connects_again(engine: Engine) -> None:
    """A LISTEN connection ended by the server is made anew, and what was missed meanwhile is found at once."""
    daemon = engine.start(poll_seconds=600)
    engine.wait_for(lambda: len(listeners(engine)) == 1, "the daemon listens")
    (before,) = listeners(engine)
    # In one transaction: the notification of the job goes out when nobody listens any more.
    with engine.database.transaction():
        engine.value("select pg_terminate_backend(%s, 5000)", before)
        job = engine.add_job("expired")
    engine.wait_status(job, "done")
    engine.wait_for(lambda: len(listeners(engine)) == 1, "the daemon listens again")
    (after,) = listeners(engine)
    assert before != after
    daemon.wait_said("WARNING pgjobs.engine.supervisor: listener: waits for a server")
    following = engine.add_job("expired")
    engine.wait_status(following, "done")


def test_a_job_nobody_announced(engine: Engine, daemon: DaemonProcess) -> None:
    """A job inserted without a notification is found by the timer."""
    engine.wait_for(lambda: len(listeners(engine)) == 1, "the daemon listens")
    with engine.database.transaction():
        engine.execute("set local pgjobs.mute = 'on'")
        job = engine.add_job("expired")
    engine.wait_status(job, "done")
    assert daemon.running


def test_garbage_is_harmless(engine: Engine) -> None:
    """Whatever anybody sends on the channel, the daemon keeps its connection and hears the next start on it."""
    daemon = engine.start(poll_seconds=600)
    engine.wait_for(lambda: len(listeners(engine)) == 1, "the daemon listens")
    before = listeners(engine)
    for payload in GARBAGE:
        engine.execute("select pg_notify('pgjobs', %s)", payload)
    engine.execute("select pg_notify('pgjobs', i::text) from generate_series(1, 5000) i")
    job = engine.add_job("expired")
    engine.wait_status(job, "done")
    assert before == listeners(engine)
    assert daemon.running
    assert " WARNING " not in daemon.said
    assert " ERROR " not in daemon.said


GARBAGE = [
    "",
    "{",
    "null",
    "[]",
    '{"id": null}',
    '{"id": "x"}',
    '{"id": 1e999}',
    '{"id": -1}',
    '{"id": 1.5}',
    '{"id": NaN}',
    '{"id": Infinity}',
    '{"id": [1]}',
    '{"id": 99999999999999999999999}',
    '{"id": "' + "7" * 7000 + '"}',
    '{"id": ' + "7" * 7000 + "}",
    '{"id": ٣}',
    "[" * 7000,
    '{"a":' * 1400,
    "1" * 7000,
    "é" * 3900,
    "\\u0000",
    "\x01\r\n\x1b[2J",
    "999; drop table xmp_jobs",
    "probe ",
    "probe 00000000-0000-0000-0000-000000000000",
    "probe \n",
    "call",
    "NaN",
]


@pytest.mark.parametrize("payload", GARBAGE)
def test_garbage_means_look_now(payload: str) -> None:
    """Nothing of it is believed: it is no job, and no error either."""
    assert Hint() == read_hint(payload)


@given(st.text(max_size=300) | st.from_regex(r'\{"id" ?: ?[0-9eE.+-]*[,}].{0,20}') | st.binary().map(repr))
def test_any_text_is_read(payload: str) -> None:
    """Reading a notification has an answer for every text: a number that a job can have, or None."""
    found = read_hint(payload).job_id
    assert found is None or 0 <= found < 10**18


@pytest.mark.parametrize("number", [0, 7, 10**18 - 1])
def test_what_the_trigger_sends_is_read(number: int) -> None:
    """The id and the status are found in the JSON of SQL and of others, wherever in it."""
    assert Hint(number, "ready") == read_hint(f'{{"id" : {number}, "status" : "ready"}}')
    assert Hint(number, "in progress") == read_hint(json.dumps({"status": "in progress", "id": number}))


@pytest.mark.parametrize(
    ("payload", "ended", "goes_on"),
    [
        ('{"id" : 7, "status" : "ready"}', False, False),
        ('{"id" : 7, "status" : "in progress"}', False, True),
        ('{"id" : 7, "status" : "in progress", "edited" : true}', False, False),
        ('{"id" : 7, "status" : "in progress", "edited" : false}', False, True),
        ('{"id" : 7, "status" : "done"}', True, True),
        ('{"id" : 7, "status" : "error"}', True, False),
        ('{"id" : 7, "status" : "canceled"}', True, False),
        ('{"id" : 7}', False, False),
        ('{"status" : "done"}', False, False),
    ],
)
def test_a_status_says_where_to_look(payload: str, *, ended: bool, goes_on: bool) -> None:
    """A job that has ended is none to claim, and one that goes on as it is has nothing to obey; whatever else is heard
    of may be either."""
    hint = read_hint(payload)
    assert (ended, goes_on) == (hint.ended, hint.goes_on)


def test_a_stop_is_heard(engine: Engine) -> None:
    """A stop of a running job is heard at once, not at the next poll."""
    engine.start(poll_seconds=600, lease_seconds=600, window=1)
    engine.add_retries(20_000)
    job = engine.add_job("expired")
    engine.wait_considered(job, 10)
    engine.set_status(job, "canceled")
    engine.wait_status(job, "canceled")
    assert engine.counters(job).considered < 20_000


class Proxy:
    """Passes a port on to the database, until it is told to swallow everything that flows."""

    def __init__(self, target: tuple[str, int]) -> None:
        self._target = target
        self._server = socket.create_server(("127.0.0.1", 0))
        self.port = self._server.getsockname()[1]
        self._swallowed: set[socket.socket] = set()
        self._peers: dict[socket.socket, socket.socket] = {}
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._server, selectors.EVENT_READ)
        self._wake, self._woken = socket.socketpair()
        self._selector.register(self._woken, selectors.EVENT_READ)
        self._thread = threading.Thread(target=self._pass_on)
        self._thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._wake.close()
        self._thread.join()
        for sock in (*self._peers, self._server, self._woken):
            sock.close()
        self._selector.close()

    def swallow(self) -> None:
        """Let nothing through any more on the connections there are; new ones work."""
        self._swallowed |= set(self._peers)

    def _pass_on(self) -> None:
        while True:
            for key, _ in self._selector.select():
                sock = key.fileobj
                if sock is self._woken:
                    return
                if sock is self._server:
                    self._connect()
                elif isinstance(sock, socket.socket):
                    self._copy(sock)

    def _connect(self) -> None:
        near, _ = self._server.accept()
        far = socket.create_connection(self._target)
        self._peers |= {near: far, far: near}
        for sock in (near, far):
            self._selector.register(sock, selectors.EVENT_READ)

    def _copy(self, sock: socket.socket) -> None:
        data = b""
        with contextlib.suppress(OSError):
            data = sock.recv(65536)
        if sock in self._swallowed and data:
            return
        peer = self._peers[sock]
        with contextlib.suppress(OSError):
            if data:
                peer.sendall(data)
                return
            peer.shutdown(socket.SHUT_WR)
        self._selector.unregister(sock)


@contextlib.contextmanager
def proxied(engine: Engine) -> Iterator[tuple[Proxy, str]]:
    """A proxy and the URL of the engine's database through it."""
    parts = urlsplit(engine.daemon_url)
    assert parts.hostname
    assert parts.port
    with Proxy((parts.hostname, parts.port)) as proxy:
        credentials = parts.netloc.rpartition("@")[0]
        yield proxy, parts._replace(netloc=f"{credentials}@127.0.0.1:{proxy.port}").geturl()


def test_a_listen_connection_that_delivers_nothing(engine: Engine) -> None:
    """A LISTEN connection that delivers nothing any more is found by its own probe, and opened anew."""
    with proxied(engine) as (proxy, url):
        daemon = engine.start(database_url=url, probe_seconds=1)
        # A job that is heard of shows that LISTEN has been said.
        engine.wait_status(engine.add_job("expired"), "done")
        before = listeners(engine)
        assert before
        proxy.swallow()
        engine.wait_for(lambda: bool(listeners(engine) - before), "a new listener")
        daemon.wait_said("listener: waits for a server")
        with psycopg.connect(url) as through:
            assert through.execute("select 1").fetchone() == (1,)


def test_connections_that_died_without_a_word(engine: Engine) -> None:
    """When every connection to the database dies without a word, new ones are made and a due job is run."""
    with proxied(engine) as (proxy, url):
        engine.start(database_url=url, probe_seconds=1, stall_seconds=2)
        engine.wait_status(engine.add_job("expired"), "done")
        proxy.swallow()
        job = engine.add_job("expired")
        engine.wait_status(job, "done")
