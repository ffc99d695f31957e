"""`pgjobs doctor`: finds what is wrong, says what to do about it, and lets a healthy fresh installation pass."""

import asyncio
import os
import re
import shutil
import time
import uuid
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import psycopg
import pytest
from fix_cli import Said, run
from fix_daemon import Engine
from fix_database import sibling
from fix_predecessor import SHAPES
from psycopg.conninfo import conninfo_to_dict, make_conninfo

import pgjobs
from pgjobs.ops.doctor import database as of_the_database
from pgjobs.ops.doctor import findings, grants, tables, work
from pgjobs.ops.doctor.finding import Finding
from pgjobs.pg import connection as db
from pgjobs.pg import schema
from pgjobs.pg.migrate import migrate
from pgjobs.settings import read_settings

Examine = Callable[..., list[Finding]]


class Usage(NamedTuple):
    """What shutil.disk_usage answers."""

    total: int
    used: int
    free: int


@pytest.fixture
def examine(engine: Engine) -> Examine:
    """Examine that engine, with other settings where a test says so."""

    def collected(**settings: Any) -> list[Finding]:
        known = {
            "database_url": engine.daemon_url,
            "amqp_url": engine.amqp_url,
            "log_dir": engine.log_dir,
            "injections_dir": engine.injections_dir,
        }

        async def collect() -> list[Finding]:
            return [found async for found in findings(read_settings(**(known | settings)))]

        return asyncio.run(collect())

    return collected


def about(found: list[Finding], what: str) -> Finding:
    """The worst finding about a thing."""
    order = ("problem", "warning", "ok")
    return min((one for one in found if one.about == what), key=lambda one: order.index(one.level))


def levels(found: list[Finding], level: str) -> set[str]:
    return {one.about for one in found if one.level == level}


def test_a_healthy_fresh_installation_passes(engine: Engine) -> None:
    """Code 0 without a daemon: that is a warning only, so the check can be a container's health check."""
    said = run(
        "doctor",
        database_url=engine.database_url,
        amqp_url=engine.amqp_url,
        log_dir=engine.log_dir,
        injections_dir=engine.injections_dir,
    )
    assert (0, "") == (said.code, said.err)
    assert "! daemons      none is alive, so no job runs\n               → start one: pgjobs daemon\n" in said.out
    assert said.out.endswith("0 problems\n")
    password = urlsplit(engine.database_url).password
    assert password
    assert password not in said.everything


def test_an_address_of_key_value_pairs_will_do(engine: Engine, empty_database: str) -> None:
    """migrate, doctor and watch take a database that is named as libpq allows."""
    urls: dict[str, Any] = {"database_url": make_conninfo("", **conninfo_to_dict(empty_database))}
    assert "=" in urls["database_url"].split()[0]
    assert (0, "") == run("migrate", **urls)[0:3:2]
    said = run("doctor", **urls, amqp_url=engine.amqp_url, log_dir=engine.log_dir, injections_dir=engine.injections_dir)
    assert "\u2713 schema " in said.out
    assert "can't be" not in said.out
    assert "there is no job 7" in run("watch", 7, **urls).err


