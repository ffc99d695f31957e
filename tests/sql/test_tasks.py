"""Recurring tasks: each occasion has one job, whatever becomes of the jobs and of the task."""

from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest
from fix_jobs import Db, claim, past_triggers, set_status
from fix_roles import Login
from fix_tasks import (
    DAILY,
    KEPT,
    MINUTES,
    at,
    insert_task,
    jobs,
    occasions,
    set_clock,
    start,
    state,
    waiting,
)
from psycopg.types.json import Jsonb

import pgjobs

REGISTRY = (Path(pgjobs.__file__).parent / "demo" / "sql" / "registry.sql").read_bytes()
QUEUE_NEEDED = """
create or replace function public.celery_records_check(_params jsonb, _configuration jsonb) returns text language sql
as 'select case when not _configuration ? ''queue'' then ''configuration.queue: it is missing'' end'
"""
CLAIMS = "select * from pgjobs.claim_shards('11111111-2222-3333-4444-555555555555', '{}', true, '30 s')"


def test_a_task_makes_its_next_job_at_once(db: Db) -> None:
    """The job for the first occasion is there with the task, as an ordinary row that has what the task gives, and
    its events say where it comes from."""
    set_clock(db, "2026-11-26T09:00Z")
    task = insert_task(db, DAILY, params={"count": 5}, priority=3, id_user=7)
    job = waiting(db, task)
    row = db.row("select task_id, type, status, params, priority, id_user, run_at, active from xmp_jobs")
    assert (task, "expired", "ready", {"count": 5}, 3, 7, at("2026-11-26T10:00"), True) == row
    pace = {"schedule": {"stop_after": "90 min"}, "budget": {"canary": {"first": 5}}}
    insert_task(db, DAILY, rate=2, max_backlog=100, **pace)
    assert (2, 100, *pace.values()) == db.row("select rate, max_backlog, schedule, budget from xmp_jobs where rate > 0")
    assert "made by task" in str(
        db.column("select reason from pgjobs.events where job_id = %s and to_status is null", job)
    )
    assert ("ACTIVE", 1, job) == db.row("select state, runs, next_job from pgjobs.task_status where id = %s", task)


DESCRIBED = "select name, media_type, reference_id, custom_type, configuration from xmp_jobs where status = 'ready'"


def test_a_task_describes_its_jobs(db: Db) -> None:
    """Its name, what the job is about, and the configuration come into the job, and into the one that waits when
    the task is changed."""
    set_clock(db, "2026-11-26T09:00Z")
    told = {
        "name": "nightly",
        "media_type": "MOVIE",
        "reference_id": "4711",
        "custom_type": "x",
        "configuration": {"how": 1},
    }
    insert_task(db, **told)
    assert tuple(told.values()) == db.row(DESCRIBED)
    db.execute("update pgjobs.tasks set name = '', media_type = null, configuration = '{}'")
    assert (None, None, "4711", "x", {}) == db.row(DESCRIBED)


def test_a_recurring_call_of_a_celery_task(db: Db) -> None:
    """The sample registry's type for calls of Celery tasks: the check of the type is asked about the configuration
    when the task is written, and each job has it."""
    db.execute(REGISTRY)
    db.execute(QUEUE_NEEDED)
    call = {"type": "Celery Job", "params": {"task": "shop.charge"}}
    with pytest.raises(psycopg.Error, match=r"configuration\.queue: it is missing") as refused:
        insert_task(db, **call)
    assert ("PJ400", "queue") == (refused.value.sqlstate, refused.value.diag.column_name)
    task = insert_task(db, configuration={"queue": "shop"}, **call)
    start(db, task)
    statement = db.value("select pgjobs.records_statement(%s, 0, null, null)", waiting(db, task))
    assert ("shop.charge", "shop") == db.row(f"select target, routing_key from ({statement}) s")  # noqa: S608 - of the selector


@pytest.mark.parametrize(
    "leave",
    [
        lambda db, job: set_status(db, job, "in progress"),
        lambda db, job: set_status(db, job, "canceled"),
        lambda db, job: set_status(db, job, "error"),
        lambda db, job: db.execute("delete from xmp_jobs where id = %s", (job,)),
        lambda db, job: db.execute("update xmp_jobs set active = false where id = %s", (job,)),
    ],
    ids=["starts", "is stopped", "breaks off", "is deleted", "is held back"],
)
def test_the_next_job_is_made_when_the_one_that_waits_goes(db: Db, leave: Callable[[Db, int], None]) -> None:
    """As soon as the job that waits starts, ends or is deleted, or is held back after its moment, the one for the
    next occasion is there; what becomes of the first one later makes no further one."""
    set_clock(db, "2026-11-26T09:00Z")
    task = insert_task(db)
    first = waiting(db, task)
    set_clock(db, "2026-11-26T10:00:01Z")
    leave(db, first)
    second = waiting(db, task)
    assert (second, at("2026-11-27T10:00")) == (
        db.row("select id, run_at from xmp_jobs where task_id = %s and id <> %s and status = 'ready'", task, first)
    )
    status = db.column("select status from xmp_jobs where id = %s", first)
    if status == ["in progress"]:
        set_status(db, first, "canceled")
        set_status(db, first, "ready")
        set_status(db, first, "in progress")
    elif status == ["ready"]:
        db.execute("update xmp_jobs set active = true where id = %s", (first,))
        set_status(db, first, "in progress")
    assert second == waiting(db, task)
    assert 2 == db.value("select runs from pgjobs.task_status")


