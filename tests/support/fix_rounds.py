"""A shard of a tracked job that is driven by hand, call by call; and what has to be true of a job that is done."""

from __future__ import annotations

import asyncio
import uuid
from typing import Any

import psycopg
from fix_items import Tracked
from psycopg.types.json import Jsonb

from pgjobs.joblog.verify import examine

GOOD = {"result": "SUCCESSFUL"}
BAD = {"result": "ERROR_PROCESSING"}


def settled(tracked: Tracked, job: int, most: int) -> dict[str, int]:
    """What became of the items of a job that is done; each is closed, counted once, tried as often as it may be."""
    engine = tracked.engine
    engine.wait_status(job, "done")
    found = tracked.statuses(job)
    assert not found.keys() & {"w", "l", "r"}
    items = engine.rows("select * from pgjobs.items where job_id = %s", job)
    assert [] == [
        item["key"]
        for item in items
        if item["closed_at"] is None or item["answer"] in ("s", "f", "r") or item["attempts"] > most
    ]
    for table in ("item_retries", "item_offers"):
        assert 0 == engine.value(f"select count(*) from pgjobs.{table} where job_id = %s", job)  # noqa: S608 of two
    assert [] == asyncio.run(examine(engine.database_url, job)).findings
    lines = engine.log_lines(job)
    assert len(lines) == engine.counters(job).considered
    # An attempt has one line: the one that sent it, or the one that says that it was answered before.
    attempts = sum(item["attempts"] for item in items) + found.get("x", 0)
    assert attempts == len(lines)
    return found


class Hand:
    """The only shard of a job."""

    def __init__(self, tracked: Tracked, job: int) -> None:
        self.engine = tracked.engine
        self.job = job
        self.epoch = 0
        self.after: int | None = None
        self.take()

    def take(self) -> None:
        """Claim it, write its items and cut it where that has not happened, and begin a round where one is due."""
        engine = self.engine
        engine.execute("update pgjobs.shards set due_at = pgjobs.now() where job_id = %s and owner is null", self.job)
        (claimed,) = engine.rows(
            "select * from pgjobs.claim_shards(%s, '{}', true, interval '1 hour') where job_id = %s",
            uuid.uuid4(),
            self.job,
        )
        self.epoch = claimed["epoch"]
        if claimed["prepared"]:
            engine.execute(
                "select pgjobs.open_shard(%s, 0, %s, interval '1 hour', 'here', '/nowhere', 0,"
                " null, null, null, null, null, null)",
                self.job,
                self.epoch,
            )
            return
        engine.execute("select pgjobs.expand_items(%s)", self.job)
        engine.execute(
            "select pgjobs.open_shard(%s, 0, %s, interval '1 hour', 'here', '/nowhere', 0,"
            " m.start_key, m.first_key, m.end_key, m.send_limit, m.estimate, m.cuts)"
            " from pgjobs.measure_selection(%s) m",
            self.job,
            self.epoch,
            self.job,
        )

    def lose(self) -> None:
        """Its daemon is lost, and its lease runs out."""
        self.engine.execute(
            "update pgjobs.shards set lease_until = clock_timestamp(), lease_check_at = '-infinity' where job_id = %s",
            self.job,
        )

    def read(self) -> list[dict[str, Any]]:
        """What its cursor would read now."""
        position = self.engine.rows("select after_key, end_key from pgjobs.shards where job_id = %s", self.job)[0]
        statement = "select pgjobs.records_statement(%s, 0, %s, %s)"
        return self.engine.rows(
            self.engine.value(statement, self.job, position["after_key"], position["end_key"]).replace("%", "%%")
        )

    def announce(self, to_key: int) -> None:
        """Say how far will be published."""
        self.engine.execute("select pgjobs.renew_lease(%s, 0, %s, interval '1 hour', %s)", self.job, self.epoch, to_key)

    def checkpoint(self, *keys: int, on: psycopg.Connection[Any] | None = None) -> None:
        """Account for a window of these."""
        n = len(keys)
        (on or self.engine.database).execute(
            "select pgjobs.checkpoint_items(%s, 0, %s, interval '1 hour', %s, %s, %s, 0, 0, %s, 0, '', '', '{}',"
            " %s::bigint[])",
            (self.job, self.epoch, keys[-1], keys[-1], n, Jsonb([["sent", "", n]]), list(keys)),
        )

    def finish(self) -> str:
        """What finish_shard() says."""
        return str(self.engine.value("select pgjobs.finish_shard(%s, 0, %s)", self.job, self.epoch))
