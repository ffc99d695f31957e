"""The same job twice: an idempotency key refuses it, and without one an event warns of it."""

import re
import threading
from pathlib import Path
from typing import Any

import psycopg
import pytest
from fix_jobs import Db, connect, insert_job, set_status
from fix_services import soon
from fix_web import Web

from pgjobs.web.errors import Problem

INSERT = "insert into public.xmp_jobs (type, idempotency_key) values ('expired', %s) returning id"
REMARKS = "select reason from pgjobs.job_events where job_id = %s and to_status is null order by id"
WAITING = "select count(*) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'"


def test_a_key_is_used_once(db: Db) -> None:
    """A second job with the key of another one is refused with a sentence that names that one, and leaves nothing."""
    first = db.value(INSERT, "order 4711")
    diag = db.refusal(INSERT, "order 4711")
    assert ("PJ409", "duplicate_key", "idempotency_key") == (diag.sqlstate, diag.constraint_name, diag.column_name)
    assert f"idempotency_key: job {first} was inserted with this key already" == diag.message_primary
    assert diag.message_hint
    assert [first] == db.column("select id from xmp_jobs")
    assert [first] == db.column("select job_id from pgjobs.events")


def test_a_key_is_used_once_in_one_statement(db: Db) -> None:
    """Of one statement that gives a key twice nothing stays; other keys, and jobs without one, are inserted."""
    many = "insert into xmp_jobs (type, idempotency_key) select 'expired', k from unnest(%s::text[]) k"
    assert "duplicate_key" == db.refusal(many, ["a", "b", "a"]).constraint_name
    assert 4 == db.run(many, ["a", "b", None, None])


@pytest.mark.parametrize("first_is_kept", [True, False])
def test_of_two_inserts_at_once_one_is_kept(db: Db, database: str, first_is_kept: bool) -> None:
    """An insert waits for another one with its key: it is refused if that one commits, and done if it does not."""
    said: list[Any] = []

    def insert() -> None:
        with connect(database) as second:
            try:
                said.append(second.value(INSERT, "once"))
            except psycopg.Error as error:
                said.append(error)

    caller = threading.Thread(target=insert)
    with connect(database) as first:
        first.execute("begin")
        kept = first.value(INSERT, "once")
        caller.start()
        assert soon(lambda: db.value(WAITING) == 1)
        first.execute("commit" if first_is_kept else "rollback")
    caller.join(20)
    if first_is_kept:
        assert ("PJ409", f"idempotency_key: job {kept} was inserted with this key already") == (
            said[0].sqlstate,
            said[0].diag.message_primary,
        )
    assert [kept if first_is_kept else said[0]] == db.column("select id from xmp_jobs")


def test_the_insert_of_the_page_can_be_repeated(db: Db) -> None:
    """What sql/README.md shows inserts a job once, however often it runs, and finds it; the ways of which the page says
    that they do not work do not."""
    page = (Path(__file__).parents[2] / "sql" / "README.md").read_text()
    (shown,) = re.findall(r"^```sql\n(do \$\$\nbegin\n  insert into xmp_jobs.*?)^```$", page, re.MULTILINE | re.DOTALL)
    insert, select = re.split(r"(?<=end \$\$;\n)", shown)
    for _ in range(3):
        db.execute(insert.encode())
        assert [(1, "ready")] == db.execute(select.encode()).fetchall()
    again = "insert into xmp_jobs (type, idempotency_key) values ('expired', 'form 4711') on conflict {} do nothing"
    with pytest.raises(psycopg.errors.InvalidColumnReference):
        db.execute(again.format("(idempotency_key)").encode())
    assert "PJ409" == db.refusal(again.format("")).sqlstate


@pytest.mark.parametrize("level", ["repeatable read", "serializable"])
def test_a_key_that_was_taken_since_the_snapshot_is_a_serialization_failure(db: Db, database: str, level: str) -> None:
    """As sql/README.md says: the loser gets 40001, and the repeated transaction PJ409."""
    with connect(database) as loser:
        loser.execute(f"begin isolation level {level}".encode())
        loser.execute("select count(*) from xmp_jobs")
        kept = db.value(INSERT, "once")
        with pytest.raises(psycopg.errors.SerializationFailure):
            loser.value(INSERT, "once")
        loser.execute("rollback")
        loser.execute(f"begin isolation level {level}".encode())
        assert "PJ409" == loser.refusal(INSERT, "once").sqlstate
        loser.execute("rollback")
    assert [kept] == db.column("select id from xmp_jobs")


