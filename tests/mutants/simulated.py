"""Mutants of rates and stops that games with a simulated clock find."""

from __future__ import annotations

from mutants.table import Edit, Mutant

GAMES = "tests/sql/test_pace_simulated.py"

SIMULATED = (
    Mutant(
        "m-rate-stop",
        "a stop ends the wait for the next record of a rate",
        (
            Edit(
                "sql/pace/grant_records.sql",
                "least(delay + pgjobs.turn_delay(_job_id, _pace.type_rate), _pace.stop_at - _now)",
                "delay + pgjobs.turn_delay(_job_id, _pace.type_rate)",
            ),
        ),
        (f"{GAMES}::test_a_job_is_closed_at_its_stop_whatever_it_waits_for",),
    ),
    Mutant(
        "m-rate-back",
        "a clock that is set back does not stop a rate",
        (
            Edit(
                "sql/pace/spend_rate.sql", "if _own > _now + make_interval", "if false and _own > _now + make_interval"
            ),
        ),
        (f"{GAMES}::test_a_clock_that_is_set_back_a_day_does_not_slow_a_running_job_down",),
    ),
    Mutant(
        "m-rate-turns",
        "jobs take turns at the slow rate of their type",
        (Edit("sql/pace/turn_delay.sql", "interval '0.4 s'", "interval '0 s'"),),
        (f"{GAMES}::test_jobs_take_turns_at_the_slow_rate_of_their_type",),
    ),
    Mutant(
        "m-rate-first",
        "a job that has published nothing has the next turn",
        (Edit("sql/pace/turn_delay.sql", " and (p.considered > 0 or p.granted > 0)", ""),),
        (f"{GAMES}::test_a_job_that_has_published_nothing_has_the_next_turn",),
    ),
)
