"""Mutants around mailings: who gets a message until when, and statistics that are exact."""

from __future__ import annotations

from mutants.table import Edit, Mutant

MAILINGS, HOURS = "tests/doors/mailings/test_mailings.py", "tests/doors/mailings/test_mailing_hours.py"
GATEWAY, CANCELLED = "tests/agents/test_gateway.py", "tests/items/test_cancelled_items.py"
FAILING = "tests/doors/mailings/test_mailing_gateway.py"
MAILING = (
    Mutant(
        "m-mailing-totals",
        "the statistics over all mailings are those of each together, also when they have ended or are deleted",
        (Edit("sql/items/settle_totals.sql", "    perform pgjobs.add_totals(_job_id, _type, 1);\n", "    null;\n"),),
        (f"{MAILINGS}::test_statistics_over_all_add_up",),
    ),
    Mutant(
        "m-mailing-cancelled-flight",
        "an item that is closed while it is being sent is known to have been sent",
        (Edit("sql/items/cancel_items.sql", "o.status in ('w', 'r') and exists (", "false and exists ("),),
        (f"{CANCELLED}::test_what_is_being_sent_counts_as_sent",),
    ),
    Mutant(
        "m-mailing-zones",
        "messages go out at the hours of their own client",
        (Edit("sql/engine/prepare_job.sql", "_zones is null or _cuts <> '{}'", "_zones is null"),),
        (f"{HOURS}::test_messages_go_out_at_the_hours_of_their_client",),
    ),
    Mutant(
        "m-gateway-stop",
        "nothing is sent after the end of a mailing, not even what waits in the queue",
        (Edit("pgjobs/agents/gateway.py", "<= datetime.now(UTC)", "is None"),),
        (f"{GATEWAY}::test_nothing_is_sent_after_the_stop_of_the_job",),
    ),
    Mutant(
        "m-gateway-behind",
        "messages behind those that the gateway can't send are reached soon",
        (Edit("pgjobs/agents/gateway.py", "+ PAUSE\n", "+ PAUSE * self._failures\n"),),
        (f"{FAILING}::test_recipients_who_always_fail_keep_nobody_from_a_message",),
    ),
)
