"""A finished task is cleared after its keep time, in batches, by a rule of pgjobs.retention; one that goes on never."""

import pytest
from fix_jobs import Db, connect
from fix_retention import again, clear, only
from fix_tasks import KEPT, MINUTES, insert_task, jobs, set_clock, start, state

TASKS = "select id from pgjobs.tasks order by id"


def finished(db: Db, moment: str) -> int:
    """A task whose only job started at a moment."""
    set_clock(db, moment)
    task = insert_task(db, MINUTES, most_runs=1)
    start(db, task)
    assert "FINISHED" == state(db, task)
    return task


def test_a_finished_task_goes_after_its_keep_time(db: Db) -> None:
    """Of tasks that finished long ago nothing is left but their jobs; one that finished lately stays, one that is
    paused, and one that goes on. How many rows went is counted."""
    old, young = finished(db, "2026-01-01T00:00Z"), finished(db, "2026-11-20T00:00Z")
    set_clock(db, "2026-01-01T00:00Z")
    paused, open_ = insert_task(db, active=False), insert_task(db)
    only(db, "tasks")
    set_clock(db, "2026-11-26T09:00Z")
    clear(db)
    assert [young, paused, open_] == db.column(TASKS)
    assert (3, 3) == db.row(KEPT)
    assert 1 == len(jobs(db, old))
    assert 2 == db.value("select cleared from pgjobs.retention where what = 'tasks'")
    set_clock(db, "2026-12-26T00:00Z")
    again(db)
    clear(db)
    assert [paused, open_] == db.column(TASKS)


def test_a_task_is_kept_for_a_year_or_for_ever(db: Db) -> None:
    """Unless told otherwise a finished task stays for a year; with the keep time null it stays for ever."""
    task = finished(db, "2025-01-01T00:00Z")
    set_clock(db, "2025-12-31T23:59Z")
    clear(db)
    db.execute("select pgjobs.set_retention('tasks', null)")
    set_clock(db, "2026-11-26T09:00Z")
    clear(db)
    assert [task] == db.column(TASKS)
    db.execute("select pgjobs.set_retention('tasks', '1 year')")
    clear(db)
    assert [] == db.column(TASKS)


def test_the_end_of_a_task_is_noted(db: Db) -> None:
    """task_status says since when a task is finished: since its last job started, or its stop was moved before it;
    a change that lets nothing happen moves it not, and a task that goes on is not finished."""
    since = "select finished_at = %s from pgjobs.task_status"
    task = finished(db, "2026-11-01T00:00Z")
    set_clock(db, "2026-11-02T00:00Z")
    db.execute("update pgjobs.tasks set name = 'other'")
    assert db.value(since, "2026-11-01T00:00Z")
    db.execute("update pgjobs.tasks set most_runs = 2")
    assert ("ACTIVE", None) == db.row("select state, finished_at from pgjobs.task_status")
    set_clock(db, "2026-11-02T00:01Z")
    db.execute("update pgjobs.tasks set stops_at = '2026-11-02T00:02Z'")
    assert "FINISHED" == state(db, task)
    assert db.value(since, "2026-11-02T00:01Z")


@pytest.mark.parametrize("kept", [True, False])
def test_a_task_that_somebody_lets_go_on_stays(db: Db, database: str, kept: bool) -> None:
    """While somebody changes a finished task it is not cleared, and nobody waits; afterwards it stays if it goes on,
    and goes if it does not."""
    task = finished(db, "2026-01-01T00:00Z")
    only(db, "tasks")
    set_clock(db, "2026-11-26T09:00Z")
    # Whoever waits for that row instead of passing over it fails here.
    db.execute("set statement_timeout = '10s'")
    with connect(database) as other, other.transaction(force_rollback=not kept):
        other.execute("update pgjobs.tasks set most_runs = 2")
        clear(db)
        assert [task] == db.column(TASKS)
    again(db)
    clear(db)
    assert ([task] if kept else []) == db.column(TASKS)
    assert (2 if kept else 1) == len(jobs(db, task))


def test_a_task_with_many_runs_goes_in_batches(db: Db) -> None:
    """No call clears more rows than it may, however many jobs a task has made; the task goes with the last ones."""
    task = finished(db, "2026-01-01T00:00Z")
    db.execute(
        "insert into pgjobs.task_runs (task_id, occasion, job_id)"  # noqa: S608 - a number
        f" select {task}, timestamptz '2000-01-01Z' + n * interval '1 h', -n from generate_series(1, 24) n".encode()
    )
    only(db, "tasks")
    set_clock(db, "2026-11-26T09:00Z")
    left = []
    while db.value("select pgjobs.clear_history(10)"):
        left.append(db.row("select (select count(*) from pgjobs.task_runs), (select count(*) from pgjobs.tasks)"))
    assert [(15, 1), (5, 1)] == left[:2]
    assert (0, 0) == db.row(KEPT)
    assert [] == db.column(TASKS)
    assert 26 == db.value("select cleared from pgjobs.retention where what = 'tasks'")


def test_a_task_that_somebody_keeps_holds_up_no_other(db: Db) -> None:
    """Where a foreign key of the operator's keeps a task, the others are cleared, and the rule tells the trouble; the
    task that is kept has all it had."""
    kept, task = finished(db, "2026-01-01T00:00Z"), finished(db, "2026-01-02T00:00Z")
    db.execute("create table kept (task bigint references pgjobs.tasks (id))")
    db.execute("insert into kept values (%s)", (kept,))
    only(db, "tasks")
    set_clock(db, "2026-11-26T09:00Z")
    clear(db)
    assert [kept] == db.column(TASKS)
    assert (1, 1) == db.row(KEPT)
    assert 1 == len(jobs(db, task))
    assert db.value("select trouble from pgjobs.retention where what = 'tasks'").startswith(f"task {kept}: ")


def test_clearing_costs_no_more_where_many_tasks_are_finished(db: Db) -> None:
    """A look for old tasks touches a few blocks, though 30,000 finished lately, and finds one among them."""
    task = finished(db, "2026-01-01T00:00Z")
    set_clock(db, "2026-11-26T09:00Z")
    db.execute(
        "insert into pgjobs.task_progress (task_id, finished_at)"
        " select -n, timestamptz '2026-11-25Z' + n * interval '1 s' from generate_series(1, 30000) n;"
        " analyze pgjobs.task_progress"
    )
    only(db, "tasks")
    with db.transaction(force_rollback=True):
        db.execute("select pgjobs.clear_history()")  # the first time it reads the catalogs as well
    plan = db.value("explain (analyze, buffers, format json) select pgjobs.clear_history()")[0]["Plan"]
    assert plan["Shared Hit Blocks"] + plan["Shared Read Blocks"] < 150
    assert task not in db.column(TASKS)
