"""Turns: how many of something may go on at once; one more is refused, for nobody waits in line with a connection."""

from __future__ import annotations

from types import TracebackType

from pgjobs.web.errors import Problem


class Turns:
    """At most so many at once; `what` is the plural of it, as in a sentence."""

    def __init__(self, most: int, what: str) -> None:
        self._most = most
        self._what = what
        self._taken = 0

    async def __aenter__(self) -> None:
        """Take a turn, or refuse (503)."""
        if self._taken >= self._most:
            sentence = f"{self._taken} {self._what} are under way, as many as there may be"
            raise Problem(503, "too_many_at_once", sentence, "try again when one of them has ended")
        self._taken += 1

    async def __aexit__(self, _kind: type[BaseException] | None, _error: object, _trace: TracebackType | None) -> None:
        """Give the turn back."""
        self._taken -= 1
