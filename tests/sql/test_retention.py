"""What is older than its keep time is cleared in batches by one elected daemon; an open job keeps all it has."""

import asyncio
import os
import subprocess
import sys
import uuid
from pathlib import Path

import pytest
from fix_daemon import Engine
from fix_jobs import Db, connect, insert_job, job_in, set_status
from fix_retention import again, clear, only

from pgjobs.joblog.removal import remove_logs
from pgjobs.joblog.rules import HOST
from pgjobs.joblog.verify import examine
from pgjobs.ops.verifying import NOT_HERE
from pgjobs.pg import connection as database_connection

ROWS = {
    "checkpoints": "insert into pgjobs.checkpoints values (%s, 0, 1, 1, now(), 9, 1, 0, 0, 50, '', '')",
    "lines": "insert into pgjobs.injection_lines (job_id, line_no, raw, msisdn) values (%s, 1, '', '')",
    "uncertain_ranges": "insert into pgjobs.uncertain_ranges values (%s, 0, 1, null, 9, now())",
    "outcomes": "insert into pgjobs.outcomes (job_id, shard, action, code, n) values (%s, 0, 'sent', '', 1)",
    "logs": "insert into pgjobs.log_segments values (%s, 0, 1, 1, 'h', '/p')",
}
LEFT = {
    "checkpoints": "select job_id from pgjobs.checkpoints",
    "lines": "select job_id from pgjobs.injection_lines",
    "uncertain_ranges": "select job_id from pgjobs.uncertain_ranges",
    "outcomes": "select job_id from pgjobs.outcomes",
    "logs": "select job_id from pgjobs.log_segments where remove_asked_at is null",
    "jobs": "select id from xmp_jobs",
    "events": "select distinct job_id from pgjobs.events",
    "callbacks": "select distinct job_id from pgjobs.callbacks",
}
ENDED = {"done", "canceled", "error"}
CLEARED = {
    "checkpoints": {"done"},
    "lines": ENDED,
    "uncertain_ranges": {"done"},
    "outcomes": {"done"},
    "logs": ENDED,
    "jobs": ENDED,
    "events": {"done"},
}
"""In which states a job has to be so that what a rule names is cleared."""


def ago(db: Db, job: int, days: int) -> None:
    """Put all that a job has done so many days into the past."""
    with db.transaction():
        db.execute("set local session_replication_role = replica")
        db.execute(
            "update xmp_jobs set created_at = created_at - make_interval(days => %(d)s),"
            " finish_at = finish_at - make_interval(days => %(d)s) where id = %(j)s",
            {"d": days, "j": job},
        )
        db.execute("update pgjobs.events set at = at - make_interval(days => %s) where job_id = %s", (days, job))
        db.execute(
            "update pgjobs.callbacks set closed_at = closed_at - make_interval(days => %s) where job_id = %s",
            (days, job),
        )


def with_rows(db: Db, status: str, days: int) -> int:
    """A job that came to a status so many days ago, with a row in each table."""
    job = job_in(db, status)
    for insert in ROWS.values():
        db.execute(insert.encode(), (job,))
    ago(db, job, days)
    return job


@pytest.mark.parametrize("what", CLEARED)
def test_what_is_old_goes_and_an_open_job_keeps_all(db: Db, what: str) -> None:
    """Of each table the old rows of ended jobs go; those of open jobs stay, of jobs that ended within the keep time,
    and what a job needs to be resumed, unless the rule says that it can't be resumed then."""
    old = {status: with_rows(db, status, 40) for status in ("ready", "in progress", "canceled", "done", "error")}
    young = [with_rows(db, status, 20) for status in old]
    only(db, what)
    clear(db)
    stay = [job for status, job in old.items() if status not in CLEARED[what]] + young
    assert sorted(stay) == sorted(db.column(LEFT[what]))
    for other in set(ROWS) - {what}:
        expected = stay if what == "jobs" else [*old.values(), *young]
        assert sorted(expected) == sorted(db.column(LEFT[other])), other
    assert 0 < db.value("select cleared from pgjobs.retention where what = %s", what)


