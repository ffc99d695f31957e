"""The shards of a job take turns: one of them is due at a time, and whoever takes it passes the turn on."""

import json

from fix_claims import TWO, cut, meanwhile, shards, take
from fix_jobs import Db, Notifications, connect, insert_job


def test_jobs_of_equal_priority_take_turns(db: Db) -> None:
    """Of a job of many shards one is due at a time: a job that falls due later starts before the next ones of them."""
    giant = cut(db, 8)
    (first,) = take(db)
    small = insert_job(db)
    db.execute("update pgjobs.shards set due_at = due_at - interval '30 s' where job_id = %s", (small,))
    assert [(small, 0), (giant, 1)] == shards(take(db, places=2, running=[first]))
    assert 1 == db.value("select count(*) from pgjobs.shards where job_id = %s and due_at is not null", giant)


def test_every_shard_has_its_turn(db: Db) -> None:
    """All shards of a job are handed out one behind the other, in one call or many, with a notification for those who
    wait; when all are held or finished none is due."""
    job = cut(db, 5)
    taken = take(db, places=2)
    taken += take(db, places=1, running=taken)
    taken += take(db, places=9, running=taken)
    assert [(job, shard, 1) for shard in range(5)] == taken
    assert [] == db.column("select shard from pgjobs.shards where due_at is not null")


def test_a_turn_is_passed_on_whatever_becomes_of_a_shard(db: Db) -> None:
    """A shard that is given up waits behind the one whose turn it is, and has its turn at once where none has it."""
    job = cut(db, 3)
    first, second = take(db, places=2)
    due = "select shard from pgjobs.shards where job_id = %s and due_at is not null"
    db.execute("select pgjobs.release_shard(%s, %s, %s, true, false)", first)
    assert [2] == db.column(due, job)
    third, again = take(db, places=2, running=[second])
    assert [(job, 2), (job, 0)] == shards([third, again])
    db.execute("select pgjobs.release_shard(%s, %s, %s, true, false)", second)
    assert [1] == db.column(due, job)


def test_two_sessions_never_lose_a_turn(db: Db, database: str) -> None:
    """While one session takes the shard whose turn it is, another gives up its own: that one has its turn then."""
    job = cut(db, 3)
    first, second = take(db, places=2)
    with connect(database) as other:
        other.execute("begin")
        assert [(job, 2)] == shards(take(other, running=[first, second]))
        with meanwhile(db, database, "select pgjobs.release_shard(%s, %s, %s, true, false)", first):
            other.execute("commit")
    assert [0] == db.column("select shard from pgjobs.shards where due_at is not null")


def test_the_last_shard_to_end_passes_the_turn_on_to_one_that_is_locked(db: Db, database: str) -> None:
    """Nobody else would pass it on later, so whoever has locked the next shard for the moment is waited for."""
    job = cut(db, 2)
    (first,) = take(db)
    db.execute("update pgjobs.shards set due_at = null")
    with connect(database) as somebody:
        somebody.execute("begin")
        somebody.execute("select from pgjobs.shards where shard = 1 for update")
        with meanwhile(db, database, "select pgjobs.finish_shard(%s, %s, %s)", first):
            somebody.execute("commit")
    assert [(job, 1, 1)] == take(db)


def test_a_passed_turn_is_notified(db: Db, notifications: Notifications) -> None:
    """When the next shard of a running job falls due the daemons hear of it, for one of them may have a place."""
    job = cut(db, 2)
    notifications.received()
    take(db)
    assert {"id": job, "status": "in progress"} == json.loads(json.dumps(notifications.received()[-1]))
    take(db, TWO)
    assert [] == notifications.received()