def test_no_index_is_needed(db: Db) -> None:
    """Where the operator's table has no index on its keys, a key is used once all the same."""
    db.execute("drop index pgjobs_jobs_key_idx")
    db.value(INSERT, "a")
    assert "duplicate_key" == db.refusal(INSERT, "a").constraint_name


def test_the_job_of_a_key_is_found_by_an_index(db: Db) -> None:
    """Whoever is refused can look up the other job by its key, without reading the whole table."""
    db.execute("insert into xmp_jobs (type, run_at) select 'expired', '2100-01-01' from generate_series(1, 2000)")
    job = db.value(INSERT, "a")
    db.execute("analyze xmp_jobs")
    assert "pgjobs_jobs_key_idx" in str(db.column("explain select id from xmp_jobs where idempotency_key = 'a'"))
    assert job == db.value("select id from xmp_jobs where idempotency_key = 'a'")


@pytest.mark.parametrize(
    ("key", "sentence"),
    [
        ("", "idempotency_key: it is empty"),
        (" \n", "idempotency_key: it is empty"),
        ("x" * 201, "idempotency_key: it has 201 characters"),
    ],
)
def test_a_key_that_cannot_be_is_refused(db: Db, key: str, sentence: str) -> None:
    """A key without content, or longer than 200 characters, is refused with a sentence and a remedy."""
    diag = db.refusal(INSERT, key)
    assert ("PJ400", "bad_idempotency_key", "idempotency_key") == (
        diag.sqlstate,
        diag.constraint_name,
        diag.column_name,
    )
    assert (sentence, "give 1 to 200 characters, or leave it out") == (diag.message_primary, diag.message_hint)


def test_the_longest_key_is_one(db: Db) -> None:
    """200 characters of four bytes each are a key, and a second one is still noticed."""
    db.value(INSERT, "\N{GRINNING FACE}" * 200)
    assert "duplicate_key" == db.refusal(INSERT, "\N{GRINNING FACE}" * 200).constraint_name


@pytest.mark.parametrize(("before", "after"), [("a", "b"), ("a", None), (None, "b")])
def test_a_key_never_changes(db: Db, before: str | None, after: str | None) -> None:
    """A job keeps the key that it was inserted with, or none."""
    job = db.value(INSERT, before)
    diag = db.refusal("update xmp_jobs set idempotency_key = %s where id = %s", after, job)
    assert ("PJ409", "fixed", "idempotency_key") == (diag.sqlstate, diag.constraint_name, diag.column_name)


def test_a_deleted_job_frees_its_key(db: Db) -> None:
    """A key belongs to its job: when that is deleted, another one may have it."""
    db.execute("delete from xmp_jobs where id = %s", (db.value(INSERT, "a"),))
    job = db.value(INSERT, "a")
    assert [("a", job)] == db.execute("select key, job_id from pgjobs.idempotency_keys").fetchall()


def test_by_http_the_refusal_is_a_conflict(web: Web, db: Db) -> None:
    """A door that inserts a job answers a used key with 409 and the sentence of SQL."""
    db.execute(
        "create function public.order_job(_key text) returns bigint language sql security definer as"
        " $$ insert into public.xmp_jobs (type, idempotency_key) values ('expired', _key) returning id $$"
    )
    first = db.value(INSERT, "a")
    with pytest.raises(Problem) as caught:
        web.within(lambda _: web.app.state.database.value("select public.order_job(%s)", "a"))
    problem = caught.value
    assert (409, "duplicate_key") == (problem.status, problem.code)
    assert f"idempotency_key: job {first} was inserted with this key already" == problem.sentence