def test_closed_callbacks_go_with_their_attempts(db: Db) -> None:
    """Callbacks that were closed long ago go, and their attempts; open ones and those closed lately stay."""
    db.execute("select pgjobs.announce_callbacks(true)")
    jobs = [job_in(db, "done") for _ in range(3)]
    db.execute("insert into pgjobs.callback_attempts select id, 1, now(), 'u', 200, null, 5 from pgjobs.callbacks")
    db.execute("update pgjobs.callbacks set created_at = now() - interval '1 year'")
    db.execute("update pgjobs.callbacks set closed_at = now() where job_id <> %s", (jobs[0],))
    ago(db, jobs[1], 31)
    clear(db)
    assert {jobs[0], jobs[2]} == set(db.column(LEFT["callbacks"]))
    assert 2 == db.value("select count(*) from pgjobs.callback_attempts")


def test_requests_of_yesterday_go(db: Db) -> None:
    """Requests of /api are kept for a day."""
    db.execute("select pgjobs.request_suspended(1, 1, '30 s') from generate_series(1, 2)")
    db.execute("update pgjobs.api_requests set asked_at = now() - interval '25 hours' where id = 1")
    clear(db)
    assert [2] == db.column("select id from pgjobs.api_requests")


def test_old_holds_of_everything_go(db: Db) -> None:
    """Of the kill switch it is kept for a year when it was on; as long as it is on, it stays."""
    for reason in ("first", "second", "third"):
        db.execute("select pgjobs.hold_all(%s)", (reason,))
    db.execute(
        "update pgjobs.switch_holds set begins = '2020-01-01',"
        " ends = case when id = 1 then now() - '370 days'::interval when id = 2 then now() end"
    )
    clear(db)
    assert [2, 3] == db.column("select id from pgjobs.switch_holds order by id")


def test_daemons_that_fell_silent_go(db: Db) -> None:
    """A daemon that has been silent for ten minutes is forgotten."""
    for name in ("idle", "gone"):
        db.execute("select pgjobs.beat(gen_random_uuid(), %s, 'h', 1, '0', '')", (name,))
    db.execute("update pgjobs.daemons set seen_at = now() - interval '11 minutes' where name <> 'idle'")
    db.execute("select pgjobs.forget_daemons()")
    assert ["idle"] == db.column("select name from pgjobs.daemons")


def test_events_of_a_deleted_job_go(db: Db) -> None:
    """Events outlive their job, for as long as they are kept."""
    job, other = job_in(db, "done"), job_in(db, "error")
    for each in (job, other):
        ago(db, each, 400)
    db.execute("delete from xmp_jobs where id = %s", (job,))
    ago(db, job, 400)  # the event of the deletion
    clear(db)
    assert [other] == db.column(LEFT["events"])
    db.execute("delete from xmp_jobs where id = %s", (other,))
    ago(db, other, 400)
    again(db)
    clear(db)
    assert [] == db.column(LEFT["events"])


@pytest.mark.parametrize("what", ["lines", "checkpoints", "events"])
def test_a_batch_is_bounded(db: Db, what: str) -> None:
    """One call takes a bounded number of rows, and says that there is more to be done."""
    job = job_in(db, "done")
    db.execute(
        "insert into pgjobs.injection_lines (job_id, line_no, raw, msisdn)"
        " select %s, g, '', '' from generate_series(1, 25) g",
        (job,),
    )
    db.execute(
        "insert into pgjobs.checkpoints select %s, 0, g, 1, now(), g, 1, 0, 0, g, '', '' from generate_series(1, 25) g",
        (job,),
    )
    db.execute(
        "insert into pgjobs.events (job_id, at, role) select %s, now(), 'x' from generate_series(1, 22) g", (job,)
    )
    ago(db, job, 400)
    only(db, what)
    table = {"lines": "injection_lines"}.get(what, what)
    left = []
    while db.value("select pgjobs.clear_history(10)"):
        left.append(db.value(f"select count(*) from pgjobs.{table}"))  # noqa: S608 - text of the test
    assert [15, 5] == left[:2]
    assert 0 == db.value(f"select count(*) from pgjobs.{table}")  # noqa: S608 - text of the test


def test_nothing_of_a_job_goes_by_default_but_what_nobody_needs(db: Db) -> None:
    """With the defaults a job, its outcomes and its log stay for ever."""
    job = with_rows(db, "done", 4000)
    clear(db)
    for what in ("outcomes", "logs", "jobs"):
        assert [job] == db.column(LEFT[what]), what


