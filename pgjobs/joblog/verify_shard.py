"""Check one shard of a job: its checkpoints in order, its log beside them, and what progress and outcomes count."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from psycopg.rows import dict_row

from pgjobs.joblog.chain import chained, line_checks
from pgjobs.joblog.format import LogFormat
from pgjobs.joblog.reader import read_line
from pgjobs.joblog.segments import Segment, Tape
from pgjobs.joblog.verdict import COUNTS, Verdict
from pgjobs.joblog.verify_items import ItemCheck
from pgjobs.pg import connection as db
from pgjobs.words import counted

SEGMENTS = """
select segment, host, path, bytes, removed_at is not null as removed
from pgjobs.log_segments where job_id = %s and shard = %s order by segment
"""
OUTCOMES = "select action, code, n from pgjobs.outcomes where job_id = %s and shard = %s"
CHECKPOINTS = """
select number, last_key, sent, skipped, returned, bytes as length, chain, checks
from pgjobs.checkpoints where job_id = %s and shard = %s order by number
"""


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
