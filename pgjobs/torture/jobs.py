"""The jobs under torture: always a few unfinished ones of every kind, and which records each has to consider."""

from __future__ import annotations

import random
from collections.abc import Collection
from typing import Any

import psycopg
from psycopg.types.json import Jsonb

from pgjobs.errors import refusal
from pgjobs.torture.database import refused
from pgjobs.torture.halts import PAUSE, Halts
from pgjobs.torture.paced import PLAIN
from pgjobs.torture.place import INJECTION_FILE, UNTRACKED, Place
from pgjobs.torture.schedule import Order

UNFINISHED = 3
ADD = "insert into public.xmp_jobs (type, file_name, params, shards) values (%s, %s, %s, %s)"
OPEN = f"select count(*) from public.xmp_jobs where status <> 'done' and {UNTRACKED} and {PLAIN}"  # noqa: S608 text of our own
RUNNING = f"select id from public.xmp_jobs where status = 'in progress' and {UNTRACKED} and {PLAIN} order by id"  # noqa: S608
RESUMABLE = (
    "select j.id from public.xmp_jobs j where j.status = any(%s)"
    " and not exists (select from pgjobs.cancellations c where c.job_id = j.id) order by j.id"
)
STRANDED = (
    "select j.id from public.xmp_jobs j where j.status in ('ready', 'in progress') and pgjobs.is_stranded(j.id)"
    " order by j.id"
)
# A job that ended in the meantime would refuse, and rightly.
STOP = "select pgjobs.stop_job(id) from public.xmp_jobs where id = %s and status in ('in progress', 'ready')"
RESUME = "select pgjobs.resume_job(id) from public.xmp_jobs where id = %s and status in ('canceled', 'error')"
EXPECTING = f"select id, type::text, params from public.xmp_jobs where {UNTRACKED} order by id"  # noqa: S608
PAID = ["paid", "retry_paid", "injection_paid", "expired_paid"]
EXPIRED = (
    "select r.id from public.xmp_retries_expired r"
    " where (%(date_from)s::timestamptz is null or r.created_at >= %(date_from)s)"
    " and (%(date_to)s::timestamptz is null or r.created_at < %(date_to)s)"
    " and (%(service_id)s::bigint is null or r.id_service = %(service_id)s)"
    " and not (%(never)s and exists (select from public.xmp_transactions t"
    " where t.msisdn = r.msisdn and t.result = any(%(paid)s)))"
)
"""The selection in words of its own: the oracle owes the engine nothing."""


class Jobs:
    """Adds jobs without a pace, stops and resumes them; a job that is resumed is paused no more."""

    def __init__(self, place: Place, seed: int, halts: Halts | None = None) -> None:
        self.muted = False
        self.stops = 0
        self._place = place
        self._halts = halts or Halts(place)
        self._rng = random.Random(seed + 1)  # noqa: S311 not a secret
        self._added = 0
        self._to_resume: list[tuple[float, int]] = []

    def refill(self) -> None:
        """Keep a few jobs unfinished, of all kinds in turn."""
        while self._place.value(OPEN) < UNFINISHED:
            self.add(self._added)
            self._added += 1

    def add(self, turn: int) -> None:
        """Add the job whose turn it is."""
        day = self._rng.randint(1, 25)
        never = self._rng.choice([0, 1])
        some_days: dict[str, Any] = {
            "date_from": f"2017-01-{day:02}",
            "date_to": f"2017-01-{day + self._rng.randint(1, 4):02}",
        }
        job: tuple[str, str, dict[str, Any], int | None] = [
            ("expired", "", {"never": never}, None),
            ("expired", "", some_days | {"order": "desc", "never": 1}, None),
            ("expired", "", {"never": never}, 3),
            ("injection", INJECTION_FILE, {"service_id": 421, "campaign_id": 290}, None),
            ("expired", "", some_days | {"service_id": 422}, None),
            ("expired", "", {"order": "desc", "never": never}, 5),
            ("injection", INJECTION_FILE, {"service_id": 421, "campaign_id": 290}, 2),
        ][turn % 7]
        kind, file, params, shards = job
        # A job whose notification is missed is found by the poll.
        self._place.rows("select set_config('pgjobs.mute', %s, false)", "on" if self.muted else "off")
        self._place.rows(ADD, kind, file, Jsonb(params), shards)
        self.muted = False

    def order(self, order: Order, now: float) -> None:
        """Stop one of the running jobs; it is resumed later."""
        running = self._place.rows(RUNNING)
        if running:
            job = running[order.seed % len(running)][0]
            try:
                stopped = bool(self._place.rows(STOP, job))
            except psycopg.DatabaseError as error:
                if refusal(error) is None and not refused(error):
                    raise
                stopped = False  # it is done by now, or kept as it is
            if stopped:
                self.stops += 1
                self._to_resume.append((now + order.seconds, job))

    def tend(self, now: float) -> None:
        """Resume what was stopped long enough, and what broke off on a full disk."""
        due = [job for at, job in self._to_resume if at <= now]
        self._to_resume = [(at, job) for at, job in self._to_resume if at > now]
        broken = [row[0] for row in self._place.rows(RESUMABLE, ["error"])]
        for job in {*due, *broken}:
            self._halts.end(PAUSE, job)
            self._halts.end("canary", job)
            try:
                self._place.rows(RESUME, job)
            except psycopg.DatabaseError as error:
                if not refused(error):
                    raise
                self._to_resume.append((now, job))

    def resume_all(self) -> None:
        """Nothing stays stopped."""
        self._to_resume.clear()
        for row in self._place.rows(RESUMABLE, ["canceled", "error"]):
            self._place.rows(RESUME, row[0])

    def stranded(self) -> list[int]:
        """Jobs that are to run and that no daemon would ever take; there must be none at any moment."""
        return [row[0] for row in self._place.rows(STRANDED)]

    def expected(self) -> dict[int, Collection[int]]:
        """The records that each job had to consider."""
        found: dict[int, Collection[int]] = {}
        known: dict[str, set[int]] = {}
        for job, kind, params in self._place.rows(EXPECTING):
            if kind == "injection":
                found[job] = range(1, self._place.scale.lines + 1)
                continue
            name = str(sorted((key, value) for key, value in params.items() if key != "order"))
            if name not in known:
                values = {key: params.get(key) for key in ("date_from", "date_to", "service_id")}
                cursor = self._place.connection().execute(
                    EXPIRED, values | {"never": bool(params.get("never")), "paid": PAID}
                )
                known[name] = {row[0] for row in cursor.fetchall()}
            found[job] = known[name]
        return found
