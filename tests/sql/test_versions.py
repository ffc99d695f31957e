"""Versions: the database says which ones may work with it, so that an upgrade rolls and no process works by mistake."""

import asyncio
import tomllib
from collections import Counter
from contextlib import nullcontext
from pathlib import Path

import pytest
from fix_cli import run
from fix_daemon import Engine, unmarked_copies
from fix_jobs import Db

import pgjobs
from pgjobs.errors import SchemaError
from pgjobs.pg import connection as connections
from pgjobs.pg.migrate import migrate
from pgjobs.pg.versions import State, number

BEFORE, LATER = "0.0.9", "99.1"
CHANGED = "select signature from pgjobs.changed_functions()"
STATE = "select version, compatible_from from pgjobs.schema_state"
OLDER_TEXT = """
do $$ begin
  execute replace(
    pg_get_functiondef('pgjobs.next_wakeup'::regproc), 'AS $function$', 'AS $function$ -- of the version before');
  update pgjobs.schema_state set version = '0.0.9', compatible_from = '0.0.9', fingerprint = 'of the version before';
end $$
"""
IS_OLDER = "select strpos(prosrc, 'of the version before') > 0 from pg_proc where oid = 'pgjobs.next_wakeup'::regproc"


def check(url: str) -> None:
    """What every process does with a connection before anything else."""

    async def ask() -> None:
        async with await connections.connect(url, "test") as connection:
            await connections.check_schema(connection)

    asyncio.run(ask())


def set_versions(db: Db, version: str, compatible_from: str) -> None:
    """Let the database be of a version, for others from that one on; other files were applied as well."""
    db.execute(
        "update pgjobs.schema_state set version = %s, compatible_from = %s, fingerprint = 'other'",
        (version, compatible_from),
    )


def test_the_versions_of_the_code_agree() -> None:
    """The package has the version that the code says, and the functions work with it."""
    project = Path(pgjobs.__file__).parents[1] / "pyproject.toml"
    if project.is_file():
        assert tomllib.loads(project.read_text())["project"]["version"] == pgjobs.__version__
    assert number(pgjobs.COMPATIBLE_FROM) <= number(pgjobs.__version__)


@pytest.mark.parametrize(
    ("older", "newer"),
    [("0.9", "0.10"), ("0.9.9", "1.0"), ("0.1", "0.1.1"), (None, "0.0.1"), ("1.9.0", "1.10.0rc1")],
)
def test_versions_are_compared_as_numbers(older: str | None, newer: str) -> None:
    """0.10 comes after 0.9, and 0.1 is 0.1.0."""
    assert number(older) < number(newer)
    assert number("0.1") == number("0.1.0")


@pytest.mark.parametrize(
    ("version", "compatible_from", "sentence"),
    [
        ("1.2.0", "1.1.0", ""),
        ("1.3.0", "1.2.0", ""),
        ("1.3.0", "1.1.0", ""),
        ("1.3.0", "1.2.1", "this is pgjobs 1.2.0, and the database works with pgjobs 1.2.1 or later"),
        ("1.1.9", "1.0.0", "the database is of pgjobs 1.1.9, and this is pgjobs 1.2.0, a newer one"),
    ],
    ids=["the same", "from this one on", "from an earlier one on", "from a later one on", "an earlier one"],
)
def test_who_may_work_with_a_database(
    monkeypatch: pytest.MonkeyPatch, version: str, compatible_from: str, sentence: str
) -> None:
    """A version from `compatible_from` up to `version` may; any other gets a sentence."""
    monkeypatch.setattr(pgjobs, "__version__", "1.2.0")
    state = State(version, compatible_from, "whatever was applied")
    with pytest.raises(SchemaError) if sentence else nullcontext() as caught:
        state.check()
    assert sentence == (caught.value.sentence if caught else "")


def test_a_later_database_that_still_fits_is_worked_with(database: str, db: Db) -> None:
    """Other functions of a later version are none of the business of a version that they work with."""
    set_versions(db, LATER, pgjobs.__version__)
    check(database)
    assert 0 == run("token", "list", database_url=database).code


