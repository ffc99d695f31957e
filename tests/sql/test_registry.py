"""The sample registry: its types and agents, and jobs of them."""

import json
from pathlib import Path

import psycopg
import pytest
from fix_jobs import Db, insert_job
from psycopg.types.json import Jsonb

import pgjobs
from pgjobs.broker.formats.task import Task, read_task

REGISTRY = (Path(pgjobs.__file__).parent / "demo" / "sql" / "registry.sql").read_bytes()
SAMPLES = (
    "MiView", "CMGSubscriptionSynchronizer", "CMGUserSynchronizer", "Unit", "ProductsIntegrationPurchaseSynchronizer",
    "ProductsIntegrationCatalogExporter", "ProductsIntegrationCatalogCleaner",
    "ProductsIntegrationExternalPurchaseSynchronizer", "ProductsIntegrationSubscriptionRenewer",
    "ProductsIntegrationUpdatePurchases",
)  # fmt: skip
AGENTS = (
    "Subscription Synchronizer", "User Synchronizer", "Billing Purchase Synchronizer", "Catalog Exporter",
    "Catalog Cleaner", "External Purchase Synchronizer", "Subscription Renewer", "Update Purchases",
)  # fmt: skip


@pytest.fixture
def registry(db: Db) -> Db:
    """A database with the sample registry."""
    db.execute(REGISTRY)
    return db


def records(db: Db, job_type: str, **params: object) -> list[tuple[object, ...]]:
    """What a job with these params selects."""
    add = "insert into xmp_jobs (type, params) values (%s, %s) returning id"
    job = db.value(add, job_type, Jsonb(params))
    statement = db.value("select pgjobs.records_statement(%s, 0, null, null)", job)
    return db.execute(statement.encode()).fetchall()


def test_the_registry_has_exactly_these_types_and_agents(registry: Db) -> None:
    """Installed twice it is the same; every agent has a responsibility and types of the registry."""
    registry.execute(REGISTRY)
    types = registry.column("select name from xmp_job_types where name not in ('expired', 'injection', 'mailing')")
    assert sorted((*SAMPLES, "Celery Job")) == sorted(types)
    agents = registry.execute("select name, about, types, alive from pgjobs.agent_status").fetchall()
    assert sorted(AGENTS) == sorted(agent[0] for agent in agents)
    assert all(about.startswith("Responsible to ") for _, about, _, _ in agents)
    assert {True} == {set(names) <= set(SAMPLES) and len(names) == 1 for _, _, names, _ in agents}
    assert {False} == {alive for *_, alive in agents}


@pytest.mark.parametrize("name", SAMPLES)
def test_a_job_of_each_type_has_records(registry: Db, name: str) -> None:
    """A job selects as many targets as it asks for, each with a message that names type and target."""
    found = records(registry, name, number=3)
    assert [1, 2, 3] == [row[0] for row in found]
    assert {"type": name, "target": f"{name} 3"} == json.loads(str(found[2][4]))
    assert 10 == len(records(registry, name))


@pytest.mark.parametrize("name", [*SAMPLES, "Celery Job"])
def test_the_example_job_of_each_type_can_be_created(registry: Db, name: str) -> None:
    """With everything that the jobs page shows; its records are tracked, answered on a queue, and end by time."""
    params = {"task": "shop.charge"} if name == "Celery Job" else {"number": 3}
    given = {
        "name": f"{name} of tonight", "media_type": "MOVIE", "reference_id": "movie 4711", "custom_type": "nightly",
        "configuration": Jsonb({"queue": "jobs.celery"} if name == "Celery Job" else {"how": "gently"}),
    }  # fmt: skip
    job = insert_job(registry, name, params=params, **given)
    row = registry.row(f"select {', '.join(given)} from xmp_jobs where id = %s", job)  # noqa: S608 names of the test
    assert tuple(value.obj if isinstance(value, Jsonb) else value for value in given.values()) == row
    assert (True, "jobs.replies", True) == registry.row(
        "select tracked, reply_queue, execution_limit is not null from xmp_job_types where name = %s", name
    )
    assert (3 if name != "Celery Job" else 1) == registry.value("select pgjobs.expand_items(%s)", job)


