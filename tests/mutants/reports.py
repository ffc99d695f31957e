"""Mutants of plot and report: what the jobs page shows of a job's life, and of the report."""

from mutants.table import RUN, Edit, Mutant

PLOT_SQL = "tests/doors/page/test_plot_sql.py"
TOLD = "tests/engine/test_told_windows.py"
REPORT = "tests/doors/page/test_report_sql.py"
DOCUMENT = "tests/doors/page/test_report_document.py"
SAMPLES = "sql/status/checkpoint_samples.sql"

REPORTS = (
    Mutant(
        "page-told",
        "each checkpoint tells how long the confirms of its window took",
        (Edit(RUN, '            "confirm_ms": window.confirm_ms,\n', '            "confirm_ms": None,\n'),),
        (f"{TOLD}::test_a_slow_broker_shows_in_its_checkpoints",),
    ),
    Mutant(
        "page-sampled",
        "what a plot reads does not grow with its job",
        (Edit(SAMPLES, " / _most))::bigint", " / 1e9))::bigint"),),
        (f"{PLOT_SQL}::test_a_job_of_many_checkpoints_is_sampled",),
    ),
    Mutant(
        "page-sum",
        "the pieces of a plot add up to the counts of the job",
        (
            Edit(
                "sql/doors/page/page_plot.sql",
                "round(h.records * h.upto) - round(h.records * h.since)",
                "round(h.records * (h.upto - h.since))",
            ),
        ),
        (f"{PLOT_SQL}::test_the_pieces_add_up_to_the_counts_of_the_job",),
    ),
    Mutant(
        "page-still",
        "a job that stood still was not slow",
        (Edit("sql/doors/page/page_plot.sql", "unnest(_still * ", "unnest("),),
        (f"{PLOT_SQL}::test_when_it_stood_still_is_known",),
    ),
    Mutant(
        "page-holds",
        "a hold of everything stays in the plot when it is over",
        (Edit("sql/status/job_bands.sql", "(h.ends is null or h.ends > _started)", "h.ends is null"),),
        (f"{PLOT_SQL}::test_a_hold_stays_in_the_plot_when_it_is_over",),
    ),
    Mutant(
        "page-lost",
        "the time between a lost daemon and the next one is a band",
        (Edit("sql/engine/free_lost_shards.sql", "l.at, 'lost')", "l.at)"),),
        (f"{PLOT_SQL}::test_a_lost_daemon_is_a_band",),
    ),
    Mutant(
        "page-burst",
        "what a checkpoint accounts for lies in the time of its window",
        (Edit("sql/doors/page/page_plot.sql", "case when l.looked_at = l.checkpoints then", "case when false then"),),
        (f"{PLOT_SQL}::test_a_short_job_has_pieces_of_a_second",),
    ),
    Mutant(
        "page-lately",
        "the speed of now is that of the last ten seconds in which it could move",
        (Edit("sql/status/job_speeds.sql", "_since := _band.begins;", "_since := _band.ends;"),),
        ("tests/doors/page/test_live_progress.py::test_a_speed_is_that_of_the_time_in_which_it_could_move",),
    ),
    Mutant(
        "page-granted",
        "the speed of now is never above the rate",
        (
            Edit(
                "sql/status/job_speeds.sql",
                "least(_looked, moving)), 1), c.rate, c.type_rate)",
                "least(_looked, moving)), 1))",
            ),
        ),
        ("tests/doors/page/test_live_progress.py::test_a_speed_is_never_above_the_rate",),
    ),
    Mutant(
        "page-hash",
        "a report that was changed is not what was made",
        (
            Edit(
                "pgjobs/web/report/canonical.py",
                "return digest(report) == str(report[HASH])",
                "return bool(digest(report))",
            ),
        ),
        (f"{REPORT}::test_the_hash_proves_a_copy",),
    ),
    Mutant(
        "page-forged",
        "a report whose text was changed is not what was made",
        (
            Edit(
                "pgjobs/web/report/check.py",
                'return Verdict.WHOLE if text in (again, again + "\\n") else Verdict.CHANGED',
                "return Verdict.WHOLE if again else Verdict.CHANGED",
            ),
        ),
        ("tests/ops/test_report_command.py::test_what_people_read_is_checked_too",),
    ),
    Mutant(
        "page-data",
        "no value of a report ends the element that holds its data",
        (Edit("pgjobs/web/report/document.py", '.replace("<", "\\\\u003c")', ""),),
        (f"{DOCUMENT}::test_no_value_is_more_than_text",),
    ),
)
