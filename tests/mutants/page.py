"""Mutants of the jobs page: what is shown is text, and no other site gets anything by a browser."""

from __future__ import annotations

from mutants.table import Edit, Mutant

JOB, SIGN_IN = "tests/doors/page/test_page_job.py", "tests/doors/page/test_page_sign_in.py"
PAGE = (
    Mutant(
        "m-escape",
        "whatever stands in a field of the page is text",
        (Edit("pgjobs/web/doors/page/render.py", "autoescape=True", "autoescape=False"),),
        (f"{JOB}::test_whatever_stands_in_a_field_is_text",),
    ),
    Mutant(
        "m-open-redirect",
        "the sign-in leads to pages of its own alone",
        (Edit("pgjobs/web/doors/page/callers.py", "return text if own and", "return text if len(text) and"),),
        (f"{SIGN_IN}::test_the_sign_in_leads_to_pages_of_its_own_alone",),
    ),
    Mutant(
        "m-frames",
        "what a page of another site loads into itself is refused at the jobs page, with tokens and without",
        (Edit("pgjobs/web/hosts.py", 'ways != ["navigate", "document"]', "False"),),
        (f"{SIGN_IN}::test_no_other_site_loads_a_page_into_its_own",),
    ),
    Mutant(
        "m-focus",
        "whoever uses the page by keyboard sees where the focus is",
        (
            Edit(
                "pgjobs/web/doors/page/static/page.css",
                ":focus-visible { outline: 2px solid",
                ":focus-visible { outline: 0 none",
            ),
        ),
        ("tests/browser/test_browser_people.py::test_a_failed_item_is_opened_by_keyboard_alone",),
    ),
    Mutant(
        "m-narrow",
        "nothing sticks out of the narrowest screen",
        (
            Edit(
                "pgjobs/web/doors/page/static/page.css",
                ".timeline li { overflow-wrap: anywhere",
                ".timeline li { overflow-wrap: normal",
            ),
        ),
        ("tests/browser/test_browser_views.py::test_a_view_is_readable_for_everybody[unbroken]",),
    ),
    Mutant(
        "m-login-csrf",
        "no other site signs anybody in to the jobs page",
        (Edit("pgjobs/web/hosts.py", '(needed == "control" or self._for_browsers)', '(needed == "control")'),),
        (f"{SIGN_IN}::test_no_other_site_signs_anybody_in_or_out",),
    ),
)
