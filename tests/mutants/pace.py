"""Mutants of pace: budgets of all shards together, windows and stops, holds, pauses and the kill switch."""

from mutants.table import CLAIM, Edit, Mutant

PACE_PY = "pgjobs/engine/pace.py"
BUDGET = "sql/pace/spend_budget.sql"
COUNT = "sql/pace/count_errors.sql"
GRANT = "sql/pace/grant_records.sql"
GRANTS = "tests/sql/test_shared_budgets.py"
TESTS = "tests/engine/test_pace.py"

PACE = (
    Mutant(
        "p-budget-shard",
        "errors are counted per job, not per shard or daemon",
        (
            Edit(COUNT, "sum(p.sent), 0)", "max(p.sent), 0)"),
            Edit(COUNT, "sum(p.returned), 0)", "max(p.returned), 0)"),
        ),
        (f"{GRANTS}::test_errors_are_counted_over_all_shards",),
    ),
    Mutant(
        "p-budget-twice",
        "what is returned is one attempt, not two",
        (Edit(COUNT, "c.sent + c.returned + u.unfit", "c.sent + 2 * c.returned + u.unfit"),),
        (f"{GRANTS}::test_a_record_is_one_attempt",),
    ),
    Mutant(
        "p-budget-sample",
        "a share of errors needs its sample",
        (Edit(BUDGET, "_attempts >= coalesce(_after, 1000) and ", "_attempts > 0 and "),),
        (f"{GRANTS}::test_a_share_is_one_of_all_shards",),
    ),
    Mutant(
        "p-canary-shard",
        "the first records of a canary are those of all shards together",
        (Edit(BUDGET, "_first - _published - _others", "_first - _published"),),
        (f"{GRANTS}::test_a_canary_is_one_for_all_shards",),
    ),
    Mutant(
        "p-at-once",
        "shards that ask at the same moment do not share out the same records",
        (Edit(GRANT, "  if verdict = 'go' and (num_nonnulls(", "  if verdict = 'stop' and (num_nonnulls("),),
        ("tests/sql/test_grants.py::test_shards_that_ask_at_once_are_granted_no_more_than_there_is",),
    ),
    Mutant(
        "p-rate-shard",
        "a rate is one for all shards",
        (Edit(GRANT, "pgjobs.spend_rate(_job_id,", "pgjobs.spend_rate(_job_id * 1000 + _shard,"),),
        (f"{GRANTS}::test_a_rate_is_one_for_all_shards",),
    ),
    Mutant(
        "p-rate-burst",
        "0.8 s of unused time is kept at most",
        (
            Edit(
                "sql/pace/spend_rate.sql",
                "_kept constant interval := interval '0.8 s'",
                "_kept constant interval := interval '1 h'",
            ),
        ),
        (f"{GRANTS}::test_a_burst_is_one_second_of_a_rate",),
    ),
    Mutant(
        "p-window-late",
        "a grant ends when the window closes",
        (Edit("sql/pace/wait_for_window.sql", "  valid := least(_until, _stop_at) - _now;\n", "  valid := null;\n"),),
        (f"{GRANTS}::test_a_grant_ends_with_its_window",),
    ),
    Mutant(
        "p-grant-late",
        "a grant that has ended is not used",
        (Edit(PACE_PY, "boot_seconds() >= self._valid_until", "False"),),
        (f"{TESTS}::test_a_grant_is_not_used_after_the_stop",),
    ),
    Mutant(
        "p-stop-more",
        "not one window is published after the stop",
        (
            Edit(
                PACE_PY,
                "                    self._closing = True\n",
                "                    self._closing = True\n                    return window, None\n",
            ),
        ),
        (f"{TESTS}::test_a_paused_job_is_closed_at_its_stop",),
    ),
    Mutant(
        "p-hold-lost",
        "a hold outlasts the daemon that dies",
        (
            Edit(
                CLAIM,
                "      _due := coalesce(_status = 'in progress'\n        and (",
                "      _due := coalesce(_status = 'in progress'\n        or (",
            ),
        ),
        (f"{GRANTS}::test_a_hold_outlasts_the_daemon",),
    ),
    Mutant(
        "p-hold-back",
        "a hold outlasts the daemon that hands the job back",
        (
            Edit(
                "sql/engine/release_shard.sql",
                "set status = 'ready', start_asked = true",
                "set status = 'ready', active = true, start_asked = true",
            ),
        ),
        (f"{GRANTS}::test_a_hold_outlasts_the_daemon",),
    ),
    Mutant(
        "p-pause-due",
        "a shard that is given up in a pause is due at the stop",
        (Edit("sql/engine/park_shard.sql", "(select c.stop_at from pgjobs.pace_of(j.id) c)", "null"),),
        (f"{GRANTS}::test_a_paused_shard_is_due_at_its_stop",),
    ),
    Mutant(
        "p-pause-stop",
        "a job that waits in a pause is closed at its stop",
        (
            Edit(
                "sql/jobs/schedule_shards.sql",
                "when _begins then (select p.stop_at from pgjobs.pace_of(_job_id) p) end",
                "end",
            ),
        ),
        (f"{TESTS}::test_a_paused_job_is_closed_at_its_stop",),
    ),
    Mutant(
        "p-pause-heard",
        "a pause of a running job is heard at once",
        (
            Edit(
                "pgjobs/engine/listen.py",
                ' and self.status in ("in progress", "done") and not self.edited',
                ' and self.status in ("in progress", "done")',
            ),
        ),
        ("tests/engine/test_long_reads.py::test_a_pause_does_not_wait_for_the_database",),
    ),
    Mutant(
        "p-switch-claim",
        "nothing is taken while everything is held",
        (Edit(CLAIM, "if exists (select from pgjobs.switch s where s.held) then", "if false then"),),
        (f"{GRANTS}::test_nothing_is_taken_while_everything_is_held",),
    ),
    Mutant(
        "p-switch-run",
        "the kill switch parks what runs",
        (Edit("sql/engine/orders.sql", "when s.held or h.reason is not null", "when h.reason is not null"),),
        (f"{GRANTS}::test_nothing_is_taken_while_everything_is_held",),
    ),
    Mutant(
        "p-misfire",
        "a job that is too late does what its rule says",
        (Edit(CLAIM, "        continue when pgjobs.handle_misfire(_job);\n", ""),),
        ("tests/sql/test_misfire.py::test_a_late_job_does_what_its_rule_says",),
    ),
    Mutant(
        "p-backlog-seen",
        "what had been published is asked before the queue is measured",
        (
            Edit(
                PACE_PY,
                "        seen = await self._shard.published_so_far()\n"
                "        ready = await self._publisher.messages_ready(self._queue)\n",
                "        ready = await self._publisher.messages_ready(self._queue)\n"
                "        seen = await self._shard.published_so_far()\n",
            ),
        ),
        (f"{TESTS}::test_what_is_published_while_the_queue_is_measured_counts",),
    ),
    Mutant(
        "p-backlog-others",
        "what others were granted counts as if it lay in the queue",
        (Edit("sql/pace/backlog_room.sql", "p.owner is not null and p.granted > 0", "false"),),
        (f"{GRANTS}::test_what_others_publish_is_in_the_backlog",),
    ),
)
