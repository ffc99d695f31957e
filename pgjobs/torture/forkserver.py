"""Daemons are forked from a preloaded process, so that starting one takes milliseconds.

In every other respect the child is `pgjobs daemon`: it has its own session, environment, log and exit code.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import random
import select
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Self

import pgjobs
from pgjobs import process
from pgjobs.lab.process import ServicesError

PR_SET_PDEATHSIG = 1


class Child:
    """A forked daemon, held by a pidfd, so that a signal can never reach another process with a reused id."""

    def __init__(self, forkserver: ForkServer, number: int, pid: int) -> None:
        self.pid = pid
        self._forkserver = forkserver
        self._number = number
        self._fd: int | None = None
        with contextlib.suppress(ProcessLookupError):
            self._fd = os.pidfd_open(pid)

    @property
    def running(self) -> bool:
        """Whether it has not ended yet."""
        return self._fd is not None and not self._ended(0)

    def send(self, number: signal.Signals) -> None:
        """Send it a signal."""
        if self._fd is not None:
            with contextlib.suppress(ProcessLookupError):
                signal.pidfd_send_signal(self._fd, number)

    def end(self, number: signal.Signals, seconds: float) -> bool:
        """Send it a signal and wait for its end; False when it took SIGKILL to end it."""
        self.send(number)
        return self.wait(seconds)

    def wait(self, seconds: float) -> bool:
        """Wait for its end; False when it took SIGKILL to end it."""
        obeyed = self._ended(seconds)
        if not obeyed:
            self.send(signal.SIGKILL)
            self._ended(10)
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None
        return obeyed

    @property
    def code(self) -> int:
        """The exit code of one that has ended; -9 after SIGKILL."""
        return self._forkserver.code_of(self._number)

    def _ended(self, seconds: float) -> bool:
        if self._fd is None:
            return True
        poll = select.poll()
        poll.register(self._fd, select.POLLIN)
        return bool(poll.poll(1000 * seconds))


class ForkServer:
    """The process that forks daemons; when it ends, they all end."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            ["setpriv", "--pdeathsig=KILL", "--", sys.executable, "-m", __name__],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            start_new_session=True,
            cwd=Path(__file__).parents[3],
        )
        self._number = 0
        self._codes: dict[int, int] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End it and every daemon."""
        self._process.communicate()

    def start(self, environment: Mapping[str, str], log: Path) -> Child:
        """Start a daemon."""
        if self._process.stdin is None:
            raise ServicesError("the fork server has no pipes")
        self._number += 1
        order = {"number": self._number, "environment": dict(environment), "log": str(log)}
        self._process.stdin.write(json.dumps(order).encode() + b"\n")
        self._process.stdin.flush()
        while (said := self._next())[0] != "began":
            self._codes[said[1]] = said[2]
        return Child(self, *said[1:])

    def code_of(self, number: int) -> int:
        """The exit code of the daemon with this number, which has ended."""
        while number not in self._codes:
            _, ended, code = self._next()
            self._codes[ended] = code
        return self._codes[number]

    def _next(self) -> tuple[str, int, int]:
        """The next report of the process: which daemon began with which pid, or ended with which code."""
        if self._process.stdout is None:
            raise ServicesError("the fork server has no pipes")
        answer = self._process.stdout.readline()
        if not answer:
            raise ServicesError("the fork server has ended by itself", "start it again")
        word, number, value = answer.split()
        return word.decode(), int(number), int(value)


def main() -> None:
    """Fork a daemon for every order on standard input; end with it."""
    from pgjobs.engine import service  # noqa: PLC0415 the importer of this module need not load the engine

    numbers: dict[int, int] = {}

    def collect(*_: object) -> None:
        """Report the exit code of each child that has ended."""
        with contextlib.suppress(ChildProcessError):
            while (ended := os.waitpid(-1, os.WNOHANG))[0]:
                os.write(1, b"ended %d %d\n" % (numbers.pop(ended[0]), os.waitstatus_to_exitcode(ended[1])))

    signal.signal(signal.SIGCHLD, collect)
    for line in sys.stdin.buffer:
        order = json.loads(line)
        # The start of a child is stored and reported before its end can be.
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGCHLD})
        pid = os.fork()
        if pid == 0:
            _become(order["environment"], order["log"])
            process.run(service.main, of_a_service=True)
            sys.exit(0)
        numbers[pid] = order["number"]
        os.write(1, b"began %d %d\n" % (order["number"], pid))
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGCHLD})


def _become(environment: dict[str, str], log: str) -> None:
    """Replace what the child has inherited: session, signals, output, environment."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    os.setsid()
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGCHLD})
    output = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o640)
    for number, fd in enumerate((os.open(os.devnull, os.O_RDONLY), output, output)):
        os.dup2(fd, number)
    os.environ.clear()
    os.environ.update(environment)
    # A test of an upgrade has daemons that say they are of another version.
    pgjobs.__version__ = environment.get("PGJOBS_TEST_VERSION", pgjobs.__version__)
    random.seed()  # otherwise all of them would retry at the same moments


if __name__ == "__main__":
    main()
