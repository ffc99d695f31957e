"""Whatever the daemon's log says has begun, it says has ended as well."""

from __future__ import annotations

import asyncio
import logging
import uuid
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import psycopg
import pytest

from pgjobs.backoff import Backoff
from pgjobs.engine import supervisor
from pgjobs.engine.answers import Answers
from pgjobs.engine.maintenance import Maintenance
from pgjobs.engine.replies import Replies
from pgjobs.errors import Interrupted
from pgjobs.metrics import Metrics
from pgjobs.settings import read_settings


async def nothing(*_: object) -> None:
    """Answer nothing."""


@pytest.fixture
def told(caplog: pytest.LogCaptureFixture) -> Callable[[], list[str]]:
    """Level and words of what was logged."""
    caplog.set_level(logging.INFO)
    return lambda: [
        f"{record.levelname} {record.getMessage()}" for record in caplog.records if record.name.startswith("pgjobs.")
    ]


@pytest.mark.parametrize("error", [Interrupted("it is away"), OSError(13, "no"), None])
def test_a_task_that_works_again_says_so(
    told: Callable[[], list[str]], monkeypatch: pytest.MonkeyPatch, error: Exception | None
) -> None:
    """Once a task has got something done after an end of any kind, the log says so: once, and not before."""
    monkeypatch.setattr(Backoff, "pause", lambda _self: asyncio.sleep(0))
    ending, runs = asyncio.Event(), []

    async def work(works: Callable[[], None]) -> None:
        runs.append(1)
        if len(runs) < 3:
            if error is not None:
                raise error
            return
        assert not any("works again" in line for line in told())
        works()
        works()
        ending.set()

    async def act() -> None:
        kept = supervisor.Supervisor(nothing, ending)
        kept.start("leases", work)
        await kept.wait()
        await kept.close()

    asyncio.run(act())
    assert 3 == len(runs)
    assert 2 == len([line for line in told() if not line.startswith("INFO")])
    assert ["INFO leases: works again"] == told()[2:]


def test_a_chore_that_fails_is_told_once_and_that_it_works_again(
    told: Callable[[], list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same reason is told once, another one again; so is the end of it, here or at another daemon."""
    answers: list[Any] = []

    async def value(*_: object) -> object:
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    monkeypatch.setattr("pgjobs.pg.connection.value", value)
    control: Any = SimpleNamespace(closed=False)
    chores = Maintenance(read_settings(), uuid.uuid4())

    async def act(*found: object) -> None:
        for answer in found:
            answers.append(answer)
            await chores._try(control, "select pgjobs.sweep()")

    locked, full = psycopg.Error("locked"), psycopg.Error("no room")
    asyncio.run(act(None, locked, locked, full, 1, 2))
    assert [
        "WARNING a chore fails and is tried again: select pgjobs.sweep(): locked",
        "WARNING a chore fails and is tried again: select pgjobs.sweep(): no room",
        "INFO a chore works again: select pgjobs.sweep()",
    ] == [line.partition(" (")[0] if "WARNING" in line else line for line in told()]


def test_a_reply_queue_that_is_taken_again_is_told(told: Callable[[], list[str]]) -> None:
    """A queue that no answers are taken from is told once, and once that it is no longer so."""
    control: Any = SimpleNamespace(value=nothing)
    replies = Replies(read_settings(), control, Metrics(), uuid.uuid4())

    async def act() -> None:
        for refused in ({}, {"done": "404 none"}, {"done": "404 none"}, {}, {}):
            await replies._tell(refused)

    asyncio.run(act())
    assert [
        "WARNING no answers are taken from the reply queue 'done': 404 none",
        "INFO reply queue 'done': it is no longer refused, or no type names it any more",
    ] == told()


def test_answers_that_are_set_aside_are_not_forgotten_with_their_connection(told: Callable[[], list[str]]) -> None:
    """Where the connection of answers that were set aside ends, the log says so."""
    control: Any = SimpleNamespace()
    answers = Answers(control)
    answers._told = {"7", "all jobs"}
    answers.give_up()
    answers.give_up()
    assert [
        "INFO answers of job 7 are no longer set aside: their connection has ended, and they come again",
        "INFO answers of all jobs are no longer set aside: their connection has ended, and they come again",
    ] == told()
