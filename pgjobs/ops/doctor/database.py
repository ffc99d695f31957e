"""What the database says: version, clock, notifications, replica, schema, tables, triggers, indexes."""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import AsyncIterator

import psycopg

import pgjobs
from pgjobs.errors import ConfigurationError, Interrupted, SchemaError
from pgjobs.ops.doctor import connections, doors, rights, tables, triggers, work
from pgjobs.ops.doctor.finding import Finding, ok, problem, unchecked, warning
from pgjobs.pg import connection as db
from pgjobs.pg.hints import hint_for
from pgjobs.pg.replica import check_replica
from pgjobs.pg.versions import State
from pgjobs.settings import Settings

OLDEST, NEWEST = 14, 18
# Up to here VACUUM could remove what a waiting notification still needs, and every LISTEN failed from then on.
MENDED = {14: 21, 15: 16, 16: 12, 17: 8, 18: 2}
CHANNEL, ROUND_TRIP_SECONDS = "pgjobs_doctor", 3.0
CONNECT_SECONDS = 8.0
DRIFT_SECONDS = 2.0
CHANGED = "select signature from pgjobs.changed_functions()"
LISTED = 5


async def findings(settings: Settings, types: list[work.JobType], *, live: bool = False) -> AsyncIterator[Finding]:
    """Everything about the database; the job types it knows are put into `types`."""
    try:
        began = time.monotonic()
        async with asyncio.timeout(CONNECT_SECONDS):
            connection = await db.connect(settings.database_url, "doctor", statement_timeout="2s")
    except (psycopg.Error, OSError, TimeoutError) as error:
        words = (str(error).strip() or f"no answer within {CONNECT_SECONDS:g} s").splitlines()[0]
        yield problem("database", f"it can't be reached: {words}", hint_for(error))
        return
    async with connection:
        info = connection.info
        milliseconds = 1000 * (time.monotonic() - began)
        yield ok("database", f"{info.dbname} on {info.host}:{info.port} answers ({milliseconds:.0f} ms)")
        for about, check in (
            ("version", _version), ("clock", _clock), ("notify", _notifications), ("replica", _replica),
        ):  # fmt: skip
            async for found in guarded(about, check(settings, connection)):
                yield found
        try:
            state = await db.check_schema(connection)
        except SchemaError as error:
            yield problem("schema", error.sentence, error.hint)
            return
        except psycopg.Error as error:
            yield unchecked("schema", error)
            return
        for about, part in (
            ("schema", _schema(connection, state)),
            ("tables", tables.findings(connection)),
            ("rights", rights.findings(connection)),
            ("triggers", triggers.findings(connection)),
            ("indexes", _indexes(connection)),
            ("columns", work.columns(connection)),
            ("daemons", work.daemons(connection, live=live)),
            ("connections", connections.findings(connection)),
            ("jobs", work.jobs(connection)),
            ("tasks", work.tasks(connection)),
            ("tokens", work.tokens(settings, connection)),
            ("job types", work.selectors(connection, types)),
            ("doors", doors.findings(types)),
        ):
            async for found in guarded(about, part):
                yield found


async def _schema(connection: db.Connection, state: State) -> AsyncIterator[Finding]:
    """What a schema is like that this version may work with."""
    changed = [name for (name,) in await (await connection.execute(CHANGED)).fetchall()]
    yield _judged(state, changed)


def _judged(state: State, changed: list[str]) -> Finding:
    """`changed`: functions that somebody has changed."""
    about, mine = "schema", pgjobs.__version__
    if changed:
        words = f"functions were changed by hand: {', '.join(changed[:LISTED])}{', …' if changed[LISTED:] else ''}"
        return problem(
            about, words, "run: pgjobs migrate, which puts them back; a change that is to stay goes into sql/"
        )
    if state.changed:
        words = f"its functions are not those of pgjobs {mine}: somebody has changed a file, or it is another build"
        return problem(about, words, "run: pgjobs migrate")
    if state.newer:
        words = f"it is of pgjobs {state.version}, and this is {mine}, which may still work with it"
        return warning(about, words, f"install pgjobs {state.version} here as well")
    words = f"it is of pgjobs {state.version} and works with {state.compatible_from} and later"
    return ok(about, f"{words}, functions {state.fingerprint[:12]}")


async def guarded(about: str, check: AsyncIterator[Finding]) -> AsyncIterator[Finding]:
    """The findings of one check; where it fails, that is the finding, and the next check is made."""
    try:
        async for found in check:
            yield found
    except Exception as error:  # noqa: BLE001 whatever it is, the other checks are made all the same
        yield unchecked(about, error)


async def _version(_settings: Settings, connection: db.Connection) -> AsyncIterator[Finding]:
    yield rate(connection.info.server_version, str(connection.info.parameter_status("server_version")))
    if await db.value(connection, "select pg_is_in_recovery()"):
        yield problem("version", "this server is a standby", "point PGJOBS_DATABASE_URL at the primary")


