"""Mutants of what the jobs page shows of a job's items and of its log."""

from __future__ import annotations

from mutants.table import Edit, Mutant

WALK, PAGE, ITEM = "sql/doors/page/walk_items.sql", "sql/doors/page/page_items.sql", "sql/doors/page/page_item.sql"
EXCERPT, LOGS = "pgjobs/joblog/excerpt.py", "pgjobs/joblog/search.py"
PLANS, PAGING = "tests/doors/page/test_items_plans.py", "tests/doors/page/test_items_paging.py"
SHOWN, VIEW = "tests/doors/page/test_items_page.py", "tests/doors/page/test_log_view.py"
ACTIONS = (
    Mutant(
        "m-actions-bounded",
        "a page of actions looks at a bounded number of items",
        (Edit(WALK, "if looked >= _most or ", "if false and "),),
        (f"{PLANS}::test_a_search_ends_and_goes_on",),
    ),
    Mutant(
        "m-actions-slice",
        "a page without a filter reads what it shows",
        (Edit(WALK, "case when _plain then _take + 1 else", "case when _plain then _largest else"),),
        (f"{PLANS}::test_without_a_filter_nothing_else_is_looked_at",),
    ),
    Mutant(
        "m-actions-goes-on",
        "what breaks off leads on from where it has stopped",
        (Edit(WALK, "      looked_to := _last;\n", ""),),
        (f"{PLANS}::test_a_search_ends_and_goes_on",),
    ),
    Mutant(
        "m-actions-back",
        "the page before a page is the nearest one before it",
        (Edit(WALK, "case when _backwards then 'desc' else 'asc' end", "'asc'"),),
        (f"{PAGING}::test_all_pages_are_all_items",),
    ),
    Mutant(
        "m-actions-entity",
        "an item is about an entity whose number is its key only where its target is the id of that entity",
        (Edit(PAGE, "n.number = p.key and n.id = s.target", "n.number = p.key"),),
        (f"{PAGING}::test_what_an_item_is_about",),
    ),
    Mutant(
        "m-action-uncertain",
        "of an item that was in flight in the order of its job the page says that it may have been sent twice",
        (Edit(ITEM, "case when r.descending\n", "case when false\n"),),
        (f"{SHOWN}::test_an_item_that_was_in_flight_says_so",),
    ),
    Mutant(
        "m-page-log-cut",
        "a long line of a log is cut",
        (Edit(EXCERPT, "\nCUT = 2000\n", "\nCUT = 10 << 20\n"),),
        (f"{VIEW}::test_a_line_of_a_megabyte_is_cut_and_its_length_told",),
    ),
    Mutant(
        "m-page-log-target",
        "a search of a log finds what stands in the target of a line",
        (Edit(LOGS, "target is not None and text in target", "target is not None"),),
        (f"{VIEW}::test_the_lines_of_a_target_are_found",),
    ),
    Mutant(
        "m-page-log-rest",
        "of a line that is longer than what one page reads the next page has the rest",
        (Edit(EXCERPT, "lines, at = [Line(at, head, size)], at + size", "lines, at = [], at + size"),),
        (f"{VIEW}::test_excerpts_are_what_a_simple_reading_gives",),
    ),
)
