"""Fixtures: operations on devices: types, a directory of entities, the door, and devices that answer."""

import json
from collections.abc import Iterator
from typing import Any

import httpx
import pika
import pytest
from fix_daemon import PATIENCE, Engine
from fix_items import Answer, Consumer
from fix_services import soon
from fix_web import Web, WebProcess

from pgjobs.ops.tokens import make_token
from pgjobs.settings import read_settings

BASE = "/north/v80"
JOBS = f"{BASE}/operation/jobs"
SCHEMA = {
    "type": "object",
    "properties": {"type": {"enum": ["HARDWARE", "SOFTWARE"]}, "depth": {"type": "integer", "maximum": 9}},
    "additionalProperties": False,
}
DEVICES, LIMIT = 130, 100
TYPES = {
    "reboot": (None, ["entity.device"]),
    "diagnosis": (SCHEMA, ["entity.device", "entity.asset"]),
    "sim_replacement": ({"type": "object", "required": ["icc"]}, ["entity.subscription"]),
    "ping": (None, []),
}
"""Schema and entity types of each operation."""


def response(body: dict[str, Any], code: str = "SUCCESSFUL", **more: object) -> dict[str, Any]:
    """What a device answers to an operation."""
    asked = body["operation"]["request"]
    said = {"id": asked["id"], "name": asked["name"], "resultCode": code, "resultDescription": f"it is {code}"}
    return {"version": "1.0", "operation": {"response": said | more}}


def good(_properties: pika.BasicProperties, body: Any) -> object:
    """The answer of a device that works."""
    step = {"name": "REBOOTED", "timestamp": "2026-11-26T16:00:00Z", "result": "SUCCESSFUL", "description": "done"}
    return response(body, steps=[step])


class Operations:
    """The door of the operations, with types, a directory, and a daemon where one is started."""

    def __init__(self, engine: Engine, web: Web, replies: str) -> None:
        self.engine, self.replies = engine, replies
        self.web: Web | Served = web
        self._consumers: list[Consumer] = []

    # --- the door ----------------------------------------------------------------------------------------

    def call(self, method: str, path: str, body: object = None, **options: Any) -> httpx.Response:
        """Call the door; `path` is what stands behind its prefix."""
        if body is not None:
            options["json"] = body
        return self.web.call(method, BASE + path, **options)

    def create(self, *entities: str, query: str = "", **request: Any) -> httpx.Response:
        """Create a job of reboot, with these entities, if there are any."""
        asked: dict[str, object] = {"name": "REBOOT", **request}
        if entities:
            asked["target"] = {"append": {"entities": list(entities)}}
        return self.call("POST", f"/operation/jobs{query}", {"job": {"request": asked}})

    def made(self, *entities: str, **request: Any) -> str:
        """The id of a new job."""
        answer = self.create(*entities, **request)
        assert 201 == answer.status_code, answer.text
        return str(answer.json()["id"])

    def show(self, job: str) -> dict[str, Any]:
        """A job, as the door shows it."""
        answer = self.call("GET", f"/operation/jobs/{job}")
        assert 200 == answer.status_code, answer.text
        return dict(answer.json()["job"])

    def status(self, job: str) -> str:
        """The state of a job."""
        return str(self.show(job)["report"]["summary"]["status"])

    def comes_to(self, job: str, status: str) -> bool:
        """Whether a job is in this state soon."""
        return soon(lambda: self.status(job) == status, PATIENCE)

    def put(self, job: str, **options: Any) -> httpx.Response:
        """Change a job as `request` says."""
        return self.call("PUT", f"/operation/jobs/{job}", {"job": {"request": options.pop("request")}}, **options)

    def cancel(self, job: str) -> httpx.Response:
        """Cancel a job."""
        return self.call("DELETE", f"/operation/jobs/{job}")

    def operations(self, job: str, **query: object) -> list[dict[str, Any]]:
        """A page of the operations of a job."""
        answer = self.call("GET", f"/operation/jobs/{job}/operations", params=query)
        assert answer.status_code in (200, 204), answer.text
        return list(answer.json()["operations"]) if answer.status_code == 200 else []

    # --- behind it ---------------------------------------------------------------------------------------

    def consume(self, answer: Answer = good) -> Consumer:
        """Devices that answer so."""
        made = Consumer(self.engine.amqp_url, self.engine.queue, answer)
        self._consumers.append(made)
        return made

    def entities(self, *ids: str, type_: str = "entity.device", tags: tuple[str, ...] = ()) -> None:
        """Add entities to the directory."""
        adding = "insert into pgjobs.entities (id, type, tags) select u, %s, %s from unnest(%s::text[]) u"
        self.engine.execute(adding, type_, list(tags), list(ids))

    def close(self) -> None:
        """Let the devices go."""
        for consumer in self._consumers:
            consumer.close()


def error(answer: httpx.Response) -> tuple[int, str, str]:
    """Status, code and field of a refusal, which is in the shape of the contract."""
    body = answer.json()
    assert ["errors"] == list(body)
    (one,) = body["errors"]
    assert one["message"]
    fields = [each["name"] for each in one.get("context", [])]
    return answer.status_code, one["code"], ",".join(fields)


@pytest.fixture
def operations(engine: Engine, web_url: str, reply_queue: str) -> Iterator[Operations]:
    """The door over a directory of devices dev-1 to dev-130, and one subscription."""
    for name, (schema, applicable) in TYPES.items():
        engine.execute(
            "insert into xmp_job_types (name, title, selector, routing_key, params, format, tracked, reply_queue,"
            " doors, params_schema, applicable_to)"
            " values (%s, initcap(%s), 'pgjobs.operation_records', %s,"
            " '{parameters,resource_type,tags,filter,listed,dry_run}', 'plain', true, %s, '{operations}', %s, %s)",
            name, name, engine.queue, reply_queue, schema and json.dumps(schema), applicable,
        )  # fmt: skip
    with Web(read_settings(database_url=web_url)) as web:
        made = Operations(engine, web, reply_queue)
        made.entities(*(f"dev-{number}" for number in range(1, DEVICES + 1)))
        made.entities("sub-1", type_="entity.subscription")
        try:
            yield made
        finally:
            made.close()


class Served:
    """A web process that is called over the network, with a token in X-ApiKey."""

    def __init__(self, process: WebProcess, token: str) -> None:
        self.process = process
        self._token = token

    def call(self, method: str, path: str, **options: Any) -> httpx.Response:
        """Call it as the vendor's clients do."""
        headers = {"X-ApiKey": self._token} | options.pop("headers", {})
        return self.process.client.request(method, path, headers=headers, **options)


@pytest.fixture
def served(operations: Operations, web_url: str) -> Iterator[Operations]:
    """The same door as a process that asks for tokens, with a daemon."""
    token, digest = make_token()
    adding = "select pgjobs.add_token('psf', %s, '{operations:control}', null)"
    operations.engine.execute(adding, digest)
    operations.engine.start()
    with WebProcess(database_url=web_url, http_auth="true") as process:
        inner, operations.web = operations.web, Served(process, token)
        yield operations
        operations.web = inner
