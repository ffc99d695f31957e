"""Two agents of the demo as processes, and the accounts of a tracked job: who has answered what, and what is lost."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
from collections.abc import Iterator
from dataclasses import dataclass

from pgjobs.demo.agent import AGAIN
from pgjobs.demo.stage import Stage
from pgjobs.lab.process import Child
from pgjobs.pg import connection as db

ITEMS, KILL_AT = 1200, 300
NAMES = ("one", "two")
ALIVE = "select count(*) = 2 from pgjobs.agent_status s where s.alive and s.name in ('one', 'two')"
ANSWERED = "select description, count(*) from pgjobs.job_items where job_id = %s and status = 'good' group by 1"


@contextlib.contextmanager
def running_agents(stage: Stage) -> Iterator[list[Child]]:
    """Both of them; whoever is left at the end is ended."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PGJOBS_")}
    with contextlib.ExitStack() as stack:
        children = []
        for name in NAMES:
            child = Child(
                [sys.executable, "-m", "pgjobs.demo.agent", name],
                log=stage.folder / f"agent-{name}.log",
                env=environment | {"PGJOBS_AMQP_URL": stage.amqp_url},
                death_signal=signal.SIGTERM,
            )
            stack.callback(child.end, signal.SIGTERM, 15)
            children.append(child)
        yield children


@dataclass(frozen=True)
class Answered:
    """The good items of a job, by what their answers say."""

    by: dict[str, int]

    @property
    def lost(self) -> int:
        """Items without a good answer."""
        return ITEMS - sum(self.by.values())

    @property
    def words(self) -> str:
        """All of it in a line."""
        whom = " · ".join(f"{name} {self.by.get(name, 0) + self.by.get(name + AGAIN, 0):,}" for name in NAMES)
        again = sum(number for said, number in self.by.items() if said.endswith(AGAIN))
        return f"items {ITEMS:,} · answered by {whom} · redelivered {again:,} · lost {self.lost:,}"


async def answered(connection: db.Connection, job: int) -> Answered:
    """Read who has answered."""
    rows = await (await connection.execute(ANSWERED, (job,))).fetchall()
    return Answered({str(said): int(number) for said, number in rows})
