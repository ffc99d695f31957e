"""The door of the operations: which operations there are, who may call, and how it writes errors."""

import json

import pytest
from fix_jobs import Db
from fix_operations import BASE, SCHEMA, error
from fix_web import Web

from pgjobs.ops.tokens import make_token

TYPES = f"{BASE}/search/operationTypes"


def add_token(db: Db, scope: str) -> str:
    """A new token of this scope."""
    token, digest = make_token()
    db.execute("select pgjobs.add_token(%s, %s, %s, null)", (f"test-{scope}".replace(":", "-"), digest, [scope]))
    return token


@pytest.fixture
def types(db: Db) -> None:
    """Two types for this door, besides those of the registry that are not."""
    adding = (
        "insert into xmp_job_types (name, title, selector, routing_key, doors, params_schema, applicable_to)"
        " values (%s, %s, 'pgjobs.expired_records', 'work', %s, %s, %s)"
    )
    db.execute(adding, ("diagnosis", "Diagnosis", ["operations"], json.dumps(SCHEMA), ["entity.device"]))
    db.execute(adding, ("ping", None, ["operations", "partner"], None, []))
    db.execute(adding, ("letter", None, ["mailings"], None, []))


@pytest.mark.usefixtures("types")
def test_types_are_a_bare_array_of_what_the_registry_offers(web: Web) -> None:
    """The types of this door alone, in capitals, with the schema of their parameters and their entity types."""
    answer = web.post(TYPES, json={"filter": {}})
    assert 200 == answer.status_code, answer.text
    all_of_them = [
        "entity.device", "entity.asset", "entity.commsModule", "entity.subscription", "entity.subscriber",
    ]  # fmt: skip
    diagnosis = {
        "name": "DIAGNOSIS", "title": "Diagnosis", "applicableTo": ["entity.device"], "parameters": {"schema": SCHEMA},
        "steps": [],
    }  # fmt: skip
    ping = {
        "name": "PING", "title": "ping", "applicableTo": all_of_them, "parameters": {"schema": {"type": "object"}},
        "steps": [],
    }  # fmt: skip
    assert [diagnosis, ping] == answer.json()
    assert [diagnosis] == web.post(TYPES, json={"filter": {"like": {"name": "^DIA"}}}).json()
    assert [diagnosis, ping] == web.post(TYPES, json={}).json()
    assert [] == web.post(TYPES, json={"filter": {"eq": {"name": "x"}}}).json()
    unknown = web.post(TYPES, json={"filter": {"eq": {"colour": "red"}}})
    assert (400, "0x020001", "filter.eq") == error(unknown)
    assert unknown.json()["errors"][0]["message"].startswith("Field in filter unknown")


def test_a_caller_has_an_api_key_or_a_bearer_token(guarded_web: Web, db: Db) -> None:
    """The token comes in X-ApiKey or as a bearer token, and needs a scope of this door or of all."""
    assert (401, "0x020001", "") == error(guarded_web.post(TYPES, json={}))
    for scope in ("operations:read", "operations:control", "read"):
        token = add_token(db, scope)
        assert 200 == guarded_web.post(TYPES, json={}, headers={"X-ApiKey": token}).status_code
        assert 200 == guarded_web.post(TYPES, json={}, headers={"Authorization": f"Bearer {token}"}).status_code
    other = add_token(db, "partner:control")
    assert (403, "0x020001", "") == error(guarded_web.post(TYPES, json={}, headers={"X-ApiKey": other}))
    for headers in (
        {"X-ApiKey": "nonsense"}, {"X-ApiKey": ""}, {"Authorization": "Bearer x"},
        [("X-ApiKey", token), ("X-ApiKey", "x")],
    ):  # fmt: skip
        assert (401, "0x020001", "") == error(guarded_web.post(TYPES, json={}, headers=headers))


def test_every_error_is_in_the_shape_of_the_contract(web: Web) -> None:
    """What is no JSON, an unknown path, a wrong method, a wrong media type: errors, code and message."""
    content = {"content-type": "application/json"}
    assert (400, "0x020001", "") == error(web.post(TYPES, content=b"{", headers=content))
    assert (400, "0x020001", "x") == error(web.post(TYPES, content=b'{"x": 1, "x": 2}', headers=content))
    assert (415, "0x020001", "") == error(web.post(TYPES, content=b"{}"))
    assert (404, "0x020001", "") == error(web.get(f"{BASE}/nowhere"))
    assert (405, "0x020001", "") == error(web.get(TYPES))
    assert (413, "0x020001", "") == error(web.post(TYPES, json={"filter": {"eq": {"name": "x" * 70_000}}}))
