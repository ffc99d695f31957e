"""What is to be done and who does it: job types, daemons, jobs that do not move, tokens."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import NamedTuple

import psycopg
from psycopg.rows import class_row

from pgjobs.errors import refusal
from pgjobs.ops.doctor import tables
from pgjobs.ops.doctor.finding import Finding, ok, problem, unchecked, warning
from pgjobs.pg import connection as db
from pgjobs.settings import Settings
from pgjobs.words import counted

LISTED = 5


class JobType(NamedTuple):
    """A registered job type."""

    name: str
    selector: str
    exchange: str
    routing_key: str
    tracked: bool
    reply_queue: str
    needs_replies: bool
    format: str
    execution_limit: timedelta | None
    doors: list[str]
    params: list[str]
    params_schema: str | None

    @property
    def taken_by_sql(self) -> bool:
        """Whether its items are offered in the database, and nothing is published."""
        return self.tracked and not self.exchange and not self.routing_key


async def job_types(connection: db.Connection) -> list[JobType]:
    """The types that jobs can have."""
    cursor = connection.cursor(row_factory=class_row(JobType))
    await cursor.execute(
        "select name::text, selector, exchange, coalesce(routing_key, '') as routing_key, tracked,"
        " case when tracked then coalesce(reply_queue, '') else '' end as reply_queue, needs_replies, format,"
        " execution_limit, doors, params, params_schema::text"
        " from public.xmp_job_types t where selector is not null"
        # The type that the door of mailings has by itself needs queues once there is a mailing.
        " and (name <> 'mailing' or exists (select from pgjobs.item_totals x where x.type = t.name)) order by name"
    )
    return await cursor.fetchall()


async def daemons(connection: db.Connection, *, live: bool = False) -> AsyncIterator[Finding]:
    """Whether somebody works, and what they say of the broker. `live`: that nobody does is a problem."""
    about = "daemons"
    cursor = await connection.execute(
        "select w.name, w.host, w.version, w.broker,"
        " case when pgjobs.measured(w.metrics, 'last_nack') > extract(epoch from clock_timestamp()) - 3600"
        " then pgjobs.measured(w.metrics, 'nacked')::bigint end"
        " from pgjobs.live_daemons() w order by w.name"
    )
    alive = await cursor.fetchall()
    if not alive:
        rate = problem if live else warning
        yield rate(about, "none is alive, so no job runs", "start one: pgjobs daemon")
        return
    bad = False
    current = await db.value(connection, "select version from pgjobs.schema_state")
    for name, machine, version, broker, nacked in alive:
        who = f"{name} on {machine}"
        if broker not in ("connected", "idle"):
            bad = True
            yield warning(about, f"{who} says of the broker: {broker}", "look at the broker")
        if version != current:
            bad = True
            yield warning(about, f"{who} is version {version}, and the database {current}", f"restart it as {current}")
        if nacked:
            bad = True
            yield warning(
                about,
                f"the broker has refused messages of {who} {counted(nacked, 'time')} (nack), in the last hour as well;"
                " each is published again",
                "look for a full queue; with overflow reject-publish-dlx every refusal is also dead-lettered",
            )
    if not bad:
        yield ok(about, f"alive: {', '.join(name for name, *_ in alive)}")


async def jobs(connection: db.Connection) -> AsyncIterator[Finding]:
    """Ready jobs that never fall due, then those that should move and do not; one line that all is well where it is."""
    cursor = await connection.execute(
        "select id from public.xmp_jobs where status = 'ready' and run_at in ('infinity', '-infinity')"
        " order by id limit %s",
        (LISTED,),
    )
    endless = [str(job) for (job,) in await cursor.fetchall()]
    if endless:
        sentence = f"run_at is infinite in ready jobs ({', '.join(endless)}): they never start"
        yield warning("jobs", sentence, "give them a moment: update xmp_jobs set run_at = now() where id = …")
    cursor = await connection.execute("select id, why from pgjobs.stuck_jobs(%s)", (LISTED + 1,))
    stuck = await cursor.fetchall()
    for job, why in stuck[:LISTED]:
        yield warning("jobs", f"job {job} does not move: {why}", f"pgjobs watch {job}")
    if len(stuck) > LISTED:
        yield warning("jobs", "and more of them", "select * from pgjobs.stuck_jobs(100)")
    if not stuck and not endless:
        yield ok("jobs", "every job that should move does")


async def tasks(connection: db.Connection) -> AsyncIterator[Finding]:
    """Tasks whose next job could not be made; nothing where there are none."""
    stuck = "select id, trouble from pgjobs.task_status where trouble is not null order by id limit %s"
    for task, trouble in await (await connection.execute(stuck, (LISTED,))).fetchall():
        yield warning("tasks", f"task {task} stands still: {trouble}", "mend that: it is tried again every minute")


async def tokens(settings: Settings, connection: db.Connection) -> AsyncIterator[Finding]:
    """Whether anybody can get in where tokens are asked for."""
    if not settings.http_auth:
        return
    count = await db.value(
        connection, "select count(*) from pgjobs.tokens where expires_at is null or expires_at > clock_timestamp()"
    )
    if count:
        yield ok("tokens", f"valid: {count}")
    else:
        yield warning("tokens", "there is none, so every HTTP call is refused", "pgjobs token add NAME --scope control")


async def selectors(connection: db.Connection, types: list[JobType]) -> AsyncIterator[Finding]:
    """The job types, put into `types`, each with its selector."""
    types += await job_types(connection)
    for job_type in types:
        yield await _selector(connection, job_type)


async def columns(connection: db.Connection) -> AsyncIterator[Finding]:
    """Columns that the operator's tables lack, and what jobs do without them; tables that are gone are told apart."""
    cursor = await connection.execute("select table_name, column_name, consequence from pgjobs.missing_columns()")
    gone = await tables.missing(connection)
    missing = [found for found in await cursor.fetchall() if found[0] not in gone]
    for table, column, consequence in missing:
        rate = problem if "can't" in consequence else warning
        yield rate(
            "columns", f"{table} has no {column}: {consequence}", f"add the column to {table} where it is wanted"
        )
    if not missing:
        yield ok("columns", "the operator's tables that are there have all that messages need")


async def _selector(connection: db.Connection, job_type: JobType) -> Finding:
    """Whether the function of a job type exists, returns text and belongs to the owner."""
    about = "job types"
    signature = f"{job_type.selector}(bigint, integer, bigint, bigint)"
    try:
        await connection.execute("select pgjobs.trusted_selector(%s)", (job_type.selector,))
    except psycopg.Error as error:
        refused = refusal(error)
        if refused is None:
            return unchecked(about, error)
        return problem(about, f"{job_type.name}: {refused[0]}", refused[2])
    call = "select prorettype = 'text'::regtype from pg_proc where oid = to_regprocedure(%s)"
    if not await db.value(connection, call, signature):
        return problem(
            about,
            f"{job_type.name}: function {signature} does not return text",
            "let it return the text of a statement, or mend xmp_job_types.selector",
        )
    return ok(about, f"{job_type.name} selects with {job_type.selector}")
