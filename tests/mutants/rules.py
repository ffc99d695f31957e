"""Mutants of rules of items: those of a job, and those that change while it runs."""

from __future__ import annotations

from mutants.table import Edit, Mutant

RULES = "tests/items/test_item_rules.py"
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
)
