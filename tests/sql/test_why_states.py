"""What why and eta say of a job in every state in which it does not move: what is, and when it moves or what to do."""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import pytest
from fix_jobs import WORKER, Db, claim, insert_job, job_in, set_status

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
NIGHT = '{"window": {"start": "20:00", "stop": "22:00"}}'
RECORDS = 36_000
PARK = "select pgjobs.park_shard(%s, 0, %s, true, %s, %s, %s)"
GRANT = "select verdict, pause, reason from pgjobs.grant_records(%s, 0, %s, 10, %s, 0)"


class Told(NamedTuple):
    """What is expected of a job: what why says, or null, and the moment of eta in hours after noon, or null."""

    job: int
    why: str | None
    eta: float | None = None


State = Callable[[Db], Told]
STATES: list[State] = []


def state(build: State) -> State:
    """A state that the table has."""
    STATES.append(build)
    return build


def clock(db: Db, moment: datetime) -> None:
    """Set the clock by which schedules are judged."""
    db.execute("select set_config('pgjobs.now', %s, false)", (moment.isoformat(),))


def beat(db: Db, daemon: uuid.UUID = WORKER) -> None:
    """A daemon is alive."""
    db.execute("select pgjobs.beat(%s, 'd', 'h', 1, '0', 'connected', '[]')", (daemon,))


def running(db: Db, **columns: object) -> dict[str, Any]:
    """The shard of a job that a living daemon holds, with so many records to come."""
    clock(db, NOON)
    beat(db)
    claimed = claim(db, insert_job(db, run_at=NOON, **columns))
    db.execute(
        "update pgjobs.shards set prepared_at = now(), estimate = %s where job_id = %s", (RECORDS, claimed["job_id"])
    )
    return claimed


def long_ago(db: Db, job: int) -> None:
    """Nothing of a job has moved for a minute."""
    db.execute("update pgjobs.events set at = at - interval '1 minute' where job_id = %s", (job,))
    db.execute(
        "update pgjobs.shards set claimed_at = claimed_at - interval '1 minute',"
        " updated_at = updated_at - interval '1 minute' where job_id = %s",
        (job,),
    )


def park(db: Db, claimed: dict[str, Any], pause: object = None, reason: str = "", *, failure: bool = False) -> int:
    """The daemon gives the shard up."""
    assert db.value(PARK, claimed["job_id"], claimed["epoch"], pause, reason, failure) is True
    long_ago(db, claimed["job_id"])
    return int(claimed["job_id"])


def obeyed(db: Db, claimed: dict[str, Any], depth: int | None = None) -> int:
    """The daemon asks what it may publish, is told to wait, and parks the shard as it is told."""
    verdict, pause, reason = db.row(GRANT, claimed["job_id"], claimed["epoch"], depth)
    assert verdict == "wait"
    return park(db, claimed, pause, reason)


def through(db: Db, claimed: dict[str, Any], *, sent: int = 0, returned: int = 0) -> None:
    """So many records of a shard are accounted for."""
    db.execute(
        "update pgjobs.shards set considered = %s, sent = %s, returned = %s where job_id = %s",
        (sent + returned, sent, returned, claimed["job_id"]),
    )


@state
def idle(db: Db) -> Told:
    clock(db, NOON)
    job = insert_job(db, active=False, rate=5)
    return Told(job, f'it is not active: run "pgjobs resume {job}", or set active = true in SQL')


@state
def waits_for_its_run_at(db: Db) -> Told:
    clock(db, NOON)
    job = insert_job(db, run_at=NOON + timedelta(hours=3), rate=5)
    return Told(job, "it waits for its run_at 2026-03-02T15:00:00Z")


@state
def waits_for_its_run_at_and_then_for_its_window(db: Db) -> Told:
    clock(db, NOON)
    job = insert_job(db, run_at=NOON + timedelta(hours=3), schedule=NIGHT)
    return Told(
        job, "it waits for its run_at 2026-03-02T15:00:00Z, and then its window is closed until 2026-03-02T20:00:00Z"
    )


@state
def came_too_late(db: Db) -> Told:
    clock(db, NOON)
    job = insert_job(db, run_at=NOON)
    clock(db, NOON + timedelta(hours=9))
    db.execute("select pgjobs.claim_shards(%s, '{}', true, '1 min')", (WORKER,))
    late = f'it did not begin at its time, and now it is 9 h late; to run it all the same, run "pgjobs start {job}"'
    return Told(job, late)


@state
def its_window_is_closed(db: Db) -> Told:
    job = obeyed(db, running(db, schedule=NIGHT, rate=5))
    return Told(job, "its window is closed until 2026-03-02T20:00:00Z", 10)


