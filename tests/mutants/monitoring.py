"""Mutants of what Prometheus reads, and of the alerts."""

from __future__ import annotations

from mutants.table import Edit, Mutant

EXPOSITION, STALLED = "pgjobs/engine/exposition.py", "sql/monitoring/stalled_jobs.sql"
LISTENER, ALERTS = "tests/monitoring/test_exposition.py", "tests/monitoring/test_sql_alerts.py"
MONITORING = (
    Mutant(
        "m-mon-optional",
        "a daemon whose metrics find no port works on",
        (
            Edit(
                EXPOSITION,
                "                await asyncio.sleep(RETRY_SECONDS)\n                continue\n",
                "                raise\n",
            ),
        ),
        (f"{LISTENER}::test_a_range_that_is_taken_is_told_and_tried_again",),
    ),
    Mutant(
        "m-mon-stalled",
        "a job that waits for its pace raises no alert",
        (Edit(STALLED, "p.owner is not null and ", ""),),
        (f"{ALERTS}::test_states_that_are_near_to_an_alert",),
    ),
)
