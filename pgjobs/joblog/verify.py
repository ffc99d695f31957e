"""Check a job's log, checkpoints, outcomes and counters against each other, and name what does not agree.

Every checkpoint holds the hash of its lines, chained to the one before, and two bytes for each line: a byte that was
changed afterwards is named with its file and line. One window is in memory at a time, however long the log is.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from itertools import groupby
from typing import Any

import psycopg
import typer
from psycopg.rows import dict_row

from pgjobs.errors import PgjobsError
from pgjobs.joblog.chain import chained, line_checks
from pgjobs.joblog.format import LogFormat
from pgjobs.joblog.reader import read_line
from pgjobs.joblog.rules import HOST
from pgjobs.joblog.segments import Segment, Tape
from pgjobs.joblog.verdict import COUNTS, Verdict
from pgjobs.joblog.verify_items import ItemCheck
from pgjobs.joblog.words import log_format
from pgjobs.pg import connection as db
from pgjobs.settings import Settings
from pgjobs.words import counted

NOT_HERE = 3
"""Exit code where nothing disagrees and not everything can be checked, here or any more; 2 is a wrong setting."""
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
BEGUN = """
select coalesce((select max(p.parts) from pgjobs.shards p where p.job_id = j.id), 1) from public.xmp_jobs j
where j.id = %s and exists (select from pgjobs.events e where e.job_id = j.id and e.to_status = 'in progress')
"""
SEGMENTS = """
select segment, host, path, bytes, removed_at is not null as removed
from pgjobs.log_segments where job_id = %s and shard = %s order by segment
"""
OUTCOMES = "select action, code, n from pgjobs.outcomes where job_id = %s and shard = %s"
CHECKPOINTS = """
select number, last_key, sent, skipped, returned, bytes as length, chain, checks
from pgjobs.checkpoints where job_id = %s and shard = %s order by number
"""


async def verify(settings: Settings, job_id: int) -> int:
    """Check a job and print the verdict; 0: everything agrees, 1: it does not, 3: a part can't be checked."""
    verdict = await examine(settings.database_url, job_id, settings.log_host)
    for line in verdict.words():
        typer.echo(line)
    return 1 if verdict.findings else NOT_HERE if verdict.elsewhere or verdict.cleared else 0


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
            raise PgjobsError(f"there is no job {job_id}", "pgjobs.job_status lists all jobs")
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


