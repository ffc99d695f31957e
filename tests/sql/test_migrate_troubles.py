"""migrate among others: killed, twice at once, with few rights, on tables of every kind, while others hold locks."""

import asyncio
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import pytest
from fix_database import create_database, drop_database, sibling
from fix_jobs import Db, claim, connect, insert_job
from fix_roles import DROP_ROLES
from fix_services import soon

from pgjobs.errors import SchemaError
from pgjobs.lab.postgres import EmbeddedPostgres
from pgjobs.lab.roles import ROLES
from pgjobs.lab.services import Services
from pgjobs.ops.doctor import findings
from pgjobs.pg.blocked import Blocked
from pgjobs.pg.migrate import migrate
from pgjobs.pg.schema import folder
from pgjobs.pg.session import connect_blocking
from pgjobs.settings import read_settings

HISTORIES = "select relnamespace::regnamespace::text from pg_class where relname = '_yoyo_migration'"


@pytest.fixture
def narrow(own_server: EmbeddedPostgres) -> Iterator[tuple[Db, str]]:
    """A fresh database and a plain role that may only connect to it: an administrator there, the role's URL."""
    url = create_database(own_server.url, "narrow")
    with connect(url) as admin:
        admin.execute("create role plain login password 'plain'")
        try:
            parts = urlsplit(url)
            yield admin, parts._replace(netloc=f"plain:plain@{parts.hostname}:{parts.port}").geturl()
        finally:
            admin.close()
            drop_database(own_server.url, "narrow")
            with connect(own_server.url) as last:
                last.execute(f"{DROP_ROLES}, plain".encode())


def refused(work: Callable[[], object]) -> tuple[str, str]:
    """The sentence and the hint of a refusal by sql/before.sql."""
    with pytest.raises(psycopg.Error) as caught:
        work()
    assert "PJ409" == caught.value.sqlstate, caught.value
    return caught.value.diag.message_primary or "", caught.value.diag.message_hint or ""


def test_each_missing_right_is_named(narrow: tuple[Db, str]) -> None:
    """A role that lacks a right is told which one, and what to run; with all that it was told, it migrates."""
    admin, url = narrow
    sentence, hint = refused(lambda: migrate(url))
    assert "role plain may not create schema pgjobs: it lacks CREATE on database narrow" == sentence
    admin.execute(hint.partition(": ")[2].encode())
    sentence, hint = refused(lambda: migrate(url))
    assert "it lacks CREATE on schema public" in sentence
    admin.execute(hint.partition(": ")[2].encode())
    assert "migration 0001.operator-tables" in migrate(url)
    with connect(url) as db:
        claim(db, insert_job(db))


def test_tables_of_somebody_else_are_told(narrow: tuple[Db, str]) -> None:
    """Where xmp_jobs or schema pgjobs belongs to a role that ours is no member of, the sentence names the owner."""
    admin, url = narrow
    admin.execute("grant create on database narrow to plain; grant create on schema public to plain")
    admin.execute("create table public.xmp_jobs (id serial primary key)")
    sentence, hint = refused(lambda: migrate(url))
    assert "table public.xmp_jobs belongs to postgres" in sentence
    assert "migrate as postgres" in hint
    admin.execute("drop table public.xmp_jobs; create schema pgjobs")
    assert "schema pgjobs belongs to postgres, and role plain is not a member of it" == refused(lambda: migrate(url))[0]


def test_an_index_that_is_not_ours_to_make_is_told(narrow: tuple[Db, str]) -> None:
    """A table that our role may only read gets no index of ours; the statement for its owner is told."""
    admin, url = narrow
    admin.execute("grant create on database narrow to plain; grant create on schema public to plain")
    admin.execute(
        "create table public.xmp_msisdn_blacklist (id int, msisdn varchar(32));"
        " grant select on public.xmp_msisdn_blacklist to plain"
    )
    told: list[str] = []
    migrate(url, told.append)
    mine = [line for line in told if "xmp_msisdn_blacklist" in line]
    assert 1 == len(mine)
    admin.execute(mine[0].partition("its owner makes it: ")[2].replace("on public.", "on only public.").encode())
    told.clear()
    assert [] == migrate(url, told.append)
    assert [] == [line for line in told if "xmp_msisdn_blacklist" in line]


