"""Whoever changes items at the same time as others waits for them, and never for each other."""

import random
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from threading import Barrier
from typing import Any

import psycopg
import pytest
from fix_items import Tracked
from fix_rounds import Hand

Work = Callable[[psycopg.Connection[Any]], object]
ITEMS = 240
WINDOW = 12
ROUNDS = 12


@pytest.fixture
def sessions(tracked: Tracked) -> Iterator[list[psycopg.Connection[Any]]]:
    """Six sessions that count in the same slot of the counters, and notice a deadlock soon."""
    with ExitStack() as kept:
        found: list[psycopg.Connection[Any]] = []
        while len(found) < 6:
            one = kept.enter_context(tracked.engine.connect())
            if found and (one.info.backend_pid - found[0].info.backend_pid) % 8:
                one.close()
                continue
            one.execute("set deadlock_timeout = '5ms'")
            found.append(one)
        yield found


def together(sessions: Sequence[psycopg.Connection[Any]], works: Sequence[Work]) -> list[str]:
    """Do these at the same moment, each in a session of its own; which of them ended in a deadlock."""
    start = Barrier(len(works))

    def one(session: psycopg.Connection[Any], work: Work) -> str | None:
        start.wait(60)
        try:
            work(session)
        except psycopg.errors.DeadlockDetected as error:
            return str(error)
        return None

    with ThreadPoolExecutor(len(works)) as pool:
        ended = list(pool.map(one, sessions, works))
    return [problem for problem in ended if problem]


def scattered(tracked: Tracked) -> Hand:
    """A job of a type without a route whose items do not lie in the order of their keys; the first half is launched."""
    hand = Hand(tracked, tracked.add_job())
    tracked.engine.execute("update pgjobs.items set target = target where job_id = %s and key %% 3 = 0", hand.job)
    hand.announce(ITEMS)
    for first in range(1, ITEMS // 2, WINDOW):
        hand.checkpoint(*range(first, first + WINDOW))
    return hand


def reports(job: int, result: str) -> Work:
    """Answers to all of its items, in any order."""
    ids = [f"{job}-{key}" for key in random.sample(range(1, ITEMS + 1), ITEMS)]
    bodies = [f'{{"result": "{result}"}}'] * ITEMS
    return lambda session: session.execute("select pgjobs.report_items(%s, %s)", (ids, bodies))


def repeats(number: int, statement: str, *args: object) -> Work:
    """A statement so many times, each in a transaction of its own."""

    def work(session: psycopg.Connection[Any]) -> None:
        for _ in range(number):
            session.execute(statement, args)

    return work


def launches(hand: Hand) -> Work:
    """The checkpoints of the second half."""

    def work(session: psycopg.Connection[Any]) -> None:
        for first in range(ITEMS // 2 + 1, ITEMS, WINDOW):
            hand.checkpoint(*range(first, first + WINDOW), on=session)

    return work


def test_no_deadlock_among_those_who_change_items(
    tracked: Tracked, sessions: Sequence[psycopg.Connection[Any]]
) -> None:
    """Answers, time-outs, launches, takers and a cancel or a delete meet over the same items, many times."""
    tracked.rules(routing_key=None, reply_queue=None, retry_limit=1, execution_limit="1 microsecond")
    tracked.targets(ITEMS)
    takes = repeats(8, "select pgjobs.take_items('a', 'tracked', 200, interval '1 microsecond')")
    for number in range(ROUNDS):
        hand = scattered(tracked)
        answers = [reports(hand.job, "SUCCESSFUL"), reports(hand.job, "ERROR")]
        ends = repeats(3, "select pgjobs.close_overdue(%s, 0)", hand.job)
        cancels = repeats(1, "select pgjobs.cancel_job(%s)", hand.job)
        works = [*answers, ends, launches(hand), takes, cancels]
        assert [] == together(sessions, works if number % 3 else works[:-1])
        tracked.statuses(hand.job)
        tracked.engine.execute(
            "update xmp_jobs set status = 'canceled' where id = %s and status <> 'canceled'", hand.job
        )
        hand.lose()
        forgets = repeats(1, "delete from xmp_jobs where id = %s", hand.job)
        assert [] == together(sessions, [*answers, forgets, takes])
    for session in sessions:
        session.close()
    assert 0 == tracked.engine.value("select deadlocks from pg_stat_database where datname = current_database()")
