"""A night of an operator: jobs in every state that the page has a word for, with what lies behind them.

What can run runs: on a real daemon, with a consumer that answers. What would take hours is written by hand.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pika
from fix_broker import Drain
from fix_daemon import Engine
from fix_items import Consumer
from psycopg.types.json import Jsonb

from pgjobs.lab import sample

REGISTRY = Path(sample.__file__).parents[1] / "demo" / "sql" / "registry.sql"
HOSTILE = '<img src=x onerror="document.title=1"><script>document.title=2</script>\'"&amp;{{7*7}}'
"""A name that would run where somebody forgot to escape it."""
REVERSED = "invoice \u202etxt.exe\u202c \u2066\u05e9\u05dc\u05d5\u05dd\u2069 end"
LONG = "Everything that the customer wanted to tell us about this job " * 165
UNBROKEN = "x" * 200
RETRIES = 3000
TRIED = "ProductsIntegrationExternalPurchaseSynchronizer"
FILE = "20261125_vip.csv"
STEPS = [
    {"name": "Look up the purchase", "result": "SUCCESSFUL", "timestamp": "2026-11-25T22:14:03.120Z"},
    {"name": "Ask Mediaroom", "result": "ERROR", "timestamp": "2026-11-25T22:14:04.871Z",
     "description": "HTTP 502 from mediaroom-3: upstream closed the connection"},
]  # fmt: skip
# How each view is reached; names of the night's jobs stand in brackets.
VIEWS: Mapping[str, str] = {
    "jobs": "/",
    "jobs-filtered": "/?status=Error",
    "running": "/job/[running]",
    "finished": "/job/[past]",
    "broken": "/job/[broken]",
    "tracked": "/job/[items]",
    "celery": "/job/[celery]",
    "hostile": "/job/[hostile]",
    "unbroken": "/job/[unbroken]",
    "events": "/job/[past]/events",
    "items": "/job/[items]/items?limit=25",
    "item": "/job/[items]/items/[item]",
    "log": "/job/[file]/log",
    "report": "/job/[past]/report",
    "tasks": "/tasks",
    "system": "/system",
    "alerts": "/alerts",
    "sign-in": "/sign-in",
    "unknown": "/job/99999999999",
    "lost": "/nothing",
}

# Three hours, of which a pause takes one, and then slower and slower.
HISTORY = """
with n as (
  select job_id, shard, number, row_number() over (order by number) / count(*) over ()::float8 as part
  from pgjobs.checkpoints where job_id = %s)
update pgjobs.checkpoints c
set at = now() - interval '7 hours' + make_interval(secs => 60 * case
  when n.part < 0.3 then 100 * n.part / 0.3
  when n.part < 0.5 then 160 + 110 * (n.part - 0.3) / 0.2
  else 270 + 90 * (n.part - 0.5) / 0.5 end)
from n where (n.job_id, n.shard, n.number) = (c.job_id, c.shard, c.number);
update xmp_jobs set created_at = now() - interval '8 hours', run_at = now() - interval '7 hours',
  finish_at = now() - interval '1 hour' where id = %s;
update pgjobs.shards set started_at = now() - interval '7 hours', finished_at = now() - interval '1 hour'
where job_id = %s;
update pgjobs.events set at = now() - case to_status when 'done' then interval '1 hour' else interval '7 hours' end
where job_id = %s"""
REMARK = """
insert into pgjobs.events (job_id, at, role, application, actor, pause)
values (%s, now() - make_interval(mins => %s), 'pgjobs_web', 'pgjobs web', 'token night-shift', %s)
"""
ENDED_LAST = """
with ended as (delete from pgjobs.events where job_id = %s and to_status = 'done' returning *)
insert into pgjobs.events (job_id, at, from_status, to_status, role, application, actor, reason)
select job_id, at, from_status, to_status, role, application, actor, reason from ended
"""
SILENT_DAEMON = """
insert into pgjobs.daemons (id, name, host, pid, version, started_at, seen_at, broker)
values (gen_random_uuid(), 'daemon-old', 'jobs-2', 811, '0.1.0', now() - interval '9 days',
  now() - interval '4 minutes', 'connection refused: amqp://mq-2')
