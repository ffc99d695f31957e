"""What is to be done and who does it: job types, daemons, jobs that do not move, tokens."""

from __future__ import annotations

from typing import NamedTuple

import psycopg
from psycopg.rows import class_row

import pgjobs
from pgjobs import db
from pgjobs.doctor.finding import Finding, ok, problem, warning
from pgjobs.settings import Settings

LISTED = 5


class JobType(NamedTuple):
    """A registered job type."""

    name: str
    selector: str
    exchange: str
    routing_key: str


async def job_types(connection: db.Connection) -> list[JobType]:
    """The types that jobs can have."""
    cursor = connection.cursor(row_factory=class_row(JobType))
    await cursor.execute(
        "select name::text, selector, exchange, coalesce(routing_key, '') as routing_key"
        " from public.xmp_job_types where selector is not null order by name"
    )
    return await cursor.fetchall()


async def daemons(_settings: Settings, connection: db.Connection) -> list[Finding]:
    """Whether somebody works, and what they say of the broker."""
    cursor = await connection.execute(
        "select name, host, version, broker from pgjobs.workers"
        " where seen_at > clock_timestamp() - interval '30 seconds' order by name"
    )
    alive = await cursor.fetchall()
    if not alive:
        return [warning("daemons", "none is alive, so no job runs", "start one: pgjobs daemon")]
    found = []
    for name, machine, version, broker in alive:
        if broker not in ("connected", "idle"):
            found.append(warning("daemons", f"{name} on {machine} says of the broker: {broker}", "look at the broker"))
        if version != pgjobs.__version__:
            found.append(
                warning("daemons", f"{name} on {machine} is version {version}", f"restart it as {pgjobs.__version__}")
            )
    return found or [ok("daemons", f"alive: {', '.join(name for name, *_ in alive)}")]


async def jobs(_settings: Settings, connection: db.Connection) -> list[Finding]:
    """Jobs that should move and do not."""
    cursor = await connection.execute(
        "select j.id, s.why from public.xmp_jobs j join pgjobs.job_status s on s.id = j.id"
        " where s.why is not null and (j.status = 'in progress'"
        "   or j.status = 'ready' and j.active and j.run_at < clock_timestamp() - interval '1 minute')"
        " order by j.id limit %s",
        (LISTED + 1,),
    )
    stuck = await cursor.fetchall()
    found = [warning("jobs", f"job {job} does not move: {why}", f"pgjobs watch {job}") for job, why in stuck[:LISTED]]
    if len(stuck) > LISTED:
        found.append(warning("jobs", "and more of them", "select id, why from pgjobs.job_status where why is not null"))
    return found or [ok("jobs", "every job that should move does")]


async def tokens(settings: Settings, connection: db.Connection) -> list[Finding]:
    """Whether anybody can get in where tokens are asked for."""
    if not settings.http_auth:
        return []
    count = await db.value(
        connection, "select count(*) from pgjobs.tokens where expires_at is null or expires_at > clock_timestamp()"
    )
    if not count:
        return [
            warning("tokens", "there is none, so every HTTP call is refused", "pgjobs token add NAME --scope control")
        ]
    return [ok("tokens", f"valid: {count}")]


async def selector(connection: db.Connection, job_type: JobType) -> Finding:
    """Whether the function of a job type exists with the signature the engine calls."""
    about = "job types"
    call = "select prorettype = 'text'::regtype from pg_proc where oid = to_regprocedure(%s)"
    signature = f"{job_type.selector}(bigint,integer,bigint,bigint)"
    try:
        returns_text = await db.value(connection, call, signature)
    except psycopg.Error:
        returns_text = None
    if not returns_text:
        return problem(
            about,
            f"{job_type.name}: there is no function {signature} that returns text",
            "create it, or mend xmp_job_types.selector",
        )
    return ok(about, f"{job_type.name} selects with {job_type.selector}")
