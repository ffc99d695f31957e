"""Items that are written before a job begins: in the background, whatever its run_at and active say, and once.

Nothing is left behind by a daemon that is killed meanwhile, nor of a job that was changed, stopped or deleted.
"""

import asyncio
import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import psycopg
import pytest
from fix_directory import Diagnosis, add_entities, add_operation, add_type
from fix_jobs import Db, connect
from fix_rounds import GOOD, settled
from fix_services import soon
from psycopg.types.json import Jsonb

from pgjobs.joblog.verify import examine

SOON = "select pgjobs.expand_soon(%s)"
WRITTEN = "not exists (select from pgjobs.shards p where p.job_id = %s and p.expand)"
WAITS = (
    "exists (select from pg_stat_activity where datname = current_database()"
    " and query like '%%expand_items(%%' and wait_event_type = 'Lock')"
)


@pytest.fixture
def directory(db: Db) -> Db:
    """A database with the type `diagnosis` and 20 entities."""
    add_type(db)
    add_entities(db, 20)
    return db


def kept(on: psycopg.Connection[Any], job: int) -> tuple[Any, ...]:
    """How many items and bodies a job has, what is counted, and whether more are to be written."""
    row = on.execute(
        "select (select count(*) from pgjobs.items i where i.job_id = p.job_id),"
        " (select coalesce(sum(cardinality(b.keys)), 0) from pgjobs.item_bodies b where b.job_id = p.job_id),"
        " (select coalesce(sum(c.n), 0) from pgjobs.item_counts c where c.job_id = p.job_id and c.status = 'w'),"
        " p.attempt is not null, p.expand"
        " from pgjobs.shards p where p.job_id = %s",
        (job,),
    ).fetchone()
    assert isinstance(row, tuple)
    return row


# --- in SQL ---------------------------------------------------------------------------------------------------------


def test_a_job_is_preparing_until_its_items_are_there(directory: Db) -> None:
    """Asked for, its state is preparing and why says so; written, it is what it was, with all its items."""
    job = add_operation(directory, {"tags": ["even"]})
    state = "select pgjobs.job_state(j), pgjobs.why(j.id) from xmp_jobs j where j.id = %s"
    assert directory.value(SOON, job)
    assert ("preparing", 'no daemon is alive: start one with "pgjobs daemon"') == directory.row(state, job)
    directory.execute(
        "insert into pgjobs.daemons (id, name, host, pid, version, started_at, seen_at)"
        " values (gen_random_uuid(), 'd', 'h', 1, '1', now(), now())"
    )
    inactive = f'it is not active: run "pgjobs resume {job}", or set active = true in SQL'
    writing = f"its items are just being written; and {inactive}"
    assert ("preparing", writing) == directory.row(state, job)
    assert job == directory.value("select pgjobs.next_expansion('{}')")
    assert 8 == directory.value("select pgjobs.expand_items(%s, true)", job)
    assert ("inactive", inactive) == directory.row(state, job)
    assert (8, 8, 8, True, False) == kept(directory, job)
    assert None is directory.value("select pgjobs.next_expansion('{}')")
    assert None is directory.value("select pgjobs.expand_items(%s, true)", job)


def test_daemons_are_told_at_once(directory: Db, database: str) -> None:
    """Who asks for items sends a notification that says so."""
    job = add_operation(directory, {"tags": ["even"]})
    with connect(database) as listener:
        listener.execute("listen pgjobs")
        directory.execute(SOON, (job,))
        (told,) = (json.loads(each.payload) for each in listener.notifies(timeout=60, stop_after=1))
    assert {"id": job, "status": "ready", "expand": True} == told