def test_groups_made_later_get_their_rights(narrow: tuple[Db, str]) -> None:
    """What could not be made is said each time; once somebody has made it, the next migrate grants."""
    admin, url = narrow
    admin.execute("grant create on database narrow to plain; grant create on schema public to plain")
    for _ in range(2):
        told: list[str] = []
        migrate(url, told.append)
        assert any("role pgjobs_viewer does not exist" in line for line in told)
    for role in ROLES:
        admin.execute(f"create role {role} nologin".encode())
    told = []
    assert ["rights of the roles"] == migrate(url, told.append)
    assert admin.value("select has_table_privilege('pgjobs_viewer', 'pgjobs.job_status', 'select')")
    assert ([], []) == (migrate(url, told.append), told)
    admin.execute("revoke select on pgjobs.job_status from pgjobs_viewer; grant select on pgjobs.tokens to public")
    assert ["rights of the roles"] == migrate(url, told.append)
    lost, gained = (
        "select on table pgjobs.job_status, lost by pgjobs_viewer",
        "select on table pgjobs.tokens, gained by public",
    )
    assert [f"rights were changed by hand and are put back: {lost}, {gained}"] == told
    assert admin.value("select has_table_privilege('pgjobs_viewer', 'pgjobs.job_status', 'select')")
    assert not admin.value("select has_table_privilege('pgjobs_viewer', 'pgjobs.tokens', 'select')")


OWNERS = """
select distinct owner::regrole::text from (
  select nspowner from pg_namespace where nspname = 'pgjobs'
  union all select relowner from pg_class where relnamespace = 'pgjobs'::regnamespace
  union all select proowner from pg_proc where pronamespace = 'pgjobs'::regnamespace
  union all select typowner from pg_type where typnamespace = 'pgjobs'::regnamespace) x (owner) order by 1
"""


def test_the_owner_is_pgjobs_owner_where_we_are_a_member_of_it(
    narrow: tuple[Db, str], own_server: EmbeddedPostgres
) -> None:
    """What a role that is no member has migrated is its own. Once it is one, or a superuser migrates, everything in the
    schema belongs to pgjobs_owner, which gets its rights on the operator's tables; those keep their owner."""
    admin, url = narrow
    admin.execute("grant create on database narrow to plain; grant create on schema public to plain")
    admin.execute("create role pgjobs_owner nologin")
    migrate(url)
    assert ["plain"] == admin.column(OWNERS)
    with connect(url) as plain:
        job = insert_job(plain)
        claim(plain, job)
    admin.execute("grant pgjobs_owner to plain")
    assert [] != migrate(url)
    assert ["pgjobs_owner"] == admin.column(OWNERS)
    assert ["plain"] == admin.column(
        "select distinct relowner::regrole::text from pg_class where relname like 'xmp%' and relkind = 'r'"
    )
    assert [] == migrate(url)
    assert [] == admin.column("select relation from pgjobs.missing_rights()")
    # The next one to migrate is any other member.
    migrate(sibling(own_server.url, "narrow"))
    assert ["pgjobs_owner"] == admin.column(OWNERS)


