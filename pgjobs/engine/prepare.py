"""Before the first record of a job: its file is read, its items are written, its selection is measured and cut, once.

Each may take long. No row is locked meanwhile, and the caller may cancel each: the next run begins it anew.
"""

from __future__ import annotations

import psycopg

from pgjobs import failpoints as faults
from pgjobs.engine.claim import Claim
from pgjobs.engine.connections import ShardConnections
from pgjobs.engine.context import RunContext
from pgjobs.engine.selected import check_columns
from pgjobs.engine.shard import Bounds
from pgjobs.errors import NotReady, SelectionError
from pgjobs.injection.loading import load
from pgjobs.pg import connection as db
from pgjobs.settings import Settings


async def measured(context: RunContext, connections: ShardConnections) -> Bounds | None:
    """Where the selection of a job begins and ends and is cut, its file read before; None where it is prepared."""
    claim, settings = context.claim, context.settings
    if claim.prepared:
        return None
    if claim.needs_file:
        await load(settings, claim.job_id, claim.file_name)
    if claim.tracked:
        await _expand(claim, settings)
    bounds = await _measure_on_primary(claim, connections, settings)
    faults.reach("after_measure")
    return bounds


async def _expand(claim: Claim, settings: Settings) -> None:
    """Write the selection of a job into its items, unless it has them already; one transaction, so all or nothing."""
    async with await db.connect(settings.database_url, "expand") as connection:
        await _check_selector(connection, claim.job_id)
        try:
            await connection.execute("select pgjobs.expand_items(%s)", (claim.job_id,))
        except psycopg.errors.LockNotAvailable as error:
            raise NotReady(f"the items of job {claim.job_id} are just being written") from error
    faults.reach("after_expand")


async def _measure_on_primary(claim: Claim, connections: ShardConnections, settings: Settings) -> Bounds:
    if not settings.replica_url:
        return await _measure(await connections.reader(), claim.job_id)
    async with await db.connect(settings.database_url, "prepare") as beside:
        return await _measure(beside, claim.job_id)


async def _measure(connection: db.Connection, job_id: int) -> Bounds:
    """Where a selection begins and ends and is cut, however long it takes to find that."""
    # The lease ends the run when the server is gone.
    usual, connection.patience = connection.patience, None
    try:
        # A transaction of its own, which reads only and has one snapshot: so the session of a reader is opened.
        answer = await connection.execute("select * from pgjobs.measure_selection(%s)", (job_id,))
        (found,) = await answer.fetchall()
    except psycopg.errors.ReadOnlySqlTransaction as error:
        raise SelectionError(f"the selector may only read: {error.diag.message_primary}") from error
    except psycopg.ProgrammingError:
        await _check_selector(connection, job_id)
        raise
    else:
        return Bounds(*found)
    finally:
        connection.patience = usual


async def _check_selector(connection: db.Connection, job_id: int) -> None:
    """Refuse a selector whose columns are not as they should be."""
    async with connection.transaction(force_rollback=True):
        await connection.execute("select pgjobs.open_records(%s, 0, null, null)", (job_id,))
        check_columns((await connection.execute("fetch 0 from records")).description or ())
