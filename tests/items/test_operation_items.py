"""Operations: their selector over the directory, and lists of entities whose items are there before the job begins."""

import json
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import psycopg
import pytest
from fix_directory import add_entities, add_operation, add_type
from fix_jobs import Db, connect
from fix_services import soon
from psycopg.types.json import Jsonb


@pytest.fixture
def directory(db: Db) -> Db:
    """A database with the type `diagnosis` and 20 entities."""
    add_type(db)
    add_entities(db, 20)
    return db


def append(db: Db, job: int, *entities: object) -> dict[str, Any]:
    """Append entities to a job; what was told."""
    told = db.value("select pgjobs.append_items(%s, %s)", job, Jsonb(list(entities)))
    assert isinstance(told, dict)
    return told


def selected(db: Db, params: dict[str, Any]) -> list[str]:
    """Whom the selector of a job chooses."""
    job = add_operation(db, params)
    statement = db.value("select pgjobs.operation_records(%s, 0, null, null)", job)
    return [row[1] for row in db.execute(statement.encode()).fetchall()]


def waiting(db: Db, job: int) -> list[str]:
    """The targets of the items of a job, each of which waits, in the order in which they are sent; they are counted."""
    statement = db.value("select pgjobs.bodies_statement(%s, 'i.target, i.key, i.body', 'i.status = ''w''')", job)
    rows = db.execute(statement.encode()).fetchall()
    assert sorted(row[1] for row in rows) == [row[1] for row in rows]
    for target, key, body in rows:
        assert f"{job}-{key}" == json.loads(body)["operation"]["request"]["id"]
        assert target.decode() == db.value("select id from pgjobs.entities where number = %s", key)
    assert len(rows) == (db.value("select sum(n)::int from pgjobs.item_counts where job_id = %s", job) or 0)
    assert len(rows) == db.value("select count(*) from pgjobs.items where job_id = %s", job)
    return [row[0].decode() for row in rows]


@pytest.mark.parametrize(
    ("params", "expected"),
    [
        ({"tags": ["even"]}, "dev-2 dev-4 dev-6 dev-8 dev-12 dev-14 dev-16 dev-18"),
        ({"tags": ["rare", "none"]}, "dev-7"),
        ({"filter": {"in": {"model": ["M3", "M10", "M20"]}}}, "dev-3"),
        ({"filter": {"lt": {"id": "dev-12"}}}, "dev-1 dev-11"),
        ({"filter": {}, "resource_type": "entity.asset"}, ""),
        ({"filter": {"lt": {"id": "dev-12"}}, "resource_type": "entity.device"}, "dev-1 dev-11"),
        ({"entities": ["dev-3", "dev-20", {"id": "dev-1", "parameters": {"a": 1}}, "dev-99"]}, "dev-1 dev-3"),
        ({"listed": True}, ""),
    ],
    ids=json.dumps,
)
def test_the_selector_chooses_entities(directory: Db, params: dict[str, Any], expected: str) -> None:
    """By tags, by a filter, or by name, in the order of their numbers, of the types that the operation is for."""
    assert expected.split() == selected(directory, params)


def test_a_type_for_any_entity_takes_any(directory: Db) -> None:
    """Where the type names no types of entities, all are taken, or those of the type that the job names."""
    directory.execute("update xmp_job_types set applicable_to = '{}' where name = 'diagnosis'")
    assert 20 == len(selected(directory, {"filter": {}}))
    assert ["dev-10", "dev-20"] == selected(directory, {"filter": {}, "resource_type": "entity.asset"})


def test_the_body_is_that_of_an_operation(directory: Db) -> None:
    """Name in capitals, parameters of the job and of the entity, the moment in milliseconds, the id of the item."""
    job = add_operation(
        directory,
        {"parameters": {"type": "it's", "n": 1}, "entities": ["dev-1", {"id": "dev-2", "parameters": {"n": 2}}]},
    )
    rows = directory.execute(
        directory.value("select pgjobs.operation_records(%s, 0, null, null)", job).encode()
    ).fetchall()
    requests = [json.loads(row[4])["operation"]["request"] for row in rows]
    now = directory.value("select extract(epoch from now()) * 1000")
    assert all(abs(float(now) - request.pop("timestamp")) < 60_000 for request in requests)
    assert [
        {"name": "DIAGNOSIS", "parameters": {"type": "it's", "n": 1}, "id": f"{job}-{rows[0][0]}"},
        {"name": "DIAGNOSIS", "parameters": {"type": "it's", "n": 2}, "id": f"{job}-{rows[1][0]}"},
    ] == requests


