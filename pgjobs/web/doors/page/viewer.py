"""A viewer: a browser that is sent what moves, and a mailbox that keeps only the newest of what it has not read.

So a viewer that reads slowly costs nothing but its place: it misses states in between, and never the last one.
"""

from __future__ import annotations

import asyncio
import hashlib
import math
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

LINE = re.compile("\r\n|\r|\n")
"""Where a line ends for an event stream, and nowhere else."""
ID_LETTERS = 12


class Update(NamedTuple):
    """An event of a stream: its id, which says what it shows, and the bytes that are sent; `last`: nothing follows."""

    id: str
    sent: bytes
    last: bool = False


State = Mapping[str, Any]
"""What moves of a job, as pgjobs.page_progress() has it."""
Key = int | str
"""What is watched: a job by its number, or what stands above the list of a type ("": of all)."""
Shown = Callable[[Key, State | None], Update]
"""How the state of a job is told to those who watch it in one way; None: there is no such job."""
PING = Update("", b": nothing new\n\n")
"""A comment, by which proxies and connections that have died show themselves."""


def update(event: str, text: str, *, last: bool = False) -> Update:
    """An event of this name with this text; the same text has the same id, in every process."""
    digest = hashlib.sha256(f"{event}\n{text}".encode("utf-8", "replace")).hexdigest()[:ID_LETTERS]
    data = "".join(f"data: {line}\n" for line in LINE.split(text))
    return Update(digest, f"event: {event}\nid: {digest}\n{data}\n".encode("utf-8", "replace"), last)


class Viewer:
    """Watches these jobs, each shown in one way; `token` is the digest of the token by which it may.

    `knows` is the id of the last event that its browser was sent before it connected again.
    """

    def __init__(self, jobs: Iterable[Key], shown: Shown, token: bytes | None = None, knows: str = "") -> None:
        self.jobs = frozenset(jobs)
        self.shown = shown
        self.token = token
        self.quiet_since = 0.0
        self._knows = knows
        self._unread: dict[object, Update] = {}
        self._over = False
        self._waiting: asyncio.Future[None] | None = None

    def put(self, about: object, what: Update) -> None:
        """Leave an event; one about the same that is still unread is not sent any more."""
        if self._over:
            return
        self._unread.pop(about, None)
        # Its browser shows that already. An end is said all the same, for it would come back again and again.
        if what.last or not what.id or what.id != self._knows:
            self._unread[about] = what
        if what.id:
            self._knows = ""
        self._over = what.last
        self._wake()

    def forget(self, about: object) -> None:
        """Do not send an event that is still unread: it is true no longer."""
        self._unread.pop(about, None)

    def dismiss(self, word: Update) -> None:
        """End it with this word; what is unread is not sent."""
        self._unread.clear()
        self.put(None, word)

    def end(self) -> None:
        """Nothing more comes; what is unread is sent."""
        self._over = True
        self._wake()

    async def next(self) -> list[Update]:
        """What is new, as soon as there is something; nothing: it is over."""
        while not self._unread and not self._over:
            self._waiting = asyncio.get_running_loop().create_future()
            await self._waiting
        found = [*self._unread.values()]
        self._unread.clear()
        return found

    async def first(self, seconds: float) -> Update | None:
        """What it is told first, if that comes within so long; it stays unread."""
        deadline = asyncio.get_running_loop().time() + seconds
        while not self._unread and not self._over:
            self._waiting = asyncio.get_running_loop().create_future()
            try:
                async with asyncio.timeout_at(deadline):
                    await self._waiting
            except TimeoutError:
                break
        return next(iter(self._unread.values()), None)

    @property
    def unread(self) -> int:
        """How many events wait for it: one about each job at most, one about the stream, and a comment."""
        return len(self._unread)

    def _wake(self) -> None:
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_result(None)


@dataclass
class Watched:
    """A job that somebody watches: its last state, what was made of it, and when it is read next."""

    viewers: set[Viewer] = field(default_factory=set)
    newcomers: set[Viewer] = field(default_factory=set)
    state: State | None = None
    told: dict[Shown, Update] = field(default_factory=dict)
    due: float = -math.inf
    earliest: float = -math.inf

    def hurry(self) -> None:
        """Have it read as soon as it may be."""
        self.due = min(self.due, self.earliest)

    def publish(self, job: Key, state: State | None) -> set[Viewer]:
        """Tell a state to all where it is another one, and to those who know none yet; each telling is made once."""
        changed = state != self.state or not self.told
        if changed:
            self.state, self.told = state, {}
        found = self.viewers if changed else self.newcomers
        for viewer in found:
            if viewer.shown not in self.told:
                self.told[viewer.shown] = viewer.shown(job, state)
            viewer.put(job, self.told[viewer.shown])
        self.newcomers = set()
        return found
