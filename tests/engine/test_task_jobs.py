"""A daemon with recurring tasks: it runs their jobs at their moments, and makes up for next jobs that were refused."""

import datetime as dt

import pytest
from fix_daemon import DaemonProcess, Engine

TASK = (
    "insert into pgjobs.tasks (type, params, starts_at, repeating)"
    """ values ('expired', '{"dry_run": true}', now() + interval '1 s', '{"period": {"each": 7, "unit": "MINUTES"}}')"""
)
FIRST, NEXT = "select min(id) from xmp_jobs", "select next_job from pgjobs.task_status"


@pytest.mark.usefixtures("daemon")
def test_a_daemon_runs_the_jobs_of_a_task(engine: Engine) -> None:
    """The job of an occasion starts at its moment like any other one, and with its start the next one is there."""
    engine.add_retries(3)
    engine.execute(TASK)
    first = engine.value(FIRST)
    engine.wait_status(first, "done")
    assert 3 == engine.counters(first).considered
    second = engine.value(NEXT)
    apart = "select (select run_at from xmp_jobs where id = %s) - (select run_at from xmp_jobs where id = %s)"
    assert dt.timedelta(minutes=7) == engine.value(apart, second, first)
    engine.execute("select pgjobs.start_job(%s)", second)
    engine.wait_status(second, "done")
    assert (3, second + 1) == tuple(engine.rows("select runs, next_job from pgjobs.task_status")[0].values())


def test_a_daemon_makes_the_next_job_as_soon_as_it_can(engine: Engine, daemon: DaemonProcess) -> None:
    """A next job that the database refuses keeps the one that waits from nothing; the log warns of it, and the elected
    daemon makes it later."""
    engine.execute("alter table xmp_jobs add constraint in_the_way check (run_at < now() + interval '5 min') not valid")
    engine.execute(TASK)
    first = engine.value(FIRST)
    engine.wait_status(first, "done")
    assert engine.value(NEXT) is None
    daemon.wait_said("task 1 has no next job")
    engine.execute("alter table xmp_jobs drop constraint in_the_way")
    engine.execute("update pgjobs.task_progress set check_at = now()")
    engine.wait_until("exists (select from pgjobs.task_status where next_job is not null and trouble is null)")