def test_what_passed_while_nobody_ran_is_not_made_up(db: Db) -> None:
    """After five hours without a daemon, the job that waited starts late, and the next one is for the first occasion
    that is still to come."""
    set_clock(db, "2026-11-26T09:58Z")
    task = insert_task(db, MINUTES, starts_at="2026-11-26T00:00Z")
    set_clock(db, "2026-11-26T15:02Z")
    claim(db, waiting(db, task))
    assert [at("2026-11-26T10:00"), at("2026-11-26T15:05")] == [run_at for run_at, *_ in jobs(db, task)]


@pytest.mark.parametrize(("misfire", "status"), [(None, "ready"), ("skip", "canceled")])
def test_a_job_that_is_too_late_holds_up_no_task(db: Db, misfire: str | None, status: str) -> None:
    """The job of an occasion that is so late that its rule holds or cancels it leaves the next occasion its job."""
    set_clock(db, "2026-11-26T09:00Z")
    task = insert_task(db, schedule={} if misfire is None else {"misfire": misfire})
    first = waiting(db, task)
    set_clock(db, "2026-11-26T18:00Z")
    assert [] == db.execute(CLAIMS.encode()).fetchall()
    assert [(at("2026-11-26T10:00"), status, misfire is not None), (at("2026-11-27T10:00"), "ready", True)] == jobs(
        db, task
    )
    assert waiting(db, task) != first


def test_a_clock_that_is_set_back_repeats_no_occasion(db: Db) -> None:
    """A day that comes again by the clock of the server has no second job for its occasions, also if the repetition
    is written anew meanwhile."""
    set_clock(db, "2026-11-26T09:00Z")
    task = insert_task(db)
    set_clock(db, "2026-11-26T10:00Z")
    start(db, task)
    set_clock(db, "2026-11-25T10:30Z")
    start(db, task)
    assert [at("2026-11-26T10:00"), at("2026-11-27T10:00"), at("2026-11-28T10:00")] == [
        one for one, *_ in jobs(db, task)
    ]
    changed = {"pattern": {"time": "10:00", "zone": "UTC", "daily": {}}}
    db.execute("update pgjobs.tasks set repeating = %s", (Jsonb(changed),))
    assert [at("2026-11-26T10:00"), at("2026-11-27T10:00"), at("2026-11-28T10:00")] == [
        one for one, *_ in jobs(db, task)
    ]


def test_an_occasion_whose_job_was_cleared_does_not_come_again(db: Db) -> None:
    """Where the clock is set back, an occasion that has had its job has none again, also if that job is deleted."""
    set_clock(db, "2026-11-26T09:00Z")
    task = insert_task(db)
    first = waiting(db, task)
    set_status(db, first, "canceled")
    db.execute("delete from xmp_jobs where id = %s", (first,))
    set_clock(db, "2026-11-25T09:00Z")
    start(db, task)
    assert [at("2026-11-27T10:00"), at("2026-11-28T10:00")] == [run_at for run_at, *_ in jobs(db, task)]


def test_a_task_ends_after_its_runs(db: Db) -> None:
    """most_runs counts the jobs that were made; then the task is finished, until somebody allows more."""
    set_clock(db, "2026-11-26T09:00Z")
    task = insert_task(db, most_runs=2)
    assert [at("2026-11-26T10:00"), at("2026-11-27T10:00")] == occasions(db, task)
    start(db, task)
    assert "ACTIVE" == state(db, task)
    start(db, task)
    assert ("FINISHED", 2, [], 2) == (
        state(db, task),
        len(jobs(db, task)),
        occasions(db, task),
        db.value("select runs from pgjobs.task_status"),
    )
    db.execute("update pgjobs.tasks set most_runs = 3")
    assert ("ACTIVE", 3) == (state(db, task), len(jobs(db, task)))
    db.execute("update pgjobs.tasks set most_runs = 2")
    assert ("FINISHED", 2) == (state(db, task), len(jobs(db, task)))


