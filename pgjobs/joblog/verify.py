"""Check a job's log, checkpoints, outcomes and counters against each other, and name what does not agree.

Every checkpoint holds the hash of its lines, chained to the one before, and two bytes for each line: a byte that was
changed afterwards is named with its file and line. One window is in memory at a time, however long the log is.
"""

from __future__ import annotations

from typing import Any

import psycopg
from psycopg.rows import dict_row

from pgjobs.errors import JOBS_ARE_LISTED, PgjobsError
from pgjobs.joblog.rules import HOST
from pgjobs.joblog.verdict import Verdict
from pgjobs.joblog.verify_items import ItemCheck
from pgjobs.joblog.verify_shard import ShardCheck
from pgjobs.joblog.words import log_format
from pgjobs.pg import connection as db
from pgjobs.words import counted

JOB = "select status, descending from pgjobs.job_order(%s)"
SHARDS = """
select shard, considered, sent, skipped, returned, checkpoints, after_key, start_key, end_key, log_bytes, parts, zone,
       finished_at is not null as finished, attempt > 1 as rounds,
       attempt is not null and 'items' = any (cleared) is not true as tracked, 'items' = any (cleared) as no_items,
       checkpoints_cleared as cleared, 'outcomes' = any (cleared) as no_outcomes
from pgjobs.shards where job_id = %s order by shard
"""
STRAYS = """
select x.shard, min(x.name) from (
  select shard, 'checkpoints' as name from pgjobs.checkpoints where job_id = %(job)s
  union select shard, 'outcomes' from pgjobs.outcomes where job_id = %(job)s
  union select shard, 'log segments' from pgjobs.log_segments where job_id = %(job)s) x
where x.shard not in (select p.shard from pgjobs.shards p where p.job_id = %(job)s) group by x.shard order by x.shard
"""
BEGUN = "select pgjobs.begun_shards(%s)"


async def examine(database_url: str, job_id: int, log_host: str = HOST) -> Verdict:
    """Check a job as it is at one moment, running or not; of its log what lies on this host."""
    verdict = Verdict(job_id, log_host)
    async with await db.connect(database_url, "verify", autocommit=False) as connection:
        await connection.set_isolation_level(psycopg.IsolationLevel.REPEATABLE_READ)
        await connection.set_read_only(True)
        await db.check_schema(connection)
        cursor = await connection.execute(JOB, (job_id,))
        job = await cursor.fetchone()
        if job is None:
            raise PgjobsError(f"there is no job {job_id}", JOBS_ARE_LISTED)
        shards = connection.cursor(row_factory=dict_row)
        before: dict[str, Any] | None = None
        items, whole = ItemCheck(connection, verdict, job_id), True
        for shard in await (await shards.execute(SHARDS, (job_id,))).fetchall():
            # Where a job is cut by zone, each shard has the whole range.
            if before is not None and shard["zone"] is None and before["end_key"] != shard["start_key"]:
                verdict.say(
                    f"job {job_id}: shard {before['shard']} ends at key {before['end_key']},"
                    f" and shard {shard['shard']} begins behind key {shard['start_key']}"
                )
            before = shard
            check = ShardCheck(connection, verdict, shard, items, await log_format(connection), descending=job[1])
            await check.run()
            whole = whole and check.whole
            if job[0] == "done" and not shard["finished"]:
                verdict.say(f"job {job_id}: it is done and shard {shard['shard']} is not finished")
        if before is not None and before["tracked"]:
            await items.close(whole=whole)
        for number, table in await (await connection.execute(STRAYS, {"job": job_id})).fetchall():
            verdict.say(f"job {job_id}, shard {number}: it has {table}, and no progress")
        begun = await db.value(connection, BEGUN, job_id)
        if begun is not None and begun != verdict.shards:
            verdict.say(f"job {job_id}: it was cut into {counted(begun, 'shard')}, and {verdict.shards} have progress")
    return verdict
