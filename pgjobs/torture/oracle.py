"""Judge what jobs left behind: queue, logs and counters have to tell the same story, whatever died on the way.

It owes the engine nothing: a message is what a consumer took, a line is what is in the file, and both are held
against the selection the jobs were given. What disagrees is said in words; the numbers make the certificate.
"""

from __future__ import annotations

import io
import re
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg
from psycopg.rows import dict_row

from pgjobs.joblog.reader import Line, read_line

IN_FLIGHT = 2
SHOWN = 5
MESSAGE_ID = re.compile(r"(\d+)-(-?\d+)").fullmatch
JOBS = (
    "select id, status::text, (pgjobs.read_params(type::text, params)).descending from public.xmp_jobs"
    " where id = any(%s)"
)
SHARDS = "select * from pgjobs.shards where job_id = %s order by shard"
SEGMENTS = "select path, bytes from pgjobs.log_segments where job_id = %s and shard = %s order by segment"
OUTCOMES = """
select action = 'sent' as sent, sum(n)::bigint as n from pgjobs.outcomes where job_id = %s and shard = %s group by 1
"""
RANGES = "select after_key, to_key from pgjobs.job_uncertain where job_id = %s and shard = %s"

Copies = dict[int, list[int]]
"""Of each key: how many copies came, and how many of them were marked as maybe a duplicate."""


@dataclass
class Certificate:
    """What was counted, and every violation of a promise."""

    records: int = 0
    messages: int = 0
    sent: int = 0
    lost: int = 0
    duplicated: int = 0
    at_most: int = 0
    ranges: int = 0
    violations: list[str] = field(default_factory=list)
    _kinds: dict[str, list[object]] = field(default_factory=dict)

    def note(self, kind: str, key: object) -> None:
        """One record that breaks a promise; those of one kind are told together."""
        self._kinds.setdefault(kind, []).append(key)

    def close(self) -> None:
        """Turn what was noted into sentences."""
        for kind, keys in self._kinds.items():
            shown = ", ".join(map(str, keys[:SHOWN])) + (", …" if len(keys) > SHOWN else "")
            self.violations.append(f"{kind}: {len(keys):,} ({shown})")
        self._kinds = {}

    def words(self) -> str:
        """The certificate in a line."""
        return (
            f"{self.records:,} records, {self.messages:,} messages, lost {self.lost:,}, duplicated"
            f" {self.duplicated:,} of at most {self.at_most:,}, {self.ranges:,} uncertain ranges,"
            f" {len(self.violations):,} violations"
        )


def judge(
    database: psycopg.Connection[Any],
    messages: Iterable[tuple[str, Mapping[str, Any]]],
    jobs: Mapping[int, Collection[int] | None],
    *,
    faults: int,
    window: int,
) -> Certificate:
    """Judge jobs that are done: (message id, headers) of all they sent, and the keys each of them had to consider.

    None instead of keys: the selection changed while the job ran, so completeness is judged by the log alone.
    `faults` counts what may have lost an owner its windows in flight: every kill, cut and restart.
    """
    certificate = Certificate(at_most=faults * IN_FLIGHT * window)
    copies = _sort(certificate, messages, jobs)
    found = database.cursor(row_factory=dict_row).execute(JOBS, (list(jobs),)).fetchall()
    for job in set(jobs) - {row["id"] for row in found}:
        certificate.violations.append(f"job {job} does not exist")
    for row in found:
        _Job(database, certificate, row, copies[row["id"]], jobs[row["id"]]).judge()
    certificate.close()
    if certificate.duplicated > certificate.at_most:
        certificate.violations.append(
            f"{certificate.duplicated:,} messages came again, which is more than {IN_FLIGHT} windows of {window}"
            f" for each of {faults} faults"
        )
    return certificate


def _sort(
    certificate: Certificate, messages: Iterable[tuple[str, Mapping[str, Any]]], jobs: Iterable[int]
) -> dict[int, Copies]:
    copies: dict[int, Copies] = {job: {} for job in jobs}
    for message_id, headers in messages:
        certificate.messages += 1
        name = MESSAGE_ID(message_id)
        job = int(name[1]) if name else None
        if name is None or job not in copies or headers.get("x-job-id") != job:
            certificate.note("messages that no job sent", f"{message_id} of job {headers.get('x-job-id')}")
            continue
        counted = copies[job].setdefault(int(name[2]), [0, 0])
        counted[0] += 1
        counted[1] += headers.get("x-maybe-duplicate") is True
    return copies


