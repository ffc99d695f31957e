"""No setting that somebody made on a role or a database changes what a job does: every one that PostgreSQL knows."""

import asyncio
import os
import re
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

import psycopg
import pytest
from fix_daemon import Engine
from fix_jobs import connect
from psycopg import sql

from pgjobs.pg import connection as connections
from pgjobs.pg import session

SKIPPED = {
    r"log_.*|trace_.*|debug_(print|pretty).*|backtrace_functions|jit_dump_bitcode|wal_consistency_checking": (
        "the server only writes more or less of its own log with it"
    ),
    r"session_replication_role": "only a superuser sets it, in order to switch triggers off: ours to respect",
    r"(session|local)_preload_libraries": "a library that does not exist keeps everybody from connecting",
    r"default_table_access_method|default_tablespace|temp_tablespaces": "where a DBA wants new tables to lie",
    r"temp_file_limit": "a superuser's limit: its error says so, and the job waits",
    r"plpgsql.variable_conflict": "only a superuser sets it; our variables begin with _, and no column does",
    r"lc_messages|lc_monetary|lc_numeric|lc_time": "the test's server knows no other locale",
    r"extension_control_path|dynamic_library_path": "only what is installed anew is looked for there",
    r"max_stack_depth": "a superuser's limit that breaks what anybody does when it is too small",
}
"""Names that are left out, with the reason."""
WORST = {
    "statement_timeout": ["1"],
    "lock_timeout": ["1"],
    # Not 1, which a session survives (see below): a parallel worker keeps it until it has heard of its leader's.
    "transaction_timeout": ["1000"],
    "idle_in_transaction_session_timeout": ["1"],
    "idle_session_timeout": ["1"],
    "DateStyle": ["German, DMY", "SQL, YMD"],
    "TimeZone": ["Asia/Karachi", "America/St_Johns"],
    "client_encoding": ["LATIN1", "SQL_ASCII"],
    "search_path": ["nowhere"],
    "application_name": ["somebody"],
    "timezone_abbreviations": ["India"],
    "restrict_nonsystem_relation_kind": ["view, foreign-table"],
    "default_text_search_config": ["pg_catalog.simple"],
    "createrole_self_grant": ["set, inherit"],
    "plpgsql.extra_errors": ["all"],
    "plpgsql.extra_warnings": ["all"],
}
"""Where the type does not tell which values are the worst."""
MADE_UP = re.compile(rb'"tid":"[0-9]{10}-[0-9a-f-]{36}"')
"""The tid of a line of a file is another one in every job."""
KNOWN = """
  select name, vartype, setting, min_val, max_val, enumvals from pg_settings
  where context in ('user', 'superuser') order by name
"""


def worst_values(engine: Engine) -> dict[str, list[str]]:
    """Each setting that a role or a database may have, with its worst values; a text nobody thought of is an error."""
    engine.execute("load 'plpgsql'")
    found = {}
    for row in engine.rows(KNOWN):
        name = row["name"]
        if any(re.fullmatch(pattern, name) for pattern in SKIPPED):
            continue
        if name in WORST:
            found[name] = WORST[name]
        elif row["vartype"] == "bool":
            found[name] = ["off" if row["setting"] == "on" else "on"]
        elif row["vartype"] == "enum":
            found[name] = [value for value in row["enumvals"] if value != row["setting"]]
        else:
            assert row["vartype"] != "string", f"give {name} its worst value, or skip it with a reason"
            # With costs beyond all numbers the planner finds no plan for anybody.
            highest = "1e9" if row["max_val"] == "1.79769e+308" else row["max_val"]
            found[name] = [value for value in (row["min_val"], highest) if value != row["setting"]]
    return {name: values for name, values in found.items() if values}


@contextmanager
def made_on_the_database(engine: Engine, chosen: Mapping[str, str]) -> Iterator[None]:
    """The settings are made on the database meanwhile; those that nobody can make there are left out."""
    database = sql.Identifier(engine.database.info.dbname)
    for name, value in chosen.items():
        statement = sql.SQL("alter database {} set {} = {}").format(
            database, sql.Identifier(*name.split(".")), sql.Literal(value)
        )
        try:
            engine.database.execute(statement)
        except psycopg.Error as error:
            # A value or a setting that this server does not take from anybody.
            assert (error.sqlstate or "")[:2] in {"22", "25", "55", "0A"}, f"{name} = {value}: {error}"  # noqa: PT017
    try:
        yield
    finally:
        engine.database.execute(sql.SQL("alter database {} reset all").format(database))


