"""Helpers: the command line as a person runs it, in a process of its own."""

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import pgjobs

DEATH = ("setpriv", "--pdeathsig=KILL", "--")
HOME = Path(pgjobs.__file__).parents[1]


class Said(NamedTuple):
    """How a command ended and what it wrote."""

    code: int
    out: str
    err: str

    @property
    def everything(self) -> str:
        return self.out + self.err


def environment(**settings: object) -> dict[str, str]:
    """Nothing of PGJOBS_… but these settings, given in lower case."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("PGJOBS_")}
    return inherited | {f"PGJOBS_{name.upper()}": str(value) for name, value in settings.items()}


def command(*args: object) -> Sequence[str]:
    """The command as it is started."""
    return [*DEATH, sys.executable, "-m", "pgjobs", *map(str, args)]


def run(*args: object, seconds: float = 60, **settings: object) -> Said:
    """Run `pgjobs ARGS` with these settings and wait for its end."""
    done = subprocess.run(
        command(*args),
        cwd=HOME,
        env=environment(**settings),
        check=False,
        capture_output=True,
        text=True,
        timeout=seconds,
    )
    return Said(done.returncode, done.stdout, done.stderr)
