"""Helpers of tests about recurring tasks: make one, look at its jobs and occasions, move the clock."""

from datetime import UTC, datetime

from fix_jobs import Db, set_status
from psycopg.types.json import Jsonb

MADRID, SANTIAGO, KOLKATA = "Europe/Madrid", "America/Santiago", "Asia/Kolkata"
MINUTES = {"period": {"each": 5, "unit": "MINUTES"}}
DAILY = {"pattern": {"time": "10:00", "daily": {}}}
KEPT = "select (select count(*) from pgjobs.task_progress), (select count(*) from pgjobs.task_runs)"
"""What is kept beside the tasks."""


def at(text: str) -> datetime:
    """A moment, in UTC unless it carries an offset."""
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def insert_task(db: Db, repeating: object = DAILY, /, **columns: object) -> int:
    """The id of a new task."""
    columns = {"type": "expired", "repeating": repeating} | columns
    values = [Jsonb(value) if isinstance(value, dict) else value for value in columns.values()]
    marks = ", ".join(["%s"] * len(columns))
    statement = f"insert into pgjobs.tasks ({', '.join(columns)}) values ({marks}) returning id"  # noqa: S608 - names of the test
    return int(db.value(statement, *values))


def set_clock(db: Db, moment: str) -> None:
    """From now on the schedules of this session are judged by this moment."""
    db.execute("select set_config('pgjobs.now', %s, false)", (moment,))


def occasions(db: Db, task: int, n: int = 10) -> list[datetime]:
    """The coming occasions of a task."""
    return db.column("select occasion from pgjobs.occasions(%s, %s)", task, n)


def jobs(db: Db, task: int) -> list[tuple[datetime, str, bool]]:
    """Moment, status and active of the jobs of a task, in the order in which they were made."""
    return db.execute("select run_at, status, active from xmp_jobs where task_id = %s order by id", (task,)).fetchall()


def waiting(db: Db, task: int) -> int:
    """The job of a task that waits."""
    return int(db.value("select next_job from pgjobs.task_status where id = %s", task))


def state(db: Db, task: int) -> str:
    """ACTIVE, INACTIVE or FINISHED."""
    return str(db.value("select pgjobs.task_state(%s)", task))


def start(db: Db, task: int) -> None:
    """What a daemon does with the job that waits."""
    set_status(db, waiting(db, task), "in progress")
