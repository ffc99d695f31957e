"""Of a type that keeps the last jobs alone, what is kept of older ones goes; the jobs and their counters stay."""

import pytest
from fix_jobs import Db, connect, insert_job, job_in

ROWS = {
    "items": "insert into pgjobs.items (job_id, key, status) select %s, g, 's' from generate_series(1, 3) g",
    "refused_records": "insert into pgjobs.refused_records (job_id, key, code) values (%s, 1, 'x')",
    "injection_lines": "insert into pgjobs.injection_lines (job_id, line_no, raw, msisdn) values (%s, 1, '', '')",
    "checkpoints": "insert into pgjobs.checkpoints values (%s, 0, 1, 1, now(), 9, 1, 0, 0, 50, '', '')",
    "uncertain_ranges": "insert into pgjobs.uncertain_ranges values (%s, 0, 1, null, 9, now())",
    "log_segments": "insert into pgjobs.log_segments values (%s, 0, 1, 1, 'h', '/p')",
    "outcomes": "insert into pgjobs.outcomes (job_id, shard, action, code, n) values (%s, 0, 'sent', '', 1)",
    "item_counts": "insert into pgjobs.item_counts values (%s, 0, 's', 3)",
    "events": "insert into pgjobs.events (job_id, at, role) values (%s, now(), 'x')",
}
STAYS = ("outcomes", "item_counts", "shards")


def filled(db: Db, status: str = "done", **columns: object) -> int:
    """A job with a row in each table, and in more than one in that of the items."""
    job = job_in(db, status, **columns)
    for insert in ROWS.values():
        db.execute(insert.encode(), (job,))
    return job


def keep(db: Db, number: int | None, type_: str = "expired") -> None:
    db.execute("update xmp_job_types set keep_the_last = %s where name = %s", (number, type_))


def clear(db: Db, most: int = 5000) -> int:
    """Clear until nothing is left to be done; how many calls said that there is more."""
    more = 0
    while db.value("select pgjobs.clear_beyond_last(%s)", most):
        more += 1
    return more


def have(db: Db, table: str) -> list[int]:
    """The jobs that have something in a table."""
    left = " where remove_asked_at is null" if table == "log_segments" else ""
    return db.column(f"select distinct job_id from pgjobs.{table}{left} order by 1")  # noqa: S608 - text of the test


@pytest.mark.parametrize("when", ["before", "afterwards"])
def test_of_the_last_jobs_everything_stays(db: Db, when: str) -> None:
    """Whether the type said so before they ended or says so now: of older ones their row and their counters stay."""
    if when == "before":
        keep(db, 2)
    old, last = [filled(db), filled(db)], [filled(db), filled(db)]
    if when == "afterwards":
        keep(db, 2)
    other = filled(db, type="injection", params='{"service_id": 1}', file_name="x")
    clear(db)
    assert [*old, *last, other] == db.column("select id from xmp_jobs order by id")
    for table in ROWS:
        assert [*(old if table in STAYS else []), *last, other] == have(db, table), table
    assert [["items", "logs"], ["items", "logs"], None, None] == db.column(
        "select cleared from pgjobs.shards where job_id <> %s order by job_id", other
    )
    assert 2 == db.value("select count(*) from pgjobs.ended_jobs")


def test_a_job_that_can_be_resumed_is_neither_counted_nor_cleared(db: Db) -> None:
    """Only what is done, or cancelled for good with all its items closed, has ended for good."""
    keep(db, 1)
    first, stopped, broken, cancelled = (filled(db, status) for status in ("done", "canceled", "error", "canceled"))
    db.execute("select pgjobs.cancel_job(%s)", (cancelled,))
    clear(db)
    assert [stopped, broken, cancelled] == have(db, "items")
    db.execute("update pgjobs.cancellations set closed_at = null where job_id = %s", (cancelled,))
    newest = filled(db)
    clear(db)
    assert [stopped, broken, cancelled, newest] == have(db, "items")
    db.execute("update pgjobs.cancellations set closed_at = now() where job_id = %s", (cancelled,))
    clear(db)
    assert [stopped, broken, newest] == have(db, "items")
    assert [stopped, broken, newest] == have(db, "events")
    assert [stopped, broken, newest] == have(db, "log_segments")
    assert first not in have(db, "checkpoints")


def test_what_goes_goes_in_batches(db: Db) -> None:
    """One call takes a bounded number of rows, and says that there is more."""
    keep(db, 1)
    job, last = filled(db), filled(db)
    db.execute("insert into pgjobs.items (job_id, key) select %s, g from generate_series(11, 35) g", (job,))
    left = []
    while db.value("select pgjobs.clear_beyond_last(10)"):
        left.append(db.value("select count(*) from pgjobs.items where job_id = %s", job))
    assert [18, 8] == left[:2]
    for table in set(ROWS) - set(STAYS):
        assert [last] == have(db, table), table
    assert not db.value("select pgjobs.clear_beyond_last(10)")


def test_a_number_that_changes_is_followed(db: Db) -> None:
    """Fewer: more goes now. Null: nothing goes any more. A job that is deleted is not looked for."""
    keep(db, 3)
    jobs = [filled(db) for _ in range(5)]
    clear(db)
    assert jobs[2:] == have(db, "items")
    keep(db, 2)
    clear(db)
    assert jobs[3:] == have(db, "items")
    keep(db, None)
    jobs += [filled(db) for _ in range(3)]
    clear(db)
    assert jobs[3:] == have(db, "items")
    keep(db, 4)
    db.execute("delete from xmp_jobs where id = %s", (jobs[-1],))
    clear(db)
    assert jobs[3:7] == have(db, "items")
    assert jobs[3:7] == db.column("select job_id from pgjobs.ended_jobs order by at, job_id")


def test_a_job_whose_row_is_being_written_is_looked_at_later(db: Db, database: str) -> None:
    """It holds up no other one."""
    keep(db, 1)
    written, other, last = filled(db), filled(db), filled(db)
    db.execute("set statement_timeout = '10s'")
    with connect(database) as writing, writing.transaction(force_rollback=True):
        writing.execute("update xmp_jobs set callback_url = 'http://localhost/' where id = %s", (written,))
        clear(db)
        assert [written, last] == have(db, "items")
    clear(db)
    assert [last] == have(db, "items")
    assert other not in have(db, "events")


@pytest.mark.parametrize("number", [0, -1])
def test_a_number_that_keeps_none_is_refused(db: Db, number: int) -> None:
    """One sentence, and what to write."""
    said = db.refusal("update xmp_job_types set keep_the_last = %s", number)
    assert ("PJ400", "keep_the_last") == (said.sqlstate, said.column_name)
    assert f"keep_the_last: {number} is out of range" == said.message_primary


def test_a_new_job_is_no_ended_one(db: Db) -> None:
    """What has not begun is not counted."""
    keep(db, 1)
    done = filled(db)
    for _ in range(3):
        insert_job(db)
    clear(db)
    assert [done] == have(db, "items")