@pytest.mark.parametrize(
    ("params", "field", "wrong"),
    [
        ({}, "filter", "nothing says which entities the job is for: give tags, filter, entities or listed"),
        ({"tags": ["a"], "filter": {}}, "tags", "entities are chosen in one way, and filter is given as well"),
        ({"listed": False}, "listed", "it has to be true, or left out"),
        (
            {"listed": True, "dry_run": True},
            "dry_run",
            "the items of a list are written already, and a dry run has none",
        ),
        ({"listed": True, "parameters": []}, "parameters", "it has to be a JSON object"),
        ({"filter": {}, "resource_type": 1}, "resource_type", "it has to be a type of entities, such as entity.device"),
        ({"tags": []}, "tags", "it has to be a list of 1 to 100 tags"),
        ({"tags": "a"}, "tags", "it has to be a list of 1 to 100 tags"),
        ({"filter": []}, "filter", "it has to be a JSON object"),
        ({"filter": {"is": {"id": 1}}}, "filter", "'is' is no operator"),
        ({"filter": {"and": [{"eq": {"a..b": 1}}]}}, "filter", "Field in filter unknown: a..b"),
        ({"entities": ["a", {}]}, "entities[1]", "{} names no entity"),
    ],
)
def test_wrong_params_are_refused(directory: Db, params: dict[str, Any], field: str, wrong: str) -> None:
    """What can't be right is refused when the job is written, in one sentence that begins with the key."""
    said = directory.refusal("insert into xmp_jobs (type, params) values ('diagnosis', %s)", Jsonb(params))
    sentence = f"params.{field}: {wrong}"
    assert ("PJ400", field.removesuffix("[1]"), sentence) == (said.sqlstate, said.column_name, said.message_primary)


def test_appended_entities_are_items_at_once(directory: Db) -> None:
    """Whatever order and batches they come in, they are items in the order of their numbers; the answer names what is
    none."""
    job = add_operation(directory, {"listed": True, "parameters": {"a": 1}})
    told = append(
        directory, job, "dev-9", "dev-1", "dev-404", "dev-10", "dev-9", {"id": "dev-5", "parameters": {"a": 2}}
    )
    assert {"appended": 3, "notProvisioned": ["dev-404"], "notAllowed": ["dev-10"], "duplicated": ["dev-9"]} == told
    told = append(directory, job, "dev-3", "dev-1", "dev-404", "dev-404")
    assert {"appended": 1, "notProvisioned": ["dev-404"], "notAllowed": [], "duplicated": ["dev-1"]} == told
    assert ["dev-1", "dev-3", "dev-5", "dev-9"] == waiting(directory, job)
    bodies = directory.column(
        "select parameters::jsonb #>> '{operation,request,parameters,a}' from pgjobs.job_items where job_id = %s"
        " order by item",
        job,
    )
    assert ["1", "1", "2", "1"] == bodies


def test_entities_are_removed_again(directory: Db) -> None:
    """By id, also one that the directory has no longer; what is not in the job is told."""
    job = add_operation(directory, {"listed": True})
    append(directory, job, "dev-1", "dev-2", "dev-3", "dev-4")
    directory.execute("select pgjobs.remove_entities('{dev-3}')")
    told = directory.value("select pgjobs.remove_items(%s, %s)", job, ["dev-2", "dev-3", "dev-9", "none"])
    assert {"removed": 2, "notFound": ["dev-9", "none"]} == told
    assert ["dev-1", "dev-4"] == waiting(directory, job)
    assert 2 == directory.value("select count(*) from pgjobs.item_bodies where job_id = %s", job)
    assert 1 == append(directory, job, "dev-2")["appended"]


@pytest.mark.parametrize(
    "entities",
    [7, [7], [""], [{}], [{"id": 1}], [{"id": "dev-1", "parameters": 1}], ["x"] * 10001],
    ids=lambda e: str(e)[:20],
)
def test_a_list_that_names_no_entity_is_refused(directory: Db, entities: object) -> None:
    """With the place in the list, and nothing of it is appended."""
    job = add_operation(directory, {"listed": True})
    listed = ["dev-1", *entities] if isinstance(entities, list) and len(entities) == 1 else entities
    said = directory.refusal("select pgjobs.append_items(%s, %s)", job, Jsonb(listed))
    assert ("PJ400", "entities[1]" if listed is not entities else "entities") == (said.sqlstate, said.column_name)
    assert [] == waiting(directory, job)


