"""What the database says: version, clock, notifications, replica, schema, indexes."""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable

import psycopg

from pgjobs import db, schema
from pgjobs.doctor import work
from pgjobs.doctor.finding import Finding, ok, problem, warning
from pgjobs.errors import SchemaError
from pgjobs.settings import Settings

OLDEST, NEWEST = 14, 18
# Up to here VACUUM could remove what a waiting notification still needs, and every LISTEN failed from then on.
MENDED = {14: 21, 15: 16, 16: 12, 17: 8, 18: 2}
CHANNEL, ROUND_TRIP_SECONDS = "pgjobs_doctor", 3.0
CONNECT_SECONDS = 8.0
DRIFT_SECONDS = 2.0

Check = Callable[[Settings, db.Connection], Awaitable[list[Finding]]]


async def findings(settings: Settings, types: list[work.JobType]) -> AsyncIterator[Finding]:
    """Everything about the database; the job types it knows are put into `types`."""
    try:
        began = time.monotonic()
        async with asyncio.timeout(CONNECT_SECONDS):
            connection = await db.connect(settings.database_url, "doctor", statement_timeout="5s")
    except (psycopg.Error, OSError, TimeoutError) as error:
        words = (str(error).strip() or f"no answer within {CONNECT_SECONDS:g} s").splitlines()[0]
        yield problem(
            "database", f"it can't be reached: {words}", "check PGJOBS_DATABASE_URL, and that the server runs"
        )
        return
    async with connection:
        info = connection.info
        milliseconds = 1000 * (time.monotonic() - began)
        yield ok("database", f"{info.dbname} on {info.host}:{info.port} answers ({milliseconds:.0f} ms)")
        for check in (_version, _clock, _notifications, _replica):
            for found in await _guarded(check, settings, connection):
                yield found
        try:
            await db.check_schema(connection)
        except SchemaError as error:
            yield problem("schema", error.sentence, error.hint)
            return
        yield ok("schema", f"it is the one of this version, functions {schema.fingerprint()[:12]}")
        for check in (_indexes, work.daemons, work.jobs, work.tokens):
            for found in await _guarded(check, settings, connection):
                yield found
        types += await work.job_types(connection)
        for job_type in types:
            yield await work.selector(connection, job_type)


async def _guarded(check: Check, settings: Settings, connection: db.Connection) -> list[Finding]:
    try:
        return await check(settings, connection)
    except (psycopg.Error, OSError, TimeoutError) as error:
        words = (str(error).strip() or "no answer in time").splitlines()[0]
        return [problem(check.__name__.strip("_"), f"it can't be checked: {words}", "look into the server's log")]


async def _version(_settings: Settings, connection: db.Connection) -> list[Finding]:
    found = [rate(connection.info.server_version, str(connection.info.parameter_status("server_version")))]
    if await db.value(connection, "select pg_is_in_recovery()"):
        found.append(problem("version", "this server is a standby", "point PGJOBS_DATABASE_URL at the primary"))
    return found


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


async def _clock(_settings: Settings, connection: db.Connection) -> list[Finding]:
    before = time.time()
    there = float(await db.value(connection, "select extract(epoch from clock_timestamp())"))
    drift = there - (before + time.time()) / 2
    zone = await db.value(connection, "select reset_val from pg_settings where name = 'TimeZone'")
    naive = await db.value(
        connection,
        "select exists (select from pg_attribute where attrelid = to_regclass('public.xmp_jobs')"
        " and attname = 'run_at' and atttypid = 'timestamp'::regtype)",
    )
    words = f"the database's clock is {abs(drift):.1f} s {'ahead of' if drift > 0 else 'behind'} this machine's"
    if abs(drift) > DRIFT_SECONDS:
        return [warning("clock", f"{words}; run_at and leases go by the database's", "let both keep time by NTP")]
    if naive and zone not in ("UTC", "Etc/UTC", "GMT"):
        return [
            warning(
                "clock",
                f"xmp_jobs.run_at has no time zone and means UTC, but sessions of this database are in {zone}",
                "write now() at time zone 'UTC' into it, or: alter database … set timezone = 'UTC'",
            )
        ]
    return [ok("clock", f"{words}, time zone {zone}")]


async def _notifications(settings: Settings, connection: db.Connection) -> list[Finding]:
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
        found = problem(
            about,
            f"a notification did not arrive within {ROUND_TRIP_SECONDS:g} s: there is a transaction pooler in between",
            "point PGJOBS_DATABASE_URL straight at PostgreSQL, or at a session pool",
        )
        return [found]
    used = float(await db.value(connection, "select pg_notification_queue_usage()"))
    if used > 0.1:
        words = f"the queue of notifications is {used:.0%} full: some session listens and never ends its transaction"
        remedy = "find it: select pid, xact_start, query from pg_stat_activity order by xact_start limit 5"
        return [problem(about, words, remedy) if used > 0.5 else warning(about, words, remedy)]
    return [ok(about, f"a notification arrives ({took:.0f} ms)")]


async def _replica(settings: Settings, _connection: db.Connection) -> list[Finding]:
    if not settings.replica_url:
        return []
    async with asyncio.timeout(CONNECT_SECONDS), await db.connect(settings.replica_url, "doctor replica") as replica:
        lag = await db.value(
            replica,
            "select extract(epoch from clock_timestamp() - pg_last_xact_replay_timestamp())::float8"
            " where pg_is_in_recovery()",
        )
    if lag is None:
        return [warning("replica", "PGJOBS_REPLICA_URL is not a standby", "unset it where there is no replica")]
    return [ok("replica", f"it answers, its newest transaction is {lag:.0f} s old")]


async def _indexes(_settings: Settings, connection: db.Connection) -> list[Finding]:
    wanted = [
        name for (name,) in await (await connection.execute("select name from pgjobs.wanted_indexes()")).fetchall()
    ]
    cursor = await connection.execute(
        "select c.relname::text from pg_index i join pg_class c on c.oid = i.indexrelid"
        " where c.relname = any (%s) and i.indisvalid",
        (wanted,),
    )
    missing = sorted(set(wanted) - {name for (name,) in await cursor.fetchall()})
    if missing:
        return [
            warning(
                "indexes",
                f"missing or invalid: {', '.join(missing)}; selections read whole tables",
                "run: pgjobs migrate",
            )
        ]
    return [ok("indexes", f"all {len(wanted)} are there and valid")]
