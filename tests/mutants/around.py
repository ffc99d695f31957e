"""Mutants of what surrounds the protocol: selectors, windows, files, notifications, callbacks, odd rows, sessions."""

from mutants.table import CLAIM, LISTEN, RECORDS, RUN, Edit, Mutant

PREPARE = "sql/engine/prepare_job.sql"

AROUND = (
    Mutant(
        "m-order",
        "every key lies behind the one before it",
        (Edit(RECORDS, "misplaced(window, after, descending=self._descending)", "None"),),
        ("tests/engine/test_selectors.py", "-k", "wrong_direction or late_key or repeated_key"),
    ),
    Mutant(
        "m-overlap",
        "no key lies in the ranges of two shards",
        (Edit(PREPARE, "end_key = coalesce(_cuts[1], _end_key)", "end_key = _end_key"),),
        ("tests/engine/test_ranges.py", "-k", "each_key_lies_in_one_shard or runs_in_ranges"),
    ),
    Mutant(
        "m-gap",
        "no key lies between the ranges of two shards",
        (Edit(PREPARE, "'{}' then _cuts[s] else", "'{}' then _cuts[s] + 1 else"),),
        ("tests/engine/test_ranges.py", "-k", "each_key_lies_in_one_shard or runs_in_ranges"),
    ),
    Mutant(
        "m-cut-again",
        "a job is cut once",
        (Edit(PREPARE, " and p.prepared_at is null\n", "\n"),),
        ("tests/engine/test_ranges.py::test_a_job_is_cut_once",),
    ),
    Mutant(
        "m-cut-stale",
        "whoever lost the first shard cuts nothing",
        (
            Edit(
                PREPARE,
                " and p.epoch = _epoch and p.lease_until > clock_timestamp() and p.prepared_at",
                " and p.prepared_at",
            ),
        ),
        ("tests/engine/test_ranges.py::test_a_job_is_cut_once",),
    ),
    Mutant(
        "m-beyond",
        "what a selector gives beyond the end of a shard is not sent by it",
        (Edit(RECORDS, "        self._end(records)\n", ""),),
        ("tests/engine/test_selectors.py::test_a_selector_that_goes_on_beyond_its_end",),
    ),
    Mutant(
        "m-bytes",
        "windows are bounded by bytes",
        (Edit(RECORDS, "WINDOW_BYTES = 8 << 20", "WINDOW_BYTES = 8 << 40"),),
        ("tests/engine/test_selectors.py::test_big_messages_need_little_memory",),
    ),
    Mutant(
        "m-unfit",
        "what can't be sent is skipped, not returned",
        (
            Edit(
                "pgjobs/engine/window.py",
                "        skipped, returned = codes.total(), len(self.returned)\n",
                "        skipped, returned = codes.total() - len(self.unfit), len(self.returned) + len(self.unfit)\n",
            ),
        ),
        ("tests/engine/test_selectors.py::test_what_can_not_be_sent_is_skipped",),
    ),
    Mutant(
        "m-code",
        "what can't be counted is no code",
        (Edit(RECORDS, "        check_codes(records, codes, self._codes)\n", ""),),
        ("tests/engine/test_selectors.py", "-k", "code_that_is_none or particulars"),
    ),
    Mutant(
        "m-words",
        "a code is counted as such, not as its words",
        (
            Edit(
                "pgjobs/joblog/format.py",
                "        return self._codes.get(begin, begin)\n",
                "        return begin\n",
            ),
        ),
        ("tests/broker/test_encode.py::test_the_code_of_a_line_is_found_again",),
    ),
    Mutant(
        "m-size",
        "a message says how long its id is, also where keys grow by a digit",
        (
            Edit(
                "pgjobs/broker/formats/keyed.py",
                "    if (first < 0) == (last < 0) and len(str(first)) == len(str(last)):\n",
                "    if (first < 0) == (last < 0):\n",
            ),
        ),
        ("tests/broker/test_encode.py::test_events_are_those_of_pika",),
    ),
    Mutant(
        "m-account",
        "a shard whose records are not accounted for ends its job with an error",
        (
            Edit(
                "sql/engine/finish_shard.sql",
                "  if _considered <> _accounted then\n",
                "  if _considered <> _accounted then\n    return null;\n  elsif _open = -1 then\n",
            ),
        ),
        ("tests/engine/test_reported_ends.py::test_records_that_are_unaccounted_for",),
    ),
    Mutant(
        "m-changed",
        "a file that changes while it is read is refused",
        (
            Edit(
                "pgjobs/injection/source.py",
                "            if was == identity(file) == identity(again):\n",
                "            if again:\n",
            ),
        ),
        ("tests/engine/test_injection.py::test_a_file_that_changes_while_it_is_read",),
    ),
    Mutant(
        "m-too-old",
        "a process that is too old for the functions of a database does not work with it",
        (
            Edit(
                "pgjobs/pg/versions.py",
                "        if number(mine) < number(self.compatible_from):\n",
                "        if not mine:\n",
            ),
        ),
        ("tests/sql/test_versions.py::test_a_daemon_that_is_too_old_does_not_start",),
    ),
    Mutant(
        "m-stranded",
        "migrate changes nothing while a daemon is alive that the new functions would leave behind",
        (
            Edit(
                "pgjobs/pg/migrate.py",
                "        if stranded := inforce.stranded(self._work):\n",
                "        if stranded := '':\n",
            ),
        ),
        ("tests/sql/test_versions.py::test_migrate_leaves_no_daemon_behind",),
    ),
    Mutant(
        "m-dated",
        "a file that claims an old time has to be left alone as well",
        (Edit("pgjobs/injection/source.py", "time.time_ns() - max(changed_ns)", "time.time_ns() - changed_ns[0]"),),
        ("tests/engine/test_injection.py::test_a_young_file_has_to_wait",),
    ),
    Mutant(
        "m-unended",
        "a last line without its end is not sent",
        (Edit("sql/types/injection/close_lines.sql", "  if _unended and exists (", "  if false and exists ("),),
        ("tests/engine/test_file_troubles.py::test_a_cut_last_line",),
    ),
    Mutant(
        "m-payload",
        "a notification is matched, not trusted",
        (
            Edit(
                LISTEN,
                "    if job is None:\n        return Hint()\n",
                "    if job is None:\n        return Hint(int(__import__('json').loads(payload)['id']))\n",
            ),
        ),
        ("tests/engine/test_listen.py::test_garbage_means_look_now",),
    ),
    Mutant(
        "m-word",
        "what was to be told of a state that is over is not told any more",
        (
            Edit(
                "sql/jobs/record_transition.sql",
                "where n.job_id = new.id and n.closed_at is null",
                "where n.job_id = new.id and n.closed_at is null and false",
            ),
        ),
        ("tests/engine/test_callbacks.py::test_the_last_word_is_the_last_state",),
    ),
    Mutant(
        "m-turn",
        "two calls of one job are never on their way at once",
        (
            Edit(
                "sql/callbacks/claim_callback.sql",
                "f.in_flight_until > clock_timestamp())\n",
                "f.in_flight_until > clock_timestamp() and false)\n",
            ),
        ),
        ("tests/engine/test_callbacks.py::test_the_order_of_a_jobs_states_is_kept",),
    ),
    Mutant(
        "m-end-last",
        "the end of a job that notifies is told after the ends of its operations",
        (
            Edit(
                "sql/callbacks/claim_callback.sql",
                "and not (o.posts and o.keys",
                "and not (false and o.posts and o.keys",
            ),
        ),
        ("tests/engine/test_notifying_jobs.py::test_every_operation_is_in_one_message",),
    ),
    Mutant(
        "m-one-message",
        "an operation is told in one message only",
        (Edit("sql/callbacks/gather_callbacks.sql", "e.id = any (_parts)", "e.id = any (_parts[2:])"),),
        ("tests/engine/test_notifying_jobs.py::test_every_operation_is_in_one_message",),
    ),
    Mutant(
        "m-refused-told",
        "an operation that never went out is told as well",
        (
            Edit(
                "sql/items/checkpoint_items.sql",
                "c.status not in ('l', 'r'))) p (keys)",
                "c.status not in ('l', 'r', 'x'))) p (keys)",
            ),
        ),
        ("tests/engine/test_notifying_jobs.py::test_however_an_operation_ends_it_is_told",),
    ),
    Mutant(
        "m-odd",
        "a job whose start is refused keeps no other from starting",
        (
            Edit(
                CLAIM,
                "exception when others or assert_failure or query_canceled then",
                "exception when sqlstate 'PJ400' then",
            ),
        ),
        ("tests/sql/test_odd_rows.py", "-k", "start_a_trigger_refuses or odd_row"),
    ),
    Mutant(
        "m-trusted",
        "a selector of another owner is not run",
        (
            Edit(
                "sql/selection/trusted_selector.sql",
                "  if _temporary or not _ours then",
                "  if _owner is null then",
            ),
        ),
        ("tests/sql/test_types.py::test_a_selector_of_another_owner_is_never_run",),
    ),
    Mutant(
        "m-session",
        "what a session needs is stated, whatever the role or the database says",
        (Edit("pgjobs/pg/session.py", '    "default_transaction_read_only": "off",\n', ""),),
        ("tests/sql/test_session_settings.py::test_no_setting_of_a_database_changes_an_outcome",),
    ),
    Mutant(
        "m-older",
        "an older version does not migrate a newer database",
        (
            Edit(
                "pgjobs/pg/migrate.py",
                "        if unknown or number(theirs) > number(pgjobs.__version__):\n",
                "        if unknown and not theirs:\n",
            ),
        ),
        ("tests/sql/test_migrate_troubles.py::test_an_older_one_refuses_a_newer_database",),
    ),
    Mutant(
        "m-reading",
        "a stop is obeyed while a job is prepared",
        (
            Edit(
                RUN,
                "        if not await self.lease.outlasts(measuring):\n",
                "        await measuring\n        if self.context is None:\n",
            ),
        ),
        ("tests/engine/test_long_reads.py::test_a_stop_does_not_wait_for_the_database",),
    ),
    Mutant(
        "m-dry",
        "records of a dry run are counted apart",
        (Edit("pgjobs/metrics.py", "dry_run=str(dry_run).lower()", 'dry_run="false"'),),
        ("tests/ops/test_metrics.py::test_a_dry_run_does_not_count_as_sent",),
    ),
    Mutant(
        "m-job-counts",
        "a job that leaves a status is not counted there any more",
        (Edit("sql/monitoring/count_job.sql", "old.status::text, -1, 0),", "old.status::text, 0, 0),"),),
        ("tests/ops/test_metrics.py::test_jobs_are_counted_by_type_and_status",),
    ),
    Mutant(
        "m-retention",
        "nothing of an open job is cleared",
        (Edit("sql/retention/clear_events.sql", "j.status::text = 'done' from", "true from"),),
        ("tests/sql/test_retention.py::test_what_is_old_goes_and_an_open_job_keeps_all",),
    ),
    Mutant(
        "m-retention-lock",
        "nothing of a job is cleared while somebody resumes it",
        (Edit("sql/retention/clear_of_job.sql", "  for share skip locked;\n", "  ;\n"),),
        ("tests/sql/test_retention.py::test_a_job_that_is_being_resumed_keeps_its_rows",),
    ),
    Mutant(
        "m-retention-resume",
        "a job without its lines is not resumed",
        (Edit("sql/retention/clear_of_job.sql", "perform pgjobs.note_cleared(_id, 'lines');", "null;"),),
        ("tests/sql/test_retention.py::test_a_job_without_its_lines_is_not_resumed",),
    ),
    Mutant(
        "m-elected",
        "one daemon does the chores",
        (Edit("sql/retention/elect.sql", "or m.lease_until < clock_timestamp();", "or true;"),),
        ("tests/sql/test_retention.py::test_one_daemon_is_elected",),
    ),
    Mutant(
        "m-not-elected",
        "a daemon that is not elected does no chores",
        (
            Edit(
                "pgjobs/engine/maintenance.py",
                "self._daemon, ELECTED_SECONDS))\n",
                "self._daemon, ELECTED_SECONDS) is not None)\n",
            ),
        ),
        ("tests/sql/test_retention.py::test_a_daemon_that_is_not_elected_does_no_chores",),
    ),
    Mutant(
        "m-uncertain-stopped",
        "what was in flight when a job was stopped is listed, also if nobody ever resumes it",
        (
            Edit(
                "sql/views/job_uncertain.sql",
                "(p.owner is null or p.lease_until < clock_timestamp())",
                "false",
            ),
        ),
        ("tests/faults/test_engine_crash.py::test_what_was_in_flight_at_a_stopped_job_is_listed",),
    ),
)
