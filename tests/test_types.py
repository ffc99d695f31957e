"""A row of xmp_job_types is one that jobs can run with, and stays so while they run."""

import pytest
from fix_jobs import WORKER, Db, claim, insert_job, prepare


@pytest.mark.parametrize(
    ("column", "value", "sentence"),
    [
        ("shards", 0, "shards: 0 is out of range"),
        ("shards", -3, "shards: -3 is out of range"),
        ("shards", 65, "shards: 65 is out of range"),
        ("selector", "evil(); drop table x; --", "is not the name of a function"),
        ("selector", "expired_records", "is not the name of a function with its schema"),
        ("selector", "pgjobs.no_such_records", "there is no function pgjobs.no_such_records(bigint, integer, bigint"),
        ("exchange", "x" * 256, "exchange: it has 256 bytes, and AMQP allows 255"),
        ("exchange", "a\nb", "has control characters"),
        ("routing_key", "\u00e9" * 128, "routing_key: it has 256 bytes, and AMQP allows 255"),
        ("routing_key", "queue\t", "has control characters"),
        ("routing_key", "", "so no queue would get the messages"),
        ("routing_key", None, "so no queue would get the messages"),
        ("defaults", "[]", "defaults: it has to be a JSON object"),
    ],
)
def test_a_type_that_no_job_could_run_with(db: Db, column: str, value: object, sentence: str) -> None:
    """It is refused in one sentence that names the column; nothing has changed."""
    before = db.row("select t::text from xmp_job_types t where name = 'expired'")
    change = f"update xmp_job_types set {column} = %s where name = 'expired'"  # noqa: S608 a name of the test
    said = db.refusal(change, value)
    assert ("PJ400", column, "public", "xmp_job_types") == (
        said.sqlstate, said.column_name, said.schema_name, said.table_name,
    )  # fmt: skip
    assert sentence in str(said.message_primary)
    assert before == db.row("select t::text from xmp_job_types t where name = 'expired'")


def test_jobs_that_have_begun_keep_their_selection(db: Db) -> None:
    """Another selector under a job that has begun would pass its records over: it is refused until the job is done."""
    change = "update xmp_job_types set selector = 'pgjobs.injection_records' where name = 'expired'"
    job = insert_job(db)
    held = claim(db, job)
    prepare(db, held)
    assert "PJ409" == db.refusal(change).sqlstate
    db.execute("update xmp_jobs set status = 'canceled' where id = %s", (job,))
    assert f"job {job} of type expired has begun" in str(db.refusal(change).message_primary)
    db.execute("update xmp_job_types set routing_key = 'elsewhere' where name = 'expired'")
    db.execute("update xmp_jobs set status = 'ready' where id = %s", (job,))
    db.execute("update pgjobs.progress set owner = null, lease_until = null")
    again = claim(db, job)
    assert "done" == db.value("select pgjobs.finish_shard(%s, 0, %s)", job, again["epoch"])
    db.execute(change)


def test_a_moment_that_never_comes(db: Db) -> None:
    """run_at = infinity is refused: such a job would wait without a reason."""
    for moment in ("infinity", "-infinity"):
        said = db.refusal("insert into xmp_jobs (type, run_at) values ('expired', %s)", moment)
        assert ("PJ400", f"run_at: {moment} is no moment") == (said.sqlstate, said.message_primary)


def test_why_of_a_job_whose_daemon_has_fallen_silent(db: Db) -> None:
    """While the lease of a dead daemon runs on nothing moves, and why says so; of a living one it says nothing."""
    job = insert_job(db)
    claim(db, job)
    beat = "select pgjobs.beat(%s, 'd', 'h', 1, '0', 'connected', '[]')"
    db.execute(beat, (WORKER,))
    assert db.value("select pgjobs.why(%s)", job) is None
    db.execute("update pgjobs.workers set seen_at = seen_at - interval '16 s'")
    assert "its daemon has fallen silent: another one takes over at" in db.value("select pgjobs.why(%s)", job)
    db.execute("delete from pgjobs.workers")
    assert "fallen silent" in db.value("select pgjobs.why(%s)", job)


def test_a_route_as_long_as_may_be(db: Db) -> None:
    """255 bytes are accepted, and an exchange of its own needs no routing key."""
    db.execute("update xmp_job_types set routing_key = %s where name = 'expired'", ("\u00e9" * 127 + "x",))
    db.execute("update xmp_job_types set exchange = 'all', routing_key = null where name = 'expired'")
    assert ("all", "") == db.row("select exchange, routing_key from xmp_job_types where name = 'expired'")
    assert insert_job(db)


def test_a_job_of_a_type_with_a_broken_route(db: Db) -> None:
    """A type that is older than the rules breaks its jobs off when they start, with the sentence, and no other's."""
    job, other = insert_job(db), insert_job(db, "injection")
    with db.transaction():
        db.execute("set local session_replication_role = replica")
        db.execute("update xmp_job_types set routing_key = repeat('x', 300) where name = 'expired'")
    db.execute("select pgjobs.claim_shard(%s, '{}', true, interval '30 s')", (WORKER,))
    assert "error" == db.value("select status from xmp_jobs where id = %s", job)
    assert "it broke off: routing_key: it has 300 bytes, and AMQP allows 255" == db.value("select pgjobs.why(%s)", job)
    claim(db, other)


def test_only_a_type_that_says_so_is_cut_into_shards(db: Db) -> None:
    """More than one shard is refused of a job, and of the type itself, where the selector knows nothing of shards."""
    db.execute(
        "create function public.plain(bigint, integer, bigint, bigint) returns text language sql as"
        " $$select 'select 1::bigint as key, null::bytea as msg, null::text as reason, null::bytea as body'$$"
    )
    add = "insert into xmp_job_types (name, selector, routing_key, shards) values ('plain', 'public.plain', 'q', %s)"
    assert "shards: jobs of type plain can't be cut into shards" == db.refusal(add, 2).message_primary
    db.execute(add, (1,))
    said = db.refusal("insert into xmp_jobs (type, shards) values ('plain', 2)")
    assert "shards: a job of type plain can't be cut into shards" == said.message_primary
    db.execute("update xmp_job_types set shardable = true where name = 'plain'")
    assert insert_job(db, "plain", shards=2)