def test_what_keeps_no_items_is_not_expanded(directory: Db) -> None:
    """A list, a dry run, another type and a job that has begun have none to be written before."""
    begun = add_operation(directory, {"tags": ["even"]}, active=True)
    directory.execute("select * from pgjobs.claim_shards(gen_random_uuid(), '{}', true, interval '1 hour')")
    listed = add_operation(directory, {"listed": True})
    dry = add_operation(directory, {"tags": ["even"], "dry_run": True})
    other = add_operation(directory, {}, type="expired")
    for job in (begun, listed, dry, other, 404):
        assert not directory.value(SOON, job)


def test_changed_params_choose_anew(directory: Db) -> None:
    """What was written for other params goes when the new items are written, and no more of them are counted."""
    job = add_operation(directory, {"tags": ["even"]})
    directory.execute(SOON, (job,))
    directory.execute("select pgjobs.expand_items(%s, true)", (job,))
    directory.execute("update xmp_jobs set params = %s where id = %s", (Jsonb({"tags": ["rare"]}), job))
    assert (8, 8, 8, False, True) == kept(directory, job)
    assert 1 == directory.value("select pgjobs.expand_items(%s, true)", job)
    assert (1, 1, 1, True, False) == kept(directory, job)


@pytest.mark.parametrize("stopped", [False, True], ids=["at once", "after a stop"])
def test_stale_items_are_never_sent(directory: Db, stopped: bool) -> None:
    """A job that begins before its new items are written in the background writes them itself."""
    job = add_operation(directory, {"tags": ["even"]})
    directory.execute(SOON, (job,))
    directory.execute("select pgjobs.expand_items(%s, true)", (job,))
    directory.execute("update xmp_jobs set params = %s, active = true where id = %s", (Jsonb({"tags": ["rare"]}), job))
    if stopped:
        directory.execute("select pgjobs.stop_job(%s)", (job,))
        assert None is directory.value("select pgjobs.next_expansion('{}')")
        directory.execute("select pgjobs.resume_job(%s)", (job,))
    directory.execute("select * from pgjobs.claim_shards(gen_random_uuid(), '{}', true, interval '1 hour')")
    assert None is directory.value("select pgjobs.next_expansion('{}')")
    assert 1 == directory.value("select pgjobs.expand_items(%s)", job)
    assert ["dev-7"] == directory.column("select target from pgjobs.job_items where job_id = %s", job)
    assert None is directory.value("select pgjobs.expand_items(%s)", job)