@state
def its_window_has_opened(db: Db) -> Told:
    job = obeyed(db, running(db, schedule=NIGHT, rate=5))
    clock(db, NOON + timedelta(hours=8))
    words = "its window is closed until 2026-03-02T20:00:00Z; it goes on as soon as a daemon has a free place"
    return Told(job, words, 10)


@state
def it_runs_again_in_its_window(db: Db) -> Told:
    job = obeyed(db, running(db, schedule=NIGHT, rate=5))
    clock(db, NOON + timedelta(hours=8))
    claim(db, job)
    return Told(job, None, 10)


@state
def its_window_never_opens_before_its_end(db: Db) -> Told:
    job = obeyed(db, running(db, schedule=NIGHT, rate=5, stop_at=NOON + timedelta(hours=6)))
    return Told(job, "its window does not open before its end; what is left is closed at 2026-03-02T18:00:00Z", 6)


@state
def its_window_is_a_row_of_holidays(db: Db) -> Told:
    db.execute("insert into pgjobs.holidays (calendar, day, name) values ('xx', '2026-03-02', 'one')")
    claimed = running(db, schedule='{"window": {"start": "20:00", "stop": "22:00", "holidays": "xx"}}', rate=5)
    db.execute(
        "insert into pgjobs.holidays (calendar, day, name)"
        " select 'xx', d, 'all' from generate_series('2026-03-01'::date, '2027-12-31', '1 day') d"
        " on conflict do nothing"
    )
    # It was claimed again since.
    db.execute("update pgjobs.shards set repaced = false")
    words = "its window does not open for 400 days: give it other days; it goes on at 2027-04-06T12:00:00Z"
    return Told(obeyed(db, claimed), words)


@state
def its_next_record_is_due_later(db: Db) -> Told:
    claimed = running(db, rate=0.01)
    db.execute("update pgjobs.shards set estimate = 36 where job_id = %s", (claimed["job_id"],))
    assert db.row(GRANT, claimed["job_id"], claimed["epoch"], None)[0] == "go"
    job = obeyed(db, claimed)
    return Told(job, "its rate allows the next record later; it goes on at 2026-03-02T12:01:40Z", 1)


@state
def its_backlog_is_full(db: Db) -> Told:
    claimed = running(db, max_backlog=100)
    long_ago(db, claimed["job_id"])
    job = obeyed(db, claimed, 100)
    words = "100 messages lie ready in its queue, and its max_backlog is 100: it goes on when consumers have made room"
    return Told(job, words)


@state
def its_backlog_has_just_become_full(db: Db) -> Told:
    claimed = running(db, max_backlog=100)
    db.execute("update pgjobs.shards set updated_at = clock_timestamp() + interval '1 minute'")
    assert db.row(GRANT, claimed["job_id"], claimed["epoch"], 100)[0] == "go"
    words = "100 messages lie ready in its queue, and its max_backlog is 100: it goes on when consumers have made room"
    return Told(claimed["job_id"], words)


@state
def its_canary_is_through(db: Db) -> Told:
    claimed = running(db, rate=5, budget='{"canary": {"first": 5}}')
    through(db, claimed, sent=5)
    job = obeyed(db, claimed)
    words = "its first 5 records are sent, as its budget.canary says: look at them"
    return Told(job, f'{words}, then run "pgjobs resume {job}"')


@state
def its_errors_are_too_many(db: Db) -> Told:
    claimed = running(db, rate=5, budget='{"errors": 5}', stop_at=NOON + timedelta(hours=6))
    through(db, claimed, sent=20, returned=6)
    job = obeyed(db, claimed)
    words = "6 records were refused, returned or failed, and its budget.errors allows 5"
    remedy = f'look at "pgjobs outcomes {job}", then run "pgjobs resume {job}"'
    return Told(job, f"{words}; {remedy}; its stop at 2026-03-02T18:00:00Z closes what is left all the same")


@state
def somebody_has_paused_it(db: Db) -> Told:
    claimed = running(db, rate=5)
    db.execute("select pgjobs.pause_job(%s)", (claimed["job_id"],))
    job = obeyed(db, claimed)
    return Told(job, f'it is paused: run "pgjobs resume {job}", or set active = true in SQL')


@state
def somebody_has_paused_it_and_it_has_a_stop(db: Db) -> Told:
    claimed = running(db, rate=5, schedule='{"stop_after": "2 hours"}')
    park(db, claimed)
    db.execute("select pgjobs.pause_job(%s)", (claimed["job_id"],))
    words = f'it is paused: run "pgjobs resume {claimed["job_id"]}", or set active = true in SQL'
    return Told(claimed["job_id"], f"{words}; its stop at 2026-03-02T14:00:00Z closes what is left all the same")


