"""Mutants of rules of items: those of a job, and those that change while it runs."""

from __future__ import annotations

from mutants.table import Edit, Mutant

RULES, REFUSED = "tests/items/test_item_rules.py", "tests/items/test_kept_refused.py"
LAST = "tests/sql/test_keep_the_last.py"
LAUNCHED = "where exists (select from changed c where c.status = 'l')"
ITEM_RULES = (
    Mutant(
        "m-rules-launch",
        "a limit that is set later counts for what was launched before",
        (
            Edit(
                "sql/items/checkpoint_items.sql",
                LAUNCHED,
                LAUNCHED.replace("where", "where _rules.execution_limit is not null and"),
            ),
        ),
        (f"{RULES}::test_a_limit_that_is_set_later_ends_what_is_overdue",),
    ),
    Mutant(
        "m-rules-look",
        "a job that waits looks at new limits of its type at once",
        (Edit("sql/triggers/xmp_job_types.sql", "new.queue, new.execution_limit,", "new.queue, old.execution_limit,"),),
        (f"{RULES}::test_a_limit_that_is_set_later_ends_what_is_overdue",),
    ),
    Mutant(
        "m-rules-left",
        "what was acknowledged still has its time-out",
        (
            Edit(
                "sql/items/close_overdue.sql", "  select g.job_id, g.shard, true,", "  select g.job_id, g.shard, false,"
            ),
        ),
        (f"{RULES}::test_an_acknowledgement_counts_under_a_limit_that_is_set_later",),
    ),
    Mutant(
        "m-rules-own",
        "null in the rules of a job takes the limit of its type away",
        (
            Edit(
                "sql/items/item_rules.sql",
                "case when j.rules ? 'execution_limit' then (j.rules ->> 'execution_limit')::interval"
                " else t.execution_limit end",
                "coalesce((j.rules ->> 'execution_limit')::interval, t.execution_limit)",
            ),
        ),
        (f"{RULES}::test_rules_of_a_job_take_the_place_of_its_types",),
    ),
    Mutant(
        "m-refused-target",
        "a key that belongs to another target now is no refused record",
        (Edit("sql/selection/selector_statement.sql", "r.target is not distinct from %s", "%s is not null"),),
        (f"{REFUSED}::test_what_was_refused_is_kept_and_sent_again",),
    ),
    Mutant(
        "m-refused-fenced",
        "an owner of old keeps no refused records",
        (Edit("sql/engine/checkpoint_refused.sql", "  if found then\n", "  if true then\n"),),
        (f"{REFUSED}::test_an_owner_of_old_keeps_nothing",),
    ),
    Mutant(
        "m-refused-returned",
        "what the broker gave back is kept as refused",
        (Edit("pgjobs/engine/window.py", "in (self.unfit | self.returned).items()}\n", "in self.unfit.items()}\n"),),
        (f"{REFUSED}::test_what_was_refused_is_kept_and_sent_again",),
    ),
    Mutant(
        "m-last-resumable",
        "what can be resumed is not cleared because of newer jobs",
        (
            Edit(
                "sql/jobs/record_transition.sql",
                "  if new.status::text = 'done' then",
                "  if new.status::text in ('done', 'canceled', 'error') then",
            ),
        ),
        (f"{LAST}::test_a_job_that_can_be_resumed_is_neither_counted_nor_cleared",),
    ),
    Mutant(
        "m-last-open",
        "a cancelled job whose items are being closed is left alone",
        (Edit("sql/retention/clear_beyond_last.sql", "and c.closed_at is null", "and false"),),
        (f"{LAST}::test_a_job_that_can_be_resumed_is_neither_counted_nor_cleared",),
    ),
    Mutant(
        "m-fails-any",
        "one item that is not good is enough, where the type says so",
        (Edit("sql/items/has_failed.sql", "'any' then n.good < n.closed", "'any' then n.good = 0"),),
        (f"{RULES}::test_a_type_says_with_which_items_a_job_has_failed",),
    ),
)
