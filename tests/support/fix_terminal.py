"""Helpers: the command line on a pseudo-terminal, as a person sees it."""

import codecs
import fcntl
import os
import pty
import re
import select
import struct
import subprocess
import termios
import time
from typing import Any, Self

from fix_cli import HOME, Said, command, environment

LAST = "\x1e\x1e"
"""What the terminal is given last: what was written before it has come then."""
ESCAPES = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[@-Z\\-_])")


class Terminal:
    """A command whose standard streams are a terminal of so many columns and rows."""

    def __init__(self, *args: object, columns: int = 80, rows: int = 24, **settings: object) -> None:
        self.written = ""
        # A read may end within a letter.
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._mine, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        self._before = termios.tcgetattr(theirs)
        self._theirs = theirs
        variables = {name: value for name, value in settings.items() if name.isupper()}
        ours = environment(**{name: value for name, value in settings.items() if not name.isupper()})
        for name in ("NO_COLOR", "FORCE_COLOR", "COLUMNS", "LINES"):
            ours.pop(name, None)
        ours |= {"TERM": "xterm-256color"} | {name: str(value) for name, value in variables.items()}
        self._process = subprocess.Popen(
            # A terminal of its own, whose Ctrl-C it hears.
            ["setsid", "--ctty", *command(*args)],
            cwd=HOME,
            env=ours,
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait()
        os.close(self._mine)
        os.close(self._theirs)

    @property
    def plain(self) -> str:
        """What was written, without what moves and colours."""
        return ESCAPES.sub("", self.written).replace("\r", "")

    @property
    def is_as_before(self) -> bool:
        """Whether the terminal has the modes that it had."""
        return self._before == termios.tcgetattr(self._theirs)

    def until(self, words: str, seconds: float = 30) -> None:
        """Read until it has written something."""
        deadline = time.monotonic() + seconds
        while words not in self.plain:
            assert time.monotonic() < deadline, f"{words!r} is not in {self.plain[-2000:]!r}"
            self._read(0.1)

    def forget(self) -> None:
        """Wait for what is written from now on."""
        while self._read(0):
            pass
        self.written = ""

    def press(self, keys: str) -> None:
        """Type."""
        os.write(self._mine, keys.encode())

    def end(self, seconds: float = 30) -> int:
        """Wait for its end; its exit code."""
        deadline = time.monotonic() + seconds
        while self._process.poll() is None:
            assert time.monotonic() < deadline, f"it goes on: {self.plain[-2000:]!r}"
            self._read(0.1)
        # The kernel hands on what was written a moment later, in its order.
        os.write(self._theirs, LAST.encode())
        while not self.written.endswith(LAST):
            assert time.monotonic() < deadline + seconds, f"its last words do not come: {self.plain[-2000:]!r}"
            self._read(0.1)
        self.written = self.written.removesuffix(LAST)
        return self._process.returncode

    def send(self, number: int) -> None:
        """Send it a signal."""
        self._process.send_signal(number)

    def _read(self, seconds: float) -> bool:
        if not select.select([self._mine], [], [], seconds)[0]:
            return False
        self.written += self._decoder.decode(os.read(self._mine, 1 << 16))
        return True


def at_terminal(*args: object, columns: int = 80, **settings: Any) -> Said:
    """Run a command at a terminal to its end; what it wrote, with everything that moves and colours."""
    with Terminal(*args, columns=columns, **settings) as terminal:
        code = terminal.end()
        return Said(code, terminal.written, "")
