"""What the type says of its messages reaches the broker: the format, its options, and a routing key for each record."""

import json
import uuid

from fix_broker import Drain
from fix_items import Tracked

ROUTED = """
create or replace function public.target_records(_job bigint, _shard integer, _after bigint, _end bigint) returns text
language sql stable as $f$
  select 'select t.id as key, t.target, null::text as code, null::text as detail, t.body, t.code as routing_key'
    || ' from public.targets t where true' || coalesce(' and t.id > ' || _after, '')
    || coalesce(' and t.id <= ' || _end, '') || ' order by t.id'
$f$
"""


def test_items_have_routes_of_their_own(tracked: Tracked) -> None:
    """A routing key of a record is kept with its item: its messages go there, at each attempt, and others do not."""
    engine, other = tracked.engine, f"pgjobs-other-{uuid.uuid4().hex[:12]}"
    with Drain(engine.amqp_url) as broker:
        broker.channel.queue_declare(other, durable=True)
    try:
        engine.execute(ROUTED)
        tracked.rules(format="plain", execution_limit="200 ms", retry_limit=1)
        tracked.targets(9)
        engine.execute("update public.targets set code = %s where id %% 3 = 0", other)
        job = tracked.add_job(shards=2)
        engine.start()
        engine.wait_status(job, "done")
        assert {"t": 9} == tracked.statuses(job)
        attempts = [f"{job}-{n}-{attempt}" for attempt in (1, 2) for n in (3, 6, 9)]
        sent = [str(message.properties.message_id) for message in engine.drain(other)]
        # Its shards reach the queue in any order.
        assert attempts == sorted(sent, key=lambda name: (name[-1], name))
        assert 12 == len(engine.drain())
    finally:
        with Drain(engine.amqp_url) as broker:
            broker.channel.queue_delete(other)


def test_calls_of_celery_tasks(tracked: Tracked) -> None:
    """A type of format celery sends calls of tasks; a body that is none is refused, and the others go out."""
    engine = tracked.engine
    tracked.rules(format="celery", format_options=json.dumps({"expires": 60}))
    tracked.targets(3)
    engine.execute('update public.targets set body = \'{"task": "shop.charge", "args": [1]}\' where id <> 2')
    job = tracked.add_job()
    engine.start()
    engine.wait_until("(select count(*) = 2 from pgjobs.items where status = 'l')")
    assert {"l": 2, "x": 1} == tracked.statuses(job)
    assert "bad_body" == tracked.item(job, 2)["result"]
    first, last = engine.drain()
    headers = first.properties.headers or {}
    assert ("shop.charge", f"{job}-1", f"{job}-3") == (headers["task"], headers["id"], last.properties.correlation_id)
    assert tracked.replies == first.properties.reply_to
    assert [[1], {}] == json.loads(first.body)[:2]
    tracked.report(
        *(
            (f"{job}-{n}", {"task_id": f"{job}-{n}", "status": status, "result": 7})
            for n, status in ((1, "SUCCESS"), (3, "REVOKED"))
        )
    )
    engine.wait_status(job, "done")
    assert {"s": 1, "f": 1, "x": 1} == tracked.statuses(job)
