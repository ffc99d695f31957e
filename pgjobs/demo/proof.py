"""The accounts of the demo: what SQL counted, what the log says, what lies in the queue; they have to agree."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import pika

from pgjobs.ops.progress import Look

LINE = re.compile(rb'time="[^"]*" level=info msg=.* action=(sent|skip) (?:error=.* )?id=(\d+)\n').fullmatch
SILENCE_SECONDS = 15.0


@dataclass
class Queue:
    """The messages of a queue, taken off it and counted one by one."""

    depth: int
    records: dict[int | None, list[int]]
    """By job: the records whose messages are there."""
    example: tuple[pika.BasicProperties, bytes] | None


def read_queue(amqp_url: str, name: str) -> Queue:
    """Take every message off a queue, like any consumer."""
    records: dict[int | None, list[int]] = defaultdict(list)
    example: list[tuple[pika.BasicProperties, bytes]] = []
    connection = pika.BlockingConnection(pika.URLParameters(amqp_url))
    try:
        channel = connection.channel()
        depth = int(channel.queue_declare(name, passive=True).method.message_count)
        left = depth

        def take(_channel: Any, _method: Any, properties: pika.BasicProperties, body: bytes) -> None:
            nonlocal left
            left -= 1
            job = (properties.headers or {}).get("x-job-id")
            records[job].append(int(str(properties.message_id).rpartition("-")[2]))
            if not example:
                example.append((properties, body))
            if left == 0:
                channel.stop_consuming()

        def look(left_before: int) -> None:
            """What does not come is missing, and waiting for it has to end."""
            if left == left_before:
                channel.stop_consuming()
            else:
                connection.call_later(SILENCE_SECONDS, partial(look, left))

        if depth:
            channel.basic_consume(name, take, auto_ack=True)
            look(depth + 1)
            channel.start_consuming()
    finally:
        connection.close()
    return Queue(depth, dict(records), example[0] if example else None)


@dataclass
class Log:
    """The lines of a job's log."""

    sent: list[int] = field(default_factory=list)
    skipped: list[int] = field(default_factory=list)
    faulty: int = 0


def read_log(path: Path) -> Log:
    """Read a log line by line; a line without an action is an error of the service itself."""
    log = Log()
    with path.open("rb") as lines:
        for line in lines:
            found = LINE(line)
            if found is None:
                log.faulty += 1
            else:
                (log.sent if found[1] == b"sent" else log.skipped).append(int(found[2]))
    return log


@dataclass
class Account:
    """One job in three accounts."""

    look: Look
    dry_run: bool
    log: Log
    queued: list[int]

    @property
    def differences(self) -> list[str]:
        """Where the accounts do not agree, in words."""
        look, log = self.look, self.log
        name = f"job {look.id}"
        wanted = 0 if self.dry_run else look.sent
        found = []
        if look.status != "done":
            found.append(f"{name} is {look.status}: {look.why}")
        for what, counted, there in (
            ("sent, SQL counts", look.sent, ("the log has", len(log.sent))),
            ("skipped, SQL counts", look.skipped + look.returned, ("the log has", len(log.skipped))),
            ("sent, SQL counts", wanted, ("the queue holds", len(self.queued))),
        ):
            if counted != there[1]:
                found.append(f"{name}: {what} {counted:,}, {there[0]} {there[1]:,}")
        if log.faulty:
            found.append(f"{name}: {log.faulty:,} lines of the log have no action")
        found += [f"{name}: {words}" for words in self._twice_or_missing()]
        return found

    def _twice_or_missing(self) -> list[str]:
        found = []
        for book, records in (("log", self.log.sent + self.log.skipped), ("queue", self.queued)):
            twice = [record for record, times in Counter(records).items() if times > 1]
            if twice:
                found.append(f"{len(twice):,} records are more than once in the {book}, record {min(twice)} first")
        if not self.dry_run:
            apart = set(self.log.sent) ^ set(self.queued)
            if apart:
                found.append(f"log and queue differ in {len(apart):,} records, record {min(apart)} first")
        return found
