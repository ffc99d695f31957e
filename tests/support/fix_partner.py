"""Fixtures: types of the partner door on a running engine, partners with tokens, and a consumer that answers."""

import base64
import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from fix_daemon import Engine
from fix_items import Answer, Consumer
from fix_web import Web
from psycopg.types.json import Jsonb

from pgjobs.lab.roles import member_url
from pgjobs.ops.tokens import make_token
from pgjobs.settings import read_settings

ORIGIN = "https://app.example.com"
SUBSCRIPTION = "93b09b7f-becd-4dd7-801d-80f0f45fa5ab"
RECORD = {
    "app_cdoc": "couchdb://apps/2d4dde95cc7d1a3d8e830036ff126f60",
    "org_cdoc": "couchdb://orgs/org-unit-test",
    "org_name": "PSF Mechanical, Inc.",
    "user_cdoc": "couchdb://users/CINX-SYSTEM",
    "user_id": "2260bc39-5871-4e13-87c6-afd3bfc7519e",
    "user_name": "USER TEST",
}
"""What the seed's examples say of the caller."""
REQUISITION = {
    "type": "object",
    "properties": {
        "number": {"type": "string", "minLength": 1},
        "name": {"type": ["string", "null"]},
        "cinx_guid": {"type": "string", "minLength": 1},
        "allow_substitutes": {"type": "boolean"},
        "dates": {"type": "object", "properties": {"need_by": {"type": "string"}}},
        "delivery": {
            "type": "object",
            "properties": {"location_type": {"enum": ["JOB SITE", "SHOP", None]}},
            "required": ["location_type"],
        },
        "items": {"type": "array", "items": {"$ref": "#/$defs/line"}},
        "external_references": {
            "type": "array",
            "items": {"type": "object", "properties": {"id": {"type": "string"}, "domain": {"type": "string"}}},
        },
    },
    "required": ["number", "allow_substitutes"],
    "$defs": {
        "line": {
            "type": "object",
            "properties": {
                "hph_code": {"type": "string"},
                "description": {"type": "string"},
                "quantity": {"type": ["number", "string"], "minLength": 1},
                "delivery": {
                    "type": "object",
                    "properties": {"location_type": {"enum": ["JOB SITE", "SHOP"]}},
                },
            },
            "required": ["quantity"],
            "anyOf": [{"required": ["hph_code"]}, {"required": ["description"]}],
        },
        "put": {"required": ["cinx_guid"]},
    },
}
"""The schema of a requisition, as its page in the public client fills one in."""


class Partner:
    """A partner with a token of its own."""

    def __init__(self, web: Web, engine: Engine, name: str, *scopes: str, **record: object) -> None:
        self.name = name
        self._web = web
        self.token, digest = make_token()
        wanted = list(scopes) or ["partner:control"]
        engine.execute("select pgjobs.add_token(%s, %s, %s, null, %s)", name, digest, wanted, Jsonb(record or RECORD))

    @property
    def basic(self) -> dict[str, str]:
        """The header of HTTP Basic."""
        return {"Authorization": "Basic " + base64.b64encode(f"{self.name}:{self.token}".encode()).decode()}

    def call(self, method: str, path: str, **options: Any) -> httpx.Response:
        """A call below the door's prefix, with the partner's credentials."""
        headers = self.basic | options.pop("headers", {})
        return self._web.call(method, f"/pig{path}", headers=headers, **options)

    def answer(self, path: str, method: str = "GET", **options: Any) -> dict[str, Any]:
        """The envelope of an answer, which has HTTP status 200."""
        answer = self.call(method, path, **options)
        assert (200, "application/json") == (answer.status_code, answer.headers["content-type"])
        envelope: dict[str, Any] = answer.json()
        assert envelope["response"]["record_count"] == len(envelope["rows"])
        return envelope

    def submit(self, app: str, payload: object, query: str = "body=json", method: str = "POST") -> dict[str, Any]:
        """Submit a payload as the browser's client does: as a text."""
        path = f"/2.0/sub/{SUBSCRIPTION}/partner/exec/cinx/{app}?{query}"
        text = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
        return self.answer(path, method, content=text, headers={"Content-Type": "text/plain;charset=UTF-8"})

    def made(self, app: str, payload: object, query: str = "body=json", method: str = "POST") -> str:
        """The GUID of the job that a payload becomes."""
        (row,) = self.submit(app, payload, query, method)["rows"]
        return str(row["job_id"])

    def status(self, guid: str, query: str = "") -> dict[str, Any]:
        """The envelope of the status of a job."""
        return self.answer(f"/1.0/partner/exec/{guid}/status{query}")

    def code(self, guid: str) -> tuple[int, str]:
        """What the row of a job says of it."""
        (row,) = self.status(guid)["rows"]
        return row["status_code"], row["status_message"]


class Gateway:
    """The partner door of a web process on an engine: an app without tracking, and a tracked one."""

    def __init__(self, engine: Engine, web: Web, replies: str) -> None:
        self.engine = engine
        self.web = web
        self.replies = replies
        self.consumers: list[Consumer] = []

    def partner(self, name: str = "willstone@example.com", *scopes: str, **record: object) -> Partner:
        """A further partner."""
        return Partner(self.web, self.engine, name, *scopes, **record)

    def consume(self, answer: Answer) -> Consumer:
        """A consumer of the apps that answers so."""
        made = Consumer(self.engine.amqp_url, self.engine.queue, answer)
        self.consumers.append(made)
        return made

    def job(self, guid: str) -> int:
        """The number of a job."""
        return int(self.engine.value("select pgjobs.job_of_guid(%s)", guid))

    def change(self, app: str, **columns: object) -> None:
        """Change columns of an app."""
        for name, value in columns.items():
            given = Jsonb(value) if isinstance(value, dict) else value
            self.engine.execute(f"update xmp_job_types set {name} = %s where name = %s", given, app)  # noqa: S608 a name of the test's


@pytest.fixture
def gateway(engine: Engine, reply_queue: str) -> Iterator[Gateway]:
    """The door, with tokens asked for, and the app json-rfq-import (untracked) and json-req-import (tracked)."""
    engine.execute(
        "insert into xmp_job_types (name, selector, routing_key, doors, applicable_to, defaults)"
        " values ('json-rfq-import', 'pgjobs.partner_records', %s, '{partner}', '{rfq}', '{\"target\": \"number\"}')",
        engine.queue,
    )
    engine.execute(
        "insert into xmp_job_types (name, title, selector, routing_key, doors, applicable_to, defaults, params_schema,"
        " tracked, reply_queue, fails_with) values ('json-req-import', 'Requisition', 'pgjobs.partner_records', %s,"
        " '{partner}', '{req}', '{\"target\": \"hph_code\"}', %s, true, %s, 'any')",
        engine.queue,
        Jsonb(REQUISITION),
        reply_queue,
    )
    settings = read_settings(
        database_url=member_url(engine.database_url, "pgjobs_web"),
        http_auth=True,
        http_patience=20,
        partner_origins=ORIGIN,
    )
    with Web(settings) as web:
        made = Gateway(engine, web, reply_queue)
        try:
            yield made
        finally:
            for consumer in made.consumers:
                consumer.close()


@pytest.fixture
def partner(gateway: Gateway) -> Partner:
    """A partner of whom is known what the seed's examples say."""
    return gateway.partner()
