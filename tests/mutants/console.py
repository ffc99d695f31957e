"""Mutants of the console: what a log shows until its job has ended, and what becomes of several jobs."""

from __future__ import annotations

from mutants.table import Edit, Mutant

JOBLOG, STEERING = "pgjobs/ops/joblog.py", "pgjobs/ops/steering.py"
LOGS, STEERS = "tests/ops/test_console_log.py", "tests/ops/test_console_steers.py"
CONSOLE = (
    Mutant(
        "m-console-committed",
        "pgjobs log shows what is committed and nothing behind it",
        (
            Edit(
                JOBLOG,
                "parts = [Part(file.path, file.bytes)]",
                "parts = [Part(file.path, __import__('os').stat(file.path).st_size)]",
            ),
        ),
        (f"{LOGS}::test_only_what_is_committed_is_shown",),
    ),
    Mutant(
        "m-console-ended",
        "a log is followed until nobody adds to it",
        (Edit("sql/status/log_state.sql", "p.lease_until > clock_timestamp()", "false"),),
        (f"{LOGS}::test_a_log_is_followed_until_nobody_adds_to_it",),
    ),
    Mutant(
        "m-console-refused",
        "a job that is refused keeps no other one from being steered",
        (Edit(STEERING, "                code = 1\n", "                return 1\n"),),
        (f"{STEERS}::test_one_that_is_refused_keeps_no_other_from_it",),
    ),
)