def test_a_task_ends_at_its_stop(db: Db) -> None:
    """No occasion comes at stops_at or later; a stop that is moved takes the job along that waits, or lets a new one
    be made."""
    set_clock(db, "2026-11-26T09:00Z")
    task = insert_task(db, stops_at="2026-11-27T10:00Z")
    assert [at("2026-11-26T10:00")] == occasions(db, task)
    start(db, task)
    assert ("FINISHED", 1) == (state(db, task), len(jobs(db, task)))
    db.execute("update pgjobs.tasks set stops_at = '2026-11-27T10:00:01Z'")
    assert ("ACTIVE", 2) == (state(db, task), len(jobs(db, task)))
    db.execute("update pgjobs.tasks set stops_at = '2026-11-26T12:00Z'")
    assert ("FINISHED", 1) == (state(db, task), len(jobs(db, task)))


def test_a_paused_task_holds_its_job(db: Db) -> None:
    """active = false holds the job that waits, true lets it go; where its moment has passed meanwhile, it gets the
    next occasion."""
    set_clock(db, "2026-11-26T09:00Z")
    task = insert_task(db)
    db.execute("update pgjobs.tasks set active = false")
    assert ("INACTIVE", [(at("2026-11-26T10:00"), "ready", False)]) == (state(db, task), jobs(db, task))
    said = f"its task {task} is paused: set active = true in pgjobs.tasks"
    assert said == db.value("select pgjobs.why(%s)", waiting(db, task))
    db.execute("update pgjobs.tasks set active = true")
    assert [(at("2026-11-26T10:00"), "ready", True)] == jobs(db, task)
    db.execute("update pgjobs.tasks set active = false")
    set_clock(db, "2026-11-28T11:00Z")
    db.execute("select pgjobs.tend_tasks()")
    assert [(at("2026-11-26T10:00"), "ready", False)] == jobs(db, task)
    db.execute("update pgjobs.tasks set active = true")
    assert ("ACTIVE", [(at("2026-11-29T10:00"), "ready", True)]) == (state(db, task), jobs(db, task))
    assert 1 == db.value("select runs from pgjobs.task_status")


def test_a_changed_task_changes_the_job_that_waits(db: Db) -> None:
    """Another repetition moves the job that waits, other params replace its own; what has started stays as it is."""
    set_clock(db, "2026-11-26T09:00Z")
    task = insert_task(db, params={"count": 1})
    start(db, task)
    begun = db.row("select j::text from xmp_jobs j where status = 'in progress'")
    db.execute("update pgjobs.tasks set repeating = %s, params = '{\"count\": 2}'", (Jsonb(MINUTES),))
    assert (at("2026-11-26T09:05"), {"count": 2}) == db.row(
        "select run_at, params from xmp_jobs where status = 'ready'"
    )
    assert begun == db.row("select j::text from xmp_jobs j where status = 'in progress'")
    job = waiting(db, task)
    db.execute("update xmp_jobs set run_at = '2026-11-26T09:07Z', priority = 4 where id = %s", (job,))
    db.execute("update pgjobs.tasks set name = 'other', params = '{}'")
    assert (job, at("2026-11-26T09:07"), {}, 4) == db.row(
        "select id, run_at, params, priority from xmp_jobs where status = 'ready'"
    )


def test_a_deleted_task_takes_its_job_along(db: Db) -> None:
    """The job that waits goes with its task, one that has started stays and makes no further one; nothing of the task
    is left."""
    set_clock(db, "2026-11-26T09:00Z")
    task = insert_task(db)
    begun = waiting(db, task)
    start(db, task)
    db.execute("delete from pgjobs.tasks")
    assert [begun] == db.column("select id from xmp_jobs")
    set_status(db, begun, "canceled")
    assert [begun] == db.column("select id from xmp_jobs")
    assert (0, 0) == db.row(KEPT)
    assert db.value("select pgjobs.task_state(%s)", task) is None


def test_what_is_kept_of_a_run_goes_with_its_job(db: Db) -> None:
    """task_runs has a row for each job of a task, and none for one that was cleared away."""
    set_clock(db, "2026-11-26T09:00Z")
    task = insert_task(db)
    first = waiting(db, task)
    set_status(db, first, "canceled")
    assert [first, waiting(db, task)] == db.column("select job_id from pgjobs.task_runs order by occasion")
    db.execute("delete from xmp_jobs where id = %s", (first,))
    assert [waiting(db, task)] == db.column("select job_id from pgjobs.task_runs")


def test_all_jobs_deleted_at_once_leave_one_for_each_task(db: Db) -> None:
    """Whoever empties xmp_jobs empties no task: the next job is there again."""
    set_clock(db, "2026-11-26T09:00Z")
    insert_task(db), insert_task(db, MINUTES)
    db.execute("delete from xmp_jobs")
    assert [at("2026-11-26T09:10"), at("2026-11-27T10:00")] == db.column("select run_at from xmp_jobs order by run_at")
    set_clock(db, "")
    assert 2 == db.value("select count(*) from pgjobs.task_runs")