def test_a_right_that_is_not_ours_to_grant_is_told(narrow: tuple[Db, str]) -> None:
    """Where a table belongs to somebody else, the sentence is the statement for its owner."""
    admin, url = narrow
    admin.execute("grant create on database narrow to plain; grant create on schema public to plain")
    admin.execute("create role pgjobs_owner nologin; grant pgjobs_owner to plain")
    admin.execute("create table public.xmp_msisdn_blacklist (id int, msisdn varchar(32))")
    admin.execute("create index pgjobs_blacklist_msisdn_idx on public.xmp_msisdn_blacklist (msisdn)")
    told: list[str] = []
    migrate(url, told.append)
    (mine,) = [line for line in told if "lacks rights that jobs need" in line]
    statement = mine.partition("as the owner of public.xmp_msisdn_blacklist: ")[2]
    assert "grant select on public.xmp_msisdn_blacklist to pgjobs_owner" == statement
    admin.execute(statement.encode())
    told.clear()
    migrate(url, told.append)
    assert [] == [line for line in told if "lacks rights" in line]


def test_a_database_that_is_closed_to_the_public_is_opened_for_the_owner(
    narrow: tuple[Db, str], own_server: EmbeddedPostgres
) -> None:
    """Where nobody may use schema public or connect without a grant, the one is granted and the other is told."""
    admin, _ = narrow
    admin.execute("revoke all on schema public from public; revoke all on database narrow from public")
    told: list[str] = []
    migrate(sibling(own_server.url, "narrow"), told.append)
    assert admin.value("select has_schema_privilege('pgjobs_owner', 'public', 'usage')")
    (mine,) = [line for line in told if "lacks rights" in line]
    statement = mine.partition("as the owner of database narrow: ")[2]
    assert "grant connect on database narrow to pgjobs_owner" == statement
    admin.execute(statement.encode())
    told.clear()
    assert ([], []) == (migrate(sibling(own_server.url, "narrow"), told.append), told)


@pytest.mark.parametrize("path", ["plain_schema, public", '"$user", public', "", "pg_catalog"])
def test_the_search_path_does_not_move_the_history(empty_database: str, path: str) -> None:
    """Whatever search_path a database has, the history lies in schema pgjobs, and a second migrate does nothing."""
    with connect(empty_database) as db:
        db.execute("create schema plain_schema; create schema postgres")
        name = urlsplit(empty_database).path[1:]
        # The value is given as it is, for "" is one as well.
        db.execute(f"alter database {name} set search_path = {path or chr(39) * 2}".encode())
    assert "migration 0001.operator-tables" in migrate(empty_database)
    with connect(empty_database) as db:
        db.execute(f"alter database {name} set search_path = plain_schema".encode())
        assert ["pgjobs"] == db.column(HISTORIES)
    assert [] == migrate(empty_database)


def test_a_planted_history_is_not_believed(narrow: tuple[Db, str], own_server: EmbeddedPostgres) -> None:
    """A table called like the history that belongs to somebody else is neither read nor written."""
    admin, url = narrow
    admin.execute("grant create on schema public to plain; create schema pgjobs")
    with connect(url) as plain:
        plain.execute(
            "create table public._yoyo_migration (migration_hash text, migration_id text, applied_at_utc timestamp);"
            " insert into public._yoyo_migration values ('x', '0001.operator-tables', now());"
            " create function public.own() returns trigger language plpgsql"
            " as $$ begin alter role plain superuser; return null; end $$;"
            " create trigger own before delete on public._yoyo_migration execute function public.own()"
        )
    migrate(sibling(own_server.url, "narrow"))
    assert 1 == admin.value("select count(*) from public._yoyo_migration")
    assert not admin.value("select rolsuper from pg_roles where rolname = 'plain'")


def test_tables_in_another_schema_are_no_reason_for_empty_ones(empty_database: str) -> None:
    """Where the operator's tables lie in a schema of their own nothing is created; the sentence says what to do."""
    with connect(empty_database) as db:
        db.execute("create schema cms; create table cms.xmp_jobs (id int); create table cms.xmp_services (id int)")
        sentence, hint = refused(lambda: migrate(empty_database))
        assert "in schema cms and not in public" in sentence
        assert "xmp_jobs, xmp_services" in sentence
        assert "alter table cms.xmp_jobs set schema public" in hint
        assert 0 == db.value("select count(*) from pg_class where relnamespace = 'public'::regnamespace")
        assert db.value("select to_regnamespace('pgjobs') is null")


