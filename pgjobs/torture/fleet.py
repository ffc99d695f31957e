"""The daemons of a torture run: processes that are killed, frozen and restarted, some behind their own proxies."""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

from pgjobs.lab.proxy import Proxy
from pgjobs.torture.forkserver import Child, ForkServer
from pgjobs.torture.place import Place

TICKS = os.sysconf("SC_CLK_TCK")


class Daemon:
    """A daemon that is restarted under the same name; with proxies, its connections alone can be disturbed."""

    def __init__(
        self, place: Place, forkserver: ForkServer, index: int, proxies: tuple[Proxy, Proxy] | None = None
    ) -> None:
        self.place = place
        self._forkserver = forkserver
        self.index = index
        self.proxies = proxies
        self.log = place.folder / f"daemon-{index}.log"
        self.frozen = False
        self.starts = 0
        self.child: Child | None = None

    @property
    def running(self) -> bool:
        """Whether its process exists, frozen or not."""
        return self.child is not None and self.child.running

    @property
    def pid(self) -> int:
        """The id of its present process."""
        if self.child is None:
            raise ProcessLookupError
        return self.child.pid

    @property
    def said(self) -> str:
        """Everything that its processes have written."""
        return self.log.read_text(errors="replace") if self.log.exists() else ""

    def start(self, fault: str = "") -> None:
        """Start its process, unless it is running."""
        if self.running:
            return
        place = self.place
        urls = (place.daemon_url, place.amqp_url)
        if self.proxies:
            urls = (
                rerouted(urls[0], self.proxies[0].port) + "?sslmode=disable",
                rerouted(urls[1], self.proxies[1].port),
            )
        self.frozen = False
        self.starts += 1
        self.child = self._forkserver.start(place.environment(f"daemon-{self.index}", *urls, fault), self.log)

    def send(self, number: signal.Signals) -> None:
        """Send a signal, if the process exists."""
        if self.child is not None and self.child.running:
            self.frozen = number is signal.SIGSTOP or (self.frozen and number is not signal.SIGCONT)
            self.child.send(number)

    def kill(self) -> None:
        """End the process with SIGKILL."""
        if self.child is not None:
            self.child.end(signal.SIGKILL, 5)
        self.frozen = False

    def end(self) -> bool:
        """Send SIGTERM and wait; returns whether it ended in order within 15 seconds."""
        if self.child is None or not self.child.running:
            return True
        return self.child.end(signal.SIGTERM, 15) and self.said.rstrip().endswith("has let go of everything")

    def cpu_seconds(self) -> float:
        """CPU time that its process has used."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / TICKS

    def memory_bytes(self) -> int:
        """Resident memory of its process."""
        pages = Path(f"/proc/{self.pid}/statm").read_text().split()[1]
        return int(pages) * os.sysconf("SC_PAGE_SIZE")


@contextlib.contextmanager
def fleet_of(place: Place, count: int, proxied: int) -> Iterator[list[Daemon]]:
    """`count` daemons, the last `proxied` of them behind proxies; the caller starts them, they are ended here."""
    with contextlib.ExitStack() as stack:
        fleet = []
        forkserver = stack.enter_context(ForkServer())
        for index in range(count):
            proxies = None
            if index >= count - proxied:
                proxies = (
                    stack.enter_context(in_front_of(place.database_url, 5432)),
                    stack.enter_context(in_front_of(place.amqp_url, 5672)),
                )
            fleet.append(daemon := Daemon(place, forkserver, index, proxies))
            stack.callback(daemon.kill)
        yield fleet


def in_front_of(url: str, port: int) -> Proxy:
    """A proxy for the server of a URL."""
    parts = urlsplit(url)
    return Proxy(parts.hostname or "127.0.0.1", parts.port or port)


def rerouted(url: str, port: int) -> str:
    """The URL with its server replaced by a port of this machine."""
    parts = urlsplit(url)
    login = parts.netloc.rpartition("@")[0]
    return parts._replace(netloc=f"{login}@127.0.0.1:{port}" if login else f"127.0.0.1:{port}").geturl()