@state
def its_stop_has_come_while_it_is_paused(db: Db) -> Told:
    claimed = running(db, rate=5, stop_at=NOON + timedelta(hours=2))
    db.execute("select pgjobs.pause_job(%s)", (claimed["job_id"],))
    obeyed(db, claimed)
    clock(db, NOON + timedelta(hours=2))
    words = "its stop has come: what is left is closed as soon as a daemon has a free place"
    return Told(claimed["job_id"], words)


@state
def its_stop_has_come(db: Db) -> Told:
    claimed = running(db, rate=5, stop_at=NOON + timedelta(hours=2))
    park(db, claimed, "1 s", "the broker is away", failure=True)
    clock(db, NOON + timedelta(hours=2))
    words = "its stop has come: what is left is closed as soon as a daemon has a free place"
    return Told(claimed["job_id"], words, 2)


@state
def everything_is_held(db: Db) -> Told:
    claimed = running(db, rate=5)
    db.execute("select pgjobs.hold_all('a deploy')")
    role = db.value("select session_user::text")
    words = f'everything is held by {role} since 2026-03-02T12:00:00Z: a deploy; "pgjobs release" lets it go on'
    return Told(obeyed(db, claimed), words)


@state
def everything_was_held(db: Db) -> Told:
    claimed = running(db)
    db.execute("select pgjobs.hold_all('a deploy')")
    job = obeyed(db, claimed)
    db.execute("select pgjobs.release_all()")
    return Told(job, "it waits for a free place in a daemon (see PGJOBS_MAX_RUNNING)")


@state
def everything_is_held_before_it_begins(db: Db) -> Told:
    clock(db, NOON)
    beat(db)
    job = insert_job(db, run_at=NOON)
    db.execute("select pgjobs.hold_all('a deploy')")
    role = db.value("select session_user::text")
    words = f'everything is held by {role} since 2026-03-02T12:00:00Z: a deploy; "pgjobs release" lets it go on'
    return Told(job, words)


@state
def everything_is_held_and_it_is_paused(db: Db) -> Told:
    claimed = running(db)
    park(db, claimed)
    db.execute("select pgjobs.pause_job(%s), pgjobs.hold_all('a deploy')", (claimed["job_id"],))
    job = claimed["job_id"]
    return Told(job, f'it is paused: run "pgjobs resume {job}", or set active = true in SQL')


@state
def a_server_was_away(db: Db) -> Told:
    job = park(db, running(db), None, "the broker is away", failure=True)
    return Told(job, "the broker is away; tried again at 2026-03-02T12:00:01Z")


BEHIND = "it waits for its turn: jobs of a higher priority are due;"


@state
def jobs_of_a_higher_priority_are_due(db: Db) -> Told:
    clock(db, NOON)
    beat(db)
    job = insert_job(db, run_at=NOON, priority=1)
    insert_job(db, run_at=NOON, priority=2)
    return Told(job, f"{BEHIND} its own is 1, it gains a level each minute, and is at 1 now")


@state
def no_daemon_is_alive(db: Db) -> Told:
    clock(db, NOON)
    return Told(insert_job(db, run_at=NOON), 'no daemon is alive: start one with "pgjobs daemon"')


@state
def no_place_is_free_for_its_start(db: Db) -> Told:
    clock(db, NOON)
    beat(db)
    job = insert_job(db, run_at=NOON)
    words = "it is due: the next daemon with a free place takes it (see PGJOBS_MAX_RUNNING)"
    return Told(job, f'{words}; where autostart is off, run "pgjobs start {job}"')


@state
def no_place_is_free(db: Db) -> Told:
    claimed = running(db)
    db.execute("select pgjobs.release_shard(%s, 0, %s, true, false)", (claimed["job_id"], claimed["epoch"]))
    long_ago(db, claimed["job_id"])
    return Told(claimed["job_id"], "it waits for a free place in a daemon (see PGJOBS_MAX_RUNNING)")


@state
def it_gave_its_place_up(db: Db) -> Told:
    job = park(db, running(db), None, "it makes room for a more urgent job")
    return Told(job, "it makes room for a more urgent job; it goes on as soon as a daemon has a free place")


def silent(db: Db) -> tuple[int, str]:
    """A job whose daemon is not heard of any more, and when the lease of that ends."""
    claimed = running(db)
    db.execute("update pgjobs.daemons set seen_at = seen_at - interval '1 minute'")
    until = db.value("select pgjobs.moment_text(lease_until) from pgjobs.shards where job_id = %s", claimed["job_id"])
    return int(claimed["job_id"]), str(until)


@state
def its_daemon_has_fallen_silent(db: Db) -> Told:
    job, until = silent(db)
    beat(db, uuid.uuid4())
    return Told(job, f"its daemon has fallen silent: another one takes over at {until}")


@state
def the_only_daemon_has_fallen_silent(db: Db) -> Told:
    job, until = silent(db)
    words = 'its daemon has fallen silent, and no other is alive: start one with "pgjobs daemon"; it takes over at'
    return Told(job, f"{words} {until}")


