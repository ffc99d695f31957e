"""Fixtures: the door of mailings with database, broker, daemons and a consumer that answers."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from fix_daemon import Engine
from fix_items import Answer, Consumer
from fix_web import Web

from pgjobs.lab.roles import member_url
from pgjobs.settings import read_settings

GOOD = {"result": "SUCCESSFUL"}
BAD = {"result": "ERROR"}


class Mailings:
    """Calls the door, and looks at what becomes of it."""

    def __init__(self, engine: Engine, web: Web, replies: str) -> None:
        self.engine = engine
        self.web = web
        self.replies = replies
        self.consumers: list[Consumer] = []

    def call(self, method: str, path: str, body: object = None, **options: Any) -> httpx.Response:
        """A request below /api/v1."""
        given = {} if body is None else {"json": body}
        return self.web.call(method, f"/api/v1{path}", **given, **options)

    def client(self, **fields: object) -> int:
        """The id of a new client."""
        usual = {"phone": "79001234567", "operator_code": "900", "timezone": "UTC"}
        answer = self.call("POST", "/clients/", usual | fields)
        assert 201 == answer.status_code, answer.text
        return int(answer.json()["id"])

    def mailing(self, **fields: object) -> int:
        """The id of a new mailing, which is due and lasts an hour where nothing else is said."""
        usual = {"start_time": "2022-12-02T16:50:00Z", "text": "hello", "end_time": in_seconds(3600)}
        answer = self.call("POST", "/mailings/", usual | fields)
        assert 201 == answer.status_code, answer.text
        return int(answer.json()["id"])

    def counts(self, mailing: int | None = None) -> dict[str, int]:
        """The statistics of a mailing, or of all, by status."""
        answer = self.call("GET", "/mailings/" if mailing is None else f"/mailings/{mailing}")
        assert 200 == answer.status_code, answer.text
        return {row["status"]: row["count"] for row in answer.json()["message_data"]}

    def total(self) -> int:
        """How many mailings there are."""
        return int(self.call("GET", "/mailings/").json()["total_mailings"])

    def becomes(self, mailing: int | None, counts: dict[str, int]) -> None:
        """Wait until the statistics are these."""
        self.engine.wait_for(lambda: self.counts(mailing) == counts, f"{counts}, not {self.counts(mailing)}")

    def consume(self, answer: Answer) -> Consumer:
        """A consumer that answers so; properties of a message and its body are what it gets."""
        made = Consumer(self.engine.amqp_url, self.engine.queue, answer)
        self.consumers.append(made)
        return made

    def counted_by_hand(self) -> dict[str, int]:
        """The statistics of all, from the items themselves."""
        rows = self.engine.rows(
            "select pgjobs.message_status(i.status) as status, count(*) as n from pgjobs.items i"
            " join xmp_jobs j on j.id = i.job_id where j.type = 'mailing' and j.deleted_at is null group by 1"
        )
        return {row["status"]: row["n"] for row in rows}


def in_seconds(seconds: float) -> str:
    """A moment so far from now."""
    return f"{datetime.now(UTC) + timedelta(seconds=seconds):%Y-%m-%dT%H:%M:%S.%fZ}"


def by_phone(answers: Callable[[int], object]) -> Answer:
    """A consumer's answer by the phone in the message."""
    return lambda _properties, body: answers(body["phone"])


def noting(seen: list[Any]) -> Answer:
    """A consumer that answers well, and keeps the messages."""

    def answer(_properties: object, body: object) -> object:
        seen.append(body)
        return GOOD

    return answer


@pytest.fixture
def mailings(engine: Engine, reply_queue: str) -> Iterator[Mailings]:
    """The door on the test's database; messages come to the engine's queue, and answers go to one of the test's own."""
    engine.execute("update xmp_job_types set reply_queue = %s where name = 'mailing'", reply_queue)
    with Web(read_settings(database_url=member_url(engine.database_url, "pgjobs_web"))) as web:
        made = Mailings(engine, web, reply_queue)
        try:
            yield made
        finally:
            for consumer in made.consumers:
                consumer.close()
