"""Depths of queues: measured by one daemon, from what the broker says, and kept for people to see."""

import uuid

import pytest
from fix_broker import Drain
from fix_daemon import Engine
from fix_jobs import Db
from psycopg.types.json import Jsonb


def depth(engine: Engine, queue: str) -> tuple[object, ...] | None:
    """What is kept of a queue: messages ready, consumers, trouble."""
    found = engine.rows("select ready, consumers, trouble from pgjobs.queue_depths where queue = %s", queue)
    return tuple(found[0].values()) if found else None


def test_the_elected_daemon_measures(engine: Engine) -> None:
    """What lies in the queues of the registered types is measured now and then; of one that is missing it is said."""
    missing = f"missing-{uuid.uuid4().hex}"
    engine.execute("update xmp_job_types set routing_key = %s where name = 'injection'", missing)
    engine.add_retries(9)
    job = engine.add_job("expired")
    daemon = engine.start()
    engine.wait_status(job, "done")
    engine.wait_for(lambda: depth(engine, engine.queue) == (9, 0, None), "the queue is measured")
    ready, consumers, trouble = depth(engine, missing) or ()
    assert (None, None) == (ready, consumers)
    assert f"queue {missing!r}: 404" in str(trouble)
    with Drain(engine.amqp_url) as reader:
        assert 9 == len(list(reader.read(engine.queue)))
    engine.execute("update pgjobs.queue_depths set measured_at = measured_at - interval '1 minute'")
    engine.wait_for(lambda: depth(engine, engine.queue) == (0, 0, None), "it is measured again")
    assert " ERROR " not in daemon.said


def test_a_broker_that_is_away_is_what_is_noted(engine: Engine) -> None:
    """Without a broker every queue has its words, and the daemon goes on."""
    daemon = engine.start(amqp_url="amqp://guest:guest@127.0.0.1:1/%2F")
    engine.wait_for(lambda: depth(engine, engine.queue) is not None, "the queue is noted")
    ready, consumers, trouble = depth(engine, engine.queue) or ()
    assert (None, None) == (ready, consumers)
    assert "broker" in str(trouble)
    assert daemon.running
    assert " ERROR " not in daemon.said


ELECT = "select pgjobs.elect(%s, '30 s')"
DUE = "select array(select pgjobs.queues_to_measure(%s, '15 s'))"


def test_only_the_elected_one_is_asked(db: Db) -> None:
    """A queue is measured by one daemon, and not again before its time; the types say which ones there are."""
    elected, other = uuid.uuid4(), uuid.uuid4()
    assert db.value(ELECT, elected)
    db.execute("update xmp_job_types set routing_key = 'a', queue = null where name <> 'mailing'")
    db.execute("update xmp_job_types set exchange = 'x', routing_key = 'k', queue = 'named' where name = 'injection'")
    assert [["a", "named"], []] == [db.value(DUE, daemon) for daemon in (elected, other)]
    db.execute("select pgjobs.note_depths(%s)", (Jsonb([{"queue": "a", "ready": 3, "consumers": 1}]),))
    assert ["named"] == db.value(DUE, elected)
    db.execute("update pgjobs.queue_depths set measured_at = measured_at - interval '16 seconds'")
    assert ["a", "named"] == db.value(DUE, elected)
    db.execute("insert into pgjobs.item_totals (type, status, n) values ('mailing', 'j', 1)")
    assert ["a", "mailing_replies", "mailings", "named"] == db.value(DUE, elected)


@pytest.mark.parametrize(
    "said", [[], [{}], [{"queue": None}], [{"queue": "b", "ready": 1}, {"queue": "b2", "trouble": "t"}]]
)
def test_what_nobody_measures_is_forgotten(db: Db, said: list[object]) -> None:
    """A queue that no type has any more is gone after a day."""
    db.execute("select pgjobs.note_depths(%s)", (Jsonb([{"queue": "old", "ready": 3}, {"queue": "new", "ready": 3}]),))
    db.execute("update pgjobs.queue_depths set measured_at = now() - interval '25 hours' where queue = 'old'")
    db.execute("select pgjobs.note_depths(%s)", (Jsonb(said),))
    assert {"new", *(each["queue"] for each in said if isinstance(each, dict) and each.get("queue"))} == set(
        db.column("select queue from pgjobs.queue_depths")
    )
