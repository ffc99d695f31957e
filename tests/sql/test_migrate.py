"""migrate: what has state once, what has text whenever it differs, all of it or nothing, and back again."""

import asyncio
import shutil
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psycopg
import pytest
import yoyo
from fix_database import create_database, drop_database
from fix_jobs import Db, claim, connect, insert_job
from fix_roles import DROP_ROLES

from pgjobs.errors import SchemaError
from pgjobs.lab.postgres import EmbeddedPostgres
from pgjobs.lab.roles import ROLES
from pgjobs.pg import connection as connections
from pgjobs.pg import schema
from pgjobs.pg.history import History
from pgjobs.pg.migrate import migrate
from pgjobs.pg.schema import folder

IN_FORCE = "select fingerprint from pgjobs.schema_state"
COMMENT = "select obj_description('pgjobs.now()'::regprocedure, 'pg_proc')"
CREATE = "create or replace function pgjobs.broken() returns text language "
INDEXES = [
    f"index pgjobs_{name}_idx"
    for name in (
        "expired_msisdn_id",
        "expired_created_at",
        "transactions_paid",
        "subscriptions_pending",
        "blacklist_msisdn",
        "postpaid_msisdn",
        "jobs_finished",
        "jobs_status",
        "jobs_type",
        "jobs_created",
        "jobs_user",
        "jobs_submitted",
        "jobs_reference",
        "jobs_task",
        "jobs_name",
        "jobs_guid",
        "jobs_key",
        "jobs_equal",
        "jobs_inactive",
        "jobs_open",
    )
]
EVERYTHING = (
    len([path for path in folder("migrations").glob("*.sql") if ".rollback." not in path.name]) + 1 + len(INDEXES)
)
BROKEN = {
    "statement": f"{CREATE} sql stable as $$ select 'a' $$; selekt;",
    "sql body": f"{CREATE} sql stable as $$ select nothing from pgjobs.none $$;",  # noqa: S608 - text of the test
    "plpgsql body": f"{CREATE} plpgsql stable as $$ begin retrun; end $$;",
}
SHAPE = """
  select 'column ' || table_schema || '.' || table_name || '.' || column_name || ' ' || data_type || ' ' || is_nullable
  from information_schema.columns where table_schema in ('public', 'pgjobs')
    and table_name not like '%yoyo%'
  union all select 'index ' || indexdef from pg_indexes
    where schemaname in ('public', 'pgjobs') and tablename not like '%yoyo%'
  union all select 'trigger ' || tgrelid::regclass || ' ' || tgname from pg_trigger where not tgisinternal
  union all select 'function ' || oid::regprocedure from pg_proc where pronamespace = 'pgjobs'::regnamespace
  union all select 'constraint ' || conrelid::regclass || ' ' || conname from pg_constraint
    where connamespace in ('public'::regnamespace, 'pgjobs'::regnamespace)
    and conrelid::regclass::text not like '%yoyo%'
  order by 1
"""


