"""Notifications only say "look now": lost, garbled or never sent, the work is found all the same."""

import contextlib
import selectors
import socket
import threading
from collections.abc import Iterator
from typing import Self
from urllib.parse import urlsplit

import psycopg
from fix_daemon import DaemonProcess, Engine

EAR = "select pid from pg_stat_activity where datname = current_database() and application_name = 'pgjobs listen'"


def ears(engine: Engine) -> set[int]:
    """The server processes that listen for daemons of this database."""
    return {row["pid"] for row in engine.rows(EAR)}


def test_a_cut_ear_grows_again(engine: Engine) -> None:
    """A LISTEN connection ended by the server is made anew, and what was missed meanwhile is found at once."""
    daemon = engine.start(poll_seconds=600)
    engine.wait_for(lambda: len(ears(engine)) == 1, "the daemon listens")
    (before,) = ears(engine)
    # In one transaction: the notification of the job goes out when nobody listens any more.
    with engine.database.transaction():
        engine.value("select pg_terminate_backend(%s, 5000)", before)
        job = engine.add_job("expired")
    engine.wait_status(job, "done")
    (after,) = ears(engine)
    assert before != after
    assert "LISTEN is down" in daemon.said
    following = engine.add_job("expired")
    engine.wait_status(following, "done", seconds=5)


def test_a_job_nobody_announced(engine: Engine, daemon: DaemonProcess) -> None:
    """A job inserted without a notification is found by the timer."""
    engine.wait_for(lambda: len(ears(engine)) == 1, "the daemon listens")
    with engine.database.transaction():
        engine.execute("set local pgjobs.mute = 'on'")
        job = engine.add_job("expired")
    engine.wait_status(job, "done", seconds=10)
    assert daemon.running


def test_garbage_is_harmless(engine: Engine, daemon: DaemonProcess) -> None:
    """Whatever anybody says on the channel, the daemon lives, believes nothing of it and goes on working."""
    engine.wait_for(lambda: len(ears(engine)) == 1, "the daemon listens")
    garbage = ["", "{", "null", "[]", '{"id": null}', '{"id": "x"}', '{"id": 1e400}', "999; drop table xmp_jobs"]
    garbage += ['{"id": 99999999999999999999999}', "probe ", "call", "é" * 3000, '{"id": [1]}', "1" * 7000, "NaN"]
    for payload in garbage:
        engine.execute("select pg_notify('pgjobs', %s)", payload)
    engine.execute("select pg_notify('pgjobs', i::text) from generate_series(1, 5000) i")
    job = engine.add_job("expired")
    engine.wait_status(job, "done", seconds=10)
    assert daemon.running
    assert "Traceback" not in daemon.said
    assert "LISTEN is down" not in daemon.said


def test_a_stop_is_heard(engine: Engine) -> None:
    """A stop of a running job is heard at once, not at the next poll."""
    engine.start(poll_seconds=600, lease_seconds=600, window=1)
    engine.add_retries(20_000)
    job = engine.add_job("expired")
    engine.wait_considered(job, 10)
    engine.set_status(job, "canceled")
    engine.wait_status(job, "canceled", seconds=5)
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
    parts = urlsplit(engine.database_url)
    assert parts.hostname
    assert parts.port
    with Proxy((parts.hostname, parts.port)) as proxy:
        credentials = parts.netloc.rpartition("@")[0]
        yield proxy, parts._replace(netloc=f"{credentials}@127.0.0.1:{proxy.port}").geturl()


def test_an_ear_that_went_deaf(engine: Engine) -> None:
    """A LISTEN connection that dies without a word is found by its own probe, and made anew."""
    with proxied(engine) as (proxy, url):
        daemon = engine.start(database_url=url, probe_seconds=1)
        # A job that is heard of shows that LISTEN has been said.
        engine.wait_status(engine.add_job("expired"), "done")
        before = ears(engine)
        assert before
        proxy.swallow()
        engine.wait_for(lambda: bool(ears(engine) - before), "a new ear")
        assert "does not hear any more" in daemon.said or "LISTEN is down" in daemon.said
        with psycopg.connect(url) as through:
            assert through.execute("select 1").fetchone() == (1,)


def test_connections_that_died_without_a_word(engine: Engine) -> None:
    """When every connection to the database dies without a word, new ones are made and a due job is run."""
    with proxied(engine) as (proxy, url):
        engine.start(database_url=url, probe_seconds=1, stall_seconds=2)
        engine.wait_status(engine.add_job("expired"), "done")
        proxy.swallow()
        job = engine.add_job("expired")
        engine.wait_status(job, "done", seconds=15)
