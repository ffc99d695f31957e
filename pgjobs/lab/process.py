"""Child processes that never outlive us, the ports they listen on, and waiting for them with a deadline.

A child is started through ``setpriv`` (util-linux), which sets its parent-death signal and, where asked,
drops to another user, before it becomes the server itself: the pid we know is the server's.
"""

import contextlib
import os
import queue
import random
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from pathlib import Path

from pgjobs.errors import PgjobsError

# Below the range from which Linux takes the local ports of outgoing connections, so that no connection
# can sit on a server's port while that server restarts.
_PORTS = range(15_000, 32_000)
_POLL = 0.02


class ServicesError(PgjobsError):
    """A private server cannot be started or used; the sentence says why."""

    hint = "set PGJOBS_DATABASE_URL and PGJOBS_AMQP_URL to use servers that run already"


_Spawn = tuple[Callable[[], subprocess.Popen[bytes]], "Future[subprocess.Popen[bytes]]"]
_spawns: queue.SimpleQueue[_Spawn] = queue.SimpleQueue()
_spawner_lock = threading.Lock()
_spawner: threading.Thread | None = None


def _spawn_for_ever() -> None:
    while True:
        start, future = _spawns.get()
        try:
            future.set_result(start())
        except BaseException as error:  # noqa: BLE001 - handed to the caller, who waits for the future
            future.set_exception(error)


def _spawn(start: Callable[[], subprocess.Popen[bytes]]) -> subprocess.Popen[bytes]:
    """Run `start` in a thread that lives as long as this process.

    The kernel sends the parent-death signal when the *thread* that forked ends, so a server restarted from
    a short-lived worker thread would otherwise die with that thread.
    """
    global _spawner  # noqa: PLW0603 - one thread per process is the point
    with _spawner_lock:
        if _spawner is None:
            _spawner = threading.Thread(target=_spawn_for_ever, name="pgjobs-spawner", daemon=True)
            _spawner.start()
    future: Future[subprocess.Popen[bytes]] = Future()
    _spawns.put((start, future))
    return future.result()


def free_port() -> int:
    """Find a port on 127.0.0.1 on which nothing listens."""
    for port in random.SystemRandom().sample(_PORTS, 100):
        with socket.socket() as probe:
            # As the servers do: a port whose last connections are in TIME_WAIT is free.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise ServicesError("no free port between 15000 and 32000 on 127.0.0.1 after 100 tries")


def listening(port: int) -> bool:
    """Tell whether something accepts connections on 127.0.0.1:`port`."""
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def privileges(user: tuple[int, int] | None) -> list[str]:
    """Build the arguments with which setpriv becomes `user` (uid, gid); none for ourselves."""
    if user is None:
        return []
    return [f"--reuid={user[0]}", f"--regid={user[1]}", "--clear-groups"]


class Child:
    """One server process in a session of its own, so a Ctrl-C at the terminal reaches only us."""

    def __init__(
        self,
        args: Sequence[str | Path],
        *,
        log: Path,
        env: Mapping[str, str],
        death_signal: signal.Signals,
        user: tuple[int, int] | None = None,
        cwd: Path | None = None,
    ) -> None:
        self.name = Path(args[0]).name
        self.log = log
        death = f"--pdeathsig={death_signal.name.removeprefix('SIG')}"
        command = ["setpriv", death, *privileges(user), "--", *map(str, args)]

        def start() -> subprocess.Popen[bytes]:
            with log.open("ab") as output:
                return subprocess.Popen(
                    command,
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=subprocess.STDOUT,
                    env=dict(env),
                    cwd=cwd,
                    start_new_session=True,
                )

        self._process = _spawn(start)
        self.pid = self._process.pid
        self._ended = False

    @property
    def running(self) -> bool:
        return self._process.poll() is None

    def wait_until(self, ready: Callable[[], bool], seconds: float) -> None:
        """Return as soon as `ready()`; raise with the log's end if the child ends or the time is up."""
        deadline = time.monotonic() + seconds
        while not ready():
            if not self.running:
                raise ServicesError(f"{self.name} ended with code {self._process.poll()}:\n{self._log_end()}")
            if time.monotonic() > deadline:
                raise ServicesError(f"{self.name} was not ready after {seconds:g} s:\n{self._log_end()}")
            time.sleep(_POLL)

    def end(self, how: signal.Signals, seconds: float) -> None:
        """Send `how` and wait; after `seconds` SIGKILL. Whatever is left of its process group goes too."""
        if self._ended:
            return  # the pid may be another's by now
        if self.running:
            self._process.send_signal(how)
            try:
                self._process.wait(seconds)
            except subprocess.TimeoutExpired:
                self._process.kill()
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)
        self._process.wait()
        self._ended = True

    def _log_end(self) -> str:
        return self.log.read_text(errors="replace")[-2000:]