def test_a_later_database_that_does_not_fit_is_refused(database: str, db: Db) -> None:
    """A version that is too old is told which one to install, by every command; nothing is changed."""
    set_versions(db, LATER, "99.0")
    with pytest.raises(SchemaError, match=r"works with pgjobs 99\.0 or later"):
        check(database)
    for command in (("token", "list"), ("watch", "1"), ("verify", "1"), ("web",)):
        said = run(*command, database_url=database)
        assert 1 == said.code
        assert f"install pgjobs {LATER}, then start it again" in said.err


def test_an_earlier_database_is_to_be_migrated(database: str, db: Db) -> None:
    """A newer version says to migrate, and works once that is done; the version is noted though no file differs."""
    fingerprint = db.value("select fingerprint from pgjobs.schema_state")
    db.execute("update pgjobs.schema_state set version = %s, compatible_from = %s", (BEFORE, BEFORE))
    said = run("token", "list", database_url=database)
    assert 1 == said.code
    assert f"the database is of pgjobs {BEFORE}, and this is pgjobs {pgjobs.__version__}, a newer one" in said.err
    assert "run: pgjobs migrate" in said.err
    assert 1 == len(migrate(database))
    assert (pgjobs.__version__, pgjobs.COMPATIBLE_FROM) == db.row(STATE)
    assert fingerprint == db.value("select fingerprint from pgjobs.schema_state")
    assert [] == migrate(database)
    check(database)


def test_functions_that_were_changed_by_hand_are_put_back(database: str, db: Db) -> None:
    """A function that somebody has edited, dropped, or given other settings is named, and migrate applies it again;
    a function of the operator's own is none of its business."""
    db.execute("create function pgjobs.our_own() returns integer language sql as 'select 1'")
    assert [] == migrate(database)
    for change in (
        "create or replace function pgjobs.is_blank(_value jsonb) returns boolean language sql as 'select false'",
        "alter function pgjobs.next_wakeup(boolean) reset all",
        "drop function pgjobs.stuck_jobs",
    ):
        before = db.column(CHANGED)
        db.execute(change.encode())
        assert [] == before
        (changed,) = db.column(CHANGED)
        told: list[str] = []
        assert 1 == len(migrate(database, told.append))
        assert [f"functions were changed by hand and are put back: {changed}"] == told
    assert [] == db.column(CHANGED)
    assert 1 == db.value("select pgjobs.our_own()")
    db.execute("create or replace function pgjobs.our_own() returns integer language sql as 'select 2'")
    assert [] == db.column(CHANGED)
    assert [] == migrate(database)


def test_the_functions_are_digested_once(db: Db) -> None:
    """Whoever asks which functions were changed digests each of them once, and not once for each of them."""
    db.execute("set track_functions = 'all'")
    with db.transaction():
        assert [] == db.column(CHANGED)
        assert 1 == db.value("select calls from pg_stat_xact_user_functions where funcname = 'function_digests'")


def test_migrate_leaves_no_daemon_behind(database: str, db: Db, monkeypatch: pytest.MonkeyPatch) -> None:
    """While a daemon lives that could not work with the new functions, nothing is changed and the sentence names it;
    of one that is gone nothing is expected any more."""
    db.execute("select pgjobs.beat(gen_random_uuid(), %s, 'host', 1, %s, 'up')", ("old-1", BEFORE))
    set_versions(db, BEFORE, BEFORE)
    monkeypatch.setattr(pgjobs, "COMPATIBLE_FROM", BEFORE)
    assert 1 == len(migrate(database)), "a version before that may go on is in nobody's way"
    set_versions(db, BEFORE, BEFORE)
    monkeypatch.undo()
    with pytest.raises(SchemaError) as caught:
        migrate(database)
    assert f"old-1 ({BEFORE})" in caught.value.sentence
    assert caught.value.hint.startswith("end them, or run pgjobs")
    assert (BEFORE, BEFORE) == db.row(STATE)
    db.execute("update pgjobs.daemons set seen_at = clock_timestamp() - interval '1 minute'")
    assert 1 == len(migrate(database))


def test_a_daemon_that_is_too_old_does_not_start(engine: Engine) -> None:
    """It ends with code 1 before it has claimed anything, and says which version to install."""
    job = engine.add_job("expired")
    daemon = engine.start(version=BEFORE, ready=False)
    assert 1 == daemon.wait()
    assert f"this is pgjobs {BEFORE}, and the database works with pgjobs {pgjobs.COMPATIBLE_FROM}" in daemon.said
    assert f"install pgjobs {pgjobs.__version__}, then start it again" in daemon.said
    assert "ready" == engine.value("select status from xmp_jobs where id = %s", job)