"""


@dataclass
class Night:
    """The engine with its sample, and what its jobs are called."""

    engine: Engine
    jobs: dict[str, int] = field(default_factory=dict)
    failed_item: int = 0

    def __getitem__(self, name: str) -> int:
        return self.jobs[name]

    def add(self, handle: str, kind: str, **columns: object) -> int:
        """Insert a job under a handle of the tests."""
        given: dict[str, object] = {"params": {}} | columns
        marks = ", ".join(["%s"] * (1 + len(given)))
        statement = f"insert into xmp_jobs ({', '.join(('type', *given))}) values ({marks}) returning id"  # noqa: S608
        values = [Jsonb(value) if isinstance(value, dict) else value for value in given.values()]
        self.jobs[handle] = int(self.engine.value(statement, kind, *values))
        return self.jobs[handle]

    def by_hand(self, statement: str, *args: object) -> None:
        """Write what only time would bring, past all triggers."""
        self.engine.execute("set session_replication_role = replica")
        self.engine.execute(statement, *args)
        self.engine.execute("set session_replication_role = origin")


def address(night: Night, view: str) -> str:
    """The path of a view over this night."""
    path = VIEWS[view].replace("[item]", str(night.failed_item))
    for name, job in night.jobs.items():
        path = path.replace(f"[{name}]", str(job))
    return path


def answer(properties: pika.BasicProperties, body: Any) -> object:
    """What the agents of the night say: most items end well, some don't, and some are never heard of."""
    if not properties.reply_to or not isinstance(body, dict):
        return None
    number = int(str(body.get("target", body.get("phone", 0))).rpartition(" ")[2] or 0)
    if number % 11 == 3:
        return {
            "result": "ERROR_IN_PARAM",
            "description": "purchase not found in GAL South",
            "steps": STEPS,
            "agent": "sync-2",
        }
    if number % 11 == 7:
        return None
    if number % 11 == 9:
        return {"status": "failed", "result": "ERROR_PROCESSING", "description": "try again later", "agent": "sync-1"}
    return {"result": "SUCCESSFUL", "agent": f"sync-{1 + number % 2}"}


@contextmanager
def night(database_url: str, amqp_url: str, folder: Path) -> Iterator[Night]:
    """Fill a migrated database, and keep its daemon running until the block ends."""
    name = f"pgjobs-night-{uuid.uuid4().hex[:12]}"
    replies = f"{name}-replies"
    with ExitStack() as stack:
        for queue in (name, replies):
            stack.enter_context(_declared(amqp_url, queue))
        engine = stack.enter_context(Engine(database_url, amqp_url, name, folder))
        made = Night(engine)
        _registry(made, replies)
        consumer = Consumer(amqp_url, name, answer)
        stack.callback(consumer.close)
        _jobs(made)
        # A row that somebody has locked is taken by nobody: this job is being prepared all night.
        keeper = stack.enter_context(engine.connect())
        keeper.autocommit = False
        _creating(made, keeper)
        engine.start(window=25, max_running=12)
        _await(made)
        _past(made)
        _people(made)
        yield made
        keeper.rollback()


@contextmanager
def _declared(amqp_url: str, queue: str) -> Iterator[None]:
    with Drain(amqp_url) as broker:
        broker.channel.queue_declare(queue, durable=True, arguments={"x-queue-type": "classic"})
    try:
        yield
    finally:
        with Drain(amqp_url) as broker:
            broker.channel.queue_delete(queue)


def _registry(made: Night, replies: str) -> None:
    engine = made.engine
    # The sample has its own services, beside the one that injections of tests have.
    engine.execute("delete from xmp_services")
    sample.load(engine.database_url, RETRIES, 2 * RETRIES)
    engine.execute("insert into xmp_services (id, name, price) values (0, 'free', 0)")
    sample.write_injection_file(engine.injections_dir / FILE, 600, RETRIES)
    engine.execute(REGISTRY.read_text().replace("%", "%%"))
    engine.set_route(engine.queue)
    engine.execute("update xmp_job_types set reply_queue = %s where reply_queue is not null", replies)
    engine.execute("update xmp_job_types set retry_limit = 0 where name = 'MiView'")
    engine.execute("update xmp_job_types set execution_limit = '5 seconds' where name = 'MiView'")


