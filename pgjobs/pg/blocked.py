"""Work on tables that others use: it waits briefly for a lock, gives way, says who is in the way, and tries again."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, TypeVar

import psycopg
from psycopg import errors

from pgjobs.errors import PgjobsError

Result = TypeVar("Result")
Tell = Callable[[str], None]
LOCK_TIMEOUT = "500ms"
"""So long a writer of the operator's may have to wait behind us, at most."""
FIRST_PAUSE, LONGEST_PAUSE = 0.25, 10.0
COLLISIONS = 6
"""So often two may collide without a lock between them; after that it is no collision but an error."""
PATIENCE = 900.0
LOCKED = (errors.LockNotAvailable, errors.DeadlockDetected)
COLLIDED = (
    errors.UniqueViolation,
    errors.DuplicateObject,
    errors.DuplicateTable,
    errors.DuplicateSchema,
    errors.InternalError_,
)
"""What two meet that make or change the same thing at once, where there is no lock between them yet."""
HOLDERS = """
  select a.pid, a.usename::text, a.application_name, a.state
  from pg_locks l
  join pg_class c on c.oid = l.relation
  join pg_stat_activity a on a.pid = l.pid
  where l.granted and l.pid <> all (%s) and a.datname = current_database()
    and l.database = a.datid and c.relnamespace in (to_regnamespace('public'), to_regnamespace('pgjobs'))
  group by a.pid, a.usename, a.application_name, a.state
  order by min(a.xact_start), a.pid limit 3
"""


class Blocked(PgjobsError):
    """What was to be changed is in use for longer than anybody waits."""

    hint = "end the transaction that is named, or migrate at a quieter time: nothing is half done"


class Insistence:
    """Tries a piece of work until nobody is in the way any more, or its time is over."""

    def __init__(self, asking: psycopg.Connection[Any], tell: Tell, seconds: float = PATIENCE) -> None:
        self._asking = asking
        self._tell = tell
        self._until = time.monotonic() + seconds
        self._told = ""

    def on(self, what: str, work: Callable[[], Result], ours: list[int]) -> Result:
        """The result of the work; `ours` are the processes that do it and are in nobody's way."""
        pause, collisions = FIRST_PAUSE, 0
        while True:
            try:
                return work()
            except LOCKED as error:
                sentence = f"{what} waits for locks of {self._holders(ours)}"
                if time.monotonic() > self._until:
                    raise Blocked(sentence) from error
            except COLLIDED as error:
                sentence = f"{what} met another that does the same"
                collisions += 1
                if collisions == COLLISIONS or not _is_collision(error):
                    raise
            if sentence != self._told:
                self._told = sentence
                self._tell(f"{sentence}; trying again")
            time.sleep(pause)
            pause = min(2 * pause, LONGEST_PAUSE)

    def _holders(self, ours: list[int]) -> str:
        holders = self._asking.execute(HOLDERS, ([*ours, self._asking.info.backend_pid],)).fetchall()
        who = ", ".join(
            f"process {pid} (role {role}, {application or 'no application_name'}, {state})"
            for pid, role, application, state in holders
        )
        return who or "another transaction"


def _is_collision(error: psycopg.Error) -> bool:
    # Of internal errors only this one is about others: "tuple concurrently updated".
    return not isinstance(error, errors.InternalError_) or "concurrently" in str(error)
