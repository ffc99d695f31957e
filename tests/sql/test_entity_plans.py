"""However large the directory is, and however many items and jobs there are: who asks for little reads little.

100,000 entities, 10,000 jobs that nobody wants anything of, and a job that has 20,000 items before it begins.
"""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from fix_database import shared_database
from fix_directory import add_entities, add_operation, add_type
from fix_jobs import Db, connect
from psycopg import sql
from psycopg.types.json import Jsonb

from pgjobs.lab.services import Services

ENTITIES, JOBS, LISTED = 100_000, 10_000, 20_000


@pytest.fixture(scope="module")
def full_url(services: Services, template_database: str) -> Iterator[str]:
    """The URL of a database with a large directory."""
    with shared_database(services, template_database, "directory") as url:
        with connect(url) as db:
            add_type(db)
            add_entities(db, ENTITIES)
            db.execute(
                "insert into xmp_jobs (type, params, active) select 'diagnosis', '{\"listed\": true}', false"
                " from generate_series(1, %s)",
                (JOBS,),
            )
            for batch in range(0, LISTED, 10_000):
                listed = [f"dev-{n}" for n in range(batch + 1, batch + 10_001)]
                db.execute("select pgjobs.append_items(1, %s)", (Jsonb(listed),))
            db.execute("vacuum analyze")
        yield url


@pytest.fixture
def full(full_url: str) -> Iterator[Db]:
    """A session of its own on it; what it changes is undone, so that the tests may share it."""
    with connect(full_url) as db, db.transaction(force_rollback=True):
        yield db


def nodes(node: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """A node of a plan and everything below it."""
    yield node
    for below in node.get("Plans", ()):
        yield from nodes(below)


def indexes(db: Db, statement: str) -> set[str]:
    """The indexes by which a statement reads entities, and "all" where it reads all of them."""
    answer = db.execute(sql.SQL("explain (format json) {}").format(sql.SQL(statement))).fetchall()
    found = list(nodes(answer[0][0][0]["Plan"]))
    whole = {"all" for node in found if node["Node Type"] == "Seq Scan" and node["Relation Name"] == "entities"}
    return whole | {node["Index Name"] for node in found if "Index Name" in node}


FILTERS: list[tuple[dict[str, Any], str]] = [
    ({"eq": {"id": "dev-77"}}, "entities_id_key"),
    ({"in": {"provision.device.identifier": ["dev-77", "dev-78"]}}, "entities_id_key"),
    ({"eq": {"tags": "rare"}}, "entities_tags_idx"),
    ({"in": {"tags": ["rare", "none"]}}, "entities_tags_idx"),
    ({"eq": {"model": "M7"}}, "entities_attributes_idx"),
    ({"in": {"model": ["M7", "none"]}}, "entities_attributes_idx"),
    ({"and": [{"eq": {"tags": "rare"}}, {"like": {"model": "^M"}}, {"gt": {"floor": 3}}]}, "entities_tags_idx"),
    ({"or": [{"eq": {"id": "dev-77"}}, {"eq": {"tags": "rare"}}]}, "entities_tags_idx"),
]


@pytest.mark.parametrize(
    ("filter_", "index"), FILTERS, ids=lambda each: json.dumps(each) if isinstance(each, dict) else ""
)
def test_a_filter_follows_an_index(full: Db, filter_: dict[str, Any], index: str) -> None:
    """By id, tags and attributes; both where a job of this filter is expanded and where entities are listed."""
    job = add_operation(full, {"filter": filter_})
    statement = full.value("select pgjobs.operation_records(%s, 0, null, null)", job)
    assert index in indexes(full, statement)
    assert "all" not in indexes(full, statement)
    condition = full.value("select pgjobs.filter_condition(%s, pgjobs.entity_fields())", Jsonb(filter_))
    assert index in indexes(full, f"select e.* from pgjobs.entities e where {condition}")  # noqa: S608 by %L alone


def test_tags_follow_their_index(full: Db) -> None:
    """So does a job of tags; one of everything follows the numbers and sorts nothing."""
    few = full.value("select pgjobs.operation_records(%s, 0, null, null)", add_operation(full, {"tags": ["rare"]}))
    assert {"entities_tags_idx"} == indexes(full, few)
    job = add_operation(full, {"filter": {}})
    many = full.value("select pgjobs.operation_records(%s, 0, 50000, 50100)", job)
    assert {"entities_pkey"} == indexes(full, many)


def test_the_body_is_made_in_the_statement_itself(full: Db) -> None:
    """No function is called for each of a million entities."""
    statement = full.value("select pgjobs.operation_records(%s, 0, null, null)", add_operation(full, {"filter": {}}))
    answer = full.execute(sql.SQL("explain (format json, verbose) {}").format(sql.SQL(statement))).fetchall()
    assert "pgjobs.operation_body" not in json.dumps(answer)


COSTS = {
    "a job of everything is created": (
        (
            "with j as (insert into xmp_jobs (type, params, active) values ('diagnosis', '{\"filter\": {}}', false)"
            " returning id) select pgjobs.expand_soon(id) from j"
        ),
        150,
    ),
    "the next one to be expanded": ("select pgjobs.next_expansion('{}')", 5),
    "an entity is appended": ("select pgjobs.append_items(1, '[\"dev-50001\"]')", 60),
    "an entity is removed": ("select pgjobs.remove_items(1, '{dev-77}')", 60),
    "a hundred are put": (
        (
            "select pgjobs.put_entities((select jsonb_agg(jsonb_build_object('id', 'dev-' || n, 'type', 'a'))"
            " from generate_series(1, 100) n))"
        ),
        900,
    ),
    "a page of entities": ("select pgjobs.list_entities('{}', 50000, 100)", 150),
}


@pytest.mark.parametrize("what", COSTS)
def test_who_asks_for_little_reads_little(full: Db, what: str) -> None:
    """Creating a job over everything, and each step on a list, costs the same however much there is."""
    statement, most = COSTS[what]
    assert full.rows_read(statement) <= most
