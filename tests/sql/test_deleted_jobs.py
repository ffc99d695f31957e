"""Deleting jobs: not while they run; what the engine kept of them goes with them, and their events stay."""

from fix_jobs import Db, insert_job, job_in, set_status

CHECKPOINT = "job_id, shard, number, epoch, at, last_key, sent, skipped, returned, bytes, chain, checks"


def test_a_running_job_is_not_deleted(db: Db) -> None:
    """A job in progress, and a stopped one whose daemon still holds it, can't be deleted; a stopped and
    released one can."""
    job = job_in(db, "in progress")
    delete = "delete from xmp_jobs where id = %s"
    assert ("PJ409", "running") == ((said := db.refusal(delete, job)).sqlstate, said.constraint_name)
    db.execute("update pgjobs.shards set owner = gen_random_uuid(), lease_until = now() + interval '1 hour'")
    set_status(db, job, "canceled")
    assert "PJ409" == db.refusal(delete, job).sqlstate
    db.execute("update pgjobs.shards set owner = null, lease_until = null")
    assert 1 == db.run(delete, job)


def test_a_deleted_job_leaves_only_its_history(db: Db) -> None:
    """Everything the engine kept of a deleted job goes with it, so that a new job of the same number starts
    from nothing; its events stay."""
    db.execute("select pgjobs.announce_callbacks(true)")
    job, other = job_in(db, "done"), job_in(db, "done")
    for table, columns, values in (
        ("outcomes", "job_id, shard, action, code, n", "{}, 0, 'sent', '', 1"),
        ("uncertain_ranges", "job_id, shard, epoch, to_key, at", "{}, 0, 1, 9, now()"),
        ("checkpoints", CHECKPOINT, "{}, 0, 1, 1, now(), 9, 1, 0, 0, 50, '', ''"),
        ("log_segments", "job_id, shard, segment, epoch, host, path", "{}, 0, 1, 1, 'h', '/p'"),
        ("injection_lines", "job_id, line_no, raw, msisdn", "{}, 1, '', ''"),
    ):
        for number in (job, other):
            db.run(f"insert into pgjobs.{table} ({columns}) values ({values.format(number)})")  # noqa: S608 - text of the test
    db.execute("delete from xmp_jobs where id = %s", (job,))
    tables = (
        "shards",
        "outcomes",
        "uncertain_ranges",
        "checkpoints",
        "log_segments",
        "injection_lines",
        "callbacks",
    )
    left = {table: db.column(f"select job_id from pgjobs.{table}") for table in tables}  # noqa: S608 - text of the test
    assert {table: [other] for table in tables} == left
    assert 3 == db.value("select count(*) from pgjobs.events where job_id = %s and to_status is not null", job)
    assert insert_job(db, id=job) == job
    set_status(db, job, "in progress")
    assert (None, None) == db.row("select prepared_at, finished_at from pgjobs.shards where job_id = %s", job)


def test_xmp_jobs_is_not_truncated(db: Db) -> None:
    """Truncating would leave the engine's side of the jobs behind for the next job of the same number:
    refused, with the remedy."""
    insert_job(db)
    said = db.refusal("truncate xmp_jobs restart identity")
    assert ("PJ409", "truncate", "use delete from xmp_jobs") == (
        said.sqlstate,
        said.constraint_name,
        said.message_hint,
    )
    assert 1 == db.value("select count(*) from xmp_jobs")
