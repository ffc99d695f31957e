"""Tasks and their jobs that several sessions change at once: each occasion has one job, and nobody meets a deadlock."""

import random
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from fix_jobs import Db, connect
from fix_services import soon
from fix_tasks import KEPT, MINUTES, insert_task, waiting

WAITING = "select count(*) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'"


def stands(db: Db, late: Future[Any]) -> bool:
    """Whether a statement has come to its end, or waits for a lock."""
    return late.done() or db.value(WAITING) == 1


CHANGES = {
    "start": "update xmp_jobs set status = 'in progress' where id = %(job)s",
    "stop": "update xmp_jobs set status = 'canceled' where id = %(job)s",
    "clear": "delete from xmp_jobs where id = %(job)s",
    "change": "update pgjobs.tasks set priority = 9",
    "move": """update pgjobs.tasks set repeating = '{"period": {"each": 7, "unit": "HOURS"}}'""",
    "pause": "update pgjobs.tasks set active = false",
    "drop": "delete from pgjobs.tasks",
}


@pytest.mark.parametrize("first", CHANGES)
def test_two_sessions_leave_one_job_that_waits(db: Db, database: str, first: str) -> None:
    """Whoever changes a task while its job starts or ends, or the other way round, waits for that and goes on from
    there: afterwards one job waits, as the task wants it, and none where the task is gone."""
    ready = "select id, run_at, priority, active from xmp_jobs where status = 'ready'"
    for second, statement in CHANGES.items():
        db.execute("delete from pgjobs.tasks")
        db.execute("delete from xmp_jobs where status <> 'in progress'")
        task = insert_task(db, MINUTES)
        job = waiting(db, task)
        claims = f"select set_config('pgjobs.claims', '{job}', false)".encode()
        with connect(database) as one, connect(database) as other, ThreadPoolExecutor(1) as thread:
            one.execute("begin")
            one.execute(claims)
            other.execute(claims)
            one.execute(CHANGES[first].encode(), {"job": job})
            # Whoever looks after tasks passes over one that somebody is busy with.
            assert 0 == db.value("select pgjobs.tend_tasks()")
            late = thread.submit(other.execute, statement.encode(), {"job": job})
            assert soon(partial(stands, db, late))
            one.execute("commit")
            if (refused := late.exception(30)) is not None:
                # A job that has ended, or is gone, can't be started or stopped, one that runs can't be deleted.
                assert "PJ409" == getattr(refused, "sqlstate", None), (second, refused)
        if "drop" in (first, second):
            assert [] == db.execute(ready.encode()).fetchall(), second
            assert (0, 0) == db.row(KEPT), second
            continue
        wanted = db.row(
            "select p.job_id, p.occasion, t.priority, t.active from pgjobs.task_progress p, pgjobs.tasks t"
            " where t.id = p.task_id"
        )
        assert [wanted] == db.execute(ready.encode()).fetchall(), second
        if "move" in (first, second):
            starts = db.value("select starts_at from pgjobs.tasks")
            assert timedelta(0) == (wanted[1] - starts) % timedelta(hours=7), second


def test_many_sessions_make_one_job_of_an_occasion(db: Db, database: str) -> None:
    """While several sessions start, stop and delete jobs, and change their tasks, nobody is refused by a deadlock, no
    occasion has two jobs, and in the end one job of each task waits."""
    tasks = [insert_task(db, MINUTES, starts_at="2026-11-26T00:00Z") for _ in range(2)]

    def act(seed: int) -> None:
        chance = random.Random(seed)  # noqa: S311 - no secret
        with connect(database) as session:
            for _ in range(40):
                task = chance.choice(tasks)
                change = chance.choice(["stop", "stop", "clear", "change", "pause", "resume"])
                job = session.value("select coalesce(max(next_job), 0) from pgjobs.task_status where id = %s", task)
                statement = CHANGES.get(change, "update pgjobs.tasks set active = true")
                where = f" where id = {task}" if "pgjobs.tasks" in statement else " and status = 'ready'"
                session.execute((statement + where).encode(), {"job": job})
                session.execute("select pgjobs.tend_tasks()")

    with ThreadPoolExecutor(4) as threads:
        for done in [threads.submit(act, seed) for seed in range(4)]:
            done.result(120)
    made = db.execute(b"select task_id, occasion from pgjobs.task_runs").fetchall()
    assert len(set(made)) == len(made) > 20
    assert [(None, 1)] * 2 == db.execute(
        b"select trouble, (select count(*) from xmp_jobs j where j.task_id = t.id and j.status = 'ready')"
        b" from pgjobs.task_status t where next_job is not null"
    ).fetchall()
