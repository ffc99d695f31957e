"""Mutants of windows and schedules: changes of daylight saving, midnight, holidays, and what may be written."""

from __future__ import annotations

from mutants.table import Edit, Mutant

INSTANT = "sql/pace/instant.sql"
SPAN = "sql/pace/window_span.sql"
AT = "sql/pace/window_at.sql"
TESTS = "tests/sql/test_windows.py"
CASES = (f"{TESTS}::test_windows_open_and_close",)
LOCAL = "tests/engine/test_local_time.py"
SCATTERING = "tests/engine/test_scattering.py"
REFUSED = ("tests/sql/test_schedules.py::test_a_wrong_schedule_is_refused",)

WINDOWS = (
    Mutant(
        "w-late",
        "a window opens when its hour begins for the first time, not for the second",
        (Edit(SPAN, "_window.zone, false)", "_window.zone, true)"),),
        CASES,
    ),
    Mutant(
        "w-early",
        "a window closes when its hour ends for the second time, not for the first",
        (Edit(SPAN, "_window.zone, true)", "_window.zone, false)"),),
        CASES,
    ),
    Mutant(
        "w-gap",
        "a time that is missing is the end of the gap",
        (Edit(INSTANT, "  if _shown = _local then", "  if _shown is not null then"),),
        CASES,
    ),
    Mutant(
        "w-midnight",
        "the window of yesterday may reach into today",
        (Edit(AT, " - (_part.stop <= _part.start)::integer", ""),),
        CASES,
    ),
    Mutant(
        "w-day-back",
        "a clock that is put back over midnight closes no window",
        (Edit(AT, "interval '26 hours'", "interval '0 hours'"),),
        (f"{TESTS}::test_a_clock_may_be_put_back_over_midnight",),
    ),
    Mutant(
        "w-holiday",
        "a holiday has no window",
        (Edit(SPAN, "h.calendar = _window.holidays and h.day = _day)", "false)"),),
        CASES,
    ),
    Mutant(
        "w-row",
        "windows of 24 hours end at the next holiday",
        (Edit(SPAN, "      _end := least(_end, (", "      perform least(_end, ("),),
        CASES,
    ),
    Mutant(
        "w-united",
        "a window goes on where another one of the list begins",
        (Edit(AT, "    exit when _reach = _before or _reach > _end;\n", "    exit;\n"),),
        CASES,
    ),
    Mutant(
        "w-leap",
        "windows that leave no time out are not looked at day by day",
        (Edit(AT, "    if _reach > _leap_at then", "    if _reach > 'infinity' then"),),
        (f"{TESTS}::test_what_leaves_no_time_out_is_soon_known",),
    ),
    Mutant(
        "w-leap-holiday",
        "a holiday closes also windows that leave no time out",
        (
            Edit(
                "sql/pace/window_leap.sql", "where o.calendar = any (w.calendars) and", "where o.calendar = 'none' and"
            ),
        ),
        (f"{TESTS}::test_what_leaves_no_time_out_is_soon_known",),
    ),
    Mutant(
        "w-zone",
        "a rule of POSIX is no zone",
        (
            Edit(
                "sql/pace/is_zone.sql",
                "  if _zone ~ '^[A-Z][A-Za-z_]+(/[A-Z][A-Za-z_-]*)+$' then",
                "  if _zone like '%/%' then",
            ),
        ),
        REFUSED,
    ),
    Mutant(
        "w-hours",
        "a window is a whole number of hours long",
        (Edit("sql/pace/check_window.sql", "_seconds % 3600 <> 0", "_seconds % 60 <> 0"),),
        REFUSED,
    ),
    Mutant(
        "w-local",
        "the window of a shard with a zone is judged in this zone",
        (Edit("sql/pace/grant_records.sql", "_pace.stop_at, _now, _zone)", "_pace.stop_at, _now)"),),
        (f"{LOCAL}::test_the_window_is_judged_in_the_zone_of_the_shard",),
    ),
    Mutant(
        "w-nowhere",
        "a record whose zone no shard has lies in the first one",
        (Edit("sql/selection/selector_statement.sql", "<> all (%L::text[]), true)", "<> all (%L::text[]), false)"),),
        (f"{LOCAL}::test_each_record_lies_in_the_shard_of_its_zone",),
    ),
    Mutant(
        "w-spread",
        "a spread counts the hours in which the window is open",
        (Edit("sql/pace/scatter_time.sql", "window_spans(_schedule -> 'window',", "window_spans(null,"),),
        (f"{SCATTERING}::test_only_open_hours_count",),
    ),
    Mutant(
        "w-surplus",
        "a spread holds nothing back that nobody expected",
        (Edit("sql/pace/scatter_room.sql", "  if _begun >= _total then", "  if _begun > 1e9 then"),),
        (f"{SCATTERING}::test_what_nobody_counted_is_not_held_back",),
    ),
    Mutant(
        "m-piece",
        "spans of several zones that overlap are one interval of a plan, also where it looks ahead anew",
        (Edit("sql/status/plan.sql", "_span.closes >= _to and _span.closes < 'infinity'", "false"),),
        ("tests/sql/test_plan.py::test_a_plan_is_the_same_however_far_it_looks",),
    ),
    Mutant(
        "m-look",
        "what a plan costs depends on how long the job takes",
        (Edit("sql/status/plan.sql", "_ahead interval := '2 days'", "_ahead interval := '400 days'"),),
        ("tests/sql/test_plan.py::test_a_plan_that_ends_soon_looks_ahead_no_further",),
    ),
)
