"""Mutants of job types: what is refused where it could not be obeyed."""

from __future__ import annotations

from mutants.table import Edit, Mutant

TYPES = (
    Mutant(
        "m-type-retry",
        "a retry of nothing is refused",
        (Edit("sql/items/retry_job.sql", "if not _any then", "if false then"),),
        ("tests/items/test_item_commands.py::test_a_retry_of_nothing_is_refused",),
    ),
    Mutant(
        "m-type-local",
        "a job of a tracked type has no local_time",
        (Edit("sql/pace/check_stop.sql", "= 'true' and _registered.tracked then", "= 'true' and false then"),),
        ("tests/engine/test_local_time.py::test_a_tracked_type_has_one_window_for_all",),
    ),
)
