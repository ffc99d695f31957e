"""Tracked jobs of every kind, and what people do with them meanwhile: stopped, paused, cancelled."""

from __future__ import annotations

import heapq
import itertools
import random
from collections import Counter
from collections.abc import Callable, Collection
from functools import partial
from typing import Any

import psycopg
from psycopg.types.json import Jsonb

from pgjobs.errors import refusal
from pgjobs.torture.database import refused
from pgjobs.torture.halts import PAUSE, Halts
from pgjobs.torture.jobs import RESUME, STOP
from pgjobs.torture.place import Place
from pgjobs.torture.tracked.conduct import BY_MESSAGE, LIMIT_SECONDS, PATIENT, RETRIES, TAKEN, TIMED

MOST_TARGETS = 400
TABLE = """
create table public.torture_targets (id bigint primary key, target text not null);
insert into public.torture_targets select i, 'dev-' || i from generate_series(1, %s) i;
create function public.torture_records(_job bigint, _shard integer, _after bigint, _end bigint) returns text
language sql stable as $f$
  select format(
    'select t.id as key, t.target, null::text as code, null::text as detail,'
    ' json_build_object(''target'', t.target)::text as body'
    ' from public.torture_targets t where t.id <= %%s%%s%%s order by t.id%%s', p.service_id,
    ' and t.id ' || case when p.descending then '<' else '>' end || _after,
    ' and t.id ' || case when p.descending then '>=' else '<=' end || _end,
    case when p.descending then ' desc' end)
  from public.xmp_jobs j cross join pgjobs.read_params(j.type::text, j.params) p where j.id = _job
$f$;
"""
TYPE = """
insert into public.xmp_job_types (name, selector, exchange, routing_key, tracked, reply_queue, params,
  execution_limit, ack_limit, retry_limit, delay_to_retry)
values (%s, 'public.torture_records', '', %s, true, %s, array['order', 'service_id'], make_interval(secs => %s),
  make_interval(secs => %s), %s, make_interval(secs => %s))
"""
TRACKED = "left(type::text, 8) = 'torture_'"
OPEN = f"""
select count(*) from public.xmp_jobs where status not in ('done', 'canceled') and {TRACKED}
"""  # noqa: S608 text of our own
LIVING = f"""
select id from public.xmp_jobs where status in ('ready', 'in progress') and {TRACKED} order by id
"""  # noqa: S608
ADD = "insert into public.xmp_jobs (type, params, shards, rate) values (%s, %s, %s, %s) returning id"
ACTIVATE = "update public.xmp_jobs set active = %s where id = %s and status in ('ready', 'in progress')"
CANCEL = "select pgjobs.cancel_job(%s)"
ALL = f"select id, params from public.xmp_jobs where {TRACKED}"  # noqa: S608


class TrackedJobs:
    """Adds them, and does to them what the schedule says."""

    def __init__(self, place: Place, halts: Halts, seed: int, unfinished: int) -> None:
        self.counts: Counter[str] = Counter()
        self._place = place
        self._halts = halts
        self._unfinished = unfinished
        self._rng = random.Random(seed + 4)  # noqa: S311 not a secret
        self._added = 0
        self._todo: list[tuple[float, int, Callable[[], None]]] = []
        self._number = itertools.count()

    def prepare(self, launches: str, replies: str) -> None:
        """Make table, selector and types."""
        self._place.rows(TABLE.replace("%s", str(MOST_TARGETS), 1))
        for name in (*BY_MESSAGE, TAKEN):
            queues = (None, None) if name == TAKEN else (launches, replies)
            limits = (LIMIT_SECONDS[name], 3 * LIMIT_SECONDS[name] / 4, RETRIES[name], 0.3)
            self._place.rows(TYPE, name, *queues, *limits)

    def refill(self) -> None:
        """Keep a few of them unfinished, of all kinds in turn."""
        while self._place.value(OPEN) < self._unfinished:
            job_type = (PATIENT, TIMED, TAKEN)[self._added % 3]
            params: dict[str, Any] = {"service_id": self._rng.randint(100, MOST_TARGETS)}
            if self._rng.random() < 0.4:
                params["order"] = "desc"
            shards, rate = self._rng.choice([None, 1, 2, 3]), self._rng.choice([None, None, 80])
            self._place.rows(ADD, job_type, Jsonb(params), shards, rate)
            self._added += 1

    def disturb(self, kind: str, seed: int, seconds: float, now: float) -> None:
        """Stop, pause or cancel one of them; what is stopped or paused goes on after a while."""
        living = self._place.rows(LIVING)
        if not living:
            return
        job = int(living[seed % len(living)][0])
        self.counts[kind] += 1
        if kind == "pause":
            self._halts.note(PAUSE, job)
            self._place.rows(ACTIVATE, False, job)
            self._later(now + seconds, partial(self._go_on, job))
        elif kind == "stop":
            if self._asks(STOP, job):
                self._later(now + seconds, partial(self._resume, job))
        else:
            self._asks(CANCEL, job)

    def tend(self, now: float) -> None:
        """Do what is due."""
        while self._todo and self._todo[0][0] <= now:
            heapq.heappop(self._todo)[2]()

    def lift(self) -> None:
        """Nothing is paused any more."""
        self._todo.clear()

    def expected(self) -> dict[int, Collection[int]]:
        """The records that each of them had to consider: the oracle owes the engine nothing."""
        return {job: range(1, params["service_id"] + 1) for job, params in self._place.rows(ALL)}

    def _later(self, at: float, do: Callable[[], None]) -> None:
        heapq.heappush(self._todo, (at, next(self._number), do))

    def _go_on(self, job: int) -> None:
        self._halts.end(PAUSE, job)
        self._place.rows(ACTIVATE, True, job)

    def _resume(self, job: int) -> None:
        self._halts.end(PAUSE, job)
        self._asks(RESUME, job)

    def _asks(self, statement: str, job: int) -> bool:
        """Whether the job did it; it may be done or cancelled by now, or kept as it is."""
        try:
            return bool(self._place.rows(statement, job))
        except psycopg.DatabaseError as error:
            if refusal(error) is None and not refused(error):
                raise
        return False
