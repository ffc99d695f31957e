"""What the other ways share: rows of a server-side cursor, a message made of each, an end by count or time."""

from __future__ import annotations

import argparse
import itertools
import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import psycopg
from psycopg.rows import dict_row

from pgjobs.bench.statements import statement
from pgjobs.settings import read_settings


@dataclass(frozen=True)
class Task:
    """What a script is asked to do."""

    queue: str
    queue_type: str
    count: int
    seconds: float
    date_from: str
    date_to: str
    confirm: bool
    database_url: str
    amqp_url: str


def task() -> Task:
    """The task from the command line and the environment."""
    parser = argparse.ArgumentParser()
    parser.add_argument("queue")
    parser.add_argument("queue_type")
    parser.add_argument("count", type=int)
    parser.add_argument("seconds", type=float)
    parser.add_argument("date_from")
    parser.add_argument("date_to")
    parser.add_argument("--confirm", action="store_true")
    settings = read_settings()
    given = vars(parser.parse_args())
    return Task(**given, database_url=settings.database_url, amqp_url=settings.amqp_url)


def charges(asked: Task) -> Iterator[tuple[int, dict[str, Any]]]:
    """(id, message) of each subscriber once, until the count is reached or the time is over.

    The query has its first row when this returns; the time begins when that is asked for.
    """
    connection = psycopg.connect(asked.database_url)
    cursor = connection.cursor("charges", row_factory=dict_row)
    cursor.itersize = 2000
    cursor.execute(statement("charges"), {"date_from": asked.date_from, "date_to": asked.date_to})
    first = cursor.fetchone()

    def supply() -> Iterator[tuple[int, dict[str, Any]]]:
        seen: set[str] = set()
        until = time.monotonic() + asked.seconds
        with connection:
            for row in itertools.chain([first] if first else [], cursor):
                if row["msisdn"] in seen:
                    continue
                if len(seen) == asked.count or time.monotonic() > until:
                    return
                seen.add(row["msisdn"])
                yield row["id"], message(row)

    return supply()


def message(row: dict[str, Any]) -> dict[str, Any]:
    """The event a consumer expects."""
    return {
        "event_name": "charge",
        "event_data": {
            "attempts_count": 10,
            "type": "expired",
            "msisdn": row["msisdn"],
            "tid": row["tid"],
            "operator_code": row["operator_code"],
            "country_code": row["country_code"],
            "service_code": str(row["id_service"]),
            "campaign_id": str(row["id_campaign"]),
            "subscription_id": row["id_subscription"],
            "retry_id": row["id"],
            "created_at": moment(row["created_at"]),
            "last_pay_attempt_at": moment(row["last_pay_attempt_at"]),
            "price": row["price"],
            "retry_days": row["keep_days"],
            "delay_hours": row["delay_hours"],
        },
    }


def moment(at: datetime) -> str:
    """RFC 3339."""
    return at.isoformat().replace("+00:00", "Z")


def encoded(event: dict[str, Any]) -> bytes:
    """The event as it goes over the wire."""
    return json.dumps(event, separators=(",", ":")).encode()
