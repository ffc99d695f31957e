"""Several daemons: what is left to one that has places, and which places a full one gives up."""

from datetime import timedelta

from fix_claims import ONE, THREE, TWO, YIELDS, beat, cut, filled, reason, shards, take, yields
from fix_jobs import Db, connect, insert_job


def test_a_full_daemon_leaves_the_shards_to_one_that_has_places(db: Db) -> None:
    """Two daemons share the shards of a job while both have places; what a full one can't take, the other one gets."""
    for daemon in (ONE, TWO):
        beat(db, daemon)
    job = cut(db, 4)
    mine = take(db, TWO, places=4)
    assert [(job, 0), (job, 1)] == shards(mine)
    assert [] == take(db, TWO, places=2, running=mine)
    full = take(db, ONE, places=1)
    assert [(job, 2)] == shards(full)
    assert not db.value("select has_place from pgjobs.daemons where id = %s", ONE)
    assert [(job, 3)] == shards(take(db, TWO, places=2, running=mine))


def test_a_daemon_without_a_broker_counts_for_nothing(db: Db) -> None:
    """A daemon whose broker is away gets no shard while another one reaches its broker, and no share is kept for it;
    alone it is given all, for then nobody else can help."""
    beat(db, ONE, "connection refused")
    beat(db, TWO)
    job = cut(db, 4)
    assert [] == take(db, ONE, places=4, broker="connection refused")
    assert [(job, shard) for shard in range(4)] == shards(take(db, TWO, places=4))
    other = insert_job(db)
    db.execute("select pgjobs.leave(%s)", (TWO,))
    assert [(other, 0)] == shards(take(db, ONE, places=4, broker="connection refused"))


def test_a_daemon_that_fell_silent_counts_for_nothing(db: Db) -> None:
    """No share is kept for a daemon that was not heard of for three heartbeats."""
    beat(db, ONE)
    beat(db, TWO)
    db.execute("update pgjobs.daemons set seen_at = seen_at - interval '16 s' where id = %s", (ONE,))
    cut(db, 4)
    assert 4 == len(take(db, TWO, places=9))


def test_a_full_daemon_gives_up_as_many_places_as_are_asked_for(db: Db) -> None:
    """For each shard of a higher priority one place of the lowest priority is given up, with the reason; no shard is
    told so twice."""
    beat(db, ONE)
    low = filled(db, ONE, 2, priority=2)
    high = filled(db, ONE, 2, running=low, priority=7)
    assert [] == yields(db, ONE)
    insert_job(db, priority=2)
    assert [] == yields(db, ONE)
    urgent = insert_job(db, priority=6)
    given = db.execute(YIELDS, (ONE, ONE, timedelta(seconds=30))).fetchall()
    assert [(*low[0][:2], f"it gave its place up to job {urgent}, whose priority is higher")] == given
    more = take(db, ONE, running=[*low, *high])
    assert [(urgent, 0)] == shards(more)
    assert [] == yields(db, ONE)
    for _ in range(2):
        insert_job(db, priority=9)
    assert shards([low[1], *more]) == yields(db, ONE)


def test_two_full_daemons_give_up_one_place_for_one_shard(db: Db, database: str) -> None:
    """Whichever daemon looks first makes room, and until it has claimed for it no other one does; one that has a place
    free makes all others keep theirs."""
    held = {}
    for daemon in (ONE, TWO):
        beat(db, daemon)
        held[daemon] = filled(db, daemon, 2)
    urgent = insert_job(db, priority=6)
    with connect(database) as other, other.transaction():
        assert 1 == len(yields(other, ONE))
        assert [] == yields(db, TWO)
    assert [] == yields(db, TWO)
    assert [(urgent, 0)] == shards(take(db, ONE, running=held[ONE]))
    insert_job(db, priority=6)
    beat(db, THREE)
    assert [] == yields(db, TWO)
    beat(db, THREE, "connection refused")
    assert 1 == len(yields(db, TWO))


def test_equal_jobs_yield_after_a_while(db: Db) -> None:
    """A shard that has held its place for the life of a cursor yields to a due shard of another job of its priority;
    not to one of its own job, nor before, nor while it is being prepared."""
    beat(db, ONE)
    (mine,) = filled(db, ONE, 1, shards=2)
    assert [] == yields(db, ONE, timedelta(0))
    other = insert_job(db)
    assert [] == yields(db, ONE)
    db.execute("update pgjobs.shards set prepared_at = null")
    assert [] == yields(db, ONE, timedelta(0))
    db.execute("update pgjobs.shards set prepared_at = now()")
    given = db.execute(YIELDS, (ONE, ONE, timedelta(0))).fetchall()
    assert [(*mine[:2], f"it gave its place up to job {other}, whose turn it was")] == given


def test_a_daemon_that_starts_nothing_makes_others_give_up_places(db: Db) -> None:
    """The free place of a daemon without autostart is none for a job that nobody asked for."""
    beat(db, ONE)
    beat(db, TWO)
    assert [] == take(db, TWO, autostart=False)
    filled(db, ONE, 1)
    urgent = insert_job(db, priority=6)
    assert [] == take(db, TWO, autostart=False)
    assert 1 == len(yields(db, ONE))
    assert reason(db, urgent).startswith("it is due")


def test_a_full_daemon_frees_what_another_one_lost(db: Db) -> None:
    """When the only daemon with places has died, its shards are due for those that are full, by their priority."""
    urgent = insert_job(db, priority=6)
    take(db, TWO)
    beat(db, ONE)
    low = filled(db, ONE, 1)
    assert [] == yields(db, ONE)
    db.execute(
        "update pgjobs.shards set lease_until = clock_timestamp(), lease_check_at = '-infinity' where job_id = %s",
        (urgent,),
    )
    assert shards(low) == yields(db, ONE)
