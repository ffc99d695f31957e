"""Before the first record of a shard: its file is read, and where the selection begins and ends is fixed, once."""

from __future__ import annotations

from pgjobs import db, faults
from pgjobs.engine import injection
from pgjobs.engine.claim import Claim
from pgjobs.engine.lanes import Lane
from pgjobs.engine.records import Position
from pgjobs.errors import Fenced
from pgjobs.settings import Settings


async def prepare(claim: Claim, lane: Lane, settings: Settings) -> Position | None:
    """Where a shard goes on, after having prepared it if that was not done before; None when it is empty."""
    key = (claim.job_id, claim.shard, claim.epoch)
    if not claim.prepared:
        if claim.needs_file:
            await injection.load(settings, claim.job_id, claim.file_name)
        await _fix_bounds(key, lane, settings)
        faults.reach("after_prepare")
    row = await (await lane.control.execute("select * from pgjobs.shard_position(%s, %s, %s)", key)).fetchone()
    if row is None:
        raise Fenced(f"job {claim.job_id}: another owner has taken it over")
    after_key, end_key, empty, remaining, lsn = row
    return None if empty else Position(after_key, end_key, remaining, lsn)


async def _fix_bounds(key: tuple[int, int, int], lane: Lane, settings: Settings) -> None:
    """Prepare beside the connection that keeps the lease, for on a big table it may take its time."""
    call = "select pgjobs.prepare_job(%s, %s, %s)"
    if not settings.replica_url:
        answer = await db.value(lane.reader, call, *key)
    else:
        async with await db.connect(settings.database_url, "prepare", patience=5 * settings.stall_seconds) as beside:
            answer = await db.value(beside, call, *key)
    if answer is None:
        raise Fenced(f"job {key[0]}: the lease was lost while it was prepared")