PARTITIONED = """
  create table public.xmp_transactions (
    id bigint not null, sent_at timestamptz not null, msisdn varchar(32) not null, result varchar(127) not null
  ) partition by range (sent_at);
  create table public.of_2016 partition of public.xmp_transactions for values from ('2016-01-01') to ('2017-01-01');
  create table public.of_2017 partition of public.xmp_transactions for values from ('2017-01-01') to ('2018-01-01')
    partition by list (result);
  create table public.of_2017_paid partition of public.of_2017 for values in ('paid');
  create table public.of_2017_rest partition of public.of_2017 default;
  insert into public.xmp_transactions values (1, '2016-05-05', '923', 'paid'), (2, '2017-05-05', '923', 'paid');
"""


def test_partitioned_tables_are_indexed(empty_database: str) -> None:
    """Every partition gets its index without blocking writers, the table takes them over, and new ones inherit."""
    with connect(empty_database) as db:
        db.execute(PARTITIONED.encode())
        assert "index pgjobs_transactions_paid_idx" in migrate(empty_database)
        partitions = "select relid::regclass::text from pg_partition_tree('pgjobs_transactions_paid_idx')"
        assert 5 == len(db.column(partitions))
        assert db.value("select bool_and(indisvalid) from pg_index where indrelid::regclass::text like 'of_%'")
        db.execute(
            "create table of_2018 partition of xmp_transactions for values from ('2018-01-01') to ('2019-01-01')"
        )
        assert 6 == len(db.column(partitions))
        assert [] == migrate(empty_database)


def test_views_are_told_what_to_index(empty_database: str) -> None:
    """A view over tables stays one, and migrate says which index its tables need."""
    with connect(empty_database) as db:
        db.execute(
            "create table public.recent (msisdn varchar(32), sent_at timestamptz, result varchar(127));"
            " create table public.older (like public.recent);"
            " create view public.xmp_transactions as table public.recent union all table public.older"
        )
        told: list[str] = []
        migrate(empty_database, told.append)
        (line,) = (line for line in told if "is a view" in line)
        assert 'index on (msisdn collate "C", sent_at) where result in' in line
        assert "it reads public.older, public.recent" in line
        insert_job(db)


def test_what_migrate_leaves_to_people_is_told(database: str, db: Db) -> None:
    """Jobs whose moment never comes and columns that are nowhere are named; none of that is a failure."""
    job = insert_job(db)
    db.execute("set session_replication_role = replica")
    db.execute("update xmp_jobs set run_at = '-infinity' where id = %s", [job])
    db.execute("alter table xmp_retries_expired rename column keep_days to retry_days")
    db.execute("alter table xmp_subscriptions drop column paid_hours, drop column keep_days")
    told: list[str] = []
    assert [] == migrate(database, told.append)
    assert f"jobs that are ready have an infinite run_at, which no clock reaches: {job};" in told[0]
    assert [
        "table xmp_subscriptions has no column keep_days or retry_days: messages have no retry_days",
        "table xmp_subscriptions has no column paid_hours: messages have no paid_hours",
    ] == told[1:]


@pytest.mark.parametrize("newer", ["version", "migration"])
def test_an_older_one_refuses_a_newer_database(database: str, db: Db, newer: str) -> None:
    """What a newer pgjobs has migrated is left as it is, and the sentence names both."""
    if newer == "version":
        db.execute("update pgjobs.schema_state set version = '99.1', fingerprint = 'newer'")
    else:
        db.execute("insert into pgjobs._yoyo_migration values ('x', '0999.later', now())")
    db.execute("comment on function pgjobs.now() is 'newer'")
    with pytest.raises(SchemaError) as caught:
        migrate(database)
    assert "an older one" in caught.value.sentence
    assert ("pgjobs 99.1" if newer == "version" else "migration 0999.later") in caught.value.sentence
    assert "newer" == db.value("select obj_description('pgjobs.now()'::regprocedure, 'pg_proc')")