@state
def another_daemon_takes_over(db: Db) -> Told:
    claimed = running(db)
    db.execute("update pgjobs.shards set lease_until = now() - interval '1 s'")
    beat(db, uuid.uuid4())
    return Told(claimed["job_id"], "its daemon has fallen silent: another one takes over now")


@state
def it_is_being_stopped(db: Db) -> Told:
    claimed = running(db, rate=5)
    db.execute("select pgjobs.stop_job(%s)", (claimed["job_id"],))
    return Told(claimed["job_id"], "stop asked: the daemon confirms and logs what is in flight")


@state
def it_is_stopped(db: Db) -> Told:
    clock(db, NOON)
    job = job_in(db, "canceled", rate=5)
    return Told(job, f'it is stopped; to continue it, run "pgjobs resume {job}"')


CLEARED = "it can't go on, for its lines, items or log were cleared after their keep time: create a new job"


@pytest.mark.parametrize(("status", "said"), [("canceled", "it is stopped"), ("error", "it was set to error by hand")])
def test_nobody_is_sent_to_resume_what_was_cleared(db: Db, status: str, said: str) -> None:
    """Where lines, items or logs were cleared, why has no command that would be refused."""
    job = job_in(db, status)
    db.execute("update pgjobs.shards set cleared = '{lines}' where job_id = %s", (job,))
    assert f"{said}; {CLEARED}" == db.value("select pgjobs.why(%s)", job)


@state
def it_broke_off(db: Db) -> Told:
    claimed = running(db, rate=5)
    failed = "select pgjobs.fail_job(%s, 0, %s, true, 'file', 'its file is gone')"
    db.execute(failed.encode(), (claimed["job_id"], claimed["epoch"]))
    job = claimed["job_id"]
    return Told(job, f'it broke off: its file is gone; mend that, then run "pgjobs resume {job}"')


@state
def it_was_set_to_error(db: Db) -> Told:
    job = job_in(db, "error")
    return Told(job, f'it was set to error by hand; to continue it, run "pgjobs resume {job}"')


@state
def it_is_done(db: Db) -> Told:
    return Told(job_in(db, "done", rate=5), "it is done")


@state
def none_of_its_shards_is_due(db: Db) -> Told:
    claimed = running(db)
    park(db, claimed)
    db.execute("update pgjobs.shards set due_at = null")
    job = claimed["job_id"]
    words = f'none of its shards is due, so no daemon takes it: run "pgjobs stop {job}", then "pgjobs resume {job}"'
    return Told(job, words)


@state
def it_moves(db: Db) -> Told:
    return Told(running(db, rate=5)["job_id"], None, 2)


@pytest.mark.parametrize("build", STATES, ids=lambda build: build.__name__)
def test_every_state_has_its_sentence_and_its_moment(db: Db, build: State) -> None:
    """why says what is, and when it moves or what to do; eta is null where nobody can know it; the view says the
    same."""
    told = build(db)
    eta = None if told.eta is None else NOON + timedelta(hours=told.eta)
    assert db.row("select pgjobs.why(%s), pgjobs.eta(%s)", told.job, told.job) == (told.why, eta)
    shown = db.row("select why, eta from pgjobs.job_status where id = %s", told.job)
    assert shown == (told.why, eta)


def test_what_waits_and_is_to_be_resumed_goes_on(db: Db) -> None:
    """resume_job lets go on whatever is paused, held or not active, and keeps its state: one that has not begun waits
    for its run_at."""
    for build in (idle, came_too_late, its_canary_is_through, somebody_has_paused_it):
        job = build(db).job
        before = db.value("select status from xmp_jobs where id = %s", job)
        db.execute("select pgjobs.resume_job(%s)", (job,))
        assert db.row("select status, active from xmp_jobs where id = %s", job) == (before, True)
        assert not re.search("active|resume|pgjobs start", db.value("select coalesce(pgjobs.why(%s), '')", job))
        set_status(db, job, "canceled")


def test_the_shard_that_goes_on_first_is_told(db: Db) -> None:
    """Of several shards that wait the moment is that of the one that goes on first; trouble of one comes before."""
    claimed = running(db, rate=5)
    job = park(db, claimed, "1 hour", "its window is closed")
    db.execute(
        "insert into pgjobs.shards (job_id, shard, note, due_at) values (%s, 1, 'it waits as well', %s)",
        (job, NOON + timedelta(minutes=5)),
    )
    assert db.value("select pgjobs.why(%s)", job) == "it waits as well; it goes on at 2026-03-02T12:05:00Z"
    db.execute("update pgjobs.shards set failures = 1 where shard = 0")
    assert db.value("select pgjobs.why(%s)", job) == "its window is closed; tried again at 2026-03-02T13:00:00Z"