CHANGES = {
    "stopped": "select pgjobs.stop_job(%s)",
    "cancelled": "select pgjobs.cancel_job(%s)",
    "deleted": "delete from xmp_jobs where id = %s",
    "changed": 'update xmp_jobs set params = \'{"tags": ["rare"]}\' where id = %s',
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_job_that_was_changed_meanwhile_gets_none_of_these_items(directory: Db, database: str, change: str) -> None:
    """Stopped, cancelled for good, deleted or with other params while its items are written: none is kept."""
    job = add_operation(directory, {"tags": ["even"]})
    directory.execute(SOON, (job,))
    with connect(database) as writer, connect(database) as other, ThreadPoolExecutor(1) as thread:
        with other.transaction():
            other.execute(CHANGES[change].encode(), (job,))
            written = thread.submit(writer.value, "select pgjobs.expand_items(%s, true)", job)
            locked = "select exists (select from pg_locks where pid = %s and not granted)"
            assert soon(lambda: bool(directory.value(locked, writer.info.backend_pid)))
        with pytest.raises(psycopg.errors.LockNotAvailable):
            written.result(60)
    for table in ("items", "item_bodies", "item_counts", "file_loads"):
        assert 0 == directory.value(f"select count(*) from pgjobs.{table}")  # noqa: S608 of four
    assert (job if change == "changed" else None) == directory.value("select pgjobs.next_expansion('{}')")
    assert (change == "changed") == directory.value("select exists (select from pgjobs.shards where expand)")


def test_a_failing_selection_is_left_to_the_start(directory: Db) -> None:
    """Its events say what the selection said, it is not tried again in the background, and it is not preparing."""
    job = add_operation(directory, {"tags": ["even"]})
    directory.execute(SOON, (job,))
    directory.execute("select pgjobs.leave_expansion(%s, 'a column is missing')", (job,))
    assert (0, 0, 0, False, False) == kept(directory, job)
    said = "its items could not be written yet, which is tried again when it begins: a column is missing"
    assert said in directory.column("select reason from pgjobs.events where job_id = %s", job)


def test_ended_jobs_are_not_looked_at_again(directory: Db) -> None:
    """One that was stopped before its items were written is forgotten; resumed, it writes them when it begins."""
    job = add_operation(directory, {"tags": ["even"]})
    directory.execute(SOON, (job,))
    directory.execute("select pgjobs.stop_job(%s)", (job,))
    assert None is directory.value("select pgjobs.next_expansion('{}')")
    assert (0, 0, 0, False, False) == kept(directory, job)


# --- by daemons -----------------------------------------------------------------------------------------------------


def test_a_daemon_writes_them_at_once(diagnosis: Diagnosis) -> None:
    """An inactive job of a filter has its items soon after it was asked for, and runs to its end when it is active."""
    engine = diagnosis.engine
    add_entities(engine.database, 100)
    diagnosis.consume(lambda _properties, body: {"result": "SUCCESSFUL", "id": body["operation"]["request"]["id"]})
    engine.start(poll_seconds=3600)
    job = diagnosis.add_job(params={"filter": {}}, run_at="2030-01-01")
    engine.execute(SOON, job)
    engine.wait_until(WRITTEN, job)
    assert "inactive" == diagnosis.state(job)
    assert {"w": 90} == diagnosis.statuses(job)
    engine.execute("update xmp_jobs set active = true, run_at = now() where id = %s", job)
    assert {"s": 90} == settled(diagnosis, job, 1)


def test_a_list_runs_to_its_end(diagnosis: Diagnosis) -> None:
    """Entities appended and removed in batches, in any order, are sent once each, in order, and nothing else is."""
    engine = diagnosis.engine
    add_entities(engine.database, 400)
    job = diagnosis.add_job()
    for batch in range(4):
        diagnosis.append(job, *(f"dev-{n}" for n in range(batch + 1, 400, 4)))
    engine.value("select pgjobs.remove_items(%s, %s)", job, [f"dev-{n}" for n in range(1, 101)])
    told = diagnosis.append(job, "dev-5", "dev-5")
    assert (1, ["dev-5"]) == (told["appended"], told["duplicated"])
    consumer = diagnosis.consume(lambda _properties, body: {"id": body["operation"]["request"]["id"], **GOOD})
    engine.start()
    engine.execute("update xmp_jobs set active = true where id = %s", job)
    assert {"s": 271} == settled(diagnosis, job, 1)
    assert 271 == len(consumer.seen)
    keys = [line.key for line in engine.log_lines(job)]
    assert sorted(keys) == keys
    assert 100 == engine.value("select percent from pgjobs.job_status where id = %s", job)


def test_a_list_is_cut_into_shards(diagnosis: Diagnosis) -> None:
    """Items that lie one in a row are cut and sent as others are."""
    engine = diagnosis.engine
    add_entities(engine.database, 300)
    job = diagnosis.add_job(shards=3)
    diagnosis.append(job, *(f"dev-{n}" for n in range(300, 0, -1)))
    diagnosis.consume(lambda _properties, body: {"id": body["operation"]["request"]["id"], **GOOD})
    engine.start()
    engine.execute("update xmp_jobs set active = true where id = %s", job)
    assert {"s": 270} == settled(diagnosis, job, 1)
    assert 3 == engine.value("select count(*) from pgjobs.shards where job_id = %s", job)


def test_an_empty_list_is_done(diagnosis: Diagnosis) -> None:
    """A list from which everything was removed ends at once, with nothing."""
    engine = diagnosis.engine
    add_entities(engine.database, 3)
    job = diagnosis.add_job()
    diagnosis.append(job, "dev-1")
    engine.value("select pgjobs.remove_items(%s, '{dev-1}')", job)
    engine.start()
    engine.execute("update xmp_jobs set active = true where id = %s", job)
    assert {} == settled(diagnosis, job, 1)


def test_a_killed_daemon_leaves_nothing_and_another_one_writes(diagnosis: Diagnosis) -> None:
    """Killed while it writes, nothing is there; the next daemon writes everything, without being told."""
    engine = diagnosis.engine
    add_entities(engine.database, 2000)
    job = diagnosis.add_job(params={"filter": {}})
    with engine.connect() as other, other.transaction():
        # Its last step waits for this row.
        other.execute("select from xmp_jobs where id = %s for update", (job,))
        engine.execute(SOON, job)
        first = engine.start()
        engine.wait_until(WAITS)
        first.kill()
        engine.execute(
            "select pg_terminate_backend(pid) from pg_stat_activity"
            " where datname = current_database() and query like '%%expand_items(%%' and pid <> pg_backend_pid()"
        )
        assert (0, 0, 0, False, True) == kept(engine.database, job)
    engine.start()
    engine.wait_until(WRITTEN, job)
    assert (1800, 1800, 1800, True, False) == kept(engine.database, job)


def test_two_daemons_write_once(diagnosis: Diagnosis) -> None:
    """Both are told; each item is there once, and neither complains."""
    engine = diagnosis.engine
    add_entities(engine.database, 3000)
    daemons = [engine.start(), engine.start()]
    jobs = [diagnosis.add_job(params={"filter": {}}) for _ in range(4)]
    for job in jobs:
        engine.execute(SOON, job)
    for job in jobs:
        engine.wait_until(WRITTEN, job)
        assert (2700, 2700, 2700, True, False) == kept(engine.database, job)
    engine.wait_for(lambda: 4 == sum(each.said.count("items written") for each in daemons), "each was written once")
    assert not any(word in daemon.said for daemon in daemons for word in ("WARNING", "ERROR"))


def test_a_job_that_begins_meanwhile_waits_for_its_items(diagnosis: Diagnosis) -> None:
    """Claimed while somebody writes them, it says so, and goes on with them as soon as they are there."""
    engine = diagnosis.engine
    add_entities(engine.database, 50)
    diagnosis.consume(lambda _properties, body: {"id": body["operation"]["request"]["id"], **GOOD})
    with engine.connect() as writer, writer.transaction():
        job = diagnosis.add_job(params={"filter": {}}, active=True)
        engine.execute(SOON, job)
        # So far somebody is who writes them just now.
        writer.execute("insert into pgjobs.file_loads (job_id) values (%s)", (job,))
        engine.start()
        engine.wait_until(
            "strpos(pgjobs.why(%s), 'the items of job ' || %s || ' are just being written') > 0", job, job
        )
        assert "preparing" == diagnosis.state(job)
    assert {"s": 45} == settled(diagnosis, job, 1)


def test_a_failing_selection_breaks_off_at_the_start(diagnosis: Diagnosis) -> None:
    """A selector that fails in the background is told in the events; at its start the job ends with the sentence."""
    engine = diagnosis.engine
    engine.execute(
        "create function public.odd_records(j bigint, s integer, a bigint, e bigint) returns text"
        " language sql stable as $f$"
        " select 'select 1/(v-3) as key, ''x'' as target, null::text as code, null::text as detail, ''{}'' as body"
        " from generate_series(1, 9) v' $f$"
    )
    engine.execute("update xmp_job_types set selector = 'public.odd_records' where name = 'diagnosis'")
    job = diagnosis.add_job(params={})
    engine.execute(SOON, job)
    engine.start()
    engine.wait_until(WRITTEN, job)
    assert "inactive" == diagnosis.state(job)
    said = "could not be written yet"
    assert engine.value(
        "select exists (select from pgjobs.events where job_id = %s and strpos(reason, %s) > 0)", job, said
    )
    engine.execute("update xmp_jobs set active = true where id = %s", job)
    engine.wait_status(job, "error")


def test_what_was_cancelled_before_its_start_is_verified(diagnosis: Diagnosis) -> None:
    """A job that never began and was cancelled has closed items, and verify finds nothing odd."""
    engine = diagnosis.engine
    add_entities(engine.database, 20)
    job = diagnosis.add_job()
    diagnosis.append(job, *(f"dev-{n}" for n in range(1, 10)))
    engine.execute("select pgjobs.cancel_job(%s)", job)
    assert {"c": 9} == diagnosis.statuses(job)
    assert [] == asyncio.run(examine(engine.database_url, job)).findings


def test_a_dry_run_of_a_filter_keeps_no_items(diagnosis: Diagnosis) -> None:
    """By the rights of a daemon, each entity has its line, and nothing is sent or kept."""
    engine = diagnosis.engine
    add_entities(engine.database, 20)
    job = diagnosis.add_job(params={"entities": ["dev-1", {"id": "dev-2", "parameters": {"a": 1}}], "dry_run": True})
    other = diagnosis.add_job(params={"filter": {"gt": {"floor": 2}}, "dry_run": True}, active=True)
    engine.start()
    engine.execute("update xmp_jobs set active = true where id = %s", job)
    for each, number in ((job, 2), (other, 10)):
        engine.wait_status(each, "done")
        assert number == len(engine.log_lines(each))
        assert {} == diagnosis.statuses(each)


def test_what_is_sent_again_names_its_own_item(diagnosis: Diagnosis) -> None:
    """A job over what failed in another one has bodies with the ids of its own items, so that answers by them count."""
    engine = diagnosis.engine
    add_entities(engine.database, 5)
    job = diagnosis.add_job(params={"listed": True, "parameters": {"a": 1}})
    diagnosis.append(job, "dev-1", "dev-2", {"id": "dev-3", "parameters": {"a": 2}})
    seen: list[dict[str, Any]] = []

    def answer(_properties: object, body: dict[str, Any]) -> object:
        request = body["operation"]["request"]
        seen.append(request)
        result = "ERROR" if request["id"].startswith(f"{job}-") else "SUCCESSFUL"
        return {"operation": {"response": {"id": request["id"], "resultCode": result}}}

    diagnosis.consume(answer)
    engine.start()
    engine.execute("update xmp_jobs set active = true where id = %s", job)
    assert {"f": 3} == settled(diagnosis, job, 1)
    again = engine.value("select (pgjobs.retry_job(%s) ->> 'id')::bigint", job)
    assert {"s": 3} == settled(diagnosis, again, 1)
    assert {(f"{each}-{key}", 2 if key == 3 else 1) for each in (job, again) for key in (1, 2, 3)} == {
        (one["id"], one["parameters"]["a"]) for one in seen
    }
    assert {"DIAGNOSIS"} == {one["name"] for one in seen}


def test_a_daemon_that_ends_meanwhile_lets_go(diagnosis: Diagnosis) -> None:
    """Told to end while it writes, it ends soon, nothing is there, and another daemon writes everything."""
    engine = diagnosis.engine
    add_entities(engine.database, 200)
    job = diagnosis.add_job(params={"filter": {}})
    with engine.connect() as other, other.transaction():
        other.execute("select from xmp_jobs where id = %s for update", (job,))
        engine.execute(SOON, job)
        first = engine.start()
        engine.wait_until(WAITS)
        assert 0 == first.terminate(30)
        assert (0, 0, 0, False, True) == kept(engine.database, job)
    engine.start()
    engine.wait_until(WRITTEN, job)
    assert (180, 180, 180, True, False) == kept(engine.database, job)