def test_a_database_without_encoding(services: Services) -> None:
    """A database of encoding SQL_ASCII migrates, once, and its jobs are claimed."""
    with connect(services.database_url) as admin:
        admin.execute("create database pgjobs_ascii encoding 'SQL_ASCII' locale 'C' template template0")
    url = urlsplit(services.database_url)._replace(path="/pgjobs_ascii").geturl()
    try:
        assert "migration 0001.operator-tables" in migrate(url)
        assert [] == migrate(url)
        with connect(url) as db:
            claim(db, insert_job(db))
    finally:
        drop_database(services.database_url, "pgjobs_ascii")


def test_a_killed_migrate_keeps_nobody_waiting(empty_database: str) -> None:
    """After kill -9 at any step, in the middle of its waits, the next one goes on and succeeds."""
    code = "import sys; from pgjobs.pg.migrate import migrate; migrate(sys.argv[1], print)"
    with connect(empty_database) as db, connect(empty_database) as other:
        db.execute((folder("migrations") / "0001.operator-tables.sql").read_bytes())
        with other.transaction():
            other.execute("lock table public.xmp_jobs in row exclusive mode")
            child = subprocess.Popen(
                [sys.executable, "-u", "-c", code, empty_database], stdout=subprocess.PIPE, text=True
            )
            assert child.stdout is not None
            # It says so itself when it waits.
            assert "waits for locks of process" in child.stdout.readline()
            child.send_signal(signal.SIGKILL)
            child.wait()
            child.stdout.close()
    assert "migration 0002.engine" in migrate(empty_database)
    assert [] == migrate(empty_database)


@pytest.mark.parametrize("point", range(2, 120, 9))
def test_a_migrate_that_loses_its_server_is_made_up_for(empty_database: str, point: int) -> None:
    """A migrate whose sessions end after any number of its statements leaves what the next one completes."""
    code = (
        "import sys, os, psycopg\n"
        "from pgjobs.pg.migrate import migrate\n"
        "left = int(sys.argv[2])\n"
        "execute = psycopg.Cursor.execute\n"
        "def counted(self, *args, **kwargs):\n"
        "    global left\n"
        "    left -= 1\n"
        "    if left < 0: os.kill(os.getpid(), 9)\n"
        "    return execute(self, *args, **kwargs)\n"
        "psycopg.Cursor.execute = counted\n"
        "migrate(sys.argv[1])\n"
    )
    child = subprocess.run([sys.executable, "-u", "-c", code, empty_database, str(point)], check=False)
    assert -signal.SIGKILL == child.returncode
    migrate(empty_database)
    assert [] == migrate(empty_database)
    with connect(empty_database) as db:
        claim(db, insert_job(db))


def test_a_second_one_waits_and_says_for_whom(empty_database: str) -> None:
    """While one holds the lock another says which process it waits for, and goes on as soon as it may."""
    migrate(empty_database)
    told: list[str] = []
    with connect_blocking(empty_database, "migrate") as first, ThreadPoolExecutor(1) as thread:
        with first.transaction():
            first.execute("lock table pgjobs._yoyo_migration in share update exclusive mode")
            second = thread.submit(migrate, empty_database, told.append)
            assert soon(lambda: bool(told))
            words = f"this migrate waits for locks of process {first.info.backend_pid} (role postgres, pgjobs migrate"
            assert told[0].startswith(words)
        assert [] == second.result(timeout=60)


def test_advisory_locks_of_others_do_not_matter(database: str) -> None:
    """Anybody who may connect can take every advisory lock; migrate needs none."""
    with connect(database) as other:
        other.execute("select pg_advisory_lock(hashtextextended('pgjobs.migrate', 0))")
        with connect(database) as db:
            db.execute("update pgjobs.schema_state set fingerprint = 'other'")
        assert 1 == len(migrate(database))


