"""Mutants around people: who is named in an event, who may name another, and what may be done twice."""

from __future__ import annotations

from mutants.table import Edit, Mutant

ACTOR = "tests/test_actor.py"
DOORS = (
    Mutant(
        "m-actor",
        "the event of a change names on whose behalf it was made",
        (Edit("sql/jobs/add_event.sql", "pgjobs.actor(), _reason", "null, _reason"),),
        (f"{ACTOR}::test_changes_by_http_name_the_token", f"{ACTOR}::test_the_transitions_of_a_daemon_name_it"),
    ),
    Mutant(
        "m-actor-http",
        "every change by HTTP says who calls",
        (Edit("pgjobs/web/doors/cms.py", "call, job, _actor(request))", "call, job, None)"),),
        (
            f"{ACTOR}::test_changes_by_http_name_the_token",
            f"{ACTOR}::test_changes_by_http_without_tokens_name_the_address",
        ),
    ),
    Mutant(
        "m-actor-forged",
        "an ordinary role acts in nobody else's name",
        (
            Edit(
                "sql/jobs/actor.sql",
                "select pgjobs.trusted_setting('pgjobs.actor',",
                "select nullif(current_setting('pgjobs.actor', true), '') where '' <> all (",
            ),
        ),
        (
            f"{ACTOR}::test_an_ordinary_role_forges_no_actor",
            f"{ACTOR}::test_an_ordinary_role_is_refused_when_it_names_an_actor",
        ),
    ),
    Mutant(
        "m-actor-stays",
        "an actor is forgotten after the call that it was given to",
        (Edit("sql/jobs/stop_job.sql", "  perform set_config('pgjobs.actor', _former, true);\n", ""),),
        (f"{ACTOR}::test_an_actor_holds_for_one_call",),
    ),
)
