"""Daemons born of a process that has imported everything already: a start takes a fraction, so more dies in less time.

The child is `pgjobs daemon` in every other respect: its own session, environment, log and end.
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

from pgjobs.dev.process import ServicesError

PR_SET_PDEATHSIG = 1


class Born:
    """A daemon, held by a descriptor of its process: nobody else can ever be meant by it."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
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
        obeyed = self._ended(seconds)
        if not obeyed:
            self.send(signal.SIGKILL)
            self._ended(10)
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None
        return obeyed

    def _ended(self, seconds: float) -> bool:
        if self._fd is None:
            return True
        poll = select.poll()
        poll.register(self._fd, select.POLLIN)
        return bool(poll.poll(1000 * seconds))


class Nursery:
    """The process they come from; with it, they all end."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            ["setpriv", "--pdeathsig=KILL", "--", sys.executable, "-m", __name__],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            start_new_session=True,
            cwd=Path(__file__).parents[3],
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.communicate()

    def bear(self, environment: Mapping[str, str], log: Path) -> Born:
        """Start a daemon."""
        if self._process.stdin is None or self._process.stdout is None:
            raise ServicesError("the nursery has no pipes")
        order = {"environment": dict(environment), "log": str(log)}
        self._process.stdin.write(json.dumps(order).encode() + b"\n")
        self._process.stdin.flush()
        answer = self._process.stdout.readline()
        if not answer:
            raise ServicesError("the nursery has ended by itself", "start it again")
        return Born(int(answer))


def main() -> None:
    """Fork a daemon for every order on standard input; end with it."""
    from pgjobs import cli  # noqa: PLC0415 the importer of this module need not load the engine
    from pgjobs.engine import daemon  # noqa: F401, PLC0415 loaded, so that the children need not

    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # the kernel buries them
    for line in sys.stdin.buffer:
        order = json.loads(line)
        pid = os.fork()
        if pid == 0:
            _become(order["environment"], order["log"])
            cli.main()
            sys.exit(0)
        os.write(1, b"%d\n" % pid)


def _become(environment: dict[str, str], log: str) -> None:
    """Leave everything of the parent behind."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    os.setsid()
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    output = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o640)
    for number, fd in enumerate((os.open(os.devnull, os.O_RDONLY), output, output)):
        os.dup2(fd, number)
    os.environ.clear()
    os.environ.update(environment)
    random.seed()  # or all of them would back off in step
    sys.argv = ["pgjobs", "daemon"]


if __name__ == "__main__":
    main()