def test_a_daemon_that_has_become_too_old_ends(engine: Engine) -> None:
    """When a version has come in that a daemon can't work with, it ends by itself and in order; its job goes on with a
    daemon of that version."""
    engine.add_retries(10_000)
    old = engine.start(window=1)
    job = engine.add_job("expired")
    engine.wait_considered(job, 10)
    engine.execute("update pgjobs.schema_state set version = %s, compatible_from = '99.0'", LATER)
    assert 1 == old.wait(30)
    assert "the database works with pgjobs 99.0 or later" in old.said
    assert "ready" == engine.value("select status from xmp_jobs where id = %s", job)
    assert 0 < engine.counters(job).considered < 10_000
    engine.start(version=LATER, window=2000)
    engine.wait_status(job, "done")
    messages = engine.drain()
    assert Counter(range(1, 10_001)) == Counter(message.key for message in messages)


def test_an_upgrade_rolls(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """A daemon of the version before works through migrate, beside one of the new version on the same job, and hands
    over to it: every record is sent once, none is marked, and each has its line."""
    number_of_records = 12_000
    monkeypatch.setattr(pgjobs, "COMPATIBLE_FROM", BEFORE)
    engine.add_retries(number_of_records)
    engine.execute(OLDER_TEXT)
    # With windows as small as this the old daemon has work for long enough, on however fast a machine.
    old = engine.start(version=BEFORE, window=2, max_running=1, lease_seconds=30)
    job = engine.value("insert into xmp_jobs (type, shards) values ('expired', 4) returning id")
    engine.wait_considered(job, 3)
    assert engine.value(IS_OLDER)
    assert 1 == len(migrate(engine.database_url))
    assert not engine.value(IS_OLDER)
    considered = "select sum(considered) from pgjobs.shards where job_id = %s and owner is not null"
    before = engine.value(considered, job)
    engine.wait_for(lambda: engine.value(considered, job) > before, "the daemon of the version before goes on")
    # And the new one is not through before the old one has ended.
    new = engine.start(window=5, max_running=2, lease_seconds=30)
    engine.wait_until("count(distinct owner) = 2 from pgjobs.shards where job_id = %s", job)
    assert {BEFORE, pgjobs.__version__} == {row["version"] for row in engine.rows("select version from pgjobs.daemons")}
    assert 0 == old.terminate()
    assert "in progress" == engine.value("select status from xmp_jobs where id = %s", job)
    engine.wait_status(job, "done")
    assert new.running
    messages = engine.drain()
    assert Counter(range(1, number_of_records + 1)) == Counter(message.key for message in messages)
    assert [] == unmarked_copies(messages)
    assert [] == [message.key for message in messages if message.marked]
    assert (number_of_records, number_of_records, 0, 0) == tuple(vars(engine.counters(job)).values())


MORE = """
do $$ declare
  _name text := '{name}';
  _of regprocedure := ('pgjobs.' || _name)::regproc::regprocedure;
  _arguments text := pg_get_function_arguments(_of);
  _result text := pg_get_function_result(_of);
  _given text := (
    select string_agg('$' || n, ', ' order by n) from pg_proc, generate_series(1, pronargs) n where oid = _of);
begin
  execute format('alter function %s rename to %I', _of, _name || '_before');
  execute format(
    'create function pgjobs.%I(%s) returns %s language sql security definer'
    ' as $f$ select c.*, 1 from pgjobs.%I(%s) c $f$',
    _name, _arguments, left(_result, -1) || ', news integer)', _name || '_before', _given);
end $$
"""


def test_a_daemon_works_with_functions_that_tell_more(engine: Engine) -> None:
    """A later version may add columns to what a claim, the opening of a shard and a checkpoint answer with."""
    engine.add_retries(20)
    for name in ("claim_shards", "open_shard", "checkpoint_job", "checkpoint_and_finish", "renew_lease"):
        engine.execute(MORE.replace("{name}", name).replace("%", "%%"))
    job = engine.add_job("expired")
    engine.start()
    engine.wait_status(job, "done")
    assert 20 == engine.counters(job).considered
