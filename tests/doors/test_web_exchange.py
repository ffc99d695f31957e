"""One query on a connection: its rows, its errors, and what becomes of it where nobody waits any longer."""

import asyncio
import json
from collections.abc import Awaitable, Callable

import psycopg
import pytest
from fix_jobs import Db
from fix_services import soon
from fix_web import Web

from pgjobs.pg import connection as connections
from pgjobs.web import pool
from pgjobs.web.exchange import ask
from pgjobs.web.problems import Unanswered

SLEEPING = (
    "select count(*) from pg_stat_activity where query like 'select pg_sleep(60)%' and state = 'active'"
    " and datname = current_database()"
)
OPEN = "select count(*) from pg_stat_activity where application_name = 'pgjobs web' and datname = current_database()"
SECONDS = 20.0
LONG = 60
"""So long the server itself would let a statement run: what ends it sooner is that it is cancelled."""


def on_connection(url: str, work: Callable[[connections.Connection], Awaitable[None]]) -> None:
    """Do something with a connection of the web process."""

    async def run() -> None:
        async with await connections.connect(url, "web") as connection:
            await work(connection)

    asyncio.run(run())


def test_values_come_as_psycopg_gives_them(web_url: str) -> None:
    """Arguments and rows are adapted as a cursor does it: texts, numbers, null, arrays, JSON, bytes, several rows."""
    call = "select %s::text, %s::bigint, %s::int, %s::text[], %s::jsonb, %s::bytea, n from generate_series(1, 2) n"
    args = ("grün", 7, None, ["a", None], json.dumps({"a": [1]}), b"\0x")

    async def compare(connection: connections.Connection) -> None:
        expected = await (await connection.execute(call.encode(), args)).fetchall()
        assert expected == await ask(connection, call, args, SECONDS)
        assert [] == await ask(connection, "select 1 where false", (), SECONDS)

    on_connection(web_url, compare)


def test_more_than_the_socket_takes_is_sent_and_read(web_url: str) -> None:
    """Arguments and results of many megabytes arrive whole."""
    text = "0123456789" * 3_000_000

    async def compare(connection: connections.Connection) -> None:
        assert [(text,)] == await ask(connection, "select %s::text", (text,), SECONDS)

    on_connection(web_url, compare)


def test_an_error_is_that_of_the_server_and_the_connection_goes_on(web_url: str) -> None:
    """A failed statement raises the error of its SQLSTATE; the next one on this connection is answered."""

    async def fail(connection: connections.Connection) -> None:
        with pytest.raises(psycopg.errors.DivisionByZero):
            await ask(connection, "select 1 / %s::int", (0,), SECONDS)
        assert [(1,)] == await ask(connection, "select 1", (), SECONDS)

    on_connection(web_url, fail)


def test_the_reason_for_the_end_of_a_connection_is_told(web_url: str, db: Db) -> None:
    """Where the server ends the connection during a query, the error is the reason that it gave; after that, and where
    it ended before, that the connection is gone."""

    async def lose(connection: connections.Connection) -> None:
        asking = asyncio.create_task(ask(connection, "select pg_sleep(60)::text", (), SECONDS))
        assert await asyncio.to_thread(soon, lambda: db.value(SLEEPING))
        db.execute("select pg_terminate_backend(%s)", (connection.info.backend_pid,))
        with pytest.raises(psycopg.errors.AdminShutdown):
            await asking
        with pytest.raises(psycopg.OperationalError):
            await ask(connection, "select 1", (), SECONDS)

    on_connection(web_url, lose)


def test_a_query_that_takes_too_long_is_given_up(web: Web, db: Db, monkeypatch: pytest.MonkeyPatch) -> None:
    """After the time of a statement the caller is told that nobody knows; the server cancels the query, and the
    connection is closed."""

    def gone() -> bool:
        return [0, 0] == [db.value(SLEEPING), db.value(OPEN)]

    async def wait_in_vain(_: object) -> None:
        database = web.app.state.database
        monkeypatch.setattr(pool, "STATEMENT_SECONDS", LONG)
        assert [(1,)] == await database.rows("select 1", reading=True)
        monkeypatch.setattr(pool, "STATEMENT_SECONDS", -0.8)
        with pytest.raises(Unanswered) as refused:
            await database.rows("select pg_sleep(60)::text", reading=True)
        assert "database_lost" == refused.value.code
        assert await asyncio.to_thread(soon, gone)

    web.within(wait_in_vain)


def test_a_caller_that_goes_away_takes_its_query_along(web: Web, db: Db, monkeypatch: pytest.MonkeyPatch) -> None:
    """A request that is cancelled cancels its query in the server; its place is free for others at once."""
    monkeypatch.setattr(pool, "STATEMENT_SECONDS", LONG)

    async def cancel(_: object) -> None:
        database = web.app.state.database
        for _ in range(2 * pool.CONNECTIONS):
            asking = asyncio.create_task(database.rows("select pg_sleep(60)::text", reading=True))
            assert await asyncio.to_thread(soon, lambda: db.value(SLEEPING))
            asking.cancel()
            with pytest.raises(asyncio.CancelledError):
                await asking
            assert [(1,)] == await database.rows("select 1", reading=True)
            assert await asyncio.to_thread(soon, lambda: not db.value(SLEEPING))

    web.within(cancel)
