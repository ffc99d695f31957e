"""Mutants of job types: what is refused where it could not be obeyed."""

from __future__ import annotations

from mutants.table import OUTGOING, Edit, Mutant

REGISTRY = "tests/sql/test_registry.py"
SEVERAL = "tests/engine/test_several_queues.py"
BAD_TYPES, GUARDS = "tests/sql/test_bad_types.py", "tests/items/test_guards_of_items.py"
GUARD_TYPE = "sql/jobs/guard_type.sql"

TYPES = (
    Mutant(
        "m-type-retry",
        "a retry of nothing is refused",
        (Edit("sql/items/retry_job.sql", "if not _any then", "if false then"),),
        ("tests/items/test_item_commands.py::test_a_retry_of_nothing_is_refused",),
    ),
    Mutant(
        "m-type-replies",
        "a type keeps its reply queue while items are open",
        (Edit(GUARD_TYPE, "when new.reply_queue is distinct from old.reply_queue and", "when false and"),),
        (f"{GUARDS}::test_the_way_of_answers_stays_while_items_are_open",),
    ),
    Mutant(
        "m-type-offered",
        "open items neither leave a queue for agents in SQL, nor the other way round",
        (Edit(GUARD_TYPE, " then 'routing_key' end;", " and false then 'routing_key' end;"),),
        (f"{GUARDS}::test_the_way_of_answers_stays_while_items_are_open",),
    ),
    Mutant(
        "m-type-stream",
        "a reply queue that is a stream is named",
        (Edit("pgjobs/broker/replies.py", "        if STREAM_HEADER in", "        if None in"),),
        ("tests/items/test_missing_replies.py::test_a_reply_queue_that_is_a_stream",),
    ),
    Mutant(
        "m-type-mixed",
        "a queue has either work or answers",
        (Edit("sql/types/check_reply_queue.sql", "where _type.name::text in (a.name, w.name)", "where false"),),
        (f"{BAD_TYPES}::test_a_queue_has_either_work_or_answers",),
    ),
    Mutant(
        "m-type-options",
        "options that no message could have are refused when the type is written",
        (Edit(GUARD_TYPE, "  perform pgjobs.check_format(new.format, new.format_options);\n", ""),),
        (f"{BAD_TYPES}::test_options_of_celery_are_those_that_its_messages_can_have",),
    ),
    Mutant(
        "m-type-null",
        "a list with an element of null switches no check off",
        (
            Edit(
                "sql/types/check_columns.sql", "elsif array_position(_list, null) is not null then", "elsif false then"
            ),
        ),
        (f"{BAD_TYPES}::test_a_value_that_no_job_could_have",),
    ),
    Mutant(
        "m-type-broken-off",
        "a job that broke off can be cancelled",
        (Edit("sql/jobs/guard_job.sql", "and not (_from = 'error' and", "and not (_from = 'none' and"),),
        (f"{GUARDS}::test_a_job_that_broke_off_can_be_cancelled",),
    ),
    Mutant(
        "m-type-source",
        "what a job can still send itself is no source of another one",
        (Edit("sql/items/source_statement.sql", "if _parts[2] = 'unprocessed' and", "if false and"),),
        (f"{GUARDS}::test_what_a_job_can_still_send_is_no_source",),
    ),
    Mutant(
        "m-type-local",
        "a job of a tracked type has local_time only where its zones are ranges of the key",
        (Edit("sql/pace/check_zones.sql", "if _tracked and", "if false and"),),
        ("tests/engine/test_local_time.py::test_a_tracked_type_whose_zones_are_no_ranges_has_one_window_for_all",),
    ),
    Mutant(
        "m-type-unanswerable",
        "nothing is sent while the reply queue is missing, from the first message on",
        (
            Edit(OUTGOING, "return await self.answerable.look()", "return True"),
            Edit("pgjobs/engine/answerable.py", "self._asked_at = 0.0", "self._asked_at = time.monotonic()"),
        ),
        ("tests/items/test_missing_replies.py::test_nothing_is_sent_while_nobody_could_take_the_answers",),
    ),
    Mutant(
        "m-type-unanswered",
        "a reply queue that goes away in mid-job is noticed",
        (Edit("pgjobs/engine/answerable.py", "self._asking = asyncio.ensure_future(self.look())", "pass"),),
        ("tests/items/test_missing_replies.py::test_a_reply_queue_that_goes_away_in_mid_job",),
    ),
    Mutant(
        "m-type-astray",
        "a job of which everything comes back breaks off, also where each record has a routing key",
        (Edit(OUTGOING, "few = len(self._astray) < MANY", "return False\n            few = True"),),
        (
            f"{SEVERAL}::test_a_job_of_which_everything_comes_back_breaks_off",
            f"{SEVERAL}::test_queues_that_are_gone_in_mid_job",
        ),
    ),
    Mutant(
        "m-type-alone",
        "a routing key that leads nowhere costs the records of no other",
        (Edit(OUTGOING, "            if few and ((self", "            if False and ((self"),),
        (f"{SEVERAL}::test_one_key_that_leads_nowhere_costs_no_other",),
    ),
    Mutant(
        "m-type-reference",
        "a job with a media type has a reference id",
        (Edit("sql/params/check_described.sql", "if _job.media_type <> '' and", "if false and"),),
        (f"{REGISTRY}::test_a_job_that_describes_itself_badly",),
    ),
    Mutant(
        "m-type-check",
        "the check of a type is asked when a job is written",
        (Edit("sql/params/check_job.sql", "if _fault is not null then", "if false then"),),
        (f"{REGISTRY}::test_a_call_that_is_none",),
    ),
)
