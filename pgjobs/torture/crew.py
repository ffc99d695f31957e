"""The daemons under torture: children that are killed, frozen and started again, some behind proxies of their own."""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

from pgjobs.lab.proxy import Proxy
from pgjobs.torture.nursery import Born, Nursery
from pgjobs.torture.place import Place

TICKS = os.sysconf("SC_CLK_TCK")


class Seat:
    """One daemon after another under the same name; with proxies its servers can be taken from it alone."""

    def __init__(self, place: Place, nursery: Nursery, index: int, proxies: tuple[Proxy, Proxy] | None = None) -> None:
        self.place = place
        self._nursery = nursery
        self.index = index
        self.proxies = proxies
        self.log = place.folder / f"daemon-{index}.log"
        self.frozen = False
        self.starts = 0
        self.child: Born | None = None

    @property
    def running(self) -> bool:
        """Whether its process is there, frozen or not."""
        return self.child is not None and self.child.running

    @property
    def pid(self) -> int:
        """The process of its present daemon."""
        if self.child is None:
            raise ProcessLookupError
        return self.child.pid

    @property
    def said(self) -> str:
        """Everything its daemons have written."""
        return self.log.read_text(errors="replace") if self.log.exists() else ""

    def start(self, fault: str = "") -> None:
        """Start a daemon, unless one is there."""
        if self.running:
            return
        place = self.place
        urls = (place.database_url, place.amqp_url)
        if self.proxies:
            urls = (
                rerouted(urls[0], self.proxies[0].port) + "?sslmode=disable",
                rerouted(urls[1], self.proxies[1].port),
            )
        self.frozen = False
        self.starts += 1
        self.child = self._nursery.bear(place.environment(f"daemon-{self.index}", *urls, fault), self.log)

    def send(self, number: signal.Signals) -> None:
        """Send it a signal, if it is there."""
        if self.child is not None and self.child.running:
            self.frozen = number is signal.SIGSTOP or (self.frozen and number is not signal.SIGCONT)
            self.child.send(number)

    def kill(self) -> None:
        """Take it away without a word."""
        if self.child is not None:
            self.child.end(signal.SIGKILL, 5)
        self.frozen = False

    def end(self) -> bool:
        """Ask it to end, and wait; whether it let go of everything within 15 seconds."""
        if self.child is None or not self.child.running:
            return True
        return self.child.end(signal.SIGTERM, 15) and self.said.rstrip().endswith("has let go of everything")

    def cpu_seconds(self) -> float:
        """Processor time its process has used."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / TICKS

    def memory_bytes(self) -> int:
        """Memory its process holds."""
        pages = Path(f"/proc/{self.pid}/statm").read_text().split()[1]
        return int(pages) * os.sysconf("SC_PAGE_SIZE")


@contextlib.contextmanager
def seated(place: Place, count: int, proxied: int) -> Iterator[list[Seat]]:
    """So many daemons, the last `proxied` of them behind proxies; started by the caller, ended here."""
    with contextlib.ExitStack() as stack:
        seats = []
        nursery = stack.enter_context(Nursery())
        for index in range(count):
            proxies = None
            if index >= count - proxied:
                proxies = (
                    stack.enter_context(in_front_of(place.database_url, 5432)),
                    stack.enter_context(in_front_of(place.amqp_url, 5672)),
                )
            seats.append(seat := Seat(place, nursery, index, proxies))
            stack.callback(seat.kill)
        yield seats


def in_front_of(url: str, port: int) -> Proxy:
    """A proxy for the server of a URL."""
    parts = urlsplit(url)
    return Proxy(parts.hostname or "127.0.0.1", parts.port or port)


def rerouted(url: str, port: int) -> str:
    """A URL whose server is reached through a port of this machine."""
    parts = urlsplit(url)
    login = parts.netloc.rpartition("@")[0]
    return parts._replace(netloc=f"{login}@127.0.0.1:{port}" if login else f"127.0.0.1:{port}").geturl()
