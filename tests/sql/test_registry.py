"""The sample registry: its types and agents, and jobs of them."""

import json
from pathlib import Path

import psycopg
import pytest
from fix_jobs import Db
from psycopg.types.json import Jsonb

import pgjobs

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
    types = registry.column("select name from xmp_job_types where name not in ('expired', 'injection')")
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


def test_a_celery_job_is_one_call(registry: Db) -> None:
    """Its record says what the job says of the call."""
    call = {"task": "shop.charge", "args": [1, "a"], "kwargs": {"b": None}, "priority": 3}
    ((key, target, code, _, body),) = records(registry, "Celery Job", **call, dry_run=False)
    assert (1, "shop.charge", None) == (key, target, code)
    assert call == json.loads(str(body))


@pytest.mark.parametrize(
    ("params", "field"),
    [
        ({"task": 7}, "task"),
        ({"args": [1]}, "task"),
        ({"task": "a", "args": {"b": 1}}, "args"),
        ({"task": "a", "kwargs": [1]}, "kwargs"),
    ],
)
def test_a_call_that_is_none(registry: Db, params: dict[str, object], field: str) -> None:
    """A job that describes no call is refused with the field."""
    with pytest.raises(psycopg.Error) as caught:
        records(registry, "Celery Job", **params)
    assert ("PJ400", field) == (caught.value.sqlstate, caught.value.diag.column_name)


def test_a_sample_job_that_is_too_large(registry: Db) -> None:
    """A number beyond ten millions is refused."""
    with pytest.raises(psycopg.Error, match="10000001 is more than 10000000"):
        records(registry, "Unit", number=10_000_001)