class _Job:
    """One job: its shards, its lines and the copies of its messages."""

    def __init__(
        self,
        database: psycopg.Connection[Any],
        certificate: Certificate,
        row: Mapping[str, Any],
        copies: Copies,
        keys: Collection[int] | None,
    ) -> None:
        self._cursor = database.cursor(row_factory=dict_row)
        self._certificate = certificate
        self._id = row["id"]
        self._status = row["status"]
        self._sign = -1 if row["descending"] else 1
        self._copies = copies
        self._keys = keys
        self._seen: set[int] = set()

    def judge(self) -> None:
        """Judge all of it."""
        certificate = self._certificate
        if self._status != "done":
            certificate.violations.append(f"job {self._id} is {self._status}, not done")
        everywhere = []
        for shard in self._cursor.execute(SHARDS, (self._id,)).fetchall():
            ranges = self._cursor.execute(RANGES, (self._id, shard["shard"])).fetchall()
            certificate.ranges += len(ranges)
            everywhere += ranges
            self._shard(shard, ranges)
        if self._keys is not None:
            for key in self._keys:
                if key not in self._seen:
                    certificate.lost += 1
                    self._note("records without a line", key)
        for key, (number, _) in self._copies.items():
            certificate.duplicated += number - 1
            if self._keys is not None or not self._lies_in(everywhere, key):
                self._note("messages without a line", key)

    def _note(self, kind: str, key: int) -> None:
        self._certificate.note(f"job {self._id}: {kind}", key)

    def _lies_in(self, ranges: Iterable[Mapping[str, Any]], key: int) -> bool:
        sign = self._sign
        return any(
            (found["after_key"] is None or (key - found["after_key"]) * sign > 0)
            and (key - found["to_key"]) * sign <= 0
            for found in ranges
        )

    def _shard(self, shard: Mapping[str, Any], ranges: list[dict[str, Any]]) -> None:
        """Every line of a shard, with the copies of its message; then its counters."""
        certificate = self._certificate
        before: int | None = None
        own = [{"after_key": shard["start_key"], "to_key": shard["end_key"]}]
        lines = sent = 0
        for line in self._lines(shard["shard"]):
            lines += 1
            sent += line.error is None
            if line.key in self._seen:
                self._note("more than one line for a record", line.key)
                continue
            if before is not None and (line.key - before) * self._sign < 0:
                self._note("lines that are not in the job's order", line.key)
            if not self._lies_in(own, line.key):
                self._note("lines outside the range of their shard", line.key)
            if self._keys is not None and line.key not in self._keys:
                self._note("lines of records nobody selected", line.key)
            self._seen.add(line.key)
            before = line.key
            self._message(line, ranges)
        certificate.records += lines
        certificate.sent += sent
        self._counters(shard, lines, sent)

    def _message(self, line: Line, ranges: list[dict[str, Any]]) -> None:
        number, marked = self._copies.pop(line.key, (0, 0))
        if not number:
            if line.error is None:
                self._certificate.lost += 1
                self._note("sent and not in the queue", line.key)
            return
        uncertain = bool(ranges) and self._lies_in(ranges, line.key)
        if line.error is not None and not uncertain:
            self._note("skipped and yet in the queue", line.key)
        self._certificate.duplicated += number - 1
        if number > 1 and not uncertain:
            self._note("sent again outside the uncertain ranges", line.key)
        if marked and not uncertain:
            self._note("marked as maybe a duplicate outside the uncertain ranges", line.key)
        if marked < number - 1:
            self._note("sent again without the header x-maybe-duplicate", line.key)

    def _counters(self, shard: Mapping[str, Any], lines: int, sent: int) -> None:
        stored = self._cursor.execute(OUTCOMES, (self._id, shard["shard"])).fetchall()
        outcomes = Counter({row["sent"]: row["n"] for row in stored})
        for name, counted, expected in (
            ("progress: considered", shard["considered"], lines),
            ("progress: sent", shard["sent"], sent),
            ("progress: skipped and returned", shard["skipped"] + shard["returned"], lines - sent),
            ("outcomes: sent", outcomes[True], sent),
            ("outcomes: not sent", outcomes[False], lines - sent),
        ):
            if counted != expected:
                self._certificate.violations.append(
                    f"job {self._id}, shard {shard['shard']}: {name} is {counted}, the log says {expected}"
                )
        if self._status == "done" and shard["finished_at"] is None:
            self._certificate.violations.append(f"job {self._id}, shard {shard['shard']} is not finished")

    def _lines(self, shard: int) -> Iterator[Line]:
        """The committed lines of a shard's log in order."""
        for segment in self._cursor.execute(SEGMENTS, (self._id, shard)).fetchall():
            path, left = Path(segment["path"]), segment["bytes"]
            size = path.stat().st_size if path.exists() else 0
            if size < left:
                self._certificate.violations.append(f"log {path}: {left} bytes are committed, {size} are there")
            number = 0
            with path.open("rb") if size else io.BytesIO() as file:
                while left and (text := file.readline(left)):
                    left -= len(text)
                    number += 1
                    line = read_line(text)
                    if line is None:
                        self._certificate.violations.append(f"log {path}, line {number}: not a whole line: {text!r}")
                    else:
                        yield line
