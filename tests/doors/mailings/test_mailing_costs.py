"""What the statistics of mailings cost: the same however many mailings and messages there have been."""

from fix_jobs import Db

MANY = 3000


def test_statistics_cost_what_runs(db: Db) -> None:
    """Of thousands of mailings that are over, those over all read a handful of rows; of one, its own counters."""
    db.execute(
        "insert into xmp_jobs (type, params, stop_at) select 'mailing', '{\"text\": \"hello\"}', now() + interval '1 h'"
        " from generate_series(1, %s) n",
        (MANY,),
    )
    db.execute("insert into pgjobs.item_counts select j.id, 0, 's', 5 from xmp_jobs j")
    db.execute("insert into pgjobs.item_counts select max(j.id), 1, 'l', 7 from xmp_jobs j")
    db.execute("alter table xmp_jobs disable trigger user")
    db.execute("update xmp_jobs set status = 'in progress'")
    db.execute("alter table xmp_jobs enable trigger user")
    db.execute("insert into pgjobs.open_totals (job_id, type) select id, 'mailing' from xmp_jobs")
    db.execute("update pgjobs.shards set finished_at = now()")
    db.execute("update xmp_jobs set status = 'done' where id < (select max(id) from xmp_jobs)")
    assert 1 == db.value("select count(*) from pgjobs.open_totals")
    db.execute("select pgjobs.fold_counts()")
    db.execute("vacuum analyze pgjobs.item_totals, pgjobs.open_totals, pgjobs.item_counts, xmp_jobs")
    last = db.value("select max(id) from xmp_jobs")
    answer = db.value("select pgjobs.mailing_statistics()::json")
    assert {"Pending": 7, "SENT": 5 * MANY} == {row["status"]: row["count"] for row in answer["message_data"]}
    assert MANY == answer["total_mailings"]
    with db.transaction():
        assert db.rows_read("select pgjobs.mailing_statistics()") < 40
    with db.transaction():
        assert db.rows_read(f"select pgjobs.mailing_statistics({last})") < 20
    with db.transaction():
        assert db.rows_read("select pgjobs.metrics()") < 2 * MANY


def test_a_mailing_that_broke_off_is_added_up_with_its_items(db: Db) -> None:
    """Once its items were cleared it can't go on: what was open counts as failed, and it costs nothing any more."""
    job = db.value(
        "insert into xmp_jobs (type, params, stop_at) values ('mailing', '{\"text\": \"hello\"}', now() + interval"
        " '1 h') returning id"
    )
    db.execute("select * from pgjobs.claim_shards(gen_random_uuid(), '{}', true, '60 s')")
    db.execute(
        "insert into pgjobs.items (job_id, key, status) values (%s, 1, 's'), (%s, 2, 'w'), (%s, 3, 'l')", (job,) * 3
    )
    db.execute("insert into pgjobs.item_counts select %s, 0, s::\"char\", 1 from unnest('{s,w,l}'::text[]) s", (job,))
    db.execute("update pgjobs.shards set owner = null, lease_until = null")
    db.execute("update xmp_jobs set status = 'error'")
    before = db.value("select pgjobs.mailing_statistics()::json")
    assert {"Pending": 2, "SENT": 1} == {row["status"]: row["count"] for row in before["message_data"]}
    finished = db.value("select finish_at from xmp_jobs")
    assert 3 == db.value("select pgjobs.clear_of_job('items', %s, %s, 1000)", job, finished)
    assert 0 == db.value("select count(*) from pgjobs.open_totals")
    after = db.value("select pgjobs.mailing_statistics()::json")
    assert {"FAILED": 2, "SENT": 1} == {row["status"]: row["count"] for row in after["message_data"]}
