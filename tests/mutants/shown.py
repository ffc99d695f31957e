"""Mutants of what people see of items and do about them: the commands, why and doctor."""

from __future__ import annotations

from mutants.table import Edit, Mutant

ITEMS, AGENTS, QUEUES = "pgjobs/ops/items.py", "pgjobs/ops/agents.py", "pgjobs/ops/doctor/queues.py"
COMMANDS, BEATS, DOCTOR = (
    "tests/items/test_item_commands.py",
    "tests/sql/test_agents.py",
    "tests/ops/test_doctor_queues.py",
)
SHOWN = (
    Mutant(
        "m-show-which",
        "pgjobs retry sends what it was asked for",
        (Edit(ITEMS, 'pgjobs.retry_job(%s, %s)", job, which)', 'pgjobs.retry_job(%s, %s)", job, None)'),),
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
        (Edit(AGENTS, '"alive" if row["alive"] else', '"alive" if row["seen_at"] else'),),
        (f"{BEATS}::test_the_command_line_shows_the_agents",),
    ),
    Mutant(
        "m-show-signs",
        "what an agent calls itself does not move the terminal",
        (Edit(AGENTS, 'sign if sign.isprintable() else "?"', "sign"),),
        (f"{BEATS}::test_the_command_line_shows_the_agents",),
    ),
    Mutant(
        "m-show-why",
        "why tells how many items a job waits for",
        (
            Edit(
                "sql/status/parked_reason.sql",
                "pgjobs.open_items(_shard.job_id)",
                "(select count(*) from pgjobs.item_launches l where l.job_id = _shard.job_id)",
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
)