def test_a_job_that_ends_again_is_cleared_again(db: Db) -> None:
    """A job that was resumed after its rows had been cleared is looked at again after its next end."""
    job = with_rows(db, "canceled", 400)
    only(db, "lines")
    clear(db)
    db.execute("update pgjobs.shards set cleared = null")
    set_status(db, job, "ready")
    set_status(db, job, "canceled")
    db.execute(ROWS["lines"].encode(), (job,))
    again(db)
    clear(db)
    assert [job] == db.column(LEFT["lines"])
    ago(db, job, 31)
    again(db)
    clear(db)
    assert [] == db.column(LEFT["lines"])


def test_a_job_that_is_being_resumed_keeps_its_rows(db: Db, database: str) -> None:
    """While somebody writes the row of a job, nothing of it is cleared; if it stays as it was, it is cleared later."""
    job = with_rows(db, "error", 400)
    only(db, "lines")
    # Whoever waits for that row instead of passing over it fails here.
    db.execute("set statement_timeout = '10s'")
    with connect(database) as other, other.transaction(force_rollback=True):
        set_status(other, job, "ready")
        clear(db)
        assert [job] == db.column(LEFT["lines"])
    again(db)
    clear(db)
    assert [] == db.column(LEFT["lines"])


def test_a_shard_that_is_still_held_keeps_its_rows(db: Db) -> None:
    """A stopped job whose daemon is just letting go is not touched."""
    job = with_rows(db, "canceled", 400)
    db.execute("insert into pgjobs.shards (job_id) values (%s) on conflict do nothing", (job,))
    db.execute("update pgjobs.shards set owner = gen_random_uuid(), lease_until = now() + interval '1 hour'")
    only(db, "lines")
    clear(db)
    assert [job] == db.column(LEFT["lines"])


def test_a_job_without_its_lines_is_not_resumed(db: Db) -> None:
    """A job whose lines were cleared would end as done without having sent them: resume is refused, with the remedy."""
    job = with_rows(db, "canceled", 400)
    db.execute("insert into pgjobs.shards (job_id) values (%s) on conflict do nothing", (job,))
    clear(db)
    assert [] == db.column(LEFT["lines"])
    for call in ("update xmp_jobs set status = 'ready' where id = %s", "select pgjobs.resume_job(%s)"):
        said = db.refusal(call, job)
        assert ("PJ409", "cleared") == (said.sqlstate, said.constraint_name)
        assert (
            f"job {job} can't be resumed: its lines, its items or its log were cleared after their keep time"
            == said.message_primary
        )
    assert 1 == db.run("delete from xmp_jobs where id = %s", job)


def test_a_job_that_somebody_keeps_holds_up_no_other(db: Db) -> None:
    """Where a foreign key of the operator's keeps a job, the others are cleared, and the rule tells the trouble."""
    kept, job = with_rows(db, "done", 40), with_rows(db, "done", 40)
    db.execute("create table kept (job bigint references xmp_jobs (id))")
    db.execute("insert into kept values (%s)", (kept,))
    only(db, "jobs")
    clear(db)
    assert [kept] == db.column("select id from xmp_jobs")
    assert job not in db.column("select job_id from pgjobs.checkpoints")
    assert db.value("select trouble from pgjobs.retention where what = 'jobs'").startswith(f"job {kept}: ")


def test_a_rule_that_fails_holds_up_no_other(db: Db) -> None:
    """A rule that the database refuses keeps why, and is tried again later; the others have their turn meanwhile."""
    old = with_rows(db, "done", 400)
    db.execute(
        "create function public.keep() returns trigger language plpgsql as $$begin raise 'history is law'; end$$;"
        " create trigger keep before delete on pgjobs.events for each row execute function public.keep()"
    )
    db.execute("update pgjobs.retention set next_at = '-infinity' where what = 'events'")
    clear(db)
    assert old in db.column(LEFT["events"])
    assert old not in db.column(LEFT["checkpoints"])
    trouble, waits = db.row("select trouble, next_at > clock_timestamp() from pgjobs.retention where what = 'events'")
    assert ("history is law (P0001)", True) == (trouble, waits)