def test_an_operator_writes_tasks_and_a_viewer_reads_them(db: Db, login: Login) -> None:
    """A member of pgjobs_operator inserts, changes and deletes tasks without rights on xmp_jobs; a viewer sees them and
    what comes; a CMS that starts the job of one needs no right on it."""
    operator, viewer = login("pgjobs_operator"), login("pgjobs_viewer")
    task = insert_task(operator, MINUTES, name="every five minutes")
    operator.execute("update pgjobs.tasks set priority = 2")
    assert [2] == db.column("select priority from xmp_jobs")
    assert ("every five minutes", "ACTIVE") == viewer.row("select name, state from pgjobs.task_status")
    assert 3 == len(occasions(viewer, task, 3))
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        viewer.execute("table pgjobs.tasks")
    assert 1 == operator.run("delete from pgjobs.tasks")
    assert 0 == db.value("select count(*) from xmp_jobs")


def test_a_refused_next_job_holds_up_nobody_and_comes_later(db: Db) -> None:
    """Where the next job can't be made, the one that waits starts all the same; the task says why it has none, and
    gets it as soon as nothing is in the way."""
    set_clock(db, "2026-11-26T09:00Z")
    task = insert_task(db)
    db.execute("alter table xmp_jobs add constraint in_the_way check (run_at < '2026-11-26T12:00Z') not valid")
    start(db, task)
    assert [(at("2026-11-26T10:00"), "in progress", True)] == jobs(db, task)
    assert "in_the_way" in db.value("select trouble from pgjobs.task_status")
    assert "ACTIVE" == state(db, task)
    set_clock(db, "2026-11-26T09:02Z")
    assert (1, 1) == (db.value("select pgjobs.tend_tasks()"), len(jobs(db, task)))
    db.execute("alter table xmp_jobs drop constraint in_the_way")
    set_clock(db, "2026-11-26T09:04Z")
    assert 1 == db.value("select pgjobs.tend_tasks()")
    assert at("2026-11-27T10:00") == jobs(db, task)[1][0]
    assert (None, 2) == db.row("select trouble, runs from pgjobs.task_status")


def test_a_job_that_went_unseen_or_was_held_beyond_its_moment_is_left_behind(db: Db) -> None:
    """The elected daemon moves a task on whose job was held or put off until its moment passed, or ended unseen;
    one whose job is merely late is left alone."""
    set_clock(db, "2026-11-26T09:00Z")
    held, unseen, put_off, late = (insert_task(db) for _ in range(4))
    db.execute("update xmp_jobs set active = false where task_id = %s", (held,))
    db.execute("update xmp_jobs set run_at = '2030-01-01' where task_id = %s", (put_off,))
    with past_triggers(db):
        db.execute("update xmp_jobs set status = 'done' where task_id = %s", (unseen,))
    assert 0 == db.value("select pgjobs.tend_tasks()")
    set_clock(db, "2026-11-26T10:30Z")
    assert 3 == db.value("select pgjobs.tend_tasks()")
    assert [2, 2, 2, 1] == [len(jobs(db, task)) for task in (held, unseen, put_off, late)]
    set_clock(db, "2026-11-26T10:40Z")
    assert 0 == db.value("select pgjobs.tend_tasks()")


def test_what_a_task_costs_does_not_grow(db: Db) -> None:
    """To go on to the next occasion, and to look after tasks, touches a few blocks, however many runs and tasks there
    are."""
    task = insert_task(db, MINUTES)
    job = waiting(db, task)
    db.execute(
        "insert into pgjobs.task_runs (task_id, occasion, job_id)"  # noqa: S608 - a number
        f" select {task}, timestamptz '2000-01-01Z' + n * interval '1 h', -n from generate_series(1, 30000) n;"
        " insert into pgjobs.task_progress (task_id, occasion, job_id, check_at)"
        " select -n, now() + interval '1 day', -n, now() + interval '1 day' from generate_series(1, 30000) n;"
        " analyze pgjobs.task_runs; analyze pgjobs.task_progress".encode()
    )
    for call in ("pgjobs.tend_tasks()", f"pgjobs.leave_task_job({task}, {job})", f"pgjobs.occasions({task}, 5)"):
        touched = []
        for _ in range(2):
            # The second time: the first one reads the catalogs as well.
            with db.transaction(force_rollback=True):
                touched.append(db.value(f"explain (analyze, buffers, format json) select {call}")[0]["Plan"])
        assert touched[1]["Shared Hit Blocks"] + touched[1]["Shared Read Blocks"] < 150, call
    db.execute("delete from xmp_jobs")
    assert 1 == db.value("select count(*) from pgjobs.task_runs where job_id > 0")