class ShardCheck:
    """One shard: its checkpoints in order, and its log beside them."""

    def __init__(
        self,
        connection: db.Connection,
        verdict: Verdict,
        shard: dict[str, Any],
        items: ItemCheck,
        line_format: LogFormat,
        *,
        descending: bool,
    ) -> None:
        self.connection = connection
        self.verdict = verdict
        self.shard = shard
        self.items = items
        self.format = line_format
        self.sums: Counter[str] = Counter()
        self.outcomes: Counter[tuple[str, str]] = Counter()
        self.cleared: int = shard["cleared"]
        self.number = self.cleared
        self.chain: bytes | None = None if self.cleared else b""
        self.whole = not self.cleared
        self._sign = -1 if descending else 1
        self._key = None if self.cleared else self.shard["start_key"]
        self._key_before = self._key
        self._again = False
        self._key_of = (verdict.job_id, self.shard["shard"])

    async def run(self) -> None:
        """Go through all checkpoints, then compare the sums."""
        cursor = self.connection.cursor(row_factory=dict_row)
        rows = await (await cursor.execute(SEGMENTS, self._key_of)).fetchall()
        tape = Tape([Segment(**row, here=row["host"] == self.verdict.log_host) for row in rows])
        try:
            async with self.connection.cursor("checkpoints", row_factory=dict_row) as checkpoints:
                checkpoints.itersize = 50
                await checkpoints.execute(CHECKPOINTS, self._key_of)
                async for row in checkpoints:
                    await self._checkpoint(tape, row)
            if self.number != self.cleared or not self.cleared:
                tape.wind_up(tail=not self.shard["finished"])
        finally:
            tape.close()
        for sentence in tape.findings:
            self._say(sentence)
        gone = list(tape.cleared)
        if self.cleared:
            gone.append(
                f"checkpoints up to {self.cleared} were cleared after their keep time, their lines are not checked"
            )
        if self.shard["no_outcomes"]:
            gone.append("its outcomes were cleared after their keep time")
        if self.shard["no_items"]:
            gone.append("its items were cleared after their keep time")
        self.verdict.cleared += (f"job {self._key_of[0]}, shard {self._key_of[1]}: {each}" for each in gone)
        self.verdict.elsewhere += (f"job {self._key_of[0]}, shard {self._key_of[1]}: {each}" for each in tape.elsewhere)
        self.whole = self.whole and not (tape.findings or tape.elsewhere or tape.cleared)
        stored = await (await cursor.execute(OUTCOMES, self._key_of)).fetchall()
        self._compare(Counter({(row["action"], row["code"]): row["n"] for row in stored}), tape)
        self.verdict.shards += 1
        self.verdict.checkpoints += self.number - self.cleared
        self.verdict.lines += tape.lines
        self.verdict.counts.update(self.sums)

    def _say(self, sentence: str) -> None:
        job_id, shard = self._key_of
        self.verdict.say(f"job {job_id}, shard {shard}: {sentence}")

    async def _checkpoint(self, tape: Tape, row: dict[str, Any]) -> None:
        point = _Point(**row)
        gap = point.number != self.number + 1
        after_cleared = self.cleared and self.number == self.cleared
        if gap:
            missing = f"{self.number + 1}" + (f" to {point.number - 1}" if point.number > self.number + 2 else "")
            self._say(f"checkpoint {missing} is missing, its lines can't be checked")
            self.chain, self.whole, self._key = None, False, None
        self.number = point.number
        self.sums.update(sent=point.sent, skipped=point.skipped, returned=point.returned)
        self._key_before = self._key
        if self.shard["rounds"]:
            # Each round of further attempts begins anew, and does so with a window.
            self._key = None
        first, lines = tape.take(point.length, last=point.lines if gap or after_cleared else None)
        if lines is None:
            self.whole = False
        elif self._intact(point, f"log {tape.path}", first, lines):
            before, keys = self._key_before, self._read(point, f"log {tape.path}", first, lines)
            if self.shard["tracked"] and keys:
                # Only a further attempt goes back.
                self._again = self._again or (before is not None and (keys[0] - before) * self._sign <= 0)
                await self.items.window(f"log {tape.path}", first, keys, again=self._again)
        else:
            self.whole = False
        self.chain, self._key = point.chain, point.last_key

    def _intact(self, point: _Point, log: str, first: int, lines: list[bytes]) -> bool:
        """Whether the lines are those the checkpoint was made of; if not, which were changed."""
        found = line_checks(lines)
        same = found == point.checks if self.chain is None else chained(self.chain, b"".join(lines)) == point.chain
        if same and found == point.checks and len(lines) == point.sent + point.skipped + point.returned:
            return True
        name = f"checkpoint {point.number}"
        if same:
            self._say(f"{name}: its lines are whole, its checks or counts were changed")
            return False
        pairs = zip(range(0, max(len(found), len(point.checks)), 2), range(first, first + 2**62), strict=False)
        changed = [line for at, line in pairs if found[at : at + 2] != point.checks[at : at + 2]]
        if len(lines) != point.lines:
            self._say(
                f"{log}, line {changed[0]}: changed ({name} has {counted(point.lines, 'line')}, here: {len(lines)})"
            )
        elif changed:
            for _, each in groupby(enumerate(changed), lambda pair: pair[1] - pair[0]):
                run = [line for _, line in each]
                to = f" to {run[-1]}" if len(run) > 1 else ""
                self._say(f"{log}, line {run[0]}{to}: changed since {name} was made")
        else:
            last = first + len(lines) - 1
            self._say(f"{log}, lines {first} to {last}: they or the chain of {name} were changed")
        return False

    def _read(self, point: _Point, log: str, first: int, lines: list[bytes]) -> list[int]:
        """Count what intact lines say, and see that their keys are in order; these are the answer."""
        sent, keys = 0, []
        for number, text in enumerate(lines, first):
            line = read_line(text)
            if line is None:
                self._say(f"{log}, line {number}: not a line of a job's log")
                continue
            if self._key is not None and (line.key - self._key) * self._sign <= 0:
                self._say(f"{log}, line {number}: key {line.key} after {self._key} is not in the job's order")
            self._key = line.key
            keys.append(line.key)
            sent += line.error is None
            self.outcomes[("sent", "") if line.error is None else ("skip", self.format.code_of(line.error))] += 1
        if sent != point.sent:
            self._say(f"checkpoint {point.number}: it counts {point.sent} sent, its lines {sent}")
        if self._key != point.last_key:
            self._say(f"checkpoint {point.number}: its last key is {point.last_key}, its last line's {self._key}")
        return keys

    def _compare(self, stored: Counter[tuple[str, str]], tape: Tape) -> None:
        """Compare what progress and outcomes count with what checkpoints and log count."""
        shard, sums = self.shard, self.sums
        sent = stored[("sent", "")]
        pairs = [
            ("progress counts {} checkpoints, the last one is number {}", shard["checkpoints"], self.number),
            ("progress counts {} bytes of its log, the log's segment {}", shard["log_bytes"], tape.committed),
        ]
        if not self.cleared:
            pairs += [
                *((f"progress counts {{}} {name}, the checkpoints {{}}", shard[name], sums[name]) for name in COUNTS),
                ("progress counts {} considered, the checkpoints {}", shard["considered"], sums.total()),
            ]
        if not self.cleared and not shard["no_outcomes"]:
            pairs += [
                ("outcomes count {} sent, the checkpoints {}", sent, sums["sent"]),
                ("outcomes count {} not sent, the checkpoints {}", stored.total() - sent, sums.total() - sums["sent"]),
            ]
        begins = self.shard["rounds"] and self.shard["after_key"] == self.shard["start_key"]
        if self.number != self.cleared and not begins:
            pairs.append(("progress has come to key {}, the last checkpoint to {}", shard["after_key"], self._key))
        if None not in (self._key, shard["end_key"]) and (self._key - shard["end_key"]) * self._sign > 0:
            self._say(f"its log goes on to key {self._key}, and its range ends at {shard['end_key']}")
        if self.whole and not shard["no_outcomes"]:
            for outcome in sorted(set(stored) | set(self.outcomes)):
                words = " ".join(filter(None, outcome)).replace("{", "(").replace("}", ")")
                pairs.append((f"outcomes count {{}} {words}, the log {{}}", stored[outcome], self.outcomes[outcome]))
        for sentence, found, expected in pairs:
            if found != expected:
                self._say(sentence.format(found, expected))


@dataclass(frozen=True)
class _Point:
    """A checkpoint as it is stored."""

    number: int
    last_key: int
    sent: int
    skipped: int
    returned: int
    length: int
    chain: bytes
    checks: bytes

    @property
    def lines(self) -> int:
        return len(self.checks) // 2
