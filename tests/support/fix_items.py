"""Fixtures: a tracked type over a table of targets, and consumers that answer as they are told."""

import json
import threading
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import pika
import pytest
from fix_broker import Drain
from fix_daemon import Engine
from psycopg.types.json import Jsonb

SELECTOR = """
create function public.target_records(_job bigint, _shard integer, _after bigint, _end bigint) returns text
language sql stable as $f$
  select 'select t.id as key, t.target, t.code, null::text as detail, case when t.code is null then t.body end as body'
    || ' from public.targets t where true' || coalesce(' and t.id > ' || _after, '')
    || coalesce(' and t.id <= ' || _end, '') || ' order by t.id'
$f$
"""

Answer = Callable[[pika.BasicProperties, Any], object]
"""What a consumer answers to a message: a JSON value, bytes, a list of either for several answers, or None for none."""


class Consumer:
    """A thread that takes messages from a queue and answers each on its reply queue."""

    def __init__(self, amqp_url: str, queue: str, answer: Answer) -> None:
        self.seen: list[pika.BasicProperties] = []
        self._answer = answer
        self._queue = queue
        self._url = amqp_url
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        with pika.BlockingConnection(pika.URLParameters(self._url)) as connection:
            channel = connection.channel()
            for method, properties, body in channel.consume(self._queue, inactivity_timeout=0.02):
                if self._ended.is_set():
                    return
                if method is None:
                    continue
                self.seen.append(properties)
                for answer in answers(self._answer(properties, json.loads(body))):
                    content = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
                    own = pika.BasicProperties(correlation_id=properties.correlation_id)
                    channel.basic_publish("", str(properties.reply_to), content, own)
                channel.basic_ack(method.delivery_tag)

    def close(self) -> None:
        """Take nothing more."""
        self._ended.set()
        self._thread.join(30)


def answers(said: object) -> list[object]:
    """The answers that a consumer gives to one message."""
    if said is None:
        return []
    return said if isinstance(said, list) else [said]


class Tracked:
    """A type of the name `tracked` whose records are the rows of public.targets."""

    def __init__(self, engine: Engine, replies: str) -> None:
        self.engine = engine
        self.replies = replies
        self.consumers: list[Consumer] = []

    def rules(self, **columns: object) -> None:
        """Change columns of the type."""
        for name, value in columns.items():
            statement = f"update xmp_job_types set {name} = %s where name = 'tracked'"  # noqa: S608 a name of the test's
            self.engine.execute(statement, value)

    def targets(self, number: int) -> None:
        """So many targets."""
        self.engine.execute(
            "insert into public.targets (id, target, body) select i, 'dev-' || i, json_build_object('n', i)::text"
            " from generate_series(1, %s) i",
            number,
        )

    def consume(self, answer: Answer) -> Consumer:
        """A consumer that answers so."""
        made = Consumer(self.engine.amqp_url, self.engine.queue, answer)
        self.consumers.append(made)
        return made

    def add_job(self, **columns: object) -> int:
        """Insert a job that is due."""
        given = {"params": {}} | columns
        names = ", ".join(("type", *given))
        places = ", ".join(["%s"] * (1 + len(given)))
        statement = f"insert into xmp_jobs ({names}) values ({places}) returning id"  # noqa: S608 names of the test's
        values = (Jsonb(value) if isinstance(value, dict) else value for value in given.values())
        return int(self.engine.value(statement, "tracked", *values))

    def statuses(self, job: int) -> dict[str, int]:
        """How many items have which status, counted; what pgjobs.item_counts says has to be the same."""
        rows = self.engine.rows("select status::text, count(*) n from pgjobs.items where job_id = %s group by 1", job)
        found = {row["status"]: int(row["n"]) for row in rows}
        kept = self.kept(job)
        assert {status: n for status, n in kept.items() if status in "wlrsftcx"} == found
        return found

    def kept(self, job: int) -> dict[str, int]:
        """What pgjobs.item_counts says."""
        rows = self.engine.rows(
            "select status::text, sum(n)::int n from pgjobs.item_counts"
            " where job_id = %s group by 1 having sum(n) <> 0",
            job,
        )
        return {row["status"]: row["n"] for row in rows}

    def item(self, job: int, key: int) -> dict[str, Any]:
        """One item."""
        (row,) = self.engine.rows(
            "select *, status::text as status from pgjobs.items where job_id = %s and key = %s", job, key
        )
        return row

    def faults(self) -> dict[str, int]:
        """What was wrong with answers."""
        return {row["kind"]: row["n"] for row in self.engine.rows("select kind, n from pgjobs.reply_faults")}

    def queued(self) -> int:
        """Messages that wait in the reply queue."""
        with Drain(self.engine.amqp_url) as broker:
            return broker.depth(self.replies)

    def report(self, *answers: tuple[str | None, object]) -> None:
        """Answer by SQL: (id, body) each."""
        ids = [each for each, _ in answers]
        bodies = [body if body is None or isinstance(body, str) else json.dumps(body) for _, body in answers]
        jobs = self.engine.value("select array_agg(r.job_id) from pgjobs.report_items(%s, %s) r", ids, bodies)
        self.engine.execute("select pgjobs.settle_items(%s)", jobs or [])


@pytest.fixture
def reply_queue(engine: Engine) -> Iterator[str]:
    """The name of a queue for answers, at the broker of the engine."""
    name = f"pgjobs-replies-{uuid.uuid4().hex[:12]}"
    with Drain(engine.amqp_url) as broker:
        broker.channel.queue_declare(name, durable=True)
    try:
        yield name
    finally:
        with Drain(engine.amqp_url) as broker:
            broker.channel.queue_delete(name)


@pytest.fixture
def tracked(engine: Engine, reply_queue: str) -> Iterator[Tracked]:
    """A tracked type with a reply queue, on the queue of the engine."""
    engine.execute("create table public.targets (id bigint primary key, target text, body text, code text)")
    engine.execute(SELECTOR)
    engine.execute(
        "insert into xmp_job_types (name, selector, routing_key, tracked, reply_queue)"
        " values ('tracked', 'public.target_records', %s, true, %s)",
        engine.queue,
        reply_queue,
    )
    made = Tracked(engine, reply_queue)
    try:
        yield made
    finally:
        for consumer in made.consumers:
            consumer.close()