def outcome(engine: Engine, chosen: Mapping[str, str]) -> dict[str, Any]:
    """What three small jobs leave behind while these settings are made on the database."""
    with made_on_the_database(engine, chosen):
        daemon = engine.start()
        jobs = {
            "dry": engine.add_job("expired", dry_run=True, never=1),
            "live": engine.add_job("expired", count=20, date_from="2017-01-02 10:00:00", order="DESC"),
            "file": engine.add_job("injection", "numbers.csv", service_id=290),
        }
        engine.wait_for(
            lambda: (
                not daemon.running
                or not engine.value(
                    "select count(*) from xmp_jobs where id = any (%s) and status in ('ready', 'in progress')",
                    [*jobs.values()],
                )
            ),
            "the jobs have ended",
        )
        code = daemon.terminate()
        return {
            "code": code,
            "bodies": sorted(MADE_UP.sub(b"", message.body) for message in engine.drain()),
            "warnings": [line for line in daemon.said.splitlines() if " ERROR " in line or "Traceback" in line],
        } | {
            name: (
                engine.value("select status from xmp_jobs where id = %s", job),
                engine.error_of(job),
                engine.counters(job),
                engine.outcomes(job),
                sorted((line.action, line.error or "", line.key, line.msg) for line in engine.log_lines(job)),
            )
            for name, job in jobs.items()
        }


def fill(engine: Engine) -> None:
    """A few records of each kind."""
    engine.execute("insert into xmp_services (id, name, price) values (290, 'games', 4.35)")
    engine.execute(
        "insert into xmp_retries_expired (id, msisdn, tid, price, id_service, created_at)"
        " select i, '92300000' || i %% 40, 'tid-' || i, 499, 290, timestamptz '2017-01-01 00:00Z' + i * interval '1 h'"
        " from generate_series(1, %s) i",
        60,
    )
    engine.execute(
        "insert into xmp_transactions (msisdn, result, sent_at) values ('923000003', 'paid', '2017-02-01 00:00Z')"
    )
    engine.add_file("numbers.csv", b"".join(b"9230000%05d\n" % n for n in range(30)) + b"abc\n")
    os.utime(engine.injections_dir / "numbers.csv", (1_000_000_000, 1_000_000_000))


