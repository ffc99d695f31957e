"""The derived states of a job, its GUID, its revision, and the requests that are kept for an Idempotency-Key."""

import json
import uuid
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest
from fix_jobs import Db, job_in
from fix_services import soon

STATE = "select pgjobs.job_state(j) from xmp_jobs j where id = %s"
WAITING = "select count(*) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'"
KNOWN = "select pgjobs.known_request(%s, %s)"
KEEP = "select pgjobs.keep_request(%s, %s, %s)"


def asked(key: str, digest: str) -> str:
    return json.dumps({"key": key, "digest": digest})


def state_of(db: Db, job: int) -> str:
    return str(db.value(STATE, job))


DERIVED = [
    ("ready", "", "waiting"),
    ("ready", "update xmp_jobs set active = false where id = %(id)s", "inactive"),
    (
        "ready",
        (
            "update pgjobs.shards set started_at = now() where job_id = %(id)s;"
            "update xmp_jobs set active = false where id = %(id)s"
        ),
        "paused",
    ),
    ("in progress", "update pgjobs.shards set prepared_at = null where job_id = %(id)s", "preparing"),
    ("in progress", "update pgjobs.shards set prepared_at = now() where job_id = %(id)s", "running"),
    ("in progress", "select pgjobs.pause_job(%(id)s)", "paused"),
    ("in progress", "select pgjobs.hold_all('a deploy')", "paused"),
    (
        "canceled",
        (
            "update pgjobs.shards set owner = gen_random_uuid(), lease_until = now() + interval '1 min'"
            " where job_id = %(id)s"
        ),
        "stopping",
    ),
    ("canceled", "", "stopped"),
    ("canceled", "insert into pgjobs.cancellations (job_id, at) values (%(id)s, now())", "cancelling"),
    ("canceled", "insert into pgjobs.cancellations values (%(id)s, now(), null, now())", "cancelled"),
    ("canceled", "update pgjobs.shards set cleared = '{items}' where job_id = %(id)s", "cancelled"),
    ("done", "", "finished"),
    ("error", "", "broken"),
    ("error", "update pgjobs.shards set cleared = '{items}' where job_id = %(id)s", "ended_broken"),
]
STATES = {state for _, _, state in DERIVED}


@pytest.mark.parametrize(("status", "changes", "state"), DERIVED)
def test_a_state_is_derived(db: Db, status: str, changes: str, state: str) -> None:
    """Each of the twelve states follows from the row, its shards and what holds it; nothing else keeps it."""
    job = job_in(db, status)
    db.execute("update pgjobs.shards set owner = null, lease_until = null where job_id = %s", (job,))
    for change in filter(None, changes.split(";")):
        db.execute(change, {"id": job})
    assert state == state_of(db, job)


def test_each_state_has_words_at_each_door(db: Db) -> None:
    """Every state that a job can have is known to every door."""
    words = "select count(*), count(w.page) from unnest(%s::text[]) s left join pgjobs.state_words(s) w on true"
    assert (12, 12) == db.row(words, sorted(STATES))


def test_a_guid_is_given_once_and_finds_the_job(db: Db) -> None:
    """A new job has a random GUID which nobody changes; the GUID of an older one is made of its number."""
    job, older = job_in(db, "ready"), job_in(db, "done")
    guid = db.value("select guid from xmp_jobs where id = %s", job)
    assert isinstance(guid, uuid.UUID)
    db.execute("update xmp_jobs set guid = gen_random_uuid(), notes = 'mine' where id = %s", (job,))
    assert guid == db.value("select guid from xmp_jobs where id = %s", job)
    assert job == db.value("select pgjobs.job_of_guid(%s)", guid)
    db.execute("alter table xmp_jobs disable trigger user")
    db.execute("update xmp_jobs set guid = null where id = %s", (older,))
    db.execute("alter table xmp_jobs enable trigger user")
    made = db.value("select pgjobs.guid_of(id, guid) from xmp_jobs where id = %s", older)
    assert older == db.value("select pgjobs.job_of_guid(%s)", made)
    # What is made of the number of a job that has a GUID of its own finds nothing.
    assert db.value("select pgjobs.job_of_guid(pgjobs.guid_of(%s, null))", job) is None
    assert db.value("select pgjobs.job_of_guid(%s)", uuid.uuid4()) is None


@pytest.mark.parametrize("number", [1, 4095, 4096, 2**31, 2**48 + 5, 2**60 - 1])
def test_a_made_guid_keeps_the_whole_number(db: Db, number: int) -> None:
    """Numbers of any length come back from the GUID that is made of them."""
    job = job_in(db, "done")
    db.execute("alter table xmp_jobs disable trigger user")
    db.execute("update xmp_jobs set guid = null, id = %s where id = %s", (number, job))
    db.execute("alter table xmp_jobs enable trigger user")
    assert number == db.value("select pgjobs.job_of_guid(pgjobs.guid_of(%s, null))", number)


def test_a_change_of_another_revision_is_refused(db: Db) -> None:
    """Whoever names the revision that was read is refused once somebody has changed the job; without one nobody is."""
    job = job_in(db, "ready")
    read = db.value("select xmin::text from xmp_jobs where id = %s", job)
    db.execute("select pgjobs.expect_revision(%s, %s)", (job, ["1", read]))
    db.execute("update xmp_jobs set notes = 'changed' where id = %s", (job,))
    with pytest.raises(psycopg.Error, match=f"job {job} was changed meanwhile") as caught:
        db.execute("select pgjobs.expect_revision(%s, %s)", (job, [read]))
    assert ("PJ412", "If-Match") == (caught.value.sqlstate, caught.value.diag.column_name)
    db.execute("select pgjobs.expect_revision(%s, null)", (job,))


def test_the_same_request_gets_the_same_answer(db: Db) -> None:
    """The first request under a key is new, the same one again gets its answer, another one is refused."""
    assert db.value(KNOWN, "token a", asked("k", "d")) is None
    db.execute(KEEP, ("token a", asked("k", "d"), '{"id": 7}'))
    assert {"id": 7} == db.value(KNOWN, "token a", asked("k", "d"))
    assert db.value(KNOWN, "token b", asked("k", "d")) is None
    assert db.value(KNOWN, "token a", None) is None
    with pytest.raises(psycopg.Error, match="was sent with another request") as caught:
        db.execute(KNOWN, ("token a", asked("k", "other")))
    assert ("PJ409", "key_reused") == (caught.value.sqlstate, caught.value.diag.constraint_name)


def test_of_two_requests_at_once_the_second_waits_for_the_first(db: Db, database: str) -> None:
    """While the first one is open the second waits; then it gets the answer, and where the first failed it is new."""
    for ends, expected in (("commit", {"id": 7}), ("rollback", None)):
        with psycopg.connect(database) as first, psycopg.connect(database) as second:
            first.execute(KNOWN, ("token a", asked(ends, "d")))
            first.execute(KEEP, ("token a", asked(ends, "d"), '{"id": 7}'))
            with ThreadPoolExecutor(1) as pool:
                waiting = pool.submit(second.execute, KNOWN, ("token a", asked(ends, "d")))
                assert soon(lambda: db.value(WAITING) == 1)
                getattr(first, ends)()
                assert (expected,) == waiting.result(30).fetchone()