def test_keep_times_are_set_by_a_function(db: Db) -> None:
    """A keep time is a day to a thousand years, or null for ever; anything else is one sentence with the remedy."""
    db.execute("select pgjobs.set_retention('events', '2 years')")
    assert 1 == db.value("select count(*) from pgjobs.retention where what = 'events' and keep = '2 years'")
    db.execute("select pgjobs.set_retention('events', null)")
    assert db.value("select keep is null from pgjobs.retention where what = 'events'")
    said = db.refusal("select pgjobs.set_retention('events', '1 hour')")
    assert ("bad_keep", "keep: 01:00:00 is less than a day") == (said.constraint_name, said.message_primary)
    said = db.refusal("select pgjobs.set_retention('events', '10000 years')")
    assert ("bad_keep", "keep: 10000 years is more than 1000 years") == (said.constraint_name, said.message_primary)
    db.execute("select pgjobs.set_retention('events', '1000 years')")
    while db.value("select pgjobs.clear_history()"):
        pass
    said = db.refusal("select pgjobs.set_retention('shards', '1 year')")
    assert ("bad_what", "what: 'shards' is nothing that is cleared") == (said.constraint_name, said.message_primary)
    assert "callbacks" in (said.message_hint or "")


def elected(db: Db, daemon: uuid.UUID) -> bool:
    """Ask for the election, as a daemon does every few seconds."""
    return bool(db.value("select pgjobs.elect(%s, '30 s')", daemon))


def test_one_daemon_is_elected(db: Db) -> None:
    """The first one that asks does the chores; when it falls silent or leaves, another one does."""
    first, second, third = uuid.uuid4(), uuid.uuid4(), uuid.uuid4()
    assert [True, False, True] == [elected(db, first), elected(db, second), elected(db, first)]
    db.execute("update pgjobs.maintenance set lease_until = now() - interval '1 s'")
    assert [True, False] == [elected(db, second), elected(db, first)]
    db.execute("select pgjobs.leave(%s)", (first,))
    assert [False, True] == [elected(db, third), elected(db, second)]
    db.execute("select pgjobs.leave(%s)", (second,))
    assert elected(db, third)


def test_the_chores_pass_on_when_a_daemon_dies(engine: Engine) -> None:
    """Of two daemons one clears; after it was killed the other one does."""
    mine = "(select w.pid from pgjobs.maintenance m join pgjobs.daemons w on w.id = m.daemon)"
    looked = "(select min(next_at) from pgjobs.retention where keep is not null) > '-infinity'"
    first = engine.start()
    engine.wait_until(f"{mine} = {first.pid}")
    engine.wait_until(looked)
    second = engine.start()
    engine.wait_until("(select count(*) from pgjobs.daemons) = 2")
    assert first.pid == engine.value(f"select {mine}")
    first.kill()
    engine.execute("update pgjobs.maintenance set lease_until = now()")
    engine.execute("update pgjobs.retention set next_at = '-infinity'")
    engine.wait_until(f"{mine} = {second.pid}")
    engine.wait_until(looked)


def test_a_daemon_that_is_not_elected_does_no_chores(engine: Engine) -> None:
    """While another one is elected, a daemon clears nothing; the log files of its own host it removes all the same."""
    engine.execute("update pgjobs.maintenance set daemon = gen_random_uuid(), lease_until = now() + interval '1 hour'")
    engine.execute(
        "insert into pgjobs.log_segments (job_id, shard, segment, epoch, host, path, remove_asked_at)"
        " values (1, 0, 1, 1, %s, %s, now())",
        HOST,
        str(engine.log_dir / "gone"),
    )
    engine.start()
    engine.wait_until("(select removed_at is not null from pgjobs.log_segments)")  # one round is over
    assert engine.value("select max(next_at) = '-infinity' from pgjobs.retention")
    assert engine.value("select recounted_at is null from pgjobs.maintenance")


def aged(engine: Engine, *, stopped: bool = False) -> int:
    """A real job of 60 records in windows of 7 that ended (or was stopped in the middle) 400 days ago."""
    engine.add_retries(60, msisdns=40)
    job = engine.add_stopping_job(20) if stopped else engine.add_job("expired")
    daemon = engine.start()
    engine.wait_status(job, "canceled" if stopped else "done")
    daemon.terminate()
    with connect(engine.database_url) as db:
        ago(db, job, 400)
    return job


def clear_now(engine: Engine) -> None:
    """Clear everything whose time is over."""
    with connect(engine.database_url) as db:
        again(db)
        clear(db)