@pytest.fixture
def sql_copy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A copy of sql/ that migrate applies instead of the original."""
    copy = tmp_path / "sql"
    shutil.copytree(folder("sql"), copy)
    monkeypatch.setattr(schema, "folder", lambda name: copy if name == "sql" else folder(name))
    schema.fingerprint.cache_clear()
    yield copy
    monkeypatch.undo()
    schema.fingerprint.cache_clear()


def edit(path: Path, old: str, new: str) -> None:
    """Change a text that is there, and have the fingerprint taken anew."""
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))
    schema.fingerprint.cache_clear()


def add(path: Path, text: str) -> None:
    """Append to a file, or make it, and have the fingerprint taken anew."""
    with path.open("a") as file:
        file.write(text)
    schema.fingerprint.cache_clear()


def check(url: str) -> None:
    """What daemon and web do before anything else."""

    async def ask() -> None:
        async with await connections.connect(url, "test") as connection:
            await connections.check_schema(connection)

    asyncio.run(ask())


def test_the_second_time_there_is_nothing_to_do(empty_database: str) -> None:
    """migrate names every migration and the functions once; after that it finds nothing to do and changes
    nothing."""
    steps = sorted(path.stem for path in folder("migrations").glob("*.sql") if ".rollback." not in path.name)
    done = [*(f"migration {step}" for step in steps), f"functions {schema.fingerprint()[:12]}", *INDEXES]
    assert done == migrate(empty_database)
    with connect(empty_database) as db:
        before = db.row("select fingerprint, applied_at from pgjobs.schema_state")
        assert [] == migrate(empty_database)
        assert before == db.row("select fingerprint, applied_at from pgjobs.schema_state")


def test_an_edited_file_is_applied_without_a_migration(database: str, db: Db, sql_copy: Path) -> None:
    """A changed text of sql/ is in force after the next migrate, though no migration is pending; the one
    after has nothing to do."""
    assert [] == migrate(database)
    edit(sql_copy / "base" / "now.sql", "The time by which", "The hour by which")
    assert [f"functions {schema.fingerprint()[:12]}"] == migrate(database)
    assert db.value(COMMENT).startswith("The hour by which")
    assert schema.fingerprint() == db.value(IN_FORCE)
    assert [] == migrate(database)


def test_the_fingerprint_tells_texts_and_names_apart(sql_copy: Path) -> None:
    """One changed letter, a renamed file and a moved border between two files each give another fingerprint."""
    seen = {schema.fingerprint()}
    edit(sql_copy / "base" / "now.sql", "The time", "The tame")
    seen.add(schema.fingerprint())
    (sql_copy / "base" / "now.sql").rename(sql_copy / "base" / "now2.sql")
    schema.fingerprint.cache_clear()
    seen.add(schema.fingerprint())
    first, last = (sql_copy / "base" / name for name in ("utc.sql", "refuse.sql"))
    first.write_text(first.read_text() + last.read_text())
    last.write_text("")
    schema.fingerprint.cache_clear()
    seen.add(schema.fingerprint())
    assert 4 == len(seen)


def test_a_retired_signature_goes_with_the_same_transaction(database: str, db: Db, sql_copy: Path) -> None:
    """A function of an earlier version stays as long as anything in the new one is broken, and is gone once
    the new one is in force."""
    there = "select to_regprocedure('pgjobs.gone(integer)') is not null"
    gone = sql_copy / "base" / "gone.sql"
    add(
        gone,
        "create or replace function pgjobs.gone(_n integer) returns integer language sql stable as $$ select _n $$;",
    )
    migrate(database)
    assert db.value(there)
    gone.unlink()
    add(sql_copy / "retired.sql", "drop function if exists pgjobs.gone(integer);\n")
    add(sql_copy / "base" / "broken.sql", BROKEN["statement"])
    with pytest.raises(psycopg.errors.SyntaxError):
        migrate(database)
    assert db.value(there)
    (sql_copy / "base" / "broken.sql").unlink()
    schema.fingerprint.cache_clear()
    migrate(database)
    assert not db.value(there)


@pytest.mark.parametrize("kind", sorted(BROKEN))
def test_a_broken_file_changes_nothing(database: str, db: Db, sql_copy: Path, kind: str) -> None:
    """A broken statement or function body, in whatever file, undoes the whole application: the former
    version stays in force and works."""
    before = db.value(IN_FORCE), db.value(COMMENT), db.column(SHAPE)
    edit(sql_copy / "base" / "now.sql", "The time by which", "The hour by which")
    broken = sql_copy / "views" / "broken.sql"
    add(broken, BROKEN[kind])
    with pytest.raises(psycopg.Error) as caught:
        migrate(database)
    assert (caught.value.sqlstate or "")[:2] == "42"
    assert before == (db.value(IN_FORCE), db.value(COMMENT), db.column(SHAPE))
    job = insert_job(db)
    claim(db, job)
    broken.unlink()
    schema.fingerprint.cache_clear()
    assert 1 == len(migrate(database))
    check(database)


def test_a_bare_database_is_refused(empty_database: str) -> None:
    """Daemon and web refuse a database without the schema, and say what to run."""
    with pytest.raises(SchemaError) as caught:
        check(empty_database)
    assert ("the database has no pgjobs schema", "run: pgjobs migrate") == (caught.value.sentence, caught.value.hint)


def taken_back(url: str, last: str) -> list[str]:
    """Roll back every migration from the newest down to the one whose name begins so; names what went."""
    backend = History(url)
    try:
        applied = backend.to_rollback(yoyo.read_migrations(str(folder("migrations"))))
        going = applied.filter(lambda migration: migration.id >= last)
        backend.rollback_migrations(going)
        return sorted(migration.id for migration in going)
    finally:
        backend.connection.close()


@pytest.mark.parametrize("last", ["0001", "0002"])
def test_back_and_forth(database: str, db: Db, last: str) -> None:
    """Migrations can be taken back, leaving the operator's tables writable and full, and applied again to
    the same shape."""
    before = db.column(SHAPE)
    job = insert_job(db)
    db.execute("insert into xmp_retries_expired (msisdn) values ('923000000001')")
    assert last == taken_back(database, last)[0][:4]
    if last <= "0002":
        # Without the engine the CMS still writes its table.
        assert 1 == db.run("update xmp_jobs set id_user = 7 where id = %s", job)
    done = migrate(database)
    assert f"migration {last}" == done[0].partition(".")[0]
    assert before == db.column(SHAPE)
    assert (1, 1) == db.row("select (select count(*) from xmp_jobs), (select count(*) from xmp_retries_expired)")
    claim(db, job)
    check(database)


def test_two_migrates_at_once(empty_database: str) -> None:
    """Two processes that migrate the same fresh database at the same time both succeed, and the work is done
    once."""
    with ThreadPoolExecutor(2) as both:
        done = [*both.map(migrate, [empty_database] * 2)]
    steps = [step for one in done for step in one]
    assert sorted(set(steps)) == sorted(steps)
    check(empty_database)


def test_a_connected_daemon_does_not_keep_migrate_waiting(database: str, db: Db, sql_copy: Path) -> None:
    """A connection that has used functions and views, and is between two statements, does not block the next
    version."""
    insert_job(db)
    db.execute("select * from pgjobs.job_status")
    edit(sql_copy / "base" / "now.sql", "The time by which", "The hour by which")
    with connect(database, lock_timeout="10s") as other:
        other.execute("select pgjobs.next_wakeup(true)")
        assert 1 == len(migrate(database))


@pytest.fixture
def bare(own_server: EmbeddedPostgres) -> Iterator[tuple[Db, list[str]]]:
    """A cluster without the roles of pgjobs: an administrator's connection, and two fresh databases of a plain
    role."""
    with connect(own_server.url) as admin:
        admin.execute("create role plain login password 'plain'")
        urls = []
        for name in ("first", "second"):
            url = create_database(own_server.url, name)
            admin.execute(f"alter database {name} owner to plain".encode())
            urls.append(url)
        try:
            yield admin, urls
        finally:
            for name in ("first", "second"):
                drop_database(own_server.url, name)
            admin.execute(f"{DROP_ROLES}, plain".encode())


def as_plain(url: str) -> str:
    """The same database, as the role that owns it and may nothing else."""
    parts = urlsplit(url)
    return parts._replace(netloc=f"plain:plain@{parts.hostname}:{parts.port}").geturl()


def groups(db: Db) -> list[Any]:
    """The group roles of this cluster; none of them may log in."""
    return db.column("select rolname from pg_roles where rolname like 'pgjobs%' and not rolcanlogin order by 1")


def test_groups_are_made_by_two_databases_at_once(bare: tuple[Db, list[str]]) -> None:
    """Two databases of one cluster that are migrated at the same time both succeed, and the groups exist
    with rights in both."""
    admin, urls = bare
    with ThreadPoolExecutor(2) as both:
        assert [EVERYTHING] * 2 == [len(done) for done in both.map(migrate, urls)]
    assert sorted(ROLES) == groups(admin)
    for url in urls:
        with connect(url) as db:
            assert db.value("select has_table_privilege('pgjobs_viewer', 'pgjobs.job_status', 'select')")
            assert db.value(
                "select has_function_privilege('pgjobs_operator', 'pgjobs.stop_job(bigint,text)', 'execute')"
            )


def test_a_group_that_is_being_made_elsewhere(bare: tuple[Db, list[str]]) -> None:
    """A migrate that meets a group which another transaction is just creating waits for it and goes on with
    it."""
    admin, (url, other) = bare
    with connect(other) as rival, ThreadPoolExecutor(1) as thread:
        with rival.transaction():
            rival.execute("create role pgjobs_viewer nologin")
            done = thread.submit(migrate, url)
            waiting = "select count(*) from pg_stat_activity where %s = any (pg_blocking_pids(pid))"
            deadline = time.monotonic() + 60
            while not admin.value(waiting, rival.info.backend_pid):
                assert time.monotonic() < deadline, "nobody waits for the other's role"
                assert not done.done(), done.exception()
        assert EVERYTHING == len(done.result(timeout=60))
    assert sorted(ROLES) == groups(admin)


def test_a_role_that_may_make_no_roles_migrates_without_groups(bare: tuple[Db, list[str]]) -> None:
    """The owner of a database who may not create roles migrates it all the same and runs jobs; once the
    groups exist, access.sql serves them."""
    admin, (url, _) = bare
    own = as_plain(url)
    assert EVERYTHING == len(migrate(own))
    assert [] == groups(admin)
    with connect(own) as db:
        claim(db, insert_job(db))
        admin.execute("create role pgjobs_viewer nologin")
        db.execute((folder("sql") / "access.sql").read_bytes())
        assert db.value("select has_table_privilege('pgjobs_viewer', 'pgjobs.job_status', 'select')")
    assert [] == migrate(own)


def test_groups_that_are_there_are_used(bare: tuple[Db, list[str]]) -> None:
    """Groups somebody made before are taken as they are, also by a role that may make none."""
    admin, (url, _) = bare
    admin.execute("create role pgjobs_viewer nologin")
    admin.execute("create role pgjobs_operator nologin")
    migrate(as_plain(url))
    with connect(url) as db:
        assert db.value("select has_function_privilege('pgjobs_viewer', 'pgjobs.why(bigint)', 'execute')")
        assert not db.value("select has_function_privilege('pgjobs_viewer', 'pgjobs.stop_job(bigint,text)', 'execute')")
        assert db.value("select has_function_privilege('pgjobs_operator', 'pgjobs.stop_job(bigint,text)', 'execute')")


def test_the_distribution_s_server(distribution_postgres: EmbeddedPostgres) -> None:
    """The whole schema applies on the PostgreSQL of the distribution, and a job is claimed there."""
    migrate(distribution_postgres.url)
    with connect(distribution_postgres.url) as db:
        claim(db, insert_job(db))
        assert [] == migrate(distribution_postgres.url)
