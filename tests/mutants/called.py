"""Mutants of whom a job may have called, and of when it is called again."""

from __future__ import annotations

from mutants.table import Edit, Mutant

HOSTS = "tests/engine/test_callback_hosts.py"
CALLED = (
    Mutant(
        "m-own-machine",
        "a job can't have the daemon's own machine called",
        (
            Edit(
                "sql/callbacks/callback_fault.sql",
                "if _address <<= any (_special)",
                "if false and _address <<= any (_special)",
            ),
        ),
        (f"{HOSTS}::test_who_may_be_called", f"{HOSTS}::test_whoever_leads_to_this_machine_is_not_called"),
    ),
    Mutant(
        "m-name-again",
        "the call goes to the addresses that were checked",
        (Edit("pgjobs/engine/caller.py", "for address in addresses] or [url]", "for address in ()] or [url]"),),
        (f"{HOSTS}::test_a_name_is_called_where_it_was_checked",),
    ),
    Mutant(
        "m-sooner",
        "whoever is called can't ask for a shorter pause than the usual one",
        (
            Edit(
                "sql/callbacks/record_callback.sql",
                "else pgjobs.now() + greatest(",
                "else pgjobs.now() + coalesce(make_interval(secs => _retry_after),",
            ),
        ),
        (f"{HOSTS}::test_a_pause_is_asked_for_within_the_usual_ones",),
    ),
)