def test_nothing_is_locked_where_nothing_changes(database: str, db: Db) -> None:
    """With every table locked by a writer an up-to-date database is found so at once; new functions come in too."""
    with connect(database) as other, other.transaction():
        other.execute("lock table xmp_jobs, xmp_job_types, xmp_transactions in row exclusive mode")
        told: list[str] = []
        assert [] == migrate(database, told.append, patience=0)
        db.execute("update pgjobs.schema_state set fingerprint = 'other'")
        assert 1 == len(migrate(database, told.append, patience=0))
        assert [] == told


def test_a_writer_hardly_waits_behind_migrate(database: str, db: Db) -> None:
    """While a long transaction keeps migrate from its lock, others write: it gives way again and again, and says so."""
    db.execute("update pgjobs.schema_state set fingerprint = 'other', triggers = 'other'")
    told: list[str] = []
    with connect(database) as long, connect(database) as cms, ThreadPoolExecutor(1) as thread:
        with long.transaction():
            long.execute("lock table xmp_jobs in row exclusive mode")
            migrating = thread.submit(migrate, database, told.append)
            assert soon(lambda: bool(told))
            assert f"process {long.info.backend_pid} " in told[0]
            insert_job(cms)
            assert not migrating.done()
        assert 1 == len(migrating.result(timeout=60))


def test_a_lock_that_never_comes_ends_with_a_sentence(database: str, db: Db) -> None:
    """When its patience is over migrate ends with the sentence that names who was in the way; nothing is half done."""
    db.execute("update pgjobs.schema_state set fingerprint = 'other', triggers = 'other'")
    with connect(database) as long, long.transaction():
        long.execute("lock table xmp_jobs in row exclusive mode")
        process = long.info.backend_pid
        with pytest.raises(Blocked) as caught:
            migrate(database, lambda _line: None, patience=0)
    assert f"process {process} " in caught.value.sentence
    assert "other" == db.value("select fingerprint from pgjobs.schema_state")


PLANTED = """
  grant create on schema public to plain;
  create table public.ran (who text);
  grant insert on public.ran to public;
  set role plain;
  create function public.planted(varchar, varchar) returns boolean language plpgsql as $$
    begin insert into public.ran values (current_user); return true; end $$;
  create operator public.= (leftarg = varchar, rightarg = varchar, function = public.planted);
  create operator public.<> (leftarg = varchar, rightarg = varchar, function = public.planted);
  create function public.planted(name, text) returns boolean language plpgsql as $$
    begin insert into public.ran values (current_user); return true; end $$;
  create operator public.= (leftarg = name, rightarg = text, function = public.planted);
  create function public.format(text, text) returns text language plpgsql as $$
    begin insert into public.ran values (current_user); return $1; end $$;
  create function public.to_regclass(varchar) returns regclass language plpgsql as $$
    begin insert into public.ran values (current_user); return null; end $$;
  reset role;
"""


def test_planted_code_never_runs(
    narrow: tuple[Db, str], own_server: EmbeddedPostgres, services: Services, tmp_path: Path
) -> None:
    """Operators and functions that somebody put into public for exact types run neither with migrate nor doctor."""
    admin, _ = narrow
    admin.execute(PLANTED.encode())
    url = sibling(own_server.url, "narrow")
    # They would run where the search_path is the usual one.
    admin.execute("select 'a'::varchar = 'b'::varchar")
    assert ["postgres"] == admin.column("delete from public.ran returning who")
    migrate(url)
    assert [] == admin.column("select who from public.ran")

    async def examine() -> list[str]:
        settings = read_settings(
            database_url=url, amqp_url=services.amqp_url, log_dir=tmp_path, injections_dir=tmp_path
        )
        return [found.about async for found in findings(settings)]

    assert "schema" in asyncio.run(examine())
    assert [] == admin.column("select who from public.ran")
