"""Which versions of daemon, web and commands may work with a database: the database says it, in schema_state.

`version` is the pgjobs whose functions are in force, `compatible_from` the oldest one that works with them. Whoever
connects compares both with its own version, so that daemons of the version before go on while an upgrade rolls.
"""

from __future__ import annotations

import re
from typing import NamedTuple

import pgjobs
from pgjobs.errors import SchemaError
from pgjobs.pg import schema

CHANGED = "the functions of the database are not those of this pgjobs: run pgjobs migrate"


class State(NamedTuple):
    """What a database says of its schema."""

    version: str
    compatible_from: str
    fingerprint: str

    @property
    def newer(self) -> bool:
        """Whether it is of a newer pgjobs than this one."""
        return number(self.version) > number(pgjobs.__version__)

    @property
    def changed(self) -> bool:
        """Whether it is of this version, and yet other files of functions were applied."""
        return number(self.version) == number(pgjobs.__version__) and self.fingerprint != schema.fingerprint()

    def check(self) -> None:
        """Raise SchemaError unless this pgjobs may work with it."""
        mine = pgjobs.__version__
        if number(mine) > number(self.version):
            raise SchemaError(f"the database is of pgjobs {self.version}, and this is pgjobs {mine}, a newer one")
        if number(mine) < number(self.compatible_from):
            raise SchemaError(
                f"this is pgjobs {mine}, and the database works with pgjobs {self.compatible_from} or later",
                f"install pgjobs {self.version}, then start it again",
            )


def number(version: str | None) -> tuple[int, ...]:
    """A version to compare others with: three numbers, of which the missing ones are 0."""
    return tuple(int(part) for part in [*re.findall(r"\d+", version or ""), 0, 0, 0][:3])
