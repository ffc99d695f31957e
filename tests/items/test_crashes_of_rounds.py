"""Daemons that die while attempts end by time, and while items are offered to agents that work in SQL alone."""

import contextlib
import json
import signal
import threading
from collections.abc import Iterator
from typing import Any

import pika
import pytest
from fix_items import Tracked
from fix_rounds import BAD, GOOD, settled

ITEMS = 24
SILENT = 4
TIMED = [
    ("after_open", 3),
    ("after_announce", 7),
    ("after_publish", 7),
    ("after_checkpoint", 6),
    ("after_checkpoint", 7),
    ("before_finish", 2),
    ("before_finish", 3),
    ("before_finish", 4),
    ("after_report", 2),
]
TAKEN = [
    ("after_expand", 1),
    ("after_prepare", 1),
    ("after_open", 2),
    ("mid_log_write", 2),
    ("before_sync", 3),
    ("after_sync", 3),
    ("after_checkpoint", 1),
    ("after_checkpoint", 4),
    ("before_finish", 1),
    ("before_finish", 3),
    ("after_finish", 1),
]


def dies(tracked: Tracked, point: str, count: int) -> None:
    """A daemon dies at a point, and another one goes on."""
    dying = tracked.engine.start(ready=False, fault=f"{point}:{count}", lease_seconds=2)
    # How many batches answers come in is chance: one that does not reach its point is killed then.
    assert -signal.SIGKILL == dying.wait(30), dying.said[-3000:]
    tracked.engine.daemons.remove(dying)
    tracked.engine.start()


def some_are_silent(_properties: pika.BasicProperties, body: Any) -> object:
    """One item in four is never answered."""
    return None if body["n"] % SILENT == 0 else GOOD


@pytest.mark.parametrize(("point", "count"), TIMED)
def test_what_is_never_answered_ends_by_time_whoever_dies(tracked: Tracked, point: str, count: int) -> None:
    """A daemon dies before, while or after attempts end by time: each item has all its attempts, and ends once."""
    tracked.rules(retry_limit=1, execution_limit="2 s")
    tracked.targets(ITEMS)
    job = tracked.add_job(shards=2)
    tracked.consume(some_are_silent)
    dies(tracked, point, count)
    settled(tracked, job, 2)
    for key in range(SILENT, ITEMS + 1, SILENT):
        item = tracked.item(job, key)
        assert ("t", 2, "ERROR_TIMEOUT") == (item["status"], item["attempts"], item["result"])


@contextlib.contextmanager
def taking(tracked: Tracked) -> Iterator[set[tuple[int, int]]]:
    """An agent in SQL alone: every third item fails at first, and what it takes with its first call is lost with it."""
    ended, seen = threading.Event(), set[tuple[int, int]]()

    def work() -> None:
        first = True
        with tracked.engine.connect() as connection:
            while not ended.wait(0.02):
                take = "select id, item, attempt from pgjobs.take_items('sql', 'tracked', 5, '500 ms')"
                taken = connection.execute(take).fetchall()
                if first and taken:
                    first = False
                    continue
                seen.update((key, attempt) for _, key, attempt in taken)
                bodies = [json.dumps(BAD if key % 3 == 0 and attempt == 1 else GOOD) for _, key, attempt in taken]
                report = "select pgjobs.report_items(%s::text[], %s::text[])"
                connection.execute(report, ([item_id for item_id, *_ in taken], bodies))
                connection.execute("select pgjobs.settle_items()")

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield seen
    finally:
        ended.set()
        thread.join(30)


@pytest.mark.parametrize(("point", "count"), TAKEN)
def test_what_is_taken_by_sql_is_offered_whoever_dies(tracked: Tracked, point: str, count: int) -> None:
    """A daemon dies before, while or after items are offered: each is offered in each attempt, and ends once."""
    tracked.rules(retry_limit=1, routing_key=None)
    tracked.targets(ITEMS)
    job = tracked.add_job(shards=2)
    with taking(tracked) as seen:
        dies(tracked, point, count)
        assert {"s": ITEMS} == settled(tracked, job, 2)
    assert {(key, 1) for key in range(1, ITEMS + 1)} | {(key, 2) for key in range(3, ITEMS + 1, 3)} == seen
    assert 8 == tracked.engine.value("select count(*) from pgjobs.items where attempts = 2")