def test_an_ascii_terminal_gets_the_findings_too(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the output takes no mark or arrow, there is a question mark in its place; watch ends as usual too."""
    monkeypatch.setenv("PYTHONIOENCODING", "ascii")
    job = engine.add_job("expired")
    engine.execute("update xmp_jobs set status = 'canceled' where id = %s", job)
    urls: dict[str, Any] = {"database_url": engine.database_url, "amqp_url": engine.amqp_url, "log_dir": engine.log_dir}
    said = run("doctor", **urls, injections_dir=engine.injections_dir)
    assert (0, "") == (said.code, said.err)
    assert "               ? start one: pgjobs daemon\n" in said.out
    said = run("watch", job, **urls)
    assert (1, "") == (said.code, said.err)
    assert f"job {job} ? " in said.out


def test_everything_is_looked_at(examine: Examine) -> None:
    """One finding at least about each thing, and every bad one with a remedy."""
    found = examine()
    assert {
        "settings", "log folder", "injections", "database", "version", "clock", "notify", "schema", "tables", "rights",
        "triggers", "indexes", "columns", "daemons", "jobs", "job types", "broker", "routes",
    } == {one.about for one in found}  # fmt: skip
    assert set() == levels(found, "problem")
    assert [] == [one for one in found if (one.level == "ok") != (one.remedy == "")]


def test_a_living_daemon_is_found(engine: Engine, examine: Examine) -> None:
    """Its heartbeat is enough."""
    engine.start(daemon_name="worker-7")
    engine.wait_until("exists (select from pgjobs.daemons where broker = 'connected')")
    assert ("ok", "alive: worker-7") == about(examine(), "daemons")[0::2]


def test_without_a_database_the_rest_is_examined_all_the_same(examine: Examine) -> None:
    """One problem that says so; broker and folders are looked at, and the password stays where it is."""
    found = examine(database_url="postgresql://u:pw42@127.0.0.1:1/d")
    assert {"database"} == levels(found, "problem")
    assert "ok" == about(found, "broker").level
    assert "pw42" not in str(found)


@pytest.fixture
def stranger(engine: Engine) -> Iterator[str]:
    """The URL of a role that may use the engine's schema and nothing of the operator's tables."""
    name = f"pgjobs_stranger_{uuid.uuid4().hex[:8]}"
    parts = urlsplit(engine.database_url)
    engine.execute(f"create role {name} login password 'pw42'")
    engine.execute(f"grant usage on schema pgjobs to {name}")
    engine.execute(f"grant all on all tables in schema pgjobs to {name}")
    engine.execute(f"grant execute on all functions in schema pgjobs to {name}")
    try:
        yield parts._replace(netloc=f"{name}:pw42@{parts.hostname}:{parts.port}").geturl()
    finally:
        engine.execute(f"reassign owned by {name} to current_user; drop owned by {name}")
        engine.execute(f"drop role {name}")


def rights(found: list[Finding]) -> str:
    """Every sentence and remedy about rights."""
    return "\n".join(f"{one.level}: {one.sentence} -> {one.remedy}" for one in found if one.about == "rights")


def test_a_role_that_may_do_more_than_a_daemon_needs_is_told(engine: Engine, examine: Examine, stranger: str) -> None:
    """A superuser, and a member of the owner."""
    assert "warning: the daemon's role postgres is a superuser" in rights(examine(database_url=engine.database_url))
    role = urlsplit(stranger).username
    engine.execute(f"grant pgjobs_owner to {role}")
    found = rights(examine(database_url=stranger))
    assert f"warning: the daemon's role {role} may do all that the owner of schema pgjobs may (pgjobs_owner)" in found


def test_a_plain_member_of_the_daemons_group_is_what_a_daemon_should_be(examine: Examine) -> None:
    """The role as which the daemon of the tests logs in is all right."""
    assert rights(examine()).startswith("ok: role pgjobs_daemon_")


def test_a_role_without_the_rights_of_a_daemon_is_told(examine: Examine, stranger: str) -> None:
    """The remedy is the statement that makes it a member."""
    role = urlsplit(stranger).username
    found = rights(examine(database_url=stranger))
    assert f"problem: role {role} has not the rights of a daemon -> grant pgjobs_daemon to {role}" in found


def test_a_missing_right_is_named_with_its_grant(engine: Engine, examine: Examine) -> None:
    """What the owner of the engine's functions lacks: table and privilege are in the sentence, the remedy is the
    statement."""
    engine.execute("revoke all on xmp_transactions, xmp_jobs from pgjobs_owner")
    found = rights(examine())
    assert "has no right to select, insert, update, delete on public.xmp_jobs" in found
    assert "-> grant select on public.xmp_transactions to pgjobs_owner" in found


def test_row_level_security_is_told_before_a_job_meets_it(engine: Engine, examine: Examine) -> None:
    """Rows that a policy hides would be missing from every selection."""
    assert "row level security" not in rights(examine())
    engine.execute("alter table xmp_retries_expired enable row level security")
    found = rights(examine())
    assert "problem: row level security hides rows of public.xmp_retries_expired from role pgjobs_owner" in found
    assert "-> alter role pgjobs_owner bypassrls" in found


def test_roles_whose_code_would_run_as_the_daemon_are_told(engine: Engine, examine: Examine, stranger: str) -> None:
    """Everybody who may create in public, and every other owner of the operator's tables."""
    role = urlsplit(stranger).username
    assert "revoke create" not in rights(examine())
    engine.execute("grant create on schema public to public")
    engine.execute(f"alter table xmp_jobs owner to {role}")
    found = rights(examine())
    assert "warning: every role may create objects in schema public" in found
    assert "-> revoke create on schema public from public" in found
    assert f"warning: xmp_jobs belongs to role {role}: its triggers, rules" in found


def test_further_callers_of_the_engine_are_told(engine: Engine, examine: Examine, stranger: str) -> None:
    """A function that runs with the owner's rights, granted to everybody or to a role of somebody's own."""
    role = urlsplit(stranger).username
    found = rights(examine())
    assert f"warning: role {role} may call pgjobs.abandon_api_requests (and " in found
    assert f"-> revoke all on all functions in schema pgjobs from {role}" in found
    engine.execute(f"revoke all on all functions in schema pgjobs from {role}")
    assert "may call" not in rights(examine())
    engine.execute("grant execute on function pgjobs.claim_shards to public")
    found = rights(examine())
    assert "warning: every role may call pgjobs.claim_shards, which runs with the rights of pgjobs_owner" in found


@pytest.mark.parametrize(
    ("column", "consequence"),
    [
        *((f"xmp_subscriptions.{name}", "/api can't publish") for name in ("id", "msisdn", "result", "created_at")),
        *(
            (f"xmp_transactions.{name}", "jobs with never or last_charge_at can't run")
            for name in ("msisdn", "result", "sent_at")
        ),
        *(
            (f"xmp_{name}", "jobs of type injection can't run")
            for name in (
                "services.id", "services.price", "operator_msisdn_prefix.prefix", "msisdn_blacklist.msisdn",
                "msisdn_postpaid.msisdn",
            )
        ),
        ("xmp_retries_expired.msisdn", "jobs of type expired can't run"),
        ("xmp_subscriptions.tid", "messages have no tid"),
    ],
)  # fmt: skip
def test_a_missing_column_of_the_operators_tables_is_told(database: str, column: str, consequence: str) -> None:
    """Whatever a call of /api or a job reads: table, column and what does not run without it."""
    table, _, name = column.partition(".")

    async def act() -> None:
        async with await db.connect(database, "test", autocommit=False) as connection:
            await connection.execute(f"alter table public.{table} rename column {name} to another_name".encode())
            (found,) = [one async for one in work.columns(connection)]
            assert f"{table} has no {name}: {consequence}" == found.sentence
            assert found.level == ("problem" if "can't" in consequence else "warning")
            assert f"add the column to {table} where it is wanted" == found.remedy

    asyncio.run(act())


def test_a_group_without_rights_is_told(engine: Engine, examine: Examine) -> None:
    """A group made after the migration has nothing yet."""
    assert "pgjobs_viewer" not in rights(examine())
    engine.execute("revoke usage on schema pgjobs from pgjobs_viewer")
    found = rights(examine())
    assert "warning: the role pgjobs_viewer has no rights in this database -> run: pgjobs migrate" in found


def test_a_role_that_may_do_nothing_gets_the_missing_right(engine: Engine, examine: Examine, stranger: str) -> None:
    """The server answered, and said what is missing: nobody is sent to look whether it runs."""
    engine.execute(f"revoke all on schema pgjobs from {urlsplit(stranger).username}")
    found = about(examine(database_url=stranger), "schema")
    assert ("problem", "it can't be checked: permission denied for schema pgjobs") == found[0::2]
    assert found.remedy.startswith("grant the role of PGJOBS_DATABASE_URL the one for its work: pgjobs_daemon (")


def test_a_role_that_may_only_look_is_told_which_role_to_grant(engine: Engine, examine: Examine, stranger: str) -> None:
    """Where the role of the daemon is a member of a lesser one, that is a finding, and other things are looked at."""
    role = urlsplit(stranger).username
    engine.execute(f"revoke all on schema pgjobs from {role}; revoke all on all tables in schema pgjobs from {role}")
    engine.execute(f"revoke all on all functions in schema pgjobs from {role}; grant pgjobs_viewer to {role}")
    found = examine(database_url=stranger)
    assert ("problem", f"role {role} has not the rights of a daemon", f"grant pgjobs_daemon to {role}") == (
        about(found, "rights")[0:1] + about(found, "rights")[2:]
    )
    assert "version" in {one.about for one in found if one.level == "ok"}


GRANTS = [
    ("insert on table pgjobs.shards", "pgjobs_web"),
    ("select (name) on table pgjobs.tokens", "pgjobs_viewer"),
    ("execute on function pgjobs.claim_shards(uuid,text[],boolean,interval,integer,text)", "pgjobs_operator"),
    ("usage on sequence pgjobs.events_id_seq", "pgjobs_agent"),
    ("create on schema pgjobs", "pgjobs_daemon"),
    ("select on table pgjobs.tokens", "public"),
]


@pytest.mark.parametrize(("right", "role"), GRANTS)
def test_a_right_that_was_granted_by_hand_is_told_and_taken_back(
    engine: Engine, examine: Examine, right: str, role: str
) -> None:
    """Whatever kind of thing it is on: doctor names role, right and remedy, and migrate is the remedy."""
    engine.execute(f"grant {right} to {role}")
    found = rights(examine())
    who = "every role" if role == "public" else f"role {role}"
    assert f"warning: {who} may {right}, which sql/access.sql grants to nobody or to other roles" in found
    assert "-> run: pgjobs migrate, which puts the rights back" in found
    told: list[str] = []
    assert ["rights of the roles"] == migrate(engine.database_url, told.append)
    assert [f"rights were changed by hand and are put back: {right}, gained by {role}"] == told
    assert rights(examine()).startswith("ok: ")
    assert [] == migrate(engine.database_url, told.append)


REVOKES = [
    ("execute on function pgjobs.why(bigint)", "pgjobs_viewer"),
    ("select on table pgjobs.job_status", "pgjobs_operator"),
    ("select (expires_at) on table pgjobs.tokens", "pgjobs_daemon"),
    ("select (run_at) on table public.xmp_jobs", "pgjobs_daemon"),
    ("usage on schema pgjobs", "pgjobs_web"),
    ("update on table pgjobs.shards", "pgjobs_owner"),
    ("execute on function pgjobs.job_json(bigint)", "pgjobs_owner"),
]


@pytest.mark.parametrize(("right", "role"), REVOKES)
def test_a_right_that_was_revoked_by_hand_is_told_and_comes_back(
    engine: Engine, examine: Examine, right: str, role: str
) -> None:
    """A right of one of the roles, or of the owner itself: doctor names it, and migrate grants it once more."""
    engine.execute(f"revoke {right} from {role}")
    found = rights(examine())
    assert (
        f"problem: role {role} has lost its right to {right}: somebody has revoked it -> run: pgjobs migrate" in found
    )
    assert ["rights of the roles"] == migrate(engine.database_url)
    assert rights(examine()).startswith("ok: ")
    assert [] == migrate(engine.database_url)


def test_rights_of_a_role_of_somebodys_own_are_told(engine: Engine, examine: Examine, stranger: str) -> None:
    """Tables, sequences and the schema: each kind with the statement that closes it; nothing is left after those."""
    role = urlsplit(stranger).username
    engine.execute(f"grant create on schema pgjobs to {role}; grant usage on all sequences in schema pgjobs to {role}")
    engine.execute(f"revoke all on all functions in schema pgjobs from {role}")
    told = [one for one in examine() if one.about == "rights" and f"role {role} may" in one.sentence]
    assert {"schema", "sequence", "table"} == {one.sentence.partition(" on ")[2].split(" ")[0] for one in told}
    for one in told:
        engine.execute(one.remedy.partition(",")[0])
    assert rights(examine()).startswith("ok: ")


ROLES_CHANGED = [
    ("alter role pgjobs_web login", "the role pgjobs_web has the attribute login"),
    ("alter role pgjobs_viewer superuser", "the role pgjobs_viewer has the attribute superuser"),
    ("alter role pgjobs_daemon bypassrls", "the role pgjobs_daemon has the attribute bypassrls"),
    ("alter role pgjobs_agent createrole", "the role pgjobs_agent has the attribute createrole"),
    ("alter role pgjobs_operator createdb", "the role pgjobs_operator has the attribute createdb"),
    ("alter role pgjobs_owner replication", "the role pgjobs_owner has the attribute replication"),
    ("grant pgjobs_owner to pgjobs_web", "the role pgjobs_web is a member of pgjobs_owner: whoever"),
    ("grant pg_monitor to pgjobs_viewer", "the role pgjobs_viewer is a member of pg_monitor: whoever"),
]


@pytest.mark.parametrize(("statement", "words"), ROLES_CHANGED)
def test_what_the_six_roles_are_beyond_their_rights_is_told(database: str, statement: str, words: str) -> None:
    """Log in, attributes and memberships: the remedy is the statement that undoes it. The roles belong to the whole
    server, so nothing of it is committed."""

    async def act() -> None:
        async with await db.connect(database, "test", autocommit=False) as connection:
            assert [] == await grants.roles(connection)
            await connection.execute(statement.encode())
            (found,) = await grants.roles(connection)
            assert found.level == "warning"
            assert found.sentence.startswith(words)
            await connection.execute(re.split(r"; |, ", found.remedy)[0].encode())
            assert [] == await grants.roles(connection)
            await connection.rollback()

    asyncio.run(act())


def test_the_owner_may_pass_row_level_security(database: str) -> None:
    """What doctor itself gives as the remedy is no finding."""

    async def act() -> None:
        async with await db.connect(database, "test", autocommit=False) as connection:
            await connection.execute("alter role pgjobs_owner bypassrls")
            assert [] == await grants.roles(connection)
            await connection.rollback()

    asyncio.run(act())


@pytest.mark.parametrize("part", ["host", "database", "broker", "work.jobs", "rights"])
def test_a_check_that_fails_is_a_finding_and_the_others_are_made(
    part: str, examine: Examine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever kind of error it is: no traceback, and the examination goes on."""

    async def broken(*_args: object, **_named: object) -> AsyncIterator[Finding]:
        yield Finding("ok", part, "so far")
        raise RuntimeError("something nobody thought of\nwith a second line")

    module, _, name = part.partition(".")
    monkeypatch.setattr(f"pgjobs.ops.doctor.{module}.{name or 'findings'}", broken)
    found = examine()
    failed = [one for one in found if one.sentence == "it can't be checked: something nobody thought of"]
    assert ["problem"] == [one.level for one in failed]
    assert failed[0].remedy
    if part != "broker":
        assert "broker" in {one.about for one in found}


def test_nobody_alive_is_a_problem_where_it_is_asked_for(engine: Engine) -> None:
    """`--live` serves a container's health check: 1 without a daemon, 0 with one."""

    def live() -> Said:
        return run(
            "doctor",
            "--live",
            database_url=engine.database_url,
            amqp_url=engine.amqp_url,
            log_dir=engine.log_dir,
            injections_dir=engine.injections_dir,
        )

    said = live()
    assert (1, "") == (said.code, said.err)
    assert "✗ daemons      none is alive, so no job runs" in said.out
    engine.start()
    engine.wait_until("exists (select from pgjobs.daemons)")
    assert 0 == live().code


@pytest.mark.parametrize(("places", "level"), [(20, "ok"), (160, "warning"), (200, "problem")])
def test_more_connections_than_the_server_allows(engine: Engine, examine: Examine, places: int, level: str) -> None:
    """What the living daemons may need together is compared with what the server, the database and the role allow."""
    engine.execute(
        "insert into pgjobs.daemons (id, name, host, pid, version, started_at, seen_at, metrics)"
        " select gen_random_uuid(), 'd', 'h', 1, '1', now(), clock_timestamp(),"
        " jsonb_build_array(jsonb_build_object('name', 'pgjobs_connections_limit', 'value', %s::int / 2))"
        " from generate_series(1, 2)",
        places,
    )
    found = about(examine(), "connections")
    assert level == found.level
    assert found.sentence.startswith(f"the daemons may open {places} of 197 connections")
    name = engine.value("select current_database()::text")
    engine.execute(f"alter database {name} connection limit 10")
    assert "problem" == about(examine(), "connections").level
    engine.execute(f"alter database {name} connection limit -1")


def test_refused_messages_of_a_living_daemon_are_told(engine: Engine, examine: Examine) -> None:
    """A full queue that refuses messages is seen nowhere else than in the daemon's counter."""
    engine.execute(
        "select pgjobs.beat(gen_random_uuid(), 'w', 'h', 1, %s, 'connected', '[]', 1, %s::jsonb)",
        pgjobs.__version__,
        '[{"name": "pgjobs_nacked_total", "kind": "counter", "value": 1234}]',
    )
    found = about(examine(), "daemons")
    assert "warning" == found.level
    assert "refused messages of w on h 1,234 times (nack)" in found.sentence
    engine.execute("update pgjobs.daemon_counters set grown_at = now() - interval '2 hours'")
    assert "ok" == about(examine(), "daemons").level


def test_ready_jobs_that_never_start_are_told(engine: Engine, examine: Examine) -> None:
    """A moment that never comes, written before the trigger refused it."""
    with engine.connect() as careless:
        careless.execute("set session_replication_role = replica")
        careless.execute("insert into xmp_jobs (type, run_at) values ('expired', '-infinity'), ('expired', 'infinity')")
    found = [one for one in examine() if one.about == "jobs" and "infinite" in one.sentence]
    assert ["run_at is infinite in ready jobs (1, 2): they never start"] == [one.sentence for one in found]


def test_an_unmigrated_database(empty_database: str, examine: Examine) -> None:
    """The remedy is the command."""
    assert ("problem", "run: pgjobs migrate") == about(examine(database_url=empty_database), "schema")[0::3]


@pytest.mark.parametrize(
    ("version", "compatible_from", "level", "words", "remedy"),
    [
        (pgjobs.__version__, "0.0.1", "problem", "its functions are not those of pgjobs", "run: pgjobs migrate"),
        ("99.1", "0.0.1", "warning", "it is of pgjobs 99.1, and this is", "install pgjobs 99.1"),
        ("99.1", "99.0", "problem", "works with pgjobs 99.0 or later", "install pgjobs 99.1"),
        ("0.0.9", "0.0.1", "problem", "it is of pgjobs 0.0.9, and this is", "run: pgjobs migrate"),
    ],
    ids=["changed", "later", "too late", "earlier"],
)
def test_functions_of_another_version(
    engine: Engine, examine: Examine, version: str, compatible_from: str, level: str, words: str, remedy: str
) -> None:
    """Functions that are not those of their version are told, and a version that is not ours."""
    assert "ok" == about(examine(), "schema").level
    engine.execute(
        "update pgjobs.schema_state set version = %s, compatible_from = %s, fingerprint = 'other'",
        version,
        compatible_from,
    )
    found = about(examine(), "schema")
    assert level == found.level
    assert words in found.sentence.replace("the database is", "it is")
    assert remedy in found.remedy


def test_functions_that_were_changed_by_hand_are_told(engine: Engine, examine: Examine) -> None:
    """Each is named with its signature; migrate puts them back."""
    engine.execute("alter function pgjobs.next_wakeup(boolean) cost 99")
    assert "ok" == about(examine(), "schema").level
    engine.execute("alter function pgjobs.next_wakeup(boolean) set work_mem = '64kB'")
    found = about(examine(), "schema")
    assert ("problem", "functions were changed by hand: pgjobs.next_wakeup(boolean)") == found[0::2]
    assert found.remedy.startswith("run: pgjobs migrate")


def test_a_daemon_of_another_version_is_told(engine: Engine, examine: Examine) -> None:
    """Each daemon is compared with the database, whose version an upgrade brings them all to."""
    engine.start(version="0.1")
    engine.execute("update pgjobs.schema_state set version = '0.1.1'")
    engine.wait_until("exists (select from pgjobs.daemons where version = '0.1')")
    found = about(examine(), "daemons")
    assert "is version 0.1, and the database 0.1.1" in found.sentence
    assert "restart it as 0.1.1" == found.remedy


@pytest.mark.parametrize(
    ("number", "level"),
    [
        (130022, "problem"), (140020, "warning"), (140021, "ok"), (150015, "warning"), (150016, "ok"),
        (160012, "ok"), (170007, "warning"), (180001, "warning"), (180002, "ok"), (190000, "warning"),
    ],
)  # fmt: skip
def test_versions_of_the_server(number: int, level: str) -> None:
    """14 to 18 are supported; a minor version that can lose LISTEN for good is named, with the one that mends it."""
    assert level == of_the_database.rate(number, "x").level


def test_a_pooler_that_loses_notifications(monkeypatch: pytest.MonkeyPatch, examine: Examine) -> None:
    """Where LISTEN is not the waiting connection's own, as behind a transaction pooler, it is a problem."""
    real = db.connect

    async def pooled(url: str, role: str, **options: Any) -> db.Connection:
        connection = await real(url, role, **options)
        if role == "doctor listen":
            # A statement that does nothing.
            monkeypatch.setattr(connection, "execute", lambda _query: asyncio.sleep(0))
        return connection

    monkeypatch.setattr(of_the_database, "ROUND_TRIP_SECONDS", 0.2)
    monkeypatch.setattr(db, "connect", pooled)
    found = about(examine(), "notify")
    assert "problem" == found.level
    assert "transaction pooler" in found.sentence


def test_clocks_that_differ(monkeypatch: pytest.MonkeyPatch, examine: Examine) -> None:
    """Two seconds are too much, and the sentence says who is ahead."""
    real = time.time
    monkeypatch.setattr(time, "time", lambda: real() - 60)
    found = about(examine(), "clock")
    assert "warning" == found.level
    assert "60.0 s ahead of" in found.sentence


def test_a_missing_queue_and_a_missing_exchange(engine: Engine, examine: Examine) -> None:
    """Both are named with the type that needs them."""
    engine.set_route("nowhere")
    found = about(examine(), "routes")
    assert "problem" == found.level
    assert "queue 'nowhere': 404" in found.sentence
    engine.set_route("anything", exchange="nowhere.at.all")
    assert "exchange 'nowhere.at.all': 404" in about(examine(), "routes").sentence


@pytest.mark.parametrize(
    ("selector", "words"),
    [
        ("pgjobs.no_such_function", "there is no function pgjobs.no_such_function(bigint, integer, bigint, bigint)"),
        ("pgjobs.why", "there is no function pgjobs.why(bigint, integer, bigint, bigint)"),
        ("not a name(", "'not a name(' is not the name of a function with its schema"),
        ("public.numbers", "public.numbers(bigint, integer, bigint, bigint) does not return text"),
        ("public.planted", "public.planted(bigint, integer, bigint, bigint) belongs to pgjobs_stranger_"),
    ],
)
def test_a_selector_that_no_job_can_run_is_told(
    engine: Engine, examine: Examine, stranger: str, selector: str, words: str
) -> None:
    """Missing, with another signature, not a name at all, with another result, or of another owner."""
    engine.execute(
        "create function public.planted(bigint, integer, bigint, bigint) returns text language sql return 'select'"
    )
    engine.execute(
        "create function public.numbers(bigint, integer, bigint, bigint) returns bigint language sql return 1"
    )
    engine.execute(
        f"alter function public.planted(bigint, integer, bigint, bigint) owner to {urlsplit(stranger).username}"
    )
    with engine.connect() as careless:
        careless.execute("set session_replication_role = replica")
        careless.execute("update xmp_job_types set selector = %s where name = 'expired'", (selector,))
    found = about(examine(), "job types")
    assert "problem" == found.level
    assert found.sentence.startswith("expired: ")
    assert words in found.sentence
    assert found.remedy


@pytest.mark.parametrize("table", sorted(set(tables.NEEDED_FOR) - {"xmp_jobs", "xmp_job_types"}))
def test_a_table_that_is_missing_is_told(engine: Engine, examine: Examine, table: str) -> None:
    """A renamed table of the operator's is one problem that says what does not run without it; nothing is said of its
    columns, and a view in its place will do."""
    assert "ok" == about(examine(), "tables").level
    engine.execute(f"alter table {table} rename to set_apart")
    found = examine()
    assert [f"public.{table} is missing: {tables.NEEDED_FOR[table]}"] == [
        one.sentence for one in found if one.about == "tables"
    ]
    assert ("problem", "ok") == (about(found, "tables").level, about(found, "columns").level)
    engine.execute(f"create view {table} as table set_apart")
    assert "ok" == about(examine(), "tables").level


@pytest.mark.parametrize("table", ["xmp_jobs", "xmp_job_types"])
def test_without_its_first_tables_everything_is_examined_all_the_same(
    engine: Engine, examine: Examine, table: str
) -> None:
    """Where xmp_jobs or xmp_job_types is gone that is said, and each check that needs it is a finding."""
    engine.execute(f"alter table {table} rename to set_apart")
    found = examine()
    assert f"public.{table} is missing: {tables.NEEDED_FOR[table]}" == about(found, "tables").sentence
    assert {"rights", "triggers", "indexes", "daemons", "broker"} <= {one.about for one in found}


def test_columns_that_are_nowhere_are_told(engine: Engine, examine: Examine) -> None:
    """What messages leave out is a warning; without what a selection needs no job runs."""
    engine.execute("alter table xmp_retries_expired drop column keep_days")
    found = about(examine(), "columns")
    assert ("warning", "xmp_retries_expired has no keep_days or retry_days: messages have no retry_days") == found[0::2]


@pytest.mark.parametrize(
    ("url", "words", "remedy"),
    [
        ("amqp://guest:pw42@127.0.0.1:1/", "Connection refused", "check host and port in"),
        ("amqp://guest:pw42@{place}/", "ACCESS_REFUSED", "check user and password in"),
        ("amqp://guest:guest@{place}/no-such-host", "no-such-host not found", "create the virtual host"),
        ("amqp://guest:pw42@no-such-host.invalid/", "not known", "check the host's name in"),
        ("amqps://guest:pw42@{place}/", "SSL", "5671"),
    ],
)
def test_a_broker_that_does_not_let_us_in(engine: Engine, examine: Examine, url: str, words: str, remedy: str) -> None:
    """The innermost reason in one line with a remedy that fits it, and no password."""
    place = urlsplit(engine.amqp_url).netloc.rpartition("@")[2]
    found = about(examine(amqp_url=url.format(place=place)), "broker")
    assert "problem" == found.level
    assert words in found.sentence
    assert remedy in found.remedy
    assert "\n" not in found.sentence
    assert "pw42" not in str(found)


def test_folders(engine: Engine, examine: Examine, monkeypatch: pytest.MonkeyPatch) -> None:
    """Missing, full, open to everybody."""
    missing = examine(log_dir=engine.folder / "none", injections_dir=engine.folder / "none")
    assert ("problem", "warning") == (about(missing, "log folder").level, about(missing, "injections").level)
    engine.injections_dir.chmod(0o777)
    assert f"run: chmod o-w {engine.injections_dir}" == about(examine(), "injections").remedy
    for free, level in ((10 * 2**20, "problem"), (2**29, "warning"), (2**40, "ok")):
        monkeypatch.setattr(shutil, "disk_usage", lambda _path, free=free: Usage(2**41, 0, free))
        assert level == about(examine(), "log folder").level


def test_folders_that_are_closed_to_us(engine: Engine, examine: Examine, monkeypatch: pytest.MonkeyPatch) -> None:
    """What this user may not do is a problem; whether it may write is tried, for rights do not tell, and nothing is
    left behind."""
    assert "ok" == about(examine(), "log folder").level
    assert [] == [*engine.log_dir.iterdir()]
    monkeypatch.setattr(os, "access", lambda _path, _mode: False)
    found = examine(log_dir=Path("/proc"))
    assert {"log folder", "injections"} == levels(found, "problem")
    assert about(found, "log folder").sentence.startswith("/proc can't be written to by this user (")


@pytest.mark.parametrize(
    ("settings", "level"),
    [
        ({"http_bind": "0.0.0.0:50303"}, "problem"),
        ({"http_bind": "0.0.0.0:50303", "http_insecure": True}, "warning"),
        ({"http_bind": "0.0.0.0:50303", "http_auth": True}, "ok"),
        ({"http_bind": "localhost:50303"}, "ok"),
        ({"lease_seconds": 3}, "warning"),
        ({"autostart": False}, "warning"),
    ],
    ids=str,
)
def test_settings_that_do_not_go_together(examine: Examine, settings: dict[str, Any], level: str) -> None:
    """An open door without tokens above all."""
    assert level == about(examine(**settings), "settings").level


def test_tokens_are_wanted_where_they_are_asked_for(engine: Engine, examine: Examine) -> None:
    """With PGJOBS_HTTP_AUTH and no token nobody gets in."""
    assert "warning" == about(examine(http_auth=True), "tokens").level
    engine.execute("select pgjobs.add_token('cms', sha256('x'), 'control', null)")
    assert ("ok", "valid: 1") == about(examine(http_auth=True), "tokens")[0::2]


def test_jobs_that_do_not_move_are_told_with_their_reason(engine: Engine, examine: Examine) -> None:
    """What is due and does not move is listed, the first few; what waits for its time is not."""
    engine.execute("insert into xmp_jobs (type, run_at) values ('expired', now() + interval '1 hour')")
    assert "ok" == about(examine(), "jobs").level
    engine.execute(
        "insert into xmp_jobs (type, run_at) select 'expired', now() - interval '1 h' from generate_series(1, 7)"
    )
    found = [one for one in examine() if one.about == "jobs"]
    assert {"warning"} == {one.level for one in found}
    assert 6 == len(found)
    assert "no daemon is alive" in found[0].sentence
    assert "and more of them" == found[-1].sentence


def test_a_task_without_a_next_job_is_told(engine: Engine, examine: Examine) -> None:
    """A task whose next job the database refuses is named with the reason; one that waits for its time is not."""
    engine.execute(
        'insert into pgjobs.tasks (type, repeating) values (\'expired\', \'{"period": {"each": 1, "unit": "HOURS"}}\')'
    )
    assert "tasks" not in {one.about for one in examine()}
    engine.execute("alter table xmp_jobs add constraint in_the_way check (task_id is null) not valid")
    engine.execute("delete from xmp_jobs")
    found = about(examine(), "tasks")
    assert ("warning", "mend that: it is tried again every minute") == found[0::3]
    assert "task 1 stands still: its next job could not be made: new row for relation" in found.sentence


def test_indexes_that_are_missing_or_broken(engine: Engine, examine: Examine) -> None:
    """A dropped one and an invalid one are both named."""
    engine.execute("drop index pgjobs_expired_msisdn_id_idx")
    engine.execute("update pg_index set indisvalid = false where indexrelid = 'pgjobs_transactions_paid_idx'::regclass")
    found = about(examine(), "indexes")
    assert "warning" == found.level
    assert "pgjobs_expired_msisdn_id_idx, pgjobs_transactions_paid_idx" in found.sentence


def test_triggers_that_do_not_fire_are_told_and_mended(engine: Engine, examine: Examine) -> None:
    """A trigger that is missing, disabled, or enabled for replicas is named, and migrate puts each back."""
    for change in (
        "drop trigger pgjobs_30_notify_insert on xmp_jobs",
        "alter table xmp_jobs disable trigger pgjobs_40_forget",
        "alter table xmp_jobs enable replica trigger pgjobs_50_truncate",
        "alter table xmp_job_types enable always trigger pgjobs_10_guard",
    ):
        engine.execute(change)
    found = [one for one in examine() if one.about == "triggers"]
    assert {("problem", "run: pgjobs migrate")} == {one[0::3] for one in found}
    assert [
        "trigger pgjobs_10_guard of xmp_job_types fires for a replica as well",
        "trigger pgjobs_30_notify_insert of xmp_jobs is missing",
        "trigger pgjobs_40_forget of xmp_jobs is disabled",
        "trigger pgjobs_50_truncate of xmp_jobs fires only for a replica",
    ] == [one.sentence for one in found]
    migrate(engine.database_url)
    assert ("ok", f"all {len(schema.triggers())} are there and enabled") == about(examine(), "triggers")[0::2]


def test_a_setting_that_silences_every_trigger_is_told(engine: Engine, examine: Examine, stranger: str) -> None:
    """session_replication_role of the database, or of a role that may write jobs, is named with the statement that
    resets it."""
    name, role = engine.database.info.dbname, urlsplit(stranger).username
    engine.execute(f"alter role {role} set session_replication_role = replica")
    assert "ok" == about(examine(), "triggers").level
    engine.execute(f"alter role {role} reset session_replication_role")
    engine.execute(f"grant update on xmp_jobs to {role}")
    for whose in (f"database {name}", f"role {role}", f"role {role} in database {name}"):
        engine.execute(f"alter {whose} set session_replication_role = replica")
        found = about(examine(), "triggers")
        assert ("problem", f"alter {whose} reset session_replication_role") == found[0::3]
        engine.execute(found.remedy)
        assert "ok" == about(examine(), "triggers").level


def test_a_replica_is_asked_too(engine: Engine, examine: Examine) -> None:
    """One that is away or another database is a problem; a primary in its place is worth a word."""
    found = about(examine(replica_url="postgresql://u:pw42@127.0.0.1:1/d"), "replica")
    assert ("problem", "check host and port in PGJOBS_REPLICA_URL, and that the server runs") == found[0::3]
    found = about(examine(replica_url=sibling(engine.database_url, "postgres")), "replica")
    assert "problem" == found.level
    assert "PGJOBS_REPLICA_URL is another database than PGJOBS_DATABASE_URL" == found.sentence
    assert "warning" == about(examine(replica_url=engine.database_url), "replica").level


@pytest.mark.parametrize(("zone", "level"), [("Asia/Karachi", "warning"), ("UTC", "ok")])
def test_moments_without_a_time_zone(empty_database: str, examine: Examine, zone: str, level: str) -> None:
    """run_at of the predecessor means UTC; sessions in another zone would write something else into it."""
    with psycopg.connect(empty_database, autocommit=True) as connection:
        for shape in (SHAPES["lookups"], f"alter database {connection.info.dbname} set timezone = '{zone}'"):
            connection.execute(shape.encode())
    migrate(empty_database)
    found = examine(database_url=empty_database)
    assert level == about(found, "clock").level
    assert set() == levels(found, "problem") - {"routes"}


def test_nothing_is_changed(engine: Engine, examine: Examine) -> None:
    """An examination leaves no trace in the tables."""
    count = "select sum(n_tup_ins + n_tup_upd + n_tup_del) from pg_stat_user_tables"
    engine.execute("select pg_stat_force_next_flush()" if engine.database.info.server_version >= 150000 else "select 1")
    before = engine.value(count)
    examine()
    with psycopg.connect(engine.database_url) as other:
        assert (before,) == other.execute(count).fetchone()


def test_no_private_path_in_any_sentence(examine: Examine, tmp_path: Path) -> None:
    """Only folders that somebody has set are named."""
    for one in examine():
        rest = f"{one.sentence} {one.remedy}".replace(str(tmp_path), "")
        assert "/home" not in rest