def culprits(engine: Engine, chosen: dict[str, str], expected: dict[str, Any]) -> dict[str, str]:
    """The smallest group of the settings that still changes the outcome, found by halves."""
    names = [*chosen]
    for half in (names[: len(names) // 2], names[len(names) // 2 :]):
        group = {name: chosen[name] for name in half}
        if 0 < len(group) < len(names) and differs(engine, group, expected):
            return culprits(engine, group, expected)
    return chosen


def differs(engine: Engine, chosen: dict[str, str], expected: dict[str, Any]) -> bool:
    try:
        return outcome(engine, chosen) != expected
    except AssertionError:
        return True


@pytest.mark.long
def test_no_setting_of_a_database_changes_an_outcome(engine: Engine) -> None:
    """All that PostgreSQL knows at their worst at once, round by round: status, counters, log and messages stay."""
    fill(engine)
    expected = outcome(engine, {})
    assert [] == expected["warnings"]
    assert {"done"} == {expected[name][0] for name in ("dry", "live", "file")}
    assert 50 == len(expected["bodies"])
    worst = worst_values(engine)
    assert 120 < len(worst)
    for number in range(max(map(len, worst.values()))):
        chosen = {name: values[number % len(values)] for name, values in worst.items()}
        if differs(engine, chosen, expected):
            found = culprits(engine, chosen, expected)
            assert expected == outcome(engine, found), found


@pytest.fixture
def role(engine: Engine) -> Iterator[str]:
    """A role of the test's own that may do everything, and the name it logs in by."""
    name = f"pgjobs_role_{uuid.uuid4().hex[:12]}"
    engine.execute(f"create role {name} login superuser password 'own'")
    try:
        yield name
    finally:
        for daemon in engine.daemons:
            daemon.kill()
        engine.execute(f"drop owned by {name}")
        engine.execute(f"drop role {name}")


def as_role(engine: Engine, role: str) -> str:
    """The database's address for that role."""
    parts = urlsplit(engine.database_url)
    return parts._replace(netloc=f"{role}:own@{parts.hostname}:{parts.port}").geturl()


def test_a_session_has_the_rights_of_the_role_that_logs_in(engine: Engine, role: str) -> None:
    """Where a DBA has let the role become another one at every login, a daemon works as the one of its address all the
    same, and so does migrate."""
    url = as_role(engine, role)
    other = f"{role}_other"
    engine.execute(f"create role {other}; grant {other} to {role}; alter role {role} set role = '{other}'")
    try:
        with psycopg.connect(url) as usual:
            assert (other,) == usual.execute("select current_user").fetchone()
        with session.connect_blocking(url, "migrate") as migrating:
            assert (role,) == migrating.execute("select current_user").fetchone()
        engine.add_retries(20)
        engine.start(database_url=url)
        job = engine.add_job("expired")
        engine.wait_status(job, "done")
    finally:
        for daemon in engine.daemons:
            daemon.kill()
        engine.execute(f"alter role {role} reset role; drop role {other}")


@pytest.mark.parametrize(
    "settings",
    [
        {"statement_timeout": "1"},
        {"transaction_timeout": "1"},
        {"datestyle": "German, DMY", "intervalstyle": "sql_standard", "timezone": "Asia/Karachi"},
        {"default_transaction_isolation": "serializable", "default_transaction_deferrable": "on"},
        {"default_transaction_read_only": "on"},
        {"search_path": "", "client_encoding": "LATIN1"},
    ],
    ids=lambda settings: next(iter(settings)),
)
def test_no_setting_of_a_role_changes_a_session(engine: Engine, role: str, settings: dict[str, str]) -> None:
    """From the first statement on a session has what it states, with the role's own settings against it."""
    url = as_role(engine, role)
    for name, value in settings.items():
        engine.execute(f"alter role {role} set {name} = '{value}'")

    async def ask() -> dict[str, str]:
        async with await connections.connect(url, "reader", patience=30) as connection:
            # A statement that takes longer than the shortest of these limits.
            await connection.execute("select pg_catalog.pg_sleep(0.01)")
            names = [*session.settings("reader", 30, {})]
            cursor = await connection.execute(
                "select n, pg_catalog.current_setting(n) from pg_catalog.unnest(%s::text[]) n", (names,)
            )
            return dict(await cursor.fetchall())

    stated = session.settings("reader", 30, {})
    assert stated == asyncio.run(ask())
    with session.connect_blocking(url, "migrate") as connection:
        # It too takes longer than the shortest of them.
        connection.execute("select pg_catalog.pg_sleep(0.01)")


def test_many_first_connections_at_once_are_all_alike(engine: Engine, role: str) -> None:
    """What one connection learns about the server does not make another believe that it was told."""
    engine.execute(f"alter role {role} set transaction_timeout = '1'")

    async def ask() -> set[str]:
        async with await connections.connect(as_role(engine, role), "reader") as connection:
            # A statement that takes longer than the role's limit of 1 ms.
            cursor = await connection.execute(
                "select pg_catalog.current_setting('transaction_timeout') from pg_catalog.pg_sleep(0.01)"
            )
            return {value for (value,) in await cursor.fetchall()}

    async def all_of_them() -> list[set[str]]:
        return await asyncio.gather(*(ask() for _ in range(12)))

    assert [{"0"}] * 12 == asyncio.run(all_of_them())


def test_hidden_rows_are_an_error(engine: Engine, role: str) -> None:
    """Where row level security would hide rows a session gets an error, and the sentence says what to do."""
    engine.execute(f"alter role {role} nosuperuser")
    engine.execute(f"grant select on xmp_retries_expired to {role}")
    engine.execute("alter table xmp_retries_expired enable row level security")

    async def ask() -> str | None:
        async with await connections.connect(as_role(engine, role), "reader") as connection:
            with pytest.raises(psycopg.Error) as caught:
                await connection.execute("select count(*) from public.xmp_retries_expired")
        return connections.hidden_rows(caught.value)

    sentence = asyncio.run(ask())
    assert sentence is not None
    assert "row level security would hide rows" in sentence
    assert "xmp_retries_expired" in sentence
    assert "BYPASSRLS" in sentence


def test_options_of_the_address_hold_where_nothing_is_stated(database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """What an address or the environment says besides stays in force; what a session states wins."""
    monkeypatch.setenv("PGTZ", "Asia/Karachi")
    monkeypatch.setenv("PGDATESTYLE", "German")
    url = f"{database}?options=-c%20work_mem%3D5MB%20-c%20search_path%3Dpublic&application_name=mine"

    async def ask() -> tuple[Any, ...]:
        async with await connections.connect(url, "test") as connection:
            cursor = await connection.execute(
                "select current_setting('work_mem'), current_setting('search_path'), current_setting('timezone'),"
                " current_setting('datestyle'), current_setting('application_name')"
            )
            row = await cursor.fetchone()
            assert row is not None
            return row

    assert ("5MB", "pg_catalog, pg_temp", "UTC", "ISO, MDY", "pgjobs test") == asyncio.run(ask())
    monkeypatch.setenv("PGOPTIONS", "-c work_mem=6MB")
    with session.connect_blocking(database, "test") as connection:
        assert ("6MB",) == connection.execute("select current_setting('work_mem')").fetchone()


class Pooler:
    """A pooler of sessions before a server: it refuses startup options, or drops them without a word."""

    def __init__(self, url: str, *, refuses: bool) -> None:
        self._parts = urlsplit(url)
        self._refuses = refuses
        self._served: list[asyncio.Future[None]] = []

    async def __aenter__(self) -> str:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        port = self._server.sockets[0].getsockname()[1]
        return self._parts._replace(
            netloc=f"{self._parts.username}:{self._parts.password}@127.0.0.1:{port}",
            query="sslmode=disable&gssencmode=disable",
        ).geturl()

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        await asyncio.gather(*self._served)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._served.append(asyncio.ensure_future(self._session(reader, writer)))

    async def _session(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        size = int.from_bytes(await reader.readexactly(4))
        words = (await reader.readexactly(size - 4))[4:].split(b"\0")
        asked = dict(zip(words[0::2], words[1::2], strict=False))
        if asked.pop(b"options", None) is not None and self._refuses:
            fields = b"SFATAL\0C08P01\0Munsupported startup parameter: options\0\0"
            writer.write(b"E" + (len(fields) + 4).to_bytes(4) + fields)
            await writer.drain()
            writer.close()
            await writer.wait_closed()
            return
        asked.pop(b"", None)
        body = b"\0\x03\0\0" + b"".join(key + b"\0" + value + b"\0" for key, value in asked.items()) + b"\0"
        up, down = await asyncio.open_connection(self._parts.hostname, self._parts.port)
        down.write((len(body) + 4).to_bytes(4) + body)
        await asyncio.gather(self._pass(reader, down), self._pass(up, writer))

    @staticmethod
    async def _pass(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
        writer.close()
        await writer.wait_closed()


@pytest.mark.parametrize("refuses", [True, False])
@pytest.mark.parametrize("autocommit", [True, False])
def test_a_pooler_without_startup_options(
    database: str, caplog: pytest.LogCaptureFixture, refuses: bool, autocommit: bool
) -> None:
    """Where options are refused or dropped one statement states the session, and a refusal is told once."""

    async def ask() -> dict[str, str]:
        async with Pooler(database, refuses=refuses) as url:
            for _ in range(2):
                async with await connections.connect(url, "reader", autocommit=autocommit) as connection:
                    names = [*session.settings("reader", None, {})]
                    cursor = await connection.execute(
                        "select n, current_setting(n) from unnest(%s::text[]) n", (names,)
                    )
                    stated: dict[str, str] = dict(await cursor.fetchall())
            return stated

    assert session.settings("reader", None, {}) == asyncio.run(ask())
    told = [record.getMessage() for record in caplog.records if "startup options" in record.getMessage()]
    assert (1 if refuses else 0) == len(told)


def test_long_work_has_no_limit_and_a_call_has_one() -> None:
    """Files, selections and their records may take their time; a statement of any other session ends by itself."""
    limits = {
        role: session.settings(role, 30, {})["statement_timeout"] for role in ("reader", "load", "control", "beat")
    }
    assert {"reader": "0", "load": "0", "control": "30000", "beat": "30000"} == limits
    assert "60000" == session.settings("watch", None, {})["statement_timeout"]
    assert "5s" == session.settings("doctor", None, {"statement_timeout": "5s"})["statement_timeout"]


def test_a_read_only_server_is_a_wait_and_not_an_error(database: str) -> None:
    """What a standby refuses passes by itself, and its connection is to be dropped."""
    with (
        connect(database, default_transaction_read_only="on") as db,
        pytest.raises(psycopg.errors.ReadOnlySqlTransaction) as caught,
    ):
        db.execute("create table nothing ()")
    assert connections.passes_by_itself(caught.value)
    assert connections.must_reconnect(caught.value)
    assert not connections.passes_by_itself(psycopg.errors.UndefinedColumn())
    assert not connections.must_reconnect(psycopg.errors.LockNotAvailable())