def rate(number: int, name: str) -> Finding:
    """What a version of the server (as in 180004) is good for."""
    major, minor = divmod(number, 10000)
    words = f"PostgreSQL {name}"
    if major < OLDEST:
        return problem("version", f"{words} is older than {OLDEST}", f"upgrade to PostgreSQL {OLDEST} to {NEWEST}")
    if major > NEWEST:
        return warning("version", f"{words} is newer than this version of pgjobs knows", "look for a newer pgjobs")
    if minor < MENDED[major]:
        return warning(
            "version",
            f"{words} can lose LISTEN for good after a VACUUM (mended in {major}.{MENDED[major]})",
            f"update the server to {major}.{MENDED[major]} or newer; until then jobs may start late, by the timer",
        )
    return ok("version", words)


async def _clock(settings: Settings, connection: db.Connection) -> AsyncIterator[Finding]:
    before = time.time()
    there = float(await db.value(connection, "select extract(epoch from clock_timestamp())"))
    drift = there - (before + time.time()) / 2
    zone = await _usual_zone(settings.database_url)
    naive = await db.value(
        connection,
        "select exists (select from pg_attribute where attrelid = to_regclass('public.xmp_jobs')"
        " and attname = 'run_at' and atttypid = 'timestamp'::regtype)",
    )
    words = f"the database's clock is {abs(drift):.1f} s {'ahead of' if drift > 0 else 'behind'} this machine's"
    if abs(drift) > DRIFT_SECONDS:
        yield warning("clock", f"{words}; run_at and leases go by the database's", "let both keep time by NTP")
    elif naive and zone not in ("UTC", "Etc/UTC", "GMT"):
        yield warning(
            "clock",
            f"xmp_jobs.run_at has no time zone and means UTC, but sessions of this database are in {zone}",
            "write now() at time zone 'UTC' into it, or: alter database … set timezone = 'UTC'",
        )
    else:
        yield ok("clock", f"{words}, time zone {zone}")


async def _usual_zone(url: str) -> str:
    """The time zone of a session that states none, as the CMS has it; ours are all in UTC."""
    async with (
        asyncio.timeout(CONNECT_SECONDS),
        await psycopg.AsyncConnection.connect(url, connect_timeout=int(CONNECT_SECONDS)) as usual,
    ):
        row = await (await usual.execute("show timezone")).fetchone()
    return str(row[0]) if row else ""


async def _notifications(settings: Settings, connection: db.Connection) -> AsyncIterator[Finding]:
    """A notification has to reach a connection that only waits, as the daemon's does."""
    about = "notify"
    nonce = uuid.uuid4().hex
    async with asyncio.timeout(CONNECT_SECONDS), await db.connect(settings.database_url, "doctor listen") as listener:
        await listener.execute(f"listen {CHANNEL}")
        began = time.monotonic()
        await connection.execute("select pg_notify(%s, %s)", (CHANNEL, nonce))
        heard = False
        async for notification in listener.notifies(timeout=ROUND_TRIP_SECONDS):
            if notification.payload == nonce:
                heard = True
                break
    took = 1000 * (time.monotonic() - began)
    if not heard:
        yield problem(
            about,
            f"a notification did not arrive within {ROUND_TRIP_SECONDS:g} s: there is a transaction pooler in between",
            "point PGJOBS_DATABASE_URL straight at PostgreSQL, or at a session pool",
        )
        return
    used = float(await db.value(connection, "select pg_notification_queue_usage()"))
    if used > 0.1:
        words = f"the queue of notifications is {used:.0%} full: some session listens and never ends its transaction"
        remedy = "find it: select pid, xact_start, query from pg_stat_activity order by xact_start limit 5"
        yield problem(about, words, remedy) if used > 0.5 else warning(about, words, remedy)
    else:
        yield ok(about, f"a notification arrives ({took:.0f} ms)")


async def _replica(settings: Settings, connection: db.Connection) -> AsyncIterator[Finding]:
    if not settings.replica_url:
        return
    async with asyncio.timeout(CONNECT_SECONDS), await db.connect(settings.replica_url, "doctor replica") as replica:
        try:
            await check_replica(connection, replica)
        except (ConfigurationError, Interrupted) as error:
            yield problem("replica", error.sentence.removesuffix(f": {error.hint}"), error.hint)
            return
        lag = await db.value(
            replica,
            "select extract(epoch from clock_timestamp() - pg_last_xact_replay_timestamp())::float8"
            " where pg_is_in_recovery()",
        )
    if lag is None:
        yield warning("replica", "PGJOBS_REPLICA_URL is not a standby", "unset it where there is no replica")
    else:
        yield ok("replica", f"it answers, its newest transaction is {lag:.0f} s old")


async def _indexes(connection: db.Connection) -> AsyncIterator[Finding]:
    asked = await connection.execute("select name from pgjobs.wanted_indexes()")
    wanted = [name for (name,) in await asked.fetchall()]
    cursor = await connection.execute(
        "select c.relname::text from pg_index i join pg_class c on c.oid = i.indexrelid"
        " where c.relname = any (%s) and i.indisvalid",
        (wanted,),
    )
    missing = sorted(set(wanted) - {name for (name,) in await cursor.fetchall()})
    if missing:
        yield warning(
            "indexes",
            f"missing or invalid: {', '.join(missing)}; selections read whole tables",
            "run: pgjobs migrate",
        )
    else:
        yield ok("indexes", f"all {len(wanted)} are there and valid")
