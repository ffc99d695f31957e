"""Mutants of operation jobs: what may be changed when, and what counts how."""

from __future__ import annotations

from mutants.table import Edit, Mutant

LIFE = "tests/doors/operations/test_life.py"
UPDATE = "sql/doors/operations/update_operation_job.sql"

OPERATIONS = (
    Mutant(
        "o-ended",
        "a job that has ended refuses every change",
        (
            Edit(
                UPDATE, "  if _state in ('cancelling', 'cancelled', 'finished', 'ended_broken') then", "  if false then"
            ),
        ),
        (f"{LIFE}::test_ended_jobs_refuse_every_change",),
    ),
    Mutant(
        "o-active",
        "an active job is changed only once it is inactive",
        (Edit(UPDATE, "    if _wanted.changes and _job.active and", "    if false and"),),
        (f"{LIFE}::test_an_active_job_is_changed_only_once_it_is_inactive",),
    ),
    Mutant(
        "o-stop",
        "what the stop of a job has closed counts as cancelled by time, and not as an error",
        (
            Edit(
                "sql/items/close_items.sql",
                "          union all select 'S'::\"char\", 1 from closed where _result = 'timed_out') s",
                "          ) s",
            ),
        ),
        (f"{LIFE}::test_the_stop_counts_from_the_start_and_cancels_by_time",),
    ),
    Mutant(
        "o-listed",
        "an operation is tried again only after a result that is listed",
        (
            Edit(
                "sql/doors/operations/read_operation_rules.sql",
                "    'retry_results', _again);",
                "    'retry_results', null);",
            ),
        ),
        (f"{LIFE}::test_only_listed_results_are_tried_again",),
    ),
)
