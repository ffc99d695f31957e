"""Mutants of Celery workers: results that nobody can read, and what is said of the wrong attempt."""

from __future__ import annotations

from mutants.table import Edit, Mutant

READ = "sql/items/read_reply.sql"
OF_WORKERS = "tests/agents/test_celery_workers.py"
OF_ANSWERS = "tests/sql/test_read_reply.py"
RESULTS = f"{OF_WORKERS}::test_results_close_items"

WORKERS = (
    Mutant(
        "w-odd",
        "a result that only Python can read closes its item",
        (Edit(READ, "pgjobs.mended_json(_body)::jsonb", "_body::jsonb"),),
        (f"{OF_ANSWERS}::test_whatever_python_writes_is_read", RESULTS),
    ),
    Mutant(
        "w-pair",
        "two halves of a character stay what they are",
        (Edit("sql/items/mended_json.sql", "'\\1' || _paired", "'\\1\\\\u'"),),
        (f"{OF_ANSWERS}::test_whatever_python_writes_is_read",),
    ),
    Mutant(
        "w-large",
        "of a result that is too large the outcome counts",
        (Edit("pgjobs/broker/replies.py", "body[:BEGINNING]", "body[:0]"),),
        (RESULTS,),
    ),
    Mutant(
        "w-error",
        "an item says which error its task has raised",
        (Edit(READ, "concat_ws(': ', _raised, nullif((", "concat_ws(': ', nullif(("),),
        (f"{OF_ANSWERS}::test_errors_of_tasks",),
    ),
    Mutant(
        "w-stale",
        "what was said of an attempt is not said of the next one",
        (
            Edit(
                "sql/items/report_items.sql",
                "case when i.acked_at is not null and not d.anew then i.description end",
                "i.description",
            ),
        ),
        (f"{OF_WORKERS}::test_a_further_attempt_is_another_task",),
    ),
)
