"""The mutants: one broken promise each, as a change of text, and the tests that have to notice."""

from __future__ import annotations

from dataclasses import dataclass

RUN = "pgjobs/engine/run.py"
OUTGOING = "pgjobs/engine/outgoing.py"
LOG = "pgjobs/joblog/writer.py"
CONNECTION = "pgjobs/broker/connection.py"
AMQP = "pgjobs/broker/publisher.py"
CONFIRMS = "pgjobs/broker/confirms.py"
RECORDS = "pgjobs/engine/records.py"
LISTEN = "pgjobs/engine/listen.py"
LEASE = "pgjobs/engine/lease.py"
LEASES = "pgjobs/engine/leases.py"
OUTCOME = "pgjobs/engine/outcome.py"
CHECKPOINT = "sql/engine/checkpoint_job.sql"
RENEW = "sql/engine/renew_lease.sql"
RENEW_ALL = "sql/engine/renew_leases.sql"
CLAIM = "sql/engine/claim_shards.sql"
EXPIRED = "sql/types/expired/expired_records.sql"

CLOSING = "tests/broker/test_closing.py"
CRASHES = "tests/faults/test_crash_points.py"
FAILURES = "tests/faults/test_failing_calls.py"
LETTING_GO = "tests/engine/test_letting_go.py"
RULES = "tests/engine/test_rules.py"


@dataclass(frozen=True)
class Edit:
    """A piece of a file, which occurs there once, and what stands there in the mutant."""

    path: str
    old: str
    new: str


@dataclass(frozen=True)
class Mutant:
    """A broken promise; `tests` are pytest's arguments that select those who have to see it."""

    name: str
    promise: str
    edits: tuple[Edit, ...]
    tests: tuple[str, ...]


