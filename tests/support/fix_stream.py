"""Helpers: event streams read as browsers read them, and a hub on this event loop with viewers that take notes."""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterable
from typing import Any, NamedTuple, Self

import httpx
from fix_services import soon_async

from pgjobs.web.doors.page.hub import Hub
from pgjobs.web.doors.page.viewer import Key, State, Update, Viewer, update


class Event(NamedTuple):
    """An event as a browser hands it to a script."""

    name: str
    id: str
    data: str


def read_event(block: str) -> Event | None:
    """The event that a block of lines is; None: a comment, or a setting of the stream alone."""
    fields: dict[str, list[str]] = {}
    for line in block.split("\n"):
        name, _, value = line.partition(":")
        fields.setdefault(name, []).append(value.removeprefix(" "))
    if "data" not in fields:
        return None
    return Event(fields.get("event", ["message"])[-1], fields.get("id", [""])[-1], "\n".join(fields["data"]))


async def events(client: httpx.AsyncClient, path: str, **headers: str) -> AsyncGenerator[Event, None]:
    """The events of a stream until it ends; one that has not been answered with 200 is an AssertionError."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    async with client.stream("GET", path, headers=named, timeout=40) as answer:
        assert (200, "text/event-stream; charset=utf-8") == (answer.status_code, answer.headers["content-type"])
        text = ""
        async for part in answer.aiter_text():
            *blocks, text = (text + part).split("\n\n")
            for block in blocks:
                if (event := read_event(block)) is not None:
                    yield event


def figure(html: str, term: str) -> int:
    """A number of the progress of a job, by the word that stands beside it."""
    found = re.search(rf"<dt>{term}[^<]*</dt><dd>([^<]*)</dd>", html)
    assert found, f"{term} is not in {html}"
    return int(re.sub(r"\D", "", found[1]))


def noted(job: int, state: State | None) -> Update:
    """A state as an event whose data is the state itself."""
    if state is None:
        return update("gone", str(job))
    return update("ended" if state["final"] else "progress", json.dumps(state), last=state["final"])


class Notes:
    """A viewer that reads at once, and keeps what it was told."""

    def __init__(self, hub: Hub, jobs: Iterable[Key], token: bytes | None = None, shown: Any = noted) -> None:
        self.viewer = Viewer(jobs, shown, token)
        self.events: list[Event] = []
        self.over = False
        self._hub = hub

    def __enter__(self) -> Self:
        self._hub.join(self.viewer)
        self._task = asyncio.create_task(self._read())
        return self

    def __exit__(self, *_: object) -> None:
        self._hub.leave(self.viewer)
        self._task.cancel()

    @property
    def names(self) -> list[str]:
        """What its events are called."""
        return [event.name for event in self.events]

    @property
    def states(self) -> list[dict[str, Any]]:
        """The states that it was told."""
        return [json.loads(event.data) for event in self.events if event.name in ("progress", "ended")]

    async def sees(self, condition: Callable[[Notes], bool]) -> None:
        """Wait until what it was told is so."""
        assert await soon_async(lambda: condition(self)), self.events[-3:]

    async def sees_state(self, state: str) -> None:
        """Wait until the last state that it was told is this one."""
        await self.sees(lambda notes: notes.states[-1]["state"] == state)

    async def _read(self) -> None:
        while updates := await self.viewer.next():
            found = (read_event(block) for each in updates for block in each.sent.decode().split("\n\n"))
            self.events += [event for event in found if event is not None]
        self.over = True


@contextlib.asynccontextmanager
async def a_hub(url: str, most: int = 100) -> AsyncIterator[Hub]:
    """A hub on a database, on this event loop."""
    hub = Hub(url, asyncio.Event(), most)
    try:
        yield hub
    finally:
        await hub.close()