def test_verify_says_what_was_cleared(engine: Engine) -> None:
    """A job whose checkpoints, outcomes and log were cleared is not called broken: verify names what can't be checked
    any more, and finds nothing."""
    job = aged(engine)
    for what in ("outcomes", "logs"):
        engine.execute("select pgjobs.set_retention(%s, '300 days')", what)
    clear_now(engine)
    assert 0 == engine.value("select count(*) from pgjobs.checkpoints")
    remove(engine, HOST)
    found = asyncio.run(examine(engine.database_url, job))
    assert [] == found.findings
    words = "\n".join(found.words())
    assert "checkpoints up to 9 were cleared after their keep time" in words
    assert "its outcomes were cleared" in words
    assert "nothing disagrees, but what was cleared can't be checked any more" in words
    environment = os.environ | {"PGJOBS_DATABASE_URL": engine.database_url}
    command = [sys.executable, "-m", "pgjobs", "verify", str(job)]
    assert NOT_HERE == subprocess.run(command, env=environment, capture_output=True, check=False).returncode


def test_a_stopped_job_goes_on_after_its_checkpoints_were_cleared(engine: Engine) -> None:
    """The last checkpoint of a job that can be resumed stays, so that its log and its chain go on; verify checks what
    was written since and says what it can't check."""
    job = aged(engine, stopped=True)
    before = engine.value("select max(number) from pgjobs.checkpoints")
    clear_now(engine)
    assert [before] == [row["number"] for row in engine.rows("select number from pgjobs.checkpoints")]
    engine.set_status(job, "ready")
    engine.start()
    engine.wait_status(job, "done")
    found = asyncio.run(examine(engine.database_url, job))
    assert ([], 1) == (found.findings, len(found.cleared))
    assert f"checkpoints up to {before - 1} were cleared" in found.cleared[0]
    assert 60 == len(engine.log_lines(job))
    with Path(engine.value("select log_path from xmp_jobs")).open("r+b") as log:
        log.seek(-20, os.SEEK_END)
        log.write(b"#")
    assert asyncio.run(examine(engine.database_url, job)).findings


def remove(engine: Engine, host: str) -> None:
    """Remove log files as a daemon of a host does."""

    async def act() -> None:
        async with await database_connection.connect(engine.database_url, "test") as control:
            await remove_logs(control, host)

    asyncio.run(act())


def test_log_files_are_removed_by_their_host(engine: Engine) -> None:
    """Where the operator wants it, a daemon removes the log files of its own host once the rows say so, and no others;
    then the job may go, and nothing of it is left."""
    job = aged(engine)
    path = Path(engine.value("select log_path from xmp_jobs"))
    remove(engine, HOST)
    assert path.exists()
    for what in ("logs", "jobs"):
        engine.execute("select pgjobs.set_retention(%s, '300 days')", what)
    clear_now(engine)
    remove(engine, "another host")
    assert path.exists()
    assert 1 == engine.value("select count(*) from xmp_jobs")
    engine.start()
    engine.wait_for(lambda: not path.exists(), "the log to be removed")
    engine.wait_until("(select removed_at is not null from pgjobs.log_segments)")
    assert 0 == engine.value("select count(*) from pgjobs.job_logs where job_id = %s", job)
    clear_now(engine)
    assert 0 == engine.value("select count(*) from xmp_jobs")
    assert 0 == engine.value("select count(*) from pgjobs.log_segments")


def test_what_is_no_file_is_not_removed(db: Db, engine: Engine, caplog: pytest.LogCaptureFixture) -> None:
    """A folder, a link, or a file in a folder that is not there now, is left alone and asked for again; a file that is
    gone is gone."""
    target = engine.folder / "target"
    target.touch()
    (engine.folder / "link").symlink_to(target)
    paths = {engine.folder: False, engine.folder / "link": False, engine.folder / "none" / "log": False}
    paths[engine.folder / "gone"] = True
    job = insert_job(db)
    for number, path in enumerate(paths, 1):
        db.execute(
            "insert into pgjobs.log_segments (job_id, shard, segment, epoch, host, path, remove_asked_at)"
            " values (%s, 0, %s, 1, 'h', %s, now())",
            (job, number, str(path)),
        )
    remove(engine, "h")
    removed = db.column("select removed_at is not null from pgjobs.log_segments order by segment")
    assert list(paths.values()) == removed
    assert target.exists()
    assert 3 == caplog.text.count("could not be removed, and is tried again every minute")
