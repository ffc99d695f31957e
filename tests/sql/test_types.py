"""A row of xmp_job_types is one that jobs can run with, and stays so while they run."""

import uuid
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest
from fix_jobs import WORKER, Db, claim, connect, insert_job, prepare


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
    db.execute("select pgjobs.release_shard(%s, 0, %s, true, false)", (job, held["epoch"]))
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
    db.execute("update pgjobs.daemons set seen_at = seen_at - interval '16 s'")
    assert "its daemon has fallen silent, and no other is alive" in db.value("select pgjobs.why(%s)", job)
    db.execute("delete from pgjobs.daemons")
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
    taken = "select job_id from pgjobs.claim_shards(%s, '{}', true, interval '30 s')"
    assert other == db.value(taken, WORKER)
    assert "error" == db.value("select status from xmp_jobs where id = %s", job)
    said = db.value("select pgjobs.why(%s)", job)
    assert said.startswith("it broke off: routing_key: it has 300 bytes, and AMQP allows 255; mend that, then run ")


@pytest.fixture
def schemer(db: Db, database: str) -> Iterator[Db]:
    """A role that may write job types, has a schema of its own and temporary objects, and is nobody's member."""
    role = f"pgjobs_schemer_{uuid.uuid4().hex[:12]}"
    db.execute(f"create role {role} login password 'secret'".encode())
    try:
        db.execute(f"create schema own authorization {role}".encode())
        db.execute(f"grant usage, create on schema public to {role}".encode())
        db.execute(f"grant select, insert, update on xmp_job_types to {role}".encode())
        db.execute(f"grant select, insert, update on xmp_jobs to {role}".encode())
        url = urlsplit(database)
        with connect(url._replace(netloc=f"{role}:secret@{url.hostname}:{url.port}").geturl()) as connection:
            yield connection
    finally:
        db.execute(f"drop owned by {role} cascade".encode())
        db.execute(f"drop role {role}".encode())


EVIL = """
create function {name}(bigint, integer, bigint, bigint) returns text language sql as
$$select 'select 1::bigint as key, '''' as target, null as code, null as detail, ''x'' as body'$$
"""
UNTRUSTED = ["own.evil", "public.evil", "pg_temp.evil", "Own.EVIL"]


@pytest.mark.parametrize("name", UNTRUSTED)
def test_a_selector_of_another_owner_is_refused(schemer: Db, name: str) -> None:
    """A function that somebody else than the owner of schema pgjobs has made, wherever it lies, is refused when a
    type is written: what it returns would run as the daemon."""
    schemer.execute(EVIL.format(name=name).encode())
    for statement in (
        "update xmp_job_types set selector = %s where name = 'expired'",
        "insert into xmp_job_types (name, routing_key, selector) values ('evil', 'q', %s)",
    ):
        said = schemer.refusal(statement, name)
        assert ("PJ400", "untrusted_selector", "selector") == (said.sqlstate, said.constraint_name, said.column_name)
        assert said.message_hint


@pytest.mark.parametrize("name", UNTRUSTED)
def test_a_selector_of_another_owner_is_never_run(db: Db, schemer: Db, name: str) -> None:
    """Where the check at writing was got round, or the function was changed for another one afterwards, no job runs
    with it: it breaks off when it starts, and a running one gets no statement."""
    schemer.execute(EVIL.format(name=name).encode())
    running = insert_job(db)
    claim(db, running)
    waiting = insert_job(db)
    with db.transaction():
        db.execute("set local session_replication_role = replica")
        db.execute("update xmp_job_types set selector = %s where name = 'expired'", (name,))
    name = name.lower()
    connection = schemer if name.startswith("pg_temp") else db
    code = "bad_selector" if name.startswith("pg_temp") else "untrusted_selector"
    for call in ("select pgjobs.records_statement(%s, 0, null, null)", "select pgjobs.selection_bounds(%s, false)"):
        assert code == db.refusal(call, running).constraint_name
    assert connection.value("select to_regprocedure(%s) is not null", f"{name}(bigint, integer, bigint, bigint)")
    db.execute("select pgjobs.claim_shards(%s, %s, true, interval '30 s')", (WORKER, [f"{running}/0"]))
    assert "error" == db.value("select status from xmp_jobs where id = %s", waiting)
    with db.transaction(force_rollback=True):
        db.execute("create temporary view bait as select 1")
        db.execute(EVIL.format(name="pg_temp.evil").encode())
        said = db.refusal("select pgjobs.trusted_selector('pg_temp.evil')")
        assert "is a temporary one" in str(said.message_primary)


def test_bounds_of_another_owner_are_never_run(db: Db, schemer: Db) -> None:
    """Beside a good selector somebody else's bounds are refused, when the type is written and when they are called."""
    db.execute("create schema shared")
    db.execute(f"grant usage, create on schema shared to {schemer.info.user}, pgjobs_owner".encode())
    db.execute(EVIL.format(name="shared.good").encode())
    schemer.execute("create function shared.good_bounds(bigint) returns bigint language sql as 'select 1 / 0'")
    add = "insert into xmp_job_types (name, routing_key, selector) values ('good', 'q', 'shared.good')"
    assert "untrusted_selector" == db.refusal(add).constraint_name
    schemer.execute("drop function shared.good_bounds")
    db.execute(add)
    job = insert_job(db, "good")
    assert (None, 1, 1, 1, None, None) == db.row("select * from pgjobs.selection_bounds(%s, false)", job)
    schemer.execute("create function shared.good_bounds(bigint) returns bigint language sql as 'select 1 / 0'")
    assert "untrusted_selector" == db.refusal("select pgjobs.selection_bounds(%s, false)", job).constraint_name


def test_a_call_runs_no_selector_of_another_owner(db: Db, schemer: Db) -> None:
    """The selector of a call is held to the same."""
    schemer.execute("create function own.evil(bigint) returns text language sql as $$select 'select 1'$$")
    call = db.value("select pgjobs.request_suspended(1, 1, interval '1 minute')")
    db.execute("update pgjobs.api_requests set selector = 'own.evil'")
    assert "untrusted_selector" == db.refusal("select pgjobs.open_api_request(%s)", call).constraint_name


@pytest.mark.parametrize(
    ("call", "table"),
    [
        ("insert into xmp_jobs (type) values ('nonsense')", ("public", "xmp_jobs")),
        ("update xmp_job_types set shards = 0", ("public", "xmp_job_types")),
        ("select pgjobs.add_token('a b', '', '{read}', null)", ("pgjobs", "tokens")),
        ("select pgjobs.drop_token('nobody')", ("pgjobs", "tokens")),
        ("select pgjobs.request_suspended(-1, 1, interval '1 minute')", ("pgjobs", "api_requests")),
    ],
)
def test_a_refusal_names_its_table(db: Db, call: str, table: tuple[str, str]) -> None:
    """Whoever reads a refusal by machine finds the table that it is about."""
    said = db.refusal(call)
    assert table == (said.schema_name, said.table_name)
