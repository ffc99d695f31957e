"""Mutants of who runs which shard: claims, turns, shares, parking, and places that are given up."""

from mutants.table import CLAIM, Edit, Mutant

CLAIMS = "tests/sql/test_claims.py"
TURNS = "tests/sql/test_turns.py"
RESUMED = "tests/sql/test_resumed_shards.py"
PLACED = "tests/sql/test_shared_places.py"
AGEING = "tests/sql/test_ageing.py"
PARK = "sql/engine/park_shard.sql"
FINISH = "sql/engine/finish_shard.sql"
YIELDS = "sql/engine/choose_yields.sql"
SCHEDULE = "sql/jobs/schedule_shards.sql"

PLACES = (
    Mutant(
        "m-priority",
        "the higher priority starts first",
        (
            Edit(
                CLAIM,
                "order by pgjobs.aged_priority(l.priority, l.due_at, _now) desc,",
                "order by pgjobs.aged_priority(l.priority, l.due_at, _now),",
            ),
        ),
        (f"{CLAIMS}::test_the_higher_priority_comes_first_then_the_earlier_due_time",),
    ),
    Mutant(
        "m-due-time",
        "among equal priorities the time since when a shard is due decides",
        (
            Edit(
                "sql/engine/pass_turn.sql",
                "update pgjobs.shards p set due_at = _now",
                "update pgjobs.shards p set due_at = '-infinity'",
            ),
        ),
        (f"{TURNS}::test_jobs_of_equal_priority_take_turns",),
    ),
    Mutant(
        "m-next",
        "whoever takes a shard passes the turn on",
        (Edit(CLAIM, "    perform pgjobs.pass_turn(_job);\n", ""),),
        (f"{TURNS}::test_every_shard_has_its_turn",),
    ),
    Mutant(
        "m-next-lost",
        "a shard that is given up while the one before it is taken has its turn",
        (Edit(PARK, "      limit 1\n      for update;\n", "      limit 1;\n"),),
        (f"{TURNS}::test_two_sessions_never_lose_a_turn",),
    ),
    Mutant(
        "m-share",
        "a daemon leaves shards to others that can help",
        (Edit("sql/engine/may_take.sql", "* (1 + _helpers) < count(*)", "< count(*)"),),
        (f"{PLACED}::test_a_full_daemon_leaves_the_shards_to_one_that_has_places",),
    ),
    Mutant(
        "m-full",
        "no share is kept for a full daemon",
        (Edit(CLAIM, "w.id <> _daemon and w.has_broker and w.has_place)", "w.id <> _daemon and w.has_broker)"),),
        (f"{PLACED}::test_a_full_daemon_leaves_the_shards_to_one_that_has_places",),
    ),
    Mutant(
        "m-broker-away",
        "a daemon without its broker leaves the shards to others",
        (Edit(CLAIM, "where w.id = _daemon and not w.has_broker)", "where false)"),),
        (f"{PLACED}::test_a_daemon_without_a_broker_counts_for_nothing",),
    ),
    Mutant(
        "m-park-reason",
        "a parked shard keeps its reason",
        (Edit(PARK, "note = _reason,", "note = null,"),),
        (f"{RESUMED}::test_a_parked_shard_keeps_reason_and_due_time",),
    ),
    Mutant(
        "m-park-pause",
        "a parked shard is nobody's until its time has come",
        (Edit(PARK, "else coalesce(_pause, '0') end", "else interval '0' end"),),
        (f"{RESUMED}::test_a_parked_shard_keeps_reason_and_due_time",),
    ),
    Mutant(
        "m-asked",
        "what nobody asked for is not started where autostart is off",
        (
            Edit(
                CLAIM,
                "p.finished_at is null and p.asked and p.priority = _priority",
                "p.finished_at is null and p.priority = _priority",
            ),
        ),
        (f"{CLAIMS}::test_without_autostart_only_what_is_asked_for_is_taken",),
    ),
    Mutant(
        "m-resumed",
        "a job that is resumed while its shard is given up goes on",
        (Edit(SCHEDULE, "  perform from pgjobs.shards p where p.job_id = _job_id for update;\n", ""),),
        (f"{RESUMED}::test_a_job_resumed_while_its_shard_is_given_up_is_not_forgotten",),
    ),
    Mutant(
        "m-resumed-finish",
        "a job that is resumed while its last shard ends becomes done",
        (Edit(FINISH, "  elsif _job.status::text = 'ready' then\n", "  elsif false then\n"),),
        (f"{RESUMED}::test_a_job_resumed_before_its_run_has_ended_goes_on",),
    ),
    Mutant(
        "m-resumed-fail",
        "a job that is resumed while its run breaks off is tried again",
        (Edit("sql/engine/fail_job.sql", "    if _job.status::text = 'ready' then\n", "    if false then\n"),),
        (f"{RESUMED}::test_a_job_resumed_before_its_run_has_ended_goes_on",),
    ),
    Mutant(
        "m-turn-locked",
        "the last shard to end passes the turn on, whoever has locked the next one",
        (Edit(FINISH, "      perform pgjobs.pass_turn(_job_id);\n    end if;\n", "    end if;\n"),),
        (f"{TURNS}::test_the_last_shard_to_end_passes_the_turn_on_to_one_that_is_locked",),
    ),
    Mutant(
        "m-path",
        "what is written together with a log path is checked as everything else",
        (Edit("sql/jobs/guard_job.sql", "      if _but_the_path *= new then\n", "      if true then\n"),),
        ("tests/sql/test_triggers.py::test_a_log_path_brings_nothing_else_along",),
    ),
    Mutant(
        "m-yield",
        "a full daemon gives up a place for what is more urgent",
        (Edit("pgjobs/engine/claims.py", "if full and await self._make_room(control):", "if False:"),),
        ("tests/engine/test_yielding.py", "-k", "urgent or equal"),
    ),
    Mutant(
        "m-yield-many",
        "one place is given up for one shard, by whichever daemon",
        (Edit(YIELDS, "set has_place = true where", "set has_place = false where"),),
        (f"{PLACED}::test_two_full_daemons_give_up_one_place_for_one_shard",),
    ),
    Mutant(
        "m-yield-equal",
        "a shard of equal priority keeps its place for the life of a cursor",
        (
            Edit(
                "sql/engine/gives_way.sql",
                "_held.prepared_at is not null and _held.claimed_at < _since",
                "_held.prepared_at is not null",
            ),
        ),
        (f"{PLACED}::test_equal_jobs_yield_after_a_while",),
    ),
    Mutant(
        "m-ageing",
        "what waits gains a level each minute",
        (
            Edit(
                "sql/engine/aged_priority.sql",
                "_priority + floor(extract(epoch from _now - _due_at) / 60)",
                "_priority",
            ),
        ),
        (f"{AGEING}::test_a_job_of_low_priority_does_not_starve",),
    ),
    Mutant(
        "m-yield-circle",
        "what ageing has brought to a place keeps it for a turn",
        (Edit("sql/engine/take_shard.sql", "case when _level > p.priority then _level end", "null"),),
        (f"{AGEING}::test_whatever_waits_has_its_turn_and_none_is_cut_short",),
    ),
    Mutant(
        "m-age-locked",
        "where the shard that has waited longest is not to be had, those of other priorities are looked at again",
        (Edit(CLAIM, "continue when _since > _first and exists", "continue when false and exists"),),
        (f"{AGEING}::test_what_somebody_else_is_taking_brings_no_younger_one_forward",),
    ),
    Mutant(
        "m-age-urgent",
        "among equal levels the urgent job comes first while an aged one has its turn",
        (Edit(YIELDS, "case when _aged then d.priority end desc, ", ""),),
        (f"{AGEING}::test_an_urgent_job_waits_for_one_turn_of_aged_giants",),
    ),
)