def test_only_a_list_that_has_not_begun_is_edited(directory: Db) -> None:
    """A job that chooses its entities, one that has begun, ended or is stopped, or that there is not, is refused."""
    filtered = add_operation(directory, {"filter": {}})
    begun = add_operation(directory, {"listed": True}, active=True)
    directory.execute("select * from pgjobs.claim_shards(gen_random_uuid(), '{}', true, interval '1 hour')")
    stopped = add_operation(directory, {"listed": True})
    directory.execute("select pgjobs.stop_job(%s)", (stopped,))
    for job, code in ((filtered, "not_listed"), (begun, "started"), (stopped, "started"), (404, "unknown_job")):
        for call in ("select pgjobs.append_items(%s, '[]')", "select pgjobs.remove_items(%s, '{}')"):
            assert code == directory.refusal(call, job).constraint_name
    directory.execute("select pgjobs.resume_job(%s)", (stopped,))
    assert 1 == append(directory, stopped, "dev-1")["appended"]


def test_what_is_appended_and_a_start_exclude_each_other(directory: Db, database: str) -> None:
    """While entities are appended nobody claims the job; once it is claimed nothing is appended."""
    job = add_operation(directory, {"listed": True}, active=True)
    claim = "select count(*) from pgjobs.claim_shards(gen_random_uuid(), '{}', true, interval '1 hour')"
    with connect(database) as other:
        with other.transaction():
            append(other, job, "dev-1")
            assert 0 == directory.value(claim)
        with ThreadPoolExecutor(1) as thread:
            with directory.transaction():
                assert 1 == directory.value(claim)
                appended = thread.submit(other.refusal, "select pgjobs.append_items(%s, '[\"dev-2\"]')", job)
                with connect(database) as looker:
                    locked = "select exists (select from pg_locks where pid = %s and not granted)"
                    assert soon(lambda: bool(looker.value(locked, other.info.backend_pid)))
            assert "started" == appended.result(60).constraint_name
    assert ["dev-1"] == waiting(directory, job)


def test_lists_at_the_same_moment_are_one_after_the_other(directory: Db, database: str) -> None:
    """Eight callers append overlapping lists: each entity is in the job once, and counted once."""
    job = add_operation(directory, {"listed": True})
    told: list[dict[str, Any]] = []

    def call(first: int) -> None:
        with connect(database) as own:
            told.append(append(own, job, *(f"dev-{n}" for n in range(first, first + 6))))

    threads = [threading.Thread(target=call, args=(n,)) for n in (1, 2, 3, 4, 1, 2, 3, 4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert 9 == sum(each["appended"] for each in told) == len(waiting(directory, job))


def test_params_of_a_list_with_items_stay(directory: Db) -> None:
    """What is in the bodies already is not changed behind them; without items it may be."""
    job = add_operation(directory, {"listed": True})
    change = "update xmp_jobs set params = %s where id = %s"
    directory.execute(change, (Jsonb({"listed": True, "parameters": {"a": 1}}), job))
    append(directory, job, "dev-1")
    for params in ({"listed": True, "parameters": {"a": 2}}, {"tags": ["even"]}):
        assert "listed" == directory.refusal(change, Jsonb(params), job).constraint_name
    directory.execute("select pgjobs.remove_items(%s, '{dev-1}')", (job,))
    directory.execute(change, (Jsonb({"tags": ["even"]}), job))
    assert directory.value("select expand from pgjobs.shards where job_id = %s", job)


def test_a_type_whose_jobs_have_items_keeps_what_they_stand_on(directory: Db) -> None:
    """A job that has items and has not begun holds its type: it stays tracked."""
    append(directory, add_operation(directory, {"listed": True}), "dev-1")
    said = directory.refusal("update xmp_job_types set tracked = false, reply_queue = null where name = 'diagnosis'")
    assert "started" == said.constraint_name
    with pytest.raises(psycopg.Error):
        directory.execute("delete from xmp_job_types where name = 'diagnosis'")


def test_items_before_the_start_are_shown_counted_and_cancelled(directory: Db) -> None:
    """job_status, the counters and the items themselves; cancelling for good closes each, deleting takes them along."""
    job = add_operation(directory, {"listed": True})
    append(directory, job, "dev-1", "dev-2")
    inactive = f'it is not active: run "pgjobs resume {job}", or set active = true in SQL'
    assert (2, 0, inactive) == directory.row("select total, percent, why from pgjobs.job_status where id = %s", job)
    assert ["waiting", "waiting"] == directory.column("select status from pgjobs.job_items where job_id = %s", job)
    directory.execute("select pgjobs.cancel_job(%s)", (job,))
    assert ["cancelled", "cancelled"] == directory.column("select status from pgjobs.job_items where job_id = %s", job)
    assert "cancelled" == directory.value("select pgjobs.job_state(j) from xmp_jobs j where id = %s", job)
    directory.execute("delete from xmp_jobs where id = %s", (job,))
    for table in ("items", "item_bodies", "item_counts", "shards"):
        assert 0 == directory.value(f"select count(*) from pgjobs.{table} where job_id = %s", job)  # noqa: S608 of four
