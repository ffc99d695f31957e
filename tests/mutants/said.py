"""Mutants of what is said about time and pace: why, eta and plan, and the doors that change it."""

from __future__ import annotations

from mutants.table import Edit, Mutant

WHY = "tests/sql/test_why_states.py"
STATES = (f"{WHY}::test_every_state_has_its_sentence_and_its_moment",)
PLAN = "sql/status/plan.sql"
PLANS = ("tests/sql/test_plan.py",)

SAID = (
    Mutant(
        "m-said-moment",
        "what waits says when it goes on",
        (Edit("sql/status/parked_reason.sql", "else '; it goes on ' || m.moment", "else ''"),),
        STATES,
    ),
    Mutant(
        "m-said-over",
        "what is over is not said of a shard that runs again",
        (Edit("sql/engine/take_shard.sql", "note = case when p.failures > 0 then p.note end,", "note = p.note,"),),
        STATES,
    ),
    Mutant(
        "m-said-switch",
        "a kill switch that is off holds nothing, in words either",
        (Edit("sql/engine/park_shard.sql", "  _reason := nullif(_reason, pgjobs.held_reason());\n", ""),),
        STATES,
    ),
    Mutant(
        "m-said-canary",
        "a job is not planned beyond its canary",
        (Edit(PLAN, "if _canary < coalesce(records, _canary + 1) then", "if false then"),),
        PLANS,
    ),
    Mutant(
        "m-said-stop",
        "a stop while the window is closed ends the plan",
        (Edit(PLAN, "if why_it_ends is distinct from 'its stop' and", "if false and"),),
        PLANS,
    ),
    Mutant(
        "m-said-dry",
        "nothing limits a dry run",
        (Edit(PLAN, "(pgjobs.read_params(_job.type::text, _job.params)).dry_run", "false"),),
        PLANS,
    ),
    Mutant(
        "m-said-resume",
        "resume lets a job go on that is paused before it has begun",
        (Edit("sql/jobs/resume_job.sql", "in ('ready', 'in progress') and not", "= 'in progress' and not"),),
        (f"{WHY}::test_what_waits_and_is_to_be_resumed_goes_on",),
    ),
    Mutant(
        "m-said-task",
        "a task gives its pace to its jobs",
        (Edit("sql/tasks/task_columns.sql", ", 'rate', 'max_backlog', 'schedule', 'budget'", ""),),
        ("tests/sql/test_bad_pace.py::test_a_task_gives_its_pace_to_its_jobs",),
    ),
    Mutant(
        "m-said-syntax",
        "a syntax error of a selection names the selector, and what the job does not give",
        (Edit("sql/engine/fail_job.sql", "if _code = 'syntax' then", "if false then"),),
        ("tests/engine/test_new_type.py::test_a_parameter_that_is_missing_in_the_statement",),
    ),
    Mutant(
        "m-said-one",
        "one item is not told as one items",
        (Edit("sql/base/counted.sql", "when _n = 1 then _one else", "when false then _one else"),),
        ("tests/items/test_tracked_pace.py::test_why_says_that_it_waits_for_answers",),
    ),
)
