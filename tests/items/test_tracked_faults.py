"""Tracked jobs in trouble: daemons that die at any point, answers that come twice, late, early or never."""

import signal
from typing import Any

import pika
import pytest
from fix_items import Tracked
from fix_rounds import BAD, GOOD, settled

from pgjobs.failpoints import ITEM_CRASHES

ITEMS = 40
CRASHES = [
    *((point, 1) for point in ITEM_CRASHES),
    *((point, n) for point in ("after_publish", "after_confirm", "after_checkpoint") for n in (1, 4, 8)),
    *((point, 3) for point in ("after_answers", "after_report", "after_announce", "before_sync", "after_sync")),
    ("after_prepare", 1),
    ("before_finish", 1),
    ("before_finish", 2),
    ("after_finish", 1),
]


class Flaky:
    """Answers each message twice; a third of the items fail at their first attempt, and one in ten for ever."""

    def __init__(self) -> None:
        self.failed: set[int] = set()

    def __call__(self, properties: pika.BasicProperties, body: Any) -> object:
        n = body["n"]
        if n % 10 == 0:
            return [BAD]
        # The same attempt is always answered alike, also where it is delivered again.
        if n % 3 == 0 and str(properties.message_id).endswith("-1"):
            return [BAD]
        return [GOOD, GOOD]


@pytest.mark.parametrize(("point", "count"), CRASHES)
def test_a_daemon_that_dies_loses_no_item(tracked: Tracked, point: str, count: int) -> None:
    """A daemon dies, another one goes on: each item is closed once, and counted, logged and tried by the rules."""
    tracked.rules(retry_limit=1)
    tracked.targets(ITEMS)
    job = tracked.add_job(shards=2)
    tracked.consume(Flaky())
    engine = tracked.engine
    dying = engine.start(ready=False, fault=f"{point}:{count}", lease_seconds=2)
    # How many batches answers come in is chance: one that does not reach its point is killed then.
    assert -signal.SIGKILL == dying.wait(30), dying.said[-3000:]
    engine.daemons.remove(dying)
    engine.start()
    found = settled(tracked, job, 2)
    assert ITEMS == sum(found.values())
    assert {"s", "f"} == found.keys()
    # A message that was sent twice may be answered twice: its second failure counts as that of the next attempt.
    assert 4 <= found["f"] <= 4 + ITEMS // 3