def _jobs(made: Night) -> None:
    add = made.add
    add("subscriptions", "CMGSubscriptionSynchronizer", name="Subscriptions of November", params={"number": 2})
    add(
        "items",
        "MiView",
        name="MiView catalogue, Lisbon",
        params={"number": 64},
        media_type="Movie",
        reference_id="4711-PT",
    )
    add(
        "retried",
        TRIED,
        name="External purchases to Mediaroom",
        params={"number": 240},
        custom_type="nightly",
        priority=7,
    )
    add("past", "expired", name="Expired retries of 25 November", notes="as every night")
    add("dry", "expired", name="Trial of the new filter", params={"dry_run": 1, "never": 1})
    add("file", "injection", name="VIP customers", file_name=FILE, media_type="Campaign", reference_id="290")
    add("running", "expired", name="Expired retries, whole year", rate=2, priority=3)
    add("paused", "expired", name="Expired retries, Karachi", rate=20)
    add("stopped", "expired", name="Expired retries, Lahore", rate=20)
    add("broken", "injection", name="Numbers of the old shop", file_name="20261124_shop.csv")
    add("failed", "injection", name="Numbers of the campaign 291", file_name="20261020_gone.csv")
    add("later", "expired", name="Expired retries of 26 November", run_at="2099-11-26 22:00Z")
    add("inactive", "expired", name="Prepared for Monday", active=False)
    day = f"{datetime.now(UTC) + timedelta(days=3):%a}".upper()
    window = {"window": {"start": "03:00", "stop": "06:00", "days": [day], "zone": "Europe/Madrid"}}
    add("window", "expired", name="Once a week, at night", schedule=window, stop_at="2099-01-01Z")
    add("canary", "expired", name="First hundred of the new price", budget={"canary": {"first": 100}})
    call = {"task": "shop.tasks.charge", "args": [4711, "EUR"], "kwargs": {"retry": True, "note": None}}
    add(
        "celery",
        "Celery Job",
        name="Charge order 4711",
        params=call,
        configuration={"queue": made.engine.queue, "priority": 5},
    )
    add("hostile", "expired", name=HOSTILE, notes=HOSTILE, active=False)
    add("reversed", "expired", name=REVERSED, active=False)
    # Longer than what is taken today.
    made.by_hand("update xmp_jobs set name = %s where id = %s", LONG, add("long", "expired", active=False))
    add("unbroken", "expired", name=UNBROKEN, custom_type=UNBROKEN, active=False)


def _creating(made: Night, keeper: Any) -> None:
    job = made.add("creating", "Unit", name="Units of the north", params={"number": 5})
    made.by_hand("update pgjobs.shards set expand = true where job_id = %s", job)
    keeper.execute("select from pgjobs.shards where job_id = %s for update", (job,))


def _await(made: Night) -> None:
    engine = made.engine
    for handle in ("paused", "stopped"):
        engine.wait_considered(made[handle], 25)
    engine.execute("select pgjobs.pause_job(%s, 'token night-shift')", made["paused"])
    engine.set_status(made["stopped"], "canceled")
    for handle in ("past", "dry", "file", "subscriptions"):
        engine.wait_status(made[handle], "done")
    for handle in ("broken", "failed"):
        engine.wait_status(made[handle], "error")
    engine.wait_status(made["items"], "done")
    engine.wait_until("exists (select from pgjobs.holds where job_id = %s)", made["canary"])
    engine.wait_until("(select count(*) > 100 from pgjobs.items where job_id = %s and status = 's')", made["retried"])
    made.failed_item = int(
        engine.value("select min(key) from pgjobs.items where job_id = %s and steps is not null", made["items"])
    )


def _past(made: Night) -> None:
    """Give a job six hours of history, with a pause and a slow hour; another one has lost what it needs to go on."""
    job = made["past"]
    for statement in HISTORY.split(";"):
        made.by_hand(statement, job)
    for minutes, pause in ((320, "paused"), (260, "resumed")):
        made.by_hand(REMARK, job, minutes, pause)
    # Its end is told behind them.
    made.by_hand(ENDED_LAST, job)
    made.by_hand("update pgjobs.shards set cleared = '{lines}' where job_id = %s", made["failed"])


def _people(made: Night) -> None:
    """Tasks, agents, and a daemon that has fallen silent."""
    engine = made.engine
    insert = "insert into pgjobs.tasks (name, type, repeating, active, stops_at) values (%s, 'expired', %s, %s, %s)"
    # No job of it is made while anybody looks.
    far = f"{datetime.now(UTC) + timedelta(hours=12):%H}:00"
    daily = {"pattern": {"time": far, "zone": "Europe/Madrid", "daily": {}}}
    engine.execute(insert, "Expired retries of the day", Jsonb(daily), True, None)
    engine.execute(
        insert, "Purchases, every hour", Jsonb({"period": {"each": 60, "unit": "MINUTES"}}), True, "2099-01-01Z"
    )
    engine.execute(insert, HOSTILE, Jsonb(daily), False, None)
    for agent, kind, holds in (
        ("Subscription Synchronizer", "CMGSubscriptionSynchronizer", 0),
        ("External Purchase Synchronizer", TRIED, 12),
        ("Catalog Exporter", "ProductsIntegrationCatalogExporter", 0),
        ("celery@worker-7", "Celery Job", 3),
    ):
        beat = {"agent": agent, "types": [kind], "host": "worker-7", "pid": 4242, "holds": holds}
        engine.execute("select pgjobs.beat_agent(%s)", json.dumps(beat))
    made.by_hand("update pgjobs.agents set seen_at = now() - interval '11 minutes' where name = 'Catalog Exporter'")
    made.by_hand(SILENT_DAEMON)
