"""Mutants of recurring tasks: one job for each occasion, and which moments are occasions."""

from mutants.table import Edit, Mutant

TESTS = "tests/sql/test_tasks.py"
DOOR = "tests/doors/operations/test_operation_tasks.py"
CLEARED = "tests/sql/test_task_retention.py"

TASKS = (
    Mutant(
        "m-task-described",
        "a task gives what describes its jobs to them, and how they are done",
        (
            Edit(
                "sql/tasks/task_columns.sql",
                ",\n    'media_type', 'reference_id', 'custom_type', 'configuration'",
                "",
            ),
        ),
        (f"{TESTS}::test_a_task_describes_its_jobs",),
    ),
    Mutant(
        "m-task-configured",
        "the check of a type sees the configuration that a task gives",
        (Edit("sql/tasks/guard_task.sql", ", _configuration => new.configuration", ""),),
        (f"{TESTS}::test_a_recurring_call_of_a_celery_task",),
    ),
    Mutant(
        "m-task-twice",
        "only the job that waits makes the next one, and only once",
        (
            Edit(
                "sql/tasks/leave_task_job.sql",
                "where p.task_id = _task_id and p.job_id is not distinct from _job_id;",
                "where p.task_id = _task_id;",
            ),
        ),
        (f"{TESTS}::test_the_next_job_is_made_when_the_one_that_waits_goes",),
    ),
    Mutant(
        "m-task-again",
        "an occasion that has had its job does not come again",
        (
            Edit(
                "sql/tasks/make_task_job.sql",
                "coalesce(_after, greatest(pgjobs.now(), _progress.last_occasion))",
                "coalesce(_after, pgjobs.now())",
            ),
        ),
        (f"{TESTS}::test_an_occasion_whose_job_was_cleared_does_not_come_again",),
    ),
    Mutant(
        "m-task-anew",
        "a repetition that is written anew gives no second job to an occasion",
        (
            Edit(
                "sql/tasks/free_occasion.sql",
                "    exit when _at is null or not exists (\n"
                "      select from pgjobs.task_runs r where r.task_id = _task.id and r.occasion = _at"
                " and r.job_id is distinct from _job_id);\n",
                "    exit;\n",
            ),
        ),
        (f"{TESTS}::test_a_clock_that_is_set_back_repeats_no_occasion",),
    ),
    Mutant(
        "m-task-stuck",
        "a next job that can't be made holds up nobody",
        (
            Edit(
                "sql/tasks/leave_task_job.sql",
                "  exception when others or assert_failure then",
                "  exception when too_many_rows then",
            ),
        ),
        (f"{TESTS}::test_a_refused_next_job_holds_up_nobody_and_comes_later",),
    ),
    Mutant(
        "m-task-hour",
        "of an hour that comes twice, a pattern has the first one",
        (Edit("sql/tasks/pattern_occasion.sql", "_date + _time, _zone, false", "_date + _time, _zone, true"),),
        ("tests/sql/test_occasions.py::test_the_occasions_of_a_pattern",),
    ),
    Mutant(
        "m-task-cleared",
        "a task that goes on again is not finished, and not cleared",
        (
            Edit(
                "sql/tasks/make_task_job.sql",
                "finished_at = case when _occasion is null then coalesce(p.finished_at, pgjobs.now()) end,",
                "finished_at = coalesce(p.finished_at, case when _occasion is null then pgjobs.now() end),",
            ),
        ),
        (f"{CLEARED}::test_a_task_that_somebody_lets_go_on_stays", f"{CLEARED}::test_the_end_of_a_task_is_noted"),
    ),
    Mutant(
        "m-task-batches",
        "the runs of a task are cleared in batches",
        (Edit("sql/retention/clear_of_task.sql", "where x.task_id = _id limit _most", "where x.task_id = _id"),),
        (f"{CLEARED}::test_a_task_with_many_runs_goes_in_batches",),
    ),
    Mutant(
        "m-task-entities",
        "entities that the request of a task lists are operations of each of its jobs",
        (
            Edit(
                "sql/tasks/make_task_job.sql",
                "if pgjobs.lists_entities(",
                "if _task.most_runs = 0 and pgjobs.lists_entities(",
            ),
        ),
        (f"{DOOR}::test_a_task_runs_and_each_job_has_its_operations",),
    ),
    Mutant(
        "m-task-merge",
        "what is not given of a schedule stays as it was",
        (Edit("sql/doors/operations/read_operation_task.sql", "if _schedule ? 'stop' then", "if true then"),),
        (f"{DOOR}::test_parts_of_the_schedule_take_the_place_of_former_ones",),
    ),
)