MUTANTS = (
    Mutant(
        "m1",
        "a message counts as sent once the broker has confirmed it, not when it was written",
        (Edit(RUN, "                await self._settle()\n", ""),),
        (f"{FAILURES}::test_nothing_is_bound", f"{FAILURES}::test_a_queue_that_is_full"),
    ),
    Mutant(
        "m2",
        "the lines are on disk before the checkpoint says so",
        (
            Edit(
                LOG,
                "            await unbroken(self._append, data)\n",
                "            self.late = data\n",
            ),
            Edit(
                RUN,
                '        faults.reach("after_checkpoint")\n',
                "        faults.reach(\"after_checkpoint\")\n        __import__('os').write(log._fd, log.late)\n",
            ),
        ),
        (f"{CRASHES}::test_death_at[after_checkpoint-2]", f"{CRASHES}::test_death_at[after_checkpoint-13]"),
    ),
    Mutant(
        "m3",
        "a checkpoint needs the epoch of its owner",
        (Edit(CHECKPOINT, " and p.epoch = _epoch and p.lease_until", " and p.lease_until"),),
        (f"{RULES}::test_an_owner_of_old_changes_nothing",),
    ),
    Mutant(
        "m3-renew",
        "a renewal needs the epoch of its owner",
        (Edit(RENEW, " and p.epoch = _epoch and p.lease_until", " and p.lease_until"),),
        (f"{RULES}::test_an_owner_of_old_changes_nothing",),
    ),
    Mutant(
        "m3-together",
        "the common renewal passes over a row that is locked",
        (Edit(RENEW_ALL, "    for no key update skip locked\n", "    for no key update\n"),),
        ("tests/engine/test_orders.py::test_a_row_that_is_locked_is_not_waited_for",),
    ),
    Mutant(
        "m-locked",
        "statements that meet a lock leave connections to the others",
        (Edit("pgjobs/engine/control.py", "asyncio.Semaphore(1)", "asyncio.Semaphore(MOST)"),),
        ("tests/engine/test_connections.py::test_statements_that_meet_a_lock_leave_connections_to_the_others",),
    ),
    Mutant(
        "m-burst",
        "connections that nobody needs any more are closed",
        (Edit("pgjobs/engine/connections.py", "self._readers.take_unused(seconds, but=1)", "()"),),
        ("tests/engine/test_connections.py::test_a_burst_needs_few_connections_and_leaves_fewer",),
    ),
    Mutant(
        "m-limit",
        "nothing is read beyond what may still be sent",
        (Edit(RECORDS, "            self._limit(rows)\n", "            self._limit(rows) if step > 100 else None\n"),),
        ("tests/engine/test_small_jobs.py::test_nothing_is_read_beyond_the_limit",),
    ),
    Mutant(
        "m-route",
        "a route that is found to be gone is asked for, however lately it was there",
        (Edit(OUTGOING, "await self.check_route(within=0)", "await self.check_route()"),),
        ("tests/engine/test_small_jobs.py::test_a_queue_that_is_deleted_between_two_jobs",),
    ),
    Mutant(
        "m-forward",
        "a run that yields has got a window done",
        (Edit(LEASE, "        if self._progressed:\n", "        if True:\n"),),
        ("tests/engine/test_orders.py::test_whoever_yields_ends_at_its_next_window",),
    ),
    Mutant(
        "m-unrenewed",
        "a lease that was not renewed is not trusted for longer",
        (Edit(LEASES, "asked_at if renewed else None", "asked_at"),),
        ("tests/engine/test_orders.py::test_a_lease_that_could_not_be_renewed_is_not_trusted",),
    ),
    Mutant(
        "m-wait",
        "a run that is told to wait ends at its window and parks the shard",
        (Edit(LEASE, '        elif orders.verdict == "wait":\n', '        elif orders.verdict == "never":\n'),),
        ("tests/engine/test_orders.py::test_a_shard_that_has_to_wait_is_parked",),
    ),
    Mutant(
        "m-reason",
        "a parked shard keeps its reason",
        (Edit("sql/engine/park_shard.sql", "note = _reason,", "note = null,"),),
        ("tests/engine/test_orders.py::test_a_shard_that_has_to_wait_is_parked",),
    ),
    Mutant(
        "m3-open",
        "the opening of a shard needs the epoch of its owner",
        (Edit("sql/engine/open_shard.sql", " and p.epoch = _epoch and p.lease_until", " and p.lease_until"),),
        (f"{RULES}::test_an_owner_of_old_changes_nothing",),
    ),
    Mutant(
        "m-announce-all",
        "a shard that may send more than a window is not announced as a whole",
        (Edit("sql/engine/open_shard.sql", "<= _most then", "<= _most + 1 then"),),
        (f"{RULES}::test_what_fits_into_a_window_is_announced_at_once",),
    ),
    Mutant(
        "m-last",
        "the last checkpoint waits for nobody who is changing the job",
        (Edit("sql/engine/checkpoint_and_finish.sql", " for update skip locked;", " for update;"),),
        (f"{RULES}::test_the_last_checkpoint_ends_the_job",),
    ),
    Mutant(
        "m-last-poison",
        "the window of a poisonous message is not the end of its job",
        (Edit(RUN, "await self._commit(window, log, last=False)", "await self._commit(window, log, last=True)"),),
        ("tests/engine/test_letting_go.py::test_a_message_that_closes_the_channel",),
    ),
    Mutant(
        "m3-finish",
        "the end of a shard needs the epoch of its owner",
        (Edit("sql/engine/finish_shard.sql", " and p.epoch = _epoch and p.lease_until", " and p.lease_until"),),
        (f"{RULES}::test_an_owner_of_old_changes_nothing",),
    ),
    Mutant(
        "m4",
        "a failed fdatasync ends the run",
        (
            Edit(
                LOG,
                '        faults.fail("log_sync")\n        os.fdatasync(self._fd)\n',
                '        with contextlib.suppress(OSError):\n            faults.fail("log_sync")\n'
                "            os.fdatasync(self._fd)\n",
            ),
        ),
        (FAILURES, "-k", "nth_call and log_sync"),
    ),
    Mutant(
        "m5",
        "a confirm may stand for many messages",
        (
            Edit(
                CONFIRMS,
                "        if multiple:\n            self._settled =",
                "        if False:\n            self._settled =",
            ),
        ),
        (f"{RULES}::test_confirms_come_as_ranges",),
    ),
    Mutant(
        "m6",
        "what the broker gives back is not sent",
        (Edit(AMQP, "        if not self.returned:\n            return {}\n", "        return {}\n"),),
        (f"{FAILURES}::test_nothing_is_bound",),
    ),
    Mutant(
        "m7",
        "what was unconfirmed when a connection was lost is uncertain",
        (
            Edit(
                OUTCOME,
                "        return self._run is None or self._run.clean\n",
                "        return True\n",
            ),
        ),
        (FAILURES, "-k", "nth_call and (sql or publish)"),
    ),
    Mutant(
        "m8",
        "a run goes on behind the last key, not at it",
        (Edit(EXPIRED, "' and r.id > ' end || _after_key", "' and r.id >= ' end || _after_key"),),
        (f"{CRASHES}::test_death_at[at_rotation-2]", f"{CRASHES}::test_death_at[after_checkpoint-2]"),
    ),
    Mutant(
        "m8-skip",
        "a run goes on directly behind the last key",
        (Edit(RECORDS, "self._after_key = KEY(records[-1])\n", "self._after_key = KEY(records[-1]) + 1\n"),),
        (f"{CRASHES}::test_death_at[at_rotation-2]",),
    ),
    Mutant(
        "m9",
        "what a short write left over is written",
        (
            Edit(
                LOG,
                "        while rest:\n            rest = rest[faults.write(self._fd, rest) :]\n",
                "        faults.write(self._fd, rest)\n",
            ),
        ),
        (FAILURES, "-k", "short_write"),
    ),
    Mutant(
        "m10",
        "the timer finds what no notification announced",
        (
            Edit(
                "pgjobs/engine/claims.py",
                "pause = min(self._settings.poll_seconds, max(least, due))",
                "pause = 3600.0",
            ),
        ),
        (f"{RULES}::test_a_job_nobody_announced",),
    ),
    Mutant(
        "m11",
        "a blocked broker is waited for",
        (Edit(CONNECTION, "        self.blocked_since = time.monotonic()\n", ""),),
        (f"{RULES}::test_a_blocked_broker_is_waited_for",),
    ),
    Mutant(
        "m12",
        "a checkpoint needs a lease that lasts",
        (Edit(CHECKPOINT, " and p.lease_until > clock_timestamp()\n", "\n"),),
        (f"{RULES}::test_an_owner_too_late_changes_nothing",),
    ),
    Mutant(
        "m13",
        "leases are no matter of the time of day",
        (Edit(LEASE, "time.clock_gettime(time.CLOCK_BOOTTIME)", "time.time()"),),
        (f"{RULES}::test_a_lease_sleeps_with_the_machine",),
    ),
    Mutant(
        "m14",
        "a stop is obeyed within the windows in flight",
        (Edit(RUN, "if self._upcoming and not self.lease.stopping and len", "if self._upcoming and len"),),
        (f"{RULES}::test_a_stop_is_obeyed_at_the_next_checkpoint",),
    ),
    Mutant(
        "m15",
        "a daemon listens before it looks",
        (
            Edit(
                LISTEN,
                '        await connection.execute(f"listen {CHANNEL}")\n'
                "        self._metrics.listens(now=True)\n"
                "        self._hear(Hint())\n",
                '        self._hear(Hint())\n        await connection.execute(f"listen {CHANNEL}")\n',
            ),
        ),
        (f"{RULES}::test_listening_comes_before_looking",),
    ),
    Mutant(
        "m-supervise",
        "a background task that ends is started again",
        (
            Edit(
                "pgjobs/engine/supervisor.py",
                "            await backoff.pause()\n",
                "            return None\n",
            ),
        ),
        ("tests/engine/test_supervisor.py::test_no_way_to_end_is_final",),
    ),
    Mutant(
        "m-range",
        "an owner that died leaves an uncertain range",
        (
            Edit(
                "sql/engine/take_shard.sql",
                "  if _was.in_flight_to is distinct from _was.after_key then\n",
                "  if false then\n",
            ),
        ),
        (f"{CRASHES}::test_death_at[after_confirm-2]",),
    ),
    Mutant(
        "m-announce",
        "how far is published is known before it is published",
        (
            Edit(
                RUN,
                "            await self.shard.renew(window.last_key)\n",
                "            await self.shard.renew()\n",
            ),
        ),
        (f"{CRASHES}::test_death_at[after_publish-1]", f"{CRASHES}::test_death_at[after_confirm-1]"),
    ),
    Mutant(
        "m-mark",
        "what may have been sent before is marked",
        (Edit(OUTGOING, '{"x-maybe-duplicate": True}', "{}"),),
        (f"{CRASHES}::test_death_at[after_confirm-2]",),
    ),
    Mutant(
        "m-segment",
        "a checkpoint counts for the last segment of the log only",
        (
            Edit(
                CHECKPOINT,
                "      and s.segment = (select max(l.segment) from pgjobs.log_segments l"
                " where l.job_id = h.job_id and l.shard = h.shard)\n",
                "",
            ),
        ),
        (f"{RULES}::test_a_log_that_became_shorter_goes_on_in_another_file",),
    ),
    Mutant(
        "m-late",
        "who slept while it opened its log cuts nothing off any more",
        (
            Edit(
                LOG,
                "                        _, committed, chain = await ask(given.host, path, further=False)\n",
                '                        chain = b""\n',
            ),
        ),
        ("tests/joblog/test_joblog.py::test_an_owner_that_slept_while_it_opened_its_log",),
    ),
    Mutant(
        "m-gone",
        "a log that was cut in mid-job is noticed before the next line",
        (Edit(LOG, "        if here.st_size != self.committed:\n", "        if not here:\n"),),
        (f"{LETTING_GO}::test_a_log_that_somebody_took_away[cut-somebody changed it]",),
    ),
    Mutant(
        "m-hand",
        "a daemon told to end hands back what waits in vain",
        (Edit("pgjobs/engine/outcome.py", "except asyncio.CancelledError:", "except ZeroDivisionError:"),),
        (f"{LETTING_GO}::test_a_daemon_whose_confirms_do_not_come_hands_back",),
    ),
    Mutant(
        "m-nack",
        "a stop does not wait until the broker takes messages again",
        (
            Edit(
                OUTGOING,
                '        if lease.stopping:\n            raise Interrupted("its run was ended',
                '        if 0:\n            raise Interrupted("its run was ended',
            ),
        ),
        (f"{LETTING_GO}::test_a_stop_does_not_wait_for_a_queue_with_room",),
    ),
    Mutant(
        "m-own",
        "a daemon is not given the shard it is just letting go of",
        (
            Edit(
                "sql/engine/may_take.sql",
                "  select _job_id || '/' || _shard <> all (_running) and coalesce((",
                "  select coalesce((",
            ),
        ),
        (f"{RULES}::test_nobody_is_given_the_shard_he_is_letting_go_of",),
    ),
    Mutant(
        "m-socket",
        "a daemon that ends waits until its connections to the broker are closed",
        (Edit("pgjobs/engine/connections.py", "        await asyncio.gather(*self._closing)\n", ""),),
        (f"{CLOSING}::test_a_daemon_that_ends_closes_its_connections[idle]",),
    ),
    Mutant(
        "m-lookup",
        "a connection given up when its address was just looked up leaves no socket",
        (Edit("pgjobs/broker/batched_loop.py", "        self.answered = True\n", ""),),
        (f"{CLOSING}::test_a_connection_cancelled_at_any_step_leaves_no_socket",),
    ),
)
