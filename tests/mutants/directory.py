"""Mutants of the directory, of filters over it, and of items that are there before their job begins."""

from __future__ import annotations

from mutants.table import Edit, Mutant

EXPAND = "sql/items/expand_items.sql"
EARLY, ITEMS = "tests/items/test_early_items.py", "tests/items/test_operation_items.py"

DIRECTORY = (
    Mutant(
        "d-quoted",
        "nothing of a filter becomes SQL",
        (
            Edit(
                "sql/directory/test_values.sql",
                "then format('(%s = %L)', _text,",
                "then format('(%s = ''%s'')', _text,",
            ),
        ),
        ("tests/sql/test_filters.py::test_nothing_of_a_filter_becomes_sql",),
    ),
    Mutant(
        "d-meanwhile",
        "a job that is changed while its items are written gets none of them",
        (Edit(EXPAND, "    if not found then\n      raise exception", "    if false then\n      raise exception"),),
        (f"{EARLY}::test_a_job_that_was_changed_meanwhile_gets_none_of_these_items",),
    ),
    Mutant(
        "d-stale",
        "items of other params are never sent",
        (Edit("sql/jobs/follow_params.sql", "set attempt = null, expand = false", "set expand = false"),),
        (f"{EARLY}::test_stale_items_are_never_sent",),
    ),
    Mutant(
        "d-begun",
        "entities are appended before the start, or not at all",
        (
            Edit(
                "sql/items/lock_unbegun.sql",
                "from public.xmp_jobs j where j.id = _job_id for no key update;",
                "from public.xmp_jobs j where j.id = _job_id;",
            ),
            Edit(
                "sql/items/lock_unbegun.sql",
                "  perform from pgjobs.shards p where p.job_id = _job_id for update;\n",
                "",
            ),
        ),
        (f"{ITEMS}::test_what_is_appended_and_a_start_exclude_each_other",),
    ),
    Mutant(
        "d-whole",
        "a file is loaded as a whole or not at all",
        (Edit("pgjobs/ops/entities.py", ', "entities", autocommit=False)', ', "entities")'),),
        ("tests/ops/test_entity_commands.py::test_a_bad_row_far_below_takes_everything_back",),
    ),
)