def test_an_equal_job_is_remarked(db: Db) -> None:
    """The events of a second equal job say when the first one was inserted and what became of it; it is inserted."""
    columns: dict[str, object] = {"params": {"count": 5}, "id_user": 7}
    db.execute("set pgjobs.now = '2030-01-01Z'")
    first = insert_job(db, "expired", **columns)
    db.execute("update xmp_jobs set created_at = '2029-12-31T23:59:48Z' where id = %s", (first,))
    set_status(db, first, "canceled")
    second = insert_job(db, "expired", **columns)
    assert [
        f"the same job (user, type, params and file) was inserted 12 s ago as job {first}, which is canceled"
    ] == db.column(REMARKS, second)
    assert [] == db.column(REMARKS, first)


@pytest.mark.parametrize(
    ("age", "words"),
    [("119 s", "119 s"), ("5 min", "5 min"), ("3 h", "3 h"), ("23 h 59 min", "24 h"), ("25 h", None), ("-1 h", "0 s")],
)
def test_an_equal_job_counts_for_a_day(db: Db, age: str, words: str | None) -> None:
    """A job of yesterday is no double click, and a younger one has its age in words; a clock that was wrong is none."""
    db.execute("set pgjobs.now = '2030-01-01Z'")
    insert_job(db)
    db.execute("update xmp_jobs set created_at = timestamptz '2030-01-01Z' - %s::interval", (age,))
    remarks = db.column(REMARKS, insert_job(db))
    assert ([True] if words else []) == [f"was inserted {words} ago" in remark for remark in remarks]


@pytest.mark.parametrize(
    "other",
    [{"id_user": 8}, {"params": {"count": 6}}, {"file_name": "b.csv"}, {"type_": "expired", "file_name": ""}],
)
def test_another_job_is_not_remarked(db: Db, other: dict[str, Any]) -> None:
    """Another user, type, file or parameter makes another job."""
    insert_job(db, "injection", id_user=7, params={"count": 5}, file_name="a.csv")
    columns: dict[str, Any] = {"id_user": 7, "params": {"count": 5}, "file_name": "a.csv"} | other
    assert [] == db.column(REMARKS, insert_job(db, columns.pop("type_", "injection"), **columns))


def test_the_newest_equal_job_is_named_among_many(db: Db) -> None:
    """Where there are several, the newest is named, and jobs of another type with the same columns hide none."""
    db.execute("insert into xmp_job_types (name, selector, routing_key, params) select 'other', selector, routing_key,"
               " params from xmp_job_types where name = 'expired'")  # fmt: skip
    insert_job(db)
    newest = insert_job(db)
    insert_job(db, "other")
    assert [True] == [f"as job {newest}, which is ready" in remark for remark in db.column(REMARKS, insert_job(db))]


def test_equal_jobs_of_one_transaction_are_not_remarked(db: Db) -> None:
    """Whoever inserts the same job many times in one transaction means it."""
    with db.transaction():
        made = [insert_job(db) for _ in range(3)]
    assert [[], [], []] == [db.column(REMARKS, job) for job in made]


def test_without_its_index_nothing_is_looked_for(db: Db) -> None:
    """Where the operator's table could not be indexed, no insert reads the whole table; there is no remark then."""
    db.execute("drop index pgjobs_jobs_equal_idx")
    insert_job(db)
    assert [] == db.column(REMARKS, insert_job(db))


def test_equal_jobs_are_looked_for_by_the_index(db: Db) -> None:
    """Among 20,000 jobs an insert reads a few pages, also in a session that began with an empty table, and where every
    job is equal."""
    read = "select blks_hit + blks_read from pg_stat_database where datname = current_database()"
    many = (
        "insert into xmp_jobs (type, params, run_at)"
        " select 'expired', jsonb_build_object('count', i %% %s + 1), '2100-01-01' from generate_series(1, 10000) i"
    )
    # What the server would do by itself meanwhile is counted as well.
    for table in ("xmp_jobs", "pgjobs.shards", "pgjobs.events", "pgjobs.job_counts"):
        db.execute(f"alter table {table} set (autovacuum_enabled = off)".encode())
    for _ in range(6):
        insert_job(db, params={"count": 1})
    for kinds in (1, 10000):
        db.execute(many.encode(), (kinds,))
    db.execute("select pg_stat_force_next_flush()")
    before = db.value(read)
    for _ in range(100):
        insert_job(db, params={"count": 1})
    db.execute("select pg_stat_force_next_flush()")
    assert db.value(read) - before < 100 * 150