def test_a_celery_job_is_one_call(registry: Db) -> None:
    """Params say which task is called with what; configuration on which queue, until when and how."""
    job = insert_job(
        registry,
        "Celery Job",
        params={"task": "shop.charge", "args": [1, "a"], "kwargs": {"b": 2}},
        configuration=Jsonb(
            {"queue": "slow", "expires": 60, "eta": "2026-12-01T00:00:00Z", "time_limit": 30, "priority": 4}
        ),
    )
    statement = registry.value("select pgjobs.records_statement(%s, 0, null, null)", job)
    key, target, code, _, body, routing_key = registry.row(statement)
    assert (1, "shop.charge", None, "slow") == (key, target, code, routing_key)
    task = read_task(str(body).encode(), {})
    assert ("shop.charge", [1, "a"], {"b": 2}, "2026-12-01T00:00:00+00:00") == task[:4]
    assert (60, (30, None), 4) == (task.expires, task.timelimit, task.priority)
    ((*_, body, routing_key),) = records(registry, "Celery Job", task="shop.charge")
    assert (Task("shop.charge", [], {}), None) == (read_task(str(body).encode(), {}), routing_key)


@pytest.mark.parametrize(
    ("params", "configuration", "field", "said"),
    [
        ({"task": 7}, {}, "task", "params.task: it is not the name of a task"),
        ({"args": [1]}, {}, "task", "params.task: "),
        ({"task": "a", "args": {"b": 1}}, {}, "args", "params.args: it is not a JSON array"),
        ({"task": "a", "kwargs": [1]}, {}, "kwargs", "params.kwargs: it is not a JSON object"),
        ({"task": "a"}, {"queue": 7}, "queue", "configuration.queue: it is not the name of a queue"),
        ({"task": "a"}, {"colour": 7}, "colour", "configuration.colour: a call of a Celery task has queue, "),
        ({"task": "a"}, {"priority": "x"}, "priority", "configuration.priority: it is not a whole number"),
    ],
)
def test_a_call_that_is_none(
    registry: Db, params: dict[str, object], configuration: dict[str, object], field: str, said: str
) -> None:
    """A job that describes no call is refused when it is written, with the field: so says the check of its type."""
    refusal = registry.refusal(
        "insert into xmp_jobs (type, params, configuration) values ('Celery Job', %s, %s)",
        Jsonb(params),
        Jsonb(configuration),
    )
    assert ("PJ400", field) == (refusal.sqlstate, refusal.column_name)
    assert str(refusal.message_primary).startswith(said)
    assert "the check of type Celery Job" in str(refusal.message_hint)


@pytest.mark.parametrize(
    ("given", "field", "said"),
    [
        (
            {"media_type": "MOVIE"},
            "reference_id",
            "reference_id: it is not given, and a job with media_type 'MOVIE' needs one",
        ),
        ({"media_type": "MOVIE", "reference_id": ""}, "reference_id", "reference_id: it is not given"),
        ({"name": "x" * 201}, "name", "name: it has 201 characters"),
        ({"custom_type": "a\nb"}, "custom_type", "has control characters"),
        ({"configuration": Jsonb([1])}, "configuration", "configuration: it has to be a JSON object"),
        ({"configuration": Jsonb({"a": "x" * 70000})}, "configuration", "configuration: it is larger than 64 KB"),
    ],
)
def test_a_job_that_describes_itself_badly(registry: Db, given: dict[str, object], field: str, said: str) -> None:
    """One sentence with the field, and no row; a reference id alone is fine, and what is empty counts as not given."""
    names = ", ".join(given)
    marks = ", ".join(["%s"] * len(given))
    statement = f"insert into xmp_jobs (type, {names}) values ('Unit', {marks})"  # noqa: S608 names of the test
    refusal = registry.refusal(statement, *given.values())
    assert ("PJ400", field) == (refusal.sqlstate, refusal.column_name)
    assert said in str(refusal.message_primary)
    assert refusal.message_hint
    job = insert_job(registry, "Unit", reference_id="4711", media_type="")
    assert ("", "4711") == registry.row("select media_type, reference_id from xmp_jobs where id = %s", job)
    assert "PJ400" == registry.refusal("update xmp_jobs set reference_id = null, media_type = 'M'").sqlstate


def test_the_configuration_is_frozen_once_the_job_has_started(registry: Db) -> None:
    """As params are; what people call it may still change."""
    job = insert_job(registry, "Unit")
    registry.execute("update xmp_jobs set configuration = '{\"a\": 1}'")
    registry.execute("update pgjobs.shards set started_at = now() where job_id = %s", (job,))
    assert "PJ409" == registry.refusal("update xmp_jobs set configuration = '{\"a\": 2}'").sqlstate
    registry.execute("update xmp_jobs set name = 'another'")


def test_a_sample_job_that_is_too_large(registry: Db) -> None:
    """A number beyond ten millions is refused."""
    with pytest.raises(psycopg.Error, match="10000001 is more than 10000000"):
        records(registry, "Unit", number=10_000_001)
