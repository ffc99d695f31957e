"""Mutants of records whose outcome comes later: what is acknowledged when, and what an answer counts for."""

from __future__ import annotations

from mutants.table import Edit, Mutant

REPLIES = "pgjobs/engine/replies.py"
END_ROUND, LEFTOVERS = "sql/items/end_round.sql", "tests/items/test_leftovers.py"
CHECKPOINT_ITEMS, REPORT = "sql/items/checkpoint_items.sql", "sql/items/report_items.sql"
TAKE, BODIES_STATEMENT = "sql/items/take_items.sql", "sql/items/bodies_statement.sql"
BODIES = "tests/items/test_item_bodies.py"
LOCKS = "tests/items/test_item_locks.py"
FAULTS, RACES, TRACKED = (
    f"tests/items/{name}.py" for name in ("test_tracked_faults", "test_tracked_races", "test_tracked")
)
OVERDUE, VERIFY = "sql/items/close_overdue.sql", "tests/joblog/test_verify_items.py"
GAME = "tests/items/test_items_stateful.py::test_items"
LATE = "when f.status in ('t', 'c') and f.answer is null then 'out of time'"
DUE = (
    "exists (select from pgjobs.item_retries r where r.job_id = _job_id and r.key = i.key"
    " and r.attempt = _attempt and r.due_at <= _now)"
)
ITEMS = (
    Mutant(
        "m-reply-early",
        "an answer is acknowledged when it is committed",
        (
            Edit(
                REPLIES,
                "                        done = await self._take(answers, batch)\n",
                "                        consumer.acknowledge(batch)\n"
                "                        await asyncio.sleep(0.2)\n"
                "                        done = await self._take(answers, batch)\n",
            ),
        ),
        (f"{FAULTS}::test_a_daemon_that_dies_loses_no_item[before_answers-1]",),
    ),
    Mutant(
        "m-reply-late",
        "a late answer to what was closed by time is counted",
        (Edit(REPORT, LATE, LATE.replace("in ('t', 'c')", "= 'c'")),),
        (f"{TRACKED}::test_what_is_not_answered_is_closed_by_time",),
    ),
    Mutant(
        "m-item-twice",
        "a further attempt counts once",
        (Edit(REPORT, "d.attempts + 1, pgjobs.now()", "d.attempts + 2, pgjobs.now()"),),
        (f"{TRACKED}::test_what_fails_is_tried_again_by_the_rules",),
    ),
    Mutant(
        "m-item-early",
        "an answer that comes before the checkpoint of its launch counts",
        (Edit(CHECKPOINT_ITEMS, "when i.answer is not null then i.answer::text\n", "\n"),),
        (f"{RACES}::test_an_early_answer_counts_from_the_checkpoint_on",),
    ),
    Mutant(
        "m-item-first",
        "what is in flight is known before the first checkpoint as well",
        (Edit(REPORT, "coalesce(p.after_key, p.first_key)", "p.after_key"),),
        (f"{RACES}::test_an_early_answer_counts_from_the_checkpoint_on",),
    ),
    Mutant(
        "m-item-due",
        "a further attempt is counted by what its window held, not by what is due",
        (Edit(CHECKPOINT_ITEMS, "i.status = 'r' and i.key = any (_keys)", f"i.status = 'r' and {DUE}"),),
        (f"{RACES}::test_what_is_due_later_is_no_part_of_the_round",),
    ),
    Mutant(
        "m-item-ack",
        "each attempt has to be acknowledged anew",
        (
            Edit(
                REPORT,
                "when d.becomes is distinct from 'r' and (d.adds or num_nonnulls(d.becomes, d.answers) > 0) then",
                "when d.adds or num_nonnulls(d.becomes, d.answers) > 0 then",
            ),
        ),
        (f"{RACES}::test_an_acknowledgement_is_that_of_one_attempt",),
    ),
    Mutant(
        "m-take-waits",
        "whoever takes items by SQL waits for none of them while it holds their offers",
        (Edit(TAKE, "    for no key update of i skip locked\n", ""),),
        (f"{LOCKS}::test_no_deadlock_among_those_who_change_items",),
    ),
    Mutant(
        "m-item-round",
        "a further attempt that an answer has made needless begins one round at most",
        (Edit(END_ROUND, " and i.status <> 'r';", " and i.status = 'x';"),),
        (f"{LEFTOVERS}::test_a_further_attempt_that_nobody_needs_begins_one_round_at_most",),
    ),
    Mutant(
        "m-item-offer",
        "nothing is offered of a job that is done",
        (Edit(END_ROUND, "    delete from pgjobs.item_offers o where o.job_id = _job_id;\n", ""),),
        (f"{LEFTOVERS}::test_an_offer_that_nobody_needs_ends_with_the_job",),
    ),
    Mutant(
        "m-item-went",
        "an attempt that went out while its item was being closed is counted",
        (Edit(CHECKPOINT_ITEMS, "    set attempts = _attempt, launched_at = _now\n", "    set launched_at = _now\n"),),
        (f"{LEFTOVERS}::test_what_is_closed_in_flight_has_gone_out",),
    ),
    Mutant(
        "m-reply-bytes",
        "answers of one statement are bounded in bytes",
        (Edit("pgjobs/broker/replies.py", "fit = fits(self._taken[:most])", "fit = most"),),
        ("tests/broker/test_reply_batches.py::test_a_batch_is_bounded_in_bytes",),
    ),
    Mutant(
        "m-item-row",
        "a segment that begins within a row of bodies has the items of that row that lie behind its beginning",
        (Edit(BODIES_STATEMENT, "b.from_key <= _least)", "b.from_key > _least)"),),
        (f"{BODIES}::test_each_item_gets_its_own_body",),
    ),
    Mutant(
        "m-item-unpack",
        "a further attempt unpacks the bodies of what is due alone",
        (Edit(BODIES_STATEMENT, "    || coalesce(' and ' || _chunks, '')\n", ""),),
        (f"{BODIES}::test_a_further_attempt_unpacks_what_is_due",),
    ),
    Mutant(
        "m-item-left",
        "a job that is deleted leaves no bodies behind",
        (Edit("sql/jobs/forget_job.sql", "  delete from pgjobs.item_bodies where job_id = old.id;\n", ""),),
        (f"{BODIES}::test_bodies_go_with_their_items",),
    ),
    Mutant(
        "m-item-closed",
        "an item is closed once",
        (Edit(REPORT, "case when f.status = 'l' or f.in_flight", "case when f.status in ('l', 's') or f.in_flight"),),
        (GAME,),
    ),
    Mutant(
        "m-item-count",
        "the counters are changed by whoever ends attempts by time",
        (Edit(OVERDUE, " union all select 'l'::\"char\", -1 from overdue o", ""),),
        (GAME,),
    ),
    Mutant(
        "m-item-verify",
        "verify finds an item with an attempt too much",
        (
            Edit(
                "pgjobs/joblog/verify_items.py", "if again != max(tried - 1, 0) and", "if again > max(tried - 1, 0) and"
            ),
        ),
        (f"{VERIFY}::test_what_was_changed_in_its_items_is_named",),
    ),
    Mutant(
        "m-item-missing",
        "verify finds an item that is missing",
        (Edit("pgjobs/joblog/verify_items.py", "if key not in known:", "if key in ():"),),
        (f"{VERIFY}::test_what_was_changed_in_its_items_is_named",),
    ),
)
