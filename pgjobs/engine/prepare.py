"""Before the first record of a shard: its file is read, and where the selection begins and ends is fixed, once.

Both may take long. No row is locked meanwhile, and the caller may cancel either: the next run begins it anew.
"""

from __future__ import annotations

import contextlib

import psycopg

from pgjobs import failpoints as faults
from pgjobs.engine import injection
from pgjobs.engine.claim import Claim
from pgjobs.engine.connections import ShardConnections
from pgjobs.engine.records import Position
from pgjobs.engine.selected import check_columns
from pgjobs.errors import Fenced, SelectionError
from pgjobs.pg import connection as db
from pgjobs.settings import Settings


async def prepare(claim: Claim, connections: ShardConnections, settings: Settings) -> Position | None:
    """Where a shard goes on, after having prepared it if that was not done before; None when it is empty."""
    key = (claim.job_id, claim.shard, claim.epoch)
    if not claim.prepared:
        if claim.needs_file:
            await injection.load(settings, claim.job_id, claim.file_name)
        await _fix_bounds(key, connections, settings)
        faults.reach("after_prepare")
    row = await (await connections.control.execute("select * from pgjobs.shard_position(%s, %s, %s)", key)).fetchone()
    if row is None:
        raise Fenced(f"job {claim.job_id}: another owner has taken it over")
    after_key, end_key, empty, remaining, lsn = row
    return None if empty else Position(after_key, end_key, remaining, lsn)


async def _fix_bounds(key: tuple[int, int, int], connections: ShardConnections, settings: Settings) -> None:
    """Measure beside the connection that keeps the lease, on the primary; store what was found at once."""
    if not settings.replica_url:
        found = await _measure(connections.reader, *key[:2])
    else:
        async with await db.connect(settings.database_url, "prepare") as beside:
            found = await _measure(beside, *key[:2])
    call = "select pgjobs.prepare_job(%s, %s, %s, %s, %s, %s, %s, %s)"
    if await db.value(connections.control, call, *key, *found) is None:
        raise Fenced(f"job {key[0]}: the lease was lost while it was prepared")


async def _measure(connection: db.Connection, job_id: int, shard: int) -> tuple[object, ...]:
    """(start_key, first_key, end_key, send_limit, estimate) of a selection, however long it takes to find them."""
    # The lease, kept on another connection, ends the run when the server is gone.
    usual, connection.patience = connection.patience, None
    try:
        await connection.execute("begin transaction isolation level repeatable read, read only")
        answer = await connection.execute("select * from pgjobs.measure_selection(%s, %s)", (job_id, shard))
        (found,) = await answer.fetchall()
    except psycopg.errors.ReadOnlySqlTransaction as error:
        raise SelectionError(f"the selector may only read: {error.diag.message_primary}") from error
    except psycopg.ProgrammingError:
        await _check_selector(connection, job_id, shard)
        raise
    else:
        return found
    finally:
        connection.patience = usual
        if not connection.closed:
            with contextlib.suppress(psycopg.Error):
                await connection.execute("rollback")


async def _check_selector(connection: db.Connection, job_id: int, shard: int) -> None:
    """Where a selection can't be measured: say so if it is its columns that are not as they should be."""
    await connection.execute("rollback")
    await connection.execute("begin read only")
    await connection.execute("select pgjobs.open_records(%s, %s, null, null)", (job_id, shard))
    check_columns((await connection.execute("fetch 0 from records")).description or ())
