"""Mutants of the list of jobs: its pages, its filters, and how far it looks."""

from __future__ import annotations

from mutants.table import Edit, Mutant

FOLDER, TESTS = "sql/doors/page", "tests/doors/page/test_list_oracle.py"
LISTED = (
    Mutant(
        "m-list-place",
        "a page of the list begins behind the last job of the one before",
        (
            Edit(
                f"{FOLDER}/page_list_ids.sql",
                "'j.id'::text, ', '), case when _ascending then '>' else '<' end",
                "'j.id'::text, ', '), case when _ascending then '>=' else '<=' end",
            ),
        ),
        (f"{TESTS}::test_pages_hold_exactly_what_is_asked_for",),
    ),
    Mutant(
        "m-list-bound",
        "a filter that finds little looks through so many jobs and no more",
        (Edit(f"{FOLDER}/page_list_walk.sql", "if looked * _weight >= _most then", "if looked * _weight < 0 then"),),
        (f"{TESTS}::test_a_page_that_has_looked_far_enough_says_so",),
    ),
    Mutant(
        "m-list-certain",
        "a status word leaves out jobs of the same status whose state has another word",
        (Edit(f"{FOLDER}/page_list_statuses.sql", "bool_and(w.page", "bool_or(w.page"),),
        (f"{TESTS}::test_pages_hold_exactly_what_is_asked_for",),
    ),
    Mutant(
        "m-list-held",
        "while everything is held, whatever is in progress is shown as stopped",
        (
            Edit(
                f"{FOLDER}/page_list_ranges.sql",
                "or not exists (select from pgjobs.switch s where s.held))",
                "or true)",
            ),
        ),
        (f"{TESTS}::test_each_status_is_found_where_it_is_looked_for[True]",),
    ),
    Mutant(
        "m-list-twice",
        "a job that is found in two ways comes once",
        (
            Edit(
                f"{FOLDER}/page_list_ids.sql",
                "then ' union ' else ' union all '",
                "then ' union all ' else ' union all '",
            ),
        ),
        (f"{TESTS}::test_each_status_is_found_where_it_is_looked_for",),
    ),
)
