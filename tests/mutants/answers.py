"""Mutants of answers: to which attempt they are, many at once, and odd ones."""

from __future__ import annotations

from mutants.table import Edit, Mutant

READ, REPORT = "sql/items/read_reply.sql", "sql/items/report_items.sql"
ODD, RACES = "tests/items/test_odd_answers.py", "tests/items/test_tracked_races.py"
ASIDE, CONSUMER, LOCKED = (
    "pgjobs/engine/answers.py",
    "pgjobs/broker/replies.py",
    "tests/items/test_locked_answers.py",
)
PLANS = "tests/sql/test_item_plans.py"
ANSWERS = (
    Mutant(
        "m-item-attempt",
        "a failed answer to an earlier attempt is not taken for one to the attempt under way",
        (
            Edit(
                REPORT,
                "coalesce(f.attempt < f.attempts + f.in_flight::integer, false) as of_earlier",
                "false as of_earlier",
            ),
        ),
        (f"{RACES}::test_an_answer_to_an_earlier_attempt_is_late",),
    ),
    Mutant(
        "m-answers-order",
        "many answers at once are the same as one after another",
        (Edit(REPORT, "t.failed / 4 < coalesce(t.good_turn, 9223372036854775807)", "true"),),
        (f"{ODD}::test_many_answers_are_the_same_as_one_after_another",),
    ),
    Mutant(
        "m-reply-deep",
        "what others could not read is not kept",
        (Edit(READ, "jsonb_path_exists(steps, '$.**{32}')", "false"),),
        (f"{ODD}::test_an_odd_answer_costs_the_others_nothing",),
    ),
    Mutant(
        "m-reply-id",
        "the correlation id of a single answer wins over an id in its body",
        (Edit(READ, "if not _several and exists", "if false and exists"),),
        ("tests/sql/test_read_reply.py::test_the_correlation_id_of_one_answer_wins",),
    ),
    Mutant(
        "m-reply-outcome",
        "an answer without an outcome closes nothing",
        (Edit(READ, "when result = 'SUCCESSFUL' then", "when coalesce(result, 'SUCCESSFUL') = 'SUCCESSFUL' then"),),
        ("tests/sql/test_read_reply.py::test_an_answer_has_to_say_how_it_ended",),
    ),
    Mutant(
        "m-reply-left-out",
        "steps that are left out are counted",
        (Edit(REPORT, "d.left_out from decided d where d.left_out > 0", "d.left_out from decided d where false"),),
        (f"{ODD}::test_steps_are_bounded_and_what_is_left_out_is_counted",),
    ),
    Mutant(
        "m-reply-locked",
        "answers that meet a lock cost those of other jobs nothing",
        (Edit(ASIDE, "except (*REFUSALS, LOCKED) as error:", "except REFUSALS as error:"),),
        (f"{LOCKED}::test_a_lock_of_one_job_stops_no_other_one",),
    ),
    Mutant(
        "m-reply-behind",
        "answers of one item stay in their order, also where some of them wait",
        (Edit(ASIDE, "        self._held |= part.items\n", ""),),
        (f"{LOCKED}::test_answers_of_one_item_stay_in_their_order",),
    ),
    Mutant(
        "m-reply-kept",
        "what was set aside is not acknowledged",
        (Edit(CONSUMER, "if tag > first_kept.get(channel, tag):", "if False:"),),
        ("tests/broker/test_reply_batches.py::test_what_is_kept_is_not_acknowledged",),
    ),
    Mutant(
        "m-reply-room",
        "what was set aside leaves room for others",
        (Edit(CONSUMER, "        self._make_room(kept)\n", ""),),
        ("tests/broker/test_reply_batches.py::test_what_is_kept_leaves_room_for_others",),
    ),
    Mutant(
        "m-reply-asks",
        "what is to be answered is no answer",
        (Edit(CONSUMER, "asks = bool(properties.reply_to) or ", "asks = False and "),),
        (f"{LOCKED}::test_a_message_that_is_to_be_answered_is_no_answer",),
    ),
    Mutant(
        "m-reply-bodies",
        "answers without bodies are refused",
        (Edit(REPORT, "where cardinality(_ids) is distinct from cardinality(_bodies)", "where false"),),
        (f"{ODD}::test_as_many_bodies_as_ids",),
    ),
    Mutant(
        "m-settle-all",
        "the chore looks after a bounded number of jobs at a time",
        (Edit("sql/items/settle_items.sql", "_most constant integer := 200;", "_most constant integer := 1000000;"),),
        (f"{PLANS}::test_items_cost_nothing_where_none_is_asked_for",),
    ),
    Mutant(
        "m-settle-first",
        "the chore comes to each job that waits",
        (Edit("sql/items/settle_items.sql", "then _jobs[_most]::text else '' end", "then '' else '' end"),),
        (f"{PLANS}::test_the_chore_comes_to_each_job",),
    ),
    Mutant(
        "m-json-items",
        "a job is shown without reading the counters of others",
        (Edit("sql/status/jobs_json.sql", "c.job_id = a.id offset 0) i", "c.job_id = a.id) i"),),
        (f"{PLANS}::test_items_cost_nothing_where_none_is_asked_for",),
    ),
)
