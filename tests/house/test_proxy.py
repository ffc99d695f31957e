"""The proxy forwards faithfully, and breaks connections exactly as it is told."""

import socket
import socketserver
import threading
import time
from collections.abc import Iterator

import pytest

from pgjobs.lab.proxy import Proxy


class Echo(socketserver.BaseRequestHandler):
    """Sends back what it receives."""

    def handle(self) -> None:
        try:
            while data := self.request.recv(65536):
                self.request.sendall(data)
        except OSError:
            pass


class Server(socketserver.ThreadingTCPServer):
    """A server for echoes."""

    allow_reuse_address = True
    daemon_threads = True


@pytest.fixture
def proxy() -> Iterator[Proxy]:
    """A proxy in front of an echo."""
    with Server(("127.0.0.1", 0), Echo) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        with Proxy("127.0.0.1", server.server_address[1]) as proxy:
            yield proxy
        server.shutdown()


def client(proxy: Proxy) -> socket.socket:
    """Connect through it."""
    return socket.create_connection(("127.0.0.1", proxy.port), timeout=20)


def exchange(line: socket.socket, data: bytes) -> bytes:
    """Send, and read as much back."""
    line.sendall(data)
    got = b""
    while len(got) < len(data) and (more := line.recv(65536)):
        got += more
    return got


def test_everything_passes(proxy: Proxy) -> None:
    """What goes in comes out, in both directions, however much it is; the greeting is remembered."""
    big = bytes(range(256)) * 4096
    with client(proxy) as line:
        assert b"hello" == exchange(line, b"hello")
        sender = threading.Thread(target=line.sendall, args=(big,))
        sender.start()
        got = b""
        while len(got) < len(big):
            got += line.recv(1 << 20)
        sender.join()
        assert big == got
        assert 1 == proxy.connections
    assert [b"hello"] == [arrival.greeting for arrival in proxy.arrivals]


def test_cut(proxy: Proxy) -> None:
    """A cut is a reset, and the next connection works."""
    with client(proxy) as line:
        exchange(line, b"hello")
        assert 1 == proxy.cut()
        with pytest.raises(ConnectionResetError):
            line.recv(1)
    with client(proxy) as line:
        assert b"again" == exchange(line, b"again")


@pytest.mark.parametrize(("way", "back"), [("up", 4), ("down", 3)])
def test_cut_after(proxy: Proxy, way: str, back: int) -> None:
    """So many bytes pass, counted over several chunks, and not one more."""
    with client(proxy) as line:
        exchange(line, b"hello")
        proxy.cut_after(4 if way == "up" else 3, "up" if way == "up" else "down")
        assert b"ab" == exchange(line, b"ab")
        line.sendall(b"cdef")
        got = b"ab"
        try:
            while more := line.recv(10):
                got += more
        except ConnectionResetError:
            pass
        assert b"abcdef"[:back].startswith(got)
    with client(proxy) as line:
        assert b"again" == exchange(line, b"again")


@pytest.mark.parametrize("drop", [False, True])
def test_stall(proxy: Proxy, drop: bool) -> None:
    """A stalled proxy takes bytes and connections and stays silent; healed, it delivers late or resets."""
    with client(proxy) as line, client(proxy) as newcomer:
        exchange(line, b"hello")
        proxy.stall()
        line.sendall(b"ping")
        newcomer.sendall(b"pong")
        for each in (line, newcomer):
            each.settimeout(0.2)
            with pytest.raises(TimeoutError):
                each.recv(10)
            each.settimeout(20)
        proxy.heal(drop=drop)
        for each, word in ((line, b"ping"), (newcomer, b"pong")):
            if drop:
                with pytest.raises(ConnectionResetError):
                    each.recv(10)
            else:
                assert word == each.recv(10)


def test_lose(proxy: Proxy) -> None:
    """Lost connections stay open and silent for ever; new ones work."""
    with client(proxy) as old:
        exchange(old, b"hello")
        proxy.lose()
        old.sendall(b"ping")
        with client(proxy) as new:
            assert b"hello" == exchange(new, b"hello")
        old.settimeout(0.3)
        with pytest.raises(TimeoutError):
            old.recv(1)


def test_refuse_and_heal(proxy: Proxy) -> None:
    """A refusing proxy resets whoever comes and still notes who it was."""
    proxy.refuse()
    with client(proxy) as line:
        line.sendall(b"greet")
        with pytest.raises(ConnectionResetError):
            line.recv(1)
    proxy.heal()
    with client(proxy) as line:
        assert b"hello" == exchange(line, b"hello")
    assert [b"greet", b"hello"] == [arrival.greeting for arrival in proxy.arrivals]


def test_delay(proxy: Proxy) -> None:
    """Every chunk is late by the delay, there and back."""
    with client(proxy) as line:
        exchange(line, b"hello")
        proxy.delay(0.1)
        began = time.monotonic()
        assert b"late" == exchange(line, b"late")
        assert 0.2 <= time.monotonic() - began


def test_server_away() -> None:
    """Nobody behind the proxy: the client gets a reset at once."""
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        with Proxy("127.0.0.1", nobody.getsockname()[1]) as proxy, client(proxy) as line:
            line.sendall(b"greet")
            with pytest.raises(ConnectionResetError):
                line.recv(1)
