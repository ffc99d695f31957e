"""Mutants of what people see of items and do about them: the commands, why and doctor."""

from __future__ import annotations

from mutants.table import Edit, Mutant

ITEMS, AGENTS, QUEUES = "pgjobs/ops/items.py", "pgjobs/ops/agents.py", "pgjobs/ops/doctor/queues.py"
AWAITED, STATUS = "sql/items/items_awaited.sql", "sql/views/job_status.sql"
SELECTION, WHY, TAKEN = (
    f"tests/items/{name}.py" for name in ("test_item_selection", "test_why_items", "test_taken_by_sql")
)
COMMANDS, BEATS, DOCTOR = (
    "tests/items/test_item_commands.py",
    "tests/sql/test_agents.py",
    "tests/ops/test_doctor_queues.py",
)
SHOWN = (
    Mutant(
        "m-show-which",
        "pgjobs retry sends what it was asked for",
        (Edit(ITEMS, 'pgjobs.retry_job(%s, %s)::text", job, which)', 'pgjobs.retry_job(%s, %s)::text", job, None)'),),
        (f"{COMMANDS}::test_what_failed_and_what_was_refused_is_sent_again",),
    ),
    Mutant(
        "m-show-cancel",
        "pgjobs cancel is final",
        (Edit(ITEMS, "select pgjobs.cancel_job(%s)", "select pgjobs.stop_job(%s)"),),
        (f"{COMMANDS}::test_a_cancelled_job_is_cancelled_for_good",),
    ),
    Mutant(
        "m-show-alive",
        "pgjobs agents tells who is silent",
        (Edit(AGENTS, 'doing if row["alive"] else', 'doing if row["seen_at"] else'),),
        (f"{BEATS}::test_the_command_line_shows_the_agents",),
    ),
    Mutant(
        "m-show-signs",
        "what an agent calls itself does not move the terminal",
        (Edit("pgjobs/words.py", "if text.isprintable():", "if True:"),),
        (f"{BEATS}::test_the_command_line_shows_the_agents",),
    ),
    Mutant(
        "m-show-why",
        "why tells how many items a job waits for",
        (
            Edit(
                AWAITED,
                "filter (where c.status in ('w', 'l')), 0)::bigint as launched",
                "filter (where c.status in ('w', 'l', 's')), 0)::bigint as launched",
            ),
        ),
        (f"{COMMANDS}::test_watch_tells_how_many_items_are_closed",),
    ),
    Mutant(
        "m-show-replies",
        "doctor names a missing reply queue",
        (Edit(QUEUES, "    if job_type.reply_queue:\n", "    if not job_type.reply_queue:\n"),),
        (f"{DOCTOR}::test_a_missing_reply_queue_is_named",),
    ),
    Mutant(
        "m-show-nobody",
        "doctor tells of work that nobody consumes",
        (Edit(QUEUES, "frame.method.consumer_count == 0", "frame.method.consumer_count < 0"),),
        (f"{DOCTOR}::test_work_that_nobody_consumes_is_told",),
    ),
    Mutant(
        "m-show-offer",
        "doctor knows types whose items are taken by SQL",
        (Edit("pgjobs/ops/doctor/work.py", "return self.tracked and not self.exchange", "return not self.tracked"),),
        (f"{DOCTOR}::test_a_type_whose_items_are_taken_by_sql_has_no_route",),
    ),
    Mutant(
        "m-show-endless",
        "why says where nothing but an answer ends an attempt",
        (Edit(AWAITED, "'it goes on with an answer, or ' || d.ends,", "'it goes on with an answer',"),),
        (f"{WHY}::test_an_attempt_that_nothing_limits_may_never_end",),
    ),
    Mutant(
        "m-show-next",
        "why and the item tell when the next attempt comes",
        (Edit("sql/views/job_items.sql", "case when i.status = 'r' then", "case when i.status = 'l' then"),),
        (f"{WHY}::test_the_next_attempt_is_told",),
    ),
    Mutant(
        "m-show-percent",
        "percent of a tracked job goes by what is closed",
        (Edit(STATUS, "least(99.9, round(100 * i.closed::numeric / i.total, 1))", "round(100 * p.done, 1)"),),
        (f"{SELECTION}::test_total_is_the_number_of_items_and_percent_goes_by_what_is_closed",),
    ),
    Mutant(
        "m-show-dry",
        "a dry run over an earlier job has the records that would be sent",
        (Edit("sql/selection/selector_statement.sql", "if _source is not null and _tracked then", "if false then"),),
        (f"{SELECTION}::test_a_dry_run_over_an_earlier_job_has_the_records_that_would_be_sent",),
    ),
    Mutant(
        "m-item-code",
        "no item is written where a code is not allowed",
        (
            Edit(
                "sql/items/expand_items.sql",
                "if _record.code is not null and _record.code <> all (_known) then",
                "if false then",
            ),
        ),
        (f"{SELECTION}::test_an_odd_record_ends_the_job_before_an_item_is_written",),
    ),
    Mutant(
        "m-item-target",
        "a record without a target goes to nobody",
        (
            Edit(
                "sql/items/expand_items.sql",
                "case when s.code is null and s.target is null then",
                "case when false then",
            ),
        ),
        (f"{SELECTION}::test_a_record_without_a_target_is_refused",),
    ),
    Mutant(
        "m-take-paused",
        "items of a paused job are handed out to nobody",
        (Edit("sql/items/take_items.sql", "= 'in progress' and j.active from", "= 'in progress' from"),),
        (f"{TAKEN}::test_what_is_held_is_not_handed_out",),
    ),
    Mutant(
        "m-take-held",
        "nothing is handed out while everything is held",
        (Edit("sql/items/take_items.sql", "if pgjobs.held_reason() is not null then", "if false then"),),
        (f"{TAKEN}::test_what_is_held_is_not_handed_out",),
    ),
    Mutant(
        "m-item-broken",
        "items of a job that broke off are cleared, and it is not resumed then",
        (Edit("sql/retention/clear_of_job.sql", "if _final or _status = 'error' then", "if _final then"),),
        ("tests/items/test_leftovers.py::test_items_of_a_job_that_broke_off_go",),
    ),
)
